"""Do the intervals of the replies design cover a known effect of answers, and find none where there is none?

    python benchmarks/s7_replies.py [--world replies|helpers] [--seeds 200] [--processes 1] [--records build/s7_replies.jsonl]

Each world of the simulator S7 with planted labels goes through the same `estimate_study` as a real study, once with an
effect of answers and once without. `replies` is the design's own test: answers come within a day, text features are
TF-IDF and a truncated SVD fitted on the burn-in; the helper instrument is expected to be refused there, because people
write too rarely to be seen around. `helpers` is that of the instrument: one forum, people who are around for some hours
and write several messages then; no text features at all. Every finished world is one line of the records file, so the
run may be killed and started again; failures and refusals are counted and shown, none is dropped.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from resumable import code, finish, one_thread_each, parser, rate, show, worlds
from s7_panel import errors, text_features

from causal.designs import S7
from causal.helper_instrument import NAME
from causal.study_effect import EffectSettings, estimate_study
from copenet.foundation.errors import CopenetError
from copenet.foundation.files import digest_of
from graph.ties import build_ties

DESIGNS = {
    "replies": S7(people=1_500, periods=17, effect=0.0, reply_effect=0.25, recency_hours=12.0),
    "helpers": S7(
        people=1_000,
        periods=26,
        forums=1,
        effect=0.0,
        reply_effect=0.25,
        recency_hours=1.0,
        chatter=4.0,
        session_hours=6.0,
        trait_rates=(0.02, 0.05, 0.85, 0.9),
        homophily=0.4,
    ),
}
SETTINGS = EffectSettings(
    design="replies", helper_hours=6, placebos=False, sensitivity=False, refuter=False, representation_dimensions=0
)
ROLES = {"headline": (0.90, 0.99, 0.09), NAME: (0.90, 0.99, 0.09)}
HEADLINE = {"replies": "headline", "helpers": NAME}
FIGURES = ("estimate", "se", "ci_low", "ci_high", "p_value", "n")


class World:
    """One kind of world, as a job of the benchmark."""

    def __init__(self, name: str) -> None:
        self.name, self.design = name, DESIGNS[name]

    def __call__(self, seed: int, null: bool) -> dict[str, Any]:
        """Simulate one world, estimate, and return the record of it."""
        start = time.process_time()
        world = replace(self.design, null=null).simulate(seed)
        messages, labels = world.tables()
        ties = build_ties(messages, window_days=14).ties
        record: dict[str, Any] = {"seed": seed, "null": null, "truth": world.truth("replies")["truth"]}
        texts = (messages["message_id"].to_pylist(), text_features(world)) if self.name == "replies" else None
        try:
            result = estimate_study(messages, labels, texts, ties, SETTINGS, labels_validated=True).result
        except CopenetError as error:
            failure = f"{type(error).__name__}: {error.message}"
            return record | {"failure": failure, "seconds": time.process_time() - start}
        for estimate in result.estimates:
            role = "headline" if estimate.estimator == result.headline else estimate.estimator
            record[role] = {name: getattr(estimate, name) for name in FIGURES} | {"refused": estimate.refused}
        stage = next((c.figures.get("effective_f") for c in result.checks if c.name == "helper_first_stage"), None)
        return record | {"effective_f": stage, "seconds": time.process_time() - start}


def digest(name: str) -> str:
    """Return the digest of the design, the estimation settings and the code: other records do not count."""
    settings = {"design": DESIGNS[name].to_dict(), "effect": asdict(SETTINGS), "code": code(__file__)}
    return digest_of(settings)[:16]


def role_summary(given: list[dict[str, Any]], role: str) -> dict[str, Any]:
    """Return what one estimator did: coverage and size with their intervals, errors, refusals."""
    answered = [r for r in given if r[role]["estimate"] is not None and r[role]["ci_low"] is not None]
    effect, null = ([r for r in answered if r["null"] is kind] for kind in (False, True))
    return {
        "coverage": rate([r[role]["ci_low"] <= r["truth"] <= r[role]["ci_high"] for r in effect]),
        "coverage_null": rate([r[role]["ci_low"] <= 0 <= r[role]["ci_high"] for r in null]),
        "rejects_null": rate([r[role]["p_value"] < 0.05 for r in null]),
        "power": rate([r[role]["p_value"] < 0.05 for r in effect]),
        "errors": {"effect": errors(effect, role), "null": errors(null, role)},
        "refusals": len(given) - len(answered),
    }


def summary(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the figures of all worlds, and whether the one of the estimator under test meets the bars."""
    given = [r for r in records if "failure" not in r]
    found = {role: role_summary(given, role) for role in ("naive", "ols", "headline", NAME)}
    ours, bars = found[HEADLINE[name]], ROLES[HEADLINE[name]]
    every = ours["refusals"] == 0 and len(given) == len(records)  # a bar met by leaving worlds out is not met
    strength = [r["effective_f"] for r in given if r["effective_f"] is not None]
    return {
        "name": f"s7_replies_{name}",
        "ours": found,
        "bars": {"coverage": bars[:2], "rejects_null": (0.0, bars[2])},
        "met": {
            "coverage": every and ours["coverage"]["of"] > 0 and bars[0] <= ours["coverage"]["rate"] <= bars[1],
            "rejects_null": every and ours["rejects_null"]["of"] > 0 and ours["rejects_null"]["rate"] <= bars[2],
        },
        "truth": float(np.mean([r["truth"] for r in given if not r["null"]])) if given else None,
        "rows": float(np.mean([r["headline"]["n"] for r in given])) if given else None,
        "effective_f": {"median": float(np.median(strength)), "lowest": min(strength)} if strength else None,
        "worlds": len(records),
        "failures": len(records) - len(given),
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "seconds_per_world": float(np.mean([r["seconds"] for r in records])) if records else None,
        "intervals": "99% Clopper-Pearson",
        "design": DESIGNS[name].to_dict(),
    }


def main() -> None:
    options = parser(__doc__, seeds=200, records=Path("build/s7_replies.jsonl"))
    options.add_argument("--world", choices=sorted(DESIGNS), default="replies")
    given = options.parse_args()
    one_thread_each()
    jobs, name = worlds(given.first, given.seeds), given.world
    show(summary(finish(given.records, jobs, World(name), digest(name), given.processes), name))


if __name__ == "__main__":
    main()
