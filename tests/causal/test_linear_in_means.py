"""Linear-in-means: truth of S6, and what must be refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array

import causal
from causal.designs import S6
from causal.estimators import EstimationSettings
from causal.exposure import row_normalised
from causal.inference import dependence
from causal.linear_in_means import LinearInMeans, fieller, independence, independent_means
from copenet.foundation.errors import InputError, UsageError
from tests.causal.graphs import ring, sparse_graph

IID = EstimationSettings(bandwidth=0)
ESTIMANDS = ["endogenous", "own:x", "contextual:x", "total:x"]


def fitted(world, **more):
    more = {"settings": IID} | more
    nobody = np.zeros(world.adjacency.shape[0], dtype=int)
    asked = LinearInMeans(**{"outcome": "y", "covariates": ["x"]} | more)
    return asked.fit(world.units, world.adjacency, communities=nobody)


def of(fit, estimator="linear_in_means"):
    return {e.estimand: e for e in fit.estimates if e.estimator == estimator}


def check(fit, name):
    return next(c for c in fit.checks if c.name == name)


def test_intervals_cover_the_truth_where_ols_and_naive_do_not():
    """120 worlds of S6 with independent errors, those refused as weak counted; exact binomial limits at 99%."""
    hits = {(estimator, estimand): [] for estimator in ("linear_in_means", "ols") for estimand in ESTIMANDS}
    gaps, naive, refused = [], 0, 0
    for seed in range(120):
        world = S6(n=500, gamma=1.0).simulate(seed)
        fit = fitted(world)
        refused += fit.refused is not None
        for (estimator, estimand), list_of in hits.items():
            record = of(fit, estimator)[estimand]
            if record.estimate is not None:
                list_of.append(record.ci_low <= world.truth[estimand] <= record.ci_high)
        if fit.refused is None:
            gaps.append(of(fit)["endogenous"].estimate - world.truth["endogenous"])
        naive += of(fit, "naive")["endogenous"].ci_low <= world.truth["endogenous"]
    limits = {key: stats.binomtest(sum(h), len(h)).proportion_ci(0.99) for key, h in hits.items()}
    for estimand in ESTIMANDS:
        assert limits["linear_in_means", estimand].low <= 0.95 <= limits["linear_in_means", estimand].high
    assert limits["ols", "endogenous"].high < 0.95
    assert (refused <= 6, naive) == (True, 0)
    assert abs(np.mean(gaps)) < (0.25 + 3.3 / np.sqrt(len(gaps))) * np.std(gaps)


def test_the_interval_of_a_ratio_is_what_a_test_of_each_value_does_not_reject():
    """A grid of values against the quadratic; and no interval where the denominator may be 0."""
    rng = np.random.default_rng(0)
    psi = rng.normal(size=(100, 2)) @ [[1.0, 0.5], [0.0, 1.0]]
    near = dependence(ring(100), np.zeros(100, dtype=int), np.arange(100), bandwidth=1)
    a, b = 0.6, 0.8

    def variances(second):
        return [near.variance(psi[:, 0]), near.variance(second), near.variance(psi[:, 0] - second)]

    found = variances(psi[:, 1])
    low, high = fieller(a, b, found, 0.95)
    dof = min(v.dof for v in found)
    q = stats.t.ppf(0.975, dof) * np.sqrt((dof + 1) / dof)
    grid = np.linspace(low - 0.5, high + 0.5, 400)

    def error(t):
        parts = near.variance(psi[:, 0] - t * psi[:, 1]).parts
        return np.sqrt(max(parts[rule] for rule in ("person", "uniform", "overlap")))

    kept = [t for t in grid if abs(a - t * b) <= q * error(t)]
    step = grid[1] - grid[0]
    assert (kept[0], kept[-1]) == (pytest.approx(low, abs=step), pytest.approx(high, abs=step))
    assert fieller(a, b, variances(20 * psi[:, 1]), 0.95) is None


def test_the_truth_of_s6_is_that_of_the_matrix_inverse_and_the_total_is_the_multiplier():
    design = S6(n=60, degree=4, rho=-0.6, noise=0.0)
    world = design.simulate(3)
    W = row_normalised(world.adjacency).toarray()
    x = world.units["x"].to_numpy()
    exact = np.linalg.solve(np.eye(60) + 0.6 * W, design.beta * x + design.gamma * W @ x)
    assert world.units["y"].to_numpy() == pytest.approx(exact, abs=1e-10)
    assert world.truth["total:x"] == pytest.approx((design.beta + design.gamma) / (1 - design.rho), abs=1e-9)
    assert (world.adjacency != world.adjacency.T).nnz == 0
    assert world.adjacency.diagonal().sum() == 0
    with pytest.raises(UsageError, match="between -1 and 1"):
        S6(rho=1.0)
    with pytest.raises(UsageError, match="mean degree"):
        S6(n=10, degree=10)


def test_without_noise_every_parameter_is_recovered_exactly():
    world = S6(n=300, noise=0.0).simulate(1)
    found = of(fitted(world))
    for estimand in ESTIMANDS:
        assert found[estimand].estimate == pytest.approx(world.truth[estimand], abs=1e-8)


@pytest.mark.parametrize("size", [2, 4, 25])
def test_groups_of_equal_size_are_refused(size):
    fit = fitted(S6(n=200, groups=size).simulate(0))
    assert "linearly dependent" in fit.refused
    assert check(fit, "identification").status == "refused"
    assert all(e.estimate is None and e.refused == fit.refused for e in of(fit).values())
    assert of(fit, "ols")["own:x"].estimate is not None or size == 2
    assert "refused" in fit.summary()


def test_a_complete_graph_is_refused():
    fit = fitted(S6(n=60, groups=60).simulate(0))
    assert "linearly dependent" in fit.refused
    assert of(fit, "ols")["endogenous"].refused == "the regressors are collinear"


def test_groups_of_unequal_size_are_identified_in_principle():
    sizes = np.repeat(np.arange(40), np.tile([3, 4, 6, 9], 10))
    adjacency = csr_array((sizes[:, None] == sizes[None, :]).astype(float) - np.eye(len(sizes)))
    assert independence(row_normalised(adjacency), np.arange(len(sizes))) > 0.001


def test_a_dense_graph_is_refused_by_hayes_and_levin_and_homophily_gives_means_their_variation_back():
    dense = fitted(S6(n=600, degree=60).simulate(0))
    assert "Hayes & Levin" in dense.refused
    figures = check(dense, "peer_means").figures
    assert figures["independent_means"][0] == pytest.approx(600 / figures["harmonic_mean_degree"], rel=0.5)
    sorted_people = fitted(S6(n=600, degree=60, homophily=1.0).simulate(0))
    assert check(sorted_people, "peer_means").status == "pass"


@given(n=st.integers(20, 80), seed=st.integers(0, 50), units=st.floats(1e-3, 1e3))
def test_independent_means_do_not_depend_on_the_units_of_a_covariate(n, seed, units):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    means = row_normalised(sparse_graph(n, 5, rng)) @ x
    scale = np.array([units, 1.0])
    found = independent_means(x, means, x)
    assert independent_means(x * scale, means * scale, x * scale) == pytest.approx(found, rel=1e-6)


def test_more_people_of_one_density_bring_no_more_information_and_more_people_of_one_degree_do():
    """What Hayes & Levin show, on means over peers alone."""

    def worth(n, degree):
        world = S6(n=n, degree=degree).simulate(0)
        x = world.units["x"].to_numpy()[:, None]
        return independent_means(x, row_normalised(world.adjacency) @ x, x)[0]

    assert worth(1600, 160) < 2 * worth(400, 40)
    assert worth(1600, 10) > 3 * worth(400, 10)


def test_weak_instruments_are_refused_where_own_and_contextual_effect_cancel():
    """ρβ + γ = 0: the reduced form has no W²x."""
    refused = [fitted(S6(n=400, gamma=-0.3).simulate(seed)) for seed in range(20)]
    assert sum(f.refused is not None and f.refused.startswith("weak instruments") for f in refused) == 20
    figures = check(refused[0], "first_stage").figures
    assert figures["effective_f"] < figures["critical"] == pytest.approx(23.1, abs=0.05)


def test_a_spatial_lag_model_uses_the_means_as_instruments_and_tests_them():
    world = S6(n=500, gamma=0.0, rho=0.5).simulate(2)
    fit = fitted(world, contextual=[])
    assert [e.estimand for e in fit.estimates if e.estimator == "linear_in_means"] == ["endogenous", "own:x", "total:x"]
    assert abs(of(fit)["endogenous"].estimate - 0.5) < 3.3 * of(fit)["endogenous"].se
    assert check(fit, "overidentification").status == "pass"
    wrong = fitted(S6(n=500, gamma=1.0, rho=0.5).simulate(2), contextual=[])
    assert check(wrong, "overidentification").status == "fail"
    assert check(fitted(world), "overidentification").status == "not_informative"


def test_an_estimate_beyond_equilibrium_fails_a_check_and_has_no_total():
    world = S6(n=500, gamma=1.0).simulate(0)
    W, x = row_normalised(world.adjacency).toarray(), world.units["x"].to_numpy()
    noise = 0.01 * np.random.default_rng(0).normal(size=500)
    y = np.linalg.solve(np.eye(500) - 1.2 * W, x + W @ x + noise)  # a solution, though no equilibrium leads to it
    fit = fitted(replace(world, units=world.units.to_pandas().assign(y=y)))
    assert of(fit)["endogenous"].estimate == pytest.approx(1.2, abs=0.05)
    assert check(fit, "equilibrium").status == "fail"
    assert "no equilibrium" in of(fit)["total:x"].refused


def test_where_no_interval_is_valid_instruments_are_not_judged():
    """One cluster: the first stage's moments sum to 0, and an F formed of what rounding leaves would be enormous."""
    fit = fitted(S6(n=400, degree=60, homophily=1.5).simulate(0), settings=EstimationSettings())
    assert check(fit, "peer_means").status == "pass"
    assert "no interval is valid" in fit.refused
    assert all(c.name != "first_stage" for c in fit.checks)
    assert of(fit)["own:x"].estimate is None
    assert of(fit, "ols")["own:x"].ci_low is None


