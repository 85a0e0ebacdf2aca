"""The estimate among those who posted, which is secondary: posting follows the exposure.

Two answers, neither of them the headline. *Had everybody posted*, the share who use the strategy would differ by

    θ = E[U(1) - U(0)],    U(e) what a person would have written under exposure e,

seen only of those who posted (R = 1). With p(x) = P(E = 1 | x), π_e(x) = P(R = 1 | E = e, x) and m_e(x) = E[U | E = e,
R = 1, x], fitted on other folds, the mean of

    φ = m_1 - m_0 + E R (U - m_1) / (p π_1) - (1 - E) R (U - m_0) / ((1 - p) π_0)

is right where m, or p and π, are (Robins, Rotnitzky & Zhao 1994; Bang & Robins 2005): if, given exposure and history,
nothing else decides both who posts and what they write. *Lee's bounds* (2009) need no such thing, but that the exposure
moves posting in one direction only; they are for those who would post either way, and are not adjusted for the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from causal import overlap
from causal.estimators import EstimationSettings, Sample, dependence_of, interval
from causal.events import Bool, Float
from causal.folds import Folds, graph_folds
from causal.nuisance import cross_fit
from causal.results import Check, Estimate, Status

NAME = "posting_weighted"
ESTIMAND = "E[U(1) - U(0)], had everybody at risk posted"
RARE = 0.05


@dataclass(frozen=True, slots=True)
class PostingNuisances:
    """Out-of-fold nuisances (n each).

    Attributes:
        propensity: p̂(x) before clipping.
        posting: π̂_0(x) and π̂_1(x) before clipping.
        outcome: m̂_0(x) and m̂_1(x).
    """

    propensity: Float
    posting: tuple[Float, Float]
    outcome: tuple[Float, Float]


def fit_nuisances(sample: Sample, posted: Bool, folds: Folds, settings: EstimationSettings) -> PostingNuisances:
    """Cross-fit who is exposed, who posts in each arm, and what posters of each arm use."""

    def fit(target: Float, fit_on: Bool | None = None) -> Float:
        how: dict[str, Any] = {"learners": settings.learners, "seed": settings.seed}
        return cross_fit(sample.X, target, folds, fit_on=fit_on, **how).values

    arms = [sample.e == arm for arm in (0, 1)]
    posting = tuple(fit(posted.astype(float), arm) for arm in arms)
    outcome = tuple(fit(sample.y, arm & posted) for arm in arms)
    return PostingNuisances(fit(sample.e), (posting[0], posting[1]), (outcome[0], outcome[1]))


def weights(e: Float, posted: Bool, nuisances: PostingNuisances, clip: float) -> tuple[Float, Float]:
    """Return what each row counts for in the unexposed and the exposed arm (n each): 0 for who did not post.

    Args:
        e: Exposure, 0 or 1 (n).
        posted: Who posted (n).
        nuisances: Chances of exposure and of posting.
        clip: Chances are kept at least this far from 0 (and of exposure, from 1).
    """
    p = np.clip(nuisances.propensity, clip, 1 - clip)
    chance = [np.maximum(pi, clip) for pi in nuisances.posting]
    return (1 - e) * posted / ((1 - p) * chance[0]), e * posted / (p * chance[1])


def scores(sample: Sample, posted: Bool, nuisances: PostingNuisances, clip: float) -> Float:
    """Return φ (n), whose mean is the estimate."""
    (m0, m1), (w0, w1) = nuisances.outcome, weights(sample.e, posted, nuisances, clip)
    return np.asarray(m1 - m0 + w1 * (sample.y - m1) - w0 * (sample.y - m0))


def had_all_posted(sample: Sample, posted: Bool, settings: EstimationSettings = EstimationSettings()) -> Estimate:
    """Estimate the effect on what is written, had everybody at risk posted; a refusal says why there is none.

    Args:
        sample: Rows with a binary exposure; `y` is 1 for who posted and used the strategy (n).
        posted: Who posted in the outcome's period (n).
        settings: How to estimate.
    """
    base: dict[str, Any] = {"estimator": NAME, "estimand": ESTIMAND, "n_peers": int(sample.n_peers.sum())}
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value"))
    y, e = sample.y[posted], sample.e[posted]
    near, unit = dependence_of(sample, settings), f"{sample.unit} of people who posted"
    reason = near.refused or overlap.outcome_refusal(y, unit) or overlap.exposure_refusal(e, unit)
    reason = reason or overlap.events_refusal(y, e, unit)
    if reason is not None:
        return Estimate(**base, **nothing, n=len(y), refused=reason)
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)
    nuisances = fit_nuisances(sample, posted, folds, settings)
    clip = overlap.relative_clip(sample.e, settings.clip)
    worth = [overlap.kish(w) for w in weights(sample.e, posted, nuisances, clip)]
    own = np.where(sample.e == 1, nuisances.posting[1], nuisances.posting[0])
    detail = {
        "least_chance_of_posting": float(own.min()),
        "rarely_post": float(np.mean(own < RARE)),
        "effective_unexposed": worth[0],
        "effective_exposed": worth[1],
    }
    if min(worth) < overlap.LEAST_EFFECTIVE:
        reason = f"weighted, the posters of an arm are worth only {min(worth):.0f} rows (at least 50 are needed)"
        return Estimate(**base, **nothing, n=len(y), refused=reason, detail=detail)
    phi = scores(sample, posted, nuisances, clip)
    value, variance = float(phi.mean()), near.variance(phi - phi.mean())
    low, high, p = interval(value, variance, settings.level)
    return Estimate(
        **base, estimate=value, se=variance.se, ci_low=low, ci_high=high, p_value=p, n=len(y), dof=variance.dof,
        detail=detail,
    )  # fmt: skip


def trimming_bounds(exposed: Bool, posted: Bool, used: Bool) -> tuple[float, float]:
    """Return Lee's (2009) bounds on the contrast among those who would post either way, without covariates.

    Exposure may only raise (or only lower) posting. The group that posts more is trimmed by the surplus from the top
    for one bound and from the bottom for the other; for a binary outcome the trimmed mean is a ratio.

    Args:
        exposed, posted, used: Per row (r); `used` implies `posted`.

    >>> import numpy as np
    >>> e = np.array([True, True, False, False]); y = np.array([True, False, True, False])
    >>> trimming_bounds(e, np.ones(4, dtype=bool), y)
    (0.0, 0.0)
    """
    rates = [float(posted[exposed == arm].mean()) for arm in (False, True)]
    means = [float(used[(exposed == arm) & posted].mean()) for arm in (False, True)]
    more = int(rates[1] >= rates[0])
    surplus = (rates[more] - rates[1 - more]) / rates[more]
    kept = 1.0 - surplus
    low, high = max(0.0, (means[more] - surplus) / kept), min(1.0, means[more] / kept)
    if more:
        return low - means[0], high - means[0]
    return means[1] - high, means[1] - low


def among_posters(exposed: Bool, posted: Bool, used: Bool, weighted: Estimate | None = None) -> Check:
    """Say what can be said of those who posted: the weighted estimate where there is one, and bounds.

    Args:
        exposed, posted, used: Per row (r).
        weighted: From `had_all_posted`, where it was asked for.
    """
    arms = [posted[exposed == arm] for arm in (False, True)]
    if min(len(a) for a in arms) == 0 or not all(a.any() for a in arms):
        return Check("among_posters", "refused", "Nobody posted in one of the two groups.", {})
    low, high = trimming_bounds(exposed, posted, used)
    gap = float(arms[1].mean() - arms[0].mean())
    figures: dict[str, Any] = {
        "posted_exposed": float(arms[1].mean()),
        "posted_unexposed": float(arms[0].mean()),
        "bound_low": low,
        "bound_high": high,
        "n": int(np.sum(posted)),
    }
    bounds = (
        f"Lee bounds for those who would post either way are [{low:+.2f}, {high:+.2f}]; they are not adjusted for the past, "
        "so they cannot be compared with the headline."
    )
    after = f"posting comes after the exposure (exposed people post {gap:+.2f} more, before any adjustment)"
    if weighted is None or weighted.estimate is None:
        why = f": {weighted.refused}" if weighted is not None else ""
        said = f"Not estimated among those who posted{why}; {after}. {bounds}"
        return Check("among_posters", "refused", said, figures)
    told = weighted.detail
    figures |= {
        "weighted": weighted.estimate,
        "weighted_low": weighted.ci_low,
        "weighted_high": weighted.ci_high,
    } | told
    said = (
        f"Had everybody posted, use would differ by {weighted.estimate:+.3f} [{weighted.ci_low:+.3f}, {weighted.ci_high:+.3f}]"
        f" (posters weighted by exposure and history): only if, given these, nothing else decides both who posts and what"
        f" they write, for {after}. {told['rarely_post']:.1%} of the rows had a chance of posting below {RARE:g}; weighted, the"
        f" posters are worth {told['effective_exposed']:,.0f} exposed and {told['effective_unexposed']:,.0f} unexposed rows. "
        f"{bounds}"
    )
    status: Status = "warn" if told["rarely_post"] > overlap.WARN_OUTSIDE else "pass"
    return Check("among_posters", status, said, figures)
