"""Find the pairs of people behind the false accepts.

A figure may rest on two people: on relatives, or on one person whose photos lie in two folders.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.charts import describe_set_rate, format_odds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.evaluate.owners import OwnerStudy

__all__ = ["describe_mistaken", "find_mistaken_pairs", "rests_on_one_pair"]

_MAX_PAIRS = 5
_SURPRISING = 3.0  # times the rate that was set


def find_mistaken_pairs(study: OwnerStudy, far: float) -> dict[str, Any] | None:
    """Return how the false accepts at a rate are spread over pairs of people.

    Args:
        study: the owners' attempts.
        far: the rate that alpha was set for; without calibration, one threshold for all owners.

    Returns:
        `accepts`, all of them; `pairs`, how many pairs of people they are of; and `most`, the
        pairs with the most, each with `people` (two names, in order) and `accepts`. None where
        they were not stored one by one.
    """
    found = _list_accepts(study, far)
    if found is None:
        return None
    counts = Counter(found)
    return {
        "accepts": sum(counts.values()),
        "pairs": len(counts),
        "most": [
            {"people": list(pair), "accepts": accepts}
            for pair, accepts in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        ][:_MAX_PAIRS],
    }


def _list_accepts(study: OwnerStudy, far: float) -> list[tuple[str, str]] | None:
    """Return the pair of people of each false accept."""
    if study.is_calibrated:
        index = study.fars.index(far)
        return [
            _make_pair(trial.person, str(study.labels[row]))
            for trial in study.trials
            for row in trial.accepted[index]
        ]
    impostors = study.impostors
    threshold = impostors.threshold_at(far)
    if not impostors.is_exact_at(threshold):
        return None
    hit = np.flatnonzero(impostors.margins >= threshold)
    return list(_list_pairs(study, hit.tolist()))


def _list_pairs(study: OwnerStudy, rows: list[int]) -> Iterator[tuple[str, str]]:
    owners, probes = study.impostors.owners, study.impostors.probes
    for row in rows:
        yield _make_pair(study.owners[owners[row]], str(study.labels[probes[row]]))


def _make_pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def rests_on_one_pair(mistaken: dict[str, Any] | None) -> bool:
    """Say whether at least half of the false accepts are of one pair of people."""
    if not mistaken or not mistaken["most"]:
        return False
    return bool(2 * mistaken["most"][0]["accepts"] >= mistaken["accepts"])


def describe_mistaken(
    mistaken: dict[str, Any] | None, strangers: dict[str, Any], far: float
) -> str:
    """Name the pair of people behind a surprising figure; empty where none is surprising.

    Args:
        mistaken: what `find_mistaken_pairs` returned.
        strangers: the rate of all accepts, as `ErrorRate.to_dict` returns it.
        far: the rate that was set.
    """
    if not mistaken or not mistaken["most"]:
        return ""
    is_surprising = strangers["value"] >= _SURPRISING * far
    if not rests_on_one_pair(mistaken) and not is_surprising:
        return ""
    most = mistaken["most"][0]
    names = " and ".join(most["people"])
    rest = strangers["count"] - most["accepts"]
    without = f"{rest:,} of {strangers['total']:,}"
    without += f" ({format_odds(rest / strangers['total'])})" if rest else ""
    pairs = "1 pair" if mistaken["pairs"] == 1 else f"{mistaken['pairs']:,} pairs"
    return (
        f"{most['accepts']:,} of the {mistaken['accepts']:,} false accepts, which are of {pairs} "
        f"of people, are of {names}: look whether these are relatives, or one person in two "
        f"folders. Without this pair it is {without}; alpha was {describe_set_rate(far)}."
    )
