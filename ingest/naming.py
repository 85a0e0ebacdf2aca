"""The last look at texts: names of people of the study, written as plain words, become their pseudonyms.

A first name or a word of the language stays (`ingest.plain_names`), and so does a word of letters only that is
used often where nobody of that name is about (`ingest.about`), whoever calls themselves so. A name that several
people show becomes `[name]`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.files import private_directory
from copenet.foundation.tables import write_table
from ingest.about import Word, not_names
from ingest.plain_names import any_of, count, key, replacer, words_of
from ingest.rows import PSEUDONYM, STAGED_TEXTS
from ingest.scrub import FORGOTTEN_NAME

ORDINARY_USES, ORDINARY_SHARE = 20, 1 / 5000  # a word used so often, and so often per text, is ordinary

Kept = Callable[[int], pa.Table]  # returns the texts of a part whose messages are kept


def rename(
    connection: duckdb.DuckDBPyConnection, word_parts: Sequence[Path], kept: Kept, scratch: Path
) -> dict[int, Path]:
    """Return, by number of the part, files of the texts in which names were replaced (schema STAGED_TEXTS).

    Reads `words`, `staged`, `chosen`, `handles` and `hidden`; makes `naming` (one row: texts changed, words replaced,
    words that are names but ordinary).
    """
    _name(connection)
    hits = _hits(connection)
    people = _people_of_handles(connection)
    ordinary = _ordinary(connection, hits, word_parts, kept) if hits else frozenset()
    wanted = {word: person for word, person in hits.items() if word not in ordinary}
    renamer = _Renamer(wanted, people)
    made = renamer.run(word_parts, kept, scratch) if wanted or people else {}
    figures = (renamer.texts, renamer.replaced, len(ordinary))
    connection.execute("CREATE TABLE naming (texts BIGINT, words BIGINT, ordinary BIGINT)")
    connection.execute("INSERT INTO naming VALUES (?, ?, ?)", figures)
    return made


def _name(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `named`: the pseudonyms of every name and whose it is, NULL where that is not known or not to be said."""
    connection.execute(
        """
        CREATE TABLE named AS
        WITH own AS (
            SELECT author_id AS name_id, author_id AS person FROM staged WHERE author_id IS NOT NULL
            UNION SELECT handle_id, author_id FROM staged WHERE handle_id IS NOT NULL
            UNION SELECT display_id, author_id FROM staged WHERE display_id IS NOT NULL
            UNION SELECT short_id, author_id FROM staged WHERE short_id IS NOT NULL
            UNION SELECT id, NULL FROM hidden),
        every AS (
            FROM own UNION ALL  -- and those whom others answer, and who wrote nothing
            SELECT DISTINCT target_id, target_id FROM staged
            WHERE target_id IS NOT NULL AND target_id NOT IN (SELECT name_id FROM own))
        SELECT DISTINCT name_id, coalesce(h.person, e.person) AS person FROM every e LEFT JOIN handles h ON h.id = e.person
        """
    )


def _hits(connection: duckdb.DuckDBPyConnection) -> dict[Word, str]:
    """Return the words that are somebody's name, by platform, and what replaces each."""
    found = connection.execute(
        """
        WITH people AS (
            SELECT name_id, CASE WHEN count(DISTINCT coalesce(person, '')) = 1 THEN min(person) END AS person
            FROM named GROUP BY 1)
        SELECT w.platform, w.word, min(p.person) FROM words w JOIN people p USING (name_id) GROUP BY ALL
        """
    ).fetchall()
    return {(platform, word): person or FORGOTTEN_NAME for platform, word, person in found}


