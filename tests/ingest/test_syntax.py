"""From bytes to records: what shape a file has, and how it is read in pieces."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import containers, delimited, documents, records
from ingest.blocks import Loss
from ingest.containers import Break, read_utf8
from ingest.deep_json import loads
from ingest.delimited import read_table
from ingest.documents import read_document
from ingest.dumps import Dump, is_dump
from ingest.records import BadRecordError, Record, SourceFormat, decode
from ingest.sources.mastodon import OUTBOX
from ingest.sources.telegram import TELEGRAM
from ingest.syntax import Found, read_items
from ingest.syntax import records as records_of
from ingest.xml_rows import rows_of


def pieces(data: bytes, size: int = 2**18) -> Iterator[bytes | Break]:
    return iter([data[i : i + size] for i in range(0, len(data), size)])


def found(data: bytes, size: int = 2**18, **how: Any) -> list[Any]:
    """Return the records in some bytes, and losses as their reasons."""
    items = list(read_items(pieces(data, size), **how))
    got = [one for item in items for one in ((item,) if isinstance(item, Loss) else records_of(item))]
    return [one.record if isinstance(one, Found) else one.reason for one in got]


def numbers(data: bytes, **how: Any) -> list[int]:
    items = list(read_items(pieces(data), **how))
    return [one.number for item in items for one in ((item,) if isinstance(item, Loss) else records_of(item))]


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}\n{"b": 2}\n', [{"a": 1}, {"b": 2}]),
        (b'\xef\xbb\xbf \n{"a": 1}\r\n\r\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}', [{"a": 1}]),
        (b'{"a": 1}{"b": 2}', [{"a": 1}, {"b": 2}]),
        (b'[{"a": 1}, {"b": 2}]', [{"a": 1}, {"b": 2}]),
        (b'[\n{"a": 1},\n{"b": 2}\n]\n', [{"a": 1}, {"b": 2}]),
        (b'[[{"a": 1}], [[{"b": 2}, 3]]]', [{"a": 1}, {"b": 2}, "JSON, but not an object"]),
        (b'[{"a": 1}]\n[{"b": 2}]\n', [{"a": 1}, {"b": 2}]),
        (b'{\n "a": 1,\n "b": [\n  {}\n ]\n}\n', [{"a": 1, "b": [{}]}]),
        (b'{\n "a": 1\n}\n{\n "b": 2\n}\n', [{"a": 1}, {"b": 2}]),
        (b'cut"}\n{"a": 1}\n{"b": 2}\n', ["not valid JSON", {"a": 1}, {"b": 2}]),
        (b'{"cut\n{"a": 1}\n{"b": 2}\n', ["not valid JSON", {"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n{"cut', [{"a": 1}, "not valid JSON"]),
        (b"\x00\x00\n[1, 2, 3]\n", ["JSON, but not an object"]),
        (b"id,text\n1,so\n", [{"id": "1", "text": "so"}]),
        (b'id;text\n1;"so;\nso"\n', [{"id": "1", "text": "so;\nso"}]),
        (b"id\ttext\r\n1\tso, so\r\n", [{"id": "1", "text": "so, so"}]),
        (b"id|text\n1|so", [{"id": "1", "text": "so"}]),
        (b" id , text \n1,so\n\n,\n2,\n", [{"id": "1", "text": "so"}, {"id": "2", "text": ""}]),
        (b"id,text\n1\n2,so\n", [{"id": "1"}, {"id": "2", "text": "so"}]),
        (b"id,text,more\n1\n2,so,,,\n3,so,so,so\n", [delimited.ANOTHER_WIDTH, {"id": "2", "text": "so", "more": ""}]),
        (b'<?xml version="1.0"?>\n<a>\n<row Id="1"/>\n<row Id=2/>\n</a>', [{"Id": "1", "#tag": "row"}, "not a valid XML row"]),
        (b'window.YTD.tweets.part0 = [ {\n "tweet" : { }\n} ]', [{"tweet": {}}]),
        (b"interactions:\n- response: {body: {string: '[{\"a\": 1}]'}}\n", [{"a": 1}]),
        (b'{"interactions": [{"response": {"body": "{\\"a\\": 1}"}}]}', [{"a": 1}]),
        (b"", []),
        (b"[]", []),
        (b"{}", [{}]),
        (b"{", ["the document is damaged or cut off here; what stands before is kept"]),
        (b"[1, 2", ["the document is damaged or cut off here; what stands before is kept"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [2**18, 3])
def test_shapes(data: bytes, expected: list[Any], size: int) -> None:
    if b"more" in data:
        expected = [*expected, delimited.ANOTHER_WIDTH]
    assert found(data, size) == expected


@pytest.mark.parametrize(
    ("data", "table"),
    [
        (b"[id],[text]\n1,so\n", [{"[id]": "1", "[text]": "so"}]),
        (b'{"id": "1"}\n', [{"id": "1"}]),
        (b'[\n {"id": "1"}\n]\n', [{"id": "1"}]),
        (b'["id","text"]\n1,so\n', [{'["id"': "1", 'text"]': "so"}]),
        (b"id\n{}\n{}\n", [{"id": "{}"}, {"id": "{}"}]),
    ],
)
def test_what_is_said_to_be_a_table(data: bytes, table: list[Record]) -> None:
    if data.startswith(b'["id"'):
        assert len(found(data, table=True)) == 1
    else:
        assert found(data, table=True) == table


def test_numbers_are_lines_and_places() -> None:
    assert numbers(b'\n{"a": 1}\n\nx\n{"b": 2}\n') == [2, 4, 5]
    assert numbers(b'id,text\n\n1,so\n2,"so\nso"\n3\n') == [3, 5, 6]
    assert numbers(b'[{"a": 1}, 3,\n{"b": 2}]') == [1, 2, 3]


def test_an_array_of_millions_of_numbers_is_one_reject() -> None:
    assert found(b'{"a": 1}\n[' + b"0," * 1000 + b"0]\n") == [{"a": 1}, "JSON, but not an object"]


def test_too_many_values_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_VALUES", 100)
    monkeypatch.setattr(records, "_SMALL", 10)
    with pytest.raises(BadRecordError, match="more than 100 values"):
        decode(b"[" + b"0," * 100 + b"0]")
    assert len(decode(b"[" + b"0," * 98 + b"0]")) == 99


def test_a_loss_between_pieces_is_said_in_its_place() -> None:
    given: list[bytes | Break] = [b'{"a": 1}\n{"b', Break("gone"), b'"c": 3}\n{"d": 4}\n']
    items = list(read_items(iter(given)))
    got = [one for item in items for one in ((item,) if isinstance(item, Loss) else records_of(item))]
    assert [one.record if isinstance(one, Found) else one for one in got] == [
        {"a": 1},
        Loss(2, "gone"),
        Loss(3, "not valid JSON"),
        {"d": 4},
    ]


@pytest.mark.parametrize(("last", "kept"), [(b'<row Id="2" />', ["1", "2"]), (b'<row Id="2"', ["1"])])
def test_a_whole_row_before_a_loss_is_kept(last: bytes, kept: list[str]) -> None:
    items = list(read_items(iter([b'<a>\n<row Id="1" />\n' + last, Break("gone")])))
    got = [one for item in items for one in ((item,) if isinstance(item, Loss) else records_of(item))]
    assert [one.record["Id"] for one in got if isinstance(one, Found)] == kept
    assert [one.reason for one in got if isinstance(one, Loss)] == ["gone"]


@pytest.mark.parametrize("first", [b"", b"interactions:\n", b"id,text\n", b"[", b"{", b"<a>\n", b"window.YTD.x = ["])
def test_a_loss_is_said_in_every_shape(first: bytes) -> None:
    items = list(read_items(iter([first, Break("gone")])))
    assert "gone" in [item.reason for item in items if isinstance(item, Loss)]


# ---------------------------------------------------------------- documents in pieces


def chat(count: int) -> dict[str, Any]:
    message = {
        "type": "message",
        "date_unixtime": "1600000000",
        "from_id": "user1",
        "text": ["so ", {"type": "x", "text": "so"}],
    }
    messages = [message | {"id": n, "reply_to_message_id": n - 1} for n in range(1, count + 1)]
    return {"name": "Calm", "type": "public_supergroup", "id": 12, "messages": messages}


def account(count: int) -> dict[str, Any]:
    return {"about": "so", "chats": {"about": "so", "list": [chat(count) | {"id": n} for n in range(1, 5)]}}


def donation(count: int) -> dict[str, Any]:
    """An account whose number tells its private chats from another's."""
    chats = [chat(count) | {"type": "private_group", "id": n} for n in (1, 2)]
    return {"about": "so", "personal_information": {"user_id": 11, "bio": "so"}, "chats": {"about": "", "list": chats}}


