"""How good a partition of an undirected weighted network is, in plain NumPy: modularity and codelength.

An edge list is given as `u`, `v` (m node numbers each, every undirected edge once, no self-loops), `weight` (m) and
`label` (n community numbers).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def modularity(u: Integers, v: Integers, weight: Floats, label: Integers, resolution: float = 1.0) -> float:
    """Return Newman's modularity Q = sum_c [ w_c / W - resolution (s_c / 2W)^2 ] (0.0 for a network without edges).

    W is the total weight, w_c the weight inside community c and s_c the summed strength of its members (Newman 2004,
    doi:10.1103/PhysRevE.69.066133; resolution: Reichardt and Bornholdt 2006).

    >>> import numpy as np
    >>> round(modularity(np.array([0, 2]), np.array([1, 3]), np.ones(2), np.array([0, 0, 1, 1])), 3)
    0.5
    """
    total = float(weight.sum())
    if total == 0:
        return 0.0
    inside = float(weight[label[u] == label[v]].sum())
    volume = np.bincount(label, weights=strengths(u, v, weight, len(label))) / (2 * total)
    return inside / total - resolution * float(volume @ volume)


def map_equation(u: Integers, v: Integers, weight: Floats, label: Integers) -> float:
    """Return the two-level map equation's codelength in bits per step of an undirected random walk.

    L = plogp(q) - 2 sum_c plogp(q_c) - sum_i plogp(p_i) + sum_c plogp(q_c + p_c), where p_i = s_i / 2W is the visit
    rate of node i, p_c their sum over community c, q_c the rate at which c is left and q = sum_c q_c (Rosvall, Axelsson
    and Bergstrom 2009, doi:10.1140/epjst/e2010-01179-1, equation 4). 0.0 for a network without edges.

    >>> import numpy as np
    >>> map_equation(np.array([0]), np.array([1]), np.ones(1), np.array([0, 0]))
    1.0
    """
    total = float(weight.sum())
    if total == 0:
        return 0.0
    visits = strengths(u, v, weight, len(label)) / (2 * total)
    members = np.bincount(label, weights=visits)
    across = label[u] != label[v]
    leaving = np.bincount(
        np.concatenate([label[u[across]], label[v[across]]]),
        weights=np.tile(weight[across], 2),
        minlength=len(members),
    ) / (2 * total)
    terms = _plogp(leaving.sum()) - 2 * _plogp(leaving) - _plogp(visits) + _plogp(leaving + members)
    return float(terms)


def strengths(u: Integers, v: Integers, weight: Floats, n: int) -> Floats:
    """Return the summed weight of each node's edges (n)."""
    return np.asarray(np.bincount(u, weight, n) + np.bincount(v, weight, n), dtype=np.float64)


def adjusted_rand(a: Integers, b: Integers) -> float:
    """Return the adjusted Rand index of two labellings of the same n things (Hubert and Arabie 1985).

    1 for identical partitions, about 0 for unrelated ones; 1.0 when neither distinguishes anything.

    >>> import numpy as np
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))
    1.0
    """
    width = int(b.max(initial=0)) + 1
    both = _pairs(np.unique(a * width + b, return_counts=True)[1])
    of_a, of_b = (_pairs(np.unique(x, return_counts=True)[1]) for x in (a, b))
    pairs = len(a) * (len(a) - 1) / 2
    chance = of_a * of_b / pairs if pairs else 0.0
    largest = (of_a + of_b) / 2
    return 1.0 if largest == chance else (both - chance) / (largest - chance)


def _pairs(counts: Integers) -> float:
    return float((counts * (counts - 1)).sum() / 2)


def _plogp(p: Floats | np.float64) -> float:
    values = np.atleast_1d(p)
    values = values[values > 0]
    return float((values * np.log2(values)).sum())
