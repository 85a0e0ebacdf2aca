"""Ties against plain Python, and every reason for a tie that is not made."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graph
from copenet.foundation.errors import UsageError
from copenet.foundation.tables import read_table
from graph.schema import PEOPLE, TIES, USER_TIES
from graph.ties import (
    CLOCK_SKEW_SECONDS,
    EPOCH_MONDAY,
    REASONS,
    adjacency,
    arrivals,
    build_ties,
    parent_cycles,
    people,
    user_ties,
)
from ingest.schema import MESSAGES
from tests.graph import graph_oracle
from tests.graph.graph_world import START, at, conversations, messages, world


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    columns = ("source_author", "target_author", "channel", "window_start", "n", "first_at", "last_at")
    return sorted(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


@settings(max_examples=60)
@given(conversations(), st.integers(1, 10), st.integers(1, 4))
def test_ties_and_counts_are_those_of_brute_force(table: pa.Table, window_days: int, most: int) -> None:
    built = build_ties(table, window_days=window_days, max_thread_people=most)
    assert rows_of(built.ties) == graph_oracle.ties(table, window_days, most)
    counts = graph_oracle.events(table, most)[1]
    expected = {name: counts[name] for name in (*REASONS, "replies", "threads", "threads_too_large")}
    assert built.counts == {**expected, "tie_replies": counts["tie"]}


SAID = st.lists(
    st.tuples(st.sampled_from("abcde"), st.integers(0, 48), st.sampled_from("xxy")), min_size=4, max_size=12
)


@settings(max_examples=100)
@given(SAID, st.integers(8, 40), st.integers(2, 3))
@example([("a", 1, "x"), ("b", 2, "x"), ("c", 20, "x"), ("d", 21, "x")], 10, 2)
@example([("a", 5, "x"), ("b", 5, "x"), ("a", 9, "x"), ("c", 5, "x")], 8, 2)
def test_what_comes_later_takes_back_no_tie(said: list[tuple[str, int, str]], hour: int, most: int) -> None:
    """Ties before a moment are the same whether or not the messages after it exist."""
    rows = [
        {"message_id": str(i), "author_id": f"u_{who}", "created_at": at(3600 * when), "thread_id": thread}
        for i, (who, when, thread) in enumerate(said)
    ]
    cut = at(3600 * hour)

    def before(part: list[dict[str, object]]) -> set[tuple[object, ...]]:
        ties = build_ties(messages(*part), window_days=1, max_thread_people=most).ties.to_pylist() if part else []
        found = {(r["source_author"], r["target_author"], r["channel"], r["first_at"]) for r in ties}
        return {row for row in found if row[2] == "co_thread" and row[3] < cut}

    assert before(rows) == before([row for row in rows if row["created_at"] < cut])


def test_a_thread_that_outgrows_the_limit_keeps_the_ties_it_had() -> None:
    rows = [{"message_id": str(i), "author_id": f"u_{i}", "created_at": at(i)} for i in range(5)]
    built = [build_ties(messages(*rows[:n]), window_days=7, max_thread_people=3) for n in (2, 3, 5)]
    pairs = [{row[:2] for row in rows_of(b.ties)} for b in built]
    assert pairs[0] == {("u_0", "u_1"), ("u_1", "u_0")}
    assert pairs[0] < pairs[1] == pairs[2]
    assert [b.counts["threads_too_large"] for b in built] == [0, 0, 1]


@settings(max_examples=15)
@given(conversations())
def test_every_reply_has_one_verdict(table: pa.Table) -> None:
    counts = build_ties(table, window_days=7).counts
    assert counts["replies"] == counts["tie_replies"] + sum(counts[reason] for reason in REASONS)


@settings(max_examples=15)
@given(conversations(), st.randoms(use_true_random=False))
def test_the_order_of_messages_does_not_matter(table: pa.Table, random: object) -> None:
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = table.take(order)
    assert build_ties(shuffled, window_days=3).ties.equals(build_ties(table, window_days=3).ties)
    assert user_ties(shuffled).equals(user_ties(table))


@settings(max_examples=15)
@given(conversations(), st.integers(1, 9))
def test_received_reply_mirrors_replied_to_and_co_thread_is_symmetric(table: pa.Table, days: int) -> None:
    rows = rows_of(build_ties(table, window_days=days).ties)
    mirrored = {(t, s, "received_reply", *rest) for s, t, channel, *rest in rows if channel == "replied_to"}
    assert mirrored == {row for row in rows if row[2] == "received_reply"}
    together = {row for row in rows if row[2] == "co_thread"}
    assert together == {(t, s, *rest) for s, t, *rest in together}
    assert all(row[0] != row[1] for row in rows)


@settings(max_examples=15)
@given(conversations(), st.integers(1, 5), st.integers(6, 40))
def test_events_do_not_depend_on_the_window(table: pa.Table, narrow: int, wide: int) -> None:
    def totals(days: int) -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        for source, target, channel, _, n, *_ in rows_of(build_ties(table, window_days=days).ties):
            found[source, target, channel] = found.get((source, target, channel), 0) + n
        return found

    assert totals(narrow) == totals(wide)


@settings(max_examples=15)
@given(conversations(), st.integers(1, 9))
def test_events_fall_inside_their_window(table: pa.Table, days: int) -> None:
    width = timedelta(days=days)
    for *_, start, _, first, last in rows_of(build_ties(table, window_days=days).ties):
        assert start <= first <= last < start + width
        assert (start - EPOCH_MONDAY) % width == timedelta(0)


@settings(max_examples=15)
@given(conversations())
def test_user_ties_add_up_the_windows_of_replied_to(table: pa.Table) -> None:
    grouped: dict[tuple[str, str], list[tuple[int, datetime, datetime]]] = {}
    for source, target, channel, _, n, first, last in rows_of(build_ties(table, window_days=2).ties):
        if channel == "replied_to":
            grouped.setdefault((source, target), []).append((n, first, last))
    expected = [
        [*pair, sum(p[0] for p in parts), min(p[1] for p in parts), max(p[2] for p in parts)]
        for pair, parts in sorted(grouped.items())
    ]
    assert [list(row.values()) for row in user_ties(table).to_pylist()] == expected


def test_tables_conform_and_are_sorted() -> None:
    table = world()
    built = build_ties(table, window_days=7)
    assert built.ties.schema.equals(TIES)
    assert user_ties(table).schema.equals(USER_TIES)
    assert people(table).schema.equals(PEOPLE)
    keys = ["channel", "window_start", "source_author", "target_author"]
    assert built.ties.equals(built.ties.sort_by([(key, "ascending") for key in keys]))


def test_an_empty_table_gives_no_ties() -> None:
    built = build_ties(MESSAGES.empty_table(), window_days=7)
    assert len(built.ties) == 0
    assert set(built.counts.values()) == {0}


def one_reply(**changes: object) -> dict[str, int]:
    root = {"message_id": "reddit:t3_1", "kind": "post", "author_id": "reddit:u_a", "created_at": at(0)}
    reply = {"message_id": "reddit:t1_2", "parent_id": "reddit:t3_1", "author_id": "reddit:u_b", "created_at": at(60)}
    return build_ties(messages(root, reply | changes), window_days=7).counts


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("tie_replies", {}),
        ("repost", {"kind": "repost"}),
        ("author_unknown", {"author_id": None, "author_status": "deleted"}),
        ("parent_unknown", {"parent_id": "reddit:t1_gone"}),
        ("bot", {"bot_reason": "declared: name"}),
        ("tie_replies", {"bot_reason": "suspected: rate"}),
        ("self_reply", {"author_id": "reddit:u_a"}),
        ("without_time", {"created_at": None}),
        ("before_parent", {"created_at": at(-CLOCK_SKEW_SECONDS - 0.000001)}),
        ("tie_replies", {"created_at": at(-CLOCK_SKEW_SECONDS)}),
        ("tie_replies", {"parent_id": "reddit:t1_gone", "parent_author_id": "reddit:u_z"}),
        ("tie_replies", {"parent_id": None, "parent_author_id": "reddit:u_z"}),
    ],
)
def test_each_reason(reason: str, changes: dict[str, object]) -> None:
    counts = one_reply(**changes)
    assert counts[reason] == 1
    assert counts["replies"] == 1


def test_a_bot_is_no_peer_even_where_it_does_not_declare_itself() -> None:
    table = messages(
        {"message_id": "1", "author_id": "bot", "created_at": at(0), "bot_reason": "declared: flair"},
        {"message_id": "2", "author_id": "bot", "created_at": at(1)},
        {"message_id": "3", "author_id": "a", "parent_id": "2", "created_at": at(2)},
    )
    built = build_ties(table, window_days=7)
    assert built.counts["bot"] == 1
    assert len(built.ties) == 0
    assert people(table).column("author_id").to_pylist() == ["a"]


def test_a_declared_bot_without_an_author_hides_nobody() -> None:
    table = messages(
        {"message_id": "1", "author_id": None, "author_status": "deleted", "bot_reason": "declared: name"},
        {"message_id": "2", "author_id": "a", "created_at": at(1)},
    )
    assert build_ties(table, window_days=7).counts["threads"] == 1
    assert len(people(table)) == 1


def test_messages_on_a_cycle_make_no_tie_but_what_hangs_on_it_does() -> None:
    table = messages(
        {"message_id": "1", "author_id": "a", "parent_id": "2", "created_at": at(0)},
        {"message_id": "2", "author_id": "b", "parent_id": "1", "created_at": at(0)},
        {"message_id": "3", "author_id": "c", "parent_id": "2", "created_at": at(5)},
    )
    built = build_ties(table, window_days=7)
    assert built.counts["cycle"] == 2
    assert user_ties(table).select(["source_author", "target_author"]).to_pylist() == [
        {"source_author": "c", "target_author": "b"}
    ]


def test_windows_start_on_the_epoch_monday_or_where_told_and_run_backwards_too() -> None:
    before = datetime(1969, 12, 30, 12, tzinfo=UTC)
    table = messages(
        {"message_id": "1", "author_id": "a", "created_at": before},
        {"message_id": "2", "author_id": "b", "parent_id": "1", "created_at": before},
    )
    starts = build_ties(table, window_days=7).ties.column("window_start").unique().to_pylist()
    assert starts == [datetime(1969, 12, 29, tzinfo=UTC)]
    assert starts[0].weekday() == 0
    told = build_ties(table, window_days=7, origin=START).ties.column("window_start").unique().to_pylist()
    assert (START - told[0]) % timedelta(days=7) == timedelta(0)
    assert told[0] <= before < told[0] + timedelta(days=7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_days": 0},
        {"window_days": 7, "max_thread_people": 0},
        {"window_days": 7, "origin": datetime(2020, 1, 1)},
    ],
)
def test_senseless_windows_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        build_ties(MESSAGES.empty_table(), **wrong)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=13))
@example([0])
@example(list(range(1, 13)))
def test_cycles_are_those_found_by_walking(pointers: list[int]) -> None:
    n = len(pointers)
    up = {i: p for i, p in enumerate(pointers) if p < n}
    expected = []
    for start in range(n):
        node = start
        for _ in range(n):
            node = up.get(node, -1)
            if node in (start, -1):
                break
        if node == start:
            expected.append(start)
    child = np.array(list(up), dtype=np.int64)
    parent = np.array(list(up.values()), dtype=np.int64)
    assert parent_cycles(child, parent, n).tolist() == expected


def test_a_chain_a_hundred_thousand_deep_is_no_cycle() -> None:
    n = 100_000
    assert len(parent_cycles(np.arange(1, n), np.arange(n - 1), n)) == 0


PEOPLE_IDS = ["a", "b", "c", "d"]


@given(
    st.lists(
        st.tuples(st.sampled_from([*PEOPLE_IDS, "z"]), st.sampled_from(PEOPLE_IDS), st.integers(1, 5)), max_size=20
    )
)
def test_adjacency_is_the_matrix_of_a_loop(ties: list[tuple[str, str, int]]) -> None:
    source, target, n = ([t[i] for t in ties] for i in range(3))
    summed, present = np.zeros((4, 4)), np.zeros((4, 4))
    for s, t, k in ties:
        if s in PEOPLE_IDS:
            summed[PEOPLE_IDS.index(s), PEOPLE_IDS.index(t)] += k
            present[PEOPLE_IDS.index(s), PEOPLE_IDS.index(t)] = 1
    assert np.array_equal(adjacency(source, target, PEOPLE_IDS, n).toarray(), summed)
    found = adjacency(pa.array(source, pa.string()), pa.chunked_array([pa.array(target, pa.string())]), PEOPLE_IDS)
    assert np.array_equal(found.toarray(), present)
    assert found.has_sorted_indices


def test_adjacency_wants_every_person_once() -> None:
    with pytest.raises(UsageError):
        adjacency(["a"], ["b"], ["a", "a"])


def test_people_count_messages_but_not_reposts() -> None:
    table = messages(
        {"message_id": "1", "author_id": "a", "created_at": at(5)},
        {"message_id": "2", "author_id": "a", "created_at": at(1)},
        {"message_id": "3", "author_id": "a", "created_at": at(0), "kind": "repost"},
        {"message_id": "4", "author_id": None, "author_status": "unknown", "created_at": at(0)},
    )
    row = people(table).to_pylist()
    assert row == [{"author_id": "a", "platform": "reddit", "first_seen": at(1), "last_seen": at(5), "n_messages": 2}]


def raw_ties(folder: Path, forum: str) -> set[tuple[str, str]]:
    """Distinct (replier, replied) of a dump, counted from its lines with nothing of copenet."""
    found = []
    for kind, name in (("t3_", "submissions"), ("t1_", "comments")):
        with (folder / f"{forum}_{name}.zst").open("rb") as stream:
            reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(stream)
            for line in io.TextIOWrapper(reader, "utf-8"):
                record = json.loads(line)
                found.append(
                    (kind + record["id"], record.get("author"), record.get("parent_id"), int(record["created_utc"]))
                )
    author = {i: a for i, a, _, _ in found if a not in (None, "[deleted]")}
    when = {i: t for i, _, _, t in found}
    return {
        (author[i], author[parent])
        for i, _, parent, t in found
        if i in author and parent in author and author[i] != author[parent] and t >= when[parent] - 60
    }


@pytest.mark.slow
def test_ties_of_a_real_community(shared_data: Path, tmp_path: Path) -> None:
    import ingest

    if not hasattr(ingest, "ingest"):
        pytest.skip("ingest is not there")
    forum = "CollegeAdvice"
    paths = [shared_data / "reddit" / f"{forum}_{name}.zst" for name in ("submissions", "comments")]
    ingest.ingest(paths, tmp_path)
    table = read_table(tmp_path / "messages", MESSAGES)
    built = build_ties(table, window_days=14, max_thread_people=20)
    assert rows_of(built.ties) == graph_oracle.ties(table, 14, 20)
    if not graph_oracle.declared_bots(table.to_pylist()):
        assert len(graph.user_ties(table)) == len(raw_ties(shared_data / "reddit", forum))
    pairs = itertools.chain(*(built.ties.column(c).unique().to_pylist() for c in ("source_author", "target_author")))
    assert all(":u_" in author for author in pairs)


@settings(max_examples=60)
@given(conversations())
def test_arrivals_follow_the_messages_and_not_the_names(table: pa.Table) -> None:
    rows = sorted(table.to_pylist(), key=lambda r: (r["created_at"] is None, r["created_at"] or START, r["message_id"]))
    told = [row[name] for row in rows for name in ("author_id", "parent_author_id") if row[name]]
    assert arrivals(table).to_pylist() == list(dict.fromkeys(told))
