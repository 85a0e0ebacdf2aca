"""What an estimate is made of: frozen records that travel between the rooms and into `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["pass", "warn", "fail", "not_informative", "refused"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimator's answer about one estimand.

    `estimate`, `se`, `ci_low`, `ci_high` are on the outcome's scale; a refused estimate has them as None and says
    why in `refused`.
    """

    estimator: str
    estimand: str
    estimate: float | None
    se: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    n: int
    n_peers: int
    dof: float | None = None
    converged: bool = True
    refused: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an estimate: what was looked at, what came out, and in `detail` what that can and cannot say."""

    name: str
    status: Status
    detail: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectResult:
    """An effect as reported: the headline estimator beside `naive` and `ols`, checks, assumptions, refusals."""

    outcome: str
    exposure: str
    estimand: str
    headline: str
    estimates: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    assumptions: tuple[str, ...]
    labels_validated: bool
    refused: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-shaped document that `effect estimate --json` prints."""
        return asdict(self)
