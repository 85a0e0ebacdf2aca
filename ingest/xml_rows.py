"""Rows of XML, as Stack Exchange publishes them. No document type, entity or schema is ever looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from ingest.containers import Break

_ROW = re.compile(rb"row\b")


def rows_of(line: bytes) -> Iterator[dict[str, Any] | None]:
    """Yield the attributes of each row on a line, with its element's name as `#tag`; None for one that is broken.

    A `<` begins a tag wherever it stands: no attribute may hold one. Tags that open and close the document are no rows.

    >>> list(rows_of(b'<posts><row Id="1" Body="&lt;p&gt;" /><row Id="2'))
    [{'Id': '1', 'Body': '<p>', '#tag': 'row'}, None]
    """
    for tag in line.split(b"<")[1:]:
        tag = tag.rstrip()  # noqa: PLW2901 - one name for one tag
        if not tag[:1].isalpha():
            continue
        if tag.endswith(b"/>"):
            yield _parsed(tag)
        elif not tag.endswith(b">"):
            yield None
        elif _ROW.match(tag):
            yield _parsed(tag[:-1] + b"/>")


def _parsed(tag: bytes) -> dict[str, Any] | None:
    try:
        element = ElementTree.fromstring(b"<" + tag)  # noqa: S314 - a tag by itself can declare no entities
    except (ElementTree.ParseError, ValueError):
        return None
    return dict(element.attrib) | {"#tag": element.tag}


def shares_lines(head: bytes) -> bool:
    """Return whether one line holds several rows, as where a whole document is written without line breaks."""
    return any(line.count(b"<row") > 1 for line in head.split(b"\n"))


def one_a_line(pieces: Iterator[bytes | Break]) -> Iterator[bytes | Break]:
    """Yield a document in pieces with every tag on a line of its own."""
    return (piece if isinstance(piece, Break) else piece.replace(b"<", b"\n<") for piece in pieces)
