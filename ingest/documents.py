"""JSON documents: whole where they are small, in pieces of the same shape where they are large or damaged.

A piece is the document with one of its long lists cut short: `{"name": …, "messages": [1000 of them]}` after another.
So a chat export of many gigabytes is read in bounded memory, and the part before damage is kept.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Any

import ijson

from ingest.blocks import MAX_LINE, Loss
from ingest.containers import Break
from ingest.records import BadRecordError, decode

CHUNK, CHUNK_BYTES = 1000, 4 * 2**20  # elements of a list in one piece; what pieces hold in memory, about
GROUP = 10_000  # records handed on at once
_LONG_LISTS = frozenset(
    (
        *("messages", "list", "orderedItems", "items", "data", "posts", "feed", "statuses", "comments", "children"),
        *("things", "ancestors", "descendants", "tweets", "conversations", "entries", "records"),
    )
)
_DEEPEST_CUT = 8  # only lists this near the top are cut
_LONGEST = 2**24  # bytes between two things the parser tells of: it holds them all
_ANY_LIST = 8  # times CHUNK_BYTES, when a list of any name is cut
_HEAVIEST = 32  # times CHUNK_BYTES, when a record that cannot be cut is given up
_OF_A_VALUE, _OF_A_CONTAINER = 32, 96  # bytes in memory, about
_MOST_FIELDS = 50  # of an object that every piece of a document repeats
_SPACES = bytes(32 if b < 32 else b for b in range(256))  # the parser allows no other control bytes, and these nowhere
_DAMAGED = "the document is damaged or cut off here; what stands before is kept"

Numbered = list[tuple[int, Any]]


def read_document(pieces: Iterable[bytes | Break], *, whole: int = MAX_LINE) -> Iterator[Numbered | Loss]:
    """Yield numbered records: the elements of an array, or an object as one record, or the pieces of a large one.

    Args:
        pieces: UTF-8.
        whole: A document of at most so many bytes is read at once.
    """
    held: list[bytes] = []
    size, source = 0, iter(pieces)
    for piece in source:
        if isinstance(piece, Break):
            yield from _streamed(held, [piece])
            return
        held.append(piece)
        size += len(piece)
        if size > whole:
            yield from _streamed(held, source)
            return
    data = b"".join(held)
    try:
        value = decode(data.lstrip(b"\xef\xbb\xbf"))
    except BadRecordError:
        yield from _streamed([data], [])
        return
    values = value if isinstance(value, list) else [value]
    most = max(1, min(GROUP, CHUNK_BYTES * len(values) // len(data)))
    for start in range(0, len(values), most):
        yield list(enumerate(values[start : start + most], start + 1))


class _Bytes:
    """The pieces as a file that ijson can read, without what its parser stops at: broken UTF-8 and control bytes."""

    def __init__(self, held: list[bytes], rest: Iterable[bytes | Break]) -> None:
        self._held, self._rest = held[::-1], iter(rest)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.broken = ""
        self.since = 0  # bytes read since the parser last told of something

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        while not self._held:
            piece = None if self.broken else next(self._rest, None)
            if piece is None:
                return b""
            if isinstance(piece, Break):
                self.broken = piece.reason
            elif piece:
                self._held.append(piece)
        if self.since > _LONGEST:
            self.broken = f"a text longer than {_LONGEST} bytes"
            return b""
        piece = self._held.pop()
        if len(piece) > size > 0:
            self._held.append(piece[size:])
            piece = piece[:size]
        self.since += len(piece)
        return self._decoder.decode(piece).encode().translate(_SPACES) or self.read(size)


def _streamed(held: list[bytes], rest: Iterable[bytes | Break]) -> Iterator[Numbered | Loss]:
    stream = _Bytes([piece for piece in held if piece], rest)
    builder, number = _Builder(), 0
    group: Numbered = []
    events = ijson.basic_parse(stream, use_float=True, multiple_values=True)
    reason = ""
    while True:
        try:
            event, value = next(events)
        except StopIteration:
            break
        except (ijson.JSONError, ValueError):  # a number of thousands of digits is a ValueError
            reason = _DAMAGED
            break
        stream.since = 0
        for record in builder.take(event, value):
            number += 1
            group.append((number, record))
            if len(group) >= GROUP or builder.heavy:
                yield group
                group, builder.heavy = [], False
        if builder.weight > _HEAVIEST * CHUNK_BYTES:
            reason = f"a record of more than {_HEAVIEST * CHUNK_BYTES} bytes; what stands before is kept"
            break
    for record in builder.rest() if reason or stream.broken else ():
        number += 1
        group.append((number, record))
    if group:
        yield group
    if reason or stream.broken:
        yield Loss(number + 1, stream.broken or reason)
    elif number == 0:
        yield Loss(1, "not valid JSON")


class _Builder:
    """Puts a document together from its events; hands on what it need not hold any longer."""

    def __init__(self) -> None:
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str] = []  # where in its parent each open container but the first stands; "" in a list
        self._key = ""
        self._given = 0
        self._cut_at = CHUNK_BYTES
        self.weight = 0  # of what is held, as it lies in memory, about
        self.heavy = False  # what was handed on by now should not be held any longer

    def take(self, event: str, value: Any) -> Iterator[Any]:
        """Add one event, and yield records that are complete."""
        if event == "map_key":
            self._key = value
            self.weight += len(value)
        elif event in ("start_map", "start_array"):
            self._start({} if event == "start_map" else [])
        elif event in ("end_map", "end_array"):
            yield from self._end()
        else:
            self.weight += _OF_A_VALUE + (len(value) if isinstance(value, str) else 0)
            self._put(value)
        if self.weight >= self._cut_at:
            self._cut_at = self.weight + CHUNK_BYTES // 8
            yield from self._lightened()

    def _put(self, value: Any) -> None:
        if not self._open:
            self._lighter()
            return  # a bare number or text is no record
        place = self._open[-1]
        if isinstance(place, dict):
            place[self._key] = value
        else:
            place.append(value)

    def _start(self, container: dict[str, Any] | list[Any]) -> None:
        self.weight += _OF_A_CONTAINER
        if self._open:
            self._keys.append(self._key if isinstance(self._open[-1], dict) else "")
            self._put(container)
        self._open.append(container)

    def _end(self) -> Iterator[Any]:
        done = self._open.pop()
        if not self._open:
            if isinstance(done, dict):
                yield done
            self._lighter()
            return
        key = self._keys.pop()
        parent = self._open[-1]
        if isinstance(parent, dict):
            self._key = key
        elif len(self._open) == 1:  # an element of a top-level array
            parent.clear()
            self._given += self.weight
            self._lighter()
            if self._given >= CHUNK_BYTES:
                self._given, self.heavy = 0, True
            yield done
        elif len(parent) >= CHUNK and self._cuttable(len(self._open) - 1, known=True):
            yield self._piece(len(self._open) - 1, parent)
            parent.clear()
            self._lighter(heavy=True)

    def _lighter(self, *, heavy: bool = False) -> None:
        self.weight, self._cut_at = 0, CHUNK_BYTES
        self.heavy = self.heavy or heavy

    def _lightened(self) -> Iterator[Any]:
        """Hand on the whole elements of the list nearest to the top that has any; one of a known name where there is one."""
        for known in (True, False):
            for depth in self._depths():
                if self._cuttable(depth, known=known) and (whole := self._whole(depth)):
                    yield self._piece(depth, whole)
                    del self._open[depth][: len(whole)]  # type: ignore[arg-type]
                    self._lighter(heavy=True)
                    return
            if self.weight < _ANY_LIST * CHUNK_BYTES:
                return

    def _depths(self) -> range:
        return range(1, min(len(self._open), _DEEPEST_CUT))

    def _cuttable(self, depth: int, *, known: bool) -> bool:
        if depth >= _DEEPEST_CUT or not isinstance(self._open[depth], list):
            return False
        return not known or self._keys[depth - 1] in _LONG_LISTS

    def _whole(self, depth: int) -> list[Any]:
        """Return the elements of an open list without the one that is being read."""
        place = self._open[depth]
        return list(place)[: len(place) - (depth + 1 < len(self._open))]

    def _piece(self, depth: int, elements: list[Any]) -> Any:
        """Return the document as it is known by now: elements of one list, and the plain values around it."""
        value: Any = list(elements)
        for container, key in zip(reversed(self._open[:depth]), reversed(self._keys[:depth]), strict=True):
            value = [value] if isinstance(container, list) else _plain(container) | {key: value}
        return value

    def rest(self) -> Iterator[Any]:
        """Yield what a document that ends too early holds by then, without the elements it ends in."""
        for depth in self._depths():
            if self._cuttable(depth, known=True) and (whole := self._whole(depth)):
                yield self._piece(depth, whole)


def _plain(container: dict[str, Any]) -> dict[str, Any]:
    """Return the plain values of an object, and the small objects of plain values, such as who an export is of."""
    return {key: value for key, value in container.items() if _is_plain(value) or _is_flat(value)}


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= _MOST_FIELDS and all(map(_is_plain, value.values()))
