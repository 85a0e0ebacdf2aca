"""Inference from a known assignment mechanism: tests of sharp nulls, and exposure effects by design.

Outcomes are fixed, assignments are random. With D ~ the mechanism and a statistic T, a sharp null fills in Y(z) for every
z, so p = P(T(D, Y(D)) >= T(d, y)) needs no model and no independence between people (Fisher 1935; Athey, Eckles & Imbens
2018 for nulls that are sharp for focal units alone). Exposure probabilities, Horvitz-Thompson and Hájek estimates with
conservative variances follow Aronow & Samii (2017), *Estimating average causal effects under general interference*; the
comments name their equations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from copenet.foundation.errors import InputError, RefusedError, UsageError
from copenet.foundation.seeds import generator

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Statistic = Callable[[Int, Float], float]
Exposure = Callable[[Int], Int]

MOST_ENUMERATED = 100_000
MOST_UNITS = 2_000
TIED = 1e-10


class Mechanism(Protocol):
    """How n units come by their treatments."""

    def support(self) -> tuple[Int, Float] | None:
        """Return every assignment (m x n) and its probability (m), or None where they are too many."""
        ...

    def draw(self, size: int, rng: np.random.Generator) -> Int:
        """Return independent assignments (size x n)."""
        ...

    def given(self, fixed: Bool, treatment: Int) -> Mechanism:
        """Return the mechanism given that units `fixed` (n) have the treatments they have in `treatment` (n)."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of possible assignments.

    Args:
        assignments: m x n, every possible assignment once.
        probabilities: Their probabilities (m); None for equally likely ones.

    >>> Listed(np.array([[0, 1], [1, 0]])).support()[1].tolist()
    [0.5, 0.5]
    """

    assignments: Int
    probabilities: Float | None = None

    def __post_init__(self) -> None:
        p = self.probabilities
        if self.assignments.ndim != 2 or not len(self.assignments):
            raise UsageError("Assignments are a matrix with one row each.")
        if p is not None and (p.shape != (len(self.assignments),) or p.min() < 0 or abs(p.sum() - 1) > 1e-9):
            raise UsageError("There must be one probability for each assignment, and they must sum to 1.")

    def support(self) -> tuple[Int, Float]:
        """Return the list and its probabilities."""
        m = len(self.assignments)
        return self.assignments, np.full(m, 1 / m) if self.probabilities is None else self.probabilities

    def draw(self, size: int, rng: np.random.Generator) -> Int:
        """Return independent assignments (size x n)."""
        assignments, p = self.support()
        return assignments[rng.choice(len(p), size=size, p=p)]

    def given(self, fixed: Bool, treatment: Int) -> Listed:
        """Return the assignments that agree with `treatment` where `fixed`."""
        assignments, p = self.support()
        agree = (assignments[:, fixed] == treatment[fixed]).all(axis=1)
        if not p[agree].sum() > 0:
            raise InputError("The mechanism never assigns these treatments.", remedy="Check the order of the units.")
        return Listed(assignments[agree], p[agree] / p[agree].sum())


@dataclass(frozen=True, slots=True)
class Complete:
    """Exactly `treated` of `units` are treated, every such assignment equally likely; others may be held `fixed`.

    Args:
        units: n.
        treated: How many of them are treated.
        fixed: Treatment of units that are not randomised (n, -1 for those that are), or None.

    >>> len(Complete(6, 3).support()[0])
    20
    """

    units: int
    treated: int
    fixed: Int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.treated - int(np.sum(self._held() == 1)) <= len(self._free()):
            raise UsageError(f"{self.treated} of {self.units} units cannot be treated.")

    def _held(self) -> Int:
        return np.full(self.units, -1) if self.fixed is None else self.fixed

    def _free(self) -> Int:
        return np.flatnonzero(self._held() < 0)

    def _moving(self) -> int:
        return self.treated - int(np.sum(self._held() == 1))

    def support(self) -> tuple[Int, Float] | None:
        """Return every assignment and its probability, or None above `MOST_ENUMERATED` of them."""
        free, k = self._free(), self._moving()
        count = math.comb(len(free), k)
        if count > MOST_ENUMERATED:
            return None
        found = np.tile(np.maximum(self._held(), 0), (count, 1))
        chosen = np.array(list(combinations(free.tolist(), k)), dtype=np.int64).reshape(count, k)
        np.put_along_axis(found, chosen, 1, axis=1)
        return found, np.full(count, 1 / count)

    def draw(self, size: int, rng: np.random.Generator) -> Int:
        """Return independent assignments (size x n)."""
        free = self._free()
        found = np.tile(np.maximum(self._held(), 0), (size, 1))
        found[:, free] = rng.permuted(np.tile(np.arange(len(free)) < self._moving(), (size, 1)), axis=1)
        return found

    def given(self, fixed: Bool, treatment: Int) -> Complete:
        """Return the mechanism given the treatments of some units."""
        return Complete(self.units, self.treated, np.where(fixed, treatment, self._held()))


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Unit i is treated with probability p_i, independently of the others.

    Args:
        probabilities: p (n), each in [0, 1].

    >>> Bernoulli(np.array([0.5, 1.0])).support()[0].tolist()
    [[0, 1], [1, 1]]
    """

    probabilities: Float

    def __post_init__(self) -> None:
        if self.probabilities.min() < 0 or self.probabilities.max() > 1:
            raise UsageError("Probabilities lie between 0 and 1.")

    def support(self) -> tuple[Int, Float] | None:
        """Return every assignment and its probability, or None above `MOST_ENUMERATED` of them."""
        p = self.probabilities
        free = np.flatnonzero((p > 0) & (p < 1))
        if 2.0 ** len(free) > MOST_ENUMERATED:
            return None
        found = np.tile((p == 1).astype(np.int64), (2 ** len(free), 1))
        found[:, free] = np.arange(2 ** len(free))[:, None] >> np.arange(len(free)) & 1
        return found, np.prod(np.where(found == 1, p, 1 - p), axis=1)

    def draw(self, size: int, rng: np.random.Generator) -> Int:
        """Return independent assignments (size x n)."""
        return (rng.random((size, len(self.probabilities))) < self.probabilities).astype(np.int64)

    def given(self, fixed: Bool, treatment: Int) -> Bernoulli:
        """Return the mechanism given the treatments of some units."""
        return Bernoulli(np.where(fixed, treatment, self.probabilities).astype(float))


