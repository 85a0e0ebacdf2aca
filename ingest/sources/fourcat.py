"""4CAT's datasets: the CSV of any data source, and the NDJSON of Telegram.

Every data source has `id`, `thread_id`, `author`, `body` and `timestamp`; what is answered lies elsewhere in each, or
nowhere. Where the columns tell the platform, ids take the platform's own form, so that the rows join its other dumps.
Quirks handled: Reddit's bare ids; tables of X and Bluesky that name the person answered but not the message; quotes
(`>>123`) in the text of image boards; "Anonymous" and "REDACTED", which are nobody; local times beside epochs; hashes
in all columns of the author, the empty ones included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat
from ingest.sources.shared import digest, full_name, message_key, named, said
from ingest.values import count, identifier, language, string, when

_COLUMNS = frozenset({"id", "thread_id", "author", "body", "timestamp"})
_REPLY_COLUMNS = ("reply_to", "in_reply_to", "parent_id", "parent")
_REDACTED = "REDACTED"  # every author of an anonymised dataset
_NO_NAME = "Anonymous"  # most authors of an image board
_HASH = re.compile(r"[0-9a-f]{48}")  # how 4CAT pseudonymises: BLAKE2b of 24 bytes
_YES = frozenset({"yes", "true", "1"})
_NUMBER = re.compile(r"-?[0-9]{1,20}")
_QUOTE = re.compile(r"(?<!>)>>(\d{1,18})(?!\d)")
_POST = re.compile(r"(?:https?://)?bsky\.app/profile/([^/\s]+)/post/([^/\s?#]+)")
_URI = re.compile(r"at://[^/\s]+/[^/\s]+/[^/\s]+")
_POSTS = "app.bsky.feed.post"


def recognises(record: Record) -> bool:
    """Return whether a record is a row of 4CAT, or a message that 4CAT wrote for Telegram."""
    return (record.keys() >= _COLUMNS and not _is_of_another_tool(record)) or _is_telegram_object(record)


def _is_of_another_tool(record: Record) -> bool:
    """Return whether a row was uploaded to 4CAT from YouTube Data Tools: all its columns are there to be read."""
    return "publishedAt" in record and ("authorName" in record or "channelTitle" in record)


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the message of a row.

    Raises:
        BadRecordError: It has no usable id, or is no row of 4CAT.
    """
    if _is_telegram_object(record):
        record = _telegram_row(record)
    elif not record.keys() >= _COLUMNS:
        raise BadRecordError("a row without 4CAT's columns")
    source = next((s for s in _SOURCES if record.keys() >= s.columns), None)
    yield source.read(record) if source else _any_row(record)


def _row(record: Record, platform: str) -> Draft:
    """Return what all data sources write alike; their readers put the ids and the ties right."""
    own = message_key(record.get("id"))
    if own is None:
        raise BadRecordError("no id")
    author, author_status = _somebody(record.get("author"))
    text, text_status = said(record.get("body"))
    return Draft(
        platform=platform,
        message_id=own,
        kind="post",
        thread=message_key(record.get("thread_id")),
        author=author,
        author_status=author_status,
        created_at=_time(record, "unix_timestamp", "timestamp"),
        text=text,
        text_status=text_status,
        language=language(record.get("language_guess")),
        score=_number(record, "score", "like_count", "likes"),
        declared_replies=_number(record, "reply_count", "replies"),
    )


def _any_row(record: Record) -> Draft:
    draft = _without_shared_name(_with_subject(_row(record, "fourcat"), record))
    parent = next((found for name in _REPLY_COLUMNS if (found := message_key(record.get(name)))), None)
    parent = None if parent == draft.message_id else parent  # 4CAT's own imports write the id of a root there
    comment = parent or draft.thread not in (None, draft.message_id)
    return draft._replace(parent=parent, kind="comment" if comment else "post")


def _reddit(record: Record) -> Draft:
    draft = _row(record, "reddit")
    root = full_name(draft.thread, "t3_")
    comment = bool(_cell(record, "parent")) or draft.thread not in (None, draft.message_id)
    own = full_name(draft.message_id, "t1_" if comment else "t3_")
    if own is None:
        raise BadRecordError("an id that Reddit does not use")
    forum = _cell(record, "subreddit")
    draft = draft if comment else _with_subject(draft, record)
    return draft._replace(
        message_id=own,
        kind="comment" if comment else "post",
        thread=root if comment else own,
        parent=(full_name(record.get("parent"), "t1_") or root) if comment else None,
        forum=forum,
        forum_owner=forum[2:] or None if forum and forum[:2].lower() == "u_" else None,
    )


