"""Every file of the shared data: recognised, ingested, and counted as plain Python counts it; alone and all in one."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

import ingest
from copenet.foundation.errors import InputError
from copenet.foundation.tables import read_table
from ingest.schema import VERSIONS
from ingest.settings import IngestSettings
from tests.conftest import SHARED_DATA
from tests.ingest.sources import (
    test_bluesky,
    test_convokit,
    test_mastodon,
    test_reddit,
    test_reddit_api,
    test_telegram,
    test_x_v2,
    test_x_v11,
)
from tests.ingest.sources.by_hand import ByHand


class Files(NamedTuple):
    """Files of one kind: their names, what they must be recognised as, and how they are counted by hand."""

    pattern: str
    format: str
    platform: str
    counted: Callable[[list[Path]], ByHand]


CONVERSATIONS = (
    Files("reddit/*.zst", "reddit", "reddit", test_reddit.counted),
    Files("reddit_real_dumps/*", "reddit", "reddit", test_reddit.counted),
    Files("reddit_api/*.json", "reddit-api", "reddit", test_reddit_api.counted),
    Files("convokit/utterances.jsonl", "convokit", "reddit", test_convokit.counted),
    Files("x_v2/*.jsonl", "x-v2", "x", test_x_v2.counted),
    Files("x_v11/*.jsonl", "x-v11", "x", test_x_v11.counted),
    Files("mastodon/test_*.yaml", "mastodon", "mastodon", test_mastodon.counted),
    Files("mastodon/outbox_*.json", "mastodon-outbox", "mastodon", test_mastodon.outbox_counted),
    Files("bluesky/*post*.json", "bluesky", "bluesky", test_bluesky.counted),
    Files("telegram/result.json", "telegram", "telegram", test_telegram.counted),
)
NO_CONVERSATIONS = {
    "bluesky/lexicon_app.bsky.feed.defs.json": "a schema",
    "bluesky/lexicon_app.bsky.feed.post.json": "a schema",
    "bluesky/feed_record.json": "the description of a feed",
    "x_v2/twarc2sql_LICENSE": "a licence",
    "convokit/corpus.json": "metadata of a corpus",
    "convokit/index.json": "names of metadata fields",
    "convokit/speakers.json": "metadata of people",
    "convokit/conversations.json": "metadata of threads: the messages are in utterances.jsonl",
}
LONG = ("reddit/GradSchool_comments.zst", "reddit/CollegeRant_comments.zst", "x_v11/pheme.jsonl")
FOLDERS = sorted({files.pattern.split("/")[0] for files in CONVERSATIONS})
EVERY = sorted(
    str(path.relative_to(SHARED_DATA)) for name in FOLDERS for path in (SHARED_DATA / name).rglob("*") if path.is_file()
)
RECOGNISED = [name for name in EVERY if name not in NO_CONVERSATIONS]


def kinds_of(name: str) -> list[Files]:
    return [files for files in CONVERSATIONS if name not in NO_CONVERSATIONS and fnmatch(name, files.pattern)]


def same(figures: dict[str, int], told: dict[str, Any]) -> bool:
    assert {name: told[name] for name in figures} == figures
    return True


def test_no_file_is_left_out(shared_data: Path) -> None:
    assert [name for name in EVERY if len(kinds_of(name)) != (name not in NO_CONVERSATIONS)] == []
    assert set(NO_CONVERSATIONS) <= set(EVERY)
    assert {files for name in EVERY for files in kinds_of(name)} == set(CONVERSATIONS)
    assert len(RECOGNISED) >= 40


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_file_alone(tmp_path: Path, shared_data: Path, name: str) -> None:
    (files,) = kinds_of(name)
    path = shared_data / name
    assert ingest.recognise(path)[0] == files.format
    told = ingest.ingest([path], tmp_path / "restricted").to_dict()
    assert [entry["format"] for entry in told["formats"]] == [files.format]
    assert told["platforms"] == [files.platform]
    assert told["messages"] > 0
    assert same(files.counted([path]).figures(), told)


@pytest.mark.parametrize("name", NO_CONVERSATIONS)
def test_a_file_without_conversations(tmp_path: Path, shared_data: Path, name: str) -> None:
    with pytest.raises(InputError, match="no record of a known format"):
        ingest.recognise(shared_data / name)
    with pytest.raises(InputError, match="Nothing could be kept"):
        ingest.ingest([shared_data / name], tmp_path / "restricted")


def by_platform(messages: pa.Table) -> dict[str, dict[str, int]]:
    """Count the table of messages, platform by platform, with nothing but Python."""
    found: dict[str, ByHand] = {}
    for row in messages.select(["platform", "message_id", "kind", "author_id", "parent_id", "bot_reason"]).to_pylist():
        if row["kind"] == "repost":
            continue
        mine = found.setdefault(row["platform"], ByHand())
        declared = (row["bot_reason"] or "").startswith("declared")
        mine.authors[row["message_id"]] = None if declared else row["author_id"]
        if row["parent_id"]:
            mine.parents[row["message_id"]] = row["parent_id"]
    return {platform: mine.figures() for platform, mine in found.items()}


def expected_by_platform(shared_data: Path) -> dict[str, dict[str, int]]:
    found: dict[str, list[ByHand]] = {}
    for files in CONVERSATIONS:
        paths = [shared_data / name for name in RECOGNISED if fnmatch(name, files.pattern)]
        found.setdefault(files.platform, []).append(files.counted(paths))
    return {platform: reduce(or_, counts).figures() for platform, counts in found.items()}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text("5e" * 32)
    return path


@pytest.fixture(scope="module")
def long_ones(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, key: Path) -> Path:
    """A study of the long files alone, to be copied and gone on with."""
    restricted = tmp_path_factory.mktemp("long") / "restricted"
    ingest.ingest([shared_data / name for name in LONG], restricted, settings=IngestSettings(key_file=key))
    return restricted


@pytest.fixture(scope="module")
def everything(
    tmp_path_factory: pytest.TempPathFactory, shared_data: Path, key: Path, long_ones: Path
) -> tuple[Path, dict[str, Any]]:
    """One study that holds all of them, the files without conversations included."""
    restricted = tmp_path_factory.mktemp("everything") / "restricted"
    shutil.copytree(long_ones, restricted)
    paths = [shared_data / name for name in EVERY]
    return restricted, ingest.ingest(paths, restricted, settings=IngestSettings(key_file=key)).to_dict()


def as_shown(name: str) -> str:
    return Path(name).name.replace("dealingwith", "*")  # whose outbox it is


def test_all_files_in_one_study(shared_data: Path, everything: tuple[Path, dict[str, Any]]) -> None:
    restricted, told = everything
    expected = expected_by_platform(shared_data)
    assert by_platform(ingest.read_messages(restricted)) == expected
    assert same(dict(sum((Counter(figures) for figures in expected.values()), Counter())), told)
    assert told["platforms"] == sorted({files.platform for files in CONVERSATIONS})
    formats = {entry["file"]: entry["format"] for entry in told["formats"]}
    assert formats == {
        as_shown(name): kinds_of(name)[0].format if kinds_of(name) else "unknown" for name in EVERY
    }  # fmt: skip
    assert {Path(name).name for name in NO_CONVERSATIONS} <= {entry["file"] for entry in told["rejected"]}


def test_platforms_share_no_id(everything: tuple[Path, dict[str, Any]]) -> None:
    messages = ingest.read_messages(everything[0])
    ids = messages.column("message_id").to_pylist()
    assert len(set(ids)) == len(ids)
    for name in ("message_id", "thread_id", "parent_id", "author_id", "parent_author_id"):
        pairs = zip(messages.column("platform").to_pylist(), messages.column(name).to_pylist(), strict=True)
        assert all(value is None or value.startswith(f"{platform}:") for platform, value in pairs), name


def tables(restricted: Path) -> Iterable[tuple[str, pa.Table]]:
    yield "messages", ingest.read_messages(restricted)
    yield "texts", ingest.read_texts(restricted)
    yield "versions", read_table(restricted / "versions", VERSIONS)


def test_the_order_of_all_files_does_not_matter(
    tmp_path: Path, shared_data: Path, everything: tuple[Path, dict[str, Any]], key: Path, long_ones: Path
) -> None:
    """They come in three ingests one after the other, in batches of another size, and some of them twice."""
    shutil.copytree(long_ones, tmp_path / "restricted")
    names = list(EVERY)
    random.Random(8).shuffle(names)
    settings = IngestSettings(key_file=key, batch_rows=500)
    for part in (names[::2] + names[:9], names[1::2] + names[-9:]):
        told = ingest.ingest(
            [shared_data / name for name in part], tmp_path / "restricted", settings=settings
        ).to_dict()
    assert told == everything[1]
    for (name, table), (_, other) in zip(tables(tmp_path / "restricted"), tables(everything[0]), strict=True):
        assert table.equals(other), name
