"""Killed at any moment, whole or in part: after a second call the tables are those of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest
from typer.testing import CliRunner

from copenet.cli.app import app
from copenet.foundation.errors import ResourceError
from copenet.study import Study
from ingest import staging, workers
from tests.ingest.dumps import write
from tests.ingest.killing import (
    Ingests,
    assert_cursors_hold,
    corpus,
    cursors,
    digest,
    ingests,
    is_alive,
    left_over,
    run,
    wait_until,
)

KILLS = 50
UNGUARDED = """
import sys
from pathlib import Path
import ingest
from ingest import staging
print("begun", flush=True)
staging.WORTH_WORKERS = 0
folder = Path(sys.argv[1])
paths = sorted(folder.glob("f*"))
print(ingest.ingest(paths, folder / "restricted", settings=ingest.IngestSettings(workers=2)).messages)
"""


@pytest.fixture(scope="module")
def kept() -> Iterator[Ingests]:
    with ingests() as started:
        yield started


def test_killed_at_fifty_random_moments(tmp_path: Path, kept: Ingests) -> None:
    """With worker processes and without, several kills to a study, in batches of another size every time."""
    undisturbed = run(corpus(tmp_path / "whole", 1800))
    lasts = {}
    for count in (1, 2):
        folder, started = corpus(tmp_path / f"timed{count}", 1800), time.monotonic()
        kept.start(folder, workers=count)
        assert kept.end() == "done"
        lasts[count] = min(time.monotonic() - started, 1.5)  # seconds; a busy machine may not take all day
        assert digest(folder) == undisturbed
    rng = random.Random(11)
    killed = finished = 0
    while killed < KILLS:
        folder, done = corpus(tmp_path / f"killed{finished}", 1800), False
        while not done:
            count = rng.choice((1, 2, 2))
            kept.start(folder, batch=rng.choice((150, 250, 400)), workers=count)
            if killed < KILLS:
                time.sleep(rng.uniform(0, lasts[count]))
                kept.signal(signal.SIGKILL)
            said = kept.end()
            killed += said == "killed"
            done = said == "done"
            assert said in ("killed", "done")
            assert_cursors_hold(folder)
        assert digest(folder) == undisturbed
        assert left_over(folder) == []
        finished += 1


def test_half_written_files_of_a_killed_ingest_are_removed_by_the_next(tmp_path: Path) -> None:
    """Wherever it was: the tables themselves may have been complete."""
    folder = corpus(tmp_path / "a", 300)
    undisturbed = run(folder)
    root = folder / "restricted" / "ingest"
    for place in (
        root / ".final.json.abc.partial",
        next(root.glob("*/cursor.json")).with_name(".cursor.json.x.partial"),
    ):
        place.write_text("{")
    assert run(folder) == undisturbed
    assert left_over(folder) == []


def test_a_killed_ingest_leaves_no_process_behind(tmp_path: Path, kept: Ingests) -> None:
    folder = corpus(tmp_path / "a", 2000)
    kept.start(folder, workers=2, batch=50)
    assert wait_until(lambda: len(kept.helpers()) == 2)
    helpers = kept.helpers()
    kept.signal(signal.SIGKILL)
    assert kept.end() == "killed"
    assert wait_until(lambda: not any(map(is_alive, helpers)), 10)
    assert run(folder) == run(corpus(tmp_path / "whole", 2000))


def test_nothing_is_read_while_a_process_of_a_killed_ingest_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Ingests
) -> None:
    """It could put a part of an earlier attempt in the place of a later one, cut elsewhere."""
    undisturbed = run(corpus(tmp_path / "whole", 2000))
    folder = corpus(tmp_path / "a", 2000)
    kept.start(folder, workers=2, batch=50)
    assert wait_until(lambda: len(list(folder.rglob("part-00004-words.parquet"))) > 0)
    helpers = kept.helpers()
    for helper in helpers:
        os.kill(helper, signal.SIGSTOP)
    kept.signal(signal.SIGKILL)
    assert kept.end() == "killed"
    monkeypatch.setattr(workers, "_WAIT_SECONDS", 0.2)
    with pytest.raises(ResourceError, match="still at work"):
        run(folder, 333)
    for helper in helpers:
        os.kill(helper, signal.SIGCONT)
    monkeypatch.setattr(workers, "_WAIT_SECONDS", 20)
    assert run(folder, 333) == undisturbed
    assert not any(map(is_alive, helpers))


def test_an_interrupt_ends_the_processes_in_order(tmp_path: Path, kept: Ingests) -> None:
    """A terminal sends it to all of them; none of them prints where it was."""
    folder = corpus(tmp_path / "a", 6000)
    kept.start(folder, workers=2, batch=50)
    assert wait_until(lambda: bool(list(folder.rglob("cursor.json"))))
    helpers = kept.helpers()
    for helper in helpers:
        os.kill(helper, signal.SIGINT)
    kept.signal(signal.SIGINT)
    assert kept.end() == "KeyboardInterrupt"
    assert not any(map(is_alive, helpers))
    assert_cursors_hold(folder)
    assert run(folder) == run(corpus(tmp_path / "whole", 6000))


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "a", 300)
    script = write(tmp_path / "script.py", UNGUARDED.encode())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script, folder], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("begun\n301\n", "")


def test_a_killed_worker_fails_the_ingest_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = run(corpus(tmp_path / "whole", 2000))
    monkeypatch.setattr(staging, "WORTH_WORKERS", 0)
    folder = corpus(tmp_path / "a", 2000)

    def kill() -> None:
        wait_until(lambda: bool(list(folder.rglob("cursor.json"))))
        for process in active_children()[:1]:
            process.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ResourceError, match="was killed") as caught:
        run(folder, 20, 2)
    killer.join()
    assert "goes on where it was" in caught.value.remedy
    assert not active_children()
    assert_cursors_hold(folder)
    assert any(cursor.parts for cursor in cursors(folder))
    assert run(folder, 150, 2) == undisturbed


def test_two_ingests_of_one_study_at_once(tmp_path: Path, kept: Ingests) -> None:
    """The first stops in the middle, holding the study; the second refuses; after the first has ended it works."""
    undisturbed = run(corpus(tmp_path / "whole", 400))
    folder = corpus(tmp_path / "a", 400)
    kept.start(folder, stop=2)
    assert wait_until(kept.is_stopped)
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    with pytest.raises(ResourceError, match="Another ingest of this study is running"):
        run(folder)
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before
    kept.signal(signal.SIGCONT)
    assert kept.end() == "done"
    assert digest(folder) == undisturbed == run(folder)


def test_two_commands_on_one_study_at_once(tmp_path: Path, kept: Ingests) -> None:
    study = Study.create(tmp_path / "study")
    corpus(tmp_path / "study" / "dumps", 400)
    for name in ("key", "f1.zst", "f2.gz"):
        (study.path / "dumps" / name).rename(study.path / name)
    (study.path / "key").rename(study.restricted / "key")
    (study.path / "key").symlink_to(study.restricted / "key")
    kept.start(study.path, stop=2)
    assert wait_until(kept.is_stopped)
    command = ["ingest", str(study.path), str(study.path / "f1.zst"), str(study.path / "f2.gz"), "--json"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, json.loads(done.stdout)["error"]) == (5, "Another ingest of this study is running.")
    kept.signal(signal.SIGCONT)
    assert kept.end() == "done"
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["messages"] == 401


def test_neither_time_nor_place_is_part_of_the_tables(tmp_path: Path) -> None:
    assert run(corpus(tmp_path / "a", 60)) == run(corpus(tmp_path / "b", 60))
