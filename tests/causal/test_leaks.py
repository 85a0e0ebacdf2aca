"""Every leak of rule 1 is planted and seen caught; the panel itself passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import causal.covariates
import causal.panel
from causal import leaks
from causal.covariates import fit_basis, pattern, principal_axes
from causal.events import events_from
from causal.panel import PanelSettings, prefix_at
from graph.partition import communities
from graph.ties import build_ties
from tests.causal.worlds import panel_of, simulated

SETTINGS = PanelSettings(text_dimensions=3)
CHANNEL = "received_reply"


@pytest.fixture(scope="module")
def study():
    _, inputs = simulated()
    panel, events, ties = panel_of(inputs, SETTINGS)
    return panel, events, ties, inputs


def audited(inputs, channel=CHANNEL):
    """Build a panel with whatever is patched in, and audit it in the same way."""
    panel, events, _ = panel_of(inputs, SETTINGS, channel)
    return leaks.audit(panel, events, inputs, channel)


def test_the_panel_itself_passes(study):
    panel, events, _, inputs = study
    check = leaks.audit(panel, events, inputs, CHANNEL)
    assert check.status == "pass"
    assert check.figures["leaks_truncation"]["largest_difference"] == 0.0
    assert set(check.figures) == {"leaks_truncation", "leaks_ties", "leaks_order", "leaks_clock"}


@pytest.mark.parametrize(("moved", "status"), [(2e-6, "pass"), (1e-3, "fail")])
def test_the_rounding_of_32_bits_is_no_leak_and_a_thousandth_is(study, moved, status):
    """Of four Reddit communities one representation differed by 1.9e-6, two units in its last place."""
    panel, _, _, inputs = study
    build = leaks.panel_builder(SETTINGS, CHANNEL, panel.calendar)

    def rounded(inputs, period):
        rows = build(inputs, period)
        return replace(rows, covariates=rows.covariates + moved)

    periods = leaks.sampled_periods(panel)
    assert leaks.truncation_audit(panel, inputs, rounded, periods).status == status


@pytest.mark.parametrize("channel", ["replied_to", "co_thread"])
def test_every_channel_is_compared_and_passes(channel):
    _, inputs = simulated()
    check = audited(inputs, channel)
    assert check.status == "pass"
    assert check.figures["leaks_ties"]["periods"]


def with_limit(inputs, most):
    return replace(inputs, ties=build_ties(inputs.messages, window_days=14, max_thread_people=most).ties)


def test_the_audit_of_threads_uses_the_limit_the_ties_were_built_with():
    _, inputs = simulated()
    inputs = with_limit(inputs, 3)
    panel, events, _ = panel_of(inputs, SETTINGS, "co_thread")
    assert leaks.audit(panel, events, inputs, "co_thread", max_thread_people=3).status == "pass"
    assert leaks.audit(panel, events, inputs, "co_thread").status == "fail"


def test_a_limit_on_whole_threads_is_caught_because_later_growth_takes_back_ties():
    """Each thread's ties are taken away once more people than the limit have ever written there."""
    _, inputs = simulated()
    sizes = inputs.messages.group_by("thread_id").aggregate([("author_id", "count_distinct")])
    most = 2
    small = sizes.filter(pa.compute.less_equal(sizes["author_id_count_distinct"], most))["thread_id"]
    inside = pa.compute.is_in(inputs.messages["thread_id"], value_set=small.combine_chunks())
    ties = build_ties(inputs.messages.filter(inside), window_days=14, max_thread_people=most).ties
    leaky = replace(inputs, ties=ties)
    panel, events, _ = panel_of(leaky, SETTINGS, "co_thread")
    check = leaks.audit(panel, events, leaky, "co_thread", max_thread_people=most)
    assert check.status == "fail"
    assert check.figures["leaks_ties"]["rows"] > 0


def test_text_of_the_same_period_among_the_covariates_is_caught(monkeypatch):
    _, inputs = simulated()
    original = causal.panel.build_slice

    def leaking(data, calendar, period, basis, settings):
        rows = original(data, calendar, period, basis, settings)
        upto = data[0].before(calendar.start(period + 1))
        covariates = rows.covariates.copy()
        covariates[:, basis.names.index("own_text_0")] = causal.covariates.mean_text(upto)[rows.person, 0]
        return replace(rows, covariates=covariates)

    monkeypatch.setattr(causal.panel, "build_slice", leaking)
    monkeypatch.setattr(leaks, "build_slice", leaking)
    check = audited(inputs)
    assert check.status == "fail"
    assert check.figures["leaks_truncation"]["covariates"] == ["own_text_0"]


