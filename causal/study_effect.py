"""The estimate of a study: from messages, labels, embeddings and ties to an effect with its checks.

The headline follows the exposure mapping: cross-fitted AIPW for a binary mapping (any peer, threshold), the partially
linear slope for the others. The naive difference and OLS stand beside it always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import methodcaller
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from causal import study_replies
from causal.adoption import adoption
from causal.curve import exposure_curve
from causal.estimators import Estimates, Sample, estimate
from causal.events import (
    Bool,
    Events,
    Float,
    Float32,
    Inputs,
    Int,
    TieEvents,
    calendar_of,
    events_from,
    tie_events,
)
from causal.exposure import Mapping
from causal.heterogeneity import centrality_group, effects_by_group, heterogeneity_check, largest_groups
from causal.leaks import audit
from causal.mapping_family import computable, mapping_family
from causal.panel import Panel, build_panel, peer_graph, union_graph
from causal.placebos import future_exposure, rewired_graph
from causal.results import Check, EffectResult, Estimate
from causal.secondary import among_posters, had_all_posted
from causal.shift import slope_linearity
from causal.study import (
    REFUTER_ROWS,
    SHIFTABLE,
    EffectSettings,
    StudyEffect,
    communities_of,
    estimated,
    explained,
    exposures_of,
    features_of,
    headline,
    histogram,
    label_check,
    options,
    uses_of,
    without_bots,
)
from causal.study_controls import PanelStudy, panel_controls
from causal.study_explained import explanation
from causal.study_missing_ties import Thin, missing_ties
from causal.thinning import observed_events
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from graph.ties import MAX_THREAD_PEOPLE

__all__ = [
    "EffectSettings",
    "StudyEffect",
    "assumptions",
    "estimate_study",
    "exposures_table",
    "features_of",
    "uses_of",
]

_SAID_MISSING = " The check missing_ties says what the stated share of missing ties does."
COMPOSITE = "posted in the next period and used {outcome} outside the threads that supplied the exposure (silent = 0)"


def exposures_table(panel: Panel, mappings: Sequence[Mapping]) -> pa.Table:
    """Return every row's exposure by each mapping (schema `EXPOSURES`), so that their agreement can be shown."""
    rows = (panel.people, panel.person, panel.period, panel.n_peers)
    return exposures_of(*rows, {mapping.definition: panel.exposure(mapping) for mapping in mappings})


@dataclass(frozen=True, slots=True)
class _Study:
    """Everything between the tables and the estimate."""

    inputs: Inputs
    events: Events
    ties: TieEvents
    panel: Panel
    graph: Any
    community: Int


def estimate_study(
    messages: pa.Table,
    labels: pa.Table,
    embeddings: tuple[Sequence[str], Float32] | None,
    ties: pa.Table,
    settings: EffectSettings = EffectSettings(),
    *,
    labels_validated: bool = False,
    label_error: dict[str, Any] | None = None,
    max_thread_people: int = MAX_THREAD_PEOPLE,
    progress: Progress = SILENT,
) -> StudyEffect:
    """Build the panel of a study and estimate the effect it asks for.

    A design that does not identify the effect, or a panel that fails the leak audit, raises nothing: `result.refused`
    says why and what to do, `naive` and `ols` are kept wherever they can be computed.

    Args:
        messages: Table of schema `ingest.schema.MESSAGES`.
        labels: Table of schema `gnn.schema.LABELS`.
        embeddings: Message ids and their vectors (N x d), or None for no text covariates.
        ties: Table of schema `graph.schema.TIES` with windows that divide the period, as `graph.build_ties` makes it of
            the messages. A store holds the same ties pooled over time, without the windows that tell earlier ties
            from later ones.
        settings: What is estimated.
        labels_validated: Whether the labels were checked against a gold sample.
        label_error: What that check found (sensitivity, specificity, ...), said aloud beside the estimate.
        max_thread_people: The limit with which the ties were built; the leak audit builds them again.
        progress: Where to report.

    Raises:
        RefusedError: The data are too short for one row, or nobody is ever at risk.
        UsageError: Unknown names, or windows of the ties that straddle the periods.
        InputError: No message of a known person has a time.
    """
    used = uses_of(messages, labels, settings.outcome, settings.label_threshold)
    inputs = without_bots(Inputs(messages, used, features_of(messages, embeddings), ties))
    label = label_check(labels_validated, label_error)
    if settings.design == "replies":
        return study_replies.estimate_replies(
            inputs, settings, label, labels, labels_validated=labels_validated, progress=progress
        )
    study = _prepare(inputs, settings, progress)
    panel = study.panel
    exposure = panel.exposure(settings.mapping)
    audits = _audits(study, settings, max_thread_people)
    sample = _sample(study, panel, exposure, panel.eligible, settings)
    main = estimated(sample, settings, audits, progress)
    why = explanation(sample, main, settings)
    further = _further_checks(study, exposure, main, settings, labels, progress)
    checks = (*main.checks, *audits, *why.checks, *further)
    if settings.refuter:
        checks = (*checks, *_dowhy_checks(study, exposure, main, settings))
    checks = (*checks, label)
    result = EffectResult(
        outcome=settings.outcome,
        exposure=settings.mapping.definition,
        estimand=f"{main.estimates[0].estimand}; {settings.mapping.formula}; {COMPOSITE.format(outcome=settings.outcome)}",
        headline=main.headline,
        estimates=main.estimates,
        checks=checks,
        assumptions=assumptions(settings),
        labels_validated=labels_validated,
        refused=explained(main.refused),
        detail=_detail(study, exposure, main, settings)
        | _further_figures(study, exposure, main, settings)
        | why.detail,
    )
    return StudyEffect(result, panel.table(), exposures_table(panel, computable(panel, settings.family)), result.detail)


