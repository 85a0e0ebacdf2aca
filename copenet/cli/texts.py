"""Commands about embeddings and labels."""

from __future__ import annotations

from typing import Any

import typer

from copenet.cli.options import AsJson, Assignments, Force, Seed, StudyPath, open_study, warn_of_overrides
from copenet.cli.output import command, emit, note, progress, say, table


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for function in (embed, train, label, evaluate):
        group.command()(function)


@command
def embed(study: StudyPath, force: Force = False, as_json: AsJson = False) -> None:
    """Turn every message into a vector, offline, each text once.

    Example: copenet text embed demo
    """
    from copenet.running import bring

    said = bring(open_study(study), ["embed"], progress(as_json), force)["embed"]
    if as_json:
        emit(said.figures)
    else:
        say(said.line)


@command
def train(
    study: StudyPath, seed: Seed = None, assignments: Assignments = None, force: Force = False, as_json: AsJson = False
) -> None:
    """Train the labeller on the study's gold labels and label every message.

    Example: copenet text train demo
    """
    from copenet.foundation.errors import UsageError

    opened = open_study(study, assignments, seed)
    if not opened.settings.text.gold:
        raise UsageError(
            "The study has no gold labels to train on.",
            remedy="Set text.gold in study.toml to a CSV of message_id, strategy, label; "
            f"or use the codebook: copenet text label {study}",
        )
    _labelled(opened, force, as_json)


@command
def label(
    study: StudyPath, seed: Seed = None, assignments: Assignments = None, force: Force = False, as_json: AsJson = False
) -> None:
    """Label every message: by the trained labeller, or by the codebook where there are no gold labels.

    Example: copenet text label demo --json
    """
    _labelled(open_study(study, assignments, seed), force, as_json)


@command
def evaluate(study: StudyPath, seed: Seed = None, assignments: Assignments = None, as_json: AsJson = False) -> None:
    """Show how well the labeller does on people it never saw.

    Example: copenet text evaluate demo --json
    """
    from copenet.running import bring
    from copenet.stages.common import result

    opened = open_study(study, assignments, seed)
    warn_of_overrides(opened)
    bring(opened, ["label"], progress(as_json))
    document = result(opened, "labels")
    if as_json:
        emit({key: document[key] for key in ("models", "labels_validated", "note")})
        return
    for model in document["models"]:
        say(f"{model['model']}: macro F1 {model['macro_f1']:.3f} [{model['ci_low']:.3f}, {model['ci_high']:.3f}]")
        rows = [[entry.get(key) for key in _COLUMNS] for entry in model["per_strategy"]]
        table(_COLUMNS, rows)
    if not document["labels_validated"]:
        note(document["note"])


_COLUMNS = ("strategy", "positives", "negatives", "sensitivity", "specificity", "f1", "ece")


def _labelled(study: Any, force: bool, as_json: bool) -> None:
    from copenet.running import bring
    from copenet.stages.common import result

    warn_of_overrides(study)
    said = bring(study, ["label"], progress(as_json), force)["label"]
    document = result(study, "labels")
    if as_json:
        emit(document)
        return
    say(said.line)
    rows = sorted(document["prevalences"].items(), key=lambda item: -item[1])
    table(["strategy", "share of messages"], rows)
    if not document["labels_validated"]:
        note(document["note"])
