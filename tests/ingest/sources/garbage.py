"""Real-looking records with garbage in them, and what every format promises of whatever it makes of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from ingest.records import BadRecordError, Draft, Record, Reject

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(record: Any) -> list[tuple[Any, ...]]:
    """Return the path of every value in a record."""
    found: list[tuple[Any, ...]] = []
    stack: list[tuple[tuple[Any, ...], Any]] = [((), record)]
    while stack:
        path, value = stack.pop()
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            found.append((*path, key))
            stack.append(((*path, key), part))
    return found


@st.composite
def damaged(draw: Callable[..., Any], *records: Record, more: Sequence[tuple[Any, ...]] = ()) -> Record:
    """One of `records` with one to four values replaced by any JSON, at places it has or at one of `more`."""
    record = copy.deepcopy(draw(st.sampled_from(list(records))))
    for path in draw(st.lists(st.sampled_from([*places(record), *more]), min_size=1, max_size=4)):
        put(record, path, draw(JSON))
    return record


def put(record: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        if not _holds(record, key):
            return  # an earlier replacement took the place away
        record = record[key]
    if isinstance(record, dict) or _holds(record, path[-1]):
        record[path[-1]] = value


def _holds(value: Any, key: Any) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def kept_promises(
    recognises: Callable[[Record], bool], drafts: Callable[[Record], Iterable[Draft | Reject]], record: Record
) -> bool:
    """Return whether a format says of any record whether it is one, and gives drafts as the contract wants them."""
    if not isinstance(recognises(record), bool):
        return False
    try:
        return all(map(is_as_promised, drafts(record)))
    except BadRecordError:
        return True


def is_as_promised(found: Draft | Reject) -> bool:
    """Return whether a draft holds what `ingest.records.Draft` says it does, or is the reason why there is none."""
    if not isinstance(found, Draft):
        return isinstance(found, Reject)
    told = (found.text is not None) == (found.text_status == "present")
    known = (found.author is not None) == (found.author_status == "known")
    own = found.kind != "repost" or (found.parent, found.thread, found.text) == (None, None, None)
    return bool(found.message_id) and told and known and own
