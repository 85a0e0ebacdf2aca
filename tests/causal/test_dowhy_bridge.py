"""DoWhy's words about the assumed graph, and its refuter on our estimator: it must be able to fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal import dowhy_bridge
from causal.dowhy_bridge import (
    EXPOSURE,
    OUTCOME,
    TRAIT,
    causal_graph,
    identification_check,
    identify,
    placebo_refuter,
)
from causal.estimators import EstimationSettings
from tests.causal.graphs import confounded, ring, sample_of

GROUPS = ("own_history", "text", "peers", "text")
SETTINGS = EstimationSettings(learners=("linear",), sensitivity=False)


def test_the_measured_past_identifies_and_is_the_adjustment_set():
    found = identify(causal_graph(GROUPS, hidden_trait=False))
    assert found.identified
    assert found.adjustment_set == ("own_history", "peers", "text")
    assert all(name in found.estimand for name in found.adjustment_set)
    assert TRAIT not in found.estimand
    assert "own history, peers, text" in found.words


def test_a_hidden_trait_undoes_it():
    found = identify(causal_graph(GROUPS, hidden_trait=True))
    assert (found.identified, found.adjustment_set, found.estimand) == (False, (), "")
    assert "no adjustment identifies" in found.words


def test_the_two_graphs_differ_in_what_the_trait_reaches_and_in_nothing_else():
    assumed, doubted = (causal_graph(GROUPS, hidden_trait=h) for h in (False, True))
    assert set(doubted.edges) - set(assumed.edges) == {(TRAIT, EXPOSURE), (TRAIT, OUTCOME)}
    assert set(assumed.edges) < set(doubted.edges)
    assert [n for n, seen in assumed.nodes(data="observed") if seen == "no"] == [TRAIT]
    assert (EXPOSURE, OUTCOME) in assumed.edges


def test_the_check_prints_both_graphs_and_cannot_choose_between_them():
    check = identification_check(GROUPS)
    assert check.status == "pass"
    assert check.figures["identified_with_hidden_trait"] is False
    assert check.figures["adjustment_set"] == ["own_history", "peers", "text"]
    assert check.figures["unobserved"] == [TRAIT]
    assert [TRAIT, OUTCOME] in check.figures["edges"]
    assert "cannot be read off these data" in check.detail


def blind(sample):
    """Return the sample with noise for an outcome: there is nothing to find."""
    return replace(sample, y=np.random.default_rng(1).normal(size=len(sample.y)))


@pytest.mark.parametrize("effect", [2.0, 0.0])
def test_our_estimator_passes_and_agrees_with_itself_outside_dowhy(effect):
    from causal.estimators import estimate

    sample = confounded(np.random.default_rng(0), n=300, effect=effect)
    check = placebo_refuter(sample, SETTINGS, simulations=8)
    assert check.status == "pass"
    assert check.figures["estimate"] == pytest.approx(estimate(sample, SETTINGS).estimates[0].estimate, rel=1e-6)
    assert abs(check.figures["placebo_effect"]) < 0.3
    assert check.figures["simulations"] == 8
    assert "cannot find confounding" in check.detail


def test_an_estimator_that_finds_effects_in_permuted_exposures_fails(monkeypatch):
    from causal import aipw

    right = aipw.scores
    monkeypatch.setattr(aipw, "scores", lambda *args: right(*args) + 1.0)
    check = placebo_refuter(confounded(np.random.default_rng(0), n=300), SETTINGS, simulations=8)
    assert check.status == "fail"
    assert check.figures["placebo_effect"] > 0.7


def test_an_estimator_that_ignores_the_exposure_given_to_it_fails(monkeypatch):
    """The leak a placebo is for: an effect that survives the permutation because the true exposure is still used."""
    from causal import aipw

    sample = confounded(np.random.default_rng(0), n=300, effect=2.0)
    right = aipw.fit_nuisances
    scores = aipw.scores
    monkeypatch.setattr(aipw, "fit_nuisances", lambda y, e, X, folds, **k: right(y, sample.e, X, folds, **k))
    monkeypatch.setattr(aipw, "scores", lambda y, e, *rest: scores(y, sample.e, *rest))
    check = placebo_refuter(sample, SETTINGS, simulations=8)
    assert check.status == "fail"
    assert check.figures["placebo_effect"] == pytest.approx(check.figures["estimate"], abs=0.1)


def test_every_draw_is_a_new_permutation_and_the_seed_decides_them(monkeypatch):
    from causal import dowhy_estimator

    drawn = []
    right = dowhy_estimator._contrast

    def listen(y, e, *rest):
        drawn.append(tuple(e))
        return right(y, e, *rest)

    monkeypatch.setattr(dowhy_estimator, "_contrast", listen)
    sample = confounded(np.random.default_rng(2), n=150)
    first = placebo_refuter(sample, SETTINGS, simulations=6)
    once = list(drawn)
    again = placebo_refuter(sample, SETTINGS, simulations=6)
    assert len(once) == len(set(once)) == 7  # the estimate and six permutations, none of them drawn twice
    assert {sum(e) for e in once} == {sample.e.sum()}
    assert drawn[7:] == once
    assert again.figures == first.figures


def test_rows_are_found_by_their_index_and_people_keep_their_rows():
    rng = np.random.default_rng(3)
    person = rng.integers(0, 80, 240)
    X = rng.normal(size=(240, 2))
    e = (rng.random(240) < 0.5).astype(float)
    sample = sample_of(e + X[:, 0] + rng.normal(size=240), e, X, ring(80), person=person)
    frame = dowhy_bridge._frame(sample)
    _, _, whole = dowhy_bridge._fit(frame, sample, SETTINGS)
    assert whole.estimator.design["person"] is person
    part = whole.estimator.fit(frame.iloc[::2]).estimate_effect(frame.iloc[::2])
    assert np.isfinite(part.value)
    assert part.value != whole.value
    low, high = part.get_confidence_intervals()
    assert low < part.value < high
    assert part.get_standard_error() == pytest.approx((high - low) / 2 / 1.959964, rel=1e-5)
    assert 0 <= part.test_stat_significance()["p_value"] <= 1


def test_the_estimand_lists_what_is_adjusted_for_in_the_order_of_names():
    from causal.dowhy_bridge import causal_graph, identify

    groups = ("text", "peers", "own_history", "activity", "position")
    assert "|" + ",".join(sorted(groups)) + ")" in identify(causal_graph(groups, hidden_trait=False)).estimand
