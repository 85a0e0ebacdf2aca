import subprocess
import sys

import pytest

import gnn


def test_every_public_name_can_be_had() -> None:
    for name in gnn.__all__:
        assert getattr(gnn, name) is not None
    with pytest.raises(AttributeError, match="no_such"):
        _ = gnn.no_such


def test_the_list_of_names_matches_where_they_live() -> None:
    assert sorted(gnn._HOME) == sorted(gnn.__all__)


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, gnn, gnn.cache, gnn.encoder, gnn.labeller, gnn.evaluation, gnn.codebook, gnn.sage, gnn.people\n"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'transformers', 'torch_geometric') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
