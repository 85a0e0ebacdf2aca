"""Replies to a post: one row per post that others answered, everything about it known before the first answer.

For post p, written by i at s: the exposure is what others wrote as direct answers in (s, s + `reply_hours`], the outcome
whether i used the strategy in *other* threads in the `period_weeks` weeks after those hours (silent = 0). Covariates are
those of the network panel at the start of the period in which p was written, the post itself, and what i wrote and was
answered before the first answer to p. Nothing that was said at or after the first answer can reach them: every sum of
`Tally.before` ends there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causal.covariates import PRIOR, Basis, Block, covariates_at, fit_basis, place_and_time, score
from causal.events import MICROSECONDS, Bool, Calendar, Events, Float, Inputs, Int, TieEvents, microseconds
from causal.panel import PanelSettings, first_period, prefix_at
from causal.schema import PANEL
from copenet.foundation.errors import RefusedError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import TIMESTAMP, conform

HOUR = 3_600 * MICROSECONDS
DAY = 24 * HOUR
NEVER = np.iinfo(np.int64).max
Strings = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answered what, directly.

    Attributes:
        parent: For each event (m) the event that it answers, by place; -1 for none, an unknown one, or one's own.
        first: For each event (m) the time of the first answer by anybody but its author; `NEVER` without one. Answers
            of deleted accounts count here: the author read them, too.
        root: Whether each event starts a thread (m).
        early: Whether the first answer is not after the event itself (m): then nobody knows what came first.
    """

    parent: Int
    first: Int
    root: Bool
    early: Bool


@dataclass(frozen=True, slots=True)
class Posts:
    """r posts, in the order of time.

    Attributes:
        event: The post among the events (r).
        person, time, thread, forum: Its author, time (microseconds), thread and forum (r).
        first: Time of the first answer (r): covariates end before it.
        period: The period of the calendar in which it was written (r).
    """

    event: Int
    person: Int
    time: Int
    thread: Int
    forum: Int
    first: Int
    period: Int

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, slots=True)
class Windows:
    """Answers count for `reply` microseconds after a post, outcomes for `outcome` microseconds after that."""

    reply: int
    outcome: int


@dataclass(frozen=True, slots=True)
class ReplyDesign:
    """All rows.

    Attributes:
        settings, calendar, people, forums: What the codes mean; `settings` cut history and burn-in.
        windows: How long answers and outcomes count.
        posts: The posts (r).
        n_peers: Other people who answered in time (r), at least 1.
        exposing: How many of them used the strategy in an answer to the post (r).
        outcome: Used the strategy in another thread in the outcome window (r).
        posted: Wrote anything in the outcome window (r).
        dropped: Using messages of the outcome window left out because they are in the post's own thread (r).
        covariates: r x p, with `names` and `groups` (p).
        basis: What was fitted on the burn-in.
        answers: Who answered what among all events.
        left_out: How many posts have no row, and why.
    """

    settings: PanelSettings
    calendar: Calendar
    people: Strings
    forums: Strings
    windows: Windows
    posts: Posts
    n_peers: Int
    exposing: Int
    outcome: Bool
    posted: Bool
    dropped: Int
    covariates: Float
    names: Strings
    groups: Strings
    basis: Basis
    answers: Answers
    left_out: dict[str, int]

    def table(self) -> pa.Table:
        """Return the rows as a table of schema `PANEL`; an author has as many rows in a period as answered posts."""
        width = self.covariates.shape[1]
        starts = np.asarray([self.calendar.start(int(p)) for p in self.posts.period], dtype=np.int64)
        offsets = pa.array(np.arange(len(self.posts) + 1, dtype=np.int32) * width)
        columns: dict[str, Any] = {
            "author_id": pa.array(self.people, pa.string()).take(pa.array(self.posts.person)),
            "period": self.posts.period,
            "period_start": pa.array(starts, TIMESTAMP),
            "outcome": self.outcome,
            "posted_next": self.posted,
            "dropped_messages": self.dropped,
            "n_peers": self.n_peers,
            "forum": pa.array(self.forums, pa.string()).take(pa.array(self.posts.forum)),
            "covariates": pa.ListArray.from_arrays(offsets, pa.array(self.covariates.ravel())),
        }
        return conform(pa.table(columns), PANEL)


