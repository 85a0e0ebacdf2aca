"""The estimate of a study: a known truth, what stands beside it, refusals with a way out, and what is said aloud."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from causal import study_effect
from causal.events import Inputs
from causal.exposure import MAPPINGS
from causal.panel import PanelSettings
from causal.schema import EXPOSURES, PANEL
from causal.secondary import among_posters, trimming_bounds
from causal.study_effect import EffectSettings, estimate_study, features_of, uses_of
from copenet.foundation.errors import RefusedError, UsageError
from copenet.foundation.progress import SILENT
from gnn.schema import LABELS
from graph.ties import build_ties
from tests.causal.worlds import panel_of, simulated

QUICK = EffectSettings(placebos=False, sensitivity=False, refuter=False, text_dimensions=4, representation_dimensions=0)
PEOPLE, PERIODS = 500, 12


def tables(null=False, people=PEOPLE, periods=PERIODS):
    world, inputs = simulated(seed=21, people=people, null=null, periods=periods)
    messages, labels = world.tables()
    return messages, labels, (messages["message_id"].to_pylist(), inputs.features), inputs.ties


@pytest.fixture(scope="module")
def study():
    return estimate_study(*tables(), replace(QUICK, placebos=True), labels_validated=True, label_error={"f1": 0.96})


def by_name(result):
    return {e.estimator: e for e in result.estimates}


def test_the_headline_covers_the_known_truth_and_naive_does_not(study):
    truth = simulated(seed=21, people=PEOPLE, periods=PERIODS)[0].truth()["truth"]
    found = by_name(study.result)
    assert study.result.headline == "aipw"
    assert set(found) == {"aipw", "ols", "naive"}
    assert found["aipw"].ci_low <= truth <= found["aipw"].ci_high
    assert found["naive"].ci_low > truth
    assert found["naive"].estimate - truth > 0.08


def test_without_an_effect_the_headline_finds_none_and_naive_does():
    found = by_name(estimate_study(*tables(null=True), QUICK).result)
    assert found["aipw"].p_value > 0.05
    assert found["naive"].p_value < 0.005


def test_tables_follow_their_schemas_and_hold_every_row(study):
    assert study.panel.schema.equals(PANEL)
    assert study.exposures.schema.equals(EXPOSURES)
    assert study.exposures.num_rows == len(MAPPINGS) * study.panel.num_rows
    any_peer = study.exposures.filter(pc.equal(study.exposures["definition"], "any_peer(received_reply)"))
    assert any_peer.num_rows == study.panel.num_rows
    with_peers = pc.greater(any_peer["n_peers"], 0)
    assert pc.sum(with_peers).as_py() == study.result.detail["rows"] == by_name(study.result)["aipw"].n
    assert any_peer.filter(pc.invert(with_peers))["value"].null_count == any_peer.num_rows - study.result.detail["rows"]


def test_checks_and_assumptions_are_said(study):
    checks = {c.name: c for c in study.result.checks}
    assert checks["leak_audit"].status == "pass"
    assert checks["future_exposure"].status == "not_informative"
    assert checks["rewired_graph"].status in ("pass", "warn")
    assert len(checks["mapping_family"].figures["rows"]) == len(MAPPINGS)
    assert checks["time_shuffle"].figures["power"] > 0
    assert "effect.unrelated" in checks["unrelated_behaviour"].detail
    assert checks["past_outcome"].figures["power"] <= 1
    assert checks["double_negative_control"].status in ("pass", "warn", "not_informative")
    assert checks["suspected_bots"].figures["left_out"] == checks["deleted_messages"].figures["left_out"] == 0
    assert "exposure_curve" not in study.result.detail
    assert len(checks["effect_by_centrality"].figures["groups"]) == 3
    assert "effect_by_community" in checks
    assert "effect_by_platform" not in checks  # there is one
    assert {e["estimator"] for e in study.result.detail["adoption"]["estimates"]} == {"hazard", "ols", "naive"}
    assert checks["among_posters"].status in ("pass", "warn")
    assert checks["among_posters"].figures["weighted_low"] < checks["among_posters"].figures["weighted"]
    assert checks["overlap"].status in ("pass", "warn")
    assert "f1 0.960" in checks["label_error"].detail
    assert any("Latent homophily" in a for a in study.result.assumptions)
    assert orjson.loads(orjson.dumps(study.result.to_dict(), option=orjson.OPT_SERIALIZE_NUMPY))["headline"] == "aipw"


def test_the_way_from_naive_to_final_is_given_and_who_it_rests_on(study):
    steps = study.result.detail["waterfall"]["steps"]
    found = by_name(study.result)
    assert [steps[0]["estimate"], steps[-2]["estimate"], steps[-1]["estimate"]] == pytest.approx(
        [found[name].estimate for name in ("naive", "ols", "aipw")]
    )
    checks = {c.name: c for c in study.result.checks}
    assert checks["influence"].figures["people"] == study.result.detail["people"]
    assert "nuisance_drivers" not in checks  # asked for with sensitivity


def test_unvalidated_labels_are_said_aloud():
    result = estimate_study(*tables(people=200), QUICK).result
    assert not result.labels_validated
    assert next(c for c in result.checks if c.name == "label_error").detail.startswith("Labels not validated")


def test_the_same_ties_in_other_windows_and_order_give_the_same_numbers():
    messages, labels, embeddings, ties = tables(people=200)
    weekly = build_ties(messages, window_days=7).ties
    weekly = weekly.take(pa.array(np.random.default_rng(0).permutation(weekly.num_rows)))
    one, two = (estimate_study(messages, labels, embeddings, t, QUICK).result for t in (ties, weekly))
    assert [e.estimate for e in one.estimates] == [e.estimate for e in two.estimates]
    assert [e.se for e in one.estimates] == pytest.approx([e.se for e in two.estimates], rel=1e-12)


def test_a_proportion_gets_a_slope():
    result = estimate_study(*tables(people=250), replace(QUICK, exposure="proportion")).result
    assert result.headline == "plm"
    assert result.exposure == "proportion(received_reply)"
    assert set(by_name(result)) == {"plm", "ols", "naive"}


def test_a_count_gets_a_curve_and_a_shift_or_a_slope_with_its_linearity_tested():
    data = tables(people=200)
    shift = estimate_study(*data, replace(QUICK, exposure="count", estimator="shift")).result
    slope = estimate_study(*data, replace(QUICK, exposure="count", placebos=True)).result
    assert (shift.headline, slope.headline) == ("shift", "plm")
    assert {e.estimator for e in shift.estimates} == {"shift", "ols", "naive"}
    assert by_name(shift)["shift"].ci_low < by_name(shift)["naive"].estimate
    assert "1 more of the peers" in shift.estimand
    linearity = [next(c for c in r.checks if c.name == "linearity") for r in (shift, slope)]
    assert linearity[0].figures == pytest.approx(linearity[1].figures)
    assert "never the headline" in slope.detail["exposure_curve"]["label"]
    assert sum(level["n"] for level in slope.detail["exposure_curve"]["levels"]) == slope.detail["rows"]


def test_an_outcome_nobody_shows_is_refused_with_a_way_out():
    messages, labels, embeddings, ties = tables(people=200)
    result = estimate_study(messages, labels, embeddings, ties, replace(QUICK, outcome="religion")).result
    assert result.refused is not None
    assert "commoner strategy" in result.refused or "longer periods" in result.refused
    assert by_name(result)["aipw"].estimate is None


def test_an_exposure_without_overlap_is_refused_and_naive_kept():
    messages, labels, embeddings, ties = tables(people=250)
    few = replace(QUICK, exposure="threshold", threshold=1.0)
    rare = np.zeros(messages.num_rows)
    rare[::15] = 1.0
    scarce = labels.set_column(labels.column_names.index("probability"), LABELS.field("probability"), pa.array(rare))
    result = estimate_study(messages, scarce, embeddings, ties, few).result
    assert result.refused is not None
    assert "overlap" in result.refused
    assert "Try another exposure" in result.refused
    assert by_name(result)["naive"].estimate is not None


def test_a_failed_leak_audit_refuses_the_headline_and_keeps_what_stands_beside():
    messages, labels, embeddings, ties = tables(people=200)
    back = pa.scalar(14 * 86_400 * 1_000_000, pa.duration("us"))
    for name in ("window_start", "first_at", "last_at"):
        column = pc.subtract(ties[name], back)
        ties = ties.set_column(ties.column_names.index(name), ties.schema.field(name), column)
    leaky = replace(QUICK, sensitivity=True)  # without placebos: the audit is none of them
    result = estimate_study(messages, labels, embeddings, ties, leaky).result
    checks = {c.name: c for c in result.checks}
    assert checks["leak_audit"].status == "fail"
    assert result.refused.startswith("the leak audit failed: ")
    assert checks["leak_audit"].figures["leaks_ties"]["detail"].rstrip(".") in result.refused
    assert "Build the ties again" in result.refused
    found = by_name(result)
    ours = found["aipw"]
    assert (ours.estimate, ours.se, ours.ci_low, ours.ci_high, ours.p_value) == (None,) * 5
    assert ours.refused is not None
    assert found["naive"].estimate is not None
    assert found["ols"].ci_low is not None
    assert not {"rewired_graph", "future_exposure", "hidden_confounder", "time_shuffle", "past_outcome"} & set(checks)


def test_the_limit_of_the_threads_reaches_the_audit():
    messages, labels, _, _ = tables(people=200)
    ties = build_ties(messages, window_days=14, max_thread_people=3).ties
    settings = replace(QUICK, channel="co_thread", placebos=True)
    told, untold = (
        study_effect._audits(study_effect._prepare(inputs, settings, SILENT), settings, most)[0].status
        for inputs in [Inputs(messages, uses_of(messages, labels, settings.outcome, 0.5), None, ties)]
        for most in (3, 30)
    )
    assert (told, untold) == ("pass", "fail")


def test_a_declared_unrelated_strategy_and_suspected_bots_are_looked_at():
    messages, labels, embeddings, ties = tables(people=250)
    strategy = labels.schema.get_field_index("strategy")
    religion = labels.set_column(strategy, LABELS.field("strategy"), pa.array(["religion"] * labels.num_rows))
    some = np.random.default_rng(0).random(labels.num_rows) < 0.3
    chance = labels.schema.get_field_index("probability")
    religion = religion.set_column(chance, LABELS.field("probability"), pa.array(some.astype(float)))
    suspects = messages["author_id"].drop_null().unique().to_pylist()[:8]
    reasons = ["suspected: one text repeated" if a in suspects else None for a in messages["author_id"].to_pylist()]
    place = messages.schema.get_field_index("bot_reason")
    messages = messages.set_column(place, messages.schema.field("bot_reason"), pa.array(reasons, pa.string()))
    settings = replace(QUICK, placebos=True, sensitivity=True, unrelated="religion")
    result = estimate_study(messages, pa.concat_tables([labels, religion]), embeddings, ties, settings).result
    checks = {c.name: c for c in result.checks}
    assert "religion" in checks["unrelated_behaviour"].detail
    assert checks["unrelated_behaviour"].figures["n"] == by_name(result)["aipw"].n
    assert checks["unrelated_behaviour"].figures["tipping"] == checks["hidden_confounder"].figures["robustness_value"]
    assert checks["suspected_bots"].figures["left_out"] == 8
    assert checks["suspected_bots"].figures["n"] < by_name(result)["aipw"].n
    assert orjson.loads(orjson.dumps(result.to_dict(), option=orjson.OPT_SERIALIZE_NUMPY))["checks"]


def test_the_outcome_is_not_unrelated_to_itself():
    with pytest.raises(UsageError, match="unrelated"):
        EffectSettings(outcome="acceptance", unrelated="acceptance")


def test_too_short_a_study_is_refused():
    messages, labels, _, ties = tables(people=200)
    with pytest.raises(RefusedError, match="periods"):
        estimate_study(messages, labels, None, ties, replace(QUICK, burn_in_periods=20))


def test_settings_name_what_they_do_not_know():
    with pytest.raises(UsageError):
        EffectSettings(exposure="shares")
    with pytest.raises(UsageError, match="binary"):
        EffectSettings(exposure="count", estimator="aipw")
    with pytest.raises(UsageError):
        EffectSettings(exposure="threshold", threshold=0.0)
    assert EffectSettings(lookback_weeks=9).panel == PanelSettings(lookback_periods=5, representation_dimensions=8)
    assert EffectSettings(estimator="plm").headline == "plm"


def test_predicted_labels_count_before_gold_ones():
    messages, _, _, _ = tables(people=200)
    ids = messages["message_id"].to_pylist()[:3]
    rows = [
        {
            "message_id": ids[0],
            "strategy": "humor",
            "probability": 0.9,
            "labelled_by": "m",
            "sampling_probability": None,
        },
        {
            "message_id": ids[1],
            "strategy": "humor",
            "probability": 0.2,
            "labelled_by": "m",
            "sampling_probability": None,
        },
        {
            "message_id": ids[1],
            "strategy": "humor",
            "probability": 1.0,
            "labelled_by": "a",
            "sampling_probability": 0.1,
        },
        {
            "message_id": ids[2],
            "strategy": "denial",
            "probability": 1.0,
            "labelled_by": "a",
            "sampling_probability": 0.1,
        },
    ]
    labels = pa.Table.from_pylist(rows, schema=LABELS)
    assert np.flatnonzero(uses_of(messages, labels, "humor", 0.5)).tolist() == [0]
    assert np.flatnonzero(uses_of(messages, labels, "denial", 0.5)).tolist() == [2]


def test_embeddings_are_aligned_by_id():
    messages, _, _, _ = tables(people=200)
    ids = messages["message_id"].to_pylist()
    vectors = np.asarray([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    found = features_of(messages, ([ids[5], ids[2]], vectors))
    assert found[5].tolist() == [1.0, 2.0]
    assert found[2].tolist() == [3.0, 4.0]
    assert not found[[0, 1, 3]].any()
    assert features_of(messages, None) is None


def test_trimming_bounds_hold_the_contrast_of_those_who_always_post():
    """A known case: exposure brings 20% more posters, all of whom use the strategy; always-posters gain .1."""
    rng = np.random.default_rng(3)
    n = 200_000
    exposed = rng.random(n) < 0.5
    kind = rng.random(n)
    always, induced = kind < 0.5, (kind >= 0.5) & (kind < 0.6)
    posted = always | (induced & exposed)
    used = posted & np.where(always, rng.random(n) < 0.3 + 0.1 * exposed, True)
    low, high = trimming_bounds(exposed, posted, used)
    assert low < 0.1 < high
    assert high - low == pytest.approx(0.2, abs=0.02)
    check = among_posters(exposed, posted, used)
    assert check.status == "refused"
    assert check.figures["bound_low"] == low


def test_bounds_turn_around_when_exposure_silences():
    exposed = np.asarray([True] * 4 + [False] * 4)
    posted = np.asarray([True, True, False, False, True, True, True, True])
    used = np.asarray([True, False, False, False, True, True, False, False])
    low, high = trimming_bounds(exposed, posted, used)
    assert (low, high) == (0.5 - 1.0, 0.5 - 0.0)
    assert among_posters(exposed, np.zeros(8, dtype=bool), np.zeros(8, dtype=bool)).detail.startswith("Nobody")


def test_the_refuter_gets_a_random_part_of_too_many_people(monkeypatch):
    _, inputs = simulated()
    panel, _, _ = panel_of(inputs, PanelSettings())
    assert np.array_equal(study_effect._some_people(panel, 0), panel.eligible)
    monkeypatch.setattr(study_effect, "REFUTER_ROWS", 150)
    part = study_effect._some_people(panel, 0)
    assert 60 < part.sum() < 260
    inside, outside = set(panel.person[part]), set(panel.person[panel.eligible & ~part])
    assert not inside & outside
