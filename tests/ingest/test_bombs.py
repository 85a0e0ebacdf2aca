"""Small files that would fill the memory, and large ones that need not: how far a process grows is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from ingest.formats import column_format
from tests.ingest.dumps import post, write
from tests.ingest.hostile import parquet, posts, zipped

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="Linux tells what a process took")
ROOT = Path(__file__).resolve().parents[2]
TABLE = column_format({"id": "id", "author": "author", "text": "text"})
MEASURED = """
import json, sys
from pathlib import Path
import ingest
from ingest.settings import IngestSettings

def peak():  # not getrusage: it begins with what the process was that started this one
    lines = Path("/proc/self/status").read_text().split("\\n")
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1000

before = peak()
settings = IngestSettings(workers=1, fallback=sys.argv[2] or None)
found = ingest.ingest([Path(name) for name in sys.argv[3:]], Path(sys.argv[1]), settings=settings)
print(json.dumps({"messages": found.messages, "rejected": found.rejected, "mb": peak() - before}))
"""


def measured(paths: Iterable[Path], tmp_path: Path, fallback: str = "") -> dict[str, Any]:
    """Ingest in a process of its own; `mb` is by how many megabytes it grew."""
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "restricted"), fallback, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


BOMBS = {
    "numbers.json": (b"0,", 2_500_000, b'{"a": [', b"0]}"),
    "objects.json": (b'{"a":{}},', 700_000, b"[", b"{}]"),
    "unknown.json": (b'{"a":[]},', 700_000, b'{"some": {"list of": [', b"0]}}"),
    "record.json": (
        b'"abcdefgh":{},',
        1_300_000,
        b'{"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": [{',
        b'"z":0}',
    ),
    "line.ndjson": (b"[],", 1_100_000, b'{}\n{"id":"x","title":"t","created_utc":1600000000,"a":[', b"0]}\n"),
    "text.json": (b"0", 80_000_000, b'{"a": "', b'"}'),
    "depth.json": (b"[", 1_500_000, b"", b""),
    "wide.csv": (b",", 40_000_000, b"id,author,text\n", b"\n"),
    "cells.csv": (b"1,ann," + b"a" * 1_000_000 + b"\n", 300, b"idea,author,words\n", b""),
    "cassette.yaml": (b"- []\n", 700_000, b"interactions:\n", b""),
    "large.yaml": (b"0", 80_000_000, b"interactions:\n", b""),
}


@pytest.mark.slow
def test_small_files_that_would_fill_the_memory(tmp_path: Path) -> None:
    for name, (part, times, opening, closing) in BOMBS.items():
        parts = (opening, *[part * (times // 100)] * 100, closing)
        with (
            (tmp_path / f"{name}.zst").open("wb") as stream,
            zstandard.ZstdCompressor().stream_writer(stream) as packer,
        ):
            for data in parts:
                packer.write(data)
    write(tmp_path / "good.ndjson", posts("a"))
    found = measured(sorted(tmp_path.glob("*.*")), tmp_path)
    assert found["messages"] == 1
    assert {entry["file"].removesuffix(".zst") for entry in found["rejected"]} == BOMBS.keys()
    assert found["mb"] < 600


def test_a_bomb_in_every_container_takes_bounded_memory(tmp_path: Path) -> None:
    for container in ("gzip", "bzip2", "xz", "zstd"):
        path = write(tmp_path / container, posts("a") + b"0" * 200_000_000 + b"\n" + posts("b"), container)
        assert path.stat().st_size < 500_000
    found = measured([tmp_path / container for container in ("gzip", "bzip2", "xz", "zstd")], tmp_path)
    assert found["messages"] == 2
    assert [entry["reason"] for entry in found["rejected"]] == ["longer than 67108864 bytes"] * 4
    assert found["mb"] < 500


def test_a_bomb_in_a_zip_is_rejected_in_bounded_memory(tmp_path: Path) -> None:
    data = zipped({"bomb.ndjson": b"x" * 150_000_000 + b"\n" + posts("b"), "good.ndjson": posts("a")})
    assert len(data) < 1_000_000
    found = measured([write(tmp_path / "all.zip", data)], tmp_path)
    assert found["messages"] == 2
    assert found["rejected"] == [{"file": "all.zip/bomb.ndjson", "line": 1, "reason": "longer than 67108864 bytes"}]
    assert found["mb"] < 250


def test_an_array_of_seventy_megabytes_streams(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("w") as stream:
        stream.write("[\n")
        for n in range(14_400):
            stream.write(json.dumps(post(f"p{n:x}", text=f"word{n % 97} " * 700)) + ("\n]\n" if n == 14_399 else ",\n"))
    assert path.stat().st_size > 70_000_000
    found = measured([path], tmp_path)
    assert (found["messages"], found["rejected"]) == (14_400, [])
    assert found["mb"] < 500


def test_a_small_parquet_file_that_would_fill_the_memory(tmp_path: Path) -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 600, pa.int32()), pa.array(["a" * 20_000_000]))
    columns = {"id": [str(n) for n in range(600)], "author": ["ann"] * 600, "text": one}
    options = {"compression": "zstd", "dictionary_pagesize_limit": 2**30, "store_schema": False}
    path = write(tmp_path / "t.parquet", parquet(columns, **options))
    assert path.stat().st_size < 100_000
    del columns, one
    found = measured([path], tmp_path, TABLE)
    assert found["messages"] == 600
    assert found["mb"] < 500
