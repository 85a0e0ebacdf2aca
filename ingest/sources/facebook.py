"""Facebook: answers of the Graph API, Facepager's CSV exports, and tables of the Meta Content Library.

Quirks handled: comments nested in posts as `{data, paging}` and flat with `parent`; ids with and without the page's in
front (`PAGE_POST`, `POST`; a comment is `POST_COMMENT`, before 2013 `PAGE_POST_COMMENT`), so that comments and posts
fetched apart find each other; authors with a name and no id, or withheld; names of people tagged in a text; Facepager's
own row numbers in `id` and `parent_id`, its "None", its rows of seeds and errors; columns with dots in tables; the
Content Library's private commenters, and ids that a spreadsheet rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.values import count, identifier, language, listing, mapping, string, when

_ID = re.compile(r"[0-9]{1,25}(?:_[0-9]{1,25}){0,2}")
_NUMBER = re.compile(r"[0-9]{1,25}")
_OF_COMMENTS = frozenset({"like_count", "comment_count", "can_remove", "can_comment", "user_likes", "parent", "object"})
_OF_POSTS = frozenset(
    {"story", "shares", "status_type", "type", "updated_time", "is_published", "actions", "privacy", "to", "reactions"}
    | {"full_picture", "picture", "link", "attachments", "likes"}
)
_OF_NODES = _OF_COMMENTS | _OF_POSTS | {"message", "from", "comments", "permalink_url", "message_tags", "attachment"}
_FEEDS = ("posts", "feed", "published_posts", "comments")  # edges of a page, group or object
_NOBODY = frozenset({"Facebook User", "None", "nan"})  # shown for everybody who left, and how tables write nothing
_NO_PEOPLE = frozenset({"group", "event", "application"})
_POST_EDGES = frozenset({"posts", "feed", "published_posts", "tagged", "visitor_posts"})
_EXPORTED = frozenset({"id", "parent_id", "from.name", "created_time", "message"})  # columns, in short exports
_NO_MESSAGE = frozenset({"seed", "offcut", "empty", "headers", "unpacked", "error", "data_error"})
_PROFILE = re.compile(
    r"(?:https?://)?(?:[a-z\-]+\.)*(?:facebook|fb)\.com/"
    r"(?:profile\.php\?(?:\S*&)?id=([0-9]{1,25})|(?:people|pages)/[^/\s]+/([0-9]{1,25})|([\w.\-]{1,100}))"
    r"(?:[/?#&]\S*)?",
    re.I,
)


class _Place(NamedTuple):
    """Where a node of the Graph API was found."""

    kind: str | None = None
    parent: str | None = None
    thread: str | None = None
    forum: str | None = None


def _at(record: Record, path: str) -> Any:
    """Return a field of an object, or of a table's row, whose columns have dots in their names."""
    if path in record:
        return record[path]
    value: Any = record
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _first(record: Record, *paths: str) -> int | None:
    """Return the first of several counts that is one."""
    found = (count(_at(record, path)) for path in paths)
    return next((number for number in found if number is not None), None)


def _objects(edge: Any) -> list[Any]:
    """Return the nodes of an edge: `{data, paging}`, or the bare list that some tools leave of it."""
    found = edge.get("data") if isinstance(edge, dict) else edge
    return listing(found)


def _post_id(value: Any) -> str | None:
    """Return the id of a post without the page's or the group's in front."""
    found = identifier(value)
    return found.rpartition("_")[2] if found and _ID.fullmatch(found) else None


def _comment_id(value: Any) -> str | None:
    """Return the id of a comment without the page's in front; its last part alone was once unique in its post only."""
    found = identifier(value)
    return "_".join(found.split("_")[-2:]) if found and _ID.fullmatch(found) else None


def _commented(comment: str) -> str | None:
    """Return the post that a comment's id begins with."""
    post, line, _ = comment.partition("_")
    return post if line else None


def _person(native: Any, name: Any) -> tuple[str | None, str | None]:
    """Return (author, display name). A name stands in for an id that is not there."""
    number, shown = identifier(native), string(name)
    if number in _NOBODY:
        number = None
    if shown in _NOBODY:
        shown = None
    return (f"id:{number}" if number else shown), shown