def test_ties_of_the_same_period_are_caught(monkeypatch):
    _, inputs = simulated()

    def leaking(events, ties, calendar, period, settings):
        later = ties.before(calendar.start(period + 1))
        return replace(prefix_at(events, ties, calendar, period, settings), ties=later)

    def peers(self, *, ago=0):
        low = self.calendar.start(self.period - ago - self.lookback_periods)
        ties = self.ties.since(low)
        return pattern(ties.ego, ties.peer, len(self.events.people))

    monkeypatch.setattr(causal.panel, "prefix_at", leaking)
    monkeypatch.setattr(leaks, "prefix_at", leaking)
    monkeypatch.setattr(causal.covariates.Prefix, "peers", peers)
    check = audited(inputs)
    assert check.status == "fail"
    assert check.figures["leaks_truncation"]["rows"] > 0
    assert check.figures["leaks_ties"]["rows"] > 0


def test_a_tie_table_with_wrong_times_is_caught():
    _, inputs = simulated()
    back = pa.scalar(14 * 86_400 * 1_000_000, pa.duration("us"))
    ties = inputs.ties
    for name in ("window_start", "first_at", "last_at"):
        column = pa.compute.subtract(ties[name], back)
        ties = ties.set_column(ties.column_names.index(name), ties.schema.field(name), column)
    check = audited(replace(inputs, ties=ties))
    assert check.status == "fail"
    assert check.figures["leaks_ties"]["rows"] > 0


def test_communities_of_the_whole_period_are_caught(monkeypatch):
    """A covariate made from the whole tie table: in the cut tables that table ends earlier."""
    _, inputs = simulated()
    panel, events, _ = panel_of(inputs, SETTINGS)
    build = leaks.panel_builder(SETTINGS, CHANNEL, panel.calendar)

    def with_communities(rows, given):
        found = communities(given.ties, seed=0).table
        of = dict(zip(found["author_id"].to_pylist(), found["community"].to_pylist(), strict=True))
        column = np.asarray([of.get(a, -1) for a in rows.author], dtype=float)
        return replace(rows, covariates=np.column_stack([rows.covariates, column]))

    def leaking(given, period):
        return with_communities(build(given, period), given)

    columns = [with_communities(leaks.rows_of(panel, p), inputs).covariates for p in np.unique(panel.period).tolist()]
    leaky = replace(panel, covariates=np.concatenate(columns), names=(*panel.names, "community"))
    check = leaks.audit(leaky, events, inputs, CHANNEL, leaking)
    assert check.status == "fail"
    assert check.figures["leaks_truncation"]["covariates"] == ["community"]


def test_a_text_basis_fitted_on_everything_is_caught(monkeypatch):
    _, inputs = simulated()
    everything = events_from(inputs.messages, inputs.used, inputs.features)

    def leaking(prefix, settings):
        mean, axes = principal_axes(everything.features, settings.text_dimensions)
        return replace(fit_basis(prefix, settings), mean=mean, components=axes)

    monkeypatch.setattr(causal.panel, "fit_basis", leaking)
    panel, events, _ = panel_of(inputs, SETTINGS)
    check = leaks.audit(panel, events, inputs, CHANNEL)
    assert check.status == "fail"
    assert any("text" in name for name in check.figures["leaks_truncation"]["covariates"])


def test_a_shuffled_clock_is_caught():
    _, inputs = simulated()
    times = inputs.messages["created_at"].take(np.random.default_rng(0).permutation(inputs.messages.num_rows))
    messages = inputs.messages.set_column(
        inputs.messages.column_names.index("created_at"), inputs.messages.schema.field("created_at"), times
    )
    shuffled = replace(inputs, messages=messages, ties=build_ties(messages, window_days=14).ties)
    check = audited(shuffled)
    assert check.status == "fail"
    assert 0.4 < check.figures["leaks_clock"]["share"] < 0.6


def test_an_outcome_before_the_exposure_is_caught(study):
    panel, events, _, _ = study
    assert leaks.order_audit(panel, events).status == "pass"
    used = leaks._used(events, panel.calendar, len(panel.people))
    early = replace(panel, outcome=used[panel.person, panel.period - 1] > 0, dropped=np.zeros_like(panel.dropped))
    check = leaks.order_audit(early, events)
    assert check.status == "fail"
    assert check.figures["outcomes"] > 100


def test_an_exposure_from_another_period_is_caught(study):
    panel, events, _, _ = study
    used = leaks._used(events, panel.calendar, len(panel.people))
    late = np.concatenate([np.asarray(s.peers @ used[:, s.period + 1], dtype=np.int64) for s in panel.slices])
    check = leaks.order_audit(replace(panel, exposing=late), events)
    assert check.status == "fail"
    assert check.figures["exposures"] > 100


