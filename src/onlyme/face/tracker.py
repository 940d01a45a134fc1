"""Follow faces from frame to frame: one subject, or every person in view.

`FaceContinuity` decides whether the face of a frame is still the same face of the same person.
Liveness and identity must be proved by the same frames of one person. If an attacker shows the
owner's photo and then a living face, or the reverse, the face jumps, vanishes or becomes another
person: the continuity breaks, and the attempt starts over.

`Tracker` follows all faces in view and gives each a number. A face continues the track whose box
it overlaps; a track that was lost for a moment is continued by a face that looks like it. The
place alone is not enough: each track is embedded again after a few frames, and the face of
another person begins a new track.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.face.align import cut_out
from onlyme.face.geometry import overlap
from onlyme.face.temporal import SEARCH_EVERY_FRAMES, CachedEmbedder, Follower
from onlyme.face.yunet import SAME_FACE_OVERLAP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder, TrackingDetector
    from onlyme.types import Embedding, Face

__all__ = [
    "MAX_LOST_SECONDS",
    "MAX_VOTES",
    "REJOIN_COSINE",
    "SAME_PERSON_COSINE",
    "FaceContinuity",
    "FaceTrack",
    "Tracker",
]

MAX_LOST_SECONDS: Final = 0.5
"""A face that was lost for longer than this, in seconds, may have been exchanged; so it begins a
new track."""

SAME_PERSON_COSINE: Final = 0.35
"""Cosine of a face to the mean of its track, below which it is another person. Turning heads
stay above 0.44 within a second; two people are above 0.36 once in 550 pairs."""

MAX_JUMP_FACE_WIDTHS: Final = 0.5
"""From one frame to the next a face moves by less than this share of its width …"""

MAX_FACE_WIDTHS_PER_SECOND: Final = 3.0
"""… and this many widths a second more. The fastest of the clips moves 0.4 in 1/15 s."""

MAX_GROWTH_LOG_RATIO: Final = 0.3
"""From one frame to the next a face's width changes by less than this (natural logarithm) …"""

MAX_GROWTH_LOG_RATIO_PER_SECOND: Final = 1.5
"""… and this much a second more."""

REJOIN_COSINE: Final = 0.5
"""Cosine above which a face in another place continues a track that was lost."""

CROWDED_OVERLAP: Final = 0.1
"""A face that overlaps another track by more than this could be confused with it."""

MAX_VOTES: Final = 5
"""Number of a track's last embeddings that are stored."""


@dataclass(slots=True, eq=False)
class FaceContinuity:
    """One face of one person, followed through the frames of a stream.

    Attributes:
        at: when it was last seen, in seconds.
        face: as it was last found; None before the first frame.

    >>> from onlyme.types import Face
    >>> face = Face(np.array([0, 0, 99, 99], np.float32), np.zeros((5, 2), np.float32), 0.9)
    >>> ada, bob = np.eye(2, dtype=np.float32)
    >>> continuity = FaceContinuity()
    >>> [continuity.add_face(at, face, who) for at, who in ((0.0, ada), (0.1, ada), (0.2, bob))]
    [False, True, False]
    """

    at: float = 0.0
    face: Face | None = None
    _sum: NDArray[np.float64] | None = None

    def add_face(self, at: float, face: Face, vector: NDArray[np.float32]) -> bool:
        """Add the face of the next frame; return whether it continues the last one.

        If it does not, a new face begins with this frame.

        Args:
            at: when the frame was taken, in seconds.
            face: the subject of the frame.
            vector: float32[d], its embedding, of unit length.
        """
        continues = self._is_near(at, face) and self.is_same_person(vector)
        if not continues:
            self._sum = None
        self.extend(at, face, vector)
        return continues

    def extend(self, at: float, face: Face, vector: NDArray[np.float32] | None = None) -> None:
        """Add a face without a check; `vector` is None where it was not embedded again."""
        self.at, self.face = at, face
        if vector is not None:
            self._sum = vector.astype(np.float64) if self._sum is None else self._sum + vector

    def measure_cosine(self, vector: NDArray[np.floating[Any]]) -> float:
        """Return the cosine of an embedding to the mean of all that were added, −1 to 1."""
        if self._sum is None:
            return -1.0
        return float(vector @ _normalize(self._sum))

    def compare(self, other: FaceContinuity) -> float:
        """Return the cosine between the means of two faces that were followed, −1 to 1."""
        return -1.0 if other._sum is None else self.measure_cosine(_normalize(other._sum))

    def is_same_person(self, vector: NDArray[np.float32]) -> bool:
        """Return whether an embedding may be of the person who is followed."""
        return self.measure_cosine(vector) >= SAME_PERSON_COSINE

    def _is_near(self, at: float, face: Face) -> bool:
        seconds = at - self.at
        if self.face is None or not 0 <= seconds <= MAX_LOST_SECONDS:
            return False
        old, new = self.face.box, face.box
        moved = float(np.hypot(*(new[:2] + new[2:] / 2 - old[:2] - old[2:] / 2)))
        grown = abs(math.log(max(float(new[2]), 1.0) / max(float(old[2]), 1.0)))
        reach = MAX_JUMP_FACE_WIDTHS + MAX_FACE_WIDTHS_PER_SECOND * seconds
        growth = MAX_GROWTH_LOG_RATIO + MAX_GROWTH_LOG_RATIO_PER_SECOND * seconds
        return moved <= reach * max(float(old[2]), 1.0) and grown <= growth


