"""What real folders hold besides good dumps: the good part is kept, the rest is said, and memory stays bounded."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import ingest
from copenet.cli.app import app
from copenet.foundation.errors import InputError, UsageError
from ingest.dumps import members
from ingest.formats import column_format
from ingest.settings import How, IngestSettings, IngestSummary
from tests.ingest.dumps import PACK, T0, by_id, lines, post, reply, texts, write, zst

ROOT = Path(__file__).resolve().parents[2]
CANARY = "Canary_Author_91"  # what no reason and no error may repeat
ROLES = {"id": "id", "author": "author", "text": "text"}
TABLE = column_format(ROLES)
PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx Canary_Author_91</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(range(256)) * 40 + b"\xff\xd9"
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"noise"


def posts(*names: str) -> bytes:
    return lines(post(name) for name in names)


def ingested(tmp_path: Path, files: dict[str, bytes], **settings: Any) -> IngestSummary:
    """Ingest some files, and look that no reason repeats what they hold."""
    paths = [write(tmp_path / "dumps" / name, data) for name, data in files.items()]
    summary = ingest.ingest(paths, tmp_path / "restricted", settings=IngestSettings(**settings))
    assert CANARY not in json.dumps(summary.to_dict())
    return summary


def kept(tmp_path: Path) -> list[str]:
    return sorted(by_id(tmp_path / "restricted"))


def rejected(summary: IngestSummary) -> list[tuple[str, int]]:
    return [(entry["file"], entry["line"]) for entry in summary.rejected]


def reasons(summary: IngestSummary) -> str:
    return "; ".join(entry["reason"] for entry in summary.rejected)


def table(tmp_path: Path, data: bytes, encoding: str | None = None, name: str = "t.csv") -> IngestSummary:
    """Ingest a table by its columns id, author and text."""
    path = write(tmp_path / "dumps" / name, data)
    how = {path: How(TABLE, encoding)}
    summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert CANARY not in json.dumps(summary.to_dict())
    return summary


def rows(tmp_path: Path) -> dict[str, str]:
    """Return id to text of what a table gave."""
    found = ingest.read_texts(tmp_path / "restricted").to_pylist()
    return {row["message_id"].removeprefix("table:"): row["text"] for row in found}


# ---------------------------------------------------------------- archives


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w", **options: Any) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            told = tarfile.TarInfo(name)
            told.size = len(data)
            archive.addfile(told, io.BytesIO(data))
    return made.getvalue()


INSIDE = {
    "2019/": b"",
    "2019/january/one.ndjson": posts("a"),
    "2019/two.ndjson.zst": zst(posts("b")),
    "three.json.gz": PACK["gzip"](posts("c")),
    "__MACOSX/three.json": posts("no"),
    ".hidden.json": posts("no"),
    "picture.jpg": JPEG,
}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_folders(tmp_path: Path, method: int) -> None:
    summary = ingested(tmp_path, {"all.zip": zipped(INSIDE, method)})
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c"]
    assert summary.rejected == []


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tbz2", "w:bz2"), ("a.txz", "w:xz")]
)
def test_a_tar_of_folders(tmp_path: Path, name: str, mode: str) -> None:
    summary = ingested(tmp_path, {name: tarred({n: d for n, d in INSIDE.items() if not n.endswith("/")}, mode)})
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c"]
    assert summary.rejected == []


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_point_elsewhere_are_written_nowhere(tmp_path: Path, pack: Any) -> None:
    escape = str(tmp_path / "escaped.ndjson")
    data = pack({"../../x.ndjson": posts("a"), escape: posts("b"), "C:\\x.ndjson": posts("c")})
    before = {*tmp_path.parent.rglob("*x.ndjson"), *tmp_path.rglob("*escaped*")}
    ingested(tmp_path, {"all.zip": data})
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c"]
    assert {*tmp_path.parent.rglob("*x.ndjson"), *tmp_path.rglob("*escaped*")} == before == set()


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.ndjson", posts("secret"))
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind in (
            ("soft.ndjson", tarfile.SYMTYPE),
            ("hard.ndjson", tarfile.LNKTYPE),
            ("dev.json", tarfile.CHRTYPE),
        ):
            told = tarfile.TarInfo(name)
            told.type, told.linkname = kind, str(secret)
            archive.addfile(told)
        told = tarfile.TarInfo("good.ndjson")
        told.size = len(posts("a"))
        archive.addfile(told, io.BytesIO(posts("a")))
    ingested(tmp_path, {"all.tar": made.getvalue()})
    assert kept(tmp_path) == ["t3_a"]


def test_a_bomb_in_a_zip_is_rejected_in_bounded_memory(tmp_path: Path) -> None:
    data = zipped({"bomb.ndjson": b"x" * 150_000_000 + b"\n" + posts("b"), "good.ndjson": posts("a")})
    assert len(data) < 1_000_000
    summary = ingested(tmp_path, {"all.zip": data}, max_line_bytes=1_000_000)
    assert kept(tmp_path) == ["t3_a", "t3_b"]
    assert summary.rejected == [{"file": "all.zip/bomb.ndjson", "line": 1, "reason": "longer than 1000000 bytes"}]
    assert measured([tmp_path / "dumps" / "all.zip"], tmp_path / "again")["mb"] < 400


def locked(data: bytes, name: bytes) -> bytes:
    """Mark a file in a zip as encrypted, in its own head and in the list at the end."""
    changed = bytearray(data)
    for magic, flags, names in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        place = data.find(magic)
        while place >= 0:
            if data[place + names :].startswith(name):
                changed[place + flags] |= 1
            place = data.find(magic, place + 4)
    return bytes(changed)


def test_a_locked_file_in_a_zip_is_said_and_the_others_read(tmp_path: Path) -> None:
    data = locked(zipped({"a.ndjson": posts("a"), "b.ndjson": posts("b")}), b"a.ndjson")
    summary = ingested(tmp_path, {"all.zip": data})
    assert kept(tmp_path) == ["t3_b"]
    assert rejected(summary) == [("all.zip/a.ndjson", 1)]
    assert "locked with a password" in reasons(summary)


def test_a_zip_of_nothing_but_a_locked_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="locked with a password"):
        ingested(tmp_path, {"all.zip": locked(zipped({"a.ndjson": posts("a")}), b"a.ndjson")})


def test_half_a_zip_beside_a_good_file(tmp_path: Path) -> None:
    data = zipped({f"{n}.ndjson": posts(f"z{n}") for n in range(5)}, zipfile.ZIP_STORED)
    summary = ingested(tmp_path, {"half.zip": data[: len(data) // 2], "good.ndjson": posts("a")})
    assert "t3_a" in kept(tmp_path)
    assert ("half.zip", 1) in rejected(summary)
    assert "an archive that is damaged" in reasons(summary)


def test_half_a_zip_alone(tmp_path: Path) -> None:
    data = zipped({"a.ndjson": posts("a")})
    with pytest.raises(InputError, match="an archive that is damaged") as caught:
        ingested(tmp_path, {"half.zip": data[: len(data) // 2]})
    assert caught.value.remedy


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_half_a_tar(tmp_path: Path, mode: str) -> None:
    files = {f"{n}.ndjson": lines(post(f"p{n}{i}", text=os.urandom(300).hex()) for i in range(200)) for n in range(6)}
    data = tarred(files, mode)
    summary = ingested(tmp_path, {"half.tar.gz": data[: len(data) // 2]})
    assert 400 <= summary.messages < 800
    assert {f"t3_p{n}{i}" for n in range(2) for i in range(200)} <= set(kept(tmp_path))
    assert any("damaged" in entry["reason"] for entry in summary.rejected)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_damaged_inside_a_zip(tmp_path: Path, method: int) -> None:
    data = bytearray(zipped({"a.ndjson": posts(*(f"a{n}" for n in range(300))), "b.ndjson": posts("b")}, method))
    place = data.find(b"a.ndjson") + 60
    data[place : place + 40] = bytes(40)
    summary = ingested(tmp_path, {"all.zip": bytes(data)})
    assert "t3_b" in kept(tmp_path)
    assert {file for file, _ in rejected(summary)} == {"all.zip/a.ndjson"}


def test_an_archive_in_an_archive_is_said(tmp_path: Path) -> None:
    inner = {
        "in.zip": zipped({"a.ndjson": posts("a")}),
        "in.tar": tarred({"a.ndjson": posts("a")}),
        "b.json": posts("b"),
    }
    summary = ingested(tmp_path, {"all.zip": zipped(inner)})
    assert kept(tmp_path) == ["t3_b"]
    assert rejected(summary) == [("all.zip/in.tar", 1), ("all.zip/in.zip", 1)]
    assert "lies in another archive" in reasons(summary)


def test_a_tar_packed_with_zstandard_is_said(tmp_path: Path) -> None:
    data = {"a.tar.zst": zst(tarred({"a.ndjson": posts("a")})), "b.json": posts("b")}
    assert "unpack it with its own tool" in reasons(ingested(tmp_path, data))
    assert kept(tmp_path) == ["t3_b"]


def test_an_archive_without_a_dump_does_not_fail_the_others(tmp_path: Path) -> None:
    files = {"empty.zip": zipped({"readme.pdf": b"%PDF-1.7"}), "none.zip": zipped({}), "good.ndjson": posts("a")}
    summary = ingested(tmp_path, files)
    assert kept(tmp_path) == ["t3_a"]
    assert rejected(summary) == [("empty.zip", 1), ("none.zip", 1)]


def test_names_in_archives_that_are_no_utf8_or_hold_control_characters(tmp_path: Path) -> None:
    names = {"caf\udce9.ndjson": posts("a"), "two\nlines\x1b[31m.ndjson": posts("b"), "x" * 90 + ".json": b"nothing\n"}
    summary = ingested(tmp_path, {"all.tar": tarred(names, encoding="utf-8", errors="surrogateescape")})
    assert kept(tmp_path) == ["t3_a", "t3_b"]
    assert {dump.name for dump in members(tmp_path / "dumps" / "all.tar")} >= {
        "all.tar/caf?.ndjson",
        "all.tar/two?lines?[31m.ndjson",
    }
    json.dumps(summary.to_dict()).encode()


def test_a_file_whose_name_is_no_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.ndjson"))
    try:
        path.write_bytes(posts("a") + b"broken\n")
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    summary = ingest.ingest([path], tmp_path / "restricted")
    assert rejected(summary) == [("caf?.ndjson", 2)]
    assert kept(tmp_path) == ["t3_a"]


# ---------------------------------------------------------------- files that are something else


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("page.json", PAGE, "a web page"),
        ("page.json", b"\n\n" + PAGE.lower(), "a web page"),
        (
            "page.json",
            b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\n<html/>',
            "a web",
        ),
        ("pointer.zst", POINTER, "git lfs pull"),
        ("picture.csv", JPEG, "not text"),
        ("picture.json", b"\x89PNG\r\n\x1a\n" + bytes(500), "not text"),
        ("base.csv", b"SQLite format 3\x00" + bytes(100), "not text"),
        ("sheet.csv", zipped({"xl/workbook.xml": b"<x/>"})[:60], "an archive that is damaged"),
        ("settings.yaml", b"name: study\nitems:\n  - one\n", "of no format copenet knows"),
        ("cassette.yaml", b"interactions:\n- request: [\n", "a recording that cannot be read"),
        ("empty.json", b"", "empty file"),
        ("blank.json", b" \n\n\x00\n", "empty file"),
        ("error.json", b'{"error": {"message": "Canary_Author_91", "code": 190}}', "of no format copenet knows"),
        ("numbers.json", b"[1, 2, 3]", "JSON, but not an object"),
        ("word.json", b'"Canary_Author_91"', "empty file"),
        ("prose.txt", b"Dear Canary_Author_91, thank you, and so on.\nYours\n", "another number of columns"),
    ],
)
def test_what_is_no_dump_is_said_and_the_good_file_kept(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    summary = ingested(tmp_path, {name: data, "good.ndjson": posts("a")})
    assert kept(tmp_path) == ["t3_a"]
    assert {file for file, _ in rejected(summary)} == {name}
    assert reason in reasons(summary)


@pytest.mark.parametrize("name", ["dump.csv", "dump.zst", "dump.tar.gz", "dump.zip", "dump.xml", "dump", "dump.yaml"])
@pytest.mark.parametrize("container", ["plain", "gzip", "zstd"])
def test_wrong_extensions(tmp_path: Path, name: str, container: str) -> None:
    summary = ingested(tmp_path, {name: PACK[container](posts("a", "b"))})
    assert kept(tmp_path) == ["t3_a", "t3_b"]
    assert summary.rejected == []


# ---------------------------------------------------------------- compressed files


def test_corrupt_and_skippable_frames(tmp_path: Path) -> None:
    frames = [zst(posts(*(f"{name}{n}" for n in range(50)))) for name in "abc"]
    broken = bytearray(frames[1])
    broken[len(broken) // 2] ^= 0xFF
    data = SKIPPABLE + frames[0] + SKIPPABLE + bytes(broken) + SKIPPABLE + frames[2] + SKIPPABLE
    summary = ingested(tmp_path, {"f.zst": data})
    assert {f"t3_{name}{n}" for name in "ac" for n in range(50)} <= set(kept(tmp_path))
    assert "damaged zstd frame" in reasons(summary)


@pytest.mark.parametrize("container", ["gzip", "bzip2", "xz", "zstd"])
def test_every_container_cut_anywhere(tmp_path: Path, container: str) -> None:
    noisy = lines(post(f"p{n}", text=os.urandom(60).hex()) for n in range(100))
    data = PACK[container](posts("first")) + PACK[container](noisy)
    for cut in range(len(data) - 1, len(data) // 3, -len(data) // 7):
        folder = tmp_path / f"{cut}"
        summary = ingested(folder, {"f": data[:cut]})
        assert "t3_first" in kept(folder)
        assert "it ends inside a frame" in reasons(summary)


def test_a_bomb_in_every_container_takes_bounded_memory(tmp_path: Path) -> None:
    for container in ("gzip", "bzip2", "xz", "zstd"):
        path = write(tmp_path / container, posts("a") + b"0" * 400_000_000 + b"\n" + posts("b"), container)
        assert path.stat().st_size < 500_000
    found = measured([tmp_path / container for container in ("gzip", "bzip2", "xz", "zstd")], tmp_path)
    assert found["messages"] == 2
    assert [entry["reason"] for entry in found["rejected"]] == ["longer than 67108864 bytes"] * 4
    assert found["mb"] < 500


# ---------------------------------------------------------------- JSON


def test_ndjson_whose_first_line_is_broken(tmp_path: Path) -> None:
    for n, first in enumerate(
        [b'ody": "cut", "id": "x"}\n', b'{"id": "x", "bo\n', b"# comment\n", b"<cut>\n", b"[\n", b"\xff\n"]
    ):
        summary = ingested(tmp_path / f"{n}", {"tail.json": first + posts("a", "b")})
        assert kept(tmp_path / f"{n}") == ["t3_a", "t3_b"]
        assert summary.rejected_count <= 1


def test_nul_bytes_and_lone_surrogates_and_broken_utf8(tmp_path: Path) -> None:
    data = b'{"id": "a", "title": "one \\u0000 two", "created_utc": 1600000000, "author": "x\\u0000y"}\n'
    data += bytes(5000) + b"\n"  # what a crashed writer leaves in a sparse file
    data += b'{"id": "b", "title": "lone \\ud83d surrogate", "created_utc": 1600000000, "author": "\\udc00"}\n'
    data += b'{"id": "c", "title": "caf\xe9", "created_utc": 1600000000}\n'
    data += b'{"id": "d", "title": "raw\x00nul \x01", "created_utc": 1600000000}\n'
    summary = ingested(tmp_path, {"f.ndjson": data})
    assert summary.rejected == []
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c", "t3_d"]
    found = texts(tmp_path / "restricted")
    assert found["t3_a"] == "one  two"
    assert found["t3_b"] == "lone \ufffd surrogate"
    assert found["t3_c"] == "caf\ufffd"
    assert "\x00" not in found["t3_d"]


def test_lines_of_ten_megabytes(tmp_path: Path) -> None:
    data = lines([post("a"), post("b", text="long " * 2_000_000), post("c", text=CANARY * 700_000), post("d")])
    summary = ingested(tmp_path, {"f.ndjson": data})
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c", "t3_d"]
    assert max(map(len, texts(tmp_path / "restricted").values())) <= 100_000
    summary = ingested(tmp_path / "less", {"f.ndjson": data}, max_line_bytes=1_000_000)
    assert kept(tmp_path / "less") == ["t3_a", "t3_d"]
    assert rejected(summary) == [("f.ndjson", 2), ("f.ndjson", 3)]


@pytest.mark.parametrize(
    "value",
    [-1, 0, 1e18, 10**30, "1e999", "yesterday", "0001-01-01", "9999-12-31T23:59:59Z", True, [], "", 4_102_444_800],
)
def test_absurd_dates_cost_the_date_only(tmp_path: Path, value: object) -> None:
    summary = ingested(tmp_path, {"f": lines([post("a", at=value, edited=value, retrieved_on=value), post("b")])})
    row = by_id(tmp_path / "restricted")["t3_a"]
    assert (row["created_at"], row["edited_at"], row["retrieved_at"]) == (None, None, None)
    assert summary.to_dict()["clock"]["undated"] == 1


def test_a_circle_of_replies_across_files(tmp_path: Path) -> None:
    chain = [reply(f"c{n}", f"t1_c{(n + 1) % 500}", link_id=None) for n in range(500)]
    summary = ingested(tmp_path, {"one": lines(chain[::2]), "two": lines(chain[1::2])})
    assert summary.messages == 500
    assert summary.to_dict()["clock"]["cycles"] == 500


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_json_of_fifty_thousand_levels(tmp_path: Path) -> None:
    deep = b'{"id": "x", "title": "t", "created_utc": 1600000000, "deep": ' + nested(50_000) + b"}"
    objects = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    data = posts("a") + deep + b"\n" + nested(50_000) + b"\n" + objects + b"\n" + posts("b")
    summary = ingested(tmp_path, {"deep.ndjson": data})
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_x"]
    assert rejected(summary) == [("deep.ndjson", 4)]


@pytest.mark.parametrize("data", [nested(50_000), b'{"a":' * 50_000, b"[" * 50_000, b'[{"a":' * 50_000 + b"1"])
def test_a_deep_document_alone(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="Nothing could be kept"):
        ingested(tmp_path, {"deep.json": data})


def thread(depth: int) -> bytes:
    """Return what Reddit's API answers for a chain of replies."""
    opening, closing = b"", b""
    for n in range(depth):
        opening += (
            b'{"kind": "Listing", "data": {"children": [{"kind": "t1", "data": {"id": "c%x", "name": "t1_c%x", '
            % (n, n)
        )
        opening += b'"body": "so", "author": "u%x", "created_utc": 1600000000, "replies": ' % (n % 7)
        closing += b"}}]}}"
    return opening + b'""' + closing


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deep_thread_of_a_large_file(tmp_path: Path, workers: int) -> None:
    """Records nested too deeply cannot be sent to another process."""
    padding = b'{"kind": "t3", "data": {"id": "p", "title": "%s", "created_utc": 1600000000}}' % (b"x" * 4_300_000)
    data = b"[\n" + thread(5000) + b",\n" + padding + b"\n]\n"
    summary = ingested(tmp_path, {"api.json": data}, workers=workers)
    assert (summary.messages, summary.rejected) == (5001, [])