class Tally:
    """Sums over what belongs to an owner before a moment, for many owners and moments at once.

    >>> tally = Tally(np.array([7, 7, 3]), np.array([10, 20, 15]), np.ones((3, 1)))
    >>> tally.before(np.array([7, 7, 3, 4]), np.array([20, 21, 15, 99])).ravel()
    array([1., 2., 0., 0.])
    """

    def __init__(self, owner: Int, time: Int, values: NDArray[Any]) -> None:
        """Sort m values (m x k) by owner and time."""
        order = np.lexsort((time, owner))
        self.owner, self.time = owner[order], time[order]
        sums = np.cumsum(np.asarray(values, dtype=float)[order], axis=0)
        self.sums = np.vstack([np.zeros((1, values.shape[1])), sums])
        self.moments = np.unique(time)
        self.keys = self._keys(self.owner, np.searchsorted(self.moments, self.time))

    def before(self, owner: Int, time: Int) -> Float:
        """Return the sums (r x k) over what `owner` (r) has strictly before `time` (r)."""
        until = np.searchsorted(self.keys, self._keys(owner, np.searchsorted(self.moments, time)))
        return np.asarray(self.sums[until] - self.sums[np.searchsorted(self.owner, owner)])

    def between(self, owner: Int, start: Int, end: Int) -> Float:
        """Return the sums (r x k) in [start, end)."""
        return self.before(owner, end) - self.before(owner, start)

    def _keys(self, owner: Int, rank: NDArray[Any]) -> Int:
        return np.asarray(owner * (len(self.moments) + 1) + rank, dtype=np.int64)


def answers_of(messages: pa.Table, events: Events) -> Answers:
    """Return who answered what.

    Args:
        messages: The table of schema `ingest.schema.MESSAGES` that the events came from (N rows).
        events: Its events (m).
    """
    where = pc.index_in(messages["parent_id"], value_set=messages["message_id"].combine_chunks())
    parent = np.asarray(pc.fill_null(where, -1).to_numpy(), dtype=np.int64)
    moments = microseconds(messages["created_at"])
    author = np.full(messages.num_rows, -1, dtype=np.int64)
    author[events.message] = events.person
    place = np.full(messages.num_rows + 1, -1, dtype=np.int64)
    place[events.message] = np.arange(len(events))
    itself = (author >= 0) & (author == author[parent])
    counts = (parent >= 0) & ~itself & (moments > np.iinfo(np.int64).min) & _said_by_people(messages)
    first = np.full(messages.num_rows, NEVER, dtype=np.int64)
    np.minimum.at(first, parent[counts], moments[counts])
    root = np.asarray(pc.and_(pc.equal(messages["kind"], "post"), pc.is_null(messages["parent_id"])))
    first = first[events.message]
    known = np.where(counts, parent, -1)[events.message]
    return Answers(place[known], first, root[events.message], first <= events.time)


def _said_by_people(messages: pa.Table) -> Bool:
    """Return which messages are said by somebody: no reposts and nothing by declared bots."""
    bot = pc.fill_null(pc.starts_with(messages["bot_reason"], "declared"), False)
    return np.asarray(pc.invert(pc.or_(bot, pc.equal(messages["kind"], "repost"))))


def posts_at(events: Events, answers: Answers, calendar: Calendar, event: Int) -> Posts:
    """Return the posts at these places among the events (r)."""
    time = events.time[event]
    return Posts(
        event=event,
        person=events.person[event],
        time=time,
        thread=events.thread[event],
        forum=events.forum[event],
        first=answers.first[event],
        period=calendar.of(time),
    )


def choose_posts(
    events: Events, answers: Answers, calendar: Calendar, windows: Windows, first: int
) -> tuple[Posts, dict[str, int]]:
    """Return the posts that have rows, and how many others there are for each reason not to."""
    period = calendar.of(events.time)
    ends = events.time + windows.reply + windows.outcome
    in_study = answers.root & (period >= first)
    whole = in_study & (ends <= calendar.start(calendar.count))
    answered = whole & (answers.first <= events.time + windows.reply)
    odd = answered & answers.early
    known = np.zeros(len(events), dtype=bool)
    known[answers.parent[in_time(events, answers, windows)]] = True
    rows = answered & ~odd & known
    left_out = {
        "outcome_window_open": int(np.sum(in_study & ~whole)),
        "not_answered_in_time": int(np.sum(whole & ~answered)),
        "answered_before_written": int(np.sum(odd)),
        "answered_by_unknown_people_only": int(np.sum(answered & ~odd & ~known)),
    }
    return posts_at(events, answers, calendar, np.flatnonzero(rows)), left_out


