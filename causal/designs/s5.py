"""S5, a real graph with a confounder from its communities and no effect of anybody on anybody.

Data-generating process
-----------------------
On a given graph (in the benchmark the Pokec friendship network) each community c has U_c ~ N(0, 1);

    D ~ Bern(expit(a U)),    Y = U + ε,    ε ~ N(0, 1),

U being that of the unit's community. Ties run within communities, so that peers' D tells of U: every naive comparison
finds influence. Who knows U (column `u`) can adjust for it; without it no estimator can.

Truth
-----
0 for `direct`, `peer` and `total`: Y(d, e) is the same for every d and e. It is computed as for the other designs, by
overwriting D or E on the rows with peers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from causal.designs.simulated import Simulated, assemble, expit
from causal.exposure import Mapping, Threshold
from causal.inference import undirected
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class S5:
    """Settings of S5.

    Args:
        confounding: a, how strongly the community decides the treatment.
        exposure: The mapping to estimate.
    """

    confounding: float = 1.0
    exposure: Mapping = field(default_factory=Threshold)


def simulate(settings: S5, seed: int, adjacency: csr_array, communities: Int) -> Simulated:
    """Return the study of `seed` on a graph; its covariate is the confounder `u`.

    Args:
        settings: The design.
        seed: Its seed.
        adjacency: n x n, row i holds whom unit i is exposed to.
        communities: Community of each unit (n), such as `causal.arrays.leiden` finds; each unit with -1 is its own.

    Raises:
        UsageError: The communities are not one for each unit.

    >>> ring = csr_array(np.roll(np.eye(60), 1, axis=1))
    >>> simulate(S5(), 1, ring, np.arange(60) // 10).truth
    {'direct': 0.0, 'peer': 0.0, 'total': 0.0}
    """
    n = adjacency.shape[0]
    if communities.shape != (n,):
        raise UsageError(f"{n:,} units need {n:,} communities, not {communities.shape}.")
    rng = generator(seed, "s5")
    _, code = np.unique(np.where(communities < 0, -1 - np.arange(n), communities), return_inverse=True)
    u = rng.normal(size=code.max() + 1)[code]
    d = (rng.random(n) < expit(settings.confounding * u)).astype(float)
    y = u + rng.normal(size=n)
    return assemble(lambda d, e: y, d, adjacency, settings.exposure, {"u": u})


def snowball(adjacency: csr_array, n: int, seed: int) -> csr_array:
    """Return the subgraph (n x n, symmetric 0/1) of the n units nearest to a random one: rates need many small graphs.

    Raises:
        UsageError: Fewer than n units can be reached from it.

    >>> ring = csr_array(np.roll(np.eye(60), 1, axis=1))
    >>> snowball(ring, 10, seed=1).nnz
    18
    """
    graph = undirected(adjacency)
    start = int(generator(seed, "snowball").choice(np.flatnonzero(np.diff(graph.indptr) > 0)))
    reached = breadth_first_order(graph, start, directed=False, return_predecessors=False)
    if len(reached) < n:
        raise UsageError(f"Only {len(reached):,} units can be reached.", remedy="Ask for fewer, or take another seed.")
    chosen = np.sort(reached[:n])
    return csr_array(graph[chosen][:, chosen], dtype=float)