def test_a_document_cut_in_the_middle(tmp_path: Path) -> None:
    whole = json.dumps([post(f"p{n}") for n in range(100)], indent=1).encode()
    summary = ingested(tmp_path, {"cut.json": whole[: len(whole) // 2]})
    assert 45 <= summary.messages <= 50
    assert kept(tmp_path) == sorted(f"t3_p{n}" for n in range(summary.messages))
    assert reasons(summary) == "the document is damaged or cut off here; what stands before is kept"


def test_a_pretty_printed_document(tmp_path: Path) -> None:
    for n, indent in enumerate((None, 0, 1, "\t")):
        data = json.dumps([post("a"), post("b")], indent=indent).encode()
        summary = ingested(tmp_path / f"{n}", {"pretty.json": data})
        assert kept(tmp_path / f"{n}") == ["t3_a", "t3_b"]
        assert summary.rejected == []


def test_documents_one_after_the_other(tmp_path: Path) -> None:
    data = b"\n".join(json.dumps(post(name), indent=2).encode() for name in "abc")
    assert ingested(tmp_path, {"several.json": data}).rejected == []
    assert kept(tmp_path) == ["t3_a", "t3_b", "t3_c"]


MEASURED = """
import json, resource, sys
from pathlib import Path
import ingest
from ingest.settings import IngestSettings
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
settings = IngestSettings(workers=1, fallback=sys.argv[2] or None)
found = ingest.ingest([Path(name) for name in sys.argv[3:]], Path(sys.argv[1]), settings=settings)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"messages": found.messages, "rejected": found.rejected, "mb": (peak - before) // 1000}))
"""


def measured(paths: Iterable[Path], tmp_path: Path, fallback: str = "") -> dict[str, Any]:
    """Ingest in a process of its own; `mb` is by how many megabytes it grew."""
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "restricted"), fallback, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


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


# ---------------------------------------------------------------- tables


def test_a_quote_that_never_ends_costs_one_row(tmp_path: Path) -> None:
    data = (
        b'id,author,text\n1,ann,one\n2,bob,"open\n3,cy,three\n4,dee,"four, quoted"\n5,eve,"five ""said"""\n6,fay,six\n'
    )
    summary = table(tmp_path, data)
    assert rows(tmp_path) == {
        "1": "one",
        "2": "open",
        "3": "three",
        "4": "four, quoted",
        "5": 'five "said"',
        "6": "six",
    }
    assert rejected(summary) == [("t.csv", 3)]
    assert "a quote that never ends" in reasons(summary)


def test_an_open_quote_in_the_middle_of_a_row(tmp_path: Path) -> None:
    data = b'id,text,author\n1,one,ann\n2,"open,bob\n' + b"".join(b"%d,so,cy\n" % n for n in range(3, 3000))
    summary = table(tmp_path, data)
    assert rows(tmp_path).keys() == {str(n) for n in range(1, 3000)} - {"2"}
    assert rejected(summary) == [("t.csv", 3)]


def test_many_open_quotes_far_apart(tmp_path: Path) -> None:
    rows_of = [f'{n},ann,"open' if n % 1000 == 500 else f"{n},ann,plain text" for n in range(1, 20_000)]
    summary = table(tmp_path, ("id,author,text\n" + "\n".join(rows_of) + "\n").encode())
    assert len(rows(tmp_path)) == 19_999
    assert len(summary.rejected) == 20


def test_quotes_inside_texts_of_several_lines_are_no_reason_to_lose_a_row(tmp_path: Path) -> None:
    data = b'id,author,text\n1,ann,"he said ""so"",\nand left"\n2,bob,"sloppy "so" here"\n'
    data += b'3,cy,"two\nlines "so" here"\n4,dee,x\n'
    summary = table(tmp_path, data)
    assert summary.rejected == []
    assert rows(tmp_path).keys() == {"1", "2", "3", "4"}
    assert rows(tmp_path)["1"] == 'he said "so",\nand left'


def test_a_table_cut_within_quotes(tmp_path: Path) -> None:
    summary = table(tmp_path, b'id,author,text\n1,ann,one\n2,bob,"first line\nsecond li')
    assert rows(tmp_path) == {"1": "one", "2": "first line"}
    assert rejected(summary) == [("t.csv", 3), ("t.csv", 4)]


def test_damage_within_a_row_of_several_lines(tmp_path: Path) -> None:
    one, two = zst(b'id,author,text\n1,ann,"begun\nstill\n'), zst(b'2,bob,two\n3,cy,"three"\n')
    broken = bytearray(zst(b"8,zed,lost\n" * 30))
    broken[-6] ^= 0xFF
    summary = table(tmp_path, one + bytes(broken)[:-2] + two)
    assert rows(tmp_path).keys() >= {"1", "2", "3"}
    assert "damaged zstd frame" in reasons(summary)
    numbers = [line for _, line in rejected(summary)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8-sig", None), ("utf-8", None), ("utf-16", None), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, declared: str | None, delimiter: str) -> None:
    data = f'id,author,text\r\n1,André,"näive, so"\r\n2,bob,{"x;y" if delimiter != ";" else "x"}\r\n'
    data = data.replace(",", delimiter).replace(f"näive{delimiter}", "näive,")
    summary = table(tmp_path, data.encode(encoding), declared)
    assert summary.rejected == []
    assert rows(tmp_path)["1"] == "näive, so"
    assert summary.authors == 2


def test_a_table_in_an_encoding_nobody_named_is_read_and_said(tmp_path: Path) -> None:
    data = "id,author,text\n1,ann,one\n2,André,näive\n3,bob,three\n".encode("cp1252")
    summary = table(tmp_path, data)
    assert rows(tmp_path).keys() == {"1", "2", "3"}
    assert "not UTF-8" in reasons(summary)
    assert len(summary.rejected) == 1


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "zip", "rot13", "undefined"])
def test_what_is_no_encoding_of_text(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="no encoding"):
        table(tmp_path, b"id,author,text\n1,ann,one\n", encoding)
    done = CliRunner().invoke(app, ["init", str(tmp_path / "study")])
    assert done.exit_code == 0
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "study"), "-", "--encoding", encoding], input=b"id\n")
    assert (done.exit_code, "Traceback" in done.output) == (2, False)


