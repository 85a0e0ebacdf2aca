"""A thousand invented people on ten platforms, and what others write about them in every place a name can stand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from ingest.plain_names import lexicon
from tests.ingest.dumps import T0

HOW_MANY = {  # people by platform
    "reddit": 240,
    "x": 110,
    "mastodon": 110,
    "bluesky": 60,
    "telegram": 90,
    "youtube": 90,
    "stackexchange": 60,
    "facebook": 60,
    "fourcat": 90,
    "table": 90,
}
PLAIN = (  # {n} as its bearer writes it, {l} lower, {u} upper case, {e} as Markdown's editors escape it
    "I think {n} is right about this",
    "as {l} said before",
    "WELL {u} KNOWS",
    "that was {n}'s idea",
    "that was {n}\u2019s idea",
    "*{n}* wrote it, and **{l}** again",
    "he is _{n}_ here",
    "__{n}__ it was",
    "***{n}***",
    "somebody ({n}) said",
    "{n}, you are right",
    "so right, {n}!",
    "is it {n}?",
    "{n}: yes",
    "what about {n}\u2026",
    "so true.{n} knows",
    "ask {n}.They know",
    "ask {n}/the others",
    "ask the others/{n}",
    "bye\n- {n}",
    "bye\n~{n}",
    "bye\n\u2014{n}",
    "> {n} said so\nno",
    ">{n}\nno",
    "{n} wrote:\n> nothing",
    "&gt; as {n} said",
    'the one called "{n}"',
    "the one called \u201c{n}\u201d",
    "the one called &quot;{n}&quot;",
    "`{n}` and <{n}> and ~~{n}~~",
    "[{n}] and {{{n}}}",
    "#{n} rules",
    "I asked {e} twice",
    "I asked *{e}* twice",
    "hi \u200b{n}\u200b there",
    "hi\u00a0{n}\u00a0there",
    "cc:{n};thanks",
    "[quote={n}]no[/quote]",
    "anti-{n} and pro-{l}",
    "\U0001f642{n}\U0001f642",
)
HANDLES = (
    "u/{n} and /u/{l}",
    "U/{u}",
    "user/{n}",
    "*u/{e}*",
    "@{n} and .@{l}",
    "(@{u})",
    "\uff20{n}",
    "@{n}@some.example",
    "@{n}: no",
    "@{n}'s",
    "[{n}](/u/{n})",
    "[my friend](/u/{n})",
    "mail {n}@some.example",
    "r/u_{n}",
    "https://www.reddit.com/user/{n}/comments?x=1",
    "https://old.reddit.com/r/calm/comments/abc/by_{n}/def",
    "https://www.reddit.com%2Fuser%2F{n}",
    "https://x.com/{n}/status/12 and twitter.com/{l}",
    "https://t.me/{n}",
    "https://some.example/@{n} and https://some.example/users/{n}/statuses/1",
    "https://youtube.com/@{n}",
    "https://www.instagram.com/{n}/?hl=en",
    "https://{l}.tumblr.com/post/1",
    "https://github.com/{n}",
    "[{n}](https://instagram.com/{n})",
    "https://letterboxd.example/{n}/",
    "https://some.example/~{n}",
    "https://{l}.some.example/",
    "https://lichess.example/@/{n}",
    "https://ask.example/{n}?x=1",
    "https://some.example/?user={n}&a=b",
    "https://some.example/u/{n}#top",
    "https://some.example/me#{n}",
    "[this page](https://some.example/{n})",
    "[{n}](https://some.example/1)",
)

ABROAD = ("u/{n}", "@{n}", "https://www.reddit.com/user/{n}", "https://x.com/{n}", "[{n}](https://t.me/{n})")


@dataclass(frozen=True)
class Person:
    """One of them: `name` is how others address them, `shown` what the platform shows beside it."""

    number: int
    platform: str
    name: str
    shown: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that may not be found."""
        return (self.name,) if self.shown is None else (self.name, self.shown)


