"""The tables of the network panel: one row per person at risk and period, and the exposures of each row."""

from __future__ import annotations

import pyarrow as pa

from copenet.foundation.tables import TIMESTAMP

PANEL = pa.schema(
    [
        pa.field("author_id", pa.string(), nullable=False),
        pa.field("period", pa.int64(), nullable=False),
        pa.field("period_start", TIMESTAMP, nullable=False),
        pa.field("outcome", pa.bool_(), nullable=False),  # posted and used the strategy in the next period
        pa.field("posted_next", pa.bool_(), nullable=False),  # posted in the next period
        pa.field("dropped_messages", pa.int64(), nullable=False),  # outcome messages in threads that supplied exposure
        pa.field("n_peers", pa.int64(), nullable=False),  # eligible peers; 0: the row enters no estimate
        pa.field("forum", pa.string(), nullable=False),  # where the person had written most
        pa.field("covariates", pa.list_(pa.float64()), nullable=False),  # in the order of the estimate's names
    ]
)
EXPOSURES = pa.schema(
    [
        pa.field("author_id", pa.string(), nullable=False),
        pa.field("period", pa.int64(), nullable=False),
        pa.field("definition", pa.string(), nullable=False),  # mapping and channel: any(received_reply)
        pa.field("value", pa.float64()),  # null without eligible peers
        pa.field("n_peers", pa.int64(), nullable=False),
    ]
)
