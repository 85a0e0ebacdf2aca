"""Forgetting reaches every store a study was ever built in, and remembers those it could not reach."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import graph
import ingest
from copenet import sources, stores
from copenet.cli.app import app
from copenet.forgetting import forget_people
from copenet.foundation.errors import CopenetError, InputError, RefusedError, ResourceError, UsageError
from copenet.pipeline import Pipeline
from copenet.stages.store import spec_of
from copenet.study import Study
from ingest.removal import Leaving
from tests.ingest.dumps import by_id, lines, post, reply, write

SERVER = {"graph.store": "neo4j", "graph.uri": "bolt://127.0.0.1:9", "graph.password_file": "pw"}


class Server:
    """Stands for Neo4j; what it does when asked to drop is decided by the test."""

    def __init__(self):
        self.down, self.dropped, self.seen = set(), [], []

    def open(self, spec):
        self.seen.append(spec)
        if spec.uri in self.down and spec.kind == "neo4j":
            raise ResourceError("The server does not answer.", remedy="Start it.")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def drop(self):
        self.dropped.append((self.seen[-1].kind, self.seen[-1].uri))


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setattr(graph, "open_store", made.open)
    monkeypatch.setattr(ingest, "forget", lambda *_, **__: 3)
    monkeypatch.setattr(ingest, "check_forget", lambda *_, **__: Leaving(1, 0))
    monkeypatch.setattr(ingest, "platform_of", lambda *_: "reddit")
    return made


@pytest.fixture
def study(tmp_path):
    made = Study.create(tmp_path / "study")
    (made.path / "pw").write_text("neo4j/secret")
    return made


def test_every_store_a_study_was_built_in_is_dropped_whatever_the_settings_say_now(study, server):
    stores.remember(study)
    stores.remember(study.with_changes(SERVER))
    stores.remember(study.with_changes(SERVER | {"graph.uri": "bolt://127.0.0.1:10"}))
    counts = forget_people(study, ["somebody"])
    assert counts == {
        "asked": 1,
        "platform": "reddit",
        "accounts": 1,
        "namesakes": 0,
        "messages": 3,
        "left_elsewhere": [],
    }
    assert {uri for kind, uri in server.dropped if kind == "neo4j"} == {"bolt://127.0.0.1:9", "bolt://127.0.0.1:10"}
    assert stores.known(study) == []


def test_a_server_that_cannot_be_reached_is_remembered_and_dropped_when_asked_again(study, server):
    stores.remember(study.with_changes(SERVER))
    server.down = {"bolt://127.0.0.1:9"}
    (study.results / "effects.json").write_text("{}")
    done = CliRunner().invoke(app, ["forget", str(study.path), "somebody", "--json"])
    assert done.exit_code == 5
    document = json.loads(done.stdout)
    assert "may still hold them: Neo4j at bolt://127.0.0.1:9" in document["error"]
    assert "3 messages" in document["error"]
    assert "copenet forget" in document["remedy"]
    assert "somebody" not in done.output
    assert not any(study.results.iterdir())
    assert [entry["uri"] for entry in stores.known(study)] == ["bolt://127.0.0.1:9"]
    server.down = set()
    assert CliRunner().invoke(app, ["forget", str(study.path), "somebody"]).exit_code == 0
    assert server.dropped == [("neo4j", "bolt://127.0.0.1:9")]
    assert stores.known(study) == []


def test_a_server_that_another_study_took_over_holds_nobody_of_this_one(study, server):
    stores.remember(study.with_changes(SERVER))

    def refuse():
        raise RefusedError("The database holds the graph of another study.")

    server.drop = refuse
    forget_people(study, ["somebody"])
    assert stores.known(study) == []


def test_a_password_that_went_does_not_lose_the_store(study, server, monkeypatch):
    monkeypatch.delenv("COPENET_NEO4J_PASSWORD", raising=False)
    stores.remember(study.with_changes(SERVER))
    (study.path / "pw").unlink()
    with pytest.raises(ResourceError, match="may still hold them"):
        forget_people(study, ["somebody"])
    assert len(stores.known(study)) == 1


def test_what_is_written_down_holds_no_password_and_is_private(study):
    stores.remember(study.with_changes(SERVER))
    (path,) = (study.restricted / "stores").glob("*.json")
    assert "secret" not in path.read_text()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_store_is_written_down_before_anything_goes_there(study, server, monkeypatch):
    from copenet.stages import store as stage

    for name in ("messages_of", "texts_of", "shown_labels", "communities_of"):
        monkeypatch.setattr(stage, name, lambda study: None)
    server.build = lambda tables, progress: (
        pytest.fail("killed") if not stores.known(study) else {"users": 1, "ties": 2}
    )
    stage.run(study, None)
    assert stores.known(study) == [{"store": "ladybug"}]


def test_dropping_one_store_forgets_that_one_alone(study, server):
    stores.remember(study)
    stores.remember(study.with_changes(SERVER))
    stores.drop(study)
    assert [entry["store"] for entry in stores.known(study)] == ["neo4j"]


def test_overwriting_is_asked_for_by_a_flag(study, monkeypatch):
    from copenet.pipeline import Saying

    asked = []

    def bring(opened, names, progress, force):
        asked.append((spec_of(opened).overwrite, force))
        return {"store": Saying("x", figures={"users": 1, "messages": 1, "ties": 1, "store": "neo4j"})}

    monkeypatch.setattr("copenet.running.bring", bring)
    monkeypatch.setenv("COPENET_NEO4J_PASSWORD", "x")
    for flags in ([], ["--overwrite"]):
        assert CliRunner().invoke(app, ["graph", "build", str(study.path), "--store", "neo4j", *flags]).exit_code == 0
    assert asked == [(False, False), (True, True)]


def test_forgetting_says_that_exported_files_are_left(study, server):
    assert "delete those by hand" in CliRunner().invoke(app, ["forget", str(study.path), "somebody"]).stderr


FOLDERS = ("restricted/embeddings", "restricted/labels", "restricted/models", "restricted/panel", "restricted/graph")


@pytest.fixture
def read_study(tmp_path):
    """A study that read a dump, with a trace of somebody in everything that is computed."""
    made = Study.create(tmp_path / "read")
    sources.remember(made, [write(tmp_path / "dump.ndjson", lines([post(), reply("a", "t3_p1", "alice")]))])
    Pipeline(made).run(["quality"])
    for name in (*FOLDERS, "results"):
        (made.path / name / "trace").write_text("alice")
    return made


def traces(study):
    return [str(p.relative_to(study.path)) for p in study.path.rglob("trace")]


def killed(*_, **__):
    raise KeyboardInterrupt


STEPS = [
    "copenet.stores.drop_all",
    "ingest.forget",
    "ingest.study_tables.purged",  # the list is written, and nothing after it is done
    "ingest.study_tables.build",
    "ingest.study_tables.write",
    "copenet.journal.append",
    "copenet.pipeline._empty",
    "copenet.pipeline.private_directory",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_forget_killed_at_any_step_leaves_nothing_once_something_runs(read_study, monkeypatch, step):
    with monkeypatch.context() as patch:
        patch.setattr(step, killed)
        with pytest.raises(KeyboardInterrupt):
            forget_people(read_study, ["alice"])
    listed = (read_study.restricted / "forgotten").is_file()
    assert listed == (step not in STEPS[:2])
    Pipeline(read_study).run(["ingest"])
    assert traces(read_study) == []
    assert ("t1_a" in by_id(read_study.restricted)) == (not listed)
    assert not (read_study.restricted / "forgetting.json").exists()
    assert all((read_study.path / name).stat().st_mode & 0o077 == 0 for name in FOLDERS)


def test_the_next_forget_finishes_a_killed_one_even_when_it_is_refused_itself(read_study, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("ingest.study_tables.purged", killed)
        with pytest.raises(KeyboardInterrupt):
            forget_people(read_study, ["alice"])
    with pytest.raises(UsageError):
        forget_people(read_study, ["no name"])
    assert traces(read_study) == []


def test_results_of_a_killed_forget_are_not_called_fresh(read_study):
    Pipeline(read_study).begin_removal()
    states = {row["name"]: row["state"] for row in Pipeline(read_study).states()}
    assert (states["ingest"], states["quality"]) == ("fresh", "stale")


@pytest.mark.parametrize("wrong", ["lost key", "no username"])
def test_a_forget_that_cannot_succeed_drops_no_store_and_no_result(read_study, monkeypatch, wrong):
    dropped = []
    monkeypatch.setattr("copenet.stores.drop_all", lambda study: dropped.append(study) or [])
    if wrong == "lost key":
        (read_study.restricted / "key").unlink()
    with pytest.raises(CopenetError) as caught:
        forget_people(read_study, ["alice" if wrong == "lost key" else "Al Ice"])
    assert isinstance(caught.value, InputError if wrong == "lost key" else UsageError)
    assert "Ice" not in caught.value.message + caught.value.remedy
    assert dropped == []
    assert len(traces(read_study)) == 6
    Pipeline(read_study).run([])
    assert len(traces(read_study)) == 6


def test_a_folder_that_cannot_be_removed_is_said_and_tried_again(read_study, tmp_path):
    elsewhere = read_study.restricted / "embeddings"
    elsewhere.rename(tmp_path / "elsewhere")
    elsewhere.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResourceError, match="embeddings cannot be removed"):
        forget_people(read_study, ["alice"])
    with pytest.raises(ResourceError, match="embeddings cannot be removed"):
        Pipeline(read_study).run(["ingest"])
    elsewhere.unlink()
    Pipeline(read_study).run(["ingest"])
    assert traces(read_study) == []
