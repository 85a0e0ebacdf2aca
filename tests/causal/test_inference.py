"""Network HAC against dense algebra, published figures and known dependence."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from causal import inference
from causal.inference import FEWEST_COMMUNITIES, dependence, neighbourhoods, overlap_form, positive_part_form
from tests.causal.graphs import ring, sparse_graph


def positive_part(kernel: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(kernel)
    return (vectors * np.maximum(values, 0)) @ vectors.T


@given(n=st.integers(2, 40), degree=st.floats(0.5, 6), seed=st.integers(0, 1000), bandwidth=st.integers(0, 4))
def test_the_kernel_holds_exactly_the_pairs_within_the_bandwidth(n, degree, seed, bandwidth):
    graph = sparse_graph(n, min(degree, n), np.random.default_rng(seed))
    graph.setdiag(0)
    graph.eliminate_zeros()
    found = neighbourhoods(graph, bandwidth).kernel.toarray()
    distance = shortest_path(graph, unweighted=True, directed=False)
    assert np.array_equal(found > 0, distance <= bandwidth)
    assert set(np.unique(found)) <= {0.0, 1.0}


@given(n=st.integers(2, 60), seed=st.integers(0, 1000))
def test_lanczos_gives_the_form_of_the_truncated_kernel(n, seed):
    rng = np.random.default_rng(seed)
    kernel = neighbourhoods(sparse_graph(n, min(4, n), rng), 1).kernel
    vector = rng.normal(size=n)
    exact = vector @ positive_part(kernel.toarray()) @ vector
    assert positive_part_form(kernel, vector) == pytest.approx(exact, rel=1e-6, abs=1e-8)


def test_a_hundred_and_twenty_lanczos_steps_suffice_on_two_thousand_people():
    rng = np.random.default_rng(1)
    kernel = neighbourhoods(sparse_graph(2000, 8, rng), 1).kernel
    vector = rng.normal(size=2000)
    exact = vector @ positive_part(kernel.toarray()) @ vector
    assert positive_part_form(kernel, vector) == pytest.approx(exact, rel=2e-3)


@given(n=st.integers(2, 40), seed=st.integers(0, 1000), bandwidth=st.integers(0, 3))
def test_the_overlap_kernel_is_a_gram_matrix_with_unit_diagonal(n, seed, bandwidth):
    kernel = neighbourhoods(sparse_graph(n, min(3, n), np.random.default_rng(seed)), bandwidth).kernel
    columns = np.eye(n)
    assert [overlap_form(kernel, c) for c in columns] == pytest.approx(np.ones(n))
    vector = np.random.default_rng(seed + 1).normal(size=n)
    scaled = kernel.toarray() / np.sqrt(kernel.toarray().sum(axis=1))[:, None]
    assert overlap_form(kernel, vector) == pytest.approx(vector @ scaled @ scaled.T @ vector)


def test_bandwidth_zero_is_people_as_independent_clusters():
    values = np.random.default_rng(0).normal(size=50)
    found = dependence(ring(50), np.zeros(50, dtype=int), np.arange(50), bandwidth=0).variance(values)
    groups = np.sum(values**2) ** 2 / np.sum(values**4)
    assert (found.value, found.dof) == pytest.approx((np.sum(values**2) / 50**2 * groups / (groups - 1), groups - 1))
    assert found.parts["iid"] == found.parts["person"] == pytest.approx(found.parts["uniform"])


@given(seed=st.integers(0, 500))
def test_the_variance_does_not_depend_on_how_people_are_numbered_or_on_people_without_rows(seed):
    rng = np.random.default_rng(seed)
    n = 30
    graph, values, order = sparse_graph(n, 4, rng), rng.normal(size=n), rng.permutation(n)
    padded = csr_array((n + 5, n + 5))
    padded = csr_array(np.pad(graph.toarray(), (0, 5)))
    place = np.empty(n, dtype=int)
    place[order] = np.arange(n)
    renumbered = csr_array(graph.toarray()[np.ix_(order, order)])
    communities = np.zeros(n + 5, dtype=int)
    here = dependence(graph, communities[:n], np.arange(n), bandwidth=1).variance(values).value
    there = dependence(renumbered, communities[:n], place, bandwidth=1).variance(values).value
    isolated = dependence(padded, communities, np.arange(n), bandwidth=1).variance(values).value
    assert there == pytest.approx(here, rel=1e-9)
    assert isolated == pytest.approx(here, rel=1e-9)


def test_rows_of_one_person_are_summed_before_anything_else():
    person = np.repeat(np.arange(10), 3)
    values = np.tile([1.0, -2.0, 1.0], 10)
    assert dependence(ring(10), np.zeros(10, dtype=int), person).variance(values).value == 0.0


def test_a_bandwidth_by_rule_stops_before_it_holds_a_tenth_of_all_pairs():
    graph = sparse_graph(400, 8, np.random.default_rng(3))
    near = neighbourhoods(graph)
    assert near.suggested >= 2
    assert (near.bandwidth, near.pair_share < inference.MAX_PAIR_SHARE) == (1, True)
    assert neighbourhoods(graph, 2).pair_share > inference.MAX_PAIR_SHARE


def test_a_dense_graph_falls_back_to_communities_and_refuses_when_they_are_few():
    dense = csr_array(np.ones((40, 40)) - np.eye(40))
    many, few = np.arange(40) % 10, np.arange(40) % (FEWEST_COMMUNITIES - 1)
    fallback = dependence(dense, many, np.arange(40))
    found = fallback.variance(np.where(np.arange(40) % 3, 1.0, -1.0))
    assert (fallback.refused, found.method, found.dof) == (None, "community_cluster", pytest.approx(9.0))
    assert "no interval is valid" in str(dependence(dense, few, np.arange(40)).refused)


def test_clusters_without_influence_are_no_evidence_in_the_fallback():
    """Nine communities, all of the influence in two of them: two clusters' worth, whatever their number."""
    dense = csr_array(np.ones((90, 90)) - np.eye(90))
    community = np.arange(90) % 9
    fallback = dependence(dense, community, np.arange(90))
    influence = np.where(community < 2, np.where(np.arange(90) % 2, 1.0, -1.0), 0.0)
    assert fallback.variance(influence).dof == pytest.approx(1.0)
    assert fallback.dof(np.column_stack([influence, np.ones(90)])) == pytest.approx(1.0)
    assert fallback.variance(np.ones(90)).dof == pytest.approx(8.0)


