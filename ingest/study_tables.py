"""The whole ingest: dumps in, tables out; and people out again."""

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
import pyarrow.compute as pc

from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.files import digest_file, digest_of, private_directory, read_json, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import read_table
from ingest.file_names import shown
from ingest.finalise import build, engine, recover, write
from ingest.forgotten import (
    Forgotten,
    drop_folders,
    messages_of,
    purged,
    read_forgotten,
    require_all_named,
    require_key_of,
    with_withheld,
    write_forgotten,
)
from ingest.formats import FORMATS, find_format, require_file, username
from ingest.pseudonyms import Pseudonyms, fingerprint, load_key, pseudonym
from ingest.quality_figures import figures, rejects
from ingest.schema import MESSAGES, TEXTS
from ingest.settings import IngestSettings, IngestSummary
from ingest.staging import (
    VERSION,
    Cursor,
    foreign_folders,
    forgotten_digest,
    outdated_folders,
    stage,
    staged_folders,
    staged_names,
)

_FINAL_VERSION = 3


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
        ResourceError: Another ingest of this study is running.
    """
    paths = sorted({Path(path) for path in paths})
    for path in paths:
        require_file(path)
    with locked(restricted) as root:
        key = load_key(restricted, settings.key_file)
        require_key_of(read_forgotten(restricted), fingerprint(key))
        names = _names(restricted, key)
        dumps = [(path, digest_file(path)) for path in paths]
        given = {digest[:16] for _, digest in dumps}
        left_out = frozenset() if keep_others else staged_names(root) - given
        _require_one_key(root, fingerprint(key), given | left_out)
        cursors = [_stage_one(path, digest, root, names, settings, progress) for path, digest in dumps]
        if paths and not any(c.rows + c.withheld for c in cursors):
            _refuse_empty(root, cursors)
        tables = _Tables(restricted, _names(restricted, key), _declared(names, settings.bots), left_out)
        return IngestSummary(tables.bring(settings, progress))


def _names(restricted: Path, key: bytes) -> Pseudonyms:
    """Return the pseudonyms under `key`, with everything to be withheld by now."""
    forgotten = with_withheld(restricted / "ingest", read_forgotten(restricted))
    return Pseudonyms(key, forgotten.people, forgotten.messages)


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


def _require_one_key(root: Path, mark: str, apart: Set[str] = frozenset()) -> None:
    """Refuse before anything is read again when dumps not `apart` would drop out or their people be others."""
    if set(outdated_folders(root)) - apart:
        raise InputError(
            "Part of this study was read by another version of copenet.",
            remedy="Give every dump of the study to one ingest: it reads them anew.",
        )
    if foreign_folders(root, mark) - apart:
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


@dataclass(frozen=True)
class _Tables:
    """The tables as they should be. `restricted/ingest/final.json` says of what state they are."""

    restricted: Path
    names: Pseudonyms
    bots: Mapping[str, str]
    left_out: frozenset[str]  # names of staged folders

    def bring(self, settings: IngestSettings, progress: Progress) -> dict[str, Any]:
        """Make the tables unless they are as they should be; return the figures."""
        root, path = self.restricted / "ingest", self.restricted / "ingest" / "final.json"
        every = purged(root, self.names)
        staged = [(folder, cursor) for folder, cursor in every if folder.name not in self.left_out]
        others = sorted(shown(cursor.file) for folder, cursor in every if folder.name in self.left_out)
        last = read_json(path) if path.is_file() else {}
        state = self._state(staged, others)
        there = (self.restricted / "messages").is_dir() and (self.restricted / "texts").is_dir()
        if there and last.get("state") == state:
            return dict(last["figures"])
        self._note(last, "", None, last.get("forgotten"))
        found = self._make(staged, settings, progress) | {"dumps_left_out": others}
        self._note(last, state, found, read_forgotten(self.restricted).digest())
        return found

    def _state(self, staged: Sequence[tuple[Path, Cursor]], others: Sequence[str]) -> str:
        withheld = forgotten_digest(self.names.forgotten, self.names.withheld)
        cursors = [vars(cursor) for _, cursor in staged]
        return digest_of([_FINAL_VERSION, VERSION, cursors, list(others), dict(self.bots), withheld])

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
        self, staged: Sequence[tuple[Path, Cursor]], settings: IngestSettings, progress: Progress
    ) -> dict[str, Any]:
        with (
            progress.task("join messages", total=2, unit="tables") as task,
            _within_resources(settings.memory_limit_mb),
            engine(self.restricted / "ingest" / ".spill", settings.memory_limit_mb) as db,
        ):
            messages = [p for folder, cursor in staged for p in cursor.message_parts(folder)]
            texts = [p for folder, cursor in staged for p in cursor.text_parts(folder)]
            build(db, messages, texts, self.names, self.bots)
            task.advance()
            write(db, self.restricted)
            task.advance()
            return figures(db, [cursor for _, cursor in staged])


@contextmanager
def _within_resources(memory_limit_mb: int) -> Iterator[None]:
    """Turn what DuckDB lacks into a fault without its text, which can quote values of the tables.

    Raises:
        ResourceError: The messages could not be joined within the memory and the disk there are.
    """
    try:
        yield
    except duckdb.Error as error:
        raise ResourceError(
            f"The messages could not be joined with {memory_limit_mb} MB of memory and the disk there is "
            f"(DuckDB: {type(error).__name__}).",
            remedy="Free space on the disk of the study's restricted folder, where what exceeds memory goes, and try "
            "again; from Python, IngestSettings(memory_limit_mb=…) allows more memory.",
        ) from None  # DuckDB's own text may not be shown


@dataclass(frozen=True)
class _Leaving:
    """What forgetting some people comes to, as far as it is known before anything is changed."""

    key: bytes
    gone: frozenset[str]
    forgotten: Forgotten  # the list to be, without the messages of `gone`
    unusable: frozenset[str]
    left_out: frozenset[str]


def _leaving(root: Path, restricted: Path, platform: str, raw_names: Sequence[str], key_file: Path | None) -> _Leaving:
    if not any(staged_folders(root)):
        raise InputError("Nothing has been ingested into this study.", remedy="Run: copenet ingest STUDY PATH…")
    names = [username(platform, raw) for raw in raw_names]
    key = load_key(restricted, key_file)
    mark = fingerprint(key)
    gone = frozenset(pseudonym(key, platform, name) for name in names)
    unusable, left_out = _unusable(root, mark), frozenset(_last(restricted).get("left_out", ()))
    known = with_withheld(root, read_forgotten(restricted))
    if known.fits(mark):
        _require_one_key(root, mark, left_out)
        people = known.people | gone
    else:
        require_all_named(known, set(gone))
        people = gone
    return _Leaving(key, gone, Forgotten(mark, people, known.messages), unusable, left_out)


def check_forget(restricted: Path, platform: str, raw_names: Sequence[str], *, key_file: Path | None = None) -> None:
    """Raise what `forget` would refuse, and change nothing: for whoever has to remove other things before it.

    Raises:
        UsageError: Something given is no username.
        InputError: As for `forget`.
        RefusedError: As for `forget`.
        ResourceError: As for `forget`.
    """
    with locked(restricted) as root:
        _leaving(root, restricted, platform, raw_names, key_file)


def forget(restricted: Path, platform: str, raw_names: Sequence[str], *, key_file: Path | None = None) -> int:
    """Remove people: their messages in every copy, their texts, and mentions of them; they stay out ever after.

    Replies to them stay as messages whose parent is missing and whose target is unknown. After a change of key, what
    was read under the former one is removed: nobody can be found in it any more, and the dumps are to be read anew.
    A kill in the middle leaves tables that `read_messages` refuses to read and the next ingest or forget makes anew.

    Args:
        platform: Where they are known under `raw_names`.
        raw_names: Usernames, however they are written there (`u/Name`, `@Name`, the address of a profile).
        key_file: The key, where it is not `restricted/key`.

    Returns:
        How many messages were removed from the tables; 0 where nobody of these names wrote any.

    Raises:
        UsageError: Something given is no username.
        InputError: Nothing was ingested yet, or the key is lost or not the one used before.
        RefusedError: Others were forgotten under another key, and not all of them are named.
        ResourceError: An ingest of this study is running.
    """
    with locked(restricted) as root:
        plan = _leaving(root, restricted, platform, raw_names, key_file)
        forgotten = replace(plan.forgotten, messages=plan.forgotten.messages | messages_of(root, plan.gone))
        write_forgotten(restricted, forgotten)
        removed = _count(restricted, forgotten)
        drop_folders(root, plan.unusable)
        names = Pseudonyms(plan.key, forgotten.people, forgotten.messages)
        bots = _last(restricted).get("bots", _declared(names, ()))
        _Tables(restricted, names, bots, plan.left_out).bring(IngestSettings(), SILENT)
        return removed


def _last(restricted: Path) -> dict[str, Any]:
    path = restricted / "ingest" / "final.json"
    return dict(read_json(path)) if path.is_file() else {}


def _unusable(root: Path, mark: str) -> frozenset[str]:
    """Return the folders in which nobody can be found: of another key, of another version, or never committed."""
    return (staged_names(root) - {folder.name for folder, _ in staged_folders(root)}) | foreign_folders(root, mark)


def _count(restricted: Path, forgotten: Forgotten) -> int:
    """Return how many messages of the tables are those of the forgotten."""
    if not (restricted / "messages").is_dir():
        return 0
    table = read_table(restricted / "messages", MESSAGES, ["message_id", "author_id"])
    theirs = pc.or_kleene(
        pc.is_in(table.column("author_id"), value_set=pa.array(sorted(forgotten.people), pa.string())),
        pc.is_in(table.column("message_id"), value_set=pa.array(sorted(forgotten.messages), pa.string())),
    )
    return int(pc.sum(theirs).as_py() or 0)


def _require_finished(restricted: Path) -> None:
    """Refuse tables that may still hold somebody who is forgotten."""
    forgotten = read_forgotten(restricted)
    if forgotten.people and _last(restricted).get("forgotten") != forgotten.digest():
        raise InputError(
            "Forgetting people was interrupted, and the tables may still hold them.",
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
