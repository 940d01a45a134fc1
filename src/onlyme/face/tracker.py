"""Follow all people in the frames of one camera, each under a number that stays the same.

A face continues the track whose box it overlaps. A track that was lost for a moment is continued
by a face that looks like it. The place alone is not enough: each track is embedded again after a
few frames, and the face of another person begins a new track.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.face.align import align
from onlyme.face.geometry import overlap
from onlyme.face.temporal import SEARCH_EVERY_FRAMES, CachedEmbedder, Follower
from onlyme.face.yunet import SAME_FACE_OVERLAP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from onlyme.face.protocols import FaceEmbedder, TrackingDetector
    from onlyme.types import Embedding, Face

__all__ = ["MAX_LOST_SECONDS", "MAX_VOTES", "FaceTrack", "Tracker"]

MAX_LOST_SECONDS: Final = 0.5
"""A face that was lost for longer than this, in seconds, begins a new track."""

SAME_PERSON_COSINE: Final = 0.35
"""Cosine of a face to the mean of its track, below which it is another person. Turning heads
stay above 0.44 within a second; two people are above 0.36 once in 550 pairs."""

REJOIN_COSINE: Final = 0.5
"""Cosine above which a face in another place continues a track that was lost."""

CROWDED_OVERLAP: Final = 0.1
"""A face that overlaps another track by more than this could be confused with it."""

MAX_VOTES: Final = 5
"""Number of a track's last embeddings that are stored."""


@dataclass(slots=True, eq=False)
class FaceTrack:
    """One person in view.

    Attributes:
        id: counts from 1; never used for another track.
        since: when the person was first seen, in seconds.
        at: when the person was last seen, in seconds.
        face: the face as it was last found.
        votes: the last embeddings, the newest at the end; never two of the same picture.
        embedder: makes them.
        frames: number of frames since the last embedding.
    """

    id: int
    since: float
    at: float
    face: Face
    votes: deque[Embedding]
    embedder: CachedEmbedder
    frames: int = 0

    def measure_cosine(self, vector: NDArray[np.float32]) -> float:
        """Return the cosine of an embedding to the mean of the votes."""
        mean = np.sum([vote.vector for vote in self.votes], axis=0)
        return float(vector @ mean / np.linalg.norm(mean))


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
        size = self.embedder.size
        new = [_Detection(f, align(pixels, f, size), CachedEmbedder(self.embedder)) for f in faces]
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
            track.at, track.face = at, detection.face
            return True
        detection.embedding = track.embedder.embed(detection.aligned)
        if track.measure_cosine(detection.embedding.vector) < SAME_PERSON_COSINE:
            return False
        self._extend(track, detection, at)
        return True

    def _is_crowded(self, track: FaceTrack, face: Face) -> bool:
        others = (other.face for other in self.tracks if other is not track)
        return any(overlap(face, other) > CROWDED_OVERLAP for other in others)

    def _extend(self, track: FaceTrack, detection: _Detection, at: float) -> None:
        track.at, track.face, track.frames = at, detection.face, 0
        if detection.embedding is not None and detection.embedding is not track.votes[-1]:
            track.votes.append(detection.embedding)

    def _begin_track(self, detection: _Detection, at: float) -> None:
        assert detection.embedding is not None  # noqa: S101 - for the type checker; all are embedded
        self._last_id += 1
        votes = deque([detection.embedding], maxlen=MAX_VOTES)
        self.tracks.append(
            FaceTrack(self._last_id, at, at, detection.face, votes, detection.embedder)
        )


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
        (track.measure_cosine(face.embedding.vector), track, face)
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
