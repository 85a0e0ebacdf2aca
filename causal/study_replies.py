"""The estimate of a study in the design of replies to a post, with the helper instrument beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from causal.estimators import Estimates, Sample
from causal.events import Events, Float, Inputs, Int, TieEvents, calendar_of, events_from, tie_events
from causal.exposure import COUNTED
from causal.helper_instrument import availability, estimate_iv
from causal.panel import tie_graph
from causal.reply_design import ReplyDesign, build_replies
from causal.reply_leaks import CHANNEL, audit
from causal.results import Check, EffectResult, Estimate
from causal.study import (
    REFUTER_ROWS,
    EffectSettings,
    StudyEffect,
    communities_of,
    estimated,
    explained,
    exposures_of,
    headline,
    histogram,
    options,
)
from causal.study_controls import ReplyStudy, reply_controls
from causal.study_explained import explanation
from causal.study_missing_ties import missing_ties, without_answers
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator

ELSEWHERE = "used {outcome} in other threads in the {weeks} weeks after the answers (silent = 0)"


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything between the tables and the estimate."""

    events: Events
    ties: TieEvents
    design: ReplyDesign
    exposure: Float
    sample: Sample


def estimate_replies(
    inputs: Inputs,
    settings: EffectSettings,
    label_check: Check,
    labels: pa.Table,
    *,
    labels_validated: bool,
    progress: Progress,
) -> StudyEffect:
    """Build the rows of answered posts and estimate the effect of what was answered.

    Args:
        inputs: The tables, without declared bots.
        settings: What is estimated.
        label_check: What is known about the labels.
        labels: Table of schema `gnn.schema.LABELS`, for the unrelated strategy.
        labels_validated: Whether they were checked against a gold sample.
        progress: Where to report.

    Raises:
        RefusedError: No post has a row.
    """
    rows = prepare(inputs, settings, progress)
    design, sample = rows.design, rows.sample
    audits = (audit(design, inputs, rows.events),)
    main = estimated(sample, settings, audits, progress)
    helper, beside = _instrument(rows, settings, audits)
    beside = (*beside, *_missing(rows, inputs, main, settings, progress))
    why = explanation(sample, main, settings)
    data = (inputs, rows.events, rows.ties, design)
    study = ReplyStudy(*data, sample, main, labels, lambda other: _refitted(other, settings))
    controls = reply_controls(study, settings, progress)
    checks = (
        *main.checks,
        *audits,
        *why.checks,
        *beside,
        *controls,
        *_dowhy_checks(sample, main, settings),
        label_check,
    )
    outcome = ELSEWHERE.format(outcome=settings.outcome, weeks=settings.period_weeks)
    result = EffectResult(
        outcome=settings.outcome,
        exposure=settings.mapping.definition,
        estimand=f"{sample.estimand}; {settings.mapping.formula.replace('peer', 'answerer')}; {outcome}",
        headline=main.headline,
        estimates=(*main.estimates, helper),
        checks=checks,
        assumptions=assumptions(settings),
        labels_validated=labels_validated,
        refused=explained(main.refused),
        detail=_detail(rows, main, settings) | why.detail,
    )
    return StudyEffect(result, design.table(), _exposures(design, settings), result.detail)


def prepare(inputs: Inputs, settings: EffectSettings, progress: Progress) -> Rows:
    """Return the rows and the sample that estimators take: scores sum within authors, who depend along the ties."""
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, settings.period_weeks)
    ties = tie_events(inputs.ties, CHANNEL, events, calendar)
    hours = settings.reply_hours
    design = build_replies(inputs, events, ties, calendar, settings.panel, reply_hours=hours, progress=progress)
    exposure = settings.mapping.of_counts(design.exposing.astype(float), design.n_peers)
    last = calendar.start(int(design.posts.period.max()) + 1)
    graph = tie_graph(ties.before(last), len(events.people))
    communities = communities_of(inputs, events.people, last, settings.seed)
    return Rows(events, ties, design, exposure, sample_of(design, exposure, graph, communities, settings))


def _refitted(inputs: Inputs, settings: EffectSettings) -> Estimate:
    """Return the headline of other tables."""
    sample = prepare(inputs, settings, SILENT).sample
    return headline(sample, settings, options(settings, sensitivity=False), SILENT).estimates[0]


def sample_of(
    design: ReplyDesign, exposure: Float, graph: csr_array, communities: Int, settings: EffectSettings
) -> Sample:
    """Return the rows as estimators take them."""
    return Sample(
        y=design.outcome.astype(float),
        e=exposure,
        X=design.covariates,
        covariate_names=design.names,
        person=design.posts.person,
        period=design.posts.period,
        n_peers=design.n_peers,
        adjacency=graph,
        communities=communities,
        binary=settings.headline == "aipw",
        groups=design.groups,
        unit="posts",
    )


