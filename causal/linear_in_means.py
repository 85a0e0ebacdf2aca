"""Peer effects in the linear-in-means model by two-stage least squares (Bramoullé, Djebbari & Fortin 2009).

y = α + ρ W y + Xβ + W Xγ + ε, W the row-normalised adjacency, E[ε | X, W] = 0. W y is endogenous: peers' outcomes answer
one's own. Peers of peers who are not one's peers give instruments W²X, W³X, …: they move the peers' outcomes and, by the
model, nothing else. Mostly a teacher of refusal: `fit` says when the model is not identified, when the instruments are
too weak, and when the degrees are so large that W X hardly varies (Hayes & Levin 2024), and then gives no estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array

from causal.arrays import Fit, _column, _links, leiden
from causal.estimators import EstimationSettings, dependence_check, interval
from causal.exposure import row_normalised
from causal.inference import FEWEST_COMMUNITIES, Dependence, Variance, dependence, effective_clusters
from causal.regression import naive
from causal.results import Check, Estimate
from causal.two_stage import (
    FirstStage,
    Overidentification,
    TwoStage,
    first_stage,
    full_rank,
    overidentification,
    residual_on,
    two_stage,
)
from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.seeds import generator

Float = NDArray[np.float64]
Int = NDArray[np.int64]

FEWEST_MEANS = 30.0
DEPENDENT = 1e-6
PROBES = 8

LOST = "I, W and W² are linearly dependent (as in groups of equal size): ρ, β and γ are not identified"


@dataclass(frozen=True, slots=True)
class _Data:
    """Units with peers: n rows; p covariates, of which c have contextual effects; q excluded instruments."""

    y: Float
    wy: Float
    exogenous: Float
    excluded: Float
    contextual: Float
    own: Float
    theirs: NDArray[np.bool_]
    names: tuple[str, ...]
    person: Int
    n_peers: Int
    adjacency: csr_array

    @property
    def regressors(self) -> Float:
        """Return [1, X, WX, Wy]."""
        return np.column_stack([self.exogenous, self.wy])


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearInMeans:
    """2SLS of the linear-in-means model, with `ols` and `naive` beside it.

    Estimands: `endogenous` (ρ), `own:x` (β), `contextual:x` (γ) and `total:x`, (β + γ)/(1 - ρ): everybody's x raised by
    one, where everybody's peers have peers.

    Args:
        outcome: Column of the outcome.
        covariates: Columns of X, at least one.
        contextual: Covariates whose mean over peers has an effect of its own; None for all of them. The means of the
            others are instruments.
        cluster: Column of clusters for the standard errors; None for network HAC.
        depth: Instruments W²X up to W^depth X.
        seed: Seed of communities, sampled paths and of the check that I, W and W² differ.
        settings: Level and bandwidth of the intervals; what concerns learners is not used.

    References:
        Bramoullé, Djebbari & Fortin (2009), Identification of peer effects through social networks.
        Hayes & Levin (2024), Peer effects in the linear-in-means model may be inestimable even when identified.

    >>> from causal.designs import S6
    >>> world = S6(n=800, gamma=1.0).simulate(seed=0)
    >>> fit = LinearInMeans(outcome="y", covariates=["x"]).fit(world.units, world.adjacency)
    >>> fit.refused is None, fit.estimates[0].estimand
    (True, 'endogenous')
    """

    outcome: str
    covariates: Sequence[str]
    contextual: Sequence[str] | None = None
    cluster: str | None = None
    depth: int = 2
    seed: int = 0
    settings: EstimationSettings = field(default_factory=EstimationSettings)
    name: ClassVar[str] = "linear_in_means"

    def __post_init__(self) -> None:
        columns = (self.outcome, *self.covariates)
        if len(set(columns)) < len(columns) or not self.covariates:
            raise UsageError("A column is the outcome or a covariate, each once, and at least one is a covariate.")
        if set(self._contextual) - set(self.covariates) or self.depth < 1:
            raise UsageError("Contextual effects are those of covariates, and the depth is at least 1.")

    @property
    def _contextual(self) -> tuple[str, ...]:
        return tuple(self.covariates if self.contextual is None else self.contextual)

    def fit(self, units: Any, adjacency: Any, *, communities: Int | None = None) -> Fit:
        """Estimate ρ, β, γ and the total effect, or say why they cannot be estimated.

        A design that does not identify them raises nothing: `refused` says why, and `ols` and `naive` are still given.

        Args:
            units: Data frame of n rows (pandas, Polars, Arrow: whatever narwhals reads).
            adjacency: Sparse n x n; row i holds whom unit i is exposed to. Weights and loops are not used.
            communities: Community of each unit (n), the clusters where the graph is too dense for network HAC; None
                finds them (Leiden).

        Raises:
            UsageError: A column is missing or not numeric, or the shapes do not fit.
            InputError: A column holds missing or infinite values, or nobody has a peer.
        """
        frame = nw.from_native(units, eager_only=True)
        data = self._data(frame, adjacency)
        near = self._dependence(frame, data, communities)
        reason, checks, first = self._refusal(data, near)
        found = None if reason else two_stage(data.y, data.regressors, _instruments(data))
        ours = _records(self.name, data, found, near, self.settings.level, reason)
        if found is not None and first is not None:
            ours[0] = replace(ours[0], detail=ours[0].detail | {"effective_f": first.effective_f})
            checks += _after(found, data, near)
        beside = [*_ols(data, near, self.settings.level), _naive(data, near, self.settings.level)]
        without = len(frame) - len(data.y)
        checks += [dependence_check(near, ours[0]) if self.cluster is None else _cluster_check(near, self.cluster)]
        return Fit(self.name, (*ours, *beside), tuple(checks), without, reason, frame.implementation)

    def _data(self, frame: nw.DataFrame[Any], adjacency: Any) -> _Data:
        y, *own = (_column(frame, name) for name in (self.outcome, *self.covariates))
        peers = csr_array(_links(adjacency, len(frame)) != 0, dtype=float)
        n_peers = np.diff(peers.indptr).astype(np.int64)
        rows = np.flatnonzero(n_peers > 0)
        if not len(rows):
            raise InputError("No unit has a peer.", remedy="Row i of the adjacency holds whom unit i is exposed to.")
        W, X = row_normalised(peers), np.column_stack(own)
        powers = [W @ X]
        for _ in range(self.depth - 1):
            powers.append(W @ powers[-1])
        theirs = np.isin(self.covariates, self._contextual)
        means = powers[0][:, theirs]
        return _Data(
            y=y[rows],
            wy=(W @ y)[rows],
            exogenous=np.column_stack([np.ones(len(rows)), X[rows], means[rows]]),
            excluded=np.column_stack([powers[0][:, ~theirs], *powers[1:]])[rows],
            contextual=means[rows],
            own=X[rows],
            theirs=theirs,
            names=(*(f"own:{c}" for c in self.covariates), *(f"contextual:{c}" for c in self._contextual)),
            person=rows.astype(np.int64),
            n_peers=n_peers[rows],
            adjacency=peers,
        )

    def _dependence(self, frame: nw.DataFrame[Any], data: _Data, communities: Int | None) -> Dependence:
        settings, n = self.settings, len(frame)
        if self.cluster is not None:
            if self.cluster not in frame.columns:
                raise UsageError(f"There is no column {self.cluster}.")
            return _clustered(data, np.asarray(frame[self.cluster].to_numpy())[data.person])
        found = leiden(data.adjacency, self.seed) if communities is None else np.asarray(communities)
        if found.shape != (n,):
            raise UsageError(f"{n:,} units need {n:,} communities, not {found.shape}.")
        limits: dict[str, Any] = {"bandwidth": settings.bandwidth, "max_pair_share": settings.max_pair_share}
        return dependence(data.adjacency, found, data.person, seed=self.seed, **limits)

    def _refusal(self, data: _Data, near: Dependence) -> tuple[str | None, list[Check], FirstStage | None]:
        """Return why ρ cannot be estimated (None where it can), what was looked at, and the first stage."""
        if np.ptp(data.y) == 0:
            return "the outcome never varies", [], None
        every = len(self._contextual) == len(self.covariates)
        apart = independence(row_normalised(data.adjacency), data.person, self.seed)
        if every and apart < DEPENDENT:
            return LOST, [_check("identification", LOST, {"independence": apart})], None
        if reason := _collinear(data):
            return reason, [_check("identification", reason, {"independence": apart})], None
        said = f"I, W and W² differ (smallest singular value {apart:.2g} of the largest)."
        checks = [Check("identification", "pass", said, {"independence": apart})]
        reason, means = _means_check(data)
        if near.refused is not None:  # then there is no covariance to judge the instruments by
            return reason or near.refused, [*checks, means], None
        first = first_stage(data.wy, data.exogenous, data.excluded, near)
        weak, strength = _first_check(first)
        return reason or weak, [*checks, means, strength], first


def independence(W: csr_array, rows: Int, seed: int = 0) -> float:
    """Return how far I, W and W² are from linearly dependent on `rows`: smallest over largest singular value.

    The matrices are compared by what they do to random vectors, at the cost of a few products with W: a combination of
    them that is not 0 sends no Gaussian vector to 0.

    Args:
        W: n x n, row-normalised.
        rows: Rows that count.
        seed: Seed of the vectors.
    """
    probe = generator(seed, "probe").normal(size=(W.shape[0], PROBES))
    once = W @ probe
    stacked = np.column_stack([m[rows].ravel() for m in (probe, once, W @ once)])
    values = np.linalg.svd(stacked / np.linalg.norm(stacked, axis=0), compute_uv=False)
    return float(values[-1] / values[0])


def independent_means(x: Float, means: Float, own: Float) -> Float:
    """Return for each contextual covariate how many independent people its variation over peers' means is worth (c).

    n Var(residual of Wx on 1, X) / Var(x): n over the harmonic mean degree where x is independent of the network. Where
    that stays bounded as n grows, so does the information about γ, and ρ with it (Hayes & Levin 2024).

    Args:
        x: Covariates with contextual effects (n x c).
        means: Their means over peers (n x c).
        own: X (n x p).
    """
    left = residual_on(means, np.column_stack([np.ones(len(own)), own]))
    return np.asarray(np.sum(left**2, axis=0) / np.var(x, axis=0))


def _instruments(data: _Data) -> Float:
    return np.column_stack([data.exogenous, data.excluded])


def _clustered(data: _Data, labels: NDArray[Any]) -> Dependence:
    """Return the dependence of a user's own clusters."""
    nobody = np.full(data.adjacency.shape[0], -1)
    base = dependence(data.adjacency, nobody, data.person, bandwidth=0)
    cluster = np.full(base.n_people, -1, dtype=np.int64)
    cluster[base.person] = np.unique(labels, return_inverse=True)[1]
    worth = effective_clusters(cluster)
    few = f"the clusters are worth only {worth:.1f} equal ones (at least {FEWEST_COMMUNITIES} are needed)"
    return replace(base, cluster=cluster, declared=True, refused=few if round(worth, 6) < FEWEST_COMMUNITIES else None)


