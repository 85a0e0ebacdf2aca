"""Bluesky: answers of its API (camelCase, or python-atproto's snake_case), bare records, and Jetstream events.

An address (`at://<DID>/app.bsky.feed.post/<key>`) holds its author's DID, so it may not become a message's id: the id
is a digest of the address, the same in every kind of dump.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.records import NO_MESSAGE, BadRecordError, Draft, Record, Reject, SourceFormat
from ingest.values import count, epoch, language, listing, mapping, moment, string, when

_POST, _REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
_DIDS = r"did:[a-z]{1,20}:[A-Za-z0-9._:%\-]{1,500}"
_DID = re.compile(_DIDS)
_ADDRESS = re.compile(rf"at://({_DIDS})/([A-Za-z0-9.\-]{{1,300}})/([A-Za-z0-9._:~\-]{{1,512}})")
_PAGE = re.compile(
    rf"(?:https?://)?(?:[\w\-]+\.)*bsky\.app/profile/({_DIDS})/post/([A-Za-z0-9._:~\-]{{1,512}})(?:[?#]\S*)?"
)
_DIGEST = re.compile(r"[0-9a-f]{32}")
_HANDLE = re.compile(r"(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9\-]{0,62}", re.I)
_TYPED = re.compile(
    rf"(?:(?:https?://)?(?:[\w\-]+\.)*bsky\.app/+profile/+|at://|@)?(?P<name>{_DIDS}|[A-Za-z0-9.\-]{{3,253}})"
    r"(?:[/?#]\S*)?",
    re.I,
)
_CLOCK = re.compile(r"[2-7a-j][2-7a-z]{12}")  # a record key made of a time
_DIGITS32 = {digit: number for number, digit in enumerate("234567abcdefghijklmnopqrstuvwxyz")}
_TAKEN_DOWN = frozenset({"!takedown", "!hide", "!suspend"})
_LISTS = ("feed", "posts", "records")
_WITHIN_MESSAGE = ("embed", "embeds")
_WITHIN_OTHERS = (*_LISTS, "thread", "post", "reply", "root", "parent", "replies", "value", "record")
_OF_ACCOUNTS = ("identity", "account", "id", "acc")
_OPERATIONS = {"c": "create", "u": "update", "d": "delete"}  # Jetstream's first words


def recognises(record: Record) -> bool:
    """Return whether a record looks like an answer of Bluesky's API, or a record of a repository."""
    if _is_message(record) or _is_item(record) or record.get("$type") == _POST:
        return True
    thread = record.get("thread")
    if isinstance(thread, dict):
        return _is_item(thread) or _is_lost(thread)
    for items in (thread, *(record.get(name) for name in _LISTS)):
        if isinstance(items, list) and items and isinstance(first := items[0], dict):
            return _is_message(first) or _is_item(first)
    return False


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the messages of an answer, with the parents, roots and quoted posts it carries along.

    Raises:
        BadRecordError: A record without the address that would make an id of it.
    """
    if record.get("$type") == _POST and _address(record) is None:
        raise BadRecordError("a record without its address (uri)")
    yield from (Reject(NO_MESSAGE) for name in _LISTS for item in listing(record.get(name)) if not _is_known(item))
    waiting: list[Any] = [record]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(reversed(node))
        if not isinstance(node, dict):
            continue
        if message := _is_message(node):
            yield _flat(node) if "post_id" in node else _view(node)
        elif repost := _reposted(node):
            yield repost
        waiting.extend(node.get(name) for name in reversed(_WITHIN_MESSAGE if message else _WITHIN_OTHERS))


def silent(record: Record) -> bool:
    """Return whether a record is known to hold no message: lost, blocked or of another kind, or a list without any."""
    thread = record.get("thread")
    listed = isinstance(thread, list) or any(isinstance(record.get(name), list) for name in _LISTS)
    return listed or _is_no_post(record) or (isinstance(thread, dict) and _is_no_post(thread))


def _is_known(item: Any) -> bool:
    """Return whether an element of a list is a message, has one, or is known to have none."""
    if not isinstance(item, dict):
        return False
    return _is_message(item) or _is_item(item) or any(map(_is_no_post, (item, mapping(item.get("post")))))


def _is_no_post(node: Record) -> bool:
    """Return whether an object is a post that cannot be seen, or a record that is no post, such as a like."""
    if _is_lost(node):
        return True
    uri = node.get("uri")
    return isinstance(uri, str) and _ADDRESS.fullmatch(uri) is not None and f"/{_POST}/" not in uri


def jetstream_recognises(record: Record) -> bool:
    """Return whether a record looks like an event of Jetstream."""
    return (
        isinstance(record.get("time_us"), int)
        and isinstance(did := record.get("did"), str)
        and did.startswith("did:")
        and any(isinstance(record.get(name), str) for name in ("kind", "type"))
    )


def jetstream_drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the post, the repost or the deletion an event tells of; other events hold no message.

    Raises:
        BadRecordError: A commit without what makes an address, or without its record.
    """
    commit = record.get("commit")
    if not isinstance(commit, dict) or (collection := commit.get("collection")) not in (_POST, _REPOST):
        return
    did, rkey = record.get("did"), commit.get("rkey")
    address = f"at://{did}/{collection}/{rkey}" if isinstance(did, str) and isinstance(rkey, str) else ""
    if _ADDRESS.fullmatch(address) is None:
        raise BadRecordError("an event without a usable did and rkey")
    operation, at, value = _operation(commit), epoch(record.get("time_us"), 1e6), commit.get("record")
    if operation == "delete":
        if collection == _POST:
            yield _post(address, {}, None)._replace(thread=None, retrieved_at=at, text_status="deleted")
    elif not isinstance(value, dict):
        raise BadRecordError("an event without its record")
    elif collection == _REPOST:
        yield _repost(address, _created(address, value, at))._replace(retrieved_at=at)
    else:
        yield _post(address, value, at)._replace(retrieved_at=at, edited_at=at if operation == "update" else None)


