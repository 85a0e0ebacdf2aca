from __future__ import annotations

import os
import subprocess
import sys

import pytest

from copenet import freshness
from copenet.foundation.errors import ResourceError
from copenet.freshness import MISSING, Fingerprints, code_digest, is_locked, lock


def test_a_digest_follows_the_bytes_and_not_the_name(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("one")
    prints = Fingerprints(tmp_path / "prints.json")
    assert prints.of(tmp_path / "a") == prints.of(tmp_path / "b")
    (tmp_path / "a").write_text("two!")
    assert prints.of(tmp_path / "a") != prints.of(tmp_path / "b")
    assert prints.of(tmp_path / "none") == MISSING


def test_a_file_is_read_once_while_size_and_time_stay(tmp_path, monkeypatch):
    path = tmp_path / "data"
    path.write_text("one")
    prints = Fingerprints(tmp_path / "stages" / "prints.json")
    first = prints.of(path)
    prints.save()
    monkeypatch.setattr(freshness, "digest_file", lambda path: pytest.fail("read again"))
    again = Fingerprints(tmp_path / "stages" / "prints.json")
    assert again.of(path) == first


def test_a_change_of_the_same_length_is_seen(tmp_path):
    path = tmp_path / "data"
    path.write_text("one")
    os.utime(path, ns=(1, 1))
    prints = Fingerprints(tmp_path / "prints.json")
    before = prints.of(path)
    path.write_text("two")
    assert prints.of(path) != before


def test_a_folder_changes_with_its_files_and_their_names(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("one")
    prints = Fingerprints(tmp_path / "prints.json")
    seen = {prints.of(folder)}
    (folder / "b").write_text("two")
    seen.add(prints.of(folder))
    (folder / "b").rename(folder / "c")
    seen.add(prints.of(folder))
    (folder / ".partial").write_text("x")
    assert len(seen) == 3
    assert prints.of(folder) in seen


def test_digests_of_files_that_went_are_dropped(tmp_path):
    path = tmp_path / "data"
    path.write_text("one")
    prints = Fingerprints(tmp_path / "prints.json")
    prints.of(path)
    path.unlink()
    prints.save()
    assert str(path) not in (tmp_path / "prints.json").read_text()


@pytest.mark.parametrize(
    "name",
    ["copenet/foundation/tables.py", "ingest/scrub.py", "graph/a.py", "gnn/a.py", "causal/a/b.py", "copenet/x.css"],
)
def test_code_anywhere_counts_and_is_read_once(tmp_path, name):
    home = tmp_path / "home"
    (home / name).parent.mkdir(parents=True)
    (home / name).write_text("one")
    first = code_digest(Fingerprints(tmp_path / "prints.json"), home)
    assert code_digest(Fingerprints(tmp_path / "prints.json"), home) == first
    (home / name).write_text("another")
    second = code_digest(Fingerprints(tmp_path / "prints.json"), home)
    assert second != first
    (home / "copenet" / "__pycache__").mkdir(parents=True)
    (home / "copenet" / "__pycache__" / "a.pyc").write_text("x")
    assert code_digest(Fingerprints(tmp_path / "prints.json"), home) == second


def test_this_code_is_found_and_remembered_by_size_and_time(tmp_path, monkeypatch):
    prints = Fingerprints(tmp_path / "prints.json")
    first = code_digest(prints)
    prints.save()
    monkeypatch.setattr(freshness, "digest_file", lambda path: pytest.fail("read again"))
    assert code_digest(Fingerprints(tmp_path / "prints.json")) == first
    assert all(f"/{room}/__init__.py" in (tmp_path / "prints.json").read_text() for room in freshness.PACKAGES)


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "stages" / "lock"
    assert not is_locked(path)
    with lock(path):
        assert is_locked(path)
        with pytest.raises(ResourceError, match="Another copenet"), lock(path):
            pass
    assert not is_locked(path)


def test_a_killed_process_gives_the_lock_back(tmp_path):
    path = tmp_path / "lock"
    code = f"""
import pathlib, time
from copenet.freshness import lock
with lock(pathlib.Path({str(path)!r})):
    print("held", flush=True); time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert is_locked(path)
        other.kill()
        other.wait()
    assert not is_locked(path)
