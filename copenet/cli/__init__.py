"""The command line. Heavy libraries are imported inside the commands that need them."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    from copenet.cli.app import app
    from copenet.cli.output import content_free_hook

    sys.excepthook = content_free_hook
    app(args=arguments, prog_name="copenet")
