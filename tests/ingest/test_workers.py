"""Tasks of other processes: their results in order, and what cannot travel to them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.workers import in_order, working


def levels(value: list[Any]) -> tuple[int, int]:
    """Return how deeply a list is nested, and in which process that was found out."""
    found = 0
    while value:
        value, found = value[0], found + 1
    return found, os.getpid()


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_results_come_in_order_and_what_is_too_deep_to_travel_is_done_here(tmp_path: Path) -> None:
    depths = [3, 50_000, 5, 1, 50_000, 4]
    with working(2, tmp_path) as workers:
        found = list(in_order(workers, levels, ((nested(depth),) for depth in depths)))
    assert [depth for depth, _ in found] == depths
    assert {process == os.getpid() for depth, process in found if depth == 50_000} == {True}
    assert {process == os.getpid() for depth, process in found if depth < 50_000} == {False}


def fails(number: int) -> int:
    if number == 2:
        raise ValueError("the second")
    return number


def test_what_a_task_raises_comes_in_its_place(tmp_path: Path) -> None:
    with working(2, tmp_path) as workers:
        results = in_order(workers, fails, ((number,) for number in range(1, 9)))
        assert next(results) == 1
        with pytest.raises(ValueError, match="the second"):
            next(results)


def loaded(_: int) -> bool:
    pa.array(["a"])  # PyArrow looks for pandas with its first array
    return "pandas" in sys.modules


def test_a_worker_does_without_pandas(tmp_path: Path) -> None:
    with working(2, tmp_path) as workers:
        assert list(in_order(workers, loaded, ((n,) for n in range(3)))) == [False] * 3
