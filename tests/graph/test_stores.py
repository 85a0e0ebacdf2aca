"""One contract, every store: ladybug, a real Neo4j server, and the answers of plain Python."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import neo4j
import pyarrow as pa
import pytest

import graph
from copenet.foundation.errors import RefusedError, ResourceError, UsageError
from graph.model import NODES, RELATIONSHIPS, GraphTables
from graph.saved_queries import SAVED_QUERIES
from graph.store import GraphStore, StoreSpec, open_store
from tests.graph.graph_oracle import Oracle
from tests.graph.graph_world import at, labels_of, messages, texts_of, world
from tests.support.neo4j_server import Server

KINDS = [pytest.param("ladybug"), pytest.param("neo4j", marks=pytest.mark.neo4j)]
PARAMETERS = {"person": "reddit:u_001", "thread": "reddit:t3_1", "strategy": "planning"}


@pytest.fixture(scope="module")
def tables() -> GraphTables:
    table = world()
    ties = graph.user_ties(table)
    both = [graph.communities(ties, method).table for method in ("leiden", "map_equation")]
    return GraphTables(table, texts_of(table), labels_of(table), ties, pa.concat_tables(both), resolution=1.0)


@pytest.fixture(scope="module")
def oracle(tables: GraphTables) -> Oracle:
    return Oracle(tables)


def spec_for(kind: str, request: pytest.FixtureRequest, folder: Path) -> StoreSpec:
    if kind == "ladybug":
        return StoreSpec("ladybug", path=folder / "restricted" / "graph" / "graph.lbug")
    server: Server = request.getfixturevalue("neo4j_server")
    return StoreSpec("neo4j", uri=server.uri, user=server.user, password=server.password, study="contract")


def server_spec(server: Server) -> StoreSpec:
    return StoreSpec("neo4j", uri=server.uri, user=server.user, password=server.password, study="one")


@pytest.fixture(scope="module", params=KINDS)
def store(
    request: pytest.FixtureRequest, tables: GraphTables, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    spec = spec_for(request.param, request, tmp_path_factory.mktemp("store"))
    with open_store(spec) as opened:
        opened.build(tables)
        yield opened
        opened.drop()


def test_counts_are_those_of_the_tables(store: GraphStore, tables: GraphTables, oracle: Oracle) -> None:
    people = {r["author_id"] for r in oracle.rows} - {None} - oracle.bots
    missing = {r["parent_id"] for r in oracle.replies} - oracle.by_id.keys()
    assert store.counts() == {
        "users": len(people),
        "messages": len(oracle.rows),
        "messages_missing": len(missing),
        "threads": len({r["thread_id"] for r in oracle.rows}),
        "forums": 2,
        "communities": len(
            set(zip(*(tables.communities[c].to_pylist() for c in ("method", "community")), strict=True))
        ),
        "replies": len(oracle.replies),
        "ties": len(oracle.ties),
    }


@pytest.mark.parametrize("name", SAVED_QUERIES)
def test_every_saved_query_gives_the_answer_of_plain_python(store: GraphStore, oracle: Oracle, name: str) -> None:
    saved = SAVED_QUERIES[name]
    needed = {key: PARAMETERS[key] for key in saved.parameters if key not in saved.defaults}
    result = store.run_saved(name, needed)
    expected = oracle.answer(name, needed)
    assert len(expected) > 0, "the world should exercise every question"
    assert [round_floats(row) for row in result.rows] == [round_floats(row) for row in expected]
    assert not result.truncated


def round_floats(row: list[Any]) -> list[Any]:
    return [round(value, 12) if isinstance(value, float) else value for value in row]


def test_integers_come_back_as_integers(store: GraphStore) -> None:
    row = store.query("MATCH (:User)-[r:REPLIED_TO]->() RETURN sum(r.n) AS n, avg(r.n) AS mean").rows[0]
    assert [type(value) for value in row] == [int, float]


def test_a_node_and_a_relationship_come_back_alike(store: GraphStore) -> None:
    query = "MATCH (u:User)-[r:REPLIED_TO]->(v:User) WHERE u.id = $person RETURN u, r, v.id ORDER BY v.id LIMIT 1"
    user, tie, _ = store.query(query, {"person": "reddit:u_001"}).rows[0]
    assert user["_label"] == "User"
    assert set(user) == {"_label", "id", "platform", "first_seen", "last_seen", "n_messages"}
    assert user["first_seen"].endswith("Z")
    assert set(tie) == {"_label", "n", "first_at", "last_at"}


def test_a_path_comes_back_alike(store: GraphStore) -> None:
    query = "MATCH p = (m:Message)-[:REPLIES_TO*1..2]->(:Message {id: $id}) RETURN p ORDER BY m.id LIMIT 1"
    path = store.query(query, {"id": "reddit:t3_1"}).rows[0][0]
    assert [node["_label"] for node in path["nodes"]][-1] == "Message"
    assert path["relationships"][0]["_label"] == "REPLIES_TO"


def test_a_store_holds_the_ties_that_the_estimator_reads(store: GraphStore, tables: GraphTables) -> None:
    """Who can see whom, from the store and from the windowed ties of the panel, pooled: the same matrix."""
    held = store.query(
        "MATCH (a:User)-[r:REPLIED_TO]->(b:User) RETURN a.id, b.id, r.n ORDER BY a.id, b.id", max_rows=10**6
    )
    assert not held.truncated
    source, target, n = (pa.array(column) for column in zip(*held.rows, strict=True))
    people = pa.array(sorted({*source.to_pylist(), *target.to_pylist()}))
    ties = graph.build_ties(tables.messages, window_days=7).ties.to_pandas()
    for channel, ends in (("replied_to", (source, target)), ("received_reply", (target, source))):
        pooled = ties[ties["channel"] == channel].groupby(["source_author", "target_author"])["n"].sum().reset_index()
        read = (pa.array(pooled[name]) for name in ("source_author", "target_author"))
        ours = graph.adjacency(*read, people, pooled["n"].to_numpy()).toarray()
        theirs = graph.adjacency(*ends, people, n.to_numpy(zero_copy_only=False)).toarray()
        assert ours.sum() > 0
        assert (ours == theirs).all()


def test_strategies_are_those_at_least_as_likely_as_not(store: GraphStore, oracle: Oracle) -> None:
    rows = store.query("MATCH (m:Message) WHERE m.status = 'present' RETURN m.id, m.strategies").rows
    assert dict(rows) == {i: oracle.strategies[i] for i, _ in rows}


def test_deleted_authors_are_no_hub(store: GraphStore) -> None:
    assert (
        store.query("MATCH (m:Message) WHERE NOT EXISTS { MATCH (m)<-[:WROTE]-(:User) } RETURN count(m)").rows[0][0] > 0
    )
    assert store.query("MATCH (u:User) WHERE u.id CONTAINS 'deleted' OR u.id = '' RETURN count(u)").rows == [[0]]


def test_bots_are_no_users_but_their_messages_stay(store: GraphStore, oracle: Oracle) -> None:
    said = sum(row["author_id"] in oracle.bots for row in oracle.rows)
    assert said > 0
    assert store.query("MATCH (m:Message) WHERE m.by_bot RETURN count(m)").rows == [[said]]
    assert store.query("MATCH (u:User {id: $id}) RETURN count(u)", {"id": "reddit:u_bot"}).rows == [[0]]


def test_text_is_embedded_by_default_and_on_a_server_only_when_asked(store: GraphStore, oracle: Oracle) -> None:
    with_text = store.query("MATCH (m:Message) WHERE m.text IS NOT NULL RETURN count(m)").rows[0][0]
    present = sum(row["text_status"] == "present" for row in oracle.rows)
    assert with_text == (present if store.kind == "ladybug" else 0)


def test_the_row_cap_says_that_it_cut(store: GraphStore) -> None:
    everything = store.query("MATCH (u:User) RETURN u.id ORDER BY u.id")
    some = store.query("MATCH (u:User) RETURN u.id ORDER BY u.id", max_rows=7)
    exact = store.query("MATCH (u:User) RETURN u.id ORDER BY u.id", max_rows=len(everything.rows))
    assert (some.rows, some.truncated) == (everything.rows[:7], True)
    assert (exact.rows, exact.truncated) == (everything.rows, False)


def test_a_query_that_never_ends_is_stopped_and_the_store_still_answers(store: GraphStore) -> None:
    endless = (
        "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b UNWIND range(1, 1000) AS c RETURN count(a + b + c)"
    )
    with pytest.raises(ResourceError, match="took longer than") as caught:
        store.query(endless, timeout_s=1.5)
    assert "raise the time limit" in caught.value.remedy
    assert store.query("RETURN 1").rows == [[1]]


HOSTILE = [
    "' OR 1=1 //",
    '"}) DETACH DELETE u //',
    "`) SET u.x = 1 //",
    "\\",
    "\\u0027",
    "$person",
    "';DROP TABLE User;--",
    "名前 \x00 🦜 \n\t",
    "",
    "a" * 10_000,
]


def test_hostile_names_are_values_and_nothing_else(store: GraphStore) -> None:
    before = store.counts()
    for name in HOSTILE:
        assert store.query("OPTIONAL MATCH (u:User {id: $v}) RETURN u.id, $v", {"v": name}).rows == [[None, name]]
    assert store.query("UNWIND $values AS v RETURN v", {"values": HOSTILE}).rows == [[name] for name in HOSTILE]
    assert store.counts() == before


WRITES = [
    "CREATE (:User {id: 'x'})",
    "MATCH (u:User) SET u.n_messages = 0",
    "MATCH (u:User) SET u:Admin",
    "MATCH (u:User) REMOVE u.platform",
    "MATCH (u:User) DETACH DELETE u",
    "MATCH (u:User) DELETE u",
    "MERGE (u:User {id: 'x'}) RETURN u",
    "MATCH (u:User) WITH u MERGE (u)-[:WROTE]->(:Message {id: 'x'})",
    "UNWIND [1] AS i CREATE (:User {id: 'x'})",
    "MATCH (u:User) FOREACH (i IN [1] | SET u.n_messages = 0)",
    "MATCH (u:User) CALL (u) { SET u.n_messages = 0 }",
    "CALL { CREATE (:User {id: 'x'}) }",
    "MATCH (u:User) CALL (u) { DETACH DELETE u } IN TRANSACTIONS",
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "LOAD FROM 'rows.csv' RETURN *",
    "COPY User FROM 'rows.csv'",
    "COPY (MATCH (u:User) RETURN u.id) TO 'out.csv'",
    "EXPORT DATABASE 'out'",
    "IMPORT DATABASE 'out'",
    "ATTACH 'other.lbug' AS other (dbtype lbug)",
    "INSTALL httpfs",
    "DROP TABLE User",
    "ALTER TABLE User ADD x INT64",
    "CREATE INDEX FOR (u:User) ON (u.id)",
    "DROP CONSTRAINT copenet_user_id",
    "CHECKPOINT",
    "BEGIN TRANSACTION",
    "CALL threads=1",
    "CALL db.createLabel('x')",
    "CALL apoc.cypher.runWrite('CREATE (n)', {})",
    "CALL dbms.setConfigValue('a', 'b')",
    "SHOW USERS",
    "CREATE DATABASE x",
    "USE system MATCH (n) RETURN n",
    "MATCH (u:User) RETURN u.id; MATCH (u:User) DELETE u",
    "MATCH (u:User) \\u0053ET u.n_messages = 0",
    "EXPLAIN CREATE (:User {id: 'x'})",
    "PROFILE CREATE (:User {id: 'x'})",
    "CYPHER runtime=slotted CREATE (:User {id: 'x'})",
    "INSERT (:User {id: 'x'})",
    "// harmless\nCREATE (:User {id: 'x'})",
    "MATCH (u:User) /* hidden */ SeT /**/ u.n_messages = 0",
    "MATCH (u:User) WHERE u.id = '\\'' SET u.n_messages = 0 //'",
]


@pytest.mark.parametrize("cypher", WRITES)
def test_every_kind_of_writing_query_is_refused(store: GraphStore, cypher: str) -> None:
    with pytest.raises(RefusedError) as caught:
        store.query(cypher)
    assert caught.value.exit_code == 4
    assert caught.value.remedy


def test_no_writing_query_changed_anything(store: GraphStore, tables: GraphTables) -> None:
    before = store.counts()
    state = store.query("MATCH (n) RETURN count(n)").rows
    for cypher in WRITES:
        with pytest.raises(RefusedError):
            store.query(cypher)
    assert store.counts() == before
    assert store.query("MATCH (n) RETURN count(n)").rows == state
    assert before["ties"] == len(tables.user_ties)


def test_writing_words_inside_strings_names_and_comments_are_harmless(store: GraphStore) -> None:
    query = "MATCH (u:User) WHERE u.id <> 'SET x; DELETE y' /* MERGE */ RETURN count(u) AS `CREATE` // DROP"
    assert store.query(query).columns == ["CREATE"]


@pytest.mark.parametrize(
    ("cypher", "expected"),
    [
        ("MATCH (u:User RETURN u", "not valid Cypher"),
        ("MATCH (u:User) RETURN zz", "unknown variable"),
        ("RETURN nosuchfunction(1)", "unknown function"),
    ],
)
def test_bad_cypher_says_what_and_where_without_the_query(store: GraphStore, cypher: str, expected: str) -> None:
    secret = "SECRETNAME"
    with pytest.raises(UsageError, match=expected) as caught:
        store.query(f"MATCH (x:User) WHERE x.id = '{secret}' WITH x {cypher}")
    assert secret not in str(caught.value) + caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_conversion_fault_does_not_echo_the_value(store: GraphStore) -> None:
    cypher = {"ladybug": "RETURN cast($v AS INT64)", "neo4j": "RETURN date($v)"}[store.kind]
    with pytest.raises(UsageError) as caught:
        store.query(cypher, {"v": "SECRETNAME"})
    assert "SECRETNAME" not in str(caught.value)


def test_parameters_have_to_fit(store: GraphStore) -> None:
    with pytest.raises(UsageError, match=r"needs \$person"):
        store.query("MATCH (u:User {id: $person}) RETURN u")
    with pytest.raises(UsageError, match=r"no parameter \$persn. Did you mean \$person"):
        store.query("MATCH (u:User {id: $person}) RETURN u", {"person": "a", "persn": "b"})
    with pytest.raises(UsageError, match="must be text, a number"):
        store.query("RETURN $x", {"x": at(0)})


def test_an_unknown_saved_query_names_the_nearest(store: GraphStore) -> None:
    with pytest.raises(UsageError, match="Did you mean top_repliers"):
        store.run_saved("top_replyers")


def test_building_again_gives_the_same_graph(store: GraphStore, tables: GraphTables) -> None:
    before = store.run_saved("cross_community_replies").rows
    assert store.build(tables) == store.counts()
    assert store.run_saved("cross_community_replies").rows == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_without_anything_optional(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    table = messages({"message_id": "reddit:t3_1", "kind": "post", "author_id": "reddit:u_a", "created_at": None})
    spec = spec_for(kind, request, tmp_path)
    with open_store(replace(spec, overwrite=True)) as opened:
        counts = opened.build(GraphTables(table))
        assert (counts["users"], counts["messages"], counts["ties"]) == (1, 1, 0)
        assert opened.run_saved("reciprocity").rows == [[0, 0]]
        opened.drop()


# --- what only the embedded store promises


def test_the_file_is_private_whole_and_alone(tables: GraphTables, tmp_path: Path) -> None:
    path = tmp_path / "graph" / "graph.lbug"
    store = open_store(StoreSpec("ladybug", path=path))
    store.build(tables)
    assert [p.name for p in path.parent.iterdir()] == ["graph.lbug"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.drop()
    store.drop()
    assert list(path.parent.iterdir()) == []


def test_a_failed_build_leaves_the_old_file(
    tables: GraphTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    store.build(tables)
    before = store.counts()
    monkeypatch.setattr("graph.ladybug_store._create", lambda name: f"CREATE NONSENSE {name}")
    with pytest.raises(UsageError):
        store.build(tables)
    assert store.counts() == before
    assert [p.name for p in tmp_path.iterdir()] == ["graph.lbug"]


def test_no_file_and_a_damaged_file_say_how_to_go_on(tmp_path: Path) -> None:
    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    with pytest.raises(ResourceError, match="no embedded graph store yet") as caught:
        store.counts()
    assert "graph build" in caught.value.remedy
    (tmp_path / "graph.lbug").write_bytes(b"not a database" * 500)
    with pytest.raises(ResourceError) as damaged:
        store.counts()
    assert damaged.value.exit_code == 5


def test_a_crash_of_the_worker_is_an_error_and_not_a_crash(
    tables: GraphTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    store.build(tables)
    worker = tmp_path / "worker.py"
    worker.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr("graph.ladybug_store._WORKER", worker)
    with pytest.raises(ResourceError, match="stopped in the middle"):
        store.counts()


def test_an_unknown_property_names_the_nearest(tables: GraphTables, tmp_path: Path) -> None:
    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    store.build(tables)
    with pytest.raises(UsageError, match=r"unknown property\. Did you mean platform"):
        store.query("MATCH (u:User) RETURN u.platfrom")
    with pytest.raises(UsageError, match="Did you mean Community"):
        store.query("MATCH (c:Comunity) RETURN c")


def test_the_worker_imports_nothing_heavy() -> None:
    code = "import runpy; runpy.run_path('graph/ladybug_worker.py'); import ladybug, sys; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", code]
    root = Path(graph.__file__).parents[1]
    loaded = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyarrow", "numpy", "pandas", "copenet", "duckdb"} & set(loaded)


# --- what only the server promises


@pytest.mark.neo4j
def test_another_study_is_never_overwritten_unasked(neo4j_server: Server, tables: GraphTables) -> None:
    spec = server_spec(neo4j_server)
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with open_store(replace(spec, overwrite=True)) as first, open_store(replace(spec, study="two")) as second:
        first.build(small)
        with pytest.raises(RefusedError, match="another study"):
            second.build(tables)
        with pytest.raises(RefusedError, match="another study"):
            second.drop()
        with pytest.raises(ResourceError, match="does not hold this study"):
            second.counts()
        assert first.counts()["users"] == 1
        with open_store(replace(spec, study="two", overwrite=True)) as third:
            assert third.build(small)["users"] == 1
            third.drop()


@pytest.mark.neo4j
def test_data_of_others_are_never_touched(neo4j_server: Server) -> None:
    spec = server_spec(neo4j_server)
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with (
        neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)) as driver,
        open_store(spec) as ours,
    ):
        driver.execute_query("CREATE (:Recipe {name: 'soup'})")
        with pytest.raises(RefusedError, match="did not load"):
            ours.build(small)
        with open_store(replace(spec, overwrite=True)) as insisting, pytest.raises(RefusedError, match="did not load"):
            insisting.build(small)
        driver.execute_query("MATCH (r:Recipe) DELETE r")
        ours.build(small)
        driver.execute_query("CREATE (:Recipe {name: 'soup'})")
        driver.execute_query("CREATE (:User {id: 'reddit:u_b', name: 'cook'})")
        with pytest.raises(RefusedError, match="labelled User that copenet did not load"):
            ours.build(small)
        ours.drop()
        names = driver.execute_query("MATCH (n) RETURN n.name AS name ORDER BY name").records
        assert [record["name"] for record in names] == ["cook", "soup"]
        assert driver.execute_query("SHOW CONSTRAINTS").records == []
        driver.execute_query("MATCH (n) DETACH DELETE n")


@pytest.mark.neo4j
def test_a_node_of_others_with_an_id_of_the_graph_is_a_clear_fault(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody adds it while the graph is being loaded, after the check for it."""
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with (
        neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)) as driver,
        open_store(server_spec(neo4j_server)) as ours,
    ):
        ours.build(small)
        driver.execute_query("CREATE (:User {id: 'reddit:u_new'})")
        monkeypatch.setattr("graph.neo4j_store.Neo4jStore._refuse_mixing", lambda *_: None)
        changed = messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_new", "created_at": at(0)})
        with pytest.raises(ResourceError, match="are in the way") as caught:
            ours.build(GraphTables(changed))
        assert "u_new" not in str(caught.value) + caught.value.remedy
        ours.drop()
        assert len(driver.execute_query("MATCH (n) RETURN n").records) == 1
        driver.execute_query("MATCH (n) DETACH DELETE n")


