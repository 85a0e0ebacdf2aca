"""Variances for other samples than people in a network, and what a variance says about a sample.

All of them take the influence values ψ of an estimate (n, mean zero), as every estimator here gives them, and return a
`Variance` of the mean of ψ. References: Liang & Zeger 1986 and Carter, Schnepel & Steigerwald 2017 (clusters); Aronow,
Samii & Assenova 2015, *Cluster-robust variance estimation for dyadic data*; Leung 2023, *Network cluster-robust
inference*; von Luxburg 2007, *A tutorial on spectral clustering*.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, laplacian
from scipy.sparse.linalg import eigsh

from causal.inference import Variance, cluster_variance, effective_clusters, undirected
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]
Int = NDArray[np.int64]

DENSE_PEOPLE = 1500


def effective_sample_size(variance: Variance, n_rows: int) -> float:
    """Return how many independent rows would give the variance in use: n times the iid variance over it.

    >>> effective_sample_size(Variance(0.04, None, "network_hac", {"iid": 0.01}), 1000)
    250.0
    """
    return n_rows * variance.parts["iid"] / variance.value if variance.value > 0 else float(n_rows)


def one_way_cluster(influence: Float, cluster: NDArray[Any]) -> Variance:
    """Return the variance when rows of different clusters are independent, with t of few, unequal clusters.

    Args:
        influence: Influence value of each row (n).
        cluster: Cluster of each row (n), any labels.

    Raises:
        UsageError: The lengths differ, or there are fewer than two clusters.

    >>> values = np.array([1.0, 1.0, -1.0, -1.0, 2.0, -2.0])
    >>> one_way_cluster(values, np.array(["a", "a", "b", "b", "c", "c"])).dof
    2.0
    """
    if cluster.shape != influence.shape:
        raise UsageError(f"{len(influence):,} rows need {len(influence):,} clusters, not {cluster.shape}.")
    names, code = np.unique(cluster, return_inverse=True)
    if len(names) < 2:
        raise UsageError("Rows of one cluster say nothing about other clusters.", remedy="Cluster by a finer unit.")
    iid = float(influence @ influence) / len(influence) ** 2
    return replace(cluster_variance(influence, len(influence), code, iid), method="cluster")


def dyadic_variance(influence: Float, first: NDArray[Any], second: NDArray[Any]) -> Variance:
    """Return the variance when rows are pairs of people and pairs that share a person are dependent.

    V = (Σ_m s_m² - Σ_d S_d²) / n², s_m being the sum of ψ over rows with person m and S_d over rows of the same two
    people: every pair of rows that share a person once (Aronow, Samii & Assenova 2015, eq. 5). It may be negative; the
    variance in use is the larger of it and of pairs as independent clusters. Degrees of freedom: how many equally
    frequent people there are, less one.

    Args:
        influence: Influence value of each row (n).
        first: One person of each row (n), any labels.
        second: The other person (n); the order of the two does not matter.

    Raises:
        UsageError: The lengths differ, or a row pairs a person with themselves.

    >>> values = np.array([1.0, -1.0, 1.0, -1.0])
    >>> found = dyadic_variance(values, np.array(list("abca")), np.array(list("bcdd")))
    >>> sorted(found.parts)
    ['dyadic', 'iid', 'pair']
    """
    if not influence.shape == first.shape == second.shape:
        raise UsageError("Rows, first and second persons must be equally many.")
    if np.any(first == second):
        raise UsageError("A row pairs a person with themselves.", remedy="Drop replies to oneself.")
    people, code = np.unique(np.concatenate([first, second]), return_inverse=True)
    ends = np.sort(code.reshape(2, -1), axis=0)
    _, pair = np.unique(ends[0] * len(people) + ends[1], return_inverse=True)
    by_person = np.bincount(ends.ravel(), weights=np.tile(influence, 2))
    by_pair = np.bincount(pair, weights=influence)
    pairs = float(by_pair @ by_pair)
    forms = {"iid": float(influence @ influence), "pair": pairs, "dyadic": float(by_person @ by_person) - pairs}
    parts = {name: form / len(influence) ** 2 for name, form in forms.items()}
    dof = max(effective_clusters(ends.ravel()) - 1, 0.0)
    return Variance(max(parts["pair"], parts["dyadic"]), dof, "dyadic", parts)


def spectral_clusters(adjacency: csr_array, clusters: int, seed: int = 0) -> Int:
    """Return clusters of the largest component with few ties between them; everybody else is one further cluster.

    k-means on the row-normalised eigenvectors of the normalised Laplacian's smallest eigenvalues (Ng, Jordan & Weiss
    2002). Whether they may count as independent is for `conductance` to say.

    Args:
        adjacency: n x n graph; its direction and weights are not used.
        clusters: Clusters of the largest component.
        seed: Seed of k-means (and of the solver's first vector on large graphs).

    Raises:
        UsageError: The largest component has no more people than clusters.
    """
    from sklearn.cluster import KMeans

    members, graph = _giant(undirected(adjacency))
    if not 1 < clusters < len(members):
        raise UsageError(f"{len(members):,} connected people cannot be cut into {clusters} clusters.")
    vectors = _smallest(graph, clusters, seed)[1]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.full(adjacency.shape[0], clusters, dtype=np.int64)
    found[members] = KMeans(clusters, n_init=10, random_state=seed).fit(vectors).labels_
    return found


def small_eigenvalues(adjacency: csr_array, below: float = 0.05, most: int = 100, seed: int = 0) -> int:
    """Return how many eigenvalues of the largest component's normalised Laplacian lie below a bound.

    That many clusters of low conductance exist (Leung 2023, section 4).

    Args:
        adjacency: n x n graph; its direction and weights are not used.
        below: The bound.
        most: How many eigenvalues are computed: the answer is at most this.
        seed: Seed of the solver's first vector on large graphs.
    """
    members, graph = _giant(undirected(adjacency))
    values = _smallest(graph, min(most, len(members) - 1), seed)[0]
    return int(np.sum(values < below))


def conductance(adjacency: csr_array, cluster: Int) -> float:
    """Return the largest conductance of a cluster: its ties that lead out, over all ties of its people.

    Cluster intervals need it small; Leung (2023) advises at most .1.

    Args:
        adjacency: n x n graph; its direction and weights are not used.
        cluster: Cluster of each person (n).
    """
    graph = undirected(adjacency)
    rows, columns = graph.nonzero()
    _, code = np.unique(cluster, return_inverse=True)
    leaving = np.bincount(code[rows], weights=code[rows] != code[columns], minlength=code.max() + 1)
    volume = np.bincount(code[rows], minlength=code.max() + 1)
    return float(np.max(leaving / np.maximum(volume, 1)))


def _giant(graph: csr_array) -> tuple[Int, csr_array]:
    """Return the people of the largest component, and the graph among them."""
    _, component = connected_components(graph, directed=False)
    members = np.flatnonzero(component == np.bincount(component).argmax())
    return members, graph[members][:, members].astype(float)


def _smallest(graph: csr_array, k: int, seed: int) -> tuple[Float, Float]:
    """Return the k smallest eigenvalues of the normalised Laplacian L and their eigenvectors (as largest of 2I - L)."""
    normed = laplacian(graph, normed=True)
    if graph.shape[0] <= DENSE_PEOPLE:
        values, vectors = np.linalg.eigh(normed.toarray())
        return values[:k], vectors[:, :k]
    flipped = csr_array(-normed)
    flipped.setdiag(flipped.diagonal() + 2)
    start = generator(seed, "spectral").normal(size=graph.shape[0])
    values, vectors = eigsh(flipped, k=k, which="LA", v0=start)
    return 2 - values[::-1], vectors[:, ::-1]
