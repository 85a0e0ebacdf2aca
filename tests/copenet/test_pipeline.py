"""Freshness and resumption, with stages whose work is to copy what they read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from copenet import journal, pipeline
from copenet.cli.app import app
from copenet.foundation.errors import InputError, ResourceError, UsageError
from copenet.foundation.files import write_json
from copenet.pipeline import BY_NAME, STAGES, Pipeline, Saying, first_error
from copenet.running import bring, everything, headline_refused
from copenet.settings import Settings, template
from copenet.sources import remember
from copenet.study import Study

NAMES = [stage.name for stage in STAGES]


def write_outputs(study, name):
    """Write a function of everything the stage reads, as a real stage does."""
    stage = BY_NAME[name]
    reads = [study.path / out for up in stage.after for out in BY_NAME[up].outputs]
    reads += [path for path in stage.files(study) if path.is_file()]
    said = hashlib.sha256(repr(stage.settings(study)).encode())
    for path in reads:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            said.update(file.read_bytes() if file.is_file() else b"")
    for out in (*stage.outputs, *stage.unread, *stage.kept(study)):
        path = study.path / out
        path = path if path.suffix else path / "part"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said.hexdigest())


class Works:
    """What stages did, and what they are to do instead."""

    def __init__(self):
        self.ran, self.instead = [], {}

    def run(self, name, study, progress):
        self.ran.append(name)
        if name in self.instead:
            raise self.instead[name]
        write_outputs(study, name)
        return Saying(f"{name} done", figures={"name": name})

    def take(self):
        ran, self.ran = self.ran, []
        return ran


@pytest.fixture
def works(monkeypatch):
    made = Works()
    for name in NAMES:
        module = f"copenet.stages.{name}"
        run = lambda study, progress, name=name: made.run(name, study, progress)  # noqa: E731
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(run=run, __spec__=find_spec(module)))
    return made


@pytest.fixture
def study(tmp_path):
    made = Study.create(tmp_path / "study")
    dump = tmp_path / "dump.ndjson"
    dump.write_text("{}")
    remember(made, [dump])
    return made


def states(study):
    return {row["name"]: row["state"] for row in Pipeline(study).states()}


def change(study, **settings):
    changed = study.with_changes({key.replace("__", "."): value for key, value in settings.items()}).settings
    (study.path / "study.toml").write_text(template(changed))
    return Study.open(study.path)


def test_everything_runs_once_and_then_nothing(study, works):
    assert set(states(study).values()) == {"missing"}
    reports = Pipeline(study).run()
    assert works.take() == NAMES
    assert {report.state for report in reports} == {"ran"}
    assert set(states(study).values()) == {"fresh"}
    again = Pipeline(study).run()
    assert works.take() == []
    assert {report.state for report in again} == {"fresh"}
    assert [report.saying.line for report in again] == [f"{name} done" for name in NAMES]


def test_a_run_that_estimates_nothing_declares_nothing(study, works):
    Pipeline(study).run()
    other = study.with_changes({"effect.outcome": "acceptance"})
    other.declare()  # as `effect estimate --outcome` does, which leaves the declared result alone
    before = study.journal.read_bytes()
    for names in (["report"], None, ["label"]):
        Pipeline(study).run(names)
    Pipeline(other).run(["graph"], force=["graph"])
    assert [d["outcome"] for d in journal.declarations(study.journal)] == ["positive_reframing", "acceptance"]
    assert study.journal.read_bytes().startswith(before)
    Pipeline(study).run(["effect"], force=["effect"])
    assert len(journal.declarations(study.journal)) == 3


def test_audit_and_explain_say_when_results_are_stale(study, works, monkeypatch):
    monkeypatch.setattr("copenet.audit.result", lambda *_: {})
    monkeypatch.setattr("copenet.finding.estimate", Mock(side_effect=UsageError("seen enough")))

    def said(*arguments):
        done = CliRunner().invoke(app, [*arguments, str(study.path)])
        return done.stdout + done.stderr

    Pipeline(study).run(["ingest"])
    assert "stale" not in said("audit") + said("effect", "explain")  # nothing is there yet
    Pipeline(study).run()
    assert "stale" not in said("audit") + said("effect", "explain")
    change(study, graph__window_days=14)
    assert f"Results are stale: run: copenet run {study.path} (graph, store, effect, report)" in said("audit")
    assert "The estimate is stale: it is computed again now, with what it rests on (graph)." in said(
        "effect", "explain"
    )
    Pipeline(study).begin_removal()
    Pipeline(study).finish_removal()  # as after a forget
    assert "Results are stale" in said("audit")
    assert "The estimate is stale" in said("effect", "explain")


def test_only_what_was_asked_for_and_what_it_rests_on(study, works):
    Pipeline(study).run(["label"])
    assert works.take() == ["ingest", "embed", "label"]


def test_another_outcome_is_estimated_without_embedding_again(study, works):
    Pipeline(study).run()
    works.take()
    changed = change(study, effect__outcome="acceptance")
    assert {name for name, state in states(changed).items() if state == "stale"} == {"effect", "report"}
    Pipeline(changed).run()
    assert works.take() == ["effect", "report"]


@pytest.mark.parametrize(
    ("setting", "value", "stale"),
    [
        ("graph__window_days", 14, {"graph", "store", "effect", "report"}),
        ("text__max_tokens", 64, {"embed", "label", "store", "effect", "report"}),
        ("graph__store", "neo4j", {"store", "report"}),
        ("study__seed", 8, set(NAMES)),
        ("report__suppress_below", 20, {"graph", "store", "effect", "report"}),
        ("ingest__bots", ["somebody"], set()),
    ],
)
def test_a_setting_makes_stale_what_reads_it(study, works, setting, value, stale):
    Pipeline(study).run()
    changed = change(study, **{setting: value})
    found = {name for name, state in states(changed).items() if state == "stale"}
    assert found == stale if stale else "ingest" in found


def test_a_changed_dump_makes_everything_stale(study, works, tmp_path):
    Pipeline(study).run()
    (tmp_path / "dump.ndjson").write_text("{} ")
    assert states(study)["ingest"] == "stale"
    assert states(study)["report"] == "stale"


def test_gold_labels_make_labels_stale_and_not_vectors(study, works):
    Pipeline(study).run()
    (study.path / "gold.csv").write_text("message_id,strategy,label\n")
    changed = change(study, text__gold="gold.csv")
    found = states(changed)
    assert (found["embed"], found["label"], found["graph"]) == ("fresh", "stale", "fresh")
    Pipeline(changed).run()
    (study.path / "gold.csv").write_text("message_id,strategy,label\na,b,1\n")
    assert states(changed)["label"] == "stale"


def test_the_same_output_again_leaves_the_rest_fresh(study, works):
    Pipeline(study).run()
    works.take()
    reports = Pipeline(study).run(force=["graph"])
    assert works.take() == ["graph"]
    assert next(r for r in reports if r.name == "effect").state == "fresh"


def test_an_output_somebody_changed_or_removed_is_made_again(study, works):
    Pipeline(study).run()
    works.take()
    (study.results / "graph.json").write_text("edited")
    assert states(study)["graph"] == "stale"
    (study.results / "report.html").unlink()
    Pipeline(study).run()
    assert "graph" in works.ran
    assert "report" in works.ran


def test_new_code_anywhere_makes_everything_stale(study, works, monkeypatch):
    Pipeline(study).run()
    monkeypatch.setattr(pipeline, "code_digest", lambda prints: "new")
    assert set(states(study).values()) == {"stale"}
    works.take()
    Pipeline(study).run()
    assert works.take() == NAMES


@pytest.mark.parametrize("named", [False, True])
def test_another_key_makes_other_people_of_everybody(study, works, tmp_path, named):
    from ingest.pseudonyms import fingerprint

    path = tmp_path / "key" if named else study.restricted / "key"
    path.write_text("ab" * 32)
    study = change(study, ingest__key_file=str(path)) if named else study
    write_json(study.restricted / "ingest" / "final.json", {"first_key": fingerprint(bytes.fromhex("ab" * 32))})
    Pipeline(study).run()
    works.take()
    assert set(states(study).values()) == {"fresh"}
    path.write_text("cd" * 32)
    assert states(study)["ingest"] == "stale"
    Pipeline(study).run(["ingest"])
    assert works.take() == ["ingest"]


def test_a_store_whose_file_went_is_built_again(study, works):
    Pipeline(study).run()
    works.take()
    (study.restricted / "graph" / "graph.lbug").unlink()
    assert states(study)["store"] == "stale"
    Pipeline(study).run()
    assert works.take() == ["store"]


def test_a_fault_stops_what_rests_on_it_and_nothing_else(study, works):
    works.instead["store"] = ResourceError("no server", remedy="start it")
    reports = {report.name: report for report in Pipeline(study).run()}
    assert reports["store"].state == "failed"
    assert reports["report"].state == "ran"
    found = states(study)
    assert found["store"] == "failed"
    assert found["effect"] == "fresh"
    works.instead.clear()
    works.take()
    Pipeline(study).run()
    assert works.take() == ["store"]


def test_what_rests_on_a_fault_is_skipped(study, works):
    works.instead["label"] = InputError("bad gold")
    reports = {report.name: report.state for report in Pipeline(study).run()}
    assert (reports["label"], reports["store"], reports["effect"], reports["report"]) == (
        "failed",
        "skipped",
        "skipped",
        "skipped",
    )
    assert reports["graph"] == "ran"


def test_the_reason_of_a_fault_is_shown_by_status(study, works):
    works.instead["embed"] = ResourceError("no model here")
    Pipeline(study).run()
    row = next(row for row in Pipeline(study).states() if row["name"] == "embed")
    assert (row["state"], row["reason"]) == ("failed", "no model here")


def test_an_interrupt_leaves_a_study_that_goes_on(study, works):
    works.instead["embed"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        Pipeline(study).run()
    assert states(study)["embed"] == "failed"
    assert states(study)["quality"] == "fresh"
    works.instead.clear()
    works.take()
    Pipeline(study).run()
    assert works.take() == NAMES[NAMES.index("embed") :]


def test_a_killed_stage_reads_failed_and_runs_again(study, works):
    Pipeline(study).run()
    works.take()
    code = """
