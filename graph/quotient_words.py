"""The words that go with the community quotient figure, made from its numbers.

No count below k is said, and no total that would tell one: people who are left out are neither in a count nor in a
share, and neither are their communities.
"""

from __future__ import annotations

import numpy as np

from graph.quotient import MIN_EXPECTED, Quotient

NOT_VALIDATED = " (labels not validated)"


def found_by(method: str, seed: int | None = None, resolution: float | None = None) -> str:
    """Return how the communities were found; a resolution only where the method has one.

    >>> found_by("leiden", 7, 1.0)
    'Leiden, modularity, resolution 1, seed 7'
    >>> found_by("map_equation", 7, 1.0)
    'map equation, seed 7'
    """
    words = {"leiden": "Leiden, modularity", "map_equation": "map equation"}.get(method, method)
    if resolution is not None and method == "leiden":
        words += f", resolution {resolution:g}"
    return words if seed is None else f"{words}, seed {seed}"


def caption(
    folded: Quotient, drawn: int, method: str, strategy: str = "", window: str = "", *, validated: bool = False
) -> str:
    """Return the caption for the paper.

    Args:
        folded: What is drawn.
        drawn: Pairs of communities joined by arrows.
        method: How the communities were found (see `found_by`).
        strategy, window, validated: As in `quotient_figure`.
    """
    doubt = "" if validated else NOT_VALIDATED
    k = folded.k
    parts = [
        f"Replies between communities ({method}){f', {window}' if window else ''}.",
        f"a, {_drawn(folded)} who share {_count(folded.n_ties, k)} directed ties ({_count(folded.n_replies, k)} "
        "replies); communities are numbered by size.",
        "Area: people."
        + (f" Colour: share of their messages that show {_words(strategy)}{doubt}." if strategy else ""),
        f"Grey: fewer than {k} people wrote messages with a label."
        if strategy and np.isnan(folded.share).any()
        else "",
        f"Arrows: replies from replier to answered, widths linear in replies; shown are {drawn} pairs, at most three "
        f"per community, in directions of at least {k} replies, ranked by the disparity filter (Serrano et al. 2009); "
        "layout by stress majorisation, without chance; communities without an arrow stand in the column.",
        "b, Replies between two communities relative to those expected from how much each answers and is answered "
        "outside itself (quasi-independence), log scale; % inside, share of a community's replies that stay in it "
        f"(–, fewer than {k} replies); dots, fewer than {MIN_EXPECTED:.0f} expected or fewer than {k} observed.",
        _pooling(folded),
    ]
    return " ".join(part for part in parts if part)


def alt_text(folded: Quotient, strategy: str = "", *, validated: bool = False) -> str:
    """Return what the figure shows, for readers who do not see it."""
    doubt = "" if validated else NOT_VALIDATED
    text = (
        f"Network of {len(folded.names)} groups of people joined by replies, beside a matrix of the same groups. "
        f"The largest has {int(folded.people.max()):,} of {folded.n_people:,} people"
    )
    if folded.n_replies >= folded.k:
        inside = _percent(int(np.trace(folded.replies)), folded.n_replies)
        text += f"; {inside} of the replies drawn stay inside a group"
    known = folded.share[~np.isnan(folded.share)]
    if not len(known):
        return f"{text}."
    return f"{text}. Between {known.min():.1%} and {known.max():.1%} of messages show {_words(strategy)}{doubt}."


def _drawn(folded: Quotient) -> str:
    """Return which communities and people are drawn; of how many only where nobody is left out."""
    shown = len(folded.names) - ("rest" in folded.names)
    if folded.left_out:
        return f"{shown} {'communities' if shown > 1 else 'community'}, of {folded.n_people:,} people"
    own = sum(int(n) for n, name in zip(folded.people, folded.names, strict=True) if name != "rest")
    holding = f"holding {_percent(own, folded.n_people)} of {folded.n_people:,} people"
    return f"{shown} of {folded.n_communities} communities, {holding}"


def _pooling(folded: Quotient) -> str:
    """Return what became of the other communities; not how many they are where they are too few people to be drawn."""
    if not folded.pooled:
        return f"No community has fewer than {folded.k} people."
    if folded.left_out:
        return f"Communities of fewer than {folded.k} people (fewer than {folded.k} people in all) are left out."
    return (
        f"The other {folded.pooled} communities, among them all of fewer than {folded.k} people, are pooled as rest "
        "(dashed; its circle is never larger than the largest community's)."
    )


def _count(n: int, k: int) -> str:
    return f"{n:,}" if n >= k else f"fewer than {k}"


def _words(strategy: str) -> str:
    return strategy.replace("_", " ") or "the strategy"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "0%"
