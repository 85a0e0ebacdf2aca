"""X (Twitter) API v2 as twarc2, its plug-in twarc-csv and other collectors write it.

A record is a page of answers (`data`, `includes`, `errors`), one post of a stream (`data` is one object), a flat post
(`author` and `referenced_tweets` filled in by `twarc2 flatten`) or a row of twarc-csv (`author.username`, ...). Pages
resolve most replies through `includes.tweets` only, so what they include are messages like the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeGuard

from ingest.records import NO_MESSAGE, BadRecordError, Draft, Record, Reject, SourceFormat
from ingest.sources import x_common as x
from ingest.values import count, listing, mapping, moment, string

_PAGE = ("data", "includes", "errors", "meta")
_PROBLEMS = "/2/problems/"  # in the type of every error of this API
_EVENTS = frozenset({"delete", "withheld", "drop", "undrop", "tweet_edit", "undelete", "scrub_geo"})
_PLAIN_MARKS = ("reply_settings", "possibly_sensitive", "in_reply_to_user_id")
_SNOWFLAKE_DIGITS = 15
_ROW_MARK = "referenced_tweets.replied_to.id"
_OTHERS = ("id_str", "idstr", "_type", "kind", "full_text")
Post = dict[str, Any]


class _Context(NamedTuple):
    """What the posts of one record have in common.

    Attributes:
        users: Profiles by id.
        first: First version's id by later versions' ids, where posts were edited.
        retrieved_at: Microseconds.
    """

    users: dict[str, Record]
    first: dict[str, str]
    retrieved_at: int | None


def recognises(record: Record) -> bool:
    """Return whether a record is a post or a page of posts of API v2."""
    if any(name in record for name in _OTHERS):
        return False
    return _is_post(record) or _is_row(record) or _is_page(record)


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the posts of a record and those it carries along.

    Raises:
        BadRecordError: The record is neither a post nor a page.
    """
    if _is_row(record):
        record = _unflattened(record)
    page = _is_page_like(record)
    if not page and _is_problem(record):
        return
    if not page and "text" not in record:
        raise BadRecordError("neither a post nor a page of posts")
    yield from (Reject(NO_MESSAGE) for item in listing(record.get("data")) if not isinstance(item, dict))
    posts = list(_posts(record, page))
    context = _context(record, posts)
    seen: set[str] = set()
    for post in posts:
        native = x.native_id(post.get("id"))
        if native is None:
            yield Reject("a post without an id")
        elif native not in seen:
            seen.add(native)
            yield _draft(native, post, context)


def _is_post(record: Record) -> bool:
    native, author = record.get("id"), record.get("author_id")
    if not _digits(native) or not isinstance(record.get("text"), str):
        return False
    if isinstance(record.get("edit_history_tweet_ids"), list):
        return True
    if not _digits(author):
        return False
    long = len(native) >= _SNOWFLAKE_DIGITS and _digits(record.get("conversation_id"))
    return long or isinstance(record.get("public_metrics"), dict) or any(name in record for name in _PLAIN_MARKS)


def _is_row(record: Record) -> bool:
    return _ROW_MARK in record and "author_id" in record and "text" in record


def _is_page(record: Record) -> bool:
    if isinstance(record.get("__twarc"), dict) and _is_page_like(record):
        return True
    items = _dicts(record.get("data"))
    if items and _marked_page(record):
        return _digits(items[0].get("id"))
    if items:
        return _is_post(items[0]) or _is_event(items[0])
    return _is_problem(record) or any(_is_problem(error) for error in _dicts(record.get("errors"))[:1])


def _marked_page(record: Record) -> bool:
    """Return whether a page says by itself that X wrote it, however few fields its posts have."""
    meta = record.get("meta")
    counted = isinstance(meta, dict) and "result_count" in meta and ("newest_id" in meta or "next_token" in meta)
    return counted or isinstance(record.get("matching_rules"), list)


def _is_page_like(record: Record) -> bool:
    return "text" not in record and any(name in record for name in _PAGE)


def _is_answer(record: Record) -> bool:
    """Return whether this may hold no post: a page without any, of errors, of people, or of notices; or a problem."""
    return _is_problem(record) or any(isinstance(record.get(name), dict | list) for name in _PAGE)


def _is_problem(record: Record) -> bool:
    """Return whether this is an error or a notice of disconnection, which streams write between posts."""
    kind = record.get("type")
    return isinstance(kind, str) and _PROBLEMS in kind and "title" in record


def _is_event(item: Record) -> bool:
    """Return whether this is a notice of the compliance streams: it names a post or a person, and holds no message."""
    names = [name for name, value in item.items() if isinstance(value, dict)]
    return len(item) == 1 and len(names) == 1 and (names[0] in _EVENTS or names[0].startswith("user_"))


def _is_profile(item: Record) -> bool:
    return "username" in item and "text" not in item


def _posts(record: Record, page: bool) -> Iterator[Post]:
    """Yield the posts of a record, and those filled in where a flat post refers to them."""
    if page:
        includes = mapping(record.get("includes"))
        items = _dicts(record.get("data")) + _dicts(includes.get("tweets"))
        stack = [item for item in reversed(items) if not (_is_event(item) or _is_profile(item))]
    else:
        stack = [record]
    while stack:
        post = stack.pop()
        yield post
        stack += [other for other in _dicts(post.get("referenced_tweets")) if isinstance(other.get("text"), str)]


