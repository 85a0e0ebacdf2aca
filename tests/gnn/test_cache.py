from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.tables import write_table
from gnn.cache import content_key, embed, load_embeddings, shards
from gnn.encoder import Encoder
from gnn.reading import own_words
from ingest.schema import TEXTS


class Spy:
    """An encoder of dimension 4 that remembers what it was asked, and dies on demand."""

    dim, dtype, digest = 4, "float32", "ab" * 32

    def __init__(self, dies_at_call: int | None = None) -> None:
        self.asked: list[str] = []
        self.calls = 0
        self.dies_at_call = dies_at_call

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        if self.calls == self.dies_at_call:
            raise KeyboardInterrupt
        self.asked += texts
        raw = np.array([[len(t) + 1, sum(map(ord, t)) % 97 + 1, 1, hash_of(t)] for t in texts], dtype=np.float32)
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def hash_of(text: str) -> int:
    return int.from_bytes(content_key(text, "")[:1], "big")


def write(folder: Path, texts: Sequence[str]) -> Path:
    rows = [{"message_id": f"m{i:05d}", "text": text} for i, text in enumerate(texts)]
    write_table(folder / "part-0.parquet", pa.Table.from_pylist(rows, schema=TEXTS), TEXTS)
    return folder


def contents(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache.iterdir()}


def test_each_distinct_text_is_embedded_once(texts_dir: Path, tmp_path: Path) -> None:
    spy = Spy()
    summary = embed(texts_dir, tmp_path / "cache", encoder=spy)
    assert spy.asked == ["I made a list.", "Nothing to say today.", ""]
    assert (summary.n_messages, summary.n_distinct, summary.n_new) == (5, 3, 3)
    assert summary.to_dict()["encoder"] == spy.digest


def test_a_second_run_embeds_nothing_and_writes_nothing(texts_dir: Path, tmp_path: Path) -> None:
    embed(texts_dir, tmp_path / "cache", encoder=Spy())
    before = contents(tmp_path / "cache")
    spy = Spy()
    assert embed(texts_dir, tmp_path / "cache", encoder=spy).n_new == 0
    assert spy.calls == 0
    assert contents(tmp_path / "cache") == before


def test_new_messages_only_add_shards(tmp_path: Path) -> None:
    texts = write(tmp_path / "texts", ["a", "b"])
    embed(texts, tmp_path / "cache", encoder=Spy())
    before = contents(tmp_path / "cache")
    write(tmp_path / "texts", ["a", "b", "c"])
    spy = Spy()
    embed(texts, tmp_path / "cache", encoder=spy)
    assert spy.asked == ["c"]
    assert before.items() <= contents(tmp_path / "cache").items()


def test_vectors_come_back_in_the_order_of_the_messages(texts_dir: Path, tmp_path: Path) -> None:
    spy = Spy()
    embed(texts_dir, tmp_path / "cache", encoder=spy, shard_rows=1)
    ids, vectors = load_embeddings(texts_dir, tmp_path / "cache", encoder=spy)
    assert ids == ["m1", "m2", "m3", "m4", "m5"]
    words = ["I made a list.", "Nothing to say today.", "I made a list.", "I made a list.", ""]
    np.testing.assert_allclose(vectors, spy.encode(words), atol=1e-3)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_table_can_be_given_in_any_order(texts_dir: Path, tmp_path: Path) -> None:
    spy = Spy()
    embed(texts_dir, tmp_path / "cache", encoder=spy)
    table = pa.table({"message_id": ["x", "y"], "text": ["", "I made a list."]})
    ids, vectors = load_embeddings(table, tmp_path / "cache", encoder=spy)
    assert ids == ["x", "y"]
    np.testing.assert_allclose(vectors, spy.encode(["", "I made a list."]), atol=1e-3)


@pytest.mark.parametrize("dies_at_call", [1, 2, 3, 4])
def test_killed_at_any_shard_it_resumes_to_the_same_bytes(dies_at_call: int, tmp_path: Path) -> None:
    texts = write(tmp_path / "texts", [f"text {i % 9}" for i in range(30)])
    embed(texts, tmp_path / "whole", encoder=Spy(), shard_rows=2)
    with pytest.raises(KeyboardInterrupt):
        embed(texts, tmp_path / "cache", encoder=Spy(dies_at_call), shard_rows=2)
    resumed = Spy()
    summary = embed(texts, tmp_path / "cache", encoder=resumed, shard_rows=2)
    assert summary.n_new == 9 - 2 * (dies_at_call - 1)
    assert contents(tmp_path / "cache") == contents(tmp_path / "whole")


