"""Records without a message: each is rejected, but those of kinds that are known to hold none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ingest
from ingest.formats import by_name, every_format
from ingest.preview import preview
from ingest.records import NO_MESSAGE, Draft, Record, Reject
from tests.ingest.sources.test_bluesky import ANN, NOW, at, event, view
from tests.ingest.sources.test_mastodon import account, activity, note, outbox, status

LIKE = "app.bsky.feed.like"
FETCHED = {"object_id": "1_2", "query_status": "error (400)", "query_type": "", "object_type": "error"}


def reasons(name: str, record: Record) -> list[str]:
    return [found.reason for found in by_name(name).read(record) if isinstance(found, Reject)]


@pytest.mark.parametrize("name", [one.name for one in every_format()])
@pytest.mark.parametrize("record", [{"foo": 1}, {"error": "Rate limit exceeded"}, {}])
def test_an_unknown_record_is_rejected_by_every_format(name: str, record: Record) -> None:
    assert len(reasons(name, record)) == 1
    assert list(by_name(name).read(record)) == [Reject(reason) for reason in reasons(name, record)]


@pytest.mark.parametrize(
    ("name", "record", "lost"),
    [
        ("x-v11", {"statuses": ["a", 3]}, 2),
        ("x-v2", {"data": ["x"]}, 1),
        ("x-v2", {"data": "x"}, 1),
        ("mastodon", {"statuses": [status(), {"error": "gone"}, "x"]}, 2),
        ("mastodon", {"id": "5", "type": "mention", "account": account(), "status": {"id": "1"}}, 1),
        ("mastodon-outbox", outbox("https://one.example/1", {"foo": 1}, activity("Create", note())), 2),
        ("mastodon-outbox", outbox(activity("Create", {"type": "Unheard", "id": "x"})), 1),
        ("bluesky", {"posts": [view(), {"foo": 1}, "x"]}, 2),
        ("bluesky", {"feed": [{"post": {"uri": at("a")}}]}, 1),
        ("bluesky", {"thread": {"foo": 1}}, 1),
        ("bluesky-jetstream", {"did": ANN, "time_us": 1, "kind": "commit", "commit": {}}, 1),
        ("bluesky-jetstream", {"did": ANN, "time_us": 1, "kind": "commit"}, 1),
        ("facepager", {"object_id": "1_2"}, 1),
    ],
)
def test_what_holds_no_message_is_counted(name: str, record: Record, lost: int) -> None:
    assert len(reasons(name, record)) == lost


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("reddit-api", {"kind": "more", "data": {"id": "x", "children": ["y"]}}),
        ("reddit-api", {"kind": "Listing", "data": {"children": []}}),
        ("x-v11", {"delete": {"status": {"id_str": "1", "user_id_str": "2"}}}),
        ("x-v11", {"limit": {"track": 3}}),
        ("x-v11", {"statuses": []}),
        ("x-v2", {"meta": {"result_count": 0}}),
        ("x-v2", {"errors": [{"title": "Not Found Error", "type": "https://api.twitter.com/2/problems/x"}]}),
        ("x-v2", {"data": [{"delete": {"tweet": {"id": "1"}}}]}),
        ("snscrape-x", {"_type": "snscrape.modules.twitter.TweetRef", "id": 12}),
        ("facepager", FETCHED),
        ("facebook-graph", {"data": [], "paging": {}}),
        ("meta-content-library", {"data": []}),
        ("mastodon", {"ancestors": [], "descendants": []}),
        ("mastodon", {"accounts": [account()], "statuses": [], "hashtags": []}),
        ("mastodon", {"id": "9", "unread": False, "accounts": [account()], "last_status": None}),
        ("mastodon", {"id": "5", "type": "follow", "created_at": NOW, "account": account()}),
        ("mastodon", account()),
        ("mastodon-outbox", activity("Like", "https://one.example/1")),
        ("mastodon-outbox", outbox(activity("Follow", "https://one.example/@bob"))),
        ("mastodon-outbox", outbox()),
        ("mastodon-outbox", {"type": "OrderedCollection", "totalItems": 3, "first": "https://one.example/outbox?page=1"}),
        ("bluesky", {"feed": [], "cursor": "x"}),
        ("bluesky", {"thread": {"uri": at("a"), "notFound": True}}),
        ("bluesky", {"records": [{"uri": at("a", ANN, LIKE), "value": {"subject": {"uri": at("b")}}}]}),
        ("bluesky", {"uri": at("a", ANN, LIKE), "value": {"subject": {"uri": at("b")}}}),
        ("bluesky-jetstream", event("create", LIKE)),
        ("bluesky-jetstream", {"did": ANN, "time_us": 1, "kind": "identity", "identity": {}}),
        ("telegram", {"id": 1, "type": "personal_chat", "messages": []}),
        ("youtube-api", {"kind": "youtube#commentListResponse", "items": []}),
        ("stack-exchange", {"#tag": "row", "Id": "1", "PostTypeId": "4"}),
    ],
)  # fmt: skip
def test_what_is_known_to_hold_no_message_is_none(name: str, record: Record) -> None:
    assert list(by_name(name).read(record)) == []


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return value


def test_roots_exported_without_nulls_are_kept_and_an_error_among_them_is_said(tmp_path: Path) -> None:
    """Roots have no `in_reply_to_id` then, so that losing them would lose no replies."""
    replies = [status(str(n), "bob", "2", in_reply_to_id="100", in_reply_to_account_id="1") for n in (101, 102)]
    records = [without_nulls(one) for one in (*replies, status("100"), status("103"))]
    path = tmp_path / "statuses.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (*records, {"error": "Too many requests of ann"})))
    told = ingest.ingest([path], tmp_path / "restricted").to_dict()
    assert (told["messages"], told["replies_resolved"]) == (4, 2)
    assert told["rejected"] == [{"file": "statuses.jsonl", "line": 5, "reason": NO_MESSAGE}]
    (shown,) = preview(path)
    assert (shown.messages, shown.broken) == (4, 1)


def test_roots_alone_are_recognised() -> None:
    root = without_nulls(status())
    assert by_name("mastodon").recognises(root)
    assert [type(found) for found in by_name("mastodon").read(root)] == [Draft]
