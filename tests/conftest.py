"""What every test may use: the shared data where it is present, and one Hypothesis profile for every machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Two workers on two cores: threads of linear algebra in each would wait for one another (twice the time, measured).
# numpy reads this when it is first imported, and the workers inherit it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("COPENET_SHARED_DATA", ROOT.parent / "shared" / "data"))

settings.register_profile(
    "copenet", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("copenet")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real, pseudonymised conversations; the test is skipped where it is not there."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real conversations are not part of the repository: set COPENET_SHARED_DATA to their folder")
    return SHARED_DATA


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: their content may hold a clock (gzip's does), and two workers must collect alike."""
    return argname if isinstance(val, bytes) else None
