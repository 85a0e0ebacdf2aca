"""Rows of 4CAT, after the `map_item` of its data sources."""

from __future__ import annotations

import csv
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from ingest.records import BadRecordError, Draft
from ingest.sources.fourcat import FORMATS, FOURCAT, recognises
from ingest.sources.shared import message_key as key
from ingest.values import moment
from tests.ingest.dumps import lines, write
from tests.ingest.sources.garbage import JSON, kept_promises
from tests.ingest.test_forgotten_platforms import everything

T0 = 1_600_000_000
AT = "2020-09-13 12:26:40"
CHAT = blake2b(b"calmchat", digest_size=16).hexdigest()
SUBMISSION = {
    "thread_id": "p1",
    "id": "p1",
    "timestamp": AT,
    "body": "How?",
    "subject": "Rest",
    "author": "ann",
    "image_file": "",
    "domain": "self.calm",
    "url": "u",
    "image_md5": "",
    "subreddit": "calm",
    "parent": "",
    "score": "3",
    "unix_timestamp": str(T0),
}
COMMENT = SUBMISSION | {"id": "c1", "parent": "t3_p1", "subject": "", "body": "So.", "author": "bob"}
TWEET = {
    "id": "12",
    "thread_id": "10",
    "timestamp": AT,
    "unix_timestamp": str(T0 - 3600),
    "link": "l",
    "subject": "",
    "body": "@ann so",
    "author": "Bob",
    "author_fullname": "Bob B.",
    "author_id": "7",
    "source": "web",
    "language_guess": "en",
    "possibly_sensitive": "no",
    "retweet_count": "1",
    "reply_count": "2",
    "like_count": "3",
    "quote_count": "0",
    "is_retweet": "no",
    "retweeted_user": "",
    "is_quote_tweet": "no",
    "quoted_user": "",
    "is_reply": "yes",
    "replied_user": "ann",
    "hashtags": "",
    "mentions": "ann",
}
SKY = {
    "collected_at": "2020-09-14T00:00:00.500000",
    "query": "q",
    "rank": "0",
    "id": "at://did:plc:bob/app.bsky.feed.post/3b",
    "thread_id": "at://did:plc:ann/app.bsky.feed.post/3a",
    "created_at": "2020-09-13T12:26:40+00:00",
    "author": "bob.bsky.social",
    "author_id": "did:plc:bob",
    "body": "so",
    "like_count": "3",
    "reply_count": "0",
    "replied_to_post": "https://bsky.app/profile/ann.bsky.social/post/3a",
    "replied_to_user": "ann.bsky.social",
    "languages": "en",
    "author_display_name": "Bob",
    "timestamp": f"{T0}.0",
}
TELEGRAM = {
    "id": "5",
    "thread_id": "calmchat",
    "chat": "calmchat",
    "author": "77",
    "author_username": "bob",
    "author_name": "Bob B",
    "author_is_bot": "False",
    "body": "so",
    "reply_to": "4",
    "views": "",
    "timestamp": AT,
    "unix_timestamp": str(T0),
    "timestamp_edited": "",
    "unix_timestamp_edited": str(T0 + 60),
    "author_forwarded_from_name": "",
    "author_forwarded_from_username": "",
    "timestamp_forwarded_from": "",
    "unix_timestamp_forwarded_from": "",
    "attachment_type": "",
    "attachment_data": "",
}
TELEGRAM_OBJECT = {
    "_chat": {"_type": "Channel", "id": 900, "username": "calmchat", "title": "Calm"},
    "_sender": {"_type": "User", "id": 77, "username": "bob", "first_name": "Bob", "last_name": "B", "bot": False},
    "_type": "Message",
    "id": 5,
    "date": float(T0),
    "edit_date": None,
    "message": "so",
    "fwd_from": None,
    "reply_to": {"_type": "MessageReplyHeader", "reply_to_msg_id": 4},
    "views": None,
}
TIKTOK_COMMENT = {
    "collected_from_url": "u",
    "id": "31",
    "thread_id": "30",
    "author": "bob",
    "author_full": "Bob",
    "body": "so",
    "timestamp": AT,
    "unix_timestamp": str(T0),
    "likes": "3",
    "replies": "1",
    "post_id": "20",
    "is_comment_on_comment": "yes",
    "language_guess": "en",
}
TIKTOK = {
    "id": "20",
    "thread_id": "20",
    "author": "ann",
    "body": "look",
    "timestamp": AT,
    "unix_timestamp": str(T0),
    "tiktok_url": "u",
    "likes": "9",
}
IMAGE_BOARD = {
    "thread_id": "100",
    "id": "105",
    "timestamp": AT,
    "body": ">>103\n>>104 no",
    "subject": "",
    "author": "Anonymous",
    "image_file": "",
    "image_md5": "",
    "country_name": "",
    "country_code": "",
    "unix_timestamp": str(T0),
}
OWN = {
    "id": "2",
    "thread_id": "1",
    "author": "bob",
    "body": "so",
    "timestamp": AT,
    "unix_timestamp": str(T0),
    "parent_id": "1",
}
ALL = (SUBMISSION, COMMENT, TWEET, SKY, TELEGRAM, TELEGRAM_OBJECT, TIKTOK_COMMENT, TIKTOK, IMAGE_BOARD, OWN)


