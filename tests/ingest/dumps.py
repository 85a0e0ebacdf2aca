"""Small dumps, and the tables they should become."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

import ingest
from ingest.settings import IngestSettings, IngestSummary

T0 = 1_600_000_000


def post(
    identifier: str = "p1", author: object = "ann", text: str = "body", at: object = T0, **more: Any
) -> dict[str, Any]:
    base = {"id": identifier, "author": author, "subreddit": "calm", "title": f"title {identifier}", "selftext": text}
    return base | {"created_utc": at} | more


def reply(identifier: str, parent: object, author: object = "bob", at: object = T0 + 60, **more: Any) -> dict[str, Any]:
    base = {"id": identifier, "author": author, "subreddit": "calm", "body": f"text of {identifier}"}
    return base | {"created_utc": at, "parent_id": parent, "link_id": "t3_p1"} | more


def lines(records: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def zst(data: bytes, frames: int = 1) -> bytes:
    compressor = zstandard.ZstdCompressor(level=3)
    size = -(-len(data) // frames) or 1
    return b"".join(compressor.compress(data[i : i + size]) for i in range(0, len(data), size))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zst,
}


def write(path: Path, data: bytes, container: str = "plain") -> Path:
    packed = PACK[container](data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    return path


def read(tmp_path: Path, *files: Sequence[dict[str, Any]], **settings: Any) -> IngestSummary:
    """Ingest lists of records, one file each, into `tmp_path/restricted`."""
    paths = [write(tmp_path / f"dump{i}.ndjson", lines(records)) for i, records in enumerate(files)]
    return ingest.ingest(paths, tmp_path / "restricted", settings=IngestSettings(**settings))


def by_id(restricted: Path) -> dict[str, dict[str, Any]]:
    return {row["message_id"].removeprefix("reddit:"): row for row in ingest.read_messages(restricted).to_pylist()}


def texts(restricted: Path) -> dict[str, str]:
    rows = ingest.read_texts(restricted).to_pylist()
    return {row["message_id"].removeprefix("reddit:"): row["text"] for row in rows}


def content(restricted: Path) -> tuple[pa.Table, pa.Table]:
    """Return both tables without `source`, which names the line a message was read from."""
    return ingest.read_messages(restricted).drop_columns(["source"]), ingest.read_texts(restricted)


def name_of(restricted: Path, raw: str) -> str:
    return ingest.pseudonym(ingest.load_key(restricted), "reddit", raw)
