"""Dumps to staged parts: each file line by line, in batches, resumable after a kill at any moment.

`restricted/ingest/<digest16>/` holds `part-NNNNN-messages.parquet`, `part-NNNNN-texts.parquet` and `cursor.json`. The
cursor is replaced only after the parts it counts are on disk; a part beyond the cursor is written again by the replay.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from copenet.foundation.files import digest_of, private_directory, read_json, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import TIMESTAMP, write_table
from ingest.containers import Line, Loss, read_lines
from ingest.file_names import shown
from ingest.pseudonyms import Pseudonyms, fingerprint
from ingest.records import BadRecordError, Draft, SourceFormat, decode
from ingest.scrub import FORGOTTEN_NAME, Scrubber
from ingest.settings import IngestSettings

VERSION = 4  # raise it when what is staged changes: older folders are then staged again
MAX_REJECTS = 1000  # listed per file; the others are counted
MAX_HELD_BYTES = 32 * 2**20  # of texts in one batch: a few long lines weigh more than many short ones
_PSEUDONYM = re.compile(r"[a-z]{1,16}:u_[0-9a-f]{16}")

STAGED = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("thread_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("author_id", pa.string()),
        pa.field("author_status", pa.string(), nullable=False),
        pa.field("forum", pa.string()),
        pa.field("created_at", TIMESTAMP),
        pa.field("edited_at", TIMESTAMP),
        pa.field("retrieved_at", TIMESTAMP),
        pa.field("text_status", pa.string(), nullable=False),
        pa.field("score", pa.int64()),
        pa.field("bot_reason", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("declared_replies", pa.int64()),  # what the source says the thread holds
        pa.field("text_digest", pa.string()),  # equal for equal texts: finds repeated ones
        pa.field("names_replaced", pa.int64(), nullable=False),
        pa.field("content", pa.string(), nullable=False),  # digest of all but `source` and names: breaks ties
    ]
)
STAGED_TEXTS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Cursor:
    """How far one file was read. `line` is the last line whose message is in a committed part."""

    digest: str
    file: str
    key: str
    forgotten: str
    format: str
    version: int = VERSION
    parts: int = 0
    line: int = 0
    rows: int = 0
    withheld: int = 0  # messages of people who are to be forgotten
    withheld_ids: tuple[str, ...] = ()  # of those met while reading: other dumps may hold copies without an author
    rejected: tuple[tuple[int, str], ...] = ()
    rejected_more: int = 0
    done: bool = False

    def message_parts(self, folder: Path) -> list[Path]:
        """Return the committed message parts."""
        return [folder / f"part-{n:05d}-messages.parquet" for n in range(self.parts)]

    def text_parts(self, folder: Path) -> list[Path]:
        """Return the committed text parts."""
        return [folder / f"part-{n:05d}-texts.parquet" for n in range(self.parts)]


def read_cursor(folder: Path) -> Cursor | None:
    """Return the cursor of a staged file, or None where none of this version is."""
    path = folder / "cursor.json"
    if not path.is_file():
        return None
    document = read_json(path)
    if document.get("version") != VERSION:
        return None
    document["rejected"] = tuple((int(line), str(reason)) for line, reason in document["rejected"])
    document["withheld_ids"] = tuple(document["withheld_ids"])
    return Cursor(**document)


def write_cursor(folder: Path, cursor: Cursor) -> None:
    """Commit a cursor."""
    write_json(folder / "cursor.json", asdict(cursor))


def staged_folders(root: Path) -> Iterator[tuple[Path, Cursor]]:
    """Yield each staged file's folder and cursor, in order of digest."""
    for folder in (root / name for name in sorted(staged_names(root))):
        cursor = read_cursor(folder)
        if cursor is not None:
            yield folder, cursor


def staged_names(root: Path) -> frozenset[str]:
    """Return the names of all folders of staged files, usable or not."""
    return frozenset(p.name for p in root.glob("*") if p.is_dir() and len(p.name) == 16)


def foreign_folders(root: Path, mark: str) -> frozenset[str]:
    """Return the folders of files staged under another key than that with fingerprint `mark`."""
    return frozenset(folder.name for folder, cursor in staged_folders(root) if cursor.key != mark)


def outdated_folders(root: Path) -> list[str]:
    """Return the folders of files that another version of copenet staged, in order of digest."""
    folders = (p.parent for p in root.glob("*/cursor.json"))
    return sorted(folder.name for folder in folders if read_cursor(folder) is None)


def forgotten_digest(forgotten: frozenset[str], withheld: frozenset[str]) -> str:
    """Return a short digest of the people and the messages to leave out."""
    return digest_of([sorted(forgotten), sorted(withheld)])[:16]


def stage(
    path: Path,
    digest: str,
    root: Path,
    source: SourceFormat,
    names: Pseudonyms,
    settings: IngestSettings,
    progress: Progress = SILENT,
) -> Cursor:
    """Read one dump into staged parts, from where an earlier attempt got to, and return its final cursor."""
    folder, key_mark = root / digest[:16], fingerprint(names.key)
    cursor = read_cursor(folder)
    if cursor is None or cursor.key != key_mark or cursor.digest != digest:
        shutil.rmtree(folder, ignore_errors=True)
        cursor = Cursor(digest, path.name, key_mark, forgotten_digest(names.forgotten, names.withheld), source.name)
    if cursor.done:
        return _renamed(folder, cursor, path.name)
    private_directory(folder)
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()
    with progress.task(f"read {shown(path.name)}", total=path.stat().st_size, unit="B") as task:
        return _Stager(path, folder, source, names, settings, cursor).run(task.advance)


