"""Real conversations: every count equals one made here with plain Python."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

import ingest


def records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as raw:
        stream: Any = raw
        if path.suffix == ".zst":
            stream = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(raw, read_across_frames=True)
        with io.TextIOWrapper(stream, "utf-8") as text:
            yield from (json.loads(line) for line in text if line.strip())


def counted(paths: list[Path]) -> dict[str, int]:
    """Count by hand: the last of equal retrieval times does not matter for any of these figures."""
    authors: dict[str, Any] = {}
    parents: dict[str, str] = {}
    rows = 0
    for path in paths:
        for record in records(path):
            rows += 1
            kind = "t3_" if "title" in record else "t1_"
            identifier = kind + record["id"]
            authors[identifier] = record["author"]
            if kind == "t1_":
                parents[identifier] = record.get("parent_id") or record["link_id"]
    people = {a.casefold() for a in authors.values() if a not in ("[deleted]", "AutoModerator")}
    resolved = {child: parent for child, parent in parents.items() if parent in authors}
    return {
        "messages": len(authors),
        "duplicates": rows - len(authors),
        "authors": len(people),
        "replies": len(parents),
        "replies_resolved": len(resolved),
        "parents_missing": len(set(parents.values()) - set(authors)),
        "self_replies": sum(
            authors[c] == authors[p] and authors[c] != "[deleted]" for c, p in resolved.items()
        ),
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["reddit", "reddit_real_dumps"])
def test_counts_equal_plain_python(tmp_path: Path, shared_data: Path, folder: str) -> None:
    paths = sorted(p for p in (shared_data / folder).iterdir() if p.suffix in (".zst", ".json"))
    summary = ingest.ingest(paths, tmp_path / "restricted").to_dict()
    assert {name: summary[name] for name in counted(paths)} == counted(paths)
    assert summary["rejected"] == []
    messages = ingest.read_messages(tmp_path / "restricted", ["message_id", "text_status"])
    present = {r["message_id"] for r in messages.to_pylist() if r["text_status"] == "present"}
    assert present == set(ingest.read_texts(tmp_path / "restricted").column("message_id").to_pylist())


def test_no_author_of_a_real_dump_is_on_disk(tmp_path: Path, shared_data: Path) -> None:
    """Rare names only: common words of the language are user names too."""
    path = shared_data / "reddit" / "CollegeAdvice_comments.zst"
    names = {r["author"] for r in records(path)} - {"[deleted]", "AutoModerator"}
    ingest.ingest([path], tmp_path / "restricted")
    values = str(ingest.read_messages(tmp_path / "restricted").to_pylist())
    values += str(ingest.read_texts(tmp_path / "restricted").to_pylist())
    assert [name for name in names if name in values] == []
