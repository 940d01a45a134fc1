"""Draw the parts of a chart as SVG text: axes, grid, curves, histograms and marks.

The style sheet `chart.css` gives the colours, so that charts follow the light,
dark and print style of their page. Every chart has a title and a description
in words for readers who do not see it. All text is escaped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = [
    "Axis",
    "ChartLayout",
    "draw_curve",
    "draw_dot",
    "draw_histogram",
    "draw_line",
    "draw_text",
    "format_number",
    "make_standalone",
]

_TICK_INTERVALS = 7  # at most, on a linear axis


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: maps values from low to high onto pixels from start to end.

    Attributes:
        low: value at the start; above 0 when `log`.
        high: value at the end, above low.
        start: pixel of low.
        end: pixel of high.
        log: whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; values beyond the axis lie at its end.

        >>> Axis(0.001, 1.0, 0.0, 300.0, log=True)(0.01)
        100.0
        """
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Return round values along the axis.

        >>> Axis(0.0, 1.0, 0.0, 1.0).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        """
        if self.log:
            first, last = math.log10(self.low), math.log10(self.high)
            return [10.0**n for n in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)]
        raw = (self.high - self.low) / _TICK_INTERVALS
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * n for n in (1, 2, 5, 10) if size * n >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(n * step, 12) for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def format_number(value: float) -> str:
    """Write a number as ticks show it, with a true minus sign.

    >>> format_number(-0.5), format_number(100.0)
    ('−0.5', '100')
    """
    return f"{value:.10g}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class ChartLayout:
    """The size of a chart and the space around its axes, in pixels.

    Attributes:
        width: of the whole picture.
        height: of the whole picture.
        left: space for the numbers of the vertical axis.
        right: space beside the axes.
        top: space for the label of the vertical axis.
        bottom: space for the numbers and the label of the horizontal axis.
    """

    width: int = 720
    height: int = 380
    left: int = 102
    right: int = 26
    top: int = 40
    bottom: int = 54

    def make_x_axis(self, low: float, high: float, *, log: bool = False) -> Axis:
        """Return the horizontal axis from left to right."""
        return Axis(low, high, self.left, self.width - self.right, log)

    def make_y_axis(self, low: float, high: float, *, log: bool = False) -> Axis:
        """Return the vertical axis from bottom to top."""
        return Axis(low, high, self.height - self.bottom, self.top, log)

    def draw_grid(
        self,
        x: Axis | None,
        y: Axis,
        labels: tuple[str, str],
        formats: tuple[Callable[[float], str], Callable[[float], str]] = (
            format_number,
            format_number,
        ),
    ) -> list[str]:
        """Draw grid lines, ticks and labels.

        Args:
            x: the horizontal axis; None for an axis without ticks.
            y: the vertical axis.
            labels: of the horizontal and the vertical axis.
            formats: write the ticks of the horizontal and the vertical axis.
        """
        right, bottom = self.width - self.right, self.height - self.bottom
        body = []
        for tick in y.ticks():
            at = y(tick)
            body.append(draw_line("grid", (self.left, at), (right, at)))
            body.append(draw_text(self.left - 8, at + 4, formats[1](tick), "tick", "end"))
        for tick in x.ticks() if x else []:
            at = x(tick) if x else 0.0
            body.append(draw_line("grid", (at, self.top), (at, bottom)))
            body.append(draw_text(at, bottom + 18, formats[0](tick), "tick", "middle"))
        middle = (self.left + right) / 2
        body.append(draw_text(middle, self.height - 12, labels[0], "label", "middle"))
        body.append(draw_text(self.left, self.top - 16, f"↑ {labels[1]}", "label"))
        return body

    def draw_mark(self, at: float, text: str) -> str:
        """Draw a dashed vertical line at a pixel, with its text beside it."""
        line = draw_line("alpha", (at, self.top), (at, self.height - self.bottom))
        if at > 0.6 * self.width:  # keeps the text inside the picture
            return line + draw_text(at - 8, self.top + 13, text, "value", "end")
        return line + draw_text(at + 8, self.top + 13, text, "value")

    def render(self, title: str, description: str, body: Iterable[str], below: int = 0) -> str:
        """Return the whole picture.

        Args:
            title: what is drawn.
            description: what it shows, in words, for readers who do not see it.
            body: SVG elements.
            below: more pixels below, such as for a legend.
        """
        height = self.height + below
        return (
            f'<svg viewBox="0 0 {self.width} {height}" width="{self.width}" height="{height}" '
            f'role="img" aria-label="{escape(title)}: {escape(description)}">{"".join(body)}</svg>'
        )


def make_standalone(svg: str) -> str:
    """Return a chart as a file of its own, in the light style."""
    style = files("onlyme.charts").joinpath("chart.css").read_text(encoding="utf-8")
    head, rest = svg.split(">", 1)  # attributes are escaped and hold no ">"
    head = head.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" ', 1
    )
    return f"{head}><style>{style}</style>{rest}"


def draw_text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """Draw text at a pixel; `kind` names its CSS classes."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def draw_line(kind: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    """Draw a straight line between two pixels."""
    return f'<line class="{kind}" x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"/>'


def draw_dot(x: float, y: float, kind: str = "dot", radius: float = 5, colour: str = "") -> str:
    """Draw a filled circle at a pixel."""
    return f'<circle class="{kind}"{_colour(colour)} cx="{x}" cy="{y}" r="{radius:g}"/>'


def draw_curve(
    points: Iterable[tuple[float, float]], kind: str, colour: str = "", *, dashed: bool = False
) -> str:
    """Draw a line through pixels.

    Args:
        points: in pixels.
        kind: CSS classes.
        colour: CSS; empty when the classes say it.
        dashed: draw it with gaps.
    """
    path = " ".join(f"{x},{y}" for x, y in points)
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<polyline class="line {kind}"{_colour(colour)}{dash} points="{path}"/>'


def draw_histogram(
    x: Axis, y: Axis, edges: Sequence[float], shares: Sequence[float], kind: str, colour: str = ""
) -> str:
    """Draw a histogram as one area with steps.

    Args:
        x: the horizontal axis.
        y: the vertical axis, from 0.
        edges: n + 1 values between the bins.
        shares: n values, the height of each bin.
        kind: CSS classes.
        colour: CSS; empty when the classes say it.
    """
    corners = [f"M{x(edges[0])},{y(0)}"]
    for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
        corners.append(f"L{x(left)},{y(share)}L{x(right)},{y(share)}")
    corners.append(f"L{x(edges[-1])},{y(0)}Z")
    return f'<path class="area {kind}"{_colour(colour)} d="{"".join(corners)}"/>'


def _colour(colour: str) -> str:
    return f' color="{escape(colour)}"' if colour else ""
