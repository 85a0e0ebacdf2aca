"""The chance that a test sees what is there, by the law its interval has."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, stats

LEVEL = 0.05
POWER = 0.8
_PARTS = (np.arange(2_000) + 0.5) / 2_000


def power_against(shift: float, se: float, dof: float | None = None, level: float = LEVEL) -> float:
    """Return the chance that a two-sided test at `level` sees a shift.

    Args:
        shift: What is there.
        se: Standard error of the estimate.
        dof: Degrees of freedom of its t (the shift then makes it noncentral); None for the normal.
        level: Level of the test.

    >>> round(power_against(2.8, 1.0), 2), round(power_against(0.0, 1.0), 2), round(power_against(2.8, 1.0, 3.0), 2)
    (0.8, 0.05, 0.48)
    """
    if se <= 0:
        return float(shift != 0)
    away = abs(shift) / se
    limit: Any = float(stats.norm.isf(level / 2))
    if dof is not None:  # the mean over the law of the standard error: scipy's noncentral t fails far from 0
        limit = float(stats.t(dof).isf(level / 2)) * np.sqrt(stats.chi2(dof).ppf(_PARTS) / dof)
    return float(np.mean(stats.norm.sf(limit - away) + stats.norm.cdf(-limit - away)))


def detectable(se: float, dof: float | None = None, power: float = POWER, level: float = LEVEL) -> float:
    """Return the least shift that is seen with chance `power`.

    >>> round(detectable(1.0), 2), round(detectable(2.0), 2), round(detectable(1.0, 3.0), 2)
    (2.8, 5.6, 4.26)
    """
    if se <= 0:
        return 0.0
    most = 4.0
    while power_against(most, 1.0, dof, level) < power:
        most *= 2
    return se * float(optimize.brentq(lambda away: power_against(away, 1.0, dof, level) - power, 0.0, most))
