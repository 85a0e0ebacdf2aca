"""Audits that catch a panel which knows what it must not: rule 1 of the design, checked and not only promised.

* **Truncation.** Rows of sampled periods are built again from tables cut physically at the start of the period. Any
  use of the period itself or of the future (its text, its ties, communities of the whole period, a text basis fitted on
  everything) makes a difference.
* **Ties.** The peers of sampled periods are counted again from the messages before the period, without the tie table.
* **Order.** Exposures and outcomes are counted again from the messages of t and t + 1 alone.
* **Clock.** Answers older than what they answer. A shuffled clock makes half of them so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causal.covariates import fit_basis, pattern, score
from causal.events import MICROSECONDS, Bool, Calendar, Events, Float, Inputs, Int, events_from, tie_events
from causal.panel import Panel, PanelSettings, build_slice, first_period, prefix_at
from causal.results import Check, Status
from graph.ties import CLOCK_SKEW_SECONDS, MAX_THREAD_PEOPLE, build_ties

# Of a covariate's size (or of 1): sums of 32-bit numbers in another order differ by some millionths.
TOLERANCE = 1e-5
CLOCK_WARN, CLOCK_FAIL = 0.01, 0.10
SAMPLED_PERIODS = 3


@dataclass(frozen=True, slots=True)
class PeriodRows:
    """The rows of one period in the order of the panel: ids (r), eligible peers (r) and covariates (r x p)."""

    author: tuple[str, ...]
    n_peers: Int
    covariates: Float


Builder = Callable[[Inputs, int], PeriodRows]


def panel_builder(settings: PanelSettings, channel: str, calendar: Calendar) -> Builder:
    """Return the function that builds the rows of one period from tables, as the panel does."""

    def build(inputs: Inputs, period: int) -> PeriodRows:
        events = events_from(inputs.messages, inputs.used, inputs.features)
        ties = tie_events(inputs.ties, channel, events, calendar)
        first = first_period(events, calendar, settings)
        basis = fit_basis(prefix_at(events, ties, calendar, first, settings), settings)
        rows = build_slice((score(events, basis), ties), calendar, period, basis, settings)
        names = tuple(events.people[i] for i in rows.person)
        return PeriodRows(names, np.diff(rows.peers.indptr).astype(np.int64), rows.covariates)

    return build


def rows_of(panel: Panel, period: int) -> PeriodRows:
    """Return the rows of `period` as they stand in the panel."""
    here = panel.period == period
    names = tuple(panel.people[i] for i in panel.person[here])
    return PeriodRows(names, panel.n_peers[here], panel.covariates[here])


def sampled_periods(panel: Panel) -> tuple[int, ...]:
    """Return the first, the middle and the last period with rows."""
    periods = np.unique(panel.period)
    return tuple(int(p) for p in np.unique(periods[np.linspace(0, len(periods) - 1, SAMPLED_PERIODS).astype(int)]))


def truncation_audit(panel: Panel, inputs: Inputs, build: Builder, periods: Sequence[int]) -> Check:
    """Compare the panel's rows with rows built from tables that end where the period starts."""
    worst, columns, people = 0.0, set[str](), 0
    for period in periods:
        ours = rows_of(panel, period)
        cut = build(inputs.before(panel.calendar.start(period)), period)
        if ours.author != cut.author or ours.covariates.shape != cut.covariates.shape:
            people += len(set(ours.author) ^ set(cut.author)) or 1
            continue
        gap = difference(ours.covariates, cut.covariates)
        worst = max(worst, float(gap.max(initial=0.0)))
        columns |= {panel.names[k] for k in np.flatnonzero(gap.max(axis=0, initial=0.0) > TOLERANCE)}
        people += int(np.sum(ours.n_peers != cut.n_peers))
    leaked = people > 0 or worst > TOLERANCE
    return Check(
        "leaks_truncation",
        "fail" if leaked else "pass",
        f"{len(columns)} covariates and {people} rows change when nothing from the period or after exists."
        if leaked
        else f"Rows of {len(periods)} periods are the same when built from tables cut at the period's start.",
        {"periods": list(periods), "largest_difference": worst, "covariates": sorted(columns), "rows": people},
    )


def difference(ours: Float, cut: Float) -> Float:
    """Return how far two versions of covariates differ, as a share of their size where that is above 1.

    >>> difference(np.array([0.5, 20.0]), np.array([0.75, 30.0])).tolist()
    [0.25, 0.5]
    """
    return np.asarray(np.abs(ours - cut) / np.maximum(np.abs(ours), 1.0))


