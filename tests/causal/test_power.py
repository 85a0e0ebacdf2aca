"""Power by the law of the interval: noncentral t against scipy's, and its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from causal.power import detectable, power_against


@pytest.mark.parametrize("dof", [1.0, 1.4, 3.0, 7.5, 30.0])
@pytest.mark.parametrize("away", [0.0, 1.0, 2.8, 4.0])
def test_power_of_a_t_test_is_that_of_scipys_noncentral_t(dof, away):
    limit = stats.t(dof).isf(0.025)
    expected = stats.nct.sf(limit, dof, away) + stats.nct.cdf(-limit, dof, away)
    assert power_against(away, 1.0, dof) == pytest.approx(expected, abs=2e-3)


def test_power_is_that_of_a_two_sided_test_and_its_level_where_nothing_is():
    assert power_against(-2.8, 1.0) == pytest.approx(power_against(2.8, 1.0))
    assert (power_against(1.0, 0.0), power_against(0.0, 0.0), power_against(-1.0, 0.0)) == (1.0, 0.0, 1.0)
    assert power_against(0.0, 1.0, 1.0) == pytest.approx(0.05, abs=2e-3)


@settings(max_examples=25)
@given(se=st.floats(0.01, 10), dof=st.one_of(st.none(), st.floats(1, 200)))
def test_what_is_detectable_is_seen_with_the_power_asked_for(se, dof):
    assert power_against(detectable(se, dof), se, dof) == pytest.approx(0.8, abs=1e-6)
    assert detectable(2 * se, dof) == pytest.approx(2 * detectable(se, dof))
