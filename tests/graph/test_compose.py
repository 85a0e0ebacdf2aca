"""docker-compose.yml: the version the tests run, on this machine only, with a secret, a healthcheck and a volume."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.neo4j_server import NEO4J_VERSION

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_the_image_is_pinned_to_the_version_that_is_tested(compose: dict[str, Any]) -> None:
    assert compose["services"]["neo4j"]["image"] == f"neo4j:{NEO4J_VERSION}-community"


def test_ports_are_loopback_only(compose: dict[str, Any]) -> None:
    ports = compose["services"]["neo4j"]["ports"]
    assert {port.rsplit(":", 1)[1] for port in ports} == {"7474", "7687"}
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_password_comes_from_a_file_that_git_ignores(compose: dict[str, Any]) -> None:
    service = compose["services"]["neo4j"]
    assert service["environment"]["NEO4J_AUTH_FILE"] == "/run/secrets/neo4j_password"
    assert "NEO4J_AUTH" not in service["environment"]
    assert service["secrets"] == ["neo4j_password"]
    assert compose["secrets"]["neo4j_password"]["file"] == "./secrets/neo4j_password"
    if (ROOT / ".git").exists():
        ignored = subprocess.run(["git", "check-ignore", "-q", "secrets/neo4j_password"], cwd=ROOT, check=False)
        assert ignored.returncode == 0


def test_there_is_a_healthcheck_and_a_named_volume(compose: dict[str, Any]) -> None:
    service = compose["services"]["neo4j"]
    assert service["healthcheck"]["test"][0] == "CMD-SHELL"
    name, inside = service["volumes"][0].split(":")
    assert inside == "/data"
    assert name in compose["volumes"]


def test_nothing_is_reported_to_anybody(compose: dict[str, Any]) -> None:
    assert compose["services"]["neo4j"]["environment"]["NEO4J_dbms_usage__report_enabled"] == "false"
