"""The adoption hazard: who takes the strategy up for the first time, after peers used it or not.

Discrete time (Prentice & Gloeckler 1978; Allison 1982; Singer & Willett 1993). Among rows (i, t) of people who had not
used the strategy up to t, with exposure E_it of t and history X_it from before t,

    h_it = P(first use in t + 1) = F(a_{g(i,t), t} + β E_it + γ'X_it),

F⁻¹ the complementary log-log link (β is the log hazard ratio of a proportional-hazards model in grouped time) or the logit,
a an effect of each community and period, coarser where first uses are few (`cells_of`). The effects are profiled out: each
step is a weighted regression of what is left after weighted means of the cells, so their number costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from causal import overlap, regression
from causal.estimators import Estimates, EstimationSettings, dependence_check, interval
from causal.inference import Dependence, dependence
from causal.results import Check, Estimate
from copenet.foundation.errors import UsageError

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Link = Literal["cloglog", "logit"]
Point = tuple[float, Float]

FEWEST_EVENTS_IN_A_CELL = 5
FEWEST_EVENTS_PER_COVARIATE = 10.0
MOST_SHARED = 0.1  # of the rows may lack an effect of their community before the check warns
FARTHEST = 30.0  # beyond this linear predictor a chance is 0 or 1
RATIO = "log {what} ratio of first use, per unit of exposure, among those who had not used it"
DIFFERENCE = "difference in the chance of first use, exposed against not, among those who had not used it"
DERIVATIVE = "mean derivative of the chance of first use by the exposure, among those who had not used it"


@dataclass(frozen=True, slots=True)
class _Family:
    """A link: h = F(η), its derivative F', and what the ratio of e^β is of."""

    mean: Callable[[Float], Float]
    slope: Callable[[Float], Float]
    what: str


def _cloglog(eta: Float) -> Float:
    return np.asarray(-np.expm1(-np.exp(np.minimum(eta, FARTHEST))))


def _cloglog_slope(eta: Float) -> Float:
    near = np.minimum(eta, FARTHEST)
    return np.asarray(np.exp(near - np.exp(near)))


def _logit_slope(eta: Float) -> Float:
    return np.asarray(expit(eta) * expit(-eta))


_FAMILIES = {
    "cloglog": _Family(_cloglog, _cloglog_slope, "hazard"),
    "logit": _Family(lambda eta: np.asarray(expit(eta)), _logit_slope, "odds"),
}


