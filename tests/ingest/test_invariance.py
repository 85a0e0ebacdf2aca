"""The tables depend on what the dumps say, and on nothing about how they are cut, ordered or repeated."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from copenet.foundation.errors import InputError
from ingest.settings import IngestSettings
from tests.ingest.dumps import T0, content, lines, post, reply, write, zst

KEY = "ab" * 32
AUTHORS = {"p": "ann", "q": "bob", "a": "ann", "b": "bob", "c": "cy", "d": "ann", "e": "ann"}
GONE = st.sampled_from([False, "[deleted]", None])  # copies of a message name one author, or none
TIMES = st.integers(T0, T0 + 5)
BODIES = st.sampled_from(["hi u/ann", "[deleted]", "x", "", "long words"])
RETRIEVED = st.one_of(st.none(), st.integers(T0 + 10, T0 + 12))
POSTS = st.builds(
    lambda i, gone, t, at, r: post(i, AUTHORS[i] if gone is False else gone, t, at, retrieved_on=r),
    st.sampled_from("pq"),
    GONE,
    BODIES,
    TIMES,
    RETRIEVED,
)
REPLIES = st.builds(
    lambda i, p, gone, at, b, r: reply(i, p, AUTHORS[i] if gone is False else gone, at, body=b, retrieved_on=r),
    st.sampled_from("abcde"),
    st.sampled_from(["t3_p", "t1_a", "t1_b", "t1_c", "t1_gone", None, 11]),
    GONE,
    TIMES,
    BODIES,
    RETRIEVED,
)


def ingested(folder: Path, files: list[bytes], batch: int, mark: str = KEY) -> Any:
    key = folder / "key"
    key.write_text(mark)
    paths = [write(folder / f"f{i}", data) for i, data in enumerate(files)]
    ingest.ingest(paths, folder / "restricted", settings=IngestSettings(key_file=key, batch_rows=batch))
    return content(folder / "restricted")


@settings(max_examples=15)
@given(st.lists(POSTS | REPLIES, min_size=1, max_size=14), st.data())
def test_order_batches_files_and_repetition_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]], data: st.DataObject
) -> None:
    base = ingested(tmp_path_factory.mktemp("base"), [lines(records)], 10_000)
    shuffled = records + data.draw(st.lists(st.sampled_from(records), max_size=5))
    random.Random(data.draw(st.integers(0, 99))).shuffle(shuffled)
    cut = data.draw(st.integers(0, len(shuffled)))
    files = [part for part in (lines(shuffled[:cut]), zst(lines(shuffled[cut:])) if shuffled[cut:] else b"") if part]
    other = ingested(tmp_path_factory.mktemp("other"), files, data.draw(st.integers(1, 4)))
    assert other[0].equals(base[0])
    assert other[1].equals(base[1])


def test_content_and_not_place_decides_between_equal_copies(tmp_path: Path) -> None:
    one, other = ([post(f"p{i}", text=word) for i in range(12)] for word in ("one", "other"))
    tables = []
    for name, records in (("x", one + other), ("y", other + one)):
        (tmp_path / name).mkdir()
        tables.append(ingested(tmp_path / name, [lines(records)], 5))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])


def test_files_one_after_the_other_or_together(tmp_path: Path) -> None:
    first, second = [post(), reply("a", "t1_b")], [reply("b", "t3_p1"), reply("a", "t1_b", retrieved_on=T0 + 9)]
    together = ingested(tmp_path / "x", [lines(first), lines(second)], 10) if (tmp_path / "x").mkdir() is None else None
    (tmp_path / "y").mkdir()
    ingested(tmp_path / "y", [lines(second)], 10)
    apart = ingested(tmp_path / "y", [lines(first)], 10)
    assert together is not None
    assert apart[0].equals(together[0])
    assert apart[1].equals(together[1])


@settings(max_examples=25)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda t: json.dumps({"body": t}).encode())))
)
def test_garbage_gives_rejects_and_never_a_crash(tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    path = write(folder / "g", lines([post()]) + b"\n" + b"\n".join(rows))
    summary = ingest.ingest([path], folder / "restricted")
    assert summary.messages >= 1
    kept_or_lost = summary.messages + summary.duplicates + summary.rejected_count
    assert kept_or_lost <= 2 + sum(row.count(b"\n") + 1 for row in rows)
    assert all(set(r) == {"file", "line", "reason"} for r in summary.rejected)


@settings(max_examples=10)
@given(st.binary(max_size=200))
def test_bytes_alone_are_refused_politely(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    with pytest.raises(InputError):
        ingest.ingest([write(folder / "b", data)], folder / "restricted")


def test_the_key_does_not_decide_which_copy_is_kept(tmp_path: Path) -> None:
    records = [post(f"p{i}", "ann", "hi u/bob and @cy", score=score) for i in range(12) for score in (1, 2)]
    records += [post(f"q{i}", "ann", f"hi u/bob {word}") for i in range(12) for word in ("one", "other")]
    records += [post(f"r{i}", name, f"hi u/{name}") for i in range(12) for name in ("ann", "bob")]
    records += [post(f"s{i}", "ann", word, subreddit="u_ann") for i in range(12) for word in ("one", "other")]
    kept = set()
    for mark in ("11" * 32, "22" * 32, "33" * 32):
        (tmp_path / mark[:2]).mkdir()
        messages, _ = ingested(tmp_path / mark[:2], [lines(records)], 10, mark)
        sources = ingest.read_messages(tmp_path / mark[:2] / "restricted").column("source").to_pylist()
        kept.add(tuple(source.split(":")[1] for source in sources))
        assert messages.num_rows == 48
    assert len(kept) == 1