def _people_of_handles(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return whose a username is, and whose it is without its server where that tells one person."""
    return dict(
        connection.execute(
            """
            SELECT id, person FROM handles UNION ALL
            SELECT short_id, min(author_id) FROM staged WHERE short_id IS NOT NULL AND author_id IS NOT NULL GROUP BY 1
            HAVING count(DISTINCT author_id) = 1 AND short_id NOT IN (SELECT id FROM handles)
            """
        ).fetchall()
    )


def _ordinary(
    connection: duckdb.DuckDBPyConnection,
    hits: Mapping[Word, str],
    word_parts: Sequence[Path],
    kept: Kept,
) -> frozenset[Word]:
    """Return the hits of letters only that are used often, and where nobody of that name is about: they are words."""
    row = connection.execute("SELECT count(*) FROM chosen WHERE text_digest IS NOT NULL").fetchone()
    least = max(ORDINARY_USES, int((row[0] if row else 0) * ORDINARY_SHARE))
    met = connection.execute(
        """
        SELECT platform, word, sum(n)::BIGINT FROM words SEMI JOIN named USING (name_id)
        GROUP BY ALL HAVING sum(n) >= $least
        """,
        {"least": least},
    ).fetchall()
    frequent = frozenset((p, w) for p, w, _ in met if w.replace(" ", "").isalpha() and (p, w) in hits)
    staged = connection.execute("SELECT (SELECT count(*) FROM given) = (SELECT count(*) FROM chosen)").fetchone()
    if frequent and staged and not staged[0]:  # else every text counts once already
        counts: Counter[Word] = Counter()
        for table, wanted in _parts_with(frequent, word_parts, kept):
            found = count(_candidates(table, wanted))
            counts.update({(p, w): n for p, those in found.items() for w, n in those.items() if (p, w) in wanted})
        frequent = frozenset(key for key, n in counts.items() if n >= least)
    return not_names(connection, frequent, (table for table, _ in _parts_with(frequent, word_parts, kept)))


def _parts_with(
    wanted: frozenset[Word], word_parts: Sequence[Path], kept: Kept
) -> Iterator[tuple[pa.Table, frozenset[Word]]]:
    """Yield, of each part that holds some of the wanted words, the texts that are kept, and those words."""
    for number, word_part in enumerate(word_parts):
        here = _held(word_part, wanted)
        if here:
            yield kept(number), here


def _held(word_part: Path, wanted: Set[Word]) -> frozenset[Word]:
    """Return those of some words that a part's texts hold."""
    table = pa.parquet.read_table(word_part, columns=["platform", "word"])
    return frozenset(wanted & set(zip(*(column.to_pylist() for column in table.columns), strict=True)))


def _candidates(table: pa.Table, wanted: frozenset[Word]) -> pa.Table:
    """Return the texts that a fast search does not rule out."""
    return table.filter(any_of(table.column("text"), sorted({word for _, word in wanted})))


class _Renamer:
    """Writes the texts that change to parts of their own."""

    def __init__(self, wanted: Mapping[Word, str], people: Mapping[str, str]) -> None:
        self._wanted, self._people = wanted, people
        self.texts = self.replaced = 0

    def run(self, word_parts: Sequence[Path], kept: Kept, scratch: Path) -> dict[int, Path]:
        """Return the parts written, of schema `STAGED_TEXTS`, by number."""
        made = {}
        for number, word_part in enumerate(word_parts):
            here = _held(word_part, self._wanted.keys())
            if not here and not self._people:
                continue
            changed = self._changed(kept(number), here)
            if changed.num_rows:
                path = private_directory(scratch) / f"renamed-{number:05d}.parquet"
                write_table(path, changed, STAGED_TEXTS)
                made[number] = path
        return made

    def _changed(self, table: pa.Table, here: Set[Word]) -> pa.Table:
        column = table.column("text")
        mask = any_of(column, sorted({word for _, word in here})) if here else None
        if self._people:
            named = pc.match_substring(column, ":u_")
            mask = named if mask is None else pc.or_(mask, named)
        rows = table.filter(mask)
        patterns = {p: replacer({w for q, w in here if q == p}) for p in {platform for platform, _ in here}}
        kept = []
        for message, source, text in zip(*(rows.column(name).to_pylist() for name in STAGED_TEXTS.names), strict=True):
            platform = message.split(":", 1)[0]
            after = self._pseudonyms(self._words(text, platform, patterns.get(platform)))
            if after != text:
                kept.append((message, source, after))
        self.texts += len(kept)
        columns = list(zip(*kept, strict=True)) or [(), (), ()]
        return pa.table([pa.array(c, pa.string()) for c in columns], schema=STAGED_TEXTS)

    def _words(self, text: str, platform: str, pattern: re.Pattern[str] | None) -> str:
        """Replace the names among the words of this text, whatever names other texts of its part hold."""
        if pattern is None or pattern.search(text) is None:
            return text
        own = {word for word in words_of(text, platform) if (platform, word) in self._wanted}
        if not all(key(match[0], own) for match in pattern.finditer(text)):
            pattern = replacer(own)

        def replace(match: re.Match[str]) -> str:
            word = key(match[0], own)
            if word is None:
                return match[0]
            self.replaced += 1
            return self._wanted[platform, word]

        return pattern.sub(replace, text)

    def _pseudonyms(self, text: str) -> str:
        """Give people named by their username the pseudonym of their id."""
        if not self._people or ":u_" not in text:
            return text
        return PSEUDONYM.sub(lambda match: self._people.get(match[0], match[0]), text)
