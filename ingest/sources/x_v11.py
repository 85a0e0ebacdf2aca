"""X (Twitter) API v1.1: statuses of twarc 1, of the streaming API and of older corpora, and X's own data archive.

The archive that X gives to a person (`tweets.js`) holds that person's statuses without saying whose they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.records import NO_MESSAGE, BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.sources import x_common as x
from ingest.values import count, mapping, moment, string

_NOTICES = frozenset({"delete", "scrub_geo", "limit", "status_withheld", "user_withheld", "disconnect", "warning"})
_MARKS = ("in_reply_to_status_id_str", "in_reply_to_user_id_str", "favorite_count", "retweet_count", "edit_info")
_OTHERS = ("idstr", "_type", "author_id", "statusnet_html")
_CARRIED = ("retweeted_status", "quoted_status")
Status = dict[str, Any]


def recognises(record: Record) -> bool:
    """Return whether a record is a status, the archive's wrapper of one, a search result or a notice of deletion."""
    if _is_status(record):
        return True
    archived = _archived(record)
    if archived is not None:
        return _is_status(archived)
    statuses = record.get("statuses")
    if isinstance(statuses, list) and statuses:
        return isinstance(statuses[0], dict) and _is_status(statuses[0])
    notice = record.get("delete")
    status = notice.get("status") if isinstance(notice, dict) else None
    return isinstance(status, dict) and "id_str" in status and "user_id_str" in status


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the statuses of a record, those retweeted and quoted included.

    Raises:
        BadRecordError: The record is no status.
    """
    if _is_notice(record):
        return
    archived = _archived(record)
    stack = _statuses(record) if archived is None else [archived]
    seen: set[str] = set()
    while stack:
        status = stack.pop()
        if not isinstance(status, dict):
            yield Reject(NO_MESSAGE)
            continue
        native = x.native_id(status.get("id_str"), status.get("id"))
        if native is None:
            yield Reject("a status without an id")
        elif native not in seen:
            seen.add(native)
            yield _draft(native, status, archived is not None)
        stack += [status[name] for name in _CARRIED if isinstance(status.get(name), dict)]


def _is_status(record: Record) -> bool:
    if not (isinstance(record.get("full_text"), str) or isinstance(record.get("text"), str)):
        return False
    if not isinstance(record.get("created_at"), str) or any(name in record for name in _OTHERS):
        return False
    user = record.get("user")
    named = isinstance(user, dict) and ("screen_name" in user or "id_str" in user)
    marked = any(name in record for name in _MARKS)
    return marked and (isinstance(record.get("id_str"), str) or (named and "id" in record))


def _archived(record: Record) -> Status | None:
    """Return the status in the wrapper that X's archive puts around each."""
    status = record.get("tweet")
    return status if len(record) == 1 and isinstance(status, dict) else None


def _is_notice(record: Record) -> bool:
    named = [name for name in record if name != "timestamp_ms"]
    return len(named) == 1 and named[0] in _NOTICES and isinstance(record[named[0]], dict)


def _statuses(record: Record) -> list[Any]:
    found = record.get("statuses")
    if isinstance(found, list):
        return found[::-1]
    if not any(name in record for name in ("id_str", "text", "full_text")):
        raise BadRecordError("no status")
    return [record]


def _draft(native: str, status: Status, archived: bool) -> Draft:
    version = x.version(native, _versions(status), moment(status.get("created_at")))
    user = mapping(status.get("user"))
    user_id = x.native_id(user.get("id_str"), user.get("id"))
    draft = x.frame(native, version, user_id, user.get("screen_name"), user.get("name"), status.get("lang"))
    return draft if _is_retweet(status, archived) else _with_content(draft, status)


def _with_content(draft: Draft, status: Status) -> Draft:
    """Return the draft of a status that is no retweet: a retweet has no text, no thread and no counts of its own."""
    parent = x.native_id(status.get("in_reply_to_status_id_str"), status.get("in_reply_to_status_id"))
    parent_author = x.by_id(x.native_id(status.get("in_reply_to_user_id_str"), status.get("in_reply_to_user_id")))
    parent_author = parent_author or x.by_handle(status.get("in_reply_to_screen_name"))
    answers = bool(parent or parent_author)
    text, text_status = _text(status)
    if text_status == "deleted":
        draft = draft._replace(author=None, author_status="deleted", handle=None, display_name=None)
    return draft._replace(
        kind="comment" if answers else "post",
        thread=None if answers else draft.message_id,
        parent=parent,
        parent_author=parent_author,
        text=text,
        text_status=text_status,
        score=count(status.get("favorite_count")),
        declared_replies=count(status.get("reply_count")),
    )


def _is_retweet(status: Status, archived: bool) -> bool:
    """Return whether a status shows another again; the archive keeps of that only how the text begins."""
    if isinstance(status.get("retweeted_status"), dict):
        return True
    text = status.get("full_text")
    return archived and isinstance(text, str) and text.startswith("RT @")


def _text(status: Status) -> tuple[str | None, str]:
    """Return the whole text: streams write its beginning as `text` and the rest apart."""
    if status.get("deleted_at"):
        return None, "deleted"
    if x.withheld_everywhere(status.get("withheld_in_countries")):
        return None, "removed"
    extended = string(mapping(status.get("extended_tweet")).get("full_text"))
    return x.words(extended or string(status.get("full_text")) or status.get("text"))


def _versions(status: Status) -> tuple[str, ...]:
    """Return the ids of all versions, as the API writes them (`edit_history`) or the archive (`edit_info`)."""
    history = x.ids(mapping(status.get("edit_history")).get("edit_tweet_ids"))
    if history:
        return history
    info = mapping(status.get("edit_info"))
    edit = mapping(info.get("edit"))
    for control in (mapping(info.get("initial")), mapping(edit.get("editControlInitial"))):
        if history := x.ids(control.get("editTweetIds")):
            return history
    first, native = x.native_id(edit.get("initialTweetId")), x.native_id(status.get("id_str"), status.get("id"))
    return (first, native) if first and native else ()


X_V11 = SourceFormat(
    name="x-v11",
    title="X (Twitter) API v1.1 and X's data archive (tweets.js)",
    platform=x.PLATFORM,
    recognises=recognises,
    drafts=drafts,
    silent=always,
    username=x.username,
    mention=str,
    listed=x.listed,
)
FORMATS: tuple[SourceFormat, ...] = (X_V11,)