def recognises_graph(record: Record) -> bool:
    """Return whether a record looks like a post or a comment of the Graph API, or like a list of them."""
    if "query_status" in record or "querystatus" in record:
        return False
    return _is_node(record) or any(_is_node(node) for edge in _edges(record) for node in _objects(edge)[:1])


def _is_node(value: Any) -> bool:
    if not isinstance(value, dict) or "created_time" not in value or when(value["created_time"]) is None:
        return False
    native = value.get("id")
    if not isinstance(native, str) or not _ID.fullmatch(native) or {"parent_id", "from.name"} <= value.keys():
        return False
    return not _OF_NODES.isdisjoint(value) or "from.id" in value or "from.name" in value


def _edges(record: Record) -> list[Any]:
    """Return the edges that a record without a message of its own holds."""
    found = [record] if isinstance(record.get("data"), list) else []
    return found + [record[name] for name in _FEEDS if isinstance(record.get(name), dict | list)]


def drafts_graph(record: Record) -> Iterator[Draft | Reject]:
    """Yield the posts and comments of a record, comments right after what they answer.

    Raises:
        BadRecordError: The record holds neither.
    """
    if "created_time" in record:
        waiting: list[tuple[Any, _Place]] = [(record, _Place())]
    else:
        edges = _edges(record)
        if not edges:
            raise BadRecordError("neither a post, a comment nor a list of them")
        waiting = [found for edge in edges for found in _listed(edge, record)]
        waiting.reverse()
    while waiting:
        node, place = waiting.pop()
        draft = _of_node(node, place) if isinstance(node, dict) else None
        if draft is None:
            yield Reject("a post or comment without an id")
            continue
        yield draft
        below = _Place("comment", draft.message_id, draft.thread or draft.message_id, place.forum or draft.forum)
        waiting.extend((child, below) for child in reversed(_objects(node.get("comments"))))


def _listed(edge: Any, around: Record) -> Iterator[tuple[Any, _Place]]:
    """Yield the nodes of an edge with what the edge tells of them."""
    place = _Place()
    if edge is around:
        place = _Place(kind=_kind_of_page(around.get("paging")))
    elif edge is around.get("comments"):
        answered = _comment_id(around.get("id"))
        place = _Place("comment", answered, answered if answered and "_" not in answered else None)
    else:
        place = _Place("post", forum=identifier(around.get("id")))
    for node in _objects(edge):
        yield node, place


def _kind_of_page(paging: Any) -> str | None:
    """Return what an answer holds, as the addresses of the pages before and after it tell."""
    addresses = [paging.get(name) for name in ("next", "previous")] if isinstance(paging, dict) else []
    for address in addresses:
        if isinstance(address, str):
            path = address.partition("?")[0].rstrip("/").rpartition("/")[2]
            if path == "comments":
                return "comment"
            if path in _POST_EDGES:
                return "post"
    return None


def _kind(node: Record, native: str) -> str:
    """Return whether a node found alone is a post or a comment: nothing says so, and their ids look alike."""
    filled = {name.partition(".")[0] for name, value in node.items() if value not in (None, "", "None")}
    if filled & _OF_COMMENTS or native.count("_") == 2:
        return "comment"
    if filled & _OF_POSTS:
        return "post"
    writer = identifier(_at(node, "from.id"))
    if "_" not in native or writer is None:
        return "post" if "_" in native else "comment"
    return "post" if native.startswith(f"{writer}_") else "comment"


def _of_node(node: Record, place: _Place) -> Draft | None:
    native = identifier(node.get("id"))
    if native is None or not _ID.fullmatch(native):
        return None
    kind = place.kind or _kind(node, native)
    return _comment(node, native, place) if kind == "comment" else _post(node, native, place)


def _post(node: Record, native: str, place: _Place) -> Draft:
    author, shown = _person(_at(node, "from.id"), _at(node, "from.name"))
    text = _text(node)
    before = native.rpartition("_")[0].rpartition("_")[2]
    forum = before or place.forum or identifier(_at(node, "to.id"))
    message = native.rpartition("_")[2]
    repost = text is None and string(node.get("parent_id")) is not None and "_" in str(node["parent_id"])
    return Draft(
        platform="facebook",
        message_id=message,
        kind="repost" if repost else "post",
        thread=None if repost else message,
        author=author,
        author_status="known" if author else "unknown",
        display_name=shown,
        forum=forum,
        forum_owner=f"id:{forum}" if forum else None,
        created_at=when(node.get("created_time")),
        text=text,
        text_status="present" if text else "empty",
        score=_first(node, "reactions.summary.total_count", "likes.summary.total_count", "likes.count"),
        declared_replies=_first(node, "comments.summary.total_count", "comments.count"),
    )


