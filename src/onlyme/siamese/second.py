"""Decide faces near alpha by a second network as well, where that can still change the decision.

The second network's distance to the owner, d₂(x, ME), lowers the score by a fixed share:
s = z − weight · d₂, with d₂ held between two limits. A curve of its own says how often a random
stranger reaches s. From that rate follows the z, and so the margin, that stands for the same rate
by the first network alone: alpha, its rate and everything that is said about them stay as they
are. d₂ lies between its limits, so for most faces z alone settles on which side of alpha they
are, and the second network is not run.

Source: a cascade of classifiers, in which few inputs reach the costly stage (Viola, Jones 2001);
fusion of scores by a weighted sum (Kittler et al. 1998).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import NotCalibrated
from onlyme.siamese.calibrate import MissTable, TailCurve
from onlyme.siamese.distance import measure_distances, normalize

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from numpy.typing import NDArray

    from onlyme.types import Embedding

__all__ = ["SecondRule"]


@dataclass(frozen=True, eq=False, repr=False)
class SecondRule:
    """How a second network's distance counts, and what each score stands for. Immutable.

    Attributes:
        model: sha256 (hex) of the second network.
        base: short name of the base that it was calibrated with.
        weight: what one unit of d₂ takes from z.
        nearest: d₂ below this counts as this.
        farthest: d₂ above this counts as this.
        first: the base's curve: how often a random person reaches z.
        curve: how often a random person reaches the score s.
        misses: false non-match rate of the cascade against z.
        card: how it was made and counted.
    """

    model: str
    base: str
    weight: float
    nearest: float
    farthest: float
    first: TailCurve
    curve: TailCurve
    misses: MissTable
    card: dict[str, Any]

    @classmethod
    def read(cls, path: Path | Traversable, base: str, first: TailCurve) -> Self | None:
        """Load what `tools/train_second.py` wrote; None if there is no such file.

        Args:
            path: the file.
            base: short name of the base in use.
            first: the curve of that base.

        Raises:
            NotCalibrated: the file is damaged, or was made with another base.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as parts:
                arrays = {key: parts[key] for key in parts.files}
            card = json.loads(str(arrays["card"]))
            if card["base"] != base:
                raise NotCalibrated(f"{path.name} was made with another base; reinstall onlyme")
            photos, counted_from = arrays["photos"], float(card["counted_from"])
            low, high = sorted(float(card[key]) for key in ("nearest", "farthest"))
            return cls(
                model=str(card["model"]),
                base=base,
                weight=float(card["weight"]),
                nearest=low,
                farthest=high,
                first=first,
                curve=TailCurve(photos, arrays["log_far"], arrays["far_s"], counted_from),
                misses=MissTable(
                    photos,
                    arrays["miss_people"],
                    arrays["miss_z"],
                    *arrays["miss"].astype(np.float64),
                ),
                card=card,
            )
        except FileNotFoundError:
            return None
        except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise NotCalibrated(f"{path.name} is damaged ({error}); reinstall onlyme") from None

    def choose_vector(self, seen: Embedding | None, size: int) -> NDArray[np.float32] | None:
        """Return the vector of a second look; None if there was none that can be compared.

        Args:
            seen: what the second network made of a face.
            size: e, how many numbers the owner's vectors have.
        """
        if seen is None or seen.model != self.model or seen.vector.shape != (size,):
            return None
        return seen.vector

    def is_open(self, z: float, alpha: float, photos: int) -> bool:
        """Return whether the second network can still change what z says about alpha.

        Args:
            z: of a face, by the first network.
            alpha: the z to reach.
            photos: enrolment photos of the owner.
        """
        rate = self.first.far_at(alpha, photos)
        if rate <= 10.0 ** float(self.first.log_far[-1]) * (1 + 1e-9):
            return False  # stricter than any rate that the curves know
        score = self.curve.z_at(rate, photos)
        low = min(score + self.weight * self.nearest, alpha)
        high = max(score + self.weight * self.farthest, alpha)
        return low <= z < high

    def fuse(self, z: float, distance: float, photos: int) -> float:
        """Return the z that a random person reaches as often as this z with this d₂.

        Args:
            z: of a face, by the first network.
            distance: d₂(x, ME), 0 to 2.
            photos: enrolment photos of the owner.
        """
        held = min(max(distance, self.nearest), self.farthest)
        rate = self.curve.far_at(z - self.weight * held, photos)
        return self.first.z_at(rate, photos)

    def decide_again(
        self,
        z: NDArray[np.float64],
        alpha: float,
        photos: int,
        me: NDArray[np.float32],
        look: Callable[[int], NDArray[np.float32] | None],
        *,
        steady: bool = False,
    ) -> NDArray[np.float64]:
        """Return z of each face, after a second look at those that alpha does not settle.

        Args:
            z: float64[n], by the first network.
            alpha: the z to reach.
            photos: enrolment photos of the owner.
            me: float32[m, e], the second network's vectors of the owner's photos, m ≥ 1.
            look: returns the second network's vector of face n, float32[e], or None where
                there is none: then z stands.
            steady: look at every face, so that the time taken does not tell which were near.
        """
        template = normalize(me.mean(axis=0))[None]
        fused = z.copy()
        for face, value in enumerate(z.tolist()):
            open_ = self.is_open(value, alpha, photos)
            vector = look(face) if open_ or steady else None
            if vector is not None:
                distance = float(measure_distances(vector[None], template)[0, 0])
                changed = self.fuse(value, distance, photos)
                fused[face] = changed if open_ else value
        return fused
