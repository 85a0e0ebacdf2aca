"""Somebody leaves on every platform: by id, username or shown name, in every dump, now and later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from copenet.foundation.errors import InputError, UsageError
from ingest.settings import IngestSettings
from tests.ingest.dumps import content, lines, post, reply, write

HANDLE, SHOWN, LOCAL = "Night_Owl77", "Ottoline Quebral", "night_owl77"
Records = Sequence[dict[str, Any]]


@pytest.fixture
def restricted(tmp_path: Path) -> Path:
    return tmp_path / "restricted"


def take(folder: Path, name: str, *records: dict[str, Any]) -> ingest.IngestSummary:
    return ingest.ingest([write(folder / name, lines(records))], folder / "restricted")


def table(restricted: Path) -> dict[str, dict[str, Any]]:
    return {row["message_id"]: row for row in ingest.read_messages(restricted).to_pylist()}


def written(restricted: Path) -> dict[str, str]:
    return {row["message_id"]: row["text"] for row in ingest.read_texts(restricted).to_pylist()}


def everything(restricted: Path) -> str:
    """Every value of every table, staged ones and words included, in small letters."""
    return "\n".join(str(pq.read_table(path).to_pylist()) for path in sorted(restricted.rglob("*.parquet"))).casefold()


def mark(restricted: Path, platform: str, raw: str) -> str:
    return ingest.pseudonym(ingest.load_key(restricted), platform, raw)


def x_post(
    native: str, user: str | None, text: str = "what a day", *, handle: str | None = None, **more: Any
) -> dict[str, Any]:
    """A flat post of X's API v2; with `handle` the author is expanded, else it is a bare id."""
    record = {
        "id": native,
        "text": text,
        "author_id": user,
        "conversation_id": native,
        "created_at": "2022-10-03T18:00:00.000Z",
        "edit_history_tweet_ids": [native],
    }
    if handle:
        record["author"] = {"id": user, "username": handle, "name": more.pop("name", SHOWN)}
    return record | more


def x_reply(native: str, user: str, to: str, person: str, text: str = "yes", **more: Any) -> dict[str, Any]:
    reference = {"referenced_tweets": [{"type": "replied_to", "id": to}], "in_reply_to_user_id": person}
    return x_post(native, user, text, conversation_id=to, **reference, **more)


SAID = f"ask @{HANDLE}, or {LOCAL}, or {SHOWN} herself"
BY_HANDLE, BY_ID = (
    x_post("101", "7", "only she knew", handle=HANDLE),
    x_post("102", "7", "only she knew, without a handle"),
)
OTHER = x_post("103", "8", SAID, handle="somebody_else", name="Zed")
ANSWER = x_reply("104", "9", "102", "7", "so true", handle="third_one", name="Third")
HER_NAMES = (HANDLE.casefold(), SHOWN.casefold())


