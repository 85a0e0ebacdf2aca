"""Answers of Reddit's API: things in listings, nested as deep as people talk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import BadRecordError, Draft, Reject
from ingest.sources import reddit
from ingest.sources.reddit_api import FORMATS, REDDIT_API, drafts, recognises
from tests.ingest.dumps import T0, post, reply
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import JSON, kept_promises

NOBODY = ("[deleted]", "AutoModerator")


def thing(kind: str, data: Any) -> dict[str, Any]:
    return {"kind": kind, "data": data}


def listing(*children: Any) -> dict[str, Any]:
    return thing("Listing", {"after": None, "before": None, "children": list(children), "dist": None})


def comment(identifier: str, parent: str, replies: Any = "", **more: Any) -> dict[str, Any]:
    data = reply(identifier, parent, at=float(T0), name=f"t1_{identifier}", edited=False, score=1, **more)
    return thing("t1", data | {"replies": replies})


def submission(identifier: str = "p1", **more: Any) -> dict[str, Any]:
    return thing("t3", post(identifier, at=float(T0), name=f"t3_{identifier}", edited=False, **more))


MORE = thing("more", {"count": 2, "name": "t1_m", "id": "m", "parent_id": "t1_c1", "depth": 1, "children": ["m", "n"]})


def ids(record: dict[str, Any]) -> list[str]:
    return [item.message_id for item in drafts(record) if isinstance(item, Draft)]


def reasons(record: dict[str, Any]) -> list[str]:
    return [item.reason for item in drafts(record) if isinstance(item, Reject)]


def test_the_format() -> None:
    assert FORMATS == (REDDIT_API,)
    assert (REDDIT_API.name, REDDIT_API.platform, REDDIT_API.known_bots) == (
        "reddit-api",
        "reddit",
        ("AutoModerator",),
    )
    assert REDDIT_API.username("u/Ann") == REDDIT_API.mention("Ann") == "Ann"


def test_a_listing_of_submissions() -> None:
    assert list(drafts(listing(submission(num_comments=7)))) == [
        Draft(
            platform="reddit",
            message_id="t3_p1",
            kind="post",
            thread="t3_p1",
            author="ann",
            author_status="known",
            forum="calm",
            created_at=T0 * 1_000_000,
            text="title p1\n\nbody",
            text_status="present",
            declared_replies=7,
        )
    ]


def test_comments_nest_in_replies_and_stay_in_order() -> None:
    inner = listing(comment("c2", "t1_c1", listing(comment("c3", "t1_c2"))), comment("c4", "t1_c1"))
    record = listing(comment("c1", "t3_p1", inner), comment("c5", "t3_p1"))
    found = [item for item in drafts(record) if isinstance(item, Draft)]
    assert [(draft.message_id, draft.parent) for draft in found] == [
        ("t1_c1", "t3_p1"),
        ("t1_c2", "t1_c1"),
        ("t1_c3", "t1_c2"),
        ("t1_c4", "t1_c1"),
        ("t1_c5", "t3_p1"),
    ]
    assert {draft.thread for draft in found} == {"t3_p1"}


def test_fifty_thousand_replies_deep() -> None:
    deep: Any = ""
    for number in range(50_000, 0, -1):
        deep = listing(comment(f"c{number}", f"t1_c{number - 1}", deep))
    assert ids(deep) == [f"t1_c{number}" for number in range(1, 50_001)]


@pytest.mark.parametrize("replies", ["", None, [], 3, listing(), listing(MORE)])
def test_no_replies_and_stubs_add_nothing(replies: Any) -> None:
    record = listing(comment("c1", "t3_p1", replies), MORE)
    assert (ids(record), reasons(record)) == (["t1_c1"], [])
    assert list(drafts(MORE)) == []
    assert list(drafts(listing())) == []


def test_what_morechildren_adds() -> None:
    record = {"json": {"errors": [], "data": {"things": [comment("c1", "t3_p1"), MORE, comment("c2", "t1_c1")]}}}
    assert recognises(record)
    assert ids(record) == ["t1_c1", "t1_c2"]
    assert not recognises({"json": {"errors": [["BAD", "words", None]]}})
    assert not recognises({"json": [{"data": {"things": []}}]})
    empty: dict[str, Any] = {"json": {"errors": [], "data": {"things": []}}}
    assert recognises(empty)
    assert list(drafts(empty)) == []


def test_a_thing_alone() -> None:
    assert ids(comment("c1", "t3_p1")) == ["t1_c1"]
    assert ids(submission()) == ["t3_p1"]


def test_the_answers_of_archives() -> None:
    """Arctic Shift and Pushshift: a list of plain records, or of things for a tree of comments."""
    assert ids({"data": [post(), reply("c1", "t3_p1")]}) == ["t3_p1", "t1_c1"]
    tree = {"data": [comment("c1", "t3_p1", listing(comment("c2", "t1_c1"))), MORE]}
    assert recognises(tree)
    assert ids(tree) == ["t1_c1", "t1_c2"]


def test_the_kind_tells_what_a_thing_without_a_name_is() -> None:
    assert ids(thing("t1", {"id": "c1", "author": "ann", "body": "words"})) == ["t1_c1"]
    assert ids(thing("t3", {"id": "p1", "author": "ann", "body": "words"})) == ["t3_p1"]


def test_deleted_comments_stay_as_nodes() -> None:
    (draft,) = drafts(comment("c1", "t3_p1", author="[deleted]", body="[removed]"))
    assert isinstance(draft, Draft)
    assert (draft.author, draft.author_status, draft.text, draft.text_status) == (None, "deleted", None, "removed")


@pytest.mark.parametrize("kind", ["t2", "t4", "t5", "t6"])
def test_other_things_are_no_messages(kind: str) -> None:
    other = thing(kind, {"id": "abc", "name": f"{kind}_abc", "body": "words", "title": "t", "created_utc": T0})
    assert list(drafts(listing(other, submission()))) == [
        Reject("a user, private message, subreddit or award"),
        *drafts(submission()),
    ]


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        (None, "not an object"),
        ("words", "not an object"),
        (thing("t1", None), "a thing without data"),
        (thing("t1", ["x"]), "not an object"),
        (thing("t1", {"id": "a b", "name": "t1_", "body": "x"}), "an id that Reddit does not use"),
        (thing("t1", {"body": "x", "created_utc": T0}), "no id"),
        (thing("wikipage", {"content_md": "x"}), "neither a submission nor a comment"),
        ({"kind": ["t1"], "data": {}}, "neither a submission nor a comment"),
    ],
)
def test_a_part_that_holds_none_has_a_reason_and_the_rest_stays(child: Any, reason: str) -> None:
    record = listing(child, submission())
    assert reasons(record) == [reason]
    assert ids(record) == ["t3_p1"]


NEIGHBOURS: dict[str, dict[str, Any]] = {
    "pushshift": post(),
    "pushshift comment": reply("c1", "t3_p1", name="t1_c1"),
    "x v2": {"data": [{"id": "1", "text": "words", "author_id": "2"}], "includes": {}, "meta": {}},
    "x v2 one": {"data": {"id": "1", "text": "words", "author_id": "2"}},
    "facebook": {"data": [{"id": "1_2", "message": "words", "created_time": "2020-09-13T12:26:40+0000"}]},
    "youtube": {"kind": "youtube#commentThreadListResponse", "items": [], "data": {"children": []}},
    "users": thing("UserList", {"children": [{"id": "t2_abc", "name": "ann"}]}),
    "wiki": thing("wikipage", {"content_md": "words"}),
    "empty": {"data": []},
    "token": {"access_token": "x", "token_type": "bearer", "expires_in": 3600, "scope": "*"},
    "mastodon": {"uri": "https://a.example/1", "content": "<p>words</p>", "account": {"acct": "ann"}},
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_it_claims_nothing_of_its_neighbours(name: str) -> None:
    assert not recognises(NEIGHBOURS[name])
    with pytest.raises(BadRecordError, match="no listing and no thing"):
        list(drafts(NEIGHBOURS[name]))


def test_its_neighbour_claims_nothing_of_it() -> None:
    for record in (listing(submission()), comment("c1", "t3_p1"), MORE, {"data": [post()]}):
        assert recognises(record)
        assert not reddit.recognises(record)


KINDS = st.sampled_from(["t1", "t3", "t5", "more", "Listing"]) | JSON
DATA = st.dictionaries(st.sampled_from(["id", "name", "body", "link_id", "created_utc", "replies", "title"]), JSON)
THINGS = st.recursive(
    st.builds(thing, KINDS, DATA | JSON),
    lambda inner: st.builds(listing, inner, inner) | st.builds(lambda replies: comment("c", "t3_p", replies), inner),
    max_leaves=6,
)


@settings(max_examples=100)
@given(THINGS | st.builds(lambda value: {"json": value}, JSON) | st.builds(lambda value: {"data": value}, JSON))
def test_any_json_gives_messages_or_reasons(record: dict[str, Any]) -> None:
    if not recognises(record):
        with pytest.raises(BadRecordError):
            list(drafts(record))
        return
    assert kept_promises(recognises, drafts, record)


def answers(path: Path) -> Iterator[Any]:
    """Yield the JSON bodies of a Betamax cassette (PRAW's test suite)."""
    cassette = json.loads(path.read_text("utf-8"))
    for interaction in cassette.get("http_interactions") or cassette["interactions"]:
        try:
            yield json.loads(interaction["response"]["body"]["string"])
        except ValueError:
            continue


def counted(paths: list[Path]) -> ByHand:
    """Find every dict that calls itself t1 or t3, wherever it is."""
    found = ByHand()
    stack: list[Any] = [answer for path in paths for answer in answers(path)]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if value.get("kind") in ("t1", "t3"):
                data = value["data"]
                found.authors[data["name"]] = None if data["author"] in NOBODY else data["author"]
                if value["kind"] == "t1":
                    found.parents[data["name"]] = data["parent_id"]
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return found


def cassettes(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "reddit_api").glob("*.json"))


def test_drafts_of_real_answers_are_as_many_as_plain_python_counts(shared_data: Path) -> None:
    paths = cassettes(shared_data)
    found: dict[str, Draft] = {}
    for answer in (answer for path in paths for answer in answers(path)):
        for record in answer if isinstance(answer, list) else [answer]:
            if recognises(record):
                items = list(drafts(record))
                assert not any(isinstance(item, Reject) for item in items)
                found |= {item.message_id: item for item in items if isinstance(item, Draft)}
    known = {draft.author.casefold() for draft in found.values() if draft.author} - {"automoderator"}
    replies = [draft for draft in found.values() if draft.parent]
    assert counted(paths).figures() == {
        "messages": len(found),
        "authors": len(known),
        "replies": len(replies),
        "replies_resolved": sum(draft.parent in found for draft in replies),
        "parents_missing": len({draft.parent for draft in replies} - set(found)),
    }
    assert all(draft.created_at and draft.thread for draft in found.values())
