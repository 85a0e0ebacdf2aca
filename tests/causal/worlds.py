"""Small studies for the tests of the panel: random ones written as rows, and simulated ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from causal.designs import S7
from causal.designs.s7_world import START
from causal.events import Inputs, calendar_of, events_from, tie_events
from causal.panel import PanelSettings, build_panel
from causal.reply_design import build_replies
from copenet.foundation.seeds import generator
from graph.ties import build_ties
from ingest.schema import MESSAGES

DAY = 86_400
SETTINGS = PanelSettings(
    period_weeks=1, lookback_periods=2, risk_periods=2, burn_in_periods=2, burn_in_messages=0, text_dimensions=2, seed=0
)


@dataclass(frozen=True)
class Said:
    """One message of a made-up study: who, on which day, answering which earlier message, using the strategy or not."""

    who: str | None
    day: int
    answers: int | None
    uses: bool
    forum: str = "a"


def messages_of(said):
    """The `messages` table and the planted uses of a list of Said, in any order."""
    thread, rows = {}, []
    for i, s in enumerate(said):
        thread[i] = thread[s.answers] if s.answers is not None else i
        parent = said[s.answers].who if s.answers is not None else None
        rows.append(
            {
                "platform": "reddit",
                "message_id": f"reddit:{i:05d}",
                "kind": "post" if s.answers is None else "comment",
                "thread_id": f"reddit:{thread[i]:05d}",
                "parent_id": None if s.answers is None else f"reddit:{s.answers:05d}",
                "author_id": s.who,
                "author_status": "known" if s.who else "deleted",
                "parent_author_id": parent,
                "forum": s.forum,
                "created_at": (START + s.day * DAY + i) * 1_000_000,
                "text_status": "present",
                "source": f"x:{i}",
            }
        )
    columns = {
        f.name: pa.array([r.get(f.name) for r in rows], pa.int64() if f.name == "created_at" else f.type)
        for f in MESSAGES
    }
    table = pa.table({f.name: columns[f.name].cast(f.type) for f in MESSAGES}, schema=MESSAGES)
    return table, np.asarray([s.uses for s in said], dtype=bool)


@st.composite
def conversations(draw, days=42, people=6):
    """A list of Said in the order of time, at least one on the first and the last day."""
    n = draw(st.integers(8, 60))
    whens = sorted([0, days - 1, *draw(st.lists(st.integers(0, days - 1), min_size=n, max_size=n))])
    said = []
    for i, day in enumerate(whens):
        who = draw(st.sampled_from([*(f"reddit:u_{p}" for p in range(people)), None]))
        answers = draw(st.one_of(st.none(), st.integers(0, i - 1))) if i else None
        forum = said[answers].forum if answers is not None else draw(st.sampled_from("ab"))
        said.append(Said(who, day, answers, draw(st.booleans()), forum))
    if said[0].who is None:
        said[0] = Said("reddit:u_0", said[0].day, None, said[0].uses, said[0].forum)
    if said[-1].who is None:
        said[-1] = Said("reddit:u_0", said[-1].day, said[-1].answers, said[-1].uses, said[-1].forum)
    return said


def inputs_of(said, dimensions=3):
    """The tables of a made-up study, with text features that are noise."""
    messages, used = messages_of(said)
    features = generator(1, "features").normal(size=(len(said), dimensions)).astype(np.float32)
    return Inputs(messages, used, features, build_ties(messages, window_days=7).ties)


def panel_of(inputs, settings=SETTINGS, channel="received_reply"):
    """The panel of a study, with its events and ties."""
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, settings.period_weeks)
    ties = tie_events(inputs.ties, channel, events, calendar)
    return build_panel(events, ties, calendar, settings), events, ties


@cache
def simulated(seed=5, people=150, null=False, periods=10):
    """A small simulated study: (world, inputs). Text features are noisy indicators of the words' topic."""
    world = S7(people=people, periods=periods, null=null).simulate(seed)
    messages, _ = world.tables()
    rng = generator(seed, "features")
    features = np.eye(4)[world.posts.level] + rng.normal(scale=0.3, size=(len(world.posts.level), 4))
    ties = build_ties(messages, window_days=14).ties
    return world, Inputs(messages, world.posts.uses, features.astype(np.float32), ties)


@cache
def simulated_replies(seed=5, people=260, periods=11, effect=0.25, null=False):
    """A small simulated study in which answers act: (world, inputs). Text features as in `simulated`."""
    world = S7(people=people, periods=periods, null=null, effect=0.0, reply_effect=effect, recency_hours=12).simulate(
        seed
    )
    messages, _ = world.tables()
    rng = generator(seed, "features")
    features = np.eye(4)[world.posts.level] + rng.normal(scale=0.3, size=(len(world.posts.level), 4))
    ties = build_ties(messages, window_days=14).ties
    return world, Inputs(messages, world.posts.uses, features.astype(np.float32), ties)


def replies_of(inputs, settings=PanelSettings(text_dimensions=3), hours=72):
    """The answered posts of a study, with its events and ties."""
    events = events_from(inputs.messages, inputs.used, inputs.features)
    calendar = calendar_of(events, settings.period_weeks)
    ties = tie_events(inputs.ties, "received_reply", events, calendar)
    return build_replies(inputs, events, ties, calendar, settings, reply_hours=hours), events, ties
