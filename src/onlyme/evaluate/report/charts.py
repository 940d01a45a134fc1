"""Numbers come in; charts as SVG text go out.

Colours are CSS variables of the page, so the charts follow light, dark and
print. Every chart has a title and a description in words for those who do not
see it; no fact is told by colour alone. All text is escaped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from onlyme.evaluate.report.sentences import format_odds, format_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Axis",
    "draw_det_curve",
    "draw_intervals",
    "draw_margins",
    "draw_owners",
    "draw_promised_rates",
]

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 102, 26, 40, 54


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: values from low to high onto pixels from start to end.

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
        raw = (self.high - self.low) / 7
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * n for n in (1, 2, 5, 10) if size * n >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(n * step, 12) for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def draw_det_curve(
    curve: dict[str, list[float]], points: Sequence[dict[str, Any]], total: int
) -> str:
    """Draw FNMR against FMR with logarithmic axes, the targets marked.

    Args:
        curve: `fmr` and `fnmr` of the document.
        points: `points` of the document.
        total: impostor comparisons; the axis ends at one in all of them.
    """
    least = [value for value in curve["fnmr"] if value > 0]
    x = Axis(min(1.0 / total, 0.1), 1.0, _LEFT, _WIDTH - _RIGHT, log=True)
    floor = 10.0 ** math.floor(math.log10(min([*least, 0.5]) / 1.01))
    y = Axis(floor, 1.0, _HEIGHT - _BOTTOM, _TOP, log=True)
    body = _draw_grid(
        x,
        y,
        _format_odds_tick,
        _format_percent_tick,
        "strangers accepted (FMR) →",
        "owners turned away (FNMR)",
    )
    path = []
    for fmr, fnmr in zip(curve["fmr"], curve["fnmr"], strict=True):
        if fmr > 0:
            path.append(f"{x(fmr)},{y(fnmr)}")
    body.append(f'<polyline class="line genuine" points="{" ".join(path)}"/>')
    said = []
    for point in points:
        fmr, fnmr = point["fmr"]["value"], point["fnmr"]["value"]
        if not fmr or point["standing"] == "too_few":
            continue
        at, high, low = x(fmr), y(point["fnmr"]["high"]), y(point["fnmr"]["low"])
        body.append(f'<line class="bar" x1="{at}" x2="{at}" y1="{high}" y2="{low}"/>')
        body.append(f'<circle class="dot" cx="{at}" cy="{y(fnmr)}" r="5"/>')
        body.append(_draw_text(at + 9, y(fnmr) - 9, format_percent(fnmr), "value"))
        said.append(
            f"at {format_odds(fmr)} strangers accepted, "
            f"{format_percent(fnmr)} of owners turned away"
        )
    return _wrap_svg("Detection error trade-off", "; ".join(said) or "too few comparisons", body)


def draw_margins(histogram: dict[str, Any]) -> str:
    """Draw how the margins of owners and strangers lie, and where alpha stands.

    Args:
        histogram: of the document.
    """
    edges, alpha = histogram["edges"], histogram["alpha"]
    shares = {
        who: [count / max(1, sum(histogram[who])) for count in histogram[who]]
        for who in ("impostor", "genuine")
    }
    top = max(max(each) for each in shares.values())
    x = Axis(min(edges[0], alpha["low"]), max(edges[-1], alpha["high"]), _LEFT, _WIDTH - _RIGHT)
    y = Axis(0.0, top * 1.12, _HEIGHT - _BOTTOM, _TOP)
    body = _draw_grid(
        x,
        y,
        _format_number,
        _format_percent_tick,
        "margin: more like the owner →",
        "share of attempts",
    )
    for who, share in shares.items():
        corners = [f"M{x(edges[0])},{y(0)}"]
        for left, right, value in zip(edges[:-1], edges[1:], share, strict=True):
            corners.append(f"L{x(left)},{y(value)}L{x(right)},{y(value)}")
        corners.append(f"L{x(edges[-1])},{y(0)}Z")
        body.append(f'<path class="area {who}" d="{"".join(corners)}"/>')
        peak = max(range(len(share)), key=share.__getitem__)
        label = "strangers" if who == "impostor" else "owners"
        middle = (x(edges[peak]) + x(edges[peak + 1])) / 2
        body.append(_draw_text(middle, y(share[peak]) - 7, label, f"name {who}", "middle"))
    low, middle, high = (x(alpha[end]) for end in ("low", "median", "high"))
    if high - low > 1:
        body.append(
            f'<rect class="band" x="{low}" y="{_TOP}" width="{high - low:.1f}" '
            f'height="{_HEIGHT - _BOTTOM - _TOP}"/>'
        )
    body.append(
        f'<line class="alpha" x1="{middle}" x2="{middle}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
    )
    body.append(
        _draw_text(middle + 8, _TOP + 13, f"alpha {_format_number(alpha['median'])}", "value")
    )
    words = (
        f"strangers and owners are two heaps; alpha stands at {_format_number(alpha['median'])}"
        f" ({_format_number(alpha['low'])} to {_format_number(alpha['high'])} over the owners)"
    )
    return _wrap_svg("Margins of owners and strangers", words, body)


def draw_promised_rates(rates: Sequence[dict[str, Any]]) -> str:
    """Draw the realised false accept rate against the promised one.

    Args:
        rates: `draw_promised_rates` of the document.
    """
    lows = [each["realised"]["low"] for each in rates if each["realised"]["low"] > 0]
    fars = [each["far"] for each in rates]
    low = 10.0 ** math.floor(math.log10(min([*lows, *fars]) / 2))
    high = 10.0 ** math.ceil(math.log10(min(1.0, 2 * max(fars))))
    x = Axis(low, high, _LEFT, _WIDTH - _RIGHT, log=True)
    y = Axis(low, high, _HEIGHT - _BOTTOM, _TOP, log=True)
    body = _draw_grid(x, y, _format_odds_tick, _format_odds_tick, "promised →", "realised")
    body.append(f'<line class="ideal" x1="{x(low)}" y1="{y(low)}" x2="{x(high)}" y2="{y(high)}"/>')
    body.append(_draw_text(x(high) - 62, y(high) + 96, "kept to the letter", "quiet", "middle"))
    said = []
    for each in rates:
        real, at = each["realised"], x(each["far"])
        span = each["realised_over_people"] or real
        ends = y(max(span["high"], low)), y(max(span["low"], low))
        body.append(f'<line class="bar" x1="{at}" x2="{at}" y1="{ends[0]}" y2="{ends[1]}"/>')
        if real["count"]:
            body.append(f'<circle class="dot" cx="{at}" cy="{y(real["value"])}" r="5"/>')
        words = format_odds(real["value"]) if real["count"] else f"0 of {real['total']:,}"
        body.append(_draw_text(at - 10, y(real["value"] or low) - 9, words, "value", "end"))
        said.append(f"promised {format_odds(each['far'])}, realised {words}")
    return _wrap_svg("Promised and realised false accept rate", "; ".join(said), body)


def draw_owners(people: Sequence[dict[str, Any]]) -> str:
    """Draw each owner's range of own margins and the closest stranger, above and below alpha.

    Args:
        people: of the document.
    """
    ranked = sorted(people, key=lambda each: float(each["lowest"]))
    low = min(min(each["lowest"], each["closest_stranger"]) for each in ranked)
    high = max(max(each["highest"], each["closest_stranger"]) for each in ranked)
    room = 0.04 * (max(high, 0.0) - min(low, 0.0) or 1.0)
    y = Axis(min(low, 0.0) - room, max(high, 0.0) + room, _HEIGHT - _BOTTOM, _TOP)
    x = Axis(0.0, float(len(ranked)), _LEFT, _WIDTH - _RIGHT)
    label = "owners, the one with the least room first"
    body = _draw_grid(None, y, _format_number, _format_number, label, "margin above alpha")
    width = max(1.0, min(8.0, 0.55 * (_WIDTH - _LEFT - _RIGHT) / len(ranked)))
    for index, each in enumerate(ranked):
        at, name = x(index + 0.5), escape(each["person"])
        top, bottom = y(each["highest"]), y(each["lowest"])
        stranger = y(each["closest_stranger"])
        body.append(
            f"<g><title>{name}</title>"
            f'<line class="range genuine" x1="{at}" x2="{at}" y1="{top}" y2="{bottom}" '
            f'stroke-width="{width:.1f}"/>'
            f'<circle class="median" cx="{at}" cy="{y(each["median"])}" r="{width / 2:.1f}"/>'
            f'<circle class="stranger" cx="{at}" cy="{stranger}" r="{max(1.6, width / 2):.1f}"/>'
            "</g>"
        )
    zero = y(0.0)
    body.append(
        f'<line class="alpha" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{zero}" y2="{zero}"/>'
    )
    body.append(_draw_text(_WIDTH - _RIGHT, zero - 6, "alpha", "value", "end"))
    below = sum(each["lowest"] < 0 for each in ranked)
    above = sum(each["closest_stranger"] >= 0 for each in ranked)
    words = (
        f"of {len(ranked)} owners, {below} were turned away at least once; "
        f"for {above} the closest stranger reached alpha"
    )
    return _wrap_svg("Every owner's margins and the closest stranger", words, body)


def draw_intervals(title: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Draw rates with their 95 % intervals below one another.

    Args:
        title: of the chart.
        rows: a label and a *rate* of the document for each.
    """
    left, line, height = 190, 34, 34 * len(rows) + 46
    top = max([rate["high"] for _, rate in rows if rate["count"]] or [rows[0][1]["high"]])
    x = Axis(0.0, min(1.0, top * 1.1), left, _WIDTH - 90)
    body = []
    for tick in x.ticks():
        at = x(tick)
        body.append(f'<line class="grid" x1="{at}" x2="{at}" y1="8" y2="{height - 38}"/>')
        body.append(_draw_text(at, height - 20, _format_percent_tick(tick), "tick", "middle"))
    said = []
    for index, (label, rate) in enumerate(rows):
        middle = 8 + line * (index + 0.5)
        value = format_percent(rate["value"]) if rate["total"] else "nothing compared"
        short = label if len(label) <= 24 else f"{label[:23]}…"
        body.append(_draw_text(left - 14, middle + 5, short, "name", "end"))
        body.append(
            f'<line class="bar" x1="{x(rate["low"])}" x2="{x(rate["high"])}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
        if rate["total"]:
            body.append(f'<circle class="dot" cx="{x(rate["value"])}" cy="{middle}" r="5"/>')
        body.append(_draw_text(_WIDTH - 6, middle + 5, value, "value", "end"))
        said.append(f"{label}: {value}")
    return _wrap_svg(title, "; ".join(said), body, height)


def _format_odds_tick(value: float) -> str:
    return "all" if value >= 0.999 else format_odds(value)


def _format_percent_tick(value: float) -> str:
    return f"{100 * value:.10g} %"


def _format_number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _draw_text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _draw_grid(
    x: Axis | None,
    y: Axis,
    x_words: Callable[[float], str],
    y_words: Callable[[float], str],
    x_label: str,
    y_label: str,
) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    body = []
    for tick in y.ticks():
        at = y(tick)
        body.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at}" y2="{at}"/>')
        body.append(_draw_text(_LEFT - 8, at + 4, y_words(tick), "tick", "end"))
    for at, tick in [(x(tick), tick) for tick in x.ticks()] if x else []:
        body.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{_TOP}" y2="{bottom}"/>')
        body.append(_draw_text(at, bottom + 18, x_words(tick), "tick", "middle"))
    body.append(_draw_text((_LEFT + right) / 2, _HEIGHT - 12, x_label, "label", "middle"))
    body.append(_draw_text(_LEFT, _TOP - 16, f"↑ {y_label}", "label"))
    return body


def _wrap_svg(title: str, description: str, body: list[str], height: int = _HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}: {escape(description)}">{"".join(body)}</svg>'
    )
