"""Files that hold people's messages or pseudonyms where commands were told to put or find them: exports, gold labels.

Whoever leaves a study leaves those inside its folder, too. Of those elsewhere it is said that they may hold them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from copenet.foundation.errors import ResourceError
from copenet.foundation.files import PRIVATE_FILE, read_json, write_json, write_text
from copenet.study import Study


def remember(study: Study, paths: Iterable[Path]) -> None:
    """Write down that files with one mark per person lie, or are about to lie, at `paths`."""
    known = {*_remembered(study), *(str(path.resolve()) for path in paths)}
    write_json(study.restricted / "exports.json", sorted(known))


def remove_exports(study: Study) -> None:
    """Delete the exports inside the study.

    Raises:
        ResourceError: One cannot be deleted.
    """
    for path in map(Path, _remembered(study)):
        if _inside(study, path):
            _changing(path, partial(path.unlink, missing_ok=True))


def clean_gold(study: Study) -> None:
    """Delete, from gold labels inside the study, those of messages that are to stay out.

    Raises:
        ResourceError: The file cannot be changed.
    """
    gold = _gold(study)
    if gold is not None and _inside(study, gold) and (kept := _without(study, gold)) is not None:
        _changing(gold, partial(write_text, gold, kept, mode=PRIVATE_FILE))


def elsewhere(study: Study) -> list[str]:
    """Return the files outside the study that may still hold people who left it."""
    found = [path for path in map(Path, _remembered(study)) if path.exists() and not _inside(study, path)]
    gold = _gold(study)
    if gold is not None and not _inside(study, gold) and _without(study, gold) is not None:
        found.append(gold)
    return [str(path) for path in found]


def _remembered(study: Study) -> list[str]:
    path = study.restricted / "exports.json"
    return list(read_json(path)) if path.is_file() else []


def _gold(study: Study) -> Path | None:
    named = study.settings.text.gold
    path = study.file(named) if named else None
    return path if path is not None and path.is_file() else None


def _inside(study: Study, path: Path) -> bool:
    return path.resolve().is_relative_to(study.path.resolve())


def _without(study: Study, gold: Path) -> str | None:
    """Return a table of gold labels without the messages that are to stay out; None where it holds none of them."""
    from ingest import withheld_ids

    try:
        rows = list(csv.reader(io.StringIO(gold.read_text("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error):  # whoever reads the labels will say so
        return None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if "message_id" not in names:
        return None
    place, gone = names.index("message_id"), withheld_ids(study.restricted)
    kept = [row for row in rows if len(row) <= place or row[place].strip() not in gone]
    if len(kept) == len(rows):
        return None
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(kept)
    return written.getvalue()


def _changing(path: Path, change: Callable[[], object]) -> None:
    try:
        change()
    except OSError as error:
        raise ResourceError(
            f"{path} cannot be changed ({error.strerror or type(error).__name__}) and may still hold people or messages "
            "that are to stay out.",
            remedy="Check its permissions, or delete it by hand; then run: copenet run STUDY",
        ) from error
