"""What an estimate does as ties are taken away, and for slopes what it would be with all of them.

The *bias curve* repeats the estimate on networks from which further ties were taken at random. For most mappings that is
all that can be said: it shows in which direction missing ties move the estimate and how fast, not what all ties would
give.

For the slope of a count or proportion the moments of its score can be extrapolated (SIMEX, Cook & Stefanski 1994). With
a share p of all ties kept, λ = (1 - p) / p is the sampling variance of a count per peer who used the strategy; numerator
E[ẽ ỹ] and denominator E[ẽ²] of the slope are fitted by a quadratic in λ and read off at λ = 0. Extrapolating the two,
and not their ratio, keeps the weights fixed, so that influence values follow, and the estimate calm where there is no
effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.arrays import ArrayEstimator
from causal.estimators import interval
from causal.inference import Dependence
from causal.results import Estimate
from causal.thinning import MOST_MISSING, observed
from copenet.foundation.errors import UsageError
from copenet.foundation.progress import SILENT, Progress

Float = NDArray[np.float64]

KEPT = (0.9, 0.8, 0.7, 0.6)
DRAWS = 5
LEAST_Z = 4.0
LABEL = "What fewer ties do to the estimate, not what all ties would give"

Scores = tuple[Float, Float]
"""a and b of n rows (0 for a row that is not there), divided by the number of rows there are: θ = Σa / Σb."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """Estimates with a share of the observed ties.

    Attributes:
        kept: The share.
        estimate: Mean over the draws that have one; None where none has.
        lowest, highest: Of these draws.
        rows: Mean number of rows with a peer.
        draws: How many draws there were.
        refused: How many of them gave no estimate.
    """

    kept: float
    estimate: float | None
    lowest: float | None
    highest: float | None
    rows: float
    draws: int
    refused: int


@dataclass(frozen=True, slots=True)
class BiasCurve:
    """Estimates with ever fewer ties, all observed ties first; `label` goes with it wherever it is shown."""

    exposure: str
    points: tuple[Thinned, ...]
    label: str = LABEL

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as a JSON-shaped document."""
        return asdict(self)

    def summary(self) -> str:
        """Return the ends of the curve in words."""
        shown = [p for p in self.points if p.estimate is not None]
        if not shown:
            return "With none of these shares of the ties there is an estimate."
        last = shown[-1]
        return f"{shown[0].estimate:+.3f} with all observed ties, {last.estimate:+.3f} with {last.kept:.0%} of them."


def levels(kept: Sequence[float]) -> tuple[float, ...]:
    """Return the shares to keep, from 1 down.

    Raises:
        UsageError: A share is not between 0 and 1, or there are fewer than two below 1.
    """
    shares = sorted({1.0, *kept}, reverse=True)
    if not all(0 < share <= 1 for share in shares) or len(shares) < 3:
        raise UsageError("A bias curve needs at least two shares of ties between 0 and 1.", remedy="Use 0.9 and 0.8.")
    return tuple(shares)


def bias_curve(
    ask: ArrayEstimator,
    units: Any,
    adjacency: Any,
    *,
    kept: Sequence[float] = KEPT,
    draws: int = DRAWS,
    progress: Progress = SILENT,
) -> BiasCurve:
    """Return what an estimator on arrays answers as ties are taken away at random.

    Args:
        ask: The estimator, whatever its exposure; its seed names the draws, too.
        units: Data frame of n rows.
        adjacency: Sparse n x n; row i holds whom unit i is exposed to.
        kept: Shares of the observed ties to keep.
        draws: Draws for each share.
        progress: Where to report.

    >>> from causal import AIPW, Threshold
    >>> from causal.estimators import EstimationSettings
    >>> from causal.designs import S3, s3
    >>> made = s3.simulate(S3(n=400, exposure=Threshold(0.5)), seed=0)
    >>> quick = EstimationSettings(learners=("linear",), sensitivity=False)
    >>> ask = AIPW(outcome="y", treatment="d", exposure=made.exposure, covariates=["x"], settings=quick)
    >>> [p.kept for p in bias_curve(ask, made.units, made.adjacency, kept=(0.8, 0.6), draws=2).points]
    [1.0, 0.8, 0.6]
    """

    def fit(share: float, draw: int) -> Estimate:
        thinner = adjacency if share == 1 else observed(adjacency, share, ask.seed + draw)
        found = ask.fit(units, thinner).estimates
        return next(e for e in found if (e.estimator, e.estimand) == (ask.headline, ask.answers))

    return curve_of(fit, ask.exposure.definition, kept=kept, draws=draws, progress=progress)


