"""From UTF-8 to records: lines of JSON or XML, JSON documents, tables, recordings; recognised by content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import orjson

from ingest.blocks import MAX_LINE, Block, Line, Loss, blocks, lines
from ingest.containers import Break
from ingest.delimited import Numbered, delimiter, read_table
from ingest.documents import read_document
from ingest.records import BadRecordError, Record, decode
from ingest.xml_rows import one_a_line, rows_of, shares_lines

_HEAD = 2**20
_LOOKED_AT = 50  # lines from the top that decide whether a file is lines of JSON
_POINTER = b"version https://git-lfs.github.com/spec/"
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")
_STRAIGHT = 2**20  # bytes of a line that is decoded without a look at it
_ARCHIVE_JS = b"window.YTD."
_TOP = 4096  # bytes that tell what is no dump
_PAGE = re.compile(rb"<!doctype html|<html", re.I)
_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\x0c\x1b")
_TABLE_HEAD = re.compile(rb"(?![\[{]\s*(?:[\]{}]|\"[^\"]*\"\s*:))")  # nothing by which JSON with objects begins


class Rows(NamedTuple):
    """Decoded records, each with its number in the file (a line, or a place in a list)."""

    rows: list[tuple[int, Any]]

    @property
    def last(self) -> int:
        """Number of the last."""
        return self.rows[-1][0]


class Found(NamedTuple):
    """One decoded record; `number` is its line, or its place in a list."""

    number: int
    record: Record


Item = Block | Rows | Loss


def read_items(
    pieces: Iterator[bytes | Break], *, max_line: int = MAX_LINE, rows: int = 20_000, table: bool = False
) -> Iterator[Item]:
    """Yield what a dump holds, in blocks of lines or of records, and in their places what was lost.

    Args:
        pieces: UTF-8.
        max_line: Longest line or table row in bytes.
        rows: A block has no more lines than this.
        table: The first line is a table's head, whatever it looks like, unless it is JSON.
    """
    head, rest = _head(pieces)
    if reason := _no_dump(head):
        yield Loss(1, reason)
    elif head.startswith(_ARCHIVE_JS):
        yield from _numbered(read_document(_without_assignment(rest), whole=max_line))
    elif head[:1] in (b"{", b"[") and not (table and _TABLE_HEAD.match(head)):
        yield from _json(head, rest, max_line, rows)
    elif head[:1] == b"<" and shares_lines(head):
        yield from blocks(one_a_line(rest), max_line=max_line, rows=rows)
    elif head[:1] == b"<" or (not table and (_has_objects(head) or (len(head) >= _HEAD and b"\n" not in head))):
        yield from blocks(rest, max_line=max_line, rows=rows)
    elif _is_recording(head):
        yield from _recording(rest)
    elif head:
        yield from _numbered(read_table(rest, delimited_by=delimiter(head), max_line=max_line))
    else:
        yield from (Loss(1, item.reason) for item in rest if isinstance(item, Break))


def _no_dump(head: bytes) -> str | None:
    """Return why a file that begins like this is none."""
    if head[:1] == b"<" and _PAGE.search(head[:_TOP]):
        return "a web page, not a dump: the server answered with an error or a login page"
    if head.startswith(_POINTER):
        return "a Git LFS pointer, not the file it stands for: run git lfs pull"
    if head.startswith(_ARCHIVE) or head[257:262] == b"ustar":
        return "an archive that is damaged, holds no dump, or lies in another archive: unpack it with its own tool"
    top = b"" if head[:1] in (b"{", b"[", b"<") else head[:_TOP]
    if len(top) - len(top.translate(None, _CONTROLS)) > len(top) / 10:
        return "not text: some other kind of file, or text in an encoding that has to be named"
    return None


def _head(pieces: Iterator[bytes | Break]) -> tuple[bytes, Iterator[bytes | Break]]:
    """Return the first megabyte without blanks before it, and everything again."""
    held: list[bytes | Break] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        if isinstance(piece, Break):
            break
        size += len(piece)
        if size >= _HEAD:
            break
    head = b"".join(p for p in held if isinstance(p, bytes))[:_HEAD].lstrip(b" \t\r\n\x00\xef\xbb\xbf")
    return head, chain(held, pieces)


def _json(head: bytes, rest: Iterator[bytes | Break], max_line: int, rows: int) -> Iterator[Item]:
    if _is_lines(head):
        yield from blocks(rest, max_line=max_line, rows=rows)
    else:
        yield from _numbered(read_document(rest, whole=max_line))


def _is_lines(head: bytes) -> bool:
    """Return whether JSON comes line by line: the first line is whole, or two objects among the first lines are."""
    whole, _, _ = head.rpartition(b"\n")
    lines = [line.strip() for line in whole.split(b"\n", _LOOKED_AT)[:_LOOKED_AT]]
    lines = [line for line in lines if line] if len(lines) > 1 or whole else []
    if not lines:  # one line: a document, or a file cut off within its first line
        return len(head) < _HEAD and _decodes(head)
    if _decodes(lines[0]):
        return True
    objects = [line for line in lines if line[:1] == b"{" and len(line) > 2 and _decodes(line)]
    return len(objects) >= 2 or (lines[0][:1] == b"{" and len(lines[0]) > 2 and len(objects) == 1)


def _decodes(data: bytes) -> bool:
    try:
        return isinstance(decode(data), dict | list)
    except BadRecordError:
        return False


def _has_objects(head: bytes) -> bool:
    """Return whether an object stands among the first lines, below one that is broken."""
    lines = head.split(b"\n", _LOOKED_AT)[1:_LOOKED_AT]
    return any(line[:1] == b"{" and _decodes(line) for line in lines)


def _numbered(items: Iterator[Numbered | Loss]) -> Iterator[Item]:
    for item in items:
        yield item if isinstance(item, Loss) else Rows(item)


def _without_assignment(pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    """Drop `window.YTD.tweets.part0 = ` before the array."""
    started = False
    for piece in pieces:
        if started or isinstance(piece, Break):
            yield piece
        elif b"=" in piece:
            started = True
            yield piece.split(b"=", 1)[1]


def _is_recording(head: bytes) -> bool:
    return head.startswith((b"interactions:", b"http_interactions:", b"---\ninteractions:"))


def _recording(pieces: Iterable[bytes | Break]) -> Iterator[Item]:
    from ingest.recordings import unwrap_yaml

    held, size = [], 0
    for piece in pieces:
        if isinstance(piece, Break):
            yield Loss(1, piece.reason)
            return
        held.append(piece)
        size += len(piece)
        if size > MAX_LINE:
            yield Loss(1, f"a recording longer than {MAX_LINE} bytes")
            return
    try:
        answers = unwrap_yaml(b"".join(held))
    except BadRecordError as error:
        yield Loss(1, str(error))
        return
    if answers is None:
        yield Loss(1, "a recording that cannot be read")
    elif answers:
        yield Rows(list(enumerate(answers, 1)))


def records(item: Block | Rows, *, after: int = 0, max_line: int = MAX_LINE) -> Iterator[Found | Loss]:
    """Yield each record of an item above number `after`, decoded, or why it cannot be."""
    if isinstance(item, Rows):
        for number, value in item.rows:
            if number > after:
                yield from _flat(number, value)
        return
    straight = min(max_line, _STRAIGHT)
    for number, data in enumerate(item.data.split(b"\n"), item.first):
        if number <= after or not data:
            continue
        if data[:1] == b"{" and len(data) <= straight:  # nearly every line: the straight way is half of the time
            try:
                value = orjson.loads(data)
            except orjson.JSONDecodeError:
                value = None
            if type(value) is dict and not _holds_answers(value):
                yield Found(number, value)
                continue
        for line in lines(Block(number, number, data), max_line=max_line):
            yield from (line,) if isinstance(line, Loss) else _decoded(line)


def _holds_answers(value: Record) -> bool:
    """Return whether this may be a recording of a server's answers."""
    return "log" in value or "interactions" in value or "http_interactions" in value


def _decoded(line: Line) -> Iterator[Found | Loss]:
    number, data = line
    if data[:1] == b"<":
        for row in rows_of(data):
            yield Loss(number, "not a valid XML row") if row is None else Found(number, row)
        return
    try:
        value = decode(data)
    except BadRecordError as error:
        yield Loss(number, str(error))
        return
    yield from _flat(number, value)


def _flat(number: int, value: Any) -> Iterator[Found | Loss]:
    """Yield the objects of nested arrays, and of recorded answers; what else is in them is reported once."""
    if isinstance(value, dict) and not _holds_answers(value):
        yield Found(number, value)
        return
    from ingest.recordings import unwrap

    stack: list[Iterator[Any]] = [iter((value,))]
    wrong = None
    while stack:
        try:
            found = next(stack[-1])
        except StopIteration:
            stack.pop()
            continue
        if isinstance(found, dict):
            try:
                answers = unwrap(found) if _holds_answers(found) else None
            except BadRecordError as error:
                wrong = str(error)
                continue
            if answers is None:
                yield Found(number, found)
            else:
                stack.append(iter(answers))
        elif isinstance(found, list):
            stack.append(iter(found))
        else:
            wrong = "JSON, but not an object"
    if wrong:
        yield Loss(number, wrong)
