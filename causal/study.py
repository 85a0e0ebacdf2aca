"""What the estimates of a study share, whichever the design: settings, rows from tables, refusals, and what is said aloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causal.estimators import NOT_A_POINT, POINT_CONTRAST, Estimates, EstimationSettings, Sample, estimate
from causal.events import (
    Bool,
    Float,
    Float32,
    Inputs,
    Int,
)
from causal.exposure import COUNTED, MAPPINGS, Count, Mapping, Proportion, RecencyWeighted, Threshold, mapping_from
from causal.panel import PanelSettings
from causal.results import Check, EffectResult
from causal.schema import EXPOSURES
from causal.shift import estimate_shift
from causal.thinning import share_kept
from copenet.foundation.errors import InputError, UsageError
from copenet.foundation.progress import Progress
from copenet.foundation.tables import conform
from graph.partition import communities
from graph.ties import arrivals

REFUTER_ROWS = 20_000
ESTIMATORS = ("auto", "aipw", "plm", "shift")
SHIFTABLE = (Count.name, Proportion.name)
LEAK = "the leak audit failed"


@dataclass(frozen=True, slots=True)
class EffectSettings:
    """What is estimated, and how.

    Args:
        design: panel (people by period) or replies (answered posts: the answers are the exposure).
        outcome: The strategy (one of the 14 of the Brief-COPE) whose spread is asked about.
        exposure: The mapping of the peers' behaviour (`causal.exposure.MAPPINGS`): any_peer, threshold, proportion, …
        threshold: The share of peers that `threshold` asks for.
        half_life: After how many periods a tie counts half in `recency_weighted` (panel).
        channel: Through which ties peers are seen: replied_to, received_reply or co_thread (panel).
        reply_hours: For how long after a post an answer counts (replies).
        helper_hours: For how long after a post helpers who wrote elsewhere were around (replies).
        period_weeks: Length of a period, and of the outcome window.
        lookback_weeks: How long before a period a tie makes a peer eligible (rounded up to whole periods).
        risk_periods: A person is at risk if they wrote in this many periods before.
        burn_in_periods: Periods before the first row.
        estimator: auto (AIPW for binary mappings, else the slope), aipw, plm or shift.
        shift_peers: How many more exposing peers `shift` asks about.
        missing_ties: Share of ties (replies: of answers) known to be missing at random; 0 where none is or nobody knows.
        label_threshold: Probability from which a message counts as using the strategy.
        text_dimensions: Principal components of prior text.
        representation_dimensions: Outputs of the GraphSAGE representation (0: none).
        unrelated: A strategy declared to have no part in this outcome: peers' use of it is a negative control ("" for
            none).
        placebos: Whether to run the placebos and negative controls and, in the panel, the mapping family, the test of
            linearity and the exposure curve.
        sensitivity: Whether to compute how strong hidden confounding must be, and which covariates drive the nuisances.
        refuter: Whether to let DoWhy identify the estimand and run its placebo refuter on our estimator.
        seed: Seed of all chance.
    """

    design: Literal["panel", "replies"] = "panel"
    outcome: str = "positive_reframing"
    exposure: str = "any_peer"
    threshold: float = 0.5
    half_life: float = 1.0
    channel: str = "received_reply"
    reply_hours: int = 72
    helper_hours: int = 12
    period_weeks: int = 2
    lookback_weeks: int = 8
    risk_periods: int = 4
    burn_in_periods: int = 4
    estimator: Literal["auto", "aipw", "plm", "shift"] = "auto"
    shift_peers: int = 1
    missing_ties: float = 0.0
    label_threshold: float = 0.5
    text_dimensions: int = 8
    representation_dimensions: int = 8
    unrelated: str = ""
    placebos: bool = True
    sensitivity: bool = True
    refuter: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        share_kept(self.missing_ties)
        if self.unrelated and self.unrelated == self.outcome:
            raise UsageError(
                "The outcome itself is not unrelated to the outcome.",
                remedy="Name another strategy in effect.unrelated, or none.",
            )
        if self.estimator not in ESTIMATORS:
            known = f"Known are {', '.join(ESTIMATORS)}."
            raise UsageError(
                f"There is no estimator {self.estimator}. {POINT_CONTRAST}", remedy=f"{known} {NOT_A_POINT}"
            )
        if self.mapping.binary is False and self.estimator == "aipw":
            raise UsageError(
                f"AIPW needs a binary exposure; {self.exposure} is not. {POINT_CONTRAST}", remedy=NOT_A_POINT
            )
        if self.estimator == "shift" and (self.exposure not in SHIFTABLE or self.shift_peers < 1):
            raise UsageError(
                f"A shift is by at least one more peer, of {' or '.join(SHIFTABLE)}.",
                remedy="Use exposure = count and shift_peers = 1, for example.",
            )
        if self.design == "replies" and (self.exposure not in COUNTED or self.estimator == "shift"):
            raise UsageError(
                "The design of replies knows how many answers there were and what they said, not older ties or shifts.",
                remedy=f"Use one of the exposures {', '.join(COUNTED)} and an estimator other than shift.",
            )

    @property
    def mapping(self) -> Mapping:
        """The exposure mapping these settings name."""
        return self._mapping(self.exposure)

    def _mapping(self, name: str) -> Mapping:
        number = {Threshold.name: f":{self.threshold}", RecencyWeighted.name: f":{self.half_life}"}.get(name, "")
        channel = self.channel if self.design == "panel" else self.design
        return mapping_from(name + number, channel, self.period_weeks)

    @property
    def family(self) -> tuple[Mapping, ...]:
        """Every mapping, with the share, half-life and channel of these settings."""
        return tuple(self._mapping(name) for name in MAPPINGS)

    @property
    def headline(self) -> str:
        """The estimator that answers the question."""
        if self.estimator != "auto":
            return self.estimator
        return "aipw" if self.mapping.binary else "plm"

    @property
    def panel(self) -> PanelSettings:
        """The panel these settings ask for."""
        return PanelSettings(
            period_weeks=self.period_weeks,
            lookback_periods=-(-self.lookback_weeks // self.period_weeks),
            risk_periods=self.risk_periods,
            burn_in_periods=self.burn_in_periods,
            text_dimensions=self.text_dimensions,
            representation_dimensions=self.representation_dimensions,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class StudyEffect:
    """What `estimate_study` returns: the result, the tables PANEL and EXPOSURES, and figures for the report."""

    result: EffectResult
    panel: pa.Table
    exposures: pa.Table
    detail: dict[str, Any] = field(default_factory=dict)


def uses_of(messages: pa.Table, labels: pa.Table, outcome: str, threshold: float) -> Bool:
    """Return whether each message uses the outcome strategy, by its label.

    Predicted labels count where the table holds any (their error is the same for all messages); else gold ones.
    """
    mine = labels.filter(pc.equal(labels["strategy"], outcome))
    predicted = mine.filter(pc.is_null(mine["sampling_probability"]))
    mine = predicted if predicted.num_rows else mine
    positive = mine.filter(pc.greater_equal(mine["probability"], threshold))["message_id"]
    return np.asarray(pc.is_in(messages["message_id"], value_set=positive.combine_chunks()).to_numpy(), dtype=bool)


def features_of(messages: pa.Table, embeddings: tuple[Sequence[str], Float32] | None) -> Float32 | None:
    """Return the embedding of each message (N x d); zeros where a message has no text."""
    if embeddings is None:
        return None
    ids, vectors = embeddings
    where = pc.fill_null(pc.index_in(messages["message_id"], value_set=pa.array(ids, pa.string())), -1).to_numpy()
    found = np.asarray(vectors, dtype=np.float32)[np.maximum(where, 0)] if len(ids) else np.zeros((len(where), 0), "f4")
    found[where < 0] = 0.0
    return np.asarray(found, dtype=np.float32)


def exposures_of(people: Sequence[str], person: Int, period: Int, n_peers: Int, values: dict[str, Float]) -> pa.Table:
    """Return the exposures of rows (r), by definition of the mapping."""
    authors = pa.array(people, pa.string()).take(pa.array(person))
    parts = [EXPOSURES.empty_table()]
    for definition, those in values.items():
        columns = {
            "author_id": authors,
            "period": period,
            "definition": [definition] * len(those),
            "value": pa.array(those, from_pandas=True),
            "n_peers": n_peers,
        }
        parts.append(conform(pa.table(columns), EXPOSURES))
    return pa.concat_tables(parts)


def without_bots(inputs: Inputs) -> Inputs:
    """Leave out what declared bots wrote, so that no later cut of the tables makes a bot a person."""
    messages = inputs.messages
    bots = messages.filter(pc.starts_with(messages["bot_reason"], "declared"))["author_id"].unique().drop_null()
    kept = np.flatnonzero(~np.asarray(pc.is_in(messages["author_id"], value_set=bots).to_numpy(), dtype=bool))
    features = None if inputs.features is None else inputs.features[kept]
    return Inputs(messages.take(pa.array(kept)), inputs.used[kept], features, inputs.ties)


def communities_of(inputs: Inputs, people: Sequence[str], last: int, seed: int) -> Int:
    """Return the community of each person from all ties before `last` (microseconds); -1 without ties.

    Those before the last outcome cut folds and group people for inference and for rewiring; they are no covariates.
    """
    earlier = inputs.ties.filter(pc.less(pc.cast(inputs.ties["last_at"], pa.int64()), last))
    try:
        found = communities(earlier, seed=seed, order=arrivals(inputs.messages)).table
    except InputError:  # no ties at all: everybody is alone
        return np.full(len(people), -1, dtype=np.int64)
    where = pc.index_in(pa.array(people, pa.string()), value_set=found["author_id"].combine_chunks())
    codes = pc.fill_null(found["community"].combine_chunks().take(where), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)


def options(settings: EffectSettings, *, sensitivity: bool = True) -> EstimationSettings:
    """Return how to estimate what the settings ask."""
    return EstimationSettings(seed=settings.seed, sensitivity=sensitivity and settings.sensitivity)


def estimated(sample: Sample, settings: EffectSettings, audits: tuple[Check, ...], progress: Progress) -> Estimates:
    """Estimate; where an audit failed, the headline is refused and `ols` and `naive` stay."""
    failed = [a for a in audits if a.status == "fail"]
    main = headline(sample, settings, options(settings, sensitivity=not failed), progress)
    if not failed or main.refused is not None:
        return main
    reason = f"{LEAK}: {' '.join(a.detail for a in failed)}".rstrip(".")
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value", "dof"))
    ours = [replace(e, **nothing, refused=reason) if e.estimator == main.headline else e for e in main.estimates]
    return replace(main, estimates=tuple(ours), refused=reason)


def headline(sample: Sample, settings: EffectSettings, options: EstimationSettings, progress: Progress) -> Estimates:
    """Estimate what the settings declare."""
    if settings.headline == "shift":
        return estimate_shift(sample, settings.mapping, settings.shift_peers, options, progress)
    return estimate(sample, options, progress)


def label_check(validated: bool, error: dict[str, Any] | None) -> Check:
    """Say the error of the labels aloud; it is not carried into the interval."""
    if not validated:
        return Check(
            "label_error",
            "warn",
            "Labels not validated: no gold sample was given, so nobody knows how often they are wrong. Errors shared by "
            "connected people look like contagion.",
            error or {},
        )
    said = ", ".join(f"{name} {value:.3f}" for name, value in (error or {}).items() if isinstance(value, float))
    return Check(
        "label_error",
        "warn",
        f"Labels were checked against a gold sample ({said or 'no figures'}). Their error is not carried into the "
        "interval: independent errors pull the estimate towards zero, errors shared by connected people push it up.",
        error or {},
    )


def explained(refused: str | None) -> str | None:
    """Return a refusal with what to try next."""
    return None if refused is None else f"{refused.rstrip('.')}. {_way_out(refused)}"


def _way_out(reason: str) -> str:
    """Return what to try after a refusal."""
    if reason.startswith(LEAK):
        return (
            "Build the ties again from the same messages and check their times (copenet data quality); if it stays, "
            "report it as a defect: these numbers know what they must not."
        )
    if "outcome" in reason or "shows" in reason:
        return "Try a commoner strategy, longer periods (period_weeks), or check the labels."
    if "overlap" in reason or "exposed" in reason or "exposure" in reason:
        return "Try another exposure mapping or channel, a longer lookback, or another period length."
    if "peer" in reason:
        return "Try another channel or a longer lookback (lookback_weeks)."
    return "Collect more data, or ask a question that these can answer."


def histogram(values: Float) -> dict[str, list[float]]:
    """Return values and their counts (at most 20 bins)."""
    if len(np.unique(values)) <= 20:
        distinct, counts = np.unique(values, return_counts=True)
        return {"value": distinct.tolist(), "count": counts.tolist()}
    counts, edges = np.histogram(values, bins=20)
    return {"value": ((edges[1:] + edges[:-1]) / 2).tolist(), "count": counts.tolist()}
