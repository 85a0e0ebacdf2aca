"""Nuisances: predictions that never saw the row, and a stack that is no worse than its worse half."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import nuisance
from causal.folds import graph_folds
from causal.nuisance import cross_fit
from tests.causal.graphs import ring, sparse_graph


def folds_of(n, k=5, seed=0):
    return graph_folds(np.arange(n), ring(n), np.zeros(n, dtype=int), k=k, seed=seed)


class Memory:
    """A learner that knows every row it has seen by heart, and says the mean otherwise."""

    def fit(self, X, y):
        self.seen, self.mean = dict(zip(map(bytes, X), y, strict=True)), y.mean()
        return self

    def predict(self, X):
        return np.array([self.seen.get(bytes(x), self.mean) for x in X])


@pytest.mark.parametrize("arm", [False, True])
def test_a_learner_that_memorises_knows_nothing_about_the_rows_it_predicts(monkeypatch, arm):
    monkeypatch.setattr(nuisance, "_maker", lambda *_: Memory)
    rng = np.random.default_rng(0)
    X, target = rng.normal(size=(120, 1)), rng.normal(size=120)
    fit_on = rng.random(120) < 0.5 if arm else None
    usable = np.ones(120, dtype=bool) if fit_on is None else fit_on
    folds = folds_of(120)
    found = cross_fit(X, target, folds, fit_on=fit_on).values
    for f in range(5):
        train = folds.train[f][usable[folds.train[f]]]
        assert found[folds.fold == f] == pytest.approx(target[train].mean())


@pytest.mark.parametrize("binary", [False, True])
def test_what_a_fold_shows_does_not_reach_its_own_predictions(binary):
    rng = np.random.default_rng(1)
    X, folds = rng.normal(size=(300, 2)), folds_of(300)
    target = (rng.random(300) < 0.5).astype(float) if binary else rng.normal(size=300)
    other = np.where(folds.fold == 3, 1 - target, target)
    before, after = (cross_fit(X, t, folds).by_learner for t in (target, other))
    for learner in nuisance.LEARNERS:
        assert np.array_equal(before[learner][folds.fold == 3], after[learner][folds.fold == 3])
        assert not np.array_equal(before[learner][folds.fold != 3], after[learner][folds.fold != 3])


def test_only_rows_of_the_arm_are_fitted_on_and_all_rows_are_predicted():
    rng = np.random.default_rng(2)
    X, arm = rng.normal(size=(200, 1)), rng.random(200) < 0.5
    target = np.where(arm, X[:, 0], rng.normal(size=200) * 1e6)
    found = cross_fit(X, target, folds_of(200), fit_on=arm, learners=("linear",)).values
    assert found == pytest.approx(X[:, 0], abs=0.15)


@given(seed=st.integers(0, 2000), n=st.integers(10, 60), k=st.integers(2, 5))
def test_the_stack_is_convex_and_in_no_fold_worse_than_the_worse_learner(seed, n, k):
    rng = np.random.default_rng(seed)
    folds = folds_of(n, k, seed)
    target = rng.normal(size=n)
    learners = {name: rng.normal(size=n) + rng.uniform(0, 1) * target for name in nuisance.LEARNERS}
    values, weight = nuisance._stack(learners, target, folds, np.ones(n, dtype=bool), False)
    low, high = np.minimum(*learners.values()), np.maximum(*learners.values())
    assert (low - 1e-12 <= values).all()
    assert (values <= high + 1e-12).all()
    assert 0 <= weight <= 1
    for f in range(k):
        here = folds.fold == f
        worst = max(np.sum((target - v)[here] ** 2) for v in learners.values())
        assert np.sum((target - values)[here] ** 2) <= worst + 1e-9


@given(seed=st.integers(0, 2000), binary=st.booleans())
def test_the_weight_of_a_fold_is_the_best_of_the_grid_on_the_other_folds(seed, binary):
    rng = np.random.default_rng(seed)
    folds, usable = folds_of(30, 3, seed), rng.random(30) < 0.8
    target = (rng.random(30) < 0.5).astype(float) if binary else rng.normal(size=30)
    learners = {name: rng.uniform(0.05, 0.95, 30) for name in nuisance.LEARNERS}
    linear, trees = learners["linear"], learners["boosting"]
    values, _ = nuisance._stack(learners, target, folds, usable, binary)
    for f in range(3):
        others, here = (folds.fold != f) & usable, folds.fold == f
        losses = []
        for w in range(21):
            p = (1 - w / 20) * linear[others] + w / 20 * trees[others]
            likely = np.where(target[others] == 1, p, 1 - p)
            losses.append(-np.log(likely).sum() if binary else ((target[others] - p) ** 2).sum())
        w = int(np.argmin(np.round(losses, 12))) / 20
        assert values[here] == pytest.approx((1 - w) * linear[here] + w * trees[here], abs=1e-9)


def test_the_stack_takes_trees_for_a_step_and_the_line_for_a_line():
    rng = np.random.default_rng(4)
    X, folds = rng.normal(size=(800, 2)), folds_of(800)
    noise = 0.5 * rng.normal(size=800)
    step = cross_fit(X, 3.0 * (X[:, 0] * X[:, 1] > 0) + noise, folds)
    line = cross_fit(X, 3.0 * X[:, 0] + noise, folds)
    assert step.boosting_weight > 0.9
    assert line.boosting_weight < 0.1


def test_probabilities_are_predicted_for_zeros_and_ones():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 2))
    truth = 1 / (1 + np.exp(-X[:, 0]))
    found = cross_fit(X, (rng.random(400) < truth).astype(float), folds_of(400))
    for values in (found.values, *found.by_learner.values()):
        assert 0 < values.min() < values.max() < 1
    assert np.mean(np.abs(found.values - truth)) < 0.1


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_a_constant_target_is_predicted_as_itself(value):
    X = np.random.default_rng(0).normal(size=(60, 2))
    assert set(cross_fit(X, np.full(60, value), folds_of(60)).values) == {value}


def test_a_class_seen_in_one_fold_alone_and_an_empty_arm_give_finite_numbers():
    folds = folds_of(60)
    X = np.random.default_rng(0).normal(size=(60, 2))
    rare = (folds.fold == 1).astype(float)
    found = cross_fit(X, rare, folds).values
    assert np.isfinite(found).all()
    assert set(found[folds.fold == 1]) == {0.0}
    assert set(cross_fit(X, rare, folds, fit_on=np.zeros(60, dtype=bool)).values) == {0.0}


def test_one_learner_is_not_stacked():
    rng = np.random.default_rng(6)
    X, target, folds = rng.normal(size=(90, 1)), rng.normal(size=90), folds_of(90)
    both = cross_fit(X, target, folds).by_learner
    for name, weight in (("linear", 0.0), ("boosting", 1.0)):
        alone = cross_fit(X, target, folds, learners=(name,))
        assert (alone.boosting_weight, list(alone.by_learner)) == (weight, [name])
        assert np.array_equal(alone.values, both[name])


def test_the_same_seed_gives_the_same_numbers():
    rng = np.random.default_rng(7)
    X, target = rng.normal(size=(150, 3)), rng.normal(size=150)
    folds = graph_folds(np.arange(150), sparse_graph(150, 3, rng), np.arange(150) % 3)
    assert np.array_equal(*(cross_fit(X, target, folds, seed=3).values for _ in range(2)))


def test_without_covariates_the_mean_of_the_other_folds_is_predicted():
    folds, target = folds_of(60), np.arange(60) % 3 / 2
    for learner in nuisance.LEARNERS:
        found = cross_fit(np.empty((60, 0)), target, folds, learners=(learner,)).values
        assert found == pytest.approx(np.array([target[folds.train[f]].mean() for f in folds.fold]))
