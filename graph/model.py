"""The property graph both stores hold, and its projection from the tables.

`(:User)-[:WROTE]->(:Message)-[:REPLIES_TO]->(:Message)`, `(:Message)-[:IN_THREAD]->(:Thread)-[:IN_FORUM]->(:Forum)`,
`(:User)-[:REPLIED_TO]->(:User)`, `(:User)-[:MEMBER_OF]->(:Community)`.

Users are known authors that do not declare themselves bots, and people whom a reply names though they wrote nothing
here. A deleted or unknown author is no node, so that strangers never become one hub. A parent that is absent is a
message with status `missing`, in the thread of the replies that name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from copenet.foundation.errors import DefectError
from copenet.foundation.tables import TIMESTAMP, conform
from graph.schema import COMMUNITIES, PEOPLE, USER_TIES
from graph.ties import people, user_ties

_ID = pa.field("id", pa.string(), nullable=False)
_FROM, _TO = (pa.field(name, pa.string(), nullable=False) for name in ("from", "to"))
_TIMES = [pa.field("first_at", TIMESTAMP, nullable=False), pa.field("last_at", TIMESTAMP, nullable=False)]

NODES: dict[str, pa.Schema] = {
    "User": pa.schema([_ID if f.name == "author_id" else f for f in PEOPLE]),
    "Message": pa.schema(
        [
            _ID,
            pa.field("kind", pa.string()),  # post, comment, repost; null when missing
            pa.field("status", pa.string(), nullable=False),  # present, deleted, removed, empty or missing
            pa.field("created_at", TIMESTAMP),
            pa.field("score", pa.int64()),
            pa.field("language", pa.string()),
            pa.field("by_bot", pa.bool_(), nullable=False),  # the author declares itself a bot
            pa.field("strategies", pa.list_(pa.string()), nullable=False),  # those with probability >= .5, sorted
            pa.field("text", pa.string()),  # pseudonymised; null in a store without texts
        ]
    ),
    "Thread": pa.schema([_ID]),
    "Forum": pa.schema([_ID, pa.field("name", pa.string(), nullable=False), pa.field("platform", pa.string())]),
    "Community": pa.schema(
        [
            _ID,  # method:number
            pa.field("method", pa.string(), nullable=False),
            pa.field("size", pa.int64(), nullable=False),
            pa.field("level", pa.int64(), nullable=False),  # 0: partitions here have one level
        ]
    ),
}
RELATIONSHIPS: dict[str, tuple[str, str, pa.Schema]] = {
    "WROTE": ("User", "Message", pa.schema([_FROM, _TO])),
    "REPLIES_TO": ("Message", "Message", pa.schema([_FROM, _TO])),
    "IN_THREAD": ("Message", "Thread", pa.schema([_FROM, _TO])),
    "IN_FORUM": ("Thread", "Forum", pa.schema([_FROM, _TO])),
    "REPLIED_TO": (
        "User",
        "User",
        pa.schema([_FROM, _TO, pa.field("n", pa.int64(), nullable=False), *_TIMES]),
    ),
    "MEMBER_OF": (
        "User",
        "Community",
        pa.schema([_FROM, _TO, pa.field("method", pa.string()), pa.field("resolution", pa.float64())]),
    ),
}

_NO_TEXTS = pa.schema([pa.field("message_id", pa.string()), pa.field("text", pa.string())])
_NO_LABELS = pa.schema(
    [
        pa.field("message_id", pa.string()),
        pa.field("strategy", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("sampling_probability", pa.float64()),
    ]
)
# An annotator's word on a message and strategy goes before a model's.
_STRATEGIES = """
CREATE TEMP TABLE strategies AS
WITH judged AS (
  SELECT message_id, strategy,
         coalesce(avg(probability) FILTER (sampling_probability IS NOT NULL), avg(probability)) AS probability
  FROM labels GROUP BY ALL
)
SELECT message_id, list(strategy ORDER BY strategy) AS strategies FROM judged WHERE probability >= 0.5 GROUP BY 1
"""
_MISSING = """
CREATE TEMP TABLE missing AS
SELECT parent_id AS id, min(thread_id) AS thread_id FROM messages
WHERE parent_id IS NOT NULL AND parent_id NOT IN (SELECT message_id FROM messages) GROUP BY 1
"""
_QUERIES = {
    "User": """
SELECT author_id AS id, platform, first_seen, last_seen, n_messages FROM people
UNION ALL
SELECT id, split_part(id, ':', 1), NULL, NULL, 0
FROM (SELECT source_author AS id FROM user_ties UNION SELECT target_author FROM user_ties)
WHERE id NOT IN (SELECT author_id FROM people) ORDER BY id""",
    "Message": """
SELECT m.message_id AS id, m.kind, m.text_status AS status, m.created_at, m.score, m.language,
       coalesce(starts_with(m.bot_reason, 'declared'), false) AS by_bot,
       coalesce(s.strategies, []::VARCHAR[]) AS strategies, t.text