def _prepare(inputs: Inputs, settings: EffectSettings, progress: Progress) -> _Study:
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, settings.period_weeks)
    ties = tie_events(inputs.ties, settings.channel, events, calendar)
    panel = build_panel(events, ties, calendar, settings.panel, progress)
    graph = union_graph(panel, ties)
    last = calendar.start(int(panel.period.max()) + 1)
    return _Study(inputs, events, ties, panel, graph, communities_of(inputs, events.people, last, settings.seed))


def _sample(
    study: _Study,
    panel: Panel,
    exposure: Float,
    rows: Bool,
    settings: EffectSettings,
    extra: dict[str, Float] | None = None,
) -> Sample:
    further = extra or {}
    columns = [panel.covariates[rows], *(values[rows][:, None] for values in further.values())]
    return Sample(
        y=panel.outcome[rows].astype(float),
        e=exposure[rows],
        X=np.column_stack(columns),
        covariate_names=(*panel.names, *further),
        person=panel.person[rows],
        period=panel.period[rows],
        n_peers=panel.n_peers[rows],
        adjacency=study.graph,
        communities=study.community,
        binary=settings.headline == "aipw",
        groups=(*panel.groups, *("current_exposure" for _ in further)),
    )


def _audits(study: _Study, settings: EffectSettings, max_thread_people: int) -> tuple[Check, ...]:
    """Look for leaks, whatever else is switched off: no setting makes an estimate from a leaking panel."""
    return (audit(study.panel, study.events, study.inputs, settings.channel, max_thread_people=max_thread_people),)


