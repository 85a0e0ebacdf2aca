"""Overlap: Kish sizes, balance and every reason to refuse, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.estimators import EstimationSettings, estimate
from causal.overlap import (
    balance,
    effective_sizes,
    events_refusal,
    exposure_refusal,
    outcome_refusal,
    overlap_check,
    overlap_figures,
    relative_clip,
    told_apart,
)
from copenet.foundation.errors import UsageError
from tests.causal.graphs import confounded, ring, sample_of

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)


def test_effective_sizes_by_hand():
    e = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    # exposed weights 2 and 4: 36/20; unexposed 2, 2 and 1/(1-.01→.02): (4+1/.98)²/(8+1/.98²)
    exposed, unexposed = effective_sizes(e, np.array([0.5, 0.25, 0.5, 0.5, 0.01]), 0.02)
    assert exposed == pytest.approx(1.8)
    assert unexposed == pytest.approx((4 + 1 / 0.98) ** 2 / (8 + 1 / 0.98**2))
    assert effective_sizes(np.ones(3), np.full(3, 0.5), 0.02) == pytest.approx((3, 0))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_effective_sizes_lie_between_one_and_the_rows_of_the_arm(rows):
    p, e = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    for found, size in zip(effective_sizes(e, p, 0.02), (e.sum(), len(e) - e.sum()), strict=True):
        assert min(size, 1) - 1e-9 <= found <= size + 1e-9


def test_balance_by_hand():
    X = np.array([[1.0, 5.0], [3.0, 5.0], [0.0, 5.0], [2.0, 5.0]])
    e, p = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.5, 0.25, 0.5, 0.75])
    before, after = balance(X, e, p, 0.02)
    # means 2 and 1, both variances 1; weights 2, 4 and 2, 4: 14/6 - 8/6. A constant differs by nothing.
    assert before == pytest.approx([1.0, 0.0])
    assert after == pytest.approx([1.0, 0.0])
    assert balance(X, e, np.array([0.25, 0.5, 0.5, 0.75]), 0.02)[1] == pytest.approx([10 / 6 - 8 / 6, 0.0])


def test_the_true_propensity_balances():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 1))
    p = 1 / (1 + np.exp(-X[:, 0]))
    e = (rng.random(20_000) < p).astype(float)
    before, after = balance(X, e, p, 0.02)
    assert before[0] > 0.8
    assert abs(after[0]) < 0.05


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([], "nobody at risk has an eligible peer"),
        ([0.0] * 80, "none of the 80 person-periods shows the outcome"),
        ([1.0] * 80, "only 0 of 80"),
        ([1.0] * 9 + [0.0] * 71, "only 9 of 80"),
        ([0.0] * 9 + [1.0] * 71, "only 9 of 80"),
        ([2.5] * 80, "the outcome never varies"),
        ([1.0] * 10 + [0.0] * 70, None),
        ([0.5, 1.0], None),
    ],
)
def test_outcomes_that_cannot_be_analysed(y, said):
    found = outcome_refusal(np.array(y, dtype=float))
    assert found is None if said is None else said in str(found)


@pytest.mark.parametrize(
    ("exposed", "unexposed", "said"),
    [
        (0, 200, "never varies"),
        (200, 0, "never varies"),
        (49, 151, "49 exposed and 151 unexposed person-periods"),
        (151, 49, "no overlap"),
        (50, 150, None),
    ],
)
def test_exposures_that_cannot_be_analysed(exposed, unexposed, said):
    found = exposure_refusal(np.repeat([1.0, 0.0], [exposed, unexposed]))
    assert found is None if said is None else said in str(found)


@pytest.mark.parametrize(
    ("away", "said"), [(3, "3 unusually exposed person-periods"), (49, "49 unusually"), (50, None)]
)
def test_a_slope_needs_people_who_are_exposed_otherwise_than_most(away, said):
    e = np.r_[np.linspace(0.2, 0.8, away), np.zeros(400)]
    found = exposure_refusal(e)
    assert found is None if said is None else said in str(found)


@pytest.mark.parametrize(("events", "said"), [(9, "only 9 of 60 unusually exposed"), (10, None)])
def test_a_slope_needs_events_among_those_exposed_otherwise_than_most(events, said):
    e = np.r_[np.linspace(0.2, 0.8, 60), np.zeros(400)]
    found = events_refusal(np.r_[np.arange(60) < events, np.arange(400) % 2].astype(float), e)
    assert found is None if said is None else said in str(found)


def test_exposures_that_all_differ_are_compared_with_nobody_in_particular():
    assert exposure_refusal(np.linspace(0, 1, 51)) is None


@pytest.mark.parametrize(
    ("outside", "status"), [(0, "pass"), (40, "pass"), (41, "warn"), (200, "warn"), (201, "refused")]
)
def test_the_check_counts_rows_beyond_the_clip(outside, status):
    e = np.arange(400) % 2.0
    p = np.full(400, 0.5)
    p[:outside] = np.where(e[:outside] == 1, 0.99, 0.01)  # light weights: the arms stay large
    check = overlap_check(e, p, 0.02)
    assert (check.status, check.figures["share_outside"]) == (status, outside / 400)


def test_the_check_refuses_arms_worth_too_few_rows():
    """Sixty exposed of whom one weighs as much as all others: (59·1.25 + 50)² / (59·1.25² + 50²) rows."""
    e = np.repeat([1.0, 0.0], [60, 340])
    p = np.repeat([0.8, 0.001, 0.5], [59, 1, 340])
    check = overlap_check(e, p, 0.02)
    assert check.status == "refused"
    assert check.figures["effective_exposed"] == pytest.approx((59 * 1.25 + 50) ** 2 / (59 * 1.25**2 + 50**2))
    assert check.figures["effective_unexposed"] == pytest.approx(340)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.booleans()), min_size=2, max_size=30))
def test_told_apart_is_the_share_of_pairs_ranked_rightly(rows):
    p, e = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    pairs = [(a > b) + (a == b) / 2 for a in p[e == 1] for b in p[e == 0]]
    assert told_apart(e, p) == pytest.approx(np.mean(pairs) if pairs else 1.0)


def test_a_timid_propensity_that_knows_everybodys_arm_is_no_overlap():
    e = np.arange(400) % 2.0
    assert overlap_check(e, 0.4 + 0.2 * e, 0.02).status == "refused"
    assert overlap_check(e, np.where(np.arange(400) < 360, 0.4 + 0.2 * e, 0.5), 0.02).status == "refused"
    assert overlap_check(e, np.where(np.arange(400) < 200, 0.4 + 0.2 * e, 0.5), 0.02).status == "pass"


def test_the_histogram_counts_every_row_once():
    e, p = np.arange(300) % 2.0, np.linspace(-0.1, 1.1, 300)
    figures = overlap_figures(e, p)
    assert (sum(figures["exposed"]), sum(figures["unexposed"]), len(figures["edges"])) == (150, 150, 21)


def refused_samples():
    rng = np.random.default_rng(0)
    n = 400
    X, y, e = rng.normal(size=(n, 2)), rng.normal(size=n), np.arange(n) % 2.0
    slope = 0.8 * X[:, 0] - X[:, 1]
    return {
        "nobody shows it": (sample_of(0 * y, e, X, ring(n)), "shows the outcome"),
        "too few show it": (sample_of((np.arange(n) < 9) * 1.0, e, X, ring(n)), "only 9 of 400"),
        "too few exposed": (sample_of(y, (np.arange(n) < 30) * 1.0, X, ring(n)), "no overlap: 30"),
        "few rows": (sample_of(y[:60], e[:60], X[:60], ring(60)), "no overlap: 30"),
        "determined": (sample_of(y, (X[:, 0] > 0) * 1.0, 5 * X, ring(n)), "No overlap"),
        "determined slope": (sample_of(y, slope, X, ring(n), binary=False), "covariates leave 0.0%"),
    }


@pytest.mark.parametrize("name", sorted(refused_samples()))
def test_a_refused_headline_holds_no_number_and_ols_and_naive_still_do(name):
    sample, said = refused_samples()[name]
    found = estimate(sample, LINEAR)
    ours, *beside = found.estimates
    assert said in str(found.refused)
    assert ours.refused == found.refused
    assert ours.estimator == found.headline == ("aipw" if sample.binary else "plm")
    assert [ours.estimate, ours.se, ours.ci_low, ours.ci_high, ours.p_value] == [None] * 5
    assert [b.estimator for b in beside] == ["ols", "naive"]
    for b in beside:
        assert b.refused is None
        assert np.isfinite([b.estimate, b.se, b.ci_low, b.ci_high, b.p_value]).all()
    assert next(c for c in found.checks if c.name == "overlap").status == "refused"


@pytest.mark.parametrize(("value", "binary"), [(0.0, True), (1.0, True), (0.3, False)])
def test_an_exposure_that_never_varies_leaves_nothing_to_compare(value, binary):
    rng = np.random.default_rng(1)
    sample = sample_of(rng.normal(size=200), np.full(200, value), rng.normal(size=(200, 1)), ring(200), binary=binary)
    found = estimate(sample, LINEAR)
    assert "never varies" in str(found.refused)
    assert all(e.estimate is None and e.refused == found.refused for e in found.estimates)


def test_no_rows_are_refused_without_a_fault():
    empty = sample_of(np.empty(0), np.empty(0), np.empty((0, 2)), ring(5))
    found = estimate(empty, LINEAR)
    assert "nobody at risk" in str(found.refused)
    assert {e.n for e in found.estimates} == {0}


@pytest.mark.parametrize("learners", [("linear",), ("linear", "boosting")])
def test_the_nearly_deterministic_treatment_of_netest_is_refused(learners):
    """S1: T ~ Bernoulli(sigmoid(10 z)) for a standardised function z of own and peers' covariates, given to everyone."""
    rng = np.random.default_rng(2)
    n = 1200
    X = rng.normal(size=(n, 6))
    peers = (np.roll(X, 1, axis=0) + np.roll(X, -1, axis=0)) / 2
    z = X @ np.linspace(1, -1, 6) + peers @ np.linspace(-1, 1, 6)
    e = (rng.random(n) < 1 / (1 + np.exp(-10 * (z - z.mean()) / z.std()))).astype(float)
    sample = sample_of(e + X[:, 0] + rng.normal(size=n), e, np.column_stack([X, peers]), ring(n))
    found = estimate(sample, EstimationSettings(learners=learners, sensitivity=False))
    assert "No overlap" in str(found.refused)
    assert found.estimates[0].estimate is None
    assert found.estimates[1].estimate is not None


