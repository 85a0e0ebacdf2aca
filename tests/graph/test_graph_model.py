"""The projection from tables to nodes and relationships."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings

from copenet.foundation.errors import DefectError
from graph.model import NODES, RELATIONSHIPS, GraphTables, count, project, schema_of
from tests.graph.graph_world import at, conversations, labels_of, messages, texts_of, world


@settings(max_examples=10)
@given(conversations())
def test_every_relationship_ends_in_nodes_that_are_there_once(table: pa.Table) -> None:
    projected = project(GraphTables(table), with_text=False)
    ids = {label: projected[label].column("id").to_pylist() for label in NODES}
    assert all(len(set(found)) == len(found) for found in ids.values())
    for name, (source, target, _) in RELATIONSHIPS.items():
        assert set(projected[name].column("from").to_pylist()) <= set(ids[source])
        assert set(projected[name].column("to").to_pylist()) <= set(ids[target])
    assert count(projected)["messages"] == len(table)


def test_tables_have_their_schemas() -> None:
    table = world()
    projected = project(GraphTables(table, texts_of(table), labels_of(table)), with_text=True)
    assert set(projected) == {*NODES, *RELATIONSHIPS}
    for name, part in projected.items():
        assert part.schema.equals(schema_of(name))


def test_missing_parents_are_messages_in_the_thread_of_their_replies() -> None:
    table = messages({"message_id": "2", "parent_id": "1", "thread_id": "9", "author_id": "a", "created_at": at(0)})
    projected = project(GraphTables(table), with_text=False)
    gone = projected["Message"].to_pylist()[0]
    assert (gone["id"], gone["status"], gone["kind"], gone["strategies"]) == ("1", "missing", None, [])
    assert {"from": "1", "to": "9"} in projected["IN_THREAD"].to_pylist()
    assert projected["WROTE"].to_pylist() == [{"from": "a", "to": "2"}]


def test_a_person_only_named_by_the_source_is_a_user_without_messages() -> None:
    table = messages(
        {"message_id": "2", "parent_id": "1", "parent_author_id": "x:b", "author_id": "x:a", "created_at": at(0)}
    )
    users = project(GraphTables(table), with_text=False)["User"].to_pylist()
    assert [(user["id"], user["platform"], user["n_messages"]) for user in users] == [
        ("x:a", "reddit", 1),
        ("x:b", "x", 0),
    ]


def test_annotators_go_before_models() -> None:
    table = messages({"message_id": "1", "author_id": "a", "created_at": at(0)})
    labels = pa.table(
        {
            "message_id": ["1"] * 5,
            "strategy": ["planning", "planning", "humor", "venting", "acceptance"],
            "probability": [0.9, 0.0, 0.5, 0.49, 1.0],
            "sampling_probability": pa.array([None, 0.1, None, None, 0.2], pa.float64()),
        }
    )
    rows = project(GraphTables(table, labels=labels), with_text=False)["Message"].to_pylist()
    assert rows[0]["strategies"] == ["acceptance", "humor"]


def test_text_is_left_out_unless_asked() -> None:
    table = world(20)
    tables = GraphTables(table, texts_of(table))
    assert project(tables, with_text=False)["Message"].column("text").null_count == len(
        project(tables, with_text=False)["Message"]
    )
    assert project(tables, with_text=True)["Message"].column("text").null_count < len(table)


def test_a_message_twice_is_a_defect() -> None:
    row = {"message_id": "1", "author_id": "a", "created_at": at(0)}
    with pytest.raises(DefectError):
        project(GraphTables(messages(row, row)), with_text=False)
