"""What every dump of X (Twitter) shares: names of people, ids, languages, and posts that were edited.

An edit makes a new id on X. All versions of a post are one message here: its id is the first version's, its text the
latest version's that the dump holds. Ids since November 2010 hold their time (Twitter's "snowflake", published 2010).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from copenet.foundation.errors import UsageError
from ingest import values
from ingest.records import Draft
from ingest.values import epoch, identifier, string

PLATFORM = "x"
_EVERYWHERE = frozenset({"XX", "XY"})  # "countries" of a post withheld in all of them, and after a copyright claim
_FIRST_SNOWFLAKE, _SNOWFLAKE_ZERO = 30_000_000_000, 1_288_834_974_657  # milliseconds since 1970
_LONGEST_EDITING = 24 * 3600 * 1_000_000  # X allows an hour at most
_NO_ID = frozenset({"0", "-1"})
_RENAMED_LANGUAGES = {"in": "id", "iw": "he", "ji": "yi"}
_SITE = r"(?:https?://)?(?:[a-z0-9\-]+\.)*(?:twitter|x)\.com/+"
_ID_TYPED = re.compile(rf"(?:id:|{_SITE}i/user/|{_SITE}intent/(?:user|follow)\?user_id=)?(\d{{1,20}})/*", re.I)
_NAME_TYPED = re.compile(r"@?(\w{1,20})", re.ASCII)
_ADDRESS = re.compile(rf"{_SITE}(?:intent/(?:user|follow)\?screen_name=|@)?(\w{{1,20}})(?:[/?#&]\S*)?", re.I | re.ASCII)
_PAGES = frozenset({"i", "home", "search", "hashtag", "intent", "explore", "settings", "messages", "notifications"})
_POST_LISTED = re.compile(rf"(\d{{1,20}})|{_SITE}[^/\s]+/(?:web/)?status(?:es)?/(\d{{1,20}})(?:[/?#]\S*)?", re.I)
_GONE = frozenset({"delete", "drop", "withheld", "status_withheld"})
_OTHER_EVENTS = frozenset({"undrop", "undelete", "tweet_edit", "scrub_geo"})


class Version(NamedTuple):
    """Which version of which message a post is.

    Attributes:
        message_id: Id of the first version.
        created_at: When the first version was written, microseconds.
        edited_at: When this version was written; None for the first.
    """

    message_id: str
    created_at: int | None
    edited_at: int | None


def native_id(*values: Any) -> str | None:
    """Return the first of `values` that is an id.

    >>> native_id(None, 12), native_id("", "0"), native_id(1.5e18)
    ('12', None, None)
    """
    for value in values:
        found = identifier(value)
        if found is not None and found not in _NO_ID:
            return found
    return None


def by_id(value: Any) -> str | None:
    """Return the raw name of the account with an id; a username may be all digits, so an id says that it is one.

    >>> by_id("12"), by_id(None)
    ('id:12', None)
    """
    found = native_id(value)
    return f"id:{found}" if found else None


def by_handle(value: Any) -> str | None:
    """Return a username without its @.

    >>> by_handle("@Ada"), by_handle("")
    ('Ada', None)
    """
    found = string(value)
    return (found.removeprefix("@") or None) if found else None


def person(user_id: Any, username: Any) -> tuple[str | None, str | None, str]:
    """Return (author, handle, author status) of an account of which an id, a username or neither is given.

    >>> person(12, "Ada"), person(None, "Ada"), person(None, None)
    (('id:12', 'Ada', 'known'), ('Ada', None, 'known'), (None, None, 'unknown'))
    """
    author, handle = by_id(user_id), by_handle(username)
    if author:
        return author, handle, "known"
    return handle, None, "known" if handle else "unknown"


def language(value: Any) -> str | None:
    """Return a language as BCP 47 has it; None where X found none.

    >>> language("in"), language("und"), language("en")
    ('id', None, 'en')
    """
    found = values.language(value)
    return _RENAMED_LANGUAGES.get(found, found) if found else None


def words(value: Any) -> tuple[str | None, str]:
    """Return a text and its status; X escapes &, < and >."""
    found = string(value)
    if found and "&" in found:
        found = string(html.unescape(found))
    return found, "present" if found else "empty"


def withheld_everywhere(countries: Any) -> bool:
    """Return whether a post is withheld in all countries; where it is withheld in some, its text is still there.

    >>> withheld_everywhere(["DE", "FR"]), withheld_everywhere(["XY"]), withheld_everywhere("XX")
    (False, True, True)
    """
    codes = countries.split(",") if isinstance(countries, str) else countries
    return isinstance(codes, list) and any(isinstance(code, str) and code.strip() in _EVERYWHERE for code in codes)


def ids(value: Any) -> tuple[str, ...]:
    """Return the ids in a list; nothing for what is no list."""
    return tuple(found for item in value if (found := native_id(item))) if isinstance(value, list) else ()


def version(native: str, versions: tuple[str, ...], written_at: int | None) -> Version:
    """Return which message a post is a version of.

    Args:
        native: The post's own id.
        versions: Ids of all its versions, the first one first, as far as the dump says.
        written_at: When this version was written, microseconds.
    """
    first = versions[0] if native in versions else native
    if first == native:
        return Version(native, written_at, None)
    begun = snowflake(first)
    if begun is None or written_at is None or not 0 <= written_at - begun <= _LONGEST_EDITING:
        begun = written_at
    return Version(first, begun, written_at)


def frame(native: str, edit: Version, user_id: Any, username: Any, shown: Any, lang: Any) -> Draft:
    """Return who posted what when, as a repost: that is all of one, and a post's content is filled in.

    Args:
        native: The post's own id.
        edit: What `version` says of it.
        user_id: The author's id, as it stands in the record; likewise `username`, the name `shown`, and the language.
    """
    author, handle, author_status = person(user_id, username)
    return Draft(
        platform=PLATFORM,
        message_id=edit.message_id,
        kind="repost",
        author=author,
        author_status=author_status,
        handle=handle,
        display_name=string(shown),
        created_at=edit.created_at,
        edited_at=edit.edited_at,
        version=None if native == edit.message_id else native,
        language=language(lang),
    )


def snowflake(native: str) -> int | None:
    """Return the second in which an id was made, in microseconds; None for ids that hold no time.

    >>> snowflake("1576994746135764992"), snowflake("20")
    (1664819821000000, None)
    """
    if not (native.isascii() and native.isdigit()) or len(native) > 19 or int(native) < _FIRST_SNOWFLAKE:
        return None
    return epoch(((int(native) >> 22) + _SNOWFLAKE_ZERO) // 1000)


def first_versions(histories: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the first version's id for every later version of edited posts."""
    return {later: history[0] for history in histories for later in history[1:]}


