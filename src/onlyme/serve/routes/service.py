"""Answer what the page says of the service itself: its tokens, and whether all parts work.

Only the page may ask: a token must not make further tokens, which could outlive it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from onlyme.serve.access.tokens import Scope, Tokens, parse_lifetime
from onlyme.serve.problems import ProblemError
from onlyme.serve.routes.shared import Here, Page, answer_json
from onlyme.storage.system import list_module_folders

__all__ = ["router"]

DOCTOR_SECONDS: Final = 120.0
"""Longest time for the examination; it loads every network."""


router = APIRouter(prefix="/v1/service", include_in_schema=False)


@router.get("/tokens")
async def list_tokens(service: Here, _: Page) -> Response:
    """List the tokens: what each allows, and until when."""
    tokens = await service.engine.run(lambda face_id: Tokens(face_id.admin).read_all())
    return answer_json([token.to_json() for token in tokens])


@router.post("/tokens")
async def create_token(
    service: Here,
    _: Page,
    name: Annotated[str, Query(max_length=400)],
    scope: Scope,
    expires: Annotated[str, Query(max_length=16)] = "90d",
) -> Response:
    """Make a token and return it; it cannot be shown again."""
    lifetime = parse_lifetime(expires)
    secret = await service.engine.run(
        lambda face_id: Tokens(face_id.admin).create(name, scope, lifetime)
    )
    return answer_json({"name": name, "token": secret}, 201)


@router.delete("/tokens")
async def revoke_token(
    service: Here, _: Page, name: Annotated[str, Query(max_length=400)]
) -> Response:
    """End a token; it is refused within a second."""
    await service.engine.run(lambda face_id: Tokens(face_id.admin).revoke(name))
    return answer_json({"name": name, "revoked": True})


@router.get("/doctor")
async def examine(service: Here, _: Page) -> Response:
    """Examine every part, as `onlyme doctor` does, in a process of its own."""
    words = ("-P", "-m", "onlyme", "doctor", "--json", "--vault", str(service.settings.vault))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": list_module_folders()},
    )
    try:
        async with asyncio.timeout(DOCTOR_SECONDS):
            printed, _error = await process.communicate()
        findings = json.loads(printed)
    except (TimeoutError, ValueError):
        raise ProblemError(
            503, "busy", "the examination did not end; run `onlyme doctor` in a terminal"
        ) from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return answer_json(findings)
