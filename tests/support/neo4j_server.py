"""A real Neo4j 5.26 server for tests, without Docker: jars from Maven Central, one process on a free loopback port.

`COPENET_TEST_NEO4J_URI` (with _USER and _PASSWORD) names a server to use instead; its data must be copenet's or none.
`COPENET_REQUIRE_NEO4J=1` turns "no server here" from a skip into a failure.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NEO4J_VERSION = "5.26.16"
CACHE = Path(__file__).resolve().parents[2] / ".neo4j"
START_SECONDS = 120
_JAVA_FLAGS = [
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "-Xmx512m",
]
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>copenet.tests</groupId><artifactId>neo4j-server</artifactId><version>1</version>
<dependencies><dependency>
<groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{NEO4J_VERSION}</version>
</dependency></dependencies></project>
"""


class NoServerError(Exception):
    """This machine cannot run one; the message says why."""


@dataclass(frozen=True)
class Server:
    uri: str
    user: str
    password: str


@contextmanager
def running(home: Path) -> Iterator[Server]:
    """Yield the server named by the environment, or start one whose data live in `home`."""
    uri = os.environ.get("COPENET_TEST_NEO4J_URI")
    if uri:
        user = os.environ.get("COPENET_TEST_NEO4J_USER", "neo4j")
        yield Server(uri, user, os.environ.get("COPENET_TEST_NEO4J_PASSWORD", ""))
        return
    jars = _jars()
    port, password = _free_port(), secrets.token_urlsafe(12)
    _configure(home, port)
    _java(jars, home, "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password)
    with (home / "console.log").open("wb") as log:
        command = [*_command(jars), "org.neo4j.server.CommunityEntryPoint", f"--home-dir={home}"]
        process = subprocess.Popen(
            [*command, f"--config-dir={home / 'conf'}", "--console-mode"],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait(process, port)
            yield Server(f"bolt://127.0.0.1:{port}", "neo4j", password)
        finally:
            _stop(process)


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the session; import this fixture into a conftest to use it."""
    try:
        with running(tmp_path_factory.mktemp("neo4j")) as server:
            yield server
    except NoServerError as reason:
        skip_or_fail(str(reason))


def skip_or_fail(reason: str) -> None:
    """Skip the test with its reason, or fail it where a server is required."""
    if os.environ.get("COPENET_REQUIRE_NEO4J") == "1":
        pytest.fail(f"a Neo4j server is required (COPENET_REQUIRE_NEO4J=1): {reason}")
    pytest.skip(f"no Neo4j server: {reason}")


def _jars() -> Path:
    """Return the folder of the server's jars, fetched once for all test processes."""
    from filelock import FileLock

    if shutil.which("java") is None:
        raise NoServerError("java is not installed")
    folder = CACHE / NEO4J_VERSION
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "download.lock"):
        if not (folder / "lib").is_dir():
            _download(folder)
    return folder / "lib"


def _download(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise NoServerError("mvn (Maven) is not installed")
    folder.mkdir(exist_ok=True)
    (folder / "pom.xml").write_text(_POM)
    partial = folder / "lib.partial"
    shutil.rmtree(partial, ignore_errors=True)
    # dependency:get would ask for test artifacts that do not exist.
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={partial}"], check=False, cwd=folder, capture_output=True, timeout=900
    )
    if done.returncode != 0 or not any(partial.glob("neo4j-*.jar")):
        raise NoServerError("Maven could not fetch the server's jars")
    partial.rename(folder / "lib")


def _configure(home: Path, port: int) -> None:
    (home / "conf").mkdir(parents=True)
    settings = {
        "server.bolt.listen_address": f"127.0.0.1:{port}",
        "server.bolt.advertised_address": f"127.0.0.1:{port}",
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "server.memory.pagecache.size": "64m",
        "dbms.usage_report.enabled": "false",
        "db.transaction.timeout": "120s",
    }
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (home / "conf" / "neo4j.conf").write_text("".join(lines))


def _command(jars: Path) -> list[str]:
    return ["java", *_JAVA_FLAGS, "-cp", f"{jars}/*"]


def _java(jars: Path, home: Path, *arguments: str) -> None:
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    command = [*_command(jars), *arguments]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise NoServerError(f"the admin tool failed with code {done.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoServerError(f"the server ended with code {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise NoServerError(f"the server did not answer within {START_SECONDS} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