@dataclass(frozen=True, slots=True)
class RandomisationTest:
    """A test of a sharp null.

    Attributes:
        p_value: P(T >= what was observed) under the null; with draws (1 + how many reach it) / (1 + draws).
        observed: T of the assignment that happened.
        exact: Whether every assignment was looked at.
        assignments: How many were.
        least: The smallest p-value this design could ever give.
    """

    p_value: float
    observed: float
    exact: bool
    assignments: int
    least: float


def randomisation_test(
    treatment: Int,
    outcome: Float,
    mechanism: Mechanism,
    statistic: Statistic,
    *,
    null: Callable[[Int], Float] | None = None,
    focal: Bool | None = None,
    draws: int = 1999,
    seed: int = 0,
) -> RandomisationTest:
    """Test a sharp null: exactly where the assignments can be listed, else by drawing them.

    Args:
        treatment: The assignment that happened (n).
        outcome: Outcomes under it (n).
        mechanism: How treatments came about.
        statistic: T(treatment, outcome), large where the null is wrong; take an absolute value for a two-sided test.
        null: The outcomes (n) the null implies under an assignment, those that happened under the one that happened;
            None says that no treatment, one's own or another's, changes any outcome.
        focal: Units whose own treatment is held as it was (n). The null then need only say that *others'* treatments
            do not change a focal unit's outcome; T must not use the outcomes of other units (Athey, Eckles & Imbens).
        draws: Assignments to draw where they are too many to list.
        seed: Seed of the draws.

    Raises:
        UsageError: The null denies the outcomes that happened, or the lengths differ.
        InputError: The mechanism never gives the assignment that happened.

    >>> z, y = np.array([1, 1, 1, 0, 0, 0]), np.array([3.0, 4.0, 5.0, 0.0, 1.0, 2.0])
    >>> difference = lambda z, y: y[z == 1].mean() - y[z == 0].mean()
    >>> randomisation_test(z, y, Complete(6, 3), difference).p_value
    0.05
    """
    treatment, outcome = np.asarray(treatment), np.asarray(outcome, dtype=float)
    if treatment.shape != outcome.shape:
        raise UsageError("Treatments and outcomes must be equally many.")
    implied = null or (lambda _: outcome)
    if not np.allclose(implied(treatment), outcome):
        raise UsageError("The null must imply the outcomes that happened under the assignment that happened.")
    if focal is not None:
        mechanism = mechanism.given(focal, treatment)
    observed = float(statistic(treatment, outcome))
    slack = TIED * max(1.0, abs(observed))
    listed = mechanism.support()
    if listed is None:
        drawn = mechanism.draw(draws, generator(seed, "randomisation"))
        reached = sum(statistic(z, implied(z)) >= observed - slack for z in drawn)
        return RandomisationTest((1 + int(reached)) / (1 + draws), observed, False, draws, 1 / (1 + draws))
    assignments, p = listed
    if not np.any((assignments == treatment).all(axis=1) & (p > 0)):
        raise InputError("The mechanism never gives the assignment that happened.", remedy="Check the units' order.")
    values = np.array([statistic(z, implied(z)) for z in assignments])
    value = min(float(p[values >= observed - slack].sum()), 1.0)
    top = float(p[values >= values.max() - slack].sum())
    return RandomisationTest(value, observed, True, len(p), top)


