"""Results to one HTML file."""

from __future__ import annotations

from typing import Any

from copenet import journal
from copenet.doctor import versions
from copenet.figures import draw
from copenet.foundation.errors import InputError
from copenet.foundation.files import read_json
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.protection import scan_outputs
from copenet.stages.common import save
from copenet.study import Study


def run(study: Study, progress: Progress) -> Saying:
    """Draw the figures and write results/report.html and results/manifest.json."""
    from copenet.report import write_report

    undrawn = _draw(study)
    found = versions()
    save(study, "manifest", manifest(study, found))
    path = write_report(
        study.results,
        study.results / "report.html",
        settings=study.settings.public(),
        versions=found,
        truth=_truth(study),
    )
    leaks = scan_outputs(study)
    line = f"{path}  one file, opens offline"
    notes = [f"{undrawn}"] if undrawn else []
    notes += [f"{len(leaks)} files hold ids of people or messages: {', '.join(leaks)}"] if leaks else []
    return Saying(line, "warn" if notes else "ok", tuple(notes))


def _truth(study: Study) -> dict[str, Any] | None:
    """Return the planted truth of a simulation for the design that is estimated."""
    path = study.path / "truth.json"
    if not path.is_file():
        return None
    planted: dict[str, Any] = read_json(path)
    return planted if study.settings.effect.design == "panel" else planted.get("replies")


def _draw(study: Study) -> str:
    """Draw the communities, or say why they cannot be drawn (all smaller than what may be shown).

    What was drawn before goes first: it may show groups that are too small by now.
    """
    for kind in ("svg", "pdf", "json"):
        (study.results / "figures" / f"communities.{kind}").unlink(missing_ok=True)
    try:
        draw(study, "communities")
    except InputError as error:
        return f"no community figure: {error.message}"
    return ""


def manifest(study: Study, found: dict[str, str]) -> dict[str, Any]:
    """Return what a reader needs to repeat this."""
    name = study.path.resolve().name
    return {
        "title": study.name,
        "question": study.settings.study.question,
        "seed": study.seed,
        "versions": found,
        "settings_digest": study.settings.digest(),
        "declarations": journal.declarations(study.journal),
        "commands": [f"copenet ingest {name} PATH…", f"copenet run {name}"],
    }
