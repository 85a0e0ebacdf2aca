"""Figures of effects and their checks: plain arrays and dictionaries in, a `Drawing` with caption and alt text out.

No figure holds a mark for a single person, and histogram cells of fewer than `suppress_below` people are not drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causal.figure_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RULE,
    VERMILION,
    WASH,
    Drawing,
    canvas,
    signed,
    style,
)
from causal.overlap import SMALL_DIFFERENCE
from copenet.foundation.disclosure import SUPPRESS_BELOW, hidden_places
from copenet.foundation.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Drawing",
    "causal_graph",
    "effect_ladder",
    "exposure_distribution",
    "love_plot",
    "overlap_histogram",
    "placebo_ladder",
    "placebo_null",
    "sensitivity_contour",
    "suppressed",
]


def suppressed(counts: ArrayLike, suppress_below: int = SUPPRESS_BELOW) -> tuple[NDArray[np.float64], int]:
    """Return `counts` (n cells) with those between 1 and `suppress_below` - 1 set to zero, and how many were.

    What a hidden cell could be told by is hidden with it (`copenet.foundation.disclosure.hidden_places`); None and NaN
    were hidden before.

    >>> cells, hidden = suppressed([0, 3, 40, 50])
    >>> cells.tolist(), hidden
    ([0.0, 0.0, 0.0, 50.0], 2)
    """
    cells = np.array(counts, dtype=float)
    before = np.isnan(cells)
    some = np.flatnonzero(cells > 0)
    small = [some[place] for place in hidden_places(cells[some].tolist(), suppress_below)]
    cells[small] = cells[before] = 0.0
    return cells, len(small) + int(before.sum())


def effect_ladder(
    rows: Sequence[Mapping[str, Any]], *, truth: float | None = None, scale: str = "Difference in probability"
) -> Drawing:
    """Draw estimates with 95% intervals from the most naive to the headline.

    Args:
        rows: In reading order, each with `label`, `estimate`, `ci_low`, `ci_high` and `headline` (bool); a row
            without an estimate is drawn as refused.
        truth: The planted effect of a simulation, drawn as a dashed line; None outside a demo.
        scale: What the horizontal axis measures.

    Raises:
        UsageError: There is no row.
    """
    caption = (
        "The same question asked of the same rows with more and more of what could mislead it taken away. Marks are "
        "estimates, lines 95% intervals; the filled diamond is the headline declared in the settings, open circles "
        "are shown for comparison only. The solid vertical line is no difference."
    )
    if truth is not None:
        caption += " The dashed line is the effect planted by the simulation."
    return _intervals("effect_ladder" if truth is None else "truth_ladder", rows, caption, scale, truth)


def placebo_ladder(rows: Sequence[Mapping[str, Any]], *, scale: str = "Difference in probability") -> Drawing:
    """Draw placebo estimates, which should be zero, beside the headline.

    Args:
        rows: As `effect_ladder`; the headline has `headline` true. A placebo of many draws may give them as `draws`.
        scale: What the horizontal axis measures.

    Raises:
        UsageError: There is no row.
    """
    caption = (
        "Estimates where nothing should be found (open circles), beside the headline (diamond). Lines are 95% "
        "intervals. A placebo away from zero is a reason for doubt; one at zero removes that reason and no other."
    )
    if any(_draws(row) for row in rows):
        caption += " Ticks are the single draws of a placebo."
    return _intervals("placebos", rows, caption, scale, None)


def _intervals(name: str, rows: Sequence[Mapping[str, Any]], caption: str, scale: str, truth: float | None) -> Drawing:
    if not rows:
        raise UsageError("A figure of estimates needs at least one.", remedy="Run `copenet effect estimate` first.")
    from matplotlib.ticker import MaxNLocator

    with style():
        figure, axes = canvas(16 + 8.5 * len(rows))
        for place, row in enumerate(rows):
            _ladder_row(axes, place, row)
        axes.axvline(0, color=GREY, linewidth=0.7, zorder=0)
        if truth is not None:
            axes.axvline(truth, color=GREEN, linewidth=1.0, linestyle=(0, (4, 2)), zorder=0)
            axes.text(truth, -0.62, f"planted {signed(truth)}", color=GREEN, ha="center", va="bottom")
        axes.set_yticks(range(len(rows)), [str(row["label"]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.6)
        axes.set_xlabel(scale)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.16)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    alt = "Estimates with 95% intervals. " + " ".join(_ladder_words(row) for row in rows)
    return Drawing(name, alt, caption, figure)


def _draws(row: Mapping[str, Any]) -> list[float]:
    return [float(value) for value in row.get("draws") or () if np.isfinite(value)]


def _ladder_row(axes: Axes, place: int, row: Mapping[str, Any]) -> None:
    draws = _draws(row)
    axes.plot(draws, [place + 0.28] * len(draws), "|", color=GREY, markersize=4, markeredgewidth=0.5)
    if row.get("estimate") is None:
        axes.text(0, place, "  refused", color=VERMILION, va="center", fontweight="bold")
        return
    headline = bool(row.get("headline"))
    colour = BLUE if headline else GREY
    if row.get("ci_low") is not None and row.get("ci_high") is not None:
        axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=colour, linewidth=2.0 if headline else 1.1)
    axes.plot(
        [row["estimate"]],
        [place],
        marker="D" if headline else "o",
        markersize=5.5 if headline else 4.5,
        color=colour,
        markerfacecolor=colour if headline else "white",
    )
    end = row["estimate"] if row.get("ci_high") is None else max(row["ci_high"], row["estimate"])
    axes.annotate(
        signed(row["estimate"]), (end, place), (5, 0), textcoords="offset points", va="center", color=INK,
        fontweight="bold" if headline else "normal",
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "#ffffff", "edgecolor": "none"},  # a line behind it stays legible
    )  # fmt: skip


def _ladder_words(row: Mapping[str, Any]) -> str:
    if row.get("estimate") is None:
        return f"{row['label']}: refused."
    interval = ""
    if row.get("ci_low") is not None and row.get("ci_high") is not None:
        interval = f", interval {signed(row['ci_low'])} to {signed(row['ci_high'])}"
    return f"{row['label']}: {signed(row['estimate'])}{interval}{', headline' if row.get('headline') else ''}."


def overlap_histogram(
    edges: ArrayLike,
    exposed: ArrayLike,
    unexposed: ArrayLike,
    *,
    clip: tuple[float, float] | None = None,
    suppress_below: int = SUPPRESS_BELOW,
) -> Drawing:
    """Draw the distribution of the estimated chance of exposure, exposed rows above the axis and others below.

    Args:
        edges: Bin edges of the estimated chance of exposure (k + 1).
        exposed: Rows per bin that were exposed (k).
        unexposed: Rows per bin that were not (k).
        clip: Bounds at which weights were clipped, shaded beyond.
        suppress_below: Smallest count that is drawn.
    """
    ends = np.asarray(edges, dtype=float)
    up, hidden_up = suppressed(exposed, suppress_below)
    down, hidden_down = suppressed(unexposed, suppress_below)
    with style():
        figure, axes = canvas(52)
        places, widths = ends[:-1], np.diff(ends)
        axes.bar(places, up, widths, align="edge", color=BLUE, edgecolor="white", linewidth=0.3, label="exposed")
        axes.bar(
            places, -down, widths, align="edge", color=ORANGE, edgecolor="white", linewidth=0.3, hatch="////",
            label="not exposed",
        )  # fmt: skip
        for low, high in _outside(clip):
            axes.axvspan(low, high, color=WASH, zorder=0, linewidth=0)
        axes.axhline(0, color=GREY, linewidth=0.5)
        _mirror_ticks(axes, max(up.max(initial=1.0), down.max(initial=1.0)))
        axes.set_xlim(0, 1)
        axes.set_xlabel("Estimated chance of being exposed")
        axes.set_ylabel("Person-periods")
        figure.legend(loc="outside upper left", ncols=2)
    hidden = hidden_up + hidden_down
    shaded = f" The chance was clipped to {clip[0]:.3g} to {clip[1]:.3g} (shaded beyond)." if clip else ""
    caption = (
        "Estimated chance of being exposed, from what was known before. Where only one colour appears there is "
        f"nobody to compare with, and the estimate leans on its model.{shaded}{_hidden(hidden, suppress_below)}"
    )
    alt = (
        f"Mirrored histogram of the estimated chance of exposure: {_spread(ends, up)} among {up.sum():,.0f} exposed "
        f"and {_spread(ends, down)} among {down.sum():,.0f} unexposed person-periods."
    )
    return Drawing("overlap", alt, caption, figure)


def _outside(clip: tuple[float, float] | None) -> list[tuple[float, float]]:
    return [(0.0, clip[0]), (clip[1], 1.0)] if clip else []


def _mirror_ticks(axes: Axes, largest: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_ylim(-largest * 1.05, largest * 1.05)
    axes.yaxis.set_major_locator(MaxNLocator(6, symmetric=True, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))


def _spread(edges: NDArray[np.float64], counts: NDArray[np.float64]) -> str:
    """Return the middle nine tenths of a histogram in words."""
    total = counts.sum()
    if not total:
        return "no cell large enough to show"
    share = np.cumsum(counts) / total
    low, high = edges[np.searchsorted(share, 0.05)], edges[1 + np.searchsorted(share, 0.95 - 1e-12)]
    return f"nine tenths between {low:.2f} and {high:.2f}"


def _hidden(cells: int, suppress_below: int) -> str:
    what = f"{cells} cell{'s' if cells != 1 else ''}"
    return f" {what} not drawn: fewer than {suppress_below}, or hidden beside one that is." if cells else ""


def exposure_distribution(
    labels: Sequence[str],
    counts: ArrayLike,
    *,
    what: str,
    name: str = "exposure",
    suppress_below: int = SUPPRESS_BELOW,
) -> Drawing:
    """Draw how many person-periods had each level of exposure.

    Args:
        labels: Name of each level, in order (k).
        counts: Person-periods at each level (k).
        what: What is counted, as the axis says it.
        name: File name without ending.
        suppress_below: Smallest count that is drawn.
    """
    cells, hidden = suppressed(counts, suppress_below)
    with style():
        figure, axes = canvas(46)
        bars = axes.bar(range(len(cells)), cells, width=0.86 if len(cells) > 3 else 0.5, color=BLUE)
        axes.margins(x=0.02 if len(cells) > 3 else 0.3)
        axes.set_xticks(range(len(labels)), list(labels))
        if len(cells) <= 12:
            axes.bar_label(bars, [f"{value:,.0f}" if value else "" for value in cells], padding=1.5)
        else:
            axes.set_xticks(range(0, len(labels), 1 + len(labels) // 8), list(labels)[:: 1 + len(labels) // 8])
        axes.set_xlabel(what)
        axes.set_ylabel("Person-periods")
        axes.margins(y=0.12)
        _thousands(axes)
    total = max(cells.sum(), 1.0)
    words = ", ".join(f"{label}: {value / total:.0%}" for label, value in zip(labels, cells, strict=True))
    caption = f"{what} over {cells.sum():,.0f} person-periods.{_hidden(hidden, suppress_below)}"
    return Drawing(name, f"Bar chart of {what.lower()}. {words}.", caption, figure)


def _thousands(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def love_plot(names: Sequence[str], before: ArrayLike, after: ArrayLike | None = None, *, most: int = 14) -> Drawing:
    """Draw standardised differences between the exposed and the others, before and after weighting.

    Args:
        names: Covariates (p).
        before: Standardised mean difference of each (p).
        after: The same after weighting (p), or None.
        most: Draw only the `most` covariates that differ most before; the caption says how many there are.
    """
    first = np.abs(np.asarray(before, dtype=float))
    second = None if after is None else np.abs(np.asarray(after, dtype=float))
    order = np.argsort(-first, kind="stable")[:most]
    with style():
        figure, axes = canvas(16 + 4.4 * len(order))
        places = np.arange(len(order))
        axes.axvspan(0, SMALL_DIFFERENCE, color=WASH, zorder=0, linewidth=0)
        if second is not None:
            axes.hlines(places, first[order], second[order], color=RULE, linewidth=1.2, zorder=1)
            axes.plot(second[order], places, "D", color=BLUE, markersize=4, label="after weighting")
        axes.plot(first[order], places, "o", color=VERMILION, markerfacecolor="white", markersize=4.5, label="before")
        axes.set_yticks(places, [names[i] for i in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Standardised difference, exposed against not")
        axes.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper left", ncols=2)
    worst = f"{first.max(initial=0.0):.2f} before"
    worst += f" and {second.max(initial=0.0):.2f} after weighting" if second is not None else ""
    caption = (
        f"How differently exposed and unexposed person-periods look in what was known before: the {len(order)} most "
        f"different of {len(names)} covariates. Within the shaded band ({SMALL_DIFFERENCE:g}) a difference is usually called "
        "small. Balance in what was measured says nothing about what was not."
    )
    return Drawing("balance", f"Dot plot of covariate balance; the largest difference is {worst}.", caption, figure)


def placebo_null(draws: ArrayLike, observed: float, *, what: str = "rewired network") -> Drawing:
    """Draw estimates under a placebo beside the observed one.

    Args:
        draws: Estimates under the placebo (r).
        observed: The headline estimate.
        what: What was replaced in the placebo.
    """
    values = np.asarray(draws, dtype=float)
    values = values[np.isfinite(values)]
    with style():
        figure, axes = canvas(42)
        if len(values) >= 30:
            axes.hist(values, bins=max(8, int(np.sqrt(len(values)))), color=RULE, edgecolor="white", linewidth=0.4)
            axes.set_ylabel("Draws")
        else:
            axes.plot(values, np.zeros_like(values), "|", color=GREY, markersize=14, markeredgewidth=1.1)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_ylim(-1, 1.6)
        axes.axvline(0, color=GREY, linewidth=0.7)
        axes.axvline(observed, color=BLUE, linewidth=1.6)
        axes.annotate(
            f"observed {signed(observed)} ", (observed, 1), (-2, -1), xycoords=("data", "axes fraction"),
            textcoords="offset points", color=BLUE, ha="right", va="top",
        )  # fmt: skip
        axes.set_xlabel(f"Estimate on a {what}")
        axes.margins(x=0.1)
    centre, spread = (float(values.mean()), float(values.std())) if len(values) else (float("nan"), float("nan"))
    alt = (
        f"{len(values)} estimates on a {what} centre on {signed(centre)} (spread {spread:.2f}); "
        f"the observed estimate is {signed(observed)}."
    )
    caption = (
        f"The same estimator on {len(values)} placebo draws ({what}): grey. A working estimator centres on zero "
        "here. The line is the estimate on the real data."
    )
    return Drawing("placebo", alt, caption, figure)


def sensitivity_contour(
    with_exposure: ArrayLike,
    with_outcome: ArrayLike,
    adjusted: ArrayLike,
    *,
    estimate: float,
    benchmarks: Sequence[Mapping[str, Any]] = (),
) -> Drawing:
    """Draw what would remain of the estimate under a hidden common cause of given strength.

    Args:
        with_exposure: Partial R² of the hidden cause with the exposure (a).
        with_outcome: Partial R² of the hidden cause with the outcome (b).
        adjusted: Estimate that would remain (b x a).
        estimate: The estimate as reported.
        benchmarks: Observed covariates as yardsticks: `name`, `with_exposure`, `with_outcome`.

    Source: Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022); Cinelli & Hazlett (2020).
    """
    x, y, z = (np.asarray(part, dtype=float) for part in (with_exposure, with_outcome, adjusted))
    with style():
        figure, axes = canvas(66)
        levels = _levels(z, estimate)
        lines = axes.contour(x, y, z, levels=levels, colors=GREY, linewidths=0.6)
        axes.clabel(lines, fmt=signed, fontsize=7)
        if float(z.min()) < 0 < float(z.max()):
            axes.contour(x, y, z, levels=[0.0], colors=VERMILION, linewidths=1.6, linestyles="dashed")
        for place, mark in enumerate(benchmarks):
            _benchmark(axes, place, mark)
        axes.set_xlim(float(x.min()), float(x.max()))
        axes.set_ylim(float(y.min()), float(y.max()))
        axes.set_xlabel("Share of the exposure's remaining variance (partial R²)")
        axes.set_ylabel("… of the outcome's")
    caption = (
        "What would remain of the estimate if a cause nobody measured explained this share of what is left of the "
        "exposure (across) and of the outcome (up). On the dashed line nothing remains. Numbered triangles are "
        f"measured covariates taken as yardsticks{_benchmark_key(benchmarks)}."
    )
    alt = (
        f"Contour plot: the estimate is {signed(estimate)} without hidden confounding and falls to "
        f"{signed(float(z.min()))} at the strongest confounding drawn."
    )
    return Drawing("sensitivity", alt, caption, figure)


def _levels(z: NDArray[np.float64], estimate: float) -> NDArray[np.float64]:
    from matplotlib.ticker import MaxNLocator

    inside = np.asarray(MaxNLocator(6).tick_values(float(z.min()), float(z.max())))
    kept = inside[(inside > z.min()) & (inside < z.max()) & (np.abs(inside) > 1e-12)]
    return kept if len(kept) else np.array([estimate])


def _benchmark(axes: Axes, place: int, mark: Mapping[str, Any]) -> None:
    spot = (float(mark["with_exposure"]), float(mark["with_outcome"]))
    axes.plot(*spot, marker="^", markersize=5, color=BLUE, clip_on=False, zorder=5)
    axes.annotate(str(place + 1), spot, (5, 0), textcoords="offset points", color=BLUE, va="center")


def _benchmark_key(benchmarks: Sequence[Mapping[str, Any]]) -> str:
    return ": " + ", ".join(f"{i} {mark['name']}" for i, mark in enumerate(benchmarks, 1)) if benchmarks else ""


_KINDS = {"exposure": BLUE, "outcome": GREEN, "hidden": VERMILION, "other": GREY}


def causal_graph(
    nodes: Sequence[Mapping[str, str]],
    edges: Sequence[tuple[str, str]],
    *,
    doubted: Collection[tuple[str, str]] = (),
    positions: Mapping[str, tuple[float, float]] | None = None,
) -> Drawing:
    """Draw an assumed causal graph: exposure left, outcome right, measured causes above, unmeasured ones on top.

    Args:
        nodes: Each with `id`, `label` and `kind` (exposure, outcome, hidden, other).
        edges: Pairs of ids, cause first.
        doubted: Edges that the analysis must assume away; drawn dashed.
        positions: Place of each node in the unit square; a plain layered layout when None.
    """
    places = dict(positions) if positions else _layers(nodes)
    kinds = {node["id"]: node.get("kind", "other") for node in nodes}
    with style():
        figure, axes = canvas(76, 120.0)
        axes.set(xlim=(-0.12, 1.12), ylim=(-0.14, 1.1))
        axes.axis("off")
        boxes = {node["id"]: _node(axes, node, places[node["id"]]) for node in nodes}
        for cause, effect in edges:
            main = kinds[cause] == "exposure" and kinds[effect] == "outcome"
            _arrow(axes, boxes[cause], boxes[effect], doubted=(cause, effect) in doubted, main=main)
    names = {node["id"]: node["label"].replace("\n", " ") for node in nodes}
    alt = "Causal graph. " + "; ".join(f"{names[cause]} to {names[effect]}" for cause, effect in edges) + "."
    caption = (
        "The causal graph the analysis assumes. The thick arrow is the effect in question. What stands in the dashed "
        "box was not measured. "
    )
    if doubted:
        caption += "Dashed arrows are the ones that must be absent: with them, no adjustment gives the effect. "
    return Drawing("causal_graph", alt, caption + "An arrow that is not drawn is an assumption as well.", figure)


_EDGE_PLACES = {"exposure": (0.02, 0.0), "outcome": (0.98, 0.0)}


def _layers(nodes: Sequence[Mapping[str, str]]) -> dict[str, tuple[float, float]]:
    """Place exposure and outcome at the foot, measured causes in one or two rows above, hidden ones on top."""
    places = {node["id"]: _EDGE_PLACES[node["kind"]] for node in nodes if node.get("kind") in _EDGE_PLACES}
    hidden = [node["id"] for node in nodes if node.get("kind") == "hidden"]
    places |= {name: ((k + 0.5) / len(hidden), 1.0) for k, name in enumerate(hidden)}
    measured = [node["id"] for node in nodes if node.get("kind", "other") not in (*_EDGE_PLACES, "hidden")]
    upper = measured[: (len(measured) + 1) // 2] if len(measured) > 4 else measured
    lower = measured[len(upper) :]
    places |= {name: (_across(k, len(upper)), 0.68 if lower else 0.55) for k, name in enumerate(upper)}
    return places | {name: (_across(k, len(lower), 0.16), 0.42) for k, name in enumerate(lower)}


def _across(place: int, count: int, inset: float = 0.0) -> float:
    return 0.5 if count == 1 else inset + (1 - 2 * inset) * place / (count - 1)


def _node(axes: Axes, node: Mapping[str, str], place: tuple[float, float]) -> Any:
    kind = node.get("kind", "other")
    box = {
        "boxstyle": "round,pad=0.4,rounding_size=0.35",
        "facecolor": "white",
        "edgecolor": _KINDS.get(kind, GREY),
        "linewidth": 1.3 if kind in _EDGE_PLACES else 0.8,
        "linestyle": "dashed" if kind == "hidden" else "solid",
    }
    return axes.text(*place, node["label"], ha="center", va="center", bbox=box, zorder=3)


def _arrow(axes: Axes, cause: Any, effect: Any, *, doubted: bool, main: bool) -> None:
    axes.annotate(
        "",
        xy=effect.get_position(),
        xytext=cause.get_position(),
        arrowprops={
            "arrowstyle": "-|>,head_length=0.35,head_width=0.16",
            "color": BLUE if main else VERMILION if doubted else GREY,
            "linewidth": 2.0 if main else 1.0 if doubted else 0.5,
            "linestyle": (0, (4, 2)) if doubted else "solid",
            "patchA": cause.get_bbox_patch(),
            "patchB": effect.get_bbox_patch(),
            "shrinkA": 1,
            "shrinkB": 2,
            "connectionstyle": f"arc3,rad={_bend(cause, effect) if doubted else 0.0}",
        },
        zorder=2.5 if doubted else 2,
    )


def _bend(cause: Any, effect: Any) -> float:
    """Return the curvature that leads an arrow from above around what stands in the middle."""
    return 0.28 if effect.get_position()[0] < cause.get_position()[0] else -0.28
