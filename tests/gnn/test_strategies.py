import re

import pytest

from copenet.foundation.errors import UsageError
from gnn.codebook import phrase_hits
from gnn.strategies import STRATEGIES, STRATEGY_IDS, nearest_hint, strategy

BRIEF_COPE = (
    "self_distraction active_coping denial substance_use emotional_support instrumental_support "
    "behavioral_disengagement venting positive_reframing planning humor acceptance religion self_blame"
)


def test_the_fourteen_strategies_of_the_brief_cope() -> None:
    assert BRIEF_COPE.split() == list(STRATEGY_IDS)


@pytest.mark.parametrize("entry", STRATEGIES, ids=lambda s: s.id)
def test_each_strategy_is_described_and_has_cues(entry) -> None:
    assert entry.name
    assert entry.definition.endswith(".")
    assert 3 <= len(entry.prototypes) <= 6
    assert len(entry.phrases) >= 6
    for phrase in entry.phrases:
        assert phrase == phrase.lower()
        assert not re.search(rf"\b(?:{phrase})(?!\w)", ""), "a cue that matches nothing at all matches everything"


def test_no_two_strategies_share_a_cue_or_a_prototype() -> None:
    for part in ("phrases", "prototypes"):
        everything = [item for entry in STRATEGIES for item in getattr(entry, part)]
        assert len(set(everything)) == len(everything)


def test_no_prototype_trips_the_cues_of_another_strategy() -> None:
    for row, entry in enumerate(STRATEGIES):
        for hits in phrase_hits(entry.prototypes):
            assert [STRATEGY_IDS[k] for k in range(14) if hits[k] and k != row] == []


def test_an_unknown_strategy_names_the_nearest() -> None:
    assert strategy("planning").name == "Planning"
    with pytest.raises(UsageError, match="no strategy") as caught:
        strategy("aceptance")
    assert caught.value.remedy.startswith("Did you mean acceptance?")


def test_a_far_off_name_lists_the_strategies_without_a_guess() -> None:
    assert nearest_hint("zzzz") == f"The strategies are {', '.join(STRATEGY_IDS)}."
