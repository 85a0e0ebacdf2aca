"""Time shuffle (Anagnostopoulos, Kumar & Mahdian 2008): is it *when* people used the strategy that goes with their peers?

Whoever uses the strategy, how often, who is active when and who sees whom stay as they are; only the periods of use move.
Uses are traded between two people of the same forum at periods in which both were active and one of them used it, so that
every person keeps the number of uses and every forum the number of uses in every period. Under the null hypothesis

    logit P(D_it = 1 | i active in t) = α_i + γ_f(i),t,   independently over people and periods,

all such tables are equally likely (α and γ, whatever they are, drop out: Rasch 1960; Verhelst 2008), homophily on a lasting
trait and news that reach a forum at once included. Trades are those of the curveball algorithm (Strona et al. 2014; its
law is uniform: Carstens 2015) with periods out of reach where a person was silent; draws start from a common hub (Besag &
Clifford 1989), so the Monte-Carlo p-value is exact however slowly the trades mix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from causal.events import Bool, Events, Float, Int
from causal.exposure import Mapping
from causal.panel import Panel
from causal.power import LEVEL, POWER, power_against
from causal.regression import ols
from causal.results import Check, Estimate, Status
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

DRAWS = 99
ROUNDS = 20
PLANTED = 24  # tables in which the headline's effect is planted, to see how much of it the statistic shows
FEWEST_TRADERS = 20
CANNOT = (
    "Lasting traits and news that reach a whole forum cannot bring this about; short-lived causes shared by the tied "
    "alone, and uses that run on from period to period, can."
)

Statistic = Callable[[Bool], float]


Moved = Callable[[Bool], Bool]


@dataclass(frozen=True, slots=True)
class Shuffle:
    """A statistic of the table of uses, and of tables with other times.

    Attributes:
        observed: Of the table itself.
        draws: Of the shuffled tables (b).
        p_value: (1 + how many draws are at least as far from the mean of all b + 1) / (b + 1).
    """

    observed: float
    draws: Float
    p_value: float

    @property
    def spread(self) -> float:
        """Standard deviation of the draws."""
        return float(np.std(self.draws, ddof=1))


def shuffle_test(
    used: Bool,
    active: Bool,
    group: Int,
    statistic: Statistic,
    *,
    draws: int = DRAWS,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Shuffle:
    """Compare a statistic of when people used the strategy with its law when only the times are shuffled.

    Args:
        used: Whether each person used the strategy in each period (n x T).
        active: Whether they wrote at all (n x T); holds `used`.
        group: Forum of each person (n): uses are traded within it.
        statistic: Of an n x T table of uses.
        draws: Shuffled tables, at least 19.
        rounds: Rounds of trades between one table and the next; everybody trades at most once a round.
        seed: Seed of the trades.

    >>> used = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
    >>> result = shuffle_test(used, np.ones_like(used), np.zeros(4, dtype=int), lambda t: float(t.sum()), draws=19)
    >>> result.observed, set(result.draws.tolist()), result.p_value
    (4.0, {4.0}, 1.0)
    """
    if np.any(used & ~active):
        raise UsageError("Who used the strategy in a period was active in it.", remedy="Check `active`.")
    if draws < 19:
        raise UsageError("A p-value of .05 needs at least 19 draws.", remedy="Raise draws.")
    moved = mover(active, group, rounds=rounds, seed=seed)
    hub = moved(used)
    values = np.array([statistic(moved(hub)) for _ in range(draws)])
    observed = statistic(used)
    every = np.r_[observed, values]
    far = np.abs(every - every.mean())
    ties = 1e-9 * max(float(np.abs(every).max()), 1e-300)
    return Shuffle(observed, values, float(np.mean(far >= far[0] - ties)))


def mover(active: Bool, group: Int, *, rounds: int = ROUNDS, seed: int = 0) -> Moved:
    """Return what takes a table of uses (n x T) to another with the same margins, by rounds of trades.

    Args:
        active: Whether people wrote (n x T).
        group: Forum of each person (n).
        rounds: Rounds of trades.
        seed: Seed of the trades.
    """
    rng = generator(seed, "time shuffle")

    def moved(table: Bool) -> Bool:
        table, uses = table.copy(), table.sum(axis=1)
        traders = np.flatnonzero((uses > 0) & (uses < active.sum(axis=1)))
        mine = table[traders]
        for _ in range(rounds):
            _trade(mine, active[traders], group[traders], rng)
        table[traders] = mine
        return table

    return moved


def _trade(table: Bool, active: Bool, group: Int, rng: np.random.Generator) -> None:
    """Pair people of the same group at random and deal what one of a pair used and the other did not out anew."""
    order = np.lexsort((rng.random(len(group)), group))
    sorted_group = group[order]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]]) if len(group) else np.zeros(0, int)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    first = np.flatnonzero((rank[:-1] % 2 == 0) & (sorted_group[1:] == sorted_group[:-1]))
    one, other = order[first], order[first + 1]
    free = (table[one] != table[other]) & active[one] & active[other]
    keys = np.where(free, rng.random(free.shape), 2.0)
    place = keys.argsort(axis=1).argsort(axis=1)
    dealt = place < (table[one] & free).sum(axis=1, keepdims=True)
    table[other] = np.where(free, ~dealt, table[other])
    table[one] = np.where(free, dealt, table[one])


@dataclass(frozen=True, slots=True)
class Times:
    """The table of uses of a panel, from its first row on: n people x T periods, with each person's main forum (n)."""

    used: Bool
    active: Bool
    forum: Int
    first: int


