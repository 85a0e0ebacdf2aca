"""YouTube: answers of the Data API v3 (threads, comments, videos), and the tables of YouTube Data Tools (YTDT).

A video is the root of its thread; the API hangs every reply below the comment that began the discussion.

Quirks handled: list answers and single resources; at most five replies beside a thread (the others come from
`comments.list`, without the video); reply ids that begin with their parent's; names that are @handles since 2023 and
display names before; `textDisplay` as HTML or plain; links to people inside texts; YTDT 1 without the video's id, with
the reply's target in `isReplyTo`; YTDT 2 with the target it worked out, and with rows for videos it could not read;
YTDT's hashes instead of names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.html_text import plain
from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.values import count, identifier, language, mapping, moment, string

_LISTS = frozenset(f"youtube#{name}ListResponse" for name in ("commentThread", "comment", "video"))
_RESOURCES = frozenset({"youtube#commentThread", "youtube#comment", "youtube#video"})
_CHANNEL = re.compile(r"UC[A-Za-z0-9_\-]{22}")
_CHANNEL_URL = re.compile(r"(?:https?://)?(?:[a-z]+\.)?youtube\.com/channel/(UC[A-Za-z0-9_\-]{22})(?:[/?#]\S*)?", re.I)
_NAME_URL = re.compile(r"(?:https?://)?(?:[a-z]+\.)?youtube\.com/(?:@|user/|c/)([^\s/?#@]{1,100})(?:[/?#]\S*)?", re.I)
_HANDLE = re.compile(r"@[\w.\-·]{1,64}")  # letters of any alphabet, since 2024
_MARKUP = re.compile(r"<(?:br|a\s|/|b>|i>|s>|span)|&(?:amp|lt|gt|quot|#\d{1,6});", re.I)
_TO_CHANNEL = re.compile(
    r"""<a\s[^<>]{0,500}?href="[^"<>]{0,100}?/(?:channel/(UC[\w\-]{22})|(@[^"<>/?]{1,100}))["/?][^<>]{0,500}>"""
    r"""[^<]{0,300}</a>""",
    re.I | re.A,
)
_TO_GOOGLE_PLUS = re.compile(r"""<a\s[^<>]{0,500}?\boid="[^<>]{0,500}>[^<]{0,300}</a>""", re.I)
_NATIVE = re.compile(r"[A-Za-z0-9_\-]{6,64}(?:\.[A-Za-z0-9_\-]{1,64})?")
_ON_YOUTUBE = re.compile(r"(?:https?://)?(?:[\w\-]+\.)*(?:youtube\.com|youtu\.be)/", re.I)
_ADDRESSED = (re.compile(r"[?&]lc=([\w.\-]+)"), re.compile(r"(?:[?&]v=|youtu\.be/|/shorts/|/live/)([\w\-]+)"))
_YTDT = frozenset({"id", "publishedAt", "authorName", "text", "isReply"})
_YTDT_VIDEO = frozenset({"channelId", "channelTitle", "videoId", "videoTitle", "publishedAt"})


def recognises_api(record: Record) -> bool:
    """Return whether a record looks like an answer or a resource of the Data API."""
    kind = record.get("kind")
    if isinstance(kind, str):
        return kind in _RESOURCES or (kind in _LISTS and isinstance(record.get("items"), list))
    return kind is None and _kind(record) is not None


def _kind(resource: Record) -> str | None:
    """Return what a resource is; `fields` in a request may leave `kind` out."""
    kind = resource.get("kind")
    if isinstance(kind, str):
        return kind.removeprefix("youtube#") if kind in _RESOURCES else None
    snippet = resource.get("snippet")
    if not isinstance(snippet, dict):
        return None
    if isinstance(snippet.get("topLevelComment"), dict):
        return "commentThread"
    written = "textDisplay" in snippet or "textOriginal" in snippet
    return "comment" if written and "authorDisplayName" in snippet else None


def drafts_api(record: Record) -> Iterator[Draft | Reject]:
    """Yield the videos and comments of an answer or of a resource.

    Raises:
        BadRecordError: The record is neither, or a resource without an id.
    """
    items = record.get("items")
    if isinstance(items, list):
        for item in items:
            try:
                yield from _of_resource(mapping(item))
            except BadRecordError as error:
                yield Reject(str(error))
    else:
        yield from _of_resource(record)


def _of_resource(resource: Record) -> Iterator[Draft | Reject]:
    kind = _kind(resource)
    if kind == "commentThread":
        yield from _of_thread(resource)
    elif kind == "comment":
        yield _comment(resource)
    elif kind == "video":
        yield _video(resource)
    else:
        raise BadRecordError("neither a comment thread, a comment nor a video")


def _of_thread(thread: Record) -> Iterator[Draft | Reject]:
    """Yield the comment that began a thread, and the replies beside it."""
    snippet = mapping(thread.get("snippet"))
    known = {name: snippet.get(name) for name in ("videoId", "channelId")}
    top = mapping(snippet.get("topLevelComment"))
    native = identifier(top.get("id")) or identifier(thread.get("id"))
    replies = mapping(thread.get("replies")).get("comments")
    if native is None:
        yield Reject("a comment without an id")
    else:
        yield _comment(top | {"id": native}, known, count(snippet.get("totalReplyCount")))
    for reply in replies if isinstance(replies, list) else ():
        if isinstance(reply, dict) and identifier(reply.get("id")):
            yield _comment(reply, known | {"parentId": native})
        else:
            yield Reject("a comment without an id")


def _comment(resource: Record, known: Record | None = None, replies: int | None = None) -> Draft:
    """Return a comment; `known` are fields of its snippet that the resource around it tells."""
    native = identifier(resource.get("id"))
    if native is None:
        raise BadRecordError("a comment without an id")
    told = {name: value for name, value in mapping(resource.get("snippet")).items() if value is not None}
    snippet = (known or {}) | told
    video, channel = identifier(snippet.get("videoId")), identifier(snippet.get("channelId"))
    author, handle, shown = _author(
        mapping(snippet.get("authorChannelId")).get("value"),
        snippet.get("authorChannelUrl"),
        snippet.get("authorDisplayName"),
    )
    removed = snippet.get("moderationStatus") == "rejected"
    text = None if removed else _written(snippet)
    published = moment(snippet.get("publishedAt"))
    return Draft(
        platform="youtube",
        message_id=native,
        kind="comment",
        thread=video,
        parent=identifier(snippet.get("parentId")) or _answered(native) or video,
        author=author,
        author_status="known" if author else "unknown",
        handle=handle,
        display_name=shown,
        forum=channel,
        forum_owner=f"id:{channel}" if channel else None,
        created_at=published,
        edited_at=_later(moment(snippet.get("updatedAt")), published),
        text=text,
        text_status="removed" if removed else "present" if text else "empty",
        score=count(snippet.get("likeCount")),
        declared_replies=replies,
    )


def _video(resource: Record) -> Draft:
    native = identifier(resource.get("id"))
    if native is None:
        raise BadRecordError("a video without an id")
    snippet, statistics = mapping(resource.get("snippet")), mapping(resource.get("statistics"))
    parts = (string(snippet.get("title")), string(snippet.get("description")))
    return _root(
        native,
        channel=identifier(snippet.get("channelId")),
        shown=string(snippet.get("channelTitle")),
        published=moment(snippet.get("publishedAt")),
        text=string("\n\n".join(part for part in parts if part)),
        language=language(snippet.get("defaultLanguage")) or language(snippet.get("defaultAudioLanguage")),
        likes=count(statistics.get("likeCount")),
        comments=count(statistics.get("commentCount")),
    )


def _root(
    native: str,
    *,
    channel: str | None,
    shown: str | None,
    published: int | None,
    text: str | None,
    language: str | None,
    likes: int | None,
    comments: int | None,
) -> Draft:
    owner = f"id:{channel}" if channel else None
    return Draft(
        platform="youtube",
        message_id=native,
        kind="post",
        thread=native,
        author=owner or shown,
        author_status="known" if owner or shown else "unknown",
        display_name=shown,
        forum=channel,
        forum_owner=owner,
        created_at=published,
        text=text,
        text_status="present" if text else "empty",
        language=language,
        score=likes,
        declared_replies=comments,
    )


def _answered(native: str) -> str | None:
    """Return the comment that a reply's id begins with."""
    parent, point, _ = native.partition(".")
    return parent if point and parent else None


def _later(updated: int | None, published: int | None) -> int | None:
    return updated if updated is not None and published is not None and updated > published else None


def _author(channel: Any, url: Any, name: Any) -> tuple[str | None, str | None, str | None]:
    """Return (author, handle, display name)."""
    native, address, shown = identifier(channel), string(url), string(name)
    if native is None and address and (found := _CHANNEL_URL.fullmatch(address)):
        native = found[1]
    handle = shown[1:] if shown and _HANDLE.fullmatch(shown) else None
    if handle:
        shown = None
    elif address and (named := _NAME_URL.fullmatch(address)) and "/@" in address:
        handle = named[1]
    author = f"id:{native}" if native else handle or shown
    return author, handle if handle != author else None, shown


def _written(snippet: Record) -> str | None:
    return string(snippet.get("textOriginal")) or _readable(snippet.get("textDisplay"))


def _readable(value: Any) -> str | None:
    """Return a text without markup; links to people become what `mention` knows, for their words are bare names."""
    text = string(value)
    if text is None or not _MARKUP.search(text):
        return text
    text = _TO_CHANNEL.sub(lambda found: f"@{found[1]}" if found[1] else found[2], text)
    return string(plain(_TO_GOOGLE_PLUS.sub("[name]", text)))


def recognises_ytdt(record: Record) -> bool:
    """Return whether a row is of YTDT's comments or of its list of videos."""
    if record.keys() >= _YTDT:
        return "isReplyTo" in record or "isReplyToId" in record
    return record.keys() >= _YTDT_VIDEO


def drafts_ytdt(record: Record) -> Iterator[Draft | Reject]:
    """Yield the comment or the video of a row; a row that says why a video was not read holds none.

    Raises:
        BadRecordError: The row is neither, or has no id.
    """
    if "videoTitle" in record and "isReply" not in record:
        yield from _ytdt_video(record)
        return
    native = identifier(record.get("id"))
    if native is None:
        if identifier(record.get("videoId")) and not string(record.get("authorName")):
            return
        raise BadRecordError("a comment without an id")
    yield _ytdt_comment(record, native)


def _ytdt_comment(row: Record, native: str) -> Draft:
    author, handle, shown = _author(row.get("authorChannelId"), row.get("authorChannelUrl"), row.get("authorName"))
    video, text, replies = identifier(row.get("videoId")), _readable(row.get("text")), row.get("totalReplyCount")
    return Draft(
        platform="youtube",
        message_id=native,
        kind="comment",
        thread=video,
        parent=(_ytdt_target(row, native) if count(row.get("isReply")) else None) or video,
        author=author,
        author_status="known" if author else "unknown",
        handle=handle,
        display_name=shown,
        parent_author=_ytdt_person(row),
        created_at=moment(row.get("publishedAt")),
        text=text,
        text_status="present" if text else "empty",
        score=count(row.get("likeCount")),
        declared_replies=count(row.get("replyCount") if replies is None else replies),
    )


def _ytdt_target(row: Record, native: str) -> str | None:
    named = identifier(row.get("isReplyToId")) or identifier(row.get("isReplyTo"))
    return named or identifier(row.get("threadId")) or _answered(native)


def _ytdt_person(row: Record) -> str | None:
    """Return whom a reply answers, if it is named in the way authors are."""
    name = string(row.get("isReplyToName"))
    if name is None or _HANDLE.fullmatch(name):
        return name[1:] if name else None
    named_only = not any(string(row.get(field)) for field in ("authorChannelId", "authorChannelUrl"))
    return name if named_only else None


def _ytdt_video(row: Record) -> Iterator[Draft]:
    native = identifier(row.get("videoId"))
    if native is None:
        if string(row.get("videoTitle")):
            return  # YTDT's row for a video it did not find
        raise BadRecordError("a video without an id")
    channel = identifier(row.get("channelId"))
    if channel is None:
        return  # the same: such a row has an id and a notice in place of the title
    parts = (string(row.get("videoTitle")), string(row.get("videoDescription")))
    yield _root(
        native,
        channel=channel,
        shown=string(row.get("channelTitle")),
        published=moment(row.get("publishedAt")) or moment(row.get("publishedAtSQL")),
        text=string("\n\n".join(part for part in parts if part)),
        language=language(row.get("defaultLanguage")),
        likes=count(row.get("likeCount")),
        comments=count(row.get("commentCount")),
    )


def listed(typed: str) -> str | None:
    """Return the id of a comment or a video, from itself or from its address.

    >>> listed("Ugxy12.9z"), listed("https://www.youtube.com/watch?v=abc&lc=Ugxy"), listed("https://youtu.be/abc?t=1")
    ('Ugxy12.9z', 'Ugxy', 'abc')
    """
    plain = typed.strip()
    if _NATIVE.fullmatch(plain):
        return plain
    if not _ON_YOUTUBE.match(plain):
        return None
    found = next((match for pattern in _ADDRESSED if (match := pattern.search(plain))), None)
    return found[1] if found else None


def mention(raw: str) -> str:
    """Return whom a handle in a text names: `_readable` writes the channels that texts link to by their ids.

    >>> mention("ada"), mention("UC" + "a" * 22) == "id:UC" + "a" * 22
    ('ada', True)
    """
    return f"id:{raw}" if _CHANNEL.fullmatch(raw) else raw


def username(typed: str) -> str:
    """Return the raw name of a person: a channel's id, its address, @handle, or the name shown (in files without ids).

    Raises:
        UsageError: It is none of these. The message does not repeat it.

    >>> username("@ada"), username("https://www.youtube.com/@ada/videos"), username("Ada L")
    ('ada', 'ada', 'Ada L')
    """
    name = typed.strip().removeprefix("id:")
    if _CHANNEL.fullmatch(name):
        return f"id:{name}"
    if by_id := _CHANNEL_URL.fullmatch(name):
        return f"id:{by_id[1]}"
    if by_name := _NAME_URL.fullmatch(name):
        return by_name[1]
    name = name.removeprefix("@").strip()
    if not name or len(name) > 100 or "/" in name or not name.isprintable():
        raise UsageError(
            "One of the names given is no channel of YouTube.",
            remedy="Give the channel's id (UC and 22 more characters), its address, or @handle.",
        )
    return name


YOUTUBE_API = SourceFormat(
    name="youtube-api",
    title="YouTube Data API v3 JSON (commentThreads, comments, videos)",
    platform="youtube",
    recognises=recognises_api,
    drafts=drafts_api,
    silent=always,
    username=username,
    mention=mention,
    listed=listed,
)
YTDT = SourceFormat(
    name="ytdt",
    title="YouTube Data Tools CSV or TAB (comments, video list)",
    platform="youtube",
    recognises=recognises_ytdt,
    drafts=drafts_ytdt,
    silent=always,
    username=username,
    mention=mention,
    listed=listed,
)
FORMATS: tuple[SourceFormat, ...] = (YOUTUBE_API, YTDT)
