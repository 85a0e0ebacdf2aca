"""Messages to ties and communities."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from copenet.foundation.disclosure import hidden_places
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.stages.common import messages_of, save
from copenet.stages.label import short
from copenet.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

    from graph import CommunityResult

METHODS = ("leiden", "map_equation")
STABILITY_SEEDS = 20


def run(study: Study, progress: Progress) -> Saying:
    """Build user ties by channel and window, and communities by two methods."""
    from graph import arrivals, build_ties, people, user_ties

    settings = study.settings.graph
    messages = messages_of(study)
    built = build_ties(messages, window_days=settings.window_days, max_thread_people=settings.max_thread_people)
    pairs, order = user_ties(messages), arrivals(messages)
    found = [detect(study, pairs, order, method) for method in METHODS]
    _write(study, built.ties, found)
    document = {
        **_sizes(messages),
        "users": people(messages).num_rows,
        "ties": pairs.num_rows,
        "tie_counts": built.counts,
        "ties_by_channel": _by_channel(built.ties),
        "store": settings.store,
        "communities": [_described(study, pairs, order, one, progress) for one in found],
        "figure": "figures/communities.svg",
    }
    save(study, "graph", document)
    return _saying(document)


def detect(study: Study, ties: pa.Table, order: pa.Array, method: str) -> CommunityResult:
    """Return the canonical communities by `method`, whatever the key of the pseudonyms."""
    from graph import communities

    resolution = study.settings.graph.resolution if method == "leiden" else 1.0
    return communities(ties, method, seed=study.seed, resolution=resolution, order=order)


def _described(
    study: Study, ties: pa.Table, order: pa.Array, found: CommunityResult, progress: Progress
) -> dict[str, Any]:
    from graph import stability

    agreement = stability(
        ties, found.method, study.seed, found.resolution, seeds=STABILITY_SEEDS, order=order, progress=progress
    )
    hidden = hidden_places(found.sizes, study.settings.report.suppress_below)
    return {
        "method": found.method,
        "n": found.n,
        "sizes": [size for place, size in enumerate(found.sizes) if place not in hidden],
        "smaller": len(hidden),
        "modularity": found.modularity,
        "codelength": found.codelength,
        "resolution": found.resolution,
        "split": found.split,
        "agreement": asdict(agreement),
    }


def _sizes(messages: pa.Table) -> dict[str, int]:
    import pyarrow.compute as pc

    return {
        "messages": messages.num_rows - int(pc.sum(pc.equal(messages["kind"], "repost")).as_py() or 0),
        "threads": len(messages["thread_id"].unique()),
        "forums": len(messages["forum"].drop_null().unique()),
    }


def _by_channel(ties: pa.Table) -> dict[str, int]:
    counts = ties["channel"].value_counts().to_pylist()
    return {str(entry["values"]): int(entry["counts"]) for entry in counts}


def _write(study: Study, ties: pa.Table, found: list[CommunityResult]) -> None:
    import pyarrow as pa

    from copenet.foundation.tables import write_table
    from graph.schema import COMMUNITIES, TIES

    folder = study.restricted / "graph"
    write_table(folder / "ties.parquet", ties, TIES)
    write_table(folder / "communities.parquet", pa.concat_tables([one.table for one in found]), COMMUNITIES)


def _saying(document: dict[str, Any]) -> Saying:
    leiden = document["communities"][0]
    line = f"{document['ties']:,} ties · {leiden['n']:,} communities · agreement over {STABILITY_SEEDS} seeds "
    return Saying(line + short(leiden["agreement"]["mean"]))
