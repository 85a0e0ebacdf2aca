from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.protection import emails_in, outputs, scan_for_names, scan_outputs, too_open
from copenet.study import Study


@pytest.fixture
def study(tmp_path):
    return Study.create(tmp_path / "study")


@pytest.mark.parametrize("leak", ["reddit:u_0123456789abcdef", "see reddit:t1_abc12.", '"reddit:t3_zz9"'])
def test_ids_of_people_and_messages_outside_restricted_are_found(study, leak):
    assert scan_outputs(study) == []
    (study.restricted / "inside.txt").write_text(leak)
    assert scan_outputs(study) == []
    (study.results / "figures").mkdir()
    (study.results / "figures" / "leak.svg").write_text(f"<svg>{leak}</svg>")
    assert scan_outputs(study) == ["results/figures/leak.svg"]


@pytest.mark.parametrize("fine", ["reddit: 12 posts", "reddit:u_short", "t1_abc", "http://example.org/t3_x"])
def test_what_only_looks_alike_is_left_alone(study, fine):
    (study.results / "fine.txt").write_text(fine)
    assert scan_outputs(study) == []


def test_outputs_are_everything_but_restricted(study):
    names = {str(path.relative_to(study.path)) for path in outputs(study)}
    assert names == {"study.toml", "journal.jsonl"}


@given(st.text("abcXYZ019_-", min_size=1, max_size=20), st.sampled_from([" ", "/", "@", "\n", '"']))
def test_a_name_is_found_in_any_case_and_surroundings(tmp_path_factory, name, around):
    path = tmp_path_factory.mktemp("scan") / "file"
    path.write_text(f"before{around}{name.swapcase()}{around}after")
    assert scan_for_names([path], [name]) == {str(path): 1}
    assert scan_for_names([path], [name + "x9"]) == {}


def test_email_addresses_are_counted_by_text():
    assert emails_in(["write to a.b@example.org", "a@b", "no", "x@y.de and z@w.de"]) == 2


def test_folders_open_to_others_are_named(study):
    assert too_open(study) == []
    (study.restricted / "texts").chmod(0o755)
    assert too_open(study) == ["restricted/texts"]