def _cluster_check(near: Dependence, column: str) -> Check:
    """Say how many clusters of the user's own there are; whether they touch is for the user to know."""
    worth = effective_clusters(near.cluster) if near.cluster is not None else 0.0
    figures = {"method": "cluster", "effective_clusters": worth}
    if near.refused is not None:
        return _check("dependence", near.refused, figures)
    said = f"Rows with different {column} count as independent; the clusters are worth {worth:.1f} equal ones."
    return Check("dependence", "pass", said, figures)


def _collinear(data: _Data) -> str | None:
    if not full_rank(data.exogenous):
        return "covariates and their means over peers are collinear (as where everybody is everybody's peer)"
    if not full_rank(_instruments(data)):
        return "the instruments are collinear with the covariates and their means over peers: nothing moves W y apart"
    return None


def _means_check(data: _Data) -> tuple[str | None, Check]:
    """Return the refusal of Hayes & Levin, if so, and the check."""
    harmonic = float(1 / np.mean(1 / data.n_peers))
    worth = independent_means(data.own[:, data.theirs], data.contextual, data.own)
    least = float(worth.min(initial=np.inf))
    figures = {"independent_means": worth.tolist(), "harmonic_mean_degree": harmonic, "fewest": FEWEST_MEANS}
    said = (
        f"peers' means vary as much as those of {least:,.0f} independent people (harmonic mean degree {harmonic:.1f})"
    )
    if least >= FEWEST_MEANS:
        return None, Check("peer_means", "pass", f"{said[0].upper()}{said[1:]}.", figures)
    reason = (
        f"{said}, fewer than {FEWEST_MEANS:.0f}: on a network this dense more people of the same density would not"
        " make the estimate better (Hayes & Levin 2024)"
    )
    return reason, _check("peer_means", reason, figures)