def test_a_well_mixed_sample_is_not_refused():
    found = estimate(confounded(np.random.default_rng(3)), LINEAR)
    assert found.refused is None
    assert {c.name: c.status for c in found.checks}["balance"] == "pass"


@pytest.mark.parametrize(
    "wrong", [{"learners": ("forest",)}, {"learners": ()}, {"folds": 1}, {"clip": 0.5}, {"level": 1}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        EstimationSettings(**wrong)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_a_rare_or_common_exposure_that_the_past_does_not_tell_is_not_a_lack_of_overlap(share):
    """Propensities all at the prevalence: nothing is clipped and nothing refused, however rare the exposure."""
    rng = np.random.default_rng(0)
    e = (np.arange(20_000) < share * 20_000).astype(float)
    rare = min(share, 1 - share) * np.exp(0.2 * rng.normal(size=len(e)))
    p = rare if share <= 0.5 else 1 - rare
    check = overlap_check(e, p, relative_clip(e, 0.02))
    assert check.status == "pass"
    assert check.figures["share_outside"] < 0.01
    if share == 0.01:
        assert overlap_check(e, p, 0.02).status == "refused"


def test_the_relative_clip_is_the_clip_itself_at_one_half_and_alike_for_exposed_and_unexposed():
    e = (np.arange(1000) < 30).astype(float)
    assert relative_clip(1 - e, 0.02) == pytest.approx(relative_clip(e, 0.02)) == pytest.approx(0.0012)
    assert relative_clip((np.arange(1000) < 500).astype(float), 0.02) == 0.02


@pytest.mark.parametrize(
    ("exposed", "unexposed", "says"),
    [
        (3, 50, "only 3 of 500 exposed person-periods show the outcome"),
        (50, 9, "only 9 of 500 unexposed person-periods show the outcome"),
        (495, 50, "only 5 of 500 exposed person-periods do not show the outcome"),
        (10, 10, None),
    ],
)
def test_an_arm_with_too_few_events_is_refused_with_ols_and_naive_beside(exposed, unexposed, says):
    e = np.repeat([1.0, 0.0], 500)
    y = np.zeros(1000)
    y[:exposed], y[500 : 500 + unexposed] = 1, 1
    X = np.random.default_rng(0).normal(size=(1000, 2))
    found = estimate(sample_of(y, e, X, ring(1000)), LINEAR)
    if says is None:
        assert found.refused is None
        return
    assert says in str(found.refused)
    assert [(r.estimator, r.estimate is None) for r in found.estimates] == [
        ("aipw", True),
        ("ols", False),
        ("naive", False),
    ]
