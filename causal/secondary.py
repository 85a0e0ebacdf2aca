"""The estimate among those who posted: refused, with the bounds that remain (Lee 2009)."""

from __future__ import annotations

from typing import Any

import numpy as np

from causal.events import Bool
from causal.results import Check


def trimming_bounds(exposed: Bool, posted: Bool, used: Bool) -> tuple[float, float]:
    """Return Lee's (2009) bounds on the contrast among those who would post either way, without covariates.

    Exposure may only raise (or only lower) posting. The group that posts more is trimmed by the surplus from the top
    for one bound and from the bottom for the other; for a binary outcome the trimmed mean is a ratio.

    Args:
        exposed, posted, used: Per row (r); `used` implies `posted`.

    >>> import numpy as np
    >>> e = np.array([True, True, False, False]); y = np.array([True, False, True, False])
    >>> trimming_bounds(e, np.ones(4, dtype=bool), y)
    (0.0, 0.0)
    """
    rates = [float(posted[exposed == arm].mean()) for arm in (False, True)]
    means = [float(used[(exposed == arm) & posted].mean()) for arm in (False, True)]
    more = int(rates[1] >= rates[0])
    surplus = (rates[more] - rates[1 - more]) / rates[more]
    kept = 1.0 - surplus
    low, high = max(0.0, (means[more] - surplus) / kept), min(1.0, means[more] / kept)
    if more:
        return low - means[0], high - means[0]
    return means[1] - high, means[1] - low


def among_posters(exposed: Bool, posted: Bool, used: Bool) -> Check:
    """Refuse the contrast among those who posted and print what bounds leave.

    Args:
        exposed, posted, used: Per row (r).
    """
    arms = [posted[exposed == arm] for arm in (False, True)]
    if min(len(a) for a in arms) == 0 or not all(a.any() for a in arms):
        return Check("among_posters", "refused", "Nobody posted in one of the two groups.", {})
    low, high = trimming_bounds(exposed, posted, used)
    gap = float(arms[1].mean() - arms[0].mean())
    figures: dict[str, Any] = {
        "posted_exposed": float(arms[1].mean()),
        "posted_unexposed": float(arms[0].mean()),
        "bound_low": low,
        "bound_high": high,
        "n": int(np.sum(posted)),
    }
    return Check(
        "among_posters",
        "refused",
        f"Not estimated among those who posted, because posting comes after the exposure (exposed people post {gap:+.2f} "
        f"more, before any adjustment). Lee bounds for those who would post either way are [{low:+.2f}, {high:+.2f}]; they "
        "are not adjusted for the past, so they cannot be compared with the headline.",
        figures,
    )
