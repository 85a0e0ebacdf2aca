"""Random numbers by name: every use of chance has its own stream, and nothing touches a global generator."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of the stream `names` under `seed`.

    Streams with different names are independent, so adding a use of chance somewhere never changes another.

    >>> from copenet.foundation.seeds import generator
    >>> generator(7, "folds").integers(100) == generator(7, "folds").integers(100)
    np.True_
    """
    return np.random.default_rng(np.random.SeedSequence([seed, *_words("/".join(map(str, names)))]))


def integer_seed(seed: int, *names: str | int) -> int:
    """Return a 31-bit seed for libraries that take an integer (scikit-learn, torch, networkit)."""
    return int(generator(seed, *names).integers(2**31 - 1))


def _words(name: str) -> list[int]:
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
