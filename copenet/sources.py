"""Which dumps a study reads: those of study.toml and those once given to `copenet ingest`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.files import read_json, write_json
from copenet.study import Study

if TYPE_CHECKING:
    from ingest import How, IngestSettings


def what_is_read() -> str:
    """Return what files of a folder are read, for messages to users."""
    from ingest.dumps import ARCHIVES, PACKED, TEXTUAL

    return f"In a folder, files ending in {', '.join((*TEXTUAL, *PACKED, *ARCHIVES))} are read, and RC_… and RS_…"


@dataclass(frozen=True)
class Said:
    """What was said on the command line about a dump: its format, or the columns of a table, and its encoding."""

    format: str = ""
    encoding: str = ""


def remembered(study: Study) -> list[Path]:
    """Return the paths once given on the command line."""
    return [Path(name) for name in _memory(study)["paths"]]


def said(study: Study) -> dict[Path, Said]:
    """Return what was said about dumps once given on the command line."""
    return {Path(name): Said(**how) for name, how in _memory(study).get("said", {}).items()}


def kept(study: Study) -> frozenset[str]:
    """Return the marks of dumps that cannot be read again: those that came through standard input."""
    return frozenset(_memory(study).get("kept", ()))


def gone(study: Study) -> dict[Path, frozenset[str]]:
    """Return the files the study once read and that are not there any more, each with the marks of its dumps."""
    from ingest.places import read_places

    named = {path.resolve() for path in (*declared(study), *remembered(study))}
    places = read_places(study.restricted).items()
    return {path: marks for path, marks in places if not path.exists() and not named.isdisjoint((path, *path.parents))}


def leave_out_gone(study: Study, given: Sequence[Path]) -> None:
    """Remember no longer the files that are gone, nor what was read of them: the next ingest leaves it out.

    Raises:
        UsageError: Neither a file `given` nor any other would be left to read.
    """
    from ingest.places import drop_places

    if not given and not kept(study) and not any(path.exists() for path in files_of(study)):
        raise UsageError(
            "All that the study holds was read of dumps that are gone: nothing would be left.",
            remedy=f"Name a dump to read instead: copenet ingest {study.path} PATH… --without-gone",
        )
    drop_places(study.restricted, gone(study).keys())
    for path in remembered(study):
        if not path.exists() or not expand([path]):
            forget_path(study, path)


def say_gone(study: Study) -> str:
    """Return what there is to say of dumps that are gone and were not moved to where the study reads them, if any."""
    from ingest.places import read_places

    here = frozenset[str]().union(*(marks for path, marks in read_places(study.restricted).items() if path.exists()))
    count = sum(bool(marks - here) for marks in gone(study).values())
    if not count:
        return ""
    return (
        f"{count} dump{'s are' if count > 1 else ' is'} gone; what was read of {'them' if count > 1 else 'it'} stays in "
        f"the tables. To leave that out: copenet ingest {study.path} --without-gone"
    )


def _memory(study: Study) -> dict[str, Any]:
    path = study.restricted / "sources.json"
    return dict(read_json(path)) if path.is_file() else {"paths": []}


def memory(study: Study) -> dict[str, Any]:
    """Return everything remembered, for `restore`."""
    return _memory(study)


def restore(study: Study, before: dict[str, Any]) -> None:
    """Remember what `memory` returned, and nothing else."""
    write_json(study.restricted / "sources.json", before)


def remember(study: Study, paths: Iterable[Path], how: Said = Said()) -> None:
    """Add `paths` to those the study reads, and what was said about them."""
    known = _memory(study)
    given = [str(path.resolve()) for path in paths]
    known["paths"] = list(dict.fromkeys([*known["paths"], *given]))
    if how != Said():
        files = [str(path) for path in expand(Path(name) for name in given)]
        known["said"] = known.get("said", {}) | {name: vars(how) for name in files}
    restore(study, known)


def forget_path(study: Study, path: Path) -> bool:
    """Remember a path no longer; return whether it was remembered."""
    known, name = _memory(study), str(path.resolve())
    if name not in known["paths"]:
        return False
    known["paths"] = [other for other in known["paths"] if other != name]
    known["said"] = {other: how for other, how in known.get("said", {}).items() if other != name}
    restore(study, known)
    return True


def how_of(paths: Iterable[Path], one: Said) -> dict[Path, How]:
    """Return what is said about the dumps in `paths`."""
    from ingest import How

    how = How(one.format or None, one.encoding or None)
    return {} if how == How() else dict.fromkeys(expand(paths), how)


def keep(study: Study, mark: str) -> None:
    """Remember a dump that cannot be read again."""
    known = _memory(study)
    known["kept"] = sorted({*known.get("kept", ()), mark})
    restore(study, known)


def settings(study: Study) -> IngestSettings:
    """Return how the study's dumps are read.

    Raises:
        UsageError: `ingest.columns` names an unknown role, or misses one that is needed.
    """
    from ingest import How, IngestSettings
    from ingest.formats import column_format

    section = study.settings.ingest
    return IngestSettings(
        key_file=study.file(section.key_file) if section.key_file else None,
        bots=section.bots,
        how={path: How(one.format or None, one.encoding or None) for path, one in said(study).items()},
        fallback=column_format(section.columns, section.columns_platform) if section.columns else None,
        kept=kept(study),
        gone=frozenset[str]().union(*gone(study).values()),
    )


def declared(study: Study) -> list[Path]:
    """Return the paths of `ingest.sources`."""
    return [study.file(name) for name in study.settings.ingest.sources]


def files_of(study: Study) -> Sequence[Path]:
    """Return every dump the study reads, folders opened, each once, in name order."""
    return _dumps(study, [*declared(study), *remembered(study)])


def _dumps(study: Study, paths: Iterable[Path]) -> list[Path]:
    """Return the dumps in `paths`, without the study's own table of gold labels."""
    gold = study.settings.text.gold
    apart = study.file(gold).resolve() if gold else None
    return [path for path in expand(paths) if path != apart]


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


