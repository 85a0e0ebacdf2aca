"""What real folders hold besides good dumps: the good part is kept, the rest is said, and memory stays bounded."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from copenet.cli.app import app
from copenet.foundation.errors import InputError
from tests.ingest.dumps import PACK, by_id, lines, post, reply, texts, write, zst
from tests.ingest.hostile import (
    CANARY,
    INSIDE,
    JPEG,
    PAGE,
    POINTER,
    SKIPPABLE,
    ingested,
    kept,
    locked,
    posts,
    reasons,
    rejected,
    zipped,
)


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
        ("sheet.csv", zipped({"xl/theme.rels": b"<x/>"})[:60], "an archive that is damaged"),
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


@pytest.mark.parametrize(
    "data", [b"[]", b"[[], [[]]]\n", b'{"data": []}', b'{"kind": "Listing", "data": {"children": []}}']
)
def test_an_answer_without_results_is_no_fault_and_alone_no_dump(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"Nothing could be kept \(\w"):
        ingested(tmp_path, {"none.json": data})
    assert ingested(tmp_path, {"none.json": data, "good.ndjson": posts("a")}).messages == 1


@pytest.mark.parametrize("name", ["dump.csv", "dump.zst", "dump.tar.gz", "dump.zip", "dump.xml", "dump", "dump.yaml"])
@pytest.mark.parametrize("container", ["plain", "gzip", "zstd"])
def test_wrong_extensions(tmp_path: Path, name: str, container: str) -> None:
    summary = ingested(tmp_path, {name: PACK[container](posts("a", "b"))})
    assert kept(tmp_path) == ["t3_a", "t3_b"]
    assert summary.rejected == []


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
    assert {entry["file"]: entry["messages"] for entry in found if entry["messages"]} == {
        "good.json": 1,
        "h.zip/2019/january/one.ndjson": 1,
    }
    assert {entry["file"].split("/")[0] for entry in found} == files.keys()
    assert CANARY not in json.dumps(found)