def _comment(node: Record, native: str, place: _Place) -> Draft:
    author, shown = _person(_at(node, "from.id"), _at(node, "from.name"))
    message = "_".join(native.split("_")[-2:])
    thread = place.thread or _commented(message)
    text = _text(node)
    return Draft(
        platform="facebook",
        message_id=message,
        kind="comment",
        thread=thread,
        parent=_comment_id(_at(node, "parent.id")) or place.parent or thread,
        author=author,
        author_status="known" if author else "unknown",
        display_name=shown,
        parent_author=_person(_at(node, "parent.from.id"), _at(node, "parent.from.name"))[0],
        forum=place.forum,
        forum_owner=f"id:{place.forum}" if place.forum else None,
        created_at=when(node.get("created_time")),
        text=text,
        text_status="present" if text else "empty",
        score=_first(node, "like_count", "reactions.summary.total_count", "likes.summary.total_count", "likes"),
        declared_replies=_first(node, "comment_count", "comments.summary.total_count"),
    )


def _text(node: Record) -> str | None:
    """Return what was written, the names of people tagged in it replaced by what `mention` knows."""
    text = string(node.get("message"))
    tags = node.get("message_tags")
    if text is None or not tags:
        return text
    lists = tags.values() if isinstance(tags, dict) else [tags]  # by their place in the text, before 2015
    found = [_tagged(tag) for part in lists if isinstance(part, list) for tag in part[:200]]
    people = {name: number for name, number in found[:200] if name}
    if not people:
        return text
    longest_first = sorted(people, key=lambda name: (-len(name), name))
    return string(re.sub("|".join(map(re.escape, longest_first)), lambda name: f"@{people[name[0]]}", text))


def _tagged(tag: Any) -> tuple[str | None, str | None]:
    """Return the name and the number of a person or page tagged in a text."""
    if not isinstance(tag, dict) or tag.get("type") in tuple(_NO_PEOPLE):
        return None, None
    name, number = string(tag.get("name")), identifier(tag.get("id"))
    usable = name and len(name) > 1 and number and _NUMBER.fullmatch(number)
    return (name, number) if usable else (None, None)


def recognises_facepager(record: Record) -> bool:
    """Return whether a row is one that Facepager fetched from Facebook."""
    if _is_fetched(record):
        source = record.get("query_type", record.get("querytype"))
        return isinstance(source, str) and source.startswith("Facebook")
    return record.keys() >= _EXPORTED


def _is_fetched(record: Record) -> bool:
    return "object_id" in record and ("query_status" in record or "querystatus" in record)


def _is_row(record: Record) -> bool:
    return _is_fetched(record) or record.keys() >= _EXPORTED


def drafts_facepager(record: Record) -> Iterator[Draft | Reject]:
    """Yield the post or comment of a row; rows of seeds, of errors and of pages hold none.

    Raises:
        BadRecordError: The row has no id of Facebook's.
    """
    row = {name: None if value in ("", "None") else value for name, value in record.items()}
    if row.get("object_type") in tuple(_NO_MESSAGE) or not (row.get("message") or row.get("created_time")):
        return
    native = identifier(row.get("object_id")) or identifier(row.get("id"))
    if native is None or not _ID.fullmatch(native):
        raise BadRecordError("a row without an id of Facebook's")
    yield _of_row(row | {"id": native}, native)._replace(retrieved_at=when(row.get("query_time", row.get("querytime"))))


def _of_row(row: Record, native: str) -> Draft:
    told = _told(row.get("parent_id"))
    kind = _kind_of_query(row) or ("comment" if told else None)
    kind = kind or _kind({name: value for name, value in row.items() if name not in ("parent_id", "object_id")}, native)
    if kind == "post":
        return _post(row | {"parent_id": None}, native, _Place())
    path = [part for part in (string(row.get("path")) or "").split("/") if part]
    above = _told(path[-2]) if len(path) > 1 and path[-1] == native else told
    parent, thread = _answered(row, native, above)
    draft = _comment(row, native, _Place("comment", parent, thread))
    return draft if parent or _comment_id(row.get("parent.id")) else draft._replace(parent=None)


