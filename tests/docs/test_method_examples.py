"""The Python shown on the pages of the methods runs as it stands."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = [page for page in sorted((ROOT / "docs" / "methods").glob("*.md")) if PYTHON.search(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_example_runs_and_prints(page, capsys):
    exec("\n".join(PYTHON.findall(page.read_text())), {"__name__": page.stem})
    assert capsys.readouterr().out
