"""How complete the data are: what is there, what is missing, what was rejected."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.stages.common import save
from copenet.study import Study

FEW_PARENTS = 0.9
MANY_DELETED = 0.1


def run(study: Study, progress: Progress) -> Saying:
    """Write results/quality.json."""
    from ingest import quality

    document = quality(study.restricted)
    save(study, "quality", document)
    return _saying(document)


def _saying(document: dict[str, Any]) -> Saying:
    found = document["replies_resolved"] / document["replies"] if document["replies"] else 1.0
    deleted = document["deleted"] / document["messages"] if document["messages"] else 0.0
    gaps, days = document["days_without_messages_count"], _days(document)
    line = f"parents found {found:.1%} · deleted {deleted:.1%} · {gaps} of {days} days missing"
    worrying = found < FEW_PARENTS or deleted > MANY_DELETED or gaps > 0
    return Saying(line, "warn" if worrying else "ok")


def _days(document: dict[str, Any]) -> int:
    if not document["first_at"]:
        return 0
    first, last = (datetime.fromisoformat(document[key]).date() for key in ("first_at", "last_at"))
    return (last - first).days + 1
