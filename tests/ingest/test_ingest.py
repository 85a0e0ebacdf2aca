"""Dumps in, tables out: duplicates, parents, threads, bots, broken files, and what the report says about them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

import ingest
from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.tables import conform
from ingest import rows
from ingest.schema import MESSAGES, TEXTS
from ingest.settings import IngestSettings, IngestSummary
from ingest.study_tables import locked
from tests.ingest.dumps import T0, by_id, lines, name_of, post, read, reply, texts, write, zst

KEYS = {
    "messages", "authors", "replies", "replies_resolved", "parents_missing", "deleted", "duplicates", "self_replies",
    "rejected", "first_at", "last_at", "platforms", "bots_declared", "bots_suspected", "names_replaced",
}  # fmt: skip


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    return tmp_path / "restricted"


def test_a_small_conversation(tmp_path: Path, restricted: Path) -> None:
    summary = read(
        tmp_path,
        [reply("c2", "t1_c1", "ann", T0 + 120), reply("c1", "t3_p1", "bob"), reply("c3", "t1_gone", "cy")],
        [post(num_comments=5)],
    )
    found = summary.to_dict()
    assert found.keys() >= KEYS
    assert isinstance(summary, IngestSummary)
    assert (summary.messages, summary.authors, summary.replies) == (4, 3, 3)
    assert (summary.replies_resolved, summary.parents_missing, summary.rejected) == (2, 1, [])
    assert (summary.first_at, summary.last_at) == ("2020-09-13T12:26:40+00:00", "2020-09-13T12:28:40+00:00")
    assert summary.platforms == ["reddit"]
    rows = by_id(restricted)
    assert rows["t1_c2"]["parent_id"] == "reddit:t1_c1"
    assert rows["t1_c2"]["parent_author_id"] == name_of(restricted, "bob")
    assert rows["t1_c3"]["parent_author_id"] is None
    assert {row["thread_id"] for row in rows.values()} == {"reddit:t3_p1"}
    assert rows["t3_p1"]["parent_id"] is None
    assert rows["t3_p1"]["created_at"] == datetime.datetime.fromtimestamp(T0, datetime.UTC)
    assert texts(restricted)["t3_p1"] == "title p1\n\nbody"


def test_the_tables_conform_and_are_sorted_and_private(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(f"p{i}") for i in range(50)])
    assert conform(ingest.read_messages(restricted), MESSAGES).num_rows == 50
    assert conform(ingest.read_texts(restricted), TEXTS).num_rows == 50
    for table in (ingest.read_messages(restricted), ingest.read_texts(restricted)):
        ids = table.column("message_id").to_pylist()
        assert ids == sorted(ids)
    assert ingest.read_messages(restricted, ["kind"]).column_names == ["kind"]
    folders = [restricted, *(p for p in restricted.rglob("*") if p.is_dir())]
    assert all(p.stat().st_mode & 0o777 == 0o700 for p in folders)


def test_the_source_names_digest_and_line(tmp_path: Path, restricted: Path) -> None:
    import hashlib

    path = write(tmp_path / "d", b"\n" + lines([post()]))
    ingest.ingest([path], restricted)
    assert by_id(restricted)["t3_p1"]["source"] == hashlib.sha256(path.read_bytes()).hexdigest()[:16] + ":2"


def test_the_latest_retrieved_copy_is_kept(tmp_path: Path, restricted: Path) -> None:
    ids = [f"p{i}" for i in range(20)]  # so many that no other rule would choose right by luck
    new = [post(i, text="new", retrieved_on=T0 + 20) for i in ids]
    old = [post(i, text="old", retrieved_on=T0 + 10) for i in ids]
    summary = read(tmp_path, new + old, [r | {"score": 1} for r in old] + [post(i, text="undated") for i in ids])
    assert texts(restricted) == {f"t3_{i}": f"title {i}\n\nnew" for i in ids}
    assert (summary.messages, summary.duplicates) == (20, 60)


def test_of_copies_equally_old_the_latest_edited_is_kept(tmp_path: Path, restricted: Path) -> None:
    ids = [f"p{i}" for i in range(20)]
    edited = [post(i, text="edited", edited=T0 + 9) for i in ids]
    read(tmp_path, edited, [post(i, text="first", edited=False) for i in ids])
    assert set(texts(restricted).values()) == {f"title {i}\n\nedited" for i in ids}


def test_a_deletion_is_not_undone_by_a_copy_of_unknown_date(tmp_path: Path, restricted: Path) -> None:
    summary = read(tmp_path, [post(text="[deleted]"), post(text="kept?")])
    assert texts(restricted) == {}
    assert summary.deleted == 1


@pytest.mark.parametrize("mark", ["[deleted]", "[removed]"])
def test_a_deletion_seen_in_a_listing_without_a_time_is_honoured(tmp_path: Path, restricted: Path, mark: str) -> None:
    """Reddit's API never says when it answered: what a study reads there to look for deletions must count."""
    dump = [reply("c1", "t3_p1", "ann", body="my secret story", retrieved_on=T0 + 99), reply("c2", "t3_p1", "ann")]
    things = [reply("c1", "t3_p1", "[deleted]", body=mark), reply("c2", "t3_p1", "ann")]
    listing = {"kind": "Listing", "data": {"children": [{"kind": "t1", "data": thing} for thing in things]}}
    summary = read(tmp_path, dump, [listing])
    assert (summary.messages, summary.deleted, summary.duplicates) == (2, 1, 2)
    row = by_id(restricted)["t1_c1"]
    assert (row["author_id"], row["text_status"]) == (None, mark.strip("[]"))
    assert set(texts(restricted)) == {"t1_c2"}


