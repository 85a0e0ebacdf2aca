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
from graph.quotient import (
    MAX_COMMUNITIES,
    MIN_EXPECTED,
    Quotient,
    backbone,
    inside_share,
    many_replies,
    observed_to_expected,
    quotient,
)
from graph.quotient_words import alt_text, caption, found_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_MM, HEIGHT_MM = 183.0, 104.0
_NETWORK = (4.0, 22.0, 105.0, 95.0)  # left, bottom, right, top of panel a, in mm
_MATRIX = (115.0, 25.0, 172.0, 82.0)
_COLUMN_MM = 13.0  # for communities without an arrow
_TITLE_MM, _ROW_MM = 15.6, 8.6  # of the legend
_MAX_RADIUS_MM, _LEGEND_RADIUS_MM = 10.0, 4.4
_LABEL_INSIDE_MM = 1.5
_LINE_PT = (0.4, 3.2)  # 1 to 8
_INK, _SOFT, _EMPTY, _EDGE = "#1b1f24", "#59636e", "#d5d9de", "#4a5561"
_MASK, _DOT = "#c6ccd3", "#b3bac2"
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
    validated: bool = False,
    seed: int | None = None,
    resolution: float | None = None,
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
        validated: Whether the labels behind `share` were compared with people's judgement; if not, the figure says so.
        seed, resolution: What the communities were found with, for the caption; None where it is unknown or has none.
        max_communities: Communities drawn by themselves.

    Raises:
        UsageError, InputError: As `graph.quotient.quotient`.
    """
    folded = quotient(user_ties, communities, share, k=k, max_communities=max_communities)
    method = found_by(communities.column("method")[0].as_py(), seed, resolution)
    pairs = drawn_pairs(folded)
    svg, pdf = render(folded, pairs, strategy, validated=validated)
    write_bytes(path_svg, svg)
    write_bytes(path_pdf, pdf)
    words = caption(folded, len(pairs), method, strategy, window, validated=validated)
    alt = alt_text(folded, strategy, validated=validated)
    return FigureFiles(path_svg, path_pdf, words, alt, _data(folded, pairs, words, validated=validated))


def drawn_pairs(folded: Quotient) -> list[tuple[int, int]]:
    """Return the pairs joined by arrows: the backbone of directions of k replies or more, without the pooled rest."""
    named = len(folded.names) - ("rest" in folded.names)
    return backbone(_weight(folded)[:named, :named])


def _weight(folded: Quotient) -> Floats:
    """Return the replies between each two in both directions; one of few replies moves nothing in the drawing."""
    shown = many_replies(folded.replies, folded.k)
    return np.asarray((shown + shown.T).astype(float))


def render(
    folded: Quotient, pairs: list[tuple[int, int]], strategy: str = "", *, validated: bool = False
) -> tuple[bytes, bytes]:
    """Return the figure as SVG and as PDF; the same input gives the same bytes."""
    import matplotlib as mpl

    with mpl.rc_context(dict(_STYLE)):  # type: ignore[arg-type]
        figure = draw(folded, pairs, strategy, validated=validated)
        return _saved(figure, "svg", {"Date": None}), _saved(figure, "pdf", {"CreationDate": None})


def draw(folded: Quotient, pairs: list[tuple[int, int]], strategy: str = "", *, validated: bool = False) -> Figure:
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
    _draw_network_legend(canvas, folded, pairs, scale)
    if not np.isnan(folded.share).all():
        _draw_share_legend(figure, canvas, folded, strategy, validated=validated)
    _draw_matrix(figure, canvas, folded)
    return figure


def drawn_arrows(folded: Quotient, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return replier and answered of every arrow: a direction of fewer than k replies gets none."""
    both = [(a, b) for i, j in pairs for a, b in ((i, j), (j, i))]
    return [(a, b) for a, b in both if folded.replies[a, b] >= folded.k]


# --- panel a


@dataclass(frozen=True, slots=True)
class _Placed:
    """Centres (q x 2) and radii (q) in mm, and mm per square root of a person."""

    centre: Floats
    radius: Floats
    scale: float


def _draw_network(canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]]) -> float:
    """Draw circles and ties, and return millimetres per square root of a person."""
    placed = _placed(folded, pairs)
    colours = _share_colours(folded)
    arcs = []
    for a, b in drawn_arrows(folded, pairs):
        width = _width(folded, pairs, int(folded.replies[a, b]))
        arcs.append(_arrow(canvas, placed.centre[[a, b]], placed.radius[[a, b]], width))
    for i, name in enumerate(folded.names):
        _circle(canvas, placed.centre[i], placed.radius[i], colours[i], dashed=name == "rest")
    _label(canvas, folded, placed, colours, arcs)
    return placed.scale


