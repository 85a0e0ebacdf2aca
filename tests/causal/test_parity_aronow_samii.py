"""The figures of tests/testthat/test_var_yT.R in szonszein/interference (three units, joint probabilities given)."""

from __future__ import annotations

import numpy as np
import pytest

from causal.randomisation import never_together, seen_together, total_covariance, total_variance

Y = np.array([-1.0, 2.0, 3.0])
ONE, TWO = np.array([True, True, False]), np.array([False, False, True])
JOINT_ONE = np.array([[0.3, 0.2, 0.1], [0.2, 0.5, 0.4], [0.1, 0.4, 0.8]])
JOINT_TWO = np.array([[0.7, 0.4, 0.1], [0.4, 0.5, 0.1], [0.1, 0.1, 0.2]])
ZEROS_ONE = np.array([[0.3, 0, 0], [0, 0.5, 0.4], [0, 0.4, 0.8]])
ZEROS_TWO = np.array([[0.7, 0.4, 0.1], [0.4, 0.5, 0], [0.1, 0, 0.2]])
ACROSS = np.array([[0, 0.1, 0], [0.2, 0, 0.15], [0.4, 0.3, 0]])


@pytest.mark.parametrize(("shown", "joint", "expected"), [(ONE, JOINT_ONE, 9.11111), (TWO, JOINT_TWO, 180.0)])
def test_the_unadjusted_variance_of_a_total(shown, joint, expected):
    assert seen_together(Y, shown, joint) == pytest.approx(expected, abs=5e-6)
    assert total_variance(Y, shown, joint) == pytest.approx(expected, abs=5e-6)  # no pair is never shown together


@pytest.mark.parametrize(("shown", "joint", "expected"), [(ONE, ZEROS_ONE, 14.66667), (TWO, ZEROS_TWO, 45.0)])
def test_the_term_for_pairs_never_shown_together(shown, joint, expected):
    assert never_together(Y, shown, joint) == pytest.approx(expected, abs=5e-6)


def test_the_covariance_of_two_totals_both_ways():
    pi = np.diagonal(JOINT_ONE), np.diagonal(JOINT_TWO)
    assert total_covariance(Y, (ONE, TWO), pi, ACROSS) == pytest.approx(-32.33333, abs=5e-6)
    assert total_covariance(Y, (TWO, ONE), pi[::-1], ACROSS.T) == pytest.approx(-32.33333, abs=5e-6)
