"""Tables that are not as they should be, delimited and Parquet: what can be read is, and what cannot is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import ingest
from copenet.cli.app import app
from copenet.foundation.errors import InputError, UsageError
from ingest.formats import column_format
from ingest.settings import How, IngestSettings
from tests.ingest.dumps import T0, lines, post, write, zst
from tests.ingest.hostile import (
    ROLES,
    ingested,
    kept,
    parquet,
    posts,
    reasons,
    rejected,
    rows,
    table,
)


def test_a_quote_that_never_ends_costs_one_row(tmp_path: Path) -> None:
    data = (
        b'id,author,text\n1,ann,one\n2,bob,"open\n3,cy,three\n4,dee,"four, quoted"\n5,eve,"five ""said"""\n6,fay,six\n'
    )
    summary = table(tmp_path, data)
    assert rows(tmp_path) == {
        "1": "one",
        "2": "open",
        "3": "three",
        "4": "four, quoted",
        "5": 'five "said"',
        "6": "six",
    }
    assert rejected(summary) == [("t.csv", 3)]
    assert "a quote that never ends" in reasons(summary)


def test_an_open_quote_in_the_middle_of_a_row(tmp_path: Path) -> None:
    data = b'id,text,author\n1,one,ann\n2,"open,bob\n' + b"".join(b"%d,so,cy\n" % n for n in range(3, 3000))
    summary = table(tmp_path, data)
    assert rows(tmp_path).keys() == {str(n) for n in range(1, 3000)} - {"2"}
    assert rejected(summary) == [("t.csv", 3)]


def test_many_open_quotes_far_apart(tmp_path: Path) -> None:
    rows_of = [f'{n},ann,"open' if n % 1000 == 500 else f"{n},ann,plain text" for n in range(1, 20_000)]
    summary = table(tmp_path, ("id,author,text\n" + "\n".join(rows_of) + "\n").encode())
    assert len(rows(tmp_path)) == 19_999
    assert len(summary.rejected) == 20


def test_quotes_inside_texts_of_several_lines_are_no_reason_to_lose_a_row(tmp_path: Path) -> None:
    data = b'id,author,text\n1,ann,"he said ""so"",\nand left"\n2,bob,"sloppy "so" here"\n'
    data += b'3,cy,"two\nlines "so" here"\n4,dee,x\n'
    summary = table(tmp_path, data)
    assert summary.rejected == []
    assert rows(tmp_path).keys() == {"1", "2", "3", "4"}
    assert rows(tmp_path)["1"] == 'he said "so",\nand left'


def test_a_table_cut_within_quotes(tmp_path: Path) -> None:
    summary = table(tmp_path, b'id,author,text\n1,ann,one\n2,bob,"first line\nsecond li')
    assert rows(tmp_path) == {"1": "one", "2": "first line"}
    assert rejected(summary) == [("t.csv", 3), ("t.csv", 4)]


def test_damage_within_a_row_of_several_lines(tmp_path: Path) -> None:
    one, two = zst(b'id,author,text\n1,ann,"begun\nstill\n'), zst(b'2,bob,two\n3,cy,"three"\n')
    broken = bytearray(zst(b"8,zed,lost\n" * 30))
    broken[-6] ^= 0xFF
    summary = table(tmp_path, one + bytes(broken)[:-2] + two)
    assert rows(tmp_path).keys() >= {"1", "2", "3"}
    assert "damaged zstd frame" in reasons(summary)
    numbers = [line for _, line in rejected(summary)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8-sig", None), ("utf-8", None), ("utf-16", None), ("utf-16-le", "utf-16-le"), ("cp1252", "cp1252")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, declared: str | None, delimiter: str) -> None:
    data = f'id,author,text\r\n1,André,"näive, so"\r\n2,bob,{"x;y" if delimiter != ";" else "x"}\r\n'
    data = data.replace(",", delimiter).replace(f"näive{delimiter}", "näive,")
    summary = table(tmp_path, data.encode(encoding), declared)
    assert summary.rejected == []
    assert rows(tmp_path)["1"] == "näive, so"
    assert summary.authors == 2


def test_a_table_in_an_encoding_nobody_named_is_read_and_said(tmp_path: Path) -> None:
    data = "id,author,text\n1,ann,one\n2,André,näive\n3,bob,three\n".encode("cp1252")
    summary = table(tmp_path, data)
    assert rows(tmp_path).keys() == {"1", "2", "3"}
    assert "not UTF-8" in reasons(summary)
    assert len(summary.rejected) == 1


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "zip", "rot13", "undefined"])
def test_what_is_no_encoding_of_text(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="no encoding"):
        table(tmp_path, b"id,author,text\n1,ann,one\n", encoding)
    done = CliRunner().invoke(app, ["init", str(tmp_path / "study")])
    assert done.exit_code == 0
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "study"), "-", "--encoding", encoding], input=b"id\n")
    assert (done.exit_code, "Traceback" in done.output) == (2, False)


