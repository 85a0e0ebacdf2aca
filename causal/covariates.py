"""Covariates of a person and period, made from the prefix alone: history, position, peers, prior text, place and time.

Nothing here receives a message or tie of the period itself. What is estimated (principal components of text, weights
of the representation) is estimated once, on the burn-in before the first row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from causal.events import Bool, Calendar, Events, Float, Float32, Int, TieEvents
from copenet.foundation.errors import InputError
from copenet.foundation.seeds import integer_seed

if TYPE_CHECKING:
    from causal.panel import PanelSettings

MAX_FORUMS = 8
MAX_BLOCKS = 12
FORUM_BLOCKS = 3
PRIOR = 2.0  # pseudo-counts that shrink a person's rates to the overall rate of the prefix


class Representation(Protocol):
    """What turns prior features and prior ties into a representation; its weights are fixed."""

    def transform(self, features: Float32, adjacency: csr_array) -> NDArray[Any]:
        """Return n x dim numbers for n people."""
        ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """All that covariates of `period` may be made of: events and ties before it starts."""

    events: Events
    ties: TieEvents
    calendar: Calendar
    period: int
    lookback_periods: int
    risk_periods: int

    def peers(self, *, ago: int = 0) -> csr_array:
        """Return the n x n 0/1 matrix of the peers eligible at `period - ago`."""
        last = self.period - ago
        ties = self.ties.before(self.calendar.start(last)).since(self.calendar.start(last - self.lookback_periods))
        return pattern(ties.ego, ties.peer, len(self.events.people))


@dataclass(frozen=True, slots=True)
class Basis:
    """What was fitted on the burn-in, and the names that follow from it.

    Attributes:
        mean, components: Centre (d) and principal axes (d x q) of the text features.
        representation: The GraphSAGE weights, or None.
        without_representation: Why there is no representation though one was asked for; else empty.
        forums: Codes of the forums with a column each; the busiest is the reference.
        first, count: First period with rows and the number of them.
        names, groups: Of each covariate.
    """

    mean: Float
    components: Float
    representation: Representation | None
    forums: tuple[int, ...]
    first: int
    count: int
    names: tuple[str, ...]
    groups: tuple[str, ...]
    without_representation: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What each of the n people had done before the period (arrays of length n; text is n x q)."""

    messages: Float
    use_rate: Float
    log_uses: Float
    composite_rate: Float
    recent_use: Float
    used_last: Float
    used_before: Float
    active_rate: Float
    recent_active: Float
    posted_last: Float
    posted_before: Float
    recency: Float
    log_tenure: Float
    answers: Float
    text: Float


Block = tuple[str, str, NDArray[Any]]  # group, name, values


def pattern(rows: Int, columns: Int, n: int) -> csr_array:
    """Return the n x n 0/1 matrix with ones at the given places."""
    matrix = coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n)).tocsr()
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def fit_basis(prefix: Prefix, settings: PanelSettings) -> Basis:
    """Fit the text basis and the representation on the burn-in.

    Args:
        prefix: The prefix of the first period with rows.
        settings: Dimensions and seed.
    """
    mean, components = principal_axes(prefix.events.features, settings.text_dimensions)
    counts = np.bincount(prefix.events.forum, minlength=len(prefix.events.forums))
    busiest = np.argsort(-counts, kind="stable")[:MAX_FORUMS]
    bare = Basis(
        mean=mean,
        components=components,
        representation=None,
        forums=tuple(int(f) for f in busiest[1:] if counts[f]),
        first=prefix.period,
        count=max(1, prefix.calendar.count - 1 - prefix.period),
        names=(),
        groups=(),
    )
    scored = replace(prefix, events=score(prefix.events, bare))
    fitted = _with_representation(bare, scored, settings)
    blocks = _blocks(scored, np.unique(prefix.events.person), fitted)[0]
    names = tuple(name for _, name, _ in blocks)
    return _named(fitted, names, tuple(group for group, _, _ in blocks))