def test_a_deleted_account_seen_in_a_listing_without_a_time_is_honoured(tmp_path: Path, restricted: Path) -> None:
    """The text is there still, so the dated copy is kept; its author is not, and nobody is tied to them."""
    dump = [reply("c1", "t3_p1", "ann", retrieved_on=T0 + 99), reply("c2", "t1_c1", "bob"), reply("c3", "t3_p1", "ann")]
    listing = {"kind": "Listing", "data": {"children": [{"kind": "t1", "data": reply("c1", "t3_p1", "[deleted]")}]}}
    summary = read(tmp_path, dump, [listing])
    assert (summary.messages, summary.duplicates, summary.authors_unknown) == (3, 1, 1)
    rows = by_id(restricted)
    assert (rows["t1_c1"]["author_id"], rows["t1_c1"]["author_status"]) == (None, "deleted")
    assert rows["t1_c2"]["parent_author_id"] is None
    assert rows["t1_c3"]["author_id"] is not None
    assert "t1_c1" in texts(restricted)


def test_a_deleted_account_is_honoured_where_the_kept_copy_has_no_time(tmp_path: Path, restricted: Path) -> None:
    """The copy without text goes first, whenever it was; the dated one that knows of the account may be newer."""
    removed = {
        "kind": "Listing",
        "data": {"children": [{"kind": "t1", "data": reply("c1", "t3_p1", "ann", body="[removed]")}]},
    }
    dump = [reply("c1", "t3_p1", "[deleted]", retrieved_on=T0 + 99), reply("c2", "t1_c1", "bob")]
    read(tmp_path, dump, [removed])
    rows = by_id(restricted)
    assert (rows["t1_c1"]["author_id"], rows["t1_c1"]["text_status"]) == (None, "removed")
    assert rows["t1_c2"]["parent_author_id"] is None


def test_a_dated_copy_with_a_text_is_newer_than_a_dated_one_without(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(text="[removed]", retrieved_on=T0 + 9), post(text="restored", retrieved_on=T0 + 99)])
    assert texts(restricted)["t3_p1"].endswith("restored")


