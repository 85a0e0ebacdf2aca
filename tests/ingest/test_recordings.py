"""Recorded HTTP answers: every way in which the recorders write a body, and the real cassettes."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import recordings
from ingest.recordings import unwrap, unwrap_yaml

ANSWER = {"id": "1", "text": "grüße"}
TEXT = json.dumps(ANSWER, ensure_ascii=False)
BYTES = TEXT.encode()


def cassette(body: Any, name: str = "http_interactions") -> dict[str, Any]:
    request = {"method": "GET", "uri": "https://one.example/api", "body": "", "headers": {}}
    response = {"body": body, "headers": {}, "status": {"code": 200, "message": "OK"}}
    return {name: [{"request": request, "response": response}], "recorded_with": "betamax/0.9.0"}


def har(content: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": [{"request": {"method": "GET"}, "response": {"content": content}}]}}


@pytest.mark.parametrize(
    "recording",
    [
        cassette({"string": TEXT, "encoding": "utf-8"}),
        cassette({"string": TEXT}, "interactions"),
        cassette({"base64_string": base64.b64encode(BYTES).decode(), "encoding": "utf-8"}),
        cassette({"base64_string": base64.b64encode(gzip.compress(BYTES)).decode(), "encoding": "utf-8"}),
        cassette({"string": BYTES}),
        cassette(TEXT),
        har({"mimeType": "application/json", "text": TEXT}),
        har({"mimeType": "application/json", "text": base64.b64encode(BYTES).decode(), "encoding": "base64"}),
    ],
)
def test_bodies(recording: dict[str, Any]) -> None:
    assert unwrap(recording) == [ANSWER]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        {"string": ""},
        {"string": "<html>"},
        {"string": "3"},
        {"string": "null"},
        {"base64_string": "!"},
        {"base64_string": 3},
        {"base64_string": base64.b64encode(b"\x1f\x8bbroken").decode()},
        3,
        [],
    ],
)
def test_answers_that_are_no_json_are_left_out(body: object) -> None:
    recording = cassette(body)
    recording["http_interactions"] += [*cassette(TEXT)["http_interactions"], None, {"response": None}, {}]
    assert unwrap(recording) == [ANSWER]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [cassette(TEXT)],
        {},
        {"interactions": []},
        {"interactions": [{"type": "like", "user": "x"}]},
        {"interactions": 3},
        {"interactions": [{"response": "yes"}]},
        {"interactions": [{"response": {"text": "yes"}}]},
        {"log": "x"},
        {"log": {"entries": ["x"]}},
        {"id": "1", "text": "x", "created_at": "2020-09-13T12:26:40Z"},
    ],
)
def test_what_is_no_recording(value: object) -> None:
    assert unwrap(value) is None


def test_a_small_body_that_unpacks_to_a_huge_one_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "_LARGEST_BODY", 1000)
    bomb = base64.b64encode(gzip.compress(b"[" + b" " * 100_000 + b"]")).decode()
    assert unwrap(cassette({"base64_string": bomb})) == []


@pytest.mark.parametrize("name", ["interactions", "http_interactions"])
def test_cassettes_in_yaml(name: str) -> None:
    assert unwrap_yaml(yaml.safe_dump(cassette({"string": TEXT}, name)).encode()) == [ANSWER]
    assert unwrap_yaml(yaml.safe_dump(cassette({"string": gzip.compress(BYTES)}, name)).encode()) == [ANSWER]


def test_a_text_in_yaml_that_looks_like_a_date_or_a_number_stays_text() -> None:
    assert unwrap_yaml(b"interactions:\n- response:\n    body: {string: '[1]'}\n  recorded_at: 2001-99-99\n") == [[1]]
    assert unwrap_yaml(b"interactions:\n- response: {body: {string: [1]}}\n") == []


def test_aliases_in_yaml() -> None:
    data = b"""interactions:
- response: &first {body: {string: '{"a": 1}'}}
- response: *first
"""
    assert unwrap_yaml(data) == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a: b",
        b'{"interactions": []}',
        b"interactions: x",
        b"interactions:\n- response: *nothing\n",
        b"interactions: [",
        b"interactions:\n- [",
        b"interactions:\n- {[a]: b}\n",
        b"interactions:\n- \xff\xfe\n",
        b"interactions:\n- !!python/object/apply:os.system ['true']\n",
        b"interactions: " + b"[" * 100_000 + b"]" * 100_000,
        b"interactions:\n" + b"".join(b" " * n + b"- a:\n" for n in range(1000)),
    ],
)
def test_yaml_that_is_no_cassette(data: bytes) -> None:
    assert unwrap_yaml(data) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100)
@given(value=JSON, where=st.sampled_from(["items", "item", "response", "body", "string", "base64_string", "content"]))
def test_garbage_is_ignored(value: Any, where: str) -> None:
    recording = cassette({"string": TEXT})
    item = recording["http_interactions"][0]
    places: dict[str, tuple[Any, Any]] = {
        "items": (recording, "http_interactions"),
        "item": (recording["http_interactions"], 0),
        "response": (item, "response"),
        "body": (item["response"], "body"),
        "string": (item["response"]["body"], "string"),
        "base64_string": (item["response"]["body"], "base64_string"),
        "content": (item["response"], "content"),
    }
    container, key = places[where]
    container[key] = value
    assert unwrap(recording) is None or isinstance(unwrap(recording), list)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_garbage_in_yaml_is_ignored(data: bytes) -> None:
    found = unwrap_yaml(b"interactions:\n- response: {body: " + data)
    assert found is None or isinstance(found, list)


def test_real_cassettes_of_reddit(shared_data: Path) -> None:
    for path in sorted((shared_data / "reddit_api").glob("*.json")):
        recording = json.loads(path.read_bytes())
        items = recording.get("http_interactions") or recording["interactions"]
        found = unwrap(recording)
        assert found is not None
        assert len(found) == len(items) > 0
        assert found[-1] == json.loads(items[-1]["response"]["body"]["string"])


def test_real_cassettes_of_mastodon_read_as_the_ready_made_loader_reads_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "mastodon").glob("*.yaml")):
        data = path.read_bytes()
        items = yaml.load(data, Loader=yaml.CSafeLoader)["interactions"]
        assert unwrap_yaml(data) == [json.loads(item["response"]["body"]["string"]) for item in items]
