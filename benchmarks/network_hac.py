"""Network HAC standard errors: ours beside networkinference, on the same regression, graph and bandwidth, in one run.

    python benchmarks/network_hac.py [--n 3000] [--degree 10]

The peer holds all path distances in a dense matrix; with --n 10000 it needs some minutes and several gigabytes. Both
must agree to 1e-6, or the script fails. The last line printed is one JSON document; `ratio` is peer seconds over ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from typing import Any

import networkinference
import networkx as nx
import numpy as np
from scipy.sparse import csr_array

from causal.inference import hac_variance, neighbourhoods
from copenet.foundation.seeds import generator


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that `work` took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def theirs(y: np.ndarray, x: np.ndarray, graph: nx.Graph, bandwidth: int) -> np.ndarray:
    """Return the standard errors of the peer."""
    model = networkinference.OLS(y, x[:, None], graph)
    model.network_se(b=bandwidth, verbose=False)
    return np.asarray(model.network_se_result)


def ours(y: np.ndarray, x: np.ndarray, adjacency: csr_array, bandwidth: int) -> dict[str, np.ndarray]:
    """Return our standard errors by kernel."""
    regressors = np.column_stack([np.ones(len(y)), x])
    inverse = np.linalg.pinv(regressors)
    residual = y - regressors @ (inverse @ y)
    near = neighbourhoods(adjacency, bandwidth)
    found = [hac_variance(len(y) * inverse[j] * residual, len(y), near, 0.0).parts for j in range(2)]
    return {kind: np.sqrt([part[kind] for part in found]) for kind in ("uniform", "overlap", "truncated")}


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--degree", type=int, default=10)
    parser.add_argument("--bandwidth", type=int, default=2)
    given = parser.parse_args()
    rng = generator(0, "benchmark", "network hac")
    graph = nx.connected_watts_strogatz_graph(given.n, given.degree, 0.1, seed=0)
    adjacency = csr_array(nx.to_scipy_sparse_array(graph, nodelist=range(given.n)))
    x = rng.normal(size=given.n)
    y = x + adjacency @ rng.normal(size=given.n) / given.degree + rng.normal(size=given.n)
    our_seconds, found = timed(lambda: ours(y, x, adjacency, given.bandwidth))
    peer_seconds, expected = timed(lambda: theirs(y, x, graph, given.bandwidth))
    np.testing.assert_allclose(found["uniform"], expected, rtol=1e-6)
    document = {
        "name": "network_hac",
        "ours": our_seconds,
        "peer": peer_seconds,
        "ratio": peer_seconds / our_seconds,
        "largest_difference": float(np.abs(found["uniform"] / expected - 1).max()),
        "se_slope": {kind: float(values[1]) for kind, values in found.items()},
        "measured_on": f"n = {given.n}, mean degree {given.degree}, bandwidth {given.bandwidth}, {platform.machine()}",
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
