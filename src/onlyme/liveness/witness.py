"""See a gesture made by a solid head: the mesh says which gesture, the pixels say that it is solid.

The mesh network has learned heads: shown a photo that is turned far enough, it describes a turned
head, so its points alone prove nothing about depth. So a turn or a nod counts only if the points
that are followed in the pixels moved like those of a solid head (`onlyme.liveness.rigidity`), and
if the face did not become narrower than a head (`onlyme.liveness.flatness`). The first refuses flat
paper and paper with an upright crease, the second bent paper and paper with a level crease.
Closing the eyes moves no head; a photo cannot do it, and a replay can. Coming closer proves nothing
about depth: a photo comes closer as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from onlyme.liveness.flatness import is_too_narrow
from onlyme.liveness.gestures import SOLID_GESTURES, Gesture, GestureDetector
from onlyme.liveness.rigidity import PointTracks, measure_rigidity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onlyme.liveness.gestures import HeadPosition, SeenGesture
    from onlyme.types import HeadReading, MeshFace

__all__ = ["GestureWitness"]

MAX_ANCHOR_DEGREES: Final = 1.5
"""When the rest position has moved by this since the points were chosen, others are chosen, …"""

MAX_ANCHOR_LOG_GROWTH: Final = 0.03
"""… or has grown by this (natural logarithm), …"""

MAX_ANCHOR_SECONDS: Final = 1.0
"""… or when they are this old: each frame adds a little to their error."""

MIN_SOLID_FRAMES: Final = 2
"""Least number of frames of a gesture that must show a solid head, …"""

MIN_SOLID_SHARE: Final = 0.5
"""… and least share of those that can tell."""


@dataclass(slots=True)
class GestureWitness:
    """Watches one head and says which gesture it makes, if a solid head makes it.

    >>> GestureWitness().is_ready
    False
    """

    _detector: GestureDetector = field(default_factory=GestureDetector)
    _tracks: PointTracks | None = None
    _anchor: HeadPosition | None = None
    _rest: MeshFace | None = None
    _anchored: float = 0.0
    _verdicts: list[bool] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        """Whether the rest position is known, so that a gesture can be seen."""
        return self._detector.rest is not None

    def restart(self) -> None:
        """Forget everything; the head must rest again before its next gesture."""
        self._detector.restart()
        self._tracks = self._anchor = self._rest = None
        self._verdicts.clear()

    def add(
        self, at: float, gray: NDArray[np.uint8], reading: HeadReading | None
    ) -> SeenGesture | None:
        """Look at the next frame; return the gesture that a solid head has made, if any.

        Args:
            at: when it was taken, in seconds.
            gray: uint8[h, w], the whole frame.
            reading: what the mesh read; None without a mesh.
        """
        seen = self._detector.add(at, reading)
        if reading is None:
            return None
        points = reading.mesh.points
        if self._tracks is not None:
            self._tracks.follow(gray, points)
        moving = self._detector.moving & SOLID_GESTURES
        if not moving:
            self._verdicts.clear()
            if self._detector.rest_at == at and self._is_stale(at):
                self._tracks = PointTracks(gray, points)
                self._anchor, self._anchored = self._detector.rest, at
                self._rest = reading.mesh
        elif self._tracks is not None and self._rest is not None:
            narrow = is_too_narrow(self._rest, reading.mesh)
            self._judge(self._tracks, moving, narrow=narrow)
        if seen is None or seen.gesture not in SOLID_GESTURES:
            return seen
        solid = sum(self._verdicts) >= max(MIN_SOLID_FRAMES, MIN_SOLID_SHARE * len(self._verdicts))
        return seen if solid else None

    def _is_stale(self, at: float) -> bool:
        """Say whether other points should be chosen, in the rest position as it is now."""
        rest, anchor = self._detector.rest, self._anchor
        if rest is None or anchor is None or at - self._anchored > MAX_ANCHOR_SECONDS:
            return rest is not None
        turned = max(abs(rest.yaw - anchor.yaw), abs(rest.pitch - anchor.pitch))
        grown = abs(rest.size - anchor.size)
        return turned > MAX_ANCHOR_DEGREES or grown > MAX_ANCHOR_LOG_GROWTH

    def _judge(self, tracks: PointTracks, moving: frozenset[Gesture], *, narrow: bool) -> None:
        """Add whether this frame shows that the head is solid, where it can tell."""
        motion = measure_rigidity(tracks)
        if motion is None:  # too few points are left
            return
        if Gesture.NOD in moving:
            self._verdicts.append(motion.is_solid_nod and not narrow)
        else:
            ahead = motion.x if Gesture.LEFT in moving else -motion.x
            self._verdicts.append(ahead > 0 and motion.is_solid_turn and not narrow)