def outbox(count: int) -> dict[str, Any]:
    actor = "https://one.example/users/ann"
    note = {"type": "Note", "attributedTo": actor, "content": "<p>so</p>", "published": "2020-09-13T12:26:40Z"}
    notes = [
        note | {"id": f"{actor}/statuses/{n}", "inReplyTo": f"{actor}/statuses/{n - 1}"} for n in range(1, count + 1)
    ]
    items = [{"type": "Create", "actor": actor, "id": f"{one['id']}/activity", "object": one} for one in notes]
    return {"@context": "x", "type": "OrderedCollection", "totalItems": count, "orderedItems": items}


def drafts_of(items: Iterator[Any], reader: SourceFormat) -> list[str]:
    values = [value for item in items if not isinstance(item, Loss) for _, value in item]
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return sorted(repr(draft) for record in flat for draft in reader.drafts(record))


@pytest.mark.parametrize(
    ("made", "reader"), [(chat(40), TELEGRAM), (account(11), TELEGRAM), (donation(20), TELEGRAM), (outbox(40), OUTBOX)]
)
@pytest.mark.parametrize(("chunk", "weight"), [(3, 2**22), (1000, 500), (1000, 4000), (7, 900), (1, 2**22)])
def test_a_document_in_pieces_holds_the_same_messages(
    monkeypatch: pytest.MonkeyPatch, made: dict[str, Any], reader: SourceFormat, chunk: int, weight: int
) -> None:
    data = json.dumps(made, indent=1).encode()
    whole = drafts_of(read_document(pieces(data)), reader)
    monkeypatch.setattr(documents, "CHUNK", chunk)
    monkeypatch.setattr(documents, "CHUNK_BYTES", weight)
    monkeypatch.setattr(documents, "_HEAVIEST", 2**20)
    parts = list(read_document(pieces(data, 100), whole=200))
    assert drafts_of(iter(parts), reader) == whole
    assert sum(len(part) for part in parts) > 3