def test_a_table_without_its_head(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no id in the column 'id'"):
        table(tmp_path, b"1,ann,one\n2,bob,two\n")


def test_rows_of_another_width(tmp_path: Path) -> None:
    summary = table(tmp_path, b"id,author,text\n1,ann,one\n2\n3,cy,three,more,yet\n4,dee,four,,\n5,eve\n")
    assert rows(tmp_path) == {"1": "one", "4": "four"}
    assert rejected(summary) == [("t.csv", 3), ("t.csv", 4)]
    assert summary.messages == 3


def test_lines_that_end_in_carriage_returns_only(tmp_path: Path) -> None:
    body = b"".join(b"%d,ann,so\r" % n for n in range(5000))
    summary = table(tmp_path, b"id,author,text\r" + body)
    assert (summary.messages, summary.rejected) == (5000, [])


def test_a_line_of_a_million_columns_and_one_of_ten_megabytes(tmp_path: Path) -> None:
    wide, long = b"," * 3_000_000, b'3,cy,"%s"' % (b"so, " * 250_000)
    summary = table(tmp_path, b"\n".join([b"id,author,text", b"1,ann,one", wide, long, b"4,dee,four", b""]))
    assert rows(tmp_path).keys() == {"1", "3", "4"}
    assert rejected(summary) == [("t.csv", 3)]


NAUGHTY = [
    '=HYPERLINK("evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2+3",
    "'); DROP TABLE messages; --",
    "$tag$",
    "{{7*7}}",
    '"}) DETACH DELETE n //',
    "`MATCH (n) DETACH DELETE n`",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%s%n%d",
    "\u202egnp.exe",
    "a" * 900,
]


def test_formulas_and_queries_and_markup_in_ids_are_only_words(tmp_path: Path) -> None:
    made = io.StringIO()
    for n, word in enumerate(NAUGHTY):
        cells = [word, f"{word}{n}", f"text {n} {word}", NAUGHTY[n - 1]]
        made.write("\t".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n")
    path = write(tmp_path / "dumps" / "t.tsv", b"id\tauthor\ttext\tparent\n" + made.getvalue().encode())
    how = {path: How(column_format(ROLES | {"parent": "parent"}))}
    for _ in range(2):
        summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert (summary.messages, summary.replies_resolved, summary.authors) == (len(NAUGHTY),) * 3
    found = ingest.read_messages(tmp_path / "restricted").column("message_id").to_pylist()
    assert set(found) == {f"table:{word}" for word in NAUGHTY}
    gone = ingest.forget(tmp_path / "restricted", "table", [f"{NAUGHTY[4]}4"])
    assert gone == 1


def test_queries_in_the_ids_of_a_platform_that_has_none_such_are_rejected(tmp_path: Path) -> None:
    summary = ingested(tmp_path, {"f.ndjson": lines([post("a"), *(post(word) for word in NAUGHTY)])})
    assert kept(tmp_path) == ["t3_a"]
    assert {entry["reason"] for entry in summary.rejected} == {"an id that Reddit does not use"}


def test_json_lines_with_columns_given(tmp_path: Path) -> None:
    records = [{"id": f"m{n}", "author": "ann", "text": "so"} for n in range(3)]
    for name, data in {"l.jsonl": lines(records), "d.json": json.dumps(records, indent=1).encode()}.items():
        assert table(tmp_path / name, data, name=name).messages == 3


def test_a_head_in_brackets(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"[id],[author],[text]\n1,ann,one\n")
    how = {path: How(column_format({"id": "[id]", "author": "[author]", "text": "[text]"}))}
    assert ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how)).messages == 1


