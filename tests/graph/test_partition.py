"""Communities: known truths of the measures, and partitions that repeat themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

import graph
from copenet.foundation.errors import DefectError, InputError, UsageError
from graph import partition
from graph.codelength import adjusted_rand, map_equation, modularity
from graph.partition import METHODS, communities, connected_pieces, stability, undirected
from graph.schema import COMMUNITIES
from tests.graph.graph_world import world

TRIANGLES = (np.array([0, 0, 1, 3, 3, 4, 2]), np.array([1, 2, 2, 4, 5, 5, 3]), np.ones(7))


def blocks(n: int = 120, k: int = 4, seed: int = 0, inside: float = 0.3, across: float = 0.01) -> pa.Table:
    random = np.random.default_rng(seed)
    block = np.sort(random.integers(k, size=n))
    joined = random.random((n, n)) < np.where(block[:, None] == block[None], inside, across)
    np.fill_diagonal(joined, False)
    source, target = np.nonzero(joined)
    ids = np.array([f"reddit:u_{i:04d}" for i in range(n)])
    return pa.table(
        {"source_author": ids[source], "target_author": ids[target], "n": random.integers(1, 4, len(source))}
    )


def test_codelength_of_two_triangles_is_that_of_the_reference_implementation() -> None:
    # Infomap 2 on its own two_triangles.net: 2.320730357 bits, and 2.556656707 in one module.
    assert map_equation(*TRIANGLES, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(2.320730357, abs=1e-9)
    assert map_equation(*TRIANGLES, np.zeros(6, dtype=int)) == pytest.approx(2.556656707, abs=1e-9)


def test_codelength_agrees_with_its_definition_by_module_codebooks() -> None:
    random = np.random.default_rng(3)
    u, v = np.triu_indices(9, 1)
    keep = random.random(len(u)) < 0.5
    u, v, weight = u[keep], v[keep], random.integers(1, 5, keep.sum()).astype(float)
    label = random.integers(3, size=9)
    total = weight.sum()
    visits = np.array([weight[(u == i) | (v == i)].sum() for i in range(9)]) / (2 * total)
    leave = np.array([weight[(label[u] == c) ^ (label[v] == c)].sum() for c in range(3)]) / (2 * total)

    def entropy(p: np.ndarray) -> float:
        p = p[p > 0] / p.sum()
        return float(-(p * np.log2(p)).sum())

    index = leave.sum() * entropy(leave)
    modules = sum(
        (leave[c] + visits[label == c].sum()) * entropy(np.append(visits[label == c], leave[c])) for c in range(3)
    )
    assert map_equation(u, v, weight, label) == pytest.approx(index + modules, abs=1e-12)


def test_modularity_of_known_cases() -> None:
    assert modularity(*TRIANGLES, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(6 / 7 - 0.5)
    assert modularity(*TRIANGLES, np.zeros(6, dtype=int)) == pytest.approx(0.0)
    assert modularity(*TRIANGLES, np.zeros(6, dtype=int), resolution=2.0) == pytest.approx(-1.0)
    nothing = np.array([], dtype=int)
    assert modularity(nothing, nothing, np.array([]), np.array([0])) == 0.0
    assert map_equation(nothing, nothing, np.array([]), np.array([0])) == 0.0


def test_modularity_is_networkx_modularity() -> None:
    import networkx

    network = undirected(blocks())
    label = np.random.default_rng(0).integers(5, size=len(network.people))
    other = networkx.Graph()
    other.add_nodes_from(range(len(label)))
    other.add_weighted_edges_from(zip(network.u.tolist(), network.v.tolist(), network.weight.tolist(), strict=True))
    groups = [set(np.flatnonzero(label == c).tolist()) for c in range(5)]
    expected = networkx.community.modularity(other, groups, weight="weight", resolution=1.3)
    assert modularity(network.u, network.v, network.weight, label, 1.3) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_adjusted_rand_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_planted_communities_are_found(method: str) -> None:
    result = communities(blocks(), method, seed=1)
    truth = np.sort(np.random.default_rng(0).integers(4, size=120))
    assert adjusted_rand(result.table.column("community").to_numpy(), truth) > 0.95
    assert result.table.schema.equals(COMMUNITIES)
    assert result.sizes == tuple(sorted(result.sizes, reverse=True))
    assert sum(result.sizes) == len(result.table) == 120
    assert result.n == len(result.sizes) == 4
    assert set(result.table.column("method").to_pylist()) == {method}


def test_labels_go_by_size_and_then_by_the_smallest_member() -> None:
    triangles = [("b", "d"), ("d", "f"), ("f", "b"), ("a", "c"), ("c", "e"), ("e", "a"), ("x", "y")]
    source, target = zip(*triangles, strict=True)
    table = pa.table({"source_author": source, "target_author": target, "n": [1] * 7})
    result = communities(table)
    assert dict(zip("abcdefxy", result.table.column("community").to_pylist(), strict=True)) == {
        "a": 0, "c": 0, "e": 0, "b": 1, "d": 1, "f": 1, "x": 2, "y": 2,
    }  # fmt: skip
    assert result.sizes == (3, 3, 2)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_ties_and_their_windows_do_not_matter(method: str) -> None:
    table = world()
    whole = graph.user_ties(table)
    windows = graph.build_ties(table, window_days=3).ties
    shuffled = whole.take(np.random.default_rng(0).permutation(len(whole)))
    expected = communities(whole, method, seed=4)
    for ties in (shuffled, windows):
        assert communities(ties, method, seed=4).table.equals(expected.table)


def test_threads_are_given_back_and_do_not_matter() -> None:
    import networkit

    before = networkit.getMaxNumberOfThreads()
    try:
        results = []
        for threads in (1, 2):
            networkit.setNumberOfThreads(threads)
            results.append(communities(blocks(across=0.05), seed=2).table)
            assert networkit.getMaxNumberOfThreads() == threads
        assert results[0].equals(results[1])
    finally:
        networkit.setNumberOfThreads(before)


_PROGRAM = """
import json, sys
from graph.partition import communities
from tests.graph.test_partition import blocks
results = [communities(blocks(across=0.05), method, seed=3) for method in ("leiden", "map_equation")]
print(json.dumps([[r.table.column("community").to_pylist(), r.modularity, r.codelength] for r in results]))
"""


def test_another_process_finds_the_same() -> None:
    root = Path(graph.__file__).parents[1]
    command = [sys.executable, "-c", _PROGRAM]
    environment = {"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    output = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True).stdout
    for (labels, q, length), method in zip(json.loads(output), METHODS, strict=True):
        result = communities(blocks(across=0.05), method, seed=3)
        assert result.table.column("community").to_pylist() == labels
        assert (result.modularity, result.codelength) == (q, length)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25), st.integers(0, 3))
def test_every_community_is_connected(pairs: list[tuple[int, int]], seed: int) -> None:
    pairs = [(a, b) for a, b in pairs if a != b]
    if not pairs:
        return
    source, target = zip(*((f"u{a}", f"u{b}") for a, b in pairs), strict=True)
    table = pa.table({"source_author": source, "target_author": target, "n": [1] * len(pairs)})
    network, result = undirected(table), communities(table, seed=seed)
    label = result.table.column("community").to_numpy()
    assert len(np.unique(connected_pieces(network, label))) == result.n


def test_a_community_that_is_not_connected_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"source_author": ["a", "c", "e"], "target_author": ["b", "d", "f"], "n": [1, 1, 1]})
    monkeypatch.setattr(partition, "_detect", lambda network, *_: np.zeros(len(network.people), dtype=np.int64))
    result = communities(table)
    assert (result.n, result.split, result.sizes) == (3, 2, (2, 2, 2))


def test_verification_would_notice() -> None:
    network = undirected(pa.table({"source_author": ["a", "c"], "target_author": ["b", "d"], "n": [1, 1]}))
    with pytest.raises(DefectError):
        partition._verify(network, np.zeros(4, dtype=np.int64))


def test_weights_of_both_directions_are_added() -> None:
    table = pa.table({"source_author": ["a", "b", "a"], "target_author": ["b", "a", "a"], "n": [2, 3, 9]})
    network = undirected(table)
    assert network.people.to_pylist() == ["a", "b"]
    assert (network.u.tolist(), network.v.tolist(), network.weight.tolist()) == ([0], [1], [5.0])


def test_resolution_makes_communities_smaller() -> None:
    ties = blocks()
    assert communities(ties, resolution=4.0).n > communities(ties, resolution=1.0).n
    assert communities(ties, resolution=4.0).resolution == 4.0


def test_stability_is_one_for_a_clear_structure_and_lower_for_none() -> None:
    clear = stability(blocks(), seed=1, seeds=4)
    unclear = stability(blocks(inside=0.06, across=0.06), seed=1, seeds=4)
    assert clear.mean == pytest.approx(1.0)
    assert unclear.lowest <= unclear.mean < 0.7
    assert stability(blocks(), seed=1, seeds=4) == clear


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"method": "louvain"}, UsageError),
        ({"resolution": 0.0}, UsageError),
        ({"method": "map_equation", "resolution": 2.0}, UsageError),
    ],
)
def test_what_cannot_be_asked(arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        communities(blocks(), **arguments)  # type: ignore[arg-type]


def test_no_ties_and_too_few_seeds() -> None:
    with pytest.raises(InputError, match="no ties"):
        communities(pa.table({"source_author": ["a"], "target_author": ["a"], "n": [1]}))
    with pytest.raises(UsageError):
        stability(blocks(), seeds=1)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_in_a_given_order_names_decide_nothing(random: Any, seed: int) -> None:
    ties = blocks(across=0.05)
    order = pa.concat_arrays([ties[c].combine_chunks() for c in ("source_author", "target_author")]).unique()
    names = order.to_pylist()
    random.shuffle(names)
    other = dict(zip(order.to_pylist(), names, strict=True))
    renamed = ties
    for column in ("source_author", "target_author"):
        values = pa.array([other[name] for name in ties[column].to_pylist()], pa.string())
        renamed = renamed.set_column(renamed.column_names.index(column), column, values)
    for method in ("leiden", "map_equation"):
        first = communities(ties, method, seed, order=order).table.to_pylist()
        second = communities(renamed, method, seed, order=pa.array(names, pa.string())).table.to_pylist()
        of = {row["author_id"]: row["community"] for row in second}
        assert {row["author_id"]: row["community"] for row in first} == {name: of[other[name]] for name in other}


def test_who_is_not_in_the_order_comes_last() -> None:
    ties = blocks()
    partial = pa.array(["nobody", *sorted(ties["source_author"].to_pylist())[:3]], pa.string())
    everyone = undirected(ties).people.to_pylist()
    known = list(dict.fromkeys(partial.to_pylist()[1:]))
    assert undirected(ties, partial).people.to_pylist() == known + [p for p in everyone if p not in known]
