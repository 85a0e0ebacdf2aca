"""Text without names: handles become pseudonyms; addresses, numbers and links that lead to people become marks."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

FORGOTTEN_NAME = "[name]"
_NAME = r"((?:[A-Za-z0-9_\-]|\\[_\-]){2,})"
_START = r"(?<![^\W_])"  # not inside a word; an underscore is emphasis in Markdown
_SLASH = "(?:/|%2f)"
_REST = r"[^\s)\]>\"']*"
_HOST = r"(?:https?://)?(?<![\w.\-])(?:[\w\-]+\.)*"
_REDDIT = re.compile(rf"{_HOST}reddit\.com/{_REST}", re.I)
_PROFILE = re.compile(rf"/+(?:(?:u|user)(?:/|%2f)+|r/+u_){_NAME}", re.I)
_PERMALINK = re.compile(rf"(?:{_HOST}redd\.it/{_REST})|(?<!\w)/?r/\w+/comments/{_REST}", re.I)
_SOCIAL = re.compile(
    rf"{_HOST}(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|linkedin|t|youtube|tumblr|onlyfans|twitch)"
    rf"\.(?:com|me|tv)/{_REST}",
    re.I,
)
_EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.+%'\-])(?!(?<=\\)[_.+*'\-])"  # starts nowhere inside an address: that would cost squares
    r"('*+)(?:[\w.+%'\-]|\\[_.+*'\-])++\\?@"  # Markdown escapes with backslashes
    r"(?:[\w\-]|\\[_\-])++(?:\\?\.(?:[\w\-]|\\[_\-])++)+"
)
_MENTION = re.compile(rf"(?:{_SLASH}?(?:{_START}|(?<=%2f))u(?:ser)?{_SLASH}+|/?{_START}r/+u_){_NAME}", re.I)
_AT = re.compile(  # other sites allow dots in handles
    rf"{_START}[@\uff20]((?:[\w\-]|\\[_\-]){{2,}}(?:\\?\.(?:[\w\-]|\\[_\-])+)*)"
)
_LABEL = re.compile(r"\[([^\[\]\n]{1,200})\](?=\(\s*<?([^\s()<>]{1,500}))")  # Markdown: [label](target
_PHONE = re.compile(
    r"(?<![\w.])(?:\+\d(?:[ ().\-]{0,2}\d){7,13}|(?:1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}[ .\-]?)\d{3}[ .\-]?\d{4})(?!\w)"
)
_DIGITS = re.compile(r"\d{3}|\+\d")  # far cheaper than _PHONE, and every number it finds has one
_INVISIBLE = re.compile(  # Unicode's format characters, which can split a name unseen; U+200D stays, it joins emoji
    "[\x00\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
_QUOTE = re.compile(r"\s{0,3}(?:>|&gt;|&amp;gt;)(?!!)")


class Scrubber:
    """Makes text safe for one study and counts what it replaced.

    Args:
        identify: Pseudonym of a raw name.
        forgotten: Pseudonyms that may not appear either.
    """

    def __init__(self, identify: Callable[[str], str], forgotten: frozenset[str] = frozenset()) -> None:
        self._identify = identify
        self._forgotten = forgotten
        self.names_replaced = 0

    def scrub(self, text: str) -> str:
        """Return `text` with entities decoded and every name, address, number and personal link replaced."""
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        if "&" in text:
            text = _INVISIBLE.sub("", html.unescape(html.unescape(text)))
        if "](" in text:
            text = _LABEL.sub(self._label, text)
        text = self._links(text)
        if "@" in text or "\uff20" in text:
            text = _AT.sub(self._mention, _EMAIL.sub(r"\1[email]", text))
        if "/" in text or "%2" in text:
            text = _MENTION.sub(self._mention, text)
        return _PHONE.sub("[phone]", text) if _DIGITS.search(text) else text

    def _links(self, text: str) -> str:
        if "/" not in text:
            return text
        lower = text.lower()
        if "reddit.com/" in lower:
            text = _REDDIT.sub(self._reddit_link, text)
        if "redd.it/" in lower or "/comments/" in lower:
            text = _PERMALINK.sub("[link]", text)
        if ".com/" in lower or ".me/" in lower or ".tv/" in lower:
            text = _SOCIAL.sub("[link]", text)
        return text

    def _label(self, match: re.Match[str]) -> str:
        """Clean the words of a link to a person: they are often the bare name, which no other rule can see."""
        label, target = match[1], match[2]
        person = _MENTION.search(target)
        if person is None:
            named = label.casefold() in target.casefold() and _SOCIAL.match(target)
            return "[link]" if named else match[0]
        name, mark = person[1].replace("\\", ""), self._mention(person)
        plain = label.replace("\\", "")
        either = rf"{_MENTION.pattern}|@?{re.escape(name)}"
        words = re.sub(either, lambda found: self._mention(found) if found[1] else mark, plain, flags=re.I)
        bare = words == plain and len(plain.split()) == 1  # another name for the same person
        return f"[{mark if bare else words}]"

    def _reddit_link(self, match: re.Match[str]) -> str:
        profile = _PROFILE.search(match[0])
        return self._mention(profile) if profile else "[link]"

    def _mention(self, match: re.Match[str]) -> str:
        self.names_replaced += 1
        name = self._identify(match[1].replace("\\", ""))
        return FORGOTTEN_NAME if name in self._forgotten else name


def strip_quotes(text: str) -> str:
    """Return `text` without the lines that quote somebody else (`>` in Markdown, also as an entity).

    >>> strip_quotes("> you said\\nI think")
    'I think'
    """
    if ">" not in text and "&" not in text:
        return text
    return "\n".join(line for line in text.split("\n") if not _QUOTE.match(line)).strip()
