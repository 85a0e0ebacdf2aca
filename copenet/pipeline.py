"""The stages of a study: what each reads and writes, and running only what is stale.

A stage's record lies in restricted/stages/NAME.json: the digest of everything it read (its key), of what it wrote, how
long it took and what it had to say. It is fresh while its key and its outputs are as recorded and everything upstream
is fresh. A killed stage leaves the record "running", which nobody holds any more: it reads as failed and runs again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Literal

from copenet import __version__, copies, journal
from copenet.foundation.errors import CopenetError, ResourceError, UsageError
from copenet.foundation.files import digest_of, private_directory, read_json, sync_directory, write_json
from copenet.foundation.progress import SILENT, Progress
from copenet.freshness import Fingerprints, code_digest, is_locked, lock
from copenet.study import Study

DERIVED = ("embeddings", "labels", "models", "panel", "graph")  # folders of restricted/ computed from the messages
State = Literal["fresh", "stale", "missing", "running", "failed"]
Level = Literal["ok", "warn", "refused"]


@dataclass(frozen=True, slots=True)
class Saying:
    """What a stage says when it is done.

    Attributes:
        line: One line for people, without content.
        level: Whether something deserves attention.
        notes: Further lines, printed under the first.
        figures: What `--json` and later stages want to know.
    """

    line: str
    level: Level = "ok"
    notes: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """One arrow of the flow.

    Attributes:
        name: Its name in `status`.
        after: The stages whose outputs it reads.
        settings: The settings that matter to it.
        outputs: What it writes, relative to the study's folder.
        unread: Outputs that no stage reads and whose bytes may differ between equal runs.
        files: Files from outside the study that it reads.
        kept: Further such outputs, which depend on the settings.
    """

    name: str
    after: tuple[str, ...]
    settings: Callable[[Study], Any]
    outputs: tuple[str, ...]
    unread: tuple[str, ...] = ()
    files: Callable[[Study], Sequence[Path]] = lambda study: ()
    kept: Callable[[Study], Sequence[str]] = lambda study: ()

    def work(self, study: Study, progress: Progress) -> Saying:
        """Do it: `copenet.stages.NAME.run`."""
        run: Callable[[Study, Progress], Saying] = import_module(f"copenet.stages.{self.name}").run
        return run(study, progress)


@dataclass(frozen=True, slots=True)
class Report:
    """How one stage of a run went."""

    name: str
    state: Literal["ran", "fresh", "failed", "skipped"]
    seconds: float
    saying: Saying | None
    error: CopenetError | None = None


def _sources(study: Study) -> Sequence[Path]:
    from copenet.sources import files_of

    return files_of(study)


def _ingestion(study: Study) -> dict[str, Any]:
    """Return the settings, the key's fingerprint and who is forgotten: another key makes other people of everybody."""
    from copenet.sources import gone, kept, said
    from ingest import state_digest

    settings = study.settings.ingest
    key = study.file(settings.key_file) if settings.key_file else None
    return {
        "bots": settings.bots,
        "columns": [settings.columns, settings.columns_platform],
        "said": sorted([str(path), how.format, how.encoding] for path, how in said(study).items()),
        "kept": sorted(kept(study)),
        "gone": sorted({mark for marks in gone(study).values() for mark in marks}),
        "state": state_digest(study.restricted, key),
    }


def _gold(study: Study) -> Sequence[Path]:
    return (study.file(study.settings.text.gold),) if study.settings.text.gold else ()


def _encoder(study: Study) -> dict[str, Any]:
    return study.settings.text.model_dump(mode="json", exclude={"gold"})


