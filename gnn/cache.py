"""Embeddings kept by content: a text is embedded once, however often it is written and whenever the run was killed.

`restricted/embeddings/part-<encoder>-<content>.parquet` holds rows (digest, vector). The digest covers the encoder and
the words read, so another encoder, length or number type never meets these vectors. Shards are only ever added, each
appears whole or not at all, and its name follows from its content, so writing one twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
from numpy.typing import NDArray

from copenet.foundation.errors import InputError, ResourceError
from copenet.foundation.files import private_directory
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.tables import write_table
from gnn.reading import own_words

if TYPE_CHECKING:
    from gnn.encoder import Encoder

DIGEST_BYTES = 32
SHARD_ROWS = 8192


@dataclass(frozen=True)
class EmbedSummary:
    """What one call of `embed` did.

    Attributes:
        n_messages: Texts read.
        n_distinct: Different texts among them, as the encoder reads them.
        n_new: Texts embedded now; the others were in the cache.
        seconds: Wall-clock seconds.
        encoder: The encoder's digest (hex).
        dtype: The number type it computed in.
        dim: The length of a vector.
    """

    n_messages: int
    n_distinct: int
    n_new: int
    seconds: float
    encoder: str
    dtype: str
    dim: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def embed(
    texts_dir: Path,
    cache_dir: Path,
    *,
    encoder: Encoder,
    progress: Progress = SILENT,
    shard_rows: int = SHARD_ROWS,
) -> EmbedSummary:
    """Embed every text under `texts_dir` that the cache does not hold yet.

    Memory grows by 32 bytes for each message; texts and vectors are held one shard at a time. Killed at any moment it
    loses at most the shard in work, and resumed it gives the same bytes as an undisturbed run.

    Args:
        texts_dir: Folder of Parquet parts with a column `text` (schema `ingest.schema.TEXTS`), or one such file.
        cache_dir: Folder of the cache, created readable by its owner alone.
        encoder: Turns texts into unit vectors.
        progress: Where to report texts embedded.
        shard_rows: Texts per shard.

    Raises:
        ResourceError: The encoder's model or a shard cannot be read.
    """
    started = perf_counter()
    private_directory(cache_dir)
    n_messages, distinct = _distinct_keys(texts_dir, encoder.digest)
    missing = np.setdiff1d(distinct, _cached_keys(cache_dir, encoder.digest), assume_unique=True)
    with progress.task("Embedding messages", total=len(missing), unit="messages") as task:
        for texts, keys in _pending(texts_dir, encoder.digest, missing, shard_rows):
            _write_shard(cache_dir, encoder, keys, encoder.encode(texts))
            task.advance(len(texts))
    return EmbedSummary(
        n_messages,
        len(distinct),
        len(missing),
        perf_counter() - started,
        encoder.digest,
        encoder.dtype,
        encoder.dim,
    )


def load_embeddings(
    texts: Path | pa.Table, cache_dir: Path, *, encoder: Encoder
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the message ids of `texts` and their unit vectors, row by row in the same order.

    Args:
        texts: A texts table, or the folder (or file) that holds it.
        cache_dir: The cache that `embed` filled.
        encoder: The encoder it was filled with.

    Returns:
        The n message ids, and an n × dim matrix.

    Raises:
        InputError: Some texts are not embedded yet.
    """
    table = texts if isinstance(texts, pa.Table) else _dataset(texts).to_table(columns=["message_id", "text"])
    wanted, place = np.unique(_keys(table.column("text").to_pylist(), encoder.digest), return_inverse=True)
    vectors, found = _gather(cache_dir, encoder, wanted)
    if not found.all():
        raise InputError(
            f"{int((~found[place]).sum())} of {len(place)} messages have no embedding by this encoder yet.",
            remedy="Run: copenet text embed STUDY.",
        )
    return table.column("message_id").to_pylist(), vectors[place]


def content_key(text: str, encoder_digest: str) -> bytes:
    """Return the cache key of a text: SHA-256 over the encoder's digest and the words read."""
    return hashlib.sha256(f"{encoder_digest}\n{own_words(text)}".encode()).digest()


def shards(cache_dir: Path, encoder_digest: str) -> list[Path]:
    """Return the cache's shards for one encoder, by name."""
    return sorted(cache_dir.glob(f"part-{encoder_digest[:8]}-*.parquet"))


def _keys(texts: Sequence[str], encoder_digest: str) -> NDArray[np.bytes_]:
    return np.array([content_key(text, encoder_digest) for text in texts], dtype=f"S{DIGEST_BYTES}")


