"""The tables that everything else is built from, `messages` and `texts`, and `versions` beside them."""

from __future__ import annotations

import pyarrow as pa

from copenet.foundation.tables import TIMESTAMP

KINDS = ("post", "comment", "repost")
AUTHOR_STATUS = ("known", "deleted", "unknown")
TEXT_STATUS = ("present", "deleted", "removed", "empty")

MESSAGES = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),  # platform:native_id
        pa.field("kind", pa.string(), nullable=False),  # one of KINDS
        pa.field("thread_id", pa.string(), nullable=False),  # message_id of the root, present or missing
        pa.field("parent_id", pa.string()),  # message_id; null for roots; may name an absent message
        pa.field("author_id", pa.string()),  # platform:keyed pseudonym; null unless author_status is known
        pa.field("author_status", pa.string(), nullable=False),  # one of AUTHOR_STATUS
        pa.field("parent_author_id", pa.string()),  # when known: from the parent, or named by the source
        pa.field("forum", pa.string()),
        pa.field("created_at", TIMESTAMP),
        pa.field("edited_at", TIMESTAMP),
        pa.field("retrieved_at", TIMESTAMP),
        pa.field("text_status", pa.string(), nullable=False),  # one of TEXT_STATUS
        pa.field("language", pa.string()),
        pa.field("score", pa.int64()),
        pa.field("bot_reason", pa.string()),  # "declared: …" or "suspected: …"; null for people
        pa.field("source", pa.string(), nullable=False),  # first 16 hex of the file's digest, ":" and the line
    ]
)
TEXTS = pa.schema([pa.field("message_id", pa.string(), nullable=False), pa.field("text", pa.string(), nullable=False)])
VERSIONS = pa.schema(  # of messages met in copies that differ: what became of a message, never what it said
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("retrieved_at", TIMESTAMP),
        pa.field("edited_at", TIMESTAMP),
        pa.field("text_status", pa.string(), nullable=False),
        pa.field("author_status", pa.string(), nullable=False),
        pa.field("score", pa.int64()),
        pa.field("kept", pa.bool_(), nullable=False),  # whether `messages` holds this copy
    ]
)
