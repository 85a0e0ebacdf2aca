"""User ties from messages: who answered whom, in which window, and what made no tie and why.

One reply makes one event between its author (the replier) and the author of its parent, at the later of their times
(clocks differ: a reply may be a little older than its parent). It makes none when the reply is a repost, when either
author is deleted or unknown or declares itself a bot, when a person answers themself, when a time is missing, when the
reply is more than `CLOCK_SKEW_SECONDS` older than its parent, or when it sits on a cycle of parents. Each of these is
counted once, under the first reason that holds, in that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute

from copenet.foundation.errors import UsageError
from copenet.foundation.tables import conform
from graph.schema import PEOPLE, TIES, USER_TIES

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CLOCK_SKEW_SECONDS = 60
MAX_THREAD_PEOPLE = 30
EPOCH_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
REASONS = (
    "repost",
    "author_unknown",
    "parent_unknown",
    "bot",
    "self_reply",
    "without_time",
    "before_parent",
    "cycle",
)
_NEEDED = (
    "platform",
    "message_id",
    "kind",
    "thread_id",
    "parent_id",
    "author_id",
    "parent_author_id",
    "created_at",
    "bot_reason",
)
_MICROSECONDS = 1_000_000

# Declared bots are people nowhere: neither egos nor peers, even when only one of their messages declares it.
_BOTS = """
CREATE TEMP TABLE bots AS
SELECT DISTINCT author_id FROM messages WHERE starts_with(bot_reason, 'declared') AND author_id IS NOT NULL
"""
_REPLIES = """
CREATE TEMP TABLE replies AS
SELECT m.author_id AS replier, coalesce(p.author_id, m.parent_author_id) AS replied,
  greatest(epoch_us(m.created_at), epoch_us(p.created_at)) AS moment,  -- a time that is not known does not count
  CASE
    WHEN m.kind = 'repost' THEN 'repost'
    WHEN m.author_id IS NULL THEN 'author_unknown'
    WHEN replied IS NULL THEN 'parent_unknown'
    WHEN m.author_id IN (FROM bots) OR replied IN (FROM bots) THEN 'bot'
    WHEN m.author_id = replied THEN 'self_reply'
    WHEN m.created_at IS NULL THEN 'without_time'
    WHEN epoch_us(m.created_at) < epoch_us(p.created_at) - $skew THEN 'before_parent'
    WHEN m.message_id IN (FROM cycles) THEN 'cycle'
    ELSE 'tie'
  END AS verdict
FROM messages m LEFT JOIN messages p ON p.message_id = m.parent_id
WHERE m.parent_id IS NOT NULL OR (m.parent_author_id IS NOT NULL AND m.kind <> 'repost')  -- some name only the person
"""
# The first moment at which each person wrote in each thread, and their place in the order of arrival. What comes later
# changes nobody's place, so that a thread which outgrows the limit keeps the ties it had: the past stays what it was.
# At one moment the message's id decides and not the author's, which another key would change.
_PRESENCE = """
CREATE TEMP TABLE presence AS
SELECT thread_id, author_id, moment,
       row_number() OVER (PARTITION BY thread_id ORDER BY moment, first_message) AS place
FROM (
  SELECT thread_id, author_id, min(epoch_us(created_at)) AS moment,
         arg_min(message_id, {'moment': created_at, 'message': message_id}) AS first_message
  FROM messages
  WHERE author_id IS NOT NULL AND author_id NOT IN (FROM bots) AND kind <> 'repost' AND created_at IS NOT NULL
  GROUP BY thread_id, author_id
)
"""
_EVENTS = """
CREATE TEMP TABLE events AS
SELECT replier AS source, replied AS target, 'replied_to' AS channel, moment FROM replies WHERE verdict = 'tie'
UNION ALL
SELECT replied, replier, 'received_reply', moment FROM replies WHERE verdict = 'tie'
UNION ALL
SELECT a.author_id, b.author_id, 'co_thread', greatest(a.moment, b.moment)
FROM presence a JOIN presence b ON a.thread_id = b.thread_id AND a.author_id <> b.author_id
WHERE a.place <= $max_people AND b.place <= $max_people
"""
# DuckDB's % keeps the sign of the dividend; the second % makes windows before the origin start where they should.
_TIES = """
SELECT source AS source_author, target AS target_author, channel,
       make_timestamptz(moment - ((moment - $origin) % $width + $width) % $width) AS window_start,
       count(*) AS n, make_timestamptz(min(moment)) AS first_at, make_timestamptz(max(moment)) AS last_at
