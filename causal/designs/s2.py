"""S2, confounding by own and peers' covariates, with an effect of the treatment that differs between people.

Data-generating process
-----------------------
Random geometric graph of n units, W its row-normalised adjacency. X ~ N(0, I₂); T ~ Bern(π(X, WX)) with
logit π = .6 X₁ + .6 WX₁ - .3 X₂; ε ~ N(0, 1);

    Y = τ(X) T + γ h(T of peers) + X₁ + .5 X₂ + WX₁ + ε,    τ(x) = 1 + .5 x₁.

h is one of

* `count`: Σ_j T_j;
* `threshold`: 1{Σ_j T_j / n_i ≥ .5};
* `similarity`: Σ_j s_ij T_j / Σ_j s_ij, s_ij = exp(-‖X_i - X_j‖² / 2): who resembles i weighs more;
* `motif`: the share of i's pairs of peers who are tied to each other (closed triangles, the ego motif of Yuan,
  Altenburger & Kooti 2021) in which both are treated; 0 for whoever has no such pair.

Truth
-----
`direct`: mean of Y(1, E) - Y(0, E), which is the mean of τ(X), not τ at the mean; `peer`: mean of Y(T, E+1) - Y(T, E),
or Y(T, 1) - Y(T, 0) for the threshold; `total`: both. Each is computed on the rows with peers by overwriting T or E in the
equation above, X and ε kept. (A partially linear slope of T averages τ(X) with weights π(1 - π): beside `count`,
`similarity` and `motif`, `plm` and `ols` estimate something else than `direct`.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.designs.simulated import Simulated, assemble, expit, geometric_graph
from causal.exposure import Count, Mapping, SimilarityWeighted, Threshold, row_normalised
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Peer = Literal["count", "threshold", "similarity", "motif"]


@dataclass(frozen=True, slots=True)
class S2:
    """Settings of S2.

    Args:
        n: Number of units.
        degree: Mean number of peers.
        h: Which mapping of the peers' treatments acts.
        peer: γ, effect of a unit of h.
        heterogeneity: Slope of τ in X₁.
    """

    n: int = 1000
    degree: float = 6.0
    h: Peer = "threshold"
    peer: float = 0.8
    heterogeneity: float = 0.5


@dataclass(frozen=True, slots=True)
class ClosedPairs(Mapping):
    """E_i = share of i's pairs of peers who are tied to each other in which both used the strategy; 0 without pairs."""

    name: ClassVar[str] = "closed_pairs"
    formula: ClassVar[str] = "share of tied pairs of peers of whom both used the strategy"

    def apply(self, adjacency: csr_array, treatment: Float) -> tuple[Float, Int]:
        """Return E (NaN without peers) and n_i for every unit."""
        links = csr_array(csr_array(adjacency) != 0, dtype=float)
        n_peers = np.diff(links.indptr).astype(np.int64)
        treated = links.multiply(np.asarray(treatment, dtype=float)[None, :])
        pairs = (np.asarray((a @ links).multiply(a).sum(axis=1)).ravel() for a in (treated, links))
        both, closed = pairs
        return np.where(n_peers > 0, both / np.maximum(closed, 1), np.nan), n_peers


def mapping_of(h: Peer) -> Mapping:
    """Return the mapping through which peers act in S2."""
    known = {
        "count": Count(),
        "threshold": Threshold(0.5),
        "similarity": SimilarityWeighted(),
        "motif": ClosedPairs(),
    }
    if h not in known:
        raise UsageError(f"S2 has no peer part called {h}.", remedy=f"Known are {', '.join(known)}.")
    return known[h]


def resembling(links: csr_array, X: Float) -> csr_array:
    """Return the ties (n x n) with how much their ends resemble one another: s_ij = exp(-‖X_i - X_j‖² / 2)."""
    rows, columns = links.nonzero()
    alike = np.exp(-np.sum((X[rows] - X[columns]) ** 2, axis=1) / 2)
    return csr_array((alike, (rows, columns)), shape=links.shape)


def simulate(settings: S2, seed: int) -> Simulated:
    """Return the study of `seed`; its covariates are `x1` and `x2`.

    >>> round(simulate(S2(n=200, h="count"), seed=1).truth["peer"], 12)
    0.8
    """
    rng = generator(seed, "s2")
    links = geometric_graph(settings.n, settings.degree, rng)
    X = rng.normal(size=(settings.n, 2))
    x1, x2 = X.T
    theirs: Float = row_normalised(links) @ x1
    tau: Float = 1 + settings.heterogeneity * x1
    rest: Float = x1 + 0.5 * x2 + theirs + rng.normal(size=settings.n)
    d = (rng.random(settings.n) < expit(0.6 * x1 + 0.6 * theirs - 0.3 * x2)).astype(float)

    def outcome(d: Float, e: Float) -> Float:
        return tau * d + settings.peer * e + rest

    seen = resembling(links, X) if settings.h == "similarity" else links
    return assemble(outcome, d, seen, mapping_of(settings.h), {"x1": x1, "x2": x2})
