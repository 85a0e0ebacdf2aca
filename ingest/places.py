"""Which files the dumps of a study were read from: what was read of a file stays when the file goes."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from copenet.foundation.files import read_json, write_json

if TYPE_CHECKING:
    from ingest.dumps import Dump


def read_places(restricted: Path) -> dict[Path, frozenset[str]]:
    """Return each file that was read and the names of the staged folders of the dumps in it."""
    path = _path(restricted)
    known = read_json(path) if path.is_file() else {}
    return {Path(os.fsdecode(unquote_to_bytes(name))): frozenset(marks) for name, marks in known.items()}


def note_places(restricted: Path, dumps: Sequence[tuple[Dump, str]]) -> None:
    """Remember where dumps, each with its digest, were read from."""
    known = read_places(restricted)
    now: dict[Path, frozenset[str]] = {}
    for dump, digest in dumps:
        path = dump.path.resolve()
        now[path] = now.get(path, frozenset()) | {digest[:16]}
    if known | now != known:
        _write(restricted, known | now)


def drop_places(restricted: Path, paths: Collection[Path]) -> None:
    """Remember no longer what was read from `paths`."""
    known = read_places(restricted)
    if not known.keys().isdisjoint(paths):
        _write(restricted, {path: marks for path, marks in known.items() if path not in paths})


def _path(restricted: Path) -> Path:
    return restricted / "ingest" / "places.json"


def _write(restricted: Path, places: dict[Path, frozenset[str]]) -> None:
    # Quoted, for the name of a file may be no UTF-8.
    document = {quote(os.fsencode(path)): sorted(marks) for path, marks in places.items()}
    write_json(_path(restricted), document)