@dataclass(frozen=True, slots=True)
class ExposureProbabilities:
    """π_i(d) and π_ij(d, e) of every unit and pair.

    Attributes:
        conditions: The exposure conditions (k).
        joint: k x k x n x n; [a, b, i, j] is P(D_i = a, D_j = b). Its diagonal is π_i(a) for a = b and 0 otherwise.
        exact: Whether every assignment was looked at.
        draws: How many were drawn where not.
    """

    conditions: tuple[int, ...]
    joint: Float
    exact: bool
    draws: int = 0

    def never(self, condition: int) -> Bool:
        """Return who was in a condition under no assignment that was looked at (n)."""
        return self.of(condition) <= (0.0 if self.exact else 1.5 / (self.draws + 1))  # one is added to each count

    def place(self, condition: int) -> int:
        """Return where a condition stands.

        Raises:
            UsageError: No assignment gives it.
        """
        if condition not in self.conditions:
            raise UsageError(f"No assignment gives condition {condition}.", remedy=f"Known are {self.conditions}.")
        return self.conditions.index(condition)

    def pair(self, a: int, b: int) -> Float:
        """Return P(D_i = a, D_j = b) (n x n)."""
        return np.asarray(self.joint[self.place(a), self.place(b)])

    def of(self, condition: int) -> Float:
        """Return P(D_i = condition) (n)."""
        return np.diagonal(self.pair(condition, condition)).copy()


def exposure_probabilities(
    mechanism: Mechanism, exposure: Exposure, *, draws: int = 10_000, seed: int = 0
) -> ExposureProbabilities:
    """Return how likely each unit and pair is to be in each exposure condition.

    Exact where the assignments can be listed; else from draws, one success added to each π_i (so that none is 0) and
    one draw to their number (Aronow & Samii 2017, section 3).

    Args:
        mechanism: How treatments come about.
        exposure: The condition of each unit (n whole numbers) under an assignment (n).
        draws: Assignments to draw where they are too many to list.
        seed: Seed of the draws.

    Raises:
        UsageError: There are more than `MOST_UNITS` units: pairs would not fit in memory.

    >>> alone = exposure_probabilities(Complete(4, 2), lambda z: z)
    >>> alone.of(1).tolist(), round(float(alone.pair(1, 1)[0, 1]), 4)
    ([0.5, 0.5, 0.5, 0.5], 0.1667)
    """
    listed = mechanism.support()
    exact = listed is not None
    if listed is None:
        drawn = mechanism.draw(draws, generator(seed, "exposure probabilities"))
        listed = drawn, np.full(draws, 1 / (draws + 1))
    assignments, p = listed
    n = assignments.shape[1]
    if n > MOST_UNITS:
        raise UsageError(f"Pairs of {n:,} units do not fit in memory.", remedy=f"At most {MOST_UNITS:,} units.")
    found = np.array([exposure(z) for z in assignments])
    conditions = tuple(int(c) for c in np.unique(found[p > 0]))
    shown = [(found == c).astype(float) for c in conditions]
    joint = np.array([[(a * p[:, None]).T @ b for b in shown] for a in shown])
    if not exact:
        joint[np.arange(len(conditions)), np.arange(len(conditions))] += np.eye(n) / (draws + 1)
    return ExposureProbabilities(conditions, joint, exact, 0 if exact else draws)


