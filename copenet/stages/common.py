"""What several stages read: the tables, the encoder, the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from copenet.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

    from gnn import Encoder


def encoder_of(study: Study) -> Encoder:
    """Return the encoder that the settings name."""
    from gnn import BUNDLED, Encoder, EncoderSettings

    named = study.settings.text.encoder
    return Encoder(
        EncoderSettings(model=BUNDLED if named == "minilm" else named, max_tokens=study.settings.text.max_tokens)
    )


def messages_of(study: Study, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the messages.

    Raises:
        InputError: People were to be forgotten, and the tables may still hold them.
    """
    from ingest import read_messages

    return read_messages(study.restricted, columns)


def texts_of(study: Study) -> pa.Table:
    """Return the texts, pseudonymised; refused as `messages_of` is."""
    from ingest import read_texts

    return read_texts(study.restricted)


def ties_of(study: Study) -> pa.Table:
    """Return the user ties by channel and window."""
    from copenet.foundation.tables import read_table
    from graph.schema import TIES

    return read_table(study.restricted / "graph" / "ties.parquet", TIES)


def communities_of(study: Study, method: str | None = None) -> pa.Table:
    """Return the communities of `method` (all when None)."""
    import pyarrow.compute as pc

    from copenet.foundation.tables import read_table
    from graph.schema import COMMUNITIES

    table = read_table(study.restricted / "graph" / "communities.parquet", COMMUNITIES)
    return table if method is None else table.filter(pc.equal(table["method"], method))


def labels_of(study: Study, strategy: str | None = None) -> pa.Table:
    """Return the labels of `strategy` (all when None)."""
    import pyarrow.compute as pc

    from copenet.foundation.tables import read_table
    from gnn.schema import LABELS

    table = read_table(study.restricted / "labels" / "labels.parquet", LABELS)
    return table if strategy is None else table.filter(pc.equal(table["strategy"], strategy))


def shown_labels(study: Study, strategy: str | None = None) -> pa.Table:
    """Return the labels as yes (1) or no (0), at the threshold of each strategy."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = labels_of(study, strategy)
    thresholds = result(study, "labels")["thresholds"]
    names = pa.array(list(thresholds), pa.string())
    limits = pa.array(list(thresholds.values()), pa.float64()).take(pc.index_in(table["strategy"], names))
    shown = pc.cast(pc.greater_equal(table["probability"], limits), pa.float64())
    return table.set_column(table.schema.get_field_index("probability"), "probability", shown)


def labels_validated(study: Study, strategy: str) -> bool:
    """Return whether gold labels say how often the labels of `strategy` are wrong, both ways."""
    error = label_error(study, strategy)
    return error is not None and None not in (error["sensitivity"], error["specificity"])


def not_validated(study: Study) -> list[str]:
    """Return the strategies that messages were labelled for though no gold label says how often wrongly."""
    return [name for name in result(study, "labels").get("thresholds", ()) if not labels_validated(study, name)]


def label_error(study: Study, strategy: str) -> dict[str, Any] | None:
    """Return what the gold labels say about the error of the labels of `strategy`."""
    for model in result(study, "labels").get("models", ()):
        for entry in model["per_strategy"]:
            if entry["strategy"] == strategy and entry.get("trainable", True):
                return {key: entry.get(key) for key in ("sensitivity", "specificity", "precision", "f1", "ece")}
    return None


def result(study: Study, name: str) -> Any:
    """Return the JSON document results/NAME.json, empty when it is not there."""
    from copenet.foundation.files import read_json

    path = study.results / f"{name}.json"
    return read_json(path) if path.is_file() else {}


def save(study: Study, name: str, document: dict[str, Any]) -> None:
    """Write results/NAME.json."""
    from copenet.foundation.files import write_json

    write_json(study.results / f"{name}.json", document)
