from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score

from copenet.foundation.errors import DefectError, InputError, ResourceError
from gnn.sage import SageRepresentation, _pairs

BLOCKS = 4


def world(seed: int, n: int = 600, ties: int = 2400) -> tuple[np.ndarray, np.ndarray, csr_matrix]:
    """Return a trait that follows planted blocks, texts that show the block faintly, and ties mostly within blocks."""
    rng = np.random.default_rng(seed)
    block = rng.integers(BLOCKS, size=n)
    trait = np.linspace(-1, 1, BLOCKS)[block] + 0.3 * rng.normal(size=n)
    words = (rng.normal(size=(n, 24)) + 1.0 * np.eye(BLOCKS, 24)[block]).astype(np.float32)
    a, b = rng.integers(n, size=(2, 8 * ties))
    meet = (block[a] == block[b]) & (a != b) | (rng.random(8 * ties) < 0.1)
    a, b = a[meet][:ties], b[meet][:ties]
    adjacency = csr_matrix((np.ones(len(a)), (a, b)), shape=(n, n))
    return trait, words, csr_matrix(((adjacency + adjacency.T) > 0).astype(float))


@pytest.fixture(scope="module")
def fitted() -> SageRepresentation:
    _, words, ties = world(0)
    return SageRepresentation.fit(words, ties, dim=8, seed=1)


def explained(features: np.ndarray, trait: np.ndarray) -> float:
    return float(cross_val_score(RidgeCV(np.logspace(-2, 4, 13)), features, trait, cv=5).mean())


def test_on_people_it_never_saw_it_carries_homophily_better_than_their_words(fitted: SageRepresentation) -> None:
    trait, words, ties = world(7)
    assert explained(fitted.transform(words, ties), trait) > explained(words, trait) + 0.15


def test_shuffled_ties_carry_no_homophily(fitted: SageRepresentation) -> None:
    trait, words, ties = world(7)
    order = np.random.default_rng(0).permutation(len(words))
    wrong = ties[order][:, order]
    assert explained(fitted.transform(words, wrong), trait) < explained(fitted.transform(words, ties), trait) - 0.15


def test_a_seed_decides_everything(fitted: SageRepresentation) -> None:
    import torch

    _, words, ties = world(0)
    torch.manual_seed(123)  # whatever the caller did to torch's own stream
    before = torch.random.get_rng_state()
    again = SageRepresentation.fit(words, ties, dim=8, seed=1)
    assert torch.equal(before, torch.random.get_rng_state()), "torch's own stream is left as it was"
    for name, array in fitted.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    other = SageRepresentation.fit(words, ties, dim=8, seed=2, epochs=1)
    assert not np.array_equal(other.arrays["first.lin_l.weight"], fitted.arrays["first.lin_l.weight"])


def test_renaming_people_renames_their_vectors(fitted: SageRepresentation) -> None:
    _, words, ties = world(3)
    order = np.random.default_rng(0).permutation(len(words))
    renamed = fitted.transform(words[order], ties[order][:, order])
    np.testing.assert_allclose(renamed, fitted.transform(words, ties)[order], atol=2e-5)


def test_later_words_and_ties_do_not_reach_an_earlier_period(fitted: SageRepresentation) -> None:
    """Weights from the burn-in; the vectors of period t come from the prefix before t, whatever happens after."""
    _, words, ties = world(4)
    earlier = fitted.transform(words, ties)
    weights = {name: array.copy() for name, array in fitted.arrays.items()}
    _, later_words, later_ties = world(5)
    later = fitted.transform((words + later_words) / 2, csr_matrix(ties + later_ties))
    assert not np.allclose(later, earlier)
    np.testing.assert_array_equal(fitted.transform(words, ties), earlier)
    for name, array in weights.items():
        np.testing.assert_array_equal(fitted.arrays[name], array)


def test_a_vector_follows_from_two_steps_and_no_more(fitted: SageRepresentation) -> None:
    line = csr_matrix(np.eye(6, k=1))  # words flow from i + 1 to i
    words = np.random.default_rng(0).normal(size=(6, 24)).astype(np.float32)
    changed = words.copy()
    changed[3] += 5
    moved = np.abs(fitted.transform(changed, line) - fitted.transform(words, line)).max(axis=1) > 1e-6
    assert moved.tolist() == [False, True, True, True, False, False]


def test_a_person_without_ties_has_a_vector_of_their_own_words(fitted: SageRepresentation) -> None:
    _, words, ties = world(4)
    alone = fitted.transform(words[:1], csr_matrix((1, 1)))
    assert np.isfinite(alone).all()
    assert alone.shape == (1, fitted.dim) == (1, 8)


def test_saved_weights_give_the_same_vectors(fitted: SageRepresentation, tmp_path: Path) -> None:
    _, words, ties = world(4)
    fitted.save(tmp_path / "people.safetensors")
    again = SageRepresentation.load(tmp_path / "people.safetensors")
    np.testing.assert_array_equal(again.transform(words, ties), fitted.transform(words, ties))


def test_what_is_no_representation_is_not_loaded(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(ResourceError, match="cannot be read"):
        SageRepresentation.load(tmp_path / "absent.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(ResourceError, match="cannot be read"):
        SageRepresentation.load(tmp_path / "text.safetensors")
    save_file({"something": np.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ResourceError, match="no representation"):
        SageRepresentation.load(tmp_path / "other.safetensors")


def test_inputs_that_do_not_fit_are_refused(fitted: SageRepresentation) -> None:
    _, words, ties = world(4)
    with pytest.raises(DefectError, match="columns"):
        fitted.transform(words[:, :5], ties)
    with pytest.raises(DefectError, match="shape"):
        fitted.transform(words[:-1], ties)
    with pytest.raises(InputError, match="too few ties"):
        SageRepresentation.fit(words, csr_matrix(ties.shape))


def test_pairs_are_distinct_unordered_and_without_oneself() -> None:
    ties = csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0]]))
    assert _pairs(ties).tolist() == [[0, 1], [0, 2]]


def test_few_columns_and_one_way_ties_are_enough() -> None:
    _, words, ties = world(4, n=60, ties=120)
    one_way = csr_matrix(np.triu(ties.toarray()))
    vectors = SageRepresentation.fit(words[:, :3], one_way, dim=2, epochs=3).transform(words[:, :3], one_way)
    assert vectors.shape == (60, 2)
    assert np.isfinite(vectors).all()
