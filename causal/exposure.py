"""Exposure mappings (Aronow & Samii 2017): from what the peers did to one number per person.

Each mapping documents its formula; D_j says whether peer j used the strategy, N_i are the peers of i, n_i their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from causal import motifs
from causal.inference import undirected
from copenet.foundation.errors import UsageError

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a mapping may look at: whom each of r rows could see, what those did, and how they stand to one another.

    Attributes:
        peers: r x n, 1 where row i sees person j.
        used: D (n), 0 or 1.
        age: r x n on the places of `peers`: periods since the tie last formed, 1 being the last before this one.
        similarity: r x n on the places of `peers`: how alike the two were before the period, above 0; None where
            nothing is known of it.
        ties: n x n, symmetric, 1 where two people were tied before the period.
    """

    peers: csr_array
    used: Float
    age: csr_array
    similarity: csr_array | None
    ties: csr_array

    @property
    def n_peers(self) -> Int:
        """Peers of each row (r)."""
        return np.asarray(np.diff(self.peers.indptr), dtype=np.int64)


def seen_in(adjacency: csr_array, treatment: Float) -> Seen:
    """Return what the mappings may look at on a user's arrays.

    Args:
        adjacency: n x n, row i holds whom i is exposed to. A value is the age of the tie to `RecencyWeighted`, the
            similarity of the two to `SimilarityWeighted`, and nothing to the other mappings; a stored 0 is no tie.
        treatment: D (n), 0 or 1.
    """
    values = csr_array(adjacency, dtype=float)
    values.sum_duplicates()
    values.eliminate_zeros()
    peers = _like(values, np.ones(values.nnz))
    return Seen(peers, np.asarray(treatment, dtype=float), values, values, undirected(peers))


