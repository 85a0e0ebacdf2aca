"""Random-effects pooling of group effects: how large is the effect in a group not seen, and how much do groups differ?

DerSimonian & Laird (1986) for the variance between groups τ²; Hartung & Knapp (2001), Sidik & Jonkman (2002) for the
interval, never narrower than that of DerSimonian and Laird with t (Röver, Knapp & Friede 2015); I² of Higgins & Thompson
(2002); prediction interval of Higgins, Thompson & Spiegelhalter (2009).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from copenet.foundation.errors import UsageError

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A random-effects mean of k groups.

    Attributes:
        estimate: The mean.
        se: Its Hartung-Knapp error, not below that of DerSimonian and Laird (`se_dl`).
        hk_scale: Hartung and Knapp's q = Σ w (θ - θ̂)² / (k - 1), by whose root `se_dl` is multiplied where it is above 1.
        ci_low, ci_high: t interval with k - 1 degrees of freedom.
        p_value: Against 0.
        prediction_low, prediction_high: Where the effect in a further group lies (t, k - 2 degrees of freedom); None for
            fewer than three groups.
        tau2: Variance between groups.
        q, p_q: Cochran's Q against no difference between groups, and its p-value.
        i2: Share of the variance of the group estimates that is not sampling error.
        k: Groups.
    """

    estimate: float
    se: float
    se_dl: float
    hk_scale: float
    ci_low: float
    ci_high: float
    p_value: float
    prediction_low: float | None
    prediction_high: float | None
    tau2: float
    q: float
    p_q: float
    i2: float
    k: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON-shaped document."""
        return asdict(self)


def pool(estimate: Float, se: Float, *, level: float = 0.95) -> Pooled:
    """Pool independent group estimates.

    Args:
        estimate, se: Of each group (k), errors above 0.
        level: Level of both intervals.

    >>> found = pool(np.array([0.1, 0.3, 0.2]), np.array([0.1, 0.1, 0.1]))
    >>> round(found.estimate, 3), found.tau2
    (0.2, 0.0)

    Raises:
        UsageError: Fewer than two groups, or an error that is not above 0.
    """
    theta, v, k = np.asarray(estimate, dtype=float), np.asarray(se, dtype=float) ** 2, len(estimate)
    if k < 2 or not np.all(v > 0):
        raise UsageError("Pooling needs at least two groups with standard errors above 0.", remedy="Use larger groups.")
    fixed = 1 / v
    q = float(np.sum(fixed * (theta - np.sum(fixed * theta) / fixed.sum()) ** 2))
    tau2 = max(0.0, (q - (k - 1)) / float(fixed.sum() - np.sum(fixed**2) / fixed.sum()))
    w = 1 / (v + tau2)
    mean, se_dl = float(np.sum(w * theta) / w.sum()), float(1 / math.sqrt(w.sum()))
    scale = float(np.sum(w * (theta - mean) ** 2) / (k - 1))
    error = se_dl * math.sqrt(max(scale, 1.0))
    half = float(stats.t(k - 1).ppf(0.5 + level / 2)) * error
    far = float(stats.t(k - 2).ppf(0.5 + level / 2)) * math.sqrt(tau2 + error**2) if k > 2 else None
    return Pooled(
        estimate=mean,
        se=error,
        se_dl=se_dl,
        hk_scale=scale,
        ci_low=mean - half,
        ci_high=mean + half,
        p_value=float(2 * stats.t(k - 1).sf(abs(mean) / error)),
        prediction_low=None if far is None else mean - far,
        prediction_high=None if far is None else mean + far,
        tau2=tau2,
        q=q,
        p_q=float(stats.chi2.sf(q, k - 1)),
        i2=max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        k=k,
    )