def _placed(folded: Quotient, pairs: list[tuple[int, int]]) -> _Placed:
    """Lay out the communities that have an arrow; the others stand in a column at the right, in their order."""
    left, bottom, right, top = _NETWORK
    radius = np.sqrt(folded.people / np.pi)
    named = np.array([name != "rest" for name in folded.names])
    radius = np.minimum(radius, radius[named].max())
    joined = np.unique(np.array(pairs, dtype=int).ravel())
    alone = np.setdiff1d(np.arange(len(radius)), joined)
    room = np.array([right - left - (_COLUMN_MM if len(alone) else 0), top - bottom])
    centre = np.zeros((len(radius), 2))
    scale = min(_MAX_RADIUS_MM / float(radius.max()), float(room[1] / (2.6 * radius[alone].sum() + 1e-9)))
    if len(joined):
        spread = _spread(folded, pairs, joined, radius, room)
        scale = min(scale, float((room / np.ptp(_corners(spread, radius[joined]), axis=0)).min()))
        centre[joined] = spread * scale + np.array([left, bottom]) + room / 2
    centre[alone] = _column(radius[alone] * scale, right - _COLUMN_MM / 2, top)
    return _Placed(centre, radius * scale, scale)


def _spread(folded: Quotient, pairs: list[tuple[int, int]], joined: Any, radius: Floats, room: Floats) -> Floats:
    """Return centres of the joined circles around 0, in units of `radius`, moved apart to the shape of `room`."""
    place = {int(node): position for position, node in enumerate(joined)}
    weight = _weight(folded)[np.ix_(joined, joined)]
    r = radius[joined]
    gap = 0.7 * float(r.mean()) + 0.12 * float(r.max())
    centre = circles(weight, [(place[i], place[j]) for i, j in pairs], r, gap)
    shape = np.ptp(_corners(centre, r), axis=0) / room
    centre = centre * np.minimum(shape.max() / shape, 1.7)
    corners = _corners(centre, r)
    return np.asarray(centre - (corners.min(0) + corners.max(0)) / 2)


def _corners(centre: Floats, radius: Floats) -> Floats:
    return np.asarray(np.vstack([centre - radius[:, None], centre + radius[:, None]]))


def _column(radius: Floats, x: float, top: float) -> Floats:
    """Return centres of circles below each other, from the top, with equal space between them."""
    if not len(radius):
        return np.zeros((0, 2))
    gap = min((top - _NETWORK[1] - 2 * radius.sum()) / len(radius), 5.0)
    below = np.cumsum(2 * radius + gap) - radius - gap
    return np.asarray(np.c_[np.full(len(radius), x), top - below])


def _circle(canvas: Axes, centre: Floats, radius: float, colour: Any, *, dashed: bool = False) -> None:
    from matplotlib.patches import Circle

    style = (0, (2, 1.2)) if dashed else "solid"
    x, y = map(float, centre)
    canvas.add_patch(Circle((x, y), radius, facecolor=colour, edgecolor=_INK, linewidth=0.5, linestyle=style, zorder=3))


def _arrow(canvas: Axes, ends: Floats, radii: Floats, width_pt: float) -> Floats:
    """Draw one arrow bending to the right, from circle to circle, and return its middle line."""
    from matplotlib.patches import Polygon

    width = width_pt * 25.4 / 72
    line = _arc(ends)
    from_start, from_end = (np.linalg.norm(line - end, axis=1) for end in ends)
    head = 1.1 + 1.3 * width
    line = line[(from_start > radii[0] + 0.3) & (from_end > radii[1] + 0.3)]
    if len(line) < 4:  # the circles all but touch
        return _arc(ends)
    along = np.linalg.norm(line - line[-1], axis=1)
    shaft = line[along >= head] if (along >= head).sum() >= 2 else line[:2]
    tangent = np.gradient(shaft, axis=0)
    normal = np.c_[-tangent[:, 1], tangent[:, 0]] / np.linalg.norm(tangent, axis=1)[:, None]
    half, barb = normal * width / 2, normal[-1] * (0.45 + 0.85 * width)
    outline = np.vstack([shaft + half, shaft[-1] + barb, line[-1], shaft[-1] - barb, (shaft - half)[::-1]])
    canvas.add_patch(Polygon(outline, closed=True, facecolor=_EDGE, edgecolor="white", linewidth=0.25, zorder=2))
    return np.asarray(line)


def _arc(ends: Floats) -> Floats:
    """Return 200 points of the quadratic Bezier curve between two points that bends to the right."""
    start, end = ends
    across = end - start
    control = (start + end) / 2 + 0.17 * np.array([across[1], -across[0]])
    t = np.linspace(0, 1, 200)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end)


