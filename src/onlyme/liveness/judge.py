"""Judge whether the frames of one attempt show a living person: passive liveness.

A camera's noise never repeats. So a frame that comes twice was not just filmed: a single one may
be a fault of the camera, but a picture that stands still or a scene that returns is a recording
that is fed in place of the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.liveness.extra import apply_extra_checks
from onlyme.liveness.motion import MotionDetector
from onlyme.liveness.passive import NO_COLOUR, make_fingerprint
from onlyme.types import Liveness, LivenessLevel, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.liveness.extra import ExtraCheck
    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.passive import FrameEvidence, LivenessNetwork
    from onlyme.types import Face

__all__ = ["MIN_FRAMES", "UNDECIDED", "Judge", "LivenessSession", "RepeatDetector"]

MIN_FRAMES: Final = 3
"""Least number of frames in which a stream must show one face. At 15 a second they take 0.2 s."""

LOOK_EVERY_SECONDS: Final = 0.16
"""After the first attempt on a face, liveness is measured at these intervals: at 30 frames a second
in each fifth. Frames of one moment give nearly the same result: five times as many give the same
verdicts (benchmarks/fast.py), and the network takes as long as all the rest."""

SEARCH_EVERY_FRAMES: Final = 5
"""Own motion is searched for after this many frames, and whenever an attempt could end: in a long
attempt a head that turned far can no longer be compared with how it was at first."""

UNTIMED_FRAME_SECONDS: Final = 1 / 15
"""What a frame counts that has no time of its own, or not a later one than the frame before."""

MAX_PICTURE_SECONDS: Final = 0.25
"""A camera may show one picture for this long, as a sequence of equal frames: a virtual camera
fills its own rate with repeats, and a webcam in the dark gives 5 new pictures a second or more."""

MAX_STILL_SHARE: Final = 0.5
"""If pictures that were repeated for longer than that take more than this share of an attempt's
time, the picture is frozen."""

SAME_PICTURE_LEVELS: Final = 0.2
"""Mean difference, in steps of 1/255, of two fingerprints of one and the same picture. The
stillest of the clips differs by 0.4 from what it showed two frames and more before."""

MEMORY_PICTURES: Final = 450
"""The number of fingerprints that are remembered …"""

MEMORY_STEP_SECONDS: Final = 1 / 16
"""… each at least this much later than the one before: half a minute at any frame rate."""

UNDECIDED: Final = Liveness(LivenessLevel.PASSIVE, Verdict.UNDECIDED, 0.5)
"""The verdict where there is no evidence."""

NO_OWN_MOTION: Final = (
    "the face did not move on its own, or only as a picture moves; "
    "look at the camera a little longer"
)
"""Said of a stream that the network takes for a person, where own motion is asked for."""

STILL_PICTURE: Final = (
    "one still picture proves little, for a good picture of a picture looks the same; "
    "use several frames of a camera"
)
"""Said of each single picture that is judged to be live."""

NOT_FILMED: Final = (
    "the picture is not like a camera's frame: it is too clean, too sharp or too grainy; "
    "use several frames of a camera"
)
"""Said of a single picture that the network takes for a person, though no camera gave it so."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Passive liveness, ready for use.

    Attributes:
        passive: measures single frames.
        fusion: turns the evidence into a verdict.
        network_alone: whether the network's verdict is enough, as for drawn faces, which are no
            frames of a camera and do not move.
        extras: further networks, each of which may only refuse.
    """

    passive: LivenessNetwork
    fusion: Fusion
    network_alone: bool = False
    extras: tuple[ExtraCheck, ...] = ()

    def look(self, pixels: NDArray[np.uint8], face: Face) -> FrameEvidence:
        """Look at one face and its surroundings; see `LivenessNetwork.look`."""
        evidence = self.passive.look(pixels, face)
        if evidence.odds is None or not self.extras:
            return evidence
        return replace(evidence, extra=tuple(one.measure(pixels, face) for one in self.extras))

    def take_fingerprint(self, pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """Take only a frame's fingerprint, by which it is recognised if it comes again."""
        return make_fingerprint(pixels, face)

    def start_session(self) -> LivenessSession:
        """Begin to follow a stream of frames."""
        motion = None if self.network_alone else MotionDetector()
        return LivenessSession(self.fusion, motion, self.extras)

    def judge_photo(self, evidence: FrameEvidence) -> Liveness:
        """Judge a single picture: live only if it is like a camera's frame, and with a note."""
        liveness = apply_extra_checks(self.fusion.fuse([evidence]), self.extras, [evidence.extra])
        if liveness.verdict is not Verdict.LIVE or self.network_alone:
            return liveness
        if evidence.grain is None or not evidence.grain.is_of_camera:
            return replace(UNDECIDED, note=NOT_FILMED)
        return replace(liveness, note=STILL_PICTURE)


