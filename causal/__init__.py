"""Exposures, estimators, network-valid inference, checks and simulation designs.

```python
from causal import AIPW, Threshold

result = AIPW(outcome="y", treatment="d", exposure=Threshold(0.5), covariates=["x1"], seed=0).fit(units, adjacency)
result.tidy()
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_MODULES = {
    "causal.fewer_ties": ("bias_curve",),
    "causal.curve": ("exposure_curve",),
    "causal.double_negative": ("double_negative_control",),
    "causal.time_shuffle": ("shuffle_test",),
    "causal.event_times": ("event_study", "since_first"),
    "causal.hazard": ("HazardSample", "at_risk", "estimate_hazard"),
    "causal.heterogeneity": ("effects_by_group",),
    "causal.pooling": ("pool",),
    "causal.linear_in_means": ("LinearInMeans",),
    "causal.missing_ties": ("MissingTies",),
    "causal.outcome_regression": ("OutcomeRegression",),
    "causal.randomisation": (
        "Bernoulli",
        "Complete",
        "Listed",
        "design_effect",
        "exposure_probabilities",
        "randomisation_test",
    ),
    "causal.arrays": ("AIPW", "OLS", "PLM", "Naive", "Shift"),
    "causal.thinning": ("observed",),
    "causal.exposure": (
        "AnyPeer",
        "ClosedTriad",
        "Count",
        "IsolatedPeers",
        "Proportion",
        "RecencyWeighted",
        "SimilarityWeighted",
        "StructuralDiversity",
        "Threshold",
        "cosine_similarity",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = [
    "AIPW",
    "OLS",
    "PLM",
    "AnyPeer",
    "Bernoulli",
    "ClosedTriad",
    "Complete",
    "Count",
    "HazardSample",
    "IsolatedPeers",
    "LinearInMeans",
    "Listed",
    "MissingTies",
    "Naive",
    "OutcomeRegression",
    "Proportion",
    "RecencyWeighted",
    "Shift",
    "SimilarityWeighted",
    "StructuralDiversity",
    "Threshold",
    "at_risk",
    "bias_curve",
    "cosine_similarity",
    "design_effect",
    "double_negative_control",
    "effects_by_group",
    "estimate_hazard",
    "event_study",
    "exposure_curve",
    "exposure_probabilities",
    "observed",
    "pool",
    "randomisation_test",
    "shuffle_test",
    "since_first",
]

if TYPE_CHECKING:
    from causal.arrays import AIPW, OLS, PLM, Naive, Shift
    from causal.curve import exposure_curve
    from causal.double_negative import double_negative_control
    from causal.event_times import event_study, since_first
    from causal.exposure import (
        AnyPeer,
        ClosedTriad,
        Count,
        IsolatedPeers,
        Proportion,
        RecencyWeighted,
        SimilarityWeighted,
        StructuralDiversity,
        Threshold,
        cosine_similarity,
    )
    from causal.fewer_ties import bias_curve
    from causal.hazard import HazardSample, at_risk, estimate_hazard
    from causal.heterogeneity import effects_by_group
    from causal.linear_in_means import LinearInMeans
    from causal.missing_ties import MissingTies
    from causal.outcome_regression import OutcomeRegression
    from causal.pooling import pool
    from causal.randomisation import (
        Bernoulli,
        Complete,
        Listed,
        design_effect,
        exposure_probabilities,
        randomisation_test,
    )
    from causal.thinning import observed
    from causal.time_shuffle import shuffle_test


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that importing a part stays light (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'causal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