# ---------------------------------------------------------------- Parquet


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table(columns), made, **options)
    return made.getvalue()


def test_a_parquet_file_cut_in_half(tmp_path: Path) -> None:
    data = parquet({"id": [str(n) for n in range(5000)], "author": ["ann"] * 5000, "text": ["so"] * 5000})
    with pytest.raises(InputError, match="a damaged Parquet file"):
        table(tmp_path, data[: len(data) // 2], name="t.parquet")
    good = write(tmp_path / "good", posts("a"))
    half = write(tmp_path / "half.parquet", data[: len(data) // 2])
    summary = ingest.ingest([good, half], tmp_path / "both")
    assert (summary.messages, rejected(summary)) == (1, [("half.parquet", 1)])


def test_a_parquet_file_damaged_inside_keeps_the_row_groups_before(tmp_path: Path) -> None:
    data = bytearray(
        parquet(
            {"id": [f"{n}" for n in range(900)], "author": ["ann"] * 900, "text": [f"so {n}" for n in range(900)]},
            row_group_size=300,
            use_dictionary=False,
        )
    )
    second = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0).data_page_offset
    data[second : second + 30] = b"\xff" * 30
    summary = table(tmp_path, bytes(data), name="t.parquet")
    assert summary.messages == 300
    assert rejected(summary) == [("t.parquet", 301)]


def test_parquet_of_every_kind_of_time_and_text(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([10**17 + 1, 2, 3], pa.int64()),
        "author": pa.array([b"ann", b"\xff", b"cy"], pa.binary()),
        "text": pa.array(["one", "two", "three"]).dictionary_encode(),
        "at": pa.array([2**62, T0 * 10**6, 0], pa.timestamp("us", tz="Mars/Olympus")),
        "edited": pa.array([1, T0 * 10**9 + 7, 0], pa.timestamp("ns")),
    }
    path = write(tmp_path / "t.parquet", parquet(columns))
    how = {path: How(column_format(ROLES | {"time": "at", "edited": "edited"}))}
    summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert (summary.messages, summary.rejected) == (3, [])
    found = {row["message_id"]: row for row in ingest.read_messages(tmp_path / "restricted").to_pylist()}
    assert set(found) == {"table:100000000000000001", "table:2", "table:3"}
    assert found["table:2"]["created_at"].timestamp() == found["table:2"]["edited_at"].timestamp() == T0
    assert found["table:100000000000000001"]["created_at"] is None


def test_a_small_parquet_file_that_would_fill_the_memory(tmp_path: Path) -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 1500, pa.int32()), pa.array(["a" * 20_000_000]))
    columns = {"id": [str(n) for n in range(1500)], "author": ["ann"] * 1500, "text": one}
    options = {"compression": "zstd", "dictionary_pagesize_limit": 2**30, "store_schema": False}
    path = write(tmp_path / "t.parquet", parquet(columns, **options))
    assert path.stat().st_size < 100_000
    del columns, one
    found = measured([path], tmp_path, TABLE)
    assert found["messages"] == 1500
    assert found["mb"] < 600


# ---------------------------------------------------------------- folders and standard input


@pytest.fixture
def study(tmp_path: Path) -> Path:
    assert CliRunner().invoke(app, ["init", str(tmp_path / "study")]).exit_code == 0
    return tmp_path / "study"


def called(*arguments: object, given: bytes | None = None) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"], input=given)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def folder(tmp_path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    for name, data in files:
        write(tmp_path / "folder" / name, data)
    return tmp_path / "folder"


def test_a_folder_with_links_that_go_round_and_empty_files(tmp_path: Path, study: Path) -> None:
    dumps = folder(
        tmp_path, [("a.ndjson", posts("a")), ("empty.json", b""), ("notes.pdf", b"%PDF"), ("b/c.json", posts("no"))]
    )
    (dumps / "loop.json").symlink_to(dumps / "loop.json")
    (dumps / "round.json").symlink_to(dumps)
    (dumps / "broken.json").symlink_to(dumps / "nowhere")
    (dumps / "again.ndjson").symlink_to(dumps / "a.ndjson")
    found = called("ingest", study, dumps)
    assert found["messages"] == 1
    assert [(entry["file"], entry["reason"]) for entry in found["rejected"]] == [("empty.json", "empty file")]
    done = CliRunner().invoke(app, ["ingest", str(study), str(dumps / "loop.json")])
    assert (done.exit_code, "no such file" in done.output) == (3, True)


def test_a_folder_given_twice_and_under_another_name(tmp_path: Path, study: Path) -> None:
    dumps = folder(tmp_path, [("a.ndjson", posts("a")), ("copy.ndjson", posts("a"))])
    (tmp_path / "other").symlink_to(dumps)
    found = called("ingest", study, dumps, dumps, tmp_path / "other", dumps / ".." / "folder", dumps / "a.ndjson")
    assert (found["messages"], found["duplicates"]) == (1, 0)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda data: zipped({"a.ndjson": data, "b.ndjson": posts("in")})]
)
def test_standard_input_stays_when_other_dumps_are_read(tmp_path: Path, study: Path, pack: Any) -> None:
    first = called("ingest", study, "-", given=pack(posts("a", "b") + b"broken\n"))
    assert [entry["line"] for entry in first["rejected"]] == [3]
    more = write(tmp_path / "more.ndjson", posts("c"))
    for _ in range(2):
        assert called("ingest", study, more)["messages"] == first["messages"] + 1
    assert called("quality", study)["messages"] == first["messages"] + 1
    assert not list((study / "restricted").rglob("standard-input"))


