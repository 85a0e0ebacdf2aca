"""Progress on stderr: what is being done, how far, how fast and how long still; silent unless somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: float = 1) -> None:
        """Count `amount` more units as done."""


class Progress(Protocol):
    """Where long work reports to. Every long function takes one; `SILENT` is the default."""

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task of `total` units (None when unknown)."""
        ...


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        """Count nothing."""


class SilentProgress:
    """Reports nothing: for libraries, pipes and tests."""

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task that reports nothing."""
        yield _SilentTask()


SILENT: Progress = SilentProgress()


class ConsoleProgress:
    """A bar per task on a terminal, removed when the task ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task drawn as a bar with rate and time left."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        class Rate(TextColumn):
            def render(self, task):  # type: ignore[no-untyped-def]
                speed = task.finished_speed or task.speed
                return super().render(task) if speed is None else f"{speed:,.0f} {unit}/s"

        columns = (
            TextColumn("{task.description}"),
            BarColumn(24),
            MofNCompleteColumn(),
            Rate(""),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=self._stream), transient=True) as bars:
            yield _RichTask(bars, bars.add_task(name, total=total))


class _RichTask:
    def __init__(self, bars: object, identifier: object) -> None:
        self._bars = bars
        self._identifier = identifier

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._identifier, amount)  # type: ignore[attr-defined]


def for_stream(stream: TextIO | None = None) -> Progress:
    """Return bars when `stream` (stderr by default) is a terminal, silence otherwise."""
    stream = sys.stderr if stream is None else stream
    return ConsoleProgress(stream) if stream.isatty() else SILENT