def test_people_who_share_a_peer_are_within_the_bandwidth_of_the_rule():
    """Leung's 2K with exposures of one step: half a mean path of 2.5 would leave them out."""
    graph = sparse_graph(1000, 20, np.random.default_rng(0))
    near = neighbourhoods(graph, max_pair_share=1.0)
    assert near.mean_path_length < 3
    assert (near.suggested, near.bandwidth) == (2, 2)
    assert neighbourhoods(graph).bandwidth == 1  # a tenth of all pairs is the limit; the check then warns
    assert inference.suggested_bandwidth(csr_array((5, 5)), 0.0) == 2


@pytest.mark.parametrize("shared", [255, 256, 257, 512])
def test_two_people_who_share_many_neighbours_are_two_steps_apart(shared):
    """Paths are counted before they are cut to 1: in eight bits, 256 of them would be none."""
    middle = np.arange(2, shared + 2)
    ends = np.concatenate([np.zeros(shared, dtype=int), np.ones(shared, dtype=int)])
    graph = csr_array((np.ones(2 * shared), (ends, np.tile(middle, 2))), shape=(shared + 2, shared + 2))
    kernel = neighbourhoods(graph, 2).kernel
    assert kernel[0, 1] == kernel[1, 0] == 1.0
    assert kernel.nnz == (shared + 2) ** 2
    values = np.zeros(shared + 2)
    values[:2] = 1.0
    found = dependence(graph, np.zeros(shared + 2, dtype=int), np.arange(shared + 2), bandwidth=2).variance(values)
    assert found.parts["uniform"] == pytest.approx(2 * found.parts["person"])


