"""Plug-in outcome regression (the g-formula, Robins 1986): what a model of the outcome says had D or E been otherwise.

It answers where weighting refuses, because a regression predicts anywhere; where nobody with the same covariates was
treated otherwise, the answer is extrapolation by functional form. So it carries that label and no interval.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causal.arrays import ESTIMANDS, ArrayEstimator, _Arrays
from causal.estimators import EstimationSettings
from causal.folds import Folds, graph_folds
from causal.inference import Dependence
from causal.nuisance import cross_fit
from causal.results import Check, Estimate
from copenet.foundation.progress import Progress

Float = NDArray[np.float64]

EXTRAPOLATION = (
    "extrapolation: an outcome regression also predicts where nobody was treated or exposed otherwise, by its functional"
    " form, and that error has no standard error"
)


def counterfactual_means(
    y: Float, observed: Float, otherwise: tuple[Float, ...], folds: Folds, settings: EstimationSettings
) -> tuple[Float, ...]:
    """Return for each matrix of `otherwise` the predicted outcomes (n each), from models that did not see the row's fold.

    Args:
        y: Outcome (n).
        observed: Treatment, exposure and covariates as they were (n x p).
        otherwise: The same with treatment or exposure overwritten (n x p each).
        folds: The partition of rows.
        settings: Learners and seed.
    """
    n, blocks = len(y), 1 + len(otherwise)
    stacked = cross_fit(
        np.vstack([observed, *otherwise]),
        np.tile(y, blocks),
        replace(folds, fold=np.tile(folds.fold, blocks)),
        fit_on=np.arange(n * blocks) < n,
        learners=settings.learners,
        seed=settings.seed,
    )
    return tuple(stacked.values.reshape(blocks, n)[1:])


def ends(values: Float) -> tuple[float, float]:
    """Return the two values to contrast: 0 and 1, or the tenth and the ninetieth percentile of any other variable.

    >>> ends(np.array([0.0, 1.0, 1.0])), ends(np.arange(11) / 10)
    ((0.0, 1.0), (0.1, 0.9))
    """
    if np.isin(values, (0.0, 1.0)).all():
        return 0.0, 1.0
    low, high = np.quantile(values, (0.1, 0.9))
    return float(low), float(high)


class OutcomeRegression(ArrayEstimator):
    """Differences of predicted outcomes, per unit of treatment and exposure, labelled extrapolation.

    `direct` is the mean of m̂(d₁, E, X) - m̂(d₀, E, X) over d₁ - d₀, `peer` likewise in E, `total` their sum; d₀, d₁ are 0
    and 1, or the tenth and ninetieth percentile of what is no indicator.
    """

    __slots__ = ()
    name = "regression"

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        folds = graph_folds(arrays.person, arrays.adjacency, arrays.communities, k=settings.folds, seed=settings.seed)
        observed = np.column_stack([arrays.d, arrays.e, arrays.X])
        direct, peer = (_slope(arrays.y, observed, column, folds, settings) for column in (0, 1))
        values = (direct, peer, None if direct is None or peer is None else direct + peer)
        records = [_record(arrays, name, value) for name, value in zip(ESTIMANDS, values, strict=True)]
        return records, [Check("extrapolation", "warn", f"{EXTRAPOLATION[0].upper()}{EXTRAPOLATION[1:]}.")]


def _slope(y: Float, observed: Float, column: int, folds: Folds, settings: EstimationSettings) -> float | None:
    low, high = ends(observed[:, column])
    if np.ptp(observed[:, column]) == 0 or low == high:
        return None
    high_means, low_means = counterfactual_means(
        y, observed, tuple(_overwritten(observed, column, value) for value in (high, low)), folds, settings
    )
    return float(np.mean(high_means - low_means)) / (high - low)


def _overwritten(matrix: Float, column: int, value: float) -> Float:
    changed = matrix.copy()
    changed[:, column] = value
    return changed


def _record(arrays: _Arrays, estimand: str, value: float | None) -> Estimate:
    refused = None if value is not None else "treatment or exposure hardly varies"
    detail = {} if value is None else {"no_interval": EXTRAPOLATION}
    n, n_peers = len(arrays.y), int(arrays.n_peers.sum())
    name = OutcomeRegression.name
    return Estimate(name, estimand, value, None, None, None, None, n, n_peers, refused=refused, detail=detail)
