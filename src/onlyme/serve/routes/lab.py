"""Train the lab's ways in the page, watch with the network, keep or erase it, and open reports.

Only the page may ask. A network of the lab decides about nothing but what this view shows: it
opens nothing, so that no attempt is counted.
"""

from __future__ import annotations

from asyncio import to_thread
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from onlyme.errors import UsageError
from onlyme.serve.lab.child import ARTICLE_SIDE_PIXELS, WAYS, find_missing_packages
from onlyme.serve.lab.folders import erase_run, find_run, list_reports, list_runs, read_report
from onlyme.serve.routes.located import align_only_face, align_photos
from onlyme.serve.routes.shared import Here, Page, answer_json
from onlyme.serve.uploads.body import wait_until_gone
from onlyme.serve.uploads.pictures import Abandonment, label_photos

if TYPE_CHECKING:
    from onlyme import FaceID
    from onlyme.serve.state import ServiceState

__all__ = ["router"]

REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""A report shows its own styles and pictures; `sandbox` keeps it from the page's session."""

RunName = Annotated[str, Query(max_length=256, description="The name that a run is kept under.")]

router = APIRouter(prefix="/v1/service/lab", include_in_schema=False)


@router.get("")
async def show_lab(service: Here, _: Page) -> Response:
    """Return the training under way or trained, what can be trained, and what lies here."""
    return answer_json(await to_thread(_describe, service))


@router.post("")
async def train(
    request: Request,
    service: Here,
    _: Page,
    way: Annotated[str, Query(max_length=20)],
    alpha: Annotated[float, Query(ge=-1, le=1)] = 0.5,
) -> Response:
    """Train a way on photos of the owner and of others; what was trained before is erased."""
    _require_packages()
    if way not in WAYS:
        raise UsageError(f"no way is called {way!r}; known: {', '.join(WAYS)}")
    service.lab.require_free()  # before photos are read in vain
    limit, seconds = service.options.enroll_bytes, service.options.enroll_seconds
    async with service.uploads.receive(request, ("me", "not_me"), limit, seconds) as body:
        abandonment = Abandonment()

        def align(face_id: FaceID) -> dict[str, Any]:
            labelled = label_photos(face_id.pipeline.decode, body, abandonment)
            return {
                side: align_photos(face_id, labelled.get(side, ())) for side in ("me", "not_me")
            }

        faces = await service.engine.run(
            align,
            seconds=seconds,
            wait_until_gone=lambda: wait_until_gone(request),
            on_abandoned=abandonment.set,
        )
    task = {"way": way, "alpha": alpha} | faces
    await to_thread(service.lab.start, task, way=way, alpha=alpha)
    return answer_json(await to_thread(_describe, service), 202)


@router.delete("")
async def erase(service: Here, _: Page) -> Response:
    """Cancel the training, or erase the network; what was kept under a name stays."""
    await to_thread(service.lab.erase)
    return answer_json(await to_thread(_describe, service))


@router.post("/look")
async def look(request: Request, service: Here, _: Page) -> Response:
    """Score the one face of a picture with the trained network."""
    async with service.uploads.receive_one(request, "frame", service.options.body_bytes) as frame:
        box, face = await service.engine.run(
            lambda face_id: align_only_face(face_id, frame),
            wait_until_gone=lambda: wait_until_gone(request),
        )
    score = None if face is None else await to_thread(service.lab.ask, "score", face)
    return answer_json({"box": box, "score": score})


@router.put("/runs")
async def keep(service: Here, _: Page, name: RunName) -> Response:
    """Keep the trained network under a name, with the photos that it compares with."""
    folder = find_run(service.settings.vault, name)
    await to_thread(service.lab.ask, "keep", folder)
    service.lab.note(name=name)
    return answer_json({"name": name, "folder": str(folder)}, 201)


@router.post("/runs")
async def open_run(service: Here, _: Page, name: RunName) -> Response:
    """Load a run that was kept; what was trained before is erased unless it was kept."""
    _require_packages()
    folder = find_run(service.settings.vault, name)
    if name not in list_runs(service.settings.vault):
        raise UsageError(f"no run is kept under the name {name!r}")
    await to_thread(service.lab.start, {"folder": folder}, name=name)
    return answer_json(await to_thread(_describe, service), 202)


@router.delete("/runs")
async def forget_run(service: Here, _: Page, name: RunName) -> Response:
    """Erase a run that was kept."""
    await to_thread(erase_run, service.settings.vault, name)
    return answer_json({"name": name, "erased": True})


@router.get("/reports")
async def list_all_reports(service: Here, _: Page) -> Response:
    """List the reports of `evaluate` and `lab compare` in the folder that the service looks in."""
    folder = _find_reports_folder(service)
    found = await to_thread(list_reports, folder)
    return answer_json({"folder": str(folder), "reports": [asdict(one) for one in found]})


@router.get("/report")
async def show_report(
    service: Here, _: Page, path: Annotated[str, Query(max_length=1024)]
) -> Response:
    """Return a report as it was written, so that it can do nothing in the page's name."""
    page = await to_thread(read_report, _find_reports_folder(service), path)
    return Response(
        page, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY}
    )


def _require_packages() -> None:
    if missing := find_missing_packages():
        raise UsageError(missing)


def _find_reports_folder(service: ServiceState) -> Path:
    return service.options.reports or Path.cwd()


def _describe(service: ServiceState) -> dict[str, Any]:
    return service.lab.show() | {
        "missing": find_missing_packages(),
        "ways": WAYS,
        "article_side": ARTICLE_SIDE_PIXELS,
        "runs": list_runs(service.settings.vault),
        "runs_folder": str(find_run(service.settings.vault, "a").parent),
    }
