"""What moves the nuisances, and on whom the estimate rests.

Which covariates: the share of the variance of outcome and exposure that predictions lose without one group of covariates,
cross-fitted (Williamson, Gilbert, Carone & Simon 2021, *Nonparametric variable importance assessment using machine
learning techniques*, Biometrics 77). Linear learners: groups are compared with one another, the headline is not refitted.

On whom: the headline solves Σ(a - θ b) = 0, so θ without the rows of S is Σ_{i∉S} a / Σ_{i∉S} b with nuisances as they
are. How few people, left out, would bring it to zero is the metric of Broderick, Giordano & Meager (2020). Nothing here
names anybody: shares, ranges, and groups of at least `FEWEST` people.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal.estimators import Estimates, EstimationSettings, Sample, dependence_of, interval
from causal.folds import Folds, graph_folds
from causal.inference import Dependence, undirected
from causal.names import covariates
from causal.nuisance import cross_fit
from causal.results import Check, Status
from copenet.foundation.errors import UsageError

Float = NDArray[np.float64]
Int = NDArray[np.int64]

FEWEST = 8
TOP = 0.01
MOST_BY_FEW = 0.5


@dataclass(frozen=True, slots=True)
class Loss:
    """What predictions lose without one group of covariates, as shares of the variance of what is predicted.

    Attributes:
        group: The group.
        outcome, exposure: R² with all covariates minus R² without the group; below zero where it only adds noise.
        outcome_low, outcome_high, exposure_low, exposure_high: Intervals; None where none is valid. They are too narrow
            for a group that adds nothing at all (there the loss is no longer normal).
        outcome_alone, exposure_alone: R² with the group alone. Groups that say the same are missed little and predict
            much.
    """

    group: str
    outcome: float
    exposure: float
    outcome_alone: float
    exposure_alone: float
    outcome_low: float | None = None
    outcome_high: float | None = None
    exposure_low: float | None = None
    exposure_high: float | None = None


@dataclass(frozen=True, slots=True)
class Drivers:
    """How well outcome and exposure are predicted, and by which covariates, strongest first."""

    outcome_r2: float
    exposure_r2: float
    groups: tuple[Loss, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON-shaped document."""
        return asdict(self)


def drivers(
    sample: Sample, settings: EstimationSettings = EstimationSettings(), near: Dependence | None = None
) -> Drivers:
    """Return what each group of covariates adds to predictions of outcome and exposure.

    Args:
        sample: The rows, outcome and exposure varying.
        settings: Folds, level, bandwidth, seed; the learners are linear here.
        near: How intervals are found; found again when None.

    Raises:
        UsageError: Outcome or exposure never varies, or there is no covariate.
    """
    if not sample.groups or np.ptp(sample.y) == 0 or np.ptp(sample.e) == 0:
        raise UsageError("Nothing is predicted where nothing varies.", remedy="Choose another outcome or exposure.")
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=settings.folds, seed=settings.seed)
    near = near or dependence_of(sample, settings)
    losses: dict[str, dict[str, dict[str, float | None]]] = {}
    r2 = {}
    for name, raw in (("outcome", sample.y), ("exposure", sample.e)):
        target = (raw - raw.mean()) / raw.std()  # no longer 0 and 1: a regression, not a classifier, in units of R²
        full = _squared_error(sample.X, target, folds)
        spread = target**2
        r2[name] = 1 - float(full.mean() / spread.mean())
        for group in dict.fromkeys(sample.groups):
            mine = np.array([g == group for g in sample.groups])
            added = _squared_error(sample.X[:, ~mine], target, folds) - full
            alone = 1 - float(_squared_error(sample.X[:, mine], target, folds).mean() / spread.mean())
            share = _share(added, spread, near, settings.level)
            losses.setdefault(group, {})[name] = share | {"_alone": alone}
    made = [_loss(group, found) for group, found in losses.items()]
    made.sort(key=lambda loss: (-max(loss.outcome, 0.0) - max(loss.exposure, 0.0), loss.group))
    return Drivers(r2["outcome"], r2["exposure"], tuple(made))


def _squared_error(X: Float, target: Float, folds: Folds) -> Float:
    """Return the squared errors (n) of a ridge regression, whose closed form makes many refits cheap."""
    return np.asarray((target - cross_fit(X, target, folds, learners=("linear",)).values) ** 2)