@dataclass(slots=True)
class RepeatDetector:
    """Notice a picture that comes again, by the fingerprints of those before it.

    >>> repeats = RepeatDetector()
    >>> a, b = np.full(576, 10, np.uint8), np.full(576, 90, np.uint8)
    >>> [repeats.classify(at, print) for at, print in ((0, a), (1, b), (2, b), (3, a))]
    ['', '', 'still', 'loop']
    """

    _prints: NDArray[np.int16] | None = None
    _times: NDArray[np.float64] = field(default_factory=lambda: np.zeros(MEMORY_PICTURES))
    _count: int = 0
    _recent: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)

    def classify(self, at: float, fingerprint: NDArray[np.uint8]) -> str:
        """Return `still` for the last picture again, `loop` for an older one, else an empty string.

        A picture of the last quarter of a second is `still` as well: it proves nothing, but is no
        recording that begins again. If it is, its next round will show.

        Args:
            at: when it was taken, in seconds; not earlier than the picture before.
            fingerprint: uint8[n], the frame's fingerprint.
        """
        now = fingerprint.astype(np.int16)
        if self._prints is None or self._prints.shape[1] != now.size:
            self._prints = np.zeros((MEMORY_PICTURES, now.size), np.int16)
            self._count, self._recent = 0, []
        known = min(self._count, MEMORY_PICTURES)
        returned = self._times[:known][_are_same(self._prints[:known], now)]
        recent = np.array([one for _, one in self._recent]).reshape(-1, now.size)
        same = _are_same(recent, now)
        if same[-1:].any():
            return "still"
        if (
            not known
            or at - self._times[(self._count - 1) % MEMORY_PICTURES] >= MEMORY_STEP_SECONDS
        ):
            place = self._count % MEMORY_PICTURES
            self._prints[place], self._times[place] = now, at
            self._count += 1
        oldest = at - MAX_PICTURE_SECONDS
        self._recent = [*(one for one in self._recent if one[0] >= oldest), (at, now)]
        if (returned < oldest).any():
            return "loop"
        return "still" if same.any() or len(returned) else ""


