"""What other packages say of the same studies, beside ours, in one run: coverage of 95% intervals, bias, and time.

    python benchmarks/peers.py [--design s3] [--n 1000] [--replications 200] [--processes 1]

`s3` (network-correlated errors; the exposure a proportion): the peer effect by our partially linear slope with network
HAC, statsmodels (least squares, HC1; and clustered by the same Leiden communities), networkinference (least squares,
network HAC), DoWhy (backdoor linear regression), EconML (LinearDML) and StatsPAI (network_hte). All get the same
exposure and the same columns: x, its mean over peers, the number of peers and its logarithm, the own treatment.
`s6` (linear-in-means): the endogenous effect by our 2SLS, linearmodels (IV2SLS), spreg (GM_Lag) and StatsPAI
(peer_effects), with W²x as the instrument. What is not installed is named under `without`: EconML and StatsPAI are no
dependencies of this project's. Seconds are of the processor, without imports; a ratio is theirs over ours. Every
finished replication is one line of the records file. The last line printed is one JSON document.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from resumable import code, finish, one_thread_each, parser, rate, show
from scipy import stats
from scipy.sparse import csr_matrix

from causal.arrays import AIPW, leiden
from causal.designs import S3, S6, s3
from causal.estimators import EstimationSettings
from causal.exposure import row_normalised
from causal.linear_in_means import LinearInMeans
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of

Float = NDArray[np.float64]
Found = tuple[float, float, float]  # estimate and the ends of its interval
Z = float(stats.norm.ppf(0.975))
X3 = ["d", "x", "peers_x", "n_peers", "log_n_peers"]


@dataclass(frozen=True, slots=True)
class Study:
    """One simulated study: a table of n rows, its network, what is true, and the world it came from."""

    frame: pd.DataFrame
    adjacency: Any
    truth: float
    world: Any
    seed: int


def study_s3(n: int, seed: int) -> Study:
    """Return a study of S3; rows are the units with peers, the network is among them."""
    made = s3.simulate(S3(n=n), seed)
    d, x, y = (np.asarray(made.units[name], dtype=float) for name in ("d", "x", "y"))
    e, n_peers = made.exposure.apply(made.adjacency, d)
    rows = np.flatnonzero(n_peers > 0)
    peers_x = (row_normalised(made.adjacency) @ x)[rows]
    frame = pd.DataFrame({"y": y[rows], "d": d[rows], "x": x[rows], "e": e[rows], "peers_x": peers_x})
    frame = frame.assign(n_peers=n_peers[rows].astype(float), log_n_peers=np.log1p(n_peers[rows]))
    return Study(frame, made.adjacency[rows][:, rows], made.truth["peer"], made, seed)


def study_s6(n: int, seed: int) -> Study:
    """Return a study of S6 as `s6_linear_in_means.py` has it, without the few people who have no peers."""
    world = S6(n=n, degree=5.0, beta=1.0, gamma=1.0).simulate(seed)
    rows = np.flatnonzero(np.diff(world.adjacency.indptr) > 0)
    links = world.adjacency[rows][:, rows]
    W = row_normalised(links)
    y, x = (np.asarray(world.units[name], dtype=float)[rows] for name in ("y", "x"))
    frame = pd.DataFrame({"y": y, "x": x, "wy": W @ y, "wx": W @ x, "wwx": W @ (W @ x)})
    return Study(frame, links, world.truth["endogenous"], world, seed)


def normal(estimate: float, se: float) -> Found:
    return float(estimate), float(estimate - Z * se), float(estimate + Z * se)


def ours_s3(study: Study) -> Found:
    made = study.world
    asked = AIPW(
        outcome="y",
        treatment="d",
        exposure=made.exposure,
        covariates=made.covariates,
        settings=EstimationSettings(learners=("linear",), sensitivity=False),
        seed=study.seed,
    )
    fit = asked.fit(made.units, made.adjacency)
    return _answer(fit, (fit.headline, "peer"))


def ours_s6(study: Study) -> Found:
    fit = LinearInMeans(outcome="y", covariates=["x"]).fit(study.world.units, study.world.adjacency)
    return _answer(fit, ("linear_in_means", "endogenous"))


def _answer(fit: Any, name: tuple[str, str]) -> Found:
    found = next(e for e in fit.estimates if (e.estimator, e.estimand) == name)
    if found.se is None:
        raise CopenetError(found.refused or "refused")
    return found.estimate, found.ci_low, found.ci_high


def statsmodels_hc1(study: Study) -> Found:
    return _statsmodels(study, cov_type="HC1")


def statsmodels_cluster(study: Study) -> Found:
    groups = leiden(study.adjacency, study.seed)
    return _statsmodels(study, cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)


def _statsmodels(study: Study, **kinds: Any) -> Found:
    import statsmodels.api as sm

    fit = sm.OLS(study.frame.y, sm.add_constant(study.frame[["e", *X3]])).fit(**kinds)
    low, high = fit.conf_int().loc["e"]
    return float(fit.params["e"]), float(low), float(high)


def networkinference_hac(study: Study) -> Found:
    import networkinference

    graph = nx.from_scipy_sparse_array(study.adjacency)
    model = networkinference.OLS(study.frame.y.to_numpy(), study.frame[["e", *X3]].to_numpy(), graph)
    model.network_se(verbose=False)
    return normal(model.estimate[1], model.network_se_result[1])


def dowhy_regression(study: Study) -> Found:
    from dowhy import CausalModel

    model = CausalModel(study.frame, treatment="e", outcome="y", common_causes=X3)
    found = model.estimate_effect(
        model.identify_effect(proceed_when_unidentifiable=True),
        method_name="backdoor.linear_regression",
        confidence_intervals=True,
    )
    low, high = np.ravel(found.get_confidence_intervals())
    return float(found.value), float(low), float(high)


def econml_dml(study: Study) -> Found:
    from econml.dml import LinearDML
    from sklearn.linear_model import LinearRegression

    model = LinearDML(model_y=LinearRegression(), model_t=LinearRegression(), cv=5, random_state=study.seed)
    model.fit(study.frame.y.to_numpy(), study.frame.e.to_numpy(), X=None, W=study.frame[X3].to_numpy())
    low, high = model.const_marginal_ate_interval(alpha=0.05)
    return float(np.ravel(model.const_marginal_ate())[0]), float(np.ravel(low)[0]), float(np.ravel(high)[0])


def statspai_hte(study: Study) -> Found:
    import statspai

    found = statspai.network_hte(
        study.frame,
        y="y",
        treatment="d",
        neighbor_exposure="e",
        covariates=[name for name in X3 if name != "d"],
        random_state=study.seed,
    )
    return normal(found.spillover_effect, found.spillover_se)


def linearmodels_iv(study: Study) -> Found:
    from linearmodels.iv import IV2SLS

    f = study.frame.assign(const=1.0)
    fit = IV2SLS(f.y, f[["const", "x", "wx"]], f[["wy"]], f[["wwx"]]).fit(cov_type="robust")
    return normal(fit.params["wy"], fit.std_errors["wy"])


def spreg_lag(study: Study) -> Found:
    import libpysal
    import spreg

    w = libpysal.weights.WSP(csr_matrix(row_normalised(study.adjacency))).to_W(silence_warnings=True)
    y, x = study.frame[["y"]].to_numpy(), study.frame[["x"]].to_numpy()
    model = spreg.GM_Lag(y, x, w=w, slx_lags=1, w_lags=1, robust="white")
    return normal(model.betas[-1, 0], float(np.sqrt(model.vm[-1, -1])))


def statspai_peers(study: Study) -> Found:
    import statspai

    W = row_normalised(study.adjacency).toarray()
    table = statspai.peer_effects(study.frame[["y", "x"]], y="y", covariates=["x"], W=W).coefficients
    row = table[table["variable"] == "WY"].iloc[0]
    return normal(row["coef"], row["se"])


OURS = "ours"
DESIGNS: dict[str, tuple[Callable[[int, int], Study], dict[str, tuple[str, Callable[[Study], Found]]]]] = {
    "s3": (
        study_s3,
        {
            OURS: ("causal", ours_s3),
            "statsmodels_hc1": ("statsmodels", statsmodels_hc1),
            "statsmodels_cluster": ("statsmodels", statsmodels_cluster),
            "networkinference": ("networkinference", networkinference_hac),
            "dowhy": ("dowhy", dowhy_regression),
            "econml": ("econml", econml_dml),
            "statspai": ("statspai", statspai_hte),
        },
    ),
    "s6": (
        study_s6,
        {
            OURS: ("causal", ours_s6),
            "linearmodels": ("linearmodels", linearmodels_iv),
            "spreg": ("spreg", spreg_lag),
            "statspai": ("statspai", statspai_peers),
        },
    ),
}


def present(design: str) -> dict[str, Callable[[Study], Found]]:
    """Return those of a design that are installed."""
    return {k: f for k, (package, f) in DESIGNS[design][1].items() if importlib.util.find_spec(package)}


def one(seed: int, null: bool, given: Any) -> dict[str, Any]:
    """Return what each says of one study, and the processor time it took."""
    study = DESIGNS[given.design][0](given.n, seed)
    record: dict[str, Any] = {"seed": seed, "null": null, "truth": study.truth}
    for name, ask in present(given.design).items():
        start = time.process_time()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                found: dict[str, Any] = dict(zip(("estimate", "low", "high"), ask(study), strict=True))
            except (CopenetError, ValueError, np.linalg.LinAlgError) as error:
                found = {"failure": type(error).__name__}
        record[name] = found | {"seconds": time.process_time() - start}
    return record


def summary(records: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    """Return coverage, bias, width and time of each, side by side."""
    names = [name for name in present(given.design) if all(name in r for r in records)]
    ours = float(np.median([r[OURS]["seconds"] for r in records]))
    return {
        "name": f"peers_{given.design}",
        "beside": {name: cell(records, name) for name in names},
        "seconds_over_ours": {n: float(np.median([r[n]["seconds"] for r in records])) / ours for n in names},
        "without": sorted(set(DESIGNS[given.design][1]) - set(names)),
        "truth": float(np.mean([r["truth"] for r in records])),
        "replications": len(records),
        "core_hours": sum(r[name]["seconds"] for r in records for name in names) / 3600,
        "measured_on": {"n": given.n, "first_seed": given.first},
        "intervals": "99% Clopper-Pearson",
    }


def cell(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    answered = [(r[name], r["truth"]) for r in records if "failure" not in r[name]]
    gap = np.array([found["estimate"] - truth for found, truth in answered])
    return {
        "coverage": rate([found["low"] <= truth <= found["high"] for found, truth in answered]),
        "bias": float(gap.mean()) if len(gap) else None,
        "spread": float(gap.std()) if len(gap) else None,
        "mean_width": float(np.mean([found["high"] - found["low"] for found, _ in answered])) if answered else None,
        "failures": len(records) - len(answered),
    }


def main() -> None:
    options = parser(__doc__, seeds=200, records=Path("build/peers.jsonl"))
    options.add_argument("--design", choices=sorted(DESIGNS), default="s3")
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--replications", type=int, dest="seeds", help="the same as --seeds")
    given = options.parse_args()
    one_thread_each()
    logging.disable(logging.WARNING)
    one(0, False, given)  # what is loaded when first used is no part of anybody's time
    jobs = [(seed, False) for seed in range(given.first, given.first + given.seeds)]
    asked = (given.design, given.n, sorted(present(given.design)))
    digest = digest_of({"asked": asked, "code": code(__file__)})[:16]
    show(summary(finish(given.records, jobs, partial(one, given=given), digest, given.processes), given))


if __name__ == "__main__":
    main()
