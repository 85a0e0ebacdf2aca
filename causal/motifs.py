"""Shapes among the peers who expose a person: who of them are tied, and how many groups they form.

Ugander, Backstrom, Marlow & Kleinberg (2012), *Structural diversity in social contagion*: whether a behaviour is taken
up may depend less on how many peers show it than on how many unconnected contexts they come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shape:
    """The graph of ties among the exposing peers of each of r rows.

    Attributes:
        tied_pairs: Pairs of exposing peers who are tied to one another (r).
        isolated: Exposing peers tied to no other exposing peer (r).
        groups: Connected components (r).
    """

    tied_pairs: Int
    isolated: Int
    groups: Int


def of_exposing_peers(peers: csr_array, used: Float, ties: csr_array) -> Shape:
    """Return the shape of each row.

    Args:
        peers: r x n, 1 where row i sees person j.
        used: Whether each person used the strategy (n).
        ties: n x n, symmetric 0/1 without loops: who was tied to whom.
    """
    r, n = peers.shape
    row, peer = peers.nonzero()
    kept = np.asarray(used)[peer] > 0
    key = np.sort(row[kept].astype(np.int64) * n + peer[kept])
    one, other = _tied(key, ties, n)
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(key), len(key)))
    _, component = connected_components(graph, directed=False)
    of_row = key // n
    first = np.unique(component, return_index=True)[1]
    alone = np.bincount(one, minlength=len(key)) == 0
    return Shape(
        tied_pairs=np.bincount(of_row[one], minlength=r) // 2,
        isolated=np.bincount(of_row[alone], minlength=r),
        groups=np.bincount(of_row[first], minlength=r),
    )


def _tied(key: Int, ties: csr_array, n: int) -> tuple[Int, Int]:
    """Return the ends of the ties inside the rows, both ways, as places in `key` (row * n + peer, ascending)."""
    peer = key % n
    degree = np.diff(ties.indptr)[peer]
    one = np.repeat(np.arange(len(key)), degree)
    offset = np.arange(len(one)) - np.repeat(np.cumsum(degree) - degree, degree)
    wanted = key[one] - peer[one] + ties.indices[ties.indptr[peer[one]] + offset]
    other = np.searchsorted(key, wanted)
    inside = other < len(key)
    inside[inside] = key[other[inside]] == wanted[inside]
    return one[inside], other[inside].astype(np.int64)
