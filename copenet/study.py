"""A study is a folder: settings, person-level data in restricted/, aggregates in results/, and a journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet import journal
from copenet.foundation.errors import UsageError
from copenet.foundation.files import private_directory, write_text
from copenet.settings import EffectSection, Settings, load, override, template

if TYPE_CHECKING:
    from causal.exposure import Mapping as Exposure
    from copenet.finding import Finding

SETTINGS_FILE = "study.toml"
RESTRICTED = ("messages", "texts", "embeddings", "labels", "models", "panel", "graph", "stages")


@dataclass(frozen=True, slots=True)
class Study:
    """One study. Make it with `create` or `open`.

    Attributes:
        path: The study's folder.
        settings: What study.toml says, with overrides.
        declared: What study.toml says, without them.
        effect_seed: The seed of the effect alone, where a flag gave one.
        overwrite_store: Whether building may replace another study's graph on a server.
    """

    path: Path
    settings: Settings
    declared: Settings
    effect_seed: int | None = None
    overwrite_store: bool = False

    @classmethod
    def create(cls, path: str | Path, settings: Settings | None = None) -> Study:
        """Make a new study folder at `path`, which may exist if it is empty.

        Raises:
            UsageError: There is something at `path` already.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UsageError(
                f"{path} exists and is not empty.", remedy=f"Choose another name, or see it with: copenet status {path}"
            )
        return cls.lay_out(path, settings)

    @classmethod
    def lay_out(cls, path: Path, settings: Settings | None = None) -> Study:
        """Write settings and folders at `path`, whatever else lies there."""
        settings = Settings() if settings is None else settings
        path.mkdir(parents=True, exist_ok=True)
        private_directory(path / "restricted")
        for name in RESTRICTED:
            private_directory(path / "restricted" / name)
        for name in ("results", "release"):
            (path / name).mkdir(exist_ok=True)
        write_text(path / SETTINGS_FILE, template(settings))
        journal.append(path / "journal.jsonl", "created", settings=settings.digest())
        return cls(path, settings, settings)

    @classmethod
    def open(cls, path: str | Path) -> Study:
        """Open the study at `path`.

        Raises:
            UsageError: There is no study, or its study.toml is not valid.
        """
        path = Path(path)
        if not (path / SETTINGS_FILE).is_file():
            raise UsageError(f"{path} is not a study: it has no {SETTINGS_FILE}.", remedy=f"Run: copenet init {path}")
        settings = load(path / SETTINGS_FILE)
        return cls(path, settings, settings)

    def with_changes(self, changes: Mapping[str, Any]) -> Study:
        """Return this study with settings overridden, as a flag does it ({"effect.outcome": "acceptance"})."""
        return replace(self, settings=override(self.settings, changes)) if changes else self

    @property
    def name(self) -> str:
        """The title, or the folder's name."""
        return self.settings.study.title or self.path.resolve().name

    @property
    def restricted(self) -> Path:
        """The folder of person-level data (mode 0700)."""
        return self.path / "restricted"

    @property
    def results(self) -> Path:
        """The folder of aggregates."""
        return self.path / "results"

    @property
    def journal(self) -> Path:
        """What ran, on what, with which settings, seed and versions."""
        return self.path / "journal.jsonl"

    @property
    def seed(self) -> int:
        """The seed of everything left to chance."""
        return self.settings.study.seed

    def file(self, setting: str) -> Path:
        """Return a path that a setting names, relative to the study's folder."""
        named = Path(setting).expanduser()
        return named if named.is_absolute() else self.path / named

    def estimand(self) -> dict[str, Any]:
        """Return what is declared about the effect."""
        return self.settings.effect.model_dump(mode="json")

    def declare(self) -> bool:
        """Write the estimand down in the journal, unless it is the one declared last; return whether it was."""
        return journal.declare(self.journal, self.estimand(), EffectSection().model_dump(mode="json"))

    def estimate(self, outcome: str | None = None, exposure: Exposure | str | None = None) -> Finding:
        """Estimate the effect of `exposure` on `outcome` (those of study.toml when None).

        Stages it rests on are brought up to date first. An estimand that study.toml does not declare is written to
        the journal as declared now, and leaves the declared result alone.

        Raises:
            UsageError: No such strategy or exposure.
            InputError: The study has no messages yet.
        """
        from copenet.exposures import as_changes
        from copenet.finding import estimate

        changes = {} if exposure is None else as_changes(exposure)
        if outcome is not None:
            changes["effect.outcome"] = outcome
        return estimate(self.with_changes(changes))
