"""What a dump is, without keeping anything of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ingest import IngestSettings


def recognise(path: Path, settings: IngestSettings) -> list[dict[str, str | int]]:
    """Return, for each dump in a file, its name, format, container, and how much could be read and how much not.

    Raises:
        InputError: There is no such file, or it is an archive that cannot be read.
    """
    from ingest.preview import preview

    return [asdict(found) for found in preview(path, settings)]
