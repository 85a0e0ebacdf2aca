"""Commands about the network and its store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from copenet.cli.options import AsJson, Assignments, Force, Seed, StudyPath, open_study, warn_of_overrides
from copenet.cli.output import command, emit, fail, note, progress, say, table

Parameters = Annotated[
    list[str] | None, typer.Option("--param", metavar="K=V", help="A value for $K of the query.", show_default=False)
]
StoreKind = Annotated[str | None, typer.Option("--store", help="ladybug or neo4j; overrides graph.store.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds until a query is stopped.")]
MaxRows = Annotated[int, typer.Option("--max-rows", min=1, help="Rows returned at most.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for function in (build, communities, query, shell, figure, export, drop):
        group.command()(function)


@command
def build(
    study: StudyPath,
    *,
    store: StoreKind = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another study's graph in the server's database.")
    ] = False,
    assignments: Assignments = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Build ties and communities, and load the graph into the store.

    Example: copenet graph build demo --store neo4j
    """
    from copenet.running import bring

    opened = replace(open_study(study, assignments, graph__store=store), overwrite_store=overwrite)
    warn_of_overrides(opened)
    counts = bring(opened, ["store"], progress(as_json), force or overwrite)["store"].figures
    if as_json:
        emit(counts)
        return
    say(f"{counts['users']:,} people, {counts['messages']:,} messages, {counts['ties']:,} ties in {counts['store']}")
    say(f"next: copenet graph shell {study}")


