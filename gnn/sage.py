"""GraphSAGE: people as short vectors of their own earlier words and those of the people they met earlier.

Hamilton, Ying & Leskovec (2017), Inductive Representation Learning on Large Graphs: two mean-aggregation layers,
trained without labels so that people who met get similar vectors and random pairs do not. The weights are learned
once, on the burn-in periods; later periods are only transformed, each from the words and ties strictly before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from copenet.foundation.errors import DefectError, InputError, ResourceError
from copenet.foundation.files import replacing
from copenet.foundation.progress import SILENT, Progress
from copenet.foundation.seeds import generator
from copenet.foundation.threads import one_thread
from gnn.encoder import torch_threads
from gnn.people import check_graph, row_average

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_matrix

INPUT_DIM = 32
HIDDEN_DIM = 32
LEARNING_RATE = 0.02
_LAYERS = (("first", 0), ("second", 1))


@dataclass(frozen=True)
class SageRepresentation:
    """A trained representation: two SAGE layers on the leading components of the text features.

    Attributes:
        arrays: `centre` (d) and `components` (d × at most 32) reduce the features; `first.*` and `second.*` are the
            layers' weights, named as PyTorch Geometric names them.

    Examples:
        >>> import numpy as np; from scipy.sparse import csr_matrix
        >>> from gnn.sage import SageRepresentation
        >>> ring = csr_matrix(np.roll(np.eye(8), 1, axis=1))
        >>> words = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
        >>> SageRepresentation.fit(words, ring, dim=2, epochs=1).transform(words, ring).shape  # doctest: +SKIP
        (8, 2)
    """

    arrays: dict[str, NDArray[np.float32]]

    @property
    def dim(self) -> int:
        """The length of a person's vector."""
        return len(self.arrays["second.lin_l.bias"])

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        adjacency: csr_matrix,
        *,
        dim: int = 16,
        epochs: int = 150,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> SageRepresentation:
        """Learn the weights on the burn-in.

        In each epoch half of the ties pass messages and the other half are predicted against as many random pairs, so
        a tie never vouches for itself.

        Args:
            features: n × d, for instance `mean_by_person` of the burn-in's messages.
            adjacency: n × n; row i holds the people whose words reach i.
            dim: Length of the vectors.
            epochs: Passes.
            seed: Decides starting weights, splits and random pairs.
            progress: Where to report epochs.

        Raises:
            InputError: There are fewer than two ties between different people.
        """
        check_graph(features, adjacency)
        pairs = _pairs(adjacency)
        if len(pairs) < 2:
            raise InputError(
                "The burn-in holds too few ties to learn a representation from.", remedy="Choose a longer burn-in."
            )
        features = np.asarray(features, dtype=np.float32)
        with _one_thread():
            centre, components = _components(features, adjacency)
            layers = _layers(components.shape[1], dim, seed)
            rng = generator(seed, "sage", "splits")
            words = _reduced(features, centre, components)
            _train(layers, words, adjacency, pairs, epochs=epochs, rng=rng, progress=progress)
        return cls({"centre": centre, "components": components} | _weights(layers))

    def transform(self, features: NDArray[np.float32], adjacency: csr_matrix) -> NDArray[np.float32]:
        """Return the people's vectors (n × dim) from features (n × d) and ties, both strictly before a period.

        A pure function with fixed weights: each person's vector follows from the words and ties within two steps.
        """
        import torch

        check_graph(features, adjacency)
        if features.shape[1] != len(self.arrays["centre"]):
            raise DefectError(f"Features have {features.shape[1]} columns, not {len(self.arrays['centre'])}.")
        layers = _layers(self.arrays["components"].shape[1], self.dim, 0)
        for name, number in _LAYERS:
            prefix = f"{name}."
            own = {k.removeprefix(prefix): torch.from_numpy(v) for k, v in self.arrays.items() if k.startswith(prefix)}
            layers[number].load_state_dict(own)
        with torch.no_grad(), _one_thread():
            words = _reduced(features, self.arrays["centre"], self.arrays["components"])
            vectors = _forward(layers, torch.from_numpy(words), _edge_index(adjacency))
        return np.asarray(vectors.numpy(), dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        from safetensors.numpy import save_file

        with replacing(path) as partial:
            save_file({name: np.ascontiguousarray(array) for name, array in self.arrays.items()}, partial)

    @classmethod
    def load(cls, path: Path) -> SageRepresentation:
        """Read weights that `save` wrote.

        Raises:
            ResourceError: There are none, or they are not ours.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(path)
        except (OSError, SafetensorError) as error:
            raise ResourceError("The saved representation cannot be read.", remedy="Fit it again.") from error
        if not {"centre", "components", "second.lin_l.bias"} <= set(arrays):
            raise ResourceError("The saved file is no representation of people.", remedy="Fit it again.")
        return cls(arrays)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: sums over ties then run in one order, so the numbers do not depend on the machine."""

    with one_thread(), torch_threads(1):
        yield


def _components(
    features: NDArray[np.float32], adjacency: csr_matrix
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean (d) and the directions of the text that matter (d × k), of unit mean square each.

    Half are the leading principal components. The others are those in which people who met are most alike: leading
    eigenvectors of X'SX with S the symmetric tie average (Dray, Saïd & Débias 2008, MULTISPATI). Words that vary
    independently of ties have expectation zero there, so the shared part stands out.
    """
    centre = features.mean(axis=0)
    x = (features - centre).astype(np.float64)
    average = row_average(adjacency)
    alike = x.T @ (average @ x)
    half = min(INPUT_DIM // 2, x.shape[1])
    vectors = np.hstack([_leading(x.T @ x, half), _leading((alike + alike.T) / 2, half)])
    scale = np.sqrt(np.maximum(((x @ vectors) ** 2).mean(axis=0), 1e-12))
    return centre, np.asarray(vectors / scale, dtype=np.float32)


def _reduced(
    features: NDArray[np.float32], centre: NDArray[np.float32], components: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.asarray((features - centre) @ components, dtype=np.float32)


def _leading(symmetric: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return the k eigenvectors of the greatest eigenvalues, each with its largest entry positive."""
    vectors = np.linalg.eigh(symmetric)[1][:, ::-1][:, :k]
    return np.asarray(vectors * np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(k)]))


