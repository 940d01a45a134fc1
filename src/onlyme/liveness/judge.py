"""Sights of one attempt come in; one `Liveness` goes out: the whole of passive liveness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from onlyme.liveness.track import Repeats, Track
from onlyme.types import Liveness, LivenessLevel, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.liveness.fuse import Fusion
    from onlyme.liveness.passive import Glance, Passive
    from onlyme.types import Face

__all__ = ["UNDECIDED", "Judge", "Scene"]

LEAST_FRAMES: Final = 3
"""A stream must show one face for so many frames. At 15 frames a second that takes 0.2 s."""

MOST_STILL: Final = 0.5
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

    passive: Passive
    fusion: Fusion

    def look(self, pixels: NDArray[np.uint8], face: Face) -> Glance:
        """Look at one face and its surroundings; see `Passive.look`."""
        return self.passive.look(pixels, face)

    def scene(self) -> Scene:
        """Begin to follow a stream."""
        return Scene(self.fusion)

    def photo(self, glance: Glance) -> Liveness:
        """Judge a single picture, of which nothing but the picture is known."""
        return self.fusion.verdict([glance])


@dataclass(slots=True)
class Scene:
    """One stream of frames, followed: one face, one person, no frame twice.

    Attributes:
        fusion: turns glances into a verdict; without it the face is followed all the same,
            and the verdict is never live.
    """

    fusion: Fusion | None = None
    _track: Track = field(default_factory=Track)
    _repeats: Repeats = field(default_factory=Repeats)
    _glances: list[Glance] = field(default_factory=list)
    _still: int = 0
    _looped: bool = False

    def add(
        self, at: float, face: Face, vector: NDArray[np.float32], glance: Glance | None = None
    ) -> bool:
        """Add what one frame showed; say whether it is still the same face.

        Where it is not, whatever was seen before is forgotten, and the caller must forget
        it as well: identity and liveness come from the same frames.

        Args:
            at: when the frame was taken, in seconds.
            face: its subject.
            vector: float32[d], the subject's embedding, of unit length.
            glance: what passive liveness saw of it; None when nobody looked.
        """
        same = self._track.follows(at, face, vector)
        if not same:
            self.begin()
        if glance is None:
            return same
        repeat = self._repeats.of(glance.print)
        if repeat == "still":
            self._still += 1  # the same picture again is no further evidence
        else:
            self._looped |= repeat == "loop"
            self._glances.append(glance)
        return same

    def begin(self) -> None:
        """Begin a new attempt on the same stream; what was shown stays known."""
        self._glances, self._still, self._looped = [], 0, False

    def verdict(self) -> Liveness:
        """Judge what was seen since the attempt began or the face changed."""
        if self.fusion is None:
            return UNDECIDED
        fresh = len(self._glances)
        if self._looped or self._still > MOST_STILL * (fresh + self._still):
            return Liveness(LivenessLevel.PASSIVE, Verdict.ATTACK, 0.0)
        fused = self.fusion.verdict(self._glances)
        # Too few frames cannot show that somebody lives, but they can show a photo.
        if fresh < LEAST_FRAMES and fused.verdict is Verdict.LIVE:
            return UNDECIDED
        return fused
