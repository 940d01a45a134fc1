"""Judge the liveness of an attempt by its frames: the whole of passive liveness."""

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
"""Least number of frames in which a stream must show one face. At 15 a second they take 0.2 s."""

LOOK_EVERY_FRAMES: Final = 5
"""After the first attempt on a face, liveness is measured in one of this many frames, …"""

LOOK_EVERY_SECONDS: Final = 0.16
"""… or at these intervals where frames arrive slowly: at 30 a second that is the same. Frames of
one moment give nearly the same result: five times as many give the same verdicts
(benchmarks/fast.py), and the network takes as long as all the rest."""

MAX_STILL_SHARE: Final = 0.5
"""If more than this share of the frames repeat the frame before, the picture is frozen."""

UNDECIDED: Final = Liveness(LivenessLevel.PASSIVE, Verdict.UNDECIDED, 0.5)
"""The verdict where there is no evidence."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Passive liveness, ready for use.

    Attributes:
        passive: measures single frames.
        fusion: turns the evidence into a verdict.
    """

    passive: LivenessNetwork
    fusion: Fusion

    def look(self, pixels: NDArray[np.uint8], face: Face) -> FrameEvidence:
        """Look at one face and its surroundings; see `LivenessNetwork.look`."""
        return self.passive.look(pixels, face)

    def take_fingerprint(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """Take only a frame's fingerprint, by which it is recognised if repeated; takes no time."""
        return make_fingerprint(pixels, face)

    def start_session(self) -> LivenessSession:
        """Begin to follow a stream of frames."""
        return LivenessSession(self.fusion)

    def judge_photo(self, glance: FrameEvidence) -> Liveness:
        """Judge a single picture."""
        return self.fusion.fuse([glance])


@dataclass(slots=True)
class LivenessSession:
    """Follows a stream of frames: one face, one person, no frame twice.

    Attributes:
        fusion: turns the evidence into a verdict; without it the face is still followed, but
            the verdict is never live.
        settled: whether an attempt on the present face has ended.
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
        """Say whether liveness is to be measured in a frame that was taken at this time.

        It is measured in each frame of the first attempt on a face, so that the person need not
        wait, and then in every fifth frame or six times a second.
        """
        waited = self._since >= LOOK_EVERY_FRAMES - 1 or at - self._looked_at >= LOOK_EVERY_SECONDS
        return not self.settled or waited

    @property
    def has_enough_frames(self) -> bool:
        """Whether liveness was measured in enough frames of this attempt for it to end."""
        return len(self._glances) >= MIN_FRAMES

    def add(
        self,
        at: float,
        face: Face,
        vector: NDArray[np.float32],
        glance: FrameEvidence | None = None,
        fingerprint: NDArray[np.uint8] | None = None,
    ) -> bool:
        """Add one frame; say whether it still shows the same face.

        If it does not, all earlier evidence is dropped, and the caller must drop its own as well:
        identity and liveness must come from the same frames.

        Args:
            at: when the frame was taken, in seconds.
            face: its subject.
            vector: float32[d], the subject's embedding, of unit length.
            glance: the evidence of passive liveness; None where it was not measured.
            fingerprint: the frame's fingerprint where there is no `glance` with one: a recording
                is recognised also by frames in which liveness is not measured.
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
            self._still += 1  # the same picture again is no new evidence
            return same
        self._fresh += 1
        self._looped |= repeat == "loop"
        if glance is not None:
            self._glances.append(glance)
            self._since, self._looked_at = 0, at
        return same

    def begin(self) -> None:
        """Begin a new attempt on the same stream; earlier frames stay known as such."""
        self.settled |= self.has_enough_frames
        self._glances, self._fresh, self._still, self._looped = [], 0, 0, False

    def verdict(self) -> Liveness:
        """Judge the frames since the attempt began or the face changed."""
        if self.fusion is None:
            return UNDECIDED
        if self._looped or self._still > MAX_STILL_SHARE * (self._fresh + self._still):
            return Liveness(LivenessLevel.PASSIVE, Verdict.ATTACK, 0.0)
        fused = self.fusion.fuse(self._glances)
        # Too few frames cannot prove a living person, but they can prove an attack.
        if not self.has_enough_frames and fused.verdict is Verdict.LIVE:
            return UNDECIDED
        return fused
