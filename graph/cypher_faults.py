"""What a store says about a bad query, without repeating the query or the data.

Both stores quote the query, and conversion faults quote values; either may hold a person's id or words. Only the kind
of fault, its place, and names that are part of the graph's vocabulary are passed on.
"""

from __future__ import annotations

import difflib
import re

from copenet.foundation.errors import CopenetError, ResourceError, UsageError
from graph.model import NODES, RELATIONSHIPS, schema_of

VOCABULARY = sorted(
    {*NODES, *RELATIONSHIPS} | {field.name for name in (*NODES, *RELATIONSHIPS) for field in schema_of(name)}
)
_REMEDY = "Labels, relationships and properties are listed by: copenet graph query --help"
_NAMES = (
    (re.compile(r"Cannot find property (\w+) for"), "property"),
    (re.compile(r"Table (\w+) does not exist"), "label or relationship"),
    (re.compile(r"function (\w+) does not exist", re.IGNORECASE), "function"),
    (re.compile(r"Unknown function '([\w.]+)'"), "function"),
    (re.compile(r"Variable [`]?(\w+)[`]? (?:is )?not (?:in scope|defined)"), "variable"),
)
_LADYBUG_PLACE = re.compile(r"\(line: (\d+), offset: (\d+)\)")
_NEO4J_PLACE = re.compile(r"\(line (\d+), column (\d+)")
_LADYBUG_STORE_FAULTS = (
    "IO exception",
    "Buffer manager exception",
    "Storage exception",
    "Runtime exception: Cannot open",
)


def from_ladybug(message: str) -> CopenetError:
    """Return the error for what ladybug said."""
    if message.startswith(_LADYBUG_STORE_FAULTS):
        return ResourceError(
            "The embedded store cannot be read, or its memory does not suffice.",
            remedy="Ask for less; if it happens again, build it anew: copenet graph build STUDY",
        )
    place = _LADYBUG_PLACE.search(message)
    # ladybug counts characters from 0, people from 1.
    return bad_query(message, (int(place[1]), int(place[2]) + 1) if place else None)


def from_neo4j(message: str) -> CopenetError:
    """Return the error for what Neo4j said about a query."""
    place = _NEO4J_PLACE.search(message)
    return bad_query(message, (int(place[1]), int(place[2])) if place else None)


def bad_query(message: str, place: tuple[int, int] | None) -> UsageError:
    """Return a UsageError naming the place and, where it is safe, the unknown name and its nearest neighbour."""
    where = f" (line {place[0]}, column {place[1]})" if place else ""
    for pattern, what in _NAMES:
        found = pattern.search(message)
        if found:
            near = difflib.get_close_matches(found[1], VOCABULARY, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            return UsageError(f"The query uses an unknown {what}{where}.{hint}", remedy=_REMEDY)
    if "onver" in message or "cast" in message.lower():
        return UsageError(f"A value in the query cannot be converted{where}.", remedy="Check types and parameters.")
    return UsageError(f"The query is not valid Cypher for this store{where}.", remedy=_REMEDY)
