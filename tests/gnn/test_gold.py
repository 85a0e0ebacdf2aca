from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.foundation.errors import InputError
from gnn.gold import gold_matrix, match_gold, read_gold
from gnn.schema import LABELS
from gnn.strategies import STRATEGY_IDS

ACCEPTANCE, PLANNING = STRATEGY_IDS.index("acceptance"), STRATEGY_IDS.index("planning")


def read(tmp_path: Path, text: str | bytes) -> pa.Table:
    path = tmp_path / "gold.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_gold(path)


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_long_layout(tmp_path: Path) -> None:
    table = read(tmp_path, "message_id,strategy,label\nr:1,acceptance,1\nr:1,planning,0\n")
    assert table.schema == LABELS
    assert rows(table) == [("r:1", "acceptance", 1.0, "gold", None), ("r:1", "planning", 0.0, "gold", None)]


def test_wide_layout_leaves_empty_cells_unjudged(tmp_path: Path) -> None:
    table = read(tmp_path, "message_id,acceptance,planning,sampling_probability\nr:1,1,,0.5\nr:2,0,1,0.25\n")
    assert rows(table) == [
        ("r:1", "acceptance", 1.0, "gold", 0.5),
        ("r:2", "acceptance", 0.0, "gold", 0.25),
        ("r:2", "planning", 1.0, "gold", 0.25),
    ]


def test_a_spreadsheet_bom_blank_lines_spaces_and_quotes_are_fine(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf"Message_ID", strategy,label\r\n\r\n r:1 ,"acceptance", 1\r\n,,\r\n'
    assert rows(read(tmp_path, text)) == [("r:1", "acceptance", 1.0, "gold", None)]


def test_annotators_are_numbered_not_named(tmp_path: Path) -> None:
    table = read(tmp_path, "message_id,strategy,label,annotator\nr:1,acceptance,1,zoe\nr:1,acceptance,0,adam\n")
    assert [row[3] for row in rows(table)] == ["gold:2", "gold:1"]
    assert "zoe" not in str(table.to_pylist())


def test_the_same_judgement_twice_counts_once(tmp_path: Path) -> None:
    assert read(tmp_path, "message_id,strategy,label\nr:1,acceptance,1\nr:1,acceptance,1\n").num_rows == 1


SECRET = "my-private-words"


@pytest.mark.parametrize(
    ("text", "said", "way_out"),
    [
        ("message_id,strategy,label\nr:1,aceptance,1\n", "line 2: unknown strategy", "Did you mean acceptance"),
        (f"message_id,strategy,label\nr:1,{SECRET},1\n", "line 2: unknown strategy", "The strategies are"),
        (f"message_id,strategy,label\nr:0,planning,1\nr:1,acceptance,{SECRET}\n", "line 3: a label", "1 for yes"),
        ("message_id,strategy,label\nr:1,acceptance,\n", "line 2: a label", "1 for yes"),
        ("message_id,strategy,label\n,acceptance,1\n", "line 2: no message_id", "Fill it in"),
        ("message_id,strategy,label\nr:1,acceptance\n", "line 2: 2 fields where the header names 3", "commas"),
        ("message_id,strategy,label\nr:1,acceptance,1\nr:1,acceptance,0\n", "line 3: contradicts line 2", "annotator"),
        ("message_id,strategy,label,sampling_probability\nr:1,acceptance,1,0\n", "line 2: the sampling", "empty"),
        ("message_id,strategy,label,sampling_probability\nr:1,acceptance,1,nan\n", "line 2: the sampling", "empty"),
        (f"message_id,strategy,label,sampling_probability\nr:1,planning,1,{SECRET}\n", "line 2: the sampling", "empty"),
        ("strategy,label\nacceptance,1\n", "line 1: the header lacks message_id", "Begin with"),
        ("message_id,message_id,label\n", "line 1: the header lacks message_id or names a column twice", "Begin with"),
        ("message_id,annotator\nr:1,a\n", "line 1: no labels", "Begin with"),
        ("message_id,planing\nr:1,1\n", "line 1: judged column 1 is no strategy", "Did you mean planning"),
        ("message_id,strategy,label\n", "holds no labels", "one row for each judgement"),
        ("", "line 1: the header lacks", "Begin with"),
        ('message_id,strategy,label\nr:1,"acceptance,1\n', "line 2: not valid CSV", "quotation marks"),
        (b"message_id,strategy,label\nr:1,acceptance,\xff\xfe\n", "not UTF-8", "UTF-8"),
    ],
)
def test_what_cannot_be_used_is_named_by_line_and_never_quoted(
    text: str | bytes, said: str, way_out: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert said in caught.value.message
    assert way_out in caught.value.remedy
    assert SECRET not in caught.value.message + caught.value.remedy


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        read_gold(tmp_path / "absent.csv")


def test_messages_not_in_the_study_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "message_id,acceptance,planning\nr:1,1,0\nr:2,1,0\nr:3,0,0\n")
    kept, n_unknown = match_gold(table, ["r:2", "r:9"])
    assert n_unknown == 2
    assert set(kept.column("message_id").to_pylist()) == {"r:2"}
    with pytest.raises(InputError, match="None of the 3 labelled messages"):
        match_gold(table, ["t1_1"])


def test_the_matrix_follows_the_majority_and_leaves_ties_open(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        "message_id,strategy,label,annotator\n"
        "r:1,acceptance,1,a\nr:1,acceptance,1,b\nr:1,acceptance,0,c\n"
        "r:2,acceptance,1,a\nr:2,acceptance,0,b\nr:2,planning,0,a\n",
    )
    matrix = gold_matrix(table, ["r:2", "r:1"])
    assert matrix.shape == (2, 14)
    assert matrix[1, ACCEPTANCE] == 1
    assert np.isnan(matrix[0, ACCEPTANCE])
    assert matrix[0, PLANNING] == 0
    assert np.isnan(matrix).sum() == 26


judged = st.dictionaries(
    st.tuples(st.integers(0, 20), st.sampled_from(STRATEGY_IDS)), st.booleans(), min_size=1, max_size=30
)


@given(judged)
def test_long_and_wide_layouts_say_the_same(labels: dict[tuple[int, str], bool]) -> None:
    import tempfile

    long, wide = io.StringIO(), io.StringIO()
    writer = csv.writer(long)
    writer.writerow(["message_id", "strategy", "label"])
    writer.writerows((f"r:{m}", s, int(yes)) for (m, s), yes in labels.items())
    messages = sorted({m for m, _ in labels})
    writer = csv.writer(wide)
    writer.writerow(["message_id", *STRATEGY_IDS])
    cells = {key: str(int(yes)) for key, yes in labels.items()}
    writer.writerows([f"r:{m}", *(cells.get((m, s), "") for s in STRATEGY_IDS)] for m in messages)
    ids = [f"r:{m}" for m in messages]
    with tempfile.TemporaryDirectory() as folder:
        both = [gold_matrix(read(Path(folder), text.getvalue()), ids) for text in (long, wide)]
    np.testing.assert_array_equal(*both)
    for (m, s), yes in labels.items():
        assert both[0][messages.index(m), STRATEGY_IDS.index(s)] == yes
