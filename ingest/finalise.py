"""Staged parts to the tables `messages` and `texts`: one row per message, parents and threads resolved, bots marked.

Nothing here depends on the order of files, on batches or on repetition: of several copies of a message the latest
retrieved is kept, and where that does not decide, the one whose text is gone (a deletion is never undone), the latest
edited, the one with the smallest digest of its content without names, and at last, for copies that differ in nothing
but whom they name, the one at the first place. Pseudonyms decide nothing: the key is random, and must not choose.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from copenet.foundation.files import private_directory, sync_directory
from copenet.foundation.tables import write_table
from ingest.pseudonyms import Pseudonyms
from ingest.schema import MESSAGES, TEXTS
from ingest.staging import STAGED, STAGED_TEXTS

PART_ROWS = 250_000
REPEATED_TEXTS, REPEATED_SHARE = 20, 0.5  # a suspect wrote one text this often, in this share of the messages
HOURLY_MESSAGES = 120  # or this many messages within one hour of the clock


@contextmanager
def engine(scratch: Path, memory_limit_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB connection that spills to `scratch`, which is removed afterwards."""
    private_directory(scratch)
    try:
        with closing(duckdb.connect(":memory:")) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
            connection.execute("SET temp_directory = $path", {"path": str(scratch)})
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET enable_progress_bar = false")
            yield connection
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build(
    connection: duckdb.DuckDBPyConnection,
    message_parts: Sequence[Path],
    text_parts: Sequence[Path],
    names: Pseudonyms,
    bots: Mapping[str, str],
) -> None:
    """Make the relations `final` (schema MESSAGES and the staged extras), `final_texts` and `cyclic`.

    Args:
        message_parts: Committed parts of schema `STAGED`.
        text_parts: Committed parts of schema `STAGED_TEXTS`.
        names: The people and messages to leave out.
        bots: Pseudonyms of declared bots, and what to call each.
    """
    _read(connection, "given", message_parts, STAGED)
    _read(connection, "staged_texts", text_parts, STAGED_TEXTS)
    _lookup(connection, "forgotten", dict.fromkeys(names.forgotten, ""))
    _lookup(connection, "withheld", dict.fromkeys(names.withheld, ""))
    _lookup(connection, "bots", bots)
    _admit(connection)
    _choose(connection)
    _walk_up(connection)
    _suspect(connection)
    _join(connection)


def _read(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[Path], schema: pa.Schema) -> None:
    if parts:
        connection.read_parquet([str(p) for p in parts]).create_view(name)
    else:
        connection.register(name, schema.empty_table())


def _lookup(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, str]) -> None:
    table = pa.table(
        {"id": pa.array(list(values), pa.string()), "reason": pa.array(list(values.values()), pa.string())}
    )
    connection.register(f"{name}_given", table)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_given")  # noqa: S608 - a name of this module


def _admit(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `staged`: a second lock, for the parts given hold nobody who is forgotten."""
    connection.execute(
        """
        CREATE VIEW staged AS
        SELECT * FROM given
        WHERE (author_id IS NULL OR author_id NOT IN (SELECT id FROM forgotten))
              AND message_id NOT IN (SELECT id FROM withheld)
        """
    )


def _choose(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE TABLE chosen AS
        SELECT * FROM staged
        QUALIFY row_number() OVER (
            PARTITION BY message_id
            ORDER BY retrieved_at DESC NULLS LAST, text_status IN ('deleted', 'removed') DESC,
                     edited_at DESC NULLS LAST, content, source) = 1
        """
    )


