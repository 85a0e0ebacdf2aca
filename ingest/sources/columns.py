"""Any table or JSONL, through a mapping of roles to columns that the user gives.

Quirks handled: ids that pandas turned into "12.0"; empty cells that R writes as NA and Python as None or nan; dotted
names of columns against dotted paths into objects; ids and handles in one column; a table that names only whom a
message answers. Where `platform` is one that copenet knows, ids and authors take its form, so that the table joins.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.records import Draft, Record, Reject, SourceFormat
from ingest.sources import mastodon
from ingest.sources.shared import full_name, message_key, named, said
from ingest.values import count, identifier, language, string, when

ROLES = (
    *("id", "author", "parent", "parent_author", "thread", "time", "text", "forum"),
    *("handle", "display_name", "kind", "score", "language", "edited", "retrieved", "bot"),
)
_USUAL_WORDS = {  # for other roles than the spelling would suggest
    "reply_to": "parent",
    "in_reply_to": "parent",
    "parent_id": "parent",
    "user": "author",
    "author_id": "author",
    "username": "handle",
    "name": "display_name",
    "date": "time",
    "timestamp": "time",
    "created_at": "time",
    "body": "text",
    "message": "text",
    "content": "text",
    "conversation": "thread",
    "conversation_id": "thread",
    "subreddit": "forum",
    "channel": "forum",
}
_PLATFORM = re.compile(r"[a-z]{1,16}")
_NOTHING = frozenset({"nan", "NaN", "None", "null", "NULL", "NA", "N/A", "<NA>", "NaT"})
_WHOLE = re.compile(r"(-?\d{1,15})\.0")
_EXACT = 10**15
_YES = frozenset({"yes", "true", "1", "1.0", "bot", "t", "y"})
_CASELESS = frozenset({"mastodon", "bluesky"})  # their formats write names in lower case
_KINDS = {
    **dict.fromkeys(("post", "submission", "question", "tweet", "status", "video"), "post"),
    **dict.fromkeys(("comment", "reply", "answer", "replied_to"), "comment"),
    **dict.fromkeys(("repost", "retweet", "retweeted", "boost", "reblog", "share"), "repost"),
}
_STABLE_ID = {
    **dict.fromkeys(("x", "facebook", "stackexchange"), re.compile(r"-?\d{1,25}")),
    "telegram": re.compile(r"(?:user|channel|chat)?\d{1,20}"),
    "youtube": re.compile(r"UC[\w\-]{22}"),
}


def format_of(columns: Mapping[str, str], platform: str = "table") -> SourceFormat:
    """Return the format of a user's own table.

    Args:
        columns: Role to name of the column, or dotted path into nested objects ("user.id"). `id` is needed, and one of
            `text` and `author`; the roles are those of `ROLES`.
        platform: One lower-case word. Give a platform's own word ("x", "reddit") where the ids are that platform's,
            and the table joins its other dumps; else keep the default, or use a word per table.

    Raises:
        UsageError: A role is unknown or missing, a column has no name, or the platform is no such word.
    """
    _check(columns, platform)
    reader = _Reader(columns, platform)
    return SourceFormat(
        name="columns",
        title="table with the columns given",
        platform=platform,
        recognises=reader.recognises,
        drafts=reader.drafts,
        username=reader.username,
        mention=reader.mention,
        listed=reader.listed,
    )


def _check(columns: Mapping[str, str], platform: str) -> None:
    if not isinstance(platform, str) or not _PLATFORM.fullmatch(platform):
        raise UsageError(
            "The platform of a table is one word of 1 to 16 lower-case letters.",
            remedy='Write for example platform = "x" to join dumps of X, or platform = "table".',
        )
    for role, column in columns.items():
        if role not in ROLES:
            raise UsageError(
                f"A table has no role {role!r}.",
                remedy=f"Did you mean {_nearest(role)}? The roles are {', '.join(ROLES)}.",
            )
        if not isinstance(column, str) or not column.strip():
            raise UsageError(
                f"The role {role} has no column.", remedy=f'Name the column: {role} = "its name in the file".'
            )
    if "id" not in columns or not ("text" in columns or "author" in columns):
        raise UsageError(
            "A table needs a column for id, and one for text or author.",
            remedy='Name them, for example id = "tweet_id", author = "user.id", text = "full_text".',
        )


def _nearest(role: object) -> str:
    word = str(role).lower()
    return _USUAL_WORDS.get(word) or difflib.get_close_matches(word, ROLES, n=1, cutoff=0.0)[0]


class _Reader:
    """Reads records through one mapping."""

    def __init__(self, columns: Mapping[str, str], platform: str) -> None:
        self._columns = dict(columns)
        self._platform = platform
        self._find = {role: _finder(column) for role, column in columns.items()}
        self._stable = _STABLE_ID.get(platform)

    def recognises(self, record: Record) -> bool:
        """Return whether a record has an id in the column given, and any of what else was mapped."""
        if self._named(record, "id") is None:
            return False
        return any(find(record) is not None for role, find in self._find.items() if role in ("text", "author"))

    def drafts(self, record: Record) -> Iterator[Draft | Reject]:
        """Yield the message of a record."""
        own, thread, parent = (self._message(record, role) for role in ("id", "thread", "parent"))
        if own is None:
            yield Reject(f"no id in the column {self._columns['id']!r}")
            return
        if self._platform == "reddit":
            placed = _of_reddit(own, thread, parent, self._kind(record))
            if placed is None:
                yield Reject(f"an id that Reddit does not use in the column {self._columns['id']!r}")
                return
            own, thread, parent = placed
        yield self._draft(record, own, thread, None if parent == own else parent)

    def username(self, typed: str) -> str:
        """Return the raw name of a person as the table's column has it.

        Raises:
            UsageError: Nothing was typed.
        """
        name = self._person(typed)[0]
        if name is None:
            raise UsageError(
                "One of the names given is empty, or marks a deleted author.",
                remedy="Give what stands in the column of authors, or of handles.",
            )
        return name

    def listed(self, typed: str) -> str | None:
        """Return the id of a message as the table's column has it; Reddit's own format knows its ids."""
        return None if self._platform == "reddit" else self._native(_name(typed))

    def mention(self, raw: str) -> str:
        """Return the raw name behind a handle in a text."""
        return raw.lower() if self._platform in _CASELESS else raw

    def _draft(self, record: Record, own: str, thread: str | None, parent: str | None) -> Draft:
        author, author_status = self._person(self._value(record, "author"))
        handle = self._username(self._value(record, "handle"))[0]
        if author is None and handle is not None:
            author, author_status, handle = handle, "known", None
        answered = self._person(self._value(record, "parent_author"))[0]
        kind = self._kind(record)
        if kind is None:
            elsewhere = thread is not None and thread != own
            of_reddit = self._platform == "reddit" and own.startswith("t1_")
            kind = "comment" if parent or answered or elsewhere or of_reddit else "post"
        text, text_status = said(self._value(record, "text"))
        forum = self._named(record, "forum")
        draft = Draft(
            platform=self._platform,
            message_id=own,
            kind=kind,
            thread=thread,
            parent=parent,
            author=author,
            author_status=author_status,
            handle=handle,
            display_name=string(self._value(record, "display_name")),
            parent_author=answered,
            forum=forum,
            forum_owner=_owner(forum, self._platform),
            created_at=when(self._value(record, "time")),
            edited_at=when(self._value(record, "edited")),
            retrieved_at=when(self._value(record, "retrieved")),
            text=text,
            text_status=text_status,
            language=language(self._value(record, "language")),
            score=count(self._value(record, "score")),
            bot="the table says so" if author and self._says_yes(record, "bot") else None,
        )
        return draft if kind != "repost" else _without_reply(draft)

    def _value(self, record: Record, role: str) -> Any:
        find = self._find.get(role)
        return find(record) if find else None

    def _named(self, record: Record, role: str) -> str | None:
        return _name(self._value(record, role))

    def _message(self, record: Record, role: str) -> str | None:
        return self._native(self._named(record, role))

    def _native(self, found: str | None) -> str | None:
        if found and self._platform == "mastodon" and ("://" in found or found.startswith("tag:")):
            return mastodon.id_of(found)
        return message_key(found)

    def _person(self, value: Any) -> tuple[str | None, str]:
        """Return an author and the author's status, where an id says that it is one."""
        name, status = self._username(value)
        if name is None or self._stable is None or not self._stable.fullmatch(name):
            return name, status
        kind = "user" if self._platform == "telegram" and name.isdigit() else ""
        return f"id:{kind}{name}", status

    def _username(self, value: Any) -> tuple[str | None, str]:
        name, status = named(_name(value))
        if name is None:
            return None, status
        name = name.removeprefix("@") or name
        caseless = self._platform in _CASELESS and not name.startswith("did:")
        return (name.lower() if caseless else name), status

    def _kind(self, record: Record) -> str | None:
        value = string(self._value(record, "kind"))
        return _KINDS.get(value.lower()) if value else None

    def _says_yes(self, record: Record, role: str) -> bool:
        value = self._value(record, role)
        if isinstance(value, bool | int | float):
            return bool(value)
        return (string(value) or "").lower() in _YES


