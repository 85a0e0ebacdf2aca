"""The table of labels: one row per message and strategy."""

from __future__ import annotations

import pyarrow as pa

LABELS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("strategy", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("labelled_by", pa.string(), nullable=False),  # annotator pseudonym or model digest
        pa.field("sampling_probability", pa.float64()),  # of gold labels; null for predicted ones
    ]
)
