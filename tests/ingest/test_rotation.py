"""Another key makes other people of everybody, loses no message, and brings back nobody who was forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ingest
from copenet.foundation.errors import InputError, RefusedError, ResourceError
from copenet.foundation.files import digest_file
from ingest.settings import IngestSettings
from tests.ingest.dumps import lines, post, reply, write
from tests.ingest.test_forgotten import after
from tests.ingest.test_forgotten_platforms import (
    ANSWER,
    BY_HANDLE,
    BY_ID,
    HANDLE,
    HER_NAMES,
    OTHER,
    SAID,
    everything,
    mark,
    table,
    take,
    written,
    x_post,
)

PSEUDONYM = re.compile(r"[a-z]+:u_[0-9a-f]{16}")


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    return tmp_path / "restricted"


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Three dumps that were read: two of X, and one of Reddit."""
    take(tmp_path, "one", BY_HANDLE, OTHER)
    take(tmp_path, "two", BY_ID, ANSWER)
    take(tmp_path, "three", post(), reply("b", "t3_p1", "bob", body="hi u/ann"), reply("c", "t1_b", "cy"))
    return [tmp_path / name for name in ("one", "two", "three")]


def every_name(restricted: Path) -> set[str]:
    """Return every pseudonym in any file of the study."""
    plain = " ".join(p.read_text("utf-8", "replace") for p in restricted.rglob("*") if p.is_file())
    return set(PSEUDONYM.findall(everything(restricted) + plain))


def without_names(restricted: Path) -> Any:
    rows = [
        {k: v for k, v in row.items() if not (isinstance(v, str) and PSEUDONYM.fullmatch(v))}
        for row in ingest.read_messages(restricted).drop_columns(["source"]).to_pylist()
    ]
    return rows, {key: PSEUDONYM.sub("NAME", text) for key, text in written(restricted).items()}


def test_everybody_has_another_pseudonym_and_nothing_else_changes(paths: list[Path], restricted: Path) -> None:
    key, before, was = (restricted / "key").read_text(), every_name(restricted), without_names(restricted)
    done = ingest.rotate(paths, restricted)
    assert (done.summary.messages, done.forgotten, done.lost) == (7, 0, 0)
    assert (restricted / "key").read_text() != key
    assert (restricted / "key").stat().st_mode & 0o777 == 0o600
    assert not (restricted / "key.old").exists()
    assert len(before) > 5
    assert not before & every_name(restricted)
    assert without_names(restricted) == was
    assert mark(restricted, "reddit", "ann") in written(restricted)["reddit:t1_b"]
    assert ingest.ingest(paths, restricted, keep_others=False).messages == 7


def test_the_forgotten_stay_forgotten_under_every_key(tmp_path: Path, paths: list[Path], restricted: Path) -> None:
    ingest.forget(restricted, "x", [HANDLE])
    ingest.withhold(restricted, {"reddit:t1_c", "x:999"})
    before = every_name(restricted)
    for _ in range(2):
        done = ingest.rotate(paths, restricted)
        assert (done.summary.messages, done.forgotten, done.lost) == (4, 1, 0)
        assert set(table(restricted)) == {"x:103", "x:104", "reddit:t3_p1", "reddit:t1_b"}
        assert written(restricted)["x:103"] == "ask [name], or [name], or [name] herself"
        assert not before & every_name(restricted)
        before |= every_name(restricted)
    later = [x_post("202", "7", "only she knew"), x_post("203", "8", SAID), x_post("999", "8", "deleted")]
    take(tmp_path, "later", *later)
    take(tmp_path, "more", reply("c", "t1_b", "cy"), reply("d", "t1_b", "dee"))
    assert {"x:202", "x:999", "reddit:t1_c"}.isdisjoint(table(restricted))
    assert written(restricted)["x:203"] == "ask [name], or [name], or [name] herself"
    assert [word for word in (*HER_NAMES, "only she knew") if word in everything(restricted)] == []


def test_who_was_learnt_while_reading_is_taken_over_too(tmp_path: Path, restricted: Path) -> None:
    """She was forgotten by a handle; only a dump that names both told her id, and the list never did."""
    take(tmp_path, "one", OTHER)
    ingest.forget(restricted, "x", [HANDLE])
    take(tmp_path, "two", BY_HANDLE, BY_ID)
    (tmp_path / "two").unlink()
    take(tmp_path, "three", BY_ID, ANSWER)
    assert set(table(restricted)) == {"x:103", "x:104"}
    ingest.ingest([tmp_path / "one", tmp_path / "three"], restricted, keep_others=False)
    done = ingest.rotate([tmp_path / "one", tmp_path / "three"], restricted)
    assert set(table(restricted)) == {"x:103", "x:104"}
    assert done.lost == 0
    take(tmp_path, "later", x_post("202", "7", "only she knew"), x_post("203", "8"))
    assert set(table(restricted)) == {"x:103", "x:104", "x:203"}


