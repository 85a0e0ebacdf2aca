"""Addresses that lead to a person, on every platform: which platform, and who."""

from __future__ import annotations

import re
from typing import NamedTuple

_REST = r"[^\s)\]>\"'<]*"
_HOST = r"(?:https?://)?(?<![\w.\-@])(?:[\w\-]+\.)*"
_SITES = (
    r"(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|linkedin|youtube|youtu|tumblr|onlyfans|twitch|threads|medium"
    r"|telegram|t|patreon|paypal|venmo|discord|discordapp|cash|ko-fi|linktr|pinterest|flickr|soundcloud|spotify|steamcommunity"
    r"|github|gitlab|vk|weibo|quora|wattpad|deviantart|myspace|kik|wa|whatsapp|signal|fetlife|gofundme|bsky"
    r"|stackoverflow|stackexchange|superuser|serverfault|askubuntu|mathoverflow)"
    r"\.(?:com|me|tv|net|gg|app|org|be|ee|ru|social|group)"
)
SOCIAL = re.compile(rf"{_HOST}{_SITES}/{_REST}", re.I)
_FEDIVERSE = re.compile(rf"https?://([\w.\-]+)/(?:@|users/)([\w.\-]+){_REST}", re.I)
_BLOG = re.compile(
    r"(?:https?://)?(?<![\w.\-@])[\w\-]+\.(?:tumblr|livejournal|wordpress|blogspot)\.com(?:/[^\s)\]>\"'<]*)?", re.I
)
_BLANK = re.compile(r"[ \n]")
_PEOPLE = (
    ("x", re.compile(r"(?:twitter|\bx)\.com/(?:#!/|@)?(\w{1,30})(?=$|[/?#])", re.I)),
    ("x", re.compile(r"(?:twitter|\bx)\.com/i/user/(\d+)", re.I)),
    ("bluesky", re.compile(r"bsky\.app/profile/([\w.:\-]+)", re.I)),
    ("telegram", re.compile(r"\b(?:t|telegram)\.me/(\w{4,40})(?=$|[/?#])", re.I)),
    ("youtube", re.compile(r"youtube\.com/@([\w.\-]+)", re.I)),
    ("youtube", re.compile(r"youtube\.com/channel/([\w\-]+)", re.I)),
    ("facebook", re.compile(r"(?:facebook|fb)\.com/(?:profile\.php\?id=)?([\w.]+)(?=$|[/?#&])", re.I)),
    ("stackexchange", re.compile(r"/users/(\d+)(?:/|$)", re.I)),
)
_NOT_NAMES = frozenset(
    """
    i home search hashtag explore settings intent share login status groups watch events marketplace pages
    people photo photos posts permalink.php story.php sharer sharer.php dialog s joinchat addstickers
    profile.php
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
_NUMBERED = {"x", "youtube", "facebook", "stackexchange"}


class Person(NamedTuple):
    """Whom an address leads to: `raw` is what a message of that platform would name them by."""

    platform: str
    raw: str


def person_of(address: str) -> Person | None:
    """Return the person an address leads to, None where it leads elsewhere.

    >>> person_of("https://bsky.app/profile/ada.example.org")
    Person(platform='bluesky', raw='ada.example.org')
    """
    for platform, pattern in _PEOPLE:
        found = pattern.search(address)
        if found and found[1].lower() not in _NOT_NAMES:
            stable = platform in _NUMBERED and (found[1].isdigit() or "/channel/" in address)
            return Person(platform, f"id:{found[1]}" if stable else found[1])
    found = _FEDIVERSE.match(address)
    return Person("mastodon", f"{found[2]}@{found[1]}".lower()) if found else None


def find(text: str) -> list[tuple[int, int]]:
    """Return where addresses of social sites, blogs and the fediverse stand in `text`, in order, none in another."""
    found: list[tuple[int, int]] = []
    place = text.find("/")
    while place >= 0:
        start = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place)) + 1
        blank = _BLANK.search(text, place)
        end = blank.start() if blank else len(text)
        word = text[start:end]
        if "." in word:
            found += [(start + one, start + two) for one, two in _in_word(word)]
        place = text.find("/", end)
    return found


def _in_word(word: str) -> list[tuple[int, int]]:
    spans = sorted(m.span() for pattern in (SOCIAL, _FEDIVERSE, _BLOG) for m in pattern.finditer(word))
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
        elif end > apart[-1][1]:
            apart[-1] = (apart[-1][0], end)
    return apart
