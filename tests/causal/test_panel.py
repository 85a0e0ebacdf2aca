"""The panel against a plain-Python reading of its definition, and against the simulator's own account."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings

from causal import leaks
from causal.events import calendar_of, events_from
from causal.panel import PanelSettings, first_period, union_graph, with_rows
from causal.schema import PANEL
from copenet.foundation.errors import RefusedError, UsageError
from tests.causal.worlds import DAY, SETTINGS, Said, conversations, inputs_of, messages_of, panel_of, simulated

WEEK = 7


def oracle(said, t, channel):
    """Rows of week `t` by reading the definition with dictionaries: {person: (peers, exposing, outcome, dropped)}."""
    week = [s.day // WEEK for s in said]
    root = []
    for i, s in enumerate(said):
        root.append(i if s.answers is None else root[s.answers])
    at_risk = {s.who for s, w in zip(said, week, strict=True) if s.who and t - SETTINGS.risk_periods <= w < t}
    rows = {}
    for person in at_risk:
        peers = set()
        for s, w in zip(said, week, strict=True):
            if s.answers is None or not s.who or not t - SETTINGS.lookback_periods <= w < t:
                continue
            replier, replied = s.who, said[s.answers].who
            if replied is None or replier == replied:
                continue
            if channel == "received_reply" and replied == person:
                peers.add(replier)
            if channel == "replied_to" and replier == person:
                peers.add(replied)
        exposing = {s.who for s, w in zip(said, week, strict=True) if w == t and s.uses and s.who in peers}
        supplied = {root[i] for i, s in enumerate(said) if week[i] == t and s.uses and s.who in peers}
        later = [root[i] for i, s in enumerate(said) if week[i] == t + 1 and s.uses and s.who == person]
        kept = [thread for thread in later if thread not in supplied]
        rows[person] = (len(peers), len(exposing), bool(kept), len(later) - len(kept))
    return rows


@given(conversations())
@settings(max_examples=60, deadline=None)
def test_rows_equal_the_definition_read_in_plain_python(said):
    inputs = inputs_of(said)
    for channel in ("received_reply", "replied_to"):
        expected = {t: oracle(said, t, channel) for t in range(2, 5)}
        if not any(expected.values()):
            with pytest.raises(RefusedError):
                panel_of(inputs, channel=channel)
            continue
        panel, _, _ = panel_of(inputs, channel=channel)
        got = {t: {} for t in expected}
        for k in range(len(panel.person)):
            values = (panel.n_peers[k], panel.exposing[k], panel.outcome[k], panel.dropped[k])
            got[int(panel.period[k])][panel.people[panel.person[k]]] = tuple(v.item() for v in values)
        assert got == expected


@given(conversations())
@settings(max_examples=40, deadline=None)
def test_history_equals_plain_counts(said):
    inputs = inputs_of(said)
    try:
        panel, _, _ = panel_of(inputs)
    except RefusedError:
        return
    column = {name: panel.covariates[:, k] for k, name in enumerate(panel.names)}
    for k, t in enumerate(panel.period.tolist()):
        person = panel.people[panel.person[k]]
        mine = [s for s in said if s.who == person and s.day // WEEK < t]
        weeks = {s.day // WEEK for s in mine}
        used = {s.day // WEEK for s in mine if s.uses}
        assert column["own_log_messages"][k] == pytest.approx(np.log1p(len(mine)))
        assert column["own_log_uses"][k] == pytest.approx(np.log1p(sum(s.uses for s in mine)))
        assert column["own_used_last"][k] == float(t - 1 in used)
        assert column["own_used_before"][k] == float(t - 2 in used)
        assert column["own_recency"][k] == t - max(weeks)
        assert column["own_log_tenure"][k] == pytest.approx(np.log1p(t - min(weeks)))
        assert column["own_recent_active"][k] == len(weeks & {t - 1, t - 2}) / 2
        assert column["n_peers"][k] == panel.n_peers[k]


def test_panel_equals_the_simulators_own_account():
    world, inputs = simulated()
    panel, _, _ = panel_of(inputs, PanelSettings())
    code = np.asarray([int(name.split("_")[1]) for name in panel.people])[panel.person]
    rows = world.rows
    at_risk = np.zeros_like(rows.at_risk)
    at_risk[code, panel.period] = True
    assert np.array_equal(at_risk, rows.at_risk)
    assert np.array_equal(rows.n_peers[code, panel.period], panel.n_peers)
    assert np.array_equal(rows.exposed[code, panel.period], panel.exposing > 0)
    same = rows.used[code, panel.period + 1] == panel.outcome
    assert np.all(same | (panel.dropped > 0))
    assert int(panel.eligible.sum()) == world.truth()["rows"]


def test_outcome_in_a_thread_that_supplied_the_exposure_is_dropped():
    a, b = "reddit:u_a", "reddit:u_b"
    said = [
        Said(a, 0, None, False),
        Said(b, 15, 0, False),  # b answers a before week 3: b is a's peer
        Said(a, 16, None, False),
        Said(b, 21, None, True),  # week 3: b uses the strategy in a thread
        Said(a, 28, 3, True),  # week 4: a uses it there
        Said(b, 41, None, False),
    ]
    panel, _, _ = panel_of(inputs_of(said))
    row = (panel.period == 3) & (np.asarray(panel.people)[panel.person] == a)
    assert panel.exposing[row].tolist() == [1]
    assert panel.outcome[row].tolist() == [False]
    assert panel.dropped[row].tolist() == [1]
    assert panel.posted[row].tolist() == [True]


def test_table_follows_its_schema():
    _, inputs = simulated()
    panel, _, _ = panel_of(inputs, PanelSettings())
    table = panel.table()
    assert table.schema.equals(PANEL)
    assert table.num_rows == len(panel.person)
    assert np.allclose(np.stack(table["covariates"].to_numpy(zero_copy_only=False)), panel.covariates)
    assert np.all(np.isfinite(panel.covariates))
    assert len(panel.names) == len(panel.groups) == panel.covariates.shape[1]
    assert len(set(panel.names)) == len(panel.names)


def test_too_short_data_are_refused():
    said = [Said("reddit:u_0", day, None, False) for day in range(14)]
    with pytest.raises(RefusedError, match="periods"):
        panel_of(inputs_of(said))


def test_settings_count_from_one():
    for wrong in ({"period_weeks": 0}, {"risk_periods": 0}, {"text_dimensions": -1}):
        with pytest.raises(UsageError):
            PanelSettings(**wrong)


def test_union_graph_is_symmetric_and_ends_before_the_last_outcome():
    _, inputs = simulated()
    panel, _, ties = panel_of(inputs, PanelSettings())
    graph = union_graph(panel, ties)
    assert (graph != graph.T).nnz == 0
    assert graph.diagonal().sum() == 0
    last = panel.calendar.start(int(panel.period.max()) + 1)
    pairs = {
        frozenset(p)
        for p, w in zip(zip(ties.ego.tolist(), ties.peer.tolist(), strict=True), ties.time, strict=True)
        if w < last
    }
    assert graph.nnz == 2 * len(pairs)


def test_choosing_rows_chooses_all_columns():
    _, inputs = simulated()
    panel, _, _ = panel_of(inputs, PanelSettings())
    chosen = with_rows(panel, panel.eligible)
    assert len(chosen.outcome) == len(chosen.covariates) == int(panel.eligible.sum())


def test_numbers_do_not_depend_on_the_hash_seed_or_on_the_order_of_the_table():
    code = (
        "import sys; from tests.causal.worlds import simulated, panel_of; import hashlib;"
        "from causal.panel import PanelSettings; p, _, _ = panel_of(simulated()[1], PanelSettings());"
        "print(hashlib.sha256(p.covariates.tobytes() + p.outcome.tobytes()).hexdigest())"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": s},
            check=True,
            capture_output=True,
        ).stdout
        for s in ("1", "2")
    }
    assert len(printed) == 1
    _, inputs = simulated()
    order = np.random.default_rng(0).permutation(inputs.messages.num_rows)
    shuffled = type(inputs)(inputs.messages.take(order), inputs.used[order], inputs.features[order], inputs.ties)
    one, two = (panel_of(i, PanelSettings())[0] for i in (inputs, shuffled))
    assert np.array_equal(one.covariates, two.covariates)
    assert np.array_equal(one.outcome, two.outcome)
    assert DAY == 86_400


def test_a_representation_of_prior_words_and_ties_is_a_covariate_and_leaks_nothing():
    _, inputs = simulated()
    settings = PanelSettings(representation_dimensions=3)
    panel, events, _ = panel_of(inputs, settings)
    columns = [k for k, g in enumerate(panel.groups) if g == "representation"]
    assert len(columns) == 3
    assert np.all(panel.covariates[:, columns].std(axis=0) > 0)
    check = leaks.audit(panel, events, inputs, "received_reply")
    assert check.status == "pass", check.figures


def test_too_few_ties_for_a_representation_are_said():
    said = [Said(f"reddit:u_{k % 4}", day, None, False) for k, day in enumerate(range(42))]
    panel, _, _ = panel_of(inputs_of(said), PanelSettings(1, 2, 2, 2, 0, 2, representation_dimensions=3))
    assert panel.basis.representation is None
    assert "ties" in panel.basis.without_representation
    assert "representation" not in panel.groups


def test_a_thin_beginning_makes_the_burn_in_longer_up_to_half_of_the_periods():
    said = [Said("reddit:u_0", day, None, False) for day in range(42)]
    events = events_from(*messages_of(said))
    calendar = calendar_of(events, 1)
    for messages, first in ((0, 2), (14, 2), (15, 3), (21, 3), (22, 3), (10_000, 3)):
        assert first_period(events, calendar, PanelSettings(1, 2, 2, 2, messages)) == first
