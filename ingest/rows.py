"""Drafts to tables without a raw name: pseudonyms for people, scrubbed texts, digests that decide between copies.

A block of messages is handled column by column: a row at a time took more than twice as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from copenet.foundation.tables import TIMESTAMP
from ingest.plain_names import shown_form
from ingest.pseudonyms import Pseudonyms
from ingest.records import Draft
from ingest.scrub import FORGOTTEN_NAME, Scrubber, suspects, worded
from ingest.values import language

UNLIKE = frozenset({"message_id", "parent_id", "source", "text", "text_digest"})  # columns without equal values
MAX_TEXT = 100_000  # characters; the longest post any platform allows has 65,000
_BLANK = re.compile(r"\s+")
_BEFORE_SERVER = {"mastodon": "@", "bluesky": "."}  # what parts a username from the server it is of
PSEUDONYM = re.compile(r"[a-z]{1,16}:u_[0-9a-f]{16}")

STAGED = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("thread_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("author_id", pa.string()),
        pa.field("author_status", pa.string(), nullable=False),
        pa.field(
            "handle_id", pa.string()
        ),  # pseudonym of the author's username, where `author_id` is of something else
        pa.field("display_id", pa.string()),  # pseudonym of the name shown beside the message
        pa.field("short_id", pa.string()),  # pseudonym of the username without the server it is of
        pa.field("target_id", pa.string()),  # pseudonym of whom the source says is answered
        pa.field("forum", pa.string()),
        pa.field("created_at", TIMESTAMP),
        pa.field("edited_at", TIMESTAMP),
        pa.field("retrieved_at", TIMESTAMP),
        pa.field("text_status", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("score", pa.int64()),
        pa.field("bot_reason", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("declared_replies", pa.int64()),  # what the source says the thread holds
        pa.field("text_digest", pa.string()),  # equal for equal texts: finds repeated ones
        pa.field("content", pa.string()),  # of a text with names the digest without them: the same under every key
        pa.field("names_replaced", pa.int64(), nullable=False),
        pa.field("text_cut", pa.bool_(), nullable=False),
        pa.field(
            "version_id", pa.string()
        ),  # where each version of a message has its own id, and this is not the first
    ]
)
STAGED_TEXTS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)

Column = Sequence[str | None]
Columns = dict[str, Sequence[Any]]  # by field of `Draft`


@dataclass(frozen=True)
class Withheld:
    """A message that is to stay out.

    Attributes:
        message_id: Its id.
        people: Pseudonyms of its author's id and username, where it is withheld for the author's sake.
        named: Of the names shown beside it then.
    """

    message_id: str
    people: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()


class Tables(NamedTuple):
    """Messages and texts of schemas `STAGED` and `STAGED_TEXTS`, and which messages are to stay out."""

    messages: pa.Table
    texts: pa.Table
    withheld: tuple[Withheld, ...]


class _People(NamedTuple):
    """Pseudonyms (n) of authors, of their usernames, of the names shown, of usernames without their server."""

    author: Column
    handle: Column
    shown: Column
    short: Column


class RowMaker:
    """Turns drafts into rows.

    Args:
        names: Pseudonyms, and who and what is to stay out.
        mention: Returns the raw name behind a handle as texts write it.
    """

    def __init__(self, names: Pseudonyms, mention: Callable[[str], str]) -> None:
        self._names, self._mention = names, mention
        self._scrubbers: dict[str, Scrubber] = {}

    def make(self, drafts: Sequence[Draft], sources: Sequence[str]) -> Tables:
        """Return the tables of n drafts, each with the place it stands at (see `source` of `STAGED`)."""
        given = columns(drafts)
        people = self._people(given)
        withheld = self._withheld(drafts, people)
        if any(withheld):
            kept = [found is None for found in withheld]
            given, people = columns(list(compress(drafts, kept))), _People(*(list(compress(c, kept)) for c in people))
            sources = list(compress(sources, kept))
        messages, texts = self._tables(given, sources, people)
        return Tables(messages, texts, tuple(filter(None, withheld)))

    def _people(self, given: Columns) -> _People:
        name = [h or a for h, a in zip(given["handle"], given["author"], strict=True)]
        shown = [_shown(d, n) for d, n in zip(given["display_name"], name, strict=True)]
        short = [_short(p, n) for p, n in zip(given["platform"], name, strict=True)]
        return _People(*(self._of(given["platform"], raw) for raw in (given["author"], given["handle"], shown, short)))

    def _of(self, platforms: Sequence[str], raw: Column) -> Column:
        if not any(raw):
            return [None] * len(raw)
        of = self._names.of
        return [of(p, name) if name else None for p, name in zip(platforms, raw, strict=True)]

    def _withheld(self, drafts: Sequence[Draft], people: _People) -> list[Withheld | None]:
        """Return which messages stay out, None for the others. By now every name of theirs was met."""
        if not self._names.forgotten and not self._names.withheld:
            return [None] * len(drafts)
        rows = zip(drafts, *people, strict=True)
        return [self._reason(draft, (author, handle), shown) for draft, author, handle, *shown in rows]

    def _reason(self, draft: Draft, people: Sequence[str | None], shown: Sequence[str | None]) -> Withheld | None:
        names, message = self._names, f"{draft.platform}:{draft.message_id}"
        if not names.forgotten.isdisjoint(people):
            return Withheld(message, _known(people), _known(shown))
        version = None if draft.version is None else f"{draft.platform}:{draft.version}"
        return Withheld(message) if message in names.withheld or version in names.withheld else None

    def _tables(self, given: Columns, sources: Sequence[str], people: _People) -> tuple[pa.Table, pa.Table]:
        platform = given["platform"]
        target, owner = self._of(platform, given["parent_author"]), self._of(platform, given["forum_owner"])
        texts, replaced = self._scrubbed(platform, given["text"])
        values = {
            **given,
            "message_id": _ids(platform, given["message_id"]),
            "thread_id": _ids(platform, given["thread"]),
            "parent_id": _ids(platform, given["parent"]),
            "author_id": people.author,
            "handle_id": people.handle,
            "display_id": self._visible(people.shown),
            "short_id": self._visible(people.short),
            "target_id": self._visible(target),
            "forum": self._forums(given, owner),
            "language": _languages(given["language"]),
            "bot_reason": given["bot"],
            "source": sources,
            "text_status": [
                "empty" if said == "present" and not text else said
                for said, text in zip(given["text_status"], texts, strict=True)
            ],
            "text_digest": [digest(text) if text else None for text in texts],
            "content": [content(text) if text else None for text in texts],
            "names_replaced": replaced,
            "text_cut": [bool(text) and len(text) > MAX_TEXT for text in given["text"]],
            "version_id": _ids(platform, given["version"]),
        }
        messages = table_of(values, STAGED)
        worded = messages.column("text_digest").is_valid()
        ids = messages.select(["message_id", "source"]).filter(worded)
        return messages, ids.append_column(STAGED_TEXTS.field("text"), pa.array(list(filter(None, texts)), pa.string()))

    def _scrubbed(self, platforms: Sequence[str], raw: Column) -> tuple[list[str | None], list[int]]:
        """Return the texts without names, None where nothing is left, and how many names were replaced in each."""
        texts = [_within_bounds(text) if text else None for text in raw]
        replaced = [0] * len(texts)
        for i in suspects(pa.array(texts, pa.string())):
            scrubber = self._scrubber(platforms[i])
            before = scrubber.names_replaced
            texts[i] = worded(scrubber.scrub(texts[i] or ""))
            replaced[i] = scrubber.names_replaced - before
        return texts, replaced

    def _scrubber(self, platform: str) -> Scrubber:
        found = self._scrubbers.get(platform)
        if found is None:
            found = Scrubber(lambda raw: self._in_text(platform, raw), platform=platform)
            self._scrubbers[platform] = found
        return found

    def _in_text(self, platform: str, raw: str) -> str:
        name = self._names.of(platform, self._mention(raw))
        return FORGOTTEN_NAME if name in self._names.hidden else name

    def _visible(self, names: Column) -> Column:
        hidden = self._names.hidden
        return [None if name in hidden else name for name in names] if hidden else names

    def _forums(self, given: Columns, owner: Column) -> Column:
        """Return the forums; where one is a person's own page, that person's pseudonym."""
        if not any(owner):
            return given["forum"]
        theirs = zip(given["forum_owner"], given["forum"], self._visible(owner), strict=True)
        return [forum if person is None else found for person, forum, found in theirs]


def columns(drafts: Sequence[Draft]) -> Columns:
    """Return the values (n) of each field of n drafts."""
    every, width = list(chain.from_iterable(drafts)), len(Draft._fields)
    return {field: every[place::width] for place, field in enumerate(Draft._fields)}


def _shown(display: str | None, name: str | None) -> str | None:
    """Return what others call an author, if that is not the username: several people may be called so."""
    if display is None and name is not None and (" " in name or not name.isascii()):
        display = name
    return display and shown_form(display)


def _short(platform: str, name: str | None) -> str | None:
    """Return a username without the server it is of; several people may be called so."""
    sign = _BEFORE_SERVER.get(platform)
    return None if sign is None or name is None or sign not in name else name.partition(sign)[0]


def _ids(platforms: Sequence[str], native: Column) -> Column:
    if not any(native):
        return [None] * len(native)
    return [None if one is None else f"{platform}:{one}" for platform, one in zip(platforms, native, strict=True)]


def _within_bounds(text: str) -> str | None:
    """Return the words of a text up to `MAX_TEXT`: half an address or username could not be told as one."""
    if len(text) <= MAX_TEXT:
        return text
    ends = [blank.start() for blank in _BLANK.finditer(text, 0, MAX_TEXT + 1)]
    return text[: ends[-1]] if ends else None


def _languages(said: Column) -> Column:
    """Return the languages: whatever a reader let through, nothing but a tag goes into figures that leave the study."""
    known = {tag: language(tag) for tag in set(said)}
    return [known[tag] for tag in said]


def _known(names: Sequence[str | None]) -> frozenset[str]:
    return frozenset(name for name in names if name is not None)


def table_of(values: Mapping[str, Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return the columns that a schema names as a table; times are given in microseconds."""
    arrays = [
        pa.array(values[field.name], pa.int64()).cast(field.type)
        if field.type == TIMESTAMP
        else pa.array(values[field.name], field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def digest(text: str) -> str:
    """Return what tells texts apart: `text_digest`."""
    return xxhash.xxh3_64_hexdigest(text.encode())


def content(text: str) -> str | None:
    """Return the digest of a text without the pseudonyms in it, None where there are none."""
    return digest(PSEUDONYM.sub(FORGOTTEN_NAME, text)) if ":u_" in text else None
