"""Folds for cross-fitting that keep people together with those they talk to.

Nuisances fitted on a person's own friends have seen that person's network; so communities are cut into small pieces of
people near one another and whole pieces are dealt to the folds. Each community is spread over all folds, because a
model that never saw a community would have to extrapolate to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.inference import breadth_first_pieces, undirected
from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]

PIECES_PER_FOLD = 6
LEAST_KEPT = 0.5


@dataclass(frozen=True, slots=True)
class Folds:
    """A partition of the rows.

    Attributes:
        fold: Fold of each row (n).
        k: Number of folds.
        train: For each fold the rows to fit on (k arrays of row numbers).
        buffered: Whether rows of people tied to the held-out fold were dropped from training.
        kept_with_buffer: Smallest share of training rows that a buffer would leave.
        ties_within: Share of ties whose ends share a fold.
    """

    fold: Int
    k: int
    train: tuple[Int, ...]
    buffered: bool
    kept_with_buffer: float
    ties_within: float


def graph_folds(person: Int, adjacency: csr_array, communities: Int, *, k: int = 5, seed: int = 0) -> Folds:
    """Deal pieces of each community to k folds; a buffer is kept only where half the training rows survive.

    Args:
        person: Person of each row, as an index of `adjacency`.
        adjacency: n x n graph of people.
        communities: Community of each person (n).
        k: Number of folds.
        seed: Seed of the order in which pieces are dealt.
    """
    graph = undirected(adjacency)
    weight = np.bincount(person, minlength=graph.shape[0]).astype(float)
    of_person = _deal(graph, communities, weight, k, seed)
    fold = of_person[person]
    touching = _touching(graph, of_person, k)
    buffered = [np.flatnonzero((fold != f) & ~touching[f][person]) for f in range(k)]
    plain = [np.flatnonzero(fold != f) for f in range(k)]
    kept = min(len(b) / max(len(p), 1) for b, p in zip(buffered, plain, strict=True))
    use = kept >= LEAST_KEPT
    rows, columns = graph.nonzero()
    within = float(np.mean(of_person[rows] == of_person[columns])) if len(rows) else 1.0
    return Folds(fold, k, tuple(buffered if use else plain), use, float(kept), within)


def _deal(graph: csr_array, communities: Int, weight: NDArray[np.float64], k: int, seed: int) -> Int:
    """Return the fold of each person with rows (others get fold 0, which matters to nobody)."""
    rng = generator(seed, "folds")
    of_person = np.zeros(graph.shape[0], dtype=np.int64)
    load = np.zeros(k)
    most = max(weight.sum() / (k * PIECES_PER_FOLD), 1.0)
    for community in np.unique(communities[weight > 0]):
        members = np.flatnonzero((communities == community) & (weight > 0))
        share = min(most, max(weight[members].sum() / k, 1.0))
        pieces = breadth_first_pieces(graph, members, weight, share)
        here = np.zeros(k)
        for index in rng.permutation(len(pieces)):
            target = int(np.lexsort((load, here))[0])
            of_person[pieces[index]] = target
            heavy = weight[pieces[index]].sum()
            here[target] += heavy
            load[target] += heavy
    return of_person


def _touching(graph: csr_array, of_person: Int, k: int) -> list[Bool]:
    """Return for each fold who has a neighbour in it."""
    member = np.zeros((len(of_person), k))
    member[np.arange(len(of_person)), of_person] = 1
    near = graph @ member
    return [near[:, f] > 0 for f in range(k)]
