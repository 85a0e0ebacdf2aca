"""The whole ingest: dumps in, tables out; and people out again."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.files import digest_file, digest_of, private_directory, read_json, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import read_table, write_table
from ingest.finalise import build, engine, recover, write
from ingest.formats import FORMATS, find_format, require_file
from ingest.pseudonyms import Pseudonyms, fingerprint, load_key, pseudonym
from ingest.quality_figures import figures, rejects
from ingest.schema import MESSAGES, TEXTS
from ingest.scrub import FORGOTTEN_NAME
from ingest.settings import IngestSettings, IngestSummary
from ingest.staging import (
    STAGED,
    STAGED_TEXTS,
    VERSION,
    Cursor,
    forgotten_digest,
    outdated_folders,
    stage,
    staged_folders,
    write_cursor,
)

_FINAL_VERSION = 1


def ingest(
    paths: Sequence[Path],
    restricted: Path,
    *,
    settings: IngestSettings = IngestSettings(),
    progress: Progress = SILENT,
) -> IngestSummary:
    """Read dumps into the study's tables `messages` and `texts`.

    What was staged before stays; the tables hold everything the study was ever given. A killed ingest is completed by
    calling it again; reading a dump twice changes nothing.

    Args:
        paths: Dumps, recognised by content.
        restricted: The study's folder for person-level data.

    Raises:
        InputError: A file is not there, nothing in any file could be kept, or the key is not the one used before.
        ResourceError: Another ingest of this study is running.
    """
    paths = sorted({Path(path) for path in paths})
    for path in paths:
        require_file(path)
    with locked(restricted) as root:
        names = Pseudonyms(load_key(restricted, settings.key_file), read_forgotten(restricted))
        dumps = [(path, digest_file(path)) for path in paths]
        _require_one_key(root, fingerprint(names.key), {digest for _, digest in dumps})
        cursors = [_stage_one(path, digest, root, names, settings, progress) for path, digest in dumps]
        if paths and not any(c.rows + c.withheld for c in cursors):
            _refuse_empty(root, cursors)
        return IngestSummary(_finalise(restricted, names, _declared(names, settings.bots), settings, progress))


@contextmanager
def locked(restricted: Path) -> Iterator[Path]:
    """Yield the staging folder, held by this process alone."""
    private_directory(restricted)
    root = private_directory(restricted / "ingest")
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ResourceError(
                "Another ingest of this study is running.", remedy="Wait until it has ended, then try again."
            ) from error
        recover(restricted)
        yield root
    finally:
        os.close(descriptor)


def _require_one_key(root: Path, mark: str, given: Set[str] = frozenset()) -> None:
    """Refuse before anything is read again when other dumps would drop out or their people be others."""
    if set(outdated_folders(root)) - {digest[:16] for digest in given}:
        raise InputError(
            "Part of this study was read by another version of copenet.",
            remedy="Give every dump of the study to one ingest: it reads them anew.",
        )
    if any(cursor.key != mark and cursor.digest not in given for _, cursor in staged_folders(root)):
        raise InputError(
            "Part of this study was read under another key, so its people cannot be joined with the others.",
            remedy="Bring the former key back, or give every dump of the study to one ingest.",
        )


def _stage_one(
    path: Path, digest: str, root: Path, names: Pseudonyms, settings: IngestSettings, progress: Progress
) -> Cursor:
    try:
        source = find_format(path)
    except InputError:
        source = FORMATS[0]  # every line is then rejected, with its reason
    return stage(path, digest, root, source, names, settings, progress)


def _refuse_empty(root: Path, cursors: Sequence[Cursor]) -> None:
    for cursor in cursors:
        shutil.rmtree(root / cursor.digest[:16], ignore_errors=True)
    found = rejects(list(cursors))["rejected"]
    first = "; ".join(f"{r['file']}, line {r['line']}: {r['reason']}" for r in found[:3])
    known = "; ".join(f.title for f in FORMATS)
    raise InputError(f"Nothing could be kept ({first}).", remedy=f"copenet reads {known}; plain, gzip or zstd.")


def _declared(names: Pseudonyms, bots: Sequence[str]) -> dict[str, str]:
    """Return the pseudonyms of declared bots and what to call them: well-known ones by name, others by their list."""
    listed = {names.of(f.platform, bot): "listed in the settings" for f in FORMATS for bot in bots}
    return listed | {names.of(f.platform, bot): bot for f in FORMATS for bot in f.known_bots}


def _finalise(
    restricted: Path, names: Pseudonyms, bots: Mapping[str, str], settings: IngestSettings, progress: Progress
) -> dict[str, Any]:
    root = restricted / "ingest"
    staged = _purged(root, names.forgotten)
    state = digest_of([_FINAL_VERSION, VERSION, [vars(c) for _, c in staged], dict(bots), sorted(names.forgotten)])
    path = root / "final.json"
    there = (restricted / "messages").is_dir() and (restricted / "texts").is_dir()
    if there and path.is_file() and (last := read_json(path))["state"] == state:
        return dict(last["figures"])
    path.unlink(missing_ok=True)
    with (
        progress.task("join messages", total=2, unit="tables") as task,
        engine(root / ".spill", settings.memory_limit_mb) as db,
    ):
        messages = [p for folder, cursor in staged for p in cursor.message_parts(folder)]
        texts = [p for folder, cursor in staged for p in cursor.text_parts(folder)]
        build(db, messages, texts, names.forgotten, bots)
        task.advance()
        write(db, restricted)
        task.advance()
        found = figures(db, [cursor for _, cursor in staged])
    write_json(path, {"state": state, "figures": found, "bots": dict(bots)})
    return found


def read_forgotten(restricted: Path) -> frozenset[str]:
    """Return the pseudonyms of the people who are to stay out."""
    path = restricted / "forgotten"
    return frozenset(read_json(path)) if path.is_file() else frozenset()


def forget(restricted: Path, platform: str, raw_names: Sequence[str], *, key_file: Path | None = None) -> int:
    """Remove people: their messages, texts, and mentions of them; they stay out when a dump is read again.

    Replies to them stay as messages whose parent is missing and whose target is unknown.

    Args:
        platform: Where they are known under `raw_names`.
        key_file: The key, where it is not `restricted/key`.

    Returns:
        How many messages were removed from the tables.

    Raises:
        InputError: Nothing was ingested yet.
        ResourceError: An ingest of this study is running.
    """
    final = restricted / "ingest" / "final.json"
    with locked(restricted):
        if not any(staged_folders(restricted / "ingest")):
            raise InputError("Nothing has been ingested into this study.", remedy="Run: copenet ingest STUDY PATH…")
        key = load_key(restricted, key_file)
        _require_one_key(restricted / "ingest", fingerprint(key))
        gone = {pseudonym(key, platform, raw.strip().removeprefix("/").removeprefix("u/")) for raw in raw_names}
        bots = read_json(final)["bots"] if final.is_file() else _declared(Pseudonyms(key), ())
        removed = _messages_of(restricted, gone)
        forgotten = read_forgotten(restricted) | gone
        write_json(restricted / "forgotten", sorted(forgotten))
        _finalise(restricted, Pseudonyms(key, forgotten), bots, IngestSettings(), SILENT)
        return removed


def _messages_of(restricted: Path, people: set[str]) -> int:
    authors = read_messages(restricted, ["author_id"]).column("author_id")
    return int(pc.sum(pc.is_in(authors, value_set=pa.array(sorted(people), pa.string()))).as_py() or 0)


def _purged(root: Path, forgotten: frozenset[str]) -> list[tuple[Path, Cursor]]:
    """Return the staged files, those rewritten that were staged before somebody asked to be forgotten."""
    mark = forgotten_digest(forgotten)
    return [
        (folder, cursor if cursor.forgotten == mark else _purge(folder, cursor, forgotten, mark))
        for folder, cursor in staged_folders(root)
    ]


def _purge(folder: Path, cursor: Cursor, forgotten: frozenset[str], mark: str) -> Cursor:
    people = pa.array(sorted(forgotten), pa.string())
    left = 0
    for messages, texts in zip(cursor.message_parts(folder), cursor.text_parts(folder), strict=True):
        kept = _without(read_table(messages, STAGED), people)
        write_table(texts, _unnamed(read_table(texts, STAGED_TEXTS), kept.column("source"), forgotten), STAGED_TEXTS)
        write_table(messages, kept, STAGED)
        left += kept.num_rows
    cursor = replace(cursor, forgotten=mark, rows=left, withheld=cursor.withheld + cursor.rows - left)
    write_cursor(folder, cursor)
    return cursor


def _without(messages: pa.Table, people: pa.Array) -> pa.Table:
    kept = messages.filter(pc.invert(pc.is_in(messages.column("author_id"), value_set=people)))
    forum = kept.column("forum")
    forum = pc.if_else(pc.is_in(forum, value_set=people), pa.scalar(None, pa.string()), forum)
    return kept.set_column(kept.schema.get_field_index("forum"), STAGED.field("forum"), forum)


def _unnamed(texts: pa.Table, sources: pa.ChunkedArray, forgotten: frozenset[str]) -> pa.Table:
    texts = texts.filter(pc.is_in(texts.column("source"), value_set=sources.combine_chunks()))
    column = texts.column("text")
    for name in sorted(forgotten):
        column = pc.replace_substring(column, name, FORGOTTEN_NAME)
    return texts.set_column(2, STAGED_TEXTS.field("text"), column)


def read_messages(restricted: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the messages of a study, sorted by id (schema `ingest.schema.MESSAGES`, or the columns asked for)."""
    return read_table(restricted / "messages", MESSAGES, columns)


def read_texts(restricted: Path) -> pa.Table:
    """Return the scrubbed texts of a study, sorted by message id (schema `ingest.schema.TEXTS`)."""
    return read_table(restricted / "texts", TEXTS)