class _Names:
    """Invents names of which none stands in another, nor in anything else that is written here."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._made: list[str] = []
        self._around = "\n".join((*PLAIN, *HANDLES, _WORDS_AROUND)).casefold()

    def make(self, shape: Callable[[random.Random], str]) -> str:
        while True:
            name = shape(self._random)
            key = name.casefold()
            clash = key in self._around or key in lexicon() or any(key in made or made in key for made in self._made)
            if not clash:
                self._made.append(key)
                return name


_WORDS_AROUND = (
    "reddit x: mastodon telegram youtube stackexchange fourcat table u_0123456789abcdef title 2020-09-13t12:26:40z"
)
_ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "t",
    "v",
    "z",
    "br",
    "dr",
    "gr",
    "kl",
    "st",
    "vl",
    "zw",
)
_CODAS = ("k", "l", "lm", "lv", "m", "n", "nd", "r", "rk", "rn", "sk", "x", "z")
_COMMON = (
    "silent",
    "quiet",
    "night",
    "river",
    "otter",
    "happy",
    "purple",
    "stone",
    "winter",
    "lucky",
    "small",
    "green",
)
_FIRST = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas")
_ABROAD = (  # where what is invented goes, and of which letters it is, where not of ours
    ("J\u00fcrgen V\u00e4nd{}l", ""),
    ("Zo\u00eb {}ou\u00e9", ""),
    (
        "\u0410\u043d\u043d\u0430 \u041a\u043e\u0432\u0430\u043b{}\u0447\u0443\u043a",
        "\u0431\u0432\u0433\u0434\u0436\u0437\u043a",
    ),
    ("\u0393\u03b9\u03ce\u03c1\u03b3\u03bf\u03c2 \u03a0{}\u03bf\u03c2", "\u03b2\u03b3\u03b4\u03b6\u03b8\u03ba\u03bb"),
    ("\u0645\u062d\u0645\u062f {}\u064a", "\u062a\u062b\u062c\u062d\u062e\u062f"),
    ("\u0905\u0928\u093f\u0924\u093e {}\u0940", "\u0915\u0916\u0917\u0918\u091a\u091c"),
    ("Stra\u00df{}er", ""),
    ("\u0130nci {}", ""),
    ("Jose\u0301 {}e\u0301z", ""),  # decomposed
    ("{}", "\u7530\u4e2d\u84ee\u53f8\u6797\u68ee\u5c71\u5ddd\u6751\u677e"),
    ("{}", "\u30ab\u30ad\u30af\u30b1\u30b3\u30b5\u30b7"),
    ("{}", "\uae40\uc11c\uc724\uc544\ubc15\uc900\ud638\ubbfc"),
)


def _invented(random: random.Random, syllables: int = 2) -> str:
    return "".join(random.choice(_ONSETS) + random.choice("aeiou") for _ in range(syllables)) + random.choice(_CODAS)


def _case(random: random.Random, word: str) -> str:
    return random.choice((str.lower, str.title, str.lower, str.upper))(word)


def _short(random: random.Random) -> str:
    return random.choice(("q7", "k9", "w4", "j8", "3v", "6q")) + "".join(
        random.choices("jkqvwyz", k=random.choice((1, 2)))
    )


def _abroad(random: random.Random) -> str:
    around, letters = random.choice(_ABROAD)
    return around.format("".join(random.choices(letters, k=4)) if letters else _invented(random))


HANDLE_SHAPES: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"{_case(r, _invented(r))}{r.randrange(10, 9999)}",
    lambda r: f"{_case(r, r.choice(_COMMON))}_{_case(r, _invented(r))}",
    lambda r: f"{r.choice(_COMMON)}_{r.choice(_COMMON)}{r.randrange(100)}",
    lambda r: f"{_case(r, r.choice(_COMMON))}-{_case(r, r.choice(_COMMON))}-{r.randrange(1000)}",
    lambda r: f"{r.choice(_COMMON).title()}{r.choice(_COMMON).title()}{_invented(r, 1).title()}",
    lambda r: _case(r, _invented(r, 3)),
    _short,
    lambda r: f"xX_{_invented(r)}_Xx",
    lambda r: f"_{_invented(r)}_",
    lambda r: f"-{_invented(r).title()}-",
    lambda r: f"{_invented(r).title()}_",
    lambda r: f"the_real_{_invented(r)}_{r.randrange(10)}",
)
DOTTED_SHAPES = (
    lambda r: f"{r.choice(_FIRST).lower()}.{_invented(r)}",
    lambda r: f"{_invented(r)}.{_invented(r)}.{r.randrange(100)}",
    lambda r: f"{r.choice(_COMMON)}.{r.choice(_COMMON)}_{r.randrange(1000)}",
)
X_SHAPES = tuple(s for i, s in enumerate(HANDLE_SHAPES) if i not in (3, 9))  # no hyphens there
SHOWN_SHAPES: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"{r.choice(_FIRST)} {_invented(r).title()}",
    lambda r: f"{_invented(r).title()} {_invented(r).title()}",
    lambda r: f"{r.choice(_FIRST)} {r.choice('BCDFGHKLM')}. {_invented(r).title()}",
    lambda r: f"{r.choice(_FIRST)} {_invented(r, 1).title()}-{_invented(r).title()}",
    lambda r: f"{r.choice(_FIRST).lower()} {_invented(r)}",
    lambda r: f"Mc{_invented(r).title()}{r.randrange(100)}",
    _abroad,
    _abroad,
    lambda r: _invented(r, 3).title(),
)


_SHAPES = {
    "reddit": HANDLE_SHAPES,
    "x": X_SHAPES,
    "mastodon": tuple(s for i, s in enumerate((*X_SHAPES, *DOTTED_SHAPES)) if i not in (6, 7, 8)),
    "bluesky": tuple(HANDLE_SHAPES[i] for i in (0, 3, 4, 5, 6)),
    "telegram": SHOWN_SHAPES,
    "facebook": SHOWN_SHAPES,
    "youtube": (*HANDLE_SHAPES, *DOTTED_SHAPES),
    "stackexchange": SHOWN_SHAPES,
    "fourcat": (*HANDLE_SHAPES, *DOTTED_SHAPES, SHOWN_SHAPES[0]),
    "table": (*HANDLE_SHAPES, *DOTTED_SHAPES),
}
_ALSO_SHOWN = frozenset({"x", "mastodon", "bluesky", "table"})


@cache
def people(seed: int = 4) -> tuple[Person, ...]:
    """Return a thousand people, of every shape of name that each platform allows."""
    names, found = _Names(seed), []
    for platform, n in HOW_MANY.items():
        shapes = _SHAPES[platform]
        for i in range(n):
            shown = names.make(SHOWN_SHAPES[i % len(SHOWN_SHAPES)]) if platform in _ALSO_SHOWN else None
            found.append(Person(len(found) + 1, platform, names.make(shapes[i % len(shapes)]), shown))
    return tuple(found)


def about(person: Person, elsewhere: Person, per_text: int) -> Iterator[str]:
    """Yield texts that name a person in every place, one place to a paragraph, and one of another platform by links."""
    said = [_filled(place, name) for name in person.names for place in PLAIN]
    for name in person.names:
        said += [_filled(place, name) for place in HANDLES] if " " not in name else [_filled("@{n} no", name)]
    said += [_filled(place, elsewhere.name) for place in ABROAD if " " not in elsewhere.name]
    for i in range(0, len(said), per_text):
        yield "\n\n".join(said[i : i + per_text])


def _filled(place: str, name: str) -> str:
    escaped = name.replace("_", "\\_").replace("-", "\\-").replace(".", "\\.")
    return place.format(n=name, l=name.lower(), u=name.upper(), e=escaped)


@dataclass(frozen=True)
class Said:
    """One message: who wrote it, whom it is about (and answers), and what it says."""

    number: int
    by: Person
    to: Person | None
    text: str

    @property
    def at(self) -> int:
        return T0 + self.number

    @property
    def iso(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def said(platform: str) -> list[Said]:
    """Return a message by each person, and then all that the others write about each."""
    here = [person for person in people() if person.platform == platform]
    there = [person for person in people() if person.platform != platform]
    found = [Said(person.number, person, None, "how are you all") for person in here]
    number = 10_000
    for i, person in enumerate(here):
        alone = 1 if person.number % 10 == 0 else 9  # places to a text: one that is found may betray the others
        for k, text in enumerate(about(person, there[i], alone)):
            found.append(Said(number, here[(i + k + 1) % len(here)], person, text))
            number += 1
    return found
