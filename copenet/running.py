"""Running stages for a command: what is stale, in order, with its faults turned into one exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from copenet.foundation.errors import RefusedError
from copenet.foundation.progress import SILENT, Progress
from copenet.pipeline import STAGES, Pipeline, Report, Saying, first_error
from copenet.study import Study

REFUSED = RefusedError.exit_code


def bring(study: Study, names: Iterable[str], progress: Progress = SILENT, force: bool = False) -> dict[str, Saying]:
    """Bring `names` and what they rest on up to date; return what each stage said.

    Raises:
        CopenetError: A stage failed; what was finished before it is kept.
    """
    names = list(names)
    reports = Pipeline(study).run(names, progress=progress, force=names if force else ())
    error = first_error(reports)
    if error is not None:
        raise error
    return {report.name: report.saying for report in reports if report.saying is not None}


def everything(
    study: Study, progress: Progress, done: Callable[[Report], None], force: bool = False
) -> tuple[list[Report], int]:
    """Run every stage that is stale; return how each went, and the exit code.

    The code is that of the first fault, or 4 when the headline estimate was refused.
    """
    every = [stage.name for stage in STAGES]
    reports = Pipeline(study).run(every, progress=progress, force=every if force else (), done=done)
    error = first_error(reports)
    if error is not None:
        return reports, error.exit_code
    return reports, REFUSED if headline_refused(reports) else 0


def headline_refused(reports: Iterable[Report]) -> bool:
    """Return whether the headline estimate of a run was refused."""
    sayings = (report.saying for report in reports if report.name == "effect")
    return any(saying is not None and saying.level == "refused" for saying in sayings)


def run_document(study: Study, reports: Iterable[Report], code: int) -> dict[str, object]:
    """Return what `run --json` prints."""
    reports = list(reports)
    error = first_error(reports)
    rows = [{"name": report.name, "state": report.state, "seconds": report.seconds} for report in reports]
    return {
        "study": study.name,
        "stages": rows,
        "report": str(study.results / "report.html"),
        "error": None if error is None else error.message,
        "exit_code": code,
    }