def _layers(width: int, dim: int, seed: int) -> list[Any]:
    """Return the two layers with Glorot-uniform weights from our own stream."""
    import torch

    convolution = _sage_convolution()
    rng = generator(seed, "sage", "weights")
    # PyG draws its own starting weights from torch's global generator; that draw is undone.
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        layers = [convolution(width, HIDDEN_DIM), convolution(HIDDEN_DIM, dim)]
        for layer in layers:
            for parameter in layer.parameters():
                limit = np.sqrt(6 / sum(parameter.shape)) if parameter.ndim == 2 else 0.0
                drawn = rng.uniform(-limit, limit, size=tuple(parameter.shape)).astype(np.float32)
                parameter.copy_(torch.from_numpy(drawn))
    return layers


def _sage_convolution() -> Any:
    import warnings

    with warnings.catch_warnings():
        # PyG 2.8 compiles some of its classes in a way that torch 2.15 calls deprecated; none of it is used here.
        warnings.simplefilter("ignore", FutureWarning)
        from torch_geometric.nn import SAGEConv
    return SAGEConv


def _forward(layers: list[Any], words: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = layers[1](layers[0](words, edges).relu(), edges)
    return result


def _train(
    layers: list[Any],
    words: NDArray[np.float32],
    adjacency: csr_matrix,
    pairs: NDArray[np.int64],
    *,
    epochs: int,
    rng: np.random.Generator,
    progress: Progress,
) -> None:
    import torch

    x = torch.from_numpy(np.ascontiguousarray(words, dtype=np.float32))
    edges, pair_of_edge = _edge_index(adjacency), _pair_of_edge(adjacency, pairs)
    optimiser = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=LEARNING_RATE)
    with progress.task("Learning a representation", total=epochs, unit="epochs") as task:
        for _ in range(epochs):
            predicted = rng.random(len(pairs)) < 0.5
            apart = rng.integers(len(words), size=(int(predicted.sum()), 2))
            passing = ~np.append(predicted, False)[pair_of_edge]
            optimiser.zero_grad()
            vectors = _forward(layers, x, edges[:, torch.from_numpy(passing)])
            loss = _contrast(vectors, pairs[predicted], apart)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            task.advance()


def _contrast(vectors: torch.Tensor, together: NDArray[np.int64], apart: NDArray[np.int64]) -> torch.Tensor:
    """Return −mean log σ(u·v) over pairs that met − mean log σ(−u·v) over random pairs (Hamilton et al., eq. 1)."""
    from torch.nn.functional import logsigmoid

    def dot(pairs: NDArray[np.int64]) -> torch.Tensor:
        return (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(dim=1)

    return -logsigmoid(dot(together)).mean() - logsigmoid(-dot(apart)).mean()


def _pairs(adjacency: csr_matrix) -> NDArray[np.int64]:
    """Return the distinct unordered pairs of different people with a tie (m × 2, sorted)."""
    coo = adjacency.tocoo()
    pairs = np.sort(np.column_stack([coo.row, coo.col]).astype(np.int64), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _pair_of_edge(adjacency: csr_matrix, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each stored tie, the row of `pairs` it belongs to; `len(pairs)` for a tie with oneself."""
    coo = adjacency.tocoo()
    n = adjacency.shape[0]
    low, high = np.minimum(coo.row, coo.col).astype(np.int64), np.maximum(coo.row, coo.col).astype(np.int64)
    place = np.searchsorted(pairs[:, 0] * n + pairs[:, 1], low * n + high)
    return np.where(low == high, len(pairs), place)


def _edge_index(adjacency: csr_matrix) -> torch.Tensor:
    """Return the ties as PyG's 2 × m (from, to): words flow from the column's person to the row's."""
    import torch

    coo = adjacency.tocoo()
    return torch.from_numpy(np.vstack([coo.col, coo.row]).astype(np.int64))


def _weights(layers: list[Any]) -> dict[str, NDArray[np.float32]]:
    return {
        f"{name}.{key}": np.array(value.numpy(), dtype=np.float32)
        for name, number in _LAYERS
        for key, value in layers[number].state_dict().items()
    }
