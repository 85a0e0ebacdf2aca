"""The adoption hazard: statsmodels' likelihood, a known truth, rows at risk, refusals; and the event study."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array
from scipy.special import expit

from causal.adoption import adoption, first_use
from causal.curve_figures import event_study as drawn
from causal.estimators import EstimationSettings
from causal.event_times import NEVER, event_study, since_first, without_before
from causal.exposure import AnyPeer
from causal.hazard import HazardSample, at_risk, cells_of, coefficient, estimate_hazard, fit_hazard, risk_difference
from causal.panel import PanelSettings, union_graph
from copenet.foundation.errors import UsageError
from tests.causal.graphs import ring
from tests.causal.worlds import panel_of, simulated

SETTINGS = EstimationSettings(bandwidth=1)
BETA, WORLDS = 0.7, 40
LINKS = {"cloglog": sm.families.links.CLogLog(), "logit": sm.families.links.Logit()}


def history(seed, n=400, periods=6, after=BETA, before=0.0):
    """People followed to their first use: (sample, since the first exposure, truth of the mean difference).

    A trait raises exposure and hazard; from the first exposure on the log hazard is `after` higher, in the two periods
    just before the one before it `before` higher. Who has little of the trait is seldom exposed.
    """
    rng = np.random.default_rng(seed)
    trait, place = rng.normal(size=n), np.arange(n) % 2
    start = 1 + rng.geometric(1 / (1 + np.exp(1 - trait)))
    start[rng.random(n) < 1 / (1 + np.exp(1 + 2 * trait))] = 99
    person, period = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    since = since_first(person, period, period >= start[person])
    exposed = (since >= 0).astype(float)
    base = -2.2 + 0.8 * trait[person] + 0.3 * place[person] - 0.1 * period
    lead = before * np.isin(since, (-2, -3))
    used = rng.random(n * periods) < 1 - np.exp(-np.exp(base + after * exposed + lead))
    y_before = np.zeros_like(used)
    y_before[1:] = used[:-1] & (person[1:] == person[:-1])
    rows = at_risk(person, period, y_before)
    rise = -np.expm1(-np.exp(base + after)) + np.expm1(-np.exp(base))
    ones = np.ones(rows.sum(), dtype=np.int64)
    sample = HazardSample(
        used[rows].astype(float), exposed[rows], trait[person][rows, None], place[person][rows], period[rows],
        person[rows], ones, ring(n), np.zeros(n, dtype=np.int64),
    )  # fmt: skip
    return sample, since[rows], float(rise[rows].mean())


@cache
def worlds():
    """Of each world: error, se and coverage of the log ratio and of the difference, error of the naive log ratio."""
    found = []
    for seed in range(WORLDS):
        sample, _, difference = history(seed)
        ratio, mean, _, naive, _ = estimate_hazard(sample, SETTINGS).estimates
        row = []
        for e, truth in ((ratio, BETA), (mean, difference)):
            row += [e.estimate - truth, e.se, e.ci_low <= truth <= e.ci_high]
        found.append((*row, naive.estimate - BETA))
    return np.array(found, dtype=float)


@pytest.mark.parametrize("place", [0, 3])
def test_the_truth_is_found_without_bias_and_covered(place):
    error, se, covered = worlds()[:, place : place + 3].T
    spread = error.std(ddof=1)
    assert abs(error.mean()) < (0.25 + 2.576 / np.sqrt(WORLDS)) * spread
    assert covered.sum() >= stats.binom.ppf(0.005, WORLDS, 0.95)
    low, high = np.sqrt(stats.chi2.ppf([0.005, 0.995], WORLDS - 1) / (WORLDS - 1))
    assert low / 1.05 < spread / se.mean() < high * 1.05


def test_without_history_the_hazard_ratio_is_off():
    error = worlds()[:, 6]
    assert error.mean() > 2.576 * error.std(ddof=1) / np.sqrt(WORLDS)


@pytest.mark.parametrize("link", sorted(LINKS))
def test_the_likelihood_is_that_of_statsmodels_with_an_indicator_for_each_cell(link):
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 5, 900)
    Z = rng.normal(size=(900, 3)) * [1, 10, 0.1]
    y = (rng.random(900) < 1 / (1 + np.exp(1 - 0.3 * cell - 0.5 * Z[:, 0]))).astype(float)
    fit = fit_hazard(y, Z, cell, link)
    whole = np.column_stack([Z, np.eye(5)[cell]])
    expected = sm.GLM(y, whole, family=sm.families.Binomial(link=LINKS[link])).fit(
        cov_type="HC0", tol=1e-12, maxiter=200
    )
    assert fit.converged
    assert fit.beta == pytest.approx(expected.params[:3], rel=1e-5)
    errors = [np.linalg.norm(coefficient(fit, k)[1]) / 900 for k in range(3)]
    assert errors == pytest.approx(expected.bse[:3], rel=1e-4)
    assert abs(fit.influence(np.ones(3), np.zeros(5)).mean()) < 1e-6


@pytest.mark.parametrize("binary", [True, False])
def test_the_error_of_the_mean_difference_is_that_of_the_whole_model_by_the_delta_method(binary):
    rng = np.random.default_rng(1)
    cell = rng.integers(0, 3, 300)
    e = (rng.random(300) < 0.2 + 0.2 * cell).astype(float) if binary else rng.normal(size=300)
    Z = np.column_stack([e, rng.normal(size=300) + e + cell])
    y = (rng.random(300) < 1 / (1 + np.exp(1 - 0.4 * cell - 0.6 * e - 0.4 * Z[:, 1]))).astype(float)
    fit = fit_hazard(y, Z, cell, "logit")
    whole = np.column_stack([Z, np.eye(3)[cell]])
    effects = np.linalg.lstsq(np.eye(3)[cell], fit.eta - Z @ fit.beta, rcond=None)[0]
    theta = np.r_[fit.beta, effects]

    def effect(theta):
        at = whole @ theta
        if binary:
            zero = at - theta[0] * e
            return expit(zero + theta[0]) - expit(zero)
        return theta[0] * expit(at) * expit(-at)

    h = expit(whole @ theta)
    inverse = np.linalg.inv(whole.T @ ((h * (1 - h))[:, None] * whole))
    of_theta = 300 * (whole * (y - h)[:, None]) @ inverse
    gradient = [(effect(theta + d).mean() - effect(theta - d).mean()) / 2e-5 for d in 1e-5 * np.eye(5)]
    value, influence = risk_difference(fit, Z, "logit")
    assert value == pytest.approx(effect(theta).mean())
    assert influence == pytest.approx(of_theta @ gradient + effect(theta) - value, rel=1e-3, abs=1e-4)


def test_sparse_periods_share_an_effect_of_their_community_and_sparse_communities_one_of_the_period():
    period, community = np.repeat([0, 1], 16), np.tile(np.repeat([0, 1, 2, 3], 4), 2)
    y = np.array([float(c) for c in "11001000000000001110100010000000"])
    found = cells_of(community, period, y, 2)
    of = {(p, c): found.cell[(period == p) & (community == c)].tolist() for p in (0, 1) for c in range(4)}
    assert all(len(set(cells)) == 1 for cells in of.values())
    first = {place: cells[0] for place, cells in of.items()}
    assert first[0, 1] == first[1, 1]  # one event in each of its periods: an effect of the community
    assert first[1, 2] == first[1, 3]  # one event in all: an effect of the period, shared
    assert first[0, 2] == first[0, 3] == -1  # nobody adopted there
    assert len({first[0, 0], first[1, 0], first[0, 1], first[1, 2]}) == 4
    assert found.shared.tolist() == ((period == 1) & (community >= 2)).tolist()
    assert found.periods[:, 0].tolist() == ((period == 1) & (community == 1)).astype(float).tolist()


@pytest.mark.slow
def test_rare_events_leave_communities_apart():
    """Nobody acts on anybody; communities differ in hazard and in exposure, and few adopt in any of their periods."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        community = np.repeat(np.arange(24), 100 * 8)
        person, period = np.repeat(np.arange(2400), 8), np.tile(np.arange(8), 2400)
        high = community % 2 == 1
        e = (rng.random(len(person)) < np.where(high, 0.6, 0.2)).astype(float)
        used = rng.random(len(person)) < np.where(high, 0.03, 0.01)
        rows = at_risk(person, period, np.r_[False, used[:-1]] & (period > 0))
        sample = HazardSample(
            y=used[rows].astype(float),
            e=e[rows],
            X=rng.normal(size=(rows.sum(), 1)),
            community=community[rows],
            period=period[rows],
            person=person[rows],
            n_peers=np.ones(rows.sum(), dtype=int),
            adjacency=ring(2400),
            communities=np.repeat(np.arange(24), 100),
        )
        made = estimate_hazard(sample, SETTINGS)
        ours = made.estimates[0]
        found.append((ours.estimate / ours.se, made.checks[0].figures["share_without_community_effect"]))
    scores, shared = np.array(found).T
    assert abs(scores.mean()) < 4 / np.sqrt(20)
    assert shared.max() < 0.3


