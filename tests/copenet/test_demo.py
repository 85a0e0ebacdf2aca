"""The demo around its run: making it, finding it, refusing to overwrite, and what it says."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from copenet import demo
from copenet.cli.app import app
from copenet.foundation.errors import ResourceError, UsageError
from copenet.foundation.files import read_json
from copenet.foundation.progress import SILENT
from copenet.pipeline import Report, Saying
from copenet.sources import files_of
from copenet.study import Study

TINY = {"people": 60, "periods": 8}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return demo.simulate(tmp_path_factory.mktemp("demos") / "demo", null=False, seed=7, progress=SILENT, **TINY)


def test_the_truth_lies_apart_and_no_stage_but_the_report_reads_it(made):
    from copenet.pipeline import STAGES

    truth = made.path / "truth.json"
    assert read_json(truth)["truth"] > 0
    readers = [stage.name for stage in STAGES if truth in stage.files(made)]
    assert readers == ["report"]
    assert truth.resolve() not in files_of(made)


def test_it_is_a_study_that_reads_its_own_dumps_and_gold_labels(made):
    opened = Study.open(made.path)
    assert opened.settings == demo.settings(7, null=False)
    names = [path.name for path in files_of(opened)]
    assert names
    assert all(name.endswith(".zst") for name in names)
    assert (made.path / demo.GOLD_FILE).read_text().startswith("message_id,strategy,label,sampling_probability\n")
    assert (made.path / demo.GOLD_FILE).stat().st_mode & 0o077 == 0


def test_nobody_simulated_is_named_outside_restricted(made):
    names = frozenset(demo.raw_names(made))
    assert len(names) > 30
    assert demo.canaries(made, names) == {}
    leak = made.results / "leak.txt"
    leak.write_text(f"as {sorted(names)[0].upper()} said")
    assert demo.canaries(made, names) == {str(leak): 1}
    leak.unlink()


def test_the_same_demo_is_found_again(made):
    truth = (made.path / "truth.json").stat().st_mtime_ns
    found = demo.prepare(made.path, null=False, seed=7, force=False, progress=SILENT)
    assert found.path == made.path
    assert (made.path / "truth.json").stat().st_mtime_ns == truth


@pytest.mark.parametrize(("null", "seed"), [(True, 7), (False, 8)])
def test_another_demo_is_not_overwritten(made, null, seed):
    with pytest.raises(UsageError) as caught:
        demo.prepare(made.path, null=null, seed=seed, force=False, progress=SILENT)
    assert "holds the demo of seed 7" in caught.value.message
    assert "--force" in caught.value.remedy


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_somebody_is_never_overwritten(tmp_path, force):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="is not a demo"):
        demo.prepare(tmp_path, null=False, seed=7, force=force, progress=SILENT)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_demo_killed_while_simulating_starts_again(tmp_path, monkeypatch):
    (tmp_path / "demo" / demo.SIMULATED).mkdir(parents=True)
    (tmp_path / "demo" / demo.SIMULATED / "half.zst").write_bytes(b"x")
    asked = []
    monkeypatch.setattr(demo, "simulate", lambda directory, **rest: asked.append((directory, rest["seed"])))
    demo.prepare(tmp_path / "demo", null=True, seed=9, force=False, progress=SILENT)
    assert asked == [(tmp_path / "demo", 9)]
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("options", [["--seed", "7"], ["--null", "--seed", "9"]])
def test_an_interrupted_demo_says_how_to_go_on(tmp_path, monkeypatch, options):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "prepare", interrupted)
    done = CliRunner().invoke(app, ["demo", str(tmp_path / "demo"), *options])
    assert done.exit_code == 130
    assert f"Resume with: copenet demo {tmp_path / 'demo'} {' '.join(options)}\n" in done.stderr


def test_only_a_simulation_adds_truth_and_canaries(made):
    report = Report("protect", "ran", 1.0, Saying("60 people keyed"))
    assert demo.told(made, report, 0.1, frozenset()).saying.line == "60 people keyed · 0 canaries in outputs"
    other = Report("graph", "ran", 1.0, Saying("ties"))
    assert demo.told(made, other, 0.1, frozenset()) == other
    failed = Report("effect", "failed", 1.0, None)
    assert demo.told(made, failed, 0.1, frozenset()) == failed


def test_what_to_try_next(tmp_path):
    assert "copenet demo --null" in demo.next_commands(tmp_path, null=False)
    assert "copenet demo --null" not in demo.next_commands(tmp_path, null=True)


def test_json_gives_the_truth_as_a_number_and_says_what_failed(made):
    truth = read_json(made.path / "truth.json")
    found = demo.document(made, truth, None, 0)
    assert found["truth"] == truth["truth"]
    assert isinstance(found["truth"], float)
    assert found["truth_detail"] == truth
    assert "error" not in found
    failed = demo.document(made, truth, ResourceError("no memory", remedy="close programs"), 5)
    assert (failed["error"], failed["remedy"], failed["exit_code"]) == ("no memory", "close programs", 5)