@pytest.mark.neo4j
def test_a_graph_of_an_older_version_is_neither_removed_nor_mixed(neo4j_server: Server) -> None:
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with (
        neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)) as driver,
        open_store(server_spec(neo4j_server)) as ours,
    ):
        driver.execute_query("CREATE (:CopenetStudy {id: 'one', complete: true}), (:User {id: 'reddit:u_a'})")
        for act in (lambda: ours.build(small), ours.drop):
            with pytest.raises(ResourceError, match="older copenet") as caught:
                act()
            assert "DETACH DELETE" in caught.value.remedy
        assert len(driver.execute_query("MATCH (n) RETURN n").records) == 2
        driver.execute_query("MATCH (n) DETACH DELETE n")
        assert ours.build(small)["users"] == 1
        ours.drop()


@pytest.mark.neo4j
def test_an_interrupted_load_is_not_served(neo4j_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = server_spec(neo4j_server)
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with open_store(spec) as store:
        with monkeypatch.context() as patch:
            patch.setattr("graph.neo4j_store._load_statement", lambda name: f"NONSENSE {name}")
            with pytest.raises(UsageError):
                store.build(small)
        with pytest.raises(ResourceError, match="whole graph"):
            store.counts()
        assert store.build(small)["messages"] == 1
        store.drop()


@pytest.mark.neo4j
def test_the_server_itself_refuses_writes_behind_the_guard(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = server_spec(neo4j_server)
    small = GraphTables(messages({"message_id": "reddit:t3_1", "author_id": "reddit:u_a", "created_at": at(0)}))
    with open_store(spec) as store:
        store.build(small)
        monkeypatch.setattr("graph.guard._check_token", lambda *_: None)
        with pytest.raises(RefusedError, match="would write"):
            store.query("MATCH (u:User) SET u.n_messages = 0")
        store.drop()


@pytest.mark.neo4j
def test_text_goes_to_a_server_when_asked(neo4j_server: Server, tables: GraphTables) -> None:
    spec = server_spec(neo4j_server)
    with open_store(replace(spec, with_text=True)) as store:
        store.build(tables)
        texts = store.query("MATCH (m:Message) WHERE m.text IS NOT NULL RETURN m.id, m.text").rows
        assert dict(texts) == dict(zip(*(tables.texts[c].to_pylist() for c in ("message_id", "text")), strict=True))
        store.drop()


@pytest.mark.neo4j
def test_the_secret_file_of_docker_compose_is_a_password_too(neo4j_server: Server) -> None:
    spec = server_spec(neo4j_server)
    with open_store(replace(spec, password=f"{spec.user}/{spec.password}")) as store:
        assert store.kind == "neo4j"


@pytest.mark.neo4j
def test_a_wrong_password_says_so(neo4j_server: Server) -> None:
    spec = StoreSpec("neo4j", uri=neo4j_server.uri, user=neo4j_server.user, password="wrong-password")
    with pytest.raises(ResourceError, match="refused the user name or password") as caught:
        open_store(spec)
    assert caught.value.exit_code == 5
    assert "wrong-password" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize("uri", ["bolt://127.0.0.1:9", "neo4j://127.0.0.1:9"])
def test_no_server_behind_the_address(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.neo4j_store.CONNECT_TIMEOUT_S", 1.0)
    with pytest.raises(ResourceError, match="No Neo4j server answers") as caught:
        open_store(StoreSpec("neo4j", uri=uri, password="x"))
    assert "docker compose up" in caught.value.remedy


@pytest.mark.parametrize(
    "uri", ["bolt://me:secret@127.0.0.1:9", "nonsense", "http://127.0.0.1:9", "bolt://", "bolt://h:x", ""]
)
def test_something_that_is_no_address(uri: str) -> None:
    with pytest.raises(UsageError, match="not the address") as caught:
        open_store(StoreSpec("neo4j", uri=uri, password="x"))
    assert "secret" not in str(caught.value) + caught.value.remedy


def test_the_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(StoreSpec("neo4j", password="hunter2"))


def test_an_unknown_kind_and_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="ladybug, neo4j"):
        open_store(StoreSpec("sqlite"))
    with pytest.raises(UsageError, match="needs a path"):
        open_store(StoreSpec("ladybug"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ResourceError, match="not installed") as caught:
        open_store(StoreSpec("neo4j"))
    assert caught.value.remedy == "Run: pip install neo4j"


def test_the_core_methods_are_final() -> None:
    assert set(NODES) | set(RELATIONSHIPS) >= {"User", "REPLIED_TO"}
    for name in ("build", "query", "run_saved", "counts"):
        assert getattr(getattr(GraphStore, name), "__final__", False)
