"""Judge whether the frames of one attempt show a living person: passive liveness.

A camera's noise never repeats. So a frame that comes twice was not just filmed: a single one may
be a fault of the camera, but a picture that stands still or a scene that returns is a recording
that is fed in place of the camera.
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

__all__ = ["MIN_FRAMES", "UNDECIDED", "Judge", "LivenessSession", "RepeatDetector"]

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

SAME_PICTURE_LEVELS: Final = 0.2
"""Mean difference, in steps of 1/255, of two fingerprints of one and the same picture. The
stillest of the clips differs by 0.4 from what it showed two frames and more before."""

MEMORY_FRAMES: Final = 450
"""The number of fingerprints that are remembered: 30 seconds at 15 frames a second."""

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
        """Take only a frame's fingerprint, by which it is recognised if it comes again."""
        return make_fingerprint(pixels, face)

    def start_session(self) -> LivenessSession:
        """Begin to follow a stream of frames."""
        return LivenessSession(self.fusion)

    def judge_photo(self, evidence: FrameEvidence) -> Liveness:
        """Judge a single picture."""
        return self.fusion.fuse([evidence])


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

    The caller follows the face. When the face was exchanged, it calls `start_over` and drops its
    own evidence too, since identity and liveness must come from the same frames.

    Attributes:
        fusion: turns evidence into a verdict.
        settled: whether an attempt on the present face has ended.
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
        """Say whether the network should look at a frame that was taken at this time.

        It looks at each frame of the first attempt on a face, so that the person need not wait,
        and then at every fifth frame or six times a second.
        """
        waited = self._since >= LOOK_EVERY_FRAMES - 1 or at - self._looked_at >= LOOK_EVERY_SECONDS
        return not self.settled or waited

    @property
    def has_enough_frames(self) -> bool:
        """Whether liveness was measured in enough frames of this attempt for it to end."""
        return len(self._evidence) >= MIN_FRAMES

    def add(
        self,
        at: float,
        evidence: FrameEvidence | None = None,
        fingerprint: NDArray[np.uint8] | None = None,
    ) -> None:
        """Add one frame: the network's evidence, or only the frame's fingerprint.

        Args:
            at: when the frame was taken, in seconds.
            evidence: what the network measured; None where it did not look.
            fingerprint: the frame's fingerprint where there is no evidence that holds it: a
                recording is recognised also by frames that the network does not look at.
        """
        if evidence is not None:
            fingerprint = evidence.fingerprint
        if fingerprint is None:
            return
        self._since += 1
        repeat = self._repeats.classify(fingerprint)
        if repeat == "still":
            self._still += 1  # the same picture again is no new evidence
            return
        self._fresh += 1
        self._looped |= repeat == "loop"
        if evidence is not None:
            self._evidence.append(evidence)
            self._since, self._looked_at = 0, at

    def begin(self) -> None:
        """Begin a new attempt on the same face; repeats of earlier frames are still recognised."""
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
        # Too few frames cannot prove a living person, but they can prove an attack.
        if not self.has_enough_frames and fused.verdict is Verdict.LIVE:
            return UNDECIDED
        return fused
