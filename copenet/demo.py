"""The first run: simulate conversations, run everything, show the truth beside the estimate."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from copenet.foundation.errors import CopenetError, DefectError, UsageError
from copenet.foundation.files import private_directory, read_json, write_text
from copenet.foundation.progress import Progress
from copenet.pipeline import Report, first_error
from copenet.settings import EffectSection, IngestSection, Settings, StudySection, TextSection
from copenet.study import Study

GOLD = 400
SIMULATED = "restricted/simulated"
GOLD_FILE = "restricted/gold.csv"
QUESTION = "Do people come to reframe after a peer who answered them did?"


def run_demo(directory: Path, *, null: bool, seed: int, force: bool, as_json: bool) -> int:
    """Make or find the demo in `directory`, run it, print it; return the exit code.

    Raises:
        UsageError: `directory` holds something else.
    """
    from copenet.cli.output import emit, note, progress, say
    from copenet.cli.run_view import RunView
    from copenet.running import everything

    if null and directory == Path("demo"):
        directory = Path("demo-null")
    bars = progress(as_json)
    study = prepare(directory, null=null, seed=seed, force=force, progress=bars)
    view = RunView(note if as_json else say, study.path, next_commands(study.path, null=null))
    view.heading(f"copenet demo{' --null' if null else ''} · seed {seed} · offline · synthetic posts, nobody real")
    truth = read_json(study.path / "truth.json")
    names = frozenset(raw_names(study))
    reports, code = everything(study, bars, lambda report: view.done(told(study, report, truth["truth"], names)))
    leaks = canaries(study, names)
    view.close(first_error(reports))
    if leaks:
        raise DefectError(
            f"Files outside restricted/ hold simulated usernames: {', '.join(sorted(leaks))}.",
            remedy="Please report it.",
        )
    if as_json:
        emit(document(study, truth, first_error(reports), code))
    return code


def prepare(directory: Path, *, null: bool, seed: int, force: bool, progress: Progress) -> Study:
    """Return the demo study in `directory`, simulated unless it is there already.

    Raises:
        UsageError: `directory` holds something else, or another demo.
    """
    truth = directory / "truth.json"
    if truth.is_file() and not force:
        _check_same(directory, read_json(truth), null=null, seed=seed)
        return Study.open(directory)
    if directory.exists() and any(directory.iterdir()):
        if not (directory / SIMULATED).is_dir():
            raise UsageError(f"{directory} exists and is not a demo.", remedy="Name another folder: copenet demo DIR")
        shutil.rmtree(directory)
    return simulate(directory, null=null, seed=seed, progress=progress)


def _check_same(directory: Path, truth: dict[str, Any], *, null: bool, seed: int) -> None:
    if truth["seed"] != seed or truth["settings"]["null"] != null:
        was = f"seed {truth['seed']}{' --null' if truth['settings']['null'] else ''}"
        raise UsageError(
            f"{directory} holds the demo of {was}.", remedy="Name another folder, or replace it with --force."
        )


def simulate(directory: Path, *, null: bool, seed: int, progress: Progress, **world: Any) -> Study:
    """Write a simulated world (`causal.designs.S7`, settings `world`) and a study that reads it.

    The truth is written last and apart: no stage reads it but the report's last page.
    """
    from causal.designs import S7

    private_directory(directory / "restricted")
    folder = private_directory(directory / SIMULATED)
    with progress.task("Simulating conversations", None):
        made = S7(null=null, **world).simulate(seed)
        made.write(folder)
        write_text(directory / GOLD_FILE, _csv(made.gold(GOLD, seed)), mode=0o600)
    study = Study.lay_out(directory, settings(seed, null=null))
    made.save_truth(directory / "truth.json")
    return study


def settings(seed: int, *, null: bool) -> Settings:
    """Return what the demo declares."""
    title = "Simulated conversations" + (", no peer effect" if null else "")
    return Settings(
        study=StudySection(title=title, question=QUESTION, seed=seed),
        ingest=IngestSection(sources=(SIMULATED,)),
        text=TextSection(gold=GOLD_FILE),
        effect=EffectSection(),
    )


def _csv(rows: Iterator[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ("message_id", "strategy", "label", "sampling_probability"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def raw_names(study: Study) -> Iterator[str]:
    """Yield the usernames in the simulated dumps."""
    import orjson
    import zstandard

    for path in sorted((study.path / SIMULATED).glob("*.zst")):
        with path.open("rb") as stream, zstandard.ZstdDecompressor().stream_reader(stream) as reader:
            for line in io.TextIOWrapper(reader, encoding="utf-8"):
                try:
                    name = orjson.loads(line)["author"]
                except orjson.JSONDecodeError:  # the dump has broken lines, as real ones do
                    continue
                if name not in ("[deleted]", "AutoModerator"):
                    yield name


def canaries(study: Study, names: frozenset[str]) -> dict[str, int]:
    """Return the files outside restricted/ that hold one of `names`, and how many."""
    from copenet.protection import outputs, scan_for_names

    return scan_for_names(outputs(study), names)


def told(study: Study, report: Report, truth: float, names: frozenset[str]) -> Report:
    """Return what a stage said with what only a simulation can add: the truth, and a search for usernames."""
    if report.saying is None:
        return report
    if report.name == "protect":
        found = sum(canaries(study, names).values())
        line = f"{report.saying.line} · {found} canaries in outputs"
        return replace(report, saying=replace(report.saying, line=line))
    if report.name == "effect":
        from copenet.stages.effect import saying

        return replace(report, saying=saying(read_json(study.results / "effects.json"), truth))
    return report


def document(study: Study, truth: dict[str, Any], error: CopenetError | None, code: int) -> dict[str, Any]:
    """Return what `demo --json` prints: the effect with the truth beside it, and what failed if something did."""
    path = study.results / "effects.json"
    effects = read_json(path) if path.is_file() else {}
    report = str(study.results / "report.html")
    found = {**effects, "truth": truth["truth"], "truth_detail": truth, "report": report, "exit_code": code}
    return found if error is None else {**found, "error": error.message, "remedy": error.remedy}


def next_commands(path: Path, *, null: bool) -> tuple[str, ...]:
    """Return what to try after the demo."""
    other = "copenet demo" if null else "copenet demo --null"
    return (other, f"copenet graph shell {path}", "copenet init mydata")
