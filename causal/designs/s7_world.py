"""A simulated world: its people, posts and rows, its truth, and its texts, gold sample, tables and dump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.files import write_json
from copenet.foundation.seeds import generator

if TYPE_CHECKING:
    from causal.designs.s7 import S7

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

Design = Literal["panel", "replies"]
STRANGER = -1
MODERATOR = -2
MISSING = -2
# Monday 2019-01-14 00:00 UTC: a boundary of the fortnights counted from 1970-01-05, as the windows of ties are.
START = 17_910 * 86_400
TRUTH_DRAWS = 400
MOST_EXTRA = 4  # messages of a person in a period beyond the first
MORE_USES = 0.3  # chance that one of these uses the strategy where the first does


@dataclass(frozen=True, slots=True)
class People:
    """Latent trait (n), activity (n), first period (n), forum preferences (n x forums)."""

    trait: Int
    activity: Float
    joined: Int
    forums: Float


@dataclass(frozen=True, slots=True)
class Posts:
    """Messages in the order of time.

    `author` is STRANGER for deleted accounts; `parent` is -1 for submissions and MISSING for replies to messages
    outside the dump; `thread` is the index of the root, or below MISSING when the root is outside the dump; `time` is
    in seconds since the start.
    """

    author: Int
    level: Int
    uses: Bool
    time: Int
    parent: Int
    thread: Int
    forum: Int


@dataclass(frozen=True, slots=True)
class Rows:
    """Person x period arrays.

    At risk, eligible peers, exposure (E), exposing answers (R), outcome, its base probability and random number.
    """

    at_risk: Bool
    n_peers: Int
    exposed: Bool
    replied: Bool
    used: Bool
    base: Float
    draw: Float


@dataclass(frozen=True)
class World:
    """One simulated world. Everything else about it is derived from these records and the seed."""

    settings: S7
    seed: int
    people: People
    posts: Posts
    rows: Rows

    def truth(self, design: Design = "panel") -> dict[str, Any]:
        """Return the declared estimand of this world under one of the designs.

        Either is found by counterfactual simulation on the rows that the design compares.
        """
        if design == "replies":
            from causal.designs.s7_replies import replies_truth

            return replies_truth(self)
        return self._panel_truth()

    def _panel_truth(self) -> dict[str, Any]:
        """Return the contrast of the network panel.

        Each row (i, t) at risk with an eligible peer is run with E_it set to 1 and to 0, all before t as it was, with
        common random numbers: `realised` with those of the world itself, `truth` over `TRUTH_DRAWS` further draws.
        """
        settings = self.settings
        person, period = np.nonzero(self.rows.at_risk & (self.rows.n_peers > 0))
        base = self.rows.base[person, period + 1] + settings.planted_reply * self.rows.replied[person, period]
        ours = self.rows.draw[person, period + 1]
        return {
            "design": "S7",
            "estimand": "any peer against none, composite outcome, person-periods at risk with eligible peers",
            "strategy": settings.strategy,
            "channel": "received_reply",
            "truth": self._contrast(base),
            "realised": float(np.mean((ours < base + settings.planted) * 1.0 - (ours < base))) if len(base) else 0.0,
            "rows": len(base),
            "exposed_share": float(self.rows.exposed[person, period].mean()) if len(base) else 0.0,
            "seed": self.seed,
            "settings": settings.to_dict(),
        }

    def _contrast(self, base: Float) -> float:
        if not len(base):
            return 0.0
        rng = generator(self.seed, "s7", "truth")
        total = 0
        for _ in range(TRUTH_DRAWS):
            draw = rng.random(len(base))
            total += int(np.sum(draw < base + self.settings.planted)) - int(np.sum(draw < base))
        return total / (TRUTH_DRAWS * len(base))

    def save_truth(self, path: Path) -> Path:
        """Write the truth of both designs to `path` (that of the replies inside), apart from everything a stage reads."""
        write_json(path, self.truth() | {"replies": self.truth("replies")})
        return path

    @cached_property
    def strategies(self) -> Bool:
        """Which of the 14 strategies each message uses (n x 14), in the order of the taxonomy."""
        from causal.designs.s7_text import draw_strategies

        return draw_strategies(self.posts, self.settings.strategy, self.seed)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The text of each message, usernames, mentions and e-mail addresses included."""
        from causal.designs.s7_text import write_texts

        return write_texts(self.posts, self.strategies, self.usernames, self.settings.fidelity, self.seed)

    @cached_property
    def usernames(self) -> tuple[str, ...]:
        """An invented username for each person."""
        from causal.designs.s7_text import invent_usernames

        return invent_usernames(len(self.people.trait), self.seed)

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write the world as Pushshift NDJSON `.zst` files (RS_ submissions, RC_ comments, by month)."""
        from causal.designs.s7_dump import write_dump

        return write_dump(self, folder)

    def gold(self, n: int, seed: int) -> Iterator[dict[str, Any]]:
        """Yield a simulated gold sample of `n` messages: one row per message and strategy, with its probability."""
        from causal.designs.s7_dump import gold_rows

        return gold_rows(self, n, seed)

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """Return the `messages` and planted `labels` tables, as an ideal ingest and labeller would have them."""
        from causal.designs.s7_dump import planted_tables

        return planted_tables(self)