def tie_audit(
    panel: Panel,
    inputs: Inputs,
    channel: str,
    periods: Sequence[int],
    max_thread_people: int = MAX_THREAD_PEOPLE,
) -> Check:
    """Find the peers of sampled periods again from the messages before them."""
    differing = 0
    calendar, settings = panel.calendar, panel.settings
    slices = {piece.period: piece for piece in panel.slices}
    for period in periods:
        piece = slices[period]
        earlier = inputs.before(calendar.start(period)).messages
        ties = build_ties(earlier, window_days=7 * calendar.weeks, max_thread_people=max_thread_people).ties
        ties = ties.filter(pc.equal(ties["channel"], channel))
        recent = pa.scalar(calendar.start(period - settings.lookback_periods))
        ties = ties.filter(pc.greater_equal(pc.cast(ties["last_at"], pa.int64()), recent))
        known = pa.array(panel.people, pa.string())
        wrote = pc.unique(earlier["author_id"].filter(pc.is_valid(earlier["created_at"])))
        for name in ("source_author", "target_author"):
            ties = ties.filter(pc.is_in(ties[name], value_set=wrote))
        codes = [
            pc.index_in(ties[name], value_set=known).combine_chunks() for name in ("source_author", "target_author")
        ]
        ego, peer = (np.asarray(pc.fill_null(code, -1).to_numpy(), dtype=np.int64) for code in codes)
        again = pattern(ego[ego >= 0], peer[ego >= 0], len(panel.people))[piece.person]
        differing += len(np.unique(abs(again - piece.peers).nonzero()[0]))
    return Check(
        "leaks_ties",
        "fail" if differing else "pass",
        f"{differing} rows have other peers than the messages before the period give."
        if differing
        else f"The peers of {len(periods)} periods follow from the messages before them.",
        {"periods": list(periods), "rows": differing},
    )


def order_audit(panel: Panel, events: Events) -> Check:
    """Count exposures and outcomes again from the messages of t and of t + 1 alone."""
    used = _used(events, panel.calendar, len(panel.people))
    exposing = np.concatenate([np.asarray(s.peers @ used[:, s.period], dtype=np.int64) for s in panel.slices])
    exposure_wrong = int(np.sum(exposing != panel.exposing))
    later = used[panel.person, panel.period + 1] > 0
    outcome_wrong = int(np.sum(panel.outcome & ~later) + np.sum(later & ~panel.outcome & (panel.dropped == 0)))
    wrong = exposure_wrong + outcome_wrong
    return Check(
        "leaks_order",
        "fail" if wrong else "pass",
        f"{exposure_wrong} exposures and {outcome_wrong} outcomes do not come from their own period."
        if wrong
        else "Every exposure comes from the period and every outcome from the one after.",
        {"exposures": exposure_wrong, "outcomes": outcome_wrong},
    )


def _used(events: Events, calendar: Calendar, n: int) -> Int:
    """Return who used the strategy in which period (n x (count + 1))."""
    table = np.zeros((n, calendar.count + 1), dtype=np.int64)
    when = calendar.of(events.time)
    inside = events.uses & (when < calendar.count)
    table[events.person[inside], when[inside]] = 1
    return table


def clock_audit(events: Events) -> Check:
    """Report the share of answers that are older than what they answer (beyond the skew that ties allow)."""
    answers: Bool = events.parent_time != events.time
    early = events.time[answers] < events.parent_time[answers] - CLOCK_SKEW_SECONDS * MICROSECONDS
    share = float(early.mean()) if len(early) else 0.0
    status: Status = "fail" if share > CLOCK_FAIL else "warn" if share > CLOCK_WARN else "pass"
    return Check(
        "leaks_clock",
        status,
        f"{share:.1%} of {len(early):,} answers are older than what they answer (a shuffled clock gives about 50%).",
        {"share": share, "answers": len(early)},
    )


def audit(
    panel: Panel,
    events: Events,
    inputs: Inputs,
    channel: str,
    build: Builder | None = None,
    *,
    max_thread_people: int = MAX_THREAD_PEOPLE,
) -> Check:
    """Run all four audits and return them as one check, with the worst status.

    Args:
        panel: The panel under audit.
        events: The events it was built from.
        inputs: The tables those came from.
        channel: The channel of the ties.
        build: How rows are built from tables; the panel's own way by default.
        max_thread_people: The limit with which the ties were built (it matters for co_thread).
    """
    periods = sampled_periods(panel)
    build = build or panel_builder(panel.settings, channel, panel.calendar)
    return combined(
        truncation_audit(panel, inputs, build, periods),
        order_audit(panel, events),
        tie_audit(panel, inputs, channel, periods, max_thread_people),
        clock_audit(events),
    )


def combined(*parts: Check) -> Check:
    """Return several audits as one check with the worst status; the first two speak where all is well."""
    failed = [p for p in parts if p.status == "fail"]
    warned = [p for p in parts if p.status == "warn"]
    status: Status = "fail" if failed else "warn" if warned else "pass"
    said = failed or warned or list(parts[:2])
    figures = {p.name: {"status": p.status, "detail": p.detail} | p.figures for p in parts}
    return Check("leak_audit", status, " ".join(p.detail for p in said), figures)
