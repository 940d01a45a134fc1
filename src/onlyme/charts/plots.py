"""Draw lines, points and histograms with a legend as SVG text, one colour for each series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts.svg import ChartLayout, draw_curve, draw_dot, draw_histogram, draw_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from onlyme.charts.svg import Axis

__all__ = [
    "Series",
    "draw_det",
    "draw_histograms",
    "draw_lines",
    "draw_scatter",
]

_LAYOUT = ChartLayout(width=440, height=290, left=54, right=16, top=36, bottom=50)
_LEGEND_ROW_PIXELS = 18
_BINS = 32


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one group of points.

    Attributes:
        name: for the legend.
        x: horizontal values.
        y: vertical values, the same number.
        colour: CSS.
        dashed: draw the line with gaps.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False


def draw_lines(series: Sequence[Series], labels: tuple[str, str], mark: float | None = None) -> str:
    """Draw lines; the vertical axis includes zero.

    Args:
        series: the lines.
        labels: of the horizontal and the vertical axis.
        mark: where to draw alpha, if at all.
    """
    x = _LAYOUT.make_x_axis(*_find_range(one.x for one in series))
    y = _LAYOUT.make_y_axis(*_find_range([*(one.y for one in series), [0.0]]))
    body = [
        draw_curve(
            [(x(left), y(up)) for left, up in zip(one.x, one.y, strict=True)],
            "series",
            one.colour,
            dashed=one.dashed,
        )
        for one in series
    ]
    if mark is not None:
        body.append(_LAYOUT.draw_mark(x(mark), "alpha"))
    return _render(x, y, labels, body, [(one.name, one.colour, one.dashed) for one in series])


def draw_det(series: Sequence[Series], labels: tuple[str, str]) -> str:
    """Draw error against error on logarithmic axes (ISO/IEC 19795-1: DET); 0 lies at the edge."""
    positive = [[value for value in (*one.x, *one.y) if value > 0] for one in series]
    low = min([*(value for values in positive for value in values), 0.1]) / 1.5
    x = _LAYOUT.make_x_axis(low, 1.0, log=True)
    y = _LAYOUT.make_y_axis(low, 1.0, log=True)
    body = [
        draw_curve(
            [(x(max(left, low)), y(max(up, low))) for left, up in zip(one.x, one.y, strict=True)],
            "series",
            one.colour,
            dashed=one.dashed,
        )
        for one in series
    ]
    return _render(x, y, labels, body, [(one.name, one.colour, one.dashed) for one in series])


def draw_scatter(series: Sequence[Series], labels: tuple[str, str]) -> str:
    """Draw points."""
    x = _LAYOUT.make_x_axis(*_add_space(*_find_range(one.x for one in series)))
    y = _LAYOUT.make_y_axis(*_add_space(*_find_range(one.y for one in series)))
    body = [
        draw_dot(x(left), y(up), "point", 3.5, one.colour)
        for one in series
        for left, up in zip(one.x, one.y, strict=True)
    ]
    return _render(x, y, labels, body, [(one.name, one.colour, False) for one in series])


def draw_histograms(
    groups: Sequence[tuple[str, Sequence[float], str]], labels: tuple[str, str], mark: float
) -> str:
    """Draw histograms over one another, each as shares of its own group.

    Args:
        groups: name, values and colour of each.
        labels: of the horizontal and the vertical axis.
        mark: the threshold.
    """
    low, high = _find_range([*(values for _, values, _ in groups), [mark]])
    edges = np.linspace(low, high, _BINS + 1)
    shares = [
        (np.histogram(values, edges)[0] / max(1, len(values))).tolist() for _, values, _ in groups
    ]
    x = _LAYOUT.make_x_axis(low, high)
    top = 1.12 * max(max(share) for share in shares)  # space for the text of the mark
    y = _LAYOUT.make_y_axis(*_find_range([[0.0, top]]))
    body = [
        draw_histogram(x, y, edges.tolist(), share, "series", colour)
        for (_, _, colour), share in zip(groups, shares, strict=True)
    ]
    body.append(_LAYOUT.draw_mark(x(mark), "accepted from here"))
    return _render(x, y, labels, body, [(name, colour, False) for name, _, colour in groups])


def _render(
    x: Axis,
    y: Axis,
    labels: tuple[str, str],
    body: list[str],
    legend: Iterable[tuple[str, str, bool]],
) -> str:
    """Return the picture: the grid, the body on top, the legend below."""
    entries = list(dict.fromkeys(legend))
    rows = []
    for index, (name, colour, dashed) in enumerate(entries):
        left = _LAYOUT.left + (index % 2) * (_LAYOUT.width - _LAYOUT.left) / 2
        top = _LAYOUT.height + 12 + index // 2 * _LEGEND_ROW_PIXELS
        ends = [(left, top - 4), (left + 18, top - 4)]
        rows.append(draw_curve(ends, "series", colour, dashed=dashed))
        rows.append(draw_text(left + 24, top, name, "tick"))
    names = ", ".join(name for name, _, _ in entries) or "no data"
    grid = _LAYOUT.draw_grid(x, y, (f"{labels[0]} →", labels[1]))
    below = _LEGEND_ROW_PIXELS * math.ceil(len(entries) / 2) + 4
    return _LAYOUT.render(f"{labels[1]} against {labels[0]}", names, [*grid, *body, *rows], below)


def _add_space(low: float, high: float) -> tuple[float, float]:
    """Widen a range, so that points do not lie on the edge."""
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _find_range(values: Iterable[Sequence[float]]) -> tuple[float, float]:
    """Return the lowest and the highest finite value, never the same."""
    finite = [float(value) for group in values for value in group if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)
