"""The event study of adoption: first use by period before and after a person's first exposure.

The hazard of `causal.hazard` with an indicator for each period around the first exposure, F_i, in place of the exposure:

    h_it = F(a_{g(i,t), t} + Σ_{k ≠ -1} β_k 1{t - F_i = k} + γ'X_it),

the ends -L and M holding all that is further away. The comparison is with the period before the first exposure and with
people who are not, or not yet, exposed. Who is exposed in their first row has no before and is left out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import overlap
from causal.estimators import EstimationSettings
from causal.hazard import Fitted, HazardSample, Link, cells_of, coefficient, fit_hazard, hazard_dependence
from causal.inference import Dependence
from causal.multiple import Banded, joint, wald

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

NEVER = np.iinfo(np.int64).min
REFERENCE = -1


@dataclass(frozen=True, slots=True)
class EventPoint(Banded):
    """One period around the first exposure."""

    period: int
    label: str
    n: int
    events: int


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Periods in order, without the reference.

    Attributes:
        points: One for each period.
        p_before: Joint test that nothing is seen before the first exposure; None with fewer than one period to test.
        people_without_before: People exposed in their first row, left out.
        refused: Why there is no event study at all.
    """

    points: tuple[EventPoint, ...]
    p_before: float | None
    people_without_before: int
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the event study as a JSON-shaped document."""
        return asdict(self)


def since_first(person: Int, period: Int, exposed: Bool) -> Int:
    """Return the period of each row (n) relative to its person's first exposure; NEVER for the never exposed.

    >>> since_first(np.array([0, 0, 1]), np.array([4, 5, 5]), np.array([False, True, False])).tolist()[:2]
    [-1, 0]
    """
    none = np.iinfo(np.int64).max
    first = np.full(int(person.max(initial=-1)) + 1, none)
    np.minimum.at(first, person[exposed], period[exposed])
    return np.where(first[person] == none, NEVER, period - first[person])


def without_before(person: Int, period: Int, exposed: Bool) -> Bool:
    """Return which rows (n) belong to people exposed in the first of their rows."""
    first = np.full(int(person.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, person, period)
    at_once = np.zeros(len(first), dtype=bool)
    at_once[person[exposed & (period == first[person])]] = True
    return at_once[person]


def event_study(
    sample: HazardSample,
    since: Int,
    settings: EstimationSettings = EstimationSettings(),
    *,
    leads: int = 3,
    lags: int = 3,
    link: Link = "cloglog",
    ridge: float = 1.0,
) -> EventStudy:
    """Estimate adoption around the first exposure.

    Args:
        sample: Rows at risk; its exposure is not used. Its history must not hold past exposure: that is what is asked for.
        since: Period relative to the first exposure (n), from `since_first` over all rows of the people, at risk or not.
        settings: Level, bandwidth, seed.
        leads, lags: Periods before (from 2 on) and after with an effect of their own; the ends hold the rest.
        link, ridge: As in `estimate_hazard`.
    """
    cells = cells_of(sample.community, sample.period, sample.y)
    kept, cell = cells.cell >= 0, cells.cell
    y, when = sample.y[kept], np.where(since[kept] == NEVER, NEVER, np.clip(since[kept], -leads, lags))
    bare = [_bare(k, when == k, y, leads, lags) for k in (*range(-leads, REFERENCE), *range(lags + 1))]
    usable = [p for p in bare if p.refused is None]
    reason = overlap.outcome_refusal(y) or (None if usable else "no period around a first exposure has events enough")
    if reason is not None:
        return EventStudy(tuple(bare), None, 0, reason)
    near = hazard_dependence(sample, kept, settings)
    Z = np.column_stack([*(when == p.period for p in usable), sample.X[kept], cells.periods[kept]]).astype(float)
    fit = fit_hazard(y, Z, cell[kept], link, penalised=np.arange(Z.shape[1]) >= len(usable), ridge=ridge)
    reason = near.refused or (None if fit.converged else "the likelihood has no maximum: history tells who adopts")
    if reason is not None:
        return EventStudy(tuple(bare), None, 0, reason)
    points, p_before = _estimated(usable, fit, near, settings)
    return EventStudy(tuple(points.get(p.period, p) for p in bare), p_before, 0)


def _bare(k: int, here: Bool, y: Float, leads: int, lags: int) -> EventPoint:
    label = f"≤{k}" if k == -leads else f"≥{k}" if k == lags else f"{k}"
    n, events = int(here.sum()), int(y[here].sum())
    few = min(events, n - events) < overlap.FEWEST_EVENTS
    return EventPoint(k, label, n, events, refused=f"only {events} first uses in {n:,} rows" if few else None)


def _estimated(
    usable: list[EventPoint], fit: Fitted, near: Dependence, settings: EstimationSettings
) -> tuple[dict[int, EventPoint], float | None]:
    found = [coefficient(fit, k) for k in range(len(usable))]
    beta = np.array([value for value, _ in found])
    influence = np.column_stack([values for _, values in found])
    covariance, dof = near.covariance(influence), near.dof(influence)
    together = joint(beta, covariance, dof, level=settings.level, seed=settings.seed)
    points = {
        p.period: replace(p, **those)  # type: ignore[arg-type]
        for p, those in zip(usable, together.banded(), strict=True)
    }
    before = np.array([p.period < 0 for p in usable])
    return points, wald(beta[before], covariance[np.ix_(before, before)], dof)[1]
