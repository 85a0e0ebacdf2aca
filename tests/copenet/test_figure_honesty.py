"""Figures and answers of a study say when nobody validated its labels, and how its communities were found."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from copenet import figures
from copenet.cli import graphs
from copenet.cli.app import app
from copenet.foundation.files import write_json
from copenet.stages import common
from copenet.study import Study
from tests.graph.graph_world import labels_of, world


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study").with_changes({"graph.resolution": 0.5, "study.seed": 11})


def labelled(study, **rates):
    rows = [{"strategy": name, "sensitivity": rate, "specificity": 0.9} for name, rate in rates.items()]
    write_json(
        study.results / "labels.json",
        {
            "models": [{"per_strategy": rows}] if rows else [],
            "labels_validated": bool(rows),
            "thresholds": dict.fromkeys(rates or ["planning"], 0.5),
        },
    )


@pytest.fixture
def drawn(study, monkeypatch):
    """Draw the figure of a small world in which every other person is of one community; return its JSON."""
    messages = world(people=40)
    ids = sorted(messages["author_id"].drop_null().unique().to_pylist())
    found = pa.table({"author_id": ids, "method": ["leiden"] * len(ids), "community": np.arange(len(ids)) % 2})
    monkeypatch.setattr(figures, "messages_of", lambda _: messages)
    monkeypatch.setattr(figures, "communities_of", lambda *_: found)
    monkeypatch.setattr(figures, "shown_labels", lambda *_: labels_of(messages))
    return lambda: json.loads(figures.draw(study, "communities", "planning").with_suffix(".json").read_text())


@pytest.mark.parametrize(
    ("rates", "validated"),
    [({}, False), ({"planning": None}, False), ({"humor": 0.9}, False), ({"planning": 0.9}, True)],
)
def test_a_figure_says_whether_labels_of_its_strategy_are_validated(study, drawn, rates, validated):
    labelled(study, **rates)
    made = drawn()
    for said in (made["caption"], made["alt"]):
        assert ("labels not validated" in said) is not validated
    assert made["data"]["labels_validated"] is validated


def test_a_figure_names_how_its_communities_were_found(study, drawn):
    labelled(study)
    assert drawn()["caption"].startswith("Replies between communities (Leiden, modularity, resolution 0.5, seed 11)")


def test_a_figure_is_the_same_in_every_byte_when_drawn_again(study, drawn):
    labelled(study, planning=0.9)
    kinds = [study.results / "figures" / f"communities.{kind}" for kind in ("svg", "pdf", "json")]
    drawn()
    first = [path.read_bytes() for path in kinds]
    drawn()
    assert [path.read_bytes() for path in kinds] == first


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ({}, "labels not validated: strategies in the graph were"),
        ({"planning": 0.9, "humor": None}, "labels not validated: those of humor were"),
        ({"planning": 0.9}, ""),
    ],
)
def test_an_answer_says_when_labels_are_not_validated(study, monkeypatch, rates, said):
    labelled(study, **rates)
    answer = SimpleNamespace(columns=["n"], rows=[[1]], truncated=False)
    opened = SimpleNamespace(query=lambda *_: answer, run_saved=lambda *_: answer)
    monkeypatch.setattr(graphs, "_open", lambda *_: nullcontext(opened))
    ask = ["graph", "query", str(study.path), "RETURN 1 AS n"]
    told = CliRunner().invoke(app, ask)
    assert told.exit_code == 0
    assert said in told.stderr
    assert ("not validated" in told.stderr) is bool(said)
    assert "not validated" not in told.stdout  # whoever pipes the table gets the table
    found = json.loads(CliRunner().invoke(app, [*ask, "--json"]).stdout)
    assert found == {"columns": ["n"], "rows": [[1]], "truncated": False, "labels_validated": not said}


def test_strategies_nobody_judged_are_those_with_labels_and_without_both_rates(study):
    assert common.not_validated(study) == []
    labelled(study, planning=0.9, humor=None)
    assert common.not_validated(study) == ["humor"]
