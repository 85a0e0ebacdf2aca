"""Events and ties as prefixes of time, the calendar, and what is left out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal.designs.s7_world import START
from causal.events import MICROSECONDS, calendar_of, events_from, tie_events
from copenet.foundation.errors import InputError, UsageError
from graph.ties import build_ties
from tests.causal.worlds import DAY, Said, conversations, inputs_of, messages_of, simulated


def events_of(said):
    messages, used = messages_of(said)
    return events_from(messages, used)


@given(conversations(), st.integers(0, 42))
@settings(max_examples=50, deadline=None)
def test_before_holds_exactly_what_was_said_before(said, day):
    events = events_of(said)
    cut = (START + day * DAY) * MICROSECONDS
    early = events.before(cut)
    assert np.all(early.time < cut)
    assert len(early) == sum(1 for s in said if s.who and s.day < day)
    assert len(early) + len(events.between(cut, 2**62)) == len(events)
    assert len(early.features) == len(early.thread) == len(early.uses) == len(early)


@given(conversations(), st.integers(0, 42))
@settings(max_examples=30, deadline=None)
def test_tables_cut_physically_give_the_same_prefix(said, day):
    inputs = inputs_of(said)
    cut = (START + day * DAY) * MICROSECONDS
    short = inputs.before(cut)
    assert short.messages.num_rows == sum(1 for s in said if s.day < day) == len(short.used) == len(short.features)
    one = events_from(inputs.messages, inputs.used, inputs.features).before(cut)
    two = events_from(short.messages, short.used, short.features)
    assert one.time.tolist() == two.time.tolist()
    assert [one.people[p] for p in one.person] == [two.people[p] for p in two.person]
    assert np.array_equal(one.features, two.features)
    firsts = pa.compute.cast(short.ties["first_at"], pa.int64()).to_pylist()
    assert all(first < cut for first in firsts)


def test_reposts_bots_the_unknown_and_the_timeless_are_left_out():
    said = [Said(f"reddit:u_{k}", k, None, True) for k in range(5)] + [Said(None, 6, None, True)]
    messages, used = messages_of(said)
    rows = messages.to_pylist()
    rows[0]["kind"] = "repost"
    rows[1]["bot_reason"] = "declared: platform"
    rows[2]["created_at"] = None
    rows[3]["bot_reason"] = "suspected: repeated text"
    events = events_from(pa.Table.from_pylist(rows, schema=messages.schema), used)
    assert events.people == ("reddit:u_3", "reddit:u_4")
    assert events.message.tolist() == [3, 4]


def test_a_declared_bot_is_left_out_with_all_its_messages():
    messages, used = messages_of([Said("reddit:u_b", 1, None, True), Said("reddit:u_b", 2, None, True)])
    rows = messages.to_pylist()
    rows[1]["bot_reason"] = "declared: by name"
    events = events_from(pa.Table.from_pylist(rows, schema=messages.schema), used)
    assert len(events) == 0
    with pytest.raises(InputError):
        calendar_of(events, 2)


def test_periods_start_where_the_windows_of_ties_start():
    events = events_of([Said("reddit:u_0", 3, None, False), Said("reddit:u_0", 41, None, False)])
    calendar = calendar_of(events, 2)
    assert calendar.count == 3
    assert calendar.start(0) == START * MICROSECONDS
    assert calendar.moment(1).isoformat() == "2019-01-28T00:00:00+00:00"
    assert calendar.of(events.time).tolist() == [0, 2]


def test_a_last_period_which_the_data_leave_early_is_not_counted():
    for last, count in ((27, 2), (26, 1), (14, 1)):
        events = events_of([Said("reddit:u_0", 0, None, False), Said("reddit:u_0", last, None, False)])
        assert calendar_of(events, 2).count == count, last


def test_a_period_needs_a_week():
    with pytest.raises(UsageError):
        calendar_of(events_of([Said("reddit:u_0", 0, None, False)]), 0)


def test_ties_before_a_period_are_those_of_earlier_replies():
    _, inputs = simulated()
    events = events_from(inputs.messages, inputs.used)
    calendar = calendar_of(events, 2)
    ties = tie_events(inputs.ties, "received_reply", events, calendar)
    weekly = tie_events(build_ties(inputs.messages, window_days=7).ties, "received_reply", events, calendar)
    for period in (3, 6):
        cut = calendar.start(period)
        two = {(e, p) for e, p in zip(ties.before(cut).ego.tolist(), ties.before(cut).peer.tolist(), strict=True)}
        one = {(e, p) for e, p in zip(weekly.before(cut).ego.tolist(), weekly.before(cut).peer.tolist(), strict=True)}
        direct = build_ties(inputs.before(cut).messages, window_days=14).ties.to_pylist()
        names = events.people
        expected = {(r["source_author"], r["target_author"]) for r in direct if r["channel"] == "received_reply"}
        assert {(names[e], names[p]) for e, p in two} == expected
        assert one == two


def test_windows_that_straddle_the_periods_are_refused():
    _, inputs = simulated()
    events = events_from(inputs.messages, inputs.used)
    ties = build_ties(inputs.messages, window_days=30).ties
    with pytest.raises(UsageError, match="straddle") as caught:
        tie_events(ties, "received_reply", events, calendar_of(events, 2))
    assert "14 or 7" in caught.value.remedy
    with pytest.raises(UsageError, match="channel"):
        tie_events(ties, "seen", events, calendar_of(events, 2))


def test_the_parents_time_is_known_for_answers_to_known_messages():
    messages, used = messages_of([Said("reddit:u_0", 1, None, False), Said("reddit:u_1", 2, 0, False)])
    events = events_from(messages, used)
    assert events.parent_time.tolist() == [events.time[0], events.time[0]]
