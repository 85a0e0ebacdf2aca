"""Two-stage least squares against linearmodels, statsmodels and dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from causal.inference import dependence
from causal.linear_in_means import _clustered
from causal.two_stage import effective_f_critical, first_stage, full_rank, long_run, overidentification, two_stage
from copenet.foundation.errors import RefusedError
from tests.causal.graphs import ring, sparse_graph


def instrumented(seed=0, n=200, strength=1.0):
    """Exogenous regressors, one endogenous one, three instruments, and the outcome."""
    rng = np.random.default_rng(seed)
    exogenous = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    excluded, error = rng.normal(size=(n, 3)), rng.normal(size=n)
    endogenous = strength * excluded @ [0.4, 0.3, 0.2] + exogenous[:, 1] + error + rng.normal(size=n)
    y = endogenous + exogenous @ [1.0, 2.0, 3.0] + error * (1 + 0.5 * np.abs(exogenous[:, 2]))
    return y, exogenous, endogenous, excluded


def independent(n):
    return dependence(ring(n), np.zeros(n, dtype=int), np.arange(n), bandwidth=0)


def test_coefficients_standard_errors_first_stage_and_overidentification_agree_with_linearmodels():
    iv = pytest.importorskip("linearmodels.iv")
    y, exogenous, endogenous, excluded = instrumented()
    regressors = np.column_stack([exogenous, endogenous])
    ours = two_stage(y, regressors, np.column_stack([exogenous, excluded]))
    model = iv.IV2SLS(y, exogenous, endogenous, excluded)
    theirs, plain = model.fit(cov_type="robust"), model.fit(cov_type="unadjusted")
    assert ours.coefficients == pytest.approx(theirs.params.to_numpy(), rel=1e-9)
    assert ours.robust_se() == pytest.approx(theirs.std_errors.to_numpy(), rel=1e-9)
    assert ours.classical_se() == pytest.approx(plain.std_errors.to_numpy(), rel=1e-9)
    near = independent(200)
    first = first_stage(endogenous, exogenous, excluded, near)
    assert first.partial_r2 == pytest.approx(theirs.first_stage.diagnostics["partial.rsquared"].iloc[0], rel=1e-9)
    over = overidentification(ours, regressors, exogenous, excluded, near)
    assert (over.dof, over.sargan) == (2, pytest.approx(theirs.sargan.stat, rel=1e-9))
    assert over.sargan_p == pytest.approx(theirs.sargan.pval, rel=1e-9)
    assert over.score == pytest.approx(theirs.wooldridge_overid.stat, rel=1e-9)
    assert over.score_p == pytest.approx(theirs.wooldridge_overid.pval, rel=1e-9)


def test_the_partial_f_is_that_of_leaving_the_instruments_out():
    sm = pytest.importorskip("statsmodels.api")
    _, exogenous, endogenous, excluded = instrumented(1)
    whole = sm.OLS(endogenous, np.column_stack([exogenous, excluded])).fit()
    expected = whole.compare_f_test(sm.OLS(endogenous, exogenous).fit())[0]
    found = first_stage(endogenous, exogenous, excluded, independent(200))
    assert found.f == pytest.approx(expected, rel=1e-9)


def test_with_one_instrument_the_effective_f_is_the_robust_f():
    sm = pytest.importorskip("statsmodels.api")
    _, exogenous, endogenous, excluded = instrumented(2)
    fit = sm.OLS(endogenous, np.column_stack([exogenous, excluded[:, :1]])).fit(cov_type="HC0")
    found = first_stage(endogenous, exogenous, excluded[:, :1], independent(200))
    assert found.effective_f == pytest.approx(fit.tvalues[-1] ** 2, rel=1e-9)
    assert found.critical == pytest.approx(23.1, abs=0.05)  # Montiel Olea & Pflueger (2013), table 1


def test_critical_values_are_those_of_montiel_olea_and_pflueger():
    """Their table 1, K_eff = 1: 37.42 (bias 5%), 23.11 (10%), 15.06 (20%), 12.05 (30%)."""
    for bias, expected in ((0.05, 37.42), (0.10, 23.11), (0.20, 15.06), (0.30, 12.05)):
        assert effective_f_critical(np.eye(1), bias) == pytest.approx(expected, abs=0.01)
    assert (
        effective_f_critical(np.eye(5))
        < effective_f_critical(np.diag([1.0, 0, 0, 0, 0]))
        == pytest.approx(23.11, abs=0.01)
    )


def test_regressors_as_their_own_instruments_are_least_squares_whatever_their_units():
    y, exogenous, endogenous, _ = instrumented(3)
    regressors = np.column_stack([exogenous, endogenous])
    plain = two_stage(y, regressors, regressors)
    assert plain.coefficients == pytest.approx(np.linalg.lstsq(regressors, y)[0])
    units = np.array([1.0, 1e6, 1e-6, 1e3])
    scaled = two_stage(y, regressors * units, regressors * units)
    assert scaled.coefficients * units == pytest.approx(plain.coefficients)
    assert scaled.robust_se() * units == pytest.approx(plain.robust_se())
    assert np.abs(plain.influence.mean(axis=0)).max() < 1e-10


@given(n=st.integers(4, 30), seed=st.integers(0, 200), bandwidth=st.integers(0, 2))
def test_the_long_run_covariance_has_the_correlations_of_the_overlap_kernel_and_the_largest_variances(
    n, seed, bandwidth
):
    rng = np.random.default_rng(seed)
    graph = sparse_graph(n, 3, rng)
    moments = rng.normal(size=(n, 2))
    near = dependence(graph, np.zeros(n, dtype=int), np.arange(n), bandwidth=bandwidth)
    ball = (shortest_path(graph, unweighted=True, directed=False) <= bandwidth).astype(float)
    scaled = ball / np.sqrt(ball.sum(axis=1))[:, None]
    found = long_run(moments, near)
    overlap = moments.T @ scaled @ scaled.T @ moments
    uniform, person = np.diag(moments.T @ ball @ moments), np.diag(moments.T @ moments)
    assert np.diag(found) == pytest.approx(np.maximum(np.maximum(uniform, person), np.diag(overlap)))
    sd, other = np.sqrt(np.diag(found)), np.sqrt(np.diag(overlap))
    assert found / np.outer(sd, sd) == pytest.approx(overlap / np.outer(other, other))
    assert np.linalg.eigvalsh(found).min() > -1e-9


def test_the_long_run_covariance_of_clusters_is_that_of_their_sums():
    from types import SimpleNamespace

    moments, labels = np.random.default_rng(0).normal(size=(12, 2)), np.repeat(list("abcd"), 3)
    data = SimpleNamespace(adjacency=ring(12), person=np.arange(12))
    found = long_run(moments, _clustered(data, labels))
    sums = moments.reshape(4, 3, 2).sum(axis=1)
    assert found == pytest.approx(sums.T @ sums)


def test_fewer_clusters_than_surplus_instruments_still_give_a_score_test():
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    exogenous, excluded = np.ones((120, 1)), rng.normal(size=(120, 15))
    endogenous = excluded.sum(axis=1) + rng.normal(size=120)
    y = endogenous + rng.normal(size=120)
    regressors = np.column_stack([exogenous, endogenous])
    near = _clustered(SimpleNamespace(adjacency=ring(120), person=np.arange(120)), np.arange(120) % 10)
    fit = two_stage(y, regressors, np.column_stack([exogenous, excluded]))
    over = overidentification(fit, regressors, exogenous, excluded, near)
    assert (over.dof, over.score) == (14, pytest.approx(10.0))  # 1'P1 over ten clusters, whatever the data


def test_what_the_instruments_do_not_move_apart_is_refused():
    y, exogenous, endogenous, excluded = instrumented(4)
    regressors = np.column_stack([exogenous, endogenous])
    with pytest.raises(RefusedError, match="not identified") as refusal:
        two_stage(y, regressors, exogenous)
    assert refusal.value.remedy
    twice = np.column_stack([regressors, regressors[:, 1] * 3])
    with pytest.raises(RefusedError, match="collinear"):
        two_stage(y, twice, np.column_stack([twice, excluded]))


@pytest.mark.parametrize(
    ("columns", "full"),
    [
        (np.eye(3), True),
        (np.eye(3)[:, :2] * [1e-8, 1e8], True),
        (np.ones((3, 2)), False),
        (np.zeros((3, 1)), False),
        (np.ones((1, 2)), False),
    ],
)
def test_full_rank_is_a_matter_of_direction_and_not_of_units(columns, full):
    assert full_rank(columns) is full


def test_with_no_more_instruments_than_needed_nothing_can_be_tested():
    y, exogenous, endogenous, excluded = instrumented(5)
    regressors, one = np.column_stack([exogenous, endogenous]), excluded[:, :1]
    fit = two_stage(y, regressors, np.column_stack([exogenous, one]))
    assert overidentification(fit, regressors, exogenous, one, independent(200)) is None


def test_the_score_test_rejects_a_twentieth_of_valid_instruments_and_finds_an_invalid_one():
    """200 worlds, exact binomial limits at 99%."""
    rejected = {False: 0, True: 0}
    for seed in range(200):
        y, exogenous, endogenous, excluded = instrumented(seed, n=300, strength=2.0)
        regressors, near = np.column_stack([exogenous, endogenous]), None
        for invalid in (False, True):
            outcome = y + invalid * excluded[:, 0]
            fit = two_stage(outcome, regressors, np.column_stack([exogenous, excluded]))
            near = near or independent(300)
            over = overidentification(fit, regressors, exogenous, excluded, near)
            rejected[invalid] += over.score_p < 0.05
    from scipy import stats

    limits = stats.binomtest(rejected[False], 200).proportion_ci(0.99)
    assert limits.low <= 0.05 <= limits.high
    assert rejected[True] > 190