STAGES = (
    Stage(
        "ingest",
        (),
        _ingestion,
        ("restricted/messages", "restricted/texts"),
        files=lambda s: (*_sources(s), s.restricted / "forgotten"),  # who was forgotten since must leave
    ),
    Stage(
        "quality",
        ("ingest",),
        lambda s: None,
        ("results/quality.json",),
        # What was rejected or repeated is counted there, and may change though the tables do not.
        files=lambda s: (s.restricted / "ingest" / "final.json",),
    ),
    Stage("protect", ("ingest", "quality"), lambda s: None, ("results/protection.json",)),
    Stage("embed", ("ingest",), _encoder, ("restricted/embeddings",)),
    Stage(
        "label",
        ("ingest", "embed"),  # a message whose words occurred before adds nothing to the embeddings
        _encoder,
        ("restricted/labels",),
        unread=("restricted/models", "results/labels.json"),
        files=_gold,
    ),
    Stage(
        "graph",
        ("ingest",),
        lambda s: (
            s.settings.graph.model_dump(include={"window_days", "max_thread_people", "resolution"}),
            s.settings.report.suppress_below,
        ),
        ("restricted/graph/ties.parquet", "restricted/graph/communities.parquet", "results/graph.json"),
    ),
    Stage(
        "store",
        ("ingest", "graph", "label"),
        lambda s: s.settings.graph.model_dump(mode="json", exclude={"window_days", "max_thread_people"}),
        (),
        unread=("restricted/graph/store.json",),
        kept=lambda s: ("restricted/graph/graph.lbug",) if s.settings.graph.store == "ladybug" else (),
    ),
    Stage(
        "effect",
        ("ingest", "graph", "label"),
        lambda s: (s.estimand(), s.settings.report.suppress_below),
        ("results/effects.json", "results/checks.json"),
        unread=("restricted/panel",),
    ),
    Stage(
        "report",
        ("ingest", "quality", "protect", "graph", "label", "effect"),
        lambda s: s.settings.public(),
        (),
        unread=("results/report.html", "results/manifest.json"),
        files=lambda s: (s.path / "truth.json",),
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}


def record_path(study: Study, name: str) -> Path:
    """Return where the record of stage `name` lies."""
    return study.restricted / "stages" / f"{name}.json"


class Pipeline:
    """The stages of one study, with what is known about their freshness."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._prints = Fingerprints(study.restricted / "stages" / "fingerprints.json")
        self._lock = study.restricted / "stages" / "lock"
        self._removal = study.restricted / "forgetting.json"

    def states(self) -> list[dict[str, Any]]:
        """Return name, state, seconds and digest of every stage, in order."""
        held = is_locked(self._lock)
        found: dict[str, State] = {}
        rows = []
        for stage in STAGES:
            record = self._record(stage)
            found[stage.name] = self._seen_state(stage, record, found, held)
            row = {"name": stage.name, "state": found[stage.name], "seconds": record.get("seconds")}
            rows.append({**row, "digest": record.get("digest"), "reason": record.get("reason")})
        self._prints.save()
        return rows

    def failed(self, name: str) -> bool:
        """Return whether stage `name` failed when it last ran."""
        return bool(self._record(BY_NAME[name]).get("state") == "failed")

    def said(self, name: str) -> Saying | None:
        """Return what stage `name` said when it last ended well."""
        document = self._record(BY_NAME[name]).get("saying")
        return None if document is None else Saying(**{**document, "notes": tuple(document["notes"])})

    def run(
        self,
        names: Iterable[str] | None = None,
        *,
        progress: Progress = SILENT,
        force: Iterable[str] = (),
        done: Callable[[Report], None] = lambda report: None,
    ) -> list[Report]:
        """Bring `names` (all stages when None) and everything they rest on up to date, in order.

        A stage that fails stops those that rest on it and no others, so nothing that can be done is lost. What a killed
        forget left behind is removed first, whatever is wanted.

        Args:
            names: Stages wanted.
            progress: Where long work reports to.
            force: Stages to run even when fresh.
            done: Called after each stage.
        """
        wanted = _with_upstream([stage.name for stage in STAGES] if names is None else names)
        forced = set(force)
        reports: dict[str, Report] = {}
        with lock(self._lock):
            self.finish_removal()
            if "effect" in wanted and ("effect" in forced or self._stale("effect")):
                self.study.declare()
            for stage in STAGES:
                if stage.name in wanted:
                    reports[stage.name] = self._bring(stage, reports, progress, forced=stage.name in forced)
                    self._prints.save()
                    done(reports[stage.name])
        return list(reports.values())

    def out_of_date(self) -> list[str]:
        """Return the stages that have run, and whose results are not, or no more, those of the study as it is now."""
        ran = {record.get("stage") for record in journal.read(self.study.journal) if record["event"] == "finished"}
        return [row["name"] for row in self.states() if row["name"] in ran and row["state"] != "fresh"]

    def _stale(self, name: str) -> bool:
        return any(row["name"] == name and row["state"] != "fresh" for row in self.states())

    def key(self, name: str) -> str:
        """Return the digest of everything stage `name` reads now."""
        return self._key(BY_NAME[name])

    def forget_outputs(self, names: Iterable[str]) -> None:
        """Drop the records of stages, which makes them and what rests on them run again."""
        for name in names:
            record_path(self.study, name).unlink(missing_ok=True)

    def begin_removal(self) -> None:
        """Mark, durably, that all that is computed from the messages must go: a kill cannot lose it any more."""
        write_json(self._removal, {})

    def finish_removal(self) -> None:
        """Remove all that is computed from the messages if that was begun; the caller holds the study's lock.

        Raises:
            ResourceError: Something cannot be removed; the mark stays, so the next run tries again.
        """
        if not self._removal.exists():
            return
        self.forget_outputs(stage.name for stage in STAGES if stage.name != "ingest")
        for name in DERIVED:
            _empty(self.study.restricted / name)
            private_directory(self.study.restricted / name)
        _empty(self.study.results)
        self.study.results.mkdir()
        copies.remove_exports(self.study)
        copies.clean_gold(self.study)
        self._removal.unlink()  # last: while it is there, something may be left
        sync_directory(self._removal.parent)

    def _bring(self, stage: Stage, before: dict[str, Report], progress: Progress, *, forced: bool) -> Report:
        if any(before[name].state in ("failed", "skipped") for name in stage.after):
            return Report(stage.name, "skipped", 0.0, None)
        upstream: dict[str, State] = dict.fromkeys(stage.after, "fresh")
        record = self._record(stage)
        if not forced and self._state(stage, record, upstream, held=False) == "fresh":
            return Report(stage.name, "fresh", record["seconds"], self.said(stage.name))
        return self._execute(stage, progress)

    def _execute(self, stage: Stage, progress: Progress) -> Report:
        started, spent = perf_counter(), process_time()
        reason = "interrupted"
        try:
            key = self._key(stage)
            self._write(stage, {"state": "running", "pid": os.getpid(), "key": key})
            journal.append(self.study.journal, "started", stage=stage.name, key=key, seed=self.study.seed)
            saying = stage.work(self.study, progress)
            reason = ""
        except CopenetError as error:
            reason = error.message
            return Report(stage.name, "failed", perf_counter() - started, None, error)
        finally:
            seconds = round(perf_counter() - started, 2)
            if reason:
                self._write(stage, {"state": "failed", "reason": reason, "seconds": seconds})
                journal.append(self.study.journal, "failed", stage=stage.name, seconds=seconds)
        self._finish(stage, key, saying, (seconds, round(process_time() - spent, 2)))
        return Report(stage.name, "ran", seconds, saying)

    def _finish(self, stage: Stage, key: str, saying: Saying, took: tuple[float, float]) -> None:
        seconds, cpu = took
        digest = self._output_digest(stage)
        record = {"state": "done", "key": key, "digest": digest, "seconds": seconds, "saying": asdict(saying)}
        record["cpu_seconds"] = cpu
        self._write(stage, record)
        settings = self.study.settings.digest()
        journal.append(
            self.study.journal,
            "finished",
            stage=stage.name,
            key=key,
            digest=digest,
            settings=settings,
            seed=self.study.seed,
            version=__version__,
            seconds=seconds,
            cpu_seconds=cpu,
        )

    def _write(self, stage: Stage, record: dict[str, Any]) -> None:
        private_directory(record_path(self.study, stage.name).parent)
        write_json(record_path(self.study, stage.name), {"name": stage.name, **record})

    def _record(self, stage: Stage) -> dict[str, Any]:
        path = record_path(self.study, stage.name)
        record: dict[str, Any] = read_json(path) if path.is_file() else {}
        if record.get("state") == "running" and not is_locked(self._lock):
            record["reason"] = "interrupted"
        return record

    def _seen_state(self, stage: Stage, record: dict[str, Any], upstream: dict[str, State], held: bool) -> State:
        """Return the state as people see it: what is yet to be removed for somebody's sake is not fresh."""
        state = self._state(stage, record, upstream, held)
        doomed = state == "fresh" and stage.name != "ingest" and self._removal.exists()
        return "stale" if doomed else state

    def _state(self, stage: Stage, record: dict[str, Any], upstream: dict[str, State], held: bool) -> State:
        if not record:
            return "missing"
        if record["state"] == "running":
            return "running" if held else "failed"
        if record["state"] == "failed":
            return "failed"
        fresh = all(upstream[name] == "fresh" for name in stage.after) and record["key"] == self._key(stage)
        return "fresh" if fresh and record["digest"] == self._output_digest(stage) and self._kept(stage) else "stale"

    def _kept(self, stage: Stage) -> bool:
        return all((self.study.path / name).exists() for name in (*stage.unread, *stage.kept(self.study)))

    @cached_property
    def _code(self) -> str:
        """The digest of all of copenet's source: whatever helps a stage to its numbers is in it."""
        return code_digest(self._prints)

    def _key(self, stage: Stage) -> str:
        return digest_of(
            {
                "stage": stage.name,
                "version": __version__,
                "code": self._code,
                "seed": self.study.seed,
                "settings": stage.settings(self.study),
                "files": [self._prints.of(path) for path in stage.files(self.study)],
                "upstream": [self._output_digest(BY_NAME[name]) for name in stage.after],
            }
        )

    def _output_digest(self, stage: Stage) -> str:
        return digest_of([[name, self._prints.of(self.study.path / name)] for name in stage.outputs])


def _empty(folder: Path) -> None:
    """Remove a folder, and say so where that does not succeed: it may hold somebody who is forgotten."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise ResourceError(
            f"{folder} cannot be removed ({error.strerror or type(error).__name__}) and may still hold people who are "
            "forgotten.",
            remedy="Check its permissions and that it is a plain folder, then run: copenet run STUDY",
        ) from error


def _with_upstream(names: Iterable[str]) -> set[str]:
    wanted: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in BY_NAME:
            raise UsageError(f"No stage is called {name}.", remedy=f"Known are {', '.join(BY_NAME)}.")
        if name not in wanted:
            wanted.add(name)
            waiting += BY_NAME[name].after
    return wanted


def first_error(reports: Iterable[Report]) -> CopenetError | None:
    """Return the first fault of a run, or None."""
    return next((report.error for report in reports if report.error is not None), None)
