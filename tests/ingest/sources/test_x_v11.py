"""Every quirk of X's API v1.1, its streams and its data archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources.x_v11 import FORMATS, X_V11, drafts, recognises
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import damaged, kept_promises
from tests.ingest.sources.x_records import (
    AT,
    NEIGHBOURS,
    snscrape_tweet,
    v2_page,
    v2_post,
    v11_status,
)

ONE, TWO = "1305118500000000001", "1305118500000000002"
FIRST = Draft(
    platform="x",
    message_id=ONE,
    kind="post",
    thread=ONE,
    author="id:11",
    author_status="known",
    handle="user11",
    display_name="User 11",
    created_at=AT,
    text=f"text of {ONE}",
    text_status="present",
    language="en",
    score=3,
)
ANSWERS = {
    "in_reply_to_status_id": int(ONE), "in_reply_to_status_id_str": ONE, "in_reply_to_user_id": 11,
    "in_reply_to_user_id_str": "11", "in_reply_to_screen_name": "user11",
}  # fmt: skip


def only(record: Record) -> Draft:
    (found,) = drafts(record)
    assert isinstance(found, Draft)
    return found


def without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def test_a_status() -> None:
    assert recognises(v11_status())
    assert list(drafts(v11_status())) == [FIRST]


def test_a_reply() -> None:
    assert only(v11_status(TWO, "22", **ANSWERS)) == FIRST._replace(
        message_id=TWO,
        kind="comment",
        thread=None,
        parent=ONE,
        author="id:22",
        handle="user22",
        display_name="User 22",
        parent_author="id:11",
        text=f"text of {TWO}",
    )


def test_an_answer_to_a_person_only() -> None:
    status = v11_status(**(ANSWERS | {"in_reply_to_status_id": None, "in_reply_to_status_id_str": None}))
    draft = only(status)
    assert (draft.kind, draft.parent, draft.thread, draft.parent_author) == ("comment", None, None, "id:11")
    named = only(v11_status(in_reply_to_screen_name="ann"))
    assert (named.kind, named.parent_author) == ("comment", "ann")


def test_ids_as_text_win_over_numbers_that_lost_digits() -> None:
    rounded = v11_status(id=1305118500000000000, **(ANSWERS | {"in_reply_to_status_id": 1.3051185e18}))
    draft = only(rounded)
    assert (draft.message_id, draft.parent) == (ONE, ONE)


def test_a_status_with_numbers_alone() -> None:
    status = v11_status(**ANSWERS)
    status = without(status, "id_str", "in_reply_to_status_id_str", "in_reply_to_user_id_str")
    status["user"] = {"id": 11, "screen_name": "user11"}
    assert recognises(status)
    draft = only(status)
    assert (draft.message_id, draft.parent, draft.parent_author, draft.author) == (ONE, ONE, "id:11", "id:11")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"full_text": "a &gt; b &amp;amp;"}, ("a > b &amp;", "present")),
        ({"full_text": None, "text": "short"}, ("short", "present")),
        ({"full_text": None, "text": "sh…", "extended_tweet": {"full_text": "short"}}, ("short", "present")),
        ({"full_text": None, "text": "sh…", "extended_tweet": [1]}, ("sh…", "present")),
        ({"full_text": ""}, (None, "empty")),
        ({"withheld_in_countries": ["DE"]}, (f"text of {ONE}", "present")),
        ({"withheld_in_countries": ["XY"], "withheld_copyright": True}, (None, "removed")),
        ({"withheld_in_countries": "DE, XX"}, (None, "removed")),
    ],
)
def test_texts(fields: Record, expected: tuple[str | None, str]) -> None:
    draft = only(v11_status(**fields))
    assert (draft.text, draft.text_status) == expected


def test_a_retweet_is_a_repost_and_the_original_a_message() -> None:
    retweet = v11_status(TWO, "22", full_text="RT @user11: te…", retweeted_status=v11_status())
    repost, original = drafts(retweet)
    assert repost == Draft(
        platform="x",
        message_id=TWO,
        kind="repost",
        author="id:22",
        author_status="known",
        handle="user22",
        display_name="User 22",
        created_at=AT,
        language="en",
    )
    assert original == FIRST


def test_what_is_quoted_is_a_message_once() -> None:
    quoting = v11_status(TWO, "22", quoted_status=v11_status())
    outer = v11_status("1305118500000000003", retweeted_status=quoting, quoted_status=v11_status())
    found = [draft for draft in drafts(outer) if isinstance(draft, Draft)]
    assert sorted((draft.message_id, draft.kind) for draft in found) == [
        (ONE, "post"),
        (TWO, "post"),
        ("1305118500000000003", "repost"),
    ]


def test_a_manual_retweet_is_what_somebody_wrote() -> None:
    assert only(v11_status(full_text="RT @ann: see this")).kind == "post"


def test_declared_replies_where_the_stream_tells_them() -> None:
    assert only(v11_status(reply_count=4)).declared_replies == 4


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id_str": "11"}, ("id:11", None, "known")),
        ({"screen_name": "ann"}, ("ann", None, "known")),
        ({}, (None, None, "unknown")),
        (None, (None, None, "unknown")),
        ("11", (None, None, "unknown")),
    ],
)
def test_users_in_part(user: object, expected: tuple[str | None, ...]) -> None:
    draft = only(v11_status() | {"user": user})
    assert (draft.author, draft.handle, draft.author_status) == expected


HISTORY = ["1576994746135764992", "1576994789110992896"]


@pytest.mark.parametrize(
    "fields",
    [
        {"edit_history": {"initial_tweet_id": HISTORY[0], "edit_tweet_ids": HISTORY}},
        {"edit_info": {"initial": {"editTweetIds": HISTORY, "editsRemaining": "4"}}},
        {"edit_info": {"edit": {"initialTweetId": HISTORY[0], "editControlInitial": {"editTweetIds": HISTORY}}}},
        {"edit_info": {"edit": {"initialTweetId": HISTORY[0]}}},
    ],
)
def test_an_edit_is_a_version_of_the_first(fields: Record) -> None:
    draft = only(v11_status(HISTORY[1], created_at="Mon Oct 03 17:57:11 +0000 2022", **fields))
    assert (draft.message_id, draft.thread) == (HISTORY[0], HISTORY[0])
    assert (draft.created_at, draft.edited_at) == (1_664_819_821_000_000, 1_664_819_831_000_000)


def archived(**fields: object) -> Record:
    """A status as `tweets.js` holds it: numbers as text, and nobody's."""
    status = without(v11_status(), "user") | {"id": ONE, "favorite_count": "3", "retweet_count": "1"}
    status |= {"edit_info": {"initial": {"editTweetIds": [ONE], "isEditEligible": False}}}
    names = [name for name, value in status.items() if value is None]
    return {"tweet": without(status, *names) | fields}


