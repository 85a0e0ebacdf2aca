"""Each result in plain words, always with what it does not say."""

from __future__ import annotations

from typing import Any

import pytest

from causal.readings import Reading, readings, steps_of
from tests.report.documents import effects


@pytest.fixture
def document() -> dict[str, Any]:
    return effects()


def by_name(found: list[Reading]) -> dict[str, Reading]:
    return {r.name: r for r in found}


def test_every_result_has_both_sides(document: dict[str, Any]) -> None:
    found = readings(document)
    assert [r.name for r in found] == [
        "naive",
        "ols",
        "aipw",
        "waterfall",
        "exposure_curve",
        "event_study",
        "effect_by_community",
        "nuisance_drivers",
        "influence",
    ]
    for reading in found:
        assert len(reading.says) > 20
        assert len(reading.cannot) > 20


def test_a_headline_with_zero_in_its_interval_is_no_evidence_of_none(document: dict[str, Any]) -> None:
    assert "Zero lies outside the interval." in by_name(readings(document))["aipw"].says
    document["estimates"][0] |= {"ci_low": -0.01}
    assert "Zero lies inside the interval: no effect is as compatible" in by_name(readings(document))["aipw"].says


def test_a_refused_headline_has_no_reading(document: dict[str, Any]) -> None:
    document["estimates"][0] |= dict.fromkeys(("estimate", "ci_low", "ci_high"))
    assert "aipw" not in by_name(readings(document))


def test_groups_of_few_people_are_counted_only(document: dict[str, Any]) -> None:
    said = by_name(readings(document))["effect_by_community"].says
    assert said.startswith("3 groups; in 3 the effect is clear")
    assert "1 refused." in said
    assert "2 of fewer than 8 people not shown." in said
    assert "0.78" not in said


def test_periods_before_the_exposure_that_differ_are_said(document: dict[str, Any]) -> None:
    assert "1 of 1 periods before the exposure already differ" in by_name(readings(document))["event_study"].says
    points = document["detail"]["adoption"]["event_study"]["points"]
    points[0] |= {"ci_low": -0.5, "ci_high": 0.5}
    assert "None of 1 periods before" in by_name(readings(document))["event_study"].says


def test_the_largest_step_is_named_with_its_range(document: dict[str, Any]) -> None:
    said = by_name(readings(document))["waterfall"].says
    assert "From +0.24 to +0.09." in said
    assert "“+ own history” (−0.10; −0.10 alone, −0.04 after all others)" in said


def test_steps_are_lines_with_what_they_add(document: dict[str, Any]) -> None:
    lines = steps_of(document)
    assert lines[0].split() == ["naive", "+0.24", "[+0.22,", "+0.26]"]
    assert lines[1].endswith("+0.14 [+0.12, +0.16]  −0.10 (alone −0.10, last −0.04)  own history, activity")
    document["detail"]["waterfall"]["steps"][2] |= {"estimate": None, "refused": "no overlap"}
    assert steps_of(document)[2].endswith("REFUSED: no overlap")


def test_a_bare_document_has_no_readings_and_raises_nothing() -> None:
    assert readings({}) == []
    assert readings({"detail": None, "checks": [None], "estimates": None}) == []
    assert steps_of({}) == []
