"""Addresses that lead to a person, on every platform: which platform, and who."""

from __future__ import annotations

import re
from typing import NamedTuple

_REST = r"[^\s)\]>\"'<]*"
_BLOGS = (".tumblr.com", ".livejournal.com", ".wordpress.com", ".substack.com", ".blogspot.")  # whose host is a person
HINTS = (  # in small letters: a text without any of these holds no such address
    *("://", ".com/", ".me/", ".tv/", ".net/", ".gg/", ".app/", ".org/", ".be/", ".ee/", ".ru/", ".social/", ".fm/"),
    *(".io/", "nitter."),
    *_BLOGS,
)
_HOST = r"(?:https?://)?(?<![\w.\-@])(?:[\w\-]+\.)*"
_SITES = (
    r"(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|linkedin|youtube|youtu|tumblr|onlyfans|twitch|threads|medium"
    r"|telegram|t|patreon|paypal|venmo|discord|discordapp|cash|ko-fi|linktr|pinterest|flickr|soundcloud|spotify|steamcommunity"
    r"|github|gitlab|vk|weibo|quora|wattpad|deviantart|myspace|kik|wa|whatsapp|signal|fetlife|gofundme|bsky"
    r"|stackoverflow|stackexchange|superuser|serverfault|askubuntu|mathoverflow)"
    r"\.(?:com|me|tv|net|gg|app|org|be|ee|ru|social|group)"
)
_SITE = rf"(?:{_SITES}|about\.me|ask\.fm|nitter(?:\.[\w\-]+){{1,3}}|pushshift\.io)"
SOCIAL = re.compile(rf"{_HOST}{_SITE}/{_REST}", re.I)
_PROFILE = re.compile(  # with nothing behind the name; addresses of invitations, videos and questions look alike
    rf"{_HOST}(?!youtu\.be|discord\.gg|quora\.com/[^/]+$){_SITE}"
    r"/(?:(?:in|add|people|users?|u|c|f|id|photos|profile|channel)/)?[@$~]?([\w.\-%]+)/?(?:[?#].*)?$",
    re.I,
)
_FEDIVERSE = re.compile(rf"https?://([\w.\-]+)/(?:@|users/)([\w.\-]+){_REST}", re.I)
_BLOG = re.compile(
    r"(?:https?://)?(?<![\w.\-@])(?:[\w\-]+\.)+(?<!www\.)"
    r"(?:(?:tumblr|livejournal|wordpress|substack)\.com|blogspot\.[a-z]{2,3}(?:\.[a-z]{2})?)"
    rf"(?![\w\-])(?:/{_REST})?",
    re.I,
)
_BLANK = re.compile(r"[ \n]")
_PART = re.compile("/|" + "|".join(map(re.escape, _BLOGS)), re.I)  # of every such address
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
    profile.php playlist results shorts feed
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


def leads_to_person(address: str) -> bool:
    """Return whether an address is a person's page, of whoever it is: the words of a link to it name that person.

    >>> leads_to_person("linkedin.com/in/ada"), leads_to_person("https://youtube.com/watch?v=1")
    (True, False)
    """
    if person_of(address) or _BLOG.match(address):
        return True
    found = _PROFILE.match(address)
    return found is not None and found[1].lower() not in _NOT_NAMES


def find(text: str) -> list[tuple[int, int]]:
    """Return where addresses of social sites, blogs and the fediverse stand in `text`, in order, none in another."""
    found: list[tuple[int, int]] = []
    part = _PART.search(text)
    while part:
        place = part.start()
        start = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place)) + 1
        blank = _BLANK.search(text, place)
        end = blank.start() if blank else len(text)
        word = text[start:end]
        if "." in word:
            found += [(start + one, start + two) for one, two in _in_word(word)]
        part = _PART.search(text, end)
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
