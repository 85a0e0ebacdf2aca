"""Our cross-fitted AIPW as a DoWhy estimator, so that DoWhy's refuters run on it.

Imported by dotted path (`backdoor.causal.dowhy_estimator.NetworkAipw`), never from elsewhere: it loads DoWhy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from dowhy.causal_estimator import CausalEstimate, CausalEstimator

from causal import aipw
from causal.folds import graph_folds
from causal.inference import dependence


class NetworkAipw(CausalEstimator):  # type: ignore[misc]
    """Cross-fitted AIPW with network HAC standard errors.

    `design` holds what DoWhy has no place for: person of each row, the graph of people, their communities, the learners,
    the clip and the seed. Rows of the data frame are found in it by their index, so subsets work.
    """

    def __init__(self, identified_estimand: Any, *, design: dict[str, Any], **kwargs: Any) -> None:
        kwargs.pop("causal_estimator", None)  # DoWhy injects a keyword named after the first part of the dotted path
        super().__init__(identified_estimand, **kwargs)
        self.design = design

    def fit(self, data: Any, effect_modifier_names: list[str] | None = None) -> NetworkAipw:
        """Remember the data; the nuisances are cross-fitted in `estimate_effect`, where the treatment is known."""
        self.reset_encoders()
        self._set_effect_modifiers(data, effect_modifier_names or [])
        return self

    def estimate_effect(
        self, data: Any, treatment_value: Any = 1, control_value: Any = 0, target_units: Any = None, **_: Any
    ) -> Any:
        """Return the contrast of exposure 1 against 0 over the rows of `data`."""
        self._treatment_value, self._control_value, self._target_units = treatment_value, control_value, target_units
        estimand = self._target_estimand
        y = data[estimand.outcome_variable[0]].to_numpy(dtype=float)
        e = data[estimand.treatment_variable[0]].to_numpy(dtype=float)
        X = data[sorted(estimand.get_adjustment_set())].to_numpy(dtype=float)
        person = self.design["person"][data.index.to_numpy()]
        self._value, self._se = _contrast(y, e, X, person, self.design)
        result = CausalEstimate(
            data=data,
            treatment_name=estimand.treatment_variable,
            outcome_name=estimand.outcome_variable,
            estimate=self._value,
            target_estimand=estimand,
            realized_estimand_expr="cross-fitted AIPW",
            control_value=control_value,
            treatment_value=treatment_value,
        )
        result.add_estimator(self)
        return result

    # DoWhy passes the method's name by position and the level first, whatever its docstrings say.
    def _estimate_std_error(self, *_: Any, **__: Any) -> float:
        return self._se

    def _estimate_confidence_intervals(self, confidence_level: float = 0.95, **_: Any) -> tuple[float, float]:
        from scipy.stats import norm

        half = float(norm.ppf(0.5 + confidence_level / 2)) * self._se
        return self._value - half, self._value + half

    def _test_significance(self, estimate_value: float, *_: Any, **__: Any) -> dict[str, float]:
        from scipy.stats import norm

        return {"p_value": float(2 * norm.sf(abs(estimate_value) / self._se))}


def _contrast(y: Any, e: Any, X: Any, person: Any, design: dict[str, Any]) -> tuple[float, float]:
    folds = graph_folds(person, design["adjacency"], design["communities"], k=design["folds"], seed=design["seed"])
    fitted = aipw.fit_nuisances(y, e, X, folds, learners=design["learners"], seed=design["seed"])
    psi = aipw.scores(y, e, fitted, design["clip"])
    near = dependence(design["adjacency"], design["communities"], person, seed=design["seed"])
    value = float(np.mean(psi))
    return value, near.variance(psi - value).se
