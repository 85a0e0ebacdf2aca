"""What may be asked of a store: reading queries only, with every value passed as a parameter.

The community edition of Neo4j has no roles and a read-only ladybug still exports files, so the text of a query is
checked before any store sees it. The check reads tokens, not text: a writing word inside a string, a comment or
backticks is harmless; anywhere else it is refused unless it plainly is a name (`n.set`, `:Set`, `$set`). Comments are
taken out, so that no store can disagree about where one ends, and `\\u` escapes are refused, because Neo4j replaces
them before it reads the query.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from copenet.foundation.errors import RefusedError, UsageError

MAX_QUERY_CHARACTERS = 100_000
FIRST_WORDS = frozenset({"MATCH", "OPTIONAL", "WITH", "UNWIND", "RETURN", "CALL"})
# Clauses that write, leave the store or change it, wherever they stand.
_WRITING = """
ALTER ATTACH BEGIN CHECKPOINT COMMIT COPY CREATE DEALLOCATE DELETE DENY DETACH DROP EXPORT FOREACH GRANT IMPORT INSERT
INSTALL LOAD MERGE REALLOCATE REMOVE RENAME REVOKE ROLLBACK SET TERMINATE TRANSACTIONS UNINSTALL USE
"""
_READING = """
db.labels db.relationshiptypes db.propertykeys db.schema.visualization db.schema.nodetypeproperties
db.schema.reltypeproperties dbms.components show_tables table_info db_version
"""
WRITING_WORDS = frozenset(_WRITING.split())
READING_PROCEDURES = frozenset(_READING.split())
_READ_INSTEAD = "Start with MATCH, WITH, UNWIND or RETURN; the tables are the place to change data, then build again."
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>//[^\r\n]*|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<parameter>\$(?:`(?:[^`]|``)*`|\w+))
  | (?P<number>\d\w*(?:\.\d\w*)?)
  | (?P<word>\w+)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|0o[0-7]+|\d+)(?:\.\d+)?(?:[eE]\d*)?|\d+\.")


@dataclass(frozen=True, slots=True)
class Checked:
    """A reading query: its text without comments, and the parameters it names."""

    cypher: str
    parameters: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def is_word(self) -> bool:
        return self.kind == "word"


def check(cypher: str) -> Checked:
    """Return `cypher` ready to run, or raise.

    Raises:
        RefusedError: It could write, call a procedure that is not known to read, touch a file, or hide either.
        UsageError: It is empty, too long, or does not end what it opens.

    >>> check("MATCH (u:User {id: $person}) RETURN u.n_messages // one person").parameters
    frozenset({'person'})
    """
    if len(cypher) > MAX_QUERY_CHARACTERS:
        raise UsageError("The query is too long.", remedy="Pass long lists as a parameter: WHERE u.id IN $people.")
    if not is_unicode(cypher):
        raise UsageError("The query is not valid Unicode.", remedy="Write it again, without the broken characters.")
    if "\\u" in cypher.lower():
        raise RefusedError(
            "The query holds a \\u escape, which could hide a writing clause.",
            remedy="Write the character itself, or pass it as a parameter.",
        )
    tokens = list(_tokens(cypher))
    meaningful = [token for token in tokens if token.kind not in ("space", "comment")]
    meaningful = _without_last_semicolon(meaningful)
    _check_first(meaningful)
    for position in range(len(meaningful)):
        _check_token(meaningful, position)
    text = "".join(" " if token.kind == "comment" else token.text for token in tokens).strip().rstrip(";").rstrip()
    return Checked(text, frozenset(_parameter(token.text) for token in tokens if token.kind == "parameter"))


def split(text: str) -> list[str]:
    """Return the statements of `text` that a semicolon ends, then what follows the last; comments alone are dropped.

    A semicolon in a string or in a comment ends nothing, and neither does one behind a quotation that is still open.

    >>> split("RETURN ';'; // one; two\\nRETURN 2")
    ["RETURN ';';", 'RETURN 2']
    """
    parts, meaningful, opened = [""], False, False
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup, match.group()
        opened = opened or (kind == "mark" and (found in "'\"`" or text.startswith("/*", match.start())))
        meaningful = meaningful or kind not in ("space", "comment")
        parts[-1] += found if meaningful else ""
        if found == ";" and not opened:
            parts.append("")
            meaningful = False
    return parts


def is_unicode(text: str) -> bool:
    """Return whether `text` can be written as UTF-8; half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_parameters(wanted: frozenset[str], given: Mapping[str, Any]) -> None:
    """Raise UsageError when a parameter of the query has no value, or a value belongs to no parameter."""
    missing = sorted(wanted - given.keys())
    if missing:
        names = ", ".join(f"${name}" for name in missing)
        raise UsageError(f"The query needs {names}.", remedy=f"Pass for example --param {missing[0]}=VALUE.")
    unused = sorted(given.keys() - wanted)
    if unused:
        near = difflib.get_close_matches(unused[0], wanted, 1)
        hint = f" Did you mean ${near[0]}?" if near else ""
        raise UsageError(
            f"The query has no parameter ${unused[0]}.{hint}", remedy="Write it into the query, or leave it out."
        )


