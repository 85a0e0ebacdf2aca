"""People as vectors: their own earlier words, and those of the people around them, by sparse products.

Everything here is a pure function of the messages and ties it is given. Give it those strictly before a period, and
nothing later can reach the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from copenet.foundation.errors import DefectError, UsageError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def mean_by_person(
    person: NDArray[np.int64], embeddings: NDArray[np.float32], n_people: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return each person's mean message vector (n_people × d, zeros for the silent) and their number of messages.

    Args:
        person: m person numbers, one for each message, −1 for messages to leave out.
        embeddings: m × d.
        n_people: Number of people.

    >>> import numpy as np
    >>> mean_by_person(np.array([0, 0, -1]), np.eye(3, dtype=np.float32), 2)[0]
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 0. ]], dtype=float32)
    """
    from scipy.sparse import csr_matrix

    kept = np.flatnonzero(person >= 0)
    n_messages = np.bincount(person[kept], minlength=n_people).astype(np.int64)
    share = (1 / np.maximum(n_messages, 1)).astype(np.float32)[person[kept]]
    average = csr_matrix((share, (person[kept], kept)), shape=(n_people, len(person)))
    return np.asarray(average @ embeddings, dtype=np.float32), n_messages


def sign_features(features: NDArray[np.float32], adjacency: csr_matrix, hops: int = 2) -> NDArray[np.float32]:
    """Return [X, ÂX, …, Â^hops X] with  the adjacency averaged over each row (n × (hops + 1)d).

    SIGN (Frasca et al. 2020) precomputes what a graph network would pass along. Rows without ties are zero from the
    first hop on.

    Args:
        features: n × d.
        adjacency: n × n; row i holds the people whose words reach i, with any non-negative weights.
        hops: How far to look.
    """
    if hops < 0:
        raise UsageError(f"hops is {hops}.", remedy="Choose 0 or more.")
    check_graph(features, adjacency)
    average = row_average(adjacency)
    blocks = [np.asarray(features, dtype=np.float32)]
    for _ in range(hops):
        blocks.append(np.asarray(average @ blocks[-1], dtype=np.float32))
    return np.hstack(blocks)


def row_average(adjacency: csr_matrix) -> csr_matrix:
    """Return the adjacency with each non-empty row divided by its sum, as float32."""
    from scipy.sparse import csr_matrix

    total = np.asarray(adjacency.sum(axis=1)).ravel()
    scaled = csr_matrix(adjacency, dtype=np.float32, copy=True)
    scaled.data *= np.repeat((1 / np.where(total > 0, total, 1)).astype(np.float32), np.diff(scaled.indptr))
    return scaled


def check_graph(features: NDArray[np.float32], adjacency: csr_matrix) -> None:
    """Make sure that features (n × d) and adjacency (n × n) are about the same people.

    Raises:
        DefectError: They are not.
    """
    if features.ndim != 2 or adjacency.shape != (len(features), len(features)):
        raise DefectError(f"Features of shape {features.shape} came with an adjacency of shape {adjacency.shape}.")
