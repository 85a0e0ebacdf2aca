"""Overlap: are people with the same past sometimes exposed and sometimes not? Refused where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from causal.results import Check

Float = NDArray[np.float64]

UNIT = "person-periods"
FEWEST_ROWS = 50
FEWEST_EVENTS = 10
MOST_OUTSIDE = 0.5
WARN_OUTSIDE = 0.1
LEAST_EFFECTIVE = 50.0
SMALL_DIFFERENCE = 0.1  # standard deviations: what is usually called balanced (Austin 2009, Statistics in Medicine 28)
# A calibrated logistic propensity that puts half of the rows beyond a clip of .02 tells the arms apart this well. A
# shrunken one may put none there and still know nearly everybody's arm: weights cannot show that, ranks do.
MOST_TOLD_APART = 0.97


def outcome_refusal(y: Float, unit: str = UNIT) -> str | None:
    """Return why the outcome cannot be analysed, if so: nobody, or nearly nobody, shows it or leaves it."""
    if not len(y):
        return "nobody at risk has an eligible peer, so no exposure is defined"
    if not np.isin(y, (0.0, 1.0)).all():
        return None if np.ptp(y) > 0 else "the outcome never varies"
    events = int(min(y.sum(), len(y) - y.sum()))
    if y.sum() == 0:
        return f"none of the {len(y):,} {unit} shows the outcome"
    if events < FEWEST_EVENTS:
        return f"only {events} of {len(y):,} {unit} differ from the rest in the outcome (at least 10 are needed)"
    return None


def events_refusal(y: Float, e: Float, unit: str = UNIT) -> str | None:
    """Return why an outcome of 0 and 1 cannot be compared between arms, if so: too few rows of an arm show or leave it.

    With three events among the exposed an interval is as narrow as chance made it, whatever its rule.
    """
    if not np.isin(y, (0.0, 1.0)).all():
        return None
    for name, arm in arms(e).items():
        inside = y[arm]
        events = int(min(inside.sum(), len(inside) - inside.sum()))
        if events < FEWEST_EVENTS:
            what = "show" if inside.sum() * 2 <= len(inside) else "do not show"
            return (
                f"only {events} of {len(inside):,} {name} {unit} {what} the outcome"
                f" (at least {FEWEST_EVENTS} are needed)"
            )
    return None


def exposure_refusal(e: Float, unit: str = UNIT) -> str | None:
    """Return why the exposure cannot be analysed, if so: it never varies, or an arm is nearly empty."""
    if len(e) and np.ptp(e) == 0:
        return "the exposure never varies: everybody is exposed alike"
    sizes = {name: int(arm.sum()) for name, arm in arms(e).items()}
    if min(sizes.values()) < FEWEST_ROWS:
        said = " and ".join(f"{size:,} {name}" for name, size in sizes.items())
        return f"no overlap: {said} {unit} (at least {FEWEST_ROWS} of each are needed)"
    return None


def arms(e: Float) -> dict[str, NDArray[np.bool_]]:
    """Return the rows (n) which an estimate of the exposure compares, by name.

    An exposure of 0 and 1 has two arms, however its effect is estimated. Of any other it is those who are exposed
    otherwise than most: where nearly everybody is exposed alike, a slope rests on them alone.

    >>> {name: rows.tolist() for name, rows in arms(np.array([0.0, 0.0, 0.5])).items()}
    {'unusually exposed': [False, False, True]}
    """
    values, counts = np.unique(e, return_counts=True)
    if np.isin(values, (0.0, 1.0)).all():
        return {"exposed": e == 1, "unexposed": e == 0}
    return {"unusually exposed": e != values[counts.argmax()]}


def effective_sizes(e: Float, propensity: Float, clip: float) -> tuple[float, float]:
    """Return Kish's effective number of exposed and unexposed rows under inverse-probability weights."""
    p = np.clip(propensity, clip, 1 - clip)
    return kish(1 / p[e == 1]), kish(1 / (1 - p[e == 0]))


def kish(weights: Float) -> float:
    """Return how many rows of equal weight the weighted rows are worth (Kish 1965); 0 where no row has a weight.

    >>> kish(np.array([2.0, 2.0, 0.0])), kish(np.zeros(3))
    (2.0, 0.0)
    """
    return float(weights.sum() ** 2 / np.sum(weights**2)) if weights.any() else 0.0