def _x(record: Record) -> Draft:
    """Return a post of X. Its table names the person answered, and not the post."""
    draft = _row(record, "x")
    if _cell(record, "author_id") == "UNKNOWN":
        raise BadRecordError("a post that X no longer had")  # 4CAT's note that the API found none
    draft = _identified(draft, record, "id:")._replace(
        display_name=_plain_cell(record, "author_fullname"),
        created_at=_time(record, "timestamp", "unix_timestamp"),  # the epoch is off where the server is not in UTC
    )
    if _yes(record, "is_retweet"):
        return _shown_again(draft)
    if not _yes(record, "is_reply"):
        return draft
    return draft._replace(kind="comment", parent_author=_cell(record, "replied_user"))


def _bluesky(record: Record) -> Draft:
    draft = _identified(_row(record, "bluesky"), record, "")
    draft = draft._replace(
        handle=_lower(draft.handle),
        display_name=_plain_cell(record, "author_display_name"),
        retrieved_at=_time(record, "collected_at"),
        language=language(record.get("languages")),
    )
    answered = _cell(record, "replied_to_post")
    if answered is None:
        return draft
    parent = _bluesky_parent(answered, _cell(record, "thread_id"))
    person = parent.split("/")[2] if parent else _cell(record, "replied_to_user")
    return draft._replace(kind="comment", parent=message_key(parent), parent_author=_lower(person))


def _bluesky_parent(address: str, root: str | None) -> str | None:
    """Return the URI of a post from the web address 4CAT makes: it has the handle where the URI has the DID."""
    if _URI.fullmatch(address):
        return address
    found = _POST.fullmatch(address)
    if found is None:
        return None
    if found[1].startswith("did:"):
        return f"at://{found[1]}/{_POSTS}/{found[2]}"
    return root if root and _URI.fullmatch(root) and root.endswith(f"/{found[2]}") else None


def _telegram(record: Record) -> Draft:
    draft = _row(record, "telegram")
    chat = _cell(record, "chat") or _cell(record, "search_entity") or draft.thread
    if chat is None:
        raise BadRecordError("a message without its chat")
    number, _ = _somebody(record.get("author"))
    shown = _plain_cell(record, "author_name")
    kind = "user" if _cell(record, "author_name") else "channel"
    reply = _cell(record, "reply_to")
    numbered = _NUMBER.fullmatch(chat) is not None
    place = chat if numbered else digest(chat.casefold())  # a chat's username may be a person's
    draft = draft._replace(
        message_id=f"{place}/{draft.message_id}",
        kind="comment" if reply else "post",
        thread=None,
        parent=f"{place}/{reply}" if reply else None,
        author=f"id:{kind}{number}" if number else None,
        author_status="known" if number else "unknown",
        handle=_plain_cell(record, "author_username") if number else None,
        display_name=shown,
        forum=chat,
        forum_owner=None if numbered else chat,
        edited_at=_time(record, "unix_timestamp_edited", "timestamp_edited"),
        bot="declared by Telegram" if number and _yes(record, "author_is_bot") else None,
    )
    return _shown_again(draft) if _cell(record, "timestamp_forwarded_from") else draft


def _shown_again(draft: Draft) -> Draft:
    return draft._replace(kind="repost", thread=None, parent=None, text=None, text_status="empty", edited_at=None)


def _tiktok_comment(record: Record) -> Draft:
    draft = _tiktok(record)
    return draft._replace(kind="comment", parent=draft.thread, thread=_cell(record, "post_id"))


def _tiktok(record: Record) -> Draft:
    draft = _row(record, "tiktok")
    author = draft.author
    if author and author.startswith("@"):
        author = f"id:{author[1:]}"  # 4CAT's stand-in where TikTok gives a number and no name
    return draft._replace(author=author, display_name=_plain_cell(record, "author_full"))


def _image_board(record: Record) -> Draft:
    draft = _without_shared_name(_with_subject(_row(record, "imageboard"), record))
    if draft.thread in (None, draft.message_id):
        return draft
    return draft._replace(kind="comment", parent=_quoted(draft, record.get("body")) or draft.thread)


