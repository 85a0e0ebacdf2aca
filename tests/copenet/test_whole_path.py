"""The whole path on a dump of canaries: dumps to report, then every command, and nobody's name anywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

import copenet
from copenet import journal
from copenet.cli.app import app
from copenet.foundation.progress import SILENT
from copenet.foundation.tables import read_table, write_table
from copenet.stages.common import texts_of
from copenet.stages.effect import compute, saying
from copenet.study import Study
from gnn.schema import LABELS
from ingest import load_key, pseudonym
from tests.copenet.corpus import CANARY, UNJUDGED, _lines, gold_csv, holding, plant, tiny_world

pytestmark = pytest.mark.slow


class Told:
    """Everything any command has printed in this session."""

    def __init__(self):
        self.text = ""

    def __call__(self, *arguments: object, stdin: str = ""):
        done = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="copenet")
        self.text += done.output + done.stderr
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done


@pytest.fixture(scope="session")
def call():
    return Told()


@pytest.fixture(scope="session")
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dumps")
    world = tiny_world()
    plant(folder, world)
    gold_csv(world, folder / "gold.csv")
    return folder


@pytest.fixture(scope="session")
def study(tmp_path_factory, dumps, call):
    """A study that ran once, with gold labels."""
    path = tmp_path_factory.mktemp("studies") / "canaries"
    call("init", path, "--set", f"text.gold={dumps / 'gold.csv'}", "--set", "effect.representation_dimensions=2")
    done = call("run", path, "--from", dumps)
    assert done.exit_code in (0, 4), done.output
    return path


@pytest.fixture
def copy(study, tmp_path):
    shutil.copytree(study, tmp_path / "study")
    return tmp_path / "study"


def document(call, *arguments):
    done = call(*arguments, "--json")
    assert done.exit_code in (0, 4), done.output
    return json.loads(done.stdout)


def embeddings(path: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (path / "restricted" / "embeddings").iterdir()}


def test_a_run_leaves_a_report_and_everything_fresh(study, call):
    rows = document(call, "status", study)["stages"]
    assert {row["state"] for row in rows} == {"fresh"}
    report = (study / "results" / "report.html").read_text()
    assert "<html" in report
    assert {p.name for p in (study / "results").glob("*.json")} >= {
        "quality.json",
        "graph.json",
        "labels.json",
        "effects.json",
        "checks.json",
        "manifest.json",
        "protection.json",
    }


def test_a_second_run_does_nothing_and_says_so(study, call):
    before = (study / "restricted" / "stages" / "effect.json").read_bytes()
    done = call("run", study)
    assert done.stdout.count("cached") == 7
    assert "nothing changed" in done.stdout
    assert (study / "restricted" / "stages" / "effect.json").read_bytes() == before


def test_a_run_is_numbered_and_tallied(study, call):
    lines = call("run", study).stdout.splitlines()
    assert [line[:4] for line in lines if re.match(r"\d/7 ", line)] == [f"{n}/7 " for n in range(1, 8)]
    assert re.match(r"OK \d · WARN \d · FAIL 0 · ", lines[-1])
    assert "\x1b[" not in "".join(lines)


def test_run_in_json_is_one_document_on_stdout_and_the_lines_on_stderr(study, call):
    done = call("run", study, "--json")
    found = json.loads(done.stdout)
    assert found["exit_code"] == done.exit_code
    assert {row["state"] for row in found["stages"]} == {"fresh"}
    assert "7/7 report" in done.stderr


QUALITY = (
    "messages authors replies replies_resolved parents_missing deleted duplicates self_replies rejected first_at last_at"
    " platforms bots_suspected"
)


def test_quality_has_its_keys(study, call):
    found = document(call, "quality", study)
    assert set(QUALITY.split()) <= set(found)
    assert found["platforms"] == ["reddit"]
    assert found["rejected"]
    assert set(found["rejected"][0]) == {"file", "line", "reason"}
    assert "next: copenet run" in call("quality", study).stdout


def test_effect_has_its_keys_and_one_naive_one_ols_one_headline(study, call):
    found = document(call, "effect", "estimate", study)
    keys = [
        "outcome",
        "exposure",
        "estimand",
        "headline",
        "estimates",
        "checks",
        "assumptions",
        "labels_validated",
        "refused",
    ]
    assert set(keys) <= set(found)
    names = [row["estimator"] for row in found["estimates"]]
    assert names.count("naive") == names.count("ols") == names.count(found["headline"]) == 1
    assert set(found["estimates"][0]) >= {"estimator", "estimate", "se", "ci_low", "ci_high", "p_value", "n"}
    allowed = {"pass", "warn", "fail", "not_informative", "refused"}
    assert {check["status"] for check in found["checks"]} <= allowed
    assert found["labels_validated"] is True
    assert found["declared"]["before_outcome"] is True


def test_no_leak_was_found(study, call):
    found = {check["name"]: check["status"] for check in document(call, "effect", "check", study)["checks"]}
    assert found["leak_audit"] == "pass"
    assert found["label_error"] == "warn"


def test_explain_and_check_speak(study, call):
    assert "This holds if:" in call("effect", "explain", study).stdout
    assert "overlap" in call("effect", "check", study).stdout


def test_labels_have_their_keys(study, call):
    found = document(call, "text", "evaluate", study)
    assert found["labels_validated"] is True
    assert {"model", "macro_f1", "ci_low", "ci_high", "ece", "seconds", "per_strategy"} <= set(found["models"][0])
    assert "macro F1" in call("text", "evaluate", study).stdout
    assert "positive_reframing" in call("text", "train", study).stdout
    assert document(call, "text", "embed", study)["n_messages"] > 300


def test_the_graph_answers(study, call):
    built = document(call, "graph", "build", study)
    assert {"users", "messages", "ties", "store"} <= set(built)
    found = document(call, "graph", "communities", study, "--method", "map_equation")
    assert {"method", "n", "sizes", "modularity", "codelength"} <= set(found)
    assert min(found["sizes"]) >= 8
    answer = document(call, "graph", "query", study, "MATCH (u:User) RETURN count(u) AS n")
    assert isinstance(answer.pop("labels_validated"), bool)
    assert answer == {"columns": ["n"], "rows": [[built["users"]]], "truncated": False}
    few = document(call, "graph", "query", study, "top_repliers", "--param", "limit=3", "--max-rows", 2)
    assert len(few["rows"]) == 2
    assert few["truncated"]
    assert call("graph", "communities", study, "--method", "louvain").exit_code == 2
    assert "leiden" in call("graph", "communities", study).stdout


def test_a_writing_query_and_a_broken_one_are_refused(study, call):
    assert call("graph", "query", study, "MATCH (n) DETACH DELETE n").exit_code == 4
    assert call("graph", "query", study, "MATCH (n RETURN n").exit_code == 2
    assert call("graph", "query", study, "top_replier").exit_code == 2


def test_the_shell_answers_line_by_line(study, call):
    typed = ":saved\nMATCH (u:User)\nRETURN count(u) AS people;\ntop_repliers\nCREATE (n);\n:quit\nnever read;\n"
    done = call("graph", "shell", study, stdin=typed)
    assert done.exit_code == 0
    assert "top_repliers" in done.stdout
    assert "people" in done.stdout
    assert "refused:" in done.stderr


def test_figures_and_exports(copy, call):
    path = Path(document(call, "graph", "figure", copy, "communities", "--strategy", "planning")["path"])
    assert path.read_bytes().startswith(b"<?xml")
    assert json.loads(path.with_suffix(".json").read_bytes())["caption"]
    exported = Path(document(call, "graph", "export", copy, "--format", "gexf")["path"])
    assert exported.is_relative_to(copy / "restricted")
    assert b"<gexf" in exported.read_bytes()
    assert call("graph", "export", copy, "--format", "gexff").exit_code == 2
    assert call("graph", "export", copy, "--out", copy / "results" / "x.gexf").exit_code == 4
    assert call("graph", "figure", copy, "hairball").exit_code == 2


def test_dropping_the_store_drops_nothing_else(copy, call):
    assert document(call, "graph", "drop", copy)["dropped"] is True
    states = {row["name"]: row["state"] for row in document(call, "status", copy)["stages"]}
    assert states.pop("store") == "missing"
    assert set(states.values()) == {"fresh"}
    assert call("graph", "query", copy, "RETURN 1").exit_code == 2
    assert document(call, "graph", "build", copy)["users"] > 50


def test_audit_lists_what_was_done_and_what_was_not(study, call):
    found = document(call, "audit", study)
    status = {check["name"]: check["status"] for check in found["checks"]}
    assert status["estimand declared before the outcome was opened"] == "pass"
    assert status["protection"] == "pass"
    assert "design calibration on this network" in found["not_done"]
    assert "not yet done" in call("audit", study).stdout


def test_another_outcome_beside_the_declared_one(copy, call):
    declared = (copy / "results" / "effects.json").read_bytes()
    vectors = embeddings(copy)
    found = document(call, "effect", "estimate", copy, "--outcome", "planning", "--set", "effect.text_dimensions=2")
    assert found["outcome"] == "planning"
    assert found["declared"]["before_outcome"] is False
    assert (copy / "results" / "effects.json").read_bytes() == declared
    assert embeddings(copy) == vectors
    last = [r for r in journal.read(copy / "journal.jsonl") if r["event"] in ("declared", "outcome opened")][-2:]
    assert [r["event"] for r in last] == ["declared", "outcome opened"]
    assert last[0]["estimand"]["outcome"] == last[1]["outcome"] == "planning"


def test_a_study_in_python(study):
    opened = copenet.Study.open(study)
    found = opened.estimate()
    assert list(found.tidy()["estimator"])[:1] == [found.document["headline"]] or len(found.tidy()) >= 3
    assert "naive" in found.summary()
    assert "<svg" in found.plot().svg()
    assert found.path == study / "results" / "effects.json"


def test_an_outcome_nobody_shows_is_refused_and_everything_else_kept(study, call):
    before = (study / "results" / "effects.json").read_bytes()
    done = call("effect", "estimate", study, "--outcome", UNJUDGED, "--json")
    assert done.exit_code == 4
    found = json.loads(done.stdout)
    assert found["refused"]
    assert all(row["estimate"] is None for row in found["estimates"] if row["estimator"] == found["headline"])
    told = call("effect", "estimate", study, "--outcome", UNJUDGED)
    assert told.exit_code == 4
    assert "REFUSED" in told.stdout
    assert "no usable gold labels" in told.stdout
    assert (study / "results" / "effects.json").read_bytes() == before
    assert "REFUSED" in call("effect", "explain", study, "--outcome", UNJUDGED).stdout


def test_an_exposure_without_overlap_is_refused(copy):
    path = copy / "restricted" / "labels" / "labels.parquet"
    table = read_table(path, LABELS)
    everybody = pa.array([1.0] * table.num_rows)
    write_table(path, table.set_column(2, LABELS.field("probability"), everybody), LABELS)
    found = compute(Study.open(copy), SILENT).document
    assert found["refused"]
    told = saying(found)
    assert told.level == "refused"
    assert any("REFUSED" in line for line in told.notes)


def test_data_too_short_for_one_row_are_refused_like_any_other_design(copy):
    short = Study.open(copy).with_changes({"effect.period_weeks": 52})
    found = compute(short, SILENT).document
    assert found["refused"]
    assert {row["estimator"] for row in found["estimates"]} == {"aipw", "ols", "naive"}
    assert saying(found).level == "refused"


def test_answers_to_posts_are_estimated_by_a_setting_and_said(copy, call):
    asked = ("effect", "estimate", copy, "--set", "effect.design=replies", "--set", "effect.reply_hours=168")
    found = document(call, *asked)
    assert found["exposure"] == "any_peer(replies)"
    assert {row["estimator"] for row in found["estimates"]} == {"aipw", "ols", "naive", "helper_iv"}
    assert {"leak_audit", "helper_first_stage"} <= {check["name"] for check in found["checks"]}
    assert "first answer" in found["assumptions"][0]
    said = call(*asked).output
    assert "posts that others answered" in said
    assert "helper instrument" in said


@pytest.mark.neo4j
def test_the_same_study_on_a_neo4j_server(study, copy, call, neo4j_server, monkeypatch):
    monkeypatch.setenv("COPENET_NEO4J_PASSWORD", neo4j_server.password)
    where = ("--store", "neo4j", "--set", f"graph.uri={neo4j_server.uri}", "--set", f"graph.user={neo4j_server.user}")
    built = document(call, "graph", "build", copy, *where)
    here = document(call, "graph", "build", study)
    assert {**built, "store": "ladybug"} == here
    for name in ("top_repliers", "most_answered_threads"):
        assert document(call, "graph", "query", copy, name, *where) == document(call, "graph", "query", study, name)
    text = document(
        call, "graph", "query", copy, "MATCH (m:Message) WHERE m.text IS NOT NULL RETURN count(m) AS n", *where
    )
    assert text["rows"] == [[0]]
    assert call("graph", "drop", copy, *where).exit_code == 0
    monkeypatch.setenv("COPENET_NEO4J_PASSWORD", "wrong")
    done = call("graph", "build", copy, *where)
    assert done.exit_code == 5
    assert "password" in done.stderr
    assert "Traceback" not in done.stderr
    assert (copy / "results" / "report.html").is_file()


def test_no_gold_labels_runs_and_says_so(copy, call):
    toml = copy / "study.toml"
    toml.write_text(re.sub(r'gold = "[^"]*"', 'gold = ""', toml.read_text()))
    vectors = embeddings(copy)
    done = call("run", copy)
    assert done.exit_code in (0, 4)
    assert "labels not validated" in done.stdout
    assert embeddings(copy) == vectors
    assert "not validated" in (copy / "results" / "report.html").read_text().lower()
    assert document(call, "text", "label", copy)["labels_validated"] is False
    assert document(call, "effect", "estimate", copy)["labels_validated"] is False


def test_gold_labels_that_are_not_there(copy, call):
    toml = copy / "study.toml"
    toml.write_text(re.sub(r'gold = "[^"]*"', 'gold = "gone.csv"', toml.read_text()))
    done = call("run", copy)
    assert done.exit_code == 3
    assert "gone.csv" in done.stdout
    assert (copy / "results" / "report.html").is_file()


def test_half_a_file_keeps_its_good_half(dumps, tmp_path, call):
    first, second = (path.read_bytes() for path in sorted(dumps.glob("RC_*.zst"))[1:3])
    half = tmp_path / "RC_2019-05.zst"
    half.write_bytes(first + second[: len(second) // 2])
    call("init", tmp_path / "study")
    done = call("ingest", tmp_path / "study", half)
    found = document(call, "quality", tmp_path / "study")
    assert done.exit_code == 0
    assert found["messages"] > 0
    assert any("truncated" in entry["reason"] for entry in found["rejected"])


def test_forgetting_removes_a_person_and_marks_results_stale(copy, dumps, call):
    name = next(
        json.loads(line)["author"]
        for path in sorted(dumps.glob("RC_*.zst"))
        for line in _lines(path)
        if line.endswith(b"}") and CANARY.encode() in line and b'"author":"' in line
    )
    mark = pseudonym(load_key(copy / "restricted"), "reddit", name)
    found = document(call, "forget", copy, name)
    assert found["messages"] > 0
    states = {row["name"]: row["state"] for row in document(call, "status", copy)["stages"]}
    assert states.pop("ingest") in ("stale", "fresh")
    assert set(states.values()) == {"missing"}
    left = [p for p in holding(copy, mark, outside="-") if Path(p).name != "forgotten"]
    assert left == []
    assert not any((copy / "results").iterdir())
    again = call("ingest", copy)
    assert again.exit_code == 0
    assert [p for p in holding(copy, mark, outside="-") if Path(p).name != "forgotten"] == []


def test_kill_9_in_the_middle_of_a_run_loses_nothing(copy):
    shutil.rmtree(copy / "restricted" / "embeddings")
    (copy / "restricted" / "embeddings").mkdir(mode=0o700)
    before = (copy / "results" / "effects.json").read_bytes()
    run = [sys.executable, "-c", "from copenet.cli import main; main()", "run", str(copy)]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        record = copy / "restricted" / "stages" / "embed.json"
        while b'"running"' not in record.read_bytes() and first.poll() is None:
            time.sleep(0.01)
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
    state = {row["name"]: row for row in json.loads(_status(copy))["stages"]}
    assert (state["embed"]["state"], state["embed"]["reason"]) == ("failed", "interrupted")
    assert state["quality"]["state"] == "fresh"
    subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    assert {row["state"] for row in json.loads(_status(copy))["stages"]} == {"fresh"}
    assert (copy / "results" / "effects.json").read_bytes() == before


def _status(path: Path) -> str:
    """Ask in a process of its own, as the runs were."""
    run = [sys.executable, "-c", "from copenet.cli import main; main()", "status", str(path), "--json"]
    return subprocess.run(run, capture_output=True, check=True, text=True).stdout


def test_z_nobody_is_named_outside_restricted_nor_in_any_text(study, call):
    """Runs last in this file: everything was printed by then."""
    assert len(call.text) > 10_000
    assert CANARY not in call.text.lower()
    assert holding(study, CANARY) == []
    assert not any(CANARY in text.lower() for text in texts_of(Study.open(study))["text"].to_pylist())
    assert oct((study / "restricted").stat().st_mode & 0o777) == "0o700"