def _instrument(rows: Rows, settings: EffectSettings, audits: tuple[Check, ...]) -> tuple[Estimate, tuple[Check, ...]]:
    """Estimate with the helper instrument; rows that failed an audit give no number here, either."""
    found = availability(rows.events, rows.design.answers, rows.design.posts, settings.helper_hours)
    helper, checks = estimate_iv(rows.sample, found, seed=settings.seed)
    if not any(a.status == "fail" for a in audits):
        return helper, checks
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value", "dof"))
    return replace(helper, **nothing, refused="the leak audit failed"), checks


def _missing(
    rows: Rows, inputs: Inputs, main: Estimates, settings: EffectSettings, progress: Progress
) -> tuple[Check, ...]:
    """Say what answers of which nobody knows what they answered do to the estimate, where their share is stated."""
    if not settings.missing_ties or main.refused is not None:
        return ()
    whole = rows.design

    def thin(share: float, draw: int) -> tuple[Sample, Int]:
        if share == 1:
            return rows.sample, np.arange(len(whole.posts))
        fewer = replace(inputs, messages=without_answers(inputs.messages, share, draw))
        design = build_replies(
            fewer,
            rows.events,
            rows.ties,
            whole.calendar,
            whole.settings,
            reply_hours=settings.reply_hours,
            basis=whole.basis,
        )
        exposure = settings.mapping.of_counts(design.exposing.astype(float), design.n_peers)
        sample = sample_of(design, exposure, rows.sample.adjacency, rows.sample.communities, settings)
        return sample, np.searchsorted(whole.posts.event, design.posts.event)

    return (missing_ties(thin, main.estimates[0], settings, progress),)


def _dowhy_checks(sample: Sample, main: Estimates, settings: EffectSettings) -> list[Check]:
    if not settings.refuter:
        return []
    from causal.dowhy_bridge import identification_check, placebo_refuter

    checks = [identification_check(tuple(sorted(set(sample.groups))))]
    if main.refused is None and sample.binary:
        checks.append(placebo_refuter(_some_people(sample, REFUTER_ROWS, settings.seed), options(settings)))
    return checks


def _some_people(sample: Sample, most: int, seed: int) -> Sample:
    """Return the sample, or that of randomly chosen people where its rows are too many for the refuter."""
    if len(sample.y) <= most:
        return sample
    chosen = generator(seed, "effect", "refuter").random(sample.adjacency.shape[0]) < most / len(sample.y)
    rows = chosen[sample.person]
    return replace(sample, **{k: getattr(sample, k)[rows] for k in ("y", "e", "X", "person", "period", "n_peers")})


def _exposures(design: ReplyDesign, settings: EffectSettings) -> Any:
    rows = (design.people, design.posts.person, design.posts.period, design.n_peers)
    counted = [mapping for mapping in settings.family if mapping.name in COUNTED]
    exposing = design.exposing.astype(float)
    return exposures_of(*rows, {m.definition: m.of_counts(exposing, design.n_peers) for m in counted})


def assumptions(settings: EffectSettings) -> tuple[str, ...]:
    """Return what must hold for the headline to be the effect, in plain words."""
    return (
        "No hidden confounding: given what the post says, what its author wrote and was answered before the first answer, "
        "history, forum and time, who happened to answer in which way has nothing else to do with how the author would "
        "cope afterwards. People choose whom they answer by what they can read; what they know of the author from "
        "elsewhere is not in the data.",
        f"The exposure is right: what matters about the answers is {settings.mapping.formula.replace('peer', 'answerer')}, "
        f"among direct answers by known people within {settings.reply_hours} hours. More answers make an exposing one "
        "likelier: how many there are does nothing by itself.",
        "Overlap: posts alike in all that was known before are sometimes answered in that way and sometimes not.",
        "Posts do not act on one another: what was answered to other posts of the author is no other version of this "
        "exposure.",
        "Answers and outcomes are those that were there: deleted ones hide exposures and uses.",
        "Labels are right, or wrong independently of who answers whom.",
        "People far apart in the network are nearly independent, given the past (network HAC).",
    )


def _detail(rows: Rows, main: Estimates, settings: EffectSettings) -> dict[str, Any]:
    """Return figures for the report: rows, windows, exposure, covariates. No person is named."""
    design, posts = rows.design, rows.design.posts
    return main.detail | {
        "design": "replies",
        "rows": len(posts),
        "rows_left_out": design.left_out,
        "people": len(np.unique(posts.person)),
        "periods": len(np.unique(posts.period)),
        "period_weeks": settings.period_weeks,
        "reply_hours": settings.reply_hours,
        "helper_hours": settings.helper_hours,
        "first_period": design.calendar.moment(int(posts.period.min())).isoformat(),
        "outcome_share": float(design.outcome.mean()),
        "exposure_mean": float(rows.exposure.mean()),
        "exposure_values": histogram(rows.exposure),
        "n_peers_values": histogram(np.minimum(design.n_peers, 20).astype(float)),
        "dropped_messages": int(design.dropped.sum()),
        "covariates": list(design.names),
        "covariate_groups": list(design.groups),
        "representation_dimensions": settings.representation_dimensions,
        "without_representation": design.basis.without_representation,
        "ties": len(rows.ties),
        "channel": "replies",
    }