def _distinct_keys(texts_dir: Path, encoder_digest: str) -> tuple[int, NDArray[np.bytes_]]:
    parts = [_keys(texts, encoder_digest) for texts in _text_batches(texts_dir)]
    keys = np.concatenate(parts) if parts else np.empty(0, dtype=f"S{DIGEST_BYTES}")
    return len(keys), np.unique(keys)


def _pending(
    texts_dir: Path, encoder_digest: str, missing: NDArray[np.bytes_], shard_rows: int
) -> Iterator[tuple[list[str], list[bytes]]]:
    """Yield the missing texts in file order, each once, in shards of `shard_rows`."""
    waiting = np.ones(len(missing), dtype=bool)
    texts: list[str] = []
    keys: list[bytes] = []
    for batch in _text_batches(texts_dir) if len(missing) else ():
        for text in batch:
            key = content_key(text, encoder_digest)
            place = _position(missing, key)
            if place is None or not waiting[place]:
                continue
            waiting[place] = False
            texts.append(own_words(text))
            keys.append(key)
            if len(texts) == shard_rows:
                yield texts, keys
                texts, keys = [], []
    if texts:
        yield texts, keys


def _position(keys: NDArray[np.bytes_], key: bytes) -> int | None:
    """Return where sorted `keys` hold `key`, or None."""
    place = int(np.searchsorted(keys, np.array(key, dtype=keys.dtype)))
    # NumPy drops trailing zero bytes on both sides, which keeps 32-byte digests apart.
    return place if place < len(keys) and keys[place] == key.rstrip(b"\0") else None


def _write_shard(cache_dir: Path, encoder: Encoder, keys: list[bytes], vectors: NDArray[np.float32]) -> None:
    name = hashlib.sha256(b"".join(keys)).hexdigest()[:16]
    flat = pa.array(vectors.astype(np.float16).ravel())
    columns = [pa.array(keys, type=pa.binary(DIGEST_BYTES)), pa.FixedSizeListArray.from_arrays(flat, encoder.dim)]
    schema = _schema(encoder.dim)
    table = pa.Table.from_arrays(columns, schema=schema)
    write_table(cache_dir / f"part-{encoder.digest[:8]}-{name}.parquet", table, schema)


def _schema(dim: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("digest", pa.binary(DIGEST_BYTES), nullable=False),
            pa.field("vector", pa.list_(pa.float16(), dim), nullable=False),
        ]
    )


def _cached_keys(cache_dir: Path, encoder_digest: str) -> NDArray[np.bytes_]:
    parts = [_key_column(_read_shard(path, ["digest"])) for path in shards(cache_dir, encoder_digest)]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=f"S{DIGEST_BYTES}")


def _gather(
    cache_dir: Path, encoder: Encoder, wanted: NDArray[np.bytes_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    vectors = np.zeros((len(wanted), encoder.dim), dtype=np.float32)
    found = np.zeros(len(wanted), dtype=bool)
    for path in shards(cache_dir, encoder.digest) if len(wanted) else ():
        shard = _read_shard(path, ["digest", "vector"])
        keys = _key_column(shard)
        place = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
        hit = wanted[place] == keys
        flat = shard.column("vector").combine_chunks().flatten()
        vectors[place[hit]] = flat.to_numpy(zero_copy_only=False).reshape(-1, encoder.dim)[hit]
        found[place[hit]] = True
    return _unit(vectors), found


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo the half-precision rounding of the lengths, in place."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(length, 1e-6)
    return vectors


def _key_column(shard: pa.Table) -> NDArray[np.bytes_]:
    return np.array(shard.column("digest").to_pylist(), dtype=f"S{DIGEST_BYTES}")


def _read_shard(path: Path, columns: list[str]) -> pa.Table:
    try:
        return pa.parquet.read_table(path, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise ResourceError(
            f"The embedding shard {path.name} cannot be read.",
            remedy="Delete that file and run again: its messages are then embedded again.",
        ) from error


def _text_batches(texts_dir: Path) -> Iterator[list[str]]:
    for batch in _dataset(texts_dir).to_batches(columns=["text"], batch_size=SHARD_ROWS):
        yield batch.column("text").to_pylist()


def _dataset(path: Path) -> pa.dataset.Dataset:
    files = [path] if path.is_file() else sorted(path.glob("*.parquet"))
    if not files:
        raise InputError(f"There are no texts in {path.name}/.", remedy="Run: copenet ingest STUDY PATH.")
    return pa.dataset.dataset([str(file) for file in files], format="parquet")
