"""Ids that stand for different messages: one stays, the same in any order, and they are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ingest
from ingest.settings import IngestSettings
from tests.ingest.dumps import T0, lines, write
from tests.ingest.sources.test_telegram import chat, message

DAY = 86_400
Records = list[dict[str, Any]]


def utterance(native: str, text: str, speaker: str = "ann", at: object = T0) -> dict[str, Any]:
    return {"id": native, "conversation_id": "0", "text": text, "speaker": speaker, "reply-to": None, "timestamp": at}


def figures(folder: Path, *files: bytes, **how: Any) -> dict[str, Any]:
    paths = [write(folder / f"f{i}", data) for i, data in enumerate(files)]
    return ingest.ingest(paths, folder / "restricted", settings=IngestSettings(**how)).to_dict()


def test_what_is_no_copy(tmp_path: Path) -> None:
    corpora = utterance("0", "so"), utterance("0", "no", "bob", T0 + 3 * DAY)
    films = utterance("1", "so", at=None), utterance("1", "no", "bob", None)
    one, two = zip(corpora, films, strict=True)
    assert figures(tmp_path, lines(one), lines(two))["conflicts"] == 2


def test_what_is_a_copy(tmp_path: Path) -> None:
    pairs = (
        (utterance("0", "so"), utterance("0", "so, edited")),
        (utterance("1", "so"), utterance("1", "so!", at=T0 + 14 * 3600)),  # a clock in another zone
        (utterance("2", "so"), utterance("2", "so", at=T0 + 3 * DAY)),
        (utterance("3", "so", at=None), utterance("3", "so, edited", at=None)),
        (utterance("4", "so"), utterance("4", "[deleted]", at=T0 + 3 * DAY)),
    )
    one, two = zip(*pairs, strict=True)
    told = figures(tmp_path, lines(one), lines(two))
    assert (told["duplicates"], told["conflicts"]) == (5, 0)


def test_conflicts_do_not_depend_on_how_dumps_come(tmp_path: Path) -> None:
    first = [utterance(str(n), f"so {n}") for n in range(5)]
    second = [utterance(str(n), f"no {n}", "bob", T0 + 9 * DAY) for n in range(3)]
    key = tmp_path / "key"
    key.write_text("5e" * 32)
    ways: list[tuple[list[Records], int]] = [
        ([first, second], 100),
        ([second, first], 1),
        ([second + first], 2),
        ([first[:2], second, first[2:], second[1:]], 100),
    ]
    found = []
    for number, (files, rows) in enumerate(ways):
        folder = tmp_path / str(number)
        told = figures(folder, *map(lines, files), key_file=key, batch_rows=rows)
        assert (told["messages"], told["conflicts"]) == (5, 3)
        found.append(ingest.read_texts(folder / "restricted"))
    assert all(table.equals(found[0]) for table in found)


def test_a_basic_group_exported_by_two_who_are_unknown_is_told(tmp_path: Path) -> None:
    """Their numbers are of different messages, and nothing in the chat tells whose export it is."""
    group = chat(message(5, text="so"), type="private_group")
    other = chat(message(5, text="no", date_unixtime=str(T0 + 9 * DAY)), type="private_group")
    told = figures(tmp_path, json.dumps(group).encode(), json.dumps(other).encode())
    assert (told["messages"], told["conflicts"]) == (1, 1)
    donated = [{"personal_information": {"user_id": n}, "chats": {"list": [c]}} for n, c in ((1, group), (2, other))]
    told = figures(tmp_path / "donated", *(json.dumps(one).encode() for one in donated))
    assert (told["messages"], told["conflicts"]) == (2, 0)
