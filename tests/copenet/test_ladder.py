from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from copenet.ladder import bar, interval, ladder, main_rows, signed
from copenet.stages.effect import saying


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
    assert ["truth +.08 (planted, inside)" in line for line in lines] == [False, False, True]
    assert "(planted, OUTSIDE the interval)" in ladder(DOCUMENT, truth=0.1201)[-1]
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


def effect(**changes):
    estimates = [
        dict(row("aipw", None, refused="no overlap: nobody is alike"), estimand="x"),
        row("naive", 0.2, 0.1, 0.3),
    ]
    document = {
        "outcome": "planning",
        "exposure": "any_peer(co_thread)",
        "headline": "aipw",
        "estimates": estimates,
        "checks": [],
        "labels_validated": True,
        "refused": None,
        "detail": {"period_weeks": 1},
    }
    return document | changes


def check(name, status, detail="", **figures):
    return {"name": name, "status": status, "detail": detail, "figures": figures}


def test_the_question_in_words():
    line = saying(effect()).line
    assert line == "any peer showed planning (co thread) → shows it within the next 1 week"
    assert "in the period after" in saying(effect(detail={})).line


def test_the_reason_of_a_refusal_is_said_once_and_counted_once():
    checks = [
        check("overlap", "refused", "No overlap: nobody is alike."),
        check("among_posters", "refused", "Who posts follows exposure. More words."),
    ]
    told = saying(effect(checks=checks, refused="no overlap: nobody is alike. Try another channel."))
    assert told.level == "refused"
    assert told.figures == {"refused": 2}
    assert sum("overlap: REFUSED" in line for line in told.notes) == 0
    assert "among posters: REFUSED, Who posts follows exposure; see `copenet effect explain`" in told.notes
    assert told.notes[-1] == "REFUSED: no overlap: nobody is alike. Try another channel."


def test_placebos_have_their_number_and_other_checks_their_names():
    checks = [
        check("rewired_graph", "pass", estimate=0.004),
        check("future_exposure", "not_informative", estimate=None),
        check("overlap", "pass"),
        check("balance", "warn"),
        check("leak_audit", "fail"),
    ]
    told = saying(effect(checks=checks))
    said = "rewired graph +.00 (pass) · future exposure (not informative) · fail: leak audit · warn: balance · pass: overlap"
    assert said in told.notes
    assert told.level == "warn"


def test_the_error_of_validated_labels_is_no_news():
    label_error = [check("label_error", "warn")]
    assert saying(effect(checks=label_error)).level == "ok"
    told = saying(effect(checks=label_error, labels_validated=False))
    assert told.level == "warn"
    assert any("labels not validated" in line for line in told.notes)
