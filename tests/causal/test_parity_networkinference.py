"""The tutorial of networkinference (Leung): its 2SLS, network HAC, spectral clusters and summary of the network.

The cluster standard errors it prints (.078 .029 .136 .043) are not reproduced: its `cluster_var` lays blocks of the
clusters' sizes over rows that are not sorted by cluster, so what it returns is not a variance by cluster. A test shows
it: sorted rows give our figures.
"""

from __future__ import annotations

import csv
from functools import cache

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

from causal import inference
from causal.inference import dependence, mean_path_length, neighbourhoods
from causal.inference_variants import conductance, one_way_cluster, small_eigenvalues, spectral_clusters
from causal.two_stage import two_stage

ESTIMATE = [0.93397924, 0.52239823, 2.85116605, 1.00725669]


@cache
def tutorial(folder):
    """Outcome, regressors [1, mean Y, mean X, X], instruments [1, mean X at distance 2, mean X, X], and the graph."""
    graph = nx.read_adjlist(folder / "network.adjlist", nodetype=int)
    adjacency = csr_array(nx.to_scipy_sparse_array(graph, nodelist=range(1000), weight=None, format="csr"))
    with (folder / "node_data.csv").open() as file:
        rows = list(csv.DictReader(file))
    y, x = (np.array([float(r[name]) for r in rows]) for name in ("Y", "X"))
    one, two = (neighbourhoods(adjacency, b).kernel.toarray() > 0 for b in (1, 2))

    def mean_over(matrix, values):
        return (matrix @ values) / np.maximum(matrix.sum(axis=1), 1)

    near, far = adjacency.toarray() > 0, two & ~one
    regressors = np.column_stack([np.ones(1000), mean_over(near, y), mean_over(near, x), x])
    instruments = np.column_stack([np.ones(1000), mean_over(far, x), mean_over(near, x), x])
    return y, regressors, instruments, adjacency


@pytest.fixture
def folder(shared_data):
    return shared_data / "parity" / "networkinference_tutorial"


def test_the_two_stage_estimates(folder):
    y, regressors, instruments, _ = tutorial(folder)
    assert two_stage(y, regressors, instruments).coefficients == pytest.approx(ESTIMATE, abs=6e-9)


def test_network_hac_with_the_tutorials_kernel_and_bandwidth(folder):
    y, regressors, instruments, graph = tutorial(folder)
    fit = two_stage(y, regressors, instruments)
    near = dependence(graph, np.zeros(1000, dtype=int), np.arange(1000))
    assert (near.near.suggested, near.near.bandwidth) == (3, 3)
    found = [near.variance(psi).parts for psi in fit.influence.T]
    uniform, truncated = (np.sqrt([part[name] for part in found]) for name in ("uniform", "truncated"))
    assert uniform == pytest.approx([0.1052, 0.0459, 0.1521, 0.0548], abs=6e-5)
    assert uniform.round(3) == pytest.approx([0.105, 0.046, 0.152, 0.055])
    assert truncated == pytest.approx([0.1210, 0.0537, 0.1900, 0.0680], abs=1.5e-4)
    half = 1.959964 * uniform
    assert (ESTIMATE - half).round(3) == pytest.approx([0.728, 0.432, 2.553, 0.900])
    assert (ESTIMATE + half).round(3) == pytest.approx([1.140, 0.612, 3.149, 1.115])


def test_network_hac_and_estimates_side_by_side(folder):
    networkinference = pytest.importorskip("networkinference")
    y, regressors, instruments, graph = tutorial(folder)
    peer = networkinference.TSLS(y, regressors[:, 1:], instruments[:, 1:], nx.from_scipy_sparse_array(graph))
    peer.network_se(b=3, verbose=False)
    fit, near = two_stage(y, regressors, instruments), neighbourhoods(graph, 3)
    ours = [inference.hac_variance(psi, 1000, near, 0.0).parts["uniform"] for psi in fit.influence.T]
    assert fit.coefficients == pytest.approx(peer.estimate, rel=1e-8)
    assert np.sqrt(ours) == pytest.approx(peer.network_se_result, rel=1e-6)


def test_the_networks_summary(folder):
    graph = inference.undirected(tutorial(folder)[3])
    degree = np.diff(graph.indptr)
    components, label = connected_components(graph, directed=False)
    giant = np.bincount(label).argmax()
    distance = shortest_path(graph[label == giant][:, label == giant], unweighted=True)
    wide = csr_array(graph, dtype=np.int64)
    triangles = np.asarray((wide @ wide).multiply(wide).sum(axis=1)).ravel()
    pairs = degree * (degree - 1)
    clustering = np.mean(np.divide(triangles, pairs, out=np.zeros(1000), where=pairs > 0))
    assert graph.nnz == 2 * 2473
    assert (degree.mean(), degree.max(), np.sum(degree == 0)) == (pytest.approx(4.946), 14, 11)
    assert (components, np.sum(label == giant), distance.max()) == (37, 797, 67)
    assert mean_path_length(graph, sources=1000) == pytest.approx(25.180, abs=5e-4)
    assert clustering == pytest.approx(0.578, abs=5e-4)
    assert 25.180 > 2 * np.log(1000) / np.log(4.946) == pytest.approx(8.64, abs=5e-3)


@pytest.mark.parametrize(("clusters", "expected"), [(30, 0.0877), (38, 0.1273)])
def test_spectral_clusters_have_the_conductance_that_is_printed(folder, clusters, expected):
    graph = tutorial(folder)[3]
    found = spectral_clusters(graph, clusters, seed=0)
    assert len(np.unique(found)) == clusters + 1  # everybody outside the largest component is one more
    assert conductance(graph, found) == pytest.approx(expected, abs=5e-5)


def test_as_many_small_eigenvalues_as_are_printed(folder):
    assert small_eigenvalues(tutorial(folder)[3], below=0.05) == 38


def test_cluster_standard_errors_are_those_of_statsmodels_and_of_the_peer_once_rows_are_sorted(folder):
    networkinference = pytest.importorskip("networkinference")
    sm = pytest.importorskip("statsmodels.api")
    y, regressors, instruments, graph = tutorial(folder)
    cluster = spectral_clusters(graph, 30, seed=0)
    fit = two_stage(y, regressors, instruments)
    found = [one_way_cluster(psi, cluster) for psi in fit.influence.T]
    ours = np.array([v.se for v in found]) * np.sqrt(
        found[0].dof / (found[0].dof + 1)
    )  # without few-cluster correction
    projected = instruments @ np.linalg.lstsq(instruments, regressors)[0]
    least = sm.OLS(y, projected)
    theirs = sm.stats.sandwich_covariance.S_crosssection(projected * fit.residuals[:, None], cluster)
    bread = np.linalg.inv(projected.T @ projected)
    assert least.nobs == 1000
    assert ours == pytest.approx(np.sqrt(np.diag(bread @ theirs @ bread)), rel=1e-8)
    order = np.argsort(cluster, kind="stable")
    peer = networkinference.core.cluster_var(fit.influence[order], cluster[order])
    assert ours == pytest.approx(np.sqrt(np.diag(peer) / 1000), rel=1e-8)
    unsorted = networkinference.core.cluster_var(fit.influence, cluster)
    assert np.abs(np.sqrt(np.diag(unsorted) / 1000) / ours - 1).max() > 0.1
