"""A shift of a count or share of exposing peers: what if everybody had one more, where there is one left?

A modified treatment policy (Haneuse & Rotnitzky 2013; Díaz & van der Laan 2012): exposure E becomes d(E, X), which depends
on the exposure each row had. Its mean effect

    θ = E[Y(d(E, X)) - Y(E)]

is regular: estimable at the usual rate, unlike the point contrast of a continuous exposure. With the outcome regression
m(e, x) and the density ratio r(e, x) of d(E, X) to E given X = x, the cross-fitted doubly robust estimate is the mean of

    φ = m(d(E, X), X) - m(E, X) + (r(E, X) - 1)(Y - m(E, X)).

r comes from a classifier that tells shifted rows from rows as they were (Díaz, Williams, Hoffman & Schenck 2023): if u is
its probability of a shifted row, r = u / (1 - u).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from causal import overlap, plm, regression
from causal.estimators import (
    Estimates,
    EstimationSettings,
    Sample,
    dependence_check,
    dependence_of,
    fold_detail,
    record,
    sensitivity_checks,
    without_headline,
)
from causal.exposure import Count, Mapping, Proportion
from causal.folds import Folds, graph_folds
from causal.inference import Dependence
from causal.nuisance import cross_fit
from causal.results import Check, Estimate
from causal.sensitivity import Sensitivity, analyse
from copenet.foundation.errors import UsageError
from copenet.foundation.progress import SILENT, Progress

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

SHIFT = "E[Y(d(E)) - Y(E)], d(E): {by} more of the peers used the strategy, where so many are left"
LEAST_MOVED = 0.05
LEAST_RATIO = 0.7


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy d on n rows.

    Attributes:
        by: How many more peers.
        to: d(E, X) (n).
        reachable: Whether d leads to the row's own exposure from any exposure (n); elsewhere r = 0.
        here, there: What nuisances see of E and of d(E, X) (n x 4 each).
    """

    by: int
    to: Float
    reachable: Bool
    here: Float
    there: Float

    def moved(self, e: Float) -> Float:
        """Return d(E, X) - E (n)."""
        return self.to - e


def policy_of(mapping: Mapping, e: Float, n_peers: Int, by: int = 1) -> Policy:
    """Return the policy "`by` more of the peers", in the units of `mapping`.

    Args:
        mapping: `Count` or `Proportion`; of a proportion one more peer is 1 / n_i.
        e: E (n).
        n_peers: Peers of each row (n).
        by: How many more, at least 1. Rows with fewer left keep what they have.

    >>> policy_of(Count(), np.array([0.0, 2.0]), np.array([2, 2])).to.tolist()
    [1.0, 2.0]

    Raises:
        UsageError: Another mapping, or fewer than one more.
    """
    if not isinstance(mapping, Count | Proportion):
        raise UsageError(
            f"A shift is of a count or proportion of peers; {mapping.name} is neither.",
            remedy="Use the exposure count or proportion, or the estimator plm.",
        )
    if by < 1:
        raise UsageError("A shift is by at least one more peer.", remedy="Set shift_peers to 1.")
    unit = 1.0 if isinstance(mapping, Count) else n_peers
    before = np.rint(e * unit)
    after = np.where(before + by <= n_peers, before + by, before)
    reachable = (before >= by) | (after == before)
    return Policy(by, after / unit, reachable, _seen(before, n_peers, by), _seen(after, n_peers, by))


def _seen(exposing: Float, n_peers: Int, by: int) -> Float:
    """Return the terms in which the log density ratio of a binomial count is linear, and whether a row would stay."""
    left = n_peers - exposing
    return np.column_stack([exposing / n_peers, np.log(exposing + 0.5), np.log(left + 0.5), left < by])


@dataclass(frozen=True, slots=True)
class ShiftNuisances:
    """Out-of-fold nuisances (n each; `shifted` 2n).

    Attributes:
        outcome: m̂(E, X).
        outcome_shifted: m̂(d(E, X), X).
        shifted: û of the rows as they were, then of the shifted ones (2n).
    """

    outcome: Float
    outcome_shifted: Float
    shifted: Float


def fit_nuisances(sample: Sample, policy: Policy, folds: Folds, settings: EstimationSettings) -> ShiftNuisances:
    """Cross-fit outcome and classifier on the rows and their shifted twins, both of them in the row's fold."""
    n = len(sample.y)
    X = np.block([[policy.here, sample.X], [policy.there, sample.X]])
    twins = replace(folds, fold=np.tile(folds.fold, 2), train=tuple(np.r_[rows, rows + n] for rows in folds.train))
    label = np.repeat([0.0, 1.0], n)
    learn: dict[str, Any] = {"learners": settings.learners, "seed": settings.seed}
    outcome = cross_fit(X, np.tile(sample.y, 2), twins, fit_on=label == 0, **learn).values
    # Where the policy never leads the ratio is 0; such rows would only bend the classifier elsewhere.
    reached = np.r_[policy.reachable, np.ones(n, dtype=bool)]
    return ShiftNuisances(outcome[:n], outcome[n:], cross_fit(X, label, twins, fit_on=reached, **learn).values)


