"""Commands about a study as a whole: demo, init, status, doctor, audit, report, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copenet.cli.options import AsJson, Assignments, Force, Seed, StudyPath, open_study, warn_of_overrides
from copenet.cli.output import command, emit, note, progress, say, table

if TYPE_CHECKING:
    from copenet.study import Study


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for function in (demo, init, status, doctor, run, audit, report):
        app.command()(function)


@command
def demo(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path("demo"),
    null: Annotated[bool, typer.Option("--null", help="The same world with homophily and no peer effect.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another world.", metavar="N")] = 7,
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """Simulate conversations, run everything, and show the truth beside the estimate.

    Example: copenet demo --null
    """
    from copenet.demo import run_demo

    return run_demo(directory, null=null, seed=seed, force=force, as_json=as_json)


@command
def init(
    study: StudyPath,
    *,
    title: Annotated[str, typer.Option("--title", help="The study's name.", show_default=False)] = "",
    question: Annotated[str, typer.Option("--question", help="What is asked.", show_default=False)] = "",
    seed: Seed = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Make a new study folder with a commented study.toml.

    Example: copenet init anxiety --question "Does reframing spread?"
    """
    from copenet.settings import Settings, override, parse_assignments
    from copenet.study import SETTINGS_FILE, Study

    given: dict[str, Any] = {"study.title": title, "study.question": question}
    if seed is not None:
        given["study.seed"] = seed
    made = Study.create(study, override(Settings(), given | parse_assignments(assignments or [])))
    if as_json:
        emit({"study": str(made.path), "settings": str(made.path / SETTINGS_FILE)})
        return
    say(f"{made.path} is a study now. Its settings, with what each means: {made.path / SETTINGS_FILE}")
    say(f"next: copenet ingest {made.path} PATH…   then: copenet run {made.path}")


@command
def status(study: StudyPath, as_json: AsJson = False) -> None:
    """Show what is fresh, stale, missing, running or failed.

    Example: copenet status demo
    """
    from copenet.pipeline import Pipeline

    opened = open_study(study)
    rows = Pipeline(opened).states()
    if as_json:
        emit({"study": opened.name, "stages": rows})
        return
    shown = [[row["name"], row["state"], row["seconds"], row["reason"] or ""] for row in rows]
    table(["stage", "state", "seconds", ""], shown)
    waiting = sum(row["state"] != "fresh" for row in rows)
    say(f"{waiting} of {len(rows)} to do. next: copenet run {study}" if waiting else "Everything is fresh.")


@command
def doctor(as_json: AsJson = False) -> None:
    """Show what this machine has: engines, stores, memory.

    Example: copenet doctor
    """
    from copenet.doctor import examine

    findings = examine()
    if as_json:
        emit({"findings": findings})
        return
    table(["what", "state", "detail"], [[f["name"], f["status"], f["detail"]] for f in findings])


@command
def run(
    study: StudyPath,
    *,
    sources: Annotated[
        list[Path] | None, typer.Option("--from", metavar="PATH", help="Dumps to read from now on, too.")
    ] = None,
    seed: Seed = None,
    assignments: Assignments = None,
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """Run every stage that is stale, from dumps to report.

    Exit code 4 says that the headline estimate was refused; everything else is written all the same.

    Example: copenet run anxiety
    """
    from copenet.cli.run_view import run_study

    opened = open_study(study, assignments, seed)
    warn_of_overrides(opened)
    if not sources:
        return run_study(opened, as_json=as_json, force=force)
    return _run_from(opened, sources, as_json=as_json, force=force)


def _run_from(opened: Study, paths: list[Path], *, as_json: bool, force: bool) -> int:
    """Run with further dumps, which are remembered unless they cannot be read."""
    from copenet import sources
    from copenet.cli.run_view import run_study
    from copenet.foundation.errors import CopenetError
    from copenet.pipeline import Pipeline

    sources.check(paths)
    before = sources.memory(opened)
    sources.remember(opened, paths)
    try:
        code = run_study(opened, as_json=as_json, force=force)
    except CopenetError:
        sources.restore(opened, before)
        raise
    if Pipeline(opened).failed("ingest"):
        sources.restore(opened, before)  # a dump that cannot be read must not fail every later run
    return code


@command
def audit(study: StudyPath, as_json: AsJson = False) -> None:
    """List the checks done, with what they found, and those not yet done.

    Example: copenet audit demo
    """
    from copenet.audit import OUT_OF_DATE
    from copenet.audit import audit as look

    checks = look(open_study(study))
    if as_json:
        emit({"checks": checks, "not_done": [c["name"] for c in checks if c["status"] == "not_done"]})
        return
    table(["check", "status", "detail"], [[c["name"], c["status"], c["detail"]] for c in checks])
    say(f"{sum(c['status'] == 'not_done' for c in checks)} of {len(checks)} not yet done.")
    if checks[0]["name"] == OUT_OF_DATE:
        note(f"Results are stale: {checks[0]['detail']}")


@command
def report(study: StudyPath, as_json: AsJson = False) -> None:
    """Write the report, one HTML file that opens offline.

    Example: copenet report demo
    """
    from copenet.running import bring

    opened = open_study(study)
    bring(opened, ["report"], progress(as_json))
    path = opened.results / "report.html"
    if as_json:
        emit({"path": str(path)})
    else:
        say(str(path))
