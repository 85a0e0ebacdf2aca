"""The time shuffle: what it keeps, that it holds its level under homophily and common news, and that it sees influence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from causal.exposure import AnyPeer, Proportion
from causal.panel import PanelSettings
from causal.results import Estimate
from causal.time_shuffle import (
    PanelStatistic,
    Shuffle,
    _fixed_columns,
    _judged,
    among_active,
    mover,
    shown,
    shuffle_test,
    time_shuffle_check,
    times_of,
)
from copenet.foundation.errors import UsageError
from copenet.foundation.seeds import generator
from tests.causal.worlds import panel_of, simulated

PEOPLE, PERIODS, FORUMS = 80, 9, 2
WORLDS, DRAWS = 100, 39


def headline(value):
    return Estimate("aipw", "contrast", value, 0.02, value - 0.04, value + 0.04, None, 1, 1)


def world(seed, effect, shocks=1.5, homophily=0.9):
    """People of a lasting trait, tied to people like them; forums with news of their own; peers act on the next use."""
    rng = generator(seed, "shuffle world")
    trait = rng.normal(size=PEOPLE)
    forum = np.arange(PEOPLE) % FORUMS
    order = np.lexsort((trait + rng.normal(scale=1 - homophily, size=PEOPLE), forum))
    ties = np.zeros((PEOPLE, PEOPLE))
    for step in (1, 2):
        ties[order[step:], order[:-step]] = ties[order[:-step], order[step:]] = 1
    ties *= forum[:, None] == forum[None, :]
    news = shocks * rng.normal(size=(FORUMS, PERIODS))
    active = rng.random((PEOPLE, PERIODS)) < 0.8
    used = np.zeros((PEOPLE, PERIODS), dtype=bool)
    for t in range(PERIODS):
        before = ties @ used[:, t - 1] > 0 if t else np.zeros(PEOPLE)
        chance = 1 / (1 + np.exp(-(trait + news[forum, t] - 1 + effect * before)))
        used[:, t] = active[:, t] & (rng.random(PEOPLE) < chance)
    return used, active, forum, lambda table: float(np.sum(table[:, 1:] * (ties @ table[:, :-1])))


def seen_in(worlds, effect):
    found = [shuffle_test(*world(seed, effect), draws=DRAWS, rounds=6, seed=seed) for seed in range(worlds)]
    return sum(result.p_value <= 0.05 for result in found)


def test_lasting_traits_of_the_tied_and_news_of_a_forum_are_no_order_of_time():
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, 0.05)
    assert low <= seen_in(WORLDS, effect=0.0) <= high


def test_influence_from_one_period_to_the_next_is_seen():
    assert seen_in(40, effect=3.0) >= binom.ppf(0.0005, 40, 0.8)


tables = st.tuples(st.integers(2, 9), st.integers(1, 6)).flatmap(
    lambda shape: st.tuples(
        arrays(bool, shape), arrays(bool, shape), arrays(np.int64, shape[0], elements=st.integers(0, 1))
    )
)


@given(tables, st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_everybody_keeps_their_uses_every_forum_those_of_each_period_and_nobody_uses_in_silence(drawn, seed):
    active, coin, group = drawn
    used = active & coin
    made = mover(active, group, rounds=3, seed=seed)(used)
    assert not np.any(made & ~active)
    assert np.array_equal(made.sum(axis=1), used.sum(axis=1))
    for forum in (0, 1):
        assert np.array_equal(made[group == forum].sum(axis=0), used[group == forum].sum(axis=0))


def test_all_tables_with_the_same_margins_come_up_equally_often():
    """Three people, three periods, one use each, one silence: of the six permutations four are left."""
    active = np.ones((3, 3), dtype=bool)
    active[0, 2] = False
    moved, table = mover(active, np.zeros(3, dtype=int), rounds=3, seed=4), np.eye(3, dtype=bool)
    counts: dict[bytes, int] = {}
    for _ in range(2_000):
        table = moved(table)
        counts[table.tobytes()] = counts.get(table.tobytes(), 0) + 1
    low, high = binom.ppf([0.0001, 0.9999], 2_000, 0.25)
    assert len(counts) == 4
    assert all(low <= count <= high for count in counts.values())


def test_uses_in_silence_and_too_few_draws_are_refused():
    used = np.ones((2, 2), dtype=bool)
    with pytest.raises(UsageError, match="active"):
        shuffle_test(used, ~used, np.zeros(2, dtype=int), float)
    with pytest.raises(UsageError, match="19"):
        shuffle_test(used, used, np.zeros(2, dtype=int), float, draws=9)


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated(people=400, periods=12)
    return panel_of(inputs, PanelSettings(text_dimensions=0))


@pytest.mark.parametrize("mapping", [AnyPeer(), Proportion()])
def test_unshuffled_the_exposure_of_the_statistic_is_that_of_the_panel(study, mapping):
    panel, events, _ = study
    times = times_of(panel, events)
    statistic = PanelStatistic.of(panel, times, mapping)
    assert statistic.exposure(times.used) == pytest.approx(panel.exposure(mapping)[panel.eligible])
    assert times.active[statistic.next_use].tolist() == panel.posted[panel.eligible].tolist()
    used = times.used[statistic.next_use]
    assert np.all(used >= panel.outcome[panel.eligible])  # which leaves out threads that supplied the exposure


def test_periods_in_which_nobody_is_at_risk_are_part_of_the_table():
    """One message half a year after all others: the last periods of the panel have no rows."""
    _, inputs = simulated(people=120, periods=12)
    place = inputs.messages.schema.get_field_index("created_at")
    times = inputs.messages["created_at"].to_pylist()
    times[int(np.argmax(times))] += timedelta(weeks=26)
    times = pa.array(times, inputs.messages.schema.field(place).type)
    late = replace(inputs, messages=inputs.messages.set_column(place, inputs.messages.schema.field(place), times))
    panel, events, _ = panel_of(late, PanelSettings(text_dimensions=0))
    assert len(panel.slices[-1].person) == 0
    statistic = PanelStatistic.of(panel, times_of(panel, events), AnyPeer())
    assert statistic.exposure(statistic.times.used) == pytest.approx(panel.exposure(AnyPeer())[panel.eligible])


@pytest.mark.parametrize("mapping", [AnyPeer(), Proportion()])
def test_the_statistic_is_the_slope_of_least_squares_with_an_indicator_of_every_forum_and_period(study, mapping):
    panel, events, _ = study
    times = times_of(panel, events)
    statistic = PanelStatistic.of(panel, times, mapping)
    dummies = (statistic.cell[:, None] == np.unique(statistic.cell)[None, :]).astype(float)
    X = np.column_stack([statistic.exposure(times.used), _fixed_columns(panel, times), dummies])
    slope = np.linalg.lstsq(X, times.used[statistic.next_use].astype(float), rcond=None)[0][0]
    assert statistic(times.used) == pytest.approx(slope, rel=1e-6)


def test_a_planted_effect_is_shown_in_part_and_none_is_not(study):
    panel, events, _ = study
    statistic = PanelStatistic.of(panel, times_of(panel, events), AnyPeer())
    assert abs(shown(statistic, 0.0, seed=1)) < 0.02
    assert 0.05 < shown(statistic, 0.15, seed=1) < 0.2
    assert shown(statistic, -0.15, seed=1) < -0.05


def test_what_runs_through_writing_at_all_is_not_counted(study):
    panel, _, _ = study
    exposure = panel.exposure(AnyPeer())
    talkers = replace(panel, posted=np.nan_to_num(exposure) > 0)
    rate = panel.outcome[panel.eligible].sum() / talkers.posted[panel.eligible].sum()
    assert among_active(talkers, exposure, 0.9) == pytest.approx(0.9 - rate, abs=1e-6)
    assert among_active(talkers, exposure, rate / 2) == 0.0


def test_the_check_says_what_is_left_what_power_there_was_and_what_it_cannot_show(study):
    panel, events, _ = study
    check = time_shuffle_check(panel, events, AnyPeer(), headline(0.1), seed=3)
    figures = check.figures
    assert len(figures["draws"]) == 99
    assert figures["ci_low"] <= figures["estimate"] <= figures["ci_high"]
    assert abs(figures["estimate"]) < 0.03  # person and forum-period margins hold all that shuffled times could show
    expected = "pass" if figures["p_value"] <= 0.05 else "warn" if figures["power"] >= 0.8 else "not_informative"
    assert check.status == expected
    assert check == time_shuffle_check(panel, events, AnyPeer(), headline(0.1), seed=3)


def test_where_no_effect_of_the_headlines_size_would_be_seen_nothing_is_checked(study):
    panel, events, _ = study
    unseen = replace(panel, outcome=np.zeros_like(panel.outcome))
    check = time_shuffle_check(
        unseen, replace(events, uses=events.uses & (events.person % 7 == 0)), AnyPeer(), headline(0.01), seed=3
    )
    assert check.status == "not_informative"
    assert "Cannot be checked" in check.detail


def test_where_nobody_could_have_used_it_at_another_time_nothing_is_checked(study):
    panel, events, _ = study
    check = time_shuffle_check(
        panel, replace(events, uses=np.ones(len(events), dtype=bool)), AnyPeer(), headline(0.1), seed=3
    )
    assert (check.status, check.figures) == ("not_informative", {"traders": 0})


@pytest.mark.parametrize(("observed", "status"), [(0.1, "pass"), (-0.1, "warn")])
def test_an_order_of_time_against_the_headline_does_not_speak_for_it(observed, status):
    draws = np.random.default_rng(0).normal(scale=0.01, size=99)
    for shift in (0.08, -0.001):  # what is planted is noisy: the headline has the direction
        check = _judged(Shuffle(observed, draws, 0.01), shift=shift, sign=1.0, traders=50)
        assert check.status == status
    assert ("against the headline" in check.detail) is (status == "warn")


def test_a_headline_that_runs_through_writing_alone_cannot_be_judged_by_a_shuffle():
    draws = np.random.default_rng(0).normal(scale=0.01, size=99)
    for observed, p in ((0.1, 0.01), (0.0, 0.6)):
        check = _judged(Shuffle(observed, draws, p), shift=0.03, sign=0.0, traders=50)
        assert check.status == "not_informative"
        assert "all of the headline runs through writing" in check.detail


def test_the_effect_that_is_planted_is_per_unit_of_exposure_also_of_a_shift(study):
    """Three more peers move a count by much: the effect of that is not what one unit does."""
    panel, events, _ = study
    slope, shift = headline(0.1), replace(headline(0.25), detail={"per_unit": 0.1})
    here, there = (time_shuffle_check(panel, events, AnyPeer(), found, seed=3).figures for found in (slope, shift))
    assert here["shift_at_headline"] == there["shift_at_headline"]
