"""Looking for people where there should be none: everything outside restricted/, and the texts themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from copenet.study import Study

# Pseudonyms and ids of messages, as every table writes them.
_IDS = re.compile(rb"\b[a-z]+:(?:u_[0-9a-z]{8,}|t[13]_[0-9a-z]+)")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
_WORD = re.compile(rb"[0-9A-Za-z_-]+")


def outputs(study: Study) -> Iterator[Path]:
    """Yield every file of the study outside restricted/ that copenet writes."""
    for path in sorted(study.path.rglob("*")):
        if path.is_file() and not path.is_relative_to(study.restricted):
            yield path


def scan_outputs(study: Study) -> list[str]:
    """Return the files outside restricted/ that hold a pseudonym or a message's id."""
    return [str(path.relative_to(study.path)) for path in outputs(study) if _IDS.search(path.read_bytes())]


def scan_for_names(paths: Iterable[Path], names: Iterable[str]) -> dict[str, int]:
    """Return the files that hold one of `names` as a word, in any case, and how many different ones."""
    wanted = {name.lower().encode() for name in names}
    found = {}
    for path in paths:
        words = {word.lower() for word in _WORD.findall(path.read_bytes())}
        if hits := len(words & wanted):
            found[str(path)] = hits
    return found


def emails_in(texts: Iterable[str]) -> int:
    """Return how many of `texts` hold what looks like an e-mail address."""
    return sum(_EMAIL.search(text) is not None for text in texts)


def too_open(study: Study) -> list[str]:
    """Return the folders under restricted/ that others can read."""
    folders = [study.restricted, *(p for p in study.restricted.iterdir() if p.is_dir())]
    return [str(path.relative_to(study.path)) for path in folders if path.stat().st_mode & 0o077]
