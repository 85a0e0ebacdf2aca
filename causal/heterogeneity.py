"""Is the effect the same in every community, on every platform, for central and peripheral people?

The scores of the headline are averaged within groups. AIPW and PLM both solve Σ_i (a_i - θ b_i) = 0: a = ψ, b = 1 and
a = ẽỹ, b = ẽ². So θ_g = Σ_{i in g} a_i / Σ_{i in g} b_i with influence values n 1{i in g}(a_i - θ_g b_i) / Σ_{i in g} b_i,
whose joint covariance is that of the network (`Dependence.covariance`). Nuisances are those of the headline, fitted on
everybody (Semenova & Chernozhukov 2021 for groups as the basis). Multiplicity: Holm, and the law of the largest t.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import overlap
from causal.estimators import Estimates, EstimationSettings, Sample, dependence_of
from causal.multiple import Banded, joint, wald
from causal.pooling import Pooled, pool
from causal.results import Check
from copenet.foundation.errors import UsageError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

MOST_COMMUNITIES = 12
CENTRALITY = ("periphery", "middle", "centre")


@dataclass(frozen=True, slots=True)
class GroupEffect(Banded):
    """The effect in one group."""

    group: str
    n: int
    people: int
    p_value: float | None = None
    p_holm: float | None = None
    p_max_t: float | None = None


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Effects by group.

    Attributes:
        by: What the groups are.
        groups: One for each.
        p_same: Wald test that all effects are equal; None with fewer than two.
        pooled: Random-effects mean, None with fewer than two.
        largest_correlation: Largest correlation between two group estimates, which pooling takes to be independent.
        refused: Why there are no groups to compare, if so.
    """

    by: str
    groups: tuple[GroupEffect, ...]
    p_same: float | None = None
    pooled: Pooled | None = None
    largest_correlation: float | None = None
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the effects as a JSON-shaped document."""
        return asdict(self)


def effects_by_group(
    sample: Sample, found: Estimates, label: NDArray[Any], by: str, settings: EstimationSettings = EstimationSettings()
) -> Heterogeneity:
    """Return the effect in each group of rows.

    Args:
        sample: The rows that were estimated.
        found: Their estimates, by `aipw` or `plm`.
        label: Group of each row (n), known before the exposure.
        by: What the groups are: `community`, `platform`, `centrality`.
        settings: Those of the estimates.

    Raises:
        UsageError: The estimates are not of these rows, or hold no scores.
    """
    if found.refused is not None:
        return Heterogeneity(by, (), refused=found.refused)
    if found.scores is None or found.scores[0].shape != label.shape:
        raise UsageError("Effects by group need the scores of these rows.", remedy="Use aipw or plm on the same rows.")
    names = np.unique(label)
    bare = [_bare(sample, label == name, str(name)) for name in names]
    usable = [k for k, group in enumerate(bare) if group.refused is None]
    if len(usable) < 2:
        return Heterogeneity(by, tuple(bare), refused=f"fewer than two groups by {by} can be estimated")
    a, b = found.scores
    inside = (label[:, None] == names[usable]).astype(float)
    total = inside.T @ b
    theta = inside.T @ a / total
    influence = len(a) * inside * (a[:, None] - theta * b[:, None]) / total
    near = dependence_of(sample, settings)
    covariance, dof = near.covariance(influence), near.dof(influence)
    made = list(bare)
    for k, effect in zip(usable, _with_intervals(bare, usable, theta, covariance, dof, settings), strict=True):
        made[k] = effect
    steps = np.diff(np.eye(len(usable)), axis=0)
    p_same = wald(steps @ theta, steps @ covariance @ steps.T, dof)[1]
    se = np.sqrt(np.diag(covariance))
    beside = np.abs(covariance / np.outer(se, se) - np.eye(len(se))).max()
    return Heterogeneity(by, tuple(made), p_same, pool(theta, se, level=settings.level), float(beside))


def _bare(sample: Sample, inside: NDArray[np.bool_], name: str) -> GroupEffect:
    y, e = sample.y[inside], sample.e[inside]
    reason = overlap.outcome_refusal(y) or overlap.exposure_refusal(e) or overlap.events_refusal(y, e)
    return GroupEffect(name, len(y), len(np.unique(sample.person[inside])), refused=reason)


def _with_intervals(
    bare: list[GroupEffect],
    usable: list[int],
    theta: Float,
    covariance: Float,
    dof: float | None,
    settings: EstimationSettings,
) -> list[GroupEffect]:
    together = joint(theta, covariance, dof, level=settings.level, seed=settings.seed)
    corrected = zip(together.p_value, together.p_holm, together.p_max_t, strict=True)
    return [
        replace(bare[k], **found, p_value=float(p), p_holm=float(holm), p_max_t=float(max_t))  # type: ignore[arg-type]
        for k, found, (p, holm, max_t) in zip(usable, together.banded(), corrected, strict=True)
    ]


def centrality_group(degree: Int) -> NDArray[np.str_]:
    """Return whether each row is at the periphery, in the middle or at the centre (n): thirds of its degree.

    >>> centrality_group(np.array([1, 2, 9])).tolist()
    ['periphery', 'middle', 'centre']
    """
    low, high = np.quantile(degree, [1 / 3, 2 / 3])
    return np.asarray(np.array(CENTRALITY)[(degree > low).astype(int) + (degree > high)])


def largest_groups(code: Int, most: int = MOST_COMMUNITIES) -> NDArray[np.str_]:
    """Return a name for each row's group (n): the largest by number, the others "other", -1 "none".

    >>> largest_groups(np.array([7, 7, 3, -1]), most=1).tolist()
    ['1', '1', 'other', 'none']
    """
    values, counts = np.unique(code[code >= 0], return_counts=True)
    order = values[np.argsort(-counts, kind="stable")][:most]
    names = {int(value): f"{place}" for place, value in enumerate(order, start=1)} | {-1: "none"}
    return np.array([names.get(int(c), "other") for c in code])


def heterogeneity_check(found: Heterogeneity) -> Check:
    """Say whether the effect differs between groups, and what that cannot say."""
    name, figures = f"effect_by_{found.by}", found.to_dict()
    given = [g for g in found.groups if g.estimate is not None]
    if found.refused is not None or found.pooled is None or not given:
        return Check(name, "not_informative", f"No effects by {found.by}: {found.refused}.", figures)
    said = (
        f"{len(given)} of {len(found.groups)} groups by {found.by}: pooled {found.pooled.estimate:+.3f}"
        f" [{found.pooled.ci_low:+.3f}, {found.pooled.ci_high:+.3f}], I² = {found.pooled.i2:.0%}"
    )
    if found.p_same is None:
        return Check(name, "not_informative", f"{said}; too few clusters to test whether they differ.", figures)
    if found.p_same < 0.05:
        return Check(
            name, "warn", f"{said}; the groups differ (p = {found.p_same:.3f}): the headline averages them.", figures
        )
    said += f"; no difference is seen (p = {found.p_same:.3f}), which small groups would hide."
    return Check(name, "pass", said, figures)
