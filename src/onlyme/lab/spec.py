"""Define the options of a training run, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from onlyme.errors import UsageError
from onlyme.lab.constants import PUBLISHED_SIDE_PIXELS, WAYS

if TYPE_CHECKING:
    from onlyme.lab.photos import Photos
    from onlyme.lab.triplets import Kind

__all__ = ["Spec"]

_RATE, _ARTICLE_RATE = 1e-3, 1e-4
"""Of AdamW, and of `article`'s SGD at the published side: the effect of a step on a vector grows
with the number of features, and that with the square of the side."""

_STEPS, _ARTICLE_STEPS = (1000, 40), (6000, 400)
"""Largest number of steps, and of checks without improvement. The dropout of whole channels of
`article` keeps its clean loss constant for hundreds of steps before it falls."""

_ARTICLE_CLIP_PER_PIXEL = 10 / 56
"""Longest gradient of `article` for each pixel of its side. Dropout makes its first gradients
several times as long as the later ones. Without the limit, at a rate at which it learns in a
thousand steps, its unbounded vectors became infinite or NaN for owners of two photos."""

_ONE_THREAD_SIDE_PIXELS = 112
"""Up to this side a second thread gains little."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One way and how it is trained. Two runs of one spec on the same photos are equal.

    Attributes:
        way: one of `onlyme.lab.WAYS`.
        alpha: margin of the triplet loss, −1 to 1.
        kind: kind of triplet loss; see `onlyme.lab.triplets`.
        faithful: `article` as published; see `onlyme.lab.networks.article`.
        unit: vectors of unit length; None: as the way was designed (`compact` yes,
            `article` no).
        whole: the pictures are whole photos and not aligned faces.
        augment: vary the photos at each step; the article does not.
        side: side of the pictures that `article` gets, in pixels, 16 to the published 244;
            the sides of the other ways are fixed.
        seed: seed of the weights, the augmentation and the dropout.
        rate: learning rate; 0 for the way's default.
        limit: largest number of steps; each step uses all photos, with new augmentation.
            None: 6000 for `article`, 1000 for the others.
        every: number of steps after which the clean loss is checked, and a checkpoint may
            be written.
        patience: number of checks in a row that must find the loss settled.
        plateau: number of checks without an improvement of 1 % that end the run; 0 for
            never, None: 400 for `article`, 40 for the others.

    Raises:
        UsageError: when a value is out of its range.
    """

    way: str
    alpha: float = 0.5
    kind: Kind = "article"
    faithful: bool = True
    unit: bool | None = None
    whole: bool = False
    augment: bool = True
    side: int = PUBLISHED_SIDE_PIXELS
    seed: int = 0
    rate: float = 0.0
    limit: int | None = None
    every: int = 5
    patience: int = 10
    plateau: int | None = None

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise UsageError(f"no way is called {self.way!r}; known: {', '.join(WAYS)}")
        if not -1 <= self.alpha <= 1:
            raise UsageError(f"alpha = {self.alpha:g} is not between -1 and 1")
        if min(self.max_steps, self.every, self.patience) < 1:
            raise UsageError("limit, every and patience must be at least 1")
        if self.plateau_checks < 0 or not 0 <= self.rate < math.inf:
            raise UsageError("plateau and rate must be numbers, and at least 0")
        if not 16 <= self.side <= PUBLISHED_SIDE_PIXELS:
            raise UsageError(
                f"side = {self.side} is not between 16 and {PUBLISHED_SIDE_PIXELS} pixels"
            )
        if self.way != "article" and self.side != PUBLISHED_SIDE_PIXELS:
            raise UsageError(f"only `article` takes a side; the side of {self.way} is fixed")

    @property
    def max_steps(self) -> int:
        """Largest number of steps: `limit`, or the way's default."""
        return self._defaults[0] if self.limit is None else self.limit

    @property
    def plateau_checks(self) -> int:
        """Number of checks without improvement: `plateau`, or the way's default."""
        return self._defaults[1] if self.plateau is None else self.plateau

    @property
    def _defaults(self) -> tuple[int, int]:
        return _ARTICLE_STEPS if self.way == "article" else _STEPS

    @property
    def learning_rate(self) -> float:
        """Learning rate: `rate`, or the way's default."""
        if self.rate or self.way != "article":
            return self.rate or _RATE
        return _ARTICLE_RATE * (PUBLISHED_SIDE_PIXELS / self.side) ** 2

    @property
    def clip(self) -> float | None:
        """Length to which longer gradients are shortened; None shortens none."""
        return _ARTICLE_CLIP_PER_PIXEL * self.side if self.way == "article" else None

    @property
    def threads(self) -> int | None:
        """Number of threads that compute it; None for one on each core.

        A dozen small pictures give a second core little to do. One thread is as fast on an
        idle machine, ten times as fast beside another busy process, and its results do not
        depend on the number of cores.
        """
        return None if self.way == "article" and self.side > _ONE_THREAD_SIDE_PIXELS else 1

    @property
    def ignored(self) -> frozenset[str]:
        """The options that this way does not use."""
        if self.way == "article":
            return frozenset()
        return frozenset(
            {"faithful"} | (set() if self.way == "compact" else {"alpha", "kind", "unit"})
        )

    def fingerprint(self, photos: Photos) -> str:
        """Return a hash of the spec and the photos, which identifies a run.

        `limit` is left out: a run may be resumed with a higher limit.
        """
        options = {key: value for key, value in asdict(self).items() if key != "limit"}
        text = json.dumps(options, sort_keys=True).encode()
        return hashlib.sha256(text + photos.me.tobytes() + photos.not_me.tobytes()).hexdigest()
