"""Negative controls of the replies design: answers of an unrelated kind, and what authors did before strangers answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from causal.covariates import covariates_at, score
from causal.estimators import EstimationSettings, Sample
from causal.events import Events, Float, Int, TieEvents
from causal.exposure import Mapping
from causal.negative_controls import MIN_ROWS, PAST, Headline, estimated, judged
from causal.new_peers import Columns, first_contact, uses_by_period
from causal.panel import prefix_at
from causal.reply_design import ReplyDesign, Tally, exposure_of, in_time
from causal.results import Check

POST = ("post_text", "post_label", "post_time", "place_time", "since", "since_text")
STRANGERS = replace(
    PAST,
    what="What strangers answer to a post has to do with what its author did in the period before",
    fired="Far from zero means shared causes that the post and the author's past do not show.",
    silent="Near zero speaks for causes that last as long, and for answers of strangers.",
)


def unrelated_answers(design: ReplyDesign, events: Events, mapping: Mapping) -> tuple[Float, Columns]:
    """Return the exposure to answers that use another strategy, and the author's and the post's own use of it (r each).

    Args:
        design: The posts.
        events: Its events, `uses` those of the other strategy.
        mapping: How answers make an exposure.
    """
    posts = design.posts
    n_peers, exposing = exposure_of(events, design.answers, design.windows, posts)
    said = Tally(events.person, events.time, np.column_stack([events.uses, np.ones(len(events))]))
    uses, messages = said.before(posts.person, posts.first).T
    earlier = np.searchsorted(events.time, posts.first, side="left")  # of everybody
    overall = np.append(0.0, np.cumsum(events.uses))[earlier] / np.maximum(earlier, 1)
    history = {
        "unrelated_own_rate": (uses + 2 * overall) / (messages + 2),
        "unrelated_post": events.uses[posts.event].astype(float),
    }
    return mapping.of_counts(exposing.astype(float), n_peers), history


@dataclass(frozen=True, slots=True)
class Strangers:
    """Posts answered by people who had no tie with the author before: their place (r), how many and how many using (r)."""

    row: Int
    n_peers: Int
    exposing: Int


def strangers(design: ReplyDesign, events: Events, ties: pa.Table) -> Strangers:
    """Return the posts that strangers answered in time.

    Who had any tie with the author, either way, up to and with the period before the post is no stranger.

    Args:
        design: The posts.
        events: Its events.
        ties: The table of ties, all channels.
    """
    n, posts = len(events.people), design.posts
    code, first = first_contact(ties, events, design.calendar)
    child = in_time(events, design.answers, design.windows)
    place = np.full(len(events), -1, dtype=np.int64)
    place[posts.event] = np.arange(len(posts))
    row = place[design.answers.parent[child]]
    child, row = child[row >= 0], row[row >= 0]
    helper, author = events.person[child], posts.person[row]
    pair = np.minimum(helper, author) * n + np.maximum(helper, author)
    at = np.minimum(np.searchsorted(code, pair), max(len(code) - 1, 0))
    known = (code[at] == pair) & (first[at] < posts.period[row]) if len(code) else np.zeros(len(row), dtype=bool)
    pairs = np.column_stack([row, helper])
    met, using = pairs[~known], pairs[~known & events.uses[child]]
    counts = [np.bincount(np.unique(p, axis=0)[:, 0], minlength=len(posts)) for p in (met, using)]
    rows = np.flatnonzero(counts[0] > 0)
    return Strangers(rows, counts[0][rows], counts[1][rows])


def past_outcome(
    design: ReplyDesign,
    data: tuple[Events, TieEvents, pa.Table],
    sample: Sample,
    mapping: Mapping,
    headline: Headline,
    settings: EstimationSettings,
) -> Check:
    """Estimate the "effect" of what strangers answered on what the author did in the period before the post.

    Given the author's covariates at the start of that period, the post, and what was said since the post's period began.

    Args:
        design: The posts.
        data: Its events, its ties, and the table of ties of all channels.
        sample: The rows of the headline.
        mapping: How answers make an exposure.
        headline: What would have to be explained away.
        settings: How to estimate.
    """
    events, ties, table = data
    met, first = strangers(design, events, table), int(design.posts.period.min())
    kept = design.posts.period[met.row] > first
    row = met.row[kept]
    if len(row) < MIN_ROWS:
        said = f"Cannot be checked: {len(row)} posts were answered by strangers, {MIN_ROWS} are needed."
        return Check(STRANGERS.name, "not_informative", said, {"n": len(row)})
    past = _past(design, (score(events, design.basis), ties), row)
    now = np.flatnonzero([g in POST for g in design.groups])
    names = (*(f"then_{name}" for name in design.basis.names), *(design.names[k] for k in now))
    used = uses_by_period(events, design.calendar).used
    other = replace(
        sample,
        y=used[design.posts.person[row], design.posts.period[row] - 1].astype(float),
        e=mapping.of_counts(met.exposing[kept].astype(float), met.n_peers[kept]),
        X=np.column_stack([past, design.covariates[row][:, now], np.log(met.n_peers[kept])]),
        covariate_names=(*names, "log_strangers"),
        person=sample.person[row],
        period=sample.period[row],
        n_peers=met.n_peers[kept],
        binary=False,
        groups=(*("own" for _ in design.basis.names), *("post" for _ in now), "post"),
    )
    return judged(STRANGERS, *estimated(other, settings), headline)


def _past(design: ReplyDesign, data: tuple[Events, TieEvents], row: Int) -> Float:
    """Return the authors' covariates at the start of the period before their post (r x p)."""
    events, ties = data
    values = np.empty((len(row), len(design.basis.names)))
    person, period = design.posts.person[row], design.posts.period[row]
    for t in np.unique(period).tolist():
        here = period == t
        prefix = prefix_at(events, ties, design.calendar, t - 1, design.settings)
        values[here] = covariates_at(prefix, person[here], design.basis)[0]
    return values
