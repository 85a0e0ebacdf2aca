"""A few processes that make parts while the dump is read on; for small dumps there is none."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from copenet.foundation.errors import ResourceError

MOST = 8
_RARELY = 200_000  # objects made before rubbish is looked for: records and drafts hold no circles
_WATCH_SECONDS = 0.2
_WAIT_SECONDS = 20.0
_AT_WORK = ".workers"  # every process holds a lock on this file while it lives


def available() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Runs tasks in other processes, started with the first; with fewer than two it runs them here.

    Args:
        count: How many processes.
        root: The folder they write into.
    """

    def __init__(self, count: int, root: Path) -> None:
        self.count = min(count, MOST)
        self._root = root
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> Callable[..., Future[Any]]:
        """Return what hands a task to a process."""
        if self._pool is None:
            given = (os.getpid(), str(self._root / _AT_WORK))
            self._pool = ProcessPoolExecutor(self.count, _Context(), initializer=_begin, initargs=given)
        return self._pool.submit

    def close(self) -> None:
        """Wait for the processes to end."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


class _Process(SpawnProcess):
    """A process that does not run the caller's script again: few of them have `if __name__ == "__main__"`."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - multiprocessing's name
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _Context(SpawnContext):  # a fork would copy locks that other threads hold
    Process = _Process


@contextmanager
def working(count: int | None, root: Path) -> Iterator[Workers]:
    """Yield the workers of one ingest into the folder `root`; None means as many as there are processors."""
    workers = Workers(available() if count is None else count, root)
    try:
        yield workers
    finally:
        workers.close()


def wait_for_former(root: Path) -> None:
    """Wait until the processes of a killed ingest into `root` have ended, since they may write what is no longer wanted.

    Raises:
        ResourceError: One does not end.
    """
    descriptor = os.open(root / _AT_WORK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        last = time.monotonic() + _WAIT_SECONDS
        while not _alone(descriptor):
            if time.monotonic() > last:
                raise ResourceError(
                    "A process of a killed ingest of this study is still at work.",
                    remedy="Wait until it has ended, or end it, then try again.",
                )
            time.sleep(_WATCH_SECONDS / 4)
    finally:
        os.close(descriptor)


def _alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class _WithoutPandas(MetaPathFinder):
    """Keeps PyArrow from loading pandas with its first array: a second and 40 MB for nothing."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Say that there is no pandas, and nothing of all else."""
        if fullname == "pandas":
            raise ModuleNotFoundError("A worker needs no pandas.", name=fullname)


def _begin(parent: int, at_work: str) -> None:
    """Make this process end when its parent is gone, however that ended, and say that it lives."""
    gc.set_threshold(_RARELY)
    sys.meta_path.insert(0, _WithoutPandas())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, too, and ends the others in order
    fcntl.flock(os.open(at_work, os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_SH)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=look, daemon=True).start()


def in_order(workers: Workers | None, task: Callable[..., Any], arguments: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the results of `task` for each tuple of arguments, in order; few are under way at any time.

    Raises:
        ResourceError: A process was killed, as the system does it when memory ends.
    """
    if workers is None or workers.count < 2:
        for given in arguments:
            yield task(*given)
        return
    submit, waiting = workers.start(), deque[tuple[Future[Any], tuple[Any, ...]]]()
    try:
        for given in arguments:
            waiting.append((submit(task, *given), given))
            if len(waiting) > workers.count:
                yield _result(task, *waiting.popleft())
        while waiting:
            yield _result(task, *waiting.popleft())
    except BrokenProcessPool as error:
        raise ResourceError(
            "A process of this ingest was killed, as systems do it when memory ends.",
            remedy="Free memory and call it again: it goes on where it was. IngestSettings(workers=1) needs least.",
        ) from error
    finally:
        for future, _ in waiting:
            future.cancel()


def _result(task: Callable[..., Any], future: Future[Any], given: tuple[Any, ...]) -> Any:
    """Return what a process made of a task; records nested too deeply to travel to one are read here."""
    try:
        return future.result()
    except RecursionError:
        return task(*given)
