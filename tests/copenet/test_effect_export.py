"""`effect export`: formats, places, what it says aloud, and `effect explain` beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from causal import tables
from copenet import finding
from copenet.cli.app import app
from copenet.effect_tables import FORMATS
from copenet.finding import Finding
from copenet.study import Study
from tests.report.documents import effects


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study")


@pytest.fixture
def document():
    return effects()


@pytest.fixture
def call(study, document, monkeypatch):
    """Call `effect NAME STUDY …` on a study whose estimate is `document`."""
    found = Finding(document, study.results / "effects.json")
    monkeypatch.setattr(finding, "estimate", lambda *_, **__: found)

    def run(name: str, *arguments: object) -> Any:
        return CliRunner().invoke(app, ["effect", name, str(study.path), *map(str, arguments)])

    return run


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_written_into_the_results_and_the_same_twice(study, call, kind):
    done = call("export", "--format", kind)
    assert done.exit_code == 0, done.output
    path = study.results / "tables" / f"effect.{FORMATS[kind]}"
    assert done.stdout.strip() == str(path)
    first = path.read_bytes()
    assert first
    call("export", "--format", kind)
    assert path.read_bytes() == first
    assert b"777" not in first  # the group of five people


def test_parquet_is_the_tidy_table(study, call, document):
    call("export", "--format", "parquet")
    found = pq.read_table(study.results / "tables" / "effect.parquet")
    assert found.equals(tables.tidy(document))


def test_labels_nobody_validated_and_a_refusal_are_said_on_stderr(call, document):
    document["labels_validated"] = False
    document["refused"] = "no overlap. Try another exposure."
    done = call("export", "--format", "markdown")
    assert done.exit_code == 0  # the tables were written, and hold the refusal
    assert "labels not validated" in done.stderr
    assert "REFUSED: no overlap" in done.stderr
    found = json.loads(call("export", "--json").stdout)
    assert (found["format"], found["labels_validated"]) == ("latex", False)
    assert found["refused"].startswith("no overlap")
    assert "Labels not validated" in Path(found["path"]).read_text()


def test_an_unknown_format_is_refused_before_anything_is_computed(study, monkeypatch):
    monkeypatch.setattr(finding, "estimate", lambda *_, **__: pytest.fail("computed"))
    done = CliRunner().invoke(app, ["effect", "export", str(study.path), "--format", "latx"])
    assert done.exit_code == 2
    assert "Did you mean latex?" in done.stderr


def test_it_goes_where_it_is_told_and_never_over_what_a_study_rests_on(study, call, tmp_path):
    out = tmp_path / "paper"
    out.mkdir()
    assert call("export", "--out", out / "table.tex").stdout.strip() == str(out / "table.tex")
    assert call("export", "--out", out).stdout.strip() == str(out / "effect.tex")
    for inside in (study.path / "study.toml", study.results / "effects.json", study.restricted / "x.tex"):
        before = inside.read_bytes() if inside.is_file() else None
        done = call("export", "--out", inside)
        assert done.exit_code == 4
        assert "results/tables" in done.stderr
        assert (inside.read_bytes() if inside.is_file() else None) == before


def test_what_is_not_declared_has_a_name_of_its_own(study, document, monkeypatch):
    found = Finding(document, study.results / "beside" / "planning-count-12345678.json")
    monkeypatch.setattr(finding, "estimate", lambda *_, **__: found)
    done = CliRunner().invoke(app, ["effect", "export", str(study.path), "--outcome", "planning"])
    assert done.stdout.strip().endswith("results/tables/planning-count-12345678.tex")


def test_groups_are_hidden_below_the_limit_of_the_study(study, document, monkeypatch):
    (study.path / "study.toml").write_text("[report]\nsuppress_below = 200\n")
    monkeypatch.setattr(finding, "estimate", lambda *_, **__: Finding(document, study.results / "effects.json"))
    done = CliRunner().invoke(app, ["effect", "export", str(study.path), "--format", "csv"])
    assert done.exit_code == 0, done.output
    assert "5 of fewer than 200, not shown" in (study.results / "tables" / "effect.csv").read_text()


def test_explain_prints_the_steps_and_what_each_result_does_not_say(call):
    said = call("explain").stdout
    assert "From naive to final; what a step takes away depends on the order" in said
    assert "+ own history" in said
    assert said.count("Does not say:") == 9
    assert "This holds if:" in said
    found = json.loads(call("explain", "--json").stdout)
    assert [s["label"] for s in found["waterfall"]["steps"]] == ["naive", "+ own history", "flexible nuisances"]
    assert {r["name"] for r in found["readings"]} >= {"naive", "aipw", "waterfall", "influence"}


def test_a_finding_makes_the_same_tables(document, study):
    found = Finding(document, study.results / "effects.json")
    assert found.to_latex() == tables.to_latex(document)
    assert found.to_markdown() == tables.to_markdown(document)
    assert found.to_html() == tables.to_html(document)
