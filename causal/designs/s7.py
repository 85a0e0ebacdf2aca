"""S7, the behavioural simulator: people, forums, threads, replies and texts over two-week periods, with known truth.

Data-generating process
-----------------------
* Each person i has a latent trait U_i in {0, 1, 2, 3} (what occupies them: study, work, sleep, family) and an activity
  a_i ~ .93 * Beta(2, 2.6); a fifth of the people join after the start.
* U shapes **text** (each filler sentence is of the trait's topic with probability `fidelity`), **ties** (a comment
  chooses whom to answer with weight exp(-homophily * |U_i - U_j|), three times that for former partners, and forums
  are chosen by trait) and **coping** (the base rate `trait_rates[U]`).
* N_i(t): those who replied to i within `lookback_periods` before period t. D_jt: j posted and used the target strategy
  in t. E_it = 1 if any j in N_i(t) has D_jt = 1.
* R_it = 1 if any post (root of a thread) of i in t was answered within `reply_hours`, directly and by somebody else whose
  account is known, with the target strategy.
* Outcome, composite: P(Y_i,t+1 = 1) = a_i * q_i,t+1 * season_t+1 + `effect` * E_it + `reply_effect` * R_it, where Y is
  "posted and used in t+1" (silent = 0) and q = trait_rates[U_i] + persistence * (i used in either of the last two
  periods). Whoever does not use the strategy may still post, so that without exposure P(post) = a_i.
* Whom a comment answers does not depend on when that was said, unless `recency_hours` is set: then its weight decays as
  exp(-age / recency_hours). People write at any time of a period; with `session_hours` each is around once, at a random
  time that has nothing to do with anybody's trait. With both, who happens to be around decides who answers.
* `null=True` is the same world with effect 0: homophily, no influence.
* Passers-by whose accounts are deleted, messages outside the dump that people reply to, and AutoModerator write too;
  they expose nobody, so the truth is that of the recorded network.

Truth
-----
`truth("panel")`: the mean over person-periods at risk with at least one eligible peer of
P(Y = 1 | E set to 1) - P(Y = 1 | E set to 0), that row's exposure set and everything before left as it was, by
simulation with common random numbers.

`truth("replies")`: the mean over posts answered within `reply_hours` of the same contrast of the answers to that post,
for the use of the strategy in other threads during the two weeks after those hours (see `s7_replies`).

Each truth changes one exposure alone. Where both effects are planted, who is exposed through one channel is so more
often through the other, too, and an estimate that does not know of the other channel is confounded by it: worlds that
test one design plant its effect only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.designs.s7_network import Conversation, Slots
from causal.designs.s7_world import MORE_USES, MOST_EXTRA, Design, People, Rows, World
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]

PERIOD_DAYS = 14
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Forced:
    """One exposure (E, or R for replies) overwritten: person, period, value. Used to check the truth by brute force."""

    person: int
    period: int
    value: bool
    design: Design = "panel"


@dataclass(frozen=True, slots=True)
class S7:
    """Settings of the behavioural simulator (see the module's text for the model and its truth).

    Args:
        people: Number of people with accounts.
        periods: Number of two-week periods.
        forums: Number of forums.
        effect: Probability added to the composite outcome by any exposing peer.
        reply_effect: Probability added to it by any exposing answer to a post.
        reply_hours: For how long after a post an answer counts.
        recency_hours: Decay of the chance to be answered with age (0: none within the period).
        chatter: Messages beyond the first of who writes in a period: Poisson with this mean, at most `MOST_EXTRA`.
        session_hours: How long a person is around in a period, at a time of their own (0: messages at any time).
        null: Whether to run the same world with no effect.
        strategy: The strategy whose spread is planted (one of the 14 of the Brief-COPE).
        trait_rates: P(use | post) by level of the trait, without history.
        persistence: Added to that rate after a use in the last two periods.
        homophily: Decay of the tie weight per level of difference in the trait.
        fidelity: Probability that a filler sentence is of the trait's own topic.
        lookback_periods: How long a received reply keeps a peer eligible.
        risk_periods: A person is at risk in t if they posted in this many periods before t.
        burn_in_periods: Periods before the first row.
        deleted_share: Share of messages by deleted accounts.
        missing_parent_share: Share of comments whose parent is outside the dump.

    >>> world = S7(people=60, periods=8).simulate(seed=1)
    >>> sorted(world.truth())[:2]
    ['channel', 'design']
    """

    people: int = 840
    periods: int = 13
    forums: int = 6
    effect: float = 0.08
    null: bool = False
    strategy: str = "positive_reframing"
    trait_rates: tuple[float, ...] = (0.08, 0.20, 0.55, 0.82)
    persistence: float = 0.10
    homophily: float = 2.0
    fidelity: float = 0.9
    lookback_periods: int = 4
    risk_periods: int = 4
    burn_in_periods: int = 4
    deleted_share: float = 0.038
    missing_parent_share: float = 0.09
    reply_effect: float = 0.0
    reply_hours: int = 72
    recency_hours: float = 0.0
    chatter: float = 0.45
    session_hours: float = 0.0

    def __post_init__(self) -> None:
        if self.people < 2 or self.periods < self.burn_in_periods + 2 or self.forums < 1:
            raise UsageError(
                "The simulator needs at least two people, one forum and two periods after the burn-in.",
                remedy="Raise people, forums or periods.",
            )
        if len(self.trait_rates) != LEVELS or not 0 <= max(self.trait_rates) + self.persistence <= 1:
            raise UsageError("trait_rates needs four rates which, with persistence, stay within 0 and 1.")

    @property
    def planted(self) -> float:
        """The effect at work in this world: 0 for the null."""
        return 0.0 if self.null else self.effect

    @property
    def planted_reply(self) -> float:
        """The effect of answers at work in this world: 0 for the null."""
        return 0.0 if self.null else self.reply_effect

    def simulate(self, seed: int, *, forced: Forced | None = None) -> World:
        """Return the world of `seed`. `forced` overwrites one exposure, all random numbers kept."""
        return _Simulation(self, seed, forced).run()

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a JSON-shaped document."""
        return asdict(self)

    def without_effect(self) -> S7:
        """Return the same world with homophily and no peer effect."""
        return replace(self, null=True)


def draw_people(settings: S7, seed: int) -> People:
    """Draw traits, activities, joining periods and forum preferences (n x forums, rows sum to 1)."""
    rng = generator(seed, "s7", "people")
    n = settings.people
    trait = rng.integers(LEVELS, size=n)
    activity = 0.93 * rng.beta(2.0, 2.6, size=n)
    late = rng.random(n) < 0.2
    joined = np.where(late, rng.integers(1, max(2, settings.periods - 2), size=n), 0)
    home = np.linspace(0, LEVELS - 1, settings.forums)
    affinity = np.exp(-0.8 * np.abs(trait[:, None] - home[None, :])) * rng.gamma(2.0, 0.5, size=(n, settings.forums))
    return People(trait, activity, joined, affinity / affinity.sum(axis=1, keepdims=True))


def season(periods: int) -> Float:
    """Return the factor of every period's rates."""
    return np.asarray(1 + 0.1 * np.sin(np.arange(periods) * 2 * np.pi / 13))


def _column(table: Bool, period: int) -> Bool:
    return table[:, period] if period >= 0 else np.zeros(len(table), dtype=bool)


class _Simulation:
    """The period-by-period loop: outcome, posts, replies, ties, exposure."""

    def __init__(self, settings: S7, seed: int, forced: Forced | None) -> None:
        n, periods = settings.people, settings.periods
        self.settings, self.seed, self.forced = settings, seed, forced
        self.people = draw_people(settings, seed)
        self.season = season(periods)
        self.used = np.zeros((n, periods), dtype=bool)
        self.posted = np.zeros((n, periods), dtype=bool)
        self.exposed = np.zeros((n, periods), dtype=bool)
        self.n_peers = np.zeros((n, periods), dtype=np.int64)
        self.replied = np.zeros((n, periods), dtype=bool)
        self.base = np.zeros((n, periods))
        self.draw = np.ones((n, periods))
        self.talk = Conversation(self.people, settings, seed)

    def run(self) -> World:
        for period in range(self.settings.periods):
            self._eligible(period)
            self._behave(period)
            self._expose(period)
        rows = Rows(self._at_risk(), self.n_peers, self.exposed, self.replied, self.used, self.base, self.draw)
        return World(self.settings, self.seed, self.people, self.talk.posts(), rows)

    def _eligible(self, period: int) -> None:
        """Fix N_i(t) from the replies of the periods before t."""
        first = max(0, period - self.settings.lookback_periods)
        self.peers = np.zeros((self.settings.people, self.settings.people), dtype=bool)
        for earlier in range(first, period):
            self.peers |= self.talk.received[earlier]
        self.n_peers[:, period] = self.peers.sum(axis=1)

    def _behave(self, period: int) -> None:
        """Draw the outcome of the period, then who posts how often, then the replies."""
        people, settings = self.people, self.settings
        rng = generator(self.seed, "s7", "behaviour", period)
        outcome_draw, post_draw = rng.random(settings.people), rng.random(settings.people)
        present = people.joined <= period
        recent = self.used[:, max(0, period - 2) : period].any(axis=1)
        rate = np.asarray(settings.trait_rates)[people.trait] + settings.persistence * recent
        base = np.where(present, people.activity * rate * self.season[period], 0.0)
        lag, replied = (_column(table, period - 1) & present for table in (self.exposed, self.replied))
        used = outcome_draw < base + settings.planted * lag + settings.planted_reply * replied
        otherwise = np.where(present, np.clip((people.activity - base) / (1 - base), 0, 1), 0.0)
        posted = used | (post_draw < otherwise)
        extra = np.minimum(rng.poisson(settings.chatter, settings.people), MOST_EXTRA)
        self.base[:, period], self.draw[:, period] = base, np.where(present, outcome_draw, 2.0)
        self.used[:, period], self.posted[:, period] = used, posted
        self.talk.hold(period, self._slots(period, np.where(posted, 1 + extra, 0)))

    def _slots(self, period: int, counts: NDArray[np.int64]) -> Slots:
        """Return who writes in the period and which of their messages use the strategy (the first, some others)."""
        rng = generator(self.seed, "s7", "slots", period)
        author = np.repeat(np.arange(self.settings.people), counts)
        first = np.r_[True, author[1:] != author[:-1]] if len(author) else np.zeros(0, dtype=bool)
        uses = self.used[author, period] & (first | (rng.random(len(author)) < MORE_USES))
        share = self.settings.deleted_share
        strangers = int(rng.binomial(len(author), share / (1 - share))) if share else 0
        level = np.r_[self.people.trait[author], rng.integers(LEVELS, size=strangers)]
        stranger_uses = rng.random(strangers) < 0.3
        return Slots(np.r_[author, np.full(strangers, -1)], level, np.r_[uses, stranger_uses])

    def _expose(self, period: int) -> None:
        """Set E_it, whether any eligible peer used the strategy in t, and R_it, whether an answer to i did."""
        self.exposed[:, period] = (self.peers & self.used[None, :, period]).any(axis=1)
        self.replied[:, period] = self.talk.exposed[period]
        if self.forced is not None and self.forced.period == period:
            forced = self.exposed if self.forced.design == "panel" else self.replied
            forced[self.forced.person, period] = self.forced.value

    def _at_risk(self) -> Bool:
        """Return who posted in the last `risk_periods` before t (n x periods), from the end of the burn-in."""
        settings = self.settings
        risk = np.zeros_like(self.posted)
        for period in range(settings.burn_in_periods, settings.periods - 1):
            risk[:, period] = self.posted[:, max(0, period - settings.risk_periods) : period].any(axis=1)
        return risk
