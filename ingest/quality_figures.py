"""What the dumps hold and what they lack, as figures that say what they do to an estimate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from copenet.foundation.errors import InputError
from copenet.foundation.files import read_json
from ingest.file_names import shown
from ingest.staging import Cursor

CLOCK_SKEW_SECONDS = 60
_MAX_DAYS = 100

_COUNTS = """
SELECT
    count(*) FILTER (kind <> 'repost') AS messages,
    count(DISTINCT author_id) FILTER (bot_reason IS NULL OR bot_reason NOT LIKE 'declared:%') AS authors,
    count(*) FILTER (parent_id IS NOT NULL) AS replies,
    count(*) FILTER (parent_present) AS replies_resolved,
    count(DISTINCT parent_id) FILTER (NOT parent_present) AS parents_missing,
    count(*) FILTER (text_status IN ('deleted', 'removed')) AS deleted,
    count(*) FILTER (text_status = 'deleted') AS texts_deleted,
    count(*) FILTER (text_status = 'removed') AS texts_removed,
    count(*) FILTER (text_status = 'empty') AS texts_empty,
    count(*) FILTER (author_status <> 'known') AS authors_unknown,
    count(*) FILTER (author_id = parent_author_id) AS self_replies,
    count(*) FILTER (created_at IS NULL) AS undated,
    count(*) FILTER (epoch_us(created_at) < epoch_us(parent_created_at)) AS earlier_than_parent,
    count(*) FILTER (epoch_us(created_at) < epoch_us(parent_created_at) - 1000000 * $skew) AS beyond_skew,
    count(DISTINCT author_id) FILTER (bot_reason LIKE 'declared:%') AS bots_declared,
    count(DISTINCT author_id) FILTER (bot_reason LIKE 'suspected:%') AS bots_suspected,
    coalesce(sum(names_replaced), 0)::BIGINT AS names_replaced,
    epoch_us(min(created_at)) AS first_at,
    epoch_us(max(created_at)) AS last_at
FROM final
"""


def figures(connection: duckdb.DuckDBPyConnection, cursors: list[Cursor]) -> dict[str, Any]:
    """Return every figure about the relations of `ingest.finalise.build` and the files read."""
    cursor = connection.execute(_COUNTS, {"skew": CLOCK_SKEW_SECONDS})
    names = [column[0] for column in cursor.description or []]
    found: dict[str, Any] = dict(zip(names, cursor.fetchone() or [0] * len(names), strict=True))
    found["duplicates"] = _one(connection, "SELECT count(*) FROM staged") - _one(
        connection, "SELECT count(*) FROM chosen"
    )
    found["cycles"] = _one(connection, "SELECT count(*) FROM cyclic")
    found["first_at"], found["last_at"] = _iso(found["first_at"]), _iso(found["last_at"])
    found["platforms"] = _strings(connection, "SELECT DISTINCT platform FROM final ORDER BY 1")
    found |= rejects(cursors) | _coverage(connection) | _gaps(connection)
    found["bots"] = _rows(connection, _BOTS, ("why", "accounts", "messages"))
    found["by_month"] = _rows(connection, _BY_MONTH, ("platform", "month", "messages"))
    found |= _shares(found)
    found["clock"] = {k: found.pop(k) for k in ("undated", "earlier_than_parent", "beyond_skew", "cycles")}
    found["means"] = meanings(found)
    return found


_DAYS = """
SELECT DISTINCT strftime(created_at, '%Y-%m-%d') FROM final WHERE created_at IS NOT NULL ORDER BY 1
"""
_BOTS = """
SELECT bot_reason, count(DISTINCT author_id), count(*) FROM final WHERE bot_reason IS NOT NULL GROUP BY 1 ORDER BY 1
"""
_BY_MONTH = """
SELECT platform, strftime(created_at, '%Y-%m') AS month, count(*) FROM final
WHERE created_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def rejects(cursors: list[Cursor]) -> dict[str, Any]:
    """Return what could not be kept of the files read: file name, line and reason, never content."""
    listed = [{"file": shown(c.file), "line": line, "reason": why} for c in cursors for line, why in c.rejected]
    listed.sort(key=lambda r: (r["file"], r["line"], r["reason"]))
    return {"rejected": listed, "rejected_count": len(listed) + sum(c.rejected_more for c in cursors)}


