"""Figures of the report that explain an estimate: the way to it, who differs, what drives its nuisances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causal import explain_figures as explained
from causal.figure_style import Drawing
from causal.names import covariates
from causal.readings import GROUPED
from copenet.report import words
from copenet.report.evidence import Evidence

Drawn = tuple[Drawing, Sequence[str], Sequence[Sequence[Any]]]


def explaining(
    evidence: Evidence, effects: Mapping[str, Any], recorded: Mapping[str, Mapping[str, Any]]
) -> list[Drawn | None]:
    """Return the figures that the effects document holds the data of.

    Args:
        evidence: Everything the report is made of.
        effects: The effects document.
        recorded: Figures of its checks, by name.
    """
    groups = [found for name, found in recorded.items() if name.startswith(GROUPED)]
    return [
        _waterfall(effects),
        *(_forest(evidence, effects, found) for found in groups),
        _drivers(recorded.get("nuisance_drivers", {})),
    ]


def _waterfall(effects: Mapping[str, Any]) -> Drawn | None:
    detail = effects.get("detail")
    found = detail.get("waterfall") if isinstance(detail, Mapping) else None
    steps = words.records(found.get("steps")) if isinstance(found, Mapping) else []
    if sum(s.get("estimate") is not None for s in steps) < 2:
        return None
    keys = ("estimate", "ci_low", "ci_high", "change", "first", "last")
    table = [
        [
            s["label"],
            ", ".join(covariates(str(g)) for g in s.get("added") or ()),
            *(words.signed(s.get(k)) for k in keys),
        ]
        for s in steps
    ]
    columns = ("Step", "Adds", "Estimate", "Low", "High", "Change", "Alone", "After all others")
    return explained.waterfall_figure(steps), columns, table


def _forest(evidence: Evidence, effects: Mapping[str, Any], found: Mapping[str, Any]) -> Drawn | None:
    least = evidence.suppress_below
    groups, _ = explained.shown_groups(words.records(found.get("groups")), least)
    if not any(g.get("estimate") is not None for g in groups):
        return None
    drawing = explained.forest(found, headline=words.headline_of(effects), suppress_below=least)
    keys = ("estimate", "ci_low", "ci_high", "band_low", "band_high")
    table = [
        [
            g["group"],
            words.number(g["n"]),
            *(words.signed(g.get(k)) for k in keys),
            words.p_value(g.get("p_max_t")),
            explained.without_small_counts(str(g.get("refused") or ""), least),
        ]
        for g in groups
    ]
    columns = ("Group", "Rows", "Estimate", "Low", "High", "Band low", "Band high", "p (largest t)", "Refused")
    return drawing, columns, table


def _drivers(found: Mapping[str, Any]) -> Drawn | None:
    groups = words.records(found.get("groups"))
    if not groups:
        return None
    keys = ("exposure", "exposure_alone", "outcome", "outcome_alone")
    table = [[covariates(str(g["group"])), *(words.percent(g.get(k)) for k in keys)] for g in groups]
    columns = ("What was known", "Exposure, lost without", "by it alone", "Outcome, lost without", "by it alone")
    return explained.driver_figure(found), columns, table
