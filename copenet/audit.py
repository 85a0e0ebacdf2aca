"""Which checks were done on a study, what they found, and which nobody has done yet."""

from __future__ import annotations

from typing import Any

from copenet.pipeline import Pipeline
from copenet.stages.common import result
from copenet.study import Study

NOT_DONE = "not_done"
OUT_OF_DATE = "results of the study as it is now"
INSTRUMENT = "helper-availability instrument"
EVENTS, CURVE = "event study and adoption hazard", "dose-response curve"
# What causal.md of a careful reader would still ask for, and how to come nearer to it with this version.
LATER = {
    "label error carried into the interval": "this version says the labeller's error aloud and does not carry it",
    "design calibration on this network": "not in this version; the placebos are what there is",
    "power on this network": "not in this version; read the width of the interval",
    "double negative controls": "not in this version",
    "missing-tie curve": "not in this version; see `quality` for the share of parents found",
    EVENTS: "only in the panel with effect.placebos, where the estimate is not refused",
    CURVE: "only of an exposure that is not binary: try --exposure proportion and --exposure count beside the headline",
    INSTRUMENT: "only in the design of replies: set effect.design = replies",
    "bots and deleted messages in and out": "add names to ingest.bots and run again to see one side of it",
}


def audit(study: Study) -> list[dict[str, str]]:
    """Return every check: name, status (pass, warn, fail, not_informative, refused, not_done) and detail."""
    return [*_freshness(study), *_data(study), *_labels(study), *_network(study), *_effect(study), *_later(study)]


def _entry(name: str, status: str, detail: str) -> dict[str, str]:
    return {"name": name, "status": status, "detail": detail}


def _freshness(study: Study) -> list[dict[str, str]]:
    """Say first when what follows is not of the study as it is now: settings, dumps, or people were changed since."""
    old = Pipeline(study).out_of_date()
    return [_entry(OUT_OF_DATE, "warn", f"run: copenet run {study.path} ({', '.join(old)})")] if old else []


def _data(study: Study) -> list[dict[str, str]]:
    quality, protection = result(study, "quality"), result(study, "protection")
    if not quality:
        return [_entry("coverage", NOT_DONE, f"copenet quality {study.path}")]
    share = quality["replies_resolved"] / quality["replies"] if quality["replies"] else 1.0
    found = [_entry("coverage", "pass" if share >= 0.9 else "warn", f"{share:.1%} of replies have their parent")]
    if protection:
        leaks = len(protection["outputs_with_ids"])
        found.append(_entry("protection", "fail" if leaks else "pass", f"{leaks} outputs hold ids of people"))
    return found


def _labels(study: Study) -> list[dict[str, str]]:
    labels = result(study, "labels")
    if not labels:
        return [_entry("labels against people's judgement", NOT_DONE, f"copenet text label {study.path}")]
    if not labels["labels_validated"]:
        return [_entry("labels against people's judgement", NOT_DONE, "set text.gold: labels are not validated")]
    model = labels["models"][0]
    status = "pass" if model["ci_low"] >= 0.8 else "warn"
    return [_entry("labels against people's judgement", status, f"macro F1 {model['macro_f1']:.2f}")]


def _network(study: Study) -> list[dict[str, str]]:
    found = result(study, "graph")
    if not found:
        return [_entry("stability of communities", NOT_DONE, f"copenet graph communities {study.path}")]
    agreement = found["communities"][0]["agreement"]["mean"]
    status = "pass" if agreement >= 0.8 else "warn"
    return [_entry("stability of communities", status, f"agreement over seeds {agreement:.2f}")]


def _effect(study: Study) -> list[dict[str, str]]:
    effects = result(study, "effects")
    if not effects:
        return [_entry("checks of the estimate", NOT_DONE, f"copenet effect estimate {study.path}")]
    declared = effects["declared"]
    before = "pass" if declared["before_outcome"] else "warn"
    others = f"{declared['others_before']} other estimands were declared before"
    first = _entry("estimand declared before the outcome was opened", before, others)
    return [first, *(_entry(c["name"], c["status"], c["detail"]) for c in effects["checks"])]


def _later(study: Study) -> list[dict[str, str]]:
    detail = result(study, "effects").get("detail", {})
    drawn = {EVENTS: "adoption", CURVE: "exposure_curve"}
    done = {name for name, key in drawn.items() if key in detail}
    done |= {INSTRUMENT} if study.settings.effect.design == "replies" else set()
    return [_entry(name, NOT_DONE, detail) for name, detail in LATER.items() if name not in done]


def not_done(checks: list[dict[str, Any]]) -> list[str]:
    """Return the names of the checks nobody has done."""
    return [check["name"] for check in checks if check["status"] == NOT_DONE]
