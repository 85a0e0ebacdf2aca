"""The test server: it skips with its reason, fails where it is required, and listens on this machine only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import neo4j_server as support
from tests.support.neo4j_server import NoServerError, running, skip_or_fail


def test_no_server_is_a_skip_with_its_reason_unless_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPENET_REQUIRE_NEO4J", raising=False)
    with pytest.raises(pytest.skip.Exception, match="java is not installed"):
        skip_or_fail("java is not installed")
    monkeypatch.setenv("COPENET_REQUIRE_NEO4J", "1")
    with pytest.raises(pytest.fail.Exception, match="java is not installed"):
        skip_or_fail("java is not installed")


def test_a_machine_without_java_or_maven_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COPENET_TEST_NEO4J_URI", raising=False)
    monkeypatch.setattr(support, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(support.shutil, "which", lambda name: None)
    with pytest.raises(NoServerError, match="java"), running(tmp_path):
        pass
    monkeypatch.setattr(support.shutil, "which", lambda name: "java" if name == "java" else None)
    with pytest.raises(NoServerError, match="Maven"), running(tmp_path):
        pass


def test_an_existing_server_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPENET_TEST_NEO4J_URI", "bolt://127.0.0.1:1")
    monkeypatch.setenv("COPENET_TEST_NEO4J_PASSWORD", "x")
    with running(tmp_path) as server:
        assert (server.uri, server.user, server.password) == ("bolt://127.0.0.1:1", "neo4j", "x")


def test_the_configuration_is_loopback_only(tmp_path: Path) -> None:
    support._configure(tmp_path, 4711)
    text = (tmp_path / "conf" / "neo4j.conf").read_text()
    assert "server.bolt.listen_address=127.0.0.1:4711" in text
    assert "server.http.enabled=false" in text
    assert "dbms.usage_report.enabled=false" in text
