"""Messages on a list leave a study in every copy and version, and stay out of what is read later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import ingest
from copenet.foundation.errors import InputError, RefusedError, UsageError
from ingest.message_lists import MessageList, read_message_list
from ingest.settings import IngestSettings
from tests.ingest.dumps import PACK, by_id, lines, post, read, reply, texts, write
from tests.ingest.test_forgotten import COPY, HERS, SECRET, after, killed
from tests.ingest.test_forgotten_platforms import chat, everything, table, take, telegram, toot, x_post

DUMP = [post(), HERS, reply("b", "t1_aa1", "bob"), reply("c", "t3_p1", "alice")]
GONE = "the words that are to go"


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    return tmp_path / "restricted"


def listed(tmp_path: Path, data: bytes | str, platform: str | None = None) -> MessageList:
    path = write(tmp_path / "list", data.encode() if isinstance(data, str) else data)
    return read_message_list(path, tmp_path / "restricted", platform)


def entries(found: MessageList) -> set[str]:
    return {one for entry in found.entries for one in entry}


def test_a_message_leaves_and_its_author_stays(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, DUMP, [COPY])
    assert ingest.check_withhold(restricted, [("reddit:t1_aa1",), ("reddit:t1_zz",)]) == (1, 1)
    assert SECRET in everything(restricted)
    assert ingest.withhold(restricted, {"reddit:t1_aa1", "reddit:t1_zz"}) == 1
    assert set(by_id(restricted)) == {"t3_p1", "t1_b", "t1_c"}
    assert by_id(restricted)["t1_b"]["parent_id"] == "reddit:t1_aa1"
    assert by_id(restricted)["t1_b"]["parent_author_id"] is None
    assert SECRET not in everything(restricted)
    assert "t1_aa1" not in texts(restricted)
    assert ingest.quality(restricted)["parents_missing"] == 1


@pytest.mark.parametrize("later", [[HERS], [COPY], [COPY, HERS]])
def test_no_copy_comes_back_and_what_was_unknown_never_comes_in(
    tmp_path: Path, restricted: Path, later: Sequence[dict[str, Any]]
) -> None:
    read(tmp_path, DUMP)
    ingest.withhold(restricted, {"reddit:t1_aa1", "reddit:t1_zz"})
    again = write(
        tmp_path / "later", lines([*later, reply("zz", "t3_p1", "bob", body=GONE), reply("d", "t3_p1", "dee")])
    )
    ingest.ingest([again], restricted)
    assert set(by_id(restricted)) == {"t3_p1", "t1_b", "t1_c", "t1_d"}
    assert SECRET not in everything(restricted)
    assert GONE not in everything(restricted)


def test_a_list_that_names_nothing_here_touches_no_table(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, DUMP)
    before = {path: path.stat().st_mtime_ns for path in restricted.rglob("*.parquet")}
    assert ingest.withhold(restricted, {"reddit:t1_zz"}) == 0
    assert {path: path.stat().st_mtime_ns for path in restricted.rglob("*.parquet")} == before
    assert len(ingest.read_messages(restricted)) == 4
    assert ingest.ingest([], restricted).messages == 4
    assert {path: path.stat().st_mtime_ns for path in restricted.rglob("*.parquet")} == before


def test_what_is_on_the_list_already_is_not_unknown(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, DUMP)
    ingest.withhold(restricted, {"reddit:t1_aa1", "reddit:t1_zz"})
    assert ingest.check_withhold(restricted, [("reddit:t1_aa1",), ("reddit:t1_zz",), ("reddit:t1_yy",)]) == (0, 1)


@pytest.mark.parametrize("which", ["106", "107", "108"])
def test_any_version_of_an_edited_post_takes_all_of_it_out(tmp_path: Path, restricted: Path, which: str) -> None:
    history = {"edit_history_tweet_ids": ["106", "107", "108"]}
    first, second = x_post("106", "7", "one", **history), x_post("107", "7", GONE, **history)
    third = x_post("108", "7", f"{GONE}, again", **history)
    take(tmp_path, "one", first, third, x_post("109", "8"))
    assert set(table(restricted)) == {"x:106", "x:109"}
    here = which != "107"  # no dump holds the second version, so nothing says yet that it is one
    assert ingest.withhold(restricted, {f"x:{which}"}) == (1 if here else 0)
    take(tmp_path, "two", second, x_post("110", "8"))
    assert set(table(restricted)) == {"x:109", "x:110"}
    assert GONE not in everything(restricted)


def test_people_and_messages_share_the_list(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, DUMP)
    ingest.withhold(restricted, {"reddit:t1_b"})
    assert ingest.forget(restricted, "reddit", ["alice"]) == 2
    assert set(by_id(restricted)) == {"t3_p1"}
    ingest.withhold(restricted, {"reddit:t3_p1"})
    assert read(tmp_path, DUMP, [COPY]).messages == 0


def test_a_killed_withholding_is_finished_by_the_next_ingest(
    tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, DUMP, [COPY], batch_rows=1)
    ingest.withhold(restricted, {"reddit:t1_zz"})
    for place in ("study_tables.purged", "purge._rewrite", "purge.write_cursor", "study_tables.write"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ingest.{place}", killed)
            with pytest.raises(OSError, match="killed"):
                ingest.withhold(restricted, {"reddit:t1_aa1"})
        with pytest.raises(InputError, match="interrupted"):
            ingest.read_messages(restricted)
    ingest.ingest([], restricted)
    assert SECRET not in everything(restricted)
    assert set(by_id(restricted)) == {"t3_p1", "t1_b", "t1_c"}


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_a_part_that_was_rewritten_by_half_is_rewritten_again(
    tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    from ingest import purge

    read(tmp_path, DUMP, [COPY])
    with monkeypatch.context() as patch:
        patch.setattr(purge, "write_table", after(calls, purge.write_table))
        with pytest.raises(OSError, match="killed"):
            ingest.withhold(restricted, {"reddit:t1_aa1"})
    ingest.ingest([], restricted)
    assert SECRET not in everything(restricted)
    assert set(by_id(restricted)) == {"t3_p1", "t1_b", "t1_c"}


def test_withholding_needs_what_forgetting_needs(tmp_path: Path, restricted: Path) -> None:
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.withhold(restricted, {"reddit:t1_aa1"})
    read(tmp_path, DUMP)
    ingest.forget(restricted, "reddit", ["bob"])
    key = (restricted / "key").read_text()
    (restricted / "key").write_text("ab" * 32)
    with pytest.raises(RefusedError, match="under another key"):
        ingest.withhold(restricted, {"reddit:t1_aa1"})
    (restricted / "key").write_text(key)
    assert ingest.withhold(restricted, {"reddit:t1_aa1"}) == 1


def test_messages_are_withheld_under_a_key_elsewhere(tmp_path: Path, restricted: Path) -> None:
    key = tmp_path / "key"
    key.write_text("12" * 32)
    read(tmp_path, DUMP, key_file=key)
    assert ingest.withhold(restricted, {"reddit:t1_aa1"}, key_file=key) == 1
    assert ingest.ingest([], restricted, settings=IngestSettings(key_file=key)).messages == 3


REDDIT = {"reddit:t1_aa1", "reddit:t3_p1"}
COMPLIANCE = [
    {"id": "101", "action": "delete", "created_at": "2019", "redacted_at": "2020", "reason": "deleted"},
    {"id": "102", "action": "delete", "created_at": "2019", "redacted_at": "2020", "reason": "scrub_geo"},
]


@pytest.mark.parametrize(
    "data",
    [
        "t1_aa1\nt3_p1\n",
        '\n# from the moderators\nT1_AA1,\n  "t3_p1"\r\nt1_aa1',
        "id\nt1_aa1\nt3_p1\n",
        "author,id,body\nann,t1_aa1,x\nbob,t3_p1,\n",
        "author;Message_ID\nann;reddit:t1_aa1\nbob;reddit:t3_p1\n",
        '{"name": "t1_aa1", "id": "aa1"}\n{"id": "t3_p1"}\n',
        '[{"id": "t1_aa1"}, {"id": "t3_p1"}]',
        '["t1_aa1", "t3_p1"]',
        '{"id": "t1_aa1", "action": "delete"}\n{"id": "t3_p1", "action": "remove"}\n{"id": "t1_b", "action": "restore"}\n',
        "https://www.reddit.com/r/calm/comments/p1/title/aa1/?context=3\nhttps://redd.it/p1\n",
        "reddit:t1_aa1\nreddit:https://www.reddit.com/comments/p1\n",
        b"\xff\xfe" + "t1_aa1\nt3_p1\n".encode("utf-16-le"),
        PACK["zstd"](b"t1_aa1\nt3_p1\n"),
        PACK["gzip"](b"id\nt1_aa1\nt3_p1\n"),
    ],
)
def test_ids_are_found_however_the_list_is_written(tmp_path: Path, data: bytes | str) -> None:
    read(tmp_path, DUMP)
    found = listed(tmp_path, data)
    assert entries(found) == REDDIT
    assert (len(found.entries), found.rejected) == (2, ())


def test_lists_in_archives_and_parquet(tmp_path: Path) -> None:
    import zipfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    read(tmp_path, DUMP)
    packed, columns = tmp_path / "lists.zip", tmp_path / "list.parquet"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.txt", "t1_aa1\n")
        archive.writestr("two.csv", "id\nt3_p1\n")
    pq.write_table(pa.table({"message_id": ["reddit:t1_aa1", "reddit:t3_p1"], "label": [1, 0]}), columns)
    for path in (packed, columns):
        assert entries(read_message_list(path, tmp_path / "restricted")) == REDDIT


def test_lines_that_name_nothing_are_told_apart_without_their_content(tmp_path: Path) -> None:
    read(tmp_path, DUMP)
    found = listed(tmp_path, "t1_aa1\nCanary\n\naa1\nt3_p1\n")
    assert entries(found) == REDDIT
    assert found.rejected == ((2, "not the id of a message there"), (4, "not the id of a message there"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("<!doctype html><html><body>Log in</body></html>", "a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not the id"),
        ('{"author": "ann"}\n', "without an id"),
        ("Canary\n", "not the id"),
        ('["t1_aa1"', "not valid JSON"),
    ],
)
def test_what_names_no_message_gives_reasons(tmp_path: Path, data: str, reason: str) -> None:
    read(tmp_path, DUMP)
    found = listed(tmp_path, data)
    assert found.entries == ()
    assert reason in found.rejected[0][1]
    assert "Canary" not in str(found.rejected)


def test_an_empty_list_names_nothing(tmp_path: Path) -> None:
    read(tmp_path, DUMP)
    assert listed(tmp_path, "") == MessageList((), (), 0, 0)


def test_the_platform_of_bare_ids_must_be_clear(tmp_path: Path) -> None:
    take(tmp_path, "one", x_post("101", "7"))
    take(tmp_path, "two", *DUMP)
    with pytest.raises(UsageError, match="several platforms: reddit, x"):
        listed(tmp_path, "101\n")
    assert entries(listed(tmp_path, "101\n", "x")) == {"x:101"}
    assert entries(listed(tmp_path, "x:101\nreddit:t1_aa1\n")) == {"x:101", "reddit:t1_aa1"}
    assert entries(listed(tmp_path, lines(COMPLIANCE))) == {"x:101"}
    with pytest.raises(UsageError, match="no platform"):
        listed(tmp_path, "101\n", "twiter")


def test_compliance_results_and_streams_of_x(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", *(x_post(str(n), "7", f"{GONE} {n}") for n in range(101, 110)))
    found = listed(tmp_path, lines(COMPLIANCE))
    assert (entries(found), found.passed_over) == ({"x:101"}, 1)
    stream = [
        x_post("102", "7", "a post captured beside the notices"),
        {"delete": {"status": {"id": 103, "id_str": "103", "user_id": 7, "user_id_str": "7"}, "timestamp_ms": "1"}},
        {"delete": {"status": {"id_str": "104"}}, "timestamp_ms": "1"},
        {"data": {"delete": {"tweet": {"id": "105", "author_id": "7"}, "event_at": "2022-10-03T18:00:00Z"}}},
        {"data": {"withheld": {"tweet": {"id": "106", "author_id": "7"}, "withheld_in_countries": ["DE"]}}},
        {"data": {"withheld": {"tweet": {"id": "107", "author_id": "7"}, "withheld_in_countries": ["XY"]}}},
        {"data": {"user_delete": {"user": {"id": "7"}}}},
        {"data": {"undelete": {"tweet": {"id": "108"}}}},
        {"data": {"drop": {"tweet": {"id": "109", "author_id": "7"}}}},
        {"scrub_geo": {"user_id": 7, "up_to_status_id": 103}},
        {"limit": {"track": 1}},
    ]
    found = listed(tmp_path, lines(stream))
    assert entries(found) == {"x:103", "x:104", "x:105", "x:107", "x:109"}
    assert (found.passed_over, found.rejected) == (6, ())
    assert ingest.withhold(restricted, found.ids()) == 5
    assert set(table(restricted)) == {"x:101", "x:102", "x:106", "x:108"}


def test_bluesky_addresses_and_jetstream(tmp_path: Path, restricted: Path) -> None:
    did = "did:plc:abcdefgh"
    event = {"did": did, "time_us": 1_700_000_000_000_000, "kind": "commit"}
    make = {"collection": "app.bsky.feed.post", "record": {"text": GONE, "createdAt": "2023-11-14T22:13:20Z"}}
    made = [event | {"commit": {"operation": "create", "rkey": f"3k{i}", **make}} for i in range(3)]
    take(tmp_path, "one", *made)
    assert len(table(restricted)) == 3
    remove = {"operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3k0"}
    found = listed(tmp_path, lines([made[1], event | {"commit": remove}]))
    assert (len(found.entries), found.passed_over) == (1, 1)
    more = listed(
        tmp_path, f"at://{did}/app.bsky.feed.post/3k1\nhttps://bsky.app/profile/{did}/post/3k2\nada.bsky.social\n"
    )
    assert len(more.rejected) == 1
    assert ingest.withhold(restricted, found.ids() | more.ids()) == 3


def test_mastodon_addresses(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", *(toot(n, "ada", f"{GONE} {n}") for n in (1, 2, 3)))
    delete = {"type": "Delete", "id": "https://calm.example/d/1", "actor": "https://calm.example/users/ada"}
    delete["object"] = {"id": "https://calm.example/users/ada/statuses/3", "type": "Tombstone"}  # type: ignore[assignment]
    found = listed(tmp_path, "https://calm.example/@ada/1\nhttps://calm.example/users/ada/statuses/2\n4\n")
    assert (len(found.entries), len(found.rejected)) == (2, 1)
    assert ingest.withhold(restricted, found.ids()) == 2
    rows = [{"id": "3", "uri": "https://calm.example/users/ada/statuses/3"}]
    assert listed(tmp_path, lines([delete])).ids() == listed(tmp_path, lines(rows)).ids()
    assert ingest.withhold(restricted, listed(tmp_path, lines([delete])).ids()) == 1
    assert table(restricted) == {}


@pytest.mark.parametrize(
    ("platform", "typed", "ids"),
    [
        ("telegram", "55/1", {"telegram:55/1"}),
        ("telegram", "https://t.me/c/55/1", {"telegram:55/1"}),
        ("youtube", "https://www.youtube.com/watch?v=abcdefghijk&lc=Ugxyabc", {"youtube:Ugxyabc"}),
        ("facebook", "1_2", {"facebook:1_2", "facebook:2"}),
        ("stackexchange", "https://stackoverflow.com/questions/1/title/2#2", {"stackexchange:p2"}),
        ("stackexchange", "c12", {"stackexchange:c12"}),
        ("stackexchange", "12", set()),
        ("convokit", "any id", {"convokit:any id"}),
        ("x", "1.57699E+18", set()),
    ],
)
def test_every_platform_knows_its_ids(tmp_path: Path, platform: str, typed: str, ids: set[str]) -> None:
    take(tmp_path, "one", telegram(chat(1, 12, "Zed", "hello")))
    if platform == "convokit":
        take(
            tmp_path,
            "two",
            {"id": "1", "speaker": "a", "conversation_id": "1", "reply_to": None, "timestamp": 1, "text": "t"},
        )
    assert entries(listed(tmp_path, f"{typed}\n", platform)) == ids


def test_ids_of_the_tables_are_ids_of_lists(tmp_path: Path, restricted: Path) -> None:
    take(
        tmp_path,
        "one",
        telegram(chat(1, 12, "Zed", "hello")),
    )
    take(tmp_path, "two", toot(1, "ada", "hello"))
    take(tmp_path, "three", *DUMP)
    ids = set(table(restricted))
    assert entries(listed(tmp_path, "\n".join(ids))) == ids
    assert ingest.withhold(restricted, ids) == len(ids) == 6


def test_a_column_tables_own_ids(tmp_path: Path, restricted: Path) -> None:
    from ingest.formats import column_format
    from ingest.settings import How

    path = write(tmp_path / "t.csv", b"n,who,words\n1,ann,hello\nhttps://forum.example/2,bob,you\n")
    how = {path: How(column_format({"id": "n", "author": "who", "text": "words"}, "forumx"))}
    ingest.ingest([path], restricted, settings=IngestSettings(how=how))
    found = listed(tmp_path, "1\nhttps://forum.example/2\n")
    assert ingest.withhold(restricted, found.ids()) == 2


def test_a_long_list_is_read_in_one_go(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, DUMP)
    found = listed(tmp_path, "\n".join(f"t1_{n:x}" for n in range(50_000)))
    assert len(found.entries) == 50_000
    assert ingest.check_withhold(restricted, found.entries).messages == 3
    assert json.dumps(found.rejected) == "[]"
