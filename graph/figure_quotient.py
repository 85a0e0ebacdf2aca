"""The community quotient figure: who answers whom between communities, for print.

Left, communities as circles (area: people; colour: share of messages that show a strategy) and the replies that stand
out between them; right, how far replies between each two communities exceed or fall short of what their activity alone
would give. The legend is in the file, the caption is generated, and a rerun gives the same bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from copenet.foundation.files import write_bytes
from graph.codelength import Floats
from graph.layout import circles
from graph.quotient import MAX_COMMUNITIES, MIN_EXPECTED, Quotient, backbone, expected_between, inside_share, quotient

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_MM, HEIGHT_MM = 183.0, 104.0
_NETWORK = (3.0, 23.0, 104.0, 99.0)  # left, bottom, right, top of panel a, in mm
_MATRIX = (119.0, 27.0, 179.0, 87.0)
_MAX_RADIUS_MM = 10.0
_LABEL_INSIDE_MM = 2.4
_LINE_PT = (0.4, 3.2)  # 1 to 8
_INK, _SOFT, _EMPTY, _EDGE = "#1b1f24", "#59636e", "#d5d9de", "#4a5561"
_LOG2_LIMIT = 2.0
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "text.color": _INK,
    "axes.linewidth": 0.4,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "copenet",
    "path.simplify": False,
}


@dataclass(frozen=True, slots=True)
class FigureFiles:
    """What was written, and the words that go with it.

    Attributes:
        svg, pdf: The files.
        caption: For the paper; names what was drawn of what, filters, meanings and the suppression rule.
        alt_text: For readers who do not see the figure.
        data: The numbers drawn, JSON-shaped.
    """

    svg: Path
    pdf: Path
    caption: str
    alt_text: str
    data: dict[str, Any]


def quotient_figure(
    user_ties: pa.Table,
    communities: pa.Table,
    share: pa.Table | None,
    path_svg: Path,
    path_pdf: Path,
    k: int = 8,
    *,
    strategy: str = "",
    window: str = "",
    max_communities: int = MAX_COMMUNITIES,
) -> FigureFiles:
    """Draw the community quotient graph and its block matrix.

    Args:
        user_ties: `graph.schema.USER_TIES`.
        communities: `graph.schema.COMMUNITIES` of one method.
        share: author_id, messages, showing (`graph.strategy_counts`), or None for circles without colour.
        path_svg, path_pdf: Where the two files go; each is replaced as a whole.
        k: Smallest group of people drawn; smaller communities are pooled.
        strategy: Name of the strategy of `share`, for legend and caption.
        window: The period the ties come from, in words, for the caption.
        max_communities: Communities drawn by themselves.

    Raises:
        UsageError, InputError: As `graph.quotient.quotient`.
    """
    folded = quotient(user_ties, communities, share, k=k, max_communities=max_communities)
    method = communities.column("method")[0].as_py()
    pairs = backbone((folded.replies + folded.replies.T).astype(float))
    svg, pdf = render(folded, pairs, strategy)
    write_bytes(path_svg, svg)
    write_bytes(path_pdf, pdf)
    caption = _caption(folded, len(pairs), method, strategy, window)
    return FigureFiles(path_svg, path_pdf, caption, _alt_text(folded, strategy), _data(folded, pairs, caption))


def render(folded: Quotient, pairs: list[tuple[int, int]], strategy: str = "") -> tuple[bytes, bytes]:
    """Return the figure as SVG and as PDF; the same input gives the same bytes."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        figure = draw(folded, pairs, strategy)
        return _saved(figure, "svg", {"Date": None}), _saved(figure, "pdf", {"CreationDate": None})


