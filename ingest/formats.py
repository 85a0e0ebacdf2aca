"""The source formats copenet reads, and which of them a dump is in.

A new one is a module in `ingest.sources` with its `FORMATS`, and a line in `_MODULES` (`docs/sources/adding.md`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from copenet.foundation.errors import InputError, UsageError
from ingest.blocks import Loss
from ingest.containers import DAMAGE, container, read_utf8
from ingest.dumps import Dump
from ingest.file_names import shown
from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat
from ingest.sources.shared import message_key
from ingest.syntax import Item, read_items, records
from ingest.tables import is_parquet, read_parquet

_MODULES = (
    "reddit",
    "reddit_api",
    "snscrape",
    "x_v2",
    "x_v11",
    "facebook",
    "mastodon",
    "bluesky",
    "telegram",
    "youtube",
    "stack_exchange",
    "fourcat",
    "convokit",
)
_COLUMNS = "columns:"
_SITE = "stack-exchange:"  # and a word for the site, where a study holds several


def _nothing(record: Record) -> Iterable[Draft | Reject]:
    raise BadRecordError("of no format copenet knows")


UNKNOWN = SourceFormat("unknown", "what no format recognises", "", recognises=lambda record: False, drafts=_nothing)
_LOOKED_AT = 200  # records from the top that decide the format


@cache
def every_format() -> tuple[SourceFormat, ...]:
    """Return the formats in the order in which they are asked."""
    modules = (import_module(f"ingest.sources.{name}") for name in _MODULES)
    return tuple(one for module in modules for one in module.FORMATS)


@cache
def by_name(name: str) -> SourceFormat:
    """Return a format by its name, or the one of a column mapping by its specification.

    Raises:
        UsageError: There is no such format.
    """
    if name.startswith(_COLUMNS):
        from ingest.sources.columns import format_of

        document = json.loads(name.removeprefix(_COLUMNS))
        return format_of(document["columns"], document["platform"])
    if name.startswith(_SITE):
        from ingest.sources.stack_exchange import of_site

        return of_site(name.removeprefix(_SITE))
    found = next((one for one in (*every_format(), UNKNOWN) if one.name == name), None)
    if found is None:
        raise UsageError(
            f"There is no format {name!r}.", remedy=f"The formats are {', '.join(one.name for one in every_format())}."
        )
    return found


def column_format(columns: Mapping[str, str], platform: str = "table") -> str:
    """Return the name of the format that reads any table through a mapping of roles to columns.

    Raises:
        UsageError: A role is unknown, or one that is needed is missing.
    """
    name = _COLUMNS + json.dumps({"columns": dict(columns), "platform": platform}, sort_keys=True)
    by_name(name)
    return name


def read_dump(
    dump: Dump,
    *,
    encoding: str | None = None,
    max_line: int,
    rows: int = 20_000,
    table: bool = False,
    consumed: Any = None,
) -> Iterable[Item]:
    """Yield what a dump holds, whatever its container and its syntax (see `ingest.syntax.read_items`)."""
    with ExitStack() as held:
        try:
            stream = held.enter_context(dump.open())
            parquet = is_parquet(stream)
        except (InputError, *DAMAGE):
            yield Loss(1, "a file in an archive that is damaged there, or locked with a password")
            return
        if parquet:
            yield from read_parquet(stream)
        else:
            pieces = read_utf8(stream, encoding=encoding, consumed=consumed)
            yield from read_items(pieces, max_line=max_line, rows=rows, table=table)


def judge(dump: Dump, *, encoding: str | None = None, max_line: int) -> SourceFormat | None:
    """Return the first format that recognises one of the first records; None where none does."""
    seen = 0
    for item in read_dump(dump, encoding=encoding, max_line=max_line, rows=_LOOKED_AT):
        if isinstance(item, Loss):
            continue
        for found in records(item, max_line=max_line):
            if isinstance(found, Loss):
                continue
            known = _first(found.record)
            if known is not None:
                return known
            seen += 1
            if seen >= _LOOKED_AT:
                return None
    return None


def _first(record: Record) -> SourceFormat | None:
    return next((one for one in every_format() if one.recognises(record)), None)


def container_of(dump: Dump) -> str:
    """Return how a dump is packed: "zstd", "gzip", "bzip2", "xz", "plain", or "zip" and "tar" before it."""
    outer = "archive/" if dump.member else ""
    try:
        with dump.open() as stream:
            return f"{outer}{container(stream.read(6))}"
    except (InputError, *DAMAGE):
        return f"{outer}unreadable"


def username(platform: str, typed: str) -> str:
    """Return the raw name of a person on `platform`, however it was typed.

    Raises:
        UsageError: It is no username there.
    """
    known = next((one for one in every_format() if one.platform == platform), None)
    return known.username(typed) if known else typed.strip()


def native_ids(platform: str, typed: str, formats: Iterable[SourceFormat] = ()) -> frozenset[str]:
    """Return the ids that a message of `platform` may have, however a list names it; none where it is no id there.

    Args:
        formats: Those in which the study's dumps of the platform are.
    """
    known = [one for one in (*formats, *every_format()) if one.platform == platform and one.listed]
    found = {one.listed(typed) for one in known if one.listed} if known else {message_key(typed)}
    several = (one if isinstance(one, tuple) else (one,) for one in found if one)
    return frozenset(native for those in several for native in those)


def platforms() -> tuple[str, ...]:
    """Return the platforms whose formats are known, in order."""
    return tuple(dict.fromkeys(one.platform for one in every_format() if one.platform))


def require_file(path: Path) -> None:
    """Refuse what is no readable file.

    Raises:
        InputError: There is no such file, or it cannot be opened.
    """
    if not path.is_file():
        raise InputError(
            f"{shown(str(path))}: no such file.", remedy=f"See what is there: ls {shown(str(path.parent))}"
        )
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(
            f"{shown(str(path))} cannot be read ({error.strerror}).", remedy="Check its permissions: ls -l FILE"
        ) from error
