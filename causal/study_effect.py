"""The estimate of a study: from messages, labels, embeddings and ties to an effect with its checks.

The headline follows the exposure mapping: cross-fitted AIPW for a binary mapping (any peer, threshold), the partially
linear slope for the others. The naive difference and OLS stand beside it always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import methodcaller
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from causal.adoption import adoption
from causal.curve import exposure_curve
from causal.estimators import NOT_A_POINT, POINT_CONTRAST, Estimates, EstimationSettings, Sample, estimate
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
from causal.exposure import COUNTED, MAPPINGS, Count, Mapping, Proportion, RecencyWeighted, Threshold, mapping_from
from causal.heterogeneity import centrality_group, effects_by_group, heterogeneity_check, largest_groups
from causal.leaks import audit
from causal.mapping_family import computable, mapping_family
from causal.panel import Panel, PanelSettings, build_panel, peer_graph, union_graph
from causal.placebos import future_exposure, rewired_graph
from causal.results import Check, EffectResult, Estimate
from causal.schema import EXPOSURES
from causal.secondary import among_posters
from causal.shift import estimate_shift, slope_linearity
from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from copenet.foundation.tables import conform
from graph.partition import communities
from graph.ties import MAX_THREAD_PEOPLE, arrivals

REFUTER_ROWS = 20_000
ESTIMATORS = ("auto", "aipw", "plm", "shift")
SHIFTABLE = (Count.name, Proportion.name)
LEAK = "the leak audit failed"
COMPOSITE = "posted in the next period and used {outcome} outside the threads that supplied the exposure (silent = 0)"


@dataclass(frozen=True, slots=True)
class EffectSettings:
    """What is estimated, and how.

    Args:
        design: panel (people by period) or replies (answered posts: the answers are the exposure).
        outcome: The strategy (one of the 14 of the Brief-COPE) whose spread is asked about.
        exposure: The mapping of the peers' behaviour (`causal.exposure.MAPPINGS`): any_peer, threshold, proportion, …
        threshold: The share of peers that `threshold` asks for.
        half_life: After how many periods a tie counts half in `recency_weighted` (panel).
        channel: Through which ties peers are seen: replied_to, received_reply or co_thread (panel).
        reply_hours: For how long after a post an answer counts (replies).
        helper_hours: For how long after a post helpers who wrote elsewhere were around (replies).
        period_weeks: Length of a period, and of the outcome window.
        lookback_weeks: How long before a period a tie makes a peer eligible (rounded up to whole periods).
        risk_periods: A person is at risk if they wrote in this many periods before.
        burn_in_periods: Periods before the first row.
        estimator: auto (AIPW for binary mappings, else the slope), aipw, plm or shift.
        shift_peers: How many more exposing peers `shift` asks about.
        label_threshold: Probability from which a message counts as using the strategy.
        text_dimensions: Principal components of prior text.
        representation_dimensions: Outputs of the GraphSAGE representation (0: none).
        placebos: Whether to run, in the panel, the rewired and the future-exposure placebo, the mapping family, the test
            of linearity and the exposure curve.
        sensitivity: Whether to compute how strong hidden confounding must be.
        refuter: Whether to let DoWhy identify the estimand and run its placebo refuter on our estimator.
        seed: Seed of all chance.
    """

    design: Literal["panel", "replies"] = "panel"
    outcome: str = "positive_reframing"
    exposure: str = "any_peer"
    threshold: float = 0.5
    half_life: float = 1.0
    channel: str = "received_reply"
    reply_hours: int = 72
    helper_hours: int = 12
    period_weeks: int = 2
    lookback_weeks: int = 8
    risk_periods: int = 4
    burn_in_periods: int = 4
    estimator: Literal["auto", "aipw", "plm", "shift"] = "auto"
    shift_peers: int = 1
    label_threshold: float = 0.5
    text_dimensions: int = 8
    representation_dimensions: int = 8
    placebos: bool = True
    sensitivity: bool = True
    refuter: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            known = f"Known are {', '.join(ESTIMATORS)}."
            raise UsageError(
                f"There is no estimator {self.estimator}. {POINT_CONTRAST}", remedy=f"{known} {NOT_A_POINT}"
            )
        if self.mapping.binary is False and self.estimator == "aipw":
            raise UsageError(
                f"AIPW needs a binary exposure; {self.exposure} is not. {POINT_CONTRAST}", remedy=NOT_A_POINT
            )
        if self.estimator == "shift" and (self.exposure not in SHIFTABLE or self.shift_peers < 1):
            raise UsageError(
                f"A shift is by at least one more peer, of {' or '.join(SHIFTABLE)}.",
                remedy="Use exposure = count and shift_peers = 1, for example.",
            )
        if self.design == "replies" and (self.exposure not in COUNTED or self.estimator == "shift"):
            raise UsageError(
                "The design of replies knows how many answers there were and what they said, not older ties or shifts.",
                remedy=f"Use one of the exposures {', '.join(COUNTED)} and an estimator other than shift.",
            )

    @property
    def mapping(self) -> Mapping:
        """The exposure mapping these settings name."""
        return self._mapping(self.exposure)

    def _mapping(self, name: str) -> Mapping:
        number = {Threshold.name: f":{self.threshold}", RecencyWeighted.name: f":{self.half_life}"}.get(name, "")
        channel = self.channel if self.design == "panel" else self.design
        return mapping_from(name + number, channel, self.period_weeks)

    @property
    def family(self) -> tuple[Mapping, ...]:
        """Every mapping, with the share, half-life and channel of these settings."""
        return tuple(self._mapping(name) for name in MAPPINGS)

    @property
    def headline(self) -> str:
        """The estimator that answers the question."""
        if self.estimator != "auto":
            return self.estimator
        return "aipw" if self.mapping.binary else "plm"

    @property
    def panel(self) -> PanelSettings:
        """The panel these settings ask for."""
        return PanelSettings(
            period_weeks=self.period_weeks,
            lookback_periods=-(-self.lookback_weeks // self.period_weeks),
            risk_periods=self.risk_periods,
            burn_in_periods=self.burn_in_periods,
            text_dimensions=self.text_dimensions,
            representation_dimensions=self.representation_dimensions,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class StudyEffect:
    """What `estimate_study` returns: the result, the tables PANEL and EXPOSURES, and figures for the report."""

    result: EffectResult
    panel: pa.Table
    exposures: pa.Table
    detail: dict[str, Any] = field(default_factory=dict)


def uses_of(messages: pa.Table, labels: pa.Table, outcome: str, threshold: float) -> Bool:
    """Return whether each message uses the outcome strategy, by its label.

    Predicted labels count where the table holds any (their error is the same for all messages); else gold ones.
    """
    mine = labels.filter(pc.equal(labels["strategy"], outcome))
    predicted = mine.filter(pc.is_null(mine["sampling_probability"]))
    mine = predicted if predicted.num_rows else mine
    positive = mine.filter(pc.greater_equal(mine["probability"], threshold))["message_id"]
    return np.asarray(pc.is_in(messages["message_id"], value_set=positive.combine_chunks()).to_numpy(), dtype=bool)


def features_of(messages: pa.Table, embeddings: tuple[Sequence[str], Float32] | None) -> Float32 | None:
    """Return the embedding of each message (N x d); zeros where a message has no text."""
    if embeddings is None:
        return None
    ids, vectors = embeddings
    where = pc.fill_null(pc.index_in(messages["message_id"], value_set=pa.array(ids, pa.string())), -1).to_numpy()
    found = np.asarray(vectors, dtype=np.float32)[np.maximum(where, 0)] if len(ids) else np.zeros((len(where), 0), "f4")
    found[where < 0] = 0.0
    return np.asarray(found, dtype=np.float32)


def exposures_table(panel: Panel, mappings: Sequence[Mapping]) -> pa.Table:
    """Return every row's exposure by each mapping (schema `EXPOSURES`), so that their agreement can be shown."""
    rows = (panel.people, panel.person, panel.period, panel.n_peers)
    return exposures_of(*rows, {mapping.definition: panel.exposure(mapping) for mapping in mappings})


