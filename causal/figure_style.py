"""The one look of every effect figure: sizes of a printed column, type, colours, and files that rerun byte for byte.

Widths are those journals ask for (89 mm for one column, 183 mm for two); text is 7 pt; fonts are embedded in PDF
(type 42) and left as text in SVG; colours are those of Okabe and Ito, and no meaning is carried by colour alone.
matplotlib is imported when something is drawn, never before.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copenet.foundation.files import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN = 89.0
TWO_COLUMNS = 183.0
INK, GREY, RULE, WASH = "#1b1b1f", "#6b6f76", "#d5d8dd", "#eef0f3"
BLUE, ORANGE, GREEN, VERMILION, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9"
_STYLE: Any = {
    "svg.hashsalt": "copenet",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": ["DejaVu Sans"],
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "contour.negative_linestyle": "solid",
    "hatch.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.unicode_minus": True,
    "text.usetex": False,
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished figure with the words that must travel with it.

    Attributes:
        name: File name without ending.
        alt: What the figure shows, for people who cannot see it: one or two sentences with the numbers.
        caption: Meaning of every mark, number of people or draws, what was suppressed.
    """

    name: str
    alt: str
    caption: str
    figure: Figure = field(repr=False, compare=False)

    def svg(self) -> str:
        """Return the figure as SVG; the same figure gives the same bytes."""
        return self._render("svg", {"Date": None, "Creator": None}).decode()

    def pdf(self) -> bytes:
        """Return the figure as PDF with embedded fonts; the same figure gives the same bytes."""
        return self._render("pdf", {"CreationDate": None, "Creator": None, "Producer": None})

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write `name.svg` and `name.pdf` into `folder` and return their paths."""
        paths = (folder / f"{self.name}.svg", folder / f"{self.name}.pdf")
        write_text(paths[0], self.svg())
        write_bytes(paths[1], self.pdf())
        return paths

    def _render(self, kind: str, metadata: dict[str, None]) -> bytes:
        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format=kind, metadata=metadata)
        self.figure.set_layout_engine("none")  # laid out once: the next format stands exactly as the first
        return buffer.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """Apply the look inside the block and nowhere else; a user's own matplotlibrc is ignored."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def canvas(height_mm: float, width_mm: float = ONE_COLUMN) -> tuple[Figure, Axes]:
    """Return an empty figure of a printed column's width and its axes (call inside `style()`)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout="constrained")
    return figure, figure.subplots()


def signed(value: float, digits: int = 2) -> str:
    """Return `value` with its sign, a true minus, and no negative zero.

    >>> signed(-0.004), signed(0.25)
    ('0.00', '+0.25')
    """
    rounded = round(float(value), digits)
    if rounded == 0:
        return f"{0:.{digits}f}"
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
