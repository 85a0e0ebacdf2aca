"""The one process that opens a ladybug file: started as a script, it reads a task on stdin and answers on stdout.

A query that never ends, or a crash inside the library, ends this process and not the caller's. It imports ladybug and
nothing of copenet, so that it answers about 0.15 s after it was started.
"""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

READ_MEMORY = 1 << 30
BUILD_MEMORY = 2 << 30
THREADS = 2
_HIDDEN = frozenset({"_ID", "_SRC", "_DST", "_LABEL"})


def main() -> None:
    """Carry out the task on stdin; a fault inside ladybug becomes `{"error": text}`."""
    task = json.load(sys.stdin)
    # The signal ends the process from outside: a handler of Python's would wait for ladybug to return.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, task["ends_after_s"])
    act = {"build": build, "read": read}[task["act"]]
    try:
        answer = act(task)
    except RuntimeError as error:  # the only kind ladybug raises
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


def build(task: dict[str, Any]) -> dict[str, Any]:
    """Create the file `path` and load `tables`: name, statement that creates it, Parquet file in this folder."""
    import ladybug

    database = ladybug.Database(task["path"], buffer_pool_size=BUILD_MEMORY, max_num_threads=THREADS)
    connection = ladybug.Connection(database, num_threads=THREADS)
    # A cached plan of a COPY crashed when its source had changed (ladybug 0.22).
    connection.execute("CALL enable_cached_prepared_statement='none'")
    for table in task["tables"]:
        connection.execute(table["create"])
    for table in task["tables"]:
        connection.execute(f"COPY {table['name']} FROM '{table['file']}'")
    connection.execute("CHECKPOINT")
    connection.close()
    database.close()
    return {"built": len(task["tables"])}


def read(task: dict[str, Any]) -> dict[str, Any]:
    """Run one query on the file `path`, opened read-only, and return at most `limit` rows."""
    import ladybug

    try:
        database = ladybug.Database(task["path"], read_only=True, buffer_pool_size=READ_MEMORY, max_num_threads=THREADS)
        connection = ladybug.Connection(database, num_threads=THREADS)
    except RuntimeError:  # a damaged file, or one that is no store at all
        return {"error": "Storage exception: the file cannot be opened"}
    result = connection.execute(task["cypher"], task["parameters"])
    if isinstance(result, list):  # several statements in one text: the guard lets none through
        raise RuntimeError("Parser exception: one statement at a time")
    rows: list[list[Any]] = []
    while result.has_next() and len(rows) < task["limit"]:
        rows.append([plain(value) for value in result.get_next()])
    return {"columns": result.get_column_names(), "rows": rows}


def plain(value: Any) -> Any:
    """Return a JSON-shaped value: UTC ISO 8601 for times, integers as integers, properties of nodes and relationships.

    >>> plain(Decimal("3")), plain(datetime(2020, 1, 5, tzinfo=UTC))
    (3, '2020-01-05T00:00:00Z')
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return _plain_dictionary(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> str | int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def _plain_dictionary(value: dict[str, Any]) -> dict[str, Any]:
    if "_NODES" in value:
        return {"nodes": plain(value["_NODES"]), "relationships": plain(value["_RELS"])}
    if "_LABEL" in value:
        # A path gives each node the properties of every label; those it has not are null and left out.
        kept = {key: plain(item) for key, item in value.items() if key not in _HIDDEN and item is not None}
        return {"_label": value["_LABEL"], **kept}
    return {str(key): plain(item) for key, item in value.items()}


if __name__ == "__main__":
    main()
