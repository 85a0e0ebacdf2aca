"""Effects as they leave the restricted folder: nothing of few, nothing that tells it, and everything else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import tables
from causal.curve_figures import exposure_curve
from causal.disclosed import disclosed
from causal.explain_figures import shown_levels
from causal.readings import readings
from tests.report.documents import effects

COUNTS = st.lists(st.integers(1, 60), min_size=1, max_size=6)


def levels(counts: list[int]) -> list[dict[str, Any]]:
    number = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "band_low", "band_high"), 0.5)
    return [{"name": f"l{k}", "exposure": k, "n": n, "refused": None, **number} for k, n in enumerate(counts)]


def with_levels(counts: list[int]) -> dict[str, Any]:
    document = effects()
    document["detail"]["exposure_curve"] = {"levels": levels(counts), "refused": None}
    return document


@given(st.integers(2, 40), COUNTS)
def test_no_level_of_few_can_be_told_from_the_others(least: int, counts: list[int]) -> None:
    shown, hidden = shown_levels(levels(counts), least)
    gone = [n for k, n in enumerate(counts) if f"l{k}" not in {p["name"] for p in shown}]
    assert len(gone) == hidden
    assert all(p["n"] >= least for p in shown)
    assert hidden != 1 or len(counts) == 1
    assert not gone or sum(gone) >= least or hidden == len(counts)


@given(st.integers(2, 40), COUNTS)
def test_what_is_disclosed_makes_the_same_tables_and_hides_no_more(least: int, counts: list[int]) -> None:
    document = with_levels(counts)
    once = disclosed(document, least)
    assert disclosed(once, least) == once
    assert tables.tidy(once, suppress_below=least).equals(tables.tidy(document, suppress_below=least))
    assert tables.to_markdown(once, suppress_below=least) == tables.to_markdown(document, suppress_below=least)
    assert readings(once, suppress_below=least) == readings(document, suppress_below=least)


def test_groups_levels_and_cells_of_few_are_in_no_document() -> None:
    document = with_levels([2900, 890, 5])
    document["detail"] |= {"exposure_values": {"value": [0, 1, 2], "count": [2900, 890, 5]}, "rows_without_peers": 3}
    document["checks"].append(
        {"name": "overlap_of_few", "status": "pass", "detail": "Only 4 of 90 rows.", "figures": {"exposed": [0, 30, 2]}}
    )
    made = disclosed(document)
    assert "0.777" not in json.dumps(made["checks"])  # the estimate of the group of five people
    assert [p["n"] for p in made["detail"]["exposure_curve"]["levels"]] == [2900, None, None]
    assert made["detail"]["exposure_values"]["count"] == [2900, None, None]
    assert made["detail"]["rows_without_peers"] is None
    assert made["checks"][-1]["figures"]["exposed"] == [0, None, None]
    assert made["checks"][-1]["detail"] == "Fewer than 8 of 90 rows."
    assert made["estimates"] == document["estimates"]
    assert made["headline"] == document["headline"]


def test_the_curve_does_not_draw_the_level_that_would_tell_a_hidden_one() -> None:
    drawing = exposure_curve(levels([2900, 890, 5]))
    assert "l0" in drawing.alt
    assert "l1" not in drawing.alt
    assert "2 level(s)" in drawing.caption


@pytest.mark.parametrize("counts", [[90, 80, 70], [9, 8]])
def test_nothing_is_hidden_where_all_are_many(counts: list[int]) -> None:
    document = with_levels(counts)
    document["detail"]["n_peers_values"] = {"value": np.arange(len(counts)).tolist(), "count": counts}
    assert disclosed(document)["detail"] == document["detail"]
