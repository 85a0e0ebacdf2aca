"""What the people of S7 write: which strategies a message uses, its words, and the handles in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.designs.s7_grammar import STRATEGIES, Dice, post_text
from causal.designs.s7_world import Posts
from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]

OTHER_RATE = 0.045
_FIRST = ("quiet", "amber", "gentle", "distant", "little", "silver", "rainy", "paper", "maple", "velvet", "mellow")
_SECOND = ("lantern", "otter", "comet", "teapot", "harbor", "sparrow", "meadow", "pixel", "willow", "marble", "kite")
_DOMAINS = ("example.org", "example.com", "mail.example.net")


def draw_strategies(posts: Posts, target: str, seed: int) -> Bool:
    """Return the strategies of each message (n x 14): the planted one as simulated, others at rates tied to U."""
    names = tuple(STRATEGIES)
    rng = generator(seed, "s7", "strategies")
    tilt = 1 + 0.6 * np.cos(np.arange(len(names))[None, :] + posts.level[:, None] * np.pi / 2)
    chosen = rng.random((len(posts.author), len(names))) < OTHER_RATE * tilt
    chosen[:, names.index(target)] = posts.uses
    return chosen


def invent_usernames(n: int, seed: int) -> tuple[str, ...]:
    """Return `n` distinct usernames made of two words and a number."""
    rng = generator(seed, "s7", "usernames")
    first, second = rng.integers(len(_FIRST), size=n), rng.integers(len(_SECOND), size=n)
    return tuple(f"{_FIRST[a]}_{_SECOND[b]}_{1000 + i}" for i, (a, b) in enumerate(zip(first, second, strict=True)))


def write_texts(posts: Posts, chosen: Bool, usernames: tuple[str, ...], fidelity: float, seed: int) -> tuple[str, ...]:
    """Return the text of every message."""
    dice, names = Dice(generator(seed, "s7", "texts")), tuple(STRATEGIES)
    texts = []
    for level, row in zip(posts.level.tolist(), chosen.tolist(), strict=True):
        text = post_text(level, [name for name, used in zip(names, row, strict=True) if used], fidelity, dice)
        texts.append(_with_handles(text, usernames, dice))
    return tuple(texts)


def _with_handles(text: str, usernames: tuple[str, ...], dice: Dice) -> str:
    """Add, to a few texts, a mention of somebody or an e-mail address, so that protection has something to do."""
    draw = dice.uniform()
    if draw > 0.035:
        return text
    name = dice.pick(usernames)
    if draw < 0.003:
        return f"{text} Write to me at {name}@{dice.pick(_DOMAINS)} if you like."
    return f"{text} {dice.pick(('As u/', 'Like /u/', 'What u/'))}{name} said."
