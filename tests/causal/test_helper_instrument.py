"""The helper instrument: who was around, counted by loops; 2SLS against an oracle; strength, balance and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from causal.covariates import PRIOR
from causal.estimators import Sample
from causal.helper_instrument import (
    LEAST_F,
    Availability,
    FirstStage,
    anderson_rubin,
    availability,
    balance_check,
    estimate_iv,
    first_stage,
    ratio,
    residuals,
    weakness,
)
from causal.inference import dependence
from causal.reply_design import HOUR
from copenet.foundation.seeds import generator
from tests.causal.test_reply_design import busy
from tests.causal.worlds import SETTINGS, inputs_of, replies_of


def plain_availability(said, events, design, hours):
    """Return (instrument, helpers) of each row with loops over the messages."""
    thread = {}
    for i, s in enumerate(said):
        thread[i] = i if s.answers is None else thread[s.answers]
    at = dict(zip(events.message.tolist(), events.time.tolist(), strict=True))
    known = [(j, a) for j, a in enumerate(said) if a.who and a.answers is not None and said[a.answers].who]
    known = [(j, a) for j, a in known if said[a.answers].who != a.who]
    for i in events.message[design.posts.event].tolist():
        around = {
            m.who
            for j, m in enumerate(said)
            if m.who and m.who != said[i].who and m.forum == said[i].forum and thread[j] != i
            if at[i] < at[j] <= at[i] + hours * HOUR
        }
        before = [(j, a) for j, a in known if at[j] < at[i]]
        share = sum(a.uses for _, a in before) / max(len(before), 1)
        rates = []
        for who in sorted(around):
            mine = [a for _, a in before if a.who == who and said[a.answers].who != said[i].who]
            rates.append((sum(a.uses for a in mine) + PRIOR * share) / (len(mine) + PRIOR))
        yield np.mean(rates) if rates else np.nan, len(rates)


def test_who_is_around_and_their_propensity_are_those_of_the_messages():
    helpers = 0
    for seed in range(3):
        said = busy(seed)
        design, events, _ = replies_of(inputs_of(said), SETTINGS, 48)
        found = availability(events, design.answers, design.posts, 30)
        value, count = zip(*plain_availability(said, events, design, 30), strict=True)
        assert found.helpers.tolist() == list(count)
        assert found.value == pytest.approx(np.asarray(value), nan_ok=True, abs=1e-12)
        helpers += sum(count)
    assert helpers > 50


def test_posts_in_pieces_give_the_same_instrument(monkeypatch):
    design, events, _ = replies_of(inputs_of(busy(0)), SETTINGS, 48)
    whole = availability(events, design.answers, design.posts, 30)
    monkeypatch.setattr("causal.helper_instrument.CHUNK", 4)
    pieces = availability(events, design.answers, design.posts, 30)
    assert np.array_equal(whole.value, pieces.value, equal_nan=True)
    assert np.array_equal(whole.helpers, pieces.helpers)


def study(seed, n=800, strength=0.8, effect=0.5, confounding=1.0, tied=0.0):
    """A sample with a hidden trait u that moves exposure and outcome, and an instrument that u knows nothing of."""
    rng = generator(seed, "iv")
    u, x, z, w = rng.normal(size=(4, n))
    z = z + tied * x
    e = ((strength * z + confounding * u + 0.5 * x + rng.normal(size=n)) > 0).astype(float)
    y = effect * e + confounding * u + 0.5 * x + rng.normal(size=n)
    person = np.arange(n)
    sample = Sample(
        y=y,
        e=e,
        X=np.column_stack([x, w, rng.normal(size=n)]),
        covariate_names=("own_x", "own_w", "post_hour_sin"),
        person=person,
        period=0 * person,
        n_peers=1 + 0 * person,
        adjacency=csr_array((n, n)),
        communities=0 * person,
        binary=True,
        groups=("own_history", "own_history", "post_time"),
        unit="posts",
    )
    return sample, Availability(z, np.full(n, 3))


def test_the_estimate_its_error_and_its_first_stage_are_those_of_linearmodels():
    linearmodels = pytest.importorskip("linearmodels.iv")
    sample, found = study(1)
    estimate, checks = estimate_iv(sample, found)
    exogenous = np.column_stack([np.ones(len(sample.y)), sample.X])
    oracle = linearmodels.IV2SLS(sample.y, exogenous, sample.e, found.value).fit(cov_type="robust", debiased=True)
    assert estimate.estimate == pytest.approx(oracle.params["endog"], abs=1e-9)
    assert estimate.detail["se_person"] == pytest.approx(oracle.std_errors["endog"], rel=1e-6)
    first = linearmodels.IV2SLS(sample.e, np.column_stack([exogenous, found.value]), None, None)
    first = first.fit(cov_type="robust", debiased=True)
    alone = found.value - exogenous @ np.linalg.lstsq(exogenous, found.value, rcond=None)[0]
    psi = alone * np.asarray(first.resids)
    groups = np.sum(psi**2) ** 2 / np.sum(psi**4)  # nobody is tied to anybody
    f = float(first.tstats.iloc[-1]) ** 2 * (groups - 1) / groups
    assert checks[0].figures["effective_f"] == pytest.approx(f, rel=1e-6)


def test_a_hidden_trait_moves_ols_and_leaves_the_instrument_alone():
    from causal.regression import ols

    covered, biased = 0, 0
    for seed in range(40):
        sample, found = study(seed)
        estimate, _ = estimate_iv(sample, found)
        covered += estimate.ci_low <= 0.5 <= estimate.ci_high
        biased += ols(sample.y, sample.e, sample.X)[0] > 0.8
    assert biased == 40
    assert stats.binomtest(covered, 40, 0.95).proportion_ci(0.99, method="exact").high >= 0.95


def test_the_interval_is_where_the_test_does_not_reject():
    sample, found = study(2)
    left, lost = residuals(np.column_stack([sample.y, sample.e, found.value]), sample.X)
    y, e, z = left.T
    near = dependence(sample.adjacency, sample.communities, sample.person)
    low, high, p = anderson_rubin(y, e, z, near, lost=lost)
    beta, influence = ratio(z * y, z * e)
    law, few = stats.t(near.variance(influence).dof), 1 + 1 / near.variance(influence).dof
    for end in (low, high):
        moved = z * (y - end * e)
        variance = near.variance(moved - moved.mean()).parts["person"] * lost * few
        assert abs(moved.mean()) / np.sqrt(variance) == pytest.approx(law.ppf(0.975), rel=1e-6)
    at_zero = z * y
    variance = near.variance(at_zero - at_zero.mean()).parts["person"] * lost * few
    assert p == pytest.approx(2 * law.sf(abs(at_zero.mean()) / np.sqrt(variance)))
    assert low < beta < high
    assert high - low == pytest.approx(2 * 1.96 * near.variance(influence).se, rel=0.2)


def test_the_interval_holds_its_level_where_the_first_stage_is_next_to_nothing():
    covered = 0
    for seed in range(150):
        sample, found = study(seed, n=150, strength=0.1)
        left, lost = residuals(np.column_stack([sample.y, sample.e, found.value]), sample.X)
        near = dependence(sample.adjacency, sample.communities, sample.person)
        y, e, z = left.T
        low, high, _ = anderson_rubin(y, e, z, near, lost=lost)
        assert np.isfinite(low) == np.isfinite(high)
        covered += low <= 0.5 <= high
    assert stats.binomtest(covered, 150, 0.95).proportion_ci(0.99, method="exact").low <= 0.95
    assert stats.binomtest(covered, 150, 0.95).proportion_ci(0.99, method="exact").high >= 0.95


def test_twelve_neighbourhoods_are_few_for_the_interval():
    """Twelve cliques who share all: normal quantiles without G / (G - 1) cover .918 (600 draws)."""
    covered, draws = 0, 400
    clique = np.repeat(np.arange(12), 10)
    graph = csr_array((clique[:, None] == clique).astype(float))
    near = dependence(graph, clique, np.arange(120), bandwidth=1)
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        z, u = (rng.normal(size=12)[clique] for _ in range(2))
        e = z + 0.5 * u
        low, high, _ = anderson_rubin(*(v - v.mean() for v in (0.5 * e + u, e, z)), near)
        covered += low <= 0.5 <= high
    assert stats.binomtest(covered, draws, 0.95).proportion_ci(0.99, method="exact").high >= 0.95


def test_a_weak_instrument_is_refused_with_its_strength_and_a_way_out():
    sample, found = study(3, strength=0.02)
    estimate, checks = estimate_iv(sample, found)
    assert (estimate.estimate, estimate.se, estimate.ci_low, estimate.p_value) == (None,) * 4
    assert "weak" in estimate.refused
    assert "helper_hours" in estimate.refused
    stage = next(c for c in checks if c.name == "helper_first_stage")
    assert "Anderson-Rubin interval" in stage.detail  # read whatever the strength, it holds its level
    assert len(stage.figures["anderson_rubin"]) == 2
    assert checks[0].status == "refused"
    assert checks[0].figures["effective_f"] < LEAST_F


def test_strength_decides_and_the_wrong_sign_is_invalid():
    assert weakness(FirstStage(0.4, 0.08, 25.0, 0.1, 900)) is None
    assert "weak" in weakness(FirstStage(0.4, 0.1, 16.0, 0.1, 900))
    assert "invalid" in weakness(FirstStage(-0.4, 0.08, 25.0, 0.1, 900))


def test_without_helpers_or_without_their_variety_there_is_no_instrument():
    sample, found = study(4)
    alone = Availability(np.full(len(sample.y), np.nan), 0 * found.helpers)
    for given in (alone, Availability(np.ones(len(sample.y)), found.helpers)):
        estimate, checks = estimate_iv(sample, given)
        assert estimate.refused.startswith("no instrument")
        assert checks[0].status == "refused"


def test_posts_without_helpers_are_left_out():
    sample, found = study(5)
    some = replace(found, helpers=np.where(np.arange(len(sample.y)) < 300, 0, 3))
    assert estimate_iv(sample, some)[0].n == len(sample.y) - 300


def test_the_strong_instrument_says_what_exclusion_would_mean():
    sample, found = study(6)
    _, (stage, balance) = estimate_iv(sample, found)
    assert stage.status == "pass"
    assert "in other threads of those hours" in stage.detail
    assert balance.status == "pass"
    assert balance.figures["names"] == ["own_x", "own_w"]


def test_an_instrument_that_goes_with_the_past_is_out_of_balance():
    sample, found = study(7, tied=0.5)
    near = dependence(sample.adjacency, sample.communities, sample.person)
    check = balance_check(sample, found, near)
    assert check.status == "warn"
    assert "own_x" in check.detail
    assert "own_w" not in check.detail


def test_connected_authors_widen_the_error():
    sample, found = study(8, n=400)
    groups = np.arange(400) // 4
    graph = csr_array((groups[:, None] == groups[None, :]).astype(float))
    rng = generator(8, "shared")
    shared, exposed = rng.normal(size=(2, 100))
    tied = replace(sample, y=sample.y + 3 * shared[groups], adjacency=graph, communities=groups.astype(np.int64))
    instrument = Availability(found.value + 2 * exposed[groups], found.helpers)
    near = [dependence(g, tied.communities, tied.person) for g in (graph, sample.adjacency)]
    left, _ = residuals(np.column_stack([tied.y, tied.e, instrument.value]), tied.X)
    y, e, z = left.T
    _, influence = ratio(z * y, z * e)
    assert near[0].variance(influence).se > 1.5 * near[1].variance(influence).se
    assert first_stage(e, z, near[0]).se > 0
