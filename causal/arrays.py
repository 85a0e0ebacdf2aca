"""Peer effects on the arrays a researcher already has: a table of units and a sparse matrix of who sees whom.

Three estimands of Hudgens & Halloran (2008), over units with at least one peer. Y(d, e) is the outcome under own
treatment d and exposure e.

* *direct*: E[Y(1, E) - Y(0, E)], own treatment changed, exposure adjusted for;
* *peer*: E[Y(D, 1) - Y(D, 0)], exposure changed, own treatment adjusted for;
* *total*: E[Y(1, 1) - Y(0, 0)].

For a proportion or a count the peer effect is a partially linear slope, per unit of exposure, and the total is the sum
of the direct and the peer effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal import overlap, regression
from causal.estimators import Estimates, EstimationSettings, Sample, estimate, interval
from causal.exposure import Mapping
from causal.folds import graph_folds
from causal.inference import Dependence, dependence
from causal.nuisance import cross_fit
from causal.results import Check, Estimate
from causal.unit_order import unit_order
from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.progress import SILENT, Progress
from graph.partition import communities as partition

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Estimand = Literal["direct", "peer", "total", "shift"]
Point = tuple[float, Float]

ESTIMANDS: tuple[Estimand, ...] = ("direct", "peer", "total")
COLUMNS = ("estimator", "estimand", "estimate", "se", "ci_low", "ci_high", "p_value", "n", "n_peers")


@dataclass(frozen=True, slots=True)
class Fit:
    """Estimates on a user's arrays.

    Attributes:
        headline: The estimator that answers: `aipw`, `plm`, `shift`, `ols` or `naive`.
        estimates: One record per estimator and estimand.
        checks: Overlap, balance, dependence and sensitivity of the peer effect; those of the other estimands carry
            its name.
        without_peers: Units left out because nobody is in their row of the adjacency.
        refused: Why the headline gives no peer effect (`Shift`: no effect of the shift); None where it does.
    """

    headline: str
    estimates: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    without_peers: int
    refused: str | None
    backend: Any = field(repr=False)

    def tidy(self) -> Any:
        """Return one row per estimator and estimand, in the kind of data frame that was given.

        Columns: `COLUMNS`. A refused row holds NaN; the reason is in its `Estimate.refused` and in `summary`.
        """
        table = {name: [_cell(getattr(e, name)) for e in self.estimates] for name in COLUMNS}
        return nw.from_dict(table, backend=self.backend).to_native()

    def summary(self) -> str:
        """Return the estimates and the checks that did not pass, as lines of text."""
        lines = [_line(e) for e in self.estimates]
        if self.without_peers:
            lines.append(f"{self.without_peers:,} units without peers were left out.")
        lines += [f"{c.name} ({c.status}): {c.detail}" for c in self.checks if c.status != "pass"]
        return "\n".join(lines)


def _cell(value: Any) -> Any:
    return math.nan if value is None else value


def _line(e: Estimate) -> str:
    name = f"{e.estimator:<5} {e.estimand:<6} "
    if e.estimate is None:
        return f"{name}refused: {e.refused}"
    if e.se is None:
        return f"{name}{e.estimate:+.4f}  no interval: {e.detail['no_interval']}"
    return f"{name}{e.estimate:+.4f}  [{e.ci_low:+.4f}, {e.ci_high:+.4f}]  p = {e.p_value:.3f}  n = {e.n:,}"


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Rows with peers: outcome, own treatment, exposure and what is adjusted for."""

    y: Float
    d: Float
    e: Float
    X: Float
    names: tuple[str, ...]
    groups: tuple[str, ...]
    person: Int
    n_peers: Int
    adjacency: csr_array
    communities: Int
    everyone: Float  # covariates and treatment of all of `adjacency`, without a row, too

    def sample(self, estimand: Estimand, binary: bool) -> Sample:
        """Return the sample of the direct or the peer effect; the other of the two is adjusted for."""
        mine, other, name = (self.d, self.e, "exposure") if estimand == "direct" else (self.e, self.d, "own_treatment")
        return Sample(
            y=self.y,
            e=mine,
            X=np.column_stack([other, self.X]),
            covariate_names=(name, *self.names),
            person=self.person,
            period=np.zeros(len(self.y), dtype=np.int64),
            n_peers=self.n_peers,
            adjacency=self.adjacency,
            communities=self.communities,
            binary=binary,
            groups=(name, *self.groups),
            unit="units",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayEstimator:
    """What the estimators on arrays share.

    Args:
        outcome: Column of the outcome.
        treatment: Column of the own treatment: 0 or 1, or any measure where the exposure is a proportion (then its mean
            over peers) or a count (its sum).
        exposure: Mapping of the peers' treatments, such as `Threshold(0.5)`.
        covariates: Columns to adjust for; their means over peers and the number of peers are added.
        seed: Seed of folds and trees.
        settings: Learners, folds, clip, level, bandwidth (its seed is replaced by `seed`).
    """

    outcome: str
    treatment: str
    exposure: Mapping
    covariates: Sequence[str] = ()
    seed: int = 0
    settings: EstimationSettings = field(default_factory=EstimationSettings)
    name: ClassVar[str] = ""
    answers: ClassVar[Estimand] = "peer"
    counted: ClassVar[bool] = False  # whether peers are counted by their treatment, which then is 0 or 1

    @property
    def headline(self) -> str:
        """The estimator that answers for this exposure."""
        return self.name

    def fit(self, units: Any, adjacency: Any, *, communities: Int | None = None, progress: Progress = SILENT) -> Fit:
        """Estimate direct, peer and total effect.

        A design without overlap raises nothing: `refused` says why, and `ols` and `naive` are still given.

        Args:
            units: Data frame of n rows (pandas, Polars, Arrow: whatever narwhals reads).
            adjacency: Sparse n x n; row i holds whom unit i is exposed to. Loops are not used, and values only by
                the mappings that say so (`RecencyWeighted`, `SimilarityWeighted`).
            communities: Community of each unit (n); None finds them (Leiden).
            progress: Where to report.

        Raises:
            UsageError: A column is missing or has two roles, the treatment of a binary mapping is not 0 and 1, or the
                shapes do not fit.
            InputError: A column holds missing or infinite values, or nobody has a peer.
        """
        frame = nw.from_native(units, eager_only=True)
        settings = replace(self.settings, seed=self.seed)
        arrays, without = self._arrays(frame, adjacency, communities)
        near = dependence(
            arrays.adjacency,
            arrays.communities,
            arrays.person,
            bandwidth=settings.bandwidth,
            max_pair_share=settings.max_pair_share,
            seed=self.seed,
        )
        ours, checks = self._headline(arrays, near, settings, progress)
        beside = [
            _record(arrays, (name, estimand), point, near, settings)
            for name, points in (("ols", _ols(arrays)), ("naive", _naive(arrays, self.exposure.binary)))
            for estimand, point in zip(ESTIMANDS, points, strict=True)
        ]
        estimates = (*ours, *beside)
        answer = next(e for e in estimates if (e.estimator, e.estimand) == (self.headline, self.answers))
        return Fit(self.headline, estimates, tuple(checks), without, answer.refused, frame.implementation)

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        """Return the records of an estimator beyond `ols` and `naive`, and its checks."""
        return [], []

    def _arrays(self, frame: nw.DataFrame[Any], adjacency: Any, communities: Int | None) -> tuple[_Arrays, int]:
        columns = (self.outcome, self.treatment, *self.covariates)
        n = len(frame)
        if len(set(columns)) < len(columns):
            raise UsageError("A column is outcome, treatment or covariate, each once.", remedy="Name it once.")
        y, d, *X = (_column(frame, name) for name in columns)
        if (self.exposure.binary or self.counted) and not np.isin(d, (0.0, 1.0)).all():
            remedy = "Recode it first, or take a proportion (of a measure: its mean over peers) or a count (its sum)."
            raise UsageError(f"The treatment {self.treatment} must be 0 or 1.", remedy=remedy)
        links, own = _links(adjacency, n), np.column_stack([*X, np.empty((n, 0))])
        if communities is not None and np.shape(communities) != (n,):
            raise UsageError(f"{n:,} units need {n:,} communities, not {np.shape(communities)}.")
        order = unit_order(links, own, np.column_stack([y, d]))
        links, own, y, d = links[order][:, order], own[order], y[order], d[order]
        peers = csr_array(links != 0, dtype=float)
        e, n_peers = self.exposure.apply(links, d)
        rows = np.flatnonzero(n_peers > 0)
        if not len(rows):
            raise InputError("No unit has a peer.", remedy="Row i of the adjacency holds whom unit i is exposed to.")
        theirs = (peers @ own) / np.maximum(n_peers, 1)[:, None]
        degree = np.column_stack([n_peers, np.log1p(n_peers)]).astype(float)
        found = leiden(peers, self.seed) if communities is None else np.asarray(communities)[order]
        return _Arrays(
            y=y[rows],
            d=d[rows],
            e=e[rows],
            X=np.column_stack([own, theirs, degree])[rows],
            names=(*self.covariates, *(f"peers_{name}" for name in self.covariates), "n_peers", "log_n_peers"),
            groups=("own",) * own.shape[1] + ("peers",) * own.shape[1] + ("position",) * 2,
            person=rows.astype(np.int64),
            n_peers=n_peers[rows],
            adjacency=peers,
            communities=found,
            everyone=np.column_stack([own, d]),
        ), n - len(rows)


def _column(frame: nw.DataFrame[Any], name: str) -> Float:
    """Return a column as finite numbers."""
    if name not in frame.columns:
        raise UsageError(f"There is no column {name}.", remedy=f"The table has {', '.join(frame.columns)}.")
    if not (frame[name].dtype.is_numeric() or frame[name].dtype == nw.Boolean):
        raise UsageError(f"Column {name} is not numeric.", remedy="Turn categories into indicator columns.")
    values = np.asarray(frame[name].cast(nw.Float64).to_numpy(), dtype=float)
    if not np.isfinite(values).all():
        missing = int((~np.isfinite(values)).sum())
        raise InputError(f"Column {name} lacks a finite value in {missing:,} rows.", remedy="Drop or impute them.")
    return values


def _links(adjacency: Any, n: int) -> csr_array:
    """Return who sees whom with the values as given, without loops."""
    if adjacency.shape != (n, n):
        raise UsageError(f"{n:,} units need an adjacency of {n:,} x {n:,}, not {adjacency.shape}.")
    links = csr_array(adjacency, dtype=float, copy=True)
    links.setdiag(0)
    links.eliminate_zeros()
    return links


def leiden(peers: csr_array, seed: int) -> Int:
    """Return the Leiden community of each unit (n), found in an n x n adjacency; -1 for units nobody is tied to."""
    rows, columns = peers.nonzero()
    width = len(str(peers.shape[0]))
    ends = [pa.array([f"{i:0{width}d}" for i in side]) for side in (rows, columns)]
    ties = pa.table({"source_author": ends[0], "target_author": ends[1], "n": np.ones(len(rows), dtype=np.int64)})
    table = partition(ties, seed=seed).table
    labels = np.full(peers.shape[0], -1, dtype=np.int64)
    labels[np.asarray(table["author_id"].to_pylist(), dtype=np.int64)] = table["community"].to_numpy()
    return labels


def _record(
    arrays: _Arrays,
    name: tuple[str, Estimand],
    point: Point | str,
    near: Dependence,
    settings: EstimationSettings,
) -> Estimate:
    """Return the record of a value with its influence values, or of the reason why there is none."""
    n, n_peers = len(arrays.y), int(arrays.n_peers.sum())
    if isinstance(point, str):
        return Estimate(*name, None, None, None, None, None, n, n_peers, refused=point)
    value, influence = point
    if near.refused is not None:
        if name[0] not in ("ols", "naive"):
            return Estimate(*name, None, None, None, None, None, n, n_peers, refused=near.refused)
        return Estimate(*name, value, None, None, None, None, n, n_peers, detail={"no_interval": near.refused})
    variance = near.variance(influence)
    low, high, p = interval(value, variance, settings.level)
    detail = variance.describe() | {"variance_method": variance.method}
    return Estimate(*name, value, variance.se, low, high, p, n, n_peers, dof=variance.dof, detail=detail)


def _add(first: Point, second: Point) -> Point:
    return first[0] + second[0], first[1] + second[1]


def _ols(a: _Arrays) -> tuple[Point | str, ...]:
    """Return direct, peer and total (their sum) with covariates."""
    if np.ptp(a.d) == 0 or np.ptp(a.e) == 0:
        return _where_varying(a, lambda x: regression.ols(a.y, x, a.X))
    direct = regression.ols(a.y, a.d, np.column_stack([a.e, a.X]))
    peer = regression.ols(a.y, a.e, np.column_stack([a.d, a.X]))
    return direct, peer, _add(direct, peer)


def _naive(a: _Arrays, binary: bool) -> tuple[Point | str, ...]:
    """Return the plain differences; the total compares those with both to those with neither."""
    if np.ptp(a.d) == 0 or np.ptp(a.e) == 0:
        return _where_varying(a, lambda x: regression.naive(a.y, x))
    direct, peer = regression.naive(a.y, a.d), regression.naive(a.y, a.e)
    one = np.ones(len(a.y))
    if not binary:
        both = np.column_stack([one, a.d, a.e])
        return direct, peer, _add(regression.least_squares(a.y, both, 1), regression.least_squares(a.y, both, 2))
    arms = np.column_stack([one, a.d * a.e, a.d != a.e]).astype(float)
    total: Point | str = regression.least_squares(a.y, arms, 1)
    if np.ptp(arms[:, 1]) == 0 or arms[:, 1:].sum(axis=1).all():
        total = "nobody is both treated and exposed, or nobody is neither"
    return direct, peer, total


def _where_varying(a: _Arrays, slope: Callable[[Float], Point]) -> tuple[Point | str, ...]:
    varying = (("treatment", a.d), ("exposure", a.e))
    parts = [slope(x) if np.ptp(x) > 0 else f"the {name} never varies" for name, x in varying]
    return (*parts, "treatment or exposure never varies")


def _flexible(
    arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress, binary: tuple[bool, bool]
) -> tuple[list[Estimate], list[Check]]:
    """Return direct, peer and total effect and their checks.

    Args:
        binary: Whether own treatment and exposure are contrasted by AIPW; else they have a slope.
    """
    quiet = replace(settings, sensitivity=False)
    direct = estimate(arrays.sample("direct", binary[0]), quiet, progress)
    peer = estimate(arrays.sample("peer", binary[1]), settings, progress)
    point, further = _total(arrays, settings, direct, peer, all(binary))
    records = [replace(fit.estimates[0], estimand=estimand) for fit, estimand in ((direct, "direct"), (peer, "peer"))]
    records.append(_record(arrays, (peer.headline, "total"), point, near, settings))
    checks = [*peer.checks, *(replace(c, name=f"{c.name}_direct") for c in direct.checks if c.name != "dependence")]
    return records, [*checks, *further]


def _total(
    a: _Arrays, settings: EstimationSettings, direct: Estimates, peer: Estimates, binary: bool
) -> tuple[Point | str, list[Check]]:
    """Return the total effect; nobody can say it where one of its parts is refused."""
    if (reason := direct.refused or peer.refused) is not None:
        return reason, []
    return _total_aipw(a, settings) if binary else (_add(_point(direct), _point(peer)), [])


def _point(found: Estimates) -> Point:
    """Return the headline, the root of Σ(a - θ b), and its influence values."""
    assert found.scores is not None  # not refused
    a, b = found.scores
    value = float(a.sum() / b.sum())
    return value, (a - value * b) / b.mean()


def _total_aipw(a: _Arrays, settings: EstimationSettings) -> tuple[Point | str, list[Check]]:
    """Return the contrast of both against neither: ψ = m̂_11 - m̂_00 + 1{11}(y - m̂_11)/p̂_11 - 1{00}(y - m̂_00)/p̂_00."""
    arms = a.d * a.e, (1 - a.d) * (1 - a.e)
    reasons = [overlap.outcome_refusal(a.y)]
    reasons += [overlap.exposure_refusal(arm) or overlap.events_refusal(a.y, arm) for arm in arms]
    if reason := next((r for r in reasons if r), None):
        return reason, []
    folds = graph_folds(a.person, a.adjacency, a.communities, k=settings.folds, seed=settings.seed)
    learn: dict[str, Any] = {"learners": settings.learners, "seed": settings.seed}
    psi, checks = np.zeros(len(a.y)), []
    for arm, sign, label in zip(arms, (1, -1), ("both", "neither"), strict=True):
        chance = cross_fit(a.X, arm, folds, **learn).values
        clip = overlap.relative_clip(arm, settings.clip)
        check = overlap.overlap_check(arm, chance, clip)
        checks.append(replace(check, name=f"overlap_total_{label}"))
        mean = cross_fit(a.X, a.y, folds, fit_on=arm == 1, **learn).values
        psi += sign * (mean + arm * (a.y - mean) / np.clip(chance, clip, 1 - clip))
    refused = next((c.detail for c in checks if c.status == "refused"), None)
    return refused or (float(psi.mean()), psi - psi.mean()), checks


class AIPW(ArrayEstimator):
    """Cross-fitted AIPW (Robins, Rotnitzky & Zhao 1994) for what is 0 or 1, the partially linear slope for the rest.

    The own treatment is contrasted whatever the mapping is; an exposure that is a proportion or a count has a slope.

    >>> import numpy as np, pandas as pd
    >>> from scipy.sparse import random_array
    >>> from causal import AIPW, AnyPeer
    >>> rng = np.random.default_rng(0)
    >>> links = random_array((600, 600), density=0.004, rng=rng, format="csr")
    >>> units = pd.DataFrame({"x": rng.normal(size=600), "d": rng.integers(0, 2, 600)})
    >>> units["y"] = units.d + units.x + rng.normal(size=600)
    >>> fit = AIPW(outcome="y", treatment="d", exposure=AnyPeer(), covariates=["x"], seed=0).fit(units, links)
    >>> fit.tidy().query("estimator == 'aipw'").estimand.tolist()
    ['direct', 'peer', 'total']
    """

    __slots__ = ()
    name = "aipw"

    @property
    def headline(self) -> str:
        """`aipw` for a binary mapping, else `plm`."""
        return "aipw" if self.exposure.binary else "plm"

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        contrast = bool(np.isin(arrays.d, (0.0, 1.0)).all())
        return _flexible(arrays, near, settings, progress, (contrast, self.exposure.binary))


class PLM(ArrayEstimator):
    """The partially linear slopes of own treatment and exposure (Robinson 1988; Chernozhukov et al. 2018)."""

    __slots__ = ()
    name = "plm"

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        return _flexible(arrays, near, settings, progress, (False, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(ArrayEstimator):
    """The effect of more exposing peers, where there are more to expose: a modified treatment policy (`causal.shift`).

    Its estimand is named `shift`; `ols` and `naive` are given for it, too: their slopes times the mean move.

    Args:
        peers: How many more peers.
    """

    peers: int = 1
    name: ClassVar[str] = "shift"
    answers: ClassVar[Estimand] = "shift"
    counted: ClassVar[bool] = True

    def _headline(
        self, arrays: _Arrays, near: Dependence, settings: EstimationSettings, progress: Progress
    ) -> tuple[list[Estimate], list[Check]]:
        from causal.shift import estimate_shift

        found = estimate_shift(arrays.sample("peer", False), self.exposure, self.peers, settings, progress)
        return [replace(e, estimand="shift") for e in found.estimates], list(found.checks)


class OLS(ArrayEstimator):
    """Least squares on own treatment, exposure and covariates, with network HAC intervals."""

    __slots__ = ()
    name = "ols"


class Naive(ArrayEstimator):
    """Plain differences, adjusted for nothing: what a first look at the data shows, not an effect."""

    __slots__ = ()
    name = "naive"
