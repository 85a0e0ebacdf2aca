"""From a sample to estimates: the headline, `ols` and `naive` beside it, and the checks of overlap and dependence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array

from causal import aipw, overlap, plm, regression
from causal.folds import Folds, graph_folds
from causal.inference import FEWEST_COMMUNITIES, MAX_PAIR_SHARE, Dependence, Variance, cluster_words, dependence
from causal.nuisance import LEARNERS
from causal.results import Check, Estimate, Status
from causal.sensitivity import Sensitivity, analyse, linear_strengths, tipping_sentence
from copenet.foundation.errors import UsageError
from copenet.foundation.progress import SILENT, Progress

Float = NDArray[np.float64]
Int = NDArray[np.int64]

CONTRAST = "E[Y(1) - Y(0)] over person-periods at risk with an eligible peer"
CONTRASTS = {
    overlap.UNIT: CONTRAST,
    "posts": "E[Y(1) - Y(0)] over posts that others answered",
    "units": "E[Y(1) - Y(0)] over units with a peer",
}
SLOPE = "partially linear slope per unit of exposure"
POINT_CONTRAST = "A contrast of two points of an exposure that is not binary is a curve, never the headline."
NOT_A_POINT = "Use a binary exposure (any_peer, threshold), the slope (plm) or a shift; exposure_curve draws the curve."


@dataclass(frozen=True, slots=True)
class Sample:
    """n rows (person-periods, or units), all of them with at least one eligible peer.

    Attributes:
        y: Outcome (n).
        e: Exposure (n); 0 and 1 where `binary`.
        X: Covariates (n x p), known before the exposure.
        covariate_names: Their names (p).
        person: Person of each row, as an index of `adjacency` (n).
        period: Period of each row (n).
        n_peers: Eligible peers of each row (n).
        adjacency: People x people union of pre-outcome ties.
        communities: Community of each person.
        binary: Whether the exposure mapping is binary.
        groups: What each covariate stands for (p), the yardsticks of sensitivity.
        unit: What a row is, in words: a key of `CONTRASTS`.
    """

    y: Float
    e: Float
    X: Float
    covariate_names: tuple[str, ...]
    person: Int
    period: Int
    n_peers: Int
    adjacency: csr_array
    communities: Int
    binary: bool
    groups: tuple[str, ...]
    unit: str = overlap.UNIT

    @property
    def estimand(self) -> str:
        """What is estimated, in symbols and words."""
        if not self.binary:
            return SLOPE
        return CONTRASTS[self.unit]


@dataclass(frozen=True, slots=True)
class EstimationSettings:
    """How to estimate.

    Args:
        folds: Number of cross-fitting folds.
        learners: Nuisance learners, out of `linear` and `boosting`.
        clip: Propensities are clipped to [clip, 1 - clip] when half of the rows are exposed, to less when fewer or
            more are (`overlap.relative_clip`).
        level: Level of the intervals.
        bandwidth: Steps of the network HAC; None follows the rule.
        max_pair_share: Share of pairs above which network HAC is not used.
        sensitivity: Whether to compute how strong hidden confounding must be.
        seed: Seed of folds and trees.
    """

    folds: int = 5
    learners: tuple[str, ...] = LEARNERS
    clip: float = aipw.CLIP
    level: float = 0.95
    bandwidth: int | None = None
    max_pair_share: float = MAX_PAIR_SHARE
    sensitivity: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.learners) - set(LEARNERS)
        if unknown or not self.learners:
            raise UsageError(f"Unknown learners: {sorted(unknown)}.", remedy=f"Known are {', '.join(LEARNERS)}.")
        if self.folds < 2 or not 0 < self.clip < 0.5 or not 0 < self.level < 1:
            raise UsageError("Estimation needs at least 2 folds, a clip below .5 and a level below 1.")


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of one sample; `refused` is None or the reason why there is no headline.

    `scores` are a and b (n each) of the headline, which solves Σ(a - θ b) = 0: what effects by group are made of.
    """

    headline: str
    estimates: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    refused: str | None
    detail: dict[str, Any] = field(default_factory=dict)
    scores: tuple[Float, Float] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class _Headline:
    """A point estimate with influence values, or the reason there is none, and what was checked on the way.

    `strengths` are E[(Y - g)²] and E[α²] of its nuisances, `baseline` is E[Y(0)]: what sensitivity needs.
    """

    value: float | None
    influence: Float | None
    checks: tuple[Check, ...]
    refused: str | None
    detail: dict[str, Any]
    strengths: tuple[float, float] | None = None
    baseline: float | None = None
    scores: tuple[Float, Float] | None = None


