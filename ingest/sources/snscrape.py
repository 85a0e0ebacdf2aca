"""What snscrape (`--jsonl`) and twscrape, which took over its layout, wrote of X (Twitter) and of Reddit.

snscrape 0.7 names every object's class in `_type`. Posts without it, with a username in place of a user, are read, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.sources import reddit
from ingest.sources import x_common as x
from ingest.values import count, mapping, moment, string

_X, _REDDIT = "snscrape.modules.twitter.", "snscrape.modules.reddit."
_X_CLASSES = frozenset({_X + "Tweet", _X + "TweetRef", _X + "Tombstone"})
_REDDIT_CLASSES = frozenset({_REDDIT + "Submission", _REDDIT + "Comment"})
_CARRIED = ("retweetedTweet", "quotedTweet")
_DELETED = ("deleted by the", "no longer exists")  # X's notices in place of a post, in English, as snscrape asked
_REMOVED = ("suspended account", "violated the", "withheld")
Item = dict[str, Any]


def recognises_x(record: Record) -> bool:
    """Return whether a record is a post, or what stands in for one, as snscrape writes them."""
    kind = record.get("_type")
    return kind in _X_CLASSES if isinstance(kind, str) else "_type" not in record and _is_old_post(record)


def recognises_reddit(record: Record) -> bool:
    """Return whether a record is a submission or a comment as snscrape writes them."""
    kind = record.get("_type")
    return isinstance(kind, str) and kind in _REDDIT_CLASSES


def drafts_x(record: Record) -> Iterator[Draft | Reject]:
    """Yield a post and those it shows again or quotes.

    Raises:
        BadRecordError: The record is no post.
    """
    if not recognises_x(record):
        raise BadRecordError("no post of X as snscrape writes them")
    stack: list[Item] = [record]
    seen: set[str] = set()
    while stack:
        item = stack.pop()
        native = _native(item, "id")
        if native is None:
            yield Reject("a post without an id")
        elif native not in seen:
            seen.add(native)
            yield from _draft(native, item)
        stack += [item[name] for name in _CARRIED if isinstance(item.get(name), dict)]


def drafts_reddit(record: Record) -> Iterator[Draft | Reject]:
    """Yield one submission or comment, read as the Pushshift record from which snscrape made it.

    Raises:
        BadRecordError: The record is neither, or has no usable id.
    """
    if not recognises_reddit(record):
        raise BadRecordError("neither a submission nor a comment")
    kind = "t1_" if record["_type"] == _REDDIT + "Comment" else "t3_"
    native = string(record.get("id"))
    if native is None or (native[:1] in "tT" and native[2:3] == "_" and native[:3].lower() != kind):
        raise BadRecordError("no id")
    created = moment(record.get("date"))
    written = {name: record.get(name) for name in ("author", "subreddit", "title", "selftext", "body")}
    parent, link = record.get("parentId"), _link(record.get("url"))
    yield reddit.parse(
        written
        | {"name": kind, "id": native, "parent_id": parent, "link_id": link}
        | {"created_utc": None if created is None else created / 1e6}
    )


def _is_old_post(record: Record) -> bool:
    address = record.get("url")
    written = isinstance(record.get("content"), str) or isinstance(record.get("rawContent"), str)
    return isinstance(address, str) and "/status/" in address and written and "date" in record and "id" in record


def _draft(native: str, item: Item) -> Iterator[Draft]:
    kind = item.get("_type")
    if kind == _X + "Tombstone":
        yield from _tombstone(native, item)
    elif kind == _X + "Tweet" or kind is None:
        yield _post(native, item)


def _tombstone(native: str, item: Item) -> Iterator[Draft]:
    """Yield what is known of a post that is gone; nothing for one that this collector only could not see."""
    notice = (string(item.get("text")) or "").lower()
    deleted = any(words in notice for words in _DELETED)
    if deleted or any(words in notice for words in _REMOVED):
        status = "deleted" if deleted else "removed"
        yield Draft(x.PLATFORM, native, "post", author_status="deleted", text_status=status)


def _post(native: str, item: Item) -> Draft:
    version = x.version(native, x.ids(mapping(item.get("editState")).get("editTweetIds")), moment(item.get("date")))
    user = mapping(item.get("user"))
    username = user.get("username") or item.get("username")
    draft = x.frame(native, version, _native(user, "id"), username, user.get("displayname"), item.get("lang"))
    return draft if isinstance(item.get("retweetedTweet"), dict) else _with_content(draft, native, item)


def _with_content(draft: Draft, native: str, item: Item) -> Draft:
    """Return the draft of a post that is no retweet: a retweet has no text, no thread and no counts of its own."""
    parent, thread = _native(item, "inReplyToTweetId"), _native(item, "conversationId")
    answered = mapping(item.get("inReplyToUser"))
    parent_author = x.person(_native(answered, "id"), answered.get("username"))[0]
    answers = bool(parent or parent_author or thread not in (None, native))
    text, text_status = x.words(string(item.get("rawContent")) or item.get("content"))
    if thread == native:
        thread = draft.message_id
    return draft._replace(
        kind="comment" if answers else "post",
        thread=thread or (None if answers else draft.message_id),
        parent=parent,
        parent_author=parent_author,
        text=text,
        text_status=text_status,
        score=count(item.get("likeCount")),
        declared_replies=count(item.get("replyCount")),
    )


def _native(item: Item, name: str) -> str | None:
    """Return an id, from text where it was written beside the number, for readers that round large numbers."""
    return x.native_id(item.get(f"{name}.str"), item.get(f"{name}Str"), item.get(f"{name}_str"), item.get(name))


def _link(address: Any) -> str | None:
    """Return the submission's id from the address of a comment, the only place that tells it."""
    if not isinstance(address, str):
        return None
    parts = address.split("/comments/", 1)
    found = parts[1].split("/", 1)[0] if len(parts) == 2 else ""
    return f"t3_{found}" if found.isascii() and found.isalnum() else None


SNSCRAPE_X = SourceFormat(
    name="snscrape-x",
    title="X (Twitter) JSON lines of snscrape or twscrape",
    platform=x.PLATFORM,
    recognises=recognises_x,
    drafts=drafts_x,
    silent=always,
    username=x.username,
    mention=str,
    listed=x.listed,
)
SNSCRAPE_REDDIT = SourceFormat(
    name="snscrape-reddit",
    title="Reddit JSON lines of snscrape",
    platform="reddit",
    recognises=recognises_reddit,
    drafts=drafts_reddit,
    known_bots=reddit.REDDIT.known_bots,
    username=reddit.username,
    mention=reddit.REDDIT.mention,
    listed=reddit.listed,
)
FORMATS: tuple[SourceFormat, ...] = (SNSCRAPE_X, SNSCRAPE_REDDIT)
