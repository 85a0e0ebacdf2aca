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

_HOMES = (
    dict.fromkeys(("AIPW", "OLS", "PLM", "Naive"), "causal.arrays")
    | dict.fromkeys(("AnyPeer", "Count", "Proportion", "Threshold"), "causal.exposure")
    | {"LinearInMeans": "causal.linear_in_means", "OutcomeRegression": "causal.outcome_regression"}
    | dict.fromkeys(
        ("Bernoulli", "Complete", "Listed", "design_effect", "exposure_probabilities", "randomisation_test"),
        "causal.randomisation",
    )
)
__all__ = [
    "AIPW",
    "OLS",
    "PLM",
    "AnyPeer",
    "Bernoulli",
    "Complete",
    "Count",
    "LinearInMeans",
    "Listed",
    "Naive",
    "OutcomeRegression",
    "Proportion",
    "Threshold",
    "design_effect",
    "exposure_probabilities",
    "randomisation_test",
]

if TYPE_CHECKING:
    from causal.arrays import AIPW, OLS, PLM, Naive
    from causal.exposure import AnyPeer, Count, Proportion, Threshold
    from causal.linear_in_means import LinearInMeans
    from causal.outcome_regression import OutcomeRegression
    from causal.randomisation import (
        Bernoulli,
        Complete,
        Listed,
        design_effect,
        exposure_probabilities,
        randomisation_test,
    )


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that importing a part stays light (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'causal' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