def test_few_neighbourhoods_are_warned_of():
    """All of the exposed are one clique: what is known of the exposure is what happened there."""
    sample, _, _ = history(0)
    clique = sample.person < 40
    graph = ring(400).tolil()
    graph[:40, :40] = 1
    check = estimate_hazard(
        replace(sample, e=clique.astype(float), X=np.zeros((len(sample.y), 1)), adjacency=csr_array(graph)), SETTINGS
    ).checks[-1]
    assert check.status == "warn"
    assert "independent ones" in check.detail


def test_rows_without_an_effect_of_their_community_are_counted_and_warned_of():
    sample, _, _ = history(0)
    alone = replace(sample, community=np.arange(len(sample.y)))
    check = estimate_hazard(alone, SETTINGS).checks[0]
    assert check.status == "warn"
    assert check.figures["share_without_community_effect"] == 1.0
    assert "not adjusted for" in check.detail


def test_a_ridge_makes_a_maximum_exist_and_leaves_the_exposure_alone():
    rng = np.random.default_rng(2)
    Z = np.column_stack([rng.integers(0, 2, 400), rng.normal(size=400)]).astype(float)
    y = (Z[:, 1] > 0).astype(float)
    cell = np.zeros(400, dtype=int)
    assert not fit_hazard(y, Z, cell).converged
    assert fit_hazard(y, Z, cell, penalised=np.array([False, True]), ridge=1.0).converged
    y = rng.integers(0, 2, 400).astype(float)
    heavy = fit_hazard(y, Z, cell, penalised=np.array([False, True]), ridge=1e9)
    assert heavy.beta == pytest.approx([fit_hazard(y, Z[:, :1], cell).beta[0], 0], abs=1e-5)


rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), min_size=1, max_size=20, unique_by=lambda r: r[:2]
)


@given(rows)
def test_rows_at_risk_end_with_the_first_use(rows):
    person, period, used = (np.array(column) for column in zip(*rows, strict=True))
    expected = [not any(u and q == p and s <= t for q, s, u in rows) for p, t, _ in rows]
    assert at_risk(person, period, used).tolist() == expected


@given(rows)
def test_time_around_the_first_exposure_is_counted_from_it(rows):
    person, period, exposed = (np.array(column) for column in zip(*rows, strict=True))
    first = {p: min((s for q, s, e in rows if e and q == p), default=None) for p, _, _ in rows}
    start = {p: min(s for q, s, _ in rows if q == p) for p, _, _ in rows}
    expected = [NEVER if first[p] is None else t - first[p] for p, t, _ in rows]
    assert since_first(person, period, exposed).tolist() == expected
    assert without_before(person, period, exposed).tolist() == [first[p] == start[p] for p, _, _ in rows]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=60),
    st.integers(1, 4),
)
def test_cells_hold_both_outcomes_and_small_ones_share_their_period(rows, fewest):
    community, period, y = (np.array(column) for column in zip(*rows, strict=True))
    found = cells_of(community, period, y.astype(float), fewest)
    cell = found.cell
    assert set(cell[cell >= 0]) == set(range(cell.max() + 1))
    for c in range(cell.max() + 1):
        here = cell == c
        assert set(y[here]) == {0, 1}
        assert found.shared[here].all() or not found.shared[here].any()
        if found.shared[here].any():
            assert len(set(period[here])) == 1
        else:
            assert len(set(community[here])) == 1
            assert y[here].sum() >= fewest
    assert not found.periods[found.shared].any()


