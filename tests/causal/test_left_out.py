"""Suspected bots and people with deleted messages, in and out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from causal.events import Inputs
from causal.left_out import left_out, suspected_bots, with_deleted_messages, without_people
from causal.results import Estimate
from copenet.foundation.errors import RefusedError
from tests.causal.worlds import Said, messages_of


def found(value, se=0.02):
    return Estimate("aipw", "contrast", value, se, value - 2 * se, value + 2 * se, None, 100, 100)


def tables(**columns):
    """Four people a to d and a stranger, two messages each; `columns` replace those of the messages."""
    said = [Said(f"reddit:u_{who}" if who != "x" else None, day, None, day > 2) for day in (1, 3) for who in "abcdx"]
    messages, used = messages_of(said)
    for name, values in columns.items():
        place = messages.schema.get_field_index(name)
        messages = messages.set_column(
            place, messages.schema.field(name), pa.array(values, messages.schema.field(name).type)
        )
    return Inputs(messages, used, np.arange(10, dtype=np.float32)[:, None], pa.table({}))


SUSPECTED = ["suspected: one text repeated", None, "declared: by name", *[None] * 7]
GONE = ["present", "deleted", "present", "removed", "deleted", "empty", *["present"] * 4]


def test_suspects_are_those_of_the_ingest_and_no_declared_ones():
    assert suspected_bots(tables(bot_reason=SUSPECTED).messages).to_pylist() == ["reddit:u_a"]
    assert suspected_bots(tables().messages).to_pylist() == []


def test_deleted_and_removed_texts_count_empty_ones_and_strangers_do_not():
    assert sorted(with_deleted_messages(tables(text_status=GONE).messages).to_pylist()) == ["reddit:u_b", "reddit:u_d"]


def test_people_are_left_out_with_all_they_wrote_and_strangers_stay():
    inputs = tables()
    kept = without_people(inputs, pa.array(["reddit:u_a", "reddit:u_d"]))
    assert kept.messages["author_id"].to_pylist() == ["reddit:u_b", "reddit:u_c", None] * 2
    assert kept.used.tolist() == [False] * 3 + [True] * 3
    assert kept.features.ravel().tolist() == [1, 2, 4, 6, 7, 9]


def test_what_an_estimate_is_without_a_few_people_is_not_said():
    """The difference of two estimates would tell of them."""
    inputs = tables(bot_reason=SUSPECTED, text_status=GONE)
    for check in left_out(inputs, found(0.1), lambda _: found(0.14)):
        assert check.status == "not_informative"
        assert "fewer than 8" in check.detail
        assert "0.14" not in check.detail + str(check.figures)


def test_a_headline_that_moves_by_more_than_its_error_is_flagged(monkeypatch):
    monkeypatch.setattr("causal.left_out.SUPPRESS_BELOW", 1)
    inputs = tables(bot_reason=SUSPECTED, text_status=GONE)
    bots, deleted = left_out(inputs, found(0.10), lambda other: found(0.14 if other.messages.num_rows == 8 else 0.11))
    assert (bots.name, bots.status) == ("suspected_bots", "warn")
    assert (deleted.name, deleted.status) == ("deleted_messages", "pass")
    assert bots.figures["moved"] == pytest.approx(0.04)
    assert "2.0 of its standard errors" in bots.detail
    assert "1 suspected bots of 4 people" in bots.detail


def test_with_nobody_to_leave_out_nothing_is_estimated():
    def never(_):
        raise AssertionError

    assert [c.status for c in left_out(tables(), found(0.1), never)] == ["pass", "pass"]


def test_where_nothing_is_left_to_estimate_the_check_is_not_informative(monkeypatch):
    monkeypatch.setattr("causal.left_out.SUPPRESS_BELOW", 1)

    def refuses(_):
        raise RefusedError("Nobody is at risk in any period.", remedy="")

    nothing = Estimate("aipw", "contrast", None, None, None, None, None, 9, 9, refused="no overlap")
    inputs = tables(bot_reason=SUSPECTED)
    for refit, reason in ((refuses, "Nobody is at risk"), (lambda _: nothing, "no overlap")):
        check = left_out(inputs, found(0.1), refit)[0]
        assert check.status == "not_informative"
        assert reason in check.detail
