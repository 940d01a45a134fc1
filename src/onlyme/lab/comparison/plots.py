"""Numbers come in; SVG goes out. No plotting package, no script, one colour a way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["COLOURS", "Axes", "Series", "draw_histograms", "draw_lines", "draw_scatter"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, which colour-blind readers can tell apart."""

_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 14, 12, 40


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one cloud.

    Attributes:
        name: for the legend.
        x: horizontal values.
        y: vertical values, as many.
        colour: CSS.
        dashed: draw the line with gaps.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False


class Axes:
    """A frame with ticks, into which things are drawn.

    Args:
        x: smallest and largest horizontal value.
        y: smallest and largest vertical value.
        labels: what the axes show.
        size: width and height in pixels.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        labels: tuple[str, str],
        size: tuple[int, int] = (440, 260),
    ) -> None:
        self._x, self._y, self._size = _widen_range(x), _widen_range(y), size
        self._parts: list[str] = []
        self._legend: list[tuple[str, str, bool]] = []
        self._draw_frame(labels)

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        """Turn values into pixels."""
        width, height = self._size
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        inner = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
        return round(_LEFT + across * inner[0], 1), round(height - _BOTTOM - up * inner[1], 1)

    def add(self, svg: str, name: str = "", colour: str = "", *, dashed: bool = False) -> None:
        """Draw something, with a line in the legend where it has a name."""
        self._parts.append(svg)
        if name and (name, colour, dashed) not in self._legend:
            self._legend.append((name, colour, dashed))

    def draw_vertical_line(self, x: float, text: str) -> None:
        """Draw a vertical line at a value."""
        (px, top), (_, bottom) = self.to_pixels(x, self._y[1]), self.to_pixels(x, self._y[0])
        right = px > self._size[0] * 0.6  # keep the words inside the picture
        place = f'x="{px - 4}" text-anchor="end"' if right else f'x="{px + 4}"'
        self.add(
            f'<line x1="{px}" y1="{top}" x2="{px}" y2="{bottom}" class="mark"/>'
            f'<text {place} y="{top + 10}">{escape(text)}</text>'
        )

    def render_svg(self) -> str:
        """Return the picture, the legend below it."""
        width, height = self._size
        rows = []
        for index, (name, colour, dashed) in enumerate(self._legend):
            x, y = _LEFT + (index % 2) * (width - _LEFT) / 2, height + 12 + index // 2 * 16
            dash = ' stroke-dasharray="5 3"' if dashed else ""
            rows.append(
                f'<line x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}" stroke="{colour}" '
                f'stroke-width="3"{dash}/><text x="{x + 24}" y="{y}">{escape(name)}</text>'
            )
        height += 16 * math.ceil(len(self._legend) / 2) + 4
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">'
            "<style>.axis{stroke:#888;fill:none}.mark{stroke:#444;stroke-dasharray:2 2}"
            f"text{{fill:#333}}</style>{''.join(self._parts)}{''.join(rows)}</svg>"
        )

    def _draw_frame(self, labels: tuple[str, str]) -> None:
        (left, bottom), (right, top) = (
            self.to_pixels(self._x[0], self._y[0]),
            self.to_pixels(self._x[1], self._y[1]),
        )
        self.add(f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>')
        for value in _choose_ticks(*self._x):
            x, _ = self.to_pixels(value, self._y[0])
            self.add(f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{value:g}</text>')
        for value in _choose_ticks(*self._y):
            _, y = self.to_pixels(self._x[0], value)
            self.add(f'<text x="{left - 5}" y="{y + 4}" text-anchor="end">{value:g}</text>')
        middle = (left + right) / 2, (top + bottom) / 2
        self.add(f'<text x="{middle[0]}" y="{bottom + 32}" text-anchor="middle">{labels[0]}</text>')
        self.add(
            f'<text transform="translate(13 {middle[1]}) rotate(-90)" text-anchor="middle">'
            f"{escape(labels[1])}</text>"
        )


def draw_lines(series: Sequence[Series], labels: tuple[str, str], mark: float | None = None) -> str:
    """Draw lines, from zero up where nothing is below it."""
    axes = Axes(
        _find_range(s.x for s in series), _find_range((s.y for s in series), zero=True), labels
    )
    for one in series:
        points = " ".join(
            "{},{}".format(*axes.to_pixels(x, y)) for x, y in zip(one.x, one.y, strict=True)
        )
        dash = ' stroke-dasharray="5 3"' if one.dashed else ""
        axes.add(
            f'<polyline fill="none" stroke="{one.colour}" stroke-width="1.6"{dash} '
            f'points="{points}"/>',
            one.name, one.colour, dashed=one.dashed,
        )  # fmt: skip
    if mark is not None:
        axes.draw_vertical_line(mark, "alpha")
    return axes.render_svg()


def draw_scatter(series: Sequence[Series], labels: tuple[str, str]) -> str:
    """Draw clouds of points."""
    axes = Axes(_find_range(s.x for s in series), _find_range(s.y for s in series), labels)
    for one in series:
        for x, y in zip(one.x, one.y, strict=True):
            px, py = axes.to_pixels(x, y)
            axes.add(
                f'<circle cx="{px}" cy="{py}" r="3.5" fill="{one.colour}" fill-opacity=".65"/>',
                one.name, one.colour,
            )  # fmt: skip
    return axes.render_svg()


def draw_histograms(
    groups: Sequence[tuple[str, Sequence[float], str]], labels: tuple[str, str], mark: float
) -> str:
    """Draw histograms over one another, each as shares of its own group.

    Args:
        groups: name, values and colour of each.
        labels: of the axes.
        mark: where to draw the threshold.
    """
    low, high = _find_range([*(values for _, values, _ in groups), [mark]])
    edges = np.linspace(low, high, 33)
    shares = [np.histogram(v, edges)[0] / max(1, len(v)) for _, v, _ in groups]
    axes = Axes((low, high), (0.0, max(float(s.max()) for s in shares)), labels)
    for (name, _, colour), share in zip(groups, shares, strict=True):
        axes.add(_draw_steps(axes, edges, share, colour), name, colour)
    axes.draw_vertical_line(mark, "accepted from here on")
    return axes.render_svg()


def _draw_steps(
    axes: Axes, edges: NDArray[np.float64], share: NDArray[np.float64], colour: str
) -> str:
    start = axes.to_pixels(float(edges[0]), 0)
    path = [f"M{start[0]} {start[1]}"]
    for left, right, value in zip(edges, edges[1:], share, strict=False):
        (x0, y), (x1, _) = (
            axes.to_pixels(float(left), float(value)),
            axes.to_pixels(float(right), 0),
        )
        path.append(f"L{x0} {y}H{x1}")
    path.append(f"V{start[1]}Z")
    return f'<path d="{"".join(path)}" fill="{colour}" fill-opacity=".3" stroke="{colour}"/>'


def _find_range(values: Iterable[Sequence[float]], *, zero: bool = False) -> tuple[float, float]:
    flat = [float(v) for group in values for v in group if math.isfinite(v)]
    low, high = (min(flat), max(flat)) if flat else (0.0, 1.0)
    return (min(0.0, low) if zero else low), high


def _widen_range(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _choose_ticks(low: float, high: float) -> list[float]:
    """Return about five round values between two.

    >>> _choose_ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]
