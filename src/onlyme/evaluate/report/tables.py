"""Render the document's rows as HTML tables, escaped and with captions."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from onlyme.charts import format_odds, format_percent, render_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "escape_name",
    "format_signed",
    "render_closest_table",
    "render_group_table",
    "render_people_table",
    "render_point_table",
    "render_promised_table",
    "render_strata_table",
]

_TOO_FEW = '<span class="tag">too few to say</span>'


def escape_name(name: str) -> str:
    """Escape a name, and let a line break after `_` and `/`.

    >>> escape_name("A_B<i>")
    'A_<wbr>B&lt;i&gt;'
    """
    return escape(name).replace("_", "_<wbr>").replace("/", "/<wbr>")


def format_signed(value: float) -> str:
    """Write a margin relative to alpha.

    >>> format_signed(0.25), format_signed(-0.1)
    ('+0.250', '−0.100')
    """
    return f"{value:+.3f}".replace("-", "−")


def render_point_table(points: Sequence[dict[str, Any]]) -> str:
    """Render the error rates at each target FMR."""
    return render_table(
        "One threshold for all owners",
        ("Target FMR", "Strangers accepted", "Owners rejected", "Threshold"),
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
    """Render each promised rate beside the realised one."""
    return render_table(
        "Each owner at their own alpha",
        ("Promised", "Realised", "Worst owner", "Owners above 10 × promised", "Owners rejected"),
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
    """Render the owners with the most errors."""
    return render_table(
        f"The {len(people)} of {total:,} owners with the worst results, at {format_odds(far)}; "
        "margins are relative to alpha",
        (
            "Owner",
            "Rejected",
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
                format_signed(each["lowest"]),
                format_signed(each["median"]),
                format_signed(each["closest_stranger"]),
            )
            for each in people
        ),
    )


def render_closest_table(pairs: Sequence[dict[str, Any]]) -> str:
    """Render the strangers closest to an owner."""
    return render_table(
        "Owner and stranger, the closest first",
        ("Owner", "Stranger", "Above alpha", "Verdict"),
        (
            (
                escape_name(pair["owner"]),
                f"{escape_name(pair['stranger'])}<small>{escape_name(pair['stranger_source'])}</small>",
                format_signed(pair["above_alpha"]),
                "accepted" if pair["accepted"] else "rejected",
            )
            for pair in pairs
        ),
    )


def render_group_table(rows: Sequence[dict[str, Any]], caption: str) -> str:
    """Render an error rate group by group."""
    return render_table(
        caption,
        ("Group", "People", "Errors", "Rate, with 95 % interval"),
        (
            (
                escape_name(row["group"]),
                f"{row['people']:,}",
                f"{row['rate']['count']:,} of {row['rate']['total']:,}",
                _render_rate_over_people(row),
            )
            for row in rows
        ),
    )


def render_strata_table(rows: Sequence[dict[str, Any]], caption: str) -> str:
    """Render the misses band by band."""
    return render_table(
        caption,
        ("Measured", "Band", "Owners", "Share of all misses", "Rejected, with 95 % interval"),
        (
            (
                escape_name(row["measure"]),
                escape_name(row["band"]),
                f"{row['people']:,}",
                f"{100 * row['share_of_misses']:.0f} %",
                _render_rate_over_people(row),
            )
            for row in rows
        ),
    )


def _render_rate_over_people(row: dict[str, Any]) -> str:
    standing = "firm" if row["enough"] else "too_few"
    return _render_rate(row["rate"], standing, format_percent, row["over_people"])


def _render_rate(
    rate: dict[str, Any],
    standing: str,
    format_share: Callable[[float], str],
    over: dict[str, float] | None = None,
) -> str:
    """Render a rate, its count and its interval; say so where the count shows little."""
    small = f"{rate['count']:,} of {rate['total']:,}"
    if not rate["total"]:
        return f"{_TOO_FEW}<small>{small}</small>"
    if standing == "too_few":
        ends = f"95 %: {format_percent(rate['low'])} to {format_percent(rate['high'])}"
        return f"{_TOO_FEW}<small>{small}; {ends}</small>"
    if rate["count"] == 0:
        return f"none<small>{small}; at most {format_share(rate['high'])}</small>"
    span = over or rate
    low = format_share(span["low"]) if span["low"] > 0 else "0"
    aside = " over owners" if over else ""
    wide = ' <span class="tag">few errors</span>' if standing == "wide" else ""
    return (
        f"{format_share(rate['value'])}{wide}"
        f"<small>{small}; {low} to {format_share(span['high'])}{aside}</small>"
    )
