from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from copenet.foundation.errors import DefectError, UsageError
from gnn.people import mean_by_person, row_average, sign_features

PATH = csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]], dtype=float))
X = np.array([[1, 0], [0, 2], [4, 4]], dtype=np.float32)


def test_sign_by_hand() -> None:
    expected = [[1, 0, 0, 2, 2.5, 2], [0, 2, 2.5, 2, 0, 1], [4, 4, 0, 0, 0, 0]]
    np.testing.assert_allclose(sign_features(X, PATH), expected)


def test_no_hops_give_the_features_themselves() -> None:
    np.testing.assert_array_equal(sign_features(X, PATH, hops=0), X)
    with pytest.raises(UsageError):
        sign_features(X, PATH, hops=-1)


def test_weights_of_ties_are_used_and_scaled_away() -> None:
    weighted = csr_matrix(np.array([[0, 3, 1], [0, 0, 0], [0, 0, 0]], dtype=float))
    np.testing.assert_allclose(row_average(weighted).toarray()[0], [0, 0.75, 0.25])
    assert weighted[0, 1] == 3, "the caller's matrix is left alone"


def test_features_and_ties_of_different_people_are_refused() -> None:
    with pytest.raises(DefectError, match="shape"):
        sign_features(X[:2], PATH)


def test_mean_by_person_leaves_out_what_has_no_author() -> None:
    means, n = mean_by_person(np.array([2, -1, 2, 0]), np.arange(8, dtype=np.float32).reshape(4, 2), 3)
    np.testing.assert_allclose(means, [[6, 7], [0, 0], [2, 3]])
    assert n.tolist() == [1, 0, 2]


graphs = st.integers(0, 10_000).map(np.random.default_rng)


@given(graphs)
def test_sign_is_equivariant_under_renaming_people(rng: np.random.Generator) -> None:
    n = int(rng.integers(2, 12))
    adjacency = csr_matrix((rng.random((n, n)) < 0.3).astype(float))
    features = rng.normal(size=(n, 3)).astype(np.float32)
    order = rng.permutation(n)
    renamed = sign_features(features[order], adjacency[order][:, order])
    np.testing.assert_allclose(renamed, sign_features(features, adjacency)[order], atol=1e-5)


@given(graphs)
def test_constant_features_stay_constant_for_all_with_ties(rng: np.random.Generator) -> None:
    n = int(rng.integers(2, 12))
    adjacency = csr_matrix((rng.random((n, n)) < 0.4).astype(float))
    signed = sign_features(np.ones((n, 1), dtype=np.float32), adjacency, hops=1)[:, 1]
    np.testing.assert_allclose(signed, np.asarray(adjacency.sum(axis=1)).ravel() > 0, atol=1e-6)
