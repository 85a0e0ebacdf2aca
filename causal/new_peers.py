"""People first met in the period before: what they and the person did before they met cannot have been each other's doing.

For row (i, t) of the panel these are the eligible peers with whom i had no tie of any channel, either way, before t - 1.
`LAG` periods back, in s = t - 3, they were strangers: a whole period lies between s and the first contact, so that an answer
in t - 1 is hardly to something said in s. That makes i's use in s a negative-control outcome for what they do in t, and
their use in s a negative-control exposure for what i does in t + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array, vstack

from causal.covariates import PRIOR, mean_text, score
from causal.events import Bool, Calendar, Events, Float, Int, tie_events
from causal.exposure import Mapping
from causal.panel import Panel

LAG = 3
NEVER = np.iinfo(np.int64).max

Columns = dict[str, Float]


@dataclass(frozen=True, slots=True)
class Uses:
    """Who used the strategy, and who wrote, in each period of the calendar (n x count each)."""

    used: Bool
    active: Bool

    def before(self, period: int) -> tuple[Float, Float]:
        """Return the share of active periods before `period` with a use, shrunk to that of all, and use just before (n)."""
        used, active = self.used[:, :period].sum(axis=1), self.active[:, :period].sum(axis=1)
        overall = used.sum() / max(active.sum(), 1)
        last = self.used[:, period - 1] if period > 0 else np.zeros(len(used))
        return (used + PRIOR * overall) / (active + PRIOR), last.astype(float)


def uses_by_period(events: Events, calendar: Calendar) -> Uses:
    """Return the table of uses of all periods of the calendar."""
    when = calendar.of(events.time)
    used, active = np.zeros((2, len(events.people), calendar.count), dtype=bool)
    inside = (when >= 0) & (when < calendar.count)
    active[events.person[inside], when[inside]] = True
    using = inside & events.uses
    used[events.person[using], when[using]] = True
    return Uses(used, active)


def first_contact(ties: pa.Table, events: Events, calendar: Calendar) -> tuple[Int, Int]:
    """Return pairs that ever had a tie, as sorted codes min · n + max, and the period of their first (m each)."""
    n = len(events.people)
    codes, periods = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for channel in sorted(ties["channel"].unique().to_pylist()):
        found = tie_events(ties, channel, events, calendar)
        codes.append(np.minimum(found.ego, found.peer) * n + np.maximum(found.ego, found.peer))
        periods.append(calendar.of(found.time))
    code, place = np.unique(np.concatenate(codes), return_inverse=True)
    first = np.full(len(code), NEVER, dtype=np.int64)
    np.minimum.at(first, place, np.concatenate(periods))
    return code, first


@dataclass(frozen=True, slots=True)
class NewPeers:
    """Rows of a panel with peers first met in the period before, whose person had a row `LAG` periods earlier, too.

    Attributes:
        panel: The panel.
        uses: Who used the strategy when.
        row: Place of each row in the panel (r).
        then: Place of the same person's row in t - LAG (r).
        peers: The people first met in t - 1 (r x n).
        exposure: The exposure to them in t by the mapping (r).
        text: Mean prior text of them (r x q).
    """

    panel: Panel
    uses: Uses
    row: Int
    then: Int
    peers: csr_array
    exposure: Float
    text: Float

    @property
    def person(self) -> Int:
        """Person of each row (r)."""
        return self.panel.person[self.row]

    @property
    def period(self) -> Int:
        """Period t of each row (r)."""
        return self.panel.period[self.row]

    @property
    def n_peers(self) -> Int:
        """How many people were first met in t - 1 (r)."""
        return np.asarray(np.diff(self.peers.indptr), dtype=np.int64)

    def own(self, ago: int) -> tuple[Float, Float]:
        """Return whether the person used the strategy, and wrote, `ago` periods before t (r each)."""
        place = (self.person, self.period - ago)
        return self.uses.used[place].astype(float), self.uses.active[place].astype(float)

    @property
    def own_then(self) -> Float:
        """Whether the person used the strategy in t - LAG (r)."""
        return self.own(LAG)[0]

    def theirs(self, ago: int) -> Float:
        """Return the share of the new peers who used the strategy `ago` periods before t (r)."""
        share = np.empty(len(self.row))
        for t in np.unique(self.period).tolist():
            here = self.period == t
            share[here] = self.peers[np.flatnonzero(here)] @ self.uses.used[:, t - ago].astype(float)
        return share / self.n_peers

    def past(self) -> Columns:
        """Return all covariates of the person's row in t - LAG."""
        values = self.panel.covariates[self.then]
        return {f"then_{name}": values[:, k] for k, name in enumerate(self.panel.names)}

    def since(self) -> Columns:
        """Return what the person did between t - LAG and t."""
        columns: Columns = {}
        for ago in range(1, LAG):
            columns[f"own_used_{ago}"], columns[f"own_wrote_{ago}"] = self.own(ago)
        return columns

    def their_past(self) -> Columns:
        """Return what the new peers had done and said before t."""
        count = self.n_peers
        mean, some, last = (np.empty(len(self.row)) for _ in range(3))
        for t in np.unique(self.period).tolist():
            here = np.flatnonzero(self.period == t)
            rate, before = self.uses.before(t)
            some[here] = 1.0 - np.exp(self.peers[here] @ np.log1p(-np.minimum(rate, 0.98)))
            mean[here], last[here] = self.peers[here] @ rate, self.peers[here] @ before
        columns = {
            "new_peers": count.astype(float),
            "new_peers_rate": mean / count,
            "new_peers_any_rate": some,
            "new_peers_used_last": last / count,
        }
        return columns | {f"new_peers_text_{k}": self.text[:, k] for k in range(self.text.shape[1])}


