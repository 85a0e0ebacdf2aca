"""A dump whose every name is a canary: as author, mention, profile link and e-mail address."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard

CANARY = "zzcanary"
UNJUDGED = "religion"  # no gold label says anything about it


def tiny_world(seed: int = 3) -> Any:
    from causal.designs import S7

    return S7(people=110, periods=9, forums=2).simulate(seed)


def plant(folder: Path, world: Any) -> list[Path]:
    """Write `world` as dumps in which nobody has a name but a canary's; return the paths."""
    plain = folder / "plain"
    paths = []
    for path in world.write(plain):
        lines = [_planted(line) for line in _lines(path)]
        target = folder / path.name
        target.write_bytes(zstandard.ZstdCompressor().compress(b"\n".join(lines) + b"\n"))
        path.unlink()
        paths.append(target)
    plain.rmdir()
    return paths


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream, zstandard.ZstdDecompressor().stream_reader(stream) as reader:
        yield from (line for line in io.BufferedReader(reader).read().split(b"\n") if line)


def _planted(line: bytes) -> bytes:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return b'{"author": "' + CANARY.encode() + b'_broken", "body": "u/' + CANARY.encode()
    if record["author"] not in ("[deleted]", "AutoModerator"):
        record["author"] = name = f"{CANARY}_{record['author']}"
        where = "body" if "body" in record else "selftext"
        record[where] += (
            f" thanks u/{name} and /u/{name} and @{name}, see https://www.reddit.com/user/{name}"
            f" or write to {name}@example.org"
        )
    return orjson.dumps(record)


def gold_csv(world: Any, path: Path, n: int = 400) -> Path:
    from copenet.demo import _csv

    judged = (row for row in world.gold(n, 1) if row["strategy"] != UNJUDGED)
    path.write_text(_csv(judged), encoding="utf-8")
    return path


def holding(root: Path, word: str, *, outside: str = "restricted") -> list[str]:
    """Return the files under `root`, outside its restricted folder, that hold `word`."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and outside not in path.relative_to(root).parts[:1]:
            data = path.read_bytes()
            if word.encode() in data.lower() or word.encode() in str(path).encode():
                found.append(str(path))
    return found
