"""Documents as the stages write them, with invented figures."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from copenet.foundation.files import write_json, write_text
from gnn.strategies import STRATEGY_IDS

SETTINGS: dict[str, Any] = {
    "study": {"title": "Coping in four forums", "question": "", "seed": 7},
    "graph": {"store": "ladybug", "store_text": False},
    "text": {"encoder": "minilm", "gold": "gold.csv"},
    "effect": {
        "outcome": "positive_reframing",
        "exposure": "any_peer",
        "channel": "received_reply",
        "period_weeks": 2,
        "lookback_weeks": 8,
    },
    "report": {"suppress_below": 8},
}
VERSIONS = {"copenet": "0.1.0", "python": "3.11.9", "numpy": "2.4.6"}
TRUTH = {"design": "S7", "truth": 0.08, "realised": 0.081, "seed": 7}

QUALITY: dict[str, Any] = {
    "messages": 6120,
    "authors": 840,
    "replies": 5210,
    "replies_resolved": 4762,
    "parents_missing": 402,
    "deleted": 233,
    "duplicates": 12,
    "self_replies": 88,
    "rejected": [{"file": "forum.zst", "line": n, "reason": "not JSON"} for n in range(1, 42)],
    "first_at": "2021-01-04T00:00:00+00:00",
    "last_at": "2021-07-03T21:12:09+00:00",
    "platforms": ["reddit"],
    "bots_declared": 3,
    "bots_suspected": 2,
    "bots": [{"why": "declared: a list", "accounts": 3, "messages": 30}],
    "authors_unknown": 239,
    "names_replaced": 212,
    "rejected_count": 41,
    "days_without_messages": ["2021-02-26", "2021-05-13"],
    "days_without_messages_count": 2,
    "by_month": [{"platform": "reddit", "month": f"2021-{n:02d}", "messages": 400 + 90 * n} for n in range(1, 8)],
    "means": {"bots": "Declared bots are no peers and no subjects; suspects stay in."},
}

GRAPH: dict[str, Any] = {
    "users": 840,
    "messages": 6120,
    "ties": 3905,
    "store": "ladybug",
    "communities": [
        {
            "method": method,
            "n": 12,
            "sizes": [190, 151, 120, 98, 77, 60, 44, 40, 22, 19],
            "smaller": 2,
            "modularity": 0.612,
            "codelength": 7.83,
            "agreement": {"method": method, "seeds": 20, "mean": 0.94, "lowest": 0.88},
        }
        for method in ("leiden", "map_equation")
    ],
    "figure": "figures/communities.svg",
}

LABELS: dict[str, Any] = {
    "labels_validated": True,
    "models": [
        {
            "model": "logistic: embedding + words",
            "macro_f1": 0.962,
            "ci_low": 0.94,
            "ci_high": 0.98,
            "ece": 0.021,
            "n_gold": 400,
            "n_groups": 180,
            "per_strategy": [
                {
                    "strategy": name,
                    "trainable": True,
                    "positives": 30,
                    "negatives": 370,
                    "precision": 0.97,
                    "recall": 0.95,
                    "sensitivity": 0.95,
                    "specificity": 0.99,
                    "f1": 0.96,
                }
                for name in STRATEGY_IDS[:-1]
            ]
            + [
                {
                    "strategy": STRATEGY_IDS[-1],
                    "trainable": False,
                    "reason": "too few gold labels: 3 positive, 397 negative",
                    "positives": 3,
                    "negatives": 397,
                }
            ],
        }
    ],
    "prevalences": dict.fromkeys(STRATEGY_IDS, 0.071),
}


def estimate(name: str, value: float | None, half: float = 0.02, **more: Any) -> dict[str, Any]:
    """Return one estimate as `causal.results.Estimate` writes it."""
    known = value is not None
    return {
        "estimator": name,
        "estimand": "any_peer",
        "estimate": value,
        "se": half / 1.96 if known else None,
        "ci_low": value - half if value is not None else None,
        "ci_high": value + half if value is not None else None,
        "p_value": 0.0001 if known else None,
        "n": 3790,
        "n_peers": 9021,
        "dof": None,
        "converged": True,
        "refused": None,
        "detail": {},
        **more,
    }


GROUPS = ("activity", "own_history", "peers", "peers_text", "place_time", "position", "representation", "text")


def effects() -> dict[str, Any]:
    """Return an effects document with every kind of check."""
    return {
        "outcome": "positive_reframing",
        "exposure": "any_peer(received_reply, 2 weeks)",
        "estimand": "E[Y(1) - Y(0)] over person-periods at risk with an eligible peer",
        "headline": "aipw",
        "estimates": [estimate("aipw", 0.09, 0.03), estimate("ols", 0.14), estimate("naive", 0.24)],
        "checks": [
            check("overlap", "pass", "1.2% of person-periods are clipped.", overlap()),
            check("balance", "pass", "Weighted, they differ by at most 0.06.", balance()),
            check("dependence", "pass", "Network HAC with bandwidth 2 (1.1% of all pairs).", {"bandwidth": 2}),
            check("hidden_confounder", "pass", "A hidden trait 1.8 times as strong as own history.", hidden()),
            check("rewired_graph", "pass", "Made-up peers: +0.003.", placebo(0.003)),
            check("future_exposure", "not_informative", "Ties are mutual.", {"rows": 3, "share": 0.01}),
            check("leak_audit", "pass", "Rows are the same when built from tables cut.", {}),
            check("among_posters", "refused", "Whoever posts is selected.", {"bound_low": -0.1, "bound_high": 0.3}),
            check("identification", "pass", "Among people alike in what was measured.", identification()),
            check("effect_by_community", "pass", "3 of 5 groups by community.", by_community()),
            check("nuisance_drivers", "pass", "What was known before predicts 12%.", predicted()),
            check("influence", "pass", "The most influential 8 of 656 people.", {"estimate": 0.09, "top_share": 0.2}),
            check("dowhy_placebo", "pass", "Permuted: +0.001.", {"estimate": 0.088, "p_value": 0.8}),
            check("missing_ties", "pass", "20% of the ties are said to be missing.", fewer_ties()),
            check("label_error", "warn", "Their error is not carried into the interval.", {}),
        ],
        "assumptions": ["No hidden confounding given what was measured.", "Labels are right."],
        "labels_validated": True,
        "refused": None,
        "declared": {"at": "2026-11-24T03:06:34+00:00", "before_outcome": True, "others_before": 0},
        "detail": {
            "rows": 3790,
            "people": 656,
            "periods": 8,
            "period_weeks": 2,
            "rows_without_peers": 1466,
            "exposure_mean": 0.4675,
            "outcome_share": 0.2505,
            "method": "network_hac",
            "bandwidth": 1,
            "covariate_groups": ["own_history", "own_history", "text", "representation"],
            "exposure_values": {"value": [0.0, 1.0], "count": [2900, 890]},
            "n_peers_values": {
                "value": [float(n) for n in range(21)],
                "count": [0, *range(900, 900 - 19 * 47, -47), 5],
            },
            "exposure_curve": {
                "levels": [
                    level("0", 0.0, 2900, 0.1),
                    level("1", 1.0, 890, 0.2),
                    level("2", 2.0, 60, 0.8),  # hidden with the next, which it would tell
                    level("3", 3.0, 5, 0.9),
                ]
            },
            "waterfall": {"steps": steps(), "note": "In another order the steps would be others.", "refused": None},
            "adoption": {"event_study": {"points": [period(n, 0.1 * n) for n in (-2, 0, 1)], "refused": None}},
        },
    }


def by_community() -> dict[str, Any]:
    """Return effects by community as `causal.heterogeneity.Heterogeneity` writes them: one refused, two of few people."""
    rows = [
        {"group": str(k), "people": 300 // k, "n": 1800 // k, "refused": None, **around(0.1 * k)} for k in (1, 2, 3)
    ]
    bare = dict.fromkeys(around(0))
    rows.append({"group": "other", "people": 44, "n": 300, "refused": "only 4 of 300 person-periods differ", **bare})
    rows.append({"group": "none", "people": 5, "n": 41, "refused": None, **around(0.777)})
    rows.append({"group": "9", "people": 7, "n": 43, "refused": None, **around(0.555)})
    pooled = {
        "k": 4,
        "i2": 0.42,
        "estimate": 0.2,
        "ci_low": 0.1,
        "ci_high": 0.3,
        "prediction_low": 0,
        "prediction_high": 0.4,
    }
    return {"by": "community", "groups": rows, "p_same": 0.2, "pooled": pooled}


def predicted() -> dict[str, Any]:
    """Return what drives the nuisances as `causal.drivers.Drivers` writes it."""
    ends = {"": 0.02, "_low": 0.01, "_high": 0.03, "_alone": 0.1}
    columns = {f"{name}{end}": value for name in ("outcome", "exposure") for end, value in ends.items()}
    return {"outcome_r2": 0.12, "exposure_r2": 0.3, "groups": [{"group": name, **columns} for name in GROUPS]}


def steps() -> list[dict[str, Any]]:
    """Return the steps from naive to final as `causal.waterfall.Step` writes them."""
    bare = {"se": 0.01, "change": None, "first": None, "last": None, "refused": None, "added": []}
    return [
        bare | {"label": "naive", "estimate": 0.24, "ci_low": 0.22, "ci_high": 0.26},
        bare | {"label": "+ own history", "estimate": 0.14, "ci_low": 0.12, "ci_high": 0.16, "change": -0.1}
        | {"first": -0.1, "last": -0.04, "added": ["own_history", "activity"]},
        bare | {"label": "flexible nuisances", "estimate": 0.09, "ci_low": 0.06, "ci_high": 0.12, "change": -0.05},
    ]  # fmt: skip


def level(name: str, exposure: float, n: int, estimate: float) -> dict[str, Any]:
    """Return one level of an exposure curve as `causal.curve.Level` writes it."""
    return {"name": name, "exposure": exposure, "n": n, **around(estimate)}


def period(number: int, estimate: float) -> dict[str, Any]:
    """Return one period of an event study as `causal.event_times.EventPoint` writes it."""
    return {"period": number, "label": str(number), **around(estimate)}


def fewer_ties() -> dict[str, Any]:
    """Return the figures of the check of missing ties as `causal.study_missing_ties` writes them."""
    rows = [(1.0, 0.09), (0.8, 0.08), (0.6, 0.07)]
    points = [
        {"kept": k, "estimate": e, "lowest": e - 0.01, "highest": e + 0.01, "rows": 900.0 * k, "draws": 5, "refused": 0}
        for k, e in rows
    ]
    curve = {"exposure": "proportion(received_reply)", "points": points, "label": "What fewer ties do"}
    return {"missing": 0.2, "estimate": 0.105, "ci_low": 0.02, "ci_high": 0.19, "bias_curve": curve}


def around(estimate: float) -> dict[str, float]:
    """Return an estimate with its interval and its simultaneous band."""
    sides = {"ci_low": -0.04, "ci_high": 0.04, "band_low": -0.06, "band_high": 0.06}
    return {"estimate": estimate, **{side: estimate + far for side, far in sides.items()}}


def check(name: str, status: str, detail: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Return one check as `causal.results.Check` writes it."""
    return {"name": name, "status": status, "detail": detail, "figures": figures}


