"""Where to put a few circles: stress majorisation on a distance matrix, then circles pushed apart; no chance enters."""

from __future__ import annotations

import numpy as np

from graph.codelength import Floats

_STRESS_ROUNDS = 300
_PUSH_ROUNDS = 2000


def circles(weight: Floats, pairs: list[tuple[int, int]], radius: Floats, gap: float) -> Floats:
    """Return q x 2 centres: strongly tied circles near each other, none closer than `gap` to another.

    Args:
        weight: q x q symmetric tie weights.
        pairs: The ties drawn; distances follow them.
        radius: q radii, in the units of the result.
        gap: Free space between circles, in the same units.
    """
    q = len(radius)
    if q == 1:
        return np.zeros((1, 2))
    distance = _distances(weight, pairs, float(radius.mean() * 2 + gap))
    return _push_apart(_upright(_stress(distance)), radius, gap)


def _distances(weight: Floats, pairs: list[tuple[int, int]], unit: float) -> Floats:
    """Return shortest-path distances along the drawn ties; strong ties are short, separate pieces stand beside."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    q = len(weight)
    if not pairs:
        return np.asarray(2 * unit * (1 - np.eye(q)))
    i, j = np.array(pairs).T
    drawn = weight[i, j]
    length = unit * (2.0 - np.sqrt(drawn / drawn.max()))
    graph = coo_array((length, (i, j)), shape=(q, q)).tocsr()
    paths = shortest_path(graph, directed=False)
    finite = paths[np.isfinite(paths)]
    return np.asarray(np.where(np.isfinite(paths), paths, finite.max() * 0.45 + unit))


def _stress(distance: Floats) -> Floats:
    """Minimise the sum of (|x_i - x_j| - d_ij)^2 / d_ij^2 (Gansner, Koren and North 2005), from classical scaling."""
    q = len(distance)
    centred = np.eye(q) - 1 / q
    values, vectors = np.linalg.eigh(-0.5 * centred @ distance**2 @ centred)
    start = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-9))
    # A fixed small spiral keeps points that scaling puts on one spot from staying there.
    angle = np.arange(q) * 2.399963
    position = start + 0.01 * distance.max() * np.c_[np.cos(angle), np.sin(angle)]
    weight = np.divide(1.0, distance**2, out=np.zeros_like(distance), where=distance > 0)
    laplacian = np.diag(weight.sum(1)) - weight
    inverse = np.linalg.pinv(laplacian)
    for _ in range(_STRESS_ROUNDS):
        apart = np.linalg.norm(position[:, None] - position[None], axis=2)
        pull = -weight * np.divide(distance, apart, out=np.zeros_like(distance), where=apart > 1e-12)
        np.fill_diagonal(pull, -pull.sum(1))
        position = inverse @ (pull @ position)
    return np.asarray(position)


def _upright(position: Floats) -> Floats:
    """Turn the drawing so that its longer axis lies flat, with signs fixed so that reruns agree."""
    position = position - position.mean(0)
    _, _, axes = np.linalg.svd(position, full_matrices=False)
    turned = position @ axes.T
    heaviest = np.abs(turned).argmax(0)
    return np.asarray(turned * np.where(turned[heaviest, [0, 1]] < 0, -1.0, 1.0))


def _push_apart(position: Floats, radius: Floats, gap: float) -> Floats:
    least = radius[:, None] + radius[None] + gap
    np.fill_diagonal(least, 0.0)
    for _ in range(_PUSH_ROUNDS):
        difference = position[:, None] - position[None]
        apart = np.linalg.norm(difference, axis=2)
        overlap = np.maximum(least - apart, 0.0)
        if overlap.max() < 1e-3 * gap:
            break
        direction = difference / np.maximum(apart, 1e-9)[..., None]
        position = position + 0.5 * (overlap[..., None] * direction).sum(1)
    return position
