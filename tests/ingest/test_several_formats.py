"""Several formats in one study: neither order, cut, batches, processes nor repetition of their dumps matters."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from ingest import staging
from ingest.formats import column_format
from ingest.settings import IngestSettings
from tests.ingest.dumps import T0, content, lines, write, zst
from tests.ingest.sources.x_records import v2_page, v2_post
from tests.ingest.test_invariance import POSTS, REPLIES

KEY = "ab" * 32
ROLES = {"id": "ID", "author": "User", "parent": "Answers", "time": "Date", "text": "Body"}
TABLE = column_format(ROLES, "x")
USERNAMES = {"11": "quorvex_7", "22": "wintermoor", "33": "overleaf"}
SHOWN = {"11": "Ann Smith", "22": "Wintermoor", "33": "Ida"}
NAMING = st.sampled_from(
    [
        "hi @quorvex_7", "as Ann Smith said", "as ann smith said", "my-quorvex_7.", "(quorvex_7)", "on overleaf",
        "WINTERMOOR!", "plain words", "",
    ]
)  # fmt: skip
X_WRITERS = {"101": "11", "102": "22", "103": "33"}
CHAT_WRITERS = {1: "user11", 2: "user22", 3: "user33"}
ROW_WRITERS = {"r1": "quorvex_7", "r2": "overleaf", "r3": "ann"}


def x_post(native: str, text: str, parent: str | None, at: int) -> dict[str, Any]:
    created = f"2020-09-13T12:26:4{at}.000Z"
    answer = {"referenced_tweets": [{"type": "replied_to", "id": parent}]} if parent else {}
    person = {"in_reply_to_user_id": X_WRITERS[parent]} if parent in X_WRITERS else {}
    return v2_post(native, X_WRITERS[native], text=text, created_at=created, **answer, **person)


def x_page(posts: list[dict[str, Any]], context: list[dict[str, Any]], named: bool, at: int) -> dict[str, Any]:
    users = [{"id": native, "username": name, "name": SHOWN[native]} for native, name in USERNAMES.items()]
    page = v2_page(*posts, users=users if named else [], tweets=context)
    return page | {"__twarc": page["__twarc"] | {"retrieved_at": f"2020-09-14T00:00:0{at}+00:00"}}


def chat_message(native: int, text: str, parent: int | None, edited: int | None) -> dict[str, Any]:
    base = {"id": native, "type": "message", "date_unixtime": str(T0 + native), "from_id": CHAT_WRITERS[native]}
    base |= {"from": SHOWN[CHAT_WRITERS[native].removeprefix("user")], "text": text}
    base |= {"reply_to_message_id": parent} if parent else {}
    return base | ({"edited_unixtime": str(T0 + edited)} if edited else {})


def row(native: str, text: str, parent: str, at: int) -> dict[str, str]:
    return {"ID": native, "User": ROW_WRITERS[native], "Answers": parent, "Date": str(T0 + at), "Body": text}


SECONDS = st.integers(0, 1)  # few, that copies differ in one thing only
X_POSTS = st.builds(x_post, st.sampled_from(sorted(X_WRITERS)), NAMING, st.sampled_from([None, "101", "9"]), SECONDS)
RECORDS = {
    "reddit": POSTS | REPLIES,
    "x": st.builds(
        x_page, st.lists(X_POSTS, min_size=1, max_size=3), st.lists(X_POSTS, max_size=2), st.booleans(), SECONDS
    ),
    "telegram": st.builds(
        chat_message, st.sampled_from(sorted(CHAT_WRITERS)), NAMING, st.sampled_from([None, 1, 99]),
        st.none() | st.just(10),
    ),
    "table": st.builds(row, st.sampled_from(sorted(ROW_WRITERS)), NAMING, st.sampled_from(["", "r1", "r9"]), SECONDS),
}  # fmt: skip
Mix = dict[str, list[dict[str, Any]]]


def chat_file(messages: list[dict[str, Any]]) -> bytes:
    return json.dumps({"name": "Calm", "type": "public_supergroup", "id": 77, "messages": messages}).encode()


def table_file(rows: list[dict[str, Any]]) -> bytes:
    made = io.StringIO()
    writer = csv.DictWriter(made, list(ROLES.values()))
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue().encode()


FILES = {"reddit": lines, "x": lines, "telegram": chat_file, "table": table_file}


def mixed(draw: st.DataObject) -> Mix:
    found = {
        name: draw.draw(st.lists(records, min_size=2, max_size=9), label=name) for name, records in RECORDS.items()
    }
    return found


def cut_up(mix: Mix, rng: random.Random) -> list[bytes]:
    """Return the same in one to three files of each format, some of it twice, in any order."""
    files = []
    for name, records in mix.items():
        every = [*records, *rng.choices(records, k=rng.randrange(3))] if records else []
        rng.shuffle(every)
        pieces = [every[i::3] for i in range(3)] if rng.random() < 0.5 else [every]
        files += [FILES[name](piece) for piece in pieces if piece]
    rng.shuffle(files)
    return [zst(data) if rng.random() < 0.3 else data for data in files]


def ingested(folder: Path, files: list[bytes], batch: int, workers: int = 1) -> Any:
    key = folder / "key"
    key.write_text(KEY)
    paths = [write(folder / f"f{i}", data) for i, data in enumerate(files)]
    how = IngestSettings(key_file=key, batch_rows=batch, workers=workers, fallback=TABLE)
    ingest.ingest(paths, folder / "restricted", settings=how)
    return content(folder / "restricted")


def in_calls(folder: Path, files: list[bytes], rng: random.Random, workers: int = 1) -> Any:
    """Ingest in one to three calls, the first of them twice."""
    n = rng.randrange(1, min(3, len(files)) + 1)
    calls = [files[i::n] for i in range(n)]
    for number, call in enumerate([*calls, calls[0]]):
        where = folder / f"call{number}"
        where.mkdir()
        (where / "restricted").symlink_to(folder / "restricted")
        (folder / "restricted").mkdir(exist_ok=True)
        found = ingested(where, call, rng.choice((1, 2, 3, 100)), workers=workers)
    return found


def assert_invariant(factory: pytest.TempPathFactory, mix: Mix, seed: int, workers: int = 1) -> None:
    base = ingested(factory.mktemp("base"), [FILES[name](records) for name, records in mix.items() if records], 10_000)
    rng = random.Random(seed)
    other = in_calls(factory.mktemp("other"), cut_up(mix, rng), rng, workers)
    assert other[0].equals(base[0])
    assert other[1].equals(base[1])


@settings(max_examples=15)
@given(st.data(), st.integers(0, 10**6))
def test_four_formats_at_once_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: int
) -> None:
    assert_invariant(tmp_path_factory, mixed(data), seed)


@settings(max_examples=2)
@given(st.data(), st.integers(0, 10**6))
def test_four_formats_at_once_in_worker_processes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "WORTH_WORKERS", 0)
        assert_invariant(tmp_path_factory, mixed(data), seed, workers=2)


@pytest.mark.parametrize("seed", range(3))
def test_names_and_ordinary_words_do_not_depend_on_the_cut(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Enough texts that a username that is a word counts as one, and a shown name stands in some parts only."""
    rng = random.Random(seed)
    texts = ["on overleaf", "as Ann Smith said", "as ann smith said", "my-quorvex_7.", "Wintermoor", "no name"]
    posts = [v2_post(str(1000 + i), rng.choice(("11", "22", "33", "44")), text=rng.choice(texts)) for i in range(300)]
    pages = [x_page(posts[i : i + 10], [], i % 20 == 0, i % 9) for i in range(0, 300, 10)]
    assert_invariant(tmp_path_factory, {"x": pages, "table": [row("r1", "on overleaf", "", 1)]}, seed)
