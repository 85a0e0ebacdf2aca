"""Reddit as Pushshift and Arctic Shift write it: one submission or comment per record, 2005 to today.

Quirks handled (seen in real dumps): `created_utc` as string, int or float; `edited` as bool or epoch; null scores; no
`name`; `parent_id` null, without its kind, a base-10 number, or absent beside `link_id`; deleted authors and texts;
records fetched again after 36 hours (`_meta.was_deleted_later`, `removal_type`). This is the path of millions of
records, so every field is looked up once, and the usual type is asked for first.
"""

from __future__ import annotations

import re
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, SourceFormat, one
from ingest.values import LATEST, count, epoch, string

_FIRST = 1_104_537_600  # 2005, Reddit's first year
_LONGEST_ID = 16
_WHOLE_FLOATS = 2**53  # above it a float has lost digits
_LONGEST_MARK = 160  # characters; longer is what somebody wrote
_KINDS = frozenset({"t1_", "t3_"})  # comment, submission
_OTHER_THINGS = frozenset({"t2_", "t4_", "t5_", "t6_"})  # user, private message, subreddit, award
_MISSING = frozenset({"nan", "none", "null"})  # what scripts write for an empty cell
_BY_AUTHOR = frozenset({"deleted", "author"})
_RETRIEVED = ("retrieved_on", "retrieved_utc", "updated_on")
_NAME, _PROFILE = r"([\w\-]{1,64})", r"(?:(?:user|u)/+|r/+u_)"
_TYPED = (
    re.compile(rf"(?:https?://)?(?:[\w\-]+\.)*reddit\.com/+{_PROFILE}{_NAME}(?:[/?#]\S*)?", re.I),
    re.compile(rf"/*{_PROFILE}{_NAME}/*", re.I),
    re.compile(rf"[/@]?{_NAME}"),
)
_FULL_NAME = re.compile(r"t[13]_[0-9a-z]{1,16}")
_PERMALINKS = (
    re.compile(
        r"(?:https?://)?(?:[\w\-]+\.)*reddit\.com(?:/(?:r|u|user)/[\w\-]+)?/comments/(?P<post>[0-9a-z]{1,16})"
        r"(?:/[^/?#\s]*(?:/(?P<comment>[0-9a-z]{1,16}))?)?/?(?:[?#]\S*)?"
    ),
    re.compile(r"(?:https?://)?(?:www\.)?redd\.it/(?P<post>[0-9a-z]{1,16})/?(?:[?#]\S*)?"),
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
    return "created_utc" in record and ("id" in record or "name" in record) and _kind(record) is not None


def parse(record: dict[str, Any]) -> Draft:
    """Return one submission or comment.

    Raises:
        BadRecordError: The record is neither, or has no usable id.
    """
    kind = _kind(record)
    if kind is None:
        raise BadRecordError("neither a submission nor a comment")
    get = record.get
    message_id = kind + _native_id(record)
    author, author_status = _author(get("author"))
    forum = string(get("subreddit"))
    forum_owner = (forum[2:] or None) if forum and forum[:2] in ("u_", "U_") else None
    found = get("_meta")
    meta = found if type(found) is dict else None
    edited = get("edited")
    title: str | None = None
    declared: int | None = None
    if kind == "t1_":
        word, body = "comment", string(get("body"))
        thread, parent = _place(get("link_id"), get("parent_id"))
    else:
        word, body, title = "post", string(get("selftext")), string(get("title"))
        thread, parent = message_id, None
        declared = count(get("num_comments"))
    text, text_status = _text(record, meta, body, title)
    return Draft(  # by position: names would cost a fifth of the time
        "reddit",
        message_id,
        word,
        thread,
        parent,
        author,
        author_status,
        None,  # handle: the author is one
        None,  # display_name: Reddit shows handles
        None,  # parent_author: never named
        forum,
        forum_owner,
        _time(get("created_utc")),
        _time(edited) if edited else None,
        _retrieved(record, meta),
        text,
        text_status,
        None,  # language: not declared
        count(get("score")),
        declared,
    )


def _kind(record: dict[str, Any]) -> str | None:
    """Return "t1_" for a comment and "t3_" for a submission; None for all else, the records of other tools included."""
    name = record.get("name")
    if type(name) is str:
        prefix = name[:3]
        if prefix in _KINDS:
            return prefix
        if prefix in _OTHER_THINGS:
            return None
    if "created_utc" not in record and "link_id" not in record:
        return None
    return None if _of_another_kind(record) else _kind_by_fields(record)


def _of_another_kind(record: dict[str, Any]) -> bool:
    """Return whether this is a row of snscrape or 4CAT, or a thing of Reddit that is no message."""
    identifier = record.get("id")
    return "_type" in record or "thread_id" in record or (type(identifier) is str and identifier[:3] in _OTHER_THINGS)


def _kind_by_fields(record: dict[str, Any]) -> str | None:
    """Go by what is filled in: tables that hold both kinds have the columns of both, empty where they do not apply."""
    get = record.get
    if get("body") or get("link_id"):
        return "t1_"
    submission = "title" in record or "selftext" in record
    if submission and "display_name" in record:
        return None  # a subreddit has a title, too
    if get("title") or get("selftext"):
        return "t3_"
    if "body" in record or "link_id" in record:
        return "t1_"
    return "t3_" if submission else None


def _native_id(record: dict[str, Any]) -> str:
    value = record.get("id")
    if type(value) is str and _is_id(value):
        return value.lower()
    if value is None or value == "":
        value = record.get("name")
    if type(value) is not str:
        found = _from_number(value)
        if found is None:
            raise BadRecordError("no id")
        return found
    value = value.strip().lower()
    if value[:3] in _KINDS:
        value = value[3:]
    if not _is_id(value):
        raise BadRecordError("an id that Reddit does not use")
    return value


def _is_id(text: str) -> bool:
    """Return whether `text` is a number in base 36."""
    return len(text) <= _LONGEST_ID and text.isalnum() and text.isascii()


def _from_number(value: object) -> str | None:
    """Return the id behind a number: exports through data frames write ids in base 10, and as floats beside gaps."""
    if type(value) is float and value.is_integer() and value < _WHOLE_FLOATS:
        value = int(value)
    return base36(value) if type(value) is int and 0 < value < 36**_LONGEST_ID else None


def _place(link: object, parent: object) -> tuple[str | None, str | None]:
    """Return the full names of the submission and of what a comment answers: the submission where nothing else is told."""
    thread = _fullname(link) or _bare_link(link)
    if parent is None or (type(parent) is str and parent == link):
        return thread, thread
    found = _fullname(parent) or _bare_parent(parent, thread)
    if thread is None and found is not None and found[:3] == "t3_":
        thread = found
    return thread, found or thread


def _fullname(value: object) -> str | None:
    """Return a full name that tells its kind."""
    if type(value) is not str:
        return None
    if _FULL_NAME.fullmatch(value):
        return value
    value = value.strip().lower()
    return value if _FULL_NAME.fullmatch(value) else None


def _bare_link(value: object) -> str | None:
    found = value.strip().lower() if type(value) is str else _from_number(value)
    return f"t3_{found}" if found and _is_id(found) and found not in _MISSING else None


def _bare_parent(value: object, thread: str | None) -> str | None:
    """Return the parent for an id without a kind: a comment, unless it is the submission's own id."""
    if type(value) is not str:
        found = _from_number(value)
    else:
        text = value.strip().lower()
        if thread is not None and text == thread[3:]:
            return thread
        found = _from_text(text)
    if found is None:
        return None
    return thread if thread is not None and found == thread[3:] else f"t1_{found}"


def _from_text(text: str) -> str | None:
    """Return the id in a cell; digits alone are base 10, as exports through data frames write parents."""
    if text.isdecimal() and text.isascii():
        return _from_number(int(text)) if len(text) <= 20 else None
    if "." in text or "e+" in text:
        return _from_number(_float(text))
    return text if _is_id(text) and text not in _MISSING else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _author(value: object) -> tuple[str | None, str]:
    name = string(value)
    if name is None:
        return None, "unknown"
    if name[0] == "[":  # no username has a bracket: `[deleted]`, `[removed]`
        return None, "deleted" if _mark(name) else "unknown"
    return name, "known"


def _text(
    record: dict[str, Any], meta: dict[str, Any] | None, body: str | None, title: str | None
) -> tuple[str | None, str]:
    """Return the text and its status; what a person or a moderator took away later is not kept."""
    gone = (_mark(body) if body else None) or _gone(record, meta) or (_mark(title) if title else None)
    if gone:
        return None, gone
    text = f"{title}\n\n{body}" if title and body else title or body
    return (text, "present") if text else (None, "empty")


def _gone(record: dict[str, Any], meta: dict[str, Any] | None) -> str | None:
    reason = (meta and meta.get("removal_type")) or record.get("removal_type") or record.get("removed_by_category")
    if reason and (reason := string(reason)):
        return "deleted" if reason.lower() in _BY_AUTHOR else "removed"
    return "deleted" if meta and meta.get("was_deleted_later") is True else None


def _mark(text: str) -> str | None:
    """Return what a text in brackets says that stands in for one taken away, `[ Removed by Reddit on account of … ]`."""
    if text[0] != "[" or text[-1] != "]" or len(text) > _LONGEST_MARK:
        return None
    key = text[1:-1].strip().lower()
    if key in ("deleted", "deleted by user"):
        return "deleted"
    return "removed" if key == "removed" or key.startswith(("removed by reddit", "removed by moderator")) else None


def _retrieved(record: dict[str, Any], meta: dict[str, Any] | None) -> int | None:
    latest = _time(meta.get("retrieved_2nd_on")) if meta else None
    for name in _RETRIEVED:
        value = record.get(name)
        if value and (found := _time(value)) is not None and (latest is None or found > latest):
            latest = found
    return latest


def _time(value: object) -> int | None:
    """Return microseconds for seconds written as int, float or string; None for what is no date of this site."""
    if type(value) is int:
        return value * 1_000_000 if _FIRST <= value < LATEST else None
    found = epoch(value)
    return found if found is not None and found >= _FIRST * 1_000_000 else None


def listed(typed: str) -> str | None:
    """Return the full name of a comment or a submission from itself or from its address; a bare id could be either's.

    >>> listed("T1_C2"), listed("https://www.reddit.com/r/calm/comments/p1/a_title/c2/"), listed("redd.it/p1"), listed("c2")
    ('t1_c2', 't1_c2', 't3_p1', None)
    """
    plain = typed.strip().lower()
    if _FULL_NAME.fullmatch(plain):
        return plain
    found = next((match for pattern in _PERMALINKS if (match := pattern.fullmatch(plain))), None)
    if found is None:
        return None
    comment = found.groupdict().get("comment")
    return f"t1_{comment}" if comment else f"t3_{found['post']}"


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


REDDIT = SourceFormat(
    name="reddit",
    title="Reddit NDJSON (Pushshift, Arctic Shift)",
    platform="reddit",
    recognises=recognises,
    drafts=one(parse),
    known_bots=("AutoModerator",),
    username=username,
    mention=str,
    listed=listed,
)
FORMATS: tuple[SourceFormat, ...] = (REDDIT,)