FROM messages m LEFT JOIN strategies s USING (message_id) LEFT JOIN texts t USING (message_id)
UNION ALL
SELECT id, NULL, 'missing', NULL, NULL, NULL, false, []::VARCHAR[], NULL FROM missing ORDER BY id""",
    "Thread": "SELECT DISTINCT thread_id AS id FROM messages ORDER BY id",
    "Forum": """
SELECT DISTINCT platform || ':' || forum AS id, forum AS name, platform FROM messages
WHERE forum IS NOT NULL ORDER BY id""",
    "Community": """
SELECT method || ':' || community AS id, method, count(*) AS size, 0 AS level
FROM communities GROUP BY method, community ORDER BY method, community""",
    "WROTE": """
SELECT author_id AS "from", message_id AS "to" FROM messages
WHERE author_id IN (SELECT author_id FROM people) ORDER BY 1, 2""",
    "REPLIES_TO": """
SELECT message_id AS "from", parent_id AS "to" FROM messages WHERE parent_id IS NOT NULL ORDER BY 1""",
    "IN_THREAD": """
SELECT message_id AS "from", thread_id AS "to" FROM messages
UNION ALL SELECT id, thread_id FROM missing ORDER BY 1""",
    "IN_FORUM": """
SELECT DISTINCT thread_id AS "from", platform || ':' || forum AS "to" FROM messages
WHERE forum IS NOT NULL ORDER BY 1, 2""",
    "REPLIED_TO": """
SELECT source_author AS "from", target_author AS "to", n, first_at, last_at FROM user_ties ORDER BY 1, 2""",
    "MEMBER_OF": """
SELECT author_id AS "from", method || ':' || community AS "to", method,
       CASE WHEN method = 'leiden' THEN $resolution ELSE 1.0 END AS resolution
FROM communities ORDER BY method, 1""",
}


@dataclass(frozen=True, slots=True)
class GraphTables:
    """What a store is built from.

    Attributes:
        messages: `ingest.schema.MESSAGES`.
        texts: `ingest.schema.TEXTS`; without it no message has text.
        labels: message_id, strategy, probability, sampling_probability; without it no message has strategies.
        user_ties: `USER_TIES`; computed from `messages` when None.
        communities: `COMMUNITIES` of one or more methods, of people in `user_ties`.
        resolution: Of the Leiden communities.
    """

    messages: pa.Table
    texts: pa.Table | None = None
    labels: pa.Table | None = None
    user_ties: pa.Table | None = None
    communities: pa.Table | None = None
    resolution: float = 1.0


def project(tables: GraphTables, *, with_text: bool) -> dict[str, pa.Table]:
    """Return one table per node label and relationship type, each conforming to `NODES` and `RELATIONSHIPS`.

    Raises:
        DefectError: A message id occurs twice.
    """
    with _registered(tables, with_text) as connection:
        ids, distinct = connection.execute("SELECT count(*), count(DISTINCT message_id) FROM messages").fetchall()[0]
        if ids != distinct:
            raise DefectError("The messages hold an id twice.")
        connection.execute(_STRATEGIES)
        connection.execute(_MISSING)
        return {name: _projected(connection, name, tables.resolution) for name in _QUERIES}


def schema_of(name: str) -> pa.Schema:
    """Return the Arrow schema of a node label or relationship type."""
    return NODES[name] if name in NODES else RELATIONSHIPS[name][2]


def count(projected: dict[str, pa.Table]) -> dict[str, int]:
    """Return the figures every store must answer: users, messages (present), and one per further part of the graph."""
    missing = pa.compute.sum(pa.compute.equal(projected["Message"].column("status"), "missing")).as_py() or 0
    return {
        "users": len(projected["User"]),
        "messages": len(projected["Message"]) - missing,
        "messages_missing": missing,
        "threads": len(projected["Thread"]),
        "forums": len(projected["Forum"]),
        "communities": len(projected["Community"]),
        "replies": len(projected["REPLIES_TO"]),
        "ties": len(projected["REPLIED_TO"]),
    }


@contextmanager
def _registered(tables: GraphTables, with_text: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    ties = user_ties(tables.messages) if tables.user_ties is None else tables.user_ties.select(USER_TIES.names)
    texts = tables.texts if with_text else None
    parts = {
        "messages": tables.messages,
        "texts": _or_empty(texts, _NO_TEXTS),
        "labels": _or_empty(tables.labels, _NO_LABELS),
        "user_ties": ties,
        "people": people(tables.messages),
        "communities": _or_empty(tables.communities, COMMUNITIES),
    }
    connection = duckdb.connect(":memory:", config={"temp_directory": ""})
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_external_access = false")
        for name, part in parts.items():
            connection.register(name, part)
        yield connection
    finally:
        connection.close()


def _or_empty(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    return schema.empty_table() if table is None else table.select(schema.names)


def _projected(connection: duckdb.DuckDBPyConnection, name: str, resolution: float) -> pa.Table:
    query = _QUERIES[name]
    values = {"resolution": resolution} if "$resolution" in query else None
    return conform(connection.execute(query, values).to_arrow_table(), schema_of(name))
