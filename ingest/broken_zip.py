"""Files in a zip whose list is lost: it stands at the end, so a download that broke off has none.

Every file has a head of its own before its data (APPNOTE 6.3, section 4.3.7), and so can be found without the list.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

_HEAD = struct.Struct("<4sHHHHHIIIHH")
_MAGIC, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZE_BEHIND, _UTF8 = 1, 8, 2048  # flags
_IN_EXTRA = 0xFFFFFFFF  # a size that zip64 writes elsewhere
_PIECE = 2**16


class LocalFile(NamedTuple):
    """A file in a zip: where its data begins, how it is packed, and into how many bytes, where its head says so."""

    name: str
    start: int
    method: int
    size: int | None


def local_files(path: Path) -> Iterator[LocalFile]:
    """Yield the files of a zip that can be read, in order, up to where it is damaged."""
    with path.open("rb") as stream:
        place = 0
        while found := _local_file(stream, place):
            file, encrypted = found
            end = _end(path, file)
            if not encrypted and not file.name.endswith("/"):
                yield file
            if end is None:
                return
            place = _behind_descriptor(stream, end)


def open_local(path: Path, name: str) -> BinaryIO | None:
    """Return the bytes of the last file of a name, seekable; reading them raises EOFError where they break off."""
    found = [file for file in local_files(path) if file.name == name]
    return cast(BinaryIO, _Unpacked(path, found[-1])) if found else None


def _local_file(stream: BinaryIO, place: int) -> tuple[LocalFile, bool] | None:
    stream.seek(place)
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        return None
    _, _, flags, method, _, _, _, packed, _, length, extra = _HEAD.unpack(head)
    raw = stream.read(length)
    if method not in (_STORED, _DEFLATED) or len(raw) < length:
        return None
    name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
    known = not flags & _SIZE_BEHIND and packed != _IN_EXTRA
    start = place + _HEAD.size + length + extra
    return LocalFile(name, start, method, packed if known else None), bool(flags & _ENCRYPTED)


def _end(path: Path, file: LocalFile) -> int | None:
    """Return where the data of a file ends; None where that is beyond the end of the zip, or cannot be found."""
    if file.size is not None:
        end = file.start + file.size
        return end if end < path.stat().st_size else None
    if file.method == _STORED:
        return None
    with _Unpacked(path, file) as unpacked:
        try:
            while unpacked.read(_PIECE):
                pass
        except (EOFError, zlib.error):
            return None
        return unpacked.end


def _behind_descriptor(stream: BinaryIO, end: int) -> int:
    """Return where the next head may stand: sizes that were not known before the data follow it."""
    stream.seek(end)
    behind = stream.read(28)
    return end + max(0, behind.find(_MAGIC)) if behind.startswith(_DESCRIPTOR) or _MAGIC in behind else end


class _Unpacked(io.RawIOBase):
    """The data of one file."""

    def __init__(self, path: Path, file: LocalFile) -> None:
        super().__init__()
        self._stream, self._file = path.open("rb"), file
        self._restart()

    def _restart(self) -> None:
        self._stream.seek(self._file.start)
        self._left = self._file.size
        self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        self._place = 0
        self.end = self._file.start  # of the packed data, once all of it was read

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning; reading from there is all the way there is."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation
        if place < self._place:
            self._restart()
        while self._place < place and self.read(min(_PIECE, place - self._place)):
            pass
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or fewer where the data end or break off."""
        parts: list[bytes] = []
        left = size if size >= 0 else 2**62
        try:
            while left and (part := self._part(min(left, _PIECE))):
                parts.append(part)
                left -= len(part)
        except EOFError:
            if not parts:
                raise
        data = b"".join(parts)
        self._place += len(data)
        return data

    def _part(self, size: int) -> bytes:
        if self._file.method == _STORED:
            return self._packed(size)
        while not self._decoder.eof:
            packed = self._decoder.unconsumed_tail or self._packed(_PIECE)
            if not packed:
                raise EOFError("the zip ends inside a file")
            if data := self._decoder.decompress(packed, size):
                return data
        self.end = self._stream.tell() - len(self._decoder.unused_data)
        return b""

    def _packed(self, size: int) -> bytes:
        data = self._stream.read(size if self._left is None else min(size, self._left))
        if not data and self._left:
            raise EOFError("the zip ends inside a file")
        self._left = None if self._left is None else self._left - len(data)
        return data

    def close(self) -> None:
        """Close the zip."""
        self._stream.close()
        super().close()
