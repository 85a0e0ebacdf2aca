"""One question under every exposure mapping: is the answer that of the declared mapping alone?

The right mapping is not known (Aronow & Samii 2017; Sävje 2024, *Causal inference with misspecified exposure mappings*).
Effects of different mappings are on different scales, so each is the partially linear slope per standard deviation of
its exposure, on the same rows, folds and outcome nuisance.
"""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import overlap, plm
from causal.estimators import EstimationSettings, Sample, dependence_of, interval
from causal.exposure import Mapping, SimilarityWeighted
from causal.folds import graph_folds
from causal.inference import Dependence
from causal.nuisance import cross_fit
from causal.panel import Panel
from causal.results import Check, Status

Float = NDArray[np.float64]
Row = dict[str, Any]

LEAST_LEFT = 0.01


def computable(panel: Panel, family: Sequence[Mapping]) -> tuple[Mapping, ...]:
    """Return the mappings that `panel` can answer: similarity needs prior text."""
    text = all(piece.seen.similarity is not None for piece in panel.slices)
    return tuple(m for m in family if text or not isinstance(m, SimilarityWeighted))


def mapping_family(sample: Sample, exposures: Dictionary[str, Float], settings: EstimationSettings) -> Check:
    """Estimate under each mapping and say whether they agree.

    Args:
        sample: The rows of the estimate; its exposure is that of the declared mapping.
        exposures: Every other mapping's exposure of the same rows, by definition (n each).
        settings: Learners, folds, level, seed.
    """
    near = dependence_of(sample, settings)
    if near.refused is not None or np.ptp(sample.y) == 0:
        return Check("mapping_family", "not_informative", "No interval is valid here, so none can agree.", {})
    rows = _slopes(sample, {"declared": sample.e} | dict(exposures), near, settings)
    status, said = agreement(rows)
    return Check("mapping_family", status, said, {"rows": rows, "scale": "slope per standard deviation of exposure"})


def _slopes(
    sample: Sample, exposures: Dictionary[str, Float], near: Dependence, settings: EstimationSettings
) -> list[Row]:
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)

    def residual(target: Float) -> Float:
        return target - cross_fit(sample.X, target, folds, learners=settings.learners, seed=settings.seed).values

    outcome = residual(sample.y)
    made = []
    for name, e in exposures.items():
        reason = overlap.exposure_refusal(e)
        left = np.zeros(len(e)) if reason else residual(e)
        if reason is None and np.var(left) < LEAST_LEFT * np.var(e):
            reason = "no overlap: the covariates leave nothing of the exposure to estimate with"
        made.append(_row(name, e, sample.e, plm.PlmResiduals(outcome, left), reason, near, settings.level))
    return made


def _row(
    name: str,
    e: Float,
    declared: Float,
    residuals: plm.PlmResiduals,
    reason: str | None,
    near: Dependence,
    level: float,
) -> Row:
    if reason is not None:
        return {"definition": name, "estimate": None, "refused": reason}
    spread = float(e.std())
    slope, influence = plm.slope(residuals)
    variance = near.variance(influence * spread)
    low, high, p = interval(slope * spread, variance, level)
    found = {"estimate": slope * spread, "se": variance.se, "ci_low": low, "ci_high": high, "p_value": p}
    alike = float(np.corrcoef(e, declared)[0, 1]) if np.ptp(declared) > 0 else None
    return {"definition": name, "correlation_with_declared": alike, "refused": None} | found


def agreement(rows: Sequence[Row]) -> tuple[Status, str]:
    """Return whether the mappings (the first is the declared one) answer alike, and what to say of it."""
    declared, *others = rows
    answered = [r for r in others if r["estimate"] is not None]
    if declared["estimate"] is None or not answered:
        return "not_informative", "There is no second mapping with an estimate to compare."
    sign, found = np.sign(declared["estimate"]), _excludes_zero(declared)
    against = [r["definition"] for r in answered if _excludes_zero(r) and np.sign(r["estimate"]) != sign]
    same = sum(bool(np.sign(r["estimate"]) == sign) for r in answered)
    clear = [r["definition"] for r in answered if _excludes_zero(r)]
    said = (
        f"Per standard deviation of exposure the declared mapping gives {declared['estimate']:+.3f}; {same} of"
        f" {len(answered)} other mappings have its sign and {len(clear)} an interval without zero."
    )
    if against:
        return "warn", f"{said} Against it: {', '.join(against)}."
    if not found and clear:
        return (
            "warn",
            f"{said} The declared one has zero in its interval: to choose another now is to choose the answer.",
        )
    if found and same < len(answered):
        return "warn", f"{said} The effect may be one of the mapping."
    return "pass", f"{said} Agreement does not show that any of them is right: all see the same ties and labels."


def _excludes_zero(row: Row) -> bool:
    return bool(row["ci_low"] > 0 or row["ci_high"] < 0)
