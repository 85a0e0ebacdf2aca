"""Augmented inverse probability weighting for a binary exposure (Robins, Rotnitzky & Zhao 1994), cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causal.folds import Folds
from causal.nuisance import LEARNERS, cross_fit

Float = NDArray[np.float64]

CLIP = 0.02


@dataclass(frozen=True, slots=True)
class AipwNuisances:
    """Out-of-fold nuisances of a binary exposure.

    Attributes:
        propensity: ê(x) before clipping (n).
        untreated, treated: m̂_0(x) and m̂_1(x) (n each).
        boosting_weight: Mean weight of the trees in propensity and outcome stacks.
    """

    propensity: Float
    untreated: Float
    treated: Float
    boosting_weight: tuple[float, float]


def fit_nuisances(
    y: Float, e: Float, X: Float, folds: Folds, *, learners: tuple[str, ...] = LEARNERS, seed: int = 0
) -> AipwNuisances:
    """Cross-fit the propensity and the outcome in each arm."""
    propensity = cross_fit(X, e, folds, learners=learners, seed=seed)
    untreated = cross_fit(X, y, folds, fit_on=e == 0, learners=learners, seed=seed)
    treated = cross_fit(X, y, folds, fit_on=e == 1, learners=learners, seed=seed)
    weights = (propensity.boosting_weight, (untreated.boosting_weight + treated.boosting_weight) / 2)
    return AipwNuisances(propensity.values, untreated.values, treated.values, weights)


def scores(y: Float, e: Float, nuisances: AipwNuisances, clip: float = CLIP) -> Float:
    """Return ψ_i, whose mean is the estimate of E[Y(1) - Y(0)] (n).

    ψ = m̂_1 - m̂_0 + e (y - m̂_1) / ê - (1 - e)(y - m̂_0) / (1 - ê), ê clipped to [clip, 1 - clip].
    """
    p = np.clip(nuisances.propensity, clip, 1 - clip)
    m0, m1 = nuisances.untreated, nuisances.treated
    return m1 - m0 + e * (y - m1) / p - (1 - e) * (y - m0) / (1 - p)


def mean_unexposed(y: Float, e: Float, nuisances: AipwNuisances, clip: float = CLIP) -> float:
    """Return the AIPW estimate of E[Y(0)]: the mean of m̂_0 + (1 - e)(y - m̂_0) / (1 - ê)."""
    p = np.clip(nuisances.propensity, clip, 1 - clip)
    return float(np.mean(nuisances.untreated + (1 - e) * (y - nuisances.untreated) / (1 - p)))


def strengths(y: Float, e: Float, nuisances: AipwNuisances, clip: float = CLIP) -> tuple[float, float]:
    """Return E[(Y - m̂_e)²] and E[α̂²] of the nuisances, which set the scale of `sensitivity`."""
    fitted = np.where(e == 1, nuisances.treated, nuisances.untreated)
    return float(np.mean((y - fitted) ** 2)), representer_energy(e, nuisances.propensity, clip)


def representer_energy(e: Float, propensity: Float, clip: float = CLIP) -> float:
    """Return E[α̂²] of the Riesz representer α̂ = e / ê - (1 - e) / (1 - ê), ê clipped."""
    p = np.clip(propensity, clip, 1 - clip)
    return float(np.mean(e / p**2 + (1 - e) / (1 - p) ** 2))


def clipped_share(nuisances: AipwNuisances, clip: float = CLIP) -> float:
    """Return the share of rows whose propensity was clipped."""
    return float(np.mean((nuisances.propensity < clip) | (nuisances.propensity > 1 - clip)))
