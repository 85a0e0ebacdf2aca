"""Puts the report together and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causal.readings import readings
from copenet.foundation.files import write_text
from copenet.report import cards, words
from copenet.report.answer import answer, label_warning
from copenet.report.calendar import calendar
from copenet.report.evidence import Evidence, gather
from copenet.report.methods import methods
from copenet.report.plots import Plot, effect_plots, ladder_order

FILTERS = ("number", "signed", "percent", "p_value", "day", "plain", "estimator", "listed", "records")
EXPLAINING = ("waterfall", "effect_by_community", "effect_by_platform", "effect_by_centrality", "nuisance_drivers")
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report; `needs` names the document without which it can only say what to run."""

    anchor: str
    title: str
    needs: str = ""
    command: str = ""


SECTIONS = (
    Section("answer", "The answer"),
    Section("data", "The data and its holes", "quality", "copenet ingest {study} PATH"),
    Section("protection", "Protection of the people in it"),
    Section("network", "The network", "graph", "copenet graph build {study}"),
    Section("labels", "The labels and their error", "labels", "copenet text label {study}"),
    Section("exposure", "Exposure and overlap", "effects", "copenet effect estimate {study}"),
    Section("effect", "The effect", "effects", "copenet effect estimate {study}"),
    Section("stress", "What would make it wrong", "effects", "copenet effect check {study}"),
    Section("explain", "How it came about, and for whom", "effects", "copenet effect explain {study}"),
    Section("not-done", "What was not done"),
    Section("methods", "Methods, references, versions"),
    Section("truth", "The planted truth"),
)


def write_report(
    results: Path,
    out: Path,
    *,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
    truth: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a study as one HTML file that needs nothing else and calls nobody.

    Args:
        results: The study's `results/`. Documents that are missing or unreadable are named, with the command that
            makes them. Figures of effects are saved for print in `results/figures/`.
        out: Where the HTML goes.
        settings: The study's settings, by section.
        versions: What was used, by name.
        truth: The planted truth of a simulation, printed on the last page; None outside a demo.

    Returns:
        `out`.
    """
    evidence = gather(results, settings=settings, versions=versions, truth=truth)
    folder = results / "figures" if evidence.get("effects") else None
    write_text(out, render(evidence, effect_plots(evidence, folder)))
    return out


def render(evidence: Evidence, plots: Mapping[str, Plot]) -> str:
    """Return the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in (
        "number",
        "signed",
        "percent",
        "points",
        "p_value",
        "day",
        "plain",
        "estimator",
        "status",
        "listed",
        "records",
    ):
        environment.filters[name] = getattr(words, name)
    environment.globals["style"] = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(**_context(evidence, plots))


def _context(evidence: Evidence, plots: Mapping[str, Plot]) -> dict[str, Any]:
    effects, quality = evidence.get("effects"), evidence.get("quality")
    checks = cards.check_rows(effects)
    return {
        "evidence": evidence,
        "title": str(evidence.setting("study", "title") or "") or "Peer effects on coping",
        "question": str(evidence.setting("study", "question") or "") or _question(effects),
        "sections": [s for s in SECTIONS if s.anchor != "truth" or evidence.truth is not None],
        "answer": answer(evidence),
        "label_warning": label_warning(evidence),
        "headline": words.headline_of(effects),
        "effects": effects,
        "ladder": ladder_order(effects),
        "facts": cards.data_facts(quality),
        "reasons": cards.rejection_reasons(quality),
        "platforms": cards.platform_coverage(quality),
        "protections": cards.protections(evidence),
        "partitions": cards.partitions(evidence),
        "strategies": cards.strategy_rows(evidence.get("labels")) if evidence.get("labels") else [],
        "checks": checks,
        "explaining": EXPLAINING,
        "readings": readings(effects, suppress_below=evidence.suppress_below),
        "tally": cards.tally(checks),
        "not_done": cards.not_done(evidence),
        "methods": methods(evidence),
        "plots": plots,
        "calendar": calendar(evidence),
        "sample": cards.sample_facts(effects),
        "declared": cards.declaration(effects),
        "estimand": [part.strip() for part in str(effects.get("estimand") or "").split(";") if part.strip()],
        "network_plots": _network_plots(evidence),
    }


def _question(effects: Mapping[str, Any]) -> str:
    outcome = words.plain(effects.get("outcome", "cope in a certain way"))
    if not effects:
        return "Do people come to cope the way they see their peers cope?"
    return f"When people see their peers use {outcome}, do they come to use it themselves?"


def _network_plots(evidence: Evidence) -> list[Plot]:
    return [
        Plot(
            name=f"network-{figure.name}",
            alt=figure.alt,
            caption=figure.caption,
            command=figure.command or f"copenet graph figure {evidence.study} {figure.name}",
            uri=figure.uri,
            wide=True,
        )
        for figure in evidence.figures.values()
    ]
