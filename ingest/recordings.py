"""Recorded HTTP answers, unwrapped: cassettes of VCR, vcrpy and Betamax (JSON or YAML), and HAR files.

Researchers and libraries keep what an API answered as it came; the records lie inside, as text within JSON or YAML.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import Any

import yaml

from ingest.records import MOST_VALUES, BadRecordError, decode, values_in

_INTERACTIONS = ("http_interactions", "interactions")
_YAML = re.compile(rb"^(?:http_)?interactions:", re.M)
_DEEPEST = 64  # levels; a cassette has ten
_LARGEST_BODY = 2**26  # bytes, unpacked: a few kilobytes of gzip may hold gigabytes
_LARGEST = 2**27  # bytes of all bodies in one recording


def unwrap(value: Any) -> list[Any] | None:
    """Return the JSON values of the answers in a recording; None where `value` is no recording.

    Answers that are no JSON, or a bare number or word, are left out.

    Raises:
        BadRecordError: What is in it would not fit into memory.

    >>> unwrap({"http_interactions": [{"response": {"body": {"string": '{"id": 1}'}}}]})
    [{'id': 1}]
    >>> unwrap({"id": 1}) is None
    True
    """
    responses = _responses(value)
    if responses is None:
        return None
    answers, size, values = [], 0, 0
    for response in responses:
        body = _unpacked(_body(response.get("body", response.get("content"))) or b"")
        size, values = size + len(body), values + values_in(body)
        if size > _LARGEST or values > MOST_VALUES:
            raise BadRecordError(f"a recording of more than {_LARGEST} bytes or {MOST_VALUES} values")
        answer = _answer(body)
        if isinstance(answer, dict | list):
            answers.append(answer)
    return answers


def unwrap_yaml(data: bytes) -> list[Any] | None:
    """Return the JSON values of the answers in a cassette written as YAML; None where `data` is none.

    Raises:
        BadRecordError: What is in it would not fit into memory.

    >>> unwrap_yaml(b"interactions:\\n- response: {body: {string: '[1]'}}")
    [[1]]
    """
    if _YAML.search(data) is None:
        return None
    try:
        return unwrap(_yaml_value(data))
    except yaml.YAMLError:
        return None


def _responses(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, dict):
        return None
    log = value.get("log")
    lists = [value.get(name) for name in _INTERACTIONS] + [log.get("entries") if isinstance(log, dict) else None]
    items = next((items for items in lists if isinstance(items, list) and items), None)
    if items is None:
        return None
    responses = [item.get("response") if isinstance(item, dict) else None for item in items]
    if not isinstance(responses[0], dict) or not {"body", "content"} & responses[0].keys():
        return None
    return [response for response in responses if isinstance(response, dict)]


def _answer(body: bytes) -> Any:
    try:
        return decode(body) if body else None
    except BadRecordError:
        return None


def _body(body: Any) -> bytes | None:
    """Return the bytes of an answer's body, in any of the ways the recorders write it."""
    if not isinstance(body, dict):
        return _bytes(body)
    text = body.get("base64_string")
    if text is None and body.get("encoding") == "base64":
        text = body.get("text")  # HAR
    if text is None:
        return _bytes(body.get("string", body.get("text")))
    try:
        return base64.b64decode(text) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        return None


def _bytes(value: Any) -> bytes | None:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value if isinstance(value, bytes) else None


def _unpacked(body: bytes) -> bytes:
    """Return a body without gzip, which its first bytes tell; the headers may speak of an earlier state."""
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _LARGEST_BODY)
    except zlib.error:
        return b""


def _yaml_value(data: bytes) -> Any:
    """Return a YAML document built from the parser's events: the ready-made loaders recurse, and crash on deep files.

    Every scalar stays text (no dates, no numbers), but binary ones, and no tag makes an object.
    """
    builder = _Builder()
    for event in _events(data):
        builder.take(event)
    return builder.document


def _events(data: bytes) -> Iterator[Any]:
    yield from yaml.parse(data, Loader=yaml.CSafeLoader)


class _Builder:
    def __init__(self) -> None:
        self.document: Any = None
        self._open: list[tuple[Any, list[Any]]] = []  # containers, and the key that waits for its value
        self._anchors: dict[str, Any] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            raise yaml.YAMLError("too many values")
        if isinstance(event, yaml.ScalarEvent):
            self._put(event, _scalar(event))
        elif isinstance(event, yaml.AliasEvent):
            self._put(None, self._anchors.get(event.anchor))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(event, container)
            self._open.append((container, []))
            if len(self._open) > _DEEPEST:
                raise yaml.YAMLError("too deep")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()

    def _put(self, event: Any, value: Any) -> None:
        if event is not None and event.anchor is not None:
            self._anchors[event.anchor] = value
        if not self._open:
            self.document = value
            return
        container, key = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif key:
            container[key.pop()] = value
        elif isinstance(value, str):
            key.append(value)
        else:
            raise yaml.YAMLError("a key that is no text")


def _scalar(event: Any) -> str | bytes | None:
    text: str = event.value
    if event.tag == "tag:yaml.org,2002:binary":
        try:
            return base64.b64decode(text)
        except (binascii.Error, ValueError):
            return None
    return None if event.style is None and text in ("", "~", "null") else text
