"""Several estimates at once: Holm's correction and the law of the largest t, from their joint covariance.

Holm (1979), *A simple sequentially rejective multiple test procedure*; single-step max-t and simultaneous bands as in
Hothorn, Bretz & Westfall (2008), *Simultaneous inference in general parametric models*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from copenet.foundation.seeds import generator

Float = NDArray[np.float64]

DRAWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Banded:
    """One of several estimates: its own interval, and a band that holds all of them at once; `refused` says why it has none."""

    estimate: float | None = None
    se: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Joint:
    """K estimates together.

    Attributes:
        estimate, se: Of each (K).
        p_value: Against 0, each alone (K).
        p_holm: Holm's correction of those (K).
        p_max_t: Chance that the largest of the K |t| is as large as this one (K).
        alone: Multiple of the standard error whose interval covers one of them.
        critical: Multiple whose intervals cover all K at once.
        wald: Wald statistic against all K being 0, or None where the covariance is singular.
        p_wald: Its p-value.
    """

    estimate: Float
    se: Float
    p_value: Float
    p_holm: Float
    p_max_t: Float
    alone: float
    critical: float
    wald: float | None
    p_wald: float | None

    def banded(self) -> list[dict[str, float]]:
        """Return the fields of `Banded` for each of the K."""
        half, wide = self.alone * self.se, self.critical * self.se
        columns = {
            "estimate": self.estimate,
            "se": self.se,
            "ci_low": self.estimate - half,
            "ci_high": self.estimate + half,
            "band_low": self.estimate - wide,
            "band_high": self.estimate + wide,
        }
        return [{name: float(column[k]) for name, column in columns.items()} for k in range(len(self.se))]


def holm(p: Float) -> Float:
    """Return Holm's adjusted p-values.

    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def largest_t(covariance: Float, dof: float | None, *, seed: int = 0, draws: int = DRAWS) -> Float:
    """Return draws of max_k |t_k| under zero, for estimates of the given covariance (K x K; normal, or t with dof)."""
    se = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(se, se))
    rng = generator(seed, "max t")
    z = rng.normal(size=(draws, len(se))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    if dof is not None:
        z /= np.sqrt(rng.chisquare(dof, size=draws) / dof)[:, None]
    return np.asarray(np.abs(z).max(axis=1))


def joint(estimate: Float, covariance: Float, dof: float | None = None, *, level: float = 0.95, seed: int = 0) -> Joint:
    """Return tests and the critical value of K estimates with covariance (K x K), all standard errors above 0."""
    se = np.sqrt(np.diag(covariance))
    t = np.abs(estimate) / se
    law = stats.norm if dof is None else stats.t(dof)
    alone = 2 * law.sf(t)
    largest = np.sort(largest_t(covariance, dof, seed=seed))
    beyond = (len(largest) - np.searchsorted(largest, t) + 1) / (len(largest) + 1)
    statistic, p_wald = wald(estimate, covariance, dof)
    one = float(law.ppf(0.5 + level / 2))
    critical = max(float(np.quantile(largest, level)), one)
    return Joint(estimate, se, alone, holm(alone), np.maximum(beyond, alone), one, critical, statistic, p_wald)


def wald(estimate: Float, covariance: Float, dof: float | None = None) -> tuple[float | None, float | None]:
    """Return the Wald statistic against 0 and its p-value: χ² with K degrees of freedom, or Hotelling's T² with dof.

    Nothing where the covariance is singular, or where there are no more clusters than estimates.
    """
    k = len(estimate)
    if k == 0 or np.linalg.matrix_rank(covariance, hermitian=True) < k:
        return None, None
    statistic = float(estimate @ np.linalg.solve(covariance, estimate))
    if dof is None:
        return statistic, float(stats.chi2.sf(statistic, k))
    if dof < k + 1:
        return statistic, None
    return statistic, float(stats.f.sf(statistic * (dof - k + 1) / (dof * k), k, dof - k + 1))