def _finder(column: str) -> Callable[[Record], Any]:
    """Return what looks a column up: by its whole name first, since tables have dots in the names of columns, too."""
    path = column.split(".")

    def whole_or_inner(record: Record) -> Any:
        if column in record:
            return record[column]
        value: Any = record
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return whole_or_inner if len(path) > 1 else lambda record: record.get(column)


def _name(value: Any) -> str | None:
    """Return an id or a name as text, and None for the ways tables write nothing.

    >>> _name("12.0"), _name(12.0), _name("NA"), _name(1.5)
    ('12', '12', None, None)
    """
    if isinstance(value, float):
        return str(int(value)) if abs(value) < _EXACT and value.is_integer() else None
    found = identifier(value)
    if found is None or found in _NOTHING:
        return None
    whole = _WHOLE.fullmatch(found)
    return whole[1] if whole else found


def _of_reddit(
    own: str, thread: str | None, parent: str | None, kind: str | None
) -> tuple[str, str | None, str | None] | None:
    """Return Reddit's full names; a bare id is a comment's where the record has a parent or is in another's thread."""
    elsewhere = parent is not None or (thread is not None and _bare(thread) != _bare(own))
    comment = elsewhere if kind is None else kind == "comment"
    found = full_name(own, "t1_" if comment else "t3_")
    if found is None:
        return None
    if found.startswith("t3_"):
        return found, found, None
    root = full_name(thread, "t3_")
    to_root = parent is not None and root is not None and _bare(parent) == _bare(root)
    above = full_name(parent, "t3_" if to_root else "t1_")
    return found, root, above or root


def _bare(name: str) -> str:
    return name.lower().removeprefix("t3_").removeprefix("t1_")


def _owner(forum: str | None, platform: str) -> str | None:
    page = platform == "reddit" and forum is not None and forum[:2].lower() == "u_"
    return forum[2:] or None if forum and page else None


def _without_reply(draft: Draft) -> Draft:
    return draft._replace(thread=None, parent=None, parent_author=None, text=None, text_status="empty")


FORMATS: tuple[SourceFormat, ...] = ()  # a table is read only through a mapping: see `format_of`