def only(record: dict[str, Any]) -> Draft:
    (draft,) = FOURCAT.drafts(record)
    assert isinstance(draft, Draft)
    return draft


def test_reddit_joins_reddits_other_dumps() -> None:
    assert only(SUBMISSION) == Draft(
        platform="reddit",
        message_id="t3_p1",
        kind="post",
        thread="t3_p1",
        author="ann",
        author_status="known",
        forum="calm",
        created_at=T0 * 1_000_000,
        text="Rest\n\nHow?",
        text_status="present",
        score=3,
    )
    draft = only(COMMENT)
    assert (draft.message_id, draft.parent, draft.thread, draft.kind) == ("t1_c1", "t3_p1", "t3_p1", "comment")
    assert only(COMMENT | {"parent": "t1_c0"}).parent == "t1_c0"
    assert only(COMMENT | {"parent": ""}).parent == "t3_p1"
    assert only(COMMENT | {"subreddit": "u_Ann"}).forum_owner == "Ann"


def test_reddit_has_deleted_authors_and_texts() -> None:
    draft = only(SUBMISSION | {"author": "[deleted]", "body": "[removed]"})
    assert (draft.author_status, draft.text, draft.text_status) == ("deleted", None, "removed")


def test_an_id_reddit_does_not_use_is_refused() -> None:
    with pytest.raises(BadRecordError, match="Reddit"):
        list(FOURCAT.drafts(COMMENT | {"id": "no id"}))


def test_a_reply_on_x_names_the_person_only() -> None:
    assert only(TWEET) == Draft(
        platform="x",
        message_id="12",
        kind="comment",
        thread="10",
        author="id:7",
        author_status="known",
        handle="Bob",
        display_name="Bob B.",
        parent_author="ann",
        created_at=T0 * 1_000_000,
        text="@ann so",
        text_status="present",
        language="en",
        score=3,
        declared_replies=2,
    )


def test_a_retweet_is_a_repost_without_text() -> None:
    draft = only(TWEET | {"is_retweet": "yes", "is_reply": "no"})
    assert (draft.kind, draft.text, draft.thread, draft.parent_author) == ("repost", None, None, None)


def test_a_post_the_api_did_not_find_is_none() -> None:
    unknown = {"author": "UNKNOWN", "author_id": "UNKNOWN", "author_fullname": "UNKNOWN", "subject": "not found"}
    with pytest.raises(BadRecordError, match="no longer had"):
        list(FOURCAT.drafts(TWEET | unknown))


def test_a_post_of_x_that_answers_nobody() -> None:
    draft = only(TWEET | {"is_reply": "no", "replied_user": "", "thread_id": "12"})
    assert (draft.kind, draft.parent_author, draft.thread) == ("post", None, "12")


