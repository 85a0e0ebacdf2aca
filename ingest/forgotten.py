"""Who is to stay out of a study, and which messages: the list.

`restricted/forgotten` holds pseudonyms, the mark of the key they were made with, and the ids of messages: those of these
people, and those that were deleted (`copenet deletions`). The ids are needed because a copy fetched after an account
was deleted names no author and may still hold the text. Writing the list is the moment from which a person is
forgotten: everything after it can be done again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from copenet.foundation.errors import InputError, RefusedError
from copenet.foundation.files import digest_of, read_json, write_json
from ingest.identities import close, messages_of, only_theirs
from ingest.pseudonyms import FORGOTTEN, Former, Pseudonyms, fingerprint, load_key
from ingest.staging import staged_folders


@dataclass(frozen=True)
class Forgotten:
    """The list at `restricted/forgotten`.

    Attributes:
        key: Fingerprint of the key behind `people` and `named`; empty while nobody is forgotten.
        people: Pseudonyms of ids and usernames.
        messages: Ids of messages of which no copy may come in.
        named: Pseudonyms of names that only these people showed: they stand in no text, but others may show them.
        asked: How many names were given; several of `people` can be one person.
        lost: How many of `people` could not be taken over when the key was changed: no dump held them.
    """

    key: str = ""
    people: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    asked: int = 0
    lost: int = 0

    def digest(self) -> str:
        """Return a digest of the list."""
        return digest_of([self.key, sorted(self.people), sorted(self.messages), sorted(self.named)])

    def fits(self, mark: str) -> bool:
        """Return whether names under the key with fingerprint `mark` can be compared with these."""
        return not self.people or self.key == mark

    def names(self, key: bytes, former: Former | None = None) -> Pseudonyms:
        """Return the pseudonyms under `key` without those on the list."""
        return Pseudonyms(key, self.people, self.messages, self.named, former)


def read_forgotten(restricted: Path) -> Forgotten:
    """Return the list of a study; an empty one where nobody was forgotten."""
    path = restricted / FORGOTTEN
    if not path.is_file():
        return Forgotten()
    document = read_json(path)
    if isinstance(document, list):  # a list that does not say under which key it was made fits none
        return Forgotten("", frozenset(document), asked=len(document))
    sets = {name: frozenset(document.get(name, ())) for name in ("people", "messages", "named")}
    asked, lost = document.get("asked", len(document["people"])), document.get("lost", 0)
    return Forgotten(document["key"], **sets, asked=asked, lost=lost)


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
            f"{forgotten.asked} people were forgotten under another key, and would come back under this one.",
            remedy="Bring the former key back (`copenet rotate` changes it and keeps them out), or forget all of them "
            "again by name, in one call: copenet forget STUDY NAME…",
        )


def require_all_named(forgotten: Forgotten, asked: int) -> None:
    """Refuse to replace a list made under another key by a shorter one.

    Raises:
        RefusedError: Fewer people are named than were forgotten.
    """
    if asked < forgotten.asked:
        raise RefusedError(
            f"{forgotten.asked} people were forgotten under another key, but {asked} are named.",
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


def everybody(root: Path, listed: Forgotten, mark: str) -> Forgotten:
    """Return the list with what was met while dumps were read: further names of its people, and their messages.

    Args:
        listed: Under the key with fingerprint `mark`.
    """
    cursors = [cursor for _, cursor in staged_folders(root)]
    messages = listed.messages.union(*(cursor.withheld_ids for cursor in cursors))
    people = listed.people.union(*(cursor.met_people for cursor in cursors if cursor.key == mark))
    known = close(root, people)
    met = frozenset().union(*(cursor.met_names for cursor in cursors if cursor.key == mark))
    named = listed.named | known.named | only_theirs(root, met, known.people)
    return replace(
        listed, people=known.people, messages=messages | messages_of(root, known.people, messages), named=named
    )