def test_clusters_of_ones_own_give_cluster_standard_errors_and_too_few_are_refused():
    world = S6(n=400, gamma=1.0).simulate(4)
    frame = world.units.to_pandas()
    many = replace(world, units=frame.assign(where=np.arange(400) % 40))
    fit = fitted(many, cluster="where")
    found = of(fit)["own:x"]
    assert "different where count as independent" in check(fit, "dependence").detail
    assert found.detail["variance_method"] == "community_cluster"
    assert found.dof == pytest.approx(39, abs=0.2)
    few = fitted(replace(world, units=frame.assign(where=np.arange(400) % 4)), cluster="where")
    assert "worth only 4.0 equal ones" in few.refused
    assert check(few, "dependence").status == "refused"
    with pytest.raises(UsageError, match="no column nowhere"):
        fitted(world, cluster="nowhere")


def test_numbering_people_scaling_covariates_and_people_without_peers_change_nothing():
    world = S6(n=200, gamma=1.0).simulate(5)
    settings = EstimationSettings(bandwidth=1)
    here = of(fitted(world, settings=settings))
    order = np.random.default_rng(0).permutation(200)
    frame = world.units.to_pandas()
    turned = replace(world, units=frame.iloc[order], adjacency=csr_array(world.adjacency[order][:, order]))
    wider = csr_array(
        (world.adjacency.data, world.adjacency.indices, np.r_[world.adjacency.indptr, [world.adjacency.nnz] * 3]),
        shape=(203, 203),
    )
    alone = replace(world, units=pd.concat([frame, frame.head(3)]), adjacency=wider)
    scaled = replace(world, units=frame.assign(x=frame.x * 1000))
    for other, factor in ((turned, 1.0), (alone, 1.0), (scaled, 1000.0)):
        found = of(fitted(other, settings=settings))
        for estimand in ESTIMANDS:
            times = 1.0 if estimand == "endogenous" else factor
            assert found[estimand].estimate * times == pytest.approx(here[estimand].estimate, rel=1e-7)
            assert found[estimand].se * times == pytest.approx(here[estimand].se, rel=1e-7)


