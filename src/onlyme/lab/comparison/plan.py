"""Define what a comparison compares."""

from __future__ import annotations

from dataclasses import dataclass

from onlyme.errors import UsageError
from onlyme.lab.constants import PUBLISHED_SIDE_PIXELS, WAYS
from onlyme.lab.spec import Spec

__all__ = ["ADVISED_ALPHAS", "ADVISED_NOT_ME", "ADVISED_PHOTOS", "ARTICLE_SIDE_PIXELS", "Plan"]

ADVISED_PHOTOS, ADVISED_NOT_ME = 2, 5
"""The article's smaller set: "2 ME and 5 NOT_ME photos, 15 minutes"."""

ADVISED_ALPHAS = (0.1, -0.6)
"""A small and a negative alpha, as the article advises for few photos."""

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
        advice: number of owners with whom the article's advice for few photos is tried.
        pair_steps: number of batches of the two-head network that learns from many people; 0
            leaves it out, and so does a folder with too few people beside those compared.

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
    advice: int = 1
    pair_steps: int = 300

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
        for what, given in (("--photos", self.photos), ("--ways", self.ways)):
            if len(set(given)) < len(given):
                raise UsageError(
                    f"{what} names one value twice: {','.join(map(str, given))}. The same photos "
                    "would be counted twice; name each value once"
                )
        if self.pair_steps < 0:
            raise UsageError("the steps of the two-head network must be at least 0")
        if not 0 <= self.advice <= self.owners:
            raise UsageError(f"--advice {self.advice}: give 0 to {self.owners}, the owners")
        for way in self.ways:
            self.make_spec(way)  # refuses a wrong value now, and not after hours of training

    def make_spec(self, way: str, alpha: float | None = None) -> Spec:
        """Return the options with which a way is trained, by default at the plan's alpha."""
        side = self.side if way == "article" else PUBLISHED_SIDE_PIXELS
        alpha = self.alpha if alpha is None else alpha
        return Spec(way, alpha=alpha, limit=self.limit, seed=self.seed, side=side)

    def list_advice(self) -> list[Spec]:
        """Return what is trained on two photos of the owner and five of others.

        The article advises a smaller or even negative alpha for so few photos.
        """
        alphas = list(dict.fromkeys((self.alpha, *ADVISED_ALPHAS)))
        ways = [way for way in ("article", "compact") if way in self.ways]
        return [self.make_spec(way, alpha) for way in ways for alpha in alphas]
