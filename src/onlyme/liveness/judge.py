"""Sights of one attempt come in; one `Liveness` goes out: the whole of passive liveness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from onlyme.liveness.continuity import RepeatDetector, SubjectTrack
from onlyme.liveness.passive import make_fingerprint
from onlyme.types import Liveness, LivenessLevel, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.passive import FrameEvidence, LivenessNetwork
    from onlyme.types import Face

__all__ = ["UNDECIDED", "Judge", "LivenessSession"]

MIN_FRAMES: Final = 3
"""A stream must show one face for so many frames. At 15 frames a second that takes 0.2 s."""

LOOK_EVERY_FRAMES: Final = 5
"""Once an attempt on a face has ended, one of so many frames is looked at, …"""

LOOK_EVERY_SECONDS: Final = 0.16
"""… or one in so many seconds where frames come slowly: at 30 a second that is the same. Frames
of one moment say nearly the same: five times the frames give the same verdicts
(benchmarks/fast.py), and the network costs as much as all the rest."""

MAX_STILL_SHARE: Final = 0.5
"""When more than this share of the frames stand still, the picture is frozen."""

UNDECIDED: Final = Liveness(LivenessLevel.PASSIVE, Verdict.UNDECIDED, 0.5)
"""What is said where nothing could be seen."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Passive liveness, ready for use.

    Attributes:
        passive: looks at single frames.
        fusion: turns what it saw into a verdict.
    """

    passive: LivenessNetwork
    fusion: Fusion

    def look(self, pixels: NDArray[np.uint8], face: Face) -> FrameEvidence:
        """Look at one face and its surroundings; see `Passive.look`."""
        return self.passive.look(pixels, face)

    def take_fingerprint(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """Take a frame's fingerprint alone, by which it is known again; costs hardly anything."""
        return make_fingerprint(pixels, face)

    def start_session(self) -> LivenessSession:
        """Begin to follow a stream."""
        return LivenessSession(self.fusion)

    def judge_photo(self, glance: FrameEvidence) -> Liveness:
        """Judge a single picture, of which nothing but the picture is known."""
        return self.fusion.fuse([glance])


@dataclass(slots=True)
class LivenessSession:
    """One stream of frames, followed: one face, one person, no frame twice.

    Attributes:
        fusion: turns glances into a verdict; without it the face is followed all the same,
            and the verdict is never live.
        settled: whether an attempt on the face that is followed has ended.
    """

    fusion: Fusion | None = None
    settled: bool = False
    _track: SubjectTrack = field(default_factory=SubjectTrack)
    _repeats: RepeatDetector = field(default_factory=RepeatDetector)
    _glances: list[FrameEvidence] = field(default_factory=list)
    _fresh: int = 0
    _still: int = 0
    _looped: bool = False
    _since: int = 0
    _looked_at: float = 0.0

    def is_due(self, at: float) -> bool:
        """Say whether liveness is to be looked for in a frame that was taken at this time.

        It is in each frame of the first attempt on a face, so that its owner does not wait,
        and in each fifth after that, or six times a second.
        """
        waited = self._since >= LOOK_EVERY_FRAMES - 1 or at - self._looked_at >= LOOK_EVERY_SECONDS
        return not self.settled or waited

    @property
    def has_enough_frames(self) -> bool:
        """Whether so many frames were looked at since the attempt began that it may end."""
        return len(self._glances) >= MIN_FRAMES

    def add(
        self,
        at: float,
        face: Face,
        vector: NDArray[np.float32],
        glance: FrameEvidence | None = None,
        fingerprint: NDArray[np.uint8] | None = None,
    ) -> bool:
        """Add what one frame showed; say whether it is still the same face.

        Where it is not, whatever was seen before is forgotten, and the caller must forget
        it as well: identity and liveness come from the same frames.

        Args:
            at: when the frame was taken, in seconds.
            face: its subject.
            vector: float32[d], the subject's embedding, of unit length.
            glance: what passive liveness saw of it; None when nobody looked.
            fingerprint: the frame's fingerprint where there is no glance to hold it: a recording
                is noticed also in frames that are not looked at.
        """
        same = self._track.add_face(at, face, vector)
        if not same:
            self.begin()
            self.settled = False
        if glance is not None:
            fingerprint = glance.fingerprint
        if fingerprint is None:
            return same
        self._since += 1
        repeat = self._repeats.classify(fingerprint)
        if repeat == "still":
            self._still += 1  # the same picture again is no further evidence
            return same
        self._fresh += 1
        self._looped |= repeat == "loop"
        if glance is not None:
            self._glances.append(glance)
            self._since, self._looked_at = 0, at
        return same

    def begin(self) -> None:
        """Begin a new attempt on the same stream; what was shown stays known."""
        self.settled |= self.has_enough_frames
        self._glances, self._fresh, self._still, self._looped = [], 0, 0, False

    def verdict(self) -> Liveness:
        """Judge what was seen since the attempt began or the face changed."""
        if self.fusion is None:
            return UNDECIDED
        if self._looped or self._still > MAX_STILL_SHARE * (self._fresh + self._still):
            return Liveness(LivenessLevel.PASSIVE, Verdict.ATTACK, 0.0)
        fused = self.fusion.fuse(self._glances)
        # Too few frames cannot show that somebody lives, but they can show a photo.
        if not self.has_enough_frames and fused.verdict is Verdict.LIVE:
            return UNDECIDED
        return fused
