"""How many ordinary words are taken for names, and how many names for ordinary words, on real text.

The authors of the real dumps are keyed pseudonyms, which no text holds. Here each gets a name as people choose them: a
single word of the language (a third of them, more than anywhere), a word with digits, or a compound. One reply in
fifty says in a sentence of its own that it agrees with the author it answers: these names, and no other words, are
meant as names. What is replaced is found by comparison with the same dumps under names that no text holds. What an
ordinary word is does not come from copenet's lexicon: several authors write it in lower case.

    python -m benchmarks.ordinary_words ../shared/data/reddit

prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import zstandard

import ingest
from ingest.settings import IngestSettings

_WORD = re.compile(r"[^\W\d_]+")
_REPLACED = re.compile(r"reddit:u_[0-9a-f]{16}|\[name\]")
_MEANT = "I agree with {name} here."
_MEANT_IN = re.compile(r"\n\nI agree with (.+) here\.\Z")
ONE_IN = 50
KINDS = ("word", "digits", "compound")
Record = dict[str, Any]


def records(folder: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records of all dumps of a folder, each with the name of its dump."""
    for path in sorted(folder.glob("*.zst")):
        with path.open("rb") as stream:
            reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(stream, read_across_frames=True)
            pending = b""
            while piece := reader.read(2**20):
                *whole, pending = (pending + piece).split(b"\n")
                yield from ((path.stem, orjson.loads(line)) for line in whole if line.strip())
            if pending.strip():
                yield path.stem, orjson.loads(pending)


def text_of(record: Record) -> str:
    """Return what a record says."""
    return "\n\n".join(str(record[name]) for name in ("title", "selftext", "body") if record.get(name))


def vocabulary(found: Iterator[tuple[str, Record]], authors: int) -> tuple[list[str], frozenset[str]]:
    """Return the authors, and the words that at least `authors` of them write in lower case."""
    by_word: defaultdict[str, set[int]] = defaultdict(set)
    numbers: dict[str, int] = {}
    for _, record in found:
        author = record.get("author")
        if not isinstance(author, str) or author.startswith("["):
            continue
        number = numbers.setdefault(author, len(numbers))
        for word in set(_WORD.findall(text_of(record))):
            if word.islower() and len(by_word[word]) < authors:
                by_word[word].add(number)
    return sorted(numbers), frozenset(word for word, those in by_word.items() if len(those) >= authors)


def names(authors: list[str], words: frozenset[str], seed: int, share: float) -> dict[str, tuple[str, str]]:
    """Return for each author a name of one's own and its kind; of `share` it is a single word."""
    chance = random.Random(seed)
    usual = sorted(word for word in words if 3 <= len(word) <= 12 and word.isascii())
    single = chance.sample(usual, len(usual))
    made: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for i, author in enumerate(authors):
        kind = "word" if single and chance.random() < share else KINDS[1 + i % 2]
        name = single.pop() if kind == "word" else _made(kind, usual, chance)
        while name.casefold() in taken:
            name = _made("digits" if kind == "word" else kind, usual, chance)
        taken.add(name.casefold())
        made[author] = (chance.choice((name, name.title(), name)), kind)
    return made


def _made(kind: str, usual: list[str], chance: random.Random) -> str:
    if kind == "digits":
        return f"{chance.choice(usual)}{chance.choice(('', '_', '-'))}{chance.randrange(1, 10_000)}"
    one, two = chance.choice(usual), chance.choice(usual)
    return chance.choice((f"{one}_{two}", f"{one}-{two}", f"{one.title()}{two.title()}", f"{one}{two}"))


def written(
    folder: Path, source: Path, called: Callable[[str], str], named: Mapping[str, tuple[str, str]], seed: int
) -> list[Path]:
    """Write the dumps with other authors, and sentences that name those who are answered."""
    chance = random.Random(seed)
    files: dict[str, Path] = {}
    who: dict[str, str] = {}
    for _, record in records(source):
        who[str(record.get("name") or f"{'t1' if 'body' in record else 't3'}_{record['id']}")] = str(
            record.get("author")
        )
    folder.mkdir()
    for dump, record in records(source):
        path = files.setdefault(dump, folder / f"{dump}.ndjson")
        if record.get("body") and chance.randrange(ONE_IN) == 0:
            answered = named.get(who.get(str(record.get("parent_id")), ""))
            if answered:
                record["body"] += "\n\n" + _MEANT.format(name=answered[0])
        if record.get("author") in named:
            record["author"] = called(record["author"])
        with path.open("ab") as stream:
            stream.write(orjson.dumps(record) + b"\n")
    return sorted(files.values())


