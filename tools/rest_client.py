#!/usr/bin/env python3
"""Write the typed client `onlyme.serve.client` from the service's own OpenAPI document.

tools/rest_client.py            write documents.py and routes.py
tools/rest_client.py --check    check that the committed files are current (exit code 1: not)
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onlyme.serve import schemas
from onlyme.serve.app import create_app
from onlyme.serve.options import Options
from onlyme.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).resolve().parent.parent / "src/onlyme/serve/client"
DOCUMENT = create_app(Settings.load(vault="/nowhere"), Options(embeddings=True)).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
FIRST = {model.__name__ for model in schemas.DOCUMENTS}
FIRST |= {name for each in schemas.DOCUMENTS for name in each.model_json_schema().get("$defs", ())}
"""Documents about people; the others are in a module of their own, so that none is long."""

BY = "tools/rest_client.py from the service's OpenAPI document; do not edit."
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
NAMES = {"put": "replace", "audit": "list_audit", "report_health": "check_health"}
"""Methods that have a better name than the function behind their route."""

DOCUMENTS_HEAD = f'''"""The JSON documents of the REST service, as types.

Written by {BY}
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''

OTHERS_HEAD = f'''"""The JSON documents about faces, events and assertions.

Written by {BY}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from onlyme.serve.client.documents import {{names}}
'''

