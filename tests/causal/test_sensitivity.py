"""Sensitivity: the bound inverts, benchmarks are groups left out, and a hidden trait stays within what was promised."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.estimators import sensitivity_checks
from causal.folds import graph_folds
from causal.nuisance import cross_fit
from causal.plm import fit_residuals, slope
from causal.sensitivity import (
    Benchmark,
    Sensitivity,
    analyse,
    e_value,
    largest_bias,
    linear_strengths,
    robustness_value,
    tipping_sentence,
)
from tests.causal.graphs import ring


def folds_of(n):
    return graph_folds(np.arange(n), ring(n), np.zeros(n, dtype=int))


@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.sampled_from([1, -1]))
def test_the_robustness_value_is_the_share_at_which_the_bound_reaches_the_estimate(distance, scale, sign):
    share = robustness_value(sign * distance, scale)
    assert 0 <= share <= 1
    if share < 0.99:
        assert largest_bias(scale, share, share) == pytest.approx(distance, rel=1e-5, abs=1e-7)


def test_a_single_group_left_out_leaves_no_covariates_and_is_still_a_yardstick():
    X, e, y = linear_world(np.random.default_rng(1), n=400, binary=True)
    found = analysed(y, e, X, ("past",) * 3, folds_of(400), binary=True, estimate=1.0, half_width=0.2)
    assert [mark.group for mark in found.benchmarks] == ["past"]
    assert found.benchmarks[0].exposure_share > 0.1


def test_nothing_to_explain_away_has_no_robustness():
    assert robustness_value(0.0, 1.0) == robustness_value(1.0, 0.0) == 0.0


def test_the_robustness_value_of_the_published_formula():
    """Cinelli & Hazlett (2020), Darfur: t = 4.18 on 783 degrees of freedom has a robustness value of 13.9%."""
    assert robustness_value(4.18 / math.sqrt(783), 1.0) == pytest.approx(0.139, abs=5e-4)


@given(st.floats(0.01, 10), st.floats(0, 1), st.floats(0, 0.9), st.floats(0, 0.05))
def test_the_bound_grows_with_both_shares(scale, outcome, exposure, more):
    bias = largest_bias(scale, outcome, exposure)
    assert largest_bias(scale, min(outcome + more, 1), exposure + more) >= bias
    assert largest_bias(scale, 0.0, exposure) == largest_bias(scale, outcome, 0.0) == 0


@pytest.mark.parametrize(
    ("exposed", "unexposed", "value"),
    [(0.4, 0.2, 2 + math.sqrt(2)), (0.2, 0.4, 2 + math.sqrt(2)), (0.3, 0.3, 1.0), (0.39, 0.1, 3.9 + math.sqrt(11.31))],
)
def test_e_values_of_known_ratios(exposed, unexposed, value):
    """VanderWeele & Ding (2017): a ratio of 2 has 3.41, one of 3.9 has 7.26, one of 1 has 1."""
    assert e_value(exposed, unexposed) == pytest.approx(value)


@pytest.mark.parametrize("risks", [(0.0, 0.5), (0.5, 0.0), (1.0, 0.5), (0.5, 1.2), (-0.1, 0.5)])
def test_what_is_no_risk_has_no_e_value(risks):
    assert e_value(*risks) is None


def analysed(y, e, X, groups, folds, *, binary, estimate, half_width):
    measure = partial(linear_strengths, y=y, e=e, folds=folds, binary=binary, clip=0.02)
    return analyse(X, groups, measure, estimate=estimate, half_width=half_width)


def linear_world(rng, n=2000, binary=False):
    X = rng.normal(size=(n, 3))
    push = X[:, 0] + 0.5 * X[:, 1]
    e = (rng.random(n) < 1 / (1 + np.exp(-push))).astype(float) if binary else push + rng.normal(size=n)
    return X, e, e + 2 * X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=n)


@pytest.mark.parametrize("binary", [False, True])
def test_each_benchmark_is_its_group_left_out(binary):
    X, e, y = linear_world(np.random.default_rng(0), binary=binary)
    folds = folds_of(len(y))
    found = analysed(y, e, X, ("a", "b", "noise"), folds, binary=binary, estimate=1.0, half_width=0.2)

    def strengths(kept):
        g = cross_fit(np.column_stack([X[:, kept], e]), y, folds, learners=("linear",)).values
        m = cross_fit(X[:, kept], e, folds, learners=("linear",)).values
        p = np.clip(m, 0.02, 0.98)
        energy = np.mean(e / p**2 + (1 - e) / (1 - p) ** 2) if binary else 1 / np.mean((e - m) ** 2)
        return np.mean((y - g) ** 2), energy

    noise, energy = strengths([0, 1, 2])
    assert found.scale == pytest.approx(math.sqrt(noise * energy))
    for place, mark in enumerate(found.benchmarks):
        short, less = strengths([j for j in range(3) if j != place])
        assert mark.group == ("a", "b", "noise")[place]
        assert mark.outcome_share == pytest.approx(min(max(short / noise - 1, 0), 0.99), abs=1e-9)
        assert mark.exposure_share == pytest.approx(min(max(energy / less - 1, 0), 0.99), abs=1e-9)
        assert mark.bias == pytest.approx(largest_bias(found.scale, mark.outcome_share, mark.exposure_share))
        assert mark.multiple == (pytest.approx(1 / mark.bias) if mark.bias else None)
    strong, weak, none = (m.bias for m in found.benchmarks)
    assert strong > weak > none
    assert found.robustness_value == pytest.approx(robustness_value(1.0, found.scale))
    assert found.robustness_value_interval == pytest.approx(robustness_value(0.8, found.scale))
    assert found.e_value is None  # neither outcome is a risk


@pytest.mark.parametrize("strength", [0.3, 0.6, 1.0])
def test_a_hidden_trait_of_known_strength_moves_the_slope_by_the_bound_and_no_more(strength):
    """A linear trait attains the bound; the estimate without it is off by at most S C_Y C_D and three Monte-Carlo errors."""
    rng = np.random.default_rng(int(10 * strength))
    n = 6000
    X, trait = rng.normal(size=(n, 2)), rng.normal(size=n)
    e = X[:, 0] + strength * trait + rng.normal(size=n)
    y = e + X[:, 0] + strength * trait + rng.normal(size=n)
    folds = folds_of(n)
    residuals = fit_residuals(y, e, X, folds, learners=("linear",))
    value, influence = slope(residuals)
    known = analysed(y, e, X, ("a", "b"), folds, binary=False, estimate=value, half_width=0.1)
    # Shares of the residual variances in this world, by algebra: Var(trait | e, X) = 1 / (1 + s²).
    exposure_share = strength**2 / (1 + strength**2)
    outcome_share = (strength**2 / (1 + strength**2)) / (strength**2 / (1 + strength**2) + 1)
    bound = largest_bias(known.scale, outcome_share, exposure_share)
    error = 3 * math.sqrt(np.mean(influence**2) / n)
    assert value - 1 == pytest.approx(strength**2 / (1 + strength**2), abs=error)
    assert abs(value - 1) <= bound + error
    assert abs(value - 1) >= bound - error - 0.03 * bound


def test_a_hidden_trait_moves_a_contrast_by_no_more_than_the_bound():
    """Aronow-like world of a binary exposure: the short and the long regression are known in each cell of the trait."""
    rng = np.random.default_rng(7)
    n = 20_000
    X, trait = rng.normal(size=(n, 1)), (rng.random(n) < 0.5).astype(float)
    chance = 0.3 + 0.4 * trait
    e = (rng.random(n) < chance).astype(float)
    y = e + 1.0 * trait + X[:, 0] + rng.normal(size=n)
    folds = folds_of(n)
    found = analysed(y, e, X, ("a",), folds, binary=True, estimate=1.4, half_width=0.1)
    moved = y[e == 1].mean() - y[e == 0].mean() - 1
    # P(trait | e) is .7 and .3: the trait's residual variance is .21; E[α²] is 4 without it and 1/.7 + 1/.3 = 4.76 with it.
    outcome_share, exposure_share = 0.21 / 1.21, 1 - 4 / (1 / 0.7 + 1 / 0.3)
    bound = largest_bias(found.scale, outcome_share, exposure_share)
    assert moved == pytest.approx(0.4, abs=0.1)
    assert found.scale == pytest.approx(math.sqrt(1.21 * 4), rel=0.05)
    assert moved <= bound + 0.1


def test_the_contour_holds_the_bound_at_every_pair_of_shares():
    record = Sensitivity(2.0, 0.1, 0.0, (), None).to_dict()
    assert np.array(record["bias"]).shape == (26, 26)
    assert record["bias"][10][5] == pytest.approx(2 * math.sqrt(0.2 * 0.1 / 0.9))
    assert record["benchmarks"] == ()


def test_what_would_move_an_end_of_the_interval_is_said_beside():
    both = tipping_sentence(Sensitivity(1, 0.1, 0.02, (Benchmark("text", 0.1, 0.1, 0.05, 6.0),), None))
    assert "2.0% could bring an end of the interval there" in both
    assert "end of the interval" not in tipping_sentence(Sensitivity(1, 0.1, 0.0, (), None))


def test_nothing_is_held_up_where_there_is_no_yardstick():
    (check,) = sensitivity_checks(Sensitivity(1, 0.1, 0.02, (Benchmark("forum", 0.0, 0.0, 0.0, None),), None))
    assert check.status == "not_informative"
    (check,) = sensitivity_checks(Sensitivity(1, 0.1, 0.02, (Benchmark("forum", 0.1, 0.1, 0.05, 2.0),), None))
    assert check.status == "pass"


def test_the_sentence_names_the_strongest_group_or_says_that_there_is_none():
    marks = (Benchmark("own_history", 0.2, 0.2, 0.1, 3.0), Benchmark("text", 0.1, 0.1, 0.05, 6.0))
    weak = Benchmark("forum", 0.0, 0.0, 0.0, None)
    assert "10.0%" in tipping_sentence(Sensitivity(1, 0.1, 0, (*marks, weak), None))
    assert "3.0 times as strong as own history" in tipping_sentence(Sensitivity(1, 0.1, 0, (*marks, weak), None))
    assert "no measured group" in tipping_sentence(Sensitivity(1, 0.1, 0, (weak,), None))
