"""The page on adding a source shows a module that works."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ingest
from ingest import formats
from ingest.records import Draft
from tests.conftest import ROOT
from tests.ingest.dumps import lines, write

RECORD = {"harbour_post": 7, "sailor": "ada", "answers": 3, "log": "calm today", "at": 1_600_000_000}


def shown() -> str:
    page = (ROOT / "docs" / "sources" / "adding.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    return code[1]


def test_the_module_shown_reads_its_records() -> None:
    made: dict[str, object] = {}
    exec(shown(), made)
    (source,) = made["FORMATS"]  # type: ignore[misc]
    assert source.recognises(RECORD)
    assert not source.recognises({"id": "a", "body": "b"})
    (draft,) = source.drafts(RECORD)
    assert isinstance(draft, Draft)
    assert (draft.message_id, draft.parent, draft.author, draft.text) == ("7", "3", "ada", "calm today")
    assert draft.created_at == 1_600_000_000_000_000


def test_the_module_shown_is_used_once_it_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("ingest.sources.harbour")
    exec(shown(), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(formats, "_MODULES", (*formats._MODULES, "harbour"))
    caches = (formats.every_format, formats.by_name)
    try:
        for cache in caches:
            cache.cache_clear()
        dump = write(tmp_path / "export.jsonl", lines([RECORD, {"harbour_post": 3, "log": "who is out?"}, {"x": 1}]))
        told = ingest.ingest([dump], tmp_path / "restricted")
    finally:
        for cache in caches:
            cache.cache_clear()
    assert told.formats == [{"file": "export.jsonl", "format": "harbour", "messages": 2}]
    assert (told.platforms, told.replies_resolved, told.rejected_count) == (["harbour"], 1, 1)


def test_every_format_has_a_row_in_the_index() -> None:
    from ingest.formats import every_format

    page = (ROOT / "docs" / "sources" / "index.md").read_text()
    assert [f.name for f in every_format() if f"| `{f.name}` |" not in page] == []