ROUTES_HEAD = f'''"""The routes of the REST service, as methods.

Written by {BY}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.serve.client.transport import Transport, encode_part

if TYPE_CHECKING:
    from onlyme.serve.client import documents, other_documents
    from onlyme.serve.client.transport import Pictures

__all__ = ["Client"]


class Client(Transport):
    """A service; each method is one of its routes, and may raise `RefusedError`.

    Which token a method needs is in docs/reference/rest.md; a token that may see less gets the
    shorter of the documents that a method can return.
    """
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    first = {name: each for name, each in SCHEMAS.items() if name in FIRST}
    second = {name: each for name, each in SCHEMAS.items() if name not in FIRST}
    shared = sorted(map(label, set(find_references(second)) & FIRST))
    head = OTHERS_HEAD.format(names=", ".join(shared))
    files = {
        "documents.py": DOCUMENTS_HEAD + write_documents(first),
        "other_documents.py": head + write_documents(second),
        "routes.py": write_routes(DOCUMENT),
    }
    for name, text in files.items():
        formatted = format_code(text)
        path = FOLDER / name
        if check and (not path.exists() or path.read_text("utf-8") != formatted):
            print(f"{path} is not current; run `python tools/rest_client.py`", file=sys.stderr)
            return 1
        if not check:
            path.write_text(formatted, "utf-8")
    return 0


def format_code(text: str) -> str:
    """Return code as the project's tools write it, without imports that it does not need."""
    for words in (("check", "--fix", "--quiet", "--select", "F401,I"), ("format",)):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", "client.py", "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        text = done.stdout
    return text


def find_references(schema: Any) -> Iterator[str]:
    """Yield the names of the documents to which a schema refers."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield str(schema["$ref"].rpartition("/")[2])
        schema = list(schema.values())
    for each in schema if isinstance(schema, list) else ():
        yield from find_references(each)


def label(name: str) -> str:
    """Return the name of a type; classes of the service have the shorter one already."""
    return name if "enum" in SCHEMAS[name] else f"{name}Document"


def place_document(name: str) -> str:
    """Return how routes.py names a document."""
    return f"{'' if name in FIRST else 'other_'}documents.{label(name)}"


def write_documents(found: dict[str, Any]) -> str:
    """Return a type for each document."""
    parts = [""]
    for name, schema in found.items():
        about = (schema.get("description") or "A part of a document.").splitlines()[0]
        if "enum" in schema:
            values = ", ".join(f'"{value}"' for value in schema["enum"])
            parts.append(f'{name} = Literal[{values}]\n"""{about}"""\n')
            continue
        required = schema.get("required", ())
        fields = [
            f"{field}: {kind if field in required else f'NotRequired[{kind}]'}"
            for field, each in schema.get("properties", {}).items()
            for kind in [find_type(each)]
        ]
        lines = "".join(f"    {line}\n" for line in fields)
        parts.append(f'class {label(name)}(TypedDict):\n    """{about}"""\n\n{lines}\n')
    return "\n".join(parts)


def find_type(schema: dict[str, Any], place: Callable[[str], str] = label) -> str:
    """Return the type of a schema as Python writes it."""
    if "$ref" in schema:
        return place(str(schema["$ref"].rpartition("/")[2]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(find_type(each, place) for each in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(repr(value) for value in values)}]"
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items") or {"anyOf": schema.get("prefixItems", [{}])}
        return f"list[{find_type(items, place)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        inner = find_type(values, place) if isinstance(values, dict) else "Any"
        return f"dict[str, {inner}]"
    return PLAIN.get(str(kind), "Any")


def write_routes(document: dict[str, Any]) -> str:
    """Return the module with a method for each route."""
    return ROUTES_HEAD + "".join(
        write_method(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )


def write_method(method: str, path: str, operation: dict[str, Any]) -> str:
    """Return the method of one route, or two where `all` changes what is answered."""
    if not any(each["name"] == "all" for each in operation.get("parameters", ())):
        return write_one(method, path, operation)
    return "".join(write_one(method, path, operation, every=every) for every in (False, True))


def write_one(
    method: str, path: str, operation: dict[str, Any], *, every: bool | None = None
) -> str:
    """Return one method; `every` is the value of the parameter `all`, if the route has it."""
    own = operation["operationId"].removesuffix(f"{re.sub(r'[^A-Za-z0-9]', '_', path)}_{method}")
    parameters = operation.get("parameters", [])
    places = {each["name"]: find_type(each["schema"]) for each in parameters if is_in(each, "path")}
    words = [f"{name}: {places[name]}" for name in re.findall(r"{(\w+)}", path)]
    query = [each for each in parameters if is_in(each, "query") and each["name"] != "all"]
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("application/json", {}).get("schema", {})
    fields = list(form.get("properties", {}))
    for field in fields:
        needed = field in form["required"]
        words.append(f"{field}: Pictures" + ("" if needed else " | None = None"))
    words += [f"{each['name']}: str" for each in query if each["required"]]
    words += ["*"] * any(not each["required"] for each in query)
    words += [write_option(each) for each in query if not each["required"]]
    target = re.sub(r"{(\w+)}", r"{encode_part(\1)}", path)
    arguments = [f'"{method.upper()}"', f'{"f" * ("{" in path)}"{target}"']
    if query or fields:
        pairs = [f'"{each["name"]}": {each["name"]}' for each in query]
        pairs += ['"all": True'] * bool(every)
        arguments.append(f"{{{', '.join(pairs)}}}")
    if fields:
        pairs = (f'"{field}": {field}' for field in fields)
        arguments.append(f"{{{', '.join(pairs)}}}")
    kind = find_answer(operation)
    if every is not None:
        kinds = kind.split(" | ")
        kind = " | ".join(each for each in kinds if ("FoundFaces" in each) == every)
        own = "identify_faces" if every else own
    paragraphs = (textwrap.fill(each, 92) for each in operation["description"].split("\n\n"))
    about = textwrap.indent("\n\n".join(paragraphs), "        ").strip()
    end = "\n        " if "\n" in about else ""
    return (
        f"\n    def {NAMES.get(own, own)}(self, {', '.join(words)}) -> {kind}:\n"
        f'        """{about}{end}"""\n'
        f"        answer: {kind} = self.ask({', '.join(arguments)})\n        return answer\n"
    )


def is_in(parameter: dict[str, Any], place: str) -> bool:
    """Say whether a parameter stands in the path or in the query."""
    return bool(parameter["in"] == place)


def write_option(parameter: dict[str, Any]) -> str:
    """Return an optional argument; None leaves the default to the service."""
    kinds = find_type(parameter["schema"]).split(" | ")
    kind = " | ".join([each for each in kinds if each != "None"])
    kind = "str" if kind.startswith("Literal") else kind
    if kind == "bool":
        return f"{parameter['name']}: bool = False"
    return f"{parameter['name']}: {kind} | None = None"


def find_answer(operation: dict[str, Any]) -> str:
    """Return the type of what a route answers if all is well."""
    (answer,) = (each for status, each in operation["responses"].items() if status.startswith("2"))
    ((kind, content),) = answer["content"].items()
    if kind.startswith("image/"):
        return "bytes"
    return find_type(content["schema"], place_document) if kind == "application/json" else "str"


if __name__ == "__main__":
    sys.exit(main())