def test_x_by_handle_reaches_the_records_that_carry_an_id_only(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", BY_HANDLE, OTHER)
    take(tmp_path, "two", BY_ID, ANSWER)
    gone = [mark(restricted, "x", name) for name in ("id:7", HANDLE, SHOWN)]
    assert gone[0] in everything(restricted)
    assert ingest.check_forget(restricted, "x", [f"@{HANDLE}"]) == (1, 0)
    assert ingest.forget(restricted, "x", [f"@{HANDLE}"]) == 2
    assert set(table(restricted)) == {"x:103", "x:104"}
    assert written(restricted)["x:103"] == "ask [name], or [name], or [name] herself"
    assert table(restricted)["x:104"]["parent_author_id"] is None
    assert [word for word in (*HER_NAMES, *gone) if word in everything(restricted)] == []


@pytest.mark.parametrize("again", ["the same dumps", "another dump"])
def test_x_names_stay_out_of_what_is_read_afterwards(tmp_path: Path, restricted: Path, again: str) -> None:
    take(tmp_path, "one", BY_HANDLE, OTHER)
    ingest.forget(restricted, "x", [HANDLE])
    if again == "the same dumps":
        for folder in (restricted / "ingest").glob("?" * 16):
            (folder / "cursor.json").unlink()  # so that it is read anew
        take(tmp_path, "one", BY_HANDLE, OTHER)
    else:
        take(tmp_path, "two", x_post("203", "8", SAID, handle="somebody_else", name="Zed"), BY_ID, ANSWER)
    assert {row["author_id"] for row in table(restricted).values()} <= {
        mark(restricted, "x", "id:8"),
        mark(restricted, "x", "id:9"),
    }
    assert {text for text in written(restricted).values() if text.startswith("ask")} == {
        "ask [name], or [name], or [name] herself"
    }
    assert [word for word in HER_NAMES if word in everything(restricted)] == []
    assert ingest.ingest([], restricted).messages == len(table(restricted))


@pytest.mark.parametrize("order", [(BY_HANDLE, BY_ID), (BY_ID, BY_HANDLE)])
def test_an_id_that_is_learnt_later_leaves_too(tmp_path: Path, restricted: Path, order: Records) -> None:
    """She is forgotten by a handle nobody has yet; one record of a later dump tells whose it is."""
    take(tmp_path, "one", OTHER)
    assert ingest.forget(restricted, "x", [HANDLE]) == 0
    for number, record in enumerate(order):
        take(tmp_path, f"later{number}", record, x_post(f"30{number}", "8", handle="somebody_else", name="Zed"))
    copy = x_post("102", None, "only she knew, without a handle")
    del copy["author_id"]
    take(tmp_path, "copy", copy | {"public_metrics": {}}, x_post("309", "8", SAID))
    assert set(table(restricted)) == {"x:103", "x:300", "x:301", "x:309"}
    assert written(restricted)["x:309"] == "ask [name], or [name], or [name] herself"
    assert "only she knew" not in everything(restricted)
    assert mark(restricted, "x", "id:7") not in everything(restricted)


def test_former_names_of_somebody_learnt_later_stay_out_though_their_rows_went(
    tmp_path: Path, restricted: Path
) -> None:
    """Her id is learnt from a later dump; an earlier one had it with another username, and loses these rows."""
    take(tmp_path, "one", OTHER)
    ingest.forget(restricted, "x", [HANDLE])
    take(
        tmp_path, "two", x_post("401", "7", "only she knew", handle="moss_lantern9", name="Philippa Thornquist"), OTHER
    )
    assert "x:401" in table(restricted)
    take(tmp_path, "three", BY_HANDLE, x_post("402", "8"))
    assert "x:401" not in table(restricted)
    by_name = x_post("403", None, "only she knew", handle="moss_lantern9") | {"public_metrics": {}}
    take(tmp_path, "four", by_name, x_post("404", "8", "so moss_lantern9 and Philippa Thornquist said"))
    assert set(table(restricted)) == {"x:103", "x:402", "x:404"}
    assert written(restricted)["x:404"] == "so [name] and [name] said"


def test_who_is_only_mentioned_is_no_longer(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", OTHER, x_post("105", "8", f"and foo/@{HANDLE} too", handle="somebody_else", name="Zed"))
    assert ingest.forget(restricted, "x", [HANDLE]) == 0
    assert written(restricted)["x:103"].startswith("ask [name], or [name]")
    assert mark(restricted, "x", HANDLE) not in everything(restricted)


def test_two_accounts_that_used_one_handle_both_leave(tmp_path: Path, restricted: Path) -> None:
    second = x_post("105", "17", "hers, too", handle=HANDLE)
    take(tmp_path, "one", BY_HANDLE, second, OTHER)
    assert ingest.check_forget(restricted, "x", [HANDLE]).accounts == 2
    assert ingest.forget(restricted, "x", [HANDLE]) == 2


def test_a_handle_that_others_used_leads_to_nobody_else(tmp_path: Path, restricted: Path) -> None:
    """Who is forgotten by id does not take along whoever else had her former handle."""
    before, after = x_post("105", "7", handle="shared_one"), x_post("106", "17", handle="shared_one", name="Una")
    take(tmp_path, "one", BY_HANDLE, before, after, OTHER)
    assert ingest.forget(restricted, "x", ["id:7"]) == 2
    assert set(table(restricted)) == {"x:103", "x:106"}


def test_a_shown_name_that_another_account_has_as_its_handle_stays_theirs(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", x_post("1", "7", handle=HANDLE, name="grumblewood"), OTHER)
    take(tmp_path, "two", x_post("2", "18", "grumblewood speaking", handle="Grumblewood", name="Gru"))
    assert ingest.check_forget(restricted, "x", ["grumblewood"]) == (1, 1)
    ingest.forget(restricted, "x", ["id:7"])
    assert set(table(restricted)) == {"x:103", "x:2"}
    assert written(restricted)["x:2"] == f"{mark(restricted, 'x', 'id:18')} speaking"


def telegram(*messages: dict[str, Any], number: int = 55) -> dict[str, Any]:
    return {"name": "Calm", "type": "private_supergroup", "id": number, "messages": list(messages)}


def chat(native: int, user: int, shown: str, text: str, **more: Any) -> dict[str, Any]:
    record = {"id": native, "type": "message", "date_unixtime": str(1_600_000_000 + native), "text": text}
    return record | {"from": shown, "from_id": f"user{user}"} | more


HERS = chat(1, 12, SHOWN, "hers alone")
ABOUT = chat(2, 13, "Zed", f"I asked {SHOWN} yesterday", reply_to_message_id=1)


@pytest.mark.parametrize("typed", ["user12", "12", SHOWN, SHOWN.upper()])
def test_telegram_by_id_and_by_the_name_shown(tmp_path: Path, restricted: Path, typed: str) -> None:
    take(tmp_path, "one", telegram(HERS, ABOUT))
    assert ingest.forget(restricted, "telegram", [typed]) == 1
    assert written(restricted) == {"telegram:55/2": "I asked [name] yesterday"}
    take(tmp_path, "two", telegram(HERS, ABOUT, chat(3, 12, SHOWN, "again hers"), chat(4, 13, "Zed", f"{SHOWN} again")))
    take(tmp_path, "three", telegram(chat(5, 14, SHOWN, "a namesake"), number=56))
    assert set(written(restricted).values()) == {"I asked [name] yesterday", "[name] again", "a namesake"}
    assert mark(restricted, "telegram", SHOWN) not in everything(restricted)
    assert SHOWN.casefold() not in everything(restricted)
    assert "hers" not in everything(restricted)


def test_telegram_a_name_that_two_show_is_not_enough(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", telegram(HERS, chat(2, 13, SHOWN, "I, too"), chat(3, 14, "Zed", f"hello {SHOWN}!")))
    before = everything(restricted)
    with pytest.raises(UsageError, match="2 people of this study show one of the names") as caught:
        ingest.forget(restricted, "telegram", [SHOWN])
    assert SHOWN.split()[1] not in caught.value.message + caught.value.remedy
    assert everything(restricted) == before
    ingest.forget(restricted, "telegram", ["user12"])
    other = mark(restricted, "telegram", "id:user13")
    assert written(restricted) == {"telegram:55/2": "I, too", "telegram:55/3": f"hello {other}!"}


def test_telegram_a_name_nobody_shows_is_refused_as_before(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", telegram(HERS))
    with pytest.raises(UsageError, match="no account of Telegram"):
        ingest.forget(restricted, "telegram", ["Nobody Of That Name"])


def toot(number: int, name: str, text: str, shown: str = "", **more: Any) -> dict[str, Any]:
    page = f"https://calm.example/@{name}"
    account = {"id": str(len(name)), "acct": name, "url": page, "display_name": shown}
    record = {"id": str(number), "uri": f"https://calm.example/users/{name}/statuses/{number}", "account": account}
    return record | {"content": f"<p>{text}</p>", "created_at": "2022-10-03T18:00:00Z", "in_reply_to_id": None} | more


@pytest.mark.parametrize("typed", [f"@{LOCAL}@Calm.example", f"https://calm.example/@{LOCAL}", LOCAL, SHOWN])
def test_mastodon_by_address_and_by_names_that_are_one_persons(tmp_path: Path, restricted: Path, typed: str) -> None:
    hers = toot(1, LOCAL, "hers alone", SHOWN)
    about = toot(2, "zed", f"see @{LOCAL}@calm.example, {LOCAL} or {SHOWN}")
    take(tmp_path, "one", hers, about)
    assert ingest.forget(restricted, "mastodon", [typed]) == 1
    take(tmp_path, "two", hers, about, toot(3, "zed", f"{LOCAL} again"))
    assert set(written(restricted).values()) == {"see [name], [name] or [name]", "[name] again"}
    assert [word for word in HER_NAMES if word in everything(restricted)] == []


def test_names_with_letters_that_casefold_to_several(tmp_path: Path, restricted: Path) -> None:
    take(
        tmp_path, "one", telegram(chat(1, 12, "Ottoline Weißquell", "hers"), chat(2, 13, "Zed", "Ottoline Weißquell!"))
    )
    ingest.forget(restricted, "telegram", ["user12"])
    assert written(restricted) == {"telegram:55/2": "[name]!"}


def test_a_platform_must_be_named_where_there_are_several(tmp_path: Path, restricted: Path) -> None:
    with pytest.raises(InputError, match="Nothing has been ingested"):
        ingest.platform_of(restricted, None)
    take(tmp_path, "one", OTHER)
    assert ingest.platform_of(restricted, None) == "x"
    take(tmp_path, "two", post(), reply("c", "t3_p1", "cy"))
    with pytest.raises(UsageError, match="several platforms: reddit, x") as caught:
        ingest.platform_of(restricted, None)
    assert "--platform reddit" in caught.value.remedy
    assert ingest.platform_of(restricted, "telegram") == "telegram"
    with pytest.raises(UsageError, match="no platform 'redit'") as caught:
        ingest.platform_of(restricted, "redit")
    assert "Did you mean reddit?" in caught.value.remedy


def test_the_platform_is_known_though_everybody_left(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", BY_HANDLE)
    assert ingest.forget(restricted, "x", [HANDLE]) == 1
    assert ingest.platform_of(restricted, None) == "x"


def test_the_same_name_elsewhere_is_somebody_else(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", BY_HANDLE, OTHER)
    take(tmp_path, "two", post("p1", HANDLE, "mine"), reply("c", "t3_p1", "cy", body=f"{HANDLE} said"))
    ingest.forget(restricted, "x", [HANDLE])
    assert set(table(restricted)) == {"x:103", "reddit:t3_p1", "reddit:t1_c"}
    assert written(restricted)["reddit:t1_c"] == f"{mark(restricted, 'reddit', HANDLE)} said"


def test_a_column_table_knows_its_people(tmp_path: Path, restricted: Path) -> None:
    from ingest.formats import column_format
    from ingest.settings import How

    path = write(tmp_path / "t.csv", b"n,who,words\n1,Night_Owl77,hers\n2,zed_x,night_owl77 said\n")
    how = {path: How(column_format({"id": "n", "author": "who", "text": "words"}, "forumx"))}
    ingest.ingest([path], restricted, settings=IngestSettings(how=how))
    assert ingest.platform_of(restricted, None) == "forumx"
    assert ingest.forget(restricted, "forumx", ["@Night_Owl77"]) == 1
    assert written(restricted) == {"forumx:2": "[name] said"}


NAMED = st.sampled_from(
    ["hi", f"@{HANDLE}", f"so {LOCAL} said", f"thanks {SHOWN}", f"and {HANDLE}, or @{HANDLE}!", "no"]
)
PEOPLE = {"7": (HANDLE, SHOWN), "8": ("somebody_else", "Zed"), "9": ("third_one", "Third")}


@st.composite
def x_records(draw: st.DrawFn) -> dict[str, Any]:
    native, user = draw(st.integers(110, 125)), draw(st.sampled_from(sorted(PEOPLE)))
    handle, shown = PEOPLE[user]
    more: dict[str, Any] = {"handle": handle, "name": shown} if draw(st.booleans()) else {}
    text = draw(NAMED)
    if draw(st.booleans()):
        return x_post(str(native), user, text, **more)
    return x_reply(str(native), user, str(draw(st.integers(100, 125))), draw(st.sampled_from("789")), text, **more)


def without_her(records: Records) -> list[dict[str, Any]]:
    """Return what others wrote, as if her name had never been said."""
    kept = []
    for record in records:
        if record["author_id"] == "7":
            continue
        text = record["text"]
        for name in (f"@{HANDLE}", HANDLE, LOCAL, SHOWN):
            text = text.replace(name, "[name]")
        hers = record.get("in_reply_to_user_id") == "7"
        kept.append({k: v for k, v in record.items() if not (hers and k == "in_reply_to_user_id")} | {"text": text})
    return kept


@settings(max_examples=12)
@given(st.lists(x_records(), max_size=8), st.lists(x_records(), max_size=8), st.booleans())
def test_forgetting_and_reading_on_equals_dumps_without_her(
    tmp_path_factory: pytest.TempPathFactory, first: Records, later: Records, by_id: bool
) -> None:
    ours = {"101": BY_HANDLE, "103": x_post("103", "8", "hello", handle="somebody_else", name="Zed")}
    native = {record["id"]: record["author_id"] for record in (*ours.values(), *first, *later)}
    first, later = ([r for r in records if native[r["id"]] == r["author_id"]] for records in (first, later))
    folder, other = tmp_path_factory.mktemp("forget"), tmp_path_factory.mktemp("without")
    for place in (folder, other):
        (place / "restricted").mkdir()
        (place / "restricted" / "key").write_text("ab" * 32)
    take(folder, "one", *ours.values(), *first)
    ingest.forget(folder / "restricted", "x", ["7" if by_id else HANDLE])
    take(folder, "two", *later, ours["103"])
    take(other, "one", *without_her([*ours.values(), *first]))
    take(other, "two", *without_her([*later, ours["103"]]))
    for one, two in zip(content(folder / "restricted"), content(other / "restricted"), strict=True):
        assert one.to_pylist() == two.to_pylist()
    assert [word for word in HER_NAMES if word in everything(folder / "restricted")] == []


def test_the_list_holds_no_raw_name(tmp_path: Path, restricted: Path) -> None:
    take(tmp_path, "one", BY_HANDLE, OTHER)
    ingest.forget(restricted, "x", [HANDLE])
    document = (restricted / "forgotten").read_text()
    assert json.loads(document)["asked"] == 1
    assert [word for word in HER_NAMES if word in document.casefold()] == []
