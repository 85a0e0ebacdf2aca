"""The source formats copenet reads. A new one is a module with a `SourceFormat`, and a name in `FORMATS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copenet.foundation.errors import InputError
from ingest.containers import Line, container, read_lines
from ingest.records import BadRecordError, SourceFormat, decode
from ingest.reddit import REDDIT

FORMATS: tuple[SourceFormat, ...] = (REDDIT,)


def recognise(path: Path) -> tuple[str, str]:
    """Return (format, container) of a dump, judged by its content and not by its name.

    Raises:
        InputError: There is no such file, or it holds no record of a known format.
    """
    return find_format(path).name, container(path)


def find_format(path: Path) -> SourceFormat:
    """Return the format of the first record that any format recognises.

    Raises:
        InputError: There is no such file, or it holds no record of a known format.
    """
    require_file(path)
    for item in read_lines(path):
        found = _format_of_line(item.data) if isinstance(item, Line) else None
        if found:
            return found
    known = "; ".join(f"{f.name}: {f.title}" for f in FORMATS)
    raise InputError(f"{path} holds no record of a known format.", remedy=f"copenet reads {known}.")


def _format_of_line(data: bytes) -> SourceFormat | None:
    try:
        record: dict[str, Any] = decode(data)
    except BadRecordError:
        return None
    return next((f for f in FORMATS if f.recognises(record)), None)


def username(platform: str, typed: str) -> str:
    """Return the raw name of a person on `platform`, however it was typed.

    Raises:
        UsageError: It is no username there.
    """
    known = next((f for f in FORMATS if f.platform == platform), None)
    return known.username(typed) if known else typed.strip()


def require_file(path: Path) -> None:
    """Refuse what is no readable file.

    Raises:
        InputError: There is no such file, or it cannot be opened.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file.", remedy=f"See what is there: ls {path.parent}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}).", remedy=f"Check its permissions: ls -l {path}"
        ) from error
