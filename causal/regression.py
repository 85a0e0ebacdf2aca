"""Least squares with influence values, for `ols` and `naive`: what people print today, beside what we believe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def least_squares(y: Float, regressors: Float, column: int = 1) -> tuple[float, Float]:
    """Return one coefficient of a least-squares fit and the influence value of each row on it.

    Collinear regressors are allowed (minimum-norm solution). The mean of the influence values is 0; their covariance
    over n² is the sandwich variance (HC0 when rows are independent).

    Args:
        y: Outcome (n).
        regressors: n x k matrix, a constant included.
        column: Whose coefficient.

    >>> y = np.array([1.0, 2.0, 4.0, 5.0]); d = np.array([0.0, 0.0, 1.0, 1.0])
    >>> round(least_squares(y, np.column_stack([np.ones(4), d]))[0], 12)
    3.0
    """
    inverse = np.linalg.pinv(regressors)
    beta = inverse @ y
    return float(beta[column]), len(y) * inverse[column] * (y - regressors @ beta)


def naive(y: Float, e: Float) -> tuple[float, Float]:
    """Return the plain slope of y on e (the difference of means when e is binary) and its influence values."""
    return least_squares(y, np.column_stack([np.ones(len(y)), e]))


def ols(y: Float, e: Float, X: Float) -> tuple[float, Float]:
    """Return the slope of y on e beside the covariates, and its influence values.

    Covariates are standardised first, so that their units do not decide what counts as collinear.
    """
    spread = X.std(axis=0)
    varying = spread > 0
    scaled = (X[:, varying] - X[:, varying].mean(axis=0)) / spread[varying]
    return least_squares(y, np.column_stack([np.ones(len(y)), e, scaled]))
