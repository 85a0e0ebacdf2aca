"""ConvoKit corpora: utterances.jsonl, or utterances.json in old ones.

Quirks handled: `speaker` was `user`, `conversation_id` was `root`, and `reply-to` is also `reply_to`; a speaker is an
id or an object; times are numbers, text or nothing, and in corpora of speech no dates; Reddit's ids have lost their
`t1_` and `t3_`. Corpora made from Reddit, one per community, join Reddit's other dumps.
"""

from __future__ import annotations

import re
from typing import Any

from ingest.records import BadRecordError, Draft, Record, SourceFormat, one
from ingest.sources.shared import full_name, message_key, named, said
from ingest.values import count, mapping, string, when

_REDDIT_ID = re.compile(r"[0-9a-z]{1,16}")
_REDDIT_NAME = re.compile(r"t[13]_[0-9a-z]{1,16}")
_ABSENT = object()


def recognises(record: Record) -> bool:
    """Return whether a record is an utterance; speakers and conversations of a corpus are none."""
    if "id" not in record or not isinstance(record.get("text", _ABSENT), str | None):
        return False
    if "timestamp" not in record and "meta" not in record:
        return False
    return (
        ("speaker" in record or "user" in record)
        and ("conversation_id" in record or "root" in record)
        and ("reply-to" in record or "reply_to" in record)
    )


def parse(record: Record) -> Draft:
    """Return one utterance.

    Raises:
        BadRecordError: It has no usable id.
    """
    own = message_key(record.get("id"))
    if own is None:
        raise BadRecordError("no id")
    conversation = _first(record, "conversation_id", "root")
    reply = _first(record, "reply_to", "reply-to")
    meta = mapping(record.get("meta"))
    text, text_status = said(record.get("text"))
    author, author_status = named(_speaker(record))
    draft = Draft(
        platform="convokit",
        message_id=own,
        kind="comment" if reply else "post",
        thread=conversation,
        parent=reply,
        author=author,
        author_status=author_status,
        created_at=when(record.get("timestamp")),
        text=text,
        text_status=text_status,
        score=count(meta.get("score")),
    )
    return _of_reddit(draft, meta) if _is_reddit(draft, meta) else draft


def _first(record: Record, *names: str) -> str | None:
    return next((found for name in names if (found := message_key(record.get(name)))), None)


def _speaker(record: Record) -> Any:
    speaker = record.get("speaker")
    if speaker is None:
        speaker = record.get("user")
    if isinstance(speaker, dict):
        return next((speaker[name] for name in ("id", "name") if speaker.get(name) is not None), None)
    return speaker


def _is_reddit(draft: Draft, meta: dict[str, Any]) -> bool:
    """Return whether the conversation is a submission and every id one of Reddit's.

    Other corpora made from Reddit have conversations that start at a comment: what a bare id is, is unknown there.
    """
    conversation = draft.thread or ""
    if _REDDIT_NAME.fullmatch(conversation):
        return conversation.startswith("t3_") and bool(_REDDIT_NAME.fullmatch(draft.message_id))
    if not isinstance(meta.get("subreddit"), str) or not _REDDIT_ID.fullmatch(conversation):
        return False
    if not _REDDIT_ID.fullmatch(draft.message_id) or not _REDDIT_ID.fullmatch(draft.parent or "0"):
        return False
    address = string(meta.get("permalink"))
    return f"/comments/{conversation}/" in f"{address}/" if address else "top_level_comment" in meta


def _of_reddit(draft: Draft, meta: dict[str, Any]) -> Draft:
    root = full_name(draft.thread, "t3_")
    own = root if draft.message_id == draft.thread else full_name(draft.message_id, "t1_")
    parent = root if draft.parent == draft.thread else full_name(draft.parent, "t1_")
    comment = own is not None and own.startswith("t1_")
    forum = string(meta.get("subreddit"))
    return draft._replace(
        platform="reddit",
        message_id=own or draft.message_id,
        kind="comment" if comment else "post",
        thread=root,
        parent=parent if comment else None,
        forum=forum,
        forum_owner=forum[2:] or None if forum and forum[:2].lower() == "u_" else None,
        retrieved_at=when(meta.get("retrieved_on")),
    )


CONVOKIT = SourceFormat(
    name="convokit",
    title="ConvoKit corpus (utterances.jsonl)",
    platform="",
    recognises=recognises,
    drafts=one(parse),
    known_bots=("AutoModerator",),
)
FORMATS: tuple[SourceFormat, ...] = (CONVOKIT,)
