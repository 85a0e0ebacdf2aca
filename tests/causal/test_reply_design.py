"""The rows of answered posts: each figure counted again from the messages, one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from causal.designs.s7_world import START
from causal.events import Inputs, calendar_of, events_from, tie_events
from causal.panel import PanelSettings
from causal.reply_design import HOUR, NEVER, Tally, answers_of, build_replies
from causal.schema import PANEL
from copenet.foundation.errors import RefusedError
from copenet.foundation.seeds import generator
from tests.causal.worlds import DAY, SETTINGS, Said, conversations, inputs_of, replies_of, simulated_replies

HOURS = 48
END = 42 * DAY


def expected(said):
    """Return (post, author, answerers, how many used, outcome, dropped) of each row, with loops over the messages."""
    thread = {}
    for i, s in enumerate(said):
        thread[i] = i if s.answers is None else thread[s.answers]
    at = [s.day * DAY + i for i, s in enumerate(said)]
    rows = []
    for i, s in enumerate(said):
        closes = at[i] + HOURS * 3600
        others = [j for j, a in enumerate(said) if a.answers == i and a.who != s.who and at[j] <= closes]
        people = {said[j].who for j in others if said[j].who}
        if s.answers is not None or s.who is None or at[i] < 14 * DAY or closes + 7 * DAY > END or not people:
            continue
        later = [j for j, m in enumerate(said) if m.who == s.who and closes <= at[j] < closes + 7 * DAY and m.uses]
        elsewhere = [j for j in later if thread[j] != i]
        using = {said[j].who for j in others if said[j].who and said[j].uses}
        rows.append((i, s.who, len(people), len(using), bool(elsewhere), len(later) - len(elsewhere)))
    return rows


def busy(seed, n=220):
    """A random conversation in which most answers come soon."""
    rng = generator(seed, "busy")
    days = np.sort(np.r_[0, 41, rng.integers(0, 42, size=n - 2)])
    said = []
    for i, day in enumerate(days.tolist()):
        near = int(rng.integers(max(0, i - 8), i)) if i and rng.random() < 0.7 else None
        who = None if rng.random() < 0.05 and 0 < i < n - 1 else f"reddit:u_{rng.integers(7)}"
        forum = said[near].forum if near is not None else "ab"[rng.integers(2)]
        said.append(Said(who, day, near, bool(rng.random() < 0.4), forum))
    return said


def found_in(design, events):
    """The rows as `expected` gives them."""
    return list(
        zip(
            events.message[design.posts.event].tolist(),
            [design.people[p] for p in design.posts.person],
            design.n_peers.tolist(),
            design.exposing.tolist(),
            design.outcome.tolist(),
            design.dropped.tolist(),
            strict=True,
        )
    )


def test_rows_exposures_and_outcomes_are_those_of_the_messages():
    every = []
    for seed in range(5):
        said = busy(seed)
        design, events, _ = replies_of(inputs_of(said), SETTINGS, HOURS)
        assert found_in(design, events) == expected(said)
        assert np.isfinite(design.covariates).all()
        every += expected(said)
    assert len(every) > 40
    assert sum(dropped for *_, dropped in every) > 0
    assert 0 < sum(outcome for *_, outcome, _ in every) < len(every)


@settings(max_examples=10)
@given(conversations())
def test_odd_conversations_give_the_rows_of_their_messages_or_are_refused(said):
    inputs, rows = inputs_of(said), expected(said)
    if not rows:
        with pytest.raises(RefusedError, match="No post"):
            replies_of(inputs, SETTINGS, HOURS)
        return
    design, events, _ = replies_of(inputs, SETTINGS, HOURS)
    assert found_in(design, events) == rows


def test_the_first_answer_of_a_deleted_account_counts_and_ones_own_and_bots_do_not():
    said = [
        Said("reddit:u_0", 15, None, False),
        Said("reddit:u_0", 15, 0, False),
        Said(None, 15, 0, False),
        Said("reddit:u_1", 16, 0, True),
        Said("reddit:u_2", 16, None, True),
    ]
    inputs = inputs_of(said)
    events = events_from(inputs.messages, inputs.used, inputs.features)
    answers = answers_of(inputs.messages, events)
    assert answers.first[0] == (START + 15 * DAY + 2) * 1_000_000
    assert answers.first[1] == NEVER
    assert answers.parent.tolist() == [-1, -1, 0, -1]
    assert answers.root.tolist() == [True, False, False, True]
    bots = pa.array([None, None, "declared: list", None, None], inputs.messages.schema.field("bot_reason").type)
    place = inputs.messages.column_names.index("bot_reason")
    inputs = replace(inputs, messages=inputs.messages.set_column(place, "bot_reason", bots))
    answers = answers_of(inputs.messages, events_from(inputs.messages, inputs.used, inputs.features))
    assert answers.first[0] == (START + 16 * DAY + 3) * 1_000_000


def test_a_post_answered_before_it_was_written_has_no_row_and_is_counted():
    _, inputs = simulated_replies()
    design, events, _ = replies_of(inputs)
    row, name = int(events.message[design.posts.event[0]]), inputs.messages["message_id"]
    child = inputs.messages["parent_id"].to_pylist().index(name[row].as_py())
    times = inputs.messages["created_at"].cast(pa.int64()).to_pylist()
    times[child] = times[row]
    place, field = inputs.messages.column_names.index("created_at"), inputs.messages.schema.field("created_at")
    odd = replace(
        inputs, messages=inputs.messages.set_column(place, field, pa.array(times, pa.int64()).cast(field.type))
    )
    again, others, _ = replies_of(odd)
    assert again.left_out["answered_before_written"] == 1
    assert row not in others.message[again.posts.event]
    assert len(again.posts) == len(design.posts) - 1


def test_covariates_name_what_they_are_and_hold_the_post_and_what_was_said_since():
    _, inputs = simulated_replies()
    design, events, _ = replies_of(inputs)
    assert len(design.names) == len(design.groups) == len(set(design.names)) == design.covariates.shape[1]
    assert {
        "own_history",
        "post_text",
        "post_label",
        "post_time",
        "since",
        "since_text",
        "past_exposure",
        "place_time",
    } <= set(design.groups)
    assert np.array_equal(design.covariates[:, design.names.index("post_uses")], events.uses[design.posts.event])
    since = design.covariates[:, design.names.index("since_log_messages")]
    for row in range(0, len(design.posts), 17):
        start = design.calendar.start(int(design.posts.period[row]))
        said = (
            (events.person == design.posts.person[row])
            & (events.time >= start)
            & (events.time < design.posts.first[row])
        )
        assert np.expm1(since[row]) == pytest.approx(said.sum() - 1)


def test_the_table_follows_its_schema_and_holds_every_row():
    _, inputs = simulated_replies()
    design, _, _ = replies_of(inputs)
    table = design.table()
    assert table.schema.equals(PANEL)
    assert table.num_rows == len(design.posts)
    assert table["outcome"].to_pylist() == design.outcome.tolist()
    assert not np.any(design.outcome & ~design.posted)


def test_a_tally_counts_strictly_before():
    rng = generator(0, "tally")
    owner, time = rng.integers(4, size=60), rng.integers(9, size=60)
    values = rng.normal(size=(60, 2))
    who, when = rng.integers(6, size=40), rng.integers(-1, 11, size=40)
    tally = Tally(owner, time, values)
    plain = [values[(owner == w) & (time < t)].sum(axis=0) for w, t in zip(who, when, strict=True)]
    assert tally.before(who, when) == pytest.approx(np.asarray(plain), abs=1e-12)
    inside = [values[(owner == w) & (time >= t) & (time < t + 3)].sum(axis=0) for w, t in zip(who, when, strict=True)]
    assert tally.between(who, when, when + 3) == pytest.approx(np.asarray(inside), abs=1e-12)


def test_longer_hours_find_no_fewer_answers_for_a_post():
    _, inputs = simulated_replies()
    short, long = (replies_of(inputs, PanelSettings(text_dimensions=2), hours)[0] for hours in (12, 96))
    both = {int(e): n for e, n in zip(long.posts.event, long.n_peers, strict=True)}
    shared = [(n, both[int(e)]) for e, n in zip(short.posts.event, short.n_peers, strict=True) if int(e) in both]
    assert len(shared) > 20
    assert all(a <= b for a, b in shared)
    assert long.windows.reply == 96 * HOUR


def test_too_short_a_study_is_refused():
    inputs = inputs_of([Said("reddit:u_0", 0, None, True), Said("reddit:u_1", 20, 0, True)])
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, 1)
    ties = tie_events(inputs.ties, "received_reply", events, calendar)
    with pytest.raises(RefusedError, match="No post"):
        build_replies(Inputs(inputs.messages, inputs.used, None, inputs.ties), events, ties, calendar, SETTINGS)
