"""Estimating beside the declared effect: what may be overridden, and which labels count as validated."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from copenet import finding, journal
from copenet.cli.app import app
from copenet.finding import estimate
from copenet.foundation.errors import RefusedError, UsageError
from copenet.foundation.files import write_json
from copenet.foundation.progress import SILENT
from copenet.freshness import is_locked
from copenet.stages import common, effect
from copenet.stages.effect import Computed, settings_of
from copenet.study import Study
from tests.report.documents import effects


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study")


@pytest.fixture
def brought(monkeypatch):
    """What was brought up to date, instead of doing so."""
    asked = []
    monkeypatch.setattr("copenet.running.bring", lambda study, names, *_: asked.append((study.settings, tuple(names))))
    return asked


OUTSIDE = [
    ("text.gold", "other.csv"),
    ("graph.window_days", 14),
    ("study.seed", 3),
    ("ingest.bots", ["x"]),
    ("report.suppress_below", 9),
]


@pytest.mark.parametrize(("key", "value"), OUTSIDE)
def test_what_the_declared_effect_rests_on_is_not_overridden(study, brought, key, value):
    with pytest.raises(UsageError, match="would change what the declared effect rests on") as caught:
        estimate(study.with_changes({key: value}))
    assert key in caught.value.message
    assert "study.toml" in caught.value.remedy
    assert f"--set {key}=" in caught.value.remedy
    assert brought == []


@pytest.mark.parametrize("command", ["estimate", "check", "explain", "export"])
def test_every_effect_command_refuses_it(study, brought, command):
    done = CliRunner().invoke(app, ["effect", command, str(study.path), "--set", "graph.window_days=14", "--json"])
    assert done.exit_code == 2
    assert "graph.window_days" in json.loads(done.stdout)["error"]
    assert brought == []


def test_another_seed_is_of_the_effect_alone_and_computed_under_the_lock(study, brought, monkeypatch):
    seen = []

    def compute(asked, progress):
        seen.append((settings_of(asked).seed, is_locked(study.restricted / "stages" / "lock")))
        return Computed({"outcome": "x"}, None, None)

    monkeypatch.setattr(effect, "compute", compute)
    found = estimate(replace(study, effect_seed=3))
    assert seen == [(3, True)]
    assert found.path.parent.name == "beside"
    assert [settings.study.seed for settings, _ in brought] == [7]
    assert estimate(replace(study, effect_seed=4)).path != found.path
    assert estimate(replace(study, effect_seed=3)).path == found.path
    assert len(seen) == 2


def test_the_seed_option_reaches_the_effect_and_nothing_else(study, monkeypatch):
    asked = []
    monkeypatch.setattr(finding, "estimate", lambda study, *_, **__: asked.append(study) or pytest.skip.Exception)
    CliRunner().invoke(app, ["effect", "estimate", str(study.path), "--seed", "3"])
    assert (asked[0].effect_seed, asked[0].seed) == (3, 7)


def labelled(study, **entries):
    """Write labels.json as gold labels for `entries` (strategy: sensitivity, specificity) make it."""
    rows = [
        {"strategy": name, "trainable": True, "sensitivity": rate, "specificity": rate}
        for name, rate in entries.items()
    ]
    document = {
        "models": [{"per_strategy": [*rows, {"strategy": "religion", "trainable": False, "reason": "too few"}]}],
        "labels_validated": True,
        "thresholds": dict.fromkeys(entries, 0.5),
        "not_trainable": {"religion": "too few gold labels: 1 positive, 9 negative"},
    }
    write_json(study.results / "labels.json", document)


def test_labels_are_validated_for_the_outcomes_that_gold_labels_judged(study):
    labelled(study, planning=0.9, humor=None)
    assert common.labels_validated(study, "planning")
    assert not common.labels_validated(study, "humor")
    assert not common.labels_validated(study, "religion")
    assert common.label_error(study, "religion") is None


def test_an_outcome_without_gold_labels_is_refused_with_those_that_have_some(study):
    labelled(study, planning=0.9, humor=0.8)
    asked = study.with_changes({"effect.outcome": "religion"})
    found = effect.compute(asked, SILENT).document
    assert "no usable gold labels for religion (too few gold labels: 1 positive, 9 negative)" in found["refused"]
    assert "Label some messages for it, or choose one of humor, planning." in found["refused"]
    assert "commoner" not in found["refused"]
    assert found["labels_validated"] is False
    with pytest.raises(RefusedError, match="no usable gold labels for denial"):
        effect._require_labels(study, "denial")
    effect._require_labels(study, "planning")


@pytest.mark.parametrize(("least", "shown"), [(8, [2900, 890, None, None]), (2, [2900, 890, 60, 5])])
def test_an_effect_leaves_the_restricted_folder_without_counts_of_few(study, monkeypatch, least, shown):
    monkeypatch.setattr(effect, "_estimated", lambda *_: Computed(effects(), None, None))
    monkeypatch.setattr(effect, "_write_tables", lambda *_: None)
    effect.run(study.with_changes({"report.suppress_below": least}), SILENT)
    found = json.loads((study.results / "effects.json").read_text())
    assert [level["n"] for level in found["detail"]["exposure_curve"]["levels"]] == shown
    groups = next(c for c in found["checks"] if c["name"] == "effect_by_community")["figures"]["groups"]
    assert (5 in [group["people"] for group in groups]) is (least == 2)
    assert found["declared"]["others_before"] == 0


def test_a_declaration_without_the_newer_settings_still_counts(study):
    older = {k: v for k, v in study.estimand().items() if k not in ("unrelated", "missing_ties")}
    journal.append(study.journal, "declared", estimand=older)
    journal.append(study.journal, "outcome opened")
    assert effect.declared(study)["before_outcome"] is True
    assert not study.declare()
    asked = study.with_changes({"effect.missing_ties": 0.2})
    assert effect.declared(asked)["at"] is None
    assert asked.declare()


def test_a_codebook_labels_every_outcome_and_validates_none(study):
    write_json(study.results / "labels.json", {"models": [], "labels_validated": False, "thresholds": {}})
    effect._require_labels(study, "religion")
    assert not common.labels_validated(study, "religion")


def test_the_design_and_its_hours_are_settings_of_the_study(study):
    asked = study.with_changes({"effect.design": "replies", "effect.reply_hours": 48, "effect.helper_hours": 6})
    found = settings_of(asked)
    assert (found.design, found.reply_hours, found.helper_hours) == ("replies", 48, 6)
    assert found.mapping.definition == "any_peer(replies)"
    assert settings_of(study).mapping.definition == "any_peer(received_reply)"
    with pytest.raises(UsageError):
        study.with_changes({"effect.design": "threads"})


def test_the_question_names_the_design():
    document = {"outcome": "planning", "exposure": "any_peer(replies)", "detail": {"period_weeks": 2}}
    assert effect.question(document) == (
        "any answerer of a post showed planning → its author shows it elsewhere within the next 2 weeks"
    )
    panel = document | {"exposure": "any_peer(received_reply)"}
    assert effect.question(panel) == "any peer showed planning (received reply) → shows it within the next 2 weeks"
