"""What the pages say exists: every documented command, file and link."""

from __future__ import annotations

import re
import tomllib

import pytest
import typer
from click.testing import CliRunner

from tests.conftest import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
TOML = re.compile(r"```toml\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
COMMAND = re.compile(r"copenet ((?:[a-z]+ ?){1,2})")


def documented_commands() -> list[tuple[str, tuple[str, ...]]]:
    """Return (page, words after `copenet`) of every command in a console block."""
    found = set()
    for page in PAGES:
        for block in CONSOLE.findall(page.read_text()):
            for line in block.splitlines():
                match = COMMAND.search(line) if line.startswith("$") else None
                if match:
                    found.add((page.name, tuple(match.group(1).split())))
    return sorted(found)


@pytest.mark.parametrize(("page", "words"), documented_commands())
def test_every_documented_command_exists(page, words):
    from copenet.cli.app import app

    command = typer.main.get_command(app)
    group = getattr(command, "commands", {})[words[0]]
    path = words if words[1:] and words[1] in getattr(group, "commands", {}) else words[:1]
    answer = CliRunner().invoke(command, [*path, "--help"])
    assert answer.exit_code == 0, answer.output
    assert "Example" in answer.output or path == words[:1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page):
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_setting_is_accepted(page):
    from copenet.settings import Settings

    for block in TOML.findall(page.read_text()):
        assert Settings.model_validate(tomllib.loads(block)) is not None


def test_the_locks_name_no_index_and_carry_hashes():
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text()
        assert not re.search(r"https?://|--index-url|--find-links", text), lock.name
        pinned = re.findall(r"^[A-Za-z0-9].*==", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"==[^\n]*\\\n    --hash=sha256:", text)), lock.name


def test_both_locks_choose_the_same_versions():
    def versions(name):
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        return {line.rstrip(" \\") for line in lines if "==" in line and not line.startswith(" ")}

    assert versions("lock.txt") <= versions("dev.txt")


def test_the_readmes_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert named & {"demo", "test"} == {"demo", "test"}
    assert {name for name in named if name not in targets} == set()
