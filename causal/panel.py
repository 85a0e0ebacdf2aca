"""The network panel: one row per person at risk and period, everything about it known before the period starts.

For row (i, t): the risk set (people active in the last k periods), the peers N_i(t) (ties formed before t, within a
lookback) and all covariates are functions of `Events.before(t)` and `TieEvents.before(t)` alone. The period t enters
only through D_jt, what the peers did, and t + 1 only through the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, vstack

from causal.covariates import Basis, Prefix, covariates_at, fit_basis, mean_text, pattern, score
from causal.events import Bool, Calendar, Events, Float, Int, TieEvents
from causal.exposure import Mapping, Seen, cosine_similarity
from causal.inference import undirected
from causal.schema import PANEL
from copenet.foundation.errors import RefusedError, UsageError
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import TIMESTAMP, conform

Strings = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """How the panel is cut.

    Args:
        period_weeks: Length of a period.
        lookback_periods: How many periods before t a tie may lie to make a peer eligible.
        risk_periods: A person is at risk in t if they wrote in one of this many periods before t.
        burn_in_periods: Periods before the first row, at least; text bases are fitted there and nowhere else.
        burn_in_messages: Messages before the first row: the burn-in is longer, up to half of the periods, where the
            first periods hold fewer.
        text_dimensions: Principal components of prior text, of the person and of their peers (0: none).
        representation_dimensions: Outputs of the GraphSAGE representation of prior text and ties (0: none).
        seed: Seed of what is fitted on the burn-in.
    """

    period_weeks: int = 2
    lookback_periods: int = 4
    risk_periods: int = 4
    burn_in_periods: int = 4
    burn_in_messages: int = 200
    text_dimensions: int = 8
    representation_dimensions: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        least = (self.period_weeks, self.lookback_periods, self.risk_periods, self.burn_in_periods)
        if min(least) < 1 or self.text_dimensions < 0 or self.representation_dimensions < 0:
            raise UsageError("Periods of the panel count from 1 and dimensions from 0.")


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows of one period t, their peers and what happened.

    Attributes:
        period: t.
        person: Codes of the people at risk (r).
        peers: Whom each row can see (r x n_people), from ties before t.
        seen: What exposure mappings may look at: those peers, what they did in t, and how all stood before t.
        exposing: Number of eligible peers who used the strategy in t (r).
        outcome: Posted and used the strategy in t + 1, threads that supplied the exposure left out (r).
        posted: Posted in t + 1 (r).
        dropped: Outcome messages left out (r).
        forum: Where each person had written most before t (r).
        covariates: Covariates from before t (r x p).
    """

    period: int
    person: Int
    peers: csr_array
    seen: Seen
    exposing: Int
    outcome: Bool
    posted: Bool
    dropped: Int
    forum: Int
    covariates: Float


@dataclass(frozen=True, slots=True)
class Panel:
    """All rows, in the order of period and person.

    Attributes:
        settings, calendar, people, forums: What the codes mean.
        person, period, n_peers, exposing, dropped, forum: Per row (r).
        outcome, posted: Per row (r).
        covariates: r x p, with `names` (p).
        groups: For each covariate what it stands for: own_history, activity, position, peers, text, peers_text,
            place_time, representation.
        slices: The rows by period, with the peers of each.
        basis: What was fitted on the burn-in.
    """

    settings: PanelSettings
    calendar: Calendar
    people: Strings
    forums: Strings
    person: Int
    period: Int
    n_peers: Int
    exposing: Int
    dropped: Int
    forum: Int
    outcome: Bool
    posted: Bool
    covariates: Float
    names: Strings
    groups: Strings
    slices: tuple[Slice, ...]
    basis: Basis

    @property
    def eligible(self) -> Bool:
        """Which rows have at least one eligible peer, so that an exposure is defined."""
        return self.n_peers > 0

    def exposure(self, mapping: Mapping) -> Float:
        """Return E of every row of the slices (r), NaN without eligible peers.

        Raises:
            UsageError: The mapping needs prior text and there is none.
        """
        return np.concatenate([mapping.of(piece.seen) for piece in self.slices])

    def table(self) -> pa.Table:
        """Return the panel as a table of schema `PANEL`."""
        starts = np.asarray([self.calendar.start(p) for p in range(self.calendar.count + 1)], dtype=np.int64)
        width = self.covariates.shape[1]
        offsets = np.arange(len(self.person) + 1, dtype=np.int32) * width
        columns: dict[str, Any] = {
            "author_id": pa.array(self.people, pa.string()).take(pa.array(self.person)),
            "period": self.period,
            "period_start": pa.array(starts[self.period], TIMESTAMP),
            "outcome": self.outcome,
            "posted_next": self.posted,
            "dropped_messages": self.dropped,
            "n_peers": self.n_peers,
            "forum": pa.array(self.forums, pa.string()).take(pa.array(self.forum)),
            "covariates": pa.ListArray.from_arrays(pa.array(offsets), pa.array(self.covariates.ravel())),
        }
        return conform(pa.table(columns), PANEL)


