"""Peer effects where a known share of the ties is missing at random: least squares on moments that are put right.

Every tie is observed with probability q, whoever's it is. What peers did is then a share or count over *some* of the
peers, and so are the peers' means of covariates and the degree: all of them are measured with error, and the errors go
together. The correction knows no model of the network. A moment of least squares is a sum over i of

    φ(k_i) Σ_j u_j,        φ(k_i) Σ_j u_j v_j        or        φ(k_i) Σ_{j≠l} u_j v_l,

u and v columns of the peers j, l of i and k_i their true number. From the m_i observed peers it is estimated without
bias by the same sum over those times q^-s T_s[φ](m_i), s = 0, 1, 2 being how many peers a term names, where T_s[φ] is the
one function with E[T_s[φ](M + s)] = φ(k) for M ~ Binomial(k - s, q) (Horvitz & Thompson 1952 for φ = 1; `unthinned`).
With these moments β solves the normal equations of the least squares that all ties would have given, over everybody
with a peer, also those of whose ties none is observed. Its influence values are those of any moment estimator, so that
the noise of the correction is inside the interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from causal.arrays import ESTIMANDS, ArrayEstimator, Point, _add, _Arrays, _record
from causal.estimators import EstimationSettings, dependence_check
from causal.exposure import Count, Proportion
from causal.inference import Dependence
from causal.results import Check, Estimate
from causal.thinning import MOST_MISSING, share_kept
from copenet.foundation.errors import UsageError
from copenet.foundation.progress import Progress

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]

LEAST_RELIABILITY = 0.1
LEAST_Z = 4.0
EXACT = 200  # observed peers up to which T_s[φ] is summed; above, a tie more or less hardly bends φ
CHUNK = 2_000
COLLINEAR = 1e-10

ASSUMES = (
    "It assumes that every tie is missing with the same chance, whoever's it is and whatever they did, that this chance "
    "is known, and that covariates act along straight lines."
)


@lru_cache(maxsize=256)
def unthinned(kept: float, top: int, power: int, logs: int = 0, drawn: int = 0) -> Float:
    """Return T_s[φ](m) for m = s, …, s + top, with φ(k) = k^power log(1 + k)^logs for k > 0 and φ(0) = 0.

    (T_s φ)(s + r) is the r-th power of (E - (1 - q)) / q applied to φ at s, E being the step to k + 1. Terms of such a
    sum cancel to all but a (2q^-1 - 1)^-r part of their size, so it is taken with as many decimals as that costs.

    Args:
        kept: q.
        top: Largest r.
        power, logs: Of φ.
        drawn: s.

    >>> unthinned(0.8, 3, 1).round(6).tolist()  # of k itself: m / q
    [0.0, 1.25, 2.5, 3.75]
    >>> unthinned(0.8, 2, 0).round(6).tolist()  # of 1{k > 0}: those seen with one peer stand for those seen with none
    [0.0, 1.25, 0.9375]
    """
    with localcontext() as context:
        context.prec = 30 + int(top * np.log10(2 / kept - 1)) + 1
        lost, scale = 1 - Decimal(kept), 1 / Decimal(kept)
        values = np.array([_function(k, power, logs) for k in range(drawn, drawn + top + 1)], dtype=object)
        found = [float(values[0])]
        for _ in range(top):
            values = (values[1:] - lost * values[:-1]) * scale
            found.append(float(values[0]))
    return np.array(found)


def _function(k: int, power: int, logs: int) -> Decimal:
    if k == 0:
        return Decimal(0)
    return Decimal(k) ** power * (Decimal(k + 1).ln() ** logs if logs else Decimal(1))


def weights(m: Int, kept: float, power: int, logs: int = 0, drawn: int = 0) -> Float:
    """Return q^-s T_s[φ](m) of each row (r), 0 where fewer than s peers are observed; arguments as in `unthinned`."""
    if kept == 1:
        return np.where(m >= max(drawn, 1), _smooth(m.astype(float), power, logs), 0.0)
    left = np.maximum(m - drawn, 0)
    top = min(-(-int(left.max(initial=0)) // 25) * 25, EXACT)
    found = unthinned(kept, top, power, logs, drawn)[np.minimum(left, top)]
    many = left > top
    found[many] = _of_many(left[many], kept, power, logs, drawn)
    return np.where(m >= drawn, found / kept**drawn, 0.0)


def _of_many(left: Int, kept: float, power: int, logs: int, drawn: int) -> Float:
    """Return T_s[φ] to the second order about the likeliest k: φ(k) - φ''(k) r (1 - q) / (2 q²)."""
    k = left / kept + drawn
    below, here, above = (_smooth(k + step, power, logs) for step in (-1, 0, 1))
    return here - (above - 2 * here + below) * left * (1 - kept) / (2 * kept**2)


def _smooth(k: Float, power: int, logs: int) -> Float:
    return np.asarray(np.maximum(k, 1) ** power * np.log1p(k) ** logs)


@dataclass(frozen=True, slots=True)
class _Observed(_Arrays):
    """Arrays with, of all observed peers of a row, the sums of [X, d] and of their products; X in standard deviations.

    The moments' columns are 1, X and d of the row (o), the peers' X and d on the scale of the exposure (c), k, log(1+k).
    """

    own: Float  # r x o
    sums: Float  # r x c
    products: Float  # r x c x c


@dataclass(frozen=True)
class _Solution:
    """The corrected least squares.

    Attributes:
        direct, peer: Coefficient and influence values (r), per unit of own treatment and of true exposure.
        reliability: Of the exposure beyond all else: variance with all ties over variance as observed.
        z: That variance over its standard error; None where no ties are missing.
        left_out: Columns which the missing ties leave no variance of their own.
    """

    direct: Point
    peer: Point
    reliability: float
    z: float | None
    left_out: tuple[str, ...]


class _Moments:
    """Unbiased moments of rows with all their ties, from rows with some of them."""

    def __init__(self, arrays: _Observed, kept: float, powers: tuple[int, ...]) -> None:
        """Take the powers of k by which sums over peers are scaled: -1 for a mean, 0 for a count."""
        self.a, self.kept, self.powers = arrays, kept, powers
        self.o, self.c = arrays.own.shape[1], arrays.sums.shape[1]
        self.size = self.o + self.c + 2
        self.y = arrays.y - arrays.y.mean()

    def _weight(self, rows: slice, power: int, logs: int = 0, drawn: int = 0) -> Float:
        return weights(self.a.n_peers[rows], self.kept, power, logs, drawn)

    def chunks(self) -> Iterator[slice]:
        """Yield slices of the rows, so that a study's moments fit into memory."""
        yield from (slice(low, low + CHUNK) for low in range(0, len(self.y), CHUNK))

    def of(self, rows: slice) -> tuple[Float, Float]:
        """Return each row's part of the moments of the regressors (r x K x K) and of those with the outcome (r x K)."""
        own, sums, y = self.a.own[rows], self.a.sums[rows], self.y[rows]
        gram, cross = np.zeros((len(y), self.size, self.size)), np.zeros((len(y), self.size))
        o, degree = self.o, ((1, 0), (0, 1))  # power and logs of k, log(1 + k)
        one = self._weight(rows, 0)
        gram[:, :o, :o] = own[:, :, None] * own[:, None, :] * one[:, None, None]
        cross[:, :o] = own * (y * one)[:, None]
        for i, power in enumerate(self.powers):
            theirs = sums[:, i] * self._weight(rows, power, drawn=1)
            self._put(gram, o + i, slice(0, o), own * theirs[:, None])
            cross[:, o + i] = y * theirs
            for j, other in enumerate(self.powers[: i + 1]):
                same = self.a.products[rows, i, j]
                pairs = sums[:, i] * sums[:, j] - same
                both = power + other
                value = same * self._weight(rows, both, drawn=1) + pairs * self._weight(rows, both, drawn=2)
                self._put(gram, o + i, slice(o + j, o + j + 1), value[:, None])
            for at, (p, logs) in enumerate(degree, start=o + self.c):
                self._put(
                    gram, o + i, slice(at, at + 1), (sums[:, i] * self._weight(rows, power + p, logs, 1))[:, None]
                )
        for at, (p, logs) in enumerate(degree, start=o + self.c):
            weight = self._weight(rows, p, logs)
            self._put(gram, at, slice(0, o), own * weight[:, None])
            cross[:, at] = y * weight
            for where, (p2, logs2) in enumerate(degree, start=o + self.c):
                gram[:, at, where] = self._weight(rows, p + p2, logs + logs2)
        return gram, cross

    @staticmethod
    def _put(gram: Float, row: int, columns: slice, values: Float) -> None:
        gram[:, row, columns] = values
        gram[:, columns, row] = values

    @cached_property
    def means(self) -> tuple[Float, Float]:
        """The mean moments (K x K and K)."""
        parts = [tuple(part.sum(axis=0) for part in self.of(rows)) for rows in self.chunks()]
        gram, cross = (np.sum([p[k] for p in parts], axis=0) / len(self.y) for k in (0, 1))
        return gram, cross

    def as_observed(self) -> Float:
        """Return the mean moments (K x K) of what is observed as if it were all, on the scale of the true values."""
        m = self.a.n_peers.astype(float)
        theirs = [self.a.sums[:, i] * (m**p if p < 0 else 1 / self.kept) for i, p in enumerate(self.powers)]
        columns = np.column_stack([self.a.own, *theirs, m / self.kept, np.log1p(m)])
        return np.asarray(columns.T @ columns / len(m))

    def influence(self, solved: Float, functionals: Float) -> Float:
        """Return f'(b_i - A_i β) for each row and functional f (r x F).

        Args:
            solved: β (K).
            functionals: F x K.
        """
        parts = (self.of(rows) for rows in self.chunks())
        return np.vstack([(cross - gram @ solved) @ functionals.T for gram, cross in parts])

    def form(self, vector: Float) -> Float:
        """Return v'A_i v of each row (r)."""
        return np.concatenate([np.einsum("rij,i,j->r", self.of(rows)[0], vector, vector) for rows in self.chunks()])


