"""Mastodon and what speaks its API: statuses, contexts, conversations; and ActivityPub outboxes.

A status' `id`, and so `in_reply_to_id`, means something on the instance that answered only; its `uri` means the same
everywhere. Mastodon's own addresses end in the id at home: `https://HOST/users/NAME/statuses/ID` counts as `HOST/ID`,
and both ways of naming a parent lead to one message. The id handed on is a digest: addresses and hosts name people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import unquote

from copenet.foundation.errors import UsageError
from ingest.html_text import plain
from ingest.records import NO_MESSAGE, Draft, Record, Reject, SourceFormat, always
from ingest.values import count, identifier, language, listing, mapping, moment, string

_HOST = r"[\w\-]+(?:\.[\w\-]+)*(?::\d{1,5})?"
_NAME = r"[\w](?:[\w.\-]{0,98}\w)?"
_ON_HOST = re.compile(rf"https?://({_HOST})/", re.I)
_STATUS = re.compile(
    rf"https?://({_HOST})/(?:(?:ap/)?users/[^/\s]+/statuses|@[^/\s]+)"
    r"/(\d{1,20}|[0-9A-HJKMNP-TV-Z]{26})(?:/activity)?/?"
)
_BEFORE_2017 = re.compile(rf"tag:({_HOST}),[^:\s]*:objectId=(\d{{1,20}}):objectType=Status")
_PERSON = re.compile(rf"https?://({_HOST})/(?:@|users/|u/|profile/|accounts/|author/)({_NAME})(?:/.*)?", re.I)
_PROFILE = re.compile(rf"https?://({_HOST})/(?:@|users/)({_NAME})(?:@({_HOST}))?(?!\w|@|[.\-]+\w|/+[\w@])", re.I)
_TYPED = re.compile(
    rf"(?:(?:https?://)?(?P<site>{_HOST})/+(?:@|users/)|acct:|@)?(?P<name>{_NAME})(?:@(?P<host>{_HOST}))?(?:[/?#]\S*)?"
)
_ID = re.compile(r"[0-9a-f]{32}")
_NOTES = frozenset({"Note", "Question", "Article", "Page", "Event", "Video", "Audio", "Image"})
_ACTIVITIES = frozenset({"Create", "Update", "Announce", "Delete"})
_SILENT = frozenset(  # activities that hold no message
    {"Undo", "Like", "Dislike", "EmojiReact", "Follow", "Accept", "Reject", "Add", "Remove", "Block", "Flag", "Move"}
)
_COLLECTIONS = frozenset({"OrderedCollection", "OrderedCollectionPage", "Collection", "CollectionPage"})
_LISTS = ("ancestors", "descendants", "statuses")
_ITEMS = ("orderedItems", "items")


class _Known(NamedTuple):
    """What a whole document says about its parts: `id` and `in_reply_to_id` are not enough alone."""

    host: str | None
    messages: dict[str, str]
    accounts: dict[str, str]


def recognises(record: Record) -> bool:
    """Return whether a record looks like an answer of Mastodon's API that may hold statuses."""
    if _is_status(record):
        return True
    if isinstance(record.get("ancestors"), list) and record.get("descendants") == [] == record["ancestors"]:
        return True
    if first := next((items[0] for name in _LISTS if (items := listing(record.get(name)))), None):
        return _is_status(first)
    if isinstance(record.get("accounts"), list) and "last_status" in record and "unread" in record:
        return True
    return isinstance(record.get("account"), dict) and _is_status(record.get("status"))


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the statuses of an answer, with those they boost or quote."""
    found = list(_statuses(record))
    known = _known([status for status in found if isinstance(status, dict)])
    for status in found:
        if isinstance(status, Reject):
            yield status
        elif message_id := _message_id(status, known.host):
            yield _status(status, message_id, known)
        else:
            yield Reject("a status without a usable uri")


def silent(record: Record) -> bool:
    """Return whether a record is known to hold no status: an empty list, an account, an instance, news of no status."""
    if any(isinstance(record.get(name), list) for name in _LISTS) or isinstance(record.get("acct"), str):
        return True
    if record.keys() >= {"title", "version"} and ("domain" in record or "uri" in record):
        return True
    told = ("unread" in record and "accounts" in record) or ("type" in record and "account" in record)
    return told and record.get("last_status", record.get("status")) is None


def outbox_recognises(record: Record) -> bool:
    """Return whether a record looks like an outbox, an activity or a note of ActivityPub."""
    if _is_activity(record) or _is_note(record):
        return True
    items = next((items for name in _ITEMS if isinstance(items := record.get(name), list)), None)
    if items is None:
        return _word(record) in _COLLECTIONS and _has_activities(mapping(record.get("first")))
    return _has_activities(record) or (not items and _word(record) in _COLLECTIONS and "totalItems" in record)


def outbox_drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield what an outbox, an activity or a note holds: notes, boosts, and notes known to be deleted."""
    waiting: list[Any] = [record]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            yield Reject("an activity or a note that is named only")
            continue
        word, thing = _word(node), node.get("object")
        if word in _NOTES:
            yield _note(node)
        elif word == "Announce":
            yield _announce(node)
            waiting += [thing] if isinstance(thing, dict) else []
        elif word == "Delete":
            yield from _deletion(node)
        elif word in ("Create", "Update"):
            yield from _without_object(thing)
            waiting += [thing] if isinstance(thing, dict) else []
        elif word in _COLLECTIONS or not node.keys().isdisjoint(_ITEMS):
            waiting += [first] if isinstance(first := node.get("first"), dict) else []
            for name in _ITEMS:
                waiting.extend(reversed(listing(node.get(name))))
        elif word not in _SILENT and word != "Tombstone":
            yield Reject(NO_MESSAGE)


