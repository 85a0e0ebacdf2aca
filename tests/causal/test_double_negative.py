"""Double negative controls: right where plain regression is wrong, refused where weak, wrong where a control is none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom

from causal.designs.simulated import geometric_graph
from causal.double_negative import _check, double_negative_control
from causal.estimators import Sample
from causal.inference import undirected
from causal.negative_controls import Headline
from copenet.foundation.seeds import generator

N, WORLDS = 300, 100
BETA = 0.5


@dataclass(frozen=True)
class World:
    """y = β e + u + .5 w + x + noise; u is hidden and shared along the ties; w and z are two looks at it. No hidden
    causes: neither u nor w acts on y."""

    z_strength: float = 1.0
    leak: float = 0.0  # what the exposure does to w, which then is no control
    hidden: float = 1.0

    def draw(self, seed):
        rng = generator(seed, "double negative")
        graph = geometric_graph(N, 6.0, rng)
        degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
        own = rng.normal(size=N)
        u = own + graph @ own / degree
        x, a, b, c, d = rng.normal(size=(5, N))
        z = self.z_strength * u + 0.6 * a
        e = 0.5 * self.hidden * u + 0.4 * z + 0.5 * x + b
        w = u + 0.5 * x + 0.6 * c + self.leak * e
        y = BETA * e + self.hidden * (u + 0.5 * w) + x + d
        sample = Sample(
            y=y,
            e=e,
            X=x[:, None],
            covariate_names=("x",),
            person=np.arange(N),
            period=np.zeros(N, dtype=np.int64),
            n_peers=degree.astype(np.int64),
            adjacency=undirected(graph),
            communities=np.zeros(N, dtype=np.int64),
            binary=False,
            groups=("own",),
        )
        return sample, w, z


@cache
def many(world, worlds=WORLDS):
    return [double_negative_control(*world.draw(seed)) for seed in range(worlds)]


def headline(value=1.0):
    sample, _, _ = World().draw(0)
    return Headline(value, None, False, sample.adjacency, sample.communities)


def test_with_valid_controls_the_estimate_is_unbiased_and_plain_regression_is_not():
    found = many(World())
    values = np.array([f.estimate.estimate for f in found])
    plain = np.array([f.without.estimate for f in found])
    assert not [f for f in found if f.estimate.refused]
    assert abs(values.mean() - BETA) < 3.3 * values.std() / np.sqrt(WORLDS)
    assert plain.mean() - BETA > 5 * plain.std()


def test_the_interval_covers_as_often_as_it_says():
    covered = sum(f.estimate.ci_low <= BETA <= f.estimate.ci_high for f in many(World()))
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, 0.95)
    assert low <= covered <= high


def test_hidden_causes_move_the_estimate_and_the_test_says_so():
    assert sum(f.moved_p <= 0.05 for f in many(World())) >= binom.ppf(0.0005, WORLDS, 0.95)
    checks = {_check(f, World().draw(0)[0], headline()).status for f in many(World())[:5]}
    assert checks == {"warn"}


def test_without_hidden_causes_the_estimate_is_not_moved_more_often_than_the_level():
    """u moves the controls alone: then w and z are strong and nothing is confounded."""
    found = many(World(hidden=0.0))
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, 0.05)
    assert low <= sum(f.moved_p <= 0.05 for f in found) <= high


def test_weak_controls_are_refused_with_their_strength():
    found = many(World(z_strength=0.05), 20)
    refused = [f for f in found if f.estimate.refused is not None]
    assert len(refused) >= 18
    assert "effective F" in refused[0].estimate.refused
    assert refused[0].first.weak
    assert refused[0].without.estimate is not None
    check = _check(refused[0], World().draw(0)[0], headline())
    assert check.status == "not_informative"
    assert "Cannot be checked" in check.detail


def test_an_outcome_that_the_exposure_moves_is_no_control_and_the_estimate_is_wrong():
    values = np.array([f.estimate.estimate for f in many(World(leak=0.5), 60)])
    assert abs(values.mean() - BETA) > 5 * values.std() / np.sqrt(60)


def test_a_control_that_the_covariates_hold_is_refused():
    sample, w, z = World().draw(3)
    assert "exposure" in double_negative_control(sample, w, sample.X[:, 0]).estimate.refused
    assert "outcome" in double_negative_control(sample, sample.X[:, 0], z).estimate.refused


def test_two_exposure_controls_do_no_worse_than_one():
    sample, w, z = World().draw(5)
    second = z + generator(5, "second").normal(size=N) * 3
    two = double_negative_control(sample, w, np.column_stack([z, second]))
    assert two.first.instruments == 2
    assert two.estimate.estimate == pytest.approx(BETA, abs=4 * two.estimate.se)


def test_a_difference_too_small_to_see_leaves_it_unchecked():
    found = many(World(hidden=0.0))
    silent = next(f for f in found if f.moved_p > 0.05)
    sample = World(hidden=0.0).draw(0)[0]
    assert _check(silent, sample, headline(5.0)).status == "pass"
    assert _check(silent, sample, headline(0.001)).status == "not_informative"
