"""Who happened to be around after a post as an instrument for what the answers said: an examiner design.

The instrument of post p (Dahl, Kostøl & Mogstad 2014; Frandsen, Lefgren & Leslie 2023 for judges) is the mean leave-one-
out propensity of the helpers active in its forum in the hours after it: the share of a helper's earlier answers *to
others than the author* which used the strategy. With controls x, residuals z̃, ẽ, ỹ of instrument, exposure and outcome:

    π̂ = Σ z̃ ẽ / Σ z̃²      (first stage)        β̂ = Σ z̃ ỹ / Σ z̃ ẽ      (2SLS, just identified)

Standard errors are network HAC over authors. The strength of the first stage is the effective F of Montiel Olea & Pflueger
(2013), with one instrument (π̂ / se(π̂))²; the interval is that of Anderson & Rubin (1949). It
holds its level however weak the instrument where it is always read; so the check of the first stage prints it always, also
where the estimate is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from causal.covariates import PRIOR
from causal.estimators import Sample
from causal.events import Bool, Events, Float, Int
from causal.inference import Dependence, dependence
from causal.reply_design import HOUR, Answers, Posts, Tally
from causal.results import Check, Estimate

NAME = "helper_iv"
# The critical value of Montiel Olea & Pflueger (2013) for one instrument: a bias above a tenth of the worst case is
# rejected at 5%.
LEAST_F = 23.1
FEWEST_POSTS = 100
LARGEST_IMBALANCE = 0.1
CHUNK = 4_000
EXCLUSION = (
    "It moves the outcome only through the answers to this post: who is around must neither reach the author in other "
    "threads of those hours, nor come and go with what moves the author (an event that brings some helpers online and "
    "upsets the author). Posts are not timed for when certain helpers are there, given forum, hour and time. More such "
    "helpers never make an exposing answer less likely (monotonicity); the estimate is then for posts whose answers "
    "depend on who is there, not for all."
)


@dataclass(frozen=True, slots=True)
class Availability:
    """Who was around after r posts.

    Attributes:
        value: Mean leave-one-out propensity of the helpers (r); NaN without helpers.
        helpers: Number of helpers (r).
    """

    value: Float
    helpers: Int


@dataclass(frozen=True, slots=True)
class FirstStage:
    """How far the instrument moves the exposure.

    Attributes:
        coefficient: π̂, exposure per unit of the instrument.
        se: Its network HAC standard error.
        effective_f: (π̂ / se)².
        partial_r2: Share of the exposure's residual variance that the instrument explains.
        n: Rows.
    """

    coefficient: float
    se: float
    effective_f: float
    partial_r2: float
    n: int


def availability(events: Events, answers: Answers, posts: Posts, hours: int) -> Availability:
    """Return the instrument of every post.

    Helpers are other known people who wrote in the post's forum, in another thread, within `hours` after it. Their
    propensity counts their answers before the post, those to its author left out, and is shrunk to the overall share of
    answers before the post by `PRIOR` pseudo-answers.
    """
    parts = [
        _available(events, answers, _some(posts, start), hours * HOUR) for start in range(0, max(len(posts), 1), CHUNK)
    ]
    return Availability(np.concatenate([p.value for p in parts]), np.concatenate([p.helpers for p in parts]))


def _some(posts: Posts, start: int) -> Posts:
    return Posts(*(getattr(posts, name)[start : start + CHUNK] for name in Posts.__slots__))


def _available(events: Events, answers: Answers, posts: Posts, width: int) -> Availability:
    row, helper = helpers_of(events, posts, width)
    propensity = propensities(events, answers, helper, posts.person[row], posts.time[row])
    count = np.bincount(row, minlength=len(posts))
    total = np.bincount(row, weights=propensity, minlength=len(posts))
    value = np.divide(total, count, out=np.full(len(posts), np.nan), where=count > 0)
    return Availability(value, count.astype(np.int64))


def helpers_of(events: Events, posts: Posts, width: int) -> tuple[Int, Int]:
    """Return pairs (row of the post, helper) of everybody who wrote elsewhere in its forum in (time, time + width]."""
    order = np.lexsort((events.time, events.forum))
    span = int(events.time.max(initial=0) - events.time.min(initial=0)) + 2 * width + 2
    origin = int(events.time.min(initial=0))
    keys = events.forum[order] * span + events.time[order] - origin
    at = posts.forum * span + posts.time - origin
    low, high = np.searchsorted(keys, at, side="right"), np.searchsorted(keys, at + width, side="right")
    row = np.repeat(np.arange(len(posts)), high - low)
    shift = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    found = order[np.repeat(low, high - low) + shift]
    kept = (events.person[found] != posts.person[row]) & (events.thread[found] != posts.thread[row])
    pairs = np.unique(np.column_stack([row[kept], events.person[found[kept]]]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def propensities(events: Events, answers: Answers, helper: Int, author: Int, time: Int) -> Float:
    """Return the share of the answers of each helper before `time`, to others than `author`, that use the strategy."""
    child = np.flatnonzero(answers.parent >= 0)
    when, who, whom = events.time[child], events.person[child], events.person[answers.parent[child]]
    values = np.column_stack([events.uses[child], np.ones(len(child))]).astype(float)
    people = len(events.people)
    every = Tally(who, when, values).before(helper, time)
    theirs = Tally(who * people + whom, when, values).before(helper * people + author, time)
    overall = Tally(np.zeros_like(who), when, values).before(np.zeros_like(time), time)
    share = overall[:, 0] / np.maximum(overall[:, 1], 1.0)
    uses, count = (every - theirs).T
    return np.asarray((uses + PRIOR * share) / (count + PRIOR))


def residuals(values: Float, controls: Float) -> tuple[Float, float]:
    """Return what controls leave of each column of values (n x c), and n / (n - k - 1) for variances.

    Args:
        values: n x c.
        controls: n x k, standardised inside; a constant is added.
    """
    spread = controls.std(axis=0)
    scaled = (controls[:, spread > 0] - controls[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    with_one = np.column_stack([np.ones(len(values)), scaled])
    basis, size, _ = np.linalg.svd(with_one, full_matrices=False)
    basis = basis[:, size > size.max() * 1e-10]
    left = values - basis @ (basis.T @ values)
    return left, len(values) / max(len(values) - basis.shape[1] - 1, 1)


def ratio(top: Float, bottom: Float) -> tuple[float, Float]:
    """Return Σ top / Σ bottom and the influence value of each row (n) on it."""
    value = float(top.sum() / bottom.sum())
    return value, (top - value * bottom) / bottom.mean()


def first_stage(e: Float, z: Float, near: Dependence, lost: float = 1.0) -> FirstStage:
    """Return the first stage from residuals of exposure and instrument (n each); `lost` is that of `residuals`."""
    value, influence = ratio(z * e, z * z)
    se = near.variance(influence).se * math.sqrt(lost)
    strength = (value / se) ** 2 if se > 0 else 0.0
    return FirstStage(value, se, float(strength), float((z @ e) ** 2 / ((z @ z) * (e @ e))), len(e))


def anderson_rubin(
    y: Float, e: Float, z: Float, near: Dependence, *, lost: float = 1.0, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the ends of the Anderson-Rubin interval (infinite where it has none) and the p-value of no effect.

    β is kept unless (Σ z̃(ỹ - βẽ))² exceeds its critical value times the variance of that sum, which is quadratic in β:
    kernel and degrees of freedom are those in use at β̂.

    Args:
        y, e, z: Residuals of outcome, exposure and instrument (n each).
        near: Who depends on whom.
        lost: n / (n - k - 1), as `residuals` gives it.
        level: Level of the interval.
    """
    a, b = z * y, z * e
    beta, influence = ratio(a, b)
    law = stats.t(near.dof(influence[:, None]))
    c = float(law.ppf(0.5 + level / 2)) ** 2 * lost
    form = _form(near, influence)
    vaa, vbb, vsum = form(a - a.mean()), form(b - b.mean()), form(a + b - a.mean() - b.mean())
    vab = (vsum - vaa - vbb) / 2
    p = float(2 * law.sf(abs(a.mean()) / math.sqrt(vaa * lost))) if vaa > 0 else 1.0
    square, cross, level_term = b.mean() ** 2 - c * vbb, a.mean() * b.mean() - c * vab, a.mean() ** 2 - c * vaa
    inside = cross**2 - square * level_term
    if square <= 0 or inside < 0:
        return -math.inf, math.inf, p
    return float((cross - math.sqrt(inside)) / square), float((cross + math.sqrt(inside)) / square), p