def total_variance(y: Float, shown: Bool, joint: Float) -> float:
    """Return the conservative variance estimate of the Horvitz-Thompson total of one condition.

    Σ_i Σ_j of shown pairs with π_ij > 0: (π_ij - π_i π_j)/π_ij · y_i/π_i · y_j/π_j (π_ii = π_i), plus, for pairs that can
    never be shown together, y_i²/(2π_i) + y_j²/(2π_j) of those shown (Aronow & Samii 2017, eq. 7 and the term A2).

    Args:
        y: Outcomes (n); those not shown are not used.
        shown: Whether each unit is in the condition (n).
        joint: P(D_i, D_j both in the condition) (n x n), π_i on the diagonal.
    """
    return seen_together(y, shown, joint) + never_together(y, shown, joint)


def seen_together(y: Float, shown: Bool, joint: Float) -> float:
    """Return the part of `total_variance` over pairs that can be shown together."""
    here = np.flatnonzero(shown)
    pi, both = np.diagonal(joint)[here], joint[np.ix_(here, here)]
    weight = np.divide(both - np.outer(pi, pi), both, out=np.zeros_like(both), where=both > 0)
    scaled = y[here] / pi
    return float(scaled @ weight @ scaled)


def never_together(y: Float, shown: Bool, joint: Float) -> float:
    """Return the part of `total_variance` over pairs that can never be shown together (A2)."""
    pi = np.diagonal(joint)
    half = np.where(shown, y, 0.0) ** 2 / (2 * np.where(pi > 0, pi, 1.0))
    return float(2 * np.sum((joint <= 0) & (pi > 0)[None, :] & (pi > 0)[:, None], axis=1) @ half)


def total_covariance(y: Float, shown: tuple[Bool, Bool], pi: tuple[Float, Float], joint: Float) -> float:
    """Return the covariance estimate of the totals of two conditions a and b, never above the truth in expectation.

    Args:
        y: Outcomes (n).
        shown: Whether each unit is in a, and in b (n each).
        pi: P(D_i = a) and P(D_i = b) (n each).
        joint: P(D_i = a, D_j = b) (n x n); 0 on the diagonal.
    """
    (in_a, in_b), (pi_a, pi_b) = shown, pi
    scaled_a = np.where(in_a, y / np.where(pi_a > 0, pi_a, 1.0), 0.0)
    scaled_b = np.where(in_b, y / np.where(pi_b > 0, pi_b, 1.0), 0.0)
    weight = np.divide(joint - np.outer(pi_a, pi_b), joint, out=np.zeros_like(joint), where=joint > 0)
    never = joint <= 0
    lost = never.sum(axis=1) @ (scaled_a * np.where(in_a, y, 0.0)) + never.sum(axis=0) @ (
        scaled_b * np.where(in_b, y, 0.0)
    )
    return float(scaled_a @ weight @ scaled_b - lost / 2)


@dataclass(frozen=True, slots=True)
class DesignEstimate:
    """A contrast of two exposure conditions, its only randomness the assignment.

    Attributes:
        estimator: `horvitz_thompson` or `hajek`.
        estimate: Mean outcome under the one condition less under the other, over the n units.
        se: Conservative standard error.
        ci_low: Lower end of the interval (normal).
        ci_high: Upper end.
        p_value: Two-sided, against 0.
        n: Units.
        shown: Units in either condition (two).
    """

    estimator: str
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p_value: float
    n: int
    shown: tuple[int, int]


