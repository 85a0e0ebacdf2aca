"""An order of units that their data and ties decide, so that results do not follow the order they were given in.

Folds, communities and sampled paths take units one after the other. Renaming the units must not move an estimate, so
they are first brought into an order that every naming shares: by a hash of their covariates, refined by the hashes of
those they are tied to (colour refinement, Weisfeiler & Leman 1968). A hash keeps nothing of the size of a value, so
neighbours in this order are not alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Hash = NDArray[np.uint64]

ROUNDS = 4  # what is beyond four steps tells hardly any two units apart that the nearer does not


def unit_order(links: csr_array, covariates: Float, others: Float) -> Int:
    """Return the tied units, in an order that does not depend on how they are numbered or what they are measured in.

    Units alike in covariates and in ties up to `ROUNDS` steps away are told apart by `others`; who is alike in that,
    too, keeps the order given, which can matter to nothing but the ties further away.

    Args:
        links: n x n; row i holds whom unit i is exposed to. Values are not used.
        covariates: n x p.
        others: n x q: outcome and treatment.

    >>> ring = csr_array(np.roll(np.eye(4), 1, axis=1))
    >>> given = np.array([[3.0], [1.0], [4.0], [1.5]])
    >>> order = unit_order(ring, given, given)
    >>> there = unit_order(csr_array(ring[order][:, order]), 10 * given[order], given[order])
    >>> there.tolist()
    [0, 1, 2, 3]
    """
    out = csr_array(links != 0, dtype=np.uint64)
    into = csr_array(out.T)
    tied = np.flatnonzero((np.diff(out.indptr) > 0) | (np.diff(into.indptr) > 0))
    out, into = out[tied][:, tied], into[tied][:, tied]
    colour = _of_ranks(covariates[tied])
    for _ in range(ROUNDS):
        colour = _mixed(colour + _mixed(out @ _mixed(colour + np.uint64(1))) + (into @ _mixed(colour + np.uint64(2))))
    apart = _mixed(colour + _of_ranks(others[tied]))
    return np.asarray(tied[np.lexsort((apart, colour))], dtype=np.int64)


def _of_ranks(columns: Float) -> Hash:
    """Return a hash of the dense ranks of each row's values, which no unit of measurement changes (n)."""
    found = np.zeros(len(columns), dtype=np.uint64)
    for column in columns.T:
        rank = np.unique(column, return_inverse=True)[1].astype(np.uint64)
        found = _mixed(found + rank + np.uint64(1))
    return found


def _mixed(values: Hash) -> Hash:
    """Return a bijective hash of each value (the finaliser of SplitMix64, Steele, Lea & Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
