"""From the naive difference to the headline, one step at a time: what each kind of covariate takes away.

Every step is an estimate of its own: least squares of the outcome on the exposure beside the covariates named so far. The
step with all of them is `ols`; the last step keeps the covariates and lets the nuisances bend (the headline). What a step
takes away depends on what stands above it, so each also says what it would take away if it were taken first or last
(Gelbach 2016, *When do covariates matter? And which ones, and how much?*).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal import regression
from causal.estimators import Estimates, EstimationSettings, Sample, dependence_of, interval
from causal.inference import Dependence
from causal.results import Estimate
from causal.shift import times_move

Float = NDArray[np.float64]
Point = tuple[float, Float]

BLOCKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("own history", ("own", "own_history", "activity", "own_treatment", "since")),
    ("peers' history and position", ("peers", "position", "past_exposure", "exposure")),
    ("text", ("text", "peers_text", "post_text", "post_label", "since_text")),
    ("forum and time", ("place_time", "post_time")),
    ("learned representation", ("representation",)),
)
REST = "everything else"
FLEXIBLE = "flexible nuisances"
NOTE = (
    "Each step adds to the covariates above it; in another order the steps would be others, the two ends the same. "
    "What least squares takes away is not what confounding was: a covariate may also be a mere predictor."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One estimate on the way.

    Attributes:
        label: What this step adds.
        estimator: `naive`, `ols` or the headline.
        added: Groups of covariates that it adds (`Sample.groups`).
        estimate, se, ci_low, ci_high: Of the step.
        change, change_low, change_high: Against the step above, with the interval of the difference.
        first, last: The change by these covariates alone, and by them after all others; None where nothing is added.
        refused: Why there is no estimate.
    """

    label: str
    estimator: str
    added: tuple[str, ...] = ()
    estimate: float | None = None
    se: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    first: float | None = None
    last: float | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps from `naive` to the headline, and what must be said of them; `refused` says why there are none."""

    steps: tuple[Step, ...]
    note: str = NOTE
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the steps as a JSON-shaped document."""
        return asdict(self)


def blocks_of(groups: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the steps that a sample's covariate groups make: name and groups, in the order they are taken.

    >>> blocks_of(("own_history", "text", "weather", "text"))
    [('own history', ('own_history',)), ('text', ('text',)), ('everything else', ('weather',))]
    """
    here = list(dict.fromkeys(groups))
    made = [(name, tuple(g for g in here if g in members)) for name, members in BLOCKS]
    known = {g for _, members in BLOCKS for g in members}
    made.append((REST, tuple(g for g in here if g not in known)))
    return [(name, members) for name, members in made if members]


def waterfall(
    sample: Sample,
    found: Estimates,
    settings: EstimationSettings = EstimationSettings(),
    *,
    moved: Float | None = None,
    near: Dependence | None = None,
) -> Waterfall:
    """Return the steps from the naive difference to the headline.

    Args:
        sample: The rows that were estimated.
        found: Their estimates; a refused headline is the last step, without a number.
        settings: Those of the estimates.
        moved: By how much a policy moves the exposure of each row (n), where the headline is a shift: least squares is
            then its slope times the mean move, as beside the headline.
        near: How intervals are found; found again when None.
    """
    if len(sample.y) < 2 or np.ptp(sample.e) == 0:
        return Waterfall((), refused="the exposure never varies, so there is nothing to compare")
    near = near or dependence_of(sample, settings)
    blocks = blocks_of(sample.groups)
    points = _points(sample, blocks, moved)
    labels = ["naive", *(f"+ {name}" for name, _ in blocks)]
    steps, before = [], None
    for k, (label, point) in enumerate(zip(labels, points, strict=True)):
        bare = Step(label, "ols" if k else "naive", blocks[k - 1][1] if k else ())
        steps.append(_measured(bare, point, before, near, settings))
        before = point
    steps = [steps[0], *_with_range(steps[1:], sample, blocks, points, moved)]
    return Waterfall((*steps, _last(found, sample, before, near, settings)))


def _slope(sample: Sample, groups: set[str], moved: Float | None) -> Point:
    columns = np.array([g in groups for g in sample.groups], dtype=bool)
    point = regression.ols(sample.y, sample.e, sample.X[:, columns])
    return point if moved is None else times_move(point, moved)


def _points(sample: Sample, blocks: list[tuple[str, tuple[str, ...]]], moved: Float | None) -> list[Point]:
    """Return the slope without covariates, then with ever more blocks of them."""
    return [_slope(sample, {g for _, members in blocks[:k] for g in members}, moved) for k in range(len(blocks) + 1)]


def _measured(step: Step, point: Point, before: Point | None, near: Dependence, settings: EstimationSettings) -> Step:
    value, influence = point
    made = replace(step, estimate=value, change=None if before is None else value - before[0])
    if near.refused is not None:
        return made
    variance = near.variance(influence)
    low, high, _ = interval(value, variance, settings.level)
    made = replace(made, se=variance.se, ci_low=low, ci_high=high)
    return made if before is None else _with_change(made, influence - before[1], near, settings)


def _with_change(step: Step, difference: Float, near: Dependence, settings: EstimationSettings) -> Step:
    if step.change is None:
        return step
    low, high, _ = interval(step.change, near.variance(difference), settings.level)
    return replace(step, change_low=low, change_high=high)


def _with_range(
    steps: list[Step],
    sample: Sample,
    blocks: list[tuple[str, tuple[str, ...]]],
    points: list[Point],
    moved: Float | None,
) -> list[Step]:
    """Add to each step what its covariates would take away first, and last."""
    everything = set(sample.groups)
    naive, full = points[0][0], points[-1][0]
    made = []
    for step, (_, members) in zip(steps, blocks, strict=True):
        alone = _slope(sample, set(members), moved)[0]
        without = _slope(sample, everything - set(members), moved)[0]
        made.append(replace(step, first=alone - naive, last=full - without))
    return made


def _last(
    found: Estimates, sample: Sample, before: Point | None, near: Dependence, settings: EstimationSettings
) -> Step:
    """Return the headline as a step: its estimate as reported, and the change from least squares."""
    ours: Estimate = next(e for e in found.estimates if e.estimator == found.headline)
    step = Step(FLEXIBLE, found.headline, refused=found.refused or ours.refused)
    if ours.estimate is None or before is None:
        return step
    made = replace(
        step,
        estimate=ours.estimate,
        se=ours.se,
        ci_low=ours.ci_low,
        ci_high=ours.ci_high,
        change=ours.estimate - before[0],
    )
    if found.scores is None or near.refused is not None:
        return made
    a, b = found.scores
    return _with_change(made, (a - ours.estimate * b) / b.mean() - before[1], near, settings)
