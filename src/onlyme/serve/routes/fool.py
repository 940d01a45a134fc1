"""Answer the game in which a person tries to fool their own camera; only the page plays it.

A program with a token could try pictures without end here, since no try is counted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, WebSocket
from starlette.responses import Response

from onlyme.charts import make_rate
from onlyme.errors import UsageError
from onlyme.serve.access.auth import Caller, require_scope
from onlyme.serve.access.tokens import Scope
from onlyme.serve.live.fool import STAGES, describe_game, play_stage
from onlyme.serve.live.watch import choose_stricter
from onlyme.serve.routes.live import run_stream
from onlyme.serve.routes.shared import Here, Page, Person, answer_json, redact_for, require_page
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.serve.live.latest_frame import LatestFrame
    from onlyme.serve.live.stream import MessageSender

__all__ = ["router"]

router = APIRouter(prefix="/v1/service/fool-me", include_in_schema=False)


@router.get("")
async def list_attacks(_: Page) -> Response:
    """Return the stages of the game in their order."""
    return answer_json(describe_game())


@router.get("/rate")
async def show_rate(
    _: Page,
    count: Annotated[int, Query(ge=0, le=100_000)],
    total: Annotated[int, Query(ge=0, le=100_000)],
) -> Response:
    """Return a rate with its exact 95 % interval."""
    if count > total:
        raise UsageError("the count is at most the total")
    return answer_json(make_rate(count, total).to_dict())


@router.websocket("/{name}/watch")
async def play_stream(
    websocket: WebSocket,
    name: Person,
    service: Here,
    caller: Annotated[Caller, require_scope(Scope.ADMIN)],
    stage: Annotated[str, Query(max_length=16)],
) -> None:
    """Play one stage: receive JPEG frames, send observations, decisions and the counts."""
    require_page(caller)
    if stage not in STAGES:
        raise UsageError(f"the stages are {', '.join(sorted(STAGES))}")
    levels = choose_stricter(service.level, LivenessLevel.PASSIVE), service.attention

    def run_stage(face_id: FaceID, latest: LatestFrame, say: MessageSender) -> None:
        redact = partial(redact_for, caller=caller)
        play_stage(face_id, name, stage, levels, latest, say, redact)

    await run_stream(websocket, service, caller, run_stage)
