"""The tables of the network: user ties by channel and window, distinct user ties, people and communities."""

from __future__ import annotations

import pyarrow as pa

from copenet.foundation.tables import TIMESTAMP

CHANNELS = ("replied_to", "received_reply", "co_thread")

TIES = pa.schema(
    [
        pa.field("source_author", pa.string(), nullable=False),  # the ego: whom the exposure reaches
        pa.field("target_author", pa.string(), nullable=False),  # the peer: whose behaviour the ego can see
        pa.field("channel", pa.string(), nullable=False),  # one of CHANNELS
        pa.field("window_start", TIMESTAMP, nullable=False),  # the tie's events fall in [window_start, + window)
        pa.field("n", pa.int64(), nullable=False),
        pa.field("first_at", TIMESTAMP, nullable=False),
        pa.field("last_at", TIMESTAMP, nullable=False),
    ]
)
USER_TIES = pa.schema(
    [
        pa.field("source_author", pa.string(), nullable=False),  # who replied
        pa.field("target_author", pa.string(), nullable=False),  # to whom
        pa.field("n", pa.int64(), nullable=False),
        pa.field("first_at", TIMESTAMP, nullable=False),
        pa.field("last_at", TIMESTAMP, nullable=False),
    ]
)
PEOPLE = pa.schema(
    [
        pa.field("author_id", pa.string(), nullable=False),
        pa.field("platform", pa.string(), nullable=False),
        pa.field("first_seen", TIMESTAMP),
        pa.field("last_seen", TIMESTAMP),
        pa.field("n_messages", pa.int64(), nullable=False),  # reposts left out
    ]
)
COMMUNITIES = pa.schema(
    [
        pa.field("author_id", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),  # leiden or map_equation
        pa.field("community", pa.int64(), nullable=False),  # 0 is the largest
    ]
)
