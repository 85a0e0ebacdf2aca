"""Exposure mappings against their formulas written in plain Python."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array

from causal.exposure import (
    MAPPINGS,
    AnyPeer,
    ClosedTriad,
    Count,
    IsolatedPeers,
    Mapping,
    Proportion,
    RecencyWeighted,
    SimilarityWeighted,
    StructuralDiversity,
    Threshold,
    cosine_similarity,
    mapping_from,
)
from copenet.foundation.errors import UsageError


def in_plain_python(mapping, used):
    """Return E of one person from the list of what the peers did (1 or 0)."""
    if not used:
        return math.nan
    if isinstance(mapping, AnyPeer):
        return float(any(used))
    if isinstance(mapping, Count):
        return float(sum(used))
    if isinstance(mapping, Proportion):
        return sum(used) / len(used)
    # In integers, because 0.1 x 30 is above 3 in binary floating point.
    return float(1000 * sum(used) >= round(1000 * mapping.share) * len(used))


shares = st.integers(1, 1000).map(lambda s: s / 1000)
mappings = st.one_of(st.sampled_from([AnyPeer(), Count(), Proportion()]), st.builds(Threshold, shares))


@given(
    links=st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=7, max_size=7),
    treatment=st.lists(st.integers(0, 1), min_size=7, max_size=7),
    weight=st.sampled_from([1.0, 0.25, 40.0]),
    mapping=mappings,
)
def test_each_mapping_is_its_formula_over_the_people_in_the_row(links, treatment, weight, mapping):
    found, n_peers = mapping.apply(csr_array(np.array(links) * weight), np.array(treatment))
    peers = [[j for j in range(7) if row[j]] for row in links]
    assert n_peers.tolist() == [len(p) for p in peers]
    expected = [in_plain_python(mapping, [treatment[j] for j in p]) for p in peers]
    assert found == pytest.approx(np.array(expected), nan_ok=True)


def test_a_threshold_is_reached_when_the_share_is_met_exactly():
    """Every count, number of peers up to 100 and whole percentage: .07 x 100 is above 7 in binary floating point."""
    n, exposing = np.meshgrid(np.arange(1, 101), np.arange(101))
    for percent in range(1, 101):
        found = Threshold(percent / 100).of_counts(exposing.astype(float), n)
        assert np.array_equal(found, (100 * exposing >= percent * n).astype(float))


@pytest.mark.parametrize("mapping", [AnyPeer(), Count(), Proportion(), Threshold(0.3)])
def test_without_peers_no_exposure_is_defined(mapping):
    assert np.isnan(mapping.of_counts(np.array([0.0]), np.array([0]))).all()


@pytest.mark.parametrize("mapping", [AnyPeer(), Count(), Proportion(), Threshold(0.3)])
def test_a_stored_zero_is_no_tie(mapping):
    links = csr_array((np.array([0.0, 1.0]), (np.array([0, 1]), np.array([1, 0]))), shape=(2, 2))
    assert links.nnz == 2
    found, n_peers = mapping.apply(links, np.array([1.0, 1.0]))
    assert n_peers.tolist() == [0, 1]
    assert found == pytest.approx([math.nan, 1.0], nan_ok=True)


def test_a_tie_written_twice_is_one_peer():
    links = coo_array((np.ones(3), ([0, 0, 0], [1, 1, 2])), shape=(3, 3))
    found, n_peers = Proportion().apply(links, np.array([0.0, 1.0, 0.0]))
    assert (n_peers[0], found[0]) == (2, 0.5)


def test_rows_say_whom_one_is_exposed_to_and_columns_do_not():
    links = csr_array(([1.0], ([0], [1])), shape=(2, 2))
    found, n_peers = AnyPeer().apply(links, np.array([0.0, 1.0]))
    assert n_peers.tolist() == [1, 0]
    assert found[0] == 1.0


@given(name=st.sampled_from(sorted(MAPPINGS)), weeks=st.one_of(st.none(), st.integers(1, 9)), share=shares)
def test_a_mapping_is_read_from_its_setting(name, weeks, share):
    text = f"{name}:{share}" if name in ("threshold", "recency_weighted") else name
    mapping = mapping_from(text, "co_thread", weeks)
    assert (mapping.name, mapping.channel, mapping.weeks) == (name, "co_thread", weeks)
    assert getattr(mapping, "share", share) == share
    assert getattr(mapping, "half_life", share) == share
    assert mapping.binary == (name in ("any_peer", "threshold", "closed_triad"))


def test_definitions_name_mapping_share_and_channel():
    assert AnyPeer("replied_to").definition == "any_peer(replied_to)"
    assert Threshold(0.25).definition == "threshold:0.25(received_reply)"
    assert RecencyWeighted(2).definition == "recency_weighted:2(received_reply)"
    assert mapping_from("threshold") == Threshold(0.5)
    assert mapping_from("recency_weighted") == RecencyWeighted(1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("everyone", "No exposure is called everyone"),
        ("", "No exposure is called"),
        ("threshold:many", "many is not a share"),
        ("threshold:0", "above 0 and at most 1"),
        ("threshold:1.01", "above 0 and at most 1"),
        ("threshold:-0.5", "above 0 and at most 1"),
        ("threshold:nan", "above 0 and at most 1"),
        ("any_peer:0.5", "takes no share"),
        ("proportion:", "takes no share"),
        ("recency_weighted:long", "long is not a half-life"),
        ("recency_weighted:0", "above 0"),
        ("recency_weighted:inf", "above 0"),
    ],
)
def test_a_setting_that_names_no_mapping_is_refused_with_a_way_out(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        mapping_from(text)
    assert caught.value.remedy


def test_a_mapping_without_formula_says_so():
    with pytest.raises(UsageError, match="no formula"):
        Mapping().of_counts(np.ones(1), np.ones(1, dtype=int))


square = st.lists(st.lists(st.integers(0, 4), min_size=7, max_size=7), min_size=7, max_size=7)
treatments = st.lists(st.integers(0, 1), min_size=7, max_size=7)
EVERY = [AnyPeer(), Threshold(0.4), Proportion(), Count(), RecencyWeighted(2.0), SimilarityWeighted(), ClosedTriad()]
EVERY += [IsolatedPeers(), StructuralDiversity()]


def without_loops(square):
    links = np.array(square, dtype=float)
    np.fill_diagonal(links, 0)
    return links


@settings(max_examples=40)
@given(square, treatments, st.floats(0.2, 9))
def test_weighted_mappings_are_their_formula_over_the_values_of_the_row(square, treatment, half_life):
    links = without_loops(square)
    for mapping, weight in (
        (RecencyWeighted(half_life), lambda age: 2 ** (-(age - 1) / half_life)),
        (SimilarityWeighted(), lambda s: s),
    ):
        found, _ = mapping.apply(csr_array(links), np.array(treatment))
        for i, row in enumerate(links):
            weights = [weight(v) if v else 0 for v in row]
            expected = (
                sum(w * d for w, d in zip(weights, treatment, strict=True)) / sum(weights) if any(row) else math.nan
            )
            assert found[i] == pytest.approx(expected, nan_ok=True)


@settings(max_examples=40)
@given(square, treatments)
def test_motifs_are_those_that_networkx_finds_among_the_exposing_peers(square, treatment):
    links = without_loops(square)
    whole = nx.Graph((i, j) for i, j in zip(*links.nonzero(), strict=True))
    found = [
        m.apply(csr_array(links), np.array(treatment))[0]
        for m in (ClosedTriad(), IsolatedPeers(), StructuralDiversity())
    ]
    for i, row in enumerate(links):
        inside = whole.subgraph(j for j in range(7) if row[j] and treatment[j])
        expected = (float(inside.size() > 0), nx.number_of_isolates(inside), nx.number_connected_components(inside))
        assert [f[i] for f in found] == pytest.approx(list(expected) if row.any() else [math.nan] * 3, nan_ok=True)


@settings(max_examples=40)
@given(square, treatments, st.permutations(range(7)))
def test_relabelling_people_relabels_every_exposure(square, treatment, order):
    links, d, order = without_loops(square), np.array(treatment), np.array(order)
    for mapping in EVERY:
        here, n_peers = mapping.apply(csr_array(links), d)
        there, n_there = mapping.apply(csr_array(links[order][:, order]), d[order])
        assert there == pytest.approx(here[order], nan_ok=True)
        assert n_there.tolist() == n_peers[order].tolist()


@settings(max_examples=40)
@given(square, treatments, st.integers(0, 1))
def test_an_isolated_person_has_no_exposure_and_changes_nobodys(square, treatment, theirs):
    links = without_loops(square)
    wider = np.pad(links, (0, 1))
    for mapping in EVERY:
        here, _ = mapping.apply(csr_array(links), np.array(treatment))
        there, n_peers = mapping.apply(csr_array(wider), np.array([*treatment, theirs]))
        assert there[:7] == pytest.approx(here, nan_ok=True)
        assert (n_peers[7], math.isnan(there[7])) == (0, True)


@settings(max_examples=40)
@given(square, treatments, st.floats(0.1, 50))
def test_equal_weights_give_the_unweighted_share(square, treatment, half_life):
    links = csr_array((without_loops(square) > 0).astype(float))
    expected = Proportion().apply(links, np.array(treatment))[0]
    for mapping in (RecencyWeighted(half_life), SimilarityWeighted()):
        assert mapping.apply(links, np.array(treatment))[0] == pytest.approx(expected, nan_ok=True)


def test_similarity_is_half_for_who_said_nothing_and_never_nothing():
    links = csr_array(np.ones((4, 4)) - np.eye(4))
    text = np.array([[1.0, 0.0], [2.0, 0.0], [-3.0, 0.0], [0.0, 0.0]])
    found = cosine_similarity(links, text).toarray()
    assert found[0, 1:] == pytest.approx([1.0, 1e-6, 0.5])
    assert found[3, :3] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize(
    ("mapping", "value", "said"),
    [(RecencyWeighted(), 0.5, "counts from 1"), (RecencyWeighted(), math.nan, "counts from 1")]
    + [(SimilarityWeighted(), value, "0 or more") for value in (-0.1, math.nan)],
)
def test_weights_that_mean_nothing_are_refused(mapping, value, said):
    links = csr_array(([value], ([0], [1])), shape=(2, 2))
    with pytest.raises(UsageError, match=said) as caught:
        mapping.apply(links, np.ones(2))
    assert caught.value.remedy