def build_panel(
    events: Events,
    ties: TieEvents,
    calendar: Calendar,
    settings: PanelSettings,
    progress: Progress = SILENT,
    basis: Basis | None = None,
) -> Panel:
    """Build the panel of all periods after the burn-in which have a following one.

    Args:
        events: Messages of known people.
        ties: Whom people have seen.
        calendar: The periods.
        settings: How the panel is cut.
        progress: Where to report.
        basis: What was fitted on the burn-in before, on other ties of the same study; None fits it.

    Raises:
        RefusedError: The data are too short for one row after the burn-in, or nobody is ever at risk.
    """
    first = first_period(events, calendar, settings)
    periods = range(first, calendar.count - 1)
    if not periods:
        raise RefusedError(
            f"The data cover {calendar.count} whole periods; the panel needs {settings.burn_in_periods + 2}.",
            remedy="Use shorter periods or a shorter burn-in, or collect a longer span.",
        )
    basis = basis or fit_basis(prefix_at(events, ties, calendar, first, settings), settings)
    data = (score(events, basis), ties)
    slices = []
    with progress.task("panel", len(periods), "periods") as task:
        for period in periods:
            slices.append(build_slice(data, calendar, period, basis, settings))
            task.advance()
    if not sum(len(s.person) for s in slices):
        raise RefusedError(
            "Nobody is at risk in any period.", remedy="Raise risk_periods or use longer periods (period_weeks)."
        )
    return _assemble(events, calendar, settings, basis, tuple(slices))


