"""What files should not be, and what becomes of them."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import ingest
from ingest.formats import column_format
from ingest.settings import How, IngestSettings, IngestSummary
from tests.ingest.dumps import PACK, by_id, lines, post, write, zst

CANARY = "Canary_Author_91"  # what no reason and no error may repeat
ROLES = {"id": "id", "author": "author", "text": "text"}
TABLE = column_format(ROLES)
PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx Canary_Author_91</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) * 40 + b"\xff\xd9"
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"noise"


def posts(*names: str) -> bytes:
    return lines(post(name) for name in names)


def ingested(tmp_path: Path, files: dict[str, bytes], **settings: Any) -> IngestSummary:
    """Ingest some files, and look that no reason repeats what they hold."""
    paths = [write(tmp_path / "dumps" / name, data) for name, data in files.items()]
    summary = ingest.ingest(paths, tmp_path / "restricted", settings=IngestSettings(**settings))
    assert CANARY not in json.dumps(summary.to_dict())
    return summary


def kept(tmp_path: Path) -> list[str]:
    return sorted(by_id(tmp_path / "restricted"))


def rejected(summary: IngestSummary) -> list[tuple[str, int]]:
    return [(entry["file"], entry["line"]) for entry in summary.rejected]


def reasons(summary: IngestSummary) -> str:
    return "; ".join(entry["reason"] for entry in summary.rejected)


def table(tmp_path: Path, data: bytes, encoding: str | None = None, name: str = "t.csv") -> IngestSummary:
    """Ingest a table by its columns id, author and text."""
    path = write(tmp_path / "dumps" / name, data)
    how = {path: How(TABLE, encoding)}
    summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert CANARY not in json.dumps(summary.to_dict())
    return summary


def rows(tmp_path: Path) -> dict[str, str]:
    """Return id to text of what a table gave."""
    found = ingest.read_texts(tmp_path / "restricted").to_pylist()
    return {row["message_id"].removeprefix("table:"): row["text"] for row in found}


INSIDE = {
    "2019/": b"",
    "2019/january/one.ndjson": posts("a"),
    "2019/two.ndjson.zst": zst(posts("b")),
    "three.json.gz": PACK["gzip"](posts("c")),
    "__MACOSX/three.json": posts("no"),
    ".hidden.json": posts("no"),
    "picture.jpg": JPEG,
}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", **options: Any) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            told = tarfile.TarInfo(name)
            told.size = len(data)
            archive.addfile(told, io.BytesIO(data))
    return made.getvalue()


def locked(data: bytes, name: bytes) -> bytes:
    """Mark a file in a zip as encrypted, in its own head and in the list at the end."""
    changed = bytearray(data)
    for magic, flags, names in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        place = data.find(magic)
        while place >= 0:
            if data[place + names :].startswith(name):
                changed[place + flags] |= 1
            place = data.find(magic, place + 4)
    return bytes(changed)


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made, **options)
    return made.getvalue()
