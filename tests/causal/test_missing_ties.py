"""Ties missing at random: unbiased moments, a known truth, what stays as it is, and what is refused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array

from causal import AIPW, OLS, Count, MissingTies, Proportion, Threshold, observed
from causal.designs import S2, S3, s2, s3
from causal.designs.simulated import geometric_graph
from causal.events import TieEvents
from causal.missing_ties import EXACT, unthinned, weights
from causal.thinning import observed_events, share_kept
from copenet.foundation.errors import UsageError
from tests.causal.graphs import ring

WORLDS, MISSING = 40, 0.2


def ask(kind, made, **more):
    return kind(outcome="y", treatment="d", exposure=made.exposure, covariates=made.covariates, **more)


def record(fit, estimator, estimand="peer"):
    return next(e for e in fit.estimates if (e.estimator, e.estimand) == (estimator, estimand))


def drawn(exposure, seed):
    return s3.simulate(S3(n=1000), seed) if exposure == "proportion" else s2.simulate(S2(n=1000, h="count"), seed)


@cache
def estimates(exposure):
    """Of each world: corrected - truth, its standard error, covered; uncorrected - truth; with all ties - truth."""
    found = []
    for seed in range(WORLDS):
        made = drawn(exposure, seed)
        fit = ask(MissingTies, made, missing=MISSING).fit(made.units, observed(made.adjacency, 1 - MISSING, seed))
        whole = record(ask(OLS, made).fit(made.units, made.adjacency), "ols")
        ours, ols, truth = record(fit, "corrected"), record(fit, "ols"), made.truth["peer"]
        covered = ours.ci_low <= truth <= ours.ci_high
        found.append((ours.estimate - truth, ours.se, covered, ols.estimate - truth, whole.estimate - truth))
    return np.array(found, dtype=float)


@pytest.mark.slow
@pytest.mark.parametrize("exposure", ["proportion", "count"])
def test_with_a_fifth_of_the_ties_missing_the_truth_is_found_and_covered(exposure):
    found = estimates(exposure)
    spread = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean()) < (0.25 + 2.576 / np.sqrt(WORLDS)) * spread
    assert found[:, 2].sum() >= stats.binom.ppf(0.005, WORLDS, 0.90)
    assert 0.7 < found[:, 1].mean() / spread < 1.5  # chi of 39 degrees of freedom, 99%, and an error of a tenth


@pytest.mark.slow
def test_without_the_correction_a_proportion_is_attenuated():
    """Beside the same worlds with all ties, so that what is left is the missing ties and not the draw."""
    gap = estimates("proportion")[:, 3] - estimates("proportion")[:, 4]
    below = 0.8 * (1 - 0.75)  # the slope times what missing ties take of the exposure's variance beyond the covariates
    assert gap.mean() == pytest.approx(-below, abs=2.576 * gap.std() / np.sqrt(WORLDS))
    assert gap.mean() < -2.576 * gap.std() / np.sqrt(WORLDS)


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.sampled_from([0.5, 0.65, 0.8, 0.95]),
    st.sampled_from([(-2, 0), (-1, 0), (0, 0), (0, 1), (1, 0), (-1, 1), (1, 1), (0, 2)]),
    st.integers(0, 2),
)
def test_a_weight_times_how_many_are_seen_is_unbiased_for_any_number_of_peers(k, kept, function, named):
    """E[C(M, s) q^-s T_s(M)] = C(k, s) φ(k), M ~ Binomial(k, q)."""
    power, logs = function
    m = np.arange(k + 1)
    ways = np.array([1.0, 1.0, 0.5])[named] * np.prod([m - i for i in range(named)], axis=0)
    whole = np.array([1.0, 1.0, 0.5])[named] * np.prod([k - i for i in range(named)])
    expected = np.sum(stats.binom.pmf(m, k, kept) * ways * weights(m, kept, power, logs, named))
    assert expected == pytest.approx(whole * k**power * np.log1p(k) ** logs, rel=1e-9, abs=1e-9)


def test_the_weights_of_many_peers_go_on_where_the_exact_ones_end():
    for power, logs, named in ((-1, 0, 1), (-2, 0, 2), (0, 2, 0), (1, 1, 0)):
        exact = unthinned(0.7, EXACT + 40, power, logs, named)[-40:] / 0.7**named
        approximate = weights(np.arange(EXACT + 1, EXACT + 41) + named, 0.7, power, logs, named)
        assert approximate == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("exposure", ["proportion", "count"])
def test_without_missing_ties_it_is_least_squares(exposure):
    made = drawn(exposure, 3)
    fit = ask(MissingTies, made, missing=0.0).fit(made.units, made.adjacency)
    for estimand in ("direct", "peer", "total"):
        ours, ols = record(fit, "corrected", estimand), record(fit, "ols", estimand)
        figures = [(e.estimate, e.se, e.ci_low, e.ci_high, e.p_value) for e in (ours, ols)]
        assert figures[0] == pytest.approx(figures[1], rel=1e-8, abs=1e-12)
    assert fit.checks[0].figures["reliability"] == pytest.approx(1)


def test_the_moments_do_not_hang_on_units_names_or_order():
    made = s3.simulate(S3(n=500), 4)
    links = observed(made.adjacency, 0.8, 1)
    frame = made.units.to_pandas()
    base = record(ask(MissingTies, made, missing=0.2).fit(frame, links), "corrected")
    moved = frame.assign(x=3 - 7 * frame.x, y=2 * frame.y - 50)
    moved = record(ask(MissingTies, made, missing=0.2).fit(moved, links), "corrected")
    assert (moved.estimate, moved.se) == pytest.approx((2 * base.estimate, 2 * base.se), rel=1e-7)
    order = np.random.default_rng(0).permutation(500)
    turned = ask(MissingTies, made, missing=0.2).fit(frame.iloc[order], csr_array(links[order][:, order]))
    assert record(turned, "corrected").estimate == pytest.approx(base.estimate, rel=1e-9)


def test_a_count_is_per_peer_seen_or_not():
    """Y = C, the number of all peers who used it: the corrected slope is 1, whatever share of them is seen."""
    rng = np.random.default_rng(5)
    graph = geometric_graph(3000, 10.0, rng)
    d = (rng.random(3000) < 0.4).astype(float)
    units = pd.DataFrame({"y": graph @ d + rng.normal(size=3000), "d": d})
    fit = MissingTies(outcome="y", treatment="d", exposure=Count(), missing=0.3).fit(units, observed(graph, 0.7, 0))
    ours = record(fit, "corrected")
    assert ours.ci_low < 1 < ours.ci_high
    assert ours.se < 0.06


def test_each_tie_is_kept_with_the_chance_asked_for_and_a_pair_as_one():
    graph = geometric_graph(4000, 10.0, np.random.default_rng(0))
    thinner = observed(graph, 0.8, 1)
    assert abs(thinner - thinner.T).nnz == 0
    ties = graph.nnz // 2
    assert abs(thinner.nnz / 2 - 0.8 * ties) < 2.576 * np.sqrt(0.16 * ties)
    assert (thinner != observed(graph, 0.8, 1)).nnz == 0
    assert (thinner != observed(graph, 0.8, 2)).nnz > 0
    one_way = csr_array(np.triu(graph.toarray()[:200, :200], 1) * 2.5)
    kept = observed(one_way, 0.5, 0)
    assert 0 < kept.nnz < one_way.nnz
    assert set(np.unique(kept.data)) == {2.5}


def test_events_of_a_pair_are_lost_together():
    rng = np.random.default_rng(2)
    ego, peer = rng.integers(0, 30, size=(2, 2000))
    ties = TieEvents(ego, peer, np.arange(2000))
    fewer = observed_events(ties, 30, 0.6, 0)
    pairs = [{(min(p), max(p)) for p in zip(t.ego.tolist(), t.peer.tolist(), strict=True)} for t in (ties, fewer)]
    lost = [i for i in range(2000) if i not in set(fewer.time.tolist())]
    assert not {(min(p), max(p)) for p in zip(ego[lost].tolist(), peer[lost].tolist(), strict=True)} & pairs[1]
    assert len(pairs[1]) < len(pairs[0])
    assert np.all(np.diff(fewer.time) > 0)


@pytest.mark.parametrize("missing", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_is_a_share(missing):
    with pytest.raises(UsageError, match="share of missing ties"):
        MissingTies(outcome="y", treatment="d", exposure=Proportion(), missing=missing)
    with pytest.raises(UsageError, match="share of missing ties"):
        share_kept(missing)


@pytest.mark.parametrize("kept", [0.0, -1.0, 1.2])
def test_no_network_keeps_such_a_share(kept):
    with pytest.raises(UsageError, match="is kept"):
        observed(ring(5), kept, 0)


def test_an_exposure_without_a_correction_is_pointed_to_the_bias_curve():
    with pytest.raises(UsageError, match="threshold") as refused:
        MissingTies(outcome="y", treatment="d", exposure=Threshold(0.5), missing=0.2)
    assert "bias_curve" in refused.value.remedy


def test_too_many_missing_ties_are_refused_with_a_reason_and_ols_stays():
    made = s3.simulate(S3(n=400), 0)
    fit = ask(MissingTies, made, missing=0.6).fit(made.units, observed(made.adjacency, 0.4, 0))
    assert fit.refused.startswith("60% of the ties are missing")
    assert fit.checks[0].status == "refused"
    assert record(fit, "corrected").estimate is None
    assert record(fit, "ols").estimate is not None


def test_an_exposure_that_is_nothing_but_sampling_is_refused():
    """Every peer group has the same share of users, so what varies is only which ties are seen."""
    half = ring(600) + csr_array(np.roll(np.eye(600), 2, axis=1) + np.roll(np.eye(600), -2, axis=1))
    rng = np.random.default_rng(0)
    d = (np.arange(600) % 2).astype(float)
    units = pd.DataFrame({"y": rng.normal(size=600), "d": d, "x": rng.normal(size=600)})
    fit = MissingTies(outcome="y", treatment="d", exposure=Proportion(), covariates=["x"], missing=0.3).fit(
        units, observed(csr_array(half), 0.7, 0)
    )
    assert "too little of the exposure is left to correct" in fit.refused
    assert {record(fit, "corrected", name).refused for name in ("direct", "peer", "total")} == {fit.refused}


def test_a_degree_that_all_share_is_left_out_and_said():
    """On a ring of 8 peers each the observed degree varies by sampling alone: there is nothing to adjust for."""
    shifts = [s for s in range(-4, 5) if s]
    graph = csr_array(sum(np.roll(np.eye(800), s, axis=1) for s in shifts))
    rng = np.random.default_rng(1)
    d = (rng.random(800) < 0.5).astype(float)
    units = pd.DataFrame({"y": graph @ d / 8 + rng.normal(size=800), "d": d})
    fit = MissingTies(outcome="y", treatment="d", exposure=Proportion(), missing=0.2).fit(
        units, observed(graph, 0.8, 3)
    )
    assert set(fit.checks[0].figures["left_out"]) == {"n_peers", "log_n_peers"}
    assert "n_peers" in fit.checks[0].detail
    assert fit.checks[0].status == "warn"


def test_outcomes_that_never_vary_are_refused():
    made = s3.simulate(S3(n=300), 0)
    flat = made.units.to_pandas().assign(y=1.0)
    assert "never varies" in ask(MissingTies, made, missing=0.2).fit(flat, made.adjacency).refused


def test_two_fits_are_one_and_the_check_says_what_it_assumes():
    made = s3.simulate(S3(n=500), 8)
    links = observed(made.adjacency, 0.8, 0)
    one, two = (ask(MissingTies, made, missing=0.2, seed=3).fit(made.units, links) for _ in range(2))
    assert one.estimates == two.estimates
    assert "same chance" in one.checks[0].detail
    assert "straight lines" in one.checks[0].detail
    assert 0.5 < one.checks[0].figures["reliability"] < 0.95
    assert ask(AIPW, made).headline == "plm"
