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
    count(DISTINCT author) FILTER (
        kind <> 'repost' AND (bot_reason IS NULL OR bot_reason NOT LIKE 'declared:%')) AS authors,
    count(*) FILTER (reply) AS replies,
    count(*) FILTER (parent_present) AS replies_resolved,
    count(*) FILTER (NOT reply AND answered IS NOT NULL AND kind <> 'repost') AS replies_to_a_person,
    count(*) FILTER (kind = 'repost') AS reposts,
    count(*) FILTER (text_cut) AS texts_cut,
    count(DISTINCT p) FILTER (reply AND NOT parent_present) AS parents_missing,
    count(*) FILTER (text_status IN ('deleted', 'removed')) AS deleted,
    count(*) FILTER (text_status = 'deleted') AS texts_deleted,
    count(*) FILTER (text_status = 'removed') AS texts_removed,
    count(*) FILTER (text_status = 'empty') AS texts_empty,
    count(*) FILTER (author_status <> 'known') AS authors_unknown,
    count(*) FILTER (author = answered) AS self_replies,
    count(*) FILTER (moment IS NULL) AS undated,
    count(DISTINCT author) FILTER (bot_reason LIKE 'declared:%') AS bots_declared,
    count(DISTINCT author) FILTER (bot_reason LIKE 'suspected:%') AS bots_suspected,
    coalesce(sum(names_replaced), 0)::BIGINT AS names_replaced,
    min(moment) AS first_at,
    max(moment) AS last_at
FROM final
"""
# Copies of one message have one time, whatever the zone of the clock, and one author; its text may have been edited.
_CONFLICTS = """
SELECT count(*) FROM (
    SELECT message_id FROM staged SEMI JOIN repeated USING (message_id) GROUP BY message_id
    HAVING min(coalesce(content, text_digest)) < max(coalesce(content, text_digest))
        AND (max(created_at) - min(created_at) > INTERVAL 1 DAY
             OR (count(created_at) = 0 AND min(author_id) < max(author_id))))
"""
_CLOCK = """
SELECT count(*) FILTER (c.moment < p.moment), count(*) FILTER (c.moment < p.moment - 1000000 * $skew)
FROM k c JOIN k p ON c.p = p.m WHERE c.reply
"""


def figures(connection: duckdb.DuckDBPyConnection, cursors: list[Cursor]) -> dict[str, Any]:
    """Return every figure about the relations of `ingest.finalise.build` and the files read."""
    cursor = connection.execute(_COUNTS)
    names = [column[0] for column in cursor.description or []]
    found: dict[str, Any] = dict(zip(names, cursor.fetchone() or [0] * len(names), strict=True))
    found["duplicates"] = _one(connection, "SELECT count(*) FROM dropped")
    found["conflicts"] = _one(connection, _CONFLICTS)
    found["cycles"] = _one(connection, "SELECT count(*) FROM cyclic")
    found["first_at"], found["last_at"] = _iso(found["first_at"]), _iso(found["last_at"])
    found["platforms"] = _strings(connection, "SELECT DISTINCT platform FROM final ORDER BY 1")
    found |= rejects(cursors) | _coverage(connection) | _gaps(connection)
    found["bots"] = _rows(connection, _BOTS, ("why", "accounts", "messages"))
    found["formats"] = sorted(
        ({"file": shown(c.file), "format": _format(c), "messages": c.rows} for c in cursors), key=lambda f: f["file"]
    )
    found["languages"] = _rows(connection, _LANGUAGES, ("language", "messages"))
    found |= _names(connection, found["names_replaced"])
    found["by_month"] = _rows(connection, _BY_MONTH, ("platform", "month", "messages"))
    found |= _shares(found)
    earlier, beyond = connection.execute(_CLOCK, {"skew": CLOCK_SKEW_SECONDS}).fetchone() or (0, 0)
    clock = {"undated": found.pop("undated"), "earlier_than_parent": earlier, "beyond_skew": beyond}
    found["clock"] = clock | {"cycles": found.pop("cycles")}
    found["means"] = meanings(found)
    return found


_DAYS = """
SELECT DISTINCT strftime(make_timestamp(moment), '%Y-%m-%d') FROM final WHERE moment IS NOT NULL ORDER BY 1
"""
_BOTS = """
SELECT bot_reason, count(DISTINCT author), count(*) FROM final WHERE bot_reason IS NOT NULL GROUP BY 1 ORDER BY 1
"""
_BY_MONTH = """
SELECT platform, strftime(make_timestamp(moment), '%Y-%m') AS month, count(*) FROM final
WHERE moment IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


_LANGUAGES = """
SELECT language, count(*) AS n FROM final WHERE language IS NOT NULL GROUP BY 1 ORDER BY n DESC, language LIMIT 40
"""


def _names(connection: duckdb.DuckDBPyConnection, scrubbed: int) -> dict[str, Any]:
    row = connection.execute("SELECT texts, words, ordinary FROM naming").fetchone() or (0, 0, 0)
    return {
        "names_replaced": scrubbed + row[1],
        "plain_words": {"texts": row[0], "replaced": row[1], "ordinary": row[2]},
    }


def _format(cursor: Cursor) -> str:
    return "columns" if cursor.format.startswith("columns:") else cursor.format


def rejects(cursors: list[Cursor]) -> dict[str, Any]:
    """Return what could not be kept of the files read: file name, line and reason, never content."""
    listed = [{"file": shown(c.file), "line": line, "reason": why} for c in cursors for line, why in c.rejected]
    listed.sort(key=lambda r: (r["file"], r["line"], r["reason"]))
    return {"rejected": listed, "rejected_count": len(listed) + sum(c.rejected_more for c in cursors)}


def _coverage(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Compare the replies that threads say they have with those the dumps hold."""
    row = connection.execute(
        """
        WITH declared AS (SELECT m, declared_replies FROM final WHERE declared_replies IS NOT NULL),
        collected AS (SELECT t, count(*) AS n FROM final WHERE reply GROUP BY 1)
        SELECT count(*), coalesce(sum(declared_replies), 0)::BIGINT, coalesce(sum(n), 0)::BIGINT,
               count(*) FILTER (coalesce(n, 0) < declared_replies)
        FROM declared LEFT JOIN collected ON m = t
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
        "conflicts": "Ids under which dumps hold messages of different times and texts, of which one stays: they are of "
        "corpora, sites or accounts that each count for themselves and do not belong in one study.",
        "self_replies": "Replies to oneself are kept as messages and make no tie: nobody is their own peer.",
        "bots": "Declared bots are no peers and no subjects; suspects stay in, so compare the estimate without them.",
        "replies_to_a_person": "Where a source names whom a message answers but not which message, the tie is kept, "
        "dated by the answer alone.",
        "texts_cut": "Of a text longer than any platform allows only the beginning is kept.",
        "plain_words": "Names of people in the study, written as plain words, are replaced; ordinary words and first names "
        "are not, so read them as what they may be.",
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
