"""Small graphs and samples with known truth for the tests of estimation."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, random_array

from causal.estimators import Sample


def ring(n: int) -> csr_array:
    """Return the cycle of n people."""
    here = np.arange(n)
    graph = csr_array((np.ones(n), (here, (here + 1) % n)), shape=(n, n))
    return csr_array(graph + graph.T)


def sparse_graph(n: int, degree: float, rng: np.random.Generator) -> csr_array:
    """Return a random undirected graph of mean degree about `degree`."""
    half = csr_array(random_array((n, n), density=degree / (2 * n), rng=rng))
    return csr_array(((half + half.T) > 0).astype(float))


def confounded(rng: np.random.Generator, n: int = 1000, effect: float = 1.0) -> Sample:
    """Return a sample in which one covariate drives exposure and outcome smoothly; the truth is `effect`."""
    X = rng.normal(size=(n, 3))
    e = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    y = effect * e + X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=n)
    return sample_of(y, e, X, ring(n))


def sample_of(y, e, X, graph, *, person=None, binary=True, communities=None) -> Sample:
    """Return a sample of one row per person, or with the given persons."""
    n = len(y)
    person = np.arange(n) if person is None else person
    communities = np.zeros(graph.shape[0], dtype=np.int64) if communities is None else communities
    names = tuple(f"x{j}" for j in range(X.shape[1]))
    ones = np.ones(n, dtype=np.int64)
    return Sample(y, e, X, names, person, 0 * ones, ones, graph, communities, binary, ("past",) * X.shape[1])


def block_graph(n: int, blocks: int, rng: np.random.Generator, within: float = 0.08, across: float = 0.01):
    """Return an undirected stochastic block graph and the block of each person (S4: .08 within, .01 across)."""
    block = np.arange(n) % blocks
    chance = np.where(block[:, None] == block[None, :], within, across)
    half = np.triu(rng.random((n, n)) < chance, 1)
    return csr_array((half | half.T).astype(float)), block
