"""One thread for small numerical work.

OpenMP and BLAS pools that wait for each other cost more than they give on matrices of this size (the estimate of the
demo took eight times as long with two threads on a busy machine), and sums in another order change the last digits.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

_POOLED = ("numpy", "scipy", "sklearn", "torch")


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which the numerical libraries loaded so far use one thread each."""
    limit: AbstractContextManager[Any] = _controller(tuple(name in sys.modules for name in _POOLED)).limit(limits=1)
    return limit


@cache
def _controller(loaded: tuple[bool, ...]) -> Any:
    """Return the pools of the libraries loaded now; finding them takes 50 ms, so it is done once per set."""
    del loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
