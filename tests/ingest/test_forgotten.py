"""Whoever is forgotten stays out: in every copy, under every key, whatever is killed, and whichever dump comes later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingest
from copenet.foundation.errors import InputError, RefusedError, UsageError
from ingest.settings import IngestSettings
from ingest.study_tables import locked
from tests.ingest.dumps import by_id, lines, name_of, post, read, reply, texts, write
from tests.ingest.test_privacy import columns

SECRET = "what only she would say"
HERS = reply("aa1", "t3_p1", "alice", body=SECRET, retrieved_on=1_700_000_000)
COPY = reply("aa1", "t3_p1", "[deleted]", body=SECRET, retrieved_on=1_710_000_000)


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    return tmp_path / "restricted"


def dump(tmp_path: Path, name: str, *records: dict[str, object]) -> Path:
    return write(tmp_path / name, lines(records))


def no_trace(restricted: Path) -> bool:
    return SECRET not in columns(restricted) and "t1_aa1" not in by_id(restricted) and "t1_aa1" not in texts(restricted)


@pytest.mark.parametrize("order", [(HERS, COPY), (COPY, HERS)])
def test_a_copy_without_its_author_leaves_too(
    tmp_path: Path, restricted: Path, order: tuple[dict[str, object]]
) -> None:
    read(tmp_path, [post(), order[0]], [order[1]])
    assert SECRET in columns(restricted)
    assert ingest.forget(restricted, "reddit", ["alice"]) == 1
    assert no_trace(restricted)
    assert read(tmp_path, [post(), order[0]], [order[1]]).messages == 1
    assert no_trace(restricted)


def test_a_copy_fetched_later_stays_out(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), HERS])
    ingest.forget(restricted, "reddit", ["alice"])
    again = dump(tmp_path, "later", COPY, reply("c9", "t3_p1", "dee"))
    assert ingest.ingest([again], restricted).messages == 2
    assert no_trace(restricted)


@pytest.mark.parametrize("names", [("x1", "x2"), ("x2", "x1")])
def test_both_copies_fetched_after_she_left_stay_out(tmp_path: Path, restricted: Path, names: tuple[str, str]) -> None:
    read(tmp_path, [post(), reply("old", "t3_p1", "alice")])
    ingest.forget(restricted, "reddit", ["alice"])
    for path in sorted([dump(tmp_path, names[0], HERS), dump(tmp_path, names[1], COPY, reply("c9", "t3_p1", "dee"))]):
        ingest.ingest([path], restricted)
    assert no_trace(restricted)
    assert set(by_id(restricted)) == {"t3_p1", "t1_c9"}


def test_a_new_key_does_not_bring_the_forgotten_back(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), HERS, reply("b", "t3_p1", "bob"), reply("c", "t3_p1", "cy")])
    ingest.forget(restricted, "reddit", ["alice", "bob"])
    old = (restricted / "key").read_text()
    (restricted / "key").write_text("ab" * 32)
    with pytest.raises(RefusedError, match="2 people were forgotten under another key") as caught:
        ingest.ingest([tmp_path / "dump0.ndjson"], restricted)
    assert "by name" in caught.value.remedy
    (restricted / "key").write_text(old)
    assert ingest.ingest([tmp_path / "dump0.ndjson"], restricted).messages == 2


def test_the_forgotten_are_forgotten_again_by_name_under_a_new_key(tmp_path: Path, restricted: Path) -> None:
    dumps = [post(), HERS, reply("b", "t3_p1", "bob"), reply("c", "t3_p1", "cy")]
    read(tmp_path, dumps)
    ingest.forget(restricted, "reddit", ["alice", "bob"])
    (restricted / "key").write_text("ab" * 32)
    with pytest.raises(RefusedError, match="but 1 are named"):
        ingest.forget(restricted, "reddit", ["alice"])
    ingest.forget(restricted, "reddit", ["alice", "bob"])
    assert by_id(restricted) == {}  # nobody could be found in what the former key made
    read(tmp_path, [*dumps, reply("b2", "t3_p1", "bob")], [COPY])
    assert set(by_id(restricted)) == {"t3_p1", "t1_c"}
    assert no_trace(restricted)


def test_a_list_without_the_mark_of_its_key_fits_none(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    (restricted / "forgotten").write_text('["reddit:u_0123456789abcdef"]')
    with pytest.raises(RefusedError, match="another key"):
        read(tmp_path, [post()])


def test_a_lost_key_is_never_replaced_in_silence(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), HERS])
    key = (restricted / "key").read_text()
    (restricted / "key").unlink()
    for attempt in (
        lambda: ingest.load_key(restricted),
        lambda: ingest.ingest([tmp_path / "dump0.ndjson"], restricted),
        lambda: ingest.forget(restricted, "reddit", ["alice"]),
    ):
        with pytest.raises(InputError, match="is lost") as caught:
            attempt()
        assert "openssl rand" in caught.value.remedy
        assert not (restricted / "key").exists()
    (restricted / "key").write_text(key)
    assert ingest.forget(restricted, "reddit", ["alice"]) == 1


def test_a_dump_no_longer_listed_leaves_the_tables(tmp_path: Path, restricted: Path) -> None:
    one, two = dump(tmp_path, "one", post()), dump(tmp_path, "two", reply("c", "t3_p1", "cy"))
    assert ingest.ingest([one, two], restricted, keep_others=False).dumps_left_out == []
    found = ingest.ingest([one], restricted, keep_others=False)
    assert (found.messages, found.dumps_left_out) == (1, ["two"])
    assert set(by_id(restricted)) == {"t3_p1"}
    assert ingest.ingest([one], restricted).messages == 2
    assert ingest.ingest([one, two], restricted, keep_others=False).messages == 2


def test_an_overwritten_dump_keeps_no_old_row(tmp_path: Path, restricted: Path) -> None:
    path = dump(tmp_path, "one", post(), reply("c", "t3_p1", "cy"))
    ingest.ingest([path], restricted, keep_others=False)
    dump(tmp_path, "one", post(), reply("d", "t3_p1", "dee"))
    found = ingest.ingest([path], restricted, keep_others=False)
    assert set(by_id(restricted)) == {"t3_p1", "t1_d"}
    assert found.dumps_left_out == ["one"]


def test_forget_reaches_the_dumps_left_out_and_leaves_them_out(tmp_path: Path, restricted: Path) -> None:
    one, two = dump(tmp_path, "one", post(), HERS), dump(tmp_path, "two", COPY, reply("c", "t3_p1", "cy"))
    ingest.ingest([one, two], restricted)
    ingest.ingest([one], restricted, keep_others=False)
    ingest.forget(restricted, "reddit", ["alice"])
    assert set(by_id(restricted)) == {"t3_p1"}
    assert SECRET not in columns(restricted)


def test_what_was_left_out_under_another_key_hinders_nobody(tmp_path: Path, restricted: Path) -> None:
    one, two = dump(tmp_path, "one", post(), HERS), dump(tmp_path, "two", COPY)
    ingest.ingest([one, two], restricted)
    (restricted / "key").write_text("ab" * 32)
    assert ingest.ingest([one], restricted, keep_others=False).messages == 2
    assert ingest.forget(restricted, "reddit", ["alice"]) == 1
    assert SECRET not in columns(restricted)


def killed(*_: object, **__: object) -> None:
    raise OSError("killed")


def after(calls: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is killed at its call number `calls`, counted from 0."""
    left = iter(range(calls))

    def work(*args: Any, **more: Any) -> Any:
        return killed() if next(left, None) is None else real(*args, **more)

    return work


