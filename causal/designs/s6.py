"""S6, the linear-in-means model of Bramoullé, Djebbari & Fortin (2009), with known structural and counterfactual truth.

Data-generating process
-----------------------
* An undirected graph of n people: random ties with the given mean degree, or complete groups of equal size. W is its
  adjacency with rows divided by their sums; who has no ties has a row of zeros.
* x_i ~ N(0, 1), plus `homophily` times a trait that people of the same one of eight blocks share; ties within a block are
  ten times as likely when `homophily` is above 0.
* y = ρ W y + β x + γ W x + ε, that is y = (I - ρW)⁻¹ (xβ + Wxγ + ε), ε ~ N(0, noise²).

What it is for: with `degree` growing, W x loses variation and 2SLS must refuse (Hayes & Levin 2024); with `groups`, I, W
and W² are linearly dependent and nothing is identified; with ρβ + γ = 0 the instruments are irrelevant.

Truth
-----
`endogenous` ρ, `own:x` β and `contextual:x` γ are structural parameters. `total:x` is computed by counterfactual on the
same rows: everybody's x raised by 1, the new equilibrium less the old one, averaged over people with peers. It is
(β + γ)/(1 - ρ) because undirected peers have peers themselves.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.exposure import row_normalised
from causal.inference import undirected
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]

BLOCKS = 8
WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class S6World:
    """One world of S6.

    Attributes:
        units: Table of n rows with columns `y` and `x`.
        adjacency: n x n, 0/1, symmetric.
        truth: Truth by estimand.
    """

    units: pa.Table
    adjacency: csr_array
    truth: dict[str, float]


@dataclass(frozen=True, slots=True)
class S6:
    """Settings of the design (see the module's text).

    Args:
        n: People.
        degree: Mean number of peers.
        rho: ρ, effect of the peers' mean outcome, between -1 and 1.
        beta: β, effect of the own covariate.
        gamma: γ, effect of the peers' mean covariate.
        noise: Standard deviation of ε.
        groups: Size of complete groups in place of random ties; None for random ties.
        homophily: Standard deviation of the trait that blocks share.

    >>> world = S6(n=200).simulate(seed=1)
    >>> sorted(world.truth)
    ['contextual:x', 'endogenous', 'own:x', 'total:x']
    """

    n: int = 1000
    degree: float = 5.0
    rho: float = 0.3
    beta: float = 1.0
    gamma: float = 0.5
    noise: float = 1.0
    groups: int | None = None
    homophily: float = 0.0

    def __post_init__(self) -> None:
        if not -1 < self.rho < 1:
            raise UsageError("ρ must lie between -1 and 1: otherwise the model has no equilibrium.")
        if not 0 < self.degree < self.n:
            raise UsageError("The mean degree lies between 0 and n.")

    def simulate(self, seed: int) -> S6World:
        """Return the world of a seed."""
        rng = generator(seed, "S6")
        block = rng.integers(BLOCKS, size=self.n)
        graph = self._graph(block, rng)
        x = rng.normal(size=self.n) + self.homophily * rng.normal(size=BLOCKS)[block]
        W, shocks = row_normalised(graph), self.noise * rng.normal(size=self.n)
        y = self._outcome(W, x, shocks)
        tied = np.diff(graph.indptr) > 0
        total = float(np.mean((self._outcome(W, x + 1, shocks) - y)[tied])) if tied.any() else self.beta
        truth = {"endogenous": self.rho, "own:x": self.beta, "contextual:x": self.gamma, "total:x": total}
        return S6World(pa.table({"y": y, "x": x}), graph, truth)

    def _graph(self, block: NDArray[np.int64], rng: np.random.Generator) -> csr_array:
        if self.groups is not None:
            group = np.arange(self.n) // self.groups
            return undirected(csr_array(group[:, None] == group[None, :])).astype(float)
        same = block[:, None] == block[None, :]
        weight = np.where(same, WITHIN, 1.0) if self.homophily > 0 else np.ones((self.n, self.n))
        chance = np.minimum(weight * self.degree / (self.n * weight.mean()), 1.0)
        return undirected(csr_array(np.triu(rng.random((self.n, self.n)) < chance, 1))).astype(float)

    def _outcome(self, W: csr_array, x: Float, shocks: Float) -> Float:
        return equilibrium(W, self.rho, self.beta * x + self.gamma * (W @ x) + shocks)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings, as benchmarks record them."""
        return asdict(self)


def equilibrium(W: csr_array, rho: float, source: Float) -> Float:
    """Return (I - ρW)⁻¹ source, by the series that converges for |ρ| < 1 (to 1e-13 of the largest entry)."""
    y, term = source.copy(), source
    while np.abs(term).max() > 1e-13 * max(np.abs(y).max(), 1e-300):
        term = rho * (W @ term)
        y = y + term
    return y
