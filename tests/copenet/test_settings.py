from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.foundation.errors import UsageError
from copenet.settings import (
    Settings,
    known_keys,
    load,
    nearest,
    override,
    parse,
    parse_assignments,
    template,
    toml_value,
    validate,
)


def test_the_template_reads_back_to_the_defaults():
    assert parse(template()) == Settings()


def test_every_setting_is_documented_in_the_template():
    lines = {line.split(" =")[0]: line for line in template().splitlines() if " = " in line}
    for key in known_keys():
        assert "  # " in lines[key.split(".")[1]], key


@given(
    title=st.text(st.characters(exclude_categories=["Cs"])),
    sources=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
    seed=st.integers(0, 2**40),
    threshold=st.floats(0.001, 1.0),
)
def test_any_settings_survive_the_template(title, sources, seed, threshold):
    changed = override(
        Settings(),
        {"study.title": title, "ingest.sources": sources, "study.seed": seed, "effect.threshold": threshold},
    )
    assert parse(template(changed)) == changed
    assert parse(template(changed)).digest() == changed.digest()


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ('[effect]\noutcom = "x"', "no setting effect.outcom", "effect.outcome"),
        ('outcome = "x"', "no setting outcome", "effect.outcome"),
        ("[efect]\na = 1", "no setting efect", "[effect]"),
        ('[study]\noutcome = "x"', "no setting study.outcome", "effect.outcome"),
        ("[zebra]\na = 1", "no setting zebra", "The sections are study"),
        ("[report]\nquux = 1", "no setting report.quux", "[report] has suppress_below"),
        ('[effect]\nexposure = "anyone"', "effect.exposure is not allowed", "any_peer, threshold, proportion, count"),
        ('[graph]\nwindow_days = "week"', "graph.window_days is not allowed", "Ties are counted in windows"),
        ("[graph]\nwindow_days = 0", "graph.window_days is not allowed", "Ties are counted in windows"),
        ("effect = 3", "effect is not allowed", "Write it as a table"),
        ("[effect\n", "not valid TOML", "Correct that line"),
    ],
)
def test_a_wrong_setting_is_named_with_a_way_out(text, said, remedy):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert said in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.exit_code == 2


def test_further_faults_are_counted():
    with pytest.raises(UsageError, match=r"1 more fault after it"):
        parse("[effect]\nfoo = 1\nbar = 2")


def test_an_outcome_nobody_defined_is_found_at_once_and_the_nearest_named():
    with pytest.raises(UsageError) as caught:
        parse('[effect]\noutcome = "positive_refraiming"')
    assert "positive_reframing" in caught.value.message + caught.value.remedy


def test_a_flag_overrides_a_setting_and_nothing_else():
    changed = override(Settings(), {"effect.outcome": "acceptance"})
    assert changed.effect.outcome == "acceptance"
    assert override(changed, {"effect.outcome": "positive_reframing"}) == Settings()


@pytest.mark.parametrize("key", ["effect", "effect.", ".x", "efect.outcome", "effect.outcom"])
def test_a_flag_for_no_setting_is_refused(key):
    with pytest.raises(UsageError):
        override(Settings(), {key: 1})


def test_assignments_are_read_as_toml_or_text():
    got = parse_assignments(
        ["effect.outcome=acceptance", "study.seed = 3", "graph.store_text=true", "ingest.bots=['a']"]
    )
    assert got == {"effect.outcome": "acceptance", "study.seed": 3, "graph.store_text": True, "ingest.bots": ["a"]}


@pytest.mark.parametrize("bad", ["effect.outcome", "seed=3", "=3"])
def test_an_assignment_needs_section_key_and_value(bad):
    with pytest.raises(UsageError, match=r"section\.key=value"):
        parse_assignments([bad])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_value(text):
    value = toml_value(text)
    assert value == text or value == tomllib.loads(f"value = {text}")["value"] or value != value


def test_the_nearest_word_or_none():
    assert nearest("outcom", ["outcome", "exposure"]) == "outcome"
    assert nearest("zzz", ["outcome"]) is None


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "study.toml").write_bytes(b"\xff\xfe[")
    with pytest.raises(UsageError, match=r"study\.toml is not UTF-8"):
        load(tmp_path / "study.toml")


def test_the_digest_follows_the_settings():
    assert Settings().digest() == validate({}).digest()
    assert Settings().digest() != override(Settings(), {"study.seed": 8}).digest()


def test_an_unrelated_strategy_is_one_of_the_fourteen_and_not_the_outcome():
    assert parse('[effect]\nunrelated = "religion"').effect.unrelated == "religion"
    assert Settings().effect.unrelated == ""
    with pytest.raises(UsageError, match="unrelated is the outcome"):
        parse('[effect]\noutcome = "acceptance"\nunrelated = "acceptance"')
    with pytest.raises(UsageError, match="pilgrimage"):
        parse('[effect]\nunrelated = "pilgrimage"')
