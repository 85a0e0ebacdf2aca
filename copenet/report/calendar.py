"""The calendar of a study's messages: a square a day, shaded by the month's traffic, crossed where nothing was said."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from copenet.report import words
from copenet.report.evidence import Evidence
from copenet.report.plots import Plot, labelled

CELL, STEP, LEFT, TOP = 8, 10, 34, 14
LEVELS = 4
MOST_YEARS = 12


def calendar(evidence: Evidence) -> Plot | None:
    """Return the calendar, or None where the quality report has no months to draw."""
    quality = evidence.get("quality")
    first, last = _date(quality.get("first_at")), _date(quality.get("last_at"))
    months = _months(quality)
    if first is None or last is None or not months or not 0 <= last.year - first.year < MOST_YEARS:
        return None
    missing = {day for day in map(_date, words.listed(quality.get("days_without_messages"))) if day is not None}
    total = quality.get("days_without_messages_count", len(missing))
    days = (last - first).days + 1
    alt = f"Calendar of {days:,} days from {first} to {last}; {words.number(total)} of them without a message."
    return Plot(
        name="calendar",
        alt=alt,
        caption=_caption(len(missing), total),
        command=f"copenet report {evidence.study}",
        svg=labelled(_svg(first, last, months, missing), alt),
        columns=("Month", "Messages"),
        rows=[[month, words.number(n)] for month, n in sorted(months.items())],
        wide=True,
    )


def _caption(marked: int, total: Any) -> str:
    text = (
        "A square for each day (Monday on top), stronger where the month had more messages. Crossed: a day without any "
        "message, which may be silence or a failed download; in it people look inactive and their peers unexposed."
    )
    return (
        text if not words.is_number(total) or total <= marked else f"{text} The first {marked} of {total:,} are marked."
    )


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _months(quality: Mapping[str, Any]) -> dict[str, int]:
    """Return the messages of each month over all platforms."""
    months: Counter[str] = Counter()
    for row in words.records(quality.get("by_month")):
        if _date(f"{row.get('month')}-01") is not None and words.is_number(row.get("messages")):
            months[str(row["month"])] += int(row["messages"])
    return dict(months)


def _svg(first: date, last: date, months: Mapping[str, int], missing: set[date]) -> str:
    years = range(first.year, last.year + 1)
    height = TOP + len(years) * (7 * STEP + 12)
    largest = max(months.values())
    parts = [f'<svg viewBox="0 0 {LEFT + 54 * STEP} {height}" class="calendar">']
    for row, year in enumerate(years):
        top = TOP + row * (7 * STEP + 12)
        parts.append(f'<text x="0" y="{top + 4 * STEP}">{year}</text>')
        start, stop = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        parts += [_cell(day, top, _level(months, day, largest), crossed=day in missing) for day in _days(start, stop)]
        parts += [_month_name(day, top) for day in _days(start, stop) if day.day == 1]
    return "".join([*parts, "</svg>"])


def _days(start: date, stop: date) -> Iterator[date]:
    return itertools.takewhile(lambda day: day <= stop, (start + timedelta(days=n) for n in itertools.count()))


def _level(months: Mapping[str, int], day: date, largest: int) -> int:
    share = months.get(f"{day:%Y-%m}", 0) / largest
    return min(LEVELS, int(share * LEVELS) + 1) if share > 0 else 0


def _place(day: date, top: int) -> tuple[int, int]:
    offset = date(day.year, 1, 1).weekday()
    week = (day.timetuple().tm_yday - 1 + offset) // 7
    return LEFT + week * STEP, top + day.weekday() * STEP


def _cell(day: date, top: int, level: int, *, crossed: bool) -> str:
    x, y = _place(day, top)
    if crossed:
        cross = f"M{x + 1} {y + 1}l6 6m0 -6l-6 6"
        return f'<rect class="gap" x="{x}" y="{y}" width="{CELL}" height="{CELL}"/><path d="{cross}"/>'
    return f'<rect class="l{level}" x="{x}" y="{y}" width="{CELL}" height="{CELL}"/>'


def _month_name(day: date, top: int) -> str:
    return f'<text x="{_place(day, top)[0]}" y="{top - 4}">{MONTHS[day.month - 1]}</text>'


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
