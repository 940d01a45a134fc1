"""One owner: what was learned of them, how a face is decided, and how it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import numpy as np

from onlyme.errors import NeedsReenroll, NotCalibrated, UsageError, VaultDamaged
from onlyme.siamese import LearnedOwner, learn_owner, make_certificate
from onlyme.storage.template import Template
from onlyme.types import Decision, Lesson, Reason, Tuning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.siamese import Base, OwnerCertificate

__all__ = ["DEFAULT_FAR", "Examples", "Owner", "make_lesson"]

DEFAULT_FAR = 1e-4
"""The false accept rate that an alpha stands for when nobody says otherwise."""

MAX_FAR = 0.1
"""A false accept rate above this is no promise; who wants less says an alpha."""

MIN_FAR = 1e-9
"""No alpha stands for a lower false accept rate, even by the tail model."""

_SETS = ("me", "not_me", "look_alikes", "learned", "lessons")
_SINCE = {"learned", "lessons"}  # templates of before hold none
_LEARNED = "learned."
_SECRET = {
    "me": "me",
    "learned": "me",
    "learned.template": "me",
    "not_me": "others",
    "look_alikes": "others",
    "lessons": "others",
    "learned.given": "others",
}
"""What is stored rotated. The owner's vectors apart from other people's: photos of those may
be public, and who knows d of them knows their rotation."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What an owner is learned from.

    Attributes:
        me: float32[m, d], embeddings of the person.
        not_me: float32[n, d], embeddings of others that the person gave.
        look_alikes: float32[l, d], embeddings of others whom the person named as alike.
        learned: float32[a, d], what was learned of the person since; see `adaptation`.
        lessons: float32[w, d], embeddings of others who were taken for the person.
    """

    me: NDArray[np.float32] = field(repr=False)
    not_me: NDArray[np.float32] = field(repr=False)
    look_alikes: NDArray[np.float32] = field(repr=False)
    learned: NDArray[np.float32] = field(repr=False)
    lessons: NDArray[np.float32] = field(repr=False)

    @property
    def all_look_alikes(self) -> NDArray[np.float32]:
        """float32[l + w, d]: everybody who comes too near."""
        return np.concatenate([self.look_alikes, self.lessons])

    @property
    def all_me(self) -> NDArray[np.float32]:
        """float32[m + a, d]: everything that is the person's."""
        return np.concatenate([self.me, self.learned])

    @classmethod
    def make_empty(cls, dimension: int) -> Self:
        """Return no examples at all, for a network whose vectors have `dimension` numbers."""
        return cls(*(np.empty((0, dimension), np.float32) for _ in _SETS))

    def __add__(self, other: Examples) -> Examples:
        """Join two sets of examples, these first."""
        return Examples(*(np.concatenate([getattr(self, s), getattr(other, s)]) for s in _SETS))


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """What is known of one person.

    Attributes:
        name: who.
        created: when the template was made or last changed, in UTC.
        examples: what the person was learned from.
        learned: the head and its calibration.
        alpha: the margin that a face must reach.
        promised: the false accept rate that alpha follows when the owner is learned anew;
            None when the owner set alpha by hand.
    """

    name: str
    created: datetime
    examples: Examples
    learned: LearnedOwner
    alpha: float
    promised: float | None

    @classmethod
    def learn(
        cls,
        base: Base,
        name: str,
        examples: Examples,
        *,
        far: float | None = None,
        alpha: float | None = None,
    ) -> Self:
        """Learn a person from embeddings, with an alpha given or found for a false accept rate.

        A network without calibration promises no rate; alpha is then a plain margin.
        """
        learned = learn_owner(
            base,
            examples.all_me,
            examples.not_me,
            look_alikes=examples.all_look_alikes,
            far=far or DEFAULT_FAR,
        )
        if alpha is None:
            alpha = learned.alpha
            far = far if learned.calibrated else None
        now = datetime.now(UTC)
        return cls(name, now, examples, learned, alpha, far)

    def relearn(self, base: Base, examples: Examples) -> Self:
        """Learn from other examples; alpha keeps what it was set by: a rate or a margin."""
        alpha = self.alpha if self.promised is None else None
        return self.learn(base, self.name, examples, far=self.promised, alpha=alpha)

    def tune(self, *, far: float | None = None, alpha: float | None = None) -> Self:
        """Return the same owner with an alpha given, or found for a false accept rate.

        Raises:
            UsageError: not exactly one of them was said, or it is out of range.
            NotCalibrated: no alpha of this network stands for a false accept rate.
        """
        if far is not None and alpha is None:
            if not 0 < far <= MAX_FAR:
                raise UsageError(
                    f"a false accept rate of {far:g} is not above 0 and at most {MAX_FAR:g}"
                )
            alpha = self.learned.alpha_at(far)
        elif alpha is None or far is not None:
            raise UsageError("say either a false accept rate or an alpha")
        elif not -2 <= alpha <= 2:
            raise UsageError(f"an alpha of {alpha:g} is not between −2 and 2")
        return replace(self, alpha=alpha, promised=far, created=datetime.now(UTC))

    def tuning(self, alpha_before: float | None = None) -> Tuning:
        """Say where alpha stands, what it was, and what it is expected to cost."""
        miss = self.learned.miss_at(self.alpha)
        return Tuning(
            name=self.name,
            alpha=self.alpha,
            far=self.far,
            miss=miss.rate if miss else None,
            miss_interval=(miss.low, miss.high) if miss else None,
            miss_people=miss.people if miss else 0,
            alpha_before=self.alpha if alpha_before is None else alpha_before,
        )

    def certificate(self) -> OwnerCertificate:
        """Say what alpha promises, and on what ground.

        Raises:
            NotCalibrated: nothing was counted for this network.
        """
        return make_certificate(self.learned, alpha=self.alpha)

    def share_among(self, people: int) -> Self:
        """Return the owner with the alpha that keeps its rate when `people` are searched."""
        far = self.far
        if far is None or people == 1:
            return self
        shared = self.learned.alpha_at(min(max(far / people, MIN_FAR), MAX_FAR))
        return replace(self, alpha=max(self.alpha, shared))

    def margins(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """d(x, NOT_ME) − d(x, ME) of each row of float32[n, d]: float64[n]."""
        return self.learned.margins(embeddings)

    @property
    def far(self) -> float | None:
        """The false accept rate that alpha stands for; None without calibration."""
        return self.learned.far_at(self.alpha)

    def decide(self, embeddings: NDArray[np.float32]) -> Decision:
        """Decide one attempt from the embeddings of its frames, float32[n, d], n ≥ 1.

        Frames of one attempt are fused by the median of their margins, of an even number the
        lower one: neither one lucky nor one blurred frame decides, and more than half must pass.
        """
        margins = np.sort(self.margins(embeddings))
        margin = float(margins[(len(margins) - 1) // 2])
        accepted = margin >= self.alpha
        reason = Reason.MATCH if accepted else Reason.NO_MATCH
        return Decision(accepted, self.name, reason, margin, self.alpha, self.far)

    def to_template(self) -> Template:
        """Write everything down."""
        values = {key: getattr(self.examples, key) for key in _SETS}
        values |= {"alpha": self.alpha, "promised": self.promised}
        values |= {_LEARNED + key: value for key, value in self.learned.state().items()}
        return Template(self.name, self.learned.model, self.created, values, _SECRET)

    @classmethod
    def from_template(cls, base: Base, template: Template) -> Self:
        """Read what `to_template` wrote; nothing is learned again while head and network stay.

        Raises:
            NeedsReenroll: the template was made by another network.
            VaultDamaged: it does not hold what an owner consists of.
        """
        if template.needs_reenroll(base.model):
            raise NeedsReenroll(
                f"{template.name} was enrolled with another network; enroll again with --replace"
            )
        values = template.values
        state = {
            key.removeprefix(_LEARNED): value
            for key, value in values.items()
            if key.startswith(_LEARNED)
        }
        try:
            none = Examples.make_empty(base.dimension).me
            sets = (values.get(key, none) if key in _SINCE else values[key] for key in _SETS)
            examples = Examples(*sets)  # type: ignore[arg-type]
            alpha = float(values["alpha"])  # type: ignore[arg-type]
            promised: float | None = values["promised"]  # type: ignore[assignment]
            try:
                learned = LearnedOwner.restore(base, state)
            except NeedsReenroll:
                if promised is not None and base.curve is None:
                    raise NotCalibrated(
                        f"{template.name} was promised a false accept rate, and the head that "
                        "keeps it is missing; reinstall onlyme"
                    ) from None
                # The same network under a newer head: the photos' embeddings still hold.
                newer = cls.learn(
                    base,
                    template.name,
                    examples,
                    far=promised,
                    alpha=alpha if promised is None else None,
                )
                return replace(newer, created=template.created)
            return cls(template.name, template.created, examples, learned, alpha, promised)
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise VaultDamaged(f"the template of {template.name} is not whole: {error}") from None


def make_lesson(before: Owner, after: Owner, about: NDArray[np.float32]) -> Lesson:
    """Tell what learning an owner anew did to a face, float32[1, d], and to the owner's own."""
    return Lesson(
        name=before.name,
        margin_before=float(before.margins(about)[0]),
        margin_after=float(after.margins(about)[0]),
        own_before=tuple(before.margins(before.examples.me).tolist()),
        own_after=tuple(after.margins(before.examples.me).tolist()),
        alpha_before=before.alpha,
        alpha_after=after.alpha,
    )
