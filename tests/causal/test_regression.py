"""Least squares and its sandwich against statsmodels, to 1e-8."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.inference import dependence
from causal.regression import least_squares, naive, ols
from tests.causal.graphs import ring


def sandwich(influence):
    return np.sqrt(np.sum(influence**2)) / len(influence)


@settings(max_examples=40)
@given(n=st.integers(12, 80), p=st.integers(1, 5), seed=st.integers(0, 1000), binary=st.booleans())
def test_ols_is_the_coefficient_and_the_hc0_error_of_statsmodels(n, p, seed, binary):
    import statsmodels.api as sm

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.integers(-3, 4, p) + rng.normal(size=p)
    e = rng.permutation(np.arange(n) % 2).astype(float) if binary else rng.normal(size=n)
    y = 2 * e + rng.normal(size=n) * (1 + np.abs(e))
    value, influence = ols(y, e, X)
    theirs = sm.OLS(y, np.column_stack([np.ones(n), e, (X - X.mean(axis=0)) / X.std(axis=0)])).fit(cov_type="HC0")
    assert value == pytest.approx(theirs.params[1], rel=1e-8, abs=1e-8)
    assert sandwich(influence) == pytest.approx(theirs.bse[1], rel=1e-8)
    assert influence.mean() == pytest.approx(0, abs=1e-7)


def test_the_person_clustered_error_is_the_cluster_error_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(40), 5)
    x = rng.normal(size=200)
    y = x + rng.normal(size=40)[person] + rng.normal(size=200)
    value, influence = naive(y, x)
    found = dependence(ring(40), np.zeros(40, dtype=int), person, bandwidth=0).variance(influence)
    theirs = sm.OLS(y, sm.add_constant(x)).fit(cov_type="cluster", cov_kwds={"groups": person, "use_correction": False})
    assert value == pytest.approx(theirs.params[1], rel=1e-8)
    assert np.sqrt(found.parts["person"]) == pytest.approx(theirs.bse[1], rel=1e-8)


@given(seed=st.integers(0, 1000), exposed=st.integers(1, 19))
def test_naive_is_the_difference_of_means_and_its_unequal_variance_error(seed, exposed):
    rng = np.random.default_rng(seed)
    e = (np.arange(20) < exposed).astype(float)
    y = rng.normal(size=20)
    value, influence = naive(y, e)
    one, zero = y[e == 1], y[e == 0]
    assert value == pytest.approx(one.mean() - zero.mean())
    assert sandwich(influence) ** 2 == pytest.approx(one.var() / len(one) + zero.var() / len(zero))


def test_units_repeats_and_constants_among_the_covariates_do_not_move_ols():
    rng = np.random.default_rng(0)
    X, e = rng.normal(size=(60, 2)), rng.normal(size=60)
    y = e + X[:, 0] + rng.normal(size=60)
    plain = ols(y, e, X)
    dressed = ols(y, e, np.column_stack([X * [1e6, 1e-6] + 7, X[:, 0], np.ones(60)]))
    assert dressed[0] == pytest.approx(plain[0], rel=1e-8)
    assert dressed[1] == pytest.approx(plain[1], rel=1e-6, abs=1e-8)


def test_without_covariates_ols_is_naive():
    e, y = np.arange(9) % 2.0, np.arange(9) ** 2.0
    assert ols(y, e, np.empty((9, 0)))[0] == pytest.approx(naive(y, e)[0])


def test_any_column_can_be_asked_for():
    x, z = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0, 1.0])
    both = np.column_stack([np.ones(4), x, z])
    y = both @ [5.0, 2.0, -3.0]
    assert [least_squares(y, both, j)[0] for j in range(3)] == pytest.approx([5, 2, -3])
    assert least_squares(y, both, 2)[1] == pytest.approx(np.zeros(4), abs=1e-12)