@pytest.mark.parametrize("given", [b"", b"\x00\x01\x02" * 100, PAGE, b"prose\n"])
def test_standard_input_of_nothing_leaves_the_study_as_it_was(tmp_path: Path, study: Path, given: bytes) -> None:
    called("ingest", study, write(tmp_path / "a.ndjson", posts("a")))
    done = CliRunner().invoke(app, ["ingest", str(study), "-"], input=given)
    assert (done.exit_code, CANARY in done.output, "Traceback" in done.output) == (0, False, False)
    found = called("ingest", study)
    assert found["messages"] == 1


def test_standard_input_of_nothing_in_an_empty_study(study: Path) -> None:
    done = CliRunner().invoke(app, ["ingest", str(study), "-"], input=PAGE)
    assert done.exit_code == 3
    assert "a web page" in done.output
    assert CANARY not in done.output


def test_a_dry_run_of_a_folder_of_everything(tmp_path: Path, study: Path) -> None:
    files = {"page.json": PAGE, "p.zst": POINTER, "pic.csv": JPEG, "e.json": b"", "h.zip": zipped(INSIDE)[:200]}
    files |= {
        "l.zip": locked(zipped({"a.json": posts("a")}), b"a.json"),
        "t.csv": b'id,text\n1,"open',
        "good.json": posts("a"),
    }
    found = called("ingest", study, folder(tmp_path, files.items()), "--dry-run")["files"]
    assert {entry["file"]: entry["messages"] for entry in found if entry["messages"]} == {"good.json": 1}
    assert len(found) == len(files)
    assert CANARY not in json.dumps(found)
