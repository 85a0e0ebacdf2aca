"""Write `docs/measured.md` from the documents in `benchmarks/results`: what was aimed at, and what came out.

    python benchmarks/measured.py > docs/measured.md

Nothing is copied by hand: a test compares the page with what this prints. A rate meets its aim when its 99%
Clopper-Pearson interval and the aim have a value in common.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results"
COVERAGE, SIZE, CORRECTED, BOUNDS = (0.93, 0.97), (0.0, 0.07), (0.90, 1.0), (0.95, 1.0)
BIAS_IN_SE, BIAS_RELATIVE, REGRESSION = 0.25, 0.10, 1.10
MEMORY_MB, MINUTES, HAC_SECONDS = 8_000, 10, 5

Row = tuple[str, str, str, str, bool | None]  # what was studied, of how many, what was measured, its aim, whether met
Document = dict[str, Any]

HEAD = """# What was measured

Made by `python benchmarks/measured.py` from the documents in `benchmarks/results`, each with its command, seeds and
settings; seeds run from the first in order, none was chosen. Rates stand with their 99% Clopper-Pearson interval; one
meets its aim when interval and aim have a value in common. A row without an aim is there for comparison. The designs are
described on [simulation designs](methods/designs.md).
"""


def percent(found: Document) -> str:
    """Return a rate with its interval.

    >>> percent({"rate": 0.95, "low": 0.9, "high": 0.98, "of": 200})
    '.950 [.900, .980]'
    """
    low, high = (f"{found[end]:.3f}".removeprefix("0") for end in ("low", "high"))
    return f"{found['rate']:.3f}".removeprefix("0") + f" [{low}, {high}]"


def reached(found: Document, aim: tuple[float, float]) -> bool:
    """Return whether the interval of a rate and the aim have a value in common."""
    return bool(found["low"] <= aim[1] and found["high"] >= aim[0])


def between(aim: tuple[float, float]) -> str:
    low, high = aim
    if high == 1.0:
        return f"≥ {low:.2f}".replace("0.", ".")
    return (f"≤ {high:.2f}" if low == 0.0 else f"{low:.2f}–{high:.2f}").replace("0.", ".")


def rated(study: str, what: str, found: Document, aim: tuple[float, float] | None) -> Row:
    met = None if aim is None else reached(found, aim)
    return study, f"{found['of']:,}", f"{what} {percent(found)}", "" if aim is None else between(aim), met


def valued(study: str, of: int, what: str, value: float, most: float, shown: str) -> Row:
    return study, f"{of:,}", f"{what} {shown}", f"≤ {most:g}", abs(value) <= most


def of_design(document: Document) -> Iterator[Row]:
    """Yield coverage, bias and size of the peer effect in S2 to S5."""
    on = document["measured_on"]
    design, variant = document["name"].removeprefix("designs_").split("_", 1)
    for cells in document["ours"].values():
        headline = "plm" if "plm peer" in cells else "aipw"
        peer, truth = cells[f"{headline} peer"], cells[f"{headline} peer"]["truth"]
        study = f"{design.upper()}, {variant}, n = {on['n']:,}, {on['learners'].replace(',', ' + ')}" + (
            ", no effect" if not truth else ""
        )
        of = peer["coverage"]["of"]
        yield rated(study, "coverage", peer["coverage"], COVERAGE)
        yield rated(study, "coverage of iid intervals", peer["coverage_iid"], None)
        yield valued(study, of, "bias", peer["bias_in_se"], BIAS_IN_SE, f"{peer['bias_in_se']:+.3f} SE")
        if truth:
            relative = peer["bias_relative"]
            yield valued(study, of, "bias", relative, BIAS_RELATIVE, f"{relative:+.1%} of the effect")
        else:
            yield rated(study, "false positives", peer["rejects_zero"], SIZE)
            yield rated(study, "false positives of `naive`", cells["naive peer"]["rejects_zero"], None)
        if document["failures"]:
            yield study, f"{document['replications']:,}", f"{len(document['failures'])} refusals or failures", "", None


def of_s1(document: Document) -> Iterator[Row]:
    """Yield refusals of AIPW and the error of the outcome regression in S1."""
    cells, of = document["ours"]["effect"], document["replications"]
    study = document["name"].removeprefix("designs_s1_").capitalize()
    for estimand in ("direct", "total"):
        yield rated(
            f"S1, {study}", f"AIPW refuses the {estimand} effect:", cells[f"aipw {estimand}"]["refused"], (1.0, 1.0)
        )
    for estimand in ("direct", "peer", "total"):
        ratio = cells[f"regression {estimand}"]["rmse"] / cells[f"ols {estimand}"]["rmse"]
        what = f"error of the outcome regression over that of least squares, {estimand} effect:"
        yield valued(f"S1, {study}", of, what, ratio, REGRESSION, f"{ratio:.2f}")


def of_hidden(document: Document) -> Iterator[Row]:
    """Yield how often interval and bounds hold the truth where the confounder is hidden."""
    name, n = document["name"].removeprefix("hidden_confounder_").upper(), document["measured_on"]["n"]
    for world, found in document["ours"].items():
        study = f"{name}, confounder hidden, n = {n:,}" + (", no effect" if world == "null" else "")
        yield rated(study, "bounds at the confounder's strength hold the truth:", found["bounds"], BOUNDS)
        yield rated(study, "the interval alone:", found["interval"], None)


def of_missing(document: Document) -> Iterator[Row]:
    """Yield coverage with and without the correction for missing ties."""
    on = document["measured_on"]
    study = f"{on['missing']:.0%} of ties missing, {document['name'].removeprefix('missing_ties_')}, n = {on['n']:,}"
    cells = document["ours"]["effect"]
    yield rated(study, "coverage with the correction", cells["corrected peer"]["coverage"], CORRECTED)
    yield rated(study, "coverage without", cells["ols peer"]["coverage"], None)


def of_s6(document: Document) -> Iterator[Row]:
    """Yield coverage, size and refusals of 2SLS."""
    found = document["ours"]
    study = f"S6, n = {document['design']['n']:,}"
    yield rated(study, "coverage of ρ", found["coverage_independent_endogenous"], COVERAGE)
    yield rated(study, "coverage of ρ, network HAC", found["coverage_network_hac_endogenous"], (0.93, 1.0))
    yield rated(study, "false positives", found["rejects_null_independent"], SIZE)
    for world, refused in document["refused_as_it_must"].items():
        yield rated(f"S6, {world.replace('_', ' ')}", "refused", refused, (1.0, 1.0))


def of_s7_panel(document: Document) -> Iterator[Row]:
    """Yield coverage, size and bias of the panel."""
    found = document["ours"]
    yield from of_s7("S7, panel", found["coverage_headline"], found["rejects_null_headline"], document["errors"])
    yield rated("S7, panel", "coverage of `naive`", found["coverage_naive"], None)
    yield rated("S7, panel, no effect", "false positives of `naive`", found["rejects_null_naive"], None)
    yield from of_left_out("S7, panel", document)


def of_s7_replies(document: Document) -> Iterator[Row]:
    """Yield coverage, size and bias of the replies design."""
    study = "S7, " + document["name"].removeprefix("s7_replies_")
    ours, naive = document["ours"]["headline"], document["ours"]["naive"]
    yield from of_s7(study, ours["coverage"], ours["rejects_null"], {"headline": ours["errors"]})
    yield rated(study, "coverage of `naive`", naive["coverage"], None)
    yield rated(f"{study}, no effect", "false positives of `naive`", naive["rejects_null"], None)
    yield from of_left_out(study, document)


def of_s7(study: str, coverage: Document, size: Document, errors: Document) -> Iterator[Row]:
    yield rated(study, "coverage", coverage, COVERAGE)
    yield rated(f"{study}, no effect", "false positives", size, SIZE)
    for world, rate in (("effect", coverage), ("null", size)):
        bias = errors["headline"][world]["bias_in_se"]
        where = study if world == "effect" else f"{study}, no effect"
        yield valued(where, rate["of"], "bias", bias, BIAS_IN_SE, f"{bias:+.3f} SE")


def of_left_out(study: str, document: Document) -> Iterator[Row]:
    refusals = document.get("refusals", document["ours"].get("headline", {}).get("refusals", 0))
    if count := document["failures"] + refusals:
        yield study, f"{document['worlds']:,}", f"{count} refusals or failures", "", None


def of_cost(document: Document) -> Iterator[Row]:
    """Yield time and memory of the largest network, and how time grows."""
    largest = max(document["sizes"], key=lambda size: size["ties"])
    study = f"AIPW with network HAC, {largest['units']:,} people, {largest['ties']:,} ties"
    minutes, memory = largest["seconds"] / 60, largest["peak_mb"]
    yield valued(study, 1, "one thread:", minutes, MINUTES, f"{minutes:.1f} minutes")
    yield valued(study, 1, "peak memory", memory, MEMORY_MB, f"{memory:,} MB")
    for least in (0, 100_000):
        sizes = [size for size in document["sizes"] if size["ties"] >= least]
        ties, seconds = (np.log([size[name] for size in sizes]) for name in ("ties", "seconds"))
        growing = f"the same, from {min(size['ties'] for size in sizes):,} ties on"
        yield (
            growing,
            f"{len(sizes)}",
            f"time grows as ties to the power {np.polyfit(ties, seconds, 1)[0]:.2f}",
            "",
            None,
        )


def of_hac(document: Document) -> Iterator[Row]:
    """Yield the time of network HAC beside networkinference's."""
    study = f"network HAC, {document['measured_on']}"
    seconds = document["ours"]
    yield valued(study, 1, "three kernels:", seconds, HAC_SECONDS, f"{seconds:.1f} s")
    yield study, "1", f"networkinference takes {document['ratio']:.0f} times as long", "", None


