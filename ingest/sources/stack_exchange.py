"""Stack Exchange's data dump: Posts.xml and Comments.xml of one site, one `<row .../>` per post or comment.

Quirks handled: posts and comments count their ids apart (`p12`, `c12`); a deleted user leaves no id, at most a shown
name; attributes without a value are absent; wiki texts and other pages of the site lie among the posts; the body of a
post is HTML and the text of a comment is not; the file does not say which site it is of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from copenet.foundation.errors import UsageError
from ingest.html_text import plain
from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.values import count, identifier, moment, string

_ID = re.compile(r"-?\d{1,18}")
_TYPED = re.compile(
    r"(?:id:|user:)?(\d{1,18})|(?:https?://)?(?:[\w\-]+\.)+(?:com|net|org)/users/(\d{1,18})(?:[/?#]\S*)?", re.I
)
_ON_SITE = r"(?:https?://)?(?:[\w\-]+\.)+(?:com|net|org)/"
_LISTED = (
    re.compile(r"p(?P<post>\d{1,18})|c(?P<comment>\d{1,18})"),
    re.compile(rf"{_ON_SITE}\S*#comment(?P<comment>\d{{1,18}})(?:_\d+)?"),
    re.compile(rf"{_ON_SITE}questions/\d+/[^/\s]*/(?P<post>\d{{1,18}})(?:[?#]\S*)?"),
    re.compile(rf"{_ON_SITE}(?:a|q|questions|answers)/(?P<post>\d{{1,18}})(?:[/?#]\S*)?"),
)
_SITE = re.compile(r"[a-z0-9][a-z0-9.\-]{0,60}")
_COMMENT = frozenset({"Id", "PostId", "Text", "CreationDate"})
_ANSWER = "2"
_PAGES = frozenset({"3", "4", "5", "7", "8", "10", "12", "17"})  # tag wikis, help, privileges, collections: no messages
_OTHER_TABLES = frozenset(  # columns that tell the dump's other files
    {"Reputation", "VoteTypeId", "PostHistoryTypeId", "RevisionGUID", "LinkTypeId", "TagName", "TagBased"}
)
_COMMUNITY = "-1"  # owns tag wikis and asks again by itself


def recognises(record: Record) -> bool:
    """Return whether a record is a row of Posts.xml or Comments.xml, or of the same table from the Data Explorer."""
    if "Id" not in record or "CreationDate" not in record or record.get("#tag", "row") != "row":
        return False
    if "PostTypeId" in record:
        return "#tag" in record or "Body" in record
    return _is_comment(record) and ("#tag" in record or "UserId" in record)


def _is_comment(record: Record) -> bool:
    return record.keys() >= _COMMENT and record.keys().isdisjoint(_OTHER_TABLES)


def of_site(site: str | None = None) -> SourceFormat:
    """Return the format of one site's dump.

    Args:
        site: A word for the site, for example "math" or "cooking.stackexchange.com": it becomes the forum, and part of
            every id, because all sites count from 1. None for a study of a single site.

    Raises:
        UsageError: The word has other characters than letters, digits, dots and hyphens.
    """
    if site is not None and not _SITE.fullmatch(site):
        raise UsageError(
            "The word for a site of Stack Exchange has characters it may not have.",
            remedy="Use lower-case letters, digits, dots and hyphens, for example cooking.stackexchange.com.",
        )
    prefix = f"{site}/" if site else ""

    def drafts(record: Record) -> Iterator[Draft | Reject]:
        yield from _drafts(record, site, prefix)

    def typed_name(typed: str) -> str:
        return f"id:{prefix}{_user_id(typed)}"

    def of_list(typed: str) -> str | None:
        plain = typed.strip().removeprefix(prefix)
        native = listed(plain)
        return f"{prefix}{native}" if native else None

    return SourceFormat(
        name="stack-exchange",
        title="Stack Exchange data dump (Posts.xml, Comments.xml)",
        platform="stackexchange",
        recognises=recognises,
        drafts=drafts,
        silent=always,
        known_bots=(f"id:{prefix}{_COMMUNITY}",),
        username=typed_name,
        listed=of_list,
    )


def username(typed: str) -> str:
    """Return the raw name of a person of a single-site study.

    Raises:
        UsageError: It is neither a user's number nor a profile's address. The message does not repeat it.

    >>> username("https://stackoverflow.com/users/22656/jon-skeet"), username("22656")
    ('id:22656', 'id:22656')
    """
    return f"id:{_user_id(typed)}"


def listed(typed: str) -> str | None:
    """Return the id of a post or a comment, from itself or from its address; a number alone could be either's.

    >>> listed("p12"), listed("https://stackoverflow.com/a/12"), listed("https://stackoverflow.com/questions/1/x#comment3_1")
    ('p12', 'p12', 'c3')
    >>> listed("12")
    """
    plain = typed.strip()
    found = next((match for pattern in _LISTED if (match := pattern.fullmatch(plain))), None)
    if found is None:
        return None
    comment, post = (found.groupdict().get(name) for name in ("comment", "post"))
    return f"c{comment}" if comment else f"p{post}"


def _user_id(typed: str) -> str:
    found = _TYPED.fullmatch(typed.strip())
    if found is None:
        raise UsageError(
            "One of the names given is no user of Stack Exchange.",
            remedy="Give the user's number, or the address of the profile (https://SITE/users/NUMBER/...): names are "
            "shared there by many people.",
        )
    return found[1] or found[2]


def _drafts(record: Record, site: str | None, prefix: str) -> Iterator[Draft]:
    if "PostTypeId" in record:
        if identifier(record["PostTypeId"]) not in _PAGES:
            yield _post(record, site, prefix)
    elif _is_comment(record):
        yield _comment(record, site, prefix)
    elif record.keys().isdisjoint(_OTHER_TABLES):
        raise BadRecordError("a row of neither Posts.xml nor Comments.xml")


def _post(record: Record, site: str | None, prefix: str) -> Draft:
    own = f"{prefix}p{_number(record, 'Id')}"
    answer = identifier(record["PostTypeId"]) == _ANSWER
    parent = _reference(record, "ParentId", prefix) if answer else None
    body = string(record.get("Body"))
    title = string(record.get("Title"))
    text = "\n\n".join(part for part in (title, body and _words(body)) if part) or None
    gone = string(record.get("DeletionDate")) is not None
    return Draft(
        platform="stackexchange",
        message_id=own,
        kind="comment" if answer else "post",
        thread=parent if answer else own,
        parent=parent,
        forum=site,
        created_at=moment(record.get("CreationDate")),
        edited_at=moment(record.get("LastEditDate")),
        text=None if gone else text,
        text_status="deleted" if gone else "present" if text else "empty",
        score=count(record.get("Score")),
        declared_replies=_declared(record),
    )._replace(**_author(record, "Owner", prefix))


def _words(html: str) -> str:
    """Return the text of a body. A marked section (`<![`) is no HTML, and Python's parser fails on it."""
    return plain(html.replace("<![", "&lt;!["))


