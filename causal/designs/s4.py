"""S4, pure homophily: people of a block resemble each other and are tied to each other; influence is 0 unless asked for.

Data-generating process
-----------------------
Block graph of n units in `blocks` equal blocks, ties with chance .08 within and .01 across; W its row-normalised
adjacency; μ_c ~ N(0, 1) for each block c; y0 = μ_c + ε0, ε0 ~ N(0, 1);

    y1 = b Wy0 + .4 y0 + μ_c + .7 ε,    ε ~ N(0, 1).

The treatment is y0 (a measure, not 0 or 1) and the exposure its mean over peers. With b = 0 (default) whatever is found
is homophily: peers' y0 tells of which block a unit is. Who knows the blocks (columns `c1`, ...) can adjust for them;
without them Wy0 is confounded, and no estimator removes that (Shalizi & Thomas 2011).

Truth
-----
`peer`: mean of y1(y0, E+1) - y1(y0, E), `direct` of y1(y0+1, E) - y1(y0, E), `total` of y1(y0+1, E+1) - y1(y0, E), on the
rows with peers, by overwriting y0 or E in the equation above, μ and ε kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causal.designs.simulated import Simulated, assemble, block_graph
from causal.exposure import Proportion
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class S4:
    """Settings of S4.

    Args:
        n: Number of units.
        blocks: Number of blocks.
        b: Effect of the peers' mean: 0 or .3.
        within, across: Chances of a tie.
    """

    n: int = 1000
    blocks: int = 10
    b: float = 0.0
    within: float = 0.08
    across: float = 0.01

    def __post_init__(self) -> None:
        if not 2 <= self.blocks <= self.n:
            raise UsageError("S4 needs at least two blocks, and a unit in each.", remedy="Change blocks or n.")


def simulate(settings: S4, seed: int) -> Simulated:
    """Return the study of `seed`; its covariates tell the block: `c1`, `c2`, ... (0 and 1), all 0 in the first.

    >>> round(simulate(S4(n=200, b=0.3), seed=1).truth["peer"], 12)
    0.3
    """
    rng = generator(seed, "s4")
    block = np.arange(settings.n) % settings.blocks
    links = block_graph(block, settings.within, settings.across, rng)
    mu = rng.normal(size=settings.blocks)[block]
    y0, error = mu + rng.normal(size=settings.n), 0.7 * rng.normal(size=settings.n)

    def outcome(d: Float, e: Float) -> Float:
        return settings.b * e + 0.4 * d + mu + error

    indicators = {f"c{c}": (block == c).astype(float) for c in range(1, settings.blocks)}
    return assemble(outcome, y0, links, Proportion(), indicators, {"u": mu})
