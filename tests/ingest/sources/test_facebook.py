"""Facebook by published schemas: Graph API v20, Facepager 4 (src/dialogs/export.py), Meta Content Library v6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources.facebook import (
    FORMATS,
    drafts_facepager,
    drafts_graph,
    drafts_library,
    mention,
    recognises_facepager,
    recognises_graph,
    recognises_library,
    username,
)
from tests.ingest.sources.garbage import damaged, kept_promises

T0 = 1_600_000_000_000_000
AT = "2020-09-13T12:26:40+0000"
PAGE, POST = "100000000001", "200000000000002"


def comment(number: str = "31", *below: Any, **more: Any) -> dict[str, Any]:
    base = {"id": f"{POST}_{number}", "message": f"text {number}", "created_time": AT, "like_count": 1}
    base |= {"from": {"id": "11", "name": "Ann A"}, "comment_count": len(below)}
    return base | ({"comments": edge(*below)} if below else {}) | more


def edge(*nodes: Any, **more: Any) -> dict[str, Any]:
    return {"data": list(nodes), "paging": {"cursors": {"before": "b", "after": "a"}}} | more


def post(*comments: Any, **more: Any) -> dict[str, Any]:
    base = {"id": f"{PAGE}_{POST}", "message": "post", "created_time": AT, "from": {"id": PAGE, "name": "Calm"}}
    return base | {"comments": edge(*comments, summary={"total_count": 9})} | more


def graph(record: dict[str, Any]) -> list[Draft]:
    return [draft for draft in drafts_graph(record) if isinstance(draft, Draft)]


ROOT = Draft(
    platform="facebook",
    message_id=POST,
    kind="post",
    thread=POST,
    author=f"id:{PAGE}",
    author_status="known",
    display_name="Calm",
    forum=PAGE,
    forum_owner=f"id:{PAGE}",
    created_at=T0,
    text="post",
    text_status="present",
    declared_replies=9,
)
FIRST = ROOT._replace(
    message_id=f"{POST}_31",
    kind="comment",
    parent=POST,
    author="id:11",
    display_name="Ann A",
    text="text 31",
    score=1,
    declared_replies=1,
)
SECOND = FIRST._replace(message_id=f"{POST}_32", parent=f"{POST}_31", text="text 32", declared_replies=0)


def test_nested_comments_come_after_what_they_answer() -> None:
    record = post(comment("31", comment("32")))
    assert graph(record) == [ROOT, FIRST, SECOND]
    assert graph(edge(record)) == graph({"id": PAGE, "name": "Calm", "posts": edge(record)}) == graph(record)


def test_a_stream_is_flat_and_names_its_parents() -> None:
    flat = comment("32", parent={"id": f"{POST}_31", "from": {"id": "11", "name": "Ann A"}}, comment_count=0)
    assert graph(post(flat))[1] == SECOND._replace(parent_author="id:11")


def test_comments_fetched_apart_find_their_post() -> None:
    alone = [FIRST._replace(forum=None, forum_owner=None), SECOND._replace(forum=None, forum_owner=None)]
    assert graph(edge(comment("31", comment("32")))) == alone
    assert graph(comment("31", comment("32"))) == alone
    assert graph({"id": POST, "comments": edge(comment("31", comment("32")))}) == alone


def test_depth_is_no_danger() -> None:
    record = comment("0")
    for number in range(1, 50_000):
        record = {"id": f"{POST}_{number}", "created_time": AT, "comments": {"data": [record]}}
    assert len(graph(edge(record))) == 50_000


@pytest.mark.parametrize(
    ("native", "more", "kind", "message"),
    [
        (f"{PAGE}_{POST}", {"shares": {"count": 2}}, "post", POST),
        (f"{PAGE}_{POST}", {}, "post", POST),
        (f"{PAGE}_{POST}", {"from": {"id": PAGE}}, "post", POST),
        (f"{POST}_31", {"from": {"id": "11"}}, "comment", f"{POST}_31"),
        (f"{POST}_31", {"like_count": 0}, "comment", f"{POST}_31"),
        (f"{PAGE}_{POST}_31", {}, "comment", f"{POST}_31"),
        ("2223931101272331", {"can_remove": False}, "comment", "2223931101272331"),
        ("2223931101272331", {}, "comment", "2223931101272331"),
    ],
)
def test_what_a_node_alone_is(native: str, more: dict[str, Any], kind: str, message: str) -> None:
    (draft,) = graph({"id": native, "created_time": AT, "message": "x"} | more)
    assert (draft.kind, draft.message_id) == (kind, message)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (f"https://graph.facebook.com/v20.0/{POST}/comments?limit=25&after=x", "comment"),
        (f"https://graph.facebook.com/v20.0/{PAGE}/posts?after=x", "post"),
        (f"https://graph.facebook.com/v20.0/{PAGE}/other?after=x", "post"),
    ],
)
def test_the_next_page_tells_what_a_page_holds(address: str, kind: str) -> None:
    node = {"id": f"{POST}_31", "created_time": AT, "message": "x"}
    (draft,) = graph({"data": [node], "paging": {"next": address}})
    assert draft.kind == kind


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        ({"id": "11", "name": "Ann A"}, "id:11"),
        ({"id": 11}, "id:11"),
        ({"name": "Ann A"}, "Ann A"),
        ({"name": "Facebook User"}, None),
        ({}, None),
        (None, None),
        ("Ann A", None),
    ],
)
def test_authors(sender: Any, author: str | None) -> None:
    (draft,) = graph(comment(**{"from": sender}))
    assert (draft.author, draft.author_status) == (author, "known" if author else "unknown")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([{"id": "12", "name": "Bob B", "type": "user", "offset": 0, "length": 5}], "@12 and Bob"),
        ({"0": [{"id": "12", "name": "Bob B", "offset": 0, "length": 5}]}, "@12 and Bob"),
        ([{"id": "12", "name": "Bob", "type": "user"}, {"id": "13", "name": "Bob B"}], "@13 and @12"),
        ([{"id": "12", "name": "Bob B", "type": "group"}], "Bob B and Bob"),
        ([{"id": "x", "name": "Bob B"}, 4, {"id": "1", "name": ""}], "Bob B and Bob"),
        (None, "Bob B and Bob"),
    ],
)
def test_people_tagged_in_a_text(tags: Any, expected: str) -> None:
    (draft,) = graph(comment(message="Bob B and Bob", message_tags=tags))
    assert draft.text == expected


def test_a_story_is_written_by_facebook_and_not_read() -> None:
    (draft,) = graph({"id": f"{PAGE}_{POST}", "created_time": AT, "story": "Ann shared a post"})
    assert (draft.kind, draft.text, draft.text_status) == ("post", None, "empty")
    (shared,) = graph({"id": f"{PAGE}_{POST}", "created_time": AT, "story": "x", "parent_id": "5_6"})
    assert (shared.kind, shared.thread, shared.parent) == ("repost", None, None)


def test_a_table_of_graph_fields_has_dots_in_its_names() -> None:
    row = {"id": f"{POST}_32", "created_time": AT, "message": "text 32", "like_count": "1", "comment_count": "0"}
    row |= {"from.id": "11", "from.name": "Ann A", "parent.id": f"{POST}_31"}
    assert recognises_graph(row)
    assert graph(row) == [SECOND._replace(forum=None, forum_owner=None)]


def test_bad_nodes_are_rejected_and_the_others_kept() -> None:
    found = list(drafts_graph(post(comment(), 4, {"id": "x"}, comment("32"))))
    assert [item.reason for item in found if isinstance(item, Reject)] == ["a post or comment without an id"] * 2
    assert len(found) == 5
    with pytest.raises(BadRecordError, match="neither"):
        list(drafts_graph({"id": "1"}))


ROW = {
    "level": "2",
    "id": "17",
    "parent_id": "5",
    "object_id": f"{POST}_31",
    "object_type": "data",
    "object_key": "data",
    "query_status": "fetched (200)",
    "query_time": "2020-10-01 10:00:00.000001",
    "query_type": "Facebook:/<post-id>/comments",
    "message": "text 31",
    "created_time": AT,
    "like_count": "1",
    "comment_count": "1",
    "from.name": "None",
    "error.message": "None",
}


def facepager(row: dict[str, Any]) -> Draft:
    (draft,) = drafts_facepager(row)
    assert isinstance(draft, Draft)
    return draft


def test_a_row_of_facepager() -> None:
    nobody = {"author": None, "author_status": "unknown", "display_name": None, "forum": None, "forum_owner": None}
    expected = FIRST._replace(**nobody, retrieved_at=1_601_546_400_000_001)
    assert facepager(ROW) == expected
    assert facepager(ROW | {"from.name": "Ann A"}).author == "Ann A"
    assert facepager(ROW | {"from.name": "Ann A", "from.id": "11"}).author == "id:11"


def test_posts_of_facepager() -> None:
    row = ROW | {"object_id": f"{PAGE}_{POST}", "query_type": "Facebook:/<page-id>/posts", "comment_count": None}
    row |= {"comments.summary.total_count": "9", "level": "1"}
    draft = facepager(row)
    assert (draft.kind, draft.message_id, draft.parent, draft.declared_replies) == ("post", POST, None, 9)
    assert draft.forum_owner == f"id:{PAGE}"


@pytest.mark.parametrize(
    ("more", "parent"),
    [
        ({}, POST),
        ({"level": "3"}, None),  # a reply, but its comment is told by Facepager's own row number only
        ({"level": "3", "parent.id": f"{POST}_30"}, f"{POST}_30"),
        ({"level": "3", "path": f"calm/{PAGE}_{POST}/{POST}_30/{POST}_31"}, f"{POST}_30"),
        ({"path": f"calm/{PAGE}_{POST}/{POST}_31"}, POST),
        ({"parent_id": f"{PAGE}_{POST}"}, POST),
        ({"parent_id": f"{POST}_30"}, f"{POST}_30"),
        ({"object_id": "2223931101272331", "path": f"calm/{PAGE}_{POST}/2223931101272331"}, POST),
    ],
)
def test_parents_in_facepager(more: dict[str, str], parent: str | None) -> None:
    assert facepager(ROW | more).parent == parent


@pytest.mark.parametrize(
    "more",
    [
        {"object_type": "seed"},
        {"object_type": "offcut"},
        {"message": "", "created_time": ""},
        {"message": "None", "created_time": "None", "query_status": "error (400)"},
    ],
)
def test_rows_of_facepager_that_hold_no_message(more: dict[str, str]) -> None:
    assert list(drafts_facepager(ROW | more)) == []


def test_a_table_with_facepager_s_columns_of_a_comment() -> None:
    row = {"id": f"{POST}_32", "parent_id": f"{POST}_31", "from.name": "Ann A", "created_time": AT, "message": "x"}
    assert recognises_facepager(row)
    draft = facepager(row)
    assert (draft.message_id, draft.parent, draft.thread, draft.author) == (f"{POST}_32", f"{POST}_31", POST, "Ann A")


def test_a_row_without_an_id_of_facebook_is_refused() -> None:
    with pytest.raises(BadRecordError, match="without an id"):
        list(drafts_facepager(ROW | {"object_id": "calm"}))


LIBRARY_POST = {
    "id": "9001",
    "creation_time": "2020-09-13T12:26:40+00:00",
    "modified_time": "2020-09-13T12:26:40+00:00",
    "text": "post",
    "lang": "en",
    "content_type": "photos",
    "statistics.reaction_count": "5",
    "statistics.comment_count": "9",
    "post_owner.type": "profile",
    "post_owner.id": "77",
    "post_owner.name": "Ann A",
    "post_owner.username": "ann.a",
    "surface.type": "group",
    "surface.id": "88",
    "surface.name": "Calm",
}
LIBRARY_COMMENT = {
    "id": "9101",
    "post_id": "9001",
    "parent_comment_id": "",
    "creation_time": "2020-09-13 12:26:40",
    "text": "words",
    "owner.type": "profile",
    "owner.id": "78",
    "owner.name": "Bob B",
    "owner.username": "bob.b",
    "statistics.top_level_reply_count": "2",
}


def library(row: dict[str, Any]) -> Draft:
    (draft,) = drafts_library(row)
    assert isinstance(draft, Draft)
    return draft


def test_a_post_of_the_content_library() -> None:
    assert library(LIBRARY_POST) == Draft(
        platform="facebook",
        message_id="9001",
        kind="post",
        thread="9001",
        author="id:77",
        author_status="known",
        handle="ann.a",
        display_name="Ann A",
        forum="Calm",
        created_at=T0,
        text="post",
        text_status="present",
        language="en",
        score=5,
        declared_replies=9,
    )


def test_a_comment_of_the_content_library() -> None:
    expected = library(LIBRARY_POST)._replace(
        message_id="9101",
        kind="comment",
        parent="9001",
        author="id:78",
        handle="bob.b",
        display_name="Bob B",
        forum=None,
        text="words",
        language=None,
        score=None,
        declared_replies=2,
    )
    assert library(LIBRARY_COMMENT) == expected
    assert library(LIBRARY_COMMENT | {"parent_comment_id": "9100"}) == expected._replace(parent="9100")


def test_the_content_library_as_json_is_nested() -> None:
    nested = {k: v for k, v in LIBRARY_COMMENT.items() if "." not in k}
    nested["owner"] = {"type": "profile", "id": 78, "name": "Bob B", "username": "bob.b"}
    nested["statistics"] = {"top_level_reply_count": 2}
    assert recognises_library({"data": [nested], "paging": {}})
    assert list(drafts_library({"data": [nested, 5]})) == [
        library(LIBRARY_COMMENT),
        Reject("neither a post nor a comment of the Content Library"),
    ]


def test_private_commenters_are_nobody() -> None:
    draft = library(LIBRARY_COMMENT | {"owner.type": "private"})
    assert (draft.author, draft.author_status, draft.handle, draft.display_name) == (None, "unknown", None, None)


def test_pages_and_profiles_are_persons_places() -> None:
    draft = library(LIBRARY_POST | {"surface.type": "profile", "surface.id": "77"})
    assert (draft.forum, draft.forum_owner) == ("77", "id:77")


def test_a_share_without_words_is_a_repost() -> None:
    assert library(LIBRARY_POST | {"shared_post_id": "8000"}).kind == "post"
    draft = library(LIBRARY_POST | {"shared_post_id": "8000", "text": ""})
    assert (draft.kind, draft.thread, draft.parent, draft.text) == ("repost", None, None, None)


@pytest.mark.parametrize(("native", "good"), [("9101.0", True), ("9.6378e+14", False), ("", False), (9.1e17, False)])
def test_ids_that_a_spreadsheet_rounded(native: Any, good: bool) -> None:
    if good:
        assert library(LIBRARY_COMMENT | {"id": native}).message_id == "9101"
    else:
        with pytest.raises(BadRecordError, match="rounded"):
            library(LIBRARY_COMMENT | {"id": native})


RECOGNISES: list[Callable[[dict[str, Any]], bool]] = [recognises_facepager, recognises_graph, recognises_library]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ROW, 0),
        (post(), 1),
        (comment(), 1),
        (edge(post()), 1),
        ({"id": PAGE, "posts": edge(post())}, 1),
        (LIBRARY_POST, 2),
        (LIBRARY_COMMENT, 2),
        (ROW | {"query_type": "Twitter:search/tweets"}, None),
        ({}, None),
        ({"data": [], "paging": {}}, None),
        ({"data": [{"id": "1", "text": "x", "created_at": "2020-01-01T00:00:00Z"}], "includes": {}}, None),
        ({"data": {"id": "1", "created_time": AT}}, None),
        ({"id": "1", "created_time": AT}, None),
        ({"id": "abc", "created_time": AT, "message": "x"}, None),
        ({"id": "1", "created_time": 5, "message": "x"}, None),
        ({"kind": "Listing", "data": {"children": []}}, None),
        ({"id": "t3_a", "created_utc": 1, "title": "x"}, None),
        ({"id": "1", "created_at": AT, "content": "x", "account": {"acct": "a"}}, None),
        ({"kind": "youtube#commentThreadListResponse", "items": []}, None),
        ({"id": 1, "type": "personal_chat", "messages": []}, None),
        ({k: v for k, v in LIBRARY_POST.items() if not k.startswith("surface")}, None),
        (LIBRARY_COMMENT | {"owner.type": "creator"}, None),
    ],
)
def test_each_recognises_its_own_and_no_other(record: dict[str, Any], expected: int | None) -> None:
    assert [recognises(record) for recognises in RECOGNISES] == [place == expected for place in range(3)]


def test_names() -> None:
    assert [form.name for form in FORMATS] == ["facepager", "facebook-graph", "meta-content-library"]
    assert username("11") == username("id:11") == mention("11") == graph(comment())[0].author
    assert username("https://www.facebook.com/people/Ann-A/11/") == "id:11"
    assert username("https://m.facebook.com/profile.php?v=info&id=11") == "id:11"
    assert username("@bob.b") == mention("bob.b") == library(LIBRARY_COMMENT).handle
    for typed in ("", "https://example.org/ann", "https://facebook.com/groups/5/x", "a\nb", "x" * 300):
        with pytest.raises(UsageError):
            username(typed)


WHOLE = edge(post(comment("31", comment("32"), message_tags=[{"id": "12", "name": "text"}], parent={"id": "1_2"})))
COMMENT = ("data", 0, "comments", "data", 0)
ABSENT = [("data", 0, name) for name in ("parent_id", "to", "reactions", "likes", "story")] + [(*COMMENT, "comments")]


@settings(max_examples=100)
@given(damaged(WHOLE, more=ABSENT))
def test_any_json_is_messages_or_a_reason(record: Record) -> None:
    for part in (record, record["data"][0] if isinstance(record["data"], list) and record["data"] else {}):
        if isinstance(part, dict):
            assert all(kept_promises(recognises, drafts_graph, part) for recognises in RECOGNISES)


@settings(max_examples=100)
@given(damaged(ROW, LIBRARY_POST, LIBRARY_COMMENT, more=[("path",), ("parent.id",), ("owner",), ("data",)]))
def test_any_row_is_a_message_or_a_reason(record: Record) -> None:
    for recognises, drafts in zip(RECOGNISES, (drafts_facepager, drafts_graph, drafts_library), strict=True):
        assert kept_promises(recognises, drafts, record)
