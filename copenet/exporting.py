"""The network as files for other programs. They hold one mark per person, so they stay in restricted/ by default."""

from __future__ import annotations

from pathlib import Path

from copenet.copies import remember
from copenet.foundation.errors import RefusedError, UsageError
from copenet.settings import nearest
from copenet.stages.common import communities_of, messages_of
from copenet.study import Study


def export_graph(study: Study, kind: str, out: Path | None) -> Path:
    """Write every user tie and every person with a tie; return the path.

    Raises:
        UsageError: An unknown format.
        RefusedError: `out` lies in the study's folder but not in restricted/, which alone holds person-level data.
    """
    from graph import people, user_ties
    from graph.exports import FORMATS, export

    if kind not in FORMATS:
        guess = nearest(kind, FORMATS)
        hint = f"Did you mean {guess}?" if guess else f"Known are {', '.join(FORMATS)}."
        raise UsageError(f"No export format is called {kind}.", remedy=hint)
    path = study.restricted / "graph" / f"graph.{kind}" if out is None else out
    home, kept = study.path.resolve(), study.restricted.resolve()
    if path.resolve().is_relative_to(home) and not path.resolve().is_relative_to(kept):
        raise RefusedError(
            "Inside a study, person-level data lie in restricted/ alone.",
            remedy="Export to restricted/ or outside the study.",
        )
    messages = messages_of(study)
    remember(study, (path, path.with_name(f"{path.stem}-people{path.suffix}")))
    return export(user_ties(messages), people(messages), communities_of(study), path, kind=kind)[0]
