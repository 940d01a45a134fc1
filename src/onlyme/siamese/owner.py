"""Learn an owner, decide a face for them, and write them to a template."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import NeedsReenroll, NotCalibrated, UsageError, VaultDamaged
from onlyme.siamese.examples import (
    EXAMPLE_SETS,
    Examples,
    check_second,
    make_no_second,
    read_notes,
    write_notes,
)
from onlyme.siamese.learned import LearnedOwner
from onlyme.siamese.presets import choose_far, estimate_far_alike
from onlyme.storage.template import Template
from onlyme.types import (
    DEFAULT_FAR,
    MAX_EYE_PHOTOS,
    MAX_FAR,
    MIN_EYE_PHOTOS,
    Decision,
    Lesson,
    Reason,
    Tuning,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from onlyme.siamese.certificate import OwnerCertificate
    from onlyme.siamese.head import Base
    from onlyme.siamese.second import SecondRule
    from onlyme.types import Embedding

__all__ = ["Owner", "make_lesson"]

MIN_SHARED_FAR = 1e-9
"""An owner's share of a false accept rate is never set lower than this, however many people are
searched."""

_ADDED_SETS = {"learned", "lessons"}  # older templates have none
_LEARNED = "learned."
_SECRET = {
    "me": "me",
    "learned": "me",
    "learned.template": "me",
    "not_me": "others",
    "look_alikes": "others",
    "lessons": "others",
    "second": "me",
    "learned.given": "others",
}
"""What is stored rotated, and by which rotation. Other people's vectors have one of their own:
photos of them may be public, and d vectors that an attacker can compute reveal a rotation."""


def _make_no_eyes() -> NDArray[np.float32]:
    return np.empty((0, 2), np.float32)


def _check_eyes(value: object) -> NDArray[np.float32]:
    eyes = np.asarray(value, np.float32)
    if eyes.ndim != 2 or eyes.shape[1] != 2 or not np.isfinite(eyes).all():
        raise ValueError("measures of eyes make no sense")
    return eyes


@dataclass(frozen=True, slots=True, eq=False)
class Owner:
    """One enrolled person.

    Attributes:
        name: the person's.
        created: when the template was made or last changed, in UTC.
        examples: the embeddings that the person was learned from.
        learned: the head and its calibration.
        alpha: the margin that a face must reach.
        promised: the false accept rate that alpha follows when the owner is learned again;
            None when alpha was set by hand.
        eyes: float32[n, 2], measures of the person's open eyes in n photos, for
            `onlyme.liveness.attention`; none for owners of earlier versions.
    """

    name: str
    created: datetime
    examples: Examples
    learned: LearnedOwner
    alpha: float
    promised: float | None
    eyes: NDArray[np.float32] = field(default_factory=_make_no_eyes, repr=False)

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
        """Learn a person from embeddings, with a given alpha or the alpha of a false accept rate.

        A network without calibration promises no rate; alpha is then a plain margin.
        """
        from onlyme.siamese.learning import learn_owner  # commands that only read do not need it

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
        """Learn from other examples; alpha keeps the rate or the margin that it was set by."""
        alpha = self.alpha if self.promised is None else None
        after = self.learn(base, self.name, examples, far=self.promised, alpha=alpha)
        return replace(after, eyes=self.eyes)

    def remove_examples(self, base: Base, numbers: Collection[int]) -> Self:
        """Learn without the examples of these numbers, and without what they taught adaptation.

        The measures of open eyes in them go as well. They stand in the order of the examples that
        have some; those that an earlier version stored belong to no example, and stand first.
        """
        measured = [note.number for note in self.examples.notes if note.has_eyes]
        measured = measured[max(0, len(measured) - len(self.eyes)) :]
        first = len(self.eyes) - len(measured)
        stays = [*(True for _ in range(first)), *(number not in numbers for number in measured)]
        after = self.relearn(base, self.examples.remove(numbers))
        return replace(after, eyes=self.eyes[np.array(stays, bool)])

    @property
    def knows_eyes(self) -> bool:
        """Whether enrolment learned the level of the person's open eyes."""
        return len(self.eyes) >= MIN_EYE_PHOTOS

    def add_eyes(self, eyes: NDArray[np.float32]) -> Self:
        """Return the same owner with further measures of open eyes, of which the newest stay."""
        return replace(self, eyes=np.concatenate([self.eyes, eyes])[-MAX_EYE_PHOTOS:])

    def tune(self, *, far: float | None = None, alpha: float | None = None) -> Self:
        """Return the same owner with a given alpha, or the alpha of a false accept rate.

        Raises:
            UsageError: not just one was given, or it is out of range.
            NotCalibrated: no alpha of this network stands for a false accept rate.
        """
        far, alpha = choose_far(far=far, alpha=alpha)
        if far is not None:
            alpha = self.learned.alpha_at(far)
        assert alpha is not None  # noqa: S101 - for the type checker; `choose_far` returns one
        return replace(self, alpha=alpha, promised=far, created=datetime.now(UTC))

    def tuning(self, alpha_before: float | None = None) -> Tuning:
        """Report alpha, what it was before, and what it is expected to cost."""
        miss = self.learned.miss_at(self.alpha, self.second_rule)
        return Tuning(
            name=self.name,
            alpha=self.alpha,
            far=self.far,
            miss=miss.rate if miss else None,
            miss_interval=(miss.low, miss.high) if miss else None,
            miss_people=miss.people if miss else 0,
            alpha_before=self.alpha if alpha_before is None else alpha_before,
            far_alike=estimate_far_alike(self.far),
        )

    def certificate(self) -> OwnerCertificate:
        """Say what alpha promises, and on what ground.

        Raises:
            NotCalibrated: nothing was counted for this network.
        """
        from onlyme.siamese.certificate import make_certificate  # as in `learn`

        return make_certificate(self.learned, alpha=self.alpha, second=self.second_rule)

    def share_among(self, people: int) -> Self:
        """Return the owner with the alpha that keeps its rate when `people` are searched."""
        far = self.far
        if far is None or people == 1:
            return self
        shared = self.learned.alpha_at(min(max(far / people, MIN_SHARED_FAR), MAX_FAR))
        return replace(self, alpha=max(self.alpha, shared))

    def margins(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """d(x, NOT_ME) − d(x, ME) of each row of float32[n, d]: float64[n]."""
        return self.learned.margins(embeddings)

    @property
    def far(self) -> float | None:
        """The false accept rate that alpha stands for; None without calibration."""
        return self.learned.far_at(self.alpha)

    @property
    def second_rule(self) -> SecondRule | None:
        """How the second network helps to decide; None where one network decides.

        It decides only if it saw every photo of the enrolment.
        """
        rule = self.learned.base.second
        if rule is None or not self.examples.has_second:
            return None
        if self.examples.second_model != rule.model:
            return None
        return None if self.learned.has_owner_head else rule

    def decide(
        self,
        embeddings: NDArray[np.float32],
        look: Callable[[int], Embedding | None] | None = None,
        *,
        steady: bool = False,
    ) -> Decision:
        """Decide one attempt from the embeddings of its frames.

        The margin of the attempt is the median of its frames' margins, the lower one of an even
        number: neither one lucky nor one blurred frame decides, and more than half must pass.

        Args:
            embeddings: float32[n, d], n ≥ 1.
            look: returns the second look's embedding of a frame by its row, if there is one.
                It is asked only about frames that the first network does not settle.
            steady: ask about all frames, so that the time taken tells nothing.
        """
        margins = self.margins(embeddings)
        if look is not None and self.second_rule is not None:
            margins = self._decide_again(self.second_rule, embeddings, margins, look, steady=steady)
        margins = np.sort(margins)
        margin = float(margins[(len(margins) - 1) // 2])
        accepted = margin >= self.alpha
        reason = Reason.MATCH if accepted else Reason.NO_MATCH
        return Decision(accepted, self.name, reason, margin, self.alpha, self.far)

    def _decide_again(
        self,
        rule: SecondRule,
        embeddings: NDArray[np.float32],
        margins: NDArray[np.float64],
        look: Callable[[int], Embedding | None],
        *,
        steady: bool,
    ) -> NDArray[np.float64]:
        centre, spread = self.learned.centre, self.learned.spread
        me, me_seen, project = self.examples.me, self.examples.second, self.learned.base.project

        def measure_gain(face: int) -> float | None:
            seen = rule.choose_vector(look(face), me_seen.shape[1])
            if seen is None:
                return None
            return rule.measure_gain(project, embeddings[face], seen, me, me_seen)

        z, alpha = (margins - centre) / spread, (self.alpha - centre) / spread
        photos = self.learned.photos
        fused = rule.decide_again(z, alpha, photos, measure_gain, steady=steady)
        # A face that was not looked at again has its margin to the last digit.
        return np.where(fused == z, margins, centre + spread * fused)

    def to_template(self) -> Template:
        """Return the template that `from_template` reads."""
        values = {key: getattr(self.examples, key) for key in EXAMPLE_SETS}
        values |= write_notes(self.examples)
        values |= {"alpha": self.alpha, "promised": self.promised, "eyes": self.eyes}
        values |= {"second": self.examples.second, "second_model": self.examples.second_model}
        values |= {_LEARNED + key: value for key, value in self.learned.state().items()}
        return Template(self.name, self.learned.model, self.created, values, _SECRET)

    @classmethod
    def from_template(cls, base: Base, template: Template) -> Self:
        """Read what `to_template` returned. With a newer base the owner is learned again.

        Raises:
            NeedsReenroll: the template was made with another network.
            NotCalibrated: the owner has a false accept rate, and the base has no calibration.
            VaultDamaged: the template lacks a part of an owner.
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
            stored = dict.fromkeys(_ADDED_SETS, none) | dict(values)
            notes, numbered = read_notes(values)
            # A template's values may be of any stored type; a wrong one is caught below.
            sets: dict[str, Any] = {key: stored[key] for key in EXAMPLE_SETS}
            examples = Examples(**sets, notes=notes, numbered=numbered)
            second = check_second(values.get("second", make_no_second()))
            model = str(values.get("second_model", ""))
            examples = replace(examples, second=second, second_model=model)
            alpha = float(values["alpha"])  # type: ignore[arg-type]  # see above
            eyes = _check_eyes(values.get("eyes", _make_no_eyes()))
            promised: float | None = values["promised"]  # type: ignore[assignment]  # see above
            try:
                learned = LearnedOwner.restore(base, state)
            except NeedsReenroll:
                if promised is not None and base.curve is None:
                    raise NotCalibrated(
                        f"{template.name} was promised a false accept rate, and the calibration "
                        "files that keep it are missing; reinstall onlyme"
                    ) from None
                # The same network with a newer base: the embeddings of the photos still hold.
                newer = cls.learn(base, template.name, examples, far=promised)
                if promised is None:
                    newer = replace(newer, alpha=_convert_alpha(newer.learned, state, alpha))
                return replace(newer, created=template.created, promised=promised, eyes=eyes)
            return cls(template.name, template.created, examples, learned, alpha, promised, eyes)
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise VaultDamaged(
                f"the template of {template.name} is damaged ({error}); enroll again with "
                "--replace, or restore a backup with `onlyme restore`"
            ) from None


def _convert_alpha(learned: LearnedOwner, state: Mapping[str, object], alpha: float) -> float:
    """Return the margin that is as strict as an alpha set by hand was with an earlier base.

    Margins of two bases differ, so the same number could be a looser promise.
    """
    curve = learned.base.earlier.get(str(state["base"]))
    if curve is None:
        return max(alpha, learned.alpha) if learned.calibrated else alpha
    # A template's values may be of any stored type; `from_template` catches a wrong one.
    centre, spread, photos = (float(state[key]) for key in ("centre", "spread", "photos"))  # type: ignore[arg-type]  # see above
    far = curve.far_at((alpha - centre) / spread, int(photos))
    return learned.alpha_at(far)


def make_lesson(before: Owner, after: Owner, about: NDArray[np.float32]) -> Lesson:
    """Report how relearning moved the margins of a face, float32[1, d], and of the owner."""
    return Lesson(
        name=before.name,
        margin_before=float(before.margins(about)[0]),
        margin_after=float(after.margins(about)[0]),
        own_before=tuple(before.margins(before.examples.me).tolist()),
        own_after=tuple(after.margins(before.examples.me).tolist()),
        alpha_before=before.alpha,
        alpha_after=after.alpha,
    )
