"""Which dumps a study reads: those of study.toml and those once given to `copenet ingest`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.files import read_json, write_json
from copenet.study import Study

MONTHLY = ("RC_", "RS_")  # Pushshift's comments and submissions of a month; unpacked they have no suffix
SUFFIXES = (".zst", ".gz", ".ndjson", ".jsonl", ".json", ".txt")

NAMED = f"Dumps in a folder end in {', '.join(SUFFIXES)}, or are called RC_… or RS_… without an ending."


def remembered(study: Study) -> list[Path]:
    """Return the paths once given on the command line."""
    path = study.restricted / "sources.json"
    return [Path(name) for name in read_json(path)["paths"]] if path.is_file() else []


def remember(study: Study, paths: Iterable[Path]) -> None:
    """Add `paths` to those the study reads."""
    known = dict.fromkeys(str(path) for path in remembered(study))
    known.update(dict.fromkeys(str(path.resolve()) for path in paths))
    replace(study, [Path(name) for name in known])


def replace(study: Study, paths: Iterable[Path]) -> None:
    """Read `paths` and those of study.toml from now on."""
    write_json(study.restricted / "sources.json", {"paths": [str(path) for path in paths]})


def declared(study: Study) -> list[Path]:
    """Return the paths of `ingest.sources`."""
    return [study.file(name) for name in study.settings.ingest.sources]


def files_of(study: Study) -> Sequence[Path]:
    """Return every dump the study reads, folders opened, each once, in name order."""
    return expand([*declared(study), *remembered(study)])


def expand(paths: Iterable[Path]) -> list[Path]:
    """Return files for `paths`, with folders replaced by the dumps in them."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(p for p in path.iterdir() if _is_open(p) and _is_dump(p)) if path.is_dir() else [path]
        found.update(dict.fromkeys(p.resolve() for p in inside))
    return list(found)


def passed_over(paths: Iterable[Path]) -> dict[Path, int]:
    """Return, for each folder of `paths`, how many files in it are not read because of their names, if any."""
    counts = {p: sum(_is_open(f) and not _is_dump(f) for f in p.iterdir()) for p in paths if p.is_dir()}
    return {path: count for path, count in counts.items() if count}


def check(paths: Iterable[Path]) -> None:
    """Say which of `paths` is not there, or holds no dump.

    Raises:
        InputError: A path does not exist, or a folder holds no dump.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder.", remedy=_neighbours(path))
        if path.is_dir() and not expand([path]):
            raise InputError(f"{path} holds no dump.", remedy=NAMED)


def required(study: Study) -> Sequence[Path]:
    """Return `files_of` the study.

    Raises:
        UsageError: The study names no dump.
        InputError: One is not there.
    """
    named = [*declared(study), *remembered(study)]
    if not named:
        raise UsageError(
            "The study has no dumps to read yet.",
            remedy=f"Run: copenet ingest {study.path} PATH…   or set ingest.sources in study.toml.",
        )
    check(named)
    return expand(named)


def _is_open(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _is_dump(path: Path) -> bool:
    monthly = not path.suffix and path.name.upper().startswith(MONTHLY)
    return monthly or path.suffix.lower() in SUFFIXES


def _neighbours(path: Path) -> str:
    from copenet.settings import nearest

    if not path.parent.is_dir():
        return f"There is no folder {path.parent} either."
    guess = nearest(path.name, (p.name for p in path.parent.iterdir()))
    return f"Did you mean {path.parent / guess}?" if guess else f"See what is there: ls {path.parent}"
