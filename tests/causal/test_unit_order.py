"""The order of units: every numbering has the same, and it says nothing of how large a value is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array

from causal.unit_order import unit_order
from tests.causal.graphs import sparse_graph


def renumbered(graph, order):
    return csr_array(graph[order][:, order])


@given(n=st.integers(2, 40), degree=st.floats(0.5, 4), values=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_every_numbering_and_unit_of_measurement_gives_the_same_units_in_the_same_order(n, degree, values, seed):
    """Up to units nothing told tells apart: their data and those of who is near them must be equal at each place."""
    rng = np.random.default_rng(seed)
    graph = csr_array(sparse_graph(n, degree, rng))
    x, y = rng.integers(values, size=(n, 2)).astype(float), rng.normal(size=(n, 1))
    shuffle = rng.permutation(n)
    here = unit_order(graph, x, y)
    there = shuffle[unit_order(renumbered(graph, shuffle), 3 * x[shuffle] - 1, y[shuffle])]
    assert np.array_equal(here, there)


def test_units_alike_in_all_but_the_outcome_come_in_no_order_of_the_outcome():
    """400 pairs without covariates: sorted by the outcome, folds would be made of it."""
    pairs = csr_array(np.kron(np.eye(400), np.array([[0, 1], [1, 0]])))
    y = np.random.default_rng(0).normal(size=(800, 1))
    order = unit_order(pairs, np.empty((800, 0)), y)
    assert len(order) == 800
    assert stats.spearmanr(np.arange(800), y[order, 0]).pvalue > 0.01


def test_units_without_ties_are_left_out_and_directions_and_distance_tell_units_apart():
    chain = csr_array(np.diag(np.ones(3), 1))  # 0 -> 1 -> 2 -> 3
    wider = csr_array(np.pad(chain.toarray(), (0, 2)))
    order = unit_order(wider, np.zeros((6, 1)), np.zeros((6, 1)))
    assert sorted(order) == [0, 1, 2, 3]
    reverse = np.arange(6)[::-1]
    again = reverse[unit_order(renumbered(wider, reverse), np.zeros((6, 1)), np.zeros((6, 1)))]
    assert np.array_equal(order, again)


@pytest.mark.parametrize("columns", [0, 3])
def test_an_order_of_nobody(columns):
    assert unit_order(csr_array((4, 4)), np.zeros((4, columns)), np.zeros((4, 2))).tolist() == []
