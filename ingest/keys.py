"""What of all staged messages is needed at once, as numbers: positions, hashes of ids, people.

A message's position is its place among all staged rows. Ids are compared by DuckDB's 64-bit hash: of ten million
messages, two collide with a chance of three in a million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from ingest.rows import STAGED
from ingest.threads import Mask, Positions

# Which of several copies of a message is kept: docs/decisions/copies.md.
_ORDER = """
    (retrieved_at IS NULL AND text_status IN ('deleted', 'removed')) DESC,
    retrieved_at DESC NULLS LAST, text_status IN ('deleted', 'removed') DESC, edited_at DESC NULLS LAST,
    coalesce(content, text_digest) NULLS LAST, text_status, kind, created_at NULLS LAST, parent_id NULLS LAST,
    thread_id NULLS LAST, score NULLS LAST, declared_replies NULLS LAST, author_status, language NULLS LAST,
    bot_reason NULLS LAST, source
"""


@dataclass(frozen=True)
class Keys:
    """All staged messages (n) by position.

    Attributes:
        first: Position of the first row of every part, and at the end n.
        kept: Whether the message is in the tables: the chosen copy, and of nobody who is to be forgotten.
        parent: Position of the kept message answered, -1 where it is not there or there is none.
        author: Code of the author, -1 where unknown.
        target: Code of whom the source says is answered, -1 where it does not.
        known: Whether the source names the thread.
        people: Pseudonyms by code.
    """

    first: NDArray[np.int64]
    kept: Mask
    parent: Positions
    author: Positions
    target: Positions
    known: Mask
    people: pa.Array


def stage_views(connection: duckdb.DuckDBPyConnection, parts: Sequence[Path]) -> NDArray[np.int64]:
    """Make `given` (schema STAGED and `pos`); return the position of the first row of each part, and their number."""
    rows = [pyarrow.parquet.read_metadata(path).num_rows for path in parts]
    first = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64) if rows else np.zeros(1, np.int64)
    if not parts:
        empty = STAGED.append(pa.field("pos", pa.int32())).empty_table()
        connection.register("given", empty)
        return first
    places = pa.table({"file": [str(path) for path in parts], "first": pa.array(first[:-1])})
    connection.register("places_given", places)
    connection.execute("CREATE TABLE places AS SELECT * FROM places_given")
    connection.read_parquet([str(path) for path in parts], filename=True, file_row_number=True).create_view(
        "rows_given"
    )
    columns = ", ".join(STAGED.names)
    connection.execute(
        f"""
        CREATE VIEW given AS
        SELECT {columns}, (p.first + file_row_number)::INTEGER AS pos FROM rows_given JOIN places p ON filename = p.file
        """  # noqa: S608 - names of a schema
    )
    return first


def make_keys(connection: duckdb.DuckDBPyConnection, first: NDArray[np.int64]) -> Keys:
    """Return the keys of `staged`; makes `k`, `people`, `repeated` (ids of messages with copies) and `dropped`."""
    connection.execute(
        """
        CREATE TABLE people AS
        SELECT (row_number() OVER () - 1)::INTEGER AS code, id FROM (
            SELECT author_id AS id FROM staged WHERE author_id IS NOT NULL
            UNION SELECT target_id FROM staged WHERE target_id IS NOT NULL
            UNION SELECT person FROM handles)
        """
    )
    connection.execute(
        """
        CREATE TABLE k AS
        SELECT s.pos, hash(s.message_id) AS m, hash(s.parent_id) AS p, s.parent_id IS NOT NULL AS reply,
               s.thread_id IS NOT NULL AS known, a.code AS author, t.code AS target, epoch_us(s.created_at) AS moment,
               hash(s.text_digest) AS d, s.text_digest IS NOT NULL AS worded
        FROM staged s
        LEFT JOIN handles h ON s.author_id = h.id LEFT JOIN people a ON a.id = coalesce(h.person, s.author_id)
        LEFT JOIN handles g ON s.target_id = g.id LEFT JOIN people t ON t.id = coalesce(g.person, s.target_id)
        """
    )
    _drop_copies(connection)
    _disown(connection)
    return _arrays(connection, first)


def _drop_copies(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave of each message one copy in `k`. Only messages that have several are sorted."""
    connection.execute("CREATE TABLE several AS SELECT m FROM k GROUP BY m HAVING count(*) > 1")
    connection.execute(
        f"""
        CREATE TABLE dropped AS
        SELECT pos, message_id FROM staged WHERE hash(message_id) IN (SELECT m FROM several)
        QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY {_ORDER}) > 1
        """  # noqa: S608 - a constant
    )
    connection.execute("CREATE TABLE repeated AS SELECT DISTINCT message_id FROM dropped")
    connection.execute("DELETE FROM k WHERE pos IN (SELECT pos FROM dropped)")


def _disown(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave a message without author where a copy that may be newer than the kept one says the author is deleted.

    Of two copies one may be newer than the other where one of them has no time. Nor are answers tied to that author.
    """
    connection.execute(
        """
        CREATE TABLE disowned AS
        WITH copies AS (
            SELECT pos, message_id, author_status, retrieved_at FROM staged SEMI JOIN repeated USING (message_id))
        SELECT DISTINCT k.m FROM copies kept JOIN k USING (pos) JOIN copies copy USING (message_id)
        WHERE k.author IS NOT NULL AND copy.author_status = 'deleted'
              AND (kept.retrieved_at IS NULL OR copy.retrieved_at IS NULL)
        """
    )
    connection.execute("UPDATE k SET author = NULL WHERE m IN (SELECT m FROM disowned)")
    connection.execute("UPDATE k SET target = NULL WHERE p IN (SELECT m FROM disowned)")


def _arrays(connection: duckdb.DuckDBPyConnection, first: NDArray[np.int64]) -> Keys:
    n = int(first[-1])
    kept, known = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    author, parent = (np.full(n, -1, np.int32) for _ in range(2))
    target = np.broadcast_to(np.int32(-1), n)  # most sources name nobody
    reader = connection.execute("SELECT pos, known, author, target FROM k").to_arrow_reader(100_000)
    for batch in reader:
        pos = batch.column("pos").to_numpy()
        kept[pos] = True
        known[pos] = batch.column("known").to_numpy(zero_copy_only=False)
        author[pos] = batch.column("author").fill_null(-1).to_numpy()
        if batch.column("target").null_count < len(pos):
            target = target if target.flags.writeable else target.copy()
            target[pos] = batch.column("target").fill_null(-1).to_numpy()
    links = "SELECT c.pos AS child, q.pos AS parent FROM k c JOIN k q ON c.p = q.m WHERE c.reply"
    for batch in connection.execute(links).to_arrow_reader(100_000):
        parent[batch.column("child").to_numpy()] = batch.column("parent").to_numpy()
    people = connection.execute("SELECT id FROM people ORDER BY code").to_arrow_table().column("id").combine_chunks()
    return Keys(first, kept, parent, author, target, known, people)