def principal_axes(features: Float32, dimensions: int) -> tuple[Float, Float]:
    """Return the centre (d) and the first principal axes (d x q) of m x d features; signs fixed, empty rows left out."""
    features = features[_said(features)]
    m, d = features.shape
    q = min(dimensions, d, max(m - 1, 0))
    if q == 0:
        return np.zeros(d), np.zeros((d, 0))
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / m)
    axes = vectors[:, ::-1][:, :q]
    largest = np.abs(axes).argmax(axis=0)
    return mean, axes * np.sign(axes[largest, np.arange(q)])


def score(events: Events, basis: Basis) -> Events:
    """Return the events with each message's text features (d) on the basis (q): a function of that message alone.

    A message without text is at the centre: that it was deleted later is no part of the past.
    """
    scores = ((events.features - basis.mean) @ basis.components).astype(np.float32)
    scores[~_said(events.features)] = 0.0
    return events.with_features(scores)


def _said(features: Float32) -> Bool:
    """Return which messages (m) have a text: the others' features (m x d) are zero."""
    return np.asarray(np.any(features != 0, axis=1), dtype=bool)


def covariates_at(prefix: Prefix, person: Int, basis: Basis) -> tuple[Float, Int]:
    """Return the covariates of the rows (r x p) and the forum each person had written in most (r).

    Args:
        prefix: Scored events and ties strictly before the period: nothing else is known here.
        person: Codes of the rows (r).
        basis: What was fitted on the burn-in.
    """
    blocks, forum = _blocks(prefix, person, basis)
    return np.column_stack([values for _, _, values in blocks]).astype(np.float64), forum


def _named(basis: Basis, names: tuple[str, ...], groups: tuple[str, ...]) -> Basis:
    return replace(basis, names=names, groups=groups)


def _with_representation(basis: Basis, prefix: Prefix, settings: PanelSettings) -> Basis:
    """Fit the GraphSAGE weights on the people known in the burn-in; say so where their ties are too few."""
    if not settings.representation_dimensions:
        return basis
    from gnn import SageRepresentation

    known = np.unique(prefix.events.person)
    try:
        fitted = SageRepresentation.fit(
            node_features(history_of(prefix))[known],
            prefix.peers()[known][:, known],
            dim=settings.representation_dimensions,
            seed=integer_seed(settings.seed, "panel", "representation"),
        )
    except InputError as error:
        return replace(basis, without_representation=error.message)
    return replace(basis, representation=fitted)


def _blocks(prefix: Prefix, person: Int, basis: Basis) -> tuple[list[Block], Int]:
    """Return every covariate as (group, name, values) and each row's main forum."""
    past = history_of(prefix)
    everyone = prefix.peers()
    forum = main_forum(prefix.events)
    blocks = _own(past, person)
    blocks += _position(everyone, person)
    blocks += _peers(prefix, past, everyone, person)
    blocks += _text(past, everyone, person)
    blocks += place_and_time(prefix, forum[person], basis)
    if basis.representation is not None:
        values = basis.representation.transform(node_features(past), everyone)[person]
        blocks += [("representation", f"representation_{k}", values[:, k]) for k in range(values.shape[1])]
    return blocks, forum[person]


