"""A network of people folded into a network of communities: the numbers behind the quotient figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute

from copenet.foundation.errors import InputError, UsageError
from graph.codelength import Floats, Integers

MAX_COMMUNITIES = 25
MAX_TIES_PER_NODE = 3
MIN_EXPECTED = 5.0
_IPF_ROUNDS = 2000
_IPF_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Quotient:
    """Communities as nodes; q of them, the pooled rest last when there is one.

    Attributes:
        names: q labels, the community's number or `rest`.
        people: q counts.
        share: q shares in [0, 1] of the members' messages that show the strategy; NaN without messages or without
            `share` given.
        replies: q x q, replies by members of row to members of column.
        n_people, n_ties, n_replies: Of those drawn, the rest among them; people left out do not count, because a
            total of everybody would tell how few they are.
        n_communities: Before pooling.
        pooled: Communities in `rest`.
        left_out: People of pooled communities that are not drawn because they are fewer than k together.
        k: The smallest community drawn by itself.
    """

    names: tuple[str, ...]
    people: Integers
    share: Floats
    replies: Integers
    n_people: int
    n_ties: int
    n_replies: int
    n_communities: int
    pooled: int
    left_out: int
    k: int


def strategy_counts(messages: pa.Table, labels: pa.Table, strategy: str) -> pa.Table:
    """Return per author how many labelled messages they wrote and how many show `strategy` (probability >= .5).

    Returns:
        author_id, messages, showing; sorted by author.

    Raises:
        UsageError: No label names this strategy.
    """
    chosen = labels.filter(pa.compute.equal(labels.column("strategy"), strategy))
    if not len(chosen):
        raise UsageError("No label names this strategy.", remedy="Label the texts first, or choose a known strategy.")
    mean = chosen.group_by("message_id", use_threads=False).aggregate([("probability", "mean")])
    shown = pa.table(
        {
            "message_id": mean.column("message_id"),
            "showing": pa.compute.greater_equal(mean.column("probability_mean"), 0.5).cast(pa.int64()),
        }
    )
    authors = messages.select(["message_id", "author_id"]).filter(messages.column("author_id").is_valid())
    joined = authors.join(shown, "message_id", join_type="inner", use_threads=False)
    counts = joined.group_by("author_id", use_threads=False).aggregate([("showing", "count"), ("showing", "sum")])
    return counts.rename_columns(["author_id", "messages", "showing"]).sort_by("author_id")


def quotient(
    user_ties: pa.Table,
    communities: pa.Table,
    share: pa.Table | None = None,
    *,
    k: int = 8,
    max_communities: int = MAX_COMMUNITIES,
) -> Quotient:
    """Fold people into communities of at least `k`, the largest `max_communities` of them, and pool the others.

    Args:
        user_ties: `graph.schema.USER_TIES`.
        communities: `graph.schema.COMMUNITIES` of one method.
        share: author_id, messages, showing (see `strategy_counts`), or None.
        k: Smallest group of people drawn; a pooled rest below it is left out and counted.
        max_communities: Communities drawn by themselves.

    Raises:
        UsageError: Communities of several methods at once.
        InputError: No community has `k` people.
    """
    if len(communities.column("method").unique()) > 1:
        raise UsageError("The figure shows one method's communities.", remedy="Filter the table by method.")
    people = communities.column("author_id").combine_chunks()
    number = communities.column("community").to_numpy()
    sizes = np.bincount(number)
    shown = np.flatnonzero(sizes >= k)[:max_communities]  # 0 is the largest
    if not len(shown):
        raise InputError(f"No community has {k} people or more.", remedy="Lower k only if disclosure rules allow it.")
    node_of, names, left_out = _nodes(sizes, shown, k)
    node = node_of[number]
    source, target = (_lookup(user_ties.column(name), people, node) for name in ("source_author", "target_author"))
    n = user_ties.column("n").to_numpy()
    drawn = (source >= 0) & (target >= 0)
    q = len(names)
    replies = np.bincount(source[drawn] * q + target[drawn], n[drawn], q * q).reshape(q, q).astype(np.int64)
    return Quotient(
        names=names,
        people=np.bincount(node[node >= 0], minlength=q),
        share=_shares(share, people, node, q, k),
        replies=replies,
        n_people=int((node >= 0).sum()),
        n_ties=int(drawn.sum()),
        n_replies=int(replies.sum()),
        n_communities=len(sizes),
        pooled=len(sizes) - len(shown),
        left_out=left_out,
        k=k,
    )


def backbone(weight: Floats, most: int = MAX_TIES_PER_NODE) -> list[tuple[int, int]]:
    """Return the pairs (i < j) of a symmetric q x q weight matrix that matter most, at most `most` per node.

    Pairs are taken in order of the disparity filter's p-value, the smaller of (1 - w_ij / s_i)^(d_i - 1) over both
    ends (Serrano, Boguna and Vespignani 2009, doi:10.1073/pnas.0808904106), heavier pairs first among equals.

    >>> backbone(np.array([[0, 9, 1], [9, 0, 1], [1, 1, 0]]), most=1)
    [(0, 1)]
    """
    weight = np.asarray(weight, dtype=float) * (1 - np.eye(len(weight)))
    strength, degree = weight.sum(1), (weight > 0).sum(1)
    i, j = np.nonzero(np.triu(weight))
    w = weight[i, j]
    p = np.minimum((1 - w / strength[i]) ** (degree[i] - 1), (1 - w / strength[j]) ** (degree[j] - 1))
    used = np.zeros(len(weight), dtype=int)
    kept = []
    for edge in np.lexsort((j, i, -w, p)):
        a, b = int(i[edge]), int(j[edge])
        if max(used[a], used[b]) < most:
            used[[a, b]] += 1
            kept.append((a, b))
    return sorted(kept)


def many_replies(replies: Integers, k: int) -> Integers:
    """Return `replies` with 0 for every pair and direction of fewer than `k`: what may be shown of each by itself.

    >>> many_replies(np.array([[9, 3], [8, 0]]), 8).tolist()
    [[9, 0], [8, 0]]
    """
    return np.asarray(np.where(replies >= k, replies, 0))


def observed_to_expected(folded: Quotient) -> Floats:
    """Return the q x q replies between communities relative to those expected.

    NaN on the diagonal, where fewer than `MIN_EXPECTED` are expected, and where fewer than k were observed: the ratio
    would tell how few, since the expected replies follow from the other cells.
    """
    expected = expected_between(folded.replies)
    known = (np.nan_to_num(expected) >= MIN_EXPECTED) & (folded.replies >= folded.k)
    return np.asarray(np.divide(folded.replies, expected, out=np.full(expected.shape, np.nan), where=known))


def expected_between(replies: Integers) -> Floats:
    """Return the q x q replies expected between communities from how active and how sought each is outside itself.

    Quasi-independence (Goodman 1968, doi:10.1080/01621459.1968.10480916): E_ij = a_i b_j off the diagonal with the
    observed row and column sums off the diagonal, fitted by iterative proportional fitting; the diagonal is NaN.
    """
    q = len(replies)
    outside = np.asarray(replies, dtype=float) * (1 - np.eye(q))
    expected = 1.0 - np.eye(q)
    for _ in range(_IPF_ROUNDS):
        before = expected
        expected = expected * _ratio(outside.sum(1), expected.sum(1))[:, None]
        expected = expected * _ratio(outside.sum(0), expected.sum(0))[None, :]
        if np.abs(expected - before).max(initial=0) <= _IPF_TOLERANCE * max(outside.sum(), 1):
            break
    np.fill_diagonal(expected, np.nan)
    return expected


def inside_share(replies: Integers, least: int = 1) -> Floats:
    """Return the share of each community's replies that stay inside it (q; NaN where it wrote fewer than `least`)."""
    wrote = replies.sum(1).astype(float)
    return _ratio(np.diag(replies).astype(float), np.where(wrote >= least, wrote, 0.0), empty=np.nan)


