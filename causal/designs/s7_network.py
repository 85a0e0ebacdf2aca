"""Who answers whom in S7: the threads and replies of each period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causal.designs.s7_world import MISSING, STRANGER, People, Posts
from copenet.foundation.seeds import generator

if TYPE_CHECKING:
    from causal.designs.s7 import S7

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
HOUR = 3_600
DAY = 24 * HOUR
PERIOD = 14 * DAY
SUBMISSION_SHARE = 0.25
LATE_REPLY_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Slots:
    """Messages about to be written: author (STRANGER for passers-by), trait level, whether the strategy is used."""

    author: Int
    level: Int
    uses: Bool


class Conversation:
    """The growing record of threads and replies.

    `received[t][i, j]` says that j replied to i in period t, `exposed[t][i]` that an answer in time to a post of i used
    the strategy.
    """

    def __init__(self, people: People, settings: S7, seed: int) -> None:
        self.people, self.settings, self.seed = people, settings, seed
        self.received: list[Bool] = []
        self.exposed: list[Bool] = []
        self.partner = np.zeros((settings.people, settings.people), dtype=bool)
        self.gaps = _missing_days(settings.periods, seed)
        self.author: list[int] = []
        self.level: list[int] = []
        self.uses: list[bool] = []
        self.time: list[int] = []
        self.parent: list[int] = []
        self.thread: list[int] = []
        self.forum: list[int] = []
        self._outside = 0

    def posts(self) -> Posts:
        """Return what was said, in the order of time."""
        columns = (self.author, self.level, self.time, self.parent, self.thread, self.forum)
        author, level, time, parent, thread, forum = (np.asarray(c, dtype=np.int64) for c in columns)
        return Posts(author, level, np.asarray(self.uses, dtype=bool), time, parent, thread, forum)

    def hold(self, period: int, slots: Slots) -> None:
        """Let the messages of one period find their times, threads and parents."""
        rng = generator(self.seed, "s7", "talk", period)
        times, order = self._times(period, slots.author, rng)
        kind, missing, late, pick = rng.random((4, len(order)))
        forums = rng.random(len(order))
        self.received.append(np.zeros_like(self.partner))
        self.exposed.append(np.zeros(self.settings.people, dtype=bool))
        start = len(self.author)
        for rank, slot in enumerate(order.tolist()):
            author, level = int(slots.author[slot]), int(slots.level[slot])
            root = rank < self.settings.forums or kind[rank] < SUBMISSION_SHARE
            first = start
            if late[rank] < LATE_REPLY_SHARE and not slots.uses[slot]:
                first = max(0, start - 40)
            now = int(times[rank])
            parent = -1 if root else self._choose(author, level, first, now, float(pick[rank]))
            self._write(author, level, bool(slots.uses[slot]), now)
            self._place(parent, author, level, float(forums[rank]), missing[rank])

    def _times(self, period: int, author: Int, rng: np.random.Generator) -> tuple[Int, Int]:
        """Return sorted times in seconds since the start, outside the missing days, and the order of the slots."""
        days, n = [d for d in range(period * 14, (period + 1) * 14) if d not in self.gaps], len(author)
        day = np.asarray(days)[rng.integers(len(days), size=n)]
        times, order = day * DAY + rng.integers(DAY, size=n), rng.permutation(n)
        if not self.settings.session_hours:
            return np.sort(times), order
        _, first, whose = np.unique(author, return_index=True, return_inverse=True)
        begins = np.where(author == STRANGER, times, times[first][whose])
        times = begins + (rng.random(n) * self.settings.session_hours * HOUR).astype(np.int64)
        times = np.minimum(times, (period + 1) * PERIOD - 1)
        order = np.argsort(times, kind="stable")
        return times[order], order

    def _choose(self, author: int, level: int, first: int, now: int, draw: float) -> int:
        """Return the message that gets the answer, -1 when there is none to answer."""
        writers = np.asarray(self.author[first:], dtype=np.int64)
        if not len(writers):
            return -1
        distance = np.abs(np.asarray(self.level[first:]) - level)
        weight = np.exp(-self.settings.homophily * distance)
        if self.settings.recency_hours:
            age = (now - np.asarray(self.time[first:])) / HOUR
            weight *= np.exp(-age / self.settings.recency_hours)
        if author != STRANGER:
            weight *= np.where((writers >= 0) & self.partner[author, writers], 3.0, 1.0)
            weight *= 0.3 + self.people.forums[author, np.asarray(self.forum[first:], dtype=np.int64)]
            weight[writers == author] = 0.0
        total = np.cumsum(weight)
        return -1 if total[-1] <= 0 else first + int(np.searchsorted(total, draw * total[-1], side="right"))

    def _write(self, author: int, level: int, uses: bool, time: int) -> None:
        self.author.append(author)
        self.level.append(level)
        self.uses.append(uses)
        self.time.append(time)

    def _place(self, parent: int, author: int, level: int, draw: float, missing: float) -> None:
        """Record thread, forum and tie of the message just written."""
        here = len(self.author) - 1
        if parent < 0:
            preference = self.people.forums[author] if author >= 0 else self.people.forums.mean(axis=0)
            forum = int(np.searchsorted(np.cumsum(preference), draw * preference.sum(), side="right"))
            self.parent.append(-1)
            self.thread.append(here)
            self.forum.append(min(forum, self.settings.forums - 1))
            return
        self.forum.append(self.forum[parent])
        if missing < self.settings.missing_parent_share:
            self._outside += 1
            self.parent.append(MISSING)
            self.thread.append(self.thread[parent] if self._outside % 2 else MISSING - self._outside)
            return
        self.parent.append(parent)
        self.thread.append(self.thread[parent])
        other = self.author[parent]
        if author >= 0 and other >= 0:
            self.received[-1][other, author] = True
            self.partner[other, author] = self.partner[author, other] = True
            in_time = self.time[here] - self.time[parent] <= self.settings.reply_hours * HOUR
            if self.parent[parent] == -1 and self.uses[here] and in_time:
                self.exposed[-1][other] = True


def _missing_days(periods: int, seed: int) -> frozenset[int]:
    """Return two days on which nothing was collected, inside the study."""
    days = generator(seed, "s7", "gaps").choice(np.arange(15, periods * 14 - 15), size=2, replace=False)
    return frozenset(int(day) for day in days)