def jetstream_silent(record: Record) -> bool:
    """Return whether an event is known to hold no message: it is about an account, or a record that is no post."""
    commit = record.get("commit")
    if isinstance(commit, dict):
        return isinstance(commit.get("collection"), str)
    return record.get("kind", record.get("type")) in _OF_ACCOUNTS


def username(typed: str) -> str:
    """Return a handle or a DID without what people write around it.

    Raises:
        UsageError: It is neither. The message does not repeat it.

    >>> username("@Ada.bsky.social"), username("https://bsky.app/profile/did:plc:abc/post/3k")
    ('ada.bsky.social', 'did:plc:abc')
    """
    match = _TYPED.fullmatch(typed.strip())
    name = match["name"] if match else ""
    if _DID.fullmatch(name):
        return name
    if _HANDLE.fullmatch(name):
        return name.lower()
    raise UsageError(
        "One of the names given is no handle of Bluesky.",
        remedy="Give the whole handle (name.bsky.social), with or without @, the profile's address, or the DID.",
    )


def listed(typed: str) -> str | None:
    """Return the id of a post from its address, from the address of its page with the DID in it, or from itself.

    >>> listed("at://did:plc:ada/app.bsky.feed.post/3k") == listed("https://bsky.app/profile/did:plc:ada/post/3k")
    True
    >>> listed("https://bsky.app/profile/ada.bsky.social/post/3k")
    """
    plain = typed.strip()
    if _ADDRESS.fullmatch(plain):
        return _id(plain)
    if page := _PAGE.fullmatch(plain):
        return _id(f"at://{page[1]}/{_POST}/{page[2]}")
    return plain if _DIGEST.fullmatch(plain) else None


def jetstream_notice(record: Record) -> list[str] | None:
    """Return the post that an event tells the deletion of; None for other events."""
    commit = record.get("commit")
    if not jetstream_recognises(record) or not isinstance(commit, dict) or _operation(commit) != "delete":
        return None
    address = f"at://{record['did']}/{commit.get('collection')}/{commit.get('rkey')}"
    return [_id(address)] if _ADDRESS.fullmatch(address) else []


def mention(raw: str) -> str:
    """Return the handle behind a mention.

    >>> mention("Ada.bsky.social.")
    'ada.bsky.social'
    """
    return raw if raw.startswith("did:") else raw.strip(".").lower()


def _get(node: Record, name: str, snake: str) -> Any:
    return node[name] if name in node else node.get(snake)


def _address(node: Record) -> str | None:
    """Return the address of the post that an object is."""
    return _post_address(node["post_id"] if "post_id" in node else node.get("uri"))


def _post_address(value: Any) -> str | None:
    if not isinstance(value, str) or f"/{_POST}/" not in value:
        return None
    return value if _ADDRESS.fullmatch(value) else None


def _content(node: Record) -> Any:
    return node["record"] if "record" in node else node.get("value")


def _is_message(node: Record) -> bool:
    if _address(node) is None:
        return False
    if "post_id" in node:
        return isinstance(node.get("author_did"), str)
    content = _content(node)
    return isinstance(content, dict) and "post" not in content  # an item of a thread names its post's address, too


def _is_item(node: Record) -> bool:
    """Return whether an object is a post with its surroundings: an item of a feed, or of a thread."""
    return any(_is_message(mapping(holder.get("post"))) for holder in (node, mapping(node.get("value"))))


def _is_lost(node: Record) -> bool:
    marks = ("notFound", "not_found", "blocked")
    return _address(node) is not None and any(node.get(name) is True for name in marks)


def _view(node: Record) -> Draft:
    """Return the message of a post as the API shows it, or as a repository holds it."""
    address = str(_address(node))
    draft = _post(address, mapping(_content(node)), moment(_get(node, "indexedAt", "indexed_at")))
    author = mapping(node.get("author"))
    did = str(draft.author)
    if _labelled(node.get("labels"), _TAKEN_DOWN, not_by=did):
        draft = draft._replace(text=None, text_status="removed")
    return draft._replace(
        handle=_handle(author.get("handle")),
        display_name=string(_get(author, "displayName", "display_name")),
        retrieved_at=when(mapping(node.get("4CAT_metadata")).get("collected_at")),
        score=count(_get(node, "likeCount", "like_count")),
        declared_replies=count(_get(node, "replyCount", "reply_count")),
        bot="labelled as a bot by itself" if _labelled(author.get("labels"), frozenset({"bot"}), by=did) else None,
    )


