"""The dumps of ten platforms that hold what `tests.ingest.canaries` says of a thousand people; some are named after them."""

from __future__ import annotations

import csv
import html
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.ingest.canaries import Person, Said, said
from tests.ingest.dumps import lines, write

HOST = "calm.example"
FACEBOOK_PAGE = 100_000_000_001
CHANNEL = "UC" + "o" * 22
COLUMNS = {
    "id": "n",
    "author": "who",
    "display_name": "real name",
    "parent": "above",
    "parent_author": "to",
    "time": "at",
    "text": "words",
}


def dumps(folder: Path) -> dict[str, list[Path]]:
    """Write the dumps of each platform; some are named after people in them."""
    return {platform: write_dumps(folder / "in", said(platform)) for platform, write_dumps in _WRITERS.items()}


def _thirds(messages: Sequence[Said]) -> list[list[Said]]:
    return [list(messages[i::3]) for i in range(3)]


def _name(messages: Sequence[Said], i: int) -> str:
    return messages[i].by.name


def _reddit(folder: Path, messages: list[Said]) -> list[Path]:
    names = (f"u_{_name(messages, 1)}_posts.jsonl", f"{_name(messages, 2)}.ndjson", "RC_2020-09")
    parts = _thirds(messages)
    return [write(folder / n, lines(_reddit_record(m) for m in part)) for n, part in zip(names, parts, strict=True)]


def _reddit_record(m: Said) -> dict[str, Any]:
    name = m.by.name
    own_page = m.number % 10 == 0 and m.to is None
    unknown = {
        "author_flair_text": name,
        "permalink": f"/r/calm/comments/{name}/",
        "crosspost_parent_list": [{"author": name, "selftext": f"I am {name}", "id": "zz"}],
        "link_author": name,
        "parent_author": m.to.name if m.to else name,
        "mod_note": {"by": [name]},
        f"of {name}": name,
    }
    base = {"id": f"z{m.number}", "author": name, "created_utc": m.at, "subreddit": "calm"} | unknown
    if m.to is None:
        return base | {"title": "hello", "selftext": m.text, "subreddit": f"u_{name}" if own_page else "calm"}
    post = f"t3_z{m.to.number}"
    return base | {"body": m.text, "parent_id": post, "link_id": post}


def _x(folder: Path, messages: list[Said]) -> list[Path]:
    names = (f"tweets-{_name(messages, 1)}-2020.jsonl", f"@{_name(messages, 2)}.jsonl", "search.jsonl")
    parts = _thirds(messages)
    return [write(folder / n, lines(_x_page(m) for m in part)) for n, part in zip(names, parts, strict=True)]


def _x_page(m: Said) -> dict[str, Any]:
    post: dict[str, Any] = {
        "id": str(1_300_000_000_000_000_000 + m.number),
        "author_id": str(m.by.number),
        "conversation_id": str(1_300_000_000_000_000_000 + (m.to or m.by).number),
        "created_at": m.iso,
        "text": html.escape(m.text, quote=False),
        "lang": "en",
        "public_metrics": {"like_count": 1, "reply_count": 0},
        "edit_history_tweet_ids": [str(1_300_000_000_000_000_000 + m.number)],
        "entities": {"mentions": [{"username": p.name, "start": 0} for p in (m.by, m.to) if p]},
        "source": m.by.name,
    }
    if m.to:
        post["in_reply_to_user_id"] = str(m.to.number)
        post["referenced_tweets"] = [{"type": "replied_to", "id": post["conversation_id"]}]
    users = [_x_user(person) for person in (m.by, m.to) if person]
    return {"data": [post], "includes": {"users": users}, "meta": {"result_count": 1, "newest_id": post["id"]}}


def _x_user(person: Person) -> dict[str, Any]:
    about_me = {"description": f"I am {person.name}", "location": person.name, "url": f"https://t.co/{person.name}"}
    return {"id": str(person.number), "username": person.name, "name": person.shown} | about_me


