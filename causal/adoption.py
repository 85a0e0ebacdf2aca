"""The adoption hazard of a study's panel: who uses the strategy for the first time, by what their peers did before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from causal.estimators import Estimates, EstimationSettings
from causal.event_times import EventStudy, event_study, since_first, without_before
from causal.events import Bool, Events, Float, Int
from causal.hazard import HazardSample, Link, estimate_hazard
from causal.panel import Panel

HISTORY = ("activity", "position", "text", "peers", "peers_text", "past_exposure")
BASELINE = ("activity", "position", "text")  # past exposure and what peers did is what an event study asks about


@dataclass(frozen=True, slots=True)
class Adoption:
    """The hazard with its event study."""

    hazard: Estimates
    study: EventStudy

    def to_dict(self) -> dict[str, Any]:
        """Return both as a JSON-shaped document."""
        names = ("estimator", "estimand", "estimate", "se", "ci_low", "ci_high", "p_value", "n", "n_peers", "refused")
        rows = [{name: getattr(e, name) for name in names} for e in self.hazard.estimates]
        checks = [{"name": c.name, "status": c.status, "detail": c.detail} for c in self.hazard.checks]
        return {
            "estimates": rows,
            "checks": checks,
            "refused": self.hazard.refused,
            "event_study": self.study.to_dict(),
        }


def first_use(events: Events, panel: Panel) -> Int:
    """Return the period of each person's first use of the strategy (n people); one past the calendar for none."""
    first = np.full(len(events.people), panel.calendar.count + 1, dtype=np.int64)
    np.minimum.at(first, events.person[events.uses], panel.calendar.of(events.time[events.uses]))
    return first


def adoption(
    panel: Panel,
    events: Events,
    exposure: Float,
    adjacency: csr_array,
    communities: Int,
    settings: EstimationSettings = EstimationSettings(),
    *,
    link: Link = "cloglog",
) -> Adoption:
    """Estimate the adoption hazard of a panel and its event study.

    At risk in t is who has an eligible peer and had not used the strategy up to and with t, in any thread. The community
    of a row is the forum in which the person had written most before t; the event is the panel's outcome.

    Args:
        panel: The panel.
        events: The events it was built from.
        exposure: Exposure of its rows (r); of the event study, whether it is above 0.
        adjacency, communities: People x people union of pre-outcome ties, and the community of each person for inference.
        settings: Level, bandwidth, seed.
        link: `cloglog` or `logit`.
    """
    rows = panel.eligible & (first_use(events, panel)[panel.person] > panel.period)
    exposed = np.nan_to_num(exposure) > 0
    since = since_first(panel.person, panel.period, exposed)
    at_once = without_before(panel.person, panel.period, exposed)
    graph = (adjacency, communities)
    hazard = estimate_hazard(_sample(panel, exposure, rows, graph, HISTORY), settings, link=link)
    clean = rows & ~at_once
    study = event_study(_sample(panel, exposure, clean, graph, BASELINE), since[clean], settings, link=link)
    return Adoption(hazard, replace(study, people_without_before=len(np.unique(panel.person[rows & at_once]))))


def _sample(
    panel: Panel, exposure: Float, rows: Bool, graph: tuple[csr_array, Int], groups: tuple[str, ...]
) -> HazardSample:
    chosen = np.flatnonzero([g in groups for g in panel.groups])
    X = panel.covariates[rows][:, chosen]
    spread = X.std(axis=0)
    X = X[:, spread > 0] / spread[spread > 0]
    return HazardSample(
        y=panel.outcome[rows].astype(float),
        e=exposure[rows],
        X=X,
        community=panel.forum[rows],
        period=panel.period[rows],
        person=panel.person[rows],
        n_peers=panel.n_peers[rows],
        adjacency=graph[0],
        communities=graph[1],
    )