def in_time(events: Events, answers: Answers, windows: Windows) -> Int:
    """Return the events that answer another within the hours that count."""
    child = np.flatnonzero(answers.parent >= 0)
    lag = events.time[child] - events.time[answers.parent[child]]
    return child[(lag >= 0) & (lag <= windows.reply)]


def exposure_of(events: Events, answers: Answers, windows: Windows, posts: Posts) -> tuple[Int, Int]:
    """Return how many other people answered each post in time, and how many of them used the strategy (r each)."""
    child = in_time(events, answers, windows)
    pairs = np.column_stack([answers.parent[child], events.person[child]])
    using = pairs[events.uses[child]]
    counts = [np.bincount(np.unique(p, axis=0)[:, 0], minlength=len(events)) for p in (pairs, using)]
    return counts[0][posts.event], counts[1][posts.event]


def outcome_of(events: Events, windows: Windows, posts: Posts) -> tuple[Bool, Bool, Int]:
    """Return who used the strategy in another thread after the answers, who wrote at all, and what was dropped (r each)."""
    start = posts.time + windows.reply
    end = start + windows.outcome
    said = Tally(events.person, events.time, np.column_stack([events.uses, np.ones(len(events))]))
    uses, wrote = said.between(posts.person, start, end).T
    within = _both(events.person, events.thread, events.thread)
    there = Tally(within, events.time, events.uses[:, None])
    dropped = there.between(_both(posts.person, posts.thread, events.thread), start, end)[:, 0]
    return uses > dropped, wrote > 0, dropped.astype(np.int64)


def _both(person: Int, thread: Int, threads: Int) -> Int:
    """Return one code for each pair of person and thread."""
    return person * (int(threads.max(initial=0)) + 1) + thread


def covariates_of(
    data: tuple[Events, TieEvents],
    answers: Answers,
    calendar: Calendar,
    posts: Posts,
    fitted: tuple[Basis, PanelSettings],
) -> tuple[Float, Strings, Strings]:
    """Return the covariates (r x p) from before each post's first answer, their names and their groups (p).

    Args:
        data: Events with text features on the basis, and ties.
        answers: Who answered what.
        calendar: The periods at whose start the history is taken.
        posts: The rows.
        fitted: What was fitted on the burn-in, and the settings it was fitted with.
    """
    (events, ties), (basis, settings) = data, fitted
    history = np.empty((len(posts), len(basis.names)))
    place: list[list[Block]] = []
    for period in np.unique(posts.period).tolist():
        here = posts.period == period
        prefix = prefix_at(events, ties, calendar, period, settings)
        history[here] = covariates_at(prefix, posts.person[here], basis)[0]
        place.append(place_and_time(prefix, posts.forum[here], basis))
    blocks = [*_post_place(place), *_post(events, calendar, posts), *_since(events, answers, calendar, posts)]
    values = np.column_stack([history, *(values for _, _, values in blocks)]).astype(np.float64)
    names = (*basis.names, *(name for _, name, _ in blocks))
    return values, names, (*basis.groups, *(group for group, _, _ in blocks))


def _post_place(place: list[list[Block]]) -> list[Block]:
    """Return the forum of the post and its fate; the calendar is among the history already."""
    joined = [
        (group, f"post_{name}", np.concatenate([p[k][2] for p in place])) for k, (group, name, _) in enumerate(place[0])
    ]
    return [block for block in joined if not block[1].startswith("post_time_")]