def test_a_stored_zero_makes_no_tie_and_weights_and_loops_do_not_count():
    here = np.arange(6)
    stored = csr_array((np.zeros(6), (here, (here + 1) % 6)), shape=(6, 6))
    assert stored.nnz == 6
    assert inference.undirected(stored).nnz == 0
    assert neighbourhoods(stored, 2).kernel.nnz == 6
    heavy = csr_array((np.array([-2.0, 300.0, 7.0]), ([0, 3, 2], [1, 4, 2])), shape=(6, 6))
    graph = inference.undirected(heavy)
    assert set(zip(*graph.nonzero(), strict=True)) == {(0, 1), (1, 0), (3, 4), (4, 3)}
    assert set(graph.data) == {1}


def test_parity_with_networkinference_side_by_side():
    """The peer and ours on one random graph, its own bandwidth rule included."""
    networkinference = pytest.importorskip("networkinference")
    rng = np.random.default_rng(5)
    graph = nx.connected_watts_strogatz_graph(120, 4, 0.3, seed=5)
    x = rng.normal(size=120)
    y = x + rng.normal(size=120)
    regressors = np.column_stack([np.ones(120), x])
    peer = networkinference.OLS(y, x[:, None], graph)  # it adds the constant
    peer.network_se(b=2, verbose=False)
    inverse = np.linalg.pinv(regressors)
    residual = y - regressors @ (inverse @ y)
    near = neighbourhoods(csr_array(nx.to_scipy_sparse_array(graph, nodelist=range(120))), 2)
    ours = [inference.hac_variance(120 * inverse[j] * residual, 120, near, 0.0).parts["uniform"] for j in range(2)]
    assert np.sqrt(ours) == pytest.approx(peer.network_se_result, rel=1e-6)


@pytest.mark.parametrize(("groups", "size"), [(9, 4), (30, 3), (2, 6)])
def test_on_complete_pieces_of_one_size_network_hac_is_the_cluster_variance_with_few_cluster_t(groups, size):
    """With values of one size in every piece, so that pieces are worth themselves."""
    crowd = np.repeat(np.arange(groups), size)
    graph = csr_array((crowd[:, None] == crowd[None, :]).astype(float) - np.eye(groups * size))
    signs = np.where(np.random.default_rng(groups).random(groups * size) < 0.5, -1.0, 1.0)
    near = neighbourhoods(graph, 1)
    hac = inference.hac_variance(signs, len(signs), near, 0.0)
    clustered = inference.cluster_variance(signs, len(signs), crowd, 0.0)
    assert hac.dof == pytest.approx(clustered.dof)
    assert hac.value == pytest.approx(max(clustered.value, len(signs) / len(signs) ** 2 * groups / (groups - 1)))


@given(n=st.integers(10, 40), degree=st.floats(0.2, 6), seed=st.integers(0, 500))
def test_neighbourhoods_are_worth_at_least_one_group_and_at_most_as_many_as_people(n, degree, seed):
    rng = np.random.default_rng(seed)
    near = neighbourhoods(csr_array(sparse_graph(n, degree, rng)), 1)
    psi = rng.standard_t(3, size=n)
    groups = inference.effective_groups(psi, near.kernel)
    assert 1 - 1e-9 <= groups <= n + 1e-9
    assert inference.effective_groups(7 * psi, near.kernel) == pytest.approx(groups)


