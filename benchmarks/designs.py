"""Do the estimators on arrays recover the truth of the designs S1 to S5, do their intervals cover it, do they refuse?

    python benchmarks/designs.py --design s3 [--variant threshold] [--n 1000] [--replications 200] [--null]
                                 [--learners linear,boosting] [--processes 1] [--graphs ../shared/data/graphs]

Variants: s1 blogcatalog | flickr; s2 threshold | count | similarity | motif; s3 proportion | threshold; s4 and s5 known |
hidden (whether what confounds is among the covariates), s4 found (communities found in the graph are). `--null` runs S2
to S4 also without a peer effect (S5 never has one). Every finished replication is one line of the records file, so the
run may be killed and started again; records of other settings or of older code do not count. The last line printed is
one JSON document; failures and refusals are counted and shown, none is dropped. A rate fails (`met`) when its 99%
Clopper-Pearson interval misses the aim.

S1 asks something else: that `aipw` refuses the direct and the total effect (of the peers' a threshold, whose overlap may
suffice), and that the error of the outcome regression is within 10% of that of least
squares on (T, Z, X, AX).
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from resumable import code, finish, one_thread_each, parser, rate, show
from scipy import stats
from scipy.sparse import csr_array, csr_matrix

from causal.arrays import AIPW, Fit, leiden
from causal.designs import S1, S2, S3, S4, S5, Simulated, s1, s2, s3, s4, s5
from causal.estimators import EstimationSettings
from causal.exposure import Mapping, Proportion, Threshold
from causal.outcome_regression import OutcomeRegression
from causal.results import Estimate
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of

VARIANTS = {
    "s1": ("blogcatalog", "flickr"),
    "s2": ("threshold", "count", "similarity", "motif"),
    "s3": ("proportion", "threshold"),
    "s4": ("known", "found", "hidden"),
    "s5": ("known", "hidden"),
}
MAPPINGS = {"proportion": Proportion(), "threshold": Threshold(0.5)}
NETEST = {"blogcatalog": "BlogCatalog.mat", "flickr": "Flickr.mat"}
COVERAGE, SIZE, BIAS_IN_SE, BIAS_RELATIVE, REGRESSION = (0.93, 0.97), (0.0, 0.07), 0.25, 0.10, 1.10


@cache
def netest(graphs: Path, name: str, kept: Path) -> tuple[csr_array, np.ndarray]:
    """Return the graph and ten topics of the words of its people; topics are kept, because they take half a minute."""
    from scipy.io import loadmat
    from sklearn.decomposition import LatentDirichletAllocation

    data = loadmat(graphs / "netest" / NETEST[name])
    path = kept / f"topics_{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, LatentDirichletAllocation(10, random_state=0).fit_transform(csr_matrix(data["Attributes"])))
    return csr_array(data["Network"]), np.load(path)


@cache
def pokec(graphs: Path) -> csr_array:
    """Return the directed friendships of Pokec."""
    pairs = np.load(graphs / "pokec" / "pokec_links.npz")["edge_list"]
    n = int(pairs.max()) + 1
    return csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))


def simulate(given: Any, seed: int, null: bool, exposure: Mapping | None = None) -> Simulated:
    """Return the study of `seed` in the design and variant asked for."""
    variant = given.variant
    if given.design == "s1":
        return s1.simulate(S1(), seed, *netest(given.graphs, variant, given.records.parent), exposure or Proportion())
    if given.design == "s2":
        return s2.simulate(S2(n=given.n, h=variant, peer=0.0 if null else S2().peer), seed)
    if given.design == "s3":
        return s3.simulate(S3(n=given.n, exposure=MAPPINGS[variant], peer=0.0 if null else S3().peer), seed)
    if given.design == "s4":
        made = s4.simulate(S4(n=given.n, b=0.0 if null else 0.3), seed)
    else:
        graph = s5.snowball(pokec(given.graphs), given.n, seed)
        made = s5.simulate(S5(), seed, graph, leiden(graph, seed))
    if variant == "found":
        return with_communities(made, seed)
    return made if variant == "known" else replace(made, covariates=())


def with_communities(made: Simulated, seed: int) -> Simulated:
    """Return the study with indicators of the communities found in its graph in place of those that are at work."""
    label = leiden(made.adjacency, seed)
    kept = np.unique(label)[1:]
    units = made.units.select(["y", "d"])
    for c in kept.tolist():
        units = units.append_column(f"found{c}", [(label == c).astype(float)])
    return replace(made, units=units, covariates=tuple(f"found{c}" for c in kept.tolist()))


def one(seed: int, null: bool, given: Any) -> dict[str, Any]:
    """Simulate one study, estimate, and return the record of it."""
    start = time.process_time()
    record: dict[str, Any] = {"seed": seed, "null": null}
    try:  # a random person's part of Pokec may be too small: a failure like any other
        made = simulate(given, seed, null)
        record["truth"] = made.truth
        fits = [ask(made, given, seed)] if given.design != "s1" else ask_s1(made, given, seed)
    except CopenetError as error:
        return record | {"failure": f"{type(error).__name__}: {error.message}", "seconds": time.process_time() - start}
    estimates = [figures(e) for fit in fits for e in compared(fit, last=fit is fits[-1])]
    bandwidth = next((c.figures for c in fits[0].checks if c.name == "dependence"), {})
    kept = {"estimates": estimates, "dependence": bandwidth, "headline": fits[0].headline}
    return record | kept | {"seconds": time.process_time() - start}


def ask(made: Simulated, given: Any, seed: int, kind: Any = AIPW) -> Fit:
    """Fit one estimator, as a user would."""
    settings = EstimationSettings(learners=tuple(given.learners.split(",")), sensitivity=False)
    asked = kind(
        outcome="y",
        treatment="d",
        exposure=made.exposure,
        covariates=made.covariates,
        settings=settings,
        seed=seed,
    )
    return asked.fit(made.units, made.adjacency)


def ask_s1(made: Simulated, given: Any, seed: int) -> list[Fit]:
    """Ask AIPW where peers act through a threshold (it needs a binary exposure), and the outcome regression."""
    binary = simulate(given, seed, False, Threshold(0.5))
    return [ask(binary, given, seed), ask(made, given, seed, OutcomeRegression)]


def compared(fit: Fit, *, last: bool) -> list[Estimate]:
    """Return the estimates of a fit; `ols` and `naive` once, beside the exposure of the design."""
    return [e for e in fit.estimates if last or e.estimator not in ("ols", "naive")]


def figures(e: Estimate) -> dict[str, Any]:
    """Return what is kept of an estimate; `iid` is the interval for independent rows."""
    kept = {k: getattr(e, k) for k in ("estimator", "estimand", "estimate", "se", "ci_low", "ci_high", "refused")}
    if e.se is None:
        return kept
    half = float(stats.norm.ppf(0.975)) * e.detail["se_iid"]
    parts = {k: v for k, v in e.detail.items() if k.startswith("se_")}
    return kept | parts | {"iid_low": e.estimate - half, "iid_high": e.estimate + half, "p_value": e.p_value}


def summary(records: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    """Return the figures of all replications by world, estimator and estimand."""
    ran = [r for r in records if "failure" not in r]
    worlds = {"null": [r for r in ran if r["null"]], "effect": [r for r in ran if not r["null"]]}
    table = {name: {key: cell(rows, key) for key in keys(rows)} for name, rows in worlds.items() if rows}
    return {
        "name": f"designs_{given.design}_{given.variant}",
        "ours": table,
        "met": met(table, given, ran),
        "replications": len(records),
        "failures": [r["failure"] for r in records if "failure" in r],
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "seconds_each": float(np.mean([r["seconds"] for r in records])) if records else None,
        "bandwidths": sorted({r["dependence"].get("bandwidth") for r in ran}, key=str),
        "largest_pair_share": max((r["dependence"].get("pair_share", 0.0) for r in ran), default=None),
        "measured_on": {"n": given.n, "learners": given.learners, "first_seed": given.first},
        "intervals": "99% Clopper-Pearson",
    }


def keys(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(f"{e['estimator']} {e['estimand']}" for r in rows for e in r["estimates"]))


def cell(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Return bias, spread, standard errors, coverage and rejections of one estimator of one estimand."""
    name, estimand = key.split()
    pairs = [
        (next(e for e in r["estimates"] if (e["estimator"], e["estimand"]) == (name, estimand)), r["truth"][estimand])
        for r in rows
    ]
    answered = [(e, truth) for e, truth in pairs if e["estimate"] is not None]
    found: dict[str, Any] = {"refused": rate([e["refused"] is not None for e, _ in pairs])}
    if not answered:
        return found | {"reason": pairs[0][0]["refused"]}
    gap = np.asarray([e["estimate"] - truth for e, truth in answered])
    truth = float(np.mean([truth for _, truth in answered]))
    found |= {
        "truth": truth,
        "bias": float(gap.mean()),
        "spread": float(gap.std()),
        "rmse": float(np.sqrt(np.mean(gap**2))),
    }
    with_interval = [(e, truth) for e, truth in answered if e["se"] is not None]
    if not with_interval:
        return found
    se = {k: float(np.mean([e[k] for e, _ in with_interval])) for k in with_interval[0][0] if k.startswith("se")}
    return found | {
        "bias_in_se": found["bias"] / se["se"],
        "bias_relative": found["bias"] / truth if truth else None,
        "mean_se": se,
        "coverage": rate([e["ci_low"] <= truth <= e["ci_high"] for e, truth in with_interval]),
        "coverage_iid": rate([e["iid_low"] <= truth <= e["iid_high"] for e, truth in with_interval]),
        "rejects_zero": rate([e["p_value"] < 0.05 for e, _ in with_interval]),
    }


