"""S7 as files and tables: Pushshift dumps with the quirks of real ones, a gold sample, and ideal tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from causal.designs.s7_grammar import STRATEGIES, TITLES, Dice, speak
from causal.designs.s7_world import START
from copenet.foundation.files import write_bytes
from copenet.foundation.seeds import generator
from copenet.foundation.tables import conform
from gnn.schema import LABELS
from ingest.schema import MESSAGES

if TYPE_CHECKING:
    from causal.designs.s7_world import World

FORUMS = ("StudyTogether", "GradLounge", "WorkTalk", "NightOwls", "RestAndSleep", "FamilyTable")
BROKEN_LINES = 41
_FIRST_ID = 36**5 * 14  # ids of six characters, as Reddit's were in 2019
_MODERATED = 0.07


@dataclass(frozen=True, slots=True)
class Names:
    """Native ids: of each message (`t1_…`, `t3_…`), of its parent (None for roots) and of its root."""

    own: tuple[str, ...]
    parent: tuple[str | None, ...]
    link: tuple[str, ...]


def base36(number: int) -> str:
    """Return `number` in base 36, as Reddit writes ids."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def forum_name(index: int) -> str:
    """Return the name of forum `index`."""
    return FORUMS[index] if index < len(FORUMS) else f"Forum{index}"


def native_ids(world: World) -> Names:
    """Return the ids of all messages; those outside the dump get ids that no line carries."""
    posts = world.posts
    steps = np.cumsum(generator(world.seed, "s7", "ids").integers(2, 400, size=len(posts.author)))
    code = [base36(_FIRST_ID + int(step)) for step in steps]
    outside = [base36(_FIRST_ID + int(step) - 1) for step in steps]
    own = [("t3_" if parent == -1 else "t1_") + code[i] for i, parent in enumerate(posts.parent.tolist())]
    parents, links = [], []
    for i, (parent, thread) in enumerate(zip(posts.parent.tolist(), posts.thread.tolist(), strict=True)):
        link = own[thread] if thread >= 0 else "t3_" + outside[i]
        links.append(link)
        known = own[parent] if parent >= 0 else None
        parents.append(None if parent == -1 else known or (link if thread < 0 else "t1_" + outside[i]))
    return Names(tuple(own), tuple(parents), tuple(links))