FROM events GROUP BY ALL ORDER BY channel, window_start, source_author, target_author
"""
_USER_TIES = """
SELECT replier AS source_author, replied AS target_author, count(*) AS n,
       make_timestamptz(min(moment)) AS first_at, make_timestamptz(max(moment)) AS last_at
FROM replies WHERE verdict = 'tie' GROUP BY ALL ORDER BY source_author, target_author
"""
_PEOPLE = """
SELECT author_id, min(platform) AS platform, min(created_at) AS first_seen, max(created_at) AS last_seen,
       count(*) AS n_messages
FROM messages WHERE author_id IS NOT NULL AND author_id NOT IN (FROM bots) AND kind <> 'repost'
GROUP BY author_id ORDER BY author_id
"""


@dataclass(frozen=True, slots=True)
class TieBuild:
    """Ties and what they were made of.

    Attributes:
        ties: A table of schema `TIES`, sorted by channel, window, source and target.
        counts: `replies` (messages naming a parent, or at least whom they answer), `tie_replies` (those that made an
            event), one count per reason of `REASONS` (together with `tie_replies` they add up to `replies`),
            `threads` and `threads_too_large`
            (more people than `max_thread_people`: who came later is in no co_thread tie there).
    """

    ties: pa.Table
    counts: dict[str, int]


def build_ties(
    messages: pa.Table,
    *,
    window_days: int,
    max_thread_people: int = MAX_THREAD_PEOPLE,
    origin: datetime = EPOCH_MONDAY,
) -> TieBuild:
    """Return user ties per channel and window.

    `replied_to`: the source answered the target. `received_reply`: the target answered the source (its exact mirror).
    `co_thread`: both wrote in one thread; symmetric; the event is the moment the later of the two first wrote there,
    and each thread gives a pair one event, so the number of events does not depend on the window.

    Args:
        messages: A table of schema `ingest.schema.MESSAGES`.
        window_days: Width of a window in days; windows start at `origin` plus multiples of it, before it too.
        max_thread_people: The first so many people who wrote in a thread are tied by co_thread; who comes later is
            not, so that no later growth of a thread takes back a tie.
        origin: Start of one window; the first Monday of the UTC epoch unless given. Must be aware.

    Raises:
        UsageError: A width or size below one, or a naive origin.

    Example:
        >>> from graph.ties import build_ties
        >>> from ingest.schema import MESSAGES
        >>> build_ties(MESSAGES.empty_table(), window_days=7).counts["replies"]
        0
    """
    _check_windows(window_days, max_thread_people, origin)
    values = {
        "width": window_days * 86_400 * _MICROSECONDS,
        "origin": (origin - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1),
    }
    with _prepared(messages) as connection:
        connection.execute(_PRESENCE)
        connection.execute(_EVENTS, {"max_people": max_thread_people})
        ties = conform(connection.execute(_TIES, values).to_arrow_table(), TIES)
        counts = _counts(connection, max_thread_people)
    return TieBuild(ties, counts)


def user_ties(messages: pa.Table) -> pa.Table:
    """Return the distinct pairs (replier, replied) with the number, first and last time of replies (`USER_TIES`)."""
    with _prepared(messages) as connection:
        return conform(connection.execute(_USER_TIES).to_arrow_table(), USER_TIES)


def people(messages: pa.Table) -> pa.Table:
    """Return one row per known author, declared bots left out (`PEOPLE`); reposts count as no message."""
    with _connected(messages) as connection:
        connection.execute(_BOTS)
        return conform(connection.execute(_PEOPLE).to_arrow_table(), PEOPLE)


def arrivals(messages: pa.Table) -> pa.Array:
    """Return everybody in the order of the first message that they wrote or that answers them (by time, then id).

    Unlike the order of the ids it does not depend on the key that made the pseudonyms. Messages without a time come
    last; in one message the writer comes before whom it answers.
    """
    order = pa.compute.sort_indices(messages, [("created_at", "ascending"), ("message_id", "ascending")])
    both = [messages[name].combine_chunks() for name in ("author_id", "parent_author_id")]
    turns = np.add.outer(order.to_numpy().astype(np.int64), [0, len(messages)]).ravel()
    return pa.concat_arrays(both).take(pa.array(turns)).unique().drop_null()


def adjacency(
    source: Any,
    target: Any,
    people: Sequence[str] | np.ndarray | pa.Array | pa.ChunkedArray,
    weights: Any = None,
) -> csr_array:
    """Return the n x n sparse matrix whose row i holds the peers of person i.

    Args:
        source, target: Author ids of egos and peers (m each); pairs with someone outside `people` are left out.
        people: The n distinct author ids, in the order of rows and columns.
        weights: m numbers summed over repeated pairs; without them every present pair is 1.0.

    Raises:
        UsageError: `people` holds an id twice.
    """
    from scipy.sparse import coo_array

    order = pa.array(np.asarray(people, dtype=object), pa.string())
    if len(order.unique()) != len(order):
        raise UsageError("The people of an adjacency matrix must be distinct.", remedy="Pass every id once.")
    rows, columns = _positions(source, order), _positions(target, order)
    kept = (rows >= 0) & (columns >= 0)
    values = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=float)
    shape = (len(order), len(order))
    matrix = coo_array((values[kept], (rows[kept], columns[kept])), shape=shape).tocsr()
    matrix.sum_duplicates()
    if weights is None:
        matrix.data[:] = 1.0
    return matrix


def parent_cycles(child: np.ndarray, parent: np.ndarray, n: int) -> np.ndarray:
    """Return the sorted nodes on cycles of a forest-with-cycles in which node `child[i]` points to `parent[i]`.

    Pointer doubling: after k steps each node points 2**k ancestors up, so a node still pointing anywhere once
    2**k >= n leads to a cycle, and what such nodes point to are exactly the nodes on cycles. O(n log n).
    """
    up = np.full(n + 1, n, dtype=np.int64)
    up[child] = parent
    for _ in range(max(n, 1).bit_length()):
        up = up[up]
        if (up == n).all():
            break
    return np.unique(up[up < n])


def _check_windows(window_days: int, max_thread_people: int, origin: datetime) -> None:
    if window_days < 1 or max_thread_people < 1:
        raise UsageError(
            "The window width and the thread size must be at least 1.",
            remedy="Choose for example window_days=7 and max_thread_people=30.",
        )
    if origin.tzinfo is None:
        raise UsageError("The origin of the windows has no time zone.", remedy="Pass an aware datetime in UTC.")


@contextmanager
def _connected(messages: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    # No file is read, and none is spilled into whatever folder the caller stands in.
    connection = duckdb.connect(":memory:", config={"temp_directory": ""})
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false")
        connection.register("messages", messages.select(list(_NEEDED)))
        yield connection
    finally:
        connection.close()


@contextmanager
def _prepared(messages: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection holding the tables `bots` and `replies`."""
    cycles = pa.table({"message_id": _messages_on_cycles(messages)})
    with _connected(messages) as connection:
        connection.register("cycles", cycles)
        connection.execute(_BOTS)
        connection.execute(_REPLIES, {"skew": CLOCK_SKEW_SECONDS * _MICROSECONDS})
        yield connection


