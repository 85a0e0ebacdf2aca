"""Every quirk of Reddit dumps that was seen in a real file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, decode
from ingest.sources.reddit import FORMATS, REDDIT, base36, parse, recognises, username
from tests.ingest.dumps import T0, post, reply
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import JSON, kept_promises

NOBODY = ("[deleted]", "AutoModerator")


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
        (12345.0, "t1_" + base36(12345)),
        (1.234e8, "t1_" + base36(123_400_000)),
        ("12345.0", "t1_" + base36(12345)),
        ("1.234e+08", "t1_" + base36(123_400_000)),
        (12345.5, "t3_p1"),
        (float(2**53), "t3_p1"),
        (float("nan"), "t3_p1"),
        (float("inf"), "t3_p1"),
        (-3, "t3_p1"),
        (0, "t3_p1"),
        (10**30, "t3_p1"),
        ("1.e", "t3_p1"),
        ("9" * 30, "t3_p1"),
        ("abc", "t1_abc"),
        (" T1_ABC ", "t1_abc"),
        ("t4_abc", "t3_p1"),
        ("p1", "t3_p1"),
        (int("p1", 36), "t3_p1"),
        ("nan", "t3_p1"),
        ("None", "t3_p1"),
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


@pytest.mark.parametrize("link", ["t3_p1", "p1", "T3_P1 ", int("p1", 36), float(int("p1", 36))])
def test_links(link: object) -> None:
    draft = parse(reply("c1", "t1_abc", link_id=link))
    assert (draft.thread, draft.parent) == ("t3_p1", "t1_abc")


@pytest.mark.parametrize("link", [None, "", "a/b", "nan", [], {}, True, 0.5])
def test_a_comment_without_a_link_knows_its_thread_only_from_a_parent_that_is_a_submission(link: object) -> None:
    assert parse(reply("c1", "t3_p1", link_id=link)).thread == "t3_p1"
    assert parse(reply("c1", "t1_abc", link_id=link)).thread is None


def test_a_comment_that_names_nothing_is_kept() -> None:
    draft = parse({"id": "c1", "body": "x", "author": "a", "created_utc": T0})
    assert (draft.parent, draft.thread, draft.kind) == (None, None, "comment")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("C1", "t1_c1"), ("t1_c1", "t1_c1"), (36, "t1_10"), (36.0, "t1_10"), (" c1 ", "t1_c1")],
)
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


FOURCAT = {"id": "c1", "thread_id": "p1", "timestamp": str(T0), "author": "ann", "body": "words", "subject": ""}
SNSCRAPE = {
    "_type": "snscrape.modules.reddit.Comment",
    "id": "t1_c1",
    "author": "ann",
    "body": "words",
    "parentId": "t3_p",
}
OTHERS: dict[str, dict[str, Any]] = {
    "4cat": FOURCAT | {"parent": "t3_p1", "subreddit": "calm", "score": "3"},
    "4cat with a time": FOURCAT | {"created_utc": str(T0)},
    "snscrape comment": SNSCRAPE | {"date": "2020-09-13T12:26:40+00:00", "subreddit": "calm"},
    "snscrape submission": {
        "_type": "snscrape.modules.reddit.Submission",
        "id": "t3_p1",
        "title": "t",
        "selftext": "x",
    },
    "snscrape with a time": SNSCRAPE | {"created_utc": T0},
    "user": {"name": "t2_abc", "id": "abc", "created_utc": T0, "title": "t"},
    "user by id": {"id": "t2_abc", "author": "ann", "created_utc": T0, "title": "t"},
    "private message": {
        "name": "t4_abc",
        "id": "abc",
        "author": "ann",
        "body": "words",
        "dest": "bob",
        "created_utc": T0,
    },
    "message by id": {"id": "t4_abc", "author": "ann", "body": "words", "created_utc": T0},
    "subreddit": {"name": "t5_abc", "id": "abc", "display_name": "calm", "title": "Calm", "created_utc": T0},
    "subreddit without a name": {"id": "abc", "display_name": "calm", "title": "Calm", "created_utc": T0},
    "award": {"name": "t6_abc", "id": "abc", "title": "Gold", "created_utc": T0},
    "issue": {"id": 1, "title": "t", "body": "words", "created_at": "2020-09-13T12:26:40Z"},
    "x": {"id": "1", "text": "words", "author_id": "2", "created_at": "2020-09-13T12:26:40Z"},
    "facepager": {"id": "1_2", "parent_id": "1", "from.name": "Ann", "message": "words", "created_time": "2020-09-13"},
    "listing": {"kind": "Listing", "data": {"children": []}},
    "thing": {"kind": "t1", "data": {"id": "c1", "body": "words"}},
    "convokit": {
        "id": "c1",
        "speaker": "ann",
        "reply_to": "p1",
        "conversation_id": "p1",
        "text": "words",
        "timestamp": T0,
    },
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_records_of_others_are_no_messages_of_reddit(name: str) -> None:
    assert not recognises(OTHERS[name])
    with pytest.raises(BadRecordError, match="neither a submission nor a comment"):
        parse(OTHERS[name])


def test_recognition() -> None:
    assert recognises(post())
    assert recognises(reply("c", None))
    assert recognises({"name": "t1_c", "created_utc": T0})
    assert not recognises({"id": "abc", "created_utc": T0})
    assert not recognises(post() | {"name": "t5_abc"})


def test_the_format() -> None:
    assert FORMATS == (REDDIT,)
    assert (REDDIT.name, REDDIT.platform, REDDIT.known_bots) == ("reddit", "reddit", ("AutoModerator",))
    assert REDDIT.mention("Ann") == "Ann"
    assert list(REDDIT.drafts(post())) == [parse(post())]


def test_every_field_is_in_its_place() -> None:
    submission = post(subreddit="u_Ann", edited=T0 + 1, retrieved_on=T0 + 2, score=3, num_comments=4)
    assert parse(submission) == Draft(
        platform="reddit",
        message_id="t3_p1",
        kind="post",
        thread="t3_p1",
        author="ann",
        author_status="known",
        forum="u_Ann",
        forum_owner="Ann",
        created_at=T0 * 1_000_000,
        edited_at=(T0 + 1) * 1_000_000,
        retrieved_at=(T0 + 2) * 1_000_000,
        text="title p1\n\nbody",
        text_status="present",
        score=3,
        declared_replies=4,
    )
    assert parse(reply("c1", "t1_c0")) == Draft(
        platform="reddit",
        message_id="t1_c1",
        kind="comment",
        thread="t3_p1",
        parent="t1_c0",
        author="bob",
        author_status="known",
        forum="calm",
        created_at=(T0 + 60) * 1_000_000,
        text="text of c1",
        text_status="present",
    )


@pytest.mark.parametrize("at", [1_104_537_599, 1_104_537_599.0, "1104537599", 946_684_801])
def test_nothing_was_written_before_the_site_was(at: object) -> None:
    assert parse(post(at=at)).created_at is None
    assert parse(post(at=1_104_537_600)).created_at == 1_104_537_600_000_000


@pytest.mark.parametrize(
    "typed", ["Ann", "u/Ann", "/u/Ann/", "@Ann", "r/u_Ann", " https://old.reddit.com/user/Ann?sort=new "]
)
def test_usernames_as_people_type_them(typed: str) -> None:
    assert username(typed) == "Ann"


@pytest.mark.parametrize("typed", ["", "two words", "https://example.org/u/Ann", "a.b"])
def test_what_is_no_username_is_not_repeated(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        username(typed)
    assert caught.value.remedy
    assert not typed or typed not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("ann", ("ann", "known")),
        ("[deleted]", (None, "deleted")),
        ("[removed]", (None, "deleted")),
        ("[Deleted by User]", (None, "deleted")),
        ("[unavailable]", (None, "unknown")),
        (None, (None, "unknown")),
        ("", (None, "unknown")),
        (7, (None, "unknown")),
    ],
)
def test_authors(author: object, expected: tuple[str | None, str]) -> None:
    draft = parse(post(author=author))
    assert (draft.author, draft.author_status) == expected


POLICY = "[ Removed by Reddit on account of violating the [content policy](/help/contentpolicy). ]"


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
        (post(text=POLICY), (None, "removed")),
        (post(text=POLICY.replace("[content policy](/help/contentpolicy)", "content policy")), (None, "removed")),
        (post(text=POLICY.replace("[ R", "[R").replace(". ]", "]")), (None, "removed")),
        (post(text="[ Removed by reddit in response to a copyright notice. ]"), (None, "removed")),
        (post(text="", title="[Removed by moderator]"), (None, "removed")),
        (post(text="", title="[ Removed by Reddit ]"), (None, "removed")),
        (reply("c", None, body=POLICY), (None, "removed")),
        (reply("c", None, body="[deleted by user]"), (None, "deleted")),
        (reply("c", None, body=" [Deleted] "), (None, "deleted")),
        (reply("c", None, body="[removed] was there"), ("[removed] was there", "present")),
        (reply("c", None, body="[why](/help)"), ("[why](/help)", "present")),
        (reply("c", None, body="[removed my account]"), ("[removed my account]", "present")),
        (reply("c", None, body="["), ("[", "present")),
        (reply("c", None, body="\ud800x"), ("\ufffdx", "present")),
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
        (b'{"a": "\\ud800x"}', "\ud800x"),  # `values.string` replaces it
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


FIELDS = ("id", "name", "author", "created_utc", "edited", "score", "parent_id", "link_id", "body", "title", "selftext")
MORE_FIELDS = ("subreddit", "retrieved_on", "_meta", "removal_type", "removed_by_category", "num_comments")
META = ("removal_type", "retrieved_2nd_on", "was_deleted_later")
VALUES = JSON | st.sampled_from(["[deleted]", "t1_a", "t3_b", "t4_c", "1.5e8", str(T0), T0, float(T0)])
GARBAGE = st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), VALUES | st.dictionaries(st.sampled_from(META), JSON))


@settings(max_examples=100)
@given(GARBAGE, st.sampled_from([{}, post(), reply("c1", "t1_c0")]))
def test_any_json_is_a_message_or_a_reason(garbage: dict[str, Any], real: dict[str, Any]) -> None:
    record = real | garbage
    assert kept_promises(recognises, REDDIT.drafts, record)
    draft = parsed(record)
    if isinstance(draft, str):
        assert draft in {"no id", "neither a submission nor a comment", "an id that Reddit does not use"}
    else:
        assert draft.parent is None or draft.parent[:3] in ("t1_", "t3_")


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


def test_empty_cells_of_a_table_make_no_comment() -> None:
    """CSV files that hold submissions and comments have the columns of both."""
    row = {"id": "x1", "created_utc": str(T0), "author": "ann", "name": ""}
    submission = parse(row | {"title": "t", "selftext": "", "body": "", "link_id": "", "parent_id": ""})
    assert (submission.message_id, submission.text) == ("t3_x1", "t")
    comment = parse(row | {"title": "", "selftext": "", "body": "words", "link_id": "t3_p1", "parent_id": ""})
    assert (comment.message_id, comment.parent, comment.score) == ("t1_x1", "t3_p1", None)


def records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as raw:
        stream: Any = raw
        if path.suffix == ".zst":
            stream = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(raw, read_across_frames=True)
        with io.TextIOWrapper(stream, "utf-8") as text:
            yield from (json.loads(line) for line in text if line.strip())


def counted(paths: list[Path]) -> ByHand:
    found = ByHand()
    for record in (record for path in paths for record in records(path)):
        comment = "body" in record
        identifier = ("t1_" if comment else "t3_") + record["id"]
        found.authors[identifier] = None if record["author"] in NOBODY else record["author"]
        if comment:
            found.parents[identifier] = record["parent_id"]
    return found


def real_dumps(shared_data: Path, folder: str) -> list[Path]:
    return sorted(path for path in (shared_data / folder).iterdir() if path.suffix in (".zst", ".json"))


FOLDERS = pytest.mark.parametrize("folder", ["reddit", "reddit_real_dumps"])


@FOLDERS
def test_drafts_of_real_dumps_are_as_many_as_plain_python_counts(shared_data: Path, folder: str) -> None:
    paths = real_dumps(shared_data, folder)
    drafts: dict[str, Draft] = {}
    for record in (record for path in paths for record in records(path)):
        assert recognises(record)
        draft = parse(record)
        drafts[draft.message_id] = draft
    known = {draft.author.casefold() for draft in drafts.values() if draft.author} - {"automoderator"}
    replies = [draft for draft in drafts.values() if draft.parent]
    assert counted(paths).figures() == {
        "messages": len(drafts),
        "authors": len(known),
        "replies": len(replies),
        "replies_resolved": sum(draft.parent in drafts for draft in replies),
        "parents_missing": len({draft.parent for draft in replies} - set(drafts)),
    }
    assert all(draft.created_at for draft in drafts.values())
