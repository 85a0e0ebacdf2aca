"""The words of a link to a person, and handles with dots, name the person as surely as the link does."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.scrub import Scrubber, suspects


def scrub(text: str) -> str:
    found = Scrubber(lambda raw: f"<{raw.casefold()}>").scrub(text)
    assert found == text or suspects(pa.array([text])) == [0]  # the fast look rules out nothing that would change
    return found


TARGETS = [
    "/u/Ann_Lee",
    "/user/Ann_Lee/",
    "https://www.reddit.com/user/Ann_Lee",
    "https://old.reddit.com/u/Ann_Lee/comments",
    "https://www.reddit.com%2Fuser%2FAnn_Lee",
    "https://reddit.com/r/u_Ann_Lee",
    '/u/Ann_Lee "her page"',
    "</u/Ann_Lee>",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("label", ["Ann_Lee", "ANN_LEE", "Ann\\_Lee", "@Ann_Lee", "AnnieLee"])
def test_a_name_as_the_label_of_a_profile_link_becomes_the_pseudonym(label: str, target: str) -> None:
    scrubbed = scrub(f"see [{label}]({target}) there")
    assert scrubbed.startswith("see [<ann_lee>](")
    assert "ann" not in scrubbed.casefold().replace("<ann_lee>", "")


def test_a_sentence_as_the_label_keeps_its_other_words() -> None:
    assert scrub("[my friend Ann_Lee helped](/u/Ann_Lee)") == "[my friend <ann_lee> helped](<ann_lee>)"
    assert scrub("[Annie Kowalska-Lee](/u/Ann_Lee)") == "[<ann_lee>](<ann_lee>)"
    assert scrub("[My Low Grades Success Story](/u/Ann_Lee)") == "[My Low Grades Success Story](<ann_lee>)"
    assert scrub("[my old page](/u/Ann_Lee)") == "[my old page](<ann_lee>)"


def test_a_mention_as_the_label_is_replaced_once() -> None:
    assert scrub("[u/Ann_Lee](/u/Ann_Lee)") == "[<ann_lee>](<ann_lee>)"
    assert scrub("[/u/Bob](/u/Ann_Lee)") == "[<bob>](<ann_lee>)"
    assert scrub("[u/Bob and Ann_Lee](/u/Ann_Lee)") == "[<bob> and <ann_lee>](<ann_lee>)"


def test_the_label_of_a_personal_page_elsewhere_goes_with_its_link() -> None:
    assert scrub("[annlee](https://instagram.com/annlee)") == "[link]([link])"
    assert scrub("[this talk](https://youtube.com/watch?v=1)") == "[this talk]([link])"


@pytest.mark.parametrize(
    "target",
    [
        *("https://www.facebook.com/ann.k", "https://instagram.com/annie", "linkedin.com/in/a-k-1234/", "x.com/ak"),
        *("https://ak.tumblr.com", "ak.substack.com", "https://ak.wordpress.com/2020/01/post", "about.me/ak"),
        *("https://soundcloud.com/ak?x=1", "https://gofundme.com/f/for-her", "https://calm.example/@ak", "t.me/akak"),
        *("https://www.youtube.com/channel/UCx", "https://open.spotify.com/user/ak", "https://cash.app/$ak"),
    ],
)
@pytest.mark.parametrize("label", ["Ann Kowalski", "my friend Ann Kowalski, who helps"])
def test_the_label_of_a_link_to_any_person_goes_whatever_it_says(label: str, target: str) -> None:
    assert scrub(f"see [{label}]({target}) there") == "see [link]([link]) there"


@pytest.mark.parametrize(
    "target",
    [
        *(
            "https://youtube.com/watch?v=1",
            "https://youtu.be/abc",
            "https://open.spotify.com/track/1",
            "discord.gg/abc",
        ),
        *(
            "https://instagram.com/p/abc/",
            "https://github.com/ak/tool",
            "https://www.quora.com/Why-is-it",
            "x.com/home",
        ),
        *("https://facebook.com/groups/12", "https://youtube.com/playlist?list=1"),
    ],
)
def test_the_label_of_a_link_to_something_else_stays(target: str) -> None:
    assert scrub(f"see [what I mean]({target}) there") == "see [what I mean]([link]) there"


@pytest.mark.parametrize(
    "text", ["[1](https://example.org/a)", "a[i](x)", "[]()", "[x] (y)", "[r/Anxiety](/r/Anxiety)"]
)
def test_other_links_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ann.lee", "<ann.lee>"),
        ("@ann.lee.x!", "<ann.lee.x>!"),
        ("ask @ann.", "ask <ann>."),
        ("@ann...", "<ann>..."),
        ("a@b.org", "[email]"),
    ],
)
def test_handles_with_dots(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_the_forgotten_are_nobody_in_labels_either() -> None:
    assert Scrubber(str.upper, frozenset({"BOB"})).scrub("[bob](/u/bob)") == "[[name]]([name])"


@given(st.text(alphabet="ab []()<>\\/@u._\n", max_size=60), st.sampled_from(TARGETS))
def test_a_label_never_keeps_a_name(around: str, target: str) -> None:
    scrubbed = scrub(f"{around} [Ann_Lee]({target}) {around}")
    assert "ann_lee" not in scrubbed.casefold().replace("<ann_lee>", "")


@pytest.mark.parametrize("piece", ["[", "[a", "[a](", "](", "[/u/aa](", "@a.", "@aa.b"])
def test_a_label_behind_long_hostile_ones_is_found_and_soon(piece: str) -> None:
    assert "ann" not in scrub(piece * 30_000 + " [Ann](/u/ann)")[-30:].replace("<ann>", "").casefold()
