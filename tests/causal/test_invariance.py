"""What must not matter to the estimators on arrays: names of units, bystanders, units of measurement, the process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import block_diag, csr_array

from causal.arrays import AIPW, OLS, PLM
from causal.designs import S2, S3, s2, s3
from causal.estimators import EstimationSettings
from causal.exposure import Threshold
from causal.inference import dependence
from tests.conftest import ROOT

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)
BOTH = EstimationSettings(folds=2, sensitivity=False)
KINDS = [AIPW, PLM, OLS]
WORLD = s2.simulate(S2(n=400), seed=1)


def fit(kind, world=WORLD, *, seed=0, settings=LINEAR, **more):
    given = {"outcome": "y", "treatment": "d", "exposure": world.exposure, "covariates": world.covariates}
    return kind(**given, seed=seed, settings=settings).fit(world.units, world.adjacency, **more)


@cache
def base(kind):
    return fit(kind)


def numbers(found, names=("estimate", "se", "ci_low", "ci_high", "p_value", "n", "n_peers")):
    return np.array([[getattr(e, name) for name in names] for e in found.estimates], dtype=float)


def renamed(world, seed):
    order = np.random.default_rng(seed).permutation(len(world.units))
    return replace(world, units=world.units.take(order), adjacency=csr_array(world.adjacency[order][:, order]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_names_of_units_do_not_matter(kind, seed):
    """Folds and communities, too, are found in an order that data and ties decide (`causal.unit_order`)."""
    there = fit(kind, renamed(WORLD, seed))
    assert numbers(there) == pytest.approx(numbers(base(kind)), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_bystanders_without_ties_do_not_matter(kind):
    more = 77
    units = {
        name: np.append(np.nan_to_num(WORLD.units[name].to_numpy(zero_copy_only=False)), np.ones(more))
        for name in ("y", "d", *WORLD.covariates)
    }
    wider = replace(
        WORLD, units=pa.table(units), adjacency=csr_array(block_diag([WORLD.adjacency, csr_array((more, more))]))
    )
    here, there = base(kind), fit(kind, wider)
    assert there.without_peers == here.without_peers + more
    assert numbers(there) == pytest.approx(numbers(here), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_units_of_measurement_of_covariates_do_not_matter(kind):
    scaled = {name: WORLD.units[name].to_numpy() * 1000 - 3 for name in WORLD.covariates}
    units = pa.table({"y": WORLD.units["y"], "d": WORLD.units["d"]} | scaled)
    assert numbers(fit(kind, replace(WORLD, units=units))) == pytest.approx(numbers(base(kind)), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_the_outcome_scales_estimates_and_errors(kind):
    units = WORLD.units.set_column(0, "y", [WORLD.units["y"].to_numpy() * 8])
    names = ("estimate", "se", "ci_low", "ci_high")
    here, there = (numbers(found, names) for found in (base(kind), fit(kind, replace(WORLD, units=units))))
    assert there == pytest.approx(8 * here, rel=1e-6, abs=1e-9)


def test_a_second_component_like_the_first_halves_the_variance():
    world = s3.simulate(S3(n=300, exposure=Threshold(0.5)), seed=2)
    twice = replace(
        world, units=pa.concat_tables([world.units] * 2), adjacency=csr_array(block_diag([world.adjacency] * 2))
    )
    settings = replace(LINEAR, bandwidth=2)
    here, there = (fit(OLS, w, settings=settings).estimates for w in (world, twice))
    for one, two in zip(here, there, strict=True):
        assert two.estimate == pytest.approx(one.estimate, rel=1e-7)
        for kind in ("iid", "person", "uniform", "overlap"):
            assert two.detail[f"se_{kind}"] * np.sqrt(2) == pytest.approx(one.detail[f"se_{kind}"], rel=1e-7)
        assert two.dof + 1 == pytest.approx(2 * (one.dof + 1))


def split_at_the_helper():
    """400 people in two halves, all exposed to one helper who sees nobody (and to one of their half), or to two alike."""
    rng = np.random.default_rng(3)
    n = 400
    one = np.column_stack([np.arange(n), np.full(n, n)])
    two = np.column_stack([np.arange(n), np.where(np.arange(n) < n // 2, n, n + 1)])
    near = np.column_stack([np.arange(n), np.arange(n) // 2 * 2 + 1 - np.arange(n) % 2])
    graphs = [csr_array((np.ones(2 * n), np.vstack([p, near]).T), shape=(n + 2, n + 2)) for p in (one, two)]
    d = np.append(rng.integers(0, 2, n), [1, 1]).astype(float)
    x = np.append(rng.normal(size=n), [0.3, 0.3])
    return pa.table({"y": d + x + rng.normal(size=n + 2), "d": d, "x": x}), graphs


def test_splitting_a_component_moves_no_point_and_takes_only_the_covariance_between_the_parts():
    units, (whole, parts) = split_at_the_helper()
    world = replace(WORLD, units=units, exposure=Threshold(0.9), covariates=("x",))
    for kind in (OLS, PLM):
        names, alike = ("estimate", "n", "n_peers"), np.zeros(402, dtype=int)
        found = [fit(kind, replace(world, adjacency=g), settings=replace(LINEAR, bandwidth=2)) for g in (whole, parts)]
        compared = slice(None) if kind is OLS else slice(3, None)  # folds follow the components
        assert numbers(found[1], names)[compared] == pytest.approx(numbers(found[0], names)[compared], rel=1e-9)
        assert {e.n for f in found for e in f.estimates} == {400}
    psi = np.random.default_rng(4).normal(size=400)
    one, two = (dependence(g, alike, np.arange(400), bandwidth=2).variance(psi).parts for g in (whole, parts))
    between = 2 * psi[:200].sum() * psi[200:].sum() / 400**2
    assert one["uniform"] - two["uniform"] == pytest.approx(between, rel=1e-9)
    assert one["person"] == two["person"]


SCRIPT = """
from tests.causal.test_invariance import BOTH, PLM, fit, numbers
print(numbers(fit(PLM, seed=5, settings=BOTH)).tobytes().hex())
"""


def test_the_same_seed_gives_the_same_bits_in_two_processes():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "123"}
    command = [sys.executable, "-c", SCRIPT]
    there = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    here = numbers(fit(PLM, seed=5, settings=BOTH))
    assert there.stdout.strip() == here.tobytes().hex()