def curve_of(
    fit: Callable[[float, int], Estimate],
    exposure: str,
    *,
    kept: Sequence[float] = KEPT,
    draws: int = DRAWS,
    progress: Progress = SILENT,
) -> BiasCurve:
    """Return the curve of a function of the share of ties that is kept and of the draw."""
    shares, points = levels(kept), []
    with progress.task("bias curve", 1 + draws * (len(shares) - 1), "estimates") as task:
        for share in shares:
            found = []
            for draw in range(draws if share < 1 else 1):
                found.append(fit(share, draw))
                task.advance()
            points.append(_point(share, [e.estimate for e in found], [e.n for e in found]))
    return BiasCurve(exposure, tuple(points))


def _point(share: float, estimates: Sequence[float | None], rows: Sequence[int]) -> Thinned:
    given = [e for e in estimates if e is not None]
    return Thinned(
        kept=share,
        estimate=float(np.mean(given)) if given else None,
        lowest=min(given, default=None),
        highest=max(given, default=None),
        rows=float(np.mean(rows)),
        draws=len(estimates),
        refused=len(estimates) - len(given),
    )


def extrapolation_weights(shares: Sequence[float], missing: float, degree: int = 2) -> Float:
    """Return the weight of each share in the least-squares polynomial in λ at λ = 0.

    >>> extrapolation_weights((1.0, 0.8), missing=0.2, degree=1).round(4).tolist()  # λ is .25 and .5625
    [1.8, -0.8]
    """
    p = (1 - missing) * np.asarray(shares)
    return np.asarray(np.linalg.pinv(np.vander((1 - p) / p, degree + 1, increasing=True))[0])


@dataclass(frozen=True, slots=True)
class Extrapolated:
    """A slope read off at no missing ties, with its interval; `refused` says why there is none.

    Attributes:
        estimate, se, ci_low, ci_high: Of the slope per unit of true exposure.
        reliability: Of the exposure beyond the covariates: extrapolated variance over that with all observed ties.
        z: The extrapolated variance over its standard error.
        chance: The part of `se` that the finite number of draws makes.
        curve: The slopes with ever fewer ties.
        refused: Why there is no estimate.
    """

    estimate: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    reliability: float | None
    z: float | None
    chance: float | None
    curve: BiasCurve
    refused: str | None = None


def extrapolate(
    scores: Mapping[float, Sequence[Scores]],
    near: Dependence,
    *,
    missing: float,
    exposure: str,
    count: bool,
    level: float = 0.95,
) -> Extrapolated:
    """Read the slope off at no missing ties.

    Args:
        scores: Of each share of the observed ties, from 1 down, those of every draw.
        near: Who depends on whom among the n rows.
        missing: The share of all ties that is missing from the observed ones.
        exposure: The mapping, as tables name it.
        count: Whether the exposure is a count, which counts only observed peers: it is divided by the share observed.
        level: Level of the interval.
    """
    shares = tuple(scores)
    unit = {s: (1 - missing) * s if count else 1.0 for s in shares}
    scaled = {s: [(a / unit[s], b / unit[s] ** 2) for a, b in scores[s]] for s in shares}
    slopes = {s: [float(a.sum() / b.sum()) for a, b in scaled[s]] for s in shares}
    rows = {s: [int(np.count_nonzero(b)) for _, b in scaled[s]] for s in shares}
    curve = BiasCurve(exposure, tuple(_point(s, slopes[s], rows[s]) for s in shares))
    nothing = Extrapolated(None, None, None, None, None, None, None, curve)
    if missing > MOST_MISSING:
        return replace(nothing, refused=f"{missing:.0%} of the ties are missing: too far to extrapolate")
    if near.refused is not None:
        return replace(nothing, refused=near.refused)
    weight = extrapolation_weights(shares, missing)
    n = len(scaled[1.0][0][0])
    a, b = (n * np.tensordot(weight, [np.mean([d[k] for d in scaled[s]], axis=0) for s in shares], 1) for k in (0, 1))
    left, seen = float(b.mean()), float(scaled[1.0][0][1].sum())
    z = left / max(near.variance(b - left).se, 1e-300)
    if z < LEAST_Z:
        said = f"too little of the exposure is left to correct: its extrapolated variance is {z:.1f} standard errors"
        return replace(nothing, z=z, refused=f"{said} (at least {LEAST_Z:.0f} are needed)")
    theta = float(a.mean() / left)
    found = near.variance((a - theta * b) / left)
    chance = _chance({s: [float(np.sum(d[0] - theta * d[1])) for d in scaled[s]] for s in shares}, weight) / left**2
    found = replace(found, value=found.value + chance)
    low, high, _ = interval(theta, found, level)
    return Extrapolated(theta, found.se, low, high, left / seen, z, float(np.sqrt(chance)), curve)


def _chance(draws: Mapping[float, Sequence[float]], weight: Float) -> float:
    """Return the variance that draws leave in a weighted sum of their means."""
    each = np.array([float(np.var(d, ddof=1)) / len(d) if len(d) > 1 else 0.0 for d in draws.values()])
    return float(np.sum(weight**2 * each))