def username(typed: str) -> str:
    """Return `user@host` from what people write for it.

    Raises:
        UsageError: It is no such name, or the host is missing. The message does not repeat it.

    >>> username("@Ada@Mastodon.social"), username("https://mastodon.social/@ada")
    ('ada@mastodon.social', 'ada@mastodon.social')
    """
    match = _TYPED.fullmatch(typed.strip())
    host = (match["host"] or match["site"]) if match else None
    if match is None or host is None:
        raise UsageError(
            "One of the names given is no full name of Mastodon.",
            remedy="Give the name with its instance (user@instance.example), or the profile's address.",
        )
    return f"{match['name']}@{host}".lower()


def listed(typed: str) -> str | None:
    """Return the id of a status from its address or from itself; the number that one instance gave it tells nothing.

    >>> listed("https://calm.example/@ada/12") == listed("https://calm.example/users/ada/statuses/12")
    True
    >>> listed("12")
    """
    plain = typed.strip()
    if _ID.fullmatch(plain):
        return plain
    return id_of(plain) if _ON_HOST.match(plain) or _BEFORE_2017.fullmatch(plain) else None


def notice(record: Record) -> list[str] | None:
    """Return the status that an activity of deletion is about; None for what is none."""
    if _word(record) != "Delete" or not _is_activity(record):
        return None
    return [draft.message_id for draft in _deletion(record)]


def mention(raw: str) -> str:
    """Return `user@host` behind a mention; a name without its instance stays as it is.

    >>> mention("Ada@Mastodon.social"), mention("https://mastodon.social/@Ada")
    ('ada@mastodon.social', 'ada@mastodon.social')
    """
    match = _TYPED.fullmatch(raw.strip())
    host = (match["host"] or match["site"]) if match else None
    return f"{match['name']}@{host}".lower() if match and host else raw.strip().lower()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_status(value: Any) -> bool:
    """Return whether an object is surely a status of Mastodon."""
    return (
        _says_something(value)
        and any(name in value for name in ("in_reply_to_id", "favourites_count"))
        and any(isinstance(value.get(name), str) for name in ("uri", "url"))
    )


