"""Measure whether a turning head moved like a solid head.

A tilted photo moves like a plane, and a bent one like a smooth sheet. The nose of a head
does neither: it stands out from everything around it, so when the head turns it moves ahead
of the cheeks on both sides, of the brow above *and* of the lips below.

This is measured by dense tracks (Lucas and Kanade, IJCAI 1981; pyramids after Bouguet), not
by the five landmarks: four points determine a homography, so only one would remain. A
surface that is bent in one direction only, such as paper, has a straight line through its
foremost point along which nothing lags behind. So the nose must be ahead of its neighbours
in *every* direction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PointTracks", "Rigidity", "measure_rigidity"]

MIN_POINTS: Final = 40
"""Least number of tracks for a result."""

PATCH_SIDE_EYE_DISTANCES: Final = 0.4
"""Side of the patch that is followed, in distances of the eyes."""

MAX_RETURN_EYE_DISTANCES: Final = 0.035
"""A track followed forward and back must end this near to its start, in distances of the eyes."""

NOSE_RADIUS_EYE_DISTANCES: Final = 0.24
"""Radius of the nose about its tip, in distances of the eyes."""

RING_RADII_EYE_DISTANCES: Final = (0.42, 1.0)
"""The neighbours of the nose lie at these distances from its tip."""

FACE_POINTS: Final = 468
"""Points of a mesh without those of the irises, which move with the eyes."""

FOLLOWED_EYE_DISTANCE_PIXELS: Final = 72.0
"""A face whose eyes are farther apart is followed in smaller frames, which saves time."""

CARRYING_STEP, CARRYING_POINTS = 3, 4
"""Of every third point of the mesh, the number that say where a point between them has gone."""

SECTORS: Final = 12
"""Directions in which there are neighbours; a crease through the nose is within one of them."""

CHEEK_LINES: Final = [0, 1, SECTORS // 2 - 1]
"""The lines that lead to the cheeks."""

MIN_LEAD_EYE_DISTANCES: Final = 0.05
"""In a turn the nose moves ahead by this many distances of the eyes, …"""

MIN_AHEAD_EYE_DISTANCES: Final = 0.02
"""… by this much of its nearest neighbour, …"""

MIN_AHEAD_SHARE: Final = 0.2
"""… and by this share of its lead to a side, …"""

MIN_BESIDE_SHARE: Final = 0.35
"""… or this share of its lead downwards, there against the cheeks only."""

_STOP: Final = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)
"""A point is found when it moves by less than this many pixels, or after ten steps."""

_LANDMARKS: Final = ([33, 133], [362, 263], [1], [61], [291])
"""The points of a mesh whose mean is each landmark: eyes, tip of the nose, corners of the mouth."""


@dataclass(slots=True)
class PointTracks:
    """Points on a face, followed from the frame in which they were chosen.

    The mesh says roughly where each point has gone, so that fast movements and slow cameras do not
    lose it; where it is exactly, the pixels say. Large faces are followed in smaller frames, whose
    pixels are the unit of all places here.

    Args:
        gray: uint8[h, w], the first frame.
        mesh: float32[478, 3], its mesh; see `onlyme.types.MeshFace`.

    Attributes:
        first: float32[n, 2], where the points were in the first frame.
        now: float32[n, 2], where they are.
        landmarks: float32[5, 2], of the first frame; see `onlyme.types.Face`.
    """

    gray: NDArray[np.uint8]
    mesh: NDArray[np.float32]
    first: NDArray[np.float32] = field(init=False)
    now: NDArray[np.float32] = field(init=False)
    landmarks: NDArray[np.float32] = field(init=False)

    _scale: float = field(init=False)
    _shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        eyes, self._shape = _measure_eye_distance(_find_landmarks(self.mesh)), self.gray.shape
        self._scale = min(1.0, FOLLOWED_EYE_DISTANCE_PIXELS / max(eyes, 1.0))
        self.gray, self.mesh = self._shrink(self.gray, self.mesh)
        self.landmarks = _find_landmarks(self.mesh)
        self.first = _choose_points(self.gray, self.landmarks)
        self.now = self.first

    def follow(self, gray: NDArray[np.uint8], mesh: NDArray[np.float32]) -> int:
        """Follow the points into the next frame; return how many remain.

        Args:
            gray: uint8[h, w], the next frame.
            mesh: float32[478, 3], its mesh.
        """
        if not len(self.now) or gray.shape != self._shape:
            self.first = self.now = self.first[:0]
            return 0
        gray, mesh = self._shrink(gray, mesh)
        eyes = _measure_eye_distance(self.landmarks)
        side = max(9, int(eyes * PATCH_SIDE_EYE_DISTANCES)) | 1
        guess = _carry_points(self.now, self.mesh, mesh)
        there, found = _follow_points(self.gray, gray, self.now, guess, side)
        guess = _carry_points(there, mesh, self.mesh)
        back, again = _follow_points(gray, self.gray, there, guess, side)
        off = np.linalg.norm(back - self.now, axis=1)
        good = found & again & (off <= MAX_RETURN_EYE_DISTANCES * eyes)
        self.first, self.now = self.first[good], there[good]
        self.gray, self.mesh = gray, mesh
        return int(good.sum())

    def _shrink(
        self, gray: NDArray[np.uint8], mesh: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return a smaller frame, and the mesh of the face in it, float32[468, 2]."""
        points = np.asarray(mesh[:FACE_POINTS, :2] * self._scale, np.float32)
        if self._scale == 1.0:
            return gray, points
        height, width = gray.shape
        size = max(1, round(width * self._scale)), max(1, round(height * self._scale))
        return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8), points


