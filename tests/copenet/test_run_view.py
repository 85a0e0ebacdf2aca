from __future__ import annotations

from pathlib import Path

import pytest

from copenet.cli.run_view import STEPS, RunView
from copenet.foundation.errors import ResourceError
from copenet.pipeline import STAGES, Report, Saying


@pytest.fixture
def lines():
    return []


def view_of(lines, *reports, error=None):
    view = RunView(lines.append, Path("study"), ("copenet next",))
    for report in reports:
        view.done(report)
    view.close(error)
    return view


def test_every_stage_belongs_to_one_step_whose_last_stage_runs_last():
    order = [stage.name for stage in STAGES]
    named = [stage for _, stages in STEPS for stage in stages]
    assert named == order


def test_a_step_is_printed_when_its_last_stage_is_done(lines):
    view = RunView(lines.append, Path("study"))
    view.done(Report("embed", "ran", 2.0, Saying("10 embeddings")))
    assert lines == []
    view.done(Report("label", "ran", 20.0, Saying("label F1 .96", "warn", ("careful",))))
    assert lines[0].startswith("4/7 text     10 embeddings · label F1 .96")
    assert lines[0].endswith("22 s  WARN")
    assert lines[1].strip() == "careful"


def test_the_tally_counts_and_names_what_is_next(lines):
    view_of(
        lines,
        Report("ingest", "ran", 0.8, Saying("6,120 posts")),
        Report("quality", "fresh", 0.4, Saying("ok", "warn")),
        Report("effect", "ran", 1.0, Saying("no", "refused", figures={"refused": 2})),
    )
    assert lines[-1].startswith("OK 1 · WARN 1 · FAIL 0 · 2 estimates refused · 0 s")
    assert lines[-1].endswith("next: copenet next")
    assert "cached" in lines[1]
    assert lines[2].endswith("REFUSED")


def test_a_fault_comes_last_with_its_way_out(lines):
    error = ResourceError("no server", remedy="docker compose up -d")
    view_of(
        lines,
        Report("graph", "ran", 1.0, Saying("ties")),
        Report("store", "failed", 0.1, None, error),
        Report("report", "skipped", 0.0, None),
        error=error,
    )
    assert lines[0].endswith("FAIL")
    assert "not run: something before it failed" in lines[1]
    assert lines[-3:-1] == ["FAIL no server", "     docker compose up -d"]
    assert "FAIL 2" in lines[-1]


def test_a_run_that_did_nothing_says_so(lines):
    view_of(lines, *(Report(stage.name, "fresh", 1.0, Saying("x")) for stage in STAGES))
    assert "nothing changed" in lines[-1]
    assert sum("cached" in line for line in lines) == len(STEPS)
