"""Follow all people before one camera, and tell who came, who that is and who left.

A person without a name who is out of view for some seconds continues the same visit, so that
turning away buys no new looks.

A known person who is lost for some seconds must be recognised anew, with liveness, by a visit with
looks of its own. Only if that finds the same name, both are one visit, which is told once: `known`
once, `left` once. That a person came is told once the verdict is another one or the known visit has
ended: after five seconds without a face that looks like its person, or half a minute without a
verdict. Where something opens, a known visit ends with its face, and each is an attempt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from onlyme.face.protocols import TrackingDetector
from onlyme.face.tracker import REJOIN_COSINE, SAME_PERSON_COSINE, Tracker
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
        gone = self._part_with_lost()
        gone += self._part_with_away(frame.at)
        in_view = []
        for track in self._tracker.tracks:
            visit = self._visits.get(track.id) or self._find_visit(track)
            if track.at == frame.at:
                visit.add(frame, track, self._rules)
            visit.face = track.face
            gone += self._join_known(visit)
            self._number(visit)
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

    def _list_claims(self, known: Visit) -> list[Visit]:
        """Return the visits that may continue a known one, as far as can be said."""
        visits = [*self._visits.values(), *self._away]
        return [one for one in visits if one.continues is known and not one.id]

    def _part(self, visit: Visit) -> list[Presence]:
        """End a visit; return what is still to be told of it, and that its person left."""
        visit.end()
        if not visit.id:  # a moment before a camera, which counts for the known visit
            return []
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
            known = [one for one in self._away if one not in waiting and not self._list_claims(one)]
            earlier = _find_alike(known, vector, SAME_PERSON_COSINE)
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

    def _number(self, visit: Visit) -> None:
        """Tell that a person came, unless that may be one who was here a moment ago."""
        is_open = visit.verdict is VisitVerdict.UNDECIDED and visit.continues in self._away
        if not visit.id and not is_open:
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