import os, signal, sys
def kill(study, progress):
    (study.results / "graph.json").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
import copenet.stages.graph
copenet.stages.graph.run = kill
from copenet.pipeline import Pipeline
from copenet.study import Study
Pipeline(Study.open(sys.argv[1])).run(["graph"], force=["graph"])
"""
    ended = subprocess.run([sys.executable, "-c", code, str(study.path)], check=False)
    assert ended.returncode == -9
    row = next(row for row in Pipeline(study).states() if row["name"] == "graph")
    assert (row["state"], row["reason"]) == ("failed", "interrupted")
    Pipeline(study).run()
    assert works.take() == ["graph"]
    assert set(states(study).values()) == {"fresh"}


def test_a_running_stage_is_seen_from_outside(study, works):
    seen = []
    works.run = lambda name, study, progress: (
        seen.append(states(study)[name]),
        write_outputs(study, name),
        Saying(name),
    )[-1]
    Pipeline(study).run(["ingest"])
    assert seen == ["running"]


def test_two_runs_at_once_are_refused(study, works):
    def second(name, study, progress):
        with pytest.raises(ResourceError, match="Another copenet"):
            Pipeline(study).run(["ingest"])
        write_outputs(study, name)
        return Saying(name)

    works.run = second
    assert Pipeline(study).run(["ingest"])[0].state == "ran"


def test_the_estimand_is_in_the_journal_before_any_stage_ran(study, works):
    Pipeline(study).run()
    events = [record["event"] for record in journal.read(study.journal)]
    assert events[:3] == ["created", "declared", "started"]
    assert events.count("finished") == len(NAMES)
    finished = next(record for record in journal.read(study.journal) if record["event"] == "finished")
    assert {"stage", "key", "digest", "settings", "seed", "version", "seconds", "cpu_seconds"} <= set(finished)


def test_a_name_of_no_stage_is_refused(study, works):
    with pytest.raises(UsageError, match="No stage is called grap"):
        Pipeline(study).run(["grap"])


def test_bring_raises_the_first_fault(study, works):
    works.instead["embed"] = ResourceError("no model here")
    with pytest.raises(ResourceError, match="no model"):
        bring(study, ["label"])
    works.instead.clear()
    assert bring(study, ["label"])["label"].figures == {"name": "label"}
    works.take()
    bring(study, ["label"], force=True)
    assert works.take() == ["label"]


def test_the_exit_code_of_a_run(study, works):
    done = []
    assert everything(study, None, done.append)[1] == 0
    assert [report.name for report in done] == NAMES
    works.instead["label"] = InputError("bad gold")
    reports, code = everything(study, None, done.append, force=True)
    assert code == 3
    assert first_error(reports).message == "bad gold"


def test_a_refused_headline_is_no_fault_and_exits_4(study, works):
    real = works.run
    works.run = lambda name, study, progress: (
        real(name, study, progress),
        Saying("refused", "refused") if name == "effect" else Saying(name),
    )[-1]
    reports, code = everything(study, None, lambda report: None)
    assert code == 4
    assert headline_refused(reports)
    assert reports[-1].state == "ran"
    assert everything(study, None, lambda report: None)[1] == 4


def test_records_are_private(study, works):
    Pipeline(study).run(["ingest"])
    assert os.stat(study.restricted / "stages").st_mode & 0o077 == 0


def test_settings_that_a_stage_ignores_are_not_in_its_key(study):
    one, other = Pipeline(study), Pipeline(change(study, study__title="another", study__question="why?"))
    assert [one.key(name) for name in NAMES[:-1]] == [other.key(name) for name in NAMES[:-1]]
    assert one.key("report") != other.key("report")
    assert Settings().study.title == ""
