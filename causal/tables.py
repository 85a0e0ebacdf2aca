"""Results as tables: tidy rows for further computing, and LaTeX, Markdown and HTML for papers.

Every function takes an effect (`EffectResult`, or the document that `effect estimate --json` prints) or a `Fit` on arrays.
Groups and levels of fewer than `suppress_below` people or rows are counted, never shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from causal import markup
from causal.explain_figures import shown_groups, shown_levels, without_few, without_small_counts
from causal.markup import Table
from causal.names import covariates, estimator, status
from causal.readings import GROUPED
from copenet.foundation.disclosure import SUPPRESS_BELOW

if TYPE_CHECKING:
    from causal.arrays import Fit
    from causal.results import EffectResult

Record = Mapping[str, Any]

_NUMBERS = ("estimate", "se", "ci_low", "ci_high", "band_low", "band_high", "p_value", "p_adjusted")
TIDY = pa.schema(
    [
        pa.field("part", pa.string(), nullable=False),  # estimate, step, check, group, pooled, level or period
        pa.field("name", pa.string(), nullable=False),  # of the estimator, step, check or level
        pa.field("group", pa.string()),
        pa.field("estimand", pa.string()),
        pa.field("status", pa.string()),  # of checks
        *(pa.field(name, pa.float64()) for name in _NUMBERS),
        pa.field("n", pa.int64()),  # rows; null where there are too few to be shown
        pa.field("headline", pa.bool_(), nullable=False),
        pa.field("refused", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("labels_validated", pa.bool_()),  # null where nothing was labelled
    ]
)
_ESTIMANDS = {
    "direct": "direct: own treatment changed",
    "peer": "peer: exposure changed",
    "total": "total: both changed",
    "shift": "more exposing peers",
}


def document_of(result: EffectResult | Fit | Record) -> Record:
    """Return a result as a document."""
    if isinstance(result, Mapping):
        return result
    if hasattr(result, "to_dict"):
        made: Record = result.to_dict()
        return made
    return {
        "headline": result.headline,
        "estimates": [asdict(e) for e in result.estimates],
        "checks": [asdict(c) for c in result.checks],
        "refused": result.refused,
        "without_peers": result.without_peers,
    }


def tidy(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> pa.Table:
    """Return all estimates, steps, checks, groups, levels and periods of a result, one row each (schema `TIDY`)."""
    document = document_of(result)
    validated = document.get("labels_validated")
    rows = [_row(raw, validated, suppress_below) for raw in _parts(document, suppress_below)]
    return pa.Table.from_pylist(rows, schema=TIDY)


def _parts(document: Record, least: int) -> Iterator[dict[str, Any]]:
    for e in _records(document.get("estimates")):
        yield {**_known(e), "part": "estimate", "name": e["estimator"], "headline": _is_headline(document, e)}
    rows = next((e.get("n") for e in _records(document.get("estimates")) if _is_headline(document, e)), None)
    for s in _records(_inside(document, "waterfall", "steps")):
        name = str(s["label"]).removeprefix("+ ")  # a sign would make it a formula of a spreadsheet
        added = ", ".join(s.get("added") or ()) or None
        yield {"n": rows, **_known(s), "part": "step", "name": name, "group": added}
    for c in _records(document.get("checks")):
        figures = c.get("figures")
        mine = _measured(figures) if isinstance(figures, Mapping) else {}
        said = without_few(str(c["detail"]), least)
        yield {**mine, "part": "check", "name": c["name"], "status": c["status"], "detail": said}
        if str(c["name"]).startswith(GROUPED) and isinstance(figures, Mapping):
            yield from _groups(str(c["name"]), figures, least)
    rows, hidden = shown_levels(_records(_inside(document, "exposure_curve", "levels")), least)
    for p in rows:
        yield {**_known(p), "part": "level", "name": str(p["name"])}
    if hidden:
        yield {"part": "level", "name": "hidden", "detail": _hidden(hidden, least)}
    for p in _records(_inside(document, "adoption", "event_study", "points")):
        yield {**_known(p), "part": "period", "name": str(p["label"])}


def _groups(name: str, figures: Record, least: int) -> Iterator[dict[str, Any]]:
    rows, hidden = shown_groups(_records(figures.get("groups")), least)
    for g in rows:
        yield {**_known(g), "part": "group", "name": name, "p_adjusted": g.get("p_max_t")}
    if hidden:
        yield {"part": "group", "name": name, "detail": _hidden(hidden, least)}
    if isinstance(figures.get("pooled"), Mapping):
        yield {**_known(figures["pooled"]), "part": "pooled", "name": name}


def _hidden(number: int, least: int) -> str:
    return f"{number} of fewer than {least}, not shown"


def _known(row: Record) -> dict[str, Any]:
    return {name: row[name] for name in (*_NUMBERS, "n", "group", "estimand", "refused") if name in row}


def _measured(figures: Record) -> dict[str, Any]:
    """Return what a check measured; one that compares with draws measured `observed`, and its `estimate` is their mean."""
    if "observed" not in figures:
        return _known(figures)
    of_draws = ("estimate", "se", "ci_low", "ci_high")
    return {k: v for k, v in _known(figures).items() if k not in of_draws} | {"estimate": figures["observed"]}


def _row(raw: dict[str, Any], validated: bool | None, least: int) -> dict[str, Any]:
    made = dict.fromkeys(TIDY.names) | raw | {"labels_validated": validated, "headline": bool(raw.get("headline"))}
    for name in _NUMBERS:
        made[name] = float(made[name]) if _is_number(made[name]) else None
    made["n"] = _count(made["n"], least)
    if made["refused"] is not None:
        made["refused"] = without_small_counts(str(made["refused"]), least)
    return made


def _count(n: Any, least: int) -> int | None:
    return int(n) if _is_number(n) and (n == 0 or n >= least) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _records(found: Any) -> list[Record]:
    return [r for r in found or () if isinstance(r, Mapping)]


def _inside(document: Record, *names: str) -> Any:
    found: Any = document.get("detail")
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_headline(document: Record, row: Record) -> bool:
    return row.get("estimator") == document.get("headline")


def main_table(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> Table:
    """Return the estimates side by side: estimate, 95% interval, standard error, p, rows."""
    document = document_of(result)
    rows = _records(document.get("estimates"))
    digits = decimals(rows)
    several = len({r.get("estimand") for r in rows}) > 1
    made = []
    for row in rows:
        name = estimator(str(row["estimator"])) + (" (headline)" if _is_headline(document, row) else "")
        cells = [name, _ESTIMANDS.get(str(row["estimand"]), str(row["estimand"]))] if several else [name]
        made.append((*cells, *_numbers(row, digits), _rows(row, suppress_below)))
    heads = ("Estimator", "Estimand") if several else ("Estimator",)
    notes = [] if several or not rows else [f"Estimand: {document.get('estimand') or rows[0].get('estimand')}."]
    return Table(
        "estimates",
        _about("Estimates", document),
        (*heads, "Estimate", "95% interval", "Std. error", "p", "Rows"),
        tuple(made),
        (*(False for _ in heads), True, True, True, True, True),
        (*notes, *_refusals(rows, suppress_below), *_standing(document, suppress_below)),
    )


def checks_table(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> Table:
    """Return the checks: how each ended, and what that can and cannot say."""
    document = document_of(result)
    rows = tuple(
        (_plain(c["name"]), status(str(c["name"]), str(c["status"])), without_few(str(c["detail"]), suppress_below))
        for c in _records(document.get("checks"))
    )
    notes = ("No check shows that an assumption holds.", *_labels(document))
    return Table("checks", _about("Checks", document), ("Check", "Outcome", "Finding"), rows, (False,) * 3, notes)


def group_tables(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> list[Table]:
    """Return the effects by group, one table for each way of grouping; none where there are none."""
    document = document_of(result)
    found = [
        c
        for c in _records(document.get("checks"))
        if str(c["name"]).startswith(GROUPED) and _records(dict(c.get("figures") or {}).get("groups"))
    ]
    return [_group_table(document, c, suppress_below) for c in found]


def _group_table(document: Record, check: Record, least: int) -> Table:
    figures = check["figures"]
    rows, hidden = shown_groups(_records(figures["groups"]), least)
    pooled = figures.get("pooled")
    digits = decimals(rows)
    made = [(str(g["group"]), *_numbers(g, digits), _band(g, digits), _rows(g, least)) for g in rows]
    notes = ["The band holds all groups at once (largest t); p-values are of one group alone."]
    if isinstance(pooled, Mapping):
        made.append(("Pooled", *_numbers(pooled, digits), "", ""))
        notes.append(f"Pooled: random-effects mean of {pooled['k']} groups, I² = {pooled['i2']:.0%}.")
    if figures.get("p_same") is not None:
        notes.append(f"All groups alike: p = {figures['p_same']:.3f}.")
    if hidden:
        notes.append(f"Groups of people: {_hidden(hidden, least)}.")
    notes += [*_refusals(rows, least, "group"), *_labels(document)]
    return Table(
        str(check["name"]),
        _about(f"Effect by {figures.get('by', 'group')}", document),
        (str(figures.get("by", "group")).capitalize(), "Estimate", "95% interval", "Std. error", "p", "Band", "Rows"),
        tuple(made),
        (False, *(True,) * 6),
        tuple(notes),
    )


def steps_table(result: EffectResult | Fit | Record) -> Table | None:
    """Return the way from naive to final, or None where the result has none."""
    document = document_of(result)
    steps = _records(_inside(document, "waterfall", "steps"))
    if not steps:
        return None
    digits = decimals(steps)
    rows = tuple(
        (
            str(s["label"]),
            ", ".join(covariates(str(g)) for g in s.get("added") or ()),
            *_numbers(s, digits)[:2],
            *(number(s.get(key), digits, sign=True) for key in ("change", "first", "last")),
        )
        for s in steps
    )
    return Table(
        "steps",
        _about("From naive to final", document),
        ("Step", "Adds", "Estimate", "95% interval", "Change", "Alone", "After all others"),
        rows,
        (False, False, *(True,) * 5),
        (str(_inside(document, "waterfall", "note") or ""), *_labels(document)),
    )


def tables_of(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> list[Table]:
    """Return every table of a result: estimates, steps, groups, checks."""
    steps = steps_table(result)
    groups = group_tables(result, suppress_below=suppress_below)
    return [
        main_table(result, suppress_below=suppress_below),
        *([steps] if steps else []),
        *groups,
        checks_table(result, suppress_below=suppress_below),
    ]


def to_latex(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> str:
    """Return every table as a LaTeX float (`\\\\usepackage{booktabs}`)."""
    return "\n".join(map(markup.latex, tables_of(result, suppress_below=suppress_below)))


def to_markdown(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> str:
    """Return every table as Markdown."""
    return "\n".join(map(markup.markdown, tables_of(result, suppress_below=suppress_below)))


def to_html(result: EffectResult | Fit | Record, *, suppress_below: int = SUPPRESS_BELOW) -> str:
    """Return every table on one HTML page that calls nobody."""
    tables = tables_of(result, suppress_below=suppress_below)
    return markup.html_page(tables[0].title, tables)


def decimals(rows: Sequence[Record]) -> int:
    """Return with how many decimals estimates are printed: two significant digits of the smallest standard error.

    >>> decimals([{"se": 0.0153}, {"se": 0.2}]), decimals([{"se": None}]), decimals([{"se": 41.0}])
    (3, 3, 0)
    """
    errors = [float(r["se"]) for r in rows if _is_number(r.get("se")) and r["se"] > 0]
    if not errors:
        return 3
    return int(min(max(1 - math.floor(math.log10(min(errors))), 0), 6))


def number(value: Any, digits: int, *, sign: bool = False) -> str:
    """Return a number with a true minus, a dash where there is none.

    >>> number(-0.1234, 2), number(0.1, 2, sign=True), number(-0.001, 2), number(None, 2)
    ('−0.12', '+0.10', '0.00', '–')
    """
    if not _is_number(value):
        return "–"
    rounded = round(float(value), digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{digits}f}".replace("-", "−")


def p_value(value: Any) -> str:
    """Return a p-value without false precision.

    >>> p_value(0.0000004), p_value(0.0312)
    ('< 0.001', '0.031')
    """
    if not _is_number(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _numbers(row: Record, digits: int) -> tuple[str, str, str, str]:
    if row.get("estimate") is None:
        return ("refused", "–", "–", "–")
    ends = (row.get("ci_low"), row.get("ci_high"))
    interval = f"[{number(ends[0], digits)}, {number(ends[1], digits)}]" if None not in ends else "–"
    return number(row["estimate"], digits), interval, number(row.get("se"), digits), p_value(row.get("p_value"))


def _band(row: Record, digits: int) -> str:
    ends = (row.get("band_low"), row.get("band_high"))
    return f"[{number(ends[0], digits)}, {number(ends[1], digits)}]" if None not in ends else "–"


def _rows(row: Record, least: int) -> str:
    n = _count(row.get("n"), least)
    return f"< {least}" if n is None else f"{n:,}"


def _refusals(rows: Sequence[Record], least: int, key: str = "estimator") -> list[str]:
    said = []
    for row in rows:
        if row.get("estimate") is None and row.get("refused"):
            name = estimator(str(row[key])) if key == "estimator" else str(row[key])
            which = _ESTIMANDS.get(str(row.get("estimand")), "") if key == "estimator" else ""
            reason = without_small_counts(str(row["refused"]), least).rstrip(".")
            said.append(f"Refused, {name}{f' ({which})' if which else ''}: {reason}.")
    return said


def _standing(document: Record, least: int) -> list[str]:
    """Return what must be read beside the estimates: intervals, who is left out, refusal, labels."""
    notes = ["Intervals are pointwise and allow for dependence along the network; estimators other than the headline are "
             "shown for comparison."]  # fmt: skip
    left = document.get("without_peers")
    if left:
        notes.append(f"Units without peers left out: {f'{left:,}' if left >= least else f'fewer than {least}'}.")
    if document.get("refused"):
        notes.append(f"Refused: {without_small_counts(str(document['refused']), least).rstrip('.')}.")
    return [*notes, *_labels(document)]


def _labels(document: Record) -> list[str]:
    if document.get("labels_validated") is not False:
        return []
    return ["Labels not validated: nobody compared them with people's judgement, so every number is exploratory."]


def _about(what: str, document: Record) -> str:
    outcome, exposure = document.get("outcome"), document.get("exposure")
    if not outcome or not exposure:
        return what
    return f"{what}: {exposure} on {_plain(outcome)}"


def _plain(name: Any) -> str:
    return str(name).replace("_", " ")
