"""Who goes by which names, as far as the staged parts tell: ids, usernames, and names shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from copenet.foundation.tables import read_table
from ingest.rows import STAGED
from ingest.staging import staged_folders

_OWN = ("author_id", "handle_id")
_SHOWN = ("display_id", "short_id")


class Known(NamedTuple):
    """People and their names.

    Attributes:
        people: Pseudonyms of ids and usernames.
        named: Pseudonyms of names shown that belong to nobody else.
    """

    people: frozenset[str]
    named: frozenset[str]


class Held(NamedTuple):
    """What the staged parts hold of some ids.

    Attributes:
        ids: Those found.
        messages: Ids of the messages that they are, or are versions of.
    """

    ids: frozenset[str]
    messages: frozenset[str]


def close(root: Path, people: Iterable[str]) -> Known:
    """Return `people` with every account that used one of these usernames, and with all names of these accounts.

    A username that others used, too, leads no further: they are not meant.
    """
    gone = set(people)
    if not gone:
        return Known(frozenset(), frozenset())
    gone |= _values(root, "author_id", where=("handle_id",), among=gone)
    names = {name: _values(root, name, where=("author_id",), among=gone) for name in ("handle_id", *_SHOWN)}
    gone |= names["handle_id"] - _used_by_others(root, ("handle_id",), names["handle_id"], gone) - gone
    shown = set().union(*(names[name] for name in _SHOWN))
    return Known(frozenset(gone), only_theirs(root, shown, gone))


def only_theirs(root: Path, names: Set[str], people: Set[str]) -> frozenset[str]:
    """Return those of `names` that nobody but `people` shows, or has as an id or a username."""
    names = frozenset(names) - people
    if not names:
        return names
    return names - _used_by_others(root, (*_OWN, *_SHOWN), names, people)


def used(root: Path, names: Set[str]) -> frozenset[str]:
    """Return those of `names` that are somebody's id or username."""
    return frozenset().union(*(_values(root, name, where=(name,), among=names) for name in _OWN))


def accounts_of(root: Path, people: Set[str]) -> frozenset[str]:
    """Return those of `people` who wrote something."""
    return frozenset(_values(root, "author_id", where=("author_id",), among=people))


def shown_by(root: Path, name: str) -> frozenset[str]:
    """Return the authors beside whose messages a name was shown."""
    return frozenset(_values(root, "author_id", where=_SHOWN, among={name}))


def messages_of(root: Path, people: Set[str], messages: Set[str] = frozenset()) -> frozenset[str]:
    """Return the ids of all messages by `people`, and of those of which `messages` names a version."""
    return frozenset(
        _values(root, "message_id", where=("author_id",), among=people)
        | _values(root, "message_id", where=("version_id",), among=messages)
    )


def held(root: Path, ids: Set[str]) -> Held:
    """Return what the staged parts hold of messages and versions with these ids."""
    messages = _values(root, "message_id", where=("message_id",), among=ids)
    versions = _values(root, "version_id", where=("version_id",), among=ids)
    return Held(frozenset(messages | versions), messages_of(root, frozenset(), versions) | messages)


def platforms_in(root: Path) -> frozenset[str]:
    """Return the platforms that messages are from."""
    found: set[str] = set()
    for table in _tables(root, ["platform"]):
        found.update(table.column("platform").unique().to_pylist())
    return frozenset(found)


def _used_by_others(root: Path, columns: Sequence[str], names: Set[str], people: Set[str]) -> frozenset[str]:
    """Return those of `names` that stand in one of some columns beside an author who is none of `people`."""
    if not names:
        return frozenset()
    wanted, ours = array_of(names), array_of(people)
    found: set[str] = set()
    for table in _tables(root, [*dict.fromkeys(("author_id", *columns))]):
        author = table.column("author_id")
        others = table.filter(pc.and_(pc.is_valid(author), pc.invert(pc.is_in(author, value_set=ours))))
        for name in columns:
            column = others.column(name)
            found.update(column.filter(pc.is_in(column, value_set=wanted)).unique().to_pylist())
    return frozenset(found)


def _values(root: Path, column: str, *, where: Sequence[str], among: Set[str]) -> set[str]:
    """Return what stands in a column wherever one of the columns `where` holds one of `among`."""
    if not among:
        return set()
    wanted = array_of(among)
    found: set[str] = set()
    for table in _tables(root, [*dict.fromkeys((column, *where))]):
        for name in where:
            here = table.column(column).filter(pc.is_in(table.column(name), value_set=wanted))
            found.update(value for value in here.unique().to_pylist() if value is not None)
    return found


def _tables(root: Path, columns: list[str]) -> Iterator[pa.Table]:
    for folder, cursor in staged_folders(root):
        for part in cursor.message_parts(folder):
            yield read_table(part, STAGED, columns)


def array_of(values: Iterable[str]) -> pa.Array:
    """Return texts as an array, in order."""
    return pa.array(sorted(values), pa.string())
