"""Whether a much used word that is somebody's name is meant as one: then people use it where its bearer is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from zlib import crc32

import duckdb
import pyarrow as pa

from ingest.plain_names import any_of, words_of

SAMPLE = 50_000  # texts looked at, of all: they tell what a word is that many use
Word = tuple[str, str]  # platform and word


def not_names(
    connection: duckdb.DuckDBPyConnection, frequent: Collection[Word], texts: Iterable[pa.Table]
) -> frozenset[Word]:
    """Return those of some names that are words: most of the others who use them do so where no bearer writes.

    A bearer is about who wrote in the same thread, or, where nobody answered, in the same forum on the same day.

    Args:
        connection: With `words`, `named` (name_id, person), and the relations of `ingest.finalise.build`.
        frequent: The names.
        texts: Of schema STAGED_TEXTS, all that hold one of these words.
    """
    if not frequent:
        return frozenset()
    row = connection.execute("SELECT count(*) FROM chosen WHERE text_digest IS NOT NULL").fetchone()
    one_in = max(1, (int(row[0]) if row else 0) // SAMPLE)
    _look_up(connection, "frequent", frequent, ("platform", "word"))
    _look_up(connection, "used", _uses(texts, frequent, one_in), ("platform", "word", "message_id"))
    return frozenset(connection.execute(_NOT_NAMES).fetchall())


_NOT_NAMES = """
WITH names AS (SELECT DISTINCT platform, word, name_id FROM words JOIN frequent USING (platform, word)),
bearers AS (SELECT DISTINCT platform, word, person FROM names JOIN named USING (name_id) WHERE person IS NOT NULL),
said AS (
    SELECT c.message_id, p.id AS author_id, c.display_id, coalesce(c.thread_id, t.thread_id, c.message_id) AS thread_id,
           coalesce(c.forum, '') AS forum, c.created_at::DATE AS day
    FROM chosen c JOIN k USING (pos) LEFT JOIN people p ON p.code = k.author LEFT JOIN threads t USING (pos)),
theirs AS (
    SELECT b.platform, b.word, s.* FROM bearers b JOIN said s ON s.author_id = b.person
    UNION ALL SELECT n.platform, n.word, s.* FROM names n JOIN said s ON s.display_id = n.name_id
    WHERE s.author_id IS NULL),
theirs_in AS (SELECT DISTINCT platform, word, thread_id FROM theirs),
theirs_on AS (SELECT DISTINCT platform, word, forum, day FROM theirs WHERE day IS NOT NULL),
unanswered AS (SELECT thread_id FROM said GROUP BY 1 HAVING count(*) = 1),
uses AS (
    SELECT u.platform, u.word, t.thread_id IS NOT NULL OR d.day IS NOT NULL AS there
    FROM used u JOIN said s USING (message_id)
    ANTI JOIN bearers b ON u.platform = b.platform AND u.word = b.word AND s.author_id = b.person
    LEFT JOIN theirs_in t ON u.platform = t.platform AND u.word = t.word AND s.thread_id = t.thread_id
    LEFT JOIN unanswered n ON n.thread_id = s.thread_id
    LEFT JOIN theirs_on d ON n.thread_id IS NOT NULL AND u.platform = d.platform AND u.word = d.word
                             AND s.forum = d.forum AND s.day = d.day)
SELECT platform, word FROM uses GROUP BY ALL HAVING 2 * count(*) FILTER (there) < count(*)
"""


def _look_up(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Iterable[tuple[str, ...]], columns: tuple[str, ...]
) -> None:
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    table = pa.table({column: pa.array(those, pa.string()) for column, those in zip(columns, values, strict=True)})
    connection.register(name, table)


def _uses(texts: Iterable[pa.Table], frequent: Collection[Word], one_in: int) -> Iterator[tuple[str, str, str]]:
    """Yield platform, word and message of uses in a sample of the texts, the same in whatever order they come."""
    sought = sorted({word for _, word in frequent})
    for table in texts:
        rows = table.filter(any_of(table.column("text"), sought))
        for message, text in zip(rows.column("message_id").to_pylist(), rows.column("text").to_pylist(), strict=True):
            if crc32(message.encode()) % one_in:
                continue
            platform = message.split(":", 1)[0]
            yield from ((platform, word, message) for word in words_of(text, platform) if (platform, word) in frequent)
