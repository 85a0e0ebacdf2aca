"""Zip and tar files, whole and broken: every dump in them that can be read is, and nothing is written to where they name."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import ingest
from copenet.foundation.errors import InputError
from ingest.dumps import members
from tests.ingest.dumps import PACK, lines, post, write, zst
from tests.ingest.hostile import (
    INSIDE,
    JPEG,
    ingested,
    kept,
    locked,
    posts,
    reasons,
    rejected,
    tarred,
    zipped,
)


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


def test_a_locked_file_in_a_zip_is_said_and_the_others_read(tmp_path: Path) -> None:
    data = locked(zipped({"a.ndjson": posts("a"), "b.ndjson": posts("b")}), b"a.ndjson")
    summary = ingested(tmp_path, {"all.zip": data})
    assert kept(tmp_path) == ["t3_b"]
    assert rejected(summary) == [("all.zip/a.ndjson", 1)]
    assert "locked with a password" in reasons(summary)


def test_a_zip_of_nothing_but_a_locked_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="locked with a password"):
        ingested(tmp_path, {"all.zip": locked(zipped({"a.ndjson": posts("a")}), b"a.ndjson")})


def of_noise(files: int = 6, each: int = 200) -> dict[str, bytes]:
    """Return dumps that pack badly, so that half an archive holds half of them."""
    noise = [[os.urandom(300).hex() for _ in range(each)] for _ in range(files)]
    return {
        f"{n}.ndjson": lines(post(f"p{n}{i}", text=text) for i, text in enumerate(texts_of))
        for n, texts_of in enumerate(noise)
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("behind", [False, True])
def test_half_a_zip_keeps_the_files_in_that_half(tmp_path: Path, method: int, behind: bool) -> None:
    """The list of files stands at the end; `behind`: so do the sizes of each, as where a zip was written to a pipe."""
    files = {"empty/": b""} | of_noise()
    data = piped(files) if behind and method == zipfile.ZIP_DEFLATED else zipped(files, method)
    summary = ingested(tmp_path, {"half.zip": data[: len(data) // 2], "good.ndjson": posts("a")})
    assert {"t3_a", *(f"t3_p{n}{i}" for n in range(2) for i in range(200))} <= set(kept(tmp_path))
    assert 500 < summary.messages < 800
    assert rejected(summary)[0] == ("half.zip", 1)
    assert {file for file, _ in rejected(summary)[1:]} <= {"half.zip/2.ndjson", "half.zip/3.ndjson"}


def piped(files: dict[str, bytes]) -> bytes:
    class Pipe(io.RawIOBase):
        made = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            Pipe.made += bytes(data)
            return len(data)

    with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            with archive.open(name, "w") as stream:
                stream.write(data)
    return Pipe.made


def test_a_zip_without_its_list_of_files(tmp_path: Path) -> None:
    files = of_noise(2, 50) | {
        "caf\u00e9.json.gz": PACK["gzip"](posts("z")),
        "picture.jpg": JPEG,
        "last.json": posts("l"),
    }
    for n, data in enumerate((zipped(files), zipped(files, zipfile.ZIP_STORED), piped(files))):
        summary = ingested(tmp_path / f"{n}", {"cut.zip": data[: data.rfind(b"PK\x01\x02", 0, -600)]})
        assert {"t3_z", "t3_l"} < set(kept(tmp_path / f"{n}"))
        assert (summary.messages, rejected(summary)[0]) == (102, ("cut.zip", 1))


def test_a_zip_that_ends_in_its_first_head(tmp_path: Path) -> None:
    data = zipped({"a.ndjson": posts("a")})
    for cut in (10, 30, 35):
        with pytest.raises(InputError, match="an archive that is damaged") as caught:
            ingested(tmp_path, {"half.zip": data[:cut]})
        assert caught.value.remedy


def test_a_locked_file_of_a_zip_without_its_list(tmp_path: Path) -> None:
    data = locked(zipped({"a.ndjson": posts("a"), "b.ndjson": posts("b")}), b"a.ndjson")
    summary = ingested(tmp_path, {"cut.zip": data[: data.find(b"PK\x01\x02")]})
    assert kept(tmp_path) == ["t3_b"]
    assert "damaged" in reasons(summary)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_half_a_tar(tmp_path: Path, mode: str) -> None:
    data = tarred(of_noise(), mode)
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