def balance() -> dict[str, Any]:
    """Return the figures of a balance check."""
    before = np.random.default_rng(2).normal(0, 0.25, 30)
    names = [f"text_{n:02d}" for n in range(30)]
    return {"names": names, "before": before.tolist(), "after": (before / 5).tolist()}


def hidden() -> dict[str, Any]:
    """Return the figures of the check for a hidden confounder."""
    draws = np.random.default_rng(3)
    marks = [
        {
            "group": group,
            "outcome_share": float(draws.uniform(0, 0.03)),
            "exposure_share": float(draws.uniform(0, 0.06)),
            "bias": float(draws.uniform(0.001, 0.02)),
            "multiple": 4.2,
        }
        for group in GROUPS
    ]
    return {"scale": 0.9, "robustness_value": 0.094, "robustness_value_interval": 0.05, "benchmarks": marks}


def identification() -> dict[str, Any]:
    """Return the figures of the identification check."""
    edges = [[a, b] for g in GROUPS for a, b in (("hidden_trait", g), (g, "exposure"), (g, "outcome"))]
    doubted = [["hidden_trait", "exposure"], ["hidden_trait", "outcome"]]
    return {
        "estimand": "    d\n─────────(E[outcome|own_history,text])\nd[exposure]",
        "adjustment_set": list(GROUPS),
        "identified_with_hidden_trait": False,
        "edges": [*edges, ["exposure", "outcome"], *doubted],
        "doubted_edges": doubted,
        "unobserved": ["hidden_trait"],
    }


