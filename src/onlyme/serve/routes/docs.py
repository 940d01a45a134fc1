"""Show the API in a browser: Swagger UI over the service's own OpenAPI document.

Its files come from an installed package and are served from here, so that no browser asks another
site. The page needs a session or a token, as every other address does.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.responses import FileResponse, Response

from onlyme.errors import UsageError, explain_extra
from onlyme.serve.problems import convert_status

__all__ = ["find_swagger_ui", "make_router"]

_OWN: Final = Path(__file__).parents[1] / "api_docs"
_THEIRS: Final = ("swagger-ui.css", "swagger-ui-bundle.js")


def find_swagger_ui() -> Path:
    """Return the folder with Swagger UI's files. The package itself is not imported: it is Flask's.

    Raises:
        UsageError: it is not installed.
    """
    spec = find_spec("flask_swagger_ui")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if all((Path(folder) / "dist" / name).is_file() for name in _THEIRS):
            return Path(folder) / "dist"
    raise UsageError(f"the page about the API needs flask-swagger-ui; {explain_extra('swagger')}")


def make_router() -> APIRouter:
    """Return the routes of the page.

    Raises:
        UsageError: Swagger UI is not installed.
    """
    folder = find_swagger_ui()
    files = {"start.js": _OWN / "start.js"} | {name: folder / name for name in _THEIRS}
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def show_docs() -> Response:
        """Show the API."""
        return FileResponse(_OWN / "index.html")

    @router.get("/docs/{file}")
    async def load_file(file: Annotated[str, PathParameter(max_length=64)]) -> Response:
        """Return a file of the page."""
        if file not in files:
            raise convert_status(404)
        return FileResponse(files[file])

    return router
