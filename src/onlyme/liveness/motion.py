"""Notice whether a face moves on its own, or only as a picture moves.

Shake, zoom, turn, tilt and light change a picture as a whole: one homography explains where all of
its points went; where paper curls, a lens bends straight lines or a shutter rolls, one homography
and one smooth curve do. A living person breathes, blinks, speaks and moves before what is behind
them, so that nothing of the kind does. The face and its nearest surroundings are compared between
frames, and what homography and curve leave over is *own motion*, in distances of the eyes.

Noise and compression leave something over, too, but something else in each pair of frames. So two
pairs are measured, and only what both of them agree on counts. A picture that was displaced, bent
or lit otherwise, of which nothing but noise is left over then, is known as a picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from onlyme.liveness.bend import fit_bend, remove_bend
from onlyme.liveness.face_view import EYE_DISTANCE_PIXELS, VIEW_SIDE_PIXELS
from onlyme.liveness.light import match_light

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.liveness.bend import Bend
    from onlyme.liveness.face_view import FaceView

__all__ = ["MotionDetector", "OwnMotion", "measure_own_motion"]

MIN_OWN_MOTION: Final = 0.004
"""Least own motion of a living face, in distances of the eyes: 0.25 mm. Still portraits that are
shaken, zoomed, turned, bent, compressed or made noisy stay below (benchmarks/portraits.py)."""

MIN_PLAIN_MOTION: Final = 0.006
"""The same before bend and light are taken out. What a focus that is never at rest, or noise, seems
to move is below; of 163 living proofs, 6 are."""

MIN_CERTAINTY: Final = 3.0
"""The agreement of the two pairs must be at least this many of its standard errors."""

MAX_PICTURE_MOTION: Final = 0.0016
"""Below this it is a picture's, if displaced and followed; within 1/3 s 0 to 8 % of living ones."""

MIN_PICTURE_SECONDS: Final = 0.09
"""Between the frames of a pair. In a shorter time a living face has hardly moved."""

MIN_DISPLACEMENT: Final = 0.03
"""Least displacement, in distances of the eyes, by which a picture shows that it is one: what does
not move at all shows nothing."""

MIN_RELIGHT: Final = 0.06
"""Least change of brightness, as a natural logarithm, that is a change of light."""

MIN_NOISE_CERTAINTY: Final = 2.0
"""What two pairs agree on with less certainty is noise, …"""

MAX_NOISE_MOTION: Final = 0.008
"""… if it is less than this: a living face moves far, otherwise in each pair."""

MIN_PICTURE_SHARE: Final = 0.7
"""Least share of the points that are followed on a picture."""

MIN_FOLLOWED_SHARE: Final = 0.5
"""If fewer of the points can be followed, the frames are separate pictures and prove nothing."""

MAX_START_AGE_SECONDS: Final = 1.5
"""A new attempt on the same face is still compared with frames that are at most so old: in a longer
time a person who sits still moves further, and a picture does not."""

MAX_PLANE_SAMPLES: Final = 200
"""RANSAC's samples of four points. Pictures need fewer. Where few points agree, as on a head that
turns, it drew 2,000 (23 ms), for a plane that is only where the next fit begins."""
_STEP_PIXELS: Final = 10
_EDGE_PIXELS: Final = 20
_WINDOW_PIXELS: Final = 17
_MIN_POINTS: Final = 20
_MAX_RETURN_PIXELS: Final = 0.3
_NEAR_PIXELS: Final = 0.5
_KEPT_PERCENT: Final = 90
_TRIMMED_SHARE: Final = 0.07
_ROUNDS: Final = 3
_CONTRAST_WINDOW: Final = (25, 25)

_TICKS: Final = np.arange(_EDGE_PIXELS, VIEW_SIDE_PIXELS - _EDGE_PIXELS + 1, _STEP_PIXELS)
_GRID: Final = np.stack(np.meshgrid(_TICKS, _TICKS), axis=-1).reshape(-1, 2).astype(np.float32)
"""float32[n, 2], the points that are followed, evenly spread."""

_PIXELS: Final = np.indices((VIEW_SIDE_PIXELS,) * 2).reshape(2, -1)[::-1].T.astype(np.float32)
"""float32[144 * 144, 2], the places of a view's pixels, row by row."""


