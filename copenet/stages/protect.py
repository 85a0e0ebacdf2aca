"""Who is hidden, and whether anybody is left to be seen."""

from __future__ import annotations

from typing import Any

from copenet.foundation.errors import DefectError
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.protection import emails_in, scan_outputs, too_open
from copenet.stages.common import messages_of, result, save, texts_of
from copenet.study import Study


def run(study: Study, progress: Progress) -> Saying:
    """Write results/protection.json: people keyed, handles replaced, and what a search for leaks found."""
    document = {**_figures(study), "open_folders": too_open(study), "outputs_with_ids": scan_outputs(study)}
    save(study, "protection", document)
    if document["texts_with_email"] or document["open_folders"]:
        raise DefectError(
            f"Protection failed: {document['texts_with_email']} texts hold an e-mail address, "
            f"{len(document['open_folders'])} restricted folders are open to others.",
            remedy="Do not share this study. Please report it.",
        )
    replaced = document["handles_replaced"]
    words = [f"{document['people_keyed']:,} people keyed", f"{replaced:,} handles inside text replaced"]
    return Saying(" · ".join(words), figures=document)


def _figures(study: Study) -> dict[str, Any]:
    import pyarrow.compute as pc

    authors = messages_of(study, ["author_id"])["author_id"].drop_null()
    return {
        "people_keyed": int(pc.count_distinct(authors).as_py()),
        "handles_replaced": int(result(study, "quality").get("names_replaced", 0)),
        "texts_with_email": emails_in(texts_of(study)["text"].to_pylist()),
    }
