"""Exports hold every tie and every attribute, and nothing a spreadsheet would run."""

from __future__ import annotations

import stat
from pathlib import Path

import networkx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import graph
from copenet.foundation.errors import UsageError
from graph.exports import FORMATS, attributes, export, export_gexf, to_networkx, to_scipy
from tests.graph.graph_world import at, messages, world


@pytest.fixture(scope="module")
def parts() -> tuple[pa.Table, pa.Table, pa.Table]:
    table = world()
    ties = graph.user_ties(table)
    both = [graph.communities(ties, method).table for method in ("leiden", "map_equation")]
    return ties, graph.people(table), pa.concat_tables(both)


Parts = tuple[pa.Table, pa.Table, pa.Table]


def pairs(ties: pa.Table) -> dict[tuple[str, str], int]:
    return {(row["source_author"], row["target_author"]): row["n"] for row in ties.to_pylist()}


@pytest.mark.parametrize(("kind", "read"), [("gexf", networkx.read_gexf), ("graphml", networkx.read_graphml)])
def test_network_files_hold_every_tie_and_attribute(parts: Parts, tmp_path: Path, kind: str, read: object) -> None:
    (path,) = export(*parts, tmp_path / f"network.{kind}", kind=kind)
    found = read(path)  # type: ignore[operator]
    assert found.is_directed()
    assert {(a, b): data["n"] for a, b, data in found.edges(data=True)} == pairs(parts[0])
    community = {row["author_id"]: row["community"] for row in parts[2].to_pylist() if row["method"] == "map_equation"}
    people = {row["author_id"]: row for row in parts[1].to_pylist()}
    assert set(found) == set(people)
    for node, data in found.nodes(data=True):
        assert data["n_messages"] == people[node]["n_messages"]
        assert data.get("community_map_equation") == community.get(node)
        assert data["first_seen"].startswith("202")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_hold_every_tie_and_person(parts: Parts, tmp_path: Path, kind: str) -> None:
    ties_file, people_file = export(*parts, tmp_path / f"network.{kind}", kind=kind)
    assert people_file.name == f"network-people.{kind}"
    read = pa.csv.read_csv if kind == "csv" else pa.parquet.read_table
    assert pairs(read(ties_file)) == pairs(parts[0])
    people = read(people_file)
    assert people.column_names[-2:] == ["community_leiden", "community_map_equation"]
    assert people.column("author_id").to_pylist() == parts[1].column("author_id").to_pylist()


@pytest.mark.parametrize("kind", FORMATS)
def test_exports_are_private_and_the_same_on_a_rerun(parts: Parts, tmp_path: Path, kind: str) -> None:
    first = export(*parts, tmp_path / f"a.{kind}", kind=kind)
    second = export(*parts, tmp_path / f"b.{kind}", kind=kind)
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert {stat.S_IMODE(f.stat().st_mode) for f in first} == {0o600}


def test_gexf_has_a_function_of_its_own(parts: Parts, tmp_path: Path) -> None:
    path = export_gexf(*parts, tmp_path / "network.gexf")
    assert networkx.read_gexf(path).number_of_edges() == len(parts[0])
    assert b"lastmodifieddate" not in path.read_bytes()


def test_an_unknown_format_names_the_known(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gexf, graphml, csv, parquet"):
        export(*parts, tmp_path / "x", kind="pajek")
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheet_runs_nothing(tmp_path: Path) -> None:
    table = messages(
        {"message_id": "1", "author_id": "=cmd|' /C calc'!A0", "created_at": at(0)},
        {"message_id": "2", "author_id": "@SUM(A1)", "parent_id": "1", "created_at": at(1)},
    )
    for path in export(graph.user_ties(table), graph.people(table), None, tmp_path / "x.csv", kind="csv"):
        cells = [cell for line in path.read_text().splitlines() for cell in line.split('","')]
        assert not any(cell.strip('"').startswith(("=", "@", "+", "-")) for cell in cells)


def test_people_only_in_ties_and_only_in_people_are_both_there(parts: Parts) -> None:
    ties, people, communities = parts
    found = attributes(ties, people.slice(0, 3), communities)
    everyone = {*ties.column("source_author").to_pylist(), *ties.column("target_author").to_pylist()}
    assert set(found.column("author_id").to_pylist()) == everyone | set(people.column("author_id").to_pylist()[:3])
    bare = attributes(ties, None, None)
    assert bare.column("author_id").to_pylist() == sorted(everyone)


def test_conversions_agree(parts: Parts) -> None:
    matrix, ids = to_scipy(parts[0])
    other = networkx.to_scipy_sparse_array(to_networkx(parts[0]), nodelist=ids, weight="n")
    assert np.array_equal(matrix.toarray(), other.toarray())
    assert ids == sorted(ids)
