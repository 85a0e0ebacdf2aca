"""A methods paragraph that can be pasted into a paper, made from what was done, and the works it cites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from copenet.report import words
from copenet.report.evidence import Evidence
from copenet.report.references import cited


@dataclass(frozen=True, slots=True)
class Methods:
    """Paragraphs ready to paste and the references they use."""

    paragraphs: list[str]
    references: list[str]


def methods(evidence: Evidence) -> Methods:
    """Return the methods text; a stage that has not run is not described."""
    used: set[str] = set()
    parts = [_data(evidence, used), _labels(evidence, used), _network(evidence, used), *_effects(evidence, used)]
    return Methods([part for part in parts if part], cited(used))


def _data(evidence: Evidence, used: set[str]) -> str:
    quality = evidence.get("quality")
    if not quality:
        return ""
    used |= {"benton2017", "reagle2022"}
    platforms = ", ".join(map(str, words.listed(quality.get("platforms")) or ["online forums"])).title()
    text = (
        f"We analysed {words.number(quality.get('messages'))} messages by {words.number(quality.get('authors'))} authors "
        f"({platforms}; {words.day(quality.get('first_at'))} to {words.day(quality.get('last_at'))}). "
    )
    if "reddit" in platforms.lower() and evidence.truth is None:
        used |= {"baumgartner2020", "gaffney2018"}
        text += (
            "Messages came from Pushshift-style archives (Baumgartner et al., 2020), which are known to be incomplete "
            "(Gaffney & Matias, 2018). "
        )
    if evidence.truth is not None:
        text += "The messages are simulated: nobody in them is real. "
    resolved = words.ratio(quality.get("replies_resolved"), quality.get("replies"))
    if resolved is not None:
        text += f"For {words.percent(resolved)} of the replies the parent message was in the data. "
    return text + (
        "Usernames were replaced by keyed pseudonyms, and handles, links to profiles and e-mail addresses inside the "
        "text as well. Following ethical guidance for such data (Benton et al., 2017), no message is quoted, because "
        "quotes, even reworded ones, can be traced to their authors (Reagle, 2022)."
    )


def _labels(evidence: Evidence, used: set[str]) -> str:
    labels = evidence.get("labels")
    if not labels:
        return ""
    used |= {"carver1997"}
    text = "Messages were labelled for the fourteen strategies of the Brief COPE (Carver, 1997)"
    if str(evidence.setting("text", "encoder", "minilm")) == "minilm":
        used |= {"wang2020"}
        text += ", from sentence embeddings of a MiniLM transformer (Wang et al., 2020)"
    text += ". The labeller saw each message alone, never its thread. "
    models = words.records(labels.get("models"))
    if labels.get("labels_validated") and models:
        best = models[0]
        return text + (
            "Against gold labels, cross-validated by author or thread, its macro F1 was "
            f"{words.number(best.get('macro_f1'), 2)} (95% interval {words.number(best.get('ci_low'), 2)} to "
            f"{words.number(best.get('ci_high'), 2)}).{_rates(evidence, best)}"
        )
    return text + "The labels come from a starter codebook and were not validated against human judgement."


def _rates(evidence: Evidence, judged: Mapping[str, Any]) -> str:
    """Say how often the labels of the outcome are right; nothing where no gold label says so."""
    outcome = evidence.get("effects").get("outcome") or evidence.setting("effect", "outcome")
    rows = [row for row in words.records(judged.get("per_strategy")) if row.get("strategy") == outcome]
    rates = [(name, rows[0].get(name)) for name in ("sensitivity", "specificity")] if rows else []
    said = [f"a {name} of {words.number(rate, 2)}" for name, rate in rates if words.is_number(rate)]
    if not said:
        return f" How often labels of {words.plain(outcome)} are right could not be judged." if outcome else ""
    return f" Labels of {words.plain(outcome)} had {' and '.join(said)}; the intervals do not hold this error."


def _network(evidence: Evidence, used: set[str]) -> str:
    graph = evidence.get("graph")
    if not graph:
        return ""
    used |= {"traag2019", "rosvall2008"}
    return (
        f"Replies gave a directed network of {words.number(graph.get('users'))} people and "
        f"{words.number(graph.get('ties'))} ties. Communities were found with the Leiden algorithm (Traag et al., 2019) "
        "and, beside it, with the map equation (Rosvall & Bergstrom, 2008)."
    )


def _effects(evidence: Evidence, used: set[str]) -> list[str]:
    effects = evidence.get("effects")
    if not effects:
        return []
    if evidence.replies:
        return [_replies_design(evidence, effects), _estimation(effects, used), _limits(effects, used)]
    weeks, back = evidence.setting("effect", "period_weeks", 2), evidence.setting("effect", "lookback_weeks", 12)
    peers = words.CHANNELS.get(str(evidence.setting("effect", "channel")), "their peers")
    design = (
        f"The unit is a person in a period of {weeks} weeks. People enter a period if they had been active before it; "
        f"their peers are {peers} in the {back} weeks before it. The exposure is whether and how peers used "
        f"{words.plain(effects.get('outcome'))} in the period, the outcome whether the person posted and used it in the "
        "next (silent people count as not having used it). Covariates, text features and ties come strictly from "
        "before the period; outcome messages in threads that supplied the exposure were left out."
    )
    return [design, _estimation(effects, used), _limits(effects, used)]


def _replies_design(evidence: Evidence, effects: Mapping[str, Any]) -> str:
    hours, weeks = evidence.setting("effect", "reply_hours", 72), evidence.setting("effect", "period_weeks", 2)
    return (
        f"The unit is a post that others answered. The exposure is whether and how those who answered it directly within "
        f"{hours} hours used {words.plain(effects.get('outcome'))}, the outcome whether its author used it in other threads "
        f"in the {weeks} weeks after these hours (silent people count as not having used it). Covariates are the post "
        "itself, what its author had written and been answered before the first answer, and history, forum and time; "
        "outcome messages in the thread of the post were left out."
    )


_CROSS_FIT = "with cross-fitted nuisance functions (Chernozhukov et al., 2018)"


def _estimation(effects: Mapping[str, Any], used: set[str]) -> str:
    detail = effects.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    used |= {"chernozhukov2018"}
    if effects.get("headline") == "plm":
        used |= {"robinson1988"}
        how = f"a partially linear model (Robinson, 1988) {_CROSS_FIT}"
    elif effects.get("headline") == "shift":
        used |= {"diaz2023"}
        how = f"a modified treatment policy, one more exposing peer where there is one left (Díaz et al., 2023), {_CROSS_FIT}"
    else:
        used |= {"robins1994"}
        how = f"augmented inverse probability weighting (Robins et al., 1994) {_CROSS_FIT}"
    helper = _helper(effects, used)
    return (
        f"We estimated it by {how}, folds being cut along the network. {_adjustment(detail, used)}Scores were summed "
        f"within people; {_inference(detail, used)}. A naive difference and ordinary least squares on the same rows "
        f"stand beside it{helper}."
    )


def _helper(effects: Mapping[str, Any], used: set[str]) -> str:
    """Name the instrument where it was tried, refused or not."""
    if not any(e.get("estimator") == "helper_iv" for e in words.estimates(effects)):
        return ""
    used |= {"montielolea2013", "frandsen2023"}
    return (
        ", as does two-stage least squares with the leave-one-out propensity of the helpers around after the post as an "
        "instrument (an examiner design; Frandsen et al., 2023), its first stage judged by the effective F (Montiel Olea "
        "& Pflueger, 2013)"
    )


def _adjustment(detail: Mapping[str, Any], used: set[str]) -> str:
    groups = list(dict.fromkeys(words.plain(name) for name in words.listed(detail.get("covariate_groups"))))
    if not groups:
        return ""
    if "representation" in groups:
        used |= {"hamilton2017"}
        groups[groups.index("representation")] = (
            "a GraphSAGE representation of prior text and ties (Hamilton et al., 2017)"
        )
    return f"Adjustment was for {_listed(groups)}. "


def _inference(detail: Mapping[str, Any], used: set[str]) -> str:
    if detail.get("method") == "community_cluster":
        return "standard errors are clustered by community, because too many pairs of people are neighbours"
    used |= {"kojevnikov2021", "leung2022"}
    steps = (
        f" up to {words.number(detail['bandwidth'])} steps apart" if words.is_number(detail.get("bandwidth")) else ""
    )
    return f"standard errors allow for dependence between people{steps} in the network (Kojevnikov et al., 2021; Leung, 2022)"


def _limits(effects: Mapping[str, Any], used: set[str]) -> str:
    """Describe the checks that ran, and no others."""
    names = " ".join(str(c.get("name")) for c in words.records(effects.get("checks")))
    used |= {"shalizi2011"}
    done = []
    if "hidden_confounder" in names:
        used |= {"chernozhukov2022"}
        done.append("how strong an unmeasured common cause would have to be (Chernozhukov et al., 2022)")
    if "rewired" in names or "future" in names:
        done.append("placebo estimates")
    if "time_shuffle" in names:
        used |= {"anagnostopoulos2008"}
        done.append("a shuffle of the times of use (Anagnostopoulos et al., 2008)")
    if "past_outcome" in names:
        used |= {"lipsitch2010"}
        done.append("negative controls with their power (Lipsitch et al., 2010)")
    if "double_negative" in names:
        used |= {"egami2024"}
        done.append("double negative controls (Egami & Tchetgen Tchetgen, 2024)")
    if "identification" in names or "dowhy" in names:
        used |= {"sharma2020"}
        done.append("the assumed causal graph with its identified estimand (Sharma & Kiciman, 2020)")
    text = (
        "Homophily on unmeasured traits and influence are generically confounded in such data (Shalizi & Thomas, 2011)."
    )
    return f"{text} We therefore report {_listed(done)}." if done else text


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
