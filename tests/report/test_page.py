"""The page: whole, accessible, silent towards the network, and honest about what is missing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copenet.report.evidence import gather
from copenet.report.page import SECTIONS, render
from tests.report.conftest import Write
from tests.report.documents import SETTINGS, TRUTH, VERSIONS, documents, lay_out
from tests.report.reading import parse

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_element_closes(demo_page: str) -> None:
    page = parse(demo_page)
    assert page.faults == []
    assert page.open == []


def test_ids_are_unique_and_links_lead_somewhere(demo_page: str) -> None:
    page = parse(demo_page)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["href"] for a in page.named("a")] + [a.get("xlink:href", "") for a in page.named("use")]
    assert targets
    assert all(target.startswith("#") and target[1:] in ids for target in targets)


def test_all_sections_are_there_with_their_headings(demo_page: str) -> None:
    page = parse(demo_page)
    assert [a["id"] for a in page.named("section")] == [section.anchor for section in SECTIONS]
    assert all(section.title in page.text for section in SECTIONS)


def test_nothing_is_loaded_from_anywhere(demo_page: str) -> None:
    page = parse(demo_page)
    assert not page.named("script")
    assert not page.named("link")
    assert not page.named("iframe")
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert not re.match(r"\s*(?:https?:|//|file:|javascript:)", attributes.get(name, ""), re.IGNORECASE)
    assert not re.search(r"url\(\s*['\"]?(?!#)", demo_page)
    assert "@import" not in demo_page
    assert set(re.findall(r"https?://[^\s\"'<]+", demo_page)) <= NAMESPACES


def test_the_policy_forbids_scripts_and_the_network(demo_page: str) -> None:
    policies = [
        a["content"] for a in parse(demo_page).named("meta") if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert "connect-src" not in rules


def test_images_have_words(demo_page: str) -> None:
    page = parse(demo_page)
    assert page.named("img")
    assert all(len(a["alt"]) > 10 for a in page.named("img"))
    drawings = page.named("svg")
    assert len(drawings) >= 8
    assert all(a["role"] == "img" and len(a["aria-label"]) > 20 for a in drawings)


def test_figures_have_captions_commands_and_numbers_in_order(demo_page: str) -> None:
    page = parse(demo_page)
    numbers = [int(n) for n in re.findall(r"Figure (\d+)\. ", page.text)]
    assert numbers == list(range(1, len(page.named("figure")) + 1))
    assert page.text.count("Remake: ") == len(numbers)
    assert "copenet report demo" in page.text


def test_landmarks_language_and_skip_link(demo_page: str) -> None:
    page = parse(demo_page)
    assert page.named("html")[0]["lang"] == "en"
    assert len(page.named("main")) == len(page.named("h1")) == 1
    assert page.named("nav")[0]["aria-label"] == "Contents"
    assert page.named("a")[0] == {"class": "skip", "href": "#answer"}
    assert [tag for tag, _ in page.elements if tag in ("header", "nav", "main", "footer")] == [
        "header",
        "nav",
        "main",
        "footer",
    ]


def test_tables_have_headers(demo_page: str) -> None:
    page = parse(demo_page)
    assert all(a.get("scope") in ("col", "row") for a in page.named("th"))


def test_what_scrolls_can_be_reached_by_keyboard_and_is_named(demo_page: str) -> None:
    scrolling = [a for _, a in parse(demo_page).elements if a.get("class") == "scroll"]
    assert scrolling
    assert all(a["tabindex"] == "0" and a["aria-label"] and a["role"] == "group" for a in scrolling)


def test_dark_and_print_looks_are_there(demo_page: str) -> None:
    assert "@media (prefers-color-scheme: dark)" in demo_page
    assert "@media print" in demo_page
    assert "@page" in demo_page


def test_drawings_take_the_colours_of_the_page(demo_page: str) -> None:
    inside = "".join(re.findall(r"<svg.*?</svg>", demo_page, flags=re.DOTALL))
    assert "var(--f-ink)" in inside
    assert "#1b1b1f" not in inside.lower()


def test_a_second_writing_gives_the_same_bytes(demo_page: str, write: Write) -> None:
    assert write(truth=TRUTH, study="demo", draw=True) == demo_page


def test_figures_are_saved_for_print_beside_it(write: Write, tmp_path: Path) -> None:
    found = documents()
    found["effects"]["checks"] = found["effects"]["checks"][:2]
    write(found, draw=True)
    saved = {path.name for path in (tmp_path / "anxiety" / "results" / "figures").iterdir()}
    assert {f"{name}.{kind}" for name in ("effect_ladder", "overlap", "balance") for kind in ("svg", "pdf")} <= saved


def test_the_truth_is_on_the_last_page_of_a_demo_and_nowhere_else(demo_page: str, write: Write) -> None:
    before, _, last = demo_page.partition('<section id="truth"')
    assert "+0.080" in last
    assert "planted" not in parse(before).text.lower().replace("the planted truth", "")
    study = write(truth=None)
    assert "planted" not in study.lower()
    assert "simulated" not in parse(study).text.lower()


def test_a_demo_says_whose_interval_holds_the_truth(write: Write) -> None:
    last = parse(write(truth=TRUTH).partition('<section id="truth"')[2]).text
    assert re.search(r"Naive difference \+0\.240 \+0\.220 to \+0\.260 \+0\.160 ✕ no", last)
    assert re.search(r"AIPW, network HAC \+0\.090 \+0\.060 to \+0\.120 \+0\.010 ✓ yes", last)


@pytest.mark.parametrize("gone", ["quality", "graph", "labels", "effects"])
def test_a_missing_part_names_its_command_and_spares_the_rest(write: Write, gone: str) -> None:
    found = documents()
    del found[gone]
    page = parse(write(found))
    expected = {
        "quality": "copenet ingest anxiety PATH",
        "graph": "copenet graph build anxiety",
        "labels": "copenet text label anxiety",
        "effects": "copenet effect estimate anxiety",
    }
    assert expected[gone] in page.text
    assert "This stage has not run." in page.text
    assert f"The stage “{gone}” has not run." in page.text
    assert page.faults == []


def test_an_empty_study_still_gives_a_page(write: Write) -> None:
    page = parse(write({}))
    assert "Nothing has been estimated yet" in page.text
    assert page.faults == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b'"text"', b"\xff\xfe"])
def test_an_unreadable_document_is_named(write: Write, content: bytes) -> None:
    assert "graph.json" in parse(write(files={"graph.json": content})).text


def test_a_refused_estimate_is_said_first_and_gives_no_number(write: Write) -> None:
    found = documents()
    reason = "no overlap: 12 person-periods are exposed"
    for row in found["effects"]["estimates"]:
        if row["estimator"] == "aipw":
            row.update(estimate=None, se=None, ci_low=None, ci_high=None, p_value=None, refused=reason)
    found["effects"]["refused"] = f"{reason}. Try another exposure."
    page = write(found)
    answer = parse(page.partition('<section id="answer"')[2].partition("</section>")[0]).text
    assert "Refused" in answer
    assert reason in answer
    assert "+0." not in answer
    assert "percentage points" not in answer
    assert "refused" in parse(page.partition('<section id="effect"')[2]).text


def test_unvalidated_labels_are_in_the_first_paragraph_and_loud_in_their_section(write: Write) -> None:
    found = documents()
    found["effects"]["labels_validated"] = False
    found["labels"] = {"models": [], "labels_validated": False, "prevalences": {}}
    page = write(found)
    first = parse(page.partition('<div class="answer')[2].partition("</p>")[0]).text
    assert "Labels not validated." in first
    assert "copenet text evaluate anxiety" in parse(page.partition('<section id="labels"')[2]).text


def test_validated_labels_raise_no_warning(demo_page: str) -> None:
    assert "not validated" not in parse(demo_page).text


def test_untrained_strategies_say_why(demo_page: str) -> None:
    assert "too few gold labels: 3 positive, 397 negative" in parse(demo_page).text


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</style><script>1</script>",
    "=HYPERLINK('http://x')",
    "javascript:alert(1)",
    "\u202eevil\u0000",
]


def hostile(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return documents and settings with `text` wherever words come from outside."""
    found = documents()
    found["quality"]["platforms"] = [text]
    found["quality"]["rejected"] = [{"file": text, "line": 1, "reason": text}]
    found["graph"]["communities"][0]["method"] = text
    found["effects"] |= {"outcome": text, "exposure": text, "estimand": text, "assumptions": [text]}
    found["effects"]["checks"][0] |= {"name": text, "detail": text}
    found["effects"]["estimates"][1] |= {"estimator": text}
    found["effects"]["checks"][1]["figures"]["names"][0] = text
    found["effects"]["checks"][8]["figures"]["estimand"] = text
    found["manifest"] = {text: text}
    chosen = {**SETTINGS, "study": {"title": text, "question": text, "seed": 7}, text: {text: text}}
    return found, chosen


