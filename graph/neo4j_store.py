"""The server store: Neo4j 5.26 through the official driver, written in batches and read with a time limit.

The community edition has one database and no roles. A marker node says whose graph it holds; another study's graph is
replaced only when asked. Every node that copenet loads carries a label of its own, `CopenetNode`, beside `User`,
`Message` and so on: others may use these words too, and data that copenet did not load are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import neo4j
import neo4j.exceptions
import neo4j.graph
import neo4j.time

from copenet.foundation.errors import RefusedError, ResourceError, UsageError
from copenet.foundation.progress import Progress, Task
from graph.cypher_faults import from_neo4j
from graph.ladybug_worker import plain
from graph.model import NODES, RELATIONSHIPS
from graph.store import GraphStore, Rows, StoreSpec

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 10_000
CONNECT_TIMEOUT_S = 10.0
_UNREACHABLE = (neo4j.exceptions.ServiceUnavailable, neo4j.exceptions.SessionExpired, OSError)
_SCHEMES = frozenset({"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"})
_MARKER = "CopenetStudy"
_OWN = "CopenetNode"
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"


class Neo4jStore(GraphStore):
    """One study's graph in one database of a Neo4j server."""

    kind = "neo4j"

    def __init__(self, spec: StoreSpec) -> None:
        _check_address(spec.uri)
        self._spec = spec
        self._driver = neo4j.GraphDatabase.driver(
            spec.uri,
            auth=(spec.user, spec.password.removeprefix(f"{spec.user}/")),
            connection_timeout=CONNECT_TIMEOUT_S,
            connection_acquisition_timeout=CONNECT_TIMEOUT_S,
            max_transaction_retry_time=CONNECT_TIMEOUT_S,
            notifications_min_severity="OFF",  # notifications quote the query
            telemetry_disabled=True,
        )
        with ExitStack() as unless_it_answers, self._faults():
            unless_it_answers.callback(self._driver.close)
            self._driver.verify_connectivity()
            unless_it_answers.pop_all()

    def drop(self) -> None:
        """Remove this study's nodes, constraints and marker; another study's or anybody else's data stay.

        Raises:
            RefusedError: The database holds another study's graph.
            ResourceError: It holds a graph of an older version, whose nodes nothing tells from other people's.
        """
        with self._faults(), self._session() as session:
            if self._owner(session) is None:
                return
            self._refuse_strangers(session, overwrite=False)
            self._clear(session)
            for label in NODES:
                session.run(f"DROP CONSTRAINT {_constraint_name(label)} IF EXISTS").consume()
            # Last, so that a drop that was interrupted can be repeated.
            session.run(f"MATCH (s:{_MARKER}) DELETE s").consume()

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def _with_text(self) -> bool:
        return self._spec.holds_text

    def _build(self, projected: dict[str, Any], progress: Progress) -> None:
        with self._faults(), self._session() as session:
            self._refuse_strangers(session, overwrite=self._spec.overwrite)
            self._refuse_mixing(session)
            self._clear(session)
            marker = {"id": self._spec.study, "complete": False, "labelled": True}
            session.run(f"MERGE (s:{_MARKER}) SET s = $marker", marker=marker).consume()
            for label in NODES:
                session.run(_constraint(label)).consume()
            with progress.task("graph store", sum(map(len, projected.values())), "rows") as task:
                for name, table in projected.items():
                    self._load(session, name, table, task)
            session.run(f"MATCH (s:{_MARKER}) SET s.complete = true").consume()

    def _load(self, session: neo4j.Session, name: str, table: pa.Table, task: Task) -> None:
        statement = _load_statement(name)
        for batch in table.to_batches(max_chunksize=BATCH):
            rows = [_without_nulls(row) for row in batch.to_pylist()]
            session.execute_write(_run, statement, rows)
            task.advance(len(rows))

    def _read(self, cypher: str, parameters: dict[str, Any], timeout_s: float, limit: int) -> tuple[list[str], Rows]:
        with self._faults(timeout_s), self._session(neo4j.READ_ACCESS) as session:
            self._require_complete(session)
            with session.begin_transaction(timeout=timeout_s) as transaction:
                result = transaction.run(cypher, parameters)
                columns = list(result.keys())
                rows = [[_plain(value) for value in record.values()] for record in result.fetch(limit)]
        return columns, rows

    def _session(self, access: str = neo4j.WRITE_ACCESS) -> neo4j.Session:
        return self._driver.session(database=self._spec.database, default_access_mode=access, fetch_size=1000)

    def _owner(self, session: neo4j.Session) -> str | None:
        record = session.run(f"MATCH (s:{_MARKER}) RETURN s.id AS id").single()
        return None if record is None else str(record["id"])

    def _require_complete(self, session: neo4j.Session) -> None:
        record = session.run(f"MATCH (s:{_MARKER}) RETURN s.id AS id, s.complete AS complete").single()
        if record is None or record["id"] != self._spec.study or not record["complete"]:
            raise ResourceError(
                "The database does not hold this study's whole graph.", remedy="Build it: copenet graph build STUDY"
            )

    def _refuse_strangers(self, session: neo4j.Session, *, overwrite: bool) -> None:
        owner = self._owner(session)
        if owner is None and session.run("MATCH (n) RETURN n LIMIT 1").single() is not None:
            raise RefusedError(
                "The database holds data that copenet did not load.",
                remedy="Name an empty database or another server; copenet never removes other people's data.",
            )
        if owner not in (None, self._spec.study) and not overwrite:
            raise RefusedError(
                "The database holds the graph of another study.",
                remedy="Use another server, drop that study's graph, or ask to overwrite it.",
            )

        if owner is not None:
            self._refuse_unlabelled(session)

    def _refuse_unlabelled(self, session: neo4j.Session) -> None:
        """Refuse a graph of an older version: nothing tells its nodes from other people's."""
        if session.run(f"MATCH (s:{_MARKER}) WHERE s.labelled RETURN 1").single() is not None:
            return
        # Not a RefusedError: to `copenet forget` that would mean that nothing of the study is left.
        raise ResourceError(
            "The graph in the database was loaded by an older copenet, which did not mark its nodes as its own.",
            remedy="If nothing else is in the database, empty it (MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS) "
            "and build again; else remove by hand what copenet loaded.",
        )

    def _refuse_mixing(self, session: neo4j.Session) -> None:
        """Refuse to load beside other people's nodes with a label of the graph: every answer would count them too."""
        for label in NODES:
            if session.run(f"MATCH (n:{label}) WHERE NOT n:{_OWN} RETURN 1 LIMIT 1").single() is not None:
                raise RefusedError(
                    f"The database holds nodes labelled {label} that copenet did not load.",
                    remedy="Name an empty database or another server: these nodes would mix into every answer.",
                )

    def _clear(self, session: neo4j.Session) -> None:
        # First, so that what an interruption leaves behind is not served as the whole graph.
        session.run(f"MATCH (s:{_MARKER}) SET s.complete = false").consume()
        session.run(f"MATCH (n:{_OWN}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF {BATCH} ROWS").consume()

    @contextmanager
    def _faults(self, timeout_s: float = 0.0) -> Iterator[None]:
        """Turn the driver's faults into copenet's, without the text of the query."""
        try:
            yield
        except neo4j.exceptions.AuthError as error:
            raise ResourceError(
                "The Neo4j server refused the user name or password.",
                remedy="Check the password (docker compose keeps it in secrets/neo4j_password) and the user.",
            ) from error
        except _UNREACHABLE as error:
            raise ResourceError(
                f"No Neo4j server answers at {self._spec.uri}.",
                remedy="Start it (docker compose up -d) or correct the address, for example bolt://127.0.0.1:7687.",
            ) from error
        except neo4j.exceptions.Neo4jError as error:
            raise _server_fault(error, timeout_s) from None
        except neo4j.exceptions.BrokenRecordError:  # its text quotes the query
            raise UsageError(
                "The answer holds a time outside of the years 1 to 9999.",
                remedy="Leave it out, or return it as text: toString(…).",
            ) from None
        except neo4j.exceptions.DriverError as error:
            raise ResourceError(
                f"The Neo4j driver could not do this ({type(error).__name__}).",
                remedy="Try again, or see the server's log.",
            ) from None


