"""JSON nested more deeply than a reader that recurses can follow, such as a thread of hundreds of replies."""

from __future__ import annotations

import io
from typing import Any

import ijson


def loads(data: bytes) -> Any:
    """Return the JSON value of `data`, however deep.

    Raises:
        ValueError: It is no JSON.
    """
    root: list[Any] = []
    stack: list[dict[str, Any] | list[Any]] = [root]
    key = ""
    keys: list[str] = []
    try:
        for event, value in ijson.basic_parse(io.BytesIO(data), use_float=True):
            if event == "map_key":
                key = value
            elif event in ("end_map", "end_array"):
                stack.pop()
                key = keys.pop()
            else:
                new = {} if event == "start_map" else [] if event == "start_array" else value
                place = stack[-1]
                if isinstance(place, dict):
                    place[key] = new
                else:
                    place.append(new)
                if event in ("start_map", "start_array"):
                    stack.append(new)
                    keys.append(key)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise ValueError("not valid JSON") from error
    if len(root) != 1:
        raise ValueError("not valid JSON")
    return root[0]
