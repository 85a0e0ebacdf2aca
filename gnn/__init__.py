"""Text embeddings, coping labels and representations of people.

Names are loaded when first used: importing `gnn` is cheap, torch and scikit-learn come with the first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gnn.cache import EmbedSummary, embed, load_embeddings
    from gnn.codebook import codebook_label
    from gnn.encoder import BUNDLED, Encoder, EncoderSettings
    from gnn.evaluation import evaluate
    from gnn.gold import gold_matrix, match_gold, read_gold
    from gnn.labeller import Labeller, LabellerSettings, label, train_labeller
    from gnn.people import mean_by_person, sign_features
    from gnn.reading import own_words
    from gnn.sage import SageRepresentation
    from gnn.schema import LABELS
    from gnn.strategies import STRATEGIES, STRATEGY_IDS, Strategy

_HOME = {
    "BUNDLED": "encoder",
    "Encoder": "encoder",
    "EncoderSettings": "encoder",
    "EmbedSummary": "cache",
    "embed": "cache",
    "load_embeddings": "cache",
    "LABELS": "schema",
    "STRATEGIES": "strategies",
    "STRATEGY_IDS": "strategies",
    "Strategy": "strategies",
    "gold_matrix": "gold",
    "match_gold": "gold",
    "read_gold": "gold",
    "Labeller": "labeller",
    "LabellerSettings": "labeller",
    "label": "labeller",
    "train_labeller": "labeller",
    "evaluate": "evaluation",
    "codebook_label": "codebook",
    "mean_by_person": "people",
    "sign_features": "people",
    "own_words": "reading",
    "SageRepresentation": "sage",
}

__all__ = [
    "BUNDLED",
    "LABELS",
    "STRATEGIES",
    "STRATEGY_IDS",
    "EmbedSummary",
    "Encoder",
    "EncoderSettings",
    "Labeller",
    "LabellerSettings",
    "SageRepresentation",
    "Strategy",
    "codebook_label",
    "embed",
    "evaluate",
    "gold_matrix",
    "label",
    "load_embeddings",
    "match_gold",
    "mean_by_person",
    "own_words",
    "read_gold",
    "sign_features",
    "train_labeller",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'gnn' has no attribute {name!r}")
    return getattr(import_module(f"gnn.{_HOME[name]}"), name)
