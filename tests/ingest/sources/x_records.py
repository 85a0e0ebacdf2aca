"""Records of X as its interfaces and tools write them, all names made up; and ways to damage them."""

from __future__ import annotations

from typing import Any

from ingest.records import Record

BASE = 1_600_000_000  # 2020-09-13T12:26:40Z
AT, LATER = BASE * 1_000_000, (BASE + 60) * 1_000_000


def v2_post(native: str = "1305118500000000001", author: str = "11", /, **fields: Any) -> Record:
    """A post of API v2 with the fields twarc2 asks for."""
    post: Record = {
        "id": native,
        "author_id": author,
        "text": f"text of {native}",
        "created_at": "2020-09-13T12:26:40.000Z",
        "conversation_id": native,
        "lang": "en",
        "public_metrics": {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 0},
        "reply_settings": "everyone",
        "possibly_sensitive": False,
        "context_annotations": [{"domain": {"id": "46", "name": "Brand"}, "entity": {"id": "1", "name": "made up"}}],
    }
    return post | fields


def v2_user(native: str, username: str) -> Record:
    return {"id": native, "username": username, "name": username.title(), "description": "about", "verified": False}


def v2_page(*posts: Record, **includes: list[Record]) -> Record:
    """An answer as twarc2 writes it, one per line."""
    return {
        "data": list(posts),
        "includes": {"users": [v2_user("11", "ann"), v2_user("22", "bob")], **includes},
        "meta": {"newest_id": "9", "oldest_id": "1", "result_count": len(posts)},
        "__twarc": {
            "url": "https://api.twitter.com/2/tweets/search/all",
            "version": "2.13.0",
            "retrieved_at": "2020-09-13T12:27:40+00:00",
        },
    }


def v11_status(native: str = "1305118500000000001", user: str = "11", /, **fields: Any) -> Record:
    """A status of API v1.1 in extended mode."""
    status: Record = {
        "created_at": "Sun Sep 13 12:26:40 +0000 2020",
        "id": int(native),
        "id_str": native,
        "full_text": f"text of {native}",
        "in_reply_to_status_id": None,
        "in_reply_to_status_id_str": None,
        "in_reply_to_user_id": None,
        "in_reply_to_user_id_str": None,
        "in_reply_to_screen_name": None,
        "user": {"id": int(user), "id_str": user, "screen_name": f"user{user}", "name": f"User {user}"},
        "retweet_count": 1,
        "favorite_count": 3,
        "lang": "en",
    }
    return status | fields


def snscrape_tweet(native: int = 1305118500000000001, user: int = 11, /, **fields: Any) -> Record:
    """A tweet as snscrape 0.7 writes it."""
    tweet: Record = {
        "_type": "snscrape.modules.twitter.Tweet",
        "url": f"https://twitter.com/user{user}/status/{native}",
        "date": "2020-09-13T12:26:40+00:00",
        "rawContent": f"text of {native}",
        "renderedContent": f"text of {native}",
        "id": native,
        "user": snscrape_user(user),
        "replyCount": 2,
        "retweetCount": 1,
        "likeCount": 3,
        "quoteCount": 0,
        "conversationId": native,
        "lang": "en",
        "retweetedTweet": None,
        "quotedTweet": None,
        "inReplyToTweetId": None,
        "inReplyToUser": None,
        "content": f"text of {native}",
    }
    return tweet | fields


def snscrape_user(native: int) -> Record:
    kind = "snscrape.modules.twitter.User"
    return {"_type": kind, "username": f"user{native}", "id": native, "displayname": f"User {native}"}


REDDIT_RECORD: Record = {
    "id": "c1", "body": "x", "author": "ann", "created_utc": BASE, "link_id": "t3_p1", "parent_id": "t3_p1",
}  # fmt: skip
NEIGHBOURS: dict[str, Record] = {
    "reddit": REDDIT_RECORD,
    "reddit api": {"kind": "t1", "data": {"id": "c1", "body": "x", "name": "t1_c1", "author": "ann"}},
    "facebook api": {"data": [{"id": "1_2", "message": "x", "created_time": "2020-09-13T12:26:40+0000"}], "paging": {}},
    "facepager row": {"id": "1", "parent_id": "", "object_id": "1_2", "message": "x", "from.name": "Ann"},
    "mastodon": {
        "id": "1", "uri": "https://a.example/1", "created_at": "2020-09-13T12:26:40Z", "content": "<p>x</p>",
        "account": {"acct": "ann", "id": "1"}, "in_reply_to_id": None, "favourites_count": 0, "reblog": None,
    },
    "bluesky": {"uri": "at://did:plc:a/app.bsky.feed.post/1", "author": {"did": "did:plc:a"}, "record": {"text": "x"}},
    "telegram": {"id": 1, "type": "message", "date_unixtime": str(BASE), "from_id": "user1", "text": "x"},
    "youtube": {"kind": "youtube#commentThread", "id": "a", "snippet": {"topLevelComment": {"id": "a"}}},
    "convokit": {
        "id": "1", "conversation_id": "1", "text": "x", "speaker": "ann", "reply-to": None, "timestamp": BASE,
    },
    "old convokit": {"id": "1", "root": "1", "text": "x", "user": "ann", "reply_to": None, "timestamp": BASE},
    "4cat": {"id": "1", "thread_id": "1", "timestamp": "2020-09-13 12:26:40", "body": "x", "author": "ann"},
    "a table": {"id": "1", "author_id": "7", "conversation_id": "2", "text": "x", "created_at": "2020-09-13 12:26:40"},
    "stack exchange": {"#tag": "row", "Id": "1", "PostId": "2", "Text": "x", "CreationDate": "2020-09-13T12:26:40"},
    "weibo": {"id": 1, "idstr": "1", "text": "x", "created_at": "x", "user": {"screen_name": "a"}, "favorite_count": 1},
    "json api": {"data": {"id": "1", "type": "articles"}, "included": [], "meta": {"count": 1}},
    "empty": {},
}  # fmt: skip