def test_bluesky() -> None:
    assert only(SKY) == Draft(
        platform="bluesky",
        message_id=key("at://did:plc:bob/app.bsky.feed.post/3b"),
        kind="comment",
        thread=key("at://did:plc:ann/app.bsky.feed.post/3a"),
        parent=key("at://did:plc:ann/app.bsky.feed.post/3a"),
        author="did:plc:bob",
        author_status="known",
        handle="bob.bsky.social",
        display_name="Bob",
        parent_author="did:plc:ann",
        created_at=T0 * 1_000_000,
        retrieved_at=moment("2020-09-14T00:00:00.5Z"),
        text="so",
        text_status="present",
        language="en",
        score=3,
        declared_replies=0,
    )


@pytest.mark.parametrize(
    ("address", "parent"),
    [
        ("https://bsky.app/profile/cy.bsky.social/post/3c", None),
        ("https://bsky.app/profile/did:plc:cy/post/3c", "at://did:plc:cy/app.bsky.feed.post/3c"),
        ("at://did:plc:cy/app.bsky.feed.post/3c", "at://did:plc:cy/app.bsky.feed.post/3c"),
        ("nonsense", None),
    ],
)
def test_bluesky_addresses_of_what_is_answered(address: str, parent: str | None) -> None:
    draft = only(SKY | {"replied_to_post": address})
    person = "did:plc:cy" if parent else "ann.bsky.social"
    assert (draft.parent, draft.kind, draft.parent_author) == (parent and key(parent), "comment", person)


def test_bluesky_joins_what_the_api_answers() -> None:
    from ingest.sources.bluesky import drafts

    reply = {"parent": {"uri": SKY["thread_id"]}, "root": {"uri": SKY["thread_id"]}}
    view = {
        "uri": SKY["id"],
        "author": {"did": "did:plc:bob", "handle": "bob.bsky.social"},
        "record": {"$type": "app.bsky.feed.post", "text": "so", "createdAt": "2020-09-13T12:26:40Z", "reply": reply},
        "indexedAt": "2020-09-13T12:26:41Z",
    }
    theirs = next(draft for draft in drafts(view) if isinstance(draft, Draft) and draft.text == "so")
    ours = only(SKY)
    same = ("platform", "message_id", "parent", "thread", "author", "handle", "parent_author", "kind")
    assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]


def test_bluesky_posts_that_answer_nothing() -> None:
    draft = only(SKY | {"replied_to_post": "", "replied_to_user": "", "thread_id": SKY["id"], "languages": "N/A"})
    assert (draft.kind, draft.parent, draft.parent_author, draft.language) == ("post", None, None, None)


def test_telegram() -> None:
    assert only(TELEGRAM) == Draft(
        platform="telegram",
        message_id=f"{CHAT}/5",
        kind="comment",
        parent=f"{CHAT}/4",
        author="id:user77",
        author_status="known",
        handle="bob",
        display_name="Bob B",
        forum="calmchat",
        forum_owner="calmchat",
        created_at=T0 * 1_000_000,
        edited_at=(T0 + 60) * 1_000_000,
        text="so",
        text_status="present",
    )


@pytest.mark.parametrize("row", [TELEGRAM, {n: v for n, v in TELEGRAM.items() if n != "chat"} | {"search_entity": ""}])
def test_a_chat_that_is_named_after_a_person_does_not_tell_who(tmp_path: Path, row: dict[str, Any]) -> None:
    """Ann opened a chat under her username; Bob answers her in it, and stays when she leaves."""
    named = {"chat": "annkowalski"} if "chat" in row else {"thread_id": "AnnKowalski"}
    ann = {"id": "1", "author": "5", "author_username": "annkowalski", "author_name": "Ann", "reply_to": ""}
    rows = [row | named | ann | {"body": "good night"}, row | named | {"id": "2", "reply_to": "1"}]
    restricted = tmp_path / "restricted"
    ingest.ingest([write(tmp_path / "chat.ndjson", lines(rows))], restricted)
    found = ingest.read_messages(restricted).to_pylist()
    owner = ingest.pseudonym(ingest.load_key(restricted), "telegram", "annkowalski")
    assert {one["forum"] for one in found} == {owner}
    bob = next(one for one in found if one["parent_id"])
    assert bob["parent_id"] in {one["message_id"] for one in found}
    assert "kowalski" not in everything(restricted)
    assert ingest.forget(restricted, "telegram", ["annkowalski"]) == 1
    (left,) = ingest.read_messages(restricted).to_pylist()
    assert (left["message_id"], left["forum"]) == (bob["message_id"], None)
    assert owner not in everything(restricted)


