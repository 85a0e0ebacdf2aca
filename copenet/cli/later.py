"""Commands of the plan that this version does not have yet: each says so, and what to use instead."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from copenet.cli.options import AsJson
from copenet.cli.output import command
from copenet.foundation.errors import UsageError

LATER = {
    ("graph", "explore"): ("look at the network in a browser", "copenet graph export STUDY --format gexf, for Gephi"),
    ("text", "annotate"): ("label messages by hand", "text.gold in study.toml, a CSV of message_id, strategy, label"),
    ("text", "explain"): (
        "show which words a label rests on",
        "copenet text evaluate STUDY",
    ),
    ("effect", "calibrate"): ("calibrate the design on this network", "copenet effect check STUDY, for the placebos"),
    ("effect", "power"): ("compute the power on this network", "copenet effect estimate STUDY, for the interval"),
    ("", "release"): ("release disclosure-controlled tables", "results/, whose aggregates suppress small counts"),
}


def register(groups: Mapping[str, typer.Typer]) -> None:
    """Add the commands to their groups."""
    for (group, name), (what, instead) in LATER.items():
        groups[group].command(
            name,
            help=f"Not in this version: {what}.\n\nExample: copenet {group} {name} STUDY".replace("  ", " "),
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
            hidden=True,
        )(_refusal(f"{group} {name}".strip(), what, instead))


def _refusal(name: str, what: str, instead: str):  # type: ignore[no-untyped-def]
    @command
    def refuse(as_json: AsJson = False) -> None:
        raise UsageError(f"This version cannot {what} yet (`copenet {name}`).", remedy=f"Use instead: {instead}")

    return refuse