@dataclass(frozen=True, slots=True)
class Rigidity:
    """How a set of tracks moved.

    Attributes:
        ahead: how far the nose is ahead of its surroundings, in the direction in which it
            is least ahead, in distances of the eyes; about 0 for paper, flat or bent.
        beside: the same against the cheeks only, to the sides and 30 degrees around them;
            about 0 for flat paper, and for paper bent about a level axis. When a head nods,
            brow and lips move with the nose, and only the cheeks lag behind.
        x: how far the nose is ahead to the right of the picture, in the same unit.
        y: the same downwards.
        points: the number of tracks.
    """

    ahead: float
    beside: float
    x: float
    y: float
    points: int

    @property
    def is_solid_turn(self) -> bool:
        """Whether a head that turned to a side is solid: the nose is ahead of all around it."""
        sideways = abs(self.x) >= max(MIN_LEAD_EYE_DISTANCES, abs(self.y))
        return sideways and self.ahead >= max(
            MIN_AHEAD_EYE_DISTANCES, MIN_AHEAD_SHARE * abs(self.x)
        )

    @property
    def is_solid_nod(self) -> bool:
        """Whether a head that was lowered is solid: the nose is ahead of the cheeks."""
        down = self.y >= max(MIN_LEAD_EYE_DISTANCES, abs(self.x))
        return down and self.beside >= max(MIN_AHEAD_EYE_DISTANCES, MIN_BESIDE_SHARE * self.y)


