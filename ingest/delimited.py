"""Delimited text (CSV, TSV and their kin) to records; the first row names the columns.

A quote that never ends would swallow all rows below it, so a row of several lines is taken as it stands only where its
quotes are in order, or where none of its further lines is a whole row by itself. Otherwise its first line is read
alone, what is wrong is reported, and reading goes on with its second line.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from ingest.blocks import BLOCK_BYTES, MAX_LINE, Loss, blocks
from ingest.containers import Break

Numbered = list[tuple[int, Any]]

LONGEST_ROW = 4 * 2**20  # characters of a row of several lines
READ_AGAIN = 2**28  # characters of a file that are read again after quotes that never end
_DELIMITERS = ",;\t|"
_ROWS = 2_000
_MOST_COLUMNS = 2**20
_OPEN_QUOTE = "a quote that never ends: of this row its first line is read, and the next line as a row of its own"
ANOTHER_WIDTH = "a table row with another number of columns than the head"
_TOO_MANY_QUOTES = "a quote that never ends, as so many before it: the lines in it are lost"
_NOT_UTF8 = "text that is not UTF-8, from here on: letters are lost, and with them names become alike; say its encoding"

csv.field_size_limit(MAX_LINE)


def delimiter(head: bytes) -> str:
    """Return the delimiter the head line uses most, outside quotes.

    >>> delimiter(b'id;"a,b,c";text')
    ';'
    """
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    bare = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def read_table(
    pieces: Iterable[bytes | Break], *, delimited_by: str, max_line: int = MAX_LINE
) -> Iterator[Numbered | Loss]:
    """Yield numbered rows as records (column name to text), and in their places what was lost.

    Args:
        pieces: UTF-8.
        delimited_by: One character.
        max_line: Longest line in bytes.
    """
    held, size = Numbered(), 0
    lines = _Lines(pieces, delimited_by, max_line)
    for item in _Table(lines, delimited_by).read():
        if not isinstance(item, Loss):
            held.append(item)
            size += lines.size
        if held and (isinstance(item, Loss) or len(held) >= _ROWS or size >= BLOCK_BYTES):
            yield held
            held, size = [], 0
        if isinstance(item, Loss):
            yield item
    if held:
        yield held


class _CutError(csv.Error):
    """A row that can have no end: something was lost in it, or it is too long."""


class _Lines:
    """The lines of the text, and those the row being read has taken by now."""

    def __init__(self, pieces: Iterable[bytes | Break], delimited_by: str, max_line: int) -> None:
        self._source = self._decoded(blocks(pieces, max_line=max_line))
        self._delimiter = delimited_by
        self._again: deque[str] = deque()
        self._read_again = 0
        self._waiting: Loss | None = None
        self._whole_utf8 = True
        self.taken: list[str] = []
        self.size = 0  # of those, in characters
        self.number = 0  # of the last line
        self.lost: list[Loss] = []  # since it was last emptied

    def _decoded(self, items: Iterable[Any]) -> Iterator[str | Loss]:
        for item in items:
            if isinstance(item, Loss):
                yield item
                continue
            data = item.data.replace(b"\x00", b"") if b"\x00" in item.data else item.data
            try:
                text = data.decode()
            except UnicodeDecodeError:
                text = data.decode("utf-8", "replace")
                if self._whole_utf8:
                    self._whole_utf8 = False
                    self.lost.append(Loss(self.number + 1, _NOT_UTF8))
            for line in _split(text.removeprefix("\ufeff")):
                wide = len(line) > _MOST_COLUMNS and line.count(self._delimiter) > _MOST_COLUMNS
                yield Loss(0, f"a line of more than {_MOST_COLUMNS} columns") if wide else line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        """Return the next line.

        Raises:
            _CutError: The row cannot go on.
        """
        if self.taken and self.size > LONGEST_ROW:
            raise _CutError
        line = self._again.popleft() if self._again else self._fresh()
        self.number += 1
        self.taken.append(line)
        self.size += len(line)
        return line

    def _fresh(self) -> str:
        while True:
            found = self._waiting or next(self._source)
            if isinstance(found, str):
                return found
            if self.taken:
                self._waiting = found
                raise _CutError
            self._waiting = None
            self.number += 1
            self.lost.append(Loss(self.number, found.reason))

    def begin(self) -> None:
        """Begin a row."""
        self.taken, self.size = [], 0

    def give_back(self) -> bool:
        """Make all lines of this row but the first be read again; return whether they will be."""
        again = self.taken[1:]
        self._read_again += self.size
        if self._read_again > READ_AGAIN:
            return False
        self._again.extendleft(reversed(again))
        self.number -= len(again)
        return True


def _split(text: str) -> Iterator[str]:
    """Yield lines with their ends; old Macs ended them with carriage returns."""
    if text.count("\r") != text.count("\r\n"):
        yield from io.StringIO(text + "\n", newline="")
        return
    yield from (f"{line}\n" for line in text.split("\n"))


class _Table:
    def __init__(self, lines: _Lines, delimited_by: str) -> None:
        self._lines, self._delimiter = lines, delimited_by
        self._columns: list[str] | None = None

    def read(self) -> Iterator[tuple[int, dict[str, str]] | Loss]:
        strict = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        while True:
            self._lines.begin()
            row: list[str] | None
            wrong: Loss | None = None
            try:
                row = next(strict)
            except StopIteration:
                yield from self._lost()
                return
            except csv.Error as error:
                row, wrong = self._mended(isinstance(error, _CutError))
            yield from self._lost()
            if wrong is not None:
                yield wrong
            if row is not None:
                yield from self._found(row, reported=wrong is not None)

    def _lost(self) -> Iterator[Loss]:
        yield from self._lines.lost
        self._lines.lost.clear()

    def _found(self, row: list[str], *, reported: bool) -> Iterator[tuple[int, dict[str, str]] | Loss]:
        if self._columns is None:
            self._columns = [name.strip() for name in row]
        elif any(row):
            if self._fits(row, least=len(self._columns) - (not reported)):
                yield self._lines.number, dict(zip(self._columns, row, strict=False))
            elif not reported:
                yield Loss(self._lines.number, ANOTHER_WIDTH)

    def _fits(self, row: list[str], *, least: int) -> bool:
        return len(row) >= least and not any(row[len(self._columns or ()) :])

    def _mended(self, cut: bool) -> tuple[list[str] | None, Loss | None]:
        """Return what can be read of a row whose quotes are out of order, and what is wrong with it.

        Args:
            cut: Whether it cannot go on.
        """
        if not cut:
            row = self._leniently()
            if row is not None and not self._swallows():
                return row, None
        first = self._lines.taken[0]
        if not self._lines.give_back():
            return None, Loss(self._lines.number, _TOO_MANY_QUOTES)
        return self._alone(first), Loss(self._lines.number, _OPEN_QUOTE)

    def _leniently(self) -> list[str] | None:
        """Return the row with quotes inside of fields taken as they stand, further lines included; None where it has no end."""
        taken = list(self._lines.taken)
        try:
            row = next(csv.reader(chain(taken, self._lines), delimiter=self._delimiter))
        except (csv.Error, StopIteration):
            return None
        return None if self._open() else row

    def _open(self) -> bool:
        """Return whether the row ends within quotes, as only the end of the text can make it."""
        rows = csv.reader([*self._lines.taken, "one more line"], delimiter=self._delimiter)
        return sum(1 for _ in rows) < 2

    def _swallows(self) -> bool:
        """Return whether one of the further lines of a row is a row by itself."""
        columns = len(self._columns or ())
        return any(columns > 1 and len(self._alone(line) or ()) == columns for line in self._lines.taken[1:])

    def _alone(self, line: str) -> list[str] | None:
        try:
            return next(csv.reader([line], delimiter=self._delimiter), None)
        except csv.Error:
            return None
