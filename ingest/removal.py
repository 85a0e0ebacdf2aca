"""People and messages out of a study: who is meant, what it comes to, and doing it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.progress import SILENT
from copenet.foundation.tables import read_table
from ingest.forgotten import (
    Forgotten,
    everybody,
    read_forgotten,
    require_all_named,
    require_key_of,
    write_forgotten,
)
from ingest.formats import by_name, platforms, username
from ingest.identities import accounts_of, close, held, platforms_in, shown_by, used
from ingest.plain_names import shown_form
from ingest.pseudonyms import fingerprint, load_key, pseudonym
from ingest.purge import drop_folders
from ingest.records import SourceFormat
from ingest.schema import MESSAGES
from ingest.settings import IngestSettings
from ingest.staging import foreign_folders, staged_folders, staged_names
from ingest.study_tables import Tables, declared, last_note, locked, require_no_rotation, require_one_key

_NO_NAME = re.compile(r"[@/:\uff20]")


class Leaving(NamedTuple):
    """What forgetting some people comes to.

    Attributes:
        accounts: How many authors of the study are meant.
        namesakes: How many other authors only show a name that was given: another person's, as far as can be told.
    """

    accounts: int
    namesakes: int


class Taken(NamedTuple):
    """What taking messages out comes to.

    Attributes:
        messages: How many of them the study's dumps hold.
        unknown: How many entries of the list name none, and were not on the list before: they are remembered.
    """

    messages: int
    unknown: int


@dataclass(frozen=True)
class _Plan:
    """What is known before anything is changed: the key, the list to be, and the folders that cannot be used."""

    key: bytes
    forgotten: Forgotten
    unusable: frozenset[str]
    left_out: frozenset[str]


class _Typed(NamedTuple):
    """What one name that was given may be.

    Attributes:
        names: Raw usernames and ids.
        shown: As a name shown; None where it is written as an id, a username or an address.
        refused: Why it is no username, where some format says so.
    """

    names: frozenset[str]
    shown: str | None
    refused: UsageError | None


class _Meant(NamedTuple):
    """Whom the names given mean: pseudonyms, for each name; and of others who only show one."""

    each: tuple[frozenset[str], ...]
    namesakes: frozenset[str]


def platform_of(restricted: Path, given: str | None) -> str:
    """Return the platform that is meant: the one given, else the only one of the study.

    Raises:
        UsageError: The study holds several and none is given, or nobody knows the one given.
        InputError: Nothing was ingested yet.
    """
    root = restricted / "ingest"
    here = study_platforms(restricted)
    if given is None and len(here) == 1:
        return here[0]
    listed = ", ".join(here)
    if given is None:
        _require_something(root)
        raise UsageError(
            f"The study holds several platforms: {listed}." if here else "No dump of the study tells its platform.",
            remedy=f"Say which is meant: --platform {here[0] if here else 'reddit'}",
        )
    known = sorted({*here, *platforms()})
    if given not in known:
        near = get_close_matches(given.lower(), known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"There is no platform {given!r} here.",
            remedy=f"{hint}The study holds {listed or 'none'}; known are {', '.join(platforms())}.",
        )
    return given


def study_platforms(restricted: Path) -> tuple[str, ...]:
    """Return the platforms of which a study read dumps, in order."""
    root = restricted / "ingest"
    formats = {one.platform for one in study_formats(root) if one.platform}
    return tuple(sorted(platforms_in(root) | formats))


def study_formats(root: Path) -> list[SourceFormat]:
    """Return the formats of the dumps that were read, each once."""
    return [by_name(name) for name in sorted({cursor.format for _, cursor in staged_folders(root)})]


def check_forget(restricted: Path, platform: str, raw_names: Sequence[str], *, key_file: Path | None = None) -> Leaving:
    """Return what `forget` would come to, or raise what it would refuse, and change nothing.

    Raises:
        UsageError: Something given is no username, or several people show it and nobody has it as a username.
        InputError: As for `forget`.
        RefusedError: As for `forget`.
        ResourceError: As for `forget`.
    """
    with locked(restricted) as root:
        _, meant = _leaving(root, restricted, platform, raw_names, key_file)
        people = close(root, frozenset().union(*meant.each)).people
        return Leaving(len(accounts_of(root, people)), len(meant.namesakes))


def forget(restricted: Path, platform: str, raw_names: Sequence[str], *, key_file: Path | None = None) -> int:
    """Remove people: their messages in every copy, their texts, and mentions of them; they stay out ever after.

    Replies to them stay as messages whose parent is missing and whose target is unknown. After a change of key by hand,
    what was read under the former one is removed: nobody can be found in it any more, and the dumps are to be read
    anew. A kill in the middle leaves tables that `read_messages` refuses to read and the next ingest or forget makes
    anew.

    Args:
        platform: Where they are known under `raw_names`.
        raw_names: Usernames or ids, however they are written there (`u/Name`, `@Name`, the address of a profile), or
            names shown there that belong to one person alone.
        key_file: The key, where it is not `restricted/key`.

    Returns:
        How many messages were removed from the tables; 0 where nobody of these names wrote any.

    Raises:
        UsageError: Something given is no username, or several people show it and nobody has it as a username.
        InputError: Nothing was ingested yet, or the key is lost or not the one used before.
        RefusedError: Others were forgotten under another key, and not all of them are named.
        ResourceError: An ingest of this study is running.
    """
    with locked(restricted) as root:
        plan, _ = _leaving(root, restricted, platform, raw_names, key_file)
        return _carry_out(root, restricted, plan)


def check_withhold(restricted: Path, messages: Iterable[tuple[str, ...]], *, key_file: Path | None = None) -> Taken:
    """Return what `withhold` would come to, or raise what it would refuse, and change nothing.

    Raises:
        InputError: As for `withhold`.
        RefusedError: As for `withhold`.
        ResourceError: As for `withhold`.
    """
    with locked(restricted) as root:
        entries, before = list(messages), read_forgotten(restricted).messages
        given = frozenset().union(*entries)
        _withholding(root, restricted, given, key_file)
        here = held(root, given)
        unknown = sum(here.ids.isdisjoint(one) and before.isdisjoint(one) for one in entries)
        return Taken(len(here.messages), unknown)


def withhold(restricted: Path, messages: Set[str], *, key_file: Path | None = None) -> int:
    """Remove messages in every copy and every version; they stay out ever after, also those that no dump holds yet.

    Args:
        messages: Ids (`platform:native`), or ids of versions where the platform gives each its own.
        key_file: The key, where it is not `restricted/key`.

    Returns:
        How many messages were removed from the tables.

    Raises:
        InputError: Nothing was ingested yet, or the key is lost or not the one used before.
        RefusedError: People were forgotten under another key.
        ResourceError: An ingest of this study is running.
    """
    with locked(restricted) as root:
        return _carry_out(root, restricted, _withholding(root, restricted, messages, key_file))


def withheld_ids(restricted: Path) -> frozenset[str]:
    """Return the ids of all messages that are known to have to stay out."""
    met = (cursor.withheld_ids for _, cursor in staged_folders(restricted / "ingest"))
    return read_forgotten(restricted).messages.union(*met)


def _require_something(root: Path) -> None:
    if not any(staged_folders(root)):
        raise InputError("Nothing has been ingested into this study.", remedy="Run: copenet ingest STUDY PATH…")


def _leaving(
    root: Path, restricted: Path, platform: str, raw_names: Sequence[str], key_file: Path | None
) -> tuple[_Plan, _Meant]:
    require_no_rotation(restricted)
    _require_something(root)
    typed = _typed(root, platform, raw_names)  # what is no name should be said before a lost key is
    key = load_key(restricted, key_file)
    mark, left_out, listed = fingerprint(key), _left_out(restricted), read_forgotten(restricted)
    if listed.fits(mark):
        require_one_key(root, mark, left_out)
    meant = _meant(root, key, platform, typed)
    gone = frozenset().union(*meant.each)
    if listed.fits(mark):
        asked = listed.asked + sum(one.isdisjoint(listed.people) for one in set(meant.each))
        forgotten = replace(listed, key=mark, people=listed.people | gone, asked=asked)
    else:
        asked = len(set(meant.each))
        require_all_named(listed, asked)
        forgotten = Forgotten(mark, gone, listed.messages, asked=asked)
    return _Plan(key, everybody(root, forgotten, mark), _unusable(root, mark), left_out), meant


def _withholding(root: Path, restricted: Path, messages: Set[str], key_file: Path | None) -> _Plan:
    require_no_rotation(restricted)
    _require_something(root)
    key = load_key(restricted, key_file)
    mark, left_out, listed = fingerprint(key), _left_out(restricted), read_forgotten(restricted)
    require_key_of(listed, mark)
    require_one_key(root, mark, left_out)
    forgotten = everybody(root, replace(listed, key=mark, messages=listed.messages | messages), mark)
    return _Plan(key, forgotten, _unusable(root, mark), left_out)


def _carry_out(root: Path, restricted: Path, plan: _Plan) -> int:
    write_forgotten(restricted, plan.forgotten)
    removed = _count(restricted, plan.forgotten)
    drop_folders(root, plan.unusable)
    names = plan.forgotten.names(plan.key)
    bots = last_note(restricted).get("bots", declared(names, ()))
    Tables(restricted, names, bots, plan.left_out).bring(IngestSettings(), SILENT)
    return removed


def _typed(root: Path, platform: str, raw_names: Sequence[str]) -> list[_Typed]:
    formats = [one for one in study_formats(root) if one.platform == platform]
    return [_one_typed(platform, raw, formats) for raw in raw_names]


def _one_typed(platform: str, raw: str, formats: Sequence[SourceFormat]) -> _Typed:
    """Return what a name may be: each format of the study knows how its dumps write it."""
    names: set[str] = set()
    refused: UsageError | None = None
    readers: list[Callable[[str], str]] = [*(one.username for one in formats), partial(username, platform)]
    for read in readers:
        try:
            names.add(read(raw))
        except UsageError as error:
            refused = error
    return _Typed(frozenset(names - {""}), None if _NO_NAME.search(raw) else shown_form(raw), refused)


def _meant(root: Path, key: bytes, platform: str, typed: Iterable[_Typed]) -> _Meant:
    each, namesakes = [], set[str]()
    for one in typed:
        own = frozenset(pseudonym(key, platform, name) for name in one.names)
        shown = shown_by(root, pseudonym(key, platform, one.shown)) if one.shown else frozenset()
        if own and (known := used(root, own)):
            each.append(own)
            namesakes |= shown - close(root, known).people
        elif len(shown) == 1:
            each.append(shown)
        elif shown:
            raise UsageError(
                f"{len(shown)} people of this study show one of the names given, and nobody has it as a username.",
                remedy="Say who is meant: give the username, the id or the address of the profile.",
            )
        elif one.refused is not None and not own:
            raise one.refused
        else:
            each.append(own)
    return _Meant(tuple(each), frozenset(namesakes))


def _left_out(restricted: Path) -> frozenset[str]:
    return frozenset(last_note(restricted).get("left_out", ()))


def _unusable(root: Path, mark: str) -> frozenset[str]:
    """Return the folders in which nobody can be found: of another key, of another version, or never committed."""
    return (staged_names(root) - {folder.name for folder, _ in staged_folders(root)}) | foreign_folders(root, mark)


def _count(restricted: Path, forgotten: Forgotten) -> int:
    """Return how many messages of the tables are to leave."""
    if not (restricted / "messages").is_dir():
        return 0
    table = read_table(restricted / "messages", MESSAGES, ["message_id", "author_id"])
    theirs = pc.or_kleene(
        pc.is_in(table.column("author_id"), value_set=pa.array(sorted(forgotten.people), pa.string())),
        pc.is_in(table.column("message_id"), value_set=pa.array(sorted(forgotten.messages), pa.string())),
    )
    return int(pc.sum(theirs).as_py() or 0)
