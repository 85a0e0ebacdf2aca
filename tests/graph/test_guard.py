"""The guard by itself: what it lets through, what it refuses, and that hiding does not help."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copenet.foundation.errors import CopenetError, RefusedError, UsageError
from graph.guard import MAX_QUERY_CHARACTERS, READING_PROCEDURES, WRITING_WORDS, check, check_parameters
from graph.saved_queries import SAVED_QUERIES

READING = [
    "MATCH (n) RETURN n",
    "match (n) return n;",
    "OPTIONAL MATCH (u:User) RETURN u",
    "WITH 1 AS x RETURN x",
    "UNWIND [1, 2] AS x RETURN x",
    "RETURN 1.5e3 AS x",
    "EXPLAIN MATCH (n) RETURN n",
    "CALL db.labels() YIELD label RETURN label",
    "CALL db.labels",
    "CALL show_tables() RETURN *",
    "MATCH (u:User) CALL (u) { MATCH (u)-[:WROTE]->(m) RETURN count(m) AS n } RETURN u.id, n",
    "MATCH (u:User) CALL { WITH u RETURN 1 AS one } RETURN one",
    "MATCH (n) WHERE n.set = 1 AND n.delete IS NULL RETURN n.create AS x",
    "MATCH (n:Set)-[:CREATE]->(m:`DETACH DELETE`) RETURN n",
    "MATCH (n) WHERE n.x = $set RETURN [n.y, n.z][0..1]",
    "MATCH (n) RETURN 'SET' + \"DELETE \\\" CREATE\" + '\\' MERGE'",
    "MATCH (n) /* CREATE ; */ RETURN n // DELETE ;\n",
    "MATCH (offset:User) RETURN offset.n_messages AS settings, 1 AS created",
    "MATCH p = (a)-[:REPLIES_TO*1..3]->(b) RETURN p",
    "MATCH (n) RETURN CASE WHEN n.x THEN 1 ELSE 2 END AS y UNION ALL RETURN 1 AS y",
    "MATCH (über:User) RETURN über.id AS größe",
]


@pytest.mark.parametrize("cypher", READING)
def test_reading_passes(cypher: str) -> None:
    assert check(cypher).cypher


@pytest.mark.parametrize("name", SAVED_QUERIES)
def test_saved_queries_pass_and_declare_their_parameters(name: str) -> None:
    saved = SAVED_QUERIES[name]
    for kind in ("ladybug", "neo4j"):
        assert check(saved.cypher_for(kind)).parameters == set(saved.parameters)
    assert set(saved.defaults) <= set(saved.parameters)
    assert saved.title


HIDDEN = [
    "UNWIND [1] AS x WITH x WHERE x > 0LOAD FROM 'rows.csv' RETURN *",
    "MATCH (n) RETURN n LIMIT 1CALL show_functions() RETURN *",
    "MATCH (n) WHERE n.x > 1SET n.x = 2",
    "MATCH (n) WHERE n.x > 1.5e3SET n.x = 2",
    "MATCH (n) WHERE 1. SET n.x = 2",
    "MATCH (n) WHERE n.x > 1.SET n.x = 2",
    "MATCH (n) WITH n, [1..SET] AS x RETURN x",
    "MATCH (n)\u00a0SET n.x = 1",
    "MATCH (n) \x1f SET n.x = 1",
    "MATCH (n) ſET n.x = 1",
    "MATCH (n) WITH n // \r SET n.x = 1",
    "MATCH (n) WITH n // \u2028 SET n.x = 1 \nSET n.x = 2",
    "MATCH (n) WHERE n.x = 'a\\\\' SET n.x = ''",
    "MATCH (n) WHERE n.`a``b` = 1 SET n.x = 1",
    'MATCH (n) WHERE n.x = "\'" SET n.x = "\'"',
    "MATCH (n) RETURN n /**/;/**/ CREATE (m)",
    "MATCH (n) CALL (n) {\nSET n.x = 1\n}",
    "MATCH (n) WHERE exists { CREATE (m) } RETURN n",
    "CALL `db`.`createLabel`('x')",
    "CALL db . createLabel ( 'x' )",
    "CALL db.labels.evil()",
    "CALL /* db.labels */ apoc.load.json('http://127.0.0.1')",
    "MATCH (n) CALL apoc.create.node([], {}) YIELD node RETURN node",
    "RETURN 1 AS x UNION CREATE (n) RETURN 1 AS x",
    "MATCH (n) RETURN '\\U0027 SET'",
    "EXPLAIN EXPLAIN RETURN 1",
    "MATCH (n), SET n.x = 1",
    "MATCH (n) WITH n, CREATE (m)",
]


@pytest.mark.parametrize("cypher", HIDDEN)
def test_hiding_does_not_help(cypher: str) -> None:
    with pytest.raises(RefusedError):
        check(cypher)


@pytest.mark.parametrize("word", sorted(WRITING_WORDS))
def test_every_writing_word_is_refused_wherever_a_clause_can_stand(word: str) -> None:
    for text in (f"{word} (n)", f"MATCH (n) {word.lower()} n.x = 1", f"MATCH (n) WITH n {word.title()} (m) RETURN n"):
        with pytest.raises(RefusedError):
            check(text)
    assert check(f"MATCH (n:{word}) WHERE n.{word} = '{word}' /* {word} */ RETURN n.`{word}`")


@pytest.mark.parametrize("cypher", ["", "   ", ";", "// nothing", "/* nothing */", "EXPLAIN"])
def test_nothing_is_not_a_query(cypher: str) -> None:
    with pytest.raises((UsageError, RefusedError)):
        check(cypher)


@pytest.mark.parametrize("cypher", ["RETURN 'open", 'RETURN "open', "RETURN `open", "RETURN 1 /* open", "RETURN 1 → 2"])
def test_what_does_not_end_and_odd_characters(cypher: str) -> None:
    with pytest.raises(UsageError):
        check(cypher)


def test_a_query_has_a_longest_length() -> None:
    with pytest.raises(UsageError, match="too long"):
        check("RETURN 1" + " " * MAX_QUERY_CHARACTERS)


def test_comments_are_taken_out_and_strings_kept() -> None:
    checked = check("RETURN 'a // b /* c */' AS x // gone\n, 1/**/AS y")
    assert checked.cypher == "RETURN 'a // b /* c */' AS x  \n, 1 AS y"


def test_parameters_are_found_where_they_are_and_nowhere_else() -> None:
    checked = check("MATCH (n {id: $a}) WHERE n.x IN $`b c` AND n.y = '$d' /* $e */ RETURN n.`$f`, $a")
    assert checked.parameters == {"a", "b c"}


def test_parameters_that_do_not_fit() -> None:
    check_parameters(frozenset({"a"}), {"a": None})
    with pytest.raises(UsageError, match=r"needs \$a, \$b") as caught:
        check_parameters(frozenset({"b", "a"}), {})
    assert "--param a=VALUE" in caught.value.remedy
    with pytest.raises(UsageError, match=r"no parameter \$c\.$"):
        check_parameters(frozenset(), {"c": 1})


PIECES = st.sampled_from(
    [
        "'",
        '"',
        "`",
        "\\",
        "//",
        "/*",
        "*/",
        "\n",
        "\r",
        " ",
        "SET n.x=1",
        "MATCH (n)",
        "RETURN n",
        ";",
        "$p",
        ".",
        ":",
        "1",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_passes_never_holds_a_writing_word_outside_quotes(text: str) -> None:
    """An independent reading of the text that goes to the store: strip quotes character by character, then look."""
    try:
        cypher = check(text).cypher
    except CopenetError:
        return
    bare, quote, skip = [], "", False
    for character in cypher:
        if skip:
            skip = False
        elif quote:
            skip = character == "\\" and quote != "`"
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        else:
            bare.append(character)
    assert quote == ""
    words = "".join(bare)
    assert "//" not in words.replace("1//", "//")
    assert "/*" not in words
    for position in (i for i in range(len(words)) if words.startswith("SET", i)):
        run = re.search(r"\w*$", words[:position])
        inside_a_word = run is not None and run[0] != "" and not run[0][0].isdigit()
        assert words[:position].rstrip()[-1:] in (".", ":") or inside_a_word


def fault_of(query: str) -> CopenetError | None:
    try:
        check(query)
    except CopenetError as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_text_is_answered_with_a_typed_error_or_passes(text: str) -> None:
    for query in (text, f"MATCH (n) {text} RETURN n", f"MATCH (n) WHERE n.x = '{text}' RETURN n"):
        fault = fault_of(query)
        assert fault is None or fault.remedy
        assert fault is None or len(text) < 6 or text not in str(fault)


def test_procedures_are_listed_in_lower_case() -> None:
    assert all(name == name.lower() for name in READING_PROCEDURES)


@pytest.mark.parametrize("number", ["1", "0", "1.5", "1e3", "1.5e3", "1e-3", "0x1f", "1..2", "1E+2"])
def test_numbers_may_be_written_in_every_way(number: str) -> None:
    assert check(f"MATCH (n)-[:REPLIED_TO*{number}]->() RETURN n" if ".." in number else f"RETURN {number} AS x")
