"""AIPW scores by hand, and what makes them doubly robust."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.aipw import AipwNuisances, clipped_share, fit_nuisances, mean_unexposed, scores, strengths
from causal.folds import graph_folds
from tests.causal.graphs import ring


def nuisances(p, m0, m1):
    return AipwNuisances(*(np.asarray(v, dtype=float) for v in (p, m0, m1)), (0.0, 0.0))


def test_scores_by_hand():
    fitted = nuisances([0.5, 0.25, 0.8, 0.2], [1, 2, 0, 1], [3, 2, 1, 4])
    found = scores(np.array([4.0, 1.0, 0.0, 7.0]), np.array([1.0, 0.0, 1.0, 0.0]), fitted)
    # 3-1+(4-3)/.5; 2-2-(1-2)/.75; 1-0+(0-1)/.8; 4-1-(7-1)/.8
    assert found == pytest.approx([4.0, 4 / 3, -0.25, -4.5])


def test_strengths_and_the_mean_of_the_unexposed_by_hand():
    fitted = nuisances([0.5, 0.25, 0.8, 0.2], [1, 2, 0, 1], [3, 2, 1, 4])
    y, e = np.array([4.0, 1.0, 0.0, 7.0]), np.array([1.0, 0.0, 1.0, 0.0])
    noise, energy = strengths(y, e, fitted)
    assert noise == pytest.approx(((4 - 3) ** 2 + (1 - 2) ** 2 + (0 - 1) ** 2 + (7 - 1) ** 2) / 4)
    assert energy == pytest.approx((1 / 0.5**2 + 1 / 0.75**2 + 1 / 0.8**2 + 1 / 0.8**2) / 4)
    # 1; 2 + (1-2)/.75; 0; 1 + (7-1)/.8
    assert mean_unexposed(y, e, fitted) == pytest.approx((1 + (2 - 4 / 3) + 0 + 8.5) / 4)
    assert strengths(y, e, fitted, 0.4)[1] == pytest.approx((1 / 0.5**2 + 3 / 0.6**2) / 4)


def test_propensities_are_clipped_at_both_ends_and_counted():
    fitted = nuisances([0.001, 0.999, 0.02, 0.98, 0.5], [0] * 5, [0] * 5)
    y, e = np.ones(5), np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    assert scores(y, e, fitted, 0.02) == pytest.approx([50, -50, 50, -50, 2])
    assert scores(y, e, fitted, 0.1) == pytest.approx([10, -10, 10, -10, 2])
    assert clipped_share(fitted, 0.02) == pytest.approx(0.4)
    assert clipped_share(fitted, 0.1) == pytest.approx(0.8)


rows = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.floats(-5, 5), min_size=n, max_size=n) for _ in range(3)),
        st.lists(st.floats(0.05, 0.95), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
    )
)


@given(rows)
def test_swapping_exposed_and_unexposed_changes_the_sign_alone(row):
    y, m0, m1, p, e = (np.array(v, dtype=float) for v in row)
    here = scores(y, e, nuisances(p, m0, m1))
    there = scores(y, 1 - e, nuisances(1 - p, m1, m0))
    assert there == pytest.approx(-here, abs=1e-9)


@given(rows, st.floats(0.1, 10), st.floats(-5, 5))
def test_scores_follow_the_scale_of_the_outcome_and_ignore_its_origin(row, scale, shift):
    y, m0, m1, p, e = (np.array(v, dtype=float) for v in row)
    here = scores(y, e, nuisances(p, m0, m1))
    there = scores(scale * y + shift, e, nuisances(p, scale * m0 + shift, scale * m1 + shift))
    assert there == pytest.approx(scale * here, abs=1e-6)


@pytest.mark.parametrize(("right_outcome", "right_propensity"), [(True, False), (False, True), (True, True)])
def test_one_right_nuisance_is_enough(right_outcome, right_propensity):
    """200,000 rows, truth 2: the Monte-Carlo error of the mean is below .01, a wrong pair is off by .7."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=200_000)
    p = 1 / (1 + np.exp(-x))
    e = (rng.random(len(x)) < p).astype(float)
    y = 2 * e + x + rng.normal(size=len(x))
    flat = np.zeros(len(x))
    m0, m1 = (x, x + 2) if right_outcome else (flat, flat + 2)
    found = scores(y, e, nuisances(p if right_propensity else flat + 0.5, m0, m1))
    assert found.mean() == pytest.approx(2, abs=0.04)
    assert scores(y, e, nuisances(flat + 0.5, flat, flat + 2)).mean() > 2.5


def test_each_arm_is_fitted_on_its_own_rows():
    n = 200
    e = np.arange(n) % 2.0
    y = np.where(e == 1, 10.0, -3.0)
    X = np.random.default_rng(0).normal(size=(n, 2))
    folds = graph_folds(np.arange(n), ring(n), np.zeros(n, dtype=int))
    fitted = fit_nuisances(y, e, X, folds, learners=("linear",))
    assert fitted.treated == pytest.approx(np.full(n, 10.0))
    assert fitted.untreated == pytest.approx(np.full(n, -3.0))
    assert np.abs(fitted.propensity - 0.5).max() < 0.25
    assert scores(y, e, fitted) == pytest.approx(np.full(n, 13.0))
