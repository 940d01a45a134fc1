"""One owner, learned: photos come in; margins, alpha and what it costs go out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import EnrollmentError, NeedsReenroll, NotCalibrated, UsageError
from onlyme.siamese.distance import distances, rows, unit
from onlyme.siamese.margin import GIVEN_VOTES, LOOK_ALIKE_VOTES, NotMe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from onlyme.siamese.calibrate import Miss
    from onlyme.siamese.head import Base

__all__ = ["PLAIN_ALPHA", "Learned", "Report", "learn"]

PLAIN_ALPHA = 0.3
"""Margin asked for without calibration: on raw SFace distances about the 0.36 cosine of
OpenCV's sample. It promises nothing, and unlock refuses it."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Report:
    """What the owner should know about learning.

    Attributes:
        why: why the owner head was kept or not, in one sentence.
        notes: what was noticed about the photos; empty when all is well.
    """

    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned of one owner. Immutable.

    Attributes:
        base: what it stands on.
        template: float32[r], the owner in head space, of unit length.
        photos: number of ME photos behind it.
        not_me: everybody else.
        scale: float32[r], the owner head: heads are multiplied by it and brought
            back to unit length; all ones where the base head stayed.
        centre: mean of the owner's margins against synthetic strangers.
        spread: their standard deviation.
        alpha: margin to reach at the false accept rate asked for while learning.
        training_alpha: the article's alpha that the owner head was trained with.
        kept: whether an owner head was trained and kept.
        report: what was noticed and decided.
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
    kept: bool
    report: Report

    @property
    def model(self) -> str:
        """sha256 of the embedder."""
        return self.base.model

    def margins(self, embeddings: object) -> NDArray[np.float64]:
        """The article's rule: d(x, NOT_ME) − d(x, ME), for each row.

        Args:
            embeddings: float32[n, d] of unit length, the frozen network's own.

        Returns:
            float64[n], −2 to 2; a face is the owner's when its margin ≥ alpha.

        Raises:
            UsageError: wrong shape, not finite, not of unit length.
        """
        heads = self.base.heads(embeddings)
        if self.kept:
            heads = unit(heads * self.scale)
        me = distances(heads, self.template[None])[:, 0]
        return np.asarray(self.not_me.distance(heads) - me, np.float64)

    def alpha_at(self, far: float) -> float:
        """The alpha at which a random stranger is accepted with probability `far`.

        Raises:
            NotCalibrated: the base is plain.
            UsageError: `far` is outside of what the calibration covers.
        """
        if self.base.curve is None:
            raise NotCalibrated(f"no calibration for network {self.model[:12]}…; set alpha by hand")
        return self.centre + self.spread * self.base.curve.z_at(far, self.photos)

    def far_at(self, alpha: float) -> float | None:
        """How often a random stranger reaches `alpha`; None without calibration."""
        if self.base.curve is None:
            return None
        return self.base.curve.far_at((alpha - self.centre) / self.spread, self.photos)

    def miss_at(self, alpha: float) -> Miss | None:
        """How often owners with as many photos miss `alpha`: the population's rate.

        None without calibration.
        """
        if self.base.misses is None:
            return None
        return self.base.misses.at((alpha - self.centre) / self.spread, self.photos)

    def state(self) -> dict[str, NDArray[np.float32] | float | int | str | bool | list[str]]:
        """Everything worth storing: small arrays and plain values, for `restore`."""
        return {
            "format": _FORMAT,
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
            "kept": self.kept,
            "why": self.report.why,
            "notes": list(self.report.notes),
        }

    @classmethod
    def restore(cls, base: Base, state: Mapping[str, Any]) -> Self:
        """Read what `state` wrote; nothing is learned again.

        Raises:
            NeedsReenroll: it stands on another network or another base.
            UsageError: it is not what `state` writes.
        """
        try:
            if state["model"] != base.model or state["base"] != base.made:
                raise NeedsReenroll("learned with another network or head; learn again")
            return cls._restored(base, state)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"this is not a learned owner ({type(error).__name__})") from None

    @classmethod
    def _restored(cls, base: Base, state: Mapping[str, Any]) -> Self:
        width = len(base.projection)
        given = rows(state["given"], width, "given")
        votes = np.asarray(state["votes"], np.float32)
        scale = np.asarray(state["scale"], np.float32)
        numbers = {
            key: float(state[key]) for key in ("centre", "spread", "alpha", "training_alpha")
        }
        whole = (
            state["format"] == _FORMAT
            and isinstance(state["kept"], bool)
            and int(state["photos"]) >= 1
            and votes.shape == (len(given),)
            and scale.shape == (width,)
            and bool(np.isfinite(votes).all() and (votes > 0).all())
            and bool(np.isfinite(scale).all() and (scale > 0).all())
            and all(math.isfinite(number) for number in numbers.values())
            and numbers["spread"] > 0
        )
        if not whole:
            raise UsageError("this is not a learned owner: its numbers make no sense")
        template = rows(np.reshape(state["template"], (1, -1)), width, "template")
        if len(template) != 1:
            raise UsageError("this is not a learned owner: it has no template")
        kept = state["kept"]
        cohort = unit(base.cohort * scale) if kept else base.cohort
        return cls(
            base=base,
            template=template[0],
            photos=int(state["photos"]),
            not_me=NotMe(cohort, given, votes, base.nearest),
            scale=scale,
            kept=kept,
            report=Report(str(state["why"]), tuple(str(note) for note in state["notes"])),
            **numbers,
        )


