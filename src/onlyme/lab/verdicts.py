"""Count how many of its own photos a trained network accepts, by each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.lab.rules import RULES, describe_rule

if TYPE_CHECKING:
    from onlyme.lab.run import TrainedNetwork

__all__ = ["describe_verdicts"]


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