def met(table: dict[str, Any], given: Any, ran: list[dict[str, Any]]) -> dict[str, bool]:
    """Return whether each aim is met by the headline's peer effect."""
    if not ran:
        return {}
    if given.design == "s1":
        cells = table["effect"]
        refused = {f"refuses_{k}": cells[f"aipw {k}"]["refused"]["rate"] == 1 for k in ("direct", "total")}
        ratios = {k: cells[f"regression {k}"]["rmse"] / cells[f"ols {k}"]["rmse"] for k in ("direct", "peer", "total")}
        return refused | {f"regression_{k}": ratio <= REGRESSION for k, ratio in ratios.items()}
    found: dict[str, bool] = {}
    for world, cells in table.items():
        peer = cells[f"{ran[0]['headline']} peer"]
        if "coverage" in peer:
            found[f"{world}_coverage"] = reaches(peer["coverage"], COVERAGE)
            found[f"{world}_bias"] = abs(peer["bias_in_se"]) <= BIAS_IN_SE
        if "coverage" in peer and peer["truth"] == 0:
            found[f"{world}_size"] = reaches(peer["rejects_zero"], SIZE)
        elif "coverage" in peer:
            found[f"{world}_bias_relative"] = abs(peer["bias_relative"]) <= BIAS_RELATIVE
    return found


