"""Rows of the document come in; HTML tables, escaped and captioned, go out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from onlyme.evaluate.report.sentences import format_odds, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "escape_name",
    "render_closest_table",
    "render_group_table",
    "render_people_table",
    "render_point_table",
    "render_promised_table",
]

_TOO_FEW = '<span class="tag">too few to say</span>'


def escape_name(name: str) -> str:
    """Escape a name, and let it break after the signs that stand for spaces.

    >>> escape_name("A_B<i>")
    'A_<wbr>B&lt;i&gt;'
    """
    return escape(name).replace("_", "_<wbr>").replace("/", "/<wbr>")


def render_point_table(points: Sequence[dict[str, Any]]) -> str:
    """Tell what each target FMR costs."""
    return _render_table(
        "One threshold for everybody",
        ("Target FMR", "Strangers accepted", "Owners turned away", "Threshold"),
        (
            (
                format_odds(point["fmr_target"]),
                _render_rate(point["fmr"], point["standing"], format_odds),
                _render_rate(point["fnmr"], "firm", format_percent, point.get("fnmr_over_people")),
                f"{point['threshold']:.3f}".replace("-", "−"),
            )
            for point in points
        ),
    )


def render_promised_table(rates: Sequence[dict[str, Any]]) -> str:
    """Tell what became of each promised rate."""
    return _render_table(
        "Every owner at their own alpha",
        ("Promised", "Realised", "Worst owner", "Owners above ten times", "Owners turned away"),
        (
            (
                format_odds(each["far"]),
                _render_rate(
                    each["realised"], each["standing"], format_odds, each["realised_over_people"]
                ),
                format_odds(each["highest_of_an_owner"]),
                (
                    f"{each['owners_above_tenfold']['count']:,} of "
                    f"{each['owners_above_tenfold']['total']:,}"
                ),
                _render_rate(each["fnmr"], "firm", format_percent, each["fnmr_over_people"]),
            )
            for each in rates
        ),
    )


def render_people_table(people: Sequence[dict[str, Any]], far: float, total: int) -> str:
    """Tell which owners fare worst."""
    return _render_table(
        f"The {len(people)} of {total:,} owners that fare worst, at {format_odds(far)}; "
        "margins are counted from alpha",
        (
            "Owner",
            "Turned away",
            "Strangers accepted",
            "Lowest own",
            "Median own",
            "Closest stranger",
        ),
        (
            (
                escape_name(each["person"]),
                f"{each['misses']:,} of {each['attempts']:,}",
                "not counted"
                if each["false_accepts"] is None
                else f"{each['false_accepts']:,} of {each['comparisons']:,}",
                _format_signed(each["lowest"]),
                _format_signed(each["median"]),
                _format_signed(each["closest_stranger"]),
            )
            for each in people
        ),
    )


def render_closest_table(pairs: Sequence[dict[str, Any]]) -> str:
    """Tell which strangers came nearest to which owners."""
    return _render_table(
        "Owner and stranger, the nearest first",
        ("Owner", "Stranger", "Above alpha", "Verdict"),
        (
            (
                escape_name(pair["owner"]),
                f"{escape_name(pair['stranger'])}<small>{escape_name(pair['stranger_source'])}</small>",
                _format_signed(pair["above_alpha"]),
                "accepted" if pair["accepted"] else "refused",
            )
            for pair in pairs
        ),
    )


def render_group_table(rows: Sequence[dict[str, Any]], caption: str) -> str:
    """Tell an error rate group by group."""
    return _render_table(
        caption,
        ("Group", "People", "Errors", "Rate, with 95 % interval"),
        (
            (
                escape_name(row["group"]),
                f"{row['people']:,}",
                f"{row['rate']['count']:,} of {row['rate']['total']:,}",
                _render_rate(
                    row["rate"],
                    "firm" if row["enough"] else "too_few",
                    format_percent,
                    row["over_people"],
                ),
            )
            for row in rows
        ),
    )


def _render_rate(
    rate: dict[str, Any], standing: str, words: Any, over: dict[str, float] | None = None
) -> str:
    """A rate in words, then its count and interval; wide ones and none at all say so."""
    small = f"{rate['count']:,} of {rate['total']:,}"
    if not rate["total"]:
        return f"{_TOO_FEW}<small>{small}</small>"
    if standing == "too_few":
        ends = f"95 %: {format_percent(rate['low'])} to {format_percent(rate['high'])}"
        return f"{_TOO_FEW}<small>{small}; {ends}</small>"
    if rate["count"] == 0:
        return f"none<small>{small}; at most {words(rate['high'])}</small>"
    span = over or rate
    low = words(span["low"]) if span["low"] > 0 else "0"
    aside = " over owners" if over else ""
    wide = ' <span class="tag">few errors</span>' if standing == "wide" else ""
    return (
        f"{words(rate['value'])}{wide}<small>{small}; {low} to {words(span['high'])}{aside}</small>"
    )


def _format_signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _render_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML already, caption and head are not."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )
