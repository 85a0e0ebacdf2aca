"""The gallery runs, block after block, and shows every design."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "gallery.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_design_has_its_block_and_says_what_to_see():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert [section.split()[0] for section in sections] == [f"S{k}" for k in range(1, 8)]
    for section in sections:
        assert "**See**" in section
        assert section.count("```python") == 1


def test_the_gallery_runs_in_order(capsys: pytest.CaptureFixture[str]):
    names: dict[str, object] = {"__name__": "gallery"}
    for block in BLOCKS:
        exec(compile(block, "gallery.md", "exec"), names)
    said = capsys.readouterr().out
    for words in (
        "extrapolation",
        "S2: truth +0.80",
        "standard error along",
        "blocks hidden",
        "S5: truth",
        "not identified",
    ):
        assert words in said
    assert "Does not say:" in said