@command
def communities(
    study: StudyPath,
    *,
    method: Annotated[str, typer.Option("--method", help="leiden or map_equation.")] = "leiden",
    seed: Seed = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Show the communities: sizes, modularity, code length, agreement over seeds.

    Example: copenet graph communities demo --method map_equation
    """
    from copenet.foundation.errors import UsageError
    from copenet.running import bring
    from copenet.stages.common import result

    opened = open_study(study, assignments, seed)
    warn_of_overrides(opened)
    bring(opened, ["graph"], progress(as_json))
    found = {entry["method"]: entry for entry in result(opened, "graph")["communities"]}
    if method not in found:
        raise UsageError(f"No communities were found by {method}.", remedy=f"Choose one of {', '.join(found)}.")
    if as_json:
        emit(found[method])
        return
    one = found[method]
    say(f"{one['n']:,} communities by {method} · modularity {one['modularity']:.3f} · {one['codelength']:.3f} bits")
    table(["community", "people"], list(enumerate(one["sizes"])), most=20)
    if one["smaller"]:
        say(f"{one['smaller']:,} smaller ones are not listed")
    say(f"next: copenet graph figure {study} communities")


@command
def query(
    study: StudyPath,
    cypher: Annotated[str, typer.Argument(metavar="CYPHER|NAME", help="A reading query, or the name of a saved one.")],
    *,
    parameters: Parameters = None,
    store: StoreKind = None,
    timeout: Timeout = 60.0,
    max_rows: MaxRows = 10_000,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Ask the graph in Cypher. Nothing can be changed through it. Without a query's name: see `graph shell`.

    Example: copenet graph query demo top_repliers --param limit=5
    """
    from copenet.stages.common import not_validated, result
    from copenet.study import Study
    from graph import SAVED_QUERIES

    values = _parameters(parameters or [])
    with _open(study, store, assignments) as opened:
        ask = opened.run_saved if cypher in SAVED_QUERIES or cypher.isidentifier() else opened.query
        answer = ask(cypher, values, timeout, max_rows)
    asked = Study.open(study)
    doubtful = not_validated(asked)
    # An answer may be about any strategy, so one that nobody judged is enough.
    validated = bool(result(asked, "labels").get("labels_validated")) and not doubtful
    if as_json:
        document = {"columns": answer.columns, "rows": answer.rows, "truncated": answer.truncated}
        emit(document | {"labels_validated": validated})
        return
    table(answer.columns, answer.rows, truncated=answer.truncated)
    if not validated:
        some = result(asked, "labels").get("labels_validated")
        which = f"those of {', '.join(doubtful)}" if some else "strategies in the graph"
        note(f"labels not validated: {which} were compared with nobody's judgement")


@command
def shell(study: StudyPath, store: StoreKind = None, timeout: Timeout = 60.0, assignments: Assignments = None) -> None:
    """Ask the graph line by line; end a query with a semicolon, leave with :quit.

    Example: copenet graph shell demo
    """
    from copenet.foundation.errors import CopenetError
    from graph import SAVED_QUERIES

    values: dict[str, Any] = {}
    with _open(study, store, assignments) as opened:
        note(f"{opened.kind} · :help lists what can be typed · :quit leaves")
        for line in _statements():
            if line in (":quit", ":q", ":exit"):
                return
            try:
                if line.startswith(":"):
                    _shell_command(line, values)
                    continue
                name = line.removesuffix(";").rstrip()
                saved = name in SAVED_QUERIES
                wanted = _wanted(name, values)
                answer = opened.run_saved(name, wanted, timeout) if saved else opened.query(line, wanted, timeout)
                table(answer.columns, answer.rows, truncated=answer.truncated)
            except CopenetError as error:
                fail(error, as_json=False)


@command
def figure(
    study: StudyPath,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="communities")] = "communities",
    strategy: Annotated[str | None, typer.Option("--strategy", help="Colour by its share.", show_default=False)] = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Draw a figure for print (SVG and PDF): the community quotient graph with its block matrix.

    Example: copenet graph figure demo communities
    """
    from copenet.figures import FIGURES, draw
    from copenet.foundation.errors import UsageError
    from copenet.running import bring

    if name not in FIGURES:
        raise UsageError(f"No figure is called {name}.", remedy=f"Known are {', '.join(FIGURES)}.")
    opened = open_study(study, assignments)
    bring(opened, ["graph", "label"], progress(as_json))
    path = draw(opened, name, strategy)
    if as_json:
        emit({"path": str(path)})
    else:
        say(f"{path} and {path.with_suffix('.pdf')}")


@command
def export(
    study: StudyPath,
    *,
    format_: Annotated[str, typer.Option("--format", help="gexf, graphml, parquet or csv.")] = "gexf",
    out: Annotated[Path | None, typer.Option("--out", help="Where to; restricted/graph when left out.")] = None,
    assignments: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """Export every user tie, with communities. The file holds people (as pseudonyms): keep it restricted.

    Example: copenet graph export demo --format gexf
    """
    from copenet.exporting import export_graph
    from copenet.running import bring

    opened = open_study(study, assignments)
    bring(opened, ["graph"], progress(as_json))
    path = export_graph(opened, format_, out)
    if as_json:
        emit({"path": str(path)})
        return
    say(str(path))
    note("It holds one mark per person: treat it like everything in restricted/.")


@command
def drop(study: StudyPath, store: StoreKind = None, assignments: Assignments = None, as_json: AsJson = False) -> None:
    """Remove this study's graph from the store, and nothing else; the tables stay.

    Example: copenet graph drop demo
    """
    from copenet import stores
    from copenet.freshness import lock
    from copenet.pipeline import Pipeline
    from copenet.stages.store import marker

    opened = open_study(study, assignments, graph__store=store)
    with lock(opened.restricted / "stages" / "lock"):
        stores.drop(opened)
        marker(opened).unlink(missing_ok=True)
        Pipeline(opened).forget_outputs(["store"])
    if as_json:
        emit({"store": opened.settings.graph.store, "dropped": True})
    else:
        say(f"Dropped. Build it again with: copenet graph build {study}")


def _open(path: Path, store: str | None, assignments: list[str] | None) -> Any:
    from copenet.foundation.errors import UsageError
    from copenet.stages.store import spec_of
    from graph import open_store

    spec = spec_of(open_study(path, assignments, graph__store=store))
    if spec.path is not None and not spec.path.exists():
        raise UsageError("The study has no graph yet.", remedy=f"Run: copenet graph build {path}")
    return open_store(spec)


def _parameters(given: list[str]) -> dict[str, Any]:
    from copenet.foundation.errors import UsageError
    from copenet.settings import toml_value

    values = {}
    for assignment in given:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError("--param takes K=V.", remedy="For example --param limit=10")
        values[name.strip()] = toml_value(value.strip())
    return values


_SHELL_HELP = [
    ["MATCH … ;", "a query, over as many lines as you like, up to a semicolon"],
    ["NAME", "a saved query"],
    [":saved", "list the saved queries and what they need"],
    [":param K=V", "set $K for the queries that use it; :param alone lists what is set"],
    [":quit", "leave"],
]


def _shell_command(line: str, values: dict[str, Any]) -> None:
    """Do what a line with a colon asks for; `:param` changes `values`."""
    from copenet.foundation.errors import UsageError
    from graph import SAVED_QUERIES

    word, _, rest = line.partition(" ")
    if word == ":saved":
        rows = [[name, saved.title, ", ".join(saved.parameters)] for name, saved in SAVED_QUERIES.items()]
        table(["name", "answers", "parameters"], rows)
    elif word == ":help":
        table(["type", "to"], _SHELL_HELP)
    elif word == ":param":
        values.update(_parameters([rest] if rest.strip() else []))
        table(["parameter", "value"], [[name, value] for name, value in values.items()])
    else:
        raise UsageError("The shell has no such command.", remedy="Type :help for those it has.")


def _wanted(line: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return those of `values` that a query or a saved query names: what is left over would be refused."""
    from graph import SAVED_QUERIES, guard

    saved = SAVED_QUERIES.get(line)
    names = frozenset(saved.parameters) if saved else guard.check(line).parameters
    return {name: value for name, value in values.items() if name in names}


def _statements() -> Iterator[str]:
    """Yield what is typed: commands and names of saved queries line by line, queries up to their semicolon."""
    from graph import SAVED_QUERIES, guard

    waiting = ""
    interactive = sys.stdin.isatty()
    while True:
        if interactive:
            sys.stderr.write("…> " if waiting else "cypher> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            break
        text = line.strip()
        if not waiting and (text.startswith(":") or text in SAVED_QUERIES):
            yield text
            continue
        # By lines: joined otherwise, a // comment would take in the next line.
        *whole, waiting = guard.split(f"{waiting}{line}")
        yield from whole
        waiting = waiting.lstrip()
    if waiting.strip():
        yield waiting.strip()
