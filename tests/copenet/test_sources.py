from __future__ import annotations

import pytest
from typer.testing import CliRunner

from copenet import sources
from copenet.cli.app import app
from copenet.foundation.errors import InputError, UsageError
from copenet.study import Study
from tests.ingest.dumps import lines, post, zst


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study")


@pytest.fixture
def dumps(tmp_path):
    folder = tmp_path / "dumps"
    folder.mkdir()
    for name in ("b.zst", "a.jsonl", "notes.pdf", ".hidden.zst"):
        (folder / name).write_text(name)
    return folder


def names(paths):
    return [path.name for path in paths]


def test_a_folder_stands_for_its_dumps_in_name_order(dumps):
    assert names(sources.expand([dumps])) == ["a.jsonl", "b.zst"]


def test_a_file_is_read_whatever_its_name(dumps):
    assert names(sources.expand([dumps / "notes.pdf"])) == ["notes.pdf"]


def test_a_dump_named_twice_is_read_once(study, dumps):
    sources.remember(study, [dumps, dumps / "b.zst"])
    sources.remember(study, [dumps])
    assert names(sources.files_of(study)) == ["a.jsonl", "b.zst"]
    assert len(sources.remembered(study)) == 2


def test_settings_and_command_line_add_up(study, dumps):
    changed = study.with_changes({"ingest.sources": ["../dumps/b.zst"]})
    sources.remember(changed, [dumps / "a.jsonl"])
    assert names(sources.required(changed)) == ["b.zst", "a.jsonl"]


def test_a_study_without_dumps_says_how_to_name_some(study):
    with pytest.raises(UsageError) as caught:
        sources.required(study)
    assert "copenet ingest" in caught.value.remedy


def test_a_dump_that_went_is_named(study, dumps):
    sources.remember(study, [dumps / "b.zst"])
    (dumps / "b.zst").unlink()
    with pytest.raises(InputError, match=r"b\.zst: no such file"):
        sources.required(study)


@pytest.mark.parametrize("moved_to", ["elsewhere.jsonl", "u_annkowalsky_comments.jsonl"])
def test_a_path_that_nobody_typed_is_shown_without_the_person_in_it(study, tmp_path, moved_to):
    folder = tmp_path / "user_annkowalski"
    folder.mkdir()
    dump = folder / "u_annkowalski_comments.jsonl"
    dump.write_bytes(lines([post()]))
    sources.remember(study, [dump])
    dump.rename(folder / moved_to)
    with pytest.raises(InputError, match=r"user_\*/u_\*_comments\.jsonl: no such file") as caught:
        sources.required(study)
    assert "annkowalsk" not in caught.value.message + caught.value.remedy
    with pytest.raises(InputError) as caught:
        sources.check([folder / "u_ann_comments.jsonl"])
    assert "annkowalsk" not in caught.value.remedy.replace(str(folder), "")


def test_a_remembered_folder_is_shown_without_the_person_in_it(study, tmp_path):
    folder = tmp_path / "user_annkowalski"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(lines([post()]))
    (folder / "readme.md").write_text("x")
    sources.remember(study, [folder])
    said = CliRunner().invoke(app, ["ingest", str(study.path), "--dry-run"])
    assert "user_*: 1 other file is not read" in said.stderr
    (folder / "a.jsonl").unlink()
    with pytest.raises(InputError, match=r"user_\* holds no dump"):
        sources.required(study)
    folder.chmod(0)
    assert "annkowalski" not in CliRunner().invoke(app, ["ingest", str(study.path), "--dry-run"]).output
    folder.chmod(0o700)


def test_a_misspelt_dump_names_its_neighbour(dumps):
    with pytest.raises(InputError) as caught:
        sources.check([dumps / "b.zts"])
    assert "b.zst" in caught.value.remedy
    with pytest.raises(InputError) as caught:
        sources.check([dumps / "zzzzzzzzzz"])
    assert "ls " in caught.value.remedy


def test_what_was_tried_can_be_taken_back(study, dumps):
    before = sources.memory(study)
    sources.remember(study, [dumps])
    sources.restore(study, before)
    assert list(sources.files_of(study)) == []


def test_unpacked_monthly_dumps_in_a_folder_are_read(dumps):
    for name in ("RC_2006-02", "rs_2006-02", "README"):
        (dumps / name).write_text(name)
    assert names(sources.expand([dumps])) == ["RC_2006-02", "a.jsonl", "b.zst", "rs_2006-02"]


def test_files_of_a_folder_that_are_not_read_are_counted(study, dumps):
    for name in ("readme.md", "figure.png"):
        (dumps / name).write_text(name)
    assert sources.passed_over([dumps, dumps / "notes.pdf"]) == {dumps: 3}
    (dumps / "a.jsonl").write_bytes(lines([post()]))
    (dumps / "b.zst").write_bytes(zst(lines([post()])))
    done = CliRunner().invoke(app, ["ingest", str(study.path), str(dumps), "--dry-run"])
    assert done.exit_code == 0
    assert "3 other files are not read" in done.stderr
    assert "other file" not in done.stdout


def test_nothing_is_said_of_a_folder_that_is_read_whole(dumps):
    (dumps / "notes.pdf").unlink()
    assert sources.passed_over([dumps]) == {}
