"""Commands about the dumps: ingest and quality."""

from __future__ import annotations

from dataclasses import replace
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
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Dumps, archives or folders of them; - reads standard input."),
    ] = None,
    *,
    form: Annotated[str, typer.Option("--format", help="Their format, where it is not recognised rightly.")] = "",
    columns: Annotated[
        str, typer.Option("--columns", help="Read tables by their columns: id=…,author=…,parent=…,time=…,text=…")
    ] = "",
    platform: Annotated[str, typer.Option("--platform", help="What platform such a table is from.")] = "table",
    encoding: Annotated[str, typer.Option("--encoding", help="Of their text, where it is not UTF-8 or UTF-16.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what each file is, and keep nothing.")] = False,
    without_gone: Annotated[
        bool, typer.Option("--without-gone", help="Leave out what was read of dumps that are gone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read dumps into tables, with names replaced by pseudonyms; the study remembers which dumps.

    Without PATH it reads those of study.toml and those given before. What was read of a dump that is erased stays.

    Example: copenet ingest anxiety RS_2019-01.zst RC_2019-01.zst
    """
    from copenet import sources
    from copenet.foundation.errors import CopenetError
    from copenet.standard_input import without_standard_input

    opened = open_study(study)
    how = sources.Said(_format(form, columns, platform), _encoding(encoding))
    with without_standard_input(opened, paths or [], how) as (named, spooled):
        given = [*named, *spooled]
        sources.check(given)
        _say_passed_over(given or [*sources.declared(opened), *sources.remembered(opened)])
        if dry_run:
            settings = replace(sources.settings(opened), how=sources.how_of(given, how))
            _preview(sources.expand(given) if given else sources.required(opened), settings, as_json)
            return
        if without_gone:
            sources.leave_out_gone(opened, given)
        before = sources.memory(opened)
        sources.remember(opened, given, how)
        from copenet.running import bring

        try:
            bring(opened, ["quality"], progress(as_json))
        except CopenetError:
            sources.restore(opened, before)  # a dump that cannot be read must not fail every later run
            raise
    if said := sources.say_gone(opened):
        note(said)
    _say_quality(opened, as_json)


def _format(form: str, columns: str, platform: str) -> str:
    from copenet.foundation.errors import UsageError
    from ingest.formats import by_name, column_format

    if form and columns:
        raise UsageError("--format and --columns exclude each other.", remedy="Give one of them.")
    if not columns:
        if form:
            by_name(form)  # says which there are
        return form
    pairs = [pair.partition("=") for pair in columns.split(",")]
    if not all(equals and role.strip() and column.strip() for role, equals, column in pairs):
        raise UsageError(
            "--columns takes role=column, separated by commas.",
            remedy="For example --columns id=ID,author=User,text=Body",
        )
    return column_format({role.strip(): column.strip() for role, _, column in pairs}, platform)


def _encoding(name: str) -> str:
    from ingest.containers import require_text_encoding

    return require_text_encoding(name) if name else ""


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
    from copenet.sources import masked, passed_over, what_is_read

    for folder, count in passed_over(paths).items():
        note(f"{masked(folder)}: {count} other file{'s are' if count > 1 else ' is'} not read. {what_is_read()}")
        note("  A dump with another name is read when it is given by name.")


def _preview(paths: Any, settings: Any, as_json: bool) -> None:
    from copenet.foundation.errors import InputError
    from copenet.recognise import recognise

    found = [entry for path in paths for entry in recognise(path, settings)]
    unknown = [entry for entry in found if entry["format"] == "unknown"]
    nothing = len(unknown) == len(found) > 0
    if as_json:
        emit({"files": found})
        if nothing:
            raise typer.Exit(InputError.exit_code)
        return
    table(["file", "format", "container", "messages", "broken"], [list(entry.values()) for entry in found])
    if nothing:
        raise InputError(
            "No dump given is of a known format.",
            remedy="Read a table with --columns id=…,author=…,parent=…,time=…,text=…",
        )
    if unknown:
        note("A table no format recognises is read with --columns id=…,author=…,parent=…,time=…,text=…")


def _say_quality(study: Any, as_json: bool) -> None:
    from copenet.stages.common import result

    document = result(study, "quality")
    if as_json:
        emit(document)
        return
    for key, value in document.items():
        if isinstance(value, int | float | str):
            say(f"{key:<24} {value:,}" if isinstance(value, int) else f"{key:<24} {value}")
    if clashing := document["conflicts"]:
        note(f"conflicts: {clashing:,} (ids that stand for messages of different times and texts; one of each stays)")
        note("  Dumps that each count for themselves (corpora, sites, accounts) belong in studies of their own.")
    rejected = document["rejected"]
    for entry in rejected[:10]:
        note(f"rejected: {entry['file']} line {entry['line']}: {entry['reason']}")
    if len(rejected) > 10:
        note(f"10 of {len(rejected)} rejected lines shown; all are in {study.results / 'quality.json'}")
    say(f"next: copenet run {study.path}")
