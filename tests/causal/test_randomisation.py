"""Randomisation inference: sizes and expectations are exact, by enumerating every assignment of small graphs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causal import randomisation
from causal.randomisation import (
    Bernoulli,
    Complete,
    ExposureProbabilities,
    Listed,
    design_effect,
    exposure_probabilities,
    randomisation_test,
    total_covariance,
    total_variance,
)
from copenet.foundation.errors import InputError, RefusedError, UsageError
from tests.causal.graphs import ring, sparse_graph


def of_graph(graph):
    """Four conditions: own treatment, and whether any peer is treated."""
    return lambda z: (2 * z + ((graph @ z) > 0)).astype(int)


def spread(graph):
    """A statistic of spillovers: slope of outcomes on the number of treated peers."""
    return lambda z, y: abs(np.cov(graph @ z, y)[0, 1])


MECHANISMS = {
    "complete": Complete(7, 3),
    "bernoulli": Bernoulli(np.array([0.3, 0.5, 0.7, 0.5, 0.2, 0.5, 1.0])),
    "listed": Listed(np.eye(7, dtype=int), np.array([0.1, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2])),
}


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_size_is_exact_at_every_level_that_can_be_reached(name):
    """Under the sharp null, P(p <= a) = a at each p-value the design can give, and never more than a elsewhere."""
    mechanism, graph = MECHANISMS[name], ring(7)
    outcome = np.random.default_rng(3).normal(size=7)
    assignments, chance = mechanism.support()
    p = np.array([randomisation_test(z, outcome, mechanism, spread(graph)).p_value for z in assignments])
    for level in np.unique(p):
        assert chance[p <= level + 1e-9].sum() == pytest.approx(level, abs=1e-9)
    for level in (0.01, 0.05, 0.1, 0.5):
        assert chance[p <= level + 1e-9].sum() <= level + 1e-9


def test_the_size_of_the_focal_test_is_exact_given_own_treatments_though_own_treatment_has_an_effect():
    """Others' treatments change nothing; the own one adds 5. The test on focal units holds the own one fixed."""
    graph, mechanism = ring(8), Complete(8, 4)
    base = np.random.default_rng(0).normal(size=8)
    focal = np.arange(8) % 2 == 0

    def statistic(z, y):
        return abs(np.cov((graph @ z)[focal], y[focal])[0, 1])

    assignments, chance = mechanism.support()
    p = np.array([randomisation_test(z, base + 5 * z, mechanism, statistic, focal=focal).p_value for z in assignments])
    for held in np.unique(assignments[:, focal], axis=0):
        here = (assignments[:, focal] == held).all(axis=1)
        for level in np.unique(p[here]):
            assert chance[here & (p <= level + 1e-9)].sum() / chance[here].sum() == pytest.approx(level)


def test_a_planted_spillover_is_found_and_its_null_model_is_not_rejected():
    graph, mechanism = ring(16), Complete(16, 8)
    z = mechanism.draw(1, np.random.default_rng(1))[0]
    base = np.random.default_rng(2).normal(size=16)
    outcome = base + 3.0 * (graph @ z)
    tested = randomisation_test(z, outcome, mechanism, spread(graph))
    assert (tested.exact, tested.assignments) == (True, 12870)
    assert tested.p_value < 0.01
    true = randomisation_test(z, outcome, mechanism, spread(graph), null=lambda d: base + 3.0 * (graph @ d))
    assert true.p_value > 0.05
    with pytest.raises(UsageError, match="imply the outcomes"):
        randomisation_test(z, outcome, mechanism, spread(graph), null=lambda d: base)


def test_draws_give_a_valid_p_value_close_to_the_exact_one(monkeypatch):
    graph, mechanism = ring(12), Complete(12, 6)
    z, outcome = mechanism.draw(1, np.random.default_rng(0))[0], np.random.default_rng(1).normal(size=12)
    exact = randomisation_test(z, outcome, mechanism, spread(graph))
    monkeypatch.setattr(randomisation, "MOST_ENUMERATED", 10)
    drawn = randomisation_test(z, outcome, mechanism, spread(graph), draws=1999, seed=4)
    assert (drawn.exact, drawn.assignments, drawn.least) == (False, 1999, 1 / 2000)
    assert drawn.p_value * 2000 == pytest.approx(round(drawn.p_value * 2000))
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * np.sqrt(0.25 / 1999))
    assert drawn == randomisation_test(z, outcome, mechanism, spread(graph), draws=1999, seed=4)
    impossible = randomisation_test(z, outcome, mechanism, lambda d, y: float((d == z).all()), draws=99)
    assert impossible.p_value >= 1 / 100


