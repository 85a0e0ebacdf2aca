"""Pseudonyms decide nothing: the same dumps under another key give the same labels, communities and estimates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from copenet.pipeline import Pipeline
from copenet.stages.common import communities_of, labels_of, messages_of
from copenet.study import Study
from tests.copenet.corpus import gold_csv, plant, tiny_world

pytestmark = pytest.mark.slow

SETTINGS = {"effect.representation_dimensions": 2, "effect.outcome": "positive_reframing"}


def studied(folder: Path, dumps: Path) -> Study:
    made = Study.create(folder)
    study = made.with_changes(
        SETTINGS | {"ingest.sources": [str(dumps)], "text.gold": str(dumps / "gold.csv"), "study.seed": 5}
    )
    reports = Pipeline(study).run(["effect"])
    assert [r.error for r in reports if r.error is not None] == []
    return study


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Study]:
    root = tmp_path_factory.mktemp("keys")
    dumps = root / "dumps"
    dumps.mkdir()
    world = tiny_world()
    plant(dumps, world)
    gold_csv(world, dumps / "gold.csv")
    first, second = (studied(root / name, dumps) for name in ("one", "two"))
    return first, second


def effects(study: Study) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((study.results / "effects.json").read_text())
    document.pop("declared")  # says when
    return document


def test_the_keys_make_other_people(studies: tuple[Study, Study]) -> None:
    people = [set(messages_of(study)["author_id"].drop_null().to_pylist()) for study in studies]
    assert len(people[0]) == len(people[1]) > 50
    assert not people[0] & people[1]


def test_labels_do_not_know_the_key(studies: tuple[Study, Study]) -> None:
    first, second = (labels_of(study).drop_columns(["labelled_by"]).to_pylist() for study in studies)
    assert first == second


def test_communities_do_not_know_the_key(studies: tuple[Study, Study]) -> None:
    members = []
    for study in studies:
        table = messages_of(study)
        wrote = dict(zip(table["message_id"].to_pylist(), table["author_id"].to_pylist(), strict=True))
        of = {(row["method"], row["author_id"]): row["community"] for row in communities_of(study).to_pylist()}
        members.append({(m, i): of.get((m, a)) for i, a in wrote.items() for m in ("leiden", "map_equation")})
    assert members[0] == members[1]
    documents = [json.loads((study.results / "graph.json").read_text()) for study in studies]
    assert documents[0] == documents[1]


def test_estimates_and_checks_do_not_know_the_key(studies: tuple[Study, Study]) -> None:
    first, second = (effects(study) for study in studies)
    assert [row["estimate"] for row in first["estimates"]] != [None] * 3
    assert first == second
