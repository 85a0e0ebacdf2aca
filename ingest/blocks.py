"""UTF-8 in pieces to blocks of whole lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ingest.containers import Break

MAX_LINE = 64 * 2**20
BLOCK_BYTES = 6 * 2**20
_BLANK = b" \t\r\n\x00"
_MARK = b"\xef\xbb\xbf"  # of byte order; joined files have it in the middle, too


class Line(NamedTuple):
    """One line that is not blank; `number` counts from 1."""

    number: int
    data: bytes


class Loss(NamedTuple):
    """Something that could not be read at line `number`, and why."""

    number: int
    reason: str


class Block(NamedTuple):
    """Whole lines; the first is number `first`, the last number `last`."""

    first: int
    last: int
    data: bytes


def blocks(pieces: Iterable[bytes | Break], *, max_line: int = MAX_LINE, rows: int = 20_000) -> Iterator[Block | Loss]:
    """Yield blocks of whole lines, and in their places what was lost.

    Args:
        pieces: UTF-8, cut anywhere.
        max_line: Longest line in bytes; of a longer one at most this much is held, and it is yielded as a `Loss`.
        rows: A block has no more lines than this.
    """
    cutter = _Cutter(max_line, rows)
    for piece in pieces:
        yield from cutter.cut(piece.reason) if isinstance(piece, Break) else cutter.feed(piece)
    yield from cutter.end()


def lines(block: Block, *, after: int = 0, max_line: int = MAX_LINE) -> Iterator[Line | Loss]:
    """Yield the lines of a block that are not blank and whose number is above `after`."""
    for number, data in enumerate(block.data.split(b"\n"), block.first):
        if number <= after:
            continue
        if len(data) > max_line:
            yield Loss(number, f"longer than {max_line} bytes")
            continue
        data = data.strip(_BLANK)  # noqa: PLW2901 - one name for one line
        if data.startswith(_MARK):
            data = data[len(_MARK) :].strip(_BLANK)  # noqa: PLW2901
        if data:
            yield Line(number, data)


class _Cutter:
    """Holds the lines of one block, and the beginning of the next line."""

    def __init__(self, max_line: int, rows: int) -> None:
        self._max, self._rows = max_line, rows
        self._whole: list[bytes] = []  # each ends a line
        self._whole_bytes = self._newlines = 0
        self._rest: list[bytes] = []  # of the line that has not ended
        self._rest_bytes = 0
        self._number = 1  # of the first line held

    def feed(self, piece: bytes) -> Iterator[Block | Loss]:
        end = piece.rfind(b"\n") + 1
        if end == 0:
            self._hold(piece)
            return
        if self._rest_bytes > self._max:
            end_of_long = piece.find(b"\n") + 1
            yield from self._drop_long()
            piece, end = piece[end_of_long:], end - end_of_long
        if end:
            self._keep(b"".join((*self._rest, piece[:end])))
            self._rest, self._rest_bytes = [], 0
        self._hold(piece[end:])
        if self._whole_bytes >= BLOCK_BYTES or self._newlines >= self._rows:
            yield from self._flush()

    def _keep(self, data: bytes) -> None:
        self._whole.append(data)
        self._whole_bytes += len(data)
        self._newlines += data.count(b"\n")

    def _hold(self, part: bytes) -> None:
        self._rest_bytes += len(part)
        if self._rest_bytes > self._max:
            self._rest.clear()
        elif part:
            self._rest.append(part)

    def _flush(self) -> Iterator[Block]:
        if not self._whole:
            return
        data = b"".join(self._whole)
        self._whole, self._whole_bytes, self._newlines = [], 0, 0
        start = 0
        while start < len(data):  # one compressed piece may hold far more than a block
            end = _line_end(data, start)
            yield from self._in_rows(data[start:end])
            start = end

    def _in_rows(self, data: bytes) -> Iterator[Block]:
        data = data[:-1] if data.endswith(b"\n") else data
        if data.count(b"\n") < self._rows:
            yield self._block(data)
            return
        every = data.split(b"\n")
        for start in range(0, len(every), self._rows):
            yield self._block(b"\n".join(every[start : start + self._rows]))

    def _block(self, data: bytes) -> Block:
        first = self._number
        self._number += data.count(b"\n") + 1
        return Block(first, self._number - 1, data)

    def _drop_long(self) -> Iterator[Block | Loss]:
        yield from self._flush()
        yield Loss(self._number, f"longer than {self._max} bytes")
        self._number += 1
        self._rest, self._rest_bytes = [], 0

    def end(self) -> Iterator[Block | Loss]:
        """Yield what is held."""
        if self._rest_bytes > self._max:
            yield from self._drop_long()
        elif self._rest_bytes:
            self._keep(b"".join(self._rest))
            self._rest, self._rest_bytes = [], 0
        yield from self._flush()

    def cut(self, reason: str) -> Iterator[Block | Loss]:
        """Yield what is held, the last line only if it seems whole, then the loss."""
        rest = b"".join(self._rest)
        if self._rest_bytes <= self._max and not rest.rstrip(_BLANK).endswith((b"}", b"/>")):
            self._rest, self._rest_bytes = [], 0
        yield from self.end()
        yield Loss(self._number, reason)
        self._number += 1


def _line_end(data: bytes, start: int) -> int:
    """Return where the lines end that fit into a block from `start`; at least one line does."""
    if len(data) - start <= 2 * BLOCK_BYTES:
        return len(data)
    end = data.rfind(b"\n", start, start + BLOCK_BYTES) + 1
    return end or (data.find(b"\n", start + BLOCK_BYTES) + 1) or len(data)
