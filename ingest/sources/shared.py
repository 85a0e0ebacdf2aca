"""What formats share that carry messages of many platforms: deletion, ids, Reddit's full names."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from ingest.values import identifier, string

_MARKS = {
    "[deleted]": "deleted",
    "[deleted by user]": "deleted",
    "[removed]": "removed",
    "[removed by reddit]": "removed",
    "[ removed by reddit ]": "removed",
}
_LONGEST_MARK = max(map(len, _MARKS))
_BASE36 = re.compile(r"[0-9a-z]{1,16}")
_FULL_NAME = re.compile(r"t[13]_[0-9a-z]{1,16}")


def said(value: Any) -> tuple[str | None, str]:
    """Return a text and its status; the marks of deletion that Reddit left in many data sets are no text.

    >>> said("Hello "), said("[removed]"), said(None)
    (('Hello', 'present'), (None, 'removed'), (None, 'empty'))
    """
    text = string(value)
    if text is None:
        return None, "empty"
    mark = _MARKS.get(text.lower()) if len(text) <= _LONGEST_MARK else None
    return (None, mark) if mark else (text, "present")


def named(value: Any) -> tuple[str | None, str]:
    """Return an author and the author's status: the deleted ones are no person.

    >>> named("ann"), named("[deleted]"), named("")
    (('ann', 'known'), (None, 'deleted'), (None, 'unknown'))
    """
    name = identifier(value)
    if name is None:
        return None, "unknown"
    return (None, "deleted") if name.lower() in _MARKS else (name, "known")


def message_key(value: Any) -> str | None:
    """Return the id of a message; an address may name a person, so a digest stands for it, the one Bluesky's format has.

    >>> message_key(12), message_key("at://did:plc:ann/app.bsky.feed.post/3a")
    ('12', '3a3063afa02b4e8bdb49b951369f2e95')
    """
    found = identifier(value)
    if found is None or "://" not in found:
        return found
    return digest(found)


def digest(name: str) -> str:
    """Return what stands in an id for what may name a person: see docs/decisions/message-ids.md."""
    return blake2b(name.encode("utf-8", "replace"), digest_size=16).hexdigest()


def full_name(value: Any, bare: str) -> str | None:
    """Return an id of Reddit with its prefix, `bare` where it has none; None for what is no such id.

    >>> full_name("T1_C2", "t3_"), full_name("p1", "t3_"), full_name("not an id", "t3_")
    ('t1_c2', 't3_p1', None)
    """
    name = string(value)
    if name is None:
        return None
    name = name.lower()
    if _FULL_NAME.fullmatch(name):
        return name
    return bare + name if _BASE36.fullmatch(name) else None
