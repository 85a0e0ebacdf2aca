"""Killed or failing at any moment: after a second call the tables are those of an undisturbed run."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ingest
from ingest.settings import IngestSettings
from ingest.staging import read_cursor
from tests.ingest.dumps import lines, post, reply, write

KEY = "cd" * 32
SCRIPT = """
import sys
from pathlib import Path
import ingest
folder = Path(sys.argv[1])
print("ready", flush=True)
settings = ingest.IngestSettings(key_file=folder / "key", batch_rows=150)
ingest.ingest(sorted(folder.glob("f*")), folder / "restricted", settings=settings)
"""


def corpus(folder: Path, n: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "key").write_text(KEY)
    rng = random.Random(3)
    records = [reply(f"c{i}", f"t1_c{rng.randrange(i)}" if i else None, f"u{rng.randrange(40)}") for i in range(n)]
    write(folder / "f1.zst", lines([post(num_comments=n), *records[: n // 2]]) + b"broken\n", "zstd")
    write(folder / "f2.gz", lines(records[n // 3 :]), "gzip")
    return folder


def digest(folder: Path) -> str:
    """Digest of every byte of both tables, and of the figures."""
    whole = hashlib.sha256()
    for path in sorted(p for name in ("messages", "texts") for p in (folder / "restricted" / name).rglob("*")):
        whole.update(path.name.encode() + path.read_bytes())
    figures = ingest.quality(folder / "restricted")
    return whole.hexdigest() + repr(sorted(figures.items()))


def run(folder: Path, batch: int = 150) -> str:
    settings = IngestSettings(key_file=folder / "key", batch_rows=batch)
    ingest.ingest(sorted(folder.glob("f*")), folder / "restricted", settings=settings)
    return digest(folder)


def test_killed_at_ten_random_moments(tmp_path: Path) -> None:
    undisturbed = run(corpus(tmp_path / "whole", 9000))
    folder = corpus(tmp_path / "killed", 9000)
    rng = random.Random(11)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = 0
    for _ in range(10):
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.5))
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    assert killed >= 5
    assert run(folder) == undisturbed
    left = [p.name for p in folder.rglob("*") if p.name.startswith(".") and p.name != ".lock" and p.is_dir()]
    assert left == []


class Disk:
    """Fails at the n-th operation that changes what a reader would find: before it, or after it (a lost answer)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, after: bool) -> None:
        self.left, self.after = n, after
        for name in ("replace", "rename", "mkdir", "unlink"):
            monkeypatch.setattr(Path, name, self.wrap(getattr(Path, name)))
        monkeypatch.setattr("pyarrow.parquet.write_table", self.wrap(__import__("pyarrow.parquet").parquet.write_table))

    def wrap(self, function: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise OSError(28, "No space left on device")
            result = function(*args, **kwargs)
            if self.left == 0:
                raise OSError(28, "No space left on device")
            return result

        return wrapped


@pytest.mark.parametrize("after", [False, True])
def test_a_disk_that_fails_at_every_nth_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    undisturbed = run(corpus(tmp_path / "whole", 90), 50)
    n, failed = 0, True
    while failed:
        n += 1
        folder = corpus(tmp_path / f"n{n}", 90)
        with monkeypatch.context() as patch:
            disk = Disk(patch, n, after)
            try:
                run(folder, 50)
            except OSError:
                assert_cursors_hold(folder)
            failed = disk.left <= 0
        assert run(folder, 50) == undisturbed
    assert n > 30


def assert_cursors_hold(folder: Path) -> None:
    """A cursor never counts a part that is not there."""
    for staged in (folder / "restricted" / "ingest").glob("*/"):
        cursor = read_cursor(staged)
        if cursor is not None:
            assert all(p.is_file() for p in cursor.message_parts(staged) + cursor.text_parts(staged))


def test_a_resumed_ingest_may_use_other_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = run(corpus(tmp_path / "whole", 500), 10_000)
    folder = corpus(tmp_path / "cut", 500)
    with monkeypatch.context() as patch:
        Disk(patch, 25, False)
        with pytest.raises(OSError, match="No space"):
            run(folder, 40)
    assert run(folder, 333) == undisturbed


def test_a_folder_lost_between_two_renames_comes_back(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "a", 50)
    undisturbed = run(folder)
    restricted = folder / "restricted"
    (restricted / "messages").rename(restricted / ".messages.old")
    assert run(folder) == undisturbed
    assert not (restricted / ".messages.old").exists()


def test_neither_time_nor_place_is_part_of_the_tables(tmp_path: Path) -> None:
    assert run(corpus(tmp_path / "a", 60)) == run(corpus(tmp_path / "b", 60))
