"""The community quotient figure: its numbers, its words, its bytes."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Polygon
from matplotlib.text import Text

import graph
from copenet.foundation.errors import InputError, UsageError
from graph.codelength import Integers
from graph.figure_quotient import (
    _STYLE,
    HEIGHT_MM,
    WIDTH_MM,
    _data,
    _placed,
    draw,
    drawn_arrows,
    drawn_pairs,
    quotient_figure,
    render,
)
from graph.layout import circles
from graph.quotient import Quotient, backbone, expected_between, inside_share, quotient, strategy_counts
from graph.quotient_words import _pooling, alt_text, caption
from tests.graph.graph_world import at, labels_of, world


def network(sizes: list[int], seed: int = 0, density: float = 0.06) -> tuple[pa.Table, pa.Table, pa.Table]:
    random = np.random.default_rng(seed)
    block = np.repeat(np.arange(len(sizes)), sizes)
    n = len(block)
    close = np.where(
        block[:, None] == block[None], 0.3, density * random.gamma(0.5, 2, (len(sizes),) * 2)[block][:, block]
    )
    joined = random.random((n, n)) < close
    np.fill_diagonal(joined, False)
    source, target = np.nonzero(joined)
    ids = np.array([f"reddit:u_{i:05d}" for i in range(n)])
    moments = pa.array([at(0)] * len(source), pa.timestamp("us", tz="UTC"))
    ties = pa.table(
        {
            "source_author": ids[source], "target_author": ids[target], "n": random.integers(1, 4, len(source)),
            "first_at": moments, "last_at": moments,
        }
    )  # fmt: skip
    communities = pa.table({"author_id": ids, "method": ["leiden"] * n, "community": block})
    written = random.integers(1, 20, n)
    share = pa.table({"author_id": ids, "messages": written, "showing": random.binomial(written, 0.1 + 0.02 * block)})
    return ties, communities, share


SIZES = [40, 30, 22, 15, 9, 4, 3, 2]


def test_people_replies_and_shares_are_those_of_a_loop() -> None:
    ties, communities, share = network(SIZES)
    folded = quotient(ties, communities, share, k=8)
    assert folded.names == ("0", "1", "2", "3", "4", "rest")
    assert folded.people.tolist() == [40, 30, 22, 15, 9, 9]
    node = {
        a: min(c, 5)
        for a, c in zip(*(communities.column(x).to_pylist() for x in ("author_id", "community")), strict=True)
    }
    replies = np.zeros((6, 6), dtype=int)
    for row in ties.to_pylist():
        replies[node[row["source_author"]], node[row["target_author"]]] += row["n"]
    assert np.array_equal(folded.replies, replies)
    totals = np.zeros((6, 2))
    for row in share.to_pylist():
        totals[node[row["author_id"]]] += (row["showing"], row["messages"])
    assert folded.share == pytest.approx(totals[:, 0] / totals[:, 1])
    assert (folded.n_people, folded.n_ties, folded.n_communities, folded.pooled) == (125, len(ties), 8, 3)


def test_a_rest_below_k_is_left_out_and_counted() -> None:
    ties, communities, share = network([20, 10, 4, 3])
    folded = quotient(ties, communities, share, k=8)
    assert folded.names == ("0", "1")
    assert (folded.left_out, folded.pooled) == (7, 2)
    # 37 people or 4 communities, less those drawn, would tell that it is 7 people in 2.
    assert (folded.n_people, folded.n_replies) == (30, folded.replies.sum())
    assert folded.n_replies < ties.column("n").to_numpy().sum()
    words = caption(folded, 1, "leiden") + alt_text(folded)
    assert "Communities of fewer than 8 people (fewer than 8 people in all) are left out." in words
    assert "a, 2 communities, of 30 people who share" in words
    assert "of 30 people;" in words
    assert not re.search(r"\b(37|40|7|4)\b", words.split("Area:")[0])


@given(st.integers(1, 30), st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_no_group_below_k_is_ever_drawn(k: int, sizes: list[int]) -> None:
    sizes = sorted(sizes, reverse=True)
    block = np.repeat(np.arange(len(sizes)), sizes)
    ids = [f"u{i}" for i in range(len(block))]
    communities = pa.table({"author_id": ids, "method": ["leiden"] * len(ids), "community": block})
    ties = pa.table({"source_author": [ids[0]], "target_author": [ids[-1]], "n": [1]})
    if sizes[0] < k:
        with pytest.raises(InputError):
            quotient(ties, communities, k=k)
        return
    folded = quotient(ties, communities, k=k, max_communities=5)
    assert folded.people.min() >= k
    assert len(folded.names) <= 6
    assert folded.people.sum() + folded.left_out == len(ids)


def test_several_methods_at_once_are_refused() -> None:
    ties, communities, _ = network([10, 10])
    other = communities.set_column(1, "method", pa.array(["map_equation"] * len(communities)))
    with pytest.raises(UsageError):
        quotient(ties, pa.concat_tables([communities, other]))


def test_the_disparity_filter_of_a_known_case() -> None:
    weight = np.array([[0, 8, 1, 1], [8, 0, 1, 0], [1, 1, 0, 5], [1, 0, 5, 0]], dtype=float)
    # p of 0-1: min((1 - 8/10)^2, (1 - 8/9)^1) = .04; of 2-3: min((1 - 5/7)^2, (1 - 5/6)^1) = .082; the others above.
    assert backbone(weight, most=3)[0] == (0, 1)
    assert backbone(weight, most=1) == [(0, 1), (2, 3)]


@given(st.integers(2, 9), st.integers(1, 3), st.integers(0, 10_000))
def test_a_backbone_keeps_at_most_so_many_ties_per_node(q: int, most: int, seed: int) -> None:
    weight = np.random.default_rng(seed).integers(0, 6, (q, q)).astype(float)
    weight = weight + weight.T
    kept = backbone(weight, most)
    degree = np.bincount(np.array(kept, dtype=int).ravel(), minlength=q)
    assert degree.max(initial=0) <= most
    assert all(a < b and weight[a, b] > 0 for a, b in kept)
    if most >= q - 1:
        assert len(kept) == int((np.triu(weight, 1) > 0).sum())


@given(st.integers(3, 8), st.integers(0, 10_000))
def test_expected_replies_have_the_observed_margins(q: int, seed: int) -> None:
    replies = np.random.default_rng(seed).integers(1, 50, (q, q))
    expected = expected_between(replies)
    outside = replies * (1 - np.eye(q, dtype=int))
    assert np.isnan(np.diag(expected)).all()
    assert np.nansum(expected, 1) == pytest.approx(outside.sum(1), rel=1e-6)
    assert np.nansum(expected, 0) == pytest.approx(outside.sum(0), rel=1e-6)


def test_expected_replies_of_a_product_are_the_product() -> None:
    product = np.outer([2, 3, 5, 7], [11, 13, 17, 19])
    expected = expected_between(product)
    off = ~np.eye(4, dtype=bool)
    assert expected[off] == pytest.approx(product[off], rel=1e-6)


def test_silent_communities_do_not_break_anything() -> None:
    replies = np.array([[3, 0, 1], [0, 0, 0], [2, 0, 0]])
    assert np.nansum(expected_between(replies)) == pytest.approx(3.0)
    assert inside_share(replies)[[0, 2]].tolist() == [0.75, 0.0]
    assert np.isnan(inside_share(replies)[1])


@given(st.lists(st.floats(0.3, 8), min_size=1, max_size=20), st.integers(0, 1000))
def test_circles_never_overlap(radius: list[float], seed: int) -> None:
    r = np.array(radius)
    weight = np.random.default_rng(seed).integers(0, 9, (len(r), len(r))).astype(float)
    weight = (weight + weight.T) * (1 - np.eye(len(r)))
    centre = circles(weight, backbone(weight), r, gap=1.0)
    apart = np.linalg.norm(centre[:, None] - centre[None], axis=2) + 1e9 * np.eye(len(r))
    assert (apart >= r[:, None] + r[None] + 0.9).all()


def test_strategy_counts_are_those_of_a_loop() -> None:
    table = world(120)
    labels = labels_of(table)
    counts = {
        row["author_id"]: (row["messages"], row["showing"])
        for row in strategy_counts(table, labels, "planning").to_pylist()
    }
    author = {row["message_id"]: row["author_id"] for row in table.to_pylist()}
    expected: dict[str, tuple[int, int]] = {}
    for row in labels.to_pylist():
        who = author[row["message_id"]]
        if row["strategy"] == "planning" and who is not None:
            n, showing = expected.get(who, (0, 0))
            expected[who] = (n + 1, showing + (row["probability"] >= 0.5))
    assert counts == expected
    with pytest.raises(UsageError):
        strategy_counts(table, labels, "nonsense")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> graph.FigureFiles:
    folder = tmp_path_factory.mktemp("figure")
    ties, communities, share = network(SIZES)
    return quotient_figure(
        ties,
        communities,
        share,
        folder / "q.svg",
        folder / "q.pdf",
        strategy="positive_reframing",
        window="spring 2021",
        seed=7,
        resolution=0.8,
    )


def test_a_rerun_gives_the_same_bytes(files: graph.FigureFiles, tmp_path: Path) -> None:
    ties, communities, share = network(SIZES)
    shuffled = ties.take(np.random.default_rng(1).permutation(len(ties)))
    again = quotient_figure(
        shuffled,
        communities,
        share,
        tmp_path / "q.svg",
        tmp_path / "q.pdf",
        strategy="positive_reframing",
        window="spring 2021",
        seed=7,
        resolution=0.8,
    )
    assert again.svg.read_bytes() == files.svg.read_bytes()
    assert again.pdf.read_bytes() == files.pdf.read_bytes()
    assert again.data == files.data


def test_the_size_is_that_of_two_columns(files: graph.FigureFiles) -> None:
    root = ElementTree.parse(files.svg).getroot()
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(WIDTH_MM / 25.4 * 72, abs=0.01)
    assert WIDTH_MM == 183
    assert HEIGHT_MM <= 225
    assert files.pdf.read_bytes().startswith(b"%PDF")


def test_the_files_hold_no_person_no_date_and_call_nobody(files: graph.FigureFiles) -> None:
    svg = files.svg.read_text()
    assert "reddit:u_" not in svg + files.caption + files.alt_text + str(files.data)
    assert "<script" not in svg
    assert "<dc:date>" not in svg
    assert b"/CreationDate" not in files.pdf.read_bytes()
    links = set(re.findall(r'(?:href|src)="([^"#][^"]*)"', svg))
    assert not {link for link in links if not link.startswith("data:")}


def test_fonts_are_embedded_and_text_is_never_below_six_points(files: graph.FigureFiles) -> None:
    assert b"/TrueType" in files.pdf.read_bytes() or b"/Type0" in files.pdf.read_bytes()
    ties, communities, share = network(SIZES)
    folded = quotient(ties, communities, share)
    with mpl.rc_context(dict(_STYLE)):
        figure = draw(folded, drawn_pairs(folded))
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert min(sizes) >= 6


def test_nothing_reaches_over_the_edge() -> None:
    for sizes in (SIZES, [300, 20, 9], [9] * 27, [9]):
        ties, communities, share = network(sizes)
        folded = quotient(ties, communities, share)
        with mpl.rc_context(dict(_STYLE)):
            figure = draw(folded, drawn_pairs(folded), "behavioral_disengagement")
            renderer = figure.canvas.get_renderer()
            boxes = [t.get_window_extent(renderer) for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
        assert min(box.x0 for box in boxes) >= 0
        assert max(box.x1 for box in boxes) <= figure.bbox.x1
        assert max(box.y1 for box in boxes) <= figure.bbox.y1


@pytest.mark.parametrize("strategy", ["behavioral disengagement", "instrumental social support", "planning"])
def test_no_words_of_the_legend_overlap(strategy: str) -> None:
    ties, communities, share = network([300, 200, 90, 20])
    folded = quotient(ties, communities, share, k=8)
    with mpl.rc_context(dict(_STYLE)):
        figure = draw(folded, drawn_pairs(folded), strategy)
        renderer = figure.canvas.get_renderer()
        boxes = [t.get_window_extent(renderer) for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
    legend = [box for box in boxes if box.y1 < figure.bbox.y1 * 21 / HEIGHT_MM]
    assert len(legend) > 12
    assert not [(one, two) for one, two in combinations(legend, 2) if one.overlaps(two)]


def test_the_words_name_what_was_drawn(files: graph.FigureFiles) -> None:
    assert files.caption.startswith(
        "Replies between communities (Leiden, modularity, resolution 0.8, seed 7), spring 2021."
    )
    for phrase in (
        "5 of 8 communities",
        "93% of 125 people",
        "positive reframing",
        "at least 8 replies",
        "fewer than 8 people",
    ):
        assert phrase in files.caption
    assert "largest has 40 of 125 people" in files.alt_text
    assert files.data["caption"] == files.caption
    assert len(files.data["communities"]) == 6


def test_a_figure_without_labels_ties_between_or_company(tmp_path: Path) -> None:
    ids = [f"u{i}" for i in range(20)]
    communities = pa.table({"author_id": ids, "method": ["map_equation"] * 20, "community": [0] * 10 + [1] * 10})
    ties = pa.table({"source_author": ["u0", "u10"], "target_author": ["u1", "u11"], "n": [2, 1]})
    made = quotient_figure(ties, communities, None, tmp_path / "q.svg", tmp_path / "q.pdf")
    assert "Colour" not in made.caption
    assert "map equation" in made.caption
    assert [c["share"] for c in made.data["communities"]] == [None, None]
    assert (
        "2 of 2 communities, holding 100% of 20 people who share fewer than 8 directed ties (fewer than 8 replies)"
        in (made.caption)
    )
    assert "replies drawn" not in made.alt_text
    alone = quotient(ties, communities.slice(0, 10), None)
    assert render(alone, [])[0].startswith(b"<?xml")


def test_numbers_that_are_not_drawn_are_not_given() -> None:
    ties, communities, share = network(SIZES)
    folded = quotient(ties, communities, share)
    data = _data(folded, drawn_pairs(folded), "")
    ratios = data["log2_observed_expected"]
    assert all(ratios[i][i] is None for i in range(len(ratios)))
    assert all(abs(value) <= 2 for row in ratios for value in row if value is not None)
    assert "replies" not in data
    shares = [c["share"] for c in data["communities"]] + data["inside_share"]
    assert all(round(x, 3) == x for x in shares if x is not None)  # more digits would tell the counts behind


def test_pairs_of_few_replies_and_the_rest_get_no_arrow() -> None:
    ties, communities, share = network(SIZES)
    folded = quotient(ties, communities, share, k=8)
    pairs = drawn_pairs(folded)
    rest = folded.names.index("rest")
    for i, j in pairs:
        assert max(folded.replies[i, j], folded.replies[j, i]) >= 8
        assert rest not in (i, j)
    assert all(folded.replies[arrow] >= 8 for arrow in drawn_arrows(folded, pairs))


def folded_of(replies: Integers, k: int) -> Quotient:
    """Return a quotient of communities of k people with these replies."""
    q = len(replies)
    return Quotient(
        names=tuple(str(i) for i in range(q)), people=np.full(q, k), share=np.full(q, np.nan), replies=replies,
        n_people=q * k, n_ties=q * k, n_replies=int(replies.sum()), n_communities=q, pooled=0, left_out=0, k=k,
    )  # fmt: skip


def test_a_direction_of_few_replies_gets_no_arrow() -> None:
    folded = folded_of(np.array([[0, 9, 5], [7, 0, 0], [6, 0, 0]]), 8)
    assert drawn_pairs(folded) == [(0, 1)]  # 5 and 6 are 11 in both directions, and either is too few
    assert drawn_arrows(folded, [(0, 1)]) == [(0, 1)]
    arrows = [len(draw(folded, pairs).findobj(Polygon)) for pairs in ([(0, 1)], [])]
    assert arrows[0] - arrows[1] == 3  # one in the network and two in the legend, none for the 7


@given(st.integers(2, 6), st.integers(2, 12), st.integers(0, 10_000))
def test_no_number_rests_on_fewer_than_k_replies(q: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    replies = random.poisson(random.gamma(1, 2 * k, (q, q)))
    folded = folded_of(replies, k)
    pairs = drawn_pairs(folded)
    data = _data(folded, pairs, "")
    few = replies < k
    assert not few[tuple(np.array(drawn_arrows(folded, pairs), dtype=int).reshape(-1, 2).T)].any()
    ratios = np.array(data["log2_observed_expected"], dtype=float)
    assert np.isnan(ratios[few]).all()
    assert all((said is None) == (wrote < k) for said, wrote in zip(data["inside_share"], replies.sum(1), strict=True))
    assert ("replies drawn" in alt_text(folded)) == (replies.sum() >= k)


@given(st.integers(2, 5), st.integers(2, 12), st.integers(0, 10_000))
def test_replies_of_too_few_change_nothing_in_the_drawing_of_the_network(q: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    replies = random.poisson(random.gamma(1, k, (q, q)))
    other = np.where(replies < k, random.integers(0, k, (q, q)), replies)
    one, two = folded_of(replies, k), folded_of(other, k)
    pairs = drawn_pairs(one)
    assert pairs == drawn_pairs(two)
    assert drawn_arrows(one, pairs) == drawn_arrows(two, pairs)
    assert np.array_equal(_placed(one, pairs).centre, _placed(two, pairs).centre)


@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.integers(2, 9), st.integers(0, 1000))
def test_people_left_out_are_in_no_word(small: list[int], k: int, seed: int) -> None:
    """The same words whether one person more or fewer is left out: so nothing said depends on how many they are."""
    ties, communities, share = network(sorted([12, 10, *small], reverse=True), seed)
    numbers = communities.column("community").to_numpy()
    sizes = np.bincount(numbers)
    outside = np.flatnonzero(sizes[numbers] < k)
    folded = quotient(ties, communities, share, k=k)
    if not folded.left_out:
        return
    fewer = communities.take(np.setdiff1d(np.arange(len(numbers)), outside))
    without = quotient(ties, fewer, share, k=k)
    pairs = drawn_pairs(folded)
    said = caption(folded, len(pairs), "leiden", "planning").removesuffix(_pooling(folded))
    assert said.split(" communities, ")[1].split("people")[0] == f"of {int(folded.people.sum())} "
    assert alt_text(folded, "planning") == alt_text(without, "planning")
    assert _data(folded, pairs, "") == _data(without, drawn_pairs(without), "")
    assert str(folded.left_out + folded.people.sum()) not in said.split("Area:")[0].split("who share")[0]


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12), st.integers(2, 9))
def test_no_share_rests_on_fewer_than_k_people(messages: list[int], k: int) -> None:
    ties, communities, share = network([12])
    ids = communities.column("author_id").to_pylist()
    showing = [min(1, n) for n in messages]
    share = pa.table({"author_id": ids, "messages": messages, "showing": showing}, schema=share.schema)
    folded = quotient(ties, communities, share, k=k)
    wrote = sum(n > 0 for n in messages)
    assert np.isnan(folded.share[0]) == (wrote < k)
    assert ("messages show" in alt_text(folded, "planning")) == (wrote >= k)


def test_no_share_of_replies_rests_on_fewer_than_k() -> None:
    replies = np.array([[5, 2], [9, 0]])
    assert np.isnan(inside_share(replies, 8)).tolist() == [True, False]


def test_labels_nobody_validated_are_said_to_be_so_in_every_word_of_the_figure(tmp_path: Path) -> None:
    ties, communities, share = network([20, 10])
    for validated in (True, False):
        made = quotient_figure(
            ties, communities, share, tmp_path / "f.svg", tmp_path / "f.pdf", strategy="planning", validated=validated
        )
        folded = quotient(ties, communities, share)
        drawn = draw(folded, drawn_pairs(folded), "planning", validated=validated)
        said = [made.caption, made.alt_text, " ".join(text.get_text() for text in drawn.findobj(Text))]
        assert [("labels not validated" in text) for text in said] == [not validated] * 3
        assert made.data["labels_validated"] is validated


def test_labels_are_not_taken_for_validated_when_nobody_says_so(tmp_path: Path) -> None:
    ties, communities, share = network([20, 10])
    made = quotient_figure(ties, communities, share, tmp_path / "f.svg", tmp_path / "f.pdf", strategy="planning")
    assert "labels not validated" in made.caption
    assert made.data["labels_validated"] is False
