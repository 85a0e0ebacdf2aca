"""Lists of messages to be taken out: ids one a line, tables, JSON, and platforms' own notices of deletion."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.blocks import MAX_LINE, Block, Loss, blocks, lines
from ingest.containers import Break, read_utf8
from ingest.dumps import Dump, members
from ingest.formats import every_format, native_ids, platforms, read_dump, require_file
from ingest.records import BadRecordError, Record, decode
from ingest.removal import platform_of, study_formats, study_platforms
from ingest.syntax import records
from ingest.values import identifier

MAX_REJECTS = 1000  # listed; the others are counted
_COLUMNS = (
    *("message_id", "uri", "name", "id_str", "id", "tweet_id", "status_id", "comment_id", "post_id"),
    *("url", "permalink"),
)
_ACTIONS = frozenset({"delete", "deleted", "drop", "dropped", "remove", "removed", "erase", "erased"})
_FULL = re.compile(r"([a-z]{1,16}):(?!//)(.+)", re.S)
_REDDIT = re.compile(r"t[13]_[0-9a-z]+", re.I)
_ADDRESS = re.compile(r"[a-z]+://|tag:", re.I)
_HEAD = 2**16
_NO_ID = "not the id of a message there"
_OTHER = "an entry without an id"

Entry = tuple[str, ...]  # the ids (`platform:native`) that it may mean


@dataclass(frozen=True)
class MessageList:
    """What a list of messages names.

    Attributes:
        entries: The messages named, each once.
        rejected: Line and reason of what names none.
        rejected_more: How many more there are.
        passed_over: How many notices are about something else than a message that is gone.
    """

    entries: tuple[Entry, ...]
    rejected: tuple[tuple[int, str], ...]
    rejected_more: int
    passed_over: int

    def ids(self) -> frozenset[str]:
        """Return all ids that are meant."""
        return frozenset(one for entry in self.entries for one in entry)


def read_message_list(path: Path, restricted: Path, platform: str | None = None) -> MessageList:
    """Return the messages that a file names.

    Args:
        path: Ids or addresses one a line; a table or JSON with a column of them; notices of deletion as platforms send
            them, also among other records. Packed or not.
        restricted: The study's folder for person-level data.
        platform: Where ids without their platform are from; None means the study's only one.

    Raises:
        InputError: There is no such file, or the study has read nothing yet.
        UsageError: The platform of an id is not clear.
    """
    require_file(path)
    reading = _Reading(restricted, platform)
    for dump in members(path):
        reading.read(dump)
    return reading.found()


class _Reading:
    def __init__(self, restricted: Path, platform: str | None) -> None:
        self._restricted = restricted
        self._platform = None if platform is None else platform_of(restricted, platform)
        self._unclear: UsageError | None = None
        self._known = frozenset({*study_platforms(restricted), *platforms()})
        self._formats = study_formats(restricted / "ingest")
        self._listed: dict[Entry, None] = {}
        self._notices: dict[Entry, None] = {}
        self._rejected: list[tuple[int, str]] = []
        self._noticed = self._passed_over = self._plain = 0

    def found(self) -> MessageList:
        """Return what was read: where there are notices, other records are no entries of a list."""
        if self._unclear is not None and not self._noticed:
            raise self._unclear
        rejected, passed_over = sorted(self._rejected), self._passed_over
        if self._noticed:
            rejected = [one for one in rejected if one[1] not in (_NO_ID, _OTHER)]
            passed_over += self._plain
        entries = self._notices if self._noticed else self._listed
        return MessageList(
            tuple(entries), tuple(rejected[:MAX_REJECTS]), max(0, len(rejected) - MAX_REJECTS), passed_over
        )

    def read(self, dump: Dump) -> None:
        """Add what one file holds."""
        head = _head(dump)
        if head[:1] == b"[" and head[1:].lstrip()[:1] not in (b"{", b"[", b"]", b""):
            self._values(dump)
        elif head[:1] in (b"{", b"[", b"<") or _is_table(head) or head[:4] == b"PAR1":
            self._records(dump, table=_is_table(head))
        else:
            self._lines(dump)

    def _records(self, dump: Dump, *, table: bool) -> None:
        for item in read_dump(dump, max_line=MAX_LINE, table=table):
            for one in (item,) if isinstance(item, Loss) else records(item):
                if isinstance(one, Loss):
                    self._rejected.append((one.number, one.reason))
                else:
                    self._record(one.number, one.record)

    def _lines(self, dump: Dump) -> None:
        for item in _blocks(dump):
            for one in (item,) if isinstance(item, Loss) else lines(item):
                if isinstance(one, Loss):
                    self._rejected.append((one.number, one.reason))
                else:
                    self._value(one.number, one.data.decode("utf-8", "replace"))

    def _values(self, dump: Dump) -> None:
        """Read a JSON array of ids."""
        with dump.open() as stream:
            data = b"".join(piece for piece in read_utf8(stream) if isinstance(piece, bytes))
        try:
            values = decode(data)
        except BadRecordError as error:
            self._rejected.append((1, str(error)))
            return
        for number, value in enumerate(values if isinstance(values, list) else [], 1):
            self._value(number, identifier(value) or "")

    def _record(self, number: int, record: Record) -> None:
        for one in every_format():
            gone = one.notice(record) if one.notice else None
            if gone is not None:
                self._notice(one.platform, list(gone))
                return
        self._plain += 1
        row = {str(name).strip().lower(): value for name, value in record.items()}
        action = row.get("action")
        if isinstance(action, str) and action.strip().lower() not in _ACTIONS:
            self._passed_over += 1
            return
        told = [text for name in _COLUMNS if (text := _told(name, row.get(name)))]
        if not told:
            self._rejected.append((number, _OTHER))
        elif entry := next((entry for text in told if (entry := self._entry(text))), ()):
            self._listed[entry] = None
        else:
            self._rejected.append((number, _NO_ID))

    def _notice(self, platform: str, natives: Sequence[str]) -> None:
        self._noticed += 1
        self._passed_over += not natives
        for native in natives:
            self._notices[(f"{platform}:{native}",)] = None

    def _value(self, number: int, text: str) -> None:
        plain = text.strip().strip('",;').strip()
        if not plain or plain.startswith("#"):
            return
        entry = self._entry(plain)
        if entry:
            self._listed[entry] = None
        else:
            self._rejected.append((number, _NO_ID))

    def _entry(self, text: str) -> Entry:
        full = _FULL.fullmatch(text)
        if full and full[1] in self._known:
            platform, text = full[1], full[2]
        else:
            platform = self._bare()
        formats = [one for one in self._formats if one.platform == platform]
        return tuple(sorted(f"{platform}:{native}" for native in native_ids(platform, text, formats) if platform))

    def _bare(self) -> str:
        """Return the platform of ids that do not tell it, "" where that is not clear."""
        if self._platform is None:
            try:
                self._platform = platform_of(self._restricted, None)
            except UsageError as error:
                self._platform, self._unclear = (
                    "",
                    error,
                )  # said at the end: where there are notices, it does not matter
        return self._platform


def _told(name: str, value: Any) -> str | None:
    """Return what stands in a column of ids; other things stand in columns of these names, too."""
    text = identifier(value)
    if text is None or (name == "name" and not _REDDIT.fullmatch(text)):
        return None
    return None if name in ("uri", "url", "permalink") and not _ADDRESS.match(text) else text


def _head(dump: Dump) -> bytes:
    held = b""
    with dump.open() as stream:
        if (start := stream.read(4)) == b"PAR1":
            return start
        stream.seek(0)
        for piece in read_utf8(stream):
            if isinstance(piece, Break) or len(held) >= _HEAD:
                break
            held += piece
    return held.lstrip(b" \t\r\n\x00\xef\xbb\xbf")


def _is_table(head: bytes) -> bool:
    """Return whether the first line names a column of ids."""
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if first[:1] in ("{", "[", "<"):
        return False
    rows = (next(csv.reader([first], delimiter=delimiter), []) for delimiter in ",;\t|")
    return any(name.strip().lower() in _COLUMNS for row in rows for name in row)


def _blocks(dump: Dump) -> Iterator[Block | Loss]:
    with dump.open() as stream:
        yield from blocks(read_utf8(stream))
