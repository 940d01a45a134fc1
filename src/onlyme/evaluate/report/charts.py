"""Draw the charts of an evaluation report as SVG text."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from onlyme.charts import (
    Axis,
    ChartLayout,
    draw_curve,
    draw_dot,
    draw_histogram,
    draw_line,
    draw_text,
    format_number,
    format_odds,
    format_percent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "draw_det_curve",
    "draw_intervals",
    "draw_margins",
    "draw_owners",
    "draw_promised_rates",
]

_LAYOUT = ChartLayout()
_MAX_LABEL_CHARACTERS = 24


def draw_det_curve(
    curve: dict[str, list[float]], points: Sequence[dict[str, Any]], total: int
) -> str:
    """Draw FNMR against FMR with logarithmic axes, and mark the targets.

    Args:
        curve: `fmr` and `fnmr` of the document.
        points: `points` of the document.
        total: impostor comparisons; the axis ends at one error in all of them.
    """
    least = [value for value in curve["fnmr"] if value > 0]
    x = _LAYOUT.make_x_axis(min(1.0 / total, 0.1), 1.0, log=True)
    floor = 10.0 ** math.floor(math.log10(min([*least, 0.5]) / 1.01))
    y = _LAYOUT.make_y_axis(floor, 1.0, log=True)
    body = _LAYOUT.draw_grid(
        x,
        y,
        ("strangers accepted (FMR) →", "owners rejected (FNMR)"),
        (_format_odds_tick, _format_percent_tick),
    )
    rates = zip(curve["fmr"], curve["fnmr"], strict=True)
    body.append(draw_curve([(x(fmr), y(fnmr)) for fmr, fnmr in rates if fmr > 0], "genuine"))
    sentences = []
    for point in points:
        fmr, fnmr = point["fmr"]["value"], point["fnmr"]["value"]
        if not fmr or point["standing"] == "too_few":
            continue
        at = x(fmr)
        body.append(draw_line("bar", (at, y(point["fnmr"]["high"])), (at, y(point["fnmr"]["low"]))))
        body.append(draw_dot(at, y(fnmr)))
        body.append(draw_text(at + 9, y(fnmr) - 9, format_percent(fnmr), "value"))
        sentences.append(
            f"at {format_odds(fmr)} strangers accepted, {format_percent(fnmr)} of owners rejected"
        )
    words = "; ".join(sentences) or "too few comparisons"
    return _LAYOUT.render("Detection error trade-off", words, body)


def draw_margins(histogram: dict[str, Any]) -> str:
    """Draw histograms of the margins of owners and strangers, and alpha.

    Args:
        histogram: of the document.
    """
    edges, alpha = histogram["edges"], histogram["alpha"]
    shares = {
        kind: [count / max(1, sum(histogram[kind])) for count in histogram[kind]]
        for kind in ("impostor", "genuine")
    }
    top = max(max(each) for each in shares.values())
    x = _LAYOUT.make_x_axis(min(edges[0], alpha["low"]), max(edges[-1], alpha["high"]))
    y = _LAYOUT.make_y_axis(0.0, top * 1.12)
    body = _LAYOUT.draw_grid(
        x,
        y,
        ("margin: more like the owner →", "share of attempts"),
        (format_number, _format_percent_tick),
    )
    for kind, share in shares.items():
        body.append(draw_histogram(x, y, edges, share, kind))
        peak = max(range(len(share)), key=share.__getitem__)
        label = "strangers" if kind == "impostor" else "owners"
        middle = (x(edges[peak]) + x(edges[peak + 1])) / 2
        body.append(draw_text(middle, y(share[peak]) - 7, label, f"name {kind}", "middle"))
    low, median, high = (x(alpha[end]) for end in ("low", "median", "high"))
    if high - low > 1:
        height = _LAYOUT.height - _LAYOUT.bottom - _LAYOUT.top
        body.append(
            f'<rect class="band" x="{low}" y="{_LAYOUT.top}" width="{high - low:.1f}" '
            f'height="{height}"/>'
        )
    body.append(_LAYOUT.draw_mark(median, f"alpha {_format_margin(alpha['median'])}"))
    words = (
        "two histograms, of strangers and of owners; alpha is "
        f"{_format_margin(alpha['median'])} ({_format_margin(alpha['low'])} to "
        f"{_format_margin(alpha['high'])} over the owners)"
    )
    return _LAYOUT.render("Margins of owners and strangers", words, body)


def draw_promised_rates(rates: Sequence[dict[str, Any]]) -> str:
    """Draw the realised false accept rate against the promised one.

    Args:
        rates: `promised` of the document.
    """
    lows = [each["realised"]["low"] for each in rates if each["realised"]["low"] > 0]
    fars = [each["far"] for each in rates]
    low = 10.0 ** math.floor(math.log10(min([*lows, *fars]) / 2))
    high = 10.0 ** math.ceil(math.log10(min(1.0, 2 * max(fars))))
    x, y = _LAYOUT.make_x_axis(low, high, log=True), _LAYOUT.make_y_axis(low, high, log=True)
    body = _LAYOUT.draw_grid(
        x, y, ("promised →", "realised"), (_format_odds_tick, _format_odds_tick)
    )
    body.append(draw_line("ideal", (x(low), y(low)), (x(high), y(high))))
    body.append(draw_text(x(high) - 62, y(high) + 96, "exactly as promised", "quiet", "middle"))
    sentences = []
    for each in rates:
        realised, at = each["realised"], x(each["far"])
        span = each["realised_over_people"] or realised
        body.append(
            draw_line("bar", (at, y(max(span["high"], low))), (at, y(max(span["low"], low))))
        )
        words = f"0 of {realised['total']:,}"
        if realised["count"]:
            words = format_odds(realised["value"])
            body.append(draw_dot(at, y(realised["value"])))
        body.append(draw_text(at - 10, y(realised["value"] or low) - 9, words, "value", "end"))
        sentences.append(f"promised {format_odds(each['far'])}, realised {words}")
    return _LAYOUT.render("Promised and realised false accept rate", "; ".join(sentences), body)


def draw_owners(people: Sequence[dict[str, Any]]) -> str:
    """Draw the range of each owner's margins and the closest stranger, relative to alpha.

    Args:
        people: of the document.
    """
    ranked = sorted(people, key=lambda each: float(each["lowest"]))
    low = min(min(each["lowest"], each["closest_stranger"]) for each in ranked)
    high = max(max(each["highest"], each["closest_stranger"]) for each in ranked)
    space = 0.04 * (max(high, 0.0) - min(low, 0.0) or 1.0)
    y = _LAYOUT.make_y_axis(min(low, 0.0) - space, max(high, 0.0) + space)
    x = _LAYOUT.make_x_axis(0.0, float(len(ranked)))
    body = _LAYOUT.draw_grid(None, y, ("owners, the lowest margin first", "margin above alpha"))
    width = max(1.0, min(8.0, 0.55 * (x.end - x.start) / len(ranked)))
    for index, each in enumerate(ranked):
        at = x(index + 0.5)
        body.append(
            f"<g><title>{escape(each['person'])}</title>"
            f'<line class="range" x1="{at}" x2="{at}" y1="{y(each["highest"])}" '
            f'y2="{y(each["lowest"])}" stroke-width="{width:.1f}"/>'
            + draw_dot(at, y(each["median"]), "median", round(width / 2, 1))
            + draw_dot(at, y(each["closest_stranger"]), "stranger", round(max(1.6, width / 2), 1))
            + "</g>"
        )
    zero = y(0.0)
    body.append(draw_line("alpha", (x.start, zero), (x.end, zero)))
    body.append(draw_text(x.end, zero - 6, "alpha", "value", "end"))
    below = sum(each["lowest"] < 0 for each in ranked)
    above = sum(each["closest_stranger"] >= 0 for each in ranked)
    words = (
        f"of {len(ranked)} owners, {below} were rejected at least once; "
        f"for {above} the closest stranger reached alpha"
    )
    return _LAYOUT.render("Every owner's margins and the closest stranger", words, body)


def draw_intervals(
    title: str, rows: Sequence[tuple[str, dict[str, Any]]], label_width: int = 190
) -> str:
    """Draw rates with their 95 % intervals, one below the other.

    Args:
        title: of the chart.
        rows: a label and a *rate* of the document for each.
        label_width: pixels for the labels; longer ones are cut.
    """
    line = 34
    characters = _MAX_LABEL_CHARACTERS * label_width // 190
    layout = ChartLayout(height=line * len(rows) + 46, left=label_width, right=90, top=8, bottom=38)
    bottom = layout.height - layout.bottom
    high = max([rate["high"] for _, rate in rows if rate["count"]] or [rows[0][1]["high"]])
    x: Axis = layout.make_x_axis(0.0, min(1.0, high * 1.1))
    body = []
    for tick in x.ticks():
        at = x(tick)
        body.append(draw_line("grid", (at, layout.top), (at, bottom)))
        body.append(draw_text(at, bottom + 18, _format_percent_tick(tick), "tick", "middle"))
    sentences = []
    for index, (label, rate) in enumerate(rows):
        middle = layout.top + line * (index + 0.5)
        value = format_percent(rate["value"]) if rate["total"] else "nothing compared"
        short = label if len(label) <= characters else f"{label[: characters - 1]}…"
        body.append(draw_text(layout.left - 14, middle + 5, short, "name", "end"))
        body.append(draw_line("bar", (x(rate["low"]), middle), (x(rate["high"]), middle)))
        if rate["total"]:
            body.append(draw_dot(x(rate["value"]), middle))
        body.append(draw_text(layout.width - 6, middle + 5, value, "value", "end"))
        sentences.append(f"{label}: {value}")
    return layout.render(title, "; ".join(sentences), body)


def _format_odds_tick(value: float) -> str:
    return "all" if value >= 0.999 else format_odds(value)


def _format_percent_tick(value: float) -> str:
    return f"{100 * value:.10g} %"


def _format_margin(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
