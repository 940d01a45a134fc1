"""What a training run is asked to do, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError
from onlyme.lab import WAYS

if TYPE_CHECKING:
    from onlyme.lab.networks import Classifier, Siamese, TwoHead
    from onlyme.lab.photos import Photos
    from onlyme.lab.triplets import Kind

__all__ = ["PUBLISHED_SIDE_PIXELS", "Spec"]

PUBLISHED_SIDE_PIXELS = 244
"""Side of the article's pictures in pixels."""

_ARTICLE_LEARNING_RATE = 1e-4
"""Learning rate of `article` at the published side, with SGD. What a step does to a vector grows
with the number of features, and that with the square of the side, so that a smaller side takes
a higher rate. The others' is 1e-3, with AdamW."""

_ARTICLE_CLIP_PER_PIXEL = 10 / 56
"""Longest gradient of `article` for each pixel of its side. Dropout makes its first gradients
several times as long as those that follow; at a rate at which it learns in a thousand steps,
its unbounded vectors else grew until they were no numbers, for owners of two photos."""

_MAX_STEPS = {"article": 6000}
_PLATEAU_LOOKS = {"article": 400}
"""Dropout of whole channels keeps the clean loss of `article` where it is for hundreds of steps
before it falls."""

_ONE_THREAD_SIDE_PIXELS = 112
"""Up to this side a second thread gains little."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One way and how it is trained. Two runs of one spec on the same photos are equal.

    Attributes:
        way: one of `onlyme.lab.WAYS`.
        alpha: margin of the triplet loss, −1 to 1.
        kind: which triplet loss; see `onlyme.lab.triplets`.
        faithful: `article` as published.
        unit: vectors of unit length; None: as the way was designed.
        whole: the pictures are whole photos and not aligned faces.
        side: of the pictures that `article` sees, in pixels, 16 to the published 244; the
            other ways have their own.
        seed: of the weights, the augmentation and the dropout.
        rate: learning rate; 0 for the way's own.
        limit: most steps; each sees all photos, augmented anew. None: 6000 of `article`,
            1000 of the others.
        every: the clean loss is looked at, and a checkpoint may be written, after so
            many steps.
        patience: so many looks in a row must find it settled.
        plateau: so many looks without an improvement of 1 % end the run; 0 for never,
            None: 400 of `article`, 40 of the others.

    Raises:
        UsageError: when a value makes no sense.
    """

    way: str
    alpha: float = 0.5
    kind: Kind = "article"
    faithful: bool = True
    unit: bool | None = None
    whole: bool = False
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
        if (
            min(self.most_steps, self.every, self.patience) < 1
            or min(self.most_looks, self.rate) < 0
        ):
            raise UsageError(
                "limit, every and patience are at least 1, plateau and rate at least 0"
            )

        if not 16 <= self.side <= PUBLISHED_SIDE_PIXELS:
            raise UsageError(
                f"side = {self.side} is not between 16 and {PUBLISHED_SIDE_PIXELS} pixels"
            )
        if self.way != "article" and self.side != PUBLISHED_SIDE_PIXELS:
            raise UsageError(f"`article` alone has a side; {self.way} has its own")

    @property
    def most_steps(self) -> int:
        """The limit that is used."""
        return _MAX_STEPS.get(self.way, 1000) if self.limit is None else self.limit

    @property
    def most_looks(self) -> int:
        """The plateau that is used."""
        return _PLATEAU_LOOKS.get(self.way, 40) if self.plateau is None else self.plateau

    @property
    def learning_rate(self) -> float:
        """The learning rate that is used."""
        if self.rate or self.way != "article":
            return self.rate or 1e-3
        return _ARTICLE_LEARNING_RATE * (PUBLISHED_SIDE_PIXELS / self.side) ** 2

    @property
    def clip(self) -> float | None:
        """The length to which longer gradients are shortened; None: they are left."""
        return _ARTICLE_CLIP_PER_PIXEL * self.side if self.way == "article" else None

    @property
    def threads(self) -> int | None:
        """How many threads compute it; None for as many as there are.

        A dozen small pictures give a second core little to do. One thread is as fast on an
        idle machine, ten times as fast beside another busy process, and its results do not
        depend on how many cores there are.
        """
        return None if self.way == "article" and self.side > _ONE_THREAD_SIDE_PIXELS else 1

    def build_network(self) -> Classifier | TwoHead | Siamese:
        """Build the network, untrained."""
        from onlyme.lab.networks import build_network

        return build_network(
            self.way,
            alpha=self.alpha,
            kind=self.kind,
            faithful=self.faithful,
            unit=self.unit,
            whole=self.whole,
            side=self.side,
            seed=self.seed,
        )

    def fingerprint(self, photos: Photos) -> str:
        """Return a hash of the spec and the photos, by which a run is known again.

        `limit` is left out: a run may be resumed to go on for longer.
        """
        told = {key: value for key, value in self.to_json().items() if key != "limit"}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        digest.update(photos.me.tobytes())
        digest.update(photos.not_me.tobytes())
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the values as JSON holds them."""
        return asdict(self)
