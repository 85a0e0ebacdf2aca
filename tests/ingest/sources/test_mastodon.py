"""Every quirk of Mastodon's API and of ActivityPub outboxes, and the real recordings and the real outbox."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from copenet.foundation.errors import UsageError
from ingest.recordings import unwrap_yaml
from ingest.records import Draft, Record, Reject
from ingest.sources.mastodon import (
    FORMATS,
    drafts,
    mention,
    outbox_drafts,
    outbox_recognises,
    recognises,
    username,
)
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import damaged, kept_promises

T0 = 1_600_000_000_000_000
NOW = "2020-09-13T12:26:40.000Z"
HOME = "one.example"


def key(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def account(acct: str = "ann", number: str = "1", **more: Any) -> dict[str, Any]:
    name, _, host = acct.partition("@")
    return {
        "id": number,
        "username": name,
        "acct": acct,
        "display_name": f"The {name}",
        "bot": False,
        "url": f"https://{host or HOME}/@{name}",
        "uri": f"https://{host or HOME}/users/{name}",
    } | more


def status(local: str = "100", acct: str = "ann", number: str = "1", **more: Any) -> dict[str, Any]:
    name, _, host = acct.partition("@")
    return {
        "id": local,
        "created_at": NOW,
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "uri": f"https://{host or HOME}/users/{name}/statuses/{local}",
        "url": f"https://{host or HOME}/@{name}/{local}",
        "replies_count": 2,
        "favourites_count": 3,
        "edited_at": None,
        "content": "<p>Hello</p>",
        "reblog": None,
        "account": account(acct, number),
        "mentions": [],
        "tags": [],
    } | more


def note(number: str = "100", **more: Any) -> dict[str, Any]:
    return {
        "id": f"https://{HOME}/users/ann/statuses/{number}",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": NOW,
        "url": f"https://{HOME}/@ann/{number}",
        "attributedTo": f"https://{HOME}/users/ann",
        "content": "<p>Hello</p>",
        "contentMap": {"en": "<p>Hello</p>"},
        "tag": [],
        "replies": {"type": "Collection", "totalItems": 2},
        "likes": {"type": "Collection", "totalItems": 3},
    } | more


def activity(word: str, thing: Any) -> dict[str, Any]:
    actor = f"https://{HOME}/users/ann"
    return {"id": f"{actor}/statuses/900/activity", "type": word, "actor": actor, "published": NOW, "object": thing}


def outbox(*items: Any) -> dict[str, Any]:
    return {"id": "outbox.json", "type": "OrderedCollection", "totalItems": len(items), "orderedItems": list(items)}


def read(record: dict[str, Any]) -> list[Draft]:
    assert recognises(record)
    found = list(drafts(record))
    assert all(isinstance(draft, Draft) for draft in found)
    return [draft for draft in found if isinstance(draft, Draft)]


def read_outbox(record: dict[str, Any]) -> list[Draft]:
    assert outbox_recognises(record)
    return [draft for draft in outbox_drafts(record) if isinstance(draft, Draft)]


ROOT = Draft(
    platform="mastodon",
    message_id=key("one.example/100"),
    kind="post",
    thread=key("one.example/100"),
    author="ann@one.example",
    author_status="known",
    display_name="The ann",
    created_at=T0,
    text="Hello",
    text_status="present",
    language="en",
    score=3,
    declared_replies=2,
)


def test_a_status() -> None:
    assert read(status()) == [ROOT]


def test_a_reply_to_a_local_status_names_it_without_having_it() -> None:
    reply = status("101", "bob", "2", in_reply_to_id="100", in_reply_to_account_id="1", mentions=[account()])
    (draft,) = read(reply)
    assert (draft.kind, draft.thread, draft.parent) == ("comment", None, ROOT.message_id)
    assert draft.parent_author == "ann@one.example"


def test_a_remote_author_s_reply_to_a_local_status_names_it_too() -> None:
    reply = status("7", "bob@two.example", "2", in_reply_to_id="100", in_reply_to_account_id="1", mentions=[account()])
    (draft,) = read(reply)
    assert (draft.message_id, draft.parent) == (key("two.example/7"), ROOT.message_id)
    assert draft.author == "bob@two.example"


def test_the_page_of_a_hashtag_tells_the_instance() -> None:
    tag = {"name": "calm", "url": "https://one.example/tags/calm"}
    (draft,) = read(status("7", "bob@two.example", "2", in_reply_to_id="100", tags=[tag]))
    assert (draft.parent, draft.parent_author) == (ROOT.message_id, None)


def test_a_remote_parent_outside_the_document_keeps_its_author_and_one_id_for_all_its_replies() -> None:
    eve = account("eve@three.example", "3")
    near = status("101", "bob", "2", in_reply_to_id="55", in_reply_to_account_id="3", mentions=[eve])
    far = status("102", "cat@two.example", "4", in_reply_to_id="55", in_reply_to_account_id="3", mentions=[eve])
    found = read(near) + read(far)
    assert {draft.parent for draft in found} == {key("unknown/55")}
    assert {draft.parent_author for draft in found} == {"eve@three.example"}


def test_a_context_resolves_remote_parents_by_their_uri() -> None:
    parent = status("55", "eve@three.example", "3", uri="https://three.example/objects/ab-12")
    reply = status("56", "bob@two.example", "2", in_reply_to_id="55", in_reply_to_account_id="3")
    first, second = read({"ancestors": [parent], "descendants": [reply]})
    assert first.message_id == key("three.example/objects/ab-12")
    assert (second.parent, second.parent_author) == (first.message_id, "eve@three.example")


def test_a_context_without_statuses_is_recognised_and_holds_none() -> None:
    assert read({"ancestors": [], "descendants": []}) == []


def test_one_post_seen_from_two_instances_is_one_message() -> None:
    here = status("100", "ann", "1")
    there = status("777", "ann@one.example", "31", uri=here["uri"], url=here["url"])
    assert read(here)[0][:8] == read(there)[0][:8]


@pytest.mark.parametrize(
    "uri",
    [
        "https://one.example/users/ann/statuses/100",
        "https://ONE.example/users/ann/statuses/100/activity",
        "https://one.example/ap/users/12/statuses/100",
        "https://one.example/@ann/100",
        "tag:one.example,2017-01-02:objectId=100:objectType=Status",
    ],
)
def test_every_address_of_a_post_at_home_is_the_same_message(uri: str) -> None:
    assert read(status(uri=uri))[0].message_id == ROOT.message_id


def test_ids_hold_no_names() -> None:
    for uri in ("https://one.example/users/ann/statuses/1", "https://ann.example/p/ann/2", "weird:ann"):
        assert "ann" not in read(status(uri=uri))[0].message_id


def test_a_status_without_uri_falls_back_to_its_page_and_without_both_is_not_recognised() -> None:
    assert read(status(uri=None))[0].message_id == ROOT.message_id
    assert not recognises(status(uri=None, url=None))


def test_a_parent_that_was_deleted_leaves_its_author() -> None:
    (draft,) = read(status("101", "bob", "2", in_reply_to_account_id="1", mentions=[account()]))
    assert (draft.kind, draft.parent, draft.parent_author) == ("comment", None, "ann@one.example")


def test_an_answer_to_oneself() -> None:
    (draft,) = read(status("101", in_reply_to_id="100", in_reply_to_account_id="1"))
    assert (draft.parent, draft.parent_author) == (ROOT.message_id, "ann@one.example")


def test_a_boost_is_a_repost_beside_the_original() -> None:
    boost = status("200", "bob@two.example", "2", reblog=status())
    boost["uri"] += "/activity"
    repost, original = read(boost)
    assert original == ROOT
    assert repost == Draft(
        platform="mastodon",
        message_id=key("two.example/200"),
        kind="repost",
        author="bob@two.example",
        author_status="known",
        display_name="The bob",
        created_at=T0,
    )


@pytest.mark.parametrize("quote", [{"state": "accepted", "quoted_status": status()}, status()])
def test_a_quoted_status_is_a_message(quote: dict[str, Any]) -> None:
    quoting, quoted = read(status("200", "bob", "2", quote=quote))
    assert (quoting.kind, quoting.parent, quoted) == ("post", None, ROOT)


def test_a_quote_without_its_status() -> None:
    assert len(read(status(quote={"state": "deleted", "quoted_status": None}))) == 1


def test_a_conversation_holds_its_last_status_or_none() -> None:
    conversation = {"id": "9", "unread": False, "accounts": [account()], "last_status": status()}
    assert read(conversation) == [ROOT]
    assert read(conversation | {"last_status": None}) == []


def test_searches_and_notifications_hold_statuses() -> None:
    assert read({"accounts": [], "statuses": [status()], "hashtags": []}) == [ROOT]
    assert read({"id": "5", "type": "mention", "created_at": NOW, "account": account(), "status": status()}) == [ROOT]


def test_a_deletion_s_answer_is_a_deleted_message_whose_author_is_known() -> None:
    gone = status(text="Hello", mentions=[])
    del gone["content"]
    (draft,) = read(gone)
    assert (draft.text, draft.text_status, draft.author_status) == (None, "deleted", "known")


def test_a_content_warning_stands_before_the_text() -> None:
    assert read(status(spoiler_text="food"))[0].text == "food\n\nHello"


@pytest.mark.parametrize("content", ["", "<p></p>", None, 3])
def test_an_empty_text(content: object) -> None:
    draft = read(status(content=content))[0]
    assert (draft.text, draft.text_status) == (None, "empty")


def test_people_in_a_text_are_named_with_their_host() -> None:
    html = (
        '<p><span class="h-card"><a href="https://one.example/@bob" class="u-url mention">@<span>bob</span></a></span> '
        'and <a href="https://social.two.example/@Cat" class="u-url mention">@<span>Cat</span></a> see '
        "https://one.example/@ann/12 and https://one.example/@na.me/12</p>"
    )
    cat = account("cat@two.example", "5", url="https://social.two.example/@Cat")
    text = read(status(content=html, mentions=[account("bob", "2"), cat]))[0].text
    assert text == (
        "@bob@one.example and @cat@two.example see https://one.example/@ann/12 and https://one.example/@na.me/12"
    )


def test_declared_bots_and_edits() -> None:
    (draft,) = read(status(edited_at="2020-09-13T12:26:41Z", account=account(bot=True)))
    assert (draft.bot, draft.edited_at) == ("account.bot", T0 + 1_000_000)


@pytest.mark.parametrize("at", [None, "", "soon", "1890-01-01T00:00:00Z", 5, [], {}])
def test_an_absurd_date_is_no_date(at: object) -> None:
    assert read(status(created_at=at))[0].created_at is None


def test_an_account_without_a_host_or_a_name() -> None:
    draft = read(status(account={"acct": "ann"}))[0]
    assert (draft.author, draft.author_status) == (None, "unknown")


def test_a_chain_of_ten_thousand_quotes_does_not_recurse() -> None:
    chain = status("0")
    for number in range(1, 10_000):
        chain = status(str(number), quote={"quoted_status": chain})
    assert sum(1 for _ in drafts(chain)) == 10_000


NEIGHBOURS: list[dict[str, Any]] = [
    {},
    {"id": "1", "text": "x", "created_at": NOW},
    {"id": "1", "text": "x", "author_id": "2", "created_at": NOW, "conversation_id": "1"},
    {"id_str": "1", "full_text": "x", "user": {"screen_name": "a"}, "created_at": "Sun Sep 13 12:26:40 +0000 2020"},
    {"statuses": [{"id_str": "1", "text": "x", "user": {}}], "search_metadata": {}},
    {"id": "c1", "body": "x", "author": "ann", "created_utc": 1, "link_id": "t3_a"},
    {"id": "1_2", "from": {"name": "x"}, "message": "x", "created_time": NOW},
    {"uri": "at://did:plc:a/app.bsky.feed.post/3k", "author": {"did": "did:plc:a"}, "record": {"text": "x"}},
    {"id": "1", "type": "CreateEvent", "actor": {"login": "x"}, "repo": {}},
    {"type": "personal_chat", "id": 1, "name": "x", "messages": []},
    account(),
    {"id": "outbox", "type": "OrderedCollection", "totalItems": 1, "orderedItems": ["https://one.example/users/ann"]},
]


@pytest.mark.parametrize("record", NEIGHBOURS)
def test_records_of_others_are_not_recognised(record: dict[str, Any]) -> None:
    assert not recognises(record)
    assert not outbox_recognises(record)


def test_the_two_formats_do_not_claim_each_other_s_records() -> None:
    assert not outbox_recognises(status())
    assert not any(map(recognises, (note(), activity("Create", note()), outbox(activity("Create", note())))))


NOTE = ROOT._replace(display_name=None)


def test_an_outbox_of_notes() -> None:
    assert read_outbox(outbox(activity("Create", note()))) == [NOTE]
    assert read_outbox(activity("Create", note())) == [NOTE]
    assert read_outbox(note()) == [NOTE]
    page = {"type": "OrderedCollectionPage", "orderedItems": [activity("Create", note())]}
    assert read_outbox({"type": "OrderedCollection", "first": page}) == [NOTE]
    assert read_outbox(outbox()) == []


def test_a_piece_of_an_outbox_may_have_lost_its_type() -> None:
    assert read_outbox({"orderedItems": [activity("Create", note())]}) == [NOTE]


def test_a_note_of_an_outbox_is_the_status_of_the_api() -> None:
    assert read_outbox(note())[0].message_id == read(status())[0].message_id


def test_a_note_that_answers_another() -> None:
    tag = {"type": "Mention", "href": "https://two.example/users/bob", "name": "@bob@two.example"}
    (draft,) = read_outbox(note(inReplyTo="https://two.example/users/bob/statuses/7", tag=[tag]))
    assert (draft.kind, draft.thread, draft.parent) == ("comment", None, key("two.example/7"))
    assert draft.parent_author == "bob@two.example"


@pytest.mark.parametrize(
    ("parent", "tags", "expected"),
    [
        ("https://two.example/users/Bob/statuses/7", [], "bob@two.example"),
        ("https://two.example/ap/users/12/statuses/7", [], None),
        (
            "https://two.example/ap/users/12/statuses/7",
            [{"type": "Mention", "href": "https://two.example/ap/users/12", "name": "@bob@two.example"}],
            "bob@two.example",
        ),
        (
            "https://one.example/ap/users/13/statuses/7",
            [{"type": "Mention", "href": "https://one.example/ap/users/13", "name": "@cat"}],
            "cat@one.example",
        ),
        ("https://two.example/objects/ab", [{"type": "Hashtag", "href": "x", "name": "#x"}, 3], None),
    ],
)
def test_whom_a_note_answers(parent: str, tags: list[Any], expected: str | None) -> None:
    assert read_outbox(note(inReplyTo=parent, tag=tags))[0].parent_author == expected


def test_an_author_whose_address_is_a_number_is_named_by_the_page() -> None:
    numbered = {"id": f"https://{HOME}/ap/users/12/statuses/100", "attributedTo": f"https://{HOME}/ap/users/12"}
    assert read_outbox(note(**numbered)) == [NOTE]
    assert read_outbox(note(**numbered, url=None))[0].author == "one.example/ap/users/12"


def test_boosts_in_an_outbox() -> None:
    other, own = read_outbox(outbox(activity("Announce", "https://two.example/users/bob/statuses/7"))) * 2
    assert other == Draft(
        platform="mastodon",
        message_id=key("one.example/900"),
        kind="repost",
        author="ann@one.example",
        author_status="known",
        created_at=T0,
    )
    repost, original = read_outbox(activity("Announce", note()))
    assert (repost, original) == (own, NOTE)


def test_deletions_in_an_outbox() -> None:
    gone = {"id": f"https://{HOME}/users/ann/statuses/100", "type": "Tombstone"}
    (draft,) = read_outbox(activity("Delete", gone))
    assert (draft.message_id, draft.text_status, draft.author) == (ROOT.message_id, "deleted", "ann@one.example")
    assert read_outbox(activity("Delete", f"https://{HOME}/users/ann")) == []


@pytest.mark.parametrize("word", ["Undo", "Like", "Follow", "Block"])
def test_other_activities_hold_no_message(word: str) -> None:
    assert read_outbox(activity(word, note())) == []


def test_what_an_outbox_lacks_is_rejected_and_the_rest_is_kept() -> None:
    items = (activity("Create", "https://one.example/x"), activity("Create", note(id=None)), activity("Create", note()))
    found = list(outbox_drafts(outbox(*items)))
    assert found == [Reject("an activity that names its note only"), Reject("a note without an id"), NOTE]


def test_edits_and_languages_of_notes() -> None:
    several = {"de": "<p>Hallo</p>", "en": "<p>Hello</p>"}
    (draft,) = read_outbox(activity("Update", note(updated="2020-09-13T12:26:41Z", contentMap=several)))
    assert (draft.edited_at, draft.language) == (T0 + 1_000_000, "en")


@pytest.mark.parametrize(
    "typed",
    [
        "ann@one.example",
        " @Ann@One.example ",
        "acct:ann@one.example",
        "https://one.example/@ann",
        "https://one.example/users/ann",
        "one.example/@ann/12345",
        "https://two.example/@ann@one.example",
    ],
)
def test_usernames_as_people_type_them(typed: str) -> None:
    assert username(typed) == "ann@one.example"


@pytest.mark.parametrize("typed", ["", "ann", "@ann", "ann smith", "@", "https://one.example/", "ann@@one.example"])
def test_what_is_no_username_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        username(typed)
    assert "ann" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("Ann@One.example", "ann@one.example"), ("Ann", "ann"), ("https://one.example/@Ann", "ann@one.example")],
)
def test_mentions(raw: str, expected: str) -> None:
    assert mention(raw) == expected


def test_the_formats() -> None:
    assert [f.name for f in FORMATS] == ["mastodon", "mastodon-outbox"]
    assert {f.platform for f in FORMATS} == {"mastodon"}


REAL_LOOKING: list[dict[str, Any]] = [
    status("101", in_reply_to_id="100", in_reply_to_account_id="1", mentions=[account("bob", "2")], reblog=status()),
    {"ancestors": [status()], "descendants": [status(quote={"quoted_status": status()})]},
    {"id": "9", "unread": False, "accounts": [account()], "last_status": status()},
    outbox(activity("Create", note(inReplyTo="https://a.example/users/b/statuses/1")), activity("Announce", note())),
    outbox(activity("Delete", {"id": "https://a.example/x", "type": "Tombstone"})),
    note(tag=[{"type": "Mention", "href": "https://a.example/users/b", "name": "@b"}]),
]


@settings(max_examples=100)
@given(damaged(*REAL_LOOKING))
def test_garbage_is_rejected_or_ignored(record: Record) -> None:
    assert kept_promises(recognises, drafts, record)
    assert kept_promises(outbox_recognises, outbox_drafts, record)


def flat(value: Any) -> list[dict[str, Any]]:
    return [part for item in value for part in flat(item)] if isinstance(value, list) else [value]


def recorded(path: Path) -> list[dict[str, Any]]:
    return [record for answer in unwrap_yaml(path.read_bytes()) or [] for record in flat(answer)]


@pytest.mark.parametrize(
    ("name", "recognised"),
    [
        ("test_entity_context", 1),
        ("test_entity_conversation", 20),
        ("test_fetch_remaining", 90),
        ("test_status_context", 3),
        ("test_status_reply", 4),
    ],
)
def test_real_recordings(shared_data: Path, name: str, recognised: int) -> None:
    records = recorded(shared_data / "mastodon" / f"{name}.yaml")
    known = [record for record in records if recognises(record)]
    assert len(known) == recognised
    found = [draft for record in known for draft in read(record)]
    ids = {draft.message_id for draft in found}
    replies = {draft.message_id: draft.parent for draft in found if draft.parent}
    assert counted([shared_data / "mastodon" / f"{name}.yaml"]).figures() == {
        "messages": len(ids),
        "authors": len({draft.author for draft in found}),
        "replies": len(replies),
        "replies_resolved": sum(parent in ids for parent in replies.values()),
        "parents_missing": len(set(replies.values()) - ids),
    }
    assert ids
    assert all(draft.created_at for draft in found)


def test_the_replies_of_a_real_context_name_the_status_it_was_asked_for(shared_data: Path) -> None:
    (context,) = recorded(shared_data / "mastodon" / "test_entity_context.yaml")
    (asked,) = {s["in_reply_to_id"] for s in context["descendants"]}
    assert {draft.parent for draft in read(context) if draft.parent} == {key(f"mastodon.social/{asked}")}


def home(uri: str) -> str:
    """Return an address without the person in it: two ways to write it lead to the same instance and number."""
    parts = uri.split("/")
    return f"{parts[2]}/{parts[-1]}" if parts[-2] == "statuses" or parts[-2][:1] == "@" else uri


def outbox_counted(paths: list[Path]) -> ByHand:
    found = ByHand()
    for item in (item for path in paths for item in json.loads(path.read_bytes())["orderedItems"]):
        note = item["object"]
        if isinstance(note, dict):
            found.authors[home(note["id"])] = note["attributedTo"]
            if note["inReplyTo"]:
                found.parents[home(note["id"])] = home(note["inReplyTo"])
    return found


def statuses_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    parts = (record, record.get("last_status"), *record.get("ancestors", ()), *record.get("descendants", ()))
    return [part for part in parts if isinstance(part, dict) and "in_reply_to_id" in part]


def counted(paths: list[Path]) -> ByHand:
    """Ids that are local to an instance are taken for ids at the author's home: so it is in these recordings."""
    found = ByHand()
    for status in (s for path in paths for record in recorded(path) for s in statuses_of(record)):
        found.authors[home(status["uri"])] = status["account"]["uri"]
        if status["in_reply_to_id"]:
            found.parents[home(status["uri"])] = f"{status['uri'].split('/')[2]}/{status['in_reply_to_id']}"
    return found


def test_the_real_outbox(shared_data: Path) -> None:
    path = shared_data / "mastodon" / "outbox_dealingwith.json"
    items = json.loads(path.read_bytes())["orderedItems"]
    notes = {item["object"]["id"]: item["object"] for item in items if isinstance(item["object"], dict)}
    found = read_outbox(json.loads(path.read_bytes()))
    messages = {draft.message_id: draft for draft in found if draft.kind != "repost"}
    parents = [draft.parent for draft in messages.values() if draft.parent]
    assert outbox_counted([path]).figures() == {
        "messages": len(messages),
        "authors": len({draft.author for draft in messages.values()}),
        "replies": len(parents),
        "replies_resolved": sum(parent in messages for parent in parents),
        "parents_missing": len(set(parents) - set(messages)),
    }
    assert sum(draft.kind == "repost" for draft in found) == sum(item["type"] == "Announce" for item in items)
    assert sum(draft.edited_at is not None for draft in messages.values()) == sum(
        "updated" in n for n in notes.values()
    )
    assert sum("\n\n" in (d.text or "") for d in messages.values()) == sum(bool(n["summary"]) for n in notes.values())
    assert not any("<" in (draft.text or "") and "</" in (draft.text or "") for draft in found)
