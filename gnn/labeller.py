"""The labeller: one logistic regression for each strategy on the words and the embedding of one message.

It never sees the thread: its methods receive texts and embeddings alone, so a label cannot carry what the peers wrote
into what the author wrote (Shalizi & Thomas 2011 on why such leaks look like contagion). Probabilities come from
unweighted logistic regression, so they are calibrated for messages drawn like the gold sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from copenet.foundation.errors import DefectError, InputError, ResourceError
from copenet.foundation.files import digest_of, read_json, replacing, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from copenet.foundation.tables import conform
from copenet.foundation.threads import one_thread
from gnn.features import HashedWords
from gnn.gold import gold_matrix
from gnn.metrics import best_threshold, group_folds
from gnn.schema import LABELS
from gnn.strategies import STRATEGY_IDS

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CHUNK = 8192
FORMAT = "copenet-labeller-1"
_RETRAIN = "Run: copenet text train STUDY."


@dataclass(frozen=True)
class LabellerSettings:
    """How a labeller is trained.

    Attributes:
        n_columns: Hashed columns for words and word pairs.
        word_weight: Length of a message's word vector, where its embedding has length 1. At 2 the labeller did best on
            held-out threads of real sentences and on simulated ones; at 0 it would read the embedding alone.
        grid: Inverse penalties C to choose from, for each strategy, by log loss in inner cross-validation.
        inner_folds: Folds of that inner cross-validation, cut between groups.
        min_positives: A strategy with fewer positive (or negative) gold labels is reported as not trainable.
    """

    n_columns: int = 2**15
    word_weight: float = 2.0
    grid: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    inner_folds: int = 3
    min_positives: int = 10


@dataclass(frozen=True)
class GoldSample:
    """Messages labelled by people.

    Attributes:
        truth: m × 14, 1 or 0, and NaN where nobody judged.
        texts: The m texts.
        embeddings: m × d.
        groups: m numbers from 0: the author or thread of each message, kept together in every split.
    """

    truth: NDArray[np.float64]
    texts: list[str]
    embeddings: NDArray[np.float32]
    groups: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> GoldSample:
        """Return the messages `rows`, their groups numbered anew."""
        groups = np.unique(self.groups[rows], return_inverse=True)[1].astype(np.int64)
        return GoldSample(self.truth[rows], [self.texts[row] for row in rows], self.embeddings[rows], groups)


def gold_sample(
    gold: pa.Table,
    message_ids: Sequence[str],
    texts: Sequence[str],
    embeddings: NDArray[np.float32],
    groups: Sequence[str] | None = None,
) -> GoldSample:
    """Return the messages with at least one gold label; without `groups` each message is its own group."""
    labelled = set(gold.column("message_id").to_pylist())
    rows = np.array([row for row, identifier in enumerate(message_ids) if identifier in labelled], dtype=np.int64)
    truth = gold_matrix(gold, [message_ids[row] for row in rows])
    judged = np.isfinite(truth).any(axis=1)
    rows, truth = rows[judged], truth[judged]
    # Numbered as they come: what an author is called must decide no fold.
    names = [(groups or message_ids)[row] for row in rows]
    number = {name: n for n, name in enumerate(dict.fromkeys(names))}
    numbers = np.array([number[name] for name in names], dtype=np.int64)
    return GoldSample(truth, [texts[row] for row in rows], embeddings[rows], numbers)


@dataclass(frozen=True)
class Labeller:
    """A trained labeller.

    Attributes:
        weights: 14 × (d + columns): the coefficients, embedding first; rows of untrained strategies are zero.
        intercepts: 14.
        idf: Weight of each hashed column.
        thresholds: For each trained strategy, the probability from which a message counts as showing it (greatest F1).
        penalties: For each trained strategy, the C chosen.
        not_trainable: For each other strategy, why it was not trained.
        n_gold: Messages it was trained on.
    """

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    idf: NDArray[np.float32]
    thresholds: Mapping[str, float]
    penalties: Mapping[str, float]
    not_trainable: Mapping[str, str]
    n_gold: int
    settings: LabellerSettings = field(default_factory=LabellerSettings)

    @property
    def dim(self) -> int:
        """The length of the embeddings it expects."""
        return int(self.weights.shape[1]) - len(self.idf)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the model's numbers."""
        import hashlib

        numbers = hashlib.sha256()
        for array in (self.weights, self.intercepts, self.idf):
            numbers.update(np.ascontiguousarray(array).tobytes())
        said = {"thresholds": dict(self.thresholds), "word_weight": self.settings.word_weight}
        return digest_of({"format": FORMAT, "numbers": numbers.hexdigest()} | said)

    def predict(self, texts: Sequence[str], embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return P(strategy | this message alone) as an n × 14 matrix; NaN for strategies that were not trained.

        Args:
            texts: n texts.
            embeddings: n × d, of the same messages in the same order.
        """
        if embeddings.shape != (len(texts), self.dim):
            raise DefectError(f"{len(texts)} texts came with embeddings of shape {embeddings.shape}.")
        words = HashedWords(self.idf)
        result = np.full((len(texts), len(STRATEGY_IDS)), np.nan)
        trained = [column for column, name in enumerate(STRATEGY_IDS) if name in self.thresholds]
        for rows in _chunks(len(texts)):
            score = embeddings[rows] @ self.weights[trained, : self.dim].T
            score = (
                score + self.settings.word_weight * words.transform(texts[rows]) @ self.weights[trained, self.dim :].T
            )
            result[rows, trained] = _logistic(score + self.intercepts[trained])
        return result

    def save(self, folder: Path) -> None:
        """Write `labeller.safetensors` and `labeller.json` into `folder`."""
        from safetensors.numpy import save_file

        arrays = {"weights": self.weights, "intercepts": self.intercepts, "idf": self.idf}
        with replacing(folder / "labeller.safetensors") as partial:
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, partial)
        write_json(folder / "labeller.json", {"format": FORMAT, "digest": self.digest} | self._described())

    def _described(self) -> dict[str, Any]:
        return {
            "thresholds": dict(self.thresholds),
            "penalties": dict(self.penalties),
            "not_trainable": dict(self.not_trainable),
            "n_gold": self.n_gold,
            "settings": asdict(self.settings),
        }

    @classmethod
    def load(cls, folder: Path) -> Labeller:
        """Read a labeller that `save` wrote.

        Raises:
            ResourceError: There is none, or its files do not belong together.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays: dict[str, Any] = load_file(folder / "labeller.safetensors")
            described = read_json(folder / "labeller.json")
            settings = described["settings"] | {"grid": tuple(described["settings"]["grid"])}
            arrays |= {name: described[name] for name in ("thresholds", "penalties", "not_trainable", "n_gold")}
            model = cls(**arrays, settings=LabellerSettings(**settings))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ResourceError(
                "The saved labeller cannot be read.", remedy="Run: copenet text train STUDY."
            ) from error
        if model.digest != described["digest"]:
            raise ResourceError("The saved labeller's files do not belong together.", remedy=_RETRAIN)
        return model


def train_labeller(
    gold: pa.Table,
    message_ids: Sequence[str],
    texts: Sequence[str],
    embeddings: NDArray[np.float32],
    *,
    groups: Sequence[str] | None = None,
    settings: LabellerSettings | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Labeller:
    """Train a labeller on the gold labels of the messages given.

    Args:
        gold: Labels by people (schema LABELS); those of messages not among `message_ids` are ignored.
        message_ids: n ids.
        texts: The n texts.
        embeddings: n × d.
        groups: n author or thread ids that inner folds keep together; None treats each message apart.
        settings: How to train.
        seed: Decides the inner folds.
        progress: Where to report strategies trained.

    Raises:
        InputError: No strategy has enough positive and negative labels.
    """
    sample = gold_sample(gold, message_ids, texts, embeddings, groups)
    return fit(sample, settings or LabellerSettings(), seed, progress)


def fit(sample: GoldSample, settings: LabellerSettings, seed: int, progress: Progress = SILENT) -> Labeller:
    """Train on a gold sample.

    Raises:
        InputError: No strategy has enough positive and negative labels.
    """
    obstacles = zip(STRATEGY_IDS, obstacles_of(sample.truth, settings), strict=True)
    not_trainable = {name: why for name, why in obstacles if why}
    if len(not_trainable) == len(STRATEGY_IDS):
        raise InputError(
            f"The gold labels hold no strategy with at least {settings.min_positives} positive and negative messages.",
            remedy="Label more messages, or leave the gold labels out: the codebook then labels, unvalidated.",
        )
    words = HashedWords.fit(sample.texts, settings.n_columns)
    design = _design(sample.embeddings, settings.word_weight * words.transform(sample.texts))
    used = np.unique(design.indices)
    design = design[:, used]
    folds = group_folds(sample.groups, settings.inner_folds, generator(seed, "labeller", "inner folds"))
    weights = np.zeros((len(STRATEGY_IDS), sample.embeddings.shape[1] + settings.n_columns), dtype=np.float32)
    intercepts = np.zeros(len(STRATEGY_IDS), dtype=np.float32)
    thresholds, penalties = {}, {}
    trainable = [(k, name) for k, name in enumerate(STRATEGY_IDS) if name not in not_trainable]
    with progress.task("Training the labeller", total=len(trainable), unit="strategies") as task:
        for column, name in trainable:
            known = np.isfinite(sample.truth[:, column])
            y = sample.truth[known, column]
            penalties[name], thresholds[name] = _choose(design[known], y, folds[known], settings.grid)
            weights[column, used], intercepts[column] = _logistic_fit(design[known], y, penalties[name])
            task.advance()
    n_gold = len(sample.texts)
    return Labeller(weights, intercepts, words.idf, thresholds, penalties, not_trainable, n_gold, settings)


def label(
    labeller: Labeller, message_ids: Sequence[str], texts: Sequence[str], embeddings: NDArray[np.float32]
) -> pa.Table:
    """Return the predicted labels of n messages (schema LABELS), a row for each message and trained strategy."""
    return labels_table(message_ids, labeller.predict(texts, embeddings), f"model:{labeller.digest[:16]}")


def labels_table(message_ids: Sequence[str], probabilities: NDArray[np.float64], labelled_by: str) -> pa.Table:
    """Return an n × 14 matrix as a table of schema LABELS; NaN entries are left out."""
    row, column = np.nonzero(np.isfinite(probabilities))
    names = pa.array(STRATEGY_IDS, pa.string())
    columns = {
        "message_id": pa.array(message_ids, pa.string()).take(pa.array(row)),
        "strategy": names.take(pa.array(column)),
        "probability": pa.array(probabilities[row, column]),
        "labelled_by": pa.repeat(pa.scalar(labelled_by), len(row)),
        "sampling_probability": pa.nulls(len(row), pa.float64()),
    }
    return conform(pa.table(columns), LABELS)


def obstacles_of(truth: NDArray[np.float64], settings: LabellerSettings) -> Iterator[str]:
    """Yield for each strategy why its gold labels are too few to train on; "" where they are not."""
    for column in truth.T:
        yes, no = int(np.sum(column == 1)), int(np.sum(column == 0))
        if min(yes, no) >= settings.min_positives:
            yield ""
        else:
            yield f"{yes} positive and {no} negative gold labels; {settings.min_positives} of each are needed"


def _design(embeddings: NDArray[np.float32], words: csr_matrix) -> csr_matrix:
    from scipy import sparse

    return sparse.hstack([sparse.csr_matrix(embeddings), words], format="csr")


def _choose(
    design: csr_matrix, y: NDArray[np.float64], folds: NDArray[np.int64], grid: Sequence[float]
) -> tuple[float, float]:
    """Return the C of least out-of-fold log loss, and the threshold of greatest F1 at that C."""
    best = (np.inf, grid[0], 0.5)
    for penalty in grid:
        p = np.full(len(y), y.mean())
        for fold in np.unique(folds):
            train, test = folds != fold, folds == fold
            if 0 < y[train].sum() < train.sum():
                weights, intercept = _logistic_fit(design[train], y[train], penalty)
                p[test] = _logistic(design[test] @ weights + intercept)
        loss = -np.mean(np.log(np.clip(np.where(y == 1, p, 1 - p), 1e-12, None)))
        if loss < best[0]:
            best = (float(loss), penalty, best_threshold(y, p))
    return best[1], best[2]


def _logistic_fit(design: csr_matrix, y: NDArray[np.float64], penalty: float) -> tuple[NDArray[np.float32], float]:
    from sklearn.linear_model import LogisticRegression

    # Fits are small: threads would only wait for each other (four times the processor time, measured).
    with one_thread():
        model = LogisticRegression(C=penalty, solver="lbfgs", max_iter=5000, tol=1e-4).fit(design, y)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _logistic(score: NDArray[Any]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(np.asarray(score, dtype=np.float64)))


def _chunks(n: int) -> Iterator[slice]:
    for start in range(0, n, CHUNK):
        yield slice(start, start + CHUNK)
