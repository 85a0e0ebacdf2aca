"""Drafts to rows without a raw name: pseudonyms for people, scrubbed texts, digests that decide between copies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from copenet.foundation.tables import TIMESTAMP
from ingest.plain_names import shown_form
from ingest.pseudonyms import Pseudonyms
from ingest.records import Draft
from ingest.scrub import FORGOTTEN_NAME, Scrubber

MAX_TEXT = 100_000  # characters; the longest post any platform allows has 65,000
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

Row = tuple[Any, ...]
Text = tuple[str, str, str]


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


class RowMaker:
    """Turns drafts into rows.

    Args:
        names: Pseudonyms, and who and what is to stay out.
        source: What tells the dump from others.
        mention: Returns the raw name behind a handle as texts write it.
    """

    def __init__(self, names: Pseudonyms, source: str, mention: Callable[[str], str]) -> None:
        self._names, self._source, self._mention = names, source, mention
        self._scrubbers: dict[str, Scrubber] = {}

    def _scrubber(self, platform: str) -> Scrubber:
        found = self._scrubbers.get(platform)
        if found is None:
            found = Scrubber(lambda raw: self._in_text(platform, raw), platform=platform)
            self._scrubbers[platform] = found
        return found

    def _in_text(self, platform: str, raw: str) -> str:
        name = self._names.of(platform, self._mention(raw))
        return FORGOTTEN_NAME if name in self._names.hidden else name

    def make(self, draft: Draft, number: int, place: int = 0) -> tuple[Row, Text | None] | Withheld:
        """Return a row of `STAGED` and one of `STAGED_TEXTS`.

        Args:
            number: The record's number in the dump.
            place: How many messages stand before this one in the record.
        """
        platform, names = draft.platform, self._names
        message = f"{platform}:{draft.message_id}"
        author, handle = self._name(platform, draft.author), self._name(platform, draft.handle)
        if author in names.forgotten or handle in names.forgotten:
            return Withheld(message, _known(author, handle), _known(*self._shown(draft)))
        version = None if draft.version is None else f"{platform}:{draft.version}"
        if message in names.withheld or version in names.withheld:
            return Withheld(message)
        scrubber = self._scrubber(platform)
        before = scrubber.names_replaced
        raw = draft.text
        cut = raw is not None and len(raw) > MAX_TEXT
        text = None if raw is None else scrubber.scrub(raw[:MAX_TEXT] if cut else raw)
        source = f"{self._source}:{number}.{place}" if place else f"{self._source}:{number}"
        digest, content = digests(text) if text else (None, None)
        row = (
            platform,
            message,
            draft.kind,
            None if draft.thread is None else f"{platform}:{draft.thread}",
            None if draft.parent is None else f"{platform}:{draft.parent}",
            author,
            draft.author_status,
            handle,
            *(self._visible(name) for name in self._shown(draft)),
            self._visible(self._name(platform, draft.parent_author)),
            self._forum(draft),
            draft.created_at,
            draft.edited_at,
            draft.retrieved_at,
            draft.text_status,
            draft.language,
            draft.score,
            draft.bot,
            source,
            draft.declared_replies,
            digest,
            content,
            scrubber.names_replaced - before,
            cut,
            version,
        )
        return row, ((message, source, text) if text else None)

    def _name(self, platform: str, raw: str | None) -> str | None:
        return None if raw is None else self._names.of(platform, raw)

    def _shown(self, draft: Draft) -> tuple[str | None, str | None]:
        """Return pseudonyms of what else others call the author: several people may be called so."""
        name, shown = draft.handle or draft.author, draft.display_name
        if shown is None and name is not None and (" " in name or not name.isascii()):
            shown = name
        sign = _BEFORE_SERVER.get(draft.platform)
        short = None if sign is None or name is None or sign not in name else name.partition(sign)[0]
        return self._name(draft.platform, shown and shown_form(shown)), self._name(draft.platform, short or None)

    def _visible(self, name: str | None) -> str | None:
        return None if name in self._names.hidden else name

    def _forum(self, draft: Draft) -> str | None:
        if draft.forum_owner is None:
            return draft.forum
        return self._visible(self._names.of(draft.platform, draft.forum_owner))


def _known(*names: str | None) -> frozenset[str]:
    return frozenset(name for name in names if name is not None)


def table_of(rows: list[Any], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; times are given in microseconds."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [
        pa.array(column, pa.int64()).cast(field.type) if field.type == TIMESTAMP else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def digests(text: str) -> tuple[str, str | None]:
    """Return `text_digest` and `content` of a text."""
    return _digest(text), _digest(PSEUDONYM.sub(FORGOTTEN_NAME, text)) if ":u_" in text else None


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