def estimate(
    sample: Sample, settings: EstimationSettings = EstimationSettings(), progress: Progress = SILENT
) -> Estimates:
    """Estimate the effect of the exposure: `aipw` for a binary mapping, `plm` for the others, `ols` and `naive` beside.

    Nothing is raised for a design that does not identify the effect: `refused` and the checks say why, and `ols` and
    `naive` are still given wherever they can be computed.

    Raises:
        UsageError: A contrast of an exposure that is not 0 and 1.
    """
    if sample.binary and not np.isin(sample.e, (0.0, 1.0)).all():
        raise UsageError(POINT_CONTRAST, remedy=NOT_A_POINT)
    name = "aipw" if sample.binary else "plm"
    reason = overlap.outcome_refusal(sample.y, sample.unit) or overlap.exposure_refusal(sample.e, sample.unit)
    reason = reason or overlap.events_refusal(sample.y, sample.e, sample.unit)
    if reason is not None:
        return without_headline(sample, settings, name, reason)
    if sample.binary:
        settings = replace(settings, clip=overlap.relative_clip(sample.e, settings.clip))
    near = dependence_of(sample, settings)
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)
    with progress.task("estimate", 2, "steps") as task:
        headline = _aipw(sample, folds, settings) if sample.binary else _plm(sample, folds, settings)
        task.advance()
        refused = near.refused or headline.refused
        beside = [record(sample, k, v, near, settings) for k, v in _comparisons(sample).items()]
        ours = record(sample, name, (headline.value, headline.influence), near, settings, refused, headline.detail)
        sensitivity = _sensitivity(sample, folds, settings, ours, headline)
        task.advance()
    checks = (*headline.checks, dependence_check(near, ours), *sensitivity_checks(sensitivity))
    detail = near.describe() | fold_detail(folds)
    return Estimates(name, (ours, *beside), checks, refused, detail, headline.scores)


def dependence_of(sample: Sample, settings: EstimationSettings) -> Dependence:
    """Return how the intervals of a sample are found."""
    return dependence(
        sample.adjacency,
        sample.communities,
        sample.person,
        bandwidth=settings.bandwidth,
        max_pair_share=settings.max_pair_share,
        seed=settings.seed,
    )


def _aipw(sample: Sample, folds: Folds, settings: EstimationSettings) -> _Headline:
    nuisances = aipw.fit_nuisances(sample.y, sample.e, sample.X, folds, learners=settings.learners, seed=settings.seed)
    check = overlap.overlap_check(sample.e, nuisances.propensity, settings.clip, sample.unit)
    balance = _balance_check(sample, nuisances.propensity, settings.clip)
    if check.status == "refused":
        return _Headline(None, None, (check, balance), check.detail, {})
    psi = aipw.scores(sample.y, sample.e, nuisances, settings.clip)
    detail = {
        "clipped_share": aipw.clipped_share(nuisances, settings.clip),
        "boosting_weight_propensity": nuisances.boosting_weight[0],
        "boosting_weight_outcome": nuisances.boosting_weight[1],
    }
    return _Headline(
        float(psi.mean()),
        psi - psi.mean(),
        (check, balance),
        None,
        detail,
        aipw.strengths(sample.y, sample.e, nuisances, settings.clip),
        aipw.mean_unexposed(sample.y, sample.e, nuisances, settings.clip),
        (psi, np.ones(len(psi))),
    )


