from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from copenet import journal

A, B = {"outcome": "acceptance"}, {"outcome": "planning"}


def test_records_come_back_in_order(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.append(path, "started", stage="ingest")
    journal.append(path, "finished", stage="ingest", seconds=1.5)
    assert [(r["event"], r["stage"]) for r in journal.read(path)] == [("started", "ingest"), ("finished", "ingest")]
    assert all(r["at"].endswith("+00:00") for r in journal.read(path))


def test_a_journal_that_is_not_there_is_empty(tmp_path):
    assert list(journal.read(tmp_path / "none")) == []
    assert journal.declarations(tmp_path / "none") == []


@given(st.integers(1, 60))
def test_a_torn_last_line_loses_itself_alone(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal.append(path, "first")
    whole = path.read_bytes()
    journal.append(path, "second")
    path.write_bytes(path.read_bytes()[: len(whole) + min(cut, len(path.read_bytes()) - len(whole) - 2)])
    journal.append(path, "third")
    assert [r["event"] for r in journal.read(path)] == ["first", "third"]


def test_what_was_written_is_never_changed(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.append(path, "first")
    before = path.read_bytes()
    journal.declare(path, A)
    assert path.read_bytes().startswith(before)


def test_a_declaration_is_written_once_until_it_changes(tmp_path):
    path = tmp_path / "journal.jsonl"
    assert [journal.declare(path, e) for e in (A, A, B, B, A)] == [True, False, True, False, True]
    assert [d["outcome"] for d in journal.declarations(path)] == ["acceptance", "planning", "acceptance"]


def test_a_declaration_from_before_a_setting_existed_is_one_of_its_default(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.declare(path, A)
    assert not journal.declare(path, A | {"unrelated": ""}, {"outcome": "planning", "unrelated": ""})
    assert journal.declare(path, A | {"unrelated": "humor"}, {"outcome": "planning", "unrelated": ""})


def test_the_order_of_declaring_and_opening_is_kept(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal.declare(path, A)
    journal.append(path, "outcome opened")
    journal.declare(path, B)
    assert [d["before_outcome"] for d in journal.declarations(path)] == [True, False]


def test_lines_that_are_no_records_are_passed_over(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'[1]\n{"event": "no time"}\n\nnonsense\n')
    assert list(journal.read(path)) == []
