"""The bias curve and the extrapolation of a slope to no missing ties."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from causal import AIPW, OLS, Threshold, bias_curve, observed
from causal.curve_figures import bias_curve as drawn
from causal.designs import S3, s3
from causal.estimators import EstimationSettings
from causal.fewer_ties import BiasCurve, Thinned, curve_of, extrapolate, extrapolation_weights, levels
from causal.inference import dependence
from causal.results import Estimate
from causal.study_effect import EffectSettings, estimate_study
from causal.study_missing_ties import missing_ties, slope_scores, without_answers
from causal.study_replies import prepare
from copenet.foundation.errors import UsageError
from copenet.foundation.progress import SILENT
from tests.causal.graphs import sample_of
from tests.causal.worlds import simulated, simulated_replies

LINEAR = EstimationSettings(learners=("linear",), sensitivity=False)
QUICK = EffectSettings(placebos=False, sensitivity=False, refuter=False, text_dimensions=2, representation_dimensions=0)
WORLDS, SHARES, DRAWS = 16, (1.0, 0.8, 0.6), 3


def built(made, links):
    """The rows of S3 on some ties, and which units they are."""
    y, d, x = (made.units[name].to_numpy() for name in ("y", "d", "x"))
    e, n_peers = made.exposure.apply(links, d)
    rows = np.flatnonzero(n_peers > 0)
    X = np.column_stack([d, x, links @ x / np.maximum(n_peers, 1), n_peers, np.log1p(n_peers)])[rows]
    return sample_of(y[rows], e[rows], X, made.adjacency, person=rows, binary=False), rows


def extrapolated(seed, missing=0.2):
    made = s3.simulate(S3(n=1000), seed)
    links = observed(made.adjacency, 1 - missing, seed)
    whole, rows = built(made, links)
    scores = {}
    for share in SHARES:
        scores[share] = []
        for draw in range(DRAWS if share < 1 else 1):
            sample, there = built(made, observed(links, share, 100 * seed + draw) if share < 1 else links)
            scores[share].append(slope_scores(sample, np.searchsorted(rows, there), len(rows), LINEAR))
    near = dependence(links, np.zeros(1000, dtype=np.int64), whole.person)
    found = extrapolate(scores, near, missing=missing, exposure="proportion", count=False)
    return found, made.truth["peer"]


@cache
def worlds():
    found = []
    for seed in range(WORLDS):
        ours, truth = extrapolated(seed)
        found.append(
            (ours.estimate - truth, ours.se, ours.ci_low <= truth <= ours.ci_high, ours.curve.points[0].estimate)
        )
    return np.array(found, dtype=float)


@pytest.mark.slow
def test_a_slope_extrapolated_to_no_missing_ties_is_the_truth():
    found = worlds()
    spread = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean()) < (0.25 + 2.576 / np.sqrt(WORLDS)) * spread
    assert found[:, 2].sum() >= stats.binom.ppf(0.005, WORLDS, 0.90)
    ratio = found[:, 3].mean() / (found[:, 0].mean() + 0.8)
    assert ratio == pytest.approx(0.75, abs=0.2)  # what the observed ties give, of what is read off


def test_weights_read_off_any_parabola_at_no_missing_ties():
    shares = np.array(SHARES)
    for missing in (0.1, 0.3):
        p = (1 - missing) * shares
        lost = (1 - p) / p
        assert extrapolation_weights(SHARES, missing) @ (2 - 3 * lost + 0.7 * lost**2) == pytest.approx(2)


def test_an_exposure_that_fewer_ties_attenuate_exactly_is_put_right_exactly():
    """Scores whose denominator is 1 + λ and numerator 2: the slope is 2 / (1 + λ), with all ties 2."""
    n, missing = 400, 0.25
    rng = np.random.default_rng(0)
    noise = rng.normal(size=n) / n
    noise -= noise.mean()
    scores = {}
    for share in SHARES:
        lost = (1 - 0.75 * share) / (0.75 * share)
        scores[share] = [(2 / n + noise, np.full(n, (1 + lost) / n))] * (DRAWS if share < 1 else 1)
    near = dependence(sample_graph(n), np.zeros(n, dtype=np.int64), np.arange(n))
    found = extrapolate(scores, near, missing=missing, exposure="proportion", count=False)
    assert found.estimate == pytest.approx(2)
    assert found.reliability == pytest.approx(0.75)
    assert found.chance == 0
    assert [p.estimate for p in found.curve.points] == pytest.approx([2 * 0.75 * share for share in SHARES])
    counted = extrapolate(scores, near, missing=missing, exposure="count", count=True)
    assert counted.curve.points[0].estimate == pytest.approx(found.curve.points[0].estimate * 0.75)
    jittered = {s: [(a * (1 + 0.02 * k), b) for k, (a, b) in enumerate(d)] for s, d in scores.items()}
    shaken = extrapolate(jittered, near, missing=missing, exposure="proportion", count=False)
    assert shaken.chance > 0
    assert shaken.se > found.se


def sample_graph(n):
    return s3.simulate(S3(n=n), 0).adjacency


def test_what_cannot_be_extrapolated_is_refused_with_a_reason():
    n = 200
    near = dependence(sample_graph(n), np.zeros(n, dtype=np.int64), np.arange(n))
    rng = np.random.default_rng(1)
    flat = {s: [(rng.normal(size=n) / n, rng.exponential(size=n) / n)] for s in SHARES}
    noise = {s: rng.normal(size=n) for s in SHARES}
    gone = {s: [(flat[s][0][0], ((1 - 0.75 * s) / (0.75 * s) + noise[s] - noise[s].mean()) / n)] for s in SHARES}
    nothing = extrapolate(gone, near, missing=0.25, exposure="proportion", count=False)
    assert "too little of the exposure" in nothing.refused
    assert nothing.estimate is None
    assert len(nothing.curve.points) == len(SHARES)
    assert "too far" in extrapolate(flat, near, missing=0.7, exposure="proportion", count=False).refused
    dense = replace(near, refused="too dense")
    assert extrapolate(flat, dense, missing=0.2, exposure="proportion", count=False).refused == "too dense"


def test_fewer_ties_pull_a_threshold_towards_zero_and_the_curve_says_no_more():
    made = s3.simulate(S3(n=800, exposure=Threshold(0.5), peer=2.0, rho=0.0), 0)
    ask = AIPW(outcome="y", treatment="d", exposure=made.exposure, covariates=made.covariates, settings=LINEAR)
    curve = bias_curve(ask, made.units, made.adjacency, kept=(0.7, 0.4), draws=2)
    one, two, three = (p.estimate for p in curve.points)
    assert one > two > three > 0
    assert curve.points[0].lowest == curve.points[0].highest == one
    assert curve.points[1].lowest < two < curve.points[1].highest
    assert curve.points[2].rows < curve.points[0].rows
    assert "not what all ties would give" in curve.label
    again = bias_curve(ask, made.units, made.adjacency, kept=(0.7, 0.4), draws=2)
    assert again == curve
    assert curve.summary().endswith("with 40% of them.")


def test_a_share_without_an_estimate_is_counted_and_not_drawn():
    given = Estimate("ols", "peer", 1.0, 0.1, 0.8, 1.2, 0.0, 90, 200)
    none = Estimate("ols", "peer", None, None, None, None, None, 5, 6, refused="no overlap")

    def fit(share, draw):
        return none if share < 0.7 or (share < 0.9 and draw == 0) else given

    curve = curve_of(fit, "any_peer", kept=(0.8, 0.6), draws=2)
    assert [(p.estimate, p.refused) for p in curve.points] == [(1.0, 0), (1.0, 1), (None, 2)]
    assert "60%" not in drawn(curve.to_dict()["points"]).alt
    empty = BiasCurve("any_peer", (Thinned(1.0, None, None, None, 0.0, 1, 1),))
    assert "none of these shares" in empty.summary()
    with pytest.raises(UsageError, match="No share"):
        drawn(empty.to_dict()["points"])


@pytest.mark.parametrize("kept", [(), (0.5,), (0.5, 0.0), (0.9, 1.1)])
def test_a_curve_needs_shares(kept):
    with pytest.raises(UsageError, match="two shares"):
        levels(kept)


def test_the_figure_says_what_it_can_and_cannot_show():
    points = [
        {"kept": k, "estimate": k / 2, "lowest": k / 2 - 0.1, "highest": k / 2 + 0.1, "draws": 5}
        for k in (1.0, 0.8, 0.6)
    ]
    plain = drawn(points)
    assert "cannot show what all ties would give" in plain.caption
    assert "no intervals" in plain.caption
    right = drawn(points, corrected={"estimate": 0.6, "ci_low": 0.2, "ci_high": 1.0}, missing=0.2)
    assert "missing for a reason" in right.caption
    assert "+0.60" in right.alt


def study_of(inputs, world, **more):
    messages, labels = world.tables()
    embeddings = (messages["message_id"].to_pylist(), inputs.features)
    found = estimate_study(messages, labels, embeddings, inputs.ties, replace(QUICK, **more)).result
    return found, next((c for c in found.checks if c.name == "missing_ties"), None)


@pytest.fixture(autouse=True)
def few_and_fast(monkeypatch):
    """Fewer draws and linear learners: what a study says is tested, not how well trees do."""
    monkeypatch.setattr("causal.study_missing_ties.DRAWS", 2)
    monkeypatch.setattr("causal.study_missing_ties.KEPT", (0.8, 0.6))
    monkeypatch.setattr("causal.study_missing_ties.options", lambda settings, sensitivity: LINEAR)


def test_a_study_without_a_stated_share_runs_no_such_check():
    world, inputs = simulated(seed=21, people=200, periods=8)
    result, check = study_of(inputs, world, exposure="proportion")
    assert check is None
    assert not any("missing_ties" in a for a in result.assumptions)


@pytest.mark.parametrize("exposure", ["proportion", "count"])
def test_a_slope_of_a_study_is_put_right(exposure):
    world, inputs = simulated(seed=21, people=300, periods=10)
    result, check = study_of(inputs, world, exposure=exposure, missing_ties=0.1)
    assert check.figures["method"] == "simex"
    assert check.figures["ci_low"] < check.figures["estimate"] < check.figures["ci_high"]
    assert check.figures["declared"] == result.estimates[0].estimate
    assert f"{check.figures['estimate']:+.3f}" in check.detail
    assert "whoever's it is" in check.detail
    assert ("per peer, seen or not" in check.detail) == (exposure == "count")
    points = check.figures["bias_curve"]["points"]
    assert [p["kept"] for p in points] == [1.0, 0.8, 0.6]
    assert points[0]["rows"] > points[1]["rows"] > points[2]["rows"]
    assert any("missing_ties" in a for a in result.assumptions)


def test_a_threshold_of_a_study_gets_a_curve():
    world, inputs = simulated(seed=21, people=300, periods=10)
    result, check = study_of(inputs, world, exposure="any_peer", missing_ties=0.1)
    assert check.status == "not_informative"
    assert check.figures["method"] == "bias_curve"
    assert "not what all of them would give" in check.detail
    assert len(check.figures["bias_curve"]["points"]) == 3
    assert result.estimates[0].estimate is not None


def test_answers_of_a_study_of_replies_are_taken_away():
    world, inputs = simulated_replies(seed=21, people=400, periods=12)
    _, check = study_of(inputs, world, exposure="proportion", missing_ties=0.1, design="replies")
    assert "10% of the answers" in check.detail
    points = check.figures["bias_curve"]["points"]
    assert points[0]["rows"] > points[1]["rows"] > points[2]["rows"]


def test_an_answer_that_lost_its_parent_starts_no_thread():
    _, inputs = simulated_replies(seed=21, people=200, periods=10)
    fewer = without_answers(inputs.messages, 0.5, 0)
    assert fewer.schema == inputs.messages.schema
    assert fewer["parent_id"].null_count == inputs.messages["parent_id"].null_count
    before, after = (t["parent_id"].to_pylist() for t in (inputs.messages, fewer))
    changed = [b for a, b in zip(before, after, strict=True) if a != b]
    assert set(changed) == {""}
    answers = sum(a is not None for a in before)
    assert abs(len(changed) - answers / 2) < 2.576 * np.sqrt(answers / 4)
    settings = replace(QUICK, design="replies", exposure="proportion")
    whole, part = (
        prepare(replace(inputs, messages=m), settings, SILENT).design.posts.event for m in (inputs.messages, fewer)
    )
    assert set(part) < set(whole)


def test_a_correction_that_is_refused_says_why_and_shows_the_curve():
    declared = Estimate("plm", "slope", 0.1, 0.02, 0.06, 0.14, 0.0, 100, 300)
    made = s3.simulate(S3(n=300), 0)

    def thin(share, draw):
        return built(made, observed(made.adjacency, share, draw))

    check = missing_ties(thin, declared, replace(QUICK, exposure="proportion", missing_ties=0.6))
    assert check.status == "refused"
    assert "too far to extrapolate" in check.detail
    assert "with all observed ties" in check.detail


def test_a_share_that_is_none_is_no_setting():
    for share in (-0.1, 1.0):
        with pytest.raises(UsageError, match="share of missing ties"):
            EffectSettings(missing_ties=share)


def test_ols_has_a_curve_too():
    made = s3.simulate(S3(n=400), 0)
    ask = OLS(outcome="y", treatment="d", exposure=made.exposure, covariates=made.covariates)
    assert len(bias_curve(ask, made.units, made.adjacency, kept=(0.8, 0.6), draws=1).points) == 3
