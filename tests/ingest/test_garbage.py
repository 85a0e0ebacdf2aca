"""No garbage makes a reader or a format fail, be it bytes, JSON or records; what else a reader raises is a finding."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copenet.foundation.tables import conform
from ingest.blocks import Block, Loss, blocks
from ingest.containers import Break, read_utf8
from ingest.documents import read_document
from ingest.dumps import members
from ingest.formats import by_name, column_format, every_format, read_dump
from ingest.pseudonyms import Pseudonyms
from ingest.records import BadRecordError, Draft, Record, SourceFormat
from ingest.rows import STAGED, STAGED_TEXTS, RowMaker
from ingest.syntax import Rows, read_items
from ingest.syntax import records as records_of
from ingest.tables import read_parquet
from tests.ingest.dumps import PACK
from tests.ingest.hostile import tarred, zipped
from tests.ingest.test_syntax import found, pieces

NAMES = Pseudonyms(bytes(32))
ROLES = {
    "id": "id",
    "author": "user.id",
    "text": "text",
    "parent": "parent",
    "time": "time",
    "kind": "kind",
    "bot": "bot",
}
FORMATS = (*every_format(), by_name("stack-exchange:math"), by_name(column_format(ROLES)))
FORMATS += tuple(by_name(column_format(ROLES, name)) for name in ("reddit", "x", "mastodon", "telegram"))


KEYS = sorted(
    {
        *(
            "id",
            "name",
            "kind",
            "type",
            "data",
            "text",
            "body",
            "title",
            "author",
            "user",
            "parent_id",
            "link_id",
            "created_utc",
        ),
        *(
            "created_at",
            "created_time",
            "from",
            "message",
            "messages",
            "comments",
            "replies",
            "items",
            "snippet",
            "account",
        ),
        *(
            "uri",
            "url",
            "content",
            "in_reply_to_id",
            "mentions",
            "reblog",
            "object",
            "actor",
            "orderedItems",
            "attributedTo",
        ),
        *(
            "thread",
            "post",
            "record",
            "value",
            "reply",
            "root",
            "parent",
            "did",
            "commit",
            "time_us",
            "collection",
            "rkey",
        ),
        *(
            "includes",
            "errors",
            "referenced_tweets",
            "author_id",
            "id_str",
            "full_text",
            "retweeted_status",
            "_type",
            "date",
        ),
        *(
            "conversation_id",
            "speaker",
            "meta",
            "timestamp",
            "thread_id",
            "Id",
            "PostTypeId",
            "CreationDate",
            "PostId",
            "Text",
        ),
        *("chats", "list", "from_id", "date_unixtime", "reply_to_message_id", "children", "json", "things", "statuses"),
        *(
            "ancestors",
            "descendants",
            "creation_time",
            "post_owner",
            "surface",
            "owner",
            "post_id",
            "isReplyTo",
            "isReply",
        ),
        *(
            "publishedAt",
            "authorName",
            "videoId",
            "videoTitle",
            "channelId",
            "topLevelComment",
            "_chat",
            "_sender",
            "edited",
        ),
        *(
            "http_interactions",
            "interactions",
            "log",
            "entries",
            "response",
            "tag",
            "contentMap",
            "public_metrics",
            "$type",
        ),
    }
)
WORDS = st.sampled_from(
    [
        *("t1", "t3", "t1_a", "t3_b", "Listing", "more", "youtube#comment", "youtube#commentThread", "Note", "Create"),
        *(
            "Announce",
            "Delete",
            "app.bsky.feed.post",
            "message",
            "service",
            "public_channel",
            "personal_chat",
            "row",
            "2",
        ),
        *("snscrape.modules.twitter.Tweet", "snscrape.modules.reddit.Comment", "snscrape.modules.twitter.Tombstone"),
        *(
            "at://did:plc:a/app.bsky.feed.post/3a",
            "https://one.example/users/ann",
            "did:plc:a",
            "user12",
            "12",
            "-1",
            "1.0",
        ),
        *(
            "2020-09-13T12:26:40Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "Wed Oct 10 20:19:24 +9999 0000",
        ),
        *(
            "\u0665",
            "\u00b2",
            "\ud800",
            "\x00",
            "[deleted]",
            "nan",
            "<![x[",
            "&#x110000;",
            '<a href="',
            ">>1",
            "@ann",
            "u/ann",
        ),
    ]
)
ODD = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=6)
GARBAGE = st.recursive(
    ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)
GARBAGE_RECORDS = st.dictionaries(st.sampled_from(KEYS), GARBAGE, min_size=1, max_size=9)


def kept_by(reader: SourceFormat, record: Record) -> None:
    """Read a record as one format, up to the rows of the tables."""
    assert isinstance(reader.recognises(record), bool)
    drafts: list[Draft] = []
    with suppress(BadRecordError):
        drafts.extend(draft for draft in reader.drafts(record) if isinstance(draft, Draft))
    made = RowMaker(NAMES, reader.mention).make(drafts, [f"s:{n}" for n in range(len(drafts))])
    conform(made.messages, STAGED)
    conform(made.texts, STAGED_TEXTS)


@settings(max_examples=400)
@given(GARBAGE_RECORDS)
def test_no_garbage_makes_a_format_fail(record: Record) -> None:
    for reader in FORMATS:
        kept_by(reader, record)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("reader", FORMATS, ids=lambda reader: f"{reader.name}-{reader.platform}")
def test_values_nested_too_deeply_to_compare_make_no_format_fail(reader: SourceFormat) -> None:
    """Two of them cannot be compared, written or hashed: Python recurses there."""
    from benchmarks.fuzz_records import RECORDS

    one, other = nested(1500), nested(1500)
    for seed in RECORDS:
        for key in {*seed, "parent_id", "link_id", "id", "type"}:
            kept_by(reader, dict(seed) | {key: one})
        kept_by(reader, {key: (one, other)[place % 2] for place, key in enumerate(seed)})


def test_things_nested_deeply_inside_others_make_no_format_fail() -> None:
    commit = {"collection": "app.bsky.feed.post", "rkey": nested(1500), "operation": nested(1500), "record": {}}
    event = {"did": "did:plc:a", "time_us": 1, "kind": "commit", "commit": commit}
    note = {"type": "Note", "id": "https://a.example/1", "attributedTo": "https://a.example/users/a"}
    note |= {"content": nested(1500), "contentMap": {"en": nested(1500)}}
    comment = {"id": "a", "body": "so", "created_utc": 1, "parent_id": nested(1500), "link_id": nested(1500)}
    library = {"id": "1", "creation_time": "x", "post_id": "2", "owner": {"type": nested(1500)}}
    for record in (event, note, comment, library):
        for reader in FORMATS:
            kept_by(reader, record)


@settings(max_examples=200)
@given(
    st.lists(GARBAGE_RECORDS | GARBAGE, max_size=4),
    st.integers(1, 60),
    st.sampled_from(["\n", ", ", ""]),
    st.booleans(),
)
def test_no_garbage_of_json_makes_a_reader_fail(values: list[Any], size: int, between: str, array: bool) -> None:
    text = between.join(json.dumps(value) for value in values)
    data = (f"[{text}]" if array else text).encode()
    for whole in (10, 2**20):
        items = list(read_document(pieces(data, size), whole=whole))
        assert all(isinstance(item, list | Loss) for item in items)
    for one in found(data, size):
        if isinstance(one, dict):
            for reader in FORMATS:
                kept_by(reader, one)


SCRAPS = st.sampled_from(
    [
        *(
            b"{",
            b"}",
            b"[",
            b"]",
            b'"',
            b",",
            b":",
            b"\n",
            b"\r",
            b"\r\n",
            b" ",
            b"\x00",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\\u",
            b";",
        ),
        *(
            b'{"id": "a"}',
            b'{"a": [',
            b'"messages": [',
            b"null",
            b"1e999",
            b"<row",
            b"/>",
            b"<?xml",
            b"interactions:",
            b"- ",
        ),
        *(
            b"window.YTD.",
            b" = ",
            b"id,author,text\n",
            b"\t",
            b"|",
            b"PAR1",
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
            b"\x28\xb5\x2f\xfd",
        ),
        *(
            b"\xff\xfe",
            b"\xfe\xff",
            b"{\x00",
            b"BZh9",
            b"\xfd7zXZ\x00",
            b"<html",
            b"version https://git-lfs",
            b"&a",
            b"*a",
        ),
    ]
)


@settings(max_examples=400)
@given(st.lists(SCRAPS | st.binary(max_size=4), max_size=25), st.integers(1, 30), st.booleans())
def test_no_bytes_make_a_reader_fail(scraps: list[bytes], size: int, table: bool) -> None:
    data = b"".join(scraps)
    told: list[int] = []
    for item in read_items(pieces(data, size), max_line=60, rows=3, table=table):
        got = (item,) if isinstance(item, Loss) else records_of(item, max_line=60)
        told += [one.number for one in got]
    assert told == sorted(told)
    for item in read_items(read_utf8(io.BytesIO(data)), rows=3, table=table):
        assert isinstance(item, Loss | Rows | Block)


@settings(max_examples=100)
@given(st.lists(SCRAPS, max_size=20), st.integers(0, 19), st.booleans())
def test_reading_from_the_middle_gives_the_rest(scraps: list[bytes], after: int, table: bool) -> None:
    """An ingest that was killed reads the file again and goes on after the last record it kept."""
    data = b"".join(scraps)
    for item in read_items(pieces(data), rows=4, table=table):
        if not isinstance(item, Loss):
            every = list(records_of(item))
            assert list(records_of(item, after=after)) == [one for one in every if one.number > after]


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=30) | st.just(Break("gone")), max_size=12), st.integers(5, 40), st.integers(1, 5))
def test_blocks_hold_every_line_once(given_: list[bytes | Break], most: int, rows: int) -> None:
    items = list(blocks(iter(given_), max_line=most, rows=rows))
    place = 1
    for item in items:
        first, last = (item.number, item.number) if isinstance(item, Loss) else (item.first, item.last)
        assert (first, last >= first) == (place, True)
        place = last + 1
    assert sum(isinstance(item, Loss) and item.reason == "gone" for item in items) == sum(
        isinstance(piece, Break) for piece in given_
    )


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(4, 10_000), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 10_000))
def test_no_damage_to_parquet_is_a_crash(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(PARQUET)
    for place, byte in changes:
        data[place % len(data)] = byte
    end = len(data) if cut % 2 else cut % len(data)
    items = list(read_parquet(io.BytesIO(bytes(data[:end]))))
    assert all(isinstance(item, Rows | Loss) for item in items)


def _parquet() -> bytes:
    made = io.BytesIO()
    columns = {
        "id": [f"{n}" for n in range(200)],
        "text": [f"so {n % 7}" for n in range(200)],
        "at": pa.array(range(200), pa.timestamp("us", tz="UTC")),
        "in": [{"a": [n]} for n in range(200)],
    }
    pq.write_table(pa.table(columns), made, row_group_size=60)
    return made.getvalue()


PARQUET = _parquet()


INSIDE_AN_ARCHIVE = {
    "a.ndjson": b'{"id": "a", "created_utc": 1}\n' * 40,
    "b/c.csv.gz": PACK["gzip"](b"id,text\n1,so\n"),
    "d/": b"",
}
KINDS = [zipped(INSIDE_AN_ARCHIVE, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)]
KINDS += [
    tarred({name: data for name, data in INSIDE_AN_ARCHIVE.items() if data}, mode) for mode in ("w", "w:gz", "w:xz")
]


@settings(max_examples=400)
@given(
    st.sampled_from(range(len(KINDS))),
    st.lists(st.tuples(st.integers(0, 11_000), st.integers(0, 255)), max_size=5),
    st.floats(0.01, 1.5),
)
def test_no_damage_to_an_archive_is_a_crash(
    tmp_path_factory: pytest.TempPathFactory, kind: int, changes: list[tuple[int, int]], part: float
) -> None:
    data = bytearray(KINDS[kind])
    for place, byte in changes:
        data[place % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.tar"
    path.write_bytes(bytes(data[: int(len(data) * part)]))
    for dump in members(path):
        assert dump.digest("d")
        for item in read_dump(dump, max_line=10_000):
            list(() if isinstance(item, Loss) else records_of(item, max_line=10_000))
