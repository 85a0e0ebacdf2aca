"""forget, deletions and rotate from the command line: what is printed, what goes with them, and the exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from copenet import copies, sources, stores
from copenet.cli.app import app
from copenet.foundation.errors import ResourceError
from copenet.pipeline import Pipeline
from copenet.study import Study
from tests.ingest.dumps import by_id, lines, post, reply, write
from tests.ingest.test_forgotten_platforms import BY_HANDLE, HANDLE, OTHER, x_post

FOLDERS = ("restricted/embeddings", "restricted/labels", "restricted/models", "restricted/panel", "restricted/graph")
GOLD = "message_id,strategy,label\nreddit:t1_a,acceptance,1\nreddit:t1_b,acceptance,0\n"


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="copenet")


def document(*arguments: object) -> dict[str, Any]:
    done = call(*arguments, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == found.get("exit_code", 0), done.output
    return dict(found)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study that read a dump, with a trace in everything that is computed."""
    made = Study.create(tmp_path / "study")
    records = [post(), reply("a", "t3_p1", "alice"), reply("b", "t1_a", "bob")]
    sources.remember(made, [write(tmp_path / "dump.ndjson", lines(records))])
    Pipeline(made).run(["quality"])
    for name in (*FOLDERS, "results"):
        (made.path / name / "trace").write_text("alice")
    return made


def traces(study: Study) -> int:
    return len(list(study.path.rglob("trace")))


def also_x(study: Study, tmp_path: Path) -> None:
    sources.remember(study, [write(tmp_path / "x.ndjson", lines([BY_HANDLE, OTHER]))])
    Pipeline(study).run(["quality"])


def listed(tmp_path: Path, text: str) -> Path:
    return write(tmp_path / "list.txt", text.encode())


def test_forget_takes_the_only_platform_and_asks_where_there_are_several(study: Study, tmp_path: Path) -> None:
    assert document("forget", study.path, "u/bob") == {
        "asked": 1,
        "platform": "reddit",
        "accounts": 1,
        "namesakes": 0,
        "messages": 1,
        "left_elsewhere": [],
    }
    also_x(study, tmp_path)
    refusal = document("forget", study.path, HANDLE)
    assert (refusal["exit_code"], refusal["error"]) == (2, "The study holds several platforms: reddit, x.")
    assert "--platform" in refusal["remedy"]
    assert document("forget", study.path, HANDLE, "--platform", "x")["messages"] == 1
    assert document("forget", study.path, HANDLE, "--platform", "twiter")["exit_code"] == 2


def test_forget_says_that_others_only_show_the_name(study: Study, tmp_path: Path) -> None:
    also_x(study, tmp_path)
    namesake = x_post("120", "30", handle="another_one", name=HANDLE)
    sources.remember(study, [write(tmp_path / "y.ndjson", lines([namesake]))])
    Pipeline(study).run(["ingest"])
    done = call("forget", study.path, f"{HANDLE}", "--platform", "x")
    assert done.exit_code == 0
    assert "1 others only show a name given" in done.stderr
    assert HANDLE not in done.output


def test_deletions_remove_what_is_listed_and_everything_computed(study: Study, tmp_path: Path) -> None:
    found = document("deletions", study.path, listed(tmp_path, "t1_a\nt1_zz\nnonsense\n"))
    assert found == {
        "asked": 2,
        "messages": 1,
        "unknown": 1,
        "passed_over": 0,
        "rejected": [{"line": 3, "reason": "not the id of a message there"}],
        "rejected_count": 1,
        "left_elsewhere": [],
    }
    assert traces(study) == 0
    states = {row["name"]: row["state"] for row in Pipeline(study).states()}
    assert (states["ingest"], states["quality"]) == ("stale", "missing")
    Pipeline(study).run(["ingest"])
    assert set(by_id(study.restricted)) == {"t3_p1", "t1_b"}
    assert "withheld" in study.journal.read_text()
    assert "t1_a" not in study.journal.read_text()


