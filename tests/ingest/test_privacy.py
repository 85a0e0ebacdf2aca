"""Canary names go in as authors, mentions, links and addresses; no byte on disk holds one. And people leave when asked."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ingest
from copenet.foundation.errors import CopenetError, InputError
from tests.ingest.dumps import by_id, lines, name_of, post, read, reply, texts, write

CANARIES = ["Canary_Author", "canary-mention", "CanaryLink", "canarymail", "canary_page", "canary_at", "CANARYFLAIR"]


def canary_dump() -> list[dict[str, Any]]:
    return [
        post("p1", "Canary_Author", "ask u/canary-mention, @canary_at or https://www.reddit.com/user/CanaryLink/about"),
        post("p2", "canary_page", "mine", subreddit="u_canary_page", permalink="/r/u_canary_page/comments/p2/"),
        reply(
            "c1",
            "t3_p1",
            "canary-mention",
            body="mail canarymail@example.org &amp;#64;canary_at",
            author_fullname="t2_x",
        ),
        reply(
            "c2",
            "t1_c1",
            "Canary_Author",
            body="> /u/CANARYLINK said\nu/canary\\_page",
            author_flair_text="CANARYFLAIR",
        ),
        reply(
            "c3", "t1_c2", "CanaryLink", body="see https://reddit.com/r/calm/comments/p1/by_canary_at/", name="t1_c3"
        ),
    ]


def holding(folder: Path, needles: list[str]) -> Iterator[str]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes().lower() + path.name.lower().encode()
        yield from (f"{path.name}: {needle}" for needle in needles if needle.lower().encode() in data)


def columns(restricted: Path) -> str:
    """Every value of every table, uncompressed."""
    import pyarrow.parquet as pq

    return "\n".join(str(pq.read_table(p).to_pylist()) for p in sorted(restricted.rglob("*.parquet")))


def test_no_byte_on_disk_holds_a_raw_name(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    summary = read(tmp_path, canary_dump(), bots=("CanaryFlair",))
    assert summary.names_replaced >= 6
    assert list(holding(restricted, CANARIES)) == []
    assert [c for c in CANARIES if c.lower() in columns(restricted).lower()] == []
    assert [c for c in CANARIES if c.lower() in str(summary.to_dict()).lower()] == []


def test_a_mention_and_its_author_are_the_same_person(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, canary_dump())
    author = by_id(restricted)["t1_c1"]["author_id"]
    assert author == name_of(restricted, "canary-mention")
    assert author in texts(restricted)["t3_p1"]
    assert by_id(restricted)["t3_p2"]["forum"] == by_id(restricted)["t3_p2"]["author_id"]


def test_a_new_key_changes_every_pseudonym(tmp_path: Path) -> None:
    people = []
    for name in ("one", "two"):
        read(tmp_path / name, canary_dump())
        people.append({row["author_id"] for row in by_id(tmp_path / name / "restricted").values()})
    assert len(people[0]) == 4
    assert not people[0] & people[1]


def test_the_same_key_joins_studies(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("12" * 32)
    people = []
    for name in ("one", "two"):
        read(tmp_path / name, canary_dump(), key_file=key)
        people.append({row["author_id"] for row in by_id(tmp_path / name / "restricted").values()})
        assert not (tmp_path / name / "restricted" / "key").exists()
    assert people[0] == people[1]


@pytest.mark.parametrize(
    "data",
    [
        b'{"author": "Canary_Author", "id": "!"}\n',
        b'{"author": "Canary_Author"',
        gzip.compress(b"Canary_Author", mtime=0),
    ],
)
def test_errors_hold_no_name(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CopenetError) as caught:
        ingest.ingest([write(tmp_path / "d", data)], tmp_path / "restricted")
    assert "canary" not in (caught.value.message + caught.value.remedy).lower()
    assert list(holding(tmp_path / "restricted", CANARIES)) == []


def test_forget_removes_a_person_everywhere(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, canary_dump(), batch_rows=2)
    gone = name_of(restricted, "canary-mention")
    assert gone in columns(restricted)
    assert ingest.forget(restricted, "reddit", ["u/Canary-Mention"]) == 1
    assert gone not in columns(restricted)
    assert "t1_c1" not in by_id(restricted)
    assert "t1_c1" not in texts(restricted)
    assert by_id(restricted)["t1_c2"]["parent_author_id"] is None
    assert "ask [name]," in texts(restricted)["t3_p1"]
    assert ingest.quality(restricted)["parents_missing"] == 1
    assert list(holding(restricted, [gone])) == ["forgotten: " + gone]


def test_the_forgotten_stay_out(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, canary_dump())
    ingest.forget(restricted, "reddit", ["canary-mention", "canary_page"])
    once = by_id(restricted)
    again = write(
        tmp_path / "again", lines([*canary_dump(), reply("c8", "t3_p1", "Canary-Mention"), reply("c9", "t3_p1", "dee")])
    )
    ingest.ingest([again], restricted)
    assert set(by_id(restricted)) == {*once, "t1_c9"}
    for raw in ("canary-mention", "canary_page"):
        assert name_of(restricted, raw) not in columns(restricted)


def test_a_page_of_the_forgotten_names_them_no_more(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    dump = [*canary_dump(), reply("c7", "t3_p2", "guest", subreddit="u_canary_page")]
    read(tmp_path, dump)
    assert by_id(restricted)["t1_c7"]["forum"] == name_of(restricted, "canary_page")
    ingest.forget(restricted, "reddit", ["canary_page"])
    assert by_id(restricted)["t1_c7"]["forum"] is None


def test_a_dump_of_the_forgotten_alone_is_no_error(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, [post(), reply("c1", "t3_p1", "bob")])
    ingest.forget(restricted, "reddit", ["bob"])
    only = write(tmp_path / "only", lines([reply("c5", "t3_p1", "bob")]))
    assert ingest.ingest([only], restricted).messages == 1


def test_forgetting_a_stranger_changes_no_table(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, canary_dump())
    before = by_id(restricted)
    assert ingest.forget(restricted, "reddit", ["nobody_here"]) == 0
    assert by_id(restricted) == before


def test_declared_bots_stay_declared_when_somebody_leaves(tmp_path: Path) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, [post(), reply("c1", "t3_p1", "bob"), reply("c2", "t3_p1", "helper")], bots=("helper",))
    ingest.forget(restricted, "reddit", ["bob"])
    assert by_id(restricted)["t1_c2"]["bot_reason"] == "declared: listed in the settings"


def test_an_interrupted_forget_is_completed_by_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restricted = tmp_path / "restricted"
    read(tmp_path, canary_dump(), batch_rows=2)
    gone = name_of(restricted, "canary-mention")
    with monkeypatch.context() as patch:
        patch.setattr("ingest.purge.write_cursor", fail)
        with pytest.raises(OSError, match="full"):
            ingest.forget(restricted, "reddit", ["canary-mention"])
    ingest.ingest([], restricted)
    assert gone not in columns(restricted)


def fail(*_: object) -> None:
    raise OSError("full")


def test_forget_needs_a_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.forget(tmp_path / "restricted", "reddit", ["bob"])
    assert not (tmp_path / "restricted" / "key").exists()
