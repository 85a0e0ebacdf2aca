"""Rows of XML, one per line, as Stack Exchange publishes them. No document type, entity or schema is ever looked at."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree


def is_row(line: bytes) -> bool:
    """Return whether a line is one element; other lines open and close the document."""
    return line[1:2].isalpha() and line.endswith(b"/>")


def parse_row(line: bytes) -> dict[str, Any] | None:
    """Return the attributes of a row and its element's name as `#tag`; None where it is no valid XML.

    >>> parse_row(b'<row Id="1" Body="&lt;p&gt;" />')
    {'Id': '1', 'Body': '<p>', '#tag': 'row'}
    """
    try:
        element = ElementTree.fromstring(line)  # noqa: S314 - a line by itself can declare no entities
    except (ElementTree.ParseError, ValueError):
        return None
    return dict(element.attrib) | {"#tag": element.tag}
