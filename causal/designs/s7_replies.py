"""The truth of S7 for replies to a post, by counterfactual simulation on the posts that the design compares.

Rows are roots of threads by known people, written at s in a period t after the burn-in, which somebody else answered
directly within `reply_hours`, and whose outcome window [s + reply_hours, s + reply_hours + two weeks) lies inside the
study. The outcome is whether the author uses the strategy in another thread in that window.

For each row R_it is set to what it would be were this post exposed, and were it not, the author's other posts as they
were. Then t + 1 and t + 2 are simulated with common random numbers: whether the author uses the strategy, how many of
their messages do, and whether one of these falls into the window. What was said in t stays as it was. That a message of
a later period lands in the thread of the post (late answers keep a few threads alive) is left out: it happens to less
than one row in a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causal.designs.s7_network import HOUR, PERIOD
from causal.designs.s7_world import MORE_USES, MOST_EXTRA, TRUTH_DRAWS
from copenet.foundation.seeds import generator

if TYPE_CHECKING:
    from causal.designs.s7_world import Posts, World

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReplyRows:
    """r answered posts, in the order of time.

    Attributes:
        post: Index of the post (r).
        person, period: Its author and period (r).
        exposed: Whether an answer in time used the strategy (r).
        otherwise: Whether an answer to another post of the author in the period did (r).
        start: Start of the outcome window in seconds since the start of the study (r).
    """

    post: Int
    person: Int
    period: Int
    exposed: Bool
    otherwise: Bool
    start: Int


def answers_in_time(posts: Posts, seconds: int) -> Int:
    """Return the direct answers by known others to roots of known people within `seconds`."""
    parent = np.maximum(posts.parent, 0)
    to_root = (posts.parent >= 0) & (posts.parent[parent] == -1)
    known = (posts.author >= 0) & (posts.author[parent] >= 0) & (posts.author != posts.author[parent])
    return np.flatnonzero(to_root & known & (posts.time - posts.time[parent] <= seconds))


def reply_rows(world: World) -> ReplyRows:
    """Return the rows of the design."""
    posts, settings = world.posts, world.settings
    seconds = settings.reply_hours * HOUR
    answers = answers_in_time(posts, seconds)
    exposing = np.bincount(posts.parent[answers], weights=posts.uses[answers], minlength=len(posts.author)) > 0
    post = np.unique(posts.parent[answers])
    period, start = posts.time[post] // PERIOD, posts.time[post] + seconds
    inside = (period >= settings.burn_in_periods) & (start + PERIOD <= settings.periods * PERIOD)
    post, period, start = post[inside], period[inside], start[inside]
    person = posts.author[post]
    every = np.zeros((settings.people, settings.periods), dtype=np.int64)
    np.add.at(every, (posts.author[exposing], posts.time[exposing] // PERIOD), 1)
    otherwise = every[person, period] - exposing[post] > 0
    return ReplyRows(post, person, period, exposing[post], otherwise, start)


def replies_truth(world: World) -> dict[str, Any]:
    """Return the declared estimand of the design, by simulation on its rows with common random numbers."""
    rows = reply_rows(world)
    rng = generator(world.seed, "s7", "truth", "replies")
    already = used_already(world, rows)
    total = 0
    for _ in range(TRUTH_DRAWS if len(rows.post) else 0):
        state = rng.bit_generator.state
        exposed = _outcome(world, rows, np.ones(len(rows.post), dtype=bool), rng)
        rng.bit_generator.state = state
        unexposed = _outcome(world, rows, rows.otherwise, rng)
        total += int(np.sum(exposed & ~already)) - int(np.sum(unexposed & ~already))
    return {
        "design": "S7",
        "estimand": "any answer that uses the strategy against none, use in other threads in the two weeks after, posts",
        "strategy": world.settings.strategy,
        "channel": "replies",
        "truth": total / (TRUTH_DRAWS * max(len(rows.post), 1)),
        "rows": len(rows.post),
        "exposed_share": float(rows.exposed.mean()) if len(rows.post) else 0.0,
        "seed": world.seed,
        "settings": world.settings.to_dict(),
    }


def _outcome(world: World, rows: ReplyRows, replied: Bool, rng: np.random.Generator) -> Bool:
    """Draw whether each author uses the strategy in what the window holds of t + 1 and t + 2, given R_it."""
    settings, t, i = world.settings, rows.period, rows.person
    next_chance = world.rows.base[i, t + 1] + settings.planted * world.rows.exposed[i, t]
    used = rng.random(len(i)) < next_chance + settings.planted_reply * replied
    after = np.minimum(t + 2, settings.periods - 1)
    later = rng.random(len(i)) < _later_chance(world, rows, used, after)
    found = used & _inside(world, rows.start, t + 1, rng)
    found |= later & (t + 2 < settings.periods) & _inside(world, rows.start, t + 2, rng)
    return np.asarray(found, dtype=bool)


def _later_chance(world: World, rows: ReplyRows, used: Bool, after: Int) -> Float:
    """Return the chance of using the strategy in t + 2 given what was used in t + 1."""
    from causal.designs.s7 import season

    settings, i = world.settings, rows.person
    recent = used | world.rows.used[i, rows.period]
    rate = np.asarray(settings.trait_rates)[world.people.trait[i]] + settings.persistence * recent
    other = (
        settings.planted * world.rows.exposed[i, after - 1] + settings.planted_reply * world.rows.replied[i, after - 1]
    )
    return np.asarray(world.people.activity[i] * rate * season(settings.periods)[after] + other)


def _inside(world: World, start: Int, period: Int, rng: np.random.Generator) -> Bool:
    """Draw whether one of the using messages that a user of the strategy writes in `period` falls into the window."""
    settings, n = world.settings, len(start)
    extra = np.minimum(rng.poisson(settings.chatter, n), MOST_EXTRA)
    written = np.arange(1, MOST_EXTRA + 1) <= extra[:, None]
    using = np.column_stack([np.ones(n, dtype=bool), written & (rng.random((n, MOST_EXTRA)) < MORE_USES)])
    when = rng.random((n, MOST_EXTRA + 1)) * PERIOD
    if settings.session_hours:
        later = rng.random((n, MOST_EXTRA + 1)) * settings.session_hours * HOUR
        when = np.minimum(when[:, :1] + later, PERIOD - 1)
    when += (period * PERIOD)[:, None]
    inside = (when >= start[:, None]) & (when < start[:, None] + PERIOD)
    return np.asarray(np.any(using & inside, axis=1), dtype=bool)


def used_already(world: World, rows: ReplyRows) -> Bool:
    """Return whether the author used the strategy in another thread in what the window holds of t itself."""
    posts = world.posts
    uses = np.flatnonzero(posts.uses & (posts.author >= 0))
    by_author = {int(a): uses[posts.author[uses] == a] for a in np.unique(rows.person)}
    found = np.zeros(len(rows.post), dtype=bool)
    for row, (post, person, start) in enumerate(zip(rows.post, rows.person, rows.start, strict=True)):
        mine = by_author[int(person)]
        inside = (posts.time[mine] >= start) & (posts.time[mine] < (rows.period[row] + 1) * PERIOD)
        found[row] = bool(np.any(inside & (posts.thread[mine] != post)))
    return found