def _width(folded: Quotient, pairs: list[tuple[int, int]], replies: int) -> float:
    """Return a line width in points, 1:8, linear in replies up to the most that are drawn."""
    low, high = _LINE_PT
    return low + (high - low) * min(replies / max(_most(folded, pairs), 1), 1.0)


def _most(folded: Quotient, pairs: list[tuple[int, int]]) -> int:
    return max((int(folded.replies[arrow]) for arrow in drawn_arrows(folded, pairs)), default=0)


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


def _label(canvas: Axes, folded: Quotient, placed: _Placed, colours: list[Any], arcs: list[Floats]) -> None:
    import textalloc
    from matplotlib.colors import to_rgb

    centre, radius = placed.centre, placed.radius
    outside = []
    for i, name in enumerate(folded.names):
        if radius[i] < _LABEL_INSIDE_MM + 0.4 * (len(name) - 1):
            outside.append(i)
            continue
        ink = _INK if float(np.dot(to_rgb(colours[i]), (0.299, 0.587, 0.114))) > 0.5 else "white"
        x, y = map(float, centre[i])
        canvas.text(x, y, name, ha="center", va="center_baseline", color=ink, zorder=4)
    if not outside:
        return
    lines: Any = [[arc[:, axis] for arc in arcs] or None for axis in (0, 1)]
    textalloc.allocate(
        canvas,
        centre[outside, 0],
        centre[outside, 1],
        [folded.names[i] for i in outside],
        x_scatter=centre[:, 0],
        y_scatter=centre[:, 1],
        scatter_sizes=list(radius),
        text_scatter_sizes=list(radius[outside]),
        x_lines=lines[0],
        y_lines=lines[1],
        textsize=7,
        draw_lines=False,
        margin=0.003,
        min_distance=0.006,
        max_distance=0.06,
        zorder=5,
    )


def _draw_network_legend(canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]], scale: float) -> None:
    canvas.text(4, _TITLE_MM, "people", color=_SOFT, va="center")
    x = 4.0
    for people in _examples(scale, int(folded.people.max())):
        r = float(np.sqrt(people / np.pi) * scale)
        _circle(canvas, np.array([x + r, _ROW_MM]), r, "white")
        canvas.text(x + 2 * r + 1, _ROW_MM, f"{people:,}", va="center")
        x += 2 * r + 5 + 1.35 * len(f"{people:,}")
    canvas.text(37, _TITLE_MM, "replies: replier to answered", color=_SOFT, va="center")
    _legend_arrows(canvas, folded, pairs, 37.0)


def _draw_share_legend(figure: Figure, canvas: Axes, folded: Quotient, strategy: str, *, validated: bool) -> None:
    canvas.text(78, _TITLE_MM + 2.9, "share of messages showing", color=_SOFT, va="center")
    canvas.text(78, _TITLE_MM, strategy.replace("_", " ") or "the strategy", va="center")
    _colour_bar(figure, _share_scale(folded), (78, 8.6, 26, 2.4), percent=True)
    if not validated:
        canvas.text(78, 2.6, "labels not validated", va="center")


def _legend_arrows(canvas: Axes, folded: Quotient, pairs: list[tuple[int, int]], x: float) -> None:
    most = _most(folded, pairs)
    if not most:
        canvas.text(x, _ROW_MM, "none stand out", va="center")
        return
    for n in sorted({_one_digit(most), _one_digit(most / 6)}):
        ends = np.array([[x + 0.5, _ROW_MM], [x + 8.5, _ROW_MM]])
        for end in ends:
            _circle(canvas, end, 0.55, "white")
        _arrow(canvas, ends, np.array([0.5, 0.5]), _width(folded, pairs, n))
        canvas.text(x + 10.2, _ROW_MM, f"{n:,}", va="center")
        x += 13.5 + 1.35 * len(f"{n:,}")


def _examples(scale: float, largest: int) -> list[int]:
    """Return two round numbers of people whose circles fit into the legend."""
    fits = np.pi * (_LEGEND_RADIUS_MM / scale) ** 2
    first = _one_digit(min(float(largest), fits))
    return sorted({first, _one_digit(first / 8)}, reverse=True)


