"""Ingests that are killed, stopped or starved, in processes forked from one that has imported everything."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import ingest
from ingest.settings import IngestSettings
from ingest.staging import Cursor, read_cursor
from tests.ingest.dumps import lines, post, reply, write

KEY = "cd" * 32

SCRIPT = """
import json, os, resource, signal, sys
from pathlib import Path
import duckdb, pyarrow.dataset, pyarrow.parquet
import ingest
from ingest import staging

def stop_at(n):
    original, seen = staging.write_cursor, []
    def counted(folder, cursor):
        original(folder, cursor)
        seen.append(1)
        if len(seen) == n:
            os.kill(os.getpid(), signal.SIGSTOP)
    staging.write_cursor = counted

def run(folder, batch, workers, limit, stop):
    folder = Path(folder)
    staging.WORTH_WORKERS = 0
    if stop:
        stop_at(stop)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    settings = ingest.IngestSettings(key_file=folder / "key", batch_rows=batch, workers=workers)
    ingest.ingest(sorted(folder.glob("f*")), folder / "restricted", settings=settings)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.alarm(100)  # nothing may outlive the tests
        said = "done"
        try:
            run(**json.loads(line))
        except BaseException as error:
            said = type(error).__name__
        try:
            os.write(1, (said + "\\n").encode())
        finally:
            os._exit(0)  # a forked process may hang on its way out
    os.write(1, f"{child}\\n".encode())
    if not os.WIFEXITED(os.waitpid(child, 0)[1]):
        os.write(1, b"killed\\n")
"""


class Ingests:
    """One at a time; `start` begins one and `end` says how it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.pid = 0

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._said.put(line.strip())

    def start(
        self, folder: Path, *, batch: int = 150, workers: int = 1, limit: int | None = None, stop: int | None = None
    ) -> None:
        """Begin an ingest of the dumps `f*` in `folder`.

        Args:
            limit: Longest file it can write, in bytes.
            stop: It stops itself after it has committed so many cursors.
        """
        how = {"folder": str(folder), "batch": batch, "workers": workers, "limit": limit, "stop": stop}
        self._write(how)
        self.pid = int(self._read())

    def end(self) -> str:
        """Wait, and return "done", "killed" or the name of the error."""
        return self._read()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def helpers(self) -> list[int]:
        """Return the processes it has started that make parts."""
        return [pid for pid in _children(self.pid) if b"spawn_main" in _command(pid)]

    def is_stopped(self) -> bool:
        return _state(self.pid) == "T"

    def _write(self, document: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        return self._said.get(timeout=120)


def corpus(folder: Path, n: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "key").write_text(KEY)
    rng = random.Random(3)
    records = [reply(f"c{i}", f"t1_c{rng.randrange(i)}" if i else None, f"u{rng.randrange(40)}") for i in range(n)]
    write(folder / "f1.zst", lines([post(num_comments=n), *records[: n // 2]]) + b"broken\n", "zstd")
    write(folder / "f2.gz", lines(records[n // 3 :]), "gzip")
    return folder


def digest(folder: Path) -> str:
    """Digest of every byte of all tables, and of the figures."""
    whole = hashlib.sha256()
    tables = ("messages", "texts", "versions")
    for path in sorted(p for name in tables for p in (folder / "restricted" / name).rglob("*")):
        whole.update(path.name.encode() + path.read_bytes())
    figures = ingest.quality(folder / "restricted")
    return whole.hexdigest() + repr(sorted(figures.items()))


def run(folder: Path, batch: int = 150, count: int = 1) -> str:
    settings = IngestSettings(key_file=folder / "key", batch_rows=batch, workers=count)
    ingest.ingest(sorted(folder.glob("f*")), folder / "restricted", settings=settings)
    return digest(folder)


def left_over(folder: Path) -> list[str]:
    hidden = [p for p in folder.rglob(".*") if p.name not in (".lock", ".workers")]
    return [str(p.relative_to(folder)) for p in hidden]


def cursors(folder: Path) -> list[Cursor]:
    found = (read_cursor(staged) for staged in (folder / "restricted" / "ingest").glob("*/"))
    return [cursor for cursor in found if cursor is not None]


def assert_cursors_hold(folder: Path) -> None:
    """A cursor never counts a part that is not there."""
    for cursor in cursors(folder):
        staged = folder / "restricted" / "ingest" / cursor.digest[:16]
        parts = cursor.message_parts(staged) + cursor.text_parts(staged) + cursor.word_parts(staged)
        assert [p for p in parts if not p.is_file()] == []


@contextmanager
def ingests() -> Iterator[Ingests]:
    """Yield what starts ingests; whatever still runs at the end is killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        try:
            yield Ingests(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition: Any, seconds: float = 30) -> bool:
    """Return whether `condition()` became true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def is_alive(pid: int) -> bool:
    return _state(pid) not in ("", "Z", "X")


def _children(pid: int) -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _stat(int(path.name))[1:2] == [str(pid)]]


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _state(pid: int) -> str:
    return next(iter(_stat(pid)), "")


def _stat(pid: int) -> list[str]:
    """Return state, parent and more of a process; nothing where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
