"""Write the results in plain sentences: what the figures show, and what they do not show."""

from __future__ import annotations

from typing import Any

from onlyme.charts import (
    describe_proven_bound,
    describe_set_rate,
    format_odds,
    format_percent,
    upper_bound,
)
from onlyme.evaluate.intervals import MIN_COUNT
from onlyme.evaluate.report.mistaken import describe_mistaken, rests_on_one_pair

__all__ = ["write_headline", "write_sentences"]


def write_headline(found: dict[str, Any]) -> str:
    """Return the result in one or two sentences."""
    owners, pairs = found["owners"], found["pairs"]
    if owners is None:
        return (
            f"Of {pairs['judged']:,} pairs of photos, {format_percent(pairs['accuracy'])} were "
            "judged correctly: the same person, or two people."
        )
    point = _select_reference_point(found)
    strangers, own = point["strangers"], point["own"]
    if point["standing"] == "too_few":
        return (
            f"Too few comparisons to say: {strangers['total']:,} attempts by strangers cannot "
            f"show a rate of {format_odds(found['far'])}; that takes at least "
            f"{3 / found['far']:,.0f}. Counted: strangers were accepted "
            f"{_format_counts(strangers)}, owners were rejected {_format_counts(own)}."
        )
    if strangers["count"] == 0:
        bound = upper_bound(0, strangers["total"])
        accepted = (
            f"No stranger was accepted in {strangers['total']:,} attempts; "
            f"{describe_proven_bound(bound)}"
        )
    else:
        accepted = (
            f"{_lead_with_interval(point['over_people'])}stranger was accepted "
            f"{_count_times(strangers['count'])} in "
            f"{strangers['total']:,} attempts: {format_odds(strangers['value'])}"
            + (f" ({describe_set_rate(found['far'])})" if owners["promised"] else "")
        )
    if rests_on_one_pair(owners.get("mistaken")):
        names = " and ".join(owners["mistaken"]["most"][0]["people"])
        accepted += f". This rests on one pair of people, {names}"
    if own["total"] < MIN_COUNT:
        return (
            f"{accepted}. Too few attempts by owners to say how often they are rejected: "
            f"counted {_format_counts(own)}."
        )
    return f"{accepted}. The owner was rejected in {format_percent(own['value'])} of attempts."


_MAX_STRATA = 4
"""Kinds of pictures that are named at once."""


def write_sentences(found: dict[str, Any]) -> list[str]:
    """Return what a careful reader should know beside the headline."""
    sentences = _describe_owners(found, found["owners"]) if found["owners"] else []
    sentences += _describe_groups(found["groups"]) if found["groups"] else []
    sentences += _describe_strata(found["strata"]) if found["strata"] else []
    lost = found["data"]["failure_to_acquire"]
    if lost["count"]:
        sentences.append(
            f"Photos without a usable face: {lost['count']:,} of {lost['total']:,}. "
            "They are in no other figure."
        )
    sentences.append("Twins, siblings, children and deliberate attacks are not covered.")
    return sentences


def _describe_groups(groups: dict[str, Any]) -> list[str]:
    """Return a sentence on the worst group of each kind of error."""
    sentences = []
    for key, what in (
        ("fnmr", "rejected by mistake most often"),
        ("within", "mistaken for each other most often"),
    ):
        ranked = [each for each in groups[key] if each["enough"]]
        if ranked:
            worst = f"The group {what} is {ranked[0]['group']}"
            sentences.append(f"{worst}: {_format_counts(ranked[0]['rate'])}.")
            sentences += _describe_spread(ranked)
        else:
            sentences.append(f"Which group is {what}: too few comparisons to say.")
    return sentences


def _describe_spread(ranked: list[dict[str, Any]]) -> list[str]:
    """Return a sentence on how far the worst and the best group lie apart."""
    if len(ranked) < 2:
        return []
    worst, best = ranked[0]["rate"]["value"], ranked[-1]["rate"]
    if not best["value"]:
        return [f"Spread between groups: none in {ranked[-1]['group']}, so no ratio can be given."]
    return [
        (
            f"Spread between groups: {worst / best['value']:.1f} times the rate of "
            f"{ranked[-1]['group']}, the best ({_format_counts(best)})."
        )
    ]


