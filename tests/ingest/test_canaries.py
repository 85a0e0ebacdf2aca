"""A thousand names in every place a name can stand: none is found outside `restricted`, nor in any table."""

from __future__ import annotations

import html
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import ingest
from copenet.cli.app import app
from copenet.study import Study
from tests.ingest.canaries import PLAIN, Person, people
from tests.ingest.canary_dumps import COLUMNS, dumps

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\\\\]")

_PSEUDONYM = re.compile(r"[a-z]{1,16}:u_[0-9a-f]{16}")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def searched(text: str) -> str:
    """Text as a reader sees it: without Markdown's backslashes and what is invisible, in one case."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).casefold()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of all dumps, with what the commands said in `said.txt` beside it."""
    folder = tmp_path_factory.mktemp("canaries")
    files = dumps(folder)
    made, run, said = Study.create(folder / "s"), CliRunner(), []
    table = ["--columns", ",".join(f"{role}={column}" for role, column in COLUMNS.items())]
    recognised = [str(p) for platform, paths in files.items() if platform != "table" for p in paths]
    for arguments in (
        ["ingest", str(made.path), "--dry-run", *recognised],
        ["ingest", str(made.path), "--dry-run", *table, *map(str, files["table"])],
        ["ingest", str(made.path), *recognised],
        ["ingest", str(made.path), *table, *map(str, files["table"])],
        ["quality", str(made.path)],
        ["quality", str(made.path), "--json"],
    ):
        done = run.invoke(app, arguments)
        assert done.exit_code == 0, done.output
        said.append(done.output)
    (folder / "said.txt").write_text("\n".join(said))
    return made


def values(study: Study, table: str) -> list[str]:
    rows = [
        row for path in sorted((study.restricted / table).glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    return [value for row in rows for value in row.values() if isinstance(value, str)]


def found_in(text: str) -> list[Person]:
    whole = searched(text)
    return [person for person in people() if any(searched(name) in whole for name in person.names)]


def places_of(texts: list[str]) -> Iterator[str]:
    """Yield every paragraph that names somebody, for the eyes of whoever mends what leaks."""
    whole = [part for text in texts for part in text.split("\n\n")]
    joined = searched("\n\n".join(whole))
    names = [searched(name) for person in people() for name in person.names]
    names = [name for name in names if name in joined]
    if names:
        either = re.compile("|".join(map(re.escape, names)))
        yield from (part for part in whole if either.search(searched(part)))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def test_the_dumps_name_everybody(study: Study) -> None:
    folder = study.path.parent / "in"
    names = [path.name for path in folder.iterdir()]
    packed = [zipfile.ZipFile(path) for path in folder.glob("*.zip")]
    held = [archive.read(name) for archive in packed for name in archive.namelist()]
    held += [path.read_bytes() for path in folder.iterdir() if path.suffix != ".zip"]
    decoded = [html.unescape(_unescaped(data.decode())) for data in held]
    whole = "\n".join((*names, *(data.decode() for data in held), *decoded))
    assert len(people()) == 1000
    assert len({searched(name) for person in people() for name in person.names}) >= 1300
    assert found_in(whole) == list(people())
    assert len(found_in("\n".join(names))) >= 10


def test_no_text_names_anybody(study: Study) -> None:
    assert list(places_of(values(study, "texts"))) == []


def test_texts_name_people_by_their_pseudonyms(study: Study) -> None:
    messages = ingest.read_messages(study.restricted).to_pylist()
    authors = {row["author_id"] for row in messages} - {None}
    named = Counter(found for text in values(study, "texts") for found in _PSEUDONYM.findall(text))
    ways = len(PLAIN)
    assert len(authors) >= 970  # the deleted of Stack Exchange have none
    assert [author for author in authors if named[author] < ways] == []
    assert ingest.quality(study.restricted)["rejected_count"] == 0


@pytest.mark.parametrize("table", ["messages", "versions"])
def test_no_value_of_another_table_names_anybody(study: Study, table: str) -> None:
    assert found_in("\n".join(values(study, table))) == []


def test_no_file_outside_restricted_and_no_output_names_anybody(study: Study) -> None:
    for path in sorted(study.path.rglob("*")):
        if path.is_file() and study.restricted not in path.parents:
            assert found_in(path.name + "\n" + path.read_bytes().decode("utf-8", "replace")) == [], path.name
    assert found_in((study.path.parent / "said.txt").read_text()) == []
