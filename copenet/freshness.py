"""What makes a stage fresh: the digest of what it read, its settings, its code and its seed.

A file's digest is remembered with its size and time of change, so that looking again costs no reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from copenet.foundation.errors import ResourceError
from copenet.foundation.files import digest_file, digest_of, private_directory, read_json, write_json

MISSING = "missing"
PACKAGES = ("copenet", "causal", "gnn", "graph", "ingest")
SOURCES = (".py", ".html", ".css", ".js")


class Fingerprints:
    """Digests of files by path, size and time of change, kept in `path` between runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = read_json(path) if path.is_file() else {}
        self._changed = False

    def of(self, path: Path) -> str:
        """Return the SHA-256 of a file, or of the names and digests of all files in a folder."""
        if path.is_dir():
            names = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            return digest_of([[str(p.relative_to(path)), self.of(p)] for p in names])
        if not path.is_file():
            return MISSING
        stat = path.stat()
        entry = [stat.st_size, stat.st_mtime_ns]
        key = str(path.resolve())
        if self._known.get(key, [])[:2] != entry:
            self._known[key] = [*entry, digest_file(path)]
            self._changed = True
        return str(self._known[key][2])

    def save(self) -> None:
        """Write what was learnt, unless it was nothing."""
        if self._changed:
            private_directory(self._path.parent)
            write_json(self._path, {key: entry for key, entry in self._known.items() if Path(key).is_file()})
            self._changed = False


def code_digest(prints: Fingerprints, home: Path | None = None) -> str:
    """Return the SHA-256 of the source of all five packages at `home`, with their templates; caches are left out.

    The packages lean on one another, so a list of which stage needs which would always be out of date.
    """
    home = Path(__file__).resolve().parents[1] if home is None else home
    files = [path for room in PACKAGES for path in sorted((home / room).rglob("*")) if path.suffix in SOURCES]
    return digest_of([[str(path.relative_to(home)), prints.of(path)] for path in files])


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the lock at `path`."""
    if not path.is_file():
        return False
    with path.open("a") as stream:
        return not _try_lock(stream)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the study's lock, which the operating system gives back however the process ends.

    Raises:
        ResourceError: Another process holds it.
    """
    private_directory(path.parent)
    with path.open("a") as stream:
        if not _try_lock(stream):
            raise ResourceError(
                "Another copenet is working on this study.",
                remedy="Wait for it; `copenet status STUDY` shows which stage is running.",
            )
        yield


def _try_lock(stream: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock: there two processes are not kept apart
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
