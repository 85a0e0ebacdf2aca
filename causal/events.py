"""What was said and who answered whom, as frozen arrays in the order of time.

`Events.before(t)` and `TieEvents.before(t)` are prefixes: what later functions receive ends at t, so nothing from t or
after can reach a covariate (rule 1 of the design).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from copenet.foundation.errors import InputError, UsageError
from graph.schema import CHANNELS
from graph.ties import EPOCH_MONDAY

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]

MICROSECONDS = 1_000_000
NOBODY = -1
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Events:
    """m messages of known people, sorted by time.

    Attributes:
        people: Author ids in the order in which they first wrote, which the codes below follow (n). Pseudonyms decide
            nothing: under another key the same people have the same codes.
        forums: Names of the forums, in the order of the codes below.
        message: Row of each message in the table it came from (m).
        person: Code of the author (m).
        time: Microseconds since 1970, UTC (m), ascending.
        thread, forum: Codes (m).
        uses: Whether the message uses the outcome strategy (m).
        features: Text features (m x d); d may be 0.
        parent_time: Time of the answered message, or the message's own time when unknown or a root (m).
    """

    people: tuple[str, ...]
    forums: tuple[str, ...]
    message: Int
    person: Int
    time: Int
    thread: Int
    forum: Int
    uses: Bool
    features: Float32
    parent_time: Int

    def before(self, time: int) -> Events:
        """Return only what was said before `time` (microseconds)."""
        return self._cut(0, int(np.searchsorted(self.time, time, side="left")))

    def between(self, start: int, end: int) -> Events:
        """Return only what was said in [start, end)."""
        low, high = np.searchsorted(self.time, [start, end], side="left")
        return self._cut(int(low), int(high))

    def _cut(self, low: int, high: int) -> Events:
        arrays = ("message", "person", "time", "thread", "forum", "uses", "features", "parent_time")
        return replace(self, **{name: getattr(self, name)[low:high] for name in arrays})

    def with_features(self, features: Float32) -> Events:
        """Return the same events with other text features (m x d)."""
        return replace(self, features=features)

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The tables a panel is built from.

    Attributes:
        messages: A table of schema `ingest.schema.MESSAGES` (N rows).
        used: Whether each message uses the outcome strategy (N).
        features: Text features of each message (N x d), or None.
        ties: A table of schema `graph.schema.TIES`.
    """

    messages: pa.Table
    used: Bool
    features: Float32 | None
    ties: pa.Table

    def before(self, time: int) -> Inputs:
        """Return new tables which hold nothing from `time` (microseconds) or after.

        Messages without a time stay: they are in no period, and who answered one before `time` knew of it. An answer
        that is older than its parent does not yet know whom it answers while the parent is not there.
        """
        moments = microseconds(self.messages["created_at"])
        kept = moments < time  # no time is the smallest of all
        features = None if self.features is None else self.features[kept]
        ties = self.ties.filter(pa.array(microseconds(self.ties["first_at"]) < time))
        later = self.messages["message_id"].filter(pa.array(~kept)).combine_chunks()
        messages = self.messages.filter(pa.array(kept))
        unknown = pc.is_in(messages["parent_id"], value_set=later)
        named = pc.if_else(unknown, pa.scalar(None, pa.string()), messages["parent_author_id"])
        place = messages.schema.get_field_index("parent_author_id")
        messages = messages.set_column(place, messages.schema.field(place), named)
        return Inputs(messages, self.used[kept], features, ties)


