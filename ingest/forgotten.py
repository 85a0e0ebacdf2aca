"""Who is to stay out of a study, and which messages with them: the list, and the staged parts without them.

`restricted/forgotten` holds pseudonyms, the mark of the key they were made with, and the ids of these people's
messages. The ids are needed because a copy fetched after an account was deleted names no author and may still hold
the text. Writing the list is the moment from which a person is forgotten: everything after it can be done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.errors import InputError, RefusedError
from copenet.foundation.files import digest_of, read_json, write_json
from copenet.foundation.tables import read_table, write_table
from ingest.pseudonyms import FORGOTTEN, Pseudonyms, fingerprint, load_key
from ingest.scrub import FORGOTTEN_NAME
from ingest.staging import STAGED, STAGED_TEXTS, Cursor, forgotten_digest, staged_folders, write_cursor


@dataclass(frozen=True)
class Forgotten:
    """The list at `restricted/forgotten`.

    Attributes:
        key: Fingerprint of the key behind `people`; empty while nobody is forgotten.
        people: Pseudonyms.
        messages: Ids of their messages, of which no copy may come in.
    """

    key: str = ""
    people: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()

    def digest(self) -> str:
        """Return a digest of the list."""
        return digest_of([self.key, sorted(self.people), sorted(self.messages)])

    def fits(self, mark: str) -> bool:
        """Return whether names under the key with fingerprint `mark` can be compared with these."""
        return not self.people or self.key == mark


def read_forgotten(restricted: Path) -> Forgotten:
    """Return the list of a study; an empty one where nobody was forgotten."""
    path = restricted / FORGOTTEN
    if not path.is_file():
        return Forgotten()
    document = read_json(path)
    if isinstance(document, list):  # a list that does not say under which key it was made fits none
        return Forgotten("", frozenset(document))
    return Forgotten(document["key"], frozenset(document["people"]), frozenset(document["messages"]))


def write_forgotten(restricted: Path, forgotten: Forgotten) -> None:
    """Commit the list."""
    document = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in asdict(forgotten).items()}
    write_json(restricted / FORGOTTEN, document)


def require_key_of(forgotten: Forgotten, mark: str) -> None:
    """Refuse a key under which the forgotten cannot be recognised.

    Raises:
        RefusedError: They were forgotten under another key.
    """
    if not forgotten.fits(mark):
        raise RefusedError(
            f"{len(forgotten.people)} people were forgotten under another key, and would come back under this one.",
            remedy="Bring the former key back, or forget all of them again by name, in one call: "
            "copenet forget STUDY NAME…",
        )


def require_all_named(forgotten: Forgotten, gone: set[str]) -> None:
    """Refuse to replace a list made under another key by a shorter one.

    Raises:
        RefusedError: Fewer people are named than were forgotten.
    """
    if len(gone) < len(forgotten.people):
        raise RefusedError(
            f"{len(forgotten.people)} people were forgotten under another key, but {len(gone)} are named.",
            remedy="Name all of them in one call, or bring the former key back.",
        )


def state_digest(restricted: Path, key_file: Path | None = None) -> str:
    """Return a digest of the list and of the key in use, which tells whether the tables are to be made anew.

    The first key of a study counts as none, so that making it changes nothing.

    Args:
        key_file: The key, where it is not `restricted/key`.
    """
    final = restricted / "ingest" / "final.json"
    first = read_json(final).get("first_key") if final.is_file() else None
    mark = _mark_of(restricted, key_file) if first else None
    path = restricted / FORGOTTEN
    return digest_of([None if mark == first else mark, read_json(path) if path.is_file() else None])


def _mark_of(restricted: Path, key_file: Path | None) -> str:
    try:
        return fingerprint(load_key(restricted, key_file))
    except InputError:  # whoever uses the key will say so
        return "none"


def with_withheld(root: Path, forgotten: Forgotten) -> Forgotten:
    """Return the list with the ids that were met, and withheld, while dumps were read."""
    met = (i for _, cursor in staged_folders(root) for i in cursor.withheld_ids)
    return replace(forgotten, messages=forgotten.messages.union(met))


def messages_of(root: Path, people: Iterable[str]) -> frozenset[str]:
    """Return the ids of all messages by `people` in the staged parts."""
    wanted = pa.array(sorted(people), pa.string())
    found: set[str] = set()
    for folder, cursor in staged_folders(root):
        for part in cursor.message_parts(folder):
            table = read_table(part, STAGED, ["message_id", "author_id"])
            theirs = table.filter(pc.is_in(table.column("author_id"), value_set=wanted))
            found.update(theirs.column("message_id").to_pylist())
    return frozenset(found)


def drop_folders(root: Path, names: Iterable[str]) -> None:
    """Remove what was staged of some files."""
    for name in names:
        shutil.rmtree(root / name, ignore_errors=True)


def purged(root: Path, names: Pseudonyms) -> list[tuple[Path, Cursor]]:
    """Return the files staged under this key, those rewritten that were staged before somebody was forgotten."""
    mark, key = forgotten_digest(names.forgotten, names.withheld), fingerprint(names.key)
    return [
        (folder, cursor if cursor.forgotten == mark else _purge(folder, cursor, names, mark))
        for folder, cursor in staged_folders(root)
        if cursor.key == key
    ]


def _purge(folder: Path, cursor: Cursor, names: Pseudonyms, mark: str) -> Cursor:
    left = 0
    committed = {*cursor.message_parts(folder), *cursor.text_parts(folder)}
    for part in folder.glob("part-*.parquet"):
        if part not in committed:  # left by a kill; whoever goes on reading writes it again
            part.unlink()
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()
    for messages, texts in zip(cursor.message_parts(folder), cursor.text_parts(folder), strict=True):
        kept = _without(read_table(messages, STAGED), names)
        rewritten = _unnamed(read_table(texts, STAGED_TEXTS), kept.column("source"), names.forgotten)
        write_table(texts, rewritten, STAGED_TEXTS)
        write_table(messages, kept, STAGED)
        left += kept.num_rows
    cursor = replace(cursor, forgotten=mark, rows=left, withheld=cursor.withheld + cursor.rows - left)
    write_cursor(folder, cursor)
    return cursor


def _without(messages: pa.Table, names: Pseudonyms) -> pa.Table:
    people = pa.array(sorted(names.forgotten), pa.string())
    theirs = pc.or_(
        pc.is_in(messages.column("author_id"), value_set=people),
        pc.is_in(messages.column("message_id"), value_set=pa.array(sorted(names.withheld), pa.string())),
    )
    kept = messages.filter(pc.invert(theirs))
    forum = kept.column("forum")
    forum = pc.if_else(pc.is_in(forum, value_set=people), pa.scalar(None, pa.string()), forum)
    return kept.set_column(kept.schema.get_field_index("forum"), STAGED.field("forum"), forum)


def _unnamed(texts: pa.Table, sources: pa.ChunkedArray, forgotten: frozenset[str]) -> pa.Table:
    texts = texts.filter(pc.is_in(texts.column("source"), value_set=sources.combine_chunks()))
    column = texts.column("text")
    for name in sorted(forgotten):
        column = pc.replace_substring(column, name, FORGOTTEN_NAME)
    return texts.set_column(2, STAGED_TEXTS.field("text"), column)