def _post(events: Events, calendar: Calendar, posts: Posts) -> list[Block]:
    """Return what the post says, and when it was written."""
    text = events.features[posts.event]
    hour = 2 * np.pi * (posts.time % DAY) / DAY
    starts = np.asarray([calendar.start(p) for p in posts.period.tolist()], dtype=np.int64)
    weekday = (posts.time - starts) // DAY % 7  # periods start on Mondays
    blocks: list[Block] = [("post_text", f"post_text_{k}", text[:, k]) for k in range(text.shape[1])]
    return [
        *blocks,
        ("post_label", "post_uses", events.uses[posts.event].astype(float)),
        ("post_time", "post_hour_sin", np.sin(hour)),
        ("post_time", "post_hour_cos", np.cos(hour)),
        ("post_time", "post_weekend", (weekday >= 5).astype(float)),
        ("post_time", "post_elapsed", (posts.time - starts) / calendar.width),
    ]


def _since(events: Events, answers: Answers, calendar: Calendar, posts: Posts) -> list[Block]:
    """Return what the author wrote and was answered since the period began, up to the first answer to the post."""
    starts = np.asarray([calendar.start(p) for p in posts.period.tolist()], dtype=np.int64)
    values = np.column_stack([np.ones(len(events)), events.uses, events.features])
    said = Tally(events.person, events.time, values).between(posts.person, starts, posts.first) - values[posts.event]
    child = np.flatnonzero(answers.parent >= 0)
    child = child[events.time[child] >= events.time[answers.parent[child]]]
    owner = events.person[answers.parent[child]]
    got = Tally(owner, events.time[child], np.column_stack([np.ones(len(child)), events.uses[child]]))
    received, exposing = got.before(posts.person, posts.first).T
    count = said[:, 0]
    texts = said[:, 2:] / (count + 1.0)[:, None]
    return [
        ("since", "since_log_messages", np.log1p(count)),
        ("since", "since_used", (said[:, 1] > 0).astype(float)),
        *[("since_text", f"since_text_{k}", texts[:, k]) for k in range(texts.shape[1])],
        ("past_exposure", "answers_log_received", np.log1p(received)),
        ("past_exposure", "answers_share_exposing", exposing / (received + PRIOR)),
        ("past_exposure", "answers_any_now", (got.between(posts.person, starts, posts.first)[:, 1] > 0).astype(float)),
    ]


def build_replies(
    inputs: Inputs,
    events: Events,
    ties: TieEvents,
    calendar: Calendar,
    settings: PanelSettings,
    *,
    reply_hours: int = 72,
    progress: Progress = SILENT,
    basis: Basis | None = None,
) -> ReplyDesign:
    """Build the rows of all posts after the burn-in which others answered and whose outcome window the data hold.

    Args:
        inputs: The tables the events came from.
        events: Messages of known people.
        ties: Whom people have seen: history of the peers.
        calendar: Periods; `calendar.weeks` weeks are the outcome window.
        settings: Burn-in, risk and lookback of the history, dimensions.
        reply_hours: For how long after a post an answer counts.
        progress: Where to report.
        basis: What was fitted on the burn-in before, from other answers of the same study; None fits it.

    Raises:
        RefusedError: No post after the burn-in has a row.
    """
    first = first_period(events, calendar, settings)
    windows = Windows(reply_hours * HOUR, calendar.width)
    answers = answers_of(inputs.messages, events)
    posts, left_out = choose_posts(events, answers, calendar, windows, first)
    if not len(posts):
        raise RefusedError(
            "No post after the burn-in was answered by others and has a whole outcome window after it.",
            remedy="Raise reply_hours, use shorter periods or a shorter burn-in, or use design = panel.",
        )
    with progress.task("replies", 2, "steps") as task:
        basis = basis or fit_basis(prefix_at(events, ties, calendar, first, settings), settings)
        task.advance()
        data = (score(events, basis), ties)
        covariates, names, groups = covariates_of(data, answers, calendar, posts, (basis, settings))
        task.advance()
    n_peers, exposing = exposure_of(events, answers, windows, posts)
    outcome, posted, dropped = outcome_of(events, windows, posts)
    return ReplyDesign(
        settings=settings,
        calendar=calendar,
        people=events.people,
        forums=events.forums,
        windows=windows,
        posts=posts,
        n_peers=n_peers,
        exposing=exposing,
        outcome=outcome,
        posted=posted,
        dropped=dropped,
        covariates=covariates,
        names=names,
        groups=groups,
        basis=basis,
        answers=answers,
        left_out=left_out,
    )
