"""Placebos: estimates which should be nothing if the estimator is sound, and what each of them cannot show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from causal.covariates import pattern
from causal.events import Bool, Events, Float, Int, TieEvents, tie_events
from causal.panel import Panel, build_panel
from causal.results import Check, Estimate, Status
from copenet.foundation.seeds import generator

MIN_ROWS = 200
MIN_SHARE = 0.1
LEAST_NEW = 0.5

Fit = Callable[[Panel, Float, Bool, dict[str, Float]], Estimate]
"""Estimate the effect of an exposure (r) among rows (r) of a panel, given further covariates (each r)."""


@dataclass(frozen=True, slots=True)
class Rewired:
    """Ties with their peers exchanged, and the share of them between people who are not tied in truth."""

    ties: TieEvents
    new: float


def rewire(ties: TieEvents, when: Int, community: Int, seed: int) -> Rewired:
    """Exchange peers among ties of the same period whose egos, and whose peers, are of the same communities.

    Every ego keeps its number of ties in every period and community, every peer the number of ties that lead to it.
    Nobody is tied to themself.

    Args:
        ties: The ties (m).
        when: Period of each tie (m).
        community: Community of each person (n).
        seed: Names the draw.
    """
    if not len(ties):
        return Rewired(ties, 0.0)
    rng = generator(seed, "placebo", "rewire")
    order = np.lexsort((rng.random(len(ties)), community[ties.peer], community[ties.ego], when))
    cells = np.stack([when[order], community[ties.ego][order], community[ties.peer][order]])
    starts = np.flatnonzero(np.r_[True, np.any(cells[:, 1:] != cells[:, :-1], axis=0)])
    peer = ties.peer.copy()
    for low, high in zip(starts, np.r_[starts[1:], len(ties)], strict=True):
        here = order[low:high]
        peer[here] = exchanged(ties.ego[here], ties.peer[here])
    n = len(community)
    return Rewired(
        TieEvents(ties.ego, peer, ties.time), float(np.mean(~np.isin(ties.ego * n + peer, ties.ego * n + ties.peer)))
    )


def exchanged(ego: Int, peer: Int) -> Int:
    """Return the same peers in another order, none of them beside itself (m); as they were where no swap mends that.

    >>> exchanged(np.array([1, 2, 3]), np.array([2, 3, 1])).tolist()
    [3, 1, 2]
    """
    made = np.roll(peer, 1)
    for k in np.flatnonzero(made == ego):
        mends = np.flatnonzero((made != ego[k]) & (made[k] != ego))
        if not len(mends):
            return peer
        made[[k, mends[0]]] = made[[mends[0], k]]
    return made


def rewired_graph(
    panel: Panel,
    data: tuple[Events, TieEvents],
    community: Int,
    fit: Fit,
    *,
    exposure: Callable[[Panel], Float],
    seed: int,
) -> Check:
    """Estimate the effect of made-up peers: same degree, community and time, other people.

    Args:
        panel: The panel under study.
        data: Its events and ties.
        community: Community of each person (n).
        fit: The headline estimator.
        exposure: The mapping: a panel to the exposure of its rows (r).
        seed: Names the draw.
    """
    events, ties = data
    rewired = rewire(ties, panel.calendar.of(ties.time), community, seed)
    if rewired.new < LEAST_NEW:
        detail = (
            f"Only {rewired.new:.0%} of the made-up ties join people who are not tied in truth: within communities this "
            "small there are no other people to exchange."
        )
        return Check("rewired_graph", "not_informative", detail, {"ties_new": rewired.new})
    other = build_panel(events, rewired.ties, panel.calendar, panel.settings)
    result = fit(other, exposure(other), other.eligible, {})
    figures = _figures(result) | {"ties_new": rewired.new}
    if result.estimate is None or result.se is None:
        return Check("rewired_graph", "not_informative", f"Not estimable: {result.refused}", figures)
    status: Status = "pass" if holds_zero(result) else "warn"
    return Check(
        "rewired_graph",
        status,
        f"Made-up peers of the same degree, community and period ({rewired.new:.0%} of the ties join people who are not "
        "tied in truth): "
        f"{result.estimate:+.3f} [{result.ci_low:+.3f}, {result.ci_high:+.3f}]. Far from zero would mean a wrong "
        "estimator; near zero does not show that communities or hidden traits are no confounders.",
        figures,
    )


def blind_peers(panel: Panel, events: Events, ties: pa.Table) -> list[csr_array]:
    """Return for each slice how many eligible peers cannot see the person from the lookback up to t + 2 (r each).

    A peer j can see i when any channel has a tie with ego j and peer i whose last event lies in that window.
    """
    calendar, n = panel.calendar, len(panel.people)
    channels = ties["channel"].unique().to_pylist()
    seeing = [tie_events(ties, channel, events, calendar) for channel in sorted(channels)]
    counts = []
    for piece in panel.slices:
        low = calendar.start(piece.period - panel.settings.lookback_periods)
        windows = [t.before(calendar.start(piece.period + 3)).since(low) for t in seeing]
        ego, peer = (np.concatenate([getattr(w, side) for w in windows]) for side in ("ego", "peer"))
        sees_row = pattern(peer, ego, n)[piece.person]  # row i holds who can see i
        counts.append(piece.peers - piece.peers.multiply(sees_row))
    return counts


def future_exposure(panel: Panel, events: Events, ties: pa.Table, exposure: Float, fit: Fit) -> Check:
    """Estimate the "effect" of what blind peers do in t + 2 on the outcome in t + 1, given the current exposure.

    Where peers can see the person, the outcome itself moves what they do later, so the placebo says nothing; it is
    computed only over peers who cannot, and only where there are enough of them. Both ends of a reply see each other
    and so do the people of a thread, so among the three channels there are none; a table with one-way ties has them.
    """
    used = np.zeros((len(panel.people), panel.calendar.count + 2))
    when = panel.calendar.of(events.time)
    kept = events.uses & (when < panel.calendar.count)
    used[events.person[kept], when[kept]] = 1.0
    blind = blind_peers(panel, events, ties)
    number = np.concatenate([np.asarray(b.sum(axis=1)).ravel() for b in blind])
    later = np.concatenate([b @ used[:, s.period + 2] for b, s in zip(blind, panel.slices, strict=True)])
    rows = (number > 0) & (panel.period + 2 < panel.calendar.count)
    share = float(rows.sum() / max(1, panel.eligible.sum()))
    figures: dict[str, object] = {"rows": int(rows.sum()), "share": share}
    if rows.sum() < MIN_ROWS or share < MIN_SHARE:
        detail = (
            f"{share:.0%} of the rows have a peer who cannot see the person, since both ends of a reply see it (ties are "
            "mutual): where peers can see, the outcome itself moves what they do later."
        )
        return Check("future_exposure", "not_informative", detail, figures)
    result = fit(panel, (later > 0).astype(float), rows, {"current_exposure": np.nan_to_num(exposure)})
    if result.estimate is None or result.se is None:
        return Check("future_exposure", "not_informative", f"Not estimable: {result.refused}", figures)
    status: Status = "pass" if holds_zero(result) else "fail"
    return Check(
        "future_exposure",
        status,
        f"What peers who cannot see the person do later: {result.estimate:+.3f} [{result.ci_low:+.3f}, "
        f"{result.ci_high:+.3f}]. Far from zero means shared causes that the covariates miss; near zero speaks only "
        "for pairs without contact back.",
        figures | _figures(result),
    )


def holds_zero(found: Estimate) -> bool:
    """Return whether the interval of an estimate, as it is printed, holds 0."""
    return found.ci_low is not None and found.ci_high is not None and found.ci_low <= 0 <= found.ci_high


def _figures(result: Estimate) -> dict[str, object]:
    names = ("estimate", "se", "ci_low", "ci_high", "p_value", "n", "refused")
    return {name: getattr(result, name) for name in names}