def times_of(panel: Panel, events: Events) -> Times:
    """Return who used the strategy and who wrote in each period of the panel, those without rows too, and the next."""
    first, last = panel.slices[0].period, panel.slices[-1].period + 1
    n, when = len(panel.people), panel.calendar.of(events.time)
    inside = (when >= first) & (when <= last)
    used, active = np.zeros((2, n, last - first + 1), dtype=bool)
    active[events.person[inside], when[inside] - first] = True
    using = inside & events.uses
    used[events.person[using], when[using] - first] = True
    forums = len(panel.forums)
    counts = np.bincount(events.person[inside] * forums + events.forum[inside], minlength=n * forums)
    return Times(used, active, counts.reshape(n, forums).argmax(axis=1).astype(np.int64), first)


@dataclass(frozen=True, slots=True)
class PanelStatistic:
    """The slope of use in t + 1 on the exposure in t, given all that shuffling leaves as it is.

    Residual on residual (Frisch & Waugh 1933) given forum x period, whether the person wrote in t + 1, their share of
    active periods with a use, and the exposure that peers of such shares would give on average.
    """

    panel: Panel
    times: Times
    mapping: Mapping
    cell: Int
    basis: Float

    @classmethod
    def of(cls, panel: Panel, times: Times, mapping: Mapping) -> PanelStatistic:
        """Return the statistic of a panel."""
        rows = panel.eligible
        cells = np.column_stack([times.forum[panel.person[rows]], panel.period[rows]])
        cell = np.unique(cells, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
        left = np.column_stack([_within(column, cell) for column in _fixed_columns(panel, times).T])
        vectors, size, _ = np.linalg.svd(left, full_matrices=False)
        return cls(panel, times, mapping, cell, np.asarray(vectors[:, size > 1e-10 * max(size.max(), 1.0)]))

    @property
    def next_use(self) -> tuple[Int, Int]:
        """Where in a table the outcome of each eligible row stands (person and column, r each)."""
        rows = self.panel.eligible
        return self.panel.person[rows], self.panel.period[rows] + 1 - self.times.first

    def exposure(self, table: Bool) -> Float:
        """Return the exposure of the eligible rows (r) by a table of uses."""
        held = table.astype(float)
        seen = [replace(s.seen, used=held[:, s.period - self.times.first]) for s in self.panel.slices]
        return np.concatenate([self.mapping.of(s) for s in seen])[self.panel.eligible]

    def __call__(self, table: Bool) -> float:
        """Return the slope in a table of uses (n x T)."""
        exposure = self.exposure(table)
        exposure = _within(exposure, self.cell)
        exposure = exposure - self.basis @ (self.basis.T @ exposure)
        energy = float(exposure @ exposure)
        return float(exposure @ table[self.next_use]) / energy if energy > 1e-9 * len(exposure) else 0.0

    def planted(self, table: Bool, effect: float, rng: np.random.Generator) -> Bool:
        """Return the table with an effect on whether those who wrote in t + 1 used the strategy.

        `effect` is per unit of exposure and over all rows; what falls on people who were silent falls on the others.
        """
        place, amount = self.next_use, effect * self.exposure(table)
        can = self.times.active[place] & (table[place] if effect < 0 else ~table[place])
        open_share = float(can.mean())
        chance = np.abs(amount) / open_share if open_share > 0 else np.zeros_like(amount)
        hit = can & (rng.random(len(amount)) < chance)
        made = table.copy()
        made[place[0][hit], place[1][hit]] = effect > 0
        return made


def _fixed_columns(panel: Panel, times: Times) -> Float:
    """Return what shuffling leaves as it is, beside forum x period (r x 7)."""
    rows, share = panel.eligible, times.used.sum(axis=1) / np.maximum(times.active.sum(axis=1), 1)
    counts, any_of = [], []
    for piece in panel.slices:
        chance = np.minimum(share * times.active[:, piece.period - times.first], 0.98)
        counts.append(piece.peers @ chance)
        any_of.append(1.0 - np.exp(piece.peers @ np.log1p(-chance)))
    expected, some = np.concatenate(counts)[rows], np.concatenate(any_of)[rows]
    person, period = panel.person[rows], panel.period[rows]
    wrote = times.active[person, period + 1 - times.first].astype(float)
    own = np.column_stack([wrote, wrote * share[person], share[person]])
    peers = np.column_stack([expected, some, expected / panel.n_peers[rows], np.log(panel.n_peers[rows])])
    return np.column_stack([own, peers])


def _within(values: Float, cell: Int) -> Float:
    """Return values without the mean of their cell: least squares on an indicator of each, without a column for each."""
    means = np.bincount(cell, weights=values) / np.maximum(np.bincount(cell), 1)
    return np.asarray(values - means[cell])


def time_shuffle_check(panel: Panel, events: Events, mapping: Mapping, headline: Estimate, *, seed: int) -> Check:
    """Ask whether the order of time carries what is seen, and whether an effect as large as the headline would be seen.

    Args:
        panel: The panel.
        events: The events it was built from.
        mapping: The exposure mapping.
        headline: The headline estimate.
        seed: Seed of the trades.
    """
    times = times_of(panel, events)
    uses = times.used.sum(axis=1)
    traders = int(np.sum((uses > 0) & (uses < times.active.sum(axis=1))))
    if traders < FEWEST_TRADERS or not panel.eligible.any():
        said = f"Only {traders} people used the strategy in some of their active periods and not in others."
        return Check("time_shuffle", "not_informative", said, {"traders": traders})
    statistic = PanelStatistic.of(panel, times, mapping)
    effect = among_active(panel, panel.exposure(mapping), per_unit(headline))
    found = shuffle_test(times.used, times.active, times.forum, statistic, draws=DRAWS, seed=seed)
    return _judged(found, shown(statistic, effect, seed), np.sign(effect), traders)


def per_unit(found: Estimate) -> float:
    """Return an estimate per unit of exposure, 0 where there is none: a shift is one of its mean move.

    >>> per_unit(Estimate("shift", "shift", 0.02, 0.01, 0.0, 0.04, 0.05, 9, 9, detail={"per_unit": 0.1}))
    0.1
    """
    return float(found.detail.get("per_unit", found.estimate or 0.0))


def among_active(panel: Panel, exposure: Float, effect: float) -> float:
    """Return how much of an effect on the composite outcome is no effect on writing at all, which shuffling keeps.

    P(Y = 1) = P(posted) P(used | posted): of Δ P(Y) the part P(used | posted) Δ P(posted) runs through writing; the
    slope of having posted on the exposure is by least squares beside the covariates.

    Args:
        panel: The panel.
        exposure: Exposure of its rows (r).
        effect: Per unit of exposure, on the composite outcome.
    """
    rows = panel.eligible
    posted = panel.posted[rows].astype(float)
    writing = ols(posted, exposure[rows], panel.covariates[rows])[0]
    rate = float(panel.outcome[rows].sum() / max(posted.sum(), 1.0))
    left = effect - rate * writing
    return left if left * effect > 0 else 0.0


def shown(statistic: PanelStatistic, effect: float, seed: int, tables: int = PLANTED) -> float:
    """Return how far a planted effect moves the statistic from its law: the margins that are kept hide a part of it.

    Args:
        statistic: Of the panel.
        effect: Per unit of exposure, over all rows.
        seed: Seed of the tables.
        tables: Shuffled tables in which it is planted.
    """
    times = statistic.times
    moved, rng = mover(times.active, times.forum, seed=seed), generator(seed, "time shuffle", "planted")
    shifts, table = [], times.used
    for _ in range(tables):
        table = moved(table)
        made = statistic.planted(table, effect, rng)
        shifts.append(statistic(made) - statistic(moved(made)))
    return float(np.mean(shifts))


def _judged(found: Shuffle, shift: float, sign: float, traders: int) -> Check:
    """Judge a shuffle by the direction of the headline (`sign`, 0 where all of it runs through writing at all)."""
    power = power_against(abs(shift), found.spread)
    low, high = (float(q) for q in np.quantile(found.draws, (0.025, 0.975)))
    centre = float(found.draws.mean())
    figures = {
        "estimate": centre,
        "ci_low": low,
        "ci_high": high,
        "observed": found.observed,
        "p_value": found.p_value,
        "power": power,
        "shift_at_headline": shift,
        "draws": found.draws.tolist(),
        "traders": traders,
    }
    said = (
        f"With the periods of use shuffled (each person's and each forum-period's number of uses kept) the slope on the "
        f"peers' use is {centre:+.3f} [{low:+.3f}, {high:+.3f}]; in the true order it is {found.observed:+.3f} "
        f"(p = {found.p_value:.2f})."
    )
    status: Status
    if sign == 0:
        status = "not_informative"
        meaning = "Cannot be checked: all of the headline runs through writing at all, which a shuffle keeps."
    elif found.p_value <= LEVEL and np.sign(found.observed - centre) != sign:
        status = "warn"
        meaning = "The order of time matters, against the headline: in the true order there is less than by chance."
        meaning = meaning if sign > 0 else meaning.replace("less", "more")
    elif found.p_value <= LEVEL:
        status, meaning = "pass", f"The order of time matters. {CANNOT}"
    elif power >= POWER:
        status = "warn"
        meaning = (
            f"The headline, less what runs through writing at all, would be seen in {power:.0%} of such data; it is not "
            "seen. What is there may be who uses the strategy, not when."
        )
    else:
        status = "not_informative"
        meaning = (
            f"Cannot be checked: the headline, less what runs through writing at all, would be seen in only {power:.0%} "
            "of such data."
        )
    return Check("time_shuffle", status, f"{said} {meaning}", figures)
