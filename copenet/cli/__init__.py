"""The command line. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    # Pools that wait for each other made the demo's estimate eight times slower on a busy machine. Work that gains
    # from more cores (embedding, DuckDB) runs its own threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from typer.main import get_command

    from copenet.cli.app import app
    from copenet.cli.output import content_free_hook

    sys.excepthook = content_free_hook  # Typer's own call would put its hook here, which prints messages
    get_command(app)(args=arguments, prog_name="copenet")
