"""How well a labeller does on people it never saw: cross-validation by author or thread."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.errors import InputError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from gnn.labeller import GoldSample, LabellerSettings, fit, gold_sample
from gnn.metrics import counts, expected_calibration_error, group_folds, macro_f1_interval, rates
from gnn.strategies import STRATEGY_IDS

MODEL_NAME = "logistic: embedding + words"


def evaluate(
    gold: pa.Table,
    message_ids: Sequence[str],
    texts: Sequence[str],
    embeddings: NDArray[np.float32],
    *,
    groups: Sequence[str],
    folds: int = 5,
    settings: LabellerSettings | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Cross-validate the labeller; penalty and threshold are chosen anew inside each training part.

    Args:
        gold: Labels by people (schema LABELS).
        message_ids: n ids.
        texts: The n texts.
        embeddings: n × d.
        groups: n author or thread ids: no group is in a training part and its test part.
        folds: Number of parts.
        settings: How to train.
        seed: Decides the parts and the bootstrap.
        progress: Where to report parts done.

    Returns:
        `models` (one entry: model, macro_f1 with its 95% group bootstrap interval, ece, seconds, per_strategy, …) and
        `labels_validated`. A strategy that could not be trained in every part has `trainable` false and a reason.

    Raises:
        InputError: There are fewer groups than parts, or no strategy can be trained.
    """
    started = perf_counter()
    settings = settings or LabellerSettings()
    sample = gold_sample(gold, message_ids, texts, embeddings, groups)
    n_groups = int(sample.groups.max(initial=-1)) + 1
    if n_groups < folds:
        raise InputError(
            f"The gold labels come from fewer than {folds} authors or threads: too few to judge the labeller.",
            remedy="Label messages of more people.",
        )
    fold = group_folds(sample.groups, folds, generator(seed, "labeller", "outer folds"))
    probability, predicted = _out_of_fold(sample, fold, settings, seed, progress)
    entry = _summary(sample, probability, predicted, generator(seed, "labeller", "bootstrap"))
    entry |= {"model": MODEL_NAME, "folds": folds, "n_gold": len(sample.texts), "n_groups": n_groups}
    return {"models": [entry | {"seconds": perf_counter() - started}], "labels_validated": True}


def _out_of_fold(
    sample: GoldSample, fold: NDArray[np.int64], settings: LabellerSettings, seed: int, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each row's probabilities and yes/no labels by a model that saw none of its group (m × 14 each)."""
    probability = np.full(sample.truth.shape, np.nan)
    predicted = np.zeros(sample.truth.shape, dtype=bool)
    n_folds = int(fold.max()) + 1
    with progress.task("Judging the labeller", total=n_folds, unit="parts") as task:
        for number in range(n_folds):
            test = np.flatnonzero(fold == number)
            model = fit(sample.take(np.flatnonzero(fold != number)), settings, seed)
            held_out = sample.take(test)
            probability[test] = model.predict(held_out.texts, held_out.embeddings)
            predicted[test] = probability[test] >= [model.thresholds.get(name, np.nan) for name in STRATEGY_IDS]
            task.advance()
    return probability, predicted


def _summary(
    sample: GoldSample, probability: NDArray[np.float64], predicted: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Any]:
    truth = sample.truth
    trained = np.logical_and(np.isfinite(truth).any(axis=0), np.isfinite(probability).all(axis=0))
    if not trained.any():
        raise InputError(
            "No strategy has enough gold labels to be trained in every part of the cross-validation.",
            remedy="Label more messages.",
        )
    f1, low, high = macro_f1_interval(truth[:, trained], predicted[:, trained], sample.groups, rng)
    return {
        "macro_f1": f1,
        "ci_low": low,
        "ci_high": high,
        "ece": expected_calibration_error(truth[:, trained], probability[:, trained]),
        "n_strategies": int(trained.sum()),
        "per_strategy": [_judge(k, truth, probability, predicted, bool(trained[k])) for k in range(len(STRATEGY_IDS))],
    }


def _judge(
    k: int, truth: NDArray[np.float64], probability: NDArray[np.float64], predicted: NDArray[np.bool_], trained: bool
) -> dict[str, Any]:
    positives, negatives = int(np.sum(truth[:, k] == 1)), int(np.sum(truth[:, k] == 0))
    entry: dict[str, Any] = {"strategy": STRATEGY_IDS[k], "positives": positives, "negatives": negatives}
    if not trained:
        reason = f"too few gold labels: {positives} positive, {negatives} negative"
        return entry | {"trainable": False, "reason": reason}
    c = counts(truth[:, k], predicted[:, k])
    ece = expected_calibration_error(truth[:, k], probability[:, k])
    return entry | {"trainable": True, "counts": c._asdict(), "ece": ece} | rates(c)
