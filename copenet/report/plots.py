"""Effect figures of a report: what the checks recorded, drawn, saved for print, and made part of the page."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from causal import curve_figures as axis_figures
from causal import figures
from causal.explain_figures import shown_levels
from causal.figure_style import BLUE, GREEN, GREY, INK, ORANGE, RULE, SKY, VERMILION, WASH, Drawing
from copenet.foundation.files import write_bytes, write_text
from copenet.report import words
from copenet.report.evidence import WIDE_FIGURES, Evidence
from copenet.report.explain_plots import Drawn, explaining
from copenet.report.limits import limit_of

YARDSTICKS = 5
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


def inline(drawing: Drawing, svg: str) -> str:
    """Return `svg`, drawn by `drawing`, to stand inside a page: its own ids, the page's colours, named for screen readers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)  # it would style the page around it
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{drawing.name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{drawing.name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{drawing.name}-\1"', svg)
    for colour, variable in _THEME.items():
        svg = re.sub(rf"(fill|stroke): {colour}", rf"\1: var({variable})", svg, flags=re.IGNORECASE)
    svg = re.sub(r"font: ([\d.]+)px '[^']*'[^;\"]*", r"font-size: \1px", svg)
    return labelled(svg.replace("<svg ", '<svg class="mpl" ', 1), drawing.alt)


def labelled(svg: str, alt: str) -> str:
    """Return `svg` as one image that a screen reader calls `alt`."""
    return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(alt)}" ', 1)


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
        svg = drawing.svg()
        if folder is not None and drawing.name != "truth_ladder":
            write_text(folder / f"{drawing.name}.svg", svg)
            write_bytes(folder / f"{drawing.name}.pdf", drawing.pdf())
        plots[drawing.name] = Plot(
            name=drawing.name,
            alt=drawing.alt,
            caption=drawing.caption,
            command=f"copenet report {evidence.study}",
            svg=inline(drawing, svg),
            columns=columns,
            rows=rows,
            wide=drawing.name in WIDE_FIGURES,
        )
    return plots


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
    return [
        *_exposure(evidence, effects),
        _curve(evidence, effects),
        _event_study(effects),
        _bias_curve(recorded.get("missing_ties", {})),
        _overlap(evidence, recorded.get("overlap", {})),
        _balance(recorded.get("balance", {})),
        _placebos(effects, recorded),
        _shuffle(recorded.get("time_shuffle", {})),
        _sensitivity(effects, recorded.get("hidden_confounder", {})),
        _graph(evidence, effects, recorded.get("identification", {})),
        *explaining(evidence, effects, recorded),
    ]


def _exposure(evidence: Evidence, effects: Mapping[str, Any]) -> list[Drawn | None]:
    detail = effects.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    exposure = words.plain(evidence.setting("effect", "exposure", effects.get("exposure", "exposure")))
    contents = (("exposure_values", "exposure", f"Exposure: {exposure}"), ("n_peers_values", "peers", "Eligible peers"))
    return [_bars(evidence, detail.get(key), name, what) for key, name, what in contents]


def _curve(evidence: Evidence, effects: Mapping[str, Any]) -> Drawn | None:
    """Draw the exposure curve: levels of fewer people than may be shown stay out of figure and table."""
    least = evidence.suppress_below
    levels = _listed(effects, "exposure_curve", "levels")
    shown = [p for p in shown_levels(levels, least)[0] if p.get("estimate") is not None]
    if not shown:
        return None
    exposure = words.plain(evidence.setting("effect", "exposure", "exposure"))
    drawing = axis_figures.exposure_curve(levels, exposure=f"Exposure: {exposure}", suppress_below=least)
    table = [[p["name"], words.number(p["n"]), *_interval(p)] for p in shown]
    return drawing, ("Exposure", "Person-periods", "Mean outcome", "Low", "High"), table


def _event_study(effects: Mapping[str, Any]) -> Drawn | None:
    shown = [p for p in _listed(effects, "adoption", "event_study", "points") if p.get("estimate") is not None]
    if not shown:
        return None
    table = [[p["label"], *_interval(p)] for p in shown]
    return axis_figures.event_study(shown), ("Period", "Log hazard ratio", "Low", "High"), table


def _bias_curve(found: Mapping[str, Any]) -> Drawn | None:
    """Draw what fewer ties do to the estimate, where a share of missing ties is stated."""
    curve = found.get("bias_curve")
    points = (curve.get("points") if isinstance(curve, Mapping) else None) or ()
    shown = [p for p in points if isinstance(p, Mapping) and p.get("estimate") is not None]
    if not shown:
        return None
    corrected = found if found.get("estimate") is not None else None
    drawing = axis_figures.bias_curve(shown, corrected=corrected, missing=found.get("missing") or 0.0)
    ends = ("estimate", "lowest", "highest")
    table = [[f"{p['kept']:.0%}", *(words.signed(p[key]) for key in ends)] for p in shown]
    return drawing, ("Of the observed ties", "Estimate", "Lowest", "Highest"), table


def _interval(point: Mapping[str, Any]) -> list[str]:
    return [words.signed(point[key]) for key in ("estimate", "ci_low", "ci_high")]


def _listed(effects: Mapping[str, Any], *names: str) -> list[Mapping[str, Any]]:
    """Return the records that lie under these names in the details of the effects; none where one is missing."""
    found: Any = effects.get("detail")
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return [record for record in found or () if isinstance(record, Mapping)]


def _bars(evidence: Evidence, found: Any, name: str, what: str) -> Drawn | None:
    if not isinstance(found, Mapping) or not found.get("value") or not found.get("count"):
        return None
    labels = [f"{value:.3g}" for value in found["value"]]
    if name == "peers" and labels[-1] == "20":
        labels[-1] = "20+"
    if name == "exposure" and labels == ["0", "1"]:
        labels = ["not exposed", "exposed"]
    least = evidence.suppress_below
    drawing = figures.exposure_distribution(labels, found["count"], what=what, name=name, suppress_below=least)
    cells, _ = figures.suppressed(found["count"], least)
    return drawing, (what, "Person-periods"), [[a, words.number(n)] for a, n in zip(labels, cells, strict=True)]


def _balance(found: Mapping[str, Any]) -> Drawn | None:
    if not all(found.get(key) for key in ("names", "before", "after")):
        return None
    names = [words.covariate(name) for name in found["names"]]
    drawing = figures.love_plot(names, found["before"], found["after"])
    table = [
        [name, words.signed(before, 2), words.signed(after, 2)]
        for name, before, after in zip(names, found["before"], found["after"], strict=True)
    ]
    return drawing, ("Covariate", "Before", "After weighting"), table


def _sensitivity(effects: Mapping[str, Any], found: Mapping[str, Any]) -> Drawn | None:
    """Draw what remains at the largest bias, up to a little beyond the yardsticks and the point of no effect."""
    from causal.sensitivity import largest_bias

    main = words.headline_of(effects)
    scale, marks = found.get("scale"), [m for m in found.get("benchmarks") or () if isinstance(m, Mapping)]
    if main is None or not scale:
        return None
    reach = [found.get("robustness_value") or 0.0, *(m[k] for m in marks for k in ("exposure_share", "outcome_share"))]
    grid = np.linspace(0, min(0.95, max(0.02, 1.6 * max(reach))), 60)
    value = main["estimate"]
    left = value - np.sign(value) * largest_bias(scale, grid[:, None], grid[None, :])
    strongest = sorted((m for m in marks if m["bias"] > 0), key=lambda m: -m["bias"])[:YARDSTICKS]
    yardsticks = [
        {"name": words.plain(m["group"]), "with_exposure": m["exposure_share"], "with_outcome": m["outcome_share"]}
        for m in strongest
    ]
    drawing = figures.sensitivity_contour(grid, grid, left, estimate=value, benchmarks=yardsticks)
    table = [
        [words.plain(m["group"]), words.percent(m["exposure_share"], 2), words.percent(m["outcome_share"], 2),
         words.signed(m["bias"], 4), words.number(m.get("multiple"), 1)]
        for m in marks
    ]  # fmt: skip
    return (
        drawing,
        ("Measured group", "Of exposure", "Of outcome", "Could shift by", "Must be so many times as strong"),
        table,
    )


def _graph(evidence: Evidence, effects: Mapping[str, Any], found: Mapping[str, Any]) -> Drawn | None:
    edges = [(str(cause), str(effect)) for cause, effect in found.get("edges") or ()]
    if not edges:
        return None
    outcome = words.plain(effects.get("outcome"))
    unseen = {str(name) for name in found.get("unobserved") or ()}
    labels = {
        "exposure": (f"Peers use\n{outcome}", "exposure"),
        "outcome": ("Person uses it\nin the next period", "outcome"),
        **{name: (words.plain(name).capitalize(), "hidden") for name in unseen},
    }
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    standing, merged = _merged(names, edges, kept=labels)
    nodes = [
        {"id": n, "label": labels.get(n, (standing[n], ""))[0], "kind": labels.get(n, ("", "other"))[1]}
        for n in standing
    ]
    doubted = [(str(a), str(b)) for a, b in found.get("doubted_edges") or ()]
    drawing = figures.causal_graph(nodes, merged, doubted=doubted)
    return drawing, ("Cause", "Effect"), [[words.plain(a), words.plain(b)] for a, b in edges]


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


COMPARED = ("double_negative_control", "suspected_bots", "deleted_messages")  # estimates to compare, none to be zero


def _placebos(effects: Mapping[str, Any], recorded: Mapping[str, Mapping[str, Any]]) -> Drawn | None:
    main = words.headline_of(effects)
    keys = ("estimate", "ci_low", "ci_high")
    rows = [
        {"label": limit_of(name).title, "draws": words.listed(found.get("draws")), **{key: found[key] for key in keys}}
        for name, found in recorded.items()
        if name not in COMPARED and all(isinstance(found.get(key), int | float) for key in keys)
    ]
    if main is None or not rows:
        return None
    rows.append({"label": "Headline", "headline": True, **{key: main.get(key) for key in keys}})
    table = [[row["label"], *(words.signed(row[key]) for key in keys)] for row in rows]
    return figures.placebo_ladder(rows), ("Estimate on", "Estimate", "Low", "High"), table


def _shuffle(found: Mapping[str, Any]) -> Drawn | None:
    """Draw the slopes with shuffled times of use beside the slope in their true order."""
    draws, observed = words.listed(found.get("draws")), found.get("observed")
    if not draws or not isinstance(observed, int | float):
        return None
    drawing = figures.placebo_null(draws, observed, what="shuffle of the times of use")
    low, high = (found.get(key) for key in ("ci_low", "ci_high"))
    table = [
        ["Shuffled times", words.signed(found.get("estimate")), words.signed(low), words.signed(high)],
        ["True order", words.signed(observed), "", ""],
    ]
    return drawing, ("Slope on the peers' use", "Estimate", "Low", "High"), table


Edge = tuple[str, str]


def _merged(names: Sequence[str], edges: Sequence[Edge], kept: Collection[str]) -> tuple[dict[str, str], list[Edge]]:
    """Draw variables with the same causes and effects as one box: return its label by its first name, and the arrows."""
    groups: dict[Any, list[str]] = {}
    for name in names:
        causes = tuple(sorted(a for a, b in edges if b == name))
        effects = tuple(sorted(b for a, b in edges if a == name))
        groups.setdefault(name if name in kept else (causes, effects), []).append(name)
    stands = {name: group[0] for group in groups.values() for name in group}
    labels = {group[0]: _box(group) for group in groups.values()}
    return labels, list(dict.fromkeys((stands[a], stands[b]) for a, b in edges))


def _box(group: Sequence[str]) -> str:
    listed = ", ".join(words.plain(name) for name in group)
    return "Known before the period\n" + fill(listed, 40) if len(group) > 1 else listed.capitalize()
