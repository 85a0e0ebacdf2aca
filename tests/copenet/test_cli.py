"""The command line without data: help, wrong usage, empty studies, faults."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from copenet.cli import graphs, main, output
from copenet.cli.app import app
from copenet.cli.later import LATER
from copenet.cli.output import content_free_hook, table
from copenet.foundation.errors import InputError, RefusedError, ResourceError, UsageError
from ingest import read_messages

ROOT = ["demo", "init", "status", "doctor", "run", "audit", "report", "ingest", "quality"]
ROOT += ["forget", "deletions", "rotate"]
NESTED = [["graph", name] for name in ("build", "communities", "query", "shell", "figure", "export", "drop")]
NESTED += [["text", name] for name in ("embed", "train", "label", "evaluate")]
NESTED += [["effect", name] for name in ("estimate", "check", "explain", "export")]
COMMANDS = [[name] for name in ROOT] + NESTED


def call(*arguments: object, stdin: str = ""):
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="copenet")


@pytest.fixture
def study(tmp_path):
    assert call("init", tmp_path / "study").exit_code == 0
    return tmp_path / "study"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    done = call(*command, "--help")
    assert done.exit_code == 0
    assert f"Example: copenet {' '.join(command)}" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != ["graph", "shell"]], ids=" ".join)
def test_every_command_but_the_shell_can_answer_in_json(command):
    assert "--json" in call(*command, "--help").stdout


@pytest.mark.parametrize(("group", "name"), sorted(LATER))
def test_a_command_of_a_later_version_says_so_and_what_to_use(group, name):
    done = call(*filter(None, (group, name)), "study", "--some", "option")
    assert done.exit_code == 2
    assert "This version cannot" in done.stderr
    assert "Use instead:" in done.stderr


@pytest.mark.parametrize(("group", "name"), sorted(LATER))
def test_a_command_of_a_later_version_says_so_in_json(group, name):
    done = call(*filter(None, (group, name)), "study", "--json")
    assert done.exit_code == 2
    assert "This version cannot" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["statsu", "--json"], "status"), (["demo", "--sed", "3", "--json"], "--seed"), (["status", "--json"], "STUDY")],
)
def test_wrong_usage_in_json_is_one_document(arguments, word, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    document = json.loads(capsys.readouterr().out)
    assert word in document["error"]
    assert document["exit_code"] == 2


def test_the_entry_point_in_json_leaves_with_the_code_of_the_command(tmp_path, capsys):
    for arguments, code in ((["status", str(tmp_path), "--json"], 2), (["doctor", "--json"], 0)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == code
        json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [(["statsu"], "status"), (["graph", "bild"], "build"), (["demo", "--sed", "3"], "--seed")],
)
def test_a_misspelt_command_or_option_names_the_nearest(arguments, nearest):
    done = call(*arguments)
    assert done.exit_code == 2
    assert nearest in done.stderr
    assert done.stdout == ""


def test_python_finds_the_commands_without_the_script():
    done = subprocess.run([sys.executable, "-m", "copenet", "--version"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "copenet", "")


def test_the_version():
    assert call("--version").stdout.startswith("copenet ")


def test_init_makes_private_folders_and_settings_that_can_be_read(study):
    from copenet.settings import Settings, load

    assert load(study / "study.toml") == Settings()
    for path in (study / "restricted", study / "restricted" / "texts", study / "restricted" / "panel"):
        assert path.stat().st_mode & 0o777 == 0o700


def test_init_takes_settings(tmp_path):
    done = call("init", tmp_path / "s", "--title", "T", "--seed", 3, "--set", "effect.outcome=planning", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["study"] == str(tmp_path / "s")
    text = (tmp_path / "s" / "study.toml").read_text()
    assert 'title = "T"' in text
    assert "seed = 3" in text
    assert 'outcome = "planning"' in text


def test_init_never_overwrites(study):
    before = (study / "study.toml").read_bytes()
    done = call("init", study)
    assert done.exit_code == 2
    assert "not empty" in done.stderr
    assert (study / "study.toml").read_bytes() == before


def test_status_of_a_new_study(study):
    done = call("status", study)
    assert done.exit_code == 0
    assert "9 of 9 to do" in done.stdout
    document = json.loads(call("status", study, "--json").stdout)
    assert {row["state"] for row in document["stages"]} == {"missing"}
    assert {"name", "state", "seconds", "digest"} <= set(document["stages"][0])


def test_doctor_knows_this_machine():
    document = json.loads(call("doctor", "--json").stdout)
    found = {entry["name"]: entry["status"] for entry in document["findings"]}
    assert found["copenet"] == "ok"
    assert found["ladybug"] == "ok"
    assert "memory" in call("doctor").stdout


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["run"], ["audit"], ["report"], ["quality"], ["graph", "build"], ["text", "label"], ["ingest"]],
    ids=" ".join,
)
def test_what_is_no_study_is_said(tmp_path, arguments):
    done = call(*arguments, tmp_path / "none")
    assert done.exit_code == 2
    assert "is not a study" in done.stderr
    assert "copenet init" in done.stderr


def test_a_fault_in_json_is_one_document(tmp_path):
    done = call("status", tmp_path / "none", "--json")
    assert done.exit_code == 2
    document = json.loads(done.stdout)
    assert document["exit_code"] == 2
    assert "is not a study" in document["error"]
    assert "copenet init" in document["remedy"]


def test_an_unknown_setting_names_the_nearest(study):
    (study / "study.toml").write_text('[effect]\noutcom = "acceptance"\n')
    done = call("run", study)
    assert done.exit_code == 2
    assert "no setting effect.outcom" in done.stderr
    assert "effect.outcome" in done.stderr


def test_a_run_without_dumps_says_how_to_name_some(study):
    done = call("run", study)
    assert done.exit_code == 2
    assert "copenet ingest" in done.stdout + done.stderr
    assert "FAIL" in done.stdout


def test_no_such_dump_names_its_neighbour(study, tmp_path):
    (tmp_path / "RC_2019-01.zst").write_bytes(b"")
    done = call("ingest", study, tmp_path / "RC_2019-1.zst")
    assert done.exit_code == 3
    assert "no such file" in done.stderr
    assert "RC_2019-01.zst" in done.stderr
    assert call("ingest", study, tmp_path / "no" / "x.zst").exit_code == 3
    (tmp_path / "empty").mkdir()
    assert "holds no dump" in call("ingest", study, tmp_path / "empty").stderr


def test_a_text_file_named_zst_keeps_nothing_and_is_not_remembered(study, tmp_path):
    (tmp_path / "dump.zst").write_text("Dear all,\nthis is a letter.\n")
    done = call("ingest", study, tmp_path / "dump.zst")
    assert done.exit_code == 3
    assert "Traceback" not in done.stderr + done.stdout
    assert "Dear" not in done.stderr + done.stdout
    again = call("run", study)
    assert "copenet ingest" in again.stdout + again.stderr
    assert call("ingest", study, tmp_path / "dump.zst", "--dry-run").exit_code == 3


def test_run_from_what_cannot_be_read_does_not_remember_it(study, tmp_path):
    from copenet.sources import remembered
    from copenet.study import Study

    (tmp_path / "dump.zst").write_text("Dear all,\nthis is a letter.\n")
    assert call("run", study, "--from", tmp_path / "dump.zst").exit_code == 3
    assert remembered(Study.open(study)) == []
    assert call("run", study, "--from", tmp_path / "none.zst").exit_code == 3
    assert remembered(Study.open(study)) == []


@pytest.mark.parametrize(
    "place", ["x.gexf", "release/x.gexf", "results/x.gexf", "notes/x.gexf", "restricted/../x.gexf"]
)
def test_an_export_inside_a_study_goes_to_restricted_alone(study, place):
    from copenet.exporting import export_graph
    from copenet.study import Study

    with pytest.raises(RefusedError, match="restricted/ alone"):
        export_graph(Study.open(study), "gexf", study / place)


def test_training_without_gold_labels_says_how_to_give_them(study):
    done = call("text", "train", study)
    assert done.exit_code == 2
    assert "text.gold" in done.stderr


def test_asking_a_graph_that_is_not_there(study):
    done = call("graph", "query", study, "RETURN 1")
    assert done.exit_code == 2
    assert "copenet graph build" in done.stderr


def test_neo4j_without_a_password_or_a_file_of_it(study, monkeypatch):
    monkeypatch.delenv("COPENET_NEO4J_PASSWORD", raising=False)
    done = call("graph", "query", study, "RETURN 1", "--store", "neo4j")
    assert done.exit_code == 2
    assert "COPENET_NEO4J_PASSWORD" in done.stderr
    done = call("graph", "query", study, "RETURN 1", "--store", "neo4j", "--set", "graph.password_file=none")
    assert "is not there" in done.stderr


def test_no_server_behind_the_neo4j_address(study, monkeypatch):
    monkeypatch.setenv("COPENET_NEO4J_PASSWORD", "x")
    where = "graph.uri=bolt://127.0.0.1:9"
    done = call("graph", "query", study, "RETURN 1", "--store", "neo4j", "--set", where)
    assert done.exit_code == 5
    assert "unavailable:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("store", ["noe4j", "sqlite"])
def test_an_unknown_store_is_refused(study, store):
    assert call("graph", "build", study, "--store", store).exit_code == 2


def test_parameters_need_names(study):
    done = call("graph", "query", study, "RETURN 1", "--param", "5")
    assert done.exit_code == 2
    assert "--param limit=10" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (UsageError("a", remedy="b"), 2, "usage"),
        (InputError("a", remedy="b"), 3, "input"),
        (RefusedError("a", remedy="b"), 4, "refused"),
        (ResourceError("a", remedy="b"), 5, "unavailable"),
    ],
)
def test_each_kind_of_fault_has_its_code(error, code, kind, capsys):
    assert output.fail(error, as_json=False) == code
    assert capsys.readouterr().err == f"{kind}: a\n  b\n"


def run_guarded(error, **options):
    def raising(study=None, as_json=False):
        raise error

    guarded = output.command(raising)
    with pytest.raises(output.typer.Exit) as caught:
        guarded(**options)
    return caught.value.exit_code


def test_an_interrupt_in_json_is_one_document(capsys):
    assert run_guarded(KeyboardInterrupt(), study="mine", as_json=True) == 130
    assert json.loads(capsys.readouterr().out) == {"error": "Interrupted.", "exit_code": 130}


def test_an_interrupt_says_how_to_go_on(capsys):
    assert run_guarded(KeyboardInterrupt(), study="mine") == 130
    assert "copenet run mine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), 3),
        (PermissionError(13, "Permission denied", "x"), 5),
        (OSError(28, "No space left on device", "x"), 5),
        (MemoryError(), 5),
    ],
)
def test_faults_of_the_system_are_foreseen(error, code, capsys):
    assert run_guarded(error) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_defect_shows_the_stack_and_never_the_message(capsys):
    try:
        raise ValueError("secret words of a person")
    except ValueError as error:
        content_free_hook(type(error), error, error.__traceback__)
    said = capsys.readouterr().err
    assert "secret" not in said
    assert "ValueError" in said
    assert "test_cli.py" in said


def test_tables_say_how_much_they_show(capsys):
    table(["n", "word"], [[i, "x" * 80] for i in range(97)])
    said = capsys.readouterr().out
    assert "50 of 97 rows shown" in said
    assert "…" in said
    table(["a"], [], truncated=True)
    assert "0 of more than 0 rows shown" in capsys.readouterr().out


def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch):
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.colour("OK", 32) == "\x1b[32mOK\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.colour("OK", 32) == "OK"


def test_the_entry_point_leaves_with_the_code(tmp_path):
    code = "from copenet.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "status", str(tmp_path)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "is not a study" in done.stderr


def test_a_defect_of_a_command_shows_no_message_and_exits_1(tmp_path):
    code = """
