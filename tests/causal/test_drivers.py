"""What drives the nuisances, against shares known by construction; on whom an estimate rests, against leaving them out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, eye_array

from causal.drivers import FEWEST, Drivers, Influence, drivers, drivers_check, influence, influence_check
from causal.estimators import Estimates, EstimationSettings, Sample, estimate
from copenet.foundation.errors import UsageError
from tests.causal.test_waterfall import LINEAR, sample_of


@pytest.fixture(scope="module")
def found() -> Drivers:
    return drivers(sample_of(3_000, binary=False), LINEAR)


def test_shares_are_those_of_the_equations(found: Drivers) -> None:
    """e = h + t + ε has variance 3; y = .5 e + h + p + ε = 1.5 h + .5 t + p + .5 ε_e + ε_y has 2.25 + .25 + 1 + .25 + 1."""
    by = {g.group: g for g in found.groups}
    assert found.exposure_r2 == pytest.approx(2 / 3, abs=0.03)
    assert found.outcome_r2 == pytest.approx(3.5 / 4.75, abs=0.03)
    for group, exposure, outcome in (
        ("own_history", 1 / 3, 2.25 / 4.75),
        ("text", 1 / 3, 0.25 / 4.75),
        ("place_time", 0, 1 / 4.75),
        ("weather", 0, 0),
    ):
        assert by[group].exposure == pytest.approx(exposure, abs=0.03)
        assert by[group].outcome == pytest.approx(outcome, abs=0.03)
        assert by[group].exposure_alone == pytest.approx(exposure, abs=0.03)  # independent: alone is without


def test_intervals_hold_what_they_are_of_and_the_strongest_come_first(found: Drivers) -> None:
    for g in found.groups:
        assert g.outcome_low <= g.outcome <= g.outcome_high
        assert g.exposure_low <= g.exposure <= g.exposure_high
    assert [g.group for g in found.groups] == ["own_history", "text", "place_time", "weather"]


def test_intervals_of_a_share_cover_it() -> None:
    """30 studies, share 1/3: at least 24 intervals hold it (binomial .95: fewer have a chance below .001)."""
    held = 0
    for seed in range(30):
        loss = {g.group: g for g in drivers(sample_of(600, seed, binary=False), LINEAR).groups}["own_history"]
        held += loss.exposure_low <= 1 / 3 <= loss.exposure_high
    assert held >= 24


def test_covariates_that_say_the_same_are_missed_little_and_predict_much_alone() -> None:
    sample = sample_of(2_000, binary=False)
    X = sample.X.copy()
    X[:, 1] = X[:, 0] + 0.05 * np.random.default_rng(2).normal(size=2_000)
    by = {g.group: g for g in drivers(replace(sample, X=X), LINEAR).groups}
    assert abs(by["own_history"].outcome) < 0.02
    assert by["own_history"].outcome_alone > 0.3


def test_the_words_name_what_moves_both_and_units_do_not_matter(found: Drivers) -> None:
    check = drivers_check(found)
    assert check.status == "pass"
    assert "What moves both confounds: own history, own text." in check.detail
    sample = sample_of(3_000, binary=False)
    scaled = drivers(replace(sample, X=sample.X * [1, 1e4, 1e-3, 7], y=sample.y * 100, e=sample.e + 5), LINEAR)
    assert scaled.outcome_r2 == pytest.approx(found.outcome_r2)
    assert [g.group for g in scaled.groups] == [g.group for g in found.groups]
    noise = replace(sample, y=np.random.default_rng(5).normal(size=3_000))
    assert "No single group clearly moves both" in drivers_check(drivers(noise, LINEAR)).detail


def test_nothing_to_predict_is_a_fault_of_the_caller() -> None:
    sample = sample_of(200)
    with pytest.raises(UsageError, match="nothing varies"):
        drivers(replace(sample, y=np.ones(200)), LINEAR)


def repeated(n: int = 400, rows: int = 3) -> Sample:
    """People with several rows each, in communities of fifty and one of five."""
    sample = sample_of(n * rows)
    person = np.arange(n * rows) % n
    communities = np.where(np.arange(n) < 5, 9, np.arange(n) // 50)
    star = np.zeros((n, n))
    star[0, 1:200] = star[1:200, 0] = 1
    ties = csr_array(np.maximum(star, np.eye(n, k=1) + np.eye(n, k=-1)))
    return replace(sample, person=person, communities=communities, adjacency=ties)


@pytest.fixture(scope="module")
def rests() -> tuple[Sample, Estimates, Influence]:
    sample = repeated()
    fit = estimate(sample, EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1))
    return sample, fit, influence(sample, fit)


def test_leaving_out_a_community_is_leaving_out_its_rows(rests: tuple[Sample, Estimates, Influence]) -> None:
    sample, fit, found = rests
    a, b = fit.scores
    without = [
        a[sample.communities[sample.person] != c].sum() / b[sample.communities[sample.person] != c].sum()
        for c in range(8)
    ]
    assert found.communities == 8  # that of five people is not left out alone
    assert found.without_low == pytest.approx(min(without))
    assert found.without_high == pytest.approx(max(without))
    assert found.estimate == pytest.approx(fit.estimates[0].estimate)


def test_the_share_to_zero_is_enough_and_one_person_less_is_not(rests: tuple[Sample, Estimates, Influence]) -> None:
    sample, fit, found = rests
    a = np.bincount(sample.person, fit.scores[0])
    gone = np.sort(a - found.estimate * 3)[::-1] + found.estimate * 3  # b is 1 a row, three rows a person
    people = round(found.zero_share * found.people)
    assert people > FEWEST
    assert gone[people:].sum() <= 0 < gone[people - 1 :].sum()


def test_nobody_matters_alone_in_what_is_said(rests: tuple[Sample, Estimates, Influence]) -> None:
    sample, fit, found = rests
    assert (found.people, found.top_people, found.hubs) == (400, FEWEST, FEWEST)
    one = np.where(sample.person == 3, 1_000.0, -1.2 * found.estimate)
    single = influence(sample, replace(fit, scores=(fit.scores[0] + one, fit.scores[1])))
    assert single.zero_share == FEWEST / 400
    assert single.top_share > 0.9
    assert all(isinstance(value, int | float) for value in single.to_dict().values())


def test_hubs_are_counted_by_their_ties_and_what_stands_next_to_them(
    rests: tuple[Sample, Estimates, Influence],
) -> None:
    sample, _, found = rests
    degree = np.sort(np.diff(csr_array(sample.adjacency).indptr))[::-1]
    assert found.hub_ties == pytest.approx(degree[:8].sum() / degree.sum())
    assert 0 < found.hub_share < 1


def test_the_check_warns_where_one_community_carries_it(rests: tuple[Sample, Estimates, Influence]) -> None:
    ours, found = rests[1].estimates[0], rests[2]
    calm = influence_check(found, ours.ci_low, ours.ci_high)
    assert calm.status == "pass"
    assert "Without one of 8 communities" in calm.detail
    across = replace(found, without_low=-0.01)
    assert influence_check(across, -0.1, 0.9).status == "pass"  # the interval holds zero anyway
    assert influence_check(across, 0.05, 0.9).status == "warn"
    assert influence_check(replace(found, without_high=2.0), 0.05, 0.9).status == "warn"
    few = influence_check(replace(found, top_share=0.6), ours.ci_low, ours.ci_high)
    assert few.status == "warn"
    assert "So few people carry" in few.detail
    assert "too few communities" in influence_check(replace(found, without_low=None), 0.05, 0.9).detail


def test_influence_needs_the_scores_of_the_rows(rests: tuple[Sample, Estimates, Influence]) -> None:
    sample, fit, _ = rests
    with pytest.raises(UsageError, match="scores"):
        influence(sample, replace(fit, scores=None))


def test_people_without_ties_have_no_hubs() -> None:
    n = 300
    sample = replace(sample_of(n), adjacency=csr_array(eye_array(n) * 0))
    assert influence(sample, estimate(sample, LINEAR)).hubs == 0
