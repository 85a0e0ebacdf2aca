"""Each result of an effect in plain language, with what it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causal.explain_figures import places_of, shown_groups, shown_levels
from causal.figure_style import signed
from causal.names import covariates, estimator
from copenet.foundation.disclosure import SUPPRESS_BELOW

Record = Mapping[str, Any]

GROUPED = "effect_by_"


@dataclass(frozen=True, slots=True)
class Reading:
    """One result in words.

    Attributes:
        name: Of the estimator, check or figure.
        title: What is read.
        says: What it says.
        cannot: What it does not say.
    """

    name: str
    title: str
    says: str
    cannot: str


def readings(document: Record, *, suppress_below: int = SUPPRESS_BELOW) -> list[Reading]:
    """Return what the results of an effect say and do not say, in the order they are read.

    Args:
        document: An effect as `effect estimate --json` prints it; what it lacks is left out.
        suppress_below: Groups of fewer people are not named.
    """
    made = [
        *_estimates(document),
        _waterfall(document),
        _curve(document, suppress_below),
        _event_study(document),
        *(_groups(check, suppress_below) for check in _checks(document) if str(check.get("name")).startswith(GROUPED)),
        *(_told(check) for check in _checks(document) if check.get("name") in _CHECKS),
    ]
    return [reading for reading in made if reading is not None]


def _checks(document: Record) -> list[Record]:
    return [c for c in document.get("checks") or () if isinstance(c, Mapping)]


def _detail(document: Record, *names: str) -> Any:
    found: Any = document.get("detail")
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _records(found: Any) -> list[Record]:
    return [r for r in found or () if isinstance(r, Mapping)]


def _given(rows: Sequence[Record]) -> list[Record]:
    keys = ("estimate", "ci_low", "ci_high")
    return [r for r in rows if all(isinstance(r.get(key), int | float) for key in keys)]


def _interval(row: Record, places: int) -> str:
    return f"{signed(row['estimate'], places)} [{signed(row['ci_low'], places)}, {signed(row['ci_high'], places)}]"


_CANNOT = {
    "naive": "Anything about influence: people who are tied are alike, share places and live through the same weeks.",
    "ols": "More than the headline: it needs the same assumptions, and that straight lines describe everybody.",
    "helper_iv": "The effect on everybody: it is of those whom helpers being around moved, if they matter in no other way.",
}
_HEADLINE = (
    "That its assumptions hold. Nor what the effect is on people or periods outside the comparison, of another exposure, "
    "or on anything later than the outcome's window."
)


def _estimates(document: Record) -> list[Reading]:
    given = _given(_records(document.get("estimates")))
    order = sorted(given, key=lambda e: (e["estimator"] == document.get("headline"), e["estimator"] != "naive"))
    return [_estimate(document, row) for row in order if row["estimator"] in (*_CANNOT, document.get("headline"))]


def _estimate(document: Record, row: Record) -> Reading:
    name = str(row["estimator"])
    outcome = str(document.get("outcome") or "the outcome").replace("_", " ")
    value = _interval(row, places_of(row["estimate"]))
    if name == "naive":
        says = f"In {row['n']:,} rows, exposed and others differ in {outcome} by {value}."
    elif name != document.get("headline"):
        says = f"{value}, everything known before held alike by a straight line."
    else:
        zero = row["ci_low"] <= 0 <= row["ci_high"]
        says = f"{value}: so much the exposure changes {outcome}, if the assumptions hold. " + (
            "Zero lies inside the interval: no effect is as compatible with these data as its other values."
            if zero
            else "Zero lies outside the interval."
        )
    return Reading(name, estimator(name), says, _HEADLINE if name == document.get("headline") else _CANNOT[name])


def _waterfall(document: Record) -> Reading | None:
    steps = [s for s in _records(_detail(document, "waterfall", "steps")) if s.get("estimate") is not None]
    if len(steps) < 2:
        return None
    places = places_of(*(s["estimate"] for s in steps))
    moves = [s for s in steps[1:] if s.get("change") is not None]
    most = max(moves, key=lambda s: abs(s["change"]), default=None)
    says = f"From {signed(steps[0]['estimate'], places)} to {signed(steps[-1]['estimate'], places)}."
    if most is not None:
        says += f" The largest step is “{most['label']}” ({signed(most['change'], places)}"
        if most.get("first") is not None:
            says += f"; {signed(most['first'], places)} alone, {signed(most['last'], places)} after all others"
        says += ")."
    return Reading("waterfall", "From naive to final", says, str(_detail(document, "waterfall", "note") or ""))


def _curve(document: Record, suppress_below: int) -> Reading | None:
    levels = _given(shown_levels(_records(_detail(document, "exposure_curve", "levels")), suppress_below)[0])
    if len(levels) < 2:
        return None
    low, high = levels[0], levels[-1]
    says = (
        f"Were everybody exposed at {low['name']}, the mean outcome would be {low['estimate']:.2f}; at {high['name']},"
        f" {high['estimate']:.2f}."
    )
    cannot = "A difference that was declared: it is a curve, never the headline. Between and beyond its levels it says nothing."
    return Reading("exposure_curve", "Exposure curve", says, cannot)


def _event_study(document: Record) -> Reading | None:
    points = _given(_records(_detail(document, "adoption", "event_study", "points")))
    if not points:
        return None
    before = [p for p in points if p["period"] < 0]
    clear = [p for p in before if p["ci_low"] > 0 or p["ci_high"] < 0]
    if not before:
        says = "No period before the exposure can be shown."
    elif clear:
        says = f"{len(clear)} of {len(before)} periods before the exposure already differ: something else was at work."
    else:
        says = f"None of {len(before)} periods before the exposure differs clearly."
    after = [p for p in points if p["period"] >= 0]
    if after:
        raised = sum(p["ci_low"] > 0 for p in after)
        says += f" Of {len(after)} periods from it on, {raised} have a clearly higher hazard of adoption."
    cannot = (
        "That exposed and others would have gone on alike: flat periods before are what one would also see with little "
        "data. It speaks of first adoption, not of every use."
    )
    return Reading("event_study", "Event study", says, cannot)


def _groups(check: Record, suppress_below: int) -> Reading | None:
    found = check.get("figures")
    if not isinstance(found, Mapping) or not found.get("groups"):
        return None
    rows, hidden = shown_groups(_records(found["groups"]), suppress_below)
    given = _given(rows)
    if not given:
        return None
    clear = [g for g in given if g.get("band_low") is not None and (g["band_low"] > 0 or g["band_high"] < 0)]
    places = places_of(*(g["estimate"] for g in given))
    says = f"{len(given)} groups; in {len(clear)} the effect is clear with bands that hold all at once."
    pooled, same = found.get("pooled"), found.get("p_same")
    if isinstance(pooled, Mapping):
        says += f" Pooled {_interval(pooled, places)}, I² {pooled['i2']:.0%}."
    if same is not None:
        says += f" Groups alike: p = {same:.3f}."
    refused = len(rows) - len(given)
    says += f" {refused} refused." if refused else ""
    says += f" {hidden} of fewer than {suppress_below} people not shown." if hidden else ""
    cannot = "Why groups differ, or, where no difference is seen, that there is none: small groups hide it."
    by = str(found.get("by", "group"))
    return Reading(str(check["name"]), f"Effect by {by}", says, cannot)


_CHECKS = {
    "nuisance_drivers": (
        "What moves exposure and outcome",
        "Which of these causes what, and anything about traits that were not measured.",
    ),
    "influence": (
        "On whom the estimate rests",
        "Who they are, or that they are in error: a real effect may be that of few.",
    ),
}


def _told(check: Record) -> Reading:
    title, cannot = _CHECKS[str(check["name"])]
    return Reading(str(check["name"]), title, str(check.get("detail", "")), cannot)


def steps_of(document: Record) -> list[str]:
    """Return the way from naive to final as lines of text; none where the document has none."""
    steps = _records(_detail(document, "waterfall", "steps"))
    places = places_of(*(s.get("estimate") for s in steps))
    return [_step(step, places) for step in steps]


def _step(step: Record, places: int) -> str:
    label = f"{step['label']:<30}"
    if step.get("estimate") is None:
        return f"{label} REFUSED: {step.get('refused') or 'no estimate'}"
    ends = (step.get("ci_low"), step.get("ci_high"))
    said = _interval(step, places) if None not in ends else f"{signed(step['estimate'], places)} [no interval]"
    if step.get("change") is not None:
        said += f"  {signed(step['change'], places)}"
    if step.get("first") is not None:
        said += f" (alone {signed(step['first'], places)}, last {signed(step['last'], places)})"
    added = step.get("added") or ()
    return f"{label} {said}" + (f"  {', '.join(covariates(str(g)) for g in added)}" if added else "")
