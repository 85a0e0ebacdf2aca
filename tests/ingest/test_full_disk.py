"""A disk that fails or fills at any moment: after a second call the tables are those of an undisturbed run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ingest.killing import assert_cursors_hold, corpus, cursors, digest, ingests, left_over, run


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


@pytest.mark.parametrize(("after", "step"), [(False, 1), (True, 5)])
def test_a_disk_that_fails_at_every_nth_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, step: int
) -> None:
    """After the n-th is nearly before the next, so every fifth n is enough there."""
    undisturbed = run(corpus(tmp_path / "whole", 90), 50)
    n, failed = 0, True
    while failed:
        n += step
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


@pytest.mark.parametrize("count", [1, 2])
def test_a_disk_that_takes_only_short_files(tmp_path: Path, count: int) -> None:
    """The system's own limit, in worker processes, too; the study goes on from wherever it was."""
    undisturbed = run(corpus(tmp_path / "whole", 4000))
    folder = corpus(tmp_path / "a", 4000)
    limits = (0, 700, 9_000, 30_000) if count == 2 else (0, 100, 700, 2_500, 4_000, 9_000, 30_000)
    with ingests() as kept:
        for limit in limits:
            kept.start(folder, limit=limit, workers=count, batch=100 + limit // 200)
            assert kept.end() in ("OSError", "ResourceError"), limit
            assert_cursors_hold(folder)
        assert any(cursor.done for cursor in cursors(folder))
        kept.start(folder, workers=count)
        assert kept.end() == "done"
    assert digest(folder) == undisturbed
    assert left_over(folder) == []


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