def _says_something(value: Any) -> bool:
    """Return whether an object of a dump of Mastodon is a status: exports without nulls leave out what is empty."""
    return (
        isinstance(value, dict)
        and isinstance(account := value.get("account"), dict)
        and isinstance(account.get("acct"), str)
        and any(name in value for name in ("content", "text"))
    )


def _statuses(record: Record) -> Iterator[Record | Reject]:
    """Yield every status of a document, each before those it boosts or quotes, and what is no status in their lists."""
    waiting: list[Any] = [record]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if _says_something(node):
            yield node
            waiting += [mapping(node.get("quote")).get("quoted_status"), node.get("quote"), node.get("reblog")]
            continue
        waiting += [node.get("status"), node.get("last_status")]
        for name in reversed(_LISTS):
            items = listing(node.get(name))
            yield from (Reject(NO_MESSAGE) for item in items if not _says_something(item))
            waiting.extend(item for item in reversed(items) if _says_something(item))


def _known(statuses: list[Record]) -> _Known:
    host = next((found for status in statuses if (found := _instance(status))), None)
    messages: dict[str, str] = {}
    accounts: dict[str, str] = {}
    for status in statuses:
        for person in (*listing(status.get("mentions")), status.get("account")):
            if isinstance(person, dict) and (number := identifier(person.get("id"))) and (name := _acct(person)):
                accounts[number] = name
        if (local := identifier(status.get("id"))) and (message_id := _message_id(status, host)):
            messages[local] = message_id
    return _Known(host, messages, accounts)


def _instance(status: Record) -> str | None:
    """Return the instance that answered: the home of every account without a host, and of the pages of hashtags."""
    for person in (status.get("account"), *listing(status.get("mentions"))):
        if isinstance(person, dict) and (acct := _text(person.get("acct"))) and "@" not in acct:
            return _host(person.get("url")) or _host(person.get("uri"))
    return next((host for tag in listing(status.get("tags")) if (host := _host(mapping(tag).get("url")))), None)


def _host(address: Any) -> str | None:
    match = _ON_HOST.match(address) if isinstance(address, str) else None
    return match[1].lower() if match else None


def _acct(person: Record) -> str | None:
    """Return `user@host`; an account of the instance itself comes without its host."""
    acct = string(person.get("acct"))
    if acct is None or "@" in acct:
        return acct.lower() if acct else None
    host = _host(person.get("url")) or _host(person.get("uri"))
    return f"{acct}@{host}".lower() if host else None


def _message_id(status: Record, host: str | None) -> str | None:
    address = string(status.get("uri")) or string(status.get("url"))
    if address:
        return id_of(address)
    local = identifier(status.get("id"))
    return _local_id(host, local) if local else None


def _local_id(host: str | None, local: str) -> str:
    """Return the id of a status of which the instance's id alone is known: right where that instance is its home."""
    return _digest(f"{host or 'unknown'}/{local}")


