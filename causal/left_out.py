"""Suspected bots and people with deleted messages, in and out: how the headline moves when they were never there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causal.events import Bool, Inputs
from causal.results import Check, Estimate, Status
from copenet.foundation.disclosure import SUPPRESS_BELOW
from copenet.foundation.errors import InputError, RefusedError

GONE = ("deleted", "removed")

Refit = Callable[[Inputs], Estimate]
"""Estimate the headline from other tables."""


@dataclass(frozen=True, slots=True)
class Left:
    """Who is left out: the name of the check, who they are in words, and what that can and cannot show."""

    name: str
    who: str
    limit: str


BOTS = Left(
    "suspected_bots",
    "suspected bots",
    "Exposure to a bot is no peer effect. Bots that nobody suspects are still in.",
)
DELETED = Left(
    "deleted_messages",
    "people with deleted or removed messages",
    "A message without text counts as no use, among peers and in the outcome. Nobody knows what it said, and messages of "
    "deleted accounts belong to no person that could be left out.",
)


def suspected_bots(messages: pa.Table) -> pa.Array:
    """Return the authors (ids) whom ingest suspects to be bots."""
    return _authors(messages, pc.starts_with(messages["bot_reason"], "suspected"))


def with_deleted_messages(messages: pa.Table) -> pa.Array:
    """Return the authors (ids) of messages whose text was deleted by them or removed by others."""
    return _authors(messages, pc.is_in(messages["text_status"], value_set=pa.array(GONE)))


def _authors(messages: pa.Table, where: pa.ChunkedArray) -> pa.Array:
    return pc.unique(messages["author_id"].filter(pc.fill_null(where, False))).drop_null()


def without_people(inputs: Inputs, authors: pa.Array) -> Inputs:
    """Return the tables without what these people wrote; ties with them lead to nobody any more."""
    theirs: Bool = np.asarray(pc.is_in(inputs.messages["author_id"], value_set=authors).to_numpy(), dtype=bool)
    kept = np.flatnonzero(~theirs)
    features = None if inputs.features is None else inputs.features[kept]
    return Inputs(inputs.messages.take(pa.array(kept)), inputs.used[kept], features, inputs.ties)


def left_out(inputs: Inputs, headline: Estimate, refit: Refit) -> list[Check]:
    """Estimate again without suspected bots, and without people whose messages were deleted or removed.

    Args:
        inputs: The tables of the headline.
        headline: Its estimate.
        refit: The same estimator from other tables.
    """
    found = ((BOTS, suspected_bots(inputs.messages)), (DELETED, with_deleted_messages(inputs.messages)))
    return [_check(left, inputs, authors, headline, refit) for left, authors in found]


def _check(left: Left, inputs: Inputs, authors: pa.Array, headline: Estimate, refit: Refit) -> Check:
    people = len(pc.unique(inputs.messages["author_id"]).drop_null())
    figures: dict[str, object] = {"left_out": len(authors), "people": people}
    if not len(authors):
        return Check(left.name, "pass", f"There are no {left.who}. {left.limit}", figures)
    if len(authors) < SUPPRESS_BELOW:
        said = (
            f"There are fewer than {SUPPRESS_BELOW} {left.who}: what the estimate is without them would tell of them."
        )
        return Check(left.name, "not_informative", said, {"left_out": f"fewer than {SUPPRESS_BELOW}", "people": people})
    try:
        other = refit(without_people(inputs, authors))
    except (RefusedError, InputError) as error:
        said = f"Without {len(authors):,} {left.who} of {people:,} people nothing can be estimated: {error.message}"
        return Check(left.name, "not_informative", said, figures)
    figures |= {k: getattr(other, k) for k in ("estimate", "se", "ci_low", "ci_high", "n")}
    if other.estimate is None or headline.estimate is None or headline.se is None:
        reason = other.refused or headline.refused or "there is no interval"
        return Check(left.name, "not_informative", f"Without {left.who} nothing can be estimated: {reason}.", figures)
    moved = other.estimate - headline.estimate
    figures["moved"] = moved
    status: Status = "pass" if abs(moved) <= headline.se else "warn"
    interval = "" if other.ci_low is None else f" [{other.ci_low:+.3f}, {other.ci_high:+.3f}]"
    said = (
        f"Without {len(authors):,} {left.who} of {people:,} people: {other.estimate:+.3f}{interval}, {moved:+.3f} from the "
        f"headline ({abs(moved) / max(headline.se, 1e-12):.1f} of its standard errors; more than one is flagged). {left.limit}"
    )
    return Check(left.name, status, said, figures)
