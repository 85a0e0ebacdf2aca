"""Tables of text as LaTeX (booktabs), Markdown and HTML: whatever a cell holds, it is printed and never run.

A letter that pdfLaTeX's default fonts lack stands as it is: use XeLaTeX or LuaLaTeX for names outside Latin scripts.
"""

from __future__ import annotations

import html as html_escapes
import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        name: A short name, for files and labels.
        title: What it shows.
        columns: Headings (k).
        rows: Cells (k each); the first names the row.
        right: Which columns hold numbers and are set flush right (k).
        notes: What must be read with it.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    notes: tuple[str, ...] = ()


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    '"': r"{''}",
    "[": "{[}",  # after the end of a row it would be an option of the line break
    "]": "{]}",
    "*": "{*}",
    "−": "$-$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "∞": r"$\infty$",
    "²": "$^2$",
    "³": "$^3$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "θ": r"$\theta$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "χ": r"$\chi$",
    "Σ": r"$\Sigma$",
}
_DOUBLED = re.compile(r"([-,'])(?=\1)")  # two are a dash, or a quote
_MARKDOWN = re.compile(r"([\\`*_{}\[\]|~$@]|(?<=:)/(?=/)|(?<=www)\.)", re.IGNORECASE)


def plain(text: str) -> str:
    """Return text on one line without control, format or unassigned characters.

    >>> plain("two\\nlines\\x07")
    'two lines'
    """
    return " ".join("".join(c if not unicodedata.category(c).startswith("C") else _space(c) for c in text).split())


def _space(character: str) -> str:
    return " " if character.isspace() else ""


def latex_text(text: str) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> print(latex_text("50% of a_b & c"))
    50\% of a\_b \& c
    """
    pieces = _DOUBLED.sub("\\1\0", plain(text)).split("\0")
    return "{}".join("".join(_LATEX.get(c, c) for c in piece) for piece in pieces)


def markdown_text(text: str) -> str:
    r"""Return text that Markdown (CommonMark, GitHub) prints as it is, in a table as well.

    >>> print(markdown_text("a|b <i>"))
    a\|b &lt;i&gt;
    """
    safe = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", safe)


def html_text(text: str) -> str:
    """Return text that HTML prints as it is, in an attribute as well.

    >>> html_text('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html_escapes.escape(plain(text), quote=True)


def latex(table: Table) -> str:
    """Return the table as a LaTeX float; the preamble needs `\\usepackage{booktabs}`."""
    spec = "".join("r" if right else "l" for right in table.right)
    if not any(table.right):  # words alone: let the last column break its lines
        spec = "l" * (len(table.columns) - 1) + r"p{0.6\linewidth}"
    lines = [r"\begin{table}[htbp]", r"\centering", rf"\caption{{{latex_text(table.title)}}}"]
    lines += [rf"\label{{tab:{re.sub('[^a-z0-9]+', '-', table.name.lower())}}}", rf"\begin{{tabular}}{{{spec}}}"]
    lines += [r"\toprule", _latex_row(table.columns), r"\midrule"]
    lines += [_latex_row(row) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip\footnotesize {latex_text(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"


def markdown(table: Table) -> str:
    """Return the table as GitHub's Markdown, its title above and its notes below."""
    rule = " | ".join("---:" if right else ":---" for right in table.right)
    rows = [" | ".join(map(markdown_text, row)) for row in (table.columns, *table.rows)]
    lines = [f"**{markdown_text(table.title)}**", "", f"| {rows[0]} |", f"| {rule} |", *(f"| {r} |" for r in rows[1:])]
    for note in table.notes:
        lines += ["", f"*Note.* {markdown_text(note)}"]
    return "\n".join([*lines, ""])


def html(table: Table) -> str:
    """Return the table as an HTML fragment with caption, headings that screen readers follow, and notes."""
    heads = "".join(
        f'<th scope="col"{_flush(r)}>{html_text(c)}</th>' for c, r in zip(table.columns, table.right, strict=True)
    )
    lines = ["<table>", f"<caption>{html_text(table.title)}</caption>", f"<thead><tr>{heads}</tr></thead>", "<tbody>"]
    for first, *rest in table.rows:
        cells = "".join(f"<td{_flush(r)}>{html_text(c)}</td>" for c, r in zip(rest, table.right[1:], strict=True))
        lines.append(f'<tr><th scope="row">{html_text(first)}</th>{cells}</tr>')
    lines.append("</tbody>")
    if table.notes:
        notes = "<br>".join(map(html_text, table.notes))
        lines.append(f'<tfoot><tr><td colspan="{len(table.columns)}">{notes}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>", ""])


def _flush(right: bool) -> str:
    return ' style="text-align:right"' if right else ""


def html_page(title: str, tables: list[Table]) -> str:
    """Return a whole page of the tables."""
    body = "\n".join(map(html, tables))
    head = f'<meta charset="utf-8">\n<title>{html_text(title)}</title>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}</body>\n</html>\n'
