"""What the stages left in `results/`, read once; what is missing or unreadable is said, never guessed."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from copenet.foundation.files import read_json

DOCUMENTS = ("quality", "protection", "graph", "labels", "effects", "manifest")
WIDE_FIGURES = {
    "causal_graph",
    "effect_by_centrality",
    "effect_by_community",
    "effect_by_platform",
    "nuisance_drivers",
    "waterfall",
}
OWN_FIGURES = {
    "effect_ladder",
    "truth_ladder",
    "overlap",
    "exposure",
    "peers",
    "balance",
    "placebo",
    "placebos",
    "sensitivity",
    "exposure_curve",
    "bias_curve",
    "time_shuffle",
    "event_study",
    *WIDE_FIGURES,
}


@dataclass(frozen=True, slots=True)
class StageFigure:
    """A figure that a stage drew.

    Attributes:
        name: File name without ending.
        uri: The figure as a data URI: inside an image nothing of it can run or load anything.
        alt, caption, command: Words that go with it, from `name.json` beside it where that exists.
    """

    name: str
    uri: str
    alt: str
    caption: str
    command: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the report is made of.

    Attributes:
        documents: The JSON documents that were there, by name.
        faults: Why a document could not be read, by name.
        figures: Figures of the stages, by name.
        settings, versions: As given to `write_report`.
        truth: The planted truth of a simulation; None outside a demo.
        study: How a shell names the study's folder.
    """

    documents: Mapping[str, Mapping[str, Any]]
    faults: Mapping[str, str]
    figures: Mapping[str, StageFigure]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    truth: Mapping[str, Any] | None = None
    study: str = "STUDY"

    def get(self, name: str) -> Mapping[str, Any]:
        """Return a document, empty when it is not there."""
        return self.documents.get(name, {})

    def setting(self, section: str, key: str, default: Any = None) -> Any:
        """Return a setting, or `default`."""
        part = self.settings.get(section, {})
        return part.get(key, default) if isinstance(part, Mapping) else default

    @property
    def replies(self) -> bool:
        """Whether the design is replies to a post, else the network panel."""
        return bool(self.setting("effect", "design", "panel") == "replies")

    @property
    def channel(self) -> str:
        """Through whom people are exposed, a key of `words.CHANNELS`."""
        return "replies" if self.replies else str(self.setting("effect", "channel", ""))

    @property
    def suppress_below(self) -> int:
        """The smallest number of people that is shown."""
        return int(self.setting("report", "suppress_below", 8))


def gather(
    results: Path, *, settings: Mapping[str, Any], versions: Mapping[str, str], truth: Mapping[str, Any] | None
) -> Evidence:
    """Read `results`; nothing there is needed and nothing there is trusted to be well formed."""
    documents: dict[str, Mapping[str, Any]] = {}
    faults: dict[str, str] = {}
    for name in DOCUMENTS:
        path = results / f"{name}.json"
        if path.is_file():
            _read(path, name, documents, faults)
    figures = {
        path.stem: _figure(path) for path in sorted(results.glob("figures/*.svg")) if path.stem not in OWN_FIGURES
    }
    study = shlex.quote(results.resolve().parent.name) if results.name == "results" else "STUDY"
    return Evidence(documents, faults, figures, settings, versions, truth, study or "STUDY")


def _read(path: Path, name: str, documents: dict[str, Mapping[str, Any]], faults: dict[str, str]) -> None:
    try:
        document = read_json(path)
    except (orjson.JSONDecodeError, OSError):
        faults[name] = f"{path.name} cannot be read as JSON"
        return
    if isinstance(document, dict):
        documents[name] = document
    else:
        faults[name] = f"{path.name} is not a JSON object"


def _figure(path: Path) -> StageFigure:
    words: Any = {}
    beside = path.with_suffix(".json")
    if beside.is_file():
        try:
            words = read_json(beside)
        except (orjson.JSONDecodeError, OSError):
            words = {}
    words = words if isinstance(words, dict) else {}
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    title = path.stem.replace("_", " ").replace("-", " ")
    return StageFigure(
        name=path.stem,
        uri=f"data:image/svg+xml;base64,{encoded}",
        alt=str(words.get("alt_text") or words.get("alt") or f"Figure: {title}."),
        caption=str(words.get("caption") or f"{title.capitalize()}."),
        command=str(words.get("command") or ""),
    )