def first_period(events: Events, calendar: Calendar, settings: PanelSettings) -> int:
    """Return the first period with rows: after the burn-in, which what was said before it makes long enough."""
    starts = [calendar.start(p) for p in range(calendar.count // 2 + 1)]
    said = np.searchsorted(events.time, starts, side="left")
    long_enough = int(np.searchsorted(said, settings.burn_in_messages, side="left"))
    return max(settings.burn_in_periods, min(long_enough, calendar.count // 2))


def prefix_at(events: Events, ties: TieEvents, calendar: Calendar, period: int, settings: PanelSettings) -> Prefix:
    """Return all that covariates of `period` may be made of: what was said and tied before it starts.

    Who was answered by name but has written nothing yet is nobody's peer: that they will be in the data is known only later.
    """
    start = calendar.start(period)
    earlier = events.before(start)
    wrote = np.zeros(len(events.people), dtype=bool)
    wrote[earlier.person] = True
    return Prefix(
        events=earlier,
        ties=ties.before(start).among(wrote),
        calendar=calendar,
        period=period,
        lookback_periods=settings.lookback_periods,
        risk_periods=settings.risk_periods,
    )


def build_slice(
    data: tuple[Events, TieEvents], calendar: Calendar, period: int, basis: Basis, settings: PanelSettings
) -> Slice:
    """Build the rows of one period from scored events and ties."""
    events, ties = data
    prefix = prefix_at(events, ties, calendar, period, settings)
    person = risk_set(prefix)
    everyone = prefix.peers()
    peers = everyone[person]
    covariates, forum = covariates_at(prefix, person, basis)
    now = events.between(calendar.start(period), calendar.start(period + 1))
    later = events.between(calendar.start(period + 1), calendar.start(period + 2))
    used = np.zeros(len(events.people), dtype=np.int64)
    used[now.person[now.uses]] = 1
    posted = np.zeros(len(events.people), dtype=bool)
    posted[later.person] = True
    outcome, dropped = outcome_elsewhere(person, peers, now, later)
    exposing = np.asarray(peers @ used, dtype=np.int64)
    seen = Seen(
        peers, used.astype(float), tie_ages(prefix)[person], _similarity(prefix, peers, person), undirected(everyone)
    )
    return Slice(period, person, peers, seen, exposing, outcome, posted[person], dropped, forum, covariates)


def tie_ages(prefix: Prefix) -> csr_array:
    """Return for each eligible peer (n x n) how many periods ago the tie last formed: 1 is the period before."""
    n, calendar, period = len(prefix.events.people), prefix.calendar, prefix.period
    ties = prefix.ties.since(calendar.start(period - prefix.lookback_periods))
    # Ties are in the order of time: of those with the same ends the first from behind is the last.
    key, last = np.unique((ties.ego * n + ties.peer)[::-1], return_index=True)
    age = (period - calendar.of(ties.time[::-1][last])).astype(float)
    return coo_array((age, (key // n, key % n)), shape=(n, n)).tocsr()


def _similarity(prefix: Prefix, peers: csr_array, person: Int) -> csr_array | None:
    """Return how alike each row's prior text is to each peer's; None where there is no text at all."""
    text = mean_text(prefix.events)
    return cosine_similarity(peers, text, person) if text.any() else None


def risk_set(prefix: Prefix) -> Int:
    """Return the codes of those who wrote in one of the last `risk_periods` periods before the prefix ends."""
    recent = prefix.events.time >= prefix.calendar.start(prefix.period - prefix.risk_periods)
    return np.unique(prefix.events.person[recent])


def outcome_elsewhere(person: Int, peers: csr_array, now: Events, later: Events) -> tuple[Bool, Int]:
    """Return who used the strategy in `later` outside the threads in which their peers used it in `now` (rule 2).

    Args:
        person: Codes of the rows (r).
        peers: r x n matrix of eligible peers.
        now, later: Events of periods t and t + 1.

    Returns:
        The outcome (r), and how many messages of each row were left out (r).
    """
    n = peers.shape[1]
    threads = np.unique(later.thread[later.uses])
    answers = _counts(later.person[later.uses], np.searchsorted(threads, later.thread[later.uses]), n, len(threads))
    answers = answers[person]
    where = np.searchsorted(threads, now.thread[now.uses])
    inside = where < len(threads)
    inside[inside] = threads[where[inside]] == now.thread[now.uses][inside]
    supplied = _counts(now.person[now.uses][inside], where[inside], n, len(threads))
    seen = peers @ supplied
    seen.data[:] = 1
    dropped = np.asarray(answers.multiply(seen).sum(axis=1), dtype=np.int64).ravel()
    total = np.asarray(answers.sum(axis=1), dtype=np.int64).ravel()
    return total > dropped, dropped


def _counts(rows: Int, columns: Int, n_rows: int, n_columns: int) -> csr_array:
    ones = np.ones(len(rows), dtype=np.int64)
    return coo_array((ones, (rows, columns)), shape=(n_rows, max(n_columns, 1))).tocsr()


def _assemble(
    events: Events, calendar: Calendar, settings: PanelSettings, basis: Basis, slices: tuple[Slice, ...]
) -> Panel:
    def joined(pick: Callable[[Slice], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([pick(s) for s in slices])

    return Panel(
        settings=settings,
        calendar=calendar,
        people=events.people,
        forums=events.forums,
        person=joined(lambda s: s.person),
        period=joined(lambda s: np.full(len(s.person), s.period, dtype=np.int64)),
        n_peers=joined(lambda s: np.diff(s.peers.indptr).astype(np.int64)),
        exposing=joined(lambda s: s.exposing),
        dropped=joined(lambda s: s.dropped),
        forum=joined(lambda s: s.forum),
        outcome=joined(lambda s: s.outcome),
        posted=joined(lambda s: s.posted),
        covariates=joined(lambda s: s.covariates),
        names=basis.names,
        groups=basis.groups,
        slices=slices,
        basis=basis,
    )


def union_graph(panel: Panel, ties: TieEvents) -> csr_array:
    """Return the symmetric 0/1 graph of all ties before the last outcome period (n x n): for folds and inference."""
    return tie_graph(ties.before(panel.calendar.start(int(panel.period.max()) + 1)), len(panel.people))


def tie_graph(ties: TieEvents, n: int) -> csr_array:
    """Return the symmetric 0/1 graph of ties among n people (n x n)."""
    graph = pattern(np.r_[ties.ego, ties.peer], np.r_[ties.peer, ties.ego], n)
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph


def peer_graph(panel: Panel) -> csr_array:
    """Return the symmetric 0/1 graph of whom any row could see (n x n)."""
    n = len(panel.people)
    row, peer = vstack([piece.peers for piece in panel.slices]).nonzero()
    graph = pattern(panel.person[row], peer, n)
    return csr_array(graph.maximum(graph.T))


def with_rows(panel: Panel, rows: Bool) -> Panel:
    """Return the panel with only `rows`; the slices stay as they are."""
    per_row = ("person", "period", "n_peers", "exposing", "dropped", "forum", "outcome", "posted", "covariates")
    return replace(panel, **{name: getattr(panel, name)[rows] for name in per_row})
