"""The labeller beside TF-IDF with logistic regression, on Reddit sentences labelled by people (CL-Aff #OffMyChest).

Usage: python benchmarks/text_labeller.py [--data FOLDER] [--seed N]

Six disclosure and support labels stand in for coping strategies, for which no openly licensed corpus exists. One fifth
of the threads is held out; penalty and threshold are chosen inside the other four fifths for both. Figures are macro
F1 of the positive class with a 95% bootstrap interval over threads. Prints one JSON line; takes about three CPU minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from copenet.foundation.seeds import generator
from gnn.encoder import Encoder
from gnn.labeller import GoldSample, LabellerSettings, fit
from gnn.metrics import best_threshold, expected_calibration_error, group_folds, macro_f1_interval
from gnn.strategies import STRATEGY_IDS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "labelled" / "claff_offmychest" / "train.jsonl"


def sample_of(path: Path, encoder: Encoder) -> tuple[GoldSample, list[str]]:
    """Return the sentences with their labels in the first columns of the 14 that a labeller has, and their names."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = sorted({name for row in rows for name in row["labels"]})
    truth = np.full((len(rows), len(STRATEGY_IDS)), np.nan)
    truth[:, : len(names)] = [[name in row["labels"] for name in names] for row in rows]
    groups = np.unique([row["thread_id"] for row in rows], return_inverse=True)[1]
    texts = [row["text"] for row in rows]
    return GoldSample(truth, texts, encoder.encode(texts), groups), names


def ours(train: GoldSample, test: GoldSample, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and yes/no labels of the test sentences by the labeller."""
    model = fit(train, LabellerSettings(), seed)
    probability = model.predict(test.texts, test.embeddings)[:, :k]
    return probability, probability >= [model.thresholds[name] for name in STRATEGY_IDS[:k]]


def peer(train: GoldSample, test: GoldSample, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by scikit-learn's TF-IDF of words and pairs with logistic regression, threshold by cross-validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    x, x_test = vectorizer.fit_transform(train.texts), vectorizer.transform(test.texts)
    probability, shown = np.empty((2, len(test.texts), k))
    for j in range(k):
        y, best = train.truth[:, j], (np.inf, 1.0, 0.5)
        for penalty in LabellerSettings().grid:
            model = LogisticRegression(C=penalty, max_iter=5000)
            p = cross_val_predict(model, x, y, groups=train.groups, cv=GroupKFold(3), method="predict_proba")[:, 1]
            loss = -np.mean(np.log(np.where(y == 1, p, 1 - p)))
            best = min(best, (loss, penalty, best_threshold(y, p)))
        probability[:, j] = LogisticRegression(C=best[1], max_iter=5000).fit(x, y).predict_proba(x_test)[:, 1]
        shown[:, j] = probability[:, j] >= best[2]
    return probability, shown.astype(bool)


def judged(way, train: GoldSample, test: GoldSample, k: int, seed: int) -> dict[str, float]:
    wall, cpu = perf_counter(), process_time()
    probability, shown = way(train, test, k, seed)
    f1, low, high = macro_f1_interval(test.truth[:, :k], shown, test.groups, generator(seed, "benchmark", "bootstrap"))
    return {
        "macro_f1": round(f1, 4),
        "ci_low": round(low, 4),
        "ci_high": round(high, 4),
        "ece": round(expected_calibration_error(test.truth[:, :k], probability) or 0.0, 4),
        "seconds": round(perf_counter() - wall, 1),
        "cpu_seconds": round(process_time() - cpu, 1),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--data", type=Path, default=DATA)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    encoder = Encoder()
    sample, names = sample_of(chosen.data, encoder)
    fold = group_folds(sample.groups, 5, generator(chosen.seed, "benchmark", "split"))
    train, test = sample.take(np.flatnonzero(fold != 0)), sample.take(np.flatnonzero(fold == 0))
    results = [judged(way, train, test, len(names), chosen.seed) for way in (ours, peer)]
    line = {
        "name": "text_labeller",
        "ours": results[0],
        "peer": results[1] | {"model": "TF-IDF (1-2 words) + logistic, scikit-learn"},
        "ratio": round(results[0]["macro_f1"] / results[1]["macro_f1"], 4),
        "measured_on": {
            "data": "claff_offmychest, one fifth of the threads held out",
            "sentences": [len(train.texts), len(test.texts)],
            "labels": names,
            "seed": chosen.seed,
            "engine": f"torch cpu {encoder.dtype}",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        },
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
