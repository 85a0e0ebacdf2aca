"""The partially linear model y = θ e + g(x) + ε by residual on residual (Robinson 1988; Chernozhukov et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causal.folds import Folds
from causal.nuisance import LEARNERS, cross_fit

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlmResiduals:
    """Out-of-fold residuals of outcome and exposure (n each)."""

    outcome: Float
    exposure: Float


def fit_residuals(
    y: Float, e: Float, X: Float, folds: Folds, *, learners: tuple[str, ...] = LEARNERS, seed: int = 0
) -> PlmResiduals:
    """Cross-fit E[y|x] and E[e|x] and return what they leave."""
    outcome = cross_fit(X, y, folds, learners=learners, seed=seed)
    exposure = cross_fit(X, e, folds, learners=learners, seed=seed)
    return PlmResiduals(y - outcome.values, e - exposure.values)


def strengths(residuals: PlmResiduals, theta: float) -> tuple[float, float]:
    """Return E[(ỹ - θ̂ ẽ)²] and E[α̂²] of the residuals, which set the scale of `sensitivity`."""
    noise = float(np.mean((residuals.outcome - theta * residuals.exposure) ** 2))
    return noise, representer_energy(residuals.exposure)


def representer_energy(exposure: Float) -> float:
    """Return E[α̂²] of the Riesz representer α̂ = ẽ / E[ẽ²] of residuals ẽ of the exposure."""
    return 1 / max(float(np.mean(exposure**2)), 1e-12)


def slope(residuals: PlmResiduals) -> tuple[float, Float]:
    """Return θ̂ and the influence value of each row (n), whose mean square gives the variance.

    ψ = ẽ (ỹ - θ̂ ẽ) / mean(ẽ²).
    """
    e, y = residuals.exposure, residuals.outcome
    energy = float(np.mean(e**2))
    if energy == 0:
        return 0.0, np.zeros(len(e))
    theta = float(np.mean(e * y) / energy)
    return theta, e * (y - theta * e) / energy
