"""From the bytes of a dump to its lines: zstd, gzip or plain; UTF-8 or UTF-16; damaged or whole; in bounded memory.

A container is recognised by its first bytes, never by its name. What can be read before, between and after damage is
kept, and every loss is yielded as a `Loss` in its place.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import zstandard

ZSTD_WINDOW = 2**31  # Pushshift compresses with `zstd --long=31`
MAX_LINE = 64 * 2**20
_PIECE = 1024  # compressed bytes per step: a zstd block turns 4 bytes into 128 KiB, so a step stays below 32 MiB
_PLAIN_PIECE = 2**18
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b\x08"
_BLANK = b" \t\r\n\x00"


class Line(NamedTuple):
    """One line that is not blank; `number` counts from 1."""

    number: int
    data: bytes


class Loss(NamedTuple):
    """Something that could not be read at line `number`, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class _Break:
    """The bytes before and after this do not belong together."""

    reason: str


@dataclass(frozen=True)
class _Codec:
    name: str
    magic: bytes
    decoder: Callable[[], Any]
    errors: tuple[type[Exception], ...]


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()


def _gzip_decoder() -> Any:
    return zlib.decompressobj(31)


_ZSTD = _Codec("zstd", _ZSTD_MAGIC, _zstd_decoder, (zstandard.ZstdError,))
_GZIP = _Codec("gzip", _GZIP_MAGIC, _gzip_decoder, (zlib.error,))


def container(path: Path) -> str:
    """Return "zstd", "gzip" or "plain", judged by the first bytes of the file."""
    codec = _codec(path)
    return codec.name if codec else "plain"