def history_of(prefix: Prefix) -> History:
    """Return what everybody had done before the period."""
    events, t, k = prefix.events, prefix.period, prefix.risk_periods
    n = len(events.people)
    when = prefix.calendar.of(events.time)
    posted, used = (
        _by_period(events.person, when, t, n),
        _by_period(events.person[events.uses], when[events.uses], t, n),
    )
    messages = np.bincount(events.person, minlength=n).astype(float)
    uses = np.bincount(events.person[events.uses], minlength=n).astype(float)
    seen = posted.any(axis=1)
    first = np.where(seen, posted.argmax(axis=1), t)
    tenure = np.maximum(t - first, 0).astype(float)
    last = np.where(seen, t - posted[:, ::-1].argmax(axis=1) - 1, 0)
    periods_used, periods_active = used.sum(axis=1), posted.sum(axis=1)
    return History(
        messages=messages,
        use_rate=_shrunk(uses, messages),
        log_uses=np.log1p(uses),
        composite_rate=_shrunk(periods_used, tenure),
        recent_use=used[:, max(0, t - k) :].sum(axis=1) / k,
        used_last=_column(used, t - 1),
        used_before=_column(used, t - 2),
        active_rate=_shrunk(periods_active, tenure),
        recent_active=posted[:, max(0, t - k) :].sum(axis=1) / k,
        posted_last=_column(posted, t - 1),
        posted_before=_column(posted, t - 2),
        recency=np.where(seen, t - last, t).astype(float),
        log_tenure=np.log1p(tenure),
        answers=_answer_share(events, messages),
        text=mean_text(events),
    )


def _by_period(person: Int, when: Int, t: int, n: int) -> Bool:
    """Return whether each person occurs in each period before t (n x t)."""
    table = np.zeros((n, max(t, 1)), dtype=bool)
    table[person, when] = True
    return table


def _column(table: Bool, period: int) -> Float:
    return table[:, period].astype(float) if 0 <= period < table.shape[1] else np.zeros(len(table))


def _shrunk(hits: NDArray[Any], trials: NDArray[Any]) -> Float:
    """Return rates shrunk to the overall rate by PRIOR pseudo-trials."""
    total = trials.sum()
    overall = hits.sum() / total if total else 0.0
    return np.asarray(np.clip((hits + PRIOR * overall) / (trials + PRIOR), 0.0, 1.0), dtype=float)


def _answer_share(events: Events, messages: Float) -> Float:
    answers = np.bincount(events.person[events.parent_time < events.time], minlength=len(messages))
    return np.asarray(answers / np.maximum(messages, 1.0))


def mean_text(events: Events) -> Float:
    """Return each person's mean of prior text (n x q) from scored events, shrunk to the centre by one message."""
    person, features, n = events.person, events.features, len(events.people)
    if not features.shape[1]:
        return np.zeros((n, 0))
    sums = np.column_stack([np.bincount(person, weights=column, minlength=n) for column in features.T])
    return np.asarray(sums / (np.bincount(person, minlength=n) + 1.0)[:, None])


def node_features(past: History) -> Float32:
    """Return the inputs of the representation: prior behaviour and prior text (n x (6 + q))."""
    columns = (
        np.log1p(past.messages),
        past.use_rate,
        past.composite_rate,
        past.recent_use,
        past.active_rate,
        past.recent_active,
    )
    return np.column_stack([*columns, past.text]).astype(np.float32)


def main_forum(events: Events) -> Int:
    """Return the forum in which each person wrote most (the first in name order on ties); -1 for who wrote nothing."""
    n, forums = len(events.people), len(events.forums)
    counts = np.bincount(events.person * forums + events.forum, minlength=n * forums).reshape(n, forums)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1).astype(np.int64)


def _own(past: History, person: Int) -> list[Block]:
    history = ("use_rate", "log_uses", "composite_rate", "recent_use", "used_last", "used_before")
    activity = ("active_rate", "recent_active", "posted_last", "posted_before", "recency", "log_tenure", "answers")
    blocks: list[Block] = [("own_history", f"own_{name}", getattr(past, name)[person]) for name in history]
    blocks += [("activity", f"own_{name}", getattr(past, name)[person]) for name in activity]
    return [*blocks, ("activity", "own_log_messages", np.log1p(past.messages[person]))]


def _position(peers: csr_array, person: Int) -> list[Block]:
    """Return how many the person can see, how many can see the person, and the share that is mutual."""
    seeing = np.diff(peers.indptr).astype(float)
    seen = np.asarray(peers.sum(axis=0)).ravel()
    mutual = np.asarray(peers.multiply(peers.T).sum(axis=1)).ravel()
    return [
        ("position", "n_peers", seeing[person]),
        ("position", "log_n_peers", np.log1p(seeing[person])),
        ("position", "log_n_seen_by", np.log1p(seen[person])),
        ("position", "mutual_share", (mutual / np.maximum(seeing, 1.0))[person]),
    ]


