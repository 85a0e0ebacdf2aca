"""Staged parts to the tables `messages`, `texts` and `versions`, in memory that does not grow with the study.

What has to be known of all messages at once is numbers (`ingest.keys`); the rows themselves are read part by part,
completed, and sorted on the disk (`ingest.sorted_parts`).

Nothing here depends on the order of files, on batches or on repetition: of several copies of a message the latest
retrieved is kept, and where that does not decide, the one whose text is gone (a deletion is never undone), the latest
edited, the one whose content without names comes first, and at last, for copies that differ in nothing but whom they
name, the one at the first place (`docs/decisions/copies.md`). Pseudonyms decide nothing: the key is random.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from copenet.foundation.errors import DefectError
from copenet.foundation.files import private_directory, sync_directory
from copenet.foundation.tables import write_table
from ingest.keys import Keys, make_keys, stage_views
from ingest.naming import rename
from ingest.plain_names import WORDS
from ingest.pseudonyms import Pseudonyms
from ingest.rows import STAGED, STAGED_TEXTS, UNLIKE
from ingest.schema import MESSAGES, TEXTS, VERSIONS
from ingest.sorted_parts import Runs
from ingest.threads import Positions, ancestry
from ingest.workers import available

PART_ROWS, RUN_ROWS = 50_000, 40_000
_WHILE_WRITING_MB = 64  # for DuckDB, which is hardly asked then
_THREADS = 4  # each holds a part
REPEATED_TEXTS, REPEATED_SHARE = 20, 0.5  # a suspect wrote one text this often, in this share of the messages
HOURLY_MESSAGES = 120  # or this many messages within one hour of the clock
TABLES = ("messages", "texts", "versions")
_FINAL = pa.schema(
    [
        *(STAGED.field(name) for name in ("platform", "kind", "message_id", "parent_id", "thread_id")),
        *(STAGED.field(name) for name in ("author_status", "bot_reason", "text_status", "language")),
        *(STAGED.field(name) for name in ("declared_replies", "names_replaced", "text_cut")),
        *(pa.field(name, pa.bool_()) for name in ("reply", "parent_present")),
        *(pa.field(name, pa.int32()) for name in ("author", "answered")),
        pa.field("moment", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Parts:
    """The committed parts of every dump, in the same order in all three."""

    messages: Sequence[Path]
    texts: Sequence[Path]
    words: Sequence[Path]


@dataclass(frozen=True)
class Joined:
    """What is known once all messages were compared, for `write`.

    Attributes:
        keys: All staged messages by position.
        rank: Place of each kept message in the order of ids (n), -1 of others.
        bots: Why each person counts as a bot, by code; null for people.
        renamed: Parts of texts in which names were replaced, by number of the part.
    """

    keys: Keys
    rank: Positions
    bots: pa.Array
    renamed: Mapping[int, Path]


@contextmanager
def engine(scratch: Path, memory_limit_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a DuckDB connection that keeps its tables in `scratch`, which is removed afterwards."""
    shutil.rmtree(scratch, ignore_errors=True)  # left by a kill
    private_directory(scratch)
    try:
        # A name of its own: DuckDB would wait for ever for a connection to the same file that a caught error still holds.
        with closing(duckdb.connect(str(scratch / f"join-{token_hex(4)}.duckdb"))) as connection:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            connection.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
            connection.execute("SET temp_directory = $path", {"path": str(scratch / "spill")})
            connection.execute(f"SET threads = {min(available(), _THREADS)}")  # each needs memory of its own
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET enable_progress_bar = false")
            yield connection
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build(
    connection: duckdb.DuckDBPyConnection, parts: Parts, names: Pseudonyms, bots: Mapping[str, str], scratch: Path
) -> Joined:
    """Compare all messages; makes the relations `staged`, `chosen`, `handles`, `versions`, `cyclic` and `naming`.

    Args:
        names: The people and messages to leave out.
        bots: Pseudonyms of declared bots, and what to call each.
        scratch: A folder for texts in which names were replaced.
    """
    first = stage_views(connection, parts.messages)
    if parts.words:
        connection.read_parquet([str(p) for p in parts.words]).create_view("words")
    else:
        connection.register("words", WORDS.empty_table())
    _lookup(connection, "forgotten", dict.fromkeys(names.forgotten, ""))
    _lookup(connection, "withheld", dict.fromkeys(names.withheld, ""))
    _lookup(connection, "hidden", dict.fromkeys(names.hidden, ""))
    _lookup(connection, "bots", bots)
    _admit(connection)
    _identify(connection)
    keys = make_keys(connection, first)
    connection.execute("CREATE VIEW chosen AS SELECT * FROM staged WHERE pos NOT IN (SELECT pos FROM dropped)")
    _thread(connection, keys)
    _version(connection)
    renamed = rename(connection, parts.words, lambda number: _texts(parts, keys, number)[0], scratch)
    return Joined(keys, _ranks(connection, len(keys.kept)), _bots(connection, len(keys.people)), renamed)


