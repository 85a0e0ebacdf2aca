"""Negative controls: silent without hidden causes, firing with the power they state, and blind to what peers did to one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom

from causal.designs import S7
from causal.double_negative import among_new_peers
from causal.estimators import EstimationSettings, Sample
from causal.events import Inputs, tie_events
from causal.exposure import AnyPeer, Proportion
from causal.negative_controls import (
    PAST,
    Headline,
    estimated,
    headline_of,
    judged,
    past_outcome,
    sample_of,
    undeclared,
    unrelated_behaviour,
    unrelated_exposure,
)
from causal.new_peers import LAG, first_contact, new_peers, uses_by_period
from causal.panel import PanelSettings, union_graph
from causal.results import Estimate
from causal.sensitivity import largest_bias
from copenet.foundation.seeds import generator
from graph.ties import build_ties
from tests.causal.worlds import panel_of, simulated

N, WORLDS = 300, 40
TIES = csr_array(np.kron(np.eye(N // 10), np.ones((10, 10)) - np.eye(10)))
LINEAR = EstimationSettings(learners=("linear",), folds=2)


def found(value, se=0.01, p=None):
    p = p if p is not None else (0.001 if abs(value) > 1.96 * se else 0.5)
    return Estimate("plm", "slope", value, se, value - 1.96 * se, value + 1.96 * se, p, 500, 900)


def against(value=0.1, tipping=None):
    return Headline(value, tipping, False, TIES, np.arange(N) // 10)


def control(seed, share):
    """A control whose hidden trait explains `share` of what is left of its outcome and of its exposure."""
    rng = generator(seed, "negative control")
    u, v, noise, x = rng.normal(size=(4, N))
    e = np.sqrt(share) * u + np.sqrt(1 - share) * v + x
    y = np.sqrt(share) / (1 - share) * u + noise + x
    people = np.arange(N)
    return Sample(
        y=y,
        e=e,
        X=np.column_stack([x, rng.normal(size=N)]),
        covariate_names=("x", "other"),
        person=people,
        period=np.zeros(N, dtype=np.int64),
        n_peers=np.ones(N, dtype=np.int64),
        adjacency=TIES,
        communities=people // 10,
        binary=False,
        groups=("own", "peers"),
    )


def verdicts(share, tipping):
    return [judged(PAST, *estimated(control(seed, share), LINEAR), against(tipping=tipping)) for seed in range(WORLDS)]


def test_without_hidden_causes_a_control_fires_no_more_often_than_its_level():
    checks = verdicts(0.0, 0.3)
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, 0.05)
    assert low <= sum(c.status == "warn" for c in checks) <= high
    assert {c.status for c in checks} <= {"warn", "pass"}


def test_at_the_stated_strength_a_control_fires_with_the_stated_power():
    checks = verdicts(0.12, 0.12)
    stated = float(np.mean([c.figures["power"] for c in checks]))
    low, high = binom.ppf([0.0005, 0.9995], WORLDS, stated)
    assert low <= sum(c.status == "warn" for c in checks) <= high


def test_a_silent_control_passes_with_power_and_says_nothing_without():
    strong, weak = (judged(PAST, found(0.001), 1.0, against(tipping=share)) for share in (0.2, 0.001))
    assert (strong.status, weak.status) == ("pass", "not_informative")
    assert "cannot be checked" in weak.detail
    assert judged(PAST, found(0.5), 1.0, against(tipping=0.001)).status == "warn"
    assert judged(PAST, found(0.0), 1.0, against(0.1)).status == "pass"  # ten standard errors
    assert judged(PAST, found(0.0), 1.0, against(0.01)).status == "not_informative"


def test_few_neighbourhoods_take_the_power_of_a_silent_control():
    """Three standard errors: .85 by the normal; by t with 1.4 degrees of freedom, with which it fires, a quarter."""
    many = replace(found(0.0), ci_low=-0.02, ci_high=0.02)
    few = replace(many, dof=1.4)
    assert judged(PAST, many, 1.0, against(0.03)).status == "pass"
    check = judged(PAST, few, 1.0, against(0.03))
    assert check.status == "not_informative"
    assert check.figures["power"] == pytest.approx(0.27, abs=0.01)
    assert check.figures["detectable_share"] > judged(PAST, many, 1.0, against(0.03)).figures["detectable_share"]


def test_the_least_share_that_is_detected_has_a_power_of_four_fifths():
    share = judged(PAST, found(0.0, se=0.03), 0.7, against(tipping=0.1)).figures["detectable_share"]
    again = judged(PAST, found(0.0, se=0.03), 0.7, against(tipping=share))
    assert again.figures["power"] == pytest.approx(0.8, abs=1e-4)
    assert again.figures["bias_at_tipping"] == pytest.approx(largest_bias(0.7, share, share))


def test_a_refused_control_cannot_be_checked():
    nothing = Estimate("plm", "slope", None, None, None, None, None, 10, 10, refused="no overlap")
    check = judged(PAST, nothing, 1.0, against())
    assert (check.status, check.detail) == ("not_informative", "Cannot be checked: no overlap.")


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated(people=400, periods=12)
    panel, events, _ = panel_of(inputs, PanelSettings())
    return panel, events, inputs


def test_new_peers_were_strangers_through_every_channel_until_the_period_before(study):
    panel, events, inputs = study
    new = new_peers(panel, events, inputs.ties, AnyPeer())
    contacts: dict[frozenset[int], int] = {}
    for channel in set(inputs.ties["channel"].to_pylist()):
        ties = tie_events(inputs.ties, channel, events, panel.calendar)
        for i, j, t in zip(ties.ego.tolist(), ties.peer.tolist(), panel.calendar.of(ties.time).tolist(), strict=True):
            pair = frozenset((i, j))
            contacts[pair] = min(t, contacts.get(pair, t))
    rows, peers = new.peers.nonzero()
    assert len(new.row) > 100
    for r, j in zip(rows, peers, strict=True):
        assert contacts[frozenset((int(new.person[r]), int(j)))] == new.period[r] - 1
    assert np.array_equal(panel.person[new.then], new.person)
    assert np.array_equal(panel.period[new.then], new.period - LAG)
    used = uses_by_period(events, panel.calendar).used
    peers_of = [new.peers[[r]].nonzero()[1] for r in range(len(new.row))]
    assert new.exposure.tolist() == [float(used[p, t].any()) for p, t in zip(peers_of, new.period, strict=True)]
    assert new.theirs(LAG) == pytest.approx(
        [used[p, t - LAG].mean() for p, t in zip(peers_of, new.period, strict=True)]
    )
    assert new.own_then.tolist() == [float(used[i, t - LAG]) for i, t in zip(new.person, new.period, strict=True)]


def test_no_pair_is_without_its_first_contact(study):
    panel, events, inputs = study
    code, first = first_contact(inputs.ties, events, panel.calendar)
    assert np.all(np.diff(code) > 0)
    assert first.max() < panel.calendar.count + 1


def test_the_exposure_to_another_strategy_is_that_of_the_mapping_and_its_history_ends_before_the_period(study):
    panel, events, _ = study
    uses = uses_by_period(events, panel.calendar)
    for mapping in (AnyPeer(), Proportion()):
        exposure, history = unrelated_exposure(panel, uses, mapping)
        assert exposure == pytest.approx(panel.exposure(mapping), nan_ok=True)
    last = int(panel.period.max())
    changed = replace(uses, used=uses.used.copy(), active=uses.active.copy())
    changed.used[:, last:], changed.active[:, last:] = True, True
    again = unrelated_exposure(panel, changed, Proportion())[1]
    assert set(history) == {f"unrelated_{k}" for k in ("own_rate", "own_last", "peers_rate", "peers_any_rate")}
    assert all(np.array_equal(history[name], again[name]) for name in history)


def test_an_unrelated_strategy_is_told_by_name_and_must_be_declared():
    sample = replace(control(1, 0.0), e=control(1, 0.0).X[:, 1])
    check = unrelated_behaviour(sample, "religion", control(1, 0.0).e, {"past": sample.y * 0 + 1}, against(), LINEAR)
    assert check.name == "unrelated_behaviour"
    assert "religion" in check.detail
    assert undeclared().status == "not_informative"
    assert "effect.unrelated" in undeclared().detail


def test_a_hidden_cause_of_exposure_to_something_unrelated_fires():
    checks = []
    for seed in range(12):
        drawn = control(seed, 0.3)
        declared = replace(drawn, e=drawn.X[:, 1], X=drawn.X[:, :1], covariate_names=("x",), groups=("own",))
        checks.append(unrelated_behaviour(declared, "religion", drawn.e, {}, against(), LINEAR))
    assert sum(c.status == "warn" for c in checks) >= binom.ppf(0.0005, 12, 0.95)


def past_of(seed, hidden, **world):
    """z of the past outcome in an S7 world; hidden: nobody knows text or history, so that the trait is a hidden cause."""
    made = S7(people=450, periods=12, **world).simulate(seed)
    messages, _ = made.tables()
    features = np.eye(4)[made.posts.level] + generator(seed, "features").normal(
        scale=0.3, size=(len(made.posts.level), 4)
    )
    inputs = Inputs(messages, made.posts.uses, features.astype(np.float32), build_ties(messages, window_days=14).ties)
    panel, events, ties = panel_of(inputs, PanelSettings())
    new = new_peers(panel, events, inputs.ties, AnyPeer())
    headline = Headline(0.1, None, True, union_graph(panel, ties), np.arange(len(panel.people)) % 20)
    if not hidden:
        check = past_outcome(new, headline, EstimationSettings())
        return check.figures["estimate"] / check.figures["se"]
    known = {k: v for k, v in new.past().items() if k.startswith("then_time") or k == "then_n_peers"}
    columns = {"own": known, "peers": {"new_peers": new.n_peers.astype(float)}}
    one, _ = estimated(sample_of(new, new.own_then, columns, headline), LINEAR)
    return one.estimate / one.se


def test_what_peers_did_to_a_person_is_not_taken_for_a_hidden_cause():
    """A strong effect, which answers are mutual enough to carry back: people were strangers when the outcome was."""
    z = [past_of(seed, hidden=False, effect=0.25) for seed in range(3)]
    assert abs(sum(z)) / np.sqrt(3) < 3.3


def test_a_hidden_trait_by_which_people_meet_fires_without_any_effect():
    split = {"trait_rates": (0.02, 0.1, 0.8, 0.9), "homophily": 4.0}
    z = [past_of(seed, hidden=True, null=True, **split) for seed in range(3)]
    assert sum(z) / np.sqrt(3) > 3.3


def test_too_few_rows_cannot_be_checked(study):
    panel, events, inputs = study
    new = new_peers(panel, events, inputs.ties, AnyPeer())
    few = replace(new, row=new.row[:50], then=new.then[:50], peers=new.peers[:50], exposure=new.exposure[:50])
    for check in (past_outcome(few, against(), LINEAR), among_new_peers(few, against(), LINEAR)):
        assert check.status == "not_informative"
        assert "50 rows have people first met" in check.detail


def test_a_headline_without_sensitivity_is_held_against_its_own_size():
    from causal.estimators import estimate

    sample = control(2, 0.2)
    bare, full = (headline_of(estimate(sample, replace(LINEAR, sensitivity=s)), sample) for s in (False, True))
    assert bare.tipping is None
    assert 0 < full.tipping < 1
    assert bare.value == full.value