def _further_checks(
    study: _Study,
    exposure: Float,
    main: Estimates,
    settings: EffectSettings,
    labels: pa.Table,
    progress: Progress,
) -> list[Check]:
    """Run the placebos and the secondary estimate; after a refusal only what needs no estimate."""
    panel, checks = study.panel, list[Check]()
    rows = panel.eligible

    def fit(other: Panel, values: Float, chosen: Bool, extra: dict[str, Float]) -> Estimate:
        sample = _sample(study, other, values, chosen, settings, extra)
        if other is not panel:  # who is given the same made-up peer depends on one another, too
            sample = replace(sample, adjacency=csr_array(study.graph.maximum(peer_graph(other))))
        how = options(settings, sensitivity=False)
        if extra:  # the placebo of the future brings an exposure of its own, which no policy shifts
            return estimate(sample, how).estimates[0]
        return headline(sample, settings, how, SILENT).estimates[0]

    if settings.placebos and main.refused is None:
        with progress.task("placebos", 3, "checks") as task:
            data = (study.events, study.ties)
            exposed = methodcaller("exposure", settings.mapping)
            checks.append(rewired_graph(panel, data, study.community, fit, exposure=exposed, seed=settings.seed))
            task.advance()
            checks.append(future_exposure(panel, study.events, study.inputs.ties, exposure, fit))
            task.advance()
            checks.append(_mapping_family(study, exposure, settings))
            task.advance()
        sample = _sample(study, panel, exposure, rows, settings)
        data_of = (study.inputs, study.events, panel)
        controls = PanelStudy(*data_of, sample, main, labels, lambda inputs: _refitted(inputs, settings))
        checks += panel_controls(controls, settings, progress)
    if settings.placebos and settings.headline == "plm" and settings.exposure in SHIFTABLE and main.refused is None:
        sample = _sample(study, panel, exposure, rows, settings)
        checks.append(slope_linearity(sample, settings.mapping, settings.shift_peers, options(settings)))
    if settings.placebos and main.scores is not None and main.refused is None:
        checks += _effects_by_group(study, exposure, main, settings)
    if settings.mapping.binary and rows.any():
        checks.append(_among_posters(study, exposure, main, settings))
    if settings.missing_ties and main.refused is None:
        checks.append(missing_ties(_with_fewer_ties(study, settings), main.estimates[0], settings, progress))
    return checks


def _among_posters(study: _Study, exposure: Float, main: Estimates, settings: EffectSettings) -> Check:
    """Return the secondary estimate with its bounds; the bounds alone where nothing else is asked or was refused."""
    panel, rows = study.panel, study.panel.eligible
    weighted = None
    if settings.placebos and main.refused is None and settings.headline == "aipw":
        sample = _sample(study, panel, exposure, rows, settings)
        weighted = had_all_posted(sample, panel.posted[rows], options(settings))
    return among_posters(exposure[rows] == 1, panel.posted[rows], panel.outcome[rows], weighted)


def _with_fewer_ties(study: _Study, settings: EffectSettings) -> Thin:
    """Return what builds the rows again from a share of the ties; who depends on whom stays what all ties say."""
    panel, whole = study.panel, np.flatnonzero(study.panel.eligible)

    def thin(share: float, draw: int) -> tuple[Sample, Int]:
        fewer = observed_events(study.ties, len(panel.people), share, draw)
        same = share == 1
        other = panel if same else build_panel(study.events, fewer, panel.calendar, panel.settings, basis=panel.basis)
        sample = _sample(study, other, other.exposure(settings.mapping), other.eligible, settings)
        return sample, np.searchsorted(whole, np.flatnonzero(other.eligible))

    return thin


def _refitted(inputs: Inputs, settings: EffectSettings) -> Estimate:
    """Return the headline of other tables."""
    study = _prepare(inputs, settings, SILENT)
    exposure = study.panel.exposure(settings.mapping)
    sample = _sample(study, study.panel, exposure, study.panel.eligible, settings)
    return headline(sample, settings, options(settings, sensitivity=False), SILENT).estimates[0]


def _effects_by_group(study: _Study, exposure: Float, main: Estimates, settings: EffectSettings) -> list[Check]:
    """Compare the effect between communities of the burn-in, platforms and centralities: groups known before any row."""
    panel, rows = study.panel, study.panel.eligible
    first = panel.calendar.start(int(panel.period.min()))
    early = communities_of(study.inputs, panel.people, first, settings.seed)
    labels = {
        "community": largest_groups(early[panel.person[rows]]),
        "centrality": centrality_group(panel.n_peers[rows]),
        "platform": np.array([name.split(":")[0] for name in panel.people])[panel.person[rows]],
    }
    sample = _sample(study, panel, exposure, rows, settings)
    found = {by: effects_by_group(sample, main, label, by, options(settings)) for by, label in labels.items()}
    return [heterogeneity_check(h) for by, h in found.items() if by != "platform" or len(h.groups) > 1]


def _mapping_family(study: _Study, exposure: Float, settings: EffectSettings) -> Check:
    panel, rows = study.panel, study.panel.eligible
    others = [m for m in computable(panel, settings.family) if m.definition != settings.mapping.definition]
    sample = _sample(study, panel, exposure, rows, settings)
    return mapping_family(sample, {m.definition: panel.exposure(m)[rows] for m in others}, options(settings))


