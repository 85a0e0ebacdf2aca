"""Fixtures of the graph room: a real server for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.neo4j_server import NoServerError, Server, running, skip_or_fail


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    try:
        with running(tmp_path_factory.mktemp("neo4j")) as server:
            yield server
    except NoServerError as reason:
        skip_or_fail(str(reason))