@dataclass(slots=True, eq=False)
class FaceTrack:
    """One person in view.

    Attributes:
        id: counts from 1; never used for another track.
        since: when the person was first seen, in seconds.
        continuity: where and when the face was last seen, and what it looks like.
        votes: the last embeddings, the newest at the end; never two of the same picture.
        embedder: makes them.
        frames: number of frames since the last embedding.
    """

    id: int
    since: float
    continuity: FaceContinuity
    votes: deque[Embedding]
    embedder: CachedEmbedder
    frames: int = 0

    @property
    def at(self) -> float:
        """When the person was last seen, in seconds."""
        return self.continuity.at

    @property
    def face(self) -> Face:
        """The face as it was last found."""
        assert self.continuity.face is not None  # noqa: S101 - a track begins with a face
        return self.continuity.face


@dataclass(slots=True, eq=False)
class _Detection:
    """A face of the present frame, aligned, with its embedding once there is one."""

    face: Face
    aligned: NDArray[np.uint8]
    embedder: CachedEmbedder
    embedding: Embedding | None = None


@dataclass(slots=True)
class Tracker:
    """Follows all people through the frames of one camera, in their order.

    Attributes:
        detector: finds faces; see `onlyme.face.detect.Detector`.
        embedder: embeds aligned faces; see `onlyme.face.embed.Embedder`.
        tracks: the people who are in view or were a moment ago.
    """

    detector: TrackingDetector
    embedder: FaceEmbedder
    tracks: list[FaceTrack] = field(default_factory=list)
    _follower: Follower = field(init=False)
    _last_id: int = 0

    def __post_init__(self) -> None:
        self._follower = Follower(self.detector)

    def see(self, pixels: NDArray[np.uint8], at: float) -> list[FaceTrack]:
        """Look at the next frame; return the people in it, the longest known first.

        A person who joins others in view is found after four frames at most.

        Args:
            pixels: uint8[h, w, 3], RGB.
            at: when it was taken, in seconds; never less than before.
        """
        self.tracks = [track for track in self.tracks if at - track.at <= MAX_LOST_SECONDS]
        faces = self._follower.detect(pixels, every=True)
        new = [
            _Detection(face, cut_out(pixels, face, self.embedder), CachedEmbedder(self.embedder))
            for face in faces
        ]
        lost = list(self.tracks)
        for track, detection in _pair_by_place(lost, new):
            if self._try_continue(track, detection, at):
                new.remove(detection)
                lost.remove(track)
        for detection in new:
            if detection.embedding is None:
                detection.embedding = detection.embedder.embed(detection.aligned)
        for track, detection in _pair_by_looks(lost, new):
            self._extend(track, detection, at)
            new.remove(detection)
        for detection in new:
            self._begin_track(detection, at)
        return [track for track in self.tracks if track.at == at]

    def _try_continue(self, track: FaceTrack, detection: _Detection, at: float) -> bool:
        """Continue a track by a face in its place, unless it is the face of another person."""
        track.frames += 1
        certain = len(track.votes) == MAX_VOTES and track.frames < SEARCH_EVERY_FRAMES
        if certain and not self._is_crowded(track, detection.face):
            track.continuity.extend(at, detection.face)
            return True
        detection.embedding = track.embedder.embed(detection.aligned)
        if not track.continuity.is_same_person(detection.embedding.vector):
            return False
        self._extend(track, detection, at)
        return True

    def _is_crowded(self, track: FaceTrack, face: Face) -> bool:
        others = (other.face for other in self.tracks if other is not track)
        return any(overlap(face, other) > CROWDED_OVERLAP for other in others)

    def _extend(self, track: FaceTrack, detection: _Detection, at: float) -> None:
        track.frames = 0
        embedding = detection.embedding
        if embedding is None or embedding is track.votes[-1]:  # there is no new evidence
            track.continuity.extend(at, detection.face)
            return
        track.votes.append(embedding)
        track.continuity.extend(at, detection.face, embedding.vector)

    def _begin_track(self, detection: _Detection, at: float) -> None:
        assert detection.embedding is not None  # noqa: S101 - for the type checker; all are embedded
        self._last_id += 1
        votes = deque([detection.embedding], maxlen=MAX_VOTES)
        continuity = FaceContinuity()
        continuity.extend(at, detection.face, detection.embedding.vector)
        self.tracks.append(FaceTrack(self._last_id, at, continuity, votes, detection.embedder))


def _normalize(total: NDArray[np.float64]) -> NDArray[np.float64]:
    return total / max(float(np.linalg.norm(total)), 1e-12)


def _pair_by_place(
    tracks: list[FaceTrack], faces: list[_Detection]
) -> Iterable[tuple[FaceTrack, _Detection]]:
    """Pair tracks with faces, those that overlap the most first."""
    pairs = [(overlap(track.face, face.face), track, face) for track in tracks for face in faces]
    return _choose_best_pairs(pairs, SAME_FACE_OVERLAP)


def _pair_by_looks(
    tracks: list[FaceTrack], faces: list[_Detection]
) -> Iterable[tuple[FaceTrack, _Detection]]:
    """Pair lost tracks with faces that have no track, those that look most alike first."""
    pairs = [
        (track.continuity.measure_cosine(face.embedding.vector), track, face)
        for track in tracks
        for face in faces
        if face.embedding is not None
    ]
    return _choose_best_pairs(pairs, REJOIN_COSINE)


def _choose_best_pairs(
    pairs: list[tuple[float, FaceTrack, _Detection]], least: float
) -> list[tuple[FaceTrack, _Detection]]:
    chosen: list[tuple[FaceTrack, _Detection]] = []
    for value, track, face in sorted(pairs, key=lambda pair: -pair[0]):
        free = all(track is not one and face is not other for one, other in chosen)
        if value > least and free:
            chosen.append((track, face))
    return chosen
