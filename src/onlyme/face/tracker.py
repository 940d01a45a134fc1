"""Frames of one camera come in; everybody in view goes out, each with a number that stays theirs.

A face of one frame continues the track whose box it overlaps, and a track that was out of
sight for a moment is continued by whoever looks like it. A place alone is not enough: each
track is embedded again after a few frames, and a face that is somebody else begins a track of
its own.
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

    from onlyme.face.temporal import TrackingDetector, TrackingEmbedder
    from onlyme.types import Embedding, Face

__all__ = ["MAX_LOST_SECONDS", "MAX_VOTES", "FaceTrack", "Tracker"]

MAX_LOST_SECONDS: Final = 0.5
"""Whoever was out of sight for longer, in seconds, is somebody new."""

SAME_PERSON_COSINE: Final = 0.35
"""Cosine of a face to the mean of its track, below which it is somebody else. Turning heads
stay above 0.44 within a second, two people are above 0.36 once in 550 pairs."""

REJOIN_COSINE: Final = 0.5
"""Cosine from which a face elsewhere continues a track that is out of sight."""

CROWDED_OVERLAP: Final = 0.1
"""A face that overlaps another track by more than this may be exchanged for it."""

MAX_VOTES: Final = 5
"""So many of a track's last embeddings are kept."""


@dataclass(slots=True, eq=False)
class FaceTrack:
    """Somebody in view.

    Attributes:
        id: counts from 1; never used again.
        since: when they were first seen, in seconds.
        at: when they were last seen.
        face: as it was last found.
        votes: the last embeddings, the newest at the end; never twice of the same picture.
        memory: makes them.
        frames: how many passed since the last.
    """

    id: int
    since: float
    at: float
    face: Face
    votes: deque[Embedding]
    memory: CachedEmbedder
    frames: int = 0

    def measure_cosine(self, vector: NDArray[np.float32]) -> float:
        """Return the cosine of an embedding to the mean of the votes."""
        mean = np.sum([vote.vector for vote in self.votes], axis=0)
        return float(vector @ mean / np.linalg.norm(mean))


@dataclass(slots=True, eq=False)
class _Detection:
    """A face of the present frame, and whatever is known of it."""

    face: Face
    aligned: NDArray[np.uint8]
    memory: CachedEmbedder
    embedding: Embedding | None = None


@dataclass(slots=True)
class Tracker:
    """Follows everybody through the frames of one camera, in their order.

    Attributes:
        detector: finds faces; see `onlyme.face.detect.Detector`.
        embedder: embeds aligned ones; see `onlyme.face.embed.Embedder`.
        tracks: everybody who is in view or was a moment ago.
    """

    detector: TrackingDetector
    embedder: TrackingEmbedder
    tracks: list[FaceTrack] = field(default_factory=list)
    _follower: Follower = field(init=False)
    _born: int = 0

    def __post_init__(self) -> None:
        self._follower = Follower(self.detector)

    def see(self, pixels: NDArray[np.uint8], at: float) -> list[FaceTrack]:
        """Look at the next frame; return everybody in it, longest known first.

        Somebody who comes into a frame in which others are is seen after four frames at most.

        Args:
            pixels: uint8[h, w, 3], RGB.
            at: when it was taken, in seconds; never less than before.
        """
        self.tracks = [track for track in self.tracks if at - track.at <= MAX_LOST_SECONDS]
        faces = self._follower.detect(pixels, every=True)
        size = self.embedder.size
        left = [_Detection(f, align(pixels, f, size), CachedEmbedder(self.embedder)) for f in faces]
        lost = list(self.tracks)
        for track, seen in _pair_by_place(lost, left):
            if self._try_continue(track, seen, at):
                left.remove(seen)
                lost.remove(track)
        for seen in left:
            if seen.embedding is None:
                seen.embedding = seen.memory.embed(seen.aligned)
        for track, seen in _pair_by_looks(lost, left):
            self._extend(track, seen, at)
            left.remove(seen)
        for seen in left:
            self._begin_track(seen, at)
        return [track for track in self.tracks if track.at == at]

    def _try_continue(self, track: FaceTrack, seen: _Detection, at: float) -> bool:
        """Continue a track by a face in its place, unless that is somebody else."""
        track.frames += 1
        sure = len(track.votes) == MAX_VOTES and track.frames < SEARCH_EVERY_FRAMES
        if sure and not self._is_crowded(track, seen.face):
            track.at, track.face = at, seen.face
            return True
        seen.embedding = track.memory.embed(seen.aligned)
        if track.measure_cosine(seen.embedding.vector) < SAME_PERSON_COSINE:
            return False
        self._extend(track, seen, at)
        return True

    def _is_crowded(self, track: FaceTrack, face: Face) -> bool:
        others = (other.face for other in self.tracks if other is not track)
        return any(overlap(face, other) > CROWDED_OVERLAP for other in others)

    def _extend(self, track: FaceTrack, seen: _Detection, at: float) -> None:
        track.at, track.face, track.frames = at, seen.face, 0
        if seen.embedding is not None and seen.embedding is not track.votes[-1]:
            track.votes.append(seen.embedding)

    def _begin_track(self, seen: _Detection, at: float) -> None:
        assert seen.embedding is not None  # noqa: S101 - for the type checker; all were embedded
        self._born += 1
        votes = deque([seen.embedding], maxlen=MAX_VOTES)
        self.tracks.append(FaceTrack(self._born, at, at, seen.face, votes, seen.memory))


def _pair_by_place(
    tracks: list[FaceTrack], faces: list[_Detection]
) -> Iterable[tuple[FaceTrack, _Detection]]:
    """Pair tracks with faces, those that overlap the most first."""
    pairs = [(overlap(track.face, seen.face), track, seen) for track in tracks for seen in faces]
    return _choose_best_pairs(pairs, SAME_FACE_OVERLAP)


def _pair_by_looks(
    tracks: list[FaceTrack], faces: list[_Detection]
) -> Iterable[tuple[FaceTrack, _Detection]]:
    """Pair tracks that are out of sight with faces that are nobody's, the likest first."""
    pairs = [
        (track.measure_cosine(seen.embedding.vector), track, seen)
        for track in tracks
        for seen in faces
        if seen.embedding is not None
    ]
    return _choose_best_pairs(pairs, REJOIN_COSINE)


def _choose_best_pairs(
    pairs: list[tuple[float, FaceTrack, _Detection]], least: float
) -> list[tuple[FaceTrack, _Detection]]:
    chosen: list[tuple[FaceTrack, _Detection]] = []
    for value, track, seen in sorted(pairs, key=lambda pair: -pair[0]):
        free = all(track is not one and seen is not other for one, other in chosen)
        if value > least and free:
            chosen.append((track, seen))
    return chosen
