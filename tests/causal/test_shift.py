"""The shift of a count or share of peers: its policy, its score, a known truth, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from causal import shift
from causal.arrays import Shift
from causal.estimators import EstimationSettings, estimate
from causal.exposure import AnyPeer, Count, Proportion, StructuralDiversity
from causal.folds import graph_folds
from causal.sensitivity import largest_bias, robustness_value
from causal.shift import ShiftNuisances, estimate_shift, policy_of, ratio, scores, times_move
from causal.study_effect import EffectSettings
from copenet.foundation.errors import UsageError
from tests.causal.graphs import ring, sample_of, sparse_graph

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1)
WORLDS = 24
rows = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)).filter(lambda r: r[0] <= r[1]), min_size=1, max_size=9)


def world(seed, n=500, curve=False, share=False):
    """Rows whose chance per peer and outcome share a covariate; .5 for each exposing peer, .4 times their square on a curve.

    The truth is the mean effect of one more on these rows.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    k = 1 + rng.poisson(3, size=n)
    chance = 1 / (1 + np.exp(0.5 - 0.6 * X[:, 0]))
    c = rng.binomial(k, chance).astype(float)

    def answer(count):
        return 0.4 * count**2 if curve else 0.5 * count

    y = answer(c) + X[:, 0] + 0.1 * k + rng.normal(size=n)
    truth = float(np.mean(answer(np.where(c < k, c + 1, c)) - answer(c)))
    X = np.column_stack([X, k, np.log1p(k)])
    sample = sample_of(y, c / k if share else c, X, ring(n), binary=False)
    return replace(sample, n_peers=k.astype(np.int64)), truth, chance


@cache
def estimates():
    """Of each world (every second one a share): estimate - truth, standard error, covered, naive - truth, linearity p."""
    found = []
    for seed in range(WORLDS):
        sample, truth, _ = world(seed, share=seed % 2 == 1)
        result = estimate_shift(sample, Proportion() if seed % 2 else Count(), 1, LINEAR)
        ours, naive = (next(e for e in result.estimates if e.estimator == name) for name in ("shift", "naive"))
        p = next(c for c in result.checks if c.name == "linearity").figures["p_value"]
        found.append((ours.estimate - truth, ours.se, ours.ci_low <= truth <= ours.ci_high, naive.estimate - truth, p))
    return np.array(found, dtype=float)


def test_the_truth_is_found_without_bias_and_covered_and_naive_is_fooled():
    found = estimates()
    spread = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean()) < (0.25 + 2.576 / np.sqrt(WORLDS)) * spread
    assert found[:, 2].sum() >= stats.binom.ppf(0.005, WORLDS, 0.95)
    assert 0.65 < found[:, 1].mean() / spread < 1.55  # chi of 23 degrees of freedom, 99%
    assert found[:, 3].mean() > 0.2


def test_a_straight_line_is_seldom_called_a_curve_and_a_curve_is_seen():
    assert np.sum(estimates()[:, 4] < 0.05) <= stats.binom.ppf(0.995, WORLDS, 0.05)
    seen = 0
    for seed in range(5):
        sample, _, _ = world(seed, n=1500, curve=True)
        check = shift.slope_linearity(sample, Count(), 1, LINEAR)
        seen += check.status == "warn"
        assert (check.status == "warn") == (check.figures["p_value"] < 0.05)
    assert seen >= 3  # P(fewer | .8) < .06


@given(rows, st.integers(1, 3))
def test_a_policy_is_that_many_more_where_so_many_are_left(rows, by):
    c, k = (np.array(side) for side in zip(*rows, strict=True))
    count, share = policy_of(Count(), c.astype(float), k, by), policy_of(Proportion(), c / k, k, by)
    expected = [a + by if a + by <= n else a for a, n in rows]
    assert count.to.tolist() == expected
    assert share.to * k == pytest.approx(expected)
    led = [any((b + by if b + by <= n else b) == a for b in range(n + 1)) for a, n in rows]
    assert count.reachable.tolist() == share.reachable.tolist() == led


def test_nuisances_are_the_mean_outcome_and_the_ratio_of_the_shifted_counts_to_the_counts():
    sample, _, chance = world(0, n=4000)
    policy = policy_of(Count(), sample.e, sample.n_peers)
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=5, seed=0)
    nuisances = shift.fit_nuisances(sample, policy, folds, LINEAR)
    for predicted, e in ((nuisances.outcome, sample.e), (nuisances.outcome_shifted, policy.to)):
        assert np.mean(np.abs(predicted - (0.5 * e + sample.X[:, 0] + 0.1 * sample.n_peers))) < 0.15
    found = ratio(nuisances.shifted[:4000], policy.reachable, 0.02)
    k, c = sample.n_peers, sample.e
    true = np.where(c > 0, stats.binom.pmf(c - 1, k, chance), 0) / stats.binom.pmf(c, k, chance) + (c == k)
    assert found.mean() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(found, true)[0, 1] > 0.95
    assert not found[c == 0].any()
    for level in (1, 2, 3):
        assert found[c == level].mean() == pytest.approx(true[c == level].mean(), rel=0.12)


