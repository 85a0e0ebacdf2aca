"""Communities: one canonical partition per method, the same on every rerun, and how much it depends on chance.

networkit's parallel Leiden may return communities that are not connected and may differ between reruns on several
threads. The canonical partition is therefore found on one thread with a fixed seed, split into connected pieces, and
verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from copenet.foundation.errors import DefectError, InputError, UsageError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import integer_seed
from copenet.foundation.tables import conform
from graph.codelength import Floats, Integers, adjusted_rand, map_equation, modularity
from graph.schema import COMMUNITIES

METHODS = ("leiden", "map_equation")
_LEIDEN_ROUNDS = 10
_MAP_EQUATION_ROUNDS = 32


@dataclass(frozen=True, slots=True)
class Network:
    """An undirected weighted network without self-loops.

    Attributes:
        people: n author ids.
        u, v: m node numbers each, u < v, every pair once.
        weight: m replies in either direction.
    """

    people: pa.Array
    u: Integers
    v: Integers
    weight: Floats


@dataclass(frozen=True, slots=True)
class CommunityResult:
    """One partition of the people who have a tie.

    Attributes:
        table: `COMMUNITIES`, one row per person, sorted by person.
        method: `leiden` or `map_equation`.
        resolution: Of Leiden's modularity; 1.0 for the map equation, which has none.
        n: Number of communities.
        sizes: People in each, largest first (community c has sizes[c] people).
        modularity: At resolution 1, whatever the partition was found with.
        codelength: Two-level map equation, bits per step.
        split: Communities of the algorithm that were not connected and were split.
    """

    table: pa.Table
    method: str
    resolution: float
    n: int
    sizes: tuple[int, ...]
    modularity: float
    codelength: float
    split: int


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of partitions found with different seeds: adjusted Rand index over all pairs of seeds."""

    method: str
    seeds: int
    mean: float
    lowest: float


def communities(
    ties: pa.Table,
    method: str = "leiden",
    seed: int = 0,
    resolution: float = 1.0,
    *,
    order: pa.Array | None = None,
) -> CommunityResult:
    """Return the canonical partition of the people in `ties`.

    Replies in both directions and all windows are added up into one undirected weight. Labels: 0 is the largest
    community, ties in size are broken by the member who comes first in `order`.

    Args:
        ties: `USER_TIES`, or `TIES` (of which only the channel `replied_to` counts).
        method: `leiden` (Traag, Waltman and van Eck 2019, doi:10.1038/s41598-019-41695-z) or `map_equation` (Rosvall
            and Bergstrom 2008, doi:10.1073/pnas.0706851105; networkit's LouvainMapEquation, sequential).
        seed: Same seed, same partition, on any number of threads.
        resolution: Leiden's gamma, above 0; higher gives smaller communities.
        order: People in the order in which the algorithm meets them; those who are not in it come last, by id.
            `graph.ties.arrivals` gives one that does not depend on how people are called, so that another key gives
            the same partition.

    Raises:
        UsageError: An unknown method, or a resolution that does not go with it.
        InputError: No ties.
    """
    _check(method, resolution)
    network = undirected(ties, order)
    found = _detect(network, method, seed, resolution)
    label = connected_pieces(network, found)
    split = len(np.unique(label)) - len(np.unique(found))
    label = _by_size(label)
    _verify(network, label)
    sizes = tuple(int(x) for x in np.bincount(label))
    columns = {"author_id": network.people, "method": pa.array([method] * len(label)), "community": pa.array(label)}
    return CommunityResult(
        table=conform(pa.table(columns).sort_by("author_id"), COMMUNITIES),
        method=method,
        resolution=resolution,
        n=len(sizes),
        sizes=sizes,
        modularity=modularity(network.u, network.v, network.weight, label),
        codelength=map_equation(network.u, network.v, network.weight, label),
        split=split,
    )


