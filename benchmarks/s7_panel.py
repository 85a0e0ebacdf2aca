"""Does the headline interval cover a known peer effect, and does it find one where there is none?

    python benchmarks/s7_panel.py [--seeds 200] [--processes 1] [--records build/s7_panel.jsonl]

Each world of the simulator S7 (with the planted effect, and with none but the same homophily) goes through the same
`estimate_study` as a real study, with planted labels and text features fitted on the burn-in. Every finished world is
one line of the records file, so the run may be killed and started again. The last line printed is one JSON document;
failures and refusals are counted and shown, none is dropped. Text covariates are TF-IDF and a truncated SVD of the
simulated words, fitted on the burn-in: embeddings of 2.5 million messages would cost days and are not what is tested.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from scipy import stats

from causal.designs import S7, World
from causal.study_effect import EffectSettings, estimate_study
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of
from graph.ties import build_ties

BURN_IN_SECONDS = 4 * 14 * 86_400
SETTINGS = EffectSettings(placebos=False, sensitivity=False, refuter=False, representation_dimensions=0)
BARS = {
    "coverage_headline": (0.90, 0.99),
    "coverage_naive": (0.0, 0.20),
    "rejects_null_headline": (0.0, 0.09),
    "rejects_null_naive": (0.80, 1.0),
}


def text_features(world: World) -> np.ndarray:
    """Return 32 components of TF-IDF for every message, the vocabulary and the axes from the burn-in alone."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    early = int(np.searchsorted(world.posts.time, BURN_IN_SECONDS))
    words = TfidfVectorizer(min_df=3, sublinear_tf=True)
    axes = TruncatedSVD(32, random_state=0).fit(words.fit_transform(world.texts[:early]))
    return np.asarray(axes.transform(words.transform(world.texts)), dtype=np.float32)


def one(seed: int, null: bool) -> dict[str, Any]:
    """Simulate one world, estimate, and return the record of it."""
    start = time.process_time()
    world = S7(null=null).simulate(seed)
    messages, labels = world.tables()
    ties = build_ties(messages, window_days=14).ties
    record: dict[str, Any] = {"seed": seed, "null": null, "truth": world.truth()["truth"], "settings": digest()}
    try:
        embeddings = (messages["message_id"].to_pylist(), text_features(world))
        result = estimate_study(messages, labels, embeddings, ties, SETTINGS, labels_validated=True).result
    except CopenetError as error:
        return record | {"failure": f"{type(error).__name__}: {error.message}", "seconds": time.process_time() - start}
    for estimate in result.estimates:
        role = "headline" if estimate.estimator == result.headline else estimate.estimator
        figures = {name: getattr(estimate, name) for name in ("estimate", "se", "ci_low", "ci_high", "p_value", "n")}
        record[role] = figures | {k: v for k, v in estimate.detail.items() if k.startswith("se_")}
    return record | {"refused": result.refused, "seconds": time.process_time() - start}


def digest() -> str:
    """Return the digest of the design and the estimation settings: records of other settings do not count."""
    from dataclasses import asdict

    return digest_of({"design": S7().to_dict(), "effect": asdict(SETTINGS)})[:16]


def read(path: Path) -> list[dict[str, Any]]:
    """Return the finished worlds of these settings; a last line cut short by a kill is skipped."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if record.get("settings") == digest():
            records.append(record)
    return records


def run(path: Path, seeds: range, processes: int) -> list[dict[str, Any]]:
    """Finish the worlds that `path` does not hold yet, and return the records of all of `seeds`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {(r["seed"], r["null"]) for r in read(path)}
    missing = [(seed, null) for seed in seeds for null in (False, True) if (seed, null) not in done]
    with path.open("ab") as file:
        for count, record in enumerate(_finished(missing, processes), start=1):
            file.write(orjson.dumps(record) + b"\n")
            file.flush()
            print(f"\r{count} of {len(missing)} worlds", end="", file=sys.stderr)
    wanted = {(seed, null) for seed in seeds for null in (False, True)}
    unique = {(r["seed"], r["null"]): r for r in read(path)}
    return [unique[key] for key in sorted(wanted & set(unique))]


def _finished(missing: list[tuple[int, bool]], processes: int) -> Iterable[dict[str, Any]]:
    if processes <= 1:
        yield from (one(seed, null) for seed, null in missing)
        return
    with ProcessPoolExecutor(processes) as pool:
        for future in as_completed([pool.submit(one, seed, null) for seed, null in missing]):
            yield future.result()


def rate(hits: list[bool], level: float) -> dict[str, Any]:
    """Return a rate with its Clopper-Pearson interval."""
    n, k = len(hits), sum(hits)
    low = float(stats.beta.ppf((1 - level) / 2, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(1 - (1 - level) / 2, k + 1, n - k)) if k < n else 1.0
    return {"rate": k / n if n else None, "low": low, "high": high, "of": n}


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all worlds: coverage, rejection, bias, standard errors, failures and refusals."""
    given = [r for r in records if "failure" not in r]
    answered = [r for r in given if r["headline"]["estimate"] is not None]
    worlds = {False: [r for r in answered if not r["null"]], True: [r for r in answered if r["null"]]}

    def covers(role: str) -> list[bool]:
        return [r[role]["ci_low"] <= r["truth"] <= r[role]["ci_high"] for r in worlds[False]]

    def rejects(role: str) -> list[bool]:
        return [r[role]["p_value"] < 0.05 for r in worlds[True]]

    rates = {
        "coverage_headline": covers("headline"),
        "coverage_naive": covers("naive"),
        "rejects_null_headline": rejects("headline"),
        "rejects_null_naive": rejects("naive"),
    }
    found = {name: rate(hits, 0.99) for name, hits in rates.items()}
    return {
        "name": "s7_panel",
        "ours": found,
        "bars": BARS,
        "met": {k: found[k]["rate"] is not None and BARS[k][0] <= found[k]["rate"] <= BARS[k][1] for k in BARS},
        "errors": {
            role: {"effect": errors(worlds[False], role), "null": errors(worlds[True], role)}
            for role in ("headline", "ols", "naive")
        },
        "worlds": len(records),
        "failures": len(records) - len(given),
        "refusals": len(given) - len(answered),
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "seconds_per_world": float(np.mean([r["seconds"] for r in records])) if records else None,
        "intervals": "99% Clopper-Pearson",
        "design": S7().to_dict(),
    }


def errors(worlds: list[dict[str, Any]], role: str) -> dict[str, float]:
    """Return the bias, the spread of the estimates and the mean standard error of one estimator."""
    if not worlds:
        return {}
    gap = np.asarray([r[role]["estimate"] - r["truth"] for r in worlds])
    se = float(np.mean([r[role]["se"] for r in worlds]))
    spread = float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
    return {"bias": float(gap.mean()), "spread": spread, "mean_se": se, "bias_in_se": float(gap.mean()) / se}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--records", type=Path, default=Path("build/s7_panel.jsonl"))
    given = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    records = run(given.records, range(given.first, given.first + given.seeds), given.processes)
    print(file=sys.stderr)
    print(orjson.dumps(summary(records), option=orjson.OPT_SERIALIZE_NUMPY).decode())


if __name__ == "__main__":
    main()