def id_of(address: str) -> str:
    """Return the id of the status at an address, the same however the address is written."""
    match = _STATUS.fullmatch(address) or _BEFORE_2017.fullmatch(address)
    if match:
        return _digest(f"{match[1].lower()}/{match[2]}")
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return _digest(f"{host.lower()}{slash}{path.rstrip('/')}" if scheme in ("http", "https") else address)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _status(status: Record, message_id: str, known: _Known) -> Draft:
    account = mapping(status.get("account"))
    author = _acct(account)
    repost = isinstance(status.get("reblog"), dict)
    draft = Draft(
        platform="mastodon",
        message_id=message_id,
        kind="repost" if repost else "post",
        author=author,
        author_status="known" if author else "unknown",
        display_name=string(account.get("display_name")),
        created_at=moment(status.get("created_at")),
        bot="account.bot" if account.get("bot") is True else None,
    )
    if repost:
        return draft
    local = identifier(status.get("in_reply_to_id"))
    parent_author = known.accounts.get(identifier(status.get("in_reply_to_account_id")) or "")
    person = identifier(status.get("in_reply_to_account_id"))
    text, text_status = _content(status)
    answers = bool(local or person)  # Mastodon forgets the id of a parent that was deleted, and keeps its author's
    return draft._replace(
        kind="comment" if answers else "post",
        thread=None if answers else message_id,
        parent=_parent(local, parent_author, known) if local else None,
        parent_author=parent_author,
        edited_at=moment(status.get("edited_at")),
        text=text,
        text_status=text_status,
        language=language(status.get("language")),
        score=count(status.get("favourites_count")),
        declared_replies=count(status.get("replies_count")),
    )


def _parent(local: str, author: str | None, known: _Known) -> str:
    """Return the id of a parent: its own where the document holds it, else what its local id tells."""
    if found := known.messages.get(local):
        return found
    elsewhere = author is not None and not author.endswith(f"@{known.host}")
    return _local_id(None if elsewhere else known.host, local)


def _content(status: Record) -> tuple[str | None, str]:
    """Return the text and its status; only the answer to a deletion gives the source of a text in place of it."""
    if "content" not in status:
        return None, "deleted"
    names = {_text(mapping(m).get("url")): _acct(m) for m in listing(status.get("mentions")) if isinstance(m, dict)}
    return _joined(status.get("spoiler_text"), status.get("content"), names)


def _joined(warning: Any, html: Any, names: Mapping[str, str | None]) -> tuple[str | None, str]:
    """Return the text behind a content warning and HTML, with people named as `@user@host`."""

    def named(match: re.Match[str]) -> str:
        name = names.get(match[0]) or f"{match[2]}@{match[3] or match[1]}"
        return f"@{name.lower()}"

    parts = (string(warning), string(_PROFILE.sub(named, plain(string(html) or ""))))
    text = "\n\n".join(part for part in parts if part)
    return (text, "present") if text else (None, "empty")


def _word(node: Record) -> str:
    return _text(node.get("type"))


def _reference(value: Any) -> str | None:
    """Return the address of what is named by it, given whole, or in a list of one."""
    if isinstance(value, list) and value:
        value = value[0]
    value = value.get("id") if isinstance(value, dict) else value
    return string(value)


def _is_activity(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and (_word(record) in _ACTIVITIES or _word(record) in _SILENT)
        and (actor := _reference(record.get("actor"))) is not None
        and _ON_HOST.match(actor) is not None
        and isinstance(record.get("object"), dict | str)
    )


def _is_note(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and _word(record) in _NOTES
        and "attributedTo" in record
        and any(name in record for name in ("content", "name"))
        and _ON_HOST.match(_text(record.get("id"))) is not None
    )


def _has_activities(record: Record) -> bool:
    items = next((items for name in _ITEMS if isinstance(items := record.get(name), list) and items), [])
    return any(_is_activity(item) or _is_note(item) for item in items[:1])


def _note(note: Record) -> Draft | Reject:
    address = _reference(note)
    if address is None:
        return Reject("a note without an id")
    people = _mentioned(note)
    author = _author(_reference(note.get("attributedTo")), _text(note.get("url")), people)
    parent = _reference(note.get("inReplyTo"))
    text, text_status = _joined(note.get("summary"), note.get("content", note.get("name")), people)
    message_id = id_of(address)
    return Draft(
        platform="mastodon",
        message_id=message_id,
        kind="comment" if parent else "post",
        thread=None if parent else message_id,
        parent=id_of(parent) if parent else None,
        author=author,
        author_status="known" if author else "unknown",
        parent_author=_parent_author(parent, people) if parent else None,
        created_at=moment(note.get("published")),
        edited_at=moment(note.get("updated")),
        text=text,
        text_status=text_status,
        language=_language(note),
        score=count(mapping(note.get("likes")).get("totalItems")),
        declared_replies=count(mapping(note.get("replies")).get("totalItems")),
    )


