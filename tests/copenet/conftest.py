from __future__ import annotations

from tests.support.neo4j_server import neo4j_server

__all__ = ["neo4j_server"]