def ratio(shifted: Float, reachable: Bool, clip: float) -> Float:
    """Return r̂ = û / (1 - û), û at most 1 - clip; 0 where the policy never leads (n)."""
    u = np.minimum(shifted, 1 - clip)
    return np.where(reachable, u / (1 - u), 0.0)


def scores(y: Float, nuisances: ShiftNuisances, r: Float) -> Float:
    """Return φ (n), whose mean is the estimate."""
    return nuisances.outcome_shifted - nuisances.outcome + (r - 1) * (y - nuisances.outcome)


def estimate_shift(
    sample: Sample,
    mapping: Mapping,
    by: int = 1,
    settings: EstimationSettings = EstimationSettings(),
    progress: Progress = SILENT,
) -> Estimates:
    """Estimate the effect of `by` more exposing peers; `ols` and `naive` beside it: their slopes times the mean move.

    Nothing is raised for a design that does not identify the effect: `refused` and the checks say why.

    Raises:
        UsageError: The mapping is neither a count nor a proportion.
    """
    policy = policy_of(mapping, sample.e, sample.n_peers, by)
    reason = _refusal(sample, policy)
    if reason is not None:
        return without_headline(sample, settings, "shift", reason, SHIFT.format(by=by))
    near = dependence_of(sample, settings)
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)
    with progress.task("estimate", 2, "steps") as task:
        nuisances = fit_nuisances(sample, policy, folds, settings)
        task.advance()
        r = ratio(nuisances.shifted[: len(sample.y)], policy.reachable, settings.clip)
        check = overlap_check(nuisances.shifted, r, policy, settings.clip)
        phi = scores(sample.y, nuisances, r)
        linearity = linearity_check(sample, policy, phi, folds, near, settings)
        task.advance()
    refused = near.refused or (check.detail if check.status == "refused" else None)
    moved = policy.moved(sample.e)
    detail = {"moved_share": float(np.mean(moved > 0)), "per_unit": float(phi.mean() / moved.mean())} | check.figures
    estimand = SHIFT.format(by=by)
    points = {"shift": (float(phi.mean()), phi - phi.mean())} | _comparisons(sample, moved)
    made = [
        record(
            sample, k, v, near, settings, refused if k == "shift" else None, detail if k == "shift" else None, estimand
        )
        for k, v in points.items()
    ]
    analysed = _sensitivity(sample, policy, folds, settings, made[0], strengths(sample.y, nuisances, r))
    checks = (
        check,
        *(() if refused else (linearity,)),
        dependence_check(near, made[0]),
        *sensitivity_checks(analysed),
    )
    return Estimates("shift", tuple(made), checks, refused, near.describe() | fold_detail(folds))


def strengths(y: Float, nuisances: ShiftNuisances, r: Float) -> tuple[float, float]:
    """Return E[(Y - m̂)²] and E[α̂²] of the shift's Riesz representer α̂ = r̂ - 1."""
    return float(np.mean((y - nuisances.outcome) ** 2)), float(np.mean((r - 1) ** 2))


def _sensitivity(
    sample: Sample,
    policy: Policy,
    folds: Folds,
    settings: EstimationSettings,
    ours: Estimate,
    own: tuple[float, float],
) -> Sensitivity | None:
    """Return how strong a hidden confounder must be, against covariate groups left out of linear nuisances."""
    if not settings.sensitivity or ours.estimate is None or ours.ci_high is None:
        return None
    linear = replace(settings, learners=("linear",))

    def measure(X: Float) -> tuple[float, float]:
        fitted = fit_nuisances(replace(sample, X=X), policy, folds, linear)
        return strengths(sample.y, fitted, ratio(fitted.shifted[: len(sample.y)], policy.reachable, settings.clip))

    half = ours.ci_high - ours.estimate
    return analyse(sample.X, sample.groups, measure, estimate=ours.estimate, half_width=half, strengths=own)


def _refusal(sample: Sample, policy: Policy) -> str | None:
    reason = overlap.outcome_refusal(sample.y) or overlap.exposure_refusal(sample.e)
    reason = reason or overlap.events_refusal(sample.y, sample.e)
    moved = float(np.mean(policy.moved(sample.e) > 0))
    if reason is None and moved < LEAST_MOVED:
        return f"no overlap: only {moved:.1%} of the rows have {policy.by} more peers who could use the strategy"
    return reason


