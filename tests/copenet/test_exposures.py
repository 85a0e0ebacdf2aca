from __future__ import annotations

import pytest

import causal
import copenet
from causal.exposure import MAPPINGS
from copenet.exposures import NAMES, as_changes
from copenet.foundation.errors import UsageError
from copenet.settings import Settings, override


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_every_mapping_is_a_setting(name):
    settings = override(Settings(), as_changes(MAPPINGS[name](channel="co_thread", weeks=3)))
    assert settings.effect.exposure == name
    assert settings.effect.channel == "co_thread"
    assert settings.effect.period_weeks == 3


def test_settings_and_mappings_have_the_same_names():
    assert set(NAMES) == set(MAPPINGS)


@pytest.mark.parametrize("name", sorted(kind.__name__ for kind in MAPPINGS.values()))
def test_the_public_mappings_are_those_of_causal(name):
    assert getattr(copenet, name) is getattr(causal, name)


def test_a_name_leaves_channel_and_period_alone():
    assert as_changes("count") == {"effect.exposure": "count"}
    assert "effect.period_weeks" not in as_changes(copenet.AnyPeer())


def test_a_threshold_says_where_and_its_first_argument_is_the_share():
    changes = as_changes(copenet.Threshold(0.25, "replied_to"))
    assert changes["effect.threshold"] == 0.25
    assert changes["effect.channel"] == "replied_to"
    assert override(Settings(), changes).effect.threshold == 0.25


def test_a_half_life_is_a_setting():
    assert override(Settings(), as_changes(copenet.RecencyWeighted(2.5))).effect.half_life == 2.5


@pytest.mark.parametrize("wrong", ["some", 3, None])
def test_an_unknown_mapping_is_refused(wrong):
    with pytest.raises(UsageError, match="No exposure is called"):
        as_changes(wrong)