import copenet.doctor
def broken():
    raise ValueError("secret words of a person")
copenet.doctor.examine = broken
from copenet.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code, "doctor"], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert "secret" not in done.stdout + done.stderr
    assert "defect: ValueError" in done.stderr
    assert "Please report" in done.stderr


@pytest.mark.parametrize("command", [("text", "label"), ("text", "evaluate"), ("graph", "communities")], ids=" ".join)
def test_what_flags_override_is_said_to_be_made_again(study, command):
    told = "the next `copenet run` without them makes this again as declared"
    assert told in call(*command, study, "--seed", 99).stderr
    assert told not in call(*command, study).stderr


def statements(typed, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    return list(graphs._statements())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("RETURN 1 // one\n, 2;\n", ["RETURN 1 // one\n, 2;"]),
        ("RETURN 1; // one\nRETURN 2;\n", ["RETURN 1;", "RETURN 2;"]),
        ("RETURN ';\n';\nRETURN 2", ["RETURN ';\n';", "RETURN 2"]),
        ("RETURN 1 /* a;\n b */;\n", ["RETURN 1 /* a;\n b */;"]),
        ("MATCH\n(n)\nRETURN\nn;\n", ["MATCH\n(n)\nRETURN\nn;"]),
        ("top_repliers\n:param limit=3\n// nothing\n\n:quit\n", ["top_repliers", ":param limit=3", ":quit"]),
        ("RETURN 1; RETURN 2;\n", ["RETURN 1;", "RETURN 2;"]),
    ],
)
def test_the_shell_tells_statements_apart(typed, expected, monkeypatch):
    assert statements(typed, monkeypatch) == expected


