"""Parquet dumps to records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ingest.blocks import Loss
from ingest.syntax import Rows

_MAGIC = b"PAR1"
_BATCH = 2_000
_BATCH_BYTES = 2**24
_LONGEST_TEXT = 2**20  # characters; what is beyond no format reads
_NO_VALUE = (ValueError, OverflowError, LookupError, OSError)  # Python has no such date, or it is no text


def is_parquet(stream: BinaryIO) -> bool:
    """Return whether a stream holds a Parquet file; it stands at its beginning afterwards."""
    head = stream.read(len(_MAGIC))
    stream.seek(0)
    return head == _MAGIC


def read_parquet(stream: BinaryIO) -> Iterator[Rows | Loss]:
    """Yield the rows of a Parquet file; times become text as ISO 8601, in UTC where they have a zone."""
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(stream) as file:
            texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        stream.seek(0)
        with pyarrow.parquet.ParquetFile(stream, read_dictionary=texts) as file:
            for batch in _batches(file):
                for rows in _portions(_rows(batch)):
                    yield Rows(list(enumerate(rows, number + 1)))
                    number += len(rows)
    except (pa.ArrowException, *_NO_VALUE, RecursionError):
        yield Loss(number + 1, "a damaged Parquet file: the rest is lost")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _batches(file: Any) -> Iterator[pa.RecordBatch]:
    """Yield a file in batches that can be held: a few kilobytes of it may hold gigabytes."""
    for group in range(file.num_row_groups):
        told = file.metadata.row_group(group)
        per_row = max(1, told.total_byte_size // max(1, told.num_rows))
        size = min(_BATCH, max(1, _BATCH_BYTES // per_row))
        yield from (batch for batch in file.iter_batches(batch_size=size, row_groups=[group]) if batch.num_rows)


def _portions(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield rows in portions of some megabytes of text: a text may stand in many rows, and in the file once."""
    start = size = 0
    for place, row in enumerate(rows):
        size += sum(len(value) for value in row.values() if isinstance(value, str))
        if size > _BATCH_BYTES:
            yield rows[start : place + 1]
            start, size = place + 1, 0
    if start < len(rows):
        yield rows[start:]


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = [_values(column) for column in batch.columns]
    return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.Array) -> list[Any]:
    """Return a column's values; None for those that Python cannot hold."""
    if pa.types.is_dictionary(column.type):
        used = pc.unique(column.indices.drop_null())
        known = dict(zip(used.to_pylist(), _values(column.dictionary.take(used)), strict=True))
        return [None if index is None else known[index] for index in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type):
        unit = "us" if column.type.unit == "ns" else column.type.unit
        column = column.cast(pa.timestamp(unit, "UTC" if column.type.tz else None), safe=False)
    try:
        return [_plain(value) for value in column.to_pylist()]
    except _NO_VALUE:
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return _plain(scalar.as_py())
    except _NO_VALUE:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):  # old writers do not say that it is text
        value = value[: 4 * _LONGEST_TEXT].decode("utf-8", "replace")
    if isinstance(value, str):
        return value[:_LONGEST_TEXT] if len(value) > _LONGEST_TEXT else value
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):  # how some warehouses write ids
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime | date) else value
