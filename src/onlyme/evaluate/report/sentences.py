"""Figures come in; plain sentences, with what may be claimed and what not, go out."""

from __future__ import annotations

from typing import Any

from onlyme.evaluate.intervals import upper_bound

__all__ = ["format_odds", "format_percent", "write_headline", "write_sentences"]


def format_odds(value: float) -> str:
    """Write a small rate as odds.

    >>> format_odds(1e-4), format_odds(0.00029), format_odds(0.3)
    ('1 in 10,000', '1 in 3,450', '1 in 3.3')
    """
    if not value > 0:
        return "none"
    one_in = 1.0 / value
    if one_in < 20:
        return f"1 in {one_in:.1f}".removesuffix(".0")
    digits = max(0, len(str(int(one_in))) - 3)
    return f"1 in {round(one_in, -digits):,.0f}"


def format_percent(value: float) -> str:
    """Write a share in percent with two or three digits that say something.

    >>> [format_percent(share) for share in (0.00374, 0.1234, 0.0000123, 0)]
    ['0.37 %', '12 %', '0.0012 %', '0 %']
    """
    if value == 0:
        return "0 %"
    hundred = 100 * value
    if hundred >= 10:
        return f"{hundred:.2f} %" if 99 <= hundred < 100 else f"{hundred:.0f} %"
    decimals = 1
    while decimals < 8 and hundred < 10 ** (1 - decimals):
        decimals += 1
    return f"{hundred:.{decimals}f} %"


def write_headline(found: dict[str, Any]) -> str:
    """Return the outcome in one or two sentences, for a reader who reads nothing else."""
    owners, pairs = found["owners"], found["pairs"]
    if owners is None:
        return (
            f"Of {pairs['judged']:,} pairs of photos, {format_percent(pairs['accuracy'])} were "
            "rightly "
            "judged to show the same person or two people."
        )
    point = _select_reference_point(found)
    strangers, own = point["strangers"], point["own"]
    if point["standing"] == "too_few":
        return (
            f"Too few comparisons to say: {strangers['total']:,} tries by strangers cannot show "
            f"a rate of {format_odds(found['far'])}; that takes at least {3 / found['far']:,.0f}. "
            f"Counted: strangers got in {_format_counts(strangers)}, owners were turned away "
            f"{_format_counts(own)}."
        )
    if strangers["count"] == 0:
        bound = upper_bound(0, strangers["total"])
        got_in = (
            f"No stranger got in in {strangers['total']:,} tries: "
            f"at most {format_odds(bound)}, with 95 % confidence"
        )
    else:
        got_in = (
            f"A stranger got in {strangers['count']:,} {_choose_times_word(strangers['count'])} "
            f"in {strangers['total']:,} tries: {format_odds(strangers['value'])}"
            + (f", where {format_odds(found['far'])} was promised" if owners["promised"] else "")
        )
    if own["total"] < 30:
        return (
            f"{got_in}. Too few attempts by owners to say how often they are turned away: "
            f"counted {_format_counts(own)}."
        )
    return f"{got_in}. The owner was turned away in {format_percent(own['value'])} of attempts."


def write_sentences(found: dict[str, Any]) -> list[str]:
    """Return what a careful reader should know beside the headline."""
    said = []
    owners = found["owners"]
    if owners is not None:
        point = _select_reference_point(found)
        said.append(
            f"{owners['count']:,} of {owners['strangers']:,} people enrolled with "
            f"{owners['photos']} {'photo' if owners['photos'] == 1 else 'photos'} each"
            + (f", {owners['repeats']} times with different ones" if owners["repeats"] > 1 else "")
            + "; then their other photos tried to get in, and all photos of the other people"
            + (" in the same fold." if found["crossfit"] else ".")
        )
        said.append(
            f"Alpha was set for a promised false accept rate of {format_odds(found['far'])}."
            if owners["promised"]
            else "Nothing was promised beforehand: alpha was set afterwards, on these very "
            f"comparisons, to {format_odds(found['far'])}."
        )
        if point["standing"] == "wide":
            said.append(
                f"{point['strangers']['count']} false accepts are fewer than the 30 that a firm "
                f"figure takes: the rate lies between "
                f"{_format_odds_or_zero(point['strangers']['low'])} and "
                f"{format_odds(point['strangers']['high'])} "
                "(95 %, as if every try were independent)."
            )
        said.append(
            "No head judged anybody that it had seen in training."
            if found["crossfit"]
            else "Whether the head saw these people in training is for its card to say."
        )
    lost = found["data"]["failure_to_acquire"]
    if lost["count"]:
        said.append(
            f"{lost['count']:,} of {lost['total']:,} photos had no usable face; "
            "no other figure holds them."
        )
    said.append("Twins, siblings, children and deliberate attacks are not covered.")
    return said


def _select_reference_point(found: dict[str, Any]) -> dict[str, Any]:
    """The point that the report speaks of: promised where calibrated, else counted."""
    owners = found["owners"]
    if owners["promised"]:
        (each,) = (p for p in owners["promised"] if p["far"] == found["far"])
        return {"strangers": each["realised"], "own": each["fnmr"], "standing": each["standing"]}
    (each,) = (p for p in owners["points"] if p["fmr_target"] == found["far"])
    return {"strangers": each["fmr"], "own": each["fnmr"], "standing": each["standing"]}


def _format_counts(counted: dict[str, Any]) -> str:
    low, high = format_percent(counted["low"]), format_percent(counted["high"])
    return f"{counted['count']:,} of {counted['total']:,} times (95 %: {low} to {high})"


def _choose_times_word(count: int) -> str:
    return "time" if count == 1 else "times"


def _format_odds_or_zero(value: float) -> str:
    return format_odds(value) if value > 0 else "0"
