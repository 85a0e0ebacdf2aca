"""Peer effects on a researcher's own arrays: known truths, kinds of data frames, and faults that are told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, csr_matrix

import causal
from causal.arrays import AIPW, OLS, PLM, Naive
from causal.estimators import EstimationSettings
from causal.exposure import AnyPeer, Count, Proportion, Threshold
from copenet.foundation.errors import InputError, UsageError
from tests.causal.graphs import sparse_graph

COLUMNS = ["estimator", "estimand", "estimate", "se", "ci_low", "ci_high", "p_value", "n", "n_peers"]
LINEAR = EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1)
DIRECT, PEER = 1.0, 0.5


def study(seed, n=500, degree=3.0, exposure=None, confounding=1.0):
    """Units whose outcome is DIRECT d + PEER e + own and peers' covariate + noise, and whom each is exposed to."""
    rng = np.random.default_rng(seed)
    links = sparse_graph(n, degree, rng)
    links.setdiag(0)
    links.eliminate_zeros()
    size = np.maximum(np.diff(links.indptr), 1)
    x = rng.normal(size=n)
    d = (rng.random(n) < 1 / (1 + np.exp(-confounding * x))).astype(int)
    e = (exposure or Threshold(0.5)).apply(links, d)[0]
    y = DIRECT * d + PEER * np.nan_to_num(e) + confounding * (x + (links @ x) / size) + rng.normal(size=n)
    return pd.DataFrame({"y": y, "d": d, "x": x}), links


def ask(kind=AIPW, exposure=None, covariates=("x",), **more):
    more = {"settings": LINEAR} | more
    return kind(outcome="y", treatment="d", exposure=exposure or Threshold(0.5), covariates=covariates, **more)


def table_of(fit):
    return {(r.estimator, r.estimand): r for r in fit.tidy().itertuples()}


def test_direct_peer_and_total_effects_are_found_without_bias_and_naive_is_fooled():
    found = [table_of(ask(seed=w).fit(*study(w, n=900))) for w in range(25)]
    for estimand, truth in (("direct", DIRECT), ("peer", PEER), ("total", DIRECT + PEER)):
        for estimator in ("aipw", "ols"):
            points = np.array([f[estimator, estimand].estimate for f in found])
            spread = points.std(ddof=1)
            assert abs(points.mean() - truth) < (0.25 + 3.3 / 5) * spread
            covered = sum(f[estimator, estimand].ci_low <= truth <= f[estimator, estimand].ci_high for f in found)
            assert covered >= 19  # P(fewer | .95) < .001
        assert np.mean([f["naive", estimand].estimate for f in found]) > truth + 0.3


@pytest.mark.parametrize("kind", [Proportion, Count])
@pytest.mark.parametrize("estimator", [AIPW, PLM])
def test_slopes_are_per_unit_of_exposure_and_the_total_is_their_sum(kind, estimator):
    found = table_of(ask(estimator, exposure=kind()).fit(*study(1, n=1500, exposure=kind())))
    direct = "aipw" if estimator is AIPW else "plm"
    for names in ((direct, "plm", "plm"), ("ols",) * 3):
        rows = [found[pair] for pair in zip(names, ("direct", "peer", "total"), strict=True)]
        for row, truth in zip(rows, (DIRECT, PEER, DIRECT + PEER), strict=True):
            assert abs(row.estimate - truth) < 3.5 * row.se
        assert rows[0].estimate + rows[1].estimate == pytest.approx(rows[2].estimate)


def test_the_own_treatment_is_contrasted_where_its_effect_differs_between_people_and_the_exposure_has_a_slope():
    """Treatment is likelier, and its effect smaller, where x is small: the slope weighs people otherwise."""
    contrast, slope = [], []
    for world in range(12):
        rng = np.random.default_rng(world)
        links = csr_array(sparse_graph(1500, 3, rng))
        x = rng.integers(0, 2, 1500)
        d = (rng.random(1500) < np.where(x == 1, 0.5, 0.06)).astype(int)
        units = pd.DataFrame({"x": x, "d": d, "y": 2.0 * x * d + rng.normal(size=1500)})
        contrast.append(table_of(ask(AIPW, exposure=Proportion()).fit(units, links))["aipw", "direct"].estimate)
        slope.append(table_of(ask(PLM, exposure=Proportion()).fit(units, links))["plm", "direct"].estimate)
    assert abs(np.mean(contrast) - 1.0) < 3.3 * np.std(contrast, ddof=1) / 12**0.5 + 0.02
    assert np.mean(slope) > 1.4  # E[x Var(D|x) 2] / E[Var(D|x)] = 1.6