def _comparisons(sample: Sample, moved: Float) -> dict[str, tuple[float, Float]]:
    slopes = {
        "ols": regression.ols(sample.y, sample.e, sample.X),
        "naive": regression.naive(sample.y, sample.e),
    }
    return {name: times_move(slope, moved) for name, slope in slopes.items()}


def times_move(slope: tuple[float, Float], moved: Float) -> tuple[float, Float]:
    """Return β E[d(E) - E] with its influence values, of a slope with its own (n)."""
    beta, influence = slope
    return beta * float(moved.mean()), influence * moved.mean() + beta * (moved - moved.mean())


def overlap_check(shifted: Float, r: Float, policy: Policy, clip: float) -> Check:
    """Return the overlap check of a shift: `refused` where shifted rows look like none that there are.

    The mean of r is the share of the shifted rows that fall where there are rows: 1 with overlap.

    Args:
        shifted: û of the rows as they were, then of the shifted ones (2n).
        r: The density ratio of the rows as they were (n).
        policy: The shift.
        clip: û is at most 1 - clip.
    """
    n = len(r)
    told = np.r_[policy.reachable, np.ones(n, dtype=bool)]
    apart = overlap.told_apart(np.repeat([0.0, 1.0], n)[told], shifted[told])
    worth = overlap.kish(r)
    clipped = float(np.mean(shifted[:n][policy.reachable] > 1 - clip)) if policy.reachable.any() else 1.0
    mean = float(r.mean())
    figures = {"told_apart": apart, "effective_rows": worth, "mean_ratio": mean, "clipped_share": clipped}
    if apart > overlap.MOST_TOLD_APART or worth < overlap.LEAST_EFFECTIVE or not LEAST_RATIO <= mean <= 1 / LEAST_RATIO:
        said = (
            f"No overlap: shifted rows are told from those there are in {apart:.1%} of all pairs, the rows are worth"
            f" {worth:,.0f} of them (at least {overlap.LEAST_EFFECTIVE:.0f} are needed), and their weights average"
            f" {mean:.2f} (1 with overlap)."
        )
        return Check("overlap", "refused", said, figures)
    said = (
        f"Weighted to look like shifted ones, the {n:,} rows are worth {worth:,.0f}; the weights average {mean:.2f} (1 where"
        f" they are right) and {clipped:.1%} are clipped. Says nothing about hidden confounding."
    )
    return Check("overlap", "warn" if clipped > overlap.WARN_OUTSIDE or abs(mean - 1) > 0.1 else "pass", said, figures)


def linearity_check(
    sample: Sample, policy: Policy, phi: Float, folds: Folds, near: Dependence, settings: EstimationSettings
) -> Check:
    """Test whether the partially linear slope times the mean move is the effect of the shift.

    Where y = β e + g(x) + ε both are the same; a curve, or a slope that differs between people, sets them apart. The
    variance is that of the difference, so that what both share cancels.

    Args:
        sample: The rows.
        policy: The shift.
        phi: φ (n).
        folds, near, settings: As for the shift.
    """
    residuals = plm.fit_residuals(sample.y, sample.e, sample.X, folds, learners=settings.learners, seed=settings.seed)
    implied, influence = times_move(plm.slope(residuals), policy.moved(sample.e))
    gap = float(phi.mean()) - implied
    if near.refused is not None:
        return Check("linearity", "not_informative", "No interval is valid here, so no test is.", {"difference": gap})
    variance = near.variance(phi - phi.mean() - influence)
    law = stats.norm if variance.dof is None else stats.t(variance.dof)
    p = float(2 * law.sf(abs(gap) / variance.se)) if variance.se > 0 else 1.0
    figures = {
        "shift": float(phi.mean()),
        "slope_times_move": implied,
        "difference": gap,
        "se": variance.se,
        "p_value": p,
    }
    said = f"The shift gives {phi.mean():+.3f} and the partially linear slope {implied:+.3f} for the same move (p = {p:.3f})"
    if p < 1 - settings.level:
        return Check("linearity", "warn", f"{said}: one slope does not describe this effect; read the curve.", figures)
    return Check(
        "linearity", "pass", f"{said}: a straight line is not rejected, which does not show that it is one.", figures
    )


def slope_linearity(sample: Sample, mapping: Mapping, by: int, settings: EstimationSettings) -> Check:
    """Test the slope of `plm` against a shift of its own exposure; `refused` where the shift has no overlap."""
    shift = estimate_shift(sample, mapping, by, replace(settings, sensitivity=False))
    found = next((c for c in shift.checks if c.name == "linearity"), None)
    return found or Check("linearity", "refused", f"There is no shift to test the slope against: {shift.refused}", {})