@dataclass(frozen=True, slots=True)
class OwnMotion:
    """What two pairs of frames agree on beyond the motion of a picture.

    Attributes:
        amount: root of the leftovers' mean product, in distances of the eyes; 0 if they contradict.
        certainty: that mean in its standard errors.
        followed: the share of the points that were followed, 0 to 1.
        displacement: how far the face came in the frame, in distances of the eyes.
        relit: how much brighter or darker a quarter of the view became, as a natural logarithm.
        strict: whether bend and light were taken out.
    """

    amount: float
    certainty: float
    followed: float
    displacement: float = 0.0
    relit: float = 0.0
    strict: bool = False

    @property
    def is_jump(self) -> bool:
        """Whether the frames are separate pictures, in which points cannot be followed."""
        return self.followed < MIN_FOLLOWED_SHARE

    @property
    def is_of_picture(self) -> bool:
        """Whether the face was moved as a picture is: as a whole, and in no other way."""
        was_moved = self.displacement >= MIN_DISPLACEMENT and self.followed >= MIN_PICTURE_SHARE
        return was_moved and self.amount < MAX_PICTURE_MOTION

    @property
    def has_changed(self) -> bool:
        """Whether something happened to the picture: it was displaced, bent, or lit otherwise."""
        was_moved = self.displacement >= MIN_DISPLACEMENT or self.relit >= MIN_RELIGHT
        return not self.is_jump and (was_moved or self._exceeds(MIN_OWN_MOTION))

    @property
    def is_nothing(self) -> bool:
        """Whether what is left over is little, or so uncertain that it is noise."""
        is_noise = self.certainty < MIN_NOISE_CERTAINTY and self.amount < MAX_NOISE_MOTION
        return not self.is_jump and (self.amount < MAX_PICTURE_MOTION or is_noise)

    @property
    def is_proven(self) -> bool:
        """Whether the face moved on its own."""
        least = MIN_OWN_MOTION if self.strict else MIN_PLAIN_MOTION
        return self._exceeds(least) and not self.is_jump

    def _exceeds(self, least: float) -> bool:
        return self.amount >= least and self.certainty >= MIN_CERTAINTY


def measure_own_motion(
    starts: tuple[FaceView, FaceView], ends: tuple[FaceView, FaceView], *, strict: bool = False
) -> OwnMotion:
    """Measure what two pairs of frames agree on beyond the motion of a picture.

    Args:
        starts: views of two early frames.
        ends: views of two later frames; the first pair is the first of each.
        strict: light the views of a pair alike first (see `light.match_light`), and count nothing
            that a smooth bend of the whole picture explains.
    """
    return _Pair(starts[0], ends[0]).compare(_Pair(starts[1], ends[1]), strict=strict)


@dataclass(slots=True, eq=False)
class _Pair:
    """Two views of a face, and what was measured of them so far."""

    start: FaceView
    end: FaceView
    _leftovers: dict[bool, tuple[NDArray[np.float64], float]] = field(default_factory=dict)

    def compare(self, other: _Pair, *, strict: bool) -> OwnMotion:
        """Measure what this pair and a later one agree on; see `measure_own_motion`."""
        first, share = self.measure_leftover(strict=strict)
        if share < MIN_FOLLOWED_SHARE:
            return OwnMotion(0.0, 0.0, share)
        second, again = other.measure_leftover(strict=strict)
        share = min(share, again)
        if np.isfinite(first + second).all(axis=1).sum() < _MIN_POINTS:
            return OwnMotion(0.0, 0.0, 0.0)
        if strict:
            first, second = remove_bend(first, _GRID), remove_bend(second, _GRID)
        amount, certainty = _agree(first, second)
        moved = float(np.linalg.norm(other.end.middle - self.start.middle)) / self.start.eyes
        lit = np.log((other.end.measure_quarters() + 1) / (self.start.measure_quarters() + 1))
        return OwnMotion(amount, certainty, share, moved, float(np.abs(lit).max()), strict=strict)

    def measure_leftover(self, *, strict: bool) -> tuple[NDArray[np.float64], float]:
        """Measure, once, what the best homography leaves over; see `_measure_leftover`."""
        if strict not in self._leftovers:
            self._leftovers[strict] = _measure_leftover(self.start, self.end, alike=strict)
        return self._leftovers[strict]