def test_a_few_early_answers_warn_and_none_pass(study):
    _, events, _, _ = study
    assert leaks.clock_audit(events).status == "pass"
    answers = np.flatnonzero(events.parent_time != events.time)
    late = events.parent_time.copy()
    late[answers[: len(answers) // 20]] += 10**15
    assert leaks.clock_audit(replace(events, parent_time=late)).status == "warn"


def with_clock(inputs, change):
    """Change the times (microseconds) of the messages by their table, and build the ties anew."""
    messages = inputs.messages
    times = change(messages, messages["created_at"].cast(pa.int64()).to_pylist())
    place, field = messages.column_names.index("created_at"), messages.schema.field("created_at")
    messages = messages.set_column(place, field, pa.array(times, pa.int64()).cast(field.type))
    return replace(inputs, messages=messages, ties=build_ties(messages, window_days=14).ties)


def some_answers(messages, most=40):
    """Return (row of an answer, row of its parent) of answers to messages in the table."""
    rows = {name: row for row, name in enumerate(messages["message_id"].to_pylist())}
    pairs = [(row, rows[p]) for row, p in enumerate(messages["parent_id"].to_pylist()) if p in rows]
    return pairs[:: max(1, len(pairs) // most)]


def undated_parents(messages, times):
    return [None if row in {parent for _, parent in some_answers(messages)} else t for row, t in enumerate(times)]


def just_before_the_parent(messages, times):
    """Answers half a minute older than their parents, across the start of a period."""
    width = 14 * 86_400 * 1_000_000
    origin = 4 * 86_400 * 1_000_000
    for answer, parent in some_answers(messages):
        start = (times[parent] - origin) // width * width + origin
        times[parent], times[answer] = start + 10_000_000, start - 20_000_000
    return times


def days_early(messages, times):
    for answer, parent in some_answers(messages, 3):
        times[answer] = times[parent] - 20 * 86_400 * 1_000_000
    return times


@pytest.mark.parametrize("named", [True, False], ids=["parent_author_named", "parent_author_unnamed"])
@pytest.mark.parametrize("change", [undated_parents, just_before_the_parent, days_early])
def test_odd_times_of_an_honest_dump_are_no_leak(change, named):
    _, inputs = simulated()
    if not named:
        place = inputs.messages.column_names.index("parent_author_id")
        nothing = pa.nulls(inputs.messages.num_rows, pa.string())
        unnamed = inputs.messages.set_column(place, inputs.messages.schema.field(place), nothing)
        inputs = replace(inputs, messages=unnamed)
    odd = with_clock(inputs, change)
    assert not odd.messages["created_at"].equals(inputs.messages["created_at"])
    for channel in ("received_reply", "co_thread"):
        check = audited(odd, channel)
        assert check.status in ("pass", "warn"), check.detail
        assert check.figures["leaks_truncation"]["rows"] == check.figures["leaks_ties"]["rows"] == 0


@pytest.mark.parametrize("channel", ["replied_to", "received_reply"])
def test_who_is_answered_by_name_before_they_write_a_first_message_is_no_leak(channel):
    """As in dumps of a search on X: the answer names its addressee, whose own messages are found only later."""
    _, inputs = simulated()
    times = inputs.messages["created_at"].cast(pa.int64()).to_numpy()
    late = np.isin(inputs.messages["author_id"].to_pylist(), inputs.messages["author_id"].unique().to_pylist()[::5])
    kept = ~late | (times > np.median(times))
    messages = inputs.messages.filter(pa.array(kept))
    cut = replace(
        inputs,
        messages=messages,
        used=inputs.used[kept],
        features=None if inputs.features is None else inputs.features[kept],
        ties=build_ties(messages, window_days=14).ties,
    )
    wrote = dict(zip(*(messages.group_by("author_id").aggregate([("created_at", "min")]).columns), strict=True))
    first = {str(who): when.value for who, when in wrote.items()}
    assert any(
        a is not None and str(a) in first and t < first[str(a)]
        for a, t in zip(messages["parent_author_id"].to_pylist(), times[kept], strict=True)
    )
    check = audited(cut, channel)
    assert check.status == "pass", check.detail


def test_as_many_peers_but_other_people_are_caught(study):
    panel, _, _, inputs = study
    other = np.random.default_rng(0).permutation(len(panel.people))
    swapped = replace(panel, slices=tuple(replace(s, peers=s.peers[:, other]) for s in panel.slices))
    periods = leaks.sampled_periods(panel)
    assert leaks.tie_audit(panel, inputs, CHANNEL, periods).status == "pass"
    assert leaks.tie_audit(swapped, inputs, CHANNEL, periods).status == "fail"
