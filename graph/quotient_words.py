"""The words that go with the community quotient figure, made from its numbers."""

from __future__ import annotations

import numpy as np

from graph.quotient import MIN_EXPECTED, Quotient

NOT_VALIDATED = " (labels not validated)"


def caption(
    folded: Quotient, drawn: int, method: str, strategy: str = "", window: str = "", *, validated: bool = True
) -> str:
    """Return the caption for the paper.

    Args:
        folded: What is drawn.
        drawn: Pairs of communities joined by arrows.
        method, strategy, window, validated: As in `quotient_figure`.
    """
    doubt = "" if validated else NOT_VALIDATED
    names = {"leiden": "Leiden (modularity)", "map_equation": "map equation"}
    shown = len(folded.names) - ("rest" in folded.names)
    parts = [
        f"Replies between communities ({names.get(method, method)}){f', {window}' if window else ''}.",
        f"a, {shown} of {folded.n_communities} communities, holding "
        f"{_percent(_shown_people(folded), folded.n_people)} of {_people(folded)} people who share "
        f"{folded.n_ties:,} directed ties ({folded.n_replies:,} replies); communities are numbered by size.",
        "Area: people."
        + (f" Colour: share of their messages that show {_words(strategy)}{doubt}." if strategy else ""),
        f"Arrows: replies from replier to answered, widths linear in replies; shown are {drawn} pairs, at most three "
        f"per community and of at least {folded.k} replies, ranked by the disparity filter (Serrano et al. 2009); "
        "layout by stress majorisation, without chance; communities without an arrow stand in the column.",
        "b, Replies between two communities relative to those expected from how much each answers and is answered "
        "outside itself (quasi-independence), log scale; % inside, share of a community's replies that stay in it; "
        f"dots, fewer than {MIN_EXPECTED:.0f} expected.",
        _pooling(folded),
    ]
    return " ".join(part for part in parts if part)


def _pooling(folded: Quotient) -> str:
    if not folded.pooled:
        return f"No community has fewer than {folded.k} people."
    where = (
        "are pooled as rest (dashed; its circle is never larger than the largest community's)"
        if "rest" in folded.names
        else f"(fewer than {folded.k} people in all) are left out"
    )
    return f"The other {folded.pooled} communities, among them all of fewer than {folded.k} people, {where}."


def alt_text(folded: Quotient, strategy: str = "", *, validated: bool = True) -> str:
    """Return what the figure shows, for readers who do not see it."""
    doubt = "" if validated else NOT_VALIDATED
    inside = np.trace(folded.replies)
    text = (
        f"Network of {len(folded.names)} groups of people joined by replies, beside a matrix of the same groups. "
        f"The largest has {int(folded.people.max()):,} of {_people(folded)} people; "
        f"{_percent(int(inside), int(folded.replies.sum()))} of the replies drawn stay inside a group."
    )
    known = folded.share[~np.isnan(folded.share)]
    if not len(known):
        return text
    return f"{text} Between {known.min():.1%} and {known.max():.1%} of messages show {_words(strategy)}{doubt}."


def _people(folded: Quotient) -> str:
    """Return how many people there are; rounded where the exact number would tell how few were left out."""
    return f"about {round(folded.n_people, -1):,}" if folded.left_out else f"{folded.n_people:,}"


def _words(strategy: str) -> str:
    return strategy.replace("_", " ") or "the strategy"


def _shown_people(folded: Quotient) -> int:
    return int(sum(n for n, name in zip(folded.people, folded.names, strict=True) if name != "rest"))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "0%"