def _form(near: Dependence, influence: Float) -> Any:
    """Return the variance of a mean by the one rule which is in use at `influence`: then it is a quadratic form."""
    here = near.variance(influence)
    if near.cluster is not None:
        return lambda values: near.variance(values).value
    name = max(("person", "uniform", "overlap"), key=lambda k: here.parts[k])
    few = here.value / here.parts[name] if here.parts[name] > 0 else 1.0
    return lambda values: near.variance(values).parts[name] * few


def estimate_iv(
    sample: Sample, found: Availability, *, level: float = 0.95, seed: int = 0
) -> tuple[Estimate, tuple[Check, ...]]:
    """Return the IV estimate, or its refusal, with the report of the first stage and of balance.

    Args:
        sample: Rows, with covariates known before the first answer (n rows).
        found: The instrument of each row (n).
        level: Level of the interval.
        seed: Seed of sampled paths.
    """
    base: dict[str, Any] = {
        "estimator": NAME,
        "estimand": _estimand(sample.binary),
        "n_peers": int(sample.n_peers.sum()),
    }
    rows = found.helpers > 0
    y, e, z, X = sample.y[rows], sample.e[rows], found.value[rows], sample.X[rows]
    if len(y) < max(FEWEST_POSTS, 2 * X.shape[1]) or np.ptp(z) == 0 or np.ptp(e) == 0:
        reason = f"no instrument: {len(y):,} posts have helpers around after them whose propensities or answers vary"
        check = Check("helper_first_stage", "refused", f"{reason[0].upper()}{reason[1:]}.", {"n": len(y)})
        return _refused(base, len(y), reason), (check,)
    near = dependence(sample.adjacency, sample.communities, sample.person[rows], seed=seed)
    if near.refused is not None:
        return _refused(base, len(y), near.refused), ()
    left, lost = residuals(np.column_stack([y, e, z]), X)
    y, e, z = left.T
    stage = first_stage(e, z, near, lost)
    helpers = float(np.mean(found.helpers[rows]))
    low, high, p = anderson_rubin(y, e, z, near, lost=lost, level=level)
    checks = (stage_check(stage, helpers, (low, high)), balance_check(sample, found, near))
    weak = weakness(stage)
    if weak is not None:
        return _refused(base, len(y), weak), checks
    beta, influence = ratio(z * y, z * e)
    variance = near.variance(influence * math.sqrt(lost))
    detail = variance.describe() | {"effective_f": stage.effective_f, "interval": "anderson_rubin"}
    estimate = Estimate(
        **base,
        estimate=beta,
        se=variance.se,
        ci_low=low,
        ci_high=high,
        p_value=p,
        n=len(y),
        dof=variance.dof,
        detail=detail,
    )
    return estimate, checks


