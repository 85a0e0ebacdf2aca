"""Does 2SLS of the linear-in-means model cover the truth of S6, and does it refuse where it must?

    python benchmarks/s6_linear_in_means.py [--seeds 1000] [--processes 1] [--records build/s6.jsonl]

Each seed is a world of S6 with the endogenous effect .3 and one without (`null`), estimated by network HAC with the
bandwidth of the rule and beside it without any (bandwidth 0), and three worlds in which nothing may be estimated: equal
groups, a tenth of all pairs tied, and own and contextual effect cancelling. Finished worlds are lines of the records
file, so the run may be killed and started again. The last line printed is one JSON document.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from resumable import code, finish, one_thread_each, parser, rate, show, worlds

from causal.designs import S6
from causal.estimators import EstimationSettings
from causal.linear_in_means import LinearInMeans
from causal.results import Estimate
from copenet.foundation.files import digest_of

STRONG = {"n": 1000, "degree": 5.0, "beta": 1.0, "gamma": 1.0}
REFUSED = {
    "equal_groups": S6(n=400, groups=5),
    "dense": S6(n=400, degree=40.0, gamma=1.0),
    "cancelling": S6(n=400, rho=0.3, beta=1.0, gamma=-0.3),
}
INTERVALS = {"network_hac": EstimationSettings(), "independent": EstimationSettings(bandwidth=0)}
FIELDS = ("estimate", "se", "ci_low", "ci_high", "p_value")
BARS = {"coverage_network_hac_endogenous": (0.93, 1.0), "coverage_independent_endogenous": (0.93, 0.97)}


def fit(design: S6, seed: int, settings: EstimationSettings) -> tuple[dict[str, float], Any]:
    """Return the truth of a world and what is estimated on it."""
    world = design.simulate(seed)
    asked = LinearInMeans(outcome="y", covariates=["x"], settings=settings)
    return world.truth, asked.fit(world.units, world.adjacency, communities=np.zeros(design.n, dtype=np.int64))


def figures(e: Estimate) -> dict[str, Any]:
    """Return the numbers of one estimate."""
    return {name: getattr(e, name) for name in FIELDS}


def one(seed: int, null: bool) -> dict[str, Any]:
    """Simulate one world, estimate, and return the record of it."""
    start = time.process_time()
    record: dict[str, Any] = {"seed": seed, "null": null}
    for name, settings in INTERVALS.items():
        truth, found = fit(S6(**STRONG, rho=0.0 if null else 0.3), seed, settings)
        record |= {"truth": truth, f"refused_{name}": found.refused}
        record[name] = {f"{e.estimator} {e.estimand}": figures(e) for e in found.estimates}
    if not null:
        record["worlds_to_refuse"] = {
            name: fit(design, seed, INTERVALS["network_hac"])[1].refused for name, design in REFUSED.items()
        }
    return record | {"seconds": time.process_time() - start}


def covers(records: list[dict[str, Any]], interval: str, estimator: str, estimand: str) -> list[bool]:
    """Return for each answered world whether the interval holds the truth."""
    rows = [(r[interval][f"{estimator} {estimand}"], r["truth"][estimand]) for r in records]
    return [e["ci_low"] <= truth <= e["ci_high"] for e, truth in rows if e["ci_low"] is not None]


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, size, bias and refusals."""
    effect, null = ([r for r in records if r["null"] is flag] for flag in (False, True))
    found = {
        f"coverage_{interval}_{estimand}": rate(covers(effect, interval, "linear_in_means", estimand))
        for interval in INTERVALS
        for estimand in ("endogenous", "own:x", "contextual:x", "total:x")
    }
    found["coverage_ols_endogenous"] = rate(covers(effect, "network_hac", "ols", "endogenous"))
    for interval in INTERVALS:
        tests = [r[interval]["linear_in_means endogenous"]["p_value"] for r in null]
        found[f"rejects_null_{interval}"] = rate([p < 0.05 for p in tests if p is not None])
    gaps = [r["independent"]["linear_in_means endogenous"] for r in effect]
    gap = np.array([e["estimate"] - 0.3 for e in gaps if e["estimate"] is not None])
    return {
        "name": "s6_linear_in_means",
        "ours": found,
        "bars": BARS,
        "met": {k: found[k]["low"] <= high and found[k]["high"] >= low for k, (low, high) in BARS.items()},
        "bias_endogenous": float(gap.mean()),
        "spread_endogenous": float(gap.std(ddof=1)),
        "refused_though_estimable": {f"{i}": sum(r[f"refused_{i}"] is not None for r in records) for i in INTERVALS},
        "refused_as_it_must": {
            name: rate([r["worlds_to_refuse"][name] is not None for r in effect]) for name in REFUSED
        },
        "worlds": len(records),
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "intervals": "99% Clopper-Pearson",
        "design": STRONG,
    }


def digest() -> str:
    """Return the digest of the designs and the code: other records do not count."""
    designs = {name: design.to_dict() for name, design in REFUSED.items()}
    return digest_of({"design": STRONG, "refused": designs, "code": code(__file__)})[:16]


def main() -> None:
    given = parser(__doc__, seeds=1000, records=Path("build/s6.jsonl")).parse_args()
    one_thread_each()
    show(summary(finish(given.records, worlds(given.first, given.seeds), one, digest(), given.processes)))


if __name__ == "__main__":
    main()