@dataclass(slots=True)
class LivenessSession:
    """The evidence for liveness in one stream of frames, attempt after attempt.

    The caller follows the face. When the face was exchanged, it calls `start_over` and drops its
    own evidence too, since identity and liveness must come from the same frames.

    Attributes:
        fusion: turns evidence into a verdict.
        motion: looks for own motion, where the picture is not like a camera's or moves only as a
            whole; None where it is never asked for.
        extras: the user's further networks, each of which may only refuse.
        settled: whether an attempt on the present face has ended.
    """

    fusion: Fusion
    motion: MotionDetector | None = None
    extras: tuple[ExtraCheck, ...] = ()
    settled: bool = False
    _repeats: RepeatDetector = field(default_factory=RepeatDetector)
    _evidence: list[FrameEvidence] = field(default_factory=list)
    _looped: bool = False
    _frame_at: float = -math.inf
    _now: float = 0.0
    _began: float | None = None
    _shown: float = 0.0
    _repeated: float = 0.0
    _still_seconds: float = 0.0
    _looked: float = 0.0

    def is_due(self, at: float) -> bool:
        """Say whether the network should look at a frame that was taken at this time.

        It looks at each frame of the first attempt on a face, so that the person need not wait,
        and then six times a second.
        """
        return not self.settled or self._read_clock(at) - self._looked >= LOOK_EVERY_SECONDS

    @property
    def has_enough_frames(self) -> bool:
        """Whether liveness was measured in enough frames of this attempt for it to end."""
        return len(self._evidence) >= MIN_FRAMES

    @property
    def is_decided(self) -> bool:
        """Whether this attempt may end.

        A face that was turned away or too near may come into view, and one that has not moved yet
        may move. So they get more time, and only what has no colour gets none.
        """
        if not self.has_enough_frames:
            return False
        fused = self.fusion.fuse(self._evidence)
        if fused.verdict is Verdict.UNDECIDED:
            return fused.note == NO_COLOUR
        return fused.verdict is Verdict.ATTACK or self._has_moved()

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
        self._now, self._frame_at = self._read_clock(at), at
        self._began = self._now if self._began is None else self._began
        repeat = self._repeats.classify(self._now, fingerprint)
        if repeat == "still":
            self._repeated = self._now  # the same picture again is no new evidence
            return
        self._still_seconds += self._measure_still()
        self._shown = self._repeated = self._now
        self._looped |= repeat == "loop"
        if evidence is not None:
            self._evidence.append(evidence)
            self._looked = self._now
            if self.motion is not None:
                self.motion.add(self._now, evidence.view)
                if len(self._evidence) % SEARCH_EVERY_FRAMES == 0:
                    self.motion.search()

    def prepare(self) -> None:
        """Do what can be done of the verdict before the next frame, which may be the last."""
        if self.motion is not None and len(self._evidence) >= MIN_FRAMES - 1:
            self.motion.prepare()

    def begin(self) -> None:
        """Begin a new attempt on the same face; repeats of earlier frames are still recognised."""
        self.settled |= self.has_enough_frames
        self._evidence, self._began, self._still_seconds, self._looped = [], None, 0.0, False
        if self.motion is not None:
            self.motion.begin(self._now)

    def start_over(self) -> None:
        """Begin a new attempt on another face."""
        self.begin()
        self.settled = False
        if self.motion is not None:
            self.motion.start_over()

    def verdict(self) -> Liveness:
        """Judge the evidence since the attempt began."""
        if self._looped or self._is_frozen():
            return Liveness(LivenessLevel.PASSIVE, Verdict.ATTACK, 0.0)
        fused = self.fusion.fuse(self._evidence)
        # Too few frames cannot prove a living person, but they can prove an attack.
        if fused.verdict is Verdict.LIVE and not self.has_enough_frames:
            return UNDECIDED
        if fused.verdict is Verdict.LIVE and not self._has_moved():
            return replace(UNDECIDED, note=NO_OWN_MOTION)
        measured = [one.extra for one in self._evidence if one.odds is not None]
        return apply_extra_checks(fused, self.extras, measured)

    def _has_moved(self) -> bool:
        """Say whether the face moved on its own, where that is asked for.

        A picture that is not like a camera's must be seen to move on its own. Any other must not be
        seen to move as a picture does, unless it moves on its own later.
        """
        if self.motion is None or self.motion.search():
            return True
        grains = [one.grain for one in self._evidence if one.odds is not None]
        credible = sum(grain is not None and grain.may_be_streamed for grain in grains)
        return 2 * credible > len(grains) and not self.motion.is_picture

    def _is_frozen(self) -> bool:
        """Say whether the picture stood still for most of the attempt."""
        if self._began is None:
            return False
        still = self._still_seconds + self._measure_still()
        return still > MAX_STILL_SHARE * (self._now - self._began)

    def _measure_still(self) -> float:
        """Return for how many seconds of this attempt the present picture has stood still."""
        if self._began is None or self._repeated - self._shown <= MAX_PICTURE_SECONDS:
            return 0.0
        return max(0.0, self._repeated - max(self._shown, self._began))

    def _read_clock(self, at: float) -> float:
        """Return the time of a frame on a clock that never stops, in seconds.

        Without it, frames that hold no times would look like one moment.
        """
        passed = at - self._frame_at
        return self._now + (passed if 0 < passed < math.inf else UNTIMED_FRAME_SECONDS)


def _are_same(prints: NDArray[np.int16], one: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Say for each of several fingerprints whether it is of the same picture as another one."""
    apart = np.abs(prints - one).sum(axis=1, dtype=np.int32)
    return np.asarray(apart <= SAME_PICTURE_LEVELS * one.size)