def test_telegrams_objects_have_the_number_of_the_chat() -> None:
    draft = only(TELEGRAM_OBJECT)
    assert (draft.message_id, draft.parent, draft.author, draft.display_name) == (
        "900/5",
        "900/4",
        "id:user77",
        "Bob B",
    )
    assert (draft.forum, draft.forum_owner) == ("900", None)
    older = TELEGRAM_OBJECT | {"reply_to_msg_id": 3, "reply_to": None}
    assert only(older).parent == "900/3"


def test_a_channel_speaks_with_one_voice() -> None:
    sender = {"_type": "Channel", "id": 900, "username": "calmchat", "title": "Calm"}
    assert only(TELEGRAM_OBJECT | {"_sender": sender}).author == "id:channel900"
    assert only(TELEGRAM | {"author": "900", "author_name": ""}).author == "id:channel900"
    assert only(TELEGRAM | {"author": "", "author_name": ""}).author_status == "unknown"


def test_telegrams_bots_and_forwards() -> None:
    assert only(TELEGRAM | {"author_is_bot": "True"}).bot
    assert only(TELEGRAM).bot is None
    forwarded = only(TELEGRAM | {"timestamp_forwarded_from": AT})
    assert (forwarded.kind, forwarded.text, forwarded.parent) == ("repost", None, None)
    assert only(TELEGRAM_OBJECT | {"fwd_from": {"date": 1}}).kind == "repost"


def test_a_telegram_message_needs_its_chat() -> None:
    with pytest.raises(BadRecordError, match="chat"):
        list(FOURCAT.drafts(TELEGRAM | {"chat": "", "thread_id": ""}))


def test_the_oldest_telegram_table() -> None:
    row = {name: value for name, value in TELEGRAM.items() if name != "chat"} | {"search_entity": "calmchat"}
    assert only(row).message_id == f"{CHAT}/5"


def test_tiktok() -> None:
    draft = only(TIKTOK_COMMENT)
    assert (draft.platform, draft.message_id, draft.parent, draft.thread) == ("tiktok", "31", "30", "20")
    assert (draft.author, draft.display_name, draft.score, draft.declared_replies) == ("bob", "Bob", 3, 1)
    top = only(TIKTOK_COMMENT | {"thread_id": "20", "is_comment_on_comment": "no", "author": "@99"})
    assert (top.parent, top.author) == ("20", "id:99")
    assert (only(TIKTOK).message_id, only(TIKTOK).kind) == ("20", "post")


@pytest.mark.parametrize(
    ("body", "parent"),
    [
        (">>103\n>>104 no", "103"),
        ("no", "100"),
        (">>>/pol/103 elsewhere", "100"),
        (">>99 another thread", "100"),
        (">>106 the future", "100"),
        (">>100 the start", "100"),
        ("", "100"),
    ],
)
def test_image_boards_answer_what_they_quote(body: str, parent: str) -> None:
    draft = only(IMAGE_BOARD | {"body": body})
    assert (draft.platform, draft.parent, draft.thread, draft.author) == ("imageboard", parent, "100", None)


def test_an_image_boards_opening_post() -> None:
    draft = only(IMAGE_BOARD | {"id": "100", "subject": "Rest", "author": "Bob !trip"})
    assert (draft.kind, draft.parent, draft.author) == ("post", None, "Bob !trip")
    assert str(draft.text).startswith("Rest\n\n")


def test_any_other_data_source() -> None:
    draft = only(OWN)
    assert (draft.platform, draft.parent, draft.thread, draft.kind) == ("fourcat", "1", "1", "comment")
    root = only(OWN | {"id": "1"})
    assert (root.parent, root.kind) == (None, "post")
    inside = only(OWN | {"parent_id": ""})
    assert (inside.parent, inside.kind) == (None, "comment")
    assert only(OWN | {"parent_id": "", "thread_id": ""}).kind == "post"
    assert only(OWN | {"author": "Anonymous"}).author is None