def test_ols_is_the_regression_on_treatment_exposure_own_and_peers_covariates_and_degree():
    import statsmodels.api as sm

    units, links = study(2)
    fit = ask(OLS, settings=replace(LINEAR, bandwidth=0)).fit(units, links)
    size = np.diff(links.indptr)
    rows = size > 0
    e = Threshold(0.5).apply(links, units.d.to_numpy())[0]
    theirs = (links @ units.x.to_numpy()) / np.maximum(size, 1)
    X = np.column_stack([units.d, e, units.x, theirs, size, np.log1p(size)])[rows]
    expected = sm.OLS(units.y.to_numpy()[rows], sm.add_constant(X)).fit(cov_type="HC0")
    found = {(e.estimator, e.estimand): e for e in fit.estimates}
    assert fit.headline == "ols"
    for place, estimand in ((1, "direct"), (2, "peer")):
        assert found["ols", estimand].estimate == pytest.approx(expected.params[place], rel=1e-8)
        assert found["ols", estimand].detail["se_person"] == pytest.approx(expected.bse[place], rel=1e-6)
    total = expected.t_test(np.eye(7)[1] + np.eye(7)[2])
    assert found["ols", "total"].estimate == pytest.approx(total.effect[0], rel=1e-8)
    assert found["ols", "total"].detail["se_person"] == pytest.approx(total.sd[0, 0], rel=1e-6)


def test_naive_compares_means():
    units, links = study(3)
    found = table_of(ask(Naive).fit(units, links))
    rows = np.diff(links.indptr) > 0
    y, d, e = (
        units.y[rows].to_numpy(),
        units.d[rows].to_numpy(),
        Threshold(0.5).apply(links, units.d.to_numpy())[0][rows],
    )
    assert found["naive", "direct"].estimate == pytest.approx(y[d == 1].mean() - y[d == 0].mean())
    assert found["naive", "peer"].estimate == pytest.approx(y[e == 1].mean() - y[e == 0].mean())
    both, neither = (d == 1) & (e == 1), (d == 0) & (e == 0)
    assert found["naive", "total"].estimate == pytest.approx(y[both].mean() - y[neither].mean())


def test_the_table_has_the_promised_columns_and_one_row_per_estimator_and_estimand():
    fit = ask().fit(*study(4))
    table = fit.tidy()
    assert list(table.columns) == COLUMNS
    pairs = [(a, b) for a in ("aipw", "ols", "naive") for b in ("direct", "peer", "total")]
    assert list(zip(table.estimator, table.estimand, strict=True)) == pairs
    assert set(table.n) == {500 - fit.without_peers}
    assert (table.ci_low < table.estimate).all()
    assert (table.estimate < table.ci_high).all()
    assert {c.name for c in fit.checks} >= {"overlap", "balance", "dependence", "overlap_direct", "overlap_total_both"}


def frames():
    kinds = {"pandas": lambda units: units, "arrow": pa.Table.from_pandas}
    try:
        import polars
    except ImportError:
        return kinds
    return kinds | {"polars": polars.from_pandas}


@pytest.mark.parametrize("kind", sorted(frames()))
def test_every_kind_of_data_frame_gives_the_same_numbers_in_its_own_kind(kind):
    units, links = study(5, n=300)
    given_ = frames()[kind](units)
    table = ask(seed=1).fit(given_, links).tidy()
    assert type(table) is type(given_)
    plain = ask(seed=1).fit(units, links).tidy()
    columns = {name: list(np.asarray(table[name])) for name in COLUMNS[2:]}
    assert pd.DataFrame(columns).equals(plain[COLUMNS[2:]])