@pytest.mark.parametrize("whole", [200, 2**20])
def test_an_array_in_pieces_holds_the_same_records(monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    values = [{"id": n, "data": [{"a": n}] * (n % 5), "text": "x" * n} for n in range(60)]
    monkeypatch.setattr(documents, "CHUNK_BYTES", 1000)
    items = list(read_document(pieces(json.dumps(values).encode(), 50), whole=whole))
    got = [pair for item in items if not isinstance(item, Loss) for pair in item]
    assert got == list(enumerate(values, 1))
    assert len(items) > 3


def test_pieces_do_not_depend_on_how_the_bytes_come(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.dumps(account(20)).encode()
    monkeypatch.setattr(documents, "CHUNK_BYTES", 2000)
    once = [list(read_document(pieces(data, size), whole=10)) for size in (1, 7, 2**18)]
    assert once[0] == once[1] == once[2]


@settings(max_examples=60)
@given(st.integers(1, 3000), st.sampled_from([10, 2**20]), st.booleans())
def test_elements_before_a_cut_are_kept(cut: int, whole: int, broken: bool) -> None:
    values = [{"id": n, "tags": [n, {"b": "}"}], "text": '",{'} for n in range(40)]
    data = json.dumps(values).encode()
    ends = [len(json.dumps(values[: n + 1])) - 1 for n in range(40)]
    given_: list[bytes | Break] = [data[:cut], Break("gone")] if broken else [data[:cut]]
    items = list(read_document(iter(given_), whole=whole))
    got = [value for item in items if not isinstance(item, Loss) for _, value in item]
    assert got == values[: sum(end <= cut for end in ends)]
    assert isinstance(items[-1], Loss) or cut >= len(data)


@settings(max_examples=60)
@given(st.floats(0.05, 0.99), st.sampled_from([10, 2**20]))
def test_messages_before_a_cut_are_kept_at_every_depth(part: float, whole: int) -> None:
    """Of posts with comments, those before the one that is cut, and the comments of that one."""
    posts = [{"id": n, "comments": {"data": [{"id": f"{n}_{m}"} for m in range(5)]}} for n in range(9)]
    every = json.dumps({"name": "page", "data": posts}).encode()
    data = every[: int(len(every) * part)]
    items = list(read_document(iter([data]), whole=whole))
    got = json.dumps([item for item in items if not isinstance(item, Loss)])
    before = [f'{{"id": "{n}_{m}"}}' for n in range(9) for m in range(5)]
    complete = [mark for mark in before if mark.encode() in data]
    if data.endswith((b"]", b"]}")):
        complete = [
            mark for mark in complete if f'{{"id": "{data.count(b"comments") - 1}_' not in mark
        ]  # the post is cut
    assert all(mark in got for mark in complete)
    assert sum(mark in got for mark in before) == len(complete)


def test_broken_utf8_and_control_bytes_do_not_end_a_large_document() -> None:
    data = b'[{"a": "caf\xe9 \x01 x\ny"}, {"b": "\\ud800"}, {"c": 1.5}]'
    items = list(read_document(pieces(data, 5), whole=10))
    assert [value for item in items for _, value in item] == [  # type: ignore[union-attr, misc]
        {"a": "caf\ufffd   x y"},
        {"b": "?"},
        {"c": 1.5},
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-0", "1E5", "0.1", "00"])
def test_odd_numbers_in_a_large_document(number: str) -> None:
    items = list(read_document(pieces(f'[{{"a": 1}}, {{"b": {number}}}]'.encode(), 9), whole=5))
    assert items[0][0] == (1, {"a": 1})  # type: ignore[comparison-overlap]


def test_a_record_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(documents, "_LONGEST", 10_000)
    good = b'[{"a": 1}, '
    for endless in (b'{"x":' * 5000, b'{"x": "' + b"y" * 50_000, b'{"x": 1' + b', "k%d": 1' * 20_000, b"0," * 20_000):
        first, last = read_document(pieces(good + endless, 500), whole=10)
        assert first == [(1, {"a": 1})]
        assert isinstance(last, Loss)
        assert "more than" in last.reason or "longer than" in last.reason


# ---------------------------------------------------------------- delimited text

CELLS = st.text(alphabet="ab,;\t|\"'\n =\u00e9\U0001f600", max_size=8)


@settings(max_examples=150)
@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 40),
)
def test_a_table_in_order_is_read_as_it_stands(table: list[list[str]], mark: str, end: str, size: int) -> None:
    made = io.StringIO()
    writer = csv.writer(made, delimiter=mark, lineterminator=end)
    writer.writerows([["one", "two", "three"], *table])
    items = list(read_table(pieces(made.getvalue().encode(), size), delimited_by=mark))
    assert not any(isinstance(item, Loss) for item in items)
    got = [list(row.values()) for item in items for _, row in item]  # type: ignore[misc]
    assert got == [row for row in table if any(row)]


@settings(max_examples=100)
@given(st.integers(0, 30), st.integers(2, 30), st.booleans(), st.sampled_from(["so", '"so"', '"so, so"', '"so\nso"']))
def test_of_a_table_with_an_open_quote_every_other_row_is_read(place: int, count: int, at_end: bool, cell: str) -> None:
    rows = [f"{n},ann,{cell}" for n in range(count)]
    place = min(place, count - 1)
    rows[place] = f'{place},ann,"open' if at_end else f'{place},"open,so'
    data = ("\n".join(["id,author,text", *rows]) + "\n").encode()
    items = list(read_table(pieces(data), delimited_by=","))
    got = {row["id"] for item in items if not isinstance(item, Loss) for _, row in item}
    assert got >= {str(n) for n in range(count) if n != place}
    assert (str(place) in got) == at_end
    assert sum(isinstance(item, Loss) for item in items) >= 1


def test_rows_read_again_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line leaves a quote open, wherever one begins to read: without a bound this takes squares."""
    monkeypatch.setattr(delimited, "READ_AGAIN", 100_000)
    monkeypatch.setattr(delimited, "LONGEST_ROW", 10_000)
    data = b"id,text\n1,so\n" + b'x"y,"z\n' * 20_000
    items = list(read_table(pieces(data), delimited_by=","))
    assert items[0] == [(2, {"id": "1", "text": "so"})]
    told = [item.number for item in items if isinstance(item, Loss)]
    assert told == sorted(told)
    assert 0 < len(told) < 20_000


def test_rows_are_handed_on_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 10_000)
    data = b"id,text\n" + b"".join(b"%d,%s\n" % (n, b"x" * 3000) for n in range(20))
    assert [len(item) for item in read_table(pieces(data), delimited_by=",")] == [4] * 5


# ---------------------------------------------------------------- single parts


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b'<row Id="1" Body="&lt;p&gt; &#x1F600; &quot;" />', {"Id": "1", "Body": '<p> \U0001f600 "', "#tag": "row"}),
        (b'<row Id="1" Id="2" />', None),
        (b'<row Id="&unknown;" />', None),
        (b'<row Id="\x00" />', None),
        (b'<row Id="\xff" />', None),
        (b"<row Id=1 />", None),
        (b'<a:row Id="1" />', None),
        (b"<row />", {"#tag": "row"}),
    ],
)
def test_xml_rows(line: bytes, row: Record | None) -> None:
    assert list(rows_of(line)) == [row]


@pytest.mark.parametrize(
    "line",
    [b"<posts>", b"</posts>", b"<!-- x -->", b'<?xml version="1.0"?>', b"<", b"</a/>", b"<1/>", b"<a><b></b></a>"],
)
def test_what_is_no_xml_row(line: bytes) -> None:
    assert list(rows_of(line)) == []


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        (b'<row Id="1"></row>', ["1"]),
        (b'<row Id="1" >  </row >', ["1"]),
        (b'<posts><row Id="1" />', ["1"]),
        (b'<row Id="1" /></posts>', ["1"]),
        (b'<?xml version="1.0"?><posts><row Id="1" /><row Id="2" Body="a > b"></row> <row Id="3"/></posts>', ["1", "2", "3"]),
        (b'<row Id="1" Body="cut of', [None]),
        (b'<row Id="1" Body="cut of &gt;/>', [None]),
        (b'<row Id="1"', [None]),
        (b"<ro", [None]),
        (b'<row Id="1" Body="1 < 2" />', [None]),
        (b'<row Id="1" />cut<row Id="2" /><row Id="', [None, "2", None]),
    ],
)  # fmt: skip
def test_every_row_of_a_line_is_read_or_lost(line: bytes, ids: list[str | None]) -> None:
    assert [row and row["Id"] for row in rows_of(line)] == ids
    assert [one if isinstance(one, str) else one["Id"] for one in found(line)] == [
        native or "not a valid XML row" for native in ids
    ]


def test_xml_on_one_line_is_read_in_blocks() -> None:
    data = b"<posts>" + b"".join(b'<row Id="%d" />' % n for n in range(50)) + b"</posts>"
    expected = [{"Id": str(n), "#tag": "row"} for n in range(50)]
    assert found(data) == found(data, 7) == expected
    assert found(data, max_line=100) == expected
    assert len(list(read_items(pieces(data), rows=10))) > 3


def test_xml_that_would_grow_is_refused() -> None:
    assert list(rows_of(b'<!DOCTYPE a [<!ENTITY b "x">]><row Id="&b;" />')) == [None]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(JSON)
def test_deep_json_reads_as_the_usual_reader(value: Any) -> None:
    data = json.dumps(value).encode()
    expected = json.loads(data.decode().encode("utf-8", "replace"))
    lone = any(
        mark in data for mark in (b"\\ud8", b"\\ud9", b"\\uda", b"\\udb", b"\\udc", b"\\udd", b"\\ude", b"\\udf")
    )
    assert lone or abs_large(value) or loads(data) == expected


def abs_large(value: Any) -> bool:
    """Return whether there is an integer that the streaming parser gives as a float, or not at all."""
    return any(abs(int(n)) >= 2**63 for n in _integers(value))


def _integers(value: Any) -> list[int]:
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in _integers(part)]
    return [value] if isinstance(value, int) else []


@pytest.mark.parametrize(
    "data", [b"", b"[", b"{}{}", b"[1,]", b"nul", b"\xff", b"[" * 99_999, b'{"a":' * 99_999, b"9" * 5000]
)
def test_deep_json_that_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not valid JSON|digits"):
        loads(data)


def test_json_of_a_hundred_thousand_levels() -> None:
    value = decode(b"[" * 100_000 + b"]" * 100_000)
    depth = 1
    while value:
        value, depth = value[0], depth + 1
    assert depth == 100_000


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("RC_2019-01", True),
        ("rs_2019-01", True),
        ("a/b/RC_2019-01.zst", True),
        ("A.JSON", True),
        ("x.ndjson.gz", True),
        ("Posts.xml", True),
        ("x.parquet", True),
        (".hidden.json", False),
        ("a/.hidden.json", False),
        ("README", False),
        ("x.pdf", False),
        ("json", False),
        ("", False),
    ],
)
def test_what_is_read_in_a_folder(name: str, read: bool) -> None:
    assert is_dump(name) == read


def test_dumps_in_one_archive_are_told_apart() -> None:
    path = Path("all.zip")
    marks = {Dump(path, member).digest("d") for member in ("", "a", "b", "caf\udce9", "caf?")}
    assert len(marks) == 5
    assert Dump(path).digest("d") == "d"


class Expanding:
    """A decoder that makes twenty bytes of one, as many at once as it is asked for; 0xEE is damage, 0xEF the end."""

    def __init__(self) -> None:
        self._given = self._out = self.unused_data = b""
        self.eof, self.needs_input = False, True

    def decompress(self, data: bytes, most: int = -1) -> bytes:
        self._given += data
        while self._given and not self.eof and (most < 0 or len(self._out) < most):
            byte, self._given = self._given[:1], self._given[1:]
            if byte == b"\xee":
                raise ValueError
            self.eof = byte == b"\xef"
            self._out += b"" if self.eof else byte * 20
        end = len(self._out) if most < 0 else most
        found, self._out = self._out[:end], self._out[end:]
        self.unused_data = self._given if self.eof else b""
        self.needs_input = not self._given and not self._out
        return found


@pytest.mark.parametrize("most", [1, 7, 20, 333, 10**6])
def test_damage_within_a_piece_that_unpacks_in_steps(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    codec = containers._Codec("made up", b"FAKE", Expanding, (ValueError,), stops=True)
    monkeypatch.setattr(containers, "_CODECS", (codec,))
    monkeypatch.setattr(containers, "_MOST", most)
    first, second = bytes(b % 100 + 1 for b in range(2600)), b"FAKEsecond"
    got = list(read_utf8(io.BytesIO(b"FAKE" + first + b"\xee lost " + second + b"\xef")))
    place = next(n for n, piece in enumerate(got) if isinstance(piece, Break))

    def unpacked(data: bytes) -> bytes:
        return b"".join(bytes((byte,)) * 20 for byte in data)

    assert b"".join(got[:place]) == unpacked(b"FAKE" + first)  # type: ignore[arg-type]
    assert b"".join(got[place + 1 :]) == unpacked(second)  # type: ignore[arg-type]
    assert all(len(piece) <= max(most, 20) for piece in got if isinstance(piece, bytes) and piece)