def _first_check(first: FirstStage) -> tuple[str | None, Check]:
    """Return the refusal of weak instruments, if so, and the check."""
    figures = asdict(first)
    said = (
        f"{first.instruments} of them explain {first.partial_r2:.1%} of what is left of the peers' mean outcome:"
        f" effective F {first.effective_f:.1f}, partial F {first.f:.1f}"
    )
    if not first.weak:
        said = f"Instruments: {said}; at least {first.critical:.1f} is asked for."
        return None, Check("first_stage", "pass", said, figures)
    reason = f"weak instruments: {said}, below {first.critical:.1f}"
    return reason, _check("first_stage", reason, figures)


def _check(name: str, reason: str, figures: dict[str, Any]) -> Check:
    return Check(name, "refused", f"{reason[0].upper()}{reason[1:]}.", figures)


def _after(found: TwoStage, data: _Data, near: Dependence) -> list[Check]:
    """Return the checks of an estimate: overidentification and whether the estimated model has an equilibrium."""
    over = overidentification(found, data.regressors, data.exogenous, data.excluded, near)
    rho = float(found.coefficients[-1])
    stable = abs(rho) < 1
    said = f"|ρ| = {abs(rho):.2f}: " + ("the model has an equilibrium." if stable else "the model has no equilibrium.")
    return [_over_check(over), Check("equilibrium", "pass" if stable else "fail", said, {"rho": rho})]


