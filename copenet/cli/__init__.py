"""The command line. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import os
import sys
from typing import Any


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    # Pools that wait for each other made the demo's estimate eight times slower on a busy machine. Work that gains
    # from more cores (embedding, DuckDB) runs its own threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from typer.main import get_command

    from copenet.cli.app import app
    from copenet.cli.output import content_free_hook

    sys.excepthook = content_free_hook  # Typer's own call would put its hook here, which prints messages
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_in_json(get_command(app), given) if "--json" in given else get_command(app)(given, prog_name="copenet"))


def _in_json(found: Any, given: list[str]) -> int:
    """Run one command whose wrong usage, too, is one JSON document on stdout."""
    from typer.exceptions import TyperException

    from copenet.cli.output import fail
    from copenet.foundation.errors import UsageError

    try:
        return int(found(given, prog_name="copenet", standalone_mode=False) or 0)
    except TyperException as error:
        return fail(
            UsageError(getattr(error, "format_message", error.__str__)(), remedy="See: copenet --help"), as_json=True
        )
