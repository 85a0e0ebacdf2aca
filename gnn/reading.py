"""What of a message is read: the author's own words, without the passages quoted from others.

A quoted passage is somebody else's behaviour. Read as the quoter's own it would look like contagion
(TeBlunthuis et al. 2024 on shared misclassification), so it never reaches an embedding, a cue phrase or a label.
"""

from __future__ import annotations

import re

from ingest.scrub import strip_quotes

_LINK = re.compile(r"\[([^\]\n]{0,200})\]\([^)\s]*\)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_SPACE = re.compile(r"\s+")


def own_words(text: str) -> str:
    """Return `text` without quoted lines, addresses and Markdown link targets, and with single spaces.

    >>> from gnn.reading import own_words
    >>> own_words("> it was hard\\n\\nI see  it differently now, see https://example.org")
    'I see it differently now, see'
    """
    text = _LINK.sub(r"\1", strip_quotes(text))
    text = _ADDRESS.sub(" ", text)
    return _SPACE.sub(" ", text).strip()
