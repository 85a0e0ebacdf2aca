"""What a source format hands on: messages as the source tells them, before names and text are made safe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

Record = dict[str, Any]
MOST_VALUES = 2_000_000  # in one JSON value: three bytes of it can take seventy in memory
NO_MESSAGE = "holds no message"
_SMALL = 2**20  # bytes of JSON that are decoded without a look at it


class BadRecordError(ValueError):
    """A record that holds no message. Its text is a reason without content."""


class Draft(NamedTuple):
    """One message of a source. Raw names and text live here only, in memory.

    Ids are native (no platform prefix); times are microseconds since 1970 UTC, None where unknown.

    Attributes:
        platform: One lower-case word, the same for every format of one platform, so that its dumps join.
        message_id: The id that `parent` and `thread` of other messages use.
        kind: "post", "comment" or "repost". A repost is somebody else's message shown again, without a text of its own.
        thread: Id of the thread's root, where the source names it.
        parent: Id of the message answered; None for a root, and where the source names only a person.
        author: What tells the author from everybody else on the platform: the stable id where there is one, else the
            username, else the display name.
        author_status: "known", "deleted" or "unknown"; "known" exactly where `author` is given.
        handle: The author's username, where `author` is something else. It identifies the person, too.
        display_name: The name shown beside messages; several people may share it, so it identifies nobody.
        parent_author: Like `author`, or like `handle`: whom the message answers, where the source names them.
        forum: Subreddit, channel, group, page, site or hashtag; None where the platform has none.
        forum_owner: Raw name, where the forum is a person's own page; `forum` is then replaced.
        text: What was written, in the source's markup turned into plain text; None unless `text_status` is "present".
        text_status: "present", "deleted" (by its author), "removed" (by others) or "empty".
        language: As the source declares it (BCP 47), None where it does not.
        declared_replies: How many replies the source says there are (in the whole thread, or directly).
        bot: Why the source calls this author a bot; None for people.
        version: The id of this version, where the source gives each one its own and it is not `message_id`.
    """

    platform: str
    message_id: str
    kind: str
    thread: str | None = None
    parent: str | None = None
    author: str | None = None
    author_status: str = "unknown"
    handle: str | None = None
    display_name: str | None = None
    parent_author: str | None = None
    forum: str | None = None
    forum_owner: str | None = None
    created_at: int | None = None
    edited_at: int | None = None
    retrieved_at: int | None = None
    text: str | None = None
    text_status: str = "empty"
    language: str | None = None
    score: int | None = None
    declared_replies: int | None = None
    bot: str | None = None
    version: str | None = None


class Reject(NamedTuple):
    """A part of a record that holds no message, and why, without content."""

    reason: str


def _never(record: Record) -> bool:
    return False


def always(record: Record) -> bool:
    """Return True: the `silent` of a format whose `drafts` says itself what it does not know.

    >>> always({})
    True
    """
    return True


@dataclass(frozen=True)
class SourceFormat:
    """One kind of dump: how to tell it, and how to read the messages out of one record.

    A record is a JSON object (a line of NDJSON, an element of an array, a whole document, or a piece of a large one:
    the same object with a shorter list in it), a row of a table (column name to text) or the attributes of an XML row.

    Attributes:
        name: How users name it.
        title: What it is, for messages to users.
        platform: See `Draft`; "" where the records say it.
        recognises: Whether a record looks like this format. Cheap and strict: it must not claim another's records.
        drafts: Yields the messages of a record, context it carries along included; it never recurses. Raises
            `BadRecordError` when there is none, and yields `Reject` for a part that holds none.
        silent: Whether a record of which `drafts` yields nothing is known to hold no message (a deletion notice, a
            "load more" stub, an empty list); any other such record is rejected.
        known_bots: Raw names (`author` or `handle`) which are declared bots wherever they appear.
        username: Returns the raw name of a person as somebody typed it; raises `UsageError` for what is none.
        mention: Returns the raw name behind a handle as it is written in texts.
        listed: Returns the `Draft.message_id` of a message as lists name it (an id, an address), several where they
            could name either of several; None for what is none.
        notice: Returns the `message_id` or `version` of each message that a notice of deletion is about; None for a
            record that is no such notice.
    """

    name: str
    title: str
    platform: str
    recognises: Callable[[Record], bool]
    drafts: Callable[[Record], Iterable[Draft | Reject]]
    silent: Callable[[Record], bool] = _never
    known_bots: tuple[str, ...] = ()
    username: Callable[[str], str] = str.strip
    mention: Callable[[str], str] = str
    listed: Callable[[str], str | tuple[str, ...] | None] | None = None
    notice: Callable[[Record], Iterable[str] | None] | None = None

    def read(self, record: Record) -> Iterator[Draft | Reject]:
        """Yield the messages of a record, and why it, or a part of it, holds none."""
        nothing = True
        try:
            for found in self.drafts(record):
                nothing = False
                yield found
        except BadRecordError as error:
            yield Reject(str(error))
            return
        if nothing and not self.silent(record):
            yield Reject(NO_MESSAGE)


def one(parse: Callable[[Record], Draft]) -> Callable[[Record], Iterator[Draft | Reject]]:
    """Return the `drafts` of a format whose records hold one message each."""

    def drafts(record: Record) -> Iterator[Draft | Reject]:
        yield parse(record)

    return drafts


def values_in(data: bytes) -> int:
    """Return how many values JSON can hold at most, without decoding it.

    >>> values_in(b'{"a": [1, 2]}')
    3
    """
    return sum(map(data.count, (b",", b"[", b"{")))


def decode(data: bytes) -> Any:
    """Return the JSON value of `data`.

    Raises:
        BadRecordError: It is no JSON, or holds so many values that they would not fit into memory.
    """
    if len(data) > _SMALL and values_in(data) > MOST_VALUES:
        raise BadRecordError(f"more than {MOST_VALUES} values in one record")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _lenient(data)


def _lenient(data: bytes) -> Any:
    """Read what strict JSON refuses and real dumps hold: lone surrogates, stray control bytes, broken UTF-8."""
    try:
        return json.loads(data.decode("utf-8", "replace"), strict=False)
    except RecursionError:
        return _deep(data)
    except ValueError as error:
        raise BadRecordError("not valid JSON") from error


def _deep(data: bytes) -> Any:
    from ingest.deep_json import loads

    try:
        return loads(data)
    except ValueError as error:
        raise BadRecordError("not valid JSON") from error
