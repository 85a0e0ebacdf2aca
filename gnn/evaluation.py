"""How well a labeller does on people it never saw: cross-validation by author or thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.errors import InputError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from gnn.labeller import GoldSample, LabellerSettings, fit, gold_sample, obstacles_of
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
        `labels_validated`. A strategy that cannot be judged has `trainable` false and a reason.

    Raises:
        InputError: There are fewer groups than parts, or no strategy can be judged; nothing is trained then.
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
    reasons = _unjudged(sample, fold, settings)
    judged = np.array([not why for why in reasons])
    # What is enough to train on stays so when a part of it is held out.
    apart = replace(sample, truth=np.where(judged, sample.truth, np.nan))
    probability, predicted = _out_of_fold(apart, fold, replace(settings, min_positives=1), seed, progress)
    entry = _summary(sample, probability, predicted, reasons, generator(seed, "labeller", "bootstrap"))
    entry |= {"model": MODEL_NAME, "folds": folds, "n_gold": len(sample.texts), "n_groups": n_groups}
    return {"models": [entry | {"seconds": perf_counter() - started}], "labels_validated": True}


def _unjudged(sample: GoldSample, fold: NDArray[np.int64], settings: LabellerSettings) -> list[str]:
    """Return for each strategy why the labeller cannot be judged on it; "" where it can.

    Raises:
        InputError: It can be judged on none.
    """
    reasons = []
    for known, too_few in zip(sample.truth.T, obstacles_of(sample.truth, settings), strict=True):
        rest = [known[fold != part] for part in np.unique(fold)]
        both = all(np.any(labels == 1) and np.any(labels == 0) for labels in rest)
        reasons.append(too_few or ("" if both else "all its positive or negative labels are of too few people"))
    if all(reasons):
        raise InputError(
            f"The labeller cannot be judged on any strategy: each needs {settings.min_positives} positive and "
            f"{settings.min_positives} negative gold labels, of several authors or threads.",
            remedy="Label more messages, of more people; or empty text.gold: the codebook then labels, unvalidated.",
        )
    return reasons


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
    sample: GoldSample,
    probability: NDArray[np.float64],
    predicted: NDArray[np.bool_],
    reasons: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, Any]:
    truth = sample.truth
    trained = np.array([not why for why in reasons])
    f1, low, high = macro_f1_interval(truth[:, trained], predicted[:, trained], sample.groups, rng)
    return {
        "macro_f1": f1,
        "ci_low": low,
        "ci_high": high,
        "ece": expected_calibration_error(truth[:, trained], probability[:, trained]),
        "n_strategies": int(trained.sum()),
        "per_strategy": [_judge(k, truth, probability, predicted, reasons[k]) for k in range(len(STRATEGY_IDS))],
    }


def _judge(
    k: int, truth: NDArray[np.float64], probability: NDArray[np.float64], predicted: NDArray[np.bool_], reason: str
) -> dict[str, Any]:
    positives, negatives = int(np.sum(truth[:, k] == 1)), int(np.sum(truth[:, k] == 0))
    entry: dict[str, Any] = {"strategy": STRATEGY_IDS[k], "positives": positives, "negatives": negatives}
    if reason:
        return entry | {"trainable": False, "reason": reason}
    c = counts(truth[:, k], predicted[:, k])
    ece = expected_calibration_error(truth[:, k], probability[:, k])
    return entry | {"trainable": True, "counts": c._asdict(), "ece": ece} | rates(c)
