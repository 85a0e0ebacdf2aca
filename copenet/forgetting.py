"""People leave a study: out of the tables, the store, the models and every result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from copenet import journal, stores
from copenet.foundation.errors import ResourceError
from copenet.freshness import lock
from copenet.pipeline import Pipeline
from copenet.study import Study

PLATFORM = "reddit"  # the one platform this version reads


def forget_people(study: Study, users: Sequence[str]) -> dict[str, int]:
    """Remove `users` (usernames) and everything computed from them; return counts.

    They stay out when the same dump is read again. Results are removed with them, because any of them could still
    hold a trace, and are made again by the next run. A kill at any moment leaves nothing of them behind for long: what
    is computed is marked as to be removed before anything changes, and the next run or forget removes it.

    Raises:
        UsageError: Something given is no username.
        InputError: Nothing was ingested, or the key is lost or another; nothing is changed then.
        RefusedError: Others were forgotten under another key; nothing is changed then.
        ResourceError: A store cannot be reached; everything else is removed by then, and asking again finishes it.
    """
    from ingest import check_forget, forget

    pipeline, key_file = Pipeline(study), _key_file(study)
    with lock(study.restricted / "stages" / "lock"):
        pipeline.finish_removal()
        check_forget(study.restricted, PLATFORM, users, key_file=key_file)
        pipeline.begin_removal()
        left = stores.drop_all(study)
        messages = forget(study.restricted, PLATFORM, users, key_file=key_file)
        counts = {"asked": len(users), "messages": messages}
        journal.append(study.journal, "forgot", asked=len(users), messages=messages, stores_left=len(left))
        pipeline.finish_removal()
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
