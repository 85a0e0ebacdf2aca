"""Reports of invented studies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copenet.report import write_report
from copenet.report.evidence import gather
from copenet.report.page import render
from tests.report.documents import SETTINGS, TRUTH, VERSIONS, documents, lay_out

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return the page of a study made from documents (everything when None); figures of effects only with `draw`."""

    def run(
        found: dict[str, dict[str, Any]] | None = None,
        *,
        settings: dict[str, Any] = SETTINGS,
        versions: dict[str, str] = VERSIONS,
        truth: dict[str, Any] | None = None,
        study: str = "anxiety",
        draw: bool = False,
        files: dict[str, bytes] | None = None,
    ) -> str:
        results = lay_out(tmp_path / study, found)
        for name, content in (files or {}).items():
            (results / name).write_bytes(content)
        if not draw:
            return render(gather(results, settings=settings, versions=versions, truth=truth), {})
        out = results / "report.html"
        assert write_report(results, out, settings=settings, versions=versions, truth=truth) == out
        return out.read_text(encoding="utf-8")

    return run


@pytest.fixture(scope="session")
def demo_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a finished demo."""
    results = lay_out(tmp_path_factory.mktemp("demo") / "demo", documents())
    write_report(results, results / "report.html", settings=SETTINGS, versions=VERSIONS, truth=TRUTH)
    return (results / "report.html").read_text(encoding="utf-8")
