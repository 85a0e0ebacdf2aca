"""The network in other people's formats: every tie between people, with who they are and where they belong.

GEXF for Gephi, GraphML for most others, CSV and Parquet for tables. Each holds person-level data: the files are readable
by their owner alone, and belong into the study's restricted folder unless disclosure control says otherwise.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from copenet.foundation.errors import UsageError
from copenet.foundation.files import PRIVATE_FILE, write_bytes
from copenet.foundation.tables import without_formulas
from graph.schema import COMMUNITIES, PEOPLE
from graph.ties import adjacency

if TYPE_CHECKING:
    import networkx
    from scipy.sparse import csr_array

FORMATS = ("gexf", "graphml", "csv", "parquet")


def export(
    user_ties: pa.Table, people: pa.Table | None, communities: pa.Table | None, path: Path, *, kind: str = "gexf"
) -> list[Path]:
    """Write every user tie and every person with their attributes; return the files written.

    `csv` and `parquet` are two files each: the ties at `path`, and the people beside it with `-people` in the name.

    Args:
        user_ties: `graph.schema.USER_TIES`.
        people: A table with author_id and any attributes of one value (for example `graph.people`), or None.
        communities: `graph.schema.COMMUNITIES` of one or more methods, or None; each becomes an attribute.
        path: Where to write.
        kind: One of `FORMATS`.

    Raises:
        UsageError: An unknown format.
    """
    writers: dict[str, Callable[[pa.Table, pa.Table, Path], list[Path]]] = {
        "gexf": _write_gexf,
        "graphml": _write_graphml,
        "csv": _write_csv,
        "parquet": _write_parquet,
    }
    if kind not in writers:
        raise UsageError(f"Unknown format; known are {', '.join(FORMATS)}.", remedy="Choose one of them.")
    return writers[kind](user_ties, attributes(user_ties, people, communities), path)


def export_gexf(user_ties: pa.Table, people: pa.Table | None, communities: pa.Table | None, path: Path) -> Path:
    """Write the network as GEXF 1.2, which Gephi opens; arguments as `export`."""
    return export(user_ties, people, communities, path, kind="gexf")[0]


def to_networkx(
    user_ties: pa.Table, people: pa.Table | None = None, communities: pa.Table | None = None
) -> networkx.DiGraph:
    """Return a directed networkx graph: edges replier to replied with n, weight, first_at and last_at.

    Times are ISO 8601 text and missing values are left out, so that every writer of networkx takes the graph.

    >>> from graph.schema import USER_TIES
    >>> to_networkx(USER_TIES.empty_table()).number_of_nodes()
    0
    """
    return _graph(user_ties, attributes(user_ties, people, communities))


def to_scipy(user_ties: pa.Table) -> tuple[csr_array, list[str]]:
    """Return the n x n matrix of reply counts (row: replier, column: replied) and the n author ids, sorted."""
    ids: list[str] = sorted(
        {*user_ties.column("source_author").to_pylist(), *user_ties.column("target_author").to_pylist()}
    )
    n = user_ties.column("n").to_numpy()
    return adjacency(user_ties.column("source_author"), user_ties.column("target_author"), ids, n), ids


def attributes(user_ties: pa.Table, people: pa.Table | None, communities: pa.Table | None) -> pa.Table:
    """Return one row per person of `people` and `user_ties`, sorted by id, with their communities by method."""
    known = PEOPLE.empty_table() if people is None else people
    rows: dict[str, dict[str, Any]] = {row["author_id"]: row for row in known.to_pylist()}
    for name in ("source_author", "target_author"):
        for author in user_ties.column(name).to_pylist():
            rows.setdefault(author, {"author_id": author})
    table = pa.Table.from_pylist([rows[author] for author in sorted(rows)], schema=known.schema.remove_metadata())
    return _with_communities(table, communities)


def _with_communities(table: pa.Table, communities: pa.Table | None) -> pa.Table:
    found = COMMUNITIES.empty_table() if communities is None else communities
    for method in sorted(found.column("method").unique().to_pylist()):
        chosen = found.filter(pa.compute.equal(found.column("method"), method))
        position = pa.compute.index_in(table.column("author_id"), value_set=chosen.column("author_id").combine_chunks())
        table = table.append_column(f"community_{method}", chosen.column("community").take(position))
    return table


def _graph(user_ties: pa.Table, people: pa.Table) -> networkx.DiGraph:
    import networkx

    graph = networkx.DiGraph()
    for row in people.to_pylist():
        graph.add_node(row.pop("author_id"), **_plain(row))
    for row in user_ties.to_pylist():
        source, target = row.pop("source_author"), row.pop("target_author")
        graph.add_edge(source, target, weight=row["n"], **_plain(row))
    return graph


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if hasattr(value, "isoformat") else value
        for key, value in row.items()
        if value is not None
    }


def _write_gexf(user_ties: pa.Table, people: pa.Table, path: Path) -> list[Path]:
    import networkx

    stream = io.BytesIO()
    networkx.write_gexf(_graph(user_ties, people), stream)
    # The writer stamps the day; without it the same network gives the same bytes.
    text = re.sub(rb' lastmodifieddate="[^"]*"', b"", stream.getvalue(), count=1)
    write_bytes(path, text, mode=PRIVATE_FILE)
    return [path]


def _write_graphml(user_ties: pa.Table, people: pa.Table, path: Path) -> list[Path]:
    import networkx

    stream = io.BytesIO()
    networkx.write_graphml_xml(_graph(user_ties, people), stream)
    write_bytes(path, stream.getvalue(), mode=PRIVATE_FILE)
    return [path]


def _write_csv(user_ties: pa.Table, people: pa.Table, path: Path) -> list[Path]:
    files = [path, _beside(path)]
    for file, table in zip(files, (user_ties, people), strict=True):
        stream = io.BytesIO()
        pa.csv.write_csv(without_formulas(table), stream)
        write_bytes(file, stream.getvalue(), mode=PRIVATE_FILE)
    return files


def _write_parquet(user_ties: pa.Table, people: pa.Table, path: Path) -> list[Path]:
    files = [path, _beside(path)]
    for file, table in zip(files, (user_ties, people), strict=True):
        stream = io.BytesIO()
        pa.parquet.write_table(table, stream, compression="zstd")
        write_bytes(file, stream.getvalue(), mode=PRIVATE_FILE)
    return files


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-people{path.suffix}")
