"""Every quirk of Reddit dumps that was seen in a real file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import BadRecordError, Draft, decode
from ingest.reddit import base36, parse, recognises
from tests.ingest.dumps import T0, post, reply


@pytest.mark.parametrize("at", [T0, str(T0), float(T0), f"{T0}.0"])
def test_times_as_int_string_or_float(at: object) -> None:
    assert parse(post(at=at)).created_at == T0 * 1_000_000


@pytest.mark.parametrize(
    "at", [None, "", "soon", -5, 0, 10**18, "9" * 400, 10**400, float("nan"), float("inf"), True, [], {}]
)
def test_an_absurd_date_is_no_date_and_the_message_stays(at: object) -> None:
    assert parse(post(at=at)).created_at is None


@pytest.mark.parametrize(
    ("edited", "expected"), [(False, None), (True, None), (None, None), (T0 + 5, T0 + 5), (T0 + 5.0, T0 + 5)]
)
def test_edited_is_a_flag_or_a_time(edited: object, expected: int | None) -> None:
    assert parse(post(edited=edited)).edited_at == (None if expected is None else expected * 1_000_000)


@pytest.mark.parametrize(
    ("score", "expected"), [(None, None), (3, 3), ("4", 4), (2.0, 2), ("many", None), (10**30, None), (True, None)]
)
def test_scores(score: object, expected: int | None) -> None:
    assert parse(post(score=score)).score == expected


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("t1_abc", "t1_abc"),
        ("t3_p1", "t3_p1"),
        ("T1_ABC", "t1_abc"),
        (None, "t3_p1"),
        ("", "t3_p1"),
        ("../../etc", "t3_p1"),
        (12345, "t1_" + base36(12345)),
        ("12345", "t1_" + base36(12345)),
        (True, "t3_p1"),
        (["t1_a"], "t3_p1"),
    ],
)
def test_parents(parent: object, expected: str) -> None:
    assert parse(reply("c1", parent)).parent == expected


def test_a_comment_with_only_a_link_hangs_on_its_submission() -> None:
    record = reply("c1", None)
    del record["parent_id"]
    draft = parse(record)
    assert (draft.parent, draft.thread) == ("t3_p1", "t3_p1")


def test_a_comment_that_names_nothing_is_kept() -> None:
    draft = parse({"id": "c1", "body": "x", "author": "a", "created_utc": T0})
    assert (draft.parent, draft.thread, draft.kind) == (None, None, "comment")


@pytest.mark.parametrize(("value", "expected"), [("C1", "t1_c1"), ("t1_c1", "t1_c1"), (36, "t1_10"), (" c1 ", "t1_c1")])
def test_ids(value: object, expected: str) -> None:
    assert parse(reply("x", "t3_p1") | {"id": value}).message_id == expected


@pytest.mark.parametrize("value", ["", "a b", "a/b", "x" * 17, -1, True, 1.5, [], 36**16])
def test_unusable_ids_are_refused(value: object) -> None:
    with pytest.raises(BadRecordError):
        parse(reply("x", "t3_p1") | {"id": value})


def test_the_name_stands_in_for_a_missing_id_and_tells_the_kind() -> None:
    record = post(name="t3_p9")
    del record["id"]
    assert parse(record).message_id == "t3_p9"
    assert parse({"id": "a", "name": "t1_a", "author": "x"}).kind == "comment"
    del record["name"]
    with pytest.raises(BadRecordError, match="no id"):
        parse(record)


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(BadRecordError, match="neither"):
        parse({"id": "abc", "display_name": "calm"})
    assert not recognises({"id": "abc", "created_utc": T0})
    assert recognises(post())
    assert recognises(reply("c", None))


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("ann", ("ann", "known")),
        ("[deleted]", (None, "deleted")),
        (None, (None, "unknown")),
        ("", (None, "unknown")),
        (7, (None, "unknown")),
    ],
)
def test_authors(author: object, expected: tuple[str | None, str]) -> None:
    draft = parse(post(author=author))
    assert (draft.author, draft.author_status) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (post(text="hello"), ("title p1\n\nhello", "present")),
        (post(text=""), ("title p1", "present")),
        (post(text=None), ("title p1", "present")),  # type: ignore[arg-type]
        (post(text="", title=None), (None, "empty")),
        (post(text="[deleted]"), (None, "deleted")),
        (post(text="[removed]"), (None, "removed")),
        (post(text="[ Removed by Reddit ]"), (None, "removed")),
        (post(text="x", title="[deleted by user]"), (None, "deleted")),
        (post(removed_by_category="deleted"), (None, "deleted")),
        (post(removed_by_category="moderator"), (None, "removed")),
        (post(removed_by_category=None), ("title p1\n\nbody", "present")),
        (post(_meta={"was_deleted_later": True}), (None, "deleted")),
        (post(_meta={"was_deleted_later": True, "removal_type": "moderator"}), (None, "removed")),
        (post(_meta={"note": "no_2nd_retrieval"}), ("title p1\n\nbody", "present")),
        (post(_meta="odd"), ("title p1\n\nbody", "present")),
        (reply("c", None, body="[deleted]"), (None, "deleted")),
        (reply("c", None, body="I [deleted] it"), ("I [deleted] it", "present")),
        (reply("c", None, body=None), (None, "empty")),
        (reply("c", None, body="a\x00b"), ("ab", "present")),
    ],
)
def test_texts(record: dict[str, Any], expected: tuple[str | None, str]) -> None:
    draft = parse(record)
    assert (draft.text, draft.text_status) == expected


def test_the_latest_retrieval_counts() -> None:
    draft = parse(post(retrieved_on=T0 + 10, _meta={"retrieved_2nd_on": T0 + 99}))
    assert draft.retrieved_at == (T0 + 99) * 1_000_000


def test_a_page_of_a_person_is_known_as_such() -> None:
    assert parse(post(subreddit="u_Ann")).forum_owner == "Ann"
    assert parse(post()).forum_owner is None


def test_declared_replies_come_from_submissions_only() -> None:
    assert parse(post(num_comments=3)).declared_replies == 3
    assert parse(reply("c", None, num_comments=3)).declared_replies is None


@given(st.integers(0, 10**18))
def test_base36_is_what_python_reads_back(number: int) -> None:
    assert int(base36(number), 36) == number


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"a": "\\ud800x"}', "�x"),
        (b'{"a": "\xff"}', "�"),
        (b'{"a": "t\tb"}', "t\tb"),
        (b'{"a": "\\ud83d\\ude00"}', "😀"),
    ],
)
def test_lenient_json(line: bytes, value: str) -> None:
    assert decode(line) == {"a": value}


@pytest.mark.parametrize("line", [b"{", b"nonsense", b'{"a": 1} x', b"[" * 100_000, b"\xff\xfe\x00"])
def test_broken_json_has_a_reason(line: bytes) -> None:
    with pytest.raises(BadRecordError, match="not valid JSON"):
        decode(line)


@pytest.mark.parametrize("line", [b"[]", b"1", b'"x"', b"null", b"[1, {}]"])
def test_json_that_is_no_object(line: bytes) -> None:
    with pytest.raises(BadRecordError, match="not an object"):
        decode(line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("id", "name", "author", "created_utc", "edited", "score", "parent_id", "link_id", "body", "title", "selftext")
MORE_FIELDS = ("subreddit", "retrieved_on", "_meta", "removal_type", "removed_by_category", "num_comments")


@given(st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), JSON))
def test_any_json_is_a_message_or_a_reason(record: dict[str, Any]) -> None:
    draft = parsed(record)
    if isinstance(draft, str):
        assert draft in {"no id", "neither a submission nor a comment", "an id that Reddit does not use"}
    else:
        assert (draft.text is not None) == (draft.text_status == "present")
        assert (draft.author is not None) == (draft.author_status == "known")


def parsed(record: dict[str, Any]) -> Draft | str:
    try:
        return parse(record)
    except BadRecordError as error:
        return str(error)


def test_columns_of_comments_that_are_null_make_no_comment() -> None:
    both = {"id": "x1", "created_utc": T0, "author": "ann"}
    submission = both | {"title": "t", "selftext": "words", "body": None, "link_id": None}
    draft = parse(submission)
    assert (draft.kind, draft.message_id, draft.text) == ("post", "t3_x1", "t\n\nwords")
    comment = both | {"title": None, "selftext": None, "body": "words", "link_id": None}
    assert (parse(comment).kind, parse(comment).text) == ("comment", "words")
    assert parse(both | {"body": None, "parent_id": "t3_p"}).kind == "comment"
