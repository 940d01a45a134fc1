"""Tell people what was trained on, how the training ended, and what the network accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.cli.lines import say
from onlyme.cli.output import format_count
from onlyme.lab.rules import RULES, describe_rule

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.lab.photos import Photos
    from onlyme.lab.run import TrainedNetwork

__all__ = ["describe_verdicts", "print_photos", "print_result"]


def describe_verdicts(trained: TrainedNetwork) -> list[str]:
    """Return one line for each rule: accepted photos of ME and of NOT_ME, at the threshold.

    These are the photos of the training, so the lines show the rules and not an error rate.
    """
    mine, others = (
        trained.pair_scores(faces) for faces in (trained.photos.me, trained.photos.not_me)
    )
    bound, lines = trained.threshold, []
    for rule in RULES:
        sides = [
            table[:, trained.drawn_pair] if rule == "pair" else trained.join_pairs(table)
            for table in (mine, others)
        ]
        me, not_me = (int((scores >= bound).sum()) for scores in sides)
        line = (
            f"{describe_rule(rule)}: accepts {me} of {len(mine)} ME photos and "
            f"{not_me} of {len(others)} NOT_ME photos"
        )
        if rule == "pair" and trained.pairs > 1:
            means = [100 * float((table >= bound).mean()) for table in (mine, others)]
            line += f" (mean over all {trained.pairs} pairs: {means[0]:.0f} % and {means[1]:.0f} %)"
        lines.append(line)
    return lines


def print_photos(photos: Photos) -> None:
    """Say on stderr which photos there are, and which were left out."""
    for note in photos.skipped:
        say(f"left out: {note}", err=True)
    say(
        f"{len(photos.me)} ME and {format_count(len(photos.not_me), 'NOT_ME photo')}: "
        f"{photos.triplets} triplets",
        err=True,
    )


def print_result(trained: TrainedNetwork, out: Path) -> None:
    """Say how a training ended."""
    result = trained.result
    loss = result.curve[-1][1] if result.curve else float("nan")
    say(
        f"{out}: training ended after {format_count(result.steps, 'step')} and "
        f"{result.seconds:.1f} s ({result.reason}); loss {loss:.4f}; "
        f"memory at most {result.peak_bytes / 1e6:.0f} MB"
    )