def measure_rigidity(tracks: PointTracks) -> Rigidity | None:
    """Measure how far the nose moved ahead; None where too few points were followed."""
    landmarks = tracks.landmarks.astype(np.float64)
    eyes = _measure_eye_distance(tracks.landmarks)
    if len(tracks.first) < MIN_POINTS or eyes < 1:
        return None
    across = (landmarks[1] - landmarks[0]) / eyes
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]])
    at = (tracks.first - landmarks[2]) @ turn.T / eyes  # about the nose tip, eyes level
    moved = _subtract_plane_motion(at, (tracks.now - landmarks[2]) @ turn.T / eyes)
    distance = np.linalg.norm(at, axis=1)
    nose = distance < NOSE_RADIUS_EYE_DISTANCES
    ring = (distance > RING_RADII_EYE_DISTANCES[0]) & (distance < RING_RADII_EYE_DISTANCES[1])
    if nose.sum() < 4:
        return None
    lead = np.median(moved[nose], axis=0)
    length = float(np.linalg.norm(lead))
    direction = lead / max(length, 1e-9)
    sector = _number_sectors(at[:, 0], at[:, 1])
    lags = []
    for one in range(SECTORS):
        there = ring & (sector == one)
        lags.append(float(np.median(moved[there] @ direction)) if there.sum() >= 2 else np.nan)
    # Two opposite sectors make a line. A turned head hides one side of some lines; on a line
    # within paper, either side would move with the nose.
    lines = np.array(lags).reshape(2, SECTORS // 2)
    if np.isnan(lines).all(axis=0).any():  # the missing line could be the one within paper
        return None
    lag = np.nanmean(lines, axis=0)
    ahead, beside = length - float(lag.max()), length - float(lag[CHEEK_LINES].max())
    return Rigidity(ahead, beside, float(lead[0]), float(lead[1]), len(at))


def _subtract_plane_motion(
    at: NDArray[np.float64], now: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Subtract a plane's motion from a motion; the result has the units of the first frame."""
    outside = np.linalg.norm(at, axis=1) >= NOSE_RADIUS_EYE_DISTANCES
    matrix, _ = cv2.findHomography(at[outside], now[outside], 0)
    if matrix is None:
        return np.zeros_like(at)
    back = cv2.perspectiveTransform(now[None], np.linalg.inv(matrix))[0]
    return np.asarray(back - at, np.float64)


def _carry_points(
    points: NDArray[np.float32], old: NDArray[np.float32], new: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Move points, float32[n, 2], as the nearest points of a mesh moved, by their distance."""
    old, new = old[::CARRYING_STEP], new[::CARRYING_STEP]
    away = np.linalg.norm(points[:, None] - old[None], axis=2)
    near = np.argpartition(away, CARRYING_POINTS, axis=1)[:, :CARRYING_POINTS]
    weight = 1 / (np.take_along_axis(away, near, axis=1) + 1)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray(points + ((new - old)[near] * weight[..., None]).sum(axis=1), np.float32)


def _follow_points(
    old: NDArray[np.uint8],
    new: NDArray[np.uint8],
    points: NDArray[np.float32],
    guess: NDArray[np.float32],
    side: int,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Follow points, float32[n, 2], to another frame; also return bool[n], which were found."""
    both = np.concatenate([points, guess])
    low = np.clip(both.min(axis=0) - 2 * side, 0, None).astype(int)
    high = np.maximum(both.max(axis=0) + 2 * side, low + 2 * side).astype(int)
    # Only this part of the frames is made into pyramids.
    old, new = (np.ascontiguousarray(one[low[1] : high[1], low[0] : high[0]]) for one in (old, new))
    if min(old.shape) < side:
        return points, np.zeros(len(points), bool)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        old,
        new,
        points - low.astype(np.float32),
        guess - low.astype(np.float32),
        winSize=(side, side),
        maxLevel=1,
        criteria=_STOP,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(there + low, np.float32), np.asarray(found).ravel() == 1


def _choose_points(gray: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Choose points between brow and chin: a number on the nose, in each sector and elsewhere.

    Without these numbers most points would be at eyes and mouth, and there would be none on the
    cheeks, by which paper is recognised.
    """
    eyes = _measure_eye_distance(landmarks)
    low = np.maximum(landmarks[2] - 1.7 * eyes, 0).astype(int)
    high = np.maximum(landmarks[2] + 1.7 * eyes, low + 1).astype(int)
    part = np.ascontiguousarray(gray[low[1] : high[1], low[0] : high[0]])
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    at = (np.stack([columns, rows], axis=-1) + low - landmarks[2]) / max(eyes, 1.0)
    across = (landmarks[1] - landmarks[0]) / max(eyes, 1.0)
    x = at @ across
    y = at @ np.array([-across[1], across[0]])
    distance, sector = np.hypot(x, y), _number_sectors(x, y)
    ring = (distance > RING_RADII_EYE_DISTANCES[0]) & (distance < RING_RADII_EYE_DISTANCES[1])
    inside = (x / 1.05) ** 2 + ((y + 0.1) / 1.4) ** 2 < 1
    regions = [
        (distance < NOSE_RADIUS_EYE_DISTANCES, 24),
        *((ring & (sector == one), 14) for one in range(SECTORS)),
    ]
    regions.append((inside & ~ring & (distance >= NOSE_RADIUS_EYE_DISTANCES), 60))
    chosen = [_find_corners(part, mask, many, eyes) for mask, many in regions]
    return np.asarray(np.concatenate(chosen) + low, np.float32)


def _find_corners(
    part: NDArray[np.uint8], mask: NDArray[np.bool_], many: int, eyes: float
) -> NDArray[np.float32]:
    """Return float32[n, 2], the points of a region that are easiest to follow."""
    found = cv2.goodFeaturesToTrack(
        part, many, 0.01, max(2.0, 0.05 * eyes), mask=mask.astype(np.uint8), blockSize=5
    )
    return np.array([] if np.size(found) < 2 else found, np.float32).reshape(-1, 2)


def _number_sectors(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each direction's sector; the first is centred on the right."""
    number = np.rint(np.arctan2(y, x) / (2 * np.pi) * SECTORS)
    return np.asarray(number.astype(np.int64) % SECTORS, np.int64)


def _find_landmarks(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[5, 2], the landmarks of a mesh; see `onlyme.types.Face`."""
    return np.array([mesh[part, :2].mean(axis=0) for part in _LANDMARKS], np.float32)


def _measure_eye_distance(landmarks: NDArray[np.float32]) -> float:
    """Return the distance of the eyes in pixels."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))
