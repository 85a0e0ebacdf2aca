"""What of a message is read: the author's own words, without the passages quoted from others.

A quoted passage is somebody else's behaviour. Read as the quoter's own it would look like contagion
(TeBlunthuis et al. 2024 on shared misclassification), so it never reaches an embedding, a cue phrase or a label.
Neither does a pseudonym: who is mentioned says who the writer's peers are, and another key would make other words.
"""

from __future__ import annotations

import re

from ingest.scrub import FORGOTTEN_NAME, strip_quotes

_LINK = re.compile(r"\[([^\]\n]{0,200})\]\([^)\s]*\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_NAME = re.compile(rf"@?\b[a-z0-9_]+:u_[0-9a-f]{{16}}\b|{re.escape(FORGOTTEN_NAME)}")
_SPACE = re.compile(r"\s+")


def own_words(text: str) -> str:
    """Return `text` without quoted lines, addresses and Markdown link targets, names alike, and with single spaces.

    >>> from gnn.reading import own_words
    >>> own_words("> it was hard\\n\\nI see  it differently now, see https://example.org")
    'I see it differently now, see'
    >>> own_words("as reddit:u_0123456789abcdef said")
    'as somebody said'
    """
    text = _LINK.sub(r"\1", strip_quotes(text))
    text = _NAME.sub("somebody", _ADDRESS.sub(" ", text))
    return _SPACE.sub(" ", text).strip()
