"""One encoder for the whole room: loading its weights is the expensive part."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from copenet.foundation.tables import write_table
from gnn.encoder import Encoder, EncoderSettings
from ingest.schema import TEXTS


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(EncoderSettings(threads=1))


@pytest.fixture
def texts_dir(tmp_path: Path) -> Path:
    """Two parts with a repeated text and one that differs only by a quotation."""
    parts = (
        [("m1", "I made a list."), ("m2", "Nothing to say today."), ("m3", "I made a list.")],
        [("m4", "> you should try\n\nI made a list."), ("m5", "")],
    )
    for number, rows in enumerate(parts):
        table = pa.Table.from_pylist([{"message_id": i, "text": t} for i, t in rows], schema=TEXTS)
        write_table(tmp_path / "texts" / f"part-{number}.parquet", table, TEXTS)
    return tmp_path / "texts"
