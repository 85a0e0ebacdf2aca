"""Dumps to the tables messages and texts."""

from __future__ import annotations

from copenet import sources
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.study import Study


def run(study: Study, progress: Progress) -> Saying:
    """Read every dump of the study and no other; what was read before is not read again."""
    from ingest import ingest

    paths = sources.required(study)
    found = ingest(
        paths,
        study.restricted,
        settings=sources.settings(study),
        keep_others=False,
        progress=progress,
    ).to_dict()
    files = {entry["file"].partition("/")[0] for entry in found["formats"]}
    name = files.pop() if len(paths) == 1 == len(files) else f"{len(paths)} files"
    name = name if paths else "what was read before"
    rejected = found["rejected_count"]
    line = f"{name}: {found['messages']:,} messages"
    line += f" · {rejected:,} rejected (see `copenet quality {study.path}`)" if rejected else ""
    line += f" · ids of different messages: {found['conflicts']:,}" if found["conflicts"] else ""
    return Saying(line, notes=tuple(filter(None, [sources.say_gone(study)])))
