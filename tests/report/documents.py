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
    "bots": 3,
    "bots_suspected": 2,
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


def effects() -> dict[str, Any]:
    """Return an effects document with every kind of check."""
    return {
        "outcome": "positive_reframing",
        "exposure": "any_peer",
        "estimand": "any peer against none, composite outcome",
        "headline": "aipw",
        "estimates": [estimate("naive", 0.24), estimate("ols", 0.14), estimate("aipw", 0.09, 0.03)],
        "checks": [
            {"name": "rewired_graph", "status": "pass", "detail": "Made-up peers: +0.003.", "figures": placebo(0.003)},
            {"name": "future_exposure", "status": "not_informative", "detail": "Ties are mutual.", "figures": {}},
            {"name": "among_posters", "status": "refused", "detail": "Whoever posts is selected.", "figures": {}},
            {
                "name": "overlap",
                "status": "pass",
                "detail": "1.2% of person-periods are clipped.",
                "figures": overlap(),
            },
            {
                "name": "leak_audit",
                "status": "pass",
                "detail": "Rows are the same when built from tables cut.",
                "figures": {},
            },
            {"name": "label_error", "status": "warn", "detail": "Sensitivity .97.", "figures": {}},
        ],
        "assumptions": ["Given what was known before the period, exposure is as good as chance."],
        "labels_validated": True,
        "refused": None,
        "detail": {},
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
    found = {"quality": QUALITY, "graph": GRAPH, "labels": LABELS, "effects": effects(), "manifest": manifest}
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