HASH, EMPTY = "ab" * 24, "cd" * 24


def test_hashed_authors_are_taken_and_hashed_names_are_not() -> None:
    tweet = only(TWEET | {"author": HASH, "author_id": HASH, "author_fullname": EMPTY})
    assert (tweet.author, tweet.handle, tweet.display_name) == (f"id:{HASH}", None, None)
    message = only(TELEGRAM | {"author": HASH, "author_username": EMPTY, "author_name": EMPTY})
    assert (message.author, message.handle, message.display_name) == (f"id:user{HASH}", None, None)
    assert only(COMMENT | {"author": HASH}).author == HASH


def test_redacted_authors_are_nobody() -> None:
    for row in (COMMENT, OWN, TWEET | {"author_id": "REDACTED"}, TELEGRAM, SKY | {"author_id": "REDACTED"}):
        draft = only(row | {"author": "REDACTED"})
        assert (draft.author, draft.author_status, draft.handle) == (None, "unknown", None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (OWN, T0),
        (OWN | {"unix_timestamp": ""}, T0),
        (OWN | {"unix_timestamp": "undefined", "timestamp": "undefined"}, None),
        (OWN | {"unix_timestamp": None, "timestamp": T0}, T0),
    ],
)
def test_times(row: dict[str, Any], expected: int | None) -> None:
    assert only(row).created_at == (None if expected is None else expected * 1_000_000)


@pytest.mark.parametrize("row", ALL)
def test_4cats_rows_are_recognised(row: dict[str, Any]) -> None:
    assert recognises(row)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "c1", "body": "x", "author": "a", "created_utc": T0, "link_id": "t3_p"},
        {"id": "1", "text": "x", "author_id": "2", "conversation_id": "1", "created_at": "x"},
        {"id": "u0", "text": "x", "speaker": "a", "conversation_id": "u0", "reply-to": None, "timestamp": T0},
        OWN | {"publishedAt": AT, "authorName": "x", "isReplyTo": "", "text": "so"},
        OWN | {"publishedAt": AT, "channelTitle": "x", "videoId": "v"},
        {"id": 1, "type": "message", "date": "x", "from": "a", "text": "x"},
        {"uri": "at://x", "record": {}, "author": {}, "4CAT_metadata": {}},
        {"#tag": "row", "Id": "1", "PostTypeId": "1", "CreationDate": "x"},
        {},
    ],
)
def test_other_records_are_not(row: dict[str, Any]) -> None:
    assert not recognises(row)


def test_other_formats_do_not_claim_its_rows() -> None:
    from ingest.sources import convokit, stack_exchange

    assert not any(f.recognises(row) for f in (*convokit.FORMATS, *stack_exchange.FORMATS) for row in ALL)


@pytest.mark.parametrize("value", [None, "", 1.5, [], {}, True])
@pytest.mark.parametrize("row", ALL)
def test_unusable_ids_are_refused(row: dict[str, Any], value: object) -> None:
    with pytest.raises(BadRecordError, match="no id"):
        list(FOURCAT.drafts(row | {"id": value}))


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(BadRecordError, match="columns"):
        list(FOURCAT.drafts({"id": "1"}))


FIELDS = sorted({name for row in ALL for name in row})


@settings(max_examples=100)
@given(st.sampled_from(ALL), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_json_is_a_message_or_a_reason(row: dict[str, Any], changes: dict[str, Any]) -> None:
    assert kept_promises(recognises, FOURCAT.drafts, row | changes)


def test_a_table_becomes_tables(tmp_path: Path) -> None:
    from ingest import ingest

    with (tmp_path / "4cat.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(SUBMISSION))
        writer.writeheader()
        writer.writerows([SUBMISSION, COMMENT])
    report = ingest([tmp_path / "4cat.csv"], tmp_path / "restricted").to_dict()
    assert (report["messages"], report["authors"], report["replies"], report["replies_resolved"]) == (2, 2, 1, 1)


def test_one_format() -> None:
    assert FORMATS == (FOURCAT,)