@pytest.mark.parametrize("wrong", ["outcome", "ratio", "neither"])
def test_one_of_the_two_nuisances_may_be_wrong(wrong):
    sample, truth, chance = world(1, n=60_000)
    k, c, X = sample.n_peers, sample.e, sample.X
    to = policy_of(Count(), c, k).to
    r = np.where(c > 0, stats.binom.pmf(c - 1, k, chance), 0) / stats.binom.pmf(c, k, chance) + (c == k)
    r = np.ones(len(c)) if wrong == "ratio" else r
    here, there = (0.5 * e + X[:, 0] + 0.1 * k for e in (c, to))
    if wrong == "outcome":
        here, there = 0.9 * c, 0.9 * to
    phi = scores(sample.y, ShiftNuisances(here, there, np.empty(0)), r)
    assert abs(phi.mean() - truth) < 3.3 * phi.std() / np.sqrt(len(phi))


def test_a_slope_times_the_move_carries_the_chance_of_the_move():
    """The delta rule against the spread over samples of β̂ times the mean of w."""
    rng = np.random.default_rng(0)
    drawn, errors = [], []
    for _ in range(400):
        e, w = rng.normal(size=200), rng.exponential(size=200)
        y = 2 * e + rng.normal(size=200)
        slope = float(e @ y / (e @ e))
        value, influence = times_move((slope, e * (y - slope * e) / np.mean(e**2)), w)
        drawn.append(value)
        errors.append(np.sqrt(influence @ influence) / 200)
    assert np.mean(errors) == pytest.approx(np.std(drawn), rel=0.1)  # 2.58 / sqrt(800)


@pytest.mark.parametrize("learners", [("linear",), ("linear", "boosting")])
@pytest.mark.parametrize("centre", [1.5, 4.0])
def test_an_exposure_that_the_past_decides_has_no_shift(learners, centre):
    sample, _, _ = world(2, n=900)
    decided = np.clip(np.rint(centre + 2 * sample.X[:, 0]), 0, 10)
    sample = replace(sample, e=decided, n_peers=np.full(900, 10))
    result = estimate_shift(sample, Count(), 1, replace(LINEAR, learners=learners))
    ours = result.estimates[0]
    assert (ours.estimator, ours.estimate, ours.ci_low) == ("shift", None, None)
    assert "No overlap" in result.refused
    assert "linearity" not in {c.name for c in result.checks}
    assert all(e.estimate is not None for e in result.estimates[1:])


@pytest.mark.parametrize(
    ("weights", "status"),
    [
        (np.ones(100), "pass"),
        (np.full(100, 0.85), "warn"),
        (np.full(100, 0.4), "refused"),
        (np.full(100, 2.0), "refused"),
        (np.r_[np.full(10, 10.0), np.zeros(90)], "refused"),
        (np.zeros(100), "refused"),
    ],
)
def test_overlap_is_judged_by_what_the_weights_are_worth_and_their_mean(weights, status):
    policy = policy_of(Count(), np.ones(100), np.full(100, 5))
    told = np.tile(np.linspace(0.3, 0.7, 100), 2)
    check = shift.overlap_check(told, weights, policy, 0.02)
    assert check.status == status
    assert check.figures["told_apart"] == pytest.approx(0.5)
    assert check.figures["mean_ratio"] == pytest.approx(weights.mean())


def test_where_nearly_nobody_has_a_peer_left_the_shift_is_refused():
    sample, _, _ = world(3)
    first = np.arange(500) < 20
    few = replace(sample, e=np.where(first, 0.0, sample.n_peers))
    assert "only 4.0% of the rows have 1 more peers" in estimate_shift(few, Count(), 1, LINEAR).refused
    check = shift.slope_linearity(few, Count(), 1, LINEAR)
    assert (check.name, check.status) == ("linearity", "refused")


def test_where_no_one_has_one_more_left_nothing_moves():
    sample, _, _ = world(4)
    full = replace(sample, e=sample.n_peers.astype(float))
    result = estimate_shift(full, Count(), 1, LINEAR)
    assert "only 0.0% of the rows have 1 more peers" in result.refused
    assert "more of the peers" in result.estimates[0].estimand