@pytest.mark.parametrize("name", MECHANISMS)
def test_lists_and_draws_of_a_mechanism_agree(name):
    mechanism = MECHANISMS[name]
    assignments, chance = mechanism.support()
    assert chance.sum() == pytest.approx(1.0)
    assert len({tuple(z) for z in assignments}) == len(assignments)
    drawn = mechanism.draw(4000, np.random.default_rng(0))
    assert np.abs(drawn.mean(axis=0) - chance @ assignments).max() < 4 * np.sqrt(0.25 / 4000)
    fixed = np.arange(7) < 2
    given_ = mechanism.given(fixed, assignments[-1])
    listed, conditional = given_.support()
    agree = (assignments[:, fixed] == assignments[-1][fixed]).all(axis=1)
    assert {tuple(z) for z, c in zip(listed, conditional, strict=True) if c > 0} == {
        tuple(z)
        for z, c in zip(assignments, chance, strict=True)
        if c > 0 and (z[fixed] == assignments[-1][fixed]).all()
    }
    assert conditional @ listed == pytest.approx(chance[agree] @ assignments[agree] / chance[agree].sum())
    assert (given_.draw(20, np.random.default_rng(1))[:, fixed] == assignments[-1][fixed]).all()


@given(seed=st.integers(0, 40))
def test_horvitz_thompson_is_unbiased_and_its_variance_conservative_over_all_assignments(seed):
    rng = np.random.default_rng(seed)
    n = 7
    graph = ring(n) if seed % 2 else sparse_graph(n, 3, rng)
    mechanism = Complete(n, 3) if seed % 3 else Bernoulli(rng.uniform(0.2, 0.8, size=n))
    exposure = of_graph(graph)
    potential = rng.normal(size=(4, n))  # the outcome of each unit in each condition
    probabilities = exposure_probabilities(mechanism, exposure)
    assignments, chance = mechanism.support()
    shown = np.array([exposure(z) for z in assignments])
    totals, variances, covariances = {}, {}, []
    possible = [c for c in probabilities.conditions if (probabilities.of(c) > 0).all()]
    for c in possible:
        pi, y = probabilities.of(c), potential[c]
        totals[c] = np.array([np.sum(y[d == c] / pi[d == c]) for d in shown])
        variances[c] = np.array([total_variance(y, d == c, probabilities.pair(c, c)) for d in shown])
        assert chance @ totals[c] == pytest.approx(y.sum())
        assert chance @ variances[c] >= chance @ totals[c] ** 2 - y.sum() ** 2 - 1e-9
    for a, b in pairwise(possible):
        across = probabilities.of(a), probabilities.of(b)
        covariances = [
            total_covariance(
                np.where(d == a, potential[a], potential[b]), (d == a, d == b), across, probabilities.pair(a, b)
            )
            for d in shown
        ]
        truth = chance @ (totals[a] * totals[b]) - potential[a].sum() * potential[b].sum()
        assert chance @ np.array(covariances) <= truth + 1e-9


def test_where_no_pair_is_kept_apart_the_variance_is_unbiased():
    mechanism, y = Bernoulli(np.array([0.3, 0.5, 0.6, 0.8])), np.array([1.0, -2.0, 0.5, 3.0])
    probabilities = exposure_probabilities(mechanism, lambda z: z)
    assignments, chance = mechanism.support()
    totals = np.array([np.sum((y / probabilities.of(1))[z == 1]) for z in assignments])
    found = np.array([total_variance(y, z == 1, probabilities.pair(1, 1)) for z in assignments])
    assert chance @ found == pytest.approx(chance @ totals**2 - (chance @ totals) ** 2)


def test_hajek_varies_less_than_horvitz_thompson_where_outcomes_are_far_from_zero():
    """Every assignment of 5 treated on a ring of 12 in which both conditions occur; the effect is 2."""
    exposure, mechanism = of_graph(ring(12)), Complete(12, 5)
    base = 5 + np.random.default_rng(5).normal(size=12)
    probabilities = exposure_probabilities(mechanism, exposure)
    shown = [d for d in (exposure(z) for z in mechanism.support()[0]) if {0, 1} <= set(d)]
    found = [design_effect(base + 2.0 * (d % 2), d, probabilities) for d in shown]
    ht, hajek = (np.array([f[k].estimate for f in found]) for k in (0, 1))
    assert hajek.mean() == pytest.approx(2.0, abs=0.1)
    assert hajek.std() < ht.std() / 2


def test_the_intervals_by_design_cover_with_two_hundred_units():
    """300 assignments on a ring of 200, half treated; the effect of a treated peer is 2. Exact limits at 99%."""
    exposure, mechanism = of_graph(ring(200)), Complete(200, 100)
    base = 5 + np.random.default_rng(5).normal(size=200)
    probabilities = exposure_probabilities(mechanism, exposure, draws=4000)
    covered = {"horvitz_thompson": 0, "hajek": 0}
    for z in mechanism.draw(300, np.random.default_rng(0)):
        for found in design_effect(base + 2.0 * (exposure(z) % 2), exposure(z), probabilities):
            covered[found.estimator] += found.ci_low <= 2.0 <= found.ci_high
    for hits in covered.values():
        assert stats.binomtest(hits, 300).proportion_ci(0.99).high >= 0.95


