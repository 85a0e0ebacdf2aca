"""Intervals that are valid when connected people resemble each other.

Network HAC (Kojevnikov, Marmer & Song 2021, *Limit theorems for network dependent random variables*; bandwidth rule of
Leung 2022, *Causal inference under approximate neighborhood interference*). With influence values ψ_i of n people and a
kernel K_ij = 1 when i and j are at most b steps apart, the variance of the mean of ψ is ψ'Kψ / n². K is not positive
semi-definite, so ψ'Kψ may be too small or negative. Two corrections are computed and both are reported:

* *overlap kernel*, used: W_ij = |B_i ∩ B_j| / √(|B_i| |B_j|), B_i being everybody within b steps of i (Leung 2019, first
  draft). It is positive semi-definite by construction and its diagonal is 1, so independent people are not penalised.
* *truncated kernel*, reported: K with its negative eigenvalues set to 0. On a reply network it inflates the variance even
  when people are independent, because the trace grows with what is cut off.

The variance in use is the largest of uniform kernel, overlap kernel and people as independent clusters. It is itself an
estimate from few neighbourhoods, and ψ is centred at the estimate: intervals are those of t with G - 1 degrees of freedom
and the variance is multiplied by G / (G - 1), where

    G = (Σ ψ_i²)² / Σ_ij K_ij ψ_i² ψ_j²

is how many equal, independent groups the neighbourhoods are worth (Satterthwaite's degrees of freedom of ψ'Kψ when the ψ_i
are independent), taken as 2 where it is less. Where the graph is G complete pieces of one size this is the cluster variance
with few-cluster t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, shortest_path

from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Method = Literal["network_hac", "community_cluster", "cluster", "dyadic"]

MAX_PAIR_SHARE = 0.10
FEWEST_COMMUNITIES = 8
PATH_SOURCES = 64
LANCZOS_STEPS = 120
LEAST_DOF = 1.0
LEAST_BANDWIDTH = 2


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """Who counts as dependent on whom.

    Attributes:
        kernel: n x n 0/1 matrix, its diagonal 1: people at most `bandwidth` steps apart.
        bandwidth: Steps b in use.
        suggested: Steps that the rule of Leung (2022) asks for on this graph.
        mean_path_length: Mean shortest path in the largest component (from up to `PATH_SOURCES` sources).
        pair_share: Share of the pairs of different people with rows that lie inside the bandwidth.
    """

    kernel: csr_array
    bandwidth: int
    suggested: int
    mean_path_length: float
    pair_share: float


@dataclass(frozen=True, slots=True)
class Variance:
    """The variance of an estimate, and how it was found.

    Attributes:
        value: Variance in use, at least 0.
        dof: Degrees of freedom of the t distribution to use; None for the normal.
        method: `network_hac`, `community_cluster`, `cluster` or `dyadic`.
        parts: Variances by other rules, for comparison: `iid`, `person`, `uniform`, `overlap`, `truncated`.
    """

    value: float
    dof: float | None
    method: Method
    parts: dict[str, float]

    @property
    def se(self) -> float:
        """The standard error."""
        return math.sqrt(max(self.value, 0.0))

    def describe(self) -> dict[str, Any]:
        """Return the standard errors by every rule (0 where the rule's variance is negative)."""
        return {f"se_{name}": math.sqrt(max(value, 0.0)) for name, value in self.parts.items()}


def sum_by(values: Float, person: Int, n: int) -> Float:
    """Return the sums of row values within each of n people."""
    return np.bincount(person, weights=values, minlength=n).astype(float)


def undirected(adjacency: csr_array) -> csr_array:
    """Return the symmetric 0/1 graph of `adjacency` without loops."""
    graph = csr_array(csr_array(adjacency) != 0, dtype=np.int8)
    graph = csr_array(graph.maximum(graph.T))
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def mean_path_length(graph: csr_array, seed: int = 0, sources: int = PATH_SOURCES) -> float:
    """Return the mean shortest path inside the largest component, from at most `sources` of its nodes."""
    _, component = connected_components(graph, directed=False)
    members = np.flatnonzero(component == np.bincount(component).argmax())
    if len(members) < 2:
        return 0.0
    chosen = members
    if len(members) > sources:
        chosen = generator(seed, "path length").choice(members, size=sources, replace=False)
    distance = shortest_path(graph, method="D", directed=False, unweighted=True, indices=np.sort(chosen))
    inside = distance[np.isfinite(distance)]
    return float(inside.sum() / (len(inside) - len(chosen)))


def suggested_bandwidth(graph: csr_array, path_length: float) -> int:
    """Return the bandwidth of Leung (2022): half the mean path length, its cube root where the graph grows slowly.

    At least `LEAST_BANDWIDTH`, his 2K for exposures through the peers of one step: two people who share a peer share an
    exposure.
    """
    n = graph.shape[0]
    degree = graph.nnz / max(n, 1)
    if path_length <= 0 or degree <= 1:
        return LEAST_BANDWIDTH
    fast = path_length < 2 * math.log(n) / math.log(degree)
    return max(LEAST_BANDWIDTH, round(path_length / 2 if fast else path_length ** (1 / 3)))


def neighbourhoods(
    adjacency: csr_array,
    bandwidth: int | None = None,
    *,
    max_pair_share: float = MAX_PAIR_SHARE,
    among: Bool | None = None,
    seed: int = 0,
) -> Neighbourhoods:
    """Return who is within the bandwidth of whom; a bandwidth chosen by rule stops before `max_pair_share` of all pairs.

    Args:
        adjacency: n x n graph; its direction and weights are not used.
        bandwidth: Steps to use as they are; None to follow the rule of Leung (2022).
        max_pair_share: Largest share of pairs that a bandwidth above 1 may hold when it follows the rule.
        among: Whose pairs count for that share (n); everybody's when None.
        seed: Seed of the sampled shortest paths.
    """
    graph = undirected(adjacency)
    length = mean_path_length(graph, seed)
    suggested = suggested_bandwidth(graph, length)
    wanted = suggested if bandwidth is None else bandwidth
    # Entries count paths before they are cut to 1: eight bits would wrap to 0 at 256 common neighbours.
    kernel, used = eye_array(graph.shape[0], dtype=np.int32, format="csr"), 0
    step = csr_array(graph + kernel)
    while used < wanted:
        wider = csr_array(kernel @ step)
        wider.data[:] = 1
        if wider.nnz == kernel.nnz:
            used = wanted
        elif bandwidth is None and used >= 1 and pair_share(wider, among) > max_pair_share:
            break
        else:
            kernel, used = wider, used + 1
    share = pair_share(kernel, among)
    return Neighbourhoods(csr_array(kernel, dtype=np.float64), used, suggested, length, share)


def pair_share(kernel: csr_array, among: Bool | None = None) -> float:
    """Return the share of pairs of different people (those `among`) that a kernel with unit diagonal holds."""
    if among is not None:
        kernel = csr_array(kernel[np.flatnonzero(among)][:, np.flatnonzero(among)])
    n = kernel.shape[0]
    return float((kernel.nnz - n) / max(n * (n - 1), 1))


def positive_part_form(kernel: csr_array, vector: Float, steps: int = LANCZOS_STEPS) -> float:
    """Return v'K⁺v, where K⁺ is K with its negative eigenvalues set to zero.

    Gauss quadrature from the Lanczos process with full reorthogonalisation (Golub & Meurant 1994): K⁺ is never formed,
    so that graphs of tens of thousands of people cost only products with K. Exact when `steps` reaches the dimension.
    """
    norm = float(np.linalg.norm(vector))
    if norm == 0:
        return 0.0
    steps = min(steps, len(vector))
    basis = np.empty((steps + 1, len(vector)))
    basis[0] = vector / norm
    diagonal: list[float] = []
    beside: list[float] = []
    for step in range(steps):
        image = kernel @ basis[step]
        diagonal.append(float(basis[step] @ image))
        span = basis[: step + 1]
        for _ in range(2):
            image = image - span.T @ (span @ image)
        length = float(np.linalg.norm(image))
        if length < 1e-9 * max(1.0, abs(diagonal[0])):
            break
        beside.append(length)
        basis[step + 1] = image / length
    off = beside[: len(diagonal) - 1]
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return norm**2 * float(np.sum(vectors[0] ** 2 * np.maximum(values, 0.0)))


def overlap_form(kernel: csr_array, vector: Float) -> float:
    """Return v'Wv for the overlap kernel W of a 0/1 kernel with unit diagonal: ‖(D^-½ K)'v‖², D its row sums."""
    scaled = vector / np.sqrt(np.asarray(kernel.sum(axis=1)).ravel())
    return float(np.sum((kernel.T @ scaled) ** 2))


def hac_variance(influence: Float, n_rows: int, near: Neighbourhoods, iid: float) -> Variance:
    """Return the network HAC variance of an estimate.

    Args:
        influence: Sum of the (mean-zero) influence values of each person's rows (n_people).
        n_rows: Number of rows the estimate averages over.
        near: Who depends on whom.
        iid: The variance if rows were independent.
    """
    forms = {
        "person": float(influence @ influence),
        "uniform": float(influence @ (near.kernel @ influence)),
        "overlap": overlap_form(near.kernel, influence),
        "truncated": positive_part_form(near.kernel, influence),
    }
    parts = {name: form / n_rows**2 for name, form in forms.items()}
    groups = effective_groups(influence, near.kernel)
    dof = max(groups - 1, LEAST_DOF)
    value = max(parts["person"], parts["uniform"], parts["overlap"]) * (dof + 1) / dof
    return Variance(value, dof, "network_hac", {"iid": iid} | parts)


def effective_groups(influence: Float, kernel: csr_array) -> float:
    """Return G = (Σ ψ_i²)² / Σ_ij K_ij ψ_i² ψ_j²: how many equal, independent groups neighbourhoods are worth.

    Args:
        influence: ψ (n).
        kernel: n x n 0/1 matrix with unit diagonal.

    >>> blocks = csr_array(np.kron(np.eye(4), np.ones((5, 5))))
    >>> round(effective_groups(np.ones(20), blocks), 12)
    4.0
    """
    squares = influence**2
    beside = float(squares @ (kernel @ squares))
    return float(squares.sum()) ** 2 / beside if beside > 0 else float(len(influence))


def cluster_variance(influence: Float, n_rows: int, cluster: Int, iid: float) -> Variance:
    """Return the variance when whole clusters are independent, with few-cluster t (G* - 1 degrees of freedom).

    G* is the number of equal clusters as many as these (`effective_clusters`): with one large cluster among many small
    ones, t with G - 1 degrees of freedom covers too rarely.

    Args:
        influence: Sum of the influence values of each person's rows (n_people).
        n_rows: Number of rows the estimate averages over.
        cluster: Cluster of each person (n_people). Who has none (-1) is a cluster alone; such people do not count
            for G*, so that many of them make no few clusters look like many.
        iid: The variance if rows were independent.
    """
    sums = np.bincount(cluster_codes(cluster), weights=influence)
    groups = effective_clusters(cluster)
    correction = groups / (groups - 1) if groups > 1 else 1.0
    value = float(np.sum(sums**2)) / n_rows**2 * correction
    parts = {"iid": iid, "person": float(influence @ influence) / n_rows**2}
    return Variance(value, max(groups - 1, 0.0), "community_cluster", parts)


def independent_clusters(influence: Float, cluster: Int) -> float:
    """Return the lesser of G* (`effective_clusters`) and G = (Σ_g S_g)² / Σ_g S_g², S_g the sum of ψ_i² in cluster g.

    G is `effective_groups` with all pairs of a cluster in the kernel: 2 where exposure varies in two clusters alone, of
    however many (Carter, Schnepel & Steigerwald 2017).

    >>> cluster, all_of_two = np.repeat(np.arange(9), 4), np.r_[np.ones(8), np.zeros(28)]
    >>> independent_clusters(np.ones(36), cluster), independent_clusters(all_of_two, cluster)
    (9.0, 2.0)
    """
    shares = np.bincount(cluster_codes(cluster), weights=influence**2)
    squares = float(np.sum(shares**2))
    return min(effective_clusters(cluster), float(shares.sum()) ** 2 / squares if squares > 0 else np.inf)


def effective_clusters(cluster: Int) -> float:
    """Return G* = (Σ n_g)² / Σ n_g², n_g the people in cluster g: G for equal clusters, 1 where one holds nearly all.

    >>> effective_clusters(np.repeat([0, 1, 2, 3], 5)), effective_clusters(np.repeat([0, 1], [90, 10])) < 1.3
    (4.0, True)
    """
    _, sizes = np.unique(cluster[cluster >= 0], return_counts=True)
    return float(sizes.sum() ** 2 / np.sum(sizes**2)) if len(sizes) else 0.0


def cluster_codes(cluster: Int) -> Int:
    """Return a code from 0 for each person's cluster; who has none (-1) is one alone."""
    alone = np.where(cluster < 0, -1 - np.arange(len(cluster)), cluster)
    return np.asarray(np.unique(alone, return_inverse=True)[1], dtype=np.int64)


def communities_in(cluster: Int) -> int:
    """Return the number of different communities; -1 stands for none."""
    return len(np.unique(cluster[cluster >= 0]))


def cluster_words(cluster: Int) -> str:
    """Return how many communities there are and, where they are unequal, how many equal ones they are worth."""
    groups, equal = communities_in(cluster), effective_clusters(cluster)
    worth = "" if groups - equal < 0.05 else f" of unequal size, worth {equal:.1f} equal ones"
    return f"{groups} {'community' if groups == 1 else 'communities'}{worth}"


def without_gaps(graph: csr_array, communities: Int) -> Int:
    """Return a cluster for everybody who has a tie, so that nobody tied to others counts as independent of them.

    Communities are found on replies; who is tied by a shared thread alone has none. Such people join the community that
    most of their ties lead to, those next to them follow, and where no tie leads to a community a connected component
    is a cluster. Who has no tie at all keeps -1.

    Args:
        graph: n x n symmetric 0/1 graph without loops.
        communities: Community of each person (n), -1 for none.
    """
    cluster = communities.astype(np.int64)
    while len(joining := np.flatnonzero((cluster < 0) & (graph @ (cluster >= 0) > 0))):
        known = np.flatnonzero(cluster >= 0)
        names, code = np.unique(cluster[known], return_inverse=True)
        member = csr_array((np.ones(len(known)), (known, code)), shape=(len(cluster), len(names)))
        cluster[joining] = names[csr_array(graph[joining] @ member).argmax(axis=1)]
    left = np.flatnonzero((cluster < 0) & (np.diff(graph.indptr) > 0))
    _, component = connected_components(graph[left][:, left], directed=False)
    cluster[left] = cluster.max(initial=-1) + 1 + component
    return cluster


@dataclass(frozen=True, slots=True)
class Dependence:
    """How the intervals of one sample are found: the bandwidth, or communities as clusters, or a reason to refuse.

    Attributes:
        near: Who depends on whom, among everybody with a row or a tie (n_people).
        person: Person of each row, by place among them (n_rows).
        n_people: How many they are.
        cluster: Cluster of each (-1 for who is tied to nobody or has no rows), where communities are clusters.
        refused: Why there is no valid interval, if so.
        declared: Whether the clusters are the analyst's own: then t has G* - 1 degrees of freedom, as is usual; where
            communities stand in for a network, it has fewer when few of them hold the influence.
    """

    near: Neighbourhoods
    person: Int
    n_people: int
    cluster: Int | None
    refused: str | None
    declared: bool = False

    def variance(self, influence: Float) -> Variance:
        """Return the variance of the mean of row influence values (n_rows)."""
        by_person = sum_by(influence, self.person, self.n_people)
        iid = float(influence @ influence) / len(influence) ** 2
        if self.cluster is None:
            return hac_variance(by_person, len(influence), self.near, iid)
        found = cluster_variance(by_person, len(influence), self.cluster, iid)
        if self.declared:
            return found
        return replace(found, dof=max(independent_clusters(by_person, self.cluster) - 1, LEAST_DOF))

    def covariance(self, influence: Float) -> Float:
        """Return the joint covariance (K x K) of K means of row influence values (n_rows x K).

        Standard errors are those each estimate has alone (`variance`); correlations are those of the overlap kernel, or
        of the communities, so the matrix is positive semi-definite.
        """
        sums = np.column_stack([sum_by(column, self.person, self.n_people) for column in influence.T])
        if self.cluster is None:
            spread = np.asarray(self.near.kernel.sum(axis=1))
            roots = self.near.kernel.T @ (sums / np.sqrt(spread.reshape(-1, 1)))
        else:
            code = cluster_codes(self.cluster)
            roots = np.column_stack([np.bincount(code, weights=column) for column in sums.T])
        gram = roots.T @ roots
        length = np.sqrt(np.diag(gram))
        errors = np.array([self.variance(column).se for column in influence.T])
        scale = np.divide(errors, length, out=np.zeros_like(length), where=length > 0)
        return np.asarray(gram * np.outer(scale, scale))

    def dof(self, influence: Float) -> float:
        """Return the least degrees of freedom of the intervals of K means of row influence values (n_rows x K)."""
        sums = [sum_by(column, self.person, self.n_people) for column in influence.T]
        if self.cluster is not None and self.declared:
            return max(effective_clusters(self.cluster) - 1, 0.0)
        if self.cluster is None:
            worth = [effective_groups(psi, self.near.kernel) for psi in sums]
        else:
            worth = [independent_clusters(psi, self.cluster) for psi in sums]
        return max(min(worth) - 1, LEAST_DOF)

    def describe(self) -> dict[str, Any]:
        """Return what the report prints about the bandwidth."""
        return {
            "method": "network_hac" if self.cluster is None else "community_cluster",
            "bandwidth": self.near.bandwidth,
            "suggested_bandwidth": self.near.suggested,
            "mean_path_length": self.near.mean_path_length,
            "pair_share": self.near.pair_share,
        }


def dependence(
    adjacency: csr_array,
    communities: Int,
    person: Int,
    *,
    bandwidth: int | None = None,
    max_pair_share: float = MAX_PAIR_SHARE,
    seed: int = 0,
) -> Dependence:
    """Decide how intervals are found: network HAC; communities as clusters where the graph is too dense; else refuse.

    Distances are taken in the whole graph. Two people whom the same helper answered are two steps apart, also where the
    helper was answered by nobody and therefore has no row.

    Args:
        adjacency: n x n union of pre-outcome ties, people without rows included.
        communities: Community of each person (n), -1 for none.
        person: Person of each row.
        bandwidth: Steps to use, or None for the rule.
        max_pair_share: Share of pairs above which neighbours are too many for network HAC.
        seed: Seed of sampled paths.
    """
    graph = undirected(adjacency)
    with_rows = np.bincount(person, minlength=graph.shape[0]) > 0
    nodes = np.flatnonzero(with_rows | (np.diff(graph.indptr) > 0))
    code, among = np.searchsorted(nodes, person), with_rows[nodes]
    near = neighbourhoods(graph[nodes][:, nodes], bandwidth, max_pair_share=max_pair_share, among=among, seed=seed)
    if bandwidth is not None or near.pair_share <= max_pair_share:
        return Dependence(near, code, len(nodes), None, None)
    cluster = np.where(among, without_gaps(graph[nodes][:, nodes], communities[nodes]), -1)
    refused = None
    if round(effective_clusters(cluster), 6) < FEWEST_COMMUNITIES:
        refused = (
            f"{near.pair_share:.0%} of all pairs of people are direct neighbours and there are only {cluster_words(cluster)}"
            f" (at least {FEWEST_COMMUNITIES} equal ones are needed): no interval is valid on so dense a network"
        )
    return Dependence(near, code, len(nodes), cluster, refused)


def breadth_first_pieces(graph: csr_array, members: Int, weight: Float, most: float) -> list[Int]:
    """Cut `members` into pieces of at most `most` total weight, each of people close to one another in `graph`."""
    sub = csr_array(graph)[members][:, members]
    _, component = connected_components(sub, directed=False)
    order: list[int] = []
    for label in range(component.max() + 1 if len(members) else 0):
        start = int(np.flatnonzero(component == label)[0])
        order.extend(breadth_first_order(sub, start, directed=False, return_predecessors=False).tolist())
    arranged = members[np.asarray(order, dtype=np.int64)]
    cut = np.floor((np.cumsum(weight[arranged]) - weight[arranged] / 2) / most).astype(int)
    return [arranged[cut == piece] for piece in np.unique(cut)]
