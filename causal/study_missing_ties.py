"""What ties that are missing at random do to the estimate of a study: the check `missing_ties`.

Covariates of a study are made of ties in many ways, so its rows are built again from fewer of them. The slope of a count
or proportion is extrapolated to no missing ties; of any other estimate the bias curve is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causal import plm
from causal.estimators import EstimationSettings, Sample, dependence_of
from causal.exposure import Count, Proportion
from causal.fewer_ties import DRAWS, KEPT, BiasCurve, Extrapolated, Scores, curve_of, extrapolate, levels
from causal.folds import graph_folds
from causal.results import Check, Estimate
from causal.study import EffectSettings, headline, options
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator

Int = NDArray[np.int64]

Thin = Callable[[float, int], tuple[Sample, Int]]
"""Rows built from a share of the observed ties, in the draw of a seed, and which rows of the study they are."""

ASSUMES = (
    "This assumes that every {tie} is missing with the same chance, whoever's it is and whatever they did, and that the "
    "share is right; ties that are missing for a reason are not put right by it."
)
UNKNOWN = "It shows what fewer {ties} do to this estimate, not what all of them would give."


def missing_ties(thin: Thin, declared: Estimate, settings: EffectSettings, progress: Progress = SILENT) -> Check:
    """Say what the estimate would be without missing ties, or at least what it does as more of them are missing.

    Args:
        thin: Builds the rows from a share of the observed ties; with a share of 1 those of the study.
        declared: The headline.
        settings: What is estimated; `missing_ties` above 0.
        progress: Where to report.
    """
    slope = isinstance(settings.mapping, Count | Proportion) and settings.headline == "plm"
    with progress.task("missing ties", 1 + DRAWS * len(KEPT), "refits") as task:

        def rows(share: float, draw: int) -> tuple[Sample, Int]:
            task.advance()
            return thin(share, settings.seed + draw)

        if slope:
            return _corrected(_extrapolated(rows, settings), declared, settings)
        return _curve(_estimates(rows, settings), settings)


def _extrapolated(thin: Thin, settings: EffectSettings) -> Extrapolated:
    how = options(settings, sensitivity=False)
    whole, _ = thin(1.0, 0)
    n = len(whole.y)
    scores = {1.0: [slope_scores(whole, np.arange(n), n, how)]}
    for share in levels(KEPT)[1:]:
        scores[share] = [slope_scores(*thin(share, draw), n, how) for draw in range(DRAWS)]
    return extrapolate(
        scores,
        dependence_of(whole, how),
        missing=settings.missing_ties,
        exposure=settings.mapping.definition,
        count=isinstance(settings.mapping, Count),
        level=how.level,
    )


def slope_scores(sample: Sample, place: Int, n: int, how: EstimationSettings) -> Scores:
    """Return ẽ ỹ and ẽ² of a sample's rows at their places among n, over the number of its rows."""
    folds = graph_folds(sample.person, sample.adjacency, sample.communities, k=how.folds, seed=how.seed)
    left = plm.fit_residuals(sample.y, sample.e, sample.X, folds, learners=how.learners, seed=how.seed)
    a, b = np.zeros(n), np.zeros(n)
    a[place], b[place] = left.exposure * left.outcome / len(place), left.exposure**2 / len(place)
    return a, b


def _estimates(thin: Thin, settings: EffectSettings) -> BiasCurve:
    how = options(settings, sensitivity=False)

    def fit(share: float, draw: int) -> Estimate:
        return headline(thin(share, draw)[0], settings, how, SILENT).estimates[0]

    return curve_of(fit, settings.mapping.definition, kept=KEPT, draws=DRAWS)


def _words(settings: EffectSettings) -> dict[str, str]:
    return {"tie": "answer", "ties": "answers"} if settings.design == "replies" else {"tie": "tie", "ties": "ties"}


def _corrected(found: Extrapolated, declared: Estimate, settings: EffectSettings) -> Check:
    word, share = _words(settings), settings.missing_ties
    figures: dict[str, Any] = {"missing": share, "method": "simex", "declared": declared.estimate}
    figures |= {k: getattr(found, k) for k in ("estimate", "se", "ci_low", "ci_high", "reliability", "z", "chance")}
    figures |= {"refused": found.refused, "bias_curve": found.curve.to_dict()}
    said = f"{share:.0%} of the {word['ties']} are said to be missing. "
    if found.estimate is None or declared.estimate is None:
        said += f"The estimate cannot be put right: {found.refused}. As more are taken away it is "
        return Check("missing_ties", "refused", said + found.curve.summary(), figures)
    per = " per peer, seen or not" if isinstance(settings.mapping, Count) else ""
    said += (
        f"With all of them the slope would be {found.estimate:+.3f} [{found.ci_low:+.3f}, {found.ci_high:+.3f}]{per}, where"
        f" the observed ones give {declared.estimate:+.3f}. {ASSUMES.format(**word)}"
    )
    inside = declared.ci_low is not None and declared.ci_high is not None
    near = inside and declared.ci_low <= found.estimate <= declared.ci_high  # type: ignore[operator]
    return Check("missing_ties", "pass" if near else "warn", said, figures)


def _curve(curve: BiasCurve, settings: EffectSettings) -> Check:
    word = _words(settings)
    said = (
        f"{settings.missing_ties:.0%} of the {word['ties']} are said to be missing. No correction is known for this"
        f" exposure and estimator. As more are taken away the estimate is {curve.summary()} {UNKNOWN.format(**word)}"
    )
    figures = {"missing": settings.missing_ties, "method": "bias_curve", "bias_curve": curve.to_dict()}
    return Check("missing_ties", "not_informative", said, figures)


def without_answers(messages: pa.Table, kept: float, seed: int) -> pa.Table:
    """Return the messages (N) with some answers of which nobody knows what they answered.

    Args:
        messages: Table of schema `ingest.schema.MESSAGES`.
        kept: Share of the answers that keep their parent.
        seed: Names the draw.
    """
    place = messages.schema.get_field_index("parent_id")
    lost = generator(seed, "missing answers").random(messages.num_rows) >= kept
    lost &= messages["parent_id"].is_valid().to_numpy()
    parents = pc.if_else(pa.array(lost), pa.scalar("", pa.string()), messages["parent_id"])
    return messages.set_column(place, messages.schema.field(place), parents)
