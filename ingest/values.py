"""Values as dumps write them, to values as the tables hold them; None for what is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

EARLIEST, LATEST = 946_684_800, 4_102_444_800  # 2000, before any of these platforms, to 2100
_LONGEST_TAG = 35  # characters (RFC 5646, 4.4.1)
_LONGEST_TEXT = 2**20  # characters; no platform allows a hundredth of it, and one cell may not fill the memory
_LANGUAGE = re.compile(r"([a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?)(?:-[a-z0-9]{1,8}){0,5}", re.I)
_NO_LANGUAGE = re.compile(r"und|zxx|mul|q[a-t][a-z]", re.I)  # ISO 639's ways to say "none", and X's own qme, qht ...
_FRACTION = re.compile(r"(\.\d{6})\d+")


def string(value: Any) -> str | None:
    """Return a text without NUL characters, lone surrogates and outer blanks; None where nothing is left.

    >>> string(" a\\x00b "), string(3), string(" ")
    ('ab', None, None)
    """
    if not isinstance(value, str):
        return None
    if len(value) > _LONGEST_TEXT:
        value = value[:_LONGEST_TEXT]
    if "\x00" in value:
        value = value.replace("\x00", "")
    value = value.strip()
    return (value if value.isascii() else _without_surrogates(value)) or None


def _without_surrogates(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else.

    >>> mapping({"a": 1}), mapping([1]), mapping(None)
    ({'a': 1}, {}, {})
    """
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """Return a JSON array; an empty one for anything else."""
    return value if isinstance(value, list) else []


def identifier(value: Any) -> str | None:
    """Return an id given as text or as a whole number; a float has lost digits and is none.

    >>> identifier(12), identifier(" a "), identifier(1.5e18), identifier(True)
    ('12', 'a', None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if abs(value) < 10**40 else None
    found = string(value)
    return found if found and len(found) <= 1000 else None


def language(value: Any) -> str | None:
    """Return language, script and region of a tag (BCP 47); None for other words, and for codes that say "none".

    What follows the region is free text, and a client may write anything there.

    >>> language("en"), language("pt_BR"), language("ann-kowalski"), language("und"), language("Ann Lee")
    ('en', 'pt-BR', 'ann', None, None)
    """
    tag = string(value)
    found = _LANGUAGE.fullmatch(tag.replace("_", "-")) if tag and len(tag) <= _LONGEST_TAG else None
    return found[1] if found and not _NO_LANGUAGE.fullmatch(found[1]) else None


def count(value: Any) -> int | None:
    """Return a whole number given as number or text.

    >>> count("4"), count(2.0), count("many"), count(None), count(True)
    (4, 2, None, None, None)
    """
    if type(value) is int and -(2**62) < value < 2**62:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > 40:
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if -(2**62) < number < 2**62 else None


def epoch(value: Any, per_second: float = 1) -> int | None:
    """Return microseconds for a time counted since 1970, as number or text, `per_second` units in a second.

    >>> epoch("1600000000"), epoch(1600000000000, 1e3), epoch(5)
    (1600000000000000, 1600000000000000, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(value) / per_second if isinstance(value, int | float | str) else float("nan")
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1e6) if EARLIEST <= seconds < LATEST else None


def moment(value: Any) -> int | None:
    """Return microseconds for a date and time as text: ISO 8601, RFC 2822, or X's `Wed Oct 10 20:19:24 +0000 2018`.

    A time without a zone counts as UTC. A date alone is no time: it would put a whole day's messages at midnight.

    >>> moment("2020-09-13T12:26:40Z"), moment("Sun Sep 13 12:26:40 +0000 2020")
    (1600000000000000, 1600000000000000)
    """
    if not isinstance(value, str) or not 12 <= len(value := value.strip()) <= 64:
        return None
    found = _iso(value) or _written(value)
    if found is None:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return epoch(found.timestamp())


def when(value: Any) -> int | None:
    """Return microseconds for a time in any way this module knows; a number above 10^11 counts milliseconds.

    >>> when(1600000000) == when("1600000000000") == when("2020-09-13 12:26:40")
    True
    """
    found = epoch(value)
    if found is None:
        found = epoch(value, 1e3)
    return moment(value) if found is None else found


def _iso(value: str) -> datetime | None:
    text = _FRACTION.sub(r"\1", value)
    text = text.removesuffix(" UTC").removesuffix(" GMT")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written(value: str) -> datetime | None:
    try:
        return datetime.strptime(value, "%a %b %d %H:%M:%S %z %Y")  # X v1.1
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