def masked(path: Path) -> str:
    """Return a path as it may be shown where nobody typed it: without the usernames in it."""
    from ingest.file_names import shown

    return shown(str(path))


def check(paths: Iterable[Path], name: Callable[[Path], str] = str) -> None:
    """Say which of `paths` is not there, or holds no dump.

    Args:
        name: What a path is called in messages: as it is where it was just typed, else `masked`.

    Raises:
        InputError: A path does not exist, or a folder holds no dump.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{name(path)}: no such file or folder.", remedy=_neighbours(path, name))
        if path.is_dir() and not expand([path]):
            raise InputError(f"{name(path)} holds no dump.", remedy=what_is_read())


def required(study: Study) -> Sequence[Path]:
    """Return `files_of` the study.

    Raises:
        UsageError: The study names no dump.
        InputError: One is not there.
    """
    named = [*declared(study), *remembered(study)]
    if not named and not kept(study):
        raise UsageError(
            "The study has no dumps to read yet.",
            remedy=f"Run: copenet ingest {study.path} PATH…   or set ingest.sources in study.toml.",
        )
    lost = gone(study)
    read = [path for path in named if not any({path.resolve()} & {file, *file.parents} for file in lost)]
    _check_named(study, read)
    return _dumps(study, [path for path in named if path.exists()])


def _check_named(study: Study, paths: Sequence[Path]) -> None:
    """Check those of the study's paths of which nothing that was read is gone."""
    check(path for path in declared(study) if path in paths)
    try:
        check((path for path in remembered(study) if path in paths), masked)
    except InputError as error:
        way_out = f"{error.remedy}\n  To leave it out: copenet ingest {study.path} --without-gone"
        raise InputError(error.message, remedy=way_out) from None


def _is_open(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _is_dump(path: Path) -> bool:
    from ingest.dumps import is_dump

    return is_dump(path.name)


def _neighbours(path: Path, name: Callable[[Path], str]) -> str:
    from copenet.settings import nearest

    folder = name(path.parent)
    if not path.parent.is_dir():
        return f"There is no folder {folder} either."
    guess = nearest(path.name, (p.name for p in path.parent.iterdir()))
    return f"Did you mean {folder}/{masked(Path(guess))}?" if guess else f"See what is there: ls {folder}"
