"""Two-stage least squares on arrays: coefficients with influence values, strength of instruments, overidentification.

Notation of Wooldridge (2010), chapter 5: y = Xβ + u, instruments Z (n x L) that hold the exogenous columns of X (n x k).
Influence values ψ make every variance here the variance of a mean, so that network HAC, clusters or independence are a
choice of `Dependence`, not of the estimator. Sources: Montiel Olea & Pflueger (2013) for the effective F and its critical
value; Sargan (1958); Wooldridge (1995) for the robust score test of overidentification.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from causal.inference import Dependence, cluster_codes, sum_by
from copenet.foundation.errors import RefusedError

Float = NDArray[np.float64]

COLLINEAR = 1e-9
WORST_BIAS = 0.10


@dataclass(frozen=True, slots=True)
class TwoStage:
    """A two-stage least-squares fit.

    Attributes:
        coefficients: β̂ (k).
        residuals: y - Xβ̂ (n).
        influence: ψ (n x k), mean 0: ψ'ψ/n² is the covariance of White (HC0).
        bread: (X'P_Z X)⁻¹ (k x k).
    """

    coefficients: Float
    residuals: Float
    influence: Float
    bread: Float

    @property
    def sigma2(self) -> float:
        """u'u/n."""
        return float(self.residuals @ self.residuals) / len(self.residuals)

    def classical_se(self) -> Float:
        """Return standard errors for independent errors of equal variance (k)."""
        return np.asarray(np.sqrt(self.sigma2 * np.diag(self.bread)))

    def robust_se(self) -> Float:
        """Return the standard errors of White (1980) for independent errors (k)."""
        return np.asarray(np.sqrt(np.sum(self.influence**2, axis=0)) / len(self.residuals))


@dataclass(frozen=True, slots=True)
class FirstStage:
    """How strongly the excluded instruments move one endogenous regressor.

    Attributes:
        partial_r2: Share of its variance, given the exogenous regressors, that they explain.
        f: Partial F for independent errors of equal variance.
        effective_f: F of Montiel Olea & Pflueger (2013), valid under the dependence in use.
        critical: Its critical value: below it a 5% test does not reject that the worst bias of 2SLS exceeds a tenth of
            the worst case.
        instruments: Excluded instruments.
    """

    partial_r2: float
    f: float
    effective_f: float
    critical: float
    instruments: int

    @property
    def weak(self) -> bool:
        """Whether the instruments are too weak to use."""
        return self.effective_f < self.critical


@dataclass(frozen=True, slots=True)
class Overidentification:
    """Do the instruments agree with one another? Sargan for independent errors, and the robust score test."""

    sargan: float
    sargan_p: float
    score: float
    score_p: float
    dof: int


def full_rank(columns: Float) -> bool:
    """Return whether no column is a combination of the others, whatever their units."""
    norms = np.linalg.norm(columns, axis=0)
    if not norms.all() or columns.shape[0] < columns.shape[1]:
        return False
    values = np.linalg.svd(columns / norms, compute_uv=False)
    return bool(values[-1] > COLLINEAR * values[0])


def two_stage(y: Float, regressors: Float, instruments: Float) -> TwoStage:
    """Return the 2SLS fit; with the regressors as instruments, ordinary least squares.

    Args:
        y: Outcome (n).
        regressors: X (n x k), a constant included.
        instruments: Z (n x L), L >= k, the exogenous regressors included.

    Raises:
        RefusedError: Regressors, or their projections on the instruments, are collinear.

    >>> y, x = np.array([1.0, 2.0, 4.0, 5.0]), np.array([0.0, 0.0, 1.0, 1.0])
    >>> X = np.column_stack([np.ones(4), x])
    >>> two_stage(y, X, X).coefficients.round(12).tolist()
    [1.5, 3.0]
    """
    scale = np.linalg.norm(regressors, axis=0)
    scaled = regressors / np.where(scale > 0, scale, 1.0)
    fitted = _projected(scaled, instruments)
    if not full_rank(fitted):
        raise RefusedError(
            "The coefficients are not identified: regressors projected on the instruments are collinear.",
            remedy="Drop a regressor, or find an instrument that moves it apart from the others.",
        )
    inverse = np.linalg.pinv(fitted)
    beta = inverse @ y
    residuals = y - scaled @ beta
    influence = len(y) * (inverse * residuals).T
    bread = np.linalg.inv(fitted.T @ fitted)
    return TwoStage(beta / scale, residuals, influence / scale, bread / np.outer(scale, scale))


def first_stage(endogenous: Float, exogenous: Float, excluded: Float, near: Dependence) -> FirstStage:
    """Return how strong the excluded instruments are for one endogenous regressor.

    With Q the instruments, exogenous regressors partialled out, scaled to Q'Q/n = I, and v the first-stage errors, the
    effective F is n π̂'π̂ / tr(Ŵ), Ŵ the covariance of √n π̂.

    Args:
        endogenous: The regressor (n).
        exogenous: Exogenous regressors (n x m), a constant included.
        excluded: Excluded instruments (n x q), not collinear with them.
        near: Which rows depend on one another.
    """
    n, q = excluded.shape
    left, held = residual_on(endogenous, exogenous), residual_on(excluded / np.linalg.norm(excluded, axis=0), exogenous)
    basis = np.linalg.qr(held)[0] * np.sqrt(n)
    slopes = basis.T @ left / n
    errors = left - basis @ slopes
    explained, rest = n * float(slopes @ slopes), float(errors @ errors)
    spread = long_run(basis * errors[:, None], near) / n
    effective = explained / float(np.trace(spread))
    f = (explained / q) / (rest / (n - exogenous.shape[1] - q))
    return FirstStage(explained / (explained + rest), f, effective, effective_f_critical(spread), q)


def effective_f_critical(spread: Float, worst_bias: float = WORST_BIAS, level: float = 0.05) -> float:
    """Return the critical value of the effective F (Montiel Olea & Pflueger 2013, simplified procedure for 2SLS).

    Args:
        spread: Ŵ (q x q), the covariance of the scaled first-stage coefficients.
        worst_bias: Share of the worst-case bias that is tolerated.
        level: Level of the test.

    >>> round(effective_f_critical(np.eye(1)), 1)
    23.1
    """
    x, trace = 1 / worst_bias, float(np.trace(spread))
    largest = float(np.linalg.eigvalsh(spread)[-1])
    k = trace**2 * (1 + 2 * x) / (float(np.trace(spread @ spread)) + 2 * x * trace * largest)
    return float(stats.ncx2.ppf(1 - level, k, x * k)) / k


def overidentification(
    fit: TwoStage, regressors: Float, exogenous: Float, excluded: Float, near: Dependence
) -> Overidentification | None:
    """Return the tests that the instruments agree, or None where there are no more of them than needed.

    Sargan: n R² of û on Z. Score (Wooldridge 1995): the surplus instruments' residuals r on the fitted regressors, and
    (Σ r û)' Ŝ⁻¹ (Σ r û) with Ŝ valid under the dependence in use (its pseudo-inverse where clusters are too few for Ŝ to
    have full rank, which makes the test conservative).

    Args:
        fit: The fit.
        regressors: X (n x k).
        exogenous: Exogenous columns of X (n x m).
        excluded: Excluded instruments (n x q).
        near: Which rows depend on one another.
    """
    instruments = np.column_stack([exogenous, excluded])
    surplus = instruments.shape[1] - regressors.shape[1]
    if surplus <= 0:
        return None
    u = fit.residuals
    sargan = float(u @ _projected(u[:, None], instruments)[:, 0]) / fit.sigma2
    fitted = _projected(regressors / np.linalg.norm(regressors, axis=0), instruments)
    held = residual_on(excluded[:, :surplus] / np.linalg.norm(excluded[:, :surplus], axis=0), fitted)
    moments = held * u[:, None]
    total = moments.sum(axis=0)
    score = float(total @ np.linalg.pinv(long_run(moments, near), hermitian=True) @ total)
    law = stats.chi2(surplus)
    return Overidentification(sargan, float(law.sf(sargan)), score, float(law.sf(score)), surplus)


def long_run(moments: Float, near: Dependence) -> Float:
    """Return the covariance (q x q, positive semi-definite) of the sum of row moments (n x q).

    Correlations are those of the overlap kernel, or of sums over clusters. Each variance is the largest of the three rules
    which an interval takes the largest of, too, without its factor for few neighbourhoods: an instrument is no stronger by
    one rule than the estimate is by another.
    """
    by_person = np.column_stack([sum_by(column, near.person, near.n_people) for column in moments.T])
    if near.cluster is not None:
        code = cluster_codes(near.cluster)
        sums = np.column_stack([np.bincount(code, weights=column) for column in by_person.T])
        return np.asarray(sums.T @ sums)
    kernel = near.near.kernel
    sums = kernel.T @ (by_person / np.sqrt(np.asarray(kernel.sum(axis=1)).ravel())[:, None])
    gram = np.asarray(sums.T @ sums)
    uniform, person = np.sum(by_person * (kernel @ by_person), axis=0), np.sum(by_person**2, axis=0)
    most, own = np.maximum(np.maximum(uniform, person), np.diag(gram)), np.diag(gram)
    scale = np.sqrt(np.divide(most, own, out=np.zeros_like(own), where=own > 0))
    return np.asarray(gram * np.outer(scale, scale))


def _projected(columns: Float, on: Float) -> Float:
    """Return P_on columns."""
    basis = np.linalg.qr(on / np.linalg.norm(on, axis=0))[0]
    return np.asarray(basis @ (basis.T @ columns))


def residual_on(columns: Float, on: Float) -> Float:
    """Return columns less their projection (done twice: once loses digits where little is left)."""
    basis = np.linalg.qr(on / np.linalg.norm(on, axis=0))[0]
    left = columns - basis @ (basis.T @ columns)
    return np.asarray(left - basis @ (basis.T @ left))
