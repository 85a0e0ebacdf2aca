"""People leave a study: out of the tables, the store, the models and every result."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from copenet import journal, stores
from copenet.foundation.errors import ResourceError
from copenet.foundation.files import private_directory
from copenet.freshness import lock
from copenet.pipeline import STAGES, Pipeline
from copenet.study import Study

PLATFORM = "reddit"  # the one platform this version reads
DERIVED = ("embeddings", "labels", "models", "panel", "graph")


def forget_people(study: Study, users: Sequence[str]) -> dict[str, int]:
    """Remove `users` (usernames) and everything computed from them; return counts.

    They stay out when the same dump is read again. Results are removed with them, because any of them could still
    hold a trace, and are made again by the next run.

    Raises:
        ResourceError: A store cannot be reached; everything else is removed by then, and asking again finishes it.
    """
    from ingest import forget

    with lock(study.restricted / "stages" / "lock"):
        left = stores.drop_all(study)
        messages = forget(study.restricted, PLATFORM, users, key_file=_key_file(study))
        counts = {"asked": len(users), "messages": messages}
        journal.append(study.journal, "forgot", asked=len(users), messages=messages, stores_left=len(left))
        _remove_derived(study)
        Pipeline(study).forget_outputs(stage.name for stage in STAGES if stage.name != "ingest")
    if left:
        raise _unfinished(counts, left)
    return counts


def _unfinished(counts: dict[str, int], left: Sequence[stores.Undropped]) -> ResourceError:
    places = "; ".join(f"{one.where} ({one.reason})" for one in left)
    return ResourceError(
        f"{counts['asked']} people are forgotten here and {counts['messages']} messages of theirs were removed, "
        f"but a store could not be dropped and may still hold them: {places}",
        remedy="Make the store reachable and run the same `copenet forget` again: it finishes the rest.",
    )


def _key_file(study: Study) -> Path | None:
    named = study.settings.ingest.key_file
    return study.file(named) if named else None


def _remove_derived(study: Study) -> None:
    for name in DERIVED:
        shutil.rmtree(study.restricted / name, ignore_errors=True)
        private_directory(study.restricted / name)
    shutil.rmtree(study.results, ignore_errors=True)
    study.results.mkdir()
