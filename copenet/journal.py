"""The journal of a study: one line for each thing that happened, only ever added to, and no content.

It shows that the estimand was declared before the outcome was opened, and how many were declared before that one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson


def append(path: Path, event: str, **fields: Any) -> None:
    """Add one line to the journal at `path`, durably: the time (UTC), `event` and `fields`."""
    record = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, **fields}
    line = orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, _line_end(descriptor) + line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the journal's records in order; a line torn by a crash is passed over."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        record = _parsed(line)
        if record is not None:
            yield record


def declarations(path: Path) -> list[dict[str, Any]]:
    """Return every declared estimand in order, each with whether it came before the outcome was first opened."""
    opened = False
    declared = []
    for record in read(path):
        if record["event"] == "declared":
            declared.append({**record["estimand"], "at": record["at"], "before_outcome": not opened})
        opened = opened or record["event"] == "outcome opened"
    return declared


def declare(path: Path, estimand: dict[str, Any], defaults: Mapping[str, Any] | None = None) -> bool:
    """Write `estimand` down unless it is the one declared last; return whether a line was added.

    Args:
        path: The journal.
        estimand: What is declared, by setting.
        defaults: What settings are that an earlier version did not have, and therefore did not write down.
    """
    last = [record["estimand"] for record in read(path) if record["event"] == "declared"][-1:]
    if last and {**(defaults or {}), **last[0]} == estimand:
        return False
    append(path, "declared", estimand=estimand)
    return True


def _line_end(descriptor: int) -> bytes:
    """Return what must come first so that a torn last line does not swallow the next one."""
    size = os.fstat(descriptor).st_size
    return b"" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and "event" in record and "at" in record else None