def test_a_half_written_shard_is_never_seen(tmp_path: Path, monkeypatch) -> None:
    texts = write(tmp_path / "texts", ["a", "b"])

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa.parquet, "write_table", full_disk)
    with pytest.raises(OSError, match="No space"):
        embed(texts, tmp_path / "cache", encoder=Spy())
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_encoder_shares_no_vector(texts_dir: Path, tmp_path: Path) -> None:
    first, second = Spy(), Spy()
    second.digest = "cd" * 32
    embed(texts_dir, tmp_path / "cache", encoder=first)
    assert embed(texts_dir, tmp_path / "cache", encoder=second).n_new == 3
    assert not set(shards(tmp_path / "cache", first.digest)) & set(shards(tmp_path / "cache", second.digest))


def test_texts_not_embedded_yet_are_counted(tmp_path: Path) -> None:
    embed(write(tmp_path / "texts", ["a", "b"]), tmp_path / "cache", encoder=Spy())
    write(tmp_path / "texts", ["a", "b", "c", "d", "c"])
    with pytest.raises(InputError, match="3 of 5 messages") as caught:
        load_embeddings(tmp_path / "texts", tmp_path / "cache", encoder=Spy())
    assert "copenet text embed" in caught.value.remedy


def test_a_broken_shard_is_named_with_a_way_out(texts_dir: Path, tmp_path: Path) -> None:
    embed(texts_dir, tmp_path / "cache", encoder=Spy())
    (shard,) = shards(tmp_path / "cache", Spy.digest)
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(ResourceError, match=shard.name) as caught:
        embed(texts_dir, tmp_path / "cache", encoder=Spy())
    assert "Delete that file" in caught.value.remedy


def test_no_texts_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    with pytest.raises(InputError, match="no texts"):
        embed(tmp_path / "texts", tmp_path / "cache", encoder=Spy())


def test_an_empty_table_has_no_vectors(tmp_path: Path) -> None:
    texts = write(tmp_path / "texts", [])
    assert embed(texts, tmp_path / "cache", encoder=Spy()).n_messages == 0
    ids, vectors = load_embeddings(texts, tmp_path / "cache", encoder=Spy())
    assert ids == []
    assert vectors.shape == (0, 4)


def test_the_cache_is_private_and_holds_no_words(texts_dir: Path, tmp_path: Path) -> None:
    embed(texts_dir, tmp_path / "cache", encoder=Spy())
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    for data in contents(tmp_path / "cache").values():
        assert b"Nothing to say" not in data
        assert b"made a" not in data


def test_keys_whose_digest_ends_in_zero_are_found_again(tmp_path: Path) -> None:
    # NumPy drops trailing zero bytes; one text in 256 has such a digest.
    ending = next(t for t in (f"text {i}" for i in range(10**5)) if content_key(t, Spy.digest)[-1] == 0)
    texts = write(tmp_path / "texts", ["other", ending])
    assert embed(texts, tmp_path / "cache", encoder=Spy()).n_new == 2
    spy = Spy()
    assert embed(texts, tmp_path / "cache", encoder=spy).n_new == 0
    np.testing.assert_allclose(
        load_embeddings(texts, tmp_path / "cache", encoder=spy)[1], spy.encode(["other", ending]), atol=1e-3
    )


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=12), max_size=20), shard_rows=st.integers(1, 7), random=st.randoms())
def test_order_and_shard_size_do_not_matter(texts: list[str], shard_rows: int, random, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("any")
    shuffled = random.sample(texts, len(texts))
    spy = Spy()
    embed(write(folder / "texts", shuffled), folder / "cache", encoder=spy, shard_rows=shard_rows)
    assert sorted(spy.asked) == sorted({own_words(text) for text in texts})
    _, vectors = load_embeddings(write(folder / "again", texts), folder / "cache", encoder=spy)
    if texts:
        np.testing.assert_allclose(vectors, spy.encode([own_words(t) for t in texts]), atol=1e-3)


def test_the_real_encoder_through_the_cache(texts_dir: Path, tmp_path: Path, encoder: Encoder) -> None:
    summary = embed(texts_dir, tmp_path / "cache", encoder=encoder)
    assert summary.dim == 384
    _, vectors = load_embeddings(texts_dir, tmp_path / "cache", encoder=encoder)
    direct = encoder.encode(["I made a list.", "Nothing to say today."])
    assert (vectors[:2] * direct).sum(axis=1).min() > 0.9999
    np.testing.assert_array_equal(vectors[0], vectors[3])
