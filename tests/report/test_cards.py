"""Cards: each figure with what it does to the estimate, nothing about few people, refusals first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.report import cards
from copenet.report.evidence import Evidence
from copenet.report.limits import limit_of
from gnn.strategies import STRATEGIES
from tests.report.documents import GRAPH, LABELS, QUALITY, SETTINGS, check, documents, effects


def evidence_of(found: dict[str, Any], settings: dict[str, Any] = SETTINGS) -> Evidence:
    return Evidence(found, {}, {}, settings, {}, None, "anxiety")


def facts(rows: list[cards.Fact]) -> dict[str, str]:
    return {row.label: row.value for row in rows}


def test_the_data_card_counts_and_says_what_it_means() -> None:
    rows = cards.data_facts(QUALITY)
    shown = facts(rows)
    assert shown["Messages"] == "6,120"
    assert shown["Replies whose parent is here"] == "91.4% (4,762 of 5,210)"
    assert shown["Days without a message"] == "2"
    assert shown["Lines rejected"] == "41"
    assert all(row.meaning for row in rows)


def test_meanings_of_the_quality_report_are_used() -> None:
    told = {row.label: row.meaning for row in cards.data_facts(QUALITY)}
    assert told["Declared bots"] == "Declared bots are no peers and no subjects; suspects stay in."


def test_ids_of_different_messages_are_told_where_there_are_any() -> None:
    assert facts(cards.data_facts(QUALITY | {"conflicts": 3}))["Ids of different messages"] == "3"
    assert "Ids of different messages" not in facts(cards.data_facts(QUALITY | {"conflicts": 0}))


def test_figures_that_are_not_there_are_not_invented() -> None:
    assert facts(cards.data_facts({"messages": 10})) == {"Messages": "10"}
    assert cards.data_facts({}) == []


def test_no_share_of_nothing() -> None:
    assert "Replies whose parent is here" not in facts(cards.data_facts({"replies": 0, "replies_resolved": 0}))


def test_rejections_beyond_the_list_are_counted() -> None:
    assert cards.rejections({"rejected": [{}], "rejected_count": 4_000}) == 4_000
    assert cards.rejections({"rejected": [{}, {}]}) == 2


def test_reasons_are_counted_and_lines_are_not_shown() -> None:
    rejected = [{"file": "a", "line": n, "reason": "not JSON"} for n in range(3)] + [{"file": "a", "reason": "no id"}]
    assert cards.rejection_reasons({"rejected": rejected}) == [("not JSON", 3), ("no id", 1)]


def test_protection_tells_what_was_done_and_found() -> None:
    shown = facts(cards.protections(evidence_of(documents())))
    assert shown["Usernames"] == "840 keyed"
    assert shown["Handles, profile links, e-mail"] == "212 replaced"
    assert shown["E-mail addresses left in texts"] == "0"
    assert shown["Results that hold an id"] == "0"
    assert shown["Message text"] == "stays on disk"


def test_text_on_a_server_is_said() -> None:
    settings = {**SETTINGS, "graph": {"store": "neo4j", "store_text": True}}
    assert facts(cards.protections(evidence_of({}, settings)))["Message text"] == "sent to the server"


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(2, 15))
def test_no_small_community_is_shown(sizes: list[int], least: int) -> None:
    graph = {"communities": [{"method": "leiden", "n": len(sizes), "sizes": sorted(sizes, reverse=True)}]}
    settings = {**SETTINGS, "report": {"suppress_below": least}}
    (row,) = cards.partitions(evidence_of({"graph": graph}, settings))
    shown = [int(part) for part in row.largest.replace("…", "").split("·") if part.strip()]
    assert all(size >= least for size in shown)
    assert row.hidden == sum(size < least for size in sizes)


def test_communities_by_both_methods_with_their_stability() -> None:
    rows = cards.partitions(evidence_of({"graph": GRAPH}))
    assert [row.method for row in rows] == ["Leiden", "Map equation"]
    assert rows[0].stability == "0.94 over 20 seeds, lowest 0.88"
    assert rows[0].hidden == 2


def test_every_strategy_has_an_invented_example_of_the_projects_own() -> None:
    rows = cards.strategy_rows(LABELS)
    assert [row.name for row in rows] == [strategy.name for strategy in STRATEGIES]
    assert all(row.example in strategy.prototypes for row, strategy in zip(rows, STRATEGIES, strict=True))


def test_strategies_without_a_model_have_dashes() -> None:
    rows = cards.strategy_rows({"models": [], "prevalences": {"denial": 0.02}})
    assert {row.figures for row in rows} == {("–", "–", "–", "–")}
    assert {row.name: row.found for row in rows}["Denial"] == "2.0%"


def test_refusals_and_failures_come_before_what_passed() -> None:
    found = effects()
    found["checks"].append(check("leaks", "fail", "Bad.", {}))
    order = [row.status for row in cards.check_rows(found)]
    rank = ["refused", "fail", "warn", "not_informative", "conditional", "pass"]
    assert order == sorted(order, key=rank.index)
    assert sum(n for *_, n in cards.tally(cards.check_rows(found))) == len(order)


@pytest.mark.parametrize("name", ["hidden_confounder", "identification"])
def test_what_only_holds_on_a_condition_is_never_said_to_have_passed(name: str) -> None:
    (row,) = cards.check_rows({"checks": [check(name, "pass", "If …", {})]})
    assert row.word == "holds on a condition"
    (row,) = cards.check_rows({"checks": [check(name, "fail", "No.", {})]})
    assert row.word == "failed"


def test_a_status_nobody_knows_is_shown_as_it_is() -> None:
    (row,) = cards.check_rows({"checks": [check("x", "odd_one", "?", {})]})
    assert row.word == "odd one"


@pytest.mark.parametrize("known", effects()["checks"], ids=lambda c: c["name"])
def test_every_check_of_the_pipeline_says_what_it_can_and_cannot_show(known: dict[str, Any]) -> None:
    limit = limit_of(known["name"])
    assert limit.can
    assert limit.cannot


def test_a_new_check_keeps_its_own_name() -> None:
    assert limit_of("brand_new").title == "Brand new"
    assert limit_of("brand_new").can == ""


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"at": "2026-01-02T00:00:00", "before_outcome": True, "others_before": 0}, "before the outcome was opened."),
        ({"at": "2026-01-02T00:00:00", "before_outcome": True, "others_before": 3}, "3 other estimands"),
        ({"at": "2026-01-02T00:00:00", "before_outcome": False, "others_before": 0}, "exploratory"),
        ({"at": None, "before_outcome": False}, ""),
        (None, ""),
    ],
)
def test_when_it_was_declared(declared: Any, said: str) -> None:
    text = cards.declaration({"declared": declared})
    assert said in text
    assert bool(text) == bool(said)


def test_who_is_compared() -> None:
    shown = facts(cards.sample_facts(effects()))
    assert shown["Person-periods compared"] == "3,790"
    assert shown["Periods of 2 weeks"] == "8"
    assert shown["Mean exposure"] == "0.47"
    assert cards.sample_facts({}) == []


def test_what_was_not_done_names_stages_silent_checks_and_known_gaps() -> None:
    listed = " ".join(cards.not_done(evidence_of({"effects": effects()})))
    assert "The stage “graph” has not run." in listed
    assert "Future exposure: cannot say here." in listed
    assert "negative controls" in listed


def test_what_was_done_is_not_listed_as_missing() -> None:
    found = effects()
    found["checks"].append(check("double_negative_control", "pass", "Fine.", {}))
    assert "negative controls" not in " ".join(cards.not_done(evidence_of({"effects": found})))


def test_the_rows_of_the_replies_design_are_posts_and_those_left_out_are_counted() -> None:
    left_out = {"not_answered_in_time": 12, "outcome_window_open": 3}
    said = facts(cards.sample_facts({"detail": {"design": "replies", "rows": 40, "rows_left_out": left_out}}))
    assert said["Answered posts compared"] == "40"
    assert said["Posts nobody answered in time"] == "12"
    assert said["Posts too late for a whole outcome window"] == "3"
    assert "Person-periods compared" not in said


def test_what_the_instrument_cannot_show_is_said() -> None:
    assert "exclusion" in limit_of("helper_first_stage").cannot
    assert limit_of("helper_balance").title == "Helper instrument, balance"
    assert limit_of("balance").title == "Balance"


def test_a_figure_that_checks_share_stands_once_with_the_first_of_them():
    names = ("rewired_graph", "unrelated_behaviour", "past_outcome", "time_shuffle")
    rows = cards.check_rows({"checks": [check(name, "pass", "…", {}) for name in names]})
    assert [row.plot for row in rows] == ["placebos", "", "", "placebo"]
    rows = cards.check_rows(
        {"checks": [check("rewired_graph", "pass", "…", {}), check("past_outcome", "warn", "…", {})]}
    )
    assert [(row.name, row.plot) for row in rows] == [("past_outcome", "placebos"), ("rewired_graph", "")]
