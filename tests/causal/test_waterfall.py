"""The steps from naive to final are real estimates, end where the estimates beside the headline end, and say their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, eye_array

from causal.estimators import Estimates, EstimationSettings, Sample, estimate
from causal.exposure import Count
from causal.shift import estimate_shift, policy_of
from causal.waterfall import FLEXIBLE, REST, Waterfall, blocks_of, waterfall

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)
GROUPS = ("own_history", "text", "place_time", "weather")


def sample_of(n: int = 1_500, seed: int = 0, *, binary: bool = True) -> Sample:
    """History moves exposure and outcome, text the exposure alone, place the outcome alone, weather neither."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    pull = X[:, 0] + X[:, 1]
    e = (rng.random(n) < 1 / (1 + np.exp(-pull))).astype(float) if binary else pull + rng.normal(size=n)
    y = 0.5 * e + X[:, 0] + X[:, 2] + rng.normal(size=n)
    return Sample(
        y=y,
        e=e,
        X=X,
        covariate_names=("h", "t", "p", "w"),
        person=np.arange(n),
        period=np.zeros(n, dtype=int),
        n_peers=np.full(n, 3),
        adjacency=eye_array(n, k=1, format="csr"),
        communities=np.arange(n) // 50,
        binary=binary,
        groups=GROUPS,
    )


@pytest.fixture(scope="module")
def explained() -> tuple[Estimates, Waterfall]:
    sample = sample_of()
    found = estimate(sample, LINEAR)
    return found, waterfall(sample, found, LINEAR)


def test_it_begins_at_naive_passes_ols_and_ends_at_the_headline(explained: tuple[Estimates, Waterfall]) -> None:
    found, made = explained
    beside = {e.estimator: e for e in found.estimates}
    first, *_, full, last = made.steps
    assert [s.label for s in made.steps] == [
        "naive",
        "+ own history",
        "+ text",
        "+ forum and time",
        f"+ {REST}",
        FLEXIBLE,
    ]
    for step, name in ((first, "naive"), (full, "ols"), (last, "aipw")):
        assert step.estimator == name
        for key in ("estimate", "se", "ci_low", "ci_high"):
            assert getattr(step, key) == pytest.approx(getattr(beside[name], key), rel=1e-9)


def test_changes_add_up_to_the_whole_way(explained: tuple[Estimates, Waterfall]) -> None:
    steps = explained[1].steps
    assert steps[0].change is None
    assert sum(s.change for s in steps[1:] if s.change is not None) == pytest.approx(
        steps[-1].estimate - steps[0].estimate
    )


def test_the_confounder_takes_the_step_and_mere_predictors_do_not(explained: tuple[Estimates, Waterfall]) -> None:
    steps = {s.label: s for s in explained[1].steps}
    assert steps["+ own history"].change_high < -0.3
    assert steps["+ text"].change_low < 0 < steps["+ text"].change_high
    assert abs(steps["+ forum and time"].change) < 0.1


def test_a_step_says_what_it_would_be_first_and_last(explained: tuple[Estimates, Waterfall]) -> None:
    sample, steps = sample_of(), explained[1].steps
    assert steps[1].first == pytest.approx(steps[1].change)
    assert steps[-2].last == pytest.approx(steps[-2].change)
    assert steps[0].first is None
    assert steps[-1].last is None
    other = replace(sample, groups=("text", "own_history", *GROUPS[2:]))  # the names of the first two swapped
    swapped = waterfall(other, explained[0], LINEAR).steps
    assert (swapped[1].first, swapped[1].last) == pytest.approx((steps[2].first, steps[2].last))
    assert (swapped[2].first, swapped[2].last) == pytest.approx((steps[1].first, steps[1].last))
    assert swapped[2].estimate == pytest.approx(steps[2].estimate)


def test_in_another_order_the_steps_differ_and_the_ends_do_not(explained: tuple[Estimates, Waterfall]) -> None:
    """Text made a copy of history: whichever comes first takes it all."""
    sample = sample_of()
    twin = replace(sample, X=np.column_stack([sample.X[:, 0], sample.X[:, 0] + 1e-3 * sample.X[:, 1], sample.X[:, 2:]]))
    steps = waterfall(twin, explained[0], LINEAR).steps
    assert steps[2].first < -0.3
    assert abs(steps[2].change) < 0.05
    assert abs(steps[1].last) < 0.05


def test_a_refused_headline_is_the_last_step_without_a_number() -> None:
    sample = sample_of()
    clear = replace(sample, e=(sample.X[:, 0] > 0).astype(float))
    found = estimate(clear, LINEAR)
    assert found.refused
    last = waterfall(clear, found, LINEAR).steps[-1]
    assert (last.estimate, last.change) == (None, None)
    assert last.refused == found.refused


def test_an_exposure_that_never_varies_has_no_steps() -> None:
    sample = replace(sample_of(), e=np.ones(1_500))
    made = waterfall(sample, estimate(sample, LINEAR), LINEAR)
    assert made.steps == ()
    assert "never varies" in made.refused


def test_without_a_valid_interval_the_points_stay() -> None:
    n = 60
    small = sample_of(n)
    everybody = csr_array(np.ones((n, n)) - np.eye(n))
    dense = replace(small, adjacency=everybody, communities=np.zeros(n, dtype=int))
    steps = waterfall(dense, estimate(dense, LINEAR), LINEAR).steps
    assert steps[1].estimate is not None
    assert steps[1].change is not None
    assert {steps[1].se, steps[1].change_low} == {None}


def test_the_steps_of_a_shift_are_on_its_scale() -> None:
    rng = np.random.default_rng(1)
    sample = sample_of(binary=False)
    counted = replace(sample, e=rng.binomial(3, 1 / (1 + np.exp(-sample.X[:, 0]))).astype(float))
    found = estimate_shift(counted, Count("x"), 1, LINEAR)
    assert found.refused is None
    moved = policy_of(Count("x"), counted.e, counted.n_peers, 1).moved(counted.e)
    steps = waterfall(counted, found, LINEAR, moved=moved).steps
    beside = {e.estimator: e for e in found.estimates}
    for step, name in ((steps[0], "naive"), (steps[-2], "ols"), (steps[-1], "shift")):
        assert step.estimate == pytest.approx(beside[name].estimate)
        assert step.se == pytest.approx(beside[name].se)
    assert steps[-1].change is not None
    assert steps[-1].change_low is None  # a shift keeps no scores


def test_every_group_is_in_exactly_one_step() -> None:
    names = ("representation", "since", "own", "peers", "text", "place_time", "exposure", "new", "newer", "own")
    taken = [g for _, members in blocks_of(names) for g in members]
    assert sorted(taken) == sorted(set(names))
    assert blocks_of(names)[-1] == (REST, ("new", "newer"))
