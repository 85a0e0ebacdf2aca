"""Another key for a study: every dump is read again under it, and whoever was forgotten stays forgotten.

The former key lies at `restricted/key.old` until the tables are made anew, and is then destroyed. While it lies there,
nothing else is done with the study: a kill at any step is finished by calling `rotate` again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from copenet.foundation.errors import InputError, RefusedError, ResourceError
from copenet.foundation.files import PRIVATE_FILE, sync_directory, write_text
from copenet.foundation.progress import SILENT, Progress
from ingest.dumps import Dump, digests, members
from ingest.file_names import shown
from ingest.forgotten import Forgotten, everybody, read_forgotten, require_key_of, write_forgotten
from ingest.formats import require_file
from ingest.pseudonyms import FORMER_KEY, KEY_BYTES, Former, fingerprint, load_key
from ingest.purge import drop_folders
from ingest.settings import IngestSettings, IngestSummary
from ingest.staging import staged_folders, staged_names, write_cursor
from ingest.study_tables import Tables, declared, last_note, locked, stage_all

_Dumps = Sequence[tuple[Dump, str]]
_LEAVE_OUT = "  If they are erased for good, leave out what they held: copenet rotate STUDY --without-gone"


class Rotated(NamedTuple):
    """What a change of key came to.

    Attributes:
        summary: Of the tables.
        forgotten: How many names were once given to be forgotten.
        lost: How many pseudonyms of forgotten people no dump holds: under the new key nobody can know them any more.
    """

    summary: IngestSummary
    forgotten: int
    lost: int


def check_rotation(
    paths: Sequence[Path],
    restricted: Path,
    *,
    settings: IngestSettings = IngestSettings(),
    without_gone: bool = False,
) -> None:
    """Raise what `rotate` would refuse, and change nothing.

    Raises:
        InputError: As for `rotate`.
        RefusedError: As for `rotate`.
        ResourceError: As for `rotate`.
    """
    with locked(restricted) as root:
        _checked(paths, root, restricted, settings, without_gone)


def rotate(
    paths: Sequence[Path],
    restricted: Path,
    *,
    settings: IngestSettings = IngestSettings(),
    progress: Progress = SILENT,
    without_gone: bool = False,
) -> Rotated:
    """Replace the key by a new one, under which everybody has another pseudonym, and make the tables anew.

    Args:
        paths: Every dump the study reads.
        restricted: The study's folder for person-level data.
        settings: As for `ingest`; the new key lies where the former one lay.
        progress: Where long work reports to.
        without_gone: Leave out what the tables hold of dumps that are gone or were changed.

    Raises:
        InputError: Nothing was ingested yet, the key is lost, or a dump that the tables hold is not among `paths` any
            more, or was changed, and it is not to be left out.
        RefusedError: A dump came through standard input and cannot be read again, or people were forgotten under yet
            another key.
        ResourceError: An ingest of this study is running, or the key cannot be replaced.
    """
    with locked(restricted) as root:
        dumps = _checked(paths, root, restricted, settings, without_gone)
        place = settings.key_file or restricted / "key"
        _change(root, restricted, place)
        former, key = load_key(restricted, restricted / FORMER_KEY), load_key(restricted, place)
        known = _read_again(dumps, root, restricted, (former, key), settings, progress)
        drop_folders(root, staged_names(root) - {digest[:16] for _, digest in dumps})
        names = known.names(key)
        figures = Tables(restricted, names, declared(names, settings.bots), frozenset()).bring(settings, progress)
        _forget_links(root)
        _destroy(restricted / FORMER_KEY)
        return Rotated(IngestSummary(figures), known.asked, known.lost)


def _checked(
    paths: Sequence[Path], root: Path, restricted: Path, settings: IngestSettings, without_gone: bool
) -> _Dumps:
    """Return the dumps, each with its digest, if the study can be read again from them."""
    for path in paths:
        require_file(path)
    under_way = (restricted / FORMER_KEY).is_file()
    if not under_way and not any(staged_folders(root)):
        raise InputError(
            "Nothing has been ingested into this study, so no key is in use.", remedy="Run: copenet ingest STUDY PATH…"
        )
    key = load_key(restricted, restricted / FORMER_KEY if under_way else settings.key_file)
    if not under_way:
        require_key_of(read_forgotten(restricted), fingerprint(key))
    place = (settings.key_file or restricted / "key").resolve()
    if not os.access(place.parent, os.W_OK):
        raise ResourceError(
            f"The key {place} cannot be replaced.", remedy=f"Check the permissions of {place.parent}, or move the key."
        )
    dumps = digests([dump for path in sorted(set(paths)) for dump in members(path)])
    _require_all(root, restricted, {digest[:16] for _, digest in dumps}, settings, without_gone)
    return dumps


def _require_all(root: Path, restricted: Path, given: set[str], settings: IngestSettings, without_gone: bool) -> None:
    """Refuse to lose, unasked, what the tables hold of a dump that cannot be read again."""
    lost = {folder.name: cursor for folder, cursor in staged_folders(root) if folder.name not in given}
    if through := [name for name in lost if name in settings.kept]:
        raise RefusedError(
            f"{len(through)} dumps came through standard input and cannot be read again under another key.",
            remedy="Give the same content as files first: copenet ingest STUDY FILE…",
        )
    if without_gone:
        return
    left_out = last_note(restricted).get("left_out", ())
    wanted = {name: shown(cursor.file) for name, cursor in lost.items() if name not in left_out}
    back = "Bring them back to where they were."
    if not (restricted / FORMER_KEY).is_file():  # no ingest is possible while a change of key is under way
        back = "Bring them back, or say where they are now: copenet ingest STUDY PATH…"
    if gone := [file for name, file in wanted.items() if name in settings.gone]:
        raise InputError(
            f"{len(gone)} dumps are gone ({_some(gone)}). The tables keep what was read of them, but another key gives "
            "everybody other pseudonyms, for which every dump has to be read again.",
            remedy=back + _LEAVE_OUT,
        )
    if wanted:
        raise InputError(
            f"{len(wanted)} dumps are not as they were when the study read them, or are gone: "
            f"{_some(wanted.values())}.",
            remedy=back + _LEAVE_OUT,
        )


def _some(files: Iterable[str]) -> str:
    listed = sorted(files)
    return ", ".join((*listed[:5], "…") if len(listed) > 5 else listed)


def _change(root: Path, restricted: Path, place: Path) -> None:
    """Put the former key aside and a new one in its place, unless that was done already."""
    aside = restricted / FORMER_KEY
    if not aside.is_file():
        key = load_key(restricted, place)
        # What cursors alone remember goes with them when their dumps are read again.
        write_forgotten(restricted, everybody(root, read_forgotten(restricted), fingerprint(key)))
        write_text(aside, key.hex() + "\n", mode=PRIVATE_FILE)
    if load_key(restricted, place) == load_key(restricted, aside):
        write_text(place, secrets.token_hex(KEY_BYTES) + "\n", mode=PRIVATE_FILE)


def _read_again(
    dumps: _Dumps,
    root: Path,
    restricted: Path,
    keys: tuple[bytes, bytes],
    settings: IngestSettings,
    progress: Progress,
) -> Forgotten:
    """Read the dumps under the new key; commit and return the list under it."""
    (before, key), listed = keys, read_forgotten(restricted)
    mark = fingerprint(key)
    if listed.fits(mark):  # as it does from here on, whatever is killed
        former, base = None, replace(listed, key=mark)
    else:
        require_key_of(listed, fingerprint(before))
        former = Former(before, listed.people, listed.named)
        base = Forgotten(mark, messages=listed.messages, asked=listed.asked, lost=listed.lost)
    stage_all(dumps, root, everybody(root, base, mark).names(key, former), settings, progress)
    known = everybody(root, base, mark)
    if former is not None:
        met = frozenset().union(*(cursor.recognised for _, cursor in staged_folders(root) if cursor.key == mark))
        known = replace(known, lost=known.lost + len(former.people - met))
    write_forgotten(restricted, known)
    return known


def _forget_links(root: Path) -> None:
    """Take out of the cursors what is on the list by now, and what led there from the former one."""
    for folder, cursor in staged_folders(root):
        if cursor.recognised or cursor.met_people or cursor.met_names:
            write_cursor(folder, replace(cursor, recognised=(), met_people=(), met_names=()))


def _destroy(path: Path) -> None:
    """Overwrite a file and remove it."""
    with path.open("r+b") as stream:
        stream.write(b"\0" * path.stat().st_size)
        stream.flush()
        os.fsync(stream.fileno())
    path.unlink()
    sync_directory(path.parent)
