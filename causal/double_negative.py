"""Double negative controls for unmeasured network confounding (Egami & Tchetgen Tchetgen 2024), by a linear bridge.

A negative-control outcome W shares the hidden causes U of outcome and exposure and is moved by neither the exposure E nor
Z; a negative-control exposure Z shares them, too, and moves neither Y nor W but through E. If the outcome bridge is linear,

    E[Y | E, U, X] = E[β E + γ W + X'δ | E, U, X],

then β is the effect and solves E[(Y - β E - γ W - X'δ) (E, Z, X)] = 0: two-stage least squares of Y on E, W and X with W
instrumented by Z (Miao, Geng & Tchetgen Tchetgen 2018; Tchetgen Tchetgen et al. 2024). W need not be free of measurement
error, and may act on Y; Z may act on E.

Standard errors are those of the network (`causal.inference`); with a weak first stage of W on Z given E and X (effective F
of Montiel Olea & Pflueger 2013 below its critical value) there is no estimate. Either nothing hidden is shared, or the
controls do not show it: the data cannot say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from causal.estimators import EstimationSettings, Sample, dependence_of, interval
from causal.events import Float
from causal.inference import Dependence
from causal.negative_controls import Headline, sample_of, too_few
from causal.new_peers import LAG, NewPeers
from causal.power import POWER, power_against
from causal.results import Check, Estimate, Status
from causal.sensitivity import largest_bias
from causal.two_stage import COLLINEAR, FirstStage, first_stage, residual_on, two_stage

NAME = "double_negative_control"
ESTIMAND = "slope of the exposure by a linear outcome bridge (Egami & Tchetgen Tchetgen 2024)"
CONDITIONS = (
    "This rests on the controls: what the person did then must share the hidden causes of the outcome, what the others did "
    "then those of the exposure, neither may move the other, and the bridge must be linear. No data show that."
)


@dataclass(frozen=True, slots=True)
class DoubleNegative:
    """The estimate with double negative controls, and without them on the same rows.

    Attributes:
        estimate: With them; refused where Z is weak for W.
        without: Least squares of Y on E and X.
        first: First stage of W on Z given E and X; None where it could not be computed.
        moved: `without` - `estimate`, with its standard error and p-value; None where refused.
        moved_se, moved_p, moved_dof: Of `moved`.
    """

    estimate: Estimate
    without: Estimate
    first: FirstStage | None
    moved: float | None = None
    moved_se: float | None = None
    moved_p: float | None = None
    moved_dof: float | None = None


def double_negative_control(
    sample: Sample, w: Float, z: Float, settings: EstimationSettings = EstimationSettings()
) -> DoubleNegative:
    """Estimate the slope of y on e with W instrumented by Z.

    Args:
        sample: Rows with outcome, exposure and covariates (n rows); `binary` and `groups` are not used.
        w: Negative-control outcome (n).
        z: Negative-control exposures (n, or n x q).
        settings: Level and bandwidth of the intervals.
    """
    near, n = dependence_of(sample, settings), len(sample.y)
    base: dict[str, Any] = {"estimand": ESTIMAND, "n": n, "n_peers": int(sample.n_peers.sum())}
    known = _basis(sample.X)
    excluded = z.reshape(n, -1).astype(float)
    reason = near.refused or _too_little(sample.e, w, excluded, known)
    if reason is not None:
        return DoubleNegative(_nothing(NAME, base, reason), _nothing("ols", base, reason), None)
    exogenous = np.column_stack([sample.e, known])
    plain = two_stage(sample.y, exogenous, exogenous)
    without = _estimate(
        "ols", base, float(plain.coefficients[0]), _free(plain.influence[:, 0], exogenous), near, settings
    )
    first = first_stage(w, exogenous, excluded, near)
    if first.weak:
        reason = (
            f"the negative controls are weak: effective F {first.effective_f:.1f} of one on the other, at least "
            f"{first.critical:.1f} is needed"
        )
        return DoubleNegative(_nothing(NAME, base, reason), without, first)
    regressors = np.column_stack([sample.e, w, known])
    fit = two_stage(sample.y, regressors, np.column_stack([exogenous, excluded]))
    influence = _free(fit.influence[:, 0], regressors)
    ours = _estimate(NAME, base, float(fit.coefficients[0]), influence, near, settings)
    moved = float(plain.coefficients[0] - fit.coefficients[0])
    variance = near.variance(_free(plain.influence[:, 0], exogenous) - influence)
    return DoubleNegative(
        ours, without, first, moved, variance.se, interval(moved, variance, settings.level)[2], variance.dof
    )


def _basis(X: Float) -> Float:
    """Return an orthonormal basis of a constant and the covariates (n x k)."""
    spread = X.std(axis=0)
    scaled = (X[:, spread > 0] - X[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    vectors, size, _ = np.linalg.svd(np.column_stack([np.ones(len(X)), scaled]), full_matrices=False)
    return np.asarray(vectors[:, size > 1e-10 * size.max()])


def _too_little(e: Float, w: Float, z: Float, known: Float) -> str | None:
    """Return why there is nothing to estimate with, if so."""
    if len(e) < known.shape[1] + z.shape[1] + 10:
        return f"{len(e)} rows are too few for {known.shape[1]} covariates"
    for name, column in (
        ("exposure", e),
        ("negative-control outcome", w),
        *(("negative-control exposure", c) for c in z.T),
    ):
        left = residual_on(column, known)
        if np.linalg.norm(left) <= COLLINEAR * max(float(np.linalg.norm(column)), 1e-300):
            return f"the covariates leave nothing of the {name}"
    return None


def _free(influence: Float, regressors: Float) -> Float:
    """Return influence values for variances with n - k in the place of n."""
    n, k = regressors.shape
    return np.asarray(influence * np.sqrt(n / (n - k)))


def _estimate(
    name: str, base: dict[str, Any], value: float, influence: Float, near: Dependence, settings: EstimationSettings
) -> Estimate:
    variance = near.variance(influence)
    low, high, p = interval(value, variance, settings.level)
    return Estimate(name, base["estimand"], value, variance.se, low, high, p, base["n"], base["n_peers"], variance.dof)


def _nothing(name: str, base: dict[str, Any], reason: str) -> Estimate:
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value"))
    return Estimate(estimator=name, **base, **nothing, refused=reason)


def among_new_peers(new: NewPeers, headline: Headline, settings: EstimationSettings) -> Check:
    """Compare the exposure to people first met in t - 1 with and without double negative controls.

    W: the person's use in t - LAG, Z: theirs in t - LAG, when they were strangers. Given the person's covariates of then,
    and what both did from then to t - 1: what the others did before t can reach the person only by that.

    Args:
        new: Rows with people first met in the period before.
        headline: What would have to be explained away.
        settings: How to estimate.
    """
    if (few := too_few(new, NAME)) is not None:
        return few
    between = {f"new_peers_used_{ago}": new.theirs(ago) for ago in range(1, LAG)}
    columns = {"own": new.past() | new.since(), "peers": between | {"new_peers": new.n_peers.astype(float)}}
    y = new.panel.outcome[new.row].astype(float)
    sample = sample_of(new, y, columns, headline)
    return _check(double_negative_control(sample, new.own_then, new.theirs(LAG), settings), sample, headline)


def _check(found: DoubleNegative, sample: Sample, headline: Headline) -> Check:
    ours, without, first = found.estimate, found.without, found.first
    figures: dict[str, Any] = {k: getattr(ours, k) for k in ("estimate", "se", "ci_low", "ci_high", "p_value", "n")}
    figures |= {"without": without.estimate, "effective_f": first.effective_f if first else None}
    figures |= {"critical_f": first.critical if first else None, "moved": found.moved, "moved_p": found.moved_p}
    if ours.estimate is None or found.moved is None or found.moved_se is None or found.moved_p is None:
        meaning = "Nothing hidden that lasts is shared by people who come to meet, or these controls do not show it."
        return Check(NAME, "not_informative", f"Cannot be checked: {ours.refused}. {meaning}", figures)
    power = power_against(_bias(sample, headline), found.moved_se, found.moved_dof)
    figures["power"] = power
    said = (
        f"Exposure to people first met in the period before: {without.estimate:+.3f} by least squares, {ours.estimate:+.3f} "
        f"[{ours.ci_low:+.3f}, {ours.ci_high:+.3f}] with double negative controls (p of no difference {found.moved_p:.2f})."
    )
    status: Status
    if found.moved_p <= 0.05:
        status, meaning = "warn", "Hidden causes that both sides shared before they met move the estimate."
    elif power >= POWER:
        status, meaning = "pass", "Hidden causes that explain the headline away would have moved it."
    else:
        status = "not_informative"
        meaning = (
            f"Cannot be checked: hidden causes that explain the headline away would be seen with chance {power:.2f}."
        )
    return Check(NAME, status, f"{said} {meaning} {CONDITIONS}", figures)


def _bias(sample: Sample, headline: Headline) -> float:
    """Return the bias on these rows of a hidden trait as strong as would explain the headline away."""
    if headline.tipping is None:
        return abs(headline.value)
    known = _basis(sample.X)
    y, e = residual_on(sample.y, known), residual_on(sample.e, known)
    scale = float(np.linalg.norm(y - e * (e @ y) / (e @ e)) / np.linalg.norm(e))
    return float(largest_bias(scale, headline.tipping, headline.tipping))