@dataclass(frozen=True, slots=True)
class HazardSample:
    """n rows at risk, each of a person who had not used the strategy up to the row's period.

    Attributes:
        y: First use in the next period (n), 0 or 1.
        e: Exposure of the period (n).
        X: History from before the period (n x p).
        community, period: Of each row (n); their pairs have an effect each.
        person: Person of each row, as an index of `adjacency` (n).
        n_peers: Peers of each row (n).
        adjacency: People x people union of pre-outcome ties.
        communities: Community of each person, the fall-back of inference.
    """

    y: Float
    e: Float
    X: Float
    community: Int
    period: Int
    person: Int
    n_peers: Int
    adjacency: csr_array
    communities: Int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted hazard of n rows.

    Attributes:
        beta: Coefficients of the k regressors (k).
        eta: Linear predictor (n).
        cell: Cell of each row (n).
        left: Regressors less their weighted means in the cell (n x k).
        means: Those means (cells x k).
        weight_of_cell: Observed information of the rows of each cell.
        score: Derivative of the row's log likelihood by its η (n).
        inverse: Inverse of the information on the coefficients (k x k).
        converged: Whether the likelihood has a maximum that was found.
    """

    beta: Float
    eta: Float
    cell: Int
    left: Float
    means: Float
    weight_of_cell: Float
    score: Float
    inverse: Float
    converged: bool

    def influence(self, of_beta: Float, of_effect: Float) -> Float:
        """Return the influence values (n) of a function of the fit on its sampling error.

        Args:
            of_beta: Its gradient by the coefficients (k).
            of_effect: Its gradient by the effect of each cell (cells).
        """
        along = self.inverse @ (of_beta - self.means.T @ of_effect)
        return len(self.eta) * self.score * ((of_effect / self.weight_of_cell)[self.cell] + self.left @ along)


def at_risk(person: Int, period: Int, used: Bool) -> Bool:
    """Return which rows (n) belong to people who had used the strategy in none of their rows up to and with this one.

    Args:
        person, period: Of each row (n), each pair once.
        used: Whether the person used the strategy in the period (n).

    >>> at_risk(np.array([0, 0, 0, 1]), np.array([1, 2, 3, 1]), np.array([False, True, False, False])).tolist()
    [True, False, False, True]
    """
    never = np.iinfo(np.int64).max
    first = np.full(int(person.max(initial=-1)) + 1, never)
    np.minimum.at(first, person[used], period[used])
    return np.asarray(period < first[person])


@dataclass(frozen=True, slots=True)
class Cells:
    """Which effect each of n rows has.

    Attributes:
        cell: Cell of each row (n); -1 where all of its cell, or none, take the strategy up and so say nothing.
        periods: Period effects of the rows whose community has one effect over several periods (n x m, 0 or 1).
        shared: Whether a row shares its effect with other communities (n).
    """

    cell: Int
    periods: Float
    shared: Bool


def cells_of(community: Int, period: Int, y: Float, fewest: int = FEWEST_EVENTS_IN_A_CELL) -> Cells:
    """Give each community and period an effect, and those with fewer events than `fewest` a coarser one.

    The sparse periods of a community share an effect of the community, with period effects beside it. Where even that has
    fewer events, communities share one effect of their period: nothing is adjusted between them, which `shared` tells.
    """
    sparse = _events_of(y, period, community) < fewest
    shared = sparse & (_events_of(np.where(sparse, y, 0.0), community) < fewest)
    alone = sparse & ~shared
    key = np.column_stack([sparse + 1 * shared, np.where(alone, -1, period), np.where(shared, -1, community)])
    cell = np.unique(key, axis=0, return_inverse=True)[1].ravel()
    share = np.bincount(cell, weights=y) / np.bincount(cell)
    says = ((share > 0) & (share < 1))[cell]
    made = np.full(len(y), -1, dtype=np.int64)
    made[says] = np.unique(cell[says], return_inverse=True)[1]
    later = np.unique(period[alone & says])[1:]  # the first is the reference
    return Cells(made, ((period[:, None] == later) & alone[:, None]).astype(float), shared & says)


def _events_of(y: Float, *by: Int) -> Float:
    """Return for each row the events of all rows with the same values of `by` (n)."""
    group = np.unique(np.column_stack(by), axis=0, return_inverse=True)[1].ravel()
    return np.asarray(np.bincount(group, weights=y)[group], dtype=float)


def fit_hazard(
    y: Float, Z: Float, cell: Int, link: Link = "cloglog", *, penalised: Bool | None = None, ridge: float = 0.0
) -> Fitted:
    """Maximise the likelihood by Fisher scoring, the effects of the cells profiled out.

    Args:
        y: 0 or 1 (n).
        Z: Regressors (n x k).
        cell: Cell of each row (n), 0 up to the number of cells less 1, both outcomes in each.
        link: `cloglog` or `logit`.
        penalised: Which regressors carry a ridge penalty (k); none when None.
        ridge: Penalty ridge/2 · (coefficient · standard deviation)².

    Raises:
        UsageError: An unknown link.
    """
    if link not in _FAMILIES:
        raise UsageError(f"There is no link {link}.", remedy=f"Known are {', '.join(_FAMILIES)}.")
    penalty = np.zeros(Z.shape[1]) if penalised is None else ridge * penalised * Z.var(axis=0)
    share = np.bincount(cell, weights=y) / np.bincount(cell)
    eta = (np.log(-np.log1p(-share)) if link == "cloglog" else np.log(share / (1 - share)))[cell]
    beta, previous = np.zeros(Z.shape[1]), np.inf
    for _ in range(60):
        step = _step(y, Z, cell, eta, beta, penalty, _FAMILIES[link])
        new_beta, new_eta, loss = _halved(y, (beta, eta), step, penalty, _FAMILIES[link])
        done = abs(previous - loss) <= 1e-12 * (abs(loss) + 1)
        beta, eta, previous = new_beta, new_eta, loss
        if done:
            break
    converged = bool(done and np.abs(eta).max(initial=0.0) < FARTHEST - 5)
    return _finished(y, Z, cell, eta, beta, penalty, _FAMILIES[link], converged)


def _working(y: Float, eta: Float, family: _Family) -> tuple[Float, Float]:
    """Return the expected information and the score of each row (n each)."""
    h = np.clip(family.mean(eta), 1e-12, 1 - 1e-12)
    slope = np.maximum(family.slope(eta), 1e-12)
    return slope**2 / (h * (1 - h)), (y - h) * slope / (h * (1 - h))


def _within(values: Float, weight: Float, cell: Int) -> tuple[Float, Float]:
    """Return the weighted means of each cell (cells x k) and what they leave (n x k)."""
    total = np.bincount(cell, weights=weight)
    means = np.column_stack([np.bincount(cell, weights=weight * column) / total for column in values.T])
    return means, values - means[cell]


def _step(
    y: Float, Z: Float, cell: Int, eta: Float, beta: Float, penalty: Float, family: _Family
) -> tuple[Float, Float]:
    """Return where a full step of Fisher scoring leads: coefficients (k) and linear predictor (n)."""
    weight, score = _working(y, eta, family)
    target = eta + score / weight
    _, left = _within(np.column_stack([Z, target]), weight, cell)
    Zl, tl = left[:, :-1], left[:, -1]
    information = Zl.T @ (weight[:, None] * Zl) + np.diag(penalty)
    made = np.linalg.pinv(information, hermitian=True) @ (Zl.T @ (weight * tl))
    return made, target - (tl - Zl @ made)


def _halved(
    y: Float, old: tuple[Float, Float], new: tuple[Float, Float], penalty: Float, family: _Family
) -> tuple[Float, Float, float]:
    """Return the step, halved until the penalised loss no longer grows."""
    before = _loss(y, *old, penalty, family)
    for part in 0.5 ** np.arange(12):
        beta, eta = (a + part * (b - a) for a, b in zip(old, new, strict=True))
        loss = _loss(y, beta, eta, penalty, family)
        if loss <= before + 1e-12:
            return beta, eta, loss
    return *old, before


def _loss(y: Float, beta: Float, eta: Float, penalty: Float, family: _Family) -> float:
    h = np.clip(family.mean(np.clip(eta, -FARTHEST, FARTHEST)), 1e-12, 1 - 1e-12)
    return float(-np.sum(y * np.log(h) + (1 - y) * np.log1p(-h)) + penalty @ beta**2 / 2)


def _finished(
    y: Float, Z: Float, cell: Int, eta: Float, beta: Float, penalty: Float, family: _Family, converged: bool
) -> Fitted:
    """Return the fit with the information that was observed, which a sandwich needs where the link is not the logit."""
    scores = [_working(y, eta + step, family)[1] for step in (-1e-5, 0.0, 1e-5)]
    weight = np.maximum((scores[0] - scores[2]) / 2e-5, 1e-12)
    means, left = _within(Z, weight, cell)
    inverse = np.linalg.pinv(left.T @ (weight[:, None] * left) + np.diag(penalty), hermitian=True)
    total = np.bincount(cell, weights=weight).astype(float)
    return Fitted(beta, eta, cell, left, means, total, scores[1], np.asarray(inverse, dtype=float), converged)


def coefficient(fit: Fitted, k: int) -> Point:
    """Return coefficient k with its influence values (n)."""
    gradient = np.zeros(len(fit.beta))
    gradient[k] = 1.0
    return float(fit.beta[k]), fit.influence(gradient, np.zeros(len(fit.weight_of_cell)))


def risk_difference(fit: Fitted, Z: Float, link: Link = "cloglog") -> Point:
    """Return what the first regressor does to the mean hazard, with influence values (n).

    Of a binary exposure F(η with 1) - F(η with 0), of any other the derivative, both averaged over the rows.
    """
    family, e, beta = _FAMILIES[link], Z[:, 0], float(fit.beta[0])
    if np.isin(e, (0.0, 1.0)).all():
        zero = fit.eta - beta * e
        per_row = family.mean(zero + beta) - family.mean(zero)
        up, down = family.slope(zero + beta), family.slope(zero)
        by_eta, by_first = up - down, up * 1.0
        gradient = Z.T @ by_eta
        gradient[0] = by_first.sum()
    else:
        bend = (family.slope(fit.eta + 1e-5) - family.slope(fit.eta - 1e-5)) / 2e-5
        per_row, by_eta = beta * family.slope(fit.eta), beta * bend
        gradient = Z.T @ by_eta
        gradient[0] += family.slope(fit.eta).sum()
    n = len(e)
    by_cell = np.bincount(fit.cell, weights=by_eta, minlength=len(fit.weight_of_cell))
    return float(per_row.mean()), fit.influence(gradient / n, by_cell / n) + per_row - per_row.mean()


def estimate_hazard(
    sample: HazardSample,
    settings: EstimationSettings = EstimationSettings(),
    *,
    link: Link = "cloglog",
    ridge: float = 1.0,
) -> Estimates:
    """Estimate the adoption hazard: estimator `hazard`, as a log ratio and as a difference; `ols`, `naive` beside.

    `naive` is the same model with the exposure alone, `ols` the linear probability within the same cells.

    Args:
        sample: Rows at risk.
        settings: Level, bandwidth, seed.
        link: `cloglog` or `logit`.
        ridge: Penalty on the standardised history (never on the exposure or the effects), so that the maximum exists.
    """
    cells = cells_of(sample.community, sample.period, sample.y)
    kept, cell = cells.cell >= 0, cells.cell
    y, e = sample.y[kept], sample.e[kept]
    names = (RATIO.format(what=_FAMILIES[link].what), DIFFERENCE if np.isin(e, (0.0, 1.0)).all() else DERIVATIVE)
    reason = overlap.outcome_refusal(y) or overlap.exposure_refusal(e) or overlap.events_refusal(y, e)
    if reason is not None:
        return _refused(sample, names, reason)
    near = hazard_dependence(sample, kept, settings)
    Z = np.column_stack([e, sample.X[kept], cells.periods[kept]])
    fit = fit_hazard(y, Z, cell[kept], link, penalised=np.arange(Z.shape[1]) > 0, ridge=ridge)
    alone = fit_hazard(y, Z[:, :1], np.zeros(len(y), dtype=np.int64), link)
    reason = near.refused or (None if fit.converged else "the likelihood has no maximum: history tells who adopts")
    rows = [
        ("hazard", names[0], coefficient(fit, 0)),
        ("hazard", names[1], risk_difference(fit, Z, link)),
        ("ols", names[1], _linear(y, Z, cell[kept])),
        ("naive", names[0], coefficient(alone, 0)),
        ("naive", names[1], regression.naive(y, e)),
    ]
    made = [_record(sample, kept, row, near, settings, reason if row[0] == "hazard" else near.refused) for row in rows]
    checks = (_events_check(y, Z, kept, cells), dependence_check(near, made[0]))
    return Estimates("hazard", tuple(made), checks, reason, near.describe() | {"cells": int(cell.max()) + 1})


def hazard_dependence(sample: HazardSample, kept: Bool, settings: EstimationSettings) -> Dependence:
    """Return how intervals of the rows in use are found."""
    return dependence(
        sample.adjacency,
        sample.communities,
        sample.person[kept],
        bandwidth=settings.bandwidth,
        max_pair_share=settings.max_pair_share,
        seed=settings.seed,
    )


def _linear(y: Float, Z: Float, cell: Int) -> Point:
    left = _within(np.column_stack([y, Z]), np.ones(len(y)), cell)[1]
    return regression.least_squares(left[:, 0], left[:, 1:], 0)


def _events_check(y: Float, Z: Float, kept: Bool, cells: Cells) -> Check:
    events, columns = int(y.sum()), Z.shape[1]
    share = float(cells.shared[kept].mean())
    figures = {
        "events": events,
        "rows": len(y),
        "rows_in_cells_without_events": int((~kept).sum()),
        "covariates": columns,
        "share_without_community_effect": share,
    }
    said = (
        f"{events:,} first uses in {len(y):,} rows at risk for {columns} regressors; {int((~kept).sum()):,} rows of"
        " communities and periods in which nobody, or everybody, adopted say nothing."
    )
    if share > 0:
        said += (
            f" {share:.0%} of the rows lie in communities with too few first uses for an effect of their own: what sets"
            " those communities apart is not adjusted for."
        )
    enough = events >= FEWEST_EVENTS_PER_COVARIATE * columns and share <= MOST_SHARED
    return Check("hazard_events", "pass" if enough else "warn", said, figures)


def _record(
    sample: HazardSample,
    kept: Bool,
    row: tuple[str, str, Point],
    near: Dependence,
    settings: EstimationSettings,
    refused: str | None,
) -> Estimate:
    name, estimand, (value, influence) = row
    n, n_peers = int(kept.sum()), int(sample.n_peers[kept].sum())
    if refused is not None:
        return Estimate(name, estimand, None, None, None, None, None, n, n_peers, converged=False, refused=refused)
    variance = near.variance(influence)
    low, high, p = interval(value, variance, settings.level)
    detail = variance.describe() | {"variance_method": variance.method}
    return Estimate(name, estimand, value, variance.se, low, high, p, n, n_peers, dof=variance.dof, detail=detail)


def _refused(sample: HazardSample, names: tuple[str, str], reason: str) -> Estimates:
    n, n_peers = len(sample.y), int(sample.n_peers.sum())
    rows = [("hazard", names[0]), ("hazard", names[1]), ("ols", names[1]), ("naive", names[0]), ("naive", names[1])]
    made = tuple(
        Estimate(*row, None, None, None, None, None, n, n_peers, converged=False, refused=reason) for row in rows
    )
    check: dict[str, Any] = {"rows": n, "events": int(sample.y.sum())}
    return Estimates("hazard", made, (Check("hazard_events", "refused", f"{reason}.", check),), reason)
