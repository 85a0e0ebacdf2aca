"""S3, network-correlated errors: intervals for independent rows are too narrow here, and by how much is known.

Data-generating process
-----------------------
Random geometric graph of n units, W its row-normalised adjacency. X ~ N(0, 1); T ~ Bern(expit(.5 X + .5 WX));
E = f(T of peers); u ~ N(0, 1);

    Y = T + .8 E + X + .5 WX + e,    e = Σ_{k≤3} ρ^k W^k u.

E of two units that share peers is correlated, and so are their errors. With the default degree and ρ the variance of
the least-squares slope of the proportion is 2.4 times what independent rows would give, so that an iid interval of 95%
covers about .80.

Truth
-----
`direct`: mean of Y(1, E) - Y(0, E); `peer`: mean of Y(T, E+1) - Y(T, E), or Y(T, 1) - Y(T, 0) for a binary mapping;
`total`: both. Each is computed on the rows with peers by overwriting T or E in the equation above, X and e kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.designs.simulated import Simulated, assemble, expit, geometric_graph
from causal.exposure import Mapping, Proportion, row_normalised
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class S3:
    """Settings of S3.

    Args:
        n: Number of units.
        degree: Mean number of peers.
        rho: ρ, how far errors spread.
        direct: Effect of the own treatment.
        peer: Effect of a unit of exposure.
        exposure: The mapping f.
    """

    n: int = 1000
    degree: float = 8.0
    rho: float = 0.7
    direct: float = 1.0
    peer: float = 0.8
    exposure: Mapping = field(default_factory=Proportion)


def simulate(settings: S3, seed: int) -> Simulated:
    """Return the study of `seed`; its covariate is `x`.

    >>> round(simulate(S3(n=200), seed=1).truth["peer"], 12)
    0.8
    """
    rng = generator(seed, "s3")
    links = geometric_graph(settings.n, settings.degree, rng)
    W = row_normalised(links)
    x, u = rng.normal(size=(2, settings.n))
    theirs: Float = W @ x
    rest: Float = x + 0.5 * theirs + spread(u, W, settings.rho)
    d = (rng.random(settings.n) < expit(0.5 * x + 0.5 * theirs)).astype(float)

    def outcome(d: Float, e: Float) -> Float:
        return settings.direct * d + settings.peer * e + rest

    return assemble(outcome, d, links, settings.exposure, {"x": x})


def spread(u: Float, W: csr_array, rho: float, steps: int = 3) -> Float:
    """Return Σ_{k ≤ steps} ρ^k W^k u (n)."""
    total, term = u.copy(), u
    for _ in range(steps):
        term = rho * (W @ term)
        total += term
    return total