def new_peers(panel: Panel, events: Events, ties: pa.Table, mapping: Mapping) -> NewPeers:
    """Return the rows of a panel with peers first met in the period before.

    Args:
        panel: The panel.
        events: The events it was built from.
        ties: The table of ties, all channels: a tie of any of them is contact.
        mapping: How the new peers' use makes an exposure.
    """
    n = len(panel.people)
    code, first = first_contact(ties, events, panel.calendar)
    scored, uses = score(events, panel.basis), uses_by_period(events, panel.calendar)
    place = {key: k for k, key in enumerate(zip(panel.person.tolist(), panel.period.tolist(), strict=True))}
    row, then, matrices, exposures, texts = [], [], [], [], []
    for piece in panel.slices:
        ego, peer = piece.peers.nonzero()
        who = piece.person[ego]
        pair = np.searchsorted(code, np.minimum(who, peer) * n + np.maximum(who, peer))
        lately = first[pair] == piece.period - 1
        new = csr_array((np.ones(lately.sum()), (ego[lately], peer[lately])), shape=piece.peers.shape)
        mine = np.array([place.get((int(p), piece.period - LAG), -1) for p in piece.person], dtype=np.int64)
        kept = np.flatnonzero((np.diff(new.indptr) > 0) & (mine >= 0))
        new = new[kept]
        seen = piece.seen
        alike = None if seen.similarity is None else csr_array(seen.similarity[kept].multiply(new))
        exposures.append(
            mapping.of(replace(seen, peers=new, age=csr_array(seen.age[kept].multiply(new)), similarity=alike))
        )
        text = mean_text(scored.before(panel.calendar.start(piece.period)))
        texts.append((new @ text) / np.diff(new.indptr)[:, None])
        row.append(np.array([place[int(p), piece.period] for p in piece.person[kept]], dtype=np.int64))
        then.append(mine[kept])
        matrices.append(new)
    return NewPeers(
        panel,
        uses,
        np.concatenate(row),
        np.concatenate(then),
        csr_array(vstack(matrices, format="csr")),
        np.concatenate(exposures),
        np.concatenate(texts),
    )
