"""Does the correction for ties missing at random find the truth, do its intervals cover it, and what happens without it?

    python benchmarks/missing_ties.py [--exposure proportion] [--missing 0.2] [--n 1000] [--replications 200] [--null]
                                      [--processes 1]

`proportion` is S3 (network-correlated errors), `count` is S2 with peers who act by their number. Each replication draws a
study, takes away its ties with the stated chance and hands what is left to `MissingTies`; `ols` on the same observed ties
stands beside it, and `ols` on all ties says what the correction pays for. Every finished replication is one line of the
records file, so the run may be killed and started again. The last line printed is one JSON document; refusals are
counted and shown, none is dropped. The aim: the 99% Clopper-Pearson interval of the corrected peer effect's coverage
reaches .90.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from designs import BIAS_IN_SE, BIAS_RELATIVE, cell, figures, keys, reaches
from resumable import code, finish, one_thread_each, parser, show

from causal.arrays import OLS
from causal.designs import S2, S3, Simulated, s2, s3
from causal.missing_ties import MissingTies
from causal.thinning import observed
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of

COVERAGE = (0.90, 1.0)


def simulate(given: Any, seed: int, null: bool) -> Simulated:
    """Return the study of `seed`, all ties seen."""
    if given.exposure == "proportion":
        return s3.simulate(S3(n=given.n, peer=0.0 if null else S3().peer), seed)
    return s2.simulate(S2(n=given.n, h="count", peer=0.0 if null else S2().peer), seed)


def one(seed: int, null: bool, given: Any) -> dict[str, Any]:
    """Simulate one study, lose ties, estimate, and return the record of it."""
    start = time.process_time()
    made = simulate(given, seed, null)
    record: dict[str, Any] = {"seed": seed, "null": null, "truth": made.truth}
    ask: dict[str, Any] = {"outcome": "y", "treatment": "d", "exposure": made.exposure, "covariates": made.covariates}
    seen = observed(made.adjacency, 1 - given.missing, seed)
    try:
        fit = MissingTies(**ask, seed=seed, missing=given.missing).fit(made.units, seen)
        whole = OLS(**ask, seed=seed).fit(made.units, made.adjacency)
    except CopenetError as error:
        return record | {"failure": f"{type(error).__name__}: {error.message}", "seconds": time.process_time() - start}
    all_ties = [replace(e, estimator="ols_all_ties") for e in whole.estimates if e.estimator == "ols"]
    check = next(c.figures for c in fit.checks if c.name == "missing_ties")
    estimates = [figures(e) for e in (*fit.estimates, *all_ties) if e.estimator != "naive"]
    return record | {"estimates": estimates, "check": check, "seconds": time.process_time() - start}


def summary(records: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    """Return the figures of all replications by world, estimator and estimand."""
    ran = [r for r in records if "failure" not in r]
    worlds = {"null": [r for r in ran if r["null"]], "effect": [r for r in ran if not r["null"]]}
    table = {name: {key: cell(rows, key) for key in keys(rows)} for name, rows in worlds.items() if rows}
    reliability = [r["check"]["reliability"] for r in ran if "reliability" in r["check"]]
    return {
        "name": f"missing_ties_{given.exposure}",
        "ours": table,
        "met": met(table),
        "reliability": float(np.mean(reliability)) if reliability else None,
        "left_out": sum(bool(r["check"].get("left_out")) for r in ran),
        "replications": len(records),
        "failures": [r["failure"] for r in records if "failure" in r],
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "measured_on": {"n": given.n, "missing": given.missing, "first_seed": given.first},
        "intervals": "99% Clopper-Pearson",
    }


def met(table: dict[str, Any]) -> dict[str, bool]:
    """Return whether each aim is met by the corrected peer effect."""
    found: dict[str, bool] = {}
    for world, cells in table.items():
        peer = cells["corrected peer"]
        if "coverage" not in peer:
            continue
        found[f"{world}_coverage"] = reaches(peer["coverage"], COVERAGE)
        found[f"{world}_bias"] = abs(peer["bias_in_se"]) <= BIAS_IN_SE
        if peer["truth"]:
            found[f"{world}_bias_relative"] = abs(peer["bias_relative"]) <= BIAS_RELATIVE
    return found


def main() -> None:
    options = parser(__doc__, seeds=200, records=Path("build/missing_ties.jsonl"))
    options.add_argument("--exposure", choices=("proportion", "count"), default="proportion")
    options.add_argument("--missing", type=float, default=0.2, help="share of ties that is missing")
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--replications", type=int, dest="seeds", help="the same as --seeds")
    options.add_argument("--null", action="store_true", help="also the same studies without a peer effect")
    given = options.parse_args()
    one_thread_each()
    jobs = [
        (s, null) for s in range(given.first, given.first + given.seeds) for null in (False, True)[: 1 + given.null]
    ]
    digest = digest_of({"asked": (given.exposure, given.missing, given.n), "code": code(__file__)})[:16]
    show(summary(finish(given.records, jobs, partial(one, given=given), digest, given.processes), given))


if __name__ == "__main__":
    main()
