"""Texts to vectors, once per text."""

from __future__ import annotations

from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.stages.common import encoder_of
from copenet.study import Study


def run(study: Study, progress: Progress) -> Saying:
    """Embed what the cache does not hold yet."""
    from gnn import embed

    summary = embed(
        study.restricted / "texts", study.restricted / "embeddings", encoder=encoder_of(study), progress=progress
    )
    return Saying(f"{summary.n_messages:,} embeddings ({summary.n_new:,} new)", figures=summary.to_dict())
