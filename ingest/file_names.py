"""Names of dumps as they may be shown: a dump of one person's messages is often named after that person."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.plain_names import inside, replacer, rows_of_words, shown_form
from ingest.pseudonyms import Pseudonyms, pseudonym
from ingest.records import Draft

_MOST_PIECES = 8  # of a name
_OF_A_PERSON = re.compile(
    r"((?:r_)?(?:user|u)[_-]).+?"
    r"((?:[_-](?:posts|comments|submissions))?(?:\.(?:ndjson|jsonl|json|txt|csv|zst|gz|xz|bz2|zip))*)",
    re.I,
)
_NAMES = ("author_id", "handle_id", "display_id", "short_id", "target_id")


def shown(name: str, people: Collection[str] = ()) -> str:
    """Return a file's name as it may leave `restricted`, with usernames in it masked.

    Args:
        name: The file's, and after a slash that of the file inside it.
        people: Those of `words_of_file` that are somebody's name.

    >>> shown("u_Some_One_posts.jsonl"), shown("RC_2019-01.zst"), shown("a.zip/by Some_One.json", {"some_one"})
    ('u_*_posts.jsonl', 'RC_2019-01.zst', 'a.zip/by *.json')
    """
    if people:
        pattern = replacer(frozenset(people))
        for form in _forms(name):
            spans = [match.span() for match in pattern.finditer(form)] if len(form) == len(name) else []
            for start, end in reversed(spans):
                name = name[:start] + "*" * (end - start) + name[end:]
        name = re.sub(r"\*+", "*", name)
    return "/".join(_without_person(part) for part in name.split("/"))


def _without_person(name: str) -> str:
    match = _OF_A_PERSON.fullmatch(name)
    return f"{match[1]}*{match[2]}" if match else name


def _forms(name: str) -> Iterator[str]:
    yield name
    yield name.replace("_", " ")  # as many tools write a blank


def words_of_file(name: str) -> frozenset[str]:
    """Return the words of a file's name that could be somebody's name.

    >>> "some_one" in words_of_file("a.zip/by Some_One.json")
    True
    """
    found: set[str] = set()
    for part in re.split(r"[/\s]+", name):
        found |= inside(part, most=_MOST_PIECES)
    return frozenset(found.union(*map(rows_of_words, _forms(name))))


def names_of(draft: Draft) -> Iterator[str]:
    """Yield what the author of a message is called, as `words_of_file` would find it."""
    for name in (draft.author, draft.handle):
        if name is not None:
            yield name.casefold()
            yield name.casefold().partition("@")[0]
    if draft.display_name is not None and (form := shown_form(draft.display_name)):
        yield form


def masked(
    connection: duckdb.DuckDBPyConnection, files: Iterable[str], names: Pseudonyms, others: Sequence[Path] = ()
) -> Mapping[str, str]:
    """Return for each file's name how it may be shown, now that everybody is known who wrote something.

    A name that a forum has, too, stays.

    Args:
        connection: With `staged` and `named` (see `ingest.naming`).
        files: Names of dumps.
        names: Pseudonyms.
        others: Message parts of dumps that are not in `staged`.
    """
    files = sorted(set(files))
    platforms = [row[0] for row in connection.execute("SELECT DISTINCT platform FROM staged").fetchall()]
    rows = [(f, word, pseudonym(names.key, p, word)) for f in files for word in words_of_file(f) for p in platforms]
    if others:
        connection.read_parquet([str(path) for path in others]).create_view("others")
    elsewhere = "".join(f" UNION ALL SELECT {name} FROM others" for name in _NAMES if others)  # noqa: S608
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    keys = ("file", "word", "name_id")
    connection.register(
        "words_of_files", pa.table({k: pa.array(c, pa.string()) for k, c in zip(keys, columns, strict=True)})
    )
    found = connection.execute(
        f"""
        SELECT DISTINCT file, word FROM words_of_files
        WHERE name_id IN (SELECT name_id FROM named{elsewhere})
              AND word NOT IN (SELECT DISTINCT lower(forum) FROM staged WHERE forum IS NOT NULL)
        """  # noqa: S608 - names of this module
    ).fetchall()
    people: dict[str, set[str]] = {}
    for file, word in found:
        people.setdefault(file, set()).add(word)
    return {file: shown(file, people.get(file, ())) for file in files}
