"""Utterances as ConvoKit writes them (its `dump_utterances`), old layouts included, and a real corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import BadRecordError, Draft
from ingest.sources.convokit import CONVOKIT, FORMATS, parse, recognises
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import JSON, kept_promises

NOBODY = ("[deleted]", "AutoModerator")
T0 = 1_600_000_000
ROOT = {
    "id": "u0",
    "conversation_id": "u0",
    "text": "Good morning.",
    "speaker": "ann",
    "meta": {},
    "reply-to": None,
    "timestamp": T0,
    "vectors": [],
}
REPLY = ROOT | {"id": "u1", "text": "Morning!", "speaker": "bob", "reply-to": "u0", "timestamp": f"{T0 + 5}.0"}
META = {
    "score": 3,
    "top_level_comment": None,
    "retrieved_on": T0 + 99,
    "gilded": 0,
    "subreddit": "calm",
    "stickied": False,
    "permalink": "/r/calm/comments/p1/a_title/",
    "author_flair_text": "",
}
SUBMISSION = ROOT | {"id": "p1", "conversation_id": "p1", "meta": META}
COMMENT = REPLY | {
    "id": "c1",
    "conversation_id": "p1",
    "reply-to": "p1",
    "meta": META | {"permalink": "", "top_level_comment": "c1"},
}
ANSWER = COMMENT | {"id": "c2", "reply-to": "c1", "speaker": "ann"}


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def test_an_utterance() -> None:
    assert parse(REPLY) == Draft(
        platform="convokit",
        message_id="u1",
        kind="comment",
        thread="u0",
        parent="u0",
        author="bob",
        author_status="known",
        created_at=(T0 + 5) * 1_000_000,
        text="Morning!",
        text_status="present",
    )
    assert (parse(ROOT).kind, parse(ROOT).parent, parse(ROOT).thread) == ("post", None, "u0")


def test_the_oldest_layout() -> None:
    old = without(REPLY, "speaker", "conversation_id", "vectors") | {"user": "bob", "root": "u0"}
    assert recognises(old)
    assert parse(old) == parse(REPLY)


def test_both_spellings_of_the_reply() -> None:
    newer = without(REPLY, "reply-to") | {"reply_to": "u0"}
    assert recognises(newer)
    assert parse(newer) == parse(REPLY)


@pytest.mark.parametrize(
    ("speaker", "expected"),
    [
        ("ann", ("ann", "known")),
        ({"id": "ann", "meta": {}}, ("ann", "known")),
        ({"name": "ann"}, ("ann", "known")),
        (12, ("12", "known")),
        ("[deleted]", (None, "deleted")),
        (None, (None, "unknown")),
        ({}, (None, "unknown")),
        ([], (None, "unknown")),
        (1.5, (None, "unknown")),
    ],
)
def test_speakers(speaker: object, expected: tuple[str | None, str]) -> None:
    draft = parse(ROOT | {"speaker": speaker})
    assert (draft.author, draft.author_status) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [(T0, T0), (float(T0), T0), (str(T0), T0), (T0 * 1000, T0), (None, None), (17, None), ("", None), ([], None)],
)
def test_times(at: object, expected: int | None) -> None:
    assert parse(ROOT | {"timestamp": at}).created_at == (None if expected is None else expected * 1_000_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", ("x", "present")),
        (None, (None, "empty")),
        (" ", (None, "empty")),
        ("[deleted]", (None, "deleted")),
        ("[removed]", (None, "removed")),
    ],
)
def test_texts(text: object, expected: tuple[str | None, str]) -> None:
    draft = parse(ROOT | {"text": text})
    assert (draft.text, draft.text_status) == expected


def test_a_corpus_of_one_community_of_reddit_joins_reddits_dumps() -> None:
    post, comment, answer = parse(SUBMISSION), parse(COMMENT), parse(ANSWER)
    assert {d.platform for d in (post, comment, answer)} == {"reddit"}
    assert [(d.message_id, d.kind, d.parent, d.thread) for d in (post, comment, answer)] == [
        ("t3_p1", "post", None, "t3_p1"),
        ("t1_c1", "comment", "t3_p1", "t3_p1"),
        ("t1_c2", "comment", "t1_c1", "t3_p1"),
    ]
    assert (post.forum, post.score, post.retrieved_at) == ("calm", 3, (T0 + 99) * 1_000_000)


def test_a_page_of_a_person_is_known_as_such() -> None:
    assert parse(SUBMISSION | {"meta": META | {"subreddit": "u_Ann"}}).forum_owner == "Ann"


def test_full_names_are_reddits_without_any_metadata() -> None:
    record = ROOT | {"id": "t1_c1", "conversation_id": "t3_p1", "reply-to": "t3_p1"}
    draft = parse(record)
    assert (draft.platform, draft.message_id, draft.parent) == ("reddit", "t1_c1", "t3_p1")


def test_a_comment_that_answers_nothing_known_gets_no_parent() -> None:
    draft = parse(COMMENT | {"reply-to": None})
    assert (draft.kind, draft.parent, draft.thread) == ("comment", None, "t3_p1")


@pytest.mark.parametrize(
    "record",
    [
        COMMENT | {"meta": {"subreddit": "calm"}},  # may start at a comment
        COMMENT | {"meta": META | {"permalink": "/r/calm/comments/other/a_title/"}},
        COMMENT | {"id": "No-Id"},
        COMMENT | {"conversation_id": "20343.0.0"},
        COMMENT | {"reply-to": "20343.0.0"},
        COMMENT | {"meta": META | {"subreddit": None}},
        COMMENT | {"conversation_id": None},
        COMMENT | {"conversation_id": "t1_c0"},
    ],
)
def test_what_may_not_be_reddits_stays_apart(record: dict[str, Any]) -> None:
    assert parse(record).platform == "convokit"


def test_the_other_files_of_a_corpus_hold_no_messages() -> None:
    entry = {"meta": {"title": "x"}, "vectors": []}
    assert not recognises({"ann": entry, "bob": entry})
    assert not recognises(entry)
    assert not recognises({"subreddit": "calm", "num_posts": 2})
    assert not recognises({"utterances-index": {}, "speakers-index": {}, "version": 1})
    assert not recognises({"id": entry, "text": entry, "speaker": entry, "conversation_id": entry, "reply-to": entry})


@pytest.mark.parametrize(
    "record",
    [
        {"id": "1", "text": "x", "author_id": "2", "conversation_id": "1", "created_at": "2020-01-01T00:00:00Z"},
        {"id": 1, "text": "x", "user": {"id": 2}, "created_at": "x", "in_reply_to_status_id": None},
        {"id": "c1", "body": "x", "author": "a", "created_utc": T0, "link_id": "t3_p"},
        {"id": "1", "thread_id": "1", "author": "a", "body": "x", "timestamp": "x", "reply_to": ""},
        without(ROOT, "reply-to"),
        without(ROOT, "speaker"),
        without(ROOT, "id"),
        without(ROOT, "conversation_id"),
        without(ROOT, "text"),
        without(ROOT, "meta", "timestamp"),
        {},
    ],
)
def test_other_records_are_not_recognised(record: dict[str, Any]) -> None:
    assert not recognises(record)


@pytest.mark.parametrize("value", [None, "", 1.5, [], {}, True])
def test_unusable_ids_are_refused(value: object) -> None:
    with pytest.raises(BadRecordError, match="no id"):
        list(CONVOKIT.drafts(ROOT | {"id": value}))


@settings(max_examples=100)
@given(
    st.sampled_from([ROOT, REPLY, SUBMISSION, COMMENT]),
    st.dictionaries(st.sampled_from([*ROOT, "user", "root", "reply_to"]), JSON),
    st.dictionaries(st.sampled_from(list(META)), JSON),
)
def test_any_json_is_a_message_or_a_reason(base: dict[str, Any], changes: dict[str, Any], meta: dict[str, Any]) -> None:
    record = base | {"meta": base["meta"] | meta} | changes
    assert kept_promises(recognises, CONVOKIT.drafts, record)


def counted(paths: list[Path]) -> ByHand:
    """A conversation starts with what answers nothing: on Reddit that is a submission."""
    found = ByHand()
    every = [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]
    own = {record["id"]: ("t3_" if record["reply-to"] is None else "t1_") + record["id"] for record in every}
    for record in every:
        found.authors[own[record["id"]]] = None if record["speaker"] in NOBODY else record["speaker"]
        if record["reply-to"] is not None:
            found.parents[own[record["id"]]] = own.get(record["reply-to"], record["reply-to"])
    return found


def real(shared_data: Path) -> list[dict[str, Any]]:
    with (shared_data / "convokit" / "utterances.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_a_real_corpus(shared_data: Path) -> None:
    records = real(shared_data)
    assert all(recognises(record) for record in records)
    drafts = [parse(record) for record in records]
    native = {record["id"] for record in records}
    assert {draft.platform for draft in drafts} == {"reddit"}
    assert len({draft.message_id for draft in drafts}) == len(native)
    assert {draft.message_id[3:] for draft in drafts} == native
    assert {d.author for d in drafts if d.author} == {r["speaker"] for r in records} - {"[deleted]"}
    replies = [record for record in records if record["reply-to"] is not None]
    assert sum(draft.parent is not None for draft in drafts) == len(replies)
    ids = {draft.message_id for draft in drafts}
    resolved = sum(record["reply-to"] in native for record in replies)
    assert sum(draft.parent in ids for draft in drafts) == resolved
    assert sum(draft.created_at is not None for draft in drafts) == len(records)
    for draft, record in zip(drafts, records, strict=True):
        assert (draft.kind == "post") == (record["reply-to"] is None)
        assert draft.parent is None or draft.parent[3:] == record["reply-to"]


def test_the_other_real_files_are_not_recognised(shared_data: Path) -> None:
    for name in ("conversations", "corpus", "index", "speakers"):
        document = json.loads((shared_data / "convokit" / f"{name}.json").read_bytes())
        assert not recognises(document)
        assert not any(recognises(inner) for inner in document.values() if isinstance(inner, dict))


def test_one_format() -> None:
    assert FORMATS == (CONVOKIT,)
