"""Every store that may hold a study's people, so that dropping and forgetting find them all.

One file per store in restricted/stores says what it is and where, without a password. It is written before the first
row goes there and deleted only after the store was dropped, whatever study.toml says by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copenet.foundation.errors import CopenetError, RefusedError
from copenet.foundation.files import digest_of, private_directory, read_json, write_json
from copenet.stages.store import spec_of
from copenet.study import Study

_NAMED = ("store", "uri", "user", "password_file", "database")


@dataclass(frozen=True, slots=True)
class Undropped:
    """A store that could not be dropped, and why."""

    where: str
    reason: str


def remember(study: Study) -> None:
    """Write down that the store of the settings is about to hold this study."""
    document = _document(study)
    private_directory(study.restricted / "stores")
    write_json(_marker(study, document), document)


def known(study: Study) -> list[dict[str, Any]]:
    """Return every store that may hold this study: store, uri, user, password_file, database."""
    return [read_json(path) for path in sorted((study.restricted / "stores").glob("*.json"))]


def drop(study: Study) -> None:
    """Drop what the store of the settings holds of this study, then forget that store.

    Raises:
        ResourceError: It cannot be reached.
    """
    from graph import open_store

    with open_store(spec_of(study)) as store:
        store.drop()
    _marker(study, _document(study)).unlink(missing_ok=True)


def drop_all(study: Study) -> list[Undropped]:
    """Drop every known store; return those that could not be, which stay known."""
    left = []
    for document in known(study):
        try:
            drop(study.with_changes({f"graph.{key}": value for key, value in document.items()}))
        except RefusedError:  # another study replaced this one's graph there: nothing of it is left
            _marker(study, document).unlink(missing_ok=True)
        except CopenetError as error:
            where = document["store"] if document["store"] == "ladybug" else f"Neo4j at {document['uri']}"
            left.append(Undropped(where, error.message))
    return left


def _document(study: Study) -> dict[str, Any]:
    settings = study.settings.graph.model_dump(mode="json", include=set(_NAMED))
    return settings if settings["store"] == "neo4j" else {"store": settings["store"]}


def _marker(study: Study, document: dict[str, Any]) -> Path:
    """Return the file of a store; another password file is no other store."""
    identity = {key: value for key, value in document.items() if key != "password_file"}
    return study.restricted / "stores" / f"{digest_of(identity)[:16]}.json"
