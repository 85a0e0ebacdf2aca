"""The analysis as a DoWhy causal graph: drawn, identified in words and symbols, and one refuter run on our estimator.

DoWhy sees variables, not a network: with a community confounder left out, all its refuters pass. So the graph is drawn
twice, with and without a hidden trait, and its placebo refuter stands beside our rewired-graph placebo, never for it.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from causal.estimators import EstimationSettings, Sample
from causal.overlap import relative_clip
from causal.results import Check, Status
from copenet.foundation.seeds import integer_seed

EXPOSURE, OUTCOME, TRAIT = "exposure", "outcome", "hidden_trait"
SIMULATIONS = 20
LINEAR = ("linear",)


@dataclass(frozen=True, slots=True)
class Identification:
    """What the assumed graph implies.

    Attributes:
        identified: Whether the effect follows from observed variables by adjustment.
        adjustment_set: The variables to adjust for.
        estimand: DoWhy's estimand in symbols.
        words: The same in words.
    """

    identified: bool
    adjustment_set: tuple[str, ...]
    estimand: str
    words: str


def causal_graph(groups: tuple[str, ...], *, hidden_trait: bool) -> nx.DiGraph:
    """Return the graph the analysis assumes: measured past causes exposure and outcome.

    Args:
        groups: Groups of covariates (own_history, text, …).
        hidden_trait: Whether the latent trait also reaches exposure and outcome past what was measured. That is latent
            homophily: then no adjustment identifies the effect.
    """
    graph = nx.DiGraph()
    for group in sorted(set(groups)):
        graph.add_edges_from([(TRAIT, group), (group, EXPOSURE), (group, OUTCOME)])
    graph.add_edge(EXPOSURE, OUTCOME)
    if hidden_trait:
        graph.add_edges_from([(TRAIT, EXPOSURE), (TRAIT, OUTCOME)])
    nx.set_node_attributes(graph, {node: "no" if node == TRAIT else "yes" for node in graph}, "observed")
    return graph


def identify(graph: nx.DiGraph) -> Identification:
    """Ask DoWhy whether and by what adjustment the effect of the exposure is identified in `graph`."""
    from dowhy.causal_identifier.auto_identifier import BackdoorAdjustment, EstimandType, identify_effect_auto

    observed = [node for node, seen in graph.nodes(data="observed") if seen == "yes"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = identify_effect_auto(
            graph,
            action_nodes=[EXPOSURE],
            outcome_nodes=[OUTCOME],
            observed_nodes=observed,
            estimand_type=EstimandType.NONPARAMETRIC_ATE,
            backdoor_adjustment=BackdoorAdjustment.BACKDOOR_MAX,
        )
    estimand = found.estimands.get("backdoor")
    if estimand is None:
        words = "With a hidden trait that reaches both exposure and outcome, no adjustment identifies the effect."
        return Identification(False, (), "", words)
    adjustment = tuple(sorted(found.get_backdoor_variables() or ()))
    words = (
        "Among people alike in "
        + ", ".join(name.replace("_", " ") for name in adjustment)
        + ", compare the outcome of the exposed and the unexposed, and average over everybody's past."
    )
    # DoWhy lists the conditioning set in the order of a Python set, which differs between processes.
    symbols = re.sub(r"\|[^)]*", "|" + ",".join(adjustment), str(estimand["estimand"]))
    return Identification(True, adjustment, symbols, words)


def identification_check(groups: tuple[str, ...]) -> Check:
    """Say what the assumed graph identifies, and that a hidden trait would undo it."""
    assumed = identify(causal_graph(groups, hidden_trait=False))
    doubted = identify(causal_graph(groups, hidden_trait=True))
    status: Status = "pass" if assumed.identified else "fail"
    detail = f"{assumed.words} {doubted.words} Which of the two graphs is true cannot be read off these data."
    figures = {
        "estimand": assumed.estimand,
        "adjustment_set": list(assumed.adjustment_set),
        "identified_with_hidden_trait": doubted.identified,
        "edges": [list(edge) for edge in causal_graph(groups, hidden_trait=True).edges],
        "doubted_edges": [[TRAIT, EXPOSURE], [TRAIT, OUTCOME]],
        "unobserved": [TRAIT],
    }
    return Check("identification", status, detail, figures)


def placebo_refuter(
    sample: Sample, settings: EstimationSettings = EstimationSettings(), *, simulations: int = SIMULATIONS
) -> Check:
    """Run DoWhy's placebo-treatment refuter on our AIPW: with the exposure permuted, the effect must vanish.

    Linear nuisances keep it to seconds; the check says so. It permutes rows as if they were independent, so it can find
    a broken estimator, not confounding.
    """
    frame = _frame(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, estimand, estimate = _fit(frame, sample, settings)
        refutation = model.refute_estimate(
            estimand,
            estimate,
            method_name="placebo_treatment_refuter",
            placebo_type="permute",
            num_simulations=simulations,
            random_state=np.random.RandomState(integer_seed(settings.seed, "dowhy")),
            n_jobs=1,
        )
    p_value = float(np.ravel(refutation.refutation_result["p_value"])[0])
    placebo = float(np.ravel(refutation.new_effect)[0])
    status: Status = "pass" if p_value >= 0.05 else "fail"
    detail = (
        f"DoWhy's placebo refuter on our AIPW (linear nuisances): {simulations} times the exposure was permuted over rows;"
        f" the mean effect was {placebo:+.3f} (p = {p_value:.2f} for zero among such effects). It treats rows as"
        " independent, so it can find a broken estimator and cannot find confounding; the rewired graph is its network-aware"
        " neighbour."
    )
    figures = {"placebo_effect": placebo, "p_value": p_value, "simulations": simulations}
    return Check("dowhy_placebo", status, detail, figures | {"estimate": float(estimate.value)})


def _frame(sample: Sample) -> Any:
    import pandas as pd

    names = [f"x{j:03d}" for j in range(sample.X.shape[1])]
    return pd.DataFrame(sample.X, columns=names).assign(**{EXPOSURE: sample.e, OUTCOME: sample.y})


def _fit(frame: Any, sample: Sample, settings: EstimationSettings) -> tuple[Any, Any, Any]:
    """Return DoWhy's model, estimand and estimate (every covariate a common cause, no effect modifiers)."""
    from dowhy import CausalModel

    causes = [name for name in frame.columns if name not in (EXPOSURE, OUTCOME)]
    model = CausalModel(frame, treatment=EXPOSURE, outcome=OUTCOME, common_causes=causes, effect_modifiers=[])
    estimand = model.identify_effect(proceed_when_unidentifiable=True, method_name="maximal-adjustment")
    design = {
        "person": sample.person,
        "adjacency": sample.adjacency,
        "communities": sample.communities,
        "folds": settings.folds,
        "learners": LINEAR,
        "clip": relative_clip(sample.e, settings.clip),
        "seed": settings.seed,
    }
    estimate = model.estimate_effect(
        estimand,
        method_name="backdoor.causal.dowhy_estimator.NetworkAipw",
        effect_modifiers=[],
        method_params={"design": design},
    )
    return model, estimand, estimate