def _plm(sample: Sample, folds: Folds, settings: EstimationSettings) -> _Headline:
    residuals = plm.fit_residuals(sample.y, sample.e, sample.X, folds, learners=settings.learners, seed=settings.seed)
    left = float(np.var(residuals.exposure) / np.var(sample.e))
    figures = {"unexplained_exposure_variance": left}
    if left < 0.01:
        reason = f"no overlap: the covariates leave {left:.1%} of the exposure's variance"
        return _Headline(None, None, (Check("overlap", "refused", reason, figures),), reason, figures)
    said = f"The covariates leave {left:.0%} of the exposure's variance to estimate with."
    check = Check("overlap", "warn" if left < 0.1 else "pass", said, figures)
    value, influence = plm.slope(residuals)
    scores = (residuals.exposure * residuals.outcome, residuals.exposure**2)
    return _Headline(value, influence, (check,), None, figures, plm.strengths(residuals, value), scores=scores)


def _comparisons(sample: Sample) -> dict[str, tuple[float, Float]]:
    return {
        "ols": regression.ols(sample.y, sample.e, sample.X),
        "naive": regression.naive(sample.y, sample.e),
    }


def record(
    sample: Sample,
    estimator: str,
    value: tuple[float | None, Float | None],
    near: Dependence,
    settings: EstimationSettings,
    refused: str | None = None,
    detail: dict[str, Any] | None = None,
    estimand: str | None = None,
) -> Estimate:
    """Return the record of one estimator; refused ones carry no number, `ols` and `naive` at least their point."""
    point, influence = value
    base = {
        "estimator": estimator,
        "estimand": estimand or sample.estimand,
        "n": len(sample.y),
        "n_peers": int(sample.n_peers.sum()),
    }
    if point is None or influence is None or refused is not None:
        return Estimate(**base, **_NOTHING, refused=refused, detail=detail or {})  # type: ignore[arg-type]
    if near.refused is not None:
        return Estimate(**base, **_NOTHING | {"estimate": point}, detail={"no_interval": near.refused})  # type: ignore[arg-type]
    variance = near.variance(influence)
    low, high, p = interval(point, variance, settings.level)
    return Estimate(
        **base,  # type: ignore[arg-type]
        estimate=point,
        se=variance.se,
        ci_low=low,
        ci_high=high,
        p_value=p,
        dof=variance.dof,
        detail=(detail or {}) | variance.describe() | {"variance_method": variance.method},
    )


_NOTHING: dict[str, None] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value"))


def interval(point: float, variance: Variance, level: float) -> tuple[float, float, float]:
    """Return the interval's ends and the two-sided p-value against 0 (t with the variance's dof, else normal)."""
    law = stats.norm if variance.dof is None else stats.t(variance.dof)
    half = float(law.ppf(0.5 + level / 2)) * variance.se
    p = float(2 * law.sf(abs(point) / variance.se)) if variance.se > 0 else float(point == 0)
    return point - half, point + half, p


def without_headline(
    sample: Sample, settings: EstimationSettings, name: str, reason: str, estimand: str | None = None
) -> Estimates:
    """Return the refusal, with `ols` and `naive` where outcome and exposure vary at all."""
    ours = record(sample, name, (None, None), _NO_DEPENDENCE, settings, reason, estimand=estimand)
    check = Check("overlap", "refused", f"{reason[0].upper()}{reason[1:]}.", {})
    if len(sample.y) < 2 or np.ptp(sample.e) == 0:
        beside = [record(sample, k, (None, None), _NO_DEPENDENCE, settings, reason) for k in ("ols", "naive")]
        return Estimates(name, (ours, *beside), (check,), reason)
    near = dependence_of(sample, settings)
    beside = [record(sample, k, v, near, settings) for k, v in _comparisons(sample).items()]
    return Estimates(name, (ours, *beside), (check,), reason, near.describe())


_NO_DEPENDENCE: Any = None