@pytest.mark.parametrize(("text", "draw"), [(text, text == HOSTILE[0]) for text in HOSTILE])
def test_hostile_words_stay_words(write: Write, text: str, draw: bool) -> None:
    found, chosen = hostile(text)
    html = write(found, settings=chosen, versions={text: text}, draw=draw)
    page = parse(html)
    assert not page.named("script")
    assert len(page.named("img")) == len(page.named("style")) == 1
    assert page.faults == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", html, flags=re.DOTALL)[0]


def test_a_stage_figure_can_run_nothing(write: Write) -> None:
    svg = b"<svg onload='alert(1)'><script>1</script></svg>"
    page = parse(write(files={"figures/communities.svg": svg}))
    assert not page.named("script")
    assert page.named("img")[0]["src"].startswith("data:image/svg+xml;base64,")


@pytest.mark.parametrize("words", [b"[]", b"{bad", b'{"alt": "Twelve groups <b>"}'])
def test_words_of_a_stage_figure_may_be_anything(write: Write, words: bytes) -> None:
    image = parse(write(files={"figures/communities.json": words})).named("img")[0]
    assert len(image["alt"]) > 10


def test_folder_names_are_quoted_for_a_shell(write: Write) -> None:
    assert "copenet run &#39;my study; rm&#39;" in write({}, study="my study; rm")