def _one_digit(value: float) -> int:
    """Return `value` rounded down to one leading digit (at least 1)."""
    if value < 1:
        return 1
    power = 10 ** int(np.log10(value))
    return int(value // power * power)


# --- panel b


def _draw_matrix(figure: Figure, canvas: Axes, folded: Quotient) -> None:
    from matplotlib.colors import to_rgba

    left, bottom, right, top = _MATRIX
    q = len(folded.names)
    box = (left / WIDTH_MM, bottom / HEIGHT_MM, (right - left) / WIDTH_MM, (top - bottom) / HEIGHT_MM)
    axes = figure.add_axes(box)
    scale, ratio = _ratio_scale(), _log2_ratio(folded)
    colours = scale.to_rgba(np.nan_to_num(ratio))
    colours[np.isnan(ratio)] = (1, 1, 1, 1)
    colours[np.eye(q, dtype=bool)] = to_rgba(_MASK)
    axes.pcolormesh(np.arange(q + 1), np.arange(q + 1), colours, edgecolors="white", linewidth=0.35)
    few = np.argwhere(np.isnan(ratio) & ~np.eye(q, dtype=bool)) + 0.5
    axes.plot(few[:, 1], few[:, 0], ".", color=_DOT, markersize=0.9)
    axes.set(xlim=(0, q), ylim=(q, 0))
    size = 7 if q <= 16 else 6
    for i, value in enumerate(inside_share(folded.replies, folded.k)):
        words = "–" if np.isnan(value) else f"{100 * value:.0f}"
        axes.text(q + 0.02 * q, i + 0.5, words, va="center_baseline", ha="left", fontsize=size, color=_INK)
    ticks = np.arange(q) + 0.5
    axes.set_xticks(ticks, folded.names, fontsize=size, rotation=90 if q > 12 else 0)
    axes.set_yticks(ticks, folded.names, fontsize=size)
    axes.tick_params(length=0, pad=1.5, top=False, labeltop=True, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    canvas.text(left, top + 7.6, "answered community", va="center", color=_SOFT)
    canvas.text(right + 0.6, top + 1.9, "% inside", va="center", color=_SOFT, fontsize=6)
    canvas.text(left - 8, (bottom + top) / 2, "replying community", ha="center", va="center", rotation=90, color=_SOFT)
    _draw_matrix_legend(figure, canvas, scale, folded.k)


def _draw_matrix_legend(figure: Figure, canvas: Axes, scale: Any, k: int) -> None:
    from matplotlib.patches import Rectangle

    left = _MATRIX[0]
    canvas.text(left, _TITLE_MM, "observed / expected", color=_SOFT, va="center")
    bar = _colour_bar(figure, scale, (left, 8.6, 26, 2.4))
    bar.set_ticks([-2, -1, 0, 1, 2], labels=["≤¼", "½", "1", "2", "≥4"])
    canvas.add_patch(Rectangle((left + 31, 11.4), 3.0, 2.4, facecolor=_MASK, edgecolor="none"))
    canvas.text(left + 35.4, 12.6, "inside: see right", va="center")
    canvas.plot([left + 32.5], [8.2], ".", color=_DOT, markersize=1.4)
    canvas.text(left + 35.4, 8.2, f"under {MIN_EXPECTED:.0f} expected", va="center")
    canvas.text(left + 35.4, 5.0, f"or {k} observed", va="center")


def _ratio_scale() -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    return ScalarMappable(Normalize(-_LOG2_LIMIT, _LOG2_LIMIT), "PuOr_r")


def _log2_ratio(folded: Quotient) -> Floats:
    """Return log2(observed / expected), clipped to the scale; NaN where it is not shown."""
    floor = 2.0**-_LOG2_LIMIT
    return np.asarray(np.log2(np.clip(observed_to_expected(folded), floor, 1 / floor)))


def _colour_bar(figure: Figure, scale: Any, box: tuple[float, float, float, float], *, percent: bool = False) -> Any:
    x, y, w, h = box
    axes = figure.add_axes((x / WIDTH_MM, y / HEIGHT_MM, w / WIDTH_MM, h / HEIGHT_MM))
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set(edgecolor="face")
    axes.tick_params(length=1.5, width=0.4, pad=1.2)
    if percent:
        low, high = scale.get_clim()
        bar.set_ticks([low, (low + high) / 2, high], labels=[f"{100 * v:.3g}%" for v in (low, (low + high) / 2, high)])
    return bar


def _data(folded: Quotient, pairs: list[tuple[int, int]], words: str, *, validated: bool = False) -> dict[str, Any]:
    """Return the numbers drawn; one that is not drawn is not given either.

    No more digits than a reader of the figure sees: from many, the counts behind a fraction can be found.
    """
    return {
        "caption": words,
        "labels_validated": validated,
        "communities": [
            {"name": name, "people": int(people), "share": _rounded(share, 3)}
            for name, people, share in zip(folded.names, folded.people, folded.share, strict=True)
        ],
        "drawn_pairs": [[folded.names[i], folded.names[j]] for i, j in pairs],
        "log2_observed_expected": [[_rounded(value, 2) for value in row] for row in _log2_ratio(folded)],
        "inside_share": [_rounded(x, 2) for x in inside_share(folded.replies, folded.k)],
        "k": folded.k,
    }


def _rounded(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)


def _saved(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()
