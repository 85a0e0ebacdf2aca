"""Commands about the dumps: ingest and quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from copenet.cli.options import AsJson, StudyPath, open_study
from copenet.cli.output import command, emit, note, progress, say, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(ingest)
    app.command()(quality)


@command
def ingest(
    study: StudyPath,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="Dumps, or folders of them.", show_default=False)
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what each file is, and keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read dumps into tables, with names replaced by pseudonyms; the study remembers which dumps.

    Without PATH it reads those of study.toml and those given before.

    Example: copenet ingest anxiety RS_2019-01.zst RC_2019-01.zst
    """
    from copenet import sources
    from copenet.foundation.errors import CopenetError

    opened = open_study(study)
    sources.check(paths or [])
    _say_passed_over(paths or [*sources.declared(opened), *sources.remembered(opened)])
    if dry_run:
        _preview(sources.expand(paths) if paths else sources.required(opened), as_json)
        return
    before = sources.remembered(opened)
    if paths:
        sources.remember(opened, paths)
    from copenet.running import bring

    try:
        bring(opened, ["quality"], progress(as_json))
    except CopenetError:
        if paths:
            sources.replace(opened, before)  # a dump that cannot be read must not fail every later run
        raise
    _say_quality(opened, as_json)


@command
def quality(study: StudyPath, as_json: AsJson = False) -> None:
    """Report coverage: what was kept, what is missing, what was rejected and why.

    Example: copenet quality demo --json
    """
    from copenet.running import bring

    opened = open_study(study)
    bring(opened, ["quality"], progress(as_json))
    _say_quality(opened, as_json)


def _say_passed_over(paths: list[Path]) -> None:
    from copenet.sources import NAMED, passed_over

    for folder, count in passed_over(paths).items():
        note(f"{folder}: {count} other file{'s are' if count > 1 else ' is'} not read. {NAMED}")
        note("  A dump with another name is read when it is given by name; unpack .xz and .bz2 first.")


def _preview(paths: Any, as_json: bool) -> None:
    from copenet.recognise import recognise
    from ingest.file_names import shown

    found = [{**recognise(path), "file": shown(path.name)} for path in paths]
    if as_json:
        emit({"files": found})
        return
    table(["file", "format", "container", "records", "broken"], [list(entry.values()) for entry in found])


def _say_quality(study: Any, as_json: bool) -> None:
    from copenet.stages.common import result

    document = result(study, "quality")
    if as_json:
        emit(document)
        return
    for key, value in document.items():
        if isinstance(value, int | float | str):
            say(f"{key:<24} {value:,}" if isinstance(value, int) else f"{key:<24} {value}")
    rejected = document["rejected"]
    for entry in rejected[:10]:
        note(f"rejected: {entry['file']} line {entry['line']}: {entry['reason']}")
    if len(rejected) > 10:
        note(f"10 of {len(rejected)} rejected lines shown; all are in {study.results / 'quality.json'}")
    say(f"next: copenet run {study.path}")
