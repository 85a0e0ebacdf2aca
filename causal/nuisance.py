"""Cross-fitted nuisance functions: a convex stack of a regularised linear model and gradient-boosted trees.

Linear adjustment alone keeps bias when coping depends on a trait in steps or interactions; trees alone are noisy in
small studies. The stack (Wolpert 1992; van der Laan, Polley & Hubbard 2007) takes the weight that predicts best on
people it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.folds import Folds
from copenet.foundation.seeds import integer_seed
from copenet.foundation.threads import one_thread

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

WEIGHTS = np.linspace(0, 1, 21)
LEARNERS = ("linear", "boosting")


@dataclass(frozen=True, slots=True)
class Fitted:
    """Out-of-fold predictions of one nuisance.

    Attributes:
        values: Stacked predictions (n).
        by_learner: Predictions of each learner (n each).
        boosting_weight: Weight of the trees, mean over folds (0 when only the linear model was asked for).
    """

    values: Float
    by_learner: dict[str, Float]
    boosting_weight: float


def cross_fit(
    X: Float,
    target: Float,
    folds: Folds,
    *,
    fit_on: Bool | None = None,
    learners: tuple[str, ...] = LEARNERS,
    seed: int = 0,
) -> Fitted:
    """Predict `target` for every row from models that did not see the row's fold.

    Args:
        X: n x p covariates.
        target: n values; a probability is predicted where they are 0 and 1.
        folds: The partition of rows.
        fit_on: Rows that may be fitted on (an arm of the exposure); predictions are made for all.
        learners: Names out of `LEARNERS`.
        seed: Seed of the trees.
    """
    usable = np.ones(len(target), dtype=bool) if fit_on is None else fit_on
    binary = bool(np.isin(target, (0.0, 1.0)).all())
    makers = {name: _maker(name, binary, seed) for name in learners}
    with one_thread():
        by_learner = {name: _out_of_fold(X, target, folds, usable, make) for name, make in makers.items()}
    if len(learners) == 1:
        return Fitted(by_learner[learners[0]], by_learner, float(learners[0] == "boosting"))
    values, weight = _stack(by_learner, target, folds, usable, binary)
    return Fitted(values, by_learner, weight)


def _out_of_fold(X: Float, target: Float, folds: Folds, usable: Bool, make: Callable[[], Any]) -> Float:
    predicted = np.empty(len(target))
    for f in range(folds.k):
        here = folds.fold == f
        if not here.any():
            continue
        train = folds.train[f][usable[folds.train[f]]]
        predicted[here] = _fit_predict(make, X[train], target[train], X[here])
    return predicted


def _fit_predict(make: Callable[[], Any], X: Float, y: Float, new: Float) -> Float:
    """Fit and predict; a target that never varies is predicted as that constant, one without covariates as its mean."""
    if len(y) == 0 or np.ptp(y) == 0:
        return np.full(len(new), float(y[0]) if len(y) else 0.0)
    if X.shape[1] == 0:
        return np.full(len(new), float(y.mean()))
    model = make().fit(X, y)
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(new)[:, 1], dtype=float)
    return np.asarray(model.predict(new), dtype=float)


def _maker(name: str, binary: bool, seed: int) -> Callable[[], Any]:
    if name == "linear":
        return _linear(binary)
    return _boosting(binary, integer_seed(seed, "boosting"))


def _linear(binary: bool) -> Callable[[], Any]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if binary:
        return lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    return lambda: make_pipeline(StandardScaler(), Ridge(alpha=1.0))


def _boosting(binary: bool, seed: int) -> Callable[[], Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    return lambda: kind(
        max_iter=60,
        learning_rate=0.08,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )


def _stack(
    by_learner: dict[str, Float], target: Float, folds: Folds, usable: Bool, binary: bool
) -> tuple[Float, float]:
    """Weigh the learners for each fold by their loss on the other folds."""
    linear, trees = by_learner["linear"], by_learner["boosting"]
    values = np.empty(len(target))
    chosen = []
    for f in range(folds.k):
        others = (folds.fold != f) & usable
        losses = [_loss((1 - w) * linear[others] + w * trees[others], target[others], binary) for w in WEIGHTS]
        weight = float(WEIGHTS[int(np.argmin(losses))])
        here = folds.fold == f
        values[here] = (1 - weight) * linear[here] + weight * trees[here]
        chosen.append(weight)
    return values, float(np.mean(chosen))


def _loss(predicted: Float, target: Float, binary: bool) -> float:
    if not len(target):
        return 0.0
    if not binary:
        return float(np.mean((target - predicted) ** 2))
    p = np.clip(predicted, 1e-3, 1 - 1e-3)
    return float(-np.mean(target * np.log(p) + (1 - target) * np.log(1 - p)))
