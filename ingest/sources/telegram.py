"""Telegram as Telegram Desktop exports it to JSON: one chat, or a whole account.

Quirks handled: `text` as a string or as a list of strings and entities; people named in a text without a username
(`mention_name`); ids that are local to a chat, and in private chats and basic groups to an account; replies to another
chat (`reply_to_peer_id`); forwarded messages; service messages; messages of kinds the exporter did not know; deleted
accounts without a name; authors as numbers (before 2021), with the kind of account above bit 32; times without a zone
(before 2022).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject, SourceFormat, always
from ingest.values import count, epoch, moment, string

_OF_A_PERSON = frozenset({"personal_chat", "bot_chat", "saved_messages", "replies"})
_PUBLIC = frozenset({"public_supergroup", "public_channel"})
_BROADCAST = frozenset({"public_channel", "private_channel"})
_TYPES = _OF_A_PERSON | _PUBLIC | _BROADCAST | {"private_group", "private_supergroup"}
_MESSAGES = frozenset({"message", "service", "unsupported"})
_PEER = re.compile(r"(?:user|chat|channel)[0-9]{1,20}")
_OWN_ID = re.compile(r"(?:user|chat|channel)-[0-9a-f]{16}/-?[0-9]{1,20}")
_MASKED = {"phone": "[phone]", "email": "[email]", "bank_card": "[number]"}  # surer than to find them in the text again
_LINK_TO_A_PERSON = re.compile(r"(?:https?://)?(?:t|telegram)\.(?:me|dog)/", re.I)
_LINK_BY_ID = re.compile(r"tg://(?:user|openmessage)\?(?:user_)?id=([0-9]{1,20})", re.I)
_LINK_BY_NAME = re.compile(
    r"(?:(?:https?://)?(?:t|telegram)\.(?:me|dog)/(?:s/)?|tg://resolve\?domain=|@)?([a-z]\w{2,31})(?:[/?]\S*)?", re.I
)
_LISTED = re.compile(
    r"(?:(?:https?://)?(?:t|telegram)\.(?:me|dog)/c/|-100)?([0-9]{1,20})/(?:[0-9]{1,20}/)?(-?[0-9]{1,20})(?:\?\S*)?"
)
_BOT_API_CHANNEL = re.compile(r"-100([0-9]{1,20})")


class _Chat(NamedTuple):
    """A chat as messages name it (`user7`), and the account whose export it is in, as far as that is known."""

    peer: str
    account: str | None

    def id_of(self, native: int, peer: str | None = None) -> str:
        """Return the id of a message of this chat, or of another.

        Each account counts for itself in its private chats and basic groups, and negative numbers are such ones from
        before a group became a supergroup. Their id is a digest of chat and account: it would name people.
        """
        kind, number = _parts_of(peer or self.peer)
        if kind == "channel" and (native > 0 or self.account is None):
            return f"{number}/{native}"
        whose = blake2b(f"{kind}{number} {self.account or ''}".encode(), digest_size=8).hexdigest()
        return f"{kind}-{whose}/{native}"


def _parts_of(peer: str) -> tuple[str, str]:
    kind = peer.rstrip("-0123456789")
    return kind, peer.removeprefix(kind)


def recognises(record: Record) -> bool:
    """Return whether a record looks like a chat, or like the export of an account."""
    return _is_chat(record) or any(_is_list_of_chats(record.get(name)) for name in ("chats", "left_chats"))


def _is_chat(record: Record) -> bool:
    messages, kind = record.get("messages"), record.get("type")
    if not isinstance(messages, list) or "id" not in record:
        return False
    if isinstance(kind, str) and kind in _TYPES:
        return True
    return not kind and bool(messages) and _is_message(messages[0])  # the exporter did not know the kind of chat


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and {"id", "type"} <= value.keys() and value["type"] in tuple(_MESSAGES)


def _is_list_of_chats(value: Any) -> bool:
    chats = value.get("list") if isinstance(value, dict) else None
    return isinstance(chats, list) and bool(chats) and isinstance(chats[0], dict) and _is_chat(chats[0])


def drafts(record: Record) -> Iterator[Draft | Reject]:
    """Yield the messages of a chat, or of all chats of an account.

    Raises:
        BadRecordError: The record is neither.
    """
    if isinstance(record.get("messages"), list):
        yield from _of_chat(record, None)
        return
    account = _account(record.get("personal_information"))
    lists = [part.get("list") for name in ("chats", "left_chats") if isinstance(part := record.get(name), dict)]
    found = [chats for chats in lists if isinstance(chats, list)]
    if not found:
        raise BadRecordError("neither a chat nor a list of chats")
    for chats in found:
        for chat in chats:
            if isinstance(chat, dict) and isinstance(chat.get("messages"), list):
                yield from _of_chat(chat, account)
            else:
                yield Reject("a chat without messages")


def _account(about: Any) -> str | None:
    number = count(about.get("user_id")) if isinstance(about, dict) else None
    return f"user{number}" if number and number > 0 else None


def _exporter(chat: Record, peer: str) -> str | None:
    """Return whose export a chat is in, where it tells: the one person in it who is not its peer."""
    if chat.get("type") == "saved_messages":
        return peer
    if chat.get("type") not in ("personal_chat", "bot_chat"):
        return None
    messages = [message for message in chat["messages"] if isinstance(message, dict)]
    people = {_author(message.get(name), chat, peer) for message in messages for name in ("from_id", "actor_id")}
    others = [person.removeprefix("id:") for person in people if person and person != f"id:{peer}"]
    return others[0] if len(others) == 1 else None


def _of_chat(chat: Record, account: str | None) -> Iterator[Draft | Reject]:
    number = chat.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) >= 10**20:
        yield Reject("a chat without an id")
        return
    peer = _peer_of(chat, number)
    place = _Chat(peer, account or _exporter(chat, peer))
    for message in chat["messages"]:
        if not isinstance(message, dict):
            yield Reject("a message that is no object")
        elif (native := _message_id(message.get("id"))) is None:
            yield Reject("a message without an id")
        elif message.get("type") == "service":
            if message.get("action") == "topic_created":
                yield _topic(message, chat, place, native)
        else:
            yield _message(message, chat, place, native)


def _topic(message: Record, chat: Record, place: _Chat, native: int) -> Draft:
    """Return the start of a topic: the one service message that others answer."""
    return _message(
        message | {"from_id": message.get("actor_id"), "from": message.get("actor"), "text": message.get("title")},
        chat,
        place,
        native,
    )


def _message(message: Record, chat: Record, place: _Chat, native: int) -> Draft:
    peer = place.peer
    author = _author(message.get("from_id"), chat, peer)
    shown = string(message.get("from"))
    forwarded = string(message.get("forwarded_from"))
    repost = "forwarded_from" in message and (forwarded is None or forwarded != shown)
    parent = None if repost else _parent(message, place)
    text = None if repost else _text(message)
    public = chat.get("type") in tuple(_PUBLIC)
    return Draft(
        platform="telegram",
        message_id=place.id_of(native),
        kind="repost" if repost else "comment" if parent else "post",
        parent=parent,
        author=author,
        author_status="known" if author else "unknown",
        display_name=shown,
        forum=(string(chat.get("name")) or peer) if public else peer,
        forum_owner=None if public else f"id:{peer}",
        created_at=_time(message, "date"),
        edited_at=_time(message, "edited"),
        text=text,
        text_status="present" if text else "empty",
        score=_reactions(message.get("reactions")),
        bot="bot_chat" if chat.get("type") == "bot_chat" and author == f"id:{peer}" else None,
    )


def _message_id(value: Any) -> int | None:
    """Return the id of a message; those from before a group became a supergroup are negative."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**20:
        return None
    return value


