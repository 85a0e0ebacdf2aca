"""Cluster, dyadic and spectral variants against dense algebra, statsmodels, and worlds of known dependence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causal import inference_variants as variants
from causal.inference import Variance, dependence
from copenet.foundation.errors import UsageError
from tests.causal.graphs import block_graph, ring, sparse_graph


@given(seed=st.integers(0, 300), people=st.integers(3, 12), rows=st.integers(3, 40))
def test_the_dyadic_variance_sums_over_every_pair_of_rows_that_share_a_person(seed, people, rows):
    rng = np.random.default_rng(seed)
    first = rng.integers(people, size=rows)
    second = (first + rng.integers(1, people, size=rows)) % people
    values = rng.normal(size=rows)
    ends = [{a, b} for a, b in zip(first, second, strict=True)]
    share = np.array([[bool(a & b) for b in ends] for a in ends])
    same = np.array([[a == b for b in ends] for a in ends])
    found = variants.dyadic_variance(values, first, second)
    assert found.parts["dyadic"] == pytest.approx(values @ share @ values / rows**2)
    assert found.parts["pair"] == pytest.approx(values @ same @ values / rows**2)
    assert found.value == max(found.parts["dyadic"], found.parts["pair"]) > 0
    turned = variants.dyadic_variance(values, second, first)
    assert turned.value == pytest.approx(found.value)


def test_where_pairs_share_people_the_dyadic_interval_covers_and_the_iid_one_does_not():
    """300 worlds, every pair of 30 people: y_ij = a_i + a_j + e_ij, true mean 0. Exact binomial limits at 99%."""
    first, second = np.triu_indices(30, 1)
    covered = {"iid": 0, "dyadic": 0}
    for world in range(300):
        rng = np.random.default_rng(world)
        trait = rng.normal(size=30)
        values = trait[first] + trait[second] + rng.normal(size=len(first))
        found = variants.dyadic_variance(values - values.mean(), first, second)
        covered["iid"] += abs(values.mean()) < 1.96 * np.sqrt(found.parts["iid"])
        covered["dyadic"] += abs(values.mean()) < stats.t.ppf(0.975, found.dof) * found.se
    limits = {name: stats.binomtest(hits, 300).proportion_ci(0.99) for name, hits in covered.items()}
    assert limits["iid"].high < 0.6
    assert limits["dyadic"].low <= 0.95 <= limits["dyadic"].high


def test_a_pair_of_a_person_with_themselves_is_refused():
    with pytest.raises(UsageError, match="themselves"):
        variants.dyadic_variance(np.zeros(2), np.array([0, 1]), np.array([1, 1]))
    with pytest.raises(UsageError, match="equally many"):
        variants.dyadic_variance(np.zeros(2), np.array([0, 1, 2]), np.array([1, 2, 0]))


def test_one_way_clusters_agree_with_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(12), 10)
    x = rng.normal(size=12)[cluster] + rng.normal(size=120)
    y = x + rng.normal(size=12)[cluster] + rng.normal(size=120)
    regressors = sm.add_constant(x)
    fit = sm.OLS(y, regressors).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False, "df_correction": False}
    )
    inverse = np.linalg.pinv(regressors)
    influence = 120 * inverse[1] * (y - regressors @ fit.params)
    found = variants.one_way_cluster(influence, np.array([f"c{c}" for c in cluster]))
    assert found.se * np.sqrt(11 / 12) == pytest.approx(fit.bse[1], rel=1e-9)
    assert (found.method, found.dof) == ("cluster", pytest.approx(11.0))


@pytest.mark.parametrize("sizes", [[20] * 10, [int(120 / k) for k in range(1, 21)]], ids=["few", "unequal"])
def test_few_and_unequal_clusters_get_a_t_that_covers(sizes):
    """400 worlds with one shock per cluster, true mean 0; exact binomial limits at 99%."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    hits = {"ours": 0, "normal": 0}
    for world in range(400):
        rng = np.random.default_rng(world)
        values = 0.5 * rng.normal(size=len(sizes))[cluster] + rng.normal(size=len(cluster))
        found = variants.one_way_cluster(values - values.mean(), cluster)
        hits["ours"] += abs(values.mean()) < stats.t.ppf(0.975, found.dof) * found.se
        plain = found.se * np.sqrt(found.dof / (found.dof + 1))
        hits["normal"] += abs(values.mean()) < 1.96 * plain
    limits = {name: stats.binomtest(n, 400).proportion_ci(0.99) for name, n in hits.items()}
    assert limits["ours"].high >= 0.95
    assert limits["normal"].high < 0.95


def test_one_cluster_or_clusters_of_other_rows_are_refused():
    with pytest.raises(UsageError, match="one cluster"):
        variants.one_way_cluster(np.ones(3), np.zeros(3))
    with pytest.raises(UsageError, match="3 rows need 3 clusters"):
        variants.one_way_cluster(np.ones(3), np.zeros(4))


def test_effective_sample_size_is_n_for_independent_rows_and_less_where_people_write_alike():
    values = np.random.default_rng(0).normal(size=200)
    values -= values.mean()
    alone = dependence(ring(200), np.zeros(200, dtype=int), np.arange(200), bandwidth=0).variance(values)
    assert variants.effective_sample_size(alone, 200) == pytest.approx(200 * alone.dof / (alone.dof + 1))
    twice = dependence(ring(100), np.zeros(100, dtype=int), np.arange(200) // 2, bandwidth=0)
    copied = np.repeat(values[:100] - values[:100].mean(), 2)
    doubled = twice.variance(copied)
    assert variants.effective_sample_size(doubled, 200) == pytest.approx(100 * doubled.dof / (doubled.dof + 1))
    assert variants.effective_sample_size(Variance(0.0, None, "network_hac", {"iid": 0.0}), 7) == 7.0


def test_spectral_clusters_find_planted_blocks_and_their_conductance_is_counted():
    graph, block = block_graph(240, 4, np.random.default_rng(0), within=0.4, across=0.004)
    found = variants.spectral_clusters(graph, 4, seed=0)
    pairs = {(a, b) for a, b in zip(block, found, strict=True)}
    assert len(pairs) == 4
    rows, columns = graph.nonzero()
    out = [np.mean(block[columns[block[rows] == b]] != b) for b in range(4)]
    assert variants.conductance(graph, found) == pytest.approx(max(out))
    assert variants.small_eigenvalues(graph, below=0.3) == 4


def test_people_outside_the_largest_component_are_one_cluster_and_too_many_clusters_are_refused():
    graph = ring(20)
    graph.resize((25, 25))
    found = variants.spectral_clusters(graph, 4)
    assert set(found[20:]) == {4}
    assert set(found[:20]) == {0, 1, 2, 3}
    with pytest.raises(UsageError, match="cannot be cut"):
        variants.spectral_clusters(graph, 20)


def test_large_graphs_give_the_eigenvalues_of_small_ones(monkeypatch):
    graph = sparse_graph(300, 6, np.random.default_rng(1))
    dense = variants.small_eigenvalues(graph, below=0.4, most=40)
    monkeypatch.setattr(variants, "DENSE_PEOPLE", 10)
    assert variants.small_eigenvalues(graph, below=0.4, most=40) == dense > 1
