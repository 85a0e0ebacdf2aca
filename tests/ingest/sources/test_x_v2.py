"""Every quirk of X's API v2 as twarc2 and other collectors write it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources.x_v2 import FORMATS, X_V2, drafts, recognises
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import damaged, kept_promises
from tests.ingest.sources.x_records import (
    AT,
    LATER,
    NEIGHBOURS,
    snscrape_tweet,
    v2_page,
    v2_post,
    v2_user,
    v11_status,
)

ONE, TWO, THREE = "1305118500000000001", "1305118500000000002", "1305118500000000003"
FIRST = Draft(
    platform="x",
    message_id=ONE,
    kind="post",
    thread=ONE,
    author="id:11",
    author_status="known",
    handle="ann",
    display_name="Ann",
    created_at=AT,
    retrieved_at=LATER,
    text=f"text of {ONE}",
    text_status="present",
    language="en",
    score=3,
    declared_replies=2,
)


def to(kind: str, native: str, **fields: Any) -> Record:
    return {"type": kind, "id": native} | fields


def reply(native: str = TWO, parent: str = ONE, **fields: Any) -> Record:
    extra = {"conversation_id": ONE, "in_reply_to_user_id": "11", "referenced_tweets": [to("replied_to", parent)]}
    return v2_post(native, "22", **(extra | fields))


def only(record: Record) -> Draft:
    (found,) = drafts(record)
    assert isinstance(found, Draft)
    return found


def messages(record: Record) -> dict[str, Draft]:
    return {found.message_id: found for found in drafts(record) if isinstance(found, Draft)}


def test_a_post_of_a_page() -> None:
    assert list(drafts(v2_page(v2_post()))) == [FIRST]


def test_a_reply_names_whom_and_what_it_answers_and_its_conversation() -> None:
    assert only(v2_page(reply())) == FIRST._replace(
        message_id=TWO,
        kind="comment",
        thread=ONE,
        parent=ONE,
        author="id:22",
        handle="bob",
        display_name="Bob",
        parent_author="id:11",
        text=f"text of {TWO}",
    )


def test_included_posts_are_messages_and_come_once() -> None:
    page = v2_page(reply(), tweets=[v2_post(), reply()])
    assert [found.message_id for found in drafts(page) if isinstance(found, Draft)] == [TWO, ONE]


def test_a_stream_writes_one_object_and_its_rules() -> None:
    record = {"data": {"id": "5", "text": "short"}, "matching_rules": [{"id": "1", "tag": "x"}]}
    assert recognises(record)
    assert only(record) == Draft("x", "5", "post", thread="5", text="short", text_status="present")


def test_a_flat_post_carries_its_author_and_what_it_refers_to() -> None:
    answered = v2_post(author=v2_user("11", "ann")) | {"type": "replied_to", "author_id": "11"}
    flat = reply(author=v2_user("22", "bob"), author_id="22", referenced_tweets=[answered])
    flat |= {"__twarc": v2_page()["__twarc"], "in_reply_to_user": v2_user("11", "ann")}
    assert recognises(flat)
    found = messages(flat)
    assert found[ONE] == FIRST
    assert (found[TWO].parent, found[TWO].handle, found[TWO].retrieved_at) == (ONE, "bob", LATER)


def test_a_reference_that_was_not_filled_in_is_no_message() -> None:
    assert [found.message_id for found in drafts(reply()) if isinstance(found, Draft)] == [TWO]


def test_a_repost_has_no_text_and_no_thread() -> None:
    shown = v2_post(TWO, "22", text="RT @ann: te…", referenced_tweets=[to("retweeted", ONE)])
    found = messages(v2_page(shown, tweets=[v2_post()]))
    assert found[TWO] == Draft(
        platform="x",
        message_id=TWO,
        kind="repost",
        author="id:22",
        author_status="known",
        handle="bob",
        display_name="Bob",
        created_at=AT,
        retrieved_at=LATER,
        language="en",
    )
    assert found[ONE] == FIRST


def test_a_quotation_answers_nobody_unless_it_is_a_reply_too() -> None:
    quoting = only(v2_page(v2_post(TWO, "22", referenced_tweets=[to("quoted", ONE)])))
    assert (quoting.kind, quoting.parent, quoting.thread) == ("post", None, TWO)
    both = only(v2_page(reply(referenced_tweets=[to("quoted", THREE), to("replied_to", ONE)])))
    assert (both.kind, both.parent) == ("comment", ONE)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"referenced_tweets": []}, ("comment", ONE, None, "id:11")),  # what it answered is gone
        ({"referenced_tweets": [], "conversation_id": TWO}, ("comment", TWO, None, "id:11")),  # begins with @name
        ({"referenced_tweets": [], "in_reply_to_user_id": None}, ("comment", ONE, None, None)),
        ({"conversation_id": None}, ("comment", None, ONE, "id:11")),
    ],
)
def test_replies_of_which_a_part_is_not_told(fields: Record, expected: tuple[str | None, ...]) -> None:
    draft = only(v2_page(reply(**fields)))
    assert (draft.kind, draft.thread, draft.parent, draft.parent_author) == expected


def edited(native: str, at: str) -> Record:
    return v2_post(native, edit_history_tweet_ids=["1576994746135764992", "1576994789110992896"], created_at=at)


def test_versions_of_an_edited_post_are_one_message() -> None:
    old = edited("1576994746135764992", "2022-10-03T17:57:01Z")
    new = edited("1576994789110992896", "2022-10-03T17:57:11Z")
    first, second = (found for found in drafts(v2_page(new, tweets=[old, new])) if isinstance(found, Draft))
    assert first.message_id == second.message_id == first.thread == "1576994746135764992"
    assert first.created_at == second.created_at == 1_664_819_821_000_000
    assert (first.edited_at, second.edited_at) == (1_664_819_831_000_000, None)
    assert first.text == "text of 1576994789110992896"


def test_a_reply_to_a_later_version_answers_the_message() -> None:
    new = edited("1576994789110992896", "2022-10-03T17:57:11Z")
    answer = reply(parent="1576994789110992896", conversation_id="1576994789110992896")
    draft = messages(v2_page(answer, tweets=[new]))[TWO]
    assert (draft.parent, draft.thread) == ("1576994746135764992", "1576994746135764992")


def test_an_edit_whose_first_id_holds_no_time_keeps_its_own() -> None:
    draft = only(v2_page(v2_post(TWO, edit_history_tweet_ids=["a", TWO])))
    assert (draft.message_id, draft.created_at, draft.edited_at) == ("a", AT, AT)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "a &amp; b &lt;3"}, ("a & b <3", "present")),
        ({"text": ""}, (None, "empty")),
        ({"text": None}, (None, "empty")),
        ({"text": "begins…", "note_tweet": {"text": "begins and goes on"}}, ("begins and goes on", "present")),
        ({"text": "x", "note_tweet": []}, ("x", "present")),
        ({"text": "x", "withheld": {"country_codes": ["DE", "FR"], "copyright": False}}, ("x", "present")),
        ({"text": "x", "withheld": {"country_codes": ["XY"], "copyright": True}}, (None, "removed")),
        ({"text": "x", "withheld": {"country_codes": ["XX"], "scope": "user"}}, (None, "removed")),
        ({"text": "x", "withheld": {"country_codes": [1, {}]}}, ("x", "present")),
    ],
)
def test_texts(fields: Record, expected: tuple[str | None, str]) -> None:
    draft = only(v2_page(v2_post(**fields)))
    assert (draft.text, draft.text_status) == expected


@pytest.mark.parametrize(("lang", "expected"), [("in", "id"), ("und", None), ("qme", None), ("zxx", None), (3, None)])
def test_languages(lang: object, expected: str | None) -> None:
    assert only(v2_page(v2_post(lang=lang))).language == expected


def test_an_author_who_is_not_included_is_known_by_the_id_alone() -> None:
    draft = only(v2_page(v2_post(author_id="33")))
    assert (draft.author, draft.handle, draft.author_status) == ("id:33", None, "known")
    unknown = v2_post()
    del unknown["author_id"]
    assert only(v2_page(unknown)).author_status == "unknown"


def test_a_page_of_people_carries_their_pinned_posts() -> None:
    page = {"data": [v2_user("11", "ann")], "includes": {"tweets": [v2_post()]}, "__twarc": v2_page()["__twarc"]}
    assert recognises(page)
    assert list(drafts(page)) == [FIRST]


GONE = {
    "type": "https://api.twitter.com/2/problems/resource-not-found", "title": "Not Found Error", "detail": "x",
    "resource_type": "tweet", "resource_id": "7", "parameter": "referenced_tweets.id", "value": "7",
}  # fmt: skip
CUT_OFF = {
    "type": "https://api.twitter.com/2/problems/operational-disconnect", "title": "operational-disconnect",
    "disconnect_type": "UpstreamOperationalDisconnect", "detail": "x",
}  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        {"errors": [GONE]},
        {"errors": [CUT_OFF]},
        CUT_OFF,
        {"meta": {"result_count": 0}, "__twarc": {"version": "2.13.0"}},
        {"data": {"delete": {"tweet": {"id": "6", "author_id": "3"}, "event_at": "2022-12-23T12:34:56.789Z"}}},
        {"data": {"withheld": {"tweet": {"id": "6"}, "withheld_in_countries": ["BR"]}}},
        {"data": {"user_delete": {"user": {"id": "3"}, "event_at": "2022-12-23T12:34:56.789Z"}}},
    ],
)
def test_errors_and_notices_hold_no_message_and_are_recognised(record: Record) -> None:
    assert recognises(record)
    assert list(drafts(record)) == []


def test_errors_beside_posts_do_not_matter() -> None:
    assert list(drafts(v2_page(v2_post()) | {"errors": [GONE]})) == [FIRST]


def test_a_post_without_an_id_is_rejected_and_the_rest_is_kept() -> None:
    nameless = v2_post()
    del nameless["id"]
    assert list(drafts(v2_page(nameless, v2_post()))) == [Reject("a post without an id"), FIRST]


COMPLIANCE_RESULT = {"id": "7", "action": "delete", "created_at": "2019-09-06T17:25:54.667Z", "reason": "protected"}


@pytest.mark.parametrize("record", [COMPLIANCE_RESULT, {}, {"users": []}])
def test_what_is_no_post_is_refused(record: Record) -> None:
    assert not recognises(record)  # a compliance result looks the same for posts and for people
    with pytest.raises(BadRecordError, match="neither a post nor a page"):
        list(drafts(record))


ROW = {
    "id": TWO, "conversation_id": ONE, "referenced_tweets.replied_to.id": ONE, "referenced_tweets.retweeted.id": "",
    "referenced_tweets.quoted.id": None, "author_id": "22", "in_reply_to_user_id": "11", "text": "one\\ntwo",
    "created_at": "2020-09-13T12:26:40.000Z", "lang": "en", "public_metrics.like_count": "3",
    "public_metrics.reply_count": "2", "edit_history_tweet_ids": f'["{TWO}"]', "author.id": "22",
    "author.username": "bob", "author.name": "Bob", "__twarc.retrieved_at": "2020-09-13T12:27:40+00:00",
    "withheld.country_codes": "",
}  # fmt: skip


def test_a_row_of_twarc_csv() -> None:
    assert recognises(ROW)
    assert only(ROW) == only(v2_page(reply(text="one\ntwo")))
    assert only(ROW | {"referenced_tweets.retweeted.id": ONE, "referenced_tweets.replied_to.id": ""}).kind == "repost"
    assert only(ROW | {"withheld.country_codes": '["XX"]'}).text_status == "removed"
    assert only(ROW | {"edit_history_tweet_ids": "[" * 9000}).message_id == TWO


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_records_of_neighbours_are_not_claimed(name: str) -> None:
    assert not recognises(NEIGHBOURS[name])


def test_other_formats_of_x_are_not_claimed() -> None:
    assert not recognises(v11_status())
    assert not recognises({"tweet": v11_status()})
    assert not recognises(snscrape_tweet())


def test_a_minimal_post_is_recognised_by_its_history_or_its_long_ids() -> None:
    assert recognises({"id": "5", "text": "x", "edit_history_tweet_ids": ["5"]})
    assert recognises({"id": ONE, "text": "x", "author_id": "1", "conversation_id": ONE})
    assert not recognises({"id": ONE, "text": "x"})


def test_people_as_they_are_typed_and_mentioned() -> None:
    assert X_V2.username("https://x.com/Ann/status/1") == X_V2.username("@Ann") == X_V2.mention("Ann") == "Ann"
    assert X_V2.username("https://twitter.com/i/user/11") == X_V2.username("11") == X_V2.username("id:11") == "id:11"
    assert X_V2.username("@11") == "11"


@pytest.mark.parametrize("typed", ["", "a b", "a/b", "@@a", "https://x.com/home", "https://x.com/", "id:x", "ann!"])
def test_what_is_no_account_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        X_V2.username(typed)
    assert caught.value.remedy
    assert not typed or typed not in caught.value.message


WHOLE = v2_page(reply(note_tweet={"text": "long"}, withheld={"country_codes": ["DE"]}), tweets=[v2_post()])
FLAT = reply(author=v2_user("22", "bob"), referenced_tweets=[v2_post() | {"type": "replied_to"}])


@settings(derandomize=True, max_examples=100)
@given(damaged(WHOLE, FLAT, ROW, edited(TWO, "2022-10-03T17:57:01Z"), {"data": v2_post()}, {"errors": [GONE]}))
def test_any_json_is_a_message_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises, drafts, record)


def test_posts_within_posts_are_walked_not_descended() -> None:
    post = v2_post("1")
    for number in range(2, 5000):
        post = v2_post(str(number), referenced_tweets=[post | {"type": "replied_to"}])
    assert len(list(drafts(post))) == 4999


def lines(path: Path) -> Iterator[Record]:
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            assert path.name == "twarc_csv_streaming_output_with_error.jsonl"


def posts_of(record: Record) -> list[Record]:
    """Return the posts by hand: of a flat one, what it refers to as well."""
    if "data" not in record:
        return [record, *(other for other in record.get("referenced_tweets", []) if "text" in other)]
    data = record["data"] if isinstance(record["data"], list) else [record["data"]]
    return [post for post in data + record.get("includes", {}).get("tweets", []) if "text" in post]


def counted(paths: list[Path]) -> ByHand:
    """A repost is no message, who only reposts no author, and all versions of a post are one under the first id."""
    posts = {post["id"]: post for path in paths for record in lines(path) for post in posts_of(record)}
    first = {later: post["edit_history_tweet_ids"][0] for post in posts.values()
             for later in post.get("edit_history_tweet_ids", [])}  # fmt: skip
    found = ByHand()
    for native, post in posts.items():
        references = {reference["type"]: reference["id"] for reference in post.get("referenced_tweets", [])}
        if "retweeted" not in references:
            message = first.get(native, native)
            found.authors[message] = post["author_id"]
            if "replied_to" in references:
                found.parents[message] = first.get(references["replied_to"], references["replied_to"])
    return found


REAL = (
    "twarc2sql_example", "twarc2sql_search_example", "twarc_csv_2sets", "twarc_csv_brexit", "twarc_csv_edited_after",
    "twarc_csv_entities_test", "twarc_csv_flat", "twarc_csv_kpop", "twarc_csv_media_policy_violation_on",
    "twarc_csv_noflat", "twarc_csv_quoted_edit", "twarc_csv_streaming_output_with_error", "twarc_csv_users",
    "twarc_csv_withheld", "twarc_network_tweets",
)  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_captures_hold_what_plain_python_counts(shared_data: Path, name: str) -> None:
    path = shared_data / "x_v2" / f"{name}.jsonl"
    assert all(recognises(record) for record in lines(path))
    everything = [found for record in lines(path) for found in drafts(record)]
    kept = {found.message_id: found for found in everything if isinstance(found, Draft) and found.kind != "repost"}
    parents = {native: found.parent for native, found in kept.items() if found.parent}
    assert not any(isinstance(found, Reject) for found in everything)
    assert counted([path]).figures() == {
        "messages": len(kept),
        "authors": len({found.author for found in everything if isinstance(found, Draft) and found.kind != "repost"}),
        "replies": len(parents),
        "replies_resolved": sum(parent in kept for parent in parents.values()),
        "parents_missing": len(set(parents.values()) - set(kept)),
    }
    assert all(found.created_at for found in kept.values())


def test_pages_and_flat_posts_of_one_capture_hold_the_same(shared_data: Path) -> None:
    flat, pages = (
        [found for record in lines(shared_data / "x_v2" / f"twarc_csv_{name}.jsonl") for found in drafts(record)
         if isinstance(found, Draft)]
        for name in ("flat", "noflat")
    )  # fmt: skip
    # `twarc2 flatten` leaves out the profile of an author two references away; another copy has it.
    assert {found._replace(handle=None, display_name=None) for found in flat} == {
        found._replace(handle=None, display_name=None) for found in pages
    }
    assert {found.author: found.handle for found in flat if found.handle} == {
        found.author: found.handle for found in pages
    }


def test_the_format_is_registered_under_its_name() -> None:
    assert [known.name for known in FORMATS] == ["x-v2"]
