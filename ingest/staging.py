"""Dumps to staged parts: each dump block by block, resumable after a kill at any moment.

`restricted/ingest/<digest16>/` holds `part-NNNNN-messages.parquet`, `-texts.parquet`, `-words.parquet` and
`cursor.json`. The cursor is replaced only after the parts it counts are on disk; a part beyond the cursor is written
again by the replay. Parts are made in a few processes and counted in order.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from copenet.foundation.files import private_directory, read_json, write_json
from copenet.foundation.progress import SILENT, Progress
from ingest.blocks import Block, Loss
from ingest.dumps import Dump
from ingest.file_names import shown
from ingest.formats import UNKNOWN, read_dump
from ingest.parts import Made, PartMaker
from ingest.pseudonyms import Pseudonyms, fingerprint
from ingest.settings import How, IngestSettings
from ingest.syntax import Item, Rows
from ingest.workers import Workers, in_order

VERSION = 8  # raise it when what is staged changes: older folders are then staged again
MAX_REJECTS = 1000  # listed per file; the others are counted
WORTH_WORKERS = 4 * 2**20  # bytes of a dump below which starting processes takes longer than reading it


@dataclass(frozen=True)
class Cursor:
    """How far one file was read. `line` is the last line whose message is in a committed part."""

    digest: str
    file: str
    key: str
    forgotten: str
    format: str
    encoding: str | None = None
    version: int = VERSION
    parts: int = 0
    line: int = 0
    rows: int = 0
    withheld: int = 0  # messages of people who are to be forgotten
    withheld_ids: tuple[str, ...] = ()  # of those met or removed: other dumps may hold copies without an author
    met_people: tuple[str, ...] = ()  # further names of the forgotten: see `ingest.parts.Met`
    met_names: tuple[str, ...] = ()
    recognised: tuple[str, ...] = ()
    purges: int = 0  # how often staged parts were rewritten without somebody
    purging: bool = False  # whether they are being rewritten now
    rejected: tuple[tuple[int, str], ...] = ()
    rejected_more: int = 0
    done: bool = False

    def message_parts(self, folder: Path) -> list[Path]:
        """Return the committed message parts."""
        return [folder / f"part-{n:05d}-messages.parquet" for n in range(self.parts)]

    def text_parts(self, folder: Path) -> list[Path]:
        """Return the committed text parts."""
        return [folder / f"part-{n:05d}-texts.parquet" for n in range(self.parts)]

    def word_parts(self, folder: Path) -> list[Path]:
        """Return the committed parts of words that may be names."""
        return [folder / f"part-{n:05d}-words.parquet" for n in range(self.parts)]


def read_cursor(folder: Path) -> Cursor | None:
    """Return the cursor of a staged file, or None where none of this version is."""
    path = folder / "cursor.json"
    if not path.is_file():
        return None
    document = read_json(path)
    if document.get("version") != VERSION:
        return None
    document["rejected"] = tuple((int(line), str(reason)) for line, reason in document["rejected"])
    for name in ("withheld_ids", "met_people", "met_names", "recognised"):
        document[name] = tuple(document[name])
    return Cursor(**document)


def write_cursor(folder: Path, cursor: Cursor) -> None:
    """Commit a cursor."""
    write_json(folder / "cursor.json", asdict(cursor))


def staged_folders(root: Path) -> Iterator[tuple[Path, Cursor]]:
    """Yield each staged file's folder and cursor, in order of digest."""
    for folder in (root / name for name in sorted(staged_names(root))):
        cursor = read_cursor(folder)
        if cursor is not None:
            yield folder, cursor


def staged_names(root: Path) -> frozenset[str]:
    """Return the names of all folders of staged files, usable or not."""
    return frozenset(p.name for p in root.glob("*") if p.is_dir() and len(p.name) == 16)


def foreign_folders(root: Path, mark: str) -> frozenset[str]:
    """Return the folders of files staged under another key than that with fingerprint `mark`."""
    return frozenset(folder.name for folder, cursor in staged_folders(root) if cursor.key != mark)


def outdated_folders(root: Path) -> list[str]:
    """Return the folders of files that another version of copenet staged, in order of digest."""
    folders = (p.parent for p in root.glob("*/cursor.json"))
    return sorted(folder.name for folder in folders if read_cursor(folder) is None)


