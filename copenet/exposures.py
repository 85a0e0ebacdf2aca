"""Exposure mappings as a study names them: what about the peers counts, through which channel, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from copenet.foundation.errors import UsageError
from copenet.settings import Channel


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping of the peers' behaviour in one period to one number.

    Args:
        channel: Whose behaviour counts: `replied_to`, `received_reply` or `co_thread`.
        weeks: The length of a period in weeks (None: as study.toml says).
    """

    name: ClassVar[str] = ""
    channel: Channel = "received_reply"
    weeks: int | None = None

    def changes(self) -> dict[str, Any]:
        """Return the settings this mapping stands for."""
        changes: dict[str, Any] = {"effect.exposure": self.name, "effect.channel": self.channel}
        return changes if self.weeks is None else {**changes, "effect.period_weeks": self.weeks}


@dataclass(frozen=True, slots=True)
class AnyPeer(Mapping):
    """1 if any eligible peer used the strategy in the period, else 0.

    >>> AnyPeer("replied_to").changes()["effect.exposure"]
    'any_peer'
    """

    name: ClassVar[str] = "any_peer"


@dataclass(frozen=True, slots=True)
class Proportion(Mapping):
    """The share of eligible peers who used the strategy in the period."""

    name: ClassVar[str] = "proportion"


@dataclass(frozen=True, slots=True)
class Count(Mapping):
    """The number of eligible peers who used the strategy in the period."""

    name: ClassVar[str] = "count"


@dataclass(frozen=True, slots=True)
class Threshold(Mapping):
    """1 if at least a share `at` of the eligible peers used the strategy, else 0."""

    name: ClassVar[str] = "threshold"
    at: float = 0.5

    def changes(self) -> dict[str, Any]:
        """Return the settings this mapping stands for."""
        return {**Mapping.changes(self), "effect.threshold": self.at}


MAPPINGS: dict[str, type[Mapping]] = {kind.name: kind for kind in (AnyPeer, Threshold, Proportion, Count)}


def as_changes(exposure: Mapping | str) -> dict[str, Any]:
    """Return the settings that `exposure` stands for; a name leaves channel and period as they are.

    Raises:
        UsageError: The name is not one of `MAPPINGS`.
    """
    if isinstance(exposure, Mapping):
        return exposure.changes()
    if exposure not in MAPPINGS:
        raise UsageError(f"No exposure is called {exposure}.", remedy=f"Known are {', '.join(MAPPINGS)}.")
    return {"effect.exposure": exposure}
