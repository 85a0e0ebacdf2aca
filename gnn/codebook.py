"""A starter codebook: labels for a study without gold labels, by cue phrases and likeness to prototype sentences.

Nobody has validated these labels on the study at hand, so whatever is computed from them must say so
(`labels_validated` false). A message shows a strategy when a cue phrase occurs in it, or when its embedding has a
cosine of at least `SIMILARITY` with one of the strategy's prototype sentences. `SIMILARITY` was fixed once, on the
prototypes alone: at .45 the bundled encoder likens 9 of the 1,404 pairs of prototypes of different strategies. It was
not tuned on labels, because there are none; with another encoder its meaning changes, and so does the label digest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.errors import DefectError
from copenet.foundation.files import digest_of
from gnn.labeller import CHUNK, labels_table
from gnn.reading import own_words
from gnn.strategies import STRATEGIES

if TYPE_CHECKING:
    from gnn.encoder import Encoder

SIMILARITY = 0.45
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'"})


def codebook_label(
    message_ids: Sequence[str], texts: Sequence[str], embeddings: NDArray[np.float32], *, encoder: Encoder
) -> pa.Table:
    """Return the codebook's labels (schema LABELS): probability 1 where a strategy is shown, else 0.

    Args:
        message_ids: n ids.
        texts: The n texts.
        embeddings: n × d, by `encoder`.
        encoder: Embeds the prototype sentences.
    """
    shown = phrase_hits(texts) | (prototype_similarity(embeddings, encoder) >= SIMILARITY)
    return labels_table(message_ids, shown.astype(np.float64), f"codebook:{codebook_digest(encoder.digest)[:16]}")


def codebook_digest(encoder_digest: str) -> str:
    """Return the SHA-256 (hex) of everything the codebook's labels follow from."""
    entries = [[s.id, list(s.phrases), list(s.prototypes)] for s in STRATEGIES]
    return digest_of({"encoder": encoder_digest, "similarity": SIMILARITY, "strategies": entries})


def phrase_hits(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each text holds a cue phrase of each strategy (n × 14).

    >>> from gnn.codebook import phrase_hits
    >>> from gnn.strategies import STRATEGY_IDS
    >>> hits = phrase_hits(["It is what it is."])
    >>> [name for name, hit in zip(STRATEGY_IDS, hits[0], strict=True) if hit]
    ['acceptance']
    """
    patterns = _patterns()
    hits = np.zeros((len(texts), len(patterns)), dtype=bool)
    for row, text in enumerate(texts):
        words = own_words(text).translate(_APOSTROPHES).lower()
        hits[row] = [pattern.search(words) is not None for pattern in patterns]
    return hits


def prototype_similarity(embeddings: NDArray[np.float32], encoder: Encoder) -> NDArray[np.float32]:
    """Return each message's greatest cosine with the prototype sentences of each strategy (n × 14)."""
    if embeddings.ndim != 2 or embeddings.shape[1] != encoder.dim:
        raise DefectError(f"Embeddings of shape {embeddings.shape} are not by an encoder of dimension {encoder.dim}.")
    prototypes = encoder.encode([sentence for s in STRATEGIES for sentence in s.prototypes])
    starts = np.cumsum([0, *(len(s.prototypes) for s in STRATEGIES)])[:-1]
    result = np.empty((len(embeddings), len(STRATEGIES)), dtype=np.float32)
    for start in range(0, len(embeddings), CHUNK):
        cosine = embeddings[start : start + CHUNK] @ prototypes.T
        result[start : start + CHUNK] = np.maximum.reduceat(cosine, starts, axis=1)
    return result


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(r"\b(?:" + "|".join(s.phrases) + r")(?!\w)") for s in STRATEGIES)
