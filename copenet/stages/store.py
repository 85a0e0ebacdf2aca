"""Tables to the store that answers Cypher: a file in the study's folder, or a Neo4j server."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from copenet.foundation.errors import UsageError
from copenet.foundation.files import write_json, write_text
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.stages.common import communities_of, messages_of, shown_labels, texts_of
from copenet.study import Study

if TYPE_CHECKING:
    from graph import StoreSpec

PASSWORD_VARIABLE = "COPENET_NEO4J_PASSWORD"  # noqa: S105 (the name of a variable)


def run(study: Study, progress: Progress) -> Saying:
    """Replace what the store holds of this study."""
    from copenet import stores
    from graph import GraphTables, open_store

    tables = GraphTables(
        messages=messages_of(study),
        texts=texts_of(study),
        labels=shown_labels(study),
        communities=communities_of(study),
        resolution=study.settings.graph.resolution,
    )
    with open_store(spec_of(study)) as store:
        stores.remember(study)
        counts = store.build(tables, progress)
    document = {**counts, "store": study.settings.graph.store}
    write_json(marker(study), document)
    return Saying(f"{document['store']}: {counts['users']:,} people, {counts['ties']:,} ties", figures=document)


def marker(study: Study) -> Path:
    """Return the file that says what the store holds."""
    return study.restricted / "graph" / "store.json"


def spec_of(study: Study) -> StoreSpec:
    """Return where the study's graph lives.

    Raises:
        UsageError: A server is asked for and no password is given.
    """
    from graph import StoreSpec

    settings = study.settings.graph
    if settings.store == "ladybug":
        return StoreSpec("ladybug", path=study.restricted / "graph" / "graph.lbug", study=study_id(study))
    return StoreSpec(
        "neo4j",
        uri=settings.uri,
        user=settings.user,
        password=_password(study),
        database=settings.database,
        study=study_id(study),
        overwrite=study.overwrite_store,
        with_text=settings.store_text,
    )


def study_id(study: Study) -> str:
    """Return what marks this study's data on a server, whatever its folder is called."""
    path = study.restricted / "id"
    if not path.is_file():
        write_text(path, uuid.uuid4().hex, mode=0o600)
    return path.read_text(encoding="utf-8")


def _password(study: Study) -> str:
    named = study.settings.graph.password_file
    if named:
        path = study.file(named)
        if not path.is_file():
            raise UsageError(f"The password file {path} is not there.", remedy="Correct graph.password_file.")
        return path.read_text(encoding="utf-8").strip()
    if PASSWORD_VARIABLE not in os.environ:
        raise UsageError(
            "Neo4j needs a password.", remedy=f"Set graph.password_file in study.toml, or {PASSWORD_VARIABLE}."
        )
    return os.environ[PASSWORD_VARIABLE]