@dataclass(frozen=True)
class Reading:
    """How the dumps of one ingest are read: what does not differ between them."""

    root: Path
    names: Pseudonyms
    settings: IngestSettings
    workers: Workers | None = None
    progress: Progress = SILENT


def stage(dump: Dump, digest: str, how: How, reading: Reading) -> Cursor:
    """Read one dump into staged parts, from where an earlier attempt got to, and return its final cursor.

    Args:
        digest: Of the dump's content.
        how: Its format, and its encoding if that was said.
    """
    names = reading.names
    folder, key_mark = reading.root / digest[:16], fingerprint(names.key)
    cursor = read_cursor(folder)
    if cursor is None or cursor.key != key_mark or cursor.digest != digest or _how(cursor) != how:
        shutil.rmtree(folder, ignore_errors=True)
        cursor = Cursor(digest, dump.name, key_mark, names.mark(), how.format or UNKNOWN.name, how.encoding)
    if cursor.done:
        return _renamed(folder, cursor, dump.name)
    private_directory(folder)
    size = dump.path.stat().st_size
    with reading.progress.task(f"read {shown(dump.name)}", total=None if dump.member else size, unit="B") as task:
        return _read(dump, folder, cursor, reading, None if dump.member else task.advance)


def _how(cursor: Cursor) -> How:
    return How(cursor.format, cursor.encoding)


def _renamed(folder: Path, cursor: Cursor, name: str) -> Cursor:
    """Name a file that was given under several names by the first of them, whatever their order."""
    if name >= cursor.file:
        return cursor
    cursor = replace(cursor, file=name)
    write_cursor(folder, cursor)
    return cursor


def _read(
    dump: Dump, folder: Path, cursor: Cursor, reading: Reading, advance: Callable[[float], None] | None
) -> Cursor:
    settings = reading.settings
    maker = PartMaker(folder, cursor.digest[:16], cursor.format, reading.names, settings.max_line_bytes)
    items = read_dump(
        dump,
        encoding=cursor.encoding,
        max_line=settings.max_line_bytes,
        rows=settings.batch_rows,
        table=cursor.format.startswith("columns:"),
        consumed=advance,
    )
    lost: deque[Loss] = deque()
    arguments = _numbered(items, cursor, lost)
    workers = reading.workers if dump.path.stat().st_size >= WORTH_WORKERS else None
    seen = False
    for made in in_order(workers, maker.make, arguments):
        seen = True
        cursor = _advanced(cursor, made, lost)
        write_cursor(folder, cursor)
    if not seen and not lost and cursor.line == 0:
        lost.append(Loss(0, "empty file"))
    cursor = _advanced(cursor, None, lost)
    write_cursor(folder, cursor)
    return cursor


def _numbered(items: Iterable[Item], cursor: Cursor, lost: deque[Loss]) -> Iterator[tuple[int, Block | Rows, int]]:
    """Yield part number, block and the number from which it is new; put aside what was lost beyond the cursor."""
    part = cursor.parts
    for item in items:
        if isinstance(item, Loss):
            if item.number > cursor.line:
                lost.append(item)
        elif item.last > cursor.line:
            yield part, item, cursor.line
            part += 1


def _advanced(cursor: Cursor, made: Made | None, lost: deque[Loss]) -> Cursor:
    """Return the cursor after one more part, or after the last one (`made` is None)."""
    rejected = list(made.rejected) if made else []
    line = made.last if made else cursor.line
    while lost and (made is None or lost[0].number <= made.last):
        loss = lost.popleft()
        rejected.append((loss.number, loss.reason))
        line = max(line, loss.number)
    listed = (*cursor.rejected, *sorted(rejected))
    return replace(
        cursor,
        parts=cursor.parts + (made is not None),
        line=line,
        rows=cursor.rows + (made.rows if made else 0),
        withheld=cursor.withheld + (len(made.withheld) if made else 0),
        withheld_ids=(*cursor.withheld_ids, *(made.withheld if made else ())),
        met_people=_joined(cursor.met_people, made.met.people if made else ()),
        met_names=_joined(cursor.met_names, made.met.named if made else ()),
        recognised=_joined(cursor.recognised, made.met.recognised if made else ()),
        rejected=listed[:MAX_REJECTS],
        rejected_more=cursor.rejected_more + max(0, len(listed) - MAX_REJECTS),
        done=made is None,
    )


def _joined(one: Iterable[str], two: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*one, *two}))
