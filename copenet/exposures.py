"""Exposure mappings as settings of a study. The mappings themselves are `causal.exposure`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from copenet.foundation.errors import UsageError
from copenet.settings import Exposure

if TYPE_CHECKING:
    from causal.exposure import Mapping

NAMES: tuple[str, ...] = get_args(Exposure)


def as_changes(exposure: Mapping | str) -> dict[str, Any]:
    """Return the settings that `exposure` stands for; a name leaves channel and period as they are.

    >>> from causal.exposure import Threshold
    >>> as_changes(Threshold(0.25))
    {'effect.exposure': 'threshold', 'effect.channel': 'received_reply', 'effect.threshold': 0.25}

    Raises:
        UsageError: There is no such exposure.
    """
    name = exposure if isinstance(exposure, str) else getattr(exposure, "name", "")
    if name not in NAMES:
        raise UsageError(f"No exposure is called {name or exposure}.", remedy=f"Known are {', '.join(NAMES)}.")
    if isinstance(exposure, str):
        return {"effect.exposure": exposure}
    numbers = {"threshold": getattr(exposure, "share", None), "half_life": getattr(exposure, "half_life", None)}
    given = {"channel": exposure.channel, "period_weeks": exposure.weeks} | numbers
    return {"effect.exposure": name} | {f"effect.{key}": value for key, value in given.items() if value is not None}
