"""Small tables of conversations for the graph tests: written out by hand, or drawn by Hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from ingest.schema import MESSAGES, TEXTS

START = datetime(2021, 3, 1, tzinfo=UTC)
_DEFAULTS: dict[str, Any] = {
    "platform": "reddit",
    "kind": "comment",
    "thread_id": "reddit:t3_1",
    "parent_id": None,
    "author_id": None,
    "author_status": "known",
    "parent_author_id": None,
    "forum": "GradSchool",
    "created_at": None,
    "edited_at": None,
    "retrieved_at": None,
    "text_status": "present",
    "language": None,
    "score": None,
    "bot_reason": None,
    "source": "0123456789abcdef:1",
}


def messages(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([_DEFAULTS | row for row in rows], schema=MESSAGES)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def world(n: int = 400, people: int = 40, seed: int = 0) -> pa.Table:
    """Two forums of threads with missing parents, deleted authors, a declared bot, self-replies and clock faults."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for i in range(n):
        is_root = i < 4 or random.random() < 0.1
        parent = None if is_root else rows[int(random.integers(max(0, i - 40), i))]
        author = int(random.integers(people))
        row = {
            "message_id": f"reddit:t3_{i}" if is_root else f"reddit:t1_{i}",
            "kind": "post" if is_root else "comment",
            "author_id": f"reddit:u_{author:03d}",
            "created_at": at(i * 7200 + int(random.integers(3600))),
            "forum": ("GradSchool", "Anxiety")[i % 2],
            "score": int(random.integers(-3, 50)),
        }
        row["thread_id"] = row["message_id"] if parent is None else parent["thread_id"]
        if parent is not None:
            row |= {
                "parent_id": parent["message_id"],
                "parent_author_id": parent["author_id"],
                "forum": parent["forum"],
            }
        rows.append(row | _oddity(random, i))
    return messages(*rows)


def _oddity(random: np.random.Generator, i: int) -> dict[str, Any]:
    draw = random.random()
    if draw < 0.05:
        return {"author_id": None, "author_status": "deleted", "text_status": "deleted"}
    if draw < 0.08:
        return {"parent_id": f"reddit:t1_gone{i}", "parent_author_id": None} if i > 10 else {}
    if draw < 0.11:
        return {"author_id": "reddit:u_bot", "bot_reason": "declared: name"}
    if draw < 0.13:
        return {"created_at": at(-86_400 * 400)}
    return {"text_status": "removed"} if draw < 0.15 else {}


def texts_of(table: pa.Table) -> pa.Table:
    present = [r["message_id"] for r in table.to_pylist() if r["text_status"] == "present"]
    bodies = [f"it's a \"text\" {i}\n'); DROP TABLE User; --" for i in range(len(present))]
    return pa.table({"message_id": present, "text": bodies}, schema=TEXTS)


def labels_of(table: pa.Table, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    ids = [row["message_id"] for row in table.to_pylist() if row["text_status"] == "present"]
    names = ("planning", "positive_reframing", "venting")
    pairs = [(message, strategy) for message in ids for strategy in names]
    return pa.table(
        {
            "message_id": [message for message, _ in pairs],
            "strategy": [strategy for _, strategy in pairs],
            "probability": random.random(len(pairs)),
            "labelled_by": ["model"] * len(pairs),
            "sampling_probability": pa.nulls(len(pairs), pa.float64()),
        }
    )


@st.composite
def conversations(draw: st.DrawFn) -> pa.Table:
    """Any message may name any other as its parent: missing ones, itself, and cycles included."""
    n = draw(st.integers(1, 14))
    authors = st.sampled_from([None, "reddit:u_a", "reddit:u_b", "reddit:u_c", "reddit:u_d"])
    rows = []
    for i in range(n):
        author = draw(authors)
        rows.append(
            {
                "message_id": f"reddit:t1_{i}",
                "kind": draw(st.sampled_from(["comment", "comment", "post", "repost"])),
                "thread_id": f"reddit:t3_{draw(st.integers(0, 2))}",
                "parent_id": draw(st.none() | st.integers(0, n + 1).map("reddit:t1_{}".format)),
                "author_id": author,
                "author_status": "known" if author else "deleted",
                "parent_author_id": draw(st.none() | authors),
                "created_at": draw(st.none() | st.integers(-3 * 86_400, 3 * 86_400).map(at) | st.just(at(0))),
                "bot_reason": draw(st.sampled_from([None] * 8 + ["declared: name", "suspected: rate"])),
            }
        )
    return messages(*rows)
