"""Figures that a study's tables are drawn into, for the report and for print."""

from __future__ import annotations

from pathlib import Path

from copenet.foundation.files import write_json
from copenet.stages.common import communities_of, labels_validated, messages_of, result, shown_labels
from copenet.study import Study

FIGURES = ("communities",)


def draw(study: Study, name: str, strategy: str | None = None) -> Path:
    """Draw figure `name` into results/figures (SVG, PDF, and its words as JSON); return the SVG's path.

    Args:
        study: The study, its graph and labels fresh.
        name: One of `FIGURES`.
        strategy: Colour by the share of messages that show it (the declared outcome when None).
    """
    from gnn.strategies import strategy as known
    from graph import user_ties
    from graph.figure_quotient import quotient_figure
    from graph.quotient import strategy_counts

    chosen = known(strategy or study.settings.effect.outcome)
    messages = messages_of(study)
    share = strategy_counts(messages, shown_labels(study, chosen.id), chosen.id)
    path = study.results / "figures" / f"{name}.svg"
    found = quotient_figure(
        user_ties(messages),
        communities_of(study, "leiden"),
        share,
        path,
        path.with_suffix(".pdf"),
        k=study.settings.report.suppress_below,
        strategy=chosen.name,
        window=_window(study),
        validated=labels_validated(study, chosen.id),
        seed=study.seed,
        resolution=study.settings.graph.resolution,
    )
    command = f"copenet graph figure {study.path.name} {name} --strategy {chosen.id}"
    words = {"caption": found.caption, "alt": found.alt_text, "command": command, "data": found.data}
    write_json(path.with_suffix(".json"), words)
    return path


def _window(study: Study) -> str:
    quality = result(study, "quality")
    first, last = (str(quality.get(key) or "")[:10] for key in ("first_at", "last_at"))
    return f"{first} to {last}" if first and last else ""
