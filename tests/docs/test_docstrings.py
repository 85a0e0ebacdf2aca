"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("causal", "copenet", "gnn", "graph", "ingest")
FILES = sorted(f for package in PACKAGES for f in (ROOT / package).rglob("*.py") if ">>>" in f.read_text("utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_examples_of_a_module_give_what_they_say(file: Path) -> None:
    module = import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0
