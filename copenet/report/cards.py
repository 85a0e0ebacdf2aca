"""Data, protection, network, labels and checks of a study as rows a page can print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from causal.names import CONDITIONAL
from copenet.report import words
from copenet.report.evidence import Evidence
from copenet.report.limits import limit_of


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure, and what it does to the estimate."""

    label: str
    value: str
    meaning: str


def data_facts(quality: Mapping[str, Any]) -> list[Fact]:
    """Return the figures of the data card that the quality report holds, with what it says they mean."""
    told = quality.get("means")
    means = {**_MEANS, **told} if isinstance(told, Mapping) else _MEANS
    rows = [
        _count(quality, "messages", "Messages", "Everything below is made of these."),
        _count(quality, "authors", "Authors", "People, declared bots apart. Few people make wide intervals."),
        _share("Replies whose parent is here", quality, ("replies_resolved", "replies"), means["replies_resolved"]),
        _count(quality, "parents_missing", "Parents missing", "Their authors may be peers nobody can see."),
        _share(
            "Replies here of those declared", _declared(quality), ("collected", "declared"), means["replies_declared"]
        ),
        _some(quality, "replies_to_a_person", "Answers that name only a person", means["replies_to_a_person"]),
        _count(quality, "days_without_messages_count", "Days without a message", means["days_without_messages"]),
        _share("Deleted or removed", quality, ("deleted", "messages"), means["deleted"]),
        _share("Without a known author", quality, ("authors_unknown", "messages"), means["authors_unknown"]),
        _count(quality, "duplicates", "Duplicates dropped", means["duplicates"]),
        _some(quality, "conflicts", "Ids of different messages", means["conflicts"]),
        _count(quality, "self_replies", "Replies to oneself", means["self_replies"]),
        _some(_clock(quality), "odd", "Dates out of order", means["clock"]),
        _count(quality, "bots_declared", "Declared bots", means["bots"]),
        _count(
            quality, "bots_suspected", "Suspected bots", "Kept. Were they bots, exposure to them is no peer effect."
        ),
        _count({"n": rejections(quality)}, "n", "Lines rejected", means["rejected"]) if "rejected" in quality else None,
    ]
    return [Fact(row.label, row.value, str(row.meaning)) for row in rows if row is not None]


_MEANS = {
    "replies_declared": "Replies that threads declare and nobody collected are contacts unseen.",
    "replies_to_a_person": "The tie is kept, dated by the answer alone.",
    "clock": "Undated messages, replies dated before their parents, and circles make no tie.",
    "replies_resolved": "A reply without its parent is a tie unseen; unseen exposure usually pulls an effect to zero.",
    "days_without_messages": "A gap may be silence or a failed download.",
    "deleted": "Coping in deleted messages is not counted, among peers and in the outcome.",
    "authors_unknown": "Messages without an author make no tie and no person.",
    "duplicates": "The same message in two files counts once.",
    "conflicts": "One of each stays. Their dumps count for themselves and do not belong in one study.",
    "self_replies": "Kept as messages; nobody is their own peer.",
    "bots": "Declared bots are no peers and no subjects.",
    "rejected": "Could not be read. Harmless when few and spread evenly; otherwise a gap.",
}


def _declared(quality: Mapping[str, Any]) -> Mapping[str, Any]:
    found = quality.get("replies_declared")
    return found if isinstance(found, Mapping) else {}


def _clock(quality: Mapping[str, Any]) -> Mapping[str, Any]:
    found = quality.get("clock")
    odd = [found.get(name, 0) for name in ("undated", "beyond_skew", "cycles")] if isinstance(found, Mapping) else []
    return {"odd": sum(odd)}


def platform_coverage(quality: Mapping[str, Any]) -> list[tuple[str, int, str, str, int]]:
    """Return for each platform its messages, first and last month, and how many months between have none."""
    months: dict[str, dict[str, int]] = {}
    for row in words.records(quality.get("by_month")):
        if words.is_number(row.get("messages")):
            months.setdefault(str(row.get("platform")), {})[str(row.get("month"))] = int(row["messages"])
    return [
        (platform, sum(found.values()), min(found), max(found), _span(min(found), max(found)) - len(found))
        for platform, found in sorted(months.items())
    ]


