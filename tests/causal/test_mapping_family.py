"""The mapping family: exposures in the panel, and what is said when mappings agree or do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from causal.estimators import EstimationSettings
from causal.exposure import AnyPeer, RecencyWeighted, SimilarityWeighted, StructuralDiversity
from causal.mapping_family import agreement, computable, mapping_family
from causal.panel import PanelSettings
from causal.study_effect import EffectSettings
from copenet.foundation.errors import UsageError
from tests.causal.graphs import ring, sample_of
from tests.causal.worlds import SETTINGS, Said, inputs_of, panel_of, simulated

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False, bandwidth=1)


def row(name, estimate, half):
    if estimate is None:
        return {"definition": name, "estimate": None, "refused": "no overlap"}
    return {"definition": name, "estimate": estimate, "ci_low": estimate - half, "ci_high": estimate + half}


@pytest.mark.parametrize(
    ("rows", "status", "said"),
    [
        ([("declared", 0.2, 0.1), ("a", 0.3, 0.1), ("b", 0.1, 0.2)], "pass", "2 of 2 other mappings have its sign"),
        ([("declared", 0.2, 0.1), ("a", -0.3, 0.1)], "warn", "Against it: a"),
        ([("declared", 0.2, 0.1), ("a", -0.05, 0.1)], "warn", "one of the mapping"),
        ([("declared", 0.05, 0.1), ("a", 0.3, 0.1)], "warn", "to choose the answer"),
        ([("declared", 0.05, 0.1), ("a", -0.3, 0.1)], "warn", "Against it: a"),
        ([("declared", 0.05, 0.1), ("a", -0.05, 0.1)], "pass", "0 of 1 other"),
        ([("declared", None, 0.1), ("a", -0.05, 0.1)], "not_informative", "no second mapping"),
        ([("declared", 0.1, 0.1), ("a", None, 0.1)], "not_informative", "no second mapping"),
    ],
)
def test_agreement_is_said_as_it_is(rows, status, said):
    found = agreement([row(*r) for r in rows])
    assert found[0] == status
    assert said in found[1]


def test_mappings_of_one_truth_agree_and_a_mapping_of_nothing_is_refused():
    rng = np.random.default_rng(0)
    n = 800
    X = rng.normal(size=(n, 2))
    count = rng.poisson(np.exp(0.3 * X[:, 0]))
    y = 0.5 * count + X[:, 0] + rng.normal(size=n)
    sample = sample_of(y, count.astype(float), X, ring(n), binary=False)
    check = mapping_family(sample, {"any": (count > 0).astype(float), "none": np.zeros(n)}, LINEAR)
    declared, any_peer, nothing = check.figures["rows"]
    assert check.status == "pass"
    assert abs(declared["estimate"] - 0.5 * count.std()) < 3.3 * declared["se"]
    assert any_peer["ci_low"] > 0
    assert (declared["ci_low"] + declared["ci_high"]) / 2 == pytest.approx(declared["estimate"])
    assert any_peer["correlation_with_declared"] == pytest.approx(np.corrcoef(count, count > 0)[0, 1])
    assert "never varies" in nothing["refused"]


def test_ages_and_ties_of_the_panel_follow_from_the_days_on_which_people_answered():
    """u is answered by a in week 2 and again in week 3, by b in week 2; a and b have talked; all expose in week 4."""
    said = [Said("u", 0, None, False), Said("a", 0, None, False), Said("b", 0, None, False)]
    said += [Said("a", 15, 0, False), Said("b", 15, 0, False), Said("b", 16, 1, False), Said("a", 22, 0, False)]
    said += [
        Said("u", 23, None, False),
        Said("a", 29, None, True),
        Said("u", 36, None, False),
        Said("u", 48, None, False),
    ]
    panel, events, _ = panel_of(inputs_of(sorted(said, key=lambda s: s.day)))
    assert panel.settings == SETTINGS
    u, a, b = (events.people.index(name) for name in "uab")
    row = np.flatnonzero((panel.person == u) & (panel.period == 4))
    piece = next(s for s in panel.slices if s.period == 4)
    place = int(np.flatnonzero(piece.person == u)[0])
    ages = piece.seen.age[[place]].toarray()[0]
    assert (ages[a], ages[b]) == (1, 2)
    assert piece.seen.ties[[a]].toarray()[0, b] == 1
    assert panel.exposure(RecencyWeighted(1.0))[row] == pytest.approx(1 / 1.5)
    assert panel.exposure(StructuralDiversity())[row].tolist() == [1.0]


def test_the_age_of_a_tie_is_that_of_its_last_contact():
    panel, _, ties = panel_of(simulated(people=120, periods=9)[1], PanelSettings())
    piece = panel.slices[-1]
    last = {
        (e, p): t for e, p, t in zip(ties.ego, ties.peer, panel.calendar.of(ties.time), strict=True) if t < piece.period
    }
    rows, columns = piece.seen.age.nonzero()
    expected = [piece.period - last[piece.person[i], j] for i, j in zip(rows, columns, strict=True)]
    assert piece.seen.age.data.tolist() == expected
    assert (piece.seen.age != 0).nnz == piece.peers.nnz
    assert len(set(expected)) == panel.settings.lookback_periods


def test_exposures_of_the_panel_know_nothing_of_later_text_or_ties():
    _, inputs = simulated(people=120, periods=9)
    settings = PanelSettings(text_dimensions=3)
    panel, _, _ = panel_of(inputs, settings)
    middle = panel.slices[len(panel.slices) // 2]
    cut, _, _ = panel_of(inputs.before(panel.calendar.start(middle.period + 2)), settings)
    again = next(s for s in cut.slices if s.period == middle.period)
    for mapping in EffectSettings().family:
        assert mapping.of(again.seen) == pytest.approx(mapping.of(middle.seen), nan_ok=True)


def test_without_text_nothing_is_said_of_similarity():
    panel, _, _ = panel_of(simulated(people=120, periods=9)[1], PanelSettings(text_dimensions=0))
    assert SimilarityWeighted not in {type(m) for m in computable(panel, EffectSettings().family)}
    assert len(computable(panel, EffectSettings().family)) == len(EffectSettings().family) - 1
    with pytest.raises(UsageError, match="no prior text") as caught:
        panel.exposure(SimilarityWeighted())
    assert "text_dimensions" in caught.value.remedy


def test_a_dense_network_gives_no_interval_and_no_agreement():
    sample = sample_of(np.arange(60.0), np.arange(60) % 2, np.zeros((60, 1)), csr_array(1.0 - np.eye(60)))
    assert mapping_family(sample, {}, EstimationSettings()).status == "not_informative"
    assert AnyPeer().definition == "any_peer(received_reply)"
