"""Importing copenet and asking for help loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import copenet
from copenet import _rooms

HEAVY = ("torch", "transformers", "pandas", "scipy", "sklearn", "networkit", "dowhy", "matplotlib", "torch_geometric")
LOOK = "import json, sys; print(json.dumps([m for m in {names!r} if m in sys.modules]))"


def loaded(statement: str, names: tuple[str, ...]) -> list[str]:
    code = f"{statement}; {LOOK.format(names=names)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def test_import_copenet_is_light():
    assert loaded("import copenet", (*HEAVY, "numpy", "pyarrow", "pydantic", "typer", "duckdb")) == []


def test_the_command_line_is_light():
    assert loaded("import copenet.cli.app", (*HEAVY, "numpy", "pyarrow", "pydantic", "duckdb", "rich")) == []


def test_finding_out_what_is_fresh_is_light():
    statement = "import copenet.pipeline, copenet.running, copenet.cli.run_view, copenet.stages.effect"
    assert loaded(statement, (*HEAVY, "duckdb")) == []


def test_public_names_are_there_when_asked_for():
    from causal.exposure import Proportion
    from copenet.study import Study

    assert copenet.Study is Study
    assert copenet.Proportion is Proportion
    assert set(copenet.__all__) == set(dir(copenet))
    assert all(hasattr(copenet, name) for name in copenet.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Studdy'"):
        _ = copenet.Studdy


def test_the_rooms_lie_beside_copenet():
    assert _rooms.misplaced() == {}


def test_rooms_from_elsewhere_are_explained(tmp_path):
    wrong = _rooms.misplaced(tmp_path)
    assert set(wrong) == set(_rooms.ROOMS)
    assert "pip uninstall gnn" in _rooms.explanation(wrong)
    assert "gnn: not found" in _rooms.explanation({"gnn": ""})


def test_a_foreign_gnn_on_the_path_stops_the_import(tmp_path):
    (tmp_path / "gnn").mkdir()
    (tmp_path / "gnn" / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import copenet"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert "pip uninstall gnn" in done.stderr
