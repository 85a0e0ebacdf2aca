"""Another key for a study, and with it other pseudonyms for everybody in it."""

from __future__ import annotations

from typing import Any

from copenet import copies, journal, sources, stores
from copenet.foundation.errors import ResourceError, UsageError
from copenet.foundation.progress import SILENT, Progress
from copenet.freshness import lock
from copenet.pipeline import Pipeline
from copenet.study import Study


def rotate_key(study: Study, progress: Progress = SILENT, *, without_gone: bool = False) -> dict[str, Any]:
    """Replace the study's key and read every dump again under the new one; return counts.

    Everything computed bears the former pseudonyms and is removed; the next run makes it again. A kill at any moment
    is finished by calling this again.

    Args:
        study: The study.
        progress: Where long work reports to.
        without_gone: Leave out, for good, what was read of dumps that are gone or were changed since.

    Raises:
        UsageError: The study names no dump, or none would be left.
        InputError: A dump is not there or not as it was, and is not to be left out; nothing is changed then.
        RefusedError: A dump came through standard input; nothing is changed then.
        ResourceError: A store cannot be reached; the key is not changed then.
    """
    from ingest import check_rotation, rotate

    pipeline = Pipeline(study)
    with lock(study.restricted / "stages" / "lock"):
        pipeline.finish_removal()
        paths, settings = sources.required(study), sources.settings(study)
        if without_gone and not paths:
            raise UsageError(
                "Every dump of this study is gone: nothing would be left under another key.",
                remedy="Bring one back, or begin another study: copenet init STUDY",
            )
        check_rotation(paths, study.restricted, settings=settings, without_gone=without_gone)
        pipeline.forget_outputs(["store"])
        if left := stores.drop_all(study):
            places = "; ".join(f"{one.where} ({one.reason})" for one in left)
            raise ResourceError(
                f"The key was not changed: a store holds the former pseudonyms and could not be dropped: {places}",
                remedy="Make the store reachable and run the same command again.",
            )
        pipeline.begin_removal()
        done = rotate(paths, study.restricted, settings=settings, progress=progress, without_gone=without_gone)
        if without_gone:
            sources.leave_out_gone(study, paths)
        counts = {
            "dumps": len(paths),
            "messages": done.summary.messages,
            "forgotten": done.forgotten,
            "lost": done.lost,
        }
        journal.append(study.journal, "rotated", **counts)
        pipeline.finish_removal()
        return {**counts, "left_elsewhere": copies.elsewhere(study)}