def _estimand(binary: bool) -> str:
    what = "effect" if binary else "slope"
    return f"instrumented {what} over answered posts whose answers depend on who was around (Imbens & Angrist 1994)"


def _refused(base: dict[str, Any], n: int, reason: str) -> Estimate:
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value"))
    return Estimate(**base, **nothing, n=n, refused=reason)


def weakness(stage: FirstStage) -> str | None:
    """Return why the instrument answers nothing, if it is too weak to."""
    if stage.effective_f >= LEAST_F:
        return None if stage.coefficient > 0 else "the instrument is invalid: more such helpers, fewer such answers"
    return (
        f"the instrument is weak: effective F {stage.effective_f:.1f}, at least {LEAST_F} is needed (Montiel Olea & "
        "Pflueger 2013). Other helper_hours may fit better when people here answer; more posts help"
    )


def stage_check(stage: FirstStage, helpers: float, kept: tuple[float, float]) -> Check:
    """Report the first stage, and in words what exclusion means.

    The Anderson-Rubin interval (`kept`) is reported whatever the strength: shown past the screen alone, it would hold its
    level no longer.
    """
    weak = weakness(stage)
    figures = {
        "coefficient": stage.coefficient,
        "se": stage.se,
        "effective_f": stage.effective_f,
        "least_f": LEAST_F,
        "partial_r2": stage.partial_r2,
        "helpers": helpers,
        "anderson_rubin": [end if math.isfinite(end) else None for end in kept],
        "n": stage.n,
    }
    said = (
        f"First stage: {stage.coefficient:.2f} (se {stage.se:.2f}) of the exposure per unit of the propensity of the "
        f"{helpers:.1f} helpers around after a post; effective F {stage.effective_f:.1f}"
    )
    ends = (f"{end:+.3f}" if math.isfinite(end) else "unbounded" for end in kept)
    either = "The Anderson-Rubin interval, which holds its level however weak the instrument is, is [{}, {}].".format(
        *ends
    )
    if weak is not None:
        return Check("helper_first_stage", "refused", f"{said}. {weak[0].upper()}{weak[1:]}. {either}", figures)
    return Check("helper_first_stage", "pass", f"{said}, {LEAST_F} are needed. {either} {EXCLUSION}", figures)