def test_inline_drawings_are_well_formed(demo_page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", demo_page, flags=re.DOTALL)
    assert len(drawings) == demo_page.count("<svg") > 0
    assert {ET.fromstring(svg).tag.rpartition("}")[2] for svg in drawings} == {"svg"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from([(d, k) for d in ("quality", "graph", "labels") for k in documents()[d]]),
)
def test_whatever_a_document_holds_there_is_a_page(tmp_path: Path, value: Any, where: tuple[str, str]) -> None:
    found = {name: documents()[name] for name in ("quality", "graph", "labels")}
    found[where[0]][where[1]] = value
    results = lay_out(tmp_path / "anxiety", found)
    evidence = gather(results, settings=SETTINGS, versions=VERSIONS, truth=None)
    assert parse(render(evidence, {})).faults == []


def test_the_curve_and_the_event_study_stand_among_the_estimates_without_small_levels(demo_page: str) -> None:
    curve, study = (
        demo_page.partition(f'<figure id="fig-{name}"')[2].partition("</figure>")[0]
        for name in ("exposure_curve", "event_study")
    )
    assert "A curve to read beside the headline" in curve
    assert "2,900" in curve
    assert "0.900" not in curve  # of five person-periods
    assert "0.800" not in curve
    assert "2 level(s) without overlap or rows are not drawn" in curve
    assert "Left of the exposure" in study


def test_the_bias_curve_stands_among_the_estimates_with_what_it_cannot_show(demo_page: str) -> None:
    curve = demo_page.partition('<figure id="fig-bias_curve"')[2].partition("</figure>")[0]
    assert "missing for a reason" in curve
    assert "Corrected: +0.10" in curve or "Corrected: +0.11" in curve
    assert "Of the observed ties" in curve
