"""What explains the estimate of a study: the steps that lead to it, what drives its nuisances, on whom it rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from causal.drivers import drivers, drivers_check, influence, influence_check
from causal.estimators import Estimates, Sample, dependence_of
from causal.results import Check
from causal.shift import policy_of
from causal.study import EffectSettings, options
from causal.waterfall import waterfall


@dataclass(frozen=True, slots=True)
class Explanation:
    """Checks, and figures for the report."""

    checks: tuple[Check, ...]
    detail: dict[str, Any]


def explanation(sample: Sample, found: Estimates, settings: EffectSettings) -> Explanation:
    """Explain the estimates of a sample; after a refusal only the steps that need no headline are left.

    Args:
        sample: The rows that were estimated.
        found: Their estimates.
        settings: What was asked. `sensitivity` also decides whether covariates are left out by groups.
    """
    how = options(settings)
    if len(sample.y) < 2 or np.ptp(sample.e) == 0:
        return Explanation((), {"waterfall": waterfall(sample, found, how).to_dict()})
    near = dependence_of(sample, how)
    moved = None
    if settings.headline == "shift":
        moved = policy_of(settings.mapping, sample.e, sample.n_peers, settings.shift_peers).moved(sample.e)
    steps = waterfall(sample, found, how, moved=moved, near=near)
    checks = []
    if found.refused is None and settings.sensitivity and np.ptp(sample.y) > 0:
        checks.append(drivers_check(drivers(sample, how, near)))
    if found.refused is None and found.scores is not None:
        ours = next(e for e in found.estimates if e.estimator == found.headline)
        checks.append(influence_check(influence(sample, found), ours.ci_low, ours.ci_high))
    return Explanation(tuple(checks), {"waterfall": steps.to_dict()})
