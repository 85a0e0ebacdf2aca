"""What the array designs S1 to S5 share: the simulated study with its truth, the graphs, and neighbour means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from causal.exposure import Mapping
from copenet.foundation.errors import UsageError

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated study: what an estimator on arrays takes, and what it should find.

    Attributes:
        units: Table of n rows with `y` (outcome), `d` (own treatment), `e` (exposure; null without peers) and the
            covariates.
        adjacency: n x n, row i holds whom unit i is exposed to.
        exposure: The mapping through which peers act.
        covariates: Columns which, with their peers' means, make exposure as good as random. What else the table holds
            (`community`, `u`) is there for those who want to know.
        truth: The estimands of `causal.arrays` by name (`direct`, `peer`, `total`), computed by counterfactual
            simulation on the rows with peers: each row's own treatment or exposure is overwritten, its errors kept.
    """

    units: pa.Table
    adjacency: csr_array
    exposure: Mapping
    covariates: tuple[str, ...]
    truth: dict[str, float]


def assemble(
    outcome: Callable[[Float, Float], Float],
    d: Float,
    adjacency: csr_array,
    exposure: Mapping,
    covariates: dict[str, Float],
    hidden: dict[str, Float] | None = None,
) -> Simulated:
    """Draw the outcome of every unit and compute the truth.

    Args:
        outcome: Y(d, e) of all units (n), errors included.
        d: Own treatment (n).
        adjacency: n x n, whom each unit is exposed to.
        exposure: The mapping of the peers' treatments.
        covariates: What is to be adjusted for, by name (n each).
        hidden: Further columns.
    """
    e, n_peers = exposure.apply(adjacency, d)
    met = np.nan_to_num(e)
    columns = {"y": outcome(d, met), "d": d, "e": pa.array(e, from_pandas=True)} | covariates | (hidden or {})
    truth = contrasts(outcome, d, met, n_peers > 0, binary=exposure.binary)
    return Simulated(pa.table(columns), adjacency, exposure, tuple(covariates), truth)


def contrasts(
    outcome: Callable[[Float, Float], Float], d: Float, e: Float, rows: Bool, *, binary: bool
) -> dict[str, float]:
    """Return direct, peer and total effect over `rows` by overwriting d and e in Y(d, e).

    A treatment or exposure of 0 and 1 is set to 1 and to 0; any other is raised by one unit, which for an outcome
    linear in it is the slope.

    >>> contrasts(lambda d, e: 2 * d + 3 * e, np.array([0.0, 1.0]), np.array([0.5, 0.2]), np.ones(2, bool), binary=False)
    {'direct': 2.0, 'peer': 3.0, 'total': 5.0}
    """
    d0, d1 = _ends(d, binary=bool(np.isin(d, (0.0, 1.0)).all()))
    e0, e1 = _ends(e, binary=binary)
    pairs = {"direct": ((d1, e), (d0, e)), "peer": ((d, e1), (d, e0)), "total": ((d1, e1), (d0, e0))}
    return {name: float(np.mean((outcome(*one) - outcome(*other))[rows])) for name, (one, other) in pairs.items()}


def _ends(values: Float, *, binary: bool) -> tuple[Float, Float]:
    return (np.zeros_like(values), np.ones_like(values)) if binary else (values, values + 1)


def geometric_graph(n: int, degree: float, rng: np.random.Generator) -> csr_array:
    """Return a random geometric graph on the torus (symmetric n x n, 0/1): ties within a radius, `degree` on average.

    Neighbours share neighbours, as in the simulations of Leung (2022), so that dependence spreads and then ends.
    """
    if n < 2 or not 0 < degree < n - 1:
        raise UsageError("A graph needs two units and a mean degree between 0 and n - 1.", remedy="Change n or degree.")
    tree = cKDTree(rng.random((n, 2)), boxsize=1.0)
    return symmetric(tree.query_pairs(np.sqrt(degree / (np.pi * n)), output_type="ndarray"), n)


def block_graph(block: Int, within: float, across: float, rng: np.random.Generator) -> csr_array:
    """Return a stochastic block graph (symmetric n x n, 0/1) in which ties have chance `within` and `across` blocks."""
    first, second = np.triu_indices(len(block), 1)
    tied = rng.random(len(first)) < np.where(block[first] == block[second], within, across)
    return symmetric(np.column_stack([first, second])[tied], len(block))


def symmetric(pairs: Int, n: int) -> csr_array:
    """Return the 0/1 matrix (n x n) of undirected ties given as pairs (m x 2)."""
    half = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return csr_array(half + half.T)


def expit(x: Float) -> Float:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)), dtype=float)
