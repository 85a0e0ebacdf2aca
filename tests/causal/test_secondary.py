"""Those who posted: a known truth, one nuisance wrong, refusals, and what the check says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from causal.estimators import EstimationSettings
from causal.folds import graph_folds
from causal.secondary import PostingNuisances, among_posters, fit_nuisances, had_all_posted, scores, weights
from tests.causal.graphs import ring, sample_of

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1)
EFFECT, WORLDS = 0.15, 40


def world(seed, n=1500, effect=EFFECT):
    """Exposed people and those prone to use it post more; given exposure and X nothing else decides both."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    e = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    chance = 0.3 + 0.1 * np.tanh(X[:, 0]) + effect * e
    posted = rng.random(n) < 1 / (1 + np.exp(-(0.2 + 0.8 * X[:, 0] + 0.7 * e)))
    wrote = rng.random(n) < chance
    sample = sample_of((wrote & posted).astype(float), e, X, ring(n))
    return sample, posted


@cache
def estimates(effect):
    """Of each world: estimate - truth, standard error, whether the interval holds it, plain difference among posters."""
    found = []
    for seed in range(WORLDS):
        sample, posted = world(seed, effect=effect)
        ours = had_all_posted(sample, posted, LINEAR)
        y, e = sample.y[posted], sample.e[posted]
        plain = y[e == 1].mean() - y[e == 0].mean()
        found.append((ours.estimate - effect, ours.se, ours.ci_low <= effect <= ours.ci_high, plain - effect))
    return np.array(found, dtype=float)


@pytest.mark.parametrize("effect", [0.0, EFFECT])
def test_the_truth_is_found_and_covered_and_plain_posters_mislead(effect):
    gap, _, covered, plain = estimates(effect).T
    assert abs(gap.mean()) < 3 * gap.std(ddof=1) / np.sqrt(WORLDS)
    assert stats.binomtest(int(covered.sum()), WORLDS, 0.95).proportion_ci(0.99, method="exact").high >= 0.95
    assert plain.mean() > 5 * plain.std(ddof=1) / np.sqrt(WORLDS)


@pytest.mark.parametrize("wrong", ["outcome", "propensity and posting"])
def test_either_side_may_be_wrong(wrong):
    """With a constant for the outcome, or for both chances, the mean over 30 worlds stays at the truth."""
    gaps = []
    for seed in range(30):
        sample, posted = world(100 + seed)
        folds = graph_folds(sample.person, sample.adjacency, sample.communities)
        fitted = fit_nuisances(sample, posted, folds, LINEAR)
        flat = np.full(len(sample.y), 0.5)
        if wrong == "outcome":
            fitted = replace(fitted, outcome=(flat, flat))
        else:
            fitted = replace(fitted, propensity=flat, posting=(flat, flat))
        gaps.append(scores(sample, posted, fitted, 0.02).mean() - EFFECT)
    assert abs(np.mean(gaps)) < 3 * np.std(gaps, ddof=1) / np.sqrt(30) + 0.005


def test_the_score_by_hand_and_nobody_silent_counts():
    e, posted = np.array([1.0, 1.0, 0.0, 0.0]), np.array([True, False, True, False])
    sample = sample_of(np.array([1.0, 0.0, 0.0, 0.0]), e, np.zeros((4, 1)), ring(4))
    half, quarter = np.full(4, 0.5), np.full(4, 0.25)
    nuisances = PostingNuisances(half, (quarter, half), (quarter, half))
    unexposed, exposed = weights(e, posted, nuisances, 0.02)
    assert (unexposed.tolist(), exposed.tolist()) == ([0, 0, 8, 0], [4, 0, 0, 0])
    assert scores(sample, posted, nuisances, 0.02).tolist() == [0.25 + 4 * 0.5, 0.25, 0.25 + 8 * 0.25, 0.25]


def test_few_posters_of_an_arm_are_refused_and_the_bounds_stay():
    sample, posted = world(0)
    few = posted & ((sample.e == 0) | (np.arange(len(posted)) % 40 == 0))
    used = (sample.y == 1) & few
    refused = had_all_posted(replace(sample, y=used.astype(float)), few, LINEAR)
    assert refused.estimate is None
    assert "at least" in refused.refused
    check = among_posters(sample.e == 1, few, used, refused)
    assert check.status == "refused"
    assert refused.refused in check.detail
    assert "Lee bounds" in check.detail


def test_the_check_names_its_condition_and_warns_where_hardly_anybody_would_post():
    sample, posted = world(1)
    ours = had_all_posted(sample, posted, LINEAR)
    told = among_posters(sample.e == 1, posted, sample.y == 1, ours)
    assert told.status == "pass"
    assert "only if" in told.detail
    assert told.figures["weighted"] == ours.estimate
    rare = replace(ours, detail=ours.detail | {"rarely_post": 0.2})
    assert among_posters(sample.e == 1, posted, sample.y == 1, rare).status == "warn"
