"""How much do predicted labels, MiniLM and GraphSAGE change what `s7_panel.py` found with planted labels?

    python benchmarks/s7_study.py [--seeds 20] [--processes 1] [--records build/s7_study.jsonl]

Each world is written as a dump and goes through the study's own stages, as `copenet demo` does it: ingest, MiniLM
embeddings, the labeller trained on 400 simulated gold labels, ties, and the estimate with the default covariates. The
estimate is made twice from the same tables, with the labels that were predicted and with those that were planted, so
that the difference is the error of the labels alone. Resumable as `s7_panel.py` is. The last line is one JSON document.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from resumable import ROOT, code, finish, one_thread_each, parser, rate, show, worlds

from causal.designs import S7
from causal.study_effect import estimate_study
from copenet.demo import simulate
from copenet.foundation.files import digest_of, read_json
from copenet.foundation.progress import SILENT
from copenet.running import bring
from copenet.stages.common import encoder_of, messages_of, texts_of
from copenet.stages.effect import settings_of
from copenet.stages.label import groups_of
from copenet.study import Study
from gnn import label, load_embeddings, match_gold, read_gold, train_labeller
from graph import build_ties

QUICK: dict[str, Any] = {"placebos": False, "sensitivity": False, "refuter": False}
FIGURES = ("estimate", "se", "ci_low", "ci_high", "p_value", "n")
SOURCES = ("predicted", "planted")


def one(seed: int, null: bool) -> dict[str, Any]:
    """Simulate one world, run the study, estimate with both kinds of labels, and return the record of it."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        study = simulate(Path(folder) / "study", null=null, seed=seed, progress=SILENT)
        bring(study, ["embed"])
        predicted = labelled(study)
        planted = S7(null=null).simulate(seed).tables()[1]
        record: dict[str, Any] = {"seed": seed, "null": null, "truth": read_json(study.path / "truth.json")["truth"]}
        record["label_error"] = label_error(predicted, planted)
        for name, labels in zip(SOURCES, (predicted, planted), strict=True):
            record[name] = estimates(study, labels)
    return record | {"seconds": time.process_time() - start}


def labelled(study: Study) -> pa.Table:
    """Return what the label stage says of the outcome, without the cross-validation that only judges it."""
    texts = texts_of(study)
    ids, vectors = load_embeddings(texts, study.restricted / "embeddings", encoder=encoder_of(study))
    words = texts["text"].to_pylist()
    gold = match_gold(read_gold(study.file(study.settings.text.gold)), ids)[0]
    model = train_labeller(gold, ids, words, vectors, groups=groups_of(study, ids), seed=study.seed)
    table = label(model, ids, words, vectors)
    outcome = study.settings.effect.outcome
    table = table.filter(pc.equal(table["strategy"], outcome))
    shown = pc.cast(pc.greater_equal(table["probability"], model.thresholds[outcome]), pa.float64())
    return table.set_column(table.schema.get_field_index("probability"), "probability", shown)


def label_error(predicted: pa.Table, planted: pa.Table) -> dict[str, float]:
    """Return sensitivity and specificity over all messages, not over the gold sample alone."""
    truth = dict(zip(planted["message_id"].to_pylist(), planted["probability"].to_pylist(), strict=True))
    rows = zip(predicted["message_id"].to_pylist(), predicted["probability"].to_pylist(), strict=True)
    pairs = np.array([(truth[name], found) for name, found in rows if name in truth])
    shown = pairs[:, 0] == 1
    return {
        "sensitivity": float(pairs[shown, 1].mean()),
        "specificity": float(1 - pairs[~shown, 1].mean()),
        "prevalence": float(shown.mean()),
    }


def estimates(study: Study, labels: pa.Table) -> dict[str, Any]:
    """Return the estimates of the study with these labels, by role."""
    embeddings = load_embeddings(texts_of(study), study.restricted / "embeddings", encoder=encoder_of(study))
    settings = replace(settings_of(study), **QUICK)
    messages = messages_of(study)
    ties = build_ties(messages, window_days=study.settings.graph.window_days).ties
    found = estimate_study(messages, labels, embeddings, ties, settings).result
    rows = {("headline" if e.estimator == found.headline else e.estimator): e for e in found.estimates}
    return {role: {name: getattr(e, name) for name in FIGURES} for role, e in rows.items()} | {"refused": found.refused}


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, rejection and bias for both kinds of labels, and the error of the predicted ones."""
    answered = [r for r in records if not any(r[name]["refused"] for name in SOURCES)]
    by_world = {null: [r for r in answered if r["null"] is null] for null in (False, True)}
    errors = [r["label_error"] for r in records]
    return {
        "name": "s7_study",
        "ours": {name: _of(by_world, name) for name in SOURCES},
        "label_error": {key: _spread([e[key] for e in errors]) for key in errors[0]} if errors else {},
        "worlds": len(records),
        "refusals": len(records) - len(answered),
        "core_hours": sum(r["seconds"] for r in records) / 3600,
        "intervals": "99% Clopper-Pearson",
    }


def _of(by_world: dict[bool, list[dict[str, Any]]], name: str) -> dict[str, Any]:
    effect = [(r[name]["headline"], r["truth"]) for r in by_world[False]]
    nothing = [r[name] for r in by_world[True]]
    return {
        "coverage_headline": rate([e["ci_low"] <= truth <= e["ci_high"] for e, truth in effect]),
        "rejects_null_headline": rate([r["headline"]["p_value"] < 0.05 for r in nothing]),
        "rejects_null_naive": rate([r["naive"]["p_value"] < 0.05 for r in nothing]),
        "bias": _spread([e["estimate"] - truth for e, truth in effect]),
        "bias_null": _spread([r["headline"]["estimate"] for r in nothing]),
        "mean_se": float(np.mean([e["se"] for e, _ in effect])) if effect else None,
    }


def _spread(values: list[float]) -> dict[str, float | None]:
    """Return the mean, its standard error and the extremes."""
    if len(values) < 2:
        return {"mean": values[0] if values else None}
    found = np.asarray(values)
    error = float(found.std(ddof=1) / len(found) ** 0.5)
    return {
        "mean": float(found.mean()),
        "error_of_mean": error,
        "least": float(found.min()),
        "most": float(found.max()),
    }


def main() -> None:
    given = parser(__doc__, seeds=20, records=Path("build/s7_study.jsonl")).parse_args()
    one_thread_each()
    # Stages are loaded by name, so every module may matter.
    every = [
        path for package in ("causal", "copenet", "gnn", "graph", "ingest") for path in (ROOT / package).rglob("*.py")
    ]
    digest = digest_of({"design": S7().to_dict(), "quick": QUICK, "code": code(__file__, *every)})[:16]
    show(summary(finish(given.records, worlds(given.first, given.seeds), one, digest, given.processes)))


if __name__ == "__main__":
    main()
