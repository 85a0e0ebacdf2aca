"""What snscrape and twscrape wrote of X, and snscrape of Reddit: made after their classes, for want of real files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources import reddit
from ingest.sources.snscrape import (
    FORMATS,
    SNSCRAPE_REDDIT,
    SNSCRAPE_X,
    drafts_reddit,
    drafts_x,
    recognises_reddit,
    recognises_x,
)
from tests.ingest.sources.garbage import damaged, kept_promises
from tests.ingest.sources.x_records import (
    AT,
    NEIGHBOURS,
    snscrape_tweet,
    snscrape_user,
    v2_page,
    v2_post,
    v11_status,
)

ONE, TWO = 1305118500000000001, 1305118500000000002
FIRST = Draft(
    platform="x",
    message_id=str(ONE),
    kind="post",
    thread=str(ONE),
    author="id:11",
    author_status="known",
    handle="user11",
    display_name="User 11",
    created_at=AT,
    text=f"text of {ONE}",
    text_status="present",
    language="en",
    score=3,
    declared_replies=2,
)
ANSWERS = {"conversationId": ONE, "inReplyToTweetId": ONE, "inReplyToUser": snscrape_user(11)}


def only(record: Record) -> Draft:
    (found,) = drafts_x(record)
    assert isinstance(found, Draft)
    return found


def test_a_tweet() -> None:
    assert recognises_x(snscrape_tweet())
    assert list(drafts_x(snscrape_tweet())) == [FIRST]


def test_a_reply() -> None:
    assert only(snscrape_tweet(TWO, 22, **ANSWERS)) == FIRST._replace(
        message_id=str(TWO),
        kind="comment",
        thread=str(ONE),
        parent=str(ONE),
        author="id:22",
        handle="user22",
        display_name="User 22",
        parent_author="id:11",
        text=f"text of {TWO}",
    )


def test_a_reply_that_names_only_the_person() -> None:
    draft = only(snscrape_tweet(TWO, inReplyToUser={"username": "ann"}, conversationId=ONE))
    assert (draft.kind, draft.parent, draft.parent_author, draft.thread) == ("comment", None, "ann", str(ONE))


def test_a_retweet_is_a_repost_and_what_it_carries_a_message() -> None:
    retweet = snscrape_tweet(TWO, 22, retweetedTweet=snscrape_tweet(), quotedTweet=None)
    repost, original = drafts_x(retweet)
    assert repost == FIRST._replace(
        message_id=str(TWO),
        kind="repost",
        thread=None,
        author="id:22",
        handle="user22",
        display_name="User 22",
        text=None,
        text_status="empty",
        score=None,
        declared_replies=None,
    )
    assert original == FIRST


def test_what_is_quoted_is_a_message_unless_it_is_a_mere_reference() -> None:
    quoting, quoted = drafts_x(snscrape_tweet(TWO, 22, quotedTweet=snscrape_tweet()))
    assert isinstance(quoting, Draft)
    assert (quoting.kind, quoting.parent, quoted) == ("post", None, FIRST)
    reference = {"_type": "snscrape.modules.twitter.TweetRef", "id": ONE}
    assert only(snscrape_tweet(TWO, quotedTweet=reference)).message_id == str(TWO)


def test_twscrape_writes_ids_as_text_too_and_its_dates_with_a_blank() -> None:
    record = snscrape_tweet(TWO, 22, **ANSWERS) | {
        "id": 1305118500000000000, "id_str": str(TWO), "inReplyToTweetId": 1305118500000000000,
        "inReplyToTweetIdStr": str(ONE), "conversationIdStr": str(ONE), "date": "2020-09-13 12:26:40+00:00",
        "inReplyToUser": {"id": 11, "id_str": "11", "username": "user11", "_type": "snscrape.modules.twitter.UserRef"},
    }  # fmt: skip
    assert list(drafts_x(record)) == list(drafts_x(snscrape_tweet(TWO, 22, **ANSWERS)))


def test_ids_as_text_for_readers_that_round() -> None:
    assert only(snscrape_tweet() | {"id": 1.3051185e18, "id.str": str(ONE)}) == FIRST
    assert list(drafts_x(snscrape_tweet() | {"id": 1.3051185e18})) == [Reject("a post without an id")]


def test_a_tweet_without_its_class_and_with_a_username_alone() -> None:
    record = {
        "url": f"https://twitter.com/ann/status/{ONE}", "date": "2020-09-13T12:26:40+00:00", "content": "a &amp; b",
        "id": ONE, "username": "ann", "outlinks": [],
    }  # fmt: skip
    assert recognises_x(record)
    draft = only(record)
    assert (draft.author, draft.handle, draft.text, draft.thread) == ("ann", None, "a & b", str(ONE))


def test_an_account_that_is_gone_is_known_by_its_id() -> None:
    gone = {"_type": "snscrape.modules.twitter.UserRef", "id": 33, "text": "x"}
    draft = only(snscrape_tweet() | {"user": gone})
    assert (draft.author, draft.handle, draft.author_status) == ("id:33", None, "known")


@pytest.mark.parametrize(
    ("notice", "status"),
    [
        ("This Tweet was deleted by the Tweet author. Learn more", "deleted"),
        ("This Tweet is from an account that no longer exists. Learn more", "deleted"),
        ("This Tweet is from a suspended account. Learn more", "removed"),
        ("This Tweet violated the Twitter Rules. Learn more", "removed"),
        ("You’re unable to view this Tweet because this account owner limits who can view their Tweets.", None),
        ("This Tweet is unavailable.", None),
        (None, None),
        (5, None),
    ],
)
def test_a_tombstone_is_a_message_only_where_it_says_why(notice: object, status: str | None) -> None:
    record = {"_type": "snscrape.modules.twitter.Tombstone", "id": ONE, "text": notice, "textLinks": None}
    assert recognises_x(record)
    expected = Draft("x", str(ONE), "post", author_status="deleted", text_status=status or "")
    assert list(drafts_x(record)) == ([expected] if status else [])


def test_an_edit_is_a_version_of_the_first() -> None:
    versions = [1576994746135764992, 1576994789110992896]
    tweet = snscrape_tweet(versions[1], date="2022-10-03T17:57:11+00:00", editState={"editTweetIds": versions})
    draft = only(tweet)
    assert draft.message_id == draft.thread == str(versions[0])
    assert (draft.created_at, draft.edited_at) == (1_664_819_821_000_000, 1_664_819_831_000_000)


TELEGRAM = {"_type": "snscrape.modules.telegram.TelegramPost", "id": 1}


@pytest.mark.parametrize("record", [{}, snscrape_user(11), TELEGRAM])
def test_what_is_no_post_is_refused(record: Record) -> None:
    assert not recognises_x(record)
    assert not recognises_reddit(record)
    with pytest.raises(BadRecordError):
        list(drafts_x(record))
    with pytest.raises(BadRecordError):
        list(drafts_reddit(record))


SUBMISSION: Record = {
    "_type": "snscrape.modules.reddit.Submission", "author": "ann", "date": "2020-09-13T12:26:40+00:00", "id": "t3_p1",
    "link": None, "selftext": "body", "subreddit": "calm", "title": "title", "created": "2020-09-13T12:26:40+00:00",
    "url": "https://old.reddit.com/r/calm/comments/p1/title/",
}  # fmt: skip
COMMENT: Record = {
    "_type": "snscrape.modules.reddit.Comment", "author": "bob", "body": "words", "date": "2020-09-13T12:26:40+00:00",
    "id": "t1_c2", "parentId": "t1_c1", "subreddit": "calm", "url": "https://old.reddit.com/r/calm/comments/p1/_/c2/",
}  # fmt: skip
POSTED = Draft(
    platform="reddit",
    message_id="t3_p1",
    kind="post",
    thread="t3_p1",
    author="ann",
    author_status="known",
    forum="calm",
    created_at=AT,
    text="title\n\nbody",
    text_status="present",
)


def test_a_submission_and_a_comment_of_reddit() -> None:
    assert recognises_reddit(SUBMISSION)
    assert recognises_reddit(COMMENT)
    assert list(drafts_reddit(SUBMISSION)) == [POSTED]
    assert list(drafts_reddit(COMMENT)) == [
        POSTED._replace(message_id="t1_c2", kind="comment", parent="t1_c1", author="bob", text="words")
    ]


@pytest.mark.parametrize(
    ("parent", "expected"), [(None, "t3_p1"), ("t3_p1", "t3_p1"), (36, "t1_10"), ("", "t3_p1"), ([], "t3_p1")]
)
def test_parents_that_pushshift_left_out_or_wrote_as_numbers(parent: object, expected: str) -> None:
    (draft,) = drafts_reddit(COMMENT | {"parentId": parent})
    assert isinstance(draft, Draft)
    assert draft.parent == expected


def test_a_comment_without_an_address_has_no_thread() -> None:
    (draft,) = drafts_reddit(COMMENT | {"url": "https://old.reddit.com/"})
    assert isinstance(draft, Draft)
    assert (draft.thread, draft.parent) == (None, "t1_c1")


def test_deleted_and_own_pages_of_reddit() -> None:
    (draft,) = drafts_reddit(SUBMISSION | {"selftext": "[removed]", "author": "[deleted]", "subreddit": "u_Ann"})
    assert isinstance(draft, Draft)
    assert (draft.text, draft.text_status, draft.author_status) == (None, "removed", "deleted")
    assert draft.forum_owner == "Ann"


@pytest.mark.parametrize("native", [None, "", 5, "t1_p1", "t5_x", "a b"])
def test_submissions_with_unusable_ids_are_refused(native: object) -> None:
    with pytest.raises(BadRecordError):
        list(drafts_reddit(SUBMISSION | {"id": native}))


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_records_of_neighbours_are_not_claimed(name: str) -> None:
    assert not recognises_x(NEIGHBOURS[name])
    assert not recognises_reddit(NEIGHBOURS[name])


def test_other_formats_of_the_platforms_are_not_claimed() -> None:
    assert not any(recognises_x(record) for record in (v2_post(), v2_page(v2_post()), v11_status(), SUBMISSION))
    assert not any(recognises_reddit(record) for record in (snscrape_tweet(), v2_post()))
    assert not reddit.recognises(SUBMISSION)
    assert not reddit.recognises(COMMENT)


def test_people_as_they_are_typed_and_mentioned() -> None:
    assert SNSCRAPE_X.username("@Ann") == SNSCRAPE_X.mention("Ann") == "Ann"
    assert SNSCRAPE_REDDIT.username("u/Ann") == SNSCRAPE_REDDIT.mention("Ann") == "Ann"
    assert SNSCRAPE_REDDIT.known_bots == ("AutoModerator",)
    assert [known.name for known in FORMATS] == ["snscrape-x", "snscrape-reddit"]


TWEETS = (
    snscrape_tweet(TWO, 22, **ANSWERS, quotedTweet=snscrape_tweet(), editState={"editTweetIds": [ONE, TWO]}),
    snscrape_tweet(TWO, 22, retweetedTweet=snscrape_tweet()),
    {"_type": "snscrape.modules.twitter.Tombstone", "id": ONE, "text": "deleted by the Tweet author"},
)


@settings(derandomize=True, max_examples=100)
@given(damaged(*TWEETS))
def test_any_json_is_a_post_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises_x, drafts_x, record)


@settings(derandomize=True, max_examples=100)
@given(damaged(SUBMISSION, COMMENT))
def test_any_json_is_a_message_of_reddit_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises_reddit, drafts_reddit, record)