def exposures_of(people: Sequence[str], person: Int, period: Int, n_peers: Int, values: dict[str, Float]) -> pa.Table:
    """Return the exposures of rows (r), by definition of the mapping."""
    authors = pa.array(people, pa.string()).take(pa.array(person))
    parts = [EXPOSURES.empty_table()]
    for definition, those in values.items():
        columns = {
            "author_id": authors,
            "period": period,
            "definition": [definition] * len(those),
            "value": pa.array(those, from_pandas=True),
            "n_peers": n_peers,
        }
        parts.append(conform(pa.table(columns), EXPOSURES))
    return pa.concat_tables(parts)


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
        from causal.study_replies import estimate_replies

        return estimate_replies(inputs, settings, label, labels_validated=labels_validated, progress=progress)
    study = _prepare(inputs, settings, progress)
    panel = study.panel
    exposure = panel.exposure(settings.mapping)
    audits = _audits(study, settings, max_thread_people)
    main = estimated(_sample(study, panel, exposure, panel.eligible, settings), settings, audits, progress)
    checks = (*main.checks, *audits, *_further_checks(study, exposure, main, settings, progress))
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
        detail=_detail(study, exposure, main, settings) | _further_figures(study, exposure, main, settings),
    )
    return StudyEffect(result, panel.table(), exposures_table(panel, computable(panel, settings.family)), result.detail)


