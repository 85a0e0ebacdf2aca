"""Staged parts without whoever is to stay out: rewritten where they hold somebody, resumable after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from copenet.foundation.tables import read_table, write_table
from ingest.identities import array_of
from ingest.parts import Part, texts_without_names, without_names, words_table
from ingest.plain_names import WORDS
from ingest.pseudonyms import Pseudonyms, fingerprint
from ingest.rows import STAGED, STAGED_TEXTS
from ingest.staging import Cursor, staged_folders, write_cursor

_NAMED_IN = ("forum", "target_id", "display_id", "short_id")


class _Places(NamedTuple):
    messages: Path
    texts: Path
    words: Path


def drop_folders(root: Path, names: Iterable[str]) -> None:
    """Remove what was staged of some files."""
    for name in names:
        shutil.rmtree(root / name, ignore_errors=True)


def purged(root: Path, names: Pseudonyms, listed: Set[str] = frozenset()) -> list[tuple[Path, Cursor]]:
    """Return the files staged under this key, those rewritten that hold somebody who was forgotten since.

    Args:
        names: Who and what is to stay out.
        listed: What of that is on the list; of the rest the cursors take note.
    """
    mark, key = names.mark(), fingerprint(names.key)
    return [
        (folder, cursor if cursor.forgotten == mark else _purge(folder, cursor, names, listed))
        for folder, cursor in staged_folders(root)
        if cursor.key == key
    ]


def _purge(folder: Path, cursor: Cursor, names: Pseudonyms, listed: Set[str]) -> Cursor:
    _tidy(folder, cursor)
    touched = [places for places in _parts(folder, cursor) if cursor.purging or _holds(places, names)]
    if touched:
        cursor = _noted(cursor, touched, names, listed)
        write_cursor(folder, cursor)  # first: what is removed can be looked up no more, and the tables are to be remade
    for places in touched:
        _rewrite(places, names)
    left = sum(pyarrow.parquet.read_metadata(path).num_rows for path in cursor.message_parts(folder))
    withheld = cursor.withheld + cursor.rows - left
    cursor = replace(cursor, forgotten=names.mark(), purging=False, rows=left, withheld=withheld)
    write_cursor(folder, cursor)
    return cursor


def _tidy(folder: Path, cursor: Cursor) -> None:
    """Remove parts that a kill left uncommitted; whoever goes on reading writes them again."""
    committed = {path for places in _parts(folder, cursor) for path in places}
    for part in folder.glob("part-*.parquet"):
        if part not in committed:
            part.unlink()


def _parts(folder: Path, cursor: Cursor) -> Iterator[_Places]:
    parts = (cursor.message_parts(folder), cursor.text_parts(folder), cursor.word_parts(folder))
    yield from (_Places(*paths) for paths in zip(*parts, strict=True))


def _read(places: _Places) -> Part:
    return Part(
        read_table(places.messages, STAGED), read_table(places.texts, STAGED_TEXTS), read_table(places.words, WORDS)
    )


def _holds(places: _Places, names: Pseudonyms) -> bool:
    """Return whether a part would change."""
    part, hidden = _read(places), array_of(names.hidden)
    named = (pc.is_in(part.messages.column(name), value_set=hidden) for name in _NAMED_IN)
    if any(pc.any(mask).as_py() for mask in (_theirs(part.messages, names), *named)):
        return True
    return bool(texts_without_names(part, names))


def _noted(cursor: Cursor, touched: Iterable[_Places], names: Pseudonyms, listed: Set[str]) -> Cursor:
    """Return the cursor with what is known only from the rows that are to be removed."""
    columns = ["message_id", "author_id", "handle_id", "display_id", "short_id", "version_id"]
    ids: set[str] = set()
    met: set[str] = set()
    for places in touched:
        table = read_table(places.messages, STAGED, columns)
        table = table.filter(_theirs(table, names))
        ids.update(table.column("message_id").to_pylist())
        met.update(*(table.column(name).unique().to_pylist() for name in columns[1:5]))
    return replace(
        cursor,
        purges=cursor.purges + 1,
        purging=True,
        withheld_ids=tuple(sorted({*cursor.withheld_ids, *ids} - listed)),
        met_people=tuple(sorted({*cursor.met_people, *(met & names.forgotten)} - listed)),
        met_names=tuple(sorted({*cursor.met_names, *(met & (names.hidden - names.forgotten))} - listed)),
    )


def _rewrite(places: _Places, names: Pseudonyms) -> None:
    part = _read(places)
    kept = _without(part.messages, names)
    sources = kept.column("source").combine_chunks()
    texts = part.texts.filter(pc.is_in(part.texts.column("source"), value_set=sources))
    made = without_names(Part(kept, texts, words_table(texts, names)), names)
    write_table(places.messages, made.messages, STAGED)
    write_table(places.words, made.words, WORDS)
    write_table(places.texts, made.texts, STAGED_TEXTS)


def _theirs(messages: pa.Table, names: Pseudonyms) -> pa.ChunkedArray:
    people, ids = array_of(names.forgotten), array_of(names.withheld)
    among = {"author_id": people, "handle_id": people, "message_id": ids, "version_id": ids}
    masks = [pc.is_in(messages.column(name), value_set=values) for name, values in among.items()]
    return pc.or_(pc.or_(masks[0], masks[1]), pc.or_(masks[2], masks[3]))


def _without(messages: pa.Table, names: Pseudonyms) -> pa.Table:
    kept = messages.filter(pc.invert(_theirs(messages, names)))
    hidden = array_of(names.hidden)
    for name in _NAMED_IN:
        column = kept.column(name)
        column = pc.if_else(pc.is_in(column, value_set=hidden), pa.scalar(None, pa.string()), column)
        kept = kept.set_column(kept.schema.get_field_index(name), STAGED.field(name), column)
    return kept