def _dowhy_checks(study: _Study, exposure: Float, main: Estimates, settings: EffectSettings) -> list[Check]:
    """Let DoWhy say what the assumed graph identifies, and run its refuter where there is a binary headline."""
    from causal.dowhy_bridge import identification_check, placebo_refuter

    panel = study.panel
    checks = [identification_check(tuple(sorted(set(panel.groups))))]
    if main.refused is None and settings.headline == "aipw":
        rows = _some_people(panel, settings.seed)
        check = placebo_refuter(_sample(study, panel, exposure, rows, settings), options(settings))
        if rows.sum() < panel.eligible.sum():
            check = replace(
                check, detail=f"{check.detail} It ran on a random part of the people ({rows.sum():,} rows)."
            )
        checks.append(check)
    return checks


def _some_people(panel: Panel, seed: int) -> Bool:
    """Return the eligible rows, or those of randomly chosen people where they are too many for the refuter."""
    rows = panel.eligible
    if rows.sum() <= REFUTER_ROWS:
        return rows
    chosen = generator(seed, "effect", "refuter").random(len(panel.people)) < REFUTER_ROWS / rows.sum()
    return np.asarray(rows & chosen[panel.person], dtype=bool)


def assumptions(settings: EffectSettings) -> tuple[str, ...]:
    """Return what must hold for the headline to be the effect, in plain words."""
    if settings.design == "replies":
        return study_replies.assumptions(settings)
    return (
        "No hidden confounding: given their own and their peers' history, prior text, position, forum and time, who "
        "happened to be exposed has nothing else to do with who would use the strategy next. Latent homophily and "
        "contagion cannot be told apart without this (Shalizi & Thomas 2011).",
        f"The exposure is right: what matters about the peers is {settings.mapping.formula}, through the channel "
        f"{settings.channel} with ties of the last {settings.lookback_weeks} weeks, within one period of "
        f"{settings.period_weeks} weeks.",
        "Overlap: people with the same past are sometimes exposed and sometimes not.",
        "Ties and messages are those that were there: missing ties and deleted messages hide exposures."
        + (_SAID_MISSING if settings.missing_ties else ""),
        "Labels are right, or wrong independently of who is connected to whom.",
        "People far apart in the network are nearly independent, given the past (network HAC).",
    )


def _detail(study: _Study, exposure: Float, main: Estimates, settings: EffectSettings) -> dict[str, Any]:
    """Return figures for the report: rows, periods, exposure, covariates. No person is named."""
    panel, rows = study.panel, study.panel.eligible
    used = exposure[rows]
    return main.detail | {
        "rows": int(rows.sum()),
        "rows_without_peers": int((~rows).sum()),
        "people": len(np.unique(panel.person[rows])),
        "periods": len(np.unique(panel.period)),
        "period_weeks": settings.period_weeks,
        "lookback_weeks": settings.panel.lookback_periods * settings.period_weeks,
        "risk_periods": settings.risk_periods,
        "first_period": panel.calendar.moment(int(panel.period.min())).isoformat(),
        "last_outcome_ends": panel.calendar.moment(int(panel.period.max()) + 2).isoformat(),
        "outcome_share": float(panel.outcome[rows].mean()) if len(used) else None,
        "exposure_mean": float(used.mean()) if len(used) else None,
        "exposure_values": histogram(used),
        "n_peers_values": histogram(np.minimum(panel.n_peers, 20).astype(float)),
        "dropped_messages": int(panel.dropped.sum()),
        "covariates": list(panel.names),
        "covariate_groups": list(panel.groups),
        "representation_dimensions": settings.representation_dimensions,
        "without_representation": panel.basis.without_representation,
        "ties": len(study.ties),
        "channel": settings.channel,
    }


def _further_figures(study: _Study, exposure: Float, main: Estimates, settings: EffectSettings) -> dict[str, Any]:
    """Return the adoption hazard with its event study, and the curve of an exposure that is not binary."""
    if main.refused is not None or not settings.placebos:
        return {}
    panel, how = study.panel, options(settings)
    first = adoption(panel, study.events, exposure, study.graph, study.community, how)
    figures = {"adoption": first.to_dict()}
    if not settings.mapping.binary:
        curve = exposure_curve(_sample(study, panel, exposure, panel.eligible, settings), how)
        figures["exposure_curve"] = curve.to_dict()
    return figures