def stability(
    ties: pa.Table,
    method: str = "leiden",
    seed: int = 0,
    resolution: float = 1.0,
    *,
    seeds: int = 20,
    order: pa.Array | None = None,
    progress: Progress = SILENT,
) -> Stability:
    """Return the agreement of the partitions found with `seeds` different seeds (adjusted Rand index, all pairs).

    Raises:
        UsageError: Fewer than two seeds, or as `communities`.
        InputError: No ties.
    """
    _check(method, resolution)
    if seeds < 2:
        raise UsageError("Stability compares at least two seeds.", remedy="Pass seeds=2 or more.")
    network = undirected(ties, order)
    with progress.task("community stability", seeds, "partitions") as task:
        labels = []
        for number in range(seeds):
            chosen = integer_seed(seed, "stability", number)
            labels.append(connected_pieces(network, _detect(network, method, chosen, resolution)))
            task.advance()
    scores = [adjusted_rand(a, b) for a, b in combinations(labels, 2)]
    return Stability(method, seeds, float(np.mean(scores)), float(np.min(scores)))


def undirected(ties: pa.Table, order: pa.Array | None = None) -> Network:
    """Return the undirected network of replies: weights of both directions (and all windows) added up.

    Raises:
        InputError: There is no tie between two different people.
    """
    if "channel" in ties.column_names:
        ties = ties.filter(pa.compute.equal(ties.column("channel"), "replied_to"))
    ends = [ties.column(name).combine_chunks() for name in ("source_author", "target_author")]
    people = _nodes(pa.concat_arrays(ends).unique(), order)
    i, j = (pa.compute.index_in(end, value_set=people).to_numpy(zero_copy_only=False).astype(np.int64) for end in ends)
    apart = i != j
    pairs = np.minimum(i, j)[apart] * len(people) + np.maximum(i, j)[apart]
    distinct, inverse = np.unique(pairs, return_inverse=True)
    if not len(distinct):
        raise InputError("There are no ties between people.", remedy="Check the quality report: were parents found?")
    weight = np.bincount(inverse, ties.column("n").to_numpy()[apart].astype(np.float64)).astype(np.float64)
    return Network(people, distinct // len(people), distinct % len(people), weight)


def _nodes(people: pa.Array, order: pa.Array | None) -> pa.Array:
    first = pa.array([], people.type) if order is None else order.unique()
    first = first.filter(pa.compute.is_in(first, value_set=people))
    rest = people.filter(pa.compute.invert(pa.compute.is_in(people, value_set=first)))
    return pa.concat_arrays([first, rest.sort()])


def connected_pieces(network: Network, label: Integers) -> Integers:
    """Return `label` refined so that every community is connected inside (n labels from 0)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    inside = label[network.u] == label[network.v]
    n = len(label)
    links = coo_array((np.ones(int(inside.sum())), (network.u[inside], network.v[inside])), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _check(method: str, resolution: float) -> None:
    if method not in METHODS:
        raise UsageError(f"Unknown community method; known are {', '.join(METHODS)}.", remedy="Choose one of them.")
    if not resolution > 0:
        raise UsageError("The resolution must be above 0.", remedy="Use 1.0 unless you have a reason not to.")
    if method == "map_equation" and resolution != 1.0:
        raise UsageError("The map equation has no resolution.", remedy="Leave resolution at 1.0, or use leiden.")


def _detect(network: Network, method: str, seed: int, resolution: float) -> Integers:
    import networkit

    with _one_thread(networkit, seed):
        coordinates = (network.weight, (network.u, network.v))
        graph = networkit.GraphFromCoo(coordinates, n=len(network.people), weighted=True, directed=False)
        if method == "leiden":
            algorithm = networkit.community.ParallelLeiden(
                graph, randomize=True, iterations=_LEIDEN_ROUNDS, gamma=resolution
            )
        else:
            algorithm = networkit.community.LouvainMapEquation(graph, False, _MAP_EQUATION_ROUNDS, "none")
        algorithm.run()
        return np.asarray(algorithm.getPartition().getVector(), dtype=np.int64)


@contextmanager
def _one_thread(networkit: Any, seed: int) -> Iterator[None]:
    """Run networkit on one thread under `seed`, the only way it repeats itself; its seed is global by design."""
    before = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(1)
    networkit.setSeed(integer_seed(seed, "communities"), False)
    try:
        yield
    finally:
        networkit.setNumberOfThreads(before)


def _by_size(label: Integers) -> Integers:
    """Renumber communities: largest first, then by the member who comes first."""
    _, first, inverse, counts = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.lexsort((first, -counts))] = np.arange(len(first))
    return rank[inverse]


def _verify(network: Network, label: Integers) -> None:
    pieces = len(np.unique(connected_pieces(network, label)))
    if pieces != len(np.unique(label)):
        raise DefectError("A community is not connected after splitting.")
