"""How a study is ingested, and what one ingest reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.containers import MAX_LINE


@dataclass(frozen=True)
class IngestSettings:
    """What may differ between two ingests.

    Attributes:
        key_file: The key of the pseudonyms; None means `restricted/key`, made on first use.
        bots: Further usernames that are declared bots.
        batch_rows: Messages per staged part; no result depends on it.
        max_line_bytes: Longer lines are rejected.
        memory_limit_mb: For sorting and joining; what does not fit goes to disk inside `restricted`.
    """

    key_file: Path | None = None
    bots: tuple[str, ...] = ()
    batch_rows: int = 10_000
    max_line_bytes: int = MAX_LINE
    memory_limit_mb: int = 1024


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
