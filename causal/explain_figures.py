"""Figures that explain an estimate: effects by group, the way from naive to final, what drives the nuisances."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from causal.figure_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RULE,
    SKY,
    VERMILION,
    WASH,
    Drawing,
    canvas,
    signed,
    style,
)
from causal.names import covariates
from copenet.foundation.disclosure import SUPPRESS_BELOW, hidden_places
from copenet.foundation.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "driver_figure",
    "forest",
    "places_of",
    "shown_groups",
    "shown_levels",
    "waterfall_figure",
    "without_few",
    "without_small_counts",
]

Row = Mapping[str, Any]
WIDE = 120.0


def places_of(*values: float | None) -> int:
    """Return how many decimals effects are printed with: two, or three where all are below a tenth.

    >>> places_of(0.24, None), places_of(0.04, -0.001)
    (2, 3)
    """
    return 2 if max((abs(v) for v in values if v is not None), default=0.0) >= 0.1 else 3


def shown_groups(groups: Sequence[Row], suppress_below: int = SUPPRESS_BELOW) -> tuple[list[Row], int]:
    """Return the groups to show, numbered ones in order, and how many are hidden: those of fewer people.

    What a hidden group could be told by is hidden with it (`copenet.foundation.disclosure.hidden_places`).

    >>> shown_groups([{"group": "1", "people": 40}, {"group": "2", "people": 3}, {"group": "3", "people": 30}])
    ([{'group': '1', 'people': 40}], 2)
    """
    gone = _hidden(groups, "people", suppress_below)
    return sorted((g for k, g in enumerate(groups) if k not in gone), key=_place), len(gone)


def shown_levels(levels: Sequence[Row], suppress_below: int = SUPPRESS_BELOW) -> tuple[list[Row], int]:
    """Return the levels of an exposure curve to show, in their order, and how many are hidden: those of fewer rows.

    What a hidden level could be told by is hidden with it, as with groups.

    >>> shown_levels([{"name": "0", "n": 90}, {"name": "1", "n": 40}, {"name": "2", "n": 5}])
    ([{'name': '0', 'n': 90}], 2)
    """
    gone = _hidden(levels, "n", suppress_below)
    return [p for k, p in enumerate(levels) if k not in gone], len(gone)


def _hidden(rows: Sequence[Row], count: str, suppress_below: int) -> set[int]:
    """Return the places of the rows that may not be shown; one without its count was hidden before."""
    known = [k for k, row in enumerate(rows) if row.get(count) is not None]
    gone = hidden_places([int(rows[k][count]) for k in known], suppress_below)
    return (set(range(len(rows))) - set(known)) | {known[k] for k in gone}


def _place(group: Row) -> tuple[bool, int]:
    name = str(group["group"])
    return not name.isdigit(), int(name) if name.isdigit() else 0


def without_small_counts(text: str, suppress_below: int = SUPPRESS_BELOW) -> str:
    """Return a reason with whole numbers from 1 to `suppress_below` - 1 taken out, save what is needed "at least".

    >>> without_small_counts("only 3 of 1,204 exposed person-periods show the outcome (at least 10 are needed)")
    'fewer than 8 of 1,204 exposed person-periods show the outcome (at least 10 are needed)'
    """

    def hidden(found: re.Match[str]) -> str:
        value = int(found[0].replace(",", ""))
        return f"fewer than {suppress_below}" if 0 < value < suppress_below else found[0]

    return re.sub(r"(?<!at least )(?<![\d.,])\d+(?:,\d{3})*(?![\d%]|[.,]\d)", hidden, text).replace(
        "only fewer than", "fewer than"
    )


def without_few(text: str, suppress_below: int = SUPPRESS_BELOW) -> str:
    """Return what a check says with counts of few that follow "only" taken out.

    >>> without_few("Cannot be checked: only 7 of 496 rows show it (at least 10 are needed); bandwidth 2.")
    'Cannot be checked: fewer than 8 of 496 rows show it (at least 10 are needed); bandwidth 2.'
    """

    def hidden(found: re.Match[str]) -> str:
        few = "Fewer" if found[1] == "O" else "fewer"
        return f"{few} than {suppress_below}" if 0 < int(found[2].replace(",", "")) < suppress_below else found[0]

    return re.sub(r"\b([Oo])nly (\d+(?:,\d{3})*)(?![\d%]|[.,]\d)", hidden, text)


def forest(
    found: Mapping[str, Any],
    *,
    headline: Row | None = None,
    scale: str = "Difference in probability",
    suppress_below: int = SUPPRESS_BELOW,
) -> Drawing:
    """Draw the effect in each group, pointwise and with bands that hold all groups at once, and the pooled effect.

    Args:
        found: `by`, `groups` (each with `group`, `n`, `people`, `estimate`, `ci_low`, `ci_high`, `band_low`, `band_high`,
            `refused`), `pooled` and `p_same` (`causal.heterogeneity.Heterogeneity.to_dict()`).
        headline: `estimate` over everybody, drawn as a dashed line.
        scale: What the horizontal axis measures.
        suppress_below: Groups of fewer people are counted and not drawn.

    Raises:
        UsageError: No group has an estimate to draw.
    """
    rows, hidden = shown_groups(found["groups"], suppress_below)
    drawn = [g for g in rows if g.get("estimate") is not None]
    if not drawn:
        raise UsageError("No group has an estimate to draw.", remedy="Read why in the groups' `refused`.")
    by, pooled = str(found["by"]), found.get("pooled")
    places = places_of(*(g["estimate"] for g in drawn))
    with style():
        figure, axes = canvas(20 + 5.2 * (len(rows) + bool(pooled)), WIDE)
        for place, group in enumerate(rows):
            _group(axes, place, group, places)
        if pooled:
            _pooled(axes, len(rows), pooled, places)
        axes.axvline(0, color=GREY, linewidth=0.7, zorder=0)
        if headline is not None and headline.get("estimate") is not None:
            axes.axvline(headline["estimate"], color=BLUE, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
        names = [f"{_group_name(by, g)} (n = {g['n']:,})" for g in rows] + (["Pooled over groups"] if pooled else [])
        _rows_of_labels(axes, names)
        axes.set_title(f"Effect by {by}", loc="left", color=GREY)
        axes.set_xlabel(scale)
    name = f"effect_by_{by}"
    caption = _forest_caption(found, hidden, suppress_below) + _refusals(by, rows, suppress_below)
    return Drawing(name, _forest_alt(by, rows, pooled, places), caption, figure)


_NAMES = {("community", "none"): "In no community", ("community", "other"): "Smaller communities"}


def _group_name(by: str, group: Row) -> str:
    name = str(group["group"])
    if name.isdigit():
        return f"{by.capitalize()} {name}"
    return _NAMES.get((by, name), name[:1].upper() + name[1:34])


def _rows_of_labels(axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(6))


def _beside(axes: Axes, place: int, text: str, *, bold: bool = False, colour: str = INK) -> None:
    axes.annotate(
        text, (1.0, place), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        color=colour, fontweight="bold" if bold else "normal", annotation_clip=False,
    )  # fmt: skip


def _interval_words(row: Row, places: int) -> str:
    low, high = row.get("ci_low"), row.get("ci_high")
    if low is None or high is None:
        return f"{signed(row['estimate'], places)} [no interval]"
    return f"{signed(row['estimate'], places)} [{signed(low, places)}, {signed(high, places)}]"


def _group(axes: Axes, place: int, group: Row, places: int) -> None:
    if group.get("estimate") is None:
        _beside(axes, place, "refused", bold=True, colour=VERMILION)
        return
    if group.get("band_low") is not None:
        ends = [group["band_low"], group["band_high"]]
        axes.plot(ends, [place, place], "-", color=BLUE, linewidth=0.8)
        axes.plot(ends, [place, place], "|", color=BLUE, markersize=4)
    if group.get("ci_low") is not None:
        axes.plot([group["ci_low"], group["ci_high"]], [place, place], "-", color=BLUE, linewidth=2.2)
    axes.plot([group["estimate"]], [place], "s", color=INK, markersize=3.8)
    _beside(axes, place, _interval_words(group, places))


def _pooled(axes: Axes, place: int, pooled: Row, places: int) -> None:
    low, mean, high = pooled["ci_low"], pooled["estimate"], pooled["ci_high"]
    if pooled.get("prediction_low") is not None:
        ends = [pooled["prediction_low"], pooled["prediction_high"]]
        axes.plot(ends, [place, place], ":", color=ORANGE, linewidth=1.2)
    axes.fill([low, mean, high, mean], [place, place - 0.28, place, place + 0.28], facecolor=ORANGE, edgecolor=INK,
              linewidth=0.5, zorder=3)  # fmt: skip
    axes.axhline(place - 0.5, color=RULE, linewidth=0.5)
    _beside(axes, place, _interval_words(pooled, places), bold=True)


def _forest_caption(found: Mapping[str, Any], hidden: int, suppress_below: int) -> str:
    pooled, same = found.get("pooled"), found.get("p_same")
    text = (
        "The headline's scores averaged within each group. Thick lines are 95% intervals of one group, thin lines with "
        "ends hold all groups at once (largest t)."
    )
    if pooled:
        text += (
            f" The diamond is the random-effects mean of {pooled['k']} groups with its interval; I² = {pooled['i2']:.0%} "
            "of the variance between the estimates is not sampling error"
        )
        text += "; dotted: where a further group would lie." if pooled.get("prediction_low") is not None else "."
    if same is not None:
        text += f" Test that all groups are alike: p = {same:.3f}."
    text += " The dashed line is the headline, which weighs people where the diamond weighs groups."
    if hidden:
        groups = "One group" if hidden == 1 else f"{hidden} groups"
        text += f" {groups} of fewer than {suppress_below} people not drawn."
    return text


def _refusals(by: str, rows: Sequence[Row], suppress_below: int) -> str:
    """Return who was refused, by kind of reason; each one's own words stand in the tables."""
    kinds: dict[str, list[str]] = {}
    for group in rows:
        if group.get("estimate") is None:
            kinds.setdefault(_kind(str(group.get("refused") or ""), suppress_below), []).append(_group_name(by, group))
    said = [f"{', '.join(names)} ({kind})" for kind, names in kinds.items()]
    return f" Refused: {'; '.join(said)}." if said else ""