def _over_check(over: Overidentification | None) -> Check:
    if over is None:
        said = "There are no more instruments than needed, so their exclusion cannot be tested."
        return Check("overidentification", "not_informative", said)
    figures = {"sargan": over.sargan, "sargan_p": over.sargan_p, "score": over.score, "score_p": over.score_p}
    said = f"Robust score test of {over.dof} surplus instruments: p = {over.score_p:.3f} (Sargan, iid: {over.sargan_p:.3f})."
    if over.score_p < 0.05:
        return Check("overidentification", "fail", f"{said} The instruments disagree: the model is wrong.", figures)
    return Check("overidentification", "pass", f"{said} They may all be invalid in the same way.", figures)


def _records(
    estimator: str, data: _Data, found: TwoStage | None, near: Dependence, level: float, reason: str | None
) -> list[Estimate]:
    """Return one record for ρ and each β and γ, and the total of each covariate with both."""
    totals = [name.removeprefix("own:") for name in data.names if name.startswith("own:")]
    names = ["endogenous", *data.names, *(f"total:{x}" for x in totals)]
    if found is None:
        return [_refused(estimator, name, data, reason) for name in names]
    at = {"endogenous": len(found.coefficients) - 1} | {name: j + 1 for j, name in enumerate(data.names)}
    given = [
        _record(estimator, name, data, float(found.coefficients[j]), found.influence[:, j], near, level)
        for name, j in at.items()
    ]
    if abs(rho := float(found.coefficients[-1])) >= 1:
        return given + [
            _refused(estimator, name, data, f"|ρ| = {abs(rho):.2f}: no equilibrium") for name in names[len(at) :]
        ]
    return given + [_total(estimator, x, data, found, at, near, level) for x in totals]


