#!/usr/bin/env python3
"""Write docs/reference/rest.md from the service's own OpenAPI document.

tools/rest_reference.py            write the page
tools/rest_reference.py --check    check that the committed page is current (exit code 1: it is not)
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlyme.serve.access.tokens import Scope
from onlyme.serve.app import create_app
from onlyme.serve.options import Options
from onlyme.serve.problems import KINDS, PREFIX, STATUS, make_slug
from onlyme.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYTHING = Options(compreface=True, embeddings=True)
PAGE = Path(__file__).resolve().parent.parent / "docs/reference/rest.md"
HEAD = """\
<!-- Written by tools/rest_reference.py from the service's OpenAPI document; do not edit. -->
# REST

`onlyme serve` answers these requests; `/v1/openapi.json` describes them for programs. How to run it
and how to make tokens: [Serve the page and the API](../how-to/serve.md).

Every request except `/v1/health` needs a token: `Authorization: Bearer …`. Pictures are the body of
a request: one or several as `multipart/form-data`; or in base64 as `application/json`, such as
`{"frame": "…"}` or `{"me": ["…", "…"]}`; or one alone as `image/jpeg`, `image/png` or
`application/octet-stream`. The limits are the same for each, and count the bytes of the body. There
is no field for a path, an address or an embedding. A name is one
segment of the path, percent-encoded (a slash as `%2F`). Browsers and many clients take `.` and `..`
out of a path: put a space, which is dropped, before such a name (`%20..`). JSON answers are the
documents that the [command line](json.md) prints.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = write_page(create_app(Settings.load(vault="/nowhere"), EVERYTHING).openapi())
    if not check:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE} is not current; run `python tools/rest_reference.py`", file=sys.stderr)
    return 1


def write_page(document: dict[str, Any]) -> str:
    """Return the whole page."""
    parts = [HEAD]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(describe_route(method, path, operation))
    parts.append(list_problems())
    parts.append("\n## Documents\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append(describe_document(name, schema))
    return "".join(parts)


def describe_route(method: str, path: str, operation: dict[str, Any]) -> str:
    """Describe one route."""
    parts = [f"\n## {method.upper()} {path}\n\n{operation.get('description', '')}\n"]
    scopes = [scope for each in operation.get("security", ()) for scope in each.get("token", ())]
    for scope in scopes:
        enough = " or ".join(f"`{each}`" for each in Scope if each.grants(Scope(scope)))
        parts.append(f"\nToken for {enough}.\n")
    parameters = [p for p in operation.get("parameters", []) if p["in"] == "query"]
    if parameters:
        parts.append("\n| query | | |\n|---|---|---|\n")
        parts += [describe_parameter(each) for each in parameters]
    if "requestBody" in operation:
        parts.append(f"\nBody: {describe_body(operation['requestBody']['content'])}.\n")
    problems = [status for status, answer in operation["responses"].items() if "$ref" in answer]
    for status, answer in operation["responses"].items():
        if status not in problems:
            parts.append(f"\n{status}: {name_documents(answer)}\n")
    parts.append(f"\n[Problems](#problems): {', '.join(problems)}.\n")
    return "".join(parts)


def describe_body(content: dict[str, Any]) -> str:
    """Return what the body of a request is."""
    if "multipart/form-data" not in content:
        schema = content["application/json"]["schema"]
        return f"JSON, {name_documents({'content': content}) if '$ref' in schema else 'a list'}"
    form = content["multipart/form-data"]["schema"]
    fields = [
        f"`{name}`" + ("" if name in form["required"] else " (optional)")
        for name in form["properties"]
    ]
    return f"pictures in the {'field' if len(fields) == 1 else 'fields'} {', '.join(fields)}"


def describe_parameter(each: dict[str, Any]) -> str:
    """Return one row of the table of query parameters."""
    schema = each["schema"]
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    kind = kinds[0].get("format") or kinds[0].get("type", "")
    return f"| `{each['name']}` | {kind} | {each.get('description', '')} |\n"


def name_documents(answer: dict[str, Any]) -> str:
    """Return links to the documents of an answer."""
    schemas = [each.get("schema", {}) for each in answer.get("content", {}).values()]
    names = [name for schema in schemas for name in find_references(schema)]
    links = " or ".join(f"[{name}](#{name.lower()})" for name in names)
    several = any(schema.get("type") == "array" for schema in schemas)
    return f"{'a list of ' if several else ''}{links or answer['description']}"


def find_references(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the documents that a schema refers to."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    for each in (*schema.get("anyOf", ()), schema.get("items", {})):
        if each:
            yield from find_references(each)


def describe_document(name: str, schema: dict[str, Any]) -> str:
    """Describe one document: its fields, and an example."""
    parts = [f"\n### {name}\n\n{schema.get('description', '')}\n"]
    if "enum" in schema:
        parts.append("\n" + ", ".join(f"`{value}`" for value in schema["enum"]) + "\n")
    for example in schema.get("examples", ()):
        text = json.dumps(example, indent=2, ensure_ascii=False)
        parts.append(f"\n```json\n{text}\n```\n")
    if "examples" not in schema and "properties" in schema:
        parts.append("\nFields: " + ", ".join(f"`{each}`" for each in schema["properties"]) + "\n")
    return "".join(parts)


def list_problems() -> str:
    """Return the table of problems."""
    own = [(kind, status, summary) for kind, (status, summary) in KINDS.items()]
    errors = [
        (make_slug(error.__name__), status, summary)
        for error, status in STATUS.items()
        for summary in (error.__doc__ or "").splitlines()[:1]
    ]
    rows = "".join(
        f"| `{PREFIX}{kind}` | {status} | {summary} |\n"
        for kind, status, summary in sorted(own, key=lambda row: row[1]) + errors
    )
    return (
        "\n## Problems\n\nA request that is refused or fails is answered with a "
        "[Problem](#problem) (RFC 9457, `application/problem+json`). A query that is wrong in any "
        "way is answered with 400, pictures that cannot be used with 422. First the problems of "
        "the service itself, then those that the errors of the [library](errors.md) become."
        "\n\n| type | status | |\n|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    sys.exit(main())
