"""Negative controls (Lipsitch, Tchetgen Tchetgen & Cohen 2010): the estimator where the exposure can have done nothing.

Two of them. *Unrelated behaviour*: the peers' use of a strategy that was declared to have no part in this outcome stands in
for the exposure. *Past outcome*: what the person did when today's new peers were still strangers stands in for the outcome
(`causal.new_peers`). Each is told with its power: the chance that it would fire at confounding as strong as would explain
the headline away. A hidden trait that explains the share r of what is left of the outcome and of the exposure moves an
estimate by at most S r / √(1 - r) (`causal.sensitivity`); r is the headline's robustness value, S the control's own scale.
Without that power, and without firing, a control shows nothing: its status is `not_informative`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from causal.estimators import Estimates, EstimationSettings, Sample, estimate
from causal.events import Float, Int
from causal.exposure import Mapping
from causal.new_peers import Columns, NewPeers, Uses
from causal.panel import Panel
from causal.power import POWER, detectable, power_against
from causal.results import Check, Estimate, Status
from causal.sensitivity import largest_bias, robustness_value
from causal.time_shuffle import per_unit

MIN_ROWS = 200
CONFOUNDER = "hidden_confounder"


@dataclass(frozen=True, slots=True)
class Headline:
    """What controls are held against.

    Attributes:
        value: The headline estimate, per unit of exposure.
        tipping: Share of what is left of outcome and exposure that a hidden trait must explain to bring it to zero; None
            where it was not computed.
        binary: Whether the exposure is binary.
        graph, communities: People x people ties for folds and inference, and the community of each person.
    """

    value: float
    tipping: float | None
    binary: bool
    graph: csr_array
    communities: Int


def headline_of(main: Estimates, sample: Sample) -> Headline:
    """Return what controls of an estimate are held against."""
    found = [c.figures["robustness_value"] for c in main.checks if c.name == CONFOUNDER]
    tipping = float(found[0]) if found else None
    binary = sample.binary and main.headline == "aipw"
    return Headline(per_unit(main.estimates[0]), tipping, binary, sample.adjacency, sample.communities)


@dataclass(frozen=True, slots=True)
class Control:
    """The words of a control: its name, what was estimated, what firing means and what silence does not."""

    name: str
    what: str
    fired: str
    silent: str


UNRELATED = Control(
    "unrelated_behaviour",
    "What peers' use of {unrelated} has to do with the outcome, given the exposure and both histories",
    "Far from zero means shared causes that the covariates miss, or that {unrelated} is not unrelated.",
    "Near zero speaks for causes that drive {unrelated} as much as the exposure, and for no others.",
)
PAST = Control(
    "past_outcome",
    "What people first met in the period before do now has to do with what the person did while they were strangers",
    "Far from zero means shared causes that the covariates miss, or that people chose one another by what they did then.",
    "Near zero speaks for causes that last as long, and for ties newly formed.",
)


def judged(control: Control, found: Estimate, scale: float, headline: Headline) -> Check:
    """Return a control with its power: `warn` where it fires, `pass` where it would have, else `not_informative`.

    Args:
        control: Its words.
        found: Its estimate, 0 without confounding.
        scale: S of its own outcome and exposure.
        headline: What would have to be explained away.
    """
    figures: dict[str, object] = {k: getattr(found, k) for k in ("estimate", "se", "ci_low", "ci_high", "p_value", "n")}
    if found.estimate is None or found.se is None:
        reason = found.refused or found.detail.get("no_interval", "there is no interval")
        return Check(control.name, "not_informative", f"Cannot be checked: {reason}.", figures)
    bias = abs(headline.value)
    if headline.tipping is not None:
        bias = float(largest_bias(scale, headline.tipping, headline.tipping))
    power = power_against(bias, found.se, found.dof)
    least = robustness_value(detectable(found.se, found.dof), scale)
    figures |= {"power": power, "bias_at_tipping": bias, "tipping": headline.tipping, "detectable_share": least}
    strength = "A bias as large as the headline"
    if headline.tipping is not None:
        strength = (
            "The largest bias of a hidden trait that would explain the headline away"
            f" ({headline.tipping:.1%} of what is left)"
        )
    said = (
        f"{control.what}: {found.estimate:+.3f} [{found.ci_low:+.3f}, {found.ci_high:+.3f}]. {strength} would be "
        f"seen with chance {power:.2f}, and a hidden trait with chance {POWER:g} at best from {least:.1%} on."
    )
    status: Status
    if found.p_value is not None and found.p_value <= 0.05:
        status, meaning = "warn", control.fired
    elif power >= POWER:
        status, meaning = "pass", control.silent
    else:
        status, meaning = "not_informative", "That is too rarely: it cannot be checked."
    return Check(control.name, status, f"{said} {meaning}", figures)


def estimated(sample: Sample, settings: EstimationSettings) -> tuple[Estimate, float]:
    """Return the headline estimator on a control's rows, and S of its outcome and exposure."""
    found = estimate(sample, replace(settings, sensitivity=True))
    scale = [c.figures["scale"] for c in found.checks if c.name == CONFOUNDER]
    return found.estimates[0], float(scale[0]) if scale else 0.0