def _peers(prefix: Prefix, past: History, everyone: csr_array, person: Int) -> list[Block]:
    """Return what the eligible peers had done before the period, and what the person had been exposed to."""
    rows = everyone[person]
    count = np.maximum(np.diff(rows.indptr).astype(float), 1.0)
    averaged = (
        "use_rate",
        "composite_rate",
        "recent_use",
        "used_last",
        "used_before",
        "active_rate",
        "recent_active",
        "posted_last",
    )
    blocks: list[Block] = [("peers", f"peers_{name}", rows @ getattr(past, name) / count) for name in averaged]
    for name in ("composite_rate", "recent_use"):
        chance = np.clip(getattr(past, name), 0.0, 0.98)
        blocks.append(("peers", f"peers_any_{name}", 1.0 - np.exp(rows @ np.log1p(-chance))))
    exposed_last = ((prefix.peers(ago=1) @ past.used_last) > 0).astype(float)
    blocks += [
        ("peers", "peers_any_used_last", ((rows @ past.used_last) > 0).astype(float)),
        ("peers", "peers_exposed_last", rows @ exposed_last / count),
        ("peers", "peers_degree", np.log1p(rows @ np.diff(everyone.indptr) / count)),
        ("past_exposure", "own_exposed_last", exposed_last[person]),
    ]
    return blocks


def _text(past: History, everyone: csr_array, person: Int) -> list[Block]:
    rows = everyone[person]
    count = np.maximum(np.diff(rows.indptr).astype(float), 1.0)
    theirs = (rows @ past.text) / count[:, None]
    columns = range(past.text.shape[1])
    blocks: list[Block] = [("text", f"own_text_{k}", past.text[person, k]) for k in columns]
    return blocks + [("peers_text", f"peers_text_{k}", theirs[:, k]) for k in columns]


def place_and_time(prefix: Prefix, forum: Int, basis: Basis) -> list[Block]:
    """Return forum, calendar and their interaction as indicators, and how the forum had fared just before.

    Who has no forum (-1) has no indicator, and the recent use of all forums together.
    """
    rows = len(forum)
    at = prefix.period - basis.first
    blocks: list[Block] = [("place_time", f"forum_{f}", (forum == f).astype(float)) for f in basis.forums]
    fine = _block(at, basis.count, MAX_BLOCKS)
    blocks += [
        ("place_time", f"time_{b}", np.full(rows, float(fine == b))) for b in _blocks_after_first(basis, MAX_BLOCKS)
    ]
    coarse = _block(at, basis.count, FORUM_BLOCKS)
    for b in _blocks_after_first(basis, FORUM_BLOCKS):
        blocks += [("place_time", f"forum_{f}_time_{b}", (forum == f) * float(coarse == b)) for f in basis.forums]
    return [*blocks, ("place_time", "forum_recent_use", _forum_recent(prefix)[forum])]


def _block(at: int, count: int, most: int) -> int:
    """Return into which of at most `most` equal blocks of the study period `at` falls."""
    return at * min(count, most) // count


def _blocks_after_first(basis: Basis, most: int) -> range:
    return range(1, min(basis.count, most))


def _forum_recent(prefix: Prefix) -> Float:
    """Return the share of messages that used the strategy in each forum during the period before; at last in all."""
    events = prefix.events
    last = events.between(prefix.calendar.start(prefix.period - 1), prefix.calendar.start(prefix.period))
    n = len(events.forums)
    using, all_of = (np.bincount(forum, minlength=n) for forum in (last.forum[last.uses], last.forum))
    return _shrunk(np.append(using, using.sum()), np.append(all_of, all_of.sum()))