@pytest.mark.parametrize("kind", [csr_array, csr_matrix, coo_array, lambda links: links.toarray()])
def test_kind_weights_loops_and_stored_zeros_of_the_adjacency_do_not_matter(kind):
    units, links = study(6, n=300)
    weighted = links.copy().astype(float)
    weighted.data *= 3.5
    weighted.setdiag(2.0)
    here, there = (ask().fit(units, g).tidy() for g in (links, kind(weighted)))
    assert there.equals(here)
    rows, columns = weighted.nonzero()
    zeros = coo_array(
        (
            np.append(np.ones(len(rows)), np.zeros(300)),
            (np.append(rows, np.arange(300)), np.append(columns, np.roll(np.arange(300), 7))),
        ),
        shape=(300, 300),
    )
    assert ask().fit(units, zeros).tidy().equals(here)


def test_units_without_peers_are_left_out_and_counted():
    units, links = study(7, n=300, degree=1.0)
    lonely = int((np.diff(links.indptr) == 0).sum())
    fit = ask().fit(units, links)
    assert fit.without_peers == lonely > 50
    assert set(fit.tidy().n) == {300 - lonely}
    assert set(fit.tidy().n_peers) == {links.nnz}
    assert f"{lonely} units without peers were left out" in fit.summary()
    changed = units.assign(y=units.y.where(np.diff(links.indptr) > 0, 1e6))
    assert ask().fit(changed, links).tidy().equals(fit.tidy())


def test_rows_say_whom_a_unit_is_exposed_to():
    units, _ = study(8, n=400)
    one_way = csr_array((np.ones(200), (np.arange(200), np.arange(200, 400))), shape=(400, 400))
    fit = ask(OLS, covariates=(), settings=replace(LINEAR, bandwidth=0)).fit(units, one_way)
    assert fit.without_peers == 200
    y, d, e = units.y[:200].to_numpy(), units.d[:200].to_numpy(), units.d[200:].to_numpy()
    beta = np.linalg.lstsq(np.column_stack([np.ones(200), d, e]), y, rcond=None)[0]
    assert table_of(fit)["ols", "peer"].estimate == pytest.approx(beta[2])


