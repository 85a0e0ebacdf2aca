"""What a source calls the language of a message is free text of somebody's client: only a tag gets into the study."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingest
from ingest.formats import every_format
from ingest.pseudonyms import Pseudonyms
from ingest.records import Draft
from ingest.rows import RowMaker
from tests.ingest.dumps import lines, write
from tests.ingest.sources import test_bluesky as sky
from tests.ingest.sources import test_facebook as library
from tests.ingest.sources import test_mastodon as toots
from tests.ingest.sources import test_youtube as videos
from tests.ingest.sources.x_records import v2_page, v2_post

TOLD = "annkowalski77 lives here"
CALM = "en-GB"
SAID = [TOLD, "annkowalski77", "Ann Kowalski of Poznan", "annkowalski"]


def _video(tag: str, field: str) -> dict[str, Any]:
    item = videos.video()
    item["snippet"] = item["snippet"] | {"defaultAudioLanguage": None, field: tag}
    return videos.answer(item, kind="video")


DUMPS: dict[str, Callable[[str], dict[str, Any]]] = {
    "bluesky": lambda tag: sky.view(record=sky.content(langs=[tag])),
    "mastodon": lambda tag: toots.status(language=tag),
    "outbox": lambda tag: toots.outbox(
        toots.activity("Create", toots.note(content="<p>Hi</p>", contentMap={tag: "<p>Hi</p>"}))
    ),
    "x": lambda tag: v2_page(v2_post(lang=tag)),
    "facebook": lambda tag: library.LIBRARY_POST | {"lang": tag},
    "youtube": lambda tag: _video(tag, "defaultLanguage"),
    "youtube audio": lambda tag: _video(tag, "defaultAudioLanguage"),
}


def languages(record: dict[str, Any]) -> list[str | None]:
    reader = next(one for one in every_format() if one.recognises(record))
    return [one.language for one in reader.drafts(record) if isinstance(one, Draft)]


@pytest.mark.parametrize("name", DUMPS)
def test_no_reader_takes_the_words_of_a_client_for_a_language(name: str) -> None:
    assert languages(DUMPS[name](CALM)) == [CALM]
    assert [languages(DUMPS[name](told)) for told in SAID] == [[None]] * len(SAID)


def test_no_word_of_a_client_stands_among_the_figures_that_leave_the_study(tmp_path: Path) -> None:
    dumps = [write(tmp_path / f"{name}.json", lines([dump(TOLD)])) for name, dump in DUMPS.items()]
    found = ingest.ingest(dumps, tmp_path / "restricted").to_dict()
    assert (found["messages"], found["languages"]) == (5, [])
    assert "kowalski" not in json.dumps(found).lower()


def test_a_reader_that_forgets_to_look_lets_no_name_into_the_tables() -> None:
    rows = RowMaker(Pseudonyms(bytes(32)), str)
    drafts = [Draft("any", str(i), "post", language=tag) for i, tag in enumerate((*SAID, None, "pt_BR", "zh-Hant-TW"))]
    made = rows.make(drafts, ["x:1"] * len(drafts)).messages.column("language").to_pylist()
    assert made == [None] * len(SAID) + [None, "pt-BR", "zh-Hant-TW"]