def _walk_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `up`: every reply with its topmost ancestor, and whether it only leads into a circle.

    Each round lets the pointers still on their way jump over their target's pointer, so depth d takes log2(d) rounds.
    What is on its way after more rounds than the deepest thread could need goes in circles.
    """
    connection.execute(
        """
        CREATE TABLE up AS
        SELECT message_id, parent_id AS ancestor, message_id AS smallest, 0 AS round
        FROM chosen WHERE parent_id IS NOT NULL
        """
    )
    replies = _number(connection, "SELECT count(*) FROM up")
    for turn in range(1, replies.bit_length() + 2):
        connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE jump AS
            SELECT u.message_id, a.ancestor, least(u.smallest, a.smallest) AS smallest
            FROM up u JOIN up a ON u.ancestor = a.message_id WHERE u.round = $last
            """,
            {"last": turn - 1},
        )
        if _number(connection, "SELECT count(*) FROM jump") == 0:
            break
        connection.execute(
            """
            CREATE OR REPLACE TABLE up AS
            SELECT u.message_id, coalesce(j.ancestor, u.ancestor) AS ancestor,
                   coalesce(j.smallest, u.smallest) AS smallest,
                   CASE WHEN j.message_id IS NULL THEN u.round ELSE $turn END AS round
            FROM up u LEFT JOIN jump j USING (message_id)
            """,
            {"turn": turn},
        )
    connection.execute(
        """
        CREATE TABLE circles AS
        SELECT u.message_id, a.smallest AS root FROM up u JOIN up a ON u.ancestor = a.message_id
        """
    )
    connection.execute(
        """
        CREATE TABLE cyclic AS
        SELECT DISTINCT ancestor AS message_id FROM up SEMI JOIN circles USING (message_id)
        """
    )


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _suspect(connection: duckdb.DuckDBPyConnection) -> None:
    """Mark who posts one text again and again, or faster than people write; the mark changes nothing else."""
    connection.execute(
        """
        CREATE TABLE suspects AS
        WITH people AS (SELECT author_id, created_at, text_digest FROM chosen WHERE author_id IS NOT NULL),
        repeated AS (
            SELECT author_id, max(n) AS most, sum(n) AS total
            FROM (SELECT author_id, text_digest, count(*) AS n FROM people WHERE text_digest IS NOT NULL GROUP BY ALL)
            GROUP BY author_id HAVING most >= $texts AND most >= $share * total),
        fast AS (
            SELECT author_id, max(n) AS most
            FROM (SELECT author_id, date_trunc('hour', created_at) AS hour, count(*) AS n FROM people
                  WHERE created_at IS NOT NULL GROUP BY ALL)
            GROUP BY author_id HAVING most > $hourly)
        SELECT author_id, CASE WHEN r.author_id IS NOT NULL THEN 'suspected: one text repeated'
                               ELSE 'suspected: many messages within an hour' END AS reason
        FROM repeated r FULL JOIN fast f USING (author_id)
        """,
        {"texts": REPEATED_TEXTS, "share": REPEATED_SHARE, "hourly": HOURLY_MESSAGES},
    )


def _join(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE TABLE final AS
        SELECT c.* REPLACE (
                   coalesce(c.thread_id, k.root, t.thread_id, u.ancestor, c.message_id) AS thread_id,
                   coalesce(c.bot_reason, 'declared: ' || b.reason, s.reason) AS bot_reason),
               p.author_id AS parent_author_id, p.message_id IS NOT NULL AS parent_present,
               p.created_at AS parent_created_at, CAST(NULL AS VARCHAR) AS language
        FROM chosen c
        LEFT JOIN chosen p ON c.parent_id = p.message_id
        LEFT JOIN up u ON c.message_id = u.message_id
        LEFT JOIN circles k ON c.message_id = k.message_id
        LEFT JOIN chosen t ON u.ancestor = t.message_id
        LEFT JOIN bots b ON c.author_id = b.id
        LEFT JOIN suspects s ON c.author_id = s.author_id
        """
    )
    connection.execute(
        """
        CREATE VIEW final_texts AS
        SELECT message_id, text FROM staged_texts SEMI JOIN chosen USING (message_id, source)
        """
    )


def write(connection: duckdb.DuckDBPyConnection, restricted: Path) -> None:
    """Write both tables, sorted by message id, and swap each whole folder in."""
    for name, relation, schema in (("messages", "final", MESSAGES), ("texts", "final_texts", TEXTS)):
        fresh = restricted / f".{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        private_directory(fresh)
        columns = ", ".join(schema.names)
        reader = connection.execute(f"SELECT {columns} FROM {relation} ORDER BY message_id").to_arrow_reader(50_000)  # noqa: S608
        for number, table in enumerate(_in_parts(reader, schema)):
            write_table(fresh / f"part-{number:05d}.parquet", table, schema)
        swap_in(fresh, restricted / name)


def _in_parts(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of exactly `PART_ROWS` rows, so that the files do not depend on how the rows arrive."""
    held: list[pa.RecordBatch] = []
    size, none_yet = 0, True
    for batch in reader:
        held.append(batch)
        size += batch.num_rows
        while size >= PART_ROWS:
            table = pa.Table.from_batches(held, reader.schema)
            yield table.slice(0, PART_ROWS).combine_chunks()
            held, size, none_yet = table.slice(PART_ROWS).to_batches(), size - PART_ROWS, False
    if size or none_yet:
        yield pa.Table.from_batches(held, reader.schema).combine_chunks()


def swap_in(fresh: Path, place: Path) -> None:
    """Put the folder `fresh` in the place of `place`; `recover` mends a kill between the two renames."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    sync_directory(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(restricted: Path) -> None:
    """Bring back a folder whose replacement was interrupted, and remove what an interruption left over."""
    for name in ("messages", "texts"):
        old, place = restricted / f".{name}.old", restricted / name
        if old.is_dir() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(restricted / f".{name}.new", ignore_errors=True)
