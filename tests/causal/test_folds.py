"""Folds: a partition of people that keeps friends together and every community in every fold."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from causal.folds import LEAST_KEPT, graph_folds
from causal.inference import breadth_first_pieces, undirected
from tests.causal.graphs import ring, sparse_graph


@st.composite
def studies(draw, unit_weights=False):
    """Return person of each row, graph, communities and k; some people have several rows, some none."""
    n = draw(st.integers(6, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    graph = sparse_graph(n, draw(st.floats(0.2, 5.0)), rng)
    communities = rng.integers(0, draw(st.integers(1, 5)), n)
    person = np.arange(n) if unit_weights else rng.integers(0, n, draw(st.integers(5, 150)))
    return person, graph, communities, draw(st.integers(2, 5))


@given(study=studies(), seed=st.integers(0, 5))
def test_every_row_is_held_out_once_and_never_trained_on_then(study, seed):
    person, graph, communities, k = study
    folds = graph_folds(person, graph, communities, k=k, seed=seed)
    assert folds.fold.shape == person.shape
    assert set(folds.fold.tolist()) <= set(range(k))
    assert len(folds.train) == folds.k == k
    for f, train in enumerate(folds.train):
        held_out = np.flatnonzero(folds.fold == f)
        assert not set(train) & set(held_out)
        assert len(set(train)) == len(train)
        if not folds.buffered:
            assert sorted([*train, *held_out]) == list(range(len(person)))


@given(study=studies(), seed=st.integers(0, 5))
def test_the_rows_of_a_person_stay_together(study, seed):
    person, graph, communities, k = study
    fold = graph_folds(person, graph, communities, k=k, seed=seed).fold
    assert all(len(set(fold[person == p])) == 1 for p in set(person))


@given(study=studies(unit_weights=True), seed=st.integers(0, 5))
def test_a_community_with_a_person_per_fold_is_in_every_fold(study, seed):
    person, graph, communities, k = study
    fold = graph_folds(person, graph, communities, k=k, seed=seed).fold
    for community in set(communities):
        here = fold[communities == community]
        assert len(set(here)) == min(k, len(here))


@given(study=studies(), seed=st.integers(0, 5))
def test_a_buffer_leaves_out_everybody_tied_to_the_held_out_fold_and_only_them(study, seed):
    _, graph, communities, k = study
    person = np.arange(graph.shape[0])
    folds = graph_folds(person, graph, communities, k=k, seed=seed)
    ties = undirected(graph).toarray() > 0
    kept = []
    for f in range(k):
        free = {p for p in person if folds.fold[p] != f and not any(folds.fold[ties[p]] == f)}
        kept.append(len(free) / max(np.sum(folds.fold != f), 1))
        if folds.buffered:
            assert set(folds.train[f]) == free
    assert folds.kept_with_buffer == pytest.approx(min(kept))
    assert folds.buffered == (min(kept) >= LEAST_KEPT)


def test_a_long_ring_keeps_its_buffer_and_a_clique_does_not():
    n = 300
    long = graph_folds(np.arange(n), ring(n), np.zeros(n, dtype=int))
    assert long.buffered
    assert long.ties_within > 0.8  # dealt one by one, a fifth of the ties would stay inside
    clique = csr_array(np.ones((n, n)))
    dense = graph_folds(np.arange(n), clique, np.zeros(n, dtype=int))
    assert (dense.buffered, dense.kept_with_buffer) == (False, 0.0)
    assert all(len(train) == n - n // 5 for train in dense.train)


def test_folds_are_nearly_equal_in_rows_even_when_people_write_unequally():
    rng = np.random.default_rng(2)
    person = rng.choice(200, size=2000, p=np.sort(rng.dirichlet(np.ones(200))))
    sizes = np.bincount(graph_folds(person, sparse_graph(200, 4, rng), rng.integers(0, 6, 200)).fold, minlength=5)
    assert sizes.min() > 300
    assert sizes.max() < 500


def test_a_tie_is_a_tie_in_either_direction_and_whatever_its_weight():
    rng = np.random.default_rng(3)
    graph = sparse_graph(80, 3, rng)
    upper = csr_array(np.triu(graph.toarray()) * 7.5)
    communities, person = np.arange(80) % 3, np.arange(80)
    both, one = (graph_folds(person, g, communities, seed=4) for g in (graph, upper))
    assert np.array_equal(both.fold, one.fold)
    assert both.kept_with_buffer == one.kept_with_buffer


def test_the_seed_decides_and_nothing_else():
    person, communities = np.arange(90), np.arange(90) % 4
    graph = sparse_graph(90, 3, np.random.default_rng(0))
    first, again, other = (graph_folds(person, graph, communities, seed=s).fold for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_hash_seed_of_python_does_not_matter():
    code = (
        "import numpy as np; from causal.folds import graph_folds; from tests.causal.graphs import sparse_graph;"
        "g = sparse_graph(90, 3, np.random.default_rng(0));"
        "print(graph_folds(np.arange(90), g, np.arange(90) % 4, seed=1).fold.tolist())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    graph = sparse_graph(90, 3, np.random.default_rng(0))
    here = graph_folds(np.arange(90), graph, np.arange(90) % 4, seed=1).fold.tolist()
    assert said == [f"{here}\n"] * 2


@given(study=studies(), most=st.floats(1.0, 10.0))
def test_pieces_partition_the_members_and_none_is_heavier_than_asked_plus_one_person(study, most):
    person, graph, _, _ = study
    weight = np.bincount(person, minlength=graph.shape[0]).astype(float)
    members = np.flatnonzero(weight > 0)
    pieces = breadth_first_pieces(undirected(graph), members, weight, most)
    assert sorted(np.concatenate(pieces).tolist()) == members.tolist()
    for piece in pieces:
        assert weight[piece].sum() <= most + weight[piece].max()
