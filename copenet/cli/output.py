"""What the command line says, and where: results on stdout, everything else on stderr, one JSON document on request."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, ParamSpec

import typer

from copenet.foundation.errors import CopenetError, InputError, ResourceError
from copenet.foundation.files import to_json
from copenet.foundation.progress import SILENT, Progress, for_stream

P = ParamSpec("P")
INTERRUPTED = 130


def say(text: str = "") -> None:
    """Print a line of a result on stdout."""
    sys.stdout.write(_plain(text, sys.stdout.encoding) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(_plain(text, sys.stderr.encoding) + "\n")
    sys.stderr.flush()


def emit(document: Any) -> None:
    """Print `document` as the one JSON document on stdout."""
    sys.stdout.write(to_json(document).decode() + "\n")
    sys.stdout.flush()


def progress(as_json: bool = False) -> Progress:
    """Return bars on stderr where somebody watches."""
    return SILENT if as_json else for_stream()


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, most: int = 50, truncated: bool = False) -> None:
    """Print rows under their columns and say how many of how many are shown."""
    shown = [[_cell(value) for value in row] for row in rows[:most]]
    right = [bool(shown) and all(_is_number(row[i]) for row in rows[:most]) for i in range(len(columns))]
    widths = [max(len(name), *(len(row[i]) for row in shown)) if shown else len(name) for i, name in enumerate(columns)]
    for row in [list(columns), *shown]:
        cells = [
            text.rjust(width) if r else text.ljust(width) for text, width, r in zip(row, widths, right, strict=True)
        ]
        say("  ".join(cells).rstrip())
    if truncated or len(rows) > most:
        say(f"{len(shown)} of {'more than ' if truncated else ''}{len(rows):,} rows shown")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(text: str, encoding: str | None) -> str:
    """Keep a terminal without UTF-8 from failing on a bar or an ellipsis."""
    return text.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")


def colour(text: str, code: int) -> str:
    """Return `text` coloured where stdout is a terminal that wants colours (NO_COLOR is honoured)."""
    import os

    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{code}m{text}\x1b[0m" if wanted else text


def command(function: Callable[P, int | None]) -> Callable[P, None]:
    """Turn foreseeable faults of a command into two lines and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            code = function(*args, **kwargs) or 0
        except CopenetError as error:
            code = fail(error, as_json)
        except KeyboardInterrupt:
            code = _interrupted(_resumption(kwargs), as_json)
        except BrokenPipeError:
            sys.stderr.close()
            code = 0
        except OSError as error:
            code = fail(_from_system(error), as_json)
        except MemoryError:
            code = fail(ResourceError("There is not enough memory.", remedy="Close other programs."), as_json)
        if code:
            raise typer.Exit(code)

    return guarded


def fail(error: CopenetError, as_json: bool) -> int:
    """Say what happened and what to do next; return the exit code."""
    if as_json:
        emit({"error": error.message, "remedy": error.remedy, "exit_code": error.exit_code})
    note(f"{_KINDS.get(error.exit_code, 'error')}: {error.message}")
    if error.remedy:
        note(f"  {error.remedy}")
    return error.exit_code


_KINDS = {2: "usage", 3: "input", 4: "refused", 5: "unavailable"}


def _resumption(given: Mapping[str, Any]) -> str:
    """Return the command that goes on where one with these arguments was interrupted; nothing where there is none."""
    if "directory" not in given:  # only the demo has one
        return f"copenet run {given['study']}" if given.get("study") is not None else ""
    null, seed = " --null" if given.get("null") else "", given.get("seed")
    return f"copenet demo {given['directory']}{null} --seed {seed}"


def _interrupted(resume: str, as_json: bool) -> int:
    if as_json:
        emit({"error": "Interrupted.", "exit_code": INTERRUPTED})
    note("Interrupted. What was finished is kept.")
    if resume:
        note(f"  Resume with: {resume}")
    return INTERRUPTED


def _from_system(error: OSError) -> CopenetError:
    from ingest.file_names import shown  # a path that nobody typed may name a person

    where = f"{shown(str(error.filename))}: " if error.filename else ""
    reason = error.strerror or type(error).__name__
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return InputError(f"{where}{reason}.", remedy="Check the path.")
    return ResourceError(f"{where}{reason}.", remedy="Check permissions and the space left on the disk.")


def content_free_hook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Report a defect without the exception's message, which could hold content: the stack alone."""
    note(f"defect: {kind.__name__} (its message is withheld because it could hold content)")
    for frame in traceback.extract_tb(trace):
        note(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    note("  Nothing finished is lost. Please report these lines; they hold no data.")
