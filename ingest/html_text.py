"""HTML of posts to plain text: paragraphs and line breaks become lines, quotes are marked, tags go."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINES = frozenset({"p", "div", "br", "li", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "blockquote"})
_TAG = re.compile(r"<[^<>]*>")
_HIDDEN = frozenset({"script", "style"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._quotes = 0
        self._targets: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        if tag in _LINES:
            self._newline()
        if tag == "blockquote":
            self._quotes += 1
        if tag == "a":
            self._targets.append(_person(dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        if tag in _LINES:
            self._newline()
        if tag == "a" and self._targets and (target := self._targets.pop()):
            self.parts.append(target)

    def handle_data(self, data: str) -> None:
        if self._hidden or (self._targets and self._targets[-1]):
            return  # the words of a link to a person are a name: the address stands for them, and is scrubbed
        if self._quotes and (not self.parts or self.parts[-1] == "\n"):
            self.parts.append("> ")
        self.parts.append(data)

    def _newline(self) -> None:
        if self.parts and self.parts[-1] != "\n":
            self.parts.append("\n")


def _person(attributes: dict[str, str | None]) -> str | None:
    """Return the address behind a link that mentions somebody, as Mastodon and Stack Exchange mark it."""
    classes, target = (attributes.get("class") or "").split(), attributes.get("href") or ""
    if "mention" in classes and "hashtag" not in classes:
        return target
    return target if "/users/" in target or "/@" in target else None


def plain(html: str) -> str:
    """Return the text of an HTML fragment; whatever is no HTML stays as it is.

    >>> plain("<p>one<br>two &amp; three</p><blockquote>said</blockquote>")
    'one\\ntwo & three\\n> said'
    """
    if "<" not in html and "&" not in html:
        return html
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # Python's parser gives up on some broken declarations, such as <![x[
        return _TAG.sub(" ", html).strip()
    return "".join(reader.parts).strip()
