"""An effect as it may leave the restricted folder: without counts of few people or rows.

Groups and levels of few keep their name alone; what they could be told by is hidden with them. Cells of histograms that
hold few are null. Counts of few in sentences are taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from causal.explain_figures import shown_groups, shown_levels, without_few
from causal.figures import suppressed
from copenet.foundation.disclosure import SUPPRESS_BELOW

Record = Mapping[str, Any]
_Shown = Callable[[Sequence[Record], int], tuple[list[Record], int]]


def disclosed(document: Record, suppress_below: int = SUPPRESS_BELOW) -> dict[str, Any]:
    """Return an effect document (`EffectResult.to_dict`) without counts of fewer people or rows than `suppress_below`.

    >>> levels = [{"name": "0", "n": 90, "estimate": 0.1}, {"name": "1", "n": 40}, {"name": "2", "n": 5}]
    >>> disclosed({"detail": {"exposure_curve": {"levels": levels}}})["detail"]["exposure_curve"]["levels"]
    [{'name': '0', 'n': 90, 'estimate': 0.1}, {'name': '1', 'n': None}, {'name': '2', 'n': None}]
    """
    made = {**document, "detail": _detail(document.get("detail") or {}, suppress_below)}
    if "checks" in document:
        made["checks"] = [_check(c, suppress_below) for c in document["checks"]]
    if "estimates" in document:
        made["estimates"] = [_said(e, "refused", suppress_below) for e in document["estimates"]]
    return _said(made, "refused", suppress_below)


def _said(record: Record, key: str, least: int) -> dict[str, Any]:
    text = record.get(key)
    return {**record, key: without_few(text, least)} if isinstance(text, str) else dict(record)


def _detail(detail: Record, least: int) -> dict[str, Any]:
    made = dict(detail)
    for name in ("exposure_values", "n_peers_values"):
        if isinstance(made.get(name), Mapping):
            made[name] = {**made[name], "count": _cells(made[name]["count"], least)}
    curve = made.get("exposure_curve")
    if isinstance(curve, Mapping):
        made["exposure_curve"] = {**curve, "levels": _rows(curve["levels"], shown_levels, ("name",), "n", least)}
    if 0 < (made.get("rows_without_peers") or 0) < least:
        made["rows_without_peers"] = None
    return made


def _check(check: Record, least: int) -> dict[str, Any]:
    made = _said(check, "detail", least)
    figures = made.get("figures")
    if not isinstance(figures, Mapping):
        return made
    figures = dict(figures)
    if isinstance(figures.get("groups"), Sequence):
        figures["groups"] = _rows(figures["groups"], shown_groups, ("group",), "people", least)
    for name in ("exposed", "unexposed"):
        if isinstance(figures.get(name), Sequence):
            figures[name] = _cells(figures[name], least)
    return {**made, "figures": figures}


def _rows(rows: Sequence[Record], shown: _Shown, names: tuple[str, ...], count: str, least: int) -> list[Record]:
    """Return the rows in their order, of those that are hidden the names alone."""
    kept = shown(rows, least)[0]
    return [
        _said(row, "refused", least) if row in kept else {**{key: row[key] for key in names}, count: None}
        for row in rows
    ]


def _cells(counts: Sequence[float | None], least: int) -> list[float | None]:
    cells, _ = suppressed(counts, least)  # type: ignore[arg-type]
    was = np.array(counts, dtype=float)
    return [
        None if np.isnan(before) or (before > 0 and not cell) else given
        for given, before, cell in zip(counts, was, cells, strict=True)
    ]
