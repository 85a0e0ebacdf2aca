"""How strong would hidden confounding have to be? (Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis 2022.)

For an estimand θ = E[m(W, g)] with outcome regression g and Riesz representer α, leaving out a confounder A changes θ by at
most S · C_Y · C_D, where S² = E[(Y - g)²] E[α²], C_Y² is the share of the outcome's residual variance that A explains, and
C_D² = r / (1 - r) with r the share of the representer's variance that A adds. The robustness value is the share, the same
for both, at which the bound reaches the estimate. Measured covariate groups serve as yardsticks: each is left out in turn,
and what it explains is set against what is left with all of them, as a hidden trait's share is (Cinelli & Hazlett 2020;
DoubleML's `sensitivity_benchmark`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import aipw, plm
from causal.folds import Folds
from causal.nuisance import cross_fit

Float = NDArray[np.float64]

Measure = Callable[[Float], tuple[float, float]]

GRID = np.linspace(0.0, 0.5, 26)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What leaving out one group of measured covariates does.

    Attributes:
        group: The group.
        outcome_share: What the group explains of the outcome, as a share of the variance left with all groups, at most
            .99: the C_Y² of a hidden trait as strong as the group.
        exposure_share: What the group adds to the representer's variance (or takes from the exposure's), as a share of
            that without the group, at most .99: the r of such a trait.
        bias: S C_Y C_D: the change that a hidden trait as strong as the group could make.
        multiple: How many times as strong (in bias) a hidden trait must be to bring the estimate to zero (None: the
            group moves nothing).
    """

    group: str
    outcome_share: float
    exposure_share: float
    bias: float
    multiple: float | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Robustness of one estimate.

    Attributes:
        scale: S, on the outcome's scale.
        robustness_value: Share at which hidden confounding could explain the estimate away.
        robustness_value_interval: The same for the interval: 0 when it already covers zero.
        benchmarks: One record per covariate group.
        e_value: E-value of the risk ratio (VanderWeele & Ding 2017), None where the outcome is not a risk.
    """

    scale: float
    robustness_value: float
    robustness_value_interval: float
    benchmarks: tuple[Benchmark, ...]
    e_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the record with a contour grid of the largest bias by the two shares."""
        bias = largest_bias(self.scale, GRID[:, None], GRID[None, :])
        return asdict(self) | {"grid": GRID.tolist(), "bias": bias.tolist()}


def largest_bias(scale: float, outcome_share: Any, exposure_share: Any) -> Any:
    """Return S √(C_Y² r / (1 - r)) for a share of the outcome's and of the exposure side's variance."""
    return scale * np.sqrt(outcome_share * exposure_share / (1 - exposure_share))


def robustness_value(distance: float, scale: float) -> float:
    """Return the share r with S √(r² / (1 - r)) = |distance|.

    >>> round(float(largest_bias(2.0, *[robustness_value(0.5, 2.0)] * 2)), 12)
    0.5
    """
    if scale <= 0 or distance == 0:
        return 0.0
    q = (distance / scale) ** 2
    return 2 * q / (math.sqrt(q * q + 4 * q) + q)  # not (√… - q) / 2, which cancels where q is large


def e_value(exposed_risk: float, unexposed_risk: float) -> float | None:
    """Return the E-value of a risk ratio (VanderWeele & Ding 2017); None when a risk is not inside (0, 1)."""
    if not (0 < exposed_risk < 1 and 0 < unexposed_risk < 1):
        return None
    ratio = max(exposed_risk, unexposed_risk) / min(exposed_risk, unexposed_risk)
    return ratio + math.sqrt(ratio * (ratio - 1))


def analyse(
    X: Float,
    groups: tuple[str, ...],
    measure: Measure,
    *,
    estimate: float,
    half_width: float,
    strengths: tuple[float, float] | None = None,
    baseline: float | None = None,
) -> Sensitivity:
    """Return the robustness of an estimate with every covariate group as a yardstick.

    Yardsticks need many refits, so their nuisances are linear: they compare one group with another. The scale S, which
    sets the robustness value, is that of the estimate's own nuisances where `strengths` gives it.

    Args:
        X: Covariates (n x p).
        groups: Group of each covariate (p).
        measure: E[(Y - g)²] and E[α²] of linear nuisances with the covariates it is given (`linear_strengths`).
        estimate: θ̂.
        half_width: Half the width of its interval.
        strengths: E[(Y - g)²] and E[α²] of the nuisances of the estimate; of linear ones when None.
        baseline: E[Y(0)] by the estimate's nuisances, for the E-value of an outcome that is 0 or 1; none when None.
    """
    full = measure(X)
    scale = math.sqrt(math.prod(strengths or full))
    benchmarks = []
    for group in sorted(set(groups)):
        kept = np.asarray([g != group for g in groups])
        benchmarks.append(_benchmark(group, full, measure(X[:, kept]), scale, estimate))
    beyond = max(abs(estimate) - half_width, 0.0)
    return Sensitivity(
        scale=scale,
        robustness_value=robustness_value(estimate, scale),
        robustness_value_interval=robustness_value(beyond, scale),
        benchmarks=tuple(benchmarks),
        e_value=None if baseline is None else e_value(baseline + estimate, baseline),
    )


def linear_strengths(X: Float, *, y: Float, e: Float, folds: Folds, binary: bool, clip: float) -> tuple[float, float]:
    """Return E[(Y - g)²] and E[α²] with linear nuisances.

    Args:
        X: Covariates (n x p).
        y, e: Outcome (n) and exposure (n).
        folds: The folds of the estimate.
        binary: Whether e is contrasted (AIPW) or has a slope (partially linear).
        clip: Propensity clip of the representer.
    """
    with_exposure = np.column_stack([X, e])
    g = cross_fit(with_exposure, y, folds, learners=("linear",)).values
    exposure = cross_fit(X, e, folds, learners=("linear",)).values
    noise = float(np.mean((y - g) ** 2))
    if not binary:
        return noise, plm.representer_energy(e - exposure)
    return noise, aipw.representer_energy(e, exposure, clip)


def _benchmark(
    group: str, full: tuple[float, float], short: tuple[float, float], scale: float, estimate: float
) -> Benchmark:
    outcome_share = min(max((short[0] - full[0]) / full[0], 0.0), 0.99)
    exposure_share = min(max((full[1] - short[1]) / short[1], 0.0), 0.99)
    bias = float(largest_bias(scale, outcome_share, exposure_share))
    return Benchmark(group, outcome_share, exposure_share, bias, abs(estimate) / bias if bias > 0 else None)


def tipping_sentence(sensitivity: Sensitivity) -> str:
    """Say in one sentence how strong a hidden trait must be, against the strongest measured group."""
    known = [b for b in sensitivity.benchmarks if b.multiple is not None]
    share = f"A hidden trait that explains {sensitivity.robustness_value:.1%} of what is left of outcome and exposure"
    interval = sensitivity.robustness_value_interval
    ends = f"; one that explains {interval:.1%} could bring an end of the interval there" if interval > 0 else ""
    if not known:
        return f"{share} could bring the estimate to zero{ends}; no measured group is strong enough to serve as a yardstick."
    strongest = min(known, key=lambda b: b.multiple or 0.0)
    name = strongest.group.replace("_", " ")
    return f"{share}, {strongest.multiple:.1f} times as strong as {name}, could bring the estimate to zero{ends}."