def _lookup(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, str]) -> None:
    table = pa.table(
        {"id": pa.array(list(values), pa.string()), "reason": pa.array(list(values.values()), pa.string())}
    )
    connection.register(f"{name}_given", table)
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_given")  # noqa: S608 - a name of this module


def _admit(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `staged`: a second lock, for the parts given hold nobody who is forgotten."""
    lock = """
        WHERE (author_id IS NULL OR author_id NOT IN (SELECT id FROM forgotten))
              AND message_id NOT IN (SELECT id FROM withheld)
    """
    row = connection.execute("SELECT (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM withheld)").fetchone()
    locked = row is not None and row[0] > 0
    connection.execute(f"CREATE VIEW staged AS SELECT * FROM given {lock if locked else ''}")  # noqa: S608


def _identify(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `handles`: usernames that belong to one person whose stable id some record gives, and that person."""
    connection.execute(
        """
        CREATE TABLE handles AS
        SELECT handle_id AS id, min(author_id) AS person FROM staged
        WHERE handle_id IS NOT NULL AND author_id IS NOT NULL AND handle_id <> author_id
        GROUP BY 1 HAVING count(DISTINCT author_id) = 1
        """
    )


def _thread(connection: duckdb.DuckDBPyConnection, keys: Keys) -> None:
    """Make `threads` (pos, thread_id) of messages whose source names no thread, and `cyclic`.

    The nearest ancestor that knows its thread gives it to all below. Where none does, it is the thread of another
    message under the same topmost ancestor, and at last that ancestor's id, whether it is there or not.
    """
    found = ancestry(keys.parent, keys.known)
    _register(connection, "cyclic", {"pos": np.flatnonzero(found.cyclic & keys.kept)})
    free = np.flatnonzero(keys.kept & ~keys.known)
    _register(connection, "free", {"pos": free, "top": found.top[free], "near": found.near[free]})
    if not len(free):
        connection.execute("CREATE TABLE threads (pos INTEGER, thread_id VARCHAR)")
        return
    told = np.flatnonzero(keys.kept & keys.known & ~found.lost)
    _register(connection, "tellers", {"pos": told, "top": found.top[told]})
    _register(connection, "circles", {"pos": np.flatnonzero(found.cyclic), "top": found.top[found.cyclic]})
    connection.execute(
        """
        CREATE TABLE threads AS
        WITH circle AS (SELECT c.top, min(s.message_id) AS id FROM circles c JOIN staged s USING (pos) GROUP BY 1),
        told AS (
            SELECT CASE WHEN x.reply THEN x.p ELSE x.m END AS up, min(s.thread_id) AS thread_id
            FROM tellers t JOIN staged s USING (pos) JOIN k x ON x.pos = t.top GROUP BY 1)
        SELECT f.pos, coalesce(n.thread_id, c.id, o.thread_id, t.parent_id, t.message_id) AS thread_id
        FROM free f
        LEFT JOIN staged n ON n.pos = f.near
        LEFT JOIN circle c ON c.top = f.top
        LEFT JOIN k x ON x.pos = f.top
        LEFT JOIN told o ON o.up = CASE WHEN x.reply THEN x.p ELSE x.m END
        LEFT JOIN staged t ON t.pos = f.top
        """
    )


def _register(connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, NDArray[np.integer]]) -> None:
    connection.register(f"{name}_given", pa.table({key: pa.array(v.astype(np.int32)) for key, v in columns.items()}))
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_given")  # noqa: S608 - a name of this module
    connection.unregister(f"{name}_given")


