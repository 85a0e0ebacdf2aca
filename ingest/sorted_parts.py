"""A table that does not fit into memory, sorted: runs on disk, each cut where the final parts will be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.files import private_directory

Ranks = NDArray[np.int32]
_RANK = "__rank"


class Runs:
    """Rows come in any order with their ranks, and go out in the order of the ranks, in parts.

    In memory is only what is given or asked for. Threads may give runs, and ask for parts, at the same time.

    Args:
        folder: Where the runs go; the caller removes it.
        schema: Of the rows.
        total: One above the largest rank.
        part_ranks: How many ranks a part spans.
    """

    def __init__(self, folder: Path, schema: pa.Schema, total: int, part_ranks: int) -> None:
        self._folder = private_directory(folder)
        self._schema = schema.append(pa.field(_RANK, pa.int32()))
        self._edges = np.arange(0, max(total, 1) + part_ranks, part_ranks)
        self._files: dict[int, Path] = {}

    def add(self, number: int, table: pa.Table, ranks: Ranks) -> None:
        """Keep rows (n) and their ranks (n) as run number `number`."""
        if not table.num_rows:
            return
        order = np.argsort(ranks, kind="stable")
        ranks = ranks[order]
        rows = table.take(pa.array(order)).append_column(_RANK, pa.array(ranks, pa.int32())).cast(self._schema)
        path = self._folder / f"run-{number:05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
            for start, stop in self._spans(ranks):
                piece = rows.slice(start, stop - start).combine_chunks()
                batches = piece.to_batches() or [pa.RecordBatch.from_pylist([], self._schema)]
                writer.write_batch(batches[0])
        self._files[number] = path

    def _spans(self, ranks: Ranks) -> Iterator[tuple[int, int]]:
        cuts = np.searchsorted(ranks, self._edges)
        return zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)

    @property
    def count(self) -> int:
        """How many parts there are, at least one."""
        return len(self._edges) - 1

    def part(self, number: int) -> pa.Table:
        """Return a part, its rows in the order of their ranks; texts have ranks of messages, so one may be empty."""
        batches = [batch for path in list(self._files.values()) if (batch := _batch(path, number)).num_rows]
        rows = pa.Table.from_batches(batches, self._schema)
        return rows.take(pa.compute.sort_indices(rows.column(_RANK))).drop_columns([_RANK]).combine_chunks()


def _batch(path: Path, number: int) -> pa.RecordBatch:
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
        return reader.get_batch(number)
