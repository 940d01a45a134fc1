"""Describe in OpenAPI what FastAPI cannot find out itself: bodies, answers, problems, scopes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from onlyme.serve.access.refusal_page import COMPREFACE_PATH
from onlyme.serve.problems import PREFIX, list_kinds

__all__ = ["build_document", "describe_answer", "describe_pictures"]

_ALWAYS: Final = (400, 403, 421, 500, 503)
_WITH_TOKEN: Final = (401, 429, 504)
_WITH_NAME: Final = (404, 409, 422)
_WITH_BODY: Final = (408, 409, 413, 415, 422)

_PROBLEMS: Final = {*_ALWAYS, *_WITH_TOKEN, *_WITH_NAME, *_WITH_BODY}

_PICTURE = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}


def describe_answer(
    *models: type[BaseModel], status: int = 200, several: bool = False
) -> dict[str, Any]:
    """Return the arguments of a route that answers one of these documents, or a list of them."""
    schemas = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in models]
    schema: dict[str, Any] = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if several:
        schema = {"type": "array", "items": schema}
    content = {"application/json": {"schema": schema}}
    responses = {status: {"description": models[0].__doc__, "content": content}}
    return {"status_code": status, "responses": responses, "response_model": None}


def describe_pictures(*required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the description of a body: pictures as multipart, as JSON, or one of them raw.

    Args:
        required: the fields that must be there.
        optional: further fields.
    """
    content: dict[str, Any] = {}
    for kind, one in (("multipart/form-data", _PICTURE), ("application/json", _BASE64)):
        several: dict[str, Any] = {"type": "array", "items": one}
        needed: dict[str, Any] = several | {"minItems": 1}
        if kind == "application/json":
            several, needed = ({"anyOf": [one, many]} for many in (several, needed))
        form = {
            "type": "object",
            "properties": dict.fromkeys(required, needed) | dict.fromkeys(optional, several),
            "required": list(required),
            "additionalProperties": False,
        }
        content[kind] = {"schema": form}
    one_is_enough = len(required) == 1
    for kind in ("image/jpeg", "image/png", "application/octet-stream") if one_is_enough else ():
        content[kind] = {"schema": _PICTURE}
    return {"requestBody": {"required": True, "content": content}}


def build_document(
    app: FastAPI, routers: Iterable[APIRouter], models: Iterable[type[BaseModel]]
) -> dict[str, Any]:
    """Return the OpenAPI document of an application.

    Args:
        app: the application.
        routers: its routers, which tell the scope that each route needs.
        models: the documents that routes refer to.
    """
    document = get_openapi(
        title="onlyme",
        version=app.version,
        summary="Face verification that accepts its owner only.",
        description=(
            "Pictures are sent as bodies, never as a path, an address or an embedding. Every "
            "request except `/v1/health` needs a token: `Authorization: Bearer …`."
        ),
        routes=app.routes,
    )
    components: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        components |= schema.pop("$defs", {})
        components[model.__name__] = schema
    document["components"] = {
        "schemas": dict(sorted(components.items())),
        "responses": {str(status): _describe_problem(status) for status in sorted(_PROBLEMS)},
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    }
    document["security"] = [{"token": []}]
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                operations = document["paths"][route.path]
                for method in route.methods or ():
                    operation = operations[method.lower()]
                    operation["security"] = _find_security(route)
                    _add_problems(operation, route.path)
    return document


def _add_problems(operation: dict[str, Any], path: str) -> None:
    """Add the statuses with which a route may refuse or fail."""
    statuses = {
        *_ALWAYS,
        *(_WITH_TOKEN if operation["security"] else ()),
        *(_WITH_NAME if "{" in path else ()),
        *(_WITH_BODY if "requestBody" in operation else ()),
    }
    operation["responses"].pop("422", None)  # FastAPI's own, which this service does not send
    for status in statuses:
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _describe_problem(status: int) -> dict[str, Any]:
    kinds = ", ".join(f"`{kind}`" for kind in list_kinds(status))
    return {
        "description": f"{HTTPStatus(status).phrase}: a problem (RFC 9457). The end of its "
        f"`type`, after `{PREFIX}`, is one of {kinds}.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }


def _find_security(route: APIRoute) -> list[dict[str, list[str]]]:
    """Return the scope that a route needs; an empty list for an open route."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    scopes = [str(scope) for call in calls if (scope := getattr(call, "scope", None))]
    ways = ("token", "key") if route.path.startswith(COMPREFACE_PATH) else ("token",)
    return [{way: [scope]} for scope in scopes for way in ways]
