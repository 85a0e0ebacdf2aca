"""A result written as tables, for papers and for further computing. They hold aggregates alone, so they lie in results/."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet.finding import Finding
from copenet.foundation.errors import RefusedError, UsageError
from copenet.foundation.files import write_bytes
from copenet.settings import nearest
from copenet.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {"latex": "tex", "markdown": "md", "html": "html", "csv": "csv", "parquet": "parquet"}


def check_format(kind: str) -> None:
    """Refuse a format that does not exist, before anything is computed.

    Raises:
        UsageError: It does not.
    """
    if kind not in FORMATS:
        guess = nearest(kind, FORMATS)
        hint = f"Did you mean {guess}?" if guess else f"Known are {', '.join(FORMATS)}."
        raise UsageError(f"No export format is called {kind}.", remedy=hint)


def export_effect(study: Study, found: Finding, kind: str, out: Path | None) -> Path:
    """Write the estimates, steps, groups and checks of a result; return the path.

    CSV and Parquet hold one tidy table (`causal.tables.TIDY`), the others a table for each part. Groups and levels of
    fewer people than `report.suppress_below` are counted and not shown.

    Args:
        study: The study.
        found: Its result.
        kind: One of `FORMATS`.
        out: A file or a folder; results/tables of the study when None.

    Raises:
        UsageError: An unknown format.
        RefusedError: `out` lies in the study's folder but not in results/tables, where tables of results belong.
    """
    check_format(kind)
    folder = study.results / "tables"
    name = f"{'effect' if found.path.parent == study.results else found.path.stem}.{FORMATS[kind]}"
    path = folder / name if out is None else out / name if out.is_dir() else out
    if _inside(path, study.path) and not _inside(path, folder):
        raise RefusedError(
            "Inside a study, tables of results lie in results/tables alone: elsewhere they could replace what it rests on.",
            remedy="Leave --out away, or export outside the study.",
        )
    write_bytes(path, _rendered(found.document, kind, study.settings.report.suppress_below))
    return path


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _rendered(document: dict[str, Any], kind: str, least: int) -> bytes:
    from causal import tables

    if kind in ("csv", "parquet"):
        return _tabular(tables.tidy(document, suppress_below=least), kind)
    render = {"latex": tables.to_latex, "markdown": tables.to_markdown, "html": tables.to_html}[kind]
    return render(document, suppress_below=least).encode()


def _tabular(table: pa.Table, kind: str) -> bytes:
    import pyarrow.csv
    import pyarrow.parquet

    from copenet.foundation.tables import without_formulas

    stream = io.BytesIO()
    if kind == "csv":
        pyarrow.csv.write_csv(without_formulas(table), stream)
    else:
        pyarrow.parquet.write_table(table, stream, compression="zstd")
    return stream.getvalue()
