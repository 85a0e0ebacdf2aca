"""Coverage-guided fuzzing of everything between a dump's bytes and the rows of its tables.

An input is a file (its bytes through container, syntax and records, then through the format that recognises a record),
or one JSON record that every format must read. Nothing may be raised but `BadRecordError`, take seconds, or come out as
a row that the tables do not hold. Each kind of crash is saved once, under its place in the code.

    uv pip install atheris    # not a dependency: it has wheels for Linux on x86-64 only
    python benchmarks/fuzz_readers.py --seconds 1200 --seed 1 --out /tmp/fuzz

It prints one line of JSON. An input that was saved is tried again with `--replay FILE`.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import hashlib
import io
import json
import os
import random
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import zstandard

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("COPENET_SHARED_DATA", ROOT.parent / "shared" / "data"))
FOLDERS = ("bluesky", "convokit", "mastodon", "reddit", "reddit_api", "reddit_real_dumps", "telegram", "x_v11", "x_v2")
LONGEST, PER_FILE = 8_000, 12
SLOW, LARGE = 5.0, 300_000  # seconds, kilobytes
FILE, RECORD, ARCHIVE = b"F", b"R", b"A"  # the first byte of an input
ROLES = {
    **{"id": "id", "author": "user.id", "text": "text", "parent": "parent_id", "thread": "thread_id", "bot": "bot"},
    **{"time": "created_at", "parent_author": "to", "kind": "kind", "language": "lang", "score": "score"},
}
DEEP_MARK, DEEP_LEVELS = "@@deep", 3000
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 10**40, 1.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", " ", "\x00", "\ud800", "\u0665", "\u00b2", "[deleted]", "[removed]", "None", "nan", "12.0", "1e999", "id:"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "Wed Oct 10 20:19:24 +9999 0000", "-5000000000", "60"),
    *("<![x[", "<!--", "&#x110000;", "<a href=", ">>1", "://", "at://", "did:x:y", "@", "u_", "t1_", "T3_A", "tag:,:"),
    *("a" * 70_000, "9" * 5000, DEEP_MARK, [], {}, [[]], [{}], [None], {"": ""}, {"data": []}, {"id": "1"}),
)


class Readers:
    """What an input of each kind is given to. Imports the readers when it is made: instrument them before."""

    def __init__(self) -> None:
        from ingest.formats import by_name, column_format, every_format
        from ingest.pseudonyms import Pseudonyms
        from ingest.rows import RowMaker

        tables = [by_name(column_format(ROLES, name)) for name in ("table", "reddit", "x", "mastodon", "telegram")]
        self._formats = (*every_format(), by_name("stack-exchange:math"), *tables)
        self._names = Pseudonyms(bytes(32))
        self._makers = {one: RowMaker(self._names, one.mention) for one in self._formats}
        self._spool = Path(tempfile.mkdtemp()) / "archive"

    def of(self, kind: bytes) -> Callable[[bytes], None]:
        """Return what takes the inputs of a kind; what is of none is taken for a file."""
        return {RECORD: self.record, ARCHIVE: self.archive}.get(kind, self.file)

    def _read(self, one: Any, record: dict[str, Any]) -> None:
        from copenet.foundation.tables import conform
        from ingest.parts import words_table
        from ingest.records import Draft
        from ingest.rows import STAGED, STAGED_TEXTS

        drafts = [found for found in one.read(record) if isinstance(found, Draft)]
        if drafts:
            made = self._makers[one].make(drafts, ["s:1"] * len(drafts))
            conform(made.messages, STAGED)
            conform(made.texts, STAGED_TEXTS)
            words_table(made.texts, self._names)

    def file(self, data: bytes) -> None:
        """Read a file as some container, in some encoding, and its records as the format that recognises the first."""
        from ingest.containers import read_utf8
        from ingest.syntax import Found, Loss, read_items, records

        how, data = data[0] % 8 if data else 0, data[1:]
        data = gzip.compress(data, 1) if how == 4 else zstandard.compress(data) if how == 5 else data
        pieces = read_utf8(io.BytesIO(data), encoding="cp1252" if how == 6 else None)
        known = None
        for item in read_items(pieces, max_line=50_000, rows=7, table=how == 7):
            for found in () if isinstance(item, Loss) else records(item, max_line=50_000):
                if isinstance(found, Found):
                    known = known or next((one for one in self._formats if one.recognises(found.record)), None)
                    self._read(known or self._formats[-1], found.record)

    def record(self, data: bytes) -> None:
        """Read a JSON record as every format."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            value = _deepened(value) if DEEP_MARK.encode() in data else value
            for one in self._formats:
                one.recognises(value)
                self._read(one, value)

    def archive(self, data: bytes) -> None:
        """Read the first dumps in an archive, up to their records."""
        from ingest.dumps import members
        from ingest.formats import read_dump
        from ingest.syntax import Loss, records

        self._spool.write_bytes(data)
        for dump in members(self._spool)[:5]:
            dump.digest("d")
            for item in read_dump(dump, max_line=50_000):
                list(() if isinstance(item, Loss) else records(item, max_line=50_000))