def test_communities_are_found_and_a_graph_too_dense_for_any_interval_is_said():
    world = S6(n=120, degree=3, gamma=1.0).simulate(0)
    fit = LinearInMeans(outcome="y", covariates=["x"]).fit(world.units, world.adjacency)
    assert check(fit, "dependence").figures["method"] == "network_hac"
    crowd = S6(n=80, degree=40).simulate(0)
    dense = fitted(crowd, settings=EstimationSettings())
    assert check(dense, "dependence").status == "refused"
    assert "no_interval" in of(dense, "ols")["own:x"].detail


def test_the_table_is_that_of_the_other_estimators():
    world = S6(n=300, gamma=1.0).simulate(0)
    fit = fitted(replace(world, units=world.units.to_pandas()))
    table = fit.tidy()
    assert list(table.estimator.unique()) == ["linear_in_means", "ols", "naive"]
    assert list(table.estimand[:4]) == ESTIMANDS
    assert fit.headline == LinearInMeans.name
    assert causal.LinearInMeans is LinearInMeans
    assert "linear_in_means endogenous " in fit.summary()
    assert "effective_f" in of(fit)["endogenous"].detail


def test_faults_are_told():
    world = S6(n=50).simulate(0)
    with pytest.raises(UsageError, match="each once"):
        LinearInMeans(outcome="y", covariates=["y"])
    with pytest.raises(UsageError, match="at least one"):
        LinearInMeans(outcome="y", covariates=[])
    with pytest.raises(UsageError, match="Contextual effects"):
        LinearInMeans(outcome="y", covariates=["x"], contextual=["z"])
    with pytest.raises(UsageError, match="no column z"):
        fitted(world, covariates=["z"])
    with pytest.raises(UsageError, match="50 units need 50 communities"):
        LinearInMeans(outcome="y", covariates=["x"]).fit(world.units, world.adjacency, communities=np.zeros(3))
    with pytest.raises(InputError, match="No unit has a peer"):
        fitted(replace(world, adjacency=csr_array((50, 50))))
    flat = replace(world, units=pd.DataFrame({"y": np.ones(50), "x": np.arange(50.0)}))
    assert fitted(flat).refused == "the outcome never varies"
    same = replace(world, units=pd.DataFrame({"y": np.arange(50.0), "x": np.ones(50)}))
    assert "collinear" in fitted(same).refused


def test_everybody_in_a_line_is_enough_for_identification_and_a_ring_of_three_is_not():
    assert independence(row_normalised(ring(30)), np.arange(30)) > 0.1
    assert independence(row_normalised(ring(3)), np.arange(3)) < 1e-9
