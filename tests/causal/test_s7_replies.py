"""The simulator's answers: what they do, and their truth, by brute force on tiny worlds."""

from __future__ import annotations

import numpy as np
import pytest

from causal.designs import S7
from causal.designs.s7 import Forced
from causal.designs.s7_network import DAY, HOUR, PERIOD
from causal.designs.s7_replies import reply_rows
from causal.panel import PanelSettings
from tests.causal.worlds import replies_of, simulated_replies

TINY = S7(
    people=14, periods=7, burn_in_periods=2, forums=2, effect=0.0, reply_effect=0.4, trait_rates=(0.1, 0.2, 0.3, 0.4)
)


def used_elsewhere(world, post, person, start):
    """Whether the author uses the strategy in another thread in the two weeks from `start`, with a loop."""
    posts = world.posts
    return any(
        posts.author[m] == person
        and posts.uses[m]
        and start <= posts.time[m] < start + PERIOD
        and posts.thread[m] != post
        for m in range(len(posts.author))
    )


def test_an_answer_adds_its_effect_to_the_next_period_and_nothing_else():
    checked = 0
    for seed in range(4):
        world = TINY.simulate(seed)
        rows = reply_rows(world)
        for person, t in set(zip(rows.person.tolist(), rows.period.tolist(), strict=True)):
            forced = [TINY.simulate(seed, forced=Forced(person, t, v, "replies")) for v in (True, False)]
            base, draw = world.rows.base[person, t + 1], world.rows.draw[person, t + 1]
            assert [bool(f.rows.used[person, t + 1]) for f in forced] == [draw < base + 0.4, draw < base]
            assert all(np.array_equal(f.rows.used[:, : t + 1], world.rows.used[:, : t + 1]) for f in forced)
            checked += 1
    assert checked > 15


def gap_of(seed):
    """The sum over the rows of a world of the brute-force contrast less the truth, and the number of rows."""
    world = TINY.simulate(seed)
    rows, total = reply_rows(world), 0.0
    for row, post in enumerate(rows.post.tolist()):
        person, t = int(rows.person[row]), int(rows.period[row])
        for sign, value in ((1, True), (-1, bool(rows.otherwise[row]))):
            again = TINY.simulate(seed, forced=Forced(person, t, value, "replies"))
            total += sign * used_elsewhere(again, post, person, int(rows.start[row]))
    truth = world.truth("replies")
    assert truth["rows"] == len(rows.post)
    return total - truth["truth"] * len(rows.post), len(rows.post)


def test_the_truth_is_that_of_whole_worlds_run_again_with_and_without_the_answer():
    gaps, rows = np.asarray([gap_of(seed) for seed in range(16)]).T
    error = np.sqrt(np.sum(gaps**2)) / rows.sum()
    assert rows.sum() > 30
    assert abs(gaps.sum()) / rows.sum() < 2.58 * error
    assert error < 0.09


def test_only_answers_in_time_to_roots_expose():
    """R recomputed from the posts with a loop."""
    world = S7(people=400, periods=8, reply_hours=60).simulate(4)
    posts, found = world.posts, np.zeros_like(world.rows.replied)
    for m in np.flatnonzero((posts.parent >= 0) & posts.uses & (posts.author >= 0)).tolist():
        root = int(posts.parent[m])
        if posts.parent[root] == -1 and posts.author[root] >= 0 and posts.time[m] - posts.time[root] <= 60 * HOUR:
            found[posts.author[root], posts.time[m] // PERIOD] = True
    assert np.array_equal(found, world.rows.replied)
    assert found.sum() > 50


def test_the_rows_of_the_truth_are_those_of_the_design():
    world, inputs = simulated_replies()
    rows = reply_rows(world)
    design, events, _ = replies_of(inputs, PanelSettings(text_dimensions=2))
    assert np.array_equal(events.message[design.posts.event], rows.post)
    assert np.array_equal(design.exposing > 0, rows.exposed)
    assert len(rows.post) > 100


def test_each_design_has_its_truth_and_the_null_has_none(tmp_path):
    import orjson

    world, _ = simulated_replies()
    truth = world.truth("replies")
    assert 0.08 < truth["truth"] < 0.25
    assert world.truth()["truth"] == 0.0
    assert S7(people=80, periods=8, null=True, reply_effect=0.3).simulate(1).truth("replies")["truth"] == 0.0
    assert S7(people=80, periods=8).simulate(1).truth("replies")["truth"] == 0.0
    saved = orjson.loads(world.save_truth(tmp_path / "truth.json").read_bytes())
    assert saved["truth"] == 0.0
    assert saved["replies"]["truth"] == truth["truth"]


def test_naive_is_strongly_confounded_without_an_effect():
    world = S7(people=1000, effect=0.0, reply_effect=0.25, recency_hours=12, null=True).simulate(11)
    rows = reply_rows(world)
    used = world.rows.used[rows.person, rows.period + 1]
    assert used[rows.exposed].mean() - used[~rows.exposed].mean() > 0.08


def test_with_recency_answers_come_soon_and_with_sessions_people_are_around_once():
    def lags(world):
        posts = world.posts
        child = np.flatnonzero(posts.parent >= 0)
        return (posts.time[child] - posts.time[posts.parent[child]]) / HOUR

    plain, soon = (S7(people=300, periods=8, recency_hours=h).simulate(2) for h in (0, 6))
    assert np.median(lags(soon)) < 12 < np.median(lags(plain))
    session = S7(people=300, periods=8, session_hours=6, chatter=3).simulate(2).posts
    period = session.time // PERIOD
    for person, t in zip(session.author[:300].tolist(), period[:300].tolist(), strict=True):
        if person >= 0:
            mine = session.time[(session.author == person) & (period == t)]
            assert np.ptp(mine) <= 6 * HOUR < DAY
    assert np.all(np.diff(session.time) >= 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_worlds_of_before_stay_what_they_were(seed):
    """No new setting moves a world that does not ask for it."""
    one, two = S7(people=60, periods=7).simulate(seed), S7(people=60, periods=7, reply_hours=5).simulate(seed)
    assert np.array_equal(one.posts.time, two.posts.time)
    assert np.array_equal(one.posts.parent, two.posts.parent)
    assert np.array_equal(one.rows.used, two.rows.used)