@pytest.mark.parametrize(
    ("change", "question", "kind", "said"),
    [
        ({}, {"covariates": ("age",)}, UsageError, "no column age"),
        ({}, {"covariates": ("x", "y")}, UsageError, "each once"),
        ({}, {"covariates": ("x", "x")}, UsageError, "each once"),
        ({"d": 0.5}, {}, UsageError, "must be 0 or 1"),
        ({"d": 2}, {}, UsageError, "must be 0 or 1"),
        ({"x": "old"}, {}, UsageError, "not numeric"),
        ({"x": math.nan}, {}, InputError, "lacks a finite value in 300 rows"),
        ({"y": math.inf}, {}, InputError, "lacks a finite value in 300 rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(change, question, kind, said):
    units, links = study(9, n=300)
    with pytest.raises(kind, match=said) as caught:
        ask(**question).fit(units.assign(**change), links)
    assert caught.value.remedy


def test_a_missing_value_of_a_nullable_column_is_missing():
    units, links = study(9, n=300)
    d = units.d.astype("Int64")
    d[5] = pd.NA
    with pytest.raises(InputError, match="in 1 rows"):
        ask().fit(units.assign(d=d), links)


@pytest.mark.parametrize("shape", [(299, 299), (300, 299), (301, 301)])
def test_an_adjacency_of_another_size_is_told(shape):
    with pytest.raises(UsageError, match="300 units need an adjacency of 300 x 300"):
        ask().fit(study(9, n=300)[0], csr_array(shape))


def test_communities_of_another_length_are_told():
    units, links = study(9, n=300)
    with pytest.raises(UsageError, match="300 units need 300 communities"):
        ask().fit(units, links, communities=np.zeros(299, dtype=int))


def test_a_network_in_which_nobody_has_a_peer_is_told():
    with pytest.raises(InputError, match="No unit has a peer"):
        ask().fit(study(9, n=300)[0], csr_array((300, 300)))


def test_each_refused_estimand_says_why_and_the_others_are_given():
    """Nearly everybody is treated: few are untreated, and hardly anybody is neither treated nor exposed."""
    units, links = study(10, n=400)
    most = (np.arange(400) >= 60).astype(int)
    fit = ask(exposure=Threshold(0.95)).fit(units.assign(d=most), links)
    records = {(e.estimator, e.estimand): e for e in fit.estimates}
    refused = {name for (estimator, name), e in records.items() if estimator == "aipw" and e.refused}
    assert "total" in refused
    for (estimator, estimand), e in records.items():
        if estimator == "aipw" and estimand in refused:
            assert (e.estimate, e.se, e.ci_low, e.p_value) == (None,) * 4
            assert "no overlap" in e.refused.lower()
            assert f"aipw  {estimand:<7}refused: {e.refused}" in fit.summary()
            assert math.isnan(table_of(fit)[estimator, estimand].estimate)
        if estimator != "aipw":
            assert e.refused is None
            assert np.isfinite([e.estimate, e.se, e.ci_low]).all()
    assert fit.refused == records["aipw", "peer"].refused


@pytest.mark.parametrize("exposure", [AnyPeer(), Proportion()])
def test_when_everybody_is_treated_there_is_nothing_to_compare_and_no_fault(exposure):
    units, links = study(11, n=300)
    fit = ask(exposure=exposure).fit(units.assign(d=1), links)
    assert "never varies" in fit.refused
    assert all(e.estimate is None and "never varies" in e.refused for e in fit.estimates)


def test_an_outcome_nobody_shows_is_refused_and_compared():
    units, links = study(12, n=300)
    fit = ask().fit(units.assign(y=0), links)
    assert "shows the outcome" in fit.refused
    assert all(e.estimate == pytest.approx(0, abs=1e-12) for e in fit.estimates if e.estimator != "aipw")
    assert all(e.refused for e in fit.estimates if e.estimator == "aipw")


def test_a_network_without_valid_intervals_keeps_the_points_of_ols_and_naive():
    units, _ = study(13, n=200)
    everybody = csr_array(1.0 - np.eye(200))
    settings_ = replace(LINEAR, bandwidth=None)
    fit = ask(exposure=Count(), settings=settings_).fit(units, everybody, communities=np.zeros(200, dtype=int))
    assert "no interval is valid" in fit.refused or "no overlap" in fit.refused
    beside = [e for e in fit.estimates if e.estimator == "naive"]
    assert all(np.isfinite(e.estimate) and e.se is None for e in beside)
    assert "no interval:" in fit.summary()


@settings(max_examples=6)
@given(st.integers(0, 100))
def test_renaming_units_changes_least_squares_by_nothing(seed):
    units, links = study(seed, n=80)
    order = np.random.default_rng(seed).permutation(80)
    here = ask(OLS).fit(units, links).tidy()
    there = ask(OLS).fit(units.iloc[order], csr_array(links[order][:, order])).tidy()
    assert there[COLUMNS[2:]].to_numpy(float) == pytest.approx(here[COLUMNS[2:]].to_numpy(float), rel=1e-7, abs=1e-9)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_other_folds():
    units, links = study(14, n=300)
    first, again, other = (ask(seed=s).fit(units, links).tidy() for s in (1, 1, 2))
    assert first.equals(again)
    assert first.estimate[1] != other.estimate[1]
    assert first.estimate[3:].equals(other.estimate[3:])


def test_the_default_learners_and_sensitivity_work_on_arrays():
    fit = AIPW(outcome="y", treatment="d", exposure=AnyPeer(), covariates=["x"], seed=3).fit(
        *study(15, n=600, degree=1.5, exposure=AnyPeer())
    )
    row = table_of(fit)["aipw", "peer"]
    assert abs(row.estimate - PEER) < 4 * row.se
    check = next(c for c in fit.checks if c.name == "hidden_confounder")
    assert {mark["group"] for mark in check.figures["benchmarks"]} == {"own", "own_treatment", "peers", "position"}
    assert PLM(outcome="y", treatment="d", exposure=AnyPeer()).headline == "plm"


def test_public_names_load_when_they_are_asked_for():
    assert causal.AIPW is AIPW
    assert set(dir(causal)) == set(causal.__all__)
    assert all(getattr(causal, name).__name__ == name for name in causal.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Magic'"):
        _ = causal.Magic