def balance_check(sample: Sample, found: Availability, near: Dependence) -> Check:
    """Compare the instrument with what was known before the post, given forum and time alone.

    Each covariate's partial correlation with the instrument, given the strata (groups `place_time` and `post_time`), is
    tested with network HAC; the largest of k is held against the Bonferroni limit.
    """
    rows = found.helpers > 0
    strata = np.asarray([g in ("place_time", "post_time") for g in sample.groups])
    varying = sample.X[rows].std(axis=0) > 0
    columns = np.flatnonzero(~strata & varying)
    values = np.column_stack([found.value[rows], sample.X[rows][:, columns]])
    left = residuals(values, sample.X[rows][:, strata])[0]
    kept = left[:, 1:].std(axis=0) > 1e-8 * sample.X[rows][:, columns].std(axis=0)
    columns, z, others = columns[kept], left[:, 0], left[:, 1:][:, kept]
    partial, t = _imbalance(z, others, near)
    names = [sample.covariate_names[k] for k in columns]
    limit = float(stats.norm.isf(0.025 / max(len(names), 1)))
    off: Bool = (np.abs(t) > limit) & (np.abs(partial) > LARGEST_IMBALANCE)
    worst = int(np.abs(t).argmax()) if len(t) else 0
    figures = {"names": names, "partial": partial.tolist(), "t": t.tolist(), "limit": limit}
    unlike = ", ".join(names[k] for k in np.flatnonzero(off))
    said = (
        f"Given forum and time, the instrument goes with {unlike} beyond chance: it is not as good as random."
        if off.any()
        else f"Given forum and time, the instrument goes with none of {len(names)} covariates from before the first answer "
        f"beyond chance and {LARGEST_IMBALANCE:g} in partial correlation"
        + (f" (largest |t| {abs(t[worst]):.1f}, {names[worst]}; limit {limit:.1f})." if names else ".")
    )
    return Check("helper_balance", "warn" if off.any() else "pass", said, figures)


def _imbalance(z: Float, others: NDArray[np.float64], near: Dependence) -> tuple[Float, Float]:
    """Return the partial correlation of z with each column and its t statistic (k each)."""
    partial = (z @ others) / np.sqrt((z @ z) * (others**2).sum(axis=0))
    t = np.empty(others.shape[1])
    for k in range(others.shape[1]):
        slope, influence = ratio(z * others[:, k], z * z)
        t[k] = slope / max(near.variance(influence).se, 1e-12)
    return np.asarray(partial), t
