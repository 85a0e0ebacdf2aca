"""From how many people on a count, or a figure about them, may leave the restricted folder."""

from __future__ import annotations

from collections.abc import Sequence

SUPPRESS_BELOW = 8


def hidden_places(counts: Sequence[float], suppress_below: int = SUPPRESS_BELOW) -> frozenset[int]:
    """Return the places of the counts (k) that may not be shown: those of few, and what would tell them from the total.

    A hidden count alone is the total less the others, and so are hidden ones that come to few together: then the
    smallest of the others is hidden, too (complementary suppression; Willenborg & de Waal 2001, section 2.6).

    >>> sorted(hidden_places([40, 3, 30]))
    [1, 2]
    """
    order = sorted(range(len(counts)), key=lambda place: counts[place])
    gone = sum(count < suppress_below for count in counts)
    while 0 < gone < len(order) and (gone == 1 or sum(counts[place] for place in order[:gone]) < suppress_below):
        gone += 1
    return frozenset(order[:gone])
