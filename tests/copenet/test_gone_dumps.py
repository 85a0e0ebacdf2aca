"""Ethics boards ask for raw dumps to be erased: what was read of them stays, until it is left out on request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import ingest
from copenet import sources
from copenet.cli.app import app
from copenet.study import Study
from tests.ingest.dumps import lines, post, reply, write


def call(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, done.output
    assert "annkowalski" not in done.output.lower() + done.stderr.lower()
    return done


def messages(study: Study) -> list[str]:
    return ingest.read_messages(study.restricted).column("message_id").to_pylist()


@pytest.fixture
def dumps(tmp_path: Path) -> list[Path]:
    return [
        write(tmp_path / "in" / "u_annkowalski_posts.jsonl", lines([post(), reply("a", "t3_p1")])),
        write(tmp_path / "in" / "RC_2020-09.jsonl", lines([reply("b", "t1_a", "cy")])),
    ]


ALL = ["reddit:t1_a", "reddit:t1_b", "reddit:t3_p1"]


@pytest.fixture
def study(request: pytest.FixtureRequest, tmp_path: Path, dumps: list[Path]) -> Study:
    """A study that read two dumps, named one by one or by their folder."""
    made = Study.create(tmp_path / "study")
    call("ingest", made.path, *([tmp_path / "in"] if getattr(request, "param", "") == "folder" else dumps))
    return made


def tables(study: Study) -> dict[Path, tuple[int, bytes]]:
    found = (p for name in ("messages", "texts") for p in (study.restricted / name).glob("*.parquet"))
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(found)}


def test_what_was_read_of_an_erased_dump_stays(study: Study, dumps: list[Path], tmp_path: Path) -> None:
    before = tables(study)
    dumps[0].unlink()
    done = call("ingest", study.path)
    assert "1 dump is gone; what was read of it stays" in done.stderr
    assert "--without-gone" in done.stderr
    assert tables(study) == before
    told = json.loads(call("ingest", study.path, "--dry-run", "--json").stdout)
    assert [entry["file"] for entry in told["files"]] == ["RC_2020-09.jsonl"]
    call("ingest", study.path, write(tmp_path / "more.jsonl", lines([reply("c", "t1_b", "dee")])))
    assert messages(study) == sorted([*ALL, "reddit:t1_c"])
    assert ingest.quality(study.restricted)["dumps_left_out"] == []


@pytest.mark.parametrize("study", ["folder"], indirect=True)
def test_all_dumps_may_be_erased(study: Study, dumps: list[Path], tmp_path: Path) -> None:
    before = tables(study)
    shutil.rmtree(tmp_path / "in")
    assert "2 dumps are gone; what was read of them stays" in call("ingest", study.path).stderr
    (tmp_path / "in").mkdir()
    call("ingest", study.path)
    assert tables(study) == before
    call("forget", study.path, "bob")
    assert messages(study) == ["reddit:t1_b", "reddit:t3_p1"]
    call("ingest", study.path, "--without-gone", code=2)
    assert messages(study) == ["reddit:t1_b", "reddit:t3_p1"]
    more = write(tmp_path / "more.jsonl", lines([reply("c", "t1_b", "dee")]))
    assert "gone" not in call("ingest", study.path, more, "--without-gone").stderr
    assert messages(study) == ["reddit:t1_c"]


def test_a_dump_that_was_moved_is_not_gone(study: Study, dumps: list[Path], tmp_path: Path) -> None:
    dumps[0].rename(tmp_path / "moved.jsonl")
    assert "gone" not in call("ingest", study.path, tmp_path / "moved.jsonl").stderr
    assert messages(study) == ALL
    ingest.check_rotation(sources.required(study), study.restricted, settings=sources.settings(study))


def test_what_is_gone_leaves_on_request_and_lets_the_key_be_changed(study: Study, dumps: list[Path]) -> None:
    dumps[0].unlink()
    key = (study.restricted / "key").read_bytes()
    done = call("rotate", study.path, code=3)
    assert "1 dumps are gone" in done.stderr
    assert "--without-gone" in done.stderr
    assert (study.restricted / "key").read_bytes() == key
    done = call("ingest", study.path, "--without-gone")
    assert "gone" not in done.stderr
    assert messages(study) == ["reddit:t1_b"]
    assert json.loads((study.results / "quality.json").read_text())["dumps_left_out"] == ["u_*_posts.jsonl"]
    call("rotate", study.path)
    assert (study.restricted / "key").read_bytes() != key


@pytest.mark.parametrize("how", ["erased", "cut"])
def test_a_rotation_that_was_interrupted_is_finished_without_what_was_erased_since(
    study: Study, dumps: list[Path], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    call("forget", study.path, "cy")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("ingest.rotation.stage_all", killed)
        call("rotate", study.path, code=130)
    key = (study.restricted / "key").read_bytes()
    if how == "erased":
        dumps[0].unlink()
    else:
        dumps[0].write_bytes(lines([post()]))
    remedy = call("rotate", study.path, code=3).stderr
    assert "copenet rotate STUDY --without-gone" in remedy
    assert "copenet ingest" not in remedy  # which refuses while a change of key is under way
    call("ingest", study.path, "--without-gone", code=3)
    done = call("rotate", study.path, "--without-gone")
    assert "gone" not in done.stderr
    assert (study.restricted / "key").read_bytes() == key
    assert not (study.restricted / "key.old").exists()
    assert messages(study) == ([] if how == "erased" else ["reddit:t3_p1"])  # cy stays forgotten
    assert "gone" not in call("ingest", study.path).stderr


def test_a_key_is_not_changed_where_every_dump_is_gone(study: Study, dumps: list[Path]) -> None:
    key = (study.restricted / "key").read_bytes()
    for path in dumps:
        path.unlink()
    assert "nothing would be left" in call("rotate", study.path, "--without-gone", code=2).stderr
    assert (study.restricted / "key").read_bytes() == key
    assert messages(study) == ALL


def test_a_path_of_which_nothing_was_read_is_still_missed(tmp_path: Path, dumps: list[Path]) -> None:
    study = Study.create(tmp_path / "study")
    sources.remember(study, dumps)
    dumps[0].unlink()
    for option, code in (((), 3), (("--without-gone",), 0)):
        done = call("ingest", study.path, *option, code=code)
        assert ("To leave it out: copenet ingest" in done.stderr) == (code == 3)
    assert messages(study) == ["reddit:t1_b"]


def test_what_was_declared_and_never_read_is_missed(tmp_path: Path, dumps: list[Path]) -> None:
    study: Any = Study.create(tmp_path / "study")
    text = (study.path / "study.toml").read_text()
    (study.path / "study.toml").write_text(text.replace("sources = []", 'sources = ["../in", "../nowhere"]'))
    assert "nowhere: no such file" in call("ingest", study.path, code=3).stderr