def listed(typed: str) -> str | None:
    """Return the id of a post from its id or its address.

    >>> listed("12"), listed("https://x.com/ada/status/12?s=20"), listed("1.57699E+18")
    ('12', '12', None)
    """
    found = _POST_LISTED.fullmatch(typed.strip())
    return (found[1] or found[2]) if found else None


def notice(record: dict[str, Any]) -> list[str] | None:
    """Return the posts that a compliance notice is about, as far as they are gone; None for what is no such notice.

    Three kinds are known: lines of the v1.1 stream (`delete`, `status_withheld`), of the compliance stream of API v2
    (`data.delete`, `data.drop`), and of a batch compliance job (`id`, `action`, `reason`). Notices about people, about
    places and of posts that came back name no post that is gone.

    >>> notice({"delete": {"status": {"id": 12, "id_str": "12"}}}), notice({"id": "12", "action": "delete"})
    (['12'], None)
    """
    if "action" in record and ("redacted_at" in record or "reason" in record):
        gone = record["action"] == "delete" and record.get("reason") != "scrub_geo"
        native = native_id(record.get("id"))
        return [native] if gone and native else []
    inner = record.get("data")
    event = inner if isinstance(inner, dict) else record
    names = [name for name in event if name != "timestamp_ms"]
    if len(names) != 1 or not _is_event(names[0]) or not isinstance(told := event[names[0]], dict):
        return None
    return _gone(names[0], told)


def _is_event(name: str) -> bool:
    return name in _GONE or name in _OTHER_EVENTS or name.startswith("user_")


def _gone(name: str, told: dict[str, Any]) -> list[str]:
    post = next((part for key in ("status", "tweet") if isinstance(part := told.get(key), dict)), told)
    native = native_id(post.get("id_str"), post.get("id"))
    if name not in _GONE or native is None:
        return []
    everywhere = withheld_everywhere(told.get("withheld_in_countries"))
    return [native] if everywhere or not name.endswith("withheld") else []


def username(typed: str) -> str:
    """Return the raw name of an account: a username, or `id:` and its number.

    A number alone counts as an id; a username of digits only is typed with its @.

    Raises:
        UsageError: It is neither. The message does not repeat it.

    >>> username("@Ada"), username("https://x.com/Ada/status/1"), username("12"), username("@12")
    ('Ada', 'Ada', 'id:12', '12')
    """
    plain = typed.strip()
    if numbered := _ID_TYPED.fullmatch(plain):
        return f"id:{numbered[1]}"
    address = _ADDRESS.fullmatch(plain)
    found = address or _NAME_TYPED.fullmatch(plain)
    if found is None or (address and found[1].lower() in _PAGES):
        raise UsageError(
            "One of the names given is no account of X.",
            remedy="A username has letters, digits and _ only. Give it as Name, @Name, id:number or an address.",
        )
    return found[1]
