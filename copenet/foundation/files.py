"""Files that are either whole or absent, and digests of what was read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


def private_directory(path: Path) -> Path:
    """Create `path` (and its parents) readable by its owner alone, and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIR)
    path.chmod(PRIVATE_DIR)
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place, durably, when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
        sync_directory(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(folder: Path) -> None:
    """Remove what a kill left of files that were being written directly in `folder`; nobody may be writing there."""
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()


def sync_directory(path: Path) -> None:
    """Make renames inside `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` to `path` atomically."""
    with replacing(path) as partial:
        partial.write_bytes(data)
        partial.chmod(mode)


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    write_bytes(path, text.encode(), mode=mode)


def write_json(path: Path, document: Any) -> None:
    """Write `document` as readable JSON with sorted keys, atomically."""
    write_bytes(path, to_json(document) + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON document that copenet wrote."""
    return orjson.loads(path.read_bytes())


def to_json(document: Any) -> bytes:
    """Return `document` as indented JSON with sorted keys; NumPy scalars and arrays are understood."""
    return orjson.dumps(
        document,
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS,
    )


def digest_of(document: Any) -> str:
    """Return the SHA-256 of a JSON-shaped document in canonical form (hex, 64 characters)."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return hashlib.sha256(orjson.dumps(document, option=options)).hexdigest()


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes (hex), read in constant memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
