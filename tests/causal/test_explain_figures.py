"""What the figures that explain an estimate say, and what they keep to themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import explain_figures as explained
from causal import figures
from causal.figure_style import Drawing
from copenet.foundation.errors import UsageError
from tests.causal.test_figures import DRIVERS, FOUND, GROUPS, ROWS, STEPS, texts


def forest(**changes: Any) -> Drawing:
    return explained.forest(FOUND | changes, headline=ROWS[2])


def test_the_forest_names_every_group_its_interval_and_what_was_refused_and_why() -> None:
    drawing = forest()
    said = texts(drawing)
    assert "Effect by community" in said
    assert "Difference in probability" in said
    for name in (
        "Community 1 (n = 900)",
        "Community 3 (n = 300)",
        "Smaller communities (n = 300)",
        "Pooled over groups",
        "refused",
    ):
        assert name in said
    assert "Community 1: +0.10 [+0.05, +0.15]." in drawing.alt
    assert "Smaller communities: refused." in drawing.alt
    assert "I² = 42%" in drawing.caption
    assert "p = 0.040" in drawing.caption
    assert "Refused: Smaller communities (fewer than 8 of 300 person-periods do (10 needed))." in drawing.caption


def test_groups_stand_in_the_order_of_their_numbers_and_refusals_by_their_kind() -> None:
    bare = {"people": 40, "n": 300, "estimate": None}
    more = [
        {**bare, "group": "10", "refused": "no overlap: 42 exposed and 3 unexposed rows"},
        {**bare, "group": "4", "refused": "no overlap: 12 exposed and 90 unexposed rows"},
        {**bare, "group": "5", "refused": "only 9 of 90 exposed rows show the outcome (at least 10 are needed)"},
    ]
    drawing = forest(groups=[*more, *GROUPS])
    places = [
        drawing.alt.index(f"{name}:") for name in ("Community 1", "Community 4", "Community 10", "Smaller communities")
    ]
    assert places == sorted(places)
    assert "Community 4, Community 10 (no overlap: too few exposed or unexposed rows)" in drawing.caption
    assert "Community 5 (too few rows of an arm show or leave the outcome)" in drawing.caption


def test_a_group_of_few_people_is_counted_and_not_drawn() -> None:
    drawing = forest()
    everything = drawing.svg() + drawing.alt + drawing.caption
    assert "In no community" not in everything
    assert "77" not in texts(drawing)
    assert "2 groups of fewer than 8 people not drawn." in drawing.caption
    assert "5 groups of fewer than 60 people not drawn." in explained.forest(FOUND, suppress_below=60).caption


def test_without_pooling_there_is_no_diamond() -> None:
    drawing = forest(pooled=None, p_same=None)
    assert "Pooled" not in texts(drawing)
    assert "diamond is" not in drawing.caption
    assert "p = " not in drawing.caption


def test_a_figure_without_an_estimate_says_where_to_read_why() -> None:
    with pytest.raises(UsageError, match="No group"):
        forest(groups=GROUPS[3:4])
    with pytest.raises(UsageError, match="no step"):
        explained.waterfall_figure([{"label": "naive", "estimate": None}])
    with pytest.raises(UsageError, match="no group of covariates"):
        explained.driver_figure(DRIVERS | {"groups": []})


def test_the_waterfall_says_every_step_and_that_order_matters() -> None:
    drawing = explained.waterfall_figure([*STEPS[:3], STEPS[3] | {"estimate": None}])
    said = texts(drawing)
    for label in ("naive", "+ own history", "+ text", "flexible nuisances", "refused", "From naive to final"):
        assert label in said
    assert "+0.14  (\N{MINUS SIGN}0.10)" in said
    assert "The order of the steps is a choice" in drawing.caption
    assert "flexible nuisances: refused." in drawing.alt


def test_drivers_name_both_models_and_their_fit() -> None:
    said = texts(explained.driver_figure(DRIVERS))
    for words in ("Exposure: R² = 34.0%", "Outcome: R² = 12.0%", "forum and time", "own history", "by it alone"):
        assert words in said


@given(st.integers(2, 30), st.integers(1, 29))
def test_no_count_below_the_limit_is_left_in_a_reason(least: int, count: int) -> None:
    said = explained.without_small_counts(f"only {count} of {1000 + count:,} rows ({count}.5, {count}%)", least)
    assert (f"only {count} of" in said) is (count >= least)
    assert f"{1000 + count:,}" in said
    assert f"{count}.5, {count}%" in said


def test_placebos_of_many_draws_show_them() -> None:
    rows = [{"label": "Shuffled", **{k: ROWS[0][k] for k in ("estimate", "ci_low", "ci_high")}}, ROWS[2]]
    plain = figures.placebo_ladder(rows)
    drawn = figures.placebo_ladder([rows[0] | {"draws": [*np.linspace(-0.1, 0.1, 9), np.nan]}, ROWS[2]])
    assert "single draws" not in plain.caption
    assert "single draws" in drawn.caption
    assert len(drawn.svg()) > len(plain.svg())
