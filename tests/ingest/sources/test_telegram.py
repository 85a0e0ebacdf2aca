"""Telegram Desktop's JSON, by the quirks of its writer (export_output_json.cpp) and on a real export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from copenet.foundation.errors import UsageError
from ingest.records import BadRecordError, Draft, Record, Reject
from ingest.sources.telegram import FORMATS, TELEGRAM, drafts, listed, mention, recognises, username
from tests.ingest.sources.by_hand import ByHand
from tests.ingest.sources.garbage import damaged, kept_promises

T0 = 1_600_000_000
US = 1_000_000


def message(number: int = 1, **more: Any) -> dict[str, Any]:
    base = {"id": number, "type": "message", "date": "2020-09-13T14:26:40", "date_unixtime": str(T0)}
    return base | {"from": "Ann A", "from_id": "user11", "text": f"text {number}"} | more


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"name": "Calm", "type": "public_supergroup", "id": 77, "messages": list(messages)} | more


def one(**more: Any) -> Draft:
    (draft,) = drafts(chat(message(**more)))
    assert isinstance(draft, Draft)
    return draft


def test_a_message_of_a_public_group() -> None:
    assert one(edited="2020-09-13T14:26:50", edited_unixtime=str(T0 + 10)) == Draft(
        platform="telegram",
        message_id="77/1",
        kind="post",
        author="id:user11",
        author_status="known",
        display_name="Ann A",
        forum="Calm",
        created_at=T0 * US,
        edited_at=(T0 + 10) * US,
        text="text 1",
        text_status="present",
    )


@pytest.mark.parametrize(
    ("more", "kind", "parent"),
    [
        ({}, "post", None),
        ({"reply_to_message_id": 5}, "comment", "77/5"),
        ({"reply_to_message_id": -999_999_995}, "comment", "77/-999999995"),
        ({"reply_to_message_id": 5, "reply_to_peer_id": "channel88"}, "comment", "88/5"),
        ({"reply_to_message_id": 5, "reply_to_peer_id": "nobody"}, "comment", "77/5"),
        ({"reply_to_message_id": "5"}, "post", None),
        ({"reply_to_message_id": True}, "post", None),
        ({"reply_to_message_id": 0}, "post", None),
    ],
)
def test_replies(more: dict[str, Any], kind: str, parent: str | None) -> None:
    draft = one(**more)
    assert (draft.kind, draft.parent) == (kind, parent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("words", "words"),
        ("", None),
        (None, None),
        (7, None),
        (["a ", {"type": "bold", "text": "b"}, " c"], "a b c"),
        ([{"type": "mention", "text": "@ada"}], "@ada"),
        ([{"type": "mention_name", "text": "Ada L", "user_id": 12}, " hi"], "@user12 hi"),
        ([{"type": "mention_name", "text": "Ada L"}], "[name]"),
        ([{"type": "text_link", "text": "Ada", "href": "tg://user?id=12"}], "@user12"),
        ([{"type": "text_link", "text": "Ada", "href": "https://t.me/ada"}], "https://t.me/ada"),
        ([{"type": "text_link", "text": "here", "href": "https://example.org"}], "here"),
        ([{"type": "phone", "text": "12345"}, {"type": "email", "text": "a@b.c"}], "[phone][email]"),
        ([{"type": "bank_card", "text": "4242 4242"}], "[number]"),
        ([{"type": "blockquote", "text": "one\ntwo"}, "mine"], "> one\n> two\nmine"),
        ([{"type": ["bold"], "text": "b"}, {"type": "bold"}, 4, None], "b"),
    ],
)
def test_texts(text: Any, expected: str | None) -> None:
    draft = one(text=text)
    assert (draft.text, draft.text_status) == (expected, "present" if expected else "empty")


def test_a_poll_says_its_question() -> None:
    poll = {"question": "Tea?", "answers": [{"text": "yes", "voters": 3}]}
    assert one(text="", poll=poll).text == "Tea?"
    assert one(text="So:", poll=poll).text == "So:\n\nTea?"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Bob", "repost"), (None, "repost"), ("Ann A", "post")],  # a channel's own post, shown in its discussion group
)
def test_forwarded_messages(name: str | None, kind: str) -> None:
    draft = one(forwarded_from=name)
    assert (draft.kind, draft.author) == (kind, "id:user11")
    assert (draft.text is None) == (kind == "repost")


def test_a_bot_used_inline_is_not_the_author() -> None:
    draft = one(via_bot="@gif")
    assert (draft.author, draft.bot) == ("id:user11", None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("user11", "id:user11"),
        ("channel5", "id:channel5"),
        ("chat5", "id:chat5"),
        (2**32 + 11, "id:user11"),
        (2 * 2**32 + 5, "id:channel5"),
        (11, "id:user11"),
        (None, None),
        (0, None),
        (-4, None),
        (2**40, None),
        (True, None),
        ("user", None),
        ("", None),
        ([], None),
    ],
)
def test_authors(value: Any, expected: str | None) -> None:
    draft = one(from_id=value)
    assert (draft.author, draft.author_status) == (expected, "known" if expected else "unknown")


def test_a_deleted_account_keeps_its_number() -> None:
    draft = one(**{"from": None})
    assert (draft.author, draft.display_name) == ("id:user11", None)


@pytest.mark.parametrize(
    ("kind", "forum", "owner"),
    [
        ("public_supergroup", "Calm", None),
        ("public_channel", "Calm", None),
        ("private_supergroup", "channel77", "id:channel77"),
        ("private_channel", "channel77", "id:channel77"),
        ("private_group", "chat77", "id:chat77"),
        ("personal_chat", "user77", "id:user77"),
        ("bot_chat", "user77", "id:user77"),
        ("saved_messages", "user77", "id:user77"),
    ],
)
def test_titles_that_are_not_public_are_not_read(kind: str, forum: str, owner: str | None) -> None:
    (draft,) = drafts(chat(message(), type=kind))
    assert isinstance(draft, Draft)
    assert (draft.forum, draft.forum_owner) == (forum, owner)


def test_bots_are_known_in_the_chat_with_them_only() -> None:
    records = chat(message(1, from_id="user77"), message(2), type="bot_chat")
    assert [draft.bot for draft in drafts(records) if isinstance(draft, Draft)] == ["bot_chat", None]


def test_posts_of_a_channel_without_an_author_are_the_channel_s() -> None:
    record = message()
    del record["from_id"]
    (draft,) = drafts(chat(record, type="public_channel"))
    assert isinstance(draft, Draft)
    assert draft.author == "id:channel77"


def test_service_messages_are_none_but_the_start_of_a_topic() -> None:
    joined = {"id": 2, "type": "service", "actor": "Ann A", "actor_id": "user11", "action": "join_group_by_link"}
    topic = {"id": 3, "type": "service", "date_unixtime": str(T0), "actor": "Ann A", "actor_id": "user11"}
    topic |= {"action": "topic_created", "title": "Sleep", "text": ""}
    found = list(drafts(chat(joined, topic, message(4, reply_to_message_id=3))))
    assert [(d.message_id, d.author, d.text, d.parent) for d in found if isinstance(d, Draft)] == [
        ("77/3", "id:user11", "Sleep", None),
        ("77/4", "id:user11", "text 4", "77/3"),
    ]


def test_a_message_of_a_kind_the_exporter_did_not_know() -> None:
    (draft,) = drafts(chat({"id": 9, "type": "unsupported"}))
    assert isinstance(draft, Draft)
    assert (draft.message_id, draft.author_status, draft.text_status) == ("77/9", "unknown", "empty")


def test_reactions_are_counted_and_not_read() -> None:
    given = [{"type": "emoji", "count": 3, "emoji": "x", "recent": [{"from": "Bob", "from_id": "user5"}]}, {"count": 2}]
    draft = one(reactions=given)
    assert draft.score == 5
    assert "Bob" not in repr(draft)


def test_times_before_2022_have_no_zone_and_absurd_ones_are_none() -> None:
    record = message(date="2020-09-13T12:26:40", edited="1970-01-01T01:00:00")
    del record["date_unixtime"]
    (draft,) = drafts(chat(record))
    assert isinstance(draft, Draft)
    assert (draft.created_at, draft.edited_at) == (T0 * US, None)
    assert one(date="x", date_unixtime="99999999999999").created_at is None


def test_an_account_holds_many_chats() -> None:
    account = {
        "about": "Here is the data you requested.",
        "chats": {"about": "", "list": [chat(message(1)), {"name": "no messages"}]},
        "left_chats": {"about": "", "list": [chat(message(1), id=78)]},
    }
    assert recognises(account)
    found = list(drafts(account))
    assert [d.message_id for d in found if isinstance(d, Draft)] == ["77/1", "78/1"]
    assert [d.reason for d in found if isinstance(d, Reject)] == ["a chat without messages"]


def test_pieces_of_a_large_chat_give_what_the_whole_gives() -> None:
    messages = [message(n, reply_to_message_id=n - 1) for n in range(1, 10)]
    pieces = [chat(*messages[start : start + 4]) for start in range(0, 9, 4)]
    assert all(recognises(piece) for piece in pieces)
    assert [d for piece in pieces for d in drafts(piece)] == list(drafts(chat(*messages)))


def ids(record: Record) -> list[str]:
    return [draft.message_id for draft in drafts(record) if isinstance(draft, Draft)]


def talk(donor: int, *numbers: int, **more: Any) -> dict[str, Any]:
    """A private chat of a donor with somebody, who answers each time."""
    said = [message(n, from_id=f"user{donor}", text=f"{donor} said {n}") for n in numbers]
    answers = [
        message(n + 1, from_id="user777", text=f"to {donor} on {n}", reply_to_message_id=n, date_unixtime=str(T0 + n))
        for n in numbers
    ]
    return chat(*said, *answers, type="personal_chat", id=777, **more)


def donated(donor: int, *chats: Record) -> dict[str, Any]:
    return {"personal_information": {"user_id": donor, "first_name": "Ann"}, "chats": {"list": list(chats)}}


def test_every_account_counts_for_itself_in_its_private_chats(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.json", "b.json", "again.json")]
    for path, made in zip(paths, (talk(11, 5), talk(12, 5), talk(11, 5, 7)), strict=True):
        path.write_text(json.dumps(made))
    told = ingest.ingest(paths, tmp_path / "restricted").to_dict()
    assert (told["messages"], told["duplicates"], told["replies_resolved"]) == (6, 2, 3)
    texts = ingest.read_texts(tmp_path / "restricted").column("text").to_pylist()
    assert sorted(texts) == sorted(
        ["11 said 5", "to 11 on 5", "12 said 5", "to 12 on 5", "11 said 7", "to 11 on 7"]
    )  # fmt: skip


def test_chats_of_several_kinds_and_one_number_stay_apart() -> None:
    kinds = ("personal_chat", "private_group", "public_channel")
    made = [one for kind in kinds for one in ids(chat(message(5), type=kind, id=123))]
    assert len(set(made)) == 3
    assert [one.partition("-")[0] for one in made] == ["user", "chat", "123/5"]


def test_an_account_s_export_and_one_of_its_chats_name_a_message_alike() -> None:
    assert ids(donated(11, talk(11, 5))) == ids(talk(11, 5)) != ids(talk(12, 5))
    group = chat(message(5), type="private_group")
    assert ids(donated(11, group)) != ids(donated(12, group))
    supergroup = chat(message(5), message(-99))
    first, second = ids(donated(11, supergroup)), ids(donated(12, supergroup))
    assert (first[0], first[0] == second[0], first[1] == second[1]) == ("77/5", True, False)
    mine = chat(message(5), type="saved_messages", id=11)
    assert ids(mine) == ids(donated(11, mine))


def test_what_does_not_tell_the_account() -> None:
    alone = chat(message(5, from_id="user777"), type="personal_chat", id=777)
    three = chat(*(message(5, from_id=f"user{n}") for n in (11, 12, 777)), type="personal_chat", id=777)
    call = {"id": 6, "type": "service", "actor_id": "user11", "action": "phone_call"}
    assert ids(alone)[0] == ids(three)[0]
    assert ids(alone | {"messages": [*alone["messages"], call]}) == ids(talk(11, 5))[:1]
    assert ids(donated(0, alone)) == ids({"chats": {"list": [alone]}}) == ids(alone)


def test_ids_of_private_chats_hold_no_number_of_a_person_and_are_ids_of_lists() -> None:
    for one in ids(talk(11, 5)) + ids(chat(message(5), type="private_group")):
        assert "777" not in one
        assert listed(one) == one
    (parent,) = {draft.parent for draft in drafts(talk(11, 5)) if isinstance(draft, Draft) and draft.parent}
    assert parent == ids(talk(11, 5))[0]


def test_what_holds_no_message_has_a_reason() -> None:
    found = list(drafts(chat("x", {"type": "message"}, message(True), message(10**30))))
    assert [item.reason for item in found if isinstance(item, Reject)] == [
        "a message that is no object",
        "a message without an id",
        "a message without an id",
        "a message without an id",
    ]
    assert list(drafts(chat(message(), id="x"))) == [Reject("a chat without an id")]
    with pytest.raises(BadRecordError, match="neither a chat"):
        list(drafts({"id": 1}))


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": 1, "text": "x", "created_at": "2020"},
        {"id": 1, "type": "message", "messages": []},
        {"id": 1, "type": None, "messages": [{"id": 1, "type": "Note"}]},
        {"kind": "youtube#commentThreadListResponse", "items": []},
        {"data": [{"id": "1_2", "created_time": "2020-01-01T00:00:00+0000", "message": "x"}], "paging": {}},
        {"chats": {"list": []}},
        {"chats": {"list": [{"id": 1}]}},
        {"chats": []},
        {"messages": "x", "id": 1, "type": "personal_chat"},
        {"type": ["personal_chat"], "id": 1, "messages": [3]},
    ],
)
def test_others_are_not_recognised(record: dict[str, Any]) -> None:
    assert not recognises(record)


def test_a_chat_of_unknown_kind_is_recognised_by_its_messages() -> None:
    assert recognises(chat(message(), type=None))
    assert recognises(chat(type="saved_messages"))


def test_names() -> None:
    assert TELEGRAM in FORMATS
    assert mention("user11") == one().author
    assert username("@user_eleven") == mention("user_eleven")
    assert username("tg://user?id=11") == username("id:user11") == one().author
    for typed in ("", "two words", "https://example.org/ada", "@", "a" * 40):
        with pytest.raises(UsageError) as caught:
            username(typed)
        assert not typed.strip() or typed not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ENTITY = {"type": "mention_name", "text": "Ada", "user_id": 12}
WHOLE = chat(message(text=[ENTITY], reactions=[{"count": 1}]), message(2))
ABSENT = [
    ("messages", 0, name)
    for name in ("reply_to_message_id", "reply_to_peer_id", "poll", "forwarded_from", "edited_unixtime", "action")
]


@settings(max_examples=100)
@given(damaged(WHOLE, more=ABSENT))
def test_any_json_is_messages_or_a_reason(record: Record) -> None:
    assert kept_promises(recognises, drafts, record)


def counted(paths: list[Path]) -> ByHand:
    """A forwarded message is a repost; ids are those of the chat."""
    found = ByHand()
    for document in (json.loads(path.read_text("utf-8")) for path in paths):
        for entry in document["messages"]:
            if entry["type"] == "message" and "forwarded_from" not in entry:
                own = f"{document['id']}/{entry['id']}"
                found.authors[own] = entry["from_id"]
                if "reply_to_message_id" in entry:
                    found.parents[own] = f"{document['id']}/{entry['reply_to_message_id']}"
    return found


def real(shared_data: Path) -> tuple[Path, dict[str, Any]]:
    path = shared_data / "telegram" / "result.json"
    return path, json.loads(path.read_text("utf-8"))


def test_a_real_export(shared_data: Path) -> None:
    _, document = real(shared_data)
    assert recognises(document)
    assert not any(recognises(entry) for entry in document["messages"])
    found = list(drafts(document))
    given = [m for m in document["messages"] if m["type"] == "message"]
    assert [d.message_id for d in found if isinstance(d, Draft)] == [f"{document['id']}/{m['id']}" for m in given]
    assert {d.author for d in found if isinstance(d, Draft)} == {f"id:{m['from_id']}" for m in given}
    assert [d.created_at for d in found if isinstance(d, Draft)] == [int(m["date_unixtime"]) * US for m in given]
    assert sum(isinstance(d, Draft) and d.text is not None for d in found) == sum(bool(m["text"]) for m in given)
