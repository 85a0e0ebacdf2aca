"""No handle, address or number survives in a text, however it is written; ordinary words do."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ingest
from ingest.scrub import Scrubber, suspects, worded


def scrub(text: str) -> str:
    found = Scrubber(lambda raw: f"<{raw.casefold()}>").scrub(text)
    assert found == text or suspects(pa.array([text])) == [0]  # the fast look rules out nothing that would change
    return found


@pytest.mark.parametrize(
    "text",
    [
        "u/Ann_Lee",
        "/u/Ann_Lee",
        "U/ANN_LEE",
        "@Ann_Lee",
        "u/Ann\\_Lee",
        "&#64;Ann_Lee",
        "&amp;#64;Ann_Lee",
        "u&#x2F;Ann_Lee",
        "u/\u200bAnn_Lee",
        "u/&#x200B;Ann_Lee",
        "r/u_Ann_Lee",
        "/r/u_Ann_Lee",
        "https://www.reddit.com/user/Ann_Lee",
        "https://reddit.com/u/Ann_Lee/",
        "http://old.reddit.com/user/Ann_Lee/comments/?sort=top",
        "np.reddit.com/u/Ann_Lee",
        "https://reddit.com/r/u_Ann_Lee/",
        "https://www.reddit.com%2Fuser%2FAnn_Lee",
        "HTTPS://WWW.REDDIT.COM/USER/ANN_LEE",
    ],
)
def test_every_way_to_name_a_person_gives_the_pseudonym(text: str) -> None:
    assert "<ann_lee>" in scrub(f"thanks {text} !")
    assert "ann_lee" not in scrub(f"thanks {text} !").replace("<ann_lee>", "").casefold()
    assert scrub(f"({text})").count("<ann_lee>") == 1


@pytest.mark.parametrize(
    "text",
    ["and/u/Ann_Lee", "site.org/u/Ann_Lee", "site.org/user/Ann_Lee", "*u/Ann_Lee*", "_@Ann_Lee", "[x](/u/Ann_Lee)"],
)
def test_names_in_context(text: str) -> None:
    assert "<ann_lee>" in scrub(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write a.b+c@mail.example.org now", "write [email] now"),
        ("mailto:x@y.de", "[email]"),
        ("https://www.reddit.com/r/calm/comments/abc/title/def/", "[link]"),
        ("see https://redd.it/abc123.", "see [link]"),
        ("/r/calm/comments/abc/x", "[link]"),
        ("https://twitter.com/ann", "[link]"),
        ("instagram.com/ann", "[link]"),
        *(
            (f"ask {host} now", "ask [link] now")
            for host in (
                "annkowalski.tumblr.com",
                "annkowalski.wordpress.com",
                "www.annkowalski.blogspot.com",
                "AnnK.Substack.com",
                "annk.blogspot.co.uk",
                "annk.livejournal.com/1.html",
                "https://annk.tumblr.com",
                "nitter.net/annk",
                "nitter.poast.org/annk",
                "nitter.cz/annk",
                "about.me/annk",
                "ask.fm/annk",
                "http://annk.substack.com/p/x",
                "https://pushshift.io/?author=annk",
                "api.pushshift.io/reddit/comment/search?author=annk",
            )
        ),
        ("**annkowalski.tumblr.com**", "**[link]**"),
        ("I post at annk.tumblr.com. Come", "I post at [link]. Come"),
        ("call 555-123-4567 today", "call [phone] today"),
        ("(555) 123-4567", "[phone]"),
        ("+44 20 7946 0958", "[phone]"),
        ("5551234567", "[phone]"),
        ("a &gt; b &amp; c", "a > b & c"),
    ],
)
def test_addresses_numbers_links_and_entities(text: str, expected: str) -> None:
    assert scrub(text) == expected


@pytest.mark.parametrize(
    "number",
    [
        *("06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "0612345678", "07700 900123", "020 7946 0958"),
        *("0171 1234567", "0171/1234567", "0171 / 123 45 67", "(0171) 1234567", "02476 671 090", "080 05 03 05 12"),
        *("0049 171 1234567", "00442071938940", "00 44 20 7193 8940", "0035 9249 17 223"),
        *("11 98765-4321", "(11) 98765-4321", "11987654321", "(11) 98765 4321"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "call {} today", "tel:{}.", "({})", "Tel. {}, or mail", "in 2019: {}\nbye"])
def test_numbers_of_countries_that_dial_a_zero_first(number: str, around: str) -> None:
    assert scrub(around.format(number)) == around.format("[phone]")


@pytest.mark.parametrize(
    "number", ["612 345 678", "612345678", "501-234-567", "12 34 56 78", "12345678", "612 34 56 78"]
)
@pytest.mark.parametrize(
    "words",
    [
        "call me on {}",
        "Tel: {}, or mail",
        "my phone number is {}.",
        "WhatsApp {}!",
        "móvil {}",
        "Teléfono: {}",
        "zadzwoń {}",
        "tlf. {}",
        "Mobilnummer: {}",
    ],
)
def test_numbers_that_no_zero_begins_are_told_by_the_words_before_them(words: str, number: str) -> None:
    assert scrub(words.format(number)) == words.format("[phone]")
    assert scrub(f"it took {number} steps") == f"it took {number} steps"


@pytest.mark.parametrize("text", ["text me 12.03.2024", "call 12/11/10/09", "number 123456789012", "text 20-24-2025"])
def test_dates_and_longer_numbers_after_such_words_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("01/02/2019 10:30", "05-06-2019 12", "01.02.2019-03.04.2019", "2019-01-02 03.04.05.06", "01 02 2019 10"),
        *("0.12345678901", "1,012,345,678", "$ 1.012.345.678", "07:30:15 08:45:30", "0-1 2-3 4-5 1-1 2-2 0-3"),
        *(
            "ISBN 978-0-306-40615-7",
            "ISBN 0-306-40615-2",
            "0123",
            "scores 03 04 05",
            "0190_1234567",
            "00:10:20 9876543",
        ),
        *("011%", "12 90000", "05/12 07/12 09/12 11/12 13/12 15/12"),
    ],
)
def test_dates_scores_prices_and_numbers_of_books_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "and/or",
        "menu/item 5/10",
        "r/Anxiety",
        "in 2019 or 1999-2001",
        "at 5 @ noon",
        "10000 steps",
        "https://example.org/a",
        *("www.tumblr.com", "on wordpress.com", "tumblr.com is down", "blogspot.com", "about.com/a", "ask.com/a"),
        *("annk.tumblr.community", "monitor.nitter", "last.fm/x", "github.io/x"),
        "90% of 1,000,000",
        "TCP/UDP",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert scrub(text) == text


def test_replacements_are_counted_and_the_forgotten_are_nobody() -> None:
    scrubber = Scrubber(lambda raw: raw.upper(), frozenset({"BOB"}))
    assert scrubber.scrub("u/ann met @bob") == "ANN met [name]"
    assert scrubber.names_replaced == 2


@given(
    st.text(alphabet="ab _-*/.@(){}[]\n&;#%uU23", max_size=60),
    st.sampled_from(["u/{}", "/u/{}", "@{}", "https://old.reddit.com/user/{}/", "reddit.com/u/{}"]),
    st.text(alphabet=" .,!?)(\n*:", min_size=1, max_size=5),
)
def test_a_name_never_survives(before: str, how: str, after: str) -> None:
    secret = "Zqx_Canary-77"
    scrubbed = Scrubber(lambda raw: "person").scrub(before + " " + how.format(secret) + after)
    assert "canary" not in scrubbed.casefold()


@given(st.text(max_size=300) | st.text(alphabet="u/@ab._\\-1 []()<>", max_size=60))
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@pytest.mark.parametrize(
    "piece", ["a.", "u/", "@", "x" * 10, "1 ", "0 ", "0/", "01 ", "(", "www.", "+1", "\\_", "&amp;"]
)
def test_a_name_behind_long_hostile_text_is_found_and_soon(piece: str) -> None:
    """Patterns that look back at every place would take minutes here."""
    assert scrub(piece * 30_000 + " see u/Ann_Lee").endswith(" see <ann_lee>")


@pytest.mark.parametrize("piece", ["nitter.", "a.tumblr.", "www.", "x.com.", "-a."])
def test_an_address_behind_a_long_hostile_host_is_found_and_soon(piece: str) -> None:
    assert scrub(piece * 15_000 + "/ see annk.tumblr.com").endswith("/ see [link]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> q\nmine", "mine"),
        ("&gt; q\nmine", "mine"),
        ("&amp;gt; q\nmine", "mine"),
        (">> deep\n\nmine", "mine"),
        ("3 > 2", "3 > 2"),
        ("> all", ""),
    ],
)
def test_quotes_are_somebody_elses_words(text: str, expected: str) -> None:
    assert ingest.strip_quotes(text) == expected


def test_spoilers_are_no_quotes() -> None:
    assert ingest.strip_quotes(">!mine!<") == ">!mine!<"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail canary\\_mail@gmail.com now", "mail [email] now"),
        ("mail canary\\.mail\\@gmail.com now", "mail [email] now"),
        ("\\_canary\\_@my\\-host.org", "[email]"),
        ("o'canary@mail.org", "[email]"),
        ("he is at 'canary@mail.org'", "he is at '[email]'"),
        ("a\\canary@mail.org", "a\\[email]"),
        ("it's canary@mail.org", "it's [email]"),
        ("u/\u200eCanary", "<canary>"),
        ("u/Can\u00adary", "<canary>"),
        ("\u202au/Canary\u202c", "<canary>"),
        ("u\u2066/Canary", "<canary>"),
        ("u/&lrm;Canary", "<canary>"),
        ("user/Canary", "<canary>"),
        ("by user/canary, thanks", "by <canary>, thanks"),
        ("User/Canary", "<canary>"),
        ("user%2Fcanary", "<canary>"),
        ("@Canary\\-Author", "<canary-author>"),
        ("@canary\\_author\\.x", "<canary_author.x>"),
    ],
)
def test_names_in_markdown_and_with_invisible_marks(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_joined_emoji_and_ordinary_words_with_user_stay() -> None:
    for text in ("\U0001f469\u200d\U0001f4bb hi", "superuser/admin", "a user / an admin"):
        assert scrub(text) == text


@pytest.mark.parametrize("piece", ["'", "a'", "\\_", "a\\_", "a.", "\\", "-\\-", "a@", "@a\\."])
def test_an_address_behind_hostile_ones_is_found_and_soon(piece: str) -> None:
    assert scrub(piece * 30_000 + "@ ann@example.org").endswith(" [email]")


PIECES = st.sampled_from(
    [
        *(
            "u/",
            "U/",
            "user/",
            "/u_",
            "r/u_x",
            "u\\/",
            "%2F",
            "@",
            "\uff20",
            "&amp;",
            "&#64;",
            "](",
            "[ann](",
            "//",
            "://",
        ),
        *(
            "reddit.com/",
            "REDD.IT/",
            "r/x/comments/",
            "x.com/",
            "t.me/",
            *("ann.tumblr", ".tumblr.com", ".blogspot.", "com", "www.", ".SubStack.com", ".wordpress.com", ".live"),
            *("journal.com", "nitter.", "net/ann", "about.me/", "aſk.fm/", "pushshift.io/"),
            "youtu.be/",
            "\u212a",
            "\u017f",
            "\u0130",
            "i\u0307",
        ),
        *(
            "ann",
            "Ann_Lee",
            "_",
            ".",
            "-",
            " ",
            "\n",
            "(",
            ")",
            "+1 2345678",
            "+49",
            "555",
            "0123",
            "\u0665\u0666\u0667",
            "\u200b",
            "\xad",
            "\u200d",
            "\ufe0f",
            "06 12 34 56 78",
            "0171/",
            "00",
            " / ",
            "11) 9",
            "8765-4321",
        ),
    ]
)


@settings(max_examples=1000)
@given(st.lists(PIECES | st.text(max_size=2), max_size=12))
def test_the_fast_look_rules_out_only_texts_in_which_nothing_is_replaced(pieces: list[str]) -> None:
    text = "".join(pieces)
    if not suspects(pa.array([text])):
        scrubber = Scrubber(lambda raw: "<name>")
        assert (scrubber.scrub(text), scrubber.names_replaced) == (text, 0)
        assert text.strip() == (worded(text.strip()) or "")
