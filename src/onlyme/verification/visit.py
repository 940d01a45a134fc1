"""Decide one visit of a person before a camera.

A visit lasts from when a face comes into view until it leaves. Its frames are collected into
captures of at most three seconds, and each decision is about one capture: identity and liveness
come from the same frames of one followed face.

A stranger who waits before a camera must not get a new chance with each frame. So the rate at
which strangers may be taken for an enrolled person is spent on the visit as a whole: its first
look gets half of it, the second a quarter, and so on. The chance of a false name in any look is at
most the sum of these shares, even if the looks depend on each other. After `MAX_LOOKS` looks the
rate is spent, and the visit gets no name any more. A look whose liveness is undecided can give no
name, so that it spends nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.errors import NotCalibrated
from onlyme.face.quality import assess
from onlyme.types import Decision, LivenessLevel, Reason, Verdict
from onlyme.verification.attempt import ATTEMPT_FRAMES, ATTEMPT_SECONDS
from onlyme.verification.decisions import apply_liveness, make_unjudged
from onlyme.verification.presence import UnknownFace, VisitEvent, VisitVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from onlyme.face.pipeline import Pipeline
    from onlyme.face.second import SecondEmbedding
    from onlyme.face.tracker import FaceContinuity, FaceTrack
    from onlyme.gate.admission import Attempt
    from onlyme.liveness.judge import Judge, LivenessSession
    from onlyme.types import Embedding, Face, Frame

    Seconds = Sequence[SecondEmbedding | None]
    Identify = Callable[[NDArray[np.float32], int, Seconds], tuple[Decision, tuple[str, ...]]]

__all__ = ["MAX_LOOKS", "MAX_TRIES", "NO_DECISION", "Visit", "VisitRules", "share_rate"]

MAX_LOOKS: Final = 6
"""A visit can get a name at most this many times; the pause between looks doubles each time."""

MAX_TRIES: Final = 2 * MAX_LOOKS
"""A visit is looked at this many times at most, undecided liveness included."""

MAX_PAUSE_SECONDS: Final = 32.0

MIN_LOOK_FRAMES: Final = 3
"""A look needs this many different frames; the first one takes as many as an attempt."""

MIN_GOOD_FRAMES: Final = 5
"""A person is called unknown only after this many frames that are good enough to enroll with …"""

UNKNOWN_SECONDS: Final = 1.2
"""… and this long after the first of them: a second look may know a person who had turned away."""

MAX_KEPT_FRAMES: Final = 8
"""Embeddings that are kept of a visit without a name, where that is switched on."""

NO_DECISION: Final = Decision(accepted=False, name=None, reason=Reason.NO_MATCH)
"""That of a visit before its first look."""

_VERDICTS = {
    Reason.MATCH: VisitVerdict.KNOWN,
    Reason.AMBIGUOUS: VisitVerdict.AMBIGUOUS,
    Reason.NOT_LIVE: VisitVerdict.NOT_LIVE,
    Reason.LOCKED_OUT: VisitVerdict.LOCKED_OUT,
}
_UNDECIDED = Decision(accepted=False, name=None, reason=Reason.LIVENESS_UNDECIDED)


@dataclass(frozen=True, slots=True)
class VisitRules:
    """How the visits before one camera are decided.

    Attributes:
        camera: the name of the camera.
        pipeline: detects and embeds faces.
        identify: returns whom the frames show, with a share of the rate, by both networks.
        judge: judges liveness; None where no judge is there.
        level: the level of liveness; `challenge` is for one person and not possible here.
        begin_attempt: counts an attempt before a visit is decided; None where a name opens nothing.
        keeps: whether pictures and embeddings of a visit are held until it ends.
    """

    camera: str
    pipeline: Pipeline
    identify: Identify
    judge: Judge | None = None
    level: LivenessLevel = LivenessLevel.OFF
    begin_attempt: Callable[[], Attempt] | None = None
    keeps: bool = False


def share_rate(look: int) -> int:
    """Return by how much the rate of a visit is divided for one look; `look` counts from 0.

    >>> [share_rate(look) for look in range(MAX_LOOKS)]
    [2, 4, 8, 16, 32, 32]
    >>> sum(1 / share_rate(look) for look in range(MAX_LOOKS))
    1.0
    """
    return int(2 ** min(look + 1, MAX_LOOKS - 1))


@dataclass(slots=True, eq=False)
class Visit:
    """One visit, and the capture that it is in.

    Attributes:
        since: when the person was first seen, in seconds of the camera's clock.
        continuity: where and when the face was last seen, and what it looks like.
        liveness: judges its frames; None where liveness is off.
        face: as it was last found.
        continues: the earlier visit that may be of the same person; see `visits.CameraVisits`.
        is_held: whether it is not called unknown yet, since it looks like a known person who was
            here a moment ago.
        id: counts from 1 for each camera; 0 until it is told that a person came.
        verdict: what is known of the person.
        decision: the last one.
        names: the person's name; of an ambiguous visit the two nearest people.
        events: what is still to be told, the first first.
        is_settled: whether no more frames are looked at.
    """

    since: float
    continuity: FaceContinuity
    liveness: LivenessSession | None
    face: Face
    continues: Visit | None = None
    is_held: bool = False
    id: int = 0
    verdict: VisitVerdict = VisitVerdict.UNDECIDED
    decision: Decision = NO_DECISION
    names: tuple[str, ...] = ()
    events: deque[VisitEvent] = field(default_factory=deque)
    is_settled: bool = False
    _attempt: Attempt | None = None
    _looks: int = 0
    _tries: int = 0
    _next_at: float = 0.0
    _began: float | None = None
    _last: Embedding | None = None
    _votes: list[NDArray[np.float32]] = field(default_factory=list)
    _seconds: list[SecondEmbedding | None] = field(default_factory=list)
    _good: int = 0
    _good_since: float = 0.0
    _kept: list[NDArray[np.float32]] = field(default_factory=list)
    _picture: tuple[float, NDArray[np.uint8]] | None = None

    def add(self, frame: Frame, track: FaceTrack, rules: VisitRules) -> None:
        """Look at the face in the next frame, and decide if enough was seen."""
        if self.is_settled:
            return
        self._began = frame.at if self._began is None else self._began
        self._judge(frame, track.face, rules)
        embedding = track.votes[-1]
        if embedding is not self._last:  # otherwise there is no new evidence
            self._last = embedding
            self._votes.append(embedding.vector)
            self._seconds.append(rules.pipeline.prepare_second(frame, track.face))
            self._note_quality(frame, track.face, keeps=rules.keeps)
        if self._is_due(frame.at):
            self._decide(frame.at, rules)
        elif frame.at - self._began > ATTEMPT_SECONDS:
            self._begin_capture()
        self._name_unknown(frame.at)

    def resume(self, track: FaceTrack) -> None:
        """Continue after the person was out of view; nothing seen before is used again."""
        self.continuity = track.continuity
        self.start_over()

    def take_over(self, later: Visit, track: FaceTrack) -> None:
        """Continue in the place of a later visit that turned out to be of the same person.

        Its looks count as this visit's: to turn away buys no new ones.
        """
        later.end()
        self._looks = min(self._looks + later._looks, MAX_LOOKS)
        self._tries = min(self._tries + later._tries, MAX_TRIES)
        self._next_at = max(self._next_at, later._next_at)
        self.resume(track)
        if self._looks == MAX_LOOKS or self._tries == MAX_TRIES:
            self.end()

    def start_over(self) -> None:
        """Begin a new capture on a face that may have been exchanged."""
        self._kept, self._picture = [], None
        self._begin_capture()
        if self.liveness is not None:
            self.liveness.start_over()

    @property
    def unknown(self) -> UnknownFace | None:
        """What may be kept of it; None where it is not certain that the person is unknown."""
        is_unknown = self.verdict is VisitVerdict.UNKNOWN
        if not is_unknown or self._picture is None or self._last is None:
            return None
        return UnknownFace(self._last.model, np.array(self._kept), self._picture[1])

    def end(self) -> None:
        """Write down how the attempt ended, if one was counted."""
        if self._attempt is not None and self._attempt.allowed and not self.decision.accepted:
            self._attempt.settle(self.decision)
        self._attempt, self.is_settled = None, True

    # ------------------------------------------------------------------ within

    def _judge(self, frame: Frame, face: Face, rules: VisitRules) -> None:
        if self.liveness is None or rules.judge is None:
            return
        if self.liveness.is_due(frame.at):
            self.liveness.add(frame.at, rules.judge.look(frame.pixels, face))
        else:
            print_ = rules.judge.take_fingerprint(frame.pixels, face)
            self.liveness.add(frame.at, fingerprint=print_)

    def _note_quality(self, frame: Frame, face: Face, *, keeps: bool) -> None:
        is_wanted = keeps and len(self._kept) < MAX_KEPT_FRAMES
        if self._good >= MIN_GOOD_FRAMES and not is_wanted:
            return
        if not assess(frame.pixels, face.box, face.landmarks).ok:
            return
        self._good_since = self._good_since if self._good else frame.at
        self._good += 1
        if is_wanted:
            self._kept.append(self._votes[-1])
            if self._picture is None or face.area > self._picture[0]:
                self._picture = face.area, _crop_head(frame.pixels, face)

    def _is_due(self, at: float) -> bool:
        assert self._began is not None  # noqa: S101 - for the type checker; `add` set it
        is_judged = self.liveness is None or self.liveness.has_enough_frames
        is_late = at - self._began >= ATTEMPT_SECONDS
        least = MIN_LOOK_FRAMES if self._tries or is_late else ATTEMPT_FRAMES
        return at >= self._next_at and len(self._votes) >= least and (is_judged or is_late)

    def _decide(self, at: float, rules: VisitRules) -> None:
        if rules.begin_attempt is not None and self._attempt is None:
            self._attempt = rules.begin_attempt()
            if not self._attempt.allowed:
                self._take(self._attempt.refusal, ())
                self.is_settled = True
                return
        try:
            votes, share = np.array(self._votes), share_rate(self._looks)
            found, names = rules.identify(votes, share, self._seconds)
        except NotCalibrated:
            if not self._looks:
                raise
            self.end()  # the rate cannot be divided any further
            return
        liveness = make_unjudged(rules.level)
        if self.liveness is not None:
            liveness = self.liveness.verdict()
        is_undecided = self.liveness is not None and liveness.verdict is Verdict.UNDECIDED
        if is_undecided and found.reason is not Reason.NO_MATCH:
            found, names = _UNDECIDED, ()
        decision = apply_liveness(found, liveness).add_cost({}, frames=len(self._votes))
        if decision.name is not None:
            names = (decision.name,)
        self._looks += not is_undecided  # a look that can give no name spends nothing of the rate
        self._tries += 1
        self._next_at = at + min(2.0 ** (self._tries - 1), MAX_PAUSE_SECONDS)
        self._begin_capture()
        if self._attempt is not None and decision.accepted:
            self._attempt.settle(decision)  # nothing may open before this is on the disk
        self._take(decision, names)
        is_attack = self._attempt is not None and liveness.verdict is Verdict.ATTACK
        if decision.accepted:
            self.is_settled = True
        elif self._looks == MAX_LOOKS or self._tries == MAX_TRIES or is_attack:
            self.end()

    def _take(self, decision: Decision, names: tuple[str, ...]) -> None:
        self.decision, self.names = decision, names
        self._change(_VERDICTS.get(decision.reason, self.verdict))

    def _name_unknown(self, at: float) -> None:
        """Call the person unknown once the good frames were enough to know an enrolled one."""
        is_long = self._good >= MIN_GOOD_FRAMES and at - self._good_since >= UNKNOWN_SECONDS
        if self._tries and is_long and not self.is_held and self.decision.reason is Reason.NO_MATCH:
            self._change(VisitVerdict.UNKNOWN)

    def _change(self, verdict: VisitVerdict) -> None:
        if verdict is not self.verdict:
            self.verdict = verdict
            self.events.append(VisitEvent(verdict))

    def _begin_capture(self) -> None:
        self._votes, self._seconds, self._began = [], [], None
        if self.liveness is not None:
            self.liveness.begin()


def _crop_head(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Return a copy of a face with some room around it."""
    left, top, width, height = face.box
    room = np.array([left - width / 4, top - height / 3, 1.5 * width, 1.6 * height], np.float32)
    return replace(face, box=room).crop(pixels).copy()
