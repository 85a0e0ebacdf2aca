"""The page on adding a source shows a module that works."""

from __future__ import annotations

import re

from ingest.records import Draft
from tests.conftest import ROOT

RECORD = {"harbour_post": 7, "sailor": "ada", "answers": 3, "log": "calm today", "at": 1_600_000_000}


def test_the_module_shown_reads_its_records() -> None:
    page = (ROOT / "docs" / "sources" / "adding.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    made: dict[str, object] = {}
    exec(code[1], made)
    (source,) = made["FORMATS"]  # type: ignore[misc]
    assert source.recognises(RECORD)
    assert not source.recognises({"id": "a", "body": "b"})
    (draft,) = source.drafts(RECORD)
    assert isinstance(draft, Draft)
    assert (draft.message_id, draft.parent, draft.author, draft.text) == ("7", "3", "ada", "calm today")
    assert draft.created_at == 1_600_000_000_000_000


def test_every_format_has_a_row_in_the_index() -> None:
    from ingest.formats import every_format

    page = (ROOT / "docs" / "sources" / "index.md").read_text()
    assert [f.name for f in every_format() if f"| `{f.name}` |" not in page] == []
