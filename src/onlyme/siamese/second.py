"""Look again at faces near alpha, where that can still change the decision.

A second look brings a second network's distance to the owner, d₂(x, ME), and the first network's
vector of the mirror image. Both change the score: s = z + gain, with

    gain = (d(x, ME) − d(x̄, ME̅)) − weight · d₂(x, ME)

where x̄ is the mean of a face and its mirror image: the first part says how much nearer the owner
the face comes when its mirror image counts as well. Both parts are held between limits. A curve of
its own says how often a random stranger reaches s. From that rate follows the z, and so the
margin, that stands for the same rate by the first look alone: alpha, its rate and everything that
is said about them stay as they are. The gain lies between limits, so for most faces z alone
settles on which side of alpha they are, and nothing is looked at again.

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

__all__ = ["SecondRule", "measure_to_mean", "split_views"]


@dataclass(frozen=True, eq=False, repr=False)
class SecondRule:
    """How a second network's distance counts, and what each score stands for. Immutable.

    Attributes:
        model: sha256 (hex) of the second network.
        base: short name of the base that it was calibrated with.
        weight: what one unit of d₂ takes from z.
        nearest: d₂ below this counts as this.
        farthest: d₂ above this counts as this.
        most: what the mirror image adds to z or takes from it, at most.
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
    most: float
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
                most=float(card["most"]),
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
            seen: what the second look made of a face.
            size: e, how many numbers the owner's vectors have.
        """
        if seen is None or seen.model != self.model or seen.vector.shape != (size,):
            return None
        return seen.vector

    def measure_gain(
        self,
        project: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        face: NDArray[np.float32],
        seen: NDArray[np.float32],
        me: NDArray[np.float32],
        me_seen: NDArray[np.float32],
    ) -> float:
        """Measure what a second look adds to z.

        Args:
            project: the head.
            face: float32[d], the first network's vector.
            seen: float32[e], the second look's vector of the same face.
            me: float32[m, d], the first network's vectors of the owner's photos, m ≥ 1.
            me_seen: float32[m, e], the second look's vectors of the same photos.
        """
        other, mirrored = split_views(seen[None], face.size)
        me_other, me_mirrored = split_views(me_seen, face.size)
        distance = measure_to_mean(other, me_other)
        plain = measure_to_mean(project(face[None]), project(me))
        joined = measure_to_mean(
            project(normalize(face[None] + mirrored)), project(normalize(me + me_mirrored))
        )
        return float(self.hold(distance, plain - joined)[0])

    def hold(self, distance: NDArray[Any], nearer: NDArray[Any]) -> NDArray[np.float64]:
        """Return the gains of both parts, each held between its limits.

        Args:
            distance: d₂(x, ME).
            nearer: d(x, ME) − d(x̄, ME̅).
        """
        held = np.clip(distance, self.nearest, self.farthest)
        return np.asarray(np.clip(nearer, -self.most, self.most) - self.weight * held, np.float64)

    @property
    def gains(self) -> tuple[float, float]:
        """The least and the most that a second look can add to z."""
        return (
            -self.most - self.weight * self.farthest,
            self.most - self.weight * self.nearest,
        )

    def is_open(self, z: float, alpha: float, photos: int) -> bool:
        """Return whether a second look can still change what z says about alpha.

        Args:
            z: of a face, by the first network.
            alpha: the z to reach.
            photos: enrolment photos of the owner.
        """
        rate = self.first.far_at(alpha, photos)
        if rate <= 10.0 ** float(self.first.log_far[-1]) * (1 + 1e-9):
            return False  # stricter than any rate that the curves know
        score = self.curve.z_at(rate, photos)
        least, most = self.gains
        return min(score - most, alpha) <= z < max(score - least, alpha)

    def fuse(self, z: float, gain: float, photos: int) -> float:
        """Return the z that a random person reaches as often as this z with this gain.

        Args:
            z: of a face, by the first network.
            gain: of a second look at it.
            photos: enrolment photos of the owner.
        """
        rate = self.curve.far_at(z + gain, photos)
        return self.first.z_at(rate, photos)

    def decide_again(
        self,
        z: NDArray[np.float64],
        alpha: float,
        photos: int,
        look: Callable[[int], float | None],
        *,
        steady: bool = False,
    ) -> NDArray[np.float64]:
        """Return z of each face, after a second look at those that alpha does not settle.

        Args:
            z: float64[n], by the first network.
            alpha: the z to reach.
            photos: enrolment photos of the owner.
            look: returns the gain of a second look at face n, or None where there is none: then
                z stands.
            steady: look at every face, so that the time taken does not tell which were near.
        """
        fused = z.copy()
        for face, value in enumerate(z.tolist()):
            open_ = self.is_open(value, alpha, photos)
            gain = look(face) if open_ or steady else None
            if gain is not None:
                changed = self.fuse(value, gain, photos)
                fused[face] = changed if open_ else value
        return fused


def split_views(
    seen: NDArray[np.float32], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the two parts of vectors of a second look, float32[n, e], each of unit length.

    Args:
        seen: the vectors.
        size: d, the length of the first network's.

    Returns:
        The other network's vectors, float32[n, e - d], and the first network's of the mirror
        image, float32[n, d].
    """
    split = seen.shape[1] - size
    return normalize(seen[:, :split]), normalize(seen[:, split:])


def measure_to_mean(
    faces: NDArray[np.float32], me: NDArray[np.float32]
) -> NDArray[np.floating[Any]]:
    """Measure the distance of each row, float32[n, d], to the mean of an owner's: float[n]."""
    return measure_distances(faces, normalize(me.mean(axis=0))[None])[:, 0]
