"""People leave a study: out of the tables, the store, the models and every result."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from copenet import journal
from copenet.foundation.files import private_directory
from copenet.freshness import lock
from copenet.pipeline import STAGES, Pipeline
from copenet.stages.store import marker, spec_of
from copenet.study import Study

PLATFORM = "reddit"  # the one platform this version reads
DERIVED = ("embeddings", "labels", "models", "panel", "graph")


def forget_people(study: Study, users: Sequence[str]) -> dict[str, int]:
    """Remove `users` (usernames) and everything computed from them; return counts.

    They stay out when the same dump is read again. Results are removed with them, because any of them could still
    hold a trace, and are made again by the next run.

    Raises:
        ResourceError: The store cannot be reached; everything else is removed by then.
    """
    from ingest import forget

    with lock(study.restricted / "stages" / "lock"):
        messages = forget(study.restricted, PLATFORM, users, key_file=_key_file(study))
        counts = {"asked": len(users), "messages": messages}
        journal.append(study.journal, "forgot", asked=len(users), messages=messages)
        stored = marker(study).is_file()
        _remove_derived(study)
        Pipeline(study).forget_outputs(stage.name for stage in STAGES if stage.name != "ingest")
    if stored:
        _drop_store(study)
    return counts


def _key_file(study: Study) -> Path | None:
    named = study.settings.ingest.key_file
    return study.file(named) if named else None


def _remove_derived(study: Study) -> None:
    for name in DERIVED:
        shutil.rmtree(study.restricted / name, ignore_errors=True)
        private_directory(study.restricted / name)
    shutil.rmtree(study.results, ignore_errors=True)
    study.results.mkdir()


def _drop_store(study: Study) -> None:
    from graph import open_store

    with open_store(spec_of(study)) as store:
        store.drop()
