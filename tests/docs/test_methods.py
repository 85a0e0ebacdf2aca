"""The pages on methods run, and so do the examples in the modules they document."""

from __future__ import annotations

import doctest
import re
from importlib import import_module

import pytest

from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs" / "methods").glob("*.md"))
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
MODULES = (
    "causal.designs.s6",
    "causal.inference",
    "causal.inference_variants",
    "causal.linear_in_means",
    "causal.randomisation",
    "causal.two_stage",
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_in_order(page):
    blocks = CODE.findall(page.read_text())
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    tried = doctest.testmod(import_module(name))
    assert tried.attempted > 0
    assert tried.failed == 0