def test_too_few_first_uses_are_refused_and_so_is_history_that_tells_who_adopts():
    sample, since, _ = history(0)
    rare = replace(sample, y=np.zeros_like(sample.y))
    refused = estimate_hazard(rare, SETTINGS)
    assert refused.refused
    assert all(e.refused and e.estimate is None for e in refused.estimates)
    assert event_study(rare, since, SETTINGS).refused
    told = estimate_hazard(replace(sample, X=sample.y[:, None]), SETTINGS, ridge=0.0)
    assert "no maximum" in told.refused
    assert {e.estimator for e in told.estimates if e.estimate is None} == {"hazard"}
    assert "no maximum" in event_study(replace(sample, X=sample.y[:, None]), since, SETTINGS, ridge=0.0).refused
    with pytest.raises(UsageError, match="no link probit"):
        fit_hazard(sample.y, sample.X, np.zeros(len(sample.y), dtype=int), "probit")


@cache
def studies(before):
    made = [history(seed, n=700, before=before)[:2] for seed in range(12)]
    return [event_study(sample, since, SETTINGS) for sample, since in made]


def test_the_event_study_finds_nothing_before_and_the_effect_after():
    found = studies(0.0)
    assert sum(s.p_before < 0.05 for s in found) <= stats.binom.ppf(0.995, 12, 0.05)
    for place, truth in ((-3, 0.0), (-2, 0.0), (0, BETA), (1, BETA)):
        points = [next(p for p in s.points if p.period == place) for s in found]
        error = np.array([p.estimate - truth for p in points if p.estimate is not None])
        assert abs(error.mean()) < (0.25 + 2.576 / np.sqrt(len(error))) * error.std(ddof=1)
        assert all(
            p.band_low < p.ci_low < p.estimate < p.ci_high < p.band_high for p in points if p.estimate is not None
        )
    assert [p.label for p in found[0].points] == ["≤-3", "-2", "0", "1", "2", "≥3"]
    assert "Period 0" in drawn(found[0].to_dict()["points"]).alt


def test_adoption_that_comes_before_the_exposure_is_seen():
    assert sum(s.p_before < 0.05 for s in studies(1.5)) >= 7


def test_the_panels_rows_at_risk_had_not_used_the_strategy_in_any_thread():
    panel, events, ties = panel_of(simulated(people=300, periods=10)[1], PanelSettings(text_dimensions=3))
    exposure = panel.exposure(AnyPeer())
    found = adoption(
        panel, events, exposure, union_graph(panel, ties), np.zeros(300, dtype=int), SETTINGS, link="logit"
    )
    when = panel.calendar.of(events.time)
    users = {(int(p), int(t)) for p, t in zip(events.person[events.uses], when[events.uses], strict=True)}
    first = first_use(events, panel)
    for p in range(len(panel.people)):
        assert first[p] == min((t for q, t in users if q == p), default=panel.calendar.count + 1)
    rows = panel.eligible & np.array([first[p] > t for p, t in zip(panel.person, panel.period, strict=True)])
    assert found.hazard.estimates[0].n <= rows.sum()
    events_check = found.hazard.checks[0]
    kept = events_check.figures["rows"] + events_check.figures.get("rows_in_cells_without_events", 0)
    assert kept == rows.sum()
    document = found.to_dict()
    assert document["event_study"]["people_without_before"] > 0
    assert {e["estimator"] for e in document["estimates"]} == {"hazard", "ols", "naive"}
