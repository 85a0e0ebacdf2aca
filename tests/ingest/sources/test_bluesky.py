"""Every quirk of Bluesky's API and of Jetstream, and the real answers and rows."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record
from ingest.sources.bluesky import (
    FORMATS,
    drafts,
    jetstream_drafts,
    jetstream_recognises,
    mention,
    recognises,
    username,
)
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import damaged, kept_promises

T0 = 1_600_000_000_000_000
NOW = "2020-09-13T12:26:40.000Z"
ANN, BOB, MOD = "did:plc:ann", "did:plc:bob", "did:plc:moderation"


def at(key: str, did: str = ANN, collection: str = "app.bsky.feed.post") -> str:
    return f"at://{did}/{collection}/{key}"


def key(address: str) -> str:
    return blake2b(address.encode(), digest_size=16).hexdigest()


def answers(parent: str, root: str) -> dict[str, Any]:
    return {"parent": {"uri": parent, "cid": "x"}, "root": {"uri": root, "cid": "x"}}


def content(**more: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.post", "text": "Hello", "createdAt": NOW, "langs": ["en", "de"]} | more


def view(rkey: str = "a", did: str = ANN, record: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    author = {"did": did, "handle": f"{did[8:].title()}.bsky.social", "displayName": f"The {did[8:]}", "labels": []}
    return {
        "uri": at(rkey, did),
        "cid": "x",
        "author": author,
        "record": content() if record is None else record,
        "replyCount": 2,
        "likeCount": 3,
        "indexedAt": "2020-09-13T12:26:41.000Z",
        "labels": [],
    } | more


def reply(rkey: str = "b", did: str = BOB, **more: Any) -> dict[str, Any]:
    return view(rkey, did, content(reply=answers(at("a"), at("root", MOD))), **more)


def event(operation: str = "create", collection: str = "app.bsky.feed.post", **more: Any) -> dict[str, Any]:
    commit = {
        "rev": "x",
        "operation": operation,
        "collection": collection,
        "rkey": "a",
        "record": content(),
        "cid": "x",
    }
    return {"did": ANN, "time_us": T0 + 5, "kind": "commit", "commit": commit | more}


def read(record: dict[str, Any]) -> list[Draft]:
    assert recognises(record)
    found = list(drafts(record))
    assert all(isinstance(draft, Draft) for draft in found)
    return [draft for draft in found if isinstance(draft, Draft)]


def read_event(record: dict[str, Any]) -> list[Draft]:
    assert jetstream_recognises(record)
    return [draft for draft in jetstream_drafts(record) if isinstance(draft, Draft)]


ROOT = Draft(
    platform="bluesky",
    message_id=key(at("a")),
    kind="post",
    thread=key(at("a")),
    author=ANN,
    author_status="known",
    handle="ann.bsky.social",
    display_name="The ann",
    created_at=T0,
    text="Hello",
    text_status="present",
    language="en",
    score=3,
    declared_replies=2,
)
REPLY = ROOT._replace(
    message_id=key(at("b", BOB)),
    kind="comment",
    thread=key(at("root", MOD)),
    parent=ROOT.message_id,
    author=BOB,
    handle="bob.bsky.social",
    display_name="The bob",
    parent_author=ANN,
)


def test_a_post_and_a_reply() -> None:
    assert read(view()) == [ROOT]
    assert read(reply()) == [REPLY]


def test_ids_hold_no_names() -> None:
    for draft in read({"feed": [{"post": reply(), "reply": {"parent": view(), "root": view("root", MOD)}}]}):
        ids = f"{draft.message_id} {draft.parent} {draft.thread}"
        assert not any(name in ids for name in (ANN, BOB, MOD, "did:"))


@pytest.mark.parametrize("field", ["value", "record"])
def test_a_bare_record_has_the_author_of_its_address(field: str) -> None:
    (draft,) = read({"uri": at("a"), "cid": "x", field: content()})
    assert draft == ROOT._replace(handle=None, display_name=None, score=None, declared_replies=None)


def test_a_bare_record_without_its_address_is_refused() -> None:
    assert recognises(content())
    with pytest.raises(BadRecordError, match="without its address"):
        list(drafts(content()))


@pytest.mark.parametrize(
    "answer",
    [
        {"posts": [view()], "hitsTotal": 1, "cursor": "x"},
        {"records": [{"uri": at("a"), "cid": "x", "value": content()}]},
        {"feed": [{"post": view()}], "cursor": "x"},
        {"thread": {"$type": "app.bsky.feed.defs#threadViewPost", "post": view(), "replies": []}},
        {"thread": [{"uri": at("a"), "depth": 0, "value": {"post": view(), "moreReplies": 0}}]},
        {"post": view(), "replies": []},
        {"uri": at("a"), "depth": 0, "value": {"post": view()}},
    ],
)
def test_the_answers_of_the_api(answer: dict[str, Any]) -> None:
    assert [draft.message_id for draft in read(answer)] == [ROOT.message_id]


def test_a_feed_carries_parents_and_roots_along() -> None:
    context = {"root": view("root", MOD), "parent": view(), "grandparentAuthor": {"did": MOD}}
    found = read({"post": reply(), "reply": context})
    assert found[0] == REPLY
    assert {draft.message_id for draft in found[1:]} == {ROOT.message_id, key(at("root", MOD))}


def test_a_repost_stands_beside_the_post() -> None:
    by = {"did": BOB, "handle": "bob.bsky.social", "displayName": "The bob"}
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": by, "indexedAt": NOW}
    named = at("r", BOB, "app.bsky.feed.repost")
    repost, original = read({"post": view(), "reason": reason | {"uri": named}})
    assert original == ROOT
    assert repost == Draft(
        platform="bluesky",
        message_id=key(named),
        kind="repost",
        author=BOB,
        author_status="known",
        handle="bob.bsky.social",
        display_name="The bob",
        created_at=T0,
    )
    (older, _), (again, _) = (read({"post": view(), "reason": reason}) for _ in range(2))
    assert older == again
    assert older.message_id != repost.message_id


def test_a_pinned_post_is_no_repost() -> None:
    assert read({"post": view(), "reason": {"$type": "app.bsky.feed.defs#reasonPin"}}) == [ROOT]


def test_a_thread_with_lost_and_blocked_posts() -> None:
    lost = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": at("gone"), "notFound": True}
    blocked = {"uri": at("no"), "blocked": True, "author": {"did": BOB}}
    thread = {"post": view(), "parent": lost, "replies": [blocked, {"post": reply(), "replies": []}, None, 3]}
    assert read({"thread": thread}) == [ROOT, REPLY]
    assert read({"thread": lost}) == read({"thread": blocked}) == []


def test_a_thread_of_twenty_thousand_levels_does_not_recurse() -> None:
    down: dict[str, Any] = {"post": view()}
    up: dict[str, Any] = {"post": view()}
    for number in range(20_000):
        down = {"post": view(f"d{number}"), "replies": [down]}
        up = {"post": view(f"u{number}"), "parent": up}
    assert sum(1 for _ in drafts({"thread": down})) == sum(1 for _ in drafts({"thread": up})) == 20_001


@pytest.mark.parametrize("media", [False, True])
def test_a_quoted_post_is_a_message(media: bool) -> None:
    quoted = {"uri": at("q"), "cid": "x", "author": view()["author"], "value": content(text="quoted"), "embeds": []}
    embed: dict[str, Any] = {"$type": "app.bsky.embed.record#view", "record": quoted}
    embed = {"$type": "app.bsky.embed.recordWithMedia#view", "record": embed, "media": {}} if media else embed
    quoting, found = read(view(embed=embed))
    assert (quoting, found.text, found.message_id) == (ROOT, "quoted", key(at("q")))


@pytest.mark.parametrize("mark", [{"notFound": True}, {"blocked": True}, {"detached": True}])
def test_a_lost_quoted_post_is_none(mark: dict[str, Any]) -> None:
    assert read(view(embed={"record": {"uri": at("q")} | mark})) == [ROOT]


def test_a_quoted_list_is_no_message() -> None:
    record = {"uri": at("q", ANN, "app.bsky.graph.list"), "value": {"name": "x"}, "record": {"name": "x"}}
    assert read(view(embed={"record": record})) == [ROOT]


def test_the_names_of_python_atproto() -> None:
    author = {"did": ANN, "handle": "ann.bsky.social", "display_name": "The ann", "labels": None}
    record = {"py_type": "app.bsky.feed.post", "text": "Hello", "created_at": NOW, "langs": ["en"], "reply": None}
    snake = {"uri": at("a"), "author": author, "record": record, "indexed_at": NOW, "reply_count": 2, "like_count": 3}
    collected = {"4CAT_metadata": {"collected_at": T0 / 1e6}}
    assert read(snake | collected) == [ROOT._replace(retrieved_at=T0)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (NOW, T0),
        ("2020-09-13T12:26:50Z", T0 + 1_000_000),
        ("2087-01-01T00:00:00Z", T0 + 1_000_000),
        ("2019-09-13T12:26:40Z", 1_568_377_600_000_000),
        ("1970-01-01T00:00:00Z", T0 + 1_000_000),
        (None, T0 + 1_000_000),
        ([], T0 + 1_000_000),
    ],
)
def test_the_client_s_time_counts_unless_a_server_saw_the_post_before(said: object, expected: int) -> None:
    assert read(view(record=content(createdAt=said)))[0].created_at == expected


def test_a_key_made_of_a_time_stands_in_for_a_missing_time() -> None:
    record = {"uri": at("3k2yihcrp6f2c"), "value": content(createdAt=None)}
    created = read(record)[0].created_at
    assert created is not None
    assert abs(created - 1_689_903_000_000_000) < 86_400_000_000  # the day on which the real post of that key was made
    assert read({"uri": at("no-clock"), "value": content(createdAt=None)})[0].created_at is None


@pytest.mark.parametrize("langs", [None, [], "en", [3]])
def test_languages_that_are_none(langs: object) -> None:
    assert read(view(record=content(langs=langs)))[0].language is None


@pytest.mark.parametrize("text", ["", None, 3, "  "])
def test_empty_texts(text: object) -> None:
    draft = read(view(record=content(text=text)))[0]
    assert (draft.text, draft.text_status) == (None, "empty")


def label(val: str, src: str, **more: Any) -> dict[str, Any]:
    return {"src": src, "uri": "x", "val": val, "cts": NOW} | more


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([label("bot", ANN)], "labelled as a bot by itself"),
        ([label("bot", MOD)], None),
        ([label("bot", ANN, neg=True)], None),
        ([label("!no-unauthenticated", ANN), 3, {"val": "bot"}], None),
        (None, None),
    ],
)
def test_declared_bots(labels: object, expected: str | None) -> None:
    record = view()
    record["author"]["labels"] = labels
    assert read(record)[0].bot == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([label("!takedown", MOD)], (None, "removed")),
        ([label("!hide", MOD)], (None, "removed")),
        ([label("!hide", ANN)], ("Hello", "present")),
        ([label("!hide", MOD, neg=True)], ("Hello", "present")),
        ([label("graphic-media", MOD)], ("Hello", "present")),
    ],
)
def test_posts_taken_down(labels: list[Any], expected: tuple[str | None, str]) -> None:
    draft = read(view(labels=labels))[0]
    assert (draft.text, draft.text_status) == expected


def test_an_invalid_handle_is_none() -> None:
    record = view()
    record["author"]["handle"] = "handle.invalid"
    assert read(record)[0].handle is None


def test_a_reply_with_unusable_addresses_is_a_post_without_a_parent() -> None:
    draft = read(view(record=content(reply=answers("x", "at://x"))))[0]
    assert (draft.kind, draft.parent, draft.thread) == ("post", None, ROOT.thread)


NEIGHBOURS: list[dict[str, Any]] = [
    {},
    {"id": "1", "text": "x", "created_at": NOW},
    {"lexicon": 1, "id": "app.bsky.feed.post", "defs": {"main": {"type": "record"}}},
    {"uri": at("atproto", ANN, "app.bsky.feed.generator"), "cid": "x", "value": {"did": ANN, "createdAt": NOW}},
    {
        "uri": "https://one.example/users/ann/statuses/1",
        "content": "x",
        "account": {"acct": "ann"},
        "in_reply_to_id": None,
    },
    {"uri": at("a"), "cid": "x"},
    {"thread": "abc", "post_id": "12", "author": "ann", "text": "x"},
    {"posts": [{"id": "1", "message": "x"}]},
    {"records": [{"a": 1}]},
    {"feed": []},
    {"data": [{"id": "1", "text": "x"}], "includes": {}},
    {"kind": "Listing", "data": {"children": []}},
    {"kind": "youtube#comment", "id": "x", "snippet": {}},
]


@pytest.mark.parametrize("record", NEIGHBOURS)
def test_records_of_others_are_not_recognised(record: dict[str, Any]) -> None:
    assert not recognises(record)
    assert not jetstream_recognises(record)


def test_the_two_formats_do_not_claim_each_other_s_records() -> None:
    assert not recognises(event())
    assert not jetstream_recognises(view())


def test_an_event_that_makes_a_post() -> None:
    assert read_event(event()) == [
        ROOT._replace(handle=None, display_name=None, score=None, declared_replies=None, retrieved_at=T0 + 5)
    ]


def test_an_event_that_makes_a_reply() -> None:
    (draft,) = read_event(event(record=content(reply=answers(at("x", BOB), at("y", MOD)))))
    assert (draft.kind, draft.parent, draft.thread) == ("comment", key(at("x", BOB)), key(at("y", MOD)))
    assert draft.parent_author == BOB


def test_an_event_that_changes_a_post() -> None:
    (draft,) = read_event(event("update"))
    assert (draft.created_at, draft.edited_at) == (T0, T0 + 5)


def test_an_event_that_deletes_a_post_keeps_no_text() -> None:
    (draft,) = read_event(event("delete", record=None, rkey="3k2yihcrp6f2c"))
    assert draft == Draft(
        platform="bluesky",
        message_id=key(at("3k2yihcrp6f2c")),
        kind="post",
        author=ANN,
        author_status="known",
        created_at=draft.created_at,
        retrieved_at=T0 + 5,
        text_status="deleted",
    )
    assert draft.created_at is not None


def test_an_event_of_a_repost() -> None:
    reposts = "app.bsky.feed.repost"
    record = {"$type": reposts, "subject": {"uri": at("x", BOB)}, "createdAt": NOW}
    (draft,) = read_event(event(collection=reposts, record=record))
    assert (draft.kind, draft.message_id) == ("repost", key(at("a", ANN, reposts)))
    assert (draft.text, draft.parent, draft.created_at, draft.retrieved_at) == (None, None, T0, T0 + 5)
    assert read_event(event("delete", reposts)) == []


@pytest.mark.parametrize(
    "record",
    [
        event(collection="app.bsky.feed.like"),
        {"did": ANN, "time_us": T0, "kind": "identity", "identity": {"did": ANN, "handle": "x.example"}},
        {"did": ANN, "time_us": T0, "kind": "account", "account": {"active": False, "status": "deleted"}},
    ],
)
def test_events_without_a_message(record: dict[str, Any]) -> None:
    assert read_event(record) == []


def test_the_first_words_of_jetstream() -> None:
    commit = {"rev": "x", "type": "c", "collection": "app.bsky.feed.post", "rkey": "a", "record": content()}
    assert len(read_event({"did": ANN, "time_us": T0, "type": "com", "commit": commit})) == 1
    gone = {"did": ANN, "time_us": T0, "type": "com", "commit": commit | {"type": "d", "record": None}}
    assert read_event(gone)[0].text_status == "deleted"


@pytest.mark.parametrize("more", [{"rkey": None}, {"rkey": 3}, {"rkey": "a/b"}, {"record": "x"}])
def test_unusable_events_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(BadRecordError):
        list(jetstream_drafts(event(**more)))


@pytest.mark.parametrize(
    "typed",
    [
        "ann.bsky.social",
        "@Ann.bsky.social",
        "https://bsky.app/profile/ann.bsky.social",
        "at://ann.bsky.social/x/y",
        " ann.bsky.social ",
    ],
)
def test_usernames_as_people_type_them(typed: str) -> None:
    assert username(typed) == "ann.bsky.social"


@pytest.mark.parametrize("typed", [ANN, f"https://bsky.app/profile/{ANN}/post/3k", f"at://{ANN}"])
def test_dids_as_people_type_them(typed: str) -> None:
    assert username(typed) == ANN


@pytest.mark.parametrize("typed", ["", "ann", "@ann", "ann smith", "https://bsky.app/", "did:plc:"])
def test_what_is_no_username_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        username(typed)
    assert "ann" not in str(caught.value).lower()


def test_mentions_are_handles() -> None:
    assert [mention(raw) for raw in ("Ann.bsky.social", "ann.bsky.social.", ANN)] == ["ann.bsky.social"] * 2 + [ANN]


def test_the_formats() -> None:
    assert [f.name for f in FORMATS] == ["bluesky", "bluesky-jetstream"]
    assert {f.platform for f in FORMATS} == {"bluesky"}


REAL_LOOKING: list[dict[str, Any]] = [
    reply(embed={"record": {"record": {"uri": at("q"), "author": {"did": ANN}, "value": content(), "embeds": []}}}),
    {"feed": [{"post": reply(labels=[label("!hide", MOD)]), "reply": {"parent": view(), "root": view()}}]},
    {"feed": [{"post": view(), "reason": {"by": {"did": BOB, "handle": "bob.example"}, "indexedAt": NOW}}]},
    {"thread": {"post": view(), "parent": {"post": view("c")}, "replies": [{"post": reply()}]}},
    {"thread": [{"uri": at("a"), "value": {"post": view()}}]},
    {"post_id": at("a"), "author": "ann.example", "author_did": ANN, "text": "x", "created_at": NOW, "scraped_at": NOW},
    event(),
    event("delete"),
    event(collection="app.bsky.feed.repost"),
]


@settings(max_examples=100)
@given(damaged(*REAL_LOOKING))
def test_garbage_is_rejected_or_ignored(record: Record) -> None:
    assert kept_promises(recognises, drafts, record)
    assert kept_promises(jetstream_recognises, jetstream_drafts, record)


def counted(paths: list[Path]) -> ByHand:
    """Find every record of a post with its address, wherever it is, and the rows of a table of posts."""
    found = ByHand()
    stack: list[Any] = [json.loads(path.read_bytes()) for path in paths]
    while stack:
        value = stack.pop()
        stack.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        if (
            isinstance(value, dict)
            and "/app.bsky.feed.post/" in value.get("uri", "")
            and {"record", "value"} & set(value)
        ):
            found.authors[value["uri"]] = value["uri"].split("/")[2]
            reply = value.get("record", value.get("value")).get("reply")
            if reply:
                found.parents[value["uri"]] = reply["parent"]["uri"]
        elif isinstance(value, dict) and "post_id" in value:
            found.authors[value["post_id"]] = value["author_did"]
    return found


def rows(shared_data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared_data / "bluesky" / "nyc_bluesky_posts_noreply.json").read_bytes())
    return found


def test_the_real_rows(shared_data: Path) -> None:
    expected = rows(shared_data)
    found = [draft for row in expected for draft in read(row)]
    assert len({draft.message_id for draft in found}) == len({row["post_id"] for row in expected})
    assert len({draft.author for draft in found}) == len({row["author_did"] for row in expected})
    assert [draft.text for draft in found] == [row["text"].strip() or None for row in expected]
    assert [draft.language for draft in found] == [row["language"] for row in expected]
    assert all(draft.created_at and draft.retrieved_at and draft.created_at < draft.retrieved_at for draft in found)


def test_a_real_thread_and_the_post_it_quotes(shared_data: Path) -> None:
    answer = json.loads((shared_data / "bluesky" / "thread_view_post_with_embed_media.json").read_bytes())
    post, quoted = read(answer)
    assert post.message_id == key(answer["thread"]["post"]["uri"])
    assert quoted.message_id == key(answer["thread"]["post"]["record"]["embed"]["record"]["record"]["uri"])
    assert post.author == quoted.author == answer["thread"]["post"]["author"]["did"]
    assert (post.text_status, quoted.text_status) == ("empty", "present")


@pytest.mark.parametrize("name", ["post_record", "extended_post_record"])
def test_real_bare_records(shared_data: Path, name: str) -> None:
    record = json.loads((shared_data / "bluesky" / f"{name}.json").read_bytes())
    (draft,) = read(record)
    assert (draft.message_id, draft.text) == (key(record["uri"]), record["value"]["text"])


@pytest.mark.parametrize("name", ["feed_record", "lexicon_app.bsky.feed.defs", "lexicon_app.bsky.feed.post"])
def test_real_files_that_hold_no_messages(shared_data: Path, name: str) -> None:
    record = json.loads((shared_data / "bluesky" / f"{name}.json").read_bytes())
    assert not recognises(record)
    assert not jetstream_recognises(record)