def write_dump(world: World, folder: Path) -> tuple[Path, ...]:
    """Write RS_YYYY-MM.zst and RC_YYYY-MM.zst into `folder` and return their paths in name order."""
    lines: dict[str, list[bytes]] = {}
    for name, line in _lines(world):
        lines.setdefault(name, []).append(line)
    names = sorted(lines)
    for i in range(BROKEN_LINES if len(world.posts.author) > 10 * BROKEN_LINES else 1):
        file = lines[names[i % len(names)]]
        at = (i * 97 + 11) % len(file)
        file.insert(at, file[at][: max(8, len(file[at]) // 2)])
    compressor = zstandard.ZstdCompressor(level=6)
    for name in names:
        write_bytes(folder / name, compressor.compress(b"\n".join(lines[name]) + b"\n"))
    return tuple(folder / name for name in names)


def _lines(world: World) -> Iterator[tuple[str, bytes]]:
    """Yield (file, line) for every message and for AutoModerator's notices."""
    names, posts = native_ids(world), world.posts
    rng = generator(world.seed, "s7", "dump")
    dice = Dice(rng)
    for i, text in enumerate(world.texts):
        author = int(posts.author[i])
        record = _person_fields(world, author) | _place_fields(world, names, i)
        record |= {"score": int(rng.poisson(4)), "retrieved_on": record["created_utc"] + 5_000_000, "edited": False}
        if names.parent[i] is None:
            record |= {"title": speak(dice.pick(TITLES), dice), "selftext": text, "is_self": True}
        else:
            record |= {"body": text, "parent_id": names.parent[i], "link_id": names.link[i], "distinguished": None}
        yield _file(record), orjson.dumps(record)
        if names.parent[i] is None and dice.uniform() < _MODERATED:
            notice = _notice(record, names.own[i])
            yield _file(notice), orjson.dumps(notice)


def _person_fields(world: World, author: int) -> dict[str, Any]:
    if author < 0:
        return {"author": "[deleted]"}
    return {"author": world.usernames[author], "author_fullname": "t2_" + base36(36**4 + 977 * (author + 1))}


def _place_fields(world: World, names: Names, i: int) -> dict[str, Any]:
    return {
        "id": names.own[i][3:],
        "created_utc": START + int(world.posts.time[i]),
        "subreddit": forum_name(int(world.posts.forum[i])),
        "subreddit_id": "t5_" + base36(36**4 + int(world.posts.forum[i])),
    }


def _notice(submission: dict[str, Any], parent: str) -> dict[str, Any]:
    """Return AutoModerator's comment under a submission."""
    return {
        "author": "AutoModerator",
        "id": submission["id"] + "m",
        "created_utc": submission["created_utc"] + 2,
        "subreddit": submission["subreddit"],
        "subreddit_id": submission["subreddit_id"],
        "score": 1,
        "retrieved_on": submission["retrieved_on"],
        "edited": False,
        "body": "Welcome. Please read the rules of this community before you comment. I am a bot.",
        "parent_id": parent,
        "link_id": parent,
        "distinguished": "moderator",
    }


def _file(record: dict[str, Any]) -> str:
    month = datetime.fromtimestamp(record["created_utc"], UTC).strftime("%Y-%m")
    return f"{'RC' if 'body' in record else 'RS'}_{month}.zst"


def gold_rows(world: World, n: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a simple random sample of `n` messages, labelled without error."""
    names = native_ids(world).own
    size = min(n, len(names))
    chosen = np.sort(generator(seed, "s7", "gold").choice(len(names), size=size, replace=False))
    for i in chosen.tolist():
        for strategy, used in zip(STRATEGIES, world.strategies[i].tolist(), strict=True):
            yield {
                "message_id": f"reddit:{names[i]}",
                "strategy": strategy,
                "label": int(used),
                "sampling_probability": size / len(names),
            }


def planted_tables(world: World) -> tuple[pa.Table, pa.Table]:
    """Return `messages` (MESSAGES) and error-free `labels` (LABELS) of the target strategy, without a dump."""
    names, posts = native_ids(world), world.posts
    count = len(names.own)
    author = [f"reddit:u_{a:06d}" if a >= 0 else None for a in posts.author.tolist()]
    parent_author = [author[p] if p >= 0 else None for p in posts.parent.tolist()]
    times = pa.array((START + posts.time) * 1_000_000, pa.timestamp("us", tz="UTC"))
    nothing = pa.nulls(count)
    columns = {
        "platform": ["reddit"] * count,
        "message_id": [f"reddit:{name}" for name in names.own],
        "kind": ["post" if parent is None else "comment" for parent in names.parent],
        "thread_id": [f"reddit:{link}" for link in names.link],
        "parent_id": [None if parent is None else f"reddit:{parent}" for parent in names.parent],
        "author_id": author,
        "author_status": ["known" if a is not None else "deleted" for a in author],
        "parent_author_id": parent_author,
        "forum": [forum_name(f) for f in posts.forum.tolist()],
        "created_at": times,
        "edited_at": nothing,
        "retrieved_at": nothing,
        "text_status": ["present"] * count,
        "language": nothing,
        "score": nothing,
        "bot_reason": nothing,
        "source": [f"{world.seed:016x}:{i}" for i in range(count)],
    }
    labels = {
        "message_id": columns["message_id"],
        "strategy": [world.settings.strategy] * count,
        "probability": posts.uses.astype(float),
        "labelled_by": ["planted"] * count,
        "sampling_probability": nothing,
    }
    return conform(pa.table(columns), MESSAGES), conform(pa.table(labels), LABELS)
