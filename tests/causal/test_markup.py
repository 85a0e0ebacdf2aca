"""Whatever a cell holds, LaTeX, Markdown and HTML print it: parsed back, it is the same text in the same cell."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causal import markup
from causal.markup import Table, html, html_page, latex, latex_text, markdown, plain

words = st.text(
    st.one_of(st.sampled_from("\\{}&%$#_~^<>|`\"'[]*-,!():./@=+;?\n\t\r\0−–²θ≤“”é中\u202e"), st.characters())
)
cells = words.map(lambda text: text + "x")  # a cell that is empty or blank says nothing
HOSTILE = (
    r"\input{/etc/passwd} \write18{rm} $x^2$ 100% a_b & c # ~",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "| a | b |\n|---|---|",
    "[link](https://example.org) ![i](x) https://example.org www.example.org a@example.org",
    '=HYPERLINK("https://example.org")',
    "*bold* __bold__ `code` ~~gone~~ <!-- hidden -->",
    "]{[*\\\\",
)


def table_of(*texts: str) -> Table:
    return Table("t", texts[0], ("Name", texts[1]), ((texts[2], texts[3]),), (False, True), (texts[4],))


def printed_by_latex(text: str) -> str:
    """Return what LaTeX prints of a text, and fail where anything in it would be run or lost."""
    back = {v: k for k, v in markup._LATEX.items()}
    known = sorted(back, key=len, reverse=True)
    said, at = "", 0
    while at < len(text):
        token = next((t for t in known if text.startswith(t, at)), None)
        if token is not None:
            said, at = said + back[token], at + len(token)
        elif text.startswith("{}", at):
            at += 2
        else:
            assert text[at] not in '\\{}&%$#_~^<>|`"[]*', f"{text[at]!r} would be run"
            said, at = said + text[at], at + 1
    assert not re.search(r"--|,,|''", text.replace("{''}", "")), "joined into another character"
    return said


@given(words)
def test_latex_prints_every_character(text: str) -> None:
    assert printed_by_latex(latex_text(text)) == plain(text)


@given(cells)
def test_a_latex_row_has_its_cells_and_no_more(text: str) -> None:
    made = latex(table_of("a", text, text, text, text))
    body = made.partition("\\toprule")[2].partition("\\bottomrule")[0]
    rows = [line for line in body.splitlines() if line.endswith(" \\\\")]
    assert len(rows) == 2
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert made.count(r"\begin{") == made.count(r"\end{") == 2


def printed_by_markdown(text: str) -> list[list[str]]:
    """Return the cells of each row as a reader sees them."""
    markdown_it = pytest.importorskip("markdown_it")
    assert not re.search(r"://|www\.|(?<!\\)@", text, re.IGNORECASE), "GitHub would make a link of it"
    tokens = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    seen: list[list[str]] = []
    for number, token in enumerate(tokens):
        if token.type in ("tr_open", "paragraph_open"):
            seen.append([])
        if token.type == "inline":
            assert tokens[number - 1].type in ("th_open", "td_open", "paragraph_open")
            kinds = {child.type for child in token.children or ()}
            assert kinds <= {"text", "text_special", "strong_open", "strong_close", "em_open", "em_close"}, kinds
            seen[-1].append("".join(child.content for child in token.children or ()))
    return seen


@given(cells)
def test_markdown_prints_every_character_in_its_cell(text: str) -> None:
    shown = plain(text)
    title, head, row, note = printed_by_markdown(markdown(table_of(*[text] * 5)))
    assert (title, head, row) == ([shown], ["Name", shown], [shown, shown])
    assert note == [f"Note. {shown}"]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert {name for name, _ in attrs} <= {"scope", "style", "colspan", "lang", "charset"}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@given(cells)
def test_html_prints_every_character_and_adds_no_element(text: str) -> None:
    reader = Reader()
    reader.feed(html(table_of(*[text] * 5)))
    assert " ".join(reader.tags) == "table caption thead tr th th tbody tr th td tfoot tr td"
    assert [part for part in reader.said if part.strip()] == [plain(text), "Name", *[plain(text)] * 4]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    assert printed_by_latex(latex_text(text)) == plain(text)
    reader = Reader()
    reader.feed(html_page(text, [table_of(*[text] * 5)]))
    assert not {"script", "img"} & set(reader.tags)
    made = markdown(table_of(*[text] * 5))
    assert "<script" not in made
    assert [len(row) for row in printed_by_markdown(made)] == [1, 2, 2, 1]


def test_a_row_never_begins_with_what_the_line_break_above_would_take() -> None:
    """After `\\\\` a bracket is an optional argument and a star a variant."""
    made = latex(replace(table_of(*"abcde"), rows=(("[0.1, 0.2]", "x"), ("*", "y"))))
    for line in made.splitlines():
        assert not line.startswith(("[", "*"))


def test_latex_is_a_float_with_rules_caption_label_and_notes() -> None:
    made = latex(Table("Effect by X!", "Title", ("A", "B"), (("r", "−0.1"),), (False, True), ("Read this.",)))
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{Title}", r"\label{tab:effect-by-x-}", "$-$0.1"):
        assert part in made
    assert r"\begin{tabular}{lr}" in made
    assert r"\footnotesize Read this." in made
