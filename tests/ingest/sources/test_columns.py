"""Any table through a mapping: what users may name, and what tables do to ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from copenet.foundation.errors import UsageError
from ingest.records import Draft, Reject
from ingest.sources.columns import FORMATS, ROLES, format_of
from tests.ingest.sources.garbage import JSON, kept_promises

T0 = 1_600_000_000
MINIMAL = {"id": "key", "text": "words"}
FULL = {role: role for role in ROLES}


def only(columns: dict[str, str], record: dict[str, Any], platform: str = "table") -> Draft:
    (draft,) = format_of(columns, platform).drafts(record)
    assert isinstance(draft, Draft)
    return draft


def test_every_role() -> None:
    record = {
        "id": "2",
        "author": "12",
        "parent": "1",
        "parent_author": "11",
        "thread": "1",
        "time": "2020-09-13T12:26:40Z",
        "text": "so",
        "forum": "calm",
        "handle": "@bob",
        "display_name": "Bob B.",
        "kind": "Reply",
        "score": "3",
        "language": "en",
        "edited": T0 + 1,
        "retrieved": f"{T0 + 2}000",
        "bot": "true",
    }
    assert only(FULL, record, "x") == Draft(
        platform="x",
        message_id="2",
        kind="comment",
        thread="1",
        parent="1",
        author="id:12",
        author_status="known",
        handle="bob",
        display_name="Bob B.",
        parent_author="id:11",
        forum="calm",
        created_at=T0 * 1_000_000,
        edited_at=(T0 + 1) * 1_000_000,
        retrieved_at=(T0 + 2) * 1_000_000,
        text="so",
        text_status="present",
        language="en",
        score=3,
        bot="the table says so",
    )


def test_the_least_that_is_needed() -> None:
    assert only(MINIMAL, {"key": 7, "words": "so"}) == Draft(
        platform="table", message_id="7", kind="post", text="so", text_status="present"
    )
    assert only({"id": "key", "author": "who"}, {"key": "7", "who": "ann"}).author == "ann"


@pytest.mark.parametrize(
    ("column", "record"),
    [
        ("user.id", {"user": {"id": "ann"}}),
        ("user.id", {"user.id": "ann"}),
        ("user.id", {"user.id": "ann", "user": {"id": "bob"}}),
        ("a.b.c", {"a": {"b": {"c": "ann"}}}),
    ],
)
def test_dotted_paths_and_dotted_names(column: str, record: dict[str, Any]) -> None:
    assert only({"id": "key", "author": column}, record | {"key": 1}).author == "ann"


@pytest.mark.parametrize("inner", [None, [], "x", 3, {}, {"other": 1}])
def test_a_path_that_leads_nowhere(inner: object) -> None:
    assert only({"id": "key", "author": "user.id"}, {"key": 1, "user": inner}).author_status == "unknown"


def test_a_reply_to_a_person() -> None:
    columns = {"id": "id", "text": "text", "parent_author": "to"}
    draft = only(columns, {"id": "1", "text": "so", "to": "@ann"})
    assert (draft.kind, draft.parent, draft.parent_author) == ("comment", None, "ann")
    assert only(columns, {"id": "1", "text": "so", "to": ""}).kind == "post"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("post", "post"),
        ("Tweet", "post"),
        ("comment", "comment"),
        ("reply", "comment"),
        ("odd", "comment"),
        (None, "comment"),
    ],
)
def test_kinds(value: object, kind: str) -> None:
    columns = MINIMAL | {"kind": "what", "parent": "up"}
    assert only(columns, {"key": "2", "words": "so", "what": value, "up": "1"}).kind == kind


def test_a_repost_has_no_text_and_answers_nothing() -> None:
    columns = MINIMAL | {"kind": "what", "parent": "up", "thread": "root", "author": "who", "parent_author": "to"}
    record = {"key": "2", "words": "so", "what": "retweet", "up": "1", "root": "1", "who": "bob", "to": "ann"}
    assert only(columns, record) == Draft(
        platform="table", message_id="2", kind="repost", author="bob", author_status="known"
    )


def test_a_message_in_anothers_thread_is_a_comment() -> None:
    columns = MINIMAL | {"thread": "root"}
    assert only(columns, {"key": "2", "words": "x", "root": "1"}).kind == "comment"
    assert only(columns, {"key": "1", "words": "x", "root": "1"}).kind == "post"


def test_a_root_that_names_itself_is_no_reply() -> None:
    draft = only(MINIMAL | {"parent": "up"}, {"key": "1", "words": "x", "up": "1"})
    assert (draft.parent, draft.kind) == (None, "post")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.0", "12"),
        (12.0, "12"),
        (12, "12"),
        ("1.5", "1.5"),
        ("nan", None),
        (float("nan"), None),
        (float("inf"), None),
        ("NA", None),
        ("None", None),
        ("<NA>", None),
        ("", None),
        (1.5e18, None),
        (True, None),
        ([], None),
    ],
)
def test_what_tables_do_to_ids(value: object, expected: str | None) -> None:
    assert only(MINIMAL | {"parent": "up"}, {"key": "1", "words": "x", "up": value}).parent == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("@ann", ("ann", "known")),
        ("[deleted]", (None, "deleted")),
        ("NA", (None, "unknown")),
        (None, (None, "unknown")),
        (12, ("12", "known")),
    ],
)
def test_authors(value: object, expected: tuple[str | None, str]) -> None:
    draft = only({"id": "key", "author": "who"}, {"key": "1", "who": value})
    assert (draft.author, draft.author_status) == expected


@pytest.mark.parametrize(
    ("platform", "value", "expected"),
    [
        ("x", "12", "id:12"),
        ("x", "@ann", "ann"),
        ("x", "id:12", "id:12"),
        ("facebook", "12", "id:12"),
        ("stackexchange", "12", "id:12"),
        ("telegram", "12", "id:user12"),
        ("telegram", "channel12", "id:channel12"),
        ("telegram", "@ann", "ann"),
        ("youtube", "UC" + "a" * 22, "id:UC" + "a" * 22),
        ("youtube", "12", "12"),
        ("mastodon", "@Ann@Calm.Example", "ann@calm.example"),
        ("bluesky", "Ann.bsky.social", "ann.bsky.social"),
        ("reddit", "12", "12"),
        ("table", "12", "12"),
    ],
)
def test_authors_take_the_form_of_their_platform(platform: str, value: str, expected: str) -> None:
    columns = {"id": "key", "author": "who"}
    assert only(columns, {"key": "1", "who": value}, platform).author == expected
    assert format_of(columns, platform).username(value) == expected


@pytest.mark.parametrize("platform", ["table", "bluesky", "mastodon"])
def test_an_address_may_name_a_person_and_is_no_id(platform: str) -> None:
    record = {"key": "https://calm.example/users/ann/statuses/2", "up": "at://did:plc:ann/app.bsky.feed.post/3a"}
    draft = only({"id": "key", "text": "words", "parent": "up"}, record | {"words": "x"}, platform)
    assert "ann" not in f"{draft.message_id} {draft.parent}"


def test_mastodons_addresses_join_its_statuses() -> None:
    from ingest.sources import mastodon

    address = "https://calm.example/users/ann/statuses/112"
    account = {"acct": "ann", "url": "https://calm.example/@ann", "username": "ann"}
    status = {"id": "112", "uri": address, "account": account, "content": "<p>so</p>", "visibility": "public"}
    status |= {"created_at": "2020-09-13T12:26:40Z", "in_reply_to_id": None, "reblog": None, "url": address}
    (theirs,) = (d for f in mastodon.FORMATS[:1] for d in f.drafts(status))
    assert isinstance(theirs, Draft)
    ours = only({"id": "uri", "author": "who"}, {"uri": address, "who": "@Ann@calm.example"}, "mastodon")
    assert (ours.message_id, ours.author) == (theirs.message_id, theirs.author)


def test_a_handle_alone_is_the_author() -> None:
    draft = only({"id": "key", "text": "words", "handle": "name"}, {"key": "1", "words": "x", "name": "@ann"})
    assert (draft.author, draft.author_status, draft.handle) == ("ann", "known", None)


def test_a_handle_of_digits_is_no_id() -> None:
    columns = {"id": "key", "author": "who", "handle": "name"}
    assert only(columns, {"key": "1", "who": "7", "name": "12"}, "x").handle == "12"
    assert only(columns, {"key": "1", "who": "", "name": "12"}, "x").author == "12"


def test_handles_in_texts_take_the_form_of_their_platform() -> None:
    assert format_of(MINIMAL, "bluesky").mention("Ann.bsky.social") == "ann.bsky.social"
    assert format_of(MINIMAL, "x").mention("12") == "12"


@pytest.mark.parametrize("typed", ["", " ", "@", "[deleted]"])
def test_what_names_nobody(typed: str) -> None:
    if typed == "@":
        assert format_of(MINIMAL).username(typed) == "@"
        return
    with pytest.raises(UsageError):
        format_of(MINIMAL).username(typed)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"id": "p1"}, ("t3_p1", "post", None, "t3_p1")),
        ({"id": "c1", "up": "t3_p1", "root": "t3_p1"}, ("t1_c1", "comment", "t3_p1", "t3_p1")),
        ({"id": "c1", "up": "p1", "root": "p1"}, ("t1_c1", "comment", "t3_p1", "t3_p1")),
        ({"id": "c2", "up": "c1", "root": "p1"}, ("t1_c2", "comment", "t1_c1", "t3_p1")),
        ({"id": "c2", "root": "p1"}, ("t1_c2", "comment", "t3_p1", "t3_p1")),
        ({"id": "t1_c2"}, ("t1_c2", "comment", None, None)),
        ({"id": "c2", "what": "comment"}, ("t1_c2", "comment", None, None)),
        ({"id": "p1", "root": "p1"}, ("t3_p1", "post", None, "t3_p1")),
    ],
)
def test_reddits_bare_ids(record: dict[str, str], expected: tuple[str | None, ...]) -> None:
    columns = {"id": "id", "text": "text", "parent": "up", "thread": "root", "kind": "what"}
    draft = only(columns, record | {"text": "x"}, "reddit")
    assert (draft.message_id, draft.kind, draft.parent, draft.thread) == expected


def test_a_page_of_a_person_on_reddit() -> None:
    columns = MINIMAL | {"forum": "sub"}
    assert only(columns, {"key": "p1", "words": "x", "sub": "u_Ann"}, "reddit").forum_owner == "Ann"
    assert only(columns, {"key": "p1", "words": "x", "sub": "u_Ann"}).forum_owner is None


@pytest.mark.parametrize("value", [None, "", "nan", 1.5, [], {}, True])
def test_a_record_without_id_is_refused_by_the_name_of_the_column(value: object) -> None:
    (found,) = format_of(MINIMAL).drafts({"key": value, "words": "x"})
    assert found == Reject("no id in the column 'key'")
    (missing,) = format_of(MINIMAL).drafts({"words": "x"})
    assert missing == found


def test_an_id_reddit_does_not_use_is_refused() -> None:
    (found,) = format_of(MINIMAL, "reddit").drafts({"key": "not an id", "words": "x"})
    assert isinstance(found, Reject)
    assert "key" in found.reason
    assert "not an id" not in found.reason


@pytest.mark.parametrize(
    ("role", "meant"),
    [("autor", "author"), ("reply_to", "parent"), ("Timestamp", "time"), ("txt", "text"), ("subreddit", "forum")],
)
def test_an_unknown_role_names_the_nearest(role: str, meant: str) -> None:
    with pytest.raises(UsageError, match=role) as error:
        format_of(MINIMAL | {role: "x"})
    assert f"Did you mean {meant}?" in error.value.remedy


@pytest.mark.parametrize("columns", [{}, {"id": "a"}, {"text": "a"}, {"id": "a", "time": "b"}])
def test_roles_that_are_missing(columns: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="needs a column"):
        format_of(columns)


@pytest.mark.parametrize("column", ["", " ", None, 3])
def test_a_role_without_a_column(column: Any) -> None:
    with pytest.raises(UsageError, match="has no column"):
        format_of(MINIMAL | {"author": column})


@pytest.mark.parametrize("platform", ["", "X", "4chan", "two words", "a" * 17, "x\n", None])
def test_platforms_that_are_no_word(platform: Any) -> None:
    with pytest.raises(UsageError, match="platform"):
        format_of(MINIMAL, platform)


def test_recognition_asks_for_the_columns_given() -> None:
    found = format_of({"id": "key", "text": "words", "author": "user.id"})
    assert found.recognises({"key": "1", "words": "x"})
    assert found.recognises({"key": "1", "user": {"id": 2}})
    assert not found.recognises({"key": "1"})
    assert not found.recognises({"words": "x"})
    assert not found.recognises({})
    assert FORMATS == ()


@settings(max_examples=100)
@given(
    st.sampled_from(["table", "x", "reddit", "youtube", "mastodon"]),
    st.dictionaries(st.sampled_from([*ROLES, "user"]), JSON, max_size=8),
)
def test_any_json_is_a_message_or_a_reason(platform: str, record: dict[str, Any]) -> None:
    found = format_of(FULL | {"author": "user.id"}, platform)
    assert kept_promises(found.recognises, found.drafts, record)
    (draft,) = found.drafts(record)
    assert not isinstance(draft, Draft) or draft.parent != draft.message_id


COMMENTS = {
    "id": "id",
    "author": "author",
    "parent": "parent_id",
    "thread": "link_id",
    "time": "created_utc",
    "text": "body",
    "forum": "subreddit",
    "score": "score",
}
SUBMISSIONS = {"id": "id", "author": "author", "time": "created_utc", "text": "selftext", "forum": "subreddit"}


def real(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as stream:
        data = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(stream).read()
    return [json.loads(line) for line in data.decode().splitlines() if line]


def test_real_comments_through_a_mapping(shared_data: Path) -> None:
    comments = real(shared_data / "reddit" / "CollegeAdvice_comments.zst")
    submissions = real(shared_data / "reddit" / "CollegeAdvice_submissions.zst")
    drafts = [only(COMMENTS, record, "reddit") for record in comments]
    drafts += [only(SUBMISSIONS, record, "reddit") for record in submissions]
    ids = {draft.message_id for draft in drafts}
    assert ids == {f"t1_{record['id']}" for record in comments} | {f"t3_{record['id']}" for record in submissions}
    written = {record["author"] for record in comments + submissions} - {"[deleted]", None, ""}
    assert {draft.author for draft in drafts if draft.author} == written
    assert sum(draft.parent is not None for draft in drafts) == len(comments)
    resolved = sum(record["parent_id"] in ids for record in comments)
    assert sum(draft.parent in ids for draft in drafts) == resolved
    assert all(
        draft.created_at == record["created_utc"] * 1_000_000
        for draft, record in zip(drafts[: len(comments)], comments, strict=True)
    )


def test_the_mapping_agrees_with_the_format_of_reddit(shared_data: Path) -> None:
    from ingest.sources.reddit import parse

    for record in real(shared_data / "reddit" / "CollegeAdvice_comments.zst"):
        ours, theirs = only(COMMENTS, record, "reddit"), parse(record)
        same = ("message_id", "parent", "thread", "author", "author_status", "created_at", "text", "kind", "score")
        assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]
