"""The first paragraph: careful, complete, and never more certain than the evidence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.report.answer import MAIN_ASSUMPTION, Answer, answer, is_contrast
from copenet.report.evidence import Evidence, gather
from tests.report.documents import SETTINGS, documents, estimate, lay_out


def evidence_of(found: dict[str, Any], settings: dict[str, Any] = SETTINGS) -> Evidence:
    return Evidence(found, {}, {}, settings, {}, None, "anxiety")


def with_headline(value: float, half: float) -> Answer:
    found = documents()
    found["effects"]["estimates"][0] = estimate("aipw", value, half)
    return answer(evidence_of(found))


def words_of(said: Answer) -> str:
    return " ".join((said.warning, said.finding, said.assumption, said.overturn))


def test_an_effect_is_given_with_interval_assumption_and_what_would_overturn_it() -> None:
    said = answer(evidence_of(documents()))
    assert said.state == "effect"
    assert (said.figure, said.interval) == ("+9.0", "95% interval +6.0 to +12.0")
    assert said.unit == "percentage points"
    assert "3,790 person-periods" in said.finding
    assert "If the assumption below holds" in said.finding
    assert said.assumption == "No hidden confounding given what was measured."
    assert "1.8 times as strong as own history" in said.overturn
    assert "label error" in said.overturn


def test_the_design_of_replies_is_told_as_such() -> None:
    settings = SETTINGS | {"effect": SETTINGS["effect"] | {"design": "replies", "reply_hours": 48}}
    finding = answer(evidence_of(documents(), settings)).finding
    assert "3,790 answered posts" in finding
    assert "in other threads after their peers (those who answered their post) did" in finding
    assert "person-periods" not in finding


def test_the_way_from_the_naive_comparison_is_told() -> None:
    assert "The naive comparison gives +24.0; 15.0 of that goes" in answer(evidence_of(documents())).finding


def test_an_interval_with_zero_is_no_evidence_of_no_effect() -> None:
    said = with_headline(0.01, 0.03)
    assert said.state == "null"
    assert "The interval holds zero" in said.finding
    assert "not evidence of no effect" in said.finding
    assert "brings about" not in said.finding


def test_less_of_it_is_said_where_the_effect_is_negative() -> None:
    assert "how much less of it" in with_headline(-0.05, 0.01).finding


@given(st.floats(-0.5, 0.5), st.floats(0.001, 0.5))
def test_state_follows_the_interval_and_nothing_is_ever_simply_caused(value: float, half: float) -> None:
    said = with_headline(value, half)
    assert said.state == ("effect" if value - half > 0 or value + half < 0 else "null")
    assert not re.search(r"\bcauses?\b|\bproves?\b|\bsignificant", words_of(said).replace("A cause", ""))
    assert said.assumption
    assert said.overturn


def test_without_an_assumption_in_the_document_the_main_one_is_still_named() -> None:
    found = documents()
    found["effects"]["assumptions"] = []
    assert answer(evidence_of(found)).assumption == MAIN_ASSUMPTION


def test_without_a_sensitivity_check_hidden_traits_are_still_named() -> None:
    found = documents()
    found["effects"]["checks"] = []
    assert "trait nobody measured" in answer(evidence_of(found)).overturn


@pytest.mark.parametrize("how", ["document", "row", "lost"])
def test_refusals_are_refusals_however_they_are_recorded(how: str) -> None:
    found = documents()
    effects = found["effects"]
    if how == "document":
        effects["refused"] = "no overlap"
    elif how == "row":
        effects["estimates"][0] = estimate("aipw", None, refused="no overlap")
    else:
        effects["estimates"] = effects["estimates"][1:]
    said = answer(evidence_of(found))
    assert said.state == "refused"
    assert said.figure == ""
    assert said.interval == ""
    assert not re.search(r"\d\.\d", said.finding)
    assert ("no overlap" in said.finding) == (how != "lost")


def test_nothing_estimated_gives_the_next_command() -> None:
    said = answer(evidence_of({"quality": {}}))
    assert said.state == "missing"
    assert "copenet run anxiety" in said.finding


@pytest.mark.parametrize(
    ("effects", "labels", "warned"),
    [(True, True, False), (False, True, True), (False, False, True), (None, True, False), (None, False, True)],
)
def test_labels_nobody_checked_are_said_first(effects: bool | None, labels: bool, warned: bool) -> None:
    found = documents()
    found["labels"]["labels_validated"] = labels
    if effects is None:
        del found["effects"]
    else:
        found["effects"]["labels_validated"] = effects
    assert answer(evidence_of(found)).warning.startswith("Labels not validated.") == warned


def test_a_slope_is_no_difference_between_groups() -> None:
    found = documents()
    found["effects"]["headline"] = "plm"
    found["effects"]["estimates"][0]["estimator"] = "plm"
    settings = {**SETTINGS, "effect": {**SETTINGS["effect"], "exposure": "count"}}
    said = answer(evidence_of(found, settings))
    assert said.unit == "percentage points per unit of exposure"
    assert "the number of peers" in said.finding
    assert not is_contrast(evidence_of(found, {}), found["effects"])


def test_evidence_knows_what_the_shell_calls_the_study(tmp_path: Path) -> None:
    results = lay_out(tmp_path / "my study")
    assert gather(results, settings={}, versions={}, truth=None).study == "'my study'"
    assert gather(tmp_path, settings={}, versions={}, truth=None).study == "STUDY"


def test_settings_may_be_incomplete() -> None:
    found = evidence_of({}, {"report": 3})
    assert found.suppress_below == 8
    assert found.setting("study", "seed", "–") == "–"
