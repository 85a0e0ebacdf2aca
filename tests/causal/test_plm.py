"""The partially linear slope by hand, against regression with the same residuals, and on a curved confounder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.folds import graph_folds
from causal.plm import PlmResiduals, fit_residuals, slope, strengths
from causal.regression import ols
from tests.causal.graphs import ring


def test_slope_and_influence_by_hand():
    theta, influence = slope(PlmResiduals(np.array([2.0, 0.0, 1.0, 3.0]), np.array([1.0, -1.0, 0.0, 2.0])))
    # sum ey = 8, sum e² = 6, mean e² = 1.5; ψ = e (y - 4e/3) / 1.5
    assert theta == pytest.approx(4 / 3)
    assert influence == pytest.approx([4 / 9, -8 / 9, 0, 4 / 9])
    assert influence.sum() == pytest.approx(0)


def test_strengths_by_hand():
    noise, energy = strengths(PlmResiduals(np.array([2.0, 0.0, 1.0, 3.0]), np.array([1.0, -1.0, 0.0, 2.0])), 1.0)
    assert noise == pytest.approx((1 + 1 + 1 + 1) / 4)
    assert energy == pytest.approx(1 / 1.5)


def test_an_exposure_that_covariates_explain_away_has_no_slope_and_no_influence():
    theta, influence = slope(PlmResiduals(np.arange(3.0), np.zeros(3)))
    assert (theta, influence.tolist()) == (0.0, [0.0, 0.0, 0.0])


@given(seed=st.integers(0, 1000), p=st.integers(1, 4))
def test_with_least_squares_residuals_it_is_least_squares(seed, p):
    """Frisch, Waugh & Lovell: value and sandwich."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(40), rng.normal(size=(40, p))])
    y, e = rng.normal(size=40), rng.normal(size=40)
    left = np.eye(40) - X @ np.linalg.pinv(X)
    theta, influence = slope(PlmResiduals(left @ y, left @ e))
    value, ours = ols(y, e, X[:, 1:])
    assert theta == pytest.approx(value, rel=1e-8, abs=1e-10)
    assert influence == pytest.approx(ours, rel=1e-6, abs=1e-8)


def test_residuals_are_out_of_fold_and_the_slope_is_the_truth():
    n = 1500
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 2))
    e = X[:, 0] + rng.normal(size=n)
    y = 0.7 * e + 2 * X[:, 0] - X[:, 1] + rng.normal(size=n)
    folds = graph_folds(np.arange(n), ring(n), np.zeros(n, dtype=int))
    residuals = fit_residuals(y, e, X, folds, learners=("linear",))
    theta, influence = slope(residuals)
    se = np.sqrt(np.sum(influence**2)) / n
    assert se == pytest.approx(1 / np.sqrt(n), rel=0.15)
    assert abs(theta - 0.7) < 3.5 * se
    shifted = y + 100 * (folds.fold == 2)  # what a fold shows may not reach its own prediction
    again = fit_residuals(shifted, e, X, folds, learners=("linear",))
    here = folds.fold == 2
    assert again.outcome[here] == pytest.approx(residuals.outcome[here] + 100)
    assert not np.allclose(again.outcome[~here], residuals.outcome[~here])
