"""Numbers and findings in plain words. Nothing here says that one thing causes another without naming what must hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from causal import names

MINUS = "\N{MINUS SIGN}"
MARKS = {"pass": "✓", "warn": "!", "fail": "✕", "not_informative": "○", "conditional": "◇", "refused": "■"}
EXPOSURES = {
    "any_peer": "at least one peer who did so, against none",
    "threshold": "at least the set share of peers who did so, against less",
    "proportion": "the share of peers who did so",
    "count": "the number of peers who did so",
    "recency_weighted": "the share of peers who did so, recent ties counting more",
    "similarity_weighted": "the share of peers who did so, like-minded ones counting more",
    "closed_triad": "at least two peers who know one another and did so, against none",
    "isolated_peers": "the number of peers who did so and know no other who did",
    "structural_diversity": "the number of unconnected groups of peers who did so",
}
CHANNELS = {
    "received_reply": "people who had replied to them",
    "replied_to": "people they had replied to",
    "co_thread": "people they had shared a thread with",
    "replies": "those who answered their post",
}


def is_number(value: Any) -> TypeGuard[int | float]:
    """Say whether `value` is a finite number (and no truth value)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and nothing for anything else."""
    return value if isinstance(value, list) else []


def records(value: Any) -> list[Mapping[str, Any]]:
    """Return the records of a list, and nothing for anything else."""
    return [row for row in listed(value) if isinstance(row, Mapping)]


def ratio(part: Any, whole: Any) -> float | None:
    """Return part / whole, None where that says nothing."""
    return part / whole if is_number(part) and is_number(whole) and whole > 0 else None


def number(value: Any, digits: int | None = None) -> str:
    """Return a number for reading: thousands apart, a true minus, a dash for nothing.

    >>> number(12345), number(-0.1234, 2), number(None)
    ('12,345', '−0.12', '–')
    """
    if not is_number(value):
        return value if isinstance(value, str) else "–"
    shown = 0 if digits is None and float(value).is_integer() else 2 if digits is None else digits
    text = f"{value:,.{shown}f}"
    return (text[1:] if text.startswith("-") and not text.strip("-0.,") else text).replace("-", MINUS)


def signed(value: Any, digits: int = 3) -> str:
    """Return a number with its sign.

    >>> signed(0.0912), signed(-0.0001)
    ('+0.091', '0.000')
    """
    text = number(value, digits)
    return f"+{text}" if is_number(value) and text.strip("0.,–") and not text.startswith(MINUS) else text


def percent(value: Any, digits: int = 1) -> str:
    """Return a share as a percentage.

    >>> percent(0.914), percent(None)
    ('91.4%', '–')
    """
    return f"{value * 100:.{digits}f}%" if is_number(value) else "–"


def points(value: Any, digits: int = 1) -> str:
    """Return a difference in probability as signed percentage points, without the unit.

    >>> points(0.0912), points(-0.004)
    ('+9.1', '−0.4')
    """
    return signed(value * 100, digits) if is_number(value) else "–"


def p_value(value: Any) -> str:
    """Return a p-value without false precision.

    >>> p_value(0.0000004), p_value(0.0312)
    ('< 0.001', '0.031')
    """
    if not is_number(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def day(value: Any) -> str:
    """Return the day of an ISO time, or of seconds or microseconds since 1970.

    >>> day("2021-07-03T21:12:09+00:00"), day(0)
    ('2021-07-03', '1970-01-01')
    """
    if isinstance(value, str):
        return value[:10]
    if is_number(value) and abs(value) < 1e17:
        seconds = value / 1_000_000 if abs(value) > 1e11 else value
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    return "–"


def plain(name: Any) -> str:
    """Return an identifier as words.

    >>> plain("positive_reframing")
    'positive reframing'
    >>> plain("any_peer(received_reply)")
    'any peer (received reply)'
    """
    return re.sub(r"(?<=\w)\(", " (", str(name).replace("_", " "))


def covariate(name: Any) -> str:
    """Return a covariate's name as a figure prints it: short, and never a way to break out of it."""
    text = plain(name)
    return text if len(text) <= 34 else text[:33] + "…"


def estimator(name: Any) -> str:
    """Return an estimator's name as the report prints it."""
    return names.estimator(str(name))


def status(name: Any) -> tuple[str, str]:
    """Return the mark and the word of a check's status; never colour alone."""
    return MARKS.get(str(name), "?"), names.STATUS.get(str(name), plain(name))


def headline_of(effects: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the headline estimate, or None where nothing was estimated or it was refused."""
    if effects.get("refused"):
        return None
    found = [e for e in estimates(effects) if e.get("estimator") == effects.get("headline")]
    return next((e for e in found if e.get("estimate") is not None), None)


def estimates(effects: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the estimates of an effects document that are well formed."""
    return records(effects.get("estimates"))


def named(effects: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return the first estimate of the estimator `name` that has a value."""
    found = (e for e in estimates(effects) if e.get("estimator") == name and e.get("estimate") is not None)
    return next(found, None)


def excludes_zero(estimate: Mapping[str, Any]) -> bool:
    """Say whether the interval leaves zero out."""
    low, high = estimate.get("ci_low"), estimate.get("ci_high")
    return low is not None and high is not None and (low > 0 or high < 0)
