"""The commands, assembled."""

from __future__ import annotations

from typing import Annotated

import typer

from copenet import __version__
from copenet.cli import data, effects, graphs, later, people, studies, texts

OPTIONS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _group(name: str, about: str) -> typer.Typer:
    group = typer.Typer(
        name=name,
        help=about,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=OPTIONS,
        add_completion=False,
    )
    app.add_typer(group)
    return group


app = typer.Typer(
    name="copenet",
    help="From a dump of conversations to a peer-effect estimate you can defend.\n\n"
    "Start with: copenet demo   or: copenet init mydata",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=OPTIONS,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"copenet {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


studies.register(app)
data.register(app)
people.register(app)
_graph = _group("graph", "The network: store, communities, Cypher, figures and exports.")
graphs.register(_graph)
_text = _group("text", "Embeddings and coping labels.")
texts.register(_text)
_effect = _group("effect", "Peer effects and their checks.")
effects.register(_effect)
later.register({"": app, "graph": _graph, "text": _text, "effect": _effect})
