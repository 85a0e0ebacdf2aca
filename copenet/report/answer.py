"""The answer in one paragraph: what was found, under which assumption, and what would overturn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from copenet.report import words
from copenet.report.evidence import Evidence

MAIN_ASSUMPTION = (
    "Once what people wrote, how they coped, whom they had met and where they were before the period are taken into "
    "account, nothing else makes them and their peers cope alike."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The first page.

    Attributes:
        state: effect, null, refused or missing.
        warning: What must be read before anything else; empty when nothing must.
        figure, interval: The headline number with its interval as large type; empty without one.
        unit: What the number counts.
        finding: The answer in words.
        assumption: Its main assumption.
        overturn: What would overturn it.
    """

    state: str
    warning: str
    figure: str
    interval: str
    unit: str
    finding: str
    assumption: str
    overturn: str


def answer(evidence: Evidence) -> Answer:
    """Return the first page for whatever there is to say."""
    effects = evidence.get("effects")
    if not effects:
        return _without(evidence)
    if effects.get("refused") or words.headline_of(effects) is None:
        return _refused(effects)
    return _estimated(evidence, effects)


def label_warning(evidence: Evidence) -> str:
    """Return the warning that belongs in the first paragraph when nobody checked the labels."""
    effects, labels = evidence.get("effects"), evidence.get("labels")
    if not effects and not labels:
        return ""
    validated = effects.get("labels_validated", labels.get("labels_validated", False))
    if validated:
        return ""
    return (
        "Labels not validated. No gold labels were given, so how often the coping labels are wrong is unknown. Every "
        "figure that rests on them is exploratory."
    )


def _without(evidence: Evidence) -> Answer:
    finding = (
        "Nothing has been estimated yet, so there is no answer. The sections below show what has been done so far "
        f"and name the next command; `copenet run {evidence.study}` does every missing stage."
    )
    return Answer("missing", label_warning(evidence), "", "", "", finding, "", "")


def _refused(effects: Mapping[str, Any]) -> Answer:
    reason = str(effects.get("refused") or _refusal(effects) or "the headline estimator gave no estimate").strip()
    finding = (
        f"The estimate was refused: {reason.rstrip('.')}. No number is given, because one would describe the model "
        "and not the people. The other estimates below are shown for comparison only and answer nothing."
    )
    overturn = (
        "Other data, a longer period, or an exposure that more people meet by chance may allow an answer; change the "
        "declared design before looking at the outcome, and say so."
    )
    warning = "" if effects.get("labels_validated") else "Labels not validated."
    return Answer("refused", warning, "", "", "", finding, "", overturn)


def _refusal(effects: Mapping[str, Any]) -> str:
    rows = words.estimates(effects)
    return next(
        (str(e["refused"]) for e in rows if e.get("estimator") == effects.get("headline") and e.get("refused")), ""
    )


def _estimated(evidence: Evidence, effects: Mapping[str, Any]) -> Answer:
    main = words.headline_of(effects) or {}
    found = words.excludes_zero(main)
    low, high = words.points(main.get("ci_low")), words.points(main.get("ci_high"))
    binary = is_contrast(evidence, effects)
    unit = "percentage points" if binary else "percentage points per unit of exposure"
    if effects.get("headline") == "shift":
        unit = "percentage points, were more of the peers to do so"
    assumptions = words.listed(effects.get("assumptions"))
    return Answer(
        state="effect" if found else "null",
        warning=label_warning(evidence),
        figure=words.points(main.get("estimate")),
        interval=f"95% interval {low} to {high}",
        unit=unit,
        finding=" ".join((_lead(evidence, effects, main, unit), _reading(main, found), _naive(effects, main))).strip(),
        assumption=str(assumptions[0]) if assumptions else MAIN_ASSUMPTION,
        overturn=_overturn(effects),
    )


def is_contrast(evidence: Evidence, effects: Mapping[str, Any]) -> bool:
    """Say whether the headline compares two groups (and is not a slope)."""
    kind = str(evidence.setting("effect", "exposure", ""))
    return kind in ("any_peer", "threshold", "closed_triad") if kind else effects.get("headline") == "aipw"


def _lead(evidence: Evidence, effects: Mapping[str, Any], main: Mapping[str, Any], unit: str) -> str:
    outcome = words.plain(effects.get("outcome", "the strategy"))
    exposure = words.EXPOSURES.get(
        str(evidence.setting("effect", "exposure", "")), words.plain(effects.get("exposure", ""))
    )
    peers = words.CHANNELS.get(evidence.channel, "their peers")
    rows, where = ("answered posts", " in other threads") if evidence.replies else ("person-periods", "")
    return (
        f"Over {words.number(main.get('n'))} {rows} we asked whether people come to use {outcome}{where} after their "
        f"peers ({peers}) did. Comparing {exposure}, among people alike in what was known before, the share who then "
        f"used it differed by {words.points(main.get('estimate'))} {unit} (95% interval "
        f"{words.points(main.get('ci_low'))} to {words.points(main.get('ci_high'))})."
    )


def _reading(main: Mapping[str, Any], found: bool) -> str:
    if found:
        direction = "more" if main["estimate"] > 0 else "less"
        return f"If the assumption below holds, this is how much {direction} of it seeing peers cope that way brings about."
    return (
        "The interval holds zero: these data are compatible with no peer influence, and with any effect inside the "
        "interval. That is not evidence of no effect."
    )


def _naive(effects: Mapping[str, Any], main: Mapping[str, Any]) -> str:
    naive = words.named(effects, "naive")
    if naive is None or effects.get("headline") == "naive":
        return ""
    gap = naive["estimate"] - main["estimate"]
    gone = (
        f"; {words.number(abs(gap) * 100, 1)} of that goes once people are compared with their like" if gap > 0 else ""
    )
    return f"The naive comparison gives {words.points(naive['estimate'])}{gone}."


def _overturn(effects: Mapping[str, Any]) -> str:
    """Name what would overturn the answer: a strong enough hidden cause, and every check that did not pass."""
    told = words.records(effects.get("checks"))
    hidden = next((str(c.get("detail", "")) for c in told if _is_sensitivity(c)), "")
    open_ = [str(c["name"]) for c in told if c.get("status") in ("fail", "warn") and "name" in c]
    parts = [hidden or "A trait nobody measured that both draws people together and makes them cope alike."]
    if open_:
        parts.append("Open points among the checks: " + ", ".join(map(words.plain, open_)) + ".")
    return " ".join(parts)


def _is_sensitivity(check: Mapping[str, Any]) -> bool:
    name = str(check.get("name", ""))
    return any(key in name for key in ("hidden_confounder", "sensitiv"))