def test_names_that_no_dump_holds_are_counted_as_lost(paths: list[Path], restricted: Path) -> None:
    ingest.forget(restricted, "reddit", ["nobody_here", "cy"])
    done = ingest.rotate(paths, restricted)
    assert (done.forgotten, done.lost) == (2, 1)
    assert "reddit:t1_c" not in table(restricted)


def test_a_key_elsewhere_is_replaced_where_it_lies(tmp_path: Path, restricted: Path) -> None:
    place = tmp_path / "safe" / "key"
    place.parent.mkdir()
    place.write_text("12" * 32)
    settings = IngestSettings(key_file=place)
    path = write(tmp_path / "one", lines([post(), reply("b", "t3_p1", "bob")]))
    ingest.ingest([path], restricted, settings=settings)
    ingest.rotate([path], restricted, settings=settings)
    assert place.read_text().strip() != "12" * 32
    assert not (restricted / "key").exists()
    assert ingest.ingest([], restricted, settings=settings).messages == 2


def refused(paths: list[Path], restricted: Path, kind: type[Exception], match: str, **settings: Any) -> str:
    state = {p: p.read_bytes() for p in restricted.rglob("*") if p.is_file()}
    for attempt in (ingest.check_rotation, ingest.rotate):
        with pytest.raises(kind, match=match) as caught:
            attempt(paths, restricted, settings=IngestSettings(**settings))  # type: ignore[operator]
    assert {p: p.read_bytes() for p in restricted.rglob("*") if p.is_file()} == state
    return str(caught.value.remedy)  # type: ignore[attr-defined]


def test_nothing_changes_where_a_dump_cannot_be_read_again(
    tmp_path: Path, paths: list[Path], restricted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "copenet ingest" in refused(paths[:2], restricted, InputError, "1 dumps are not as they were .*: three")
    paths[2].write_bytes(lines([post("p2")]))
    refused(paths, restricted, InputError, "1 dumps are not as they were")
    paths[2].unlink()
    refused(paths, restricted, InputError, "no such file")
    kept = {p.name for p in (restricted / "ingest").glob("?" * 16)} - {digest_file(path)[:16] for path in paths[:2]}
    refused(paths[:2], restricted, RefusedError, "came through standard input", kept=frozenset(kept))
    monkeypatch.setattr("ingest.rotation.os.access", lambda *_: False)
    refused(paths[:2], restricted, ResourceError, "cannot be replaced")
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.rotate([], tmp_path / "new")
    assert not (tmp_path / "new" / "key").exists()


def test_what_the_tables_leave_out_may_be_missing(paths: list[Path], restricted: Path) -> None:
    ingest.ingest(paths[:2], restricted, keep_others=False)
    names = every_name(restricted)
    assert ingest.rotate(paths[:2], restricted).summary.messages == 4
    assert not names & every_name(restricted)


STEPS = [
    "rotation.everybody",
    "rotation.write_text",
    "rotation.secrets.token_hex",
    "rotation.stage_all",
    "staging.write_cursor",
    "rotation._read_again",
    "rotation.drop_folders",
    "study_tables.purged",
    "study_tables.build",
    "study_tables.write",
    "rotation._forget_links",
    "rotation._destroy",
    "rotation.os.fsync",
]


@pytest.mark.parametrize(
    "step",
    [
        *STEPS,
        "rotation.write_forgotten 0",
        "rotation.write_forgotten 1",
        *(f"staging.write_cursor {n}" for n in range(1, 6)),
        "rotation.write_text 1",
        "rotation.write_cursor 1",
    ],
)
def test_a_kill_at_any_step_is_finished_by_the_next_call(
    paths: list[Path], restricted: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    from importlib import import_module

    ingest.forget(restricted, "x", [HANDLE])
    ingest.forget(restricted, "reddit", ["nobody_here"])
    before, was = every_name(restricted), without_names(restricted)
    place, _, calls = step.partition(" ")
    module, _, name = place.partition(".")
    with monkeypatch.context() as patch:
        holder: Any = import_module(f"ingest.{module}")
        for part in name.split(".")[:-1]:
            holder = getattr(holder, part)
        name = name.split(".")[-1]
        patch.setattr(holder, name, after(int(calls or 0), getattr(holder, name)))
        with pytest.raises(OSError, match="killed"):
            ingest.rotate(paths, restricted)
    if (restricted / "key.old").exists():
        for attempt in (
            lambda: ingest.ingest(paths, restricted),
            lambda: ingest.forget(restricted, "x", ["somebody_else"]),
            lambda: ingest.withhold(restricted, {"x:103"}),
        ):
            with pytest.raises(InputError, match="interrupted") as caught:
                attempt()
            assert "copenet rotate" in caught.value.remedy
    done = ingest.rotate(paths, restricted)
    assert (done.summary.messages, done.forgotten, done.lost) == (5, 2, 1)
    assert not before & every_name(restricted)
    assert without_names(restricted) == was
    assert not (restricted / "key.old").exists()
    assert ingest.ingest(paths, restricted, keep_others=False).messages == 5
