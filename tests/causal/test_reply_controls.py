"""Negative controls of the replies design: who is a stranger, what came before, and that answers are not blamed for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal import reply_controls
from causal.designs import S7
from causal.estimators import EstimationSettings
from causal.events import Inputs, tie_events
from causal.exposure import AnyPeer
from causal.negative_controls import Headline
from causal.panel import PanelSettings, tie_graph
from causal.reply_controls import past_outcome, strangers, unrelated_answers
from causal.study import EffectSettings
from causal.study_replies import sample_of
from copenet.foundation.seeds import generator
from graph.ties import build_ties
from tests.causal.worlds import replies_of, simulated_replies

SETTINGS = EffectSettings(design="replies")
HEADLINE = Headline(0.1, 0.1, True, None, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated_replies()
    design, events, ties = replies_of(inputs)
    return design, events, ties, inputs


def test_strangers_had_no_tie_of_any_channel_before_the_period_of_the_post(study):
    design, events, _, inputs = study
    known = set()
    for channel in set(inputs.ties["channel"].to_pylist()):
        ties = tie_events(inputs.ties, channel, events, design.calendar)
        when = design.calendar.of(ties.time)
        known |= {(frozenset((int(i), int(j))), int(t)) for i, j, t in zip(ties.ego, ties.peer, when, strict=True)}
    first: dict[frozenset[int], int] = {}
    for pair, t in known:
        first[pair] = min(t, first.get(pair, t))
    expected = {}
    place = {int(e): k for k, e in enumerate(design.posts.event)}
    for child, parent in enumerate(design.answers.parent.tolist()):
        lag = events.time[child] - events.time[parent]
        if parent in place and 0 <= lag <= design.windows.reply:
            row, helper = place[parent], int(events.person[child])
            pair = frozenset((helper, int(design.posts.person[row])))
            if first.get(pair, 10**9) >= design.posts.period[row]:
                people, using = expected.setdefault(row, (set(), set()))
                people.add(helper)
                using |= {helper} if events.uses[child] else set()
    met = strangers(design, events, inputs.ties)
    assert len(met.row) > 30
    assert met.row.tolist() == sorted(expected)
    assert met.n_peers.tolist() == [len(expected[r][0]) for r in met.row.tolist()]
    assert met.exposing.tolist() == [len(expected[r][1]) for r in met.row.tolist()]
    assert np.all(met.n_peers <= design.n_peers[met.row])


def test_the_exposure_to_an_unrelated_kind_is_that_of_its_answers_and_its_history_ends_before_the_first(study):
    design, events, _, _ = study
    exposure, history = unrelated_answers(design, events, AnyPeer())
    assert exposure.tolist() == (design.exposing > 0).astype(float).tolist()
    middle = int(np.median(design.posts.first))
    again = unrelated_answers(design, replace(events, uses=events.uses | (events.time >= middle)), AnyPeer())[1]
    early = design.posts.first <= middle  # what anybody did later is not known then
    assert all(np.array_equal(history[name][early], again[name][early]) for name in history)
    assert set(history) == {"unrelated_own_rate", "unrelated_post"}
    assert history["unrelated_post"].tolist() == events.uses[design.posts.event].tolist()


def test_too_few_posts_cannot_be_checked(study):
    design, events, ties, inputs = study
    sample = sample_of(
        design, (design.exposing > 0) * 1.0, tie_graph(ties, len(events.people)), events.person * 0, SETTINGS
    )
    check = past_outcome(design, (events, ties, inputs.ties), sample, AnyPeer(), HEADLINE, EstimationSettings())
    assert (check.name, check.status) == ("past_outcome", "not_informative")
    assert "200 are needed" in check.detail


def past_of(seed, **world):
    """z of the past outcome in a simulated world."""
    made = S7(people=900, periods=13, effect=0.0, recency_hours=12, **world).simulate(seed)
    messages, _ = made.tables()
    features = np.eye(4)[made.posts.level] + generator(seed, "features").normal(
        scale=0.3, size=(len(made.posts.level), 4)
    )
    inputs = Inputs(messages, made.posts.uses, features.astype(np.float32), build_ties(messages, window_days=14).ties)
    design, events, ties = replies_of(inputs, PanelSettings(text_dimensions=3))
    communities = np.arange(len(events.people)) % 20
    sample = sample_of(design, (design.exposing > 0) * 1.0, tie_graph(ties, len(events.people)), communities, SETTINGS)
    found = past_outcome(
        design, (events, ties, inputs.ties), sample, AnyPeer(), HEADLINE, EstimationSettings(learners=("linear",))
    )
    return found.figures["estimate"] / found.figures["se"]


def test_what_answers_did_is_not_taken_for_a_hidden_cause():
    z = [past_of(seed, reply_effect=0.3) for seed in range(3)]
    assert abs(sum(z)) / np.sqrt(3) < 3.3


def test_a_hidden_trait_by_which_strangers_answer_fires_without_any_effect(monkeypatch):
    """Nobody knows post, text or history, so that the trait which chooses answerers is a hidden cause."""
    monkeypatch.setattr(reply_controls, "POST", ("post_time",))
    monkeypatch.setattr(reply_controls, "_past", lambda design, _, row: np.zeros((len(row), len(design.basis.names))))
    z = [past_of(seed, null=True, trait_rates=(0.02, 0.1, 0.8, 0.9), homophily=4.0) for seed in range(3)]
    assert sum(z) / np.sqrt(3) > 3.3