def cosine_similarity(peers: csr_array, features: Float, person: Int | None = None) -> csr_array:
    """Return s_ij = (1 + cos(z_i, z_j)) / 2 on the places of `peers` (r x n), with z from before the period.

    Who said nothing has z = 0 and is as like as unlike everybody (1/2). Exact opposites keep a weight of 1e-6: they are
    peers still.

    Args:
        peers: r x n.
        features: z (n x d), centred.
        person: Row of `features` of each row of `peers` (r); the first r when None.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, length, out=np.zeros_like(features, dtype=float), where=length > 0)
    rows = np.repeat(np.arange(peers.shape[0]) if person is None else person, np.diff(peers.indptr))
    return _like(peers, np.maximum((1 + np.sum(unit[rows] * unit[peers.indices], axis=1)) / 2, 1e-6))


def _like(places: csr_array, data: Float) -> csr_array:
    return csr_array((data, places.indices, places.indptr), shape=places.shape)


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

    def of(self, seen: Seen) -> Float:
        """Return E of each row (r); NaN for rows without peers."""
        return self.of_counts(np.asarray(seen.peers @ seen.used), seen.n_peers)

    def apply(self, adjacency: csr_array, treatment: Float) -> tuple[Float, Int]:
        """Return E and n_i for every unit.

        Args:
            adjacency: n x n, row i holds whom i is exposed to; what its values mean is said in `seen_in`.
            treatment: D (n), 0 or 1.
        """
        seen = seen_in(adjacency, treatment)
        return self.of(seen), seen.n_peers


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
        _fill(self, share=share, channel=channel, weeks=weeks)

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


@dataclass(frozen=True, slots=True, init=False)
class RecencyWeighted(Mapping):
    """E_i = Σ_j w_ij D_j / Σ_j w_ij with w_ij = 2^(-(a_ij - 1) / h): a tie of age a counts half after every h periods.

    Args:
        half_life: h, in periods.

    >>> ages = csr_array(np.array([[0.0, 1.0, 2.0], [0, 0, 0], [0, 0, 0]]))
    >>> RecencyWeighted(1.0).apply(ages, np.array([0.0, 1.0, 0.0]))[0].round(3).tolist()
    [0.667, nan, nan]
    """

    name: ClassVar[str] = "recency_weighted"
    formula: ClassVar[str] = "share of peers who used the strategy, recent ties counting more"
    half_life: float = 1.0

    def __init__(self, half_life: float = 1.0, channel: str = "received_reply", weeks: int | None = None) -> None:
        if not 0 < half_life < np.inf:
            raise UsageError("A half-life is a number of periods above 0.", remedy="For example 1.")
        _fill(self, half_life=half_life, channel=channel, weeks=weeks)

    @property
    def definition(self) -> str:
        """The mapping, its half-life and its channel."""
        return f"recency_weighted:{self.half_life:g}({self.channel})"

    def of(self, seen: Seen) -> Float:
        """Return the weighted share of peers who used the strategy.

        Raises:
            UsageError: An age is below 1.
        """
        if not seen.age.data.min(initial=1.0) >= 1:
            raise UsageError(
                "The age of a tie counts from 1, the last period before this one.",
                remedy="Give periods since the last contact, or use SimilarityWeighted for weights of your own.",
            )
        return _weighted_share(_like(seen.age, 2.0 ** ((1 - seen.age.data) / self.half_life)), seen.used)


@dataclass(frozen=True, slots=True)
class SimilarityWeighted(Mapping):
    """E_i = Σ_j s_ij D_j / Σ_j s_ij, s_ij >= 0 saying how alike i and j were before (`cosine_similarity`).

    >>> alike = csr_array(np.array([[0.0, 0.9, 0.3], [0, 0, 0], [0, 0, 0]]))
    >>> SimilarityWeighted().apply(alike, np.array([0.0, 1.0, 0.0]))[0].round(3).tolist()
    [0.75, nan, nan]
    """

    name: ClassVar[str] = "similarity_weighted"
    formula: ClassVar[str] = "share of peers who used the strategy, peers of similar prior text counting more"

    def of(self, seen: Seen) -> Float:
        """Return the weighted share of peers who used the strategy.

        Raises:
            UsageError: Nothing is known of similarity, or a weight is negative.
        """
        if seen.similarity is None:
            raise UsageError(
                "Peers cannot be weighted by similarity: there is no prior text.",
                remedy="Embed the texts and set text_dimensions above 0, or choose another exposure.",
            )
        if not seen.similarity.data.min(initial=0.0) >= 0:
            raise UsageError("A similarity must be 0 or more.", remedy="Map a cosine to (1 + cosine) / 2.")
        return _weighted_share(seen.similarity, seen.used)


@dataclass(frozen=True, slots=True)
class ClosedTriad(Mapping):
    """E_i = 1{Σ_{j<k} D_j D_k A_jk > 0}: two peers who used the strategy were tied to one another before.

    >>> triangle = csr_array(np.ones((3, 3)) - np.eye(3))
    >>> ClosedTriad().apply(triangle, np.array([0.0, 1.0, 1.0]))[0].tolist()
    [1.0, 0.0, 0.0]
    """

    name: ClassVar[str] = "closed_triad"
    formula: ClassVar[str] = "1 if two peers tied to one another both used the strategy, else 0"
    binary: ClassVar[bool] = True

    def of(self, seen: Seen) -> Float:
        """Return 1 where two exposing peers are tied."""
        shape = motifs.of_exposing_peers(seen.peers, seen.used, seen.ties)
        return np.where(seen.n_peers > 0, (shape.tied_pairs > 0).astype(float), np.nan)


@dataclass(frozen=True, slots=True)
class IsolatedPeers(Mapping):
    """E_i = Σ_j D_j 1{Σ_k D_k A_jk 1{k in N_i} = 0}: peers who used the strategy, tied to no other who did.

    >>> triangle = csr_array(np.ones((3, 3)) - np.eye(3))
    >>> IsolatedPeers().apply(triangle, np.array([0.0, 1.0, 1.0]))[0].tolist()
    [0.0, 1.0, 1.0]
    """

    name: ClassVar[str] = "isolated_peers"
    formula: ClassVar[str] = "number of peers who used the strategy and are tied to no other such peer"

    def of(self, seen: Seen) -> Float:
        """Return the number of exposing peers without a tie to another."""
        shape = motifs.of_exposing_peers(seen.peers, seen.used, seen.ties)
        return np.where(seen.n_peers > 0, shape.isolated.astype(float), np.nan)


@dataclass(frozen=True, slots=True)
class StructuralDiversity(Mapping):
    """E_i = number of connected components of the ties among peers who used the strategy (Ugander et al. 2012).

    Two exposing peers who know one another are one social context, two strangers are two.
    """

    name: ClassVar[str] = "structural_diversity"
    formula: ClassVar[str] = "number of mutually unconnected groups among the peers who used the strategy"

    def of(self, seen: Seen) -> Float:
        """Return the number of groups."""
        shape = motifs.of_exposing_peers(seen.peers, seen.used, seen.ties)
        return np.where(seen.n_peers > 0, shape.groups.astype(float), np.nan)


def _fill(mapping: Mapping, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(mapping, name, value)


def _weighted_share(weights: csr_array, used: Float) -> Float:
    total = np.asarray(weights.sum(axis=1)).ravel()
    return np.asarray(np.divide(weights @ used, total, out=np.full(len(total), np.nan), where=total > 0))


MAPPINGS: dict[str, type[Mapping]] = {
    kind.name: kind
    for kind in (
        AnyPeer,
        Threshold,
        Proportion,
        Count,
        RecencyWeighted,
        SimilarityWeighted,
        ClosedTriad,
        IsolatedPeers,
        StructuralDiversity,
    )
}
COUNTED = (AnyPeer.name, Threshold.name, Proportion.name, Count.name)  # which need only how many peers used it
_NUMBERED: dict[str, tuple[type[Threshold] | type[RecencyWeighted], str]] = {
    Threshold.name: (Threshold, "share of peers"),
    RecencyWeighted.name: (RecencyWeighted, "half-life"),
}


def mapping_from(text: str, channel: str = "received_reply", weeks: int | None = None) -> Mapping:
    """Return the mapping that a setting names: `any_peer`, `threshold:0.5`, `recency_weighted:2`, … (`MAPPINGS`).

    Raises:
        UsageError: There is no such mapping, its number is none, or the mapping takes none.
    """
    name, colon, number = text.partition(":")
    if name not in MAPPINGS:
        raise UsageError(f"No exposure is called {name}.", remedy=f"Known are {', '.join(MAPPINGS)}.")
    if name not in _NUMBERED:
        if colon:
            raise UsageError(f"The exposure {name} takes no share.", remedy=f"Write {name}, or threshold:0.5.")
        return MAPPINGS[name](channel, weeks)
    kind, what = _NUMBERED[name]
    if not number:
        return kind(channel=channel, weeks=weeks)
    try:
        return kind(float(number), channel, weeks)
    except ValueError as error:
        raise UsageError(f"{number} is not a {what}.", remedy=f"Write {name}:0.5, for example.") from error
