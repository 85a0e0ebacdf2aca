"""Vectors and texts to coping labels: trained on gold labels where the study has them, else by the codebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet.foundation.errors import InputError
from copenet.foundation.files import write_json
from copenet.foundation.progress import Progress
from copenet.pipeline import Saying
from copenet.stages.common import encoder_of, messages_of, save, texts_of
from copenet.study import Study

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

NOT_VALIDATED = "labels not validated"


def run(study: Study, progress: Progress) -> Saying:
    """Label every message and judge the labeller."""
    labels, document = _labelled(study, progress)
    _write(study, labels)
    document |= {"prevalences": prevalences(labels, document["thresholds"])}
    save(study, "labels", document)
    # What later stages go by, without the seconds it took: so equal labels leave them fresh.
    write_json(study.restricted / "labels" / "labelling.json", _timeless(document))
    return _saying(document)


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    models = [{key: value for key, value in model.items() if key != "seconds"} for model in document["models"]]
    return {**document, "models": models}


def _labelled(study: Study, progress: Progress) -> tuple[pa.Table, dict[str, Any]]:
    from gnn import load_embeddings

    encoder = encoder_of(study)
    texts = texts_of(study)
    ids, vectors = load_embeddings(texts, study.restricted / "embeddings", encoder=encoder)
    words = texts.column("text").to_pylist()
    gold = gold_path(study)
    if gold is None:
        return _by_codebook(ids, words, vectors, encoder)
    return _by_gold(study, gold, ids, words, vectors, progress=progress)


def gold_path(study: Study) -> Path | None:
    """Return the file of gold labels, or None.

    Raises:
        InputError: The settings name a file that is not there.
    """
    if not study.settings.text.gold:
        return None
    path = study.file(study.settings.text.gold)
    if not path.is_file():
        raise InputError(
            f"The gold labels {path} are not there.", remedy="Correct text.gold in study.toml, or empty it."
        )
    return path


def _by_codebook(
    ids: list[str], words: list[str], vectors: NDArray[np.float32], encoder: Any
) -> tuple[pa.Table, dict[str, Any]]:
    from gnn.codebook import codebook_label
    from gnn.strategies import STRATEGY_IDS

    labels = codebook_label(ids, words, vectors, encoder=encoder)
    thresholds = dict.fromkeys(STRATEGY_IDS, 0.5)
    note = f"{NOT_VALIDATED}: a starter codebook made them, and nobody compared them with people's judgement here"
    return labels, {
        "models": [],
        "labels_validated": False,
        "note": note,
        "labeller": "codebook",
        "thresholds": thresholds,
    }


def _by_gold(
    study: Study, path: Path, ids: list[str], words: list[str], vectors: NDArray[np.float32], *, progress: Progress
) -> tuple[pa.Table, dict[str, Any]]:
    from gnn import evaluate, label, match_gold, read_gold, train_labeller

    gold, n_unknown = match_gold(read_gold(path), ids)
    groups = groups_of(study, ids)
    judged = evaluate(gold, ids, words, vectors, groups=groups, seed=study.seed, progress=progress)  # or refuses to
    labeller = train_labeller(gold, ids, words, vectors, groups=groups, seed=study.seed, progress=progress)
    labeller.save(study.restricted / "models" / "labeller")
    document = {
        **judged,
        "note": "",
        "labeller": "trained on gold labels",
        "thresholds": dict(labeller.thresholds),
        "not_trainable": dict(labeller.not_trainable),
        "n_gold": labeller.n_gold,
        "gold_not_in_study": n_unknown,
    }
    return label(labeller, ids, words, vectors), document


def groups_of(study: Study, ids: list[str]) -> list[str]:
    """Return the author of each message, or its thread where the author is unknown."""
    table = messages_of(study, ["message_id", "author_id", "thread_id"])
    names = zip(*(table[name].to_pylist() for name in ("message_id", "author_id", "thread_id")), strict=True)
    group = {message: author or thread for message, author, thread in names}
    return [group.get(message, message) for message in ids]


def prevalences(labels: pa.Table, thresholds: dict[str, float]) -> dict[str, float]:
    """Return the share of messages that show each strategy at its threshold."""
    import pyarrow.compute as pc

    shares = {}
    for strategy, threshold in thresholds.items():
        own = labels.filter(pc.equal(labels["strategy"], strategy))["probability"]
        shares[strategy] = float(pc.mean(pc.greater_equal(own, threshold)).as_py() or 0.0)
    return shares


def _write(study: Study, labels: pa.Table) -> None:
    from copenet.foundation.tables import write_table
    from gnn.schema import LABELS

    write_table(study.restricted / "labels" / "labels.parquet", labels, LABELS)


def _saying(document: dict[str, Any]) -> Saying:
    if not document["labels_validated"]:
        return Saying(f"{NOT_VALIDATED} (codebook; no gold labels)", "warn")
    model = document["models"][0]
    interval = f"[{short(model['ci_low'])}, {short(model['ci_high'])}]"
    return Saying(f"label F1 {short(model['macro_f1'])} {interval} on {model['n_gold']:,} gold labels")


def short(value: float) -> str:
    """Return a share as the tables print it: .96.

    >>> short(0.956)
    '.96'
    """
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
