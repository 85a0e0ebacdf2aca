"""Effects by group: scores of the headline, known truths, multiplicity, refusals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from causal.estimators import EstimationSettings, estimate
from causal.heterogeneity import centrality_group, effects_by_group, heterogeneity_check, largest_groups
from copenet.foundation.errors import UsageError
from tests.causal.graphs import ring, sample_of

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1)
TRUTH = np.array([0.0, 0.0, 1.0])
WORLDS = 16


def world(seed, truth=TRUTH, binary=True, n=750):
    """A confounded sample whose effect is that of the row's group, and the groups."""
    rng = np.random.default_rng(seed)
    X, group = rng.normal(size=(n, 2)), np.arange(n) % 3
    e = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float) if binary else X[:, 0] + rng.normal(size=n)
    X = np.column_stack([X, group == 1, group == 2])
    y = truth[group] * e + X[:, 0] + rng.normal(size=n)
    return sample_of(y, e, X, ring(n), binary=binary), np.array(list("abc"))[group]


@cache
def studies(alike):
    made = []
    for seed in range(WORLDS):
        sample, group = world(seed, np.full(3, 0.5) if alike else TRUTH)
        made.append(effects_by_group(sample, estimate(sample, LINEAR), group, "community", LINEAR))
    return made


def test_each_groups_effect_is_found_and_covered():
    found = studies(False)
    for k, truth in enumerate(TRUTH):
        rows = [h.groups[k] for h in found]
        error = np.array([g.estimate - truth for g in rows])
        assert abs(error.mean()) < (0.25 + 2.576 / np.sqrt(WORLDS)) * error.std(ddof=1)
        covered = sum(g.ci_low <= truth <= g.ci_high for g in rows)
        assert covered >= stats.binom.ppf(0.005, WORLDS, 0.95)
        assert all(g.band_low < g.ci_low < g.ci_high < g.band_high for g in rows)
    every = sum(all(g.band_low <= t <= g.band_high for g, t in zip(h.groups, TRUTH, strict=True)) for h in found)
    assert every >= stats.binom.ppf(0.005, WORLDS, 0.95)


def test_differences_are_seen_where_they_are_and_seldom_where_not():
    assert all(h.p_same < 0.05 for h in studies(False))
    assert sum(h.p_same < 0.05 for h in studies(True)) <= stats.binom.ppf(0.995, WORLDS, 0.05)
    assert {heterogeneity_check(h).status for h in studies(False)} == {"warn"}
    calm = next(h for h in studies(True) if h.p_same >= 0.05)
    assert heterogeneity_check(calm).status == "pass"
    assert np.mean([h.pooled.i2 for h in studies(False)]) > 0.8 > np.mean([h.pooled.i2 for h in studies(True)])


def test_corrected_p_values_are_larger_and_few_nothings_pass():
    for h in studies(False):
        for g in h.groups:
            assert g.p_holm >= g.p_value
            assert g.p_max_t >= g.p_value
    wrong = sum(min(g.p_max_t for g in h.groups[:2]) < 0.05 for h in studies(False))
    assert wrong <= stats.binom.ppf(0.995, WORLDS, 0.05)


@pytest.mark.parametrize("binary", [True, False])
def test_groups_are_averages_of_the_headlines_scores(binary):
    sample, group = world(3, binary=binary)
    found = estimate(sample, LINEAR)
    a, b = found.scores
    assert a.sum() / b.sum() == pytest.approx(found.estimates[0].estimate)
    by = effects_by_group(sample, found, group, "community", LINEAR)
    weights = [b[group == name].sum() / b.sum() for name in "abc"]
    assert np.dot(weights, [g.estimate for g in by.groups]) == pytest.approx(found.estimates[0].estimate)
    alone = a[group == "a"].sum() / b[group == "a"].sum()
    assert by.groups[0].estimate == pytest.approx(alone)
    independent = effects_by_group(sample, found, group, "community", replace(LINEAR, bandwidth=0)).groups[0]
    left = (a - alone * b)[group == "a"]
    groups = np.sum(left**2) ** 2 / np.sum(left**4)  # with bandwidth 0 everybody is one
    expected = np.linalg.norm(left) / b[group == "a"].sum() * np.sqrt(groups / (groups - 1))
    assert independent.se == pytest.approx(expected)
    assert sum(g.n for g in by.groups) == 750


def test_small_groups_are_refused_by_name_and_without_two_there_is_nothing_to_compare():
    sample, group = world(4)
    found = estimate(sample, LINEAR)
    few = np.where(np.arange(750) < 30, "few", group)
    by = effects_by_group(sample, found, few, "community", LINEAR)
    refused = {g.group: g.refused for g in by.groups if g.estimate is None}
    assert set(refused) == {"few"}
    assert "no overlap" in refused["few"]
    alone = effects_by_group(sample, found, np.full(750, "one"), "platform", LINEAR)
    assert "fewer than two groups" in alone.refused
    assert heterogeneity_check(alone).status == "not_informative"
    nothing = effects_by_group(sample, replace(found, refused="no overlap"), group, "platform", LINEAR)
    assert (nothing.groups, nothing.refused) == ((), "no overlap")
    with pytest.raises(UsageError, match="scores of these rows"):
        effects_by_group(sample, found, group[:-1], "community", LINEAR)


def test_names_of_groups():
    assert centrality_group(np.array([1, 1, 1, 2, 3, 3])).tolist() == ["periphery"] * 3 + ["middle"] + ["centre"] * 2
    assert largest_groups(np.array([5, 2, 2, -1, 9, 9, 9]), most=2).tolist() == [
        "other",
        "2",
        "2",
        "none",
        "1",
        "1",
        "1",
    ]
