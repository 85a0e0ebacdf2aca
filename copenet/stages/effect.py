"""Messages, labels, vectors and ties to an effect with its checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from causal.names import CONDITIONAL
from copenet import journal
from copenet.foundation.errors import RefusedError
from copenet.foundation.progress import Progress
from copenet.ladder import ladder, signed
from copenet.pipeline import Level, Saying
from copenet.settings import EffectSection
from copenet.stages.common import (
    encoder_of,
    label_error,
    labels_validated,
    messages_of,
    result,
    save,
    shown_labels,
    texts_of,
    ties_of,
)
from copenet.stages.label import short
from copenet.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

    from causal.study_effect import EffectSettings


PLACEBOS = ("rewired_graph", "future_exposure", "time_shuffle", "unrelated_behaviour", "past_outcome")


@dataclass(frozen=True, slots=True)
class Computed:
    """An effect as a JSON document, with the tables it was computed from."""

    document: dict[str, Any]
    panel: pa.Table
    exposures: pa.Table


def run(study: Study, progress: Progress) -> Saying:
    """Estimate the declared effect."""
    computed = compute(study, progress)
    _write_tables(study, computed)
    save(study, "effects", computed.document)
    save(study, "checks", {"checks": computed.document["checks"]})
    return saying(computed.document)


def compute(study: Study, progress: Progress) -> Computed:
    """Estimate what the settings ask, after writing down that the outcome is opened.

    The document may leave the restricted folder: counts of fewer people than `report.suppress_below` are not in it.
    """
    from causal.disclosed import disclosed

    settings = settings_of(study)
    journal.append(study.journal, "outcome opened", outcome=settings.outcome)
    try:
        computed = _estimated(study, settings, progress)
    except RefusedError as error:
        computed = _refused(study, settings, error)
    document = disclosed(computed.document, study.settings.report.suppress_below)
    return replace(computed, document=document | {"declared": declared(study)})


def _estimated(study: Study, settings: EffectSettings, progress: Progress) -> Computed:
    from causal.study_effect import estimate_study
    from gnn import load_embeddings

    _require_labels(study, settings.outcome)
    embeddings = load_embeddings(texts_of(study), study.restricted / "embeddings", encoder=encoder_of(study))
    found = estimate_study(
        messages_of(study),
        _labels_shown(study, settings),
        embeddings,
        ties_of(study),
        settings,
        labels_validated=labels_validated(study, settings.outcome),
        label_error=label_error(study, settings.outcome),
        max_thread_people=study.settings.graph.max_thread_people,
        progress=progress,
    )
    return Computed(found.result.to_dict(), found.panel, found.exposures)


def _labels_shown(study: Study, settings: EffectSettings) -> pa.Table:
    """Return the labels of the outcome, and of the unrelated strategy where one is declared and labelled."""
    import pyarrow as pa

    labelled = result(study, "labels")["thresholds"]
    names = [name for name in (settings.outcome, settings.unrelated) if name in labelled]
    return pa.concat_tables(shown_labels(study, name) for name in names or [settings.outcome])


def _refused(study: Study, settings: EffectSettings, error: RefusedError) -> Computed:
    """Return a refusal that came before any row could be made, as a result like any other."""
    from causal.results import EffectResult, Estimate
    from causal.schema import EXPOSURES, PANEL
    from causal.study_effect import assumptions

    reason = f"{error.message} {error.remedy}".strip()
    nothing = [
        Estimate(name, "direct", None, None, None, None, None, 0, 0, converged=False, refused=error.message)
        for name in (settings.headline, "ols", "naive")
    ]
    found = EffectResult(
        outcome=settings.outcome,
        exposure=settings.mapping.definition,
        estimand=settings.mapping.formula,
        headline=settings.headline,
        estimates=tuple(nothing),
        checks=(),
        assumptions=assumptions(settings),
        labels_validated=labels_validated(study, settings.outcome),
        refused=reason,
    )
    return Computed(found.to_dict(), PANEL.empty_table(), EXPOSURES.empty_table())


def _require_labels(study: Study, outcome: str) -> None:
    """Refuse an outcome that no message could be labelled for because only others have gold labels."""
    document = result(study, "labels")
    if not document["models"] or outcome in document["thresholds"]:
        return
    why = document["not_trainable"].get(outcome, "none of them is about it")
    raise RefusedError(
        f"There are no usable gold labels for {outcome} ({why}), so no message has a label of it.",
        remedy=f"Label some messages for it, or choose one of {', '.join(sorted(document['thresholds']))}.",
    )


def settings_of(study: Study) -> EffectSettings:
    """Return the estimand and how it is estimated."""
    from causal.study_effect import EffectSettings

    seed = study.seed if study.effect_seed is None else study.effect_seed
    return EffectSettings(**study.settings.effect.model_dump(), seed=seed)


def declared(study: Study) -> dict[str, Any]:
    """Return when this estimand was declared, and how many others were before it."""
    mine, defaults = study.estimand(), EffectSection().model_dump(mode="json")
    every = journal.declarations(study.journal)
    # A declaration made before a setting existed is one of its default.
    places = [n for n, entry in enumerate(every) if {k: entry.get(k, defaults[k]) for k in mine} == mine]
    if not places:
        return {"at": None, "before_outcome": False, "others_before": len(every)}
    first = every[places[0]]
    return {"at": first["at"], "before_outcome": first["before_outcome"], "others_before": places[0]}


def _write_tables(study: Study, computed: Computed) -> None:
    from causal.schema import EXPOSURES, PANEL
    from copenet.foundation.tables import write_table

    folder = study.restricted / "panel"
    write_table(folder / "panel.parquet", computed.panel, PANEL)
    write_table(folder / "exposures.parquet", computed.exposures, EXPOSURES)


def saying(document: dict[str, Any], truth: float | None = None) -> Saying:
    """Return the effect as the lines of a run, with `truth` beside it in a simulation."""
    refused = [check for check in document["checks"] if check["status"] == "refused" and not _is_why(check, document)]
    notes = [*ladder(document, truth), *_checks(document["checks"])]
    notes += [f"{check['name'].replace('_', ' ')}: REFUSED, {_first_sentence(check['detail'])}" for check in refused]
    notes += [_labels(document)]
    notes += [f"REFUSED: {document['refused']}"] if document["refused"] else []
    line = question(document)
    figures = {"refused": len(refused) + bool(document["refused"])}
    return Saying(line, _level(document), tuple(notes), figures)


def _labels(document: dict[str, Any]) -> str:
    """Return how often the labels of the outcome are right, which the estimate takes them to be always."""
    if not document["labels_validated"]:
        return "labels not validated: read this as an exploration"
    error: dict[str, Any] = next((c["figures"] for c in document["checks"] if c["name"] == "label_error"), {})
    rates = [f"{name} {short(error[name])}" for name in ("sensitivity", "specificity") if error.get(name) is not None]
    name = document["outcome"].replace("_", " ")
    return f"labels of {name}: {' · '.join(rates)} on the gold sample; their error is not in the interval"


def _is_why(check: dict[str, Any], document: dict[str, Any]) -> bool:
    """Return whether a refused check is the reason why the headline is refused, which is said anyway."""
    return check["detail"].rstrip(".").lower() in (document["refused"] or "").lower()


def question(document: dict[str, Any]) -> str:
    """Return what was asked in a few words.

    >>> question({"outcome": "planning", "exposure": "any_peer(received_reply)", "detail": {"period_weeks": 2}})
    'any peer showed planning (received reply) → shows it within the next 2 weeks'
    """
    name, _, channel = document["exposure"].rstrip(")").partition("(")
    weeks = document["detail"].get("period_weeks")
    when = f"within the next {weeks} week{'s' if weeks != 1 else ''}" if weeks else "in the period after"
    who = _WHO.get(name.split(":")[0], name)
    what = document["outcome"].replace("_", " ")
    if channel == "replies":
        return f"{who.replace('peer', 'answerer')} of a post showed {what} → its author shows it elsewhere {when}"
    return f"{who} showed {what} ({channel.replace('_', ' ')}) → shows it {when}"


_WHO = {
    "any_peer": "any peer",
    "threshold": "a share of peers",
    "proportion": "more peers",
    "count": "each peer",
    "recency_weighted": "more peers of late",
    "similarity_weighted": "more peers alike",
    "closed_triad": "two peers who know one another",
    "isolated_peers": "each peer on their own",
    "structural_diversity": "each group of peers",
}


def _level(document: dict[str, Any]) -> Level:
    if document["refused"]:
        return "refused"
    worrying = [check for check in document["checks"] if check["status"] in ("warn", "fail")]
    # The error of validated labels is always said; it is no news.
    news = [c for c in worrying if c["name"] != "label_error" or not document["labels_validated"]]
    return "warn" if news else "ok"


def _checks(checks: list[dict[str, Any]]) -> list[str]:
    """Return the placebos by their number, and the names of the checks that ended like one another."""
    placebos = [c for c in checks if c["name"] in PLACEBOS]
    said = [_placebo(check) for check in placebos]
    rest = [c for c in checks if c["name"] not in PLACEBOS and c["status"] != "refused"]
    for status in ("fail", "warn", "not_informative", "pass", "only if"):
        names = [check["name"].replace("_", " ") for check in rest if _status(check) == status]
        said += [f"{status.replace('_', ' ')}: {', '.join(names)}"] if names else []
    return [" · ".join(said)] if said else []


def _status(check: dict[str, Any]) -> str:
    """Return the check's status; what passed only under an assumption did not pass."""
    conditional = check["status"] == "pass" and check["name"] in CONDITIONAL
    return "only if" if conditional else str(check["status"])


def _placebo(check: dict[str, Any]) -> str:
    estimate = check["figures"].get("estimate")
    number = f" {signed(estimate)}" if isinstance(estimate, int | float) else ""
    return f"{check['name'].replace('_', ' ')}{number} ({check['status'].replace('_', ' ')})"


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "; see `copenet effect explain`"