def solve(moments: _Moments, near: Dependence, names: tuple[str, ...]) -> _Solution | str:
    """Return the corrected coefficients, or why the data cannot be corrected.

    Args:
        moments: Of the rows.
        near: Who depends on whom.
        names: Of the K columns.
    """
    (gram, cross), plain = moments.means, moments.as_observed()
    direct, peer = moments.o - 1, moments.o + moments.c - 1
    order = [*(k for k in range(moments.size) if k not in (direct, peer)), direct, peer]
    kept: list[int] = []
    for column in order[:-1]:
        true, seen = (_left_by(matrix, column, kept)[0] for matrix in (gram, plain))
        if seen > COLLINEAR * plain[column, column] and true > LEAST_RELIABILITY * seen:
            kept.append(column)
    left, vector = _left_by(gram, peer, kept)
    seen = _left_by(plain, peer, kept)[0]
    if direct not in kept or seen <= COLLINEAR * plain[peer, peer]:
        return "the covariates leave nothing of own treatment or exposure"
    form = moments.form(vector)
    error = near.variance(form - form.mean()).se if near.refused is None else float(form.std() / np.sqrt(len(form)))
    z = None if moments.kept == 1 else left / error
    if (z is not None and z < LEAST_Z) or left <= LEAST_RELIABILITY * seen:
        return (
            f"too little of the exposure is left to correct: of its variance beyond the covariates {max(left / seen, 0):.0%} is"
            f" not the sampling of ties, {max(left / error, 0):.1f} times its standard error (at least"
            f" {LEAST_RELIABILITY:.0%} and {LEAST_Z:.0f} are needed)"
        )
    chosen = np.array([*kept, peer])
    inverse = np.linalg.inv(gram[np.ix_(chosen, chosen)])
    beta, functionals = np.zeros(moments.size), np.zeros((2, moments.size))
    beta[chosen] = inverse @ cross[chosen]
    functionals[:, chosen] = inverse[[kept.index(direct), -1]]
    psi = moments.influence(beta, functionals)
    lost = tuple(names[k] for k in order[:-1] if k not in kept)
    points = [(float(beta[k]), psi[:, place]) for place, k in enumerate((direct, peer))]
    return _Solution(points[0], points[1], float(left / seen), None if z is None else float(z), lost)


