"""From the bytes of a dump to UTF-8: zstd, gzip, bzip2, xz or plain; damaged or whole; in bounded memory.

A container is recognised by its first bytes, never by its name. What can be read before, between and after damage is
kept, and every loss is yielded as a `Break` in its place.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import zstandard

from copenet.foundation.errors import UsageError

ZSTD_WINDOW = 2**31  # Pushshift compresses with `zstd --long=31`
_PIECE = 1024  # compressed bytes per step: a zstd block turns 4 bytes into 128 KiB, so a step stays below 32 MiB
_PLAIN_PIECE = 2**18
_MOST = 2**24  # unpacked bytes held at once, of the codecs that can stop: a step of bzip2 may hold a gigabyte


@dataclass(frozen=True)
class Break:
    """The bytes before and after this do not belong together."""

    reason: str


@dataclass(frozen=True)
class _Codec:
    name: str
    magic: bytes
    decoder: Callable[[], Any]
    errors: tuple[type[Exception], ...]
    stops: bool = False  # whether it can be told how much to unpack at once


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()


def _gzip_decoder() -> Any:
    return zlib.decompressobj(31)


def _xz_decoder() -> Any:
    return lzma.LZMADecompressor(memlimit=ZSTD_WINDOW)


_CODECS = (
    _Codec("zstd", b"\x28\xb5\x2f\xfd", _zstd_decoder, (zstandard.ZstdError,)),
    _Codec("gzip", b"\x1f\x8b\x08", _gzip_decoder, (zlib.error,)),
    _Codec("bzip2", b"BZh", bz2.BZ2Decompressor, (OSError, ValueError), stops=True),
    _Codec("xz", b"\xfd7zXZ\x00", _xz_decoder, (lzma.LZMAError,), stops=True),
)
_HEAD = 6
DAMAGE = (  # met while a file in an archive is read
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
)
BROKEN_LIST = (
    *DAMAGE,
    ValueError,
    OverflowError,
    LookupError,
    NotImplementedError,
    RuntimeError,
)  # or while one is opened


def container(head: bytes) -> str:
    """Return "zstd", "gzip", "bzip2", "xz" or "plain", judged by the first bytes of a file."""
    codec = _codec(head)
    return codec.name if codec else "plain"


def _codec(head: bytes) -> _Codec | None:
    if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:  # a skippable frame
        return _CODECS[0]
    return next((codec for codec in _CODECS if head.startswith(codec.magic)), None)


def read_utf8(
    stream: BinaryIO, *, encoding: str | None = None, consumed: Callable[[float], None] | None = None
) -> Iterator[bytes | Break]:
    """Yield what a dump holds as UTF-8, and in its place what was lost.

    Args:
        stream: Seekable, at its beginning.
        encoding: Of the text inside; None means UTF-8, or UTF-16 where the first bytes say so.
        consumed: Told the number of bytes of the stream just read.
    """
    advance = consumed or (lambda amount: None)
    try:
        codec = _codec(stream.read(_HEAD))
        stream.seek(0)
        pieces = _plain(stream, advance) if codec is None else _unpacked(stream, codec, advance)
        yield from _as_utf8(pieces) if encoding is None else _decoded(pieces, encoding)
    except DAMAGE:
        yield Break("damaged archive: the rest of this file is lost")


def _plain(stream: BinaryIO, advance: Callable[[float], None]) -> Iterator[bytes | Break]:
    while piece := stream.read(_PLAIN_PIECE):
        advance(len(piece))
        yield piece


def _unpacked(stream: BinaryIO, codec: _Codec, advance: Callable[[float], None]) -> Iterator[bytes | Break]:
    """Yield what every frame holds; after a damaged frame go on at the next one."""
    start: int | None = 0
    while start is not None:
        start = yield from _frame(stream, codec, start, advance)


def _frame(
    stream: BinaryIO, codec: _Codec, start: int, advance: Callable[[float], None]
) -> Generator[bytes | Break, None, int | None]:
    """Yield what one frame holds; return where the next one starts, None at the end of the file."""
    stream.seek(start)
    decoder, position = codec.decoder(), start
    while piece := stream.read(_PIECE):
        given = 0  # of this piece, unpacked
        try:
            for data in _steps(decoder, codec, piece):
                given += len(data)
                yield data
        except codec.errors:
            yield from _salvage(stream, codec, start, position, given)
            yield Break(f"damaged {codec.name} frame: the rest of the frame is lost")
            return _next_frame(stream, codec, max(position, start + 1))
        position += len(piece)
        if decoder.eof:
            position -= len(decoder.unused_data)
            advance(position - start)
            return position if _more(stream, position) else None
    if position > start:
        yield Break(f"truncated {codec.name} file: it ends inside a frame")
    return None


def _steps(decoder: Any, codec: _Codec, piece: bytes) -> Iterator[bytes]:
    """Yield what a piece unpacks to, no more at once than may be held."""
    data = decoder.decompress(piece, _MOST) if codec.stops else decoder.decompress(piece)
    if data:
        yield data
    while codec.stops and not decoder.eof and not decoder.needs_input:
        if data := decoder.decompress(b"", _MOST):
            yield data


def _salvage(stream: BinaryIO, codec: _Codec, start: int, bad: int, given: int) -> Iterator[bytes]:
    """Decode the frame again up to the piece at `bad`, then that piece byte by byte: an error discards its call's output.

    Args:
        given: How many unpacked bytes of that piece are known already.
    """
    stream.seek(start)
    decoder = codec.decoder()
    for _ in range((bad - start) // _PIECE):
        for _ in _steps(decoder, codec, stream.read(_PIECE)):
            pass
    for byte in stream.read(_PIECE):
        try:
            for data in _steps(decoder, codec, bytes((byte,))):
                new = data[given:]
                given = max(0, given - len(data))
                if new:
                    yield new
        except codec.errors:
            return


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


def _as_utf8(pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    head = b""
    for piece in pieces:
        if isinstance(piece, Break):
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


def _chain(first: bytes, rest: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    if first:
        yield first
    yield from rest


def _decoded(pieces: Iterator[bytes | Break], encoding: str) -> Iterator[bytes | Break]:
    decoder = _text_decoder(encoding)
    for piece in pieces:
        if isinstance(piece, Break):
            decoder.reset()
            yield piece
        else:
            yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", True).encode("utf-8", "replace")


def require_text_encoding(name: str) -> str:
    """Return an encoding's usual name.

    Raises:
        UsageError: There is none of this name, or it is one of Python's codecs that are not for text.
    """
    try:
        "a".encode(name)  # it fails for codecs that are not for text
        codecs.getincrementaldecoder(name)("replace").decode(b"")
        return codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise UsageError(
            f"There is no encoding {name!r}.", remedy="For example --encoding cp1252, latin-1 or shift_jis."
        ) from error


def _text_decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(require_text_encoding(encoding))("replace")