def _kind(reason: str, suppress_below: int) -> str:
    if reason.startswith("no overlap"):
        return "no overlap: too few exposed or unexposed rows"
    if "the outcome" in reason:
        return "too few rows of an arm show or leave the outcome"
    return without_small_counts(reason, suppress_below) or "no reason given"


def _forest_alt(by: str, rows: Sequence[Row], pooled: Row | None, places: int) -> str:
    said = []
    for group in rows:
        name = _group_name(by, group)
        refused = group.get("estimate") is None
        said.append(f"{name}: refused." if refused else f"{name}: {_interval_words(group, places)}.")
    if pooled:
        said.append(f"Pooled: {_interval_words(pooled, places)}, I² {pooled['i2']:.0%}.")
    return f"Forest plot of the effect by {by}. " + " ".join(said)


def waterfall_figure(steps: Sequence[Row], *, scale: str = "Difference in probability") -> Drawing:
    """Draw the way from the naive difference to the headline: what each step adds, and where the estimate then stands.

    Args:
        steps: In order, each with `label`, `estimate`, `ci_low`, `ci_high`, `change`, `refused`
            (`causal.waterfall.Waterfall.to_dict()["steps"]`).
        scale: What the horizontal axis measures.

    Raises:
        UsageError: No step has an estimate to draw.
    """
    given = [s for s in steps if s.get("estimate") is not None]
    if not given:
        raise UsageError("There is no step to draw.", remedy="Run `copenet effect estimate` first.")
    places = places_of(*(s["estimate"] for s in given))
    with style():
        figure, axes = canvas(18 + 6.4 * len(steps), WIDE)
        before: float | None = None
        for place, step in enumerate(steps):
            before = _step(axes, place, step, before, places, last=place == len(steps) - 1)
        axes.axvline(0, color=GREY, linewidth=0.7, zorder=0)
        _rows_of_labels(axes, [str(s["label"]) for s in steps])
        axes.set_title("From naive to final", loc="left", color=GREY)
        axes.set_xlabel(scale)
    caption = (
        "Real estimates on the same rows, each adjusted for all that stands above it: the first for nothing, those with a "
        "plus by least squares, the last with flexible cross-fitted nuisances (the headline). Bars show what a step takes "
        "away (plain) or adds (hatched), lines are 95% intervals. The order of the steps is a choice and the single bars "
        "depend on it; the ends do not. What a step takes away need not have been confounding."
    )
    alt = "Waterfall from naive to final. " + " ".join(_step_words(s, places) for s in steps)
    return Drawing("waterfall", alt, caption, figure)


