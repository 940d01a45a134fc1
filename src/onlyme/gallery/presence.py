"""Name the people in view of a camera, in each of its frames.

A single frame never names a person: a track gets a name when more than half of its last
embeddings identify that person, and at least three were taken. For a stranger whose frames were
independent that is at most 1.67 times as likely as for one frame (Markov's inequality); frames of
one moment are hardly independent. A name opens nothing here, since liveness is not checked.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from onlyme.face.pipeline import Observation
from onlyme.face.protocols import TrackingDetector
from onlyme.face.tracker import MAX_VOTES, Tracker
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.face.pipeline import Pipeline
    from onlyme.face.tracker import FaceTrack
    from onlyme.types import Embedding, Face, Frame, ImageLike

    Identify = Callable[[list[Observation]], list[Decision]]

__all__ = ["MIN_NAMING_FRAMES", "Presence", "fuse_decisions", "watch_presence"]

MIN_NAMING_FRAMES: Final = 3
"""The number of different frames that are needed before a person is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """A person who is in view, or was within the last half second.

    Attributes:
        id: the number of their track, from 1.
        since: when they were first seen, in seconds of the source.
        at: when they were last seen.
        face: where they were last seen.
        decision: who they are. With fewer `frames` than `MIN_NAMING_FRAMES` it has no name.
    """

    id: int
    since: float
    at: float
    face: Face
    decision: Decision


@dataclass(slots=True)
class _TrackVotes:
    """The decisions on the embeddings of one track."""

    last: Embedding | None = None
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=MAX_VOTES))


def watch_presence(
    pipeline: Pipeline, identify: Identify, frames: Iterable[Frame | ImageLike]
) -> Iterator[list[Presence]]:
    """Yield for each frame who is in view or was half a second ago, the longest present first.

    Args:
        pipeline: finds and embeds faces.
        identify: returns a decision on who each observation shows.
        frames: frames of one camera, in order.

    Raises:
        NotCalibrated: with this number of people no search keeps the rate asked for.
    """
    detector = pipeline.detector
    assert isinstance(detector, TrackingDetector)  # noqa: S101 - for the type checker; wiring made it
    tracker = Tracker(detector, pipeline.embedder)
    votes: dict[int, _TrackVotes] = {}
    for picture in frames:
        frame = pipeline.decode(picture)
        tracker.see(frame.pixels, frame.at)
        votes = {track.id: votes.get(track.id, _TrackVotes()) for track in tracker.tracks}
        for track in tracker.tracks:
            _update_votes(votes[track.id], track, identify, frame)
        yield [
            Presence(
                track.id,
                track.since,
                track.at,
                track.face,
                fuse_decisions(votes[track.id].decisions),
            )
            for track in tracker.tracks
        ]


def _update_votes(votes: _TrackVotes, track: FaceTrack, identify: Identify, frame: Frame) -> None:
    """Identify the person of a track, if it has a new embedding."""
    embedding = track.votes[-1]
    if embedding is not votes.last:
        votes.last = embedding
        votes.decisions.extend(identify([Observation(frame, track.face, None, embedding)]))


def fuse_decisions(decisions: Iterable[Decision]) -> Decision:
    """Fuse the decisions on several frames of one face into one decision.

    Returns:
        If more than half of the decisions give one name: of these, the one with the median
        margin. Otherwise `ambiguous` if more than half gave any name or could not choose one;
        otherwise `no_match`.

    >>> ada = Decision(True, "ada", Reason.MATCH, margin=0.3, alpha=0.1)
    >>> unknown = Decision(False, None, Reason.NO_MATCH)
    >>> frames = ([ada, unknown, ada], [ada, unknown, unknown], [ada])
    >>> [fuse_decisions(decisions).name for decisions in frames]
    ['ada', None, None]
    """
    votes = list(decisions)
    names = Counter(decision.name for decision in votes if decision.accepted)
    name, count = names.most_common(1)[0] if names else (None, 0)
    if len(votes) >= MIN_NAMING_FRAMES and 2 * count > len(votes):
        agreeing = [decision for decision in votes if decision.accepted and decision.name == name]
        agreeing.sort(key=lambda decision: decision.margin or 0.0)
        return agreeing[(len(agreeing) - 1) // 2].add_cost({}, frames=len(votes))
    unclear = sum(d.accepted or d.reason is Reason.AMBIGUOUS for d in votes)
    reason = Reason.AMBIGUOUS if 2 * unclear > len(votes) >= MIN_NAMING_FRAMES else Reason.NO_MATCH
    return Decision(accepted=False, name=None, reason=reason).add_cost({}, frames=len(votes))
