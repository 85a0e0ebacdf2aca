"""Long lines do not pile up in memory, and memory or disk that ran out is said plainly and without content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import ingest
from copenet.foundation.errors import ResourceError
from ingest import blocks, parts, study_tables
from ingest.settings import IngestSettings
from tests.ingest.dumps import lines, post, read, texts, write


def test_a_batch_of_long_lines_is_bounded_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line, limit = 100_000, 250_000
    held = []
    original = parts.write_table

    def counted(path: Path, table: Any, schema: Any, **how: Any) -> None:
        if path.name.endswith("-texts.parquet"):
            held.append(sum(len(text) for text in table.column("text").to_pylist()))
        original(path, table, schema, **how)

    monkeypatch.setattr(parts, "write_table", counted)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", limit)
    dump = write(tmp_path / "f.zst", lines(post(f"p{i}", text="ab " * (line // 3)) for i in range(20)), "zstd")
    assert ingest.ingest([dump], tmp_path / "restricted").messages == 20
    assert sum(held) >= 20 * line * 0.9
    assert max(held) <= 2 * limit + line + 1000
    assert len(texts(tmp_path / "restricted")) == 20


def test_what_is_held_stays_far_below_a_gigabyte() -> None:
    assert blocks.BLOCK_BYTES <= 64 * 2**20


@pytest.mark.parametrize("kind", [duckdb.OutOfMemoryException, duckdb.IOException, duckdb.TransactionException])
def test_what_duckdb_lacks_is_said_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[duckdb.Error]
) -> None:
    def fails(*_: object) -> None:
        raise kind("could not write Canary_Author")

    with monkeypatch.context() as patch:
        patch.setattr("ingest.study_tables.write", fails)
        with pytest.raises(ResourceError) as caught:
            read(tmp_path, [post()])
    assert "Canary" not in caught.value.message + caught.value.remedy
    assert kind.__name__ in caught.value.message
    assert "Free space" in caught.value.remedy
    assert read(tmp_path, [post()]).messages == 1


def test_too_little_memory_for_the_join(tmp_path: Path) -> None:
    path = write(tmp_path / "f", lines(post(f"p{i}") for i in range(500)))
    with pytest.raises(ResourceError, match="4 MB of memory"):
        ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(memory_limit_mb=1))


def test_a_join_that_lacks_memory_is_tried_with_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []
    original = study_tables.engine

    def counted(scratch: Path, limit: int) -> Any:
        limits.append(limit)
        if len(limits) == 1:
            raise duckdb.OutOfMemoryException("of Canary_Author")
        return original(scratch, limit)

    monkeypatch.setattr(study_tables, "engine", counted)
    assert read(tmp_path, [post()]).messages == 1
    assert limits == [IngestSettings().memory_limit_mb, 4 * IngestSettings().memory_limit_mb]
