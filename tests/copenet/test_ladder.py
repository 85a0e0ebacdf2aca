from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from copenet.ladder import bar, interval, ladder, main_rows, signed


def row(name, estimate, low=None, high=None, refused=None):
    return {"estimator": name, "estimate": estimate, "ci_low": low, "ci_high": high, "refused": refused}


DOCUMENT = {
    "headline": "aipw",
    "estimates": [row("aipw", 0.09, 0.06, 0.12), row("ols", 0.14, 0.12, 0.16), row("naive", 0.24, 0.22, 0.26)],
}


def test_from_naive_to_the_headline_with_bars_in_proportion():
    lines = ladder(DOCUMENT)
    assert [line.split()[0] for line in lines] == ["naive", "OLS", "AIPW,"]
    assert "+.24 [.22, .26]  " + "█" * 25 in lines[0]
    assert "confounded" in lines[0]
    assert lines[1].count("█") == 14


def test_the_truth_stands_beside_the_headline_alone():
    lines = ladder(DOCUMENT, truth=0.08)
    assert ["truth +.08 (planted)" in line for line in lines] == [False, False, True]
    assert not any("truth" in line for line in ladder(DOCUMENT))


def test_a_refused_estimate_has_its_reason_and_no_number():
    document = {"headline": "aipw", "estimates": [row("aipw", None, refused="no overlap"), row("naive", 0.0)]}
    assert ladder(document)[-1] == "AIPW, network HAC  REFUSED: no overlap"


def test_the_main_rows_are_the_first_of_each_estimator():
    document = {"headline": "plm", "estimates": [row("plm", 1.0), row("plm", 2.0), row("naive", 3.0)]}
    assert [r["estimate"] for r in main_rows(document)] == [3.0, 1.0]


def test_numbers_as_they_are_printed():
    assert signed(0.0) == "+.00"
    assert signed(-0.001) == "+.00"
    assert signed(-0.25) == "-.25"
    assert signed(1.0) == "+1.00"
    assert interval(row("x", 1, None, None)) == "[no interval]"


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_a_bar_never_exceeds_its_width(value, largest):
    length = len(bar(value, max(largest, abs(value))))
    assert 0 <= length <= 25
    assert bar(0.0, 0.0) == ""