def _codec(path: Path) -> _Codec | None:
    with path.open("rb") as stream:
        head = stream.read(4)
    if head == _ZSTD_MAGIC or (head[1:] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return _ZSTD
    return _GZIP if head.startswith(_GZIP_MAGIC) else None


def read_lines(
    path: Path, *, max_line: int = MAX_LINE, consumed: Callable[[float], None] | None = None
) -> Iterator[Line | Loss]:
    """Yield the lines of a dump, and in their places what was lost.

    Args:
        path: A file of any container and encoding this module knows.
        max_line: Longest line in bytes; a longer one is skipped in bounded memory and yielded as a `Loss`.
        consumed: Told the number of bytes of the file just read.
    """
    advance = consumed or (lambda amount: None)
    codec = _codec(path)
    with path.open("rb") as stream:
        pieces = _plain(stream, advance) if codec is None else _unpacked(stream, codec, advance)
        yield from _split(_as_utf8(pieces), max_line)


def _plain(stream: BinaryIO, advance: Callable[[float], None]) -> Iterator[bytes | _Break]:
    while piece := stream.read(_PLAIN_PIECE):
        advance(len(piece))
        yield piece


def _unpacked(stream: BinaryIO, codec: _Codec, advance: Callable[[float], None]) -> Iterator[bytes | _Break]:
    """Yield what every frame holds; after a damaged frame go on at the next one."""
    start: int | None = 0
    while start is not None:
        start = yield from _frame(stream, codec, start, advance)


def _frame(
    stream: BinaryIO, codec: _Codec, start: int, advance: Callable[[float], None]
) -> Generator[bytes | _Break, None, int | None]:
    """Yield what one frame holds; return where the next one starts, None at the end of the file."""
    stream.seek(start)
    decoder, position = codec.decoder(), start
    while piece := stream.read(_PIECE):
        try:
            data = decoder.decompress(piece)
        except codec.errors:
            yield from _salvage(stream, codec, start, position)
            yield _Break(f"damaged {codec.name} frame: the rest of the frame is lost")
            return _next_frame(stream, codec, max(position, start + 1))
        position += len(piece)
        if data:
            yield data
        if decoder.eof:
            position -= len(decoder.unused_data)
            advance(position - start)
            return position if _more(stream, position) else None
    if position > start:
        yield _Break(f"truncated {codec.name} file: it ends inside a frame")
    return None


def _salvage(stream: BinaryIO, codec: _Codec, start: int, bad: int) -> Iterator[bytes]:
    """Decode the frame again up to the piece at `bad`, then that piece byte by byte: an error discards its call's output."""
    stream.seek(start)
    decoder = codec.decoder()
    for _ in range((bad - start) // _PIECE):
        decoder.decompress(stream.read(_PIECE))
    for byte in stream.read(_PIECE):
        try:
            data = decoder.decompress(bytes((byte,)))
        except codec.errors:
            return
        if data:
            yield data


def _next_frame(stream: BinaryIO, codec: _Codec, position: int) -> int | None:
    stream.seek(position)
    tail = b""
    while piece := stream.read(_PLAIN_PIECE):
        found = (tail + piece).find(codec.magic)
        if found >= 0:
            return position - len(tail) + found
        position += len(piece)
        tail = (tail + piece)[-(len(codec.magic) - 1) :]
    return None


def _more(stream: BinaryIO, position: int) -> bool:
    stream.seek(position)
    return bool(stream.read(1))


_BOMS = ((codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def _encoding(head: bytes) -> tuple[int, str | None]:
    """Return the length of the byte order mark and the encoding to decode from (None: UTF-8 already)."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return len(mark), name
    if head[:2] == b"{\x00":
        return 0, "utf-16-le"
    return (0, "utf-16-be") if head[:2] == b"\x00{" else (0, None)


def _as_utf8(pieces: Iterator[bytes | _Break]) -> Iterator[bytes | _Break]:
    head = b""
    for piece in pieces:
        if isinstance(piece, _Break):
            yield from (head, piece) if head else (piece,)
            head = b""
            continue
        head += piece
        if len(head) >= 3:
            skip, encoding = _encoding(head)
            rest = _chain(head[skip:], pieces)
            yield from rest if encoding is None else _decoded(rest, encoding)
            return
    if head:
        yield head


def _chain(first: bytes, rest: Iterator[bytes | _Break]) -> Iterator[bytes | _Break]:
    if first:
        yield first
    yield from rest


def _decoded(pieces: Iterator[bytes | _Break], encoding: str) -> Iterator[bytes | _Break]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in pieces:
        if isinstance(piece, _Break):
            decoder.reset()
            yield piece
        else:
            yield decoder.decode(piece).encode()
    yield decoder.decode(b"", True).encode()


class _Splitter:
    """Cuts bytes into lines, and forgets the bytes of a line that grows too long."""

    def __init__(self, max_line: int) -> None:
        self._max = max_line
        self._held: list[bytes] = []
        self._size = 0
        self.number = 1

    def feed(self, piece: bytes) -> Iterator[Line | Loss]:
        first, *rest = piece.split(b"\n")
        self._hold(first)
        for part in rest:
            yield from self.flush()
            self.number += 1
            self._hold(part)

    def _hold(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max:
            self._held.clear()
        elif part:
            self._held.append(part)

    def flush(self) -> Iterator[Line | Loss]:
        """Yield the line held, if any."""
        size, held = self._size, self._held
        self._held, self._size = [], 0
        if size > self._max:
            yield Loss(self.number, f"longer than {self._max} bytes")
            return
        data = (held[0] if len(held) == 1 else b"".join(held)).strip(_BLANK) if held else b""
        if data:
            yield Line(self.number, data)

    def cut(self, reason: str) -> Iterator[Line | Loss]:
        """Yield the line held if it seems whole, then the loss."""
        for item in self.flush():
            if isinstance(item, Loss) or item.data.endswith(b"}"):
                yield item
                self.number += 1  # so that a cursor may stand between the line and the loss
        yield Loss(self.number, reason)
        self.number += 1


def _split(pieces: Iterator[bytes | _Break], max_line: int) -> Iterator[Line | Loss]:
    splitter = _Splitter(max_line)
    for piece in pieces:
        yield from splitter.cut(piece.reason) if isinstance(piece, _Break) else splitter.feed(piece)
    yield from splitter.flush()
