"""Reddit as Pushshift and Arctic Shift write it: one submission or comment per line, 2005 to today.

Quirks handled (seen in real dumps): `created_utc` as string, int or float; `edited` as bool or epoch; null scores; no
`name`; `parent_id` null, a base-10 int, or absent beside `link_id`; deleted authors and texts; records fetched again
after 36 hours (`_meta.was_deleted_later`, `removal_type`).
"""

from __future__ import annotations

import re
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, SourceFormat

_EARLIEST, _LATEST = 1_104_537_600, 4_102_444_800  # 2005 (Reddit's first year) to 2100
_ID = re.compile(r"[0-9a-z]{1,16}")
_FULLNAME = re.compile(r"t[13]_[0-9a-z]{1,16}")
_DELETED = frozenset({"[deleted]", "[deleted by user]"})
_REMOVED = frozenset({"[removed]", "[removed by reddit]", "[ removed by reddit ]"})
_BY_AUTHOR = frozenset({"deleted", "author"})
_NAME, _PROFILE = r"([\w\-]{1,64})", r"(?:(?:user|u)/+|r/+u_)"
_TYPED = (
    re.compile(rf"(?:https?://)?(?:[\w\-]+\.)*reddit\.com/+{_PROFILE}{_NAME}(?:[/?#]\S*)?", re.I),
    re.compile(rf"/*{_PROFILE}{_NAME}/*", re.I),
    re.compile(rf"[/@]?{_NAME}"),
)
_DIGITS36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """Return a non-negative integer in Reddit's base 36.

    >>> base36(36)
    '10'
    """
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS36[rest] + digits
        if not number:
            return digits


def recognises(record: dict[str, Any]) -> bool:
    """Return whether a record looks like a submission or a comment of Reddit."""
    return ("id" in record or "name" in record) and "created_utc" in record and _is_comment(record) is not None


def parse(record: dict[str, Any]) -> Draft:
    """Return one submission or comment.

    Raises:
        BadRecordError: The record is neither, or has no usable id.
    """
    comment = _is_comment(record)
    if comment is None:
        raise BadRecordError("neither a submission nor a comment")
    identifier = ("t1_" if comment else "t3_") + _native_id(record)
    text, text_status = _text(record, comment)
    author, author_status = _author(record.get("author"))
    forum = _string(record.get("subreddit"))
    link = _fullname(record.get("link_id"), "t3_") if comment else None
    return Draft(
        platform="reddit",
        message_id=identifier,
        kind="comment" if comment else "post",
        thread=link if comment else identifier,
        parent=(_fullname(record.get("parent_id"), "t1_") or link) if comment else None,
        author=author,
        author_status=author_status,
        forum=forum,
        forum_owner=forum[2:] if forum and forum[:2].lower() == "u_" else None,
        created_at=_time(record.get("created_utc")),
        edited_at=_time(record.get("edited")),
        retrieved_at=_retrieved(record),
        text=text,
        text_status=text_status,
        score=_count(record.get("score")),
        declared_replies=None if comment else _count(record.get("num_comments")),
        bot=None,
    )


def _is_comment(record: dict[str, Any]) -> bool | None:
    name = record.get("name")
    if isinstance(name, str) and name[:3] in ("t1_", "t3_"):
        return name[1] == "1"
    if any(record.get(field) is not None for field in ("body", "link_id")):
        return True
    if any(record.get(field) is not None for field in ("title", "selftext")):
        return False  # a submission exported with the columns of comments, all of them null
    if "body" in record or "link_id" in record:
        return True
    return False if "title" in record or "selftext" in record else None


def username(typed: str) -> str:
    """Return a username without what people write around it.

    Raises:
        UsageError: It is no username. The message does not repeat it.

    >>> username("https://www.reddit.com/user/Ada/comments/"), username("U/Ada"), username("@Ada")
    ('Ada', 'Ada', 'Ada')
    """
    plain = typed.strip().replace("\\", "")
    found = next((match for pattern in _TYPED if (match := pattern.fullmatch(plain))), None)
    if found is None:
        raise UsageError(
            "One of the names given is no username.",
            remedy="A username has letters, digits, _ and - only. Give it as Name, u/Name, @Name or a profile's address.",
        )
    return found[1]


def _native_id(record: dict[str, Any]) -> str:
    value = record.get("id")
    if value is None:
        value = record.get("name")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 36**16:
        return base36(value)
    if not isinstance(value, str):
        raise BadRecordError("no id")
    value = value.strip().lower()
    value = value[3:] if value[:3] in ("t1_", "t3_") else value
    if not _ID.fullmatch(value):
        raise BadRecordError("an id that Reddit does not use")
    return value


def _fullname(value: object, bare: str) -> str | None:
    """Return a full name; `bare` is the kind of an id that does not say its own."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 36**16:
        return bare + base36(value)
    if not isinstance(value, str):
        return None
    value = value.strip().lower()
    if _FULLNAME.fullmatch(value):
        return value
    if value.isascii() and value.isdigit() and bare == "t1_":
        return bare + base36(int(value)) if len(value) <= 20 else None
    return bare + value if _ID.fullmatch(value) else None


def _author(value: object) -> tuple[str | None, str]:
    name = _string(value)
    if name is None:
        return None, "unknown"
    return (None, "deleted") if name.lower() in ("[deleted]", "[removed]") else (name, "known")


def _text(record: dict[str, Any], comment: bool) -> tuple[str | None, str]:
    """Return the text and its status; what a person or a moderator took away later is not kept."""
    body = _string(record.get("body" if comment else "selftext"))
    gone = _gone(record, body)
    if gone:
        return None, gone
    title = None if comment else _string(record.get("title"))
    if title and (mark := _mark(title)):
        return None, mark
    text = "\n\n".join(part for part in (title, body) if part)
    return (text, "present") if text else (None, "empty")


def _gone(record: dict[str, Any], body: str | None) -> str | None:
    if body and (mark := _mark(body)):
        return mark
    meta = record.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    reason = _string(meta.get("removal_type")) or _string(record.get("removal_type"))
    reason = reason or _string(record.get("removed_by_category"))
    if reason:
        return "deleted" if reason.lower() in _BY_AUTHOR else "removed"
    return "deleted" if meta.get("was_deleted_later") is True else None


def _mark(text: str) -> str | None:
    if len(text) > 24 or "[" not in text:
        return None
    key = text.lower()
    return "deleted" if key in _DELETED else "removed" if key in _REMOVED else None


def _retrieved(record: dict[str, Any]) -> int | None:
    meta = record.get("_meta")
    again = _time(meta.get("retrieved_2nd_on")) if isinstance(meta, dict) else None
    names = ("retrieved_on", "retrieved_utc", "updated_on")
    times = [t for name in names if (t := _time(record.get(name))) is not None]
    return max([*times, again] if again is not None else times, default=None)


def _time(value: object) -> int | None:
    """Return microseconds for seconds written as int, float or string; None for what is no date of this site."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(value) if isinstance(value, int | float | str) else float("nan")
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1e6) if _EARLIEST <= seconds < _LATEST else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if -(2**62) < number < 2**62 else None


def _string(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").strip() or None


REDDIT = SourceFormat(
    name="reddit",
    title="Reddit NDJSON (Pushshift, Arctic Shift)",
    platform="reddit",
    recognises=recognises,
    parse=parse,
    known_bots=("AutoModerator",),
    username=username,
)