def dependence_check(near: Dependence, found: Estimate | None = None) -> Check:
    """Say how many pairs of people an interval lets be dependent, and whether that is few enough.

    Args:
        near: Who depends on whom.
        found: The estimate, of whose degrees of freedom something is said where they are few.
    """
    figures = near.describe()
    share = near.near.pair_share
    if near.refused is not None:
        return Check("dependence", "refused", f"{near.refused[0].upper()}{near.refused[1:]}.", figures)
    if near.cluster is not None:
        said = (
            f"{share:.0%} of all pairs of people are direct neighbours, too many for network HAC: communities are the"
            f" clusters ({cluster_words(near.cluster)})."
        )
        status: Status = "warn"
    else:
        said = (
            f"Network HAC with bandwidth {near.near.bandwidth} ({share:.1%} of all pairs); the rule of Leung (2022) asks for"
            f" {near.near.suggested} on this graph."
        )
        status = "pass" if near.near.bandwidth >= near.near.suggested else "warn"
    if found is not None and found.dof is not None:
        groups = found.dof + 1
        figures |= {"effective_groups": groups}
        if groups < FEWEST_COMMUNITIES:
            status = "warn"
            most = "at most " if groups <= 2 else ""
            places = "neighbourhoods" if near.cluster is None else "communities"
            said += (
                f" What moves this estimate lies in {places} worth {most}{groups:.1f} independent ones: its interval"
                f" (t with {found.dof:.1f} degrees of freedom) shows how little these data say, and hardly more."
            )
    return Check("dependence", status, said, figures)


def _balance_check(sample: Sample, propensity: Float, clip: float) -> Check:
    before, after = overlap.balance(sample.X, sample.e, propensity, clip)
    worst = float(np.abs(after).max(initial=0.0))
    figures = {"names": list(sample.covariate_names), "before": before.tolist(), "after": after.tolist()}
    said = f"Weighted, the exposed and unexposed differ by at most {worst:.2f} standard deviations in a covariate."
    if worst > overlap.SMALL_DIFFERENCE:
        said += f" More than {overlap.SMALL_DIFFERENCE:g} is left for the outcome regression to adjust."
    return Check("balance", "pass" if worst <= overlap.SMALL_DIFFERENCE else "warn", said, figures)


def _sensitivity(
    sample: Sample, folds: Folds, settings: EstimationSettings, ours: Estimate, headline: _Headline
) -> Sensitivity | None:
    if not settings.sensitivity or ours.estimate is None or ours.ci_high is None:
        return None
    return analyse(
        sample.X,
        sample.groups,
        partial(linear_strengths, y=sample.y, e=sample.e, folds=folds, binary=sample.binary, clip=settings.clip),
        estimate=ours.estimate,
        half_width=ours.ci_high - ours.estimate,
        strengths=headline.strengths,
        baseline=headline.baseline if np.isin(sample.y, (0.0, 1.0)).all() else None,
    )


def sensitivity_checks(sensitivity: Sensitivity | None) -> tuple[Check, ...]:
    """Return the check of how strong a hidden confounder must be; none where nothing was analysed."""
    if sensitivity is None:
        return ()
    said = tipping_sentence(sensitivity)
    status: Status = "pass"
    if sensitivity.robustness_value_interval == 0:
        status = "not_informative"
        said = f"The interval already holds zero: there is nothing for a hidden trait to explain away. {said}"
    elif all(b.multiple is None for b in sensitivity.benchmarks):
        status = "not_informative"
    elif any(b.multiple is not None and b.multiple < 1 for b in sensitivity.benchmarks):
        status = "warn"
        said += " That is weaker than something measured: such a trait is easily imagined."
    return (Check("hidden_confounder", status, said, sensitivity.to_dict()),)


def fold_detail(folds: Folds) -> dict[str, Any]:
    """Return what the report prints about the folds."""
    return {
        "folds": folds.k,
        "folds_buffered": folds.buffered,
        "rows_left_by_a_buffer": folds.kept_with_buffer,
        "ties_within_folds": folds.ties_within,
    }