def _mastodon(folder: Path, messages: list[Said]) -> list[Path]:
    names = (f"{_name(messages, 1)}@{HOST}.json", "statuses.json", f"{_name(messages, 2)}/outbox.json")
    parts = [json.dumps([_status(m) for m in part]).encode() for part in _thirds(messages)]
    return [write(folder / name.replace("/", "-"), part) for name, part in zip(names, parts, strict=True)]


def _in_html(text: str) -> str:
    return "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n")).replace("\n", "<br>")


def _account(person: Person) -> dict[str, Any]:
    page = f"https://{HOST}/@{person.name}"
    who = {"id": str(person.number), "username": person.name, "acct": person.name, "display_name": person.shown}
    return who | {"url": page, "uri": f"https://{HOST}/users/{person.name}", "note": person.name, "bot": False}


def _status(m: Said) -> dict[str, Any]:
    uri = f"https://{HOST}/users/{m.by.name}/statuses/{m.number}"
    return {
        "id": str(m.number),
        "created_at": m.iso,
        "in_reply_to_id": str(m.to.number) if m.to else None,
        "in_reply_to_account_id": str(m.to.number) if m.to else None,
        "spoiler_text": f"about {m.to.name}" if m.to else "",
        "language": "en",
        "uri": uri,
        "url": f"https://{HOST}/@{m.by.name}/{m.number}",
        "content": _in_html(m.text),
        "account": _account(m.by),
        "mentions": [{k: v for k, v in _account(m.to).items() if k in ("id", "username", "acct", "url")}]
        if m.to
        else [],
        "tags": [],
        "reblog": None,
        "application": {"name": m.by.name},
    }


def _bluesky(folder: Path, messages: list[Said]) -> list[Path]:
    posts = [_bluesky_view(m) for m in messages]
    name = f"{_name(messages, 4)}.bsky.social.json"
    return [write(folder / name, json.dumps({"posts": posts}).encode())]


def _did(person: Person) -> str:
    return f"did:plc:{person.number:024d}"


def _bluesky_view(m: Said) -> dict[str, Any]:
    record: dict[str, Any] = {"$type": "app.bsky.feed.post", "text": m.text, "createdAt": m.iso, "langs": ["en"]}
    if m.to:
        parent = {"uri": f"at://{_did(m.to)}/app.bsky.feed.post/z{m.to.number}", "cid": "x"}
        record["reply"] = {"parent": parent, "root": parent}
    handle = f"{m.by.name.lower()}.bsky.social"
    author = {"did": _did(m.by), "handle": handle, "displayName": m.by.shown, "avatar": f"https://pic.example/{handle}"}
    uri = f"at://{_did(m.by)}/app.bsky.feed.post/z{m.number}"
    return {"uri": uri, "cid": "x", "author": author, "record": record, "indexedAt": m.iso, "labels": []}


def _facebook(folder: Path, messages: list[Said]) -> list[Path]:
    rows = [
        {
            "id": f"{FACEBOOK_PAGE}_{10**12 + m.number}"
            if m.to is None
            else f"{10**12 + m.to.number}_{10**12 + m.number}",
            "parent_id": "" if m.to is None else f"{FACEBOOK_PAGE}_{10**12 + m.to.number}",
            "from.name": m.by.name,
            "created_time": m.iso[:19] + "+0000",
            "message": m.text,
            "from.link": f"https://www.facebook.com/{m.by.name}",
            "story": f"{m.by.name} was here",
        }
        for m in messages
    ]
    return [write(folder / f"{_name(messages, 1)} (Facebook).csv".replace(" ", "_"), _csv(rows))]


def _telegram(folder: Path, messages: list[Said]) -> list[Path]:
    chat = {"name": "calm", "type": "public_supergroup", "id": 77}
    document = chat | {"messages": [_telegram_message(m) for m in messages]}
    name = f"ChatExport_{_name(messages, 5)}.json"
    return [write(folder / name, json.dumps(document, ensure_ascii=False).encode())]