def reaches(found: dict[str, Any], aim: tuple[float, float]) -> bool:
    """Return whether the interval of a rate and the aim have a value in common."""
    return bool(found["low"] <= aim[1] and found["high"] >= aim[0])


def main() -> None:
    options = parser(__doc__, seeds=200, records=Path("build/designs.jsonl"))
    options.add_argument("--design", choices=sorted(VARIANTS), required=True)
    options.add_argument("--variant", help="the first of the design when not given")
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--replications", type=int, dest="seeds", help="the same as --seeds")
    options.add_argument("--learners", default="linear", help="linear, boosting or linear,boosting")
    options.add_argument("--null", action="store_true", help="also the same studies without a peer effect")
    options.add_argument("--graphs", type=Path, default=Path("../shared/data/graphs"))
    given = options.parse_args()
    given.variant = given.variant or VARIANTS[given.design][0]
    if given.variant not in VARIANTS[given.design]:
        options.error(f"{given.design} has the variants {', '.join(VARIANTS[given.design])}")
    one_thread_each()
    asked = (given.design, given.variant, given.n, given.learners)
    jobs = [(seed, null) for seed in range(given.first, given.first + given.seeds) for null in worlds(given)]
    digest = digest_of({"asked": asked, "code": code(__file__)})[:16]
    show(summary(finish(given.records, jobs, partial(one, given=given), digest, given.processes), given))


def worlds(given: Any) -> tuple[bool, ...]:
    """Return whether the studies to run are null: S4 is null first of all, S5 always, S1 never."""
    if given.design == "s5":
        return (True,)
    return (False, True) if given.null and given.design != "s1" else (False,)


if __name__ == "__main__":
    main()
