"""Frames of a door's camera come in; who is in view, by name where they are known, goes out.

Nobody is named by a single frame: a name is said of a track when more than half of its last
embeddings say it, and at least three were taken. For a stranger whose frames were independent
that is at most 1.67 times as likely as for one frame (Markov's inequality), and those of one
moment hardly are. A name opens nothing here: nobody looks whether a photo is held up.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from onlyme.face.pipeline import Observation
from onlyme.face.temporal import TrackingDetector
from onlyme.face.tracker import MAX_VOTES, Tracker
from onlyme.types import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.face.pipeline import ImageLike, Pipeline
    from onlyme.face.tracker import FaceTrack
    from onlyme.types import Embedding, Face, Frame

    Identify = Callable[[list[Observation]], list[Decision]]

__all__ = ["MIN_NAMING_FRAMES", "Presence", "fuse_decisions", "watch_presence"]

MIN_NAMING_FRAMES: Final = 3
"""So many different frames are looked at before anybody is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Somebody in view, or who was half a second ago.

    Attributes:
        id: of their track; counts from 1.
        since: when they were first seen, in seconds of the source.
        at: when they were last seen.
        face: where that was.
        decision: who they are. Before enough was seen nobody is named, and its `frames` are
            fewer than `MIN_NAMING_FRAMES`.
    """

    id: int
    since: float
    at: float
    face: Face
    decision: Decision


@dataclass(slots=True)
class _TrackVotes:
    """What the embeddings of one track say."""

    last: Embedding | None = None
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=MAX_VOTES))


def watch_presence(
    pipeline: Pipeline, identify: Identify, frames: Iterable[Frame | ImageLike]
) -> Iterator[list[Presence]]:
    """Say of each frame who is in view or was half a second ago, whoever came first at the head.

    Args:
        pipeline: sees faces.
        identify: returns whom each observation shows.
        frames: of one camera, in order.

    Raises:
        NotCalibrated: so many people cannot be searched at the rate asked for.
    """
    detector = pipeline.detector
    assert isinstance(detector, TrackingDetector)  # noqa: S101 - for the type checker; wiring made it
    tracker = Tracker(detector, pipeline.embedder)
    opinions: dict[int, _TrackVotes] = {}
    for picture in frames:
        frame = pipeline.decode(picture)
        tracker.see(frame.pixels, frame.at)
        opinions = {track.id: opinions.get(track.id, _TrackVotes()) for track in tracker.tracks}
        for track in tracker.tracks:
            _update_votes(opinions[track.id], track, identify, frame)
        yield [
            Presence(
                track.id,
                track.since,
                track.at,
                track.face,
                fuse_decisions(opinions[track.id].decisions),
            )
            for track in tracker.tracks
        ]


def _update_votes(votes: _TrackVotes, track: FaceTrack, identify: Identify, frame: Frame) -> None:
    """Ask who somebody is, if something new was seen of them."""
    newest = track.votes[-1]
    if newest is not votes.last:
        votes.last = newest
        sight = Observation(frame, track.face, None, newest)
        votes.decisions.extend(identify([sight]))


def fuse_decisions(decisions: Iterable[Decision]) -> Decision:
    """Turn what several frames of one face said into one decision.

    Returns:
        Of those that say the name that more than half say, the one with the median margin;
        else `ambiguous` if more than half said some name or could not choose, else `no_match`.

    >>> ada = Decision(True, "ada", Reason.MATCH, margin=0.3, alpha=0.1)
    >>> nobody = Decision(False, None, Reason.NO_MATCH)
    >>> frames = ([ada, nobody, ada], [ada, nobody, nobody], [ada])
    >>> [fuse_decisions(decisions).name for decisions in frames]
    ['ada', None, None]
    """
    said = list(decisions)
    names = Counter(decision.name for decision in said if decision.accepted)
    name, count = names.most_common(1)[0] if names else (None, 0)
    if len(said) >= MIN_NAMING_FRAMES and 2 * count > len(said):
        agreeing = [decision for decision in said if decision.accepted and decision.name == name]
        agreeing.sort(key=lambda decision: decision.margin or 0.0)
        return agreeing[(len(agreeing) - 1) // 2].add_cost({}, frames=len(said))
    unclear = sum(d.accepted or d.reason is Reason.AMBIGUOUS for d in said)
    reason = Reason.AMBIGUOUS if 2 * unclear > len(said) >= MIN_NAMING_FRAMES else Reason.NO_MATCH
    return Decision(accepted=False, name=None, reason=reason).add_cost({}, frames=len(said))
