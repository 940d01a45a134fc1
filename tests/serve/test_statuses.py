"""Which status a route answers: each is documented, and one mistake has one status everywhere.

Beside these tests, `Running` in conftest.py checks the status of every answer that any test gets.
"""

import ast
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

import onlyme.serve
from onlyme.serve.app import choose_routers
from onlyme.serve.options import Options
from onlyme.serve.problems import KINDS, STATUS, make_slug

ADDRESS = {"name": "obama", "number": "1", "look": "hat", "image_id": "x.1"}
ADDRESS |= {"visit": "0", "group": "0"}
EVERYTHING = {"compreface": True, "embeddings": True}
FROM_A_STATUS = {"not-found", "method-not-allowed", "internal-server-error"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def running(served):
    """A service with all routes."""
    with served(**EVERYTHING) as server:
        yield server


def find_raised_problems():
    """Yield kind and status of every `ProblemError(status, kind, …)` in the source."""
    for path in Path(onlyme.serve.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ProblemError":
                status, kind = node.args[:2]
                if isinstance(kind, ast.Constant):
                    yield kind.value, status.value


def test_every_problem_that_is_raised_is_in_the_table():
    raised = set(find_raised_problems())
    assert len(raised) > 20
    assert raised == {(k, status) for k, (status, _) in KINDS.items() if k not in FROM_A_STATUS}


def test_no_kind_has_two_meanings():
    assert not set(KINDS) & {make_slug(error.__name__) for error in STATUS}


def test_every_status_is_named_with_its_kinds(running):
    document = running.service_document
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            assert "default" not in responses
            for status, answer in responses.items():
                is_problem = "$ref" in answer
                assert is_problem == (int(status) >= 400), (method, path, status)
    described = document["components"]["responses"]
    for kind, (status, _) in KINDS.items():
        if kind not in {"method-not-allowed"}:  # no route answers it
            assert f"`{kind}`" in described[str(status)]["description"]
    assert "HTTPValidationError" not in str(document)


def test_the_page_of_the_reference_names_every_kind():
    page = (Path(__file__).parents[2] / "docs/reference/rest.md").read_text("utf-8")
    for kind, (status, _) in KINDS.items():
        assert f"problem:{kind}` | {status} |" in page


def list_routes():
    routers = choose_routers(Options(**EVERYTHING))
    return [route for router in routers for route in router.routes if isinstance(route, APIRoute)]


@pytest.mark.parametrize("route", list_routes(), ids=lambda route: f"{route.methods} {route.path}")
def test_every_route_refuses_parameters_that_it_does_not_know(running, route):
    (method,) = route.methods
    path = route.path.format(**ADDRESS)
    client = running.client()
    answer = client.request(method, path, params={"no_such_parameter": "1"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "urn:onlyme:problem:unknown-parameter"
    assert "no_such_parameter" not in answer.text


def test_a_wrong_method_is_told_with_the_right_ones(running):
    for path in {route.path.format(**ADDRESS) for route in list_routes()}:
        fitting = [route for route in list_routes() if route.path_regex.match(path)]
        right = set().union(*(route.methods for route in fitting))
        for method in METHODS - right:
            answer = running.client().request(method, path)
            assert answer.status_code == 405, (method, path)
            allowed = set(answer.headers["Allow"].split(", "))
            assert right <= allowed, (method, path)
            assert method not in allowed
    assert running.client().get("/v1/no/such/route").status_code == 404
    assert running.client().get("/v1/names/obama/nothing").status_code == 404


def make_wrong_values(schema):
    """Yield values that a query parameter of this schema cannot have."""
    for each in schema.get("anyOf", [schema]):
        kind = each.get("type")
        if kind in {"integer", "number", "boolean"} or each.get("format") == "date-time":
            yield from ("x", "", "1;2", "\n", "１x")
        if kind == "integer":
            yield from ("1.5", "1e3", "9" * 5000)
        if kind == "number":
            yield from ("nan", "inf", "-inf", "1e999")
        if "minimum" in each:
            yield str(each["minimum"] - 1)
        if "maximum" in each:
            yield str(each["maximum"] + 1)
        if "maxLength" in each:
            yield "a" * (each["maxLength"] + 1)
        if "enum" in each or "pattern" in each:
            yield "é"


def test_every_wrong_query_has_one_status(running):
    """Whatever is wrong with a query: a type, a range, a repeated or a missing parameter."""
    asked = 0
    for path, operations in running.service_document["paths"].items():
        for method, operation in operations.items():
            for each in operation.get("parameters", ()):
                if each["in"] != "query":
                    continue
                wrong = [[(each["name"], value)] for value in make_wrong_values(each["schema"])]
                wrong.append([(each["name"], "1"), (each["name"], "1")])
                wrong += [[]] if each["required"] else []
                for params in wrong:
                    address = path.format(**ADDRESS)
                    answer = running.client().request(method, address, params=params)
                    assert answer.status_code == 400, (method, path, params, answer.text)
                    asked += 1
    assert asked > 100


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/audit?since=2026-01-01T00:00:00"),
        ("POST", "/v1/names/obama/verify?audience=app"),
        ("POST", "/v1/names/obama/tune?far=0.1&alpha=0.1"),
        ("POST", "/v1/names/obama/tune"),
        ("POST", "/v1/names/obama/tune?far=7"),
        ("POST", "/v1/names/obama/tune?far=0"),
        ("POST", "/v1/names/obama/tune?alpha=3"),
        ("POST", "/v1/names/obama/tune?preset=none"),
        ("POST", "/v1/names/obama/rename?to=%0A"),
        ("POST", "/v1/names/obama/rename?to="),
        ("POST", "/v1/names/obama/merge?other=%00"),
        ("POST", "/v1/names/obama/merge?other=obama"),
        ("DELETE", "/v1/names/obama/examples/0"),
        ("DELETE", "/v1/names/obama/examples/x"),
        ("GET", "/v1/names/%0A"),
    ],
)
def test_values_that_only_the_library_refuses_have_the_same_status(running, method, path):
    answer = running.client().request(method, path)
    assert answer.status_code == 400, answer.text