def learn(
    base: Base,
    me: object,
    not_me: object = (),
    *,
    look_alikes: object = (),
    training_alpha: float | None = None,
    far: float = 1e-4,
    seed: int = 0,
) -> Learned:
    """Learn one owner.

    Args:
        base: what to start from.
        me: float32[m, d], embeddings of the owner's photos, m ≥ 1.
        not_me: float32[n, d], embeddings of others that the owner gave.
        look_alikes: float32[l, d], embeddings of those who come near: a sibling,
            or whoever was accepted by mistake.
        training_alpha: the article's alpha, −1 to 1, for the owner head; None
            takes 0.5, and less with few photos.
        far: the false accept rate that `alpha` is set for.
        seed: for whatever is drawn.

    Raises:
        EnrollmentError: no ME photo, or ME photos that cancel each other out.
        UsageError: embeddings or numbers that make no sense.
    """
    del seed
    mine = base.heads(me, "me")
    if not len(mine):
        raise EnrollmentError("learning needs at least one photo of the owner")
    alpha = _training_alpha(training_alpha, len(mine))
    others = [base.heads(not_me, "not_me"), base.heads(look_alikes, "look_alikes")]
    given = np.concatenate(others)
    votes = np.repeat([GIVEN_VOTES, LOOK_ALIKE_VOTES], [len(part) for part in others]).astype(
        np.float32
    )
    everybody = NotMe(base.cohort, given, votes, base.nearest)
    template = _template(mine)
    centre, spread = _moments(base, everybody, template)
    z = PLAIN_ALPHA if base.curve is None else base.curve.z_at(far, len(mine))
    return Learned(
        base=base,
        template=template,
        photos=len(mine),
        not_me=everybody,
        scale=np.ones(len(base.projection), np.float32),
        centre=centre,
        spread=spread,
        alpha=centre + spread * z,
        training_alpha=alpha,
        kept=False,
        report=Report("the base head stays"),
    )


def _training_alpha(asked: float | None, photos: int) -> float:
    """The article: 0.5, and lower, even negative, with few photos."""
    if asked is None:
        return 0.5 if photos >= 5 else 0.2 if photos >= 3 else -0.2
    if not -1.0 <= asked <= 1.0:
        raise UsageError(f"the training alpha lies between -1 and 1, not {asked}")
    return float(asked)


def _template(heads: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = heads.mean(axis=0)
    if float(np.linalg.norm(mean)) < 1e-3:
        raise EnrollmentError("these photos have nothing in common; are they of one person?")
    return np.asarray(unit(mean), np.float32)


def _moments(base: Base, everybody: NotMe, template: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and standard deviation of the margins of synthetic strangers."""
    if not len(base.draws):
        return 0.0, 1.0
    near = everybody.merge(base.draws, base.draws_near)
    margins = near - distances(base.draws, template[None])[:, 0]
    return float(margins.mean()), float(margins.std())