def texts(restricted: Path) -> dict[str, str]:
    """Return the texts of a study by message."""
    return {row["message_id"]: row["text"] for row in ingest.read_texts(restricted).to_pylist()}


def replaced(before: str, after: str) -> list[str]:
    """Return the words of `before` in whose places `after` has a name's stand-in, and `before` has none."""
    between = _REPLACED.split(after)
    if len(between) == 1:
        return []
    match = re.fullmatch("(.+?)".join(map(re.escape, between)), before, re.S)
    if match is None:
        raise ValueError("texts that differ in more than replaced words")
    return [word for word in match.groups() if not _REPLACED.fullmatch(word)]


def measure(source: Path, *, seed: int = 4, authors: int = 5, share: float = 1 / 3) -> dict[str, Any]:
    """Ingest the dumps of `source` twice, with plausible names and with names no text holds, and compare the texts."""
    everybody, ordinary = vocabulary(records(source), authors)
    named = names(everybody, ordinary, seed, share)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "key").write_text("4" * 64)
        settings = IngestSettings(key_file=folder / "key")
        called: dict[str, Callable[[str], str]] = {"plain": lambda a: f"zq-{a}-qz", "named": lambda a: named[a][0]}
        found = {}
        for study, call in called.items():
            paths = written(folder / f"{study}-dumps", source, call, named, seed)
            ingest.ingest(paths, folder / study, settings=settings)
            found[study] = texts(folder / study)
        protected = ingest.quality(folder / "named")["plain_words"]["ordinary"]
    return compare(found["plain"], found["named"], named, ordinary) | {"protected_for_their_use": protected}


def compare(
    before: Mapping[str, str], after: Mapping[str, str], named: Mapping[str, tuple[str, str]], ordinary: frozenset[str]
) -> dict[str, Any]:
    """Return the figures, given texts without and with the names known."""
    kinds = {name.casefold(): kind for name, kind in named.values()}
    total = 0
    meant, hidden = Counter[str](), Counter[str]()
    wrong, other = Counter[str](), Counter[str]()
    for message, text in before.items():
        total += len(_WORD.findall(text))
        said = _MEANT_IN.search(text)
        if said:
            told, kind = _MEANT_IN.search(after[message]), kinds[said[1].casefold()]
            meant[kind] += 1
            hidden[kind] += told is not None and _REPLACED.fullmatch(told[1]) is not None
        for word in replaced(_MEANT_IN.sub("", text), _MEANT_IN.sub("", after[message])):
            (wrong if word.casefold() in ordinary else other)[word.casefold()] += 1
    return {
        "texts": len(before),
        "words": total,
        "people": len(named),
        "names_meant": dict(meant),
        "names_meant_replaced": dict(hidden),
        "share_of_names_replaced": {kind: round(hidden[kind] / meant[kind], 3) for kind in KINDS if meant[kind]},
        "ordinary_words_replaced": wrong.total(),
        "ordinary_words_replaced_per_million": round(1e6 * wrong.total() / total, 1),
        "distinct_ordinary_words_replaced": len(wrong),
        "other_words_replaced": other.total(),
        "other_words_replaced_per_million": round(1e6 * other.total() / total, 1),
        "names_that_are_ordinary_words": sum(name.casefold() in ordinary for name, _ in named.values()),
    }


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("COPENET_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "reddit")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--share", type=float, default=1 / 3, help="of people whose name is a single word")
    parser.add_argument("--authors", type=int, default=5, help="of so many people an ordinary word is written")
    given = parser.parse_args()
    print(json.dumps(measure(given.folder, seed=given.seed, authors=given.authors, share=given.share)))


if __name__ == "__main__":
    main()