def _deepened(value: Any) -> Any:
    """Return a value with something nested deeply in place of each mark, which JSON could not be written with."""
    if isinstance(value, dict):
        return {key: _deepened(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_deepened(part) for part in value]
    if value != DEEP_MARK:
        return value
    deep: list[Any] = []
    for _ in range(DEEP_LEVELS):
        deep = [deep]
    return deep


class Mutator:
    """Changes records as trees, so that most of what it makes is JSON of a known shape with something odd in it."""

    def __init__(self, seeds: list[dict[str, Any]], mutate: Any) -> None:
        self._mutate = mutate
        self._seeds = [json.dumps(seed) for seed in seeds]  # as text: what is changed may not be shared
        self._keys = sorted({key for seed in seeds for key in _keys(seed)})
        self._values = [json.dumps(value) for seed in seeds for _, value in _places(seed)]

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """Return another input of the same kind."""
        rng = random.Random(seed)
        if data[:1] != RECORD or rng.random() < 0.05:
            return (data[:1] or FILE) + bytes(self._mutate(data[1:] or b"0", most - 1))
        try:
            value = json.loads(data[1:])
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            value = json.loads(rng.choice(self._seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            self._change(value, rng)
        made = RECORD + json.dumps(value).encode()
        return made if len(made) <= most else data

    def _change(self, value: dict[str, Any], rng: random.Random) -> None:
        places = list(_places(value))
        if not places:
            value[rng.choice(self._keys)] = copy.deepcopy(rng.choice(ODD))
            return
        (holder, key), _ = rng.choice(places)
        odds = rng.random()
        if odds < 0.35:
            holder[key] = copy.deepcopy(rng.choice(ODD))
        elif odds < 0.55:
            holder[key] = json.loads(rng.choice(self._values))
        elif odds < 0.65 and isinstance(holder, dict):
            holder[rng.choice(self._keys)] = holder.pop(key, None)
        elif odds < 0.75 and isinstance(holder, dict):
            holder[rng.choice(self._keys)] = json.loads(rng.choice(self._values))
        elif odds < 0.82:
            holder.pop(key)
        elif odds < 0.9:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {rng.choice(self._keys): holder[key]}
        elif isinstance(text := holder[key], str):
            holder[key] = bytes(self._mutate(text.encode("utf-8", "replace"), len(text) * 4 + 16)).decode(
                "utf-8", "replace"
            )
        else:
            holder[key] = str(text)


def _places(value: Any) -> Iterator[tuple[tuple[Any, Any], Any]]:
    """Yield ((holder, key), value) for everything in a tree."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield (holder, key), holder[key]
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def _keys(value: Any) -> set[str]:
    return {key for (_, key), _ in _places(value) if isinstance(key, str)}


def real_records(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield short records of the shared data, a few of each file."""
    from ingest.dumps import Dump
    from ingest.formats import read_dump
    from ingest.syntax import Found, Loss, records

    for path in sorted(p for name in FOLDERS for p in (DATA / name).glob("*") if p.suffix != ".md" and p.is_file()):
        items = (item for item in read_dump(Dump(path), max_line=2**26) if not isinstance(item, Loss))
        found = [f.record for f in records(next(items)) if isinstance(f, Found)]
        short = [record for record in found if len(json.dumps(record)) < LONGEST]
        yield from rng.sample(short, min(PER_FILE, len(short)))


def real_files() -> Iterator[bytes]:
    """Yield the first lines of the shared data, and small files of every syntax."""
    from ingest.containers import read_utf8

    for path in sorted(p for name in FOLDERS for p in (DATA / name).glob("*") if p.is_file()):
        with path.open("rb") as stream:
            first = next((piece for piece in read_utf8(stream) if isinstance(piece, bytes)), b"")
        yield first[:LONGEST]
    rows = 'id,author,text\n1,ann,"so, so"\n2,bob,"two\nlines"\n3,cy,"open\n4,dee,x\n'
    yield from (rows.encode(), rows.replace(",", ";").encode("utf-16"), rows.replace(",", "\t").encode("cp1252"))
    yield b'<?xml version="1.0"?>\n<posts>\n  <row Id="1" PostTypeId="1" CreationDate="2020-09-13T12:26:40" />\n</posts>\n'
    yield b"interactions:\n- response: &a {body: {string: '[{\"id\": 1}]'}}\n- response: *a\n"
    yield b'window.YTD.tweets.part0 = [{"tweet": {"id_str": "1", "full_text": "x"}}]'
    yield b'[\n  {"a": [1, 2]},\n  {"messages": [{"id": 1}, {"id": 2}]}\n]\n{"items": [1'
    for pack in (gzip.compress, zstandard.compress):
        yield pack(b'{"id": "a", "created_utc": 1}\n') + pack(b'{"id": "b"}\n')


def archives() -> Iterator[bytes]:
    """Yield archives of every kind, with a packed and a plain dump inside."""
    inside = {"a.ndjson": b'{"id": "a", "created_utc": 1}\n' * 9, "b/c.csv.gz": gzip.compress(b"id,text\n1,so\n")}
    for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", how) as archive:
            for name, data in inside.items():
                archive.writestr(name, data)
        yield made.getvalue()
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=kind) as archive:
            for name, data in (*inside.items(), ("é" * 120 + ".json", b"[]")):
                told = tarfile.TarInfo(name)
                told.size = len(data)
                archive.addfile(told, io.BytesIO(data))
        yield made.getvalue()[:LONGEST]


class Findings:
    """Keeps one input for each place in the code at which something went wrong."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: dict[str, int] = {}

    def note(self, data: bytes, kind: str, detail: str = "") -> None:
        """Save an input, unless one of its kind was."""
        self.found[kind] = self.found.get(kind, 0) + 1
        if self.found[kind] == 1:
            name = hashlib.sha256(kind.encode()).hexdigest()[:12]
            (self._folder / f"{name}.input").write_bytes(data)
            (self._folder / f"{name}.txt").write_text(f"{kind}\n\n{detail}", "utf-8")


def _kind_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/ingest/" in f.filename] or frames
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}"


def tried(data: bytes, into: Readers, findings: Findings | None) -> None:
    """Give one input to the readers, and note what goes wrong."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong, detail = "", ""
    try:
        into.of(data[:1])(data[1:])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        wrong, detail = _kind_of(error), traceback.format_exc()
    if (seconds := time.monotonic() - begun) > SLOW:
        wrong = f"slow: {round(seconds)} s for {len(data)} bytes"
    if (grown := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) > LARGE:
        wrong = f"large: {grown // 1000} MB for {len(data)} bytes"
    if wrong and findings:
        findings.note(data, wrong, detail)


def fuzz(args: argparse.Namespace, corpus: Path, crashes: Path) -> None:
    """Run until the time is over; it ends the process."""
    try:
        import atheris
    except ImportError:
        sys.exit("This needs atheris: uv pip install atheris")
    with atheris.instrument_imports(include=["ingest"]):
        into = Readers()
    rng = random.Random(args.seed)
    from benchmarks.fuzz_records import RECORDS

    seeds = [*RECORDS, *real_records(rng)]
    inputs = [RECORD + json.dumps(seed).encode() for seed in seeds]
    inputs += [FILE + b"0" + data for data in real_files()] + [ARCHIVE + data for data in archives()]
    for data in inputs:
        (corpus / hashlib.sha256(data).hexdigest()).write_bytes(data)
    findings, until, count = Findings(crashes), time.monotonic() + args.seconds, 0

    def one_input(data: bytes) -> None:
        nonlocal count
        count += 1
        tried(data, into, findings)
        if time.monotonic() > until:
            (crashes.parent / "result.json").write_text(json.dumps({"executions": count, "found": findings.found}))
            os._exit(0)

    options = [f"-seed={args.seed}", f"-max_len={2 * LONGEST}", "-len_control=0", "-rss_limit_mb=0", "-timeout=300"]
    options += ["-verbosity=0", f"-artifact_prefix={crashes}/"]

    def mutated(data: bytes, most: int) -> bytes:
        return bytes(atheris.Mutate(data, most))  # another function once it runs: it must be looked up then

    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input, custom_mutator=Mutator(seeds, mutated))
    atheris.Fuzz()


def measured(corpus: Path) -> dict[str, int]:
    """Return how many lines of the readers the corpus reaches, of how many there are."""
    reached: set[tuple[str, int]] = set()
    every: set[tuple[str, int]] = set()
    seen: set[CodeType] = set()
    ours = str(ROOT / "ingest") + os.sep

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ours):
            return None
        if frame.f_code not in seen:
            seen.add(frame.f_code)
        reached.add((frame.f_code.co_filename, frame.f_lineno))
        return traced

    into = Readers()
    sys.settrace(traced)
    for path in sorted(corpus.iterdir()):
        tried(path.read_bytes(), into, None)
    sys.settrace(None)
    for file in {code.co_filename for code in seen}:
        every |= {(file, line) for line in _lines(compile(Path(file).read_text("utf-8"), file, "exec"))}
    return {"corpus": len(list(corpus.iterdir())), "lines": len(reached), "of": len(every)}


