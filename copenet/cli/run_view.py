"""A run as it is read: numbered lines, bars under the effect, failures and refusals last, one closing tally."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from copenet.cli.output import colour, emit, note, progress, say
from copenet.foundation.errors import CopenetError
from copenet.pipeline import Report, Saying, first_error
from copenet.running import everything, run_document
from copenet.study import Study

STEPS = (
    ("ingest", ("ingest",)),
    ("check", ("quality",)),
    ("protect", ("protect",)),
    ("text", ("embed", "label")),
    ("graph", ("graph", "store")),
    ("effect", ("effect",)),
    ("report", ("report",)),
)
LINE = 78


class RunView:
    """Prints each step when the last of its stages is done, and keeps the tally.

    Args:
        write: Prints one line.
        study: The study's folder, for the commands it suggests.
        next_commands: What to do when all is done.
    """

    def __init__(self, write: Callable[[str], None], study: Path, next_commands: Sequence[str] = ()) -> None:
        self._write, self._study, self._next = write, study, tuple(next_commands)
        self._reports: dict[str, Report] = {}
        self._started = time.perf_counter()
        self.tally = {"OK": 0, "WARN": 0, "FAIL": 0}
        self.refused = 0

    def heading(self, text: str) -> None:
        """Print the first line."""
        self._write(colour(text, 1))

    def done(self, report: Report) -> None:
        """Take note of a stage, and print its step if that was its last."""
        self._reports[report.name] = report
        for number, (name, stages) in enumerate(STEPS, 1):
            if report.name == stages[-1]:
                self._print(number, name, [self._reports[stage] for stage in stages if stage in self._reports])

    def _print(self, number: int, name: str, reports: list[Report]) -> None:
        sayings = [report.saying for report in reports if report.saying is not None]
        status = _status(reports, sayings)
        if status in self.tally:  # a refusal is no success: it is counted among the refused
            self.tally[status] += 1
        self.refused += sum(saying.figures.get("refused", 0) for saying in sayings)
        line = " · ".join(saying.line for saying in sayings) or _absence(reports)
        took = "cached" if all(report.state == "fresh" for report in reports) else _seconds(reports)
        self._write(f"{number}/{len(STEPS)} {name:<8} {line:<{LINE}} {took:>8}  {_painted(status)}")
        for remark in (remark for saying in sayings for remark in saying.notes):
            self._write(f"             {remark}")

    def close(self, error: CopenetError | None, extra: Sequence[str] = ()) -> None:
        """Print what failed and the tally."""
        for line in extra:
            self._write(line)
        if error is not None:
            self._write(f"{_painted('FAIL')} {error.message}")
            self._write(f"     {error.remedy}")
        parts = [f"{name} {count}" for name, count in self.tally.items()]
        if self.refused:
            parts.append(f"{self.refused} estimate{'s' if self.refused > 1 else ''} refused")
        if self._reports and all(report.state == "fresh" for report in self._reports.values()):
            parts.append("nothing changed: all from the last run")
        parts.append(f"{time.perf_counter() - self._started:.0f} s")
        following = "     next: " + "   ".join(self._next) if self._next else ""
        self._write(" · ".join(parts) + following)


def _status(reports: Sequence[Report], sayings: Sequence[Saying]) -> str:
    if any(report.state in ("failed", "skipped") for report in reports):
        return "FAIL"
    levels = {saying.level for saying in sayings}
    return "REFUSED" if "refused" in levels else "WARN" if "warn" in levels else "OK"


def _absence(reports: Sequence[Report]) -> str:
    return "failed" if any(report.state == "failed" for report in reports) else "not run: something before it failed"


def _seconds(reports: Sequence[Report]) -> str:
    seconds = sum(report.seconds for report in reports if report.state != "fresh")
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def _painted(status: str) -> str:
    return colour(status, {"OK": 32, "WARN": 33, "FAIL": 31, "REFUSED": 35}[status])


def run_study(study: Study, *, as_json: bool, force: bool) -> int:
    """Run a study for `copenet run`: numbered lines and a tally, or one JSON document."""
    view = RunView(note if as_json else say, study.path, (f"copenet graph shell {study.path}",))
    view.heading(f"copenet run · {study.name} · seed {study.seed} · {_where(study)}")
    reports, code = everything(study, progress(as_json), view.done, force)
    error = first_error(reports)
    view.close(error)
    if as_json:
        emit(run_document(study, reports, code))
    return code


def _where(study: Study) -> str:
    return "offline" if study.settings.graph.store == "ladybug" else "Neo4j"