def _coverage(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Compare the replies that threads say they have with those the dumps hold."""
    row = connection.execute(
        """
        WITH declared AS (SELECT message_id, declared_replies FROM chosen WHERE declared_replies IS NOT NULL),
        collected AS (SELECT thread_id, count(*) AS n FROM final WHERE parent_id IS NOT NULL GROUP BY 1)
        SELECT count(*), coalesce(sum(declared_replies), 0)::BIGINT, coalesce(sum(n), 0)::BIGINT,
               count(*) FILTER (coalesce(n, 0) < declared_replies)
        FROM declared LEFT JOIN collected ON message_id = thread_id
        """
    ).fetchone() or (0, 0, 0, 0)
    names = ("threads", "declared", "collected", "threads_incomplete")
    return {"replies_declared": dict(zip(names, (int(v) for v in row), strict=True))}


def _gaps(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    days = _strings(connection, _DAYS)
    missing: list[str] = []
    count = 0
    for day, following in pairwise(days):
        start, stop = date.fromisoformat(day), date.fromisoformat(following)
        gap = (stop - start).days - 1
        count += gap
        missing += [str(start + timedelta(days=i + 1)) for i in range(min(gap, _MAX_DAYS - len(missing)))]
    return {"days_without_messages": missing, "days_without_messages_count": count}


def _shares(found: dict[str, Any]) -> dict[str, Any]:
    messages, replies = max(found["messages"], 1), max(found["replies"], 1)
    declared = found["replies_declared"]
    return {
        "share_resolved": found["replies_resolved"] / replies if found["replies"] else None,
        "share_deleted": found["texts_deleted"] / messages,
        "share_removed": found["texts_removed"] / messages,
        "share_authors_unknown": found["authors_unknown"] / messages,
        "share_collected": declared["collected"] / declared["declared"] if declared["declared"] else None,
    }


def meanings(found: dict[str, Any]) -> dict[str, str]:
    """Return, for each main figure, what it does to an estimate (cf. Gaffney & Matias 2018)."""
    return {
        "replies_resolved": "A reply whose parent is absent makes no tie: exposure is undercounted, which pulls peer "
        "effects towards zero when losses are random, and either way when they are not.",
        "replies_declared": "Comments a thread declares and the dumps lack are contacts nobody sees; missing ones are not "
        "a random sample, so re-estimate with edges dropped.",
        "days_without_messages": "A gap may be silence or a failed download; people look inactive "
        "and peers look unexposed in it.",
        "deleted": "Deleted and removed messages keep their ties and lose their text, so their strategies are unknown; "
        "distress and rule-breaking are deleted more often.",
        "authors_unknown": "Messages without an author make no tie and no person: the most exposed may be those who left.",
        "duplicates": "Only the latest copy of a message counts, so repetition does not weigh on the estimate.",
        "self_replies": "Replies to oneself are kept as messages and make no tie: nobody is their own peer.",
        "bots": "Declared bots are no peers and no subjects; suspects stay in, so compare the estimate without them.",
        "clock": "Replies dated before their parents, undated messages and circles make no tie: their order is not known.",
        "rejected": "Lines that could not be read are absent like any other missing message; "
        "see the list for files to fetch again.",
    }


def quality(restricted: Path) -> dict[str, Any]:
    """Return the coverage report of the last ingest.

    Raises:
        InputError: Nothing was ingested yet.
    """
    path = restricted / "ingest" / "final.json"
    if not path.is_file() or read_json(path)["figures"] is None:
        raise InputError("Nothing has been ingested into this study.", remedy="Run: copenet ingest STUDY PATH…")
    return dict(read_json(path)["figures"])


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _strings(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query).fetchall()]


def _rows(connection: duckdb.DuckDBPyConnection, query: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query).fetchall()]


def _iso(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
