"""Dumps to the tables messages and texts."""

from __future__ import annotations

from copenet import sources
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.study import Study


def run(study: Study, progress: Progress) -> Saying:
    """Read every dump of the study and no other; what was read before is not read again."""
    from ingest import IngestSettings, ingest
    from ingest.file_names import shown

    settings = study.settings.ingest
    paths = sources.required(study)
    found = ingest(
        paths,
        study.restricted,
        settings=IngestSettings(
            key_file=study.file(settings.key_file) if settings.key_file else None, bots=settings.bots
        ),
        keep_others=False,
        progress=progress,
    ).to_dict()
    name = shown(paths[0].name) if len(paths) == 1 else f"{len(paths)} files"
    rejected = found["rejected_count"]
    line = f"{name}: {found['messages']:,} messages"
    line += f" · {rejected:,} rejected (see `copenet quality {study.path}`)" if rejected else ""
    return Saying(line)