def test_with_few_neighbourhoods_normal_intervals_cover_too_rarely_and_ours_do_not():
    """1,000 worlds of 30 people on a ring, shocks shared with two neighbours on either side: exact limits at 99%."""
    n, worlds = 30, 1000
    graph = ring(n)
    smooth = csr_array(graph + csr_array(np.eye(n)))
    covered = {"normal": 0, "ours": 0}
    for world in range(worlds):
        values = smooth @ np.random.default_rng(world).normal(size=n)
        found = dependence(graph, np.zeros(n, dtype=int), np.arange(n), bandwidth=2).variance(values - values.mean())
        plain = np.sqrt(max(found.parts[kind] for kind in ("person", "uniform", "overlap")))
        covered["normal"] += abs(values.mean()) < 1.96 * plain
        covered["ours"] += abs(values.mean()) < stats.t.ppf(0.975, found.dof) * found.se
    assert stats.binomtest(covered["normal"], worlds).proportion_ci(0.99).high < 0.95
    assert stats.binomtest(covered["ours"], worlds).proportion_ci(0.99).high >= 0.93
    assert covered["ours"] > covered["normal"]


def test_where_neighbours_share_shocks_iid_intervals_cover_too_rarely_and_network_hac_does_not():
    """100 worlds, true mean 0, shocks averaged over neighbours on a ring: exact binomial limits at 99.9%."""
    n, worlds = 400, 100
    graph = ring(n)
    smooth = csr_array(graph + csr_array(np.eye(n)))
    covered = {"iid": 0, "ours": 0}
    for world in range(worlds):
        values = smooth @ np.random.default_rng(world).normal(size=n)
        centre = values.mean()
        found = dependence(graph, np.zeros(n, dtype=int), np.arange(n), bandwidth=2).variance(values - centre)
        covered["iid"] += abs(centre) < 1.96 * np.sqrt(found.parts["iid"])
        covered["ours"] += abs(centre) < 1.96 * found.se
    assert covered["iid"] < 86  # P(fewer than 86 of 100 | coverage .95) < .001; the truth is about .74
    assert covered["ours"] >= 84


def test_people_answered_by_the_same_helper_depend_on_each_other_though_helpers_have_no_row():
    """100 worlds, true mean 0: helpers answer askers, are answered by nobody, and share their mood with all they answer."""
    askers, helpers, worlds = 400, 80, 100
    covered = {"cut": 0, "whole": 0}
    for world in range(worlds):
        rng = np.random.default_rng(world)
        ego = np.repeat(np.arange(askers), 2)
        peer = askers + rng.integers(helpers, size=2 * askers)
        graph = csr_array((np.ones(len(ego)), (ego, peer)), shape=(askers + helpers,) * 2)
        mood = rng.normal(size=helpers)
        values = mood[peer - askers].reshape(askers, 2).sum(axis=1) + 0.5 * rng.normal(size=askers)
        rows, nobody = np.arange(askers), np.zeros(askers + helpers, dtype=int)
        found = dependence(graph, nobody, rows).variance(values - values.mean())
        covered["whole"] += abs(values.mean()) < 1.96 * found.se
        covered["cut"] += abs(values.mean()) < 1.96 * np.sqrt(found.parts["person"])
    assert covered["cut"] < 86  # P(fewer than 86 of 100 | coverage .95) < .001
    assert covered["whole"] >= 86


def test_only_people_with_rows_count_as_pairs_and_as_communities():
    ego, peer = np.repeat(np.arange(30), 30), np.tile(np.arange(30, 60), 30)
    graph = csr_array((np.ones(900), (ego, peer)), shape=(60, 60))
    communities = np.r_[np.arange(30) % 10, 10 + np.arange(30)]
    found = dependence(graph, communities, np.arange(30))
    assert found.near.bandwidth == 1  # two steps would join everybody
    assert found.near.pair_share == 0.0  # askers are tied to helpers alone
    dense = csr_array(np.ones((60, 60)) - np.eye(60))
    clustered = dependence(dense, communities, np.arange(30))
    assert clustered.variance(np.ones(30)).dof == 9.0


