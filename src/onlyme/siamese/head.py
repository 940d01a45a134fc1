"""Load the base of a network: the head that all owners share, its cohort and its calibration.

`tools/train_head.py` writes a base for one network. It holds nothing of a real person: a
linear map, synthetic strangers, and curves.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import NotCalibrated
from onlyme.siamese.calibrate import CameraEffects, MissTable, TailCurve, compute_centres
from onlyme.siamese.distance import (
    SHIPPED_LIMITS,
    UNMEASURED_LIMITS,
    PhotoLimits,
    check_unit_rows,
    dot_rows,
    normalize,
)
from onlyme.siamese.margin import NotMe
from onlyme.siamese.second import SecondRule

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MAX_NEAREST_STRANGERS", "PLAIN_ALPHA", "Base"]

MAX_NEAREST_STRANGERS = 100
"""How many of the nearest strangers the rule counts; 20 to 1,000 make no difference."""

PLAIN_ALPHA = 0.3
"""Margin to reach without calibration, for a network that was not trained with an alpha of its
own: on raw SFace distances about the 0.36 cosine of OpenCV's sample. It promises nothing, and
unlock refuses it."""

_EARLIER = "earlier_"


@dataclass(frozen=True, eq=False, repr=False)
class Base:
    """What every owner is learned from. Immutable.

    Attributes:
        model: sha256 (hex) of the network that it was made for.
        dimension: d, length of the network's vectors.
        projection: float32[r, d], the head: y = unit(projection · (x − mean)).
        mean: float32[d].
        cohort: float32[c, r], synthetic strangers in head space; empty when plain.
        draws: float32[s, r], other synthetic strangers, for calibration only.
        draws_not_me: float64[s], their distance to the cohort by the rule.
        effects: what cameras do to all faces alike; none when plain.
        curve: how often a random person is accepted, against z; None when plain.
        earlier: the curves of earlier bases by their short names, for an alpha that was set
            by hand with one of them.
        misses: false non-match rate against z; None when plain.
        card: how it was made and measured; empty when plain. `base-MODEL.json` holds the same.
        made: short name of these arrays; a learned owner stores it.
        plain_alpha: alpha of new owners when plain.
        second: how a second network helps near alpha; None without one.
    """

    model: str
    dimension: int
    projection: NDArray[np.float32]
    mean: NDArray[np.float32]
    cohort: NDArray[np.float32]
    draws: NDArray[np.float32]
    draws_not_me: NDArray[np.float64]
    effects: CameraEffects
    curve: TailCurve | None
    earlier: dict[str, TailCurve]
    misses: MissTable | None
    card: dict[str, Any]
    made: str
    plain_alpha: float = PLAIN_ALPHA
    second: SecondRule | None = None

    @property
    def calibrated(self) -> bool:
        """Whether an alpha stands for a false accept rate."""
        return self.curve is not None

    @property
    def photo_limits(self) -> PhotoLimits:
        """By which distances doubles and strays among photos are noticed."""
        if not self.calibrated:
            return UNMEASURED_LIMITS
        own = self.card.get("photo_limits")  # of a network that `onlyme lab calibrate` measured
        return PhotoLimits(*own) if own else SHIPPED_LIMITS

    @classmethod
    def load(cls, model: str) -> Self:
        """Load the base that was made for a network.

        Args:
            model: sha256 (hex) of the network.

        Raises:
            NotCalibrated: none was made for it, or it is damaged.
        """
        folder = resources.files(__package__)
        base = cls.read(folder.joinpath(f"base-{model[:12]}.npz"), model)
        if base.curve is None:
            return base
        second = SecondRule.read(folder.joinpath(f"second-{model[:12]}.npz"), base.made, base.curve)
        return replace(base, second=second)

    @classmethod
    def read(cls, path: Path | Traversable, model: str) -> Self:
        """Load the base that `tools/train_head.py` or `onlyme lab calibrate` wrote.

        Raises:
            NotCalibrated: the file is missing, was not made for `model`, or is damaged.
        """
        missing = f"there is no calibration for network {model[:12]}…"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as parts:
                arrays = {key: parts[key] for key in parts.files}
            if str(arrays["model"]) != model:
                raise NotCalibrated(f"{missing}: {path.name} was made for another network")
            return cls._from_arrays(arrays)
        except FileNotFoundError:
            raise NotCalibrated(
                f"{missing}; onlyme lab calibrate makes one from a folder of people"
            ) from None
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise NotCalibrated(f"{missing}: {path.name} is damaged ({error})") from None

    @classmethod
    def _from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        card = json.loads(str(arrays["card"]))
        projection = arrays["projection"].astype(np.float32)
        photos, log_far = arrays["photos"], arrays["log_far"]
        counted_from = float(card["counted_from"])
        misses = MissTable(
            arrays["photos"],
            arrays["miss_people"],
            arrays["miss_z"],
            *arrays["miss"].astype(np.float64),
        )
        return cls(
            model=str(arrays["model"]),
            dimension=projection.shape[1],
            projection=projection,
            mean=arrays["mean"].astype(np.float32),
            cohort=normalize(arrays["cohort"].astype(np.float32)),
            draws=normalize(arrays["draws"].astype(np.float32)),
            draws_not_me=arrays["draws_not_me"].astype(np.float64),
            effects=CameraEffects(
                arrays["effects"].astype(np.float32),
                arrays["effects_not_me"].astype(np.float64),
                float(card["effects_limit"]),
            ),
            curve=TailCurve(photos, log_far, arrays["far_z"], counted_from),
            earlier={
                key.removeprefix(_EARLIER): TailCurve(photos, log_far, z, counted_from)
                for key, z in arrays.items()
                if key.startswith(_EARLIER)
            },
            misses=misses,
            card=card,
            made=str(card["made"]),
        )

    @classmethod
    def make_plain(cls, model: str, dimension: int, alpha: float | None = None) -> Self:
        """Make a base for a network without a file: no head, no cohort, no calibration.

        The rule then compares with the NOT_ME photos that the owner gives, and no alpha has
        a false accept rate.

        Args:
            model: sha256 (hex) of the network.
            dimension: length of its vectors.
            alpha: that it was trained with; new owners get it. None for `PLAIN_ALPHA`.
        """
        no_strangers = np.empty((0, dimension), np.float32)
        return cls(
            model=model,
            dimension=dimension,
            projection=np.eye(dimension, dtype=np.float32),
            mean=np.zeros(dimension, np.float32),
            cohort=no_strangers,
            draws=no_strangers,
            draws_not_me=np.empty(0),
            effects=CameraEffects(no_strangers, np.empty(0), 0.0),
            curve=None,
            earlier={},
            misses=None,
            card={},
            made="plain",
            plain_alpha=PLAIN_ALPHA if alpha is None else alpha,
        )

    @property
    def nearest(self) -> int:
        """How many votes of NOT_ME the rule counts."""
        return min(MAX_NEAREST_STRANGERS, len(self.cohort)) or 1

    @property
    def stranger_rule(self) -> NotMe:
        """The rule with the cohort alone, for people who gave no NOT_ME photos."""
        return NotMe.from_cohort(self.cohort, self.nearest)

    def project(self, embeddings: object, what: str = "embeddings") -> NDArray[np.float32]:
        """Project embeddings to head space.

        Args:
            embeddings: float32[n, d] of unit length.
            what: their name in messages.

        Returns:
            float32[n, r] of unit length.

        Raises:
            UsageError: wrong shape, not finite, not of unit length.
        """
        centred = check_unit_rows(embeddings, self.dimension, what) - self.mean
        return normalize(dot_rows(centred, self.projection))

    def measure_centres(self, templates: NDArray[np.float32]) -> NDArray[np.float64]:
        """Measure the margins that owners' z are counted from; see `calibrate.compute_centres`.

        Args:
            templates: float32[n, r], owners in head space, of unit length.
        """
        return compute_centres(
            self.stranger_rule.measure_distance(templates),
            self.effects.measure_excess(templates),
        )
