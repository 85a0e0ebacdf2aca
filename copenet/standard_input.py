"""Dumps that come through standard input: read once, remembered by what they held, and not kept."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from copenet import sources
from copenet.foundation.files import private_directory
from copenet.study import Study
from ingest.dumps import digests, members

NAME = "standard-input"


@contextmanager
def without_standard_input(
    study: Study, paths: Sequence[Path], how: sources.Said
) -> Iterator[tuple[list[Path], list[Path]]]:
    """Yield the paths that are files, and the file that holds standard input if `-` is among them.

    That file lies in `restricted` and is removed at the end. If all went well, its mark is remembered instead of it.
    """
    named = [path for path in paths if str(path) != "-"]
    if len(named) == len(paths):
        yield named, []
        return
    folder = private_directory(study.restricted / "ingest" / ".stdin")
    spooled = folder / NAME
    try:
        with spooled.open("wb") as stream:
            spooled.chmod(0o600)
            shutil.copyfileobj(sys.stdin.buffer, stream, 2**20)
        marks = [digest[:16] for _, digest in digests(members(spooled))]  # it may be an archive of several
        yield named, [spooled]
        if sources.forget_path(study, spooled):
            for mark in marks:
                sources.keep(study, mark)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
