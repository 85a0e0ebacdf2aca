"""Arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from copenet.study import Study

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Overrides study.seed.", show_default=False, metavar="N")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, e.g. effect.outcome=acceptance."),
]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if nothing changed.")]


def warn_of_overrides(study: Study) -> None:
    """Say on stderr that what is made now follows flags: study.toml says otherwise, and the next run goes by it."""
    from copenet.cli.output import note

    if study.settings != study.declared:
        note("Flags override study.toml here: the next `copenet run` without them makes this again as declared.")


def open_study(path: Path, assignments: list[str] | None = None, seed: int | None = None, **changes: Any) -> Study:
    """Open the study at `path` with flags overriding its settings; a change of None is no change."""
    from copenet.settings import parse_assignments
    from copenet.study import Study

    given: dict[str, Any] = parse_assignments(assignments or [])
    given |= {name.replace("__", "."): value for name, value in changes.items() if value is not None}
    if seed is not None:
        given["study.seed"] = seed
    return Study.open(path).with_changes(given)
