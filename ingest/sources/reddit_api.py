"""Reddit as its API answers: things in listings, comments nested in `replies`, and what /api/morechildren adds.

The answer for a thread is an array of two listings; single things and the archives' APIs (`{"data": [...]}`) are read,
too. A `more` stub names comments which the answer leaves out: they are no messages, and what the
submission declares (`num_comments`) shows that they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.records import BadRecordError, Draft, Reject, SourceFormat, always
from ingest.sources import reddit

_MESSAGES = ("t1", "t3")  # comment, submission; tuples, because a `kind` of any JSON type may be looked up
_OTHER_THINGS = ("t2", "t4", "t5", "t6")  # user, private message, subreddit, award
_THINGS = (*_MESSAGES, *_OTHER_THINGS, "more")


def recognises(record: dict[str, Any]) -> bool:
    """Return whether a record is a listing or a thing of Reddit's API, or a list of them."""
    kind, data = record.get("kind"), record.get("data")
    if kind in _THINGS:
        return isinstance(data, dict) and ("id" in data or "name" in data)
    children = _children(record)
    if children is None:
        return False
    if kind == "Listing" or not isinstance(data, list):
        return True
    first = children[0] if children else None
    return isinstance(first, dict) and (_is_thing(first) or reddit.recognises(first))


def drafts(record: dict[str, Any]) -> Iterator[Draft | Reject]:
    """Yield every submission and comment in an answer, those nested in `replies` included, in the answer's order.

    Raises:
        BadRecordError: The record is no answer of Reddit's API.
    """
    if not recognises(record):
        raise BadRecordError("no listing and no thing of Reddit")
    stack: list[Any] = [record]  # threads nest deeper than Python may recurse
    while stack:
        part = stack.pop()
        if not isinstance(part, dict):
            yield Reject("not an object")
        elif (children := _children(part)) is not None:
            stack.extend(reversed(children))
        elif part.get("kind") != "more":
            thing = part.get("data") if _is_thing(part) else part
            yield _message(part.get("kind"), thing)
            if isinstance(thing, dict) and isinstance(replies := thing.get("replies"), dict):
                stack.append(replies)


def _is_thing(part: dict[str, Any]) -> bool:
    return part.get("kind") in _THINGS


def _children(part: dict[str, Any]) -> list[Any] | None:
    """Return what a listing, an answer of /api/morechildren or one of an archive holds; None for what holds none."""
    data = part.get("data")
    if part.get("kind") == "Listing":
        data = data.get("children") if isinstance(data, dict) else None
    elif isinstance(answer := part.get("json"), dict):
        data = answer.get("data")
        data = data.get("things") if isinstance(data, dict) else None
    return data if isinstance(data, list) else None


def _message(kind: Any, thing: Any) -> Draft | Reject:
    if kind in _OTHER_THINGS:
        return Reject("a user, private message, subreddit or award")
    if not isinstance(thing, dict):
        return Reject("a thing without data")
    identifier = thing.get("id")
    if kind in _MESSAGES and not thing.get("name") and isinstance(identifier, str) and identifier.isalnum():
        thing = thing | {"name": f"{kind}_{identifier}"}
    try:
        return reddit.parse(thing)
    except BadRecordError as error:
        return Reject(str(error))


REDDIT_API = SourceFormat(
    name="reddit-api",
    title="Reddit API and PRAW JSON (listings, threads, morechildren)",
    platform="reddit",
    recognises=recognises,
    drafts=drafts,
    silent=always,
    known_bots=reddit.REDDIT.known_bots,
    username=reddit.username,
    mention=str,
    listed=reddit.listed,
)
FORMATS: tuple[SourceFormat, ...] = (REDDIT_API,)
