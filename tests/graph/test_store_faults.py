"""What stores do when a build or a query is killed, and with values that no store can hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import graph
import graph.ladybug_store
from copenet.foundation.errors import ResourceError, UsageError
from graph.model import GraphTables
from graph.store import GraphStore, StoreSpec, open_store
from tests.graph.graph_world import at, messages
from tests.support.neo4j_server import Server

ENDLESS = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b UNWIND range(1, 1000) AS c RETURN count(a + b + c)"


def small() -> GraphTables:
    return GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))


@pytest.fixture
def embedded(tmp_path: Path) -> GraphStore:
    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    store.build(small())
    return store


# --- killed processes


def workers_of(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def is_running(process: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def wait_for(condition: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(condition())


def test_the_time_limit_holds_when_the_asking_process_was_killed(embedded: GraphStore, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from graph.store import StoreSpec, open_store; "
        f"open_store(StoreSpec('ladybug', path=Path({str(tmp_path / 'graph.lbug')!r}))).query({ENDLESS!r}, timeout_s=3)"
    )
    root = Path(graph.__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root) as parent:
        try:
            assert wait_for(lambda: workers_of(parent.pid), 60)
            [worker] = workers_of(parent.pid)
            time.sleep(1)  # until it has read its task
        finally:
            parent.kill()
    try:
        assert is_running(worker)
        assert wait_for(lambda: not is_running(worker), 15)
    finally:
        if is_running(worker):
            os.kill(worker, signal.SIGKILL)


def test_the_old_graph_stays_until_the_new_one_takes_its_place(
    embedded: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "graph.lbug"
    replace = Path.replace
    seen = []

    def watching(source: Path, target: Path) -> Path:
        seen.append(path.is_file())
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", watching)
    embedded.build(small())
    assert seen == [True]


def test_what_a_killed_build_left_is_swept_and_a_running_one_is_not(embedded: GraphStore, tmp_path: Path) -> None:
    killed, older, making = (tmp_path / f".graph.lbug.{name}" for name in ("killed", "older", "making"))
    for folder in (killed, older, making):
        folder.mkdir()
        (folder / "Message.parquet").write_bytes(b"texts")
    (killed / "building").touch()
    os.utime(older, (0, 0))
    with graph.ladybug_store._building(tmp_path / "graph.lbug") as running:
        embedded.build(small())
        assert sorted(tmp_path.iterdir()) == sorted([running, making, tmp_path / "graph.lbug"])
    killed.mkdir()
    (killed / "building").touch()
    embedded.drop()
    assert list(tmp_path.iterdir()) == [making]


# --- values that no store can hold


@pytest.fixture(scope="module", params=[pytest.param("ladybug"), pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    spec = StoreSpec("ladybug", path=tmp_path_factory.mktemp("faults") / "graph.lbug")
    if request.param == "neo4j":
        server: Server = request.getfixturevalue("neo4j_server")
        spec = StoreSpec("neo4j", uri=server.uri, user=server.user, password=server.password, study="faults")
    with open_store(spec) as opened:
        opened.build(small())
        yield opened
        opened.drop()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**63, "no store can hold"),
        (-(2**63) - 1, "no store can hold"),
        ([1, 2**70], "no store can hold"),
        ("broken \ud800", "no store can hold"),
        (["\udfff"], "no store can hold"),
        ([1, "a"], "different kinds"),
        ([True, 1], "different kinds"),
        (["a", None, 2.5], "different kinds"),
        ([[1]], "must be text"),
    ],
    ids=ascii,
)
def test_what_no_store_can_hold_is_one_clear_error(store: GraphStore, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=rf"\$v .*{said}"):
        store.query("RETURN $v", {"v": value})


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), [1, 2.5], [None, "a"], [True, False]], ids=str)
def test_what_a_store_can_hold_comes_back(store: GraphStore, value: Any) -> None:
    assert store.query("RETURN $v", {"v": value}).rows == [[value]]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
def test_a_time_limit_is_a_number_of_seconds(store: GraphStore, seconds: float) -> None:
    with pytest.raises(UsageError, match="time limit must be above 0"):
        store.query("RETURN 1", timeout_s=seconds)


def test_a_query_with_broken_characters_is_a_clear_error(store: GraphStore) -> None:
    with pytest.raises(UsageError, match="not valid Unicode"):
        store.query("RETURN '\ud800'")


def test_a_time_that_python_cannot_hold_is_a_clear_error(store: GraphStore) -> None:
    """Ladybug crashes on it, which has other possible reasons too."""
    fault, year = {"ladybug": (ResourceError, "12345"), "neo4j": (UsageError, "+12345")}[store.kind]
    with pytest.raises(fault, match="years 1 to 9999"):
        store.query("RETURN date($v)", {"v": f"{year}-01-01"})


def test_the_dialects_differ_as_the_guide_says(store: GraphStore) -> None:
    embedded_store = store.kind == "ladybug"
    assert store.query("RETURN substring('abcdef', 1, 3)").rows == [["abc" if embedded_store else "bcd"]]
    assert store.query("MATCH (u:User {id: 'x'}) RETURN sum(u.n_messages)").rows == [[None if embedded_store else 0]]
