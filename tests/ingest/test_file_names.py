"""A dump named after a person names that person nowhere outside restricted/."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ingest
from copenet.cli.app import app
from copenet.study import Study
from ingest.file_names import shown
from tests.ingest.dumps import lines, post, reply, write


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("u_Canary_Author_posts.jsonl", "u_*_posts.jsonl"),
        ("U-Canary-Author-comments.zst", "U-*-comments.zst"),
        ("user_Canary.json.gz", "user_*.json.gz"),
        ("USER-canary", "USER-*"),
        ("r_u_Canary_posts.jsonl", "r_u_*_posts.jsonl"),
        ("u_posts.jsonl", "u_*.jsonl"),
        ("RC_2019-01.zst", "RC_2019-01.zst"),
        ("r_anxiety_posts.jsonl", "r_anxiety_posts.jsonl"),
        ("users.jsonl", "users.jsonl"),
        ("unsorted.zst", "unsorted.zst"),
    ],
)
def test_only_the_name_of_a_person_is_masked(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_no_output_and_no_result_holds_the_name_of_a_dump_of_one_person(tmp_path: Path) -> None:
    canary = write(tmp_path / "u_Canary_Author_posts.jsonl", lines([post()]) + b"broken\n")
    other = write(tmp_path / "RC_2019-01", lines([reply("a", "t3_p1")]) + b"broken\n")
    study, run = Study.create(tmp_path / "s"), CliRunner()
    said = ""
    for arguments in (["--dry-run", str(canary)], [str(canary), str(other)]):
        done = run.invoke(app, ["ingest", str(study.path), *arguments])
        assert done.exit_code == 0
        said += done.output
    found = json.loads((study.results / "quality.json").read_text())
    assert [entry["file"] for entry in found["rejected"]] == ["RC_2019-01", "u_*_posts.jsonl"]
    canary.write_bytes(lines([post(text="changed")]))
    done = run.invoke(app, ["quality", str(study.path)])
    said += done.output + "".join(p.read_text() for p in (*study.results.iterdir(), study.journal))
    assert json.loads((study.results / "quality.json").read_text())["dumps_left_out"] == ["u_*_posts.jsonl"]
    assert "canary" not in said.lower()


def test_a_dump_of_one_person_that_cannot_be_kept(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "s")
    done = CliRunner().invoke(app, ["ingest", str(study.path), str(write(tmp_path / "u_Canary_posts.jsonl", b"x\n"))])
    assert done.exit_code == 3
    assert "canary" not in done.output.lower()


def kept_as(study: Study) -> list[str]:
    found = json.loads((study.results / "quality.json").read_text())
    return sorted(entry["file"] for entry in found["formats"])


def ingested(study: Study, *paths: Path, more: tuple[str, ...] = ()) -> str:
    done = CliRunner().invoke(app, ["ingest", str(study.path), *more, *map(str, paths)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("author", "name", "expected"),
    [
        ("Canary77", "tweets-canary77-2020.jsonl", "tweets-*-2020.jsonl"),
        ("canary_author", "Canary_Author.json", "*.json"),
        ("the-real-canary", "posts_by_the-real-canary_2020-01-02.ndjson", "posts_by_*_2020-01-02.ndjson"),
        ("zorkelm", "letters of Zorkelm.json", "letters of *.json"),
        ("calm", "calm_posts.jsonl", "calm_posts.jsonl"),  # the forum's name
        ("posts", "posts.jsonl", "posts.jsonl"),  # a word of the language
    ],
)
def test_a_dump_named_after_somebody_in_it(tmp_path: Path, author: str, name: str, expected: str) -> None:
    dump = write(tmp_path / name, lines([post(author=author), reply("a", "t3_p1", "bob")]))
    study = Study.create(tmp_path / "s")
    said = ingested(study, dump, more=("--dry-run",)) + ingested(study, dump)
    assert kept_as(study) == [expected]
    assert (author.lower() in said.lower()) == (expected == name)
    assert expected in said


def test_a_dump_named_after_a_name_of_several_words(tmp_path: Path) -> None:
    table = write(tmp_path / "Interview_Ann_Canary-Zork.csv", b"n,who,real,words\n1,a1,Ann Canary-Zork,hi\n")
    study = Study.create(tmp_path / "s")
    columns = ("--columns", "id=n,author=who,display_name=real,text=words")
    said = ingested(study, table, more=("--dry-run", *columns)) + ingested(study, table, more=columns)
    assert kept_as(study) == ["Interview_*.csv"]
    assert "canary" not in said.lower()


def test_a_file_in_an_archive_named_after_a_person(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("u_Canary_posts.jsonl", lines([post()]))
        opened.writestr("ann/posts.jsonl", lines([post("p2", "zorkelm")]))
        opened.writestr("by Zorkelm.jsonl", lines([post("p3", "carl")]))  # who wrote in another file
    study = Study.create(tmp_path / "s")
    ingested(study, archive)
    assert kept_as(study) == ["all.zip/ann/posts.jsonl", "all.zip/by *.jsonl", "all.zip/u_*_posts.jsonl"]


def test_a_dump_no_longer_read_is_named_after_nobody_either(tmp_path: Path) -> None:
    dump = write(tmp_path / "zorkelm.jsonl", lines([post(author="Zorkelm")]))
    study = Study.create(tmp_path / "s")
    ingested(study, dump, write(tmp_path / "RC_2019-01", lines([reply("a", "t3_p1")])))
    dump.write_bytes(lines([post(author="ann", text="changed")]))
    CliRunner().invoke(app, ["quality", str(study.path)])
    assert json.loads((study.results / "quality.json").read_text())["dumps_left_out"] == ["*.jsonl"]
    assert "zorkelm" not in study.journal.read_text().lower()


def test_a_dump_named_after_somebody_forgotten(tmp_path: Path) -> None:
    dump = write(tmp_path / "zorkelm.jsonl", lines([post(author="Zorkelm"), reply("a", "t3_p1", "bob")]))
    study = Study.create(tmp_path / "s")
    ingested(study, dump)
    ingest.forget(study.restricted, "reddit", ["zorkelm"])
    assert [entry["file"] for entry in ingest.quality(study.restricted)["formats"]] == ["*.jsonl"]