def _kind_of_query(row: Record) -> str | None:
    """Return what Facepager asked for, such as `Facebook:/<post-id>/comments`."""
    source = string(row.get("query_type", row.get("querytype"))) or ""
    edge = source.replace(":", "/").rpartition("/")[2].lower()
    return "comment" if edge == "comments" else "post" if edge in _POST_EDGES else None


def _told(value: Any) -> str | None:
    """Return an id of Facebook's, not the number of a row that Facepager counts: those are short."""
    found = identifier(value)
    return found if found and len(found) >= 12 and _ID.fullmatch(found) else None


def _answered(row: Record, native: str, above: str | None) -> tuple[str | None, str | None]:
    """Return (parent, thread) of a comment; `above` is what it was fetched from, where the table tells."""
    thread = _commented("_".join(native.split("_")[-2:]))
    if above is None:
        deep = (count(row.get("level")) or 0) > 2  # a page's posts stand at 1, their comments at 2
        return (None if deep else thread), thread
    post = _post_id(above)
    if thread is None or post == thread:
        return post, thread or post
    return _comment_id(above), thread


def recognises_library(record: Record) -> bool:
    """Return whether a record is a Facebook post or comment of the Meta Content Library, or a list of them."""
    nodes = record.get("data")
    if isinstance(nodes, list) and nodes and "creation_time" not in record:
        return isinstance(nodes[0], dict) and _is_in_library(nodes[0])
    return _is_in_library(record)


def _is_in_library(record: Record) -> bool:
    if "creation_time" not in record or "id" not in record:
        return False
    names = {name.partition(".")[0] for name in record}
    if "post_owner" in names:
        return "surface" in names  # posts of Instagram have none
    kind = _at(record, "owner.type")
    known = not kind or (isinstance(kind, str) and kind.lower() in ("page", "profile", "private"))
    return "owner" in names and "post_id" in names and known


def drafts_library(record: Record) -> Iterator[Draft | Reject]:
    """Yield the post or the comment of a row, or those of an answer.

    Raises:
        BadRecordError: The record is none of these, or its id lost digits on the way.
    """
    nodes = record.get("data")
    if not isinstance(nodes, list) or "creation_time" in record:
        yield _of_library(record)
        return
    for node in nodes:
        try:
            yield _of_library(mapping(node))
        except BadRecordError as error:
            yield Reject(str(error))


def _of_library(row: Record) -> Draft:
    if "creation_time" not in row:
        raise BadRecordError("neither a post nor a comment of the Content Library")
    native = _library_id(row.get("id"))
    if native is None:
        raise BadRecordError("an id that is missing, or was rounded by a spreadsheet")
    comment = any(name.partition(".")[0] == "owner" for name in row) or "post_id" in row
    author, handle, shown = _owner(row, "owner" if comment else "post_owner")
    text, created = string(row.get("text")), when(row.get("creation_time"))
    changed = when(row.get("modified_time"))
    draft = Draft(
        platform="facebook",
        message_id=native,
        kind="comment" if comment else "post",
        author=author,
        author_status="known" if author else "unknown",
        handle=handle,
        display_name=shown,
        created_at=created,
        edited_at=changed if changed is not None and created is not None and changed > created else None,
        text=text,
        text_status="present" if text else "empty",
        language=language(row.get("lang")),
        score=_first(row, "statistics.reaction_count", "statistics.like_count"),
        declared_replies=_first(row, "statistics.comment_count", "statistics.top_level_reply_count"),
    )
    return _below(draft, row) if comment else _on_surface(draft, row)


def _below(draft: Draft, row: Record) -> Draft:
    post = _library_id(row.get("post_id"))
    answered = _library_id(row.get("parent_comment_id")) or _library_id(row.get("parent_id"))
    return draft._replace(thread=post, parent=answered or post)


