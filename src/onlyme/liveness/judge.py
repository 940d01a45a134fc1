"""Judge whether the frames of one attempt show a living person: passive liveness.

A camera's noise never comes twice. A frame that does come twice was not just filmed: one may be a
camera's hiccup, but a picture that stands still or a scene that returns is a recording that was
fed in place of the camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.liveness.passive import make_fingerprint
from onlyme.types import Liveness, LivenessLevel, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.passive import FrameEvidence, LivenessNetwork
    from onlyme.types import Face

__all__ = ["UNDECIDED", "Judge", "LivenessSession", "RepeatDetector"]

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

SAME_PICTURE_LEVELS: Final = 0.2
"""Mean difference, in steps of 1/255, of two fingerprints of one and the same picture. The
stillest of the clips differs by 0.4 from what it showed two frames and more before."""

MEMORY_FRAMES: Final = 450
"""The number of fingerprints that are remembered: 30 seconds at 15 frames a second."""

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
class RepeatDetector:
    """Notice a frame that comes again, by the fingerprints of the frames before it.

    >>> repeats = RepeatDetector()
    >>> a, b = np.full(576, 10, np.uint8), np.full(576, 90, np.uint8)
    >>> [repeats.classify(print) for print in (a, b, b, a)]
    ['', '', 'still', 'loop']
    """

    _prints: NDArray[np.int16] | None = None
    _seen: int = 0

    def classify(self, fingerprint: NDArray[np.uint8]) -> str:
        """Return `still` for the last frame again, `loop` for an older one, else an empty string.

        Args:
            fingerprint: uint8[n], the frame's fingerprint.
        """
        if self._prints is None or self._prints.shape[1] != fingerprint.size:
            self._prints, self._seen = np.zeros((MEMORY_FRAMES, fingerprint.size), np.int16), 0
        known = self._prints[: min(self._seen, MEMORY_FRAMES)]
        apart = np.abs(known - fingerprint).sum(axis=1, dtype=np.int32)
        same = np.flatnonzero(apart <= SAME_PICTURE_LEVELS * fingerprint.size)
        if (self._seen - 1) % MEMORY_FRAMES in same:
            return "still"
        self._prints[self._seen % MEMORY_FRAMES] = fingerprint
        self._seen += 1
        return "loop" if len(same) else ""


@dataclass(slots=True)
class LivenessSession:
    """The evidence for liveness in one stream of frames, attempt after attempt.

    The caller follows the face: it calls `start_over` when the face was exchanged, and forgets
    what it saw before as well, since identity and liveness come from the same frames.

    Attributes:
        fusion: turns evidence into a verdict.
        settled: whether an attempt on the face that is followed has ended.
    """

    fusion: Fusion
    settled: bool = False
    _repeats: RepeatDetector = field(default_factory=RepeatDetector)
    _evidence: list[FrameEvidence] = field(default_factory=list)
    _fresh: int = 0
    _still: int = 0
    _looped: bool = False
    _since: int = 0
    _looked_at: float = 0.0

    def is_due(self, at: float) -> bool:
        """Return whether the network should look at a frame that was taken at this time.

        It looks at each frame of the first attempt on a face, so that the owner does not wait,
        and after that at each fifth, or six times a second.
        """
        waited = self._since >= LOOK_EVERY_FRAMES - 1 or at - self._looked_at >= LOOK_EVERY_SECONDS
        return not self.settled or waited

    @property
    def has_enough_frames(self) -> bool:
        """Whether enough frames were looked at since the attempt began that it may end."""
        return len(self._evidence) >= MIN_FRAMES

    def add(
        self,
        at: float,
        evidence: FrameEvidence | None = None,
        fingerprint: NDArray[np.uint8] | None = None,
    ) -> None:
        """Add what one frame showed: the network's evidence, or the frame's fingerprint alone.

        Args:
            at: when the frame was taken, in seconds.
            evidence: what the network saw; None where it did not look.
            fingerprint: of the frame, where there is no evidence to hold it: a recording is
                noticed also in frames that the network does not look at.
        """
        if evidence is not None:
            fingerprint = evidence.fingerprint
        if fingerprint is None:
            return
        self._since += 1
        repeat = self._repeats.classify(fingerprint)
        if repeat == "still":
            self._still += 1  # the same picture again is no further evidence
            return
        self._fresh += 1
        self._looped |= repeat == "loop"
        if evidence is not None:
            self._evidence.append(evidence)
            self._since, self._looked_at = 0, at

    def begin(self) -> None:
        """Begin a new attempt on the same face; what was shown before stays known."""
        self.settled |= self.has_enough_frames
        self._evidence, self._fresh, self._still, self._looped = [], 0, 0, False

    def start_over(self) -> None:
        """Begin a new attempt on another face."""
        self.begin()
        self.settled = False

    def verdict(self) -> Liveness:
        """Judge the evidence since the attempt began."""
        if self._looped or self._still > MAX_STILL_SHARE * (self._fresh + self._still):
            return Liveness(LivenessLevel.PASSIVE, Verdict.ATTACK, 0.0)
        fused = self.fusion.fuse(self._evidence)
        # Too few frames cannot show that a person lives, but they can show a photo.
        if not self.has_enough_frames and fused.verdict is Verdict.LIVE:
            return UNDECIDED
        return fused
