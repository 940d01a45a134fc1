"""Watch all people before one camera or several: assemble what decides their visits."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError, check_callback
from onlyme.faceid.decide import open_source
from onlyme.faceid.events import convert_presence, convert_status
from onlyme.gate.admission import ANY_OWNER
from onlyme.image.feeds import CameraFeeds, CameraStatus
from onlyme.image.network import CameraAddress
from onlyme.types import LivenessLevel
from onlyme.verification.attempt import CaptureAbandoned
from onlyme.verification.levels import check_level
from onlyme.verification.visits import CameraVisits, VisitRules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from onlyme.enrollment.photos import Picture
    from onlyme.events.event import DoorEvent
    from onlyme.faceid.wiring import Parts
    from onlyme.types import Frame
    from onlyme.verification.visits import Presence

    Source = str | int | os.PathLike[str]
    Levels = LivenessLevel | str | Sequence[LivenessLevel | str]

__all__ = ["CameraStatus", "VisitPlan", "watch_people"]


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """How to watch all people; see `FaceID.watch_everybody`.

    Attributes:
        liveness: the level for all cameras, or one for each camera in their order.
        opens: whether something opens for a known person, so that the gate counts each visit.
        source: the name of the source, in place of that of the camera.
        on_status: called when a camera begins or ceases to give frames.
        on_event: called with each event of a visit before the visit is given, so that nothing
            happens that was not stored; and with each event of a camera.
        on_people: called with the people of each frame, and with those whose visits end with the
            watching.
    """

    liveness: Levels = LivenessLevel.PASSIVE
    opens: bool = False
    source: str | None = None
    on_status: Callable[[CameraStatus], None] | None = None
    on_event: Callable[[DoorEvent], object] | None = None
    on_people: Callable[[list[Presence]], object] | None = None

    def choose_levels(self, cameras: int) -> list[LivenessLevel]:
        """Return the level of each camera.

        Raises:
            UsageError: there is no such level, it cannot be used here, or there are more or fewer
                than cameras.
        """
        asked: Any = self.liveness
        several = isinstance(asked, Iterable) and not isinstance(asked, str)
        given = list(asked) if several else [asked] * cameras
        levels = [check_level(level) for level in given]
        if len(levels) != cameras:
            raise UsageError(
                f"{len(levels)} levels of liveness were given for {cameras} cameras; give one for "
                "all, or one for each"
            )
        if LivenessLevel.CHALLENGE in levels:
            raise UsageError(
                "a challenge asks one person to move; watch one person, or use the level passive"
            )
        if self.opens and LivenessLevel.OFF in levels:
            raise UsageError(
                "a printed photo would open: what opens for a known person needs the liveness "
                "level passive"
            )
        return levels

    def make_visits(self, parts: Parts, camera: str, level: LivenessLevel) -> CameraVisits:
        """Return what follows and decides the visits before one camera.

        The gate counts by camera: strangers before one do not close another. The count is not that
        of `FaceID.identify` or `watch` either.
        """
        begin = None
        if self.opens:
            begin = partial(parts.admin.gate.attempt, ANY_OWNER, f"door {camera}")
        judge = None if level is LivenessLevel.OFF else parts.judge()
        identify = parts.enrolled.identify_capture
        keeps = parts.settings.unknown_days > 0
        rules = VisitRules(camera, parts.pipeline(), identify, judge, level, begin, keeps)
        return CameraVisits(rules)

    def report(self, people: list[Presence], fpir: float) -> list[Presence]:
        """Call `on_event` for what changed, and `on_people`; return the same people."""
        if self.on_event is not None:
            for presence in people:
                event = convert_presence(presence, fpir=fpir, opens=self.opens)
                if event is not None:
                    self.on_event(event)
        if self.on_people is not None:
            self.on_people(people)
        return people

    def report_status(self, status: CameraStatus) -> None:
        """Call `on_status` and `on_event`."""
        if self.on_status is not None:
            self.on_status(status)
        if self.on_event is not None:
            self.on_event(convert_status(status))


def watch_people(
    source: Source | Sequence[Source] | Iterable[Frame | Picture], plan: VisitPlan, parts: Parts
) -> Generator[list[Presence], None, None]:
    """Yield for each frame the people in view of its camera, and those who have just left.

    Raises:
        CameraError: a camera of this computer cannot be used, or an address is wrong.
        UsageError: see `VisitPlan.choose_levels`.
        NotCalibrated: the calibration does not reach the rate among this many people.
    """
    check_callback("on_status", plan.on_status)
    check_callback("on_event", plan.on_event)
    check_callback("on_people", plan.on_people)
    parts.admin.store.names()  # a vault that was closed says so before a camera is opened
    cameras = _list_cameras(source)
    levels = plan.choose_levels(len(cameras) or 1)
    fpir = parts.settings.fpir
    if len(cameras) > 1 or any(isinstance(one, CameraAddress) for one in cameras):
        yield from _watch_cameras(cameras, levels, plan, parts)
        return
    with open_source(source) as (frames, is_camera, label):  # type: ignore[arg-type]  # one camera or frames
        if is_camera:
            plan.report_status(CameraStatus(plan.source or label, is_up=True))
        visits = plan.make_visits(parts, plan.source or label, levels[0])
        try:
            for frame in frames:
                yield plan.report(visits.see(frame), fpir)
            if rest := visits.end():
                yield plan.report(rest, fpir)
        except CaptureAbandoned:
            pass  # the client of a stream has left
        finally:
            plan.report(visits.end(), fpir)  # attempts are written down, however this ends


def _watch_cameras(
    cameras: list[Source | CameraAddress],
    levels: list[LivenessLevel],
    plan: VisitPlan,
    parts: Parts,
) -> Generator[list[Presence], None, None]:
    fpir = parts.settings.fpir
    with CameraFeeds(cameras, plan.report_status) as feeds:
        visits = [
            plan.make_visits(parts, label, level)
            for label, level in zip(feeds.labels, levels, strict=True)
        ]
        try:
            for number, frame in feeds:
                watched = visits[number]
                yield plan.report(watched.end() if frame is None else watched.see(frame), fpir)
            for each in visits:
                if rest := each.end():
                    yield plan.report(rest, fpir)
        finally:
            for each in visits:
                plan.report(each.end(), fpir)


def _list_cameras(
    source: Source | Sequence[Source] | Iterable[Frame | Picture],
) -> list[Source | CameraAddress]:
    """Return the cameras that were named; none where frames were given."""
    if isinstance(source, (str, int, os.PathLike)):
        return [_parse_camera(source)]
    if isinstance(source, (list, tuple)) and all(
        isinstance(each, (str, int, os.PathLike)) for each in source
    ):
        return [_parse_camera(each) for each in source]
    return []


def _parse_camera(source: Source) -> Source | CameraAddress:
    return (CameraAddress.parse(source) if isinstance(source, str) else None) or source