def _flat(node: Record) -> Draft:
    """Return the message of a row in which a collector kept a few fields of a post under its own names."""
    value = {"text": node.get("text"), "createdAt": node.get("created_at"), "langs": [node.get("language")]}
    draft = _post(str(_address(node)), value, None)
    return draft._replace(
        kind="post",
        thread=None,  # such rows do not say whether they answer something
        handle=_handle(node.get("author")),
        retrieved_at=when(node.get("scraped_at")),
        score=count(node.get("like_count")),
        declared_replies=count(node.get("reply_count")),
    )


def _post(address: str, value: Record, seen: int | None) -> Draft:
    """Return the message of a post's record.

    Args:
        address: Its `at://` address.
        value: The record, empty where it is gone.
        seen: When a server first saw it.
    """
    text = string(value.get("text"))
    reply = mapping(value.get("reply"))
    parent = _post_address(mapping(reply.get("parent")).get("uri"))
    root = _post_address(mapping(reply.get("root")).get("uri"))
    message_id = _id(address)
    return Draft(
        platform="bluesky",
        message_id=message_id,
        kind="comment" if parent else "post",
        thread=_id(root) if root else None if parent else message_id,
        parent=_id(parent) if parent else None,
        author=_did(address),
        author_status="known",
        parent_author=_did(parent) if parent else None,
        created_at=_created(address, value, seen),
        text=text,
        text_status="present" if text else "empty",
        language=_language(value.get("langs")),
    )


def _reposted(node: Record) -> Draft | None:
    """Return the repost that an item of a feed tells of, beside the post itself."""
    reason = mapping(node.get("reason"))
    by = mapping(reason.get("by"))
    did, post = by.get("did"), _address(mapping(node.get("post")))
    if post is None or not isinstance(did, str) or _DID.fullmatch(did) is None:
        return None
    address = reason.get("uri")
    if not isinstance(address, str) or _ADDRESS.fullmatch(address) is None:
        address = f"at://{did}/{_REPOST}/{_id(post)}"  # older answers do not name it; nobody reposts a post twice
    return _repost(address, moment(_get(reason, "indexedAt", "indexed_at")))._replace(
        author=did, handle=_handle(by.get("handle")), display_name=string(_get(by, "displayName", "display_name"))
    )


def _repost(address: str, created_at: int | None) -> Draft:
    return Draft(
        platform="bluesky",
        message_id=_id(address),
        kind="repost",
        author=_did(address),
        author_status="known",
        created_at=created_at,
    )


def _operation(commit: Record) -> Any:
    operation = commit.get("operation", commit.get("type"))
    return _OPERATIONS.get(operation, operation) if isinstance(operation, str) else None


def _id(address: str) -> str:
    return blake2b(address.encode(), digest_size=16).hexdigest()


def _did(address: str) -> str:
    return address.split("/", 3)[2]


def _handle(value: Any) -> str | None:
    name = string(value)
    return None if name is None or name == "handle.invalid" else name.lower()


def _language(value: Any) -> str | None:
    return language(value[0]) if isinstance(value, list) and value else None


def _created(address: str, value: Record, seen: int | None) -> int | None:
    """Return when a post was made: what its client says, but no later than a server saw it."""
    said = moment(_get(value, "createdAt", "created_at"))
    if said is None:
        return _clock(address.rsplit("/", 1)[1]) if seen is None else seen
    return said if seen is None else min(said, seen)


def _clock(key: str) -> int | None:
    """Return the time that a record's key was made of (a TID: 53 bits of microseconds, 10 of the clock's name)."""
    if _CLOCK.fullmatch(key) is None:
        return None
    number = 0
    for digit in key:
        number = number * 32 + _DIGITS32[digit]
    return epoch(number >> 10, 1e6)


def _labelled(labels: Any, values: frozenset[str], *, by: str | None = None, not_by: str | None = None) -> bool:
    """Return whether one of `values` is among the labels, put there by, or not by, that DID."""
    for label in labels if isinstance(labels, list) else ():
        if not isinstance(label, dict) or label.get("neg") is True or not isinstance(source := label.get("src"), str):
            continue
        if label.get("val") in tuple(values) and (source == by if by else source != not_by):
            return True
    return False


BLUESKY = SourceFormat(
    name="bluesky",
    title="Bluesky posts, feeds and threads (API JSON)",
    platform="bluesky",
    recognises=recognises,
    drafts=drafts,
    silent=silent,
    username=username,
    mention=mention,
    listed=listed,
)
JETSTREAM = SourceFormat(
    name="bluesky-jetstream",
    title="Bluesky Jetstream events",
    platform="bluesky",
    recognises=jetstream_recognises,
    drafts=jetstream_drafts,
    silent=jetstream_silent,
    username=username,
    mention=mention,
    listed=listed,
    notice=jetstream_notice,
)
FORMATS: tuple[SourceFormat, ...] = (BLUESKY, JETSTREAM)