def _total(
    estimator: str, x: str, data: _Data, found: TwoStage, at: dict[str, int], near: Dependence, level: float
) -> Estimate:
    """Return (β + γ)/(1 - ρ), its standard error by the delta method and its interval by Fieller (1954).

    The delta method's interval covers too rarely (89% in S6): the ratio is skewed where 1 - ρ is not far from 0.
    """
    columns = [at[name] for name in (f"own:{x}", f"contextual:{x}") if name in at]
    above, below = float(found.coefficients[columns].sum()), 1 - float(found.coefficients[-1])
    psi_above, psi_below = found.influence[:, columns].sum(axis=1), -found.influence[:, -1]
    ratio = above / below
    record = _record(estimator, f"total:{x}", data, ratio, (psi_above - ratio * psi_below) / below, near, level)
    if near.refused is not None:
        return record
    variances = [near.variance(psi) for psi in (psi_above, psi_below, psi_above - psi_below)]
    ends = fieller(above, below, variances, level)
    if ends is None:
        reason = "1 - ρ is not told from 0 at this level, so every value, however large, is compatible with the data"
        return _refused(estimator, f"total:{x}", data, reason)
    p = interval(above, variances[0], level)[2]
    return replace(record, ci_low=ends[0], ci_high=ends[1], p_value=p)


def fieller(above: float, below: float, variances: Sequence[Variance], level: float) -> tuple[float, float] | None:
    """Return every T with |a - Tb| <= q se(a - Tb), by the widest of the rules in use; None where it is unbounded.

    Args:
        above: a.
        below: b.
        variances: Of a, of b, and of a - b.
        level: Level of the interval.
    """
    dof = min(v.dof or math.inf for v in variances)
    q = float((stats.norm if dof == math.inf else stats.t(dof)).ppf(0.5 + level / 2))
    if variances[0].method == "network_hac":  # whose rules are not multiplied by G / (G - 1)
        q *= math.sqrt((dof + 1) / dof)
    of_above, of_below, of_gap = (_rules(v) for v in variances)
    both = (of_above + of_below - of_gap) / 2
    square = below**2 - q**2 * of_below
    if np.any(square <= 0):
        return None
    middle = (above * below - q**2 * both) / square
    inside = np.maximum(middle**2 - (above**2 - q**2 * of_above) / square, 0.0)
    return float(np.min(middle - np.sqrt(inside))), float(np.max(middle + np.sqrt(inside)))


def _rules(variance: Variance) -> Float:
    """Return the variance by each rule whose largest value is in use."""
    if variance.method != "network_hac":
        return np.array([variance.value])
    return np.array([variance.parts[name] for name in ("person", "uniform", "overlap")])


def _record(
    estimator: str, estimand: str, data: _Data, value: float, influence: Float, near: Dependence, level: float
) -> Estimate:
    n, n_peers = len(data.y), int(data.n_peers.sum())
    if near.refused is not None:
        detail = {"no_interval": near.refused}
        return Estimate(estimator, estimand, value, None, None, None, None, n, n_peers, detail=detail)
    variance = near.variance(influence)
    low, high, p = interval(value, variance, level)
    detail = variance.describe() | {"variance_method": variance.method}
    return Estimate(estimator, estimand, value, variance.se, low, high, p, n, n_peers, dof=variance.dof, detail=detail)


def _refused(estimator: str, estimand: str, data: _Data, reason: str | None) -> Estimate:
    n, n_peers = len(data.y), int(data.n_peers.sum())
    return Estimate(estimator, estimand, None, None, None, None, None, n, n_peers, refused=reason)


def _ols(data: _Data, near: Dependence, level: float) -> list[Estimate]:
    """Return least squares, which is inconsistent here: W y and ε answer one another."""
    if not full_rank(data.regressors):
        return _records("ols", data, None, near, level, "the regressors are collinear")
    return _records("ols", data, two_stage(data.y, data.regressors, data.regressors), near, level, None)


def _naive(data: _Data, near: Dependence, level: float) -> Estimate:
    """Return the plain slope of outcomes on peers' mean outcomes."""
    if np.ptp(data.wy) == 0:
        return _refused("naive", "endogenous", data, "peers' mean outcomes never vary")
    return _record("naive", "endogenous", data, *naive(data.y, data.wy), near, level)
