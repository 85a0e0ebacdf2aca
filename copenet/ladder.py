"""Estimates side by side as text: name, estimate, interval, bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 25
_EIGHTHS = " ▏▎▍▌▋▊▉█"
NAMES = {
    "naive": "naive",
    "ols": "OLS + covariates",
    "aipw": "AIPW, network HAC",
    "plm": "slope, network HAC",
    "helper_iv": "helper instrument",
    "shift": "shift, network HAC",
}
_ORDER = ("naive", "ols", "helper_iv")


def ladder(document: Mapping[str, Any], truth: float | None = None) -> list[str]:
    """Return one line per estimate, from naive to the headline, with `truth` beside the headline.

    Args:
        document: An effect as `effect estimate --json` prints it.
        truth: The planted effect of a simulation.
    """
    rows = main_rows(document)
    largest = max((abs(row["estimate"]) for row in rows if row["estimate"] is not None), default=0.0)
    digits = 2 if largest >= 0.1 else 3
    return [_line(row, document["headline"], largest, truth, digits) for row in rows]


def main_rows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the naive, the OLS, the instrument's (where there is one) and the headline row, in that order."""
    wanted = (*_ORDER, document["headline"])
    rows = {row["estimator"]: row for row in reversed(document["estimates"])}
    return [rows[name] for name in wanted if name in rows]


def _line(row: Mapping[str, Any], headline: str, largest: float, truth: float | None, digits: int) -> str:
    name = NAMES.get(row["estimator"], row["estimator"])
    if row["estimate"] is None:
        return f"{name:<18} REFUSED: {row['refused']}"
    said = f"{name:<18} {signed(row['estimate'], digits)} {interval(row, digits)}  {bar(row['estimate'], largest)}"
    if row["estimator"] == "naive":
        return said + "   confounded; shown so you see the gap"
    if row["estimator"] == headline and truth is not None:
        return f"{said}   truth {signed(truth, digits)} (planted, {_where(truth, row)})"
    return said


def _where(truth: float, row: Mapping[str, Any]) -> str:
    """Return on which side of the interval the truth is: rounding may hide a miss."""
    low, high = row["ci_low"], row["ci_high"]
    if low is None or high is None:
        return "no interval"
    return "inside" if low <= truth <= high else "OUTSIDE the interval"


def interval(row: Mapping[str, Any], digits: int = 2) -> str:
    """Return the 95% interval of a row in brackets.

    >>> interval({"ci_low": -0.012, "ci_high": 0.2})
    '[-.01, .20]'
    """
    if row["ci_low"] is None or row["ci_high"] is None:
        return "[no interval]"
    return f"[{_short(row['ci_low'], digits)}, {_short(row['ci_high'], digits)}]"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign and so many decimals.

    >>> signed(0.082), signed(-1.5)
    ('+.08', '-1.50')
    """
    text = _short(value, digits)
    return text if text.startswith("-") else f"+{text}"


def _short(value: float, digits: int) -> str:
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and text.lstrip("-").startswith("0.") else text


def bar(value: float, largest: float) -> str:
    """Return a bar of up to 25 characters, in eighths.

    >>> bar(1.0, 2.0)
    '████████████▌'
    """
    eighths = round(8 * WIDTH * abs(value) / largest) if largest else 0
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def status_of(checks: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """Return the first check whose name holds `name`."""
    return next((check for check in checks if name in check["name"]), None)
