"""Which placebos and negative controls a study runs beside its headline, in each design."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from causal.double_negative import among_new_peers
from causal.estimators import Estimates, Sample
from causal.events import Events, Inputs, TieEvents, events_from
from causal.left_out import Refit, left_out
from causal.negative_controls import headline_of, past_outcome, undeclared, unrelated_behaviour, unrelated_exposure
from causal.new_peers import new_peers, uses_by_period
from causal.panel import Panel
from causal.reply_controls import past_outcome as past_of_authors
from causal.reply_controls import unrelated_answers
from causal.reply_design import ReplyDesign
from causal.results import Check
from causal.study import EffectSettings, options, uses_of
from causal.time_shuffle import time_shuffle_check
from copenet.foundation.progress import Progress


@dataclass(frozen=True, slots=True)
class PanelStudy:
    """What the controls of a panel are made of.

    Attributes:
        inputs, events, panel: The study.
        sample: The rows of the headline.
        main: Its estimates.
        labels: Table of schema `gnn.schema.LABELS`, for the unrelated strategy.
        refit: The headline from other tables.
    """

    inputs: Inputs
    events: Events
    panel: Panel
    sample: Sample
    main: Estimates
    labels: pa.Table
    refit: Refit


def panel_controls(study: PanelStudy, settings: EffectSettings, progress: Progress) -> list[Check]:
    """Run the time shuffle, the negative controls and the estimates without bots and deleted messages."""
    panel, ours, how = study.panel, study.main.estimates[0], options(settings)
    headline = headline_of(study.main, study.sample)
    checks = []
    with progress.task("controls", 4, "checks") as task:
        checks.append(time_shuffle_check(panel, study.events, settings.mapping, ours, seed=settings.seed))
        task.advance()
        if settings.unrelated:
            uses = uses_by_period(unrelated_events(study.inputs, study.labels, settings), panel.calendar)
            exposure, history = unrelated_exposure(panel, uses, settings.mapping)
            rows = panel.eligible
            history = {name: values[rows] for name, values in history.items()}
            checks.append(unrelated_behaviour(study.sample, settings.unrelated, exposure[rows], history, headline, how))
        else:
            checks.append(undeclared())
        task.advance()
        new = new_peers(panel, study.events, study.inputs.ties, settings.mapping)
        checks += [past_outcome(new, headline, how), among_new_peers(new, headline, how)]
        task.advance()
        checks += left_out(study.inputs, ours, study.refit)
        task.advance()
    return checks


@dataclass(frozen=True, slots=True)
class ReplyStudy:
    """What the controls of the replies design are made of; as `PanelStudy`, with its posts and ties."""

    inputs: Inputs
    events: Events
    ties: TieEvents
    design: ReplyDesign
    sample: Sample
    main: Estimates
    labels: pa.Table
    refit: Refit


def reply_controls(study: ReplyStudy, settings: EffectSettings, progress: Progress) -> list[Check]:
    """Run the negative controls and the estimates without bots and deleted messages; none after a refusal."""
    if study.main.refused is not None or not settings.placebos:
        return []
    how, headline = options(settings), headline_of(study.main, study.sample)
    with progress.task("controls", 3, "checks") as task:
        if settings.unrelated:
            events = unrelated_events(study.inputs, study.labels, settings)
            exposure, history = unrelated_answers(study.design, events, settings.mapping)
            checks = [unrelated_behaviour(study.sample, settings.unrelated, exposure, history, headline, how)]
        else:
            checks = [undeclared()]
        task.advance()
        data = (study.events, study.ties, study.inputs.ties)
        checks.append(past_of_authors(study.design, data, study.sample, settings.mapping, headline, how))
        task.advance()
        checks += left_out(study.inputs, study.main.estimates[0], study.refit)
        task.advance()
    return checks


def unrelated_events(inputs: Inputs, labels: pa.Table, settings: EffectSettings) -> Events:
    """Return the events of a study with the uses of the unrelated strategy, in the same order and codes."""
    used = uses_of(inputs.messages, labels, settings.unrelated, settings.label_threshold)
    return events_from(inputs.messages, used, None)