def test_the_shell_lists_saved_queries_and_holds_values(tmp_path, monkeypatch):
    from graph.store import StoreSpec, open_store
    from tests.graph.test_store_faults import small

    store = open_store(StoreSpec("ladybug", path=tmp_path / "graph.lbug"))
    store.build(small())
    monkeypatch.setattr(graphs, "_open", lambda *_: store)
    typed = ":help\n:saved\n:param v=41\n:param person=someone\nRETURN $v + 1 AS more; // one\nneighbourhood\nneighbourhood;\n"
    done = call("graph", "shell", "study", stdin=f"{typed}:param\n:nonsense\n:param v\nRETURN $w;\n:quit\n")
    assert done.exit_code == 0
    assert "list the saved queries" in done.stdout
    assert "unanswered_posts" in done.stdout
    assert "42" in done.stdout
    assert done.stdout.count("replier ") == 2
    assert "no such command" in done.stderr
    assert "takes K=V" in done.stderr
    assert "needs $w" in done.stderr


def test_the_site_that_a_dump_of_stack_exchange_is_said_to_be_of_is_kept(study, tmp_path):
    row = '  <row Id="1" PostTypeId="1" CreationDate="2020-09-13T12:26:40.000" OwnerUserId="7" Body="so" Title="t" Tags="x" />'
    dump = tmp_path / "Posts.xml"
    dump.write_text(f'<?xml version="1.0"?>\n<posts>\n{row}\n</posts>\n')
    assert call("ingest", study, dump, "--format", "stack-exchange:math").exit_code == 0
    found = read_messages(study / "restricted").to_pylist()
    assert [(m["message_id"], m["forum"]) for m in found] == [("stackexchange:math/p1", "math")]
