"""Audits that catch rows of `reply_design` which know what they must not.

* **Truncation.** Covariates of sampled posts are built again from tables cut physically at the first answer to the post,
  ties included. Text written after it, ties or a text basis of the future make a difference. Posts whose author wrote
  again soon after the first answer are sampled first: they are those that such a leak would change.
* **Order.** Exposures and outcomes are counted again, one post after another, from the messages of their windows alone;
  an outcome in the post's own thread, or one that overlaps the answers, is counted otherwise.
* **Clock.** Answers older than what they answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from causal.covariates import fit_basis, score
from causal.events import Events, Float, Inputs, Int, events_from, tie_events
from causal.leaks import TOLERANCE, clock_audit, combined, difference
from causal.panel import first_period, prefix_at
from causal.reply_design import ReplyDesign, answers_of, covariates_of, posts_at
from causal.results import Check
from graph.ties import build_ties

CHANNEL = "received_reply"
SAMPLED_POSTS = 6
COUNTED_POSTS = 2_000
Builder = Callable[[Inputs, str, int], Float]
"""From cut tables, the id of a post and the moment of the cut to the post's covariates (1 x p)."""


def reply_builder(design: ReplyDesign) -> Builder:
    """Return the function that builds the covariates of one post from tables, as the design does."""
    calendar, settings = design.calendar, design.settings

    def build(inputs: Inputs, post: str, cut: int) -> Float:
        events = events_from(inputs.messages, inputs.used, inputs.features)
        found = build_ties(inputs.messages, window_days=7 * calendar.weeks).ties
        ties = tie_events(found, CHANNEL, events, calendar)
        first = first_period(events, calendar, settings)
        basis = fit_basis(prefix_at(events, ties, calendar, first, settings), settings)
        answers = answers_of(inputs.messages, events)
        row = inputs.messages["message_id"].to_pylist().index(post)
        posts = posts_at(events, answers, calendar, np.flatnonzero(events.message == row))
        posts = replace(posts, first=np.full(len(posts), cut, dtype=np.int64))
        return covariates_of((score(events, basis), ties), answers, calendar, posts, (basis, settings))[0]

    return build


def sampled_posts(design: ReplyDesign, events: Events) -> Int:
    """Return rows spread over the study, those first whose author wrote again before the outcome window closed."""
    posts = design.posts
    ends = posts.time + design.windows.reply + design.windows.outcome
    order = np.lexsort((events.time, events.person))
    keys = list(zip(events.person[order].tolist(), events.time[order].tolist(), strict=True))
    again = np.asarray([_any_between(keys, p, a, b) for p, a, b in zip(posts.person, posts.first, ends, strict=True)])
    chosen = np.flatnonzero(again) if again.any() else np.arange(len(posts))
    return np.asarray(chosen[np.unique(np.linspace(0, len(chosen) - 1, SAMPLED_POSTS).astype(int))], dtype=np.int64)


def _any_between(keys: list[tuple[int, int]], person: int, start: int, end: int) -> bool:
    return bisect_left(keys, (person, start)) < bisect_left(keys, (person, end))


def truncation_audit(design: ReplyDesign, inputs: Inputs, events: Events, build: Builder) -> Check:
    """Compare the covariates of sampled posts with those built from tables that end at the first answer."""
    rows = sampled_posts(design, events)
    worst, columns, posts = 0.0, set[str](), 0
    for row in rows.tolist():
        post = inputs.messages["message_id"][int(events.message[design.posts.event[row]])].as_py()
        cut = int(design.posts.first[row])
        again = build(inputs.before(cut), post, cut)
        if again.shape != (1, design.covariates.shape[1]):
            posts += 1
            continue
        gap = difference(design.covariates[row], again[0])
        worst = max(worst, float(gap.max(initial=0.0)))
        columns |= {design.names[k] for k in np.flatnonzero(gap > TOLERANCE)}
        posts += int(np.any(gap > TOLERANCE))
    return Check(
        "leaks_truncation",
        "fail" if posts else "pass",
        f"{len(columns)} covariates of {posts} posts change when nothing from the first answer or after exists."
        if posts
        else f"Covariates of {len(rows)} posts are the same when built from tables cut at the first answer.",
        {"rows": posts, "largest_difference": worst, "covariates": sorted(columns), "sampled": len(rows)},
    )


def order_audit(design: ReplyDesign, events: Events) -> Check:
    """Count exposures and outcomes again, post by post, from the messages of their windows alone."""
    rows = np.unique(np.linspace(0, len(design.posts) - 1, min(len(design.posts), COUNTED_POSTS)).astype(int))
    by_parent = _places(design.answers.parent, design.posts.event[rows])
    by_person = _places(events.person, np.unique(design.posts.person[rows]))
    exposures = outcomes = 0
    for row in rows.tolist():
        posts, windows = design.posts, design.windows
        closes = int(posts.time[row]) + windows.reply
        answers = by_parent[int(posts.event[row])]
        answers = answers[(events.time[answers] >= posts.time[row]) & (events.time[answers] <= closes)]
        using = set(events.person[answers[events.uses[answers]]].tolist())
        counted = (len(set(events.person[answers].tolist())), len(using))
        exposures += counted != (int(design.n_peers[row]), int(design.exposing[row]))
        mine = by_person[int(posts.person[row])]
        mine = mine[(events.time[mine] >= closes) & (events.time[mine] < closes + windows.outcome) & events.uses[mine]]
        outcomes += bool(np.any(events.thread[mine] != posts.thread[row])) != bool(design.outcome[row])
    wrong = exposures + outcomes
    return Check(
        "leaks_order",
        "fail" if wrong else "pass",
        f"{exposures} exposures and {outcomes} outcomes do not come from the answers in time and from other threads after."
        if wrong
        else "Every exposure comes from the answers in time, every outcome from other threads in the weeks after them.",
        {"exposures": exposures, "outcomes": outcomes, "counted": len(rows)},
    )


def _places(codes: Int, wanted: Int) -> dict[int, Int]:
    """Return where in `codes` each of the wanted ones stands."""
    order = np.argsort(codes, kind="stable")
    low, high = (np.searchsorted(codes[order], wanted, side=side) for side in ("left", "right"))
    return {int(w): order[a:b] for w, a, b in zip(wanted, low, high, strict=True)}


def audit(design: ReplyDesign, inputs: Inputs, events: Events, build: Builder | None = None) -> Check:
    """Run the three audits and return them as one check, with the worst status.

    Args:
        design: The rows under audit.
        inputs: The tables they came from.
        events: The events of those tables.
        build: How covariates are built from tables; the design's own way by default.
    """
    return combined(
        truncation_audit(design, inputs, events, build or reply_builder(design)),
        order_audit(design, events),
        clock_audit(events),
    )
