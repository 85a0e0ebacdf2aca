"""Every leak of the replies design is planted and seen caught; the design itself passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import causal.reply_design as design_module
from causal import reply_leaks as leaks
from causal.covariates import fit_basis, principal_axes
from causal.events import events_from
from causal.reply_design import HOUR, Windows, outcome_of
from graph.ties import build_ties
from tests.causal.worlds import replies_of, simulated_replies


def audited(inputs):
    """Build the rows with whatever is patched in, and audit them in the same way."""
    design, events, _ = replies_of(inputs)
    return leaks.audit(design, inputs, events)


def replaced(inputs, column, values):
    """The same study with another column of its messages, ties built anew."""
    messages = inputs.messages
    place, field = messages.column_names.index(column), messages.schema.field(column)
    messages = messages.set_column(place, field, values)
    return replace(inputs, messages=messages, ties=build_ties(messages, window_days=14).ties)


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated_replies()
    design, events, _ = replies_of(inputs)
    return design, events, inputs


def test_the_design_itself_passes(study):
    design, events, inputs = study
    check = leaks.audit(design, inputs, events)
    assert check.status == "pass"
    assert check.figures["leaks_truncation"]["largest_difference"] == 0.0
    assert check.figures["leaks_order"]["counted"] == len(design.posts)
    assert set(check.figures) == {"leaks_truncation", "leaks_order", "leaks_clock"}


def test_newcomers_have_no_forum_of_their_own_yet(study):
    """Once they were given the first by name of all that there ever are, also of those that only open later."""
    *_, inputs = study
    messages = inputs.messages
    when = np.array(messages["created_at"].cast(pa.int64()))
    newcomer = np.array([int(a[-1], 36) % 2 == 0 if a else False for a in messages["author_id"].to_pylist()])
    gone = newcomer & (when <= np.quantile(when, 0.6))
    answered = pc.is_in(messages["parent_id"], value_set=messages["message_id"].combine_chunks().filter(pa.array(gone)))
    kept = np.flatnonzero(~gone & ~np.asarray(answered))
    cut = replace(inputs, messages=messages.take(kept), used=inputs.used[kept], features=inputs.features[kept])
    design, *_ = replies_of(cut)
    (busiest,) = set(range(len(design.forums))) - set(design.basis.forums)  # the others have an indicator
    forum = cut.messages["forum"]
    named = pc.if_else(pc.equal(forum, design.forums[busiest]), "z the busiest", forum)
    cut = replaced(cut, "forum", named)
    design, events, _ = replies_of(cut)
    starts = np.array([design.calendar.start(p) for p in design.posts.period.tolist()])
    first = np.full(len(events.people), np.iinfo(np.int64).max)
    np.minimum.at(first, events.person, events.time)
    new = first[design.posts.person] >= starts
    own = [k for k, name in enumerate(design.names) if name.startswith("forum_") and "recent" not in name]
    assert new.sum() > 10
    assert own
    assert not design.covariates[new][:, own].any()
    assert design.covariates[~new][:, own].any()
    assert leaks.audit(design, cut, events).status == "pass"


def test_posts_are_sampled_whose_authors_wrote_again_after_the_first_answer(study):
    design, events, _ = study
    rows = leaks.sampled_posts(design, events)
    assert len(rows) == leaks.SAMPLED_POSTS
    for row in rows:
        mine = events.time[events.person == design.posts.person[row]]
        ends = design.posts.time[row] + design.windows.reply + design.windows.outcome
        assert np.any((mine >= design.posts.first[row]) & (mine < ends))


def test_a_shuffled_clock_is_caught(study):
    *_, inputs = study
    shuffled = inputs.messages["created_at"].take(np.random.default_rng(0).permutation(inputs.messages.num_rows))
    check = audited(replaced(inputs, "created_at", shuffled))
    assert check.status == "fail"
    assert 0.4 < check.figures["leaks_clock"]["share"] < 0.6


def test_text_written_after_the_first_answer_is_caught(study, monkeypatch):
    *_, inputs = study
    original = design_module._since

    def leaking(events, answers, calendar, posts):
        return original(events, answers, calendar, replace(posts, first=posts.first + 10 * 24 * HOUR))

    monkeypatch.setattr(design_module, "_since", leaking)
    check = audited(inputs)
    assert check.status == "fail"
    assert "since_text_0" in check.figures["leaks_truncation"]["covariates"]
    assert all(n.startswith(("since", "answers")) for n in check.figures["leaks_truncation"]["covariates"])


def test_the_history_of_the_next_period_is_caught(study, monkeypatch):
    *_, inputs = study
    original = design_module.prefix_at
    monkeypatch.setattr(design_module, "prefix_at", lambda e, t, c, period, s: original(e, t, c, period + 1, s))
    check = audited(inputs)
    assert check.figures["leaks_truncation"]["rows"] > 0


def test_a_text_basis_fitted_on_everything_is_caught(study, monkeypatch):
    *_, inputs = study
    everything = events_from(inputs.messages, inputs.used, inputs.features)

    def leaking(prefix, settings):
        mean, axes = principal_axes(everything.features, settings.text_dimensions)
        return replace(fit_basis(prefix, settings), mean=mean, components=axes)

    monkeypatch.setattr(design_module, "fit_basis", leaking)
    check = audited(inputs)
    assert check.status == "fail"
    assert "post_text_0" in check.figures["leaks_truncation"]["covariates"]


def test_a_tie_table_with_wrong_times_is_caught(study):
    *_, inputs = study
    back, ties = pa.scalar(14 * 86_400 * 1_000_000, pa.duration("us")), inputs.ties
    for name in ("window_start", "first_at", "last_at"):
        column = pa.compute.subtract(ties[name], back)
        ties = ties.set_column(ties.column_names.index(name), ties.schema.field(name), column)
    check = audited(replace(inputs, ties=ties))
    assert check.figures["leaks_truncation"]["rows"] > 0


def in_own_thread(design, events, inputs):
    """Move the using messages of every outcome window into the thread of the post."""
    threads = inputs.messages["thread_id"].to_pylist()
    for row in range(len(design.posts)):
        closes = design.posts.time[row] + design.windows.reply
        mine = (events.person == design.posts.person[row]) & events.uses & (events.time >= closes)
        for event in np.flatnonzero(mine & (events.time < closes + design.windows.outcome)):
            threads[events.message[event]] = threads[events.message[design.posts.event[row]]]
    return replaced(inputs, "thread_id", pa.array(threads, pa.string()))


def test_an_outcome_in_the_same_thread_is_dropped_and_where_it_is_not_caught(study, monkeypatch):
    moved = in_own_thread(*study)
    honest, events, _ = replies_of(moved)
    assert leaks.order_audit(honest, events).status == "pass"
    assert honest.dropped.sum() > 20

    def leaking(events, windows, posts):
        uses, posted, dropped = outcome_of(events, windows, posts)
        return uses | (dropped > 0), posted, np.zeros_like(dropped)

    monkeypatch.setattr(design_module, "outcome_of", leaking)
    check = audited(moved)
    assert check.status == "fail"
    assert check.figures["leaks_order"]["outcomes"] > 10
    assert check.figures["leaks_order"]["exposures"] == 0


def test_an_outcome_that_overlaps_the_answers_is_caught(study):
    design, events, _ = study
    early = Windows(0, design.windows.outcome)
    outcome, posted, dropped = outcome_of(events, early, design.posts)
    check = leaks.order_audit(replace(design, outcome=outcome, posted=posted, dropped=dropped), events)
    assert check.figures["outcomes"] > 5


def test_answers_of_another_window_are_caught(study):
    design, events, _ = study
    short = Windows(design.windows.reply // 12, design.windows.outcome)
    n_peers, exposing = design_module.exposure_of(events, design.answers, short, design.posts)
    check = leaks.order_audit(replace(design, n_peers=n_peers, exposing=exposing), events)
    assert check.figures["exposures"] > 0
