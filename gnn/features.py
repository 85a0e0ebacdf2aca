"""What the linear labeller sees of one message: its embedding, and its words and word pairs hashed into columns.

Hashing (Weinberger et al. 2009) keeps no vocabulary, so a saved model holds no words of the people it learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnn.reading import own_words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class HashedWords:
    """TF-IDF of words and word pairs in `len(idf)` hashed columns.

    Attributes:
        idf: Weight per column; 0 for columns that the training texts never used.
    """

    idf: NDArray[np.float32]

    @classmethod
    def fit(cls, texts: Sequence[str], n_columns: int) -> HashedWords:
        """Learn the column weights ln((1 + n) / (1 + df)) + 1 from `texts`."""
        used = np.asarray((hashed_counts(texts, n_columns) > 0).sum(axis=0)).ravel()
        idf = np.log((1 + len(texts)) / (1 + used)) + 1
        return cls(np.where(used > 0, idf, 0).astype(np.float32))

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Return the n × columns matrix of (1 + ln tf) × idf with rows of unit length (zero for unseen words only)."""
        counts = hashed_counts(texts, len(self.idf))
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        counts.eliminate_zeros()
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        counts.data /= np.repeat(np.maximum(length, 1e-12), np.diff(counts.indptr))
        return counts


def hashed_counts(texts: Sequence[str], n_columns: int) -> csr_matrix:
    """Return how often each text uses the words and word pairs of each hashed column (n × `n_columns`, float32)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    words: Any = HashingVectorizer(
        n_features=n_columns, ngram_range=(1, 2), alternate_sign=False, norm=None, dtype=np.float32, token_pattern=_WORD
    )
    return words.transform([own_words(text) for text in texts])


_WORD = r"(?u)\b\w[\w']*\b|[!?]"
