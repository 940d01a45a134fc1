"""Score embeddings against one learned owner, and say what each alpha costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import NeedsReenroll, NotCalibrated, UsageError
from onlyme.siamese.distance import check_unit_rows, measure_distances, normalize
from onlyme.siamese.margin import NotMe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onlyme.siamese.calibrate import MissRate
    from onlyme.siamese.head import Base
    from onlyme.siamese.second import SecondRule

__all__ = ["LearnedOwner", "LearningReport"]

_STATE_FORMAT = 1


@dataclass(frozen=True, slots=True)
class LearningReport:
    """What learning noticed and decided.

    Attributes:
        why: why the owner head was kept or not, in one sentence for developers.
        notes: what the owner should know about the photos; empty when all is well.
    """

    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class LearnedOwner:
    """One owner as learned. Immutable.

    Attributes:
        base: what the owner was learned from.
        template: float32[r], the owner in head space, of unit length.
        photos: number of ME photos behind it.
        not_me: the strangers that a face is compared with.
        scale: float32[r], the owner head: heads are multiplied by it and scaled back to unit
            length; all ones where the base head is used.
        centre: the margin that z is counted from; see `calibrate`.
        spread: what one unit of z is in margin; 1 for the base head.
        alpha: margin to reach at the false accept rate that learning was asked for.
        training_alpha: the article's alpha that the owner head was trained with.
        has_owner_head: whether an owner head was trained and kept.
        report: what learning noticed and decided.
    """

    base: Base
    template: NDArray[np.float32]
    photos: int
    not_me: NotMe
    scale: NDArray[np.float32]
    centre: float
    spread: float
    alpha: float
    training_alpha: float
    has_owner_head: bool
    report: LearningReport

    @property
    def model(self) -> str:
        """sha256 (hex) of the network."""
        return self.base.model

    @property
    def calibrated(self) -> bool:
        """Whether alpha stands for a false accept rate."""
        return self.base.calibrated

    def margins(self, embeddings: object) -> NDArray[np.float64]:
        """Compute the article's rule, d(x, NOT_ME) − d(x, ME), for each row.

        Args:
            embeddings: float32[n, d] of unit length, the network's own.

        Returns:
            float64[n], −2 to 2; a face is the owner's when its margin ≥ alpha.

        Raises:
            UsageError: wrong shape, not finite, not of unit length.
        """
        heads = self.base.project(embeddings)
        if self.has_owner_head:
            heads = normalize(heads * self.scale)
        me = measure_distances(heads, self.template[None])[:, 0]
        return np.asarray(self.not_me.measure_distance(heads) - me, np.float64)

    def stranger_margins(self, most: int = 2000) -> NDArray[np.float64]:
        """Margins of at most `most` synthetic strangers, to draw: float64[n]; empty when plain."""
        heads = self.base.draws[:most]
        if self.has_owner_head:
            heads = normalize(heads * self.scale)
        me: NDArray[np.float64] = measure_distances(heads, self.template[None])[:, 0]
        return self.not_me.measure_distance(heads) - me

    def alpha_at(self, far: float) -> float:
        """Return the alpha at which a random stranger is accepted with probability `far`.

        Raises:
            NotCalibrated: the base is plain.
            UsageError: the calibration does not cover `far`.
        """
        if self.base.curve is None:
            raise NotCalibrated(
                f"there is no calibration for network {self.model[:12]}…; set an alpha by hand"
            )
        return self.centre + self.spread * self.base.curve.z_at(far, self.photos)

    def far_at(self, alpha: float) -> float | None:
        """Return how often a random stranger reaches `alpha`; None without calibration."""
        if self.base.curve is None:
            return None
        return self.base.curve.far_at((alpha - self.centre) / self.spread, self.photos)

    def miss_at(self, alpha: float, second: SecondRule | None = None) -> MissRate | None:
        """Return how often owners with this many photos miss `alpha`, in the population.

        None without calibration.

        Args:
            alpha: the margin to reach.
            second: how a second network helps to decide; None if one network decides.
        """
        misses = self.base.misses if second is None else second.misses
        if misses is None:
            return None
        return misses.miss_at((alpha - self.centre) / self.spread, self.photos)

    def state(self) -> dict[str, NDArray[np.float32] | float | int | str | bool | list[str]]:
        """Return what `restore` needs: small arrays and plain values."""
        return {
            "format": _STATE_FORMAT,
            "model": self.model,
            "base": self.base.made,
            "template": self.template,
            "photos": self.photos,
            "given": self.not_me.given,
            "votes": self.not_me.votes,
            "scale": self.scale,
            "centre": self.centre,
            "spread": self.spread,
            "alpha": self.alpha,
            "training_alpha": self.training_alpha,
            "kept": self.has_owner_head,
            "why": self.report.why,
            "notes": list(self.report.notes),
        }

    @classmethod
    def restore(cls, base: Base, state: Mapping[str, Any]) -> Self:
        """Read what `state` returned; nothing is learned again.

        Raises:
            NeedsReenroll: it was learned with another network or another base.
            UsageError: it is not what `state` returns.
        """
        try:
            if state["model"] != base.model or state["base"] != base.made:
                raise NeedsReenroll(
                    "the owner was learned with another network or calibration; learn again"
                )
            return cls._read_state(base, state)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"this is not a learned owner ({type(error).__name__})") from None

    @classmethod
    def _read_state(cls, base: Base, state: Mapping[str, Any]) -> Self:
        width = len(base.projection)
        given = check_unit_rows(state["given"], width, "given")
        votes = np.asarray(state["votes"], np.float32)
        scale = np.asarray(state["scale"], np.float32)
        numbers = {
            key: float(state[key]) for key in ("centre", "spread", "alpha", "training_alpha")
        }
        valid = (
            state["format"] == _STATE_FORMAT
            and isinstance(state["kept"], bool)
            and int(state["photos"]) >= 1
            and votes.shape == (len(given),)
            and scale.shape == (width,)
            and bool(np.isfinite(votes).all() and (votes > 0).all())
            and bool(np.isfinite(scale).all() and (scale > 0).all())
            and all(math.isfinite(number) for number in numbers.values())
            and numbers["spread"] > 0
        )
        if not valid:
            raise UsageError("this is not a learned owner: its numbers make no sense")
        template = check_unit_rows(np.reshape(state["template"], (1, -1)), width, "template")
        if len(template) != 1:
            raise UsageError("this is not a learned owner: it has no template")
        has_owner_head = state["kept"]
        cohort = normalize(base.cohort * scale) if has_owner_head else base.cohort
        return cls(
            base=base,
            template=template[0],
            photos=int(state["photos"]),
            not_me=NotMe(cohort, given, votes, base.nearest),
            scale=scale,
            has_owner_head=has_owner_head,
            report=LearningReport(str(state["why"]), tuple(str(note) for note in state["notes"])),
            **numbers,
        )
