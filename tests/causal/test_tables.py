"""Tables of results: every part, sensible numbers, what must be read beside them, and no small cell."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import random_array

from causal import AIPW, AnyPeer, tables
from causal.arrays import Fit
from causal.estimators import EstimationSettings
from copenet.foundation.tables import without_formulas
from tests.report.documents import effects


@pytest.fixture
def document() -> dict[str, Any]:
    return effects()


@pytest.fixture(scope="module")
def fit() -> Fit:
    rng = np.random.default_rng(0)
    links = random_array((600, 600), density=0.004, rng=rng, format="csr")
    units = pd.DataFrame({"x": rng.normal(size=600), "d": rng.integers(0, 2, 600)})
    units["y"] = units.d + units.x + rng.normal(size=600)
    linear = EstimationSettings(learners=("linear",))
    return AIPW(outcome="y", treatment="d", exposure=AnyPeer(), covariates=["x"], seed=0, settings=linear).fit(
        units, links
    )


def parts(found: pa.Table) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {}
    for row in found.to_pylist():
        made.setdefault(row["part"], []).append(row)
    return made


def everything(document: Any, **how: Any) -> str:
    made = [tables.to_latex, tables.to_markdown, tables.to_html]
    return "".join(f(document, **how) for f in made) + str(tables.tidy(document, **how).to_pylist())


def test_the_tidy_table_holds_every_part_as_it_was_computed(document: dict[str, Any]) -> None:
    found = tables.tidy(document)
    assert found.schema.equals(tables.TIDY)
    rows = parts(found)
    assert set(rows) == {"estimate", "step", "check", "group", "pooled", "level", "period"}
    aipw = next(r for r in rows["estimate"] if r["headline"])
    assert (aipw["name"], aipw["estimate"], aipw["n"], aipw["labels_validated"]) == ("aipw", 0.09, 3790, True)
    assert [r["name"] for r in rows["step"]] == ["naive", "own history", "flexible nuisances"]  # no formula
    assert {r["n"] for r in rows["step"]} == {3790}
    assert len(rows["check"]) == len(document["checks"])
    assert next(r for r in rows["check"] if r["name"] == "rewired_graph")["estimate"] == 0.003
    assert [r["group"] for r in rows["group"]] == ["1", "2", "3", "other", None]


def test_what_a_shuffle_gives_by_chance_is_no_estimate(document: dict[str, Any]) -> None:
    chance = {"estimate": 0.011, "ci_low": -0.02, "ci_high": 0.04, "observed": 0.07, "p_value": 0.01}
    document["checks"] = [{"name": "time_shuffle", "status": "pass", "detail": "The order matters.", "figures": chance}]
    row = parts(tables.tidy(document))["check"][0]
    assert [row[key] for key in ("estimate", "ci_low", "ci_high", "p_value")] == [0.07, None, None, 0.01]


def test_groups_and_levels_of_few_are_counted_and_never_shown(document: dict[str, Any]) -> None:
    said = everything(document)
    assert "777" not in said  # the group of five people
    assert "2 of fewer than 8, not shown" in said
    levels = parts(tables.tidy(document))["level"]
    assert [r["name"] for r in levels] == ["0", "1", "hidden"]  # the level of five rows is the total less the others
    assert levels[2]["detail"] == "2 of fewer than 8, not shown"
    assert "only 4" not in said
    assert "fewer than 8 of 300 person-periods differ" in said
    assert "5 of fewer than 200, not shown" in everything(document, suppress_below=200)


@given(st.integers(2, 60), st.lists(st.integers(1, 80), min_size=1, max_size=6))
def test_no_group_below_the_limit_leaves_a_number(least: int, people: list[int]) -> None:
    document = effects()
    check = next(c for c in document["checks"] if c["name"] == "effect_by_community")
    row = check["figures"]["groups"][0]
    check["figures"]["groups"] = [
        {**row, "group": f"g{k}", "people": p, "n": 4_000 + k, "estimate": 40.5 + k} for k, p in enumerate(people)
    ]
    said = everything(document, suppress_below=least)
    for k, p in enumerate(people):
        assert p >= least or f"g{k}" not in said
        assert p >= least or f"{4_000 + k:,}" not in said
    hidden = [p for k, p in enumerate(people) if f"g{k}" not in said]
    assert len(hidden) != 1 or len(people) == 1  # one alone is the total less the others
    assert not hidden or sum(hidden) >= least or len(hidden) == len(people)
    assert not hidden or min(people) < least


def test_numbers_have_two_significant_digits_of_their_error(document: dict[str, Any]) -> None:
    first = tables.main_table(document).rows[0]
    assert first == ("AIPW, network HAC (headline)", "0.090", "[0.060, 0.120]", "0.015", "< 0.001", "3,790")
    small = copy.deepcopy(document)
    for e in small["estimates"]:
        e["se"] = 0.0000123
    assert tables.main_table(small).rows[0][1] == "0.090000"


def test_a_refusal_keeps_its_reason_and_no_number(document: dict[str, Any]) -> None:
    document["estimates"][0] |= dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value"))
    document["estimates"][0]["refused"] = "only 3 of 900 person-periods differ from the rest"
    document["refused"] = "only 3 of 900 person-periods differ from the rest. Try a commoner strategy."
    made = tables.main_table(document)
    assert made.rows[0][1:5] == ("refused", "–", "–", "–")
    assert any(n.startswith("Refused, AIPW, network HAC: fewer than 8 of 900 person-periods") for n in made.notes)
    assert "only 3" not in everything(document)


@pytest.mark.parametrize("validated", [True, False])
def test_every_table_says_when_labels_are_not_validated(document: dict[str, Any], validated: bool) -> None:
    document["labels_validated"] = validated
    for table in tables.tables_of(document):
        assert any("Labels not validated" in note for note in table.notes) is not validated
    assert set(tables.tidy(document)["labels_validated"].to_pylist()) == {validated}


def test_checks_that_hold_on_a_condition_did_not_pass(document: dict[str, Any]) -> None:
    rows = {row[0]: row[1] for row in tables.checks_table(document).rows}
    assert rows["identification"] == "holds on a condition"
    assert rows["overlap"] == "passed"
    assert rows["label error"] == "look here"


def test_a_fit_on_arrays_makes_the_same_tables(fit: Fit) -> None:
    made = tables.main_table(fit)
    assert made.columns[1] == "Estimand"
    assert [row[:2] for row in made.rows[:3]] == [
        ("AIPW, network HAC (headline)", "direct: own treatment changed"),
        ("AIPW, network HAC (headline)", "peer: exposure changed"),
        ("AIPW, network HAC (headline)", "total: both changed"),
    ]
    assert any(f"left out: {fit.without_peers}." in note for note in made.notes)
    found = parts(tables.tidy(fit))
    assert [r["estimate"] for r in found["estimate"]] == [e.estimate for e in fit.estimates]
    assert found["estimate"][0]["labels_validated"] is None
    assert r"\begin{table}" in tables.to_latex(fit)
    assert tables.to_markdown(fit).count("| ---:") > 0
    assert tables.to_html(fit).startswith("<!DOCTYPE html>")


def test_the_same_result_gives_the_same_bytes(document: dict[str, Any]) -> None:
    assert everything(document) == everything(effects())


def test_a_document_without_details_makes_what_it_can() -> None:
    bare = {"headline": "aipw", "estimates": [], "checks": []}
    assert [t.name for t in tables.tables_of(bare)] == ["estimates", "checks"]
    assert tables.tidy(bare).num_rows == 0


@pytest.mark.parametrize("first", ["", *"=+-@\t\r\n＝＋－＠'\","])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(first: str, rest: str) -> None:
    text = first + rest
    stream = io.BytesIO()
    pyarrow.csv.write_csv(without_formulas(pa.table({"a": [text], "b": [-0.5]})), stream)
    back = pyarrow.csv.read_csv(
        io.BytesIO(stream.getvalue()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"a": pa.string()}, strings_can_be_null=False),
    )
    cell = back["a"][0].as_py()
    assert not cell or cell[0] not in "=+-@\t\r\n＝＋－＠"
    assert cell in (text, f"'{text}")
    assert back["b"][0].as_py() == -0.5