def test_a_kill_after_the_list_is_written(tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(tmp_path, [post(), HERS], [COPY])
    before = ingest.state_digest(restricted)
    for place in ("purged", "build", "write"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ingest.study_tables.{place}", killed)
            with pytest.raises(OSError, match="killed"):
                ingest.forget(restricted, "reddit", ["alice"])
        assert ingest.state_digest(restricted) != before
        for look in (ingest.read_messages, ingest.read_texts):
            with pytest.raises(InputError, match="interrupted"):
                look(restricted)
    ingest.ingest([], restricted)
    assert no_trace(restricted)


def test_a_second_call_completes_a_killed_one(
    tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, [post(), HERS], [COPY], bots=("helper",))
    with monkeypatch.context() as patch:
        patch.setattr("ingest.study_tables.write", killed)
        with pytest.raises(OSError, match="killed"):
            ingest.forget(restricted, "reddit", ["alice"])
    assert ingest.forget(restricted, "reddit", ["alice"]) == 1
    assert no_trace(restricted)
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.quality(tmp_path / "elsewhere")
    assert ingest.quality(restricted)["messages"] == 1


def test_parts_a_kill_left_behind_hold_nobody(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), HERS])
    folder = next(p for p in (restricted / "ingest").iterdir() if p.is_dir())
    for path in (folder / "part-00009-texts.parquet", folder.with_name("0" * 16) / "part-00000-texts.parquet"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((folder / "part-00000-texts.parquet").read_bytes())
    ingest.forget(restricted, "reddit", ["alice"])
    assert SECRET not in columns(restricted)


def test_the_state_is_that_of_key_and_list_and_making_the_first_key_changes_nothing(
    tmp_path: Path, restricted: Path
) -> None:
    fresh = ingest.state_digest(restricted)
    read(tmp_path, [post(), HERS])
    assert ingest.state_digest(restricted) == fresh
    key = (restricted / "key").read_text()
    states = {fresh}
    for other in ("ab" * 32, "junk"):
        (restricted / "key").write_text(other)
        states.add(ingest.state_digest(restricted))
    (restricted / "key").write_text("ab" * 32)
    changed = ingest.state_digest(restricted)
    read(tmp_path, [post(), HERS])
    assert ingest.state_digest(restricted) == changed
    (restricted / "key").write_text(key)
    assert ingest.state_digest(restricted) == fresh
    read(tmp_path, [post(), HERS])
    ingest.forget(restricted, "reddit", ["alice"])
    states.add(ingest.state_digest(restricted))
    assert len(states) == 4


def test_a_stranger_counts_for_none_and_stays_out(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    assert ingest.forget(restricted, "reddit", ["alice"]) == 0
    later = dump(tmp_path, "later", HERS, COPY, reply("c", "t3_p1", "cy"))
    ingest.ingest([later], restricted)
    assert no_trace(restricted)
    assert name_of(restricted, "alice") not in columns(restricted)


def test_the_stage_is_stale_once_the_list_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from copenet import sources
    from copenet.cli import main
    from copenet.pipeline import Pipeline
    from copenet.study import Study

    study = Study.create(tmp_path / "s")
    sources.remember(study, [dump(tmp_path, "one", post(), HERS)])
    Pipeline(study).run(["ingest"])
    assert Pipeline(study).states()[0]["state"] == "fresh"
    with monkeypatch.context() as patch:
        patch.setattr("ingest.study_tables.purged", killed)
        with pytest.raises(OSError, match="killed"):
            ingest.forget(study.restricted, "reddit", ["alice"])
    assert Pipeline(study).states()[0]["state"] == "stale"
    Pipeline(study).run(["ingest"])
    assert no_trace(study.restricted)
    assert Pipeline(study).states()[0]["state"] == "fresh"
    with pytest.raises(SystemExit) as left:
        main(["forget", str(study.path), "nobody_here"])
    assert left.value.code == 0
    assert "Nobody of that name" in capsys.readouterr().out


def test_settings_reach_a_key_elsewhere(tmp_path: Path, restricted: Path) -> None:
    key = tmp_path / "key"
    key.write_text("12" * 32)
    read(tmp_path, [post(), HERS], key_file=key)
    assert ingest.forget(restricted, "reddit", ["alice"], key_file=key) == 1
    assert ingest.ingest([], restricted, settings=IngestSettings(key_file=key)).messages == 1
    with locked(restricted):
        assert not (restricted / "key").exists()


@pytest.mark.parametrize(
    "typed",
    [
        "alice",
        " Alice ",
        "u/Alice",
        "U/Alice",
        "/u/Alice",
        "/U/ALICE/",
        "@Alice",
        "user/Alice",
        "/user/Alice",
        "r/u_Alice",
        "https://www.reddit.com/user/Alice",
        "https://old.reddit.com/u/alice/comments/?sort=new",
        "reddit.com/user/Alice/",
    ],
)
def test_a_person_is_found_however_the_name_is_written(tmp_path: Path, restricted: Path, typed: str) -> None:
    read(tmp_path, [post(), HERS])
    assert ingest.forget(restricted, "reddit", [typed]) == 1
    assert no_trace(restricted)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "u/",
        "@",
        "Canary Name",
        "Canary/Name",
        "canary@example.org",
        "https://example.org/u/Canary",
        "[Canary]",
    ],
)
def test_what_is_no_username_is_refused_without_repeating_it(tmp_path: Path, restricted: Path, typed: str) -> None:
    read(tmp_path, [post(), HERS])
    with pytest.raises(UsageError) as caught:
        ingest.forget(restricted, "reddit", ["alice", typed])
    assert "canary" not in (caught.value.message + caught.value.remedy).lower()
    assert not (restricted / "forgotten").exists()


def test_checking_a_forget_changes_nothing(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), HERS])
    before = ingest.state_digest(restricted)
    ingest.check_forget(restricted, "reddit", ["alice"])
    assert ingest.state_digest(restricted) == before
    assert "t1_aa1" in by_id(restricted)