def test_the_archive_does_not_say_whose_it_is() -> None:
    assert recognises(archived())
    assert list(drafts(archived())) == [
        FIRST._replace(author=None, author_status="unknown", handle=None, display_name=None)
    ]


def test_the_archive_keeps_only_the_beginning_of_a_retweet() -> None:
    assert only(archived(full_text="RT @ann: see this")).kind == "repost"


def test_the_archive_of_deleted_statuses() -> None:
    draft = only(archived(deleted_at="Mon Oct 03 17:57:11 +0000 2022"))
    assert (draft.text, draft.text_status, draft.author_status) == (None, "deleted", "deleted")


def test_a_search_result_holds_statuses_in_their_order() -> None:
    record = {"statuses": [v11_status(), v11_status(TWO)], "search_metadata": {"count": 2}}
    assert recognises(record)
    assert [found.message_id for found in drafts(record) if isinstance(found, Draft)] == [ONE, TWO]


DELETION = {"delete": {"status": {"id": 1, "id_str": "1", "user_id": 3, "user_id_str": "3"}, "timestamp_ms": "1"}}


@pytest.mark.parametrize(
    "record",
    [DELETION, {"limit": {"track": 5, "timestamp_ms": "1"}}, {"scrub_geo": {"user_id": 3}, "timestamp_ms": "1"},
     {"status_withheld": {"id": 1, "user_id": 3, "withheld_in_countries": ["DE"]}}, {"disconnect": {"code": 4}}],
)  # fmt: skip
def test_notices_of_streams_hold_no_message(record: Record) -> None:
    assert list(drafts(record)) == []
    assert recognises(record) == (record is DELETION)


@pytest.mark.parametrize("record", [{}, {"screen_name": "ann"}, {"tweet": 1}, {"delete": 1}])
def test_what_is_no_status_is_refused(record: Record) -> None:
    assert not recognises(record)
    with pytest.raises(BadRecordError, match="no status"):
        list(drafts(record))


def test_a_status_without_an_id_is_rejected() -> None:
    assert list(drafts(without(v11_status(), "id", "id_str"))) == [Reject("a status without an id")]


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_records_of_neighbours_are_not_claimed(name: str) -> None:
    assert not recognises(NEIGHBOURS[name])


def test_other_formats_of_x_are_not_claimed() -> None:
    assert not any(recognises(record) for record in (v2_post(), v2_page(v2_post()), snscrape_tweet()))


def test_people_as_they_are_typed_and_mentioned() -> None:
    assert X_V11.username("@Ann") == X_V11.mention("Ann") == "Ann"
    assert [known.name for known in FORMATS] == ["x-v11"]


EDITED = v11_status(HISTORY[1], edit_history={"initial_tweet_id": HISTORY[0], "edit_tweet_ids": HISTORY})
WHOLE = v11_status(TWO, "22", **ANSWERS, retweeted_status=EDITED, quoted_status=v11_status())


@settings(derandomize=True, max_examples=100)
@given(damaged(WHOLE, v11_status(), archived(), DELETION, {"statuses": [EDITED]}))
def test_any_json_is_a_message_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises, drafts, record)


def test_statuses_within_statuses_are_walked_not_descended() -> None:
    status = v11_status("1")
    for number in range(2, 5000):
        status = v11_status(str(number), quoted_status=status)
    assert len(list(drafts(status))) == 4999


def lines(path: Path) -> Iterator[Record]:
    yield from (json.loads(line) for line in path.read_text("utf-8").splitlines())


def counted(paths: list[Path]) -> ByHand:
    found = ByHand()
    for status in (status for path in paths for status in lines(path)):
        found.authors[status["id_str"]] = status["user"]["id_str"]
        if status["in_reply_to_status_id_str"]:
            found.parents[status["id_str"]] = status["in_reply_to_status_id_str"]
    return found


def test_pheme_holds_what_plain_python_counts(shared_data: Path) -> None:
    path = shared_data / "x_v11" / "pheme.jsonl"
    assert all(recognises(record) for record in lines(path))
    everything = [found for record in lines(path) for found in drafts(record)]
    kept = {found.message_id: found for found in everything if isinstance(found, Draft)}
    parents = {native: found.parent for native, found in kept.items() if found.parent}
    assert counted([path]).figures() == {
        "messages": len(kept),
        "authors": len({found.author for found in kept.values()}),
        "replies": len(parents),
        "replies_resolved": sum(parent in kept for parent in parents.values()),
        "parents_missing": len(set(parents.values()) - set(kept)),
    }
    assert all(found.created_at and found.handle for found in kept.values())