def _peer_of(chat: Record, number: int) -> str:
    """Return a chat as its messages name it."""
    kind = chat.get("type")
    kind = kind if isinstance(kind, str) else ""
    return f"{'user' if kind in _OF_A_PERSON else 'chat' if kind == 'private_group' else 'channel'}{number}"


def _author(value: Any, chat: Record, peer: str) -> str | None:
    if isinstance(value, str) and _PEER.fullmatch(value):
        return f"id:{value}"
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**34:
        space, bare = divmod(value, 2**32)
        if space == 2:
            return f"id:{'chat' if chat.get('type') == 'private_group' else 'channel'}{bare}"
        return f"id:user{bare}" if bare else None
    if value is None and chat.get("type") in tuple(_BROADCAST):
        return f"id:{peer}"  # a channel speaks with one voice
    return None


def _parent(message: Record, place: _Chat) -> str | None:
    native = _message_id(message.get("reply_to_message_id"))
    if not native:
        return None
    other = message.get("reply_to_peer_id")
    return place.id_of(native, other if isinstance(other, str) and _PEER.fullmatch(other) else None)


def _time(message: Record, name: str) -> int | None:
    found = epoch(message.get(f"{name}_unixtime"))
    return moment(message.get(name)) if found is None else found


def _reactions(value: Any) -> int | None:
    """Return how many reactions there are, of all kinds; who gave them is not read."""
    if not isinstance(value, list):
        return None
    given = [count(part.get("count")) for part in value if isinstance(part, dict)]
    return min(sum(n for n in given if n is not None and n > 0), 2**62 - 1)