def _share(added: Float, spread: Float, near: Dependence, level: float) -> dict[str, float | None]:
    """Return mean(added) / mean(spread) with its interval: a ratio of means by its influence values."""
    value = float(added.mean() / spread.mean())
    if near.refused is not None:
        return {"": value, "_low": None, "_high": None}
    low, high, _ = interval(value, near.variance((added - value * spread) / spread.mean()), level)
    return {"": value, "_low": low, "_high": high}


def _loss(group: str, found: dict[str, dict[str, float | None]]) -> Loss:
    columns: dict[str, Any] = {f"{name}{end}": v for name, ends in found.items() for end, v in ends.items()}
    return Loss(group=group, **columns)


def drivers_check(found: Drivers) -> Check:
    """Say which covariates predict who is exposed and who shows the outcome, and which do both."""
    both = [g.group for g in found.groups if _clear(g.outcome_low) and _clear(g.exposure_low)]
    said = (
        f"What was known before predicts {_percent(found.outcome_r2)} of the outcome's variance and"
        f" {_percent(found.exposure_r2)} of the exposure's (out of fold, linear). {_strongest(found, 'outcome')}"
        f" {_strongest(found, 'exposure')}"
    )
    if both:
        said += f" What moves both confounds: {_listed(both)}."
    else:
        said += " No single group clearly moves both; groups that say the same can stand in for one another."
    return Check("nuisance_drivers", "pass", said, found.to_dict())


def _clear(low: float | None) -> bool:
    return low is not None and low > 0


def _strongest(found: Drivers, name: str) -> str:
    best = max(found.groups, key=lambda g: getattr(g, name))
    value = getattr(best, name)
    most = max(found.groups, key=lambda g: getattr(g, f"{name}_alone"))
    alone = f"{covariates(most.group)} alone predicts most ({_percent(getattr(most, f'{name}_alone'))})."
    if value <= 0:
        return f"Of the {name} no group is missed by the others; {alone}"
    return f"Of the {name}, {covariates(best.group)} is missed most by the others ({_percent(value)}); {alone}"


def _percent(share: float) -> str:
    return f"{max(share, 0.0):.1%}"


def _listed(names: list[str]) -> str:
    return ", ".join(covariates(name) for name in names)


@dataclass(frozen=True, slots=True)
class Influence:
    """On how many the estimate rests.

    Attributes:
        estimate: The headline.
        people: People with rows.
        top_people: How many the most influential hundredth are (at least `FEWEST`).
        top_share: Their share of the sum of squared influences.
        zero_share: Share of the people whose leaving would bring the estimate to zero; None where not even half of them
            leaving does.
        communities: Communities of at least `FEWEST` people with rows, each left out once.
        without_low, without_high: Range of the estimate without one of them; None with fewer than two.
        hubs: How many the best connected hundredth of the people are (at least `FEWEST`).
        hub_ties: Their share of all ties.
        hub_share: Share of the squared influence that stands next to them, each person's dealt evenly to their neighbours.
    """

    estimate: float
    people: int
    top_people: int
    top_share: float
    zero_share: float | None
    communities: int
    without_low: float | None
    without_high: float | None
    hubs: int
    hub_ties: float
    hub_share: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON-shaped document."""
        return asdict(self)


def influence(sample: Sample, found: Estimates) -> Influence:
    """Return on whom the headline rests, with the nuisances as they are.

    Args:
        sample: The rows that were estimated.
        found: Their estimates, by `aipw` or `plm`.

    Raises:
        UsageError: The estimates hold no scores, or are not of these rows.
    """
    if found.scores is None or found.scores[0].shape != sample.y.shape:
        raise UsageError("Influence needs the scores of these rows.", remedy="Use aipw or plm on the same rows.")
    people = sample.adjacency.shape[0]
    a, b = (np.asarray(np.bincount(sample.person, s, people), dtype=float) for s in found.scores)
    there = np.unique(sample.person)
    total_a, total_b = float(a.sum()), float(b.sum())
    theta = total_a / total_b
    pull = (a - theta * b) / total_b
    squared = pull**2
    top = min(len(there), max(FEWEST, math.ceil(TOP * len(there))))
    without = _without_one(a, b, sample.communities, there)
    hubs, hub_ties, hub_share = _hubs(undirected(sample.adjacency), squared)
    return Influence(
        estimate=theta,
        people=len(there),
        top_people=top,
        top_share=float(np.sort(squared)[::-1][:top].sum() / squared.sum()) if squared.any() else 0.0,
        zero_share=_share_to_zero(a[there]),
        communities=len(without),
        without_low=float(without.min()) if len(without) > 1 else None,
        without_high=float(without.max()) if len(without) > 1 else None,
        hubs=hubs,
        hub_ties=hub_ties,
        hub_share=hub_share,
    )


def _without_one(a: Float, b: Float, communities: Int, there: Int) -> Float:
    """Return the estimate without each community of at least FEWEST people with rows."""
    own = communities[there]
    names, counts = np.unique(own[own >= 0], return_counts=True)
    left = [there[own != name] for name in names[counts >= FEWEST]]
    return np.array([float(a[rest].sum() / b[rest].sum()) for rest in left if len(rest) and b[rest].sum() > 0])


def _share_to_zero(a: Float) -> float | None:
    """Return the least share of the people who must leave, a first, until the estimate Σa/Σb is not beyond zero.

    Where fewer than FEWEST would do, the share that FEWEST are.
    """
    sign = np.sign(a.sum())
    order = np.argsort(-sign * a, kind="stable")[: len(a) // 2]
    rest = sign * (a.sum() - np.cumsum(a[order]))
    crossed = np.flatnonzero(rest <= 0)
    if not len(crossed):
        return None
    return float(max(FEWEST, crossed[0] + 1) / len(a))


def _hubs(graph: csr_array, squared: Float) -> tuple[int, float, float]:
    """Return how many the best connected are, their share of all ties, and of the squared influence next to them."""
    degree = np.diff(graph.indptr).astype(float)
    tied = np.flatnonzero(degree > 0)
    if not len(tied):
        return 0, 0.0, 0.0
    most = min(len(tied), max(FEWEST, math.ceil(TOP * len(tied))))
    chosen = np.argsort(-degree, kind="stable")[:most]
    dealt = graph.T @ np.where(degree > 0, squared / np.maximum(degree, 1.0), 0.0)
    whole = float(dealt.sum())
    return most, float(degree[chosen].sum() / degree.sum()), float(dealt[chosen].sum() / whole) if whole else 0.0


def influence_check(found: Influence, low: float | None, high: float | None) -> Check:
    """Say on how many the estimate rests; `low` and `high` are the ends of its interval."""
    said = (
        f"The most influential {found.top_people:,} of {found.people:,} people make {found.top_share:.0%} of the sum of"
        f" squared influences. {_zero_words(found)} The {found.hubs:,} best connected hold {found.hub_ties:.0%} of the ties"
        f" and stand next to {found.hub_share:.0%} of that influence."
    )
    status: Status = "pass"
    if found.top_share >= MOST_BY_FEW:
        status = "warn"
        said += " So few people carry what these data say: it is hardly about the others."
    if found.without_low is None or found.without_high is None:
        said += " There are too few communities to leave one out."
    else:
        said += (
            f" Without one of {found.communities} communities at a time it lies between {found.without_low:+.3f} and"
            f" {found.without_high:+.3f}."
        )
        if _depends(found, low, high):
            status = "warn"
            said += " One community alone carries it beyond its interval, or to the other side of zero."
    return Check("influence", status, f"{said} Nuisances are not fitted again.", found.to_dict())


def _depends(found: Influence, low: float | None, high: float | None) -> bool:
    """Say whether leaving out one community leads out of the interval, or across zero where the interval leaves it out."""
    if found.without_low is None or found.without_high is None or low is None or high is None:
        return False
    outside = found.without_low < low or found.without_high > high
    return outside or ((low > 0 or high < 0) and found.without_low <= 0 <= found.without_high)


def _zero_words(found: Influence) -> str:
    if found.zero_share is None:
        return "Not even half of them leaving, those first who pull most, would bring the estimate to zero."
    return f"Without at most {found.zero_share:.1%} of them, those who pull it most, it would be at zero."