@dataclass(slots=True)
class MotionDetector:
    """Look for own motion in the frames of one face, attempt after attempt.

    Attributes:
        proven: whether the face moved on its own in this attempt.
        is_picture: whether it was seen to move as a picture does.
    """

    proven: bool = False
    is_picture: bool = False
    _starts: list[FaceView] = field(default_factory=list)
    _ends: list[FaceView] = field(default_factory=list)
    _began: float = 0.0
    _paired: float = 0.0
    _now: float = 0.0
    _compared: bool = False
    _first: _Pair | None = None

    def add(self, at: float, view: FaceView | None) -> None:
        """Add a frame that was taken at this time, in seconds."""
        if self.proven or view is None:
            return
        if len(self._starts) < 2:
            self._began = at if not self._starts else self._began
            self._paired = self._now = at
            self._starts.append(view)
            self._ends = self._starts[1:]  # of three frames, the middle one is in both pairs
            return
        self._ends, self._now = [*self._ends[-1:], view], at
        self._compared = False

    def prepare(self) -> None:
        """Measure now what a search in the next frame needs of the frames that are there."""
        if not self.proven and self._ends:
            self._first = self._pair(self._ends[-1])
            for strict in (False, True):
                self._first.measure_leftover(strict=strict)

    def search(self) -> bool:
        """Compare the latest frames with the first ones; return whether own motion is proven."""
        if not self.proven and not self._compared and len(self._ends) == 2:
            self._compared = True
            first, second = self._pair(self._ends[0]), _Pair(self._starts[1], self._ends[1])
            motion = first.compare(second, strict=False)
            # In another light soft edges seem to move, and paper that curls moves by itself.
            is_long = self._now - self._paired >= MIN_PICTURE_SECONDS
            self.is_picture |= is_long and motion.is_of_picture
            if motion.is_proven or (is_long and motion.has_changed and not self.is_picture):
                strict = first.compare(second, strict=True)
                self.proven = motion.is_proven and strict.is_proven
                self.is_picture |= is_long and motion.has_changed and strict.is_nothing
            if motion.is_jump:
                self._starts, self._ends, self._paired = self._ends, [], self._now
        return self.proven

    def begin(self, at: float) -> None:
        """Begin a new attempt on the same face at this time, in seconds."""
        self.proven, self.is_picture, self._ends = False, False, []
        if at - self._began > MAX_START_AGE_SECONDS:
            self._starts = []

    def start_over(self) -> None:
        """Begin with another face."""
        self.proven, self.is_picture, self._starts, self._ends = False, False, [], []
        self._first = None

    def _pair(self, end: FaceView) -> _Pair:
        """Return the first pair with this end, which may be prepared."""
        known, start = self._first, self._starts[0]
        is_it = known is not None and known.start is start and known.end is end
        return known if known is not None and is_it else _Pair(start, end)


def _agree(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far two leftovers agree, in distances of the eyes, and its certainty."""
    products = np.sum(first * second, axis=1)
    products = np.sort(products[np.isfinite(products)])
    cut = int(len(products) * _TRIMMED_SHARE)
    middle = products[cut : len(products) - cut]
    mean = float(middle.mean())
    # Neighbours share a part of their windows, so the points count for a third of their number.
    error = float(middle.std()) / math.sqrt(len(middle) / 3)
    return math.sqrt(max(0.0, mean)) / EYE_DISTANCE_PIXELS, mean / error if error else 0.0


def _level_contrast(gray: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Remove slow changes of brightness and level the contrast, so that light does not matter."""
    soft = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.2)
    detail = soft - cv2.blur(soft, _CONTRAST_WINDOW)
    contrast = cv2.sqrt(np.maximum(cv2.blur(detail * detail, _CONTRAST_WINDOW), 0))
    level = np.clip(128 + 40 * detail / (contrast + 5), 0, 255)
    return np.asarray(level, np.uint8)