@dataclass(frozen=True, slots=True)
class TieEvents:
    """Ties of one channel as (ego, peer, time): the ego can see the peer. Sorted by time of the last event.

    `time` is the moment of the last event of the window's tie; all its events lie in one period.
    """

    ego: Int
    peer: Int
    time: Int

    def before(self, time: int) -> TieEvents:
        """Return only the ties formed before `time` (microseconds)."""
        end = int(np.searchsorted(self.time, time, side="left"))
        return TieEvents(self.ego[:end], self.peer[:end], self.time[:end])

    def since(self, time: int) -> TieEvents:
        """Return only the ties formed at or after `time` (microseconds)."""
        start = int(np.searchsorted(self.time, time, side="left"))
        return TieEvents(self.ego[start:], self.peer[start:], self.time[start:])

    def among(self, known: Bool) -> TieEvents:
        """Return only the ties between people of whom `known` (n) is true."""
        kept = known[self.ego] & known[self.peer]
        return TieEvents(self.ego[kept], self.peer[kept], self.time[kept])

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of `weeks` weeks counted from the Monday 1970-01-05, as the windows of the ties are.

    Period p of the study covers [start(p), start(p + 1)); p = 0 holds the first message.
    """

    first: int
    count: int
    weeks: int

    @property
    def width(self) -> int:
        """Length of a period in microseconds."""
        return self.weeks * 7 * 86_400 * MICROSECONDS

    def start(self, period: int) -> int:
        """Return the first microsecond of `period`."""
        return _ORIGIN + (self.first + period) * self.width

    def of(self, time: Int) -> Int:
        """Return the period of each time (may lie outside 0 … count - 1)."""
        return (time - _ORIGIN) // self.width - self.first

    def moment(self, period: int) -> datetime:
        """Return the start of `period` as a UTC time."""
        return _EPOCH + timedelta(microseconds=self.start(period))


_ORIGIN = int((EPOCH_MONDAY - _EPOCH) // timedelta(microseconds=1))


def calendar_of(events: Events, weeks: int) -> Calendar:
    """Return the calendar that covers `events`. A last period which the data leave early is not counted.

    Raises:
        InputError: There are no events.
    """
    if not len(events):
        raise InputError("No message of a known person has a time.", remedy="Check the ingest report.")
    if weeks < 1:
        raise UsageError("A period needs at least one week.", remedy="Set period_weeks to 1 or more.")
    width = weeks * 7 * 86_400 * MICROSECONDS
    first, last = ((int(t) - _ORIGIN) // width for t in (events.time[0], events.time[-1]))
    day = 86_400 * MICROSECONDS
    whole = int(events.time[-1]) + day >= _ORIGIN + (last + 1) * width
    return Calendar(first, last - first + (1 if whole else 0), weeks)


def events_from(messages: pa.Table, used: Bool, features: Float32 | None = None) -> Events:
    """Return the events of a `messages` table.

    Reposts, messages without a time or a known author, and all messages of declared bots are left out.

    Args:
        messages: A table of schema `ingest.schema.MESSAGES` (N rows).
        used: Whether each message uses the outcome strategy (N).
        features: Text features of each message (N x d), or None.
    """
    bots = messages.filter(pc.starts_with(messages["bot_reason"], "declared"))["author_id"].unique()
    kept = pc.and_(pc.is_valid(messages["author_id"]), pc.is_valid(messages["created_at"]))
    kept = pc.and_(kept, pc.not_equal(messages["kind"], "repost"))
    kept = pc.and_(kept, pc.invert(pc.is_in(messages["author_id"], value_set=bots.drop_null())))
    index = np.flatnonzero(np.asarray(pc.fill_null(kept, False)))
    moments = microseconds(messages["created_at"])
    ids = np.asarray(messages["message_id"].combine_chunks().to_numpy(zero_copy_only=False))
    index = index[np.lexsort((ids[index], moments[index]))]
    people, person = _arrivals(messages["author_id"], index)
    forums, forum = _codes(messages["forum"], index)
    _, thread = _codes(messages["thread_id"], index)
    return Events(
        people=people,
        forums=forums,
        message=index,
        person=person,
        time=moments[index],
        thread=thread,
        forum=forum,
        uses=np.asarray(used, dtype=bool)[index],
        features=_rows(features, index),
        parent_time=_parent_times(messages, moments)[index],
    )


def tie_events(ties: pa.Table, channel: str, events: Events, calendar: Calendar) -> TieEvents:
    """Return the ties of `channel` among the people of `events`.

    Raises:
        UsageError: An unknown channel, or windows which straddle the periods, so that what was before a period
            cannot be told.
    """
    if channel not in CHANNELS:
        raise UsageError(f"There is no channel {channel!r}.", remedy=f"Choose one of {', '.join(CHANNELS)}.")
    chosen = ties.filter(pc.equal(ties["channel"], channel))
    order = pa.array(events.people, pa.string())
    ego, peer = (_positions(chosen[name], order) for name in ("source_author", "target_author"))
    first, last = microseconds(chosen["first_at"]), microseconds(chosen["last_at"])
    if np.any(calendar.of(first) != calendar.of(last)):
        raise UsageError(
            "The windows of the ties straddle the periods of the panel, so earlier ties cannot be told from later.",
            remedy=f"Build the ties with windows of {7 * calendar.weeks} or 7 days.",
        )
    kept = (ego >= 0) & (peer >= 0)
    ego, peer, last = ego[kept], peer[kept], last[kept]
    by_time = np.lexsort((peer, ego, last))
    return TieEvents(ego[by_time], peer[by_time], last[by_time])


def _rows(features: Float32 | None, index: Int) -> Float32:
    if features is None:
        return np.zeros((len(index), 0), dtype=np.float32)
    return np.asarray(features, dtype=np.float32)[index]


def microseconds(column: pa.ChunkedArray) -> Int:
    """Return times as microseconds since 1970; no time is the smallest integer."""
    filled = pc.fill_null(pc.cast(column, pa.int64()), np.iinfo(np.int64).min)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def _arrivals(column: pa.ChunkedArray, index: Int) -> tuple[tuple[str, ...], Int]:
    """Return the values in the order of their first appearance along `index`, and the code of each."""
    found = column.combine_chunks().take(pa.array(index)).dictionary_encode()
    return tuple(found.dictionary.to_pylist()), np.asarray(found.indices.to_numpy(), dtype=np.int64)


def _codes(column: pa.ChunkedArray, index: Int) -> tuple[tuple[str, ...], Int]:
    """Return sorted names and the code of each value; a null is the empty name."""
    values = pc.fill_null(column, "").take(pa.array(index))
    names = sorted(values.unique().to_pylist())
    codes = pc.index_in(values, value_set=pa.array(names, pa.string()))
    return tuple(names), np.asarray(codes.to_numpy(), dtype=np.int64)


def _positions(column: pa.ChunkedArray, order: pa.Array) -> Int:
    found = pc.fill_null(pc.index_in(column, value_set=order), NOBODY)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _parent_times(messages: pa.Table, moments: Int) -> Int:
    """Return the time of each message's parent; its own where there is none, or none with a time."""
    where = _positions(messages["parent_id"], messages["message_id"].combine_chunks())
    times = np.where(where >= 0, moments[where], moments)
    return np.where(times == np.iinfo(np.int64).min, moments, times)
