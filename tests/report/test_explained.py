"""How the number came about, on the page: figures, words, and nothing of small groups."""

from __future__ import annotations

from pathlib import Path

from copenet.report import write_report
from copenet.report.evidence import OWN_FIGURES, gather
from copenet.report.page import EXPLAINING
from tests.report.conftest import Write
from tests.report.documents import SETTINGS, TRUTH, VERSIONS, documents, lay_out
from tests.report.reading import parse


def section(page: str, name: str) -> str:
    return page.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def test_figures_that_explain_are_drawn_saved_and_stay_out_of_the_network_when_it_is_made_again(tmp_path: Path) -> None:
    results = lay_out(tmp_path / "demo", documents())
    write_report(results, results / "report.html", settings=SETTINGS, versions=VERSIONS, truth=TRUTH)
    page = section((results / "report.html").read_text(encoding="utf-8"), "explain")
    for name in ("waterfall", "effect_by_community", "nuisance_drivers"):
        assert f'id="fig-{name}"' in page
        assert (results / "figures" / f"{name}.pdf").is_file()
    assert set(EXPLAINING) <= OWN_FIGURES
    again = gather(results, settings=SETTINGS, versions=VERSIONS, truth=None)
    assert set(again.figures) == {"communities"}  # what a stage drew, none of the report's own


def test_every_result_says_what_it_does_not_say(demo_page: str) -> None:
    page = section(demo_page, "explain")
    assert page.count("<dt>Says</dt>") == page.count("<dt>Does not say</dt>") == 9
    text = parse(page).text
    assert "Anything about influence" in text
    assert "In another order the steps would be others." in text


def test_groups_of_few_people_are_nowhere_on_the_page(demo_page: str) -> None:
    assert "0.777" not in demo_page
    assert "+0.78" not in demo_page
    assert "only 4 of 300" not in demo_page
    assert "2 groups of fewer than 8 people not drawn." in demo_page


def test_without_an_estimate_the_section_says_so(write: Write) -> None:
    found = documents()
    found["effects"] |= {"estimates": [], "checks": [], "detail": {}, "refused": "no overlap"}
    assert "There is no estimate to explain." in section(write(found, draw=True), "explain")
    assert "copenet effect explain other" in section(write({}, study="other"), "explain")
