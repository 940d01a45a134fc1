"""Follow all people before one camera, and tell who came, who that is and who left.

A person without a name who is out of view for some seconds continues the same visit, so that
turning away buys no new looks.

Whether a face that comes into view is the same person cannot always be said at once: who moves is
blurred. So after a person left, a face is held back for up to five embeddings, until their mean
says it (cosine 0.5): then the visit without a name goes on, with the looks of both. If not, it is
another person.

A known person who is lost for some seconds must be recognised anew, with liveness, by a visit with
looks of its own. Only if that finds the same name, both are one visit, which is told once: `known`
once, `left` once. That a person came is told once the verdict is another one or the known visit has
ended: after five seconds without a face that may be its person's (0.35), or half a minute without
a verdict. Until then a face whose mean is that near to the known person's is not called unknown.
Where something opens, a known visit ends with its face, and each is an attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.face.protocols import TrackingDetector
from onlyme.face.tracker import MAX_VOTES, REJOIN_COSINE, SAME_PERSON_COSINE, Tracker
from onlyme.types import LivenessLevel
from onlyme.verification.presence import Presence, VisitEvent, VisitVerdict
from onlyme.verification.visit import MAX_LOOKS, MAX_TRIES, NO_DECISION, Visit, VisitRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onlyme.face.tracker import FaceTrack
    from onlyme.types import Frame, ImageLike

__all__ = [
    "MAX_LOOKS",
    "MAX_TRIES",
    "CameraVisits",
    "Presence",
    "VisitEvent",
    "VisitRules",
    "VisitVerdict",
]

RETURN_SECONDS: Final = 5.0
"""A person who is out of view for less than this continues the same visit; a known one only where
nothing opens."""

MAX_CLAIM_SECONDS: Final = 30.0
"""A known visit waits for at most this long for a verdict on a face that looks like its person."""


class CameraVisits:
    """Follow all people before one camera, and decide who each of them is.

    Args:
        rules: how the visits are decided.
    """

    def __init__(self, rules: VisitRules) -> None:
        detector = rules.pipeline.detector
        assert isinstance(detector, TrackingDetector)  # noqa: S101 - for the type checker; wiring made it
        self._rules = rules
        self._tracker = Tracker(detector, rules.pipeline.embedder)
        self._visits: dict[int, Visit] = {}
        self._away: list[Visit] = []
        self._seen: set[int] = set()  # tracks of which the present frame shows the face
        self._count = 0

    def see(self, picture: Frame | ImageLike) -> list[Presence]:
        """Look at the next frame; return the people in view, and those who have just left.

        Raises:
            ImageError: the picture cannot be used.
            NotCalibrated: the calibration does not reach the rate among this many people.
            VaultError: the gate cannot count an attempt, so nothing may open.
        """
        frame = self._rules.pipeline.decode(picture)
        self._tracker.see(frame.pixels, frame.at)
        self._seen = {track.id for track in self._tracker.tracks if track.at == frame.at}
        gone = self._part_with_lost()
        gone += self._part_with_away(frame.at)
        in_view = []
        for track in self._tracker.tracks:
            visit = self._visits.get(track.id) or self._find_visit(track)
            visit = self._settle_claim(visit, track)
            if track.at == frame.at:
                visit.add(frame, track, self._rules)
            visit.face = track.face
            gone += self._join_known(visit)
            self._number(visit, frame.at)
            in_view.append(self._describe(visit))
        return [*sorted(in_view, key=lambda one: one.id), *gone]

    def end(self) -> list[Presence]:
        """End all visits, since the camera gives no more frames; return them."""
        rest = [*self._visits.values(), *self._away]
        self._visits, self._away, self._tracker.tracks = {}, [], []
        return [one for visit in sorted(rest, key=lambda one: one.id) for one in self._part(visit)]

    # ------------------------------------------------------------------ within

    def _part_with_lost(self) -> list[Presence]:
        """End the visits of faces that were lost, except those that wait for their person."""
        present = {track.id for track in self._tracker.tracks}
        gone = []
        for id_ in [id_ for id_ in self._visits if id_ not in present]:
            visit = self._visits.pop(id_)
            if visit.verdict is VisitVerdict.KNOWN and self._rules.begin_attempt is not None:
                gone += self._part(visit)
            else:
                gone += [self._describe(visit) for _ in range(len(visit.events))]
                self._away.append(visit)
        return gone

    def _part_with_away(self, at: float) -> list[Presence]:
        late = [one for one in self._away if self._is_late(one, at)]
        self._away = [one for one in self._away if one not in late]
        return [one for visit in late for one in self._part(visit)]

    def _is_late(self, visit: Visit, at: float) -> bool:
        """Return whether a person who is away will not continue the visit any more."""
        seen = [one.continuity.at for one in self._list_claims(visit)]
        since = max([visit.continuity.at, *seen])
        return at - since > RETURN_SECONDS or at - visit.continuity.at > MAX_CLAIM_SECONDS

    def _list_claims(self, earlier: Visit) -> list[Visit]:
        """Return the visits that may continue an earlier one, as far as can be said."""
        visits = [*self._visits.values(), *self._away]
        return [one for one in visits if one.continues is earlier and not one.id]

    def _is_claimed(self, earlier: Visit) -> bool:
        """Return whether a face in view may continue an earlier visit: then no other one does."""
        seen = [visit for id_, visit in self._visits.items() if id_ in self._seen]
        return any(one.continues is earlier and not one.id for one in seen)

    def _list_absent(self) -> list[Visit]:
        """Return the visits of people whom the present frame does not show."""
        lost = [visit for id_, visit in self._visits.items() if id_ not in self._seen]
        return [*lost, *self._away]

    def _settle_claim(self, visit: Visit, track: FaceTrack) -> Visit:
        """Return the visit of a face: its own, or the one before that it turned out to continue."""
        earlier, visit.is_held = visit.continues, False
        if earlier is None or visit.id:
            return visit
        is_alike = earlier.continuity.compare(visit.continuity) > REJOIN_COSINE
        is_known = earlier.verdict is VisitVerdict.KNOWN
        if is_known:  # only a new verdict says that it is the same person
            visit.is_held = is_alike and earlier in self._list_absent()
        elif is_alike and earlier in self._away:
            self._away.remove(earlier)
            earlier.take_over(visit, track)
            self._visits[track.id] = earlier
            return earlier
        may_be = self._may_continue(visit) if is_known else is_alike
        if not may_be and len(track.votes) == MAX_VOTES:
            visit.continues = None
        return visit

    def _may_continue(self, visit: Visit) -> bool:
        """Return whether a visit may be of the person of the one before it."""
        earlier = visit.continues
        return (
            earlier is not None
            and earlier.continuity.compare(visit.continuity) > SAME_PERSON_COSINE
        )

    def _part(self, visit: Visit) -> list[Presence]:
        """End a visit; return what is still to be told of it, and that its person left."""
        visit.end()
        if not visit.id and self._may_continue(visit):  # a moment, which counts for that person
            return []
        if not visit.id:
            self._tell_that_one_came(visit)
        visit.events.append(VisitEvent.LEFT)
        return [self._describe(visit) for _ in range(len(visit.events))]

    def _find_visit(self, track: FaceTrack) -> Visit:
        """Return the visit that a new face continues, or a new one."""
        vector = track.votes[-1].vector
        waiting = [one for one in self._away if one.verdict is not VisitVerdict.KNOWN]
        visit = _find_alike(waiting, vector, REJOIN_COSINE)
        if visit is not None:
            self._away.remove(visit)
            visit.resume(track)
        else:
            judge = self._rules.judge
            is_judged = judge is not None and self._rules.level is not LivenessLevel.OFF
            session = judge.start_session() if judge is not None and is_judged else None
            told = [one for one in self._list_absent() if one.id and not self._is_claimed(one)]
            earlier = _find_alike(told, vector, -1.0)
            visit = Visit(track.since, track.continuity, session, track.face, earlier)
        self._visits[track.id] = visit
        return visit

    def _join_known(self, visit: Visit) -> list[Presence]:
        """Continue a known visit if its person was just recognised anew."""
        if VisitEvent.KNOWN not in visit.events:
            return []
        names = visit.names
        same = next(
            (one for one in self._away if one.names == names and one.verdict == visit.verdict), None
        )
        if same is None:
            return []
        self._away.remove(same)
        visit.events.clear()
        told = []
        if visit.id:  # it was told that a person came
            left = replace(self._describe(visit), event=VisitEvent.LEFT, names=())
            told = [replace(left, verdict=VisitVerdict.UNDECIDED, decision=NO_DECISION)]
        visit.id, visit.since = same.id, same.since
        return told

    def _number(self, visit: Visit, at: float) -> None:
        """Tell that a person in view came, unless it may be one who was here a moment ago."""
        is_open = visit.verdict is VisitVerdict.UNDECIDED and visit.continues in self._list_absent()
        if not visit.id and not is_open and visit.continuity.at == at:
            self._tell_that_one_came(visit)

    def _tell_that_one_came(self, visit: Visit) -> None:
        self._count += 1
        visit.id = self._count
        visit.events.appendleft(VisitEvent.CAME)

    def _describe(self, visit: Visit) -> Presence:
        about: dict[str, Any] = {"verdict": visit.verdict, "decision": visit.decision}
        told = visit if visit.id else (visit.continues or visit)
        event = visit.events.popleft() if visit.events else None
        return Presence(
            self._rules.camera,
            told.id,
            told.since,
            visit.continuity.at,
            visit.face,
            **about,
            names=visit.names,
            event=event,
            unknown=visit.unknown if event is VisitEvent.LEFT else None,
        )


def _find_alike(visits: list[Visit], vector: NDArray[np.float32], least: float) -> Visit | None:
    """Return the visit whose face looks most like an embedding; None if none does enough."""
    cosines = [visit.continuity.measure_cosine(vector) for visit in visits]
    return visits[int(np.argmax(cosines))] if cosines and max(cosines) > least else None
