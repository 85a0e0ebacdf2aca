"""How fast a Reddit dump becomes tables, beside the floor and beside how others read it, in one run on one file.

The file repeats real records with new ids (`--source`, a folder of Reddit dumps) until it holds `--messages` of them.
Measured are the whole ingest (pseudonyms, scrubbing, names in plain words, threads, Parquet) with as many processes as
there are processors, the floor (decompress and parse the JSON, nothing else, in one process; with orjson and with
Python's own parser, which ConvoKit and 4CAT use), the way ConvoKit reads a corpus (every utterance an object in memory:
`Corpus` of convokit/model/corpus.py), and the way 4CAT imports one (every item a row of a CSV, the author hashed:
`Search.items_to_csv` of backend/lib/search.py). Memory is the highest sum over all processes of the ingest of the
memory that is theirs (Linux: USS), sampled ten times a second. Steps are in microseconds of processor time; beside them
stands how many a quarter of the floor's rate would leave for all of them on these processors.

    python benchmarks/ingest_speed.py --source ../shared/data/reddit --messages 1000000
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import zstandard

WINDOW_LOG = 27  # a reader holds the window, whatever it does: 2 GB for Pushshift's own files, left out of the figures
_INGEST = """
import sys, time
from pathlib import Path
import ingest
if __name__ == "__main__":
    began = time.perf_counter()
    found = ingest.ingest([Path(sys.argv[1])], Path(sys.argv[2])).to_dict()
    print(found["messages"], time.perf_counter() - began)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--source", type=Path, default=Path("../shared/data/reddit"))
    options.add_argument("--messages", type=int, default=1_000_000)
    options.add_argument("--folder", type=Path, default=None, help="where the files go; a temporary folder otherwise")
    options.add_argument("--only-ours", action="store_true", help="leave out how others read it")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        dump = folder / "dump.zst"
        size = repeat(sorted(given.source.glob("*.zst")), dump, given.messages)
        print(orjson.dumps(measured(dump, folder, given.messages, given.only_ours) | {"bytes": size}).decode())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(dump: Path, folder: Path, messages: int, only_ours: bool) -> dict[str, Any]:
    floors = {
        "floor": messages / seconds(lambda: parse_only(dump)),
        "floor_of_pythons_json": messages / seconds(lambda: parse_only(dump, json.loads)),
    }
    spent, peak = ours(dump, folder / "restricted")
    others = (
        {} if only_ours else {name: messages / seconds(partial(read, dump, folder)) for name, read in PEERS.items()}
    )
    rate, peers = messages / spent, floors | others
    return {
        "name": "ingest_speed",
        "ours": round(rate),
        "peer": {name: round(value) for name, value in peers.items()},
        "ratio": {name: round(rate / value, 3) for name, value in peers.items()},
        "peak_mb": round(peak / 1e6),
        "microseconds_at_a_quarter_of_the_floor": round(4e6 * len(os.sched_getaffinity(0)) / floors["floor"], 1),
        "microseconds_by_step": steps(dump, folder),
        "messages": messages,
        "processors": len(os.sched_getaffinity(0)),
        "unit": "messages per second",
    }


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def repeat(sources: list[Path], target: Path, messages: int) -> int:
    """Write `messages` records, the real ones again and again with new ids; return the bytes before compression."""
    records = [orjson.loads(line) for path in sources for line in lines(path)]
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG, enable_ldm=True)
    size = 0
    with target.open("wb") as raw, zstandard.ZstdCompressor(compression_params=parameters).stream_writer(raw) as out:
        for number in range(messages):
            turn, place = divmod(number, len(records))
            line = orjson.dumps(renamed(records[place], f"{turn:x}")) + b"\n"
            size += out.write(line)
    return size


def renamed(record: dict[str, Any], turn: str) -> dict[str, Any]:
    """Give a record and what it points to ids of their own."""
    new = dict(record)
    for key in ("id", "name", "link_id", "parent_id"):
        if isinstance(new.get(key), str):
            new[key] += turn
    return new


def lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(raw, read_across_frames=True)
        rest = b""
        while piece := reader.read(2**20):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (line for line in whole if line)
        if rest:
            yield rest


def parse_only(path: Path, loads: Callable[[bytes], object] = orjson.loads) -> None:
    for line in lines(path):
        loads(line)