def test_a_table_without_its_head(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no id in the column 'id'"):
        table(tmp_path, b"1,ann,one\n2,bob,two\n")


def test_rows_of_another_width(tmp_path: Path) -> None:
    summary = table(tmp_path, b"id,author,text\n1,ann,one\n2\n3,cy,three,more,yet\n4,dee,four,,\n5,eve\n")
    assert rows(tmp_path) == {"1": "one", "4": "four"}
    assert rejected(summary) == [("t.csv", 3), ("t.csv", 4)]
    assert summary.messages == 3


def test_lines_that_end_in_carriage_returns_only(tmp_path: Path) -> None:
    body = b"".join(b"%d,ann,so\r" % n for n in range(5000))
    summary = table(tmp_path, b"id,author,text\r" + body)
    assert (summary.messages, summary.rejected) == (5000, [])


def test_a_line_of_a_million_columns_and_one_of_ten_megabytes(tmp_path: Path) -> None:
    wide, long = b"," * 3_000_000, b'3,cy,"%s"' % (b"so, " * 250_000)
    summary = table(tmp_path, b"\n".join([b"id,author,text", b"1,ann,one", wide, long, b"4,dee,four", b""]))
    assert rows(tmp_path).keys() == {"1", "3", "4"}
    assert rejected(summary) == [("t.csv", 3)]


NAUGHTY = [
    '=HYPERLINK("evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2+3",
    "'); DROP TABLE messages; --",
    "$tag$",
    "{{7*7}}",
    '"}) DETACH DELETE n //',
    "`MATCH (n) DETACH DELETE n`",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%s%n%d",
    "\u202egnp.exe",
    "a" * 900,
]


def test_formulas_and_queries_and_markup_in_ids_are_only_words(tmp_path: Path) -> None:
    made = io.StringIO()
    for n, word in enumerate(NAUGHTY):
        cells = [word, f"{word}{n}", f"text {n} {word}", NAUGHTY[n - 1]]
        made.write("\t".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n")
    path = write(tmp_path / "dumps" / "t.tsv", b"id\tauthor\ttext\tparent\n" + made.getvalue().encode())
    how = {path: How(column_format(ROLES | {"parent": "parent"}))}
    for _ in range(2):
        summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert (summary.messages, summary.replies_resolved, summary.authors) == (len(NAUGHTY),) * 3
    found = ingest.read_messages(tmp_path / "restricted").column("message_id").to_pylist()
    assert set(found) == {f"table:{word}" for word in NAUGHTY}
    gone = ingest.forget(tmp_path / "restricted", "table", [f"{NAUGHTY[4]}4"])
    assert gone == 1


def test_queries_in_the_ids_of_a_platform_that_has_none_such_are_rejected(tmp_path: Path) -> None:
    summary = ingested(tmp_path, {"f.ndjson": lines([post("a"), *(post(word) for word in NAUGHTY)])})
    assert kept(tmp_path) == ["t3_a"]
    assert {entry["reason"] for entry in summary.rejected} == {"an id that Reddit does not use"}


def test_json_lines_with_columns_given(tmp_path: Path) -> None:
    records = [{"id": f"m{n}", "author": "ann", "text": "so"} for n in range(3)]
    for name, data in {"l.jsonl": lines(records), "d.json": json.dumps(records, indent=1).encode()}.items():
        assert table(tmp_path / name, data, name=name).messages == 3


def test_a_head_in_brackets(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", b"[id],[author],[text]\n1,ann,one\n")
    how = {path: How(column_format({"id": "[id]", "author": "[author]", "text": "[text]"}))}
    assert ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how)).messages == 1


def test_a_parquet_file_cut_in_half(tmp_path: Path) -> None:
    data = parquet({"id": [str(n) for n in range(5000)], "author": ["ann"] * 5000, "text": ["so"] * 5000})
    with pytest.raises(InputError, match="a damaged Parquet file"):
        table(tmp_path, data[: len(data) // 2], name="t.parquet")
    good = write(tmp_path / "good", posts("a"))
    half = write(tmp_path / "half.parquet", data[: len(data) // 2])
    summary = ingest.ingest([good, half], tmp_path / "both")
    assert (summary.messages, rejected(summary)) == (1, [("half.parquet", 1)])


def test_a_parquet_file_damaged_inside_keeps_the_row_groups_before(tmp_path: Path) -> None:
    data = bytearray(
        parquet(
            {"id": [f"{n}" for n in range(900)], "author": ["ann"] * 900, "text": [f"so {n}" for n in range(900)]},
            row_group_size=300,
            use_dictionary=False,
        )
    )
    second = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(0).data_page_offset
    data[second : second + 30] = b"\xff" * 30
    summary = table(tmp_path, bytes(data), name="t.parquet")
    assert summary.messages == 300
    assert rejected(summary) == [("t.parquet", 301)]


def test_parquet_of_every_kind_of_time_and_text(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([10**17 + 1, 2, 3], pa.int64()),
        "author": pa.array([b"ann", b"\xff", b"cy"], pa.binary()),
        "text": pa.array(["one", "two", "three"]).dictionary_encode(),
        "at": pa.array([2**62, T0 * 10**6, 0], pa.timestamp("us", tz="Mars/Olympus")),
        "edited": pa.array([1, T0 * 10**9 + 7, 0], pa.timestamp("ns")),
    }
    path = write(tmp_path / "t.parquet", parquet(columns))
    how = {path: How(column_format(ROLES | {"time": "at", "edited": "edited"}))}
    summary = ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how=how))
    assert (summary.messages, summary.rejected) == (3, [])
    found = {row["message_id"]: row for row in ingest.read_messages(tmp_path / "restricted").to_pylist()}
    assert set(found) == {"table:100000000000000001", "table:2", "table:3"}
    assert found["table:2"]["created_at"].timestamp() == found["table:2"]["edited_at"].timestamp() == T0
    assert found["table:100000000000000001"]["created_at"] is None
