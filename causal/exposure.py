"""Exposure mappings (Aronow & Samii 2017): from what the peers did to one number per person.

Each mapping documents its formula; D_j says whether peer j used the strategy, N_i are the peers of i, n_i their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from copenet.foundation.errors import UsageError

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping of the peers' behaviour in one period to one number.

    Args:
        channel: Whose behaviour counts: `received_reply`, `replied_to` or `co_thread`.
        weeks: Length of a period in weeks (None: as the study says).
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    binary: ClassVar[bool] = False
    channel: str = "received_reply"
    weeks: int | None = None

    @property
    def definition(self) -> str:
        """The mapping and its channel, as tables name them: `any_peer(received_reply)`."""
        return f"{self.name}({self.channel})"

    def of_counts(self, exposing: Float, n_peers: Int) -> Float:
        """Return E from the number of peers who used the strategy and the number of peers (NaN without peers)."""
        raise UsageError(f"The exposure {self.name or type(self).__name__} has no formula.")

    def apply(self, adjacency: csr_array, treatment: Float) -> tuple[Float, Int]:
        """Return E and n_i for every unit.

        Args:
            adjacency: n x n, row i holds whom i is exposed to; weights are not used.
            treatment: D (n), 0 or 1.
        """
        peers = csr_array(csr_array(adjacency) != 0, dtype=float)
        n_peers = np.diff(peers.indptr).astype(np.int64)
        return self.of_counts(np.asarray(peers @ np.asarray(treatment, dtype=float)), n_peers), n_peers


@dataclass(frozen=True, slots=True)
class AnyPeer(Mapping):
    """E_i = 1{Σ_j D_j > 0}.

    >>> AnyPeer().of_counts(np.array([0.0, 2.0]), np.array([3, 3]))
    array([0., 1.])
    """

    name: ClassVar[str] = "any_peer"
    formula: ClassVar[str] = "1 if any peer used the strategy, else 0"
    binary: ClassVar[bool] = True

    def of_counts(self, exposing: Float, n_peers: Int) -> Float:
        """Return 1 where any peer used the strategy."""
        return np.where(n_peers > 0, (exposing > 0).astype(float), np.nan)


@dataclass(frozen=True, slots=True)
class Proportion(Mapping):
    """E_i = Σ_j D_j / n_i."""

    name: ClassVar[str] = "proportion"
    formula: ClassVar[str] = "share of peers who used the strategy"

    def of_counts(self, exposing: Float, n_peers: Int) -> Float:
        """Return the share of peers who used the strategy."""
        return np.where(n_peers > 0, exposing / np.maximum(n_peers, 1), np.nan)


@dataclass(frozen=True, slots=True)
class Count(Mapping):
    """E_i = Σ_j D_j."""

    name: ClassVar[str] = "count"
    formula: ClassVar[str] = "number of peers who used the strategy"

    def of_counts(self, exposing: Float, n_peers: Int) -> Float:
        """Return the number of peers who used the strategy."""
        return np.where(n_peers > 0, exposing.astype(float), np.nan)


@dataclass(frozen=True, slots=True, init=False)
class Threshold(Mapping):
    """E_i = 1{Σ_j D_j / n_i >= share}.

    >>> Threshold(0.5).of_counts(np.array([1.0, 2.0]), np.array([3, 3]))
    array([0., 1.])
    """

    name: ClassVar[str] = "threshold"
    formula: ClassVar[str] = "1 if at least the given share of peers used the strategy, else 0"
    binary: ClassVar[bool] = True
    share: float = 0.5

    def __init__(self, share: float = 0.5, channel: str = "received_reply", weeks: int | None = None) -> None:
        if not 0 < share <= 1:
            raise UsageError("A threshold is a share of peers above 0 and at most 1.", remedy="For example 0.5.")
        for field, value in (("share", share), ("channel", channel), ("weeks", weeks)):
            object.__setattr__(self, field, value)

    @property
    def definition(self) -> str:
        """The mapping, its share and its channel."""
        return f"threshold:{self.share:g}({self.channel})"

    def of_counts(self, exposing: Float, n_peers: Int) -> Float:
        """Return 1 where at least the share of peers used the strategy."""
        reached = exposing >= self.share * np.maximum(n_peers, 1) - 1e-12
        return np.where(n_peers > 0, reached.astype(float), np.nan)


def row_normalised(adjacency: csr_array) -> csr_array:
    """Return W, which takes means over peers: rows divided by their sums; rows of zeros stay."""
    sums = np.asarray(adjacency.sum(axis=1), dtype=float).ravel()
    inverse = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
    return csr_array(csr_array(adjacency, dtype=float).multiply(inverse[:, None]))


MAPPINGS: dict[str, type[Mapping]] = {kind.name: kind for kind in (AnyPeer, Threshold, Proportion, Count)}


def mapping_from(text: str, channel: str = "received_reply", weeks: int | None = None) -> Mapping:
    """Return the mapping that a setting names: `any_peer`, `threshold:0.5`, `proportion` or `count`.

    Raises:
        UsageError: There is no such mapping, the share is not a number, or the mapping takes none.
    """
    name, colon, share = text.partition(":")
    if name not in MAPPINGS:
        raise UsageError(f"No exposure is called {name}.", remedy=f"Known are {', '.join(MAPPINGS)}.")
    if name != Threshold.name:
        if colon:
            raise UsageError(f"The exposure {name} takes no share.", remedy=f"Write {name}, or threshold:0.5.")
        return MAPPINGS[name](channel, weeks)
    try:
        return Threshold(float(share or 0.5), channel, weeks)
    except ValueError as error:
        raise UsageError(f"{share} is not a share of peers.", remedy="Write threshold:0.5, for example.") from error
