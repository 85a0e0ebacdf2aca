"""The exposure curve: its levels, a known truth, bands, and what has no overlap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal.curve import LABEL, edges_of, exposure_curve
from causal.curve_figures import exposure_curve as drawn
from copenet.foundation.errors import UsageError
from tests.causal.test_shift import LINEAR, world


@given(st.lists(st.integers(0, 12), min_size=1, max_size=400), st.sampled_from([1.0, 0.1]))
def test_levels_are_few_and_none_is_nearly_empty(values, unit):
    e = np.array(values) * unit
    lower = edges_of(e, most=5, fewest=20)
    counts = np.bincount(np.searchsorted(lower, e, side="right") - 1, minlength=len(lower))
    assert lower[0] == e.min()
    assert np.all(np.diff(lower) > 0)
    assert len(lower) <= 5
    assert len(lower) == 1 or counts.min() >= 20


def test_the_mean_outcome_of_each_level_is_found_and_the_band_holds_all():
    sample, _, _ = world(0, n=3000, curve=True)
    curve = exposure_curve(sample, LINEAR)
    assert curve.label == LABEL
    rest = (sample.X[:, 0] + 0.1 * sample.n_peers).mean()
    for level in curve.levels[:3]:
        value = float(level.name)
        assert abs(level.estimate - 0.4 * value**2 - rest) < 3.3 * level.se
        assert level.band_low < level.ci_low < level.estimate < level.ci_high < level.band_high
        assert level.se < 1.1 * sample.y[sample.e == value].std() / np.sqrt(level.n)  # adjusted within the level
        assert level.n == np.sum(sample.e == value)
    assert sum(level.n for level in curve.levels) == 3000
    raw = [sample.y[sample.e == k].mean() for k in (0, 2)]
    assert raw[1] - raw[0] > 1.6 + 0.3  # what the levels look like unadjusted


def test_a_level_without_overlap_is_refused_and_the_others_are_given():
    sample, _, _ = world(1, n=1500)
    e = np.where(sample.X[:, 0] > 1, 3.0, np.minimum(sample.e, 2))
    curve = exposure_curve(replace(sample, e=e), LINEAR)
    assert "No overlap" in curve.levels[-1].refused
    assert curve.levels[-1].estimate is None
    assert all(level.estimate is not None for level in curve.levels[:2])
    assert "1 level(s) without overlap" in drawn(curve.to_dict()["levels"]).caption


def test_an_exposure_that_never_varies_has_no_curve():
    curve = exposure_curve(replace(world(2)[0], e=np.ones(500)), LINEAR)
    assert curve.levels == ()
    assert "never varies" in curve.refused
    with pytest.raises(UsageError, match="No level"):
        drawn([])
