"""Whole, truncated, damaged and oddly encoded files: the good part is kept and the loss is said."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest.blocks import MAX_LINE, Block, Line, Loss, blocks, lines
from ingest.containers import container, read_utf8
from tests.ingest.dumps import write, zst

TEXT = b"".join(b'{"n": %d, "pad": "%s"}\n' % (i, str(i * 7919 % 1009).encode() * 20) for i in range(6000))
LINES = TEXT.splitlines()


def read_lines(path: Path, *, max_line: int = MAX_LINE, rows: int = 10_000) -> list[Line | Loss]:
    """Read a file as ingest does, and take its blocks apart."""
    found: list[Line | Loss] = []
    with path.open("rb") as stream:
        for item in blocks(read_utf8(stream), max_line=max_line, rows=rows):
            found += lines(item, max_line=max_line) if isinstance(item, Block) else [item]
    return found


def good(path: Path, **options: int) -> list[bytes]:
    return [item.data for item in read_lines(path, **options) if isinstance(item, Line)]


def lost(path: Path, **options: int) -> list[Loss]:
    return [item for item in read_lines(path, **options) if isinstance(item, Loss)]


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd", "bzip2", "xz"])
def test_every_container_gives_the_same_lines(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "misnamed.txt", TEXT, kind)
    assert container(path.read_bytes()[:6]) == kind
    assert good(path) == LINES
    assert lost(path) == []


def test_numbers_count_blank_lines_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a", b"a\n\n  \r\nb\r\n\x00\x00\nc")
    assert list(read_lines(path)) == [Line(1, b"a"), Line(4, b"b"), Line(6, b"c")]


def test_the_long_window_of_real_dumps_is_read(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=31, enable_ldm=False)
    packed = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path = tmp_path / "long.zst"
    path.write_bytes(packed.compress(TEXT) + packed.flush())
    assert good(path) == LINES


@pytest.mark.parametrize("pack", [zst, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_half_a_file_keeps_its_half_and_says_so(tmp_path: Path, pack: object, share: float) -> None:
    packed = pack(TEXT)  # type: ignore[operator]
    path = tmp_path / "half"
    path.write_bytes(packed[: int(len(packed) * share)])
    kept = good(path)
    assert kept == LINES[: len(kept)]
    assert [loss.reason.split()[0] for loss in lost(path)] == ["truncated"]


def test_a_truncated_file_loses_no_complete_block(tmp_path: Path) -> None:
    frames = zst(TEXT, frames=4)
    path = tmp_path / "cut.zst"
    path.write_bytes(frames[:-10])
    assert len(good(path)) >= len(LINES) * 3 // 4 - 1


def test_several_frames_are_one_stream(tmp_path: Path) -> None:
    path = tmp_path / "frames.zst"
    path.write_bytes(zst(TEXT, frames=7))
    assert good(path) == LINES
    path.write_bytes(gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]))
    assert good(path) == LINES


def test_a_skippable_frame_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "skip.zst"
    path.write_bytes(b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note" + zst(TEXT))
    assert good(path) == LINES


def test_good_lines_before_and_after_a_bad_frame_are_kept(tmp_path: Path) -> None:
    first, second, third = (b"".join(line + b"\n" for line in LINES[i : i + 2000]) for i in (0, 2000, 4000))
    bad = bytearray(zst(second))
    bad[12:40] = b"\xff" * 28
    path = tmp_path / "bad.zst"
    path.write_bytes(zst(first) + bytes(bad) + zst(third))
    kept = good(path)
    assert kept[:2000] == LINES[:2000]
    assert kept[-2000:] == LINES[4000:]
    assert any("damaged" in loss.reason for loss in lost(path))


def test_every_block_before_the_damage_is_kept(tmp_path: Path) -> None:
    """The decoder throws away what one call had decoded when that call fails; nothing may hang on the size of a call."""
    packed = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [
        packed.compress(TEXT[i : i + 3000]) + packed.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for i in range(0, 9000, 3000)
    ]
    bad = b"\x07\x00\x00" + b"\xff" * 30  # a block of the reserved type
    path = tmp_path / "block.zst"
    path.write_bytes(b"".join(parts) + bad)
    assert good(path) == LINES[: TEXT[:9000].count(b"\n")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", ["plain", "zstd"])
def test_encodings(tmp_path: Path, encoding: str, kind: str) -> None:
    text = '{"a": "café 😀"}\r\n{"b": 1}\r\n' * 40_000
    path = write(tmp_path / "e.json", text.encode(encoding), kind)
    assert good(path) == [line.encode() for line in text.split("\r\n") if line]


def test_a_tiny_file_with_a_mark_only(tmp_path: Path) -> None:
    assert good(write(tmp_path / "bom", b"\xef\xbb\xbf")) == []
    assert good(write(tmp_path / "two", b"{}")) == [b"{}"]
    assert good(write(tmp_path / "none", b"")) == []


@pytest.mark.parametrize("kind", ["plain", "zstd"])
def test_an_overlong_line_is_rejected_and_its_neighbours_kept(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "long", b"first\n" + b"x" * 3_000_000 + b"\nlast\n", kind)
    assert good(path, max_line=1_000_000) == [b"first", b"last"]
    assert lost(path, max_line=1_000_000) == [Loss(2, "longer than 1000000 bytes")]


def test_an_overlong_line_takes_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = write(tmp_path / "bomb.zst", b"x" * 300_000_000, "zstd")
    tracemalloc.start()
    assert lost(path, max_line=1_000_000) == [Loss(1, "longer than 1000000 bytes")]
    assert tracemalloc.get_traced_memory()[1] < 150_000_000
    tracemalloc.stop()


@given(
    st.binary(max_size=400),
    st.sampled_from(
        [b"", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08", b"\xff\xfe", b"\xef\xbb\xbf"]
    ),
)
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "f"
    path.write_bytes(head + data)
    numbers = [item.number for item in read_lines(path)]
    assert numbers == sorted(set(numbers))


@given(st.lists(st.text(alphabet="abc{}é", min_size=1), max_size=30), st.integers(1, 5))
def test_lines_do_not_depend_on_frames(tmp_path_factory: pytest.TempPathFactory, rows: list[str], frames: int) -> None:
    path = tmp_path_factory.mktemp("any") / "f.zst"
    data = "\n".join(rows).encode()
    path.write_bytes(zst(data, frames))
    assert good(path) == [row.encode() for row in rows] or data[:2] in (b"{\x00", b"\x00{")


@given(st.lists(st.text(alphabet="abc{}é", min_size=1), max_size=30), st.integers(1, 7), st.integers(1, 9))
def test_lines_do_not_depend_on_blocks_or_pieces(rows: list[str], size: int, most: int) -> None:
    data = "\n".join(rows).encode()
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    cut = list(blocks(pieces, rows=most))
    assert [line.data for block in cut if isinstance(block, Block) for line in lines(block)] == [
        r.encode() for r in rows
    ]
    numbers = [n for block in cut if isinstance(block, Block) for n in range(block.first, block.last + 1)]
    assert numbers == list(range(1, len(rows) + 1))
    assert all(block.last - block.first < most for block in cut if isinstance(block, Block))


def test_a_mark_of_byte_order_in_mid_file_costs_no_line(tmp_path: Path) -> None:
    assert good(write(tmp_path / "joined", b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"b": 2}\n')) == [
        b'{"a": 1}',
        b'{"b": 2}',
    ]