UNSEEN = ["\u200b", "\u200b\u2060 \ufeff", "\u200d", "\ufe0f\u200d", "\u2800\u200b", "&#8203;"]


def test_a_text_that_nobody_can_see_is_empty(tmp_path: Path, restricted: Path) -> None:
    unseen = [reply(f"a{i}", "t3_p1", body=text) for i, text in enumerate(UNSEEN)]
    read(tmp_path, unseen, [reply(f"b{i}", "t3_p1", body=f"{text} hi") for i, text in enumerate(UNSEEN)])
    for key, row in by_id(restricted).items():
        assert row["text_status"] == ("present" if key.startswith("t1_b") else "empty")
    assert {key: text[-2:] for key, text in texts(restricted).items()} == {f"t1_b{i}": "hi" for i in range(len(UNSEEN))}
    assert ingest.quality(restricted)["texts_empty"] == len(UNSEEN)


def test_a_text_is_cut_between_words_and_never_within_a_name(
    tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an address is no address any more, and half a username is another person's."""
    monkeypatch.setattr(rows, "MAX_TEXT", 200)
    names = ("ann.kowalski@example.org", "u/ann_kowalski", "https://www.reddit.com/user/ann_kowalski")
    records = [
        reply(f"a{i}x{kept}x{ord(blank)}", "t3_p1", body=f"{f'word{blank}' * 60}"[: 199 - kept] + f"{blank}{name} end")
        for blank in " \n\u3000"
        for i, name in enumerate(names)
        for kept in range(1, len(name) + 2)
    ]
    read(tmp_path, records)
    found, person = texts(restricted), name_of(restricted, "ann_kowalski")
    assert len(found) == len(records) == ingest.quality(restricted)["texts_cut"]
    ends = {text.replace(person, "").replace("word", "").strip()[-60:] for text in found.values()}
    assert not any("kow" in end or "@" in end or "u_" in end or "ann" in end for end in ends), ends


def test_a_text_in_one_word_longer_than_any_is_left_out(tmp_path: Path, restricted: Path) -> None:
    longest = "x" * rows.MAX_TEXT
    summary = read(tmp_path, [reply("a", "t3_p1", body=f"{longest}x"), reply("b", "t3_p1", body=longest)])
    assert (set(texts(restricted)), summary.texts_cut, summary.texts_empty) == ({"t1_b"}, 1, 1)


def test_self_replies_and_circles_and_children_before_parents(tmp_path: Path, restricted: Path) -> None:
    def bare(identifier: str, parent: str) -> dict[str, object]:
        return {k: v for k, v in reply(identifier, parent).items() if k != "link_id"}

    summary = read(
        tmp_path,
        [
            post(),
            reply("c1", "t3_p1", "ann", T0 - 3600),
            bare("a", "t1_b"),
            bare("b", "t1_c"),
            bare("c", "t1_a"),
            bare("d", "t1_c"),
            bare("e", "t1_e"),
        ],
    )
    found = summary.to_dict()
    assert found["clock"] == {"undated": 0, "earlier_than_parent": 1, "beyond_skew": 1, "cycles": 4}
    assert found["self_replies"] == 1 + 5
    rows = by_id(restricted)
    assert {rows[f"t1_{i}"]["thread_id"] for i in "abcd"} == {"reddit:t1_a"}
    assert rows["t1_e"]["thread_id"] == "reddit:t1_e"


@pytest.mark.parametrize("depth", [1, 2, 3, 7, 64, 1000])
def test_a_deep_thread_without_links_finds_its_root(tmp_path: Path, restricted: Path, depth: int) -> None:
    chain = [post(), reply("c0", "t3_p1")] + [reply(f"c{i}", f"t1_c{i - 1}") for i in range(1, depth)]
    for record in chain:
        record.pop("link_id", None)
    read(tmp_path, chain[::-1])
    assert {row["thread_id"] for row in by_id(restricted).values()} == {"reddit:t3_p1"}


def test_without_its_root_a_thread_is_named_by_the_topmost_id(tmp_path: Path, restricted: Path) -> None:
    chain = [
        reply("c1", "t1_c0"),
        reply("c2", "t1_c1"),
        {"id": "c9", "body": "alone", "author": "x", "created_utc": T0},
    ]
    for record in chain:
        record.pop("link_id", None)
    read(tmp_path, chain)
    rows = by_id(restricted)
    assert rows["t1_c1"]["thread_id"] == rows["t1_c2"]["thread_id"] == "reddit:t1_c0"
    assert rows["t1_c9"]["thread_id"] == "reddit:t1_c9"


def test_nobody_is_shared_by_the_deleted(tmp_path: Path, restricted: Path) -> None:
    summary = read(tmp_path, [post(author="[deleted]"), reply("c1", "t3_p1", "[deleted]"), reply("c2", "t1_c1", None)])
    rows = by_id(restricted)
    assert [rows[i]["author_id"] for i in ("t3_p1", "t1_c1", "t1_c2")] == [None] * 3
    assert [rows[i]["author_status"] for i in ("t3_p1", "t1_c1", "t1_c2")] == ["deleted", "deleted", "unknown"]
    assert (summary.authors, summary.self_replies, summary.replies_resolved) == (0, 0, 2)


def test_declared_bots_are_no_authors_and_suspects_only_marked(tmp_path: Path, restricted: Path) -> None:
    spam = [reply(f"s{i}", "t3_p1", "promo", T0 + i * 9000, body="buy now") for i in range(25)]
    rush = [reply(f"r{i}", "t3_p1", "rusher", T0 + 10_000 + i) for i in range(121)]
    calm = [reply(f"k{i}", "t3_p1", "calm", T0 + i * 9000, body=f"text {i}") for i in range(25)]
    bots = [reply("b1", "t3_p1", "AutoModerator"), reply("b2", "t3_p1", "MyHelper")]
    summary = read(tmp_path, [post(), *spam, *rush, *calm, *bots], bots=("myhelper",))
    rows = by_id(restricted)
    assert rows["t1_b1"]["bot_reason"] == "declared: AutoModerator"
    assert rows["t1_b2"]["bot_reason"] == "declared: listed in the settings"
    assert rows["t1_s0"]["bot_reason"] == "suspected: one text repeated"
    assert rows["t1_r0"]["bot_reason"] == "suspected: many messages within an hour"
    assert rows["t1_k0"]["bot_reason"] is None
    assert (summary.bots_declared, summary.bots_suspected, summary.authors) == (2, 2, 4)
    assert {b["why"] for b in summary.bots} == {r["bot_reason"] for r in rows.values() if r["bot_reason"]}


def test_a_new_list_of_bots_needs_no_second_reading(tmp_path: Path, restricted: Path) -> None:
    assert read(tmp_path, [post(), reply("c", "t3_p1", "bob")]).authors == 2
    assert ingest.ingest([], restricted, settings=IngestSettings(bots=("BOB",))).authors == 1


def test_broken_lines_are_listed_and_the_others_kept(tmp_path: Path, restricted: Path) -> None:
    secret = "private words"
    bad = [
        b"{",
        b"[1]",
        json.dumps({"body": secret, "created_utc": T0}).encode(),
        b"\x00\x00",
        f'{{"id": "{secret}", "body": 1, "created_utc": {T0}}}'.encode(),
    ]
    path = write(tmp_path / "mixed.json", lines([post()]) + b"\n".join(bad) + b"\n" + lines([reply("c", "t3_p1")]))
    summary = ingest.ingest([path], restricted)
    assert summary.messages == 2
    assert summary.rejected == [
        {"file": "mixed.json", "line": 2, "reason": "not valid JSON"},
        {"file": "mixed.json", "line": 3, "reason": "JSON, but not an object"},
        {"file": "mixed.json", "line": 4, "reason": "no id"},
        {"file": "mixed.json", "line": 6, "reason": "an id that Reddit does not use"},
    ]
    assert secret not in json.dumps(summary.to_dict())


def test_many_rejects_are_counted_and_not_all_listed(tmp_path: Path, restricted: Path) -> None:
    path = write(tmp_path / "mixed.json", lines([post()]) + b"x\n" * 2500)
    summary = ingest.ingest([path], restricted, settings=IngestSettings(batch_rows=100))
    assert len(summary.rejected) == 1000
    assert summary.rejected_count == 2500


def test_half_a_dump_is_kept_and_reported(tmp_path: Path, restricted: Path) -> None:
    import random

    noise = random.Random(7)
    packed = zst(lines([post(f"p{i}", text=f"{noise.random()}" * 20) for i in range(3000)]), frames=3)
    path = tmp_path / "half.zst"
    path.write_bytes(packed[: len(packed) // 2])
    summary = ingest.ingest([path], restricted)
    assert summary.messages >= 999
    assert [r["reason"] for r in summary.rejected] == ["truncated zstd file: it ends inside a frame"]


def test_text_named_zst_is_read_by_its_content(tmp_path: Path, restricted: Path) -> None:
    path = write(tmp_path / "text.zst", lines([post()]))
    assert ingest.recognise(path) == ("reddit", "plain")
    assert ingest.ingest([path], restricted).messages == 1


def test_a_powershell_redirect(tmp_path: Path, restricted: Path) -> None:
    path = write(tmp_path / "shell.json", lines([post(text="é")]).decode().replace("\n", "\r\n").encode("utf-16"))
    assert ingest.ingest([path], restricted).messages == 1


@pytest.mark.parametrize(
    "data", [b"", b"just a letter\n" * 3, b"\x28\xb5\x2f\xfd\x00", b'{"a": 1}\n', b"\x1f\x8b\x08junk"]
)
def test_nothing_kept_is_an_error_with_a_way_out(tmp_path: Path, restricted: Path, data: bytes) -> None:
    path = write(tmp_path / "no.zst", data)
    with pytest.raises(InputError, match=r"Nothing could be kept \(no.zst, line") as caught:
        ingest.ingest([path], restricted)
    assert caught.value.exit_code == 3
    assert "copenet reads reddit, " in caught.value.remedy
    assert "letter" not in str(caught.value)
    with pytest.raises(InputError, match="no record of a known format") as caught:
        ingest.recognise(path)
    assert "reddit" in caught.value.remedy


def test_nothing_kept_leaves_what_was_there(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    with pytest.raises(InputError):
        ingest.ingest([write(tmp_path / "no", b"x\n")], restricted)
    assert ingest.quality(restricted)["rejected"] == []
    assert list(by_id(restricted)) == ["t3_p1"]


def test_one_bad_file_among_good_ones_is_only_reported(tmp_path: Path, restricted: Path) -> None:
    summary = ingest.ingest([write(tmp_path / "no", b"x\n"), write(tmp_path / "yes", lines([post()]))], restricted)
    assert (summary.messages, summary.rejected_count) == (1, 1)


@pytest.mark.parametrize("function", [ingest.recognise, lambda p: ingest.ingest([p], p.parent / "restricted")])
def test_no_such_file(tmp_path: Path, function: object) -> None:
    for path in (tmp_path / "none.zst", tmp_path):
        with pytest.raises(InputError, match="no such file") as caught:
            function(path)  # type: ignore[operator]
        assert caught.value.remedy


def test_a_second_ingest_of_the_study_is_refused(tmp_path: Path, restricted: Path) -> None:
    with locked(restricted), pytest.raises(ResourceError, match="Another ingest"):
        read(tmp_path, [post()])
    assert read(tmp_path, [post()]).messages == 1


def test_another_key_is_refused_before_anything_is_lost(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    key, before = (restricted / "key").read_text(), by_id(restricted)
    (restricted / "key").write_text("ab" * 32)
    more = write(tmp_path / "more", lines([reply("c", "t3_p1")]))
    with pytest.raises(InputError, match="another key"):
        ingest.ingest([more], restricted)
    assert by_id(restricted) == before
    (restricted / "key").write_text(key)
    assert ingest.ingest([more], restricted).messages == 2


def test_every_dump_given_again_under_a_new_key_is_read_anew(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    before = by_id(restricted)["t3_p1"]["author_id"]
    (restricted / "key").write_text("ab" * 32)
    read(tmp_path, [post()])
    assert by_id(restricted)["t3_p1"]["author_id"] not in (before, None)


def test_what_another_version_staged_is_read_anew_and_never_dropped(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post()])
    before = by_id(restricted)
    cursor = next(restricted.glob("ingest/*/cursor.json"))
    cursor.write_text(cursor.read_text().replace('"version": ', '"version": 9'))
    more = write(tmp_path / "more", lines([reply("c", "t3_p1")]))
    with pytest.raises(InputError, match="another version"):
        ingest.ingest([more], restricted)
    assert by_id(restricted) == before
    assert ingest.ingest([tmp_path / "dump0.ndjson", more], restricted).messages == 2


def test_a_dump_read_again_changes_no_byte(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), reply("c", "t3_p1")])
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(restricted.rglob("*.parquet"))}
    summary = read(tmp_path, [post(), reply("c", "t3_p1")])
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(restricted.rglob("*.parquet"))} == before
    assert summary.duplicates == 0


def test_quality_says_what_is_missing_and_what_it_means(tmp_path: Path, restricted: Path) -> None:
    day = 86_400
    read(
        tmp_path,
        [
            post(num_comments=4),
            post("p2", "[deleted]", text="[removed]", num_comments=0),
            reply("c1", "t3_p1", at=T0 + 3 * day),
            reply("c2", "t1_x", at=T0 + 40 * day, body="[deleted]"),
            reply("c3", "t3_p1", at="never"),
        ],
    )
    found = ingest.quality(restricted)
    assert found.keys() >= KEYS
    assert found["share_resolved"] == 2 / 3
    assert found["replies_declared"] == {"threads": 2, "declared": 4, "collected": 3, "threads_incomplete": 1}
    assert found["share_collected"] == 0.75
    assert found["days_without_messages_count"] == 2 + 36
    assert found["days_without_messages"][:3] == ["2020-09-14", "2020-09-15", "2020-09-17"]
    assert (found["share_deleted"], found["share_removed"], found["share_authors_unknown"]) == (0.2, 0.2, 0.2)
    assert found["clock"]["undated"] == 1
    assert [(m["month"], m["messages"]) for m in found["by_month"]] == [("2020-09", 3), ("2020-10", 1)]
    assert all(sentence.endswith(".") for sentence in found["means"].values())
    assert json.loads(json.dumps(found)) == found


def test_long_gaps_are_counted_and_not_all_listed(tmp_path: Path, restricted: Path) -> None:
    read(tmp_path, [post(), post("p2", at=T0 + 86_400 * 1000)])
    found = ingest.quality(restricted)
    assert (len(found["days_without_messages"]), found["days_without_messages_count"]) == (100, 999)


def test_quality_of_an_empty_study_is_an_error(restricted: Path) -> None:
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.quality(restricted)


def test_tables_of_several_parts(tmp_path: Path, restricted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.finalise.PART_ROWS", 30)
    read(tmp_path, [post(f"p{i:03d}") for i in range(70)], batch_rows=11)
    assert len(list((restricted / "messages").glob("part-*.parquet"))) == 3
    ids = ingest.read_messages(restricted).column("message_id").to_pylist()
    assert ids == sorted(ids)
    assert len(ids) == 70
