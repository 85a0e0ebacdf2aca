"""Figures of effects: sizes, words, suppression, and files that rerun byte for byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import curve_figures, explain_figures, figures
from causal.figure_style import ONE_COLUMN, Drawing, signed
from copenet.foundation.errors import UsageError

ROWS: list[dict[str, Any]] = [
    {"label": "Naive difference", "estimate": 0.24, "ci_low": 0.22, "ci_high": 0.26},
    {"label": "OLS", "estimate": None, "ci_low": None, "ci_high": None},
    {"label": "AIPW", "estimate": 0.09, "ci_low": 0.06, "ci_high": 0.12, "headline": True},
]
EDGES = np.linspace(0, 1, 6)
NODES = [
    {"id": "e", "label": "Peers", "kind": "exposure"},
    {"id": "y", "label": "Person\nlater", "kind": "outcome"},
    {"id": "h", "label": "History", "kind": "other"},
    {"id": "u", "label": "Unmeasured", "kind": "hidden"},
]
ARROWS = [("e", "y"), ("h", "e"), ("h", "y"), ("u", "e"), ("u", "y")]
GRID = np.linspace(0, 0.3, 12)

SIDES = ("estimate", "ci_low", "ci_high", "band_low", "band_high")
POINTS: list[dict[str, Any]] = [
    {
        "name": str(k),
        "label": str(k),
        "exposure": float(k),
        "period": k,
        "n": 90,
        "estimate": 0.1 * k,
        "ci_low": 0.1 * k - 0.05,
        "ci_high": 0.1 * k + 0.05,
        "band_low": 0.1 * k - 0.08,
        "band_high": 0.1 * k + 0.08,
    }
    for k in (-3, -2, 0, 1)
]

FEWER = [
    {"kept": k, "estimate": 0.1 * k, "lowest": 0.1 * k - 0.01, "highest": 0.1 * k + 0.01, "draws": 5}
    for k in (1.0, 0.8, 0.6)
]
GROUPS: list[dict[str, Any]] = [
    {
        "group": str(k),
        "people": 90 // k,
        "n": 900 // k,
        "refused": None,
        **{key: POINTS[2][key] + 0.1 * k for key in SIDES},
    }
    for k in (1, 2, 3)
] + [
    {
        "group": "other",
        "people": 40,
        "n": 300,
        "estimate": None,
        "refused": "only 4 of 300 person-periods do (10 needed)",
    },
    {"group": "9", "people": 6, "n": 78, "refused": None, **{key: POINTS[2][key] + 0.8 for key in SIDES}},
    {"group": "none", "people": 5, "n": 77, "refused": None, **{key: POINTS[2][key] + 0.9 for key in SIDES}},
]
POOLED = {
    "estimate": 0.2,
    "ci_low": 0.1,
    "ci_high": 0.3,
    "prediction_low": 0.0,
    "prediction_high": 0.4,
    "i2": 0.42,
    "k": 4,
}
FOUND = {"by": "community", "groups": GROUPS, "pooled": POOLED, "p_same": 0.04}
STEPS: list[dict[str, Any]] = [
    {"label": "naive", "estimate": 0.24, "ci_low": 0.22, "ci_high": 0.26, "change": None},
    {"label": "+ own history", "estimate": 0.14, "ci_low": 0.12, "ci_high": 0.16, "change": -0.1},
    {"label": "+ text", "estimate": 0.15, "ci_low": 0.12, "ci_high": 0.18, "change": 0.01},
    {"label": "flexible nuisances", "estimate": 0.09, "ci_low": 0.06, "ci_high": 0.12, "change": -0.06},
]
DRIVERS = {
    "outcome_r2": 0.12,
    "exposure_r2": 0.34,
    "groups": [
        {"group": name, "outcome": k / 100, "outcome_low": None, "outcome_high": None, "outcome_alone": 0.1,
         "exposure": k / 50, "exposure_low": k / 60, "exposure_high": k / 40, "exposure_alone": 0.2}
        for k, name in enumerate(("own_history", "place_time"))
    ],
}  # fmt: skip

DRAWN: dict[str, Callable[[], Drawing]] = {
    "effect_ladder": lambda: figures.effect_ladder(ROWS),
    "truth_ladder": lambda: figures.effect_ladder(ROWS, truth=0.08),
    "placebos": lambda: figures.placebo_ladder(ROWS),
    "overlap": lambda: figures.overlap_histogram(EDGES, [0, 9, 30, 40, 3], [90, 80, 20, 4, 0], clip=(0.02, 0.98)),
    "exposure": lambda: figures.exposure_distribution(["0", "1", "2+"], [900, 120, 5], what="Peers who reframed"),
    "balance": lambda: figures.love_plot(["a", "b", "c"], [0.3, -0.2, 0.05], [0.02, 0.01, -0.04]),
    "placebo": lambda: figures.placebo_null(np.linspace(-0.02, 0.02, 40), 0.09),
    "sensitivity": lambda: figures.sensitivity_contour(
        GRID,
        GRID,
        0.09 - np.sqrt(np.outer(GRID, GRID / (1 - GRID))),
        estimate=0.09,
        benchmarks=[{"name": "own history", "with_exposure": 0.04, "with_outcome": 0.1}],
    ),
    "exposure_curve": lambda: curve_figures.exposure_curve(POINTS),
    "bias_curve": lambda: curve_figures.bias_curve(FEWER, corrected=ROWS[2], missing=0.2),
    "event_study": lambda: curve_figures.event_study(POINTS),
    "effect_by_community": lambda: explain_figures.forest(FOUND, headline=ROWS[2]),
    "waterfall": lambda: explain_figures.waterfall_figure(STEPS),
    "nuisance_drivers": lambda: explain_figures.driver_figure(DRIVERS),
    "causal_graph": lambda: figures.causal_graph(NODES, ARROWS, doubted=[("u", "e"), ("u", "y")]),
}


@pytest.fixture(params=sorted(DRAWN))
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return DRAWN[request.param]()


WIDE = {"causal_graph", "effect_by_community", "waterfall", "nuisance_drivers"}


def texts(drawing: Drawing) -> str:
    root = ET.fromstring(drawing.svg())
    return " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))


def test_every_figure_travels_with_its_words(drawing: Drawing) -> None:
    assert drawing.alt.endswith(".")
    assert drawing.caption.endswith(".")
    assert len(drawing.caption) > 60


def test_the_same_input_gives_the_same_bytes(drawing: Drawing) -> None:
    again = DRAWN[drawing.name]()
    assert drawing.svg() == again.svg()
    assert drawing.pdf() == again.pdf()


def test_svg_says_nothing_of_when_or_with_what_it_was_made(drawing: Drawing) -> None:
    svg = drawing.svg()
    assert "dc:date" not in svg
    assert "dc:creator" not in svg


def test_print_sizes(drawing: Drawing) -> None:
    root = ET.fromstring(drawing.svg())
    points = float(root.attrib["width"].removesuffix("pt"))
    assert points / 72 * 25.4 == pytest.approx(120 if drawing.name in WIDE else ONE_COLUMN, abs=0.05)
    assert float(root.attrib["height"].removesuffix("pt")) / 72 * 25.4 < 225
    sizes = {float(size) for size in re.findall(r"font: (?:bold )?([\d.]+)px", drawing.svg())}
    sizes |= {float(size) for size in re.findall(r"font-size: ([\d.]+)px", drawing.svg())}
    assert sizes == {7.0}


def test_pdf_embeds_its_fonts(drawing: Drawing) -> None:
    pdf = drawing.pdf()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_bytes_do_not_depend_on_the_hash_seed_or_a_users_matplotlibrc(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nsvg.fonttype: path\n")
    code = "from tests.causal.test_figures import DRAWN; import hashlib; "
    code += "print(hashlib.sha256(''.join(DRAWN[k]().svg() for k in sorted(DRAWN)).encode()).hexdigest())"
    seen = set()
    for seed, where in (("1", plain), ("2", tmp_path)):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "MPLCONFIGDIR": str(where), "PYTHONPATH": str(Path.cwd())}
        seen.add(subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True).stdout)
    assert len(seen) == 1


def test_save_writes_both_formats(tmp_path: Path) -> None:
    svg, pdf = DRAWN["effect_ladder"]().save(tmp_path)
    assert svg.read_text().startswith("<?xml")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_ladder_says_every_estimate_and_refusal() -> None:
    alt = figures.effect_ladder(ROWS).alt
    assert "Naive difference: +0.24, interval +0.22 to +0.26." in alt
    assert "OLS: refused." in alt
    assert "AIPW: +0.09, interval +0.06 to +0.12, headline." in alt
    assert "refused" in texts(figures.effect_ladder(ROWS))


def test_the_truth_is_drawn_only_when_given() -> None:
    assert "planted" not in texts(figures.effect_ladder(ROWS))
    assert "planted +0.08" in texts(figures.effect_ladder(ROWS, truth=0.08))
    assert "planted" not in figures.effect_ladder(ROWS).caption


def test_a_ladder_without_rows_is_an_error() -> None:
    with pytest.raises(UsageError):
        figures.effect_ladder([])


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(2, 12))
def test_no_cell_below_the_limit_survives(counts: list[int], least: int) -> None:
    cells, hidden = figures.suppressed(counts, least)
    assert all(value == 0 or value >= least for value in cells)
    gone = [value for kept, value in zip(cells, counts, strict=True) if kept != value]
    some = [value for value in counts if value]
    assert hidden == len(gone)
    assert len(gone) != 1 or len(some) == 1  # one alone is the total less the others
    assert not gone or sum(gone) >= least or len(gone) == len(some)
    assert not gone or min(gone) < least
    again = figures.suppressed([kept or None for kept in cells], least)[0]
    assert again.tolist() == cells.tolist()


@settings(max_examples=12)
@given(st.lists(st.integers(0, 20), min_size=5, max_size=5), st.lists(st.integers(0, 20), min_size=5, max_size=5))
def test_overlap_draws_no_small_cell(up: list[int], down: list[int]) -> None:
    drawing = figures.overlap_histogram(EDGES, up, down)
    heights = [abs(p.get_height()) for p in drawing.figure.axes[0].patches if hasattr(p, "get_height")]
    assert all(height == 0 or height >= 8 for height in heights)
    hidden = sum(figures.suppressed(counts)[1] for counts in (up, down))
    assert (f"{hidden} cell" in drawing.caption) == (hidden > 0)


def test_exposure_counts_below_the_limit_are_in_no_word_of_the_figure() -> None:
    drawing = figures.exposure_distribution(["0", "1", "2", "3"], [3217, 845, 20, 6], what="Peers")
    assert "2 cells not drawn: fewer than 8, or hidden beside one that is." in drawing.caption
    assert "4,062" in drawing.caption
    assert "3,217" in texts(drawing)
    assert not re.search(r"\b6\b", texts(drawing))


def test_many_levels_still_fit() -> None:
    labels = [str(k) for k in range(40)]
    ticks = figures.exposure_distribution(labels, [100] * 40, what="Peers").figure.axes[0].get_xticks()
    assert len(ticks) <= 12


def test_the_love_plot_keeps_the_worst_and_says_how_many_there_are() -> None:
    names = [f"c{k}" for k in range(30)]
    before = np.linspace(0, 0.6, 30)
    drawing = figures.love_plot(names, before, before / 10, most=5)
    shown = [label.get_text() for label in drawing.figure.axes[0].get_yticklabels()]
    assert shown == ["c29", "c28", "c27", "c26", "c25"]
    assert "5 most different of 30" in drawing.caption
    assert "0.60 before and 0.06 after" in drawing.alt


def test_balance_without_weights() -> None:
    assert "after" not in figures.love_plot(["a"], [0.2]).alt


@pytest.mark.parametrize("draws", [5, 200])
def test_the_placebo_null_shows_few_draws_as_they_are_and_many_as_a_histogram(draws: int) -> None:
    drawing = figures.placebo_null(np.linspace(-0.01, 0.01, draws), 0.05)
    assert f"{draws} estimates" in drawing.alt
    assert "+0.05" in drawing.alt


def test_draws_that_failed_are_not_counted() -> None:
    assert "2 estimates" in figures.placebo_null([0.1, np.nan, -0.1], 0.05).alt


def test_a_contour_that_never_reaches_zero_has_no_zero_line() -> None:
    flat = figures.sensitivity_contour(GRID, GRID, np.full((12, 12), 0.09) - 0.01 * np.outer(GRID, GRID), estimate=0.09)
    assert len(flat.figure.axes[0].collections) == 1
    assert len(DRAWN["sensitivity"]().figure.axes[0].collections) == 2


def test_yardsticks_are_numbered_in_figure_and_caption() -> None:
    assert "1 own history" in DRAWN["sensitivity"]().caption
    assert "1" in texts(DRAWN["sensitivity"]()).split()


def test_a_curve_says_that_it_is_no_headline_and_leaves_small_levels_out() -> None:
    assert "never the headline" in texts(DRAWN["exposure_curve"]())
    few = curve_figures.exposure_curve([*POINTS[:3], {**POINTS[3], "n": 7}])
    assert "2 level(s)" in few.caption
    assert "1: 0.10" not in few.alt


def test_an_event_study_shows_the_reference_and_says_every_period() -> None:
    drawing = DRAWN["event_study"]()
    ticks = [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()]
    assert sorted(ticks) == ["0", "1", "−1", "−2", "−3"]
    assert "Period -3: −0.30, interval −0.35 to −0.25." in drawing.alt
    with pytest.raises(UsageError, match="No period"):
        curve_figures.event_study([])


def test_an_event_study_without_earlier_periods_says_that_it_cannot_look_there() -> None:
    assert "Left of the exposure" in DRAWN["event_study"]().caption
    late = curve_figures.event_study([p for p in POINTS if p["period"] >= 0])
    assert "no earlier period" in late.caption


def test_the_graph_names_every_arrow() -> None:
    drawing = DRAWN["causal_graph"]()
    assert "Peers to Person later" in drawing.alt
    assert drawing.alt.count(" to ") == len(ARROWS)


def test_given_positions_are_kept() -> None:
    places = {"e": (0.0, 0.0), "y": (1.0, 0.0), "h": (0.5, 0.4), "u": (0.5, 0.9)}
    drawing = figures.causal_graph(NODES, ARROWS, positions=places)
    found = {t.get_text(): t.get_position() for t in drawing.figure.axes[0].texts if t.get_text()}
    assert found["History"] == (0.5, 0.4)


@pytest.mark.parametrize("label", ["$x^2$ <b>", "a & b", "r/ü\u202eforum", "=cmd()"])
def test_hostile_labels_stay_text(label: str) -> None:
    drawing = figures.effect_ladder([{**ROWS[0], "label": label}])
    assert label in texts(drawing)


@given(st.floats(-10, 10))
def test_signed_has_a_true_minus_and_no_negative_zero(value: float) -> None:
    text = signed(value)
    assert "-" not in text
    assert text not in ("+0.00", "−0.00")
    assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.00501)