def _nodes(sizes: Integers, shown: Integers, k: int) -> tuple[Integers, tuple[str, ...], int]:
    """Return the node of each community (-1: not drawn), the nodes' names and the people left out."""
    node_of = np.full(len(sizes), -1, dtype=np.int64)
    node_of[shown] = np.arange(len(shown))
    names = tuple(str(number) for number in shown)
    rest = int(sizes.sum() - sizes[shown].sum())
    if rest < k:
        return node_of, names, rest
    node_of[node_of < 0] = len(shown)
    return node_of, (*names, "rest"), 0


def _lookup(ids: pa.ChunkedArray, people: pa.Array, node: Integers) -> Integers:
    position = pa.compute.fill_null(pa.compute.index_in(ids, value_set=people), len(people)).to_numpy()
    return np.asarray(np.append(node, -1)[position], dtype=np.int64)


def _shares(share: pa.Table | None, people: pa.Array, node: Integers, q: int, k: int) -> Floats:
    """Return the share of messages of each node that show the strategy; NaN where fewer than k people wrote any."""
    if share is None:
        return np.full(q, np.nan)
    share = share.filter(pa.compute.greater(share["messages"], 0))
    where = _lookup(share.column("author_id"), people, node)
    known = where >= 0
    enough = np.bincount(where[known], minlength=q) >= k
    messages, showing = (
        np.bincount(where[known], share.column(name).to_numpy()[known], q).astype(np.float64)
        for name in ("messages", "showing")
    )
    return _ratio(showing, np.where(enough, messages, 0.0), empty=np.nan)


def _ratio(numerator: Floats, denominator: Floats, empty: float = 0.0) -> Floats:
    result = np.full(len(numerator), empty)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
