from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score, precision_recall_fscore_support

from copenet.foundation.seeds import generator
from gnn.metrics import (
    best_threshold,
    counts,
    expected_calibration_error,
    group_folds,
    macro_f1_interval,
    rates,
)

truths = hnp.arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0.0, 1.0, np.nan]))


@given(truths, st.randoms())
def test_counts_and_rates_agree_with_scikit_learn(truth: np.ndarray, random) -> None:
    predicted = np.array([random.random() < 0.5 for _ in truth])
    c = counts(truth, predicted)
    judged = np.isfinite(truth)
    assert sum(c) == judged.sum()
    if judged.any():
        p, r, f, _ = precision_recall_fscore_support(
            truth[judged], predicted[judged], average="binary", zero_division=np.nan
        )
        for ours, theirs in zip((rates(c)[k] for k in ("precision", "recall")), (p, r), strict=True):
            assert (ours is None and np.isnan(theirs)) or ours == pytest.approx(theirs)
        if rates(c)["f1"] is not None and not np.isnan(f):
            assert rates(c)["f1"] == pytest.approx(f)


def test_rates_by_hand() -> None:
    result = rates(counts(np.array([1, 1, 1, 0, 0, 0, 0, np.nan]), np.array([1, 1, 0, 1, 0, 0, 0, 1], dtype=bool)))
    assert result == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "sensitivity": 2 / 3, "specificity": 0.75}


def test_a_rate_of_nothing_is_none_not_zero() -> None:
    assert rates(counts(np.zeros(3), np.zeros(3, dtype=bool)))["recall"] is None


def test_calibration_error_of_known_cases() -> None:
    truth = np.array([1.0, 0, 0, 0])
    assert expected_calibration_error(truth, np.full(4, 0.25)) == pytest.approx(0)
    assert expected_calibration_error(truth, np.full(4, 0.95)) == pytest.approx(0.7)
    assert expected_calibration_error(np.array([1.0, 0]), np.array([1.0, 0.0])) == 0
    assert expected_calibration_error(np.array([np.nan]), np.array([0.3])) is None


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.sampled_from([0.0, 1.0])), st.randoms())
def test_the_best_threshold_reaches_the_best_f1(truth: np.ndarray, random) -> None:
    probability = np.array([random.choice([0.1, 0.2, 0.4, 0.7, 0.9]) for _ in truth])
    threshold = best_threshold(truth, probability)
    if not truth.any():
        assert threshold == 0.5
        return
    reached = f1_score(truth, probability >= threshold, zero_division=0)
    best = max(f1_score(truth, probability >= t, zero_division=0) for t in (0.05, 0.15, 0.3, 0.5, 0.8))
    assert reached == pytest.approx(best)


def test_macro_f1_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((400, 3)) < 0.4).astype(float)
    predicted = np.where(rng.random((400, 3)) < 0.1, 1 - truth, truth) == 1
    f1, low, high = macro_f1_interval(truth, predicted, np.arange(400), generator(0, "t"))
    assert f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert low < f1 < high
    assert high - low < 0.08


def test_the_interval_widens_when_errors_come_by_group() -> None:
    groups = np.repeat(np.arange(40), 10)
    truth = np.ones((400, 1))
    predicted = (groups % 2 == 0)[:, None]
    _, low, high = macro_f1_interval(truth, predicted, groups, generator(0, "t"))
    _, low_alone, high_alone = macro_f1_interval(truth, predicted, np.arange(400), generator(0, "t"))
    assert high - low > 2 * (high_alone - low_alone)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(2, 5), st.integers(0, 9))
def test_folds_keep_groups_whole_and_sizes_alike(names: list[int], n_folds: int, seed: int) -> None:
    groups = np.unique(names, return_inverse=True)[1]
    fold = group_folds(groups, n_folds, generator(seed, "t"))
    assert fold.shape == groups.shape
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    sizes = np.bincount(fold, minlength=n_folds)
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()
    np.testing.assert_array_equal(fold, group_folds(groups, n_folds, generator(seed, "t")))
