"""Several estimates at once, against closed forms and statsmodels; their joint covariance against dense algebra."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from causal.inference import (
    Dependence,
    cluster_codes,
    dependence,
    effective_groups,
    independent_clusters,
    neighbourhoods,
)
from causal.multiple import holm, joint, largest_t, wald
from tests.causal.graphs import ring, sparse_graph


@pytest.mark.parametrize("p", [[0.5], [0.01, 0.04, 0.03], [0.2, 0.2, 1.0, 0.0], [0.011, 0.02, 0.012, 0.9, 0.013]])
def test_holm_is_that_of_statsmodels(p):
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(("correlation", "effective"), [(0.0, 4), (1.0, 1)])
def test_the_largest_t_of_independent_estimates_is_sidaks_and_of_equal_ones_that_of_one(correlation, effective):
    covariance = 0.04 * ((1 - correlation) * np.eye(4) + correlation)
    found = joint(np.array([0.5, 0.4, 0.2, 0.0]), covariance)
    assert found.critical == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / effective)) / 2), abs=0.03)
    assert found.p_max_t == pytest.approx(1 - (1 - found.p_value) ** effective, abs=0.01)
    assert found.alone == pytest.approx(1.959964)


def test_few_clusters_widen_every_interval():
    found = joint(np.array([0.5, 0.4]), np.eye(2), dof=4.0)
    assert found.alone == pytest.approx(stats.t(4).ppf(0.975))
    assert found.critical > found.alone
    assert found.p_value == pytest.approx(2 * stats.t(4).sf([0.5, 0.4]))
    assert np.all(found.p_max_t >= found.p_value)


def test_the_largest_t_does_not_depend_on_scales_or_order():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    covariance = root @ root.T
    scale = np.diag([1.0, 10.0, 0.1])
    assert np.allclose(largest_t(covariance, None, draws=100), largest_t(scale @ covariance @ scale, None, draws=100))


def test_walds_statistic():
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    estimate = np.array([1.0, 2.0])
    expected = estimate @ np.linalg.inv(covariance) @ estimate
    assert wald(estimate, covariance) == pytest.approx((expected, stats.chi2.sf(expected, 2)))
    assert wald(estimate, covariance, 9.0)[1] == pytest.approx(stats.f.sf(expected * 8 / 18, 2, 8))
    assert wald(estimate, covariance, 2.0) == (pytest.approx(expected), None)
    assert wald(estimate, np.ones((2, 2))) == (None, None)
    assert wald(np.array([]), np.ones((0, 0))) == (None, None)


@given(seed=st.integers(0, 200), bandwidth=st.integers(0, 2))
def test_the_joint_covariance_has_each_estimates_own_error_and_the_overlap_kernels_correlations(seed, bandwidth):
    rng = np.random.default_rng(seed)
    person = np.sort(rng.integers(0, 30, size=50))
    near = dependence(sparse_graph(30, 3, rng), np.zeros(30, dtype=int), person, bandwidth=bandwidth)
    influence = rng.normal(size=(50, 3))
    found = near.covariance(influence)
    assert np.sqrt(np.diag(found)) == pytest.approx([near.variance(c).se for c in influence.T])
    kernel = near.near.kernel.toarray()
    half = kernel / np.sqrt(kernel.sum(axis=1))[:, None]
    sums = np.zeros((near.n_people, 3))
    np.add.at(sums, near.person, influence)
    gram = sums.T @ half @ half.T @ sums
    root = np.sqrt(np.diag(gram))
    assert found / np.sqrt(np.outer(np.diag(found), np.diag(found))) == pytest.approx(gram / np.outer(root, root))
    assert np.linalg.eigvalsh(found).min() > -1e-12


def test_with_communities_as_clusters_the_covariance_is_that_of_their_sums():
    rng = np.random.default_rng(1)
    cluster = np.r_[np.repeat(np.arange(10), 4), [-1, -1]]
    near = Dependence(neighbourhoods(ring(42), 0), np.arange(42), 42, cluster, None)
    influence = rng.normal(size=(42, 2))
    codes = cluster_codes(cluster)
    assert len(np.unique(codes)) == 12
    sums = np.array([influence[codes == c].sum(axis=0) for c in np.unique(codes)])
    assert near.covariance(influence) == pytest.approx(sums.T @ sums / 42**2 * 10 / 9)
    worth = [independent_clusters(column, cluster) for column in influence.T]
    assert near.dof(influence) == pytest.approx(min(worth) - 1)
    assert near.dof(np.ones((42, 1))) == pytest.approx(9.0)
    assert replace(near, declared=True).dof(influence) == pytest.approx(9.0)


def test_an_estimate_without_spread_has_no_covariance():
    near = dependence(ring(20), np.zeros(20, dtype=int), np.arange(20), bandwidth=1)
    found = near.covariance(np.column_stack([np.zeros(20), np.arange(20) - 9.5]))
    assert found[0].tolist() == [0.0, 0.0]
    groups = [effective_groups(values, near.near.kernel) for values in (np.ones(20), np.arange(20) - 9.5)]
    assert near.dof(np.column_stack([np.ones(20), np.arange(20) - 9.5])) == pytest.approx(min(groups) - 1)