def without_bots(inputs: Inputs) -> Inputs:
    """Leave out what declared bots wrote, so that no later cut of the tables makes a bot a person."""
    messages = inputs.messages
    bots = messages.filter(pc.starts_with(messages["bot_reason"], "declared"))["author_id"].unique().drop_null()
    kept = np.flatnonzero(~np.asarray(pc.is_in(messages["author_id"], value_set=bots).to_numpy(), dtype=bool))
    features = None if inputs.features is None else inputs.features[kept]
    return Inputs(messages.take(pa.array(kept)), inputs.used[kept], features, inputs.ties)


def _prepare(inputs: Inputs, settings: EffectSettings, progress: Progress) -> _Study:
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, settings.period_weeks)
    ties = tie_events(inputs.ties, settings.channel, events, calendar)
    panel = build_panel(events, ties, calendar, settings.panel, progress)
    graph = union_graph(panel, ties)
    last = calendar.start(int(panel.period.max()) + 1)
    return _Study(inputs, events, ties, panel, graph, communities_of(inputs, events.people, last, settings.seed))


def communities_of(inputs: Inputs, people: Sequence[str], last: int, seed: int) -> Int:
    """Return the community of each person from all ties before `last` (microseconds); -1 without ties.

    Those before the last outcome cut folds and group people for inference and for rewiring; they are no covariates.
    """
    earlier = inputs.ties.filter(pc.less(pc.cast(inputs.ties["last_at"], pa.int64()), last))
    try:
        found = communities(earlier, seed=seed, order=arrivals(inputs.messages)).table
    except InputError:  # no ties at all: everybody is alone
        return np.full(len(people), -1, dtype=np.int64)
    where = pc.index_in(pa.array(people, pa.string()), value_set=found["author_id"].combine_chunks())
    codes = pc.fill_null(found["community"].combine_chunks().take(where), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)


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


def options(settings: EffectSettings, *, sensitivity: bool = True) -> EstimationSettings:
    """Return how to estimate what the settings ask."""
    return EstimationSettings(seed=settings.seed, sensitivity=sensitivity and settings.sensitivity)


def _audits(study: _Study, settings: EffectSettings, max_thread_people: int) -> tuple[Check, ...]:
    """Look for leaks, whatever else is switched off: no setting makes an estimate from a leaking panel."""
    return (audit(study.panel, study.events, study.inputs, settings.channel, max_thread_people=max_thread_people),)


def estimated(sample: Sample, settings: EffectSettings, audits: tuple[Check, ...], progress: Progress) -> Estimates:
    """Estimate; where an audit failed, the headline is refused and `ols` and `naive` stay."""
    failed = [a for a in audits if a.status == "fail"]
    main = _headline(sample, settings, options(settings, sensitivity=not failed), progress)
    if not failed or main.refused is not None:
        return main
    reason = f"{LEAK}: {' '.join(a.detail for a in failed)}".rstrip(".")
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value", "dof"))
    ours = [replace(e, **nothing, refused=reason) if e.estimator == main.headline else e for e in main.estimates]
    return replace(main, estimates=tuple(ours), refused=reason)