def _version(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        CREATE VIEW versions AS
        SELECT message_id, retrieved_at, edited_at, text_status, author_status, score,
               bool_or(pos NOT IN (SELECT pos FROM dropped)) AS kept
        FROM staged SEMI JOIN repeated USING (message_id)
        GROUP BY ALL
        """
    )


def _ranks(connection: duckdb.DuckDBPyConnection, n: int) -> Positions:
    rank = np.full(n, -1, np.int32)
    place = 0
    for batch in connection.execute("SELECT pos FROM chosen ORDER BY message_id").to_arrow_reader(100_000):
        rank[batch.column("pos").to_numpy()] = np.arange(place, place + batch.num_rows, dtype=np.int32)
        place += batch.num_rows
    return rank


def _bots(connection: duckdb.DuckDBPyConnection, people: int) -> pa.Array:
    """Return by code who is a declared bot, and who posts one text again and again, or faster than people write."""
    connection.execute(
        """
        CREATE TABLE suspects AS
        WITH repeated_texts AS (
            SELECT author, max(n) AS most, sum(n) AS total
            FROM (SELECT author, d, count(*) AS n FROM k WHERE worded AND author IS NOT NULL GROUP BY ALL)
            GROUP BY author HAVING most >= $texts AND most >= $share * total),
        fast AS (
            SELECT author, max(n) AS most
            FROM (SELECT author, moment // 3600000000 AS hour, count(*) AS n FROM k
                  WHERE moment IS NOT NULL AND author IS NOT NULL GROUP BY ALL)
            GROUP BY author HAVING most > $hourly)
        SELECT author AS code, CASE WHEN r.author IS NOT NULL THEN 'suspected: one text repeated'
                                    ELSE 'suspected: many messages within an hour' END AS reason
        FROM repeated_texts r FULL JOIN fast f USING (author)
        """,
        {"texts": REPEATED_TEXTS, "share": REPEATED_SHARE, "hourly": HOURLY_MESSAGES},
    )
    found = connection.execute(
        """
        WITH declared AS (
            SELECT p.code, 'declared: ' || b.reason AS reason FROM people p JOIN bots b USING (id)
            UNION ALL
            SELECT k.author, 'declared: ' || b.reason FROM bots b
            JOIN (SELECT DISTINCT handle_id, pos FROM staged WHERE handle_id IS NOT NULL) s ON s.handle_id = b.id
            JOIN k ON k.pos = s.pos WHERE k.author IS NOT NULL)
        SELECT code, coalesce(min(d.reason), min(s.reason)) FROM declared d FULL JOIN suspects s USING (code) GROUP BY 1
        """
    ).fetchall()
    reasons: list[str | None] = [None] * people
    for code, reason in found:
        reasons[code] = reason
    return pa.array(reasons, pa.string())


def _read(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    """Read a part in this thread alone: others read theirs beside it."""
    with pa.parquet.ParquetFile(path) as file:
        table = file.read(columns=columns, use_threads=False)
    return table.cast(pa.schema([schema.field(name) for name in table.column_names]))


def _texts(parts: Parts, keys: Keys, number: int) -> tuple[pa.Table, Positions]:
    """Return the kept texts of a part (schema STAGED_TEXTS) and the positions of their messages."""
    worded = _read(parts.messages[number], STAGED, ["text_digest"]).column(0).is_valid().to_numpy()
    pos = np.flatnonzero(worded).astype(np.int32) + np.int32(keys.first[number])
    table = _read(parts.texts[number], STAGED_TEXTS)
    if table.num_rows != len(pos):
        raise DefectError("A part of texts does not fit its part of messages.")
    kept = keys.kept[pos]
    return (table, pos) if kept.all() else (table.filter(pa.array(kept)), pos[kept])


def write(connection: duckdb.DuckDBPyConnection, parts: Parts, joined: Joined, restricted: Path, scratch: Path) -> None:
    """Write all tables, sorted by message id, and make `final` for the figures; at the end swap the folders in."""
    total = int(joined.keys.kept.sum())
    messages = Runs(scratch / "messages", MESSAGES, total, PART_ROWS)
    texts = Runs(scratch / "texts", TEXTS, total, PART_ROWS)
    final = private_directory(scratch / "final")

    def spread(number: int, group: Sequence[int]) -> None:
        with connection.cursor() as cursor:  # of this thread's own
            done = [_completed(cursor, parts.messages[part], part, joined) for part in group]
        pos, rows, extra = (list(column) for column in zip(*done, strict=True))
        pa.parquet.write_table(
            pa.concat_tables(extra), final / f"{number:05d}.parquet", compression="none", use_dictionary=False
        )
        messages.add(number, pa.concat_tables(rows), joined.rank[np.concatenate(pos)])
        made = [_texts(parts, joined.keys, part) for part in group]
        tables = [_renamed(table, joined.renamed.get(part)) for part, (table, _) in zip(group, made, strict=True)]
        where = np.concatenate([where for _, where in made])
        texts.add(number, pa.concat_tables(tables).select(TEXTS.names), joined.rank[where])

    def put(name: str, runs: Runs, schema: pa.Schema) -> None:
        _side_by_side(
            lambda number: write_table(_part(restricted, name, number), runs.part(number), schema, unlike=UNLIKE),
            range(runs.count),
        )

    for name in TABLES:
        shutil.rmtree(restricted / f".{name}.new", ignore_errors=True)
        private_directory(restricted / f".{name}.new")
    groups = _groups(joined.keys.first)
    with _hardly_asked(connection):
        _side_by_side(lambda number: spread(number, groups[number]), range(len(groups)))
        put("messages", messages, MESSAGES)
        put("texts", texts, TEXTS)
    _make_final(connection, final)
    columns = ", ".join(VERSIONS.names)
    versions = connection.execute(f"SELECT {columns} FROM versions ORDER BY {columns}").to_arrow_reader(50_000)  # noqa: S608
    for number, table in enumerate(_in_parts(versions, VERSIONS)):
        write_table(_part(restricted, "versions", number), table, VERSIONS)
    for name in TABLES:
        swap_in(restricted / f".{name}.new", restricted / name)


@contextmanager
def _hardly_asked(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave DuckDB little memory for a while: Arrow needs it."""
    (before,) = connection.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    connection.execute(f"SET memory_limit = '{_WHILE_WRITING_MB}MB'")
    yield
    connection.execute(f"SET memory_limit = '{before}'")


def _groups(first: NDArray[np.int64]) -> list[list[int]]:
    """Return numbers of parts that are sorted together: many small runs would take long to merge."""
    which = (first[:-1] - first[0]) // RUN_ROWS
    return [np.flatnonzero(which == group).tolist() for group in np.unique(which)]


def _part(restricted: Path, name: str, number: int) -> Path:
    return restricted / f".{name}.new" / f"part-{number:05d}.parquet"


def _side_by_side(work: Callable[[int], None], numbers: Iterable[int]) -> None:
    """Do the work for each number in a few threads; most of it is done by libraries, beside one another."""

    def done(number: int) -> None:
        work(number)
        pa.default_memory_pool().release_unused()  # what one thread freed is of no use to the next

    with ThreadPoolExecutor(min(available(), _THREADS)) as pool:
        for _ in pool.map(done, numbers):
            pass


def _completed(
    connection: duckdb.DuckDBPyConnection, path: Path, number: int, joined: Joined
) -> tuple[Positions, pa.Table, pa.Table]:
    """Return the positions of the kept messages of a part, their rows, and what the figures need of them."""
    keys = joined.keys
    start, stop = int(keys.first[number]), int(keys.first[number + 1])
    kept = keys.kept[start:stop]
    pos = np.flatnonzero(kept).astype(np.int32) + np.int32(start)
    rows = _read(path, STAGED).filter(pa.array(kept))
    author, parent = keys.author[pos], keys.parent[pos]
    there = parent >= 0
    answered = np.where(there, keys.author[parent], np.int32(-1))
    answered = np.where(answered >= 0, answered, keys.target[pos])
    bots = joined.bots.take(_index(author))
    status = rows.column("author_status")
    disowned = pc.and_(pa.array(author < 0), pc.equal(status, "known"))
    columns = {
        "author_id": keys.people.take(_index(author)),
        "author_status": pc.if_else(disowned, "deleted", status),
        "parent_author_id": keys.people.take(_index(answered)),
        "thread_id": pc.coalesce(rows.column("thread_id"), _threads(connection, pos), rows.column("message_id")),
        "bot_reason": pc.coalesce(rows.column("bot_reason"), bots),
    }
    for name, column in columns.items():
        place = rows.schema.get_field_index(name)
        rows = rows.append_column(name, column) if place < 0 else rows.set_column(place, name, column)
    further = {
        "reply": rows.column("parent_id").is_valid(),
        "parent_present": pa.array(there),
        "author": _index(author),
        "answered": _index(answered),
        "moment": rows.column("created_at").cast(pa.int64()),
    }
    final = [further[name] if name in further else rows.column(name) for name in _FINAL.names]
    return pos, rows.select(MESSAGES.names), pa.table(final, schema=_FINAL)


def _index(codes: Positions) -> pa.Array:
    return pa.array(codes, mask=codes < 0)


def _threads(connection: duckdb.DuckDBPyConnection, pos: Positions) -> pa.Array:
    """Return the threads found for the messages at `pos`, which are in order; null where the source names one."""
    index = np.full(len(pos), -1, np.int32)
    if not len(pos):
        return pa.array([], pa.string())
    found = connection.execute(
        "SELECT pos, thread_id FROM threads WHERE pos BETWEEN $first AND $last",
        {"first": int(pos[0]), "last": int(pos[-1])},
    ).to_arrow_table()
    index[np.searchsorted(pos, found.column("pos").to_numpy())] = np.arange(found.num_rows, dtype=np.int32)
    return found.column("thread_id").combine_chunks().take(_index(index))


def _make_final(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make `final`: what the figures need of every kept message, ids as hashes and people as codes."""
    files = [str(path) for path in sorted(folder.glob("*.parquet"))]
    if files:
        connection.read_parquet(files).create_view("final_given")
    else:
        connection.register("final_given", _FINAL.empty_table())
    connection.execute(
        """
        CREATE VIEW final AS
        SELECT * EXCLUDE (message_id, parent_id, thread_id),
               hash(message_id) AS m, hash(parent_id) AS p, hash(thread_id) AS t
        FROM final_given
        """
    )


def _renamed(table: pa.Table, path: Path | None) -> pa.Table:
    """Return the texts with those in their place in which names were replaced."""
    if path is None:
        return table
    changed = pa.parquet.read_table(path, schema=STAGED_TEXTS)
    where = pc.index_in(table.column("source"), value_set=changed.column("source").combine_chunks())
    text = pc.coalesce(changed.column("text").combine_chunks().take(where), table.column("text"))
    return table.set_column(table.schema.get_field_index("text"), STAGED_TEXTS.field("text"), text)


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
    for name in TABLES:
        old, place = restricted / f".{name}.old", restricted / name
        if old.is_dir() and not place.exists():
            old.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(restricted / f".{name}.new", ignore_errors=True)
