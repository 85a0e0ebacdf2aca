"""Effect figures of a report: what the checks recorded, drawn, saved for print, and made part of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from causal import figures
from causal.figure_style import BLUE, GREEN, GREY, INK, ORANGE, RULE, SKY, VERMILION, WASH, Drawing
from copenet.report import words
from copenet.report.evidence import Evidence
from copenet.report.limits import limit_of

_THEME = {
    INK: "--f-ink",
    GREY: "--f-grey",
    RULE: "--f-rule",
    WASH: "--f-wash",
    BLUE: "--f-blue",
    ORANGE: "--f-orange",
    GREEN: "--f-green",
    VERMILION: "--f-vermilion",
    SKY: "--f-sky",
    "#ffffff": "--f-paper",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure on the page.

    Attributes:
        name: Its anchor.
        svg: Inline SVG in the colours of the page; empty when `uri` holds the figure.
        uri: A figure of another stage as a data URI.
        alt, caption, command: Words that go with it; `command` remakes it.
        columns, rows: The data of the figure, for those who would rather read them.
        wide: Whether it needs more than one printed column.
    """

    name: str
    alt: str
    caption: str
    command: str
    svg: str = ""
    uri: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = field(default=())
    wide: bool = False


def inline(drawing: Drawing) -> str:
    """Return the SVG of `drawing` to stand inside a page: its own ids, the page's colours, named for screen readers."""
    svg = drawing.svg()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{drawing.name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{drawing.name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{drawing.name}-\1"', svg)
    for colour, variable in _THEME.items():
        svg = re.sub(rf"(fill|stroke): {colour}", rf"\1: var({variable})", svg, flags=re.IGNORECASE)
    svg = re.sub(r"font: ([\d.]+)px '[^']*'[^;\"]*", r"font-size: \1px", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(drawing.alt)}" ', 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def effect_plots(evidence: Evidence, folder: Path | None) -> dict[str, Plot]:
    """Draw what the effects document holds the data of; save each figure for print in `folder`."""
    effects = evidence.get("effects")
    drawn = [_ladder(effects, None), _ladder(effects, _planted(evidence)), *_of_checks(evidence, effects)]
    plots = {}
    for item in drawn:
        if item is None:
            continue
        drawing, columns, rows = item
        if folder is not None:
            drawing.save(folder)
        plots[drawing.name] = Plot(
            name=drawing.name,
            alt=drawing.alt,
            caption=drawing.caption,
            command=f"copenet report {evidence.study}",
            svg=inline(drawing),
            columns=columns,
            rows=rows,
            wide=drawing.name == "causal_graph",
        )
    return plots


Drawn = tuple[Drawing, Sequence[str], Sequence[Sequence[Any]]]


def _planted(evidence: Evidence) -> float | None:
    planted = evidence.truth.get("truth") if evidence.truth else None
    return float(planted) if isinstance(planted, int | float) else None


def _ladder(effects: Mapping[str, Any], truth: float | None) -> Drawn | None:
    rows = [
        {
            "label": words.estimator(row.get("estimator")),
            "headline": row.get("estimator") == effects.get("headline"),
            **{key: row.get(key) for key in ("estimate", "ci_low", "ci_high")},
        }
        for row in ladder_order(effects)
    ]
    if not rows:
        return None
    table = [[r["label"], *(words.signed(r[k]) for k in ("estimate", "ci_low", "ci_high"))] for r in rows]
    return figures.effect_ladder(rows, truth=truth), ("Estimator", "Estimate", "Low", "High"), table


def ladder_order(effects: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the estimates from the most naive to the headline."""
    rank = {"naive": 0, "ols": 1}
    rows = words.estimates(effects)
    return sorted(
        rows, key=lambda e: 9 if e.get("estimator") == effects.get("headline") else rank.get(str(e.get("estimator")), 5)
    )


def _of_checks(evidence: Evidence, effects: Mapping[str, Any]) -> list[Drawn | None]:
    recorded = {
        str(check.get("name")): check["figures"]
        for check in effects.get("checks") or ()
        if isinstance(check, Mapping) and isinstance(check.get("figures"), Mapping)
    }
    return [_overlap(evidence, recorded.get("overlap", {})), _placebos(effects, recorded)]


def _overlap(evidence: Evidence, found: Mapping[str, Any]) -> Drawn | None:
    if not all(key in found for key in ("edges", "exposed", "unexposed")):
        return None
    least = evidence.suppress_below
    clip = (found["clip"], 1 - found["clip"]) if isinstance(found.get("clip"), float) else None
    drawing = figures.overlap_histogram(
        found["edges"], found["exposed"], found["unexposed"], clip=clip, suppress_below=least
    )
    arms = [figures.suppressed(found[key], least)[0] for key in ("exposed", "unexposed")]
    ends = found["edges"]
    table = [
        [f"{low:.2f} to {high:.2f}", words.number(up), words.number(down)]
        for low, high, up, down in zip(ends[:-1], ends[1:], *arms, strict=True)
    ]
    return drawing, ("Chance of exposure", "Exposed", "Not exposed"), table


def _placebos(effects: Mapping[str, Any], recorded: Mapping[str, Mapping[str, Any]]) -> Drawn | None:
    main = words.headline_of(effects)
    keys = ("estimate", "ci_low", "ci_high")
    rows = [
        {"label": limit_of(name).title, **{key: found[key] for key in keys}}
        for name, found in recorded.items()
        if all(isinstance(found.get(key), int | float) for key in keys)
    ]
    if main is None or not rows:
        return None
    rows.append({"label": "Headline", "headline": True, **{key: main.get(key) for key in keys}})
    table = [[row["label"], *(words.signed(row[key]) for key in keys)] for row in rows]
    return figures.placebo_ladder(rows), ("Estimate on", "Estimate", "Low", "High"), table
