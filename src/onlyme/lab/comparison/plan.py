"""Define what a comparison compares."""

from __future__ import annotations

from dataclasses import dataclass

from onlyme.errors import UsageError
from onlyme.lab import PUBLISHED_SIDE_PIXELS, WAYS
from onlyme.lab.spec import Spec

__all__ = ["ARTICLE_SIDE_PIXELS", "Plan"]

ARTICLE_SIDE_PIXELS = 56
"""Side of the faces that `article` is compared on, half of their own side. The published 244
pixels show it the same faces enlarged, and a step then takes ten times as long, on all cores
and not on one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a comparison compares.

    Attributes:
        owners: number of people who are the owner in turn.
        photos: numbers of the owner's training photos, each ≥ 2.
        ways: some of `onlyme.lab.WAYS`.
        strangers: number of NOT_ME photos, one of each stranger.
        unseen: largest number of strangers who are tested and never trained on.
        alpha: margin of the triplet loss.
        limit: largest number of steps of every way; None for the default of each, see
            `onlyme.lab.spec.Spec`.
        seed: seed of everything that is drawn.
        side: side of the faces that `article` gets, in pixels; 244 as published.

    Raises:
        UsageError: when a value is out of its range.
    """

    owners: int = 2
    photos: tuple[int, ...] = (7,)
    ways: tuple[str, ...] = WAYS
    strangers: int = 10
    unseen: int = 200
    alpha: float = 0.5
    limit: int | None = None
    seed: int = 0
    side: int = ARTICLE_SIDE_PIXELS

    def __post_init__(self) -> None:
        if self.owners < 1 or self.unseen < 1:
            raise UsageError("a comparison needs at least one owner and one unseen stranger")
        if not self.photos or min(self.photos) < 2:
            raise UsageError("a comparison needs at least two photos of each owner")
        if not set(self.ways) <= set(WAYS):
            raise UsageError(
                f"no such way: {', '.join(sorted(set(self.ways) - set(WAYS)))}; "
                f"known: {', '.join(WAYS)}"
            )
        for way in self.ways:
            self.make_spec(way)  # refuses a wrong value now, and not after hours of training

    def make_spec(self, way: str) -> Spec:
        """Return the options with which a way is trained."""
        side = self.side if way == "article" else PUBLISHED_SIDE_PIXELS
        return Spec(way, alpha=self.alpha, limit=self.limit, seed=self.seed, side=side)
