"""Which message tells a message's thread: plain functions on arrays of positions.

Pointers jump up the replies, each over its target's pointer, so a thread of depth d takes log2(d) rounds and nothing
recurses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Ancestry:
    """Where the replies of n messages lead; positions are -1 where there is none.

    Attributes:
        top: The topmost ancestor that is there (n), the message itself for one without; of what leads into a circle,
            the circle's representative.
        near: The nearest ancestor that knows its thread (n).
        cyclic: Who is on a circle (n).
        lost: Who is on a circle or leads into one (n).
    """

    top: Positions
    near: Positions
    cyclic: Mask
    lost: Mask


def ancestry(parent: Positions, known: Mask) -> Ancestry:
    """Follow every message up.

    Args:
        parent: Position of the message answered (n), -1 where it is not there or there is none.
        known: Whose source names the thread (n).

    >>> found = ancestry(np.array([-1, 0, 1, 4, 3], np.int32), np.array([True, False, False, False, False]))
    >>> found.top.tolist(), found.near.tolist(), found.cyclic.tolist()
    ([0, 0, 0, 3, 3], [-1, 0, 0, -1, -1], [False, False, False, True, True])
    """
    n = len(parent)
    up = np.arange(n, dtype=np.int32)
    np.copyto(up, parent, where=parent >= 0)
    near = np.where(known[up], up, np.int32(-1))
    near[parent < 0] = -1
    for _ in range(n.bit_length() + 1):
        if (parent[up] < 0).all():
            break
        np.copyto(near, near[up], where=near < 0)
        up = up[up]
    lost = parent[up] >= 0
    cyclic = np.zeros(n, np.bool_)
    cyclic[up[lost]] = True
    top = up
    if cyclic.any():
        top = top.copy()
        top[lost] = _representatives(parent, cyclic)[up[lost]]
    return Ancestry(top, near, cyclic, lost)


def _representatives(parent: Positions, cyclic: Mask) -> Positions:
    """Return for every position on a circle the smallest position on the same one."""
    found = np.full(len(parent), -1, np.int32)
    for start in np.flatnonzero(cyclic).tolist():
        if found[start] >= 0:
            continue
        circle, place = [start], int(parent[start])
        while place != start:
            circle.append(place)
            place = int(parent[place])
        found[circle] = start
    return found
