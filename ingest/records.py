"""What a source format hands on: one message as the source tells it, before names and text are made safe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson


class BadRecordError(ValueError):
    """A record that holds no message. Its text is a reason without content."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One message of a source. Raw names and text live here only, in memory.

    Ids are native (no platform prefix); times are microseconds since 1970 UTC, None where unknown.
    """

    platform: str
    message_id: str
    kind: str
    thread: str | None  # native id of the root, where the source names it
    parent: str | None
    author: str | None  # raw name
    author_status: str
    forum: str | None
    forum_owner: str | None  # raw name, where the forum is a person's own page
    created_at: int | None
    edited_at: int | None
    retrieved_at: int | None
    text: str | None
    text_status: str
    score: int | None
    declared_replies: int | None
    bot: str | None  # why the source calls this author a bot


@dataclass(frozen=True)
class SourceFormat:
    """One kind of dump. `recognises` judges one JSON object; `parse` turns it into a `Draft`.

    Attributes:
        name: How users name it.
        title: What it is, for messages to users.
        recognises: Whether a decoded record looks like this format.
        parse: Raises `BadRecordError` when a record holds no message.
        known_bots: Raw names which are declared bots wherever they appear.
        username: Returns the raw name of a person as somebody typed it; raises `UsageError` for what is none.
    """

    name: str
    title: str
    platform: str
    recognises: Callable[[dict[str, Any]], bool]
    parse: Callable[[dict[str, Any]], Draft]
    known_bots: tuple[str, ...] = ()
    username: Callable[[str], str] = str.strip


def decode(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        BadRecordError: The line is no JSON, or no object.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        record = _lenient(line)
    if not isinstance(record, dict):
        raise BadRecordError("JSON, but not an object")
    return record


def _lenient(line: bytes) -> Any:
    """Read what strict JSON refuses and real dumps hold: lone surrogates, stray control bytes, broken UTF-8."""
    try:
        return _clean(json.loads(line.decode("utf-8", "replace"), strict=False))
    except (ValueError, RecursionError) as error:
        raise BadRecordError("not valid JSON") from error


def _clean(value: Any) -> Any:
    """Replace lone surrogates in the strings of the outermost object; nested ones are read for flags only."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return (
        {_clean(k): _clean(v) if isinstance(v, str) else v for k, v in value.items()}
        if isinstance(value, dict)
        else value
    )
