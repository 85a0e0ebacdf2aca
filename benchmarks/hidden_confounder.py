"""Where what confounds is hidden no estimator can find the truth: do the bounds at the strength it has contain it?

    python benchmarks/hidden_confounder.py [--design s4] [--n 1000] [--replications 200] [--null] [--processes 1]

S4 is homophily by blocks nobody measured, S5 a hidden trait of Pokec's communities with no effect at all. Each study is
estimated without what confounds it, as a user would have to. Beside the interval stand the bounds of the sensitivity
analysis (`causal.sensitivity`): the interval widened by the largest bias that a trait of a given strength can make. The
strength taken is that of the hidden one: the shares it explains, from the same linear nuisances with it and without it,
which only a simulation knows. A user reads the same bounds off the contour plot, for the strengths they can defend.
`said` counts the results that tell, among their checks, how strong a hidden trait must be. Every finished replication is
one line of the records file. The last line printed is one JSON document; failures are counted and shown.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cost import at_random
from designs import reaches, simulate
from numpy.typing import NDArray
from resumable import code, finish, one_thread_each, parser, rate, show

from causal import plm
from causal.arrays import AIPW
from causal.designs import Simulated
from causal.estimators import EstimationSettings
from causal.nuisance import cross_fit
from causal.sensitivity import largest_bias
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of

Float = NDArray[np.float64]
BOUNDS = (0.95, 1.0)
CLIP = 1e-3
MOST = 0.99  # of the representer's variance: a trait that settles the exposure has no bounds


def one(seed: int, null: bool, given: Any) -> dict[str, Any]:
    """Estimate one study without its confounder, and set the bounds at the confounder's strength beside the interval."""
    start = time.process_time()
    record: dict[str, Any] = {"seed": seed, "null": null}
    try:  # a random person's part of Pokec may be too small: a failure like any other
        known = simulate(given, seed, null)
        made = replace(known, covariates=())
        record["truth"] = known.truth["peer"]
        fit = AIPW(
            outcome="y",
            treatment="d",
            exposure=made.exposure,
            settings=EstimationSettings(learners=("linear",)),
            seed=seed,
        ).fit(made.units, made.adjacency)
    except CopenetError as error:
        return record | {"failure": f"{type(error).__name__}: {error.message}", "seconds": time.process_time() - start}
    peer = next(e for e in fit.estimates if (e.estimator, e.estimand) == (fit.headline, "peer"))
    if peer.se is None:
        return record | {"failure": peer.refused, "seconds": time.process_time() - start}
    check = next(c for c in fit.checks if c.name == "hidden_confounder")
    shares = hidden_shares(known)
    bias = float(largest_bias(check.figures["scale"], *shares))
    kept = {"estimate": peer.estimate, "ci_low": peer.ci_low, "ci_high": peer.ci_high, "p_value": peer.p_value}
    kept |= {"outcome_share": shares[0], "exposure_share": shares[1], "bias": bias}
    kept |= {"robustness_value": check.figures["robustness_value"], "status": check.status}
    return record | kept | {"seconds": time.process_time() - start}


def hidden_shares(made: Simulated) -> tuple[float, float]:
    """Return what the design's covariates explain of the outcome's residual, and add to the representer, as shares."""
    e, n_peers = made.exposure.apply(made.adjacency, np.asarray(made.units["d"]))
    rows = np.flatnonzero(n_peers > 0)
    own = np.column_stack([np.asarray(made.units[name], dtype=float) for name in made.covariates])
    peers = (made.adjacency != 0).astype(float)
    theirs = (peers @ own) / np.maximum(n_peers, 1)[:, None]
    y, d = (np.asarray(made.units[name], dtype=float)[rows] for name in ("y", "d"))
    seen = np.column_stack([d, n_peers[rows], np.log1p(n_peers[rows])])
    short = strengths(y, e[rows], seen, made.exposure.binary)
    long = strengths(y, e[rows], np.column_stack([seen, own[rows], theirs[rows]]), made.exposure.binary)
    outcome_share, exposure_share = 1 - long[0] / short[0], 1 - short[1] / long[1]
    return float(np.clip(outcome_share, 0, 1)), float(np.clip(exposure_share, 0, MOST))


def strengths(y: Float, e: Float, X: Float, binary: bool) -> tuple[float, float]:
    """Return E[(Y - g)²] and E[α²], nuisances linear and cross-fitted."""
    folds = at_random(len(y))
    g = cross_fit(np.column_stack([X, e]), y, folds, learners=("linear",)).values
    exposure = cross_fit(X, e, folds, learners=("linear",)).values
    if binary:  # E[α²] = E[1 / (p (1 - p))]: of the propensity alone, and so less noisy than the mean of α̂²
        p = np.clip(exposure, CLIP, 1 - CLIP)
        return float(np.mean((y - g) ** 2)), float(np.mean(1 / (p * (1 - p))))
    return float(np.mean((y - g) ** 2)), plm.representer_energy(e - exposure)


def summary(records: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    """Return how often the interval and the bounds hold the truth, by world."""
    ran = [r for r in records if "failure" not in r]
    worlds = {"null": [r for r in ran if r["null"]], "effect": [r for r in ran if not r["null"]]}
    table = {name: world(rows) for name, rows in worlds.items() if rows}
    return {
        "name": f"hidden_confounder_{given.design}",
        "ours": table,
        "met": {f"{name}_bounds": reaches(rows["bounds"], BOUNDS) for name, rows in table.items()},
        "replications": len(records),
        "failures": [r["failure"] for r in records if "failure" in r],
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "measured_on": {"n": given.n, "first_seed": given.first},
        "intervals": "99% Clopper-Pearson",
    }


def world(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rates of one world, and the mean of what they rest on."""
    means = ("estimate", "truth", "bias", "outcome_share", "exposure_share", "robustness_value")
    return {
        "interval": rate([r["ci_low"] <= r["truth"] <= r["ci_high"] for r in rows]),
        "bounds": rate([r["ci_low"] - r["bias"] <= r["truth"] <= r["ci_high"] + r["bias"] for r in rows]),
        "rejects_zero": rate([r["p_value"] < 0.05 for r in rows]),
        "said": rate([r["robustness_value"] is not None for r in rows]),
    } | {name: float(np.mean([r[name] for r in rows])) for name in means}


def main() -> None:
    options = parser(__doc__, seeds=200, records=Path("build/hidden_confounder.jsonl"))
    options.add_argument("--design", choices=("s4", "s5"), default="s4")
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--replications", type=int, dest="seeds", help="the same as --seeds")
    options.add_argument("--null", action="store_true", help="S4: also the same studies without a peer effect")
    options.add_argument("--graphs", type=Path, default=Path("../shared/data/graphs"))
    given = options.parse_args()
    given.variant = "known"
    one_thread_each()
    seeds = range(given.first, given.first + given.seeds)
    worlds = (True,) if given.design == "s5" else (False, True)[: 1 + given.null]
    digest = digest_of({"asked": (given.design, given.n), "code": code(__file__)})[:16]
    jobs = [(seed, null) for seed in seeds for null in worlds]
    show(summary(finish(given.records, jobs, partial(one, given=given), digest, given.processes), given))


if __name__ == "__main__":
    main()
