"""Figures along an axis of exposure, time or observed ties: the exposure curve, the event study, the bias curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from causal.explain_figures import shown_levels
from causal.figure_style import BLUE, GREY, INK, WASH, Drawing, canvas, signed, style
from copenet.foundation.disclosure import SUPPRESS_BELOW
from copenet.foundation.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bias_curve", "event_study", "exposure_curve"]

Point = Mapping[str, Any]


def exposure_curve(
    levels: Sequence[Point],
    *,
    exposure: str = "Exposure",
    outcome: str = "Chance of the outcome",
    suppress_below: int = SUPPRESS_BELOW,
) -> Drawing:
    """Draw the mean outcome were everybody exposed at one level, level by level.

    Args:
        levels: In order, each with `name`, `exposure`, `n`, `estimate`, `ci_low`, `ci_high`, `band_low`, `band_high`
            (`causal.curve.Curve.to_dict()["levels"]`); a level without an estimate is left out and counted.
        exposure: What the horizontal axis measures.
        outcome: What the vertical axis measures.
        suppress_below: Levels of fewer rows are not drawn, nor what they could be told by.

    Raises:
        UsageError: No level has an estimate.
    """
    shown = [p for p in shown_levels(levels, suppress_below)[0] if p.get("estimate") is not None]
    if not shown:
        raise UsageError(
            "No level of the exposure has an estimate to draw.", remedy="Read why in the levels' `refused`."
        )
    with style():
        figure, axes = canvas(58)
        _points(axes, [p["exposure"] for p in shown], shown)
        axes.plot(
            [p["exposure"] for p in shown], [p["estimate"] for p in shown], "-", color=GREY, linewidth=0.7, zorder=1
        )
        axes.set_title("A curve, never the headline", loc="left", color=GREY)
        axes.set_xlabel(exposure)
        axes.set_ylabel(outcome)
        axes.margins(x=0.06, y=0.1)
    left = len(levels) - len(shown)
    caption = (
        "Mean outcome were everybody exposed at one level (each at the mean exposure of its rows). Thick lines are 95% "
        "intervals of one level, the band holds all levels at once. A curve to read beside the headline: no difference of "
        f"two of its points was declared.{f' {left} level(s) without overlap or rows are not drawn.' if left else ''}"
    )
    alt = "Mean outcome by level of exposure. " + " ".join(
        f"{p['name']}: {p['estimate']:.2f}, interval {p['ci_low']:.2f} to {p['ci_high']:.2f}." for p in shown
    )
    return Drawing("exposure_curve", alt, caption, figure)


def event_study(points: Sequence[Point], *, scale: str = "Log hazard ratio", reference: int = -1) -> Drawing:
    """Draw effects by period around the first exposure, with pointwise intervals and a simultaneous band.

    Args:
        points: In the order of time, each with `period` (0: of the first exposure), `label`, `estimate`, `ci_low`,
            `ci_high`, `band_low`, `band_high` (`causal.hazard.EventStudy.to_dict()["points"]`).
        scale: What the vertical axis measures.
        reference: The period that the others are compared with.

    Raises:
        UsageError: No point has an estimate.
    """
    shown = [p for p in points if p.get("estimate") is not None]
    if not shown:
        raise UsageError("No period has an estimate to draw.", remedy="Read why in the event study's `refused`.")
    with style():
        figure, axes = canvas(58)
        axes.axhline(0, color=GREY, linewidth=0.7, zorder=0)
        axes.axvspan(min(p["period"] for p in shown) - 0.5, -0.5, color=WASH, zorder=-1, linewidth=0)
        line = sorted([(p["period"], p["estimate"]) for p in shown] + [(reference, 0.0)])
        axes.plot(*zip(*line, strict=True), "-", color=GREY, linewidth=0.7, zorder=1)
        _points(axes, [p["period"] for p in shown], shown)
        axes.plot([reference], [0], "o", color=GREY, markerfacecolor="white", markersize=4.5)
        ticks = [*((p["period"], p["label"]) for p in shown), (reference, str(reference))]
        axes.set_xticks([t for t, _ in ticks], [name.replace("-", "\N{MINUS SIGN}") for _, name in ticks])
        axes.set_xlabel("Periods since the first exposure")
        axes.set_ylabel(scale)
        axes.margins(y=0.1)
    caption = (
        "Adoption around the first exposure, against the period before it (open circle) and people not yet or never "
        "exposed. Thick lines are 95% intervals of one period, the band holds all periods at once. "
    )
    if min(p["period"] for p in shown) < reference:
        caption += "Left of the exposure (shaded) nothing should be seen: what is there was not brought about by it."
    else:
        caption += "There is no earlier period in which to look for what the exposure cannot have brought about."
    alt = "Event study. " + " ".join(
        f"Period {p['label']}: {signed(p['estimate'])}, interval {signed(p['ci_low'])} to {signed(p['ci_high'])}."
        for p in shown
    )
    return Drawing("event_study", alt, caption, figure)


def bias_curve(
    points: Sequence[Point], *, scale: str = "Estimate", corrected: Point | None = None, missing: float = 0.0
) -> Drawing:
    """Draw the estimate with ever fewer ties and, where the correction has one, that without missing ties.

    Args:
        points: Each with `kept`, `estimate`, `lowest`, `highest`, `draws` (`causal.fewer_ties.BiasCurve.to_dict()["points"]`).
        scale: What the vertical axis measures.
        corrected: `estimate`, `ci_low` and `ci_high` with all ties (`causal.fewer_ties.Extrapolated`); None where no
            correction is known.
        missing: The share of all ties that is missing from the observed ones, where it is known.

    Raises:
        UsageError: No share of the ties has an estimate.
    """
    shown = [p for p in points if p.get("estimate") is not None]
    if not shown:
        raise UsageError("No share of the ties has an estimate to draw.", remedy="Use shares nearer to 1.")
    places = [100 * (1 - missing) * p["kept"] for p in shown]
    with style():
        figure, axes = canvas(58)
        axes.plot(places, [p["estimate"] for p in shown], "-", color=GREY, linewidth=0.7, zorder=1)
        axes.vlines(places, [p["lowest"] for p in shown], [p["highest"] for p in shown], color=BLUE, linewidth=2.2)
        axes.plot(places, [p["estimate"] for p in shown], "o", color=INK, markersize=3.6)
        if corrected is not None:
            axes.vlines([100], [corrected["ci_low"]], [corrected["ci_high"]], color=BLUE, linewidth=0.8)
            axes.plot([100], [corrected["estimate"]], "o", color=INK, markerfacecolor="white", markersize=4.5)
        axes.set_title(
            "Fewer ties, not all ties" if corrected is None else "Read off at all ties", loc="left", color=GREY
        )
        axes.set_xlabel("Ties in use, % of " + ("all" if missing else "those observed"))
        axes.set_ylabel(scale)
        axes.margins(x=0.06, y=0.1)
    caption = (
        f"The estimate as ties are taken away at random; bars run from the lowest to the highest of {shown[-1]['draws']} "
        "draws and are no intervals. It shows in which direction missing ties move the estimate and how fast. "
    )
    caption += (
        "It cannot show what all ties would give, nor what ties do that are missing for a reason."
        if corrected is None
        else "The open circle is the correction with its 95% interval, right if ties are missing at random and the stated "
        "share is; it cannot show what ties do that are missing for a reason."
    )
    alt = "Estimate by share of the observed ties. " + " ".join(
        f"{p['kept']:.0%}: {signed(p['estimate'])}." for p in shown
    )
    if corrected is not None:
        ends = f"{signed(corrected['ci_low'])} to {signed(corrected['ci_high'])}"
        alt += f" Corrected: {signed(corrected['estimate'])}, interval {ends}."
    return Drawing("bias_curve", alt, caption, figure)


def _points(axes: Axes, places: Sequence[float], points: Sequence[Point]) -> None:
    low, high = ([p[side] for p in points] for side in ("band_low", "band_high"))
    axes.vlines(places, low, high, color=BLUE, linewidth=0.8)
    axes.plot(places, low, "_", places, high, "_", color=BLUE, markersize=4)
    axes.vlines(places, [p["ci_low"] for p in points], [p["ci_high"] for p in points], color=BLUE, linewidth=2.2)
    axes.plot(places, [p["estimate"] for p in points], "o", color=INK, markersize=3.6)