def _server_fault(error: neo4j.exceptions.Neo4jError, timeout_s: float) -> Exception:
    code = error.code or ""
    if code.startswith(_TIMED_OUT):
        return ResourceError(
            f"The query took longer than {timeout_s:g} s and was stopped.",
            remedy="Ask for less (LIMIT, a forum, a person), or raise the time limit.",
        )
    if code == "Neo.ClientError.Statement.AccessMode":
        return RefusedError("The query would write; it is read-only here.", remedy="Ask with MATCH … RETURN.")
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return ResourceError("The server has no database of this name.", remedy="The community edition has: neo4j")
    if code.startswith("Neo.ClientError.Schema"):
        return ResourceError(
            "Nodes, indexes or constraints of others in the database are in the way of the graph's own.",
            remedy="Name an empty database or another server.",
        )
    if code.startswith("Neo.ClientError.Statement"):
        return from_neo4j(error.message or "")
    return ResourceError(f"The Neo4j server could not do this ({code}).", remedy="See the server's log.")


def _check_address(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        complete = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        complete = False
    if not complete or "@" in uri:
        raise UsageError(
            "This is not the address of a Neo4j server.",
            remedy="Write for example bolt://127.0.0.1:7687; user and password are settings of their own.",
        )


def _constraint_name(label: str) -> str:
    return f"copenet_{label.lower()}_id"


def _constraint(label: str) -> str:
    return f"CREATE CONSTRAINT {_constraint_name(label)} IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE"


def _load_statement(name: str) -> str:
    if name in NODES:
        return f"UNWIND $rows AS row CREATE (n:{name}:{_OWN}) SET n = row"
    source, target, _ = RELATIONSHIPS[name]
    return (
        f"UNWIND $rows AS row MATCH (a:{source} {{id: row.from}}) MATCH (b:{target} {{id: row.to}}) "
        f"CREATE (a)-[r:{name}]->(b) SET r = row.properties"
    )


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """Shape a row for `_load_statement`: no null properties, and a relationship's apart from its ends."""
    kept = {key: value for key, value in row.items() if value is not None}
    if "from" not in kept:
        return kept
    properties = {key: value for key, value in kept.items() if key not in ("from", "to")}
    return {"from": kept["from"], "to": kept["to"], "properties": properties}


def _run(transaction: neo4j.ManagedTransaction, statement: str, rows: list[dict[str, Any]]) -> None:
    transaction.run(statement, rows=rows).consume()


def _plain(value: Any) -> Any:
    if isinstance(value, neo4j.graph.Node):
        return {"_label": next(iter(sorted(value.labels - {_OWN})), ""), **_plain(dict(sorted(value.items())))}
    if isinstance(value, neo4j.graph.Relationship):
        return {"_label": value.type, **_plain(dict(sorted(value.items())))}
    if isinstance(value, neo4j.graph.Path):
        return {"nodes": _plain(list(value.nodes)), "relationships": _plain(list(value.relationships))}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else plain(_native(value))


def _native(value: Any) -> Any:
    """Return the standard library's type for Neo4j's own times."""
    if isinstance(value, neo4j.time.DateTime | neo4j.time.Date):
        return value.to_native()
    return value.iso_format() if isinstance(value, neo4j.time.Duration) else value
