"""`copenet ingest` as it is typed: formats and columns that are said, encodings, standard input, and looking first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import ingest
from copenet.cli.app import app
from copenet.study import Study
from tests.ingest.dumps import T0, lines, post, reply, write, zst
from tests.ingest.sources.x_records import v2_page, v2_post

CANARY = "Zerbinovka"
COLUMNS = "id=ID,author=User,parent=Answers,time=Date,text=Body"
TABLE = f"""ID,User,Answers,Date,Body
1,ann,,{T0},one
2,bob,1,{T0 + 60},two
3,{CANARY},2,{T0 + 90},said {CANARY}
""".encode()


def call(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="copenet")


def answer(*arguments: object, stdin: bytes = b"", code: int = 0) -> dict[str, Any]:
    """The one JSON document of a command."""
    done = call(*arguments, "--json", stdin=stdin)
    assert done.exit_code == code, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def refused(*arguments: object, code: int, stdin: bytes = b"") -> str:
    """What a command says that refuses."""
    done = call(*arguments, stdin=stdin)
    assert done.exit_code == code, done.output
    assert CANARY not in done.output + done.stderr
    return done.stderr


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study.create(tmp_path / "study")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "posts.csv", TABLE)


def inside(study: Study) -> dict[str, bytes]:
    return {str(p.relative_to(study.path)): p.read_bytes() for p in sorted(study.path.rglob("*")) if p.is_file()}


def configured(study: Study, **columns: str) -> None:
    """Write [ingest.columns] into study.toml as a researcher does."""
    path = study.path / "study.toml"
    said = ", ".join(f'{role} = "{column}"' for role, column in columns.items())
    lines_now = path.read_text().splitlines()
    kept = [f"columns = {{{said}}}" if line.startswith("columns = ") else line for line in lines_now]
    assert kept != lines_now
    path.write_text("\n".join(kept) + "\n")


def test_columns_of_a_table(study: Study, table: Path) -> None:
    told = answer("ingest", study.path, table, "--columns", COLUMNS)
    assert (told["messages"], told["authors"], told["replies"], told["replies_resolved"]) == (3, 3, 2, 2)
    assert told["platforms"] == ["table"]
    assert told["formats"] == [{"file": "posts.csv", "format": "columns", "messages": 3}]
    texts = {row["message_id"]: row["text"] for row in ingest.read_texts(study.restricted).to_pylist()}
    assert texts["table:1"] == "one"
    assert CANARY not in str(texts)


def test_a_table_of_a_platform_joins_its_dumps(study: Study, table: Path, tmp_path: Path) -> None:
    answers = v2_post("4", "22", referenced_tweets=[{"type": "replied_to", "id": "2"}])
    page = write(tmp_path / "page.jsonl", lines([v2_page(answers)]))
    answer("ingest", study.path, page)
    told = answer("ingest", study.path, table, "--columns", COLUMNS, "--platform", "x")
    assert told["platforms"] == ["x"]
    assert (told["messages"], told["replies"], told["replies_resolved"]) == (4, 3, 3)
    assert told["authors"] == 3  # "bob" of the table is the account 22 of the page


def test_columns_are_remembered_and_may_be_said_anew(study: Study, table: Path) -> None:
    first = answer("ingest", study.path, table, "--columns", "id=ID,author=User,text=Body")
    assert first["replies"] == 0
    assert answer("ingest", study.path) == first
    assert answer("ingest", study.path, table, "--columns", COLUMNS)["replies"] == 2
    assert answer("quality", study.path)["replies"] == 2


def test_columns_in_the_settings(study: Study, table: Path, tmp_path: Path) -> None:
    """They are for tables that no format recognises, and for no other dump."""
    reddit = write(tmp_path / "posts.jsonl", lines([post(), reply("a", "t3_p1")]))
    configured(study, id="ID", author="User", text="Body")
    told = answer("ingest", study.path, table, reddit)
    assert told["platforms"] == ["reddit", "table"]
    assert (told["messages"], told["replies"]) == (5, 1)
    configured(study, id="ID", author="User", text="Body", parent="Answers")
    assert answer("ingest", study.path)["replies"] == 3


@pytest.mark.parametrize(
    ("columns", "word"), [({"id": "ID", "autor": "User"}, "author"), ({"author": "User", "text": "Body"}, "id")]
)
def test_wrong_columns_in_the_settings(study: Study, table: Path, columns: dict[str, str], word: str) -> None:
    configured(study, **columns)
    assert word in refused("ingest", study.path, table, code=2)
    assert not list(study.restricted.glob("messages/*.parquet"))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--columns", "id"], "role=column"),
        (["--columns", "id=ID,=User"], "role=column"),
        (["--columns", "id=ID,autor=User"], "author"),
        (["--columns", "author=User,text=Body"], "id"),
        (["--columns", COLUMNS, "--platform", "My Forum!"], "latform"),
        (["--columns", COLUMNS, "--format", "reddit"], "exclude"),
        (["--format", "redit"], "reddit"),
        (["--encoding", "utf-7000"], "encoding"),
        (["--encoding", "rot13"], "encoding"),
    ],
)
def test_wrong_options_change_nothing(study: Study, table: Path, options: list[str], word: str) -> None:
    before = inside(study)
    assert word in refused("ingest", study.path, table, *options, code=2)
    assert inside(study) == before


def test_columns_that_the_table_does_not_have(study: Study, table: Path) -> None:
    said = refused("ingest", study.path, table, "--columns", "id=Number,author=User,text=Body", code=3)
    assert "posts.csv" in said
    assert "Number" in said
    assert "has no dumps to read yet" in refused("ingest", study.path, code=2)


def test_a_table_without_columns_says_how_to_name_them(study: Study, table: Path) -> None:
    assert "--columns id=" in refused("ingest", study.path, table, code=3)


def test_ids_of_two_corpora_that_clash_are_said_aloud(study: Study, tmp_path: Path) -> None:
    said = {"id": "0", "conversation_id": "0", "reply-to": None, "speaker": "ann", "text": "so", "timestamp": T0}
    one = write(tmp_path / "one.jsonl", lines([said]))
    assert "conflicts" not in call("ingest", study.path, one).stderr
    two = write(tmp_path / "two.jsonl", lines([said | {"text": "no", "timestamp": T0 + 10**6}]))
    assert "conflicts: 1 (" in call("ingest", study.path, two).stderr


def test_a_format_that_is_said(study: Study, tmp_path: Path) -> None:
    """Two hundred strange lines at the top hide what a file is."""
    path = write(tmp_path / "odd.jsonl", lines([{"x": i} for i in range(250)]) + lines([post(), reply("a", "t3_p1")]))
    refused("ingest", study.path, path, code=3)
    told = answer("ingest", study.path, path, "--format", "reddit")
    assert (told["messages"], told["rejected_count"]) == (2, 250)
    assert told["formats"][0]["format"] == "reddit"


def test_a_format_that_is_said_wrongly(study: Study, tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", lines([post(author=CANARY, text=CANARY)]))
    refused("ingest", study.path, path, "--format", "telegram", code=3)
    assert answer("ingest", study.path, path)["messages"] == 1


def test_an_encoding_that_is_said(study: Study, tmp_path: Path) -> None:
    path = write(tmp_path / "posts.csv", "ID,User,Body\n1,ann,déjà vu — naïve\n".encode("cp1252"))
    answer("ingest", study.path, path, "--columns", "id=ID,author=User,text=Body", "--encoding", "cp1252")
    assert ingest.read_texts(study.restricted).column("text").to_pylist() == ["déjà vu — naïve"]


def test_utf_16_needs_no_word(study: Study, tmp_path: Path) -> None:
    path = write(tmp_path / "posts.json", lines([post(text="naïve")]).decode().encode("utf-16"))
    assert answer("ingest", study.path, path)["messages"] == 1


def test_looking_first_changes_nothing(study: Study, table: Path, tmp_path: Path) -> None:
    """Not even that the files were given; and a file named after a person is shown without the name."""
    named = write(tmp_path / f"u_{CANARY}_posts.zst", zst(lines([post(), post("p2"), {"id": "p3"}])))
    before = inside(study)
    told = answer("ingest", study.path, named, table, "--dry-run")
    assert inside(study) == before
    assert told["files"] == [
        {"file": "u_*_posts.zst", "format": "reddit", "container": "zstd", "messages": 2, "broken": 1},
        {"file": "posts.csv", "format": "unknown", "container": "plain", "messages": 0, "broken": 3},
    ]
    done = call("ingest", study.path, named, table, "--dry-run")
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["u_*_posts.zst", "reddit", "zstd", "2", "1"],
        ["posts.csv", "unknown", "plain", "0", "3"],
    ]
    assert "--columns" in done.stderr
    assert CANARY not in done.output
    assert "has no dumps to read yet" in refused("ingest", study.path, code=2)


def test_looking_at_a_table_by_its_columns(study: Study, table: Path) -> None:
    (file,) = answer("ingest", study.path, table, "--columns", COLUMNS, "--dry-run")["files"]
    assert (file["messages"], file["broken"]) == (3, 0)
    configured(study, id="ID", author="User", text="Body")
    (file,) = answer("ingest", study.path, table, "--dry-run")["files"]
    assert (file["messages"], file["broken"]) == (3, 0)


def test_looking_at_nothing_known(study: Study, table: Path) -> None:
    assert "--columns" in refused("ingest", study.path, table, "--dry-run", code=3)
    (file,) = answer("ingest", study.path, table, "--dry-run", code=3)["files"]
    assert file["format"] == "unknown"


def test_looking_without_a_path_looks_at_what_the_study_reads(study: Study, tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", lines([post()]))
    answer("ingest", study.path, path)
    assert [file["file"] for file in answer("ingest", study.path, "--dry-run")["files"]] == ["posts.jsonl"]


def test_standard_input_is_kept_though_it_cannot_be_read_again(study: Study, tmp_path: Path) -> None:
    told = answer("ingest", study.path, "-", stdin=zst(lines([post()])))
    assert (told["messages"], told["formats"][0]["file"]) == (1, "standard-input")
    path = write(tmp_path / "replies.jsonl", lines([reply("a", "t3_p1")]))
    told = answer("ingest", study.path, path)
    assert (told["messages"], told["replies_resolved"]) == (2, 1)
    told = answer("ingest", study.path, "-", stdin=lines([reply("b", "t1_a")]))
    assert (told["messages"], told["replies_resolved"]) == (3, 2)
    assert answer("ingest", study.path) == told
    assert not list(study.restricted.rglob("standard-input"))


def test_standard_input_by_its_columns(study: Study) -> None:
    told = answer("ingest", study.path, "-", "--columns", COLUMNS, "--platform", "forum", stdin=TABLE)
    assert (told["messages"], told["platforms"]) == (3, ["forum"])
    assert answer("ingest", study.path)["messages"] == 3


def test_standard_input_that_holds_nothing(study: Study) -> None:
    for stdin in (b"", f"{CANARY}\n".encode(), b"<!DOCTYPE html><html>" + CANARY.encode()):
        refused("ingest", study.path, "-", stdin=stdin, code=3)
        assert not list(study.restricted.rglob("standard-input"))
    assert "has no dumps to read yet" in refused("ingest", study.path, code=2)


def test_looking_at_standard_input(study: Study) -> None:
    (file,) = answer("ingest", study.path, "-", "--dry-run", stdin=lines([post()]))["files"]
    assert (file["format"], file["messages"]) == ("reddit", 1)
    assert not list(study.restricted.rglob("standard-input"))
