"""How a study is ingested, and what one ingest reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.blocks import MAX_LINE


@dataclass(frozen=True)
class How:
    """What is said about a dump instead of being recognised.

    Attributes:
        format: Name of its format (see `ingest.formats.every_format`, or `ingest.formats.column_format`).
        encoding: Of its text; None means UTF-8, or UTF-16 where it begins like it.
    """

    format: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class IngestSettings:
    """What may differ between two ingests.

    Attributes:
        key_file: The key of the pseudonyms; None means `restricted/key`, made on first use.
        bots: Further usernames that are declared bots.
        batch_rows: Records per staged part; no result depends on it.
        max_line_bytes: Longer lines are rejected.
        memory_limit_mb: For sorting and joining; what does not fit goes to disk inside `restricted`. Where that is too
            little, four times as much is tried.
        workers: Processes that make parts of large dumps; None means as many as there are processors.
        how: What is said about single dumps, by path.
        fallback: Name of the format of dumps that no format recognises; None means that they are rejected.
        kept: Folder names of dumps read before that stay though they are not given again (standard input).
        gone: The same, of dumps whose files are not there any more.
    """

    key_file: Path | None = None
    bots: tuple[str, ...] = ()
    batch_rows: int = 20_000
    max_line_bytes: int = MAX_LINE
    memory_limit_mb: int = 160
    workers: int | None = None
    how: Mapping[Path, How] = field(default_factory=dict)
    fallback: str | None = None
    kept: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class IngestSummary:
    """What the tables of a study hold after an ingest.

    `messages` counts distinct ids; `authors` known people without declared bots; `replies` messages that name a
    parent; `parents_missing` distinct parents that no dump holds; `deleted` messages whose text was deleted or
    removed; `rejected` rows of file, line and reason.
    """

    figures: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        figures = self.__dict__.get("figures", {})
        if name not in figures:
            raise AttributeError(name)
        return figures[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON-shaped document."""
        return dict(self.figures)