def test_hajek_does_not_depend_on_where_outcomes_start_and_is_the_difference_of_means_for_equal_chances():
    z = np.array([1, 0, 1, 0, 1, 0])
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    probabilities = exposure_probabilities(Complete(6, 3), lambda d: d)
    ht, hajek = design_effect(y, z, probabilities)
    _, moved = design_effect(y + 100, z, probabilities)
    assert hajek.estimate == pytest.approx(y[z == 1].mean() - y[z == 0].mean())
    assert (moved.estimate, moved.se) == (pytest.approx(hajek.estimate), pytest.approx(hajek.se))
    assert (ht.n, ht.shown) == (6, (3, 3))
    assert hajek.ci_low < hajek.estimate < hajek.ci_high


def test_drawn_probabilities_approach_the_exact_ones(monkeypatch):
    mechanism, exposure = Complete(9, 4), of_graph(ring(9))
    exact = exposure_probabilities(mechanism, exposure)
    monkeypatch.setattr(randomisation, "MOST_ENUMERATED", 10)
    drawn = exposure_probabilities(mechanism, exposure, draws=4000, seed=1)
    assert (exact.exact, drawn.exact, drawn.conditions) == (True, False, exact.conditions)
    assert np.abs(drawn.joint - exact.joint).max() < 5 * np.sqrt(0.25 / 4000)
    assert sum(exact.of(c) for c in exact.conditions) == pytest.approx(np.ones(9))
    assert drawn.joint.diagonal(axis1=2, axis2=3)[np.arange(4), np.arange(4)].min() > 0


def test_a_unit_never_drawn_into_a_condition_keeps_a_chance_of_one_in_the_draws_and_one(monkeypatch):
    monkeypatch.setattr(randomisation, "MOST_ENUMERATED", 1)
    found = exposure_probabilities(Bernoulli(np.array([1e-12, 0.5])), lambda z: z, draws=99)
    assert found.of(1)[0] == pytest.approx(1 / 100)


def test_conditions_in_which_a_unit_never_was_among_the_drawn_assignments_are_refused():
    """Ten people without peers can never be exposed; no listing of 40 choose 20 assignments could tell."""
    ring_of = np.roll(np.eye(30), 1, axis=1)
    graph = np.zeros((40, 40))
    graph[:30, :30] = ring_of + ring_of.T
    mechanism, exposure = Complete(40, 20), of_graph(graph)
    probabilities = exposure_probabilities(mechanism, exposure, draws=2_000)
    assert not probabilities.exact
    assert probabilities.never(1).sum() == 10
    condition = exposure(mechanism.draw(1, np.random.default_rng(0))[0])
    with pytest.raises(
        RefusedError, match="10 units are under none of 2,000 drawn assignments in condition 1"
    ) as found:
        design_effect(np.full(40, 10.0), condition, probabilities, (1, 0))
    assert "draw more" in found.value.remedy


def test_conditions_that_cannot_happen_are_refused():
    star = np.zeros((4, 4))
    star[0, 1:] = star[1:, 0] = 1
    star[1:, 0] = 0  # units 1 to 3 have no peers
    exposure = of_graph(star)
    probabilities = exposure_probabilities(Complete(4, 2), exposure)
    z = np.array([0, 1, 1, 0])
    with pytest.raises(RefusedError, match="3 units can never be in condition 1") as refusal:
        design_effect(np.ones(4), exposure(z), probabilities, (1, 0))
    assert refusal.value.remedy
    with pytest.raises(UsageError, match="No assignment gives condition 7"):
        design_effect(np.ones(4), exposure(z), probabilities, (7, 0))
    alone = exposure_probabilities(Complete(4, 2), lambda d: d)
    with pytest.raises(RefusedError, match="Nobody is in condition 1"):
        design_effect(np.ones(4), np.zeros(4, dtype=int), alone)
    with pytest.raises(UsageError, match="equally many"):
        design_effect(np.ones(3), np.zeros(3, dtype=int), alone)


def test_faulty_mechanisms_and_assignments_are_told():
    with pytest.raises(UsageError, match="cannot be treated"):
        Complete(3, 4)
    with pytest.raises(UsageError, match="between 0 and 1"):
        Bernoulli(np.array([0.5, 1.5]))
    with pytest.raises(UsageError, match="sum to 1"):
        Listed(np.eye(2, dtype=int), np.array([0.5, 0.6]))
    with pytest.raises(UsageError, match="one row each"):
        Listed(np.zeros(3, dtype=int))
    one = np.array([1, 1, 0])
    with pytest.raises(InputError, match="never gives"):
        randomisation_test(one, np.zeros(3), Complete(3, 1), lambda z, y: 0.0)
    with pytest.raises(InputError, match="never assigns"):
        Listed(np.eye(3, dtype=int)).given(np.array([True, True, False]), one)
    with pytest.raises(UsageError, match="equally many"):
        randomisation_test(one, np.zeros(4), Complete(3, 2), lambda z, y: 0.0)
    with pytest.raises(UsageError, match="do not fit in memory"):
        exposure_probabilities(Bernoulli(np.r_[0.5, np.zeros(randomisation.MOST_UNITS)]), lambda z: z)
    assert Bernoulli(np.full(40, 0.5)).support() is None
    assert Complete(40, 20).support() is None
    assert isinstance(exposure_probabilities(Complete(3, 1), lambda z: z), ExposureProbabilities)
