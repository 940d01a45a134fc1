"""Name the people in view of a door's camera, frame by frame.

One frame never names a person: a track gets a name when it has at least three embeddings, and
more than half of the last ones give that name. If the frames of a stranger were independent, a
false name would be at most 1.67 times as likely as with one frame (Markov's inequality); frames of
one moment are hardly independent. A name opens nothing here, since liveness is not checked: a
printed photo is named too.
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
"""A person is named only after this many different frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """A person who is in view, or was half a second ago.

    Attributes:
        id: of the person's track; counts from 1.
        since: when the person was first seen, in seconds of the source.
        at: when the person was last seen, in seconds of the source.
        face: where that was.
        decision: who it is. While its `frames` are fewer than `MIN_NAMING_FRAMES` it names no
            one.
    """

    id: int
    since: float
    at: float
    face: Face
    decision: Decision


@dataclass(slots=True)
class _TrackVotes:
    """The decisions on one track, and the last embedding that was decided."""

    last: Embedding | None = None
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=MAX_VOTES))


def watch_presence(
    pipeline: Pipeline, identify: Identify, frames: Iterable[Frame | ImageLike]
) -> Iterator[list[Presence]]:
    """Yield for each frame the people in view now or half a second ago, the earliest first.

    Args:
        pipeline: detects and embeds faces.
        identify: returns whom each observation shows.
        frames: of one camera, in order.

    Raises:
        NotCalibrated: the calibration does not reach the rate asked for among this many people.
    """
    detector = pipeline.detector
    assert isinstance(detector, TrackingDetector)  # noqa: S101 - for the type checker; wiring made it
    tracker = Tracker(detector, pipeline.embedder)
    votes_by_track: dict[int, _TrackVotes] = {}
    for picture in frames:
        frame = pipeline.decode(picture)
        tracker.see(frame.pixels, frame.at)
        votes_by_track = {
            track.id: votes_by_track.get(track.id, _TrackVotes()) for track in tracker.tracks
        }
        for track in tracker.tracks:
            _update_votes(votes_by_track[track.id], track, identify, frame)
        yield [
            Presence(
                track.id,
                track.since,
                track.at,
                track.face,
                fuse_decisions(votes_by_track[track.id].decisions),
            )
            for track in tracker.tracks
        ]


def _update_votes(votes: _TrackVotes, track: FaceTrack, identify: Identify, frame: Frame) -> None:
    """Decide whom a track shows, if it has a new embedding."""
    embedding = track.votes[-1]
    if embedding is not votes.last:
        votes.last = embedding
        votes.decisions.extend(identify([Observation(frame, track.face, None, embedding)]))


def fuse_decisions(decisions: Iterable[Decision]) -> Decision:
    """Fuse the decisions on several frames of one face into one.

    Returns:
        If more than half give one name: of these, the decision with the median margin. Else
        `ambiguous` if more than half give a name or are ambiguous, else `no_match`.

    >>> ada = Decision(True, "ada", Reason.MATCH, margin=0.3, alpha=0.1)
    >>> no_match = Decision(False, None, Reason.NO_MATCH)
    >>> frames = ([ada, no_match, ada], [ada, no_match, no_match], [ada])
    >>> [fuse_decisions(decisions).name for decisions in frames]
    ['ada', None, None]
    """
    given = list(decisions)
    names = Counter(decision.name for decision in given if decision.accepted)
    name, count = names.most_common(1)[0] if names else (None, 0)
    if len(given) >= MIN_NAMING_FRAMES and 2 * count > len(given):
        agreeing = [decision for decision in given if decision.accepted and decision.name == name]
        agreeing.sort(key=lambda decision: decision.margin or 0.0)
        return agreeing[(len(agreeing) - 1) // 2].add_cost({}, frames=len(given))
    unclear = sum(d.accepted or d.reason is Reason.AMBIGUOUS for d in given)
    reason = Reason.AMBIGUOUS if 2 * unclear > len(given) >= MIN_NAMING_FRAMES else Reason.NO_MATCH
    return Decision(accepted=False, name=None, reason=reason).add_cost({}, frames=len(given))