def _describe_strata(strata: dict[str, Any]) -> list[str]:
    """Return a sentence on the kinds of pictures in which owners are missed most often."""
    everywhere = strata["rate"]["value"]
    worse = [
        row
        for row in strata["bands"]
        if row["over_people"] and row["enough"] and row["over_people"]["low"] > everywhere
    ]
    if not worse:
        return [
            (
                "In no kind of picture are owners rejected more often than in others, as far as "
                "these counts show."
            )
        ]
    worse.sort(key=lambda row: -row["rate"]["value"])
    return [
        f"Rejected more often than in others ({row['measure']}, {row['band']}): "
        f"{_format_counts(row['rate'])}; {100 * row['share_of_misses']:.0f} % of all misses."
        for row in worse[:_MAX_STRATA]
    ]


def _describe_owners(found: dict[str, Any], owners: dict[str, Any]) -> list[str]:
    photos = "1 photo" if owners["photos"] == 1 else f"{owners['photos']} photos"
    repeats = f", {owners['repeats']} times with different photos" if owners["repeats"] > 1 else ""
    fold = " in the same fold" if found["crossfit"] else ""
    sentences = [
        (
            f"{owners['count']:,} of {owners['strangers']:,} people enrolled with {photos} "
            f"each{repeats}. All their other photos, and all photos of the other people{fold}, "
            "were attempts."
        ),
        f"Alpha was set in advance: {describe_set_rate(found['far'])}."
        if owners["promised"]
        else "No false accept rate was promised in advance: alpha was set afterwards, from these "
        f"same comparisons, for {format_odds(found['far'])}.",
    ]
    point = _select_reference_point(found)
    if point["standing"] == "wide":
        count, low = point["strangers"]["count"], point["strangers"]["low"]
        sentences.append(
            f"Only {count} false {'accept' if count == 1 else 'accepts'}: a firm figure needs "
            f"{MIN_COUNT}. The rate lies between {format_odds(low) if low > 0 else '0'} and "
            f"{format_odds(point['strangers']['high'])} (95 %, if every attempt is independent)."
        )
    mistaken = describe_mistaken(owners["mistaken"], point["strangers"], found["far"])
    if mistaken:
        sentences.append(mistaken)
    sentences.append(
        "Each person was judged by a model that was trained without that person."
        if found["crossfit"]
        else "If the model was trained on these people, the figures look better than they are. "
        "For the shipped model, onlyme/siamese/base-*.json names the training data."
    )
    return sentences


def _select_reference_point(found: dict[str, Any]) -> dict[str, Any]:
    """Return the point that the report speaks of: promised where calibrated, else counted."""
    owners = found["owners"]
    if owners["promised"]:
        (each,) = (p for p in owners["promised"] if p["far"] == found["far"])
        return {
            "strangers": each["realised"],
            "over_people": each["realised_over_people"],
            "own": each["fnmr"],
            "standing": each["standing"],
        }
    (each,) = (p for p in owners["points"] if p["fmr_target"] == found["far"])
    return {
        "strangers": each["fmr"],
        "over_people": None,  # the threshold was set by these same comparisons
        "own": each["fnmr"],
        "standing": each["standing"],
    }


def _format_counts(counted: dict[str, Any]) -> str:
    low, high = format_percent(counted["low"]), format_percent(counted["high"])
    return f"{counted['count']:,} of {counted['total']:,} times (95 %: {low} to {high})"


def _lead_with_interval(over_people: dict[str, float] | None) -> str:
    """Return the beginning of the headline: the interval that the owners carry, if there is one.

    Attempts of one owner are not independent, so an interval over attempts would be too narrow.
    """
    if over_people is None:
        return "A "
    low = format_odds(over_people["low"]) if over_people["low"] > 0 else "0"
    high = format_odds(over_people["high"])
    return f"Between {low} and {high} strangers were accepted (95 % over owners): a "


def _count_times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