@given(st.lists(st.integers(-1, 4), min_size=2, max_size=30), st.integers(0, 99))
def test_people_without_cluster_are_alone_and_do_not_count_for_the_degrees_of_freedom(cluster, seed):
    labels = np.array(cluster)
    values = np.random.default_rng(seed).normal(size=len(cluster))
    found = inference.cluster_variance(values, len(values), labels, 1.0)
    sizes = np.bincount(labels[labels >= 0])
    groups = sizes.sum() ** 2 / max(np.sum(sizes**2), 1)
    squares = sum(values[labels == c].sum() ** 2 for c in set(cluster) - {-1}) + np.sum(values[labels < 0] ** 2)
    assert found.dof == pytest.approx(max(groups - 1, 0))
    correction = groups / (groups - 1) if groups > 1 else 1.0
    assert found.value == pytest.approx(squares / len(values) ** 2 * correction)


def crowds(sizes):
    """Crowds in each of which everybody is tied to everybody: (crowd of each person, graph)."""
    crowd = np.repeat(np.arange(len(sizes)), sizes)
    return crowd, csr_array((crowd[:, None] == crowd[None, :]).astype(float) - np.eye(len(crowd)))


def half_of_each(crowd):
    return np.where(np.arange(len(crowd)) % 2 == 0, crowd, -1)


@pytest.mark.parametrize(
    ("sizes", "replying"),
    [
        ([24] * 8, half_of_each),  # in every crowd half the people only share threads
        ([24] * 8, lambda crowd: np.where(crowd < 8, -1, crowd)),  # nobody replies
        ([24] * 9, lambda crowd: np.where(crowd < 4, -1, crowd)),  # four of nine crowds only share threads
    ],
)
def test_people_who_only_share_threads_are_no_independent_clusters(sizes, replying):
    """300 worlds, true mean 0, one shock per crowd: exact binomial limits at 99%."""
    crowd, graph = crowds(sizes)
    near = dependence(graph, replying(crowd), np.arange(len(crowd)))
    assert near.refused is None
    covered = 0
    for world in range(300):
        rng = np.random.default_rng(world)
        values = rng.normal(size=len(sizes))[crowd] + rng.normal(size=len(crowd))
        found = near.variance(values - values.mean())
        covered += abs(values.mean()) < stats.t.ppf(0.975, found.dof) * found.se
    assert stats.binomtest(covered, 300).proportion_ci(0.99).high >= 0.95


def test_three_crowds_beside_many_small_communities_are_too_few_clusters():
    """Counting the crowds' people as independent gave an interval that covered 44% here."""
    crowd, graph = crowds([60] * 3 + [5] * 8)
    near = dependence(graph, np.where(crowd < 3, -1, crowd), np.arange(len(crowd)))
    assert near.refused is not None
    assert "11 communities of unequal size, worth 4.4 equal ones" in near.refused


@given(n=st.integers(2, 40), degree=st.floats(0.2, 4), seed=st.integers(0, 500))
def test_filling_gaps_keeps_communities_and_leaves_only_people_without_ties(n, degree, seed):
    rng = np.random.default_rng(seed)
    graph = inference.undirected(sparse_graph(n, degree, rng))
    communities = rng.integers(-1, 3, size=n)
    found = inference.without_gaps(graph, communities)
    assert np.array_equal(found[communities >= 0], communities[communities >= 0])
    assert np.array_equal(found < 0, (communities < 0) & (np.diff(graph.indptr) == 0))
    rows, columns = graph.nonzero()
    made = found > communities.max(initial=-1)  # clusters of people whose ties lead to no community
    assert np.array_equal(found[rows][made[rows]], found[columns][made[rows]])


def test_people_join_the_community_most_of_their_ties_lead_to_and_others_follow_them():
    ties = [(0, 1), (2, 3), (4, 0), (4, 2), (4, 3), (5, 4), (6, 7)]
    ends = np.array(ties).T
    graph = inference.undirected(csr_array((np.ones(len(ties)), ends), shape=(9, 9)))
    communities = np.array([0, 0, 1, 1, -1, -1, -1, -1, -1])
    assert inference.without_gaps(graph, communities).tolist() == [0, 0, 1, 1, 1, 1, 2, 2, -1]
