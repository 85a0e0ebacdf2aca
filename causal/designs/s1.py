"""S1, the semi-synthetic design of NetEst (Jiang & Sun 2022): a real graph with a treatment that is a rule, not a chance.

Data-generating process
-----------------------
Given a graph A (BlogCatalog, Flickr) with W its row-normalised adjacency and topic shares X (n x p) of the units' words,
w_T, w_Y ~ U(-1, 1)^p, σ the logistic function, ε ~ N(0, 1):

    T = 1{π > mean of π},    π = σ(a₁ σ(X w_T) + a₂ W σ(X w_T)),
    Z = W T,
    Y = b₁ T + b₂ σ(X w_Y) + b₃ W σ(X w_Y) + b₄ Z + .1 ε.

T is known exactly from X and WX: nobody could have been treated otherwise, so there is no overlap and weighting must
refuse. What an outcome regression says about the other treatment is extrapolation by its functional form.

Truth
-----
`direct`: mean of Y(1, Z) - Y(0, Z); `peer`: mean of Y(T, Z+1) - Y(T, Z), a peers' share of 1 against 0; `total`: both, on the
rows with peers, by overwriting T or Z in the equation above, X and ε kept.

Reference: Jiang & Sun (2022), *Estimating Causal Effects on Networked Observational Data via Representation Learning*, CIKM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.designs.simulated import Simulated, assemble, expit
from causal.exposure import Mapping, Proportion, row_normalised
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class S1:
    """Settings of S1, by default those of the paper's code.

    Args:
        confounding: a₁, own topics on the treatment.
        peer_confounding: a₂, peers' topics on the treatment.
        direct: b₁.
        covariate: b₂.
        peer_covariate: b₃.
        peer: b₄, effect of the share of treated peers.
        noise: Standard deviation of the error.
    """

    confounding: float = 1.0
    peer_confounding: float = 1.0
    direct: float = 1.0
    covariate: float = 1.0
    peer_covariate: float = 0.5
    peer: float = 1.0
    noise: float = 0.1


def simulate(
    settings: S1, seed: int, adjacency: csr_array, topics: Float, exposure: Mapping = Proportion()
) -> Simulated:
    """Return the study of `seed` on a graph; its covariates are the topics `x0`, `x1`, ...

    Args:
        settings: The design.
        seed: Its seed.
        adjacency: n x n, row i holds whom unit i is exposed to.
        topics: X (n x p); the paper takes 10 topics of latent Dirichlet allocation.
        exposure: The mapping that acts; the paper's is the share of treated peers.

    Raises:
        UsageError: There is not one row of topics for each unit.
    """
    n = adjacency.shape[0]
    if len(topics) != n:
        raise UsageError(f"{n:,} units need {n:,} rows of topics, not {len(topics):,}.")
    rng = generator(seed, "s1")
    W = row_normalised(csr_array(csr_array(adjacency) != 0, dtype=float))
    w_t, w_y = 2 * rng.random((2, topics.shape[1])) - 1
    to_treatment, to_outcome = expit(topics @ w_t), expit(topics @ w_y)
    chance = expit(settings.confounding * to_treatment + settings.peer_confounding * (W @ to_treatment))
    rest: Float = settings.covariate * to_outcome + settings.peer_covariate * (W @ to_outcome)
    rest = rest + settings.noise * rng.normal(size=n)

    def outcome(d: Float, e: Float) -> Float:
        return settings.direct * d + settings.peer * e + rest

    named = {f"x{j}": topics[:, j] for j in range(topics.shape[1])}
    return assemble(outcome, (chance > chance.mean()).astype(float), adjacency, exposure, named)
