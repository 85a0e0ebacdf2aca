import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gnn.features import HashedWords, hashed_counts

TEXTS = ["I made a list", "a list, a list!", "nothing here", ""]


def test_words_and_pairs_are_counted() -> None:
    counts = hashed_counts(["made a list", "list a made"], 2**12)
    assert counts.shape == (2, 2**12)
    assert counts.sum(axis=1).tolist() == [[5.0], [5.0]]  # three words and two pairs
    both = counts[0].multiply(counts[1])
    assert both.sum() == 3  # the words are shared, the pairs are not


def test_rows_have_unit_length_unless_empty() -> None:
    matrix = HashedWords.fit(TEXTS, 2**12).transform([*TEXTS, "unseen vocabulary altogether"])
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 0], atol=1e-6)


def test_rare_words_weigh_more() -> None:
    words = HashedWords.fit(["common rare", "common", "common", "common"], 2**14)
    rare, common = (hashed_counts([w], 2**14).indices[0] for w in ("rare", "common"))
    assert words.idf[rare] == np.float32(np.log(5 / 2) + 1)
    assert words.idf[common] == np.float32(1)
    assert (words.idf > 0).sum() == 3  # two words and one pair


def test_quotations_are_not_counted() -> None:
    first, second = hashed_counts(["> made by others\nown words", "own words"], 2**12).toarray()
    np.testing.assert_array_equal(first, second)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_a_row_depends_on_its_own_text_alone(texts: list[str]) -> None:
    words = HashedWords.fit(TEXTS, 2**10)
    together = words.transform(texts).toarray()
    apart = np.vstack([words.transform([text]).toarray() for text in texts])
    np.testing.assert_array_equal(together, apart)
