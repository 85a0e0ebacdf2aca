"""A dump named after a person names that person nowhere outside restricted/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

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