def _tokens(cypher: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(cypher):
        kind = str(match.lastgroup)
        if kind == "mark" and match.group() in "'\"`":
            raise UsageError("A quotation in the query does not end.", remedy="Close the quote, or use a parameter.")
        if kind == "mark" and cypher.startswith("/*", match.start()):
            raise UsageError("A comment in the query does not end.", remedy="Close it with */.")
        if kind == "number" and not _NUMBER.fullmatch(match.group()):
            # ladybug ends the number where the letters begin: `1LOAD FROM` would read any file.
            raise RefusedError("A number in the query runs into a word.", remedy="Put a space after the number.")
        if kind == "mark" and not ("!" <= match.group() <= "~"):
            raise UsageError(
                "The query holds a special character outside a string.", remedy="Keep such characters in parameters."
            )
        yield _Token(kind, match.group())


def _without_last_semicolon(tokens: list[_Token]) -> list[_Token]:
    return tokens[:-1] if tokens and tokens[-1].text == ";" else tokens


def _check_first(tokens: list[_Token]) -> None:
    if not tokens:
        raise UsageError("The query is empty.", remedy="Try: MATCH (u:User) RETURN count(u)")
    explained = tokens[0].text.upper() == "EXPLAIN" and len(tokens) > 1
    first = tokens[1] if explained else tokens[0]
    if not first.is_word or first.text.upper() not in FIRST_WORDS:
        _refuse("A query cannot start like this; it is read-only here.")


def _check_token(tokens: list[_Token], position: int) -> None:
    token = tokens[position]
    if token.text == ";":
        _refuse("One query at a time: it holds a semicolon.")
    if not token.is_word or _is_name(tokens, position):
        return
    word = token.text.upper()
    if word in WRITING_WORDS:
        _refuse(f"The query holds {word}, which could write or leave the store; it is read-only here.")
    if word == "CALL":
        _check_call(tokens, position + 1)


def _is_name(tokens: list[_Token], position: int) -> bool:
    """Return whether the word at `position` can only be a name: a property after a name, or a label after a colon."""
    if position < 2:
        return False
    before, mark = tokens[position - 2], tokens[position - 1]
    follows_name = before.kind in ("word", "quoted", "parameter") or before.text in (")", "]", "}")
    if mark.text == ".":
        return follows_name
    return mark.text == ":" and (before.kind in ("word", "quoted") or before.text in ("(", "[", ")"))


def _check_call(tokens: list[_Token], start: int) -> None:
    """Allow subqueries, whose words are checked like all others, and procedures known to read."""
    if start < len(tokens) and tokens[start].text in ("{", "("):
        return
    name = ""
    for token in tokens[start:]:
        if not (token.is_word or token.kind == "quoted" or token.text == "."):
            break
        if name and not name.endswith(".") and token.text != ".":
            break
        name += token.text.strip("`")
    if name.lower() not in READING_PROCEDURES:
        _refuse("The query calls a procedure that is not known to read only.")


def _parameter(text: str) -> str:
    name = text[1:]
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _refuse(message: str) -> None:
    raise RefusedError(message, remedy=_READ_INSTEAD)
