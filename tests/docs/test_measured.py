"""docs/measured.md is what the committed results say, and a rate is judged by its interval."""

from __future__ import annotations

import importlib.util

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def measured():
    spec = importlib.util.spec_from_file_location("measured", ROOT / "benchmarks" / "measured.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_results_say(measured):
    assert (ROOT / "docs" / "measured.md").read_text("utf-8") == measured.page(), (
        "Run: python benchmarks/measured.py > docs/measured.md"
    )


def test_every_result_has_its_command(measured):
    for path in measured.RESULTS.glob("*.json"):
        assert f"- `{path.name}`: `python benchmarks/" in measured.page(), path.name


@pytest.mark.parametrize(
    ("low", "high", "met"), [(0.90, 0.929, False), (0.90, 0.93, True), (0.94, 0.99, True), (0.971, 0.99, False)]
)
def test_a_rate_misses_its_aim_only_where_its_interval_does(measured, low, high, met):
    assert measured.reached({"low": low, "high": high}, measured.COVERAGE) is met
