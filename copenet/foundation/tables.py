"""Parquet tables with a declared schema, validated when written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from copenet.foundation.errors import DefectError
from copenet.foundation.files import replacing

TIMESTAMP = pa.timestamp("us", tz="UTC")
_FORMULA = r"^([=+\-@\t\r\n＝＋－＠])"


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `table` with exactly the columns, order and types of `schema`.

    Raises:
        DefectError: A column is missing, unexpected, of another type, or null where the schema forbids it.
    """
    missing = set(schema.names) - set(table.column_names)
    extra = set(table.column_names) - set(schema.names)
    if missing or extra:
        raise DefectError(f"A table misses columns {sorted(missing)} and has undeclared columns {sorted(extra)}.")
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise DefectError(f"Column {field.name} holds nulls, which its schema forbids.")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DefectError("A column does not have the type its schema declares.") from error


def write_table(path: Path, table: pa.Table, schema: pa.Schema, *, unlike: Collection[str] = ()) -> None:
    """Validate `table` against `schema` and write it to `path` atomically.

    Args:
        unlike: Columns whose values differ from row to row: looking for equal ones would be in vain.
    """
    repeated = [name for name in schema.names if name not in unlike]
    with replacing(path) as partial:
        pa.parquet.write_table(conform(table, schema), partial, compression="zstd", use_dictionary=repeated)


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one Parquet file, or every part of a folder of them in name order (an empty table for an empty folder)."""
    files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    wanted = list(columns) if columns is not None else schema.names
    chosen = pa.schema([schema.field(name) for name in wanted])
    if not files:
        return chosen.empty_table()
    from pyarrow import dataset  # loads pandas, which most callers do not need

    return dataset.dataset([str(f) for f in files], schema=schema).to_table(columns=wanted).cast(chosen)


def without_formulas(table: pa.Table) -> pa.Table:
    """Return the table with an apostrophe before text that a spreadsheet would run when it opens the CSV.

    >>> without_formulas(pa.table({"a": ["=1+1", "1+1"]}))["a"].to_pylist()
    ["'=1+1", '1+1']
    """
    for index, field in enumerate(table.schema):
        if field.type == pa.string():
            safe = pa.compute.replace_substring_regex(table.column(index), _FORMULA, r"'\1")
            table = table.set_column(index, field, safe)
    return table
