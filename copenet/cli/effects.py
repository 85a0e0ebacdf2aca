"""Commands about effects."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from copenet.cli.options import AsJson, Assignments, Force, StudyPath, open_study
from copenet.cli.output import command, emit, note, progress, say

if TYPE_CHECKING:
    from copenet.study import Study

Outcome = Annotated[str | None, typer.Option("--outcome", help="A strategy; overrides effect.outcome.")]
Exposure = Annotated[
    str | None,
    typer.Option(
        "--exposure",
        help="any_peer, threshold, proportion, count, …; overrides effect.exposure.",
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Overrides study.seed here alone.", show_default=False, metavar="N")
]
BEFORE = ("ingest", "embed", "label", "graph")
Channel = Annotated[str | None, typer.Option("--channel", help="replied_to, received_reply or co_thread.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for function in (estimate, check, explain, export):
        group.command()(function)


@command
def estimate(
    study: StudyPath,
    *,
    outcome: Outcome = None,
    exposure: Exposure = None,
    channel: Channel = None,
    seed: Seed = None,
    assignments: Assignments = None,
    force: Force = False,
    as_json: AsJson = False,
) -> int:
    """Estimate the effect, with naive and OLS beside it. Exit code 4 says that it was refused.

    What study.toml does not declare is journalled as declared now and kept apart from the declared result.

    Example: copenet effect estimate demo --outcome acceptance
    """
    from copenet.finding import estimate as compute
    from copenet.running import REFUSED

    opened = _study(study, (outcome, exposure, channel), seed, assignments)
    found = compute(opened, progress(as_json), force=force)
    if as_json:
        emit(found.document)
    else:
        say(found.summary())
        say(f"{found.path}   why and how: copenet effect explain {study}")
    return REFUSED if found.document["refused"] else 0


@command
def check(
    study: StudyPath,
    *,
    outcome: Outcome = None,
    exposure: Exposure = None,
    channel: Channel = None,
    seed: Seed = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> int:
    """Show every check of the estimate, what came out, and what that can and cannot say.

    Example: copenet effect check demo
    """
    from copenet.finding import estimate as compute

    opened = _study(study, (outcome, exposure, channel), seed, assignments)
    _say_stale(opened)
    found = compute(opened, progress(as_json))
    checks = found.document["checks"]
    if as_json:
        emit({"checks": checks, "refused": found.document["refused"]})
        return 0
    for entry in checks:
        say(f"{entry['status']:<16} {entry['name']}: {entry['detail']}")
    return 0


@command
def explain(
    study: StudyPath,
    *,
    outcome: Outcome = None,
    exposure: Exposure = None,
    channel: Channel = None,
    seed: Seed = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> int:
    """Say what was estimated on whom, how the number came about, what each result says and does not, and what was refused.

    Example: copenet effect explain demo
    """
    from causal.readings import readings, steps_of
    from copenet.finding import estimate as compute
    from copenet.ladder import ladder

    opened = _study(study, (outcome, exposure, channel), seed, assignments)
    _say_stale(opened)
    document = compute(opened, progress(as_json)).document
    told = readings(document, suppress_below=opened.settings.report.suppress_below)
    if as_json:
        keys = ("outcome", "exposure", "estimand", "headline", "assumptions", "labels_validated", "refused", "declared")
        steps = document["detail"].get("waterfall")
        emit({key: document.get(key) for key in keys} | {"waterfall": steps, "readings": [asdict(r) for r in told]})
        return 0
    say(f"{document['exposure']} → {document['outcome']}: {document['estimand']}")
    for line in ladder(document):
        say(f"  {line}")
    say(f"headline: {document['headline']}" + (f", REFUSED: {document['refused']}" if document["refused"] else ""))
    for entry in document["estimates"]:
        if entry["refused"]:
            say(f"refused: {entry['estimator']} ({entry['estimand']}): {entry['refused']}")
    for entry in document["checks"]:
        if entry["status"] == "refused":
            say(f"refused: {entry['name']}: {entry['detail']}")
    for n, line in enumerate(steps_of(document)):
        if n == 0:
            say("From naive to final; what a step takes away depends on the order (alone, after all others):")
        say(f"  {line}")
    for reading in told:
        say(f"{reading.title}: {reading.says}")
        say(f"  Does not say: {reading.cannot}")
    say("This holds if:")
    for assumption in document["assumptions"]:
        say(f"  - {assumption}")
    if not document["labels_validated"]:
        note("labels not validated")
    return 0


@command
def export(
    study: StudyPath,
    *,
    format_: Annotated[str, typer.Option("--format", help="latex, markdown, html, csv or parquet.")] = "latex",
    out: Annotated[Path | None, typer.Option("--out", help="Where to; results/tables when left out.")] = None,
    outcome: Outcome = None,
    exposure: Exposure = None,
    channel: Channel = None,
    seed: Seed = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> int:
    """Write estimates, steps, groups and checks as tables for a paper, or as one tidy table (csv, parquet).

    Small groups stay hidden as in the report. LaTeX needs the package booktabs.

    Example: copenet effect export demo --format markdown
    """
    from copenet.effect_tables import check_format, export_effect
    from copenet.finding import estimate as compute

    check_format(format_)
    opened = _study(study, (outcome, exposure, channel), seed, assignments)
    _say_stale(opened)
    found = compute(opened, progress(as_json))
    path = export_effect(opened, found, format_, out)
    validated, refused = found.document["labels_validated"], found.document["refused"]
    if as_json:
        emit({"path": str(path), "format": format_, "labels_validated": validated, "refused": refused})
        return 0
    say(str(path))
    if refused:
        note(f"REFUSED: {refused}")
    if not validated:
        note("labels not validated")
    return 0


def _say_stale(study: Study) -> None:
    """Say, before it takes its time, that an estimate is made again, and why."""
    from copenet.pipeline import Pipeline

    old = Pipeline(study).out_of_date()
    if "effect" in old:
        before = [name for name in old if name in BEFORE]
        rest = f" ({', '.join(before)})" if before else ""
        note(f"The estimate is stale: it is computed again now, with what it rests on{rest}.")
        note(f"  The report stays as it was until: copenet run {study.path}")


def _study(path: Path, estimand: tuple[str | None, ...], seed: int | None, assignments: list[str] | None) -> Study:
    names = ("effect__outcome", "effect__exposure", "effect__channel")
    opened = open_study(path, assignments, None, **dict(zip(names, estimand, strict=True)))
    return replace(opened, effect_seed=seed)
