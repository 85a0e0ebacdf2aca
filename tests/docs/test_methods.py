"""The pages of the methods say how each is called, and their examples run."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs" / "methods").glob("*.md"))
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_method_run_in_order_and_say_something(page, capsys):
    examples = PYTHON.findall(page.read_text())
    assert examples
    names: dict[str, object] = {"__name__": page.stem}
    for example in examples:
        exec(compile(example, page.name, "exec"), names)
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_method_says_what_must_hold_when_it_fails_and_where_it_is_from(page):
    headings = re.findall(r"^## (.*)", page.read_text(), re.MULTILINE)
    assert {"What must hold", "When it fails", "References"} <= set(headings)