def test_a_list_of_strangers_leaves_every_result(study: Study, tmp_path: Path) -> None:
    done = call("deletions", study.path, listed(tmp_path, "t1_zz\n"))
    assert done.exit_code == 0
    assert "1 messages are on the list; 0 were in the study" in done.stdout
    assert "stay out of later ones" in done.stderr
    assert traces(study) == 6
    Pipeline(study).run(["quality"])
    assert Pipeline(study).states()[1]["state"] == "fresh"


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [("nonsense\n", 3, "names no message"), (None, 3, "no such file")],
)
def test_a_list_that_cannot_be_used_changes_nothing(
    study: Study, tmp_path: Path, text: str | None, code: int, word: str
) -> None:
    path = tmp_path / "list.txt" if text is None else listed(tmp_path, text)
    refusal = document("deletions", study.path, path)
    assert refusal["exit_code"] == code
    assert word in refusal["error"]
    assert refusal["remedy"]
    assert "nonsense" not in str(refusal)
    assert traces(study) == 6
    assert not (study.restricted / "forgotten").exists()


def test_an_empty_list_is_no_fault(study: Study, tmp_path: Path) -> None:
    assert document("deletions", study.path, listed(tmp_path, ""))["asked"] == 0
    assert traces(study) == 6


def test_ids_without_a_platform_need_one_where_there_are_several(study: Study, tmp_path: Path) -> None:
    also_x(study, tmp_path)
    assert document("deletions", study.path, listed(tmp_path, "101\n"))["exit_code"] == 2
    assert document("deletions", study.path, listed(tmp_path, "101\n"), "--platform", "x")["messages"] == 1


def test_a_store_that_could_not_be_dropped_is_dropped_by_the_same_command_again(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Study] = []
    left = [stores.Undropped("Neo4j at bolt://127.0.0.1:9", "It does not answer.")]
    monkeypatch.setattr(stores, "drop_all", lambda study: asked.append(study) or left)
    refusal = document("deletions", study.path, listed(tmp_path, "t1_a\n"))
    assert refusal["exit_code"] == 5
    assert "may still hold them: Neo4j" in refusal["error"]
    assert "same command again" in refusal["remedy"]
    assert traces(study) == 0
    monkeypatch.setattr(stores, "drop_all", lambda study: asked.append(study) or [])
    assert document("deletions", study.path, listed(tmp_path, "t1_a\n"))["messages"] == 0
    assert document("deletions", study.path, listed(tmp_path, "t1_a\n"))["messages"] == 0
    assert len(asked) == 2


@pytest.mark.parametrize("command", ["forget", "deletions"])
def test_gold_labels_in_the_study_lose_them_and_others_are_named(study: Study, tmp_path: Path, command: str) -> None:
    inside, outside = study.restricted / "gold.csv", tmp_path / "gold.csv"
    for path in (inside, outside):
        path.write_text(GOLD)
    what: object = "alice" if command == "forget" else listed(tmp_path, "t1_a\n")
    (study.path / "study.toml").write_text('[text]\ngold = "restricted/gold.csv"\n')
    assert document(command, study.path, what)["left_elsewhere"] == []
    rows = list(csv.reader(inside.read_text().splitlines()))
    assert [row[0] for row in rows] == ["message_id", "reddit:t1_b"]
    assert inside.stat().st_mode & 0o777 == 0o600
    (study.path / "study.toml").write_text(f'[text]\ngold = "{outside}"\n')
    assert document(command, study.path, what)["left_elsewhere"] == [str(outside)]
    assert outside.read_text() == GOLD
    assert f"{outside} lies outside the study" in call(command, study.path, what).stderr


def test_gold_labels_of_messages_that_no_dump_holds_go_too(study: Study, tmp_path: Path) -> None:
    gold = study.restricted / "gold.csv"
    gold.write_text(GOLD + "reddit:t1_zz,acceptance,1\n")
    (study.path / "study.toml").write_text('[text]\ngold = "restricted/gold.csv"\n')
    assert document("deletions", study.path, listed(tmp_path, "t1_zz\n"))["messages"] == 0
    assert gold.read_text() == GOLD


