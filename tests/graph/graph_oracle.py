"""The specification in plain Python: ties by brute force, and the answer to every saved query."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from graph.model import GraphTables
from graph.ties import EPOCH_MONDAY, user_ties

Row = dict[str, Any]


def verdict(row: Row, by_id: dict[str, Row], bots: set[str]) -> tuple[str, str | None]:
    """Why a reply makes no tie (or `tie`), and whom it answers."""
    parent = by_id.get(row["parent_id"])
    replied = (parent["author_id"] if parent else None) or row["parent_author_id"]
    if row["kind"] == "repost":
        return "repost", replied
    if row["author_id"] is None:
        return "author_unknown", replied
    if replied is None:
        return "parent_unknown", replied
    if row["author_id"] in bots or replied in bots:
        return "bot", replied
    if row["author_id"] == replied:
        return "self_reply", replied
    if row["created_at"] is None:
        return "without_time", replied
    if parent and parent["created_at"] and (parent["created_at"] - row["created_at"]).total_seconds() > 60:
        return "before_parent", replied
    return ("cycle" if on_cycle(row, by_id) else "tie"), replied


def on_cycle(row: Row, by_id: dict[str, Row]) -> bool:
    current = row
    for _ in range(len(by_id)):
        current = by_id.get(current["parent_id"])
        if current is None:
            return False
        if current is row:
            return True
    return False


def declared_bots(rows: list[Row]) -> set[str]:
    return {r["author_id"] for r in rows if (r["bot_reason"] or "").startswith("declared")} - {None}


def events(table: pa.Table, max_thread_people: int) -> tuple[list[tuple[str, str, str, datetime]], Counter[str]]:
    rows = table.to_pylist()
    by_id, bots = {r["message_id"]: r for r in rows}, declared_bots(rows)
    counts: Counter[str] = Counter()
    found = []
    for row in rows:
        if row["parent_id"] is None and (row["parent_author_id"] is None or row["kind"] == "repost"):
            continue
        why, replied = verdict(row, by_id, bots)
        counts["replies"] += 1
        counts[why] += 1
        if why == "tie":
            parent = by_id.get(row["parent_id"])
            when = max(row["created_at"], (parent and parent["created_at"]) or row["created_at"])
            found.append((row["author_id"], replied, "replied_to", when))
            found.append((replied, row["author_id"], "received_reply", when))
    joined: dict[str, dict[str, tuple[datetime, str]]] = defaultdict(dict)
    for row in rows:
        who, when = row["author_id"], row["created_at"]
        if who is None or who in bots or row["kind"] == "repost" or when is None:
            continue
        here = joined[row["thread_id"]]
        first = (when, row["message_id"])
        here[who] = min(here.get(who, first), first)
    for here in joined.values():
        counts["threads"] += 1
        counts["threads_too_large"] += len(here) > max_thread_people
        early = sorted(here, key=lambda who: here[who])[:max_thread_people]
        found += [(a, b, "co_thread", max(here[a], here[b])[0]) for a in early for b in early if a != b]
    return found, counts


def ties(table: pa.Table, window_days: int, max_thread_people: int) -> list[tuple[Any, ...]]:
    grouped: dict[tuple[Any, ...], list[datetime]] = defaultdict(list)
    width = timedelta(days=window_days)
    for source, target, channel, when in events(table, max_thread_people)[0]:
        start = EPOCH_MONDAY + ((when - EPOCH_MONDAY) // width) * width
        grouped[source, target, channel, start].append(when)
    return sorted((*key, len(times), min(times), max(times)) for key, times in grouped.items())


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


class Oracle:
    """Answers the saved queries from the tables, with loops and dictionaries."""

    def __init__(self, tables: GraphTables) -> None:
        self.rows = tables.messages.to_pylist()
        self.by_id = {r["message_id"]: r for r in self.rows}
        self.ties = {(t["source_author"], t["target_author"]): t for t in user_ties(tables.messages).to_pylist()}
        self.bots = declared_bots(self.rows)
        self.strategies: dict[str, list[str]] = defaultdict(list)
        for label in tables.labels.to_pylist() if tables.labels else []:
            if label["probability"] >= 0.5:
                self.strategies[label["message_id"]].append(label["strategy"])
        self.community = {
            row["author_id"]: f"{row['method']}:{row['community']}"
            for row in (tables.communities.to_pylist() if tables.communities else [])
            if row["method"] == "leiden"
        }
        self.replies = [r for r in self.rows if r["parent_id"] is not None]

    def forum_of_thread(self) -> dict[str, set[str]]:
        forums: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            forums[row["thread_id"]].add(f"{row['platform']}:{row['forum']}")
        return forums

    def top_repliers(self, limit: int = 25) -> list[list[Any]]:
        people: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (source, _), tie in self.ties.items():
            people[source][0] += 1
            people[source][1] += tie["n"]
        return sorted(([p, *n] for p, n in people.items()), key=lambda r: (-r[2], r[0]))[:limit]

    def most_answered_threads(self, limit: int = 25) -> list[list[Any]]:
        times: dict[str, list[datetime]] = defaultdict(list)
        for row in self.replies:
            times[row["thread_id"]].append(row["created_at"])
        table = [[t, len(w), iso(min(w)), iso(max(w))] for t, w in times.items()]
        return sorted(table, key=lambda r: (-r[1], r[0]))[:limit]

    def community_sizes(self) -> list[list[Any]]:
        return sorted(map(list, Counter(self.community.values()).items()), key=lambda r: (-r[1], r[0]))

    def strategy_share_by_community(self, strategy: str) -> list[list[Any]]:
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for row in self.rows:
            if row["author_id"] in self.community:
                here = totals[self.community[row["author_id"]]]
                here[0] += 1
                here[1] += strategy in self.strategies[row["message_id"]]
        return sorted(([c, n, k, k / n] for c, (n, k) in totals.items()), key=lambda r: (-r[3], r[0]))

    def strategies_(self) -> list[list[Any]]:
        counts = Counter(s for found in self.strategies.values() for s in found)
        return sorted(map(list, counts.items()), key=lambda r: (-r[1], r[0]))

    def answers_to_strategy(self, strategy: str) -> list[list[Any]]:
        counts = Counter(
            answer
            for row in self.replies
            if strategy in self.strategies.get(row["parent_id"], [])
            for answer in self.strategies[row["message_id"]]
        )
        return sorted(map(list, counts.items()), key=lambda r: (-r[1], r[0]))

    def reciprocity(self) -> list[list[Any]]:
        return [[len(self.ties), sum((b, a) in self.ties for a, b in self.ties)]]

    def reply_depth(self) -> list[list[Any]]:
        def depth(row: Row) -> int:
            parent = self.by_id.get(row["parent_id"]) if row["parent_id"] else None
            return 0 if row["parent_id"] is None else 1 + (depth(parent) if parent else 0)

        counts = Counter(depth(row) for row in self.replies)
        return sorted([d, n] for d, n in counts.items() if d <= 30)

    def missing_parents(self) -> list[list[Any]]:
        found: dict[str, list[str]] = defaultdict(list)
        forums = self.forum_of_thread()
        for row in self.replies:
            if row["parent_id"] not in self.by_id:
                for forum in forums[row["thread_id"]]:
                    found[forum].append(row["parent_id"])
        return sorted(([f, len(p), len(set(p))] for f, p in found.items()), key=lambda r: (-r[1], r[0]))

    def unanswered_posts(self) -> list[list[Any]]:
        answered = {row["parent_id"] for row in self.replies}
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        forums = self.forum_of_thread()
        for row in self.rows:
            if row["kind"] == "post":
                for forum in forums[row["thread_id"]]:
                    totals[forum][0] += 1
                    totals[forum][1] += row["message_id"] not in answered
        return sorted([f, *n] for f, n in totals.items())

    def forum_activity(self) -> list[list[Any]]:
        totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        forums = self.forum_of_thread()
        for row in self.rows:
            for forum in forums[row["thread_id"]]:
                here = totals[forum, str(row["created_at"])[:7]]
                here[0] += 1
                here[1] += row["kind"] == "post"
        return sorted([*key, *n] for key, n in totals.items())

    def neighbourhood(self, person: str, limit: int = 200) -> list[list[Any]]:
        near = [t for (a, b), t in self.ties.items() if person in (a, b)]
        table = [[t["source_author"], t["target_author"], t["n"], iso(t["first_at"]), iso(t["last_at"])] for t in near]
        return sorted(table, key=lambda r: (-r[2], r[0], r[1]))[:limit]

    def thread(self, thread: str) -> list[list[Any]]:
        table = [
            [r["message_id"], r["parent_id"], r["text_status"], iso(r["created_at"]), self.strategies[r["message_id"]]]
            for r in self.rows
            if r["thread_id"] == thread
        ]
        gone = {r["parent_id"] for r in self.replies if r["thread_id"] == thread} - self.by_id.keys()
        table += [[parent, None, "missing", None, []] for parent in gone]
        return sorted(table, key=lambda r: (r[3] is None, r[3] or "", r[0]))

    def cross_community_replies(self) -> list[list[Any]]:
        totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for (a, b), tie in self.ties.items():
            here = totals[self.community[a], self.community[b]]
            here[0] += tie["n"]
            here[1] += 1
        return sorted(([*key, *n] for key, n in totals.items()), key=lambda r: (-r[2], r[0], r[1]))

    def answer(self, name: str, parameters: dict[str, Any]) -> list[list[Any]]:
        method = getattr(self, "strategies_" if name == "strategies" else name)
        result: list[list[Any]] = method(**parameters)
        return result