def relative_clip(e: Float, clip: float) -> float:
    """Return the clip for an exposure of any prevalence: 2 min(p, 1 - p) of what it is for one that half the rows have.

    Where a hundredth of the rows are exposed nearly every propensity is below .02, and that is no lack of overlap: a
    propensity is extreme when it is small beside the prevalence.

    >>> relative_clip(np.array([0.0, 1.0]), 0.02), round(relative_clip(np.array([0.0] * 99 + [1.0]), 0.02), 6)
    (0.02, 0.0004)
    """
    share = float(np.mean(e))
    return clip * 2 * min(share, 1 - share)


def told_apart(e: Float, propensity: Float) -> float:
    """Return the chance that an exposed row has a higher propensity than an unexposed one (ties count half).

    >>> told_apart(np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.1, 0.9]))
    0.5
    """
    exposed = float(e.sum())
    pairs = exposed * (len(e) - exposed)
    if pairs == 0:
        return 1.0
    return (float(rankdata(propensity)[e == 1].sum()) - exposed * (exposed + 1) / 2) / pairs


def overlap_check(e: Float, propensity: Float, clip: float, unit: str = UNIT) -> Check:
    """Return the overlap check: `refused` without overlap, `warn` where more than a tenth of rows are beyond the clip."""
    apart = told_apart(e, propensity)
    outside = float(np.mean((propensity < clip) | (propensity > 1 - clip)))
    exposed, unexposed = effective_sizes(e, propensity, clip)
    figures = overlap_figures(e, propensity) | {
        "clip": clip,
        "share_outside": outside,
        "effective_exposed": exposed,
        "effective_unexposed": unexposed,
        "told_apart": apart,
    }
    if apart > MOST_TOLD_APART:
        detail = (
            f"No overlap: what is known of the past tells the exposed from the unexposed in {apart:.1%} of all pairs"
            f" (at most {MOST_TOLD_APART:.0%} leave people to compare)."
        )
        return Check("overlap", "refused", detail, figures)
    if outside > MOST_OUTSIDE or min(exposed, unexposed) < LEAST_EFFECTIVE:
        detail = (
            f"No overlap: {outside:.0%} of {unit} are nearly certain to be exposed or not"
            f" (propensity beyond {clip:g}); the weights leave {exposed:.0f} exposed and {unexposed:.0f} unexposed."
        )
        return Check("overlap", "refused", detail, figures)
    detail = (
        f"{outside:.1%} of {unit} have a propensity beyond [{clip:.3g}, {1 - clip:.3g}] and are clipped; weighted, the"
        f" arms are worth {exposed:,.0f} exposed and {unexposed:,.0f} unexposed rows. Says nothing about hidden confounding."
    )
    return Check("overlap", "warn" if outside > WARN_OUTSIDE else "pass", detail, figures)


def overlap_figures(e: Float, propensity: Float) -> dict[str, Any]:
    """Return the histogram of the propensity by arm, twenty bins."""
    edges = np.linspace(0, 1, 21)
    inside = np.clip(propensity, 0, 1)
    return {
        "edges": edges.tolist(),
        "exposed": np.histogram(inside[e == 1], edges)[0].tolist(),
        "unexposed": np.histogram(inside[e == 0], edges)[0].tolist(),
    }


def balance(X: Float, e: Float, propensity: Float, clip: float) -> tuple[Float, Float]:
    """Return standardised mean differences of the covariates before and after weighting (p each)."""
    p = np.clip(propensity, clip, 1 - clip)
    weights = np.where(e == 1, 1 / p, 1 / (1 - p))
    spread = np.sqrt((X[e == 1].var(axis=0) + X[e == 0].var(axis=0)) / 2)
    spread = np.where(spread > 0, spread, 1.0)
    return _difference(X, e, np.ones(len(e))) / spread, _difference(X, e, weights) / spread


def _difference(X: Float, e: Float, weights: Float) -> Float:
    exposed, unexposed = weights * e, weights * (1 - e)
    return np.asarray(exposed @ X / exposed.sum() - unexposed @ X / unexposed.sum())
