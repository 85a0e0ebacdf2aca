"""Spatial two-stage least squares on the Columbus data, as spreg's own tests print it, and spreg beside ours."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from causal.exposure import row_normalised
from causal.linear_in_means import LinearInMeans
from causal.two_stage import two_stage


@pytest.fixture
def columbus(shared_data):
    """The columns, and W from pairs of districts that share a border."""
    folder = shared_data / "parity" / "spreg_columbus"
    frame = pd.read_csv(folder / "columbus.csv")
    with (folder / "rook_edges.csv").open() as file:
        pairs = np.array([[int(v) for v in row] for row in list(csv.reader(file))[1:]])
    adjacency = csr_array((np.ones(len(pairs)), pairs.T), shape=(49, 49))
    return frame, adjacency


def matrices(frame, adjacency, exogenous, instruments):
    """Regressors [1, exogenous, endogenous, W y] and instruments [1, M, WM, W²M], M = [exogenous, others]."""
    W, y = row_normalised(adjacency), frame["HOVAL"].to_numpy()
    endogenous = [name for name in ("INC", "CRIME") if name not in exogenous]
    X, M, ones = frame[exogenous].to_numpy(), frame[exogenous + instruments].to_numpy(), np.ones((49, 1))
    regressors = np.column_stack([ones, X, frame[endogenous].to_numpy(), W @ y])
    return y, regressors, np.column_stack([ones, M, W @ M, W @ (W @ M)])


def test_the_spatial_lag_model(columbus):
    fit = two_stage(*matrices(*columbus, ["INC", "CRIME"], []))
    assert fit.coefficients == pytest.approx([45.3017056, 0.620888617, -0.480723451, 0.0283622122], rel=1e-8)
    assert fit.sigma2 == pytest.approx(215.39625394627919, rel=1e-9)
    assert fit.classical_se() == pytest.approx([17.91278862, 0.52486082, 0.1822815, 0.31740089], rel=1e-7)
    assert fit.robust_se() == pytest.approx([20.47077481, 0.50613931, 0.20138425, 0.38028295], rel=1e-7)


def test_with_an_endogenous_regressor_and_its_instrument(columbus):
    fit = two_stage(*matrices(*columbus, ["INC"], ["DISCBD"]))
    assert fit.coefficients == pytest.approx([100.79359082, -0.50215501, -1.14881711, -0.38235022], rel=1e-7)
    assert fit.classical_se() == pytest.approx([53.0829123, 1.02511494, 0.57589064, 0.59891744], rel=1e-7)


def test_side_by_side_with_spreg(columbus):
    spreg, libpysal = pytest.importorskip("spreg"), pytest.importorskip("libpysal")
    frame, adjacency = columbus
    graph = libpysal.weights.WSP(adjacency).to_W(silence_warnings=True)
    graph.transform = "r"
    for robust in (None, "white"):
        peer = spreg.GM_Lag(
            frame[["HOVAL"]].to_numpy(), frame[["INC", "CRIME"]].to_numpy(), w=graph, w_lags=2, robust=robust
        )
        fit = two_stage(*matrices(frame, adjacency, ["INC", "CRIME"], []))
        ours = fit.robust_se() if robust else fit.classical_se()
        assert fit.coefficients == pytest.approx(peer.betas.ravel(), rel=1e-6)
        assert ours == pytest.approx(peer.std_err, rel=1e-6)


def test_the_public_estimator_sets_up_the_same_regression_and_refuses_its_weak_instruments(columbus, monkeypatch):
    frame, adjacency = columbus
    asked = LinearInMeans(outcome="HOVAL", covariates=["INC", "CRIME"], contextual=[])
    fit = asked.fit(frame, adjacency, communities=np.zeros(49, dtype=int))
    assert fit.refused.startswith("weak instruments")
    monkeypatch.setattr("causal.two_stage.FirstStage.weak", property(lambda _: False))
    found = {
        e.estimand: e.estimate for e in asked.fit(frame, adjacency, communities=np.zeros(49, dtype=int)).estimates[:3]
    }
    assert found["endogenous"] == pytest.approx(0.0283622122, rel=1e-8)
    assert (found["own:INC"], found["own:CRIME"]) == (pytest.approx(0.620888617), pytest.approx(-0.480723451))
