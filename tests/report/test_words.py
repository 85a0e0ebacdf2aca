"""Numbers for reading, methods for pasting, the calendar for looking."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.report import words
from copenet.report.calendar import calendar
from copenet.report.evidence import Evidence
from copenet.report.methods import methods
from copenet.report.plots import _merged, ladder_order
from copenet.report.references import REFERENCES
from tests.report.documents import QUALITY, SETTINGS, TRUTH, documents, effects, estimate


def evidence_of(found: dict[str, Any], truth: dict[str, Any] | None = None) -> Evidence:
    return Evidence(found, {}, {}, SETTINGS, {}, truth, "anxiety")


@given(st.floats(-1e6, 1e6) | st.integers(-(10**9), 10**9))
def test_numbers_read_back(value: float) -> None:
    text = words.number(value, 3)
    assert "-" not in text
    assert float(text.replace(",", "").replace("−", "-")) == pytest.approx(value, abs=0.000501)


@given(st.none() | st.booleans() | st.just(float("nan")) | st.just(float("inf")) | st.lists(st.integers()))
def test_what_is_no_number_is_a_dash(value: Any) -> None:
    for say in (words.number, words.signed, words.percent, words.points, words.p_value):
        assert say(value) == "–"


@given(st.floats(-1, 1))
def test_signs(value: float) -> None:
    text = words.signed(value)
    assert text[0] in ("+−" if abs(value) > 0.0006 else "+−0")
    assert text not in ("+0.000", "−0.000")


@pytest.mark.parametrize(("value", "said"), [(0.0, "< 0.001"), (0.04999, "0.050"), (1.0, "1.000")])
def test_p_values_never_pretend_to_be_zero(value: float, said: str) -> None:
    assert words.p_value(value) == said


@pytest.mark.parametrize(("value", "said"), [(1610000000, "2021-01-07"), (1610000000000000, "2021-01-07"), (None, "–")])
def test_days(value: Any, said: str) -> None:
    assert words.day(value) == said


def test_long_covariate_names_are_cut() -> None:
    assert len(words.covariate("x" * 90)) == 34


def test_ratios_of_nothing_are_nothing() -> None:
    assert words.ratio(1, 0) is None
    assert words.ratio([], 2) is None
    assert words.ratio(1, 4) == 0.25


def test_the_ladder_goes_from_naive_to_headline() -> None:
    assert [row["estimator"] for row in ladder_order(effects())] == ["naive", "ols", "aipw"]


def text_of(found: dict[str, Any], truth: dict[str, Any] | None = None) -> str:
    return " ".join(methods(evidence_of(found, truth)).paragraphs)


def test_methods_say_what_was_done() -> None:
    text = text_of(documents())
    for part in (
        "6,120 messages",
        "Brief COPE (Carver, 1997)",
        "Traag et al., 2019",
        "Robins et al., 1994",
        "macro F1",
    ):
        assert part in text
    assert "own history, text, and a GraphSAGE representation" in text
    assert "up to 1 steps apart" in text


def test_every_citation_has_its_reference_and_every_reference_is_cited() -> None:
    said = methods(evidence_of(documents()))
    text = " ".join(said.paragraphs)
    for reference in said.references:
        surname, year = reference.split(",")[0], re.search(r"\((\d{4})\)", reference)
        assert year is not None
        assert re.search(rf"{re.escape(surname)}.{{0,40}}{year[1]}", text), reference
    assert len(re.findall(r"\d{4}[);]", text)) >= len(said.references)


def test_a_check_that_did_not_run_is_not_claimed() -> None:
    found = documents()
    found["effects"]["checks"] = []
    text = text_of(found)
    assert "We therefore report" not in text
    assert "DoWhy" not in " ".join(methods(evidence_of(found)).references)


def test_stages_that_did_not_run_are_not_described() -> None:
    assert methods(evidence_of({})).paragraphs == []
    assert "Leiden" not in text_of({"quality": QUALITY})


def test_unvalidated_labels_are_in_the_methods() -> None:
    found = documents()
    found["labels"] = {"labels_validated": False, "models": []}
    assert "not validated against human judgement" in text_of(found)


def test_how_often_labels_of_the_outcome_are_right_is_in_the_methods() -> None:
    found = documents()
    rates = "Labels of positive reframing had a sensitivity of 0.95 and a specificity of 0.99"
    assert rates in text_of(found)
    judged = next(
        row for row in found["labels"]["models"][0]["per_strategy"] if row["strategy"] == "positive_reframing"
    )
    judged.pop("sensitivity")
    judged["specificity"] = None
    assert "How often labels of positive reframing are right could not be judged." in text_of(found)


def test_a_slope_is_described_as_one() -> None:
    found = documents()
    found["effects"]["headline"] = "plm"
    assert "partially linear model (Robinson, 1988)" in text_of(found)
    assert "Robins et al." not in text_of(found)


def test_clusters_are_not_called_hac() -> None:
    found = documents()
    found["effects"]["detail"]["method"] = "community_cluster"
    assert "clustered by community" in text_of(found)
    assert "Kojevnikov" not in text_of(found)


def test_simulated_posts_are_said_to_be_simulated_and_cite_no_archive() -> None:
    text = text_of(documents(), TRUTH)
    assert "simulated: nobody in them is real" in text
    assert "Pushshift" not in text
    assert "Pushshift" in text_of(documents())


def test_references_are_whole() -> None:
    assert all(re.search(r"\(\d{4}\)\. .+\.$", reference) for reference in REFERENCES.values())


def squares(quality: dict[str, Any]) -> list[str]:
    plot = calendar(evidence_of({"quality": quality}))
    assert plot is not None
    return [node.attrib["class"] for node in ET.fromstring(plot.svg).iter("rect")]


@given(st.dates(date(2015, 1, 1), date(2019, 12, 31)), st.integers(0, 900), st.data())
def test_the_calendar_has_a_square_a_day_and_a_cross_a_gap(first: date, length: int, data: st.DataObject) -> None:
    days = [date.fromordinal(first.toordinal() + n) for n in range(length + 1)]
    missing = data.draw(st.lists(st.sampled_from(days), unique=True, max_size=5))
    months = sorted({f"{day:%Y-%m}" for day in days})
    quality = {
        "first_at": days[0].isoformat(),
        "last_at": days[-1].isoformat(),
        "days_without_messages": [day.isoformat() for day in missing],
        "days_without_messages_count": len(missing),
        "by_month": [{"platform": "reddit", "month": month, "messages": 7} for month in months],
    }
    classes = squares(quality)
    assert len(classes) == len(days)
    assert classes.count("gap") == len(missing)


def test_busier_months_are_darker() -> None:
    rows = [
        {"platform": "p", "month": "2021-01", "messages": 100},
        {"platform": "p", "month": "2021-02", "messages": 10},
    ]
    classes = squares({"first_at": "2021-01-31", "last_at": "2021-02-01", "by_month": rows})
    assert classes == ["l4", "l1"]


def test_gaps_beyond_the_list_are_said() -> None:
    plot = calendar(evidence_of({"quality": {**QUALITY, "days_without_messages_count": 900}}))
    assert plot is not None
    assert "The first 2 of 900 are marked." in plot.caption


@pytest.mark.parametrize("change", [{"first_at": None}, {"by_month": []}, {"first_at": "1970-01-01"}, {"last_at": "x"}])
def test_no_calendar_without_dates(change: dict[str, Any]) -> None:
    assert calendar(evidence_of({"quality": {**QUALITY, **change}})) is None


def test_variables_with_the_same_arrows_share_a_box() -> None:
    edges = [("u", "a"), ("u", "b"), ("a", "e"), ("b", "e"), ("c", "e"), ("e", "y")]
    labels, arrows = _merged(["u", "a", "b", "c", "e", "y"], edges, kept={"u", "e", "y"})
    assert labels["a"] == "Known before the period\na, b"
    assert labels["c"] == "C"
    assert arrows == [("u", "a"), ("a", "e"), ("c", "e"), ("e", "y")]


def test_the_methods_of_the_replies_design_are_its_own() -> None:
    found = documents()
    found["effects"]["estimates"].append(estimate("helper_iv", None))
    settings = SETTINGS | {"effect": SETTINGS["effect"] | {"design": "replies", "reply_hours": 48}}
    said = methods(Evidence(found, {}, {}, settings, {}))
    text = " ".join(said.paragraphs)
    assert "The unit is a post that others answered" in text
    assert "within 48 hours" in text
    assert "a person in a period" not in text
    assert "leave-one-out propensity" in text
    assert any("Montiel Olea" in work for work in said.references)
    panel = methods(Evidence(documents(), {}, {}, SETTINGS, {}))
    assert not any("Montiel Olea" in work for work in panel.references)