def _text(message: Record) -> str | None:
    parts = message.get("text") or message.get("text_entities")
    if not isinstance(parts, str | list):
        parts = []
    written = parts if isinstance(parts, str) else "".join(_part(part) for part in parts)
    poll = message.get("poll")
    question = poll.get("question") if isinstance(poll, dict) else None
    return string("\n\n".join(found for found in (string(written), string(question)) if found))


def _part(part: Any) -> str:
    """Return a part of a text, with its people in a form that `mention` knows."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or not isinstance(words := part.get("text"), str):
        return ""
    kind, href = part.get("type"), part.get("href")
    if kind == "mention_name":
        person = count(part.get("user_id"))
        return f"@user{person}" if person and person > 0 else "[name]"
    if kind == "blockquote":
        return "\n" + "\n".join(f"> {line}" for line in words.split("\n")) + "\n"
    if kind == "text_link" and isinstance(href, str):
        return _linked(words, href)
    return _MASKED.get(kind, words) if isinstance(kind, str) else words


def _linked(words: str, href: str) -> str:
    """Return the words of a link; those of a link to a person are a bare name, and the address stands for them."""
    if found := _LINK_BY_ID.match(href):
        return f"@user{found[1]}"
    return href if _LINK_TO_A_PERSON.match(href) else words


def mention(raw: str) -> str:
    """Return whom a handle in a text names: `_part` writes people without a username as `user` and their number.

    >>> mention("ada"), mention("user12")
    ('ada', 'id:user12')
    """
    return f"id:{raw}" if _PEER.fullmatch(raw) else raw


def listed(typed: str) -> str | None:
    """Return the id of a message from itself, from the number of a channel or supergroup and its own, or its address.

    >>> listed("12/34"), listed("https://t.me/c/12/34"), listed("-10012/34"), listed("34")
    ('12/34', '12/34', '12/34', None)
    >>> listed("user-0123456789abcdef/34")
    'user-0123456789abcdef/34'
    """
    if _OWN_ID.fullmatch(typed.strip()):
        return typed.strip()
    found = _LISTED.fullmatch(typed.strip())
    return f"{found[1]}/{found[2]}" if found else None


def username(typed: str) -> str:
    """Return the raw name of a person: an id as exports write it, a number, @name, or an address at t.me.

    Raises:
        UsageError: It is none of these. The message does not repeat it.

    >>> username("@Ada_L"), username("https://t.me/Ada_L"), username("user12"), username("12"), username("-10034")
    ('Ada_L', 'Ada_L', 'id:user12', 'id:user12', 'id:channel34')
    """
    plain = typed.strip().removeprefix("id:")
    if _PEER.fullmatch(plain):
        return f"id:{plain}"
    by_id = _LINK_BY_ID.fullmatch(plain)
    if by_id or (plain.isascii() and plain.isdigit() and len(plain) <= 20):
        return f"id:user{by_id[1] if by_id else plain}"
    if channel := _BOT_API_CHANNEL.fullmatch(plain):
        return f"id:channel{channel[1]}"
    if named := _LINK_BY_NAME.fullmatch(plain):
        return named[1]
    raise UsageError(
        "One of the names given is no account of Telegram.",
        remedy="Give the from_id of the export (user123), the number alone, @name or https://t.me/name.",
    )


TELEGRAM = SourceFormat(
    name="telegram",
    title="Telegram Desktop JSON export (result.json)",
    platform="telegram",
    recognises=recognises,
    drafts=drafts,
    silent=always,
    username=username,
    mention=mention,
    listed=listed,
)
FORMATS: tuple[SourceFormat, ...] = (TELEGRAM,)