def _on_surface(draft: Draft, row: Record) -> Draft:
    """Add where a post stands; one that only shares another, without words, is a repost."""
    kind, native, name = (string(_at(row, f"surface.{field}")) for field in ("type", "id", "name"))
    number = _library_id(_at(row, "surface.id"))
    public = (kind or "").lower() in ("group", "event")
    owner = None if public or number is None else f"id:{number}"
    draft = draft._replace(forum=(name if public else None) or number or native, forum_owner=owner)
    if _library_id(row.get("shared_post_id")) and draft.text is None:
        return draft._replace(kind="repost")
    return draft._replace(thread=draft.message_id)


def _owner(row: Record, field: str) -> tuple[str | None, str | None, str | None]:
    """Return (author, handle, display name); nothing tells one private commenter from another."""
    kind = _at(row, f"{field}.type")
    if isinstance(kind, str) and kind.lower() == "private":
        return None, None, None
    handle, shown = string(_at(row, f"{field}.username")), string(_at(row, f"{field}.name"))
    number = _library_id(_at(row, f"{field}.id"))
    author = f"id:{number}" if number else handle or shown
    return author, handle if number else None, shown


def _library_id(value: Any) -> str | None:
    """Return an id; spreadsheets and data frames add ".0" to short ones and round long ones."""
    found = identifier(value)
    if found and found.endswith(".0") and len(found) <= 17:
        found = found[:-2]
    return found if found and _NUMBER.fullmatch(found) else None


def mention(raw: str) -> str:
    """Return whom a handle in a text names: `_text` writes tagged people by their numbers.

    >>> mention("ada.l"), mention("1234567")
    ('ada.l', 'id:1234567')
    """
    return f"id:{raw}" if _NUMBER.fullmatch(raw) else raw


def listed(typed: str) -> tuple[str, ...] | None:
    """Return the id of a post or a comment, with or without the page's in front: `PAGE_POST` looks like `POST_COMMENT`.

    >>> listed("12"), listed("1_2"), listed("1_2_3"), listed("one")
    (('12',), ('1_2', '2'), ('2_3',), None)
    """
    plain = typed.strip()
    if not _ID.fullmatch(plain):
        return None
    parts = plain.split("_")
    return (plain, parts[1]) if len(parts) == 2 else ("_".join(parts[-2:]),)


def username(typed: str) -> str:
    """Return the raw name of a person: a number, a profile's address, a username, or the name old exports show.

    Raises:
        UsageError: It is none of these. The message does not repeat it.

    >>> username("https://www.facebook.com/profile.php?id=12"), username("fb.com/ada.l"), username("Ada Lovelace")
    ('id:12', 'ada.l', 'Ada Lovelace')
    """
    name = typed.strip().removeprefix("id:").removeprefix("@").strip()
    if _NUMBER.fullmatch(name):
        return f"id:{name}"
    if found := _PROFILE.fullmatch(name):
        number = found[1] or found[2]
        if not number and _NUMBER.fullmatch(found[3]):
            number = found[3]
        if number or found[3].lower() not in ("profile.php", "people", "pages", "groups"):
            return f"id:{number}" if number else found[3]
    elif name and len(name) <= 200 and "/" not in name and name.isprintable():
        return name
    raise UsageError(
        "One of the names given is no person or page on Facebook.",
        remedy="Give the number, the address of the profile, the username, or the name as an export shows it.",
    )


FACEPAGER = SourceFormat(
    name="facepager",
    title="Facepager CSV export of Facebook posts and comments",
    platform="facebook",
    recognises=recognises_facepager,
    drafts=drafts_facepager,
    silent=_is_row,
    username=username,
    listed=listed,
    mention=mention,
)
FACEBOOK_GRAPH = SourceFormat(
    name="facebook-graph",
    title="Facebook Graph API JSON (posts, comments), also flattened to a table",
    platform="facebook",
    recognises=recognises_graph,
    drafts=drafts_graph,
    silent=always,
    username=username,
    listed=listed,
    mention=mention,
)
META_CONTENT_LIBRARY = SourceFormat(
    name="meta-content-library",
    title="Meta Content Library: Facebook posts and comments (CSV, Parquet, JSON)",
    platform="facebook",
    recognises=recognises_library,
    drafts=drafts_library,
    silent=always,
    username=username,
    listed=listed,
    mention=mention,
)
FORMATS: tuple[SourceFormat, ...] = (FACEPAGER, FACEBOOK_GRAPH, META_CONTENT_LIBRARY)
