"""Replications that may be killed and started again: one line of a records file for each that is finished."""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import orjson
from scipy import stats

BESIDE = Path(__file__).resolve().parent
ROOT = BESIDE.parent

Job = tuple[int, bool]  # seed, and whether the world has no effect
Record = dict[str, Any]


def parser(description: str | None, *, seeds: int, records: Path) -> argparse.ArgumentParser:
    """Return the options that every resumable benchmark has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, default=seeds)
    made.add_argument("--first", type=int, default=1000, help="first seed")
    made.add_argument("--processes", type=int, default=1)
    made.add_argument("--records", type=Path, default=records)
    return made


def one_thread_each() -> None:
    """Let each process compute on one thread: processes are what a benchmark runs side by side."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def worlds(first: int, seeds: int) -> list[Job]:
    """Return each seed with its effect and without."""
    return [(seed, null) for seed in range(first, first + seeds) for null in (False, True)]


def code(*scripts: str | Path) -> list[str]:
    """Return digests of scripts and of all of our modules they import, so that records of older code do not count.

    What no script imports, and comments anywhere, may change without making records worthless.
    """
    found: dict[Path, str] = {}
    waiting = [Path(script) for script in scripts]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        found[path] = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
        waiting += [file for name in _imported(tree) for folder in (ROOT, BESIDE) if (file := _file(folder, name))]
    return [found[path] for path in sorted(found)]


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names of modules that a module imports, inside functions, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(folder: Path, module: str) -> Path | None:
    place = folder.joinpath(*module.split("."))
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


def finish(path: Path, jobs: Sequence[Job], one: Callable[[int, bool], Record], digest: str, processes: int) -> list:
    """Finish the jobs that `path` does not hold yet, and return the records of all of them in order.

    Records of other settings (another `digest`) do not count.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {(r["seed"], r["null"]) for r in read(path, digest)}
    missing = [job for job in jobs if job not in done]
    with path.open("ab") as file:
        for count, record in enumerate(_finished(missing, one, processes), start=1):
            file.write(orjson.dumps(record | {"settings": digest}) + b"\n")
            file.flush()
            print(f"\r{count} of {len(missing)} worlds", end="", file=sys.stderr)
    print(file=sys.stderr)
    unique = {(r["seed"], r["null"]): r for r in read(path, digest)}
    return [unique[job] for job in sorted(set(jobs) & set(unique))]


def read(path: Path, digest: str) -> list[Record]:
    """Return the finished worlds of these settings; a last line cut short by a kill is skipped."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if record.get("settings") == digest:
            records.append(record)
    return records


def _finished(missing: list[Job], one: Callable[[int, bool], Record], processes: int) -> Iterable[Record]:
    if processes <= 1:
        yield from (one(seed, null) for seed, null in missing)
        return
    with ProcessPoolExecutor(processes) as pool:
        for future in as_completed([pool.submit(one, seed, null) for seed, null in missing]):
            yield future.result()


def rate(hits: list[bool], level: float = 0.99) -> dict[str, Any]:
    """Return a rate with its Clopper-Pearson interval."""
    n, k = len(hits), sum(hits)
    low = float(stats.beta.ppf((1 - level) / 2, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(1 - (1 - level) / 2, k + 1, n - k)) if k < n else 1.0
    return {"rate": k / n if n else None, "low": low, "high": high, "of": n}


def show(document: dict[str, Any]) -> None:
    """Print the one JSON document of a benchmark."""
    print(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY).decode())
