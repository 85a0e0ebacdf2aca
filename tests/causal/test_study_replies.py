"""The estimate of a study in the design of replies: a known truth, what stands beside it, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from causal import study_replies
from causal.estimators import Sample
from causal.results import Estimate
from causal.schema import EXPOSURES, PANEL
from causal.study_effect import EffectSettings, assumptions, estimate_study
from copenet.foundation.errors import RefusedError
from graph.ties import build_ties
from tests.causal.worlds import simulated_replies

QUICK = EffectSettings(
    design="replies", placebos=False, sensitivity=False, refuter=False, text_dimensions=4, representation_dimensions=0
)
WORLD = {"seed": 21, "people": 700, "periods": 14}


def tables(**world):
    made, inputs = simulated_replies(**(WORLD | world))
    messages, labels = made.tables()
    return messages, labels, (messages["message_id"].to_pylist(), inputs.features), inputs.ties


def by_name(result):
    return {e.estimator: e for e in result.estimates}


@pytest.fixture(scope="module")
def study():
    return estimate_study(*tables(), replace(QUICK, placebos=True), labels_validated=True, label_error={"f1": 0.96})


def test_the_headline_covers_the_known_truth_and_naive_does_not(study):
    truth = simulated_replies(**WORLD)[0].truth("replies")["truth"]
    found = by_name(study.result)
    assert study.result.headline == "aipw"
    assert set(found) == {"aipw", "ols", "naive", "helper_iv"}
    assert found["aipw"].ci_low <= truth <= found["aipw"].ci_high
    assert found["naive"].ci_low > truth


def test_without_an_effect_the_headline_finds_none_and_naive_does():
    found = by_name(estimate_study(*tables(null=True), QUICK).result)
    assert found["aipw"].ci_low <= 0 <= found["aipw"].ci_high
    assert found["naive"].ci_low > 0


def test_the_result_says_which_design_it_is(study):
    result = study.result
    assert result.exposure == "any_peer(replies)"
    assert "posts that others answered" in result.estimand
    assert "other threads" in result.estimand
    assert result.detail["design"] == "replies"
    assert result.detail["rows"] == study.panel.num_rows
    checks = {c.name: c for c in result.checks}
    assert checks["leak_audit"].status == "pass"
    assert "strangers" in checks["past_outcome"].detail
    assert {"unrelated_behaviour", "suspected_bots", "deleted_messages"} <= set(checks)
    assert "time_shuffle" not in checks
    assert {"overlap", "dependence", "helper_first_stage", "label_error"} <= set(checks)
    assert "of posts" in checks["overlap"].detail
    assert any("first answer" in a for a in result.assumptions)
    assert orjson.loads(orjson.dumps(result.to_dict(), option=orjson.OPT_SERIALIZE_NUMPY))["headline"] == "aipw"


def test_tables_follow_their_schemas_and_hold_every_row(study):
    assert study.panel.schema.equals(PANEL)
    assert study.exposures.schema.equals(EXPOSURES)
    assert study.exposures.num_rows == 4 * study.panel.num_rows
    assert set(study.exposures["definition"].to_pylist()) == {
        f"{name}(replies)" for name in ("any_peer", "threshold:0.5", "proportion", "count")
    }


def test_the_instrument_that_is_too_weak_here_is_refused_and_the_headline_stands(study):
    helper = by_name(study.result)["helper_iv"]
    assert helper.estimate is None
    assert "weak" in helper.refused
    assert study.result.refused is None


def test_a_shuffled_clock_refuses_headline_and_instrument(monkeypatch):
    strong = Estimate("helper_iv", "", 0.2, 0.1, 0.0, 0.4, 0.04, 100, 100)
    monkeypatch.setattr(study_replies, "estimate_iv", lambda *_, **__: (strong, ()))
    messages, labels, texts, _ = tables(people=260, periods=11, seed=5)
    place, field = messages.column_names.index("created_at"), messages.schema.field("created_at")
    times = messages["created_at"].take(np.random.default_rng(0).permutation(messages.num_rows))
    messages = messages.set_column(place, field, times)
    ties = build_ties(messages, window_days=14).ties
    result = estimate_study(messages, labels, texts, ties, replace(QUICK, placebos=True)).result
    assert result.refused is not None
    found = by_name(result)
    assert found["aipw"].estimate is None
    helper = found["helper_iv"]
    assert (helper.estimate, helper.se, helper.ci_low, helper.p_value) == (None,) * 4
    assert "leak audit" in helper.refused


def test_a_proportion_gets_a_slope():
    result = estimate_study(*tables(people=260, periods=11, seed=5), replace(QUICK, exposure="proportion")).result
    assert result.headline == "plm"
    assert result.exposure == "proportion(replies)"


def test_what_is_too_rare_is_refused_in_words_about_posts():
    messages, labels, texts, ties = tables(people=260, periods=11, seed=5)
    result = estimate_study(messages, labels, texts, ties, replace(QUICK, outcome="religion")).result
    assert "posts shows the outcome" in result.refused
    assert "commoner strategy" in result.refused
    with pytest.raises(RefusedError, match="No post"):
        estimate_study(messages, labels, texts, ties, replace(QUICK, burn_in_periods=40))


def test_the_assumptions_of_the_design_are_its_own():
    ours, panel = assumptions(QUICK), assumptions(EffectSettings())
    assert not set(ours[:3]) & set(panel[:3]) - {ours[2]}
    assert "72 hours" in ours[1]


def test_the_refuter_gets_a_random_part_of_too_many_people():
    n = 400
    person, one = np.arange(n) // 2, np.ones(n)
    sample = Sample(one, one, one[:, None], ("x",), person, person, person, csr_array((200, 200)), person, True, ("x",))
    assert study_replies._some_people(sample, n, 0) is sample
    part = study_replies._some_people(sample, 100, 0)
    assert 50 < len(part.y) < 160
    assert np.all(np.bincount(part.person)[np.unique(part.person)] == 2)


def renamed(table, *columns):
    """The same table under other pseudonyms."""
    for column in columns:
        place, field = table.column_names.index(column), table.schema.field(column)
        names = [n if n is None else f"reddit:z{int(n[-6:]) * 7919 % 1_000_003}" for n in table[column].to_pylist()]
        table = table.set_column(place, field, pa.array(names, pa.string()))
    return table


def test_a_pseudonym_decides_nothing():
    messages, labels, texts, _ = tables(people=260, periods=11, seed=5)
    one, two = (
        by_name(estimate_study(m, labels, texts, build_ties(m, window_days=14).ties, QUICK).result)
        for m in (messages, renamed(messages, "author_id", "parent_author_id"))
    )
    assert one["ols"].estimate == pytest.approx(two["ols"].estimate, abs=1e-10)
    assert one["naive"].se == pytest.approx(two["naive"].se, rel=1e-10)
