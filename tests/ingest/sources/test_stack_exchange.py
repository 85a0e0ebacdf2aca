"""Rows of Stack Exchange's data dump, after the schema published on Meta Stack Exchange (question 2677)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft
from ingest.sources.stack_exchange import FORMATS, STACK_EXCHANGE, of_site, recognises, username
from ingest.values import moment
from tests.ingest.sources.garbage import JSON, kept_promises

QUESTION = {
    "#tag": "row",
    "Id": "12",
    "PostTypeId": "1",
    "CreationDate": "2020-09-13T12:26:40.250",
    "Score": "5",
    "ViewCount": "99",
    "Body": "<p>How do I <em>rest</em>?</p>\n<blockquote><p>said</p></blockquote>",
    "OwnerUserId": "7",
    "LastEditorUserId": "8",
    "LastEditDate": "2020-09-14T00:00:00.000",
    "LastActivityDate": "2020-09-15T00:00:00.000",
    "Title": "Rest",
    "Tags": "|sleep|stress|",
    "AnswerCount": "2",
    "CommentCount": "1",
    "ContentLicense": "CC BY-SA 4.0",
}
ANSWER = {
    "#tag": "row",
    "Id": "13",
    "PostTypeId": "2",
    "ParentId": "12",
    "CreationDate": "2020-09-13T13:00:00.000",
    "Score": "-1",
    "Body": "<p>Sleep &amp; walk.</p>",
    "OwnerUserId": "8",
    "CommentCount": "0",
}
COMMENT = {
    "#tag": "row",
    "Id": "12",
    "PostId": "13",
    "Score": "0",
    "Text": "@Ada try vector<int> & more",
    "CreationDate": "2020-09-13T14:00:00.000",
    "UserId": "7",
}
HISTORY = {
    "#tag": "row",
    "Id": "1",
    "PostHistoryTypeId": "2",
    "PostId": "12",
    "RevisionGUID": "g",
    "CreationDate": "2020-09-13T12:26:40.250",
    "UserId": "7",
    "Text": "raw",
}
USER = {"#tag": "row", "Id": "7", "Reputation": "1", "CreationDate": "2020-01-01T00:00:00.000", "DisplayName": "Ada"}
VOTE = {"#tag": "row", "Id": "1", "PostId": "12", "VoteTypeId": "2", "CreationDate": "2020-09-13T00:00:00.000"}


def only(record: dict[str, Any]) -> Draft:
    (draft,) = STACK_EXCHANGE.drafts(record)
    assert isinstance(draft, Draft)
    return draft


def test_a_question() -> None:
    assert only(QUESTION) == Draft(
        platform="stackexchange",
        message_id="p12",
        kind="post",
        thread="p12",
        author="id:7",
        author_status="known",
        created_at=1_600_000_000_250_000,
        edited_at=moment("2020-09-14T00:00:00Z"),
        text="Rest\n\nHow do I rest?\n\n> said",
        text_status="present",
        score=5,
        declared_replies=3,
    )


def test_an_answer_hangs_on_its_question() -> None:
    draft = only(ANSWER)
    assert (draft.kind, draft.message_id, draft.parent, draft.thread) == ("comment", "p13", "p12", "p12")
    assert (draft.text, draft.score, draft.declared_replies) == ("Sleep & walk.", -1, 0)


def test_a_comment_has_an_id_of_its_own_and_no_html() -> None:
    draft = only(COMMENT)
    assert (draft.message_id, draft.parent, draft.thread) == ("c12", "p13", None)
    assert draft.text == "@Ada try vector<int> & more"
    assert (draft.author, draft.kind) == ("id:7", "comment")


@pytest.mark.parametrize("extra", [{}, {"OwnerDisplayName": "user7"}])
def test_a_deleted_owner_is_nobody(extra: dict[str, str]) -> None:
    row = {name: value for name, value in QUESTION.items() if name != "OwnerUserId"} | extra
    draft = only(row)
    assert (draft.author, draft.author_status) == (None, "deleted")
    assert draft.display_name == extra.get("OwnerDisplayName")  # others may write it in their texts


def test_a_deleted_commenter_is_nobody() -> None:
    row = {name: value for name, value in COMMENT.items() if name != "UserId"} | {"UserDisplayName": "Ada"}
    assert (only(row).author, only(row).author_status) == (None, "deleted")


def test_a_shown_name_stays_beside_the_id() -> None:
    assert only(QUESTION | {"OwnerDisplayName": "Ada"}).display_name == "Ada"
    assert only(COMMENT | {"UserDisplayName": "Ada"}).display_name == "Ada"


def test_the_community_user_is_a_bot() -> None:
    assert only(QUESTION | {"OwnerUserId": "-1"}).bot
    assert STACK_EXCHANGE.known_bots == ("id:-1",)


@pytest.mark.parametrize("kind", ["3", "4", "5", "7", "8"])
def test_wiki_pages_are_no_messages(kind: str) -> None:
    assert list(STACK_EXCHANGE.drafts(QUESTION | {"PostTypeId": kind})) == []


def test_a_nomination_is_a_post() -> None:
    assert only(QUESTION | {"PostTypeId": "6"}).kind == "post"


def test_a_row_of_the_data_explorer_has_empty_cells_and_no_tag() -> None:
    row = {**QUESTION, "ParentId": "", "OwnerUserId": "", "OwnerDisplayName": "", "DeletionDate": ""}
    del row["#tag"]
    assert recognises(row)
    assert (only(row).author_status, only(row).text_status) == ("deleted", "present")
    del row["OwnerUserId"]
    assert only(row).author_status == "unknown"


def test_a_deleted_post_keeps_its_place_and_no_text() -> None:
    draft = only(ANSWER | {"DeletionDate": "2021-01-01 00:00:00"})
    assert (draft.text, draft.text_status, draft.parent) == (None, "deleted", "p12")


def test_an_empty_body_is_empty() -> None:
    assert (only(ANSWER | {"Body": ""}).text, only(ANSWER | {"Body": ""}).text_status) == (None, "empty")


def test_an_answer_without_its_question_is_kept() -> None:
    row = {name: value for name, value in ANSWER.items() if name != "ParentId"}
    assert (only(row).parent, only(row).thread, only(row).kind) == (None, None, "comment")


def test_a_marked_section_does_not_stop_the_parser() -> None:
    assert "x" in str(only(ANSWER | {"Body": "<p>x</p><![y[z]]>"}).text)


@pytest.mark.parametrize("row", [QUESTION, ANSWER, COMMENT])
def test_rows_of_messages_are_recognised(row: dict[str, Any]) -> None:
    assert recognises(row)


@pytest.mark.parametrize(
    "row",
    [
        HISTORY,
        USER,
        VOTE,
        {"id": "1", "text": "x", "created_at": "2020-01-01"},
        {"Id": "1", "PostId": "2", "Text": "x"},
        QUESTION | {"#tag": "posts"},
        {},
    ],
)
def test_other_rows_are_not(row: dict[str, Any]) -> None:
    assert not recognises(row)


@pytest.mark.parametrize("row", [HISTORY, USER, VOTE])
def test_rows_of_the_other_files_hold_no_message(row: dict[str, Any]) -> None:
    assert list(STACK_EXCHANGE.drafts(row)) == []


@pytest.mark.parametrize("value", [None, "", "x", "1.5", [], {}, True, "9" * 30])
def test_unusable_ids_are_refused(value: object) -> None:
    for row in (QUESTION, COMMENT):
        with pytest.raises(BadRecordError, match="no id"):
            list(STACK_EXCHANGE.drafts(row | {"Id": value}))


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(BadRecordError, match="neither"):
        list(STACK_EXCHANGE.drafts({"Id": "1"}))


def test_two_sites_count_apart() -> None:
    site = of_site("math")
    (draft,) = site.drafts(ANSWER)
    assert isinstance(draft, Draft)
    assert (draft.message_id, draft.parent, draft.author, draft.forum) == ("math/p13", "math/p12", "id:math/8", "math")
    assert site.username("8") == "id:math/8"
    assert site.known_bots == ("id:math/-1",)
    with pytest.raises(UsageError):
        of_site("no site!")


@pytest.mark.parametrize(
    "typed", ["7", "id:7", "https://stackoverflow.com/users/7/ada", "math.stackexchange.com/users/7", " 7 "]
)
def test_people_as_typed(typed: str) -> None:
    assert username(typed) == STACK_EXCHANGE.username(typed) == "id:7"


@pytest.mark.parametrize("typed", ["Ada", "", "@ada", "https://stackoverflow.com/questions/7"])
def test_a_shown_name_is_no_username(typed: str) -> None:
    with pytest.raises(UsageError) as error:
        username(typed)
    assert error.value.remedy
    assert not typed or typed not in error.value.message + error.value.remedy


@settings(max_examples=100)
@given(st.sampled_from([QUESTION, ANSWER, COMMENT]), st.dictionaries(st.sampled_from([*QUESTION, *COMMENT]), JSON))
def test_any_json_is_a_message_or_a_reason(row: dict[str, Any], changes: dict[str, Any]) -> None:
    assert kept_promises(recognises, STACK_EXCHANGE.drafts, row | changes)


def test_the_dump_becomes_tables(tmp_path: Path) -> None:
    import html

    from ingest import ingest

    def rows(tag: str, *records: dict[str, str]) -> bytes:
        lines = [
            "  <row "
            + " ".join(f'{k}="{html.escape(v).replace(chr(10), "&#xA;")}"' for k, v in r.items() if k != "#tag")
            + " />"
            for r in records
        ]
        text = "\n".join(['<?xml version="1.0" encoding="utf-8"?>', f"<{tag}>", *lines, f"</{tag}>"])
        return b"\xef\xbb\xbf" + text.encode()

    (tmp_path / "Posts.xml").write_bytes(rows("posts", QUESTION, ANSWER))
    (tmp_path / "Comments.xml").write_bytes(rows("comments", COMMENT))
    report = ingest([tmp_path / "Posts.xml", tmp_path / "Comments.xml"], tmp_path / "restricted").to_dict()
    assert (report["messages"], report["authors"], report["replies"], report["replies_resolved"]) == (3, 2, 2, 2)


ROWS = [f'<row Id="{n}" PostTypeId="1" CreationDate="2020-09-13T12:26:40.250" Body="so" />' for n in range(1, 6)]


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([*ROWS[:4], ROWS[4][:70]], 4),  # a download that was cut
        ([*ROWS[:4], f"{ROWS[4]}</posts>"], 5),
        ([row.replace(" />", "></row>") for row in ROWS], 5),
        ([f"<posts>{ROWS[0]}", *ROWS[1:], "</posts>"], 5),
        ([f'<?xml version="1.0"?><posts>{"".join(ROWS)}</posts>'], 5),
    ],
)
def test_every_row_of_a_file_is_kept_or_said_to_be_lost(tmp_path: Path, lines: list[str], kept: int) -> None:
    from ingest import ingest

    (tmp_path / "Posts.xml").write_text("\n".join(lines))
    report = ingest([tmp_path / "Posts.xml"], tmp_path / "restricted").to_dict()
    assert (report["messages"], report["rejected_count"]) == (kept, 5 - kept)
    assert {lost["reason"] for lost in report["rejected"]} <= {"not a valid XML row"}


def test_one_format() -> None:
    assert FORMATS == (STACK_EXCHANGE,)
