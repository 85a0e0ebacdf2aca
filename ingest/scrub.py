"""Text without names: handles become pseudonyms; addresses, numbers and links that lead to people become marks."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest import person_links

FORGOTTEN_NAME = "[name]"
_BEFORE_A_NAME = ("u/", "user/", "/u_", "u\\/", "user\\/", "%2f")
_LONGEST_NAME = 3  # words
_SHORTEST_PHONE = 8  # digits
_NAME = r"((?:[A-Za-z0-9_\-]|\\[_\-]){2,})"
_START = r"(?<![^\W_])"  # not inside a word; an underscore is emphasis in Markdown
_SLASH = "(?:/|%2f)"
_REST = r"[^\s)\]>\"']*"
_HOST = r"(?:https?://)?(?<![\w.\-])(?:[\w\-]+\.)*"
_REDDIT = re.compile(rf"{_HOST}reddit\.com/{_REST}", re.I)
_PROFILE = re.compile(rf"/+(?:(?:u|user)(?:/|%2f)+|r/+u_){_NAME}", re.I)
_PERMALINK = re.compile(rf"(?:{_HOST}redd\.it/{_REST})|(?<!\w)/?r/\w+/comments/{_REST}", re.I)
_EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.+%'\-])(?!(?<=\\)[_.+*'\-])"  # starts nowhere inside an address: that would cost squares
    r"('*+)(?:[\w.+%'\-]|\\[_.+*'\-])++\\?@"  # Markdown escapes with backslashes
    r"(?:[\w\-]|\\[_\-])++(?:\\?\.(?:[\w\-]|\\[_\-])++)+"
)
_MENTION = re.compile(rf"(?:\\?{_SLASH}?(?:{_START}|(?<=%2f))u(?:ser)?(?:\\?{_SLASH})+|/?{_START}r/+u_){_NAME}", re.I)
_AT = re.compile(  # other sites allow dots in handles
    rf"{_START}[@\uff20]((?:[\w\-]|\\[_\-]){{2,}}(?:\\?\.(?:[\w\-]|\\[_\-])+)*)"
)
_FEDIVERSE = re.compile(rf"{_START}@([\w.\-]+@(?:[\w\-]+\.)+[\w\-]+)")  # looks like an e-mail address after its first @
_LABEL = re.compile(r"\[([^\[\]\n]{1,200})\](?=\(\s*<?([^\s()<>]{1,500}))")  # Markdown: [label](target
_PHONE = re.compile(
    r"(?<![\w.])(?:\+\d(?:[ ().\-]{0,2}\d){7,13}|(?:1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}[ .\-]?)\d{3}[ .\-]?\d{4})(?!\w)"
)
_GAP = r"[ ()./\-]{0,3}"
_DIALLED_ZERO = re.compile(  # where a zero comes before the area, two before the country; and mobiles of Brazil
    r"(?<![\w.])(?<!\d[,:/\-])(?:\((?=\d{2,6}\)))?(?!\d\d[./ \-]\d\d[./ \-]\d{4}\b)(?:"  # a day of a month is none
    rf"00{_GAP}[1-9](?:{_GAP}\d){{7,12}}|0[1-9](?:{_GAP}\d){{7,9}}|[1-9]\d\)? ?9\d{{4}}[ \-]?\d{{4}}"
    r")(?![\w%]|[./,:\-]\d)"
)
_CUED = re.compile(  # in Spain, Poland, Denmark and elsewhere no zero comes first: only words tell what nine digits are
    r"((?<!\w)(?:call|text|ring|phone|t[eé]l[eé]?(?:ph|f)[oóô]n[aeo]?|t[eé]l|sms|whats ?app|signal|mobile?|cell|handy|tlf|cel"
    r"|m[oó]vil|num(?:er|ero)|n[uú]mero|nummer|number|ll[aá]ma(?:me|nos)?|(?:za)?dzwo[nń]"
    r"|\w*(?:nummer|nr))(?!\w)[^\w\n]{0,4}(?:\w{1,4}[^\w\n]{1,3}){0,3})"
    r"(?<!\w)(?:\d{3}([ .\-]?)\d{3}\2\d{3}|\d{3}([ .\-])\d\d\3\d\d\3\d\d|\d\d([ .\-]?)\d\d\4\d\d\4\d\d)"
    r"(?![\w%]|[./,:\-]\d)",
    re.I,
)
_UNSEEN = (  # Unicode's format characters, which can split a name unseen; U+200D stays, it joins emoji
    "\x00\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_NOTHING_ALONE = "\u034f\u115f\u1160\u200d\u2800\u3164\ufe0e\ufe0f\uffa0"  # they join or vary what stands beside them
_WORDLESS = re.compile(rf"[\s{_NOTHING_ALONE}]*")
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
# One look of RE2's at all texts of a block (its \\W means ASCII): nothing is replaced in a text without any of these.
_SUSPECT = "(?i)" + "|".join(
    (
        rf"^[\s\p{{Z}}\x0b\x1c-\x1f\x{{85}}]*[{_NOTHING_ALONE}]|[{_UNSEEN}@\x{{ff20}}&]|\]\(|reddit\.com/|redd\.it/|/comments/|%2f",
        "|".join(hint.replace(".", r"\.") for hint in person_links.HINTS),
        r"(?:^|[\W_])(?:u|user)\\?/|/u_",
        rf"\p{{Nd}}(?:{_GAP}\p{{Nd}}){{{_SHORTEST_PHONE - 1}}}",
    )
)
_QUOTE = re.compile(r"\s{0,3}(?:>|&gt;|&amp;gt;)(?!!)")


def suspects(texts: pa.Array) -> list[int]:
    """Return the places of those texts in which `Scrubber.scrub` may find something: a few in a hundred.

    >>> suspects(pa.array(["thank you", "thanks, u/ann", None]))
    [1]
    """
    found = pc.match_substring_regex(texts, pattern=_SUSPECT).fill_null(False)
    return [int(i) for i in np.flatnonzero(found.to_numpy(zero_copy_only=False))]


def _like_a_name(label: str) -> bool:
    """Return whether the words of a link to a person may be nothing but another name of that person."""
    words = label.split()
    return len(words) == 1 or (len(words) <= _LONGEST_NAME and all(word[0].isupper() for word in words))


def worded(text: str) -> str | None:
    """Return a scrubbed text without outer blanks; None where nothing is left that can be seen.

    >>> worded(" hi "), worded("\\u200d \\ufe0f")
    ('hi', None)
    """
    return None if _WORDLESS.fullmatch(text) else text.strip()


class Scrubber:
    """Makes text safe for one study and counts what it replaced.

    Args:
        identify: Pseudonym of a raw name on this platform.
        forgotten: Pseudonyms that may not appear either.
        platform: Where the texts are from. Links to people elsewhere become `[link]`: nobody is followed across
            platforms.
    """

    def __init__(
        self, identify: Callable[[str], str], forgotten: frozenset[str] = frozenset(), *, platform: str = "reddit"
    ) -> None:
        self._identify = identify
        self._forgotten = forgotten
        self._platform = platform
        self.names_replaced = 0

    def scrub(self, text: str) -> str:
        """Return `text` with entities decoded and every name, address, number and personal link replaced."""
        text = _INVISIBLE.sub("", text)
        if "&" in text:
            text = _INVISIBLE.sub("", html.unescape(html.unescape(text)))
        if "](" in text:
            text = _LABEL.sub(self._label, text)
        text = self._links(text)
        if "@" in text or "\uff20" in text:
            text = _FEDIVERSE.sub(self._mention, text)
            text = _AT.sub(self._mention, _EMAIL.sub(r"\1[email]", text))
        lower = text.lower()
        if any(mark in lower for mark in _BEFORE_A_NAME):
            text = _MENTION.sub(self._mention, text)
        return _CUED.sub(r"\1[phone]", _PHONE.sub("[phone]", _DIALLED_ZERO.sub("[phone]", text)))

    def _links(self, text: str) -> str:
        lower = text.lower()
        if "reddit.com/" in lower:
            text = _REDDIT.sub(self._reddit_link, text)
        if "redd.it/" in lower or "/comments/" in lower:
            text = _PERMALINK.sub("[link]", text)
        if any(hint in lower for hint in person_links.HINTS):
            text = self._social(text)
        return text

    def _social(self, text: str) -> str:
        parts, place = [], 0
        for start, end in person_links.find(text):
            parts += [text[place:start], self._social_link(text[start:end])]
            place = end
        return "".join((*parts, text[place:])) if parts else text

    def _social_link(self, address: str) -> str:
        person = person_links.person_of(address)
        if person is None or person.platform != self._platform:
            return "[link]"
        return self._named(person.raw)

    def _label(self, match: re.Match[str]) -> str:
        """Clean the words of a link to a person: they are often the bare name, which no other rule can see."""
        label, target = match[1], match[2]
        if person_links.leads_to_person(target):
            return "[link]"
        person = _MENTION.search(target)
        if person is None:
            named = label.casefold().lstrip("@") in target.casefold() and person_links.find(target)
            return "[link]" if named else match[0]
        name, mark = person[1].replace("\\", ""), self._mention(person)
        plain = label.replace("\\", "")
        either = rf"{_MENTION.pattern}|@?{re.escape(name)}"
        words = re.sub(either, lambda found: self._mention(found) if found[1] else mark, plain, flags=re.I)
        return f"[{mark if words == plain and _like_a_name(plain) else words}]"

    def _reddit_link(self, match: re.Match[str]) -> str:
        profile = _PROFILE.search(match[0])
        return self._mention(profile) if profile else "[link]"

    def _mention(self, match: re.Match[str]) -> str:
        return self._named(match[1].replace("\\", ""))

    def _named(self, raw: str) -> str:
        self.names_replaced += 1
        name = self._identify(raw)
        return FORGOTTEN_NAME if name in self._forgotten else name


def strip_quotes(text: str) -> str:
    """Return `text` without the lines that quote somebody else (`>` in Markdown, also as an entity).

    >>> strip_quotes("> you said\\nI think")
    'I think'
    """
    if ">" not in text and "&" not in text:
        return text
    return "\n".join(line for line in text.split("\n") if not _QUOTE.match(line)).strip()
