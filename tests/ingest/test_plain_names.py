"""Which words of a text are looked at as names, what finds them again, and which of them are ordinary words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest
from ingest.plain_names import any_of, inside, key, replacer, rows_of_words, shown_form, shows_names, words, words_of
from ingest.settings import How, IngestSettings
from tests.ingest.dumps import T0, by_id, lines, name_of, post, read, reply, texts, write


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("Night_Owl77", "night_owl77"),
        ("night\\_owl77", "night_owl77"),
        ("so.Night_Owl77", "night_owl77"),
        ("hi.anna.k", "anna.k"),
        ("j.tolkien", "j.tolkien"),
        ("ex-night_owl77", "night_owl77"),
        ("__velmor__", "velmor"),
        ("__velmor__", "__velmor__"),
        ("___velmor___", "_velmor_"),
        ("_velmor__", "velmor_"),
        ("anti-_velmor_", "_velmor_"),
        ("anti--velmor-", "-velmor-"),
        ("velmor/x", "velmor"),
        ("?user=velmor&a=b", "velmor"),
        ("https://velmor.example.org/a", "velmor"),
        ("velmor\u2019s", "velmor"),
        ("hi\u00a0velmor", "velmor"),
        ("\u7530\u4e2d\u84ee\u53f8\u3055\u3093", "\u7530\u4e2d\u84ee\u53f8"),
        ("velmor77\u3055\u3093\u306f", "velmor77"),
        ("\u0905\u0928\u093f\u0924\u093e", "\u0905\u0928\u093f\u0924\u093e"),
        ("Stra\u00dfer", "strasser"),
        ("\u0130nciq", "i\u0307nciq"),
    ],
)
def test_names_in_what_stands_between_two_blanks(token: str, name: str) -> None:
    assert name in inside(token)
    assert name in words_of(f"and {token}, ok", "reddit")
    found = replacer({name}).sub("*", token)
    assert name not in found.replace("\\", "").casefold()
    assert "*" in found


@pytest.mark.parametrize("token", ["anxiety", "well-being", "don't", "and/or", "it's", "Anna", "Reddit", "2"])
def test_words_of_the_language_are_no_names(token: str) -> None:
    assert inside(token) <= {"well-being"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I met Ann Kowalski's aunt", "ann kowalski"),
        ("by ann zork", "ann zork"),
        ("ANN KOWALSKI", "ann kowalski"),
        ("_Ann Kowalski_", "ann kowalski"),
        ("Ann Kowalski.Then", "ann kowalski"),
        ("Ann\nKowalski", "ann kowalski"),
        ("anti-Ann Kowalski", "ann kowalski"),
        ("Ann K. Zork", "ann k zork"),
        ("ann k. zork", "ann k zork"),
        ("Ann K\\. Zork", "ann k zork"),
        ("Ann Bol-Zork", "ann bol zork"),
        ("J.R. Zork", "j r zork"),
        ("Pat O\u2019Hara", "pat o'hara"),
        ("O'Hara said", "o'hara"),
    ],
)
def test_names_of_several_words(text: str, name: str) -> None:
    assert name in rows_of_words(text)
    assert shown_form(name) == name
    match = replacer({name}).search(text)
    assert match is not None
    assert key(match[0], {name}) == name


@pytest.mark.parametrize("text", ["the cat sat", "Ann. the cat", "Ann, Bob", "Ann  -  Bob"])
def test_words_that_do_not_follow_one_another_are_no_name(text: str) -> None:
    assert rows_of_words(text) == set()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("\U0001f338 Ann Zork \U0001f338", "ann zork"),
        ("Ann Zork (she/her)", "ann zork"),
        ("Ann Zork | Coach", "ann zork"),
        ("(Ann) Zork", "ann zork"),
        ("\U0001f338velmor\U0001f338", "velmor"),
        ("night_owl", "night_owl"),
        ("Jose\u0301 Zork", "jos\u00e9 zork"),
        ("\U0001f338", None),
        ("The Official Page of Ann Zork", None),
    ],
)
def test_a_shown_name_without_its_ornaments(name: str, form: str | None) -> None:
    assert shown_form(name) == form


def test_a_name_is_found_as_a_word_and_in_no_pseudonym() -> None:
    found = replacer({"velmor", "velmor zork", "\u7530\u4e2d"})
    assert found.sub("*", "velmors velmor:u_0123456789abcdef velmor Velmor Zork xvelmor velmor_x") == (
        "velmors velmor:u_0123456789abcdef * * xvelmor *_x"
    )
    assert found.sub("*", "\u7530\u4e2d\u3055\u3093 \u7530\u4e2d\u5c4b") == "*\u3055\u3093 \u7530\u4e2d\u5c4b"


@given(st.text(alphabet="abZ_-. \\'\u2019\u00df\u0130\u7530\u3055\n/0", max_size=40), st.sampled_from(["reddit", "x"]))
def test_texts_one_by_one_give_what_they_give_together(text: str, platform: str) -> None:
    shown = shows_names(platform)
    column = pa.array(["Qother", text, text, "Qother"], pa.string()).slice(1, 2)
    found = words(column, shown_names=shown)
    assert set(found) == words_of(text, platform)
    assert not found or any_of(pa.chunked_array([column]), sorted(found)).to_pylist() == [True, True]


@pytest.mark.parametrize("piece", ["a.", "a-", "_", "-_", "a_b.", "\\_", "a' ", "B ", "\u7530", "Q\n", "a.b-c_"])
def test_long_hostile_texts_are_looked_through_soon(piece: str) -> None:
    text = piece * 20_000 + " by Velmor Zork"
    assert "velmor zork" in words_of(text, "x")
    assert replacer({"velmor zork"}).sub("*", text).endswith(" by *")


def test_a_name_is_the_same_composed_and_decomposed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", lines([{"i": "1", "a": "zo\u00eb", "t": "zoe\u0308, Zo\u00eb"}]))
    how = How(format=ingest_columns())
    ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how={path: how}))
    (text,) = (row["text"] for row in ingest.read_texts(tmp_path / "restricted").to_pylist())
    person = ingest.pseudonym(ingest.load_key(tmp_path / "restricted"), "table", "ZOE\u0308")
    assert text == f"{person}, {person}"


def threads(word: str, *, there: bool, n: int = 25) -> list[dict[str, Any]]:
    """Return `n` answers that use a word, in threads of whoever is called so, or elsewhere."""
    found = [post(f"q{i}", "zorkelm" if there else f"asker{i}", "how are you") for i in range(n)]
    found += [reply(f"a{i}", f"t3_q{i}", f"other{i}", link_id=f"t3_q{i}", body=f"so {word} it is") for i in range(n)]
    return [*found, post("own", "zorkelm", "hello")]


@pytest.mark.parametrize(("there", "left"), [(True, 0), (False, 25)])
def test_a_much_used_word_is_a_name_where_its_bearer_is_about(tmp_path: Path, there: bool, left: int) -> None:
    summary = read(tmp_path, threads("Zorkelm", there=there))
    found = texts(tmp_path / "restricted")
    assert sum("zorkelm" in text.casefold() for text in found.values()) == left
    assert summary.plain_words["ordinary"] == (left > 0)
    person = name_of(tmp_path / "restricted", "zorkelm")
    assert (found["t1_a3"] == f"so {person} it is") == there


def test_a_seldom_used_word_is_a_name_wherever_it_stands(tmp_path: Path) -> None:
    read(tmp_path, threads("Zorkelm", there=False, n=19))
    assert not any("zorkelm" in text.casefold() for text in texts(tmp_path / "restricted").values())


def test_copies_make_no_word_ordinary(tmp_path: Path) -> None:
    dump = threads("Zorkelm", there=False, n=19)
    read(tmp_path, dump, [record | {"score": 2} for record in dump])
    assert not any("zorkelm" in text.casefold() for text in texts(tmp_path / "restricted").values())


def test_where_nobody_answers_the_forum_and_the_day_tell_who_is_about(tmp_path: Path) -> None:
    for name, day in (("same", 0), ("other", 86_400)):
        posts = [post(f"q{i}", f"asker{i}", "so zorkelm it is", T0 + i) for i in range(25)]
        read(tmp_path / name, [*posts, post("own", "zorkelm", "hello", T0 + 99 + day)])
        found = texts(tmp_path / name / "restricted").values()
        assert sum("zorkelm" in text for text in found) == (25 if day else 0)


def test_what_its_bearer_alone_writes_is_a_name(tmp_path: Path) -> None:
    read(tmp_path, [post(f"q{i}", "zorkelm", f"hello {i} from zorkelm") for i in range(25)])
    assert not any("zorkelm" in text for text in texts(tmp_path / "restricted").values())


def test_names_several_people_show_stand_for_nobody(tmp_path: Path) -> None:
    how = How(format=ingest_columns())
    rows = [
        ("1", "ann1", "Ann Zork", ""),
        ("2", "ann2", "Ann Zork", ""),
        ("3", "bob", "Bob Velm", "Ann Zork met Bob Velm"),
    ]
    path = write(tmp_path / "t.jsonl", lines(dict(zip(("i", "a", "d", "t"), row, strict=True)) for row in rows))
    ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how={path: how}))
    (text,) = (row["text"] for row in ingest.read_texts(tmp_path / "restricted").to_pylist())
    bob = ingest.pseudonym(ingest.load_key(tmp_path / "restricted"), "table", "bob")
    assert text == f"[name] met {bob}"


def ingest_columns() -> str:
    from ingest.formats import column_format

    return column_format({"id": "i", "author": "a", "display_name": "d", "text": "t"})


def test_whoever_is_answered_and_wrote_nothing_has_a_name_too(tmp_path: Path) -> None:
    from ingest.formats import column_format

    how = How(format=column_format({"id": "i", "author": "a", "parent_author": "p", "text": "t"}))
    path = write(tmp_path / "t.jsonl", lines([{"i": "1", "a": "ann1", "p": "zorkelm", "t": "as zorkelm says"}]))
    ingest.ingest([path], tmp_path / "restricted", settings=IngestSettings(how={path: how}))
    (text,) = (row["text"] for row in ingest.read_texts(tmp_path / "restricted").to_pylist())
    assert text == f"as {ingest.pseudonym(ingest.load_key(tmp_path / 'restricted'), 'table', 'zorkelm')} says"


def test_an_array_on_one_line_keeps_each_text_with_its_message(tmp_path: Path) -> None:
    records = [post(f"p{i}", f"zork{i}", f"I am zork{i}, not zork{(i + 1) % 9}") for i in range(9)]
    path = write(tmp_path / "all.json", json.dumps(records).encode())
    restricted = tmp_path / "restricted"
    ingest.ingest([path], restricted)
    names = [name_of(restricted, f"zork{i}") for i in range(9)]
    found = texts(restricted)
    assert len(found) == len({row["source"] for row in by_id(restricted).values()}) == 9
    for i in range(9):
        assert found[f"t3_p{i}"].endswith(f"I am {names[i]}, not {names[(i + 1) % 9]}")


def test_the_name_without_its_server_goes_with_the_forgotten(tmp_path: Path) -> None:
    host = "calm.example"
    who = [("1", "zorkelm", "Zork Elm", "hello"), ("2", "bob", "Bob", "as zorkelm, Zork Elm and @zorkelm said")]
    path = write(tmp_path / "s.json", json.dumps([status(*row, host) for row in who]).encode())
    restricted = tmp_path / "restricted"
    ingest.ingest([path], restricted)
    person = ingest.pseudonym(ingest.load_key(restricted), "mastodon", f"zorkelm@{host}")
    said = [row["text"] for row in ingest.read_texts(restricted).to_pylist()]
    assert f"as {person}, {person} and {person} said" in said
    ingest.forget(restricted, "mastodon", [f"@zorkelm@{host}"])
    assert [row["text"] for row in ingest.read_texts(restricted).to_pylist()] == ["as [name], [name] and [name] said"]


def status(number: str, name: str, shown: str, text: str, host: str) -> dict[str, Any]:
    who = {"id": number, "acct": name, "display_name": shown, "url": f"https://{host}/@{name}", "bot": False}
    base = {"id": number, "created_at": "2020-09-13T12:26:40Z", "in_reply_to_id": None, "content": f"<p>{text}</p>"}
    return base | {"uri": f"https://{host}/users/{name}/statuses/{number}", "account": who, "mentions": []}