KINDS: tuple[tuple[str, Callable[[Document], Iterator[Row]]], ...] = (
    ("designs_s1", of_s1),
    ("designs", of_design),
    ("s6", of_s6),
    ("s7_panel", of_s7_panel),
    ("s7_replies", of_s7_replies),
    ("hidden_confounder", of_hidden),
    ("missing_ties", of_missing),
    ("network_hac", of_hac),
    ("cost", of_cost),
)


def page(folder: Path = RESULTS) -> str:
    """Return the page."""
    documents = [(path.name, json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.json"))]
    lines = [HEAD, "| study | of | measured | aim | met |", "|---|---|---|---|---|"]
    for kind, rows in KINDS:
        for name, document in documents:
            if first_kind(name) == kind:
                lines += [row(*cells) for cells in rows(document)]
    if (folder / "cost.svg").exists():
        lines += ["", "![Time of AIPW with network HAC against ties](../benchmarks/results/cost.svg)"]
    for name, document in documents:
        if name.startswith("peers"):
            lines += beside(document)
    lines += ["", "## Commands", "", *commands(documents)]
    return "\n".join(lines) + "\n"


def first_kind(name: str) -> str | None:
    return next((kind for kind, _ in KINDS if name.startswith(kind)), None)


def row(study: str, of: str, measured: str, aim: str, met: bool | None) -> str:
    return f"| {study} | {of} | {measured} | {aim} | {'' if met is None else 'yes' if met else '**no**'} |"


def beside(document: Document) -> list[str]:
    """Return the table of what other packages say of the same studies."""
    on = document["measured_on"]
    title = f"## {document['name'].removeprefix('peers_').upper()} beside other packages, n = {on['n']:,}"
    truth = f"The truth is {document['truth']:.2f}; {document['replications']:,} studies."
    lines = [
        "",
        title,
        "",
        truth,
        "",
        "| package | coverage of 95% intervals | bias | spread | width | time over ours |",
    ]
    lines.append("|---|---|---|---|---|---|")
    for name, found in document["beside"].items():
        ratio = document["seconds_over_ours"][name]
        figures = f"{found['bias']:+.3f} | {found['spread']:.3f} | {found['mean_width']:.2f} | {ratio:.2f}"
        failed = f" ({found['failures']} failures)" if found["failures"] else ""
        lines.append(f"| {name.replace('_', ', ')}{failed} | {percent(found['coverage'])} | {figures} |")
    return lines


def commands(documents: list[tuple[str, Document]]) -> list[str]:
    """Return each document's command and what it cost."""
    lines = []
    for name, document in documents:
        hours = f", {document['core_hours']:.2f} core-hours" if "core_hours" in document else ""
        note = f" ({document['note']})" if "note" in document else ""
        lines.append(f"- `{name}`: `{document['command']}`{hours}{note}")
    return lines


if __name__ == "__main__":
    print(page(), end="")
