"""Random-effects pooling: the BCG trials, statsmodels, closed forms and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from causal.pooling import pool
from copenet.foundation.errors import UsageError

# Vaccinated with and without tuberculosis, then the others (Colditz et al. 1994; `dat.bcg` of metafor).
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)
effects = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=2, max_size=12)


def test_the_bcg_trials_give_the_published_figures():
    """DerSimonian-Laird of metafor: -0.7141 (0.1787), tau² 0.3088, I² 92.12%, Q 152.2330."""
    a, b, c, d = BCG.T
    ratio = np.log((a / (a + b)) / (c / (c + d)))
    found = pool(ratio, np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)))
    assert (found.estimate, found.se_dl) == pytest.approx((-0.7141, 0.1787), abs=5e-5)
    assert (found.tau2, found.i2, found.q) == pytest.approx((0.3088, 0.9212, 152.2330), abs=5e-5)
    assert found.p_q < 1e-20
    assert found.k == 13


@pytest.mark.parametrize("k", [2, 3, 5, 12])
def test_the_moments_are_those_of_statsmodels(k):
    rng = np.random.default_rng(k)
    theta, se = rng.normal(size=k), rng.uniform(0.02, 0.3, size=k)
    found = pool(theta, se)
    expected = combine_effects(theta, se**2, method_re="dl", use_t=True)
    assert (found.tau2, found.q) == pytest.approx((expected.tau2, expected.q))
    assert found.tau2 > 0
    assert (found.estimate, found.se_dl) == pytest.approx((expected.mean_effect_re, expected.sd_eff_w_re))
    assert found.hk_scale == pytest.approx(expected.scale_hksj_re)
    assert found.i2 == pytest.approx(expected.i2)
    assert found.se == pytest.approx(found.se_dl * np.sqrt(max(found.hk_scale, 1)))
    assert found.ci_high - found.ci_low == pytest.approx(2 * stats.t(k - 1).ppf(0.975) * found.se)


@given(effects)
def test_no_interval_is_narrower_than_sampling_error_alone(effects):
    theta, se = (np.array(column) for column in zip(*effects, strict=True))
    found = pool(theta, se)
    assert found.se >= found.se_dl >= 1 / np.sqrt(np.sum(1 / se**2)) - 1e-12
    assert min(theta) - 1e-9 <= found.estimate <= max(theta) + 1e-9
    assert 0 <= found.i2 <= 1
    assert (found.tau2 > 0) == (found.q > len(theta) - 1)


def test_equal_groups_pool_to_their_mean_and_do_not_differ():
    found = pool(np.full(4, 0.3), np.full(4, 0.1))
    assert (found.estimate, found.tau2, found.i2, found.q) == pytest.approx((0.3, 0, 0, 0))
    assert found.se == pytest.approx(0.05)
    assert found.prediction_high - 0.3 == pytest.approx(stats.t(2).ppf(0.975) * 0.05)


def test_two_groups_have_no_prediction_and_one_is_no_pool():
    assert pool(np.array([0.1, 0.2]), np.ones(2)).prediction_low is None
    for se in (np.array([0.1]), np.array([0.1, 0.0])):
        with pytest.raises(UsageError, match="at least two groups"):
            pool(np.zeros(len(se)), se)


def test_interval_and_prediction_cover_as_they_say():
    """1,000 draws of eight groups: the mean, and the effect in a ninth."""
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(1000):
        se = rng.uniform(0.1, 0.3, size=8)
        truth = 0.5 + 0.3 * rng.normal(size=9)
        found = pool(truth[:8] + se * rng.normal(size=8), se)
        hits += [found.ci_low <= 0.5 <= found.ci_high, found.prediction_low <= truth[8] <= found.prediction_high]
    assert stats.binom.ppf(0.005, 1000, 0.95) <= hits[0] <= stats.binom.ppf(0.995, 1000, 0.97)
    assert stats.binom.ppf(0.005, 1000, 0.90) <= hits[1] <= stats.binom.ppf(0.995, 1000, 0.97)
