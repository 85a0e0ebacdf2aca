"""The estimators on worlds with known truth: bias, coverage, false positives, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array

from causal.estimators import CONTRAST, SLOPE, EstimationSettings, dependence_check, dependence_of, estimate, interval
from causal.inference import Variance
from causal.results import Estimate
from tests.causal.graphs import block_graph, confounded, ring, sample_of, sparse_graph

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)
STACK = EstimationSettings(sensitivity=False)
WORLDS = 60


def by_name(found):
    return {e.estimator: e for e in found.estimates}


def numbers(found):
    return np.array([[e.estimate, e.se, e.ci_low, e.ci_high, e.p_value] for e in found.estimates], dtype=float)


def least_of(worlds, rate):
    """Return the smallest count that a true rate gives with more than .1% chance at or below it."""
    return int(stats.binom.ppf(0.001, worlds, rate))


def most_of(worlds, rate):
    return int(stats.binom.ppf(0.999, worlds, rate))


def smooth_slope(rng, n=500):
    """A real-valued exposure pushed by the covariates; its slope is 1."""
    X = rng.normal(size=(n, 3))
    e = X[:, 0] - 0.5 * X[:, 1] + rng.normal(size=n)
    return sample_of(e + X[:, 0] + rng.normal(size=n), e, X, ring(n), binary=False)


@pytest.mark.parametrize("kind", ["aipw", "plm"])
def test_with_smooth_confounding_the_estimate_is_unbiased_and_covers(kind):
    make = (lambda rng: confounded(rng, n=500)) if kind == "aipw" else smooth_slope
    found = [by_name(estimate(make(np.random.default_rng(w)), replace(LINEAR, seed=w))) for w in range(WORLDS)]
    points = np.array([f[kind].estimate for f in found])
    spread = points.std(ddof=1)
    assert abs(points.mean() - 1) < (0.25 + 3.3 / np.sqrt(WORLDS)) * spread
    covered = sum(f[kind].ci_low <= 1 <= f[kind].ci_high for f in found)
    assert covered >= least_of(WORLDS, 0.95)
    assert np.mean([f[kind].se for f in found]) == pytest.approx(spread, rel=0.35)
    assert sum(f["naive"].ci_low <= 1 <= f["naive"].ci_high for f in found) <= 3


def homophily(rng, n=400, blocks=8):
    """S4 without influence: blocks share a trait that moves behaviour twice; friends are met within blocks."""
    graph, block = block_graph(n, blocks, rng)
    trait = rng.normal(size=blocks)[block]
    before = (rng.random(n) < 1 / (1 + np.exp(-1.5 * trait))).astype(float)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    share = (graph @ before) / np.maximum(degree, 1)
    after = 0.4 * before + trait + 0.7 * rng.normal(size=n)
    X = np.column_stack([before, np.eye(blocks)[block]])
    rows = degree > 0
    e = (share > np.median(share[rows])).astype(float)
    return sample_of(
        after[rows], e[rows], X[rows], graph, person=np.flatnonzero(rows), communities=block.astype(np.int64)
    )


def test_homophily_without_influence_fools_naive_and_not_those_who_adjust_for_the_block():
    """Exact binomial limits at 99.9% for 30 worlds; the exposure still varies within every block."""
    worlds = 30
    chosen = replace(LINEAR, bandwidth=1)
    found = [
        by_name(estimate(homophily(np.random.default_rng(100 + w)), replace(chosen, seed=w))) for w in range(worlds)
    ]
    given_ = [f for f in found if f["aipw"].estimate is not None]
    assert len(given_) >= worlds // 2
    assert sum(f["naive"].p_value < 0.05 for f in given_) >= 0.9 * len(given_)
    assert sum(f["aipw"].p_value < 0.05 for f in given_) <= most_of(len(given_), 0.05)


def test_steps_bias_a_line_and_not_the_stack():
    """Exposure and outcome follow the same step, |x| > 1: a line through it sees nothing, trees do. Truth 0, 6 worlds."""
    n = 1200
    off = {"ols": [], "line": [], "stack": []}
    for world in range(6):
        rng = np.random.default_rng(world)
        X = rng.normal(size=(n, 2))
        step = (np.abs(X[:, 0]) > 1).astype(float)
        e = (rng.random(n) < 0.25 + 0.5 * step).astype(float)
        sample = sample_of(2 * step + rng.normal(size=n), e, X, ring(n))
        for name, chosen in (("line", LINEAR), ("stack", STACK)):
            found = by_name(estimate(sample, chosen))
            off[name].append(found["aipw"].estimate / found["aipw"].se)
        off["ols"].append(found["ols"].estimate / found["ols"].se)
    assert min(off["ols"]) > 5
    assert min(off["line"]) > 5
    assert abs(np.mean(off["stack"])) < 0.25 + 3.3 / np.sqrt(6)


def test_an_effect_that_differs_between_people_is_averaged_over_all_of_them():
    """τ(x) = 1 + x: the mean over everybody is 1, over the exposed it would be 1.4 (inverse chance alone: see scores)."""
    n = 4000
    rng = np.random.default_rng(5)
    x = rng.normal(size=n)
    e = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    y = (1 + x) * e + rng.normal(size=n)
    found = by_name(estimate(sample_of(y, e, x[:, None], ring(n)), LINEAR))["aipw"]
    assert abs(found.estimate - 1) < 3.5 * found.se
    assert found.se < 0.06


def worlds_of(seed, n=160):
    rng = np.random.default_rng(seed)
    base = confounded(rng, n=n)
    graph = sparse_graph(n, 3, rng)
    return replace(base, adjacency=graph, communities=rng.integers(0, 3, n))


@settings(max_examples=8)
@given(st.integers(0, 50))
def test_shift_and_scale_of_covariates_hardly_matter_and_of_the_outcome_exactly_as_they_should(seed):
    sample = worlds_of(seed)
    here = numbers(estimate(sample, LINEAR))
    dressed = numbers(estimate(replace(sample, X=sample.X * [1e3, 1e-3, 5] + [7, -1, 0]), LINEAR))
    assert dressed == pytest.approx(here, rel=1e-4, abs=1e-5)
    longer = numbers(estimate(replace(sample, y=10 * sample.y - 4), LINEAR))
    assert longer[:, :4] == pytest.approx(10 * here[:, :4], rel=1e-4, abs=1e-4)
    assert longer[:, 4] == pytest.approx(here[:, 4], rel=1e-4, abs=1e-6)


def test_names_of_people_matter_to_the_folds_alone():
    """Least squares and naive are the same to rounding; AIPW moves by what another deal of folds moves it."""
    sample = worlds_of(3, n=600)
    place = np.random.default_rng(0).permutation(600)
    order = np.argsort(place)
    renamed = replace(
        sample,
        person=place[sample.person],
        adjacency=csr_array(sample.adjacency[order][:, order]),
        communities=sample.communities[order],
    )
    here, there = (numbers(estimate(s, LINEAR)) for s in (sample, renamed))
    assert there[1:] == pytest.approx(here[1:], rel=1e-9, abs=1e-12)
    assert abs(there[0, 0] - here[0, 0]) < 0.5 * here[0, 1]
    assert there[0, 1] == pytest.approx(here[0, 1], rel=0.1)


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(4)
    person = rng.integers(0, 200, 500)
    X = rng.normal(size=(500, 2))
    e = (rng.random(500) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    sample = sample_of(e + X[:, 0] + rng.normal(size=500), e, X, sparse_graph(200, 3, rng), person=person)
    order = rng.permutation(500)
    rows = {name: getattr(sample, name)[order] for name in ("y", "e", "X", "person", "period", "n_peers")}
    here, there = (numbers(estimate(s, LINEAR)) for s in (sample, replace(sample, **rows)))
    assert there == pytest.approx(here, rel=1e-4, abs=1e-6)


def test_people_without_rows_and_without_ties_change_nothing():
    sample = worlds_of(6)
    wider = replace(
        sample,
        adjacency=csr_array(np.pad(sample.adjacency.toarray(), (0, 40))),
        communities=np.concatenate([sample.communities, np.full(40, 9)]),
    )
    assert numbers(estimate(wider, LINEAR)) == pytest.approx(numbers(estimate(sample, LINEAR)), rel=1e-9)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_nearly():
    sample = worlds_of(7, n=500)
    first, again, other = (numbers(estimate(sample, replace(STACK, seed=s))) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert 0 < abs(other[0, 0] - first[0, 0]) < first[0, 1]
    assert np.array_equal(other[1:], first[1:])


def test_rows_of_one_person_are_not_counted_as_new_people():
    sample = confounded(np.random.default_rng(8), n=400)
    twice = {
        name: np.repeat(getattr(sample, name), 4, axis=0) for name in ("y", "e", "X", "person", "period", "n_peers")
    }
    once, four = (by_name(estimate(s, LINEAR)) for s in (sample, replace(sample, **twice)))
    assert four["naive"].se == pytest.approx(once["naive"].se)
    assert four["ols"].se == pytest.approx(once["ols"].se)
    assert 0.8 * once["aipw"].se < four["aipw"].se < 1.3 * once["aipw"].se  # regularisation weakens with rows
    assert four["naive"].detail["se_iid"] == pytest.approx(once["naive"].detail["se_iid"] / 2)


def test_a_network_without_valid_intervals_gives_none_and_keeps_the_points_of_ols_and_naive():
    """Everybody talks to everybody in one community: the sum of all influence values is 0, and so would be the error."""
    n = 200
    sample = replace(confounded(np.random.default_rng(9), n=n), adjacency=csr_array(np.ones((n, n))))
    found = estimate(sample, LINEAR)
    assert "no interval is valid" in str(found.refused)
    assert found.estimates[0].estimate is None
    for e in found.estimates[1:]:
        assert np.isfinite(e.estimate)
        assert [e.se, e.ci_low, e.ci_high, e.p_value] == [None] * 4
    assert next(c for c in found.checks if c.name == "dependence").status == "refused"


def test_the_bandwidth_asked_for_is_used_even_when_the_headline_is_refused():
    sample = confounded(np.random.default_rng(10), n=300)
    refused = replace(sample, e=(np.arange(300) < 20).astype(float))
    found = [estimate(refused, replace(LINEAR, bandwidth=b)) for b in (0, 3)]
    assert [f.detail["bandwidth"] for f in found] == [0, 3]
    uniform = [f.estimates[2].detail["se_uniform"] for f in found]
    assert uniform[0] == found[0].estimates[2].detail["se_person"] != uniform[1]


def test_records_say_what_they_estimate_and_over_whom():
    binary, slope = (estimate(make, LINEAR) for make in (worlds_of(1), smooth_slope(np.random.default_rng(1))))
    assert (binary.headline, slope.headline) == ("aipw", "plm")
    assert {e.estimand for e in binary.estimates} == {CONTRAST}
    assert {e.estimand for e in slope.estimates} == {SLOPE}
    assert {(e.n, e.n_peers) for e in slope.estimates} == {(500, 500)}
    assert binary.detail["folds"] == 5


@given(st.floats(-3, 3), st.floats(0.01, 2), st.one_of(st.none(), st.integers(1, 30)), st.floats(0.5, 0.99))
def test_the_interval_and_the_p_value_agree(point, se, dof, level):
    low, high, p = interval(point, Variance(se**2, dof, "network_hac", {}), level)
    assert (low + high) / 2 == pytest.approx(point, abs=1e-9)
    assert 0 <= p <= 1
    if abs(p - (1 - level)) > 1e-6:
        assert (low <= 0 <= high) == (p > 1 - level)


def test_the_interval_of_few_clusters_is_students():
    low, high, p = interval(2.0, Variance(1.0, 7.0, "community_cluster", {}), 0.95)
    assert (high - low) / 2 == pytest.approx(2.364624)
    assert p == pytest.approx(0.0856193, abs=1e-6)
    assert interval(0.0, Variance(0.0, None, "network_hac", {}), 0.95)[2] == 1.0
    assert interval(0.1, Variance(0.0, None, "network_hac", {}), 0.95)[2] == 0.0


def test_sensitivity_is_reported_where_there_is_a_headline():
    sample = worlds_of(2, n=400)
    found = estimate(sample, replace(LINEAR, sensitivity=True))
    check = next(c for c in found.checks if c.name == "hidden_confounder")
    assert check.status == "pass"
    assert check.figures["robustness_value"] > check.figures["robustness_value_interval"] > 0
    nothing = estimate(replace(sample, y=np.random.default_rng(3).normal(size=400)), replace(LINEAR, sensitivity=True))
    assert next(c for c in nothing.checks if c.name == "hidden_confounder").status == "not_informative"


def test_what_a_weaker_trait_than_a_measured_one_would_undo_is_no_pass():
    """A strong measured confounder, a small effect, many rows: significant, and fragile."""
    rng = np.random.default_rng(4)
    n = 8_000
    x = rng.normal(size=n)
    e = (rng.random(n) < 1 / (1 + np.exp(-1.5 * x))).astype(float)
    y = 0.12 * e + 2 * x + rng.normal(size=n)
    base = worlds_of(2, n=n)
    sample = replace(base, y=y, e=e, X=x[:, None], covariate_names=("x",), groups=("past",))
    check = next(c for c in estimate(sample, replace(LINEAR, sensitivity=True)).checks if c.name == "hidden_confounder")
    assert check.figures["robustness_value_interval"] > 0
    assert check.status == "warn"
    assert "weaker than something measured" in check.detail


def test_the_e_value_compares_with_the_risk_of_everybody_unexposed():
    """Exposure follows x and so does the outcome: the unexposed among the rows have a lower risk than E[Y(0)] = .35."""
    rng = np.random.default_rng(5)
    n = 8_000
    x = (rng.random(n) < 0.5).astype(float)
    e = (rng.random(n) < np.where(x == 1, 0.8, 0.2)).astype(float)
    y = (rng.random(n) < 0.1 + 0.5 * x + 0.15 * e).astype(float)
    assert y[e == 0].mean() < 0.25
    base = worlds_of(2, n=n)
    sample = replace(base, y=y, e=e, X=x[:, None], covariate_names=("x",), groups=("past",))
    check = next(c for c in estimate(sample, replace(LINEAR, sensitivity=True)).checks if c.name == "hidden_confounder")
    ratio = 0.5 / 0.35
    assert check.figures["e_value"] == pytest.approx(ratio + np.sqrt(ratio * (ratio - 1)), rel=0.08)


def test_an_outcome_that_is_no_risk_has_no_e_value_though_its_means_lie_between_0_and_1():
    sample = confounded(np.random.default_rng(3), n=400, effect=0.1)
    low, high = sample.y.min(), sample.y.max()
    found = estimate(replace(sample, y=(sample.y - low) / (high - low)), replace(LINEAR, sensitivity=True))
    assert next(c for c in found.checks if c.name == "hidden_confounder").figures["e_value"] is None


def test_an_estimate_that_a_few_neighbourhoods_move_says_so():
    """One person in a hundred shows the outcome, all of them friends: many rows, hardly any information."""
    sample = worlds_of(3, n=400)
    friends = np.zeros(400)
    friends[:4] = 1
    rare = replace(sample, adjacency=csr_array(sample.adjacency + csr_array(np.outer(friends, friends))))
    near = dependence_of(rare, LINEAR)
    psi = friends[rare.person] + 0.01
    base = {"estimator": "aipw", "estimand": "peer", "n": 400, "n_peers": 400, "estimate": 0.1, "p_value": 0.5}
    few, many = (
        Estimate(**base, se=v.se, ci_low=0.0, ci_high=0.2, dof=v.dof)
        for v in (near.variance(psi - psi.mean()), near.variance(np.random.default_rng(0).normal(size=len(psi))))
    )
    assert dependence_check(near, few).status == "warn"
    assert "hardly more" in dependence_check(near, few).detail
    assert dependence_check(near, few).figures["effective_groups"] <= 2
    assert "hardly more" not in dependence_check(near, many).detail