def _renamed(folder: Path, cursor: Cursor, name: str) -> Cursor:
    """Name a file that was given under several names by the first of them, whatever their order."""
    if name >= cursor.file:
        return cursor
    cursor = replace(cursor, file=name)
    write_cursor(folder, cursor)
    return cursor


class _Stager:
    """Reads one file; holds at most one batch."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        source: SourceFormat,
        names: Pseudonyms,
        settings: IngestSettings,
        cursor: Cursor,
    ) -> None:
        self._path, self._folder, self._source, self._names = path, folder, source, names
        self._settings, self._cursor = settings, cursor
        self._row = RowMaker(names, cursor.digest[:16])
        self._rows: list[tuple[Any, ...]] = []
        self._texts: list[tuple[str, str, str]] = []
        self._rejected: list[tuple[int, str]] = []
        self._withheld: list[str] = []
        self._held_bytes = 0

    def run(self, advance: Callable[[float], None]) -> Cursor:
        start, number, seen = self._cursor.line, 0, False
        for item in read_lines(self._path, max_line=self._settings.max_line_bytes, consumed=advance):
            seen, number = True, item.number
            if number <= start:
                continue
            self._take(item)
            full = len(self._rows) + len(self._rejected) >= self._settings.batch_rows
            if full or self._held_bytes > MAX_HELD_BYTES:
                self._commit(number)
        if not seen:
            self._rejected.append((0, "empty file"))
        self._commit(number, done=True)
        return self._cursor

    def _take(self, item: Line | Loss) -> None:
        if isinstance(item, Loss):
            self._rejected.append((item.number, item.reason))
            return
        try:
            draft = self._source.parse(decode(item.data))
        except BadRecordError as error:
            self._rejected.append((item.number, str(error)))
            return
        made = self._row.make(draft, item.number)
        if made is None:
            self._withheld.append(f"{draft.platform}:{draft.message_id}")
            return
        row, text = made
        self._rows.append(row)
        if text is not None:
            self._texts.append(text)
            self._held_bytes += sys.getsizeof(text[2])

    def _commit(self, line: int, *, done: bool = False) -> None:
        part = self._cursor.parts
        if self._rows:
            write_table(self._folder / f"part-{part:05d}-messages.parquet", table_of(self._rows, STAGED), STAGED)
            texts = table_of(self._texts, STAGED_TEXTS)
            write_table(self._folder / f"part-{part:05d}-texts.parquet", texts, STAGED_TEXTS)
        listed = (*self._cursor.rejected, *self._rejected)
        cursor = replace(
            self._cursor,
            parts=part + bool(self._rows),
            line=line,
            rows=self._cursor.rows + len(self._rows),
            withheld=self._cursor.withheld + len(self._withheld),
            withheld_ids=(*self._cursor.withheld_ids, *self._withheld),
            rejected=listed[:MAX_REJECTS],
            rejected_more=self._cursor.rejected_more + max(0, len(listed) - MAX_REJECTS),
            done=done,
        )
        write_cursor(self._folder, cursor)
        self._cursor, self._withheld = cursor, []
        self._rows, self._texts, self._rejected, self._held_bytes = [], [], [], 0


class RowMaker:
    """Turns drafts into rows without a raw name."""

    def __init__(self, names: Pseudonyms, source: str) -> None:
        self._names, self._source = names, source
        self._scrubbers: dict[str, Scrubber] = {}

    def _scrubber(self, platform: str) -> Scrubber:
        if platform not in self._scrubbers:
            self._scrubbers[platform] = Scrubber(lambda raw: self._names.of(platform, raw), self._names.forgotten)
        return self._scrubbers[platform]

    def make(self, draft: Draft, line: int) -> tuple[tuple[Any, ...], tuple[str, str, str] | None] | None:
        """Return a row of `STAGED` and one of `STAGED_TEXTS`; None for a message of somebody who is to be forgotten."""
        platform = draft.platform
        if _qualified(platform, draft.message_id) in self._names.withheld:
            return None
        author = self._names.of(platform, draft.author) if draft.author is not None else None
        if author is not None and author in self._names.forgotten:
            return None
        scrubber = self._scrubber(platform)
        before = scrubber.names_replaced
        text = scrubber.scrub(draft.text) if draft.text is not None else None
        body = (
            platform,
            _qualified(platform, draft.message_id),
            draft.kind,
            _qualified(platform, draft.thread),
            _qualified(platform, draft.parent),
            author,
            draft.author_status,
            self._forum(draft),
            draft.created_at,
            draft.edited_at,
            draft.retrieved_at,
            draft.text_status,
            draft.score,
            draft.bot,
        )
        extra = (draft.declared_replies, _digest(text) if text else None, scrubber.names_replaced - before)
        source = f"{self._source}:{line}"
        row = (*body, source, *extra, _content(draft, text))
        return row, ((str(row[1]), source, text) if text else None)

    def _forum(self, draft: Draft) -> str | None:
        if draft.forum_owner is None:
            return draft.forum
        owner = self._names.of(draft.platform, draft.forum_owner)
        return None if owner in self._names.forgotten else owner


def _content(draft: Draft, text: str | None) -> str:
    """Return a digest of all that a copy says except who, with its text scrubbed: it is the same under every key."""
    masked = None if text is None else _PSEUDONYM.sub(FORGOTTEN_NAME, text) if ":u_" in text else text
    forum = draft.forum if draft.forum_owner is None else FORGOTTEN_NAME
    told = replace(draft, author=None, forum_owner=None, forum=forum, text=masked)
    return _digest(orjson.dumps(told).decode())


def table_of(rows: list[Any], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; times are given in microseconds."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [
        pa.array(column, pa.int64()).cast(field.type) if field.type == TIMESTAMP else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _qualified(platform: str, native: str | None) -> str | None:
    return None if native is None else f"{platform}:{native}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