class Utterance:
    """What ConvoKit holds of each message."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.id, self.speaker, self.reply_to = record["id"], record.get("author"), record.get("parent_id")
        self.conversation_id, self.timestamp = record.get("link_id"), record.get("created_utc")
        self.text, self.meta = record.get("body") or record.get("selftext"), {"score": record.get("score")}


def as_convokit(path: Path, folder: Path) -> None:
    corpus: dict[str, Utterance] = {}
    speakers: dict[str, dict[str, Any]] = {}
    for line in lines(path):
        utterance = Utterance(json.loads(line))
        corpus[utterance.id] = utterance
        speakers.setdefault(str(utterance.speaker), {})


def as_4cat(path: Path, folder: Path) -> None:
    fields = ["id", "thread_id", "timestamp", "body", "subject", "author", "parent", "score"]
    with (folder / "4cat.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=fields)
        writer.writeheader()
        for line in lines(path):
            record = json.loads(line)
            author = hashlib.blake2b(str(record.get("author")).encode(), digest_size=24).hexdigest()
            values = [record.get(key) for key in ("id", "link_id", "created_utc", "body", "title")]
            writer.writerow(
                dict(zip(fields, [*values, author, record.get("parent_id"), record.get("score")], strict=True))
            )


PEERS: dict[str, Callable[[Path, Path], None]] = {"convokit": as_convokit, "4cat": as_4cat}


def ours(dump: Path, restricted: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in bytes of an ingest in a process of its own."""
    command = [sys.executable, "-c", _INGEST, str(dump), str(restricted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak: list[float] = [0.0]
        ended = threading.Event()
        watcher = threading.Thread(target=watch, args=(process.pid, peak, ended))
        watcher.start()
        said = process.communicate()[0]
        ended.set()
        watcher.join()
    return float(said.split()[1]), peak[0]


def watch(root: int, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.1):
        peak[0] = max(peak[0], sum(own_memory(pid) for pid in family(root)))


def family(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            waiting += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            continue
    return found


def own_memory(pid: int) -> float:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(float(row.split()[1]) * 1024 for row in rows if row.startswith(("Private_Clean:", "Private_Dirty:")))


def steps(dump: Path, folder: Path) -> dict[str, float]:
    """Return the processor time each step takes for one message, over the first hundred thousand."""
    from ingest.blocks import Block, Loss
    from ingest.containers import read_utf8
    from ingest.finalise import Parts, build, engine
    from ingest.finalise import write as write_tables
    from ingest.formats import by_name
    from ingest.parts import Part, words_table, write
    from ingest.pseudonyms import Pseudonyms
    from ingest.rows import RowMaker
    from ingest.settings import IngestSettings
    from ingest.syntax import read_items, records

    pa.array(["a"])  # loads pandas, which a worker does without
    reader, names = by_name("reddit"), Pseudonyms(bytes(32))
    spent: dict[str, float] = {}
    clock = [time.process_time()]

    def lap(step: str) -> None:
        now = time.process_time()
        spent[step] = spent.get(step, 0.0) + now - clock[0]
        clock[0] = now

    maker, total, parts = RowMaker(names, reader.mention), 0, 0
    with dump.open("rb") as stream:
        for item in read_items(read_utf8(stream)):
            assert isinstance(item, Block)
            lap("decompress")
            decoded = [found for found in records(item) if not isinstance(found, Loss)]
            lap("decode")
            drafts = [draft for found in decoded for draft in reader.drafts(found.record)]
            lap("read fields")
            made = maker.make(drafts, [f"{'0' * 16}:{found.number}" for found in decoded])  # type: ignore[arg-type]
            lap("pseudonyms, scrubbing, columns")
            words = words_table(made.texts, names)
            lap("words that may be names")
            write(Part(made.messages, made.texts, words), folder, parts)
            lap("write the parts")
            total, parts = total + len(drafts), parts + 1
            if total >= 100_000:
                break
    kinds = ([folder / f"part-{n:05d}-{kind}.parquet" for n in range(parts)] for kind in ("messages", "texts", "words"))
    staged, scratch = Parts(*kinds), folder / "scratch"
    with engine(scratch, IngestSettings().memory_limit_mb) as db:
        write_tables(db, staged, build(db, staged, names, {}, scratch / "renamed"), folder / "tables", scratch)
    lap("join and write the tables")
    return {step: round(1e6 * value / total, 2) for step, value in spent.items()}


if __name__ == "__main__":
    main()
