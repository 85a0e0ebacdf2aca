"""Labels given by people: read from CSV, checked line by line, and turned into a matrix for training.

Two layouts are read. Long: `message_id, strategy, label` with optional `annotator` and `sampling_probability`; one row
for each judgement. Wide: `message_id` and one column for each strategy judged, with the same optional columns. Labels
are 0 or 1; in the wide layout an empty cell means "not judged".
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from copenet.foundation.errors import InputError
from copenet.foundation.tables import conform
from gnn.schema import LABELS
from gnn.strategies import STRATEGY_IDS, nearest_hint

_LONG = {"message_id", "strategy", "label"}
_OPTIONAL = {"annotator", "sampling_probability"}


@dataclass(frozen=True)
class _Judgement:
    line: int
    message_id: str
    strategy: str
    label: int
    annotator: str
    sampling_probability: float | None


def read_gold(path: Path) -> pa.Table:
    """Read a CSV of gold labels into a table of schema LABELS.

    `probability` holds 0 or 1. `labelled_by` is `gold` or, with several annotators, `gold:1`, `gold:2`, …: their
    names stay in the file they came from. The same judgement given twice counts once.

    Raises:
        InputError: The file or a line cannot be used: the message names the line, never what is written there.

    Examples:
        >>> from pathlib import Path; from tempfile import mkdtemp
        >>> from gnn.gold import read_gold
        >>> path = Path(mkdtemp()) / "gold.csv"
        >>> _ = path.write_text("message_id,strategy,label\\nreddit:t1_a,acceptance,1\\n")
        >>> read_gold(path).column("probability").to_pylist()
        [1.0]
    """
    judgements = _without_repeats(path, list(_judgements(path)))
    if not judgements:
        raise InputError(f"{path.name} holds no labels.", remedy="Give one row for each judgement, labels 0 or 1.")
    names = {name: f"gold:{number}" for number, name in enumerate(sorted({j.annotator for j in judgements}), 1)}
    who = names if len(names) > 1 else dict.fromkeys(names, "gold")
    columns = {
        "message_id": [j.message_id for j in judgements],
        "strategy": [j.strategy for j in judgements],
        "probability": [float(j.label) for j in judgements],
        "labelled_by": [who[j.annotator] for j in judgements],
        "sampling_probability": [j.sampling_probability for j in judgements],
    }
    return conform(pa.table(columns, schema=LABELS), LABELS)


def match_gold(gold: pa.Table, message_ids: Collection[str]) -> tuple[pa.Table, int]:
    """Return the gold labels of known messages, and how many labelled messages are not in the study.

    Raises:
        InputError: None of the labelled messages is in the study.
    """
    labelled = pa.compute.unique(gold.column("message_id"))
    known = pa.compute.is_in(labelled, pa.array(list(message_ids), pa.string()))
    n_unknown = len(labelled) - (pa.compute.sum(known).as_py() or 0)
    if n_unknown == len(labelled):
        raise InputError(
            f"None of the {len(labelled)} labelled messages is in the study.",
            remedy="Ids look like reddit:t1_abc: the platform, a colon and the platform's own id.",
        )
    kept = gold.filter(pa.compute.is_in(gold.column("message_id"), labelled.filter(known)))
    return kept, n_unknown


def gold_matrix(gold: pa.Table, message_ids: Sequence[str]) -> NDArray[np.float64]:
    """Return an n × 14 matrix of labels in the order of `message_ids` and STRATEGIES.

    1 and 0 by the majority of annotators; NaN where nobody judged, or as many said yes as no.
    """
    row = {identifier: number for number, identifier in enumerate(message_ids)}
    column = {identifier: number for number, identifier in enumerate(STRATEGY_IDS)}
    votes = np.zeros((2, len(message_ids), len(STRATEGY_IDS)))
    names = ("message_id", "strategy", "probability")
    for message_id, strategy, label in zip(*(gold.column(name).to_pylist() for name in names), strict=True):
        if message_id in row:
            votes[int(label >= 0.5), row[message_id], column[strategy]] += 1
    return np.where(votes[1] == votes[0], np.nan, (votes[1] > votes[0]).astype(float))


def _judgements(path: Path) -> Iterator[_Judgement]:
    with _opened(path) as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            wide = _layout(path, header)
            for values in reader:
                if any(value.strip() for value in values):
                    yield from _row(path, reader.line_num, header, values, wide)
        except UnicodeDecodeError as error:
            raise InputError(f"{path.name} is not UTF-8 text.", remedy="Save it as CSV in UTF-8.") from error
        except csv.Error as error:
            raise InputError(
                f"{path.name}, line {reader.line_num}: not valid CSV.", remedy="Check its quotation marks."
            ) from error


def _opened(path: Path):  # type: ignore[no-untyped-def]
    try:
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(f"The labels file {path} cannot be opened.", remedy="Check the path.") from error


def _layout(path: Path, header: list[str]) -> list[str]:
    """Return the strategy columns of the wide layout; none for the long one."""
    if len(set(header)) < len(header) or "message_id" not in header:
        raise InputError(
            f"{path.name}, line 1: the header lacks message_id or names a column twice.",
            remedy="Begin with: message_id,strategy,label",
        )
    if set(header) >= _LONG:
        return []
    wide = [name for name in header if name not in _OPTIONAL | {"message_id"}]
    for number, name in enumerate(wide):
        if name not in STRATEGY_IDS:
            raise InputError(
                f"{path.name}, line 1: judged column {number + 1} is no strategy.", remedy=nearest_hint(name)
            )
    if not wide:
        raise InputError(f"{path.name}, line 1: no labels.", remedy="Begin with: message_id,strategy,label")
    return wide


def _row(path: Path, line: int, header: list[str], values: list[str], wide: list[str]) -> Iterator[_Judgement]:
    if len(values) != len(header):
        raise InputError(
            f"{path.name}, line {line}: {len(values)} fields where the header names {len(header)}.",
            remedy="Check its commas and quotation marks.",
        )
    field = {name: value.strip() for name, value in zip(header, values, strict=True)}
    if not field["message_id"]:
        raise InputError(f"{path.name}, line {line}: no message_id.", remedy="Fill it in or delete the line.")
    probability = _probability(path, line, field.get("sampling_probability", ""))
    judged = [(name, field[name]) for name in wide if field[name]] if wide else [(field["strategy"], field["label"])]
    for strategy, label in judged:
        yield _Judgement(
            line,
            field["message_id"],
            _strategy(path, line, strategy),
            _label(path, line, label),
            field.get("annotator", ""),
            probability,
        )


def _strategy(path: Path, line: int, value: str) -> str:
    if value not in STRATEGY_IDS:
        raise InputError(f"{path.name}, line {line}: unknown strategy.", remedy=nearest_hint(value))
    return value


def _label(path: Path, line: int, value: str) -> int:
    if value not in {"0", "1"}:
        raise InputError(f"{path.name}, line {line}: a label is neither 0 nor 1.", remedy="Write 1 for yes, 0 for no.")
    return int(value)


def _probability(path: Path, line: int, value: str) -> float | None:
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 < number <= 1:
        raise InputError(
            f"{path.name}, line {line}: the sampling probability is not a number above 0 and up to 1.",
            remedy="Leave it empty if the messages were not drawn with known probabilities.",
        )
    return number


def _without_repeats(path: Path, judgements: list[_Judgement]) -> list[_Judgement]:
    first: dict[tuple[str, str, str], _Judgement] = {}
    for judgement in judgements:
        key = (judgement.message_id, judgement.strategy, judgement.annotator)
        earlier = first.setdefault(key, judgement)
        if earlier.label != judgement.label:
            raise InputError(
                f"{path.name}, line {judgement.line}: contradicts line {earlier.line} (same message and strategy).",
                remedy="Keep one of them, or name the annotators in a column `annotator`.",
            )
    return list(first.values())