def _measure_leftover(
    start: FaceView, end: FaceView, *, alike: bool
) -> tuple[NDArray[np.float64], float]:
    """Measure what the best homography leaves over between two views.

    Returns:
        float64[n, 2], for each point of the grid how far the homography's point is from where the
        point went, in pixels of the view, NaN where it was not followed; and the share of points
        that were followed.
    """
    leftover = np.full(_GRID.shape, np.nan)
    fitted: Any = cv2.estimateAffinePartial2D(end.landmarks, start.landmarks, method=cv2.LMEDS)
    similarity = fitted[0]
    if similarity is None:
        return leftover, 0.0
    to_start = np.vstack([similarity, [0, 0, 1]])
    first, bend = _level_contrast(start.pixels), None
    for turn in range(_ROUNDS):
        is_last = turn == _ROUNDS - 1
        moved, usable = _warp(end, start, to_start, bend, alike=alike)
        there, followed = _follow(first, moved, _GRID)
        if is_last:
            back, again = _follow(moved, first, there)
            near = np.linalg.norm(back - _GRID, axis=1) < _MAX_RETURN_PIXELS
            followed &= again & near
        followed &= usable
        share = float(followed.sum() / max(1, usable.sum()))
        if followed.sum() < _MIN_POINTS:
            return leftover, 0.0
        old, new = _GRID[followed], there[followed]
        if alike and is_last:
            leftover[followed] = new - old
            return leftover, share
        plane = _fit_plane(new, old, last=is_last or alike)
        if plane is None:
            return leftover, 0.0
        to_start = plane @ to_start
        if alike and turn == _ROUNDS - 2:
            # Followed once more with the curve taken out: across a window that is bent, points
            # are followed wrongly, and that would be left over.
            leftover[followed] = cv2.perspectiveTransform(new[None], plane)[0] - old
            bend = fit_bend(leftover, _GRID)
            leftover = np.full(_GRID.shape, np.nan)
            if bend is None:
                return leftover, 0.0
    leftover[followed] = cv2.perspectiveTransform(new[None], plane)[0] - old
    return leftover, share


def _fit_plane(new: NDArray[np.float32], old: NDArray[np.float32], *, last: bool) -> Any:
    """Fit the homography that leads from new points to old ones; None where there is none.

    The last fit is to all points but the worst tenth. One from few of them that agree, as RANSAC's,
    would leave over more of a picture's motion, and one wrong point would bend a fit to all.
    """
    if not last:
        return cv2.findHomography(new, old, cv2.RANSAC, _NEAR_PIXELS, maxIters=MAX_PLANE_SAMPLES)[0]
    plane: Any = cv2.findHomography(new, old, 0)[0]
    if plane is None:
        return None
    off = np.linalg.norm(cv2.perspectiveTransform(new[None], plane)[0] - old, axis=1)
    good = off <= np.percentile(off, _KEPT_PERCENT)
    return cv2.findHomography(new[good], old[good], 0)[0]


def _warp(
    end: FaceView,
    start: FaceView,
    to_start: NDArray[np.float64],
    bend: Bend | None,
    *,
    alike: bool,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Lay a view over another; also say which points of the grid both of them show."""
    side = (VIEW_SIDE_PIXELS, VIEW_SIDE_PIXELS)
    if bend is None:
        moved = cv2.warpPerspective(end.pixels, to_start, side, borderMode=cv2.BORDER_REPLICATE)
        inside = cv2.warpPerspective(end.inside, to_start, side, flags=cv2.INTER_NEAREST)
    else:
        bent = (_PIXELS + bend.displace(_PIXELS)).astype(np.float32)[None]
        places = cv2.perspectiveTransform(bent, np.linalg.inv(to_start)).reshape(*side, 2)
        columns, rows = cv2.split(np.asarray(places, np.float32))
        linear, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
        moved = cv2.remap(end.pixels, columns, rows, linear, borderMode=border)
        inside = cv2.remap(end.inside, columns, rows, cv2.INTER_NEAREST)
    both = cv2.min(np.asarray(inside, np.uint8), start.inside)
    view: Any = np.asarray(moved, np.uint8)
    if alike:
        view = match_light(view, start.pixels, both > 0)
    both = cv2.erode(both, np.ones((9, 9), np.uint8))
    x, y = _GRID.astype(int).T
    # Levelled only now: levelled at two sizes, one picture would differ from itself.
    return _level_contrast(view), both[y, x] > 0


def _follow(
    old: NDArray[np.uint8], new: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Follow points (Lucas and Kanade); also return bool[n], which were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        old,
        new,
        points,
        points.copy(),
        winSize=(_WINDOW_PIXELS, _WINDOW_PIXELS),
        maxLevel=2,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        minEigThreshold=2e-3,
    )
    return np.asarray(there, np.float32), np.asarray(found).ravel() == 1
