"""What is read as one stream: a file, or a file inside an archive. Nothing is ever unpacked to the disk."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from copenet.foundation.errors import InputError
from copenet.foundation.files import digest_file
from ingest.broken_zip import local_files, open_local
from ingest.containers import BROKEN_LIST, container

TEXTUAL = (
    ".ndjson",
    ".jsonl",
    ".json",
    ".js",
    ".txt",
    ".csv",
    ".tsv",
    ".tab",
    ".xml",
    ".parquet",
    ".yaml",
    ".yml",
    ".har",
)
PACKED = (".zst", ".gz", ".bz2", ".xz")
ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz")


@dataclass(frozen=True, order=True)
class Dump:
    """One stream of records.

    Attributes:
        path: The file.
        member: The name inside the archive, "" for a file that is none.
    """

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The file's name, and the member's after it, fit to be shown."""
        named = f"{self.path.name}/{self.member}" if self.member else self.path.name
        return named if named.isprintable() else "".join(c if c.isprintable() else "?" for c in named)

    def digest(self, of_file: str) -> str:
        """Return what tells this stream from all others, given the digest of the whole file."""
        if not self.member:
            return of_file
        return hashlib.sha256(f"{of_file}\0{self.member}".encode("utf-8", "surrogateescape")).hexdigest()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Yield the bytes, seekable.

        Raises:
            InputError: The archive is damaged here, or locked with a password.
        """
        with ExitStack() as held:
            yield self._opened(held)

    def _opened(self, held: ExitStack) -> BinaryIO:
        if not self.member:
            return held.enter_context(self.path.open("rb"))
        try:
            found = self._zipped(held) if _archive(self.path) == "zip" else self._tarred(held)
        except BROKEN_LIST as error:
            raise self._damaged() from error
        if found is None:
            raise self._damaged()
        return cast(BinaryIO, held.enter_context(found))

    def _zipped(self, held: ExitStack) -> IO[bytes] | None:
        try:
            return held.enter_context(zipfile.ZipFile(self.path)).open(self.member)
        except zipfile.BadZipFile:
            return open_local(self.path, self.member)

    def _tarred(self, held: ExitStack) -> IO[bytes] | None:
        archive = held.enter_context(tarfile.open(self.path))  # noqa: SIM115 - the stack closes it
        found = None
        try:
            for info in archive:
                found = info if info.name == self.member and info.isfile() else found
        except BROKEN_LIST:  # beyond the files that can be read
            pass
        return archive.extractfile(found) if found else None

    def _damaged(self) -> InputError:
        return InputError(
            f"A file inside {self.path.name} cannot be read: the archive is damaged or locked.",
            remedy="Unpack it with its own tool, and give the files inside.",
        )


def is_dump(name: str) -> bool:
    """Return whether a file found in a folder or an archive is read, judged by its name."""
    lower = name.rsplit("/", 1)[-1].lower()
    if lower.startswith("."):
        return False
    monthly = "." not in lower and lower.startswith(("rc_", "rs_"))  # Pushshift's months, unpacked
    return monthly or lower.endswith((*TEXTUAL, *PACKED, *ARCHIVES))


def members(path: Path) -> list[Dump]:
    """Return the dumps in a file: itself, or those inside it if it is an archive, in name order.

    An archive that is damaged or holds no dump is among them itself: reading it tells what is wrong.
    """
    kind = _archive(path)
    if kind is None:
        return [Dump(path)]
    names, whole = set[str](), True
    try:
        names.update(_zip_names(path) if kind == "zip" else _tar_names(path))
    except BROKEN_LIST:
        whole = False
    if kind == "zip" and not whole:
        names.update(file.name for file in local_files(path))
    found = [Dump(path, name) for name in sorted(names) if is_dump(name) and not name.startswith("__MACOSX/")]
    return found if whole and found else [Dump(path), *found]


def _archive(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    named = "".join(path.suffixes[-2:]).lower()
    packed = container(head) != "plain" and (".tar" in named or named.endswith(ARCHIVES))
    return "tar" if head[257:262] == b"ustar" or (packed and ".zst" not in named) else None


def _zip_names(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        yield from (info.filename for info in archive.infolist() if not info.is_dir())


def _tar_names(path: Path) -> Iterator[str]:
    with tarfile.open(path) as archive:
        yield from (info.name for info in archive if info.isfile())


def digests(dumps: list[Dump]) -> list[tuple[Dump, str]]:
    """Return each dump with its digest; a file is read once, however many dumps are in it."""
    files = {path: digest_file(path) for path in sorted({dump.path for dump in dumps})}
    return [(dump, dump.digest(files[dump.path])) for dump in dumps]
