"""The exposure curve: the mean outcome were everybody exposed at one level, level by level. A curve, never the headline.

For a partition of the exposure into levels B_1, …, B_K it estimates μ_k = E[Y(A_k)], A_k drawn from the exposures of rows
inside B_k: of a count each level is one value (the last: that many or more), of a share it is a range. Each μ_k is the
cross-fitted mean of m̂_k(x) + 1{E in B_k}(Y - m̂_k(x)) / p̂_k(x), the score of a treatment with K values (Cattaneo 2010).
Bands hold all levels at once (`causal.multiple`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import overlap
from causal.estimators import EstimationSettings, Sample, dependence_of
from causal.folds import Folds, graph_folds
from causal.inference import Dependence
from causal.multiple import Banded, joint
from causal.nuisance import cross_fit

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]

MOST_LEVELS = 6
LABEL = "A curve, never the headline"


@dataclass(frozen=True, slots=True)
class Level(Banded):
    """One level of the curve; `exposure` is the mean exposure of its rows."""

    name: str
    exposure: float
    n: int


@dataclass(frozen=True, slots=True)
class Curve:
    """The levels, lowest first; `refused` says why there is no curve, `label` goes with it wherever it is shown."""

    levels: tuple[Level, ...]
    refused: str | None = None
    label: str = LABEL

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as a JSON-shaped document."""
        return asdict(self)


def edges_of(e: Float, most: int = MOST_LEVELS, fewest: int = overlap.FEWEST_ROWS) -> Float:
    """Return the lower ends of at most `most` levels, each of at least `fewest` rows where there are so many.

    A level is one value of the exposure; where it has more than `most`, the lowest value and quantiles of the others.

    >>> edges_of(np.repeat([0.0, 1.0, 2.0, 3.0], [90, 80, 70, 5])).tolist()
    [0.0, 1.0, 2.0]
    """
    values = np.unique(e)
    if len(values) > most:
        quantiles = np.quantile(e[e > values[0]], np.linspace(0, 1, most)[:-1], method="lower")
        values = np.unique(np.r_[values[0], quantiles])
    lower = [float(values[0])]
    for value in values[1:]:
        if min(np.sum((e >= lower[-1]) & (e < value)), np.sum(e >= value)) >= fewest:
            lower.append(float(value))
    return np.array(lower)


def exposure_curve(sample: Sample, settings: EstimationSettings = EstimationSettings()) -> Curve:
    """Estimate the curve of a sample, whatever its exposure.

    Args:
        sample: Rows, exposure and covariates.
        settings: Learners, folds, clip, level, seed.
    """
    reason = overlap.outcome_refusal(sample.y) or overlap.exposure_refusal(sample.e)
    near = None if reason else dependence_of(sample, settings)
    if near is None or near.refused is not None:
        return Curve((), reason or (near.refused if near else None))
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)
    lower = edges_of(sample.e)
    of_row = np.searchsorted(lower, sample.e, side="right") - 1
    levels = [_bare(sample.e, of_row == k) for k in range(len(lower))]
    psi = [_mean_at(sample, of_row == k, folds, settings) for k in range(len(lower))]
    return Curve(_with_bands(levels, psi, near, settings))


def _bare(e: Float, inside: Bool) -> Level:
    low, high = float(e[inside].min()), float(e[inside].max())
    name = f"{low:g}" if low == high else f"{low:.2g} to {high:.2g}"
    return Level(name, float(e[inside].mean()), int(inside.sum()))


def _mean_at(sample: Sample, inside: Bool, folds: Folds, settings: EstimationSettings) -> Float | str:
    """Return the scores of one level (n), or why there are none."""
    arm = inside.astype(float)
    reason = overlap.exposure_refusal(arm) or overlap.events_refusal(sample.y, arm)
    if reason is not None:
        return reason
    learn: dict[str, Any] = {"learners": settings.learners, "seed": settings.seed}
    chance = cross_fit(sample.X, arm, folds, **learn).values
    clip = overlap.relative_clip(arm, settings.clip)
    check = overlap.overlap_check(arm, chance, clip)
    if check.status == "refused":
        return check.detail
    mean = cross_fit(sample.X, sample.y, folds, fit_on=inside, **learn).values
    return mean + arm * (sample.y - mean) / np.clip(chance, clip, 1)


def _with_bands(
    levels: list[Level], psi: list[Float | str], near: Dependence, settings: EstimationSettings
) -> tuple[Level, ...]:
    made = [replace(level, refused=p) if isinstance(p, str) else level for level, p in zip(levels, psi, strict=True)]
    given = [(k, p) for k, p in enumerate(psi) if not isinstance(p, str)]
    if not given:
        return tuple(made)
    scores = np.column_stack([p for _, p in given])
    means = scores.mean(axis=0)
    influence = scores - means
    together = joint(means, near.covariance(influence), near.dof(influence), level=settings.level, seed=settings.seed)
    for (k, _), found in zip(given, together.banded(), strict=True):
        made[k] = replace(made[k], **found)  # type: ignore[arg-type]
    return tuple(made)