def _step(axes: Axes, place: int, step: Row, before: float | None, places: int, *, last: bool) -> float | None:
    if step.get("estimate") is None:
        _beside(axes, place, "refused", bold=True, colour=VERMILION)
        return before
    value = float(step["estimate"])
    if before is not None:
        fell = abs(value) < abs(before)
        axes.barh(
            [place], [value - before], left=before, height=0.5, color=SKY if fell else "#ffffff",
            edgecolor=BLUE if fell else VERMILION, linewidth=0.6, hatch=None if fell else "////", zorder=1,
        )  # fmt: skip
        axes.plot([before, before], [place - 1, place + 0.25], color=GREY, linewidth=0.5, zorder=0)
    if step.get("ci_low") is not None:
        ends = [step["ci_low"], step["ci_high"]]
        axes.plot(ends, [place, place], color=BLUE if last else INK, linewidth=1.4 if last else 0.8, zorder=2)
    face = BLUE if last else "white"
    axes.plot(
        [value], [place], "D" if last else "o", color=BLUE if last else INK, markerfacecolor=face, markersize=4.2,
        zorder=3,
    )  # fmt: skip
    change = step.get("change")
    _beside(
        axes, place, signed(value, places) + (f"  ({signed(change, places)})" if change is not None else ""), bold=last
    )
    return value


