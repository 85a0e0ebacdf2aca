"""The YouTube Data API v3 as it is documented, and YTDT 1 (PHP) and 2 (Python) as their source writes tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources.youtube import (
    FORMATS,
    YOUTUBE_API,
    YTDT,
    drafts_api,
    drafts_ytdt,
    mention,
    recognises_api,
    recognises_ytdt,
    username,
)
from tests.ingest.sources.garbage import damaged, kept_promises

T0 = 1_600_000_000_000_000
ANN, BOB, OWNER = (f"UC{letter * 22}" for letter in "abo")


def comment(native: str = "Ugx1", channel: Any = ANN, **more: Any) -> dict[str, Any]:
    snippet = {
        "channelId": OWNER,
        "videoId": "vid00000001",
        "textDisplay": f"text of {native}",
        "textOriginal": f"text of {native}",
        "authorDisplayName": "@ann",
        "authorChannelUrl": f"http://www.youtube.com/channel/{channel}",
        "authorChannelId": {"value": channel},
        "likeCount": 2,
        "publishedAt": "2020-09-13T12:26:40Z",
        "updatedAt": "2020-09-13T12:26:40Z",
    }
    return {"kind": "youtube#comment", "etag": "e", "id": native, "snippet": snippet | more}


def thread(*replies: Any, total: Any = 7, **more: Any) -> dict[str, Any]:
    snippet = {"channelId": OWNER, "videoId": "vid00000001", "totalReplyCount": total}
    snippet |= {"topLevelComment": comment(**more)}
    return {"kind": "youtube#commentThread", "id": "Ugx1", "snippet": snippet, "replies": {"comments": list(replies)}}


def answer(*items: Any, kind: str = "commentThread") -> dict[str, Any]:
    return {"kind": f"youtube#{kind}ListResponse", "etag": "e", "nextPageToken": "t", "items": list(items)}


def video(**more: Any) -> dict[str, Any]:
    snippet = {"publishedAt": "2020-09-13T12:26:40Z", "channelId": OWNER, "title": "Sleep", "description": "How to"}
    snippet |= {"channelTitle": "Owner", "defaultAudioLanguage": "en-GB"}
    counts = {"viewCount": "90", "likeCount": "8", "commentCount": "9"}
    return {"kind": "youtube#video", "id": "vid00000001", "snippet": snippet, "statistics": counts} | more


def read(record: dict[str, Any]) -> list[Draft]:
    return [draft for draft in drafts_api(record) if isinstance(draft, Draft)]


FIRST = Draft(
    platform="youtube",
    message_id="Ugx1",
    kind="comment",
    thread="vid00000001",
    parent="vid00000001",
    author=f"id:{ANN}",
    author_status="known",
    handle="ann",
    forum=OWNER,
    forum_owner=f"id:{OWNER}",
    created_at=T0,
    text="text of Ugx1",
    text_status="present",
    score=2,
)


def test_a_thread_with_replies() -> None:
    reply = comment("Ugx1.8b", BOB, parentId="Ugx1", authorDisplayName="Bob B")
    expected_reply = FIRST._replace(
        message_id="Ugx1.8b",
        parent="Ugx1",
        author=f"id:{BOB}",
        handle=None,
        display_name="Bob B",
        text="text of Ugx1.8b",
    )
    assert read(thread(reply)) == [FIRST._replace(declared_replies=7), expected_reply]
    assert read(answer(thread(reply))) == read(thread(reply))


def test_a_video_is_the_root_of_its_thread() -> None:
    (draft,) = read(answer(video(), kind="video"))
    assert draft == Draft(
        platform="youtube",
        message_id="vid00000001",
        kind="post",
        thread="vid00000001",
        author=f"id:{OWNER}",
        author_status="known",
        display_name="Owner",
        forum=OWNER,
        forum_owner=f"id:{OWNER}",
        created_at=T0,
        text="Sleep\n\nHow to",
        text_status="present",
        language="en-GB",
        score=8,
        declared_replies=9,
    )


@pytest.mark.parametrize(
    ("native", "more", "parent"),
    [
        ("Ugx1.8b", {"parentId": "Ugx1"}, "Ugx1"),
        ("Ugx1.8b", {}, "Ugx1"),  # a request with `fields`, or an old dump
        ("Ugx1", {}, "vid00000001"),
        ("Ugx1", {"videoId": None}, None),
        ("Ugx1.8b", {"videoId": None}, "Ugx1"),
    ],
)
def test_parents(native: str, more: dict[str, Any], parent: str | None) -> None:
    (draft,) = read(answer(comment(native, **more), kind="comment"))
    assert draft.parent == parent
    assert draft.thread == (None if "videoId" in more else "vid00000001")


def test_replies_beside_a_thread_learn_video_and_parent_from_it() -> None:
    reply = comment("other")
    for name in ("videoId", "channelId"):
        del reply["snippet"][name]
    draft = read(thread(reply))[1]
    assert (draft.thread, draft.parent, draft.forum) == ("vid00000001", "Ugx1", OWNER)


def test_a_list_of_pages_cut_anywhere_gives_the_same() -> None:
    threads = [thread() | {"id": f"Ugx{n}"} for n in range(5)]
    pieces = [answer(*threads[:2]), answer(*threads[2:])]
    assert [d for piece in pieces for d in drafts_api(piece)] == list(drafts_api(answer(*threads)))


@pytest.mark.parametrize(
    ("more", "author", "handle", "shown"),
    [
        ({}, f"id:{ANN}", "ann", None),
        ({"authorDisplayName": "Ann A"}, f"id:{ANN}", None, "Ann A"),
        ({"authorChannelId": None}, f"id:{ANN}", "ann", None),
        ({"authorChannelId": "x", "authorChannelUrl": "http://www.youtube.com/@ann"}, "ann", None, None),
        ({"authorChannelId": {}, "authorChannelUrl": "", "authorDisplayName": "Ann A"}, "Ann A", None, "Ann A"),
        ({"authorChannelId": {}, "authorChannelUrl": "", "authorDisplayName": ""}, None, None, None),
        ({"authorDisplayName": "Ann A", "authorChannelUrl": "www.youtube.com/@ann"}, f"id:{ANN}", "ann", "Ann A"),
    ],
)
def test_authors(more: dict[str, Any], author: str | None, handle: str | None, shown: str | None) -> None:
    (draft,) = read(comment(**more))
    assert (draft.author, draft.handle, draft.display_name) == (author, handle, shown)
    assert draft.author_status == ("known" if author else "unknown")


PERSON = f'<a class="yt" href="https://www.youtube.com/channel/{BOB}">@Bob B</a>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain <3 text & more", "plain <3 text & more"),
        ("one<br>two &amp; three", "one\ntwo & three"),
        ("it&#39;s <b>so</b>", "it's so"),
        (f"{PERSON} yes", f"@{BOB} yes"),
        ('<a href="http://www.youtube.com/@bob">@bob</a> yes', "@bob yes"),
        ('<a class="proflink" href="https://plus.google.com/1" oid="1">Bob B</a> yes', "[name] yes"),
        ('<a href="https://example.org/x">https://example.org/x</a>', "https://example.org/x"),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_texts_that_may_be_html(text: Any, expected: str | None) -> None:
    (draft,) = read(comment(textOriginal=None, textDisplay=text))
    assert (draft.text, draft.text_status) == (expected, "present" if expected else "empty")


def test_the_original_text_goes_before_the_shown_one() -> None:
    (draft,) = read(comment(textOriginal="a < b", textDisplay="a &lt; b"))
    assert draft.text == "a < b"


def test_rejected_comments_were_removed() -> None:
    (draft,) = read(comment(moderationStatus="rejected"))
    assert (draft.text, draft.text_status) == (None, "removed")
    assert read(comment(moderationStatus="published"))[0].text_status == "present"


def test_an_update_is_an_edit() -> None:
    assert read(comment(updatedAt="2020-09-13T12:26:50Z"))[0].edited_at == T0 + 10_000_000
    assert read(comment())[0].edited_at is None
    assert read(comment(publishedAt="yesterday"))[0].created_at is None


def test_bad_items_are_rejected_and_the_others_kept() -> None:
    found = list(drafts_api(answer(comment(), {"kind": "youtube#channel"}, 3, {"kind": "youtube#video"}, thread(4))))
    assert [item.reason for item in found if isinstance(item, Reject)] == [
        "neither a comment thread, a comment nor a video",
        "neither a comment thread, a comment nor a video",
        "a video without an id",
        "a comment without an id",
    ]
    assert len([item for item in found if isinstance(item, Draft)]) == 2
    with pytest.raises(BadRecordError, match="neither"):
        list(drafts_api({"id": "x"}))
    with pytest.raises(BadRecordError, match="without an id"):
        list(drafts_api(comment() | {"id": None}))


V1 = {
    "id": "Ugx1",
    "replyCount": "1",
    "likeCount": "2",
    "publishedAt": "2020-09-13 12:26:40",
    "authorName": "Ann A",
    "text": "text of Ugx1",
    "authorChannelId": ANN,
    "authorChannelUrl": f"http://www.youtube.com/channel/{ANN}",
    "isReply": "0",
    "isReplyTo": "",
    "isReplyToName": "",
}
V1_REPLY = V1 | {"id": "Ugx1.8b", "replyCount": "", "authorChannelId": BOB, "authorName": "@bob"}
V1_REPLY |= {"isReply": "1", "isReplyTo": "Ugx1", "isReplyToName": "Ann A", "authorChannelUrl": ""}
V2_REPLY = {
    "videoId": "vid00000001",
    "id": "Ugx1.9c",
    "totalReplyCount": "",
    "inferredReplyCount": "0",
    "inferredLevel": "2",
    "likeCount": "2",
    "publishedAt": "2020-09-13 12:26:40",
    "authorName": "@ann",
    "authorChannelId": ANN,
    "isChannelOwner": "no",
    "text": "@bob so do I",
    "isReply": "1",
    "threadId": "Ugx1",
    "isReplyToId": "Ugx1.8b",
    "isReplyToName": "@bob",
}


def test_ytdt_1_names_no_video() -> None:
    (top,), (reply,) = drafts_ytdt(V1), drafts_ytdt(V1_REPLY)
    expected = FIRST._replace(
        thread=None, parent=None, handle=None, display_name="Ann A", forum=None, forum_owner=None, declared_replies=1
    )
    assert top == expected
    assert reply == expected._replace(
        message_id="Ugx1.8b",
        parent="Ugx1",
        author=f"id:{BOB}",
        handle="bob",
        display_name=None,
        declared_replies=None,
    )


def test_ytdt_2_says_whom_a_reply_answers() -> None:
    (draft,) = drafts_ytdt(V2_REPLY)
    assert isinstance(draft, Draft)
    assert (draft.thread, draft.parent, draft.parent_author) == ("vid00000001", "Ugx1.8b", "bob")
    (top,) = drafts_ytdt(V2_REPLY | {"isReply": "0", "isReplyToId": "", "isReplyToName": "", "totalReplyCount": "4"})
    assert isinstance(top, Draft)
    assert (top.parent, top.parent_author, top.declared_replies) == ("vid00000001", None, 4)
    (lost,) = drafts_ytdt(V2_REPLY | {"isReplyToId": "", "isReplyToName": None})
    assert isinstance(lost, Draft)
    assert lost.parent == "Ugx1"


def test_ytdt_s_hashes_stand_for_names() -> None:
    row = {k: v for k, v in V1_REPLY.items() if k not in ("authorChannelId", "authorChannelUrl")}
    (draft,) = drafts_ytdt(row | {"authorName": "0a" * 20, "isReplyToName": "0b" * 20})
    assert isinstance(draft, Draft)
    assert (draft.author, draft.parent_author) == ("0a" * 20, "0b" * 20)


def test_ytdt_rows_for_what_it_could_not_read_hold_none() -> None:
    marker = dict.fromkeys(V2_REPLY, "") | {"videoId": "vid00000001", "text": "[video not found: vid00000001]"}
    assert recognises_ytdt(marker)
    assert list(drafts_ytdt(marker)) == []
    missing = {"channelId": "", "channelTitle": "", "publishedAt": "", "videoTitle": "[not found: x]"}
    assert list(drafts_ytdt(missing | {"videoId": ""})) == list(drafts_ytdt(missing | {"videoId": "vid00000001"})) == []
    with pytest.raises(BadRecordError, match="comment without an id"):
        list(drafts_ytdt(V1 | {"id": ""}))


def test_ytdt_s_list_of_videos_gives_the_roots() -> None:
    row = {
        "channelId": OWNER,
        "channelTitle": "Owner",
        "videoId": "vid00000001",
        "publishedAt": "2020-09-13T12:26:40Z",
        "publishedAtSQL": "2020-09-13 12:26:40",
        "videoTitle": "Sleep",
        "videoDescription": "How to",
        "defaultLanguage": "en-GB",
        "likeCount": "8",
        "commentCount": "9",
    }
    assert recognises_ytdt(row)
    assert list(drafts_ytdt(row)) == read(video())


OTHERS: list[dict[str, Any]] = [
    {},
    {"kind": "t1", "data": {"id": "x"}},
    {"kind": "Listing", "data": {"children": []}},
    {"kind": "youtube#channelListResponse", "items": []},
    {"kind": "youtube#commentThreadListResponse"},
    {"kind": ["youtube#video"], "snippet": {"topLevelComment": {}}},
    {"id": "x", "snippet": {"title": "x"}},
    {"id": "x", "thread_id": "y", "timestamp": "z", "author": "a", "body": "b"},
    {"id": "1", "created_time": "2020-01-01T00:00:00+0000", "message": "x", "parent_id": "", "from.name": "Ann"},
    {"id": 1, "type": "personal_chat", "messages": []},
]


@pytest.mark.parametrize("record", OTHERS)
def test_others_are_not_recognised(record: dict[str, Any]) -> None:
    assert not recognises_api(record)
    assert not recognises_ytdt(record)


def test_each_recognises_its_own() -> None:
    without_kind = [{k: v for k, v in r.items() if k != "kind"} for r in (comment(), thread())]
    for record in (answer(), answer(kind="video"), thread(), comment(), video(), *without_kind):
        assert recognises_api(record)
        assert not recognises_ytdt(record)
    for row in (V1, V1_REPLY, V2_REPLY):
        assert recognises_ytdt(row)
        assert not recognises_api(row)


def test_names() -> None:
    assert FORMATS == (YOUTUBE_API, YTDT)
    assert username("@ann") == mention("ann") == read(comment())[0].handle
    assert username(f"https://www.youtube.com/channel/{ANN}?x=1") == mention(ANN) == read(comment())[0].author
    assert username(ANN) == username(f"id:{ANN}") == f"id:{ANN}"
    for typed in ("", "@", "https://example.org/@ann", "a\nb", "x" * 200):
        with pytest.raises(UsageError):
            username(typed)


SNIPPET = ("items", 0, "snippet", "topLevelComment", "snippet")


@settings(max_examples=100)
@given(
    damaged(answer(thread(comment("Ugx1.8b")), video()), more=[(*SNIPPET, "parentId"), (*SNIPPET, "moderationStatus")])
)
def test_any_json_is_messages_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises_api, drafts_api, record)


@settings(max_examples=100)
@given(damaged(V1_REPLY, V2_REPLY, more=[(name,) for name in (*V1, "videoTitle")]))
def test_any_row_is_a_message_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises_ytdt, drafts_ytdt, record)