def test_gold_labels_go_though_forgetting_was_killed(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    gold = study.restricted / "gold.csv"
    gold.write_text(GOLD)
    (study.path / "study.toml").write_text('[text]\ngold = "restricted/gold.csv"\n')

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.study_tables.write", killed)
        assert call("forget", study.path, "alice").exit_code == 130
    assert gold.read_text() == GOLD
    Pipeline(Study.open(study.path)).run(["ingest"])
    assert "t1_a" not in gold.read_text()


@pytest.mark.parametrize("text", ["", "strategy,label\nacceptance,1\n", "message_id\n\n", "\xff"])
def test_gold_labels_that_cannot_be_read_are_left_to_whoever_reads_them(study: Study, text: str) -> None:
    gold = study.restricted / "gold.csv"
    gold.write_text(text, encoding="latin-1")
    (study.path / "study.toml").write_text('[text]\ngold = "restricted/gold.csv"\n')
    assert document("forget", study.path, "alice")["messages"] == 1
    assert gold.read_text("latin-1") == text


def test_exports_in_the_study_go_and_others_are_named(study: Study, tmp_path: Path) -> None:
    inside, outside = study.restricted / "mine" / "ties.csv", tmp_path / "ties.gexf"
    for path in (inside, inside.with_name("ties-people.csv"), outside):
        path.parent.mkdir(exist_ok=True)
        path.write_text("alice")
        copies.remember(study, [path])
    assert document("forget", study.path, "alice")["left_elsewhere"] == [str(outside)]
    assert not any(inside.parent.iterdir())
    assert outside.exists()
    outside.unlink()
    assert document("forget", study.path, "bob")["left_elsewhere"] == []


def test_an_export_is_written_down_before_it_is_written(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    import graph
    import graph.exports
    from copenet import exporting

    def fail(*_: object, **__: object) -> None:
        assert json.loads((study.restricted / "exports.json").read_text())
        raise ResourceError("The disk is full.")

    monkeypatch.setattr(graph.exports, "export", fail)
    monkeypatch.setattr(exporting, "communities_of", lambda _: None)
    with pytest.raises(ResourceError, match="full"):
        exporting.export_graph(study, "gexf", None)
    assert any(name.endswith("graph.gexf") for name in json.loads((study.restricted / "exports.json").read_text()))


def test_what_cannot_be_changed_is_said_and_tried_again(study: Study, tmp_path: Path) -> None:
    copies.remember(study, [study.restricted / "mine"])
    (study.restricted / "mine").mkdir()
    assert document("forget", study.path, "alice")["exit_code"] == 5
    with pytest.raises(ResourceError, match="cannot be changed"):
        Pipeline(study).run(["ingest"])
    (study.restricted / "mine").rmdir()
    Pipeline(study).run(["ingest"])
    assert traces(study) == 0


def test_rotate_changes_the_key_and_removes_what_bore_the_former_names(study: Study) -> None:
    names = {row["author_id"] for row in by_id(study.restricted).values()}
    document("forget", study.path, "alice", "stranger")
    found = document("rotate", study.path)
    assert found == {"dumps": 1, "messages": 2, "forgotten": 2, "lost": 1, "left_elsewhere": []}
    assert not names & {row["author_id"] for row in by_id(study.restricted).values()}
    assert traces(study) == 0
    assert '"rotated"' in study.journal.read_text()
    done = call("rotate", study.path)
    assert done.exit_code == 0
    assert "2 messages of 1 dumps" in done.stdout
    assert "Forget by name, again" in done.stderr
    Pipeline(study).run(["quality"])
    assert set(by_id(study.restricted)) == {"t3_p1", "t1_b"}


def test_rotate_refuses_before_it_changes_anything(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (study.restricted / "key").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(stores, "drop_all", lambda _: [stores.Undropped("Neo4j at bolt://127.0.0.1:9", "Down.")])
        refusal = document("rotate", study.path)
        assert refusal["exit_code"] == 5
        assert "was not changed" in refusal["error"]
    (tmp_path / "dump.ndjson").unlink()
    assert document("rotate", study.path)["exit_code"] == 3
    assert (study.restricted / "key").read_text() == key
    assert traces(study) == 6


def test_rotate_refuses_what_came_through_standard_input(study: Study) -> None:
    from copenet.foundation.files import digest_file

    (path,) = sources.remembered(study)
    sources.forget_path(study, path)
    sources.keep(study, digest_file(path)[:16])
    refusal = document("rotate", study.path)
    assert refusal["exit_code"] == 4
    assert "standard input" in refusal["error"]
    assert traces(study) == 6


def test_an_interrupted_rotation_stops_the_run_and_is_finished_by_rotate(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingest.rotation.stage_all", killed)
        assert call("rotate", study.path).exit_code == 130
    report = Pipeline(study).run(["ingest"])[0]
    assert report.error is not None
    assert "copenet rotate" in report.error.remedy
    assert traces(study) == 0
    assert document("rotate", study.path)["messages"] == 3
    assert Pipeline(study).run(["ingest"])[0].error is None