def _messages_on_cycles(messages: pa.Table) -> pa.Array:
    ids = messages.column("message_id").combine_chunks()
    parents = _positions(messages.column("parent_id"), ids)
    children = np.flatnonzero(parents >= 0)
    return ids.take(pa.array(parent_cycles(children, parents[children], len(ids))))


def _positions(values: Any, order: pa.Array) -> np.ndarray:
    """Return where each value stands in `order`, -1 when nowhere (int64)."""
    column = (
        values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(np.asarray(values, object), pa.string())
    )
    found = pa.compute.index_in(column, value_set=order, skip_nulls=True)
    return np.asarray(pa.compute.fill_null(found, -1).cast(pa.int64()).to_numpy(), dtype=np.int64)


def _counts(connection: duckdb.DuckDBPyConnection, max_thread_people: int) -> dict[str, int]:
    verdicts = dict(connection.execute("SELECT verdict, count(*) FROM replies GROUP BY 1").fetchall())
    threads, too_large = connection.execute(
        "SELECT count(*), count(*) FILTER (people > $1) FROM (SELECT max(place) AS people FROM presence GROUP BY thread_id)",
        [max_thread_people],
    ).fetchall()[0]
    return {
        "replies": sum(verdicts.values()),
        "tie_replies": verdicts.get("tie", 0),
        **{reason: verdicts.get(reason, 0) for reason in REASONS},
        "threads": threads,
        "threads_too_large": too_large,
    }
