"""What AIPW with network HAC costs in time and memory as the network grows, on parts of Pokec up to the whole of it.

Each size runs in a process of its own on one thread, so that its highest memory is its own. Beside ours runs the same
cross-fitted AIPW with the same learners on the same rows as if they were independent: folds at random, an iid interval,
no communities, no network. The ratio is what a valid interval costs. The exponent is that of time in ties, by least
squares of logarithms: 1 is linear. `--figure` draws both into a folder.

    python benchmarks/cost.py --graphs ../shared/data/graphs --figure build
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from designs import pokec
from resumable import one_thread_each, show
from sklearn.model_selection import KFold

from causal import aipw, overlap
from causal.arrays import AIPW, leiden
from causal.designs import S5, Simulated, s5
from causal.estimators import EstimationSettings
from causal.figure_style import BLUE, GREY, VERMILION, Drawing, canvas, style
from causal.folds import Folds
from causal.inference import undirected

UNITS = (1_000, 3_000, 10_000, 30_000, 0)  # 0: the whole graph
SETTINGS = EstimationSettings()


def part(graphs: Path, units: int, seed: int) -> Simulated:
    """Return S5 on the part of Pokec nearest to a random person, or on all of it."""
    graph = pokec(graphs)
    graph = s5.snowball(graph, units, seed) if units else undirected(graph).astype(float)
    return s5.simulate(S5(), seed, graph, leiden(graph, seed))


def ours(made: Simulated) -> dict[str, Any]:
    """Return the peer effect with its interval, as a user would ask for it."""
    asked = AIPW(
        outcome="y", treatment="d", exposure=made.exposure, covariates=made.covariates, settings=SETTINGS, seed=0
    )
    fit = asked.fit(made.units, made.adjacency)
    found = next(e for e in fit.estimates if (e.estimator, e.estimand) == ("aipw", "peer"))
    near = next(c for c in fit.checks if c.name == "dependence").figures
    kept = {name: near[name] for name in ("method", "bandwidth", "pair_share")}
    return kept | {"estimate": found.estimate, "se": found.se, "refused": found.refused, "rows": found.n}


def independent(made: Simulated) -> None:
    """Fit the same three effects for independent rows."""
    e, n_peers = made.exposure.apply(made.adjacency, np.asarray(made.units["d"]))
    rows = np.flatnonzero(n_peers > 0)
    y, d, u = (np.asarray(made.units[name])[rows] for name in ("y", "d", "u"))
    e = e[rows]
    folds = at_random(len(rows))
    for arm, beside in ((d, e), (e, d), (d * e, d)):
        X = np.column_stack([beside, u, n_peers[rows]])
        found = aipw.fit_nuisances(y, arm, X, folds, learners=SETTINGS.learners, seed=0)
        aipw.scores(y, arm, found, overlap.relative_clip(arm, SETTINGS.clip)).std()


def at_random(n: int) -> Folds:
    """Return five folds that know no network."""
    fold = np.zeros(n, dtype=np.int64)
    train = []
    for number, (kept, held) in enumerate(KFold(5, shuffle=True, random_state=0).split(fold)):
        fold[held] = number
        train.append(kept)
    return Folds(fold, 5, tuple(train), False, 0.0, 0.0)


def one(graphs: Path, units: int) -> dict[str, Any]:
    """Measure one size in this process."""
    made = part(graphs, units, seed=0)
    independent(part(graphs, min(UNITS[:-1]), seed=0))  # what is loaded when first used is not what a size costs
    began = time.process_time()
    found = ours(made)
    spent, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    independent(made)
    beside = time.process_time() - began
    size = {"units": made.adjacency.shape[0], "ties": made.adjacency.nnz, "peak_mb": round(peak)}
    return size | {"seconds": spent, "independent": beside, "ratio": spent / beside} | found


def exponent(sizes: list[dict[str, Any]], what: str) -> float:
    """Return the slope of log time in log ties."""
    ties, seconds = (np.log([size[name] for size in sizes]) for name in ("ties", what))
    return float(np.polyfit(ties, seconds, 1)[0])


def drawn(sizes: list[dict[str, Any]]) -> Drawing:
    """Draw time against ties, with a line of time proportional to ties."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ties = np.array([size["ties"] for size in sizes], dtype=float)
    with style():
        figure, axes = canvas(65)
        for name, colour, line, label in (
            ("seconds", BLUE, "o-", "AIPW with network HAC"),
            ("independent", VERMILION, "s--", "the same for independent rows"),
        ):
            axes.loglog(ties, [size[name] for size in sizes], line, color=colour, markersize=3, label=label)
        axes.loglog(ties, ties / ties[-1] * sizes[-1]["seconds"], ":", color=GREY, label="proportional to ties")
        axes.set(xlabel="Ties", ylabel="Seconds on one thread")
        for axis in (axes.xaxis, axes.yaxis):  # the style reads no mathematics
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axis.set_minor_formatter(NullFormatter())
        figure.legend(loc="outside upper left", ncols=2)
    alt = f"Time against ties on logarithmic axes; ours grows with exponent {exponent(sizes, 'seconds'):.2f}."
    return Drawing("cost", alt, "Parts of the Pokec friendship network, up to the whole of it.", figure)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--graphs", type=Path, default=Path("../shared/data/graphs"))
    options.add_argument("--units", type=int, nargs="*", default=UNITS, help="0 is the whole graph")
    options.add_argument("--figure", type=Path)
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    one_thread_each()
    if given.one is not None:
        show(one(given.graphs, given.one))
        return
    command = [sys.executable, __file__, "--graphs", str(given.graphs), "--one"]
    sizes = [orjson.loads(subprocess.check_output([*command, str(units)])) for units in given.units]
    if given.figure:
        drawn(sizes).save(given.figure)
    show({"name": "cost", "sizes": sizes, "exponent": exponent(sizes, "seconds"), "measured_on": "one thread"})


if __name__ == "__main__":
    main()