def _step_words(step: Row, places: int) -> str:
    if step.get("estimate") is None:
        return f"{step['label']}: refused."
    return f"{step['label']}: {_interval_words(step, places)}."


def driver_figure(found: Mapping[str, Any]) -> Drawing:
    """Draw what predictions of exposure and outcome lose without each group of covariates, and what it predicts alone.

    Args:
        found: `outcome_r2`, `exposure_r2` and `groups`, each with `group` and, for outcome and exposure, the loss with
            `_low`, `_high` and `_alone` (`causal.drivers.Drivers.to_dict()`).

    Raises:
        UsageError: There is no group.
    """
    groups = list(found["groups"])
    if not groups:
        raise UsageError("There is no group of covariates to draw.", remedy="Name the groups of the covariates.")
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with style():
        figure = Figure(figsize=(WIDE / 25.4, (26 + 5.0 * len(groups)) / 25.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, name, colour in zip(panels, ("exposure", "outcome"), (BLUE, GREEN), strict=True):
            _losses(axes, name, groups, colour)
            axes.set_title(f"{name.capitalize()}: R² = {found[f'{name}_r2']:.1%}", loc="left", color=GREY)
            axes.set_xlabel("Share of its variance")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}".replace("-", "−")))
            axes.xaxis.set_major_locator(MaxNLocator(4))
        panels[0].set_yticks(range(len(groups)), [covariates(str(g["group"])) for g in groups])
        panels[0].set_ylim(len(groups) - 0.4, -0.6)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2)
    caption = (
        "What was known before, by kind: how much worse exposure and outcome are predicted without it (squares, 95% "
        "intervals) and how well by it alone (open circles), out of fold, by a linear model. Covariates that move both "
        "are what makes the naive difference wrong. Kinds that say the same are missed little though each predicts much. "
        "Prediction is not cause, and nothing here speaks of what was not measured."
    )
    alt = "Dot plot of what predicts exposure and outcome. " + " ".join(_driver_words(g) for g in groups)
    return Drawing("nuisance_drivers", alt, caption, figure)


def _losses(axes: Axes, name: str, groups: Sequence[Row], colour: str) -> None:
    axes.axvline(0, color=GREY, linewidth=0.7, zorder=0)
    for place, group in enumerate(groups):
        axes.axhspan(place - 0.5, place + 0.5, color=WASH if place % 2 else "none", zorder=-1, linewidth=0)
        if group.get(f"{name}_low") is not None:
            ends = [group[f"{name}_low"], group[f"{name}_high"]]
            axes.plot(ends, [place, place], color=colour, linewidth=1.4)
    places = range(len(groups))
    axes.plot([g[name] for g in groups], places, "s", color=colour, markersize=3.8, label="lost without it")
    alone = [g[f"{name}_alone"] for g in groups]
    axes.plot(alone, places, "o", color=INK, markerfacecolor="white", markersize=4, label="by it alone")
    axes.tick_params(axis="y", length=0)


def _driver_words(group: Row) -> str:
    parts = [
        f"{name} {signed(100 * group[name], 1)}% without, {signed(100 * group[f'{name}_alone'], 1)}% alone"
        for name in ("exposure", "outcome")
    ]
    return f"{covariates(str(group['group']))}: {'; '.join(parts)}."