def _telegram_message(m: Said) -> dict[str, Any]:
    made: dict[str, Any] = {"id": m.number, "type": "message", "date": m.iso[:19], "date_unixtime": str(m.at)}
    made |= {"from": m.by.name, "from_id": f"user{m.by.number}", "text": m.text, "forwarded_saved_by": m.by.name}
    if m.to:
        named = {"type": "mention_name", "text": m.to.name, "user_id": m.to.number}
        link = {"type": "text_link", "text": m.to.name, "href": f"tg://user?id={m.to.number}"}
        made |= {"reply_to_message_id": m.to.number, "text": [m.text, "\n\nsee ", named, " and ", link]}
    return made


def _youtube(folder: Path, messages: list[Said]) -> list[Path]:
    items = [_youtube_comment(m) for m in messages]
    document = {"kind": "youtube#commentListResponse", "items": items}
    archive = folder / f"comments of {_name(messages, 1)}.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(f"{_name(messages, 2)}/all.json", json.dumps(document))
    return [archive]


def _youtube_comment(m: Said) -> dict[str, Any]:
    channel = f"UC{m.by.number:022d}"
    snippet = {
        "channelId": CHANNEL,
        "videoId": "vid00000001",
        "textDisplay": html.escape(m.text).replace("\n", "<br>"),
        "textOriginal": m.text,
        "authorDisplayName": f"@{m.by.name}",
        "authorProfileImageUrl": f"https://yt.example/{m.by.name}",
        "authorChannelUrl": f"http://www.youtube.com/@{m.by.name}",
        "authorChannelId": {"value": channel},
        "likeCount": 1,
        "publishedAt": m.iso,
        "updatedAt": m.iso,
    }
    if m.to:
        snippet["parentId"] = f"Ugx{m.to.number}"
    return {"kind": "youtube#comment", "id": f"Ugx{m.number}", "snippet": snippet}


def _stack_exchange(folder: Path, messages: list[Said]) -> list[Path]:
    posts = "".join(_row(m) for m in messages)
    document = f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{posts}</posts>\n'
    return [write(folder / "Posts.xml", document.encode())]


def _row(m: Said) -> str:
    body = _in_html(m.text)
    row = {
        "Id": str(m.number),
        "PostTypeId": "2" if m.to else "1",
        "CreationDate": m.iso[:23],
        "Score": "1",
        "Body": body,
    }
    row |= {"OwnerDisplayName": m.by.name, "LastEditorDisplayName": m.by.name}
    if m.by.number % 2:  # a deleted user leaves a name alone
        row |= {"OwnerUserId": str(m.by.number)}
    if m.to:
        row |= {"ParentId": str(m.to.number)}
    escaped = (f"{key}={quoteattr(value)}" for key, value in row.items())
    return f"  <row {' '.join(escaped)} />\n"


def _fourcat(folder: Path, messages: list[Said]) -> list[Path]:
    rows = [
        {
            "id": m.number,
            "thread_id": (m.to or m.by).number,
            "timestamp": m.iso[:19].replace("T", " "),
            "author": m.by.name,
            "body": m.text,
            "parent": m.to.number if m.to else "",
            "author_avatar": f"https://pic.example/{m.by.name}",
            "known_as": m.by.name,
        }
        for m in messages
    ]
    return [write(folder / f"{_name(messages, 12)}-posts.csv", _csv(rows))]


def _table(folder: Path, messages: list[Said]) -> list[Path]:
    rows = [
        {
            "n": m.number,
            "who": m.by.name,
            "real name": m.by.shown,
            "above": m.to.number if m.to else "",
            "to": m.to.name if m.to else "",
            "at": m.iso,
            "words": m.text,
            "note": m.by.name,
        }
        for m in messages
    ]
    return [write(folder / f"interview {messages[3].by.shown}.csv", _csv(rows))]


def _csv(rows: list[dict[str, Any]]) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


_WRITERS: dict[str, Callable[[Path, list[Said]], list[Path]]] = {
    "reddit": _reddit,
    "x": _x,
    "mastodon": _mastodon,
    "bluesky": _bluesky,
    "facebook": _facebook,
    "telegram": _telegram,
    "youtube": _youtube,
    "stackexchange": _stack_exchange,
    "fourcat": _fourcat,
    "table": _table,
}
