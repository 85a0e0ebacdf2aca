"""The embedded store: one ladybug file, built anew, put in place by a rename, and only ever read afterwards."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from copenet.foundation.errors import ResourceError, UsageError
from copenet.foundation.files import PRIVATE_FILE, private_directory, sync_directory
from copenet.foundation.progress import Progress
from graph.cypher_faults import from_ladybug
from graph.model import NODES, RELATIONSHIPS, schema_of
from graph.store import GraphStore, Rows, StoreSpec

_WORKER = Path(__file__).with_name("ladybug_worker.py")
_BUILD_TIMEOUT_S = 6 * 3600.0
_GRACE_S = 2.0  # how much later than this process the worker stops itself
_LOCK = "building"
_TYPES = {
    pa.string(): "STRING",
    pa.int64(): "INT64",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOL",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP_TZ",
    pa.list_(pa.string()): "STRING[]",
}
_SIDE_FILES = (".wal", ".shadow", ".tmp")
_BUILD_AGAIN = "Build the store: copenet graph build STUDY"


class LadybugStore(GraphStore):
    """A ladybug file. Every query runs in a short process of its own, so that its time limit always holds."""

    kind = "ladybug"

    def __init__(self, spec: StoreSpec) -> None:
        if spec.path is None:
            raise UsageError("The embedded store needs a path.", remedy="Pass StoreSpec('ladybug', path=…).")
        self._path = Path(spec.path).absolute()
        self._spec = spec

    def drop(self) -> None:
        """Remove the file and what killed builds left; nothing happens when there is none."""
        self._path.unlink(missing_ok=True)
        self._remove_side_files()
        _sweep(self._path)

    def close(self) -> None:
        """Nothing stays open between queries."""

    def _with_text(self) -> bool:
        return self._spec.holds_text

    def _build(self, projected: dict[str, Any], progress: Progress) -> None:
        private_directory(self._path.parent)
        _sweep(self._path)
        with _building(self._path) as folder:
            with progress.task("graph store", sum(map(len, projected.values())), "rows") as task:
                for name, table in projected.items():
                    pa.parquet.write_table(table, folder / f"{name}.parquet", compression="zstd")
                    task.advance(len(table))
                tables = [{"name": name, "create": _create(name), "file": f"{name}.parquet"} for name in projected]
                _ask({"act": "build", "path": "new.lbug", "tables": tables}, _BUILD_TIMEOUT_S, folder)
            (folder / "new.lbug").chmod(PRIVATE_FILE)
            # In one step: whoever asks meanwhile, and whoever kills this, finds the old graph or the new one.
            (folder / "new.lbug").replace(self._path)
            self._remove_side_files()
            sync_directory(self._path.parent)

    def _remove_side_files(self) -> None:
        for suffix in _SIDE_FILES:
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def _read(self, cypher: str, parameters: dict[str, Any], timeout_s: float, limit: int) -> tuple[list[str], Rows]:
        if not self._path.is_file():
            raise ResourceError("There is no embedded graph store yet.", remedy=_BUILD_AGAIN)
        task = {"act": "read", "path": str(self._path), "cypher": cypher, "parameters": parameters, "limit": limit}
        answer = _ask(task, timeout_s, self._path.parent)
        return answer["columns"], answer["rows"]


@contextmanager
def _building(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, locked while it is in use and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder)


def _sweep(path: Path) -> None:
    """Remove the folders of builds that were killed: they hold the same data as the store."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*"):
        if folder.is_dir() and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:  # of an older version, or being made at this moment
        return time.time() - folder.stat().st_mtime > _BUILD_TIMEOUT_S
    return True


def _create(name: str) -> str:
    columns = [f"{f.name} {_TYPES[f.type]}" for f in schema_of(name) if f.name not in ("from", "to")]
    if name in NODES:
        return f"CREATE NODE TABLE {name}({', '.join(columns)}, PRIMARY KEY (id))"
    source, target, _ = RELATIONSHIPS[name]
    return f"CREATE REL TABLE {name}({', '.join([f'FROM {source} TO {target}', *columns])})"


def _ask(task: dict[str, Any], timeout_s: float, folder: Path) -> dict[str, Any]:
    """Have the worker do `task` inside `folder`; it and all it started end with the time limit.

    The worker knows the limit too, so that it ends even when this process was killed and cannot stop it.
    """
    task = {**task, "ends_after_s": timeout_s + _GRACE_S}
    process = subprocess.Popen(
        [sys.executable, "-P", str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "TZ": "UTC"},
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(json.dumps(task).encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ResourceError(
            f"The query took longer than {timeout_s:g} s and was stopped.",
            remedy="Ask for less (LIMIT, a forum, a person), or raise the time limit.",
        ) from error
    finally:
        _end(process)
    if process.returncode != 0:  # ladybug 0.22 also crashes on a time that Python's dates cannot hold
        raise ResourceError(
            "The embedded store stopped in the middle of its work (out of memory, a time outside of the years 1 to 9999, "
            "or a damaged file).",
            remedy=f"Ask for less. If it happens again: {_BUILD_AGAIN}",
        )
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise from_ladybug(answer["error"])
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            stream.close()