def past_outcome(new: NewPeers, headline: Headline, settings: EstimationSettings) -> Check:
    """Estimate the "effect" of what new peers do in t on what the person did in t - LAG, when they were strangers.

    Given the person's covariates of then, what they did since, and all that the new peers had done and said before t.

    Args:
        new: Rows with people first met in the period before.
        headline: What would have to be explained away.
        settings: How to estimate.
    """
    if (few := too_few(new, PAST.name)) is not None:
        return few
    columns = {"own": new.past() | new.since(), "peers": new.their_past()}
    sample = sample_of(new, new.own_then, columns, headline)
    return judged(PAST, *estimated(sample, settings), headline)


def too_few(new: NewPeers, name: str) -> Check | None:
    """Return the check `name` where too few rows have new peers."""
    if (n := len(new.row)) >= MIN_ROWS:
        return None
    said = f"Cannot be checked: {n} rows have people first met in the period before, {MIN_ROWS} are needed."
    return Check(name, "not_informative", said, {"n": n})


def sample_of(new: NewPeers, y: Float, columns: dict[str, Columns], headline: Headline) -> Sample:
    """Return rows with new peers as estimators take them; `columns` are the covariates by group.

    For the slope, whatever the mapping: these rows are few, and where nothing is to be found it needs fewer of them.
    """
    named = {name: values for group in columns.values() for name, values in group.items()}
    return Sample(
        y=y,
        e=new.exposure,
        X=np.column_stack(list(named.values())),
        covariate_names=tuple(named),
        person=new.person,
        period=new.period,
        n_peers=new.n_peers,
        adjacency=headline.graph,
        communities=headline.communities,
        binary=False,
        groups=tuple(group for group, mine in columns.items() for _ in mine),
    )


def unrelated_exposure(panel: Panel, uses: Uses, mapping: Mapping) -> tuple[Float, Columns]:
    """Return the exposure to another strategy, and the person's and the peers' history of it (r each).

    Args:
        panel: The panel.
        uses: Who used the other strategy when.
        mapping: The exposure mapping.
    """
    exposure, own, last, theirs, some = [], [], [], [], []
    for piece in panel.slices:
        rate, before = uses.before(piece.period)
        count = np.maximum(np.diff(piece.peers.indptr), 1)
        exposure.append(mapping.of(replace(piece.seen, used=uses.used[:, piece.period].astype(float))))
        own.append(rate[piece.person])
        last.append(before[piece.person])
        theirs.append(piece.peers @ rate / count)
        some.append(1.0 - np.exp(piece.peers @ np.log1p(-np.minimum(rate, 0.98))))
    names = ("unrelated_own_rate", "unrelated_own_last", "unrelated_peers_rate", "unrelated_peers_any_rate")
    columns = {name: np.concatenate(parts) for name, parts in zip(names, (own, last, theirs, some), strict=True)}
    return np.concatenate(exposure), columns


def unrelated_behaviour(
    sample: Sample, name: str, exposure: Float, history: Columns, headline: Headline, settings: EstimationSettings
) -> Check:
    """Estimate the "effect" of the peers' use of an unrelated strategy, given the declared exposure.

    Args:
        sample: The rows of the headline (r).
        name: The other strategy.
        exposure: The exposure to it (r).
        history: What was known of it before (r each).
        headline: What would have to be explained away.
        settings: How to estimate.
    """
    further = history | {"declared_exposure": sample.e}
    other = replace(
        sample,
        e=exposure,
        X=np.column_stack([sample.X, *further.values()]),
        covariate_names=(*sample.covariate_names, *further),
        binary=headline.binary,
        groups=(*("known" for _ in sample.groups), *("unrelated" for _ in further)),
    )
    control = replace(
        UNRELATED, **{part: getattr(UNRELATED, part).format(unrelated=name) for part in ("what", "fired", "silent")}
    )
    return judged(control, *estimated(other, settings), headline)


def undeclared() -> Check:
    """Say that no unrelated strategy was declared."""
    said = (
        "No unrelated strategy was declared (effect.unrelated), so none was looked at: chosen afterwards, the one that "
        "shows nothing is easily found."
    )
    return Check(UNRELATED.name, "not_informative", said, {})
