"""Answer with what happened at the doors: by page, and as a table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from onlyme.errors import UsageError
from onlyme.events.event import EventKind
from onlyme.faceid.serialize import defuse_formulas
from onlyme.serve import event_schemas
from onlyme.serve.access.auth import require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.openapi import describe_answer
from onlyme.serve.routes.shared import Here, answer_json
from onlyme.types import checked_name

if TYPE_CHECKING:
    from onlyme import FaceID

__all__ = ["router"]

router = APIRouter(prefix="/v1/events", dependencies=[require_scope(Scope.ADMIN)])

MAX_ROWS = 100_000
"""Rows of a table; the newest are sent."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for."""

    since: datetime | None
    until: datetime | None
    person: str | None
    camera: str | None
    kind: str | None

    def read(
        self, face_id: FaceID, limit: int, before: tuple[int, int] | None = None
    ) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
        """Return the newest of these events, and where the next page begins."""

        def keep(event: Any) -> bool:
            return (
                (self.kind is None or event.event == self.kind)
                and (self.camera is None or event.camera == self.camera)
                and (self.person is None or self.person in (event.name, *event.names))
            )

        with face_id.open_events() as events:
            events.purge()
            found, following = events.read_newest(limit, keep, self.since, self.until, before)
        return [event.to_document() for event in found], following


def _read_filter(
    since: Annotated[datetime | None, Query(description="A time with time zone.")] = None,
    until: Annotated[datetime | None, Query(description="A time with time zone.")] = None,
    person: Annotated[
        str | None, Query(description="Only events that name this person.", max_length=400)
    ] = None,
    camera: Annotated[
        str | None, Query(description="Only events of this camera.", max_length=400)
    ] = None,
    kind: Annotated[EventKind | None, Query(description="Only events of this kind.")] = None,
) -> Filter:
    if any(when is not None and when.tzinfo is None for when in (since, until)):
        raise UsageError("give times with a time zone, such as 2026-11-24T12:00:00Z")
    name = None if person is None else checked_name(person)
    return Filter(since, until, name, camera, kind)


Wanted = Annotated[Filter, Depends(_read_filter)]


@router.get("", **describe_answer(event_schemas.EventPage))
async def list_events(
    service: Here,
    wanted: Wanted,
    before: Annotated[
        str | None,
        Query(
            description="Where the page begins: `next` of the page before.",
            pattern=r"^\d{1,18}-\d{1,18}$",
        ),
    ] = None,
    limit: Annotated[int, Query(description="Number of events.", ge=1, le=1000)] = 50,
) -> Response:
    """List what happened at the doors, the newest event first.

    Events are stored for as long as the setting `events_days` says. No picture is stored.
    """
    at, _, number = (before or "").partition("-")
    place = (int(at), int(number)) if before else None
    found, following = await service.engine.run(lambda face_id: wanted.read(face_id, limit, place))
    place_text = None if following is None else f"{following[0]}-{following[1]}"
    return answer_json({"events": found, "next": place_text})


@router.get(
    "/table",
    response_class=Response,
    responses={
        200: {
            "description": "One row an event, as `onlyme events --csv` prints it.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
    },
)
async def export_events(service: Here, wanted: Wanted) -> Response:
    """Return the events as a table (CSV), the oldest first; at most the newest 100,000."""
    found, _ = await service.engine.run(
        lambda face_id: wanted.read(face_id, MAX_ROWS), seconds=service.options.enroll_seconds
    )
    table = io.StringIO()
    writer = csv.DictWriter(table, list(event_schemas.EventRecord.model_fields))
    writer.writeheader()
    for event in reversed(found):
        writer.writerow(defuse_formulas(event | {"names": " or ".join(event["names"])}))
    headers = {"Content-Disposition": 'attachment; filename="onlyme-events.csv"'}
    return Response(table.getvalue(), headers=headers, media_type="text/csv")