def _span(first: str, last: str) -> int:
    years, months = (int(last[:4]) - int(first[:4]), int(last[5:7]) - int(first[5:7]))
    return 12 * years + months + 1


def _some(quality: Mapping[str, Any], key: str, label: str, meaning: str) -> Fact | None:
    return _count(quality, key, label, meaning) if quality.get(key) else None


def _count(quality: Mapping[str, Any], key: str, label: str, meaning: str) -> Fact | None:
    value = quality.get(key)
    value = len(value) if isinstance(value, list) else value
    return Fact(label, words.number(value), meaning) if words.is_number(value) else None


def _share(label: str, quality: Mapping[str, Any], keys: tuple[str, str], meaning: str) -> Fact | None:
    part, whole = (quality.get(key) for key in keys)
    share = words.ratio(part, whole)
    if share is None:
        return None
    return Fact(label, f"{words.percent(share)} ({words.number(part)} of {words.number(whole)})", meaning)


def rejections(quality: Mapping[str, Any]) -> int:
    """Return how many lines were rejected."""
    known = len(words.listed(quality.get("rejected")))
    total = quality.get("rejected_count")
    return int(total) if isinstance(total, int) else known


def rejection_reasons(quality: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return why lines were rejected and how often, most frequent first; never which line says what."""
    reasons = Counter(str(row.get("reason", "unknown")) for row in words.records(quality.get("rejected")))
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))


def protections(evidence: Evidence) -> list[Fact]:
    """Return what protects the people in the data, as this study is set."""
    found = {**evidence.get("quality"), **evidence.get("protection")}
    keyed = words.number(found["people_keyed"]) if words.is_number(found.get("people_keyed")) else "all"
    replaced = found.get("handles_replaced", found.get("names_replaced"))
    inside = f"{words.number(replaced)} replaced" if words.is_number(replaced) else "replaced"
    server = evidence.setting("graph", "store") == "neo4j" and evidence.setting("graph", "store_text", False)
    return [
        Fact("Usernames", f"{keyed} keyed", "Pseudonyms made with a secret key; a new key changes every one of them."),
        Fact("Handles, profile links, e-mail", inside, "Inside the text, before anything else reads it."),
        *_searches(found),
        Fact("Message text", "sent to the server" if server else "stays on disk", _TEXT),
        Fact(
            "Quotes in this report", "none", "Examples are invented. Even reworded quotes can be traced (Reagle 2022)."
        ),
        Fact("Small groups", f"fewer than {evidence.suppress_below} hidden", "In figures and tables of people."),
        Fact("Marks for single people", "none", "Networks are drawn as communities, never as persons."),
        Fact("This file", "calls nobody", "No script, no network; its policy forbids both to the browser."),
    ]


def _searches(found: Mapping[str, Any]) -> list[Fact]:
    """Return what a search for people in the texts and in the results came to."""
    rows = []
    if words.is_number(found.get("texts_with_email")):
        rows.append(
            Fact("E-mail addresses left in texts", words.number(found["texts_with_email"]), "Looked for in every text.")
        )
    if isinstance(found.get("outputs_with_ids"), list):
        ids = words.number(len(found["outputs_with_ids"]))
        rows.append(
            Fact("Results that hold an id", ids, "Every file outside restricted/ was searched for ids of people.")
        )
    return rows


_TEXT = "Person-level data live in restricted/, readable by their owner alone; this report is made from totals."


_ROWS = {
    "panel": ("Person-periods compared", "At risk and with at least one eligible peer."),
    "replies": (
        "Answered posts compared",
        "Each with what others answered, all covariates from before the first answer.",
    ),
}
_LEFT_OUT = {
    "not_answered_in_time": "Posts nobody answered in time",
    "answered_by_unknown_people_only": "Posts only unknown people answered",
    "answered_before_written": "Posts answered before they were written",
    "outcome_window_open": "Posts too late for a whole outcome window",
}


def sample_facts(effects: Mapping[str, Any]) -> list[Fact]:
    """Return who is compared with whom, as far as the effects document says it."""
    detail = effects.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    weeks = words.number(detail.get("period_weeks"))
    left_out = detail.get("rows_left_out")
    left_out = left_out if isinstance(left_out, Mapping) else {}
    rows = [
        _count(detail, "rows", *_ROWS.get(str(detail.get("design")), _ROWS["panel"])),
        _count(detail, "people", "People among them", "Intervals rest on people and their ties, not on rows."),
        _count(detail, "periods", f"Periods of {weeks} weeks", "Ties and covariates come from before each of them."),
        *(_count(left_out, key, label, "No row.") for key, label in _LEFT_OUT.items()),
        _count(detail, "rows_without_peers", "Person-periods left out", "No eligible peer, so no exposure is defined."),
        _count(
            detail, "dropped_messages", "Outcome messages dropped", "Written in threads that supplied the exposure."
        ),
    ]
    if words.is_number(detail.get("exposure_mean")):
        rows.append(
            Fact("Mean exposure", words.number(detail["exposure_mean"], 2), "At an end of its range, little varies.")
        )
    if words.is_number(detail.get("outcome_share")):
        share = words.percent(detail["outcome_share"])
        rows.append(Fact("Outcome shown in", f"{share} of them", "Where it is rare, few people decide the estimate."))
    return [row for row in rows if row is not None]


def declaration(effects: Mapping[str, Any]) -> str:
    """Say whether the estimand was declared before its outcome was opened, and how many others there were before."""
    declared = effects.get("declared")
    if not isinstance(declared, Mapping) or not declared.get("at"):
        return ""
    when = words.day(declared["at"])
    if not declared.get("before_outcome"):
        return f"Declared on {when}, after the outcome had been opened: read this as exploratory."
    others = declared.get("others_before")
    before = (
        f"; {words.number(others)} other estimands were declared before it"
        if words.is_number(others) and others
        else ""
    )
    return f"Declared on {when}, before the outcome was opened{before}."


@dataclass(frozen=True, slots=True)
class Partition:
    """One way of cutting the network into communities."""

    method: str
    n: str
    largest: str
    hidden: int
    modularity: str
    codelength: str
    stability: str


_METHODS = {"leiden": "Leiden", "map_equation": "Map equation"}


def partitions(evidence: Evidence) -> list[Partition]:
    """Return the partitions that the graph document describes, in its order."""
    graph = evidence.get("graph")
    return [_partition(row, evidence.suppress_below) for row in words.records(graph.get("communities"))]


def _partition(row: Mapping[str, Any], least: int) -> Partition:
    sizes = [int(size) for size in words.listed(row.get("sizes")) if words.is_number(size)]
    shown = [size for size in sizes if size >= least]
    method, smaller = str(row.get("method", "leiden")), row.get("smaller")
    return Partition(
        method=_METHODS.get(method, words.plain(method)),
        n=words.number(row.get("n", len(sizes))),
        largest=" · ".join(words.number(size) for size in shown[:6]) + (" …" if len(shown) > 6 else ""),
        hidden=len(sizes) - len(shown) + (int(smaller) if words.is_number(smaller) else 0),
        modularity=words.number(row.get("modularity"), 3),
        codelength=words.number(row.get("codelength"), 2),
        stability=_agreement(row.get("agreement")),
    )


def _agreement(found: Any) -> str:
    if not isinstance(found, Mapping) or not words.is_number(found.get("mean")):
        return "–"
    lowest = f", lowest {words.number(found['lowest'], 2)}" if words.is_number(found.get("lowest")) else ""
    return f"{words.number(found['mean'], 2)} over {words.number(found.get('seeds'))} seeds{lowest}"


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """One strategy: what it means, an invented example, and how well it is labelled."""

    name: str
    definition: str
    example: str
    found: str
    figures: tuple[str, ...]
    reason: str


def strategy_rows(labels: Mapping[str, Any]) -> list[StrategyRow]:
    """Return the fourteen strategies with the error of the first model that was judged."""
    from gnn.strategies import STRATEGIES

    models = words.records(labels.get("models"))
    judged = {str(row.get("strategy")): row for row in words.records(models[0].get("per_strategy"))} if models else {}
    share = labels.get("prevalences")
    share = share if isinstance(share, Mapping) else {}
    rows = []
    for strategy in STRATEGIES:
        entry = judged.get(strategy.id, {})
        found = share.get(strategy.id)
        figures = tuple(words.number(entry.get(key), 2) for key in ("precision", "recall", "specificity", "f1"))
        rows.append(
            StrategyRow(
                name=strategy.name,
                definition=strategy.definition,
                example=strategy.prototypes[0],
                found=words.percent(found),
                figures=figures,
                reason=str(entry.get("reason") or ""),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check as it stands on the page."""

    name: str
    title: str
    mark: str
    word: str
    status: str
    detail: str
    can: str
    cannot: str
    plot: str
    formula: str


_PLOTS = {
    "rewired_graph": "placebos",
    "time_shuffle": "placebo",
    "unrelated_behaviour": "placebos",
    "past_outcome": "placebos",
    "hidden_confounder": "sensitivity",
    "identification": "causal_graph",
}
_ORDER = ("refused", "fail", "warn", "not_informative", "conditional", "pass")


def check_rows(effects: Mapping[str, Any]) -> list[CheckRow]:
    """Return the checks, refusals and failures first; a figure that several share stands with the first of them."""
    rank = {status: place for place, status in enumerate(_ORDER)}
    rows = [_check(row) for row in words.records(effects.get("checks"))]
    drawn: set[str] = set()
    shown = []
    for row in sorted(rows, key=lambda row: rank.get(row.status, len(rank))):
        shown.append(replace(row, plot="") if row.plot in drawn else row)
        drawn.add(row.plot)
    return shown


def _check(check: Mapping[str, Any]) -> CheckRow:
    name, status = str(check.get("name", "unnamed")), str(check.get("status", "not_informative"))
    status = "conditional" if status == "pass" and name in CONDITIONAL else status
    limit, (mark, word) = limit_of(name), words.status(status)
    figures = check.get("figures")
    return CheckRow(
        name=name,
        title=limit.title,
        mark=mark,
        word=word,
        status=status,
        detail=str(check.get("detail", "")),
        can=limit.can,
        cannot=limit.cannot,
        plot=_PLOTS.get(name, ""),
        formula=str(figures.get("estimand") or "") if isinstance(figures, Mapping) else "",
    )


def tally(rows: Sequence[CheckRow]) -> list[tuple[str, str, str, int]]:
    """Return how many checks there are of each status, as mark, word, status and count."""
    counts = Counter(row.status for row in rows)
    return [(*words.status(status), status, counts[status]) for status in _ORDER if counts[status]]


_LATER: tuple[tuple[tuple[str, ...], str], ...] = (
    (("double_negative",), "Double negative controls for latent homophily (Egami & Tchetgen Tchetgen 2024)."),
    (("label_error", "dsl", "label_correction"), "Label error is stated and not yet carried into the interval."),
    (("simex", "missing_tie"), "No correction for ties that the data do not hold."),
    (("calibration",), "The estimator was not calibrated on simulations over this very network."),
    (("mapping", "definition"), "Only the declared definition of exposure was estimated, no family of them."),
    (("effect_by_community",), "Whether communities differ was not asked."),
    (("time_shuffle",), "No shuffle of the order of time (Anagnostopoulos et al. 2008)."),
)


def not_done(evidence: Evidence) -> list[str]:
    """Return what this study has not done: stages that have not run, checks that could not speak, known gaps."""
    names = " ".join(str(c.get("name")) for c in words.records(evidence.get("effects").get("checks")))
    silent = [
        f"{row.title}: {row.word}. {row.detail}"
        for row in check_rows(evidence.get("effects"))
        if row.status in ("not_informative", "refused")
    ]
    stages = [
        f"The stage “{name}” has not run."
        for name in ("quality", "graph", "labels", "effects")
        if not evidence.get(name)
    ]
    return stages + silent + [text for keys, text in _LATER if not any(key in names for key in keys)]
