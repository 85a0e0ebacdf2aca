"""One interface to the stores that hold the graph; which one is behind it changes no answer.

A backend implements the four methods with a leading underscore. Everything a user relies on (the guard, parameters,
the row cap, closed stores) happens here, once, in methods that no backend overrides.
"""

from __future__ import annotations

import difflib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, final

from copenet.foundation.errors import ResourceError, UsageError
from copenet.foundation.progress import SILENT, Progress
from graph import guard
from graph.model import GraphTables, project
from graph.saved_queries import SAVED_QUERIES, SavedQuery

KINDS = ("ladybug", "neo4j")
DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MAX_ROWS = 10_000
MAX_TIMEOUT_S = 7 * 24 * 3600.0  # the stores count milliseconds in 32 bits
_INTEGERS = range(-(2**63), 2**63)

Scalar = str | int | float | bool | None
Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """Where the graph lives.

    Attributes:
        kind: `ladybug` (embedded, one file) or `neo4j` (a server).
        path: The file of the embedded store, inside the study's restricted folder.
        uri, user, password, database: Of the server. The password may be what the secret file of docker compose holds,
            USER/PASSWORD.
        study: What marks the server's data as this study's: any stable name.
        overwrite: Replace another study's graph in the server's database.
        with_text: Put pseudonymised text into the store; yes for the embedded one and no for a server unless given.
    """

    kind: str = "ladybug"
    path: Path | None = None
    uri: str = "bolt://127.0.0.1:7687"
    user: str = "neo4j"
    password: str = field(default="", repr=False)
    database: str = "neo4j"
    study: str = "study"
    overwrite: bool = False
    with_text: bool | None = None

    @property
    def holds_text(self) -> bool:
        """Whether texts go into the store."""
        return self.kind == "ladybug" if self.with_text is None else self.with_text


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A typed table.

    Attributes:
        columns: Names, as the query gave them.
        rows: Lists of JSON-shaped values; times are ISO 8601 in UTC, nodes and relationships are dictionaries of their
            properties with `_label`, and what was asked for as an integer is an integer.
        truncated: There were more rows than `max_rows`.
    """

    columns: list[str]
    rows: Rows
    truncated: bool


class GraphStore(ABC):
    """A graph built from tables and read with Cypher. Use as a context manager, or call `close`."""

    kind: str

    @final
    def build(self, tables: GraphTables, progress: Progress = SILENT) -> dict[str, int]:
        """Replace what this study has in the store by the graph of `tables`, and return `counts()`.

        Raises:
            RefusedError: The database holds something that is not this study's.
            ResourceError: The store is not available.
        """
        self._build(project(tables, with_text=self._with_text()), progress)
        return self.counts()

    @final
    def query(
        self,
        cypher: str,
        parameters: Mapping[str, Any] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_rows: int = DEFAULT_MAX_ROWS,
    ) -> QueryResult:
        """Run a reading query.

        Args:
            cypher: Values belong into `parameters` ($name), never into the text.
            parameters: One JSON-shaped value for each $name of the query, no more and no less.
            timeout_s: The query is stopped after this many seconds.
            max_rows: Rows returned at most.

        Raises:
            RefusedError: The query could write.
            UsageError: It is not valid Cypher, or its parameters do not fit.
            ResourceError: It ran out of time, or the store is not available.
        """
        if not 0 < timeout_s <= MAX_TIMEOUT_S or max_rows < 1:  # NaN is on neither side
            raise UsageError(
                f"The time limit must be above 0 and at most {MAX_TIMEOUT_S:.0f} s, and the row limit at least 1.",
                remedy="Change the limit.",
            )
        checked = guard.check(cypher)
        given = dict(parameters or {})
        guard.check_parameters(checked.parameters, given)
        _check_values(given)
        columns, rows = self._read(checked.cypher, given, timeout_s, max_rows + 1)
        return QueryResult(columns, rows[:max_rows], len(rows) > max_rows)

    @final
    def run_saved(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_rows: int = DEFAULT_MAX_ROWS,
    ) -> QueryResult:
        """Run a query of `SAVED_QUERIES` by name; its parameters have defaults where that makes sense.

        Raises:
            UsageError: No saved query has this name, or as `query`.
        """
        saved = saved_query(name)
        values = {**saved.defaults, **(parameters or {})}
        return self.query(saved.cypher_for(self.kind), values, timeout_s, max_rows)

    @final
    def counts(self) -> dict[str, int]:
        """Return users, messages, messages_missing, threads, forums, communities, replies and ties in the store."""
        found = dict(self.query(_COUNTS).rows)  # what is empty gives no row
        return {name: int(found.get(name, 0)) for name in _COUNTED}

    @abstractmethod
    def drop(self) -> None:
        """Remove this study's graph from the store, and nothing else."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; closing twice does no harm."""

    @abstractmethod
    def _with_text(self) -> bool: ...

    @abstractmethod
    def _build(self, projected: dict[str, Any], progress: Progress) -> None: ...

    @abstractmethod
    def _read(self, cypher: str, parameters: dict[str, Any], timeout_s: float, limit: int) -> tuple[list[str], Rows]:
        """Return columns and at most `limit` rows of a checked query."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_COUNTED = {
    "users": "(n:User)",
    "messages": "(n:Message) WHERE n.status <> 'missing'",
    "messages_missing": "(n:Message) WHERE n.status = 'missing'",
    "threads": "(n:Thread)",
    "forums": "(n:Forum)",
    "communities": "(n:Community)",
    "replies": "(:Message)-[n:REPLIES_TO]->(:Message)",
    "ties": "(:User)-[n:REPLIED_TO]->(:User)",
}
_COUNTS = " UNION ALL ".join(
    f"MATCH {pattern} RETURN '{name}' AS name, count(n) AS n" for name, pattern in _COUNTED.items()
)


def open_store(spec: StoreSpec) -> GraphStore:
    """Return the store of `spec`; nothing is created before `build`.

    Raises:
        UsageError: An unknown kind, or a ladybug store without a path.
        ResourceError: The library is not installed, the server does not answer or refuses the password.

    Example:
        >>> from pathlib import Path
        >>> store = open_store(StoreSpec("ladybug", path=Path("study/restricted/graph/graph.lbug")))
        >>> store.kind
        'ladybug'
    """
    if spec.kind == "ladybug":
        _require("ladybug")
        from graph.ladybug_store import LadybugStore

        return LadybugStore(spec)
    if spec.kind == "neo4j":
        _require("neo4j")
        from graph.neo4j_store import Neo4jStore

        return Neo4jStore(spec)
    raise UsageError(f"Unknown store; known are {', '.join(KINDS)}.", remedy="Choose one of them.")


def saved_query(name: str) -> SavedQuery:
    """Return a saved query by name.

    Raises:
        UsageError: There is none; the message names the nearest.
    """
    if name in SAVED_QUERIES:
        return SAVED_QUERIES[name]
    near = difflib.get_close_matches(name, SAVED_QUERIES, 1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"No saved query has this name.{hint}", remedy=f"Known are: {', '.join(SAVED_QUERIES)}.")


def _require(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise ResourceError(f"The library {library} is not installed.", remedy=f"Run: pip install {library}")


def _check_values(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        items = list(value) if _is_list(value) else [value]
        if not all(isinstance(item, str | int | float | bool | None) for item in items):
            raise UsageError(
                f"Parameter ${name} must be text, a number, true, false, null, or a list of these.",
                remedy="Pass times as ISO 8601 text and convert them in the query.",
            )
        if len({_kind(item) for item in items if item is not None}) > 1:
            raise UsageError(
                f"Parameter ${name} is a list of different kinds of values.",
                remedy="Pass a list of texts, a list of numbers, or a list of true and false.",
            )
        if not all(_can_be_held(item) for item in items):
            raise UsageError(
                f"Parameter ${name} is a number or a text that no store can hold.",
                remedy="Whole numbers have 64 bits, and text is valid Unicode.",
            )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _kind(value: str | float | bool) -> str:
    if isinstance(value, bool):  # which Python counts among the whole numbers
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _can_be_held(value: Scalar) -> bool:
    if isinstance(value, str):
        return guard.is_unicode(value)
    return not isinstance(value, int) or value in _INTEGERS
