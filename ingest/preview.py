"""What dumps are, before anything is kept of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from copenet.foundation.errors import InputError
from ingest.blocks import Loss
from ingest.dumps import Dump, members
from ingest.file_names import names_of, shown, words_of_file
from ingest.formats import UNKNOWN, by_name, container_of, every_format, judge, read_dump, require_file
from ingest.records import Draft
from ingest.settings import How, IngestSettings
from ingest.syntax import records


@dataclass(frozen=True)
class Preview:
    """What one dump would give.

    Attributes:
        file: Its name, as it may be shown.
        format: Name of its format, "unknown" where none recognises it.
        container: How it is packed.
        messages: How many messages could be read, context and copies included.
        broken: How many records could not.
    """

    file: str
    format: str
    container: str
    messages: int
    broken: int


def recognise(path: Path) -> tuple[str, str]:
    """Return (format, container) of the first dump in a file, judged by its content and not by its name.

    Raises:
        InputError: There is no such file, or it holds no record of a known format.
    """
    require_file(path)
    first = members(path)[0]
    found = judge(first, max_line=IngestSettings().max_line_bytes)
    if found is None:
        known = ", ".join(one.name for one in every_format())
        raise InputError(
            f"{path} holds no record of a known format.",
            remedy=f"copenet reads {known}, and any table with --columns id=…,author=…,time=…,text=…",
        )
    return found.name, container_of(first)


def preview(path: Path, settings: IngestSettings = IngestSettings()) -> list[Preview]:
    """Return what each dump in a file would give; nothing is kept.

    Raises:
        InputError: There is no such file, or it is an archive that cannot be read.
    """
    require_file(path)
    return [_preview(dump, settings) for dump in members(path)]


def _preview(dump: Dump, settings: IngestSettings) -> Preview:
    limit, how = settings.max_line_bytes, settings.how.get(dump.path, How())
    judged = by_name(how.format) if how.format else judge(dump, encoding=how.encoding, max_line=limit)
    reader = judged or by_name(settings.fallback or UNKNOWN.name)
    counts: Counter[bool] = Counter()
    words, people = words_of_file(dump.name), set[str]()
    for item in read_dump(dump, encoding=how.encoding, max_line=limit, table=reader.name.startswith("columns")):
        for found in (item,) if isinstance(item, Loss) else records(item, max_line=limit):
            for draft in (found,) if isinstance(found, Loss) else reader.read(found.record):
                counts[isinstance(draft, Draft)] += 1
                people.update(words.intersection(names_of(draft)) if isinstance(draft, Draft) else ())
    return Preview(shown(dump.name, people), reader.name, container_of(dump), counts[True], counts[False])