def draw(folded: Quotient, pairs: list[tuple[int, int]], strategy: str = "") -> Figure:
    """Return the figure; everything but the matrix stands on one canvas measured in millimetres."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))
    FigureCanvasAgg(figure)
    canvas = figure.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, WIDTH_MM), ylim=(0, HEIGHT_MM))
    canvas.set_axis_off()
    canvas.text(3, HEIGHT_MM - 3.4, "a", fontsize=9, fontweight="bold", va="center")
    canvas.text(_MATRIX[0] - 9, HEIGHT_MM - 3.4, "b", fontsize=9, fontweight="bold", va="center")
    canvas.text(7, HEIGHT_MM - 3.4, "Replies between communities", va="center")
    canvas.text(_MATRIX[0] - 5, HEIGHT_MM - 3.4, "Replies, observed / expected", va="center")
    scale = _draw_network(canvas, folded, pairs)
    _draw_network_legend(figure, canvas, folded, pairs, scale, strategy)
    _draw_matrix(figure, canvas, folded)
    return figure


# --- panel a


def _draw_network(canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]]) -> float:
    """Draw circles and ties, and return millimetres per square root of a person."""
    centre, radius, scale = _placed(folded, pairs)
    colours = _share_colours(folded)
    patches = [_circle(canvas, folded, i, centre[i], radius[i], colours[i]) for i in range(len(radius))]
    widths = _widths(folded, pairs)
    for i, j in pairs:
        for a, b in ((i, j), (j, i)):
            if folded.replies[a, b]:
                _arrow(canvas, (centre[a], centre[b]), (patches[a], patches[b]), widths[a, b])
    _label(canvas, folded, centre, radius, colours)
    return scale


def _placed(folded: Quotient, pairs: list[tuple[int, int]]) -> tuple[Floats, Floats, float]:
    radius = np.sqrt(folded.people / np.pi)
    weight = (folded.replies + folded.replies.T).astype(float)
    centre = circles(weight, pairs, radius, gap=0.55 * float(radius.mean()) + 0.1 * float(radius.max()))
    low, high = (centre - radius[:, None]).min(0), (centre + radius[:, None]).max(0)
    left, bottom, right, top = _NETWORK
    room = np.array([right - left - 2, top - bottom - 2])
    scale = float(min(*(room / (high - low)), _MAX_RADIUS_MM / radius.max()))
    # What room is left is shared out along both axes: circles keep their size and move apart, never together.
    stretch = np.minimum((room - 2 * scale * radius.max()) / np.maximum(np.ptp(centre, axis=0) * scale, 1e-9), 1.6)
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    placed = (centre - (low + high) / 2) * scale * np.maximum(stretch, 1.0) + middle
    return placed, radius * scale, scale


def _circle(canvas: Axes, folded: Quotient, i: int, centre: Floats, radius: float, colour: Any) -> Any:
    from matplotlib.patches import Circle

    rest = folded.names[i] == "rest"
    style = (0, (2, 1.2)) if rest else "solid"
    patch = Circle(tuple(centre), radius, facecolor=colour, edgecolor=_INK, linewidth=0.5, linestyle=style, zorder=3)
    canvas.add_patch(patch)
    return patch


def _arrow(canvas: Axes, ends: tuple[Floats, Floats], patches: tuple[Any, Any], width: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    head = 2.2 + 1.1 * width
    canvas.add_patch(
        FancyArrowPatch(
            tuple(ends[0]),
            tuple(ends[1]),
            patchA=patches[0],
            patchB=patches[1],
            connectionstyle="arc3,rad=0.16",
            arrowstyle=f"-|>,head_length={head / 6:.3f},head_width={head / 14:.3f}",
            mutation_scale=6,
            shrinkA=0.4,
            shrinkB=0.4,
            linewidth=width,
            color=_EDGE,
            alpha=0.62,
            capstyle="butt",
            joinstyle="miter",
            zorder=2,
        )
    )


def _widths(folded: Quotient, pairs: list[tuple[int, int]]) -> Floats:
    """Return q x q line widths, 1:8, linear in replies up to the largest that is drawn."""
    top = max((max(folded.replies[i, j], folded.replies[j, i]) for i, j in pairs), default=1)
    low, high = _LINE_PT
    return np.asarray(low + (high - low) * np.minimum(folded.replies / max(int(top), 1), 1.0))


def _share_colours(folded: Quotient) -> list[Any]:
    mappable = _share_scale(folded)
    return [_EMPTY if np.isnan(x) else mappable.to_rgba(x) for x in folded.share]


def _share_scale(folded: Quotient) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    known = folded.share[~np.isnan(folded.share)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    low, high = np.floor(low * 100) / 100, np.ceil(high * 100) / 100
    if high - low < 0.02:
        low, high = max(0.0, low - 0.01), min(1.0, high + 0.01)
    return ScalarMappable(Normalize(low, high), "cividis")


def _label(canvas: Axes, folded: Quotient, centre: Floats, radius: Floats, colours: list[Any]) -> None:
    import textalloc
    from matplotlib.colors import to_rgb

    outside = []
    for i, name in enumerate(folded.names):
        if radius[i] < (_LABEL_INSIDE_MM if name != "rest" else 3.2):
            outside.append(i)
            continue
        light = float(np.dot(to_rgb(colours[i]), (0.299, 0.587, 0.114))) > 0.5
        canvas.text(*centre[i], name, ha="center", va="center_baseline", color=_INK if light else "white", zorder=4)
    if outside:
        textalloc.allocate(
            canvas,
            centre[outside, 0],
            centre[outside, 1],
            [folded.names[i] for i in outside],
            x_scatter=centre[:, 0],
            y_scatter=centre[:, 1],
            scatter_sizes=list((2 * radius * 72 / 25.4) ** 2),
            textsize=7,
            draw_lines=False,
            margin=0.002,
            min_distance=0.004,
            max_distance=0.05,
            zorder=5,
        )


def _draw_network_legend(
    figure: Figure, canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]], scale: float, strategy: str
) -> None:
    from matplotlib.patches import Circle

    y, title = 8.5, 15.8
    canvas.text(4, title, "people", color=_SOFT, va="center")
    x = 4.0
    for people in _round_examples(folded.people):
        r = float(np.sqrt(people / np.pi) * scale)
        canvas.add_patch(Circle((x + r, y), r, facecolor="white", edgecolor=_INK, linewidth=0.5))
        canvas.text(x + 2 * r + 1, y, f"{people:,}", va="center")
        x += 2 * r + 4 + 1.5 * len(f"{people:,}")
    canvas.text(44, title, "replies, from replier to answered", color=_SOFT, va="center")
    _legend_arrows(canvas, folded, pairs, 44.0, y)
    if not np.isnan(folded.share).all():
        words = f"share of messages: {strategy.replace('_', ' ')}" if strategy else "share of messages"
        canvas.text(88, title, words, color=_SOFT, va="center")
        _colour_bar(figure, _share_scale(folded), (88, 9.0, 24, 2.4), percent=True)


def _legend_arrows(canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]], x: float, y: float) -> None:
    from matplotlib.patches import Circle

    drawn = [int(n) for i, j in pairs for n in (folded.replies[i, j], folded.replies[j, i]) if n]
    if not drawn:
        canvas.text(x, y, "none", va="center")
        return
    largest = max(drawn)
    for n in sorted({largest, _one_digit(largest / 4)}):
        width = float(_LINE_PT[0] + (_LINE_PT[1] - _LINE_PT[0]) * n / largest)
        ends = (np.array([x, y - 0.6]), np.array([x + 9, y - 0.6]))
        dots = tuple(
            Circle(tuple(end), 0.5, facecolor="white", edgecolor=_INK, linewidth=0.4, zorder=3) for end in ends
        )
        for dot in dots:
            canvas.add_patch(dot)
        _arrow(canvas, ends, (dots[0], dots[1]), width)
        canvas.text(x + 11, y, f"{n:,}", va="center")
        x += 14 + 1.8 * len(f"{n:,}")


def _round_examples(people: Any) -> list[int]:
    largest = _one_digit(float(people.max()))
    return sorted({largest, max(_one_digit(largest / 8), 1)}, reverse=True)


def _one_digit(value: float) -> int:
    """Return `value` rounded down to one leading digit (at least 1)."""
    if value < 1:
        return 1
    power = 10 ** int(np.log10(value))
    return int(value // power * power)


# --- panel b


def _draw_matrix(figure: Figure, canvas: Axes, folded: Quotient) -> None:
    left, bottom, right, top = _MATRIX
    q = len(folded.names)
    axes = figure.add_axes((left / WIDTH_MM, bottom / HEIGHT_MM, (right - left) / WIDTH_MM, (top - bottom) / HEIGHT_MM))
    scale = _ratio_scale()
    ratio = _log2_ratio(folded)
    colours = scale.to_rgba(np.nan_to_num(ratio))
    colours[np.isnan(ratio)] = (1, 1, 1, 1)
    colours[np.eye(q, dtype=bool)] = (0.9, 0.91, 0.93, 1)
    axes.pcolormesh(np.arange(q + 1), np.arange(q + 1), colours, edgecolors="white", linewidth=0.35)
    axes.set(xlim=(0, q), ylim=(q, 0))
    size = 7 if q <= 16 else 6
    for i, j in zip(*np.nonzero(np.isnan(ratio) & ~np.eye(q, dtype=bool)), strict=True):
        axes.plot(j + 0.5, i + 0.5, ".", color="#9aa4af", markersize=1.2)
    for i, value in enumerate(inside_share(folded.replies)):
        text = "–" if np.isnan(value) else f"{100 * value:.0f}"
        axes.text(i + 0.5, i + 0.52, text, ha="center", va="center", fontsize=6, color=_INK)
    ticks = np.arange(q) + 0.5
    axes.set_xticks(ticks, folded.names, fontsize=size, rotation=90 if q > 12 else 0)
    axes.set_yticks(ticks, folded.names, fontsize=size)
    axes.tick_params(length=0, pad=1.5, top=False, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    canvas.text((left + right) / 2, top + 8.2, "answered community", ha="center", va="center", color=_SOFT)
    canvas.text(
        left - 8.2, (bottom + top) / 2, "replying community", ha="center", va="center", rotation=90, color=_SOFT
    )
    _draw_matrix_legend(figure, canvas, scale)


def _draw_matrix_legend(figure: Figure, canvas: Axes, scale: Any) -> None:
    from matplotlib.patches import Rectangle

    left = _MATRIX[0]
    canvas.text(left, 15.8, "observed / expected", color=_SOFT, va="center")
    bar = _colour_bar(figure, scale, (left, 9.0, 24, 2.4))
    bar.set_ticks([-2, -1, 0, 1, 2], labels=["≤¼", "½", "1", "2", "≥4"])
    canvas.add_patch(Rectangle((left + 29, 9.0), 3.6, 2.4, facecolor=(0.9, 0.91, 0.93), edgecolor="none"))
    canvas.text(left + 30.8, 10.2, "62", fontsize=6, ha="center", va="center")
    canvas.text(left + 34, 10.2, "% of replies inside", va="center")
    canvas.plot([left + 30.8], [5.6], ".", color="#9aa4af", markersize=1.6)
    canvas.text(left + 34, 5.6, f"fewer than {MIN_EXPECTED:.0f} expected", va="center")


def _ratio_scale() -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(-_LOG2_LIMIT, _LOG2_LIMIT), "PuOr_r")


def _log2_ratio(folded: Quotient) -> Floats:
    """Return log2(observed / expected), clipped to the scale; NaN on the diagonal and where too little is expected."""
    expected = expected_between(folded.replies)
    with np.errstate(invalid="ignore"):
        enough = expected >= MIN_EXPECTED
    ratio = np.divide(folded.replies, expected, out=np.full(expected.shape, np.nan), where=enough)
    floor = 2.0**-_LOG2_LIMIT
    return np.asarray(np.log2(np.clip(ratio, floor, 1 / floor)))


def _colour_bar(figure: Figure, scale: Any, box: tuple[float, float, float, float], *, percent: bool = False) -> Any:
    x, y, w, h = box
    axes = figure.add_axes((x / WIDTH_MM, y / HEIGHT_MM, w / WIDTH_MM, h / HEIGHT_MM))
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.solids.set(edgecolor="face")
    axes.tick_params(length=1.5, width=0.4, pad=1.2)
    if percent:
        low, high = scale.get_clim()
        bar.set_ticks([low, (low + high) / 2, high], labels=[f"{100 * v:.3g}%" for v in (low, (low + high) / 2, high)])
    return bar


# --- words and numbers


def _caption(folded: Quotient, drawn: int, method: str, strategy: str, window: str) -> str:
    names = {"leiden": "Leiden (modularity)", "map_equation": "map equation"}
    shown = len(folded.names) - ("rest" in folded.names)
    parts = [
        f"Replies between communities ({names.get(method, method)}){f', {window}' if window else ''}.",
        f"a, {shown} of {folded.n_communities} communities, holding "
        f"{_percent(_shown_people(folded), folded.n_people)} of {folded.n_people:,} people who share "
        f"{folded.n_ties:,} directed ties ({folded.n_replies:,} replies); communities are numbered by size.",
        "Area: people." + (f" Colour: share of their messages that show {_words(strategy)}." if strategy else ""),
        f"Arrows: replies from replier to answered, widths linear; shown are {drawn} pairs, at most three per "
        "community, ranked by the disparity filter (Serrano et al. 2009); layout by stress majorisation.",
        "b, Replies between two communities relative to those expected from how much each answers and is answered "
        "outside itself (quasi-independence), log scale; diagonal, % of a community's replies that stay inside; "
        f"dots, fewer than {MIN_EXPECTED:.0f} expected.",
        _pooling(folded),
    ]
    return " ".join(part for part in parts if part)


def _pooling(folded: Quotient) -> str:
    if not folded.pooled:
        return f"No community has fewer than {folded.k} people."
    where = "are pooled as rest" if "rest" in folded.names else f"({folded.left_out} people in all) are left out"
    return f"The other {folded.pooled} communities, among them all of fewer than {folded.k} people, {where}."


def _alt_text(folded: Quotient, strategy: str) -> str:
    inside = np.trace(folded.replies)
    text = (
        f"Network of {len(folded.names)} groups of people joined by replies, beside a matrix of the same groups. "
        f"The largest has {int(folded.people.max()):,} of {folded.n_people:,} people; "
        f"{_percent(int(inside), int(folded.replies.sum()))} of the replies drawn stay inside a group."
    )
    known = folded.share[~np.isnan(folded.share)]
    if not len(known):
        return text
    return f"{text} Between {known.min():.1%} and {known.max():.1%} of messages show {_words(strategy)}."


def _words(strategy: str) -> str:
    return strategy.replace("_", " ") or "the strategy"


def _shown_people(folded: Quotient) -> int:
    return int(sum(n for n, name in zip(folded.people, folded.names, strict=True) if name != "rest"))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "0%"


def _data(folded: Quotient, pairs: list[tuple[int, int]], caption: str) -> dict[str, Any]:
    """Return the numbers drawn; a ratio that is not drawn is not given either."""
    return {
        "caption": caption,
        "communities": [
            {"name": name, "people": int(people), "share": None if np.isnan(share) else float(share)}
            for name, people, share in zip(folded.names, folded.people, folded.share, strict=True)
        ],
        "drawn_pairs": [[folded.names[i], folded.names[j]] for i, j in pairs],
        "log2_observed_expected": [
            [None if np.isnan(value) else round(float(value), 6) for value in row] for row in _log2_ratio(folded)
        ],
        "inside_share": [None if np.isnan(x) else round(float(x), 6) for x in inside_share(folded.replies)],
        "k": folded.k,
    }


def _saved(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()