def _context(record: Record, posts: Iterable[Post]) -> _Context:
    users: dict[str, Record] = {}
    profiles = _dicts(mapping(record.get("includes")).get("users"))
    profiles += [item for item in _dicts(record.get("data")) if _is_profile(item)]  # they carry pinned posts
    profiles += _dicts(record.get("in_reply_to_user"))  # of a flat post; the post it answers may lack its author
    for user in profiles:
        if found := x.native_id(user.get("id")):
            users[found] = user
    first = x.first_versions(x.ids(post.get("edit_history_tweet_ids")) for post in posts)
    return _Context(users, first, moment(mapping(record.get("__twarc")).get("retrieved_at")))


def _draft(native: str, post: Post, context: _Context) -> Draft:
    references = _references(post)
    version = x.version(native, x.ids(post.get("edit_history_tweet_ids")), moment(post.get("created_at")))
    user = _user(post, context)
    user_id = post.get("author_id") or user.get("id")
    draft = x.frame(native, version, user_id, user.get("username"), user.get("name"), post.get("lang"))
    draft = draft._replace(retrieved_at=context.retrieved_at)
    return draft if "retweeted" in references else _with_content(draft, native, post, references, context)


def _with_content(draft: Draft, native: str, post: Post, references: dict[str, str], context: _Context) -> Draft:
    """Return the draft of a post that is no repost: a repost has no text, no thread and no counts of its own."""
    parent = references.get("replied_to")
    parent_author = x.by_id(post.get("in_reply_to_user_id"))
    thread = x.native_id(post.get("conversation_id"))
    answers = bool(parent or parent_author or thread not in (None, native))
    text, text_status = _text(post)
    metrics = mapping(post.get("public_metrics"))
    return draft._replace(
        kind="comment" if answers else "post",
        thread=context.first.get(thread, thread) if thread else None if answers else draft.message_id,
        parent=context.first.get(parent, parent) if parent else None,
        parent_author=parent_author,
        text=text,
        text_status=text_status,
        score=count(metrics.get("like_count")),
        declared_replies=count(metrics.get("reply_count")),
    )


def _references(post: Post) -> dict[str, str]:
    """Return the id of the post answered, quoted or shown again, by X's word for the reference."""
    found: dict[str, str] = {}
    for reference in _dicts(post.get("referenced_tweets")):
        kind, native = reference.get("type"), x.native_id(reference.get("id"))
        if isinstance(kind, str) and native:
            found[kind] = native
    return found


def _user(post: Post, context: _Context) -> Record:
    """Return the profile of the author: filled in, or beside the posts of the page."""
    for name in ("author", "author_user"):
        if isinstance(post.get(name), dict):
            return mapping(post[name])
    native = x.native_id(post.get("author_id"))
    return context.users.get(native, {}) if native else {}


def _text(post: Post) -> tuple[str | None, str]:
    """Return the text; the long one of a "note", of which `text` holds the beginning only."""
    if x.withheld_everywhere(mapping(post.get("withheld")).get("country_codes")):
        return None, "removed"
    note = string(mapping(post.get("note_tweet")).get("text"))
    return x.words(note or post.get("text"))


def _unflattened(row: Record) -> Record:
    """Return the post behind a row of twarc-csv, which writes lists as JSON and line breaks as \\n."""
    post: Post = {name: row.get(name) or None for name in ("id", "author_id", "conversation_id", "in_reply_to_user_id")}
    text = row.get("text")
    post["text"] = text.replace("\\n", "\n") if isinstance(text, str) else None
    post |= {name: row.get(name) for name in ("created_at", "lang")}
    kinds = ("replied_to", "retweeted", "quoted")
    post["referenced_tweets"] = [{"type": kind, "id": row.get(f"referenced_tweets.{kind}.id")} for kind in kinds]
    post["edit_history_tweet_ids"] = _json(row.get("edit_history_tweet_ids"))
    post["author"] = {name: row.get(f"author.{name}") for name in ("id", "username", "name")}
    post["public_metrics"] = {name: row.get(f"public_metrics.{name}") for name in ("like_count", "reply_count")}
    post["withheld"] = {"country_codes": _json(row.get("withheld.country_codes"))}
    post["__twarc"] = {"retrieved_at": row.get("__twarc.retrieved_at")}
    return post


def _json(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("[") or len(value) > 10_000:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _digits(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def _dicts(value: Any) -> list[Record]:
    """Return the objects in a list, or an object alone, which streams write instead."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


X_V2 = SourceFormat(
    name="x-v2",
    title="X (Twitter) API v2 (twarc2 pages, streams and flat files, twarc-csv)",
    platform=x.PLATFORM,
    recognises=recognises,
    drafts=drafts,
    silent=_is_answer,
    username=x.username,
    mention=str,
    listed=x.listed,
    notice=x.notice,
)
FORMATS: tuple[SourceFormat, ...] = (X_V2,)
