"""The report of a study: one HTML file that a supervisor can read and that calls nobody."""

from __future__ import annotations

from copenet.report.page import write_report

__all__ = ["write_report"]