def _left_by(gram: Float, column: int, others: list[int]) -> tuple[float, Float]:
    """Return what `others` leave of a column's mean square, and the combination of columns (K) that is left."""
    vector = np.zeros(len(gram))
    vector[column] = 1
    if others:
        vector[others] = -np.linalg.solve(gram[np.ix_(others, others)], gram[others, column])
    return float(vector @ gram @ vector), vector


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingTies(ArrayEstimator):
    """Least squares put right for ties that are missing at random, with `ols` and `naive` on the observed ties beside it.

    Effects are per unit of the *true* exposure: of a count, per peer who used the strategy, observed or not.

    Args:
        missing: The share of ties that is missing, known from elsewhere.

    References:
        Horvitz & Thompson (1952), A generalization of sampling without replacement from a finite universe.
        Fuller (1987), Measurement error models.

    >>> from causal.designs import S3, s3
    >>> made = s3.simulate(S3(n=600), seed=2)
    >>> from causal.thinning import observed
    >>> seen = observed(made.adjacency, 0.8, seed=0)
    >>> ask = MissingTies(outcome="y", treatment="d", exposure=made.exposure, covariates=["x"], missing=0.2)
    >>> fit = ask.fit(made.units, seen)
    >>> fit.headline, fit.refused is None, fit.checks[0].name
    ('corrected', True, 'missing_ties')
    """

    missing: float
    name: ClassVar[str] = "corrected"

    def __post_init__(self) -> None:
        share_kept(self.missing)
        if not isinstance(self.exposure, Count | Proportion):
            raise UsageError(
                f"There is no correction of the exposure {self.exposure.name or type(self.exposure).__name__}.",
                remedy="Use the exposure proportion or count, or look at bias_curve.",
            )

    def _arrays(self, frame: nw.DataFrame[Any], adjacency: Any, communities: Int | None) -> tuple[_Arrays, int]:
        arrays, without = ArrayEstimator._arrays(self, frame, adjacency, communities)
        everyone = np.column_stack([_standardised(arrays.everyone[:, :-1]), arrays.everyone[:, -1]])
        peers, rows, c = arrays.adjacency[arrays.person], arrays.person, everyone.shape[1]
        first, second = np.triu_indices(c)
        products = np.empty((len(rows), c, c))
        products[:, first, second] = products[:, second, first] = peers @ (everyone[:, first] * everyone[:, second])
        parts = {name: getattr(arrays, name) for name in _Arrays.__dataclass_fields__}
        own = np.column_stack([np.ones(len(rows)), everyone[rows]])
        return _Observed(**parts, own=own, sums=peers @ everyone, products=products), without

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        assert isinstance(arrays, _Observed)
        with progress.task("estimate", 1, "steps") as task:
            found = self._solved(arrays, near)
            task.advance()
        points: tuple[Point | str, ...] = (found,) * 3 if isinstance(found, str) else _three(found)
        records = [
            _record(arrays, (self.name, estimand), point, near, settings)
            for estimand, point in zip(ESTIMANDS, points, strict=True)
        ]
        return records, [_check(self.missing, found, records[1]), dependence_check(near, records[1])]

    def _solved(self, arrays: _Observed, near: Dependence) -> _Solution | str:
        if self.missing > MOST_MISSING:
            return f"{self.missing:.0%} of the ties are missing: no unbiased moment is stable above {MOST_MISSING:.0%}"
        if np.ptp(arrays.d) == 0 or np.ptp(arrays.e) == 0 or np.ptp(arrays.y) == 0:
            return "outcome, treatment or exposure never varies"
        count = arrays.own.shape[1] - 2
        powers = (-1,) * count + (0 if isinstance(self.exposure, Count) else -1,)
        means = tuple(f"peers_{name}" for name in self.covariates)
        names = ("constant", *self.covariates, "own_treatment", *means, "exposure", "n_peers", "log_n_peers")
        return solve(_Moments(arrays, share_kept(self.missing), powers), near, names)


def _standardised(X: Float) -> Float:
    spread = X.std(axis=0)
    return np.asarray((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _three(found: _Solution) -> tuple[Point, Point, Point]:
    return found.direct, found.peer, _add(found.direct, found.peer)


def _check(missing: float, found: _Solution | str, peer: Estimate) -> Check:
    """Say what was corrected, how much of the exposure it rests on, and what it assumes."""
    figures: dict[str, Any] = {"missing": missing}
    if isinstance(found, str):
        return Check("missing_ties", "refused", f"{found[0].upper()}{found[1:]}.", figures)
    figures |= {"reliability": found.reliability, "z": found.z, "left_out": list(found.left_out)}
    figures |= {"estimate": peer.estimate, "ci_low": peer.ci_low, "ci_high": peer.ci_high}
    said = (
        f"{missing:.0%} of the ties are said to be missing. Of the observed exposure's variance beyond the covariates"
        f" {found.reliability:.0%} would be there with all ties. {ASSUMES}"
    )
    if found.left_out:
        said += f" Not told from their sampling, and so not adjusted for: {', '.join(found.left_out)}."
    return Check("missing_ties", "warn" if found.left_out and missing else "pass", said, figures)