def _headline(sample: Sample, settings: EffectSettings, options: EstimationSettings, progress: Progress) -> Estimates:
    """Estimate what the settings declare."""
    if settings.headline == "shift":
        return estimate_shift(sample, settings.mapping, settings.shift_peers, options, progress)
    return estimate(sample, options, progress)


def _further_checks(
    study: _Study, exposure: Float, main: Estimates, settings: EffectSettings, progress: Progress
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
        return _headline(sample, settings, how, SILENT).estimates[0]

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
    if settings.placebos and settings.headline == "plm" and settings.exposure in SHIFTABLE and main.refused is None:
        sample = _sample(study, panel, exposure, rows, settings)
        checks.append(slope_linearity(sample, settings.mapping, settings.shift_peers, options(settings)))
    if settings.placebos and main.scores is not None and main.refused is None:
        checks += _effects_by_group(study, exposure, main, settings)
    if settings.mapping.binary and rows.any():
        checks.append(among_posters(exposure[rows] == 1, panel.posted[rows], panel.outcome[rows]))
    return checks


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


def label_check(validated: bool, error: dict[str, Any] | None) -> Check:
    """Say the error of the labels aloud; it is not carried into the interval."""
    if not validated:
        return Check(
            "label_error",
            "warn",
            "Labels not validated: no gold sample was given, so nobody knows how often they are wrong. Errors shared by "
            "connected people look like contagion.",
            error or {},
        )
    said = ", ".join(f"{name} {value:.3f}" for name, value in (error or {}).items() if isinstance(value, float))
    return Check(
        "label_error",
        "warn",
        f"Labels were checked against a gold sample ({said or 'no figures'}). Their error is not carried into the "
        "interval: independent errors pull the estimate towards zero, errors shared by connected people push it up.",
        error or {},
    )


def assumptions(settings: EffectSettings) -> tuple[str, ...]:
    """Return what must hold for the headline to be the effect, in plain words."""
    if settings.design == "replies":
        from causal import study_replies

        return study_replies.assumptions(settings)
    return (
        "No hidden confounding: given their own and their peers' history, prior text, position, forum and time, who "
        "happened to be exposed has nothing else to do with who would use the strategy next. Latent homophily and "
        "contagion cannot be told apart without this (Shalizi & Thomas 2011).",
        f"The exposure is right: what matters about the peers is {settings.mapping.formula}, through the channel "
        f"{settings.channel} with ties of the last {settings.lookback_weeks} weeks, within one period of "
        f"{settings.period_weeks} weeks.",
        "Overlap: people with the same past are sometimes exposed and sometimes not.",
        "Ties and messages are those that were there: missing ties and deleted messages hide exposures.",
        "Labels are right, or wrong independently of who is connected to whom.",
        "People far apart in the network are nearly independent, given the past (network HAC).",
    )


def explained(refused: str | None) -> str | None:
    """Return a refusal with what to try next."""
    return None if refused is None else f"{refused.rstrip('.')}. {_way_out(refused)}"


def _way_out(reason: str) -> str:
    """Return what to try after a refusal."""
    if reason.startswith(LEAK):
        return (
            "Build the ties again from the same messages and check their times (copenet data quality); if it stays, "
            "report it as a defect: these numbers know what they must not."
        )
    if "outcome" in reason or "shows" in reason:
        return "Try a commoner strategy, longer periods (period_weeks), or check the labels."
    if "overlap" in reason or "exposed" in reason or "exposure" in reason:
        return "Try another exposure mapping or channel, a longer lookback, or another period length."
    if "peer" in reason:
        return "Try another channel or a longer lookback (lookback_weeks)."
    return "Collect more data, or ask a question that these can answer."


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


def histogram(values: Float) -> dict[str, list[float]]:
    """Return values and their counts (at most 20 bins)."""
    if len(np.unique(values)) <= 20:
        distinct, counts = np.unique(values, return_counts=True)
        return {"value": distinct.tolist(), "count": counts.tolist()}
    counts, edges = np.histogram(values, bins=20)
    return {"value": ((edges[1:] + edges[:-1]) / 2).tolist(), "count": counts.tolist()}
