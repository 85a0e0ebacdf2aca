"""One block of a dump to three tables: messages, texts, and words that may be names. Runs in a worker process, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.tables import write_table
from ingest.blocks import Block, Loss
from ingest.formats import by_name
from ingest.plain_names import WORDS, count, replacer, words_of
from ingest.pseudonyms import Pseudonyms
from ingest.records import Draft, Record, Reject, SourceFormat
from ingest.rows import PSEUDONYM, STAGED, STAGED_TEXTS, UNLIKE, RowMaker, Withheld, content, digest, table_of
from ingest.scrub import FORGOTTEN_NAME
from ingest.syntax import Rows, records

Text = tuple[str, str, str]


class Met(NamedTuple):
    """Names of people to be forgotten that were met while dumps were read.

    Attributes:
        people: Pseudonyms of ids and usernames of whoever goes by one that is on the list.
        named: Of the names they show.
        recognised: Those on the list of a former key.
    """

    people: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    recognised: frozenset[str] = frozenset()


class Part(NamedTuple):
    """The three tables of a part: of schemas `STAGED`, `STAGED_TEXTS` and `WORDS`."""

    messages: pa.Table
    texts: pa.Table
    words: pa.Table


@dataclass(frozen=True)
class Made:
    """What became of one block.

    Attributes:
        last: Number of its last record.
        rows: How many messages it holds, without those withheld.
        withheld: Ids of messages that are to stay out.
        rejected: Number and reason of what holds no message.
        met: Who of those to be forgotten was met.
    """

    last: int
    rows: int
    withheld: tuple[str, ...]
    rejected: tuple[tuple[int, str], ...]
    met: Met


@dataclass(frozen=True)
class PartMaker:
    """Makes the parts of one dump.

    Attributes:
        folder: Where they go.
        source: What tells the dump from others.
        format: Name of the format (see `ingest.formats.by_name`); a function would not travel to another process.
        names: Pseudonyms, and who is to stay out.
        max_line: Longest line in bytes.
    """

    folder: Path
    source: str
    format: str
    names: Pseudonyms
    max_line: int

    def make(self, part: int, item: Block | Rows, after: int) -> Made:
        """Write part number `part` from the records of `item` above number `after`."""
        reader = by_name(self.format)
        batch = _Batch(self.source)
        number = place = 0
        for found in records(item, after=after, max_line=self.max_line):
            if isinstance(found, Loss):
                batch.rejected.append((found.number, found.reason))
                continue
            place = place if found.number == number else 0  # an array on one line holds many records of one number
            number, place = found.number, _read(reader, batch, found.number, found.record, place)
        made = RowMaker(self.names, reader.mention).make(batch.drafts, batch.sources)
        words = words_table(made.texts, self.names)
        write(without_names(Part(made.messages, made.texts, words), self.names), self.folder, part)
        ids = tuple(found.message_id for found in made.withheld)
        return Made(item.last, made.messages.num_rows, ids, tuple(batch.rejected), met(made.withheld, self.names))


def met(withheld: Sequence[Withheld], names: Pseudonyms) -> Met:
    """Return which names of people to be forgotten were met."""
    people = frozenset[str]().union(*(found.people for found in withheld))
    named = frozenset[str]().union(*(found.named for found in withheld))
    return Met(*names.added(people, named), frozenset(names.recognised))


def _read(reader: SourceFormat, batch: _Batch, number: int, record: Record, place: int) -> int:
    """Add the messages of a record, the first at `place`; return the place after the last."""
    for found in reader.read(record):
        batch.add(found, number, place)
        place += 1
    return place


class _Batch:
    def __init__(self, source: str) -> None:
        self._source = source
        self.drafts: list[Draft] = []
        self.sources: list[str] = []
        self.rejected: list[tuple[int, str]] = []

    def add(self, found: Draft | Reject, number: int, place: int) -> None:
        if isinstance(found, Reject):
            self.rejected.append((number, found.reason))
            return
        self.drafts.append(found)
        self.sources.append(f"{self._source}:{number}.{place}" if place else f"{self._source}:{number}")


def write(part: Part, folder: Path, number: int) -> None:
    """Write the three tables of a part."""
    for name, table, schema in zip(("messages", "texts", "words"), part, (STAGED, STAGED_TEXTS, WORDS), strict=True):
        write_table(folder / f"part-{number:05d}-{name}.parquet", table, schema, unlike=UNLIKE)


def words_table(texts: pa.Table, names: Pseudonyms) -> pa.Table:
    """Return the words of texts that could be names, with their pseudonyms, as a table of schema `WORDS`, in order."""
    counted = count(texts)
    rows = [(platform, word, n) for platform in counted for word, n in sorted(counted[platform].items())]
    platform, word, n = zip(*rows, strict=True) if rows else ((), (), ())
    name = [names.of(*pair) for pair in zip(platform, word, strict=True)]
    return table_of({"platform": platform, "name_id": name, "word": word, "n": n}, WORDS)


def without_names(part: Part, names: Pseudonyms) -> Part:
    """Return a part whose texts name nobody who is to be forgotten; the very part where none does."""
    changed = texts_without_names(part, names)
    if not changed:
        return part
    texts = _changed(part.texts, "text", changed)
    messages = _changed(part.messages, "text_digest", {source: digest(text) for source, text in changed.items()})
    messages = _changed(messages, "content", {source: content(text) for source, text in changed.items()})
    return Part(messages, texts, words_table(texts, names))


def texts_without_names(part: Part, names: Pseudonyms) -> dict[str, str]:
    """Return the texts that name somebody to be forgotten, without those names, by source."""
    if not names.hidden:
        return {}
    theirs = _hidden_words(part.words, names)
    patterns = {platform: replacer(those) for platform, those in theirs.items()}
    changed: dict[str, str] = {}
    for message, source, text in rows_of(part.texts):
        platform = message.split(":", 1)[0]
        after = PSEUDONYM.sub(lambda match: _hidden(match[0], names), text) if ":u_" in text else text
        if (pattern := patterns.get(platform)) and pattern.search(after):
            own = theirs[platform].intersection(words_of(after, platform))  # whatever other texts of the part hold
            after = replacer(own).sub(FORGOTTEN_NAME, after) if own else after
        if after != text:
            changed[source] = after
    return changed


def rows_of(texts: pa.Table) -> list[Text]:
    """Return the rows of a table of schema `STAGED_TEXTS`."""
    return list(zip(*(texts.column(name).to_pylist() for name in STAGED_TEXTS.names), strict=True))


def _hidden_words(words: pa.Table, names: Pseudonyms) -> dict[str, set[str]]:
    """Return the words of each platform that are the name of somebody to be forgotten."""
    hidden = words.filter(pc.is_in(words.column("name_id"), value_set=pa.array(sorted(names.hidden), pa.string())))
    found: dict[str, set[str]] = {}
    for platform, word in zip(hidden.column("platform").to_pylist(), hidden.column("word").to_pylist(), strict=True):
        found.setdefault(platform, set()).add(word)
    return found


def _hidden(found: str, names: Pseudonyms) -> str:
    """Return what stands for a pseudonym; letters that stood before the name may have run into it."""
    for start in range(found.index(":")):
        if found[start:] in names.hidden:
            return found[:start] + FORGOTTEN_NAME
    return found


def _changed(table: pa.Table, name: str, changed: Mapping[str, str | None]) -> pa.Table:
    """Return a table with other values of a column in the rows of some sources."""
    pairs = zip(table.column("source").to_pylist(), table.column(name).to_pylist(), strict=True)
    column = pa.array([changed.get(source, value) for source, value in pairs], pa.string())
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), column)
