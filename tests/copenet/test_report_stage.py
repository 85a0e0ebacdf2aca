"""The stage that writes the report: what of the settings may leave restricted/."""

from __future__ import annotations

import pytest

from copenet import journal
from copenet.foundation.files import write_json
from copenet.foundation.progress import SILENT
from copenet.settings import Settings
from copenet.stages import report
from copenet.study import Study
from tests.copenet.corpus import CANARY

PRIVATE = {
    "ingest.bots": [f"{CANARY}_bot"],
    "ingest.sources": [f"{CANARY}_dump.zst"],
    "ingest.key_file": f"{CANARY}_key",
    "text.gold": f"{CANARY}_gold.csv",
    "graph.uri": f"bolt://{CANARY}.example.org:7687",
    "graph.user": f"{CANARY}_user",
    "graph.password_file": f"{CANARY}_password",
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_draw", lambda study: "")
    return Study.create(tmp_path / "study").with_changes(PRIVATE)


def test_no_setting_that_names_a_person_a_file_or_a_server_leaves_the_study(study):
    journal.declare(study.journal, study.estimand())
    report.run(study, SILENT)
    for path in (study.results / "report.html", study.results / "manifest.json", study.journal):
        assert path.read_bytes()
        assert CANARY not in path.read_text().lower()
    assert "effect.period_weeks" in (study.results / "report.html").read_text()


def test_usernames_cannot_be_tried_against_the_digest(study):
    assert study.settings.digest() == Settings().digest()
    assert study.with_changes({"effect.outcome": "planning"}).settings.digest() != Settings().digest()


def test_the_truth_beside_an_estimate_is_that_of_its_design(study):
    assert report._truth(study) is None
    write_json(study.path / "truth.json", {"truth": 0.08, "replies": {"truth": 0.15}})
    assert report._truth(study)["truth"] == 0.08
    assert report._truth(study.with_changes({"effect.design": "replies"}))["truth"] == 0.15
