"""What must be made again although the tables are the same: rejects, small groups, figures of a laxer rule."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from copenet import journal
from copenet.cli.app import app
from copenet.foundation.errors import InputError
from copenet.freshness import lock
from copenet.pipeline import BY_NAME, STAGES, Pipeline
from copenet.running import bring
from copenet.stages import report
from copenet.study import Study
from tests.ingest.dumps import lines, post, reply, write


@pytest.fixture
def study(tmp_path: Path) -> Study:
    data = lines([post(), *(reply(f"c{i}", "t3_p1", f"name{i}") for i in range(40))])
    write(tmp_path / "good.ndjson", data)
    return Study.create(tmp_path / "study").with_changes({"ingest.sources": [str(tmp_path / "good.ndjson")]})


def test_a_dump_of_which_nothing_new_could_be_kept_is_in_the_quality_report(study: Study, tmp_path: Path) -> None:
    bring(study, ["quality"])
    assert json.loads((study.results / "quality.json").read_text())["rejected"] == []
    whole = (tmp_path / "good.ndjson").read_bytes()
    cut = write(tmp_path / "half.gz", whole, "gzip")
    cut.write_bytes(cut.read_bytes()[:-12])
    both = study.with_changes({"ingest.sources": [str(tmp_path / "good.ndjson"), str(cut)]})
    bring(both, ["quality"])
    assert json.loads((study.results / "quality.json").read_text())["rejected"] != []


@pytest.mark.parametrize("name", ["graph", "effect", "report"])
def test_another_smallest_group_makes_stale_what_counts_people(study: Study, name: str) -> None:
    keys = {k: BY_NAME[name].settings(study.with_changes({"report.suppress_below": k})) for k in (8, 20)}
    assert keys[8] != keys[20]


def test_a_figure_that_may_not_be_drawn_any_more_goes(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = study.results / "figures"
    folder.mkdir()
    for kind in ("svg", "pdf", "json"):
        (folder / f"communities.{kind}").write_text("three people")

    def refuse(study: Study, name: str) -> None:
        raise InputError("No community has 10 people or more.")

    monkeypatch.setattr(report, "draw", refuse)
    assert "No community" in report._draw(study)
    assert list(folder.iterdir()) == []


def test_the_store_is_not_dropped_under_a_running_stage(study: Study) -> None:
    Pipeline(study)
    with lock(study.restricted / "stages" / "lock"):
        done = CliRunner().invoke(app, ["graph", "drop", str(study.path)])
    assert done.exit_code == 5
    assert "Another copenet" in done.stderr


def test_every_stage_that_reads_the_messages_rests_on_ingest() -> None:
    """A message may change nothing that lies between: one whose words occurred before adds no embedding."""
    for stage in STAGES:
        module = import_module(f"copenet.stages.{stage.name}")
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        if "messages_of(" in source or "texts_of(" in source:
            assert "ingest" in stage.after, stage.name


def test_only_an_estimate_declares_what_is_estimated(study: Study) -> None:
    bring(study, ["quality"])
    assert journal.declarations(study.journal) == []
