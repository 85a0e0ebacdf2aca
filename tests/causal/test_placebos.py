"""The placebos: what rewiring keeps, where the future is informative, and what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.events import TieEvents
from causal.panel import PanelSettings
from causal.placebos import blind_peers, exchanged, future_exposure, rewire, rewired_graph
from causal.results import Estimate
from tests.causal.worlds import panel_of, simulated


def difference(panel, exposure, rows, extra):
    """A stand-in estimator: least squares on exposure, own and peers' history; robust errors."""
    y, e = panel.outcome[rows].astype(float), exposure[rows]
    chosen = [k for k, g in enumerate(panel.groups) if g in ("own_history", "activity", "peers", "position", "text")]
    columns = [np.ones(len(y)), e, *panel.covariates[rows][:, chosen].T, *(v[rows] for v in extra.values())]
    x = np.column_stack(columns)
    bread = np.linalg.pinv(x.T @ x)
    beta = bread @ x.T @ y
    scores = x * (y - x @ beta)[:, None]
    se = float(np.sqrt((bread @ scores.T @ scores @ bread)[1, 1]))
    b = float(beta[1])
    return Estimate("ols", "contrast", b, se, b - 1.96 * se, b + 1.96 * se, None, len(y), int(panel.n_peers.sum()))


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated(people=400, periods=12)
    panel, events, ties = panel_of(inputs, PanelSettings())
    return panel, events, ties, inputs


def half_and_half(panel):
    return np.arange(len(panel.people)) % 3


def any_peer(panel):
    return (panel.exposing > 0).astype(float)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_rewiring_keeps_degrees_communities_and_time(data):
    n, m = 9, data.draw(st.integers(0, 60))
    draw = lambda high: np.asarray(data.draw(st.lists(st.integers(0, high), min_size=m, max_size=m)), dtype=np.int64)  # noqa: E731
    ego, peer, when = draw(n - 1), draw(n - 1), draw(3)
    keep = ego != peer
    ties = TieEvents(ego[keep], peer[keep], np.sort(when[keep]))
    community = np.arange(n) % 2
    made = rewire(ties, ties.time, community, seed=0).ties
    assert np.all(made.ego != made.peer)
    assert np.array_equal(made.ego, ties.ego)
    assert np.array_equal(made.time, ties.time)
    assert np.array_equal(community[made.peer], community[ties.peer])
    leading = [sorted(zip(t.time, community[t.ego], t.peer, strict=True)) for t in (ties, made)]
    assert leading[0] == leading[1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda pair: pair[0] != pair[1]), max_size=12))