def _lines(module: CodeType) -> set[int]:
    """Return the lines inside functions; those of the module itself run when it is imported."""
    found: set[int] = set()
    waiting = [constant for constant in module.co_consts if isinstance(constant, CodeType)]
    while waiting:
        code = waiting.pop()
        found |= {line for _, _, line in code.co_lines() if line}
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="where the corpus and the crashing inputs go")
    parser.add_argument("--replay", type=Path, help="try one saved input, and show what it raises")
    parser.add_argument("--run", choices=("fuzz", "measure"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.replay:
        data = args.replay.read_bytes()
        Readers().of(data[:1])(data[1:])
        return
    corpus, crashes = args.out / "corpus", args.out / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    if args.run == "fuzz":
        fuzz(args, corpus, crashes)
    if args.run == "measure":
        print(json.dumps(measured(corpus)))
        return
    again = [sys.executable, __file__, f"--seconds={args.seconds}", f"--seed={args.seed}", f"--out={args.out}"]
    ended = subprocess.run([*again, "--run=fuzz"], check=False)
    result = json.loads((args.out / "result.json").read_text()) if ended.returncode == 0 else {"died": ended.returncode}
    found = json.loads(subprocess.run([*again, "--run=measure"], check=True, stdout=subprocess.PIPE).stdout)
    print(json.dumps({"name": "fuzz readers", "seconds": args.seconds, "seed": args.seed} | result | found))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