def _quoted(draft: Draft, body: Any) -> str | None:
    """Return the first post of the same thread that the text points to."""
    first, own = count(draft.thread), count(draft.message_id)
    if first is None or own is None:
        return None
    return next((n for n in _QUOTE.findall(string(body) or "") if first <= int(n) < own), None)


def _identified(draft: Draft, record: Record, prefix: str) -> Draft:
    """Return the draft with the author's stable id, and the username beside it."""
    told, _ = _somebody(record.get("author_id"))
    if told is None:
        return draft
    return draft._replace(author=prefix + told, author_status="known", handle=_plain_cell(record, "author"))


def _with_subject(draft: Draft, record: Record) -> Draft:
    subject = string(record.get("subject"))
    if subject is None or draft.text_status not in ("present", "empty"):
        return draft
    text = "\n\n".join(part for part in (subject, draft.text) if part)
    return draft._replace(text=text, text_status="present")


def _without_shared_name(draft: Draft) -> Draft:
    return draft._replace(author=None, author_status="unknown") if draft.author == _NO_NAME else draft


def _somebody(value: Any) -> tuple[str | None, str]:
    name, status = named(value)
    return (None, "unknown") if name == _REDACTED else (name, status)


def _cell(record: Record, name: str) -> str | None:
    return identifier(record.get(name))


def _plain_cell(record: Record, name: str) -> str | None:
    """Return a name, None for its hash: that of an empty cell would make one person of many."""
    found, _ = _somebody(record.get(name))
    return None if found and _HASH.fullmatch(found) else found


def _lower(name: str | None) -> str | None:
    """Return a handle of Bluesky as its own format has it; a DID stays as it is."""
    return name if name is None or name.startswith("did:") else name.lower()


def _yes(record: Record, name: str) -> bool:
    value = record.get(name)
    return value is True or (isinstance(value, str) and value.strip().lower() in _YES)


def _time(record: Record, *names: str) -> int | None:
    return next((found for name in names if (found := when(record.get(name))) is not None), None)


def _number(record: Record, *names: str) -> int | None:
    return next((found for name in names if (found := count(record.get(name))) is not None), None)


def _inner(record: Any, *path: str) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _is_telegram_object(record: Record) -> bool:
    return "_chat" in record and "_sender" in record and "message" in record and "id" in record


def _telegram_row(record: Record) -> Record:
    """Return the row that 4CAT would make of a message, but with the chat's number, as Telegram's own export has it."""
    names = [part for name in ("first_name", "last_name") if (part := string(_inner(record, "_sender", name)))]
    reply = record.get("reply_to_msg_id")
    number = _inner(record, "_chat", "id")
    return {
        "id": record["id"],
        "thread_id": None,
        "chat": _inner(record, "_chat", "username") if number is None else number,
        "author": _inner(record, "_sender", "id"),
        "author_username": _inner(record, "_sender", "username"),
        "author_name": " ".join(names),
        "author_is_bot": _inner(record, "_sender", "bot"),
        "body": record["message"],
        "reply_to": _inner(record, "reply_to", "reply_to_msg_id") if reply is None else reply,
        "timestamp": record.get("date"),
        "timestamp_edited": record.get("edit_date"),
        "timestamp_forwarded_from": "yes" if isinstance(record.get("fwd_from"), dict) else None,
        "attachment_type": None,
    }


class _Source(NamedTuple):
    """A data source: the columns that tell it, and how to read its rows."""

    columns: frozenset[str]
    read: Callable[[Record], Draft]


_SOURCES = (
    _Source(frozenset({"subreddit", "parent"}), _reddit),
    _Source(frozenset({"is_retweet", "is_reply", "replied_user", "author_id"}), _x),
    _Source(frozenset({"replied_to_post", "replied_to_user", "author_id"}), _bluesky),
    _Source(frozenset({"chat", "reply_to", "attachment_type"}), _telegram),
    _Source(frozenset({"search_entity", "reply_to", "attachment_type"}), _telegram),
    _Source(frozenset({"is_comment_on_comment", "post_id"}), _tiktok_comment),
    _Source(frozenset({"tiktok_url"}), _tiktok),
    _Source(frozenset({"image_md5", "image_file"}), _image_board),
)

FOURCAT = SourceFormat(
    name="4cat",
    title="4CAT dataset (CSV, or the NDJSON of Telegram)",
    platform="",
    recognises=recognises,
    drafts=drafts,
    known_bots=("AutoModerator",),
)
FORMATS: tuple[SourceFormat, ...] = (FOURCAT,)
