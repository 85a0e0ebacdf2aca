"""The whole ingest: dumps in, tables out."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from copenet.foundation.errors import InputError, ResourceError, UsageError
from copenet.foundation.files import digest_of, private_directory, read_json, remove_partials, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import read_table
from ingest.dumps import Dump, digests, members
from ingest.file_names import masked
from ingest.finalise import TABLES, Parts, build, engine, recover, write
from ingest.forgotten import Forgotten, everybody, read_forgotten, require_key_of
from ingest.formats import UNKNOWN, by_name, every_format, judge, platforms, require_file, username
from ingest.places import note_places
from ingest.pseudonyms import FORMER_KEY, Pseudonyms, fingerprint, load_key
from ingest.purge import purged
from ingest.quality_figures import figures, rejects
from ingest.schema import MESSAGES, TEXTS
from ingest.settings import How, IngestSettings, IngestSummary
from ingest.staging import (
    VERSION,
    Cursor,
    Reading,
    foreign_folders,
    outdated_folders,
    stage,
    staged_names,
)
from ingest.workers import wait_for_former, working

_FINAL_VERSION = 6
MORE_MEMORY = 4  # times the limit
_NO_MATTER = frozenset(  # of a cursor: who is to stay out changes the tables only where parts are rewritten (`purges`)
    {"forgotten", "withheld_ids", "met_people", "met_names", "recognised", "purging"}
)


def ingest(
    paths: Sequence[Path],
    restricted: Path,
    *,
    settings: IngestSettings = IngestSettings(),
    keep_others: bool = True,
    progress: Progress = SILENT,
) -> IngestSummary:
    """Read dumps into the study's tables `messages` and `texts`.

    A killed ingest is completed by calling it again; reading a dump twice changes nothing.

    Args:
        paths: Dumps, recognised by content.
        restricted: The study's folder for person-level data.
        keep_others: Whether the tables also hold what other dumps gave before. Without them, `paths` are all the study
            reads: a dump no longer among them, or the former content of one, is left out and listed as such.

    Raises:
        InputError: A file is not there, nothing in any file could be kept, or the key is lost or not the one used
            before.
        RefusedError: People were forgotten under another key.
        ResourceError: Another ingest of this study is running, or a process of one that was killed.
    """
    paths = sorted({Path(path) for path in paths})
    for path in paths:
        require_file(path)
    for name in (settings.fallback, *(how.format for how in settings.how.values())):
        if name:
            by_name(name)  # a wrong one should be said before anything is read
    with locked(restricted) as root:
        require_no_rotation(restricted)
        key = load_key(restricted, settings.key_file)
        listed, mark = read_forgotten(restricted), fingerprint(key)
        require_key_of(listed, mark)
        names = everybody(root, listed, mark).names(key)
        dumps = digests([dump for path in paths for dump in members(path)])
        given = {digest[:16] for _, digest in dumps}
        left_out = frozenset() if keep_others else staged_names(root) - given - settings.kept - settings.gone
        require_one_key(root, mark, given | left_out)
        cursors = stage_all(dumps, root, names, settings, progress)
        pa.default_memory_pool().release_unused()
        if paths and not any(c.rows + c.withheld for c in cursors):
            _refuse_empty(root, cursors)
        note_places(restricted, dumps)
        names = everybody(root, listed, mark).names(key)
        tables = Tables(restricted, names, declared(names, settings.bots), left_out)
        return IngestSummary(tables.bring(settings, progress))


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
        wait_for_former(root)
        recover(restricted)
        for folder in (root, *(root / name for name in staged_names(root))):
            remove_partials(folder)
        yield root
    finally:
        os.close(descriptor)


def require_no_rotation(restricted: Path) -> None:
    """Refuse to go on with two keys at once.

    Raises:
        InputError: A change of key was interrupted.
    """
    if (restricted / FORMER_KEY).is_file():
        raise InputError(
            "Changing the key of this study was interrupted.", remedy="Run: copenet rotate STUDY   (it finishes that)"
        )


def require_one_key(root: Path, mark: str, apart: Set[str] = frozenset()) -> None:
    """Refuse before anything is read again when dumps not `apart` would drop out or their people be others."""
    if set(outdated_folders(root)) - apart:
        raise InputError(
            "Part of this study was read by another version of copenet.",
            remedy="Give every dump of the study to one ingest: it reads them anew. What is gone can be left out: "
            "copenet ingest STUDY --without-gone",
        )
    if foreign_folders(root, mark) - apart:
        raise InputError(
            "Part of this study was read under another key, so its people cannot be joined with the others.",
            remedy="Bring the former key back, or give every dump of the study to one ingest.",
        )


def stage_all(
    dumps: Sequence[tuple[Dump, str]], root: Path, names: Pseudonyms, settings: IngestSettings, progress: Progress
) -> list[Cursor]:
    """Read dumps, each with its digest, into staged parts."""
    with working(settings.workers, root) as workers:
        reading = Reading(root, names, settings, workers, progress)
        return [stage(dump, digest, _decided(dump, settings), reading) for dump, digest in dumps]


def _decided(dump: Dump, settings: IngestSettings) -> How:
    """Return how a dump is read; of what no format recognises every record is rejected, with its reason."""
    how = settings.how.get(dump.path, How())
    if how.format:
        return how
    found = judge(dump, encoding=how.encoding, max_line=settings.max_line_bytes)
    return replace(how, format=found.name if found else settings.fallback or UNKNOWN.name)


def _refuse_empty(root: Path, cursors: Sequence[Cursor]) -> None:
    for cursor in cursors:
        shutil.rmtree(root / cursor.digest[:16], ignore_errors=True)
    found = rejects(list(cursors))["rejected"]
    first = "; ".join(f"{r['file']}, line {r['line']}: {r['reason']}" for r in found[:3])
    raise InputError(
        f"Nothing could be kept ({first or 'there is no record in it'}).",
        remedy=f"copenet reads {', '.join(f.name for f in every_format())}, and any table whose columns are named: "
        "copenet ingest STUDY FILE --columns id=…,author=…,parent=…,time=…,text=…",
    )


def declared(names: Pseudonyms, bots: Sequence[str]) -> dict[str, str]:
    """Return the pseudonyms of declared bots and what to call them: well-known ones by name, others by their list."""
    listed = {
        names.of(platform, name): "listed in the settings"
        for platform in platforms()
        for bot in bots
        if (name := _username(platform, bot)) is not None
    }
    known = {names.of(f.platform, bot): bot for f in every_format() for bot in f.known_bots if f.platform}
    return listed | known


def _username(platform: str, typed: str) -> str | None:
    try:
        return username(platform, typed)
    except UsageError:  # a name of another platform
        return None


@dataclass(frozen=True)
class Tables:
    """The tables as they should be. `restricted/ingest/final.json` says of what state they are.

    Attributes:
        restricted: The study's folder for person-level data.
        names: Pseudonyms, and who and what is to stay out.
        bots: Pseudonyms of declared bots, and what to call each.
        left_out: Names of staged folders that the tables do not hold.
    """

    restricted: Path
    names: Pseudonyms
    bots: Mapping[str, str]
    left_out: frozenset[str]

    def bring(self, settings: IngestSettings, progress: Progress) -> dict[str, Any]:
        """Make the tables unless they are as they should be; return the figures."""
        root, path = self.restricted / "ingest", self.restricted / "ingest" / "final.json"
        listed = read_forgotten(self.restricted)
        every = purged(root, self.names, listed.people | listed.named | listed.messages)
        staged = [(folder, cursor) for folder, cursor in every if folder.name not in self.left_out]
        others = [(folder, cursor) for folder, cursor in every if folder.name in self.left_out]
        last = read_json(path) if path.is_file() else {}
        state = self._state(staged, others)
        there = all((self.restricted / name).is_dir() for name in TABLES)
        forgotten = listed.digest()
        if there and last.get("state") == state:
            found = last["figures"]
            if last["forgotten"] == forgotten:
                return dict(found)
        else:
            self._note(last, "", None, last.get("forgotten"))
            found = self._make(staged, others, settings, progress)
        self._note(last, state, found, forgotten)
        return dict(found)

    def _state(self, staged: Sequence[tuple[Path, Cursor]], others: Sequence[tuple[Path, Cursor]]) -> str:
        read = [{k: v for k, v in vars(cursor).items() if k not in _NO_MATTER} for _, cursor in staged]
        return digest_of([_FINAL_VERSION, VERSION, read, sorted(c.file for _, c in others), dict(self.bots)])

    def _note(self, last: Mapping[str, Any], state: str, found: dict[str, Any] | None, forgotten: str | None) -> None:
        """Say which tables are there; before they are replaced, what a completion needs to know, and no figures."""
        document = {
            "state": state,
            "figures": found,
            "bots": dict(self.bots),
            "left_out": sorted(self.left_out),
            "forgotten": forgotten,  # the digest of the list without whose people the tables are
            "first_key": last.get("first_key", fingerprint(self.names.key)),
        }
        write_json(self.restricted / "ingest" / "final.json", document)

    def _make(
        self,
        staged: Sequence[tuple[Path, Cursor]],
        others: Sequence[tuple[Path, Cursor]],
        settings: IngestSettings,
        progress: Progress,
    ) -> dict[str, Any]:
        """Join all messages; where DuckDB cannot do with little memory, as with very many copies, with four times as much."""
        limit = settings.memory_limit_mb
        with _within_resources(MORE_MEMORY * limit):
            try:
                return self._joined(staged, others, limit, progress)
            except duckdb.OutOfMemoryException:
                return self._joined(staged, others, MORE_MEMORY * limit, progress)

    def _joined(
        self,
        staged: Sequence[tuple[Path, Cursor]],
        others: Sequence[tuple[Path, Cursor]],
        limit: int,
        progress: Progress,
    ) -> dict[str, Any]:
        scratch = self.restricted / "ingest" / ".spill"
        with progress.task("join messages", total=2, unit="tables") as task, engine(scratch, limit) as db:
            parts = Parts(
                [p for folder, cursor in staged for p in cursor.message_parts(folder)],
                [p for folder, cursor in staged for p in cursor.text_parts(folder)],
                [p for folder, cursor in staged for p in cursor.word_parts(folder)],
            )
            joined = build(db, parts, self.names, self.bots, scratch / "renamed")
            task.advance()
            write(db, parts, joined, self.restricted, scratch)
            del joined  # a hundred bytes of a message, and the figures need memory
            pa.default_memory_pool().release_unused()
            task.advance()
            aside = [p for folder, cursor in others for p in cursor.message_parts(folder)]
            files = masked(db, (cursor.file for _, cursor in (*staged, *others)), self.names, aside)
            found = figures(db, [replace(cursor, file=files[cursor.file]) for _, cursor in staged])
            return found | {"dumps_left_out": sorted(files[cursor.file] for _, cursor in others)}


@contextmanager
def _within_resources(memory_limit_mb: int) -> Iterator[None]:
    """Turn what DuckDB lacks into a fault without its text, which can quote values of the tables.

    Raises:
        ResourceError: The messages could not be joined within the memory and the disk there are.
    """
    try:
        yield
    except (duckdb.OperationalError, duckdb.FatalException) as error:
        raise ResourceError(
            f"The messages could not be joined with {memory_limit_mb} MB of memory and the disk there is "
            f"(DuckDB: {type(error).__name__}).",
            remedy="Free space on the disk of the study's restricted folder, where what exceeds memory goes, and try "
            "again; from Python, IngestSettings(memory_limit_mb=…) allows more memory.",
        ) from None  # DuckDB's own text may not be shown


def last_note(restricted: Path) -> dict[str, Any]:
    """Return what `restricted/ingest/final.json` says of the tables; nothing where there are none."""
    path = restricted / "ingest" / "final.json"
    return dict(read_json(path)) if path.is_file() else {}


def _require_finished(restricted: Path) -> None:
    """Refuse tables that may still hold somebody who is forgotten."""
    forgotten = read_forgotten(restricted)
    if forgotten != Forgotten() and last_note(restricted).get("forgotten") != forgotten.digest():
        raise InputError(
            "Taking people or messages out was interrupted, and the tables may still hold them.",
            remedy="Run: copenet ingest STUDY   (it makes the tables without them)",
        )


def read_messages(restricted: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the messages of a study, sorted by id (schema `ingest.schema.MESSAGES`, or the columns asked for).

    Raises:
        InputError: `forget` was interrupted and not yet completed.
    """
    _require_finished(restricted)
    return read_table(restricted / "messages", MESSAGES, columns)


def read_texts(restricted: Path) -> pa.Table:
    """Return the scrubbed texts of a study, sorted by message id (schema `ingest.schema.TEXTS`).

    Raises:
        InputError: `forget` was interrupted and not yet completed.
    """
    _require_finished(restricted)
    return read_table(restricted / "texts", TEXTS)
