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

__all__ = ["Spec"]

_RATES = {"article": 1e-4}
"""Learning rates of the ways; that of the others is 1e-3, with AdamW. With SGD at 5e-4 the
unbounded vectors of `article` grew until they were no numbers any more, for one owner of
whom it saw two photos."""


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
        seed: of the weights, the augmentation and the dropout.
        rate: learning rate; 0 for the way's own.
        limit: most steps; each sees all photos, augmented anew.
        every: the clean loss is looked at, and a checkpoint may be written, after so
            many steps.
        patience: so many looks in a row must find it settled.
        plateau: so many looks without an improvement of 1 % end the run; 0 for never.

    Raises:
        UsageError: when a value makes no sense.
    """

    way: str
    alpha: float = 0.5
    kind: Kind = "article"
    faithful: bool = True
    unit: bool | None = None
    whole: bool = False
    seed: int = 0
    rate: float = 0.0
    limit: int = 400
    every: int = 5
    patience: int = 10
    plateau: int = 40

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise UsageError(f"no way is called {self.way!r}; known: {', '.join(WAYS)}")
        if not -1 <= self.alpha <= 1:
            raise UsageError(f"alpha = {self.alpha:g} is not between -1 and 1")
        if min(self.limit, self.every, self.patience) < 1 or min(self.plateau, self.rate) < 0:
            raise UsageError(
                "limit, every and patience are at least 1, plateau and rate at least 0"
            )

    @property
    def learning_rate(self) -> float:
        """The learning rate that is used."""
        return self.rate or _RATES.get(self.way, 1e-3)

    @property
    def threads(self) -> int | None:
        """How many threads compute it; None for as many as there are.

        A dozen small pictures give a second core little to do. One thread is as fast on an
        idle machine, ten times as fast beside another busy process, and its results do not
        depend on how many cores there are.
        """
        return None if self.way == "article" else 1

    def network(self) -> Classifier | TwoHead | Siamese:
        """Build the network, untrained."""
        from onlyme.lab.networks import build

        return build(
            self.way,
            alpha=self.alpha,
            kind=self.kind,
            faithful=self.faithful,
            unit=self.unit,
            whole=self.whole,
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
