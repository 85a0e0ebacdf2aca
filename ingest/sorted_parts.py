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

    At any time one given table and one part are in memory.

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
        self._files: list[Path] = []

    def add(self, table: pa.Table, ranks: Ranks) -> None:
        """Keep rows (n) and their ranks (n) as one run."""
        if not table.num_rows:
            return
        order = np.argsort(ranks, kind="stable")
        ranks = ranks[order]
        rows = table.take(pa.array(order)).append_column(_RANK, pa.array(ranks, pa.int32())).cast(self._schema)
        path = self._folder / f"run-{len(self._files):05d}.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, self._schema) as writer:
            for start, stop in self._spans(ranks):
                piece = rows.slice(start, stop - start).combine_chunks()
                batches = piece.to_batches() or [pa.RecordBatch.from_pylist([], self._schema)]
                writer.write_batch(batches[0])
        self._files.append(path)

    def _spans(self, ranks: Ranks) -> Iterator[tuple[int, int]]:
        cuts = np.searchsorted(ranks, self._edges)
        return zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)

    def parts(self) -> Iterator[pa.Table]:
        """Yield the parts in order, empty ones left out; one empty part where there are no rows at all."""
        none_yet = True
        for number in range(len(self._edges) - 1):
            batches = [batch for path in self._files if (batch := _batch(path, number)).num_rows]
            if batches:
                none_yet = False
                rows = pa.Table.from_batches(batches, self._schema)
                yield rows.take(pa.compute.sort_indices(rows.column(_RANK))).drop_columns([_RANK]).combine_chunks()
        if none_yet:
            yield self._schema.remove(len(self._schema) - 1).empty_table()


def _batch(path: Path, number: int) -> pa.RecordBatch:
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
        return reader.get_batch(number)
