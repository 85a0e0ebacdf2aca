"""Does the headline interval cover a known peer effect, and does it find one where there is none?

    python benchmarks/s7_panel.py [--seeds 200] [--processes 1] [--records build/s7_panel.jsonl]

Each world of the simulator S7 (with the planted effect, and with none but the same homophily) goes through the same
`estimate_study` as a real study, with planted labels and text features fitted on the burn-in. Every finished world is
one line of the records file, so the run may be killed and started again. The last line printed is one JSON document;
failures and refusals are counted and shown, none is dropped. Text covariates are TF-IDF and a truncated SVD of the
simulated words, fitted on the burn-in: embeddings of 2.5 million messages would cost days and are not what is tested.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from resumable import code, finish, one_thread_each, parser, rate, show, worlds

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
    record: dict[str, Any] = {"seed": seed, "null": null, "truth": world.truth()["truth"]}
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
    """Return the digest of the design, the estimation settings and the code: other records do not count."""
    return digest_of({"design": S7().to_dict(), "effect": asdict(SETTINGS), "code": code(__file__)})[:16]


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all worlds: coverage, rejection, bias, standard errors, failures and refusals."""
    given = [r for r in records if "failure" not in r]
    answered = [r for r in given if r["headline"]["estimate"] is not None]
    worlds = {False: [r for r in answered if not r["null"]], True: [r for r in answered if r["null"]]}

    def covers(role: str) -> list[bool]:
        rows = [(r[role], r["truth"]) for r in worlds[False]]
        return [e["ci_low"] is not None and e["ci_low"] <= truth <= e["ci_high"] for e, truth in rows]

    def rejects(role: str) -> list[bool]:
        return [r[role]["p_value"] is None or r[role]["p_value"] < 0.05 for r in worlds[True]]

    rates = {
        "coverage_headline": covers("headline"),
        "coverage_naive": covers("naive"),
        "rejects_null_headline": rejects("headline"),
        "rejects_null_naive": rejects("naive"),
    }
    found = {name: rate(hits) for name, hits in rates.items()}
    every = len(answered) == len(records) and all(worlds.values())  # a bar met by leaving worlds out is not met
    return {
        "name": "s7_panel",
        "ours": found,
        "bars": BARS,
        "met": {k: every and BARS[k][0] <= found[k]["rate"] <= BARS[k][1] for k in BARS},
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
    given = parser(__doc__, seeds=200, records=Path("build/s7_panel.jsonl")).parse_args()
    one_thread_each()
    show(summary(finish(given.records, worlds(given.first, given.seeds), one, digest(), given.processes)))


if __name__ == "__main__":
    main()
