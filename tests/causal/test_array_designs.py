"""Designs S1 to S5: their equations, their truth, and what estimators make of them in a few small seeded studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import beta

from causal.arrays import AIPW, OLS, Naive
from causal.designs import S1, S2, S3, S4, S5, s1, s2, s3, s4, s5
from causal.designs.simulated import block_graph, contrasts, geometric_graph
from causal.estimators import EstimationSettings
from causal.exposure import Proportion, Threshold, row_normalised
from causal.outcome_regression import OutcomeRegression, ends
from copenet.foundation.errors import UsageError
from tests.causal.graphs import sparse_graph

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)


def column(made, name):
    return made.units[name].to_numpy(zero_copy_only=False)


def ask(kind, made, seed=0, settings=LINEAR):
    given = {"outcome": "y", "treatment": "d", "exposure": made.exposure, "covariates": made.covariates}
    return kind(**given, seed=seed, settings=settings).fit(made.units, made.adjacency)


def record(fit, estimator, estimand="peer"):
    return next(e for e in fit.estimates if (e.estimator, e.estimand) == (estimator, estimand))


def upper(hits, of):
    """The upper end of the 99% Clopper-Pearson interval of a rate."""
    return 1.0 if hits == of else beta.ppf(0.995, hits + 1, of - hits)


def lower(hits, of):
    return 0.0 if hits == 0 else beta.ppf(0.005, hits, of - hits + 1)


def ring_of(n):
    return csr_array(np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1))


def topics(n, seed=0):
    """Topic shares that neighbours on a ring have in common."""
    raw = np.random.default_rng(seed).gamma(0.3, size=(n, 5))
    return raw / raw.sum(axis=1, keepdims=True)


def every_design(seed):
    graph = sparse_graph(120, 4.0, np.random.default_rng(0))
    return {
        "s1": s1.simulate(S1(), seed, graph, topics(120)),
        **{f"s2 {h}": s2.simulate(S2(n=120, h=h), seed) for h in ("count", "threshold", "similarity", "motif")},
        "s3": s3.simulate(S3(n=120), seed),
        "s4": s4.simulate(S4(n=120, blocks=4, b=0.3), seed),
        "s5": s5.simulate(S5(), seed, graph, np.arange(120) // 12),
    }


def test_the_truth_is_what_the_equations_say():
    expected = {"s1": (1, 1), "s3": (1, 0.8), "s4": (0.4, 0.3), "s5": (0, 0)}
    for name, made in every_design(3).items():
        rows = np.diff(made.adjacency.indptr) > 0
        direct, peer = expected.get(name, (1 + 0.5 * column(made, "x1")[rows].mean() if name[:2] == "s2" else 0, 0.8))
        found = [made.truth[estimand] for estimand in ("direct", "peer", "total")]
        assert found == pytest.approx([direct, peer, direct + peer], abs=1e-12), name


def test_the_exposure_in_the_table_is_the_mapping_of_the_treatments():
    for made in every_design(4).values():
        e, n_peers = made.exposure.apply(made.adjacency, column(made, "d"))
        kept = n_peers > 0
        assert column(made, "e")[kept] == pytest.approx(e[kept])
        assert np.isnan(column(made, "e")[~kept]).all()
        assert set(made.covariates) <= set(made.units.column_names)


def test_the_same_seed_gives_the_same_study_and_another_seed_another():
    first, again, other = every_design(5), every_design(5), every_design(6)
    for name, made in first.items():
        assert made.units.equals(again[name].units)
        assert (made.adjacency != again[name].adjacency).nnz == 0
        assert not made.units["y"].equals(other[name].units["y"])


def test_contrasts_overwrite_treatment_and_exposure_on_the_rows_asked_for_alone():
    d, e, rows = np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0]), np.array([True, True, False])
    x = np.array([1.0, 3.0, 100.0])
    found = contrasts(lambda d, e: x * d + d * e + e**2, d, e, rows, binary=True)
    assert found == {"direct": 2.5, "peer": 1.5, "total": 4.0}
    assert contrasts(lambda d, e: e**2, d, e, rows, binary=False)["peer"] == 2.0
    assert contrasts(lambda d, e: 3 * d, d + 0.5, e, rows, binary=False)["direct"] == 3.0


def test_errors_of_s3_spread_three_steps():
    made = s3.simulate(S3(n=80, degree=4.0), seed=1)
    W = row_normalised(made.adjacency).toarray()
    u = np.random.default_rng(2).normal(size=80)
    expected = sum(0.7**k * np.linalg.matrix_power(W, k) @ u for k in range(4))
    assert s3.spread(u, csr_array(W), 0.7) == pytest.approx(expected, abs=1e-12)
    assert W.sum(axis=1) == pytest.approx((np.diff(made.adjacency.indptr) > 0).astype(float))


def test_peer_parts_of_s2_equal_their_definition():
    rng = np.random.default_rng(7)
    graph = sparse_graph(40, 6.0, rng)
    graph.setdiag(0)
    graph.eliminate_zeros()
    A, d, x = graph.toarray() > 0, rng.integers(0, 2, 40).astype(float), rng.normal(size=(40, 2))
    similar, closed = (
        s2.mapping_of(h).apply(ties, d)[0] for h, ties in (("similarity", s2.resembling(graph, x)), ("motif", graph))
    )
    for i in range(40):
        peers = np.flatnonzero(A[i])
        if not len(peers):
            assert np.isnan([similar[i], closed[i]]).all()
            continue
        s = np.exp(-((x[i] - x[peers]) ** 2).sum(axis=1) / 2)
        pairs = [d[j] * d[k] for j in peers for k in peers if j < k and A[j, k]]
        assert similar[i] == pytest.approx(s @ d[peers] / s.sum())
        assert closed[i] == pytest.approx(np.mean(pairs) if pairs else 0.0)


def test_graphs_have_the_density_asked_for():
    rng = np.random.default_rng(8)
    mean, spread = 3000 * 8.0, np.sqrt(2 * 3000 * 8.0)
    near = geometric_graph(3000, 8.0, rng)
    assert abs(near.nnz - mean) < 5 * spread
    assert near.nnz == (near + near.T).nnz
    assert near.diagonal().sum() == 0
    block = np.arange(500) % 5
    tied = block_graph(block, 0.08, 0.01, rng)
    inside = block[:, None] == block[None, :]
    for where, chance in ((inside, 0.08), (~inside, 0.01)):
        pairs = (where.sum() - 500 * (chance == 0.08)) / 2
        assert abs(tied.toarray()[where].sum() / 2 - chance * pairs) < 5 * np.sqrt(pairs * chance)


def test_intervals_cover_where_errors_are_correlated_and_iid_intervals_do_not():
    network, independent = 0, 0
    for seed in range(24):
        made = s3.simulate(S3(n=300, degree=12.0, rho=1.0), seed)
        found = record(ask(OLS, made, settings=replace(LINEAR, bandwidth=2)), "ols")
        gap = abs(found.estimate - made.truth["peer"])
        network += gap <= 1.96 * found.se
        independent += gap <= 1.96 * found.detail["se_iid"]
    assert upper(network, 24) >= 0.93
    assert upper(independent, 24) < 0.93


def test_confounding_of_s2_fools_naive_and_not_the_others():
    z = []
    for seed in range(5):
        made = s2.simulate(S2(n=500), seed)
        fit = ask(AIPW, made, seed)
        found = [record(fit, name) for name in ("aipw", "ols", "naive")]
        z.append([(e.estimate - made.truth["peer"]) / e.se for e in found])
    aipw, ols, naive = np.abs(np.mean(z, axis=0)) * np.sqrt(5)
    assert max(aipw, ols) < 3.5
    assert naive > 5


def test_pure_homophily_looks_like_influence_unless_the_blocks_are_known():
    naive, known = 0, 0
    for seed in range(20):
        fit = ask(OLS, s4.simulate(S4(n=400), seed))
        naive += record(fit, "naive").p_value < 0.05
        known += record(fit, "ols").p_value < 0.05
    assert naive >= 18
    assert lower(known, 20) <= 0.07


def test_s4_keeps_an_effect_apart_from_homophily():
    with_effect, without = (s4.simulate(S4(n=300, b=b), seed=2) for b in (0.3, 0.0))
    gain = column(with_effect, "y") - column(without, "y")
    assert gain == pytest.approx(0.3 * np.nan_to_num(column(without, "e")))


def test_s5_confounds_by_community():
    graph, community = block_and_labels()
    naive = 0
    for seed in range(8):
        made = s5.simulate(S5(confounding=2.0, exposure=Proportion()), seed, graph, community)
        naive += record(ask(Naive, made), "naive").p_value < 0.05
        assert len(np.unique(column(made, "u"))) == 12
    assert naive == 8


def block_and_labels():
    community = np.arange(480) % 12
    return block_graph(community, 0.2, 0.005, np.random.default_rng(1)), community


def test_units_without_a_community_are_each_their_own():
    made = s5.simulate(S5(), 1, ring_of(60), np.where(np.arange(60) < 30, -1, 5))
    assert len(np.unique(column(made, "u"))) == 31
    with pytest.raises(UsageError, match="60 units need 60 communities"):
        s5.simulate(S5(), 1, ring_of(60), np.zeros(59, dtype=int))


def test_a_snowball_is_connected_and_as_large_as_asked():
    graph = geometric_graph(1500, 8.0, np.random.default_rng(3))
    near = s5.snowball(graph, 200, seed=4)
    assert near.shape == (200, 200)
    assert connected_components(near)[0] == 1
    assert (near != near.T).nnz == 0
    with pytest.raises(UsageError, match="Only 60 units") as caught:
        s5.snowball(ring_of(60), 61, seed=1)
    assert caught.value.remedy


def test_where_treatment_is_a_rule_weighting_refuses_and_regression_is_labelled_extrapolation():
    graph = sparse_graph(1500, 12.0, np.random.default_rng(5))
    made = s1.simulate(S1(), 2, graph, topics(1500), exposure=Threshold(0.5))
    fit = ask(AIPW, made)
    for estimand in ("direct", "total"):
        assert "No overlap" in record(fit, "aipw", estimand).refused
    shares = s1.simulate(S1(), 2, graph, topics(1500))
    regression = ask(OutcomeRegression, shares)
    for estimand in ("direct", "peer", "total"):
        ours, ols = (record(regression, name, estimand) for name in ("regression", "ols"))
        assert ours.estimate == pytest.approx(ols.estimate, abs=0.5 * ols.se)
        assert (ours.se, ours.p_value) == (None, None)
        assert "extrapolation" in ours.detail["no_interval"]
        assert f"regression{estimand}" in regression.summary().replace(" ", "")
    assert next(c for c in regression.checks if c.name == "extrapolation").status == "warn"


def test_the_treatment_of_s1_is_a_rule_of_own_and_peers_topics():
    graph = sparse_graph(200, 6.0, np.random.default_rng(6))
    quiet, loud = (s1.simulate(S1(noise=noise), 3, graph, topics(200)) for noise in (0.0, 5.0))
    assert quiet.units["d"].equals(loud.units["d"])
    assert 0.2 < column(quiet, "d").mean() < 0.8
    with pytest.raises(UsageError, match="200 units need 200 rows of topics, not 199"):
        s1.simulate(S1(), 3, graph, topics(199))


def test_outcome_regression_finds_effects_without_an_interval_and_refuses_what_never_varies():
    made = s2.simulate(S2(n=1500), seed=9)
    fit = ask(OutcomeRegression, made)
    for estimand, truth in made.truth.items():
        found = record(fit, "regression", estimand)
        assert abs(found.estimate - truth) < 3.5 * record(fit, "ols", estimand).se
    treated = replace(made, units=made.units.set_column(1, "d", [np.ones(1500)]))
    refused = ask(OutcomeRegression, treated)
    assert all("hardly varies" in record(refused, "regression", name).refused for name in made.truth)
    assert refused.refused
    assert ends(np.array([0.0, 0.0, 1.0])) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: s2.simulate(S2(h="magic"), 1), "no peer part called magic"),
        (lambda: s3.simulate(S3(n=1), 1), "two units"),
        (lambda: s3.simulate(S3(n=10, degree=20), 1), "mean degree"),
        (lambda: S4(n=5, blocks=6), "two blocks"),
        (lambda: S4(blocks=1), "two blocks"),
    ],
)
def test_settings_that_make_no_study_are_told(make, said):
    with pytest.raises(UsageError, match=said) as caught:
        make()
    assert caught.value.remedy


def test_every_kind_of_measure_may_be_the_treatment_of_a_slope_but_not_of_a_threshold():
    made = s4.simulate(S4(n=300), seed=1)
    assert isinstance(made.units, pa.Table)
    assert record(ask(OLS, made), "ols").se > 0
    with pytest.raises(UsageError, match="must be 0 or 1"):
        ask(OLS, replace(made, exposure=Threshold(0.5)))
