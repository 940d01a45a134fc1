"""Define what is decided, reported and promised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "DEFAULT_FAR",
    "MAX_ALPHA",
    "MAX_FAR",
    "MIN_ALPHA",
    "MIN_FAR",
    "AttentionLevel",
    "Decision",
    "Enrollment",
    "IdentityCandidate",
    "Lesson",
    "Liveness",
    "LivenessLevel",
    "PhotoReport",
    "Quality",
    "QualityCheck",
    "Reason",
    "Tuning",
    "Verdict",
]

DEFAULT_FAR = 1e-4
"""The false accept rate of a new owner; see the preset `nist`."""

MIN_FAR, MAX_FAR = 1e-10, 0.1
"""False accept rates that may be asked for. Calibration ends at the lower one; above the upper
one a rate is no promise, and an alpha says more."""

MIN_ALPHA, MAX_ALPHA = -2.0, 2.0
"""Every margin lies between these: it is the difference of two distances of 0 to 2."""


class Reason(StrEnum):
    """Why a decision is as it is.

    Example:
        >>> onlyme.Reason("no_match") is onlyme.Reason.NO_MATCH, str(onlyme.Reason.MATCH)
        (True, 'match')
    """

    MATCH = "match"
    NO_MATCH = "no_match"
    AMBIGUOUS = "ambiguous"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    POOR_QUALITY = "poor_quality"
    NOT_LIVE = "not_live"
    LIVENESS_UNDECIDED = "liveness_undecided"
    NOT_ATTENTIVE = "not_attentive"
    ATTENTION_UNDECIDED = "attention_undecided"
    NO_GESTURE = "no_gesture"
    LOCKED_OUT = "locked_out"


class LivenessLevel(StrEnum):
    """How thoroughly to check for a photo or a screen in place of a person.

    Example:
        >>> [str(level) for level in onlyme.LivenessLevel]
        ['off', 'passive', 'challenge']
    """

    OFF = "off"
    PASSIVE = "passive"
    CHALLENGE = "challenge"


class AttentionLevel(StrEnum):
    """What a person's eyes must show: nothing, that they are open, or that they look here, too.

    Example:
        >>> onlyme.AttentionLevel("eyes")
        <AttentionLevel.EYES: 'eyes'>
    """

    OFF = "off"
    EYES = "eyes"
    GAZE = "gaze"


class Verdict(StrEnum):
    """The result of a liveness check; `undecided` opens nothing.

    Example:
        >>> onlyme.Verdict.LIVE == "live"
        True
    """

    LIVE = "live"
    ATTACK = "attack"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Liveness:
    """The result of checking for a living person.

    Attributes:
        level: what was asked for; `off` means that it was not checked.
        verdict: None when the level is `off`.
        score: 0 (attack) to 1 (live); None when the level is `off`.
        note: one plain sentence about what the verdict is worth, or why there is none; empty when
            there is nothing to add.

    Example:
        >>> onlyme.Liveness().level, onlyme.Liveness().verdict  # it was not checked
        (<LivenessLevel.OFF: 'off'>, None)
    """

    level: LivenessLevel = LivenessLevel.OFF
    verdict: Verdict | None = None
    score: float | None = None
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """One measured property of a face photo.

    Attributes:
        name: `size`, `sharpness`, `exposure`, `pose` …
        value: what was measured, in `unit`.
        unit: of `value`.
        ok: whether it is good enough to enroll.
        advice: one plain sentence that says what to do; empty when `ok`.
    """

    name: str
    value: float
    unit: str
    ok: bool
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """How suitable a face photo is for recognition.

    Attributes:
        checks: one for each property, in the order in which they were checked.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     report = face_id.enroll("ada", draw_face("ada")).me[0]
        >>> report.quality.ok, [check.name for check in report.quality.checks][:3]
        (True, ['size', 'sharpness', 'exposure'])
    """

    checks: tuple[QualityCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    @property
    def advice(self) -> str:
        """The first piece of advice, or an empty string."""
        return next((check.advice for check in self.checks if not check.ok), "")


@dataclass(frozen=True, slots=True)
class IdentityCandidate:
    """An enrolled person whom a face resembles, for a person who looks into a decision.

    It is no answer: a stranger resembles some person, too. Only `Decision` says who it is.

    Attributes:
        name: the enrolled person.
        margin: d(x, NOT_ME) − d(x, ME) of the face.
        alpha: the margin that it must reach, among all people who were searched.
        reached: whether it did.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     decision = face_id.identify(draw_face("bob"), candidates=1)
        >>> [(one.name, one.reached) for one in decision.candidates]
        [('ada', False)]
    """

    name: str
    margin: float
    alpha: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one attempt.

    Attributes:
        accepted: True only for `Reason.MATCH`.
        name: the owner who was asked for, or found; None if no owner was found.
        reason: why.
        margin: d(x, NOT_ME) − d(x, ME) of the face; None when no face was judged.
        alpha: the margin that a face must reach; None when there was no owner to compare with.
        far: the false accept rate that this alpha stands for; None without
            calibration.
        liveness: the result of the liveness check; level `off` when there was none.
        frames: the frames of the attempt that were used; 0 for an embedding.
        timings_ms: milliseconds spent in each room, for one frame.
        candidates: the people whom the face resembles most, nearest first; None unless `identify`
            was asked for them.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     decision = face_id.verify("ada", draw_face("bob"))
        >>> bool(decision), str(decision.reason), decision.margin < decision.alpha
        (False, 'no_match', True)
    """

    accepted: bool
    name: str | None
    reason: Reason
    margin: float | None = None
    alpha: float | None = None
    far: float | None = None
    liveness: Liveness = Liveness()
    frames: int = 0
    timings_ms: dict[str, float] = field(default_factory=dict, compare=False)
    candidates: tuple[IdentityCandidate, ...] | None = None

    def __post_init__(self) -> None:
        if self.accepted != (self.reason is Reason.MATCH):
            raise UsageError("a decision is accepted exactly when its reason is `match`")

    def __bool__(self) -> bool:
        """Whether it was accepted, so that `if face_id.verify(…)` opens for the owner only."""
        return self.accepted

    def replace_reason(self, reason: Reason) -> Decision:
        """Return the same rejection with a more precise reason."""
        return replace(self, reason=reason)

    def add_cost(self, timings_ms: dict[str, float], frames: int) -> Decision:
        """Return the same decision with its frames and timings."""
        return replace(self, timings_ms=timings_ms, frames=frames)


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """Whether one photo was used at enrollment, and why.

    Attributes:
        source: the photo, as the caller named it.
        taken: whether it became part of the template.
        note: why not, or a warning; empty when there is nothing to say.
        quality: what was measured; None when no face was found.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", [draw_face("ada"), draw_face("ada")])
        >>> [(report.taken, report.note) for report in enrollment.me]
        [(True, ''), (False, 'the same picture as array')]
    """

    source: str
    taken: bool
    note: str = ""
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The result of enrolling a person.

    Attributes:
        name: the owner.
        me: one report for each ME photo, in the order given.
        not_me: one report for each NOT_ME photo, in the order given.
        alpha: the margin that a face must reach from now on.
        far: how often a random person is accepted at this alpha; None without calibration.
        notes: sentences about what was found and decided while learning.
        advice: sentences about photos that would help, and photos that hurt.
        created: when it was done, in UTC.
        seconds: the time it took.
        far_alike: how often a person who looks like the owner is accepted, at most.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", [draw_face("ada", photo) for photo in range(3)])
        >>> enrollment.name, enrollment.taken
        ('ada', 3)
    """

    name: str
    me: tuple[PhotoReport, ...]
    not_me: tuple[PhotoReport, ...]
    alpha: float
    far: float | None
    notes: tuple[str, ...]
    advice: tuple[str, ...]
    created: datetime
    seconds: float
    far_alike: float | None = None

    @property
    def taken(self) -> int:
        """The number of ME photos that became part of the template."""
        return sum(report.taken for report in self.me)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What changed when a face was taught as NOT_ME, or when that was undone.

    Attributes:
        name: the owner.
        margin_before: of the taught face.
        margin_after: of the same face.
        own_before: margins of the owner's own photos.
        own_after: of the same photos.
        alpha_before: the margin that a face had to reach.
        alpha_after: the margin that it must reach now.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     lesson = face_id.not_me("ada", draw_face("bob"))
        >>> lesson.margin_after < lesson.margin_before
        True
    """

    name: str
    margin_before: float
    margin_after: float
    own_before: tuple[float, ...]
    own_after: tuple[float, ...]
    alpha_before: float
    alpha_after: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """The alpha of one owner, and what it costs.

    Attributes:
        name: the owner.
        alpha: the margin that a face must reach.
        far: how often a random person is accepted; None without calibration.
        miss: the expected miss rate (FNMR), measured on other people with the same number of
            photos; None without calibration.
        miss_interval: its 95 % interval.
        miss_people: the number of people on whom it was measured.
        alpha_before: alpha before the change.
        far_alike: how often a person who looks like the owner is accepted, at most.

    Example:
        >>> with open_face_id(folder) as face_id:
        ...     enrollment = face_id.enroll("ada", draw_face("ada"))
        ...     tuning = face_id.tune("ada", alpha=0.3)
        >>> tuning.alpha
        0.3
    """

    name: str
    alpha: float
    far: float | None
    miss: float | None
    miss_interval: tuple[float, float] | None
    miss_people: int
    alpha_before: float
    far_alike: float | None = None