def design_effect(
    outcome: Float,
    condition: Int,
    probabilities: ExposureProbabilities,
    contrast: tuple[int, int] = (1, 0),
    *,
    level: float = 0.95,
) -> tuple[DesignEstimate, DesignEstimate]:
    """Return the Horvitz-Thompson and the Hájek estimate of one exposure condition against another.

    τ̂_HT = (1/n) Σ_i [1{D_i=a}/π_i(a) - 1{D_i=b}/π_i(b)] y_i; Hájek divides each mean by the sum of its weights instead of n
    and takes its variance from the residuals (linearisation). The variance estimates are conservative in expectation
    for HT, in large samples for Hájek.

    Args:
        outcome: y (n).
        condition: The condition each unit is in (n).
        probabilities: As `exposure_probabilities` gives them.
        contrast: Condition a, and condition b.
        level: Level of the intervals.

    Raises:
        RefusedError: A unit can never be in one of the conditions (or was in it under no assignment drawn), or nobody is.
        UsageError: No assignment gives a condition, or the lengths differ.

    >>> z, y = np.array([1, 0, 1, 0]), np.array([2.0, 1.0, 4.0, 1.0])
    >>> ht, hajek = design_effect(y, z, exposure_probabilities(Complete(4, 2), lambda z: z))
    >>> ht.estimate, hajek.estimate
    (2.0, 2.0)
    """
    y, n = np.asarray(outcome, dtype=float), len(outcome)
    pi = tuple(probabilities.of(c) for c in contrast)
    if condition.shape != (n,) or pi[0].shape != (n,):
        raise UsageError("Outcomes, conditions and probabilities must be equally many.")
    shown = tuple(condition == c for c in contrast)
    _refuse_without_positivity(contrast, probabilities, shown)
    weights = [np.where(s, 1 / p, 0.0) for s, p in zip(shown, pi, strict=True)]
    means = [float(w @ y) / n for w in weights], [float(w @ y / w.sum()) for w in weights]
    residual = y - np.where(shown[0], means[1][0], means[1][1])
    found = []
    for name, (a, b), values in zip(("horvitz_thompson", "hajek"), means, (y, residual), strict=True):
        variance = _contrast_variance(values, contrast, probabilities, (shown[0], shown[1])) / n**2
        found.append(_record(name, a - b, variance, level, n, (int(shown[0].sum()), int(shown[1].sum()))))
    return found[0], found[1]


def _refuse_without_positivity(
    contrast: tuple[int, int], probabilities: ExposureProbabilities, shown: tuple[Bool, ...]
) -> None:
    for c, s in zip(contrast, shown, strict=True):
        if never := int(np.sum(probabilities.never(c))):
            can = (
                "can never be"
                if probabilities.exact
                else f"are under none of {probabilities.draws:,} drawn assignments"
            )
            raise RefusedError(
                f"{never:,} units {can} in condition {c}: their mean outcome there is not identified.",
                remedy="Leave them out before anything is estimated, and say so: the effect is that of the others."
                + ("" if probabilities.exact else " Or draw more assignments, if they can be in it."),
            )
        if not s.any():
            raise RefusedError(f"Nobody is in condition {c}.", remedy="Compare conditions that happened.")


def _contrast_variance(
    y: Float, contrast: tuple[int, int], probabilities: ExposureProbabilities, shown: tuple[Bool, Bool]
) -> float:
    """Return V̂_a + V̂_b - 2 Ĉ_ab of the totals."""
    a, b = contrast
    own = sum(total_variance(y, s, probabilities.pair(c, c)) for c, s in zip(contrast, shown, strict=True))
    pi = probabilities.of(a), probabilities.of(b)
    return own - 2 * total_covariance(y, shown, pi, probabilities.pair(a, b))


def _record(name: str, value: float, variance: float, level: float, n: int, shown: tuple[int, int]) -> DesignEstimate:
    se = math.sqrt(max(variance, 0.0))
    half = float(stats.norm.ppf(0.5 + level / 2)) * se
    p = float(2 * stats.norm.sf(abs(value) / se)) if se > 0 else float(value == 0)
    return DesignEstimate(name, value, se, value - half, value + half, p, n, shown)
