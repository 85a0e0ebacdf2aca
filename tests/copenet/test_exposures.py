from __future__ import annotations

import pytest

import copenet
from copenet.exposures import MAPPINGS, as_changes
from copenet.foundation.errors import UsageError
from copenet.settings import Settings, override


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_every_mapping_is_a_setting(name):
    settings = override(Settings(), as_changes(MAPPINGS[name]("co_thread", weeks=3)))
    assert settings.effect.exposure == name
    assert settings.effect.channel == "co_thread"
    assert settings.effect.period_weeks == 3


def test_a_name_leaves_channel_and_period_alone():
    assert as_changes("count") == {"effect.exposure": "count"}
    assert "effect.period_weeks" not in as_changes(copenet.AnyPeer())


def test_a_threshold_says_where():
    assert as_changes(copenet.Threshold("replied_to", at=0.25))["effect.threshold"] == 0.25


def test_an_unknown_mapping_is_refused():
    with pytest.raises(UsageError, match="No exposure is called some"):
        as_changes("some")
