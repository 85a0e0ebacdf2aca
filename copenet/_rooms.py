"""Are the rooms beside this package the ones that belong to it?

An unrelated package on PyPI also installs a top-level `gnn`; whichever comes first on the path would be imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("ingest", "graph", "gnn", "causal")


def misplaced(home: Path | None = None) -> dict[str, str]:
    """Return the rooms that Python would load from elsewhere than `home` ("" where it finds none at all)."""
    home = Path(__file__).resolve().parents[1] if home is None else home
    found = {room: _origin(room) for room in ROOMS}
    return {room: where for room, where in found.items() if where != str(home / room)}


def _origin(room: str) -> str:
    spec = find_spec(room)
    if spec is None or spec.origin is None:
        return ""
    return str(Path(spec.origin).resolve().parent)


def explanation(wrong: dict[str, str]) -> str:
    """Return what to tell somebody whose rooms are `wrong`."""
    places = "; ".join(f"{room}: {where or 'not found'}" for room, where in sorted(wrong.items()))
    return (
        f"copenet's own packages are hidden by others of the same name ({places}). Uninstall the other package "
        f"(for gnn: `pip uninstall gnn`), or leave its folder, and install copenet again."
    )