def _announce(activity: Record) -> Draft | Reject:
    address, author = _reference(activity), _author(_reference(activity.get("actor")), "", {})
    if address is None:
        return Reject("a boost without an id")
    return Draft(
        platform="mastodon",
        message_id=id_of(address),
        kind="repost",
        author=author,
        author_status="known" if author else "unknown",
        created_at=moment(activity.get("published")),
    )


def _deletion(activity: Record) -> Iterator[Draft]:
    """Yield a note that is known to be deleted; where a whole account goes, nothing says which notes went with it."""
    address, actor = _reference(activity.get("object")), _reference(activity.get("actor"))
    if address is None or address == actor:
        return
    author = _author(actor, "", {})
    yield Draft(
        platform="mastodon",
        message_id=id_of(address),
        kind="post",
        author=author,
        author_status="known" if author else "unknown",
        retrieved_at=moment(activity.get("published")),
        text_status="deleted",
    )


def _without_object(thing: Any) -> Iterator[Reject]:
    if not isinstance(thing, dict):
        yield Reject("an activity that names its note only")


def _mentioned(note: Record) -> dict[str, str]:
    """Return `user@host` of the people a note mentions, by the addresses of their account and of its page."""
    people: dict[str, str] = {}
    for tag in listing(note.get("tag")):
        href, name = string(mapping(tag).get("href")), string(mapping(tag).get("name"))
        if _word(mapping(tag)) != "Mention" or not href or not name:
            continue
        name = name.lstrip("@").lower()
        host = _host(href)
        if host:
            full = name if "@" in name else f"{name}@{host}"
            people[href] = people[f"https://{host}/@{name.partition('@')[0]}"] = full
    return people


def _author(actor: str | None, page: str, people: dict[str, str]) -> str | None:
    """Return `user@host` of an account's address; an address that holds no name stands for itself.

    Args:
        actor: The account's address.
        page: Address of the note for people: of an account whose own address is a number, only this one has the name.
        people: `user@host` by address, where a note mentions them.
    """
    if actor is None:
        return None
    if found := people.get(actor):
        return found
    match = _PERSON.fullmatch(actor)
    if match is None and _host(page) == _host(actor):
        match = _PERSON.fullmatch(page)
    if match:
        return f"{match[2]}@{match[1]}".lower()
    return actor.partition("://")[2].lower() or None


def _parent_author(parent: str, people: dict[str, str]) -> str | None:
    for href, name in people.items():
        if parent.startswith(f"{href.rstrip('/')}/"):
            return name
    match = _PERSON.fullmatch(unquote(parent))
    return f"{match[2]}@{match[1]}".lower() if match else None


def _language(note: Record) -> str | None:
    """Return the language under which the text of a note is filed."""
    texts = mapping(note.get("contentMap"))
    content = string(note.get("content"))
    said = (key for key, text in texts.items() if content is not None and string(text) == content)
    return language(next(said, next(iter(texts), None)))


MASTODON = SourceFormat(
    name="mastodon",
    title="Mastodon statuses, contexts and conversations (API JSON)",
    platform="mastodon",
    recognises=recognises,
    drafts=drafts,
    silent=silent,
    username=username,
    mention=mention,
    listed=listed,
)
OUTBOX = SourceFormat(
    name="mastodon-outbox",
    title="ActivityPub outbox (Mastodon's archive of an account)",
    platform="mastodon",
    recognises=outbox_recognises,
    drafts=outbox_drafts,
    silent=always,
    username=username,
    mention=mention,
    listed=listed,
    notice=notice,
)
FORMATS: tuple[SourceFormat, ...] = (MASTODON, OUTBOX)