def _comment(record: Record, site: str | None, prefix: str) -> Draft:
    text = string(record.get("Text"))
    return Draft(
        platform="stackexchange",
        message_id=f"{prefix}c{_number(record, 'Id')}",
        kind="comment",
        parent=_reference(record, "PostId", prefix),
        forum=site,
        created_at=moment(record.get("CreationDate")),
        text=text,
        text_status="present" if text else "empty",
        score=count(record.get("Score")),
    )._replace(**_author(record, "", prefix))


def _author(record: Record, role: str, prefix: str) -> dict[str, Any]:
    """Return the fields that say who wrote a row; `role` begins the names of its columns."""
    number = identifier(record.get(f"{role}UserId"))
    shown = string(record.get(f"{role}DisplayName" if role else "UserDisplayName"))
    if number and _ID.fullmatch(number):
        return {
            "author": f"id:{prefix}{number}",
            "author_status": "known",
            "display_name": shown,
            "bot": "the site's Community user" if number == _COMMUNITY else None,
        }
    told = "#tag" in record or f"{role}UserId" in record  # a row of the dump leaves out what has no value
    return {"author_status": "deleted" if told else "unknown", "display_name": shown}


def _declared(record: Record) -> int | None:
    told = [n for name in ("AnswerCount", "CommentCount") if (n := count(record.get(name))) is not None and n >= 0]
    return sum(told) if told else None


def _number(record: Record, name: str) -> str:
    number = identifier(record.get(name))
    if number is None or not _ID.fullmatch(number):
        raise BadRecordError("no id")
    return number


def _reference(record: Record, name: str, prefix: str) -> str | None:
    number = identifier(record.get(name))
    return f"{prefix}p{number}" if number and _ID.fullmatch(number) else None


STACK_EXCHANGE = of_site()
FORMATS: tuple[SourceFormat, ...] = (STACK_EXCHANGE,)