@pytest.mark.parametrize("mapping", [AnyPeer(), StructuralDiversity()])
def test_only_counts_and_proportions_are_shifted(mapping):
    with pytest.raises(UsageError, match="neither") as caught:
        policy_of(mapping, np.zeros(1), np.ones(1, dtype=int))
    assert caught.value.remedy


def test_a_shift_is_by_one_at_least():
    with pytest.raises(UsageError, match="at least one"):
        policy_of(Count(), np.zeros(1), np.ones(1, dtype=int), 0)


def test_a_point_contrast_of_a_continuous_exposure_is_never_the_headline():
    sample = replace(world(5)[0], binary=True)
    with pytest.raises(UsageError, match="a curve, never the headline") as caught:
        estimate(sample, LINEAR)
    assert "shift" in caught.value.remedy
    for settings in ({"exposure": "count", "estimator": "aipw"}, {"exposure": "proportion", "estimator": "curve"}):
        with pytest.raises(UsageError, match="a curve, never the headline"):
            EffectSettings(**settings)
    with pytest.raises(UsageError, match="count or proportion"):
        EffectSettings(exposure="any_peer", estimator="shift")
    assert EffectSettings(exposure="count", estimator="shift").headline == "shift"


def test_on_arrays_the_shift_stands_beside_slopes_of_the_same_move():
    rng = np.random.default_rng(6)
    links = sparse_graph(700, 4, rng)
    links.setdiag(0)
    links.eliminate_zeros()
    units = pd.DataFrame({"x": rng.normal(size=700), "d": rng.integers(0, 2, 700)})
    e = Count().apply(links, units.d.to_numpy())[0]
    units["y"] = 0.5 * np.nan_to_num(e) + units.d + units.x + rng.normal(size=700)
    ask = Shift(outcome="y", treatment="d", exposure=Count(), covariates=["x"], settings=LINEAR)
    fit = ask.fit(units, links)
    table = fit.tidy()
    found = {(r.estimator, r.estimand): r for r in table.itertuples()}
    assert fit.refused is None
    assert set(found) == {(a, "shift") for a in ("shift", "ols", "naive")} | {
        (a, b) for a in ("ols", "naive") for b in ("direct", "peer", "total")
    }
    degree = np.diff(links.indptr)
    moved = np.mean(e[degree > 0] < degree[degree > 0])
    ours = found["shift", "shift"]
    assert abs(ours.estimate - 0.5 * moved) < 3.3 * ours.se
    assert found["ols", "shift"].estimate == pytest.approx(found["ols", "peer"].estimate * moved)


def shift_strengths(sample):
    """E[(Y - m)²] and E[(r - 1)²] with linear nuisances."""
    policy = policy_of(Count(), sample.e, sample.n_peers)
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=LINEAR.folds, seed=LINEAR.seed)
    nuisances = shift.fit_nuisances(sample, policy, folds, LINEAR)
    r = ratio(nuisances.shifted[: len(sample.y)], policy.reachable, LINEAR.clip)
    return float(np.mean((sample.y - nuisances.outcome) ** 2)), float(np.mean((r - 1) ** 2))


def test_a_hidden_trait_moves_the_shift_by_no_more_than_the_bound():
    """X₀ drives exposure and outcome and is hidden; its shares are what fits with it and without it differ by."""
    sample, truth, _ = world(11, n=4000)
    groups = ("trait", "other", "position", "position")
    sample = replace(sample, groups=groups)
    keep = np.array([g != "trait" for g in groups])
    short = replace(sample, X=sample.X[:, keep], groups=groups[1:])
    result = estimate_shift(short, Count(), settings=replace(LINEAR, sensitivity=True))
    check = next(c for c in result.checks if c.name == "hidden_confounder")
    (noise, energy), (long_noise, long_energy) = shift_strengths(short), shift_strengths(sample)
    assert check.figures["scale"] == pytest.approx(np.sqrt(noise * energy))
    assert {mark["group"] for mark in check.figures["benchmarks"]} == {"other", "position"}
    ours = result.estimates[0]
    bound = largest_bias(check.figures["scale"], 1 - long_noise / noise, 1 - energy / long_energy)
    assert abs(ours.estimate - truth) > 3 * ours.se
    assert abs(ours.estimate - truth) <= bound + 3 * ours.se
    assert check.figures["robustness_value"] == pytest.approx(robustness_value(ours.estimate, check.figures["scale"]))


def test_peers_are_counted_by_a_treatment_of_0_and_1_only():
    rng = np.random.default_rng(0)
    units = pd.DataFrame({"d": rng.random(300), "y": rng.normal(size=300)})
    with pytest.raises(UsageError, match="must be 0 or 1"):
        Shift(outcome="y", treatment="d", exposure=Count(), settings=LINEAR).fit(units, sparse_graph(300, 4, rng))
