"""Another key for a study, and with it other pseudonyms for everybody in it."""

from __future__ import annotations

from typing import Any

from copenet import copies, journal, sources, stores
from copenet.foundation.errors import ResourceError
from copenet.foundation.progress import SILENT, Progress
from copenet.freshness import lock
from copenet.pipeline import Pipeline
from copenet.study import Study


def rotate_key(study: Study, progress: Progress = SILENT) -> dict[str, Any]:
    """Replace the study's key and read every dump again under the new one; return counts.

    Everything computed bears the former pseudonyms and is removed; the next run makes it again. A kill at any moment
    is finished by calling this again.

    Raises:
        UsageError: The study names no dump.
        InputError: A dump is not there or not as it was; nothing is changed then.
        RefusedError: A dump came through standard input; nothing is changed then.
        ResourceError: A store cannot be reached; the key is not changed then.
    """
    from ingest import check_rotation, rotate

    pipeline = Pipeline(study)
    with lock(study.restricted / "stages" / "lock"):
        pipeline.finish_removal()
        paths, settings = sources.required(study), sources.settings(study)
        check_rotation(paths, study.restricted, settings=settings)
        pipeline.forget_outputs(["store"])
        if left := stores.drop_all(study):
            places = "; ".join(f"{one.where} ({one.reason})" for one in left)
            raise ResourceError(
                f"The key was not changed: a store holds the former pseudonyms and could not be dropped: {places}",
                remedy="Make the store reachable and run the same command again.",
            )
        pipeline.begin_removal()
        done = rotate(paths, study.restricted, settings=settings, progress=progress)
        counts = {
            "dumps": len(paths),
            "messages": done.summary.messages,
            "forgotten": done.forgotten,
            "lost": done.lost,
        }
        journal.append(study.journal, "rotated", **counts)
        pipeline.finish_removal()
        return {**counts, "left_elsewhere": copies.elsewhere(study)}
