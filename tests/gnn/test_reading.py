import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnn.reading import own_words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("> quoted\nown", "own"),
        ("&gt; quoted\nown", "own"),
        ("  > quoted\n>> deeper\n\nown words", "own words"),
        ("own > not a quotation", "own > not a quotation"),
        ("see [the page](https://example.org/x?y=1) please", "see the page please"),
        ("see https://example.org/a and www.example.org now", "see and now"),
        ("> only a quotation", ""),
        ("", ""),
        ("a\n\n\tb   c", "a b c"),
        ("ask reddit:u_0123456789abcdef, or @reddit:u_fedcba9876543210", "ask somebody, or somebody"),
        ("ask [name] again", "ask somebody again"),
    ],
)
def test_only_the_authors_own_words_are_read(text: str, read: str) -> None:
    assert own_words(text) == read


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")))
def test_a_quotation_adds_nothing(text: str, quotation: str) -> None:
    assert own_words(f"> {quotation}\n{text}") == own_words(text)


@given(st.text())
def test_reading_never_adds_length_or_outer_spaces(text: str) -> None:
    read = own_words(text)
    assert len(read) <= len(text)
    assert read == read.strip()
