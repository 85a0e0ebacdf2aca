"""Networks of which some ties are not seen: each tie is kept with the same chance, whoever's it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.events import TieEvents
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]

MOST_MISSING = 0.5  # above it unbiased moments swing between signs, ever wider with the number of observed peers


def share_kept(missing: float) -> float:
    """Return q = 1 - missing.

    Raises:
        UsageError: A share that is none, or all of the ties.
    """
    if not 0 <= missing < 1:
        raise UsageError(
            "The share of missing ties is at least 0 and below 1.", remedy="Give 0.2 where a fifth of them is missing."
        )
    return 1 - missing


def observed(adjacency: csr_array, kept: float, seed: int) -> csr_array:
    """Return a network of which each tie is kept with chance `kept`; both directions of a mutual tie stay or go together.

    Args:
        adjacency: n x n, row i holds whom i is exposed to; values stay as they are.
        kept: q, above 0 and at most 1.
        seed: Names the draw.

    >>> ring = csr_array(np.roll(np.eye(40), 1, axis=1) + np.roll(np.eye(40), -1, axis=1))
    >>> thinner = observed(ring, 0.5, seed=0)
    >>> thinner.nnz < ring.nnz, abs(thinner - thinner.T).nnz, observed(ring, 1.0, seed=0).nnz == ring.nnz
    (True, 0, True)

    Raises:
        UsageError: `kept` is no such share.
    """
    links = csr_array(adjacency, copy=True)
    links.sum_duplicates()
    links.eliminate_zeros()
    rows = np.repeat(np.arange(links.shape[0]), np.diff(links.indptr))
    links.data = np.where(_stay(rows, links.indices, links.shape[0], kept, seed), links.data, 0)
    links.eliminate_zeros()
    return links


def observed_events(ties: TieEvents, people: int, kept: float, seed: int) -> TieEvents:
    """Return the ties of a panel (m) without those of the pairs of people that are lost, at all times alike."""
    stays = _stay(ties.ego, ties.peer, people, kept, seed)
    return TieEvents(ties.ego[stays], ties.peer[stays], ties.time[stays])


def _stay(one: Int, other: Int, n: int, kept: float, seed: int) -> Bool:
    """Return which ties stay (m), all of a pair of people together."""
    if not 0 < kept <= 1:
        raise UsageError("The share of ties that is kept is above 0 and at most 1.", remedy="Give 0.8, for example.")
    pairs = np.minimum(one, other).astype(np.int64) * n + np.maximum(one, other)
    names, pair = np.unique(pairs, return_inverse=True)
    return np.asarray((generator(seed, "missing ties").random(len(names)) < kept)[pair], dtype=bool)