def placebo(value: float) -> dict[str, Any]:
    """Return the figures of a placebo check."""
    return {"estimate": value, "se": 0.01, "ci_low": value - 0.02, "ci_high": value + 0.02, "p_value": 0.7, "n": 3700}


def overlap() -> dict[str, Any]:
    """Return the figures of an overlap check."""
    draws = np.random.default_rng(5)
    edges = np.linspace(0, 1, 21)
    exposed, unexposed = draws.beta(3, 4, 890), draws.beta(2, 6, 2900)
    return {
        "edges": edges.tolist(),
        "exposed": np.histogram(exposed, edges)[0].tolist(),
        "unexposed": np.histogram(unexposed, edges)[0].tolist(),
        "clip": 0.02,
    }


def documents() -> dict[str, dict[str, Any]]:
    """Return every document of a finished study."""
    manifest = {"stages": [{"name": "ingest", "digest": "ab" * 32, "seconds": 0.8}], "seed": 7}
    protection = {"people_keyed": 840, "handles_replaced": 212, "texts_with_email": 0, "outputs_with_ids": []}
    found = {
        "quality": QUALITY,
        "protection": protection,
        "graph": GRAPH,
        "labels": LABELS,
        "effects": effects(),
        "manifest": manifest,
    }
    return deepcopy(found)


SVG = (
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 183 104" width="183mm" height="104mm">'
    '<circle cx="60" cy="50" r="20" fill="#0072b2"/></svg>'
)


def lay_out(folder: Path, found: dict[str, dict[str, Any]] | None = None, *, figure: bool = True) -> Path:
    """Write `found` (everything when None) into `folder`/results and return it."""
    results = folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    for name, document in (documents() if found is None else found).items():
        write_json(results / f"{name}.json", document)
    if figure:
        write_text(results / "figures" / "communities.svg", SVG)
        words = {"alt_text": "Twelve groups joined by replies.", "caption": "Replies between communities."}
        write_json(results / "figures" / "communities.json", words)
    return results


def random_counts(seed: int, cells: int) -> list[int]:
    """Return `cells` counts, some of them small."""
    return np.random.default_rng(seed).integers(0, 60, cells).tolist()
