"""How good yes/no labels and their probabilities are. Plain functions on arrays; NaN in the truth means not judged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Counts(NamedTuple):
    """A confusion matrix: true and false positives, false and true negatives."""

    tp: int
    fp: int
    fn: int
    tn: int


def counts(truth: NDArray[np.float64], predicted: NDArray[np.bool_]) -> Counts:
    """Count the agreement of `predicted` with `truth` (n, values 0, 1 or NaN)."""
    yes, no = truth == 1, truth == 0
    return Counts(
        *(int(np.sum(a & b)) for a, b in ((yes, predicted), (no, predicted), (yes, ~predicted), (no, ~predicted)))
    )


def rates(c: Counts) -> dict[str, float | None]:
    """Return precision, recall (= sensitivity), specificity and F1; None where nothing could be counted."""
    return {
        "precision": _share(c.tp, c.tp + c.fp),
        "recall": _share(c.tp, c.tp + c.fn),
        "f1": _share(2 * c.tp, 2 * c.tp + c.fp + c.fn),
        "sensitivity": _share(c.tp, c.tp + c.fn),
        "specificity": _share(c.tn, c.tn + c.fp),
    }


def expected_calibration_error(
    truth: NDArray[np.float64], probability: NDArray[np.float64], bins: int = 10
) -> float | None:
    """Return Σ_b (n_b / n) |mean truth − mean probability| over equal-width bins (Naeini et al. 2015)."""
    judged = np.isfinite(truth) & np.isfinite(probability)
    if not judged.any():
        return None
    t, p = truth[judged], probability[judged]
    index = np.minimum((p * bins).astype(int), bins - 1)
    gap = np.bincount(index, weights=t, minlength=bins) - np.bincount(index, weights=p, minlength=bins)
    return float(np.abs(gap).sum() / len(t))


def best_threshold(truth: NDArray[np.float64], probability: NDArray[np.float64]) -> float:
    """Return the threshold with the greatest F1, half-way to the next lower probability; .5 without positives."""
    order = np.argsort(-probability, kind="stable")
    t, p = truth[order], probability[order]
    if not t.any():
        return 0.5
    f1 = 2 * np.cumsum(t) / (np.arange(1, len(t) + 1) + t.sum())
    last_of_tie = np.append(p[1:] < p[:-1], True)
    best = int(np.argmax(np.where(last_of_tie, f1, -1)))
    below = p[best + 1] if best + 1 < len(p) else 0.0
    return float((p[best] + below) / 2)


def macro_f1(tp: NDArray[np.float64], fp: NDArray[np.float64], fn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean F1 of the positive class over the last axis; 0 where it was neither true nor predicted."""
    return np.asarray(np.mean(2 * tp / np.maximum(2 * tp + fp + fn, 1), axis=-1))


def macro_f1_interval(
    truth: NDArray[np.float64],
    predicted: NDArray[np.bool_],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    draws: int = 1000,
) -> tuple[float, float, float]:
    """Return macro F1 and its 95% interval by a bootstrap of whole groups (authors or threads).

    Args:
        truth: n × K, values 0, 1 or NaN.
        predicted: n × K.
        groups: n group numbers from 0; rows of one group are drawn together.
        rng: Source of chance.
        draws: Bootstrap samples.
    """
    n_groups = int(groups.max()) + 1
    parts = []
    for hit in ((truth == 1) & predicted, (truth == 0) & predicted, (truth == 1) & ~predicted):
        total = np.zeros((n_groups, truth.shape[1]))
        np.add.at(total, groups, hit)
        parts.append(total)
    weights = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=draws)
    low, high = np.quantile(macro_f1(*(weights @ part for part in parts)), [0.025, 0.975])
    return float(macro_f1(*(part.sum(axis=0) for part in parts))), float(low), float(high)


def group_folds(groups: NDArray[np.int64], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row (0 to `n_folds` − 1): groups stay whole, folds are of like size.

    Groups come in random order, then the largest first, each into the smallest fold so far.
    """
    size = np.bincount(groups)
    shuffled = rng.permutation(len(size))
    order = shuffled[np.argsort(-size[shuffled], kind="stable")]
    fold_of_group = np.zeros(len(size), dtype=np.int64)
    load = np.zeros(n_folds, dtype=np.int64)
    for group in order:
        fold_of_group[group] = int(np.argmin(load))
        load[fold_of_group[group]] += size[group]
    return fold_of_group[groups]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