def test_an_exchange_gives_every_peer_away_once_and_nobody_themself(pairs):
    ego, peer = (np.asarray([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    made = exchanged(ego, peer)
    assert np.all(made != ego)
    assert sorted(made.tolist()) == sorted(peer.tolist())


def test_rewiring_keeps_how_many_see_each_peer_and_changes_most_ties(study):
    panel, _, ties, _ = study
    when = panel.calendar.of(ties.time)
    made = rewire(ties, when, np.zeros(len(panel.people), dtype=np.int64), seed=1)
    before, after = (np.bincount(t.peer, minlength=len(panel.people)) for t in (ties, made.ties))
    assert made.new > 0.9
    assert np.array_equal(before, after)
    assert (
        made.ties.peer.tolist()
        != rewire(ties, when, np.zeros(len(panel.people), dtype=np.int64), seed=2).ties.peer.tolist()
    )


def test_made_up_peers_have_no_effect_and_the_check_says_what_it_cannot_show(study):
    panel, events, ties, _ = study
    check = rewired_graph(panel, (events, ties), half_and_half(panel), difference, exposure=any_peer, seed=0)
    real = difference(panel, any_peer(panel), panel.eligible, {})
    assert check.status == "pass"
    assert abs(check.figures["estimate"]) < real.estimate
    assert "does not show" in check.detail
    assert check.figures["ties_new"] > 0.8


def test_an_estimator_that_always_finds_something_is_flagged(study):
    panel, events, ties, _ = study

    def wrong(panel, exposure, rows, extra):
        return replace(difference(panel, exposure, rows, extra), estimate=0.5, se=0.01, ci_low=0.48, ci_high=0.52)

    assert rewired_graph(panel, (events, ties), half_and_half(panel), wrong, exposure=any_peer, seed=0).status == "warn"


def test_a_refusing_estimator_makes_the_placebos_not_informative(study):
    panel, events, ties, inputs = study

    def refusing(panel, exposure, rows, extra):
        return Estimate("aipw", "contrast", None, None, None, None, None, 0, 0, refused="no overlap")

    check = rewired_graph(panel, (events, ties), half_and_half(panel), refusing, exposure=any_peer, seed=0)
    assert check.status == "not_informative"
    assert "no overlap" in check.detail
    one_way = inputs.ties.filter(pc.equal(inputs.ties["channel"], "received_reply"))
    assert future_exposure(panel, events, one_way, np.zeros(len(panel.person)), refusing).status == "not_informative"


def test_with_replies_seen_both_ways_the_future_is_not_informative(study):
    panel, events, _, inputs = study
    check = future_exposure(panel, events, inputs.ties, np.zeros(len(panel.person)), difference)
    assert check.status == "not_informative"
    assert "mutual" in check.detail
    assert check.figures["rows"] == 0


def test_peers_who_cannot_see_the_person_give_an_estimate(study):
    """Only one direction is recorded, so a peer is blind unless the person answered them."""
    panel, events, ties, inputs = study
    one_way = inputs.ties.filter(pc.equal(inputs.ties["channel"], "received_reply"))
    exposure = any_peer(panel)
    check = future_exposure(panel, events, one_way, exposure, difference)
    assert check.status in ("pass", "fail")
    assert check.figures["rows"] > 200
    assert abs(check.figures["estimate"]) < 4 * check.figures["se"]
    for piece, blind in zip(panel.slices, blind_peers(panel, events, one_way), strict=True):
        low = panel.calendar.start(piece.period - panel.settings.lookback_periods)
        window = ties.before(panel.calendar.start(piece.period + 3)).since(low)
        seen = set(zip(window.ego.tolist(), window.peer.tolist(), strict=True))
        rows, peers = blind.nonzero()
        assert not any((int(p), int(piece.person[r])) in seen for r, p in zip(rows, peers, strict=True))
        assert (piece.peers - blind).min() >= 0


def test_in_small_cliques_there_is_nobody_else_to_exchange(study):
    """Everybody is tied to everybody of their four: every exchanged tie is a true one."""
    panel, events, _, _ = study
    n = len(panel.people) // 4 * 4
    ego, peer = (
        np.array(side)
        for side in zip(*[(i, j) for i in range(n) for j in range(i // 4 * 4, i // 4 * 4 + 4) if i != j], strict=True)
    )
    cliques = TieEvents(ego, peer, np.full(len(ego), panel.calendar.start(2)))
    community = np.arange(len(panel.people)) // 4
    assert rewire(cliques, panel.calendar.of(cliques.time), community, seed=0).new == 0.0
    check = rewired_graph(panel, (events, cliques), community, difference, exposure=any_peer, seed=0)
    assert check.status == "not_informative"
    assert "no other people" in check.detail


def test_the_future_is_what_blind_peers_do_two_periods_on_given_the_present(study):
    panel, events, _, inputs = study
    one_way = inputs.ties.filter(pc.equal(inputs.ties["channel"], "received_reply"))
    exposure = any_peer(panel)
    asked = {}

    def spy(panel, values, rows, extra):
        asked.update(values=values, rows=rows, extra=extra)
        return difference(panel, values, rows, extra)

    future_exposure(panel, events, one_way, exposure, spy)
    when = panel.calendar.of(events.time)
    used = {(int(p), int(t)) for p, t in zip(events.person[events.uses], when[events.uses], strict=True)}
    expected = []
    for piece, blind in zip(panel.slices, blind_peers(panel, events, one_way), strict=True):
        peers = [blind[[row]].nonzero()[1].tolist() for row in range(len(piece.person))]
        expected += [any((j, piece.period + 2) in used for j in row) for row in peers]
    assert asked["rows"].sum() > 200
    assert asked["values"][asked["rows"]].tolist() == np.array(expected)[asked["rows"]].tolist()
    assert asked["extra"]["current_exposure"].tolist() == exposure.tolist()
