import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from copenet.foundation.errors import DefectError
from copenet.foundation.tables import conform, read_table, write_table

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64())])
GOOD = pa.table({"n": pa.array([1, None], pa.int32()), "id": ["a", "b"]})


def test_a_table_takes_the_order_and_types_of_its_schema():
    assert conform(GOOD, SCHEMA).schema == SCHEMA


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (GOOD.drop(["n"]), "misses columns"),
        (GOOD.append_column("extra", pa.array([1, 2])), "undeclared columns"),
        (pa.table({"id": ["a"], "n": ["not a number"]}), "type"),
        (pa.table({"id": pa.array([None], pa.string()), "n": [1]}), "nulls"),
    ],
)
def test_a_table_that_breaks_its_schema_is_not_written(tmp_path, table, says):
    with pytest.raises(DefectError, match=says):
        write_table(tmp_path / "t.parquet", table, SCHEMA)
    assert not any(tmp_path.iterdir())


def test_parts_are_read_in_name_order_and_an_empty_folder_is_an_empty_table(tmp_path):
    assert read_table(tmp_path, SCHEMA).num_rows == 0
    for name, value in (("part-1", "b"), ("part-0", "a")):
        write_table(tmp_path / f"{name}.parquet", pa.table({"id": [value], "n": [1]}), SCHEMA)
    assert read_table(tmp_path, SCHEMA, ["id"]).column("id").to_pylist() == ["a", "b"]


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_table(tmp_path / name, GOOD, SCHEMA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert pq.read_schema(tmp_path / "a").names == SCHEMA.names
